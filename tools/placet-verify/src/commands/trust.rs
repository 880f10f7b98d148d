//! `trust show`, `trust check`, `trust diff`: the file that every verdict is worth.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use placet_proto::cose_key::PublicKey;
use placet_proto::kind::LogRole;
use placet_proto::time::UnixSeconds;
use placet_proto::tlog::Policy;
use placet_proto::trust::{TrustFile, TrustedLog};
use placet_proto::{b64, words};
use placet_verifier::{checks, crypto};

use crate::cli::{Trust, TrustDiff, TrustFileArgs};
use crate::error::Failure;
use crate::escape;
use crate::exit::Exit;
use crate::output::Output;
use crate::text;
use crate::trust::{self, GivenTrust, WORTH};

/// Runs one of the three.
///
/// # Errors
/// What can't be read.
pub fn run(command: &Trust, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Trust::Show(args) => show(args, output),
        Trust::Check(args) => check(args, output),
        Trust::Diff(args) => diff(args, output),
    }
}

fn show(args: &TrustFileArgs, output: &mut Output) -> Result<Exit, Failure> {
    let given = GivenTrust::read(&args.file)?;
    let mut text = head(&given);
    for fact in facts(&given.file) {
        let _ = writeln!(text, "  {fact}");
    }
    output.result(&text)?;
    Ok(Exit::Passed)
}

fn check(args: &TrustFileArgs, output: &mut Output) -> Result<Exit, Failure> {
    let given = GivenTrust::read(&args.file)?;
    let as_of = trust::as_of(args.as_of);
    let errors = errors(&given.file);
    let expired = given.file.expires.is_some_and(|t| t <= as_of);
    let (exit, code) = match (errors.is_empty(), expired) {
        (false, _) => (Exit::Malformed, "  [trust.rule]"),
        (true, true) => (Exit::Indeterminate, "  [trust.expired]"),
        (true, false) => (Exit::Passed, ""),
    };
    let mut text = format!("{}  {}{code}\n", text::word(exit), given.path);
    for error in errors {
        let _ = writeln!(text, "  wrong: {error}");
    }
    for warning in warnings(&given.file, as_of) {
        let _ = writeln!(text, "  note: {warning}");
    }
    let _ = writeln!(text, "  sha256 {}, {}, as of {as_of}", given.sha256, given.expiry());
    let _ = writeln!(text, "  {WORTH}");
    output.result(&text)?;
    Ok(exit)
}

fn diff(args: &TrustDiff, output: &mut Output) -> Result<Exit, Failure> {
    let (old, new) = (GivenTrust::read(&args.old)?, GivenTrust::read(&args.new)?);
    let (before, after) = (facts(&old.file), facts(&new.file));
    let mut text = format!("- {}\n    sha256 {}\n", old.path, old.sha256);
    let _ = writeln!(text, "+ {}\n    sha256 {}", new.path, new.sha256);
    for gone in before.difference(&after) {
        let _ = writeln!(text, "- {gone}");
    }
    for added in after.difference(&before) {
        let _ = writeln!(text, "+ {added}");
    }
    let same = before == after;
    text.push_str(if same { "The same in meaning.\n" } else { "They differ in meaning.\n" });
    output.result(&text)?;
    Ok(if same { Exit::Passed } else { Exit::Failed })
}

fn head(given: &GivenTrust) -> String {
    let (path, sha256, expiry) = (&given.path, &given.sha256, given.expiry());
    format!("{path}\n  sha256 {sha256}, {expiry}\n  {WORTH}\n")
}

/// Every statement that the file makes, one a line, in an order that does not depend on the file's.
fn facts(file: &TrustFile) -> BTreeSet<String> {
    let mut facts = BTreeSet::new();
    let mut fact = |text: String| {
        facts.insert(escape::line(&text));
    };
    for log in &file.logs {
        let (origin, role) = (&log.origin, log.role.name());
        fact(format!("log {origin} ({role}): genesis {}", grouped(&log.genesis)));
        for key in &log.keys {
            let until = key.until_size.map_or_else(|| "on".to_owned(), |u| format!("to {u}"));
            let kinds = match (&key.kinds, &key.audience) {
                (kinds, _) if kinds.is_empty() => String::new(),
                (kinds, None) => format!(", may issue {}", sorted(kinds)),
                (kinds, Some(audience)) => {
                    format!(", may issue {} for {audience} only", sorted(kinds))
                }
            };
            let purpose = key.purpose.name();
            let from = key.from_size;
            let print = fingerprint(&key.public_key);
            fact(format!("log {origin}: {purpose} key {print} from {from} {until}{kinds}"));
        }
        for line in witness_facts(log) {
            fact(format!("log {origin}: {line}"));
        }
    }
    for root in &file.roots {
        let name = root.name.as_deref().unwrap_or("without a name");
        let spoken = spoken(&root.public_key);
        fact(format!("root {}{spoken}: {name}", fingerprint(&root.public_key)));
    }
    for (what, list) in [
        ("RP id", &file.rp_ids),
        ("origin", &file.origins),
        ("time authority", &file.time_authorities),
        ("required check", &file.require),
    ] {
        list.iter().for_each(|item| fact(format!("{what} {item}")));
    }
    fact(format!("development ledgers: {}", if file.allow_dev { "ALLOWED" } else { "refused" }));
    for root in &file.attestation_roots {
        fact(format!("attestation root {}", b64::encode_hex(placet_proto::sha256(root))));
    }
    let expires = file.expires.map_or_else(|| "never".to_owned(), |t| t.to_string());
    fact(format!("expires: {expires}"));
    facts
}

/// A witness policy by what it means: keys, groups and quorum, without comments and blanks.
fn witness_facts(log: &TrustedLog) -> Vec<String> {
    let own = |name: &str, vkey: &str| {
        let key_name = vkey.split('+').next().unwrap_or_default();
        log.operated_by_self.iter().any(|own| own == name || own == key_name)
    };
    let lines = log.witness_policy.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["witness", name, vkey, ..] if own(name, vkey) => {
                format!("{} (operated by the log's operator)", words.join(" "))
            }
            _ => words.join(" "),
        }
    });
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

fn sorted(list: &[String]) -> String {
    let mut list: Vec<&str> = list.iter().map(String::as_str).collect();
    list.sort_unstable();
    list.join(" ")
}

/// Algorithm and RFC 9679 thumbprint, for comparing by eye or aloud.
fn fingerprint(cose_key: &[u8]) -> String {
    match PublicKey::from_cose(cose_key) {
        Ok(key) => format!("{} {}", key.algorithm().name(), grouped(&key.thumbprint())),
        Err(_) => format!("unreadable {}", grouped(&placet_proto::sha256(cose_key))),
    }
}

/// The words that a person compares with the key's owner; a key that can't be read has none.
fn spoken(cose_key: &[u8]) -> String {
    let key = PublicKey::from_cose(cose_key);
    key.map(|k| format!(" \"{}\"", words::fingerprint(&k.thumbprint()))).unwrap_or_default()
}

/// 32 bytes as sixteen groups of four hexadecimal digits.
fn grouped(hash: &[u8; 32]) -> String {
    let groups: Vec<String> = hash.chunks(2).map(b64::encode_hex).collect();
    groups.join(" ")
}

/// What makes the file unusable although it parses.
fn errors(file: &TrustFile) -> Vec<String> {
    let mut errors = Vec::new();
    for log in &file.logs {
        let origin = escape::line(&log.origin);
        for key in &log.keys {
            if let Err(e) = crypto::parse_cose_key(&key.public_key) {
                errors.push(format!("{origin}: {} key: {e}", key.purpose.name()));
            }
        }
        match Policy::parse(log.witness_policy.as_bytes()) {
            Err(e) => {
                errors.push(format!("{origin}: witness policy: {}", escape::line(&e.to_string())))
            }
            Ok(policy) if !policy.logs().is_empty() => {
                errors.push(format!("{origin}: the witness policy has log lines"));
            }
            Ok(_) => {}
        }
    }
    for root in &file.roots {
        if let Err(e) = crypto::parse_cose_key(&root.public_key) {
            errors.push(format!("root: {e}"));
        }
    }
    for id in &file.require {
        if !checks().any(|(known, _)| known == id) {
            errors.push(format!("no check is called {}", escape::line(id)));
        }
    }
    errors
}

/// What is allowed but worth knowing.
fn warnings(file: &TrustFile, as_of: UnixSeconds) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |holds: bool, text: String| {
        if holds {
            warnings.push(text);
        }
    };
    for role in [LogRole::Main, LogRole::Gov] {
        let absent = !file.logs.iter().any(|log| log.role == role);
        warn(absent, format!("no log has the role {}; no bundle can pass", role.name()));
    }
    for log in &file.logs {
        let origin = escape::line(&log.origin);
        let Ok(policy) = Policy::parse(log.witness_policy.as_bytes()) else { continue };
        warn(
            policy.is_none(),
            format!("{origin}: no witnesses are asked for; time is not checked"),
        );
        let own = policy.witnesses().iter().all(|witness| {
            let name = String::from_utf8_lossy(&witness.name);
            log.operated_by_self.iter().any(|own| *own == name || own == witness.key.name())
        });
        let only_own = own && !policy.is_none();
        warn(only_own, format!("{origin}: every witness is run by the operator of the log"));
    }
    warn(file.roots.is_empty(), "no roots: every lineage is the operator's word".to_owned());
    warn(file.allow_dev, "development ledgers and software keys are allowed".to_owned());
    warn(file.expires.is_none(), "the file never expires".to_owned());
    let soon = as_of.checked_add(30 * 86_400);
    let near = file.expires.is_some_and(|t| t > as_of && soon.is_some_and(|soon| t < soon));
    warn(near, "the file expires within 30 days".to_owned());
    warnings
}

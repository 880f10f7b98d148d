//! `trust`: what the user of a verifier decides to trust. Nothing is decided here for anybody.

use std::path::Path;

use placet_ledger::service::{names_key, standing};
use placet_proto::document::Enrolment;
use placet_proto::trust::{MAX_TRUST, Root, TrustFile};
use placet_proto::{b64, sha256, words};
use serde::Serialize;

use crate::cli::{Trust, TrustExport};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder::{self, Folder};
use crate::output::{Output, Shown, confirmed};
use crate::trust;

/// Writes a trust file.
///
/// # Errors
/// Those of the folder and of writing; `person.unknown`, `trust.conflict`.
pub fn run(command: &Trust, output: &mut Output) -> Result<Exit, Failure> {
    let Trust::Export(args) = command;
    output.show(&export(args)?)?;
    Ok(Exit::Done)
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Exported {
    schema: &'static str,
    path: String,
    sha256: String,
    allow_dev: bool,
    roots: Vec<Fingerprint>,
    not_roots: Vec<Fingerprint>,
}

/// A passkey and the fingerprint of its public key, to be compared out of band.
#[derive(Debug, Serialize)]
struct Fingerprint {
    /// The thumbprint (RFC 9679), by which commands name the key.
    key: String,
    person: Option<String>,
    /// The same in words, as far as people compare it.
    words: String,
}

impl Fingerprint {
    fn of(enrolment: &Enrolment) -> Self {
        Self { person: Some(enrolment.person.clone()), ..Self::of_key(&enrolment.public_key) }
    }

    fn of_key(public_key: &[u8]) -> Self {
        let thumbprint = standing::thumbprint(public_key);
        let words = words::fingerprint(&thumbprint);
        Self { key: b64::encode_hex(thumbprint), person: None, words }
    }
}

/// Makes the file, or adds to it.
///
/// # Errors
/// As [`run`].
pub fn export(args: &TrustExport) -> Result<Exported, Failure> {
    let folder = Folder::open(&args.dir)?;
    let enrolled: Vec<Enrolment> = folder.enrolments()?.into_iter().map(|(_, e)| e).collect();
    let mut roots = Vec::new();
    for named in &args.root {
        let key = named_key(&enrolled, named)?;
        confirm(key, args.yes)?;
        roots.push(Root { public_key: key.public_key.clone(), name: None });
    }
    let new = trust::of_folder(&folder, roots, args.allow_dev)?;
    let file = write(&args.out, new)?;
    let bytes = file.encode();
    let is_root = |key: &[u8]| file.roots.iter().any(|r| r.public_key == key);
    let of_other_ledgers =
        file.roots.iter().filter(|r| !enrolled.iter().any(|e| e.public_key == r.public_key));
    let (yes, no): (Vec<_>, Vec<_>) = enrolled.iter().partition(|e| is_root(&e.public_key));
    Ok(Exported {
        schema: "placet/trust-export/v1",
        path: args.out.display().to_string(),
        sha256: b64::encode_hex(sha256(&bytes)),
        allow_dev: file.allow_dev,
        roots: yes
            .into_iter()
            .map(Fingerprint::of)
            .chain(of_other_ledgers.map(|r| Fingerprint::of_key(&r.public_key)))
            .collect(),
        not_roots: no.into_iter().map(Fingerprint::of).collect(),
    })
}

/// Writes a trust file; one that exists is added to.
///
/// # Errors
/// `io.error`, `trust.conflict`, and those of reading the file that exists.
pub fn write(path: &Path, new: TrustFile) -> Result<TrustFile, Failure> {
    let file = match path.exists() {
        true => {
            let bytes = folder::read(path, MAX_TRUST as u64)?;
            let old = TrustFile::parse(&bytes).map_err(|e| Failure::proto(path, &e))?;
            trust::add(old, new)?
        }
        false => new,
    };
    let bytes = file.encode();
    // What a verifier would refuse is not written.
    TrustFile::parse(&bytes).map_err(|e| Failure::proto(path, &e))?;
    folder::write(path, &bytes)?;
    Ok(file)
}

/// The enrolled key that is named by its thumbprint, the beginning of that, or its words.
fn named_key<'a>(enrolled: &'a [Enrolment], named: &str) -> Result<&'a Enrolment, Failure> {
    let names = |e: &&Enrolment| names_key(named, &standing::thumbprint(&e.public_key));
    let mut found = enrolled.iter().filter(names);
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        (None, _) => {
            let detail = format!("no enrolled key has a thumbprint that begins with {named:?}");
            Err(Failure::refused("person.unknown", detail))
        }
        _ => {
            Err(Failure::refused("person.ambiguous", format!("several keys begin with {named:?}")))
        }
    }
}

/// A root is what its user has confirmed, and nothing else.
fn confirm(key: &Enrolment, yes: bool) -> Result<(), Failure> {
    let words = words::fingerprint(&standing::thumbprint(&key.public_key));
    let question = format!(
        "Person {}\n  {words}\nDid the owner of this passkey say these six words to you, by \
         another way than this ledger? [y/N] ",
        key.person
    );
    match yes || confirmed(&question)? {
        true => Ok(()),
        false => Err(Failure::refused("trust.declined", "nothing was written")),
    }
}

impl Shown for Exported {
    fn text(&self) -> String {
        let mut out = format!("Wrote {}\n  sha256 {}\n", self.path, self.sha256);
        if self.allow_dev {
            out.push_str(
                "  allows evidence of development ledgers, which is evidence of nothing\n",
            );
        }
        let line = |f: &Fingerprint| {
            let who = f.person.as_deref().unwrap_or("of another ledger");
            format!("  {}\n    key     {}\n    person  {who}\n", f.words, f.key)
        };
        if self.roots.is_empty() {
            out.push_str("No roots: nobody's approval can pass with this file.\n");
        } else {
            out.push_str("Roots. Compare the six words of each with its owner, by another way:\n");
            self.roots.iter().for_each(|f| out.push_str(&line(f)));
        }
        if !self.not_roots.is_empty() {
            out.push_str("Enrolled, and no roots (--root KEY makes one):\n");
            self.not_roots.iter().for_each(|f| out.push_str(&line(f)));
        }
        out.push_str(
            "A verdict is worth what this file is: whoever uses it has to decide on it.\n",
        );
        out
    }
}

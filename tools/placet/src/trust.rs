//! Trust files from a ledger's folder, and adding to one without losing what it says.

use placet_ledger::LogId;
use placet_ledger::service::witnesses::policy_text;
use placet_ledger::service::{Facts, TrustChoices};
use placet_ledger::witness::CosignerKey;
use placet_proto::tlog::Policy;
use placet_proto::trust::{Root, TrustFile, TrustedKey, TrustedLog};

use crate::error::Failure;
use crate::folder::Folder;

/// The trust file for a ledger, from its own keys and settings. `roots` and `allow_dev` are what
/// its user has decided.
///
/// # Errors
/// Those of the folder; `key.file`.
pub fn of_folder(folder: &Folder, roots: Vec<Root>, allow_dev: bool) -> Result<TrustFile, Failure> {
    let keys = folder.keys()?;
    let config = &folder.config;
    let built_in = CosignerKey::load(&folder.dir.state().join("witness").join("key"))?;
    let (witness_policy, operated_by_self) = policy_text(config, built_in.public());
    let facts = Facts {
        config,
        keys: &keys,
        main: folder.log(LogId::Main),
        gov: folder.log(LogId::Gov),
        witness_policy: &witness_policy,
        operated_by_self: &operated_by_self,
    };
    let choices = TrustChoices { roots, allow_dev, ..TrustChoices::default() };
    Ok(facts.trust_file(choices)?)
}

/// Adds `new` to `old`. Nothing that `old` says is taken away, and what it pins stays: another
/// genesis, or other witnesses, for a log that it knows are refused and not guessed at.
///
/// # Errors
/// `trust.conflict`.
pub fn add(old: TrustFile, new: TrustFile) -> Result<TrustFile, Failure> {
    let mut sum = old;
    for log in new.logs {
        match sum.logs.iter_mut().find(|known| known.origin == log.origin) {
            None => sum.logs.push(log),
            Some(known) => add_log(known, log)?,
        }
    }
    for root in new.roots {
        if !sum.roots.iter().any(|known| known.public_key == root.public_key) {
            sum.roots.push(root);
        }
    }
    union(&mut sum.rp_ids, new.rp_ids);
    union(&mut sum.origins, new.origins);
    union(&mut sum.attestation_roots, new.attestation_roots);
    union(&mut sum.time_authorities, new.time_authorities);
    union(&mut sum.require, new.require);
    sum.allow_dev |= new.allow_dev;
    sum.expires = sum.expires.or(new.expires);
    Ok(sum)
}

fn add_log(known: &mut TrustedLog, new: TrustedLog) -> Result<(), Failure> {
    let conflict = |what: &str| {
        let detail = format!("{}: the trust file has another {what}; decide by hand", known.origin);
        Err(Failure::refused("trust.conflict", detail))
    };
    if known.genesis != new.genesis || known.role != new.role {
        return conflict("first entry for this log");
    }
    if meaning(&known.witness_policy) != meaning(&new.witness_policy) {
        return conflict("witness policy for this log");
    }
    for key in new.keys {
        let same = |k: &&TrustedKey| k.public_key == key.public_key && k.purpose == key.purpose;
        if known.keys.iter().find(same).is_none() {
            known.keys.push(key);
        }
    }
    union(&mut known.operated_by_self, new.operated_by_self);
    Ok(())
}

/// A witness policy without addresses, which no verifier looks at.
fn meaning(text: &str) -> Option<Vec<Vec<u8>>> {
    let policy = Policy::parse(text.as_bytes()).ok()?;
    let without_url = |line: &[u8]| -> Vec<u8> {
        let words: Vec<&[u8]> = line.split(|b| *b == b' ').collect();
        match words.first() {
            Some(&b"witness") => words.get(..3).unwrap_or_default().join(&b' '),
            _ => line.to_vec(),
        }
    };
    Some(policy.to_bytes().split(|b| *b == b'\n').map(without_url).collect())
}

fn union<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

#[cfg(test)]
mod tests {
    use placet_proto::document::Purpose;
    use placet_proto::kind::LogRole;

    use super::*;

    const WITNESS: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    fn file(origin: &str, genesis: u8) -> TrustFile {
        let log = TrustedLog {
            origin: origin.to_owned(),
            role: LogRole::Main,
            genesis: [genesis; 32],
            keys: vec![TrustedKey {
                purpose: Purpose::Checkpoint,
                public_key: vec![genesis],
                kinds: Vec::new(),
                audience: None,
                from_size: 0,
                until_size: None,
            }],
            witness_policy: "quorum none\n".to_owned(),
            operated_by_self: Vec::new(),
        };
        TrustFile {
            logs: vec![log],
            roots: vec![Root { public_key: vec![genesis], name: None }],
            rp_ids: vec!["localhost".to_owned()],
            origins: vec![format!("http://localhost:{genesis}")],
            attestation_roots: Vec::new(),
            time_authorities: Vec::new(),
            allow_dev: false,
            require: vec!["witness.independent".to_owned()],
            expires: None,
        }
    }

    #[test]
    fn nothing_is_lost_when_something_is_added() {
        let old = TrustFile { allow_dev: true, ..file("a", 1) };
        let both = add(old.clone(), file("b", 2)).unwrap();
        assert_eq!((both.logs.len(), both.roots.len(), both.origins.len()), (2, 2, 2));
        assert_eq!(both.rp_ids, ["localhost"]);
        assert!(both.allow_dev);
        assert_eq!(add(old.clone(), file("a", 1)).unwrap(), old);
    }

    #[test]
    fn what_is_pinned_stays() {
        let error = add(file("a", 1), file("a", 2)).unwrap_err();
        assert_eq!(error.code(), "trust.conflict");
        let mut other = file("a", 1);
        other.logs[0].witness_policy = format!("witness w {WITNESS}\nquorum w\n");
        assert_eq!(add(file("a", 1), other).unwrap_err().code(), "trust.conflict");
    }

    #[test]
    fn addresses_of_witnesses_are_no_part_of_what_is_trusted() {
        let with = |url: &str| format!("witness w {WITNESS} {url}\nquorum w\n");
        assert_eq!(meaning(&with("http://127.0.0.1:1")), meaning(&with("http://127.0.0.1:2")));
        assert_ne!(meaning(&with("")), meaning("quorum none\n"));
    }
}

//! Acts of administration that no passkey signed, on the record (SPEC.md 4.5).
//!
//! For the operator's own audit: who holds the ledger's key can write what it likes here, so that
//! these statements are evidence of nothing. Callers pass ids, never names and never secrets.

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::document::{Administration, Body};
use placet_proto::{b64, sha256};

use super::Refusal;
use super::ledger::{Appended, Issue, Ledger};
use crate::Error;

/// Name of the settings' hashes among the small values of the service.
const SETTINGS: &str = "settings";

/// The acts of SPEC.md 4.5.
pub const ACTS: [&str; 9] = [
    "config.change",
    "identity.change",
    "invitation.cancel",
    "invitation.create",
    "name.erase",
    "recovery.alarm",
    "session.end",
    "token.create",
    "token.revoke",
];

impl Ledger {
    /// Records that something was done to the service: `act` is one of [`ACTS`], `target` the id of
    /// what it was done to (1 to 1024 bytes), `person` the UUID of who did it, where one is known,
    /// `detail` at most 4096 bytes. Returns when it is durable.
    ///
    /// # Errors
    /// `request.invalid` for an act of another name, `document.value` for what is too long, and
    /// those of the log.
    pub fn record_administration(
        &self,
        act: &str,
        target: &str,
        person: Option<&str>,
        detail: &str,
    ) -> Result<Appended, Error> {
        if !ACTS.contains(&act) {
            return Err(Refusal::Invalid("no such act of administration").into());
        }
        let document = self.document(Body::Administration(Administration {
            act: act.to_owned(),
            target: target.to_owned(),
            person: person.map(str::to_owned),
            at: self.now(),
            detail: detail.to_owned(),
        }))?;
        self.issue(Issue::by_ledger(document))?.map_err(|_| Refusal::DocumentUnknown.into())
    }

    /// Records which settings differ from those that the service ran with before: their names, and
    /// no values, of which some are secrets. For a service that starts.
    ///
    /// # Errors
    /// `config.invalid`, `ledger.sqlite`, and those of the log.
    pub fn record_settings(&self) -> Result<(), Error> {
        let table = toml::Table::try_from(&self.config);
        let table = table.map_err(|e| Refusal::Config(e.to_string()))?;
        let hash = |(name, value): (&String, &toml::Value)| {
            (name.clone(), b64::encode_hex(sha256(value.to_string().as_bytes())))
        };
        let now: BTreeMap<String, String> = table.iter().map(hash).collect();
        let kept = self.state.meta(SETTINGS)?;
        let before: Option<BTreeMap<String, String>> =
            kept.as_deref().and_then(|kept| serde_json::from_slice(kept).ok());
        if let Some(before) = before {
            let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
            let changed = names.into_iter().filter(|name| before.get(*name) != now.get(*name));
            let changed: Vec<&str> = changed.map(String::as_str).collect();
            if changed.is_empty() {
                return Ok(());
            }
            self.record_administration("config.change", "placet.toml", None, &changed.join(" "))?;
        }
        let kept = serde_json::to_vec(&now).map_err(|e| Refusal::Config(e.to_string()))?;
        self.state.set_meta(SETTINGS, Some(&kept))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use placet_proto::document::Body;
    use placet_proto::statement::Statement;

    use crate::LogId;
    use crate::service::{Config, Initialised, Ledger, Surroundings, init};

    #[test]
    fn settings_that_changed_are_named_on_the_record() {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().join("d");
        let mut config = Config::local("localhost/test", 8420);
        let around = Surroundings::default;
        let Initialised { ledger, .. } = init(&root, &config, &BTreeMap::new(), around()).unwrap();
        let size = ledger.log(LogId::Main).size();
        ledger.record_settings().unwrap();
        ledger.record_settings().unwrap();
        assert_eq!(ledger.log(LogId::Main).size(), size, "nothing is known of before");
        let weak = std::sync::Arc::downgrade(&ledger);
        drop(ledger);
        while weak.strong_count() > 0 {
            std::thread::yield_now();
        }
        config.outcome_s += 1;
        let ledger = loop {
            match Ledger::open_with(&root, config.clone(), around()) {
                Err(e) if e.code() == "dir.locked" => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        ledger.record_settings().unwrap();
        ledger.record_settings().unwrap();
        assert_eq!(ledger.log(LogId::Main).size(), size + 1);
        let crate::Statement::Present(bytes) = ledger.log(LogId::Main).statement(size).unwrap()
        else {
            panic!("no statement")
        };
        let Body::Administration(act) = Statement::parse(&bytes).unwrap().document.body else {
            panic!("another kind")
        };
        assert_eq!((act.act.as_str(), act.detail.as_str()), ("config.change", "outcome_s"));
    }
}

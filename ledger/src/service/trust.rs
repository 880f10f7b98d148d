//! Trust files for those who verify this ledger's evidence (SPEC.md 8).
//!
//! Whoever uses one decides what to trust: a file that came with the evidence proves nothing.

use placet_proto::document::Purpose;
use placet_proto::kind::LogRole;
use placet_proto::time::UnixSeconds;
use placet_proto::trust::{Root, TrustFile, TrustedKey, TrustedLog};

use super::config::Config;
use super::keys::{Keys, LEDGER_KINDS, PEP_KINDS, PrivateKey, Sign as _};
use super::ledger::Ledger;
use crate::{Error, Log, LogId};

/// What the user of the trust file has decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustChoices {
    /// Credential public keys that were confirmed out of band; no other is written.
    pub roots: Vec<Root>,
    /// Whether evidence of a development ledger may pass.
    pub allow_dev: bool,
    /// Further checks to require.
    pub require: Vec<String>,
    /// When the file is no longer to be used.
    pub expires: Option<UnixSeconds>,
}

impl Ledger {
    /// The trust file for this ledger, from its own keys and settings and from what its user has
    /// decided.
    ///
    /// # Errors
    /// What reading the first entries gives.
    pub fn trust_file(&self, choices: TrustChoices) -> Result<TrustFile, Error> {
        let facts = Facts {
            config: &self.config,
            keys: &self.keys,
            main: &self.main,
            gov: &self.gov,
            witness_policy: &self.witnesses.text,
            operated_by_self: &self.witnesses.operated_by_self,
        };
        facts.trust_file(choices)
    }
}

/// What a trust file says about a ledger, whether it is open for writing or its folder is read.
pub struct Facts<'a> {
    /// The settings.
    pub config: &'a Config,
    /// The keys, of which the public halves are written.
    pub keys: &'a Keys,
    /// The main log.
    pub main: &'a Log,
    /// The governance log.
    pub gov: &'a Log,
    /// The witness policy, with or without addresses.
    pub witness_policy: &'a str,
    /// Names, in the policy, of witnesses that the operator runs.
    pub operated_by_self: &'a [String],
}

impl Facts<'_> {
    /// The trust file, with what its user has decided.
    ///
    /// # Errors
    /// What reading the first entries gives.
    pub fn trust_file(&self, choices: TrustChoices) -> Result<TrustFile, Error> {
        Ok(TrustFile {
            logs: vec![
                self.trusted_log(LogId::Main, LogRole::Main)?,
                self.trusted_log(LogId::Gov, LogRole::Gov)?,
            ],
            roots: choices.roots,
            rp_ids: vec![self.config.rp_id.clone()],
            origins: self.config.allowed_origins(),
            attestation_roots: Vec::new(),
            time_authorities: Vec::new(),
            allow_dev: choices.allow_dev,
            require: choices.require,
            expires: choices.expires,
        })
    }

    fn trusted_log(&self, id: LogId, role: LogRole) -> Result<TrustedLog, Error> {
        let keys = self.keys.of(id);
        let mut list = vec![
            trusted(Purpose::Checkpoint, &keys.checkpoint, &[], None),
            trusted(Purpose::Receipt, &keys.receipt, &[], None),
            trusted(Purpose::Issuer, &self.keys.ledger, &LEDGER_KINDS, None),
        ];
        let log = match id {
            LogId::Main => {
                let audience = Some(self.config.audience.clone());
                list.push(trusted(Purpose::Issuer, &self.keys.pep, &PEP_KINDS, audience));
                self.main
            }
            LogId::Gov => self.gov,
        };
        Ok(TrustedLog {
            origin: log.origin().to_owned(),
            role,
            genesis: log.entry(0)?,
            keys: list,
            witness_policy: without_addresses(self.witness_policy),
            operated_by_self: self.operated_by_self.to_vec(),
        })
    }
}

/// A policy without the addresses of its witnesses: they are no part of what is trusted.
fn without_addresses(policy: &str) -> String {
    let line = |line: &str| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        ["witness", name, vkey, ..] => format!("witness {name} {vkey}\n"),
        _ => format!("{line}\n"),
    };
    policy.lines().map(line).collect()
}

fn trusted(
    purpose: Purpose,
    key: &PrivateKey,
    kinds: &[&str],
    audience: Option<String>,
) -> TrustedKey {
    TrustedKey {
        purpose,
        public_key: key.public_key().to_cose(),
        kinds: kinds.iter().map(|k| (*k).to_owned()).collect(),
        audience,
        from_size: 0,
        until_size: None,
    }
}

//! The witnesses that the settings name, the built-in one among them.

use std::sync::Arc;
use std::time::Duration;

use placet_proto::tlog::{Policy, TlogError, VerifierKey};

use super::Refusal;
use super::config::Config;
use super::keys::{Keys, NoteSigner};
use super::publisher::Witnesses;
use crate::witness::{self, WitnessGroup, builtin, system_clock};
use crate::{Dir, Error, LogId};

/// Name of the built-in witness in the default policy.
pub const BUILT_IN: &str = "builtin";
/// How long one request to a witness may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The witnesses of `placet.toml`. Without a policy there, the built-in one alone.
///
/// The built-in witness has a key and a state of its own in `state/witness`; a policy may name it
/// beside others by its key.
///
/// # Errors
/// `config.invalid`, and those of opening the built-in witness.
pub fn configured(dir: &Dir, config: &Config, keys: &Keys) -> Result<Witnesses, Error> {
    let refuse = |e: &dyn std::fmt::Display| Refusal::Config(format!("witnesses: {e}"));
    let folder = dir.state().join("witness");
    std::fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let mut logs = Vec::new();
    for (id, origin) in [(LogId::Main, config.origin.clone()), (LogId::Gov, config.gov_origin())] {
        let signer = NoteSigner::new(&origin, Arc::clone(&keys.of(id).checkpoint))?;
        logs.push((origin, vec![signer.verifier().clone()]));
    }
    let name = format!("{}/witness", config.origin);
    let built_in =
        builtin::open(&folder, &name, logs, system_clock()).map_err(|error| match error {
            // A disk that fails is no mistake in the settings.
            witness::Error::Io { action, path, source } => Error::Io { action, path, source },
            error => refuse(&error).into(),
        })?;
    let (text, operated_by_self) = policy_text(config, built_in.public());
    let policy = Policy::parse(text.as_bytes())
        .map_err(|e| placet_proto::Error::Tlog(TlogError::from(e)))?;
    let group = || {
        WitnessGroup::new(policy.clone(), Some(Arc::clone(&built_in)), TIMEOUT)
            .map(Arc::new)
            .map_err(|e| refuse(&e))
    };
    Ok(Witnesses { text, operated_by_self, main: group()?, gov: group()? })
}

/// The witness policy of these settings, and which of its witnesses the operator runs.
#[must_use]
pub fn policy_text(config: &Config, built_in: &VerifierKey) -> (String, Vec<String>) {
    match config.witness_policy.as_str() {
        "" => {
            let vkey = built_in.to_vkey();
            let text = format!("witness {BUILT_IN} {vkey}\nquorum {BUILT_IN}\n");
            (text, vec![BUILT_IN.to_owned()])
        }
        text => (text.to_owned(), config.operated_by_self.clone()),
    }
}

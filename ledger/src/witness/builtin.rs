//! The built-in witness: the same engine in the same process.
//!
//! It has a key and a state of its own, so that a log that was rolled back is noticed even where
//! nobody else watches. It proves nothing to those who do not trust the operator: a policy that
//! lists it is marked `operated_by: self` in the trust file.

use std::path::Path;
use std::sync::Arc;

use placet_proto::tlog::VerifierKey;

use super::Error;
use super::client::{Answer, Transport, WitnessClient};
use super::engine::{Clock, Witness};
use super::key::CosignerKey;
use super::state::FolderStore;

/// Opens the built-in witness for these logs, making its key at first use.
///
/// `folder` is for this witness alone (it holds `key` and `state/`); the caller holds the lock of
/// the folder around it. `name` is the key name of a new key, and not looked at later.
///
/// # Errors
/// [`Error::Io`], [`Error::Key`], [`Error::Config`].
pub fn open(
    folder: &Path,
    name: &str,
    logs: Vec<(String, Vec<VerifierKey>)>,
    clock: Clock,
) -> Result<Arc<Witness>, Error> {
    let store = FolderStore::open(&folder.join("state"))?;
    let path = folder.join("key");
    let key =
        if path.exists() { CosignerKey::load(&path)? } else { CosignerKey::create(&path, name)? };
    Ok(Arc::new(Witness::new(key, logs, Box::new(store), clock)?))
}

/// A client that asks a witness in this process: no network, the same checks.
#[must_use]
pub fn client(witness: Arc<Witness>) -> WitnessClient {
    WitnessClient::new(witness.public().clone(), Box::new(Local(witness)))
}

struct Local(Arc<Witness>);

impl Transport for Local {
    fn add_checkpoint(&self, body: &[u8]) -> Result<Answer, Error> {
        match self.0.add_checkpoint(body) {
            Ok(line) => Ok(Answer { status: 200, body: line.into_bytes() }),
            // There is no network that could hide the reason, and our operator needs it.
            Err(super::Refusal::Failed(error)) => Err(error),
            Err(refusal) => {
                Ok(Answer { status: refusal.status(), body: refusal.body().into_bytes() })
            }
        }
    }
}

//! The policy folder of `serve --dev --policy`: what stands in it is in force. A software passkey
//! in the ledger's folder signs each change, as an administrator would.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use placet_ledger::service::{Change, DevAdministrator, Ledger, Registered, Signed};
use placet_pep::cedar::CedarPdp;
use placet_pep::policy::PolicyFiles;
use placet_proto::b64;
use placet_softkey::SoftKey;

use crate::error::Failure;

/// Time between two looks at the folder.
const LOOK: Duration = Duration::from_millis(500);
/// Name of the key in `keys/`.
const KEY: &str = "dev-administrator";

/// The software passkey of a development ledger.
pub struct Administrator {
    key: Mutex<SoftKey>,
    origin: String,
}

impl Administrator {
    /// Reads the key from the ledger's folder, or makes it.
    ///
    /// # Errors
    /// Those of the key file.
    pub fn of(dir: &Path, rp_id: &str) -> Result<Self, Failure> {
        let path = dir.join("keys").join(KEY);
        let key = match path.exists() {
            true => SoftKey::load(&path)?,
            false => {
                let key = SoftKey::generate(rp_id)?;
                key.save(&path)?;
                key
            }
        };
        Ok(Self { key: Mutex::new(key), origin: format!("cli://{rp_id}") })
    }
}

impl DevAdministrator for Administrator {
    fn credential(&self) -> Vec<u8> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner).credential_id().to_vec()
    }

    fn sign(&self, challenge: &[u8]) -> Signed {
        let mut key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let made = key.assert(challenge, &self.origin);
        Signed {
            credential: made.credential_id,
            authenticator_data: made.authenticator_data,
            client_data_json: made.client_data_json,
            signature: made.signature,
        }
    }

    fn register(&self, challenge: &[u8]) -> Registered {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner);
        let made = key.register(challenge, &self.origin);
        Registered {
            attestation_object: made.attestation_object,
            client_data_json: made.client_data_json,
            software: true,
        }
    }
}

/// Keeps the policy of a ledger what its folder says.
pub struct Watched {
    administrator: Arc<Administrator>,
    folder: PathBuf,
    /// What was seen last: a manifest, or why there is none. Each is tried once.
    seen: Option<Result<[u8; 32], String>>,
}

impl Watched {
    /// Gives a development ledger its administrator. `None`: others administrate it already, and
    /// put policies in force themselves.
    ///
    /// # Errors
    /// Those of the key file and of enrolling.
    pub fn of(ledger: &Ledger, folder: &Path) -> Result<Option<Self>, Failure> {
        let config = ledger.config();
        let administrator = Administrator::of(ledger.dir().root(), &config.rp_id)?;
        let administrator = Arc::new(administrator);
        let taken: Arc<dyn DevAdministrator> = Arc::<Administrator>::clone(&administrator);
        if !ledger.take_dev_administrator(taken)? {
            tracing::warn!(
                "this ledger has administrators of its own: put a changed policy in force with \
                 `placet policy activate`"
            );
            return Ok(None);
        }
        Ok(Some(Self { administrator, folder: folder.to_path_buf(), seen: None }))
    }

    /// Looks at the folder once, and puts in force what changed.
    pub fn look(&mut self, ledger: &Ledger) {
        let read = PolicyFiles::read(&self.folder);
        let now = match &read {
            Ok(files) => Ok(files.manifest_hash()),
            Err(error) => Err(error.to_string()),
        };
        if self.seen.as_ref() == Some(&now) {
            return;
        }
        self.seen = Some(now);
        let done = read.map_err(|e| Failure::from(placet_pep::Error::from(e)));
        match done.and_then(|files| self.activate(ledger, &files)) {
            Ok(None) => {}
            Ok(Some(manifest)) => tracing::info!(manifest, "the changed policy is in force"),
            Err(error) => {
                let code = error.code();
                tracing::error!(code, %error, "the changed policy is not armed; the old one stays");
            }
        }
    }

    fn activate(&self, ledger: &Ledger, files: &PolicyFiles) -> Result<Option<String>, Failure> {
        if ledger.policy_in_force()?.manifest == files.manifest_hash() {
            return Ok(None);
        }
        for hazard in CedarPdp::load_with(files, true)?.hazards() {
            tracing::warn!("{hazard}");
        }
        let all = files.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        let credential = self.administrator.credential();
        let to_sign = ledger.prepare_change(&Change::Policy(all), &credential)?;
        let signed = self.administrator.sign(&to_sign.challenge);
        ledger.confirm_change(to_sign.document.sha256(), signed)?;
        Ok(Some(b64::encode_hex(files.manifest_hash())))
    }

    /// Looks until the ledger is closed; inside the runtime.
    pub fn keep(self, ledger: &Arc<Ledger>) {
        let ledger = Arc::downgrade(ledger);
        let watched = Arc::new(Mutex::new(self));
        tokio::spawn(async move {
            let mut looks = tokio::time::interval(LOOK);
            looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                looks.tick().await;
                let Some(ledger) = ledger.upgrade() else { break };
                let watched = Arc::clone(&watched);
                let looked = tokio::task::spawn_blocking(move || {
                    watched.lock().unwrap_or_else(PoisonError::into_inner).look(&ledger);
                });
                if looked.await.is_err() {
                    break;
                }
            }
        });
    }
}

//! The policy folder of `serve --dev --policy`: what stands in it is in force. A software passkey
//! in the ledger's folder signs each change, as an administrator would.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use placet_ledger::service::{Change, DevAdministrator, Ledger, Registered, Signed};
use placet_pep::cedar::CedarPdp;
use placet_pep::policy::PolicyFiles;
use placet_proto::b64;
use placet_softkey::SoftKey;

use crate::error::Failure;

/// Time between two looks at the folder.
const LOOK: Duration = Duration::from_millis(500);
/// Time after which what could not be put in force is tried again, where that may pass.
const AGAIN: Duration = Duration::from_secs(5);
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
    changes: Changes,
}

/// What a look at the folder showed: a manifest, or why there is none.
type Look = Result<[u8; 32], String>;

/// When what was seen is to be put in force.
#[derive(Debug, Default)]
struct Changes {
    /// The look before.
    before: Option<Look>,
    /// What is in force, or was refused: it is tried once.
    settled: Option<Look>,
    /// What could not be put in force, why not, and when that was: no checkpoint, no witness,
    /// overtaken by another change.
    failed: Option<(Look, String, Instant)>,
}

impl Changes {
    /// Whether what is there now is to be tried. A folder that is just being saved may lack a
    /// `forbid` that an editor renames: what was there at the look before is there to stay.
    fn is_due(&mut self, now: &Look, at: Instant) -> bool {
        let stays = self.before.replace(now.clone()).as_ref() == Some(now);
        let waits = |failed: &(Look, String, Instant)| {
            failed.0 == *now && at.saturating_duration_since(failed.2) < AGAIN
        };
        stays && self.settled.as_ref() != Some(now) && !self.failed.as_ref().is_some_and(waits)
    }

    /// It is in force, or it was refused and would be again.
    fn settle(&mut self, now: Look) {
        self.settled = Some(now);
        self.failed = None;
    }

    /// It failed for a reason that may pass; gives whether that is news.
    fn fail(&mut self, now: Look, why: String, at: Instant) -> bool {
        let known =
            self.failed.as_ref().is_some_and(|(look, said, _)| *look == now && *said == why);
        // It may have been recorded all the same: should the one before it come back to the folder,
        // that is tried, too.
        self.settled = None;
        self.failed = Some((now, why, at));
        !known
    }
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
        Ok(Some(Self { administrator, folder: folder.to_path_buf(), changes: Changes::default() }))
    }

    /// Puts in force what the folder holds now, before anything is answered.
    pub fn begin(&mut self, ledger: &Ledger) {
        let (read, now) = self.read();
        self.changes.before = Some(now.clone());
        self.put(ledger, read, now);
    }

    /// Looks at the folder once, and puts in force what changed, once it stays.
    pub fn look(&mut self, ledger: &Ledger) {
        let (read, now) = self.read();
        if self.changes.is_due(&now, Instant::now()) {
            self.put(ledger, read, now);
        }
    }

    fn read(&self) -> (Result<PolicyFiles, Failure>, Look) {
        let read = PolicyFiles::read(&self.folder);
        let now = match &read {
            Ok(files) => Ok(files.manifest_hash()),
            Err(error) => Err(error.to_string()),
        };
        (read.map_err(|e| Failure::from(placet_pep::Error::from(e))), now)
    }

    fn put(&mut self, ledger: &Ledger, read: Result<PolicyFiles, Failure>, now: Look) {
        let error = match read.and_then(|files| self.activate(ledger, &files)) {
            Ok(done) => {
                if let Some(manifest) = done {
                    tracing::info!(manifest, "the changed policy is in force");
                }
                return self.changes.settle(now);
            }
            Err(error) => error,
        };
        let news = if is_refusal(&error) {
            self.changes.settle(now);
            true
        } else {
            self.changes.fail(now, error.to_string(), Instant::now())
        };
        if news {
            let code = error.code();
            tracing::error!(code, %error, "the changed policy is not armed; the old one stays");
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

/// Whether a policy was refused for what it says, and would be again. Whom it names may be enrolled
/// yet.
fn is_refusal(error: &Failure) -> bool {
    let code = error.code();
    (code.starts_with("policy.") && code != "policy.person") || code == "request.invalid"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_tried_once_it_stays() {
        let mut changes = Changes::default();
        let (at, one, other) = (Instant::now(), Ok([1; 32]), Ok([2; 32]));
        // Between two saves of an editor.
        assert!(!changes.is_due(&one, at));
        assert!(!changes.is_due(&other, at));
        assert!(!changes.is_due(&one, at));
        assert!(changes.is_due(&one, at));
        changes.settle(one.clone());
        assert!(!changes.is_due(&one, at));
        let gone = Err("policy.missing".to_owned());
        assert!(!changes.is_due(&gone, at) && !changes.is_due(&one, at));
    }

    #[test]
    fn what_failed_for_a_while_is_tried_again_and_told_once() {
        let mut changes = Changes::default();
        let (at, one, other) = (Instant::now(), Ok([1; 32]), Ok([2; 32]));
        changes.settle(other.clone());
        assert!(!changes.is_due(&one, at));
        assert!(changes.is_due(&one, at));
        assert!(changes.fail(one.clone(), "no checkpoint".to_owned(), at));
        assert!(!changes.is_due(&one, at));
        let later = at + AGAIN;
        assert!(changes.is_due(&one, later));
        assert!(!changes.fail(one.clone(), "no checkpoint".to_owned(), later));
        assert!(changes.fail(one.clone(), "no witness".to_owned(), later));
        // Another one does not wait, not even the one that was in force before.
        assert!(!changes.is_due(&other, later));
        assert!(changes.is_due(&other, later));
        changes.settle(other);
        assert!(!changes.is_due(&one, later));
        assert!(changes.is_due(&one, later));
    }

    #[test]
    fn only_what_is_wrong_with_the_files_is_a_refusal() {
        let of = |code: &str| Failure::refused(code, "why");
        for code in ["policy.validation", "policy.missing", "request.invalid"] {
            assert!(is_refusal(&of(code)), "{code}");
        }
        for code in [
            "policy.person",
            "witness.quorum",
            "ledger.busy",
            "ledger.io",
            "answer.document_unknown",
        ] {
            assert!(!is_refusal(&of(code)), "{code}");
        }
    }
}

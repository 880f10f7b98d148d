//! The policy in force, armed; another one is loaded when the governance log names another.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, PoisonError};

use placet_ledger::service::{Ledger, Refusal};
use placet_proto::document::PolicyRef;

use super::{Pep, sessions::Hold};
use crate::Error;
use crate::cedar::CedarPdp;
use crate::pdp::Pdp as _;
use crate::policy::{PolicyError, PolicyFiles};
use crate::remote::{Overlay, RemotePdp};
use crate::session::Book;

/// File of the token for a foreign decision point, in `keys/`: its identifier, a space, the token.
const TOKEN_FILE: &str = "pdp-token";
/// The longest such file, in bytes.
const MAX_TOKEN: u64 = 16 * 1024;
/// Times that a call looks again because the policy changed under it.
const MAX_TRIES: usize = 3;

/// A policy, ready to decide.
pub struct Armed {
    /// Its entry in the governance log.
    pub policy: PolicyRef,
    /// What decides.
    pub pdp: Overlay,
    /// Its files, for templates.
    pub files: PolicyFiles,
}

impl Armed {
    /// Loads the policy that is in force. A ledger without policy files denies everything.
    pub fn load(ledger: &Ledger) -> Result<Self, Error> {
        let (policy, files) = ledger.policy_files()?;
        let files = match files.is_empty() {
            true => PolicyFiles::deny_all(),
            false => PolicyFiles::from_files(files)?,
        };
        let pdp = overlay(ledger, load(ledger, &files)?)?;
        tracing::info!(index = policy.index, "a policy is armed");
        Ok(Self { policy, pdp, files })
    }
}

/// Judges a policy that somebody wants to put in force, as arming it would.
pub fn judge(ledger: &Ledger, files: &BTreeMap<String, Vec<u8>>) -> Result<(), Refusal> {
    let judged = PolicyFiles::from_files(files.clone()).map_err(Error::from);
    let judged = judged.and_then(|files| load(ledger, &files));
    judged.map(drop).map_err(|e| Refusal::Policy { code: e.code(), text: e.to_string() })
}

/// A policy that names a person whom nobody knows would wait for answers that can't come.
fn load(ledger: &Ledger, files: &PolicyFiles) -> Result<CedarPdp, Error> {
    // What a PEP says of subjects and resources wins over the store in development only.
    let pdp = CedarPdp::load_with(files, ledger.config().dev)?;
    for person in pdp.people() {
        if !ledger.is_person(person)? {
            return Err(PolicyError::Person(person.to_owned()).into());
        }
    }
    Ok(pdp)
}

/// With the foreign decision point that the mapping names. A policy that is put in force is judged
/// without it: it may be down at that moment, and be there when it is needed.
fn overlay(ledger: &Ledger, local: CedarPdp) -> Result<Overlay, Error> {
    let Some(rule) = local.remote_rule().cloned() else { return Ok(Overlay::new(local, None)) };
    let client = ledger.outbound().worker().sender().client()?.clone();
    let token = token_for(ledger, &rule.identifier)?;
    let manifest = local.policy().manifest;
    let remote = RemotePdp::new(rule, client, token, manifest);
    Ok(Overlay::new(local, Some(remote)))
}

/// The token is for the decision point that stands beside it: a policy that names another does not
/// get it sent there.
fn token_for(ledger: &Ledger, identifier: &str) -> Result<Option<String>, Error> {
    let path = ledger.dir().keys().join(TOKEN_FILE);
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|e| unread(&path, &e))?,
    };
    let mut text = String::new();
    file.take(MAX_TOKEN).read_to_string(&mut text).map_err(|e| unread(&path, &e))?;
    let named = text.trim().split_once(' ').filter(|(of, _)| *of == identifier);
    Ok(named.map(|(_, token)| token.trim().to_owned()))
}

fn unread(path: &std::path::Path, error: &std::io::Error) -> PolicyError {
    PolicyError::Io(format!("{}: {error}", path.display()))
}

impl Pep {
    /// The policy in force now.
    pub(super) fn armed(&self) -> Result<Arc<Armed>, Error> {
        let ledger = self.0.app.ledger();
        let in_force = ledger.policy_in_force()?;
        let armed = Arc::clone(&self.0.armed.read().unwrap_or_else(PoisonError::into_inner));
        if armed.policy == in_force {
            return Ok(armed);
        }
        let fresh = Arc::new(Armed::load(ledger)?);
        self.0.sessions.follow(ledger, fresh.pdp.local().session_rule())?;
        *self.0.armed.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }

    /// The policy in force now, and the counts of sessions that go with it, which stay what they
    /// are until the decision is recorded.
    pub(super) fn armed_and_held(&self) -> Result<(Arc<Armed>, Hold<'_>), Error> {
        for _ in 0..MAX_TRIES {
            let armed = self.armed()?;
            let hold = self.0.sessions.hold();
            if hold.book().map(Book::rule) == armed.pdp.local().session_rule() {
                return Ok((armed, hold));
            }
        }
        Err(placet_ledger::Error::from(Refusal::PolicyChanged).into())
    }
}

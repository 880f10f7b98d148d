//! Acts of administration that no passkey signed, on the record (SPEC.md 4.5).
//!
//! For the operator's own audit: who holds the ledger's key can write what it likes here, so that
//! these statements are evidence of nothing. Callers pass ids, never names and never secrets.

use placet_proto::document::{Administration, Body};

use super::Refusal;
use super::ledger::{Appended, Issue, Ledger};
use crate::Error;

/// The acts of SPEC.md 4.5.
pub const ACTS: [&str; 8] = [
    "config.change",
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
}

//! Erasure (SPEC.md 4.5, 9.8, 10.10): an administrator orders it, the order is recorded, and only
//! then the bodies go, with everything that they were found by.
//!
//! The order reaches the projection in the same way as every other statement, as a list of leaves
//! that are still to be erased. What a crash leaves of that list is finished at the next start.

use std::collections::BTreeSet;

use placet_proto::document::{Body, Digest, Erasure, ErasureTarget, Role, Signer};
use placet_proto::kind::Kind;
use placet_proto::statement::{self, Statement};

use super::answers::{Signed, ToSign};
use super::ledger::{Appended, Issue, Ledger};
use super::state::RequestState;
use super::{Refusal, render};
use crate::sync::lock;
use crate::{Error, LogId, storage};

impl Ledger {
    /// Makes the order of erasure of a leaf of the main log for the holder of `signer`, an
    /// administrator, to sign. What depends on the leaf goes too: every statement of the same
    /// request that holds the action or its digest, or refers to it.
    ///
    /// Waits for a cosigned checkpoint that covers what is to go.
    ///
    /// # Errors
    /// `request.invalid` for a leaf that is not erasable or a request that is not over,
    /// `log.erased`, `log.out_of_range`, `person.not_authorised`, `witness.quorum`.
    pub fn prepare_erasure(&self, leaf: u64, reason: &str, signer: &[u8]) -> Result<ToSign, Error> {
        let leaves = self.dependent(leaf)?;
        if leaves.len() > Erasure::MAX_TARGETS {
            return Err(Refusal::Invalid("more than 256 statements depend on it").into());
        }
        let last = leaves.last().copied().unwrap_or(leaf);
        self.publisher(LogId::Main).covering(last.saturating_add(1))?;
        let after = self.current_after()?;
        let person = self.check_role(signer, after.gov.size, Role::Administrator)?;
        let target = |index: &u64| -> Result<ErasureTarget, Error> {
            Ok(ErasureTarget { index: *index, entry: self.main.entry(*index)? })
        };
        let document = self.document(Body::Erasure(Erasure {
            targets: leaves.iter().map(target).collect::<Result<_, _>>()?,
            reason: reason.to_owned(),
            signer: Signer { person, credential: signer.to_vec() },
            after,
        }))?;
        let text = render::render("", document.bytes())?;
        self.to_sign(document, signer.to_vec(), text)
    }

    /// Checks a signed order, records it, and erases. When this returns `Ok`, the bodies are gone.
    ///
    /// # Errors
    /// `answer.document_unknown`, `answer.assertion`, `person.not_authorised`, and those of the
    /// log. An order that was recorded is finished later, whatever is told here.
    pub fn confirm_erasure(&self, document: &Digest, signed: Signed) -> Result<Appended, Error> {
        let document = lock(&self.pending).get(document, self.now())?;
        let Body::Erasure(order) = &document.body else {
            return Err(Refusal::DocumentUnknown.into());
        };
        let namespace = document.kind().namespace().ok_or(Refusal::DocumentUnknown)?;
        let assertion = signed.under(namespace);
        let credential = order.signer.credential.clone();
        self.check_assertion(&document, &assertion, &credential)?;
        self.check_role(&credential, order.after.gov.size, Role::Administrator)?;
        let sha256 = *document.sha256();
        let issue = Issue { assertions: vec![assertion], ..Issue::by_ledger(document) };
        let appended = self.issue(issue)?.map_err(|_| Refusal::DocumentUnknown)?;
        lock(&self.pending).remove(&sha256);
        self.finish_erasures()?;
        Ok(appended)
    }

    /// Erases what orders on record name and what is still there: after an order, and at start.
    ///
    /// # Errors
    /// Those of the log, and `ledger.sqlite`.
    pub(super) fn finish_erasures(&self) -> Result<(), Error> {
        for leaf in self.state.erasures_open()? {
            // Whose statement it was is known from its body only; evidence needs it afterwards.
            if let storage::Statement::Present(bytes) = self.main.statement(leaf)? {
                let subject = statement::peek(&bytes).ok().map(|(header, _)| header.sub);
                self.state.erasing(leaf, subject.as_deref())?;
                self.main.erase(leaf)?;
            }
            self.index().erase_rows(LogId::Main, leaf)?;
            self.state.erased(leaf)?;
        }
        Ok(())
    }

    /// The leaf and all that depends on it, ascending.
    fn dependent(&self, leaf: u64) -> Result<Vec<u64>, Error> {
        let bytes = match self.main.statement(leaf)? {
            storage::Statement::Present(bytes) => bytes,
            storage::Statement::Erased => return Err(Refusal::Erased(leaf).into()),
            storage::Statement::NotFound => {
                let size = self.main.size();
                return Err(Error::OutOfRange { what: "index", asked: leaf, size });
            }
        };
        // What others registered stands alone.
        let Some(own) = self.own_statement(leaf)? else {
            return match statement::peek(&bytes) {
                Ok(_) => Ok(vec![leaf]),
                Err(_) => Err(Refusal::Invalid("no statement stands there").into()),
            };
        };
        let Some(request) = own.document.body.request() else {
            return Err(Refusal::Invalid("only what is about a request is erased").into());
        };
        if let Some(row) = self.state.request(request)?
            && (row.state.is_live() || row.state == RequestState::Executed)
        {
            return Err(Refusal::Invalid("the request is not over yet").into());
        }
        let mut leaves = BTreeSet::from([leaf]);
        for index in self.state.entries(request)? {
            let holds = |s: &Statement| s.kind() != Kind::Expiry;
            if self.own_statement(index)?.as_ref().is_some_and(holds) {
                leaves.insert(index);
            }
        }
        Ok(leaves.into_iter().collect())
    }
}

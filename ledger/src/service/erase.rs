//! Erasure (SPEC.md 4.5, 9.8, 10.10): an administrator orders it, the order is recorded, and only
//! then the bodies go, with everything that they were found by and every copy.
//!
//! The order reaches the projection in the same way as every other statement, as a list of leaves
//! that are still to be erased; from that moment on they read as erased. What a crash leaves of the
//! list is finished at the next start, before anything is served. Each step can be done again.
//!
//! With the first order about a request the once key `erased` is taken, which every statement about
//! a request needs to be free: nothing can be filed afterwards that would hold the action again.

use placet_proto::document::{Body, Digest, Document, Erasure, ErasureTarget, Role, Signer};
use placet_proto::kind::Kind;
use placet_proto::statement;

use super::answers::{Signed, ToSign};
use super::ledger::{Appended, Issue, Ledger, once_key};
use super::state::RequestState;
use super::{Refusal, render};
use crate::sync::{lock, read, write};
use crate::{Error, LogId, OnceKey, storage};

/// Forgets what is kept of a request outside of the ledger's own files.
pub type Copies = Box<dyn Fn(&str) -> Result<(), Error> + Send + Sync>;

/// What an order about a leaf would erase.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErasurePlan {
    /// The request that it is about; none for a statement that others had registered.
    pub request: Option<String>,
    /// The leaves that the next order names, ascending, 1 to 256.
    pub leaves: Vec<u64>,
    /// Statements that are left for further orders.
    pub left: u64,
}

/// An order, ready to be signed.
#[derive(Debug, Clone, PartialEq)]
pub struct ErasureToSign {
    /// The document.
    pub to_sign: ToSign,
    /// What it is about.
    pub plan: ErasurePlan,
}

/// An order that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Erased {
    /// The order.
    pub order: Appended,
    /// Statements about the same request that are left for further orders.
    pub left: u64,
}

impl Ledger {
    /// What an order about this leaf of the main log would erase: the statement, and what depends
    /// on it, which is every other one of the same request that holds the action or its digest, or
    /// refers to it. Of more than 256 the newest come first, so that what makes the request what
    /// it is goes last; the same leaf asked for again gives the rest.
    ///
    /// # Errors
    /// `request.invalid` for a leaf that is not erasable or a request that is not over,
    /// `log.erased` when nothing is left, `log.out_of_range`.
    pub fn erasure_plan(&self, leaf: u64) -> Result<ErasurePlan, Error> {
        let request = match self.main.statement(leaf)? {
            storage::Statement::NotFound => {
                let size = self.main.size();
                return Err(Error::OutOfRange { what: "index", asked: leaf, size });
            }
            storage::Statement::Erased => {
                let erased = self.state.erased_leaf(leaf)?.and_then(|e| e.request);
                erased.ok_or(Refusal::Erased(leaf))?
            }
            storage::Statement::Present(bytes) => match self.own_statement(leaf)? {
                Some(own) => {
                    let about = own.document.body.request();
                    let why = "only what is about a request is erased";
                    about.ok_or(Refusal::Invalid(why))?.to_owned()
                }
                // What others registered stands alone.
                None if statement::peek(&bytes).is_ok() => {
                    return Ok(ErasurePlan { request: None, leaves: vec![leaf], left: 0 });
                }
                None => return Err(Refusal::Invalid("no statement stands there").into()),
            },
        };
        if let Some(row) = self.state.request(&request)?
            && (row.state.is_live() || row.state == RequestState::Executed)
        {
            return Err(Refusal::Invalid("the request is not over yet").into());
        }
        // One more: the expiry stays, since it says nothing of the action.
        let most = Erasure::MAX_TARGETS.saturating_add(1);
        let (newest, all) = self.state.entries_to_erase(&request, most)?;
        let seen = newest.len() as u64;
        let mut leaves = Vec::new();
        for index in newest {
            let own = self.own_statement(index)?;
            if own.is_some_and(|s| s.kind() != Kind::Expiry) {
                leaves.push(index);
            }
        }
        let spare = leaves.len().saturating_sub(Erasure::MAX_TARGETS);
        leaves.truncate(Erasure::MAX_TARGETS);
        leaves.sort_unstable();
        if leaves.is_empty() {
            return Err(Refusal::Erased(leaf).into());
        }
        let left = all.saturating_sub(seen).saturating_add(spare as u64);
        Ok(ErasurePlan { request: Some(request), leaves, left })
    }

    /// Makes the order of erasure of a leaf of the main log for the holder of `signer`, an
    /// administrator, to sign: of as much as [`Ledger::erasure_plan`] gives. It is kept for ten
    /// minutes. The reason stays in the log for ever.
    ///
    /// Waits for a cosigned checkpoint that covers what is to go.
    ///
    /// # Errors
    /// Those of [`Ledger::erasure_plan`]; `person.not_authorised`, `witness.quorum`,
    /// `document.value` for a reason of more than 4096 bytes.
    pub fn prepare_erasure(
        &self,
        leaf: u64,
        reason: &str,
        signer: &[u8],
    ) -> Result<ErasureToSign, Error> {
        // What an earlier failure left undone is not to be ordered again.
        self.finish_erasures()?;
        let plan = self.erasure_plan(leaf)?;
        let last = plan.leaves.last().copied().unwrap_or(leaf);
        self.publisher(LogId::Main).covering(last.saturating_add(1))?;
        let after = self.current_after()?;
        let person = self.check_role(signer, after.gov.size, Role::Administrator)?;
        let target = |index: &u64| -> Result<ErasureTarget, Error> {
            Ok(ErasureTarget { index: *index, entry: self.main.entry(*index)? })
        };
        let document = self.document(Body::Erasure(Erasure {
            targets: plan.leaves.iter().map(target).collect::<Result<_, _>>()?,
            reason: reason.to_owned(),
            signer: Signer { person, credential: signer.to_vec() },
            after,
        }))?;
        let text = render::render("", document.bytes())?;
        Ok(ErasureToSign { to_sign: self.to_sign(document, signer.to_vec(), text)?, plan })
    }

    /// Checks a signed order, records it, and erases. When this returns `Ok`, the bodies are gone.
    ///
    /// # Errors
    /// `erase.changed` when something was filed meanwhile that depends on it, or another order was
    /// faster: nothing was recorded, and the order has to be prepared again.
    /// `answer.document_unknown`, `answer.assertion`, `person.not_authorised`, and those of the
    /// log. `erase.unfinished` for an order that is on record, and is carried out later.
    pub fn confirm_erasure(&self, document: &Digest, signed: Signed) -> Result<Erased, Error> {
        let bytes = lock(&self.pending).bytes(document, self.now())?;
        let document = Document::parse(&bytes)?;
        let Body::Erasure(order) = &document.body else {
            return Err(Refusal::DocumentUnknown.into());
        };
        let namespace = document.kind().namespace().ok_or(Refusal::DocumentUnknown)?;
        let assertion = signed.under(namespace);
        let credential = order.signer.credential.clone();
        self.check_assertion(&document, &assertion, &credential)?;
        let sha256 = *document.sha256();
        let _one = lock(&self.erasing);
        let (appended, plan) = {
            // Nobody is revoked, and nothing about a request is filed, until it is on record.
            let _still = read(&self.gate);
            let _alone = write(&self.filing);
            self.check_role(&credential, order.after.gov.size, Role::Administrator)?;
            let first = order.targets.first().map_or(0, |target| target.index);
            let ordered = order.targets.iter().map(|target| target.index);
            let plan = match self.erasure_plan(first) {
                Ok(plan) if plan.leaves.iter().copied().eq(ordered) => plan,
                Ok(_) | Err(Error::Refused(_)) => {
                    lock(&self.pending).remove(&sha256);
                    return Err(Refusal::ErasureChanged.into());
                }
                Err(error) => return Err(error),
            };
            let mut issue = Issue { assertions: vec![assertion], ..Issue::by_ledger(document) };
            issue.about.clone_from(&plan.request);
            if let Some(request) = &plan.request
                && self.main.holder(&erased_key(request))?.is_none()
            {
                issue.once.push(erased_key(request));
            }
            (self.issue(issue)?.map_err(|_| Refusal::DocumentUnknown)?, plan)
        };
        lock(&self.pending).remove(&sha256);
        tracing::debug!(step = "recorded", "erasure");
        self.finish().map_err(|error| {
            tracing::warn!(%error, "an erasure is not finished yet; it will be");
            Refusal::ErasureUnfinished(appended.index)
        })?;
        Ok(Erased { order: appended, left: plan.left })
    }

    /// Whether something about this request was ordered to be erased: then nothing is filed about
    /// it any more.
    ///
    /// # Errors
    /// `ledger.sqlite`.
    pub fn is_erased(&self, request: &str) -> Result<bool, Error> {
        Ok(self.main.holder(&erased_key(request))?.is_some())
    }

    /// Has copies forgotten that somebody keeps of requests: of what was erased before now and they
    /// have not been told of, and of all that will be. There is one such keeper; the first stays.
    ///
    /// # Errors
    /// Those of the copies.
    pub fn keep_copies(&self, forget: Copies) -> Result<(), Error> {
        let _one = lock(&self.erasing);
        self.copies.get_or_init(|| forget);
        self.tell_copies()
    }

    /// Erases what orders on record name and what is still there: after an order, and at start.
    ///
    /// # Errors
    /// Those of the log, and `ledger.sqlite`.
    pub(super) fn finish_erasures(&self) -> Result<(), Error> {
        let _one = lock(&self.erasing);
        self.finish()
    }

    fn finish(&self) -> Result<(), Error> {
        loop {
            let open = self.state.erasures_open()?;
            if open.is_empty() {
                break;
            }
            self.main.withhold(open.iter().map(|(leaf, _)| *leaf))?;
            self.decisions.forget();
            let mut requests: Vec<&str> = open.iter().filter_map(|(_, r)| r.as_deref()).collect();
            requests.dedup();
            let mut late = None;
            // Bodies first: what keeps a file of SQLite from being emptied keeps none of them.
            for (leaf, _) in &open {
                self.main.erase(*leaf)?;
                tracing::debug!(step = "body", "erasure");
            }
            for request in requests {
                lock(&self.pending).remove_about(request);
                unless_read(self.state.forget_request(request), &mut late)?;
                tracing::debug!(step = "rows", "erasure");
                unless_read(self.outbound().forget(request), &mut late)?;
                tracing::debug!(step = "deliveries", "erasure");
            }
            for (leaf, _) in &open {
                unless_read(self.index().erase_rows(LogId::Main, *leaf), &mut late)?;
            }
            tracing::debug!(step = "index", "erasure");
            if let Some(error) = late {
                return Err(error);
            }
            self.state.erased(open.iter().map(|(leaf, _)| *leaf))?;
            tracing::debug!(step = "done", "erasure");
        }
        self.tell_copies()
    }

    fn tell_copies(&self) -> Result<(), Error> {
        let Some(forget) = self.copies.get() else { return Ok(()) };
        loop {
            let untold = self.state.untold()?;
            if untold.is_empty() {
                return Ok(());
            }
            for request in untold {
                forget(&request)?;
                self.state.told(&request)?;
            }
        }
    }
}

/// Who reads a file of SQLite keeps that one from being emptied, and none of the other steps.
fn unless_read(step: Result<(), Error>, late: &mut Option<Error>) -> Result<(), Error> {
    match step {
        Err(error) if error.is_sqlite_busy() => {
            late.get_or_insert(error);
            Ok(())
        }
        other => other,
    }
}

/// The key that the first order about a request takes, and that nothing else about it may find
/// taken.
pub(super) fn erased_key(request: &str) -> OnceKey {
    once_key("erased", &[request.as_bytes()])
}

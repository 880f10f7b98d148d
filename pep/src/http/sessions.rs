//! The counts of sessions, as they follow from the main log.
//!
//! They are made again from the log when the service starts and when a policy comes into force that
//! counts something else, so that nothing that was answered is forgotten and nothing of a session
//! is kept in a file.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use placet_ledger::service::{Ledger, Refusal};
use placet_ledger::{Error as LedgerError, LogId, Statement as Stored};
use placet_proto::action::Action;
use placet_proto::document::{Body, Decision, Execution, Initiator, Verdict};
use placet_proto::statement::Statement;

use crate::Error;
use crate::pdp::{Denial, Outcome, Requirement};
use crate::session::{Book, Delta, Entry, Refused, SessionRule, Ticket};

/// The most entries of the log that are read for the counts.
const MAX_READ: u64 = 200_000;
/// How far the clock may have been set back between two entries, in seconds.
const SLACK_S: u64 = 600;
/// The reasons of denials that no session was entered for: none counts, then or when counts are
/// made again.
const FULL: &str = "pdp.session_full";
const UNKNOWN: &str = "pdp.session_unknown";

/// The counts for the policy in force; none where it counts nothing.
#[derive(Default)]
pub struct Sessions(RwLock<Option<Book>>);

/// The counts, for as long as a decision takes until it is recorded: what is recorded meanwhile is
/// in the log when they are made again, and what is recorded later is counted in the new ones.
pub struct Hold<'s>(RwLockReadGuard<'s, Option<Book>>);

impl Hold<'_> {
    /// The counts, if any are kept.
    pub fn book(&self) -> Option<&Book> {
        self.0.as_ref()
    }

    /// Decides in the session of an action. Where nothing is counted, there is no ticket.
    ///
    /// # Errors
    /// `pdp.session`, `pdp.session_full`, `pdp.session_unknown`.
    pub fn enter<R>(
        &self,
        action: &Action,
        initiator: &Initiator,
        now: u64,
        decide: impl FnOnce(Option<(&placet_proto::document::SessionSeen, &Entry)>) -> (R, Delta),
    ) -> Result<(R, Option<Counting<'_>>), Denial> {
        let Some(book) = self.book() else { return Ok((decide(None).0, None)) };
        let entry = book.rule().entry(action, initiator)?;
        let entered = book.enter(&entry, now, |seen| decide(Some((seen, &entry))));
        match entered {
            Ok((out, ticket)) => Ok((out, Some(Counting { book, entry, ticket }))),
            Err(refused) => Err(why(refused)),
        }
    }
}

/// A request that is decided and not yet on record.
pub struct Counting<'h> {
    book: &'h Book,
    entry: Entry,
    ticket: Ticket<'h>,
}

impl Counting<'_> {
    /// The decision is on record.
    pub fn decided(self, outcome: &Outcome, at: u64) {
        let delta = self.book.rule().decided(outcome, &self.entry.amounts);
        self.ticket.settle(&delta, at);
    }

    /// A decision about it is on record, and more may come of it.
    pub fn noted(&self, outcome: &Outcome, at: u64) {
        let delta = self.book.rule().decided(outcome, &self.entry.amounts);
        // There is room for a session that is held.
        let _ = self.book.count(&self.entry, &delta, at);
    }

    /// The execution is on record.
    pub fn executed(self, at: u64) {
        let delta = self.book.rule().executed(&self.entry.amounts);
        self.ticket.settle(&delta, at);
    }
}

impl Sessions {
    /// Counts by this rule from now on.
    ///
    /// # Errors
    /// Those of reading the log.
    pub fn follow(&self, ledger: &Ledger, rule: Option<&SessionRule>) -> Result<(), Error> {
        if self.hold().book().map(Book::rule) == rule {
            return Ok(());
        }
        // Waits for every decision that is under way.
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().map(Book::rule) != rule {
            *held = rule.map(|rule| made_again(ledger, rule)).transpose()?;
        }
        Ok(())
    }

    /// The counts, which stay what they are as long as this is held.
    pub fn hold(&self) -> Hold<'_> {
        Hold(self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads the log backwards as far as the window reaches.
fn made_again(ledger: &Ledger, rule: &SessionRule) -> Result<Book, LedgerError> {
    let now = ledger.now().0;
    let reach = rule.window_s.saturating_add(rule.width());
    let oldest = now.saturating_sub(reach.saturating_add(SLACK_S));
    let blind = now.saturating_add(reach);
    let log = ledger.log(LogId::Main);
    let size = log.size();
    let mut book = Book::new(rule.clone(), 0);
    for (read, index) in (0..size).rev().enumerate() {
        if u64::try_from(read).unwrap_or(u64::MAX) >= MAX_READ {
            tracing::warn!("sessions are counted anew: the log is too long to count from it");
            return Ok(Book::new(rule.clone(), blind));
        }
        // What is erased is not counted any more, and what others stated never was.
        let Stored::Present(bytes) = log.statement(index)? else { continue };
        let Ok(statement) = Statement::parse(&bytes) else { continue };
        if statement.header.iat < oldest {
            break;
        }
        let counted = match &statement.document.body {
            Body::Decision(decision) => of_decision(rule, decision),
            Body::Execution(execution) => of_execution(ledger, rule, execution)?,
            _ => None,
        };
        if let Some((entry, delta, at)) = counted
            && book.made_again(&entry, &delta, (at, now, blind)).is_err()
        {
            return Ok(Book::new(rule.clone(), blind));
        }
    }
    Ok(book)
}

fn of_decision(rule: &SessionRule, decision: &Decision) -> Option<(Entry, Delta, u64)> {
    if [FULL, UNKNOWN].contains(&decision.reason.as_str()) {
        return None;
    }
    let entry = rule.entry(&decision.action, &decision.initiator).ok()?;
    let outcome = match (decision.decision, decision.approvals.is_empty()) {
        (Verdict::Permit, true) => Outcome::Permit(None),
        (Verdict::Permit, false) => Outcome::Permit(Some(Requirement::default())),
        (Verdict::Requestable, _) => Outcome::Requestable(Requirement::default()),
        (Verdict::Deny, _) => Outcome::Deny(Denial { code: "pdp.denied", detail: String::new() }),
    };
    let delta = rule.decided(&outcome, &entry.amounts);
    Some((entry, delta, decision.at.0))
}

fn of_execution(
    ledger: &Ledger,
    rule: &SessionRule,
    execution: &Execution,
) -> Result<Option<(Entry, Delta, u64)>, LedgerError> {
    let view = match ledger.request(&execution.request) {
        Ok(view) => view,
        // Erased, or of a request that is no more.
        Err(LedgerError::Refused(Refusal::Erased(_) | Refusal::RequestUnknown)) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let entry = rule.entry(&view.decision.action, &view.decision.initiator).ok();
    Ok(entry.map(|entry| {
        let delta = rule.executed(&entry.amounts);
        (entry, delta, execution.at.0)
    }))
}

fn why(refused: Refused) -> Denial {
    let (code, detail) = match refused {
        Refused::Full => (FULL, "too many sessions are open"),
        Refused::Unknown => (UNKNOWN, "what happened before in this session is not known yet"),
    };
    Denial { code, detail: detail.to_owned() }
}

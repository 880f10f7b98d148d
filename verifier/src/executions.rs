//! Checks of an execution and its outcome: steps 21 to 23 of SPEC.md 9. Both are the PEP's word;
//! what is checked is that the word fits what was approved.

use placet_proto::b64::encode_hex;
use placet_proto::document::{Execution, Outcome, OutcomeResult};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use crate::answers::{self, Given, Interval};
use crate::context::Context;
use crate::quorum::Approvals;
use crate::report::Problem;

type Checked = Result<String, Problem>;

/// An execution with what belongs to it.
pub(crate) struct Executed<'e> {
    pub(crate) index: u64,
    pub(crate) statement: &'e Statement,
    pub(crate) execution: &'e Execution,
    pub(crate) outcome: Option<(u64, &'e Outcome)>,
}

/// Step 21: what was executed is what was approved, by the PEP named, once after the approvals.
pub(crate) fn bound(executed: &Executed<'_>, approvals: &Approvals<'_, '_>) -> Checked {
    let e = executed.execution;
    let mut spent = Vec::new();
    for named in &e.approvals {
        if approvals.erased.contains(&named.index) {
            return Err(Problem::open("body.erased", format!("approval at leaf {}", named.index)));
        }
        let found = approvals
            .all()
            .find(|g| g.index == named.index && *g.document().sha256() == named.document_sha256);
        let Some(approval) = found else {
            return Err(Problem::failed("execution.approval", format!("leaf {}", named.index)));
        };
        matches_approval(executed, approval)?;
        spent.push(approval);
    }
    if let Some(quorum) = approvals.all().next().map(|g| &g.answer.quorum) {
        approvals.enough(quorum, spent.into_iter())?;
    }
    Ok(format!("leaf {}, spends {} approval(s)", executed.index, e.approvals.len()))
}

fn matches_approval(executed: &Executed<'_>, approval: &Given<'_>) -> Result<(), Problem> {
    let (e, a) = (executed.execution, approval.answer);
    if e.audience != a.audience {
        return Err(Problem::failed("execution.audience", "another enforcement point")
            .versus(&a.audience, &e.audience));
    }
    if e.initiator != a.initiator {
        let show = |i: &placet_proto::document::Initiator| format!("{}/{}", i.kind, i.id);
        return Err(Problem::failed("execution.initiator", "another agent")
            .versus(show(&a.initiator), show(&e.initiator)));
    }
    let approved = a.action.digest();
    if e.action_digest != approved {
        return Err(Problem::failed("execution.action", "another action")
            .versus(encode_hex(approved), encode_hex(e.action_digest)));
    }
    if e.raw != a.raw {
        return Err(Problem::failed("execution.raw", "other bytes"));
    }
    if executed.index <= approval.index || e.after.main.size <= approval.index {
        return Err(Problem::failed(
            "order.index",
            "the execution does not come after the approval",
        )
        .versus(
            format!("index and after.main.size > {}", approval.index),
            format!("{} and {}", executed.index, e.after.main.size),
        ));
    }
    Ok(())
}

/// Step 22.
pub(crate) fn outcome(executed: &Executed<'_>) -> Checked {
    let Some((index, o)) = executed.outcome else {
        return Err(Problem::open("outcome.absent", "no outcome in the evidence"));
    };
    let e = executed.execution;
    let named = &o.execution;
    let names_it = named.index == executed.index
        && named.document_sha256 == *executed.statement.document.sha256()
        && o.audience == e.audience;
    if !names_it {
        return Err(Problem::failed("outcome.mismatch", "the outcome names another execution"));
    }
    if index <= executed.index || o.after.main.size <= executed.index {
        return Err(Problem::failed(
            "order.index",
            "the outcome does not come after the execution",
        ));
    }
    if o.action_digest != e.action_digest || o.raw != e.raw {
        return Err(Problem::failed("outcome.mismatch", "something else ran")
            .versus(encode_hex(e.action_digest), encode_hex(o.action_digest)));
    }
    if o.result == OutcomeResult::Unknown {
        return Err(Problem::open("outcome.unknown", format!("leaf {index}")));
    }
    Ok(format!("{}, leaf {index}, by the word of the enforcement point", o.result.name()))
}

/// When the execution was recorded: not before its own document's T1 and each approval's.
pub(crate) fn interval(
    cx: &Context<'_>,
    executed: &Executed<'_>,
    approvals: &[Interval],
) -> Result<Interval, Problem> {
    // An execution whose `after` is fine but whose approvals are not says nothing new about time.
    let own = answers::lower(cx, &executed.execution.after)?;
    let t1 = approvals.iter().map(|a| a.t1).fold(own, u64::max);
    let t2 = answers::upper(cx, executed.index)?;
    if t1 >= t2 {
        return Err(Problem::open(
            "time.clock_skew",
            "the execution's bounds contradict each other",
        ));
    }
    Ok(Interval { t1, t2 })
}

/// Step 23.
pub(crate) fn not_after(when: Result<Interval, Problem>, approvals: &Approvals<'_, '_>) -> Checked {
    let Some(limit) = approvals.all().map(|g| g.answer.not_after.0).min() else {
        return Err(approvals.too_few(Problem::failed("quorum.unmet", "nobody approved")));
    };
    let when = when?;
    let shown = |t| UnixSeconds(t).to_string();
    if when.t1 >= limit {
        return Err(Problem::failed("not_after.expired", "executed too late")
            .versus(format!("before {}", shown(limit)), format!("not before {}", shown(when.t1))));
    }
    if when.t2 <= limit {
        return Ok(format!("before {}", shown(limit)));
    }
    Err(Problem::open("not_after.undecided", "the interval straddles the limit").versus(
        format!("before {}", shown(limit)),
        format!("between {} and {}", shown(when.t1), shown(when.t2)),
    ))
}

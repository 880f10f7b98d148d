//! Step 19 of SPEC.md 9: that nothing on which an answer rests was taken back before it was given
//! (9.5).

use placet_proto::document::{Revocation, Role, RoleChange};
use placet_proto::time::UnixSeconds;

use crate::answers::{Given, Interval};
use crate::context::Context;
use crate::governance::{Judged, short};
use crate::notes::OpenNote;
use crate::report::{Problem, Status};

type Effect = Result<(), Problem>;

/// Step 19: not revoked then, by the smallest governance checkpoint of a later time.
pub(crate) fn roster_current(
    cx: &Context<'_>,
    given: Given<'_>,
    when: Interval,
) -> Result<String, Problem> {
    let after = given.answer.after.gov.size;
    let g2 = closing_note(cx, after, when)?;
    let credential = &given.answer.approver.credential;
    let Some(enrolled) = cx.governance.enrolment(credential) else {
        return Err(Problem::failed("lineage.unknown_credential", short(credential)));
    };
    // What an approval counts by has to be as current as that its giver is an approver at all.
    let quorum = given.is_approval().then_some(&given.answer.quorum);
    let by = quorum.map(|q| cx.governance.counts_by(q, credential, after)).transpose()?;
    let by = by.unwrap_or_default();
    let mut worst = Ok(());
    for r in cx.governance.revocations(credential).filter(|r| r.index < g2.size) {
        note(&mut worst, if_counted(r, revocation(cx, r, after, when)));
    }
    for change in cx.governance.role_changes(&enrolled.document.person) {
        if change.index >= after && change.index < g2.size {
            note(&mut worst, if_counted(change, role_change(cx, change, &by, when)));
        }
    }
    // The last role that stands gave both, so that what an approval counts by has no others.
    for (voucher, entry) in cx.governance.vouchers(credential, after, Role::Approver)? {
        note(&mut worst, voucher_current(cx, &voucher, entry, g2));
    }
    worst.map(|()| format!("no revocation before governance size {}", g2.size))
}

fn closing_note<'c>(
    cx: &'c Context<'_>,
    after: u64,
    when: Interval,
) -> Result<&'c OpenNote, Problem> {
    cx.gov_notes.closing(after, when.t2).ok_or_else(|| {
        let code = if cx.gov.policy.is_none() { "time.not_checked" } else { "time.upper_open" };
        Problem::open(
            code,
            format!("no governance checkpoint cosigned at or after {}", UnixSeconds(when.t2)),
        )
    })
}

/// What a revocation of the approver's credential does to the answer, if it counts.
fn revocation(cx: &Context<'_>, r: &Judged<Revocation>, after: u64, when: Interval) -> Effect {
    let from = r.document.effective_from.0;
    if r.index < after {
        return match from {
            f if f >= when.t2 => Ok(()),
            f if f <= when.t1 => {
                Err(Problem::failed("roster.revoked", format!("governance entry {}", r.index))
                    .versus(
                        format!("revoked after {}", UnixSeconds(when.t2)),
                        r.document.effective_from.to_string(),
                    ))
            }
            _ => Err(disputed(r.index, "a revocation")),
        };
    }
    let later = from >= when.t2 && cx.signed_not_before(r.index).is_some_and(|t| t >= when.t2);
    if later { Ok(()) } else { Err(disputed(r.index, "a revocation")) }
}

/// A change that leaves the person without the approver role, or with no role that the approval
/// counts by.
fn role_change(
    cx: &Context<'_>,
    change: &Judged<RoleChange>,
    by: &[Role],
    when: Interval,
) -> Effect {
    let roles = &change.document.roles;
    let counts = by.is_empty() || by.iter().any(|role| roles.contains(role));
    let later = cx.signed_not_before(change.index).is_some_and(|t| t >= when.t2);
    if later || (counts && roles.contains(&Role::Approver)) {
        return Ok(());
    }
    Err(disputed(change.index, "a role change"))
}

/// A revocation of a key that vouched has no effect on what is proved to be older.
fn voucher_current(cx: &Context<'_>, voucher: &[u8], entry: u64, g2: &OpenNote) -> Effect {
    let known_by = cx.gov_notes.before(entry);
    let mut worst = Ok(());
    for r in cx.governance.revocations(voucher).filter(|r| r.index < g2.size) {
        if known_by.is_none_or(|u| r.document.effective_from.0 < u) {
            let effect = Err(disputed(r.index, "a revocation of an authoriser"));
            note(&mut worst, if_counted(r, effect));
        }
    }
    worst
}

/// A document that would matter here but that nobody who may has signed leaves the verdict open.
fn if_counted<T>(judged: &Judged<T>, effect: Effect) -> Effect {
    match (effect, &judged.authorised) {
        (Err(_), Err(why)) => {
            let detail =
                format!("governance entry {}: {} ({})", judged.index, why.detail, why.code);
            Err(Problem::open("governance.unauthorised", detail))
        }
        (effect, _) => effect,
    }
}

/// Keeps the first problem, but for a failure, which outweighs what is merely open.
fn note(worst: &mut Effect, effect: Effect) {
    let outweighs = match (&worst, &effect) {
        (_, Ok(())) => false,
        (Ok(()), Err(_)) => true,
        (Err(first), Err(p)) => first.status != Status::Failed && p.status == Status::Failed,
    };
    if outweighs {
        *worst = effect;
    }
}

fn disputed(index: u64, what: &str) -> Problem {
    Problem::open(
        "roster.disputed",
        format!("{what} at governance entry {index} can't be put in order"),
    )
}

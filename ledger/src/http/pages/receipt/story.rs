//! What happened, in words: one sentence, and the statements in the order of the log.

use maud::{Markup, html};
use placet_proto::document::{Answer, Body};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_verifier::{AnswerFacts, RequestFacts};

use super::{Order, Row, RowBody, Shown};
use crate::http::pages::parts::moment;
use crate::service::RequestState;
use crate::service::render::escape;

/// The action and its resource.
pub fn title(shown: &Shown) -> String {
    action_of(shown).unwrap_or_else(|| format!("Request {}", shown.request))
}

/// "N approved X for agent Y between T1 and T2 under policy P; the PEP let it run once." Only what
/// the verifier found is said; who wants to know how sure that is reads the verdict above it.
pub fn sentence(shown: &Shown) -> Markup {
    let action = title(shown);
    let Some(facts) = shown.facts() else {
        return html! { "The evidence could not be judged; nothing is known from it." };
    };
    let Some(answer) = facts.answer else { return unanswered(shown, &action) };
    let names: Vec<String> = facts.answers.iter().map(name_of).collect();
    let agent = facts.initiator.as_deref().map(escape).unwrap_or_default();
    let verb = if answer == "denied" { "refused" } else { "approved" };
    html! {
        strong { (names.join(" and ")) } " " (verb) " " strong { (action) }
        " for agent " strong { (agent) } " " (interval(&facts.answers))
        @if let Some(index) = facts.policy_index {
            " under policy " a href={ "/receipt/gov/" (index) } { "no. " (index) }
            @if let Some(manifest) = &facts.policy_manifest {
                " (" code { (manifest.get(..12).unwrap_or(manifest)) } "…)"
            }
        }
        @if answer == "approved" { (execution(facts)) }
        "."
    }
}

fn unanswered(shown: &Shown, action: &str) -> Markup {
    if shown.rows.iter().any(|row| matches!(row.body, RowBody::Erased(_))) {
        return html! {
            "What was asked and what was answered is " strong { "erased" } ". Its entries in the "
            "log remain, and the order that erased it."
        };
    }
    let why = match shown.state {
        Some(RequestState::Expired) => "nobody answered in time",
        Some(RequestState::Cancelled) => "the request was withdrawn",
        Some(RequestState::Open) => "the request waits for an answer",
        Some(RequestState::Offered) => "nobody asked for an approval",
        _ => "the evidence holds no answer",
    };
    html! { "Nobody approved " strong { (action) } ": " (why) "." }
}

fn execution(facts: &RequestFacts) -> Markup {
    let audience = facts.audience.as_deref().map(escape).unwrap_or_default();
    let Some(run) = &facts.execution else {
        return html! { "; no execution of it is in the evidence" };
    };
    html! {
        "; by its own word, the enforcement point " strong { (audience) } " let it run once "
        (between(run.t1, run.t2))
        @match run.outcome {
            Some(outcome) => { " with outcome " strong { (outcome) } }
            None => { ", and no outcome is recorded yet" }
        }
    }
}

/// The time in which all answers lie.
fn interval(answers: &[AnswerFacts]) -> Markup {
    let first: Option<Vec<u64>> = answers.iter().map(|a| a.t1).collect();
    let last: Option<Vec<u64>> = answers.iter().map(|a| a.t2).collect();
    let first = first.and_then(|times| times.into_iter().min());
    let last = last.and_then(|times| times.into_iter().max());
    between(first, last)
}

fn between(t1: Option<u64>, t2: Option<u64>) -> Markup {
    match (t1, t2) {
        (Some(t1), Some(t2)) => html! { "between " (time(t1)) " and " (time(t2)) },
        (Some(t1), None) => html! { "not before " (time(t1)) },
        (None, Some(t2)) => html! { "before " (time(t2)) },
        (None, None) => html! { "at a time that is not proven" },
    }
}

fn time(seconds: u64) -> Markup {
    moment(UnixSeconds(seconds))
}

fn name_of(answer: &AnswerFacts) -> String {
    match &answer.name {
        Some(name) => escape(name),
        None => format!("person {}", answer.person),
    }
}

fn action_of(shown: &Shown) -> Option<String> {
    shown.rows.iter().find_map(|row| match &row.body {
        RowBody::Present(statement) => {
            let action = match &statement.document.body {
                Body::Decision(d) => &d.action,
                Body::Approval(a) | Body::Denial(a) => &a.action,
                _ => return None,
            };
            let (kind, id) = action.resource_ref();
            Some(format!("{} on {}/{}", escape(action.name()), escape(kind), escape(id)))
        }
        RowBody::Erased(_) => None,
    })
}

/// Every statement about the request, in the order of the log. What the witnesses' stamps say about
/// when stands beside what the issuer says.
pub fn timeline(shown: &Shown) -> Markup {
    html! {
        ol.timeline data-testid="timeline" {
            @for row in &shown.rows {
                li {
                    (when(row))
                    div {
                        (what(row, shown.facts()))
                        div.small {
                            a href={ "/receipt/main/" (row.index) } { "leaf " (row.index) }
                            (proven(row, shown.facts()))
                        }
                    }
                }
            }
            @if let Some((size, before)) = shown.witnessed {
                li {
                    (time(before))
                    div {
                        "Witnessed: before this time, a checkpoint of size " (size)
                        " with all of the above in it was cosigned."
                        div.small { "proven" }
                    }
                }
            }
        }
        p.small {
            "Times on the left are the issuer's word. Proven times rest on the witnesses."
        }
    }
}

fn when(row: &Row) -> Markup {
    match &row.body {
        RowBody::Present(statement) => time(statement.header.iat),
        RowBody::Erased(_) => html! { span { "erased" } },
    }
}

fn proven(row: &Row, facts: Option<&RequestFacts>) -> Markup {
    let answer = facts.and_then(|f| f.answers.iter().find(|a| a.index == row.index));
    let run = facts.and_then(|f| f.execution.as_ref()).filter(|run| run.index == row.index);
    let (t1, t2) = match (answer, run) {
        (Some(answer), _) => (answer.t1, answer.t2),
        (None, Some(run)) => (run.t1, run.t2),
        (None, None) => return html! {},
    };
    html! { " · proven: " (between(t1, t2)) }
}

fn what(row: &Row, facts: Option<&RequestFacts>) -> Markup {
    let statement: &Statement = match &row.body {
        RowBody::Present(statement) => statement,
        RowBody::Erased(order) => return erased(order.as_ref()),
    };
    match &statement.document.body {
        Body::Decision(d) => html! {
            "Decided: " strong { (d.decision.name()) } ", " (escape(&d.reason))
            @if let Some(quorum) = &d.quorum {
                " (" (quorum.required) " " @if quorum.required == 1 { "person" } @else { "persons" }
                " needed)"
            }
        },
        Body::Approval(a) => said("Approved", row, a, facts),
        Body::Denial(a) => said("Refused", row, a, facts),
        Body::Expiry(_) => html! { "Expired: nobody answered, or nobody used the approval." },
        Body::Cancel(e) => html! {
            "Withdrawn" @if let Some(reason) = &e.reason { ": " (escape(reason)) }
        },
        Body::Execution(e) => html! {
            "Executed once, by the word of " (escape(&e.audience)) ", spending "
            (e.approvals.len()) @if e.approvals.len() == 1 { " approval" } @else { " approvals" }
        },
        Body::Outcome(o) => html! {
            "Outcome: " strong { (o.result.name()) }
            @if !o.detail.is_empty() { ", " (escape(&o.detail)) }
        },
        other => html! { (other.kind().name()) },
    }
}

/// What stands in the place of an erased statement, with the order that it was erased by.
pub fn erased(order: Option<&Order>) -> Markup {
    html! {
        "The body of this statement was erased"
        @match order {
            Some(order) => {
                " by order of " strong { (order.name.as_ref().unwrap_or(&order.person)) } " ("
                a href={ "/receipt/main/" (order.index) } { "leaf " (order.index) } "): "
                q { (escape(&order.reason)) }
            }
            None => { ", and no order for it is known" }
        }
        ". Its place in the log is still proven."
    }
}

fn said(verb: &str, row: &Row, answer: &Answer, facts: Option<&RequestFacts>) -> Markup {
    let found = facts.and_then(|f| f.answers.iter().find(|a| a.index == row.index));
    let name = found.map_or_else(|| format!("person {}", answer.approver.person), name_of);
    html! {
        (verb) " by " strong { (name) } " with a passkey ("
        @if let Some(class) = found.and_then(|a| a.key_class) { (class) ", " }
        (escape(&answer.surface)) ")"
        @if let Some(reason) = &answer.reason { ": " q { (escape(reason)) } }
    }
}

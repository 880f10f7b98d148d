//! The result of `check` as text. The words are the same with or without colour or terminal.

use std::fmt::Write as _;

use placet_proto::action::Action;
use placet_proto::json;
use placet_verifier::Status;

use crate::escape;
use crate::exit::Exit;
use crate::output::style;
use crate::result::{AnswerView, CheckView, FileResult, RequestView};

/// Column of the details behind a check's id.
const ID_WIDTH: usize = 20;

/// The whole text of a result; with `quiet` only the verdict and its caveats.
#[must_use]
pub fn render(result: &FileResult, quiet: bool) -> String {
    let mut out = String::new();
    verdict(&mut out, result);
    if quiet {
        return out;
    }
    for request in &result.requests {
        facts(&mut out, request, result.exit == Exit::Passed);
    }
    checks(&mut out, result);
    if !result.not_checked.is_empty() {
        line(&mut out, &format!("  Not checked or open: {}", result.not_checked.join(", ")));
    }
    line(&mut out, "  What this does not prove (SPEC.md 16):");
    for item in result.not_proved {
        line(&mut out, &format!("    - {item}"));
    }
    basis(&mut out, result);
    out
}

/// A verdict's word in its colour.
#[must_use]
pub fn word(exit: Exit) -> String {
    let color = match exit {
        Exit::Passed => style::GOOD,
        Exit::Indeterminate => style::OPEN,
        _ => style::BAD,
    };
    format!("{color}{}{}", exit.word(), style::RESET)
}

fn verdict(out: &mut String, result: &FileResult) {
    let code = result.code.map(|code| format!("  [{code}]")).unwrap_or_default();
    line(out, &format!("{}  {}{code}", word(result.exit), result.input.path));
    for caveat in &result.caveats {
        let caveat = escape::line(caveat);
        line(out, &format!("  {}{caveat}{}", style::OPEN, style::RESET));
    }
    let decided_by = result.checks.iter().map(|view| &view.check);
    let mut decided_by = decided_by.filter(|c| c.status != Status::Passed && c.code == result.code);
    if let (Some(_), Some(check)) = (result.code, decided_by.next()) {
        line(out, &format!("  Decided by {}: {}", check.id, escape::line(&check.detail)));
    }
    if let Some(detail) = &result.detail {
        line(out, &format!("  {detail}"));
        if let Some(next) = result.code.and_then(crate::codes::next) {
            line(out, &format!("  Next: {next}"));
        }
    }
    if result.exit == Exit::Indeterminate {
        line(out, "  This is no verdict on the evidence: something could not be decided.");
    }
}

fn facts(out: &mut String, request: &RequestView, passed: bool) {
    let title = if passed {
        "What is shown"
    } else {
        "What the evidence says; NOT established, see the verdict"
    };
    line(out, &format!("  {title}: request {}", escape::line(&request.request)));
    for answer in &request.answers {
        line(out, &format!("    {}", sentence(request, answer)));
        let said = answer.origin.as_deref().unwrap_or("unknown");
        let class = answer.key_class.unwrap_or("unknown");
        let surface = &answer.surface;
        field(out, "passkey", &answer.credential, "signed by the person");
        field(out, "origin", said, "the client's word");
        field(out, "key class", &format!("{class}, surface {surface}"), "the service's word");
        for step in &answer.lineage {
            field(out, "trusted by", step, "");
        }
    }
    if let Some(action) = &request.action {
        field(out, "action", action, "signed by the person");
    }
    let short = [
        ("digest", request.action_digest.as_deref(), "computed"),
        ("enforced by", request.audience.as_deref(), "signed by the person"),
        ("agent", request.initiator.as_deref(), "signed by the person"),
        ("good until", request.not_after.as_deref(), "signed by the person, exclusive"),
    ];
    for (name, value, whose) in short {
        if let Some(value) = value {
            field(out, name, value, whose);
        }
    }
    if let (Some(index), Some(manifest)) = (request.policy_index, &request.policy_manifest) {
        let policy = format!("governance entry {index}, manifest {manifest}");
        field(out, "policy", &policy, "signed by the person");
    }
    execution(out, request);
    for erased in &request.erased {
        let by = match (erased.order, &erased.person) {
            (Some(order), Some(person)) => format!("order at entry {order} of person {person}"),
            _ => "nobody's order".to_owned(),
        };
        let reason = erased.reason.as_deref().unwrap_or("none given");
        let said = format!("main log entry {}, {by}; reason: {reason}", erased.index);
        field(out, "erased", &said, "signed by the administrator");
    }
}

/// Who answered what, for whom, and when.
fn sentence(request: &RequestView, answer: &AnswerView) -> String {
    let who = match &answer.name {
        Some(name) => format!("{} (person {})", escape::line(name), escape::line(&answer.person)),
        None => format!("person {}", escape::line(&answer.person)),
    };
    let verb = request.answer.unwrap_or("answered");
    let what = request.action.as_deref().and_then(summary).unwrap_or_else(|| "it".to_owned());
    let agent = request.initiator.as_deref().unwrap_or("an agent");
    let when = interval(answer.not_before.as_deref(), answer.before.as_deref());
    format!("{who} {verb} {what} for agent {}, {when}.", escape::line(agent))
}

fn summary(action: &str) -> Option<String> {
    let action = Action::from_document(&json::parse(action.as_bytes()).ok()?).ok()?;
    let (kind, id) = action.resource_ref();
    Some(escape::line(&format!("{} on {kind} {id}", action.name())))
}

fn interval(from: Option<&str>, before: Option<&str>) -> String {
    match (from, before) {
        (Some(from), Some(before)) => format!("not before {from} and before {before}"),
        (Some(from), None) => format!("not before {from}, with no proven end"),
        (None, Some(before)) => format!("before {before}, with no proven beginning"),
        (None, None) => "at a time that is not proven".to_owned(),
    }
}

fn execution(out: &mut String, request: &RequestView) {
    let Some(execution) = &request.execution else {
        line(out, "    No execution is in the evidence.");
        return;
    };
    let when = interval(execution.not_before.as_deref(), execution.before.as_deref());
    let executed = format!("main log entry {}, {when}", execution.index);
    field(out, "executed", &executed, "the enforcement point's word");
    let outcome = execution.outcome.unwrap_or("none in the evidence");
    field(out, "outcome", outcome, "the enforcement point's word");
}

fn field(out: &mut String, name: &str, value: &str, whose: &str) {
    let whose = if whose.is_empty() { String::new() } else { format!("  ({whose})") };
    line(out, &format!("      {name:<12}{}{whose}", escape::line(value)));
}

fn checks(out: &mut String, result: &FileResult) {
    let mut request = None;
    for view in &result.checks {
        if view.check.request != request {
            request.clone_from(&view.check.request);
            if let Some(request) = &request {
                line(out, &format!("  request {}", escape::line(request)));
            }
        }
        check(out, view);
    }
}

fn check(out: &mut String, view: &CheckView) {
    let (color, word) = match view.check.status {
        Status::Passed => (style::GOOD, "pass   "),
        Status::Failed => (style::BAD, "FAIL   "),
        Status::Indeterminate => (style::OPEN, "open   "),
        Status::NotChecked => ("", "not run"),
    };
    let reset = if color.is_empty() { "" } else { style::RESET };
    let detail = escape::line(&view.check.detail);
    line(out, &format!("  {color}{word}{reset}  {:<ID_WIDTH$}  {detail}", view.check.id));
    if view.check.status == Status::Passed {
        return;
    }
    for (name, value) in [("expected", &view.check.expected), ("got", &view.check.got)] {
        if let Some(value) = value {
            line(out, &format!("           {name:<9} {}", escape::line(value)));
        }
    }
    if let Some(meaning) = view.meaning {
        line(out, &format!("           {meaning}"));
    }
    if let Some(next) = view.next {
        line(out, &format!("           Next: {next}"));
    }
    if let (Some(code), Some(spec)) = (view.check.code, view.spec) {
        let needed = if view.check.required { "required" } else { "not required" };
        line(out, &format!("           {code}, {needed}, SPEC.md {spec}"));
    }
}

/// What the verdict rests on; said in every result.
fn basis(out: &mut String, result: &FileResult) {
    let trust = &result.trust;
    let expires = trust.expires.as_ref().map_or_else(|| "never".to_owned(), Clone::clone);
    line(out, &format!("  trust file {}", trust.path));
    line(out, &format!("    sha256 {}, expires {expires}", trust.sha256));
    line(out, &format!("    {}", trust.worth));
    line(out, &format!("  as of {} (judges only whether the trust file expired)", result.as_of));
    if let Some(assumption) = &result.assumption {
        line(out, &format!("  Times rest on this assumption: {}", escape::line(assumption)));
    }
    for unknown in &result.unknown_signatures {
        line(out, &format!("  ignored, key unknown: {}", escape::line(unknown)));
    }
}

fn line(out: &mut String, text: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{text}");
}

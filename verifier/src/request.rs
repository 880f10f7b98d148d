//! The checks of one request: steps 11 and 13 to 27 of SPEC.md 9.

use std::collections::BTreeSet;

use placet_proto::b64::{encode_hex, encode_url};
use placet_proto::document::{Body, name_commitment};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use crate::answers::{self, Given, Interval};
use crate::attestation;
use crate::bundle::{Run, unique_in};
use crate::context::Context;
use crate::currency;
use crate::erasures;
use crate::evidence::{ErasedStatement, Evidence};
use crate::executions::{self, Executed};
use crate::passkey;
use crate::quorum::{self, Approvals};
use crate::report::{AnswerFacts, ExecutionFacts, Problem, RequestFacts, Status};

/// Ids with whether they are always required, in the order of SPEC.md 9. Those required only
/// when there is an execution, or when asked for, are `false` here.
pub(crate) const CHECKS: [(&str, bool); 19] = [
    ("body.present", true),
    ("answer.present", true),
    ("witness.quorum", true),
    ("assertion", true),
    ("order.after", true),
    ("lineage.root", true),
    ("policy.in_force", true),
    ("time.interval", true),
    ("roster.current", true),
    ("credential.attestation", false),
    ("quorum.met", true),
    ("execution.bound", false),
    ("outcome.bound", false),
    ("not_after", false),
    ("consumption.unique", false),
    ("action.match", false),
    ("passkey.match", false),
    ("time.between", false),
    ("answer.expected", true),
];

/// Runs every check of one request.
pub(crate) fn verify(
    run: &mut Run<'_>,
    evidence: &Evidence,
    cx: &Context<'_>,
    request: &str,
    statements: &[(u64, &Statement)],
    erased: &[&ErasedStatement],
) {
    let id = Some(request);
    let all = answers_of(statements);
    let given = claimed(&all);
    let mut facts = RequestFacts { request: request.to_owned(), ..RequestFacts::default() };
    facts.erased = erasures::facts(&cx.orders, erased);
    run.take("body.present", id, erasures::bodies(&cx.orders, erased), String::clone);
    let answered = not_ended(statements).and_then(|()| present(&all));
    let unanswered = answered.as_ref().is_err_and(|p| p.code == "answer.absent");
    if !(cx.roots.is_some() && unanswered) {
        run.take("answer.present", id, answered, String::clone);
    }
    // A whole log has every request in it: many wait, end unanswered, or are denied.
    let audited = cx.roots.is_some();
    if given.is_empty() && !audited {
        run.report.requests.push(facts);
        return;
    }
    let mut intervals = Vec::new();
    if !given.is_empty() {
        if !audited {
            expected(run, id, &given);
        }
        let mut each = Each::default();
        for answer in &given {
            let (origin, interval) = each.answer(evidence, cx, *answer);
            if !audited {
                let interval = interval.as_ref().ok();
                facts.answers.push(answer_facts(evidence, cx, *answer, origin, interval));
            }
            intervals.push((*answer, interval));
        }
        each.report(run, evidence, cx, id);
        if !audited {
            fill(&mut facts, &given);
        }
    }
    let approvals = Approvals {
        governance: cx.governance,
        given: &given,
        decisions: quorum::requestable(statements),
        erased: erased.iter().map(|e| e.index).collect(),
    };
    let denied = given.iter().all(|g| !g.is_approval());
    if given.is_empty() {
        // What was executed without an approval says so below.
    } else if denied {
        run.skip("quorum.met", id, "answer.denied", "the request was denied");
        run.set_required(false);
    } else {
        run.take("quorum.met", id, approvals.quorum(), String::clone);
    }
    executed(run, statements, cx, &approvals, &intervals, &mut facts);
    demands(run, cx, id, &given, &facts, &intervals);
    run.report.requests.push(facts);
}

/// Step 10a: every name given opens the commitment of an enrolment of that person.
pub(crate) fn openings(evidence: &Evidence, cx: &Context<'_>) -> Result<String, Problem> {
    let enrolments = cx.governance.enrolments().map(|e| &e.document);
    let committed: BTreeSet<(&str, [u8; 32])> =
        enrolments.map(|e| (e.person.as_str(), e.name_commitment)).collect();
    for opening in &evidence.openings {
        let commitment = name_commitment(&opening.salt, &opening.name);
        if !committed.contains(&(opening.person.as_str(), commitment)) {
            return Err(Problem::failed("opening.mismatch", format!("person {}", opening.person)));
        }
    }
    Ok(format!("{} names", evidence.openings.len()))
}

fn answers_of<'e>(statements: &[(u64, &'e Statement)]) -> Vec<Given<'e>> {
    let answers = statements.iter().filter_map(|(index, statement)| {
        let (Body::Approval(answer) | Body::Denial(answer)) = &statement.document.body else {
            return None;
        };
        Some(Given { index: *index, statement, answer })
    });
    answers.collect()
}

/// What the evidence claims. A denial ends its request, so approvals that came before one, of a
/// quorum that was not reached or not spent, are no part of the claim.
fn claimed<'e>(all: &[Given<'e>]) -> Vec<Given<'e>> {
    let denials: Vec<_> = all.iter().filter(|g| !g.is_approval()).copied().collect();
    if denials.is_empty() { all.to_vec() } else { denials }
}

/// A request has one end: after its denial, expiry or cancellation nobody answers or spends it.
fn not_ended(statements: &[(u64, &Statement)]) -> Result<(), Problem> {
    let (mut ended, mut spent) = (None, false);
    for (index, statement) in statements {
        let body = &statement.document.body;
        let goes_on = matches!(body, Body::Approval(_) | Body::Denial(_) | Body::Execution(_));
        if let (true, Some(end)) = (goes_on, ended) {
            let detail = format!("leaf {index} comes after the end at leaf {end}");
            return Err(Problem::failed("answer.conflict", detail));
        }
        if matches!(body, Body::Denial(_) | Body::Expiry(_) | Body::Cancel(_)) {
            ended = ended.or(Some(*index));
        }
        spent |= matches!(body, Body::Execution(_));
        if spent && matches!(body, Body::Denial(_)) {
            let detail = format!("the denial at leaf {index} comes after an execution");
            return Err(Problem::failed("answer.conflict", detail));
        }
    }
    Ok(())
}

/// Step 13.
fn present(given: &[Given<'_>]) -> Result<String, Problem> {
    let approvals = given.iter().filter(|g| g.is_approval()).count();
    let denials = given.len() - approvals;
    let persons: BTreeSet<&str> = given.iter().map(|g| g.answer.approver.person.as_str()).collect();
    if given.is_empty() {
        return Err(Problem::open("answer.absent", "neither approval nor denial"));
    }
    if persons.len() != given.len() {
        return Err(Problem::failed("answer.conflict", "a person answered twice"));
    }
    Ok(format!("{approvals} approval(s), {denials} denial(s)"))
}

/// Exit code 0 means approved, unless the caller asks for a denial.
fn expected(run: &mut Run<'_>, id: Option<&str>, given: &[Given<'_>]) {
    let approved = given.iter().any(Given::is_approval);
    let result = match (approved, run.options.expect_denial) {
        (true, false) => Ok("approved".to_owned()),
        (false, true) => Ok("denied, as expected".to_owned()),
        (false, false) => Err(Problem::failed("answer.denied", "the request was denied")),
        (true, true) => Err(Problem::failed("answer.approved", "the request was approved")),
    };
    run.take("answer.expected", id, result, String::clone);
}

/// Per-answer checks, folded into one check each: the worst of all answers counts.
#[derive(Default)]
struct Each {
    results: Vec<(&'static str, Result<String, Problem>)>,
    indexes: Vec<u64>,
}

impl Each {
    fn answer(
        &mut self,
        evidence: &Evidence,
        cx: &Context<'_>,
        given: Given<'_>,
    ) -> (Option<String>, Result<Interval, Problem>) {
        self.indexes.push(given.index);
        let assertion = answers::assertion(cx, given);
        let origin = assertion.as_ref().ok().map(|f| f.origin.clone());
        let shown = |f: crate::webauthn::AssertionFacts| {
            format!(
                "{} by {}, origin {}",
                f.rp_id,
                crate::governance::short(&given.answer.approver.credential),
                f.origin
            )
        };
        self.results.push(("assertion", assertion.map(shown)));
        self.results.push(("order.after", answers::order(cx, given)));
        self.results.push(("lineage.root", answers::lineage(cx, given)));
        self.results.push(("policy.in_force", answers::policy(cx, given)));
        let interval = answers::interval(cx, &given.answer.after, given.index);
        let span = |i: &Interval| format!("[{}, {})", UnixSeconds(i.t1), UnixSeconds(i.t2));
        self.results.push(("time.interval", interval.as_ref().map(span).map_err(Clone::clone)));
        let unwitnessed = cx.main.policy.is_none() || cx.gov.policy.is_none();
        let current = if unwitnessed {
            Err(Problem::open(
                "time.not_checked",
                "without witnesses nobody can say what came later",
            ))
        } else {
            interval.clone().and_then(|when| currency::roster_current(cx, given, when))
        };
        self.results.push(("roster.current", current));
        let attested = attestation::check(evidence, cx, given);
        self.results.push(("credential.attestation", attested));
        (origin, interval)
    }

    fn report(
        mut self,
        run: &mut Run<'_>,
        evidence: &Evidence,
        cx: &Context<'_>,
        id: Option<&str>,
    ) {
        let unwitnessed = cx.main.policy.is_none() || cx.gov.policy.is_none();
        if unwitnessed {
            run.skip("witness.quorum", id, "time.not_checked", "the policy asks for no witnesses");
            run.set_required(false);
        } else {
            run.take("witness.quorum", id, self.quorum(evidence, cx), String::clone);
        }
        for check in [
            "assertion",
            "order.after",
            "lineage.root",
            "policy.in_force",
            "time.interval",
            "roster.current",
            "credential.attestation",
        ] {
            if check == "time.interval" && unwitnessed {
                run.skip(check, id, "time.not_checked", "the policy asks for no witnesses");
                run.set_required(false);
                continue;
            }
            run.take(check, id, self.worst(check), String::clone);
        }
    }

    fn worst(&mut self, check: &str) -> Result<String, Problem> {
        let mut details = Vec::new();
        let mut open: Option<Problem> = None;
        for (_, result) in self.results.iter().filter(|(c, _)| *c == check) {
            match result {
                Ok(detail) => details.push(detail.clone()),
                Err(p) if p.status == Status::Failed => return Err(p.clone()),
                Err(p) => {
                    // What could not be decided outweighs what was not looked at.
                    let worse = |o: &Problem| {
                        o.status == Status::NotChecked && p.status != Status::NotChecked
                    };
                    if open.as_ref().is_none_or(worse) {
                        open = Some(p.clone());
                    }
                }
            }
        }
        open.map_or_else(|| Ok(details.join("; ")), Err)
    }

    /// Step 11: every note that a claim rests on carries its quorum, and one includes each answer.
    fn quorum(&self, evidence: &Evidence, cx: &Context<'_>) -> Result<String, Problem> {
        for index in &self.indexes {
            answers::upper(cx, *index).map_err(|_| {
                Problem::open("time.upper_open", format!("no cosigned note includes leaf {index}"))
            })?;
        }
        for (parsed, open, log) in [
            (&evidence.main_notes, cx.main_notes, cx.main),
            (&evidence.gov_notes, cx.gov_notes, cx.gov),
        ] {
            for (parsed, note) in parsed.iter().zip(open.iter()) {
                if parsed.carries_claims && !note.has_quorum() {
                    let detail = format!("the note of {} size {}", log.log.origin, note.size);
                    return Err(Problem::open("witness.quorum", detail));
                }
            }
        }
        let count = |log: &crate::notes::LogTrust| log.policy.witnesses().len();
        Ok(format!("{} main and {} governance witnesses known", count(cx.main), count(cx.gov)))
    }
}

fn answer_facts(
    evidence: &Evidence,
    cx: &Context<'_>,
    given: Given<'_>,
    origin: Option<String>,
    interval: Option<&Interval>,
) -> AnswerFacts {
    let signer = &given.answer.approver;
    let enrolled = cx.governance.enrolment(&signer.credential).map(|e| &e.document);
    let opened = evidence.openings.binary_search_by(|o| o.person.cmp(&signer.person)).ok();
    let opened = opened.and_then(|at| evidence.openings.get(at));
    // A name counts only if it opens the commitment that the enrolment made.
    let name = opened
        .filter(|o| {
            enrolled.is_some_and(|e| e.name_commitment == name_commitment(&o.salt, &o.name))
        })
        .map(|o| o.name.clone());
    AnswerFacts {
        person: signer.person.clone(),
        name,
        credential: encode_url(&signer.credential),
        key_class: enrolled.map(|e| e.class.name()),
        lineage: cx.governance.lineage(&signer.credential).steps,
        surface: given.answer.surface.clone(),
        origin,
        document_sha256: encode_hex(given.document().sha256()),
        index: given.index,
        t1: interval.map(|i| i.t1),
        t2: interval.map(|i| i.t2),
    }
}

fn fill(facts: &mut RequestFacts, given: &[Given<'_>]) {
    let Some(first) = given.first() else { return };
    let answer = first.answer;
    facts.answer = Some(if first.is_approval() { "approved" } else { "denied" });
    facts.action = String::from_utf8(answer.action.canonical_bytes()).ok();
    facts.action_digest = Some(encode_hex(answer.action.digest()));
    facts.audience = Some(answer.audience.clone());
    facts.initiator = Some(format!("{}/{}", answer.initiator.kind, answer.initiator.id));
    facts.not_after = Some(answer.not_after.to_string());
    facts.policy_index = Some(answer.policy.index);
    facts.policy_manifest = Some(encode_hex(answer.policy.manifest));
}

/// Steps 21 to 24.
fn executed(
    run: &mut Run<'_>,
    statements: &[(u64, &Statement)],
    cx: &Context<'_>,
    approvals: &Approvals<'_, '_>,
    intervals: &[(Given<'_>, Result<Interval, Problem>)],
    facts: &mut RequestFacts,
) {
    let request = &facts.request.clone();
    let id = Some(request.as_str());
    let (found, outcomes) = executions_of(statements);
    unique(run, cx, request, &found);
    let Some(first) = found.first() else {
        run.skip("execution.bound", id, "execution.absent", "the evidence holds no execution");
        // An outcome says that there was one: then it was left out.
        run.set_required(outcomes > 0);
        return;
    };
    run.take("execution.bound", id, executions::bound(first, approvals), String::clone);
    run.set_required(true);
    let outcome = if outcomes > 1 {
        Err(Problem::failed("outcome.mismatch", format!("{outcomes} outcomes of one request")))
    } else {
        executions::outcome(first)
    };
    run.take("outcome.bound", id, outcome, String::clone);
    run.set_required(true);
    let spent: Vec<Interval> = intervals.iter().filter_map(|(_, i)| i.clone().ok()).collect();
    let when = executions::interval(cx, first, &spent);
    facts.execution = Some(ExecutionFacts {
        index: first.index,
        t1: when.as_ref().ok().map(|w| w.t1),
        t2: when.as_ref().ok().map(|w| w.t2),
        outcome: first.outcome.map(|(_, o)| o.result.name()),
        outcome_index: first.outcome.map(|(i, _)| i),
    });
    run.take("not_after", id, executions::not_after(when, approvals), String::clone);
    run.set_required(true);
}

/// The executions of a request with its first outcome, and how many outcomes there are.
fn executions_of<'e>(statements: &[(u64, &'e Statement)]) -> (Vec<Executed<'e>>, usize) {
    let mut outcomes = statements.iter().filter_map(|(i, s)| match &s.document.body {
        Body::Outcome(o) => Some((*i, o)),
        _ => None,
    });
    let outcome = outcomes.next();
    let count = usize::from(outcome.is_some()).saturating_add(outcomes.count());
    let executions = statements.iter().filter_map(|(index, statement)| {
        let Body::Execution(execution) = &statement.document.body else { return None };
        Some(Executed { index: *index, statement, execution, outcome })
    });
    (executions.collect(), count)
}

fn unique(run: &mut Run<'_>, cx: &Context<'_>, request: &str, found: &[Executed<'_>]) {
    let (check, id) = ("consumption.unique", Some(request));
    if found.len() > 1 {
        let at: Vec<u64> = found.iter().map(|e| e.index).collect();
        let problem = Problem::failed("consumption.double", format!("executions at leaves {at:?}"));
        run.take(check, id, Err::<String, _>(problem), String::clone);
        return;
    }
    match &cx.whole_log {
        Some((entries, executions)) => {
            let result = unique_in(*entries, executions, request);
            run.take(check, id, result, String::clone);
            run.set_required(true);
        }
        None => run.skip(check, id, "consumption.not_checked", "needs the whole log"),
    }
}

/// Steps 25 to 27: what the caller asked for.
fn demands(
    run: &mut Run<'_>,
    cx: &Context<'_>,
    id: Option<&str>,
    given: &[Given<'_>],
    facts: &RequestFacts,
    intervals: &[(Given<'_>, Result<Interval, Problem>)],
) {
    if let Some(action) = &run.options.action {
        let wanted = action.digest();
        let other = given.iter().find(|g| g.answer.action.digest() != wanted);
        let result = other.map_or(Ok(format!("sha256:{}", encode_hex(wanted))), |g| {
            Err(Problem::failed("action.mismatch", "the file is another action")
                .versus(encode_hex(g.answer.action.digest()), encode_hex(wanted)))
        });
        run.take("action.match", id, result, String::clone);
        run.set_required(true);
    }
    if let Some(passkey) = &run.options.passkey {
        let result = passkey::matched(cx, passkey, given, &facts.answers);
        run.take("passkey.match", id, result, String::clone);
        run.set_required(true);
    }
    if let Some((from, to)) = run.options.between {
        let result = intervals.iter().try_for_each(|(_, i)| contained(i.clone()?, from, to));
        run.take("time.between", id, result, |()| {
            format!("[{}, {})", UnixSeconds(from), UnixSeconds(to))
        });
        run.set_required(true);
    }
}

fn contained(when: Interval, from: u64, to: u64) -> Result<(), Problem> {
    let span = |a, b| format!("[{}, {})", UnixSeconds(a), UnixSeconds(b));
    if from <= when.t1 && when.t2 <= to {
        return Ok(());
    }
    let disjoint = when.t2 <= from || to <= when.t1;
    let problem = if disjoint {
        Problem::failed("time.outside", "answered outside the span")
    } else {
        Problem::open("time.overlap", "answered partly inside the span")
    };
    Err(problem.versus(span(from, to), span(when.t1, when.t2)))
}

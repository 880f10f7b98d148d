//! Deciding a recorded decision again (SPEC.md 10): the same files, the same action, the same
//! approvals, and no clock.
//!
//! What a session had done is in the record, and so is what a foreign decision point said. Whom the
//! roster held then is not, nor an approval that was brought and did not count. A decision that
//! rests on one of these is told apart, so that nobody takes "can't be repeated" for "is another".

use placet_proto::{
    document::{Decision, SessionSeen, Verdict},
    time::UnixSeconds,
};

use crate::{
    Error,
    authzen::EvaluationRequest,
    cedar::{CedarPdp, PolicyText},
    obligations::{Obligation, alike},
    pdp::{Evaluation, Method, Outcome, Pdp as _, VerifiedApproval},
    policy::PolicyFiles,
};

/// Reasons of approvals that were brought and fall short: none is in the record.
const OF_APPROVALS: &str = "pdp.approval_";
/// Reasons that no policy of the folder gives and that rest on what is not in the record, such as a
/// session that could not be counted, or what the PEP can't do.
const OF_OTHERS: [&str; 3] = [OF_APPROVALS, "pdp.session", "pdp.obligation"];
/// Reasons of a foreign decision point that has to agree.
const FOREIGN: &str = "pdp.remote";
/// Too few persons may approve: the policies asked for some, the roster of then did not hold them.
const UNMET: &str = "pdp.quorum_unmet";

/// A decision, and what policies make of it now.
#[derive(Debug)]
pub struct Replay {
    /// What comes out now.
    pub now: Verdict,
    /// The stable reason now.
    pub reason: &'static str,
    /// Names of the policies that determine it now.
    pub determining: Vec<String>,
    /// Errors of policies now.
    pub errors: Vec<String>,
    /// How both compare.
    pub result: Compared,
    /// The engine and its version that decided now.
    pub engine: String,
    /// The recorded determining policies, as they stand in their files.
    pub policies: Vec<PolicyText>,
}

/// How a recorded decision compares with the repeated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Outcome, reason and determining policies are those of the record.
    Same,
    /// The policies asked for approval, again; that it was refused is the roster's doing, which
    /// held too few.
    SameButRoster,
    /// The record holds that a foreign decision point did not agree, which denies whatever the
    /// policies say.
    SameButForeign,
    /// Something differs.
    Different,
    /// The record does not hold what it rested on, such as an approval that was brought and did not
    /// count.
    Unrepeatable,
}

/// Approvals as policies saw them when `decision` was made: `stated` are the times of the approvals
/// that counted. `None` without any. Every approval is a user-verified WebAuthn assertion, or the
/// verifier's code would not have accepted it.
#[must_use]
pub fn approvals_then(decision: &Decision, stated: &[UnixSeconds]) -> Option<VerifiedApproval> {
    let oldest = stated.iter().min()?;
    Some(VerifiedApproval {
        action_digest: decision.action.digest(),
        method: Method::Webauthn,
        approvers: u32::try_from(stated.len()).unwrap_or(u32::MAX),
        user_verified: true,
        age_seconds: decision.at.0.saturating_sub(oldest.0),
    })
}

/// Decides again. `dev`: the ledger is one for development, where what a request says of entities
/// wins over the store. Whether `files` are those that the decision names is for the caller.
///
/// # Errors
/// `policy.*` for files that can't be armed any more.
pub fn replay(
    files: &PolicyFiles,
    decision: &Decision,
    approval: Option<&VerifiedApproval>,
    dev: bool,
) -> Result<Replay, Error> {
    let pdp = CedarPdp::load_with(files, dev)?;
    let plain = EvaluationRequest::new(decision.action.clone());
    let session = decision.seen.as_ref().and_then(|seen| seen.session.clone());
    // Counts that the policy does not keep, or not all that it keeps, are none that it saw.
    let kept = session.as_ref().is_none_or(|seen| {
        let names = |seen: &SessionSeen| -> Vec<String> {
            seen.counts.iter().map(|(name, _)| name.clone()).collect()
        };
        let rule = pdp.session_rule();
        let fresh = rule.and_then(|rule| rule.fresh(&decision.action, &decision.initiator).ok());
        fresh.is_some_and(|own| own.window_s == seen.window_s && names(&own) == names(seen))
    });
    let plain = match session {
        None => plain,
        Some(session) => plain.in_session(session),
    };
    let mut evaluation = evaluate(&pdp, &plain, approval.cloned())?;
    let rule = pdp.remote_rule().map(|rule| rule.identifier.as_str());
    let mut result = compare(decision, &evaluation, rule);
    // The service reads its clock once for the age and once for the record.
    if let (Compared::Different, Some(approval)) = (result, approval)
        && let Some(age_seconds) = approval.age_seconds.checked_sub(1)
    {
        let earlier = VerifiedApproval { age_seconds, ..approval.clone() };
        let again = evaluate(&pdp, &plain, Some(earlier))?;
        if compare(decision, &again, rule) == Compared::Same {
            (evaluation, result) = (again, Compared::Same);
        }
    }
    if !kept {
        result = Compared::Different;
    }
    let policies = decision.determining.iter().flat_map(|name| pdp.named(name)).collect();
    let (now, reason) = words(&evaluation.outcome);
    let Evaluation { determining, errors, .. } = evaluation;
    let engine = pdp.policy().engine;
    Ok(Replay { now, reason, determining, errors, result, engine, policies })
}

/// An approval that falls short of what the policy wants is dropped, and the decision is made
/// without it, as the service does.
fn evaluate(
    pdp: &CedarPdp,
    plain: &EvaluationRequest,
    approval: Option<VerifiedApproval>,
) -> Result<Evaluation, Error> {
    let Some(approval) = approval else { return pdp.evaluate(plain) };
    let evaluation = pdp.evaluate(&plain.clone().with_approval(approval))?;
    match &evaluation.outcome {
        Outcome::Deny(denial) if denial.code.starts_with(OF_APPROVALS) => pdp.evaluate(plain),
        _ => Ok(evaluation),
    }
}

/// `rule`: the identifier of the foreign decision point that the policy names.
fn compare(decision: &Decision, now: &Evaluation, rule: Option<&str>) -> Compared {
    let (verdict, reason) = words(&now.outcome);
    let recorded = &decision.determining;
    // The record holds as many as it may hold.
    let same_policies = now.determining.iter().take(recorded.len().max(64)).eq(recorded.iter());
    let said = decision.seen.as_ref().and_then(|seen| seen.remote.as_ref());
    // Nobody but whom the policy names is asked.
    if said.is_some_and(|remote| rule != Some(remote.pdp.as_str())) {
        return Compared::Different;
    }
    // And nobody about what our own policies deny.
    let ours_deny = verdict == Verdict::Deny;
    if decision.reason.starts_with(FOREIGN) {
        let expected = (decision.reason == "pdp.remote_denied").then_some(false);
        let disagreed = said.is_some_and(|remote| remote.decision == expected);
        let rests = disagreed && !ours_deny && decision.decision == Verdict::Deny;
        return if rests { Compared::SameButForeign } else { Compared::Different };
    }
    // An approval was brought that did not count, and a new one could be asked for: as without any.
    let ignored =
        decision.decision == Verdict::Requestable && decision.reason.starts_with(OF_APPROVALS);
    if !ignored && OF_OTHERS.iter().any(|start| decision.reason.starts_with(start)) {
        return Compared::Unrepeatable;
    }
    let agreed = said.is_some_and(|remote| remote.decision == Some(true));
    // It has agreed to all that ours do not deny.
    let asked_as_named = match rule {
        Some(_) => agreed != ours_deny && (agreed || said.is_none()),
        None => true,
    };
    if !asked_as_named {
        return Compared::Different;
    }
    if decision.reason == UNMET {
        let asked = verdict == Verdict::Requestable && same_policies;
        return if asked { Compared::SameButRoster } else { Compared::Different };
    }
    let same_words = verdict == decision.decision && (ignored || reason == decision.reason);
    match same_words && same_policies && same_obligations(decision, now) {
        true => Compared::Same,
        false => Compared::Different,
    }
}

/// Those of a permit to which a foreign decision point agreed are partly its own, unknown here.
fn same_obligations(decision: &Decision, now: &Evaluation) -> bool {
    let said = decision.seen.as_ref().and_then(|seen| seen.remote.as_ref());
    let recorded = &decision.obligations;
    let same = |own: &Obligation, kept: &Obligation| own.id == kept.id && alike(own, kept);
    match said.and_then(|remote| remote.decision) {
        Some(true) => now.obligations.iter().all(|own| recorded.iter().any(|kept| same(own, kept))),
        _ => {
            now.obligations.len() == recorded.len()
                && now.obligations.iter().zip(recorded).all(|(own, kept)| same(own, kept))
        }
    }
}

/// The verdict and the stable reason of an outcome, as decisions record them.
#[must_use]
pub fn words(outcome: &Outcome) -> (Verdict, &'static str) {
    match outcome {
        Outcome::Permit(None) => (Verdict::Permit, "permitted"),
        Outcome::Permit(Some(_)) => (Verdict::Permit, "approved"),
        Outcome::Requestable(_) => (Verdict::Requestable, "approval_required"),
        Outcome::Deny(denial) => (Verdict::Deny, denial.code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::{
        action::Action,
        document::{Body, Document, Initiator, PolicyRef, RemoteSeen, Seen},
        json,
    };

    fn decided(name: &str, decision: Verdict, reason: &str, by: &[&str]) -> Decision {
        let action = format!(
            r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"{name}"}},
               "resource":{{"type":"user","id":"X"}},"context":{{}}}}"#
        );
        let files = PolicyFiles::demo();
        Decision {
            request: "5f0c7a0e-6f0b-4c9d-8b1a-0d2f6a7c8e9f".to_owned(),
            action: Action::from_request(&json::parse(action.as_bytes()).unwrap()).unwrap(),
            audience: "pep".to_owned(),
            initiator: Initiator { kind: "agent".to_owned(), id: "support-bot".to_owned() },
            decision,
            policy: PolicyRef { index: 2, manifest: files.manifest_hash() },
            determining: by.iter().map(|name| (*name).to_owned()).collect(),
            reason: reason.to_owned(),
            approvals: Vec::new(),
            at: UnixSeconds(2_000),
            not_after: None,
            quorum: None,
            obligations: Vec::new(),
            seen: None,
        }
    }

    const ASKS: &str = "disable-user-needs-a-person";

    // SPEC.md R-10-91.
    #[test]
    fn what_is_repeated_comes_out_the_same() {
        let demo = PolicyFiles::demo();
        let again = |decision: &Decision, stated: &[UnixSeconds]| {
            replay(&demo, decision, approvals_then(decision, stated).as_ref(), false).unwrap()
        };
        let read = decided("read_user", Verdict::Permit, "permitted", &["support-bot-reads-users"]);
        assert_eq!(again(&read, &[]).result, Compared::Same);
        let asked = decided("disable_user", Verdict::Requestable, "approval_required", &[ASKS]);
        let replayed = again(&asked, &[]);
        assert_eq!(replayed.result, Compared::Same);
        let [policy] = replayed.policies.as_slice() else { panic!("{replayed:?}") };
        assert_eq!((policy.place.as_str(), policy.permits), ("policies.cedar:7", true));
        assert!(policy.text.starts_with("@id(\"disable-user"), "{}", policy.text);
        assert!(policy.text.ends_with("};"), "{}", policy.text);
        assert!(policy.annotations.contains(&("max_age".to_owned(), "300".to_owned())));

        // The age is that of then: at the last second that counts, and one second late.
        let approved = decided("disable_user", Verdict::Permit, "approved", &[ASKS]);
        assert_eq!(again(&approved, &[UnixSeconds(1_700)]).result, Compared::Same);
        assert_eq!(again(&approved, &[UnixSeconds(1_699)]).result, Compared::Same);
        assert_eq!(again(&approved, &[UnixSeconds(1_698)]).result, Compared::Different);
        assert_eq!(again(&approved, &[]).result, Compared::Different);
    }

    #[test]
    fn what_differs_or_was_never_recorded_is_told_apart() {
        let demo = PolicyFiles::demo();
        let result = |decision: &Decision| replay(&demo, decision, None, false).unwrap().result;
        for (verdict, reason, by) in [
            (Verdict::Permit, "permitted", &["support-bot-reads-users"][..]),
            (Verdict::Requestable, "approval_required", &[]),
            (Verdict::Requestable, "permitted", &[ASKS]),
            (Verdict::Deny, "pdp.denied", &[ASKS]),
        ] {
            let other = decided("disable_user", verdict, reason, by);
            assert_eq!(result(&other), Compared::Different, "{other:?}");
        }
        let unmet = decided("disable_user", Verdict::Deny, "pdp.quorum_unmet", &[ASKS]);
        assert_eq!(result(&unmet), Compared::SameButRoster);
        let unmet = decided("read_user", Verdict::Deny, "pdp.quorum_unmet", &[]);
        assert_eq!(result(&unmet), Compared::Different);
        let claimed = decided("disable_user", Verdict::Deny, "pdp.approval_unverifiable", &[]);
        assert_eq!(result(&claimed), Compared::Unrepeatable);
    }

    /// The demonstration's policy with an annotation on reading.
    fn annotated(annotation: &str) -> PolicyFiles {
        let of = |(name, bytes): (&str, &[u8])| (name.to_owned(), bytes.to_vec());
        let mut all: std::collections::BTreeMap<_, _> =
            PolicyFiles::demo().iter().map(of).collect();
        let cedar = String::from_utf8(all.remove("policies.cedar").unwrap()).unwrap();
        let cedar = cedar.replacen("permit", &format!("{annotation}\npermit"), 1);
        all.insert("policies.cedar".to_owned(), cedar.into_bytes());
        PolicyFiles::from_files(all).unwrap()
    }

    // SPEC.md R-10-91. What is read again has its members in the record's order.
    #[test]
    fn obligations_that_were_recorded_are_those_that_are_made_again() {
        let read =
            || decided("read_user", Verdict::Permit, "permitted", &["support-bot-reads-users"]);
        for annotation in [
            "@redact(\"resource.email,address.street\")",
            "@rate_limit(\"2/1h\")",
            "@narrow(\"region=eu,limit=50\")",
            "@step_up(\"urn:example:loa:3 mfa\")",
            "@notify(\"security\")",
        ] {
            let files = annotated(annotation);
            let pdp = CedarPdp::load_with(&files, false).unwrap();
            let plain = EvaluationRequest::new(read().action);
            let mut decision = read();
            decision.obligations = pdp.evaluate(&plain).unwrap().obligations;
            assert_eq!(decision.obligations.len(), 1, "{annotation}");
            let written = Document::new([7; 16], Body::Decision(decision)).unwrap();
            let Body::Decision(kept) = Document::parse(written.bytes()).unwrap().body else {
                panic!("{annotation}")
            };
            let result =
                |decision: &Decision| replay(&files, decision, None, false).unwrap().result;
            assert_eq!(result(&kept), Compared::Same, "{annotation}");
            assert_eq!(result(&read()), Compared::Different, "{annotation}");
            let plain = replay(&PolicyFiles::demo(), &kept, None, false).unwrap();
            assert_eq!(plain.result, Compared::Different, "{annotation}");
        }
    }

    // SPEC.md R-10-91, R-10-134.
    #[test]
    fn a_foreign_decision_point_is_asked_where_the_policy_names_it_and_nowhere_else() {
        const URL: &str = "https://pdp.example";
        let pdp = CedarPdp::load_with(&PolicyFiles::demo(), false).unwrap();
        let result = |decision: &Decision, rule: Option<&str>| {
            let now = pdp.evaluate(&EvaluationRequest::new(decision.action.clone())).unwrap();
            compare(decision, &now, rule)
        };
        let with = |decision: &Decision, pdp: &str, said: Option<bool>| Decision {
            seen: Some(Seen {
                session: None,
                remote: Some(RemoteSeen { pdp: pdp.to_owned(), decision: said }),
            }),
            ..decision.clone()
        };
        let by = &["support-bot-reads-users"];
        let mut read = decided("read_user", Verdict::Permit, "permitted", by);
        let asks = decided("disable_user", Verdict::Requestable, "approval_required", &[ASKS]);
        for decision in [&read, &asks] {
            let agreed = with(decision, URL, Some(true));
            assert_eq!(result(&agreed, Some(URL)), Compared::Same);
            // Without its word, with another's, or where the policy names none.
            assert_eq!(result(decision, Some(URL)), Compared::Different);
            assert_eq!(result(&agreed, Some("https://b.example")), Compared::Different);
            assert_eq!(result(&agreed, None), Compared::Different);
            assert_eq!(result(&with(decision, URL, None), Some(URL)), Compared::Different);
        }
        // Its obligations are its own to know.
        let (id, kind) = ("1".to_owned(), "custom".to_owned());
        read.obligations =
            vec![Obligation { id, kind, properties: json::Json::object([("x", "y".into())]) }];
        assert_eq!(result(&read, None), Compared::Different);
        assert_eq!(result(&with(&read, URL, Some(true)), Some(URL)), Compared::Same);

        let denied = decided("read_user", Verdict::Deny, "pdp.remote_denied", &[]);
        let foreign = with(&denied, URL, Some(false));
        assert_eq!(result(&foreign, Some(URL)), Compared::SameButForeign);
        assert_eq!(result(&denied, Some(URL)), Compared::Different);
        assert_eq!(result(&foreign, None), Compared::Different);
        assert_eq!(result(&with(&denied, URL, None), Some(URL)), Compared::Different);
        // Ours deny it: nobody is asked.
        let own = decided("nothing_known", Verdict::Deny, "pdp.remote_denied", &[]);
        assert_eq!(result(&with(&own, URL, Some(false)), Some(URL)), Compared::Different);
    }
}

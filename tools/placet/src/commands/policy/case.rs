//! One case of `policy test`: a request, and what it is decided with.

use placet_pep::authzen::EvaluationRequest;
use placet_pep::cedar::CedarPdp;
use placet_pep::pdp::{Evaluation, Method, Pdp as _, VerifiedApproval};
use placet_pep::policy::{ENTITIES, PolicyFiles};
use placet_proto::jcs;
use placet_proto::json::{self, Json};

/// The most entities of a case.
const MAX_ENTITIES: usize = 1000;

/// A policy, armed, with what cases may change of it.
pub struct Tester {
    files: PolicyFiles,
    pdp: CedarPdp,
    trust: bool,
}

impl Tester {
    /// Arms a policy.
    ///
    /// # Errors
    /// `policy.*`.
    pub fn new(files: PolicyFiles, trust: bool) -> Result<Self, placet_pep::Error> {
        let pdp = CedarPdp::load_with(&files, trust)?;
        Ok(Self { files, pdp, trust })
    }

    /// The decision point.
    pub fn pdp(&self) -> &CedarPdp {
        &self.pdp
    }

    /// Decides a case.
    ///
    /// # Errors
    /// What is wrong with the case.
    pub fn decide(&self, case: &Json) -> Result<Evaluation, String> {
        let request = case.get("request").ok_or("it has no `request`")?;
        let request =
            EvaluationRequest::parse(&jcs::to_bytes(request)).map_err(|e| e.to_string())?;
        let request = match case.get("approval") {
            None => request,
            Some(given) => {
                let approval = approval(given, request.action().digest())?;
                request.with_approval(approval)
            }
        };
        // Nothing is counted here: each case is the first of its session.
        let request = self.pdp.as_first(request);
        let decided = match case.get("entities") {
            None => self.pdp.evaluate(&request),
            Some(entities) => self.with(entities)?.evaluate(&request),
        };
        decided.map_err(|e| e.to_string())
    }

    /// The policy with these entities in its store, in place of those of the same name.
    fn with(&self, entities: &Json) -> Result<CedarPdp, String> {
        let given = entities.as_array().filter(|all| all.len() <= MAX_ENTITIES);
        let given =
            given.ok_or(format!("`entities` is a list of at most {MAX_ENTITIES} entities"))?;
        let stored = match self.files.get(ENTITIES) {
            None => Json::Array(Vec::new()),
            Some(bytes) => json::parse(bytes).map_err(|e| e.to_string())?,
        };
        let is_given = |entity: &&Json| given.iter().any(|own| own.get("uid") == entity.get("uid"));
        let kept = stored.as_array().unwrap_or_default().iter().filter(|e| !is_given(e));
        let all: Vec<Json> = kept.chain(given).cloned().collect();
        let mut files: std::collections::BTreeMap<String, Vec<u8>> =
            self.files.iter().map(|(name, bytes)| (name.to_owned(), bytes.to_vec())).collect();
        files.insert(ENTITIES.to_owned(), jcs::to_bytes(&all.into()));
        let files = PolicyFiles::from_files(files).map_err(|e| e.to_string())?;
        CedarPdp::load_with(&files, self.trust).map_err(|e| e.to_string())
    }
}

/// An approval as the log would hold it: of this very action, if the case does not say otherwise.
fn approval(given: &Json, digest: [u8; 32]) -> Result<VerifiedApproval, String> {
    let known = ["method", "approvers", "user_verified", "age_seconds", "other_action"];
    let members = given.as_object().ok_or("`approval` is an object")?;
    if let Some((name, _)) = members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        return Err(format!("`approval` has no member {name:?}"));
    }
    let flag = |name: &str, otherwise: bool| match given.get(name) {
        None => Ok(otherwise),
        Some(value) => value.as_bool().ok_or(format!("`approval.{name}` is true or false")),
    };
    let number = |name: &str, otherwise: u32| match given.get(name) {
        None => Ok(otherwise),
        Some(value) => {
            let number = value.as_u64().and_then(|n| u32::try_from(n).ok());
            number.ok_or(format!("`approval.{name}` is a number"))
        }
    };
    let method = match given.get("method").map(Json::as_str) {
        None | Some(Some("webauthn")) => Method::Webauthn,
        Some(Some("ssh-sk")) => Method::SshSk,
        Some(_) => return Err("`approval.method` is \"webauthn\" or \"ssh-sk\"".to_owned()),
    };
    let other = flag("other_action", false)?;
    Ok(VerifiedApproval {
        action_digest: if other { [0; 32] } else { digest },
        method,
        approvers: number("approvers", 1)?,
        user_verified: flag("user_verified", true)?,
        age_seconds: number("age_seconds", 0)?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_pep::pdp::Outcome;

    const ASKED: &str = r#""request": {"subject": {"type": "agent", "id": "support-bot"},
        "action": {"name": "disable_user"}, "resource": {"type": "user", "id": "X"}}"#;

    fn decided(more: &str) -> Result<&'static str, String> {
        let tester = Tester::new(PolicyFiles::demo(), false).unwrap();
        let case = json::parse(format!("{{{ASKED}{more}}}").as_bytes()).unwrap();
        Ok(match tester.decide(&case)?.outcome {
            Outcome::Permit(_) => "permit",
            Outcome::Requestable(_) => "requestable",
            Outcome::Deny(denial) => denial.code,
        })
    }

    #[test]
    fn a_case_may_bring_an_approval() {
        assert_eq!(decided(""), Ok("requestable"));
        assert_eq!(decided(r#", "approval": {}"#), Ok("permit"));
        assert_eq!(decided(r#", "approval": {"age_seconds": 301}"#), Ok("pdp.approval_expired"));
        let other = r#", "approval": {"other_action": true}"#;
        assert_eq!(decided(other), Ok("pdp.approval_digest"));
        for bad in [r#"{"method": "x"}"#, r#"{"approvers": -1}"#, r#"{"digest": "x"}"#, "1"] {
            assert!(decided(&format!(r#", "approval": {bad}"#)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_case_may_bring_entities() {
        let one = r#", "entities": [{"uid": {"type": "User", "id": "X"}, "attrs": {},
            "parents": []}]"#;
        assert_eq!(decided(one), Ok("requestable"));
        assert!(decided(r#", "entities": [{"uid": {"type": "No", "id": "X"}}]"#).is_err());
        assert!(decided(r#", "entities": {}"#).is_err());
    }
}

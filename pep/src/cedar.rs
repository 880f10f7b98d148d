//! The embedded PDP: Cedar, with what keeps it from failing open.
//!
//! * A schema is mandatory and validation strict, else the folder is refused: Cedar skips a policy
//!   that errors, so that a `forbid` with a typing error would forbid nothing.
//! * An error of any policy at run time denies and is reported (`pdp.policy_error`).
//! * A canary request, named by the mapping, must be denied before the gate arms.
//! * Step-up without special syntax: a denial is evaluated again with a synthetic
//!   `context.approval`; if that permits, the denial is requestable, and the annotations of the
//!   policies that made the difference say how to ask.
//!
//! An action whose schema declares them sees `context.action_digest` (String) and
//! `context.approval` (optional record of `digest`, `method` and, if declared, `approvers`,
//! `user_verified`, `age_seconds`), both filled here and never from the request.

mod mapping;
mod requirement;
mod shape;

use std::{collections::HashMap, str::FromStr};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet, Request, Schema,
    ValidationMode, Validator,
};
use placet_proto::{b64, json::Json};
use serde_json::Value;

use self::{
    mapping::{Mapped, Mapping, denial},
    shape::ContextShape,
};
use crate::{
    Error,
    authzen::EvaluationRequest,
    pdp::{
        Denial, Evaluation, MAX_QUORUM, Method, Outcome, Pdp, PolicyIdentity, Requirement,
        VerifiedApproval,
    },
    policy::{POLICIES, PolicyError, PolicyFiles, SCHEMA, VERIFICATION},
};

/// The most errors that are reported of one load or evaluation.
const MAX_ERRORS: usize = 16;
/// The most policies in a set: evaluation takes time in proportion.
const MAX_POLICIES: usize = 4096;

/// A policy folder, armed.
#[derive(Debug)]
pub struct CedarPdp {
    policies: PolicySet,
    schema: Schema,
    mapping: Mapping,
    /// What policies are called, and how they want approval.
    names: HashMap<PolicyId, String>,
    requirements: HashMap<PolicyId, Requirement>,
    shapes: HashMap<EntityUid, ContextShape>,
    /// Whether people may answer for their own agents where no policy says.
    allow_self: bool,
    authorizer: Authorizer,
    identity: PolicyIdentity,
}

impl CedarPdp {
    /// Parses, validates and tests a policy folder.
    ///
    /// # Errors
    /// Any [`PolicyError`] but those of reading files; nothing is armed then.
    pub fn load(files: &PolicyFiles) -> Result<Self, Error> {
        let allow_self = self_approval(files)?;
        let (schema, _warnings) = Schema::from_cedarschema_str(files.text(SCHEMA)?)
            .map_err(|e| PolicyError::Schema(e.to_string()))?;
        let policies = parse_policies(files.text(POLICIES)?)?;
        validate(&policies, &schema)?;
        let mapping = Mapping::load(files, &schema)?;
        let mut names = HashMap::new();
        let mut requirements = HashMap::new();
        for policy in policies.policies() {
            names.insert(policy.id().clone(), requirement::name_of(policy));
            if let Some(requirement) = requirement::of_policy(policy, files, allow_self)? {
                requirements.insert(policy.id().clone(), requirement);
            }
        }
        let shapes = shape::of_actions(&schema);
        let engine = format!("cedar {}", cedar_policy::get_sdk_version());
        let identity = PolicyIdentity { manifest: files.manifest_hash(), engine };
        let authorizer = Authorizer::new();
        let pdp = Self {
            policies,
            schema,
            mapping,
            names,
            requirements,
            shapes,
            allow_self,
            authorizer,
            identity,
        };
        pdp.self_test()?;
        Ok(pdp)
    }

    /// The persons that policies name as approvers, ascending.
    #[must_use]
    pub fn people(&self) -> Vec<&str> {
        let of_all = self.requirements.values().flat_map(|r| &r.approvers);
        let mut people: Vec<&str> =
            of_all.flat_map(|a| a.people.iter().map(String::as_str)).collect();
        people.sort_unstable();
        people.dedup();
        people
    }

    /// The canary must reach the policies and be denied by them.
    fn self_test(&self) -> Result<(), PolicyError> {
        let evaluation = self.decide(&EvaluationRequest::new(self.mapping.canary().clone()));
        match evaluation.outcome {
            Outcome::Permit(_) => Err(PolicyError::Canary("it is permitted".to_owned())),
            Outcome::Deny(Denial { code, detail }) if code != "pdp.denied" => {
                Err(PolicyError::Canary(format!("it does not reach them ({code}: {detail})")))
            }
            Outcome::Requestable(_) | Outcome::Deny(_) => Ok(()),
        }
    }

    fn decide(&self, request: &EvaluationRequest) -> Evaluation {
        let action_digest = request.action().digest();
        let mut evaluation = Evaluation {
            outcome: Outcome::Deny(denial("pdp.denied", "no policy permits it")),
            action_digest,
            determining: Vec::new(),
            errors: Vec::new(),
        };
        let outcome = self.mapping.map(request.action()).and_then(|mapped| {
            let entities = Entities::from_json_value(mapped.entities.clone(), Some(&self.schema))
                .map_err(|e| denial("pdp.schema", chain(&e)))?;
            let shape = self.shapes.get(&mapped.action).copied().unwrap_or_default();
            let bound =
                Bound { pdp: self, mapped: &mapped, entities, shape, digest: action_digest };
            match request.approval() {
                None => bound.without_approval(&mut evaluation),
                Some(approval) => bound.with_approval(approval, &mut evaluation),
            }
        });
        evaluation.outcome = outcome.unwrap_or_else(Outcome::Deny);
        evaluation
    }
}

impl Pdp for CedarPdp {
    fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluation, Error> {
        Ok(self.decide(request))
    }

    fn policy(&self) -> PolicyIdentity {
        self.identity.clone()
    }
}

/// `verification.json` may say that people may answer for their own agents; no policy is meant
/// that says otherwise.
fn self_approval(files: &PolicyFiles) -> Result<bool, PolicyError> {
    match files.json(VERIFICATION)?.get("self_approval") {
        None => Ok(false),
        Some(Json::Bool(allow)) => Ok(*allow),
        Some(_) => {
            let text = "self_approval is true or false".to_owned();
            Err(PolicyError::Json(VERIFICATION.to_owned(), text))
        }
    }
}

fn parse_policies(text: &str) -> Result<PolicySet, PolicyError> {
    let policies = PolicySet::from_str(text).map_err(|e| PolicyError::Policies(e.to_string()))?;
    if policies.templates().next().is_some() {
        let text = "it holds a Cedar template, which nothing links and which thus has no effect";
        return Err(PolicyError::Policies(text.to_owned()));
    }
    if policies.policies().count() > MAX_POLICIES {
        return Err(PolicyError::Policies(format!("more than {MAX_POLICIES} policies")));
    }
    Ok(policies)
}

fn validate(policies: &PolicySet, schema: &Schema) -> Result<(), PolicyError> {
    let result = Validator::new(schema.clone()).validate(policies, ValidationMode::Strict);
    if result.validation_passed() {
        return Ok(());
    }
    let errors: Vec<_> =
        result.validation_errors().take(MAX_ERRORS).map(ToString::to_string).collect();
    Err(PolicyError::Validation(errors.join("; ")))
}

/// One mapped request, to be run with different approvals.
struct Bound<'p> {
    pdp: &'p CedarPdp,
    mapped: &'p Mapped,
    entities: Entities,
    shape: ContextShape,
    digest: [u8; 32],
}

/// What one run of the engine gave.
struct Run {
    permitted: bool,
    /// In the order of their ids, for stable reports.
    determining: Vec<PolicyId>,
}

impl Bound<'_> {
    fn without_approval(&self, evaluation: &mut Evaluation) -> Result<Outcome, Denial> {
        let plain = self.run(None, evaluation)?;
        evaluation.determining = self.names(&plain.determining);
        if plain.permitted {
            return Ok(Outcome::Permit(None));
        }
        // The strongest approval there can be: what it does not change, none will.
        let Some(approved) = self.what_if(MAX_QUORUM, evaluation)? else {
            return Err(denial("pdp.denied", "no policy permits it"));
        };
        let decisive = decisive(&plain, &approved);
        let mut requirement = self.requirement(&decisive);
        requirement.quorum = requirement.quorum.max(self.least_quorum(evaluation)?);
        evaluation.determining = self.names(&decisive);
        Ok(Outcome::Requestable(requirement))
    }

    fn with_approval(
        &self,
        approval: &VerifiedApproval,
        evaluation: &mut Evaluation,
    ) -> Result<Outcome, Denial> {
        // Compared here as well, so that no policy can forget it.
        if approval.action_digest != self.digest {
            return Err(denial("pdp.approval_digest", "the approval is of another action"));
        }
        let plain = self.run(None, evaluation)?;
        evaluation.determining = self.names(&plain.determining);
        if plain.permitted {
            return Ok(Outcome::Permit(None));
        }
        let approved = self.run(Some(approval), evaluation)?;
        evaluation.determining = self.names(&approved.determining);
        if !approved.permitted {
            return Err(denial("pdp.denied", "no policy permits it, even with this approval"));
        }
        let decisive = decisive(&plain, &approved);
        let requirement = self.requirement(&decisive);
        check_approval(approval, &requirement)?;
        evaluation.determining = self.names(&decisive);
        Ok(Outcome::Permit(Some(requirement)))
    }

    /// The fewest approvers that satisfy the conditions of the policies.
    fn least_quorum(&self, evaluation: &mut Evaluation) -> Result<u32, Denial> {
        if !self.shape.approvers {
            return Ok(1);
        }
        for approvers in 1..MAX_QUORUM {
            if self.what_if(approvers, evaluation)?.is_some() {
                return Ok(approvers);
            }
        }
        Ok(MAX_QUORUM)
    }

    /// Runs with a synthetic approval; `None` if that does not permit, or cannot be expressed.
    fn what_if(&self, approvers: u32, evaluation: &mut Evaluation) -> Result<Option<Run>, Denial> {
        if !self.shape.approval {
            return Ok(None);
        }
        let synthetic = VerifiedApproval {
            action_digest: self.digest,
            method: Method::Webauthn,
            approvers,
            user_verified: true,
            age_seconds: 0,
        };
        let run = self.run(Some(&synthetic), evaluation)?;
        Ok(run.permitted.then_some(run))
    }

    /// Runs the engine once. Errors of policies are kept in `evaluation` and deny.
    fn run(
        &self,
        approval: Option<&VerifiedApproval>,
        evaluation: &mut Evaluation,
    ) -> Result<Run, Denial> {
        let request = self.request(approval)?;
        let authorizer = &self.pdp.authorizer;
        let response = authorizer.is_authorized(&request, &self.pdp.policies, &self.entities);
        let errors = response.diagnostics().errors().take(MAX_ERRORS);
        evaluation.errors = errors.map(|error| chain(error)).collect();
        if !evaluation.errors.is_empty() {
            return Err(denial("pdp.policy_error", evaluation.errors.join("; ")));
        }
        let mut determining: Vec<_> = response.diagnostics().reason().cloned().collect();
        determining.sort();
        Ok(Run { permitted: response.decision() == Decision::Allow, determining })
    }

    fn request(&self, approval: Option<&VerifiedApproval>) -> Result<Request, Denial> {
        let schema = &self.pdp.schema;
        let mut context = self.mapped.context.clone();
        self.shape.fill(&mut context, &b64::encode_hex(self.digest), approval);
        let action = self.mapped.action.clone();
        let context = Context::from_json_value(Value::Object(context), Some((schema, &action)))
            .map_err(|e| denial("pdp.schema", chain(&e)))?;
        let (principal, resource) = (self.mapped.principal.clone(), self.mapped.resource.clone());
        Request::new(principal, action, resource, context, Some(schema))
            .map_err(|e| denial("pdp.schema", chain(&e)))
    }

    fn requirement(&self, decisive: &[PolicyId]) -> Requirement {
        let ids = decisive.iter().filter_map(|id| self.pdp.requirements.get(id));
        requirement::merge(ids.cloned(), self.pdp.allow_self)
    }

    fn names(&self, ids: &[PolicyId]) -> Vec<String> {
        let name = |id: &PolicyId| self.pdp.names.get(id).cloned();
        ids.iter().map(|id| name(id).unwrap_or_else(|| id.to_string())).collect()
    }
}

/// The policies that an approval sets in motion: permits that apply with it, and forbids that apply
/// without it. Where a forbid is what the approval lifts, permits that need none are among them:
/// they can only make the requirement stricter.
fn decisive(plain: &Run, approved: &Run) -> Vec<PolicyId> {
    approved.determining.iter().chain(&plain.determining).cloned().collect()
}

/// Annotations bind too: a policy that says `@quorum("2")` and forgets the condition gets it.
fn check_approval(given: &VerifiedApproval, wanted: &Requirement) -> Result<(), Denial> {
    if !wanted.method.accepts(given.method) {
        return Err(denial("pdp.approval_method", format!("needs {}", wanted.method.as_str())));
    }
    if given.approvers < wanted.quorum {
        let text = format!("{} of {} persons approved", given.approvers, wanted.quorum);
        return Err(denial("pdp.approval_quorum", text));
    }
    match wanted.max_age_seconds {
        Some(most) if given.age_seconds > most => {
            let text = format!("{} seconds old, at most {most} count", given.age_seconds);
            Err(denial("pdp.approval_expired", text))
        }
        _ => Ok(()),
    }
}

/// An error with its causes, bounded; Cedar's own text often stops at the outermost.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    for _ in 0..4 {
        let Some(cause) = source else { break };
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text.chars().take(1000).collect()
}

#[cfg(test)]
mod tests;

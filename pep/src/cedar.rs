//! The embedded PDP: Cedar, with what keeps it from failing open.
//!
//! * A schema is mandatory and validation strict, else the folder is refused: Cedar skips a policy
//!   that errors, so that a `forbid` with a typing error would forbid nothing.
//! * An error of any policy at run time denies and is reported (`pdp.policy_error`). Validation
//!   excludes all of them but results that are out of range and entities that nobody knows.
//! * A canary request must be denied before the gate arms.
//! * Step-up without special syntax: a denial is evaluated again with a synthetic
//!   `context.approval`; if that permits, the denial is requestable, and the annotations of the
//!   policies that made the difference say how to ask.
//! * Policies see what the schema declares and nothing else of a request.
//!
//! An action whose schema declares them sees `context.action_digest` (String) and
//! `context.approval` (optional record of `digest`, `method` and, if declared, `approvers`,
//! `user_verified`, `age_seconds`), both filled here and never from the request. Where the mapping
//! has `[session]`, so is `context.session`: counts of what the agent did ([`crate::session`]).

mod describe;
mod expression;
mod goals;
mod mapping;
mod obligations;
mod requirement;
mod scope;
mod search;
mod shape;
mod source;
mod store;
mod types;
mod unmap;

use std::{collections::HashMap, sync::Arc};

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicyId, Request, Schema,
};
use placet_proto::{b64, document::SessionSeen, json::Json};

pub use self::{describe::PolicyText, goals::Goal};
use self::{
    mapping::{Canary, Known, Mapped, Mapping, check_session, denial},
    scope::{Near, Scopes, Slice},
    shape::ContextShape,
    source::Sources,
    store::Store,
    types::Types,
};
use crate::{
    Error,
    authzen::{EvaluationRequest, SearchRequest},
    obligations::{Obligation, add},
    pdp::{
        Denial, Evaluation, Found, MAX_QUORUM, Method, Outcome, Pdp, PolicyIdentity, Requirement,
        VerifiedApproval, initiator_of,
    },
    policy::{PolicyError, PolicyFiles, SCHEMA, VERIFICATION},
    remote::RemoteRule,
    session::SessionRule,
    withhold::withhold,
};

/// The most errors that are reported of one load or evaluation.
const MAX_ERRORS: usize = 16;
/// Whom the canary is about where no mapping names one: a type that no schema should have.
const NOBODY: &str = "PlacetCanary";

/// A policy folder, armed.
#[derive(Debug)]
pub struct CedarPdp {
    scopes: Scopes,
    schema: Schema,
    types: Types,
    store: Store,
    mapping: Mapping,
    /// What policies are called, and how they want approval.
    names: HashMap<PolicyId, String>,
    requirements: HashMap<PolicyId, Requirement>,
    /// What a PEP has to do with answers that a policy determines.
    obligations: HashMap<PolicyId, Vec<Obligation>>,
    shapes: HashMap<EntityUid, ContextShape>,
    /// Operations that can fail at run time, for people.
    hazards: Vec<String>,
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
        Self::load_with(files, false)
    }

    /// As [`CedarPdp::load`]. `trust_all`: what a request says of its subject and resource wins
    /// over the entity store, whatever the mapping says; for development.
    ///
    /// # Errors
    /// As there.
    pub fn load_with(files: &PolicyFiles, trust_all: bool) -> Result<Self, Error> {
        let allow_self = self_approval(files)?;
        let schema = source::schema(files)?;
        let types = Types::load(files.text(SCHEMA)?)?;
        let sources = Sources::load(files, &schema)?;
        let store = Store::load(files, &schema)?;
        let mapping = Mapping::load(files, &schema, trust_all)?;
        check_session(mapping.session.as_ref(), &schema, &types)?;
        let mut names = HashMap::new();
        let mut requirements = HashMap::new();
        let mut obligations = HashMap::new();
        let scopes = Scopes::new(&sources.policies)?;
        for policy in scopes.policies() {
            names.insert(policy.id().clone(), requirement::name_of(policy));
            if let Some(requirement) = requirement::of_policy(policy, files, allow_self)? {
                requirements.insert(policy.id().clone(), requirement);
            }
            let found = obligations::of_policy(policy).map_err(|text| PolicyError::Annotation {
                policy: requirement::place_of(policy),
                text,
            })?;
            if !found.is_empty() {
                obligations.insert(policy.id().clone(), found);
            }
        }
        let in_session = mapping.session.is_some();
        let shape = |action: &EntityUid| Some(ContextShape::of(types.context(action)?, in_session));
        let shapes = schema.actions().filter_map(|a| Some((a.clone(), shape(a)?))).collect();
        let engine = format!("cedar {}", cedar_policy::get_sdk_version());
        let identity = PolicyIdentity { manifest: files.manifest_hash(), engine };
        let authorizer = Authorizer::new();
        let pdp = Self {
            scopes,
            schema,
            types,
            store,
            mapping,
            names,
            requirements,
            obligations,
            shapes,
            hazards: sources.hazards()?,
            allow_self,
            authorizer,
            identity,
        };
        pdp.self_test()?;
        Ok(pdp)
    }

    /// What validation does not exclude: operations that fail for some requests, which are denied
    /// then. Each with the file and line of its policy.
    #[must_use]
    pub fn hazards(&self) -> &[String] {
        &self.hazards
    }

    /// What of a session is counted for these policies, if anything.
    #[must_use]
    pub fn session_rule(&self) -> Option<&SessionRule> {
        self.mapping.session.as_ref()
    }

    /// The foreign decision point that has to agree with these policies, if any.
    #[must_use]
    pub fn remote_rule(&self) -> Option<&RemoteRule> {
        self.mapping.remote.as_ref()
    }

    /// The request as the first of its session: for trying a policy out, where nothing is counted.
    #[must_use]
    pub fn as_first(&self, request: EvaluationRequest) -> EvaluationRequest {
        match self.first_seen(request.action()) {
            Some(seen) => request.in_session(seen),
            None => request,
        }
    }

    fn first_seen(&self, action: &placet_proto::action::Action) -> Option<SessionSeen> {
        self.session_rule()?.fresh(action, &initiator_of(action)).ok()
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

    /// A request in the engine's terms, ready to be decided any number of times.
    ///
    /// # Errors
    /// The denial of a request that the mapping or the schema does not know.
    pub fn prepare(&self, request: &EvaluationRequest) -> Result<Prepared<'_>, Denial> {
        self.prepare_action(request.action(), request.action().digest(), request.session())
    }

    fn prepare_action(
        &self,
        action: &placet_proto::action::Action,
        digest: [u8; 32],
        session: Option<&SessionSeen>,
    ) -> Result<Prepared<'_>, Denial> {
        let known = Known { types: &self.types, store: &self.store };
        let mapped = self.mapping.map(action, known)?;
        let near = |uid| Near { uid, within: self.store.ancestors(uid) };
        let Mapped { principal, action, resource, .. } = &mapped;
        let slice = self.scopes.slice(near(principal), near(action), near(resource));
        let entities = self.entities(&mapped, &slice)?;
        let shape = self.shapes.get(action).cloned().unwrap_or_default();
        let session = match (shape.session.is_empty(), session) {
            (true, _) => None,
            (false, Some(seen)) => Some(seen.clone()),
            // Counts of nothing would permit what a limit forbids.
            (false, None) => {
                let text = "what happened in this session is not known";
                return Err(denial("pdp.session_unknown", text));
            }
        };
        let mut prepared =
            Prepared { pdp: self, slice, mapped, entities, shape, session, digest, plain: None };
        prepared.plain = Some(prepared.request(None)?);
        Ok(prepared)
    }

    /// Principal, action, resource, and what the policies can reach from there.
    fn entities(&self, mapped: &Mapped, slice: &Slice) -> Result<Entities, Denial> {
        let own = [&mapped.principal, &mapped.resource];
        let named = mapped.named.iter().chain(&slice.named).cloned();
        let mut all: Vec<Entity> = self.store.reached(named, &own, slice.depth);
        all.retain(|entity| entity.uid() != mapped.action);
        all.extend(mapped.entities.iter().cloned());
        all.push(self.store.action(&mapped.action));
        Entities::from_entities(all, None).map_err(|e| denial("pdp.schema", chain(&e)))
    }

    /// The canary must reach the policies and be denied by them.
    fn self_test(&self) -> Result<(), PolicyError> {
        let canary = match self.mapping.canary() {
            Canary::Named(canary) => canary,
            Canary::Nobody => return self.test_nobody(),
        };
        let evaluation = self.decide(&self.as_first(EvaluationRequest::new((**canary).clone())));
        match evaluation.outcome {
            Outcome::Permit(_) => Err(PolicyError::Canary("it is permitted".to_owned())),
            Outcome::Deny(Denial { code, detail }) if code != "pdp.denied" => {
                Err(PolicyError::Canary(format!("it does not reach them ({code}: {detail})")))
            }
            Outcome::Requestable(_) | Outcome::Deny(_) => Ok(()),
        }
    }

    /// Without a mapping nobody says what must be denied. What no schema knows must be, in any
    /// case: who permits that permits everything to everybody.
    fn test_nobody(&self) -> Result<(), PolicyError> {
        let fault = |e: &dyn std::fmt::Display| PolicyError::Canary(e.to_string());
        let nobody = |id: &str| -> Result<EntityUid, PolicyError> {
            format!("{NOBODY}::{id:?}").parse().map_err(|e: cedar_policy::ParseErrors| fault(&e))
        };
        let (who, does, what) = (nobody("who")?, nobody("does")?, nobody("what")?);
        let near = |uid| Near { uid, within: &[] };
        let slice = self.scopes.slice(near(&who), near(&does), near(&what));
        let request = Request::new(who, does, what, Context::empty(), None);
        let request = request.map_err(|e| fault(&e))?;
        let answer = self.authorizer.is_authorized(&request, &slice.policies, &Entities::empty());
        if answer.decision() == Decision::Deny {
            return Ok(());
        }
        let mut by: Vec<&PolicyId> = answer.diagnostics().reason().collect();
        by.sort();
        let by: Vec<String> = by.into_iter().map(ToString::to_string).collect();
        let text =
            "permits everything to everybody; if that is meant, name a canary in mapping.toml";
        Err(PolicyError::Canary(format!("{} {text}", by.join(", "))))
    }

    fn decide(&self, request: &EvaluationRequest) -> Evaluation {
        let action_digest = request.action().digest();
        let nothing = Outcome::Deny(denial("pdp.denied", "no policy permits it"));
        let mut evaluation = Evaluation::of(nothing, action_digest);
        let prepared = self.prepare_action(request.action(), action_digest, request.session());
        let outcome = prepared.and_then(|prepared| {
            evaluation.seen.session = prepared.session.clone();
            match request.approval() {
                None => prepared.without_approval(&mut evaluation),
                Some(approval) => prepared.with_approval(approval, &mut evaluation),
            }
        });
        evaluation.outcome = outcome.unwrap_or_else(Outcome::Deny);
        withhold(&mut evaluation, request.action());
        evaluation
    }
}

impl Pdp for CedarPdp {
    fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluation, Error> {
        Ok(self.decide(request))
    }

    fn search(&self, search: &SearchRequest) -> Result<Found, Error> {
        Ok(search::search(self, search))
    }

    fn policy(&self) -> PolicyIdentity {
        self.identity.clone()
    }
}

/// `verification.json` may say that people may answer for their own agents; no policy is meant
/// that says otherwise. Without the file they may not.
fn self_approval(files: &PolicyFiles) -> Result<bool, PolicyError> {
    if files.get(VERIFICATION).is_none() {
        return Ok(false);
    }
    match files.json(VERIFICATION)?.get("self_approval") {
        None => Ok(false),
        Some(Json::Bool(allow)) => Ok(*allow),
        Some(_) => {
            let text = "self_approval is true or false".to_owned();
            Err(PolicyError::Json(VERIFICATION.to_owned(), text))
        }
    }
}

/// One request in the engine's terms, to be run with different approvals.
#[derive(Debug)]
pub struct Prepared<'p> {
    pdp: &'p CedarPdp,
    slice: Arc<Slice>,
    mapped: Mapped,
    entities: Entities,
    shape: ContextShape,
    session: Option<SessionSeen>,
    digest: [u8; 32],
    /// The request without an approval.
    plain: Option<Request>,
}

/// What one run of the engine gave.
struct Run {
    permitted: bool,
    /// In the order of their ids, for stable reports.
    determining: Vec<PolicyId>,
}

impl Prepared<'_> {
    /// Whether policies permit it without any approval: one run of the engine.
    ///
    /// # Errors
    /// The denial of a request that makes a policy fail.
    pub fn permitted(&self) -> Result<bool, Denial> {
        Ok(self.run(None)?.permitted)
    }

    /// What is decided without an approval; a denial is run again to see whether it is requestable.
    ///
    /// # Errors
    /// As [`Prepared::permitted`]; `pdp.denied`.
    pub fn outcome(&self) -> Result<Outcome, Denial> {
        let mut evaluation = Evaluation::of(Outcome::Permit(None), self.digest);
        self.without_approval(&mut evaluation)
    }

    fn without_approval(&self, evaluation: &mut Evaluation) -> Result<Outcome, Denial> {
        let plain = self.run_into(None, evaluation)?;
        evaluation.determining = self.names(&plain.determining);
        evaluation.obligations = self.obligations(&plain.determining);
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
        evaluation.promised = self.obligations(&approved.determining);
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
        let plain = self.run_into(None, evaluation)?;
        evaluation.determining = self.names(&plain.determining);
        evaluation.obligations = self.obligations(&plain.determining);
        if plain.permitted {
            return Ok(Outcome::Permit(None));
        }
        let approved = self.run_into(Some(approval), evaluation)?;
        evaluation.determining = self.names(&approved.determining);
        if !approved.permitted {
            evaluation.obligations = self.obligations(&approved.determining);
            return Err(denial("pdp.denied", "no policy permits it, even with this approval"));
        }
        let decisive = decisive(&plain, &approved);
        let requirement = self.requirement(&decisive);
        check_approval(approval, &requirement)?;
        evaluation.determining = self.names(&decisive);
        evaluation.obligations = self.obligations(&approved.determining);
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
        let run = self.run_into(Some(&synthetic), evaluation)?;
        Ok(run.permitted.then_some(run))
    }

    fn run_into(
        &self,
        approval: Option<&VerifiedApproval>,
        evaluation: &mut Evaluation,
    ) -> Result<Run, Denial> {
        self.run(approval).inspect_err(|denial| {
            if denial.code == "pdp.policy_error" {
                evaluation.errors = vec![denial.detail.clone()];
            }
        })
    }

    /// Runs the engine once. An error of any policy denies.
    fn run(&self, approval: Option<&VerifiedApproval>) -> Result<Run, Denial> {
        let built;
        let request = match (&self.plain, approval) {
            (Some(plain), None) => plain,
            _ => {
                built = self.request(approval)?;
                &built
            }
        };
        let authorizer = &self.pdp.authorizer;
        let response = authorizer.is_authorized(request, &self.slice.policies, &self.entities);
        let errors = response.diagnostics().errors().take(MAX_ERRORS);
        let mut errors: Vec<String> = errors.map(|error| chain(error)).collect();
        if !errors.is_empty() {
            errors.sort_unstable();
            return Err(denial("pdp.policy_error", errors.join("; ")));
        }
        let mut determining: Vec<_> = response.diagnostics().reason().cloned().collect();
        determining.sort();
        Ok(Run { permitted: response.decision() == Decision::Allow, determining })
    }

    fn request(&self, approval: Option<&VerifiedApproval>) -> Result<Request, Denial> {
        let mut context = self.mapped.context.clone();
        let session = self.session.as_ref();
        self.shape.fill(&mut context, &b64::encode_hex(self.digest), approval, session);
        let context = Context::from_pairs(context).map_err(|e| denial("pdp.schema", chain(&e)))?;
        let Mapped { principal, action, resource, .. } = &self.mapped;
        let of = [principal, action, resource].map(Clone::clone);
        let [principal, action, resource] = of;
        Request::new(principal, action, resource, context, Some(&self.pdp.schema))
            .map_err(|e| denial("pdp.schema", chain(&e)))
    }

    fn requirement(&self, decisive: &[PolicyId]) -> Requirement {
        let ids = decisive.iter().filter_map(|id| self.pdp.requirements.get(id));
        requirement::merge(ids.cloned(), self.pdp.allow_self)
    }

    /// Of all policies that determine an answer, none left out.
    fn obligations(&self, ids: &[PolicyId]) -> Vec<Obligation> {
        let mut all = Vec::new();
        if !self.pdp.obligations.is_empty() {
            let of = ids.iter().filter_map(|id| self.pdp.obligations.get(id));
            of.for_each(|found| add(&mut all, found.iter().cloned()));
        }
        all
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

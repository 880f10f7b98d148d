//! Policy decision points: what they are asked and what they answer.
//!
//! A PDP is pure: the same request under the same policy has the same answer, so that anybody who
//! holds the policy of a receipt's manifest hash can repeat the decision.

use placet_proto::{
    action::Action,
    document::{Initiator, Obligation, Role, Seen},
    json::Json,
};

use crate::{
    Error,
    authzen::{EvaluationRequest, SearchRequest},
};

/// The most approvers that a policy may ask for (SPEC.md, `quorum`).
pub const MAX_QUORUM: u32 = 16;

/// Something that decides whether an action is permitted.
pub trait Pdp: Send + Sync {
    /// Decides. Callers answer an error with deny.
    ///
    /// # Errors
    /// When no decision was reached, as with a PDP that is out of process; the embedded one always
    /// reaches one, and its own faults are denials.
    fn evaluate(&self, request: &EvaluationRequest) -> Result<Evaluation, Error>;

    /// Finds who may, on what, or how, among the entities that this decision point knows. One that
    /// knows none finds none.
    ///
    /// # Errors
    /// As [`Pdp::evaluate`].
    fn search(&self, search: &SearchRequest) -> Result<Found, Error>;

    /// Which policy decides.
    fn policy(&self) -> PolicyIdentity;
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Ids of subjects or resources, or names of actions, ascending; each is permitted without an
    /// approval.
    pub ids: Vec<String>,
    /// Where the next page begins: how many candidates there are before it. `None`: this was the
    /// last page.
    pub next: Option<usize>,
}

/// Which policy decides: what a decision record names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyIdentity {
    /// The manifest hash of the policy folder.
    pub manifest: [u8; 32],
    /// The engine and its version, such as `cedar 4.14.1`.
    pub engine: String,
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Permit, requestable denial or denial.
    pub outcome: Outcome,
    /// The digest of the action that was judged.
    pub action_digest: [u8; 32],
    /// Ids of the policies that determined the outcome; empty when none applied.
    pub determining: Vec<String>,
    /// Errors of policies at run time, bounded; any of them denies.
    pub errors: Vec<String>,
    /// What the PEP has to do with this answer: of a permit before it counts as one, of a denial
    /// beside it. Those of every determining policy.
    pub obligations: Vec<Obligation>,
    /// Of a requestable denial: what a permit by approval would carry.
    pub promised: Vec<Obligation>,
    /// What it rests on beside action, policy and approval.
    pub seen: Seen,
}

impl Evaluation {
    /// An outcome with nothing beside it.
    #[must_use]
    pub fn of(outcome: Outcome, action_digest: [u8; 32]) -> Self {
        Self {
            outcome,
            action_digest,
            determining: Vec::new(),
            errors: Vec::new(),
            obligations: Vec::new(),
            promised: Vec::new(),
            seen: Seen::default(),
        }
    }
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Permitted. `Some`: only because of the approval that was passed, which meets this
    /// requirement and is to be spent. `None`: without any approval.
    Permit(Option<Requirement>),
    /// Denied, but an approval of this kind would change that.
    Requestable(Requirement),
    /// Denied.
    Deny(Denial),
}

/// Why something was denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Stable: `pdp.denied`, `pdp.policy_error`, `pdp.unmapped`, `pdp.schema`, `pdp.number`,
    /// `pdp.reserved`, `pdp.approval_digest`, `pdp.approval_method`, `pdp.approval_quorum`,
    /// `pdp.approval_expired`; of a service whose log has the approval as spent
    /// `pdp.approval_spent`, and not at all `pdp.approval_unverifiable`, and where too few persons
    /// may approve, `pdp.quorum_unmet`; of obligations `pdp.obligation_unsupported`,
    /// `pdp.obligation_limit`; of sessions `pdp.session`, `pdp.session_full`,
    /// `pdp.session_unknown`; of a foreign decision point `pdp.remote_denied`,
    /// `pdp.remote_unavailable`, `pdp.remote_answer`.
    pub code: &'static str,
    /// For people and logs; may change.
    pub detail: String,
}

/// What an approval must be, from the annotations of the determining policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requirement {
    /// `@approve`: how to approve.
    pub method: Method,
    /// `@quorum`, and what the policies' conditions need: distinct persons, 1 to [`MAX_QUORUM`].
    pub quorum: u32,
    /// `@approvers` of each policy that has it: an answer must satisfy every one. None: whoever
    /// may approve at all.
    pub approvers: Vec<Approvers>,
    /// `@self_approval`, else what `verification.json` says: whether people may answer for
    /// themselves and for their own agents. Every policy that asks has to allow it.
    pub allow_self: bool,
    /// `@max_age`: the oldest approval that counts, in seconds.
    pub max_age_seconds: Option<u64>,
    /// `@template`: name of the text that approvers read.
    pub template: Option<String>,
    /// `@reason`: why approval is needed, written by the author of the policy.
    pub reason: Option<String>,
    /// `@risk`: a word for the badge, written by the author of the policy.
    pub risk: Option<String>,
}

/// Persons who may answer: those that are named, and those that hold one of the roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Approvers {
    /// Random ids, ascending.
    pub people: Vec<String>,
    /// Roles, ascending.
    pub roles: Vec<Role>,
}

/// How a person approves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Method {
    /// A WebAuthn assertion; `@approve("passkey")`.
    #[default]
    Webauthn,
    /// An OpenSSH `sk-*` security key; `@approve("security-key")` accepts either.
    SshSk,
}

impl Method {
    /// The value of `context.approval.method`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webauthn => "webauthn",
            Self::SshSk => "ssh-sk",
        }
    }

    /// Whether an approval by `given` satisfies a policy that asks for this method.
    #[must_use]
    pub fn accepts(self, given: Self) -> bool {
        self == Self::SshSk || self == given
    }
}

/// Approvals of one action that the caller has verified: signatures, enrolment, order, not spent.
///
/// Never build one from what a request says about itself: this is what policies see as
/// `context.approval`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedApproval {
    /// `action_digest` of the action that every one of them approves.
    pub action_digest: [u8; 32],
    /// The weakest method among them: `SshSk` if any used it.
    pub method: Method,
    /// How many distinct persons approved.
    pub approvers: u32,
    /// Whether every assertion has user verification.
    pub user_verified: bool,
    /// Seconds since the oldest of them, by the caller's clock.
    pub age_seconds: u64,
}

/// Longest identifier of an initiator, in bytes (SPEC.md 4.5).
const MAX_ID: usize = 1024;

/// Who asks for an action: the actor of a delegation (`subject.properties.act`), else the subject.
#[must_use]
pub fn initiator_of(action: &Action) -> Initiator {
    let act = action.subject().get("properties").and_then(|p| p.get("act"));
    let member = |name: &str| {
        let text = act.and_then(|act| act.get(name)).and_then(Json::as_str);
        text.filter(|t| (1..=MAX_ID).contains(&t.len())).map(str::to_owned)
    };
    // `sub` is RFC 8693's name for it, `id` AuthZEN's.
    match member("id").or_else(|| member("sub")) {
        Some(id) => Initiator { kind: member("type").unwrap_or_else(|| "agent".to_owned()), id },
        None => {
            let (kind, id) = action.subject_ref();
            Initiator { kind: kind.to_owned(), id: id.to_owned() }
        }
    }
}

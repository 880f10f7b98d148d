//! Why the service refuses: stable codes for programs, one sentence for people.

/// What the service refuses to do. Nothing was recorded, unless the text says so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// `placet.toml` is not what it should be.
    #[error("placet.toml: {0}")]
    Config(String),
    /// A private key file is missing, damaged or readable by others.
    #[error("{0}")]
    Key(String),
    /// The folder was never initialised to the end.
    #[error("the ledger is not initialised; `placet init` makes one and finishes a half-made one")]
    NotInitialised,
    /// A token is not one of this service's, or can't be made.
    #[error("the token was refused: {0}")]
    Jws(&'static str),
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
    /// A value is missing, too long or not in its one spelling.
    #[error("{0}")]
    Invalid(&'static str),
    /// Too many requests, documents or registrations are open.
    #[error("too many {0} are open; try again later")]
    Limit(&'static str),
    /// No such request.
    #[error("no such request")]
    RequestUnknown,
    /// The request has ended or has not been submitted.
    #[error("the request is {0}")]
    RequestState(&'static str),
    /// The time to answer or to spend is over.
    #[error("the request's time is over")]
    RequestExpired,
    /// Another policy came into force since the request was decided.
    #[error("another policy is in force now; the action has to be decided again")]
    PolicyChanged,
    /// No such document waits for a signature: never opened, answered, or too old.
    #[error("no such document waits for a signature; open the request again")]
    DocumentUnknown,
    /// This person has answered this request.
    #[error("this person has answered this request already")]
    Answered,
    /// The agent's own answer.
    #[error("the initiator of a request can't answer it")]
    SelfApproval,
    /// No such person or credential.
    #[error("no such person or credential")]
    PersonUnknown,
    /// The credential may not do this now: role, revocation, or an enrolment that is not covered
    /// by a cosigned checkpoint.
    #[error("this credential may not do this: {0}")]
    NotAuthorised(String),
    /// The signature, or what was signed, is not what it has to be.
    #[error("the passkey's answer was refused: {text}")]
    Assertion {
        /// The verifier's code.
        code: String,
        /// The verifier's sentence.
        text: String,
    },
    /// The bootstrap code is wrong, used, expired, or somebody is enrolled.
    #[error("the one-time code is not valid")]
    Code,
    /// No such registration is under way.
    #[error("no such registration is under way; start again")]
    RegistrationUnknown,
    /// The credential is enrolled already.
    #[error("this credential is enrolled already")]
    Enrolled,
    /// Approvals do not suffice, or are not of this action.
    #[error("not approved: {0}")]
    NotApproved(&'static str),
    /// The request was spent, by another call.
    #[error("the request was spent by another call")]
    Spent,
    /// The request ended otherwise, at the same time.
    #[error("the request has ended")]
    Ended,
    /// The outcome was recorded, and differently.
    #[error("another outcome is recorded")]
    OutcomeRecorded,
    /// The witnesses did not satisfy the policy.
    #[error("no cosigned checkpoint: {0}")]
    Quorum(String),
    /// A wait ended before what it waited for.
    #[error("not complete in time: {0}")]
    Timeout(&'static str),
    /// The body of a statement was erased.
    #[error("the statement at index {0} was erased")]
    Erased(u64),
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config.invalid",
            Self::Key(_) => "key.file",
            Self::NotInitialised => "dir.not_initialised",
            Self::Jws(_) => "jws.invalid",
            Self::Random => "ledger.random",
            Self::Invalid(_) => "request.invalid",
            Self::Limit(_) => "ledger.limit",
            Self::RequestUnknown => "request.unknown",
            Self::RequestState(_) => "request.state",
            Self::RequestExpired => "request.expired",
            Self::PolicyChanged => "request.policy_changed",
            Self::DocumentUnknown => "answer.document_unknown",
            Self::Answered => "answer.repeated",
            Self::SelfApproval => "answer.self_approval",
            Self::PersonUnknown => "person.unknown",
            Self::NotAuthorised(_) => "person.not_authorised",
            Self::Assertion { .. } => "answer.assertion",
            Self::Code => "enrol.code",
            Self::RegistrationUnknown => "enrol.unknown",
            Self::Enrolled => "enrol.repeated",
            Self::NotApproved(_) => "consume.not_approved",
            Self::Spent => "consume.conflict",
            Self::Ended => "request.ended",
            Self::OutcomeRecorded => "outcome.conflict",
            Self::Quorum(_) => "witness.quorum",
            Self::Timeout(_) => "ledger.timeout",
            Self::Erased(_) => "log.erased",
        }
    }
}

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
    /// Too many requests of one agent wait for persons.
    #[error("too many requests of this agent wait for persons")]
    AgentLimit,
    /// Who is asked to answer is not among those whom the policy names for it.
    #[error("the policy lets others answer this request")]
    NotEligible,
    /// A policy that can't decide: its name for what is wrong, and a sentence.
    #[error("the policy was refused: {text}")]
    Policy {
        /// The stable code of whoever judged it.
        code: &'static str,
        /// What is wrong.
        text: String,
    },
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
    /// The ledger asks for an attestation that ends at one of its roots.
    #[error(
        "this ledger takes only passkeys that a pinned root attests; this one is of format {0}"
    )]
    Unattested(String),
    /// The key of this registration has signed: it is not replaced by another.
    #[error("the passkey of this registration has signed already; it can't be replaced")]
    RegistrationSigned,
    /// The new key has not signed the document as it is now.
    #[error("the new passkey has not signed this enrolment yet")]
    Possession,
    /// The document names another authoriser.
    #[error("this enrolment names another authoriser; take it over first")]
    Authoriser,
    /// Several persons or keys have this name.
    #[error("several have this name; name one by its id")]
    PersonAmbiguous,
    /// No such invitation.
    #[error("no such invitation")]
    InvitationUnknown,
    /// A key was registered by this invitation.
    #[error("this invitation was used; ask for another if that was not you")]
    InvitationUsed,
    /// The invitation is too old.
    #[error("this invitation is too old; ask for another")]
    InvitationExpired,
    /// The invitation was taken back, or what was registered by it was refused.
    #[error("this invitation was taken back; ask for another")]
    InvitationEnded,
    /// Somebody else is signed in than the person who is invited.
    #[error("this invitation is for another person than the one who is signed in here")]
    InvitationPerson,
    /// A recovery of this person runs already.
    #[error("a recovery of this person runs already")]
    RecoveryRuns,
    /// The announced key can't be enrolled before this time.
    #[error("the recovery can be completed from {0} on, by the witnesses' time")]
    RecoveryEarly(placet_proto::time::UnixSeconds),
    /// Somebody objected, or the recovery is over.
    #[error("the recovery has ended: somebody objected, or it is complete")]
    RecoveryObjected,
    /// Nobody could administrate any more.
    #[error("nobody could administrate this ledger any more; confirm that this is meant")]
    LastAdministrator,
    /// Approvals do not suffice, or are not of this action.
    #[error("not approved: {0}")]
    NotApproved(&'static str),
    /// The request was spent, by another call.
    #[error("the request was spent by another call")]
    Spent,
    /// The request ended otherwise, at the same time.
    #[error("the request has ended")]
    Ended,
    /// An outcome told by a call that did not spend the approvals.
    #[error("another call spent the approvals")]
    OtherSpender,
    /// The outcome was recorded, and differently.
    #[error("another outcome is recorded")]
    OutcomeRecorded,
    /// A SIEM that has to follow does not.
    #[error("nothing is decided while the export lags: {0}")]
    ExportLag(String),
    /// The witnesses did not satisfy the policy.
    #[error("no cosigned checkpoint: {0}")]
    Quorum(String),
    /// A wait ended before what it waited for.
    #[error("not complete in time: {0}")]
    Timeout(&'static str),
    /// The body of a statement was erased.
    #[error("the statement at index {0} was erased")]
    Erased(u64),
    /// Something about the request was erased: nothing is filed about it any more.
    #[error("the request was erased; nothing is filed about it any more")]
    RequestErased,
    /// What an order of erasure would have to name is not what was signed.
    #[error("what is to be erased changed meanwhile; prepare the order again")]
    ErasureChanged,
    /// An order was recorded, and could not be carried out at once.
    #[error("the order is on record at leaf {0}; the rest of it is done later")]
    ErasureUnfinished(u64),
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
            Self::AgentLimit => "agent.limit",
            Self::NotEligible => "answer.not_eligible",
            Self::Policy { code, .. } => code,
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
            Self::Unattested(_) => "enrol.unattested",
            Self::RegistrationSigned => "enrol.signed",
            Self::Possession => "enrol.possession",
            Self::Authoriser => "enrol.authoriser",
            Self::PersonAmbiguous => "person.ambiguous",
            Self::InvitationUnknown => "invite.unknown",
            Self::InvitationUsed => "invite.used",
            Self::InvitationExpired => "invite.expired",
            Self::InvitationEnded => "invite.cancelled",
            Self::InvitationPerson => "invite.person",
            Self::RecoveryRuns => "recovery.running",
            Self::RecoveryEarly(_) => "recovery.early",
            Self::RecoveryObjected => "recovery.objected",
            Self::LastAdministrator => "people.last_administrator",
            Self::NotApproved(_) => "consume.not_approved",
            Self::Spent => "consume.conflict",
            Self::Ended => "request.ended",
            Self::OtherSpender => "outcome.spender",
            Self::OutcomeRecorded => "outcome.conflict",
            Self::ExportLag(_) => "export.lag",
            Self::Quorum(_) => "witness.quorum",
            Self::Timeout(_) => "ledger.timeout",
            Self::Erased(_) => "log.erased",
            Self::RequestErased => "request.erased",
            Self::ErasureChanged => "erase.changed",
            Self::ErasureUnfinished(_) => "erase.unfinished",
        }
    }
}

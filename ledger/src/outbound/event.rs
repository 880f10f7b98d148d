//! What happened, for those who are told.

use placet_proto::document::Body;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use super::delivery::message_id;
use crate::LogId;

/// The kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EventKind {
    /// Persons can answer a request.
    RequestOpened,
    /// A person answered a request.
    RequestAnswered,
    /// A request was denied, withdrawn, spent, or its time is over.
    RequestEnded,
    /// Somebody announced a new key in place of a lost one: everybody shall look.
    RecoveryAnnounced,
    /// A passkey was revoked.
    CredentialRevoked,
    /// A person registered a passkey and waits for an administrator.
    EnrolmentWaiting,
    /// `placet notify test`.
    Test,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::RequestOpened,
        Self::RequestAnswered,
        Self::RequestEnded,
        Self::RecoveryAnnounced,
        Self::CredentialRevoked,
        Self::EnrolmentWaiting,
        Self::Test,
    ];

    /// The name on the wire and in the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestOpened => "request.opened",
            Self::RequestAnswered => "request.answered",
            Self::RequestEnded => "request.ended",
            Self::RecoveryAnnounced => "recovery.announced",
            Self::CredentialRevoked => "credential.revoked",
            Self::EnrolmentWaiting => "enrolment.waiting",
            Self::Test => "test",
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What.
    pub kind: EventKind,
    /// Its id, the same whenever the same thing is told again.
    pub id: String,
    /// When, by the ledger's clock.
    pub at: UnixSeconds,
    /// The request that it is about.
    pub request: Option<String>,
    /// The person that it is about, by id.
    pub person: Option<String>,
    /// A word for what became of it: `approved`, `denied`, `expired`, `cancelled`, `executed`.
    pub state: Option<&'static str>,
}

impl Event {
    /// A request that was opened.
    #[must_use]
    pub fn opened(request: &str, at: UnixSeconds) -> Self {
        let kind = EventKind::RequestOpened;
        let id = message_id(&[kind.name().as_bytes(), request.as_bytes()]);
        Self { kind, id, at, request: Some(request.to_owned()), person: None, state: None }
    }

    /// Something about a person. `what` makes it different from others of its kind.
    #[must_use]
    pub fn of_person(kind: EventKind, person: Option<&str>, what: &[u8], at: UnixSeconds) -> Self {
        let person = person.map(str::to_owned);
        let bytes = person.as_deref().unwrap_or_default().as_bytes();
        let id = message_id(&[kind.name().as_bytes(), bytes, what]);
        Self { kind, id, at, request: None, person, state: None }
    }

    /// What an entry of a log tells, if anything that is told.
    #[must_use]
    pub fn of_entry(origin: &str, log: LogId, index: u64, statement: &Statement) -> Option<Self> {
        let body = &statement.document.body;
        let (kind, state) = match (log, body) {
            (LogId::Main, Body::Approval(_)) => (EventKind::RequestAnswered, Some("approved")),
            (LogId::Main, Body::Denial(_)) => (EventKind::RequestEnded, Some("denied")),
            (LogId::Main, Body::Expiry(_)) => (EventKind::RequestEnded, Some("expired")),
            (LogId::Main, Body::Cancel(_)) => (EventKind::RequestEnded, Some("cancelled")),
            (LogId::Main, Body::Execution(_)) => (EventKind::RequestEnded, Some("executed")),
            (LogId::Gov, Body::Revocation(_)) => (EventKind::CredentialRevoked, None),
            (LogId::Gov, Body::Recovery(_)) => (EventKind::RecoveryAnnounced, None),
            _ => return None,
        };
        let index = index.to_be_bytes();
        Some(Self {
            kind,
            id: message_id(&[origin.as_bytes(), log.name().as_bytes(), &index]),
            at: UnixSeconds(statement.header.iat),
            request: body.request().map(str::to_owned),
            person: None,
            state,
        })
    }
}

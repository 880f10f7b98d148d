//! What is told of an event: that there is something to look at, and where.
//!
//! By default no word of it is an agent's. `fields` in the settings lets some in; those are cut
//! short, and made harmless before any template sees them.

use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;

use super::NotifyTarget;
use crate::Error;
use crate::http::action_code;
use crate::outbound::{Event, EventKind};
use crate::service::{Ledger, Refusal, RequestView, render};

/// Longest text of an agent's that is told, in characters.
const MAX_FIELD: usize = 160;

/// What may be told beside code, risk, deadline and link, where the settings say so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The agent: its AuthZEN subject.
    Initiator,
    /// The name of the action.
    Action,
    /// The resource: type and id.
    Resource,
    /// The enforcement point.
    Audience,
    /// The policy's reason.
    Reason,
}

impl Field {
    /// All fields.
    pub const ALL: [Self; 5] =
        [Self::Initiator, Self::Action, Self::Resource, Self::Audience, Self::Reason];

    /// The name in settings and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Action => "action",
            Self::Resource => "resource",
            Self::Audience => "audience",
            Self::Reason => "reason",
        }
    }

    /// The field of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.name() == name)
    }

    fn of(self, view: &RequestView) -> String {
        let decision = &view.decision;
        match self {
            Self::Initiator => format!("{}:{}", decision.initiator.kind, decision.initiator.id),
            Self::Action => decision.action.name().to_owned(),
            Self::Resource => {
                let (kind, id) = decision.action.resource_ref();
                format!("{kind}:{id}")
            }
            Self::Audience => decision.audience.clone(),
            Self::Reason => decision.reason.clone(),
        }
    }
}

/// What is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The kind of event.
    pub kind: EventKind,
    /// The event's id.
    pub id: String,
    /// When.
    pub at: UnixSeconds,
    /// One sentence of ours.
    pub title: &'static str,
    /// The page to look at.
    pub link: String,
    /// The request.
    pub request: Option<String>,
    /// Its action code.
    pub code: Option<String>,
    /// The policy's word for its risk.
    pub risk: Option<String>,
    /// Until when it can be answered.
    pub deadline: Option<UnixSeconds>,
    /// What became of it.
    pub state: Option<&'static str>,
    /// What else the settings let in, as it came.
    pub fields: Vec<(Field, String)>,
}

impl Message {
    /// What is told of an event to a target with these settings.
    ///
    /// # Errors
    /// What reading the request gives; an erased one is told without what was erased.
    pub fn of(
        ledger: &Ledger,
        event: &Event,
        target: Option<&NotifyTarget>,
    ) -> Result<Self, Error> {
        let public = &ledger.config().public_url;
        let mut message = Self::bare(event, public);
        let Some(request) = &event.request else { return Ok(message) };
        let view = match ledger.request(request) {
            Ok(view) => view,
            Err(Error::Refused(Refusal::Erased(_) | Refusal::RequestUnknown)) => {
                return Ok(message);
            }
            Err(error) => return Err(error),
        };
        message.code = Some(action_code(request, &view.decision.action.digest()));
        message.risk = view.risk.as_deref().map(tame);
        message.deadline = Some(view.row.not_after);
        let shown = Field::ALL.into_iter().filter(|f| target.is_some_and(|t| t.shows(*f)));
        message.fields = shown.map(|field| (field, field.of(&view))).collect();
        Ok(message)
    }

    /// The message without anything of the request.
    #[must_use]
    pub fn bare(event: &Event, public_url: &str) -> Self {
        let link = match (&event.request, event.kind) {
            (Some(request), _) => format!("{public_url}/approve/{request}"),
            (None, EventKind::Test) => format!("{public_url}/"),
            (None, _) => format!("{public_url}/people"),
        };
        Self {
            kind: event.kind,
            id: event.id.clone(),
            at: event.at,
            title: title(event.kind, event.state),
            link,
            request: event.request.clone(),
            code: None,
            risk: None,
            deadline: None,
            state: event.state,
            fields: Vec::new(),
        }
    }

    /// The values with their names, for templates that fill them in: all strings, harmless.
    #[must_use]
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let time = |at: UnixSeconds| at.to_string();
        let mut all = vec![
            ("event", self.kind.name().to_owned()),
            ("id", self.id.clone()),
            ("time", time(self.at)),
            ("title", self.title.to_owned()),
            ("link", self.link.clone()),
            ("request", self.request.clone().unwrap_or_default()),
            ("code", self.code.clone().unwrap_or_default()),
            ("risk", self.risk.clone().unwrap_or_default()),
            ("deadline", self.deadline.map(time).unwrap_or_default()),
            ("state", self.state.unwrap_or_default().to_owned()),
            ("text", self.text()),
        ];
        all.extend(self.fields.iter().map(|(field, value)| (field.name(), tame(value))));
        all
    }

    /// The facts with their labels, for people, without the link: harmless.
    #[must_use]
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let time = |at: UnixSeconds| at.to_string();
        let own = [
            ("Code", self.code.clone()),
            ("Risk", self.risk.clone()),
            ("State", self.state.map(str::to_owned)),
            ("Until", self.deadline.map(time)),
        ];
        let own = own.into_iter().filter_map(|(label, value)| Some((label, value?)));
        let label = |field: Field| match field {
            Field::Initiator => "Agent (its words)",
            Field::Action => "Action (agent's words)",
            Field::Resource => "Resource (agent's words)",
            Field::Audience => "Where",
            Field::Reason => "Reason",
        };
        let more = self.fields.iter().map(|(field, value)| (label(*field), tame(value)));
        own.chain(more).collect()
    }

    /// All of it as plain lines.
    #[must_use]
    pub fn text(&self) -> String {
        let facts = self.facts().into_iter().map(|(label, value)| format!("\n{label}: {value}"));
        format!("{}{}\n{}", self.title, facts.collect::<String>(), self.link)
    }

    /// The event as JSON for programs: values as they are, cut short.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let mut data = Json::object([("link", Json::from(self.link.as_str()))]);
        let optional = [
            ("request", self.request.clone()),
            ("code", self.code.clone()),
            ("risk", self.risk.clone()),
            ("deadline", self.deadline.map(|at| at.to_string())),
            ("state", self.state.map(str::to_owned)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                data.insert(name, value.into());
            }
        }
        for (field, value) in &self.fields {
            data.insert(field.name(), short(value).into());
        }
        Json::object([
            ("type", Json::from(self.kind.name())),
            ("id", self.id.as_str().into()),
            ("timestamp", self.at.to_string().as_str().into()),
            ("title", self.title.into()),
            ("data", data),
        ])
    }
}

fn title(kind: EventKind, state: Option<&str>) -> &'static str {
    match (kind, state) {
        (EventKind::RequestOpened, _) => "An agent asks for an approval",
        (EventKind::RequestAnswered, _) => "A person approved a request",
        (EventKind::RequestEnded, Some("denied")) => "A request was denied",
        (EventKind::RequestEnded, Some("expired")) => "A request expired",
        (EventKind::RequestEnded, Some("cancelled")) => "A request was withdrawn",
        (EventKind::RequestEnded, Some("executed")) => "An approved action was let through",
        (EventKind::RequestEnded, _) => "A request ended",
        (EventKind::RecoveryAnnounced, _) => {
            "ALARM: somebody announced a new passkey in place of a lost one. If you do not know \
             why, object now"
        }
        (EventKind::CredentialRevoked, _) => "A passkey was revoked",
        (EventKind::EnrolmentWaiting, _) => "A new passkey waits for an administrator",
        (EventKind::Test, _) => "This is a test; nothing happened",
    }
}

fn short(text: &str) -> String {
    let mut out: String = text.chars().take(MAX_FIELD).collect();
    if text.chars().nth(MAX_FIELD).is_some() {
        out.push('…');
    }
    out
}

/// Text of others, so that no chat tool makes anything of it: short, one line, invisible and
/// reordering characters as escapes, no mentions, nothing that becomes a link by itself.
#[must_use]
pub fn tame(text: &str) -> String {
    let one_line: String =
        short(text).chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let mut out = String::new();
    let escaped = render::escape(&one_line);
    let mut rest = escaped.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            // Full width: reads the same, mentions nobody.
            '@' => out.push('\u{ff20}'),
            // `https://` and `evil.example` are clickable in every chat tool.
            ':' if rest.peek() == Some(&'/') => out.push_str("[:]"),
            '.' if rest.peek().is_some_and(|next| next.is_alphanumeric()) => out.push_str("[.]"),
            c => out.push(c),
        }
    }
    out
}

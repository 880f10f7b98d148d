//! `[[notify]]` in placet.toml: whom to tell, what, and in which form.
//!
//! | key | meaning | default |
//! |---|---|---|
//! | `name` | names the target in figures and logs: 1 to 40 of `a-z`, `0-9`, `-` | required |
//! | `url` | the webhook; it is a secret wherever the tool makes it one | required |
//! | `template` | `generic`, `slack`, `teams`, `discord`, `matrix` or `ntfy` | `generic` |
//! | `events` | which events | all |
//! | `fields` | what may be told beside code, risk, deadline and link | none |
//! | `body` | a JSON text with placeholders, for `generic` | the event |
//! | `token_file` | file with a bearer token, below the folder | none |
//!
//! A target on a private network, or without TLS, has to stand in `outbound_allow` too.

use serde::{Deserialize, Serialize};

use super::message::Field;
use super::templates;
use crate::outbound::url::Target;
use crate::outbound::{Error, EventKind, Rules};

/// Most targets.
pub const MAX_TARGETS: usize = 32;

/// One `[[notify]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyTarget {
    /// Names the target.
    pub name: String,
    /// The webhook.
    pub url: String,
    /// The form of what is sent.
    #[serde(default)]
    pub template: Template,
    /// Names of events; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<String>,
    /// Names of [`Field`]s.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// JSON with placeholders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// File with a bearer token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<String>,
}

/// The form of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Template {
    /// JSON for programs.
    #[default]
    Generic,
    /// Slack's incoming webhooks, and what takes the same.
    Slack,
    /// Microsoft Teams' workflow webhooks: an Adaptive Card.
    Teams,
    /// Discord's webhooks.
    Discord,
    /// A room of a Matrix home server, as a client with a token.
    Matrix,
    /// ntfy, with the topic at the end of the URL.
    Ntfy,
}

impl NotifyTarget {
    /// Whether it is told of this kind of event. A test is for every target.
    #[must_use]
    pub fn wants(&self, kind: EventKind) -> bool {
        kind == EventKind::Test
            || self.events.is_empty()
            || self.events.iter().any(|name| name == kind.name())
    }

    /// Whether this may be told.
    #[must_use]
    pub fn shows(&self, field: Field) -> bool {
        self.fields.iter().any(|name| name == field.name())
    }

    /// Checks all that can be checked without calling anybody.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn check(&self, rules: &Rules) -> Result<(), Error> {
        let bad = |why: String| Err(Error::Config(format!("`notify` {:?}: {why}", self.name)));
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=40).contains(&self.name.len()) || !self.name.bytes().all(letter) {
            return bad("`name` is 1 to 40 of a-z, 0-9 and -".to_owned());
        }
        if let Err(error) = Target::parse(&self.url).and_then(|target| rules.check(&target)) {
            return bad(format!("`url`: {error}"));
        }
        if let Some(event) = self.events.iter().find(|e| EventKind::from_name(e).is_none()) {
            let all: Vec<&str> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
            return bad(format!("`events`: {event:?} is none of {}", all.join(", ")));
        }
        if let Some(field) = self.fields.iter().find(|f| Field::from_name(f).is_none()) {
            let all: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
            return bad(format!("`fields`: {field:?} is none of {}", all.join(", ")));
        }
        if let Some(body) = &self.body {
            if self.template != Template::Generic {
                return bad("`body` goes with template \"generic\" alone".to_owned());
            }
            if let Err(why) = templates::check_body(body, self) {
                return bad(format!("`body`: {why}"));
            }
        }
        let leaves = |file: &String| {
            let path = std::path::Path::new(file);
            !path.components().all(|part| matches!(part, std::path::Component::Normal(_)))
        };
        if self.token_file.as_ref().is_some_and(leaves) {
            return bad("`token_file` is a file below the ledger's folder".to_owned());
        }
        if self.template == Template::Matrix && self.token_file.is_none() {
            return bad("a Matrix room needs a `token_file`".to_owned());
        }
        Ok(())
    }
}

/// Checks all targets.
///
/// # Errors
/// [`Error::Config`].
pub fn check(targets: &[NotifyTarget], rules: &Rules) -> Result<(), Error> {
    if targets.len() > MAX_TARGETS {
        return Err(Error::Config(format!("at most {MAX_TARGETS} `notify` targets")));
    }
    for (n, target) in targets.iter().enumerate() {
        target.check(rules)?;
        if targets.iter().take(n).any(|other| other.name == target.name) {
            return Err(Error::Config(format!("two `notify` targets are {:?}", target.name)));
        }
    }
    Ok(())
}

//! Which session a request is of, and how much it asks for.

use std::collections::BTreeMap;

use placet_proto::{
    action::Action,
    document::{Initiator, MAX_COUNTS, SessionSeen},
    json::Json,
    sha256,
};

use super::book::Delta;
use crate::pdp::{Denial, Outcome};

/// The counts that every session has.
pub const COUNTS: [&str; 4] = ["decisions", "permits", "denials", "approvals"];
/// The longest window: a day.
pub const MAX_WINDOW_S: u64 = 86_400;
/// The most volumes.
pub const MAX_VOLUMES: usize = MAX_COUNTS - COUNTS.len();
/// The largest amount: what JSON's numbers hold exactly.
const MAX_AMOUNT: u64 = (1 << 53) - 1;
/// Into how many slots a window is cut at most.
const SLOTS: u64 = 60;

/// What is counted, as the mapping says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRule {
    /// The member of the context that names the session; without it the initiator has one. Empty:
    /// no member does, and each initiator has one.
    pub member: String,
    /// For how long something counts, in seconds, 1 to [`MAX_WINDOW_S`].
    pub window_s: u64,
    /// Volumes by name, none of [`COUNTS`].
    pub volumes: BTreeMap<String, Source>,
}

/// Where the amount of a volume stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A member of `action.properties`.
    Parameter(String),
    /// A member of the context.
    Context(String),
}

/// One request's place: its session and what it adds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Stands for initiator and session id.
    pub session: [u8; 32],
    /// Stands for the initiator.
    pub agent: [u8; 32],
    /// By volume, in the order of the rule.
    pub amounts: Vec<u64>,
}

impl SessionRule {
    /// The place of a request.
    ///
    /// # Errors
    /// `pdp.session` for a session id that is no text and for a volume that is no whole number from
    /// 0: what can't be counted is not permitted. A volume that is absent counts 0; the schema can
    /// require it.
    pub fn entry(&self, action: &Action, initiator: &Initiator) -> Result<Entry, Denial> {
        let denied = |detail: String| Denial { code: "pdp.session", detail };
        let context = action.context();
        let named = context.get(&self.member).filter(|_| !self.member.is_empty());
        let id = match named {
            None => "",
            Some(Json::String(id)) => id.as_str(),
            Some(_) => return Err(denied(format!("context.{} is no text", self.member))),
        };
        let mut amounts = Vec::with_capacity(self.volumes.len());
        for (name, source) in &self.volumes {
            let given = match source {
                Source::Parameter(member) => {
                    action.action().get("properties").and_then(|p| p.get(member))
                }
                Source::Context(member) => context.get(member),
            };
            let amount = match given {
                None => Some(0),
                Some(value) => value.as_u64().filter(|amount| *amount <= MAX_AMOUNT),
            };
            let wrong = || denied(format!("{name} of this request is no whole number"));
            amounts.push(amount.ok_or_else(wrong)?);
        }
        let (kind, name) = (initiator.kind.as_bytes(), initiator.id.as_bytes());
        Ok(Entry { session: key(&[kind, name, id.as_bytes()]), agent: key(&[kind, name]), amounts })
    }

    /// What policies see of a session in which nothing happened.
    ///
    /// # Errors
    /// As [`SessionRule::entry`].
    pub fn fresh(&self, action: &Action, initiator: &Initiator) -> Result<SessionSeen, Denial> {
        let entry = self.entry(action, initiator)?;
        Ok(self.seen(&Delta::default(), &entry.amounts))
    }

    /// What a decision adds. The volume of a permit that rests on an approval counts when that is
    /// spent, and not here: it is permitted once, however often it is decided.
    #[must_use]
    pub fn decided(&self, outcome: &Outcome, amounts: &[u64]) -> Delta {
        let mut delta = Delta { decisions: 1, ..Delta::default() };
        match outcome {
            Outcome::Permit(None) => {
                delta.permits = 1;
                delta.volumes = amounts.to_vec();
            }
            Outcome::Permit(Some(_)) => delta.permits = 1,
            Outcome::Requestable(_) => {}
            Outcome::Deny(_) => delta.denials = 1,
        }
        delta
    }

    /// What the execution of something approved adds.
    #[must_use]
    pub fn executed(&self, amounts: &[u64]) -> Delta {
        Delta { approvals: 1, volumes: amounts.to_vec(), ..Delta::default() }
    }

    /// The counts, with the volumes of the request that is decided.
    pub(super) fn seen(&self, sum: &Delta, amounts: &[u64]) -> SessionSeen {
        let counts = [sum.decisions, sum.permits, sum.denials, sum.approvals];
        let named = COUNTS.into_iter().zip(counts).map(|(name, n)| (name.to_owned(), n));
        let volumes = self.volumes.keys().enumerate().map(|(at, name)| {
            let before = sum.volumes.get(at).copied().unwrap_or_default();
            let now = amounts.get(at).copied().unwrap_or_default();
            (name.clone(), before.saturating_add(now))
        });
        let mut counts: Vec<(String, u64)> = named.chain(volumes).collect();
        counts.iter_mut().for_each(|(_, n)| *n = (*n).min(MAX_AMOUNT));
        counts.sort_unstable();
        SessionSeen { window_s: self.window_s, counts }
    }

    /// The slot of a moment. A slot counts as a whole until its end is out of the window.
    pub(super) fn slot(&self, at: u64) -> u64 {
        at.checked_div(self.width()).unwrap_or_default()
    }

    /// The first slot that counts at this moment.
    pub(super) fn first_slot(&self, now: u64) -> u64 {
        // end of the slot + window > now
        self.slot(now.saturating_sub(self.window_s))
    }

    /// The length of a slot, in seconds.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.window_s.div_ceil(SLOTS).max(1)
    }
}

/// Stands for texts: none of them is kept in memory or compared in the clear.
fn key(parts: &[&[u8]]) -> [u8; 32] {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    sha256(&bytes)
}

//! Events for a SIEM, made from a log's entries and notes (SPEC.md 18).
//!
//! * [`table`] says what events there are and where their fields stand in each format.
//! * [`Encoder`] turns a leaf ([`Leaf`]), a note ([`Covering`]) or a finding ([`Rollback`]) into
//!   one line. It is pure: the same leaf, profile and key give the same bytes, whoever asks and
//!   whenever.
//! * [`Issuers`] tells statements of the ledger from those that others registered.
//! * [`read`] finds out of a line what it is an event of.
//!
//! Nothing in an event depends on when it was exported or on how large the log is by now.

mod cloudevents;
mod delimited;
mod ecs;
mod facts;
mod issuers;
mod ocsf;
mod plain;
mod profile;
pub mod read;
pub mod table;
mod tree;

#[cfg(test)]
mod tests;

pub use facts::Value;
pub use issuers::{Issuer, Issuers};
pub use profile::{HashKey, MAX_OVERRIDES, Profile, ProfileError, Shown, adjustable};
pub use table::{EventKind, Severity};

use facts::Event;

use crate::kind::LogRole;
use crate::time::UnixSeconds;
use crate::tlog::cosignature::Cosignature;
use crate::tlog::note::Note;
use crate::{b64, sha256_parts};

/// A format of events, one event a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// OCSF 1.9.
    Ocsf,
    /// OCSF 1.8: what 1.9 added stands under `unmapped`.
    Ocsf18,
    /// ArcSight Common Event Format, version 0.
    Cef,
    /// IBM QRadar Log Event Extended Format, 2.0.
    Leef,
    /// Elastic Common Schema.
    Ecs,
    /// CloudEvents 1.0, structured JSON.
    CloudEvents,
    /// Our own JSON.
    Json,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] =
        [Self::Ocsf, Self::Ocsf18, Self::Cef, Self::Leef, Self::Ecs, Self::CloudEvents, Self::Json];

    /// The name in settings and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Ocsf18 => "ocsf-1.8",
            Self::Cef => "cef",
            Self::Leef => "leef",
            Self::Ecs => "ecs",
            Self::CloudEvents => "cloudevents",
            Self::Json => "json",
        }
    }

    /// The format with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }

    /// Whether a line is one JSON object.
    #[must_use]
    pub fn is_json(self) -> bool {
        !matches!(self, Self::Cef | Self::Leef)
    }
}

/// An entry of a log.
#[derive(Debug, Clone, Copy)]
pub struct Leaf<'a> {
    /// Which of the two logs.
    pub role: LogRole,
    /// The log's origin.
    pub origin: &'a str,
    /// Index in it.
    pub index: u64,
    /// The entry: SHA-256 of the statement.
    pub entry: [u8; 32],
    /// The statement; none where its body was erased.
    pub statement: Option<&'a [u8]>,
    /// [`note_time`] of the first published note that covers the entry: the time of an erased one.
    pub covered_at: u64,
}

/// A published note, and the leaves that it covers anew.
#[derive(Debug, Clone, Copy)]
pub struct Covering<'a> {
    /// Which of the two logs.
    pub role: LogRole,
    /// The log's origin.
    pub origin: &'a str,
    /// Which published note of its log this is, from 0.
    pub sequence: u64,
    /// Size of the note before; 0 for the first.
    pub first: u64,
    /// Size that this note signs.
    pub size: u64,
    /// Root that it signs.
    pub root: [u8; 32],
    /// The note, byte for byte.
    pub note: &'a [u8],
    /// SHA-256 of the note before.
    pub previous: Option<[u8; 32]>,
    /// [`note_time`] of the note.
    pub at: u64,
}

/// What an exporter finds at its start: the log is not the one of which it exported events.
#[derive(Debug, Clone, Copy)]
pub struct Rollback<'a> {
    /// Which of the two logs.
    pub role: LogRole,
    /// The log's origin.
    pub origin: &'a str,
    /// Size up to which events were exported.
    pub exported_size: u64,
    /// Root of the tree of that size then.
    pub exported_root: [u8; 32],
    /// Root of the tree of that size now; none where the log is smaller.
    pub found_root: Option<[u8; 32]>,
    /// When it was found, in seconds since 1970.
    pub at: u64,
}

/// One event, encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Its id: 32 hexadecimal digits, the same whatever format and profile, and after an erasure.
    pub uid: String,
    /// What happened.
    pub kind: &'static EventKind,
    /// When, in milliseconds since 1970, by the clock of whoever stated it.
    pub time_ms: u64,
    /// The line, without its end.
    pub line: Vec<u8>,
}

/// Encodes events in one format under one profile.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: Format,
    profile: Profile,
}

impl Encoder {
    /// An encoder.
    #[must_use]
    pub fn new(format: Format, profile: Profile) -> Self {
        Self { format, profile }
    }

    /// Its format.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// The event of a leaf. `issuers` are those known before it ([`Issuers::learn`]); a statement
    /// that can't be read is one of somebody else.
    #[must_use]
    pub fn leaf(&self, leaf: &Leaf<'_>, issuers: &Issuers) -> Encoded {
        self.encode(facts::of_leaf(leaf, issuers))
    }

    /// The event of a published note.
    #[must_use]
    pub fn checkpoint(&self, covering: &Covering<'_>) -> Encoded {
        self.encode(facts::of_note(covering))
    }

    /// The event that the log was rolled back or forked.
    #[must_use]
    pub fn rollback(&self, found: &Rollback<'_>) -> Encoded {
        self.encode(facts::of_rollback(found))
    }

    /// An event of no log, to try a sink out.
    #[must_use]
    pub fn test(&self, origin: &str, at: u64) -> Encoded {
        self.encode(facts::of_test(origin, at))
    }

    /// The event of a leaf, or where its line is longer than `longest` bytes a reference to it:
    /// ids, the line's length and SHA-256. No event is ever cut.
    #[must_use]
    pub fn leaf_within(&self, leaf: &Leaf<'_>, issuers: &Issuers, longest: usize) -> Encoded {
        let mut event = facts::of_leaf(leaf, issuers);
        self.profile.apply(&mut event.facts);
        self.within(event, longest)
    }

    /// As [`Encoder::leaf_within`], of a note.
    #[must_use]
    pub fn checkpoint_within(&self, covering: &Covering<'_>, longest: usize) -> Encoded {
        let mut event = facts::of_note(covering);
        self.profile.apply(&mut event.facts);
        self.within(event, longest)
    }

    fn within(&self, event: Event, longest: usize) -> Encoded {
        let line = self.line(&event);
        match line.len() <= longest {
            true => encoded(event, line),
            false => {
                let reference = facts::of_reference(&event, line.as_bytes());
                let line = self.line(&reference);
                encoded(reference, line)
            }
        }
    }

    fn encode(&self, mut event: Event) -> Encoded {
        self.profile.apply(&mut event.facts);
        let line = self.line(&event);
        encoded(event, line)
    }

    fn line(&self, event: &Event) -> String {
        match self.format {
            Format::Ocsf => ocsf::line(event, &self.profile, ocsf::Version::V1_9),
            Format::Ocsf18 => ocsf::line(event, &self.profile, ocsf::Version::V1_8),
            Format::Cef => delimited::cef(event, &self.profile),
            Format::Leef => delimited::leef(event, &self.profile),
            Format::Ecs => ecs::line(event, &self.profile),
            Format::CloudEvents => cloudevents::line(event, &self.profile),
            Format::Json => plain::line(event, &self.profile),
        }
    }
}

fn encoded(event: Event, line: String) -> Encoded {
    let time_ms = event.time.saturating_mul(1000);
    Encoded { uid: event.uid, kind: event.kind, time_ms, line: line.into_bytes() }
}

/// The time of a note: the newest that a cosignature in it states, in seconds since 1970; none of a
/// note that nobody cosigned with a time, whose publisher's clock has to do then.
#[must_use]
pub fn note_time(note: &[u8]) -> Option<u64> {
    let note = Note::parse(note).ok()?;
    let times = note.signatures().iter().filter_map(|s| Cosignature::parse(s.signature()).ok());
    times.map(|c| c.time()).filter(|t| (1..=UnixSeconds::MAX.0).contains(t)).max()
}

/// The id of the event of a leaf: 32 hexadecimal digits.
#[must_use]
pub fn leaf_uid(origin: &str, index: u64, entry: &[u8; 32]) -> String {
    uid(b"placet-event-leaf/1", origin, &[&index.to_be_bytes(), entry])
}

/// The id of the event of a note.
#[must_use]
pub fn note_uid(origin: &str, note: &[u8]) -> String {
    uid(b"placet-event-note/1", origin, &[&crate::sha256(note)])
}

fn uid(label: &[u8], origin: &str, rest: &[&[u8]]) -> String {
    let length = u64::try_from(origin.len()).unwrap_or(u64::MAX).to_be_bytes();
    let mut parts: Vec<&[u8]> = vec![label, &[0], &length, origin.as_bytes()];
    parts.extend_from_slice(rest);
    let mut hex = b64::encode_hex(sha256_parts(&parts));
    hex.truncate(32);
    hex
}

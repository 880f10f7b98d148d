//! Line by line through the events, each compared with the event that the log gives for it.

use std::collections::BTreeMap;
use std::ops::Range;

use placet_proto::event::read::{Found, Likeness};
use placet_proto::event::{
    Covering, Encoder, HashKey, Profile, leaf_uid, note_time, note_uid, table,
};
use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::checkpoint::SignedCheckpoint;

use super::side::{Body, Side};
use crate::error::Failure;

/// Most findings that are kept of each code; all are counted.
const MAX_LISTED: usize = 100;

/// Something that is not as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Finding {
    /// Stable code, `event.*`.
    pub code: &'static str,
    /// Which log, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<&'static str>,
    /// Which leaf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// Line of the events, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// What was found.
    pub detail: String,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Findings {
    /// How many of each code.
    pub counts: BTreeMap<&'static str, u64>,
    /// The first of each code.
    pub listed: Vec<Finding>,
}

impl Findings {
    /// Adds one.
    pub fn add(&mut self, finding: Finding) {
        let count = self.counts.entry(finding.code).or_default();
        *count = count.saturating_add(1);
        if *count <= MAX_LISTED as u64 {
            self.listed.push(finding);
        }
    }
}

/// What the events have of one log.
pub struct Seen {
    side: Side,
    /// One bit for each leaf.
    leaves: Vec<u64>,
    /// The highest leaf that was seen, and the size of the largest checkpoint: what comes for the
    /// first time comes behind.
    next: u64,
    covered: u64,
    /// Checkpoints that were seen: SHA-256 by sequence, with the one before, first leaf and size.
    notes: BTreeMap<u64, SeenNote>,
    /// Leaves whose content could be compared.
    pub compared: u64,
}

struct SeenNote {
    sha256: [u8; 32],
    previous: Option<[u8; 32]>,
    first: u64,
    size: u64,
}

/// What the walk counts.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    /// Lines.
    pub lines: u64,
    /// Events of leaves, each leaf once.
    pub leaves: u64,
    /// Checkpoints, each once.
    pub checkpoints: u64,
    /// Lines that repeat an earlier event and are the same.
    pub repeated: u64,
    /// Findings and tests of an exporter, which are of no leaf.
    pub others: u64,
}

/// The comparison.
pub struct Walk {
    /// Both logs.
    pub logs: Vec<Seen>,
    /// What was found.
    pub findings: Findings,
    /// What was counted.
    pub counts: Counts,
    /// What shows that the log was shown in two ways, if a checkpoint event does.
    pub evidence: Option<Misbehaviour>,
    /// The formats and profiles that were met.
    pub profiles: BTreeMap<(&'static str, String), u64>,
    key: Option<HashKey>,
    any_order: bool,
    /// The encoder of the line before: lines are mostly alike.
    encoder: Option<(String, Encoder)>,
}

impl Walk {
    /// A comparison with these logs.
    pub fn new(sides: Vec<Side>, key: Option<HashKey>, any_order: bool) -> Self {
        let logs = sides.into_iter().map(Seen::new).collect();
        let (findings, counts) = (Findings::default(), Counts::default());
        let profiles = BTreeMap::new();
        let evidence = None;
        Self { logs, findings, counts, evidence, profiles, key, any_order, encoder: None }
    }

    /// Takes one line.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn line(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.counts.lines = self.counts.lines.saturating_add(1);
        let line = Some(self.counts.lines);
        let mut add = |code, log, index, detail: String| {
            self.findings.add(Finding { code, log, index, line, detail });
        };
        let found = match Found::parse(bytes) {
            Ok(found) => found,
            Err(error) => {
                add("event.unreadable", None, None, format!("{error} ({})", error.code()));
                return Ok(());
            }
        };
        let Some(at) = self.logs.iter().position(|l| l.side.role == found.role) else {
            return Ok(());
        };
        let name = Some(found.role.name());
        let origin = self.logs.get(at).map(|l| l.side.checkpoint.origin.clone());
        if origin.as_deref() != Some(found.origin.as_str()) {
            add("event.extra", name, found.index, format!("of another log, {}", found.origin));
            return Ok(());
        }
        let encoder = match self.encoder(&found) {
            Ok(encoder) => encoder,
            Err(error) => {
                self.findings.add(Finding {
                    code: "event.unreadable",
                    log: name,
                    index: found.index,
                    line,
                    detail: format!("{error} ({})", error.code()),
                });
                return Ok(());
            }
        };
        let mut judge = Judge {
            seen: match self.logs.get_mut(at) {
                Some(seen) => seen,
                None => return Ok(()),
            },
            findings: &mut self.findings,
            counts: &mut self.counts,
            evidence: &mut self.evidence,
            encoder: &encoder,
            found: &found,
            any_order: self.any_order,
        };
        match (found.index, &found.note) {
            (Some(index), _) => judge.leaf(index),
            (None, Some(_)) => judge.note(),
            (None, None) => {
                judge.other();
                Ok(())
            }
        }
    }

    /// What is not there, once all lines were taken.
    pub fn end(&mut self, behind: bool) {
        for seen in &self.logs {
            seen.end(behind, &mut self.findings);
        }
    }

    fn encoder(&mut self, found: &Found) -> Result<Encoder, placet_proto::event::ProfileError> {
        let kind = (found.format.name(), found.profile.clone());
        let count = self.profiles.entry(kind).or_default();
        *count = count.saturating_add(1);
        if let Some((profile, encoder)) = &self.encoder
            && *profile == found.profile
            && encoder.format() == found.format
        {
            return Ok(encoder.clone());
        }
        let profile = Profile::parse(&found.profile, self.key.as_ref())?;
        let encoder = Encoder::new(found.format, profile);
        self.encoder = Some((found.profile.clone(), encoder.clone()));
        Ok(encoder)
    }
}

impl Seen {
    fn new(side: Side) -> Self {
        let words = usize::try_from(side.size().div_ceil(64)).unwrap_or(usize::MAX);
        let (leaves, notes) = (vec![0; words], BTreeMap::new());
        Self { side, leaves, next: 0, covered: 0, notes, compared: 0 }
    }

    /// Which log.
    pub fn role(&self) -> LogRole {
        self.side.role
    }

    /// Its origin and the size of the copy.
    pub fn copy(&self) -> (&str, u64) {
        (&self.side.checkpoint.origin, self.side.size())
    }

    fn bit(index: u64) -> (usize, u64) {
        let word = usize::try_from(index / 64).unwrap_or(usize::MAX);
        (word, 1_u64.checked_shl(u32::try_from(index % 64).unwrap_or(0)).unwrap_or(0))
    }

    fn has(&self, index: u64) -> bool {
        let (word, bit) = Self::bit(index);
        self.leaves.get(word).is_some_and(|w| w & bit != 0)
    }

    fn mark(&mut self, index: u64) {
        let (word, bit) = Self::bit(index);
        if let Some(word) = self.leaves.get_mut(word) {
            *word |= bit;
        }
    }

    fn end(&self, behind: bool, findings: &mut Findings) {
        let log = Some(self.role().name());
        let last = self.notes.last_key_value().map(|(_, note)| note);
        // What the copy has beyond the last checkpoint may not have been exported yet.
        let until = match (behind, last) {
            (true, Some(note)) => note.size.min(self.side.size()),
            (true, None) => 0,
            (false, _) => self.side.size(),
        };
        for run in self.missing(until) {
            let count = run.end.saturating_sub(run.start);
            let detail = match count {
                1 => format!("no event of leaf {}", run.start),
                _ => format!("no events of leaves {} to {}", run.start, run.end.saturating_sub(1)),
            };
            let index = Some(run.start);
            let entry = findings.counts.entry("event.missing").or_default();
            // A run counts as many times as it has leaves.
            *entry = entry.saturating_add(count.saturating_sub(1));
            findings.add(Finding { code: "event.missing", log, index, line: None, detail });
        }
        self.end_of_notes(behind, findings);
    }

    /// Leaves below `until` that no line is of.
    fn missing(&self, until: u64) -> Vec<Range<u64>> {
        let mut runs: Vec<Range<u64>> = Vec::new();
        for index in (0..until).filter(|i| !self.has(*i)) {
            match runs.last_mut() {
                Some(run) if run.end == index => run.end = index.saturating_add(1),
                _ => runs.push(index..index.saturating_add(1)),
            }
        }
        runs
    }

    /// Each checkpoint names the one before; the last is the copy's.
    fn end_of_notes(&self, behind: bool, findings: &mut Findings) {
        let log = Some(self.role().name());
        let mut add = |detail: String| {
            findings.add(Finding { code: "event.chain", log, index: None, line: None, detail });
        };
        let mut before: Option<(u64, &SeenNote)> = None;
        for (sequence, note) in &self.notes {
            let wanted = before.map_or(0, |(s, _)| s.saturating_add(1));
            if *sequence != wanted {
                add(format!("no checkpoint {wanted}, before the one of size {}", note.size));
            } else if note.previous != before.map(|(_, b)| b.sha256)
                || note.first != before.map_or(0, |(_, b)| b.size)
            {
                add(format!("checkpoint {sequence} does not follow the one before it"));
            }
            before = Some((*sequence, note));
        }
        let newest = placet_proto::sha256(&self.side.note);
        if !behind && !self.notes.values().any(|note| note.sha256 == newest) {
            add(format!("no checkpoint event of the copy's own, of size {}", self.side.size()));
        }
    }
}

/// One line that was read, and what it is compared with.
struct Judge<'w> {
    seen: &'w mut Seen,
    findings: &'w mut Findings,
    counts: &'w mut Counts,
    evidence: &'w mut Option<Misbehaviour>,
    encoder: &'w Encoder,
    found: &'w Found,
    any_order: bool,
}

impl Judge<'_> {
    fn add(&mut self, code: &'static str, detail: impl Into<String>) {
        let (log, index) = (Some(self.found.role.name()), self.found.index);
        let line = Some(self.counts.lines);
        self.findings.add(Finding { code, log, index, line, detail: detail.into() });
    }

    fn leaf(&mut self, index: u64) -> Result<(), Failure> {
        let size = self.seen.side.size();
        if index >= size {
            self.add("event.extra", format!("the copy has {size} entries"));
            return Ok(());
        }
        let (entry, body) = self.seen.side.statement(index)?;
        let uid = leaf_uid(&self.seen.side.checkpoint.origin, index, &entry);
        if self.found.uid != uid {
            self.add("event.altered", "its id is not that of the leaf");
            return Ok(());
        }
        let is_tombstone = self.found.code == table::ERASED.code;
        let statement = match &body {
            Body::Present(bytes) if !is_tombstone => Some(bytes.as_slice()),
            _ => None,
        };
        if body == Body::Absent && !is_tombstone {
            self.add("event.bodies", "the copy holds no statement to compare with");
            self.first_time(index);
            return Ok(());
        }
        if body == Body::Erased && !is_tombstone {
            self.add("event.erased", "the log erased what this event was made from");
            self.first_time(index);
            return Ok(());
        }
        if is_tombstone && matches!(body, Body::Present(_)) {
            // A mirror may hold what its ledger has erased since; a ledger's own folder can't.
            let code = match self.seen.side.is_own() {
                true => "event.altered",
                false => "event.tombstone",
            };
            self.add(code, "it says that the statement was erased, which is there");
            if self.seen.side.is_own() {
                return Ok(());
            }
        }
        let leaf = self.seen.side.leaf(index, entry, statement, self.found.time);
        let expected = self.encoder.leaf(&leaf, self.seen.side.issuers());
        match self.found.compare(&expected.line) {
            Likeness::Same => {
                self.seen.compared = self.seen.compared.saturating_add(1);
                self.first_time(index);
            }
            Likeness::SameButHashes => {
                self.add("event.hashes", "its keyed hashes were not compared");
                self.first_time(index);
            }
            Likeness::Different => self.add("event.altered", "not what the log says"),
        }
        Ok(())
    }

    /// Notes that a leaf is there, and whether it came in its place.
    fn first_time(&mut self, index: u64) {
        if self.seen.has(index) {
            self.counts.repeated = self.counts.repeated.saturating_add(1);
            return;
        }
        self.seen.mark(index);
        self.counts.leaves = self.counts.leaves.saturating_add(1);
        if !self.any_order && (index < self.seen.next || index < self.seen.covered) {
            let detail = match index < self.seen.next {
                true => "it comes behind a later leaf",
                false => "it comes behind a checkpoint that covers it",
            };
            self.add("event.reordered", detail);
        }
        self.seen.next = self.seen.next.max(index.saturating_add(1));
    }

    fn note(&mut self) -> Result<(), Failure> {
        let Some(found) = &self.found.note else { return Ok(()) };
        let Ok(signed) = SignedCheckpoint::parse(&found.note) else {
            self.add("event.altered", "the checkpoint in it can't be read");
            return Ok(());
        };
        let checkpoint = signed.checkpoint();
        let origin = self.seen.side.checkpoint.origin.clone();
        if self.found.uid != note_uid(&origin, &found.note) || checkpoint.origin != origin {
            self.add("event.altered", "its id is not that of the checkpoint in it");
            return Ok(());
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        match self.seen.side.root(size)? {
            None => {
                let entries = self.seen.side.size();
                let detail = format!("the copy has {entries} entries, the checkpoint is of {size}");
                self.add("event.extra", detail);
                return Ok(());
            }
            Some(own) if own != root => {
                let detail = format!("at size {size} the copy has another root: a split view");
                self.add("event.root", detail);
                if self.evidence.is_none() {
                    *self.evidence = self.seen.side.misbehaviour(&found.note, size)?;
                }
                return Ok(());
            }
            Some(_) => {}
        }
        let covering = Covering {
            role: self.found.role,
            origin: &origin,
            sequence: found.sequence,
            first: found.first,
            size,
            root,
            note: &found.note,
            previous: found.previous,
            at: note_time(&found.note).unwrap_or(self.found.time),
        };
        let expected = self.encoder.checkpoint(&covering);
        // A checkpoint has nothing that would be hidden.
        if self.found.compare(&expected.line) != Likeness::Same {
            self.add("event.altered", "not what the checkpoint in it says");
            return Ok(());
        }
        self.keep_note(found, size);
        Ok(())
    }

    fn keep_note(&mut self, found: &placet_proto::event::read::FoundNote, size: u64) {
        let sha256 = placet_proto::sha256(&found.note);
        if let Some(known) = self.seen.notes.get(&found.sequence) {
            match known.sha256 == sha256 && known.previous == found.previous {
                true => self.counts.repeated = self.counts.repeated.saturating_add(1),
                false => {
                    let detail = format!("there are two checkpoints {}", found.sequence);
                    self.add("event.altered", detail);
                }
            }
            return;
        }
        self.counts.checkpoints = self.counts.checkpoints.saturating_add(1);
        let last = self.seen.notes.last_key_value().map(|(sequence, _)| *sequence);
        let late = last.is_some_and(|last| found.sequence < last) || self.seen.next > size;
        if late && !self.any_order {
            self.add("event.reordered", format!("checkpoint {} comes late", found.sequence));
        }
        self.seen.covered = self.seen.covered.max(size);
        let (previous, first) = (found.previous, found.first);
        self.seen.notes.insert(found.sequence, SeenNote { sha256, previous, first, size });
    }

    /// What is of no leaf: an exporter's findings and tests. Anything else is nothing of the log.
    fn other(&mut self) {
        let code = self.found.code.as_str();
        if code == table::ROLLBACK.code || code == table::TEST.code {
            self.counts.others = self.counts.others.saturating_add(1);
            return;
        }
        self.add("event.extra", "it is of no leaf and no checkpoint");
    }
}

//! What the events have of one log, as far as they were read.

use std::collections::BTreeMap;
use std::ops::Range;

use placet_proto::event::read::FoundNote;
use placet_proto::kind::LogRole;

use super::findings::{Finding, Findings};
use super::side::Side;

/// Most erased leaves whose times are kept until the end.
const MAX_TOMBSTONES: usize = 1 << 20;

/// What the events have of one log.
pub struct Seen {
    /// The log.
    pub side: Side,
    /// One bit for each leaf.
    leaves: Vec<u64>,
    /// Behind the highest leaf that was seen.
    pub next: u64,
    /// Size of the largest checkpoint that was seen.
    pub covered: u64,
    /// Checkpoints that were seen, by their place in the log.
    notes: BTreeMap<u64, SeenNote>,
    /// Leaves whose content was compared.
    pub compared: u64,
    /// Erased leaves: index, time and line.
    tombstones: Vec<(u64, u64, u64)>,
}

struct SeenNote {
    sha256: [u8; 32],
    previous: Option<[u8; 32]>,
    first: u64,
    size: u64,
    at: u64,
}

/// What becomes of a checkpoint event.
pub enum Kept {
    /// It is the first of its place, and comes in its place.
    New,
    /// It is the first of its place, and comes late.
    Late,
    /// It was there before.
    Again,
    /// Another one was there before.
    Other,
}

impl Seen {
    /// Nothing yet.
    pub fn new(side: Side) -> Self {
        let words = usize::try_from(side.size().div_ceil(64)).unwrap_or(usize::MAX);
        let (leaves, notes, tombstones) = (vec![0; words], BTreeMap::new(), Vec::new());
        Self { side, leaves, next: 0, covered: 0, notes, compared: 0, tombstones }
    }

    /// Which log.
    pub fn role(&self) -> LogRole {
        self.side.role
    }

    /// Its origin and the size of the copy.
    pub fn copy(&self) -> (&str, u64) {
        (&self.side.checkpoint.origin, self.side.size())
    }

    /// Whether a leaf was seen.
    pub fn has(&self, index: u64) -> bool {
        let (word, bit) = bit(index);
        self.leaves.get(word).is_some_and(|w| w & bit != 0)
    }

    /// Notes that a leaf was seen.
    pub fn mark(&mut self, index: u64) {
        let (word, bit) = bit(index);
        if let Some(word) = self.leaves.get_mut(word) {
            *word |= bit;
        }
        self.next = self.next.max(index.saturating_add(1));
    }

    /// Notes the time that the event of an erased leaf states: a note's, which may come later.
    /// False where there are too many.
    pub fn keep_tombstone(&mut self, index: u64, time: u64, line: u64) -> bool {
        let room = self.tombstones.len() < MAX_TOMBSTONES;
        if room {
            self.tombstones.push((index, time, line));
        }
        room
    }

    /// Takes a checkpoint event whose note is one of this log; `at` is the note's time.
    pub fn keep_note(&mut self, found: &FoundNote, size: u64, at: u64) -> Kept {
        let (sha256, previous, first) =
            (placet_proto::sha256(&found.note), found.previous, found.first);
        if let Some(known) = self.notes.get(&found.sequence) {
            let same = (known.sha256, known.previous, known.first) == (sha256, previous, first);
            return if same { Kept::Again } else { Kept::Other };
        }
        let last = self.notes.last_key_value().map(|(sequence, _)| *sequence);
        let late = last.is_some_and(|last| found.sequence < last) || self.next > size;
        self.covered = self.covered.max(size);
        self.notes.insert(found.sequence, SeenNote { sha256, previous, first, size, at });
        if late { Kept::Late } else { Kept::New }
    }

    /// What is not there, once all lines were taken.
    pub fn end(&self, behind: bool, findings: &mut Findings) {
        let log = Some(self.role().name());
        let last = self.notes.last_key_value().map_or(0, |(_, note)| note.size);
        // What the copy has beyond the last event may not have been exported yet.
        let until = match behind {
            true => last.max(self.next).min(self.side.size()),
            false => self.side.size(),
        };
        for run in self.missing(until) {
            let count = run.end.saturating_sub(run.start);
            let detail = match count {
                1 => format!("no event of leaf {}", run.start),
                _ => format!("no events of leaves {} to {}", run.start, run.end.saturating_sub(1)),
            };
            let index = Some(run.start);
            findings
                .add_many(Finding { code: "event.missing", log, index, line: None, detail }, count);
        }
        self.end_of_notes(behind, findings);
        self.end_of_tombstones(findings);
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

    /// Each checkpoint names the one before; the last is the copy's; and none that the copy says
    /// was published is missing.
    fn end_of_notes(&self, behind: bool, findings: &mut Findings) {
        let log = Some(self.role().name());
        let mut add = |code, detail: String| {
            findings.add(Finding { code, log, index: None, line: None, detail });
        };
        let mut before: Option<(u64, &SeenNote)> = None;
        for (sequence, note) in &self.notes {
            let wanted = before.map_or(0, |(s, _)| s.saturating_add(1));
            if *sequence != wanted {
                add(
                    "event.chain",
                    format!("no checkpoint {wanted}, before the one of size {}", note.size),
                );
            } else if note.previous != before.map(|(_, b)| b.sha256)
                || note.first != before.map_or(0, |(_, b)| b.size)
            {
                add(
                    "event.chain",
                    format!("checkpoint {sequence} does not follow the one before it"),
                );
            }
            before = Some((*sequence, note));
        }
        let seen = |sha256: &[u8; 32]| self.notes.values().any(|note| note.sha256 == *sha256);
        if !behind && !seen(&placet_proto::sha256(&self.side.note)) {
            let size = self.side.size();
            add("event.chain", format!("no checkpoint event of the copy's own, of size {size}"));
        }
        let Some(published) = self.side.published() else { return };
        let own = placet_proto::sha256(&self.side.note);
        let missing = published.iter().filter(|sha256| **sha256 != own && !seen(sha256)).count();
        if missing > 0 && !behind {
            add("event.chain", format!("no events of {missing} checkpoints that the copy holds"));
        }
        let unknown = self.notes.values().filter(|n| !published.contains(&n.sha256)).count();
        if unknown > 0 {
            add("event.notes", format!("{unknown} checkpoints are not among those of the copy"));
        }
    }

    /// The time of an erased leaf is that of the first checkpoint that covers it.
    fn end_of_tombstones(&self, findings: &mut Findings) {
        let log = Some(self.role().name());
        for (index, time, line) in &self.tombstones {
            let covering = self.notes.values().find(|note| note.size > *index);
            let (code, detail) = match covering {
                Some(note) if note.at == *time => continue,
                Some(_) => ("event.altered", "its time is not that of the checkpoint over it"),
                None => ("event.tombstone", "no checkpoint event says when it was recorded"),
            };
            let (index, line, detail) = (Some(*index), Some(*line), detail.to_owned());
            findings.add(Finding { code, log, index, line, detail });
        }
    }
}

fn bit(index: u64) -> (usize, u64) {
    let word = usize::try_from(index / 64).unwrap_or(usize::MAX);
    (word, 1_u64.checked_shl(u32::try_from(index % 64).unwrap_or(0)).unwrap_or(0))
}

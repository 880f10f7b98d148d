//! One line that was read, against the event that the log gives for it.

use placet_proto::event::read::{Found, FoundNote, Likeness};
use placet_proto::event::{Covering, Encoder, Rollback, leaf_uid, note_time, note_uid, table};
use placet_proto::misbehaviour::Misbehaviour;
use placet_proto::tlog::checkpoint::SignedCheckpoint;

use super::findings::{Counts, Finding, Findings};
use super::seen::{Kept, Seen};
use super::side::Body;
use crate::error::Failure;

/// Most pieces of evidence that are made of one file of events.
pub const MAX_EVIDENCE: usize = 100;

/// One line, and what it is compared with.
pub struct Judge<'w> {
    pub seen: &'w mut Seen,
    pub findings: &'w mut Findings,
    pub counts: &'w mut Counts,
    pub evidence: &'w mut Vec<Misbehaviour>,
    pub encoder: &'w Encoder,
    pub found: &'w Found,
    /// Whether keyed hashes can't be made.
    pub masked: bool,
    pub any_order: bool,
    /// Whether the copy may be older than the events.
    pub ahead: bool,
}

impl Judge<'_> {
    /// Judges it.
    ///
    /// # Errors
    /// What reading the copy gives.
    pub fn judge(&mut self) -> Result<(), Failure> {
        match (self.found.index, &self.found.note) {
            (Some(index), _) => self.leaf(index),
            (None, Some(note)) => self.note(note),
            (None, None) => {
                self.other();
                Ok(())
            }
        }
    }

    fn add(&mut self, code: &'static str, detail: impl Into<String>) {
        let (log, index) = (Some(self.found.role.name()), self.found.index);
        let line = Some(self.counts.lines);
        self.findings.add(Finding { code, log, index, line, detail: detail.into() });
    }

    fn beyond(&mut self, detail: String) {
        self.add(if self.ahead { "event.ahead" } else { "event.extra" }, detail);
    }

    fn leaf(&mut self, index: u64) -> Result<(), Failure> {
        let size = self.seen.side.size();
        if index >= size {
            self.beyond(format!("the copy has {size} entries"));
            return Ok(());
        }
        let (entry, body) = self.seen.side.statement(index)?;
        if self.found.uid != leaf_uid(&self.seen.side.checkpoint.origin, index, &entry) {
            self.add("event.altered", "its id is not that of the leaf");
            return Ok(());
        }
        let is_tombstone = self.found.code == table::ERASED.code;
        match &body {
            Body::Absent => {
                self.add("event.bodies", "the copy holds no statement to compare with");
                self.first_time(index);
                Ok(())
            }
            Body::Erased if !is_tombstone => {
                self.add("event.erased", "the log erased what this event was made from");
                self.first_time(index);
                Ok(())
            }
            Body::Erased => self.tombstone(index, entry),
            Body::Present(_) if is_tombstone => {
                // The exporter tells it from the order on, and a mirror may hold what its ledger
                // has erased since. Of a ledger's own folder nothing else explains it.
                let explained = self.seen.side.is_ordered(index) || !self.seen.side.is_own();
                self.add(
                    if explained { "event.tombstone" } else { "event.altered" },
                    "it says that the statement was erased, which is there",
                );
                if explained { self.tombstone(index, entry) } else { Ok(()) }
            }
            Body::Present(bytes) => self.whole(index, entry, bytes),
        }
    }

    fn tombstone(&mut self, index: u64, entry: [u8; 32]) -> Result<(), Failure> {
        let leaf = self.seen.side.leaf(index, entry, None, self.found.time);
        let expected = self.encoder.leaf(&leaf, self.seen.side.issuers());
        if self.found.compare(&expected.line, self.masked) != Likeness::Same {
            self.add("event.altered", "not what stands for an erased statement");
            return Ok(());
        }
        if !self.seen.keep_tombstone(index, self.found.time, self.counts.lines) {
            self.add("event.tombstone", "more erased leaves than are compared");
        }
        self.first_time(index);
        Ok(())
    }

    fn whole(&mut self, index: u64, entry: [u8; 32], bytes: &[u8]) -> Result<(), Failure> {
        let leaf = self.seen.side.leaf(index, entry, Some(bytes), self.found.time);
        let issuers = self.seen.side.issuers();
        let expected = match self.found.reference {
            Some(_) => self.encoder.leaf_within(&leaf, issuers, 0),
            None => self.encoder.leaf(&leaf, issuers),
        };
        match self.found.compare(&expected.line, self.masked) {
            Likeness::Same if self.found.reference.is_some() => {
                self.reference();
                self.first_time(index);
            }
            Likeness::Same => {
                self.seen.compared = self.seen.compared.saturating_add(1);
                self.first_time(index);
            }
            Likeness::SameButHashes => {
                self.add("event.hashes", "its keyed hashes were not compared");
                self.first_time(index);
            }
            // Whether it is the ledger's own may have been said in what this copy does not hold.
            Likeness::Different if !self.seen.side.knows_issuers(index) => {
                self.add("event.bodies", "the copy does not hold what says whose statement it is");
                self.first_time(index);
            }
            Likeness::Different if self.found.reference.is_some() && self.masked => {
                self.add("event.hashes", "the hash in a reference was not compared");
                self.first_time(index);
            }
            Likeness::Different => self.add("event.altered", "not what the log says"),
        }
        Ok(())
    }

    /// What is too long for a receiver is not in the SIEM: that it is the log's is not all of it.
    fn reference(&mut self) {
        self.counts.references = self.counts.references.saturating_add(1);
        self.add("event.reference", "the event was too long for the receiver");
    }

    /// Notes that a leaf is there, and whether it came in its place.
    fn first_time(&mut self, index: u64) {
        if self.seen.has(index) {
            self.counts.repeated = self.counts.repeated.saturating_add(1);
            return;
        }
        self.counts.leaves = self.counts.leaves.saturating_add(1);
        if !self.any_order && (index < self.seen.next || index < self.seen.covered) {
            let detail = match index < self.seen.next {
                true => "it comes behind a later leaf",
                false => "it comes behind a checkpoint that covers it",
            };
            self.add("event.reordered", detail);
        }
        self.seen.mark(index);
    }

    fn note(&mut self, found: &FoundNote) -> Result<(), Failure> {
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
                self.beyond(format!("the copy has {entries} entries, the checkpoint is of {size}"));
                return Ok(());
            }
            Some(own) if own != root => {
                let detail = format!("at size {size} the copy has another root: a split view");
                self.add("event.root", detail);
                if self.evidence.len() < MAX_EVIDENCE {
                    self.evidence.extend(self.seen.side.misbehaviour(&found.note, size)?);
                }
                return Ok(());
            }
            Some(_) => {}
        }
        if self.seen.side.knows_issuers(2) && !self.seen.side.is_signed(signed.note()) {
            self.add("event.altered", "no key that the log announces signed the checkpoint in it");
            return Ok(());
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
            // Without a cosignature it is the ledger's word, of which a copy says nothing.
            at: note_time(&found.note).unwrap_or(self.found.time),
        };
        // A checkpoint has nothing that would be hidden.
        let expected = self.encoder.checkpoint(&covering);
        if self.found.compare(&expected.line, false) != Likeness::Same {
            self.add("event.altered", "not what the checkpoint in it says");
            return Ok(());
        }
        match self.seen.keep_note(found, size, covering.at) {
            Kept::Again => self.counts.repeated = self.counts.repeated.saturating_add(1),
            Kept::Other => {
                self.add("event.altered", format!("there are two checkpoints {}", found.sequence));
            }
            kept => {
                self.counts.checkpoints = self.counts.checkpoints.saturating_add(1);
                if matches!(kept, Kept::Late) && !self.any_order {
                    self.add(
                        "event.reordered",
                        format!("checkpoint {} comes late", found.sequence),
                    );
                }
            }
        }
        Ok(())
    }

    /// What is of no leaf: an exporter's findings and tests. Anything else is nothing of the log.
    fn other(&mut self) {
        let (role, origin, at) = (self.found.role, self.found.origin.as_str(), self.found.time);
        let expected = match &self.found.rollback {
            Some(found) => self.encoder.rollback(&Rollback {
                role,
                origin,
                exported_size: found.exported_size,
                exported_root: found.exported_root,
                found_root: found.found_root,
                at,
            }),
            None if self.found.code == table::TEST.code => self.encoder.test(origin, at),
            None if self.found.reference.is_some() => {
                self.add("event.notes", "the checkpoint was too long for the receiver");
                return;
            }
            None => {
                self.add("event.extra", "it is of no leaf and no checkpoint");
                return;
            }
        };
        if self.found.compare(&expected.line, false) != Likeness::Same {
            self.add("event.altered", "not what an exporter writes of it");
            return;
        }
        self.counts.others = self.counts.others.saturating_add(1);
        if self.found.rollback.is_some() {
            self.add("event.rollback", "an exporter found that the log had lost what it exported");
        }
    }
}

//! Evidence bundles (SPEC.md 7): all that a stranger needs to verify requests offline, trust
//! excepted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use placet_proto::bundle::{
    Bundle, Consistency, Content, GovPart, Included, MAX_BUNDLE, MainPart, Opening,
};
use placet_proto::document::{After, Body, NoteRef};
use placet_proto::statement::Statement;

use super::Refusal;
use super::governance::read_statement;
use super::ledger::Ledger;
use super::publisher::times_of;
use crate::sync::read;
use crate::{Error, Log, LogId, Note};

/// Most requests in one bundle.
const MAX_REQUESTS: usize = 256;
/// How long a cosigned main checkpoint is waited for in any case.
const COVER: Duration = Duration::from_secs(2);
/// Shortest pause between two attempts to close a bundle.
const PAUSE: Duration = Duration::from_millis(100);
/// A note is published at most this long before its stamps, in seconds, as far as clocks agree.
const SKEW_S: u64 = 300;

/// A bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The file.
    pub bytes: Vec<u8>,
    /// What is still open: nothing when the bundle is complete. It can be asked for again.
    pub open: Vec<String>,
}

/// What the main log holds about the requests of a bundle, by index.
#[derive(Debug, Default)]
struct Found {
    statements: BTreeMap<u64, Arc<Statement>>,
    /// Entry and `sub` of statements whose bodies are gone.
    erased: BTreeMap<u64, ([u8; 32], String)>,
    /// The orders by which they went.
    orders: BTreeMap<u64, Arc<Statement>>,
}

impl Found {
    fn last(&self) -> u64 {
        let kept = self.statements.keys().chain(self.orders.keys()).chain(self.erased.keys());
        kept.copied().max().unwrap_or(0)
    }
}

/// A note in the making of a bundle, by size and bytes.
type NoteSet = BTreeSet<(u64, Vec<u8>)>;

impl Ledger {
    /// The evidence for these requests.
    ///
    /// A cosigned main checkpoint that covers every statement is asked for first, if there is none
    /// yet. With `wait`, the roster is closed too: a governance checkpoint is cosigned late enough.
    /// Without, or when the time is over, there is what there is.
    ///
    /// # Errors
    /// `request.unknown`, `request.invalid`, `log.erased`, and those of reading.
    pub fn evidence(&self, requests: &[String], wait: Option<Duration>) -> Result<Evidence, Error> {
        let requests: BTreeSet<String> = requests.iter().cloned().collect();
        if requests.is_empty() || requests.len() > MAX_REQUESTS {
            return Err(Refusal::Invalid("a bundle is about 1 to 256 requests").into());
        }
        let found = self.statements_about(&requests)?;
        self.close(&found, wait.unwrap_or_default())?;
        self.build(requests, &found)
    }

    /// Indexes of the main log's statements about a request, ascending, erased ones included; at
    /// most 1000 and those that make the request what it is.
    ///
    /// # Errors
    /// `request.unknown`, `ledger.sqlite`.
    pub fn entries_about(&self, request: &str) -> Result<Vec<u64>, Error> {
        let entries = self.state.entries(request)?;
        if entries.is_empty() {
            return Err(Refusal::RequestUnknown.into());
        }
        Ok(entries)
    }

    fn statements_about(&self, requests: &BTreeSet<String>) -> Result<Found, Error> {
        // No order of erasure is recorded while they are read: it would take some of them only.
        let _still = read(&self.filing);
        let mut found = Found::default();
        let (mut size, mut more) = (0usize, Vec::new());
        for request in requests {
            let needed = self.state.entries_with(request, 1)?;
            let entries = self.state.entries(request)?;
            if entries.is_empty() {
                return Err(Refusal::RequestUnknown.into());
            }
            for index in entries {
                if let Some(erased) = self.state.erased_leaf(index)? {
                    let subject = format!("urn:uuid:{request}");
                    found.erased.insert(index, (self.main.entry(index)?, subject));
                    let order = Arc::new(read_statement(&self.main, erased.order)?);
                    found.orders.insert(erased.order, order);
                    continue;
                }
                if needed.contains(&index) {
                    let statement = read_statement(&self.main, index)?;
                    size = size.saturating_add(statement.bytes().len());
                    found.statements.insert(index, Arc::new(statement));
                } else {
                    more.push(index);
                }
                if size > MAX_BUNDLE {
                    return Err(too_large());
                }
            }
        }
        // The same action can be decided again any number of times, by whoever holds the PEP's
        // token: that must not make a bundle too large to be had.
        for index in more {
            let statement = read_statement(&self.main, index)?;
            size = size.saturating_add(statement.bytes().len());
            if size > MAX_BUNDLE / 2 {
                break;
            }
            found.statements.insert(index, Arc::new(statement));
        }
        Ok(found)
    }

    /// Forces what is missing, until the time is over.
    fn close(&self, found: &Found, wait: Duration) -> Result<(), Error> {
        let statements = &found.statements;
        let until = Instant::now().checked_add(wait);
        let left = || until.map_or(wait, |u| u.saturating_duration_since(Instant::now()));
        let last = found.last();
        while covering(&self.main, last)?.is_none() {
            let round = self.publisher(LogId::Main).publish_within(left().max(COVER));
            if let Err(error) = round {
                tracing::warn!(%error, "closing evidence");
                if left().is_zero() {
                    return Ok(());
                }
                std::thread::sleep(PAUSE.min(left()));
            }
        }
        loop {
            let open = self.open_answers(statements)?;
            let Some(t2) = open.iter().copied().max() else { return Ok(()) };
            if left().is_zero() {
                return Ok(());
            }
            // The witnesses' clocks decide; ours only says when it is worth asking.
            let early = t2.saturating_sub(super::clock::system_now().0);
            let pause = Duration::from_secs(early).max(PAUSE);
            std::thread::sleep(pause.min(left()));
            if let Err(error) = self.publisher(LogId::Gov).publish_within(left()) {
                tracing::warn!(%error, "closing evidence");
            }
        }
    }

    /// T2 of the answers that no governance note closes yet.
    fn open_answers(&self, statements: &BTreeMap<u64, Arc<Statement>>) -> Result<Vec<u64>, Error> {
        let mut open = Vec::new();
        for (index, after) in answers(statements) {
            if let Some(t2) = self.not_later_than(index)?
                && self.closing_gov_note(after, t2)?.is_none()
            {
                open.push(t2);
            }
        }
        Ok(open)
    }

    /// T2 of a main statement by the first published note that covers it.
    fn not_later_than(&self, index: u64) -> Result<Option<u64>, Error> {
        let policy = self.publisher(LogId::Main).policy();
        let note = covering(&self.main, index)?;
        let times = note.and_then(|note| times_of(policy, &note.note));
        Ok(times.map(|(_, earliest)| earliest.saturating_add(1)))
    }

    /// G2: the first governance note with T1 at or after `t2` (SPEC.md 9.5).
    fn closing_gov_note(&self, after: &After, t2: u64) -> Result<Option<Note>, Error> {
        let policy = self.publisher(LogId::Gov).policy();
        let Some(notes) = self.gov.notes() else { return Ok(None) };
        // Nothing published before the note that `after` names can be late enough.
        let start = notes.by_sha256(&after.gov.note_sha256)?;
        let mut row = start.map_or(0, |note| note.row);
        loop {
            let page = notes.between(after.gov.size, u64::MAX, row)?;
            let Some(last) = page.last().map(|n| n.row) else { return Ok(None) };
            for note in page {
                if note.published_at.saturating_add(SKEW_S) < t2 {
                    continue;
                }
                if times_of(policy, &note.note).is_some_and(|(t1, _)| t1 >= t2) {
                    return Ok(Some(note));
                }
            }
            row = last.saturating_add(1);
        }
    }

    fn build(&self, requests: BTreeSet<String>, found: &Found) -> Result<Evidence, Error> {
        let statements = &found.statements;
        let mut open = Vec::new();
        let mut gov_notes = NoteSet::new();
        let mut main_notes = NoteSet::new();
        let last = found.last();
        let closing = match covering(&self.main, last)? {
            Some(note) => (note.size, note.note),
            None => {
                open.push("no cosigned checkpoint covers everything yet".to_owned());
                let fast = self.main.checkpoint_fast().ok_or(Refusal::NotInitialised)?;
                (fast.head.size, fast.note)
            }
        };
        let closing_size = closing.0;
        main_notes.insert(closing);
        for (index, statement) in statements {
            if let Some(note) = covering(&self.main, *index)? {
                main_notes.insert((note.size, note.note));
            }
            if let Some(after) = statement.document.body.after() {
                self.add_after(after, &mut main_notes, &mut gov_notes)?;
            }
        }
        self.close_answers(statements, &mut gov_notes, &mut open)?;
        // The list has to reach as far as the roster that an order of erasure is judged by.
        let ordered = found.orders.values().filter_map(|s| s.document.body.after());
        let ordered = ordered.map(|after| after.gov.size).max().unwrap_or(0);
        if gov_notes.iter().map(|(size, _)| *size).max().is_none_or(|size| size < ordered) {
            let note = self.gov.checkpoint().ok_or(Refusal::NotInitialised)?;
            gov_notes.insert((note.size, note.note));
        }
        let gov_size = gov_notes.iter().map(|(size, _)| *size).max().unwrap_or(0);
        let entries = self.governance.entries(&self.gov, gov_size)?;
        for entry in &entries {
            // Their times decide whether they came before an answer.
            if entry.document.body.is_timed()
                && let Some(after) = entry.document.body.after()
            {
                self.add_after(after, &mut main_notes, &mut gov_notes)?;
            }
        }
        let bundle = Bundle {
            requests: requests.into_iter().collect(),
            openings: self.openings(statements)?,
            main: self.main_part(found, closing_size, main_notes)?,
            gov: GovPart {
                origin: self.gov.origin().to_owned(),
                notes: gov_notes.into_iter().map(|(_, note)| note).collect(),
                entries: entries.iter().map(|s| s.bytes().to_vec()).collect(),
            },
        };
        let bytes = bundle.encode();
        if bytes.len() > MAX_BUNDLE {
            return Err(too_large());
        }
        Ok(Evidence { bytes, open })
    }

    fn close_answers(
        &self,
        statements: &BTreeMap<u64, Arc<Statement>>,
        gov_notes: &mut NoteSet,
        open: &mut Vec<String>,
    ) -> Result<(), Error> {
        for (index, after) in answers(statements) {
            let closing = match self.not_later_than(index)? {
                Some(t2) => self.closing_gov_note(after, t2)?,
                None => None,
            };
            match closing {
                Some(note) => drop(gov_notes.insert((note.size, note.note))),
                None => open.push(format!("no governance checkpoint closes the answer at {index}")),
            }
        }
        Ok(())
    }

    fn main_part(&self, found: &Found, size: u64, notes: NoteSet) -> Result<MainPart, Error> {
        let genesis = Arc::new(read_statement(&self.main, 0)?);
        let mut included = Vec::new();
        let statements = found.statements.iter().chain(&found.orders);
        for (index, statement) in std::iter::once((&0, &genesis)).chain(statements) {
            let receipt = self.receipt_of(LogId::Main, statement, *index, size)?;
            included.push(Included {
                index: *index,
                content: Content::Statement(statement.bytes().to_vec()),
                receipts: vec![receipt],
            });
        }
        for (index, (entry, subject)) in &found.erased {
            let receipt = self.receipt_about(LogId::Main, subject.clone(), *index, size)?;
            let content = Content::Erased(*entry);
            included.push(Included { index: *index, content, receipts: vec![receipt] });
        }
        included.sort_by_key(|i| i.index);
        let sizes: BTreeSet<u64> = notes.iter().map(|(size, _)| *size).collect();
        let mut consistency = Vec::new();
        for (from, to) in sizes.iter().zip(sizes.iter().skip(1)) {
            let path = self.main.consistency_path(*from, *to)?;
            consistency.push(Consistency { from: *from, to: *to, path });
        }
        Ok(MainPart {
            origin: self.main.origin().to_owned(),
            notes: notes.into_iter().map(|(_, note)| note).collect(),
            statements: included,
            consistency,
        })
    }

    fn add_after(&self, after: &After, main: &mut NoteSet, gov: &mut NoteSet) -> Result<(), Error> {
        main.insert(named(&self.main, &after.main)?);
        gov.insert(named(&self.gov, &after.gov)?);
        Ok(())
    }

    /// Names of those who answered, as far as they are not erased.
    fn openings(&self, statements: &BTreeMap<u64, Arc<Statement>>) -> Result<Vec<Opening>, Error> {
        let persons: BTreeSet<&str> = statements
            .values()
            .filter_map(|s| match &s.document.body {
                Body::Approval(a) | Body::Denial(a) => Some(a.approver.person.as_str()),
                _ => None,
            })
            .collect();
        let mut out = Vec::new();
        for person in persons {
            if let Some((name, salt)) = self.state.person(person)? {
                out.push(Opening { person: person.to_owned(), name, salt });
            }
        }
        Ok(out)
    }
}

fn too_large() -> Error {
    Refusal::Invalid("the bundle is larger than 16 MiB: ask for less").into()
}

fn answers(statements: &BTreeMap<u64, Arc<Statement>>) -> impl Iterator<Item = (u64, &After)> {
    statements.iter().filter_map(|(index, s)| match &s.document.body {
        Body::Approval(a) | Body::Denial(a) => Some((*index, &a.after)),
        _ => None,
    })
}

/// The first published note that covers an entry.
fn covering(log: &Log, index: u64) -> Result<Option<Note>, Error> {
    log.notes().map_or(Ok(None), |notes| notes.covering(index, 0))
}

/// The note that a document names, byte for byte.
fn named(log: &Log, reference: &NoteRef) -> Result<(u64, Vec<u8>), Error> {
    let found = log.notes().map(|n| n.by_sha256(&reference.note_sha256)).transpose()?.flatten();
    let note = found.ok_or(Refusal::Invalid("a note that a document names is missing"))?;
    Ok((note.size, note.note))
}

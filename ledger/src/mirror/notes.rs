//! The notes that a log published: documents name them, and time rests on them.
//!
//! A service lists them; each has to be the log's, of the very tree that the copy holds, and such
//! that a verifier takes it. Of a server that lists none, what the mirror itself was shown is kept.
//!
//! A server can add lines of strangers to a note, and cosignatures of known witnesses that are
//! wrong. So there are bounds on how many notes differ in such lines only, and on all of them: a
//! copy that a verifier refuses for them would make the server's lie look like the log's.

use std::collections::HashMap;

use placet_proto::bundle::MAX_NOTE;
use placet_proto::json::{self, Json};
use placet_proto::logcopy::{self, BUNDLE_WIDTH, MAX_NOTES_BYTES};
use placet_proto::misbehaviour::Noted;
use placet_proto::tlog::cosignature::Cosignature;
use placet_proto::tlog::merkle::{Hash, root_at};
use placet_proto::tlog::tile::TileTree;
use placet_verifier::notes::open;

use super::bodies::{Filled, Service};
use super::files::{self, CopyDir};
use super::{Error, Keys, Mirror};

/// Largest page of notes, in bytes: what the service gives at once, escaped, and one note.
const MAX_PAGE: usize = 3 << 20;
/// Pages that are read in a round: then the checkpoints are looked at again.
const MAX_PAGES: usize = 16;
/// Rows of a service have 16 digits at most.
const MAX_ROW: u64 = 9_999_999_999_999_999;
/// Most notes that a copy holds, and their bytes: as many as a verifier reads.
const MAX_NOTES: u64 = 1 << 20;
const MAX_ALL_BYTES: u64 = 256 << 20;
/// Most notes of one size and newest stamp of a known witness: they differ in lines of others.
const MAX_ALIKE: usize = 4;
/// Where the service is asked to go on.
const CURSOR: &str = ".staging/notes-next";

/// Fetches notes that are new; says of how many, and whether there may be more.
pub(super) fn fill(
    mirror: &Mirror,
    book: &mut Book,
    service: Option<&Service>,
    filled: &mut Filled,
) -> Result<(), Error> {
    let Some(kept) = &mirror.kept else { return Ok(()) };
    let Some(service) = service else {
        filled.notes = u64::from(book.add(mirror, kept)? == Added::Yes);
        return Ok(());
    };
    for _ in 0..MAX_PAGES {
        if !take_page(mirror, book, service, filled)? {
            return Ok(());
        }
    }
    filled.more = true;
    Ok(())
}

/// Whether another page is worth asking for: a server that repeats itself is left alone till the
/// next round.
fn take_page(
    mirror: &Mirror,
    book: &mut Book,
    service: &Service,
    filled: &mut Filled,
) -> Result<bool, Error> {
    let Some(kept) = &mirror.kept else { return Ok(false) };
    let Some((notes, next)) = ask(service, book.next)? else {
        filled.notes = u64::from(book.add(mirror, kept)? == Added::Yes);
        return Ok(false);
    };
    if notes.is_empty() {
        // The row before was there once. If it is not, somebody led the mirror past the end.
        let before = book.next.checked_sub(1).map(|row| ask(service, row)).transpose()?;
        if matches!(before, Some(Some((notes, _))) if notes.is_empty()) {
            book.go_on(&mirror.copy, 0)?;
        }
        return Ok(false);
    }
    if next <= book.next {
        return Ok(false);
    }
    let (before, mut root) = (filled.notes, None);
    for note in &notes {
        let path = || format!("v1/notes/{}/{}", service.log, book.next);
        let noted = Noted::parse(note.as_bytes()).map_err(|e| Error::format(&path(), e))?;
        if !mirror.keys.as_log_keys().signed(&noted.signed) {
            let detail = format!("{}: a note is not signed by the log", path());
            return Err(Error::Checkpoint { code: "log.checkpoint", detail });
        }
        if noted.signed.checkpoint().size > kept.signed.checkpoint().size {
            // Published since; the copy has to grow before it means anything.
            mirror.remember(&noted)?;
            return Ok(false);
        }
        match judge(mirror, book, kept, &noted, &mut root)? {
            Added::Yes => filled.notes = filled.notes.saturating_add(1),
            Added::There => {}
            Added::LeftOut => filled.left_out = filled.left_out.saturating_add(1),
        }
    }
    book.go_on(&mirror.copy, next)?;
    Ok(filled.notes > before)
}

/// Adds a note that the log signed, of a size that the copy has reached, if it is good.
fn judge(
    mirror: &Mirror,
    book: &mut Book,
    kept: &Noted,
    noted: &Noted,
    root: &mut Option<(u64, Hash)>,
) -> Result<Added, Error> {
    let checkpoint = noted.signed.checkpoint();
    let known = root.filter(|(size, _)| *size == checkpoint.size).map(|(_, root)| root);
    let own = match known {
        Some(root) => root,
        None => {
            let tree = TileTree::new(&mirror.copy, kept.signed.checkpoint().size);
            root_at(&tree, checkpoint.size)?
        }
    };
    *root = Some((checkpoint.size, own));
    if own != checkpoint.root {
        mirror.compare(noted)?;
    }
    // For the log's sake nothing is kept that a verifier would hold against it.
    let good = match &mirror.keys {
        Keys::Trusted(trust) => open(&noted.bytes, &noted.signed, trust).is_ok(),
        Keys::Key { .. } => true,
    };
    if good { book.add(mirror, noted) } else { Ok(Added::LeftOut) }
}

/// The notes from a row on, in the order of publication, and where the next one begins; none of a
/// server without such a list.
fn ask(service: &Service, row: u64) -> Result<Option<(Vec<String>, u64)>, Error> {
    let path = format!("v1/notes/{}/{row}", service.log);
    match service.server.get(&path, MAX_PAGE) {
        Err(Error::NotFound { .. }) => Ok(None),
        page => parse(&path, &page?).map(Some),
    }
}

fn parse(path: &str, bytes: &[u8]) -> Result<(Vec<String>, u64), Error> {
    let wrong = || Error::format(path, logcopy::LogCopyError::Limit);
    let page = json::parse_limited(bytes, MAX_PAGE).map_err(|e| Error::format(path, e))?;
    let next = page.get("next").and_then(Json::as_u64).filter(|row| *row <= MAX_ROW);
    let notes = page.get("notes").and_then(Json::as_array).ok_or_else(wrong)?;
    let texts = notes.iter().map(|note| note.as_str().map(str::to_owned));
    Ok((texts.collect::<Option<Vec<String>>>().ok_or_else(wrong)?, next.ok_or_else(wrong)?))
}

/// What became of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Yes,
    There,
    /// No verifier would take it, or there are too many.
    LeftOut,
}

/// The files of notes, of which the last grows.
#[derive(Debug)]
pub(super) struct Book {
    /// The number of the last file, and what is in it.
    number: u64,
    last: Vec<Vec<u8>>,
    /// Whether the file lacks some of that.
    changed: bool,
    /// SHA-256 of every note, by size and newest stamp.
    alike: HashMap<(u64, u64), Vec<Hash>>,
    count: u64,
    bytes: u64,
    next: u64,
}

impl Book {
    pub(super) fn open(copy: &CopyDir, keys: &Keys) -> Result<Self, Error> {
        let cursor = files::read(&copy.placed(CURSOR), 20)?;
        let next = cursor.and_then(|bytes| str::from_utf8(&bytes).ok()?.parse().ok());
        let next = next.filter(|row| *row <= MAX_ROW).unwrap_or(0);
        let (last, alike) = (Vec::new(), HashMap::new());
        let mut book = Self { number: 0, last, changed: false, alike, count: 0, bytes: 0, next };
        for number in 0.. {
            let path = copy.placed(&name(number));
            let Some(bytes) = files::read(&path, MAX_NOTES_BYTES)? else { break };
            let damaged = |reason: String| Error::Copy { path: path.clone(), reason };
            let notes = logcopy::parse_notes(&bytes).map_err(|e| damaged(e.to_string()))?;
            book.number = number;
            book.last = notes.into_iter().map(<[u8]>::to_vec).collect();
            for note in std::mem::take(&mut book.last) {
                let noted = Noted::parse(&note).map_err(|e| damaged(e.to_string()))?;
                book.note(alike_of(keys, &noted), &note);
                book.last.push(note);
            }
        }
        Ok(book)
    }

    /// Adds a note unless it is there, or there is no room for it.
    fn add(&mut self, mirror: &Mirror, noted: &Noted) -> Result<Added, Error> {
        let (note, alike) = (&noted.bytes, alike_of(&mirror.keys, noted));
        let there = self.alike.get(&alike).map_or(&[][..], Vec::as_slice);
        if there.contains(&placet_proto::sha256(note)) {
            return Ok(Added::There);
        }
        let full = self.count >= MAX_NOTES
            || self.bytes.saturating_add(length(note)) > MAX_ALL_BYTES
            || there.len() >= MAX_ALIKE;
        if full || note.len() > MAX_NOTE {
            return Ok(Added::LeftOut);
        }
        if self.last.len() >= usize::from(BUNDLE_WIDTH) {
            self.write(&mirror.copy)?;
            self.last.clear();
            self.number = self.number.saturating_add(1);
        }
        self.note(alike, note);
        self.last.push(note.clone());
        self.changed = true;
        Ok(Added::Yes)
    }

    fn note(&mut self, alike: (u64, u64), note: &[u8]) {
        self.alike.entry(alike).or_default().push(placet_proto::sha256(note));
        self.count = self.count.saturating_add(1);
        self.bytes = self.bytes.saturating_add(length(note));
    }

    /// Brings the last file up to date.
    pub(super) fn write(&mut self, copy: &CopyDir) -> Result<(), Error> {
        if !self.changed {
            return Ok(());
        }
        let mut bytes = Vec::new();
        for note in &self.last {
            logcopy::push(&mut bytes, Some(note)).map_err(|e| Error::format("notes", e))?;
        }
        files::replace(&copy.placed(&name(self.number)), &bytes, false)?;
        self.changed = false;
        Ok(())
    }

    /// Where the next page begins is written once its notes are on the disk.
    fn go_on(&mut self, copy: &CopyDir, next: u64) -> Result<(), Error> {
        self.write(copy)?;
        copy.flush()?;
        self.next = next;
        files::replace(&copy.placed(CURSOR), next.to_string().as_bytes(), true)
    }
}

/// Size, and newest stamp of a witness that the trust file knows: 0 if there is none. Both are
/// signed, so that a server can't make new ones.
fn alike_of(keys: &Keys, noted: &Noted) -> (u64, u64) {
    let size = noted.signed.checkpoint().size;
    let Keys::Trusted(trust) = keys else { return (size, 0) };
    let stamp = |line: &[u8]| Cosignature::parse(line).ok().map(|cosigned| cosigned.time());
    let witnesses = trust.policy.witnesses().iter();
    let lines = witnesses.filter_map(|w| noted.signed.note().signature_of(&w.key));
    (size, lines.filter_map(|line| stamp(line.signature())).max().unwrap_or(0))
}

/// Bytes that a note takes in its file.
fn length(note: &[u8]) -> u64 {
    u64::try_from(note.len()).unwrap_or(u64::MAX).saturating_add(4)
}

fn name(number: u64) -> String {
    format!("notes/{number}")
}

//! The notes that a log published: documents name them, and time rests on them.
//!
//! A service lists them; each has to be the log's and of the very tree that the copy holds. Of a
//! server that lists none, what the mirror itself was shown is kept.

use placet_proto::json::{self, Json};
use placet_proto::logcopy::{self, BUNDLE_WIDTH, MAX_NOTES_BYTES};
use placet_proto::misbehaviour::Noted;
use placet_proto::tlog::merkle::{Hash, root_at};
use placet_proto::tlog::tile::TileTree;

use super::files::{self, CopyDir};
use super::{Error, Mirror, Service};

/// Largest page of notes, in bytes: what the service gives at once, escaped, and one note.
const MAX_PAGE: usize = 3 << 20;
/// Most notes that a copy holds: as many as a verifier reads.
const MAX_NOTES: u64 = 1 << 20;
/// Where the service is asked to go on.
const CURSOR: &str = ".staging/notes-next";

/// Fetches the notes that are new and gives how many came.
pub(super) fn fill(mirror: &Mirror, service: Option<&Service>) -> Result<u64, Error> {
    let Some(kept) = &mirror.kept else { return Ok(0) };
    let mut book = Book::open(&mirror.copy)?;
    let mut added = 0_u64;
    let Some(service) = service else { return book.add(&kept.bytes) };
    loop {
        let path = format!("v1/notes/{}/{}", service.log, book.next);
        let page = match service.server.get(&path, MAX_PAGE) {
            Err(Error::NotFound { .. }) => return book.add(&kept.bytes),
            other => other?,
        };
        let (notes, next) = parse(&path, &page)?;
        if notes.is_empty() || next <= book.next {
            return Ok(added);
        }
        let mut root: Option<(u64, Hash)> = None;
        for note in &notes {
            let noted = Noted::parse(note.as_bytes()).map_err(|e| Error::format(&path, e))?;
            let checkpoint = noted.signed.checkpoint();
            if checkpoint.size > kept.signed.checkpoint().size {
                // Published since; the copy has to grow before they mean anything.
                return Ok(added);
            }
            if !mirror.keys.as_log_keys().signed(&noted.signed) {
                let detail = format!("{path}: a note is not signed by the log");
                return Err(Error::Checkpoint { code: "log.checkpoint", detail });
            }
            let known = root.filter(|(size, _)| *size == checkpoint.size).map(|(_, root)| root);
            let own = match known {
                Some(root) => root,
                None => root_at(
                    &TileTree::new(&mirror.copy, kept.signed.checkpoint().size),
                    checkpoint.size,
                )?,
            };
            root = Some((checkpoint.size, own));
            if own != checkpoint.root {
                mirror.compare(&noted)?;
            }
            added = added.saturating_add(book.add(&noted.bytes)?);
        }
        book.go_on(next)?;
    }
}

/// A page: notes in the order of publication, and where the next one begins.
fn parse(path: &str, bytes: &[u8]) -> Result<(Vec<String>, u64), Error> {
    let wrong = || Error::format(path, logcopy::LogCopyError::Limit);
    let page = json::parse_limited(bytes, MAX_PAGE).map_err(|e| Error::format(path, e))?;
    let next = page.get("next").and_then(Json::as_u64).ok_or_else(wrong)?;
    let notes = page.get("notes").and_then(Json::as_array).ok_or_else(wrong)?;
    let texts = notes.iter().map(|note| note.as_str().map(str::to_owned));
    Ok((texts.collect::<Option<Vec<String>>>().ok_or_else(wrong)?, next))
}

/// The files of notes, of which the last grows.
struct Book<'a> {
    copy: &'a CopyDir,
    /// The number of the last file.
    number: u64,
    /// What is in it, and in the one before: a kill may have come between a note and the cursor.
    last: Vec<Vec<u8>>,
    before: Vec<Vec<u8>>,
    next: u64,
}

impl<'a> Book<'a> {
    fn open(copy: &'a CopyDir) -> Result<Self, Error> {
        let mut number = 0_u64;
        while copy.placed(&name(number.saturating_add(1))).exists() {
            number = number.saturating_add(1);
        }
        let cursor = files::read(&copy.placed(CURSOR), 20)?;
        let next = cursor.and_then(|bytes| str::from_utf8(&bytes).ok()?.parse().ok()).unwrap_or(0);
        let last = read(copy, number)?;
        let before = if number > 0 { read(copy, number.saturating_sub(1))? } else { Vec::new() };
        Ok(Self { copy, number, last, before, next })
    }

    /// Adds a note unless it is there; gives how many were added.
    fn add(&mut self, note: &[u8]) -> Result<u64, Error> {
        let full = self.number.saturating_mul(u64::from(BUNDLE_WIDTH)) >= MAX_NOTES;
        if full || self.last.iter().chain(&self.before).any(|there| there == note) {
            return Ok(0);
        }
        if self.last.len() >= usize::from(BUNDLE_WIDTH) {
            self.before = std::mem::take(&mut self.last);
            self.number = self.number.saturating_add(1);
        }
        self.last.push(note.to_vec());
        let mut bytes = Vec::new();
        for note in &self.last {
            logcopy::push(&mut bytes, Some(note)).map_err(|e| Error::format("notes", e))?;
        }
        if bytes.len() > MAX_NOTES_BYTES || note.len() > placet_proto::bundle::MAX_NOTE {
            return Err(Error::format("notes", logcopy::LogCopyError::Limit));
        }
        files::replace(&self.copy.placed(&name(self.number)), &bytes, false)?;
        Ok(1)
    }

    /// Where the next page begins is written once its notes are on the disk.
    fn go_on(&mut self, next: u64) -> Result<(), Error> {
        self.copy.flush()?;
        self.next = next;
        files::replace(&self.copy.placed(CURSOR), next.to_string().as_bytes(), true)
    }
}

fn read(copy: &CopyDir, number: u64) -> Result<Vec<Vec<u8>>, Error> {
    let path = copy.placed(&name(number));
    let Some(bytes) = files::read(&path, MAX_NOTES_BYTES)? else { return Ok(Vec::new()) };
    let notes = logcopy::parse_notes(&bytes);
    let notes = notes.map_err(|e| Error::Copy { path, reason: e.to_string() })?;
    Ok(notes.into_iter().map(<[u8]>::to_vec).collect())
}

fn name(number: u64) -> String {
    format!("notes/{number}")
}

//! Notes that the log signed, kept before anybody shows their trees.
//!
//! A server that shows a note of another history and then withholds its tiles would go unpunished:
//! nothing contradicts the note yet. It does once the copy reaches its size by itself.

use std::fs;
use std::io;

use placet_proto::b64;
use placet_proto::misbehaviour::{MAX_NOTE, Misbehaviour, Noted};

use super::files::{self, CopyDir};
use super::{Error, Mirror};

/// Most notes that wait for the copy to reach their size. Beyond that the largest gives way: it
/// would wait longest.
const MAX_SEEN: usize = 1024;

impl Mirror {
    /// Keeps a note of a size that the copy has not reached: the first of each size and root.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for a second root of one size.
    pub(super) fn remember(&self, note: &Noted) -> Result<(), Error> {
        let size = note.signed.checkpoint().size;
        if self.kept.as_ref().is_some_and(|kept| size <= kept.signed.checkpoint().size) {
            return Ok(());
        }
        let seen = list(&self.copy)?;
        let name = name(note);
        for (_, other) in seen.iter().filter(|(of, _)| *of == size) {
            if *other == name {
                return Ok(());
            }
            if let Some(other) = read(&self.copy, other)? {
                let evidence = Misbehaviour::new(other, note.clone(), None);
                let evidence = evidence.map_err(|e| Error::format("checkpoint", e))?;
                return Err(self.caught(note, self.judge(evidence)));
            }
        }
        if seen.len() >= MAX_SEEN
            && let Some((largest, other)) = seen.last()
        {
            if *largest <= size {
                return Ok(());
            }
            files::remove(&self.copy.placed(other))?;
        }
        files::replace(&self.copy.placed(&name), &note.bytes, true)
    }

    /// Compares what was kept with the copy, as far as it has grown.
    ///
    /// # Errors
    /// [`Error::Misbehaved`] for one that is not of its history.
    pub(super) fn settle(&self) -> Result<(), Error> {
        let Some(kept) = &self.kept else { return Ok(()) };
        let reached = kept.signed.checkpoint().size;
        for (_, name) in list(&self.copy)?.iter().take_while(|(size, _)| *size <= reached) {
            if let Some(note) = read(&self.copy, name)? {
                self.compare(&note).map_err(|error| self.caught(&note, error))?;
            }
            files::remove(&self.copy.placed(name))?;
        }
        Ok(())
    }

    /// What is shown by evidence that is on the disk need not be found again.
    pub(super) fn caught(&self, note: &Noted, error: Error) -> Error {
        let Error::Misbehaved { evidence, .. } = &error else { return error };
        let kept = self.copy.keep_evidence(evidence);
        match kept.and_then(|_| files::remove(&self.copy.placed(&name(note)))) {
            Ok(()) => error,
            Err(other) => other,
        }
    }
}

fn name(note: &Noted) -> String {
    let checkpoint = note.signed.checkpoint();
    format!("seen/{}-{}", checkpoint.size, b64::encode_hex(checkpoint.root))
}

/// Sizes and names, ascending by size.
fn list(copy: &CopyDir) -> Result<Vec<(u64, String)>, Error> {
    let folder = copy.placed("seen");
    let entries = match fs::read_dir(&folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::io("list", &folder))?,
    };
    let names = entries.filter_map(|e| e.ok()?.file_name().into_string().ok());
    let sized = |name: String| {
        let (size, root) = name.split_once('-')?;
        // Not one that is being written.
        let whole = root.len() == 64;
        Some((size.parse().ok().filter(|_| whole)?, format!("seen/{name}")))
    };
    let mut seen: Vec<(u64, String)> = names.filter_map(sized).collect();
    seen.sort_unstable();
    Ok(seen)
}

fn read(copy: &CopyDir, name: &str) -> Result<Option<Noted>, Error> {
    let path = copy.placed(name);
    let Some(bytes) = files::read(&path, MAX_NOTE)? else { return Ok(None) };
    let noted = Noted::parse(&bytes).map_err(|e| Error::Copy { path, reason: e.to_string() })?;
    Ok(Some(noted))
}

//! Checkpoints and published notes against the tree of the journal.

use sha2::{Digest, Sha256};

use super::Found;
use super::tree::TreeCheck;
use crate::Error;
use crate::checkpoint::Head;
use crate::dir::{Dir, LogId};
use crate::log::notes_path;
use crate::notes::{Note, Notes};

/// Everything that states a size and a root.
pub(super) struct Heads {
    notes: Option<Notes>,
    /// A page of notes in the order of publication, next one last.
    page: Vec<Note>,
    last_row: u64,
    end_row: u64,
    before: u64,
    compared: u64,
    published: u64,
    /// The two checkpoint files, the smaller size last.
    files: Vec<(&'static str, Head)>,
}

impl Heads {
    pub(super) fn read(dir: &Dir, log: LogId, found: &Found) -> Result<Heads, Error> {
        let folder = dir.tiles(log);
        let path = notes_path(dir, log);
        let opened = path.exists().then(|| Notes::open(&path, false));
        // The newest note is read before the file that shows it, so that the file of a running
        // writer is never more than one note behind.
        let newest = opened.map(|notes| notes.and_then(|notes| Ok((notes.newest()?, notes))));
        let shown = read_file(&folder.join("checkpoint"))?;
        let fast = read_file(&folder.join("checkpoint-fast"))?;
        let mut heads = Heads {
            notes: None,
            page: Vec::new(),
            last_row: 0,
            end_row: 0,
            before: 0,
            compared: 0,
            published: 0,
            files: Vec::new(),
        };
        for (name, note) in [("checkpoint", &shown), ("checkpoint-fast", &fast)] {
            match note.as_deref().map(Head::of_note) {
                Some(Ok(head)) => heads.files.push((name, head)),
                Some(Err(_)) => found.add("checkpoint.malformed", None, name),
                None => {}
            }
        }
        if let Some((_, head)) = heads.files.iter().find(|(name, _)| *name == "checkpoint") {
            heads.published = head.size;
        }
        heads.files.sort_by_key(|(_, head)| std::cmp::Reverse(head.size));
        match newest {
            Some(Ok((newest, notes))) => {
                heads.end_row = newest.as_ref().map_or(0, |note| note.row);
                check_shown(shown.as_deref(), newest.as_ref(), &notes, found)?;
                heads.notes = Some(notes);
            }
            Some(Err(error)) => found.add("notes.unreadable", None, error.to_string()),
            None if shown.is_some() => {
                found.add("checkpoint.not_kept", None, "there are no published notes");
            }
            None => {}
        }
        Ok(heads)
    }

    /// Size of the published checkpoint.
    pub(super) fn published(&self) -> u64 {
        self.published
    }

    /// Notes that were compared.
    pub(super) fn compared(&self) -> u64 {
        self.compared
    }

    /// Compares whatever states the size `index`, which is the size of the tree so far.
    pub(super) fn before_entry(
        &mut self,
        index: u64,
        tree: &mut TreeCheck,
        found: &Found,
    ) -> Result<(), Error> {
        while self.files.last().is_some_and(|(_, head)| head.size <= index) {
            if let Some((name, head)) = self.files.pop() {
                compare(name, &head, tree, found)?;
                if name == "checkpoint" {
                    tree.partials(head.size)?;
                }
            }
        }
        while let Some(note) = self.next_note(index, found)? {
            if let Some(head) = check_note(&note, found) {
                compare(&format!("note {}", note.row), &head, tree, found)?;
            }
            self.compared = self.compared.saturating_add(1);
        }
        Ok(())
    }

    /// Compares the rest: all that is left speaks of more than the journal holds.
    pub(super) fn at_end(
        &mut self,
        size: u64,
        tree: &mut TreeCheck,
        found: &Found,
    ) -> Result<(), Error> {
        self.before_entry(size, tree, found)?;
        for (name, head) in std::mem::take(&mut self.files) {
            rollback(name, head.size, size, found);
        }
        while let Some(note) = self.next_note(u64::MAX, found)? {
            rollback(&format!("note {}", note.row), note.size, size, found);
            self.compared = self.compared.saturating_add(1);
        }
        Ok(())
    }

    /// The next note if its size is at most `size`.
    fn next_note(&mut self, size: u64, found: &Found) -> Result<Option<Note>, Error> {
        if self.page.is_empty() && self.last_row < self.end_row {
            let Some(notes) = &self.notes else { return Ok(None) };
            match notes.between(0, u64::MAX, self.last_row.saturating_add(1)) {
                Ok(page) => self.page = page,
                Err(error) => {
                    found.add("notes.unreadable", None, error.to_string());
                    self.notes = None;
                    return Ok(None);
                }
            }
            // What was published since the check began speaks of entries that it will not read.
            self.page.retain(|note| note.row <= self.end_row);
            self.last_row = self.page.last().map_or(self.end_row, |note| note.row);
            self.page.reverse();
        }
        if self.page.last().is_none_or(|note| note.size > size) {
            return Ok(None);
        }
        let note = self.page.pop();
        if let Some(note) = &note {
            if note.size < self.before {
                let detail = format!("note {} of size {}", note.row, note.size);
                found.add("note.order", None, detail);
            }
            self.before = note.size;
        }
        Ok(note)
    }
}

fn compare(name: &str, head: &Head, tree: &mut TreeCheck, found: &Found) -> Result<(), Error> {
    match tree.root_at(head.size) {
        // Only for notes out of order are tiles read here; they were compared on their own.
        Err(Error::TileCorrupt { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(root) => {
            if root != head.root {
                found.add("checkpoint.root", None, format!("{name} of size {}", head.size));
            }
            Ok(())
        }
    }
}

fn rollback(name: &str, size: u64, journal: u64, found: &Found) {
    let detail = format!("{name} has size {size}, the journal {journal} entries");
    found.add("checkpoint.rollback", None, detail);
}

fn check_note(note: &Note, found: &Found) -> Option<Head> {
    let head = Head::of_note(&note.note).ok();
    let intact = Sha256::digest(&note.note)[..] == note.sha256
        && head.as_ref().is_some_and(|h| (h.size, h.root) == (note.size, note.root));
    if !intact {
        found.add("note.damaged", None, format!("note {}", note.row));
        return None;
    }
    head
}

fn check_shown(
    shown: Option<&[u8]>,
    newest: Option<&Note>,
    notes: &Notes,
    found: &Found,
) -> Result<(), Error> {
    let Some(shown) = shown else {
        if newest.is_some() {
            found.add("checkpoint.stale", None, "there is no checkpoint file");
        }
        return Ok(());
    };
    let Some(kept) = notes.by_sha256(&Sha256::digest(shown).into())? else {
        found.add("checkpoint.not_kept", None, "checkpoint is no published note");
        return Ok(());
    };
    let newest = newest.map_or(0, |note| note.row);
    let newer = notes.between(0, u64::MAX, kept.row.saturating_add(1))?;
    // One note behind is a running writer between the two, or a crash there.
    if newer.iter().filter(|note| note.row <= newest).count() > 1 {
        found.add("checkpoint.stale", None, format!("it is note {}", kept.row));
    }
    Ok(())
}

fn read_file(path: &std::path::Path) -> Result<Option<Vec<u8>>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", path)(error)),
    }
}

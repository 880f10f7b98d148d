//! A copy of a log for those who verify (SPEC.md 6.6): the published checkpoint, the tiles of its
//! size, the statements that are not erased, every note that was published.
//!
//! The folder is opened for reading; a service may write it meanwhile. Memory is bounded by one
//! bundle of statements.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::Path;

use placet_proto::document::Body;
use placet_proto::kind::Kind;
use placet_proto::logcopy::{self, BUNDLE_WIDTH};
use placet_proto::statement;
use placet_proto::tlog::tile::new_tiles;

use crate::dir::{Dir, LogId};
use crate::log::Log;
use crate::service::Refusal;
use crate::storage::{Hash, Statement};
use crate::{Error, Note};

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Name of the log.
    pub origin: String,
    /// Entries in the copy.
    pub size: u64,
    /// Root of their tree.
    pub root: Hash,
    /// Statements whose bodies were erased: the copy holds their entries only.
    pub erased: u64,
}

/// Writes a copy of the log named `origin` into the folder `out`, which is made, or empty.
/// `checkpoint` is written last: without it a folder is no copy.
///
/// # Errors
/// `dir.not_empty` for an `out` with something in it; `witness.quorum` when the log has no
/// published checkpoint yet; those of reading the log and of writing files.
pub fn write(dir: &Dir, id: LogId, origin: &str, out: &Path) -> Result<Copied, Error> {
    let log = Log::open_read_only(dir, id, origin)?;
    let note = log
        .checkpoint()
        .ok_or_else(|| Error::from(Refusal::Quorum("no checkpoint is cosigned yet".to_owned())))?;
    std::fs::create_dir_all(out).map_err(Error::io("create", out))?;
    if std::fs::read_dir(out).map_err(Error::io("list", out))?.next().is_some() {
        return Err(Error::DirNotEmpty { path: out.to_path_buf() });
    }
    withhold_ordered(&log)?;
    write_tiles(&log, &note, out)?;
    let erased = write_statements(&log, &note, out)?;
    write_notes(&log, &note, out)?;
    write_file(&out.join("checkpoint"), &note.note)?;
    Ok(Copied { origin: origin.to_owned(), size: note.size, root: note.root, erased })
}

/// What an order names is not copied, also where a crash left it for the next start to erase.
fn withhold_ordered(log: &Log) -> Result<(), Error> {
    if log.id() != LogId::Main {
        return Ok(());
    }
    let (mut issuers, mut ordered) = (BTreeSet::new(), Vec::new());
    log.visit(0..log.size(), |index, body| {
        let Statement::Present(bytes) = body else { return ControlFlow::Continue(()) };
        let Ok((header, kind)) = statement::peek(&bytes) else { return ControlFlow::Continue(()) };
        // Others may register what looks like an order: it has to be the ledger's own.
        let wanted = match Kind::from_name(&kind) {
            Some(Kind::Genesis) => index == 0,
            Some(Kind::Erasure | Kind::Key) => issuers.contains(&header.kid),
            _ => false,
        };
        let statement = wanted.then(|| statement::Statement::parse(&bytes).ok()).flatten();
        match statement.map(|s| s.document.body) {
            Some(Body::Genesis(genesis)) => issuers.extend(genesis.issuers.iter().map(|i| i.kid)),
            Some(Body::Key(keys)) => issuers.extend(keys.keys.iter().map(|k| k.kid)),
            Some(Body::Erasure(order)) => ordered.extend(order.targets.iter().map(|t| t.index)),
            _ => {}
        }
        ControlFlow::Continue(())
    })?;
    log.withhold(ordered)
}

fn write_tiles(log: &Log, note: &Note, out: &Path) -> Result<(), Error> {
    for tile in new_tiles(0, note.size) {
        let path = tile.to_string();
        let bytes = log.tile(&path)?.ok_or_else(|| Error::TileCorrupt {
            path: path.clone(),
            reason: "it is missing".to_owned(),
        })?;
        write_file(&out.join(path), &bytes)?;
    }
    Ok(())
}

/// Gives how many were erased.
fn write_statements(log: &Log, note: &Note, out: &Path) -> Result<u64, Error> {
    let mut erased = 0_u64;
    let mut first = 0_u64;
    while first < note.size {
        let index = first / u64::from(BUNDLE_WIDTH);
        let end = note.size.min(first.saturating_add(u64::from(BUNDLE_WIDTH)));
        let mut bundle = Vec::new();
        let mut result = Ok(());
        log.visit(first..end, |_, statement| {
            let bytes = match &statement {
                Statement::Present(bytes) => Some(bytes.as_slice()),
                Statement::Erased | Statement::NotFound => {
                    erased = erased.saturating_add(1);
                    None
                }
            };
            result = logcopy::push(&mut bundle, bytes);
            if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        result.map_err(placet_proto::Error::from)?;
        write_file(&out.join("statements").join(index.to_string()), &bundle)?;
        first = end;
    }
    Ok(erased)
}

/// Every note up to the copy's size, in the order of publication: documents name them, and time
/// rests on them.
fn write_notes(log: &Log, note: &Note, out: &Path) -> Result<(), Error> {
    let Some(notes) = log.notes() else { return Ok(()) };
    let (mut row, mut file, mut in_file, mut number) = (0, Vec::new(), 0_u16, 0_u64);
    let path = |number: u64| out.join("notes").join(number.to_string());
    loop {
        let page = notes.between(0, note.size, row)?;
        let Some(last) = page.last() else { break };
        row = last.row.saturating_add(1);
        for found in &page {
            logcopy::push(&mut file, Some(&found.note)).map_err(placet_proto::Error::from)?;
            in_file = in_file.saturating_add(1);
            if in_file == BUNDLE_WIDTH {
                write_file(&path(number), &file)?;
                (number, in_file) = (number.saturating_add(1), 0);
                file.clear();
            }
        }
    }
    if file.is_empty() { Ok(()) } else { write_file(&path(number), &file) }
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    }
    std::fs::write(path, bytes).map_err(Error::io("write", path))
}

#[cfg(test)]
mod tests {
    use placet_proto::sha256;
    use placet_proto::tlog::merkle::{CompactRange, leaf_hash};
    use placet_proto::tlog::tile::{TileId, TileKind, parse_bundle, parse_tile};

    use super::*;
    use crate::NewEntry;
    use crate::checkpoint::Head;

    const ORIGIN: &str = "example.com/log";
    const SIZE: u64 = 700;

    fn sign(text: &str) -> Result<Vec<u8>, String> {
        Ok(format!("{text}\n— {ORIGIN} AAAAAAAA\n").into_bytes())
    }

    fn fill(log: &Log, indices: std::ops::Range<u64>) {
        for n in indices {
            log.submit(vec![NewEntry::plain(format!("statement {n}"))], |_| ()).unwrap();
        }
    }

    #[test]
    fn a_copy_has_what_was_published_and_not_what_was_erased() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let out = tmp.path().join("copy");
        let log = Log::open(&dir, LogId::Main, ORIGIN, sign).unwrap();
        fill(&log, 0..SIZE);
        log.append(vec![NewEntry::plain("behind the checkpoint")]).unwrap();
        let early = write(&dir, LogId::Main, ORIGIN, &out).unwrap_err();
        assert_eq!(early.code(), "witness.quorum");
        let root = log.root_at(SIZE).unwrap();
        let note = sign(&Head { origin: ORIGIN.into(), size: SIZE, root }.text()).unwrap();
        log.publish(&note).unwrap();
        log.erase(300).unwrap();

        // Beside the writer, which goes on.
        let copied = write(&dir, LogId::Main, ORIGIN, &out).unwrap();
        assert_eq!((copied.size, copied.root, copied.erased), (SIZE, root, 1));
        assert_eq!(std::fs::read(out.join("checkpoint")).unwrap(), note);
        let mut tree = CompactRange::new();
        for index in 0..3 {
            let read = |kind| {
                let id = TileId::at_size(kind, index, SIZE).unwrap();
                (std::fs::read(out.join(id.to_string())).unwrap(), id.width)
            };
            let (hashes, width) = read(TileKind::Hashes(0));
            let hashes = parse_tile(&hashes, width).unwrap();
            let (entries, _) = read(TileKind::Entries);
            let entries = parse_bundle(&entries, width).unwrap();
            let bundle = std::fs::read(out.join(format!("statements/{index}"))).unwrap();
            let statements = logcopy::parse(&bundle, logcopy::width(index, SIZE)).unwrap();
            for (n, statement) in (256 * index..).zip(statements) {
                let at = usize::try_from(n % 256).unwrap();
                assert_eq!(hashes[at], leaf_hash(entries[at]));
                assert_eq!(statement.is_none(), n == 300);
                if let Some(statement) = statement {
                    assert_eq!(statement, format!("statement {n}").as_bytes());
                    assert_eq!(sha256(statement), entries[at]);
                }
                tree.append(hashes[at]).unwrap();
            }
        }
        assert_eq!((tree.size(), tree.root()), (SIZE, root));
        let notes = std::fs::read(out.join("notes/0")).unwrap();
        assert_eq!(logcopy::parse_notes(&notes).unwrap(), [note]);
        assert!(!out.join("statements/3").exists() && out.join("tile/1/000.p/2").exists());
        let again = write(&dir, LogId::Main, ORIGIN, &out).unwrap_err();
        assert_eq!(again.code(), "dir.not_empty");
    }
}

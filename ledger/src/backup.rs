//! Backups: everything of a folder that can't be made again, while a service may write it; and
//! back from there.
//!
//! ```text
//! backup.json  what is here: both logs' sizes and roots, each file's length and SHA-256; last
//! bodies/      the journals
//! state/       notes, projection, sessions, deliveries, the built-in witness
//! keys/ policy/ placet.toml ...
//! ```
//! Tiles, the once index and the search index are derived and left out. What speaks of the
//! journals is copied before them, so that they are never behind it. Keys are among it: whoever
//! can read a backup can sign as the ledger.
//!
//! A log that is restored must not be behind a checkpoint that somebody holds: it would give the
//! same indices to other entries, a fork that witnesses refuse and that two notes prove. So
//! [`restore`] asks for what is known, and refuses a backup that is behind it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::checkpoint::Head;
use crate::dir::{Dir, DirLock, LogId, RESTORING};
use crate::fsck;
use crate::host;
use crate::journal::{Segment, SegmentFile, sync_folder};
use crate::log::Log;
use crate::{Error, storage::Hash};

/// The list of what a backup holds; written last, so that a folder without it is none.
pub const MANIFEST: &str = "backup.json";
const FORMAT: &str = "placet-backup/0";
/// Most bytes of a manifest that are read.
const MAX_MANIFEST: u64 = 64 << 20;
/// Most files of a backup.
const MAX_FILES: usize = 200_000;
/// Bytes that are copied at a time.
const CHUNK: usize = 1 << 20;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    format: String,
    /// Both logs.
    pub logs: Vec<BackedUp>,
    files: Vec<Item>,
}

/// One log in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedUp {
    /// Its name in checkpoints.
    pub origin: String,
    /// Number of entries.
    pub size: u64,
    /// Root of their tree, in hexadecimal.
    pub root: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    path: String,
    bytes: u64,
    sha256: String,
}

impl Backup {
    /// Number of files, and of bytes in them.
    pub fn extent(&self) -> (usize, u64) {
        (self.files.len(), self.files.iter().fold(0, |sum, item| sum.saturating_add(item.bytes)))
    }
}

/// Writes a backup of the folder, which may be in use, into `out`, which is missing or empty.
/// `origins` are the names of the main and the governance log. It is read again before its
/// manifest is written.
///
/// # Errors
/// `dir.not_empty` for an `out` with something in it; `backup.invalid` when the copy does not hold
/// together, as after a body was erased meanwhile: then it can be tried again; those of reading
/// and writing.
pub fn write(dir: &Dir, origins: [&str; 2], out: &Path) -> Result<Backup, Error> {
    make_folder(out)?;
    if std::fs::read_dir(out).map_err(Error::io("list", out))?.next().is_some() {
        return Err(Error::DirNotEmpty { path: out.to_path_buf() });
    }
    let absolute = |path: &Path| path.canonicalize().map_err(Error::io("resolve", path));
    let (from, to) = (absolute(dir.root())?, absolute(out)?);
    if from.starts_with(&to) || to.starts_with(&from) {
        return Err(invalid(out, "it lies in the folder that is backed up, or around it"));
    }
    let mut files = Vec::new();
    copy_rest(dir.root(), Path::new(""), out, &mut files)?;
    for id in LogId::ALL {
        copy_journal(dir, id, out, &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    sync_folders(out, &files)?;
    let logs = read_logs(out, origins)?;
    let backup = Backup { format: FORMAT.to_owned(), logs, files };
    let json = serde_json::to_vec_pretty(&backup).map_err(|e| invalid(out, e.to_string()))?;
    let (tmp, path) = (out.join("backup.json.tmp"), out.join(MANIFEST));
    write_file(&tmp, &json)?;
    std::fs::rename(&tmp, &path).map_err(full("rename", &tmp))?;
    sync_folder(out)?;
    out.parent().map_or(Ok(()), sync_folder)?;
    Ok(backup)
}

/// Makes a folder of a backup at `root`, which is missing or empty. `known` are heads that
/// somebody holds a checkpoint of: a backup whose log does not extend all of its own is refused.
///
/// One that was interrupted is begun again with the same call: until the last step the folder says
/// of itself that it is being restored, and nobody opens it. Every file is then written anew, since
/// one that looks whole need not be on the disk.
///
/// # Errors
/// [`Error::Rollback`] for such a backup; `backup.invalid` when it is not whole; `dir.not_empty`;
/// `dir.restoring` for a folder in which the restoring of another backup was interrupted;
/// `dir.locked` while another call restores there; `ledger.full`; those of reading and writing.
/// Then there is no ledger at `root`.
pub fn restore(backup: &Path, root: &Path, known: &[Head]) -> Result<Backup, Error> {
    let manifest = read_manifest(backup)?;
    for item in &manifest.files {
        let path = backup.join(inside(backup, &item.path)?);
        if digest(&path)? != (item.bytes, item.sha256.clone()) {
            return Err(invalid(&path, "it is not the file that was backed up"));
        }
    }
    let [main, gov] = manifest.logs.as_slice() else {
        return Err(invalid(backup, "it does not hold two logs"));
    };
    let origins = [main.origin.as_str(), gov.origin.as_str()];
    if let Some(head) = known.iter().find(|head| !origins.contains(&head.origin.as_str())) {
        let why = format!("it is not of {}, of which a checkpoint was given", head.origin);
        return Err(invalid(backup, why));
    }
    if read_logs(backup, origins)? != manifest.logs {
        return Err(invalid(backup, "its logs are not those of its list"));
    }
    let mut published: Vec<(LogId, Vec<u8>)> = Vec::new();
    for (id, origin) in LogId::ALL.into_iter().zip(origins) {
        let log = Log::open_read_only(&as_dir(backup), id, origin)?;
        known
            .iter()
            .filter(|head| head.origin == origin)
            .try_for_each(|head| extends(&log, head))?;
        published.extend(log.checkpoint().map(|note| (id, note.note)));
    }
    // One of one log alone would let the other go back.
    if let Some(origin) = origins.iter().find(|o| known.iter().all(|head| head.origin != **o))
        && !known.is_empty()
    {
        return Err(invalid(backup, format!("no checkpoint of {origin} was given")));
    }
    let _lock = begin(backup, root)?;
    for item in &manifest.files {
        let relative = inside(backup, &item.path)?;
        copy_file(&backup.join(&relative), &root.join(&relative), u64::MAX)?;
    }
    for (id, note) in published {
        let folder = root.join(id.name());
        write_file(&folder.join("checkpoint"), &note)?;
        sync_folder(&folder)?;
    }
    sync_folders(root, &manifest.files)?;
    Dir::write_format(root)?;
    Dir::forget_restoring(root);
    Ok(manifest)
}

/// Marks the folder as one that is being restored, durably, and as nothing else: keys without
/// their whole journals must neither be opened nor become those of a new ledger.
///
/// The lock is that of a writer, from before the mark until FORMAT is there: a second call finds
/// the first at work, and never removes what belongs to a ledger that is in use already.
fn begin(backup: &Path, root: &Path) -> Result<DirLock, Error> {
    let (_, manifest) = digest(&backup.join(MANIFEST))?;
    let text = format!("{manifest}\n");
    is_ours(root, &text)?;
    make_folder(root)?;
    Dir::lay_out(root)?;
    let lock = Dir::lock_for_restoring(root)?;
    // What was true before may have been another one's doing meanwhile.
    if !is_ours(root, &text)? {
        let tmp = root.join("FORMAT.tmp");
        write_file(&tmp, text.as_bytes())?;
        std::fs::rename(&tmp, root.join(RESTORING)).map_err(full("rename", &tmp))?;
        sync_folder(root)?;
    }
    Ok(lock)
}

/// Whether the same backup was on its way here: whatever came behind its mark is overwritten, and
/// FORMAT is the last thing that does. If not, the folder has to be vacant.
fn is_ours(root: &Path, text: &str) -> Result<bool, Error> {
    if !root.join("FORMAT").exists() {
        match std::fs::read(root.join(RESTORING)) {
            Ok(of) if of == text.as_bytes() => return Ok(true),
            Ok(_) => return Err(Error::Restoring { path: root.to_path_buf() }),
            Err(_) => {}
        }
    }
    match Dir::is_vacant(root) {
        true => Ok(false),
        false => Err(Error::DirNotEmpty { path: root.to_path_buf() }),
    }
}

fn extends(log: &Log, head: &Head) -> Result<(), Error> {
    let (id, size) = (log.id().name(), log.size());
    let refuse = |reason| Err(Error::Rollback { log: id, reason });
    if head.size > size {
        return refuse(format!("it has {size} entries, a checkpoint of {} is known", head.size));
    }
    match log.root_at(head.size)? == head.root {
        true => Ok(()),
        false => refuse(format!("a checkpoint of size {} with another root is known", head.size)),
    }
}

/// The folder of a backup as that of a ledger. Nothing is written to it.
fn as_dir(backup: &Path) -> Dir {
    Dir::on(host::real(), backup)
}

/// Sizes and roots, of journals that are sound.
fn read_logs(backup: &Path, origins: [&str; 2]) -> Result<Vec<BackedUp>, Error> {
    let dir = as_dir(backup);
    let mut logs = Vec::new();
    for (id, origin) in LogId::ALL.into_iter().zip(origins) {
        let report = fsck::check_log(&dir, id)?;
        // What is derived is not here.
        let bad = report.findings.iter().find(|found| {
            !["tile.", "once.", "index."].iter().any(|derived| found.code.starts_with(derived))
                && found.code != "checkpoint.stale"
        });
        if let Some(found) = bad {
            return Err(invalid(backup, format!("{}: {}", found.code, found.detail)));
        }
        let (size, root): (u64, Hash) = Log::open_read_only(&dir, id, origin)?.head();
        logs.push(BackedUp { origin: origin.to_owned(), size, root: hex::encode(root) });
    }
    Ok(logs)
}

/// Everything but the journals, and but what is derived or of the moment.
fn copy_rest(root: &Path, relative: &Path, out: &Path, files: &mut Vec<Item>) -> Result<(), Error> {
    let folder = root.join(relative);
    for item in std::fs::read_dir(&folder).map_err(Error::io("list", &folder))? {
        let item = item.map_err(Error::io("list", &folder))?;
        // What a link leads to is part of the folder, as a key that is mounted into it.
        let kind = std::fs::metadata(item.path()).map_err(Error::io("stat", item.path()))?;
        let linked = item.file_type().is_ok_and(|kind| kind.is_symlink());
        let relative = relative.join(item.file_name());
        let Some(name) = relative.to_str().map(str::to_owned) else {
            return Err(invalid(root, format!("{} is no name in UTF-8", relative.display())));
        };
        if is_left_out(&name) {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(invalid(root, "it has too many files"));
        }
        let to = out.join(&relative);
        if kind.is_dir() && linked {
            return Err(invalid(root, format!("{name} is a link to a folder")));
        } else if kind.is_dir() {
            make_folder(&to)?;
            copy_rest(root, &relative, out, files)?;
        } else if kind.is_file() {
            match name.ends_with(".sqlite") {
                true => copy_database(&item.path(), &to)?,
                false => copy_file(&item.path(), &to, u64::MAX)?,
            }
            let (bytes, sha256) = digest(&to)?;
            files.push(Item { path: name, bytes, sha256 });
        }
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    let derived = ["log", "gov", "bodies", "FORMAT", "state/lock", "index.sqlite", RESTORING];
    let starts = ["state/tmp-", "state/once-"];
    let ends = ["-wal", "-shm", ".tmp", ".damaged"];
    derived.contains(&name)
        || starts.iter().any(|start| name.starts_with(start))
        || ends.iter().any(|end| name.ends_with(end))
}

fn copy_journal(dir: &Dir, id: LogId, out: &Path, files: &mut Vec<Item>) -> Result<(), Error> {
    make_folder(&out.join("bodies"))?;
    for file in SegmentFile::list(&host::Real, &dir.bodies(), id)? {
        // A writer may be in the middle of the frame behind the last whole one.
        let end = Segment::open(&host::Real, &file.path, false)?.scan()?.end;
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = format!("bodies/{name}");
        let to = out.join(&name);
        copy_file(&file.path, &to, end)?;
        let (bytes, sha256) = digest(&to)?;
        files.push(Item { path: name, bytes, sha256 });
    }
    Ok(())
}

/// The database of one moment, whoever writes it.
fn copy_database(from: &Path, to: &Path) -> Result<(), Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = || -> rusqlite::Result<()> {
        let connection = Connection::open_with_flags(from, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute("VACUUM INTO ?1", [to.to_string_lossy()])?;
        Ok(())
    };
    copy().map_err(Error::sqlite(from)).map_err(Error::or_full)?;
    let file = File::open(to).map_err(Error::io("open", to))?;
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    file.set_permissions(private).map_err(Error::io("protect", to))?;
    file.sync_all().map_err(Error::io("flush", to))
}

/// The first `limit` bytes of a file, durably; nobody else may read them.
fn copy_file(from: &Path, to: &Path, limit: u64) -> Result<(), Error> {
    to.parent().map_or(Ok(()), make_folder)?;
    let mut source = File::open(from).map_err(Error::io("open", from))?.take(limit);
    let mut file = create(to)?;
    // By hand: what the kernel copies by itself a test of faults would not see.
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = source.read(&mut buffer).map_err(Error::io("read", from))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        file.write_all(part).map_err(full("write", to))?;
    }
    file.sync_all().map_err(Error::io("flush", to))
}

fn write_file(to: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = create(to)?;
    file.write_all(bytes).map_err(full("write", to))?;
    file.sync_all().map_err(Error::io("flush", to))
}

/// What an interrupted call left under this name gives way.
fn create(path: &Path) -> Result<File, Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", path)(error));
        }
        _ => {}
    }
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path).map_err(full("create", path))
}

fn make_folder(path: &Path) -> Result<(), Error> {
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700).recursive(true).create(path).map_err(full("create", path))
}

/// For what may find no space; not for a flush.
fn full(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let error = Error::io(action, path);
    move |source| error(source).or_full()
}

/// Makes the names of all files durable.
fn sync_folders(root: &Path, files: &[Item]) -> Result<(), Error> {
    let mut folders = BTreeSet::from([root.to_path_buf()]);
    for item in files {
        let path = root.join(&item.path);
        let below = path.ancestors().skip(1).take_while(|folder| folder.starts_with(root));
        folders.extend(below.map(Path::to_path_buf));
    }
    folders.iter().try_for_each(|folder| sync_folder(folder))
}

fn digest(path: &Path) -> Result<(u64, String), Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0_u64, vec![0; CHUNK]);
    loop {
        let read = file.read(&mut buffer).map_err(Error::io("read", path))?;
        let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
        hash.update(part);
        bytes = bytes.saturating_add(part.len() as u64);
    }
    Ok((bytes, hex::encode(hash.finalize())))
}

fn read_manifest(backup: &Path) -> Result<Backup, Error> {
    let path = backup.join(MANIFEST);
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(invalid(
                backup,
                "there is no backup.json: it is no backup, or half of one",
            ));
        }
        opened => opened.map_err(Error::io("open", &path))?,
    };
    let mut json = Vec::new();
    file.take(MAX_MANIFEST).read_to_end(&mut json).map_err(Error::io("read", &path))?;
    let backup: Backup =
        serde_json::from_slice(&json).map_err(|error| invalid(&path, error.to_string()))?;
    if backup.format != FORMAT || backup.files.len() > MAX_FILES {
        return Err(invalid(&path, "its format is not one that this program knows"));
    }
    Ok(backup)
}

/// A path of the list, which may come from anywhere: it has to stay inside.
fn inside(backup: &Path, path: &str) -> Result<PathBuf, Error> {
    let path = PathBuf::from(path);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    match plain && path.file_name().is_some() {
        true => Ok(path),
        false => Err(invalid(backup, "its list names a path outside of it")),
    }
}

fn invalid(path: &Path, reason: impl Into<String>) -> Error {
    Error::Backup { path: path.to_path_buf(), reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NewEntry, OnceKey, Outcome};

    const ORIGINS: [&str; 2] = ["example.com/log", "example.com/log/gov"];

    fn sign(text: &str) -> Result<Vec<u8>, String> {
        Ok(format!("{text}\n— x AAAAAAAA\n").into_bytes())
    }

    fn open(dir: &Dir) -> Log {
        Log::open(dir, LogId::Main, ORIGINS[0], sign).unwrap()
    }

    fn fill(log: &Log, count: u64) {
        for n in log.size()..log.size() + count {
            let once = vec![OnceKey(Sha256::digest(n.to_be_bytes()).into())];
            log.append(vec![NewEntry { once, ..NewEntry::plain(format!("statement {n}")) }])
                .unwrap();
        }
    }

    fn head(log: &Log) -> Head {
        let (size, root) = log.head();
        Head { origin: ORIGINS[0].to_owned(), size, root }
    }

    #[test]
    fn a_backup_of_a_log_in_use_is_restored_and_goes_on() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        dir.write_key("issuer", b"secret").unwrap();
        let log = open(&dir);
        fill(&log, 300);
        log.publish(&sign(&head(&log).text()).unwrap()).unwrap();
        log.erase(7).unwrap();
        let out = tmp.path().join("backup");
        let backup = write(&dir, ORIGINS, &out).unwrap();
        assert_eq!((backup.logs[0].size, backup.logs[1].size), (300, 0));
        assert_eq!(backup.logs[0].root, hex::encode(log.root()));
        let known = head(&log);
        fill(&log, 5);
        let later = head(&log);
        drop(log);

        let root = tmp.path().join("restored");
        let behind = restore(&out, &root, &[known.clone(), later]).unwrap_err();
        assert_eq!(behind.code(), "log.rollback");
        let other = Head { root: [1; 32], ..known.clone() };
        assert_eq!(restore(&out, &root, &[other]).unwrap_err().code(), "log.rollback");
        assert!(Dir::is_vacant(&root), "a refusal leaves nothing");
        let foreign = Head { origin: "example.com/other".to_owned(), ..known.clone() };
        let gov = Head { origin: ORIGINS[1].to_owned(), size: 0, root: Sha256::digest(b"").into() };
        for heads in [vec![foreign], vec![known.clone()], vec![gov.clone()]] {
            assert_eq!(restore(&out, &root, &heads).unwrap_err().code(), "backup.invalid");
        }
        assert!(Dir::is_vacant(&root), "a refusal leaves nothing");
        assert_eq!(restore(&out, &root, &[known, gov]).unwrap(), backup);
        assert_eq!(std::fs::read(root.join("keys/issuer")).unwrap(), b"secret");
        let again = Dir::open(&root).unwrap();
        let log = open(&again);
        assert_eq!(log.size(), 300);
        assert_eq!(log.checkpoint().unwrap().size, 300);
        assert_eq!(log.statement(7).unwrap(), crate::Statement::Erased);
        // What was consumed stays consumed.
        let once = vec![OnceKey(Sha256::digest(9_u64.to_be_bytes()).into())];
        let twice = log.append(vec![NewEntry { once, ..NewEntry::plain("again") }]).unwrap();
        assert!(matches!(twice, Outcome::Conflict { index: 9, .. }));
        fill(&log, 1);
        drop(log);
        assert!(fsck::check_log(&again, LogId::Main).unwrap().clean());
        assert_eq!(restore(&out, &root, &[]).unwrap_err().code(), "dir.not_empty");
        assert_eq!(write(&again, ORIGINS, &out).unwrap_err().code(), "dir.not_empty");
    }

    #[test]
    fn a_restore_that_was_interrupted_is_begun_again_with_the_same_backup_only() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        dir.write_key("issuer", b"secret").unwrap();
        let log = open(&dir);
        fill(&log, 30);
        let [first, second] = ["first", "second"].map(|name| tmp.path().join(name));
        let backup = write(&dir, ORIGINS, &first).unwrap();
        fill(&log, 1);
        write(&dir, ORIGINS, &second).unwrap();
        let (root, keys) = (tmp.path().join("restored"), tmp.path().join("restored/keys"));
        // It stops in the middle: where the key should go stands a folder.
        std::fs::create_dir_all(keys.join("issuer")).unwrap();
        assert_eq!(restore(&first, &root, &[]).unwrap_err().code(), "ledger.io");
        let code = |error: Error| error.code();
        assert_eq!(code(Dir::open(&root).unwrap_err()), "dir.restoring");
        assert_eq!(code(Dir::open_read_only(&root).unwrap_err()), "dir.restoring");
        assert_eq!(code(Dir::init(&root).unwrap_err()), "dir.restoring");
        let other = restore(&second, &root, &[]).unwrap_err();
        assert!(other.to_string().contains("remove the folder"), "{other}");
        assert_eq!(other.code(), "dir.restoring");
        std::fs::remove_dir(keys.join("issuer")).unwrap();
        // What looks whole may be anything.
        std::fs::write(keys.join("issuer"), b"sec").unwrap();
        assert_eq!(restore(&first, &root, &[]).unwrap(), backup);
        assert_eq!(std::fs::read(keys.join("issuer")).unwrap(), b"secret");
        assert!(!root.join(RESTORING).exists());
        assert_eq!(open(&Dir::open(&root).unwrap()).size(), 30);
        // A mark that a crash left behind the end: never again over a ledger.
        std::fs::write(root.join(RESTORING), "x").unwrap();
        assert_eq!(restore(&first, &root, &[]).unwrap_err().code(), "dir.not_empty");
        drop(Dir::open(&root).unwrap());
        assert!(!root.join(RESTORING).exists());
    }

    #[test]
    fn two_restores_at_a_time_are_one_and_a_refusal() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        dir.write_key("issuer", b"secret").unwrap();
        fill(&open(&dir), 30);
        let (out, root) = (tmp.path().join("backup"), tmp.path().join("restored"));
        write(&dir, ORIGINS, &out).unwrap();
        // The first has written a part, and goes on.
        let first = begin(&out, &root).unwrap();
        std::fs::write(root.join("keys/issuer"), b"sec").unwrap();
        assert_eq!(restore(&out, &root, &[]).unwrap_err().code(), "dir.locked");
        assert_eq!(std::fs::read(root.join("keys/issuer")).unwrap(), b"sec");
        drop(first);
        restore(&out, &root, &[]).unwrap();
        // It is a ledger in use from here on.
        let used = Dir::open(&root).unwrap();
        assert_eq!(restore(&out, &root, &[]).unwrap_err().code(), "dir.not_empty");
        assert_eq!(begin(&out, &root).unwrap_err().code(), "dir.not_empty");
        fill(&open(&used), 1);
    }

    #[test]
    fn a_backup_holds_what_links_lead_to_and_is_not_made_inside() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        drop(open(&dir));
        let inside = dir.root().join("copies/first");
        std::fs::create_dir_all(&inside).unwrap();
        assert_eq!(write(&dir, ORIGINS, &inside).unwrap_err().code(), "backup.invalid");
        std::fs::remove_dir_all(dir.root().join("copies")).unwrap();
        std::fs::write(tmp.path().join("mounted"), b"secret").unwrap();
        let link = std::os::unix::fs::symlink::<std::path::PathBuf, std::path::PathBuf>;
        link(tmp.path().join("mounted"), dir.root().join("keys/issuer")).unwrap();
        let out = tmp.path().join("backup");
        write(&dir, ORIGINS, &out).unwrap();
        assert_eq!(std::fs::read(out.join("keys/issuer")).unwrap(), b"secret");
        link(tmp.path().to_path_buf(), dir.root().join("elsewhere")).unwrap();
        let refused = write(&dir, ORIGINS, &tmp.path().join("another")).unwrap_err();
        assert_eq!(refused.code(), "backup.invalid");
    }

    #[test]
    fn a_backup_that_is_not_whole_or_reaches_outside_is_refused() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let log = open(&dir);
        fill(&log, 3);
        drop(log);
        let out = tmp.path().join("backup");
        write(&dir, ORIGINS, &out).unwrap();
        let root = tmp.path().join("restored");
        let code = || restore(&out, &root, &[]).unwrap_err().code();
        let manifest = std::fs::read_to_string(out.join(MANIFEST)).unwrap();
        let segment = SegmentFile::list(&host::Real, &out.join("bodies"), LogId::Main).unwrap();
        let segment = segment[0].path.clone();
        let bytes = std::fs::read(&segment).unwrap();
        for bad in [&bytes[..bytes.len() - 1], &[&bytes[..], b"x"].concat(), b""] {
            std::fs::write(&segment, bad).unwrap();
            assert_eq!(code(), "backup.invalid");
        }
        std::fs::write(&segment, &bytes).unwrap();
        for (from, to) in [
            ("\"bodies/", "\"../bodies/"),
            ("\"bodies/", "\"/bodies/"),
            (FORMAT, "placet-backup/1"),
            ("\"size\": 3", "\"size\": 2"),
            ("{", "["),
        ] {
            std::fs::write(out.join(MANIFEST), manifest.replace(from, to)).unwrap();
            assert_eq!(code(), "backup.invalid", "{from}");
        }
        std::fs::remove_file(out.join(MANIFEST)).unwrap();
        assert_eq!(code(), "backup.invalid");
        assert!(Dir::is_vacant(&root));
    }
}

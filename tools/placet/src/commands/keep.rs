//! `log backup`, `restore`, `freeze`, `rebuild-index`: keeping a folder.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use placet_ledger::backup::{self, Backup};
use placet_ledger::checkpoint::Head;
use placet_ledger::service::{Ledger, Surroundings, settings};
use placet_ledger::{Dir, LogId};
use placet_proto::tlog::note::MAX_NOTE_LEN;
use serde::Serialize;

use crate::cli::Restore;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};

/// Writes a backup of a folder that may be in use.
///
/// # Errors
/// `dir.not_empty`, `backup.invalid`, and those of reading and writing.
pub(super) fn back_up(root: &Path, out: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let dir = Dir::open_read_only(root)?;
    let config = settings::of_folder(root)?;
    let backup = backup::write(&dir, [&config.origin, &config.gov_origin()], out)?;
    output.show(&Kept::new("placet/log-backup/v1", out, &backup))?;
    Ok(Exit::Done)
}

/// Makes a folder of a backup.
///
/// # Errors
/// `log.rollback` when the backup is behind a checkpoint that is known; `backup.unknown` when none
/// is; `backup.invalid`, `dir.not_empty`.
pub(super) fn restore(args: &Restore, output: &mut Output) -> Result<Exit, Failure> {
    let mut known = Vec::new();
    for path in &args.checkpoint {
        known.push(head(path)?.ok_or_else(|| {
            Failure::Usage(format!("{}: there is no such checkpoint", path.display()))
        })?);
    }
    for old in &args.old {
        let names = ["checkpoint", "checkpoint-fast"];
        for folder in [old.join("log"), old.join("gov")] {
            for path in names.map(|name| folder.join(name)) {
                known.extend(head(&path)?);
            }
        }
    }
    if known.is_empty() && !args.nothing_known {
        return Err(Failure::Usage(
            "say what is known of the log, so that a backup that is behind it is refused: \
             --checkpoint NOTE of a monitor, a witness or evidence, or --old DIR, what is left of \
             the folder; or --nothing-known"
                .to_owned(),
        ));
    }
    let restored = backup::restore(&args.from, &args.dir, &known)?;
    output.show(&Kept::new("placet/log-restore/v1", &args.dir, &restored))?;
    Ok(Exit::Done)
}

/// The head of a checkpoint file; none if there is no such file.
fn head(path: &Path) -> Result<Option<Head>, Failure> {
    let failed = |source| {
        Failure::from(placet_ledger::Error::Io { action: "read", path: path.to_path_buf(), source })
    };
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(failed)?,
    };
    let mut note = Vec::new();
    file.take(MAX_NOTE_LEN as u64 + 1).read_to_end(&mut note).map_err(failed)?;
    Ok(Some(Head::of_note(&note)?))
}

/// What a backup holds, or what was made of it.
#[derive(Debug, Serialize)]
struct Kept {
    schema: &'static str,
    folder: PathBuf,
    files: usize,
    bytes: u64,
    logs: Vec<KeptLog>,
}

#[derive(Debug, Serialize)]
struct KeptLog {
    origin: String,
    size: u64,
    root: String,
}

impl Kept {
    fn new(schema: &'static str, folder: &Path, backup: &Backup) -> Self {
        let (files, bytes) = backup.extent();
        let logs = backup.logs.iter().map(|log| KeptLog {
            origin: log.origin.clone(),
            size: log.size,
            root: log.root.clone(),
        });
        Self { schema, folder: folder.to_path_buf(), files, bytes, logs: logs.collect() }
    }
}

impl Shown for Kept {
    fn text(&self) -> String {
        let Self { folder, files, bytes, logs, .. } = self;
        let mut out = format!("{}: {files} files, {bytes} bytes\n", folder.display());
        for log in logs {
            out.push_str(&format!(
                "  {}\n    size  {}\n    root  {}\n",
                log.origin, log.size, log.root
            ));
        }
        out.push_str("Private keys are among it: keep it as you keep them.\n");
        out
    }
}

/// Publishes the last checkpoints and closes the folder for writing, for ever.
///
/// # Errors
/// `witness.quorum` when the last checkpoint finds no quorum, and those of opening the folder.
pub(super) fn freeze(root: &Path, reason: &str, output: &mut Output) -> Result<Exit, Failure> {
    let config = settings::of_folder(root)?;
    let ledger = Ledger::open_with(root, config, Surroundings::default())?;
    let notes = ledger.freeze(reason)?;
    let logs = LogId::ALL.into_iter().zip(notes).map(|(id, note)| KeptLog {
        origin: ledger.log(id).origin().to_owned(),
        size: note.size,
        root: placet_proto::b64::encode_hex(note.root),
    });
    let logs = logs.collect();
    output.show(&Frozen { schema: "placet/log-freeze/v1", folder: root.to_path_buf(), logs })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Frozen {
    schema: &'static str,
    folder: PathBuf,
    logs: Vec<KeptLog>,
}

impl Shown for Frozen {
    fn text(&self) -> String {
        let mut out = format!("{} is frozen: nothing is added any more\n", self.folder.display());
        for log in &self.logs {
            out.push_str(&format!("  {}  size {}  root {}\n", log.origin, log.size, log.root));
        }
        out
    }
}

/// Makes the once indexes and the search index again from the journals.
///
/// # Errors
/// Those of opening the folder and of reading the logs.
pub(super) fn rebuild_index(root: &Path, output: &mut Output) -> Result<Exit, Failure> {
    let config = settings::of_folder(root)?;
    placet_ledger::once::forget(&Dir::open(root)?)?;
    let ledger = Ledger::open_with(root, config, Surroundings::default())?;
    ledger.index().rebuild()?;
    let logs = LogId::ALL.map(|id| {
        let (size, root) = ledger.log(id).head();
        let root = placet_proto::b64::encode_hex(root);
        KeptLog { origin: ledger.log(id).origin().to_owned(), size, root }
    });
    let schema = "placet/log-rebuild-index/v1";
    output.show(&Rebuilt { schema, folder: root.to_path_buf(), logs: logs.into() })?;
    Ok(Exit::Done)
}

#[derive(Debug, Serialize)]
struct Rebuilt {
    schema: &'static str,
    folder: PathBuf,
    logs: Vec<KeptLog>,
}

impl Shown for Rebuilt {
    fn text(&self) -> String {
        let sizes = self.logs.iter().map(|log| format!("  {}  {} entries\n", log.origin, log.size));
        format!("{}: made again\n{}", self.folder.display(), sizes.collect::<String>())
    }
}

//! Reading a ledger's folder without its lock, whether or not a service writes it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use placet_ledger::service::keys::Keys;
use placet_ledger::service::{Config, settings};
use placet_ledger::storage::Statement as Stored;
use placet_ledger::{Dir, Log, LogId};
use placet_proto::document::{Body, Enrolment};
use placet_proto::statement::Statement;

use crate::error::Failure;

/// A folder, open for reading.
pub struct Folder {
    /// The folder.
    pub dir: Dir,
    /// Its settings.
    pub config: Config,
    main: Log,
    gov: Log,
}

impl Folder {
    /// Opens both logs at the size that they have now.
    ///
    /// # Errors
    /// `dir.format`, `config.invalid`, and those of reading.
    pub fn open(root: &Path) -> Result<Self, Failure> {
        let dir = Dir::open_read_only(root)?;
        let config = settings::of_folder(root)?;
        let main = Log::open_read_only(&dir, LogId::Main, &config.origin)?;
        let gov = Log::open_read_only(&dir, LogId::Gov, &config.gov_origin())?;
        Ok(Self { dir, config, main, gov })
    }

    /// One of the logs.
    pub fn log(&self, id: LogId) -> &Log {
        match id {
            LogId::Main => &self.main,
            LogId::Gov => &self.gov,
        }
    }

    /// The ledger's keys. None is made: a folder that is open for reading refuses that.
    ///
    /// # Errors
    /// `key.file`, `ledger.read_only` when one is missing.
    pub fn keys(&self) -> Result<Keys, Failure> {
        Ok(Keys::load_or_create(&self.dir, self.config.receipt_alg)?)
    }

    /// A statement, or nothing if its body was erased.
    ///
    /// # Errors
    /// `log.out_of_range`, and those of reading and parsing.
    pub fn statement(&self, id: LogId, index: u64) -> Result<Option<Statement>, Failure> {
        let log = self.log(id);
        match log.statement(index)? {
            Stored::Present(bytes) => Ok(Some(Statement::parse(&bytes)?)),
            Stored::Erased => Ok(None),
            Stored::NotFound => {
                let size = log.size();
                Err(placet_ledger::Error::OutOfRange { what: "index", asked: index, size }.into())
            }
        }
    }

    /// Everybody who is enrolled, in the order of the governance log, with the index there.
    ///
    /// # Errors
    /// As [`Folder::statement`].
    pub fn enrolments(&self) -> Result<Vec<(u64, Enrolment)>, Failure> {
        let mut out = Vec::new();
        for index in 0..self.gov.size() {
            if let Some(statement) = self.statement(LogId::Gov, index)?
                && let Body::Enrolment(enrolment) = statement.document.body
            {
                out.push((index, enrolment));
            }
        }
        Ok(out)
    }
}

/// Reads a text file of at most `max` bytes; `-` is standard input.
///
/// # Errors
/// `io.error`; `input.size`, `input.text`.
pub fn read_text(path: &Path, max: u64) -> Result<String, Failure> {
    let what = || path.display().to_string();
    let bytes = read(path, max)?;
    String::from_utf8(bytes).map_err(|_| Failure::Malformed {
        what: what(),
        code: "input.text",
        detail: "it is not UTF-8 text".to_owned(),
    })
}

/// Reads a file of at most `max` bytes; `-` is standard input.
///
/// # Errors
/// `io.error`, `input.size`.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells "at the limit" from "over it".
    let limit = max.saturating_add(1);
    let done = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
    };
    done.map_err(Failure::io(path))?;
    if bytes.len() as u64 > max {
        return Err(Failure::Malformed {
            what: path.display().to_string(),
            code: "input.size",
            detail: format!("longer than {max} bytes"),
        });
    }
    Ok(bytes)
}

/// Writes a file in one step, so that nobody finds half of it.
///
/// # Errors
/// `io.error`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_with(path, |mut file| file.write_all(bytes).map_err(Failure::io(path)))
}

/// As [`write`], for what is too long to be held in memory.
///
/// # Errors
/// `io.error`, and those of `fill`.
pub fn write_with<T>(
    path: &Path,
    fill: impl FnOnce(&File) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let mut part = path.as_os_str().to_owned();
    part.push(".part");
    let part = PathBuf::from(part);
    let file = File::create(&part).map_err(Failure::io(&part))?;
    let filled = fill(&file).and_then(|filled| {
        file.sync_all().map_err(Failure::io(&part))?;
        std::fs::rename(&part, path).map_err(Failure::io(path))?;
        Ok(filled)
    });
    if filled.is_err() {
        // Half of it is of no use to anybody.
        let _ = std::fs::remove_file(&part);
    }
    filled
}

/// Writes a file that only its owner can read; one that is there is not replaced.
///
/// # Errors
/// `io.error`.
pub fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600);
    let mut file = options.open(path).map_err(Failure::io(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(Failure::io(path))
}

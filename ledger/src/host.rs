//! What the engine asks of the machine: files, folders, the time of day.
//!
//! Every file operation of the engine goes through here, so that a test can be the machine: one
//! that loses power between any two of them, runs out of space, or fails to flush. SQLite has its
//! own way to the disk and is only told a name.
//!
//! A caller may rely on what POSIX promises and on nothing more:
//! * What was written survives the loss of power once [`HostFile::sync`] has returned.
//! * A name survives once [`Host::sync_folder`] of its folder has returned.
//! * After a sync that failed, nobody knows what is on the disk; a second one that succeeds says
//!   nothing about the first.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For reading.
    Read,
    /// For reading and writing in place.
    Write,
    /// For writing; made, or emptied.
    Create,
}

/// A machine. Errors are those of the operating system.
pub trait Host: std::fmt::Debug + Send + Sync + 'static {
    /// Opens a file.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn HostFile>>;

    /// The whole of a file.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The paths in a folder, in no order.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;

    /// Whether there is a file or folder of this name.
    fn exists(&self, path: &Path) -> bool;

    /// Gives a file another name, which it takes over if it is taken.
    ///
    /// # Errors
    /// `NotFound`, also when the new folder is missing, and others.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Makes a folder and those above it; one that exists is no error.
    ///
    /// # Errors
    /// Those of the operating system.
    fn create_folders(&self, folder: &Path) -> io::Result<()>;

    /// Removes a folder and everything in it.
    ///
    /// # Errors
    /// `NotFound` and others.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable.
    ///
    /// # Errors
    /// Those of the operating system; the names are then as lost as after no call.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// What SQLite is to open for the database at `path`.
    fn database(&self, path: &Path) -> PathBuf {
        path.to_path_buf()
    }

    /// The time of day, which may jump.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// An open file.
pub trait HostFile: std::fmt::Debug + Send + Sync {
    /// Length in bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn size(&self) -> io::Result<u64>;

    /// Reads at an offset; 0 at the end of the file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes at an offset, and says how much of it.
    ///
    /// # Errors
    /// Those of the operating system.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn set_size(&self, size: u64) -> io::Result<()>;

    /// Makes the content and what is needed to read it durable (`fdatasync`).
    ///
    /// # Errors
    /// Those of the operating system.
    fn sync(&self) -> io::Result<()>;

    /// Writes everything at an offset.
    ///
    /// # Errors
    /// As [`HostFile::write_at`]; part of it may have been written then.
    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    bytes = bytes.get(written..).unwrap_or_default();
                    offset = offset.saturating_add(written as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads as much as there is, up to the length of `bytes`; says how much.
    ///
    /// # Errors
    /// As [`HostFile::read_at`].
    fn read_up_to(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0usize;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// Whether an error says that there is no space left: then nothing is damaged, and the same call
/// can succeed later. Not to be asked about a failed sync.
pub(crate) fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) || is_out_of_files(error)
}

/// Whether a file could not be opened because too many are open (EMFILE, ENFILE). No flush says
/// that, so it may be asked about what opens and flushes in one: nothing was flushed then.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    const ENFILE: i32 = 23;
    const EMFILE: i32 = 24;
    matches!(error.raw_os_error(), Some(ENFILE | EMFILE))
}

/// The machine that this program runs on.
pub fn real() -> Arc<dyn Host> {
    Arc::new(Real)
}

/// The operating system's file operations.
#[derive(Clone, Copy, Debug)]
pub struct Real;

impl Host for Real {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn HostFile>> {
        let mut options = File::options();
        match access {
            Access::Read => options.read(true),
            Access::Write => options.read(true).write(true),
            Access::Create => options.write(true).create(true).truncate(true),
        };
        Ok(Box::new(options.open(path)?))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        std::fs::read_dir(folder)?.map(|item| Ok(item?.path())).collect()
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        std::fs::create_dir_all(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        std::fs::remove_dir_all(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        // The parent of a relative path of one part.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }
}

impl HostFile for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        FileExt::write_at(self, bytes, offset)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes three bytes at most, and is interrupted before each of them.
    #[derive(Debug, Default)]
    struct Slow(std::sync::Mutex<(Vec<u8>, bool)>);

    impl HostFile for Slow {
        fn size(&self) -> io::Result<u64> {
            Ok(self.0.lock().unwrap().0.len() as u64)
        }
        fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
            let state = self.0.lock().unwrap();
            let rest = &state.0[(offset as usize).min(state.0.len())..];
            let len = rest.len().min(bytes.len()).min(3);
            bytes[..len].copy_from_slice(&rest[..len]);
            Ok(len)
        }
        fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap();
            state.1 = !state.1;
            if state.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            assert_eq!(offset as usize, state.0.len());
            let len = bytes.len().min(3);
            state.0.extend_from_slice(&bytes[..len]);
            Ok(len)
        }
        fn set_size(&self, _: u64) -> io::Result<()> {
            Ok(())
        }
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn short_and_interrupted_calls_are_gone_on_with() {
        let file = Slow::default();
        file.write_all_at(b"eight by", 0).unwrap();
        let mut bytes = [0; 20];
        assert_eq!(file.read_up_to(&mut bytes, 0).unwrap(), 8);
        assert_eq!(&bytes[..8], b"eight by");
    }
}

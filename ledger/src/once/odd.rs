//! A machine on which something goes wrong with the runs, for tests.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::host::{Access, Host, HostFile, Real};
use crate::sync::lock;

/// The real one but for this.
#[derive(Debug, Default)]
pub struct Odd {
    /// Flushes of folders fail.
    pub no_flush: bool,
    /// What is listed at first, though it is gone.
    pub listed: Mutex<Vec<Vec<PathBuf>>>,
}

impl Host for Odd {
    fn open(&self, path: &Path, access: Access) -> io::Result<Box<dyn HostFile>> {
        Real.open(path, access)
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        Real.read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        lock(&self.listed).pop().map_or_else(|| Real.list(folder), Ok)
    }

    fn exists(&self, path: &Path) -> bool {
        Real.exists(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Real.rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Real.remove_file(path)
    }

    fn create_folders(&self, folder: &Path) -> io::Result<()> {
        Real.create_folders(folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        Real.remove_folder(folder)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.no_flush { Err(io::Error::other("broken")) } else { Real.sync_folder(folder) }
    }
}

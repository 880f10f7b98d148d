//! Reading files, bounded: the size is judged before anything is read into memory.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::codes;
use crate::error::Failure;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct Input {
    /// As given; `-` is standard input.
    pub path: PathBuf,
    /// All of it.
    pub bytes: Vec<u8>,
    /// SHA-256 of the bytes.
    pub sha256: [u8; 32],
}

/// Reads at most `max` bytes of a file; `-` is standard input. What is longer is malformed.
///
/// # Errors
/// `io.error` for what can't be read (a folder too), `input.size` for what is too large.
pub fn read(path: &Path, max: usize) -> Result<Input, Failure> {
    let too_large = || {
        Failure::malformed(path, codes::SIZE, &format!("larger than {max} bytes, the most allowed"))
    };
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    let bytes = if path.as_os_str() == "-" {
        bounded(io::stdin().lock(), limit)
    } else {
        let metadata = fs::metadata(path).map_err(|e| Failure::io(path, e))?;
        if metadata.is_dir() {
            return Err(Failure::io(path, io::ErrorKind::IsADirectory.into()));
        }
        if metadata.is_file() && metadata.len() > limit {
            return Err(too_large());
        }
        File::open(path).and_then(|file| bounded(file, limit))
    };
    let bytes = bytes.map_err(|e| Failure::io(path, e))?;
    if bytes.len() > max {
        return Err(too_large());
    }
    let sha256 = placet_proto::sha256(&bytes);
    Ok(Input { path: path.to_owned(), bytes, sha256 })
}

/// One byte more than the limit is read, so that the caller can tell *at* from *over*: devices,
/// pipes and files that grow have no size to ask for.
fn bounded(reader: impl Read, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    #[test]
    fn limits_hold_for_files_devices_and_folders() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, b"12345").unwrap();
        assert_eq!(read(&file, 5).unwrap().bytes, b"12345");
        assert_eq!(read(&file, 4).unwrap_err().exit(), Exit::Malformed);
        assert_eq!(read(dir.path(), 5).unwrap_err().exit(), Exit::Io);
        assert_eq!(read(&dir.path().join("absent"), 5).unwrap_err().exit(), Exit::Io);
        assert_eq!(read(Path::new("/dev/zero"), 1 << 20).unwrap_err().exit(), Exit::Malformed);
        let sparse = dir.path().join("sparse");
        File::create(&sparse).unwrap().set_len(1 << 30).unwrap();
        assert_eq!(read(&sparse, 1 << 24).unwrap_err().exit(), Exit::Malformed);
    }
}

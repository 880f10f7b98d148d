//! The state of an audit: what was done, chunk by chunk, so that an audit that was stopped, or a
//! copy that grew, goes on from there.
//!
//! It is the auditor's own file. A SHA-256 over each chunk and all before it finds damage; it can't
//! find who wrote the file, and whoever writes it decides what is looked at.
//!
//! ```text
//! file    magic, binding (32), chunk*
//! binding SHA-256(magic ‖ trust file's SHA-256 ‖ the pinned entry 0 of each log ‖ version)
//! chunk   length of body (u32), body, SHA-256 of binding or the chunk before ‖ body
//! body    from, to, root at to, governance size and root, counts, records, missing, orders,
//!         refused; integers big-endian, lists behind a u32 with their length
//! ```
//!
//! A file that ends within a chunk was written when the audit was killed: that chunk is done again.
//! The version is this program's: what a verifier with a mistake took for right must not stay so
//! under one without it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use placet_proto::tlog::merkle::Hash;
use placet_verifier::audit::Saved;

use crate::codes;
use crate::error::Failure;

const MAGIC: &[u8; 21] = b"placet-audit-state/0\n";
/// Largest body of a chunk: of 8192 entries, each in every list.
const MAX_BODY: usize = 1 << 20;
/// Why a file that begins otherwise is refused.
const OTHER: &str = "it is of another trust file, log or version of this program, or no state";

/// An open state file, at its end.
pub struct State {
    path: PathBuf,
    file: File,
    chain: Hash,
}

/// What becomes of a chunk that was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It counts as done.
    Kept,
    /// It, and all behind it, is done again.
    Again,
}

/// What an audit is of, and by what: a state of another one is refused.
#[must_use]
pub fn binding(trust_sha256: &str, genesis: [&Hash; 2]) -> Hash {
    bound(trust_sha256, genesis, env!("CARGO_PKG_VERSION"))
}

fn bound(trust_sha256: &str, [main, gov]: [&Hash; 2], version: &str) -> Hash {
    placet_proto::sha256_parts(&[MAGIC, trust_sha256.as_bytes(), main, gov, version.as_bytes()])
}

impl State {
    /// Opens the file, or makes it, and reads what was done; `take` gets each chunk. No second
    /// audit can have it until this one ends.
    ///
    /// # Errors
    /// `io.error`; `audit.state` for a file of another audit, one that is damaged, and one that
    /// another audit has.
    pub fn open(
        path: &Path,
        binding: &Hash,
        mut take: impl FnMut(Saved) -> Result<Taken, Failure>,
    ) -> Result<Self, Failure> {
        let io = |e| Failure::io(path, e);
        let open = OpenOptions::new().read(true).append(true).create(true).open(path);
        let mut file = open.map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refuse(path, "another audit is writing it"));
            }
            Err(TryLockError::Error(e)) => return Err(io(e)),
        }
        let mut reader = BufReader::new(&mut file);
        let mut head = [0; MAGIC.len() + 32];
        let got = read_up_to(&mut reader, &mut head).map_err(io)?;
        let expected = [MAGIC.as_slice(), binding.as_slice()].concat();
        if got < head.len() && expected.starts_with(head.get(..got).unwrap_or_default()) {
            // New, or killed while it was made.
            drop(reader);
            file.set_len(0).and_then(|()| file.write_all(&expected)).map_err(io)?;
            return Ok(Self { path: path.to_owned(), file, chain: *binding });
        }
        if head.as_slice() != expected {
            return Err(refuse(path, OTHER));
        }
        let (mut chain, mut end) = (*binding, head.len() as u64);
        while let Some((saved, next, length)) = read_chunk(&mut reader, &chain, path)? {
            if take(saved)? == Taken::Again {
                break;
            }
            chain = next;
            end = end.saturating_add(length);
        }
        drop(reader);
        file.set_len(end).and_then(|()| file.seek(SeekFrom::End(0))).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, chain })
    }

    /// Notes that a chunk is done.
    ///
    /// # Errors
    /// `io.error`.
    pub fn save(&mut self, saved: &Saved) -> Result<(), Failure> {
        let body = saved.encode();
        let next = placet_proto::sha256_parts(&[&self.chain, &body]);
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_be_bytes();
        let all = [length.as_slice(), &body, &next].concat();
        self.file.write_all(&all).map_err(|e| Failure::io(&self.path, e))?;
        self.chain = next;
        Ok(())
    }
}

fn refuse(path: &Path, detail: &str) -> Failure {
    Failure::malformed(path, codes::STATE, detail)
}

/// The next chunk, the hash of the chain behind it, and the bytes that it took; `None` where the
/// file ends, if only within a chunk.
fn read_chunk(
    reader: &mut impl Read,
    chain: &Hash,
    path: &Path,
) -> Result<Option<(Saved, Hash, u64)>, Failure> {
    let io = |e| Failure::io(path, e);
    let mut length = [0; 4];
    if read_up_to(reader, &mut length).map_err(io)? < length.len() {
        return Ok(None);
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > MAX_BODY {
        return Err(refuse(path, "a chunk is larger than any is"));
    }
    let mut rest = vec![0; length.saturating_add(32)];
    if read_up_to(reader, &mut rest).map_err(io)? < rest.len() {
        return Ok(None);
    }
    let (body, hash) = rest.split_at(length);
    let next = placet_proto::sha256_parts(&[chain, body]);
    if hash != next {
        return Err(refuse(path, "it is damaged"));
    }
    let saved = Saved::decode(body).ok_or_else(|| refuse(path, "a chunk has another form"))?;
    Ok(Some((saved, next, (rest.len() as u64).saturating_add(4))))
}

fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0_usize;
    while let Some(rest) = buffer.get_mut(got..).filter(|r| !r.is_empty()) {
        match reader.read(rest)? {
            0 => break,
            n => got = got.saturating_add(n),
        }
    }
    Ok(got)
}

#[cfg(test)]
mod tests {
    use placet_verifier::audit::{Chunk, Record};

    use super::*;

    fn saved(from: u64) -> Saved {
        let mut chunk = Chunk { from, to: from + 512, ..Chunk::default() };
        chunk.counts.insert("approval".to_owned(), 7);
        chunk.records.push(Record::new([3; 16], from + 1, true));
        chunk.missing.push(from + 2);
        chunk.orders.push(from + 3);
        chunk.refused.push(from + 511);
        Saved { chunk, root: [1; 32], gov_size: 9, gov_root: [2; 32] }
    }

    fn read(path: &Path, binding: &Hash) -> Result<Vec<Saved>, Failure> {
        let mut all = Vec::new();
        State::open(path, binding, |s| {
            all.push(s);
            Ok(Taken::Kept)
        })
        .map(|_| all)
    }

    #[test]
    fn what_was_saved_is_read_and_a_torn_end_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let binding = [5; 32];
        let mut state = State::open(&path, &binding, |_| Ok(Taken::Kept)).unwrap();
        state.save(&saved(0)).unwrap();
        state.save(&saved(512)).unwrap();
        drop(state);
        let whole = std::fs::read(&path).unwrap();
        assert_eq!(read(&path, &binding).unwrap(), [saved(0), saved(512)]);
        for end in 0..whole.len() {
            std::fs::write(&path, &whole[..end]).unwrap();
            let kept = read(&path, &binding).unwrap();
            assert!(kept.len() < 2 && kept.iter().all(|s| *s == saved(0)), "{end} bytes");
            let mut state = State::open(&path, &binding, |_| Ok(Taken::Kept)).unwrap();
            for n in kept.len()..2 {
                state.save(&saved(512 * n as u64)).unwrap();
            }
            assert_eq!(std::fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn a_state_of_another_audit_and_a_damaged_one_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let mut state = State::open(&path, &[5; 32], |_| Ok(Taken::Kept)).unwrap();
        state.save(&saved(0)).unwrap();
        drop(state);
        assert_eq!(read(&path, &[6; 32]).unwrap_err().code(), Some(codes::STATE));
        let whole = std::fs::read(&path).unwrap();
        for at in MAGIC.len() + 32 + 4..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            std::fs::write(&path, &bytes).unwrap();
            assert_eq!(read(&path, &[5; 32]).unwrap_err().code(), Some(codes::STATE), "{at}");
        }
        std::fs::write(&path, b"something else").unwrap();
        assert_eq!(read(&path, &[5; 32]).unwrap_err().code(), Some(codes::STATE));
    }

    #[test]
    fn a_chunk_that_is_not_taken_is_written_anew_with_all_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let mut state = State::open(&path, &[5; 32], |_| Ok(Taken::Kept)).unwrap();
        for from in [0, 512, 1024] {
            state.save(&saved(from)).unwrap();
        }
        drop(state);
        let whole = std::fs::read(&path).unwrap();
        let first = |s: Saved| Ok(if s.chunk.from == 0 { Taken::Kept } else { Taken::Again });
        let mut state = State::open(&path, &[5; 32], first).unwrap();
        for from in [512, 1024] {
            state.save(&saved(from)).unwrap();
        }
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn a_state_is_of_one_version_and_of_one_audit_at_a_time() {
        let genesis = [&[1; 32], &[2; 32]];
        assert_ne!(bound("t", genesis, "0.1.0"), bound("t", genesis, "0.1.1"));
        assert_eq!(bound("t", genesis, env!("CARGO_PKG_VERSION")), binding("t", genesis));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let state = State::open(&path, &[5; 32], |_| Ok(Taken::Kept)).unwrap();
        assert_eq!(read(&path, &[5; 32]).unwrap_err().code(), Some(codes::STATE));
        drop(state);
        assert!(read(&path, &[5; 32]).unwrap().is_empty());
    }
}

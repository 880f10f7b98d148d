//! Disks as a power cut leaves them, made from what a real program did.
//!
//! The shim wrote every operation down. They are done again on a simulated machine, up to some
//! point; then the power is cut there.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use placet_ledger::host::{Access, Host as _};

use super::machine::Machine;

/// An operation of the program.
#[derive(Clone, Debug)]
pub struct Operation {
    kind: u8,
    inode: u64,
    offset: u64,
    path: PathBuf,
    path2: PathBuf,
    bytes: Vec<u8>,
}

impl Operation {
    /// Whether it makes a file, or the names in a folder, durable.
    pub fn is_flush(&self) -> bool {
        self.kind == b'S'
    }

    /// What was acknowledged, if this is that somebody was told something.
    pub fn said(&self) -> Option<&str> {
        (self.kind == b'A').then(|| std::str::from_utf8(&self.bytes).unwrap())
    }
}

/// Reads what the shim wrote.
pub fn read(trace: &Path) -> Vec<Operation> {
    let bytes = std::fs::read(trace).unwrap();
    let mut rest = &bytes[..];
    let mut operations = Vec::new();
    while !rest.is_empty() {
        let kind = take(&mut rest, 1)[0];
        let inode = number(take(&mut rest, 8));
        let offset = number(take(&mut rest, 8));
        let lengths = [(); 3].map(|()| number(take(&mut rest, 4)) as usize);
        let [path, path2, bytes] = lengths.map(|len| take(&mut rest, len).to_vec());
        let path_of = |bytes| PathBuf::from(String::from_utf8(bytes).unwrap());
        let (path, path2) = (path_of(path), path_of(path2));
        operations.push(Operation { kind, inode, offset, path, path2, bytes });
    }
    operations
}

/// That somebody was told this now, as the shim would have written it.
pub fn said(text: &str) -> Vec<u8> {
    let mut record = vec![b'A'];
    record.extend_from_slice(&[0; 24]);
    record.extend_from_slice(&(text.len() as u32).to_ne_bytes());
    record.extend_from_slice(text.as_bytes());
    record
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> &'a [u8] {
    let (taken, after) = rest.split_at(len);
    *rest = after;
    taken
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// A machine that follows the operations.
pub struct Replay {
    pub machine: Machine,
    /// The path by which the machine knows a file, of those that the program had open.
    paths: HashMap<u64, PathBuf>,
}

impl Replay {
    /// Begins with what is in a folder, durable; paths stay as they are.
    pub fn of(folder: &Path) -> Self {
        let machine = Machine::new(0);
        machine.lay_out(folder);
        let mut left = vec![folder.to_path_buf()];
        while let Some(folder) = left.pop() {
            machine.lay_out(&folder);
            for item in std::fs::read_dir(&folder).unwrap() {
                let path = item.unwrap().path();
                match path.is_dir() {
                    true => left.push(path),
                    false => machine.import(&path, std::fs::read(&path).unwrap()),
                }
            }
        }
        Self { machine, paths: HashMap::new() }
    }

    /// Begins with nothing below `folder`, which exists if it does.
    pub fn empty(folder: &Path) -> Self {
        let machine = Machine::new(0);
        machine.lay_out(folder);
        Self { machine, paths: HashMap::new() }
    }

    /// Does one operation again.
    pub fn follow(&mut self, operation: &Operation) {
        let Operation { kind, inode, offset, path, path2, bytes } = operation;
        let machine = &self.machine;
        match kind {
            b'C' => {
                machine.open(path, Access::Create).unwrap();
                self.paths.insert(*inode, path.clone());
            }
            b'W' => {
                if let Ok(file) = machine.open(self.path(*inode, path), Access::Write) {
                    file.write_all_at(bytes, *offset).unwrap();
                }
            }
            b'T' => {
                if let Ok(file) = machine.open(self.path(*inode, path), Access::Write) {
                    file.set_size(*offset).unwrap();
                }
            }
            b'S' => match machine.open(self.path(*inode, path), Access::Write) {
                Ok(file) => file.sync().unwrap(),
                Err(_) => machine.sync_folder(path).unwrap(),
            },
            b'R' => {
                machine.rename(path, path2).unwrap();
                self.paths.insert(*inode, path2.clone());
            }
            b'U' => machine.remove_file(path).unwrap(),
            b'M' => machine.create_folders(path).unwrap(),
            b'X' => machine.remove_folder(path).unwrap(),
            b'A' => {}
            other => panic!("an operation {other}"),
        }
    }

    /// A file that was renamed while it was open has its new name here. One that was removed while
    /// it was open matters to nobody after a power cut.
    fn path<'a>(&'a self, inode: u64, path: &'a Path) -> &'a Path {
        self.paths.get(&inode).map_or(path, PathBuf::as_path)
    }
}

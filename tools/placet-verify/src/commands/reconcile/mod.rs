//! `reconcile`: a SIEM's copy of the events against the log (SPEC.md 18.4). For each line the event
//! is made again from the copy, with the encoders of the exporter, and compared.

mod findings;
mod journal;
mod judge;
mod report;
mod seen;
mod side;
mod walk;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};

use placet_proto::event::HashKey;
use placet_proto::event::read::MAX_LINE;
use placet_proto::kind::LogRole;
use placet_proto::misbehaviour::Misbehaviour;

use self::report::ReconcileResult;
use self::side::Side;
use self::walk::Walk;
use crate::cli::{Logs, Reconcile};
use crate::codes;
use crate::error::{Failure, shown};
use crate::escape;
use crate::exit::Exit;
use crate::input;
use crate::output::Output;

/// Where a ledger's folder keeps the key of the hashes in its exports.
const HASH_KEY: &str = "keys/export-hash";
/// Most names that are tried for a piece of evidence.
const MAX_NAMES: u32 = 10_000;
/// Most bytes of that file.
const MAX_KEY: usize = 256;

/// Compares.
///
/// # Errors
/// A copy, key or file of events that can't be read, and output that can't be written.
pub fn run(args: &Reconcile, output: &mut Output) -> Result<Exit, Failure> {
    let (result, evidence) = judge(args)?;
    if args.json {
        let json = serde_json::to_string(&result);
        let json = json.map_err(|e| Failure::Io { path: "JSON".to_owned(), source: e.into() })?;
        output.result(&(escape::json(&json) + "\n"))?;
    } else {
        output.result(&result.text())?;
    }
    write_evidence(&args.out, &evidence, output);
    Ok(result.exit)
}

/// Writes each piece into a file of its own, never over another one. That one can't be written
/// changes nothing of the result, which is out already.
fn write_evidence(first: &Path, evidence: &[Misbehaviour], output: &mut Output) {
    let mut number = 1_u32;
    for piece in evidence {
        let written = loop {
            let path = match number {
                1 => first.to_owned(),
                n => first.with_extension(format!("{n}.json")),
            };
            number = number.saturating_add(1);
            let file = File::options().write(true).create_new(true).open(&path);
            match file.and_then(|mut file| file.write_all(&piece.to_bytes())) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && number < MAX_NAMES => {}
                done => break done.map(|()| path).map_err(|e| Failure::io(first, e)),
            }
        };
        match written {
            Ok(path) => {
                let file = shown(&path);
                output.say(&format!("Judge it: placet-verify consistency {file} --trust TRUST"));
            }
            Err(failure) => return output.complain(&failure),
        }
    }
}

/// Compares as `reconcile COPY EVENTS` does; the exit code, the code, and the text.
///
/// # Errors
/// A copy or a file of events that can't be read.
pub fn one(copy: &Path, events: &Path) -> Result<(Exit, Option<&'static str>, String), Failure> {
    let (copy, events) = (copy.to_owned(), events.to_owned());
    let args = Reconcile {
        copy,
        events,
        hash_key: None,
        profile: Vec::new(),
        log: Logs::Both,
        behind: false,
        ahead: false,
        any_order: false,
        out: PathBuf::new(),
        json: false,
    };
    let (result, _) = judge(&args)?;
    Ok((result.exit, result.code, result.text()))
}

fn judge(args: &Reconcile) -> Result<(ReconcileResult, Vec<Misbehaviour>), Failure> {
    let own = args.copy.join("FORMAT").is_file();
    let key = match &args.hash_key {
        Some(path) => Some(hash_key(path)?),
        None => {
            let path = args.copy.join(HASH_KEY);
            if own && path.is_file() { Some(hash_key(&path)?) } else { None }
        }
    };
    let mut walk = Walk::new(sides(args, own)?, key, args);
    lines(&args.events, &mut |line| walk.line(line))?;
    walk.end(args.behind);
    Ok((ReconcileResult::new(args, &walk), walk.evidence))
}

fn sides(args: &Reconcile, own: bool) -> Result<Vec<Side>, Failure> {
    let wanted: &[(LogRole, &[&str])] = match args.log {
        Logs::Both => &[(LogRole::Main, &["log", "main"]), (LogRole::Gov, &["gov"])],
        Logs::Main => &[(LogRole::Main, &["log", "main", ""])],
        Logs::Gov => &[(LogRole::Gov, &["gov", ""])],
    };
    let bodies = args.copy.join("bodies");
    let open = |(role, names): &(LogRole, &[&str])| {
        let folders = names.iter().map(|name| args.copy.join(name));
        let folder = folders.into_iter().find(|f| f.join("checkpoint").is_file());
        let folder = folder.ok_or_else(|| {
            let detail = format!("no published copy of the {} log in it", role.name());
            Failure::malformed(&args.copy, codes::COPY, &detail)
        })?;
        Side::open(*role, &folder, own.then_some(bodies.as_path()))
    };
    wanted.iter().map(open).collect()
}

fn hash_key(path: &Path) -> Result<HashKey, Failure> {
    let bytes = input::read(path, MAX_KEY)?.bytes;
    let text = String::from_utf8_lossy(&bytes);
    HashKey::parse(&text).map_err(|e| Failure::malformed(path, e.code(), &e.to_string()))
}

/// Gives each line that is not empty, at most [`MAX_LINE`] bytes and one of it: what is longer is
/// cut, and refused by whoever reads it.
fn lines(path: &Path, take: &mut dyn FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
    let io = |e| Failure::io(path, e);
    let mut reader: Box<dyn BufRead> = match path.as_os_str() == "-" {
        true => Box::new(BufReader::new(io::stdin())),
        false => Box::new(BufReader::with_capacity(1 << 20, File::open(path).map_err(io)?)),
    };
    let (mut line, mut begins) = (Vec::new(), true);
    loop {
        line.clear();
        let limit = MAX_LINE.saturating_add(2) as u64;
        if reader.by_ref().take(limit).read_until(b'\n', &mut line).map_err(io)? == 0 {
            return Ok(());
        }
        if !line.ends_with(b"\n") && line.len() > MAX_LINE {
            skip_line(&mut reader).map_err(io)?;
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // A byte order mark may stand before all of it.
        let text = match std::mem::take(&mut begins) {
            true => text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text),
            false => text,
        };
        if !text.is_empty() {
            take(text)?;
        }
    }
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|b| *b == b'\n');
        let used = end.map_or(buffer.len(), |at| at.saturating_add(1));
        let done = end.is_some() || buffer.is_empty();
        reader.consume(used);
        if done {
            return Ok(());
        }
    }
}

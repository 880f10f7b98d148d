//! `consistency`: did a log only grow between two checkpoints? And what does evidence that it did
//! not show?

use std::path::Path;

use placet_proto::misbehaviour::{Fork, MAX_FILE, Misbehaviour, Noted};
use placet_proto::tlog::merkle::{Hash, verify_consistency_from_any};
use placet_proto::tlog::note::MAX_NOTE_LEN;
use placet_proto::tlog::witness::MAX_PROOF_LINES;
use placet_proto::tlog::{Checkpoint, SignedCheckpoint, TlogError, VerifierKey};
use placet_proto::{Error, b64};
use placet_verifier::misbehaviour::{self, LogKeys};
use placet_verifier::notes::{self, LogTrust};

use super::copy::Copy;
use super::select;
use crate::cli::Consistency;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::text;
use crate::trust::{GivenTrust, WORTH};

/// Compares the checkpoints, or judges a file of evidence. Which checkpoint is called old is not
/// believed: sizes are.
///
/// # Errors
/// What can't be read, and checkpoints of different logs.
pub fn run(args: &Consistency, output: &mut Output) -> Result<Exit, Failure> {
    let trusted = Trusted::read(args)?;
    let Some(new) = &args.new else { return evidence(&args.old, &trusted, output) };
    let (mut old, mut new) = (Given::read(&args.old)?, Given::read(new)?);
    if old.checkpoint().origin != new.checkpoint().origin {
        return Err(Failure::Usage("these are checkpoints of two different logs".to_owned()));
    }
    if old.checkpoint().size > new.checkpoint().size {
        output.say("The first checkpoint is the larger one; comparing them the other way round.");
        std::mem::swap(&mut old, &mut new);
    }
    let pair = Pair { old, new };
    let judged = pair.judge(args, &trusted)?;
    let mut text = judged.text([pair.old.checkpoint(), pair.new.checkpoint()]);
    if let Some(fork) = &judged.fork {
        select::write(&args.out, &pair.evidence(fork.clone())?.to_bytes())?;
        text.push_str(&format!("  Evidence written to {}\n", shown(&args.out)));
    }
    output.result(&(text + &trusted.text()))?;
    Ok(judged.exit)
}

/// Repeats a verdict from one file alone.
fn evidence(path: &Path, trusted: &Trusted, output: &mut Output) -> Result<Exit, Failure> {
    let input = input::read(path, MAX_FILE)?;
    let parsed = Misbehaviour::parse(&input.bytes).map_err(|e| Failure::proto(path, &e))?;
    let judged = match trusted.keys_of(parsed.origin())? {
        None => Judged::unknown(),
        Some(keys) => match misbehaviour::shown(&parsed, keys.as_ref()) {
            Ok(detail) => Judged::misbehaved(detail, None),
            Err(problem) => Judged::new(Exit::Failed, Some(problem.code), problem.detail),
        },
    };
    let checkpoints = [parsed.older(), parsed.newer()].map(|n| n.signed.checkpoint());
    let mut text = judged.text(checkpoints);
    if let Some(fork) = parsed.fork() {
        let (size, root) = (checkpoints[0].size, b64::encode_hex(fork.root));
        text.push_str(&format!("  the newer tree at size {size}: root {root}\n"));
    }
    output.result(&(text + &trusted.text()))?;
    Ok(judged.exit)
}

/// Whose word counts for whether a log signed.
enum Trusted {
    File(GivenTrust, std::path::PathBuf),
    Key { origin: String, key: VerifierKey },
}

/// The keys of one log.
enum Keys<'a> {
    Trusted(Box<LogTrust>),
    Key { origin: &'a str, key: &'a VerifierKey },
}

impl Trusted {
    fn read(args: &Consistency) -> Result<Self, Failure> {
        match (&args.vkey, &args.trust) {
            (Some(vkey), _) => {
                let key = VerifierKey::parse(vkey);
                let key = key.map_err(|e| Failure::Usage(format!("--vkey: {e}")))?;
                let origin = args.origin.clone().unwrap_or_else(|| key.name().to_owned());
                Ok(Self::Key { origin, key })
            }
            (None, Some(path)) => Ok(Self::File(GivenTrust::read(path)?, path.clone())),
            (None, None) => Err(Failure::Usage("give --trust TRUST".to_owned())),
        }
    }

    /// Nothing for a log that is not known here.
    fn keys_of(&self, origin: &str) -> Result<Option<Keys<'_>>, Failure> {
        match self {
            Self::Key { origin: own, key } => {
                Ok((own == origin).then_some(Keys::Key { origin: own, key }))
            }
            Self::File(trust, path) => {
                let log = trust.file.logs.iter().find(|log| log.origin == origin);
                let log = log.map(LogTrust::new).transpose();
                let log = log.map_err(|e| Failure::malformed(path, e.code, &e.detail))?;
                Ok(log.map(|log| Keys::Trusted(Box::new(log))))
            }
        }
    }

    fn text(&self) -> String {
        match self {
            Self::File(trust, _) => {
                let (path, sha256, expiry) = (&trust.path, &trust.sha256, trust.expiry());
                format!("  trust file {path}\n    sha256 {sha256}, {expiry}\n    {WORTH}\n")
            }
            Self::Key { key, .. } => {
                format!("  under the key {}\n", crate::escape::line(&key.to_vkey()))
            }
        }
    }
}

impl Keys<'_> {
    fn as_ref(&self) -> LogKeys<'_> {
        match self {
            Self::Trusted(log) => LogKeys::Trusted(log),
            Self::Key { origin, key } => LogKeys::Key { origin, key },
        }
    }

    /// What is wrong with a note that is to count for the log: its signature, and under a trust
    /// file its size, window and cosignatures too.
    fn refuse(&self, given: &Given) -> Option<Judged> {
        let (code, detail) = match self {
            Self::Trusted(log) => {
                let problem = notes::open(&given.bytes, &given.signed, log).err()?;
                (problem.code, crate::escape::line(&problem.detail))
            }
            Self::Key { .. } if self.as_ref().signed(&given.signed) => return None,
            Self::Key { .. } => ("log.checkpoint", "it is not signed by this key".to_owned()),
        };
        Some(Judged::new(Exit::Failed, Some(code), detail))
    }
}

struct Given {
    bytes: Vec<u8>,
    signed: SignedCheckpoint,
}

struct Pair {
    old: Given,
    new: Given,
}

struct Judged {
    exit: Exit,
    code: Option<&'static str>,
    detail: String,
    /// Of a log that misbehaved: how the newer tree contradicts the older size, if that is another
    /// size than its own.
    fork: Option<Option<Fork>>,
}

impl Judged {
    fn new(exit: Exit, code: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { exit, code, detail: detail.into(), fork: None }
    }

    fn misbehaved(detail: impl Into<String>, fork: Option<Fork>) -> Self {
        let judged = Self::new(Exit::LogMisbehaved, Some("log.equivocation"), detail);
        Self { fork: Some(fork), ..judged }
    }

    fn unknown() -> Self {
        let detail = "the trust file does not know this log";
        Self::new(Exit::Indeterminate, Some("trust.log_unknown"), detail)
    }

    fn text(&self, checkpoints: [&Checkpoint; 2]) -> String {
        let code = self.code.map(|code| format!("  [{code}]")).unwrap_or_default();
        let log = crate::escape::line(&checkpoints[0].origin);
        let mut text = format!("{}  {log}{code}\n  {}\n", text::word(self.exit), self.detail);
        for checkpoint in checkpoints {
            let root = b64::encode_hex(checkpoint.root);
            text.push_str(&format!("  size {}, root {root}\n", checkpoint.size));
        }
        if let Some(next) = self.code.and_then(crate::codes::next) {
            text.push_str(&format!("  Next: {next}\n"));
        }
        text
    }
}

impl Given {
    fn read(path: &Path) -> Result<Self, Failure> {
        let input = input::read(path, MAX_NOTE_LEN)?;
        let refuse = |e: TlogError| Failure::proto(path, &Error::from(e));
        let signed = SignedCheckpoint::parse(&input.bytes).map_err(|e| refuse(e.into()))?;
        signed.checkpoint().check_profile().map_err(|e| refuse(e.into()))?;
        Ok(Self { bytes: input.bytes, signed })
    }

    fn checkpoint(&self) -> &Checkpoint {
        self.signed.checkpoint()
    }
}

impl Pair {
    fn judge(&self, args: &Consistency, trusted: &Trusted) -> Result<Judged, Failure> {
        let (old, new) = (self.old.checkpoint(), self.new.checkpoint());
        let Some(keys) = trusted.keys_of(&old.origin)? else { return Ok(Judged::unknown()) };
        let by_copy = |path: &Path| self.by_copy(&Copy::at(path));
        // A contradiction comes before all else that is wrong with the notes: nothing must hide it.
        let both = [&self.old, &self.new].iter().all(|g| keys.as_ref().signed(&g.signed));
        if both && old.size == new.size && old.root != new.root {
            let detail = "the log signed two different roots for one size";
            return Ok(Judged::misbehaved(detail, None));
        }
        let copied = args.log.as_deref().filter(|_| old.size != new.size);
        let copied = match copied.filter(|_| both).map(by_copy).transpose()? {
            Some(Judged { fork: Some(fork), .. }) => {
                // The very code by which a third party will judge the file.
                return Ok(
                    match misbehaviour::shown(&self.evidence(fork.clone())?, keys.as_ref()) {
                        Ok(detail) => Judged::misbehaved(detail, fork),
                        Err(problem) => {
                            Judged::new(Exit::Failed, Some(problem.code), problem.detail)
                        }
                    },
                );
            }
            other => other,
        };
        if let Some(refused) = [&self.old, &self.new].iter().find_map(|given| keys.refuse(given)) {
            return Ok(refused);
        }
        if old.size == new.size {
            return Ok(Judged::new(Exit::Passed, None, "both are signed and the same"));
        }
        match (&args.proof, copied) {
            (Some(proof), _) => by_proof(old, new, proof),
            (None, Some(judged)) => Ok(judged),
            (None, None) => Ok(Judged::new(
                Exit::Indeterminate,
                Some("consistency.unproved"),
                "both are signed; nothing was given that joins them",
            )),
        }
    }

    fn by_copy(&self, copy: &Copy) -> Result<Judged, Failure> {
        let (old, new) = (self.old.checkpoint(), self.new.checkpoint());
        let [at_old, at_new] = copy.roots([old.size, new.size])?;
        if at_new != new.root {
            let detail = "the copy is not of the tree that the larger checkpoint signs";
            return Ok(Judged::new(Exit::Indeterminate, Some("consistency.unproved"), detail));
        }
        if at_old == old.root {
            let detail = "recomputed from the copy: the log only grew";
            return Ok(Judged::new(Exit::Passed, None, detail));
        }
        let path = copy.consistency(old.size, new.size)?;
        let detail = "the larger tree has another root at the smaller size than the log signed";
        Ok(Judged::misbehaved(detail, Some(Fork { root: at_old, path })))
    }

    /// What a third party needs to see the contradiction.
    fn evidence(&self, fork: Option<Fork>) -> Result<Misbehaviour, Failure> {
        let noted = |given: &Given| Noted::parse(&given.bytes);
        let made = noted(&self.old)
            .and_then(|old| Misbehaviour::new(old, noted(&self.new)?, fork))
            .map_err(|e| Failure::proto(Path::new("the evidence"), &e))?;
        Ok(made)
    }
}

fn by_proof(old: &Checkpoint, new: &Checkpoint, file: &Path) -> Result<Judged, Failure> {
    let bytes = input::read(file, 64 * MAX_PROOF_LINES)?.bytes;
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().filter(|line| !line.is_empty());
    let path: Result<Vec<Hash>, _> = lines.map(b64::decode_std_array::<32>).collect();
    let path = path.map_err(|e| Failure::malformed(file, e.code(), &e.to_string()))?;
    Ok(match verify_consistency_from_any(old.size, new.size, &old.root, &new.root, &path) {
        Ok(()) => Judged::new(Exit::Passed, None, "the proof shows that the log only grew"),
        // The proof is not signed: that it fails does not show that no proof exists.
        Err(e) => Judged::new(Exit::Failed, Some("log.consistency"), e.to_string()),
    })
}

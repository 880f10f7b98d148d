//! `consistency`: did a log only grow between two checkpoints?

use std::path::Path;

use placet_proto::tlog::merkle::{Hash, verify_consistency_from_any};
use placet_proto::tlog::note::MAX_NOTE_LEN;
use placet_proto::tlog::witness::MAX_PROOF_LINES;
use placet_proto::tlog::{Checkpoint, SignedCheckpoint, TlogError};
use placet_proto::trust::TrustedLog;
use placet_proto::{Error, b64};
use placet_verifier::notes;
use serde_json::json;

use super::copy::Copy;
use super::select;
use crate::cli::Consistency;
use crate::error::{Failure, shown};
use crate::exit::Exit;
use crate::input;
use crate::output::Output;
use crate::text;
use crate::trust::{GivenTrust, WORTH};

/// `schema` of the evidence file.
const SCHEMA: &str = "placet/log-misbehaved/v1";

/// Compares the checkpoints. Which file is called old is not believed: sizes are.
///
/// # Errors
/// What can't be read, and checkpoints of different logs.
pub fn run(args: &Consistency, output: &mut Output) -> Result<Exit, Failure> {
    let trust = GivenTrust::read(&args.trust)?;
    let (mut old, mut new) = (Given::read(&args.old)?, Given::read(&args.new)?);
    if old.checkpoint().origin != new.checkpoint().origin {
        return Err(Failure::Usage("these are checkpoints of two different logs".to_owned()));
    }
    if old.checkpoint().size > new.checkpoint().size {
        output.say("The first checkpoint is the larger one; comparing them the other way round.");
        std::mem::swap(&mut old, &mut new);
    }
    let pair = Pair { old, new };
    let judged = pair.judge(args, &trust)?;
    let (old, new) = (pair.old.checkpoint(), pair.new.checkpoint());
    let code = judged.code.map(|code| format!("  [{code}]")).unwrap_or_default();
    let log = crate::escape::line(&old.origin);
    let mut text = format!("{}  {log}{code}\n  {}\n", text::word(judged.exit), judged.detail);
    for checkpoint in [old, new] {
        let root = b64::encode_hex(checkpoint.root);
        text.push_str(&format!("  size {}, root {root}\n", checkpoint.size));
    }
    if let Some(next) = judged.code.and_then(crate::codes::next) {
        text.push_str(&format!("  Next: {next}\n"));
    }
    if let Some(path) = &judged.other_root {
        let evidence = pair.evidence(path.as_ref(), &trust)?;
        select::write(&args.out, evidence.as_bytes())?;
        text.push_str(&format!("  Evidence written to {}\n", shown(&args.out)));
    }
    let (path, sha256, expiry) = (&trust.path, &trust.sha256, trust.expiry());
    text.push_str(&format!("  trust file {path}\n    sha256 {sha256}, {expiry}\n    {WORTH}\n"));
    output.result(&text)?;
    Ok(judged.exit)
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
    /// Of a log that misbehaved: the root that the newer tree has at the older size, if that is
    /// another size than its own.
    other_root: Option<Option<Hash>>,
}

impl Judged {
    fn new(exit: Exit, code: Option<&'static str>, detail: impl Into<String>) -> Self {
        Self { exit, code, detail: detail.into(), other_root: None }
    }

    fn misbehaved(detail: &str, other_root: Option<Hash>) -> Self {
        let judged = Self::new(Exit::LogMisbehaved, Some("log.equivocation"), detail);
        Self { other_root: Some(other_root), ..judged }
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
    fn judge(&self, args: &Consistency, trust: &GivenTrust) -> Result<Judged, Failure> {
        let (old, new) = (self.old.checkpoint(), self.new.checkpoint());
        let Some(log) = trust.file.logs.iter().find(|log| log.origin == old.origin) else {
            let detail = "the trust file does not know this log";
            return Ok(Judged::new(Exit::Indeterminate, Some("trust.log_unknown"), detail));
        };
        for given in [&self.old, &self.new] {
            if let Some(refused) = unsigned(given, log, &args.trust)? {
                return Ok(refused);
            }
        }
        if old.size == new.size {
            return Ok(if old.root == new.root {
                Judged::new(Exit::Passed, None, "both are signed and the same")
            } else {
                Judged::misbehaved("the log signed two different roots for one size", None)
            });
        }
        if let Some(proof) = &args.proof {
            return by_proof(old, new, proof);
        }
        match &args.log {
            Some(copy) => by_copy(old, new, &Copy::at(copy)),
            None => Ok(Judged::new(
                Exit::Indeterminate,
                Some("consistency.unproved"),
                "both are signed; nothing was given that joins them",
            )),
        }
    }

    /// What a third party needs to see the contradiction: both notes byte for byte.
    fn evidence(&self, other: Option<&Hash>, trust: &GivenTrust) -> Result<String, Failure> {
        let note = |given: &Given| String::from_utf8_lossy(&given.bytes).into_owned();
        let value = json!({
            "schema": SCHEMA,
            "origin": self.old.checkpoint().origin,
            "notes": [note(&self.old), note(&self.new)],
            "root_of_the_newer_tree_at_the_older_size": other.map(b64::encode_hex),
            "trust_sha256": trust.sha256,
        });
        let text = serde_json::to_string_pretty(&value);
        let text = text.map_err(|e| Failure::Io { path: "JSON".to_owned(), source: e.into() })?;
        Ok(text + "\n")
    }
}

/// A note that the log's checkpoint key did not sign says nothing about the log.
fn unsigned(given: &Given, log: &TrustedLog, trust: &Path) -> Result<Option<Judged>, Failure> {
    let log = notes::LogTrust::new(log);
    let log = log.map_err(|e| Failure::malformed(trust, e.code, &e.detail))?;
    match notes::open(&given.bytes, &given.signed, &log) {
        Ok(_) => Ok(None),
        Err(problem) => Ok(Some(Judged::new(
            Exit::Failed,
            Some(problem.code),
            crate::escape::line(&problem.detail),
        ))),
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

fn by_copy(old: &Checkpoint, new: &Checkpoint, copy: &Copy) -> Result<Judged, Failure> {
    let [at_old, at_new] = copy.roots([old.size, new.size])?;
    Ok(if at_new != new.root {
        let detail = "the copy is not of the tree that the larger checkpoint signs";
        Judged::new(Exit::Indeterminate, Some("consistency.unproved"), detail)
    } else if at_old == old.root {
        Judged::new(Exit::Passed, None, "recomputed from the copy: the log only grew")
    } else {
        let detail = "the larger tree has another root at the smaller size than the log signed";
        Judged::misbehaved(detail, Some(at_old))
    })
}

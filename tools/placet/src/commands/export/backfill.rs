//! `export backfill`: everything that the logs published, as events in a file; and the key of the
//! hashes in them.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use placet_ledger::export::run::Places;
use placet_ledger::export::source::{Item, Limits, Position, Source};
use placet_ledger::export::{Config, encoder, hash_key};
use placet_ledger::service::settings;
use placet_proto::event::{Encoder, HashKey, Profile};
use placet_proto::kind::LogRole;
use serde::Serialize;

use crate::cli::{ExportBackfill, ExportHashKey, Streams};
use crate::error::Failure;
use crate::exit::Exit;
use crate::folder;
use crate::output::{Output, Shown};

/// What is read of a log at once.
const LIMITS: Limits = Limits { count: 4096, bytes: 16 << 20 };
/// Most bytes of a file with a key.
const MAX_KEY: u64 = 256;

/// Writes the events.
///
/// # Errors
/// `event.*`, `export.config`, `io.error`, and those of reading the folder.
pub fn run(args: &ExportBackfill, output: &mut Output) -> Result<Exit, Failure> {
    let origin = settings::of_folder(&args.dir)?.origin;
    let state = Places::usual_state(&args.dir);
    let encoder = encoder_of(args)?;
    let source = Source::open(&args.dir, &origin, &state)?;
    let roles: &[LogRole] = match args.log {
        Streams::Both => &Source::ROLES,
        Streams::Main => &[LogRole::Main],
        Streams::Gov => &[LogRole::Gov],
    };
    if args.out.as_os_str() == "-" {
        let mut out = BufWriter::new(io::stdout().lock());
        let written = stream(&source, &encoder, roles, &mut out).and_then(|written| {
            out.flush().map_err(Failure::io(&args.out))?;
            Ok(written)
        });
        return match written {
            // Who reads the events has read enough.
            Err(failure) if failure.is_broken_pipe() => Ok(Exit::Done),
            written => written.map(|_| Exit::Done),
        };
    }
    let written = folder::write_with(&args.out, |file: &File| {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let written = stream(&source, &encoder, roles, &mut out)?;
        out.flush().map_err(Failure::io(&args.out))?;
        Ok(written)
    })?;
    output.show(&Backfilled {
        schema: "placet/export-backfill/v1",
        out: args.out.display().to_string(),
        format: encoder.format().name(),
        leaves: written.leaves,
        checkpoints: written.checkpoints,
    })?;
    Ok(Exit::Done)
}

/// Writes the ledger's key of hashes for whoever reconciles.
///
/// # Errors
/// `event.hash_key`, `io.error`.
pub fn write_key(args: &ExportHashKey, output: &mut Output) -> Result<Exit, Failure> {
    // Whose folder it is has to be readable: a key for nothing is a mistake.
    settings::of_folder(&args.dir)?;
    let key = hash_key(&args.dir)?;
    folder::write_secret(&args.out, key.to_text().as_bytes())?;
    output.say(&format!("key {} written; whoever has it can try out what events hide", key.id()));
    Ok(Exit::Done)
}

#[derive(Default)]
struct Written {
    leaves: u64,
    checkpoints: u64,
}

fn stream(
    source: &Source,
    encoder: &Encoder,
    roles: &[LogRole],
    out: &mut impl Write,
) -> Result<Written, Failure> {
    let mut written = Written::default();
    for role in roles {
        let mut at = Position::default();
        loop {
            let mut failed = Ok(());
            let next = source.read(*role, &at, LIMITS, &mut |item| {
                let event = match item {
                    Item::Leaf(leaf, issuers) => {
                        written.leaves = written.leaves.saturating_add(1);
                        encoder.leaf(&leaf, issuers)
                    }
                    Item::Note(covering) => {
                        written.checkpoints = written.checkpoints.saturating_add(1);
                        encoder.checkpoint(&covering)
                    }
                };
                if failed.is_ok() {
                    failed = out.write_all(&event.line).and_then(|()| out.write_all(b"\n"));
                }
            })?;
            failed.map_err(Failure::io(Path::new("the file of events")))?;
            if next == at {
                break;
            }
            at = next;
        }
    }
    Ok(written)
}

/// As a sink of `export.toml` has it, or by the table with what the command line changes.
fn encoder_of(args: &ExportBackfill) -> Result<Encoder, Failure> {
    if let Some(name) = &args.sink {
        let config = args.config.clone().unwrap_or_else(|| args.dir.join("export.toml"));
        let config = Config::load(&config)?;
        let sink = config.sinks.iter().find(|sink| sink.name == *name);
        let sink = sink.ok_or_else(|| Failure::Usage(format!("no sink is called `{name}`")))?;
        return Ok(encoder(sink, &args.dir)?);
    }
    let refused = |e: placet_proto::event::ProfileError| Failure::Usage(e.to_string());
    let key = match &args.hash_key {
        Some(path) => HashKey::parse(&folder::read_text(path, MAX_KEY)?).map_err(refused)?,
        None => hash_key(&args.dir)?,
    };
    let shown = args.field.iter().map(|(name, shown)| (name.as_str(), *shown));
    let profile = Profile::new(key, shown).map_err(refused)?;
    Ok(Encoder::new(args.format, profile))
}

/// What was written.
#[derive(Debug, Serialize)]
struct Backfilled {
    schema: &'static str,
    out: String,
    format: &'static str,
    leaves: u64,
    checkpoints: u64,
}

impl Shown for Backfilled {
    fn text(&self) -> String {
        let Self { out, format, leaves, checkpoints, .. } = self;
        format!("{out}  {leaves} leaves, {checkpoints} checkpoints in {format}\n")
    }
}

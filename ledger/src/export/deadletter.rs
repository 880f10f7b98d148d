//! What a receiver refused for good, one JSON object a line, flushed before the cursor moves on.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use serde::Serialize;

use super::event::Event;

/// The file.
#[derive(Debug)]
pub struct DeadLetters {
    path: PathBuf,
    sink: String,
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    sink: &'a str,
    refused_at: u64,
    reason: &'a str,
    code: &'a str,
    uid: &'a str,
    log: &'a str,
    leaf: Option<u64>,
    event: std::borrow::Cow<'a, str>,
}

impl DeadLetters {
    pub fn new(path: PathBuf, sink: &str) -> Self {
        Self { path, sink: sink.to_owned() }
    }

    /// Adds an event, durably. A line that a crash tore is told apart by its missing end.
    pub fn add(&self, event: &Event, reason: &str, now: u64) -> Result<(), crate::Error> {
        let line = Line {
            schema: "placet/export-dead-letter/v1",
            sink: &self.sink,
            refused_at: now,
            reason,
            code: event.encoded.kind.code,
            uid: &event.encoded.uid,
            log: &event.origin,
            leaf: event.leaf,
            event: String::from_utf8_lossy(&event.encoded.line),
        };
        let io = |action| crate::Error::io(action, &self.path);
        let mut bytes = serde_json::to_vec(&line).map_err(|e| io("write")(e.into()))?;
        bytes.push(b'\n');
        let mut options = File::options();
        options.append(true).create(true).mode(0o600);
        let mut file = options.open(&self.path).map_err(io("open"))?;
        file.write_all(&bytes).map_err(io("write"))?;
        file.sync_all().map_err(io("flush"))
    }
}

//! What a receiver refused for good, one JSON object a line, flushed before the cursor moves on.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use serde::Serialize;

use super::event::Event;
use crate::journal::sync_folder;

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

    /// Adds an event, durably. A line that a crash tore stays a line of its own.
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
        options.read(true).append(true).create(true).mode(0o600);
        let mut file = options.open(&self.path).map_err(io("open"))?;
        let length = file.metadata().map_err(io("read"))?.len();
        if let Some(last) = length.checked_sub(1) {
            let mut end = [0];
            file.read_exact_at(&mut end, last).map_err(io("read"))?;
            if end != *b"\n" {
                bytes.insert(0, b'\n');
            }
        } else {
            // The name of a new file has to outlive the cursor that moves over it.
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
            folder.map_or(Ok(()), sync_folder)?;
        }
        if let Err(error) = file.write_all(&bytes) {
            // A full disk; where this fails too the next letter begins a new line.
            let _ = file.set_len(length);
            return Err(io("write")(error));
        }
        file.sync_all().map_err(io("flush"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::worker::tests::event;

    #[test]
    fn a_letter_behind_a_torn_one_is_a_line_of_its_own() {
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("dead.jsonl");
        let dead = DeadLetters::new(path.clone(), "siem");
        dead.add(&event("first"), "no", 1).unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{whole}{{\"schema\":\"pla")).unwrap();
        dead.add(&event("second"), "no", 2).unwrap();
        dead.add(&event("third"), "no", 3).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let good = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert_eq!(text.lines().map(good).collect::<Vec<_>>(), [true, false, true, true]);
        assert!(text.ends_with('\n'));
    }
}

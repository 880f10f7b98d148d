//! Witnesses as processes of their own, which end with this one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::Failure;

/// What a server prints when it is ready, before its URL.
const READY: &str = "placet: listening on ";

/// The children. All clones mean the same ones; they are killed, each by its own process id, when
/// the last clone goes or [`Children::kill`] is called. A child also ends by itself when its
/// standard input does, so that it can't outlive a parent that was killed.
#[derive(Clone, Default)]
pub struct Children(Arc<Guard>);

#[derive(Default)]
struct Guard(Mutex<Vec<Child>>);

impl Children {
    /// Starts the witness of a folder and waits until it listens; gives its URL. It takes
    /// `preferred` if that port is free, else another.
    ///
    /// # Errors
    /// `io.start`.
    pub fn witness(&self, folder: &Path, preferred: Option<u16>) -> Result<String, Failure> {
        if let Some(port) = preferred.filter(|port| *port != 0)
            && let Ok(url) = self.start(folder, port)
        {
            return Ok(url);
        }
        self.start(folder, 0)
    }

    fn start(&self, folder: &Path, port: u16) -> Result<String, Failure> {
        let failed = |what: &dyn std::fmt::Display| Failure::Start(format!("a witness: {what}"));
        let program = std::env::current_exe().map_err(|e| failed(&e))?;
        let mut child = Command::new(program)
            .args(["witness", "serve", "--until-stdin-ends", "--dir"])
            .arg(folder)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What a witness has to say when it does not start is the reason.
            .stderr(if port == 0 { Stdio::inherit() } else { Stdio::null() })
            .spawn()
            .map_err(|e| failed(&e))?;
        let stdout = child.stdout.take();
        self.0.add(child);
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout).read_line(&mut line).map_err(|e| failed(&e))?;
        }
        let url = line.trim_end().strip_prefix(READY).map(str::to_owned);
        url.ok_or_else(|| failed(&"it did not start"))
    }

    /// Process ids.
    pub fn ids(&self) -> Vec<u32> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner).iter().map(Child::id).collect()
    }

    /// Kills those that run.
    pub fn kill(&self) {
        self.0.kill();
    }
}

impl Guard {
    fn add(&self, child: Child) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(child);
    }

    fn kill(&self) {
        for mut child in self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that has ended by itself can't be killed, and is waited for all the same.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}

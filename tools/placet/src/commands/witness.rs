//! `witness`: a C2SP tlog-witness for logs of anybody.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use placet_ledger::witness::{CosignerKey, WitnessFolder, server, system_clock};
use placet_proto::tlog::VerifierKey;
use serde::Serialize;

use super::serve::ready;
use crate::cli::{Witness, WitnessLogs};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};
use crate::service::{self, Signals};

/// Makes or runs a witness.
///
/// # Errors
/// Those of the witness's folder, and of the listener.
pub fn run(command: &Witness, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Witness::Init { dir, name, logs } => {
            let vkey = init(dir, name, &pairs(logs)?)?;
            let dir = dir.display().to_string();
            output.show(&Made { schema: "placet/witness-init/v1", dir, vkey })?;
            Ok(Exit::Done)
        }
        Witness::Serve { dir, listen, logs, until_stdin_ends } => {
            let folder = WitnessFolder::open(dir)?;
            for (origin, vkey) in pairs(logs)? {
                add(&folder, dir, &origin, &vkey)?;
            }
            let witness = Arc::new(folder.into_witness(system_clock())?);
            let runtime = service::runtime()?;
            runtime.block_on(async {
                let (listener, address) = service::listen(*listen).await?;
                let signals = Signals::catch()?;
                ready(output, &format!("http://{address}"))?;
                let stdin_ended = *until_stdin_ends;
                let stop = async move {
                    tokio::select! {
                        () = signals.arrived() => {}
                        () = stdin_end(), if stdin_ended => {}
                    }
                };
                // The same limits on connections, headers and slow clients as the service has.
                placet_ledger::http::serve(listener, server::router(witness), stop).await;
                Ok::<(), Failure>(())
            })?;
            // Whoever still holds a connection does not keep the process.
            runtime.shutdown_background();
            Ok(Exit::Done)
        }
    }
}

/// Makes a witness that knows these logs, each with origin and vkey, and gives its own vkey. One
/// that exists keeps its key, and comes to know the logs that are new to it.
///
/// # Errors
/// Those of the witness's folder.
pub fn init(dir: &Path, name: &str, logs: &[(String, String)]) -> Result<String, Failure> {
    let key = dir.join("key");
    let (folder, vkey) = match key.exists() {
        true => (WitnessFolder::open(dir)?, CosignerKey::load(&key)?.public().to_vkey()),
        false => {
            let (folder, vkey) = WitnessFolder::init(dir, name)?;
            (folder, vkey.to_vkey())
        }
    };
    for (origin, vkey) in logs {
        add(&folder, dir, origin, vkey)?;
    }
    Ok(vkey)
}

/// Adds a log unless the settings name it with this very key.
fn add(folder: &WitnessFolder, dir: &Path, origin: &str, vkey: &str) -> Result<(), Failure> {
    let known = std::fs::read_to_string(dir.join("witness.toml")).unwrap_or_default();
    // A vkey holds its key name and appears nowhere but in its own log's entry.
    if known.lines().any(|line| line.contains(vkey)) {
        return Ok(());
    }
    Ok(folder.add_log(origin, vkey)?)
}

/// Origin and key of each log that was named.
fn pairs(logs: &WitnessLogs) -> Result<Vec<(String, String)>, Failure> {
    if !logs.origin.is_empty() && logs.origin.len() != logs.log.len() {
        return Err(Failure::Usage("either one --origin for each --log, or none".to_owned()));
    }
    let mut out = Vec::new();
    for (at, vkey) in logs.log.iter().enumerate() {
        let key = VerifierKey::parse(vkey).map_err(|e| Failure::Usage(format!("--log: {e}")))?;
        let origin = logs.origin.get(at).cloned();
        out.push((origin.unwrap_or_else(|| key.name().to_owned()), vkey.clone()));
    }
    Ok(out)
}

/// Waits until nobody can write to standard input any more.
async fn stdin_end() {
    let read = tokio::task::spawn_blocking(|| {
        let mut buffer = [0; 256];
        while std::io::stdin().read(&mut buffer).is_ok_and(|n| n > 0) {}
    });
    // A task that can't be run is as good as an end.
    let _ = read.await;
}

/// A witness that was made.
#[derive(Debug, Serialize)]
struct Made {
    schema: &'static str,
    dir: String,
    vkey: String,
}

impl Shown for Made {
    fn text(&self) -> String {
        format!(
            "Made a witness in {}\nFor the witness policy of a log:\n  witness NAME {} URL\n",
            self.dir, self.vkey
        )
    }
}

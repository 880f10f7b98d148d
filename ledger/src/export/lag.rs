//! Refusing to decide while the SIEM does not follow: off, unless the settings name sinks that have
//! to (`export_required`).
//!
//! The service reads the cursors of these sinks and nothing else of the exporter: one that is gone,
//! or never was there, is one that lags.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use placet_proto::kind::LogRole;

use super::cursor::Kept;
use super::run::Places;
use super::source::Position;
use super::status::unix_now;
use crate::Log;
use crate::service::{Config, Refusal};
use crate::sync::lock;

/// Time for which a look at the cursors counts.
const COUNTS: Duration = Duration::from_secs(1);

/// What the settings ask for, and what was seen last.
#[derive(Debug)]
pub struct Gate {
    folder: PathBuf,
    sinks: Vec<String>,
    leaves: u64,
    seconds: u64,
    seen: Mutex<Option<(Instant, Option<String>)>>,
}

impl Gate {
    /// The gate of these settings; none where they name no sink.
    #[must_use]
    pub fn new(root: &Path, config: &Config) -> Option<Self> {
        let sinks = config.export_required.clone();
        let limit = |n: u64| if n == 0 { u64::MAX } else { n };
        (!sinks.is_empty()).then(|| Self {
            folder: Places::usual_state(root),
            sinks,
            leaves: limit(config.export_max_lag),
            seconds: limit(config.export_max_lag_s),
            seen: Mutex::default(),
        })
    }

    /// Whether all sinks that have to follow do.
    ///
    /// # Errors
    /// `export.lag`.
    pub fn check(&self, logs: [&Arc<Log>; 2]) -> Result<(), crate::Error> {
        let mut seen = lock(&self.seen);
        let behind = match &*seen {
            Some((at, behind)) if at.elapsed() < COUNTS => behind.clone(),
            _ => {
                let behind = self.look(logs);
                *seen = Some((Instant::now(), behind.clone()));
                behind
            }
        };
        behind.map_or(Ok(()), |what| Err(Refusal::ExportLag(what).into()))
    }

    /// The first sink that lags, with how far.
    fn look(&self, logs: [&Arc<Log>; 2]) -> Option<String> {
        let now = unix_now();
        let [main, gov] = logs;
        self.sinks.iter().find_map(|sink| {
            let path = self.folder.join(format!("{sink}.json"));
            let kept = match Kept::read(&path) {
                Ok(Some(kept)) => kept,
                Ok(None) => return Some(format!("sink {sink} has exported nothing yet")),
                Err(error) => return Some(format!("sink {sink}: {error}")),
            };
            [(LogRole::Main, main), (LogRole::Gov, gov)].into_iter().find_map(|(role, log)| {
                match kept.position(role, log.origin(), &path) {
                    Ok(at) => self.lags(sink, log, &at, now),
                    Err(error) => Some(format!("sink {sink}: {error}")),
                }
            })
        })
    }

    fn lags(&self, sink: &str, log: &Log, at: &Position, now: u64) -> Option<String> {
        let published = log.checkpoint().map_or(0, |note| note.size);
        let leaves = published.saturating_sub(at.next_leaf);
        if leaves == 0 {
            return None;
        }
        let oldest = log.notes().and_then(|notes| notes.covering(at.next_leaf, 0).ok().flatten());
        let seconds = oldest.map_or(u64::MAX, |note| now.saturating_sub(note.published_at));
        let origin = log.origin();
        (leaves > self.leaves || seconds > self.seconds)
            .then(|| format!("sink {sink} is {leaves} leaves and {seconds} s behind {origin}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::worker::tests::Ledger;

    #[test]
    fn a_required_sink_that_is_behind_closes_the_gate_until_it_has_followed() {
        let ledger = Ledger::new();
        let mut config = Config::local("example.com/log", 8420);
        assert!(Gate::new(&ledger.root, &config).is_none());
        config.export_required = vec!["a".to_owned()];
        config.export_max_lag = 3;
        let gate = || Gate::new(&ledger.root, &config).unwrap();
        let check = |gate: Gate| gate.check([&ledger.main, &ledger.gov]);
        let refused = check(gate()).unwrap_err();
        assert_eq!(refused.code(), "export.lag");
        let toml = "[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \"json\"\npath = \"o\"\n";
        ledger.once(toml);
        let open = gate();
        open.check([&ledger.main, &ledger.gov]).unwrap();
        ledger.grow(3);
        check(gate()).unwrap();
        ledger.grow(1);
        assert!(check(gate()).is_err());
        // What was seen counts for a moment.
        open.check([&ledger.main, &ledger.gov]).unwrap();
        ledger.once(toml);
        check(gate()).unwrap();
        std::fs::write(Places::usual_state(&ledger.root).join("a.json"), "{}").unwrap();
        assert!(check(gate()).is_err());
    }
}

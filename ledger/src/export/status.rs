//! How each sink is doing: for `placet export status`, for metrics, for whoever refuses to go on
//! while the SIEM does not follow.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::cursor::{Failed, Kept};
use super::source::{Lag, Position, Source};
use crate::sync::lock;

/// What a sink is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It sends, or has sent all there is.
    Running,
    /// It waits before it tries again.
    Waiting,
    /// It has ended: somebody has to look at it.
    Stopped,
    /// It has sent all there was, and was told to end then.
    Done,
}

/// How a sink is doing, as its thread says.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Its name.
    pub sink: String,
    /// What it is about.
    pub state: State,
    /// Where it stands, in the order of [`Source::ROLES`].
    pub at: [Position; 2],
    /// Events that were acknowledged, those that came again included.
    pub events: u64,
    /// Calls that failed since the start.
    pub errors: u64,
    /// Events that were put aside since the start.
    pub dead_letters: u64,
    /// When the last batch was acknowledged, in Unix seconds.
    pub last_ack: Option<u64>,
    /// What went wrong last.
    pub last_error: Option<Failed>,
}

/// [`Progress`] where a thread and those who look share it.
#[derive(Debug)]
pub struct Shared(Mutex<Progress>);

impl Shared {
    /// As it is at the start.
    #[must_use]
    pub fn new(progress: Progress) -> Self {
        Self(Mutex::new(progress))
    }

    /// As it is now.
    #[must_use]
    pub fn now(&self) -> Progress {
        lock(&self.0).clone()
    }

    /// Changes it.
    pub fn change(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut lock(&self.0));
    }
}

/// How a sink is doing, as `placet export status` tells it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// `placet/export-status/v1`.
    pub schema: &'static str,
    /// Its name.
    pub sink: String,
    /// Where it stands in each log.
    pub logs: Vec<LogStatus>,
    /// Events that were acknowledged, those that came again included.
    pub events: u64,
    /// When the last batch was acknowledged, in Unix seconds.
    pub last_ack: Option<u64>,
    /// What went wrong last.
    pub last_error: Option<Failed>,
}

/// Where a sink stands in one log.
#[derive(Debug, Clone, Serialize)]
pub struct LogStatus {
    /// `main` or `gov`.
    pub log: &'static str,
    /// Name of the log.
    pub origin: String,
    /// Index of the next leaf.
    pub next_leaf: u64,
    /// Leaves that a published note covers.
    pub published: u64,
    /// Of these, how many are not exported.
    pub lag_leaves: u64,
    /// Age in seconds of the oldest note that covers one of them.
    pub lag_seconds: u64,
}

/// The state of a sink by its cursor alone, whether or not an exporter runs.
///
/// # Errors
/// `export.cursor`, and those of reading.
pub fn of_cursor(
    source: &Source,
    folder: &Path,
    sink: &str,
    now: u64,
) -> Result<Status, crate::Error> {
    let path = folder.join(format!("{sink}.json"));
    let kept = Kept::read(&path)?;
    let mut logs = Vec::new();
    for role in Source::ROLES {
        let origin = source.origin(role);
        let at = match &kept {
            Some(kept) => kept.position(role, origin, &path)?,
            None => Position::default(),
        };
        let Lag { leaves, seconds } = source.lag(role, &at, now)?;
        logs.push(LogStatus {
            log: role.name(),
            origin: origin.to_string(),
            next_leaf: at.next_leaf,
            published: source.published(role),
            lag_leaves: leaves,
            lag_seconds: seconds,
        });
    }
    Ok(Status {
        schema: "placet/export-status/v1",
        sink: sink.to_owned(),
        logs,
        events: kept.as_ref().map_or(0, |kept| kept.events),
        last_ack: kept.as_ref().and_then(|kept| kept.last_ack),
        last_error: kept.and_then(|kept| kept.last_error),
    })
}

/// All sinks in the text format of Prometheus.
///
/// # Errors
/// Those of reading the notes.
pub fn metrics(source: &Source, sinks: &[Progress], now: u64) -> Result<String, crate::Error> {
    let mut lags = Vec::new();
    for sink in sinks {
        for (role, at) in Source::ROLES.iter().zip(&sink.at) {
            lags.push((sink.sink.as_str(), *role, at, source.lag(*role, at, now)?));
        }
    }
    let mut out = String::new();
    let each_log = |out: &mut String, name, help, value: fn(&Position, &Lag) -> u64| {
        head(out, name, "gauge", help);
        for (sink, role, at, lag) in &lags {
            let role = role.name();
            // Writing to a String can't fail.
            let _ = writeln!(out, "{name}{{sink=\"{sink}\",log=\"{role}\"}} {}", value(at, lag));
        }
    };
    each_log(&mut out, "placet_export_next_leaf", "Index of the next leaf", |at, _| at.next_leaf);
    each_log(&mut out, "placet_export_lag_leaves", "Published leaves not exported", |_, l| {
        l.leaves
    });
    each_log(
        &mut out,
        "placet_export_lag_seconds",
        "Age of the oldest note over a leaf that is not exported",
        |_, lag| lag.seconds,
    );
    let mut each = |name, kind, help, value: fn(&Progress) -> u64| {
        head(&mut out, name, kind, help);
        for sink in sinks {
            let _ = writeln!(out, "{name}{{sink=\"{}\"}} {}", sink.sink, value(sink));
        }
    };
    each("placet_export_events_total", "counter", "Events acknowledged", |s| s.events);
    each("placet_export_errors_total", "counter", "Calls that failed", |s| s.errors);
    each("placet_export_dead_letters_total", "counter", "Events put aside", |s| s.dead_letters);
    each(
        "placet_export_last_ack_timestamp_seconds",
        "gauge",
        "When the last batch was acknowledged",
        |s| s.last_ack.unwrap_or(0),
    );
    each("placet_export_stopped", "gauge", "1 where somebody has to look", |s| {
        u64::from(s.state == State::Stopped)
    });
    Ok(out)
}

fn head(out: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Unix seconds by the system's clock: for people and metrics, never in an event.
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

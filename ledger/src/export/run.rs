//! A thread for each sink, and one that looks for what is new in the logs.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use placet_proto::kind::LogRole;
use serde::Serialize;

use super::config::{Config, SinkConfig};
use super::cursor::{Cursor, SinkLock};
use super::finding::Found;
use super::sink::{self, Sink};
use super::source::{Position, Source};
use super::status::{self, Progress, Shared, State, unix_now};
use super::worker::{Ended, Together, Worker};
use super::{Error, Event, encoder};

/// Time between two looks at the logs.
const LOOK: Duration = Duration::from_millis(200);
/// Failed looks in a row after which nothing is exported any more.
const FAILED_LOOKS: u32 = 50;

/// Where an exporter finds everything.
#[derive(Debug, Clone)]
pub struct Places {
    /// The ledger's folder.
    pub dir: PathBuf,
    /// Name of its main log.
    pub origin: String,
    /// Folder of the cursors.
    pub state: PathBuf,
}

impl Places {
    /// The usual folder of the cursors.
    #[must_use]
    pub fn usual_state(dir: &Path) -> PathBuf {
        dir.join("state").join("export")
    }
}

/// An exporter at work.
pub struct Exporter {
    together: Arc<Together>,
    state: PathBuf,
    sinks: Vec<(Arc<Shared>, JoinHandle<Ended>)>,
}

impl Exporter {
    /// Starts all sinks. With `once` each of them ends where the logs end.
    ///
    /// # Errors
    /// `export.config`, `export.cursor`, `export.locked`, and those of opening the logs.
    pub fn start(places: &Places, config: &Config, once: bool) -> Result<Self, crate::Error> {
        let Places { dir, origin, state } = places;
        std::fs::create_dir_all(state).map_err(crate::Error::io("create", state))?;
        let source = Source::open(dir, origin, state);
        let source = Arc::new(source.inspect_err(|error| tell_all(places, config, error))?);
        let stop = AtomicBool::new(false);
        let together = Arc::new(Together { source, stop, once, rollback: Mutex::default() });
        let mut workers = Vec::new();
        for sink in &config.sinks {
            workers.push(worker(sink, &together, state)?);
        }
        // One sink's cursor that contradicts the log is enough: nobody gets anything of it.
        for (_, _, worker) in &workers {
            match worker.prove() {
                Err(error) if error.code() == "log.rollback" => together.rolled_back(error),
                proved => proved?,
            }
        }
        let mut sinks = Vec::new();
        for (name, shared, worker) in workers {
            let builder = std::thread::Builder::new().name(format!("export {name}"));
            let thread = builder.spawn(move || worker.run());
            let thread = thread.map_err(crate::Error::io("start a thread for", state))?;
            sinks.push((shared, thread));
        }
        Ok(Self { together, state: state.clone(), sinks })
    }

    /// Looks for what is new until every sink has ended, and says how each did.
    pub fn run(self) -> Vec<(String, Ended)> {
        let mut failed = 0_u32;
        while !self.sinks.iter().all(|(_, thread)| thread.is_finished()) {
            if self.together.once {
                // What is there was seen when the logs were opened.
                break;
            }
            match self.together.source.refresh() {
                Ok(_) => failed = 0,
                Err(error) if error.code() == "log.rollback" => {
                    self.together.rolled_back(error);
                    break;
                }
                Err(error) => {
                    tracing::warn!(%error, "the logs can't be read");
                    failed = failed.saturating_add(1);
                    if failed >= FAILED_LOOKS {
                        self.together.stop();
                        break;
                    }
                }
            }
            std::thread::sleep(LOOK);
        }
        let mut ended = Vec::new();
        for (shared, thread) in self.sinks {
            let name = shared.now().sink;
            let how = thread.join();
            let how = how.unwrap_or_else(|_| Ended::Failed("its thread panicked".to_owned()));
            keep_evidence(&self.state, &how);
            ended.push((name, how));
        }
        ended
    }

    /// What others may look at while it runs.
    #[must_use]
    pub fn watch(&self) -> Watch {
        let sinks = self.sinks.iter().map(|(shared, _)| Arc::clone(shared)).collect();
        Watch { together: Arc::clone(&self.together), sinks }
    }
}

/// How an exporter is doing.
#[derive(Debug, Clone)]
pub struct Watch {
    together: Arc<Together>,
    sinks: Vec<Arc<Shared>>,
}

impl Watch {
    /// Each sink.
    #[must_use]
    pub fn sinks(&self) -> Vec<Progress> {
        self.sinks.iter().map(|shared| shared.now()).collect()
    }

    /// All of it in the text format of Prometheus.
    ///
    /// # Errors
    /// Those of reading the notes.
    pub fn metrics(&self) -> Result<String, crate::Error> {
        status::metrics(&self.together.source, &self.sinks(), unix_now())
    }

    /// Lets every sink end after its present batch.
    pub fn stop(&self) {
        self.together.stop();
    }
}

/// What came of a test event.
#[derive(Debug, Clone, Serialize)]
pub struct Tested {
    /// `placet/export-test/v1`.
    pub schema: &'static str,
    /// The sink.
    pub sink: String,
    /// Id of the event.
    pub uid: String,
    /// How long it took.
    pub milliseconds: u64,
    /// Whether that it was taken means that it was acknowledged.
    pub acknowledges: bool,
    /// Why it was not taken.
    pub failed: Option<String>,
}

/// Sends one test event to a sink. Its place in the logs stays where it is.
///
/// # Errors
/// `export.config`, `export.cursor`; `export.locked` while an exporter runs the sink.
pub fn test(places: &Places, config: &SinkConfig) -> Result<Tested, crate::Error> {
    let Places { dir, origin, state } = places;
    std::fs::create_dir_all(state).map_err(crate::Error::io("create", state))?;
    let _lock = SinkLock::take(state, &config.name)?;
    let mut cursor = Cursor::load(state, &config.name)?;
    let encoder = encoder(config, dir)?;
    let mut sink = sink::make(config, encoder.format(), cursor.kept().file)?;
    let encoded = encoder.test(origin, unix_now());
    let uid = encoded.uid.clone();
    let origin = origin.as_str().into();
    let event = Event { role: LogRole::Main, origin, leaf: None, encoded };
    let began = Instant::now();
    let done = sink.ready().and_then(|_| sink.deliver(&[event])).and_then(|()| sink.close());
    if done.is_ok() && sink.mark() != cursor.kept().file {
        // The event stays in the file: what comes later is written behind it.
        cursor.kept_mut().file = sink.mark();
        cursor.save()?;
    }
    Ok(Tested {
        schema: "placet/export-test/v1",
        sink: config.name.clone(),
        uid,
        milliseconds: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        acknowledges: sink.acknowledges(),
        failed: done.err().map(|failure| failure.to_string()),
    })
}

/// A log that can't be opened since it was rolled back: each sink is told so, best effort.
fn tell_all(places: &Places, config: &Config, error: &crate::Error) {
    let Places { dir, origin, state } = places;
    let Some(found) = Found::of(error, origin) else { return };
    let name = match found.role() {
        LogRole::Main => origin.clone(),
        LogRole::Gov => format!("{origin}/gov"),
    };
    for config in &config.sinks {
        let told = || -> Result<(), String> {
            let text = |e: crate::Error| e.to_string();
            let _lock = SinkLock::take(state, &config.name).map_err(text)?;
            let mut cursor = Cursor::load(state, &config.name).map_err(text)?;
            let path = state.join(format!("{}.json", config.name));
            let at = cursor.kept().position(found.role(), &name, &path).map_err(text)?;
            let encoder = encoder(config, dir).map_err(text)?;
            let mut sink =
                sink::make(config, encoder.format(), cursor.kept().file).map_err(text)?;
            found.tell(&mut *sink, &encoder, &at).map_err(|e| e.to_string())?;
            cursor.kept_mut().file = sink.mark();
            cursor.failed(unix_now(), &error.to_string());
            cursor.save().map_err(text)
        };
        if let Err(reason) = told() {
            tracing::error!(sink = config.name, reason, "the receiver was not told of it");
        }
    }
}

fn worker(
    config: &SinkConfig,
    together: &Arc<Together>,
    state: &Path,
) -> Result<(String, Arc<Shared>, Worker), crate::Error> {
    let lock = SinkLock::take(state, &config.name)?;
    let cursor = Cursor::load(state, &config.name)?;
    let encoder = encoder(config, together.source.root())?;
    let sink: Box<dyn Sink> = sink::make(config, encoder.format(), cursor.kept().file)?;
    let shared = Arc::new(Shared::new(Progress {
        sink: config.name.clone(),
        state: State::Running,
        at: [Position::default(), Position::default()],
        events: 0,
        errors: 0,
        dead_letters: 0,
        last_ack: None,
        last_error: None,
    }));
    let together = Arc::clone(together);
    let held = (cursor, lock);
    let worker = Worker::new(together, config, sink, encoder, held, Arc::clone(&shared))?;
    Ok((config.name.clone(), shared, worker))
}

/// Two notes that can't both be true are worth more than any event: they convince others.
fn keep_evidence(state: &Path, how: &Ended) {
    let Ended::Rollback(error) = how else { return };
    let crate::Error::Export(Error::Rollback(found)) = &**error else { return };
    let Some(evidence) = &found.evidence else { return };
    let path = state.join("log-misbehaved.json");
    match super::cursor::replace(&path, &evidence.to_bytes()) {
        Ok(()) => tracing::error!(path = %path.display(), "evidence that the log misbehaved"),
        Err(error) => tracing::error!(%error, "evidence that the log misbehaved was not kept"),
    }
}

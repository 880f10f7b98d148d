//! `export`: the logs as events for a SIEM.

pub mod backfill;

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use placet_ledger::export::run::{self, Exporter, Places, Tested, Watch};
use placet_ledger::export::source::Source;
use placet_ledger::export::status::{self, Status};
use placet_ledger::export::{Config, Ended};
use placet_ledger::service::settings;
use placet_proto::time::UnixSeconds;
use placet_verify::escape;
use serde::Serialize;
use tokio::runtime::Runtime;

use crate::cli::{Export, ExportPlace, ExportRun};
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};
use crate::service::{self, Signals};

/// Time that whoever asks for metrics has to say so.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of such a request that are read.
const MAX_REQUEST: usize = 8 * 1024;

/// Runs one of them.
///
/// # Errors
/// `export.config`, `export.cursor`, `export.locked`, and those of reading the folder.
pub fn run(command: &Export, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Export::Run(args) => exporter(args, output),
        Export::Backfill(args) => backfill::run(args, output),
        Export::HashKey(args) => backfill::write_key(args, output),
        Export::Status(place) => show_status(place, output),
        Export::Test { place, sink } => test(place, sink.as_deref(), output),
    }
}

fn places(place: &ExportPlace) -> Result<(Places, Config), Failure> {
    let dir = place.dir.clone();
    let origin = settings::of_folder(&dir)?.origin;
    let state = place.state.clone().unwrap_or_else(|| Places::usual_state(&dir));
    let config = place.config.clone().unwrap_or_else(|| dir.join("export.toml"));
    let config = Config::load(&config)?;
    Ok((Places { dir, origin, state }, config))
}

fn exporter(args: &ExportRun, output: &mut Output) -> Result<Exit, Failure> {
    let (places, config) = places(&args.place)?;
    super::serve::log_to_stderr("info");
    let exporter = Exporter::start(&places, &config, args.once)?;
    if let Some(address) = args.metrics {
        let failed = |e: std::io::Error| Failure::Start(format!("metrics at {address}: {e}"));
        let listener = TcpListener::bind(address).map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        let watch = exporter.watch();
        let builder = std::thread::Builder::new().name("metrics".to_owned());
        builder.spawn(move || serve_metrics(&listener, &watch)).map_err(failed)?;
        output.say(&format!("metrics  http://{at}/metrics"));
    }
    let runtime = service::runtime()?;
    end_on_signals(&runtime, exporter.watch())?;
    output.say(&format!("exporting {} to {} sinks", places.origin, config.sinks.len()));
    let mut exit = Exit::Done;
    for (sink, ended) in exporter.run() {
        let result = Finished {
            schema: "placet/export-run/v1",
            sink,
            ended: ended.word(),
            detail: ended.detail(),
        };
        output.show(&result)?;
        exit = worse(exit, exit_of(&ended));
    }
    Ok(exit)
}

/// The first signal ends each sink after its present batch, the second the process.
fn end_on_signals(runtime: &Runtime, watch: Watch) -> Result<(), Failure> {
    let _inside = runtime.enter();
    let signals = Signals::catch()?;
    runtime.spawn(async move {
        signals.arrived().await;
        watch.stop();
        if let Ok(again) = Signals::catch() {
            again.arrived().await;
            // 128 and the number of SIGINT, as shells report it.
            std::process::exit(130);
        }
    });
    Ok(())
}

fn exit_of(ended: &Ended) -> Exit {
    match ended {
        Ended::Done => Exit::Done,
        Ended::Refused(_) => Exit::Refused,
        Ended::Failed(_) => Exit::Io,
        Ended::Rollback(_) => Exit::LogMisbehaved,
    }
}

/// Of several sinks the gravest counts.
fn worse(a: Exit, b: Exit) -> Exit {
    if b.code() > a.code() { b } else { a }
}

/// How a sink ended.
#[derive(Debug, Serialize)]
struct Finished {
    schema: &'static str,
    sink: String,
    ended: &'static str,
    detail: Option<String>,
}

impl Shown for Finished {
    fn text(&self) -> String {
        match &self.detail {
            None => format!("{}  {}\n", self.sink, self.ended),
            Some(detail) => format!("{}  {}: {}\n", self.sink, self.ended, escape::line(detail)),
        }
    }
}

fn show_status(place: &ExportPlace, output: &mut Output) -> Result<Exit, Failure> {
    let (places, config) = places(place)?;
    let source = Source::open(&places.dir, &places.origin, &places.state)?;
    let now = status::unix_now();
    for sink in &config.sinks {
        let found = status::of_cursor(&source, &places.state, &sink.name, now)?;
        output.show(&Standing(found))?;
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Standing(Status);

impl Shown for Standing {
    fn text(&self) -> String {
        let Status { sink, logs, events, last_ack, last_error, .. } = &self.0;
        let time = |at: u64| UnixSeconds(at).to_string();
        let mut out = format!("{sink}\n");
        for log in logs {
            // Writing to a String can't fail.
            let _ = writeln!(
                out,
                "  {:4}  next {}  published {}  lag {} leaves, {} s",
                log.log, log.next_leaf, log.published, log.lag_leaves, log.lag_seconds
            );
        }
        let ack = last_ack.map_or_else(|| "never".to_owned(), time);
        let _ = writeln!(out, "  events {events}  acknowledged {ack}");
        if let Some(error) = last_error {
            let _ = writeln!(out, "  {}  {}", time(error.at), escape::line(&error.detail));
        }
        out
    }
}

fn test(place: &ExportPlace, only: Option<&str>, output: &mut Output) -> Result<Exit, Failure> {
    let (places, config) = places(place)?;
    let mut exit = Exit::Done;
    let mut found = false;
    for sink in config.sinks.iter().filter(|sink| only.is_none_or(|name| sink.name == name)) {
        found = true;
        let tested = run::test(&places, sink)?;
        if tested.failed.is_some() {
            exit = Exit::Io;
        }
        output.show(&Answer(tested))?;
    }
    if !found {
        return Err(Failure::Usage("there is no sink of this name".to_owned()));
    }
    Ok(exit)
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answer(Tested);

impl Shown for Answer {
    fn text(&self) -> String {
        let Tested { sink, uid, milliseconds, acknowledges, failed, .. } = &self.0;
        match failed {
            Some(detail) => format!("{sink}  not taken: {}\n", escape::line(detail)),
            None if *acknowledges => {
                format!("{sink}  acknowledged {uid} in {milliseconds} ms\n")
            }
            None => format!("{sink}  sent {uid} in {milliseconds} ms; it acknowledges nothing\n"),
        }
    }
}

/// Answers one after the other; whoever is slow is cut off.
fn serve_metrics(listener: &TcpListener, watch: &Watch) {
    for stream in listener.incoming() {
        let answered = stream.and_then(|stream| answer_metrics(stream, watch));
        if let Err(error) = answered {
            tracing::debug!(%error, "metrics");
        }
    }
}

fn answer_metrics(mut stream: TcpStream, watch: &Watch) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut head = Vec::new();
    let mut chunk = [0; 1024];
    while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < MAX_REQUEST {
        let read = stream.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        head.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    let (status, body) = match head.starts_with(b"GET /metrics ") {
        false => ("404 Not Found", String::new()),
        true => match watch.metrics() {
            Ok(text) => ("200 OK", text),
            Err(error) => ("503 Service Unavailable", format!("{error}\n")),
        },
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes())
}

//! How long calls of a server take, at a rate that does not wait for them.
//!
//! A call is due at its time whatever became of the one before, and what is measured begins there:
//! a server that stands still for a second has made a thousand calls of a thousand a second late,
//! and not one. Meanwhile the disk is asked how long it takes to flush a page, so that what has to
//! be durable before it is answered can be told from what the server adds.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::Error;
use crate::machine::{self, Machine};
use crate::stats::{millis, per_second, quantile};

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;
/// Calls that are not counted, of one second: connections, caches.
const WARM_UP: Duration = Duration::from_secs(1);
/// Between two flushes that are measured beside the calls.
const PROBE: Duration = Duration::from_millis(20);
/// What such a flush makes durable, in bytes.
const PAGE: usize = 4096;

/// What is called, how often, and what is expected of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Host and port, without TLS.
    pub authority: String,
    /// The bytes of the whole request.
    pub request: Vec<u8>,
    /// The status of a good answer.
    pub expect: u16,
    /// Calls a second.
    pub rate: u32,
    /// How long that goes on, a second of warming up apart.
    pub stage: Duration,
    /// Connections that stay open, each with one call at a time.
    pub connections: usize,
    /// Where flushes are measured: a folder of the file system that the server writes to.
    pub dir: PathBuf,
}

/// What was measured; times are in milliseconds.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Name and version of this form.
    pub schema: &'static str,
    /// Calls a second that were due.
    pub rate: u32,
    /// Calls a second that were answered well.
    pub answered_per_s: f64,
    /// Calls that were not.
    pub failed: u64,
    /// From when a call was due to the last byte of its answer: half took at most so long.
    pub p50_ms: f64,
    /// 99 of 100 did.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Flushes of a page (`fdatasync`) meanwhile: half took at most so long.
    pub fdatasync_p50_ms: f64,
    /// 99 of 100 did.
    pub fdatasync_p99_ms: f64,
    /// Connections.
    pub connections: usize,
    /// Time that was measured, in seconds.
    pub seconds: f64,
    /// Where flushes were measured.
    pub file_system: String,
    /// Version of this program.
    pub version: &'static str,
    /// The day, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
}

impl Report {
    /// The figures, one a line.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "calls      {:>7.0}/s of {}/s that were due, {} failed\n\
             time       p50 {:.3} ms, p99 {:.3} ms, longest {:.3} ms\n\
             fdatasync  p50 {:.3} ms, p99 {:.3} ms, meanwhile ({})\n",
            self.answered_per_s,
            self.rate,
            self.failed,
            self.p50_ms,
            self.p99_ms,
            self.max_ms,
            self.fdatasync_p50_ms,
            self.fdatasync_p99_ms,
            self.file_system,
        )
    }
}

/// The bytes of a request. `headers` are lines as they go out, without their ends.
#[must_use]
pub fn request(
    method: &str,
    authority: &str,
    target: &str,
    headers: &[String],
    body: &[u8],
) -> Vec<u8> {
    let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {authority}\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    if !body.is_empty() || method != "GET" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// Calls.
///
/// # Errors
/// `bench.io` when a connection breaks or can't be made; `bench.failed` without connections.
pub fn run(options: &Options) -> Result<Report, Error> {
    if options.connections == 0 {
        return Err(Error::failed("at least one connection"));
    }
    let machine = Machine::this();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("load program"))?;
    let (stop, probe) = (Arc::new(AtomicBool::new(false)), options.dir.clone());
    let of_probe = Arc::clone(&stop);
    let flushes = std::thread::spawn(move || flushes(&probe, &of_probe));
    let called = runtime.block_on(calls(options));
    stop.store(true, Ordering::Relaxed);
    let flushes = flushes.join().map_err(|_| Error::failed("a thread panicked"))?;
    let (mut waits, failed, took) = called?;
    let mut flushes = flushes?;
    Ok(Report {
        schema: "placet/bench-http/v1",
        rate: options.rate,
        answered_per_s: per_second(waits.len() as u64, took),
        failed,
        p50_ms: millis(quantile(&mut waits, 0.5)),
        p99_ms: millis(quantile(&mut waits, 0.99)),
        max_ms: millis(quantile(&mut waits, 1.0)),
        fdatasync_p50_ms: millis(quantile(&mut flushes, 0.5)),
        fdatasync_p99_ms: millis(quantile(&mut flushes, 0.99)),
        connections: options.connections,
        seconds: options.stage.as_secs_f64(),
        file_system: machine::file_system(&options.dir),
        version: env!("CARGO_PKG_VERSION"),
        date: machine::today(),
        machine,
    })
}

/// How long each call took, how many failed, and the time from the first that counts to the last
/// answer: longer than the stage where the server does not keep up.
async fn calls(options: &Options) -> Result<(Vec<Duration>, u64, Duration), Error> {
    let mut streams = Vec::new();
    for _ in 0..options.connections {
        let stream = TcpStream::connect(&options.authority).await;
        let stream = stream.map_err(Error::io(&options.authority))?;
        stream.set_nodelay(true).map_err(Error::io(&options.authority))?;
        streams.push(stream);
    }
    let shared = Arc::new(Pace {
        options: options.clone(),
        began: Instant::now(),
        next: AtomicU64::new(0),
        failed: AtomicU64::new(0),
    });
    let mut tasks = tokio::task::JoinSet::new();
    for stream in streams {
        tasks.spawn(connection(stream, Arc::clone(&shared)));
    }
    let mut waits = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        waits.extend(ended.map_err(Error::failed)??);
    }
    let took = shared.began.elapsed().saturating_sub(WARM_UP).max(options.stage);
    Ok((waits, shared.failed.load(Ordering::Relaxed), took))
}

/// What the connections share.
struct Pace {
    options: Options,
    began: Instant,
    next: AtomicU64,
    failed: AtomicU64,
}

impl Pace {
    /// When the next call is due, and whether it counts.
    fn next(&self) -> Option<(Instant, bool)> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.options.rate {
            0 => self.began.elapsed(),
            rate => Duration::from_secs_f64(at as f64 / f64::from(rate)),
        };
        let end = WARM_UP.saturating_add(self.options.stage);
        (due < end).then(|| (self.began + due, due >= WARM_UP))
    }
}

async fn connection(mut stream: TcpStream, pace: Arc<Pace>) -> Result<Vec<Duration>, Error> {
    let (mut waits, mut buffer) = (Vec::new(), vec![0; MAX_ANSWER]);
    while let Some((due, counts)) = pace.next() {
        tokio::time::sleep_until(due.into()).await;
        stream.write_all(&pace.options.request).await.map_err(Error::io("send"))?;
        let status = answer(&mut stream, &mut buffer).await?;
        if !counts {
            continue;
        }
        match status == pace.options.expect {
            true => waits.push(due.elapsed()),
            false => drop(pace.failed.fetch_add(1, Ordering::Relaxed)),
        }
    }
    Ok(waits)
}

/// The status of the next answer, once it is there whole.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<u16, Error> {
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        let read = stream.read(room).await.map_err(Error::io("receive"))?;
        filled += read;
        let so_far = buffer.get(..filled).unwrap_or_default();
        if let Some(status) = whole(so_far) {
            return Ok(status);
        }
        if read == 0 {
            return Err(Error::failed("an answer did not come whole"));
        }
    }
}

/// The status of an answer, once its body is there: by its length, or its last chunk.
fn whole(answer: &[u8]) -> Option<u16> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let text = std::str::from_utf8(answer.get(..head)?).ok()?;
    let body = answer.get(head + 4..)?;
    let field = |wanted: &str| {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim())
        })
    };
    let complete = match field("content-length").map(str::parse::<usize>) {
        Some(length) => body.len() >= length.ok()?,
        None if field("transfer-encoding").is_some() => body.ends_with(b"0\r\n\r\n"),
        None => true,
    };
    let status = text.split(' ').nth(1)?.parse().ok()?;
    complete.then_some(status)
}

/// How long it takes to make a page durable, again and again.
fn flushes(dir: &Path, stop: &AtomicBool) -> Result<Vec<Duration>, Error> {
    let mut file = tempfile::tempfile_in(dir).map_err(Error::io(dir))?;
    let mut times = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        times.push(flush(&mut file).map_err(Error::io(dir))?);
        std::thread::sleep(PROBE);
    }
    Ok(times)
}

fn flush(file: &mut File) -> std::io::Result<Duration> {
    let began = Instant::now();
    file.write_all(&[0x5a; PAGE])?;
    file.sync_data()?;
    Ok(began.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_by_its_length_or_its_last_chunk() {
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{"), None);
        assert_eq!(whole(b"HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\n{}"), Some(403));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(whole(chunked), Some(200));
        assert_eq!(whole(&chunked[..chunked.len() - 5]), None);
    }

    #[test]
    fn calls_are_due_at_their_times_and_what_fails_is_counted() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            use std::io::Read as _;
            let (mut stream, _) = listener.accept().unwrap();
            let (mut calls, mut buffer) = (0, [0; 4096]);
            while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                calls += 1;
                let status = if calls % 2 == 0 { "200 OK" } else { "500 No" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let tmp = tempfile::tempdir().unwrap();
        let report = run(&Options {
            request: request("POST", &authority, "/", &["X: 1".to_owned()], b"{}"),
            authority,
            expect: 200,
            rate: 100,
            stage: Duration::from_millis(500),
            connections: 1,
            dir: tmp.path().to_owned(),
        })
        .unwrap();
        assert_eq!(report.failed, 25);
        assert!((report.answered_per_s - 50.0).abs() < 1e-9, "{report:?}");
        assert!(report.p50_ms <= report.p99_ms && report.p99_ms <= report.max_ms);
        assert!(report.fdatasync_p50_ms > 0.0);
    }
}

//! Measurements: `bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `bench`.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Measure how many approvals a second are recorded, beside what the machine allows
    Append(BenchAppend),
    /// Measure how many records without an assertion are appended, and how soon each has its proof
    Records(BenchRecords),
    /// Measure how long calls of a server take, at a rate that does not wait for them
    Http(BenchHttp),
    /// Measure how a log does as it grows: rate, proofs, memory, restart, disk
    Grow(BenchGrow),
    /// The process with the log that `grow` looks at
    #[command(hide = true)]
    GrowWorker(BenchGrowWorker),
}

/// `bench append`.
#[derive(Debug, Args)]
#[command(after_long_help = APPEND)]
pub struct BenchAppend {
    /// How long each stage is measured
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// A folder of the file system that is measured; what is made there is removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `bench records`.
#[derive(Debug, Args)]
#[command(after_long_help = RECORDS)]
pub struct BenchRecords {
    /// How long each of the two stages is measured
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    #[arg(value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub size: u32,
    /// Calls that wait at any time in the first stage
    #[arg(long, value_name = "N", default_value_t = 2048)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub inflight: u16,
    /// A folder of the file system that is measured; what is made there is removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `bench http`.
#[derive(Debug, Args)]
#[command(after_long_help = HTTP)]
pub struct BenchHttp {
    /// What is called: http://HOST:PORT/PATH, of this machine
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// A body to be sent by POST; without one it is a GET
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// A header, as in "Content-Type: application/json"; several times for several
    #[arg(long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// A file with a token, which is sent as "Authorization: Bearer"
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The status of a good answer
    #[arg(long, value_name = "STATUS", default_value_t = 200)]
    pub expect: u16,
    /// Calls a second, due whether or not the server keeps up; 0 for as many as the connections get
    #[arg(long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub rate: u32,
    /// How long, a second of warming up apart
    #[arg(long, value_name = "N", default_value_t = 10)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// Connections, each with one call at a time
    #[arg(long, value_name = "N", default_value_t = 16)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// A folder of the file system that the server writes to, where flushes are measured
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `bench grow`.
#[derive(Debug, Args)]
#[command(after_long_help = GROW)]
pub struct BenchGrow {
    /// Entries of the log; ten million of 512 bytes take 7 GB for a while
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(1000..=1_000_000_000))]
    pub entries: u64,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES", default_value_t = 512)]
    #[arg(value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub size: u32,
    /// A folder of the file system that is measured; what is made there is removed again
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,
}

/// `bench grow-worker`.
#[derive(Debug, Args)]
pub struct BenchGrowWorker {
    /// The folder of the log, which is made if it is not there
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Bytes of a record
    #[arg(long, value_name = "BYTES")]
    pub size: u32,
}

const RECORDS: &str = "\
First as many records as go, then half of that rate, evenly in time. A record is a statement of so
many bytes with one once key. It counts when fdatasync has returned and a checkpoint with its entry
is signed; the time to proof goes from handing it over until its inclusion path is there.";

const HTTP: &str = "\
Each call is due at its time, evenly in the second, and measured from there, whatever became of the
one before: a server that stands still is seen to. Beside it a page is flushed by fdatasync fifty
times a second, so that what a server makes durable before it answers can be told from what it adds.";

const GROW: &str = "\
The log grows in twenty stretches. Behind each one, proofs of 2000 random entries are timed, and a
new log grows to 200,000 entries at most, so that both rates are of the same minute. Then the
process is killed while it appends, and a new one is timed until it has opened both logs and
appended. Every append is flushed by fdatasync before it counts; there is no other mode.";

const APPEND: &str = "\
Stages, one after the other, in one process on all cores, N seconds each:
  floor    a bare loop: verify an ES256 assertion that was made before, sign 3 KiB by Ed25519, hash
           body, leaf and node; one thread for each core does that, one writes and flushes what they
           have done. No parser, no document, no once keys, no proofs, nobody who waits.
  engine   the assertion checked against its document by the verifier's code, the statement made,
           signed and read again, appended under its once keys, its inclusion proof made under the
           checkpoint that the log has signed by then. Documents and assertions are made in between
           and not timed.
  latency  the same at half of that rate, evenly in time: from when each is due to its proof.
  service  POST /approve/{request}/answer to the service as `serve` runs it, over 64 connections of
           this machine that stay open, with the program that loads it on the same cores. Nothing is
           switched off. Requests are opened (each asks 16 persons) and documents prepared in
           between and not timed; the result says how much of the stage was (http_timed_s).
Beside them, for 5 seconds at most: records that nobody signs, by the engine.

Every append is flushed by fdatasync before it is answered; there is no other mode. Only the ratios
of one run mean something: another machine, disk or hour gives other rates, and so does a machine
that does something else meanwhile. In memory (tmpfs) no disk is measured: --dir says where.";

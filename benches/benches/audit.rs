//! How fast a whole log is audited, beside what the machine's cores can verify at all.
//!
//! ```text
//! cargo build --release && cargo bench -p placet-benches --bench audit [-- REQUESTS]
//! ```
//!
//! Prints signatures a second of ES256 and Ed25519 on all cores, before and after; then what
//! `placet-verify audit --json` says of a log of approvals and of one of executed requests; then
//! one bundle by `placet-verify check`, the whole process. Ratios are of this machine and moment;
//! those by processor time (user and system) hold on a busy one, too.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use placet_forge::{Requests, write_long_log};
use placet_softkey::SoftKey;
use placet_verifier::crypto::ReadyKey;
use serde_json::Value;

/// How long signatures are counted.
const COUNTING: Duration = Duration::from_secs(3);
/// Runs of `check`.
const CHECKS: usize = 101;

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let requests = wanted.map_or(20_000, |n| n.parse().expect("a number of requests"));
    for (name, come_to, issuers) in
        [("approved", Requests::Approved, 1.0), ("executed", Requests::Executed, 3.0)]
    {
        let tmp = tempfile::tempdir().expect("a folder");
        write_long_log(tmp.path(), requests, come_to);
        let before = [es256(), ed25519()];
        let (result, cpu) = audit(tmp.path());
        let after = [es256(), ed25519()];
        let raw = [0, 1].map(|i| before[i].mean(after[i]));
        let assertions = result["assertions"].as_f64().expect("a number");
        let rate = result["run"]["assertions_per_s"].as_f64().expect("a rate");
        println!("{name}: {requests} requests, {} entries", result["main"]["size"]);
        for (by, rate, [es, ed]) in [
            ("the clock", rate, raw.map(|r| r.by_clock)),
            ("processor time", assertions / cpu, raw.map(|r| r.by_cpu)),
        ] {
            // One assertion and so many signatures of issuers for each request.
            let floor = 1.0 / (1.0 / es + issuers / ed);
            let (of_es, of_all) = (100.0 * rate / es, 100.0 * rate / floor);
            println!(
                "  by {by}: raw ES256 {es:.0}/s, Ed25519 {ed:.0}/s; audit {rate:.0} assertions/s, \
                 {of_es:.0} % of raw ES256, {of_all:.0} % of all signatures of a request, raw"
            );
        }
    }
    check();
}

/// Signatures a second of wall clock on all cores, and a second of processor time.
#[derive(Debug, Clone, Copy)]
struct Rate {
    by_clock: f64,
    by_cpu: f64,
}

impl Rate {
    fn mean(self, other: Self) -> Self {
        Self {
            by_clock: f64::midpoint(self.by_clock, other.by_clock),
            by_cpu: f64::midpoint(self.by_cpu, other.by_cpu),
        }
    }
}

/// Processor time of this process, or of its children that ended, in seconds (proc(5)).
fn cpu_seconds(children: bool) -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let first = if children { 13 } else { 11 };
    let ticks = fields.split_whitespace().skip(first).take(2);
    // Linux shows hundredths of a second whatever its own clock.
    ticks.map(|t| t.parse::<f64>().expect("a number")).sum::<f64>() / 100.0
}

fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    target.unwrap_or_else(default).join("release/placet-verify")
}

fn audit(dir: &Path) -> (Value, f64) {
    let mut command = Command::new(program());
    command.args(["audit", "copy", "--trust", "trust.json", "--json"]).current_dir(dir);
    let before = cpu_seconds(true);
    let output = command.output().expect("placet-verify, built with --release");
    let cpu = cpu_seconds(true) - before;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    (serde_json::from_slice(&output.stdout).expect("JSON"), cpu)
}

fn on_all_cores(verify: impl Fn() + Sync) -> Rate {
    let (count, cores) =
        (AtomicU64::new(0), thread::available_parallelism().map_or(1, usize::from));
    let (started, before) = (Instant::now(), cpu_seconds(false));
    thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while started.elapsed() < COUNTING {
                    for _ in 0..64 {
                        verify();
                    }
                    count.fetch_add(64, Ordering::Relaxed);
                }
            });
        }
    });
    let count = count.into_inner() as f64;
    let (clock, cpu) = (started.elapsed().as_secs_f64(), cpu_seconds(false) - before);
    Rate { by_clock: count / clock, by_cpu: count / cpu }
}

fn es256() -> Rate {
    let mut passkey = SoftKey::from_seed(&[7; 32], "localhost");
    let made = passkey.assert(b"challenge", "http://localhost:8080");
    let hash = placet_proto::sha256(&made.client_data_json);
    let signed = [made.authenticator_data.as_slice(), &hash].concat();
    let key = ReadyKey::new(passkey.public_key()).expect("a key");
    on_all_cores(|| {
        black_box(&key).verify_webauthn(black_box(&signed), &made.signature).expect("a signature");
    })
}

fn ed25519() -> Rate {
    // About as long as a statement.
    let (key, message, signature) = placet_forge::signed(&[7; 1500]);
    let key = ReadyKey::new(key).expect("a key");
    on_all_cores(|| {
        black_box(&key).verify_cose(black_box(&message), &signature).expect("a signature");
    })
}

/// One bundle, cold but for the page cache: the whole process.
fn check() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../verifier/vectors/bundles/honest");
    let before = cpu_seconds(true);
    let mut times: Vec<Duration> = (0..CHECKS)
        .map(|_| {
            let mut command = Command::new(program());
            command.args(["check", "bundle.placet", "--trust", "trust.json", "--quiet"]);
            command.current_dir(folder).stdout(Stdio::null());
            let started = Instant::now();
            assert!(command.status().expect("placet-verify").success());
            started.elapsed()
        })
        .collect();
    let cpu = 1000.0 * (cpu_seconds(true) - before) / CHECKS as f64;
    times.sort_unstable();
    let (best, median) = (times[0], times[CHECKS / 2]);
    println!(
        "check of one bundle, whole process: median {median:.1?}, best {best:.1?}; \
         processor time {cpu:.1} ms"
    );
}

//! How fast a whole log is audited, beside what the machine's cores can verify at all.
//!
//! ```text
//! cargo build --release && cargo bench -p placet-benches --bench audit [-- REQUESTS]
//! ```
//!
//! Prints signatures a second of ES256 and Ed25519 on all cores, before and after; then what
//! `placet-verify audit --json` says of a log of approvals and of one of executed requests; then
//! one bundle by `placet-verify check`, the whole process. Ratios are of this machine and moment.

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
const CHECKS: usize = 51;

fn main() {
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let requests = wanted.map_or(20_000, |n| n.parse().expect("a number of requests"));
    for (name, come_to, ed25519) in
        [("approved", Requests::Approved, 1.0), ("executed", Requests::Executed, 3.0)]
    {
        let tmp = tempfile::tempdir().expect("a folder");
        write_long_log(tmp.path(), requests, come_to);
        let before = [es256(), ed25519_rate()];
        let result = audit(tmp.path());
        let after = [es256(), ed25519_rate()];
        let [es, ed] = [0, 1].map(|i| f64::midpoint(before[i], after[i]));
        let rate = result["run"]["assertions_per_s"].as_f64().expect("a rate");
        // One assertion and so many signatures of issuers for each request.
        let floor = 1.0 / (1.0 / es + ed25519 / ed);
        println!("{name}: {requests} requests, {} entries", result["main"]["size"]);
        println!("  raw ES256 {es:.0}/s, raw Ed25519 {ed:.0}/s, on all cores");
        println!("  audit     {rate:.0} assertions/s in {} s", result["run"]["seconds"]);
        println!("  of raw ES256 {:.0} %", 100.0 * rate / es);
        println!("  of all signatures of a request, raw {:.0} %", 100.0 * rate / floor);
    }
    check();
}

fn program() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target");
    target.unwrap_or_else(default).join("release/placet-verify")
}

fn audit(dir: &Path) -> Value {
    let mut command = Command::new(program());
    command.args(["audit", "copy", "--trust", "trust.json", "--json"]).current_dir(dir);
    let output = command.output().expect("placet-verify, built with --release");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Signatures a second on all cores.
fn on_all_cores(verify: impl Fn() + Sync) -> f64 {
    let (count, cores) =
        (AtomicU64::new(0), thread::available_parallelism().map_or(1, usize::from));
    let started = Instant::now();
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
    count.into_inner() as f64 / started.elapsed().as_secs_f64()
}

fn es256() -> f64 {
    let mut passkey = SoftKey::from_seed(&[7; 32], "localhost");
    let made = passkey.assert(b"challenge", "http://localhost:8080");
    let hash = placet_proto::sha256(&made.client_data_json);
    let signed = [made.authenticator_data.as_slice(), &hash].concat();
    let key = ReadyKey::new(passkey.public_key()).expect("a key");
    on_all_cores(|| {
        black_box(&key).verify_webauthn(black_box(&signed), &made.signature).expect("a signature");
    })
}

fn ed25519_rate() -> f64 {
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
    times.sort_unstable();
    let (median, worst) = (times[CHECKS / 2], times[CHECKS - 1]);
    println!("check of one bundle, whole process: median {median:.1?}, worst {worst:.1?}");
}

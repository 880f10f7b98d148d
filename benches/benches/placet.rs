//! What costs time: verifying a bundle, the strict gates, proofs, durable appends.
//!
//! `cargo bench -p placet-benches [-- NAME]` prints medians. Figures are of one machine and one
//! moment; whoever quotes one names both. Every append below is durable (fdatasync) before it
//! counts, as in service: there is no other mode.

use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use placet_ledger::{Dir, Log, LogId, NewEntry};
use placet_proto::tlog::merkle::{
    Hash, HashReader, inclusion_path, leaf_hash, node_hash, root_at, root_from_inclusion,
};
use placet_proto::trust::TrustFile;
use placet_proto::{cbor, json};
use placet_verifier::{Options, Verdict, verify_bundle};

/// Measurements of which the median is taken.
const SAMPLES: usize = 31;
/// A measurement lasts at least so long, so that the clock does not matter.
const MIN_SAMPLE: Duration = Duration::from_millis(10);
/// How long appends are measured.
const APPENDING: Duration = Duration::from_secs(3);
/// Leaves of the tree for proofs: 2^20.
const LEVELS: u8 = 20;

fn main() {
    // Cargo passes `--bench`; anything else chooses by name.
    let wanted = std::env::args().skip(1).find(|arg| !arg.starts_with("--"));
    let benches: [(&str, fn()); 4] =
        [("verify", verify), ("gates", gates), ("proofs", proofs), ("append", append)];
    for (name, bench) in benches {
        if wanted.as_deref().is_none_or(|wanted| name.contains(wanted)) {
            bench();
        }
    }
}

fn vector(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../verifier/vectors/bundles/honest");
    std::fs::read(Path::new(folder).join(name)).expect("a committed vector")
}

/// The whole verdict over one bundle, all signatures and proofs in it.
fn verify() {
    let bundle = vector("bundle.placet");
    let trust = TrustFile::parse(&vector("trust.json")).expect("a trust file");
    let options = Options::default();
    let run = || verify_bundle(&bundle, &trust, &options).expect("a bundle");
    assert_eq!(run().verdict, Verdict::Passed);
    let each = median(run);
    println!("verify_bundle, honest vector of {} bytes: {}", bundle.len(), micros(each));
}

/// What every untrusted byte goes through first.
fn gates() {
    let text = vector("trust.json");
    let each = median(|| json::parse(&text).expect("strict JSON"));
    println!("strict JSON, {} bytes: {}", text.len(), rate(text.len(), each));
    let bundle = vector("bundle.placet");
    let each = median(|| cbor::check(&bundle).expect("deterministic CBOR"));
    println!(
        "deterministic CBOR, {} bytes, most in strings: {}",
        bundle.len(),
        rate(bundle.len(), each)
    );
}

/// A tree in memory, all levels.
struct Tree(Vec<Vec<Hash>>);

impl Tree {
    fn full(levels: u8) -> Self {
        let leaf = |n: u32| leaf_hash(&n.to_be_bytes());
        let mut tree = vec![(0..1_u32 << levels).map(leaf).collect::<Vec<Hash>>()];
        for _ in 0..levels {
            let (pairs, _) = tree.last().expect("a level").as_chunks::<2>();
            tree.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
        }
        Self(tree)
    }
}

impl HashReader for &Tree {
    type Error = placet_proto::tlog::merkle::MerkleError;

    fn subtree(&self, level: u8, index: u64) -> Result<Hash, Self::Error> {
        Ok(self.0[usize::from(level)][index as usize])
    }
}

/// Inclusion in a tree of a million leaves that lies in memory.
fn proofs() {
    let (tree, size) = (&Tree::full(LEVELS), 1_u64 << LEVELS);
    let mut index = 0;
    let mut next = || {
        // Any odd step visits every leaf; this one leaves the caches.
        index = (index + 611_953) % size;
        index
    };
    let each = median(|| inclusion_path(&tree, next(), size).expect("a leaf"));
    println!("inclusion proof of {size} leaves, made: {}", micros(each));
    let (root, index) = (root_at(&tree, size).expect("a root"), 611_953);
    let path = inclusion_path(&tree, index, size).expect("a leaf");
    let leaf = tree.0[0][index as usize];
    let check = || root_from_inclusion(&leaf, index, size, &path).expect("a path");
    assert_eq!(check(), root);
    println!("inclusion proof of {size} leaves, verified: {}", micros(median(check)));
}

/// Statements of 1 KiB into a log on disk.
fn append() {
    println!("append: each answer waits for fdatasync of its batch (no other policy exists)");
    for callers in [1, 64] {
        let tmp = tempfile::tempdir().expect("a folder");
        let dir = Dir::init(&tmp.path().join("d")).expect("a ledger folder");
        // Signing is not what is measured here.
        let sign = |text: &str| -> Result<Vec<u8>, String> {
            Ok(format!("{text}\n— example.com/log AAAAAAAA\n").into_bytes())
        };
        let log = Log::open(&dir, LogId::Main, "example.com/log", sign).expect("a log");
        let mut waits = append_from(&log, callers);
        waits.sort_unstable();
        let each = waits[waits.len() / 2];
        let rate = waits.len() as f64 / APPENDING.as_secs_f64();
        println!(
            "append, {callers} callers, statements of 1 KiB: {rate:.0} a second, each {}",
            micros(each)
        );
    }
    println!("  in {}", std::env::temp_dir().display());
}

/// Appends until the time is over; gives how long each took.
fn append_from(log: &Log, callers: usize) -> Vec<Duration> {
    let barrier = Barrier::new(callers);
    std::thread::scope(|scope| {
        let work = |caller: usize| {
            let barrier = &barrier;
            move || {
                barrier.wait();
                let (start, mut waits) = (Instant::now(), Vec::new());
                while start.elapsed() < APPENDING {
                    let mut statement = vec![b'x'; 1024];
                    let id = [caller as u64, waits.len() as u64].map(u64::to_be_bytes).concat();
                    statement[..16].copy_from_slice(&id);
                    let began = Instant::now();
                    log.append(vec![NewEntry::plain(statement)]).expect("appended");
                    waits.push(began.elapsed());
                }
                waits
            }
        };
        let threads: Vec<_> = (0..callers).map(|caller| scope.spawn(work(caller))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// The median time of one run.
fn median<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut runs = 1_u32;
    let mut sample = |runs: u32| {
        let start = Instant::now();
        for _ in 0..runs {
            black_box(run());
        }
        start.elapsed()
    };
    while sample(runs) < MIN_SAMPLE {
        runs = runs.saturating_mul(2);
    }
    let mut samples: Vec<Duration> = (0..SAMPLES).map(|_| sample(runs) / runs).collect();
    samples.sort_unstable();
    samples[SAMPLES / 2]
}

fn micros(time: Duration) -> String {
    format!("{:.1} µs", time.as_secs_f64() * 1e6)
}

fn rate(bytes: usize, time: Duration) -> String {
    format!("{:.0} MB/s", bytes as f64 / time.as_secs_f64() / 1e6)
}

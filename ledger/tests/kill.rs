//! A writer under load is killed at random moments, 200 times. Nothing that it acknowledged may be
//! lost, and nothing that it signed may be contradicted.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use placet_ledger::storage::Hash;
use placet_ledger::{Dir, Log, LogId, NewEntry, OnceKey, Outcome, Statement, fsck};
use placet_proto::tlog::merkle::verify_consistency;
use sha2::{Digest, Sha256};

const ORIGIN: &str = "example.com/killed";
const FOLDER: &str = "PLACET_TEST_KILL_FOLDER";
const LIFE: &str = "PLACET_TEST_KILL_LIFE";
const LIVES: u64 = 200;

fn sign(text: &str) -> Result<Vec<u8>, String> {
    Ok(format!("{text}\n— {ORIGIN} AAAAAAAA\n").into_bytes())
}

fn key(life: u64, thread: u64, n: u64) -> OnceKey {
    OnceKey(Sha256::digest(format!("key {life} {thread} {n}")).into())
}

/// Not a test of its own: the process that gets killed. Without the environment it does nothing.
#[test]
fn writer_under_load() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let life: u64 = std::env::var(LIFE).unwrap().parse().unwrap();
    let dir = Dir::open(Path::new(&folder)).unwrap();
    let log = Log::open(&dir, LogId::Main, ORIGIN, sign).unwrap();
    let say = |line: String| {
        // One write for each line, so that a killed process leaves at most one cut line.
        std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
    };
    say("\nREADY\n".to_owned());
    let log = &log;
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            scope.spawn(move || {
                for n in 0u64.. {
                    let entries: Vec<NewEntry> = (0..=n % 3)
                        .map(|part| NewEntry {
                            once: if part == 0 { vec![key(life, thread, n)] } else { vec![] },
                            ..NewEntry::plain(format!("{life} {thread} {n} {part}").repeat(30))
                        })
                        .collect();
                    let hashes: Vec<String> = entries
                        .iter()
                        .map(|entry| hex::encode(Sha256::digest(&entry.statement)))
                        .collect();
                    let Outcome::Appended { first_index } = log.append(entries).unwrap() else {
                        panic!("a fresh key is taken");
                    };
                    let key = hex::encode(key(life, thread, n).0);
                    say(format!("ACK {first_index} {key} {}\n", hashes.join(",")));
                    if n % 16 == 7 {
                        log.erase(first_index).unwrap();
                        say(format!("ERASED {first_index}\n"));
                    }
                    if n % 8 == 3 {
                        let fast = log.checkpoint_fast().unwrap().head;
                        say(format!("HEAD {} {}\n", fast.size, hex::encode(fast.root)));
                    }
                    if thread == 0 && n % 8 == 5 {
                        let fast = log.checkpoint_fast().unwrap();
                        let note = log.publish(&fast.note).unwrap();
                        say(format!("HEAD {} {}\n", note.size, hex::encode(note.root)));
                    }
                }
            });
        }
    });
}

/// What the writers said over all their lives.
#[derive(Default)]
struct Said {
    entries: BTreeMap<u64, String>,
    keys: BTreeMap<String, u64>,
    erased: Vec<u64>,
    heads: BTreeMap<u64, String>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["ACK", index, key, hashes] => {
                let index: u64 = index.parse().unwrap();
                self.keys.insert(key.to_owned(), index);
                for (index, hash) in (index..).zip(hashes.split(',')) {
                    let before = self.entries.insert(index, hash.to_owned());
                    assert_eq!(before, None, "index {index} was given twice");
                }
            }
            ["ERASED", index] => self.erased.push(index.parse().unwrap()),
            ["HEAD", size, root] => {
                let before = self.heads.insert(size.parse().unwrap(), root.to_owned());
                assert!(before.is_none_or(|b| b == root), "two roots of size {size}");
            }
            _ => {}
        }
    }

    fn check(&self, log: &Log) {
        for (index, hash) in &self.entries {
            assert_eq!(&hex::encode(log.entry(*index).unwrap()), hash);
        }
        for (key, index) in &self.keys {
            let key = OnceKey(hex::decode(key).unwrap().try_into().unwrap());
            assert_eq!(log.holder(&key).unwrap(), Some(*index));
        }
        for index in &self.erased {
            assert_eq!(log.statement(*index).unwrap(), Statement::Erased);
        }
        let heads: Vec<(u64, Hash)> = self
            .heads
            .iter()
            .map(|(size, root)| (*size, hex::decode(root).unwrap().try_into().unwrap()))
            .collect();
        for (size, root) in &heads {
            assert_eq!(log.root_at(*size).unwrap(), *root);
        }
        for pair in heads.windows(2) {
            let path = log.consistency_path(pair[0].0, pair[1].0).unwrap();
            verify_consistency(pair[0].0, pair[1].0, &pair[0].1, &pair[1].1, &path).unwrap();
        }
    }
}

// SPEC.md R-10-1, R-10-3.
#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed() {
    let tmp = tempfile::tempdir().unwrap();
    drop(Dir::init(tmp.path()).unwrap());
    let mut said = Said::default();
    let mut seed = u64::from(std::process::id());
    let began = Instant::now();
    for life in 0..LIVES {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        live(tmp.path(), life, seed, &mut said);
        if life % 50 == 49 {
            let dir = Dir::open(tmp.path()).unwrap();
            let log = Log::open(&dir, LogId::Main, ORIGIN, sign).unwrap();
            said.check(&log);
            log.visit(0..log.size(), |_, _| ControlFlow::Continue(())).unwrap();
            drop(log);
            let report = fsck::check_log(&dir, LogId::Main).unwrap();
            assert!(report.clean(), "{report:?}");
        }
    }
    let (entries, heads) = (said.entries.len(), said.heads.len());
    println!("{LIVES} lives, {entries} acknowledged, {heads} heads, {:?}", began.elapsed());
    assert!(entries as u64 > LIVES, "the lives are too short to mean anything");
}

/// Runs one writer and kills it after a random number of acknowledgements and some microseconds.
fn live(folder: &Path, life: u64, seed: u64, said: &mut Said) {
    // This very program, even when a new build has taken its name meanwhile.
    let mut child = Command::new("/proc/self/exe")
        .args(["--exact", "writer_under_load", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(LIFE, life.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let lines_before = seed >> 33 & 63;
    let mut heard = 0;
    let mut ready = false;
    let mut line = String::new();
    let mut killed = false;
    while lines.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut.
        if let Some(whole) = line.strip_suffix('\n') {
            ready |= whole == "READY";
            said.hear(whole);
        }
        line.clear();
        heard += u64::from(ready);
        if ready && heard >= lines_before && !killed {
            std::thread::sleep(Duration::from_micros(seed >> 40 & 2047));
            child.kill().unwrap();
            killed = true;
        }
    }
    child.wait().unwrap();
    assert!(killed, "life {life} ended by itself after {heard} lines");
}

/// Prints how fast appending is here; asserts only that everything arrived.
#[test]
fn throughput() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = Dir::init(tmp.path()).unwrap();
    let log = Log::open(&dir, LogId::Main, ORIGIN, sign).unwrap();
    for (threads, each) in [(1u64, 300u64), (64, 100)] {
        let before = log.size();
        let began = Instant::now();
        let slowest = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (log, slowest) = (&log, &slowest);
                scope.spawn(move || {
                    for n in 0..each {
                        let once = vec![key(threads, thread, n)];
                        let statement = format!("{threads} {thread} {n} ").repeat(150);
                        let call = Instant::now();
                        log.append(vec![NewEntry { once, ..NewEntry::plain(statement) }]).unwrap();
                        slowest.fetch_max(call.elapsed().as_micros() as u64, Ordering::Relaxed);
                    }
                });
            }
        });
        let count = log.size() - before;
        assert_eq!(count, threads * each);
        let rate = count as f64 / began.elapsed().as_secs_f64();
        let slowest = slowest.into_inner();
        println!("{threads} callers: {rate:.0} appends/s, slowest {slowest} us");
    }
}

//! The whole program while it serves: its disk fails, fills up, writes short, or it is killed, at
//! any call of the operating system that it makes, with callers who go on calling.
//!
//! Whatever somebody was told holds afterwards; what fails is refused with a code that says so; a
//! flush that failed is the last one of its file, reading goes on; a disk that was full is as good
//! as new when there is space, in the same process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use placet_ledger::service::{Ledger, Surroundings};
use placet_ledger::{Dir, fsck};
use placet_softkey::SoftKey;

use super::callers::{Callers, Told};
use super::calls::shim;
use super::process::{Place, Service};
use super::replay;

/// What a caller may be told while nothing can be recorded.
const REFUSALS: [&str; 6] = [
    "decision_unavailable",
    "ledger.full",
    "ledger.stopped",
    // The checkpoints that an answer rests on could not be renewed.
    "witness.quorum",
    // The order is on record and is carried out later.
    "erase.unfinished",
    "ledger.timeout",
];
/// Runs of each kind in a sample: few with a build that is not optimised.
const SAMPLE: usize = if cfg!(debug_assertions) { 3 } else { 14 };
/// Longest wait for the service to say that something is wrong, or right again.
const PATIENCE: Duration = Duration::from_secs(45);

/// A ledger with a person in it, and copies of it for short lives.
struct Stage {
    place: Place,
    key: PathBuf,
}

/// One life of the program under a fault.
struct Life<'a> {
    stage: &'a Stage,
    tmp: tempfile::TempDir,
    what: String,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        let service = place.start();
        place.enrol(&service);
        service.terminate();
        let key = place.beside("softkey");
        Self { place, key }
    }

    /// Numbers of the calls to try of this many.
    fn sample(count: usize) -> impl Iterator<Item = usize> {
        let stride = if super::every() { 1 } else { count.div_ceil(SAMPLE).max(1) };
        // Not always the same ones of what differs a little from life to life.
        (stride / 2..count).step_by(stride)
    }

    fn life(&self, what: String) -> Life<'_> {
        let tmp = super::memory();
        copy(self.place.dir(), &tmp.path().join("ledger"));
        Life { stage: self, tmp, what }
    }

    /// Calls in a life without faults: those that change something, those that flush, and reads.
    fn calls(&self) -> (usize, usize) {
        let life = self.life("no fault".to_owned());
        let trace = life.beside("trace");
        let service = life.start(&[("FAULTS_TRACE", trace.clone())]).unwrap();
        let callers = life.work(&service);
        assert!(callers.told.refused.is_empty(), "{:?}", callers.told.refused);
        service.kill();
        let operations = replay::read(&trace);
        life.check(callers.told);
        let flushes = operations.iter().filter(|operation| operation.is_flush()).count();
        (operations.len(), flushes)
    }
}

impl Life<'_> {
    fn dir(&self) -> PathBuf {
        self.tmp.path().join("ledger")
    }

    fn beside(&self, name: &str) -> PathBuf {
        self.tmp.path().join(name)
    }

    /// The program under the shim; none when it ends before it is ready.
    fn start(&self, more: &[(&str, PathBuf)]) -> Option<Service> {
        let mut environment = vec![
            ("LD_PRELOAD", shim().to_path_buf()),
            ("FAULTS_DIR", self.dir()),
            ("FAULTS_HIT", self.beside("hit")),
            ("FAULTS_FREE", self.beside("free")),
        ];
        environment.extend_from_slice(more);
        self.stage.place.try_start_on(&self.dir(), &environment)
    }

    fn start_with(&self, at: usize, action: &str) -> Option<Service> {
        self.start(&[("FAULTS_PLAN", PathBuf::from(format!("{at}:{action}")))])
    }

    fn work(&self, service: &Service) -> Callers {
        let client = self.stage.place.client(service);
        let mut callers = Callers::new(client, SoftKey::load(&self.stage.key).unwrap());
        callers.work();
        let unknown = callers.told.refused.iter().find(|code| !REFUSALS.contains(&code.as_str()));
        assert_eq!(unknown, None, "{}", self.what);
        callers
    }

    /// The operation that the fault met, and those behind it: a letter and a path each.
    fn hits(&self) -> Vec<(char, String)> {
        let text = std::fs::read_to_string(self.beside("hit")).unwrap_or_default();
        let line = |line: &str| Some((line.chars().next()?, line.get(2..)?.to_owned()));
        text.lines().filter_map(line).collect()
    }

    /// The next life has no faults: it finds everything, and so does whoever reads the folder.
    fn check(self, told: Told) {
        let service = self.stage.place.start_on(&self.dir(), &[]);
        told.check(&self.stage.place.client(&service));
        service.terminate();
        told.check_folder(&self.dir());
        for report in fsck::check(&Dir::open_read_only(&self.dir()).unwrap()).unwrap() {
            assert!(report.clean(), "{}: {report:?}", self.what);
        }
    }
}

#[test]
fn a_kill_at_any_call_of_the_service() {
    let stage = Stage::new();
    let (calls, _) = stage.calls();
    let mut killed = 0;
    for at in Stage::sample(calls) {
        let life = stage.life(format!("killed at {at}"));
        let action = if at % 2 == 0 { "KILL" } else { "KILLED" };
        let mut told = Told::default();
        if let Some(service) = life.start_with(at, action) {
            let callers = life.work(&service);
            killed += u32::from(callers.told.gone);
            told = callers.told;
            service.kill();
        } else {
            killed += 1;
        }
        life.check(told);
    }
    println!("service, killed: {killed} lives of {calls} calls");
    assert!(killed > 0);
}

#[test]
fn a_failing_disk_at_any_call_of_the_service() {
    let stage = Stage::new();
    let (calls, _) = stage.calls();
    let (mut tried, mut refused) = (0, 0);
    for at in Stage::sample(calls) {
        let life = stage.life(format!("EIO at {at}"));
        tried += 1;
        let mut told = Told::default();
        if let Some(service) = life.start_with(at, "EIO") {
            let callers = life.work(&service);
            assert!(!callers.told.gone, "{} ended: {}", life.what, stage.place.said());
            callers.read_all();
            refused += callers.told.refused.len();
            told = callers.told;
            service.kill();
        }
        life.check(told);
    }
    println!("service, EIO: {tried} lives of {calls} calls, {refused} callers refused");
    assert!(tried > 0);
}

/// A flush that fails is the last thing that is done to its file, SQLite's among them: nobody knows
/// what is on the disk, and the next one that succeeds would say that all is well.
#[test]
fn a_flush_that_fails_is_the_last_one_of_its_file() {
    let stage = Stage::new();
    let (_, flushes) = stage.calls();
    let (mut tried, mut files) = (0, BTreeSet::new());
    for at in Stage::sample(flushes) {
        let life = stage.life(format!("flush {at} of {flushes} fails"));
        let mut told = Told::default();
        if let Some(service) = life.start_with(at, "FLUSH") {
            let mut callers = life.work(&service);
            callers.decide();
            told = flushed_once(&life, callers, &mut files);
            tried += 1;
            service.kill();
        }
        life.check(told);
    }
    println!("service, flushes that fail: {tried} lives of {flushes} flushes, of {files:?}");
    assert!(tried > 0 && !files.is_empty());
}

fn flushed_once(life: &Life<'_>, callers: Callers, files: &mut BTreeSet<String>) -> Told {
    let hits = life.hits();
    let Some((_, path)) = hits.first() else { return callers.told };
    let name = path.strip_prefix(life.dir().to_str().unwrap()).unwrap();
    files.insert(name.trim_start_matches('/').to_owned());
    // What it says to those who watch it; a publisher may come to it a little later.
    let until = Instant::now() + PATIENCE;
    // A search index is derived. SQLite ignores it when it can't flush the folder of its files, for
    // which their names were flushed before.
    let unnoticed = name.contains("index.sqlite") || ["", "/state"].contains(&name);
    while !unnoticed && callers.ready().0 {
        assert!(Instant::now() < until, "{}: {name}: still ready", life.what);
        std::thread::yield_now();
    }
    callers.read_all();
    let again = life.hits();
    // A folder is flushed for the sake of other names, too; each of those has its own file.
    let others = !Path::new(path).is_dir();
    let after = again.iter().skip(1).find(|(kind, of)| others && *kind == 'S' && of == path);
    assert_eq!(after, None, "{}: {name} is flushed again", life.what);
    callers.told
}

#[test]
fn a_full_disk_at_any_call_of_the_service() {
    let stage = Stage::new();
    let (calls, _) = stage.calls();
    let (mut tried, mut refused) = (0, 0);
    for at in Stage::sample(calls) {
        let life = stage.life(format!("no space from {at} on"));
        tried += 1;
        let mut told = Told::default();
        if let Some(service) = life.start_with(at, "ENOSPC") {
            let mut callers = life.work(&service);
            callers.read_all();
            refused += callers.told.refused.len();
            std::fs::write(life.beside("free"), "").unwrap();
            // In the same process, everything, at once.
            callers.told.refused.clear();
            callers.work();
            let Told { refused, gone, .. } = &callers.told;
            assert!(refused.is_empty() && !gone, "{}: {refused:?}", life.what);
            // A publisher that failed for long pauses for half a minute.
            let until = Instant::now() + PATIENCE;
            while !callers.ready().0 {
                assert!(Instant::now() < until, "{}: {:?}", life.what, callers.ready());
                std::thread::yield_now();
            }
            told = callers.told;
            service.kill();
        }
        life.check(told);
    }
    println!("service, ENOSPC: {tried} lives of {calls} calls, {refused} callers refused");
    assert!(tried > 0);
}

#[test]
fn short_writes_of_the_service_are_gone_on_with() {
    let stage = Stage::new();
    let (calls, _) = stage.calls();
    let mut tried = 0;
    for at in Stage::sample(calls) {
        let life = stage.life(format!("a short write at {at}"));
        let service = life.start_with(at, "SHORT").unwrap_or_else(|| panic!("{}", life.what));
        let callers = life.work(&service);
        assert!(callers.told.refused.is_empty() && !callers.told.gone, "{}", life.what);
        service.kill();
        life.check(callers.told);
        tried += 1;
    }
    println!("service, short writes: {tried} lives of {calls} calls");
    assert!(tried > 0);
}

/// A copy of a folder, permissions included.
pub fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.unwrap().success());
}

/// A folder opens as a ledger, and closes again.
pub fn opens(dir: &Path) -> Result<(), placet_ledger::Error> {
    drop(unlocked(|| Dir::open(dir))?);
    drop(unlocked(|| Ledger::open(dir, Surroundings::default()))?);
    drop(unlocked(|| Dir::open(dir))?);
    Ok(())
}

/// The timer of a ledger that was just closed may hold it for the rest of its round, and so may a
/// program that another test starts, from its fork to its exec.
fn unlocked<T>(
    open: impl Fn() -> Result<T, placet_ledger::Error>,
) -> Result<T, placet_ledger::Error> {
    loop {
        match open() {
            Err(error) if error.code() == "dir.locked" => std::thread::yield_now(),
            opened => return opened,
        }
    }
}

//! Keeping a folder while the disk fails: backup, restore, rebuild-index and freeze of the program
//! itself, with every fault at every call of the operating system.

use std::path::{Path, PathBuf};
use std::process::Output;

use placet_ledger::service::Config;
use placet_ledger::{Dir, Log, LogId, fsck};

use super::calls::shim;
use super::live::{copy, opens};
use super::load::{Book, Load};
use super::machine::Survives;
use super::process::{Place, program, program_without_dir};
use super::replay::{self, Replay};

const ACTIONS: [&str; 5] = ["EIO", "ENOSPC", "SHORT", "KILL", "KILLED"];
/// Calls of each command and fault in a sample.
const SAMPLE: usize = if cfg!(debug_assertions) { 2 } else { 12 };

/// A ledger in which something was acknowledged, and a backup of it.
struct Stage {
    place: Place,
    book: Book,
    backup: tempfile::TempDir,
}

/// Folders for one try: all that the shim looks at lies below one of them.
struct Try<'a> {
    stage: &'a Stage,
    tmp: tempfile::TempDir,
    what: String,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        let service = place.start();
        let mut load = Load::new(place.enrol(&service));
        let mut book = Book::default();
        load.one_by_one(place.client(&service), |life| book.add(life));
        service.terminate();
        let backup = super::memory();
        let out = backup.path().join("backup");
        let made =
            program(&["log", "backup", "--out", out.to_str().unwrap()], place.dir()).output();
        assert!(made.unwrap().status.success());
        Self { place, book, backup }
    }

    fn backup(&self) -> PathBuf {
        self.backup.path().join("backup")
    }

    fn begin(&self, what: String) -> Try<'_> {
        let tmp = super::memory();
        let watched = tmp.path().join("watched");
        std::fs::create_dir(&watched).unwrap();
        copy(self.place.dir(), &watched.join("ledger"));
        Try { stage: self, tmp, what }
    }

    /// Runs `command` with each fault at a sample of its calls, or at all of them; `judge` sees
    /// what came of it. The number of runs, and of calls.
    fn at_each(
        &self,
        command: fn(&Try<'_>) -> Vec<String>,
        judge: impl Fn(&Try<'_>, &Output, &str),
    ) -> (usize, usize) {
        let once = self.begin("no fault".to_owned());
        let trace = once.tmp.path().join("trace");
        let done = once.run(&command(&once), &[("FAULTS_TRACE", trace.as_path())]);
        assert!(done.status.success(), "{done:?}");
        judge(&once, &done, "");
        let calls = replay::read(&trace).len();
        let stride = if super::every() { 1 } else { calls.div_ceil(SAMPLE).max(1) };
        let mut runs = 0;
        for action in ACTIONS {
            for at in (stride / 2..calls).step_by(stride) {
                let one = self.begin(format!("{action} at {at} of {calls}"));
                let plan = format!("{at}:{action}");
                let done = one.run(&command(&one), &[("FAULTS_PLAN", Path::new(&plan))]);
                judge(&one, &done, action);
                runs += 1;
            }
        }
        (runs, calls)
    }
}

impl Try<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.tmp.path().join("watched").join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[String], more: &[(&str, &Path)]) -> Output {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = program_without_dir(&args);
        command.env("LD_PRELOAD", shim()).env("FAULTS_DIR", self.tmp.path().join("watched"));
        command.envs(more.iter().copied()).output().unwrap()
    }

    /// Without a fault.
    fn again(&self, args: &[String]) -> Output {
        self.run(args, &[])
    }

    /// Everything that was acknowledged is in this folder, which has no findings.
    fn holds(&self, dir: &Path) {
        opens(dir).unwrap_or_else(|e| panic!("{}: {e}", self.what));
        self.reads(dir);
    }

    fn reads(&self, dir: &Path) {
        super::audit::audit(dir, &self.stage.book);
        for report in fsck::check(&Dir::open_read_only(dir).unwrap()).unwrap() {
            assert!(report.clean(), "{}: {report:?}", self.what);
        }
    }

    /// What a command that did not come to its end has to say: nothing when it was killed.
    fn refused(&self, done: &Output, action: &str) {
        let said = String::from_utf8_lossy(&done.stdout);
        if !action.starts_with("KILL") {
            let known = ["ledger.io", "ledger.full", "ledger.sqlite", "ledger.stopped", "io.error"];
            let code = done.status.code();
            let known = known.iter().any(|code| said.contains(&format!("\"{code}\"")));
            assert!(
                code == Some(5) && known || said.contains("witness.quorum"),
                "{self:?} {done:?}"
            );
        }
    }
}

impl std::fmt::Debug for Try<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.what)
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn restore(from: &Path, to: &str, known: &Path) -> Vec<String> {
    let (from, known) = (from.to_str().unwrap(), known.to_str().unwrap());
    words(&["log", "restore", "--json", "--from", from, "--dir", to, "--old", known])
}

/// A backup is whole or none, and its ledger is none the worse for it.
#[test]
fn every_fault_while_a_backup_is_written() {
    let stage = Stage::new();
    let command = |one: &Try<'_>| {
        let (dir, out) = (one.text("ledger"), one.text("backup"));
        words(&["log", "backup", "--json", "--dir", &dir, "--out", &out])
    };
    let (runs, calls) = stage.at_each(command, |one, done, action| {
        one.holds(&one.path("ledger"));
        let back = one.again(&restore(&one.path("backup"), &one.text("back"), &one.path("ledger")));
        if !done.status.success() {
            one.refused(done, action);
        }
        // One that says that it succeeded is whole, whatever happened.
        let whole = done.status.success() || one.path("backup").join("backup.json").exists();
        assert_eq!(back.status.success(), whole, "{one:?}: {back:?}");
        match back.status.success() {
            true => one.holds(&one.path("back")),
            false => assert!(!one.path("back").join("FORMAT").exists()),
        }
    });
    println!("backup: {runs} runs at {calls} calls");
}

/// A folder that was restored in part is no ledger, and the same call again makes it one.
#[test]
fn every_fault_while_a_backup_is_restored() {
    let stage = Stage::new();
    let command =
        |one: &Try<'_>| restore(&one.stage.backup(), &one.text("back"), &one.path("ledger"));
    let (runs, calls) = stage.at_each(command, |one, done, action| {
        let back = one.path("back");
        if !done.status.success() {
            one.refused(done, action);
            if !back.join("FORMAT").exists() {
                let opened = opens(&back).unwrap_err();
                assert!(["dir.restoring", "dir.format"].contains(&opened.code()), "{one:?}");
                let again = one.again(&command(one));
                assert!(again.status.success(), "{one:?}: {again:?}");
            }
        }
        one.holds(&back);
    });
    println!("restore: {runs} runs at {calls} calls");
}

/// The power is cut behind every call: until the end there is no ledger, and then a whole one.
#[test]
fn a_power_cut_while_a_backup_is_restored() {
    let stage = Stage::new();
    let one = stage.begin("a power cut".to_owned());
    let trace = one.tmp.path().join("trace");
    let command = restore(&stage.backup(), &one.text("back"), &one.path("ledger"));
    assert!(one.run(&command, &[("FAULTS_TRACE", trace.as_path())]).status.success());
    let mut replay = Replay::empty(&one.tmp.path().join("watched"));
    let operations = replay::read(&trace);
    let stride = if super::all() { 1 } else { 17 };
    let (mut cuts, mut whole) = (0, 0);
    for (at, operation) in operations.iter().enumerate() {
        replay.follow(operation);
        let last = at + 1 == operations.len();
        if at % stride != 0 && !last {
            continue;
        }
        for survives in [Survives::Nothing, Survives::Some, Survives::Everything] {
            cuts += 1;
            let machine = replay.machine.copy(cuts);
            machine.power_cut(survives);
            let tmp = super::memory();
            machine.export(tmp.path());
            let back = tmp.path().join(one.path("back").strip_prefix("/").unwrap());
            match opens(&back) {
                Ok(()) => {
                    one.reads(&back);
                    whole += 1;
                }
                Err(error) => {
                    assert!(!last, "{survives:?} behind the end: {error}");
                    let known = ["dir.restoring", "dir.format"];
                    assert!(known.contains(&error.code()), "{survives:?} at {at}: {error}");
                }
            }
        }
    }
    println!("restore: {cuts} power cuts at {} calls, {whole} left a ledger", operations.len());
    assert!(whole > 0);
}

/// What is derived is made again at the next try.
#[test]
fn every_fault_while_indexes_are_made_again() {
    let stage = Stage::new();
    let command =
        |one: &Try<'_>| words(&["log", "rebuild-index", "--json", "--dir", &one.text("ledger")]);
    let (runs, calls) = stage.at_each(command, |one, done, action| {
        if !done.status.success() {
            one.refused(done, action);
            let again = one.again(&command(one));
            assert!(again.status.success(), "{one:?}: {again:?}");
        }
        one.holds(&one.path("ledger"));
    });
    println!("rebuild-index: {runs} runs at {calls} calls");
}

/// Frozen or not, and if so with a cosigned checkpoint of everything.
#[test]
fn every_fault_while_a_ledger_is_frozen() {
    let stage = Stage::new();
    let command = |one: &Try<'_>| words(&["log", "freeze", "--json", "--dir", &one.text("ledger")]);
    let (runs, calls) = stage.at_each(command, |one, done, action| {
        let dir = one.path("ledger");
        if !done.status.success() {
            one.refused(done, action);
            if !dir.join("FROZEN").exists() {
                one.holds(&dir);
                let again = one.again(&command(one));
                assert!(again.status.success(), "{one:?}: {again:?}");
            }
        }
        assert_eq!(opens(&dir).unwrap_err().code(), "dir.frozen", "{one:?}");
        one.reads(&dir);
        let config = Config::load(&dir).unwrap();
        let folder = Dir::open_read_only(&dir).unwrap();
        for (id, origin) in LogId::ALL.into_iter().zip([config.origin.clone(), config.gov_origin()])
        {
            let log = Log::open_read_only(&folder, id, &origin).unwrap();
            assert_eq!(log.checkpoint().unwrap().size, log.size(), "{one:?}");
        }
    });
    println!("freeze: {runs} runs at {calls} calls");
}

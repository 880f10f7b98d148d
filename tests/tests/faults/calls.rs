//! The real engine and the real SQLite, with every fault at every call of the operating system.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;

use placet_ledger::{Dir, LogId, fsck};

use super::driver;
use super::machine::Survives;
use super::replay::{self, Replay};
use super::world::Told;

/// The name by which the driver finds itself.
const THIS: &str = "calls::every_fault_at_every_call_of_the_operating_system";

#[test]
fn every_fault_at_every_call_of_the_operating_system() {
    if let Some(dir) = std::env::var_os("FAULTS_DIR") {
        let of = |name| std::env::var_os(name).map(PathBuf::from);
        driver::drive(
            &Path::new(&dir).join("ledger"),
            &of("FAULTS_SAID").unwrap(),
            of("FAULTS_FREE").as_deref(),
        );
        return;
    }
    let calls = Run::new().calls();
    for action in ["EIO", "ENOSPC", "SHORT", "KILL", "KILLED", "READ"] {
        let mut tried = 0;
        for at in (0..calls).step_by(stride()) {
            tried += u64::from(fault_at(at, action));
        }
        println!("{action}: at {tried} of {calls} calls");
        assert!(tried > 0);
    }
}

fn stride() -> usize {
    if super::all() { 1 } else { 29 }
}

/// Whether there was such a call.
fn fault_at(at: usize, action: &str) -> bool {
    let run = Run::new();
    let status = run.drive(Some(&format!("{at}:{action}")));
    let said = run.said();
    let ended = said.ends_with("end\n");
    let killed = action.starts_with("KILL");
    // It may be killed behind its last word, too, while it closes its files.
    assert!(killed || (status.success() && ended), "{action} at {at}: {status}: {said}");
    if action == "ENOSPC" {
        let (_, after) = said.split_once("space\n").unwrap();
        for word in ["error", "full"] {
            assert!(!after.contains(word), "{action} at {at}: not recovered: {said}");
        }
    }
    assert!(action == "READ" || !said.contains("unreadable"), "{action} at {at}: {said}");
    if action == "SHORT" {
        assert!(!said.contains("error"), "{at}: {said}");
    }
    let said: String = said
        .lines()
        .filter(|line| !line.starts_with("unread"))
        .fold(String::new(), |said, line| said + line + "\n");
    let mut told = Told::default();
    driver::understand(&mut told, &said);
    look_into(&run.dir(), &told, &format!("{action} at {at}"));
    !killed || !status.success()
}

/// Opens the folder with nothing in the way.
fn look_into(dir: &Path, told: &Told, what: &str) {
    let (log, folder) = driver::open(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
    told.check(&log);
    drop(log);
    drop(folder);
    let report = fsck::check_log(&Dir::open_read_only(dir).unwrap(), LogId::Main).unwrap();
    assert!(report.clean(), "{what}: {report:?}");
}

/// The power is cut behind every call, with what was flushed and some, all or nothing of the rest.
#[test]
fn power_cut_at_every_call_of_the_operating_system() {
    let run = Run::new();
    assert!(run.drive(None).success(), "{}", run.said());
    let operations = replay::read(&run.trace());
    let mut replay = Replay::empty(&run.watched());
    let mut told = Told::default();
    let mut cuts = 0;
    for (at, operation) in operations.iter().enumerate() {
        replay.follow(operation);
        if let Some(said) = operation.said() {
            driver::understand(&mut told, said);
            continue;
        }
        if at % stride() != 0 {
            continue;
        }
        for survives in [Survives::Nothing, Survives::Everything, Survives::Some, Survives::Some] {
            cuts += 1;
            let machine = replay.machine.copy(cuts);
            machine.power_cut(survives);
            let tmp = super::memory();
            machine.export(tmp.path());
            let dir = tmp.path().join(run.dir().strip_prefix("/").unwrap());
            look_into(&dir, &told, &format!("{survives:?} at {at}, behind {operation:?}"));
        }
    }
    println!("power cuts: {cuts} at {} calls", operations.len());
    assert!(cuts > 0);
}

/// One driver and its places.
struct Run {
    tmp: tempfile::TempDir,
}

impl Run {
    fn new() -> Self {
        let tmp = super::memory();
        std::fs::create_dir(tmp.path().join("watched")).unwrap();
        Self { tmp }
    }

    /// What the shim looks at.
    fn watched(&self) -> PathBuf {
        self.tmp.path().join("watched")
    }

    fn dir(&self) -> PathBuf {
        self.watched().join("ledger")
    }

    fn trace(&self) -> PathBuf {
        self.tmp.path().join("trace")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.tmp.path().join("said")).unwrap_or_default()
    }

    /// Number of calls in a life without faults.
    fn calls(&self) -> usize {
        assert!(self.drive(None).success(), "{}", self.said());
        replay::read(&self.trace()).iter().filter(|operation| operation.said().is_none()).count()
    }

    fn drive(&self, plan: Option<&str>) -> ExitStatus {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([THIS, "--exact", "--quiet"]).env("LD_PRELOAD", shim());
        command.env("FAULTS_DIR", self.watched()).env("FAULTS_SAID", self.tmp.path().join("said"));
        match plan {
            Some(plan) => command.env("FAULTS_PLAN", plan),
            None => command.env("FAULTS_TRACE", self.trace()),
        };
        if plan.is_some_and(|plan| plan.ends_with("ENOSPC")) {
            command.env("FAULTS_FREE", self.tmp.path().join("free"));
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap()
    }
}

/// Compiles the shim.
pub fn shim() -> &'static Path {
    static SHIM: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &SHIM
        .get_or_init(|| {
            let tmp = tempfile::tempdir().unwrap();
            let (library, source) = (tmp.path().join("shim.so"), tmp.path().join("shim.c"));
            std::fs::write(&source, include_str!("shim.c")).unwrap();
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source);
            assert!(cc.args(["-ldl", "-lpthread"]).status().expect("cc").success());
            (tmp, library)
        })
        .1
}

//! The program, its folder and its lives.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use placet_ledger::service::Config;
use placet_softkey::SoftKey;
use serde_json::Value;

use super::client::Client;

/// Any free port.
const ANYWHERE: &str = "127.0.0.1:0";

/// A development ledger, made for being killed.
pub struct Place {
    tmp: tempfile::TempDir,
    dir: PathBuf,
    code: String,
}

/// A service that has said that it is ready. Killed when dropped.
pub struct Service {
    child: Child,
    // Kept open: a server must not find its output closed.
    _stdout: BufReader<ChildStdout>,
    pub url: String,
}

impl Place {
    pub fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let dir = tmp.path().join("ledger");
        let made = expect(&["init", "--dev", "--origin", "localhost/crash", "--json"], &dir);
        // So often that publishing is killed as well; and the agents of the test are all one.
        let config = Config {
            publish_ms: 10,
            max_open_per_agent: 10_000,
            openings_per_minute: 1_000_000,
            ..Config::load(&dir).unwrap()
        };
        config.save(&dir).unwrap();
        let code = made["one_time_code"].as_str().unwrap().to_owned();
        Self { tmp, dir, code }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn client(&self, service: &Service) -> Client {
        let token = std::fs::read_to_string(self.dir.join("keys/pep-token")).unwrap();
        Client::new(&service.url, token.trim())
    }

    /// Starts the service and waits for its ready line.
    pub fn start(&self) -> Service {
        self.start_on(&self.dir, &[])
    }

    /// As [`Place::start`], on a copy of the folder and with more in the environment.
    pub fn start_on(&self, dir: &Path, environment: &[(&str, PathBuf)]) -> Service {
        let started = self.try_start_on(dir, environment);
        started.unwrap_or_else(|| panic!("the service did not start: {}", self.said()))
    }

    /// As [`Place::start`], at an address that an earlier life had.
    pub fn start_at(&self, listen: &str) -> Service {
        let child = self.serve(&self.dir, listen, &[]);
        ready(child).unwrap_or_else(|| panic!("the service did not start: {}", self.said()))
    }

    /// As [`Place::start_on`]; none when it ends before it is ready.
    pub fn try_start_on(&self, dir: &Path, environment: &[(&str, PathBuf)]) -> Option<Service> {
        ready(self.serve(dir, ANYWHERE, environment))
    }

    /// Starts the service and kills it after a while, ready or not.
    pub fn start_and_kill(&self, after: Duration) {
        let mut child = self.serve(&self.dir, ANYWHERE, &[]);
        std::thread::sleep(after);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn serve(&self, dir: &Path, listen: &str, environment: &[(&str, PathBuf)]) -> Child {
        let mut command = program(&["serve", "--listen", listen], dir);
        command.stdout(Stdio::piped()).env("PLACET_LOG", "warn");
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stderr(File::create(self.stderr()).unwrap()).spawn().unwrap()
    }

    fn stderr(&self) -> PathBuf {
        self.beside("stderr")
    }

    /// A path beside the folder.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.tmp.path().join(name)
    }

    /// What the last service said on standard error.
    pub fn said(&self) -> String {
        std::fs::read_to_string(self.stderr()).unwrap_or_default()
    }

    /// Enrols a software passkey.
    pub fn enrol(&self, service: &Service) -> SoftKey {
        let path = self.tmp.path().join("softkey");
        let key = path.to_str().unwrap();
        let mut command = program_without_dir(&["enrol", "--url", &service.url, "--key", key]);
        command.args(["--code", &self.code, "--name", "Ann"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
        SoftKey::load(&path).unwrap()
    }

    /// The program's own check of the folder.
    pub fn fsck(&self) {
        let report = expect(&["log", "fsck", "--json"], &self.dir);
        assert_eq!(report["clean"], true, "{report}");
    }
}

impl Service {
    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and waits for a clean end.
    pub fn terminate(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Both fail when it has ended before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the ready line; none when the service ends before that.
fn ready(mut child: Child) -> Option<Service> {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let url = line.trim_end().strip_prefix("placet: listening on ").map(str::to_owned);
    if url.is_none() {
        // What it said on standard error says why.
        let _ = child.kill();
        let _ = child.wait();
    }
    Some(Service { child, _stdout: stdout, url: url? })
}

/// Runs a command on the folder, expects success, and gives its JSON.
fn expect(args: &[&str], dir: &Path) -> Value {
    let output = program(args, dir).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The program with arguments, on the folder.
pub fn program(args: &[&str], dir: &Path) -> Command {
    let mut command = program_without_dir(args);
    command.arg("--dir").arg(dir);
    command
}

/// The program with arguments; nothing of the surroundings decides anything.
pub fn program_without_dir(args: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(args).stdin(Stdio::null());
    for name in ["PLACET_URL", "PLACET_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command
}

/// `PLACET`, else the program that was built beside this test, which is built if it is missing:
/// cargo builds the programs of other packages only for their own tests.
fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(path) = std::env::var_os("PLACET") {
            return PathBuf::from(path);
        }
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(2).unwrap();
        let path = folder.join("placet");
        if !path.exists() {
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--locked", "-p", "placet"]);
            if folder.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success(), "placet could not be built");
        }
        path
    })
}

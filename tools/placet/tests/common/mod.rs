//! Running the program.

#![allow(dead_code)]

pub mod browser;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use placet_proto::json::{self, Json};
use placet_proto::trust::TrustFile;
use placet_verifier::{Options, Report, verify_bundle};

/// The action that the demonstration's policy lets a person approve.
pub const ACTION: &str = r#"{"subject":{"type":"agent","id":"support-bot"},
"action":{"name":"disable_user"},"resource":{"type":"user","id":"X0001"},"context":{}}"#;

/// The program with arguments; nothing of the surroundings decides anything.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_placet"));
    command.args(args).stdin(Stdio::null());
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("PLACET_")) {
        command.env_remove(name);
    }
    for name in ["DISPLAY", "WAYLAND_DISPLAY"] {
        command.env_remove(name);
    }
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// Runs it, expects an exit code, and gives standard output.
pub fn expect(code: i32, args: &[&str]) -> String {
    let output = run(args);
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}\n{stdout}\n{stderr}");
    stdout
}

/// As [`expect`] with `--json`: the last line.
pub fn expect_json(code: i32, args: &[&str]) -> Json {
    let stdout = expect(code, &[args, &["--json"]].concat());
    json::parse(stdout.lines().last().unwrap().as_bytes()).unwrap()
}

/// A text of an answer.
pub fn text<'a>(value: &'a Json, path: &[&str]) -> &'a str {
    path.iter().fold(value, |value, name| value.get(name).unwrap()).as_str().unwrap()
}

/// A server, killed when dropped.
pub struct Server {
    child: Child,
    // Kept open: a server must not find its output closed.
    _stdout: BufReader<ChildStdout>,
    pub url: String,
}

impl Server {
    /// Starts a server and waits for its one ready line.
    pub fn start(args: &[&str]) -> Self {
        let mut child = command(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("placet: listening on ").expect(&line).to_owned();
        Self { child, _stdout: stdout, url }
    }

    /// As [`Server::start`], of one that prints a one-time code on standard error before.
    pub fn start_with_code(args: &[&str]) -> (Self, String) {
        let mut child =
            command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let code = lines
            .find_map(|line| line.rsplit_once("  code ").map(|(_, code)| code.to_owned()))
            .unwrap();
        // A server must not find its output full.
        std::thread::spawn(move || lines.for_each(drop));
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("placet: listening on ").expect(&line).to_owned();
        (Self { child, _stdout: stdout, url }, code)
    }

    /// SIGTERM; gives the exit code.
    pub fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A development ledger with its paths.
pub struct Ledger {
    _tmp: tempfile::TempDir,
    pub root: PathBuf,
    pub dir: String,
    pub token: String,
    pub key: String,
    pub action: String,
}

impl Ledger {
    pub fn new() -> Self {
        let tmp = tempfile::tempdir().unwrap();
        let root = tmp.path().to_path_buf();
        let at = |name: &str| root.join(name).to_str().unwrap().to_owned();
        std::fs::write(root.join("action.json"), ACTION).unwrap();
        Self {
            dir: at("ledger"),
            token: at("ledger/keys/pep-token"),
            key: at("softkey"),
            action: at("action.json"),
            root,
            _tmp: tmp,
        }
    }

    /// `init --dev`; gives the one-time code.
    pub fn init(&self) -> String {
        let made =
            expect_json(0, &["init", "--dev", "--origin", "localhost/t", "--dir", &self.dir]);
        text(&made, &["one_time_code"]).to_owned()
    }

    pub fn serve(&self) -> Server {
        Server::start(&["serve", "--dir", &self.dir, "--listen", "127.0.0.1:0"])
    }

    /// Enrols the software key; gives its thumbprint.
    pub fn enrol(&self, server: &Server, code: &str) -> String {
        let args =
            ["enrol", "--url", &server.url, "--key", &self.key, "--code", code, "--name", "Ann"];
        text(&expect_json(0, &args), &["key"]).to_owned()
    }

    /// Files an access request; gives its id.
    pub fn request(&self, server: &Server) -> String {
        let args =
            ["request", "--url", &server.url, "--token-file", &self.token, self.action.as_str()];
        text(&expect_json(3, &args), &["task", "id"]).to_owned()
    }

    pub fn path(&self, name: &str) -> String {
        self.root.join(name).to_str().unwrap().to_owned()
    }
}

/// What the verifier says about a bundle.
pub fn verify(bundle: &Path, trust: &Path, options: Options) -> Report {
    let trust = TrustFile::parse(&std::fs::read(trust).unwrap()).unwrap();
    verify_bundle(&std::fs::read(bundle).unwrap(), &trust, &options).unwrap()
}

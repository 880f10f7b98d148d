//! The program, its folder, and the persons in it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use placet_ledger::service::{
    AnswerRow, Config, Enrolled, Ledger, Registered, RegistrationChallenge, RequestState, Signed,
    Surroundings,
};
use placet_proto::document::Role;
use placet_proto::sshsig::Namespace;
use placet_softkey::{Assertion, SoftKey};
use serde_json::Value;

use super::agent::Task;
use super::person::Seen;

/// What a command line states as its origin.
const ORIGIN: &str = "cli://localhost";

/// A development ledger.
pub struct Place {
    tmp: tempfile::TempDir,
    dir: PathBuf,
    code: String,
    token: String,
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
        let (dir, policy) = (tmp.path().join("ledger"), tmp.path().join("policy"));
        any_agent(&policy);
        let init = ["init", "--dev", "--origin", "localhost/load", "--json", "--policy"];
        let made = expect(&[&init[..], &[policy.to_str().unwrap()]].concat(), &dir);
        let code = made["one_time_code"].as_str().unwrap().to_owned();
        Self { tmp, dir, code, token: String::new() }
    }

    /// Enrols so many approvers, and one person before them who authorises that.
    pub fn enrol(&mut self, approvers: usize) -> Vec<SoftKey> {
        let wanted = Config::load(&self.dir).unwrap();
        Config { publish_ms: 10, ..wanted.clone() }.save(&self.dir).unwrap();
        let ledger = Ledger::open(&self.dir, Surroundings::default()).unwrap();
        let challenge = ledger.begin_bootstrap(&self.code, "Administrator").unwrap();
        let mut administrator = enrolled(&ledger, &challenge, None);
        let by = administrator.credential_id().to_vec();
        let keys = (0..approvers)
            .map(|n| {
                let name = format!("Approver {n}");
                let begun = ledger.begin_enrolment(&name, &[Role::Approver], &by, None);
                enrolled(&ledger, &begun.unwrap(), Some(&mut administrator))
            })
            .collect();
        close(ledger);
        let trusted_proxy = vec!["127.0.0.1".to_owned()];
        Config { trusted_proxy, ..wanted }.save(&self.dir).unwrap();
        keys
    }

    /// Starts the service and waits for its ready line.
    pub fn start(&mut self) -> Service {
        let log = self.tmp.path().join("stderr");
        // Persons state the origin of the pages, so that the port has to be known before.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let (listen, public) = (free.to_string(), format!("http://localhost:{}", free.port()));
        let args = ["serve", "--listen", &listen, "--public-url", &public];
        let mut command = program(&args, &self.dir);
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.env("PLACET_LOG", "warn").spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("placet: listening on ").map(str::to_owned);
        let Some(url) = url else {
            let _ = child.kill();
            let _ = child.wait();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            panic!("the service did not start: {line}{said}");
        };
        let token = std::fs::read_to_string(self.dir.join("keys/pep-token")).unwrap();
        self.token = token.trim().to_owned();
        Service { child, _stdout: stdout, url }
    }

    pub fn token(&self) -> &str {
        &self.token
    }

    /// What was acknowledged is there, as it was acknowledged, and the folder is sound.
    pub fn check(&self, tasks: &[Task], seen: &[Seen]) {
        let report = expect(&["log", "fsck", "--json"], &self.dir);
        assert_eq!(report["clean"], true, "{report}");
        let ledger = Ledger::open(&self.dir, Surroundings::default()).unwrap();
        for task in tasks {
            let row = ledger.row(&task.request).expect("a request that was acknowledged");
            let wanted = if task.approved { RequestState::Done } else { RequestState::Denied };
            assert_eq!(row.state, wanted, "{}", task.request);
            assert_eq!(row.execution.map(|e| e.index), task.execution, "{}", task.request);
        }
        for answer in seen.iter().flat_map(|seen| &seen.answers) {
            let recorded = ledger.answers_of(&answer.request).unwrap();
            let is = |row: &AnswerRow| {
                row.statement.index == answer.index && row.denial == answer.denial
            };
            assert!(recorded.iter().any(is), "an answer to {} is lost", answer.request);
        }
        close(ledger);
    }
}

impl Service {
    pub fn pid(&self) -> u32 {
        self.child.id()
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

/// The demonstration's policy for agents of any name: each of many has limits of its own.
fn any_agent(to: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pep/policies/demo");
    std::fs::create_dir_all(to.join("templates")).unwrap();
    let files = ["mapping.json", "schema.cedarschema", "verification.json", "policies.cedar"];
    for file in files.into_iter().chain(["templates/disable_user.txt"]) {
        let text = std::fs::read_to_string(from.join(file)).unwrap();
        let text = text.replace("principal == Agent::\"support-bot\"", "principal is Agent");
        std::fs::write(to.join(file), text).unwrap();
    }
}

/// A new passkey, enrolled.
fn enrolled(ledger: &Ledger, begun: &RegistrationChallenge, by: Option<&mut SoftKey>) -> SoftKey {
    let mut key = SoftKey::generate("localhost").unwrap();
    let made = key.register(&begun.challenge, ORIGIN);
    let registered = Registered {
        attestation_object: made.attestation_object,
        client_data_json: made.client_data_json,
        software: true,
    };
    let sign = ledger.register(&begun.registration, &registered).unwrap();
    let possess = signed(key.assert(&sign.possess, ORIGIN));
    let id = &begun.registration;
    let mut done = ledger.sign_enrolment(id, Namespace::EnrolPossess, possess).unwrap();
    if let (Some(by), Some((_, challenge))) = (by, &sign.authorise) {
        let authorise = signed(by.assert(challenge, ORIGIN));
        done = ledger.sign_enrolment(id, Namespace::EnrolAuthorise, authorise).unwrap();
    }
    assert!(matches!(done, Enrolled::Recorded { note_missing: None, .. }), "{done:?}");
    key
}

fn signed(made: Assertion) -> Signed {
    Signed {
        credential: made.credential_id,
        authenticator_data: made.authenticator_data,
        client_data_json: made.client_data_json,
        signature: made.signature,
    }
}

/// Waits until the folder can be opened by another process: a thread of the ledger may hold it for
/// the moment of its round.
fn close(ledger: std::sync::Arc<Ledger>) {
    let weak = std::sync::Arc::downgrade(&ledger);
    drop(ledger);
    while weak.strong_count() > 0 {
        std::thread::yield_now();
    }
}

/// Runs a command on the folder, expects success, and gives its JSON.
fn expect(args: &[&str], dir: &Path) -> Value {
    let output = program(args, dir).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn program(args: &[&str], dir: &Path) -> Command {
    let mut command = Command::new(path());
    command.args(args).arg("--dir").arg(dir).stdin(Stdio::null());
    for name in ["PLACET_URL", "PLACET_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command
}

/// `PLACET`, the program that is tested: a release build, since figures are taken.
fn path() -> PathBuf {
    std::env::var_os("PLACET").map(PathBuf::from).expect("PLACET names the program")
}

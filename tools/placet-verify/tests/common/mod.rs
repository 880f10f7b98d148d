//! A forged ledger on disk, and the program run on it.
#![allow(dead_code, missing_docs, reason = "each test binary uses its part")]

pub mod schema;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use placet_forge::{Forge, Person};
use placet_proto::action::Action;
use placet_proto::document::Role;
use placet_proto::json;
use placet_proto::trust::TrustFile;

/// Far from any expiry and the same in every run.
pub const AS_OF: &str = "2026-11-22T12:00:00+01:00";

/// Somebody's evidence, and what they trust.
pub struct Story {
    pub dir: tempfile::TempDir,
    pub forge: Forge,
    pub alice: Person,
    pub request: String,
}

impl Story {
    /// Approved, executed, with outcome and closing checkpoints, in `evidence.placet`.
    pub fn closed() -> Self {
        Self::by(Person::named("Alice"))
    }

    /// The same, by somebody.
    pub fn by(mut alice: Person) -> Self {
        let mut forge = Forge::new();
        forge.tick(5);
        forge.enrol(&mut alice, &[Role::Administrator, Role::Approver], None);
        let request = forge.uuid();
        forge.tick(5);
        forge.publish_both();
        let answer = forge.answer_for(&request, &action("X0001"), &alice);
        forge.tick(3);
        let approval = forge.answer(&mut alice, answer, false);
        forge.publish_main();
        forge.tick(1);
        let execution = forge.execute(forge.execution_of(&[approval]));
        forge.publish_main();
        forge.tick(1);
        forge.outcome(execution, |_| ());
        forge.publish_main();
        forge.tick(2);
        forge.publish_gov();
        let story = Self { dir: tempfile::tempdir().unwrap(), forge, alice, request };
        story.write("evidence.placet", &story.bundle());
        story.write("trust.json", &story.trust().encode());
        story.write("action.json", &action("X0001").canonical_bytes());
        story.write("other-action.json", &action("X0002").canonical_bytes());
        story
    }

    pub fn bundle(&self) -> Vec<u8> {
        self.forge.bundle(&[&self.request], &[&self.alice]).encode()
    }

    pub fn trust(&self) -> TrustFile {
        self.forge.trust(&[&self.alice])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Runs the program in the story's folder.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Ran {
        run_in(self.dir.path(), arguments)
    }

    /// `check` of a file with the story's trust file.
    pub fn check(&self, file: &str, more: &[&str]) -> Ran {
        let arguments = ["check", file, "--trust", "trust.json", "--as-of", AS_OF];
        self.run(arguments.iter().chain(more))
    }
}

/// `disable_user` on a user.
pub fn action(id: &str) -> Action {
    let text = format!(
        r#"{{"subject":{{"type":"agent","id":"support-bot"}},"action":{{"name":"disable_user"}},
            "resource":{{"type":"user","id":"{id}"}},"context":{{}}}}"#
    );
    Action::from_document(&json::parse(text.as_bytes()).unwrap()).unwrap()
}

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Self { code, out: text(output.stdout), err: text(output.stderr) }
    }
}

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_placet-verify"));
    command.env_remove("PLACET_TRUST").env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null());
    command
}

pub fn run_in<S: AsRef<OsStr>>(dir: &Path, arguments: impl IntoIterator<Item = S>) -> Ran {
    program().current_dir(dir).args(arguments).output().unwrap().into()
}

/// Compares with `tests/golden/NAME`; `PLACET_BLESS=1` writes it instead. The folder of the run is
/// `DIR` in the file.
pub fn assert_golden(name: &str, text: &str, dir: &Path) {
    let dir = fs::canonicalize(dir).unwrap();
    let text = text.replace(dir.to_str().unwrap(), "DIR");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("PLACET_BLESS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_default();
    assert!(golden == text, "{name} differs\n--- golden\n{golden}\n--- now\n{text}");
}

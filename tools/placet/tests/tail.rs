//! `log tail --follow` beside a service that writes.

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use common::{Ledger, command, expect, expect_json, text};
use placet_proto::json::{self, Json};

/// `log tail --follow`, ended when dropped.
struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tail {
    fn start(ledger: &Ledger, more: &[&str]) -> Self {
        let args = [&["log", "tail", "--follow", "--dir", &ledger.dir], more].concat();
        let mut child = command(&args).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }

    /// The next line of this kind.
    fn next(&mut self, kind: &str) -> Json {
        loop {
            let line = json::parse(self.line().trim_end().as_bytes()).unwrap();
            if text(&line, &["kind"]) == kind {
                return line;
            }
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn what_a_service_writes_is_followed_and_filtered() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let mut both = Tail::start(&ledger, &["--log", "both", "--json", "-n", "100"]);
    assert_eq!(text(&both.next("genesis"), &["schema"]), "placet/log-entry/v1");
    let server = ledger.serve();
    let key = ledger.enrol(&server, &code);
    let enrolment = both.next("enrolment");
    assert_eq!((text(&enrolment, &["log"]), key.is_empty()), ("gov", false));

    let request = ledger.request(&server);
    let decision = both.next("decision");
    assert_eq!(text(&decision, &["request"]), request);
    assert_eq!(text(&decision, &["subject"]), "support-bot");
    let agent = text(&decision, &["agent"]).to_owned();
    let mut one = Tail::start(
        &ledger,
        &["--request", &request, "--kind", "approval,denial", "--agent", &agent],
    );
    let approve = ["approve", "--url", &server.url, &request, "--key", &ledger.key, "--yes"];
    expect(0, &approve);
    assert_eq!(text(&both.next("approval"), &["request"]), request);
    let line = one.line();
    assert!(line.contains("approval") && line.contains(&request), "{line}");
    assert!(line.contains("disable_user user/X0001"), "{line}");
    assert!(!line.contains('\u{1b}'), "no colours into a pipe: {line:?}");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn lines_that_are_there_are_filtered_and_coloured() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let first = ledger.request(&server);
    // The same action would join the request that waits.
    std::fs::write(&ledger.action, common::ACTION.replace("X0001", "X0002")).unwrap();
    let second = ledger.request(&server);
    let tail = |more: &[&str]| expect(0, &[&["log", "tail", "--dir", &ledger.dir], more].concat());
    let all = tail(&["--kind", "decision"]);
    assert!(all.find(&first).unwrap() < all.find(&second).unwrap(), "{all}");
    let one = tail(&["--request", &first]);
    assert!(one.contains(&first) && !one.contains(&second), "{one}");
    assert_eq!(tail(&["--agent", "nobody"]), "");
    assert_eq!(tail(&["--kind", "decision", "-n", "1"]).lines().count(), 1);
    assert!(tail(&["--color", "always"]).contains("\u{1b}[33mdecision"), "requestable");
    let refused = expect_json(2, &["log", "tail", "--dir", &ledger.dir, "--kind", "rumour"]);
    assert!(text(&refused, &["detail"]).contains("rumour"));
}

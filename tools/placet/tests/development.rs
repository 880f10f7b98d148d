//! `serve --dev --policy FOLDER`: ten minutes with a policy, with the real program.

mod common;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use common::{Ledger, Server, expect, expect_json, run, text};
use placet_proto::json::{self, Json};

/// How long a change of the folder may take to be in force; the service looks twice a second.
const PATIENCE: Duration = Duration::from_secs(60);

const SCHEMA: &str = "entity Team;\nentity User in [Team] { level?: Long };\n\
    entity Doc { status?: String };\n\
    action read, write appliesTo { principal: [User], resource: [Doc],\n\
      context: { action?: { dry?: Bool } } };\n";
const ENTITIES: &str = r#"[{"uid":{"type":"Team","id":"red"},"attrs":{},"parents":[]},
    {"uid":{"type":"User","id":"ann"},"attrs":{},"parents":[{"type":"Team","id":"red"}]},
    {"uid":{"type":"Doc","id":"d"},"attrs":{"status":"active"},"parents":[]}]"#;
const READ: &str = "permit (principal in Team::\"red\", action == Action::\"read\", resource)\n\
    when { resource has status && resource.status == \"active\" };\n";
const WRITE: &str = "permit (principal, action == Action::\"write\", resource)\n\
    when { context has action && context.action has dry && context.action.dry };\n";

/// A policy folder that a person is writing.
struct Folder(PathBuf);

impl Folder {
    fn new(ledger: &Ledger, name: &str) -> Self {
        let folder = Self(ledger.root.join(name));
        std::fs::create_dir(&folder.0).unwrap();
        folder.write("schema.cedarschema", SCHEMA);
        folder.write("entities.json", ENTITIES);
        folder.write("read.cedar", READ);
        folder
    }

    fn write(&self, name: &str, text: &str) {
        // In one step, as editors do.
        let part = self.0.join(".part");
        std::fs::write(&part, text).unwrap();
        std::fs::rename(part, self.0.join(name)).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

/// A post of a program, without a token unless a header gives one.
fn post(url: &str, path: &str, body: &str, headers: &[(&str, &str)]) -> (u16, Json) {
    let config = ureq::Agent::config_builder().http_status_as_error(false).build();
    let mut call = config.new_agent().post(format!("{url}{path}"));
    call = call.content_type("application/json");
    for (name, value) in headers {
        call = call.header(*name, *value);
    }
    let mut response = call.send(body.as_bytes()).unwrap();
    let bytes = response.body_mut().read_to_vec().unwrap();
    (response.status().as_u16(), json::parse(&bytes).unwrap())
}

fn question(action: &str, status: &str) -> String {
    format!(
        r#"{{"subject":{{"type":"user","id":"ann"}},"action":{{"name":"{action}",
            "properties":{{"dry":true,"unknown":1.5}}}},
            "resource":{{"type":"doc","id":"d","properties":{{{status}}}}}}}"#
    )
}

fn decision(url: &str, body: &str) -> bool {
    let (status, answer) = post(url, "/access/v1/evaluation", body, &[]);
    assert_eq!(status, 200);
    answer.get("decision").unwrap().as_bool().unwrap()
}

/// Waits until what is in force says so.
fn becomes(url: &str, body: &str, wanted: bool) {
    let began = Instant::now();
    while decision(url, body) != wanted {
        assert!(began.elapsed() < PATIENCE, "the folder is not in force");
        std::thread::yield_now();
    }
}

// SPEC.md R-10-73, R-10-76.
#[test]
fn a_folder_is_in_force_as_it_stands_and_programs_of_this_machine_need_no_token() {
    let ledger = Ledger::new();
    let folder = Folder::new(&ledger, "policy");
    let serve = ["serve", "--dev", "--dir", &ledger.dir, "--policy", folder.path()];
    let listen = ["--listen", "127.0.0.1:0"];
    let server = Server::start(&[&serve[..], &listen].concat());
    let url = server.url.clone();
    let (read, write) = (question("read", ""), question("write", ""));
    assert!(decision(&url, &read));
    assert!(!decision(&url, &write));
    // What the program says of the document wins here over the entity store.
    assert!(!decision(&url, &question("read", r#""status":"gone""#)));

    folder.write("write.cedar", WRITE);
    becomes(&url, &write, true);
    assert!(decision(&url, &read));
    // One that can't be armed is refused, and the old one stays, until it can.
    folder.write("write.cedar", "permit (principal, action, resource) when { resource.color };");
    std::fs::remove_file(folder.0.join("read.cedar")).unwrap();
    expect(1, &["policy", "check", folder.path()]);
    assert!(decision(&url, &read) && decision(&url, &write));
    folder.write("write.cedar", WRITE);
    becomes(&url, &read, false);
    assert!(decision(&url, &write));

    // A browser that another site sent here, and whoever shows a token that opens nothing.
    for headers in [[("Origin", "https://evil.example")], [("Authorization", "Bearer x")]] {
        let (status, _) = post(&url, "/access/v1/evaluation", &read, &headers);
        assert_eq!(status, 401, "{headers:?}");
    }
    let (status, _) = post(&url, "/v1/entries", "{}", &[]);
    assert!(status == 401 || status == 405, "{status}");
    drop(server);

    // What changed while nobody served is in force from the first answer on.
    folder.write("read.cedar", READ);
    let server = Server::start(&[&serve[..], &listen].concat());
    assert!(decision(&server.url, &read));
    drop(server);
    let tail = expect(0, &["log", "tail", "--log", "gov", "--dir", &ledger.dir]);
    assert!(tail.matches(" policy ").count() >= 4, "{tail}");
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);

    // Without --dev it is a ledger like any other.
    let server = Server::start(&[&["serve", "--dir", &ledger.dir][..], &listen].concat());
    let (status, _) = post(&server.url, "/access/v1/evaluation", &read, &[]);
    assert_eq!(status, 401);
    let usage = run(&["serve", "--dir", &ledger.dir, "--policy", folder.path()]);
    assert_eq!(usage.status.code(), Some(2));
}

#[test]
fn the_first_person_enrols_beside_the_software_administrator() {
    let ledger = Ledger::new();
    let folder = Folder::new(&ledger, "policy");
    let serve = ["serve", "--dev", "--dir", &ledger.dir, "--policy", folder.path()];
    let listen = ["--listen", "127.0.0.1:0"];
    let (server, code) = Server::start_with_code(&[&serve[..], &listen].concat());
    ledger.enrol(&server, &code);
    let enrol = ["enrol", "--url", &server.url, "--key", &ledger.path("second"), "--code", &code];
    expect(1, &[&enrol[..], &["--name", "Bob"]].concat());
    // Ann is an administrator like any other.
    let other = Folder::new(&ledger, "other");
    other.write("write.cedar", WRITE);
    let activate = ["policy", "activate", other.path(), "--url", &server.url];
    let by_key = [&activate[..], &["--key", &ledger.key, "--yes"]].concat();
    assert_eq!(text(&expect_json(0, &by_key), &["kind"]), "policy");
    assert!(decision(&server.url, &question("write", "")));
    drop(server);
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
}

// SPEC.md R-10-71.
#[test]
fn check_names_the_file_the_line_and_the_reason() {
    let ledger = Ledger::new();
    let folder = Folder::new(&ledger, "policy");
    expect(0, &["policy", "check", folder.path()]);
    let failed = |file: &str, contents: &str, place: &str, word: &str| {
        folder.write(file, contents);
        let output = run(&["policy", "check", folder.path()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(place) && said.contains(word), "{said}");
    };
    let bad = |condition: &str| {
        format!("// a\n\nforbid (principal, action, resource)\nwhen {{ {condition} }};\n")
    };
    failed("x.cedar", &bad("principal.color == 1"), "x.cedar:4", "color");
    failed("x.cedar", &bad("principal has level && principal.level + 1 > 3"), "x.cedar:3", "`+`");
    failed("x.cedar", &bad("principal ="), "x.cedar:4", "");
    std::fs::remove_file(folder.0.join("x.cedar")).unwrap();
    failed("entities.json", "[{}]", "entities.json", "");
    folder.write("entities.json", ENTITIES);
    std::fs::remove_file(folder.0.join("schema.cedarschema")).unwrap();
    let output = run(&["policy", "check", folder.path()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("schema.cedarschema"));
}

#[test]
fn cases_are_decided_and_compared() {
    let ledger = Ledger::new();
    let folder = Folder::new(&ledger, "policy");
    let case = |action: &str, expected: &str| {
        format!(r#"{{"name":"{action}","request":{},"expected":{expected}}}"#, question(action, ""))
    };
    let cases = |all: &[String]| format!(r#"{{"evaluation":[{}]}}"#, all.join(","));
    folder.write("tests.json", &cases(&[case("read", "true"), case("write", "false")]));
    let done = expect_json(0, &["policy", "test", folder.path()]);
    assert_eq!(done.get("passed").unwrap().as_u64(), Some(2));
    folder.write("tests.json", &cases(&[case("read", "\"requestable\""), case("write", "true")]));
    let done = expect_json(1, &["policy", "test", folder.path()]);
    let failed = done.get("failed").unwrap().as_array().unwrap();
    assert_eq!((failed.len(), text(&failed[0], &["actual"])), (2, "true"));
    assert!(text(&failed[1], &["why"]).starts_with("pdp.denied"));
    for bad in ["{}", r#"{"evaluation":[]}"#, r#"{"evaluation":[{}]}"#, "nothing"] {
        folder.write("tests.json", bad);
        expect(4, &["policy", "test", folder.path()]);
    }
    expect(5, &["policy", "test", folder.path(), "--cases", &ledger.path("none")]);
}

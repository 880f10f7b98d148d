//! Policies: checked, put in force by a passkey, and then decided by.

mod common;

use std::path::Path;

use common::browser::Browser;
use common::{Ledger, Server, expect, expect_json, text};
use placet_pep::policy::PolicyFiles;
use placet_proto::b64;
use placet_proto::json::Json;

/// Writes a folder with the demonstration's policy after a change of its policies.
fn folder(ledger: &Ledger, name: &str, change: impl FnOnce(String) -> String) -> String {
    let path = ledger.path(name);
    PolicyFiles::demo().write(Path::new(&path)).unwrap();
    let policies = Path::new(&path).join("policies.cedar");
    let text = std::fs::read_to_string(&policies).unwrap();
    std::fs::write(&policies, change(text)).unwrap();
    path
}

fn reads_only(policies: String) -> String {
    policies.split("@id(\"disable-user").next().unwrap().to_owned()
}

#[test]
fn a_policy_is_put_in_force_from_the_command_line_and_decides_at_once() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let ask = ["request", "--url", &server.url, "--token-file", &ledger.token, &ledger.action];
    expect(3, &ask);

    let reads = folder(&ledger, "reads", reads_only);
    let activate = ["policy", "activate", reads.as_str(), "--url", server.url.as_str()];
    let told = expect(3, &activate);
    assert!(told.contains(&format!("{}/policy", server.url)), "{told}");
    expect(3, &ask);
    let by_key = [&activate[..], &["--key", &ledger.key, "--yes"]].concat();
    let done = expect_json(0, &by_key);
    assert_eq!(text(&done, &["kind"]), "policy");
    // What was requestable is denied now.
    expect(1, &ask);
    let tail = expect(0, &["log", "tail", "--log", "gov", "--dir", &ledger.dir]);
    assert_eq!(tail.matches(" policy ").count(), 2, "{tail}");

    // What could not be armed is refused before anything is signed.
    let broken = folder(&ledger, "broken", |text| text + "permit (");
    expect(1, &["policy", "check", &broken]);
    let nobody = "7f8fa0a5-2f4b-4b8e-9d4e-5b0a3a1f0c11";
    let approvers = format!("@approvers(\"person:{nobody}\")\n@quorum(\"1\")");
    let named = folder(&ledger, "named", |text| text.replace("@quorum(\"1\")", &approvers));
    let checked = expect_json(0, &["policy", "check", &named]);
    assert_eq!(checked.get("people").unwrap().as_array().unwrap().len(), 1);
    let activate = ["policy", "activate", &named, "--url", &server.url, "--key", &ledger.key];
    let refused = expect_json(1, &[&activate[..], &["--yes"]].concat());
    assert_eq!(text(&refused, &["code"]), "policy.person");
    drop(server);
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
}

#[test]
fn a_production_ledger_comes_from_init_to_a_request_that_waits_for_a_named_person() {
    let ledger = Ledger::new();
    // A port that was free a moment ago: the pages' origin is fixed before the service runs.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (url, listen) = (format!("http://localhost:{port}"), format!("127.0.0.1:{port}"));
    let reads = folder(&ledger, "reads", reads_only);
    let init = ["init", "--dir", &ledger.dir, "--origin", "ledger.example/2026"];
    let host = ["--rp-id", "localhost", "--public-url", &url, "--listen", &listen];
    let made = expect_json(0, &[&init[..], &host, &["--policy", &reads]].concat());
    assert_eq!(made.get("dev").unwrap().as_bool(), Some(false));
    let code = text(&made, &["one_time_code"]);
    let server = Server::start(&["serve", "--dir", &ledger.dir]);

    // A software key of the command line is none for a ledger like this.
    let enrol = ["enrol", "--url", &server.url, "--key", &ledger.key, "--code", code];
    expect(1, &[&enrol[..], &["--name", "Ann"]].concat());
    let mut ann = Browser::at(&url);
    let person = ann.enrol(code);
    ann.sign_in();

    let approvers = format!("@approvers(\"person:{person}\")\n@quorum(\"1\")");
    let named = folder(&ledger, "named", |text| text.replace("@quorum(\"1\")", &approvers));
    let files = PolicyFiles::read(Path::new(&named)).unwrap();
    let contents = files.iter().map(|(name, bytes)| (name, b64::encode_url(bytes).into()));
    let prepared = ann.post("/policy/open", &Json::object([("files", Json::object(contents))]));
    let states = prepared.get("files").unwrap().as_array().unwrap().iter();
    let states: Vec<(&str, &str)> =
        states.map(|f| (text(f, &["name"]), text(f, &["state"]))).collect();
    assert!(states.contains(&("policies.cedar", "changed")), "{states:?}");
    assert!(states.contains(&("mapping.json", "same")), "{states:?}");
    let ask = ["request", "--url", &server.url, "--token-file", &ledger.token, &ledger.action];
    expect(1, &ask);
    assert_eq!(text(&ann.sign_change(&prepared), &["status"]), "recorded");
    let asked = expect_json(3, &ask);

    let body = Json::object([("denial", Json::Bool(false))]);
    let opened = ann.post(&format!("/approve/{}/open", text(&asked, &["task", "id"])), &body);
    assert!(text(&opened, &["text"]).contains(&person));
    assert_eq!(server.terminate(), Some(0));
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
}

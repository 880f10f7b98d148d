//! The service and its clients, each a process of its own.

mod common;

use std::path::Path;

use common::{Ledger, Server, expect, expect_json, run, text, verify};
use placet_proto::trust::TrustFile;
use placet_verifier::{Options, Verdict};

#[test]
fn from_init_to_evidence_that_verifies() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    let key = ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    let url = server.url.as_str();

    // Nobody looks without being known: not a stranger, not with another's key.
    assert_eq!(text(&expect_json(1, &["approve", "--url", url]), &["code"]), "http.token");
    let waiting = expect_json(0, &["approve", "--url", url, "--key", &ledger.key]);
    let listed = waiting.get("requests").unwrap().as_array().unwrap();
    assert_eq!(text(&listed[0], &["request"]), request);
    let approved = run(&["approve", "--url", url, &request, "--key", &ledger.key, "--yes"]);
    assert_eq!(approved.status.code(), Some(0), "{approved:?}");
    let shown = String::from_utf8_lossy(&approved.stderr);
    assert!(shown.contains("Disable the user \"X0001\" (agent's words)."), "{shown}");
    assert!(shown.contains("Everything that is signed:"), "{shown}");
    let again = ["approve", "--url", url, &request, "--key", &ledger.key, "--yes"];
    assert!(text(&expect_json(1, &again), &["code"]).starts_with("answer."));

    let search = ["search", "--url", url, "--key", &ledger.key, "--kind", "approval"];
    let found = expect_json(0, &search);
    let hits = found.get("entries").unwrap().as_array().unwrap();
    assert_eq!((hits.len(), text(&hits[0], &["request"])), (1, request.as_str()));
    assert!(expect(0, &search).contains(&request));
    let token = ["search", "--url", url, "--token-file", &ledger.token];
    assert_eq!(text(&expect_json(1, &token), &["code"]), "http.scope");

    let (bundle, trust) = (ledger.path("evidence.placet"), ledger.path("trust.json"));
    let wait = ["evidence", &request, "--url", url, "--wait", "30s", "--out", &bundle];
    assert_eq!(text(&expect_json(1, &wait), &["code"]), "http.token");
    let wait = [&wait[..], &["--token-file", &ledger.token]].concat();
    assert_eq!(expect_json(0, &wait).get("complete").unwrap().as_bool(), Some(true));
    // A trust file without roots lets nobody's approval pass; one that is named does.
    let export = ["trust", "export", "--dir", &ledger.dir, "--out", &trust, "--allow-dev"];
    let exported = expect_json(0, &export);
    assert!(exported.get("roots").unwrap().as_array().unwrap().is_empty());
    let listed = exported.get("not_roots").unwrap().as_array().unwrap();
    assert_eq!(text(&listed[0], &["key"]), key);
    let verdict = || verify(Path::new(&bundle), Path::new(&trust), Options::default());
    assert_eq!(verdict().code, Some("lineage.operator_asserted"));
    expect(0, &[&export[..], &["--root", &key[..12], "--yes"]].concat());
    assert_eq!(verdict().verdict, Verdict::Passed, "{:?}", verdict().code);
    let unknown = [&export[..], &["--root", "00000000", "--yes"]].concat();
    assert_eq!(text(&expect_json(1, &unknown), &["code"]), "person.unknown");
    let file = TrustFile::parse(&std::fs::read(&trust).unwrap()).unwrap();
    assert_eq!(file.roots.len(), 1, "what is refused changes nothing");

    assert_eq!(server.terminate(), Some(0));
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
    // The same bundle from the folder, now that nobody holds it.
    let offline = ["evidence", &request, "--dir", &ledger.dir, "--out", &bundle];
    expect(0, &offline);
    assert_eq!(verdict().verdict, Verdict::Passed, "{:?}", verdict().code);
}

#[test]
fn what_an_administrator_erases_is_gone_and_its_evidence_names_the_order() {
    const SECRET: &str = "Rumpelstilzchen-4711";
    let ledger = Ledger::new();
    let action = common::ACTION.replace("X0001", SECRET);
    std::fs::write(&ledger.action, action).unwrap();
    let code = ledger.init();
    let server = ledger.serve();
    let key = ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    let url = server.url.as_str();
    let with_key = ["--url", url, "--key", &ledger.key];
    let find = [&["search", "--kind", "decision", "--request", &request][..], &with_key].concat();
    let leaf = || {
        let found = expect_json(0, &find);
        let hits = found.get("entries").unwrap().as_array().unwrap().to_vec();
        hits.first().map(|hit| hit.get("index").unwrap().as_u64().unwrap())
    };
    let decision = leaf().unwrap().to_string();
    let erase = ["erase", &decision, "--reason", "asked for"];
    let signed = [&erase[..], &with_key, &["--yes"]].concat();
    // Not while it is open, and not without a key: the page is named.
    assert_eq!(text(&expect_json(1, &signed), &["code"]), "request.invalid");
    let page = expect_json(3, &[&erase[..], &["--url", url]].concat());
    assert_eq!(text(&page, &["url"]), format!("{url}/erase/{decision}"));
    expect(0, &[&["deny", &request, "--reason", "no", "--yes"][..], &with_key].concat());

    let (bundle, trust) = (ledger.path("evidence.placet"), ledger.path("trust.json"));
    let fetch = || {
        let token = ["--url", url, "--token-file", &ledger.token, "--wait", "30s"];
        expect(0, &[&["evidence", &request, "--out", &bundle][..], &token].concat());
    };
    expect(
        0,
        &[
            "trust",
            "export",
            "--dir",
            &ledger.dir,
            "--out",
            &trust,
            "--allow-dev",
            "--root",
            &key[..12],
            "--yes",
        ],
    );
    let options = || Options { expect_denial: true, ..Options::default() };
    let verdict = || verify(Path::new(&bundle), Path::new(&trust), options());
    fetch();
    assert_eq!(verdict().verdict, Verdict::Passed, "{:?}", verdict().code);

    let erased = expect_json(0, &signed);
    assert_eq!(erased.get("erased").unwrap().as_u64(), Some(2));
    let order = erased.get("orders").unwrap().as_array().unwrap()[0].as_u64();
    assert_eq!(leaf(), None);
    assert_eq!(text(&expect_json(1, &signed), &["code"]), "log.erased");
    std::fs::remove_file(&bundle).unwrap();
    fetch();
    let report = verdict();
    assert_eq!((report.verdict, report.code), (Verdict::Indeterminate, Some("body.erased")));
    assert!(report.requests[0].erased.iter().all(|e| e.order == order && order.is_some()));

    let copy = ledger.path("copy");
    expect(0, &["log", "export", "--dir", &ledger.dir, "--out", &copy]);
    assert_eq!(server.terminate(), Some(0));
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
    for folder in [&ledger.dir, &copy] {
        let found = std::process::Command::new("grep").args(["-rl", SECRET, folder]).output();
        assert_eq!(String::from_utf8_lossy(&found.unwrap().stdout), "");
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    let args = ["approve", "--url", &server.url, &request, "--key", &ledger.key, "--yes"];
    let approved = expect_json(0, &args);
    server.kill();
    let server = ledger.serve();
    let tail = expect(0, &["log", "tail", "--dir", &ledger.dir, "--json"]);
    let entry = text(&approved, &["entry"]);
    assert!(tail.lines().any(|l| l.contains("approval") && l.contains(entry)), "{tail}");
    drop(server);
    expect(0, &["log", "fsck", "--dir", &ledger.dir]);
}

#[test]
fn a_denial_ends_a_request() {
    let ledger = Ledger::new();
    // `serve --dev` makes the ledger, and `--new-code` another code for it.
    let server =
        Server::start(&["serve", "--dev", "--dir", &ledger.dir, "--listen", "127.0.0.1:0"]);
    assert_eq!(text(&locked(&ledger), &["code"]), "dir.locked");
    server.kill();
    let code = ledger_code(&ledger);
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    let deny = ["deny", "--url", &server.url, &request, "--key", &ledger.key, "--yes"];
    let denied = expect_json(0, &[&deny[..], &["--reason", "not today"]].concat());
    assert_eq!(text(&denied, &["state"]), "denied");
    let approve = ["approve", "--url", &server.url, &request, "--key", &ledger.key, "--yes"];
    assert_eq!(text(&expect_json(1, &approve), &["code"]), "request.state");
    // What no policy permits is denied outright.
    std::fs::write(&ledger.action, common::ACTION.replace("disable_user", "delete_user")).unwrap();
    let ask = ["request", "--url", &server.url, "--token-file", &ledger.token, &ledger.action];
    expect(1, &ask);
    let without = ["request", "--url", &server.url, &ledger.action];
    assert_eq!(text(&expect_json(1, &without), &["code"]), "http.token");
}

fn locked(ledger: &Ledger) -> placet_proto::json::Json {
    expect_json(5, &["serve", "--dir", &ledger.dir, "--listen", "127.0.0.1:0"])
}

/// The code that `serve --new-code` prints on standard error.
fn ledger_code(ledger: &Ledger) -> String {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;
    let args = ["serve", "--new-code", "--dir", &ledger.dir, "--listen", "127.0.0.1:0"];
    let mut child =
        common::command(&args).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let code = lines
        .map(Result::unwrap)
        .find_map(|line| line.rsplit_once("  code ").map(|(_, code)| code.to_owned()))
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    code
}

#[test]
fn outside_development_nothing_starts_without_a_policy() {
    let ledger = Ledger::new();
    expect(2, &["init", "--origin", "a.example/t", "--dir", &ledger.dir]);
    let url = "https://placet.a.example";
    let init = ["init", "--origin", "a.example/t", "--dir", &ledger.dir, "--public-url", url];
    expect(2, &init);
    let denies_all = concat!(env!("CARGO_MANIFEST_DIR"), "/../../pep/policies/deny-all");
    let made = expect(0, &[&init[..], &["--policy", denies_all]].concat());
    assert!(made.contains("RP id      placet.a.example"), "{made}");
    assert!(made.contains("everybody enrols again"), "{made}");
    let refused = expect_json(1, &["serve", "--dir", &ledger.dir, "--listen", "127.0.0.1:0"]);
    assert_eq!(text(&refused, &["code"]), "policy.missing");
    let again = ["init", "--dev", "--origin", "b", "--dir", &ledger.dir];
    assert_eq!(text(&expect_json(1, &again), &["code"]), "dir.not_empty");
}

#[test]
fn a_witness_cosigns_by_a_policy_of_its_own_process() {
    let ledger = Ledger::new();
    let witness = ledger.path("witness");
    let made = expect_json(0, &["witness", "init", "--dir", &witness, "--name", "w.example"]);
    let vkey = text(&made, &["vkey"]).to_owned();
    assert!(vkey.starts_with("w.example+"));
    // A second call keeps the key.
    let again = expect_json(0, &["witness", "init", "--dir", &witness, "--name", "other"]);
    assert_eq!(text(&again, &["vkey"]), vkey);
    let server = Server::start(&["witness", "serve", "--dir", &witness, "--listen", "127.0.0.1:0"]);
    assert_eq!(server.terminate(), Some(0));
    let wrong = ["witness", "init", "--dir", &witness, "--name", "w", "--log", "x"];
    expect(2, &wrong);
}

#[test]
fn keys_logs_and_completions_are_printed() {
    let ledger = Ledger::new();
    ledger.init();
    let keys = expect_json(0, &["keys", "list", "--dir", &ledger.dir]);
    let keys = keys.get("keys").unwrap().as_array().unwrap();
    assert_eq!(keys.len(), 9);
    assert!(keys.iter().all(|key| text(key, &["kid"]).len() == 64));
    let shown = expect_json(0, &["log", "show", "--dir", &ledger.dir, "0"]);
    assert_eq!(text(&shown, &["kind"]), "genesis");
    expect(1, &["log", "show", "--dir", &ledger.dir, "99"]);
    expect(5, &["log", "show", "--dir", &ledger.path("nothing")]);
    assert!(expect(0, &["log", "show", "--dir", &ledger.dir]).contains("localhost/t/gov"));
    assert!(expect(0, &["completions", "bash"]).contains("placet"));
    expect(2, &["no-such-command"]);
    // Damage is found, and said with an exit code.
    let tile = Path::new(&ledger.dir).join("log/tile/0/000.p/3");
    std::fs::write(tile, [0; 96]).unwrap();
    let report = expect_json(1, &["log", "fsck", "--dir", &ledger.dir]);
    assert_eq!(report.get("clean").unwrap().as_bool(), Some(false));
}

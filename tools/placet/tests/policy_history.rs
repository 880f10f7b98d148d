//! What decided, then and again: `policy history`, `policy explain`, and packs.

mod common;

use std::path::Path;

use common::{Ledger, expect, expect_json, text};
use placet_pep::policy::{Pack, PolicyFiles};
use placet_proto::json::Json;

/// A token with one scope, in a file.
fn token(ledger: &Ledger, scope: &str) -> String {
    let create = ["token", "create", "--dir", &ledger.dir, "--scope", scope, "--label", "t"];
    let path = ledger.path(scope);
    std::fs::write(&path, text(&expect_json(0, &create), &["token"])).unwrap();
    path
}

/// The demonstration's policy without its second permit, in a folder.
fn reads_only(ledger: &Ledger) -> String {
    let path = ledger.path("reads");
    PolicyFiles::demo().write(Path::new(&path)).unwrap();
    let policies = Path::new(&path).join("policies.cedar");
    let all = std::fs::read_to_string(&policies).unwrap();
    std::fs::write(&policies, all.split("@id(\"disable-user").next().unwrap()).unwrap();
    path
}

fn list<'j>(value: &'j Json, name: &str) -> &'j [Json] {
    value.get(name).unwrap().as_array().unwrap()
}

#[test]
fn a_decision_is_made_again_from_files_alone() {
    let ledger = Ledger::new();
    let dir = ledger.path("demonstration");
    let made = expect_json(0, &["demo", "--passkey", "software", "--dir", &dir]);
    let request = text(&made, &["request"]);
    let explain = ["policy", "explain", request];
    let in_folder = ["--dir", dir.as_str()];
    let told = expect_json(0, &[&explain[..], &in_folder].concat());
    assert_eq!(text(&told, &["result"]), "same");
    let decisions = list(&told, "decisions");
    let words: Vec<&str> = decisions.iter().map(|d| text(d, &["recorded", "decision"])).collect();
    assert_eq!(words, ["requestable", "permit"]);
    let policy = &list(&decisions[1], "policies")[0];
    assert_eq!(text(policy, &["id"]), "disable-user-needs-a-person");
    assert_eq!(text(policy, &["place"]), "policies.cedar:7");
    assert!(text(policy, &["reason"]).starts_with("Disabling a user"));
    assert!(text(policy, &["text"]).contains("context.approval.digest"));
    let index = decisions[1].get("index").unwrap().as_u64();
    let one = index.unwrap().to_string();
    let one = expect_json(0, &[&["policy", "explain", &one], &in_folder[..]].concat());
    let found: Vec<_> =
        list(&one, "decisions").iter().map(|d| d.get("index").unwrap().as_u64()).collect();
    assert_eq!(found, [index]);

    // A bundle and the policy's own files.
    let bundle = format!("{dir}/evidence.placet");
    let (demo, reads) = (ledger.path("demo"), reads_only(&ledger));
    PolicyFiles::demo().write(Path::new(&demo)).unwrap();
    let offline = ["policy", "explain", "--evidence", bundle.as_str()];
    let shown = expect(0, &[&offline[..], &["--policy", &demo]].concat());
    assert!(shown.contains("result     the same"), "{shown}");
    assert!(shown.contains("@reason(\"Disabling a user"), "{shown}");
    assert_eq!(text(&expect_json(3, &offline), &["result"]), "missing");
    let other = expect_json(3, &[&offline[..], &["--policy", &reads]].concat());
    assert!(text(&list(&other, "decisions")[0], &["note"]).contains("another policy"));
    let nobody = "00000000-0000-4000-8000-000000000000";
    expect(3, &[&offline[..], &["--policy", &demo, nobody]].concat());
    expect(2, &["policy", "explain", "yesterday", "--dir", &dir]);
    let refused = expect_json(1, &[&["policy", "explain", nobody], &in_folder[..]].concat());
    assert_eq!(text(&refused, &["code"]), "request.unknown");

    // A file that is gone is said to be missing, and one that was changed is refused.
    let policies = placet_proto::sha256(PolicyFiles::demo().get("policies.cedar").unwrap());
    let stored = Path::new(&dir).join("policy").join(placet_proto::b64::encode_hex(policies));
    let bytes = std::fs::read(&stored).unwrap();
    std::fs::remove_file(&stored).unwrap();
    let gone = expect_json(3, &[&explain[..], &in_folder].concat());
    assert!(text(&list(&gone, "decisions")[0], &["note"]).contains("policies.cedar"));
    std::fs::write(&stored, [&bytes[..], b" "].concat()).unwrap();
    expect(1, &[&explain[..], &in_folder].concat());
}

#[test]
fn a_service_explains_past_decisions_whatever_is_in_force_now() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let request = ledger.request(&server);
    let url = server.url.as_str();
    let reads = reads_only(&ledger);
    expect(0, &["policy", "activate", &reads, "--url", url, "--key", &ledger.key, "--yes"]);
    expect(1, &["request", "--url", url, "--token-file", &ledger.token, &ledger.action]);
    let reader = token(&ledger, "evidence.read");
    let at_service = ["--url", url, "--token-file", &reader];
    let told = expect_json(0, &[&["policy", "explain", &request], &at_service[..]].concat());
    let [decision] = list(&told, "decisions") else { panic!("{told:?}") };
    assert_eq!(text(decision, &["recorded", "decision"]), "requestable");
    assert_eq!(text(decision, &["now", "decision"]), "requestable");
    // The denial under the policy of now has a request of its own, by its index.
    let index = decision.get("index").unwrap().as_u64().unwrap() + 1;
    let told =
        expect_json(0, &[&["policy", "explain", &index.to_string()], &at_service[..]].concat());
    let [denial] = list(&told, "decisions") else { panic!("{told:?}") };
    assert_eq!(text(denial, &["recorded", "reason"]), "pdp.denied");
    assert_ne!(text(denial, &["manifest"]), text(decision, &["manifest"]));
    assert!(list(denial, "policies").is_empty());
}

#[test]
fn history_tells_who_put_which_policy_in_force_and_what_it_changed() {
    let ledger = Ledger::new();
    let code = ledger.init();
    let server = ledger.serve();
    ledger.enrol(&server, &code);
    let url = server.url.as_str();
    let reads = reads_only(&ledger);
    expect(0, &["policy", "activate", &reads, "--url", url, "--key", &ledger.key, "--yes"]);
    let reader = token(&ledger, "evidence.read");
    let in_folder = ["policy", "history", "--dir", ledger.dir.as_str()];
    let at_service = ["policy", "history", "--url", url, "--token-file", &reader];

    let told = expect_json(0, &at_service);
    assert_eq!(told, expect_json(0, &in_folder));
    let [first, second] = list(&told, "policies") else { panic!("{told:?}") };
    assert_eq!(first.get("index").unwrap().as_u64(), Some(2));
    assert!(first.get("signer").unwrap().is_null());
    assert_eq!(first.get("in_force").unwrap().as_bool(), Some(false));
    assert_eq!(list(first, "changes").len(), 5);
    assert_eq!(second.get("in_force").unwrap().as_bool(), Some(true));
    assert_eq!(text(second, &["armed", "canary"]), "denied");
    assert!(placet_proto::document::is_uuid_v4(text(second, &["signer", "person"])));
    let [change] = list(second, "changes") else { panic!("{second:?}") };
    assert_eq!((text(change, &["name"]), text(change, &["state"])), ("policies.cedar", "changed"));
    let lines = |name: &str| change.get(name).unwrap().as_u64().unwrap();
    assert_eq!((lines("added"), lines("removed")), (0, 14));

    let diff = expect(0, &[&in_folder[..], &["--diff", "--limit", "1"]].concat());
    assert!(diff.contains("-@quorum(\"1\")") && diff.contains("There are older"), "{diff}");
    let search = token(&ledger, "search");
    let refused = ["policy", "history", "--url", url, "--token-file", &search];
    assert_eq!(text(&expect_json(1, &refused), &["code"]), "http.scope");
    expect(2, &["policy", "history"]);
}

#[test]
fn packs_can_be_listed_written_tested_and_armed() {
    let ledger = Ledger::new();
    let listed = expect_json(0, &["policy", "pack", "list"]);
    assert_eq!(list(&listed, "packs").len(), Pack::all().len());
    for pack in Pack::all() {
        let folder = ledger.path(pack.name);
        expect(0, &["policy", "pack", "write", pack.name, &folder]);
        expect(0, &["policy", "check", &folder]);
        let tested = expect_json(0, &["policy", "test", &folder]);
        assert!(tested.get("passed").unwrap().as_u64().unwrap() >= 20, "{}", pack.name);
        let again = ["policy", "pack", "write", pack.name, &folder];
        assert_eq!(text(&expect_json(1, &again), &["code"]), "pack.exists");
        let shown = expect(0, &["policy", "pack", "show", pack.name]);
        assert!(shown.contains("| action | by itself"), "{shown}");
    }
    let unknown = expect_json(1, &["policy", "pack", "show", "nothing"]);
    assert_eq!(text(&unknown, &["code"]), "pack.unknown");
    let init = ["init", "--dev", "--origin", "localhost/p", "--dir", &ledger.dir];
    let made = expect_json(0, &[&init[..], &["--policy", "pack:coding-agent"]].concat());
    let manifest =
        placet_proto::b64::encode_hex(Pack::named("coding-agent").unwrap().files().manifest_hash());
    assert_eq!(text(&made, &["policy_manifest"]), manifest);
    let told = expect_json(0, &["policy", "history", "--dir", &ledger.dir]);
    assert_eq!(text(&list(&told, "policies")[0], &["manifest"]), manifest);
}

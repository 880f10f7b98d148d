//! Settings and tokens, by the program itself.

mod common;

use common::{Ledger, command, expect, expect_json, text};
use placet_ledger::service::settings::{Kind, SETTINGS, Stage};
use placet_proto::json::{self, Json};

/// The settings that `config check` prints, with these variables and further arguments.
fn checked(ledger: &Ledger, variables: &[(&str, &str)], more: &[&str]) -> Vec<Json> {
    let args = [&["--json", "config", "check", "--dir", ledger.dir.as_str()], more].concat();
    let output = command(&args).envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = json::parse(output.stdout.trim_ascii()).unwrap();
    told.get("settings").unwrap().as_array().unwrap().to_vec()
}

/// Value and source of one of them.
fn of<'a>(settings: &'a [Json], key: &str) -> (Option<&'a str>, &'a str) {
    let found = settings.iter().find(|s| text(s, &["key"]) == key).unwrap();
    (found.get("value").and_then(Json::as_str), text(found, &["source"]))
}

#[test]
fn config_check_tells_each_setting_and_where_it_comes_from() {
    let ledger = Ledger::new();
    ledger.init();
    let settings = checked(&ledger, &[], &[]);
    assert_eq!(settings.len(), SETTINGS.len());
    assert_eq!(of(&settings, "origin"), (Some("\"localhost/t\""), "placet.toml"));
    assert_eq!(of(&settings, "tls_cert"), (None, "default"));

    // Each of those that are numbers: they are free of rules between settings.
    let numbers = || SETTINGS.iter().filter(|s| s.kind == Kind::Number && s.stage == Stage::Start);
    let variables: Vec<String> =
        numbers().map(placet_ledger::service::settings::Setting::variable).collect();
    let variables: Vec<(&str, &str)> = variables.iter().map(|v| (v.as_str(), "90001")).collect();
    let flags: Vec<String> = numbers().flat_map(|s| [s.flag(), "90002".to_owned()]).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let by_variable = checked(&ledger, &variables, &[]);
    let by_flag = checked(&ledger, &variables, &flags);
    assert!(numbers().count() >= 7);
    for setting in numbers() {
        assert_eq!(
            of(&by_variable, setting.key),
            (Some("90001"), "environment"),
            "{}",
            setting.key
        );
        assert_eq!(of(&by_flag, setting.key), (Some("90002"), "flag"), "{}", setting.key);
    }
    let shown = expect(0, &["config", "check", "--dir", &ledger.dir, "--metrics-public"]);
    assert!(shown.contains("metrics_public      true  [flag]"), "{shown}");
    assert!(shown.contains("tls_cert            (plain HTTP)  [default]"), "{shown}");
}

#[test]
fn config_check_tells_no_secret_and_names_what_is_mistyped() {
    let ledger = Ledger::new();
    ledger.init();
    let notify = ledger.path("notify.toml");
    let target = "[[notify]]\nname = \"ops\"\nurl = \"https://hooks.example/s3cret\"\n";
    std::fs::write(&notify, target).unwrap();
    let shown = expect(0, &["config", "check", "--dir", &ledger.dir, "--notify", &notify]);
    assert!(shown.contains("[\"ops\"]  [flag]") && !shown.contains("s3cret"), "{shown}");

    let file = std::path::Path::new(&ledger.dir).join("placet.toml");
    let good = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{good}publsh_ms = 3\n")).unwrap();
    let refused = expect_json(4, &["config", "check", "--dir", &ledger.dir]);
    assert_eq!(text(&refused, &["code"]), "config.invalid");
    let detail = text(&refused, &["detail"]);
    assert!(detail.contains("`publsh_ms`") && detail.contains("`publish_ms`"), "{detail}");
    // The service would not start with it either.
    let serve = ["serve", "--dir", &ledger.dir, "--listen", "127.0.0.1:0"];
    assert_eq!(text(&expect_json(4, &serve), &["code"]), "config.invalid");
    std::fs::write(&file, good).unwrap();
    expect(2, &["config", "check", "--dir", &ledger.dir, "--publish-ms", "soon"]);
    let mut mistyped = command(&["config", "check", "--dir", &ledger.dir]);
    let output = mistyped.env("PLACET_PUBLSH_MS", "3").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("do you mean PLACET_PUBLISH_MS?"), "{said}");
    let changed = ["config", "check", "--dir", &ledger.dir];
    let output = command(&changed).env("PLACET_RP_ID", "b.example").output().unwrap();
    assert_eq!(output.status.code(), Some(4), "{output:?}");
}

#[test]
fn a_token_is_told_once_opens_what_its_scope_says_and_ends_at_once() {
    let ledger = Ledger::new();
    ledger.init();
    let dir = ["--dir", ledger.dir.as_str()];
    let create = |scope: &str, label: &str| {
        let args = ["token", "create", "--scope", scope, "--label", label, "--expires", "2"];
        expect_json(0, &[&args[..], &dir].concat())
    };
    let before = create("search", "made before the service runs");
    let server = ledger.serve();
    let made = create("search", "a SIEM");
    let (token, id) = (text(&made, &["token"]), text(&made, &["row", "id"]));
    assert!(token.starts_with(&format!("placet_{id}_")) && token.len() > 50, "{token}");

    let file = ledger.path("token");
    let search = ["search", "--url", &server.url, "--token-file", &file];
    for made in [&before, &made] {
        std::fs::write(&file, text(made, &["token"])).unwrap();
        expect(0, &search);
    }
    let request = "7f8fa0a5-2f4b-4b8e-9d4e-5b0a3a1f0c11";
    let evidence = ["evidence", request, "--url", &server.url, "--token-file", &file];
    let out = ledger.path("out");
    let refused = expect_json(1, &[&evidence[..], &["--out", &out]].concat());
    assert_eq!(text(&refused, &["code"]), "http.scope");

    let listed = expect(0, &[&["token", "list"], &dir[..]].concat());
    assert!(listed.contains(id) && listed.contains("a SIEM") && listed.contains("search"));
    let secret = token.strip_prefix(&format!("placet_{id}_")).unwrap();
    assert!(!listed.contains(secret));
    expect(0, &[&["token", "revoke", id], &dir[..]].concat());
    assert_eq!(text(&expect_json(1, &search), &["code"]), "http.token");
    let again = expect_json(1, &[&["token", "revoke", id], &dir[..]].concat());
    assert_eq!(text(&again, &["code"]), "token.unknown");
    expect(2, &[&["token", "create", "--scope", "all", "--label", "x"], &dir[..]].concat());
    assert_eq!(server.terminate(), Some(0));

    // At rest there is no secret, and the log has the acts without it.
    for file in std::fs::read_dir(ledger.path("ledger/state")).unwrap() {
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else { continue };
        assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()));
    }
    let _server = ledger.serve();
    let recorded = (0..500).any(|_| {
        let tail = expect(0, &[&["log", "tail", "-n", "100"], &dir[..]].concat());
        // Two tokens, and the end of one.
        tail.matches("administration").count() == 3
    });
    assert!(recorded);
}

//! Events of a demonstration's logs, as the program exports them.

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Stdio;

use common::{command, expect, expect_json, text};
use placet_proto::json;

const SINKS: &str = "
[[sink]]
name = \"ocsf\"
kind = \"file\"
format = \"ocsf\"
path = \"ocsf.jsonl\"

[[sink]]
name = \"cef\"
kind = \"file\"
format = \"cef\"
path = \"cef.log\"
batch = 3
";

/// What the address answers.
fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_is_exported_is_the_log_through_kills_and_what_is_wrong_is_told() {
    let tmp = tempfile::tempdir().unwrap();
    let dir = tmp.path().join("demo");
    let place = ["--dir", dir.to_str().unwrap()];
    let with = |args: &[&'static str]| [args, &place[..]].concat();
    expect(0, &with(&["demo", "--passkey", "software"]));
    let missing = expect_json(4, &with(&["export", "run", "--once"]));
    assert_eq!(text(&missing, &["code"]), "export.config");
    std::fs::write(dir.join("export.toml"), SINKS).unwrap();

    // Until it has everything; then it is killed, as if in the middle of a line.
    let mut running = command(&with(&["export", "run", "--metrics", "127.0.0.1:0"]))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(running.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("metrics  http://").expect(&line);
    let address = address.strip_suffix("/metrics").unwrap();
    let followed = |metrics: &str| {
        let lags: Vec<&str> = metrics.lines().filter(|l| l.contains("lag_leaves{")).collect();
        lags.len() == 4 && lags.iter().all(|l| l.ends_with("} 0"))
    };
    let began = std::time::Instant::now();
    loop {
        let metrics = get(address, "/metrics");
        if followed(&metrics) {
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "{metrics}");
        std::thread::yield_now();
    }
    assert!(get(address, "/").starts_with("HTTP/1.1 404 "));
    let busy = expect_json(5, &with(&["export", "run", "--once"]));
    assert_eq!(text(&busy, &["code"]), "export.locked");
    running.kill().unwrap();
    running.wait().unwrap();
    let read = |name: &str| std::fs::read_to_string(dir.join(name)).unwrap();
    std::fs::write(dir.join("cef.log"), read("cef.log") + "CEF:0|Pla").unwrap();

    expect(0, &with(&["export", "run", "--once"]));
    let (ocsf, cef) = (read("ocsf.jsonl"), read("cef.log"));
    assert_eq!(ocsf.lines().count(), cef.lines().count());
    assert!(cef.lines().all(|line| line.starts_with("CEF:0|Placet|")) && cef.ends_with('\n'));
    let uids: std::collections::BTreeSet<String> = ocsf
        .lines()
        .map(|line| text(&json::parse(line.as_bytes()).unwrap(), &["metadata", "uid"]).to_owned())
        .collect();
    assert_eq!(uids.len(), ocsf.lines().count());
    for code in ["log.started", "approval.approved", "action.allowed", "export.checkpoint"] {
        assert!(ocsf.contains(&format!("\"event_code\":\"{code}\"")), "{code}");
    }

    for name in ["ocsf.jsonl", "cef.log"] {
        let compared = placet_verify::reconcile(&dir, &dir.join(name)).unwrap();
        assert_eq!((compared.exit.code(), compared.code), (0, None), "{name}");
    }

    // A signal ends it in good order.
    let mut running = command(&with(&["export", "run"])).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(running.stderr.take().unwrap());
    stderr.read_line(&mut line).unwrap();
    let id = running.id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(running.wait().unwrap().code(), Some(0));

    // [R-18-2] Made anew, it is the same.
    std::fs::remove_dir_all(dir.join("state").join("export")).unwrap();
    std::fs::remove_file(dir.join("ocsf.jsonl")).unwrap();
    expect(0, &with(&["export", "run", "--once"]));
    assert_eq!(read("ocsf.jsonl"), ocsf);
    let status = expect_json(0, &with(&["export", "status"]));
    assert_eq!(text(&status, &["sink"]), "cef");
    a_test_stays_in_the_file(&dir, &ocsf);
}

/// The test's event stays in the file, and the stream goes on behind it.
fn a_test_stays_in_the_file(dir: &Path, ocsf: &str) {
    let place = ["--dir", dir.to_str().unwrap()];
    let tested = expect_json(0, &[&["export", "test", "ocsf"][..], &place].concat());
    assert_eq!(text(&tested, &["sink"]), "ocsf");
    expect(0, &[&["export", "run", "--once"][..], &place].concat());
    let file = dir.join("ocsf.jsonl");
    let held = std::fs::read_to_string(&file).unwrap();
    let test = held.strip_prefix(ocsf).unwrap();
    assert!(test.contains("\"event_code\":\"export.test\"") && test.lines().count() == 1, "{test}");
    let compared = placet_verify::reconcile(dir, &file).unwrap();
    assert_eq!((compared.exit.code(), compared.code), (0, None), "{}", compared.text);
}

//! `show`, `explain` and `trust`: nothing is verified, and nothing from a file reaches the terminal
//! unescaped.

mod common;

use common::{AS_OF, Story, assert_golden};

#[test]
fn every_kind_of_file_is_shown_as_unverified() {
    let story = Story::closed();
    let main = &story.forge.main;
    story.write("statement", &main.statements[3]);
    story.write("receipt", &main.receipt(3, 6, "urn:uuid:x"));
    story.write("note", &main.notes[0]);
    for (file, word) in [
        ("evidence.placet", "evidence bundle  NOT VERIFIED"),
        ("statement", "statement: approval  NOT VERIFIED"),
        ("receipt", "COSE Receipt  NOT VERIFIED"),
        ("note", "note: checkpoint of example.org/placet  NOT VERIFIED"),
        ("trust.json", "trust file  NOT VERIFIED"),
        ("action.json", "action  NOT VERIFIED"),
    ] {
        let ran = story.run(["show", file]);
        assert_eq!(ran.code, 0, "{file}: {}", ran.err);
        assert!(ran.out.contains(word), "{file}: {}", ran.out);
        let groups = ran.out.split("\n\n").skip(1);
        assert!(groups.into_iter().all(|g| g.lines().next().unwrap().ends_with("NOT VERIFIED")));
    }
    let action = story.run(["show", "action.json"]).out;
    assert_golden("show-action.txt", &action, story.dir.path());
}

#[test]
fn what_is_shown_of_an_action_is_the_action_that_its_digest_is_of() {
    let story = Story::closed();
    // The names by which serde_json notes what a value was; then texts in texts, 40 of 60 brackets.
    let mut deep = "1".to_owned();
    for level in (0..40_usize).rev() {
        let quote = match level {
            0 => "\"".to_owned(),
            n => format!("\\{}u0022", "u005c".repeat(n - 1)),
        };
        let (count, name) = (if level == 0 { 10 } else { 60 }, "$serde_json::private::RawValue");
        let (open, close) = ("[".repeat(count), "]".repeat(count));
        deep = format!("{open}{{{quote}{name}{quote}:{quote}{deep}{quote}}}{close}");
    }
    for amount in [
        r#"{"$serde_json::private::RawValue":"{\"amount\":1}"}"#,
        r#"{"$serde_json::private::Number":"7"}"#,
        deep.as_str(),
    ] {
        let action = format!(
            r#"{{"subject":{{"type":"agent","id":"a"}},"action":{{"name":"pay","properties":
                {{"amount":{amount}}}}},"resource":{{"type":"r","id":"1"}},"context":{{}}}}"#
        );
        story.write("action.json", action.as_bytes());
        let ran = story.run(["show", "action.json"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let shown = ran.out.split_once("    {\n").unwrap().1.split_once("\n    }").unwrap().0;
        let shown = placet_proto::json::parse(format!("{{{shown}}}").as_bytes()).unwrap();
        let given = placet_proto::json::parse(action.as_bytes()).unwrap();
        let text = placet_proto::jcs::to_string;
        assert_eq!(text(&shown), text(&given));
    }
}

#[test]
fn what_nobody_can_read_is_malformed() {
    let story = Story::closed();
    for bytes in [&b""[..], b"nonsense", b"{}", b"\xd2\x84", b"{\"schema\":\"placet-trust/0\"}"] {
        story.write("file", bytes);
        let ran = story.run(["show", "file"]);
        assert_eq!((ran.code, ran.out.as_str()), (4, ""), "{bytes:?}");
    }
}

#[test]
fn hostile_text_is_escaped_wherever_it_is_printed() {
    let story = Story::closed();
    let hostile = "x\u{1b}[2J\u{202e}\u{200b}\u{7f}";
    let other = Story::by(placet_forge::Person::named(hostile));
    story.write("hostile.placet", &other.bundle());
    let mut trust = story.trust();
    trust.roots[0].name = Some(hostile.to_owned());
    trust.rp_ids.push(hostile.to_owned());
    story.write("trust.json", &trust.encode());
    let action = format!(
        r#"{{"subject":{{"type":"t","id":"{id}"}},"action":{{"name":"{id}"}},
            "resource":{{"type":"t","id":"{id}"}},"context":{{}}}}"#,
        id = "x\\u001b[2J\u{202e}\u{200b}\u{7f}",
    );
    story.write("action.json", action.as_bytes());
    let bad = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{200b}".contains(c);
    for arguments in [
        vec!["trust", "show", "trust.json"],
        vec!["trust", "check", "trust.json"],
        vec!["show", "trust.json"],
        vec!["show", "action.json"],
        vec!["explain", hostile],
        vec!["show", hostile],
        vec!["check", hostile, "--trust", "trust.json"],
        vec!["check", "evidence.placet", "--trust", "trust.json", "--action", "action.json"],
        vec!["check", "hostile.placet", "--trust", "trust.json"],
        vec!["check", "hostile.placet", "--trust", "trust.json", "--json"],
        vec!["show", "hostile.placet"],
    ] {
        let ran = story.run(&arguments);
        assert!(!ran.out.contains(bad), "{arguments:?}: {:?}", ran.out);
        assert!(!ran.err.contains(bad), "{arguments:?}: {:?}", ran.err);
    }
    assert!(story.run(["trust", "show", "trust.json"]).out.contains("\\u{1b}[2J\\u{202e}"));
}

#[test]
fn codes_are_explained() {
    let story = Story::closed();
    let list = story.run(["explain"]);
    assert_eq!(list.code, 0);
    for line in list.out.lines() {
        let code = line.split_whitespace().next().unwrap();
        let one = story.run(["explain", code]);
        assert_eq!(one.code, 0, "{code}");
        assert!(one.out.starts_with(&format!("{code}\n  ")));
    }
    assert_eq!(story.run(["explain", "no.such"]).code, 2);
}

#[test]
fn trust_files_are_compared_by_meaning() {
    let story = Story::closed();
    let mut trust = story.trust();
    trust.logs.reverse();
    trust.logs[0].keys.reverse();
    story.write("same.json", &trust.encode());
    let diff = |other: &str| story.run(["trust", "diff", "trust.json", other]);
    assert_eq!(diff("same.json").code, 0);
    trust.allow_dev = false;
    trust.logs[0].keys[0].until_size = Some(9);
    story.write("other.json", &trust.encode());
    let ran = diff("other.json");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("\n- development ledgers: ALLOWED\n"), "{}", ran.out);
    assert!(ran.out.contains("\n+ development ledgers: refused\n"), "{}", ran.out);
    assert_eq!(ran.out.lines().filter(|l| l.contains(" key ")).count(), 2);
}

#[test]
fn trust_files_are_checked_and_shown() {
    let story = Story::closed();
    let shown = story.run(["trust", "show", "trust.json"]).out;
    assert_golden("trust-show.txt", &shown, story.dir.path());
    let check = || story.run(["trust", "check", "trust.json", "--as-of", AS_OF]);
    assert_eq!(check().code, 0);
    let mut trust = story.trust();
    trust.expires = Some(placet_proto::time::UnixSeconds(1));
    story.write("trust.json", &trust.encode());
    let ran = check();
    assert_eq!(ran.code, 3);
    assert!(ran.out.contains("[trust.expired]"));
    let wrong: [fn(&mut placet_proto::trust::TrustFile); 4] = [
        |trust| trust.logs[0].witness_policy = "nonsense".to_owned(),
        |trust| trust.logs[0].keys[0].public_key = vec![0xa0],
        |trust| trust.roots[0].public_key = vec![0xa0],
        |trust| trust.require = vec!["no.such_check".to_owned()],
    ];
    for change in wrong {
        let mut trust = story.trust();
        change(&mut trust);
        story.write("trust.json", &trust.encode());
        let ran = check();
        assert_eq!(ran.code, 4, "{}", ran.out);
        // What the format itself refuses is said on standard error, with its code.
        assert!(ran.out.contains("  wrong: ") || ran.err.starts_with("MALFORMED"), "{}", ran.err);
    }
}

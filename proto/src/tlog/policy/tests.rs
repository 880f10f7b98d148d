//! The cases of transparency-dev/formats policy/tlog_policy_test.go (Apache-2.0), with our own
//! keys, and the times that the verifier needs.

use super::*;
use crate::tlog::note::KeyMaterial;
use proptest::prelude::*;

fn vkey(name: &str, number: u8, cosigner: bool) -> String {
    let raw = [number; 32];
    let material =
        if cosigner { KeyMaterial::CosignatureV1(raw) } else { KeyMaterial::Ed25519(raw) };
    VerifierKey::new(name, material).unwrap().to_vkey()
}

/// Replaces `{log}` by a log vkey and `{1}`..`{6}` by witness vkeys.
fn fill(policy: &str) -> Vec<u8> {
    let mut text = policy.replace("{log}", &vkey("example.com/log", 100, false));
    for n in 1..=6_u8 {
        text = text.replace(&format!("{{{n}}}"), &vkey(&format!("w{n}.example"), n, true));
    }
    text.into_bytes()
}

fn policy(text: &str) -> Policy {
    Policy::parse(&fill(text)).unwrap()
}

const SPEC_EXAMPLE: &str = "log {log}\n\nwitness X1 {1}\nwitness X2 {2}\nwitness X3 {3}\n\
    group X-witnesses 2 X1 X2 X3\n\nwitness Y1 {4}\nwitness Y2 {5}\nwitness Y3 {6}\n\
    group Y-witnesses any Y1 Y2 Y3\n\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n";

#[test]
fn the_example_of_the_specification() {
    let policy = policy(SPEC_EXAMPLE);
    assert_eq!(policy.logs()[0].key.name(), "example.com/log");
    assert_eq!(policy.witnesses().len(), 6);
    let thresholds: Vec<usize> = policy.groups().iter().map(|g| g.threshold).collect();
    assert_eq!(thresholds, [2, 1, 2]);
    assert_eq!(policy.quorum(), Some(Member::Group(2)));
    for (cosigned, satisfied) in [
        (&[0, 1, 3][..], true),
        (&[0, 2, 5], true),
        (&[0, 1, 2, 3, 4, 5], true),
        (&[0, 1], false),
        (&[0, 3, 4, 5], false),
        (&[], false),
    ] {
        assert_eq!(policy.is_satisfied(|w| cosigned.contains(&w)), satisfied, "{cosigned:?}");
    }
}

#[test]
fn forms_that_are_allowed() {
    let none = policy("quorum none\n");
    assert!(none.is_none() && none.is_satisfied(|_| false));
    let spaced = policy(
        "\n# comment\n\t # another\n\twitness \t w1  {1}   https://w1.example/  \n\n  quorum\tw1",
    );
    assert_eq!(spaced.witnesses()[0].url.as_deref(), Some(&b"https://w1.example/"[..]));
    let keywords = policy("witness all {1}\nwitness any {2}\ngroup group 2 all any\nquorum group");
    assert!(!keywords.is_satisfied(|w| w == 0) && keywords.is_satisfied(|_| true));
    let opaque = [&b"witness K\x80 "[..], &fill("{1}"), b"\nquorum K\x80\n"].concat();
    assert_eq!(Policy::parse(&opaque).unwrap().witnesses()[0].name, b"K\x80");
}

#[test]
fn a_policy_reads_as_it_was_written() {
    let text = "log {log} https://log.example/\nwitness w1 {1} https://w1.example/\n\
        witness w2 {2}\ngroup g1 1 w1 w2\nquorum g1\n";
    let spaced = text.replace("g1 1 w1 w2", "g1\tany  w1 w2 ");
    assert_eq!(policy(&format!("# A policy.\n{spaced}")).to_bytes(), fill(text));
    for text in [SPEC_EXAMPLE, "quorum none\n", "witness w {1}\nquorum w\n"] {
        let first = policy(text);
        assert_eq!(Policy::parse(&first.to_bytes()).unwrap(), first);
    }
}

#[test]
fn forms_that_are_refused() {
    for (text, code) in [
        ("quorum none\n\u{1}", "policy.octet"),
        ("quorum none\r\n", "policy.octet"),
        ("quibble w1\nquorum none\n", "policy.malformed"),
        ("witness w1 {1} https://w1.example/ # comment\nquorum w1\n", "policy.malformed"),
        ("log\nquorum none\n", "policy.malformed"),
        ("log garbage\nquorum none\n", "policy.key"),
        ("log {1}\nquorum none\n", "policy.key_type"),
        ("log {log}\nlog {log} https://log.example/\nquorum none\n", "policy.duplicate_key"),
        ("witness w1\nquorum none\n", "policy.malformed"),
        ("witness w1 {log}\nquorum w1\n", "policy.key_type"),
        ("witness none {1}\nquorum none\n", "policy.name_taken"),
        ("witness w1 {1}\nwitness w1 {2}\nquorum w1\n", "policy.name_taken"),
        ("witness w1 {1}\nwitness w2 {1}\nquorum w1\n", "policy.duplicate_key"),
        ("witness w1 {1}\ngroup w1 any w1\nquorum w1\n", "policy.name_taken"),
        ("witness w1 {1}\ngroup g1 1\nquorum w1\n", "policy.malformed"),
        ("witness w1 {1}\ngroup none any w1\nquorum none\n", "policy.name_taken"),
        ("witness w1 {1}\ngroup g1 0 w1\nquorum g1\n", "policy.threshold"),
        ("witness w1 {1}\ngroup g1 -1 w1\nquorum g1\n", "policy.threshold"),
        ("witness w1 {1}\ngroup g1 01 w1\nquorum g1\n", "policy.threshold"),
        ("witness w1 {1}\ngroup g1 2 w1\nquorum g1\n", "policy.threshold"),
        ("witness w1 {1}\ngroup g1 any w2\nquorum g1\n", "policy.name_unknown"),
        ("group g1 any w1\nwitness w1 {1}\nquorum g1\n", "policy.name_unknown"),
        ("witness w1 {1}\ngroup g1 any none w1\nquorum g1\n", "policy.name_unknown"),
        ("witness w1 {1}\ngroup g1 any g1\nquorum g1\n", "policy.name_unknown"),
        ("witness w1 {1}\ngroup g1 all w1 w1\nquorum g1\n", "policy.member_repeated"),
        (
            "witness w1 {1}\nwitness w2 {2}\ngroup g1 any w1 w2\ngroup g2 any w1\nquorum g1\n",
            "policy.member_repeated",
        ),
        ("witness w1 {1}\n", "policy.quorum"),
        ("", "policy.quorum"),
        ("witness w1 {1}\nquorum w1\nquorum w1\n", "policy.quorum"),
        ("quorum unknown\n", "policy.name_unknown"),
        ("quorum w1\nwitness w1 {1}\n", "policy.name_unknown"),
        ("quorum\n", "policy.malformed"),
    ] {
        assert_eq!(Policy::parse(&fill(text)).unwrap_err().code(), code, "{text:?}");
    }
}

#[test]
fn one_raw_key_under_two_names_is_a_duplicate() {
    let text = format!(
        "witness a {}\nwitness b {}\nquorum a\n",
        vkey("a.example", 1, true),
        vkey("b.example", 1, true)
    );
    assert_eq!(Policy::parse(text.as_bytes()).unwrap_err().code(), "policy.duplicate_key");
}

#[test]
fn limits_hold() {
    let witnesses = |count: u8| -> String {
        let lines = (0..count).map(|n| format!("witness w{n} {}\n", vkey("w.example", n, true)));
        lines.collect::<String>() + "quorum w0\n"
    };
    assert!(Policy::parse(witnesses(64).as_bytes()).is_ok());
    assert_eq!(Policy::parse(witnesses(65).as_bytes()).unwrap_err(), PolicyError::TooLarge);
    let long = vec![b'\n'; MAX_POLICY_LEN + 1];
    assert_eq!(Policy::parse(&long).unwrap_err(), PolicyError::TooLarge);
}

#[test]
fn times_that_a_quorum_stands_behind() {
    let two_of_three = policy(
        "witness a {1}\nwitness b {2}\nwitness c {3}\n\
        group g 2 a b c\nquorum g\n",
    );
    for (times, latest, earliest) in [
        (&[Some(10), Some(20), Some(30)][..], Some(20), Some(20)),
        (&[Some(10), Some(10), None], Some(10), Some(10)),
        (&[Some(10), None, Some(30)], Some(10), Some(30)),
        (&[Some(10), None, None], None, None),
        (&[Some(10), Some(0), None], None, None),
        (&[Some(10)], None, None),
        (&[], None, None),
    ] {
        assert_eq!(two_of_three.latest_time(times), latest, "{times:?}");
        assert_eq!(two_of_three.earliest_time(times), earliest, "{times:?}");
    }
    let nothing = policy("witness a {1}\nquorum none\n");
    assert_eq!(nothing.latest_time(&[Some(10)]), None);
    assert_eq!(nothing.earliest_time(&[Some(10)]), None);
}

proptest! {
    /// Against the definition, over all t.
    #[test]
    fn times_agree_with_their_definition(times in prop::collection::vec(
        prop::option::of(0_u64..12), 6..=6,
    )) {
        let policy = policy(SPEC_EXAMPLE);
        let at_least = |t: u64| policy.is_satisfied(|w| times[w].is_some_and(|x| x != 0 && x >= t));
        let at_most = |t: u64| policy.is_satisfied(|w| times[w].is_some_and(|x| x != 0 && x <= t));
        prop_assert_eq!(policy.latest_time(&times), (0..=12).rev().find(|t| at_least(*t)));
        prop_assert_eq!(policy.earliest_time(&times), (0..=12).find(|t| at_most(*t)));
    }

    #[test]
    fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Policy::parse(&bytes);
    }
}

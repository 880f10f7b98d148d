//! `reconcile`: events as exported pass, and each way to change a SIEM's copy of them is found.

mod common;

use std::fs;

use common::schema::{self, validate};
use common::{Ran, Story, run_in};
use placet_forge::{Forge, MemLog};
use placet_proto::event::{Covering, Encoder, Format, HashKey, Issuers, Leaf, Profile, note_time};
use placet_proto::json::{self, Json};
use placet_proto::kind::LogRole;
use placet_proto::statement::Statement;
use placet_proto::tlog::checkpoint::SignedCheckpoint;

const KEY: [u8; 32] = [42; 32];

/// The stream of a log as SPEC.md 18.1 says it, written down a second time.
fn stream(log: &MemLog, encoder: &Encoder, erased: &[u64]) -> Vec<String> {
    let (mut lines, mut issuers) = (Vec::new(), Issuers::default());
    let (mut first, mut previous) = (0, None);
    for (sequence, note) in (0..).zip(&log.notes) {
        let signed = SignedCheckpoint::parse(note).unwrap();
        let (size, root) = (signed.checkpoint().size, signed.checkpoint().root);
        let at = note_time(note).unwrap();
        for index in first..size {
            let bytes = &log.statements[index as usize];
            let leaf = Leaf {
                role: log.role,
                origin: &log.origin,
                index,
                entry: placet_proto::sha256(bytes),
                statement: Some(bytes.as_slice()).filter(|_| !erased.contains(&index)),
                covered_at: at,
            };
            lines.push(text(encoder.leaf(&leaf, &issuers).line));
            issuers.learn(log.role, index, &Statement::parse(bytes).unwrap());
        }
        let (role, origin) = (log.role, log.origin.as_str());
        let covering = Covering { role, origin, sequence, first, size, root, note, previous, at };
        lines.push(text(encoder.checkpoint(&covering).line));
        (first, previous) = (size, Some(placet_proto::sha256(note)));
    }
    lines
}

fn text(line: Vec<u8>) -> String {
    String::from_utf8(line).unwrap()
}

/// Copies, a key, and events.
struct Siem {
    story: Story,
    encoder: Encoder,
}

impl Siem {
    fn new(format: Format) -> Self {
        let story = Story::closed();
        story.forge.write_copies(&story.path("copy"));
        story.write("key", HashKey::new(KEY).to_text().as_bytes());
        let profile = Profile::new(HashKey::new(KEY), []).unwrap();
        Self { story, encoder: Encoder::new(format, profile) }
    }

    fn forge(&self) -> &Forge {
        &self.story.forge
    }

    fn events(&self) -> Vec<String> {
        let gov = stream(&self.forge().gov, &self.encoder, &[]);
        [gov, stream(&self.forge().main, &self.encoder, &[])].concat()
    }

    fn reconcile(&self, events: &[String], more: &[&str]) -> Ran {
        self.story.write("events", (events.join("\n") + "\n").as_bytes());
        let arguments = ["reconcile", "copy", "events"].iter().chain(more);
        run_in(self.story.dir.path(), arguments)
    }

    /// Exit code and code, with the key.
    fn verdict(&self, events: &[String], more: &[&str]) -> (i32, Option<String>) {
        let ran = self.reconcile(events, &[&["--hash-key", "key", "--json"], more].concat());
        let result = json::parse(ran.out.trim_end().as_bytes()).unwrap();
        let root = schema::named("reconcile-result");
        validate(&root, &root, &result, "result");
        (ran.code, result.get("code").and_then(Json::as_str).map(str::to_owned))
    }

    fn finds(&self, events: &[String], code: &str) {
        assert_eq!(self.verdict(events, &[]), (1, Some(code.to_owned())));
    }
}

#[test]
fn what_was_exported_passes_in_every_format() {
    // [R-18-1] [R-18-2] The stream of the two logs, made here from their statements and notes.
    for format in Format::ALL {
        let siem = Siem::new(format);
        let events = siem.events();
        assert_eq!(siem.verdict(&events, &[]), (0, None), "{format:?}");
        // Delivery is at least once.
        let twice = [events.clone(), events.clone()].concat();
        assert_eq!(siem.verdict(&twice, &[]), (0, None), "{format:?}");
    }
}

#[test]
fn every_line_that_is_missing_is_missed() {
    // [R-18-6]
    let siem = Siem::new(Format::Ocsf);
    let events = siem.events();
    for at in 0..events.len() {
        let mut fewer = events.clone();
        let line = fewer.remove(at);
        let checkpoint = line.contains("export.checkpoint");
        let code = if checkpoint { "event.chain" } else { "event.missing" };
        siem.finds(&fewer, code);
    }
    assert_eq!(siem.verdict(&[], &[]).0, 1);
}

#[test]
fn every_line_that_is_changed_or_doubled_with_a_change_is_found() {
    // [R-18-6]
    for format in Format::ALL {
        let siem = Siem::new(format);
        let events = siem.events();
        for (at, line) in events.iter().enumerate() {
            // One digit of the time, which every format writes.
            let changed = line.replacen("2026", "2025", 1).replacen("17", "18", 1);
            assert_ne!(changed, *line, "{format:?}: the line has another time");
            let mut altered = events.clone();
            altered[at] = changed.clone();
            assert_eq!(siem.verdict(&altered, &[]).0, 1, "{format:?} {line}");
            let mut doubled = events.clone();
            doubled.insert(at, changed);
            assert_eq!(siem.verdict(&doubled, &[]).0, 1, "{format:?} {line}");
        }
    }
}

#[test]
fn order_is_kept_unless_the_receiver_does_not() {
    // [R-18-6]
    let siem = Siem::new(Format::Json);
    let mut events = siem.events();
    let last = events.len() - 1;
    events.swap(last - 1, last);
    siem.finds(&events, "event.reordered");
    assert_eq!(siem.verdict(&events, &["--any-order"]), (0, None));
    let mut events = siem.events();
    events.swap(0, 1);
    siem.finds(&events, "event.reordered");
}

#[test]
fn what_is_of_no_log_is_extra() {
    // [R-18-6]
    let siem = Siem::new(Format::Json);
    let events = siem.events();
    let (role, origin) = (LogRole::Main, siem.forge().main.origin.clone());
    let stranger = Leaf {
        role,
        origin: &origin,
        index: 10_000,
        entry: [1; 32],
        statement: None,
        covered_at: 1,
    };
    let line = text(siem.encoder.leaf(&stranger, &Issuers::default()).line);
    siem.finds(&[events.clone(), vec![line]].concat(), "event.extra");
    let elsewhere = Leaf { origin: "elsewhere.example", index: 1, ..stranger };
    let line = text(siem.encoder.leaf(&elsewhere, &Issuers::default()).line);
    siem.finds(&[events.clone(), vec![line]].concat(), "event.extra");
    siem.finds(&[events, vec!["hello".to_owned()]].concat(), "event.unreadable");
}

#[test]
fn without_the_key_or_the_bodies_it_stays_open() {
    // [R-18-7]
    let siem = Siem::new(Format::Cef);
    let events = siem.events();
    let ran = siem.reconcile(&events, &[]);
    assert_eq!(ran.code, 3, "{}", ran.out);
    assert!(ran.out.contains("event.hashes"), "{}", ran.out);
    siem.story.write("other", HashKey::new([1; 32]).to_text().as_bytes());
    assert_eq!(siem.reconcile(&events, &["--hash-key", "other"]).code, 3);
    // What is not hidden is compared all the same.
    let changed: Vec<String> = events.iter().map(|l| l.replace("support-bot", "other")).collect();
    assert_eq!(siem.reconcile(&changed, &[]).code, 1);
    // A copy of hashes only.
    fs::remove_dir_all(siem.story.path("copy/log/statements")).unwrap();
    fs::remove_dir_all(siem.story.path("copy/gov/statements")).unwrap();
    assert_eq!(siem.verdict(&events, &[]), (3, Some("event.bodies".to_owned())));
    let mut fewer = events;
    fewer.retain(|line| !line.contains("approval.approved"));
    siem.finds(&fewer, "event.missing");
}

#[test]
fn erased_leaves_are_told_from_altered_ones() {
    let siem = Siem::new(Format::Ecs);
    let events = siem.events();
    let approval = 3;
    siem.forge().main.write_copy_without(&siem.story.path("copy/log"), &[approval]);
    // The SIEM holds what the log has erased since.
    assert_eq!(siem.verdict(&events, &[]), (3, Some("event.erased".to_owned())));
    // Exported after the erasure.
    let gov = stream(&siem.forge().gov, &siem.encoder, &[]);
    let main = stream(&siem.forge().main, &siem.encoder, &[approval]);
    assert_eq!(siem.verdict(&[gov, main.clone()].concat(), &[]), (0, None));
    // A copy that still has it.
    siem.forge().main.write_copy(&siem.story.path("copy/log"));
    let gov = stream(&siem.forge().gov, &siem.encoder, &[]);
    assert_eq!(siem.verdict(&[gov, main].concat(), &[]), (3, Some("event.tombstone".to_owned())));
}

#[test]
fn a_log_that_grew_is_behind_only_where_that_is_said() {
    let siem = Siem::new(Format::Json);
    let events = siem.events();
    let notes = siem.forge().main.notes.len();
    // Everything behind the last but two checkpoints of the main log is not there yet.
    let cut = events.iter().rposition(|l| l.contains(&format!("\"sequence\":{}", notes - 3)));
    let early = &events[..=cut.unwrap()];
    siem.finds(early, "event.chain");
    assert_eq!(siem.verdict(early, &["--behind"]), (0, None));
    let mut holed = early.to_vec();
    holed.remove(early.len() - 2);
    assert_eq!(siem.verdict(&holed, &["--behind"]).0, 1);
    assert_eq!(siem.verdict(&[], &["--behind"]), (3, Some("event.none".to_owned())));
}

#[test]
fn a_log_that_was_shown_in_two_ways_is_found() {
    // The SIEM was given a checkpoint of another tree: with the events it is a witness.
    let siem = Siem::new(Format::Ocsf);
    let mut other = siem.forge().main.clone();
    let changed = other.statements.len() - 2;
    other.statements[changed].push(0);
    let events = siem.events();
    for size in [other.size(), other.size() - 1] {
        two_ways(&siem, &events, &other, size);
    }
}

fn two_ways(siem: &Siem, events: &[String], other: &MemLog, size: u64) {
    let note = other.checkpoint(size).to_bytes();
    let (role, origin, sequence) = (LogRole::Main, other.origin.as_str(), 99);
    let (first, previous, at) = (size, Some([0; 32]), 1_767_000_000);
    let root = other.root(size);
    let covering =
        Covering { role, origin, sequence, first, size, root, note: &note, previous, at };
    let line = text(siem.encoder.checkpoint(&covering).line);
    siem.finds(&[events.to_vec(), vec![line]].concat(), "event.root");
    // What it was given convicts the log before anybody who trusts its keys.
    let judged = siem.story.run(["consistency", "log-misbehaved.json", "--trust", "trust.json"]);
    assert_eq!(judged.code, 6, "{}{}", judged.out, judged.err);
}

/// The value of a member of our JSON, replaced.
fn with(line: &str, changes: &[(&str, Option<Json>)]) -> String {
    let mut event = json::parse(line.as_bytes()).unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => event.insert(*name, value.clone()),
            None => drop(event.remove(name)),
        }
    }
    placet_proto::jcs::to_string(&event)
}

#[test]
fn checkpoints_that_were_left_out_or_made_up_are_found_whatever_the_others_say() {
    // [R-18-6] All but the last of each log removed, and that one made to be the first.
    let siem = Siem::new(Format::Json);
    let is_checkpoint = |line: &String| line.contains("export.checkpoint");
    let mut kept: Vec<String> = Vec::new();
    for log in [&siem.forge().gov, &siem.forge().main] {
        let lines = stream(log, &siem.encoder, &[]);
        let last = lines.iter().rposition(is_checkpoint).unwrap();
        for (at, line) in lines.iter().enumerate() {
            match (is_checkpoint(line), at == last) {
                (true, false) => {}
                (true, true) => {
                    let number = |n: u64| Some(Json::try_from(n).unwrap());
                    let first = [("sequence", number(0)), ("first_leaf", number(0))];
                    let rest = [("leaves", number(log.size())), ("previous_note", None)];
                    kept.push(with(line, &[&first[..], &rest[..]].concat()));
                }
                _ => kept.push(line.clone()),
            }
        }
    }
    siem.finds(&kept, "event.chain");
    // A note that no key of the log signed, and one doubled with another beginning.
    let events = siem.events();
    let at = events.iter().position(is_checkpoint).unwrap();
    let doubled = with(
        &events[at + 1..].iter().find(|l| is_checkpoint(l)).unwrap().clone(),
        &[("first_leaf", Some(Json::try_from(0_u64).unwrap()))],
    );
    assert_eq!(siem.verdict(&[events.clone(), vec![doubled]].concat(), &[]).0, 1);
    let mut other = siem.forge().gov.clone();
    other.checkpoint_key = siem.forge().main.checkpoint_key.clone();
    let note = other.checkpoint(other.size()).to_bytes();
    let (role, origin) = (LogRole::Gov, other.origin.as_str());
    let covering = Covering {
        role,
        origin,
        sequence: other.notes.len() as u64,
        first: other.size(),
        size: other.size(),
        root: other.root(other.size()),
        note: &note,
        previous: Some(placet_proto::sha256(other.notes.last().unwrap())),
        at: 1_767_000_000,
    };
    let line = text(siem.encoder.checkpoint(&covering).line);
    siem.finds(&[events.clone(), vec![line]].concat(), "event.altered");
    // What a mirror was not shown stays open.
    fs::remove_dir_all(siem.story.path("copy/log/notes")).unwrap();
    assert_eq!(siem.verdict(&events, &[]), (3, Some("event.notes".to_owned())));
}

#[test]
fn an_event_is_not_stripped_by_a_profile_of_its_own() {
    // [R-18-7]
    let siem = Siem::new(Format::Json);
    let stripped = Profile::new(
        HashKey::new(KEY),
        [
            ("action_digest", placet_proto::event::Shown::Dropped),
            ("subject_type", placet_proto::event::Shown::Dropped),
        ],
    );
    let stripped = Encoder::new(Format::Json, stripped.unwrap());
    let mut events = siem.events();
    let others: Vec<String> =
        [stream(&siem.forge().gov, &stripped, &[]), stream(&siem.forge().main, &stripped, &[])]
            .concat();
    let at = events.iter().position(|l| l.contains("approval.approved")).unwrap();
    events[at] = others[at].clone();
    assert_eq!(siem.verdict(&events, &[]), (3, Some("event.profile".to_owned())));
    let named = Profile::new(HashKey::new(KEY), []).unwrap().text();
    assert_eq!(
        siem.verdict(&events, &["--profile", &named]),
        (1, Some("event.altered".to_owned()))
    );
    assert_eq!(siem.verdict(&siem.events(), &["--profile", &named]), (0, None));
    // All of them alike is an exporter's choice, and is printed.
    assert_eq!(siem.verdict(&others, &[]), (0, None));
    let other_key = format!("{}/ffffffffffffffff", placet_proto::event::table::TABLE);
    let renamed: Vec<String> = events
        .iter()
        .map(|l| with(l, &[("profile", Some(Json::string(other_key.clone())))]))
        .collect();
    assert_ne!(siem.verdict(&renamed, &[]).0, 0);
}

#[test]
fn what_is_of_no_leaf_is_what_an_exporter_writes() {
    // [R-18-6]
    let siem = Siem::new(Format::Json);
    let (events, origin) = (siem.events(), siem.forge().main.origin.clone());
    let test = text(siem.encoder.test(&origin, 1_767_000_000).line);
    assert_eq!(siem.verdict(&[events.clone(), vec![test.clone()]].concat(), &[]), (0, None));
    let forged = with(&test, &[("action", Some(Json::string("wire_transfer")))]);
    siem.finds(&[events.clone(), vec![forged]].concat(), "event.altered");
    let rollback = placet_proto::event::Rollback {
        role: LogRole::Main,
        origin: &origin,
        exported_size: 9,
        exported_root: [1; 32],
        found_root: None,
        at: 1_767_000_000,
    };
    let line = text(siem.encoder.rollback(&rollback).line);
    let found = siem.verdict(&[events.clone(), vec![line.clone()]].concat(), &[]);
    assert_eq!(found, (3, Some("event.rollback".to_owned())));
    let forged = with(&line, &[("exported_size", Some(Json::try_from(8_u64).unwrap()))]);
    siem.finds(&[events, vec![forged]].concat(), "event.altered");
}

#[test]
fn tombstones_hide_nothing_and_keep_their_time() {
    // [R-18-7] Neither where the copy has no bodies, nor at another time.
    let siem = Siem::new(Format::Json);
    let all: Vec<u64> = (0..siem.forge().main.size()).collect();
    let gov = stream(&siem.forge().gov, &siem.encoder, &[]);
    let erased = [gov.clone(), stream(&siem.forge().main, &siem.encoder, &all)].concat();
    fs::remove_dir_all(siem.story.path("copy/log/statements")).unwrap();
    assert_eq!(siem.verdict(&erased, &[]), (3, Some("event.bodies".to_owned())));
    siem.forge().main.write_copy_without(&siem.story.path("copy/log"), &[3]);
    let mut events = [gov, stream(&siem.forge().main, &siem.encoder, &[3])].concat();
    assert_eq!(siem.verdict(&events, &[]), (0, None));
    let at = events.iter().position(|l| l.contains("statement.erased")).unwrap();
    events[at] = with(&events[at], &[("time", Some(Json::string("2031-01-01T00:00:00Z")))]);
    siem.finds(&events, "event.altered");
}

#[test]
fn a_reference_is_the_logs_and_not_all_of_it() {
    // [R-18-7]
    for format in [Format::Cef, Format::Leef, Format::Ocsf, Format::Json] {
        let siem = Siem::new(format);
        let log = &siem.forge().main;
        let mut events = siem.events();
        let at = events.iter().position(|l| l.contains("approval.approved")).unwrap();
        let mut issuers = Issuers::default();
        for (index, bytes) in (0..).zip(&log.statements) {
            let statement = Statement::parse(bytes).unwrap();
            issuers.learn(log.role, index, &statement);
        }
        let found = placet_proto::event::read::Found::parse(events[at].as_bytes()).unwrap();
        let index = found.index.unwrap();
        let bytes = &log.statements[index as usize];
        let leaf = Leaf {
            role: log.role,
            origin: &log.origin,
            index,
            entry: placet_proto::sha256(bytes),
            statement: Some(bytes),
            covered_at: 0,
        };
        let reference = text(siem.encoder.leaf_within(&leaf, &issuers, 100).line);
        assert!(reference.len() < events[at].len());
        events[at] = reference.clone();
        assert_eq!(
            siem.verdict(&events, &[]),
            (3, Some("event.reference".to_owned())),
            "{format:?}"
        );
        // Of another line it is another event.
        let sha = reference.rfind(|c: char| c.is_ascii_hexdigit()).unwrap();
        let digit = if &reference[sha..=sha] == "0" { "1" } else { "0" };
        events[at].replace_range(sha..=sha, digit);
        assert_eq!(siem.verdict(&events, &[]).0, 1, "{format:?}");
    }
}

#[test]
fn events_ahead_of_the_copy_stay_open_only_where_that_is_said() {
    let siem = Siem::new(Format::Json);
    let events = siem.events();
    // A copy that was made before the last statement.
    let mut early = siem.forge().main.clone();
    early.statements.pop();
    let size = |note: &Vec<u8>| SignedCheckpoint::parse(note).unwrap().checkpoint().size;
    early.notes.retain(|note| size(note) <= early.statements.len() as u64);
    fs::remove_dir_all(siem.story.path("copy/log")).unwrap();
    early.write_copy(&siem.story.path("copy/log"));
    siem.finds(&events, "event.extra");
    assert_eq!(siem.verdict(&events, &["--ahead"]), (3, Some("event.ahead".to_owned())));
}

#[test]
fn one_log_alone_is_compared_and_what_is_of_neither_is_extra() {
    let siem = Siem::new(Format::Json);
    let events = siem.events();
    assert_eq!(siem.verdict(&events, &["--log", "main"]), (0, None));
    let at = events.iter().position(|l| l.contains("approval.approved")).unwrap();
    let mut relabelled = events.clone();
    relabelled[at] = with(&events[at], &[("log", Some(Json::string("gov")))]);
    assert_eq!(siem.verdict(&relabelled, &["--log", "main"]).0, 1);
    let stranger = with(
        &events[at],
        &[
            ("log", Some(Json::string("gov"))),
            ("origin", Some(Json::string("attacker.example/gov"))),
        ],
    );
    let more = [events, vec![stranger]].concat();
    assert_eq!(siem.verdict(&more, &["--log", "main"]), (1, Some("event.extra".to_owned())));
}

#[test]
fn a_copy_that_lacks_its_genesis_says_nothing_of_whose_statements_they_are() {
    let siem = Siem::new(Format::Json);
    siem.forge().main.write_copy_without(&siem.story.path("copy/log"), &[0]);
    let (code, _) = siem.verdict(&siem.events(), &[]);
    assert_eq!(code, 3);
}

#[test]
fn no_piece_of_evidence_takes_the_place_of_another() {
    let siem = Siem::new(Format::Json);
    siem.story.write("log-misbehaved.json", b"of yesterday");
    let mut other = siem.forge().main.clone();
    other.statements[1].push(0);
    let mut lines = siem.events();
    for (size, key) in [(5, &siem.forge().gov.checkpoint_key), (6, &other.checkpoint_key)] {
        let signed = MemLog { checkpoint_key: key.clone(), ..other.clone() };
        let note = signed.checkpoint(size).to_bytes();
        let root = signed.root(size);
        let (role, origin, previous) = (LogRole::Main, other.origin.as_str(), Some([0; 32]));
        let (sequence, at) = (90 + size, 1_767_000_000);
        let covering =
            Covering { role, origin, sequence, first: size, size, root, note: &note, previous, at };
        lines.push(text(siem.encoder.checkpoint(&covering).line));
    }
    siem.finds(&lines, "event.root");
    assert_eq!(fs::read(siem.story.path("log-misbehaved.json")).unwrap(), b"of yesterday");
    let judged = |file: &str| siem.story.run(["consistency", file, "--trust", "trust.json"]).code;
    assert_eq!((judged("log-misbehaved.2.json"), judged("log-misbehaved.3.json")), (1, 6));
    // Nowhere to write is no reason to keep the result back.
    let ran = siem.reconcile(&lines, &["--hash-key", "key", "--out", "nowhere/at/all.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("event.root"), "{}", ran.out);
}

#[test]
fn what_can_not_be_read_has_its_code() {
    let siem = Siem::new(Format::Json);
    let events = siem.events();
    siem.story.write("bad", b"not a key");
    let ran = siem.reconcile(&events, &["--hash-key", "bad"]);
    assert_eq!(ran.code, 4);
    assert!(ran.err.contains("event.hash_key"), "{}", ran.err);
    let ran = run_in(siem.story.dir.path(), ["reconcile", "nowhere", "events"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let ran = run_in(siem.story.dir.path(), ["reconcile", "copy", "nothing"]);
    assert_eq!(ran.code, 5, "{}", ran.err);
    // A line longer than any event is one finding, and the next line is read.
    let long = "x".repeat(1 << 20);
    let ran = siem.reconcile(&[vec![long], events].concat(), &["--hash-key", "key"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("1 × event.unreadable"), "{}", ran.out);
    assert!(!ran.out.contains("event.missing"), "{}", ran.out);
}

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
            issuers.learn(index, &Statement::parse(bytes).unwrap());
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
            if changed == *line {
                continue;
            }
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

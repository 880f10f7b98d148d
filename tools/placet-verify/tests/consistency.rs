//! `consistency`, with proofs, with copies of a log, and with a log that lies.

mod common;

use std::fs;

use common::{Ran, Story, schema};
use placet_forge::misbehaviour;
use placet_proto::document::Body;
use placet_proto::json::{self, Json};
use placet_proto::misbehaviour::{Misbehaviour, Noted};
use placet_proto::statement::Statement;
use placet_proto::tlog::note::Note;
use placet_proto::{b64, logcopy};

fn compare(story: &Story, more: &[&str]) -> Ran {
    let arguments = ["consistency", "old", "new", "--trust", "trust.json"];
    story.run(arguments.iter().chain(more))
}

fn notes(story: &Story, old: u64, new: u64) {
    story.write("old", &story.forge.main.checkpoint(old).to_bytes());
    story.write("new", &story.forge.main.checkpoint(new).to_bytes());
}

#[test]
fn a_proof_or_a_copy_joins_two_checkpoints() {
    let story = Story::closed();
    notes(&story, 3, 6);
    let ran = compare(&story, &[]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("[consistency.unproved]"));

    let lines: Vec<String> =
        story.forge.main.consistency(3, 6).iter().map(b64::encode_std).collect();
    story.write("proof", (lines.join("\n") + "\n").as_bytes());
    assert_eq!(compare(&story, &["--proof", "proof"]).code, 0);
    story.write("proof", b"");
    let ran = compare(&story, &["--proof", "proof"]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("[log.consistency]"));
    story.write("proof", b"nonsense\n");
    assert_eq!(compare(&story, &["--proof", "proof"]).code, 4);

    story.forge.main.write_copy(&story.path("copy"));
    assert_eq!(compare(&story, &["--log", "copy"]).code, 0);
    // The order of the arguments is not believed.
    notes(&story, 6, 3);
    assert_eq!(compare(&story, &["--log", "copy"]).code, 0);
    notes(&story, 6, 6);
    assert_eq!(compare(&story, &[]).code, 0);
    assert!(!story.path("log-misbehaved.json").exists());
}

/// The file alone gives the same verdict, by the trust file and by the log's key; under other keys
/// it shows nothing.
fn repeats(story: &Story, file: &str) {
    let value = json::parse(&fs::read(story.path(file)).unwrap()).unwrap();
    let schema = schema::named("log-misbehaved");
    schema::validate(&schema, &schema, &value, "evidence");
    let ran = story.run(["consistency", file, "--trust", "trust.json"]);
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    assert!(ran.out.starts_with("LOG MISBEHAVED  example.org/placet  [log.equivocation]\n"));
    let vkey = story.forge.main.vkey().to_vkey();
    let ran = story.run(["consistency", file, "--vkey", &vkey]);
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    let other = story.forge.gov.vkey().to_vkey();
    let ran = story.run(["consistency", file, "--vkey", &other, "--origin", "example.org/placet"]);
    assert_eq!((ran.code, ran.out.contains("[log.checkpoint]")), (1, true), "{}", ran.out);
    let ran = story.run(["consistency", file, "--vkey", &other]);
    assert_eq!((ran.code, ran.out.contains("[trust.log_unknown]")), (3, true), "{}", ran.out);
}

#[test]
fn evidence_is_believed_by_its_signatures_alone() {
    let story = Story::closed();
    story.write("forged-trust.json", &misbehaviour::trust());
    for case in misbehaviour::cases() {
        story.write("evidence.json", &case.bytes);
        let ran = story.run(["consistency", "evidence.json", "--trust", "forged-trust.json"]);
        let code = match case.verdict {
            "log_misbehaved" => 6,
            "malformed" => 4,
            _ => 1,
        };
        assert_eq!(ran.code, code, "{}: {}{}", case.name, ran.out, ran.err);
        let said = format!("[{}]", case.code);
        assert!((ran.out + &ran.err).contains(&said), "{}", case.name);
    }
}

#[test]
fn two_roots_for_one_size_are_misbehaviour_with_evidence() {
    let story = Story::closed();
    story.write("old", &story.forge.main.checkpoint(6).to_bytes());
    story.write("new", &story.forge.main.checkpoint_of(6, [7; 32]).to_bytes());
    let ran = compare(&story, &["--out", "proof.json"]);
    assert_eq!(ran.code, 6, "{}", ran.err);
    assert!(ran.out.starts_with("LOG MISBEHAVED  example.org/placet  [log.equivocation]\n"));
    repeats(&story, "proof.json");
    let evidence = json::parse(&fs::read(story.path("proof.json")).unwrap()).unwrap();
    let notes = evidence.get("notes").and_then(Json::as_array).unwrap();
    for (note, file) in notes.iter().zip(["old", "new"]) {
        assert_eq!(note.as_str().unwrap().as_bytes(), fs::read(story.path(file)).unwrap());
    }
}

#[test]
fn a_rewritten_history_is_found_in_a_copy() {
    let story = Story::closed();
    story.forge.main.write_copy(&story.path("copy"));
    story.write("old", &story.forge.main.checkpoint_of(3, [7; 32]).to_bytes());
    story.write("new", &story.forge.main.checkpoint(6).to_bytes());
    assert_eq!(compare(&story, &["--log", "copy"]).code, 6);
    repeats(&story, "log-misbehaved.json");
    // A copy of some other tree shows nothing about this one.
    notes(&story, 3, 6);
    let tile = story.path("copy").join("tile/0/000.p/6");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    assert_eq!(compare(&story, &["--log", "copy"]).code, 3);
}

#[test]
fn evidence_from_a_copy_rests_on_its_leaves_alone() {
    let mut story = Story::closed();
    for n in 0..600_u32 {
        story.forge.main.append(n.to_be_bytes().to_vec());
    }
    story.forge.main.write_copy(&story.path("copy"));
    let tile = story.path("copy").join("tile/1/000.p/2");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    story.write("old", &story.forge.main.checkpoint_of(258, [7; 32]).to_bytes());
    let size = story.forge.main.size();
    story.write("new", &story.forge.main.checkpoint(size).to_bytes());
    assert_eq!(compare(&story, &["--log", "copy"]).code, 6);
    repeats(&story, "log-misbehaved.json");
}

// [R-6.6-6]
#[test]
fn a_copy_whose_log_misbehaved_is_no_ground_for_anything() {
    let story = Story::closed();
    let copy = story.path("copy");
    story.forge.main.write_copy(&copy);
    let noted = |note: &Note| Noted::parse(&note.to_bytes()).unwrap();
    let log = &story.forge.main;
    let (one, other) = (noted(&log.checkpoint(6)), noted(&log.checkpoint_of(6, [7; 32])));
    let evidence = Misbehaviour::new(one, other, None).unwrap().to_bytes();
    fs::write(copy.join("log-misbehaved.json"), evidence).unwrap();
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!(ran.code, 6, "{}{}", ran.out, ran.err);
    // Of another log it says nothing.
    let log = &story.forge.gov;
    let (one, other) = (noted(&log.checkpoint(4)), noted(&log.checkpoint_of(4, [7; 32])));
    let evidence = Misbehaviour::new(one, other, None).unwrap().to_bytes();
    fs::write(copy.join("log-misbehaved.json"), evidence).unwrap();
    assert_eq!(story.check("evidence.placet", &["--log", "copy"]).code, 0);
}

#[test]
fn what_the_log_did_not_sign_says_nothing_about_it() {
    let story = Story::closed();
    let mut forged = story.forge.main.checkpoint(6);
    let other = story.forge.gov.checkpoint(4);
    forged.retain_signatures(|_| false);
    forged.set_signature(other.signatures()[0].clone()).unwrap();
    story.write("old", &story.forge.main.checkpoint(6).to_bytes());
    story.write("new", &forged.to_bytes());
    let ran = compare(&story, &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("[log.checkpoint]"), "{}", ran.out);
    story.write("new", &other.to_bytes());
    assert_eq!(compare(&story, &[]).code, 2, "two different logs");
    story.write("new", b"nonsense");
    assert_eq!(compare(&story, &[]).code, 4);
}

// [R-6.6-2]
#[test]
fn the_whole_log_shows_that_an_approval_was_spent_once() {
    let story = Story::closed();
    let copy = story.path("copy");
    story.forge.main.write_copy(&copy);
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("pass     consumption.unique"));

    // An erased body could have been the second execution, and so could one that is absent.
    let mut erased = Vec::new();
    for (index, statement) in story.forge.main.statements.iter().enumerate() {
        logcopy::push(&mut erased, (index != 4).then_some(statement)).unwrap();
    }
    let bundle = copy.join("statements/0");
    fs::write(&bundle, &erased).unwrap();
    let open = |why: &str| {
        let ran = story.check("evidence.placet", &["--log", "copy"]);
        assert_eq!(ran.code, 3, "{why}: {}{}", ran.out, ran.err);
        assert!(ran.out.contains("[consumption.not_checked]"), "{why}: {}", ran.out);
    };
    open("an erased body");
    fs::remove_file(&bundle).unwrap();
    open("no statements");

    // What is no copy is refused.
    fs::write(&bundle, &erased[..erased.len() - 1]).unwrap();
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!((ran.code, ran.err.contains("logcopy.truncated")), (4, true), "{}", ran.err);
    assert_eq!(story.check("evidence.placet", &["--log", "absent"]).code, 5);
}

// [R-6.6-3]
#[test]
fn an_execution_that_the_evidence_leaves_out_is_found_in_a_copy() {
    let mut story = Story::closed();
    let executed = story.forge.main.statements.iter().find_map(|bytes| {
        match Statement::parse(bytes).unwrap().document.body {
            Body::Execution(execution) => Some(execution),
            _ => None,
        }
    });
    // The operator's PEP spends the approval again, in a tree that only grew.
    story.forge.execute(executed.clone().unwrap());
    story.forge.main.write_copy(&story.path("copy"));
    assert_eq!(story.check("evidence.placet", &[]).code, 0, "the bundle alone can't show it");
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("[consumption.double]"), "{}", ran.out);

    // What somebody else calls an execution, under a key of no issuer, is none.
    let mut story = Story::closed();
    let mut stranger = story.forge.pep_key.clone();
    stranger.key = placet_forge::signing_key("stranger");
    let request = story.request.clone();
    let document = story.forge.document(Body::Execution(executed.unwrap()));
    let statement = story.forge.statement(&stranger, &document, &request, vec![], None);
    story.forge.main.append(statement);
    story.forge.main.write_copy(&story.path("copy"));
    let ran = story.check("evidence.placet", &["--log", "copy"]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
}

//! Exit codes, limits and streams.

mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use common::{AS_OF, Story, program};

#[test]
fn the_worst_of_several_files_counts() {
    let story = Story::closed();
    story.write("empty", b"");
    fs::create_dir(story.path("folder")).unwrap();
    let base = ["check", "--trust", "trust.json", "--as-of", AS_OF];
    let run = |files: &[&str]| story.run(base.iter().chain(files)).code;
    assert_eq!(run(&["evidence.placet"]), 0);
    assert_eq!(run(&["folder"]), 5);
    assert_eq!(run(&["absent"]), 5);
    assert_eq!(run(&["empty"]), 4);
    assert_eq!(run(&["evidence.placet", "folder"]), 5);
    assert_eq!(run(&["folder", "empty", "evidence.placet"]), 4);
    assert_eq!(run(&[]), 2);
    assert_eq!(story.run(["check", "evidence.placet", "--trust", "folder"]).code, 5);
    assert_eq!(story.run(["no-such-command"]).code, 2);
}

#[test]
fn a_gibibyte_of_zeros_is_refused_in_bounded_memory() {
    let story = Story::closed();
    File::create(story.path("zeros")).unwrap().set_len(1 << 30).unwrap();
    let program = env!("CARGO_BIN_EXE_placet-verify");
    for file in ["zeros", "/dev/zero", "-"] {
        // 400 MB of address space: the whole file would not fit.
        let shell = format!("ulimit -v 400000; exec {program} check {file} --trust trust.json");
        let zeros = File::open("/dev/zero").unwrap();
        let mut command = Command::new("sh");
        command.arg("-c").arg(shell).current_dir(story.dir.path()).stdin(zeros);
        assert_eq!(command.output().unwrap().status.code(), Some(4), "{file}");
    }
}

#[test]
fn every_cut_of_a_bundle_is_malformed() {
    let story = Story::closed();
    let bundle = story.bundle();
    let trust = story.trust();
    let options = placet_verifier::Options::default();
    // The program on a few, the same code on all.
    for cut in 0..bundle.len() {
        let result = placet_verifier::verify_bundle(&bundle[..cut], &trust, &options);
        assert!(result.is_err(), "cut at {cut}");
    }
    for cut in [1, 31, 32, 33, bundle.len() / 2, bundle.len() - 1] {
        story.write("cut", &bundle[..cut]);
        assert_eq!(story.check("cut", &[]).code, 4, "cut at {cut}");
    }
}

#[test]
fn standard_input_is_a_file_too() {
    let story = Story::closed();
    let mut command = program();
    command.current_dir(story.dir.path());
    command.args(["check", "-", "--trust", "trust.json", "--as-of", AS_OF]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&story.bundle()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.starts_with(b"PASSED  standard input\n"));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let story = Story::closed();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = program();
    command.current_dir(story.dir.path());
    command.args(["check", "evidence.placet", "--trust", "trust.json"]);
    let output = command.stdout(writer).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn colours_only_repeat_what_words_say() {
    let story = Story::closed();
    let plain = story.check("evidence.placet", &[]).out;
    assert!(!plain.contains('\u{1b}'), "a pipe is no terminal");
    let colored = story.check("evidence.placet", &["--color", "always"]).out;
    assert!(colored.contains("\u{1b}[32mPASSED\u{1b}[0m"));
    let stripped = ["\u{1b}[32m", "\u{1b}[33m", "\u{1b}[1;31m", "\u{1b}[0m"]
        .iter()
        .fold(colored, |text, code| text.replace(code, ""));
    assert_eq!(stripped, plain);
}

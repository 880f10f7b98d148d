//! Keys and notes of golang/mod sumdb/note/note_test.go (BSD-3-Clause) and the C2SP examples.

use super::*;
use proptest::prelude::*;

const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n";
const PETER_LINE: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuG\
    UgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_LINE: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOH\
    p+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

#[test]
fn vkeys_read_and_write() {
    for (vkey, id, kind) in [
        (PETER, 0xc74f_20a3, 1),
        (ENOCH, 0xaf0c_fe78, 1),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", 0x530d_903a, 1),
        ("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2", 0xda77_ade7, 4),
        (
            "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
            0x33d7_b496,
            1,
        ),
    ] {
        let key = VerifierKey::parse(vkey).unwrap();
        assert_eq!((key.key_id(), key.material().kind()), (id, kind));
        assert_eq!(key.to_vkey(), vkey);
    }
}

#[test]
fn every_mangling_of_a_vkey_is_refused() {
    for i in 0..PETER.len() {
        for j in i + 1..=PETER.len() {
            if (i, j) != (0, PETER.len()) {
                assert!(VerifierKey::parse(&PETER[i..j]).is_err(), "{i}..{j}");
            }
        }
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[i] += 1;
        assert!(VerifierKey::parse(str::from_utf8(&bytes).unwrap()).is_err(), "byte {i}");
    }
    // A key of the wrong length under a key ID that fits it.
    let long = "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==";
    assert_eq!(VerifierKey::parse(long).unwrap_err().code(), "note.key");
    assert!(VerifierKey::parse(&format!("{}{}", &PETER[..22], "A".repeat(10_000))).is_err());
    for bad in ["", "a+b", "++", "n+00000000+", "rekor.sigstore.dev+12345678+THIS_IS_NOT_BASE64!"] {
        assert!(VerifierKey::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_key_of_another_type_is_kept_as_it_is() {
    let vkey = "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key = VerifierKey::parse(vkey).unwrap();
    assert!(matches!(key.material(), KeyMaterial::Unknown { kind: 0x65, .. }));
    assert_eq!(key.to_vkey(), vkey);
}

#[test]
fn notes_read_and_write() {
    let bytes = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}").into_bytes();
    let note = Note::parse(&bytes).unwrap();
    assert_eq!(note.text(), TEXT);
    assert_eq!(note.to_bytes(), bytes);
    let enoch = VerifierKey::parse(ENOCH).unwrap();
    let line = note.signature_of(&enoch).unwrap();
    assert_eq!(
        (line.name(), line.key_id(), line.signature().len()),
        ("EnochRoot", 0xaf0c_fe78, 64)
    );
    assert_eq!(line.to_line(), ENOCH_LINE);
}

#[test]
fn notes_of_other_implementations_read_and_name_their_keys() {
    let rows: Vec<serde_json::Value> =
        serde_json::from_str(include_str!("../../../vectors/tlog/notes.json")).unwrap();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let bytes = row["note"].as_str().unwrap().as_bytes();
        let note = Note::parse(bytes).unwrap();
        assert_eq!(note.to_bytes(), bytes, "{}", row["name"]);
        for expected in row["keys"].as_array().unwrap() {
            let key = VerifierKey::parse(expected["vkey"].as_str().unwrap()).unwrap();
            let line = note.signature_of(&key).unwrap();
            if let Some(time) = expected["time"].as_u64() {
                let cosignature = crate::tlog::Cosignature::parse(line.signature()).unwrap();
                assert_eq!(cosignature.time(), time);
            }
        }
    }
}

#[test]
fn the_text_may_hold_empty_lines() {
    let text = "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n\
        ed \u{e8} subito sera.\n";
    let line = "\u{2014} quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLl\
        C+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n";
    let note = Note::parse(format!("{text}\n{line}").as_bytes()).unwrap();
    assert_eq!(note.text(), text);
}

// SPEC.md R-6.4-1.
#[test]
fn malformed_notes_are_refused() {
    let long_name = "n".repeat(256);
    for (note, code) in [
        (TEXT.to_owned(), "note.malformed"),
        (format!("{TEXT}\n"), "note.malformed"),
        (format!("{TEXT}\n{}", &PETER_LINE[..PETER_LINE.len() - 1]), "note.malformed"),
        (format!("\u{1}{TEXT}\n{PETER_LINE}"), "note.malformed"),
        (format!("{TEXT}\n{}", PETER_LINE.replace("PeterNeumann", "Bad Name")), "note.malformed"),
        (format!("{TEXT}\n{PETER_LINE}Unexpected line.\n"), "note.malformed"),
        (format!("{TEXT}\n{PETER_LINE}\n"), "note.malformed"),
        (format!("{TEXT}{PETER_LINE}"), "note.malformed"),
        (format!("{TEXT}\r\n\r\n{PETER_LINE}"), "note.malformed"),
        (format!("{TEXT}\n{}", PETER_LINE.replace('\u{2014}', "-")), "note.malformed"),
        (format!("{TEXT}\n{}", PETER_LINE.replace("AM=", "AM")), "note.malformed"),
        (format!("{TEXT}\n{}", PETER_LINE.replace("AM=", "AN=")), "note.malformed"),
        (format!("{TEXT}\n\u{2014} n AAAAAA==\n"), "note.malformed"),
        (format!("{TEXT}\n\u{2014} n+m AAAAAAA=\n"), "note.key_name"),
        (format!("{TEXT}\n\u{2014} n\u{a0}m AAAAAAA=\n"), "note.key_name"),
        (format!("{TEXT}\n\u{2014}  AAAAAAA=\n"), "note.key_name"),
        (format!("{TEXT}\n\u{2014} {long_name} AAAAAAA=\n"), "note.key_name"),
        (format!("{TEXT}\n{PETER_LINE}{PETER_LINE}"), "note.duplicate_signature"),
    ] {
        assert_eq!(Note::parse(note.as_bytes()).unwrap_err().code(), code, "{note:?}");
    }
    let not_utf8 = [b"\xff", format!("{TEXT}\n{PETER_LINE}").as_bytes()].concat();
    assert_eq!(Note::parse(&not_utf8).unwrap_err().code(), "note.malformed");
}

#[test]
fn limits_hold() {
    let lines = |count: usize| -> String {
        (0..count).map(|n| format!("\u{2014} key{n} AAAAAAA=\n")).collect()
    };
    let note = |count| format!("{TEXT}\n{}", lines(count));
    assert_eq!(Note::parse(note(64).as_bytes()).unwrap().signatures().len(), 64);
    assert_eq!(Note::parse(note(65).as_bytes()).unwrap_err().code(), "note.too_large");
    let long = format!("{}\n\n{PETER_LINE}", "a".repeat(MAX_NOTE_LEN));
    assert_eq!(Note::parse(long.as_bytes()).unwrap_err().code(), "note.too_large");
}

#[test]
fn setting_a_signature_replaces_that_of_the_same_key() {
    let key = VerifierKey::parse(PETER).unwrap();
    let mut note = Note::new(TEXT.to_owned()).unwrap();
    note.set_signature(SignatureLine::new(&key, vec![1; 64]).unwrap()).unwrap();
    let peter = SignatureLine::parse(PETER_LINE.trim_end()).unwrap();
    note.set_signature(peter).unwrap();
    assert_eq!(note.to_bytes(), format!("{TEXT}\n{PETER_LINE}").into_bytes());
    assert!(Note::new("abc".to_owned()).is_err());
    assert!(SignatureLine::new(&key, vec![]).is_err());
}

proptest! {
    #[test]
    fn what_is_read_is_written_as_it_was(
        text in "[a-z \u{e8}\n]{0,40}", names in prop::collection::hash_set("[!-*,-~]{1,9}", 1..5),
    ) {
        let lines: String = names.iter().map(|n| format!("\u{2014} {n} AAAAAQI=\n")).collect();
        let bytes = format!("{text}\n\n{lines}").into_bytes();
        let note = Note::parse(&bytes).unwrap();
        prop_assert_eq!(note.to_bytes(), bytes);
    }

    #[test]
    fn no_input_panics_and_one_note_has_one_form(
        at in 0_usize..300, byte in any::<u8>(),
    ) {
        let mut bytes = format!("{TEXT}\n{PETER_LINE}{ENOCH_LINE}").into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_bytes(), bytes);
        }
    }
}

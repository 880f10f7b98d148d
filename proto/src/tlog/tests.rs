//! What holds for all parsers: no input panics, and what is read is written as it was.

use super::*;
use proptest::prelude::*;

const NOTE: &str = "example.com/log/testdata\n3\n\
    Wqx3HImawpLnS/Gv4ubjAvi1WIOy0b8Ze0amvqbavKk=\n\n\
    \u{2014} example.com/log/testdata M9e0lvAQRtH832pk2RTbeSeZMkp4FZSdJYFBUjO5SKxuRbywPUF3cx\
    +HUrb50kjd3rUWW/fj53Wj1dwcwh9bGQnqVAg=\n";
const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n";

fn check_all(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_bytes(), bytes);
    }
    if let Ok(signed) = SignedCheckpoint::parse(bytes) {
        assert_eq!(signed.checkpoint().to_text(), signed.note().text());
    }
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.to_bytes().unwrap(), bytes);
    }
    if let Ok((proof, _)) = TlogProof::parse(bytes) {
        assert_eq!(proof.to_bytes().unwrap(), bytes);
    }
    if let Ok(cosignature) = Cosignature::parse(bytes) {
        assert_eq!(cosignature.to_bytes(), bytes);
    }
    if let Ok(policy) = Policy::parse(bytes) {
        assert_eq!(Policy::parse(&policy.to_bytes()).unwrap(), policy);
    }
    if let Ok(size) = witness::parse_size_body(bytes) {
        assert_eq!(witness::size_body(size).as_bytes(), bytes);
    }
    if let Ok(text) = str::from_utf8(bytes) {
        if let Ok(checkpoint) = Checkpoint::parse(text) {
            assert_eq!(checkpoint.to_text(), text);
        }
        if let Ok(key) = VerifierKey::parse(text) {
            assert_eq!(key.to_vkey(), text);
        }
        if let Ok(id) = text.parse::<TileId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(line) = SignatureLine::parse(text) {
            assert_eq!(line.to_line().trim_end_matches('\n'), text);
        }
    }
}

/// Inputs that parse, one per format.
fn samples() -> Vec<Vec<u8>> {
    let checkpoint = NOTE.split("\n\n").next().unwrap().to_owned() + "\n";
    let line = NOTE.lines().last().unwrap().to_owned();
    [
        NOTE.to_owned(),
        checkpoint,
        line,
        format!("old 2\n{HASH}{HASH}\n{NOTE}"),
        format!("c2sp.org/tlog-proof@v1\nextra AAEC\nindex 1\n{HASH}\n{NOTE}"),
        "3\n".to_owned(),
        "tile/1/x001/x234/067.p/8".to_owned(),
        "tile/entries/x001/067".to_owned(),
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2".to_owned(),
        "witness a remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2 u\n\
            group g 1 a\nquorum g\n"
            .to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_all(&bytes);
    }

    #[test]
    fn changed_samples(
        pick in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(),
        byte in any::<u8>(), kind in 0_u8..4,
    ) {
        let samples = samples();
        let mut bytes = samples[pick.index(samples.len())].clone();
        let at = at.index(bytes.len());
        match kind {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            2 => { bytes.remove(at); }
            _ => bytes.truncate(at),
        }
        check_all(&bytes);
    }
}

//! Every byte of a bundle flipped, with and without sealing it anew: never PASSED, unless every
//! proven fact is the same and the byte lies on a published list of ignorable paths (SPEC.md 7.7).

use placet_forge::scenarios::story;
use placet_proto::trust::TrustFile;
use placet_verifier::{Options, Report, Verdict, verify_bundle};

const BITS: [u8; 2] = [0x01, 0x80];

struct Honest {
    bytes: Vec<u8>,
    trust: TrustFile,
    report: Report,
}

fn honest() -> Honest {
    let story = story();
    let (bytes, trust) = (story.bundle().encode(), story.trust());
    let report = verify_bundle(&bytes, &trust, &Options::default()).unwrap();
    assert_eq!(report.verdict, Verdict::Passed);
    Honest { bytes, trust, report }
}

fn reseal(bytes: &mut Vec<u8>) {
    bytes.truncate(bytes.len() - 32);
    let seal = placet_proto::sha256(bytes);
    bytes.extend(seal);
}

/// The offsets at which a flipped bit still passes.
fn passing(honest: &Honest, offsets: std::ops::Range<usize>, sealed: bool) -> Vec<usize> {
    let mut passing = Vec::new();
    for offset in offsets {
        for bit in BITS {
            let mut bytes = honest.bytes.clone();
            bytes[offset] ^= bit;
            if sealed {
                reseal(&mut bytes);
            }
            let Ok(report) = verify_bundle(&bytes, &honest.trust, &Options::default()) else {
                continue;
            };
            if report.verdict == Verdict::Passed {
                assert_eq!(report.requests, honest.report.requests, "other facts at {offset}");
                passing.push(offset);
            }
        }
    }
    passing
}

fn all_offsets(sealed: bool) -> Vec<usize> {
    let honest = honest();
    let end = honest.bytes.len() - if sealed { 32 } else { 0 };
    std::thread::scope(|scope| {
        let halves = [0..end / 2, end / 2..end]
            .map(|offsets| scope.spawn(|| passing(&honest, offsets, sealed)));
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect()
    })
}

#[test]
fn a_flipped_byte_breaks_the_seal() {
    assert_eq!(all_offsets(false), Vec::<usize>::new());
}

#[test]
fn a_flipped_byte_under_a_new_seal_never_passes() {
    // The list of ignorable paths of SPEC.md 7.7 is empty for this bundle: every key is known, and
    // every note carries claims.
    assert_eq!(all_offsets(true), Vec::<usize>::new());
}

#[test]
fn a_bundle_cut_anywhere_is_malformed() {
    let honest = honest();
    for length in 0..honest.bytes.len() {
        for sealed in [false, true] {
            let mut bytes = honest.bytes[..length].to_vec();
            if sealed && length >= 32 {
                reseal(&mut bytes);
            }
            assert!(verify_bundle(&bytes, &honest.trust, &Options::default()).is_err());
        }
    }
}

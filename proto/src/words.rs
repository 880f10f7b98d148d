//! Bytes as words that people can say to each other: "proquints" (arXiv:0901.4016), sixteen bits as
//! five letters, consonants and vowels in turn.
//!
//! They stand for two things. The *action code* tells requests apart and is no security check.
//! *Fingerprint words* are one: whoever compares all six of a key with its owner, by another way
//! than the pages of the service, has compared 96 bits of its RFC 9679 thumbprint.

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";
/// Words of a fingerprint.
pub const FINGERPRINT_WORDS: usize = 6;

/// The first [`FINGERPRINT_WORDS`] words of a key's RFC 9679 thumbprint, with spaces between.
#[must_use]
pub fn fingerprint(thumbprint: &[u8; 32]) -> String {
    words(thumbprint, FINGERPRINT_WORDS)
}

/// As many words as asked for, of two bytes each from the front, with spaces between.
#[must_use]
pub fn words(bytes: &[u8], count: usize) -> String {
    let pairs = bytes.chunks_exact(2).take(count);
    let bits = pairs.map(|pair| pair.iter().fold(0u16, |n, b| (n << 8) | u16::from(*b)));
    bits.map(proquint).collect::<Vec<_>>().join(" ")
}

/// One word of five letters.
#[must_use]
pub fn proquint(bits: u16) -> String {
    let consonant = |shift: u16| letter(CONSONANTS, bits >> shift & 15);
    let vowel = |shift: u16| letter(VOWELS, bits >> shift & 3);
    [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)].iter().collect()
}

fn letter(alphabet: &[u8], at: u16) -> char {
    alphabet.get(usize::from(at)).map_or('b', |b| char::from(*b))
}

#[cfg(test)]
mod tests {
    use super::*;

    // SPEC.md R-10-29.
    #[test]
    fn words_are_the_proquints_of_their_paper() {
        // 127.0.0.1 is lusab-babad, 63.84.220.193 is gutih-tugad.
        assert_eq!(words(&[127, 0, 0, 1], 2), "lusab babad");
        assert_eq!(words(&[63, 84, 220, 193], 2), "gutih tugad");
    }

    // SPEC.md R-10-29.
    #[test]
    fn a_fingerprint_is_six_words_of_the_first_twelve_bytes() {
        let mut thumbprint = [0x55; 32];
        let text = fingerprint(&thumbprint);
        assert_eq!(text.split(' ').count(), FINGERPRINT_WORDS);
        thumbprint[12] ^= 1;
        assert_eq!(text, fingerprint(&thumbprint));
        for at in 0..12 {
            let mut other = thumbprint;
            other[at] ^= 1;
            assert_ne!(text, fingerprint(&other), "byte {at}");
        }
    }

    #[test]
    fn every_word_is_one_number() {
        let all: std::collections::BTreeSet<String> = (0..=u16::MAX).map(proquint).collect();
        assert_eq!(all.len(), 65_536);
    }
}

//! The action code: three words that tell one request from another, on the page and in the
//! terminal. It is no security check, and nobody is asked to compare it.

use placet_proto::sha256_parts;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// Three pronounceable words of five letters ("proquints", arXiv:0901.4016) of the request and the
/// digest of its action.
#[must_use]
pub fn action_code(request: &str, action_digest: &[u8; 32]) -> String {
    let hash = sha256_parts(&[b"placet-code/0", request.as_bytes(), action_digest]);
    let words = hash.chunks_exact(2).take(3).map(|pair| {
        let bits = pair.iter().fold(0u16, |n, b| (n << 8) | u16::from(*b));
        word(bits)
    });
    words.collect::<Vec<_>>().join(" ")
}

fn word(bits: u16) -> String {
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

    #[test]
    fn words_are_the_proquints_of_their_paper() {
        // 127.0.0.1 is lusab-babad, 63.84.220.193 is gutih-tugad.
        let of = |a: u16, b: u16| format!("{}-{}", word(a), word(b));
        assert_eq!(of(0x7f00, 0x0001), "lusab-babad");
        assert_eq!(of(0x3f54, 0xdcc1), "gutih-tugad");
    }

    #[test]
    fn a_code_depends_on_the_request_and_on_the_action() {
        let code = action_code("a", &[0; 32]);
        assert_eq!(code.split(' ').count(), 3);
        assert_ne!(code, action_code("b", &[0; 32]));
        assert_ne!(code, action_code("a", &[1; 32]));
        assert_eq!(code, action_code("a", &[0; 32]));
    }
}

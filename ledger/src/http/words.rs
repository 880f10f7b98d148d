//! The action code: three words that tell one request from another, on the page and in the
//! terminal. It is no security check, and nobody is asked to compare it.

use placet_proto::{sha256_parts, words};

/// Three pronounceable words of the request and the digest of its action.
#[must_use]
pub fn action_code(request: &str, action_digest: &[u8; 32]) -> String {
    words::words(&sha256_parts(&[b"placet-code/0", request.as_bytes(), action_digest]), 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_depends_on_the_request_and_on_the_action() {
        let code = action_code("a", &[0; 32]);
        assert_eq!(code.split(' ').count(), 3);
        assert_ne!(code, action_code("b", &[0; 32]));
        assert_ne!(code, action_code("a", &[1; 32]));
        assert_eq!(code, action_code("a", &[0; 32]));
    }
}

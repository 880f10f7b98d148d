//! Characters that deceive who reads: one list for pages, terminals and reports.

/// Whether a character can't be seen, passes for a blank, steers a terminal, or reorders the line:
/// controls (C0, C1, DEL), white space other than the plain space, format and bidirectional
/// characters, variation selectors, fillers, tags, and what has no agreed appearance.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c != ' ' && (c.is_control() || c.is_whitespace())
        || matches!(u32::from(c),
            0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890 | 0x891 | 0x8e2
            | 0x115f | 0x1160 | 0x17b4 | 0x17b5 | 0x180b..=0x180f
            | 0x200b..=0x200f | 0x2028..=0x202f | 0x205f..=0x206f | 0x2800 | 0x3164
            | 0xe000..=0xf8ff | 0xfe00..=0xfe0f | 0xfeff | 0xffa0 | 0xfff0..=0xfffb
            | 0xfffe | 0xffff | 0x110bd | 0x110cd | 0x13430..=0x1345f | 0x16fe4 | 0x1d159
            | 0x1bca0..=0x1bca3 | 0x1d173..=0x1d17a | 0xe0000..=0x10_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_seen_stays_and_what_deceives_does_not() {
        assert!("Grüße, 世界 😀 a-z\"\\".chars().all(|c| !is_hidden(c)));
        let hidden =
            "\n\u{1b}\u{9b}\u{a0}\u{ad}\u{200b}\u{202e}\u{2066}\u{3164}\u{e0041}\u{10fffd}";
        assert!(hidden.chars().all(is_hidden));
    }
}

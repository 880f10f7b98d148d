//! The notes of one log, arranged so that each question of SPEC.md 9 costs the logarithm of their
//! number: a log that is followed for a year has a million of them, and every answer asks.

use std::collections::HashMap;

use super::OpenNote;

/// Opened notes of one log.
#[derive(Debug, Clone, Default)]
pub struct NoteSet {
    /// In the order in which they were given.
    given: Vec<OpenNote>,
    by_sha256: HashMap<[u8; 32], usize>,
    /// Positions in `given`, ascending by size, then by T1 (those without first).
    sorted: Vec<usize>,
    /// Of `sorted` from each position on, the smallest T2.
    earliest: Vec<Option<u64>>,
    /// A tree of the largest T1 of the notes below each node; the leaves begin at `leaves`.
    latest: Vec<Option<u64>>,
    leaves: usize,
}

impl NoteSet {
    /// Arranges notes.
    #[must_use]
    pub fn new(given: Vec<OpenNote>) -> Self {
        let mut sorted: Vec<usize> = (0..given.len()).collect();
        sorted.sort_by_key(|at| given.get(*at).map(|n| (n.size, n.not_before)));
        let by_sha256 = given.iter().enumerate().map(|(at, note)| (note.sha256, at)).collect();
        let in_order = |at: &usize| given.get(*at);
        let mut earliest: Vec<Option<u64>> = sorted
            .iter()
            .rev()
            .scan(None, |least: &mut Option<u64>, at| {
                let before = in_order(at).and_then(|n| n.before);
                *least = match (*least, before) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                Some(*least)
            })
            .collect();
        earliest.reverse();
        let leaves = sorted.len().next_power_of_two();
        let mut latest = vec![None; leaves];
        latest.extend(sorted.iter().map(|at| in_order(at).and_then(|n| n.not_before)));
        latest.resize(leaves.saturating_mul(2), None);
        for node in (1..leaves).rev() {
            let child = |at: usize| latest.get(at).copied().flatten();
            let left = node.saturating_mul(2);
            let larger = child(left).max(child(left.saturating_add(1)));
            if let Some(slot) = latest.get_mut(node) {
                *slot = larger;
            }
        }
        Self { given, by_sha256, sorted, earliest, latest, leaves }
    }

    /// The notes in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &OpenNote> {
        self.given.iter()
    }

    /// Number of notes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.given.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }

    /// The note with this SHA-256.
    #[must_use]
    pub fn named(&self, sha256: &[u8; 32]) -> Option<&OpenNote> {
        self.given.get(*self.by_sha256.get(sha256)?)
    }

    /// A note of this size.
    #[must_use]
    pub fn of_size(&self, size: u64) -> Option<&OpenNote> {
        self.at(self.first_of(size)).filter(|n| n.size == size)
    }

    /// T2 by the notes that are larger than `index`: the earliest, seconds.
    #[must_use]
    pub fn before(&self, index: u64) -> Option<u64> {
        self.earliest.get(self.first_of(index.checked_add(1)?)).copied().flatten()
    }

    /// The note of smallest size, then smallest T1, of at least `size` and with T1 ≥ `t`.
    #[must_use]
    pub fn closing(&self, size: u64, t: u64) -> Option<&OpenNote> {
        let late = |node: usize| self.latest.get(node).copied().flatten().is_some_and(|t1| t1 >= t);
        let mut node = self.first_of(size).checked_add(self.leaves)?;
        if node >= self.latest.len() {
            return None;
        }
        // Up and to the right until something below is late enough, then down to the first.
        while !late(node) {
            while node % 2 == 1 {
                node /= 2;
            }
            if node <= 1 {
                return None;
            }
            node = node.checked_add(1)?;
        }
        while node < self.leaves {
            let left = node.checked_mul(2)?;
            node = if late(left) { left } else { left.checked_add(1)? };
        }
        self.at(node.checked_sub(self.leaves)?)
    }

    fn at(&self, position: usize) -> Option<&OpenNote> {
        self.given.get(*self.sorted.get(position)?)
    }

    fn first_of(&self, size: u64) -> usize {
        self.sorted.partition_point(|at| self.given.get(*at).is_some_and(|n| n.size < size))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(at: usize, size: u64, not_before: Option<u64>, before: Option<u64>) -> OpenNote {
        let sha256 = placet_proto::sha256(&at.to_be_bytes());
        let (root, times, unknown) = ([0; 32], Vec::new(), Vec::new());
        OpenNote { size, root, sha256, times, not_before, before, unknown }
    }

    proptest! {
        #[test]
        fn questions_are_answered_as_by_looking_at_every_note(
            notes in prop::collection::vec(
                (0_u64..12, prop::option::of(0_u64..9), prop::option::of(0_u64..9)), 0..40
            ),
            size in 0_u64..14, t in 0_u64..10,
        ) {
            let notes: Vec<OpenNote> = notes
                .into_iter()
                .enumerate()
                .map(|(at, (size, t1, t2))| note(at, size, t1, t2))
                .collect();
            let set = NoteSet::new(notes.clone());
            let before = notes.iter().filter(|n| n.size > size).filter_map(|n| n.before).min();
            prop_assert_eq!(set.before(size), before);
            let closing = notes
                .iter()
                .filter(|n| n.size >= size && n.not_before.is_some_and(|t1| t1 >= t))
                .map(|n| (n.size, n.not_before))
                .min();
            prop_assert_eq!(set.closing(size, t).map(|n| (n.size, n.not_before)), closing);
            let any = notes.iter().any(|n| n.size == size);
            prop_assert_eq!(set.of_size(size).map(|n| n.size), any.then_some(size));
            for n in &notes {
                prop_assert_eq!(set.named(&n.sha256), Some(n));
            }
            prop_assert!(set.before(u64::MAX).is_none());
            prop_assert_eq!(set.len(), notes.len());
        }
    }
}

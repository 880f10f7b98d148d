//! A filter that says of almost every key that a run lacks that it lacks it (a blocked Bloom
//! filter), so that a key that is new costs no read.

use crate::storage::OnceKey;

/// Bits for each key: one absent key in about a thousand is looked for in vain.
const BITS_PER_KEY: usize = 16;
/// Words of a block, each with one bit of a key: one cache line.
const WORDS: usize = 8;
const BLOCK_BITS: usize = WORDS * 64;

/// Keys that may be in a run.
#[derive(Debug, PartialEq, Eq)]
pub struct Filter {
    blocks: Vec<[u64; WORDS]>,
}

impl Filter {
    /// An empty filter for so many keys.
    pub fn new(keys: usize) -> Filter {
        let blocks = keys.saturating_mul(BITS_PER_KEY).div_ceil(BLOCK_BITS).max(1);
        Filter { blocks: vec![[0; WORDS]; blocks] }
    }

    /// Length in bytes of a filter for so many keys.
    pub fn len_for(keys: usize) -> usize {
        let blocks = keys.saturating_mul(BITS_PER_KEY).div_ceil(BLOCK_BITS).max(1);
        blocks.saturating_mul(WORDS * 8)
    }

    /// Adds a key.
    pub fn insert(&mut self, key: &OnceKey) {
        let (block, bits) = self.place(key);
        if let Some(words) = self.blocks.get_mut(block) {
            words.iter_mut().zip(masks(bits)).for_each(|(word, mask)| *word |= mask);
        }
    }

    /// False if the key was never added.
    pub fn may_hold(&self, key: &OnceKey) -> bool {
        let (block, bits) = self.place(key);
        self.blocks
            .get(block)
            .is_none_or(|words| words.iter().zip(masks(bits)).all(|(word, mask)| word & mask != 0))
    }

    /// Its bytes, as [`Filter::decode`] reads them.
    pub fn encode(&self) -> Vec<u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_be_bytes()).collect()
    }

    /// The filter of these bytes; none when they are not whole blocks.
    pub fn decode(bytes: &[u8]) -> Option<Filter> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_be_bytes(*word)).collect();
        let (blocks, left) = words.as_chunks::<WORDS>();
        let whole = rest.is_empty() && left.is_empty() && !blocks.is_empty();
        whole.then(|| Filter { blocks: blocks.to_vec() })
    }

    /// Length of the bytes.
    pub fn len(&self) -> usize {
        self.blocks.len().saturating_mul(WORDS * 8)
    }

    /// The block of a key, and 48 bits that choose one in each word.
    fn place(&self, key: &OnceKey) -> (usize, u64) {
        // Keys are hashes in service; a caller that numbers them must not make it slow either.
        let (words, _) = key.0.as_chunks::<8>();
        let folded = words.iter().fold(0, |sum, word| mixed(sum ^ u64::from_be_bytes(*word)));
        let block = (u128::from(folded) * self.blocks.len() as u128) >> 64;
        (block as usize, mixed(folded.wrapping_add(1)))
    }
}

fn masks(bits: u64) -> impl Iterator<Item = u64> {
    (0..WORDS as u32).map(move |word| 1 << ((bits >> (6 * word)) & 63))
}

/// The finaliser of SplitMix64.
fn mixed(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> OnceKey {
        let mut key = [0; 32];
        key[24..].copy_from_slice(&n.to_be_bytes());
        OnceKey(key)
    }

    #[test]
    fn what_was_added_is_held_and_little_else() {
        let mut filter = Filter::new(20_000);
        (0..20_000).for_each(|n| filter.insert(&key(n)));
        assert!((0..20_000).all(|n| filter.may_hold(&key(n))));
        let wrong = (20_000..120_000).filter(|n| filter.may_hold(&key(*n))).count();
        assert!(wrong < 500, "{wrong} of 100,000");
        let bytes = filter.encode();
        assert_eq!((bytes.len(), bytes.len()), (filter.len(), Filter::len_for(20_000)));
        assert_eq!(Filter::decode(&bytes), Some(filter));
        assert_eq!(Filter::decode(&bytes[1..]), None);
        assert_eq!(Filter::decode(&[]), None);
    }
}

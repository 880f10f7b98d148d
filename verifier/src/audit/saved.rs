//! A chunk in the form in which a state file keeps it.
//!
//! from, to, root at to, governance size and root, counts, records, missing, orders, refused:
//! integers big-endian, lists behind a u32 with their length.

use placet_proto::tlog::merkle::Hash;

use super::fold::{Chunk, Record};

/// A chunk with the trees that it was done under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// What was kept of it.
    pub chunk: Chunk,
    /// Root of the main log at its end.
    pub root: Hash,
    /// Size of the governance log then.
    pub gov_size: u64,
    /// Its root.
    pub gov_root: Hash,
}

impl Saved {
    /// The one form of it in bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let Saved { chunk, root, gov_size, gov_root } = self;
        let mut out = Vec::new();
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
        out.extend([chunk.from.to_be_bytes(), chunk.to.to_be_bytes()].concat());
        out.extend(root);
        out.extend(gov_size.to_be_bytes());
        out.extend(gov_root);
        out.extend(count(chunk.counts.len()));
        for (name, n) in &chunk.counts {
            out.extend(count(name.len()));
            out.extend(name.as_bytes());
            out.extend(n.to_be_bytes());
        }
        out.extend(count(chunk.records.len()));
        for record in &chunk.records {
            out.extend(record.to_bytes());
        }
        for list in [&chunk.missing, &chunk.orders, &chunk.refused] {
            out.extend(count(list.len()));
            out.extend(list.iter().flat_map(|n| n.to_be_bytes()));
        }
        out
    }

    /// Reads [`Saved::encode`]; `None` for what is not that form, or names entries that are not in
    /// the chunk.
    #[must_use]
    pub fn decode(body: &[u8]) -> Option<Saved> {
        let mut rest = body;
        let mut chunk =
            Chunk { from: number(&mut rest)?, to: number(&mut rest)?, ..Chunk::default() };
        let root = *take::<32>(&mut rest)?;
        let gov_size = number(&mut rest)?;
        let gov_root = *take::<32>(&mut rest)?;
        for _ in 0..length(&mut rest, 12)? {
            let name = length(&mut rest, 1)?;
            let (name, after) = rest.split_at_checked(name)?;
            rest = after;
            let name = std::str::from_utf8(name).ok()?;
            chunk.counts.insert(name.to_owned(), number(&mut rest)?);
        }
        for _ in 0..length(&mut rest, 24)? {
            chunk.records.push(Record::from_bytes(take::<24>(&mut rest)?));
        }
        for list in [&mut chunk.missing, &mut chunk.orders, &mut chunk.refused] {
            for _ in 0..length(&mut rest, 8)? {
                list.push(number(&mut rest)?);
            }
        }
        let within = |n: &u64| (chunk.from..chunk.to).contains(n);
        let lists = [&chunk.missing, &chunk.orders, &chunk.refused];
        let indexes = chunk.records.iter().all(|r| within(&r.index()))
            && lists.iter().all(|list| list.iter().all(within));
        (rest.is_empty() && indexes).then_some(Saved { chunk, root, gov_size, gov_root })
    }
}

/// A count of items that take at least `least` bytes each: no more than there is room for.
fn length(rest: &mut &[u8], least: usize) -> Option<usize> {
    let n = usize::try_from(u32::from_be_bytes(*take::<4>(rest)?)).ok()?;
    (n.checked_mul(least)? <= rest.len()).then_some(n)
}

fn number(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*take::<8>(rest)?))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (first, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn saved(from: u64) -> Saved {
        let mut chunk = Chunk { from, to: from + 512, ..Chunk::default() };
        chunk.counts.insert("approval".to_owned(), 7);
        chunk.records.push(Record::new([3; 16], from + 1, true));
        chunk.missing.push(from + 2);
        chunk.orders.push(from + 3);
        chunk.refused.push(from + 511);
        Saved { chunk, root: [1; 32], gov_size: 9, gov_root: [2; 32] }
    }

    #[test]
    fn bodies_have_one_form() {
        let body = saved(0).encode();
        assert_eq!(Saved::decode(&body), Some(saved(0)));
        for end in 0..body.len() {
            assert_eq!(Saved::decode(&body[..end]), None, "{end} bytes");
        }
        assert_eq!(Saved::decode(&[body.as_slice(), b"x"].concat()), None);
        let mut outside = saved(0);
        outside.chunk.missing.push(512);
        assert_eq!(Saved::decode(&outside.encode()), None);
    }

    proptest! {
        #[test]
        fn what_is_read_is_what_would_be_written(
            flips in prop::collection::vec((0_usize..400, any::<u8>()), 0..4)
        ) {
            let mut body = saved(0).encode();
            for (at, byte) in flips {
                if let Some(place) = body.get_mut(at) {
                    *place = byte;
                }
            }
            if let Some(read) = Saved::decode(&body) {
                prop_assert_eq!(Saved::decode(&read.encode()), Some(read));
            }
        }
    }
}

//! What is kept of a log while it is read, chunk by chunk.

use std::collections::{BTreeMap, HashMap};

use placet_proto::document::Body;
use placet_proto::statement::Statement;

use super::auditor::{Auditor, Examined, is_of_request};
use crate::evidence::ErasedStatement;

/// Most statements of one request that are judged together; a request with more is a finding.
pub const MAX_OF_REQUEST: usize = 1024;

/// That a statement is about a request: 24 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// The request, a UUID.
    pub request: [u8; 16],
    /// Twice the index, plus one if its request was found in order as far as the chunk shows it.
    place: u64,
}

impl Record {
    /// A record.
    #[must_use]
    pub fn new(request: [u8; 16], index: u64, clean: bool) -> Self {
        Self { request, place: index.saturating_mul(2) | u64::from(clean) }
    }

    /// The record in 24 bytes, for a file.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 24] {
        let mut out = [0; 24];
        let place = self.place.to_be_bytes();
        for (to, from) in out.iter_mut().zip(self.request.iter().chain(&place)) {
            *to = *from;
        }
        out
    }

    /// Reads [`Record::to_bytes`].
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 24]) -> Self {
        let (mut request, mut place) = ([0; 16], [0; 8]);
        let slots = request.iter_mut().chain(&mut place);
        for (to, from) in slots.zip(bytes) {
            *to = *from;
        }
        Self { request, place: u64::from_be_bytes(place) }
    }

    /// Index in the main log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.place / 2
    }

    /// Whether nothing was found about its request in its chunk.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.place % 2 == 1
    }
}

/// A request with its statements in a chunk, ascending by index.
pub type OfRequest<'s> = (String, Vec<(u64, &'s Statement)>);

/// What is kept of a chunk: of neighbouring entries of the main log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the first entry.
    pub from: u64,
    /// Index behind the last.
    pub to: u64,
    /// Statements of each kind that were stated by who may, and `external`, `refused`, `missing`.
    pub counts: BTreeMap<String, u64>,
    /// Statements about requests, ascending by request and index.
    pub records: Vec<Record>,
    /// Entries without their bodies.
    pub missing: Vec<u64>,
    /// Orders of erasure.
    pub orders: Vec<u64>,
    /// Statements that are no evidence.
    pub refused: Vec<u64>,
}

impl Chunk {
    /// Groups what was examined from index `from` on, ascending, by request. The groups can be
    /// judged in parallel; [`Chunk::conclude`] takes which of them are in order.
    #[must_use]
    pub fn read(from: u64, examined: &[Examined]) -> (Self, Vec<OfRequest<'_>>) {
        let mut chunk = Self { from, to: from, ..Self::default() };
        let mut groups: Vec<OfRequest<'_>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, entry) in (from..).zip(examined) {
            chunk.to = index.saturating_add(1);
            let name = match entry {
                Examined::Stated(statement) => {
                    if matches!(statement.document.body, Body::Erasure(_)) {
                        chunk.orders.push(index);
                    }
                    if let Some(request) = statement.document.body.request()
                        && is_of_request(statement)
                    {
                        let place = *places.entry(request).or_insert_with(|| {
                            groups.push((request.to_owned(), Vec::new()));
                            groups.len().saturating_sub(1)
                        });
                        if let Some((_, group)) = groups.get_mut(place) {
                            group.push((index, statement));
                        }
                    }
                    statement.kind().name()
                }
                Examined::External => "external",
                Examined::Refused(_) => {
                    chunk.refused.push(index);
                    "refused"
                }
                Examined::Missing { .. } => {
                    chunk.missing.push(index);
                    "missing"
                }
            };
            match chunk.counts.get_mut(name) {
                Some(count) => *count = count.saturating_add(1),
                None => drop(chunk.counts.insert(name.to_owned(), 1)),
            }
        }
        (chunk, groups)
    }

    /// Judges one group: whether its request is in order as far as the chunk shows it.
    #[must_use]
    pub fn is_clean(auditor: &Auditor<'_>, (request, group): &OfRequest<'_>) -> bool {
        group.len() <= MAX_OF_REQUEST && auditor.judge(request, group, &[]).is_empty()
    }

    /// Takes the groups of [`Chunk::read`] with whether each is in order.
    #[must_use]
    pub fn conclude<'s>(
        mut self,
        groups: impl IntoIterator<Item = (&'s OfRequest<'s>, bool)>,
    ) -> Self {
        for ((request, group), clean) in groups {
            // A request is a UUID: the document was read.
            let Some(request) = uuid_bytes(request) else { continue };
            self.records.extend(group.iter().map(|(i, _)| Record::new(request, *i, clean)));
        }
        self.records.sort_unstable();
        self
    }
}

/// The chunks of a log.
#[derive(Debug, Clone, Default)]
pub struct Fold {
    size: u64,
    bounds: Vec<u64>,
    counts: BTreeMap<String, u64>,
    records: Vec<Record>,
    missing: Vec<u64>,
    orders: Vec<u64>,
    refused: Vec<u64>,
}

impl Fold {
    /// Takes the next chunk.
    pub fn add(&mut self, chunk: Chunk) {
        self.size = chunk.to;
        self.bounds.push(chunk.to);
        for (kind, n) in chunk.counts {
            let count = self.counts.entry(kind).or_default();
            *count = count.saturating_add(n);
        }
        self.records.extend(chunk.records);
        self.missing.extend(chunk.missing);
        self.orders.extend(chunk.orders);
        self.refused.extend(chunk.refused);
    }

    /// Entries so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Statements of each kind, and `external`, `refused`, `missing`.
    #[must_use]
    pub fn counts(&self) -> &BTreeMap<String, u64> {
        &self.counts
    }

    /// Indexes of entries without their bodies, ascending.
    #[must_use]
    pub fn missing(&self) -> &[u64] {
        &self.missing
    }

    /// Indexes of orders of erasure, ascending.
    #[must_use]
    pub fn orders(&self) -> &[u64] {
        &self.orders
    }

    /// Indexes of statements that are no evidence, ascending.
    #[must_use]
    pub fn refused(&self) -> &[u64] {
        &self.refused
    }

    /// Takes a statement whose body was erased: its request is looked at again, since what was
    /// said of it is no longer all there.
    pub fn erased(&mut self, statement: &ErasedStatement) {
        let request = uuid_bytes(statement.request());
        self.records.extend(request.map(|r| Record::new(r, statement.index, false)));
    }

    /// What has to be looked at again, now that the log was read to its end; and how many requests
    /// there are.
    #[must_use]
    pub fn second_look(mut self) -> SecondLook {
        self.records.sort_unstable();
        let (bounds, mut requests) = (&self.bounds, 0_u64);
        let mut starts = Vec::new();
        let mut kept: Vec<Record> = Vec::new();
        for group in self.records.chunk_by(|a, b| a.request == b.request) {
            requests = requests.saturating_add(1);
            let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
            let chunk_of = |r: &Record| bounds.partition_point(|end| *end <= r.index());
            let decided = group.iter().all(Record::is_clean) && chunk_of(first) == chunk_of(last);
            if !decided {
                starts.push((first.index(), kept.len()));
                kept.extend(group);
            }
        }
        // In the order of the log, so that neighbours are read together.
        starts.sort_unstable();
        SecondLook { records: kept, starts, requests }
    }
}

/// What has to be looked at again.
#[derive(Debug, Clone, Default)]
pub struct SecondLook {
    records: Vec<Record>,
    /// First index and place in `records` of each request.
    starts: Vec<(u64, usize)>,
    /// How many requests there are.
    pub requests: u64,
}

/// A request that is looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The request.
    pub request: String,
    /// Its statements, ascending, at most [`MAX_OF_REQUEST`].
    pub indexes: Vec<u64>,
    /// How many it has.
    pub total: usize,
}

impl SecondLook {
    /// Requests that are looked at again.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether nothing has to be looked at again.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The request at a position, in the order of the log.
    #[must_use]
    pub fn group(&self, position: usize) -> Option<Group> {
        let (_, start) = self.starts.get(position)?;
        let rest = self.records.get(*start..)?;
        let group = rest.chunk_by(|a, b| a.request == b.request).next()?;
        let request = uuid_text(&group.first()?.request);
        let indexes = group.iter().take(MAX_OF_REQUEST).map(Record::index).collect();
        Some(Group { request, indexes, total: group.len() })
    }
}

fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let mut digits = text.bytes().filter(|b| *b != b'-').map(|b| char::from(b).to_digit(16));
    let mut out = [0; 16];
    for byte in &mut out {
        let (high, low) = (digits.next()??, digits.next()??);
        *byte = u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?;
    }
    digits.next().is_none().then_some(out)
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let hex = placet_proto::b64::encode_hex(bytes);
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

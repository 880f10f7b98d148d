//! Searching: filters, pages, cursors.
//!
//! Entries come main log first, then the governance log, in each the newest first. The first page
//! fixes how much of both logs the search is about; its cursors carry that, so that a cursor gives
//! the same page however the logs grow (erasures aside: what is erased is found no more). A cursor
//! names positions in the logs and nothing of the index: it survives a rebuild and a restart. It is
//! good for the filter that it was given for, which a MAC under the key of the folder sees to.
//!
//! One page looks at [`MAX_SCANNED`] rows at most. A filter that is rarer than that gives pages
//! that are short, or empty, and still have a cursor: the search ends where there is no cursor.

use placet_proto::b64;
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;

use super::Inner;
use super::store::{Candidate, log as number_of, split_terms};
use super::terms::{ERASED, EXTERNAL, Field, Key, values};
use crate::{Error, LogId, storage};

/// Most hits in a page.
pub const MAX_LIMIT: usize = 200;
/// Most rows that one page looks at.
pub const MAX_SCANNED: usize = 10_000;
/// Bytes of a cursor before encoding.
const CURSOR: usize = 34;

/// What is searched for; all of it has to hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// One log; both if none is named.
    pub log: Option<LogId>,
    /// A kind of SPEC.md 4.2, `external`, or `erased`.
    pub kind: Option<String>,
    /// The request that a statement is about.
    pub request: Option<String>,
    /// `action_digest`.
    pub digest: Option<[u8; 32]>,
    /// A session of an agent: `session` or `session_id` of the action's context.
    pub session: Option<String>,
    /// A credential that signed, or that the statement is about.
    pub credential: Option<Vec<u8>>,
    /// The person who answered.
    pub approver: Option<String>,
    /// A person who answered, signed or is spoken of.
    pub person: Option<String>,
    /// The initiator: its id, or `type/id`.
    pub agent: Option<String>,
    /// The PEP.
    pub audience: Option<String>,
    /// Stated at this time or later, by the ledger's clock.
    pub from: Option<UnixSeconds>,
    /// Stated before this time.
    pub to: Option<UnixSeconds>,
}

impl Filter {
    /// The logs that are searched, in order.
    pub fn logs(&self) -> impl Iterator<Item = LogId> {
        let only = self.log;
        LogId::ALL.into_iter().filter(move |id| only.is_none_or(|only| only == *id))
    }

    /// What a hit has to be found by, the rarest first.
    fn wanted(&self) -> Vec<(Field, &[u8])> {
        fn text(value: &Option<String>) -> Option<&[u8]> {
            value.as_ref().map(String::as_bytes)
        }
        let all = [
            (Field::Request, text(&self.request)),
            (Field::Digest, self.digest.as_ref().map(<[u8; 32]>::as_slice)),
            (Field::Session, text(&self.session)),
            (Field::Credential, self.credential.as_deref()),
            (Field::Approver, text(&self.approver)),
            (Field::Person, text(&self.person)),
            (Field::Agent, text(&self.agent)),
            (Field::Audience, text(&self.audience)),
            (Field::Kind, text(&self.kind)),
        ];
        all.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
    }

    fn time(&self) -> Option<(u64, u64)> {
        let bounded = self.from.is_some() || self.to.is_some();
        bounded.then(|| (self.from.map_or(0, |t| t.0), self.to.map_or(u64::MAX, |t| t.0)))
    }

    /// The filter in bytes, for the cursor's MAC.
    fn bytes(&self) -> Vec<u8> {
        let mut out = vec![self.log.map_or(u8::MAX, |id| u8::from(id == LogId::Gov))];
        for (field, value) in self.wanted() {
            out.push(field as u8);
            out.extend((value.len() as u64).to_be_bytes());
            out.extend_from_slice(value);
        }
        let (from, to) = self.time().unwrap_or((0, u64::MAX));
        out.extend(from.to_be_bytes());
        out.extend(to.to_be_bytes());
        out
    }
}

/// Where a search goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// How much of each log the search is about.
    bounds: [u64; 2],
    log: LogId,
    /// Entries below this one are to come.
    below: u64,
}

impl Cursor {
    pub(super) fn read(text: &str, filter: &Filter, key: &Key) -> Option<Self> {
        let bytes = b64::decode_url(text, CURSOR).ok()?;
        let (head, mac) = bytes.split_at_checked(CURSOR.checked_sub(8)?)?;
        // What is compared guards no secret: a forged cursor shows what a new search would show.
        if mac != key.tag(&[b"cursor", head, &filter.bytes()]) {
            return None;
        }
        let number = |at: usize| -> Option<u64> {
            let bytes = head.get(at..at.checked_add(8)?)?;
            Some(u64::from_be_bytes(bytes.try_into().ok()?))
        };
        let log = match head.get(..2)? {
            [1, 0] => LogId::Main,
            [1, 1] => LogId::Gov,
            _ => return None,
        };
        Some(Self { bounds: [number(2)?, number(10)?], log, below: number(18)? })
    }

    fn write(&self, filter: &Filter, key: &Key) -> String {
        let mut bytes = vec![1, u8::from(self.log == LogId::Gov)];
        let [main, gov] = self.bounds;
        for number in [main, gov, self.below] {
            bytes.extend(number.to_be_bytes());
        }
        let mac = key.tag(&[b"cursor", &bytes, &filter.bytes()]);
        bytes.extend(mac);
        b64::encode_url(bytes)
    }
}

/// An entry that fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Which log.
    pub log: LogId,
    /// Its index there.
    pub index: u64,
    /// The entry.
    pub entry: [u8; 32],
    /// The statement's kind, `external`, or `erased`.
    pub kind: String,
    /// The statement, unless it is external or erased.
    pub statement: Option<Box<Statement>>,
}

/// One page of a search.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The hits.
    pub hits: Vec<Hit>,
    /// Where the next page begins; none when there is none.
    pub next: Option<String>,
    /// The sizes of the main and the governance log that the search is about: an entry at or
    /// after it was not looked at.
    pub indexed_to: [u64; 2],
}

pub(super) fn run(
    inner: &Inner,
    filter: &Filter,
    cursor: Option<&Cursor>,
    limit: usize,
) -> Result<Page, Error> {
    let limit = limit.clamp(1, MAX_LIMIT);
    let bounds = match cursor {
        Some(cursor) => cursor.bounds,
        None => [inner.store.indexed_to(LogId::Main)?, inner.store.indexed_to(LogId::Gov)?],
    };
    let mut scan = Scan::new(inner, filter, limit);
    for id in filter.logs() {
        if cursor.is_some_and(|c| number_of(id) < number_of(c.log)) {
            continue;
        }
        let [main, gov] = bounds;
        let bound = if id == LogId::Main { main } else { gov };
        let below = cursor.filter(|c| c.log == id).map_or(bound, |c| c.below.min(bound));
        scan.log(id, below)?;
        if scan.stopped_at.is_some() {
            break;
        }
    }
    let next = scan.stopped_at.map(|(log, below)| {
        let cursor = Cursor { bounds, log, below };
        cursor.write(filter, &inner.key)
    });
    let mut hits = Vec::new();
    for (log, index) in scan.found {
        hits.extend(read(inner, filter, log, index)?);
    }
    Ok(Page { hits, next, indexed_to: bounds })
}

/// Goes through the index until a page is full or enough was looked at.
struct Scan<'a> {
    inner: &'a Inner,
    terms: Vec<i64>,
    time: Option<(u64, u64)>,
    limit: usize,
    /// Rows that may still be looked at.
    left: usize,
    found: Vec<(LogId, u64)>,
    stopped_at: Option<(LogId, u64)>,
}

impl<'a> Scan<'a> {
    fn new(inner: &'a Inner, filter: &Filter, limit: usize) -> Self {
        let wanted = filter.wanted();
        let terms = wanted.iter().map(|(field, value)| inner.key.term(*field, value)).collect();
        let (left, found) = (MAX_SCANNED, Vec::new());
        Self { inner, terms, time: filter.time(), limit, left, found, stopped_at: None }
    }

    fn log(&mut self, id: LogId, below: u64) -> Result<(), Error> {
        let (mut from, mut below) = (0, below);
        if let Some((start, end)) = self.time {
            let (first, last) = self.inner.store.span(id, start, end)?;
            (from, below) = (first, below.min(last));
        }
        let rarest = self.terms.first().copied();
        while from < below {
            // One more than fits tells whether there is a next page.
            let wanted = self.limit.saturating_add(1).saturating_mul(2).min(self.left);
            let rows = self.inner.store.candidates(id, rarest, from, below, wanted)?;
            let Some(last) = rows.last().map(|row| row.entry) else { return Ok(()) };
            self.left = self.left.saturating_sub(rows.len());
            for row in &rows {
                if !self.fits(row) {
                    continue;
                }
                if self.found.len() >= self.limit {
                    self.stopped_at = Some((id, row.entry.saturating_add(1)));
                    return Ok(());
                }
                self.found.push((id, row.entry));
            }
            below = last;
            if rows.len() < wanted {
                return Ok(());
            }
            if self.left == 0 {
                self.stopped_at = Some((id, below));
                return Ok(());
            }
        }
        Ok(())
    }

    fn fits(&self, row: &Candidate) -> bool {
        let in_time = self
            .time
            .is_none_or(|(start, end)| row.at.is_some_and(|at| (start..end).contains(&at)));
        in_time && self.terms.iter().all(|term| split_terms(&row.terms).any(|t| t == *term))
    }
}

/// Reads a hit from its log. What does not fit there, fits nowhere: terms are 64 bits, and the file
/// is not trusted.
fn read(inner: &Inner, filter: &Filter, log: LogId, index: u64) -> Result<Option<Hit>, Error> {
    let source = inner.log(log);
    let entry = source.entry(index)?;
    let hit = |kind: &str, statement| Hit { log, index, entry, kind: kind.to_owned(), statement };
    let row = inner.store.row(log, index)?;
    let kind = row.as_ref().map_or(EXTERNAL, |row| row.kind.as_str());
    let body = match source.statement(index)? {
        storage::Statement::Present(bytes) => Statement::parse(&bytes).ok(),
        _ => None,
    };
    let found = match body {
        // Erased since it was found.
        None if kind != EXTERNAL => hit(ERASED, None),
        _ if kind == EXTERNAL => hit(EXTERNAL, None),
        Some(statement) => hit(statement.kind().name(), Some(Box::new(statement))),
        None => hit(EXTERNAL, None),
    };
    let has = found.statement.as_ref().map(|s| values(s)).unwrap_or_default();
    let fits = filter.wanted().into_iter().all(|(field, value)| match field {
        Field::Kind => found.kind.as_bytes() == value,
        _ => has.iter().any(|(f, v)| *f == field && v == value),
    });
    Ok(fits.then_some(found))
}

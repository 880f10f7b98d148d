//! Evidence bundles (SPEC.md 7): one file with all that is needed to verify offline, trust
//! excepted.

use crate::Error;
use crate::cbor::{Key, MapWriter, Reader, Writer};
use crate::cose;
use crate::document::is_uuid_v4;
use crate::tlog::merkle::Hash;

/// First element of the file.
pub const MAGIC: &str = "placet-bundle/0";
/// Largest bundle that is read, in bytes.
pub const MAX_BUNDLE: usize = 16 * 1024 * 1024;
const MAX_NOTES: usize = 1024;
const MAX_STATEMENTS: usize = 65_536;
const MAX_REQUESTS: usize = 1024;
const MAX_RECEIPTS: usize = 16;
/// Largest note in a bundle, or in a copy of a log, in bytes.
pub const MAX_NOTE: usize = 64 * 1024;
const MAX_NAME: usize = 1024;

/// Why a bundle was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Empty, or over [`MAX_BUNDLE`].
    #[error("the file is empty or larger than 16 MiB")]
    Size,
    /// The last 32 bytes are not the SHA-256 of what precedes them.
    #[error("the seal does not match: the file is damaged or cut short")]
    Seal,
    /// Not this format.
    #[error("not a placet-bundle/0: {0}")]
    Format(&'static str),
    /// Items out of order, twice, or that nothing refers to.
    #[error("{0}")]
    Structure(&'static str),
}

impl BundleError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Size => "bundle.size",
            Self::Seal => "bundle.seal",
            Self::Format(_) => "bundle.format",
            Self::Structure(_) => "bundle.structure",
        }
    }
}

/// What is in a bundle, still as bytes where other modules read them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bundle {
    /// The requests that it is about, ascending.
    pub requests: Vec<String>,
    /// Of the main log.
    pub main: MainPart,
    /// Of the governance log.
    pub gov: GovPart,
    /// Names of persons, ascending by person.
    pub openings: Vec<Opening>,
}

/// Evidence from the main log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MainPart {
    /// Its origin.
    pub origin: String,
    /// Cosigned notes, ascending by (size, bytes).
    pub notes: Vec<Vec<u8>>,
    /// Statements, ascending by index; the first is genesis.
    pub statements: Vec<Included>,
    /// One path for each pair of neighbouring distinct note sizes.
    pub consistency: Vec<Consistency>,
}

/// A statement of the main log with its COSE Receipts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// Index in the log.
    pub index: u64,
    /// The statement, or what is left of it.
    pub content: Content,
    /// COSE Receipts.
    pub receipts: Vec<Vec<u8>>,
}

/// What a bundle holds of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Its bytes.
    Statement(Vec<u8>),
    /// Its body was erased; this is the entry, SHA-256 of the bytes that were there.
    Erased(Hash),
}

impl Included {
    /// The bytes, unless they were erased.
    #[must_use]
    pub fn statement(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Statement(bytes) => Some(bytes),
            Content::Erased(_) => None,
        }
    }

    /// The entry of the tree (SPEC.md 5.4).
    #[must_use]
    pub fn entry(&self) -> Hash {
        match &self.content {
            Content::Statement(bytes) => crate::sha256(bytes),
            Content::Erased(entry) => *entry,
        }
    }
}

/// A consistency proof (RFC 9162 2.1.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consistency {
    /// The smaller size.
    pub from: u64,
    /// The larger size.
    pub to: u64,
    /// The path.
    pub path: Vec<Hash>,
}

/// Evidence from the governance log: the complete list up to its largest note.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GovPart {
    /// Its origin.
    pub origin: String,
    /// Cosigned notes, ascending by (size, bytes).
    pub notes: Vec<Vec<u8>>,
    /// Statements 0..n-1.
    pub entries: Vec<Vec<u8>>,
}

/// The name behind a `name_commitment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The person, UUIDv4.
    pub person: String,
    /// The name.
    pub name: String,
    /// The salt.
    pub salt: [u8; 16],
}

impl Bundle {
    /// Reads a bundle: size, seal, deterministic CBOR, exactly the members of SPEC.md 7.2, and
    /// the order rules that need no look into notes and statements.
    ///
    /// # Errors
    /// `bundle.*`, `cbor.*`, `cose.*`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.is_empty() || bytes.len() > MAX_BUNDLE {
            return Err(BundleError::Size.into());
        }
        let Some((body, seal)) = bytes.split_last_chunk::<32>() else {
            return Err(BundleError::Format("shorter than a seal").into());
        };
        if crate::sha256(body) != *seal {
            return Err(BundleError::Seal.into());
        }
        let mut r = Reader::new(bytes)?;
        r.array_exact(3)?;
        if r.text()? != MAGIC {
            return Err(BundleError::Format("first element").into());
        }
        let bundle = Self::read_content(&mut r)?;
        if r.bytes()?.len() != 32 {
            return Err(BundleError::Format("seal is not 32 bytes").into());
        }
        r.end()?;
        bundle.check_order()?;
        Ok(bundle)
    }

    /// Writes the file, seal included.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut content = MapWriter::new();
        content
            .text("requests", |w| {
                w.array(self.requests.len());
                for request in &self.requests {
                    w.text(request);
                }
                w
            })
            .text("main", |w| w.map(self.main.write()))
            .text("gov", |w| w.map(self.gov.write()))
            .text("openings", |w| {
                w.array(self.openings.len());
                for opening in &self.openings {
                    w.map(opening.write());
                }
                w
            });
        let mut w = Writer::new();
        w.array(3).text(MAGIC).map(content);
        let mut bytes = w.into_bytes();
        // The head of a 32-byte string; the seal covers it too.
        bytes.extend([0x58, 32]);
        let seal = crate::sha256(&bytes);
        bytes.extend(seal);
        bytes
    }

    fn read_content(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut requests, mut main, mut gov, mut openings) = (None, None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("requests") => {
                    let n = r.array(MAX_REQUESTS)?;
                    let list: Result<Vec<_>, Error> =
                        (0..n).map(|_| Ok(r.text()?.to_owned())).collect();
                    requests = Some(list?);
                }
                Key::Text("main") => main = Some(MainPart::read(r)?),
                Key::Text("gov") => gov = Some(GovPart::read(r)?),
                Key::Text("openings") => {
                    let n = r.array(MAX_STATEMENTS)?;
                    let list: Result<Vec<_>, Error> = (0..n).map(|_| Opening::read(r)).collect();
                    openings = Some(list?);
                }
                _ => return Err(BundleError::Format("unknown member").into()),
            }
        }
        match (requests, main, gov, openings) {
            (Some(requests), Some(main), Some(gov), Some(openings)) => {
                Ok(Self { requests, main, gov, openings })
            }
            _ => Err(BundleError::Format("a member is missing").into()),
        }
    }

    fn check_order(&self) -> Result<(), Error> {
        let bad = |what| Err(BundleError::Structure(what).into());
        if self.requests.is_empty() || !self.requests.is_sorted_by(|a, b| a < b) {
            return bad("requests are not ascending");
        }
        if !self.requests.iter().all(|r| is_uuid_v4(r)) {
            return bad("a request is not a UUIDv4");
        }
        if !self.openings.is_sorted_by(|a, b| a.person < b.person) {
            return bad("openings are not ascending");
        }
        if !self.main.statements.is_sorted_by(|a, b| a.index < b.index) {
            return bad("statements are not ascending");
        }
        let genesis = self.main.statements.first();
        if genesis.is_none_or(|s| s.index != 0 || s.statement().is_none()) {
            return bad("the first statement is not genesis");
        }
        if self.main.statements.iter().any(|s| s.receipts.is_empty()) {
            return bad("a statement has no receipt");
        }
        if self.main.notes.is_empty() || self.gov.notes.is_empty() || self.gov.entries.is_empty() {
            return bad("notes or governance entries are missing");
        }
        Ok(())
    }
}

impl MainPart {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut origin, mut notes, mut statements, mut consistency) = (None, None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("origin") => origin = Some(r.text()?.to_owned()),
                Key::Text("notes") => notes = Some(read_notes(r)?),
                Key::Text("statements") => {
                    let n = r.array(MAX_STATEMENTS)?;
                    let list: Result<Vec<_>, Error> = (0..n).map(|_| Included::read(r)).collect();
                    statements = Some(list?);
                }
                Key::Text("consistency") => {
                    let n = r.array(MAX_NOTES)?;
                    let list: Result<Vec<_>, Error> =
                        (0..n).map(|_| Consistency::read(r)).collect();
                    consistency = Some(list?);
                }
                _ => return Err(BundleError::Format("main has an unknown member").into()),
            }
        }
        match (origin, notes, statements, consistency) {
            (Some(origin), Some(notes), Some(statements), Some(consistency)) => {
                Ok(Self { origin, notes, statements, consistency })
            }
            _ => Err(BundleError::Format("main lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("origin", |w| w.text(&self.origin))
            .text("notes", |w| write_byte_strings(w, &self.notes))
            .text("statements", |w| {
                w.array(self.statements.len());
                for statement in &self.statements {
                    w.map(statement.write());
                }
                w
            })
            .text("consistency", |w| {
                w.array(self.consistency.len());
                for proof in &self.consistency {
                    w.map(proof.write());
                }
                w
            });
        m
    }
}

impl Included {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut index, mut content, mut receipts) = (None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("index") => index = Some(r.uint()?),
                Key::Text("statement") if content.is_none() => {
                    content = Some(Content::Statement(r.bytes()?.to_vec()));
                }
                Key::Text("erased") if content.is_none() => {
                    content = Some(Content::Erased(r.bytes_array::<32>()?));
                }
                Key::Text("receipts") => receipts = Some(read_byte_strings(r, MAX_RECEIPTS)?),
                _ => return Err(BundleError::Format("statement has an unknown member").into()),
            }
        }
        match (index, content, receipts) {
            (Some(index), Some(content), Some(receipts)) => Ok(Self { index, content, receipts }),
            _ => Err(BundleError::Format("statement lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("index", |w| w.uint(self.index))
            .text("receipts", |w| write_byte_strings(w, &self.receipts));
        match &self.content {
            Content::Statement(bytes) => m.text("statement", |w| w.bytes(bytes)),
            Content::Erased(entry) => m.text("erased", |w| w.bytes(entry)),
        };
        m
    }
}

impl Consistency {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut from, mut to, mut path) = (None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("from") => from = Some(r.uint()?),
                Key::Text("to") => to = Some(r.uint()?),
                Key::Text("path") => path = Some(cose::read_path(r)?),
                _ => return Err(BundleError::Format("consistency has an unknown member").into()),
            }
        }
        match (from, to, path) {
            (Some(from), Some(to), Some(path)) => Ok(Self { from, to, path }),
            _ => Err(BundleError::Format("consistency lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("from", |w| w.uint(self.from))
            .text("to", |w| w.uint(self.to))
            .text("path", |w| cose::write_path(w, &self.path));
        m
    }
}

impl GovPart {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut origin, mut notes, mut entries) = (None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("origin") => origin = Some(r.text()?.to_owned()),
                Key::Text("notes") => notes = Some(read_notes(r)?),
                Key::Text("entries") => entries = Some(read_byte_strings(r, MAX_STATEMENTS)?),
                _ => return Err(BundleError::Format("gov has an unknown member").into()),
            }
        }
        match (origin, notes, entries) {
            (Some(origin), Some(notes), Some(entries)) => Ok(Self { origin, notes, entries }),
            _ => Err(BundleError::Format("gov lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("origin", |w| w.text(&self.origin))
            .text("notes", |w| write_byte_strings(w, &self.notes))
            .text("entries", |w| write_byte_strings(w, &self.entries));
        m
    }
}

impl Opening {
    fn read(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (mut person, mut name, mut salt) = (None, None, None);
        for _ in 0..r.map()? {
            match r.key()? {
                Key::Text("person") => person = Some(r.text()?.to_owned()),
                Key::Text("name") => name = Some(r.text()?.to_owned()),
                Key::Text("salt") => salt = Some(r.bytes_array::<16>()?),
                _ => return Err(BundleError::Format("opening has an unknown member").into()),
            }
        }
        match (person, name, salt) {
            (Some(person), Some(name), Some(salt)) if name.len() <= MAX_NAME => {
                Ok(Self { person, name, salt })
            }
            _ => Err(BundleError::Format("opening lacks a member").into()),
        }
    }

    fn write(&self) -> MapWriter {
        let mut m = MapWriter::new();
        m.text("person", |w| w.text(&self.person))
            .text("name", |w| w.text(&self.name))
            .text("salt", |w| w.bytes(&self.salt));
        m
    }
}

fn read_notes(r: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let notes = read_byte_strings(r, MAX_NOTES)?;
    if notes.iter().any(|n| n.len() > MAX_NOTE) {
        return Err(BundleError::Structure("a note is larger than 64 KiB").into());
    }
    Ok(notes)
}

fn read_byte_strings(r: &mut Reader<'_>, max: usize) -> Result<Vec<Vec<u8>>, Error> {
    let n = r.array(max)?;
    (0..n).map(|_| Ok(r.bytes()?.to_vec())).collect()
}

fn write_byte_strings<'w>(w: &'w mut Writer, items: &[Vec<u8>]) -> &'w mut Writer {
    w.array(items.len());
    for item in items {
        w.bytes(item);
    }
    w
}

//! A bundle with everything in it read strictly, before any trust comes in: the last place where
//! evidence can be MALFORMED (SPEC.md 7.3).

use std::collections::{BTreeMap, BTreeSet};

use placet_proto::Error;
use placet_proto::bundle::{Bundle, BundleError, Consistency, Content, Opening};
use placet_proto::document::{After, Body, Erasure};
use placet_proto::kind::Kind;
use placet_proto::statement::{self, Header, Statement};
use placet_proto::tlog::TlogError;
use placet_proto::tlog::checkpoint::SignedCheckpoint;

/// A statement that this profile can read, or only its envelope.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant)] // One list of these, never moved about.
pub enum Parsed {
    /// Known kind.
    Known(Statement),
    /// Kind or profile of another time.
    Unknown {
        /// Its protected header.
        header: Header,
        /// `kind.unknown` or `profile.unknown`.
        code: &'static str,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}

impl Parsed {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        match Statement::parse(bytes) {
            Ok(statement) => Ok(Self::Known(statement)),
            Err(error) if matches!(error.code(), "kind.unknown" | "profile.unknown") => {
                let (header, _) = statement::peek(bytes)?;
                Ok(Self::Unknown { header, code: error.code(), bytes: bytes.to_vec() })
            }
            Err(error) => Err(error),
        }
    }

    /// The protected header.
    #[must_use]
    pub fn header(&self) -> &Header {
        match self {
            Self::Known(s) => &s.header,
            Self::Unknown { header, .. } => header,
        }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Known(s) => s.bytes(),
            Self::Unknown { bytes, .. } => bytes,
        }
    }

    /// The statement, if its kind is known.
    #[must_use]
    pub fn known(&self) -> Option<&Statement> {
        match self {
            Self::Known(s) => Some(s),
            Self::Unknown { .. } => None,
        }
    }

    fn after(&self) -> Option<&After> {
        self.known().and_then(|s| s.document.body.after())
    }
}

/// A note, read.
#[derive(Debug, Clone)]
pub struct ParsedNote {
    /// As it stands in the bundle.
    pub bytes: Vec<u8>,
    /// What it says.
    pub signed: SignedCheckpoint,
    /// Whether a claim about a request rests on it: it is named by a main statement, or new enough
    /// to bound its time or the roster. Others are there for a revocation or role change only.
    pub carries_claims: bool,
}

/// A main statement, read, its receipts still bytes.
#[derive(Debug, Clone)]
pub struct MainStatement {
    /// Index in the main log.
    pub index: u64,
    /// The statement.
    pub parsed: Parsed,
    /// COSE Receipts, each of which parses.
    pub receipts: Vec<Vec<u8>>,
}

/// A main statement whose body was erased: what is left of it.
#[derive(Debug, Clone)]
pub struct ErasedStatement {
    /// Index in the main log.
    pub index: u64,
    /// The entry.
    pub entry: [u8; 32],
    /// `sub` of its receipts, all the same: `urn:uuid:` and the request that it was about.
    pub subject: String,
    /// COSE Receipts, each of which parses.
    pub receipts: Vec<Vec<u8>>,
}

impl ErasedStatement {
    /// The request that it was about, by the word of the log's receipts.
    #[must_use]
    pub fn request(&self) -> &str {
        self.subject.strip_prefix("urn:uuid:").unwrap_or_default()
    }

    fn read(index: u64, entry: [u8; 32], receipts: Vec<Vec<u8>>) -> Result<Self, Error> {
        let mut subject: Option<String> = None;
        for bytes in &receipts {
            let sub = placet_proto::cose::Receipt::parse(bytes)?.claims.sub;
            if subject.get_or_insert_with(|| sub.clone()) != &sub {
                return structure("receipts of an erased statement name different subjects");
            }
        }
        Ok(Self { index, entry, subject: subject.unwrap_or_default(), receipts })
    }
}

/// A bundle, read.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The requests that it is about.
    pub requests: Vec<String>,
    /// Origin of the main log.
    pub main_origin: String,
    /// Main notes, ascending by size.
    pub main_notes: Vec<ParsedNote>,
    /// Main statements, ascending by index; the first is genesis.
    pub main: Vec<MainStatement>,
    /// Main statements whose bodies were erased, ascending by index.
    pub erased: Vec<ErasedStatement>,
    /// Paths between neighbouring sizes of main notes.
    pub consistency: Vec<Consistency>,
    /// Origin of the governance log.
    pub gov_origin: String,
    /// Governance notes, ascending by size.
    pub gov_notes: Vec<ParsedNote>,
    /// Governance statements 0..n-1.
    pub gov: Vec<Parsed>,
    /// Openings of name commitments.
    pub openings: Vec<Opening>,
}

impl Evidence {
    /// Reads a bundle and everything in it.
    ///
    /// # Errors
    /// The code of the first thing that could not be read, or `bundle.structure`.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let bundle = Bundle::parse(bytes)?;
        let (mut main, mut erased) = (Vec::new(), Vec::new());
        for included in bundle.main.statements {
            let (index, receipts) = (included.index, included.receipts);
            match included.content {
                Content::Erased(entry) => {
                    erased.push(ErasedStatement::read(index, entry, receipts)?);
                }
                Content::Statement(bytes) => {
                    let parsed = Parsed::read(&bytes)?;
                    for receipt in &receipts {
                        placet_proto::cose::Receipt::parse(receipt)?;
                    }
                    main.push(MainStatement { index, parsed, receipts });
                }
            }
        }
        let mut evidence = Self {
            requests: bundle.requests,
            main_origin: bundle.main.origin,
            main_notes: read_notes(bundle.main.notes)?,
            main,
            erased,
            consistency: bundle.main.consistency,
            gov_origin: bundle.gov.origin,
            gov_notes: read_notes(bundle.gov.notes)?,
            gov: bundle.gov.entries.iter().map(|e| Parsed::read(e)).collect::<Result<_, _>>()?,
            openings: bundle.openings,
        };
        evidence.check_subjects()?;
        evidence.check_receipt_sizes()?;
        evidence.check_consistency_pairs()?;
        evidence.check_governance_complete()?;
        evidence.mark_claims();
        evidence.check_notes_referenced()?;
        Ok(evidence)
    }

    /// Known main statements with their indexes, by the request that they are about.
    #[must_use]
    pub fn by_request(&self) -> BTreeMap<&str, Vec<(u64, &Statement)>> {
        let mut map: BTreeMap<&str, Vec<(u64, &Statement)>> = BTreeMap::new();
        for (index, statement) in self.known_main() {
            if let Some(request) = statement.document.body.request() {
                map.entry(request).or_default().push((index, statement));
            }
        }
        map
    }

    /// Erased main statements, by the request that they were about.
    #[must_use]
    pub fn erased_by_request(&self) -> BTreeMap<&str, Vec<&ErasedStatement>> {
        let mut map: BTreeMap<&str, Vec<&ErasedStatement>> = BTreeMap::new();
        for erased in &self.erased {
            map.entry(erased.request()).or_default().push(erased);
        }
        map
    }

    /// Known statements of the main log with their indexes.
    pub fn known_main(&self) -> impl Iterator<Item = (u64, &Statement)> {
        self.main.iter().filter_map(|m| m.parsed.known().map(|s| (m.index, s)))
    }

    /// Orders of erasure in the main log with their indexes and statements.
    pub fn erasures(&self) -> impl Iterator<Item = (u64, &Statement, &Erasure)> {
        self.known_main().filter_map(|(index, s)| match &s.document.body {
            Body::Erasure(order) => Some((index, s, order)),
            _ => None,
        })
    }

    fn check_subjects(&self) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        // An order of erasure is about no request: it is here for what it names.
        let order = |s: &MainStatement| s.parsed.known().is_some_and(|s| s.kind() == Kind::Erasure);
        let others = self.main.iter().skip(1).filter(|s| !order(s));
        let erased = self.erased.iter().map(ErasedStatement::request);
        for request in others.map(|s| s.parsed.header().subject_uuid()).chain(erased) {
            if self.requests.binary_search_by(|r| r.as_str().cmp(request)).is_err() {
                return structure("a statement is about none of the bundle's requests");
            }
            seen.insert(request);
        }
        let named = |index: u64| self.erased.binary_search_by_key(&index, |e| e.index).is_ok();
        if !self.erasures().all(|(_, _, order)| order.targets.iter().any(|t| named(t.index))) {
            return structure("an order of erasure names nothing in the bundle");
        }
        if seen.len() == self.requests.len() {
            Ok(())
        } else {
            structure("a request has no statement")
        }
    }

    fn check_receipt_sizes(&self) -> Result<(), Error> {
        let sizes = sizes(&self.main_notes);
        let erased = self.erased.iter().flat_map(|e| &e.receipts);
        for receipt in self.main.iter().flat_map(|m| &m.receipts).chain(erased) {
            let receipt = placet_proto::cose::Receipt::parse(receipt)?;
            if sizes.binary_search(&receipt.proof.tree_size).is_err() {
                return structure("a receipt has the size of no note");
            }
        }
        Ok(())
    }

    fn check_consistency_pairs(&self) -> Result<(), Error> {
        let sizes = sizes(&self.main_notes);
        let pairs = sizes.iter().zip(sizes.iter().skip(1));
        let found = self.consistency.iter().map(|c| (c.from, c.to));
        if pairs.map(|(a, b)| (*a, *b)).eq(found) {
            Ok(())
        } else {
            structure("the consistency paths are not those between neighbouring sizes")
        }
    }

    fn check_governance_complete(&self) -> Result<(), Error> {
        let largest = sizes(&self.gov_notes).last().copied().unwrap_or(0);
        if largest != self.gov.len() as u64 {
            return structure("the governance entries are not those of its largest note");
        }
        let enrolled: BTreeSet<&str> = self
            .gov
            .iter()
            .filter_map(|p| match &p.known()?.document.body {
                Body::Enrolment(e) => Some(e.person.as_str()),
                _ => None,
            })
            .collect();
        if self.openings.iter().all(|o| enrolled.contains(o.person.as_str())) {
            Ok(())
        } else {
            structure("an opening is of a person who is not enrolled")
        }
    }

    /// Once for all, in time linear in the size of the bundle.
    fn mark_claims(&mut self) {
        let kept = self.main.iter().map(|m| m.index).find(|i| *i > 0);
        let erased = self.erased.first().map(|e| e.index);
        let first = kept.into_iter().chain(erased).min().unwrap_or(0);
        let (mut main, mut gov, mut newest_roster) = (BTreeSet::new(), BTreeSet::new(), 0);
        // No time is asked of an order of erasure, and it is younger than what it names: its notes
        // say nothing about a request.
        let orders = |s: &Statement| s.kind() == Kind::Erasure;
        let parsed = self.main.iter().map(|m| &m.parsed);
        let others = parsed.filter(|p| !p.known().is_some_and(orders));
        for after in others.filter_map(Parsed::after) {
            main.insert(after.main.note_sha256);
            gov.insert(after.gov.note_sha256);
            newest_roster = newest_roster.max(after.gov.size);
        }
        let named = |note: &ParsedNote, by: &BTreeSet<[u8; 32]>| {
            by.contains(&placet_proto::sha256(&note.bytes))
        };
        for note in &mut self.main_notes {
            note.carries_claims = note.signed.checkpoint().size > first || named(note, &main);
        }
        for note in &mut self.gov_notes {
            let size = note.signed.checkpoint().size;
            note.carries_claims = size >= newest_roster || named(note, &gov);
        }
    }

    fn check_notes_referenced(&self) -> Result<(), Error> {
        let governed =
            self.gov.iter().filter(|p| p.known().is_some_and(|s| s.document.body.is_timed()));
        let afters: Vec<&After> = governed.filter_map(Parsed::after).collect();
        let main: BTreeSet<[u8; 32]> = afters.iter().map(|a| a.main.note_sha256).collect();
        let gov: BTreeSet<[u8; 32]> = afters.iter().map(|a| a.gov.note_sha256).collect();
        let referenced = |note: &ParsedNote, named: &BTreeSet<[u8; 32]>| {
            note.carries_claims || named.contains(&placet_proto::sha256(&note.bytes))
        };
        let all = self.main_notes.iter().all(|n| referenced(n, &main))
            && self.gov_notes.iter().all(|n| referenced(n, &gov));
        if all { Ok(()) } else { structure("nothing refers to a note") }
    }
}

fn structure<T>(what: &'static str) -> Result<T, Error> {
    Err(BundleError::Structure(what).into())
}

/// Reads notes and checks their order: ascending by (size, bytes), none twice.
pub(crate) fn read_notes(notes: Vec<Vec<u8>>) -> Result<Vec<ParsedNote>, Error> {
    let mut out: Vec<ParsedNote> = Vec::new();
    for bytes in notes {
        let signed = SignedCheckpoint::parse(&bytes).map_err(TlogError::from)?;
        signed.checkpoint().check_profile().map_err(TlogError::from)?;
        if let Some(last) = out.last() {
            let before = (last.signed.checkpoint().size, &last.bytes);
            if before >= (signed.checkpoint().size, &bytes) {
                return structure("notes are not ascending");
            }
        }
        out.push(ParsedNote { bytes, signed, carries_claims: false });
    }
    Ok(out)
}

/// The distinct sizes of notes, ascending.
#[must_use]
pub fn sizes(notes: &[ParsedNote]) -> Vec<u64> {
    let mut sizes: Vec<u64> = notes.iter().map(|n| n.signed.checkpoint().size).collect();
    sizes.dedup();
    sizes
}

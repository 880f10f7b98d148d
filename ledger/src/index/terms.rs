//! What a statement is found by, and the key that hides it.

use std::collections::BTreeSet;
use std::io::Read as _;

use aws_lc_rs::hmac;
use placet_proto::document::{Body, Purpose};
use placet_proto::statement::Statement;
use zeroize::Zeroizing;

use crate::service::Refusal;
use crate::{Dir, Error, storage};

/// File of the key, in `keys/`.
pub(crate) const KEY_FILE: &str = "index";
/// Members of an action's context that name a session of an agent.
const SESSION_MEMBERS: [&str; 2] = ["session", "session_id"];
/// What the rows of statements by others, and of erased ones, say in place of a kind.
pub(crate) const EXTERNAL: &str = "external";
pub(crate) const ERASED: &str = "erased";

/// A property by which entries are found. The numbers are part of the file's format; ascending by
/// how few entries share a value, so that a search starts from the rarest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Field {
    /// The entry itself, 32 bytes.
    Entry = 1,
    /// The request that it is about.
    Request = 2,
    /// `action_digest`, 32 bytes.
    Digest = 3,
    /// A session of an agent, from the action's context.
    Session = 4,
    /// A credential that signed, or that the statement is about.
    Credential = 5,
    /// The person who answered.
    Approver = 6,
    /// A person who signed, or whom the statement is about.
    Person = 7,
    /// The initiator: `id`, and `type/id`.
    Agent = 8,
    /// The PEP.
    Audience = 9,
    /// The kind.
    Kind = 10,
}

/// The key of the folder. Nothing is lost with it but the index, which is made again.
pub(crate) struct Key(hmac::Key);

impl Key {
    /// Reads the key, or makes one.
    pub fn load_or_create(dir: &Dir) -> Result<Self, Error> {
        if let Some(key) = Self::load(dir)? {
            return Ok(key);
        }
        let mut bytes = Zeroizing::new([0u8; 32]);
        getrandom::fill(bytes.as_mut_slice()).map_err(|_| Refusal::Random)?;
        let text = Zeroizing::new(format!("{}\n", hex::encode(bytes.as_slice())));
        dir.write_key(KEY_FILE, text.as_bytes())?;
        Ok(Self::new(bytes.as_slice()))
    }

    /// Reads the key, if there is one.
    pub fn load(dir: &Dir) -> Result<Option<Self>, Error> {
        let path = dir.keys().join(KEY_FILE);
        let file = match std::fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::io("open", &path))?,
        };
        let mut text = Zeroizing::new(String::new());
        file.take(128).read_to_string(&mut text).map_err(Error::io("read", &path))?;
        let bytes = hex::decode(text.trim()).ok().filter(|b| b.len() == 32).map(Zeroizing::new);
        let bytes = bytes.ok_or_else(|| {
            let path = path.display();
            Refusal::Key(format!("{path}: no key of an index; without the file a new one is made"))
        })?;
        Ok(Some(Self::new(&bytes)))
    }

    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// 64 bits that stand for a value. Two values may share them: a hit is checked in the log.
    pub fn term(&self, field: Field, value: &[u8]) -> i64 {
        i64::from_be_bytes(self.tag(&[&[field as u8], value]))
    }

    /// 64 bits of HMAC-SHA-256 over the parts, each with its length in front.
    pub fn tag(&self, parts: &[&[u8]]) -> [u8; 8] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"placet-index/0");
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut out = [0; 8];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        out
    }
}

/// What stands about an entry in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The kind, [`EXTERNAL`] or [`ERASED`].
    pub kind: String,
    /// When, by the issuer's word; none for what is external or erased.
    pub at: Option<u64>,
    /// Ascending.
    pub terms: BTreeSet<i64>,
}

impl Row {
    /// The row of an entry. `issuers` are the kids whose statements count as this ledger's own; a
    /// genesis or an own `key` statement adds to them.
    pub fn of(
        key: &Key,
        entry: &[u8; 32],
        body: &storage::Statement,
        issuers: &mut BTreeSet<[u8; 32]>,
    ) -> Self {
        let storage::Statement::Present(bytes) = body else { return Self::erased(key, entry) };
        let Ok(statement) = Statement::parse(bytes) else {
            return Self::bare(key, entry, EXTERNAL);
        };
        if let Body::Genesis(genesis) = &statement.document.body
            && issuers.is_empty()
        {
            issuers.extend(genesis.issuers.iter().map(|issuer| issuer.kid));
        }
        if !issuers.contains(&statement.header.kid) {
            return Self::bare(key, entry, EXTERNAL);
        }
        if let Body::Key(keys) = &statement.document.body {
            let new = keys.keys.iter().filter(|k| k.purpose == Purpose::Issuer);
            issuers.extend(new.map(|k| k.kid));
        }
        let mut row = Self::bare(key, entry, statement.kind().name());
        row.at = Some(statement.header.iat);
        row.terms.extend(values(&statement).iter().map(|(field, value)| key.term(*field, value)));
        row
    }

    /// The row of an erased statement.
    pub fn erased(key: &Key, entry: &[u8; 32]) -> Self {
        Self::bare(key, entry, ERASED)
    }

    fn bare(key: &Key, entry: &[u8; 32], kind: &str) -> Self {
        let terms = [key.term(Field::Entry, entry), key.term(Field::Kind, kind.as_bytes())];
        Self { kind: kind.to_owned(), at: None, terms: terms.into() }
    }

    /// The terms as they stand in the row.
    pub fn terms_bytes(&self) -> Vec<u8> {
        self.terms.iter().flat_map(|term| term.to_be_bytes()).collect()
    }
}

/// Everything that a statement is found by, save its entry and its kind.
pub(crate) fn values(statement: &Statement) -> Vec<(Field, Vec<u8>)> {
    let mut out = Values::default();
    let body = &statement.document.body;
    out.text(Field::Request, body.request());
    out.text(Field::Audience, body.audience());
    for assertion in &statement.assertions {
        out.bytes(Field::Credential, &assertion.credential);
    }
    match body {
        Body::Decision(d) => {
            out.action(&d.action);
            out.agent(&d.initiator.kind, &d.initiator.id);
        }
        Body::Approval(a) | Body::Denial(a) => {
            out.action(&a.action);
            out.agent(&a.initiator.kind, &a.initiator.id);
            out.text(Field::Approver, Some(&a.approver.person));
            out.text(Field::Person, Some(&a.approver.person));
        }
        Body::Execution(e) => {
            out.bytes(Field::Digest, &e.action_digest);
            out.agent(&e.initiator.kind, &e.initiator.id);
        }
        Body::Outcome(o) => out.bytes(Field::Digest, &o.action_digest),
        Body::Policy(p) => {
            out.text(Field::Person, p.authorised.as_ref().map(|(signer, _)| &*signer.person));
        }
        Body::Enrolment(e) => {
            out.text(Field::Person, Some(&e.person));
            out.text(Field::Person, e.authoriser.as_ref().map(|signer| &*signer.person));
            out.bytes(Field::Credential, &e.credential);
        }
        Body::Role(r) => {
            out.text(Field::Person, Some(&r.person));
            out.text(Field::Person, Some(&r.signer.person));
        }
        Body::Revocation(r) => {
            out.text(Field::Person, Some(&r.signer.person));
            out.bytes(Field::Credential, &r.credential);
        }
        Body::Recovery(r) => {
            out.text(Field::Person, Some(&r.person));
            out.bytes(Field::Credential, &r.credential);
        }
        Body::Erasure(e) => {
            out.text(Field::Person, Some(&e.signer.person));
            // So that an erased entry leads to the order that erased it.
            for target in &e.targets {
                out.bytes(Field::Entry, &target.entry);
            }
        }
        Body::Administration(a) => out.text(Field::Person, a.person.as_deref()),
        _ => {}
    }
    out.0
}

#[derive(Default)]
struct Values(Vec<(Field, Vec<u8>)>);

impl Values {
    fn bytes(&mut self, field: Field, value: &[u8]) {
        self.0.push((field, value.to_vec()));
    }

    fn text(&mut self, field: Field, value: Option<&str>) {
        if let Some(value) = value {
            self.bytes(field, value.as_bytes());
        }
    }

    fn agent(&mut self, kind: &str, id: &str) {
        self.text(Field::Agent, Some(id));
        self.text(Field::Agent, Some(&format!("{kind}/{id}")));
    }

    fn action(&mut self, action: &placet_proto::action::Action) {
        self.bytes(Field::Digest, &action.digest());
        let context = action.context();
        for member in SESSION_MEMBERS {
            self.text(Field::Session, context.get(member).and_then(|value| value.as_str()));
        }
    }
}

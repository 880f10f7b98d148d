//! Small objects that several documents share (SPEC.md 4.5).

use super::DocumentError;
use super::fields::{Builder, Digest, Fields, MAX_ID, is_uuid_v4};
use crate::Error;
use crate::action::Action;
use crate::json::Json;

/// The agent that asks: `{type, id}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initiator {
    /// AuthZEN subject type.
    pub kind: String,
    /// AuthZEN subject id.
    pub id: String,
}

impl Initiator {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("initiator")?;
        let out = Self { kind: g.id("type")?, id: g.id("id")? };
        g.done()?;
        Ok(out)
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut o = Builder::default();
        o.text("type", &self.kind).text("id", &self.id);
        b.put("initiator", o.build());
    }
}

/// A person and one of their credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signer {
    /// The person, UUIDv4.
    pub person: String,
    /// The credential id.
    pub credential: Vec<u8>,
}

/// Longest WebAuthn credential id, in bytes (WebAuthn L3 section 4).
pub const MAX_CREDENTIAL: usize = 1023;

impl Signer {
    pub(crate) fn read(f: &mut Fields<'_>, name: &'static str) -> Result<Self, Error> {
        let mut g = f.object(name)?;
        let out =
            Self { person: g.uuid("person")?, credential: g.bytes("credential", MAX_CREDENTIAL)? };
        g.done()?;
        Ok(out)
    }

    pub(crate) fn write(&self, b: &mut Builder, name: &'static str) {
        let mut o = Builder::default();
        o.text("person", &self.person).bytes("credential", &self.credential);
        b.put(name, o.build());
    }
}

/// How many distinct persons have to approve, and which persons count (SPEC.md 4.5, 9.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quorum {
    /// How many, 1 to 16.
    pub required: u64,
    /// The persons who count, ascending, at most [`MAX_PEOPLE`]; nobody named means anybody, as
    /// far as `roles` is empty too.
    pub people: Vec<String>,
    /// Roles, ascending, whose holders count.
    pub roles: Vec<Role>,
    /// Whether the person who initiated the action may approve it.
    pub allow_self: bool,
}

/// Most persons that a quorum names.
pub const MAX_PEOPLE: usize = 64;

impl Quorum {
    /// A quorum of any approvers, other than the initiator.
    #[must_use]
    pub fn of(required: u64) -> Self {
        Self { required, people: Vec::new(), roles: Vec::new(), allow_self: false }
    }

    /// Whether a person with these roles is one of those whose approval counts.
    #[must_use]
    pub fn names(&self, person: &str, has_role: impl Fn(Role) -> bool) -> bool {
        (self.people.is_empty() && self.roles.is_empty())
            || self.people.iter().any(|p| p == person)
            || self.roles.iter().any(|r| has_role(*r))
    }

    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("quorum")?;
        let required = g.uint("required")?;
        let people = if g.has("people") { Some(g.texts("people")?) } else { None };
        let roles = if g.has("roles") { Some(Role::read_all(&mut g)?) } else { None };
        let allow_self = if g.has("allow_self") { Some(g.bool("allow_self")?) } else { None };
        g.done()?;
        // An empty list and a false have the same meaning as none: one meaning, one form.
        let people_right = people.as_ref().is_none_or(|p| {
            (1..=MAX_PEOPLE).contains(&p.len())
                && p.is_sorted_by(|a, b| a < b)
                && p.iter().all(|id| is_uuid_v4(id))
        });
        if !(1..=16).contains(&required)
            || !people_right
            || roles.as_ref().is_some_and(Vec::is_empty)
            || allow_self == Some(false)
        {
            return Err(DocumentError::Value("quorum").into());
        }
        Ok(Self {
            required,
            people: people.unwrap_or_default(),
            roles: roles.unwrap_or_default(),
            allow_self: allow_self.unwrap_or_default(),
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut o = Builder::default();
        o.uint("required", self.required);
        if !self.people.is_empty() {
            o.texts("people", &self.people);
        }
        if !self.roles.is_empty() {
            Role::write_all(&mut o, &self.roles);
        }
        if self.allow_self {
            o.bool("allow_self", true);
        }
        b.put("quorum", o.build());
    }
}

/// The bytes that a PEP forwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// Media type.
    pub media_type: String,
    /// Length in bytes.
    pub length: u64,
    /// SHA-256 of the bytes.
    pub sha256: Digest,
}

impl Raw {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Option<Self>, Error> {
        if !f.has("raw") {
            return Ok(None);
        }
        let mut g = f.object("raw")?;
        let out = Self {
            media_type: g.id("media_type")?,
            length: g.uint("length")?,
            sha256: g.digest("sha256")?,
        };
        g.done()?;
        Ok(Some(out))
    }

    pub(crate) fn write(raw: Option<&Self>, b: &mut Builder) {
        let Some(raw) = raw else { return };
        let mut o = Builder::default();
        o.text("media_type", &raw.media_type)
            .uint("length", raw.length)
            .digest("sha256", &raw.sha256);
        b.put("raw", o.build());
    }
}

/// A policy entry of the governance log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRef {
    /// Its index.
    pub index: u64,
    /// SHA-256 of its manifest.
    pub manifest: Digest,
}

impl PolicyRef {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut g = f.object("policy")?;
        let out = Self { index: g.uint("index")?, manifest: g.digest("manifest")? };
        g.done()?;
        Ok(out)
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut o = Builder::default();
        o.uint("index", self.index).digest("manifest", &self.manifest);
        b.put("policy", o.build());
    }
}

/// A statement of the main log, by its index and the SHA-256 of its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestRef {
    /// Index in the main log.
    pub index: u64,
    /// SHA-256 of the document's bytes.
    pub document_sha256: Digest,
}

impl DigestRef {
    pub(crate) fn read(json: &Json, name: &'static str) -> Result<Self, Error> {
        let mut g = Fields::new(json, name)?;
        let out = Self { index: g.uint("index")?, document_sha256: g.digest("document_sha256")? };
        g.done()?;
        Ok(out)
    }

    pub(crate) fn write(&self) -> Json {
        let mut o = Builder::default();
        o.uint("index", self.index).digest("document_sha256", &self.document_sha256);
        o.build()
    }
}

/// At most 16: no quorum is larger.
pub(crate) fn read_refs(f: &mut Fields<'_>, name: &'static str) -> Result<Vec<DigestRef>, Error> {
    let items = f.array(name)?;
    if items.len() > 16 {
        return Err(DocumentError::Value(name).into());
    }
    items.iter().map(|v| DigestRef::read(v, name)).collect()
}

pub(crate) fn write_refs(b: &mut Builder, name: &'static str, refs: &[DigestRef]) {
    b.put(name, Json::Array(refs.iter().map(DigestRef::write).collect()));
}

/// The `action` member: an action without `context.approval`.
pub(crate) struct ActionRef;

impl ActionRef {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Action, Error> {
        let action = Action::from_document(f.any("action")?)?;
        if action.approval().is_some() {
            return Err(DocumentError::Value("action.context.approval").into());
        }
        Ok(action)
    }
}

/// A role of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// May authorise enrolments, roles, revocations, policies and erasures.
    Administrator,
    /// May answer requests.
    Approver,
    /// May read; authorises nothing.
    Auditor,
    /// Runs the service; authorises nothing.
    Operator,
}

impl Role {
    /// Every role, ascending by name.
    pub const ALL: [Self; 4] = [Self::Administrator, Self::Approver, Self::Auditor, Self::Operator];

    /// The word in a document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// The role with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.name() == name)
    }

    /// Roles stand in ascending order of name, none twice.
    pub(crate) fn read_all(f: &mut Fields<'_>) -> Result<Vec<Self>, Error> {
        let names = f.texts("roles")?;
        let roles: Option<Vec<Self>> = names.iter().map(|n| Self::from_name(n)).collect();
        match roles {
            Some(roles) if roles.is_sorted_by(|a, b| a < b) => Ok(roles),
            _ => Err(DocumentError::Value("roles").into()),
        }
    }

    pub(crate) fn write_all(b: &mut Builder, roles: &[Self]) {
        let names: Vec<String> = roles.iter().map(|r| r.name().to_owned()).collect();
        b.texts("roles", &names);
    }
}

/// Checks a string member's length where the type is not a field of its own.
pub(crate) fn bounded_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_ID
}

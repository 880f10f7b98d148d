//! `genesis`, `key`, `policy`, `enrolment`, `role`, `revocation`, `recovery` (SPEC.md 4.5).

use super::DocumentError;
use super::after::After;
use super::fields::{Builder, Digest, Fields, MAX_TEXT};
use super::parts::{MAX_CREDENTIAL, Role, Signer, bounded_id};
use crate::Error;
use crate::b64;
use crate::json::Json;
use crate::kind::LogRole;
use crate::time::UnixSeconds;

/// Largest COSE_Key in a document, in bytes: RSA 4096 fits.
pub const MAX_COSE_KEY: usize = 1024;

/// First entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Genesis {
    /// Which of the two logs this is.
    pub role: LogRole,
    /// Its origin.
    pub origin: String,
    /// The other log's origin.
    pub peer: String,
    /// Whether this ledger is for trying things out only.
    pub dev: bool,
    /// WebAuthn RP id.
    pub rp_id: String,
    /// Thumbprints of issuers other than the ledger's own whose statements are registered.
    pub external_issuers: Vec<Digest>,
    /// Which issuer key may state which kinds.
    pub issuers: Vec<Issuer>,
    /// Thumbprint of the key that signs this statement.
    pub first_key: Digest,
    /// Manifest hash of the first policy.
    pub policy_manifest: Digest,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
}

/// What an issuer key may state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// RFC 9679 thumbprint.
    pub kid: Digest,
    /// Names of kinds.
    pub kinds: Vec<String>,
    /// The only audience that it may speak for.
    pub audience: Option<String>,
}

impl Issuer {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "issuers")?;
        let out = Self {
            kid: f.digest("kid")?,
            kinds: f.texts("kinds")?,
            audience: f.opt_text("audience", super::fields::MAX_ID)?,
        };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.digest("kid", &self.kid).texts("kinds", &self.kinds);
        b.opt_text("audience", self.audience.as_deref());
        b.build()
    }
}

impl Genesis {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let role = LogRole::from_name(&f.id("role")?).ok_or(DocumentError::Value("role"))?;
        let mut p = f.object("registration_policy")?;
        if p.id("order")? != "meaningful" {
            return Err(DocumentError::Value("registration_policy.order").into());
        }
        let external_issuers = p
            .texts("external_issuers")?
            .iter()
            .map(|t| b64::decode_hex_array::<32>(t))
            .collect::<Result<_, _>>()
            .map_err(|_| DocumentError::Value("external_issuers"))?;
        p.done()?;
        Ok(Self {
            role,
            origin: f.id("origin")?,
            peer: f.id("peer")?,
            dev: f.bool("dev")?,
            rp_id: f.id("rp_id")?,
            external_issuers,
            issuers: f.array("issuers")?.iter().map(Issuer::read).collect::<Result<_, _>>()?,
            first_key: f.digest("first_key")?,
            policy_manifest: f.digest("policy_manifest")?,
            at: f.time("at")?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let external: Vec<String> = self.external_issuers.iter().map(b64::encode_hex).collect();
        let mut p = Builder::default();
        p.text("order", "meaningful").texts("external_issuers", &external);
        b.text("role", self.role.name())
            .text("origin", &self.origin)
            .text("peer", &self.peer)
            .bool("dev", self.dev)
            .text("rp_id", &self.rp_id)
            .put("registration_policy", p.build())
            .put("issuers", Json::Array(self.issuers.iter().map(Issuer::write).collect()))
            .digest("first_key", &self.first_key)
            .digest("policy_manifest", &self.policy_manifest)
            .time("at", self.at);
    }
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// Signs checkpoints.
    Checkpoint,
    /// Signs COSE Receipts.
    Receipt,
    /// Signs statements.
    Issuer,
}

impl Purpose {
    /// The word in documents and trust files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Receipt => "receipt",
            Self::Issuer => "issuer",
        }
    }

    /// The purpose with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Checkpoint, Self::Receipt, Self::Issuer].into_iter().find(|v| v.name() == name)
    }
}

/// A key that is announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyInfo {
    /// What it is for.
    pub purpose: Purpose,
    /// RFC 9679 thumbprint.
    pub kid: Digest,
    /// Serialised COSE_Key.
    pub public_key: Vec<u8>,
    /// Kinds that an issuer key may state.
    pub kinds: Option<Vec<String>>,
    /// The only audience of an issuer key.
    pub audience: Option<String>,
}

impl KeyInfo {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "keys")?;
        let purpose =
            Purpose::from_name(&f.id("purpose")?).ok_or(DocumentError::Value("purpose"))?;
        let out = Self {
            purpose,
            kid: f.digest("kid")?,
            public_key: f.bytes("public_key", MAX_COSE_KEY)?,
            kinds: if f.has("kinds") { Some(f.texts("kinds")?) } else { None },
            audience: f.opt_text("audience", super::fields::MAX_ID)?,
        };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.text("purpose", self.purpose.name())
            .digest("kid", &self.kid)
            .bytes("public_key", &self.public_key)
            .opt_text("audience", self.audience.as_deref());
        if let Some(kinds) = &self.kinds {
            b.texts("kinds", kinds);
        }
        b.build()
    }
}

/// Announces keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// The keys.
    pub keys: Vec<KeyInfo>,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
}

impl Keys {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let keys = f.array("keys")?.iter().map(KeyInfo::read).collect::<Result<_, _>>()?;
        Ok(Self { keys, at: f.time("at")? })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.put("keys", Json::Array(self.keys.iter().map(KeyInfo::write).collect()));
        b.time("at", self.at);
    }
}

/// A policy comes into force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// File names and SHA-256 of each: policies, schema, mapping, templates, verification policy.
    pub files: Vec<(String, Digest)>,
    /// SHA-256 of the JCS of the manifest.
    pub manifest_sha256: Digest,
    /// Who activates it, and the checkpoints then; absent of the first.
    pub authorised: Option<(Signer, After)>,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
}

impl Policy {
    /// The JCS bytes of `{files: {name: hex}}`.
    #[must_use]
    pub fn manifest_bytes(files: &[(String, Digest)]) -> Vec<u8> {
        let files =
            files.iter().map(|(n, d)| (n.clone(), Json::String(b64::encode_hex(d)))).collect();
        let mut b = Builder::default();
        b.put("files", Json::Object(files));
        crate::jcs::to_bytes(&b.build())
    }

    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let mut m = f.object("manifest")?;
        let Json::Object(members) = m.any("files")? else {
            return Err(DocumentError::Type("manifest.files").into());
        };
        m.done()?;
        if members.len() > super::fields::MAX_ITEMS {
            return Err(DocumentError::Value("manifest.files").into());
        }
        let mut files = Vec::new();
        for (name, value) in members {
            let digest = value.as_str().and_then(|t| b64::decode_hex_array::<32>(t).ok());
            let (true, Some(digest)) = (bounded_id(name), digest) else {
                return Err(DocumentError::Value("manifest.files").into());
            };
            files.push((name.clone(), digest));
        }
        let manifest_sha256 = f.digest("manifest_sha256")?;
        if manifest_sha256 != crate::sha256(&Self::manifest_bytes(&files)) {
            return Err(DocumentError::Value("manifest_sha256").into());
        }
        let authorised = if f.has("signer") || f.has("after") {
            Some((Signer::read(f, "signer")?, After::read(f)?))
        } else {
            None
        };
        Ok(Self { files, manifest_sha256, authorised, at: f.time("at")? })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let files = self.files.iter().map(|(n, d)| (n.clone(), Json::String(b64::encode_hex(d))));
        let mut m = Builder::default();
        m.put("files", Json::Object(files.collect()));
        b.put("manifest", m.build()).digest("manifest_sha256", &self.manifest_sha256);
        if let Some((signer, after)) = &self.authorised {
            signer.write(b, "signer");
            after.write(b);
        }
        b.time("at", self.at);
    }
}

/// What is known of where a private key lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyClass {
    /// A file; for development only.
    Software,
    /// A synced passkey, or nothing is known.
    SyncedOrUnknown,
    /// The authenticator says that the key can't leave it.
    ClaimedDeviceBound,
    /// A vendor's attestation says so.
    AttestedHardware,
}

impl KeyClass {
    /// The word in a document.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Software => "software",
            Self::SyncedOrUnknown => "synced-or-unknown",
            Self::ClaimedDeviceBound => "claimed-device-bound",
            Self::AttestedHardware => "attested-hardware",
        }
    }

    /// The class with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Software, Self::SyncedOrUnknown, Self::ClaimedDeviceBound, Self::AttestedHardware]
            .into_iter()
            .find(|c| c.name() == name)
    }
}

/// A credential of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// The person, UUIDv4.
    pub person: String,
    /// Salted commitment to the name (SPEC.md 4.6).
    pub name_commitment: Digest,
    /// The credential id.
    pub credential: Vec<u8>,
    /// Serialised COSE_Key.
    pub public_key: Vec<u8>,
    /// WebAuthn RP id.
    pub rp_id: String,
    /// The BE flag, which never changes.
    pub backup_eligible: bool,
    /// Where the private key lives, by the service's word.
    pub class: KeyClass,
    /// Attestation format, such as `none` or `packed`.
    pub attestation_fmt: String,
    /// SHA-256 of the attestationObject that travels in the statement.
    pub attestation_sha256: Digest,
    /// SHA-256 of the clientDataJSON of the registration, which travels there too: attestations
    /// sign this hash.
    pub attestation_client_data_sha256: Digest,
    /// The person's roles from here on.
    pub roles: Vec<Role>,
    /// Who authorises; absent where the key itself is a root, and of a recovery.
    pub authoriser: Option<Signer>,
    /// Governance index of the `recovery` that announced this key; never beside an authoriser.
    pub recovery: Option<u64>,
    /// The checkpoints current when it was signed.
    pub after: After,
}

impl Enrolment {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let class = KeyClass::from_name(&f.id("class")?).ok_or(DocumentError::Value("class"))?;
        let mut a = f.object("attestation")?;
        let (attestation_fmt, attestation_sha256) = (a.id("fmt")?, a.digest("object_sha256")?);
        let attestation_client_data_sha256 = a.digest("client_data_sha256")?;
        a.done()?;
        let roles = Role::read_all(f)?;
        if roles.is_empty() {
            return Err(DocumentError::Value("roles").into());
        }
        if f.has("authoriser") && f.has("recovery") {
            return Err(DocumentError::Value("recovery").into());
        }
        let recovery = match f.has("recovery") {
            true => {
                let mut r = f.object("recovery")?;
                let index = r.uint("index")?;
                r.done()?;
                Some(index)
            }
            false => None,
        };
        Ok(Self {
            person: f.uuid("person")?,
            name_commitment: f.digest("name_commitment")?,
            credential: f.bytes("credential", MAX_CREDENTIAL)?,
            public_key: f.bytes("public_key", MAX_COSE_KEY)?,
            rp_id: f.id("rp_id")?,
            backup_eligible: f.bool("backup_eligible")?,
            class,
            attestation_fmt,
            attestation_sha256,
            attestation_client_data_sha256,
            roles,
            authoriser: if f.has("authoriser") {
                Some(Signer::read(f, "authoriser")?)
            } else {
                None
            },
            recovery,
            after: After::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        let mut a = Builder::default();
        a.text("fmt", &self.attestation_fmt)
            .digest("object_sha256", &self.attestation_sha256)
            .digest("client_data_sha256", &self.attestation_client_data_sha256);
        b.text("person", &self.person)
            .digest("name_commitment", &self.name_commitment)
            .bytes("credential", &self.credential)
            .bytes("public_key", &self.public_key)
            .text("rp_id", &self.rp_id)
            .bool("backup_eligible", self.backup_eligible)
            .text("class", self.class.name())
            .put("attestation", a.build());
        Role::write_all(b, &self.roles);
        if let Some(authoriser) = &self.authoriser {
            authoriser.write(b, "authoriser");
        }
        if let Some(index) = self.recovery {
            let mut r = Builder::default();
            r.uint("index", index);
            b.put("recovery", r.build());
        }
        self.after.write(b);
    }
}

/// The roles of a person, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleChange {
    /// The person, UUIDv4.
    pub person: String,
    /// The complete new set.
    pub roles: Vec<Role>,
    /// Who changes them.
    pub signer: Signer,
    /// The checkpoints current when it was signed.
    pub after: After,
}

impl RoleChange {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            person: f.uuid("person")?,
            roles: Role::read_all(f)?,
            signer: Signer::read(f, "signer")?,
            after: After::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("person", &self.person);
        Role::write_all(b, &self.roles);
        self.signer.write(b, "signer");
        self.after.write(b);
    }
}

/// A credential is no longer to be trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// The credential id.
    pub credential: Vec<u8>,
    /// RFC 9679 thumbprint of its key: credential ids are signed by nobody.
    pub key: Digest,
    /// From when on; the compromise, not the entry in the log.
    pub effective_from: UnixSeconds,
    /// Why.
    pub reason: String,
    /// Who revokes: the holder of the credential or an administrator.
    pub signer: Signer,
    /// The checkpoints current when it was signed.
    pub after: After,
}

impl Revocation {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            credential: f.bytes("credential", MAX_CREDENTIAL)?,
            key: f.digest("key")?,
            effective_from: f.time("effective_from")?,
            reason: f.text("reason", MAX_TEXT)?,
            signer: Signer::read(f, "signer")?,
            after: After::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.bytes("credential", &self.credential)
            .digest("key", &self.key)
            .time("effective_from", self.effective_from)
            .text("reason", &self.reason);
        self.signer.write(b, "signer");
        self.after.write(b);
    }
}

/// A new key is announced for somebody who lost theirs. It authorises nothing; an enrolment that
/// names it may follow when the delay is over and nobody objected (SPEC.md 9.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The person, UUIDv4.
    pub person: String,
    /// RFC 9679 thumbprint of the new key.
    pub key: Digest,
    /// The new credential's id.
    pub credential: Vec<u8>,
    /// The roles that the enrolment will give, at least one.
    pub roles: Vec<Role>,
    /// From when on the key may be enrolled.
    pub effective_from: UnixSeconds,
    /// Why.
    pub reason: String,
    /// The checkpoints current when the new key signed.
    pub after: After,
}

impl Recovery {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let roles = Role::read_all(f)?;
        if roles.is_empty() {
            return Err(DocumentError::Value("roles").into());
        }
        Ok(Self {
            person: f.uuid("person")?,
            key: f.digest("key")?,
            credential: f.bytes("credential", MAX_CREDENTIAL)?,
            roles,
            effective_from: f.time("effective_from")?,
            reason: f.text("reason", MAX_TEXT)?,
            after: After::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("person", &self.person)
            .digest("key", &self.key)
            .bytes("credential", &self.credential)
            .time("effective_from", self.effective_from)
            .text("reason", &self.reason);
        Role::write_all(b, &self.roles);
        self.after.write(b);
    }
}

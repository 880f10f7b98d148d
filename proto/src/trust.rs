//! The trust file (SPEC.md 8): what the verifier's user decides to trust, and nobody else.

use crate::cose_key::PublicKey;
use crate::document::fields::{Builder, Fields};
use crate::document::{Digest, DocumentError, MAX_COSE_KEY, Purpose};
use crate::json::{self, Json};
use crate::kind::LogRole;
use crate::time::UnixSeconds;
use crate::tlog::TlogError;
use crate::tlog::policy::Policy;
use crate::{Error, jcs};

/// `schema` of the file.
pub const SCHEMA: &str = "placet-trust/0";
/// Largest trust file that is read, in bytes.
pub const MAX_TRUST: usize = 1024 * 1024;
/// Largest certificate in `attestation_roots`, in bytes.
pub const MAX_CERTIFICATE: usize = 4096;

/// Why a trust file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Another `schema`.
    #[error("schema is not placet-trust/0")]
    Schema,
    /// A rule between members is broken.
    #[error("{0}")]
    Rule(&'static str),
}

impl TrustError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Schema => "trust.schema",
            Self::Rule(_) => "trust.rule",
        }
    }
}

/// A trust file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    /// The logs that are known.
    pub logs: Vec<TrustedLog>,
    /// Credential public keys that were confirmed out of band.
    pub roots: Vec<Root>,
    /// WebAuthn RP ids that are allowed.
    pub rp_ids: Vec<String>,
    /// Origins that are allowed in clientDataJSON, compared as strings.
    pub origins: Vec<String>,
    /// Roots of vendors' attestation: X.509 certificates, DER, at most [`MAX_CERTIFICATE`] each.
    pub attestation_roots: Vec<Vec<u8>>,
    /// Time authorities; none is defined in this profile.
    pub time_authorities: Vec<String>,
    /// Whether evidence of a development ledger may pass.
    pub allow_dev: bool,
    /// Ids of checks that are required beside the usual ones.
    pub require: Vec<String>,
    /// When the file is no longer to be used.
    pub expires: Option<UnixSeconds>,
}

/// One log of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// Its origin.
    pub origin: String,
    /// Which of the two.
    pub role: LogRole,
    /// Its entry 0.
    pub genesis: Digest,
    /// Its keys.
    pub keys: Vec<TrustedKey>,
    /// C2SP tlog-policy without `log` lines.
    pub witness_policy: String,
    /// Names of witnesses that the operator of the log runs.
    pub operated_by_self: Vec<String>,
}

/// A key with what it may sign and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// What it is for.
    pub purpose: Purpose,
    /// Serialised COSE_Key.
    pub public_key: Vec<u8>,
    /// Kinds that an issuer key may state.
    pub kinds: Vec<String>,
    /// The only audience of an issuer key.
    pub audience: Option<String>,
    /// First size or index.
    pub from_size: u64,
    /// Last size or index; `None` while it is in use.
    pub until_size: Option<u64>,
}

impl TrustedKey {
    /// Whether the key is valid at this tree size (checkpoints, receipts) or index (statements).
    #[must_use]
    pub fn covers(&self, x: u64) -> bool {
        self.from_size <= x && self.until_size.is_none_or(|until| x <= until)
    }
}

/// A credential that needs nobody's word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Serialised COSE_Key.
    pub public_key: Vec<u8>,
    /// What the user calls it.
    pub name: Option<String>,
}

impl TrustFile {
    /// Reads a trust file.
    ///
    /// # Errors
    /// `json.*`, `document.*` for members, `trust.*` for rules between them.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let value = json::parse_limited(bytes, MAX_TRUST)?;
        let mut f = Fields::new(&value, "trust file")?;
        if f.id("schema")? != SCHEMA {
            return Err(TrustError::Schema.into());
        }
        let file = Self {
            logs: f.array("logs")?.iter().map(TrustedLog::read).collect::<Result<_, _>>()?,
            roots: f.array("roots")?.iter().map(Root::read).collect::<Result<_, _>>()?,
            rp_ids: f.texts("rp_ids")?,
            origins: f.texts("origins")?,
            attestation_roots: f.byte_strings("attestation_roots", MAX_CERTIFICATE)?,
            time_authorities: f.texts("time_authorities")?,
            allow_dev: f.bool("allow_dev")?,
            require: f.texts("require")?,
            expires: match f.any("expires")? {
                Json::Null => None,
                v => Some(time_of(v)?),
            },
        };
        f.done()?;
        file.check()?;
        Ok(file)
    }

    /// Writes the file for people to read and compare: members in JCS order, indented.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut b = Builder::default();
        b.text("schema", SCHEMA)
            .put("logs", Json::Array(self.logs.iter().map(TrustedLog::write).collect()))
            .put("roots", Json::Array(self.roots.iter().map(Root::write).collect()))
            .texts("rp_ids", &self.rp_ids)
            .texts("origins", &self.origins)
            .byte_strings("attestation_roots", &self.attestation_roots)
            .texts("time_authorities", &self.time_authorities)
            .bool("allow_dev", self.allow_dev)
            .texts("require", &self.require);
        match self.expires {
            Some(t) => b.time("expires", t),
            None => b.put("expires", Json::Null),
        };
        pretty(&b.build())
    }

    /// The log with this origin.
    #[must_use]
    pub fn log(&self, origin: &str, role: LogRole) -> Option<&TrustedLog> {
        self.logs.iter().find(|l| l.origin == origin && l.role == role)
    }

    fn check(&self) -> Result<(), Error> {
        let bad = |what| Err(TrustError::Rule(what).into());
        for (i, log) in self.logs.iter().enumerate() {
            if self.logs.iter().take(i).any(|l| l.origin == log.origin) {
                return bad("a log stands in the file twice");
            }
            if log.keys.iter().any(|k| k.until_size.is_some_and(|u| u < k.from_size)) {
                return bad("a key ends before it begins");
            }
            log.check_policy()?;
        }
        let keys = || self.logs.iter().flat_map(|l| l.keys.iter().map(move |k| (l, k)));
        for (i, (log, key)) in keys().enumerate() {
            for (other_log, other) in keys().take(i) {
                let shared_issuer = key.purpose == Purpose::Issuer
                    && other.purpose == Purpose::Issuer
                    && log.role != other_log.role;
                if identity(&key.public_key) == identity(&other.public_key) && !shared_issuer {
                    return bad("one key serves two purposes or logs");
                }
            }
        }
        Ok(())
    }
}

/// What makes a key the same key: its thumbprint, for one key has several COSE_Keys. A key of an
/// algorithm that this profile does not have stands for itself.
fn identity(cose_key: &[u8]) -> Vec<u8> {
    PublicKey::from_cose(cose_key)
        .map_or_else(|_| cose_key.to_vec(), |key| key.thumbprint().to_vec())
}

impl TrustedLog {
    /// A policy without logs, and no name in `operated_by_self` that it does not know: a name
    /// misspelt there would make the operator's witness an independent one.
    fn check_policy(&self) -> Result<(), Error> {
        let policy = Policy::parse(self.witness_policy.as_bytes()).map_err(TlogError::from)?;
        if !policy.logs().is_empty() {
            return Err(TrustError::Rule("a witness policy names logs").into());
        }
        let known = |name: &String| {
            let mut witnesses = policy.witnesses().iter();
            witnesses.any(|w| w.name == name.as_bytes() || w.key.name() == name)
        };
        if !self.operated_by_self.iter().all(known) {
            return Err(TrustError::Rule("operated_by_self names no witness of the policy").into());
        }
        Ok(())
    }

    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "logs")?;
        let out = Self {
            origin: f.id("origin")?,
            role: LogRole::from_name(&f.id("role")?).ok_or(DocumentError::Value("role"))?,
            genesis: f.digest("genesis")?,
            keys: f.array("keys")?.iter().map(TrustedKey::read).collect::<Result<_, _>>()?,
            witness_policy: f.text("witness_policy", 64 * 1024)?,
            operated_by_self: f.texts("operated_by_self")?,
        };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.text("origin", &self.origin)
            .text("role", self.role.name())
            .digest("genesis", &self.genesis)
            .put("keys", Json::Array(self.keys.iter().map(TrustedKey::write).collect()))
            .text("witness_policy", &self.witness_policy)
            .texts("operated_by_self", &self.operated_by_self);
        b.build()
    }
}

impl TrustedKey {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "keys")?;
        let purpose =
            Purpose::from_name(&f.id("purpose")?).ok_or(DocumentError::Value("purpose"))?;
        let issuer = purpose == Purpose::Issuer;
        let out = Self {
            purpose,
            public_key: f.bytes("public_key", MAX_COSE_KEY)?,
            kinds: if issuer { f.texts("kinds")? } else { Vec::new() },
            audience: if issuer { f.opt_text("audience", 1024)? } else { None },
            from_size: f.uint("from_size")?,
            until_size: match f.any("until_size")? {
                Json::Null => None,
                v => Some(v.as_u64().ok_or(DocumentError::Type("until_size"))?),
            },
        };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.text("purpose", self.purpose.name())
            .bytes("public_key", &self.public_key)
            .uint("from_size", self.from_size);
        if self.purpose == Purpose::Issuer {
            b.texts("kinds", &self.kinds).opt_text("audience", self.audience.as_deref());
        }
        match self.until_size {
            Some(until) => b.uint("until_size", until),
            None => b.put("until_size", Json::Null),
        };
        b.build()
    }
}

impl Root {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "roots")?;
        let out = Self {
            public_key: f.bytes("public_key", MAX_COSE_KEY)?,
            name: f.opt_text("name", 1024)?,
        };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.bytes("public_key", &self.public_key).opt_text("name", self.name.as_deref());
        b.build()
    }
}

fn time_of(value: &Json) -> Result<UnixSeconds, Error> {
    let text = value.as_str().ok_or(DocumentError::Type("expires"))?;
    UnixSeconds::parse(text).map_err(|_| DocumentError::Value("expires").into())
}

/// JCS with line breaks and two-space indents between tokens.
fn pretty(value: &Json) -> Vec<u8> {
    let mut out = Vec::new();
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let compact = jcs::to_bytes(value);
    let newline = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(std::iter::repeat_n(b' ', depth * 2));
    };
    for (i, &byte) in compact.iter().enumerate() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                if !matches!(compact.get(i + 1), Some(b'}' | b']')) {
                    depth += 1;
                    newline(&mut out, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(i.checked_sub(1).and_then(|j| compact.get(j)), Some(b'{' | b'[')) {
                    depth = depth.saturating_sub(1);
                    newline(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                newline(&mut out, depth);
            }
            b':' => out.extend(b": "),
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out.push(b'\n');
    out
}

//! `erasure` and `administration`: what is done to the ledger itself (SPEC.md 4.5).

use super::DocumentError;
use super::after::After;
use super::fields::{Builder, Digest, Fields, MAX_ITEMS, MAX_TEXT};
use super::parts::Signer;
use crate::Error;
use crate::json::Json;
use crate::time::UnixSeconds;

/// An administrator orders that bodies of the main log be erased. The entries stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// What goes, ascending by index, 1 to 256.
    pub targets: Vec<ErasureTarget>,
    /// Why.
    pub reason: String,
    /// The administrator.
    pub signer: Signer,
    /// The checkpoints current when it was signed.
    pub after: After,
}

/// One entry of the main log whose body goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErasureTarget {
    /// Its index.
    pub index: u64,
    /// The entry: SHA-256 of the statement.
    pub entry: Digest,
}

impl Erasure {
    /// Most targets of one order.
    pub const MAX_TARGETS: usize = MAX_ITEMS;

    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        let targets: Vec<ErasureTarget> =
            f.array("targets")?.iter().map(ErasureTarget::read).collect::<Result<_, _>>()?;
        if targets.is_empty() || !targets.is_sorted_by(|a, b| a.index < b.index) {
            return Err(DocumentError::Value("targets").into());
        }
        Ok(Self {
            targets,
            reason: f.text("reason", MAX_TEXT)?,
            signer: Signer::read(f, "signer")?,
            after: After::read(f)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.put("targets", Json::Array(self.targets.iter().map(ErasureTarget::write).collect()))
            .text("reason", &self.reason);
        self.signer.write(b, "signer");
        self.after.write(b);
    }
}

impl ErasureTarget {
    fn read(json: &Json) -> Result<Self, Error> {
        let mut f = Fields::new(json, "targets")?;
        let out = Self { index: f.uint("index")?, entry: f.digest("entry")? };
        f.done()?;
        Ok(out)
    }

    fn write(&self) -> Json {
        let mut b = Builder::default();
        b.uint("index", self.index).digest("entry", &self.entry);
        b.build()
    }
}

/// An act of administration that the ledger states and nobody signs with a passkey: for the
/// operator's own audit, and evidence of nothing. It holds neither names nor secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administration {
    /// What was done, such as `token.create`; the acts are listed in SPEC.md 4.5.
    pub act: String,
    /// What it was done to: the id of a token, an invitation, a setting.
    pub target: String,
    /// Who did it, where the service knows the person.
    pub person: Option<String>,
    /// The ledger's clock, a claim.
    pub at: UnixSeconds,
    /// More about it.
    pub detail: String,
}

impl Administration {
    pub(crate) fn read(f: &mut Fields<'_>) -> Result<Self, Error> {
        Ok(Self {
            act: f.id("act")?,
            target: f.id("target")?,
            person: if f.has("person") { Some(f.uuid("person")?) } else { None },
            at: f.time("at")?,
            detail: f.text("detail", MAX_TEXT)?,
        })
    }

    pub(crate) fn write(&self, b: &mut Builder) {
        b.text("act", &self.act)
            .text("target", &self.target)
            .opt_text("person", self.person.as_deref())
            .time("at", self.at)
            .text("detail", &self.detail);
    }
}

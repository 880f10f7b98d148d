//! Who may state what in a log, as far as the log itself says.
//!
//! Others may register statements where genesis lets them, and a `typ` can say anything: what is
//! not stated by a key that may state its kind is an external statement, whatever it looks like.
//! That is the log's own word; only a trust file makes evidence of it.

use crate::document::{Body, Purpose};
use crate::kind::LogRole;
use crate::statement::Statement;

/// Most issuer keys that are remembered; further ones are not believed.
const MAX_ISSUERS: usize = 4096;

/// An issuer key that a log announced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// RFC 9679 thumbprint.
    pub kid: [u8; 32],
    /// Kinds that it may state.
    pub kinds: Vec<String>,
    /// The only audience of which its documents may speak.
    pub audience: Option<String>,
    /// Index of the entry that announced it: it states nothing before.
    pub announced: u64,
}

/// Issuer keys that a log announced. It does not matter whether those of later entries are known
/// already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuers {
    keys: Vec<Issuer>,
}

impl Issuers {
    /// Issuers that were known once.
    #[must_use]
    pub fn from_parts(keys: Vec<Issuer>) -> Self {
        Self { keys }
    }

    /// Each of them.
    #[must_use]
    pub fn parts(&self) -> &[Issuer] {
        &self.keys
    }

    /// Whether a statement of the log of this role is by a key that may state its kind, there and
    /// for its audience. The first one's are in itself.
    #[must_use]
    pub fn state(&self, role: LogRole, index: u64, statement: &Statement) -> bool {
        if !statement.kind().belongs_in(role) {
            return false;
        }
        match (index, &statement.document.body) {
            (0, Body::Genesis(genesis)) => {
                genesis.role == role && genesis.first_key == statement.header.kid
            }
            _ => self.may(index, statement),
        }
    }

    /// Takes in what an entry announces: a genesis at index 0, keys by a known issuer.
    pub fn learn(&mut self, role: LogRole, index: u64, statement: &Statement) {
        if !self.state(role, index, statement) {
            return;
        }
        match &statement.document.body {
            Body::Genesis(genesis) => {
                for issuer in &genesis.issuers {
                    self.add(index, issuer.kid, &issuer.kinds, issuer.audience.as_ref());
                }
            }
            Body::Key(keys) => {
                for key in keys.keys.iter().filter(|key| key.purpose == Purpose::Issuer) {
                    if let Some(kinds) = &key.kinds {
                        self.add(index, key.kid, kinds, key.audience.as_ref());
                    }
                }
            }
            _ => {}
        }
    }

    fn may(&self, index: u64, statement: &Statement) -> bool {
        let kind = statement.kind().name();
        let audience = statement.document.body.audience();
        self.keys.iter().any(|key| {
            key.kid == statement.header.kid
                && key.announced < index
                && key.kinds.iter().any(|k| k == kind)
                && (key.audience.is_none() || key.audience.as_deref() == audience)
        })
    }

    fn add(&mut self, announced: u64, kid: [u8; 32], kinds: &[String], audience: Option<&String>) {
        if self.keys.len() < MAX_ISSUERS && !self.keys.iter().any(|key| key.kid == kid) {
            let (kinds, audience) = (kinds.to_vec(), audience.cloned());
            self.keys.push(Issuer { kid, kinds, audience, announced });
        }
    }
}

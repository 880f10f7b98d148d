//! What of an event is shown: plainly, as a keyed hash, or not at all.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::facts::{Fact, Value};
use super::table::{FIELDS, Field, Hide, TABLE, field};
use crate::{b64, sha256_parts};

/// Most fields that a profile shows in another way than the table.
pub const MAX_OVERRIDES: usize = 64;
/// What a keyed hash begins with.
pub(crate) const KEYED: &str = "hmac-sha256:";
/// Hexadecimal digits of a key's name.
const KEY_ID: usize = 16;

/// A key for hashes in place of content: 32 bytes. Whoever has it can try out what an event hides.
#[derive(Clone, PartialEq, Eq)]
pub struct HashKey([u8; 32]);

impl HashKey {
    /// A key.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads the file's form: 64 hexadecimal digits, a line end or none.
    ///
    /// # Errors
    /// `event.hash_key`.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        b64::decode_hex_array::<32>(text.trim_end()).map(Self).map_err(|_| ProfileError::Key)
    }

    /// The file's form.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{}\n", b64::encode_hex(self.0))
    }

    /// The name by which events call this key: 16 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        let mut id = b64::encode_hex(sha256_parts(&[b"placet-event-key/1\0", &self.0]));
        id.truncate(KEY_ID);
        id
    }

    /// `hmac-sha256:` and 64 digits: of the field's name, a zero byte, and the value's text.
    fn hash(&self, name: &str, value: &Value) -> String {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(value.text().as_bytes());
        format!("{KEYED}{}", b64::encode_hex(mac.finalize().into_bytes()))
    }
}

impl std::fmt::Debug for HashKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HashKey({})", self.id())
    }
}

/// How a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Plain,
    /// As a keyed hash, by which equal values are equal.
    Keyed,
    /// Not at all.
    Dropped,
}

impl Shown {
    /// The word in settings and events.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Keyed => "keyed",
            Self::Dropped => "dropped",
        }
    }

    /// The one with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Plain, Self::Keyed, Self::Dropped].into_iter().find(|s| s.name() == name)
    }
}

/// Why a profile was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// No field of the table has this name.
    #[error("no field of events is called `{0}`")]
    Field(String),
    /// The table does not let this field be shown so.
    #[error("field `{0}` can't be {1}")]
    Shown(&'static str, &'static str),
    /// Not 64 hexadecimal digits.
    #[error("a hash key is 64 hexadecimal digits")]
    Key,
    /// A profile's text is not one that [`Profile::text`] writes.
    #[error("this is no profile of events")]
    Text,
    /// Made under another table than this program has.
    #[error("events were made under table {0}, this program has table {TABLE}")]
    Table(String),
}

impl ProfileError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Field(_) => "event.field",
            Self::Shown(..) => "event.shown",
            Self::Key => "event.hash_key",
            Self::Text => "event.profile",
            Self::Table(_) => "event.table",
        }
    }
}

/// What is shown how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Ascending by name, none that says what the table says.
    overrides: Vec<(&'static str, Shown)>,
    key: Key,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Key {
    Known(HashKey),
    /// Only its name is known: a keyed hash is written as a mask.
    Named(String),
}

impl Profile {
    /// The table's own, with `overrides` of single fields.
    ///
    /// # Errors
    /// `event.field`, `event.shown`.
    pub fn new<'n>(
        key: HashKey,
        overrides: impl IntoIterator<Item = (&'n str, Shown)>,
    ) -> Result<Self, ProfileError> {
        Self::with(Key::Known(key), overrides)
    }

    fn with<'n>(
        key: Key,
        overrides: impl IntoIterator<Item = (&'n str, Shown)>,
    ) -> Result<Self, ProfileError> {
        let mut kept: Vec<(&'static str, Shown)> = Vec::new();
        for (name, shown) in overrides {
            let field = field(name).ok_or_else(|| ProfileError::Field(name.to_owned()))?;
            if !allows(field.hide, shown) {
                return Err(ProfileError::Shown(field.name, shown.name()));
            }
            kept.retain(|(n, _)| *n != field.name);
            if shown != default(field.hide) {
                kept.push((field.name, shown));
            }
        }
        kept.sort_unstable_by_key(|(name, _)| *name);
        Ok(Self { overrides: kept, key })
    }

    /// What stands in each event, from which the profile is known again: table, name of the key,
    /// and what is shown in another way than the table: `1/0123456789abcdef reason:plain`.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!("{TABLE}/{}", self.key_id());
        for (name, shown) in &self.overrides {
            let _ = write!(out, " {name}:{}", shown.name());
        }
        out
    }

    /// The profile of an event, with the key if it is the one that the event names; without it
    /// keyed hashes are masked ([`Profile::is_masked`]).
    ///
    /// # Errors
    /// `event.profile`, `event.table`; `event.field`, `event.shown`.
    pub fn parse(text: &str, key: Option<&HashKey>) -> Result<Self, ProfileError> {
        let mut words = text.split(' ');
        let head = words.next().and_then(|w| w.split_once('/')).ok_or(ProfileError::Text)?;
        if head.0 != TABLE {
            return Err(ProfileError::Table(head.0.chars().take(16).collect()));
        }
        if head.1.len() != KEY_ID || !head.1.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ProfileError::Text);
        }
        let mut overrides = Vec::new();
        for word in words {
            let (name, shown) = word.split_once(':').ok_or(ProfileError::Text)?;
            let shown = Shown::from_name(shown).ok_or(ProfileError::Text)?;
            if overrides.len() >= MAX_OVERRIDES {
                return Err(ProfileError::Text);
            }
            overrides.push((name, shown));
        }
        let key = match key.filter(|key| key.id() == head.1) {
            Some(key) => Key::Known(key.clone()),
            None => Key::Named(head.1.to_owned()),
        };
        let profile = Self::with(key, overrides)?;
        // One spelling: what is compared later is compared byte by byte.
        if profile.text() == text { Ok(profile) } else { Err(ProfileError::Text) }
    }

    /// The name of the key.
    #[must_use]
    pub fn key_id(&self) -> String {
        match &self.key {
            Key::Known(key) => key.id(),
            Key::Named(id) => id.clone(),
        }
    }

    /// Whether keyed hashes can't be made: `hmac-sha256:` and 64 question marks stand for each.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        matches!(self.key, Key::Named(_))
    }

    /// How a field is shown.
    #[must_use]
    pub fn shown(&self, field: &Field) -> Shown {
        let found = self.overrides.iter().find(|(name, _)| *name == field.name);
        found.map_or(default(field.hide), |(_, shown)| *shown)
    }

    /// Hides what is to be hidden.
    pub(super) fn apply(&self, facts: &mut Vec<Fact>) {
        facts.retain_mut(|fact| match self.shown(fact.field) {
            Shown::Plain => true,
            Shown::Dropped => false,
            Shown::Keyed => {
                fact.value = Value::Text(match &self.key {
                    Key::Known(key) => key.hash(fact.field.name, &fact.value),
                    Key::Named(_) => mask(),
                });
                true
            }
        });
    }
}

/// What stands for a keyed hash that can't be made.
pub(crate) fn mask() -> String {
    format!("{KEYED}{}", "?".repeat(64))
}

fn default(hide: Hide) -> Shown {
    match hide {
        Hide::Never | Hide::Plain | Hide::Optional => Shown::Plain,
        Hide::Keyed | Hide::Digest => Shown::Keyed,
    }
}

fn allows(hide: Hide, shown: Shown) -> bool {
    match (hide, shown) {
        (Hide::Never, shown) => shown == Shown::Plain,
        (Hide::Plain, shown) => shown != Shown::Dropped,
        (Hide::Digest, shown) => shown != Shown::Plain,
        (Hide::Optional | Hide::Keyed, _) => true,
    }
}

/// Fields that a profile may show in another way than the table.
pub fn adjustable() -> impl Iterator<Item = &'static Field> {
    FIELDS.iter().filter(|f| f.hide != Hide::Never)
}

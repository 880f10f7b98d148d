//! What is about to run.

use axum::body::Bytes;
use placet_proto::action::Action;
use placet_proto::document::{Digest, Raw};
use placet_proto::sha256;

/// Bytes that are about to be forwarded, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    media_type: String,
    bytes: Bytes,
}

impl Payload {
    /// These bytes, under this media type (1 to 1024 bytes, as the sender would state it).
    #[must_use]
    pub fn new(media_type: impl Into<String>, bytes: impl Into<Bytes>) -> Self {
        Self { media_type: media_type.into(), bytes: bytes.into() }
    }

    /// The media type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The bytes, to be forwarded.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// What is bound of them (SPEC.md 4.5, `raw`): media type, length, SHA-256.
    #[must_use]
    pub fn raw(&self) -> Raw {
        Raw {
            media_type: self.media_type.clone(),
            length: self.bytes.len() as u64,
            sha256: sha256(&self.bytes),
        }
    }
}

/// An action, with the bytes that carry it out where bytes are forwarded.
///
/// It owns both, and both can't change: what [`super::Permit::run`] hashes is what it hands to the
/// code that acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    action: Action,
    payload: Option<Payload>,
}

impl Intent {
    /// An action that forwards no bytes.
    #[must_use]
    pub fn new(action: Action) -> Self {
        Self { action, payload: None }
    }

    /// The same with the bytes that are about to be forwarded.
    #[must_use]
    pub fn with_payload(self, payload: Payload) -> Self {
        Self { payload: Some(payload), ..self }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The bytes.
    #[must_use]
    pub fn payload(&self) -> Option<&Payload> {
        self.payload.as_ref()
    }

    /// Both, to act on.
    #[must_use]
    pub fn into_parts(self) -> (Action, Option<Payload>) {
        (self.action, self.payload)
    }

    /// `action_digest` (SPEC.md 3.2), computed now.
    #[must_use]
    pub fn action_digest(&self) -> Digest {
        sha256(&self.action.canonical_bytes())
    }

    /// `raw` of the bytes, computed now.
    #[must_use]
    pub fn raw(&self) -> Option<Raw> {
        self.payload.as_ref().map(Payload::raw)
    }
}

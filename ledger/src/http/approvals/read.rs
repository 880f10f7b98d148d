//! Bodies of the pages' script, read strictly.

use std::collections::BTreeMap;

use placet_proto::document::Role;
use placet_proto::json::{self, Json};
use placet_proto::{b64, document};

use super::{Fault, MAX_BODY};
use crate::service::{Registered, Signed};

/// Largest part of an assertion, in bytes.
const MAX_PART: usize = 16 * 1024;
/// Largest attestationObject, in bytes.
const MAX_ATTESTATION: usize = 64 * 1024;

/// A JSON object.
pub struct Input(Json);

impl Input {
    /// Reads a body.
    pub fn parse(body: &[u8], limit: usize) -> Result<Self, Fault> {
        let value = json::parse_limited(body, limit)
            .map_err(|e| Fault::bad_request(format!("the body is not acceptable JSON: {e}")))?;
        match value.as_object() {
            Some(_) => Ok(Self(value)),
            None => Err(Fault::bad_request("the body is not an object")),
        }
    }

    /// Refuses members that nothing reads.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        let members = self.0.as_object().unwrap_or_default();
        match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => {
                Err(Fault::bad_request(format!("unknown member {:?}", document_name(name))))
            }
            None => Ok(()),
        }
    }

    /// A string of 1 to `max` bytes.
    pub fn text(&self, name: &str, max: usize) -> Result<String, Fault> {
        self.optional_text(name, max)?.ok_or_else(|| missing(name))
    }

    /// As [`Input::text`]; an absent or empty string is none.
    pub fn optional_text(&self, name: &str, max: usize) -> Result<Option<String>, Fault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::String(text)) if text.is_empty() => Ok(None),
            Some(Json::String(text)) if text.len() <= max => Ok(Some(text.clone())),
            Some(_) => Err(Fault::bad_request(format!("`{name}` is a string up to {max} bytes"))),
        }
    }

    /// `true`, `false`, or absent for the latter.
    pub fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.0.get(name) {
            None => Ok(false),
            Some(Json::Bool(value)) => Ok(*value),
            Some(_) => Err(Fault::bad_request(format!("`{name}` is true or false"))),
        }
    }

    /// An index in a log.
    pub fn number(&self, name: &str) -> Result<u64, Fault> {
        self.0.get(name).and_then(Json::as_u64).ok_or_else(|| missing(name))
    }

    /// Bytes in base64url.
    pub fn bytes(&self, name: &str, max: usize) -> Result<Vec<u8>, Fault> {
        bytes(&self.0, name, max)
    }

    /// As [`Input::bytes`], or absent.
    pub fn optional_bytes(&self, name: &str, max: usize) -> Result<Option<Vec<u8>>, Fault> {
        self.0.get(name).map(|_| self.bytes(name, max)).transpose()
    }

    /// Up to `max` strings; absent means none.
    pub fn texts(&self, name: &str, max: usize) -> Result<Vec<String>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(Vec::new()) };
        let items = value.as_array().filter(|items| items.len() <= max);
        let items = items.ok_or_else(|| missing(name))?;
        let texts: Option<Vec<String>> =
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
        texts.ok_or_else(|| missing(name))
    }

    /// Files by their names, in base64url; the body's own limit bounds them.
    pub fn files(&self, name: &str) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
        let object = self.object(name)?;
        let members = object.as_object().unwrap_or_default();
        let one = |(name, _): &(String, Json)| Ok((name.clone(), bytes(object, name, MAX_BODY)?));
        members.iter().map(one).collect()
    }

    /// Roles by name; absent means none.
    pub fn given_roles(&self, name: &str) -> Result<Vec<Role>, Fault> {
        self.0.get(name).map_or_else(|| Ok(Vec::new()), |_| self.roles(name))
    }

    /// Roles by name; absent means approver.
    pub fn roles(&self, name: &str) -> Result<Vec<Role>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(vec![Role::Approver]) };
        let items = value.as_array().ok_or_else(|| missing(name))?;
        let role = |item: &Json| item.as_str().and_then(Role::from_name);
        let roles: Option<Vec<Role>> = items.iter().take(16).map(role).collect();
        roles.ok_or_else(|| Fault::bad_request("no such role"))
    }

    /// The id of a credential.
    pub fn credential_id(&self, name: &str) -> Result<Vec<u8>, Fault> {
        bytes(self.object(name)?, "id", document::MAX_CREDENTIAL)
    }

    /// What `navigator.credentials.create()` gave.
    pub fn registered(&self, name: &str, software: bool) -> Result<Registered, Fault> {
        let response = self.object(name)?.get("response").ok_or_else(|| missing("response"))?;
        Ok(Registered {
            attestation_object: bytes(response, "attestationObject", MAX_ATTESTATION)?,
            client_data_json: bytes(response, "clientDataJSON", MAX_PART)?,
            software,
        })
    }

    /// What `navigator.credentials.get()` gave.
    pub fn signed(&self, name: &str) -> Result<Signed, Fault> {
        let response = self.object(name)?.get("response").ok_or_else(|| missing("response"))?;
        Ok(Signed {
            credential: self.credential_id(name)?,
            authenticator_data: bytes(response, "authenticatorData", MAX_PART)?,
            client_data_json: bytes(response, "clientDataJSON", MAX_PART)?,
            signature: bytes(response, "signature", MAX_PART)?,
        })
    }

    fn object(&self, name: &str) -> Result<&Json, Fault> {
        self.0.get(name).filter(|v| v.as_object().is_some()).ok_or_else(|| missing(name))
    }
}

fn bytes(value: &Json, name: &str, max: usize) -> Result<Vec<u8>, Fault> {
    let text = value.get(name).and_then(Json::as_str).ok_or_else(|| missing(name))?;
    b64::decode_url(text, max).map_err(|e| {
        Fault::bad_request(format!("`{name}` is not base64url up to {max} bytes: {e}"))
    })
}

fn missing(name: &str) -> Fault {
    Fault::bad_request(format!("`{name}` is missing or of another type"))
}

/// A member's name, short enough to be repeated.
fn document_name(name: &str) -> String {
    name.chars().take(40).collect()
}

//! Members of bodies, read strictly.

use axum::body::Bytes;
use axum::http::{HeaderMap, header};
use placet_ledger::http::problem::Fault;
use placet_proto::b64;
use placet_proto::document::{Digest, Initiator, Raw};
use placet_proto::json::{self, Json};

use crate::authzen::MAX_BODY_BYTES;

/// Longest identifier, in bytes (SPEC.md 4.5).
const MAX_ID: usize = 1024;

/// A body that says that it is JSON, with whatever parameters. Every other content type is refused
/// with 400, as the certification scenario of AuthZEN 1.0 asks (2.4.3): browsers send some of them
/// to other sites without asking.
pub fn json_body(headers: &HeaderMap, bytes: super::Body) -> Result<Bytes, Fault> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let media = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match media.eq_ignore_ascii_case("application/json") {
        true => super::body(bytes),
        false => Err(Fault::bad_request("the content type is not application/json")),
    }
}

/// A JSON object without members beyond `known`; `None` lets any in.
pub fn object(body: &[u8], known: Option<&[&str]>) -> Result<Json, Fault> {
    let value = json::parse_limited(body, MAX_BODY_BYTES)
        .map_err(|e| Fault::bad_request(format!("the body is not acceptable JSON: {e}")))?;
    match (value.as_object(), known) {
        (None, _) => return Err(Fault::bad_request("the body is not an object")),
        (Some(members), Some(known)) => only(members, known)?,
        (Some(_), None) => {}
    }
    Ok(value)
}

fn only(members: &[(String, Json)], known: &[&str]) -> Result<(), Fault> {
    match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
        Some((name, _)) => {
            let name: String = name.chars().take(40).collect();
            Err(Fault::bad_request(format!("unknown member {name:?}")))
        }
        None => Ok(()),
    }
}

/// A string of 1 to `max` bytes.
pub fn text(value: &Json, name: &str, max: usize) -> Result<String, Fault> {
    match value.get(name) {
        Some(Json::String(text)) if (1..=max).contains(&text.len()) => Ok(text.clone()),
        _ => Err(Fault::bad_request(format!("`{name}` is a string of 1 to {max} bytes"))),
    }
}

/// A SHA-256 in hexadecimal.
pub fn digest(value: &Json, name: &str) -> Result<Digest, Fault> {
    b64::decode_hex_array(&text(value, name, 64)?)
        .map_err(|_| Fault::bad_request(format!("`{name}` is a SHA-256 in hexadecimal")))
}

/// `raw`: the bytes that the PEP forwards, `{media_type, length, sha256}`, or absent.
pub fn raw(value: &Json) -> Result<Option<Raw>, Fault> {
    let Some(raw) = value.get("raw") else { return Ok(None) };
    let members = raw.as_object().ok_or_else(|| Fault::bad_request("`raw` is an object"))?;
    only(members, &["media_type", "length", "sha256"])?;
    let length = raw.get("length").and_then(Json::as_u64);
    Ok(Some(Raw {
        media_type: text(raw, "media_type", MAX_ID)?,
        length: length.ok_or_else(|| Fault::bad_request("`raw.length` is a number of bytes"))?,
        sha256: digest(raw, "sha256")?,
    }))
}

/// `initiator`: the agent, `{type, id}`.
pub fn initiator(value: &Json) -> Result<Initiator, Fault> {
    let initiator = value.get("initiator").unwrap_or(&Json::Null);
    let members = initiator.as_object();
    only(members.ok_or_else(|| Fault::bad_request("`initiator` is an object"))?, &["type", "id"])?;
    Ok(Initiator { kind: text(initiator, "type", MAX_ID)?, id: text(initiator, "id", MAX_ID)? })
}

//! What a line is an event of, and whether it is the event that the log gives: for whoever compares
//! a SIEM's copy with the log.
//!
//! A line may be an event as exported, or one with the header of RFC 5424 or the envelope of
//! Splunk's HEC around it, as receivers keep them. JSON may be written anew; CEF and LEEF may not.

use super::delimited::own_key;
use super::profile::{KEYED, mask};
use super::{Format, plain};
use crate::json::{self, Json};
use crate::kind::LogRole;
use crate::time::{Fraction, UnixSeconds};
use crate::{b64, jcs};

/// Longest line that is read, in bytes.
pub const MAX_LINE: usize = 512 * 1024;
/// Longest note in an event, in bytes.
const MAX_NOTE: usize = 64 * 1024;

/// Why a line could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// Over [`MAX_LINE`].
    #[error("the line is longer than 512 KiB")]
    Limit,
    /// Not UTF-8, or nothing that any of our formats begins with.
    #[error("no format of events begins like this")]
    Format,
    /// JSON that our parser refuses.
    #[error(transparent)]
    Json(#[from] json::JsonError),
    /// An event, but without what tells which one, or not one of ours.
    #[error("the event lacks `{0}`, or has it in another form")]
    Member(&'static str),
}

impl ReadError {
    /// Stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Limit => "event.limit",
            Self::Format => "event.format",
            Self::Json(e) => e.code(),
            Self::Member(_) => "event.member",
        }
    }
}

/// What a line says it is. Nothing of it is believed: it tells which event to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its format.
    pub format: Format,
    /// Under which profile it was made ([`super::Profile::parse`]).
    pub profile: String,
    /// Its id.
    pub uid: String,
    /// Code of its kind.
    pub code: String,
    /// Which log.
    pub role: LogRole,
    /// The log's origin.
    pub origin: String,
    /// Index of the leaf that it is of.
    pub index: Option<u64>,
    /// Seconds since 1970.
    pub time: u64,
    /// Of a checkpoint.
    pub note: Option<FoundNote>,
    /// Of a `log.rollback`.
    pub rollback: Option<FoundRollback>,
    /// Length of the line that this one stands for, if it is a reference to a longer one.
    pub reference: Option<u64>,
    text: String,
}

/// What an `export.checkpoint` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNote {
    /// Which published note of its log, from 0.
    pub sequence: u64,
    /// The first leaf that it covers anew.
    pub first: u64,
    /// SHA-256 of the note before.
    pub previous: Option<[u8; 32]>,
    /// The note.
    pub note: Vec<u8>,
}

/// What a `log.rollback` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRollback {
    /// Size up to which events were exported.
    pub exported_size: u64,
    /// Root of the tree of that size then.
    pub exported_root: [u8; 32],
    /// Root of that size when it was found; none where the log was smaller.
    pub found_root: Option<[u8; 32]>,
}

/// How a line compares with the event that it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Likeness {
    /// It is that event.
    Same,
    /// It is, as far as can be said without the key of its hashes.
    SameButHashes,
    /// It is another one.
    Different,
}

impl Found {
    /// Reads a line.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn parse(line: &[u8]) -> Result<Self, ReadError> {
        if line.len() > MAX_LINE {
            return Err(ReadError::Limit);
        }
        let text = std::str::from_utf8(line).map_err(|_| ReadError::Format)?;
        let text = without_syslog(text.trim_end_matches(['\r', '\n']));
        match text.as_bytes().first() {
            Some(b'{') => of_json(json::parse_limited(text.as_bytes(), MAX_LINE)?),
            _ => of_text(text),
        }
    }

    /// Compares the line with what the log gives for it, in the same format and profile. `masked`
    /// says that its hashes could not be made ([`super::Profile::is_masked`]).
    #[must_use]
    pub fn compare(&self, expected: &[u8], masked: bool) -> Likeness {
        let Ok(expected) = std::str::from_utf8(expected) else { return Likeness::Different };
        if self.text == expected {
            return Likeness::Same;
        }
        match masked && same_but_masks(&self.text, expected) {
            true => Likeness::SameButHashes,
            false => Likeness::Different,
        }
    }
}

fn of_text(text: &str) -> Result<Found, ReadError> {
    match () {
        () if text.starts_with("CEF:0|") => of_delimited(text, Format::Cef),
        () if text.starts_with("LEEF:2.0|") => of_delimited(text, Format::Leef),
        () => Err(ReadError::Format),
    }
}

/// Whether two texts are alike where the second has no masks, and hashes where it has.
fn same_but_masks(found: &str, expected: &str) -> bool {
    let mask = mask();
    let (mut found, mut masked) = (found, false);
    for (at, part) in expected.split(mask.as_str()).enumerate() {
        if at > 0 {
            masked = true;
            let Some(rest) = found.strip_prefix(KEYED) else { return false };
            let Some((digits, rest)) = rest.split_at_checked(64) else { return false };
            if !digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                return false;
            }
            found = rest;
        }
        let Some(rest) = found.strip_prefix(part) else { return false };
        found = rest;
    }
    masked && found.is_empty()
}

/// The message of an RFC 5424 line; other lines as they are.
fn without_syslog(text: &str) -> &str {
    // <PRI>VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID SP STRUCTURED-DATA
    let header = text.strip_prefix('<').and_then(|t| t.split_once('>'));
    let header = header.filter(|(priority, _)| {
        (1..=3).contains(&priority.len())
            && priority.bytes().all(|b| b.is_ascii_digit())
            && priority.parse::<u16>().is_ok_and(|p| p <= 191)
    });
    let Some(rest) = header.and_then(|(_, t)| t.strip_prefix("1 ")) else { return text };
    let Some(mut rest) = rest.splitn(6, ' ').nth(5) else { return text };
    match rest.strip_prefix('-') {
        Some(after) => rest = after,
        None => {
            while let Some(element) = rest.strip_prefix('[') {
                let Some(end) = element_end(element) else { return text };
                rest = element.get(end..).unwrap_or_default();
            }
        }
    }
    let message = rest.strip_prefix(' ').unwrap_or(rest);
    message.strip_prefix('\u{feff}').unwrap_or(message)
}

/// Where an SD-ELEMENT ends, behind its bracket; brackets in quoted values do not count.
fn element_end(element: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in element.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

fn of_json(root: Json) -> Result<Found, ReadError> {
    // The envelope of Splunk's HEC. It has no other members, and what they say is not compared.
    let root = match (root.get("event"), root.get("sourcetype")) {
        (Some(event), Some(_)) => {
            let known = ["event", "fields", "host", "index", "source", "sourcetype", "time"];
            let names = root.as_object().unwrap_or_default().iter().map(|(name, _)| name.as_str());
            if names.into_iter().any(|name| !known.contains(&name)) {
                return Err(ReadError::Format);
            }
            match event {
                Json::String(line) => return of_text(line),
                event => event.clone(),
            }
        }
        _ => root,
    };
    let at = |path: &str| walk(&root, path);
    let (format, paths) = match () {
        () if at("schema").and_then(Json::as_str) == Some(plain::SCHEMA) => (Format::Json, &PLAIN),
        () if at("specversion").is_some() => (Format::CloudEvents, &CLOUDEVENTS),
        () if at("class_uid").is_some() => match at("metadata.version").and_then(Json::as_str) {
            Some("1.8.0") => (Format::Ocsf18, &OCSF),
            _ => (Format::Ocsf, &OCSF),
        },
        () if at("ecs").is_some() => (Format::Ecs, &ECS),
        () => return Err(ReadError::Format),
    };
    let own = |name: &str| walk(&root, &format!("{}{name}", paths.own)).cloned();
    let get = |name: &'static str, path: &str| {
        at(path).and_then(Json::as_str).map(str::to_owned).ok_or(ReadError::Member(name))
    };
    let time = at(paths.time).ok_or(ReadError::Member("time"))?;
    let time = match time {
        Json::String(text) => seconds(text)?,
        other => other.as_u64().ok_or(ReadError::Member("time"))? / 1000,
    };
    let code = get("code", paths.code)?;
    let text = |name: &str| own(name).and_then(|v| v.as_str().map(str::to_owned));
    let uint = |name: &str| own(name).and_then(|v| v.as_u64());
    Ok(Found {
        format,
        profile: get("profile", &format!("{}profile", paths.own))?,
        uid: get("uid", paths.uid)?,
        role: role(&get("log", &format!("{}log", paths.own))?)?,
        origin: get("origin", paths.origin)?,
        index: at(paths.index).and_then(Json::as_u64),
        time,
        note: match code.as_str() {
            // A reference to one has none of it.
            "export.checkpoint" if uint("reference_length").is_none() => Some(note(uint, text)?),
            _ => None,
        },
        rollback: match code.as_str() {
            "log.rollback" => Some(rollback(uint, text)?),
            _ => None,
        },
        reference: uint("reference_length"),
        code,
        text: jcs::to_string(&root),
    })
}

/// Where each format keeps what tells events apart.
struct Paths {
    uid: &'static str,
    code: &'static str,
    origin: &'static str,
    index: &'static str,
    time: &'static str,
    own: &'static str,
}

const PLAIN: Paths =
    Paths { uid: "uid", code: "code", origin: "origin", index: "index", time: "time", own: "" };
const CLOUDEVENTS: Paths = Paths {
    uid: "id",
    code: "data.code",
    origin: "source",
    index: "data.index",
    time: "time",
    own: "data.",
};
const OCSF: Paths = Paths {
    uid: "metadata.uid",
    code: "metadata.event_code",
    origin: "metadata.log_name",
    index: "metadata.sequence",
    time: "time",
    own: "unmapped.placet.",
};
const ECS: Paths = Paths {
    uid: "event.id",
    code: "event.action",
    origin: "event.provider",
    index: "event.sequence",
    time: "@timestamp",
    own: "placet.",
};

fn of_delimited(text: &str, format: Format) -> Result<Found, ReadError> {
    // Headers hold no escaped bars: the encoders see to that.
    let (bars, code_at) = if format == Format::Cef { (7, 4) } else { (6, 4) };
    let mut parts = text.splitn(bars + 1, '|');
    let code = parts.nth(code_at).ok_or(ReadError::Member("code"))?.to_owned();
    let pairs = parts.last().ok_or(ReadError::Format)?;
    let pairs = match format {
        Format::Cef => cef_pairs(pairs),
        _ => pairs.split('\t').filter_map(|p| p.split_once('=')).collect(),
    };
    let get = |key: &str| pairs.iter().find(|(k, _)| *k == key).map(|(_, v)| unescape(v));
    let need = |name: &'static str, key: &str| get(key).ok_or(ReadError::Member(name));
    let names = match format {
        Format::Cef => ["externalId", "deviceExternalId", "cn1", "rt"],
        _ => ["uid", "identHostName", "placetIndex", "devTime"],
    };
    let [uid, origin, index, time] = names;
    let time = need("time", time)?;
    let text_of = |name: &str| get(&own_key(name));
    let uint = |name: &str| get(&own_key(name)).and_then(|v| v.parse().ok());
    Ok(Found {
        format,
        profile: need("profile", "placetProfile")?,
        uid: need("uid", uid)?,
        role: role(&need("log", "placetLog")?)?,
        origin: need("origin", origin)?,
        index: get(index).and_then(|v| v.parse().ok()),
        time: match time.parse::<u64>() {
            Ok(milliseconds) => milliseconds / 1000,
            Err(_) => seconds(&time)?,
        },
        note: match code.as_str() {
            "export.checkpoint" if uint("reference_length").is_none() => Some(note(uint, text_of)?),
            _ => None,
        },
        rollback: match code.as_str() {
            "log.rollback" => Some(rollback(uint, text_of)?),
            _ => None,
        },
        reference: uint("reference_length"),
        code,
        text: text.to_owned(),
    })
}

/// Keys and values of a CEF extension: a key is the word before an unescaped `=`.
fn cef_pairs(text: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let (mut escaped, mut space) = (false, 0);
    // Where the pair began whose end is not found yet, and where its value begins.
    let mut open: Option<(&str, usize)> = None;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b' ' => space = at,
            b'=' => {
                let start = if space == 0 { 0 } else { space.saturating_add(1) };
                if let Some((key, from)) = open {
                    pairs.push((key, text.get(from..space).unwrap_or_default()));
                }
                open = text.get(start..at).map(|key| (key, at.saturating_add(1)));
            }
            _ => {}
        }
    }
    if let Some((key, from)) = open {
        pairs.push((key, text.get(from..).unwrap_or_default()));
    }
    pairs
}

/// Undoes what [`super::delimited`] does, as far as ids and base64 need it.
fn unescape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

fn walk<'j>(root: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('.').try_fold(root, |at, name| at.get(name))
}

fn seconds(text: &str) -> Result<u64, ReadError> {
    let time = UnixSeconds::parse_tolerant(text, Fraction::Refuse);
    time.map(|t| t.0).map_err(|_| ReadError::Member("time"))
}

fn role(name: &str) -> Result<LogRole, ReadError> {
    LogRole::from_name(name).ok_or(ReadError::Member("log"))
}

fn note(
    uint: impl Fn(&str) -> Option<u64>,
    text: impl Fn(&str) -> Option<String>,
) -> Result<FoundNote, ReadError> {
    let previous = match text("previous_note") {
        Some(hex) => {
            let hash = b64::decode_hex_array::<32>(&hex);
            Some(hash.map_err(|_| ReadError::Member("previous_note"))?)
        }
        None => None,
    };
    let note = text("note").ok_or(ReadError::Member("note"))?;
    Ok(FoundNote {
        sequence: uint("sequence").ok_or(ReadError::Member("sequence"))?,
        first: uint("first_leaf").ok_or(ReadError::Member("first_leaf"))?,
        previous,
        note: b64::decode_std(&note, MAX_NOTE).map_err(|_| ReadError::Member("note"))?,
    })
}

fn rollback(
    uint: impl Fn(&str) -> Option<u64>,
    text: impl Fn(&str) -> Option<String>,
) -> Result<FoundRollback, ReadError> {
    let root = |name: &'static str| match text(name) {
        Some(hex) => {
            b64::decode_hex_array::<32>(&hex).map(Some).map_err(|_| ReadError::Member(name))
        }
        None => Ok(None),
    };
    Ok(FoundRollback {
        exported_size: uint("exported_size").ok_or(ReadError::Member("exported_size"))?,
        exported_root: root("exported_root")?.ok_or(ReadError::Member("exported_root"))?,
        found_root: root("found_root")?,
    })
}

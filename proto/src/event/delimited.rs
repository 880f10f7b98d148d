//! CEF 0 and LEEF 2.0: a header between `|`, then keys and values.
//!
//! The headers hold constants of the table alone, since readers in the field get an escaped `|`
//! wrong. In values nothing is lost: what would end a value or a line is escaped.

use std::fmt::Write as _;

use super::Profile;
use super::facts::Event;
use super::table::{Class, Field, Status, TABLE};
use crate::b64;
use crate::time::UnixSeconds;

/// What fields without a key of their own begin with.
pub const PREFIX: &str = "placet";
/// Labels of CEF's numbered fields: a reader needs them to know what those hold.
const LABELS: &[(&str, &str)] = &[
    ("cs1", "agent"),
    ("cs2", "policyManifest"),
    ("cs3", "entry"),
    ("cs4", "request"),
    ("cs5", "actionDigest"),
    ("cs6", "logRoot"),
    ("cn1", "leafIndex"),
    ("cn2", "treeSize"),
];

/// A CEF line.
pub fn cef(event: &Event, profile: &Profile) -> String {
    let kind = event.kind;
    let mut out = format!(
        "CEF:0|Placet|Placet|{TABLE}|{}|{}|{}|",
        kind.code,
        kind.title,
        kind.severity.of_ten()
    );
    let mut pairs = Pairs { out: &mut out, separator: ' ', escape: escape_cef, used: Vec::new() };
    let time = event.time.saturating_mul(1000).to_string();
    pairs.put("rt", &time);
    pairs.put("externalId", &event.uid);
    pairs.put("deviceExternalId", &event.origin);
    pairs.put("cat", category(event));
    pairs.put("outcome", outcome(event));
    pairs.put("placetProfile", &profile.text());
    pairs.put("placetLog", event.role.name());
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        pairs.labelled("cn1", &index.to_string());
        pairs.labelled("cs3", &b64::encode_hex(entry));
    }
    for fact in &event.facts {
        pairs.fact(fact.field, fact.field.cef, &fact.value.text());
    }
    out
}

/// A LEEF line. Values are separated by tabs (`x09`).
pub fn leef(event: &Event, profile: &Profile) -> String {
    let kind = event.kind;
    let mut out = format!("LEEF:2.0|Placet|Placet|{TABLE}|{}|x09|", kind.code);
    let mut pairs = Pairs { out: &mut out, separator: '\t', escape: escape_leef, used: Vec::new() };
    pairs.put("devTime", &UnixSeconds(event.time).to_string());
    pairs.put("devTimeFormat", "yyyy-MM-dd'T'HH:mm:ss'Z'");
    pairs.put("cat", category(event));
    pairs.put("sev", &kind.severity.of_ten().to_string());
    pairs.put("identHostName", &event.origin);
    pairs.put("uid", &event.uid);
    pairs.put("outcome", outcome(event));
    pairs.put("placetProfile", &profile.text());
    pairs.put("placetLog", event.role.name());
    if let (Some(index), Some(entry)) = (event.index, &event.entry) {
        pairs.put("placetIndex", &index.to_string());
        pairs.put("placetEntry", &b64::encode_hex(entry));
    }
    for fact in &event.facts {
        pairs.fact(fact.field, fact.field.leef, &fact.value.text());
    }
    out
}

fn category(event: &Event) -> &'static str {
    match event.kind.class {
        Class::Entity => "approval",
        Class::Api => "action",
        Class::Log => "log",
        Class::Finding => "finding",
    }
}

fn outcome(event: &Event) -> &'static str {
    match event.kind.status {
        Status::Success => "success",
        Status::Failure => "failure",
        Status::Unknown => "unknown",
    }
}

struct Pairs<'o> {
    out: &'o mut String,
    separator: char,
    escape: fn(&str, &mut String),
    used: Vec<&'static str>,
}

impl Pairs<'_> {
    fn put(&mut self, key: &str, value: &str) {
        if !self.out.ends_with('|') {
            self.out.push(self.separator);
        }
        self.out.push_str(key);
        self.out.push('=');
        (self.escape)(value, self.out);
    }

    fn labelled(&mut self, key: &str, value: &str) {
        if let Some((_, label)) = LABELS.iter().find(|(k, _)| *k == key) {
            self.put(&format!("{key}Label"), label);
        }
        self.put(key, value);
    }

    /// Two fields of one event may share a key; the later one gets its own.
    fn fact(&mut self, field: &'static Field, key: &'static str, value: &str) {
        if key.is_empty() || self.used.contains(&key) {
            let own = own_key(field.name);
            return self.put(&own, value);
        }
        self.used.push(key);
        self.labelled(key, value);
    }
}

/// `placetActionDigest` for `action_digest`.
pub fn own_key(name: &str) -> String {
    let mut key = PREFIX.to_owned();
    for word in name.split('_') {
        let mut chars = word.chars();
        key.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        key.push_str(chars.as_str());
    }
    key
}

fn escape_cef(value: &str, out: &mut String) {
    escape(value, &['='], out);
}

fn escape_leef(value: &str, out: &mut String) {
    escape(value, &[], out);
}

/// Backslash, what the format says, and control characters, with a backslash.
fn escape(value: &str, also: &[char], out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if also.contains(&c) => {
                out.push('\\');
                out.push(c);
            }
            // Line and paragraph separators end a line for some readers.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

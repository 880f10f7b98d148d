//! `show`: decodes a file and prints it. Nothing is verified, and every group says so.

mod bundle;
mod cose;
mod note;
mod plain;

use std::fmt::Write as _;

use placet_proto::bundle::{MAGIC, MAX_BUNDLE};
use placet_proto::json::Json;
use placet_proto::{Error, jcs, json};

use crate::cli::Show;
use crate::error::{Failure, shown};
use crate::escape;
use crate::exit::Exit;
use crate::input;
use crate::output::Output;

/// Detects what the file is and prints it.
///
/// # Errors
/// What can't be read, with the code of the format that it seems to be.
pub fn run(args: &Show, output: &mut Output) -> Result<Exit, Failure> {
    let input = input::read(&args.file, MAX_BUNDLE)?;
    let mut page = Page::default();
    let decoded = decode(&mut page, &input.bytes);
    decoded.map_err(|e| Failure::proto(&args.file, &e))?;
    let path = shown(&args.file);
    let (len, sha256) = (input.bytes.len(), placet_proto::b64::encode_hex(input.sha256));
    output.result(&format!("{path}: {len} bytes, sha256 {sha256}\n{}", page.text))?;
    Ok(Exit::Passed)
}

fn decode(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    // A bundle begins with the heads of an array of three and of the magic text.
    if bytes.get(2..).is_some_and(|rest| rest.starts_with(MAGIC.as_bytes())) {
        return bundle::show(page, bytes);
    }
    match bytes.first() {
        // The tag of a COSE_Sign1.
        Some(0xd2) => cose::show(page, bytes),
        Some(b'{') => show_json(page, bytes),
        Some(b'c') if bytes.starts_with(b"c2sp.org/tlog-proof@") => note::show_proof(page, bytes),
        _ if looks_like_note(bytes) => note::show(page, "note", bytes),
        // Whatever else it is, the bundle's reader says best why it is none.
        _ => bundle::show(page, bytes),
    }
}

fn looks_like_note(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.contains("\n\n\u{2014} "))
}

fn show_json(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    let json = json::parse(bytes)?;
    let schema = json.get("schema").and_then(Json::as_str);
    if schema == Some(placet_proto::trust::SCHEMA) {
        return plain::show_trust(page, bytes);
    }
    if json.get("profile").is_some() && json.get("kind").is_some() {
        return plain::show_document(page, "document", bytes);
    }
    plain::show_action(page, &json)
}

/// The text that is printed, in groups.
#[derive(Debug, Default)]
struct Page {
    text: String,
}

impl Page {
    /// Begins a group.
    fn group(&mut self, title: &str) {
        let _ = writeln!(self.text, "\n{}  NOT VERIFIED", escape::line(title));
    }

    /// A value on a line of its own.
    fn field(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.text, "  {name:<20} {}", escape::line(value));
    }

    /// Bytes as hexadecimal.
    fn hex(&mut self, name: &str, bytes: &[u8]) {
        self.field(name, &placet_proto::b64::encode_hex(bytes));
    }

    /// JSON, indented.
    fn json(&mut self, name: &str, json: &Json) {
        let text = escape::json(&jcs::to_pretty(json));
        let _ = writeln!(self.text, "  {name}");
        for line in text.lines() {
            let _ = writeln!(self.text, "    {line}");
        }
    }
}

//! OpenTelemetry logs over HTTP in protobuf (OTLP 1): the few messages of it that are sent, written
//! by hand, since the format is fixed and the crate for it brings a tree of its own.
//!
//! A record's body is the event's line. `partial_success` is looked at: what a receiver rejects
//! behind a 200 is not acknowledged.

use placet_proto::event::Format;

use super::http::Poster;
use super::{Failure, Sink};
use crate::export::config::SinkConfig;
use crate::export::event::Event;

/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;
/// First byte of an answer that begins with `partial_success`.
const PARTIAL: u8 = 10;
/// Name of the service and of the scope.
const NAME: &str = "placet";

/// The sink.
pub struct Otlp {
    poster: Poster,
    url: String,
    format: Format,
}

impl Otlp {
    /// A sink by the settings. A URL without a path gets `/v1/logs`.
    ///
    /// # Errors
    /// `export.config`, `ledger.io`.
    pub fn new(config: &SinkConfig, format: Format) -> Result<Self, crate::Error> {
        let poster = Poster::new(config, "Bearer")?;
        let base = poster.base();
        let path = base.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
        let url = if path { base.to_owned() } else { format!("{base}/v1/logs") };
        Ok(Self { poster, url, format })
    }
}

impl Sink for Otlp {
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        let body = request(events, self.format);
        let headers = [("content-type".to_owned(), "application/x-protobuf".to_owned())];
        let answer = self.poster.post(&self.url, &headers, &body, MAX_ANSWER)?.taken()?;
        match rejected(&answer.body) {
            Some((0, _)) => Ok(()),
            Some((n, words)) => {
                let detail = format!("{n} of {} rejected: {words}", events.len());
                Err(Failure::Refused { detail, which: None })
            }
            // It took the call, and says of it more than is read, or what nobody can read: that may
            // be about events that it rejects for good, and trying again would never end.
            None if answer.body.first() == Some(&PARTIAL) => {
                let detail = "its partial_success can't be read to its end".to_owned();
                Err(Failure::Refused { detail, which: None })
            }
            None => Err(Failure::passing("its answer is no ExportLogsServiceResponse")),
        }
    }
}

/// `ExportLogsServiceRequest`.
fn request(events: &[Event], format: Format) -> Vec<u8> {
    let mut scope_logs = Vec::new();
    let mut scope = Vec::new();
    bytes(&mut scope, 1, NAME.as_bytes());
    bytes(&mut scope_logs, 1, &scope);
    for event in events {
        bytes(&mut scope_logs, 2, &record(event, format));
    }
    let mut resource = Vec::new();
    bytes(&mut resource, 1, &attribute("service.name", &text(NAME)));
    let mut resource_logs = Vec::new();
    bytes(&mut resource_logs, 1, &resource);
    bytes(&mut resource_logs, 2, &scope_logs);
    let mut out = Vec::new();
    bytes(&mut out, 1, &resource_logs);
    out
}

/// `LogRecord`. That it was observed when it happened keeps it the same whenever it is sent.
fn record(event: &Event, format: Format) -> Vec<u8> {
    let encoded = &event.encoded;
    let (severity, words) = (encoded.kind.severity, encoded.kind.severity.ocsf().1);
    let nanos = encoded.time_ms.saturating_mul(1_000_000);
    let mut out = Vec::new();
    fixed64(&mut out, 1, nanos);
    number(&mut out, 2, u64::from(severity.opentelemetry()));
    bytes(&mut out, 3, words.as_bytes());
    bytes(&mut out, 5, &text(&String::from_utf8_lossy(&encoded.line)));
    let mut attributes = vec![
        ("placet.event.uid", text(&encoded.uid)),
        ("placet.event.format", text(format.name())),
        ("placet.log.origin", text(&event.origin)),
        ("placet.log.role", text(event.role.name())),
    ];
    if let Some(leaf) = event.leaf {
        let mut value = Vec::new();
        number(&mut value, 3, leaf);
        attributes.push(("placet.log.leaf", value));
    }
    for (key, value) in attributes {
        bytes(&mut out, 6, &attribute(key, &value));
    }
    fixed64(&mut out, 11, nanos);
    bytes(&mut out, 12, format!("placet.{}", encoded.kind.code).as_bytes());
    out
}

/// `KeyValue`.
fn attribute(key: &str, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, key.as_bytes());
    bytes(&mut out, 2, value);
    out
}

/// `AnyValue` of a text.
fn text(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    bytes(&mut out, 1, text.as_bytes());
    out
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn number(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3);
    varint(out, value);
}

fn fixed64(out: &mut Vec<u8>, field: u64, value: u64) {
    varint(out, field << 3 | 1);
    out.extend_from_slice(&value.to_le_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while let [low, ..] = value.to_le_bytes()
        && value >= 0x80
    {
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

/// Of an `ExportLogsServiceResponse`: how many records were rejected, and why. None for other
/// bytes.
fn rejected(message: &[u8]) -> Option<(u64, String)> {
    if message.trim_ascii() == b"{}" {
        // The empty answer in JSON, of receivers that know no other.
        return Some((0, String::new()));
    }
    let mut found = (0, String::new());
    for (field, value) in fields(message)? {
        if let (1, Field::Bytes(partial)) = (field, value) {
            for field in fields(partial)? {
                match field {
                    (1, Field::Number(n)) => found.0 = n,
                    (2, Field::Bytes(words)) => {
                        found.1 = String::from_utf8_lossy(words).chars().take(300).collect();
                    }
                    _ => {}
                }
            }
        }
    }
    Some(found)
}

#[derive(Debug, PartialEq, Eq)]
enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message; none where it is none.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let key = take_varint(&mut rest)?;
        let value = match key & 7 {
            0 => Field::Number(take_varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Field::Other)?,
            2 => {
                let length = take_varint(&mut rest)?;
                Field::Bytes(take(&mut rest, usize::try_from(length).ok()?)?)
            }
            5 => take(&mut rest, 4).map(|_| Field::Other)?,
            _ => return None,
        };
        found.push((key >> 3, value));
    }
    Some(found)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte, ..] = take(rest, 1)? else { return None };
        let part = u64::from(byte & 0x7f);
        if shift == 63 && part > 1 {
            return None;
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Config;
    use crate::export::sink::http::tests::server;
    use crate::export::worker::tests::event;

    #[test]
    fn records_are_protobuf_and_what_is_rejected_is_not_acknowledged() {
        // partial_success { rejected_log_records: 1, error_message: "no" }
        let partial = [10_u8, 6, 8, 1, 18, 2, b'n', b'o'];
        let (url, seen) = server(move |n, _| match n {
            0 => (200, Vec::new()),
            1 => (200, partial.to_vec()),
            // A warning: nothing was rejected.
            2 => (200, vec![10, 4, 18, 2, b'h', b'm']),
            3 => (200, b"{}".to_vec()),
            // Words that are longer than what is read of an answer.
            4 => (200, [&[10, 0x80, 0x80, 8, 8, 1, 18][..], &[b'x'; 1 << 17]].concat()),
            _ => (200, b"<html>".to_vec()),
        });
        let toml = format!(
            "[[sink]]\nname = \"o\"\nkind = \"otlp\"\nformat = \"json\"\nurl = \"{url}\"\n"
        );
        let config = Config::parse(&toml, std::path::Path::new("/")).unwrap().sinks.remove(0);
        let mut sink = Otlp::new(&config, Format::Json).unwrap();
        let events = [event("{\"a\":1}"), event("{\"b\":2}")];
        sink.deliver(&events).unwrap();
        let request = seen.recv().unwrap();
        assert_eq!(request.target, "/v1/logs");
        let inner = |message: &[u8], wanted: u64| -> Vec<Vec<u8>> {
            let fields = fields(message).unwrap().into_iter();
            let bytes = fields.filter_map(|(field, value)| match value {
                Field::Bytes(bytes) if field == wanted => Some(bytes.to_vec()),
                _ => None,
            });
            bytes.collect()
        };
        let logs = inner(&inner(&request.body, 1)[0], 2);
        let records = inner(&logs[0], 2);
        assert_eq!(records.len(), 2);
        assert_eq!(inner(&inner(&records[1], 5)[0], 1), [b"{\"b\":2}"]);
        assert_eq!(inner(&records[0], 6).len(), 5);
        assert!(matches!(sink.deliver(&events), Err(Failure::Refused { which: None, .. })));
        sink.deliver(&events).unwrap();
        sink.deliver(&events).unwrap();
        assert!(matches!(sink.deliver(&events), Err(Failure::Refused { which: None, .. })));
        assert!(matches!(sink.deliver(&events), Err(Failure::Passing { .. })));
    }

    #[test]
    fn numbers_are_written_as_they_are_read() {
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut out = Vec::new();
            varint(&mut out, n);
            assert_eq!(take_varint(&mut &out[..]), Some(n));
        }
        assert_eq!(take_varint(&mut &[0xff; 11][..]), None);
        assert_eq!(fields(&[10, 200]), None);
    }
}

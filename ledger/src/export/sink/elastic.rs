//! The bulk interface of Elasticsearch, and of what speaks it. An event's id is its document's, so
//! that one that comes again is one that is there.

use placet_proto::event::Format;
use serde::Deserialize;
use serde_json::json;

use super::http::Poster;
use super::{Failure, Sink};
use crate::export::config::{SinkConfig, bad};
use crate::export::event::Event;

/// Most bytes of an answer that are read: some hundreds for each event of the largest batch.
const MAX_ANSWER: usize = 16 << 20;

/// The sink.
pub struct Elastic {
    poster: Poster,
    index: String,
}

/// Each event's own status counts, and not the word `errors`: that much a proxy can say too.
#[derive(Deserialize)]
struct Bulk {
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    create: Done,
}

#[derive(Deserialize)]
struct Done {
    status: u16,
    error: Option<Why>,
}

#[derive(Deserialize)]
struct Why {
    #[serde(rename = "type")]
    kind: Option<String>,
    reason: Option<String>,
}

impl Elastic {
    /// A sink by the settings.
    ///
    /// # Errors
    /// `export.config` also for a format that is no JSON; `ledger.io`.
    pub fn new(config: &SinkConfig, format: Format) -> Result<Self, crate::Error> {
        if !format.is_json() {
            let what = format!("sink `{}`: documents are JSON, not {}", config.name, format.name());
            return Err(bad(what).into());
        }
        let index = config.index.clone().unwrap_or_default();
        Ok(Self { poster: Poster::new(config, "ApiKey")?, index })
    }
}

impl Sink for Elastic {
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        let mut body = Vec::new();
        for event in events {
            let action = json!({"create": {"_index": self.index, "_id": event.encoded.uid}});
            body.extend_from_slice(action.to_string().as_bytes());
            body.push(b'\n');
            body.extend_from_slice(&event.encoded.line);
            body.push(b'\n');
        }
        let headers = [("content-type".to_owned(), "application/x-ndjson".to_owned())];
        let filter = "filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";
        let url = format!("{}/_bulk?{filter}", self.poster.base());
        let answer = self.poster.post(&url, &headers, &body, MAX_ANSWER)?.taken()?;
        let bulk: Result<Bulk, _> = serde_json::from_slice(&answer.body);
        let bulk = bulk.map_err(|e| Failure::passing(format!("its answer is none: {e}")))?;
        judge(&bulk, events.len())
    }
}

fn judge(bulk: &Bulk, sent: usize) -> Result<(), Failure> {
    if bulk.items.len() != sent {
        return Err(Failure::passing("its answer is about another number of events"));
    }
    let (mut refused, mut why) = (Vec::new(), None);
    for (n, item) in bulk.items.iter().enumerate() {
        let Done { status, error } = &item.create;
        let words = || {
            let error = error.as_ref();
            let kind = error.and_then(|e| e.kind.clone()).unwrap_or_default();
            let reason = error.and_then(|e| e.reason.clone()).unwrap_or_default();
            format!("status {status}: {kind}: {reason}")
        };
        match status {
            // 409: it is there already.
            200..=299 | 409 => {}
            429 | 500..=599 => return Err(Failure::passing(words())),
            401 | 403 | 404 => return Err(Failure::Denied { detail: words() }),
            _ => {
                refused.push(n);
                why.get_or_insert_with(words);
            }
        }
    }
    match why {
        Some(detail) => Err(Failure::Refused { detail, which: Some(refused) }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Config;
    use crate::export::sink::http::tests::server;
    use crate::export::worker::tests::event;

    #[test]
    fn each_event_is_judged_by_itself() {
        let answers: [&'static [u8]; 6] = [
            br#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#,
            br#"{"errors":true,"items":[{"create":{"status":409}},{"create":{"status":201}}]}"#,
            br#"{"errors":true,"items":[{"create":{"status":201}},
                {"create":{"status":400,"error":{"type":"mapper","reason":"no"}}}]}"#,
            br#"{"errors":true,"items":[{"create":{"status":400}},{"create":{"status":429}}]}"#,
            br#"{"errors":true,"items":[]}"#,
            br#"{"errors":false}"#,
        ];
        let (url, seen) = server(move |n, _| (200, answers[n].to_vec()));
        let toml = format!(
            "[[sink]]\nname = \"e\"\nkind = \"elastic\"\nformat = \"ecs\"\nurl = \
             \"{url}\"\nindex = \"logs-placet\"\n"
        );
        let config = Config::parse(&toml, std::path::Path::new("/")).unwrap().sinks.remove(0);
        assert!(Elastic::new(&config, Format::Cef).is_err());
        let mut sink = Elastic::new(&config, Format::Ecs).unwrap();
        let events = [event("{\"a\":1}"), event("{\"b\":2}")];
        sink.deliver(&events).unwrap();
        let body = String::from_utf8(seen.recv().unwrap().body).unwrap();
        let uid = &events[0].encoded.uid;
        let create = format!("{{\"create\":{{\"_index\":\"logs-placet\",\"_id\":\"{uid}\"}}}}");
        assert_eq!(body.lines().next(), Some(create.as_str()));
        assert_eq!(body.lines().nth(1), Some("{\"a\":1}"));
        sink.deliver(&events).unwrap();
        let Err(Failure::Refused { which, detail }) = sink.deliver(&events) else { panic!() };
        assert_eq!((which, detail.as_str()), (Some(vec![1]), "status 400: mapper: no"));
        for _ in 0..3 {
            assert!(matches!(sink.deliver(&events), Err(Failure::Passing { .. })));
        }
    }
}

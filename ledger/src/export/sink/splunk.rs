//! Splunk's HTTP event collector, with acknowledgements by the indexer, and without.
//!
//! That a post was answered with 200 means only that it was received. With `acknowledge` a batch
//! counts when the indexer says so; one that it does not acknowledge in time is sent again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use placet_proto::event::Format;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::http::{Answer, Poster};
use super::{Failure, Sink};
use crate::export::config::SinkConfig;
use crate::export::event::Event;

/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;
/// Wait before the first question whether a batch was indexed, and between later ones at most.
const ASK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// Seconds in which a batch is acknowledged, where the settings say nothing.
const ACKNOWLEDGE_S: u64 = 60;

/// The sink.
pub struct Splunk {
    poster: Poster,
    channel: String,
    acknowledge: Option<Duration>,
    json: bool,
    index: Option<String>,
    source: String,
    sourcetype: String,
}

/// What it says of a post. Answers are a stranger's: they are read into what is looked for and into
/// nothing that nests, since `Value` has no limit of depth where `serde_json` keeps raw values.
#[derive(Default, Deserialize)]
struct Posted {
    code: Option<u64>,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
}

/// What it says of batches.
#[derive(Default, Deserialize)]
struct Indexed {
    acks: BTreeMap<String, bool>,
}

impl Splunk {
    /// A sink by the settings.
    ///
    /// # Errors
    /// `export.config`, `ledger.io`.
    pub fn new(config: &SinkConfig, format: Format) -> Result<Self, crate::Error> {
        let seconds = config.acknowledge_s.unwrap_or(ACKNOWLEDGE_S).clamp(1, 3600);
        let sourcetype = format!("placet:{}", format.name());
        Ok(Self {
            poster: Poster::new(config, "Splunk")?,
            channel: uuid::Uuid::new_v4().to_string(),
            acknowledge: config.acknowledge.unwrap_or(true).then(|| Duration::from_secs(seconds)),
            json: format.is_json(),
            index: config.index.clone(),
            source: config.source.clone().unwrap_or_else(|| "placet".to_owned()),
            sourcetype: config.sourcetype.clone().unwrap_or(sourcetype),
        })
    }

    fn body(&self, events: &[Event]) -> Vec<u8> {
        let mut body = Vec::new();
        for event in events {
            let mut head = Map::new();
            let ms = event.encoded.time_ms;
            let time = format!("{}.{:03}", ms / 1000, ms % 1000);
            head.insert("time".to_owned(), Value::String(time));
            head.insert("host".to_owned(), Value::String(event.origin.to_string()));
            head.insert("source".to_owned(), Value::String(self.source.clone()));
            head.insert("sourcetype".to_owned(), Value::String(self.sourcetype.clone()));
            if let Some(index) = &self.index {
                head.insert("index".to_owned(), Value::String(index.clone()));
            }
            let mut fields = json!({"uid": event.encoded.uid, "log": event.role.name()});
            if let (Some(leaf), Some(fields)) = (event.leaf, fields.as_object_mut()) {
                fields.insert("leaf".to_owned(), Value::String(leaf.to_string()));
            }
            head.insert("fields".to_owned(), fields);
            let head = Value::Object(head).to_string();
            // The event stands last, byte for byte as it was encoded where it is JSON.
            body.extend_from_slice(head.strip_suffix('}').unwrap_or(&head).as_bytes());
            body.extend_from_slice(b",\"event\":");
            if self.json {
                body.extend_from_slice(&event.encoded.line);
            } else {
                let text = String::from_utf8_lossy(&event.encoded.line).into_owned();
                body.extend_from_slice(Value::String(text).to_string().as_bytes());
            }
            body.extend_from_slice(b"}\n");
        }
        body
    }

    fn post(&self, path: &str, body: &[u8]) -> Result<Answer, Failure> {
        let headers = [
            ("content-type".to_owned(), "application/json".to_owned()),
            ("x-splunk-request-channel".to_owned(), self.channel.clone()),
        ];
        let base = self.poster.base();
        let base = base.strip_suffix("/services/collector/event").unwrap_or(base);
        let url = format!("{base}/services/collector/{path}");
        self.poster.post(&url, &headers, body, MAX_ANSWER)
    }

    /// Asks until the batch is indexed, or time is over.
    fn await_indexed(&self, ack: u64, time: Duration) -> Result<(), Failure> {
        let began = Instant::now();
        let (mut wait, longest) = ASK;
        loop {
            std::thread::sleep(wait);
            wait = wait.saturating_mul(2).min(longest);
            let asked = json!({"acks": [ack]}).to_string();
            let answer = self.post("ack", asked.as_bytes())?;
            if answer.status == 400 {
                // The indexer does not know the channel any more: it was started anew.
                return Err(Failure::passing(format!("it forgot the batch: {}", answer.words())));
            }
            let answer = answer.taken().map_err(|failure| match failure {
                // The question was refused and not the events, which it took.
                Failure::Refused { detail, .. } => Failure::passing(detail),
                other => other,
            })?;
            let found: Indexed = read(&answer);
            if found.acks.get(&ack.to_string()) == Some(&true) {
                return Ok(());
            }
            if began.elapsed() >= time {
                let detail = format!("it did not acknowledge in {} s", time.as_secs());
                return Err(Failure::passing(detail));
            }
        }
    }
}

impl Sink for Splunk {
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        let answer = self.post("event", &self.body(events))?;
        let found: Posted = read(&answer);
        if answer.status == 400 && matches!(found.code, Some(7 | 10 | 11)) {
            // The index or the channel, not the events.
            return Err(Failure::Denied { detail: format!("HTTP 400: {}", answer.words()) });
        }
        let answer = answer.taken()?;
        let Some(time) = self.acknowledge else { return Ok(()) };
        let Some(ack) = found.ack else {
            let detail = format!(
                "it gives no ackId: let the token acknowledge, or set `acknowledge = false`: {}",
                answer.words()
            );
            return Err(Failure::Denied { detail });
        };
        self.await_indexed(ack, time)
    }
}

/// What it says; nothing where it says something else.
fn read<T: Default + DeserializeOwned>(answer: &Answer) -> T {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::Config;
    use crate::export::config::secret_text;
    use crate::export::sink::http::tests::server;
    use crate::export::worker::tests::event;

    fn sink(url: &str, more: &str) -> Splunk {
        use std::os::unix::fs::PermissionsExt as _;
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("t");
        std::fs::write(&path, "tok").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(secret_text(&path).unwrap(), "tok");
        let toml = format!(
            "[[sink]]\nname = \"h\"\nkind = \"splunk_hec\"\nformat = \"ocsf\"\nurl = \
             \"{url}\"\ntoken_file = \"t\"\nindex = \"main\"\n{more}"
        );
        let config = Config::parse(&toml, tmp.path()).unwrap().sinks.remove(0);
        Splunk::new(&config, Format::Ocsf).unwrap()
    }

    #[test]
    fn a_batch_counts_when_the_indexer_says_so() {
        let (url, seen) = server(|n, _| match n {
            0 => (200, br#"{"text":"Success","code":0,"ackId":5}"#.to_vec()),
            1 => (200, br#"{"acks":{"5":false}}"#.to_vec()),
            _ => (200, br#"{"acks":{"5":true}}"#.to_vec()),
        });
        sink(&url, "").deliver(&[event("{\"a\":1}"), event("{\"b\":2}")]).unwrap();
        let request = seen.recv().unwrap();
        assert_eq!(request.target, "/services/collector/event");
        assert!(request.head.to_lowercase().contains("authorization: splunk tok"));
        let body = String::from_utf8(request.body).unwrap();
        assert_eq!(body.lines().count(), 2);
        let first: Value = serde_json::from_str(body.lines().next().unwrap()).unwrap();
        assert_eq!((&first["event"]["a"], &first["index"]), (&json!(1), &json!("main")));
        assert_eq!(
            (&first["fields"]["leaf"], &first["time"]),
            (&json!("3"), &json!("1700000000.000"))
        );
        let asked = seen.recv().unwrap();
        assert_eq!(
            (asked.target.as_str(), &asked.body[..]),
            ("/services/collector/ack", &b"{\"acks\":[5]}"[..])
        );
        seen.recv().unwrap();
    }

    #[test]
    fn what_is_not_acknowledged_comes_again_and_what_is_wrong_is_told() {
        let (url, _seen) = server(|_, request| match request.target.ends_with("ack") {
            true => (200, br#"{"acks":{"0":false}}"#.to_vec()),
            false => (200, br#"{"code":0,"ackId":0}"#.to_vec()),
        });
        let late = sink(&url, "acknowledge_s = 1\n").deliver(&[event("{}")]);
        assert!(matches!(late, Err(Failure::Passing { .. })));
        let (url, _seen) = server(|n, _| match n {
            0 => (200, br#"{"code":0}"#.to_vec()),
            1 => (400, br#"{"text":"Incorrect index","code":7}"#.to_vec()),
            2 => (400, br#"{"text":"Invalid data format","code":6}"#.to_vec()),
            _ => (503, br#"{"text":"Server is busy","code":9}"#.to_vec()),
        });
        let mut splunk = sink(&url, "");
        let mut next = || splunk.deliver(&[event("{}")]).unwrap_err();
        assert!(matches!(next(), Failure::Denied { .. }));
        assert!(matches!(next(), Failure::Denied { .. }));
        assert!(matches!(next(), Failure::Refused { which: None, .. }));
        assert!(matches!(next(), Failure::Passing { .. }));
        let (url, _seen) = server(|_, _| (200, br#"{"code":0}"#.to_vec()));
        sink(&url, "acknowledge = false\n").deliver(&[event("{}")]).unwrap();
    }

    /// Arrays that hold one member that makes a reader of any value begin anew on its text, with a
    /// new limit of depth, `levels` times.
    fn restarted(levels: usize, arrays: usize) -> String {
        let quote = |level: usize| match level {
            0 => "\"".to_owned(),
            _ => format!("\\{}u0022", "u005c".repeat(level - 1)),
        };
        let (mut text, mut end) = (String::new(), String::new());
        for quote in (0..levels).map(quote) {
            text += &"[".repeat(arrays);
            text += &format!("{{{quote}$serde_json::private::RawValue{quote}:{quote}");
            end = format!("{quote}}}{}{end}", "]".repeat(arrays));
        }
        format!("{text}1{end}")
    }

    #[test]
    fn an_answer_that_nests_without_end_is_none_and_a_refused_question_refuses_no_event() {
        let text = restarted(66, 120);
        assert!(text.len() < MAX_ANSWER);
        let deep = "[".repeat(30_000) + &"]".repeat(30_000);
        for body in [text, format!("{{\"code\":0,\"x\":{deep}}}"), deep] {
            let (url, _seen) = server(move |_, _| (200, body.clone().into_bytes()));
            let failed = sink(&url, "").deliver(&[event("{}")]).unwrap_err();
            assert!(matches!(failed, Failure::Denied { .. }), "{failed}");
        }
        for status in [413, 422] {
            let (url, _seen) = server(move |_, request| match request.target.ends_with("ack") {
                true => (status, Vec::new()),
                false => (200, br#"{"code":0,"ackId":0}"#.to_vec()),
            });
            let failed = sink(&url, "").deliver(&[event("{}")]).unwrap_err();
            assert!(matches!(failed, Failure::Passing { .. }), "{failed}");
        }
    }
}

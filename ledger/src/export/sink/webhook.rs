//! HTTPS POST of JSON lines, or of CloudEvents as a batch (CloudEvents HTTP binding 3.3).
//!
//! With a key each post is signed as the service's own webhooks are (docs/notifications.md). Its id
//! is made of its content, so that one that comes again can be told.

use placet_proto::event::Format;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, sha256};

use super::http::Poster;
use super::{Failure, Sink};
use crate::export::config::SinkConfig;
use crate::export::event::Event;
use crate::export::status::unix_now;
use crate::outbound::client::Method;
use crate::outbound::sign::{self, Signed};
use crate::service::keys::PrivateKey;

/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 64 * 1024;

/// The sink.
pub struct Webhook {
    poster: Poster,
    key: Option<PrivateKey>,
    format: Format,
}

impl Webhook {
    /// A sink by the settings.
    ///
    /// # Errors
    /// `export.config`, `key.file`, `ledger.io`.
    pub fn new(config: &SinkConfig, format: Format) -> Result<Self, crate::Error> {
        let key = config.sign_key_file.as_deref().map(PrivateKey::load).transpose()?;
        Ok(Self { poster: Poster::new(config, "Bearer")?, key, format })
    }
}

impl Sink for Webhook {
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        let batch = self.format == Format::CloudEvents;
        let (open, between, close): (&[u8], &[u8], &[u8]) = match batch {
            true => (b"[", b",\n", b"]"),
            false => (b"", b"\n", b"\n"),
        };
        let lines: Vec<&[u8]> = events.iter().map(|e| e.encoded.line.as_slice()).collect();
        let body = [open, &lines.join(between), close].concat();
        let content_type = match (batch, self.format.is_json()) {
            (true, _) => "application/cloudevents-batch+json",
            (false, true) => "application/x-ndjson",
            (false, false) => "text/plain; charset=utf-8",
        };
        let mut headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let url = self.poster.base();
        if let Some(key) = &self.key {
            let mut id = b64::encode_hex(sha256(&body));
            id.truncate(32);
            let signed = Signed {
                method: Method::Post,
                url,
                content_type,
                body: &body,
                message: &format!("batch_{id}"),
                at: UnixSeconds(unix_now()),
            };
            let fields = sign::fields(key, &signed);
            let fields = fields.map_err(|e| Failure::Denied { detail: e.to_string() })?;
            headers.extend(fields);
        }
        self.poster.post(url, &headers, &body, MAX_ANSWER)?.taken().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;
    use crate::export::Config;
    use crate::export::sink::http::tests::server;
    use crate::export::worker::tests::event;

    #[test]
    fn lines_and_batches_are_posted_signed_and_failures_are_told_apart() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let seed = "9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5";
        dir.write_key("k", format!("placet-key-v1 ed25519 {seed}\n").as_bytes()).unwrap();
        dir.write_key("token", b"t0ken\n").unwrap();
        let (url, seen) = server(|n, _| ([200, 503, 400, 401][n], b"words".to_vec()));
        let toml = format!(
            "[[sink]]\nname = \"w\"\nkind = \"webhook\"\nformat = \"json\"\nurl = \
             \"{url}/in\"\nsign_key_file = \"k\"\ntoken_file = \"token\"\n"
        );
        let config = Config::parse(&toml, &dir.keys()).unwrap().sinks.remove(0);
        let mut hook = Webhook::new(&config, Format::Json).unwrap();
        let events = [event("{\"a\":1}"), event("{\"b\":2}")];
        hook.deliver(&events).unwrap();
        let request = seen.recv().unwrap();
        assert_eq!(
            (request.target.as_str(), &request.body[..]),
            ("/in", &b"{\"a\":1}\n{\"b\":2}\n"[..])
        );
        let head = request.head.to_lowercase();
        for field in ["authorization: bearer t0ken", "webhook-id: batch_", "signature: placet="] {
            assert!(head.contains(field), "{head}");
        }
        assert!(matches!(
            hook.deliver(&events),
            Err(Failure::Passing { retry_after: Some(7), .. })
        ));
        hook.format = Format::CloudEvents;
        assert!(matches!(hook.deliver(&events), Err(Failure::Refused { which: None, .. })));
        seen.recv().unwrap();
        assert_eq!(seen.recv().unwrap().body, b"[{\"a\":1},\n{\"b\":2}]");
        assert!(matches!(hook.deliver(&events), Err(Failure::Denied { .. })));
    }
}

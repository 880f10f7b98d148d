//! Objects of an S3-compatible store, one for each batch and log.
//!
//! An object is named by the first leaf that it holds, and a batch that is sent again begins with
//! the same leaf: it takes the place of the object of before, and holds at least as much. So a
//! store that was asked twice holds each event once. Nothing is ever listed, read or deleted: the
//! key may be one that can put objects and do nothing else.

use std::time::Duration;

use placet_proto::kind::LogRole;
use rusty_s3::{Bucket, Credentials, S3Action as _, UrlStyle};

use super::http::Poster;
use super::{Failure, Sink, parquet};
use crate::export::config::{Objects, SinkConfig, bad, secret_text};
use crate::export::event::Event;

/// How long a signed address counts: it is used at once.
const SIGNED_FOR: Duration = Duration::from_secs(300);
/// Where the settings name no region; stores that have none take any.
const REGION: &str = "us-east-1";
/// Longest prefix, in bytes; a name of an object has at most 1024.
const MAX_PREFIX: usize = 512;
/// Most bytes of an answer that are read.
const MAX_ANSWER: usize = 16 * 1024;

/// The sink.
pub struct S3 {
    poster: Poster,
    bucket: Bucket,
    credentials: Credentials,
    prefix: String,
    objects: Objects,
}

impl S3 {
    /// A sink by the settings.
    ///
    /// # Errors
    /// `export.config`, `ledger.io`.
    pub fn new(config: &SinkConfig) -> Result<Self, crate::Error> {
        let say = |what: &str| crate::Error::from(bad(format!("sink `{}`: {what}", config.name)));
        let poster = Poster::new(config, "")?;
        let url = poster.base().parse().map_err(|_| say("`url` is no URL"))?;
        let region = config.region.clone().unwrap_or_else(|| REGION.to_owned());
        let name = config.bucket.clone().unwrap_or_default();
        let bucket = Bucket::new(url, UrlStyle::Path, name, region)
            .map_err(|_| say("`url` and `bucket` make no address"))?;
        let secret = config.secret_key_file.as_deref().map(secret_text).transpose()?;
        let access = config.access_key.clone().unwrap_or_default();
        let credentials = Credentials::new(access, secret.unwrap_or_default());
        let prefix = config.prefix.clone().unwrap_or_default();
        if prefix.len() > MAX_PREFIX || prefix.starts_with('/') {
            return Err(say("`prefix` is up to 512 bytes and does not begin with /"));
        }
        let objects = config.objects.unwrap_or_default();
        Ok(Self { poster, bucket, credentials, prefix, objects })
    }

    fn put(&self, role: LogRole, events: &[&Event]) -> Result<(), Failure> {
        let (extension, content) = match self.objects {
            Objects::Lines => ("jsonl", "application/x-ndjson"),
            Objects::Parquet => ("parquet", "application/vnd.apache.parquet"),
        };
        let body = match self.objects {
            Objects::Lines => lines(events),
            Objects::Parquet => parquet::file(events),
        };
        let name = format!("{}{}/{}.{extension}", self.prefix, role.name(), stem(events));
        let mut action = self.bucket.put_object(Some(&self.credentials), &name);
        // What is signed can't be changed on the way.
        action.headers_mut().insert("content-type", content);
        let signed = action.sign(SIGNED_FOR);
        let headers = [("content-type".to_owned(), content.to_owned())];
        self.poster.put(signed.as_str(), &headers, &body, MAX_ANSWER)?.taken().map(drop)
    }
}

impl Sink for S3 {
    fn deliver(&mut self, events: &[Event]) -> Result<(), Failure> {
        for role in [LogRole::Gov, LogRole::Main] {
            let of_log: Vec<&Event> = events.iter().filter(|event| event.role == role).collect();
            if !of_log.is_empty() {
                self.put(role, &of_log)?;
            }
        }
        Ok(())
    }
}

/// The first leaf, in digits that sort as numbers do; of checkpoints alone, the id of the first.
fn stem(events: &[&Event]) -> String {
    let first = events.iter().find_map(|event| event.leaf);
    let note = || events.first().map(|event| event.encoded.uid.clone()).unwrap_or_default();
    first.map_or_else(|| format!("note-{}", note()), |leaf| format!("{leaf:020}"))
}

fn lines(events: &[&Event]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in events {
        out.extend_from_slice(&event.encoded.line);
        out.push(b'\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;
    use crate::export::Config;
    use crate::export::sink::http::tests::server;
    use crate::export::worker::tests::event;

    fn sink(url: &str, folder: &Path, more: &str) -> S3 {
        let secret = folder.join("secret");
        std::fs::write(&secret, "not a secret\n").unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        let toml = format!(
            "[[sink]]\nname = \"s\"\nkind = \"s3\"\nformat = \"json\"\nurl = \"{url}\"\nbucket = \
             \"logs\"\naccess_key = \"AKEXAMPLE\"\nsecret_key_file = \"secret\"\n{more}"
        );
        S3::new(&Config::parse(&toml, folder).unwrap().sinks[0]).unwrap()
    }

    fn at(leaf: Option<u64>, line: &str) -> Event {
        Event { leaf, ..event(line) }
    }

    #[test]
    fn a_batch_that_is_sent_again_takes_the_place_of_the_one_before() {
        let tmp = tempfile::tempdir().unwrap();
        let (url, seen) = server(|n, _| (if n == 0 { 503 } else { 200 }, Vec::new()));
        let mut sink = sink(&url, tmp.path(), "prefix = \"placet/\"\n");
        let batch = [at(None, "{\"n\":0}"), at(Some(7), "{\"n\":7}"), at(Some(8), "{\"n\":8}")];
        let failed = sink.deliver(&batch[..2]).unwrap_err();
        assert!(matches!(&failed, Failure::Passing { .. }), "{failed}");
        sink.deliver(&batch).unwrap();
        sink.deliver(&batch[..1]).unwrap();
        let seen: Vec<_> = seen.try_iter().collect();
        let name = "/logs/placet/main/00000000000000000007.jsonl?";
        assert!(seen[0].head.starts_with("PUT ") && seen[0].target.starts_with(name));
        assert!(seen[1].target.starts_with(name), "{}", seen[1].target);
        assert_eq!(seen[1].body, b"{\"n\":0}\n{\"n\":7}\n{\"n\":8}\n");
        assert!(seen[2].target.contains("/main/note-"), "{}", seen[2].target);
        for call in &seen {
            assert!(
                call.target.contains("X-Amz-Signature=") && !call.head.contains("not a secret")
            );
        }
    }

    #[test]
    fn no_error_tells_a_signature() {
        let tmp = tempfile::tempdir().unwrap();
        let mut sink = sink("http://127.0.0.1:9", tmp.path(), "objects = \"parquet\"\n");
        let failed = sink.deliver(&[at(Some(0), "{}")]).unwrap_err().to_string();
        assert!(failed.contains("/logs/main/") && !failed.contains("Signature"), "{failed}");
    }
}

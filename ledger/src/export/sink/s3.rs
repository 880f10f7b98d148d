//! Objects of an S3-compatible store, one for each batch and log.
//!
//! An object is named by its log, the first leaf that it holds, and the hash of what it is. So the
//! same batch that is sent again takes its own place, and nothing else ever takes the place of
//! anything: not another ledger's events, nor those of a log that was rolled back, nor a batch that
//! begins alike and ends elsewhere. The price is that an event may stand in two objects. Nothing is
//! ever listed, read or deleted: the key may be one that can put objects and do nothing else.

use std::time::Duration;

use placet_proto::kind::LogRole;
use placet_proto::{b64, sha256};
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
/// Digits of an object's hash in its name.
const HASH_DIGITS: usize = 32;

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
        let mut hash = b64::encode_hex(sha256(&body));
        hash.truncate(HASH_DIGITS);
        let stem = format!("{}-{hash}.{extension}", stem(events));
        let name = format!("{}{}/{}/{stem}", self.prefix, ledger(events), role.name());
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

/// The ledger's name, which is that of its main log.
fn ledger<'a>(events: &[&'a Event]) -> &'a str {
    let Some(event) = events.first() else { return "" };
    match event.role {
        LogRole::Gov => event.origin.strip_suffix("/gov").unwrap_or(&event.origin),
        LogRole::Main => &event.origin,
    }
}

/// The first leaf, in digits that sort as numbers do; of checkpoints alone, that word.
fn stem(events: &[&Event]) -> String {
    let first = events.iter().find_map(|event| event.leaf);
    first.map_or_else(|| "note".to_owned(), |leaf| format!("{leaf:020}"))
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
    fn the_same_batch_takes_its_own_place_and_nothing_takes_anothers() {
        let tmp = tempfile::tempdir().unwrap();
        let (url, seen) = server(|n, _| (if n == 0 { 503 } else { 200 }, Vec::new()));
        let mut sink = sink(&url, tmp.path(), "prefix = \"placet/\"\n");
        let batch = [at(None, "{\"n\":0}"), at(Some(7), "{\"n\":7}"), at(Some(8), "{\"n\":8}")];
        let failed = sink.deliver(&batch).unwrap_err();
        assert!(matches!(&failed, Failure::Passing { .. }), "{failed}");
        sink.deliver(&batch).unwrap();
        sink.deliver(&batch[..2]).unwrap();
        // Another history has another event at that leaf, another ledger another name.
        sink.deliver(&[batch[0].clone(), at(Some(7), "{\"n\":\"other\"}")]).unwrap();
        let other = |event: &Event| Event { origin: "other.example/log".into(), ..event.clone() };
        sink.deliver(&batch.each_ref().map(other)).unwrap();
        let gov =
            Event { role: LogRole::Gov, origin: "example.com/log/gov".into(), ..at(None, "") };
        sink.deliver(&[gov, batch[0].clone()]).unwrap();
        let seen: Vec<_> = seen.iter().take(7).collect();
        let names: Vec<&str> =
            seen.iter().map(|call| call.target.split('?').next().unwrap()).collect();
        let start = "/logs/placet/example.com/log/main/00000000000000000007-";
        assert!(names[0].starts_with(start) && names[0].ends_with(".jsonl"), "{}", names[0]);
        assert_eq!(names[0], names[1]);
        assert_eq!(seen[1].body, b"{\"n\":0}\n{\"n\":7}\n{\"n\":8}\n");
        let distinct: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!((names.len(), distinct.len()), (7, 6), "{names:?}");
        assert!(names[2].starts_with(start) && names[3].starts_with(start));
        assert!(names[4].starts_with("/logs/placet/other.example/log/main/"), "{}", names[4]);
        assert!(names[5].starts_with("/logs/placet/example.com/log/gov/note-"), "{}", names[5]);
        assert!(names[6].starts_with("/logs/placet/example.com/log/main/note-"), "{}", names[6]);
        for call in &seen {
            let signed = call.target.contains("X-Amz-Signature=");
            assert!(signed && !call.head.contains("not a secret"));
        }
    }

    #[test]
    fn no_error_tells_a_signature() {
        let tmp = tempfile::tempdir().unwrap();
        let mut sink = sink("http://127.0.0.1:9", tmp.path(), "objects = \"parquet\"\n");
        let failed = sink.deliver(&[at(Some(0), "{}")]).unwrap_err().to_string();
        assert!(failed.starts_with("http://127.0.0.1:9: ") && !failed.contains("Signature"));
    }
}

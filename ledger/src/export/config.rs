//! `export.toml`: the sinks, each a `[[sink]]` table (docs/export.md).
//!
//! All kinds share one set of keys, so that a key that is none is told with its line; which of them
//! a kind knows is in one table here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::Error;
use super::cursor::read_small;

/// Largest file of settings, in bytes.
const MAX_FILE: u64 = 256 * 1024;
/// Most sinks.
pub const MAX_SINKS: usize = 16;
/// Longest name of a sink.
const MAX_NAME: usize = 32;
/// Largest secret in a file, in bytes.
const MAX_SECRET: u64 = 64 * 1024;
/// Most events of a batch.
const MAX_BATCH: usize = 10_000;
/// Shortest message that a syslog sink may be held to: a reference to an event has to fit.
const MIN_MESSAGE: usize = 2480;
/// Most bytes of statements in a batch.
const MAX_BATCH_BYTES: usize = 64 << 20;

/// What is in the file.
#[derive(Debug, Clone)]
pub struct Config {
    /// The sinks, in the order of the file.
    pub sinks: Vec<SinkConfig>,
}

/// What a sink is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SinkKind {
    /// Lines of a file.
    File,
    /// RFC 5424 over TCP or TLS.
    Syslog,
    /// HTTPS POST.
    Webhook,
    /// Splunk's HTTP event collector.
    SplunkHec,
    /// Elasticsearch's bulk interface, and what speaks it.
    Elastic,
    /// OpenTelemetry logs over HTTP.
    Otlp,
    /// Objects of an S3-compatible store.
    S3,
}

/// A sink's settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SinkConfig {
    /// Its name: that of its cursor.
    pub name: String,
    /// What it is.
    pub kind: SinkKind,
    /// Format of the events.
    pub format: String,
    /// How single fields leave, where not as the table of events says: `plain`, `keyed`, `dropped`.
    pub fields: Option<BTreeMap<String, String>>,
    /// Key under which what must not leave leaves as a hash.
    pub hash_key_file: Option<PathBuf>,
    /// Most events of a batch.
    #[serde(default = "batch")]
    pub batch: usize,
    /// Most bytes of statements in a batch.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: usize,
    /// Seconds for one call, connecting included.
    #[serde(default = "timeout_s")]
    pub timeout_s: u64,
    /// Where refused events go; without it the sink stops.
    pub dead_letter: Option<PathBuf>,

    /// The file.
    pub path: Option<PathBuf>,
    /// Length from which on the file gives way to the next; 0 for never.
    pub rotate_bytes: Option<u64>,
    /// Age in seconds from which on it does; 0 for never.
    pub rotate_s: Option<u64>,
    /// Closed files that are kept; 0 for all.
    pub keep: Option<usize>,

    /// Host and port of a syslog server.
    pub address: Option<String>,
    /// Whether it is spoken to over TLS: yes, unless this says no.
    pub tls: Option<bool>,
    /// Name in its certificate, where that is not the host.
    pub server_name: Option<String>,
    /// Leaves that are sent again on each new connection.
    pub overlap: Option<u64>,
    /// Longest message in bytes; a longer event is sent as a reference to it.
    pub max_message: Option<usize>,
    /// HOSTNAME of the messages.
    pub hostname: Option<String>,
    /// Facility of the messages, 0 to 23.
    pub facility: Option<u8>,
    /// Private enterprise number of the structured data.
    pub enterprise: Option<u32>,

    /// Where to post.
    pub url: Option<String>,
    /// Whether a server that is not on this machine may be called without TLS.
    pub plain: Option<bool>,
    /// Certificate roots, in PEM, and no others; without it the system's.
    pub ca_file: Option<PathBuf>,
    /// Our certificate, in PEM.
    pub cert_file: Option<PathBuf>,
    /// Its key, in PEM.
    pub key_file: Option<PathBuf>,
    /// File that holds the token, and nothing else.
    pub token_file: Option<PathBuf>,
    /// Word in front of the token.
    pub token_scheme: Option<String>,
    /// Key that signs each post.
    pub sign_key_file: Option<PathBuf>,
    /// Index or data stream.
    pub index: Option<String>,
    /// Whether Splunk is asked whether it has indexed the events.
    pub acknowledge: Option<bool>,
    /// Seconds within which it has to say so.
    pub acknowledge_s: Option<u64>,
    /// `source` of Splunk's events.
    pub source: Option<String>,
    /// `sourcetype` of Splunk's events.
    pub sourcetype: Option<String>,
    /// Bucket of the objects.
    pub bucket: Option<String>,
    /// Region of the bucket.
    pub region: Option<String>,
    /// Id of the access key.
    pub access_key: Option<String>,
    /// File that holds the secret access key, and nothing else.
    pub secret_key_file: Option<PathBuf>,
    /// What names of objects begin with.
    pub prefix: Option<String>,
    /// What an object is: lines, or a Parquet file.
    pub objects: Option<Objects>,
}

/// What an object of a store is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Objects {
    /// One event a line.
    #[default]
    Lines,
    /// Apache Parquet: what identifies an event in columns, the event itself in the last one.
    Parquet,
}

fn batch() -> usize {
    1000
}

fn batch_bytes() -> usize {
    4 << 20
}

fn timeout_s() -> u64 {
    30
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    sink: Vec<Spanned<SinkConfig>>,
}

impl Config {
    /// Reads the file. Names of files in it are relative to its folder.
    ///
    /// # Errors
    /// [`Error::Config`], with the line.
    pub fn load(path: &Path) -> Result<Self, crate::Error> {
        let bytes = read_small(path, MAX_FILE)?;
        let bytes =
            bytes.ok_or_else(|| bad(format!("{}: there is no such file", path.display())))?;
        let text = String::from_utf8(bytes)
            .map_err(|_| bad(format!("{}: it is not UTF-8 text", path.display())))?;
        let folder = std::path::absolute(path).map_err(crate::Error::io("resolve", path))?;
        let folder = folder.parent().unwrap_or(Path::new("/"));
        Self::parse(&text, folder).map_err(|what| bad(format!("{}: {what}", path.display())).into())
    }

    /// Reads the text of the file.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let document: Document =
            toml::from_str(text).map_err(|e| e.to_string().trim().to_owned())?;
        if document.sink.is_empty() || document.sink.len() > MAX_SINKS {
            return Err(format!("it has 1 to {MAX_SINKS} [[sink]] tables"));
        }
        let mut sinks: Vec<SinkConfig> = Vec::new();
        for spanned in document.sink {
            let before = text.get(..spanned.span().start).unwrap_or_default();
            let line = before.matches('\n').count().saturating_add(1);
            let mut sink = spanned.into_inner();
            sink.check(&sinks).map_err(|what| format!("line {line}: sink {what}"))?;
            sink.resolve(folder);
            sink.check_files(&sinks).map_err(|what| format!("line {line}: sink {what}"))?;
            sinks.push(sink);
        }
        Ok(Self { sinks })
    }
}

impl SinkConfig {
    /// Time for one call.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_s)
    }

    fn check(&self, others: &[SinkConfig]) -> Result<(), String> {
        let name = &self.name;
        let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        // The cursors' folder holds files of other purposes too.
        let reserved = name.starts_with("orders-") || name.starts_with("log-misbehaved");
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fine) || reserved {
            return Err(format!("`{name}`: its name has 1 to {MAX_NAME} of a-z, 0-9, - and _"));
        }
        if others.iter().any(|other| other.name == *name) {
            return Err(format!("`{name}`: there are two of this name"));
        }
        let say = |what: &str| Err(format!("`{name}`: {what}"));
        if self.batch == 0 || self.batch > MAX_BATCH {
            return say("`batch` is 1 to 10000");
        }
        if self.batch_bytes == 0 || self.batch_bytes > MAX_BATCH_BYTES {
            return say("`batch_bytes` is 1 to 67108864");
        }
        if self.timeout_s == 0 || self.timeout_s > 600 {
            return say("`timeout_s` is 1 to 600");
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return say("`cert_file` and `key_file` belong together");
        }
        let kind = self.kind.name();
        for (key, given, of) in self.keys() {
            if given && !of.contains(&self.kind) {
                return say(&format!("`{key}` is not for the kind {kind}"));
            }
        }
        match self.kind {
            SinkKind::File if self.path.is_none() => say("`path` is missing"),
            SinkKind::File => Ok(()),
            SinkKind::Syslog => self.check_syslog().map_err(|e| format!("`{name}`: {e}")),
            _ => self.check_http().map_err(|e| format!("`{name}`: {e}")),
        }
    }

    /// What two sinks write to one file, each of them cuts off as not its own.
    fn check_files(&self, others: &[SinkConfig]) -> Result<(), String> {
        let written = |sink: &SinkConfig| {
            let files = [("path", sink.path.clone()), ("dead_letter", sink.dead_letter.clone())];
            files.map(|(key, path)| Some((key, real(&path?)))).into_iter().flatten()
        };
        let of_others =
            others.iter().flat_map(|other| written(other).map(move |file| (other, file)));
        let mut before: Vec<_> = of_others.collect();
        for (key, path) in written(self) {
            for (other, (of, taken)) in &before {
                if same_file(&path, taken) {
                    let (name, other) = (&self.name, &other.name);
                    return Err(format!("`{name}`: `{key}` is the file of `{of}` of `{other}`"));
                }
            }
            before.push((self, (key, path)));
        }
        Ok(())
    }

    fn check_syslog(&self) -> Result<(), String> {
        let address = self.address.as_deref().ok_or("`address` is missing")?;
        let port = address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none() {
            return Err("`address` is host:port".to_owned());
        }
        if self.facility.is_some_and(|facility| facility > 23) {
            return Err("`facility` is 0 to 23".to_owned());
        }
        if self.max_message.is_some_and(|max| !(MIN_MESSAGE..=1 << 20).contains(&max)) {
            return Err("`max_message` is 2480 to 1048576".to_owned());
        }
        let plain = self.tls == Some(false);
        if plain && (self.ca_file.is_some() || self.cert_file.is_some()) {
            return Err("certificates are for TLS".to_owned());
        }
        if self.hostname.as_ref().is_some_and(|host| {
            host.is_empty() || host.len() > 255 || !host.bytes().all(|b| b.is_ascii_graphic())
        }) {
            return Err("`hostname` is 1 to 255 printable ASCII characters".to_owned());
        }
        Ok(())
    }

    fn check_http(&self) -> Result<(), String> {
        let url = self.url.as_deref().ok_or("`url` is missing")?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let rest = rest.ok_or("`url` begins with https:// or http://")?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.contains('@') || url.chars().any(char::is_whitespace) {
            return Err("`url` is no URL, or holds a password".to_owned());
        }
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        let local = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        if url.starts_with("http://") && !local && self.plain != Some(true) {
            return Err("`url` is not https; `plain = true` allows it".to_owned());
        }
        if self.kind != SinkKind::Webhook && url.contains(['?', '#']) {
            return Err("`url` has no query: paths are added to it".to_owned());
        }
        if self.kind == SinkKind::Elastic && self.index.is_none() {
            return Err("`index` is missing".to_owned());
        }
        let access = self.access_key.is_some() && self.secret_key_file.is_some();
        if self.kind == SinkKind::S3 && !(access && self.bucket.is_some()) {
            return Err("`bucket`, `access_key` and `secret_key_file` belong together".to_owned());
        }
        if self.kind == SinkKind::SplunkHec && self.token_file.is_none() {
            return Err("`token_file` is missing".to_owned());
        }
        Ok(())
    }

    /// Each key that not all kinds have, whether it is there, and the kinds that have it.
    fn keys(&self) -> [(&'static str, bool, &'static [SinkKind]); 27] {
        use SinkKind::{Elastic, File, Otlp, S3, SplunkHec, Syslog, Webhook};
        const HTTP: &[SinkKind] = &[Webhook, SplunkHec, Elastic, Otlp, S3];
        const TLS: &[SinkKind] = &[Syslog, Webhook, SplunkHec, Elastic, Otlp, S3];
        const TOKEN: &[SinkKind] = &[Webhook, SplunkHec, Elastic, Otlp];
        [
            ("path", self.path.is_some(), &[File]),
            ("rotate_bytes", self.rotate_bytes.is_some(), &[File]),
            ("rotate_s", self.rotate_s.is_some(), &[File]),
            ("keep", self.keep.is_some(), &[File]),
            ("address", self.address.is_some(), &[Syslog]),
            ("tls", self.tls.is_some(), &[Syslog]),
            ("server_name", self.server_name.is_some(), &[Syslog]),
            ("overlap", self.overlap.is_some(), &[Syslog]),
            ("max_message", self.max_message.is_some(), &[Syslog]),
            ("hostname", self.hostname.is_some(), &[Syslog]),
            ("facility", self.facility.is_some(), &[Syslog]),
            ("enterprise", self.enterprise.is_some(), &[Syslog]),
            ("url", self.url.is_some(), HTTP),
            ("plain", self.plain.is_some(), HTTP),
            ("ca_file", self.ca_file.is_some(), TLS),
            ("cert_file", self.cert_file.is_some(), TLS),
            ("token_file", self.token_file.is_some(), TOKEN),
            ("token_scheme", self.token_scheme.is_some(), TOKEN),
            ("sign_key_file", self.sign_key_file.is_some(), &[Webhook]),
            ("index", self.index.is_some(), &[Elastic, SplunkHec]),
            ("acknowledge", self.acknowledge.is_some(), &[SplunkHec]),
            ("acknowledge_s", self.acknowledge_s.is_some(), &[SplunkHec]),
            ("source", self.source.is_some() || self.sourcetype.is_some(), &[SplunkHec]),
            ("bucket", self.bucket.is_some() || self.region.is_some(), &[S3]),
            ("access_key", self.access_key.is_some() || self.secret_key_file.is_some(), &[S3]),
            ("prefix", self.prefix.is_some(), &[S3]),
            ("objects", self.objects.is_some(), &[S3]),
        ]
    }

    fn resolve(&mut self, folder: &Path) {
        let files = [
            &mut self.hash_key_file,
            &mut self.dead_letter,
            &mut self.path,
            &mut self.ca_file,
            &mut self.cert_file,
            &mut self.key_file,
            &mut self.token_file,
            &mut self.sign_key_file,
            &mut self.secret_key_file,
        ];
        for path in files.into_iter().flatten() {
            *path = folder.join(&*path);
        }
    }
}

impl SinkKind {
    /// The word for it in `export.toml`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Syslog => "syslog",
            Self::Webhook => "webhook",
            Self::SplunkHec => "splunk_hec",
            Self::Elastic => "elastic",
            Self::Otlp => "otlp",
            Self::S3 => "s3",
        }
    }
}

/// The path without links and detours, as far as there is something there.
fn real(path: &Path) -> PathBuf {
    let folder = || Some((path.parent()?.canonicalize().ok()?, path.file_name()?));
    let whole = path.canonicalize().ok();
    whole
        .or_else(|| folder().map(|(folder, name)| folder.join(name)))
        .unwrap_or_else(|| path.to_owned())
}

/// Whether two paths are one file, or the one is what the other becomes when it is closed.
fn same_file(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.as_os_str().as_encoded_bytes(), other.as_os_str().as_encoded_bytes());
    let closed = |of: &[u8], path: &[u8]| {
        let number = path.strip_prefix(of).and_then(|rest| rest.strip_prefix(b"."));
        number.is_some_and(|n| n.len() >= 6 && n.iter().all(u8::is_ascii_digit))
    };
    one == other || closed(one, other) || closed(other, one)
}

/// The bytes of a file that holds a secret: one that others may read is refused.
///
/// # Errors
/// [`Error::Config`], `ledger.io`.
pub fn secret(path: &Path) -> Result<Vec<u8>, crate::Error> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = std::fs::metadata(path).map_err(crate::Error::io("open", path))?;
    if metadata.permissions().mode() & 0o077 != 0 {
        let what = "others than its owner may read it: chmod 600";
        return Err(bad(format!("{}: {what}", path.display())).into());
    }
    let bytes = read_small(path, MAX_SECRET)?;
    bytes.ok_or_else(|| bad(format!("{}: there is no such file", path.display())).into())
}

/// A secret that is a text, without the white space around it.
///
/// # Errors
/// As [`secret`].
pub fn secret_text(path: &Path) -> Result<String, crate::Error> {
    let text = String::from_utf8(secret(path)?).ok();
    let text = text.map(|text| text.trim().to_owned());
    let fine = |text: &String| !text.is_empty() && text.bytes().all(|b| matches!(b, b' '..=b'~'));
    text.filter(fine)
        .ok_or_else(|| bad(format!("{}: it is no line of ASCII text", path.display())).into())
}

pub(super) fn bad(what: impl Into<String>) -> Error {
    Error::Config(what.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("/etc/placet"))
    }

    #[test]
    fn sinks_are_read_with_their_defaults_and_files_beside_the_settings() {
        let config = parse(
            "[[sink]]\nname = \"archive\"\nkind = \"file\"\nformat = \"json\"\npath = \
             \"events.jsonl\"\n[[sink]]\nname = \"siem\"\nkind = \"syslog\"\nformat = \
             \"cef\"\naddress = \"siem.example:6514\"\ndead_letter = \"/var/dead\"\n",
        )
        .unwrap();
        let [file, syslog] = &config.sinks[..] else { panic!("two sinks") };
        assert_eq!(file.path.as_deref(), Some(Path::new("/etc/placet/events.jsonl")));
        assert_eq!((file.batch, file.timeout_s), (1000, 30));
        assert_eq!(syslog.dead_letter.as_deref(), Some(Path::new("/var/dead")));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let head = "[[sink]]\nname = \"a\"\nkind = \"file\"\nformat = \"json\"\n";
        let hec = "[[sink]]\nname = \"a\"\nkind = \"splunk_hec\"\nformat = \"json\"\n";
        let cases = [
            (format!("{head}path = \"x\"\nforma = 1\n"), "line 6"),
            (format!("\n{head}"), "line 2: sink `a`: `path` is missing"),
            (
                format!("{head}path = \"x\"\nurl = \"https://x\"\n"),
                "`url` is not for the kind file",
            ),
            (
                format!("{head}path = \"x\"\n{head}path = \"y\"\n"),
                "line 6: sink `a`: there are two",
            ),
            (format!("{head}path = \"x\"\nbatch = 0\n"), "`batch` is 1 to 10000"),
            (format!("{hec}url = \"http://siem.example\"\n"), "`plain = true` allows it"),
            (format!("{hec}url = \"https://u:p@siem.example\"\n"), "holds a password"),
            (format!("{hec}url = \"http://[::1]:8088\"\n"), "`token_file` is missing"),
            (head.replace("\"a\"", "\"A/b\""), "its name has"),
            (String::new(), "[[sink]] tables"),
            (format!("{hec}url = \"https://x?key=1\"\ntoken_file = \"t\"\n"), "`url` has no query"),
        ];
        for (text, expected) in cases {
            let error = parse(&text).unwrap_err();
            assert!(error.contains(expected), "{error:?} for {text:?}");
        }
    }

    #[test]
    fn no_two_sinks_write_to_one_file() {
        let tmp = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(tmp.path(), tmp.path().join("link")).unwrap();
        let sink = |name: &str, more: &str| {
            format!("[[sink]]\nname = \"{name}\"\nkind = \"file\"\nformat = \"json\"\n{more}\n")
        };
        let parse = |files: [&str; 2]| {
            let text = [sink("a", files[0]), sink("b", files[1])].concat();
            Config::parse(&text, tmp.path())
        };
        for files in [
            ["path = \"x\"", "path = \"x\""],
            ["path = \"x\"", "path = \"./x\""],
            ["path = \"x\"", "path = \"link/x\""],
            ["path = \"x\"", "path = \"x.000001\""],
            ["path = \"x\"", "path = \"y\"\ndead_letter = \"x\""],
            ["path = \"x\"\ndead_letter = \"d\"", "path = \"y\"\ndead_letter = \"d\""],
            ["path = \"x\"", "path = \"y\"\ndead_letter = \"y\""],
        ] {
            let error = parse(files).unwrap_err();
            assert!(error.contains("sink `b`: `") && error.contains("is the file of"), "{error}");
        }
        assert!(parse(["path = \"x\"", "path = \"x.00001\"\ndead_letter = \"d\""]).is_ok());
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let tmp = tempfile::tempdir().unwrap();
        let path = tmp.path().join("token");
        std::fs::write(&path, "s3cret\n").unwrap();
        let mode = |mode| {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        mode(0o640);
        assert_eq!(secret_text(&path).unwrap_err().code(), "export.config");
        mode(0o600);
        assert_eq!(secret_text(&path).unwrap(), "s3cret");
        std::fs::write(&path, "two\nlines").unwrap();
        assert!(secret_text(&path).is_err());
    }
}

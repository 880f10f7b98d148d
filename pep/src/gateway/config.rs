//! `gateway.toml`: the route table, and where the API is.

mod table;

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use placet_ledger::service::network::Network;

use super::forward_auth::Style;
use super::routes::Routes;
use crate::enforce::EvidenceRule;
use crate::identity::config::Table;

/// Largest table, in bytes.
const MAX_FILE: u64 = 1 << 20;

/// What a gateway is told by its file.
#[derive(Debug, Clone)]
pub struct Config {
    /// The routes.
    pub routes: Routes,
    /// The API behind; without one the gateway only answers proxies.
    pub upstream: Option<UpstreamConfig>,
    /// Who may call: the `[[identity]]` tables, and the table of API tokens that `tokens` names.
    pub identities: Vec<Table>,
    /// The folder in which files that are named are sought.
    pub folder: PathBuf,
    /// Who may ask by forward-auth and ext_authz.
    pub proxies: Vec<Network>,
    /// By which headers a server in front asks, where one may.
    pub forward_auth: Option<Style>,
    /// What callers are told to reach this gateway by: `https://host[:port]`.
    pub public_url: Option<String>,
    /// The host that stands in actions: that of the API.
    pub host: String,
    /// Hosts that callers name to a server in front which asks; others are refused.
    pub front_hosts: Vec<String>,
    /// Longest time for which a call waits for a person (`Prefer: wait`).
    pub longest_wait: Duration,
    /// Time for the body of a call to come.
    pub body_time: Duration,
    /// Calls at work at the same time; more are told to come back.
    pub most_calls: usize,
    /// Those of one caller.
    pub most_calls_each: usize,
    /// Whether something in front of this gateway does TLS, so that it may listen beyond this
    /// machine without.
    pub behind_tls: bool,
    /// What the evidence of an approval has to show; nothing: the ledger's word is taken.
    pub evidence: Option<EvidenceRule>,
}

/// The API behind.
#[derive(Debug, Clone)]
pub struct UpstreamConfig {
    /// Whether by TLS.
    pub tls: bool,
    /// Name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The Host header that it gets.
    pub authority: HeaderValue,
    /// Certificate authorities that may vouch for it, in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Headers that it gets with every request, such as its own credential.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Time to connect, TLS included.
    pub connect_time: Duration,
    /// Time until its answer begins, and between two pieces of it.
    pub answer_time: Duration,
    /// Longest answer, in bytes.
    pub longest_answer: u64,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {reason}", path.display())]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

impl ConfigError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        "gateway.config"
    }
}

impl Config {
    /// Reads a file. Files that it names are sought beside it.
    ///
    /// # Errors
    /// `gateway.config` with the line.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let fail = |reason: String| ConfigError { path: path.to_path_buf(), line: 1, reason };
        let text = read(path, MAX_FILE).map_err(fail)?;
        Self::parse(&text, path)
    }

    /// Reads the text of a file at this path.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        table::parse(text, path.parent().unwrap_or(Path::new(".")))
            .map_err(|(line, reason)| ConfigError { path: path.to_path_buf(), line, reason })
    }
}

/// A text file of at most `max` bytes.
fn read(path: &Path, max: u64) -> Result<String, String> {
    use std::io::Read as _;
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut text = String::new();
    let mut bounded = file.take(max.saturating_add(1));
    bounded.read_to_string(&mut text).map_err(|e| format!("{}: {e}", path.display()))?;
    match text.len() as u64 > max {
        true => Err(format!("{}: longer than {max} bytes", path.display())),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"host = "api.example"

[[route]]
methods = ["GET", "POST"]
path = "/users/{id}"
action = "read_user"
resource = { type = "user", id = "{path.id}" }
"#;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new("/etc/placet/gateway.toml"))
    }

    fn wrong(was: &str, now: &str) -> (usize, String) {
        assert!(GOOD.contains(was), "{was}");
        let error = parse(&GOOD.replace(was, now)).unwrap_err();
        assert_eq!(error.code(), "gateway.config");
        assert!(error.to_string().starts_with("/etc/placet/gateway.toml:"), "{error}");
        (error.line, error.reason)
    }

    #[test]
    fn a_table_is_read_with_its_defaults() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.host, "api.example");
        assert_eq!((config.upstream.is_none(), config.forward_auth), (true, None));
        assert!(config.proxies.iter().any(|p| p.contains([127, 0, 0, 1].into())));
        assert!(!config.proxies.iter().any(|p| p.contains([10, 0, 0, 1].into())));
        let route = config.routes.iter().next().unwrap();
        assert_eq!((route.line, route.body_limit), (3, 1 << 20));
        assert_eq!(route.query, Some(vec![]));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (was, now, line) in [
            ("host = \"api.example\"", "", 1),
            ("host = ", "hosts = ", 1),
            ("[\"GET\", \"POST\"]", "[]", 4),
            ("\"GET\"", "\"get\"", 4),
            ("\"GET\"", "\"CONNECT\"", 4),
            ("/users/{id}", "/users//{id}", 5),
            ("\"read_user\"", "\"\"", 6),
            ("{path.id}", "{path.other}", 7),
            ("{path.id}", "{header.authorization}", 7),
            ("action", "body_limit = 0\naction", 6),
            ("action", "bind = [\n\"host\"]\naction", 7),
            ("action", "query = \"none\"\naction", 3),
            ("action", "typo = 1\naction", 6),
            ("host = ", "proxies = [\"everybody\"]\nhost = ", 1),
            ("host = ", "proxies = [\"0.0.0.0/0\"]\nhost = ", 1),
            ("host = ", "public_url = \"gateway\"\nhost = ", 1),
            ("host = ", "forward_auth = \"apache\"\nhost = ", 1),
            ("[[route]]", "[upstream]\nurl = \"http://api\"\n[[route]]", 1),
            ("path = ", "body = \"none\"\nparameters = { a = \"{body./a}\" }\npath = ", 3),
        ] {
            let (found, reason) = wrong(was, now);
            assert_eq!(found, line, "{now:?}: {reason}");
        }
        let twice = format!("{GOOD}\n{}", GOOD.lines().skip(2).collect::<Vec<_>>().join("\n"));
        let error = parse(&twice.replacen("{id}", "{ID}", 0)).unwrap_err();
        assert_eq!((error.line, error.reason.contains("line 3")), (9, true), "{error}");
    }

    // SPEC.md R-10-142.
    #[test]
    fn a_header_of_the_gateway_takes_the_place_of_none_that_is_approved() {
        let with = |own: &str, more: &str| {
            let upstream =
                format!("[upstream]\nurl = \"http://api\"\nheaders = {{ {own} = \"1\" }}\n");
            parse(&format!("{upstream}{}{more}\n", GOOD.replace("host = ", "#")))
        };
        for (own, more) in [("x-tenant", "bind = [\"X-Tenant\"]"), ("X-A", "forward = [\"x-a\"]")] {
            let error = with(own, more).unwrap_err();
            assert_eq!((error.line, error.reason.contains("line 6")), (3, true), "{error}");
            with("x-other", more).unwrap();
        }
    }

    #[test]
    fn a_proof_of_possession_needs_the_address_that_it_names() {
        let jwt = "[[identity]]\nkind = \"jwt\"\nname = \"corp\"\nissuer = \"https://idp.example\"\n\
                   audience = \"api\"\njwks_file = \"jwks.json\"\n";
        let error = parse(&format!("{GOOD}{jwt}")).unwrap_err();
        assert!(error.reason.contains("public_url"), "{error}");
        parse(&format!("{GOOD}{jwt}bearer = true\n")).unwrap();
        parse(&format!("public_url = \"https://gateway.example\"\n{GOOD}{jwt}")).unwrap();
    }

    #[test]
    fn evidence_is_asked_for_with_a_trust_file() {
        assert!(parse(GOOD).unwrap().evidence.is_none());
        let error = parse(&format!("{GOOD}[evidence]\ntrust = \"none.json\"\n")).unwrap_err();
        assert_eq!((error.line, error.reason.contains("none.json")), (9, true), "{error}");
    }

    proptest::proptest! {
        /// Whatever is done to a table, it is read or a line of it is named.
        #[test]
        fn any_text_is_a_table_or_names_its_line(
            at in proptest::prelude::any::<proptest::sample::Index>(),
            cut in 0_usize..40,
            text in "[ -~\n]{0,12}|\\{(path|body|query|header)\\.[a-z/?.]{0,8}\\}|\"\"\"|\\[\\[route\\]\\]",
        ) {
            let start = at.index(GOOD.len());
            let end = start.saturating_add(cut).min(GOOD.len());
            let changed = format!("{}{text}{}", &GOOD[..start], &GOOD[end..]);
            match parse(&changed) {
                Ok(config) => proptest::prop_assert!(!config.host.is_empty()),
                Err(error) => {
                    let lines = changed.split('\n').count();
                    proptest::prop_assert!((1..=lines).contains(&error.line), "{error}");
                    proptest::prop_assert!(!error.reason.is_empty());
                }
            }
        }
    }

    #[test]
    fn a_caller_has_a_part_of_the_calls() {
        let each = |more: &str| parse(&format!("{more}\n{GOOD}")).unwrap().most_calls_each;
        assert_eq!((each(""), each("most_calls = 4"), each("most_calls_each = 7")), (64, 1, 7));
    }

    #[test]
    fn an_api_is_a_host_and_a_port() {
        let with = |upstream: &str| {
            parse(&format!("[upstream]\n{upstream}\n{}", GOOD.replace("host = ", "#")))
        };
        let upstream = with("url = \"https://[::1]:8443\"").unwrap();
        assert_eq!(upstream.host, "[::1]:8443");
        let upstream = upstream.upstream.unwrap();
        assert_eq!((upstream.host.as_str(), upstream.port, upstream.tls), ("::1", 8443, true));
        let named = with("url = \"http://10.0.0.1\"\nhost = \"api\"").unwrap();
        assert_eq!((named.host.as_str(), named.upstream.unwrap().port), ("api", 80));
        for bad in [
            "url = \"ftp://api\"",
            "url = \"http://api/below\"",
            "url = \"http://api/?q\"",
            "url = \"http://user@api\"",
            "url = \"api:80\"",
            "url = \"http://api\"\nhost = \"a b\\n\"",
            "url = \"http://api\"\nheaders = { host = \"x\" }",
            "url = \"http://api\"\nheaders = { x = \"a\\nb\" }",
            "url = \"http://api\"\nheader_files = { x = \"no such file\" }",
        ] {
            assert_eq!(with(bad).unwrap_err().code(), "gateway.config", "{bad}");
        }
    }
}

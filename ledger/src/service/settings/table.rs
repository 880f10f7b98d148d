//! The settings: one table, of which the flags, the variables, the keys of `placet.toml` and the
//! table in docs/operating.md are made.

use toml::{Table, Value};

/// When a setting is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// When the ledger is made, for ever: genesis states it, or keys are made by it.
    Made,
    /// At every start of the service.
    Start,
}

/// What a value is, and how the text of a flag or variable is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// IP address and port.
    Address,
    /// A whole number.
    Number,
    /// `true` or `false`; a flag alone means `true`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Texts, separated by commas.
    List,
    /// A long text: a flag or variable names the file that holds it.
    TextFile,
    /// Tables: a flag or variable names the TOML file that holds them.
    Tables,
}

/// A setting. Its one name is its key: `tls_cert` is the flag `--tls-cert` and the variable
/// `PLACET_TLS_CERT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its key in `placet.toml`.
    pub key: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// When it is chosen.
    pub stage: Stage,
    /// What stands for the value in help texts.
    pub placeholder: &'static str,
    /// Its default: the value itself as TOML has it, or words.
    pub default: &'static str,
    /// What it is for, in a line.
    pub help: &'static str,
}

/// A row of the table at every start.
const fn start(
    key: &'static str,
    kind: Kind,
    placeholder: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, kind, stage: Stage::Start, placeholder, default, help }
}

/// A row of what is fixed when the ledger is made.
const fn made(
    key: &'static str,
    kind: Kind,
    placeholder: &'static str,
    default: &'static str,
    help: &'static str,
) -> Setting {
    Setting { key, kind, stage: Stage::Made, placeholder, default, help }
}

/// All of them.
#[rustfmt::skip]
pub const SETTINGS: &[Setting] = &[
    made("origin", Kind::Text, "NAME", "required",
        "Name of the main log, for ever: a host name with a path, such as ledger.example.com/2026"),
    made("rp_id", Kind::Text, "HOST", "the host of `public_url`",
        "Host name to which passkeys are bound; another one is another ledger, in which everybody \
         enrols again"),
    made("dev", Kind::Flag, "BOOL", "false",
        "For trying out: takes software keys, and its evidence says so"),
    made("audience", Kind::Text, "NAME", "`<origin>/pep`",
        "Name of the enforcement point for which requests are decided"),
    made("external_issuers", Kind::List, "THUMBPRINTS", "none",
        "Other issuers whose statements are registered: RFC 9679 thumbprints in hexadecimal"),
    made("receipt_alg", Kind::Choice(&["ed25519", "es256"]), "ALG", "ed25519",
        "Algorithm of the receipt keys; es256 for verifiers without Ed25519"),
    start("public_url", Kind::Text, "URL", "required",
        "Origin of the pages, as browsers see it, such as https://placet.example.com"),
    start("listen", Kind::Address, "ADDR", "127.0.0.1:8420",
        "Address and port; port 0 takes a free one"),
    start("tls_cert", Kind::Text, "FILE", "plain HTTP",
        "Certificate chain in PEM; read again on SIGHUP and when it changes"),
    start("tls_key", Kind::Text, "FILE", "plain HTTP",
        "The certificate's key in PEM"),
    start("trusted_proxy", Kind::List, "RANGES", "none",
        "Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, 64 at most"),
    start("metrics_public", Kind::Flag, "BOOL", "false",
        "Whether /metrics needs no token on this machine"),
    start("origins", Kind::List, "ORIGINS", "none",
        "Further origins that clients may state"),
    start("witness_policy", Kind::TextFile, "FILE", "the built-in witness",
        "Witnesses and their quorum: a C2SP tlog-policy without `log` lines"),
    start("operated_by_self", Kind::List, "NAMES", "`builtin` if built in",
        "Witnesses that the operator runs"),
    start("publish_ms", Kind::Number, "MS", "1000",
        "Milliseconds between two cosigned checkpoints"),
    start("recosign_open_s", Kind::Number, "S", "10",
        "Age in seconds at which a note is renewed while a request is open"),
    start("recosign_idle_s", Kind::Number, "S", "600",
        "Age in seconds at which a note is renewed otherwise"),
    start("request_s", Kind::Number, "S", "3600",
        "Seconds for which a request can be answered and its approval spent; outside development \
         a minute at least"),
    start("outcome_s", Kind::Number, "S", "600",
        "Seconds after which a missing outcome is recorded as unknown"),
    start("recovery_delay_s", Kind::Number, "S", "259200",
        "Seconds from the announcement of a recovery to its enrolment; outside development a day \
         at least"),
    start("attestation", Kind::Choice(&["none", "indirect", "direct"]), "WHAT", "none",
        "What registrations ask of browsers"),
    start("attestation_roots", Kind::Text, "FOLDER", "none",
        "Vendors' roots by which attestations are judged, in PEM or DER"),
    start("require_attested", Kind::Flag, "BOOL", "false",
        "Whether passkeys that no pinned root attests are refused"),
    start("max_open_per_agent", Kind::Number, "N", "20",
        "Requests of one agent that may wait for persons at the same time"),
    start("openings_per_minute", Kind::Number, "N", "60",
        "Requests that one agent may open in a minute"),
    start("strict_defaults", Kind::Flag, "BOOL", "false",
        "Whether items of a batch of evaluations take no type, id or name from the defaults for an \
         object of their own (AuthZEN's scenario; its conformance suite needs them)"),
    start("person_rate", Kind::Number, "N", "50",
        "Calls a second of each person who is signed in; ten seconds' worth at once"),
    start("token_rate", Kind::Number, "N", "1000",
        "Calls a second of each token; ten seconds' worth at once"),
    start("address_rate", Kind::Number, "N", "200",
        "Calls a second from each address, of those who are not known; ten seconds' worth at once"),
    start("sign_in_rate", Kind::Number, "N", "50",
        "Of these, steps of signing in and of registering a passkey"),
    start("address_connections", Kind::Number, "N", "1024",
        "Connections from one address, but from trusted proxies"),
    start("callback_origins", Kind::List, "ORIGINS", "none",
        "Origins that agents may name for callbacks (ARAP)"),
    start("outbound_allow", Kind::List, "HOSTS", "none",
        "Hosts that may be called beside public HTTPS servers: host or host:port"),
    start("outbound_ca_file", Kind::Text, "FILE", "the system's",
        "Certificate roots beside the system's, in PEM"),
    start("export_required", Kind::List, "SINKS", "none",
        "Sinks of `placet export` that have to follow: while one is further behind than the next \
         two allow, nothing is decided or spent"),
    start("export_max_lag", Kind::Number, "N", "0",
        "Leaves by which they may be behind; 0 for any number"),
    start("export_max_lag_s", Kind::Number, "S", "300",
        "Seconds for which a leaf may wait to be exported; 0 for any time"),
    start("notify", Kind::Tables, "FILE", "nobody",
        "Whom to tell of what happens: a TOML file with `[[notify]]` tables"),
];

impl Setting {
    /// The setting with this key.
    #[must_use]
    pub fn named(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    /// Its environment variable.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("PLACET_{}", self.key.to_uppercase())
    }

    /// Its flag.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// The value that this text of a flag or variable gives.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, text: &str) -> Result<Value, String> {
        let text_value = || Value::String(text.to_owned());
        Ok(match self.kind {
            Kind::Text => text_value(),
            Kind::Address => match text.parse::<std::net::SocketAddr>() {
                Ok(_) => text_value(),
                Err(_) => return Err("not an address and a port".to_owned()),
            },
            Kind::Choice(words) if words.contains(&text) => text_value(),
            Kind::Choice(words) => return Err(format!("one of {}", words.join(", "))),
            // TOML has no larger ones.
            Kind::Number => match text.parse::<u64>().ok().and_then(|n| i64::try_from(n).ok()) {
                Some(n) => Value::Integer(n),
                None => return Err("not a number".to_owned()),
            },
            Kind::Flag => Value::Boolean(text.parse().map_err(|_| "true or false")?),
            Kind::List => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
            }
            Kind::TextFile => Value::String(read_file(text)?),
            Kind::Tables => {
                let table: Table = read_file(text)?.parse().map_err(|e| format!("{text}: {e}"))?;
                let found = table.get(self.key).filter(|_| table.len() == 1);
                let wrong = || format!("{text}: it holds [[{}]] tables and nothing else", self.key);
                found.filter(|value| value.is_array()).cloned().ok_or_else(wrong)?
            }
        })
    }

    /// The value as `config check` may show it: what holds secrets is named only.
    #[must_use]
    pub fn shown(&self, value: &Value) -> String {
        match (self.kind, value) {
            (Kind::Tables, Value::Array(tables)) => {
                let name = |table: &Value| table.get("name").cloned();
                Value::Array(tables.iter().filter_map(name).collect()).to_string()
            }
            _ => value.to_string(),
        }
    }
}

fn read_file(path: &str) -> Result<String, String> {
    use std::io::Read as _;
    let failed = |e: std::io::Error| format!("{path}: {e}");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let max = super::super::config::MAX_CONFIG;
    file.take(max.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > max {
        return Err(format!("{path}: longer than {max} bytes"));
    }
    Ok(text)
}

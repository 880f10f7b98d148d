//! `placet.toml`: the settings of a ledger folder, read strictly.
//!
//! Keys, defaults and what they are for: [`super::settings::SETTINGS`]. `[[notify]]` tables are
//! [`crate::notify::config`].

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Refusal;
use super::attestation::Conveyance;
use super::network::Network;
use super::requests::MAX_OPEN_S;
use crate::Error;

/// Largest file that is read, in bytes.
pub(super) const MAX_CONFIG: u64 = 256 * 1024;
/// Most calls a second that a setting lets anybody make.
const MAX_RATE: u32 = 1_000_000;
/// Most ranges of trusted proxies.
const MAX_PROXIES: usize = 64;
/// Name of the file in its folder.
pub const FILE_NAME: &str = "placet.toml";

/// Algorithm of the keys that sign COSE Receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptAlgorithm {
    /// EdDSA, COSE -8.
    #[default]
    Ed25519,
    /// ES256, COSE -7, for verifiers without Ed25519.
    Es256,
}

/// The settings; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the main log.
    pub origin: String,
    /// WebAuthn RP id.
    pub rp_id: String,
    /// Origin of the pages, such as `https://placet.example.com`.
    pub public_url: String,
    /// Where to listen.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// Certificate chain in PEM; with it the service speaks TLS itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_key: Option<PathBuf>,
    /// Proxies in front: addresses or ranges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trusted_proxy: Vec<String>,
    /// Whether who is on this machine reads `/metrics` without a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub metrics_public: bool,
    /// Whether this is for trying out only.
    #[serde(default)]
    pub dev: bool,
    /// The embedded PEP.
    #[serde(default)]
    pub audience: String,
    /// Algorithm of the receipt keys.
    #[serde(default)]
    pub receipt_alg: ReceiptAlgorithm,
    /// C2SP tlog-policy without `log` lines; empty for the built-in witness.
    #[serde(default)]
    pub witness_policy: String,
    /// Witnesses that the operator runs, by their names in the policy.
    #[serde(default)]
    pub operated_by_self: Vec<String>,
    /// RFC 9679 thumbprints, in hexadecimal, of issuers beside the ledger's own whose statements
    /// are registered. Genesis states them.
    #[serde(default)]
    pub external_issuers: Vec<String>,
    /// Origins that clients may state beside `public_url`.
    #[serde(default)]
    pub origins: Vec<String>,
    /// Milliseconds between two cosigned checkpoints of a growing log.
    #[serde(default = "default_publish_ms")]
    pub publish_ms: u64,
    /// Age in seconds at which a note is renewed while a request is open.
    #[serde(default = "default_recosign_open_s")]
    pub recosign_open_s: u64,
    /// Age in seconds at which a note is renewed otherwise.
    #[serde(default = "default_recosign_idle_s")]
    pub recosign_idle_s: u64,
    /// Seconds from the announcement of a recovery until its key can be enrolled.
    #[serde(default = "default_recovery_delay_s")]
    pub recovery_delay_s: u64,
    /// Seconds for which a request can be answered and its approval spent.
    #[serde(default = "default_request_s")]
    pub request_s: u64,
    /// Seconds after which a missing outcome is recorded as unknown.
    #[serde(default = "default_outcome_s")]
    pub outcome_s: u64,
    /// What browsers are asked for at registrations.
    #[serde(default)]
    pub attestation: Conveyance,
    /// Folder of attestation roots; relative to the ledger's folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation_roots: Option<std::path::PathBuf>,
    /// Whether passkeys that no pinned root attests are refused (`enrol.unattested`).
    #[serde(default)]
    pub require_attested: bool,
    /// Hosts that may be called beside public HTTPS servers: [`crate::outbound::Allowed`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbound_allow: Vec<String>,
    /// Certificate roots beside the system's, in PEM; relative to the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_ca_file: Option<std::path::PathBuf>,
    /// Requests of one agent that may wait for persons at the same time.
    #[serde(default = "default_max_open_per_agent")]
    pub max_open_per_agent: u64,
    /// Requests that one agent may open in a minute.
    #[serde(default = "default_openings_per_minute")]
    pub openings_per_minute: u64,
    /// Whether an item of a batch of evaluations that brings an object of its own takes no `type`,
    /// `id` or `name` from the default.
    #[serde(default)]
    pub strict_defaults: bool,
    /// Calls a second of each person who is signed in; ten seconds' worth at once.
    #[serde(default = "default_person_rate")]
    pub person_rate: u32,
    /// Calls a second of each token.
    #[serde(default = "default_token_rate")]
    pub token_rate: u32,
    /// Calls a second from each address, of those who are not signed in.
    #[serde(default = "default_address_rate")]
    pub address_rate: u32,
    /// Steps of signing in and of registering a key a second, from each address.
    #[serde(default = "default_sign_in_rate")]
    pub sign_in_rate: u32,
    /// Connections that are open from one address, but from trusted proxies.
    #[serde(default = "default_address_connections")]
    pub address_connections: u32,
    /// Origins that agents may name for callbacks (ARAP), such as `https://agents.example.com`.
    #[serde(default)]
    pub callback_origins: Vec<String>,
    /// Sinks of `placet export` that have to follow; while one does not, nothing is decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub export_required: Vec<String>,
    /// Leaves by which they may be behind; 0 for any number.
    #[serde(default)]
    pub export_max_lag: u64,
    /// Age in seconds of the oldest leaf that they have not exported; 0 for any age.
    #[serde(default = "default_export_max_lag_s")]
    pub export_max_lag_s: u64,
    /// Whom to tell of what happens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<crate::notify::NotifyTarget>,
}

fn default_listen() -> String {
    "127.0.0.1:8420".to_owned()
}

fn default_publish_ms() -> u64 {
    1000
}

fn default_recosign_open_s() -> u64 {
    10
}

fn default_recosign_idle_s() -> u64 {
    600
}

fn default_recovery_delay_s() -> u64 {
    3 * 86_400
}

fn default_request_s() -> u64 {
    3600
}

fn default_outcome_s() -> u64 {
    600
}

fn default_person_rate() -> u32 {
    50
}

fn default_token_rate() -> u32 {
    1000
}

fn default_address_rate() -> u32 {
    200
}

fn default_sign_in_rate() -> u32 {
    50
}

fn default_address_connections() -> u32 {
    1024
}

fn default_export_max_lag_s() -> u64 {
    300
}

fn default_max_open_per_agent() -> u64 {
    20
}

fn default_openings_per_minute() -> u64 {
    60
}

impl Config {
    /// A development ledger on this machine, listening at `127.0.0.1:port`.
    #[must_use]
    pub fn local(origin: &str, port: u16) -> Self {
        Self {
            origin: origin.to_owned(),
            rp_id: "localhost".to_owned(),
            public_url: format!("http://localhost:{port}"),
            listen: format!("127.0.0.1:{port}"),
            tls_cert: None,
            tls_key: None,
            trusted_proxy: Vec::new(),
            metrics_public: false,
            dev: true,
            audience: format!("{origin}/pep"),
            receipt_alg: ReceiptAlgorithm::default(),
            witness_policy: String::new(),
            operated_by_self: Vec::new(),
            external_issuers: Vec::new(),
            origins: vec!["cli://localhost".to_owned()],
            publish_ms: default_publish_ms(),
            attestation: Conveyance::None,
            attestation_roots: None,
            require_attested: false,
            recosign_open_s: default_recosign_open_s(),
            recosign_idle_s: default_recosign_idle_s(),
            recovery_delay_s: default_recovery_delay_s(),
            request_s: default_request_s(),
            outcome_s: default_outcome_s(),
            outbound_allow: Vec::new(),
            outbound_ca_file: None,
            max_open_per_agent: default_max_open_per_agent(),
            openings_per_minute: default_openings_per_minute(),
            strict_defaults: false,
            person_rate: default_person_rate(),
            token_rate: default_token_rate(),
            address_rate: default_address_rate(),
            sign_in_rate: default_sign_in_rate(),
            address_connections: default_address_connections(),
            callback_origins: Vec::new(),
            export_required: Vec::new(),
            export_max_lag: 0,
            export_max_lag_s: default_export_max_lag_s(),
            notify: Vec::new(),
        }
    }

    /// Reads and checks the text of a `placet.toml`.
    ///
    /// # Errors
    /// `config.invalid`, with the key and the line.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let mut config: Self =
            toml::from_str(text).map_err(|e| Refusal::Config(e.to_string().trim().to_owned()))?;
        if config.audience.is_empty() {
            config.audience = format!("{}/pep", config.origin);
        }
        config.check()?;
        Ok(config)
    }

    /// Reads `placet.toml` of a folder.
    ///
    /// # Errors
    /// `config.invalid`, `ledger.io`.
    pub fn load(root: &Path) -> Result<Self, Error> {
        Self::parse(&Self::read_text(root)?)
    }

    /// The text of `placet.toml` of a folder.
    pub(super) fn read_text(root: &Path) -> Result<String, Error> {
        use std::io::Read as _;
        let path = root.join(FILE_NAME);
        let file = std::fs::File::open(&path).map_err(Error::io("open", &path))?;
        let mut text = String::new();
        file.take(MAX_CONFIG).read_to_string(&mut text).map_err(Error::io("read", &path))?;
        Ok(text)
    }

    /// Writes `placet.toml`, in place of an older one. What is as by default is left out: a
    /// setting stands there because somebody chose it.
    ///
    /// # Errors
    /// `config.invalid`, `ledger.io`.
    pub fn save(&self, root: &Path) -> Result<(), Error> {
        use std::io::Write as _;
        self.check()?;
        let text = self.chosen().map_err(|e| Refusal::Config(e.to_string()))?;
        let (path, tmp) = (root.join(FILE_NAME), root.join("state").join("placet.toml.tmp"));
        let mut file = std::fs::File::create(&tmp).map_err(Error::io("create", &tmp))?;
        file.write_all(text.as_bytes()).map_err(Error::io("write", &tmp))?;
        file.sync_all().map_err(Error::io("flush", &tmp))?;
        std::fs::rename(&tmp, &path).map_err(Error::io("rename", &path))?;
        crate::journal::sync_folder(root)
    }

    fn chosen(&self) -> Result<String, toml::ser::Error> {
        let mut all = toml::Table::try_from(self)?;
        let bare = Self {
            dev: false,
            origins: Vec::new(),
            listen: default_listen(),
            ..Self::local(&self.origin, 0)
        };
        let defaults = toml::Table::try_from(&bare)?;
        let named = ["origin", "rp_id", "public_url", "listen"];
        all.retain(|key, value| named.contains(&key) || defaults.get(key) != Some(value));
        toml::to_string(&all)
    }

    /// Name of the governance log.
    #[must_use]
    pub fn gov_origin(&self) -> String {
        format!("{}/gov", self.origin)
    }

    /// All origins that a client may state in clientDataJSON.
    #[must_use]
    pub fn allowed_origins(&self) -> Vec<String> {
        let mut all = vec![self.public_url.clone()];
        all.extend(self.origins.iter().filter(|o| **o != self.public_url).cloned());
        all
    }

    /// The thumbprints in `external_issuers`.
    ///
    /// # Errors
    /// `config.invalid`.
    pub fn external_kids(&self) -> Result<Vec<[u8; 32]>, Error> {
        let wrong = || Refusal::Config("`external_issuers` are 64 lowercase digits each".into());
        let kids = self.external_issuers.iter();
        kids.map(|t| placet_proto::b64::decode_hex_array(t).map_err(|_| wrong().into())).collect()
    }

    /// The ranges in `trusted_proxy`.
    ///
    /// # Errors
    /// `config.invalid`.
    pub fn trusted_proxies(&self) -> Result<Vec<Network>, Error> {
        let read = |text: &String| {
            text.parse().map_err(|e| Refusal::Config(format!("`trusted_proxy`: {e}")).into())
        };
        self.trusted_proxy.iter().map(read).collect()
    }

    /// Browsers bind passkeys to names, and let a page use those of its own host or of a domain
    /// above it.
    fn check_rp_id(&self) -> Result<(), Error> {
        let bad = |what: &str| Err(Refusal::Config(what.to_owned()).into());
        let (_, authority) = self.public_url.split_once("://").unwrap_or_default();
        let bracketed = authority.starts_with('[');
        let host = authority.split(':').next().unwrap_or_default();
        if bracketed || host.parse::<std::net::IpAddr>().is_ok() {
            return bad("`public_url` names a host: browsers have no passkeys for IP addresses");
        }
        if self.rp_id.parse::<std::net::IpAddr>().is_ok() {
            return bad("`rp_id` is a host name: browsers have no passkeys for IP addresses");
        }
        let below = host.strip_suffix(&self.rp_id).is_some_and(|rest| rest.ends_with('.'));
        if host != self.rp_id && !below {
            return bad("`rp_id` is the host of `public_url` or a domain above it");
        }
        Ok(())
    }

    /// What has to hold so that sessions and tokens never travel in the open.
    fn check_transport(&self) -> Result<(), Error> {
        let bad = |what: &str| Err(Refusal::Config(what.to_owned()).into());
        if self.trusted_proxies()?.len() > MAX_PROXIES {
            return bad("`trusted_proxy` are at most 64");
        }
        let https = self.public_url.starts_with("https://");
        match (&self.tls_cert, &self.tls_key) {
            (Some(_), Some(_)) if !https => {
                return bad("`public_url` begins with https:// where `tls_cert` is set");
            }
            (Some(_), None) | (None, Some(_)) => {
                return bad("`tls_cert` and `tls_key` come together");
            }
            _ => {}
        }
        let (_, host) = self.public_url.split_once("://").unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default();
        if !https && host != "localhost" && !host.ends_with(".localhost") {
            return bad(
                "`public_url` begins with https://, unless its host is localhost: browsers \
                        have no passkeys elsewhere",
            );
        }
        self.check_figures(host)?;
        let on_this_machine = self.listen.parse::<std::net::SocketAddr>();
        let on_this_machine = on_this_machine.is_ok_and(|address| address.ip().is_loopback());
        if !self.dev && !on_this_machine && self.tls_cert.is_none() && self.trusted_proxy.is_empty()
        {
            return bad("who listens beyond this machine sets `tls_cert` and `tls_key`, or \
                        `trusted_proxy` for the proxy that does TLS");
        }
        Ok(())
    }

    /// Behind a proxy on this machine everybody seems to be on this machine: `metrics_public` would
    /// show the figures to all of them.
    fn check_figures(&self, host: &str) -> Result<(), Error> {
        let local = host == "localhost" || host.ends_with(".localhost");
        if !self.metrics_public || local {
            return Ok(());
        }
        let loopback: [std::net::IpAddr; 2] =
            [std::net::Ipv4Addr::LOCALHOST.into(), std::net::Ipv6Addr::LOCALHOST.into()];
        let proxies = self.trusted_proxies()?;
        let proxied = proxies.iter().any(|p| loopback.iter().any(|address| p.contains(*address)));
        let listen = self.listen.parse::<std::net::SocketAddr>();
        if proxied || listen.is_ok_and(|address| address.ip().is_loopback()) {
            return Err(bad(
                "`metrics_public` is not for a service behind a proxy on this machine: \
                            make a token of scope metrics",
            ));
        }
        Ok(())
    }

    fn check(&self) -> Result<(), Error> {
        self.check_transport()?;
        if self.external_kids()?.len() > 64 {
            return Err(Refusal::Config("`external_issuers` are at most 64".into()).into());
        }
        crate::notify::config::check(&self.notify, &crate::outbound::rules(self)?)?;
        let bad = |what: &str| Err(Refusal::Config(what.to_owned()).into());
        let name = |text: &str| {
            !text.is_empty()
                && text.len() <= 200
                && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+')
        };
        if !name(&self.origin) {
            return bad("`origin` is 1 to 200 bytes without spaces and without `+`");
        }
        if !name(&self.rp_id) {
            return bad("`rp_id` is a host name");
        }
        if !name(&self.audience) {
            return bad("`audience` is 1 to 200 bytes without spaces");
        }
        let scheme = self.public_url.split_once("://");
        if scheme.is_none_or(|(_, host)| host.is_empty() || host.contains('/')) {
            return bad("`public_url` is an origin: scheme, host and port, without a path");
        }
        self.check_rp_id()?;
        if self.listen.parse::<std::net::SocketAddr>().is_err() {
            return bad("`listen` is an address and a port, such as 127.0.0.1:8420");
        }
        let asked = self.attestation != Conveyance::None && self.attestation_roots.is_some();
        if self.require_attested && !asked {
            return bad("`require_attested` needs `attestation` and `attestation_roots`");
        }
        if self.recosign_open_s == 0 || self.recosign_idle_s == 0 || self.outcome_s == 0 {
            return bad("`recosign_open_s`, `recosign_idle_s` and `outcome_s` are at least 1");
        }
        if self.request_s == 0 || self.request_s > MAX_OPEN_S {
            return bad("`request_s` is 1 second to 90 days");
        }
        if !self.dev && self.request_s < 60 {
            return bad("`request_s` is at least 60: people have to read what they sign");
        }
        if self.max_open_per_agent == 0 || self.openings_per_minute == 0 {
            return bad("`max_open_per_agent` and `openings_per_minute` are at least 1");
        }
        let rates = [self.person_rate, self.token_rate, self.address_rate, self.sign_in_rate];
        let most = [&rates[..], &[self.address_connections]].concat();
        if !most.iter().all(|n| (1..=MAX_RATE).contains(n)) {
            return bad("`*_rate` and `address_connections` are 1 to 1000000");
        }
        let origin = |o: &String| o.split_once("://").is_some_and(|(_, host)| !host.contains('/'));
        if self.callback_origins.len() > 64 || !self.callback_origins.iter().all(origin) {
            return bad("`callback_origins` are at most 64 origins: scheme, host and port");
        }
        if !self.dev && self.recovery_delay_s < 86_400 {
            return bad("`recovery_delay_s` is at least 86400: people have to hear of it");
        }
        if self.witness_policy.is_empty() {
            return Ok(());
        }
        match placet_proto::tlog::Policy::parse(self.witness_policy.as_bytes()) {
            Ok(policy) if policy.logs().is_empty() => Ok(()),
            Ok(_) => bad("`witness_policy` has no `log` lines: they are in the trust file"),
            Err(e) => bad(&format!("`witness_policy`: {e}")),
        }
    }
}

/// `config.invalid`, with what is wrong.
pub(super) fn bad(what: &str) -> Error {
    Refusal::Config(what.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_round_trip_and_defaults_are_filled_in() {
        let tmp = tempfile::tempdir().unwrap();
        std::fs::create_dir(tmp.path().join("state")).unwrap();
        let config = Config::local("localhost/demo", 9000);
        config.save(tmp.path()).unwrap();
        assert_eq!(Config::load(tmp.path()).unwrap(), config);
        let text = std::fs::read_to_string(tmp.path().join(FILE_NAME)).unwrap();
        assert!(text.contains("dev = true") && !text.contains("outcome_s"), "{text}");
        let short = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n";
        assert_eq!(Config::parse(short).unwrap().audience, "a/pep");
    }

    #[test]
    fn figures_are_not_public_behind_a_proxy_on_this_machine() {
        let with = |more: &str| {
            let base = "origin='a'\nrp_id='a.example'\npublic_url='https://a.example'\n";
            Config::parse(&format!("{base}metrics_public=true\n{more}\n"))
        };
        assert!(with("").is_err(), "somebody forwards to this loopback listener");
        let proxy = "listen='0.0.0.0:80'\ntrusted_proxy=['127.0.0.0/8']";
        assert!(with(proxy).unwrap_err().to_string().contains("metrics_public"));
        with("listen='0.0.0.0:80'\ntrusted_proxy=['10.0.0.1']").unwrap();
        with("listen='0.0.0.0:443'\ntls_cert='c'\ntls_key='k'").unwrap();
        let local = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n";
        Config::parse(&format!("{local}metrics_public=true\n")).unwrap();
    }

    #[test]
    fn mistakes_are_named() {
        let base = "origin='a'\nrp_id='localhost'\npublic_url='http://localhost:1'\n";
        for (more, names) in [
            ("liste='x'", "liste"),
            ("listen='x'", "listen"),
            ("witness_policy='quorum'", "witness_policy"),
            ("recosign_open_s=0", "recosign_open_s"),
            ("request_s=59", "request_s"),
            ("request_s=7776001", "request_s"),
            ("receipt_alg='rsa'", "receipt_alg"),
            ("external_issuers=['AB']", "external_issuers"),
        ] {
            let error = Config::parse(&format!("{base}{more}\n")).unwrap_err();
            assert_eq!(error.code(), "config.invalid");
            assert!(error.to_string().contains(names), "{error}");
        }
        assert!(Config::parse("origin='a b'\nrp_id='x'\npublic_url='http://x'").is_err());
    }
}

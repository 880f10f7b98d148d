//! Settings, as flags; `config`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Settings: each is a key of placet.toml, too, and a variable PLACET_KEY in capitals.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Settings (flag, else PLACET_*, else placet.toml)")]
pub struct Settings {
    /// Address and port; port 0 takes a free one
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<std::net::SocketAddr>,
    /// Origin of the pages, as browsers see it
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Certificate chain in PEM; read again on SIGHUP and when it changes
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// Proxies whose X-Forwarded-For, -Host and -Proto count: addresses or ranges, by commas
    #[arg(long, value_name = "RANGES")]
    pub trusted_proxy: Option<String>,
    /// Whether /metrics needs no token on this machine
    #[arg(long, value_name = "BOOL")]
    pub metrics_public: Option<bool>,
    /// Further origins that clients may state, by commas
    #[arg(long, value_name = "ORIGINS")]
    pub origins: Option<String>,
    /// Witnesses that the operator runs, by commas
    #[arg(long, value_name = "NAMES")]
    pub operated_by_self: Option<String>,
    /// Milliseconds between two cosigned checkpoints
    #[arg(long, value_name = "MS")]
    pub publish_ms: Option<u64>,
    /// Age in seconds at which a note is renewed while a request is open
    #[arg(long, value_name = "S")]
    pub recosign_open_s: Option<u64>,
    /// Age in seconds at which a note is renewed otherwise
    #[arg(long, value_name = "S")]
    pub recosign_idle_s: Option<u64>,
    /// Seconds after which a missing outcome is recorded as unknown
    #[arg(long, value_name = "S")]
    pub outcome_s: Option<u64>,
    /// Hosts that may be called beside public HTTPS servers, by commas
    #[arg(long, value_name = "HOSTS")]
    pub outbound_allow: Option<String>,
    /// Certificate roots beside the system's, in PEM
    #[arg(long, value_name = "FILE")]
    pub outbound_ca_file: Option<String>,
}

impl Settings {
    /// Keys and values of those that were given.
    #[must_use]
    pub fn given(&self) -> Vec<(&'static str, String)> {
        let number = |n: &Option<u64>| n.map(|n| n.to_string());
        let all = [
            ("listen", self.listen.map(|a| a.to_string())),
            ("public_url", self.public_url.clone()),
            ("tls_cert", self.tls_cert.clone()),
            ("tls_key", self.tls_key.clone()),
            ("trusted_proxy", self.trusted_proxy.clone()),
            ("metrics_public", self.metrics_public.map(|b| b.to_string())),
            ("origins", self.origins.clone()),
            ("operated_by_self", self.operated_by_self.clone()),
            ("publish_ms", number(&self.publish_ms)),
            ("recosign_open_s", number(&self.recosign_open_s)),
            ("recosign_idle_s", number(&self.recosign_idle_s)),
            ("outcome_s", number(&self.outcome_s)),
            ("outbound_allow", self.outbound_allow.clone()),
            ("outbound_ca_file", self.outbound_ca_file.clone()),
        ];
        all.into_iter().filter_map(|(key, value)| value.map(|value| (key, value))).collect()
    }
}

/// `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print the settings in force, each with where it comes from
    Check {
        /// The ledger's folder
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Settings as `serve` takes them.
        #[command(flatten)]
        settings: Settings,
    },
}

//! Enforcement points in front of other programs: `gateway`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `gateway`.
#[derive(Debug, Subcommand)]
pub enum Gateway {
    /// Run the HTTP gateway: a reverse proxy, and the answers for nginx, Caddy and Envoy
    Http(Box<GatewayHttp>),
    /// Judge a gateway's configuration; names file, line and reason
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// `gateway http`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("where").required(true).args(["dir", "ledger"])))]
pub struct GatewayHttp {
    /// The route table, and where the API is
    #[arg(long, value_name = "FILE", default_value = "gateway.toml")]
    pub config: PathBuf,
    /// A ledger's folder: its service runs in this process too
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Address of the ledger's service
    #[arg(long, value_name = "URL", requires = "token_file")]
    pub ledger: Option<String>,
    /// File with a token of scope pep
    #[arg(long, value_name = "FILE", conflicts_with = "dir")]
    pub token_file: Option<PathBuf>,
    /// Certificate roots for the ledger, in PEM, in place of the system's
    #[arg(long, env = "PLACET_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Address and port for agents, and for nginx and Caddy
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8430")]
    pub listen: SocketAddr,
    /// Address and port for Envoy (ext_authz over gRPC, without TLS)
    #[arg(long, value_name = "ADDRESS")]
    pub ext_authz: Option<SocketAddr>,
    /// Certificate chain, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

//! The demonstration's ledger: made once, opened again at the next run on the same folder.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use placet_ledger::service::keys::{Keys, Sign as _};
use placet_ledger::service::{Config, Ledger, Surroundings};
use placet_ledger::{Dir, LogId};
use placet_pep::policy::PolicyFiles;
use placet_proto::tlog::Policy;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::children::Children;
use crate::commands::{init, keys, witness};
use crate::error::Failure;
use crate::service;

/// Name of the demonstration's main log.
const ORIGIN: &str = "localhost/demo";
/// The witnesses, by their names in the policy.
pub const WITNESSES: [&str; 2] = ["one", "two"];
/// Milliseconds between two cosigned checkpoints: somebody is watching.
const PUBLISH_MS: u64 = 200;

/// A ledger with its witnesses, and the listener for its service.
pub struct Ready {
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// The one-time code, if the ledger is new.
    pub code: Option<String>,
    /// Where the service is to listen.
    pub listener: TcpListener,
    /// Its address.
    pub address: SocketAddr,
    /// URLs of the witnesses.
    pub witnesses: Vec<String>,
}

/// Brings it up.
///
/// # Errors
/// `demo.folder` for a ledger that no demonstration made; those of the ledger and of starting.
pub fn ready(root: &Path, runtime: &Runtime, children: &Children) -> Result<Ready, Failure> {
    let known = initialised(root)?;
    let dir = match Dir::is_vacant(root) {
        true => Dir::init(root)?,
        false => Dir::open(root)?,
    };
    let config = match known {
        true => known_config(root)?,
        false => Config::local(ORIGIN, 0),
    };
    let listen = config.listen.parse().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
    let (listener, address) = runtime.block_on(service::listen(listen))?;
    let config = match known {
        true => config,
        false => Config { publish_ms: PUBLISH_MS, ..Config::local(ORIGIN, address.port()) },
    };
    folder(&root.join("demo"))?;
    let (config, witnesses) = start_witnesses(&dir, config, children)?;
    // The ledger takes the folder's lock itself.
    drop(dir);
    let (ledger, code) = match known {
        true => {
            config.save(root)?;
            (Ledger::open(root, Surroundings::default())?, None)
        }
        false => {
            let made = init::make(root, &config, &PolicyFiles::demo())?;
            (made.ledger, Some(made.code))
        }
    };
    Ok(Ready { ledger, code, listener, address, witnesses })
}

/// Whether a ledger was made here to the end: both logs have a cosigned checkpoint.
fn initialised(root: &Path) -> Result<bool, Failure> {
    if !root.join("FORMAT").exists() {
        return Ok(false);
    }
    let dir = Dir::open_read_only(root)?;
    Ok(LogId::ALL.into_iter().all(|id| dir.tiles(id).join("checkpoint").exists()))
}

fn known_config(root: &Path) -> Result<Config, Failure> {
    let config = Config::load(root)?;
    if !config.dev || !root.join("demo").is_dir() {
        let detail = "this folder holds a ledger that no demonstration made";
        return Err(Failure::refused("demo.folder", detail));
    }
    Ok(config)
}

/// Starts both witnesses, on the ports that they had if those are free, and puts them into the
/// settings.
fn start_witnesses(
    dir: &Dir,
    mut config: Config,
    children: &Children,
) -> Result<(Config, Vec<String>), Failure> {
    let keys = Keys::load_or_create(dir, config.receipt_alg)?;
    let of_log = |(origin, keys): (String, &placet_ledger::service::keys::LogKeys)| {
        let vkey = keys::vkey(&origin, keys.checkpoint.public_key())?;
        Some((origin, vkey))
    };
    let logs = [(config.origin.clone(), &keys.main), (config.gov_origin(), &keys.gov)];
    let logs: Vec<(String, String)> = logs.into_iter().filter_map(of_log).collect();
    let ports = ports(&config);
    let mut text = String::new();
    let mut urls = Vec::new();
    for (at, name) in WITNESSES.into_iter().enumerate() {
        let folder = witness_folder(dir.root(), name)?;
        let vkey = witness::init(&folder, &format!("localhost/witness-{name}"), &logs)?;
        let url = children.witness(&folder, ports.get(at).copied().flatten())?;
        text.push_str(&format!("witness {name} {vkey} {url}\n"));
        urls.push(url);
    }
    text.push_str(&format!("group both all {}\nquorum both\n", WITNESSES.join(" ")));
    config.witness_policy = text;
    // Both are run by whoever runs the ledger: nothing independent stands behind them.
    config.operated_by_self = WITNESSES.map(str::to_owned).into();
    Ok((config, urls))
}

/// Ports of the witnesses in the settings.
fn ports(config: &Config) -> Vec<Option<u16>> {
    let policy = Policy::parse(config.witness_policy.as_bytes()).ok();
    let witnesses = policy.iter().flat_map(|p| p.witnesses());
    witnesses
        .map(|w| {
            let url = String::from_utf8_lossy(w.url.as_deref().unwrap_or_default()).into_owned();
            url.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
        })
        .collect()
}

fn witness_folder(root: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = root.join("witness").join(name);
    folder(&path)?;
    Ok(path)
}

/// A folder for its owner only.
///
/// # Errors
/// `io.error`.
pub fn folder(path: &Path) -> Result<(), Failure> {
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700).recursive(true).create(path).map_err(Failure::io(path))
}

//! `serve`: the service.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use placet_ledger::Dir;
use placet_ledger::http;
use placet_ledger::service::{Config, Ledger, Surroundings};
use placet_pep::policy::PolicyFiles;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::init;
use crate::cli::Serve;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;
use crate::service::{self, Signals};

/// Origin of a ledger that `--dev` makes.
const DEV_ORIGIN: &str = "localhost/placet";

/// Serves until SIGINT or SIGTERM, then lets requests finish.
///
/// # Errors
/// `dir.*`, `config.invalid`, `policy.*`, `io.start`.
pub fn run(args: &Serve, output: &mut Output) -> Result<Exit, Failure> {
    log_to_stderr("info");
    let runtime = service::runtime()?;
    runtime.block_on(async {
        let fresh = args.dev && Dir::is_vacant(&args.dir);
        // The settings of a new ledger hold its port, so that the listener comes first.
        let address = match (args.listen, fresh) {
            (Some(address), _) => address,
            (None, true) => SocketAddr::from(([127, 0, 0, 1], 8420)),
            (None, false) => configured(&args.dir)?,
        };
        let (listener, address) = service::listen(address).await?;
        let dir = args.dir.clone();
        let opened = tokio::task::spawn_blocking(move || open(&dir, fresh, address)).await;
        let (ledger, code) = opened.map_err(|e| Failure::Start(e.to_string()))??;
        let code = match (args.new_code, code) {
            (true, None) => Some(ledger.new_bootstrap_code()?),
            (_, code) => code,
        };
        if let Some(code) = code {
            let url = &ledger.config().public_url;
            output.say(&format!("Enrol the first administrator: {url}/enrol  code {code}"));
        }
        serve(ledger, listener, address, output).await
    })?;
    runtime.shutdown_background();
    Ok(Exit::Done)
}

async fn serve(
    ledger: Arc<Ledger>,
    listener: TcpListener,
    address: SocketAddr,
    output: &mut Output,
) -> Result<(), Failure> {
    let router = service::router(&ledger, address)?;
    placet_ledger::notify::start(&ledger)?;
    ledger.dir().set_address(&format!("http://{address}"))?;
    let signals = Signals::catch()?;
    ready(output, address)?;
    http::serve(listener, router, signals.arrived()).await;
    // The last reference closes the logs, which waits for disks and threads.
    let closed = tokio::task::spawn_blocking(move || drop(ledger)).await;
    closed.map_err(|e| Failure::Start(e.to_string()))
}

/// The one line by which whoever started a server knows that it is ready, and where.
///
/// # Errors
/// Output that can't be written.
pub fn ready(output: &mut Output, address: SocketAddr) -> Result<(), Failure> {
    output.write(&format!("placet: listening on http://{address}\n"))
}

/// Sends what the libraries report to standard error; `PLACET_LOG` chooses what.
pub fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_env("PLACET_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call in one process, as in tests, changes nothing.
    let _ = subscriber.try_init();
}

fn configured(dir: &Path) -> Result<SocketAddr, Failure> {
    let config = Config::load(dir)?;
    let parsed = config.listen.parse();
    parsed.map_err(|_| Failure::Usage(format!("placet.toml: listen = {:?}", config.listen)))
}

/// Opens the ledger, or makes one for development; then with the one-time code.
fn open(
    dir: &Path,
    fresh: bool,
    address: SocketAddr,
) -> Result<(Arc<Ledger>, Option<String>), Failure> {
    if !fresh {
        return Ok((Ledger::open(dir, Surroundings::default())?, None));
    }
    let mut config = Config::local(DEV_ORIGIN, address.port());
    config.listen = address.to_string();
    let made = init::make(dir, &config, &PolicyFiles::demo())?;
    Ok((made.ledger, Some(made.code)))
}

//! `serve`: the service.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use placet_ledger::Dir;
use placet_ledger::http;
use placet_ledger::http::server::Serving;
use placet_ledger::http::tls::Tls;
use placet_ledger::service::{Config, Ledger, Surroundings, settings};
use placet_pep::policy::PolicyFiles;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use super::development::Watched;
use super::init;
use crate::cli::Serve;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;
use crate::service::{self, Signals};

/// Time between two looks at what command lines noted.
const NOTED: Duration = Duration::from_secs(2);
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
        let config = if fresh { None } else { Some(settings(args)?) };
        let address = match &config {
            Some(config) => configured(config)?,
            None => first_address(args)?,
        };
        let (listener, address) = service::listen(address).await?;
        let dir = args.dir.clone();
        let config = match config {
            Some(config) => Work::Open(config),
            None => Work::Make(first_settings(args, address)?),
        };
        let policy = args.policy.clone();
        let opened = tokio::task::spawn_blocking(move || open(&dir, config, policy.as_deref()));
        let opened = opened.await.map_err(|e| Failure::Start(e.to_string()))??;
        let Opened { ledger, code, watched } = opened;
        let code = match (args.new_code, code) {
            (true, None) => Some(ledger.new_bootstrap_code()?),
            (_, code) => code,
        };
        if let Some(code) = code {
            let url = &ledger.config().public_url;
            output.say(&format!("Enrol the first administrator: {url}/enrol  code {code}"));
        }
        serve(ledger, watched, listener, address, args.dev, output).await
    })?;
    runtime.shutdown_background();
    Ok(Exit::Done)
}

async fn serve(
    ledger: Arc<Ledger>,
    watched: Option<Watched>,
    listener: TcpListener,
    address: SocketAddr,
    open_here: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let router = service::router(&ledger, address, open_here)?;
    placet_ledger::notify::start(&ledger)?;
    ledger.record_settings()?;
    let tls = tls(&ledger)?;
    let url = url_of(address, tls.is_some());
    ledger.dir().set_address(&url)?;
    let signals = Signals::catch()?;
    beside(&ledger, tls.clone())?;
    if let Some(mut watched) = watched {
        let first = Arc::clone(&ledger);
        // What changed while nobody served is in force before anybody is answered. The guard that
        // judges policies came with the router.
        let looked = tokio::task::spawn_blocking(move || {
            watched.begin(&first);
            watched
        });
        looked.await.map_err(|e| Failure::Start(e.to_string()))?.keep(&ledger);
    }
    let proxies = ledger.config().trusted_proxies()?;
    let of_address = Some(ledger.config().address_connections);
    let serving = Serving { tls, proxies, of_address };
    advise(&ledger);
    ready(output, &url)?;
    http::server::serve_with(listener, serving, router, signals.arrived()).await;
    // The last reference closes the logs, which waits for disks and threads.
    let closed = tokio::task::spawn_blocking(move || drop(ledger)).await;
    closed.map_err(|e| Failure::Start(e.to_string()))
}

/// Says what the settings leave to somebody else.
fn advise(ledger: &Ledger) {
    let config = ledger.config();
    if config.public_url.starts_with("https://") && config.tls_cert.is_none() {
        tracing::info!("TLS is left to a proxy in front");
        if config.trusted_proxy.is_empty() {
            tracing::warn!("without `trusted_proxy` all clients behind that proxy are one");
        }
    }
}

/// The certificate that the settings name.
///
/// # Errors
/// `config.invalid`, `ledger.io`.
pub(super) fn tls(ledger: &Ledger) -> Result<Option<Tls>, Failure> {
    let (config, root) = (ledger.config(), ledger.dir().root());
    let (Some(chain), Some(key)) = (&config.tls_cert, &config.tls_key) else { return Ok(None) };
    Ok(Some(Tls::load(&root.join(chain), &root.join(key))?))
}

/// Where a listener is reached: on this machine by a name, since browsers have no passkeys for IP
/// addresses.
#[must_use]
pub fn url_of(address: SocketAddr, tls: bool) -> String {
    let scheme = if tls { "https" } else { "http" };
    match address.ip().is_loopback() {
        true => format!("{scheme}://localhost:{}", address.port()),
        false => format!("{scheme}://{address}"),
    }
}

/// The one line by which whoever started a server knows that it is ready, and where.
///
/// # Errors
/// Output that can't be written.
pub fn ready(output: &mut Output, url: &str) -> Result<(), Failure> {
    output.write(&format!("placet: listening on {url}\n"))
}

/// Sends what the libraries report to standard error; `PLACET_LOG` chooses what, and
/// `PLACET_LOG_FORMAT=json` one JSON object a line.
pub fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_env("PLACET_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let json = std::env::var("PLACET_LOG_FORMAT").is_ok_and(|format| format == "json");
    // A second call in one process, as in tests, changes nothing.
    let _ = if json { subscriber.json().try_init() } else { subscriber.try_init() };
}

/// The settings of a folder, with variables and flags over them. Files that are named are sought in
/// the folder.
fn settings(args: &Serve) -> Result<Config, Failure> {
    let variable = |name: &str| std::env::var(name).ok();
    Ok(settings::load(&args.dir, &variable, args.settings.given())?.0)
}

/// Where a ledger that is made now listens.
fn first_address(args: &Serve) -> Result<SocketAddr, Failure> {
    let given = args.settings.text("listen");
    let given = given.map(|text| text.parse().map_err(|_| wrong_address(&text))).transpose()?;
    Ok(given.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8420))))
}

/// Settings of a development ledger that is made now; they are kept in its `placet.toml`.
fn first_settings(args: &Serve, address: SocketAddr) -> Result<Config, Failure> {
    let mut given: Vec<(&str, String)> = args.settings.given().to_vec();
    given.retain(|(key, _)| *key != "listen");
    let mut fill = |key, value: String| {
        if args.settings.text(key).is_none() {
            given.push((key, value));
        }
    };
    fill("public_url", format!("http://localhost:{}", address.port()));
    fill("origins", "cli://localhost".to_owned());
    given.extend([
        ("listen", address.to_string()),
        ("origin", DEV_ORIGIN.to_owned()),
        ("rp_id", "localhost".to_owned()),
        ("dev", "true".to_owned()),
    ]);
    Ok(settings::first(&|name| std::env::var(name).ok(), &given)?)
}

fn wrong_address(text: &str) -> Failure {
    Failure::Usage(format!("listen: {text:?} is not an address and a port"))
}

/// Where the settings say that it listens.
///
/// # Errors
/// An address that is none.
pub(super) fn configured(config: &Config) -> Result<SocketAddr, Failure> {
    config.listen.parse().map_err(|_| wrong_address(&config.listen))
}

/// What is done before serving.
enum Work {
    Open(Config),
    Make(Config),
}

/// A ledger that is open.
struct Opened {
    ledger: Arc<Ledger>,
    /// The one-time code, of one that was made now.
    code: Option<String>,
    watched: Option<Watched>,
}

/// Opens the ledger or makes it.
fn open(dir: &Path, work: Work, policy: Option<&Path>) -> Result<Opened, Failure> {
    let (ledger, code) = match work {
        Work::Open(config) => (Ledger::open_with(dir, config, Surroundings::default())?, None),
        Work::Make(config) => {
            let files = policy.map_or_else(|| Ok(PolicyFiles::demo()), PolicyFiles::read)?;
            let made = init::make(dir, &config, &files)?;
            (made.ledger, Some(made.code))
        }
    };
    let watched = match policy {
        Some(folder) => Watched::of(&ledger, folder)?,
        None => None,
    };
    // The administrator's own enrolment took the code that there was.
    let code = match (&watched, code) {
        (Some(_), Some(_)) => Some(ledger.new_bootstrap_code()?),
        (_, code) => code,
    };
    Ok(Opened { ledger, code, watched })
}

/// What is done beside answering: the certificate is kept fresh, and what command lines noted is
/// recorded. Ends with the runtime.
///
/// # Errors
/// `io.start`.
pub(super) fn beside(ledger: &Arc<Ledger>, tls: Option<Tls>) -> Result<(), Failure> {
    let (tell, told) = tokio::sync::mpsc::channel(1);
    let mut hangups = Signals::hangups()?;
    tokio::spawn(async move {
        // Without a certificate a SIGHUP means nothing, and must not end the service either.
        while hangups.recv().await.is_some() {
            let _ = tell.try_send(());
        }
    });
    if let Some(tls) = tls {
        tokio::spawn(tls.keep_fresh(told));
    }
    let ledger = Arc::downgrade(ledger);
    tokio::spawn(async move {
        let mut rounds = tokio::time::interval(NOTED);
        loop {
            rounds.tick().await;
            let Some(ledger) = ledger.upgrade() else { break };
            let recorded = tokio::task::spawn_blocking(move || ledger.record_noted_acts()).await;
            if let Ok(Err(error)) = recorded {
                tracing::warn!(%error, "an act of administration is not recorded yet");
            }
        }
    });
    Ok(())
}

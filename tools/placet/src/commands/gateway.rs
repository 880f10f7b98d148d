//! `gateway`: the HTTP enforcement point.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use placet_ledger::http;
use placet_ledger::http::server::Serving;
use placet_ledger::http::tls::Tls;
use placet_ledger::service::{self as ledger_service, Ledger, Surroundings};
use placet_pep::enforce::{Embedded, Enforcer, Remote, RemoteConfig, Settings};
use placet_pep::gateway::challenge::{Challenge, OfLedger};
use placet_pep::gateway::config::Config;
use placet_pep::gateway::{Gateway as Pep, envoy};
use placet_pep::identity::clients::AnyClient;
use placet_pep::identity::{Identify, Identities};
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::serve::{beside, configured, log_to_stderr, ready, tls, url_of};
use crate::cli::{Gateway, GatewayHttp};
use crate::client::read_token;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::{Output, Shown};
use crate::service::{self, Signals};

/// Runs a gateway, or judges its configuration.
///
/// # Errors
/// `gateway.config`, `identity.config`, `enforce.config`, `io.start`, and those of the ledger.
pub fn run(command: &Gateway, output: &mut Output) -> Result<Exit, Failure> {
    match command {
        Gateway::Check { file } => {
            let config = load(file)?;
            identify(&config)?;
            output.show(&Checked::of(&config))?;
        }
        Gateway::Http(args) => {
            log_to_stderr("info");
            let config = load(&args.config)?;
            check_open(args, &config)?;
            let identify = identify(&config)?;
            let runtime = service::runtime()?;
            runtime.block_on(serve(args, config, identify, output))?;
            runtime.shutdown_background();
        }
    }
    Ok(Exit::Done)
}

/// Credentials and bodies travel open without TLS: beyond this machine somebody has to do it.
fn check_open(args: &GatewayHttp, config: &Config) -> Result<(), Failure> {
    if config.behind_tls {
        return Ok(());
    }
    if !args.listen.ip().is_loopback() && args.tls_cert.is_none() {
        let detail = "--listen beyond this machine needs --tls-cert and --tls-key, or \
                      `behind_tls = true` in the file where something in front does TLS";
        return Err(Failure::refused("gateway.config", detail));
    }
    if args.ext_authz.is_some_and(|address| !address.ip().is_loopback()) {
        let detail = "--ext-authz has no TLS: beyond this machine it needs `behind_tls = true` in \
                      the file, where a tunnel or a mesh does it";
        return Err(Failure::refused("gateway.config", detail));
    }
    Ok(())
}

fn load(file: &Path) -> Result<Config, Failure> {
    Ok(Config::load(file).map_err(placet_pep::Error::from)?)
}

fn identify(config: &Config) -> Result<Arc<dyn Identify>, Failure> {
    let tables = config.identities.clone();
    if tables.is_empty() {
        let detail = "`tokens` or [[identity]] is missing: nobody is known";
        return Err(Failure::refused("gateway.config", detail));
    }
    let known = Identities::from_tables(tables, &config.folder);
    Ok(Arc::new(known.map_err(placet_pep::Error::from)?))
}

async fn serve(
    args: &GatewayHttp,
    config: Config,
    identify: Arc<dyn Identify>,
    output: &mut Output,
) -> Result<(), Failure> {
    let signals = Signals::catch()?;
    let (ends, ending) = watch::channel(false);
    let local = match &args.dir {
        Some(dir) => Some(Local::start(dir, ending.clone(), output).await?),
        None => None,
    };
    if config.evidence.is_none() {
        tracing::warn!("the ledger's word is taken for approvals: no [evidence] in the file");
    }
    let settings = Settings { evidence: config.evidence.clone(), ..Settings::default() };
    let (enforcer, challenge): (_, Arc<dyn Challenge>) = match &local {
        Some(local) => {
            let ledger = local.embedded()?;
            let enforcer = Enforcer::with_settings(ledger.clone(), settings);
            (enforcer, Arc::new(OfLedger::new(ledger)))
        }
        None => {
            let enforcer = Enforcer::with_settings(remote(args)?, settings);
            (enforcer, Arc::new(OfLedger::new(remote(args)?)))
        }
    };
    let gateway = Pep::new(config, enforcer, identify, Some(challenge))
        .map_err(|detail| Failure::refused("gateway.config", detail))?;
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(chain), Some(key)) => {
            Some(Tls::with_clients(chain, key, Some(AnyClient::verifier()))?)
        }
        _ => None,
    };
    if let Some(tls) = tls.clone() {
        // The files are looked at; a signal is not needed.
        let (_, never) = tokio::sync::mpsc::channel(1);
        tokio::spawn(tls.keep_fresh(never));
    }
    let (listener, address) = service::listen(args.listen).await?;
    let envoy = match args.ext_authz {
        Some(address) => Some(envoy_at(address, &gateway, ending.clone(), output).await?),
        None => None,
    };
    ready(output, &url_of(address, tls.is_some()))?;
    let router = gateway.routes();
    let serving = Serving { tls, ..Serving::default() };
    let main = http::server::serve_with(listener, serving, router, ended(ending));
    let stop = async {
        signals.arrived().await;
        ends.send_replace(true);
    };
    tokio::join!(main, stop);
    if let Some(envoy) = envoy {
        let _ = envoy.await;
    }
    drop(gateway);
    match local {
        Some(local) => local.finish().await,
        None => Ok(()),
    }
}

async fn envoy_at(
    address: SocketAddr,
    gateway: &Pep,
    ending: watch::Receiver<bool>,
    output: &mut Output,
) -> Result<JoinHandle<()>, Failure> {
    let (listener, address) = service::listen(address).await?;
    output.write(&format!("placet: ext_authz at {address}\n"))?;
    Ok(tokio::spawn(envoy::serve(listener, gateway.clone(), ended(ending))))
}

async fn ended(mut ending: watch::Receiver<bool>) {
    // An error means that whoever could say it is gone, which is the end too.
    let _ = ending.wait_for(|ended| *ended).await;
}

fn remote(args: &GatewayHttp) -> Result<Remote, Failure> {
    let config = RemoteConfig {
        url: args.ledger.clone().unwrap_or_default(),
        token_file: args.token_file.clone(),
        ca_file: args.ca_file.clone(),
        client_certificate: None,
    };
    Ok(Remote::new(&config).map_err(placet_pep::Error::from)?)
}

/// A ledger's service in this process: persons answer at its own address.
struct Local {
    ledger: Arc<Ledger>,
    router: axum::Router,
    serving: JoinHandle<()>,
}

impl Local {
    async fn start(
        dir: &Path,
        ending: watch::Receiver<bool>,
        output: &mut Output,
    ) -> Result<Self, Failure> {
        let folder = dir.to_path_buf();
        let opened = tokio::task::spawn_blocking(move || {
            let variable = |name: &str| std::env::var(name).ok();
            let (config, _) = ledger_service::settings::load(&folder, &variable, &[])?;
            Ok::<_, Failure>(Ledger::open_with(&folder, config, Surroundings::default())?)
        });
        let ledger = opened.await.map_err(|e| Failure::Start(e.to_string()))??;
        let (listener, address) = service::listen(configured(ledger.config())?).await?;
        let router = service::router(&ledger, address, false)?;
        placet_ledger::notify::start(&ledger)?;
        ledger.record_settings()?;
        let tls = tls(&ledger)?;
        let url = url_of(address, tls.is_some());
        ledger.dir().set_address(&url)?;
        beside(&ledger, tls.clone())?;
        let proxies = ledger.config().trusted_proxies()?;
        let of_address = Some(ledger.config().address_connections);
        let serving = Serving { tls, proxies, of_address };
        let served = http::server::serve_with(listener, serving, router.clone(), ended(ending));
        output.write(&format!("placet: the ledger is at {url}\n"))?;
        Ok(Self { ledger, router, serving: tokio::spawn(served) })
    }

    fn embedded(&self) -> Result<Embedded, Failure> {
        let file = self.ledger.dir().root().join("keys").join(placet_pep::http::token::FILE);
        let token = read_token(&file)?;
        let embedded = Embedded::new(&self.ledger, self.router.clone(), &token);
        Ok(embedded.map_err(placet_pep::Error::from)?)
    }

    /// The last reference closes the logs, which waits for disks and threads.
    async fn finish(self) -> Result<(), Failure> {
        let Self { ledger, router, serving } = self;
        let _ = serving.await;
        let closed = tokio::task::spawn_blocking(move || drop((router, ledger)));
        closed.await.map_err(|e| Failure::Start(e.to_string()))
    }
}

#[derive(Debug, Serialize)]
struct Checked {
    schema: &'static str,
    routes: Vec<Line>,
}

#[derive(Debug, Serialize)]
struct Line {
    line: usize,
    methods: Vec<String>,
    path: String,
    action: String,
}

impl Checked {
    fn of(config: &Config) -> Self {
        let routes = config.routes.iter().map(|route| Line {
            line: route.line,
            methods: route.methods.iter().map(ToString::to_string).collect(),
            path: route.template.to_string(),
            action: route.action.clone(),
        });
        Self { schema: "placet/gateway-check/v1", routes: routes.collect() }
    }
}

impl Shown for Checked {
    fn text(&self) -> String {
        let line = |r: &Line| {
            format!("{:>5}  {}  {}  {}\n", r.line, r.methods.join(","), r.path, r.action)
        };
        let routes: String = self.routes.iter().map(line).collect();
        format!("{routes}{} routes, in the order in which they are tried\n", self.routes.len())
    }
}

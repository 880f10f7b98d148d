//! The whole service in this process, on one listener: decision point, pages, SCRAPI, C2SP files.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use placet_ledger::http::{self, App};
use placet_ledger::service::Ledger;
use placet_pep::http::{Pep, token};
use placet_pep::policy::PolicyFiles;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Failure;

/// A runtime for servers.
///
/// # Errors
/// `io.start`.
pub fn runtime() -> Result<Runtime, Failure> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|e| Failure::Start(format!("the asynchronous runtime: {e}")))
}

/// Binds a listener; port 0 takes a free one. Gives the address that it has then.
///
/// # Errors
/// `io.start`.
pub async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |e: std::io::Error| Failure::Start(format!("can't listen on {address}: {e}"));
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// All routes of an open ledger that listens at this address. `open_here`: programs on this machine
/// need no token, if it is a development ledger.
///
/// # Errors
/// `policy.missing` outside development when the policy in force is the one that a ledger without
/// a policy has, and those of arming the policy.
pub fn router(
    ledger: &Arc<Ledger>,
    address: SocketAddr,
    open_here: bool,
) -> Result<Router, Failure> {
    let (_, files) = ledger.policy_files()?;
    let denies_all = files.is_empty() || PolicyFiles::from_files(files)? == PolicyFiles::deny_all();
    if denies_all && !ledger.config().dev {
        let detail = "this ledger has no policy: make it with `placet init --policy FOLDER`";
        return Err(Failure::refused("policy.missing", detail));
    }
    let addresses = [address.to_string(), format!("localhost:{}", address.port())];
    let app = App::new(Arc::clone(ledger), &addresses)?;
    if open_here {
        app.open_to_this_machine();
    }
    token::client_file(ledger)?;
    let pep = Pep::new(app.clone())?;
    Ok(http::router(app, pep.routes()))
}

/// SIGINT and SIGTERM, caught from the moment this is made: before a server says that it is ready.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches both; inside the runtime.
    ///
    /// # Errors
    /// `io.start`.
    pub fn catch() -> Result<Self, Failure> {
        let catch = |kind| signal(kind).map_err(|e| Failure::Start(format!("signals: {e}")));
        let interrupt = catch(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: catch(SignalKind::terminate())? })
    }

    /// SIGHUP, by which a service is told to read its certificate again; inside the runtime.
    ///
    /// # Errors
    /// `io.start`.
    pub fn hangups() -> Result<Signal, Failure> {
        signal(SignalKind::hangup()).map_err(|e| Failure::Start(format!("signals: {e}")))
    }

    /// Waits for either.
    pub async fn arrived(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

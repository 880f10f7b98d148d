//! What the tests of the enforcement library share.
#![allow(dead_code)] // Each test file uses a part of it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Request, Response};
use placet_ledger::http;
use placet_ledger::service::RequestState;
use placet_ledger::{LogId, NewEntry, Statement as Stored};
use placet_pep::enforce::{
    Answering, Embedded, EnforceError, Enforcer, Intent, Ledger, Payload, Progress, Remote,
    RemoteConfig, Settings, Verdict,
};
use placet_proto::action::Action;
use placet_proto::document::{Body, Outcome};
use placet_proto::json as strict;
use placet_proto::statement::Statement;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::common::{Web, disable, router_at};

pub fn action(value: &Value) -> Action {
    Action::from_request(&strict::parse(value.to_string().as_bytes()).unwrap()).unwrap()
}

pub fn intent(value: &Value) -> Intent {
    Intent::new(action(value))
}

pub fn read(id: &str) -> Value {
    let mut read = disable(id);
    read["action"]["name"] = json!("read_user");
    read
}

pub fn payload(bytes: &'static [u8]) -> Payload {
    Payload::new("application/json", bytes)
}

pub fn embedded(web: &Web) -> Embedded {
    Embedded::new(&web.ledger, web.router.clone(), &web.token).unwrap()
}

/// An action that must not run.
pub async fn never(intent: Intent) -> Result<(), Infallible> {
    panic!("{intent:?} ran");
}

/// Asks for an approval, which is given: the request, and what the evaluation after it says.
pub async fn approve(web: &mut Web, enforcer: &Enforcer, intent: &Intent) -> (String, Verdict) {
    let Verdict::NeedsApproval(requestable) = enforcer.evaluate(intent).await.unwrap() else {
        panic!("it needs an approval");
    };
    let pending = requestable.submit().await.unwrap();
    web.answer(pending.id(), false);
    let verdict = pending.wait(Duration::from_secs(60)).await.unwrap();
    (pending.id().to_owned(), verdict)
}

/// The verdict on what is approved already.
pub async fn again(enforcer: &Enforcer, intent: &Intent) -> Verdict {
    let Verdict::NeedsApproval(requestable) = enforcer.evaluate(intent).await.unwrap() else {
        panic!("it needs an approval");
    };
    let pending = requestable.submit().await.unwrap();
    let Progress::Approved(approval) = pending.at_submission() else { panic!("it was approved") };
    pending.redeem(approval).await.unwrap()
}

/// The outcome on record.
pub fn outcome(web: &Web, request: &str) -> Option<Outcome> {
    let index = web.ledger.row(request).unwrap().outcome?;
    let Stored::Present(bytes) = web.ledger.log(LogId::Main).statement(index).unwrap() else {
        panic!("it is there")
    };
    match Statement::parse(&bytes).unwrap().document.body {
        Body::Outcome(outcome) => Some(outcome),
        _ => panic!("it is an outcome"),
    }
}

/// The ledger of a test at a port of this machine.
pub struct Served {
    pub url: String,
    end: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
}

impl Served {
    pub async fn start(web: &Web) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let router = router_at(&web.ledger, std::slice::from_ref(&address));
        let (end, ended) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            http::serve(listener, router, async { drop(ended.await) }).await;
        });
        Self { url: format!("http://{address}"), end: Some(end), server }
    }

    pub fn remote(&self, web: &Web) -> Remote {
        let config = RemoteConfig {
            url: self.url.clone(),
            token_file: Some(token_file(web)),
            ..RemoteConfig::default()
        };
        Remote::new(&config).unwrap()
    }

    pub async fn stop(mut self) {
        drop(self.end.take());
        self.server.await.unwrap();
    }
}

pub fn token_file(web: &Web) -> PathBuf {
    let path = web.tmp.path().join("token");
    std::fs::write(&path, &web.token).unwrap();
    path
}

/// What becomes of one call.
#[derive(Clone)]
pub enum Fault {
    None,
    /// The ledger never hears of it.
    Unreached,
    /// The ledger does it, and its answer is lost.
    Lost,
    /// No answer ever comes.
    Hangs,
    /// This body comes instead, as JSON.
    Says(Value),
    /// What the ledger says, changed.
    Changed(fn(Response<Bytes>) -> Response<Bytes>),
}

/// By route, and how often it was called before.
type Plan = dyn Fn(&str, usize) -> Fault + Send + Sync;

/// A ledger with something between it and whoever calls.
#[derive(Clone)]
pub struct Between {
    inner: Arc<dyn Ledger>,
    plan: Arc<Plan>,
    seen: Arc<Mutex<HashMap<String, usize>>>,
    bundle: Option<Arc<Vec<u8>>>,
}

impl Between {
    /// `plan` gets the route and how often it was called before.
    pub fn new(
        inner: impl Ledger,
        plan: impl Fn(&str, usize) -> Fault + Send + Sync + 'static,
    ) -> Self {
        Self { inner: Arc::new(inner), plan: Arc::new(plan), seen: Arc::default(), bundle: None }
    }

    /// One that answers with this bundle, whatever evidence is asked for.
    pub fn evidence(inner: impl Ledger, bundle: Arc<Vec<u8>>) -> Self {
        let mut between = Self::new(inner, |_, _| Fault::None);
        between.bundle = Some(bundle);
        between
    }

    /// How often a route was called.
    pub fn calls(&self, route: &str) -> usize {
        self.seen.lock().unwrap().get(route).copied().unwrap_or(0)
    }
}

impl Ledger for Between {
    fn call(&self, request: Request<Bytes>, max_answer: usize) -> Answering<'_> {
        let path = request.uri().path();
        let route = match path.strip_prefix("/access/v1/requests/") {
            Some(_) => "task",
            None if path.starts_with("/v1/evidence/") => "evidence",
            None => path,
        };
        let mut seen = self.seen.lock().unwrap();
        let nth = seen.entry(route.to_owned()).or_default();
        let fault = (self.plan)(route, *nth);
        *nth += 1;
        let id = request.headers().get("x-request-id").cloned();
        let bundle = self.bundle.clone().filter(|_| route == "evidence");
        Box::pin(async move {
            if let Some(bundle) = bundle {
                let answer = self.inner.call(request, max_answer).await?;
                return Ok(answer.map(|_| Bytes::from(bundle.to_vec())));
            }
            let gone = || EnforceError::Unavailable("cut off".to_owned());
            match fault {
                Fault::None => self.inner.call(request, max_answer).await,
                Fault::Unreached => Err(gone()),
                Fault::Lost => {
                    self.inner.call(request, max_answer).await.map(drop)?;
                    Err(gone())
                }
                Fault::Hangs => std::future::pending().await,
                Fault::Says(value) => {
                    let answer = Response::builder().header("content-type", "application/json");
                    let answer = answer.header("x-request-id", id.unwrap());
                    Ok(answer.body(Bytes::from(value.to_string())).unwrap())
                }
                Fault::Changed(change) => self.inner.call(request, max_answer).await.map(change),
            }
        })
    }
}

/// Settings of a test that does not want to wait.
pub fn impatient() -> Settings {
    let soon = Duration::from_millis(300);
    Settings { call_time: soon, consume_time: soon, outcome_time: soon, ..Settings::default() }
}

/// Makes the disk of a ledger as good as full: entries can be queued, and never be durable.
pub fn fill(web: &Web) {
    // Almost a whole tile, which has to be durable before anything is signed over it.
    let log = web.ledger.log(LogId::Main);
    let few = 254u64.checked_sub(log.size()).unwrap();
    log.append((0..few).map(|n| NewEntry::plain(format!("filler {n}"))).collect()).unwrap();
    // A file where the tiles' folder was.
    let tiles = web.ledger.dir().tiles(LogId::Main).join("tile");
    let blocked = (0..10_000).any(|_| {
        std::fs::remove_dir_all(&tiles).ok();
        std::fs::write(&tiles, "").is_ok()
    });
    assert!(blocked);
}

/// Waits until the ledger holds an outcome.
pub async fn outcome_comes(web: &Web, request: &str) -> Outcome {
    let time = Duration::from_secs(30);
    web.ledger.wait_for_change(request, RequestState::Executed, time).await.unwrap();
    outcome(web, request).expect("an outcome within the time")
}

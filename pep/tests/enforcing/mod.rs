//! What the tests of the enforcement library share.
#![allow(dead_code)] // Each test file uses a part of it.

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use placet_ledger::http;
use placet_ledger::{LogId, Statement as Stored};
use placet_pep::enforce::{
    Embedded, Enforcer, Intent, Payload, Progress, Remote, RemoteConfig, Verdict,
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

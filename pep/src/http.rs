//! The policy decision point over HTTP: AuthZEN Authorization API 1.0 with its Access Request and
//! Approval Profile (ARAP), and what a PEP does with an approval.
//!
//! | path | what |
//! |---|---|
//! | `POST /access/v1/evaluation`, `/evaluations` | decisions, each recorded before it is answered |
//! | `POST /access/v1/search/subject`, `/resource`, `/action` | searches, which record nothing |
//! | `POST /access/v1/requests`, `GET /access/v1/requests/{task}` | asking for an approval |
//! | `POST`, `DELETE /access/v1/requests/{task}/cancel` | withdrawing that |
//! | `POST /v1/consume`, `POST /v1/outcome` | spending an approval once, and telling the outcome |
//! | `POST /v1/transactions`, `/v1/transactions/…` | action-bound tokens: docs/tokens.md |
//! | `GET /.well-known/authzen-configuration` | metadata, open to all |
//!
//! All but the metadata, and `/v1/transactions`, which has a credential of its own, need a token
//! with scope `pep`, such as the one in `keys/pep-token`: [`placet_ledger::http::rules`] sees to
//! that. The profile's *evaluation id*, its *task* and its *approval id* are all the id of our
//! request (a bundle's task has one of its own); none of them is a grant. An approval that comes
//! back in `context.approval` must be the one that we signed, is looked up in the log, and the
//! policy in force now decides again. docs/arap.md has the shapes.

mod approval;
mod binding;
mod callbacks;
mod decide;
mod enforce;
mod evaluate;
mod input;
mod metadata;
mod policy;
mod problems;
mod rates;
mod search;
mod sessions;
mod store;
mod submission;
mod submit;
mod tasks;
pub mod token;
mod tokens;
mod transactions;

use std::sync::{Arc, Mutex, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use placet_ledger::http::App;
use placet_ledger::http::problem::Fault;
use placet_proto::jcs;
use placet_proto::json::Json;

use self::callbacks::Callbacks;
use self::policy::Armed;
use self::rates::Openings;
use self::sessions::Sessions;
use self::store::Store;
use crate::Error;
use crate::identity::dpop::Proofs;
use crate::tokens::keys::Keys;
use crate::tokens::spent::Spent;

const PATH: &str = "/access";

/// The policy decision point of one ledger.
#[derive(Clone)]
pub struct Pep(Arc<Shared>);

struct Shared {
    app: App,
    armed: RwLock<Arc<Armed>>,
    /// Held while submissions find what they join and open the rest.
    opening: Mutex<()>,
    openings: Openings,
    sessions: Sessions,
    store: Arc<Store>,
    token_keys: Keys,
    /// Proofs of possession that agents brought to the service itself.
    proofs: Proofs,
    spent: Spent,
}

impl Pep {
    /// Arms the policy that is in force in the ledger of `app`. To be made before the ledger's
    /// deliveries are started, for callbacks are among them.
    ///
    /// # Errors
    /// `policy.*` for a policy that can't be armed, and those of the ledger.
    pub fn new(app: App) -> Result<Self, Error> {
        let ledger = app.ledger();
        let armed = Armed::load(ledger)?;
        let sessions = Sessions::default();
        sessions.follow(ledger, armed.pdp.local().session_rule())?;
        let armed = RwLock::new(Arc::new(armed));
        ledger.guard_policies(policy::judge);
        let store = Arc::new(Store::open(ledger.dir())?);
        let openings = Openings::new(ledger.config().openings_per_minute);
        let opening = Mutex::default();
        let (token_keys, spent) = (Keys::load_or_create(ledger.dir())?, Spent::open(ledger.dir())?);
        let proofs = Proofs::new(ledger.now());
        let shared =
            Shared { app, armed, opening, openings, sessions, store, token_keys, proofs, spent };
        let pep = Self(Arc::new(shared));
        let callbacks = Callbacks(Arc::downgrade(&pep.0));
        let ledger = pep.0.app.ledger();
        ledger.outbound().add_source(Arc::new(callbacks));
        let store = Arc::clone(&pep.0.store);
        if let Err(error) = ledger.keep_copies(Box::new(move |request| store.forget(request))) {
            tracing::warn!(%error, "what was erased is not forgotten here yet; it will be");
        }
        Ok(pep)
    }

    /// The routes, for [`placet_ledger::http::router`].
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/.well-known/authzen-configuration", get(metadata::get))
            .route("/access/v1/evaluation", post(evaluate::one))
            .route("/access/v1/evaluations", post(evaluate::many))
            .route("/access/v1/search/subject", post(search::subject))
            .route("/access/v1/search/resource", post(search::resource))
            .route("/access/v1/search/action", post(search::action))
            .route("/access/v1/requests", post(submit::submit))
            .route("/access/v1/requests/{task}", get(tasks::get))
            .route("/access/v1/requests/{task}/cancel", post(tasks::cancel).delete(tasks::cancel))
            .route("/v1/consume", post(enforce::consume))
            .route("/v1/outcome", post(enforce::outcome))
            .merge(self.transactions())
            .with_state(self.clone())
    }

    fn transactions(&self) -> Router<Self> {
        Router::new()
            .route("/v1/transactions", post(transactions::authorize))
            .route("/v1/transactions/challenge", post(transactions::make_challenge))
            .route("/v1/transactions/spend", post(transactions::spend))
            .route("/v1/transactions/introspect", post(transactions::introspect))
            .route("/.well-known/oauth-authorization-server", get(transactions::metadata))
            .route("/.well-known/placet-token-jwks.json", get(transactions::token_jwks))
            .route("/.well-known/placet-challenge-jwks.json", get(transactions::challenge_jwks))
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.app.ledger().config().public_url)
    }
}

type Body = Result<Bytes, BytesRejection>;

fn body(body: Body) -> Result<Bytes, Fault> {
    body.map_err(|_| Fault::too_large())
}

fn json(value: &Json) -> Response {
    json_bytes(StatusCode::OK, jcs::to_bytes(value))
}

fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, headers, bytes).into_response()
}

async fn reply(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(|fault| fault.response(PATH))
}

//! The policy decision point over HTTP: AuthZEN Authorization API 1.0 with its Access Request and
//! Approval Profile (ARAP), and what a PEP does with an approval.
//!
//! | path | what |
//! |---|---|
//! | `POST /access/v1/evaluation`, `/evaluations` | decisions, each recorded before it is answered |
//! | `POST /access/v1/requests`, `GET /access/v1/requests/{task}` | asking for an approval |
//! | `POST /access/v1/requests/{task}/cancel` | withdrawing that |
//! | `POST /v1/consume`, `POST /v1/outcome` | spending an approval once, and telling the outcome |
//! | `GET /.well-known/authzen-configuration` | metadata, open to all |
//!
//! All but the metadata need the token of `keys/pep-token`. The profile's *evaluation id*, its
//! *task* and its *approval id* are all the id of our request; none of them is a grant. An approval
//! that comes back in `context.approval` is looked up in the log, and the policy in force now
//! decides again.

mod decide;
mod enforce;
mod evaluate;
mod input;
mod policy;
mod requests;
mod token;

use std::sync::{Arc, Mutex, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use placet_ledger::http::App;
use placet_ledger::http::problem::Fault;
use placet_proto::jcs;
use placet_proto::json::Json;

use self::policy::Armed;
use self::requests::Repeats;
pub use self::token::Token;
use crate::Error;

/// ARAP's capability.
const CAPABILITY: &str = "urn:openid:authzen:capability:access-request";
const PATH: &str = "/access";
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest X-Request-ID that is repeated, in bytes.
const MAX_REQUEST_ID: usize = 256;

/// The policy decision point of one ledger.
#[derive(Clone)]
pub struct Pep(Arc<Shared>);

struct Shared {
    app: App,
    token: Token,
    armed: RwLock<Arc<Armed>>,
    repeats: Mutex<Repeats>,
}

impl Pep {
    /// Arms the policy that is in force in the ledger of `app`.
    ///
    /// # Errors
    /// `policy.*` for a policy that can't be armed, and those of the ledger.
    pub fn new(app: App, token: Token) -> Result<Self, Error> {
        let armed = RwLock::new(Arc::new(Armed::load(app.ledger())?));
        Ok(Self(Arc::new(Shared { app, token, armed, repeats: Mutex::default() })))
    }

    /// The routes, for [`placet_ledger::http::router`].
    pub fn routes(&self) -> Router {
        let protected = Router::new()
            .route("/access/v1/evaluation", post(evaluate::one))
            .route("/access/v1/evaluations", post(evaluate::many))
            .route("/access/v1/requests", post(requests::submit))
            .route("/access/v1/requests/{task}", get(requests::task))
            .route("/access/v1/requests/{task}/cancel", post(requests::cancel))
            .route("/v1/consume", post(enforce::consume))
            .route("/v1/outcome", post(enforce::outcome))
            .route_layer(middleware::from_fn_with_state(self.clone(), authenticate));
        Router::new()
            .route("/.well-known/authzen-configuration", get(metadata))
            .merge(protected)
            .layer(middleware::from_fn(repeat_request_id))
            .with_state(self.clone())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.0.app.ledger().config().public_url)
    }
}

/// Lets nobody in without the token. It says nothing about decisions (AuthZEN 1.0).
async fn authenticate(State(pep): State<Pep>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if given.is_some_and(|given| pep.0.token.accepts(given)) {
        return next.run(request).await;
    }
    let detail = "the bearer token of keys/pep-token is needed";
    let fault = Fault::new(StatusCode::UNAUTHORIZED, "Unauthorized", "http.token", detail);
    let mut response = fault.response(PATH);
    let challenge = HeaderValue::from_static("Bearer realm=\"placet\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    response
}

/// X-Request-ID comes back as it was sent (AuthZEN 1.0).
async fn repeat_request_id(request: Request, next: Next) -> Response {
    let id = request.headers().get(&REQUEST_ID).filter(|id| id.len() <= MAX_REQUEST_ID).cloned();
    let mut response = next.run(request).await;
    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

async fn metadata(State(pep): State<Pep>) -> Response {
    let capabilities = vec![Json::from(CAPABILITY)];
    json(&Json::object([
        ("policy_decision_point", Json::from(pep.url(""))),
        ("access_evaluation_endpoint", pep.url("/access/v1/evaluation").into()),
        ("access_evaluations_endpoint", pep.url("/access/v1/evaluations").into()),
        ("access_request_endpoint", pep.url("/access/v1/requests").into()),
        ("capabilities", capabilities.into()),
    ]))
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

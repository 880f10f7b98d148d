//! Evidence bundles, where requests stand, and the public half of a trust file.
//!
//! Who may call is in [`super::rules`]; an enforcement point's token reads about its own requests.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use placet_proto::b64;
use placet_proto::document::DigestRef;
use placet_proto::jcs;
use placet_proto::json::Json;

use super::App;
use super::auth::{Caller, Scope};
use super::call::{self, Call};
use super::problem::Fault;
use super::v1::{Params, RawQuery, admit};
use super::words::action_code;
use crate::service::{Ledger, Refusal, RequestState, RequestView, TrustChoices};

/// Longest wait that a client may ask for, in seconds.
pub const MAX_WAIT_S: u64 = 60;
/// Requests in one bundle.
pub const MAX_BUNDLED: usize = 256;
/// Requests that one answer lists.
const MAX_LISTED: usize = 100;
/// Media type of a bundle.
pub const BUNDLE: &str = "application/vnd.placet.bundle";
const PATH: &str = "/v1";

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/evidence", get(several))
        .route("/v1/evidence/{request}", get(evidence))
        .route("/v1/requests", get(waiting))
        .route("/v1/requests/{request}", get(request))
        .route("/v1/trust", get(trust))
}

/// `?wait=SECONDS&seen=STATE`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// Seconds to wait, up to [`MAX_WAIT_S`].
    #[serde(default)]
    wait: u64,
    /// The state that the client knows: it waits for another one.
    seen: Option<String>,
}

/// The bundle about one request. The header `Placet-Evidence` is `complete`, or `open` while the
/// time interval or the roster is not closed; `wait` closes them.
async fn evidence(
    State(app): State<App>,
    Path(request): Path<String>,
    query: Result<Query<Wait>, axum::extract::rejection::QueryRejection>,
) -> Response {
    answer(async {
        let Query(query) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
        bundle(&app, vec![request], query.wait).await
    })
    .await
}

/// One bundle about several requests: `?request=..&request=..&wait=SECONDS`, up to
/// [`MAX_BUNDLED`].
async fn several(State(app): State<App>, headers: HeaderMap, query: RawQuery) -> Response {
    answer(async {
        admit(&app, &headers).await?;
        let params = Params::read(query, &["wait"], &["request"])?;
        let requests = params.all("request");
        if !(1..=MAX_BUNDLED).contains(&requests.len()) {
            let detail = format!("a bundle is about 1 to {MAX_BUNDLED} requests");
            return Err(Fault::bad_request(detail));
        }
        bundle(&app, requests, params.number("wait")?.unwrap_or(0)).await
    })
    .await
}

async fn bundle(app: &App, requests: Vec<String>, wait: u64) -> Result<Response, Fault> {
    let wait = match wait.min(MAX_WAIT_S) {
        0 => None,
        seconds => {
            app.0.rates.closings.take(call::who())?;
            Some(Duration::from_secs(seconds))
        }
    };
    let name = file_name(&requests)?;
    let reads = Reads::of_caller(app);
    let found = app.run_waiting(move |app| {
        for request in &requests {
            reads.check(app.ledger(), request)?;
        }
        app.ledger().evidence(&requests, wait)
    });
    let found = found.await?;
    let state = if found.open.is_empty() { "complete" } else { "open" };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(BUNDLE)),
        (header::CONTENT_DISPOSITION, name),
        (HeaderName::from_static("placet-evidence"), HeaderValue::from_static(state)),
    ];
    Ok((StatusCode::OK, headers, found.bytes).into_response())
}

/// Names the file by its request, or by the first of several; also sees to it that all are ids.
fn file_name(requests: &[String]) -> Result<HeaderValue, Fault> {
    if !requests.iter().all(|request| placet_proto::document::is_uuid_v4(request)) {
        return Err(Fault::not_found());
    }
    let name = match requests {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first}-and-{}-more", rest.len()),
        [] => return Err(Fault::not_found()),
    };
    HeaderValue::from_str(&format!("attachment; filename=\"{name}.placet\""))
        .map_err(|_| Fault::not_found())
}

/// Requests that wait for an answer, the most urgent first, as the page `/approve` lists them.
async fn waiting(State(app): State<App>) -> Response {
    answer(async {
        let reads = Reads::of_caller(&app);
        let views = app.run(move |app| {
            let rows = app.ledger().requests(RequestState::Open)?;
            let listed = rows.iter().take(MAX_LISTED).map(|row| app.ledger().request(&row.id));
            let mut views = listed.collect::<Result<Vec<RequestView>, crate::Error>>()?;
            views.retain(|view| reads.may(&view.decision.audience));
            Ok(views)
        });
        let list: Vec<Json> = views.await?.iter().map(view_json).collect();
        Ok(json(&Json::object([("requests", Json::from(list))])))
    })
    .await
}

async fn request(
    State(app): State<App>,
    Path(request): Path<String>,
    query: Result<Query<Wait>, axum::extract::rejection::QueryRejection>,
) -> Response {
    answer(async {
        let Query(query) = query.map_err(|e| Fault::bad_request(e.body_text()))?;
        let (reads, wanted) = (Reads::of_caller(&app), request.clone());
        app.run(move |app| reads.check(app.ledger(), &wanted)).await?;
        if let Some(seen) = query.seen {
            let state = RequestState::from_name(&seen)
                .ok_or_else(|| Fault::bad_request("`seen` is no state of a request"))?;
            let wait = Duration::from_secs(query.wait.min(MAX_WAIT_S));
            app.ledger().wait_for_change(&request, state, wait).await?;
        }
        let view = app.run(move |app| app.ledger().request(&request)).await?;
        Ok(json(&view_json(&view)))
    })
    .await
}

/// Which requests a caller may read about.
enum Reads {
    All,
    /// An enforcement point's token: those that it carries out.
    Audience(String),
}

impl Reads {
    fn of_caller(app: &App) -> Self {
        let call = Call::current();
        match call.as_ref().and_then(|call| call.caller()) {
            Some(Caller::Token { scopes, .. }) if !scopes.contains(&Scope::EvidenceRead) => {
                Self::Audience(app.ledger().config().audience.clone())
            }
            _ => Self::All,
        }
    }

    fn may(&self, audience: &str) -> bool {
        match self {
            Self::All => true,
            Self::Audience(own) => own == audience,
        }
    }

    /// Another's request is as unknown as one that is none. Of an erased one nothing is left that
    /// could be told.
    fn check(&self, ledger: &Ledger, request: &str) -> Result<(), crate::Error> {
        if matches!(self, Self::All) {
            return Ok(());
        }
        match ledger.request(request) {
            Ok(view) if !self.may(&view.decision.audience) => Err(Refusal::RequestUnknown.into()),
            Err(error) if error.code() != "log.erased" => Err(error),
            _ => Ok(()),
        }
    }
}

/// Where a request stands, for programs.
fn view_json(view: &RequestView) -> Json {
    let row = &view.row;
    let answers = view.answers.iter().map(|answer| {
        let mut out = reference(&answer.statement);
        out.insert("kind", if answer.denial { "denial" } else { "approval" }.into());
        out.insert("person", answer.person.as_str().into());
        out
    });
    let digest = view.decision.action.digest();
    let mut out = Json::object([
        ("request", Json::from(row.id.as_str())),
        ("state", row.state.name().into()),
        ("action", view.decision.action.to_json()),
        ("action_digest", b64::encode_hex(digest).into()),
        ("action_code", action_code(&row.id, &digest).into()),
        ("audience", view.decision.audience.as_str().into()),
        ("not_after", row.not_after.to_string().into()),
        ("required", number(row.required)),
        ("decision", number(row.decision)),
        ("answers", answers.collect::<Vec<_>>().into()),
    ]);
    if let Some(ended) = row.ended {
        out.insert("ended", number(ended));
    }
    if let Some(execution) = &row.execution {
        out.insert("execution", reference(execution));
    }
    if let Some(outcome) = row.outcome {
        out.insert("outcome", number(outcome));
    }
    out
}

fn reference(r: &DigestRef) -> Json {
    let sha256 = b64::encode_hex(r.document_sha256);
    Json::object([("index", number(r.index)), ("document_sha256", sha256.into())])
}

/// The trust file without anybody's decisions: no roots, no development ledger. Who wants to trust
/// it compares it with what they got by another way.
async fn trust(State(app): State<App>) -> Response {
    answer(async {
        let file = app.run(|app| app.ledger().trust_file(TrustChoices::default())).await?;
        let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        Ok((StatusCode::OK, headers, file.encode()).into_response())
    })
    .await
}

/// A number in JSON; those beyond 2^53, which no log reaches, as null.
pub(super) fn number(value: u64) -> Json {
    Json::try_from(value).unwrap_or(Json::Null)
}

/// An answer in JSON.
pub(super) fn json(value: &Json) -> Response {
    let headers = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (StatusCode::OK, headers, jcs::to_bytes(value)).into_response()
}

async fn answer(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(|fault| fault.response(PATH))
}

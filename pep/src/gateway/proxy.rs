//! The reverse proxy.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use placet_ledger::http::server::ClientCertificates;

use super::admit::{REQUEST, Stop, Wishes, refused};
use super::answers;
use super::call::Call;
use super::duties::Duties;
use super::refusal::Refusal;
use super::shares::Share;
use super::target::Target;
use super::upstream::{self, Connection};
use super::{Gateway, headers, redact};
use crate::enforce::{Intent, Outcome, Permit};

/// Every request that is not for the gateway itself.
pub async fn handle(State(gateway): State<Gateway>, request: Request) -> Response {
    // After a body in chunks nothing is read any more from this connection: what a proxy in front
    // took for the end of the body may be another place than what this server took for it.
    let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let began = Instant::now();
    let mut response = match gateway.proxied(request).await {
        Ok(response) => response,
        Err(stop) => answers::stopped(&stop, gateway.0.config.public_url.as_deref()),
    };
    log("proxy", response.status().as_u16(), began);
    if chunked {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// One line for each call: the way, the status and the time. Not the target, which may hold names.
pub(super) fn log(via: &'static str, status: u16, began: Instant) {
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(target: "placet::gateway", via, status, ms, "answered");
}

impl Gateway {
    async fn proxied(&self, request: Request) -> Result<Response, Stop> {
        let upstream = self.0.upstream.as_ref().ok_or(Refusal::Route)?;
        let (parts, body) = request.into_parts();
        headers::check_framing(&parts.headers)?;
        let target = origin_form(&parts.uri)?;
        let matched = self.0.config.routes.find(&parts.method, &target)?;
        let certificates = parts.extensions.get::<ClientCertificates>();
        let identity = self.identify(&parts.method, &target, &parts.headers, certificates).await?;
        // What is kept until the answer has ended, whether or not the caller is there still.
        let place = Arc::new(self.place(&identity)?);
        let wishes = Wishes::read(&parts.headers, self.0.config.longest_wait)?;
        let route = matched.route;
        let body = read(body, route.body_limit, self.0.config.body_time).await?;
        let call = Call::new(&parts.method, &target, &parts.headers, Some(body), route)?;
        let intent = call.intent(&matched, &identity.subject(), &self.0.config.host, None)?;
        let mut passing = headers::forwarded(&parts.headers, &route.bind, &route.forward);
        if call.body.is_none() {
            // Of nothing there is no type: it is bound with a body only.
            passing.remove(header::CONTENT_TYPE);
        }
        // Whether it can be sent as it is shows before anybody is asked.
        let mut head = upstream.head(&parts.method, &target, passing)?;
        let permit = self.admit(&intent, &identity, &wishes).await?;
        let duties = Duties::read(permit.obligations())?;
        duties.check(&identity, intent.action())?;
        if !duties.redacted.is_empty() {
            // What is compressed could not be read here.
            let whole = HeaderValue::from_static("identity");
            let bound = route.bind.contains(&header::ACCEPT_ENCODING);
            if bound && parts.headers.get(header::ACCEPT_ENCODING) != Some(&whole) {
                // What was decided goes on as it is or not at all.
                return Err(Refusal::Denied("obligation_unsupported".to_owned()).into());
            }
            head.headers.insert(header::ACCEPT_ENCODING, whole);
        }
        // A call that is too much costs the API nothing, not even a connection.
        self.count(&identity, &intent, &duties)?;
        let connection = upstream.connect().await?;
        let unbound = call.body.filter(|_| intent.payload().is_none());
        let redacted = duties.redacted;
        let forward = Forward { head, unbound, connection, place, redacted };
        // What has begun goes on when the client leaves, so that its outcome is known.
        let running = tokio::spawn(forward.run(permit, intent));
        running.await.map_err(|_| Refusal::Broken)?.map_err(Stop::from)
    }
}

/// What is needed to act once the approval is spent.
struct Forward {
    head: Parts,
    unbound: Option<Bytes>,
    connection: Connection,
    place: Arc<Share>,
    redacted: Vec<Vec<String>>,
}

/// An answer, or why the caller does not get it.
enum Shown {
    Whole(Response),
    Withheld(StatusCode, &'static str),
}

impl Forward {
    async fn run(self, permit: Permit, intent: Intent) -> Result<Response, Refusal> {
        let request = permit.request().map(str::to_owned);
        let (running, intent) = permit.begin(intent).await.map_err(refused)?;
        // The bytes that were compared with what was approved are those that are sent.
        let bound = intent.into_parts().1.map(|payload| payload.into_bytes());
        let mut sent = upstream::with_body(self.head, bound.or(self.unbound));
        if let Some(id) = &request {
            // So that the API's own log can name it; a client can't set it.
            sent.headers_mut().insert(HeaderName::from_static(REQUEST), headers::value(id));
        }
        let answered = self.connection.send(sent, Arc::clone(&self.place)).await;
        let shown = match answered {
            Ok(answer) if !self.redacted.is_empty() => Ok(redacted(answer, self.redacted).await),
            answered => answered.map(Shown::Whole),
        };
        let outcome = match &shown {
            Ok(Shown::Whole(answer)) => ended(answer.status(), ""),
            Ok(Shown::Withheld(status, why)) => {
                ended(*status, &format!("; its answer is withheld: {why}"))
            }
            Err(_) => Outcome::unknown("the API did not answer"),
        };
        if let Err(error) = running.finish(outcome).await {
            tracing::error!(code = error.code(), "an outcome is not recorded; the ledger will");
        }
        let mut answer = match shown? {
            Shown::Whole(answer) => answer,
            Shown::Withheld(status, _) => {
                answers::stopped(&Refusal::Withheld(status.as_u16()).into(), None)
            }
        };
        if let Some(id) = &request {
            answer.headers_mut().insert(HeaderName::from_static(REQUEST), headers::value(id));
        }
        Ok(answer)
    }
}

fn ended(status: StatusCode, more: &str) -> Outcome {
    let detail = format!("HTTP {}{more}", status.as_u16());
    match status.as_u16() < 400 {
        true => Outcome::success(&detail),
        false => Outcome::failure(&detail),
    }
}

/// The answer without the members that the policy keeps from this caller. An answer without a body
/// has none.
async fn redacted(answer: Response, fields: Vec<Vec<String>>) -> Shown {
    let (mut parts, body) = answer.into_parts();
    let status = parts.status;
    let body = match Limited::new(body, redact::MAX_ANSWER).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<LengthLimitError>() => {
            return Shown::Withheld(status, "it is longer than a mebibyte");
        }
        Err(_) => return Shown::Withheld(status, "it broke off"),
    };
    redact::clean(&mut parts.headers);
    // The words behind the status are the API's, too.
    parts.extensions = Extensions::new();
    if body.is_empty() {
        return Shown::Whole(Response::from_parts(parts, Body::empty()));
    }
    if let Err(why) = redact::readable(status, &parts.headers) {
        return Shown::Withheld(status, why);
    }
    // It may be some work, and other calls go on.
    let done = tokio::task::spawn_blocking(move || redact::redacted(&body, &fields));
    match done.await.unwrap_or(Err("it could not be read")) {
        Ok(body) => Shown::Whole(Response::from_parts(parts, Body::from(body))),
        Err(why) => Shown::Withheld(status, why),
    }
}

/// The target of a request in origin form; what names another host is refused.
fn origin_form(uri: &Uri) -> Result<Target, Refusal> {
    match (uri.scheme(), uri.authority(), uri.path_and_query()) {
        (None, None, Some(target)) => Target::parse(target.as_str()),
        _ => Err(Refusal::Target("only targets in origin form are taken".to_owned())),
    }
}

/// The whole body, of at most `limit` bytes, in time.
async fn read(body: Body, limit: usize, time: Duration) -> Result<Bytes, Refusal> {
    let collected = tokio::time::timeout(time, Limited::new(body, limit).collect());
    match collected.await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge(limit)),
        _ => Err(Refusal::Incomplete),
    }
}

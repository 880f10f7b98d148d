//! `/.placet/authorize`: nginx `auth_request` and Caddy `forward_auth`.
//!
//! The server in front asks with the head of the request and forwards it itself. So the body is not
//! bound, the approval is spent when it asks, and nobody here sees what came of it: the outcome on
//! record is `unknown`, and says why.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_ledger::http::server::Peer;

use super::admit::{REQUEST, Stop, Wishes, refused};
use super::answers::{self, Told};
use super::call::Call;
use super::duties::Duties;
use super::proxy::log;
use super::refusal::Refusal;
use super::routes::BodyRule;
use super::target::Target;
use super::{Gateway, headers};
use crate::enforce::{Intent, Outcome, Permit};

/// Which headers tell method, target and host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// `X-Original-Method`, `X-Original-URI` and `X-Original-Host`, as nginx is told to send.
    Nginx,
    /// `X-Forwarded-Method`, `X-Forwarded-Uri` and `X-Forwarded-Host`, as Caddy and Traefik send.
    Caddy,
}

/// Any method: the request in question is in the headers.
pub async fn authorize(State(gateway): State<Gateway>, request: Request) -> Response {
    let style = gateway.0.config.forward_auth;
    let (parts, _) = request.into_parts();
    let began = Instant::now();
    let response = match gateway.authorized(style, &parts).await {
        Ok(id) => {
            let mut response = StatusCode::OK.into_response();
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            if let Some(id) = id {
                headers.insert(HeaderName::from_static(REQUEST), headers::value(&id));
            }
            response
        }
        Err(stop) => {
            let mut response = answers::stopped(&stop, gateway.0.config.public_url.as_deref());
            // nginx makes a 500 of everything but 401 and 403.
            if style == Some(Style::Nginx) && response.status() != StatusCode::UNAUTHORIZED {
                *response.status_mut() = StatusCode::FORBIDDEN;
            }
            response
        }
    };
    log("forward-auth", response.status().as_u16(), began);
    response
}

impl Gateway {
    async fn authorized(
        &self,
        style: Option<Style>,
        parts: &Parts,
    ) -> Result<Option<String>, Stop> {
        let style = style.ok_or(Refusal::Proxy)?;
        self.check_proxy(parts.extensions.get::<Peer>())?;
        let all = &parts.headers;
        let (method, target, host) = match style {
            Style::Nginx => ("x-original-method", "x-original-uri", "x-original-host"),
            Style::Caddy => ("x-forwarded-method", "x-forwarded-uri", "x-forwarded-host"),
        };
        let told = |name: &str| {
            let missing = || Refusal::Header(format!("{name}: the proxy has to send it"));
            headers::one(all, name)?.ok_or_else(missing)
        };
        let method = Method::from_bytes(told(method)?.as_bytes())
            .map_err(|_| Refusal::Header(format!("{method}: no method")))?;
        let target = Target::parse(told(target)?)?;
        headers::check_framing(all)?;
        self.check_host(told(host)?)?;
        self.elsewhere(&method, &target, all, None, "forward-auth").await
    }

    /// Refuses a call for another host than those of the file: the server in front would forward it
    /// to another API than the one that is decided about.
    pub(super) fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let called = without_port(host);
        let known = |name: &String| without_port(name).eq_ignore_ascii_case(called);
        match self.0.config.front_hosts.iter().any(known) {
            true => Ok(()),
            false => Err(Refusal::Target("its host is none that this gateway serves".to_owned())),
        }
    }

    /// A request that another server forwards, and of which it asks first. Gives the id of the
    /// request whose approval was spent.
    pub(super) async fn elsewhere(
        &self,
        method: &Method,
        target: &Target,
        all: &HeaderMap,
        body: Option<Bytes>,
        via: &'static str,
    ) -> Result<Option<String>, Stop> {
        let matched = self.0.config.routes.find(method, target)?;
        let route = matched.route;
        headers::check_listed(all, &route.bind, &route.forward)?;
        // What is not seen may be there all the same.
        if body.is_none() && route.reads_json {
            let detail = "this route reads it, and the server in front does not send it here";
            return Err(Refusal::Body(detail.to_owned()).into());
        }
        if body.is_none() && route.body == BodyRule::None && headers::announce_body(all) {
            return Err(Refusal::Body("this route takes none".to_owned()).into());
        }
        // The certificate of the connection is the other server's, not the agent's.
        let identity = self.identify(method, target, all, None).await?;
        let _place = self.place(&identity)?;
        let wishes = Wishes::read(all, self.0.config.longest_wait)?;
        let call = Call::new(method, target, all, body, route)?;
        let host = &self.0.config.host;
        let intent = call.intent(&matched, &identity.subject(), host, Some(via))?;
        let permit = self.admit(&intent, &identity, &wishes).await?;
        let duties = Duties::read(permit.obligations())?;
        if !duties.redacted.is_empty() {
            // The answer is not seen here.
            return Err(Refusal::Denied("obligation_unsupported".to_owned()).into());
        }
        duties.check(&identity, intent.action())?;
        self.count(&identity, &intent, &duties)?;
        // It goes on when whoever asks does not wait for it.
        let spent = tokio::spawn(spend(permit, intent, via));
        Ok(spent.await.map_err(|_| Refusal::Broken)??)
    }
}

/// A host of a URL without its port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}

async fn spend(
    permit: Permit,
    intent: Intent,
    via: &'static str,
) -> Result<Option<String>, Refusal> {
    let request = permit.request().map(str::to_owned);
    let (running, _) = permit.begin(intent).await.map_err(refused)?;
    let detail = format!("{via}: another server forwards the request; its outcome is not observed");
    if let Err(error) = running.finish(Outcome::unknown(&detail)).await {
        tracing::error!(code = error.code(), "an outcome is not recorded; the ledger will");
    }
    Ok(request)
}

/// What Envoy is told.
pub(super) fn told(gateway: &Gateway, stop: &Stop) -> Told {
    Told::of(stop, gateway.0.config.public_url.as_deref())
}

//! A ledger in this process: the same routes, without a socket.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, Request, header};
use placet_ledger::http::server::Peer;
use placet_ledger::service::Ledger as Service;
use tower::ServiceExt as _;

use super::EnforceError;
use super::ledger::{Answering, Ledger};
use super::remote::bearer;

/// A ledger in this process, called through its router: what limits and checks callers over the
/// network does so here.
#[derive(Clone)]
pub struct Embedded {
    router: Router,
    host: HeaderValue,
    token: HeaderValue,
}

impl Embedded {
    /// The ledger behind `router`, which is [`placet_ledger::http::router`] with
    /// [`crate::http::Pep::routes`]; `token` is one with scope `pep`.
    ///
    /// # Errors
    /// `enforce.config` for a token, or an address of the ledger, that no header can hold.
    pub fn new(service: &Service, router: Router, token: &str) -> Result<Self, EnforceError> {
        let url = service.config().public_url.as_str();
        let authority = url.split_once("://").map_or(url, |(_, authority)| authority);
        let host = HeaderValue::from_str(authority)
            .map_err(|_| EnforceError::Config("`public_url` names no host".to_owned()))?;
        Ok(Self { router, host, token: bearer(token)? })
    }
}

impl Ledger for Embedded {
    fn call(&self, mut request: Request<Bytes>, max_answer: usize) -> Answering<'_> {
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.host.clone());
        headers.insert(header::AUTHORIZATION, self.token.clone());
        let peer = Peer(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        request.extensions_mut().insert(peer);
        Box::pin(async move {
            let answered = self.router.clone().oneshot(request.map(Body::from)).await;
            let (parts, body) = match answered {
                Ok(response) => response.into_parts(),
                Err(never) => match never {},
            };
            let body = to_bytes(body, max_answer).await;
            let body = body.map_err(|_| EnforceError::Answer("it is too long, or broke off"))?;
            Ok(axum::http::Response::from_parts(parts, body))
        })
    }
}

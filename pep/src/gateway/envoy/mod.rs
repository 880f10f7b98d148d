//! Envoy's external authorization, `envoy.service.auth.v3.Authorization/Check`, over gRPC.
//!
//! HTTP/2 is hyper's; of gRPC one unary call is needed (a frame of five bytes and a message each
//! way, and the status in trailers), and of protocol buffers two messages: [`wire`].

pub mod check;
pub mod wire;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use placet_ledger::http::server::Peer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Gateway;

/// The one method.
const CHECK: &str = "/envoy.service.auth.v3.Authorization/Check";
/// What stands around a body in a message, in bytes at most.
const AROUND: usize = 1 << 20;
/// Connections; an Envoy opens one for each of its threads.
const MAX_CONNECTIONS: usize = 256;
/// Calls at the same time on one connection.
const MAX_STREAMS: u32 = 128;
/// Time for a message to come.
const MESSAGE_TIME: Duration = Duration::from_secs(30);
/// Time for calls to finish at the end.
const END_TIME: Duration = Duration::from_secs(20);
/// Pause after a failure to accept.
const PAUSE: Duration = Duration::from_millis(200);

/// `grpc-status` values of the gRPC specification.
const OK: u16 = 0;
const INVALID_ARGUMENT: u16 = 3;
const PERMISSION_DENIED: u16 = 7;
const UNIMPLEMENTED: u16 = 12;
const UNAVAILABLE: u16 = 14;

/// An answer with its trailers.
type Answer = Response<http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>;

/// Serves HTTP/2 without TLS until `end` is ready, to configured proxies only.
pub async fn serve(listener: TcpListener, gateway: Gateway, end: impl Future<Output = ()>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    // A message has its place before it is read, so that all of them together are bounded.
    let messages = Arc::new(Semaphore::new(gateway.0.config.most_calls));
    let graceful = GracefulShutdown::new();
    let mut end = std::pin::pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, peer, place)) = accepted else { continue };
        if gateway.check_proxy(Some(&Peer(peer))).is_err() {
            tracing::warn!("somebody who is no configured proxy asks by ext_authz");
            continue;
        }
        let (gateway, messages) = (gateway.clone(), Arc::clone(&messages));
        let service = service_fn(move |request| {
            let (gateway, messages) = (gateway.clone(), Arc::clone(&messages));
            async move {
                let answer = match messages.try_acquire() {
                    Ok(_place) => answer(&gateway, request).await,
                    Err(_) => failed(UNAVAILABLE, "too many calls are at work"),
                };
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(Duration::from_secs(30))
            .serve_connection(TokioIo::new(stream), service);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = watched.await {
                tracing::debug!(%error, "a connection ended");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(END_TIME, graceful.shutdown()).await.is_err() {
        tracing::warn!("some calls did not finish in time");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            let _ = stream.set_nodelay(true);
            Some((stream, peer, place))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection was not accepted");
            tokio::time::sleep(PAUSE).await;
            None
        }
    }
}

async fn answer(gateway: &Gateway, request: Request<Incoming>) -> Answer {
    let media_type = request.headers().get(header::CONTENT_TYPE);
    let grpc = media_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    if !grpc || request.method() != Method::POST || request.uri().path() != CHECK {
        return failed(UNIMPLEMENTED, "only envoy.service.auth.v3.Authorization/Check is served");
    }
    let longest = gateway.0.config.routes.iter().map(|route| route.body_limit).max();
    let longest = longest.unwrap_or_default().saturating_add(AROUND);
    let body = Limited::new(request.into_body(), longest).collect();
    let body = match tokio::time::timeout(MESSAGE_TIME, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        _ => return failed(INVALID_ARGUMENT, "the message is too long or did not come in time"),
    };
    let Some(message) = unframed(&body) else {
        return failed(INVALID_ARGUMENT, "not one uncompressed message");
    };
    let Ok(asked) = wire::check_request(message) else {
        return failed(INVALID_ARGUMENT, "no CheckRequest about an HTTP request");
    };
    let response = gateway.check(asked).await;
    let mut framed = vec![0];
    let bytes = response.to_bytes();
    let Ok(length) = u32::try_from(bytes.len()) else {
        return failed(PERMISSION_DENIED, "the answer is too long");
    };
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(&bytes);
    let trailers = HeaderMap::from_iter([status(OK)]);
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) });
    let mut answer = Response::new(body.boxed_unsync());
    let media_type = HeaderValue::from_static("application/grpc");
    answer.headers_mut().insert(header::CONTENT_TYPE, media_type);
    answer
}

/// The message of a body of one uncompressed frame.
fn unframed(body: &[u8]) -> Option<&[u8]> {
    let (head, message) = body.split_at_checked(5)?;
    let (&[0], length) = head.split_at_checked(1)? else { return None };
    let length = u32::from_be_bytes(length.try_into().ok()?);
    (usize::try_from(length).ok()? == message.len()).then_some(message)
}

fn failed(code: u16, message: &'static str) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::new()).boxed_unsync());
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.extend([status(code)]);
    let name = HeaderName::from_static("grpc-message");
    headers.insert(name, HeaderValue::from_static(message));
    answer
}

fn status(code: u16) -> (HeaderName, HeaderValue) {
    (HeaderName::from_static("grpc-status"), HeaderValue::from(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_whole_frame_is_one_message() {
        assert_eq!(unframed(b"\0\0\0\0\x02ab"), Some(b"ab".as_slice()));
        assert_eq!(unframed(b"\0\0\0\0\0"), Some(b"".as_slice()));
        for bad in
            [&b""[..], b"\0\0\0\0", b"\x01\0\0\0\x02ab", b"\0\0\0\0\x03ab", b"\0\0\0\0\x01ab"]
        {
            assert_eq!(unframed(bad), None, "{bad:?}");
        }
    }
}

//! The API behind: one connection for one request.
//!
//! A connection is opened before an approval is spent, so that an API that is down costs none, and
//! it carries one request only: none can die on a connection that another one left behind, and what
//! follows one agent's request is never another's answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::http::{Method, Request, Response, Uri, Version};
use http_body_util::Full;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsConnector;

use super::config::UpstreamConfig;
use super::headers;
use super::refusal::Refusal;
use super::shares::Share;
use super::target::Target;
use crate::tls::{self, Trusting};

/// Largest head of an answer, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// The API behind.
pub struct Upstream {
    config: UpstreamConfig,
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

/// A connection on which nothing was sent yet.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    answer_time: Duration,
    longest_answer: u64,
}

impl Upstream {
    /// The API that the configuration tells of. Nothing is connected yet.
    ///
    /// # Errors
    /// What is wrong with its certificates or its name, in words.
    pub fn new(config: UpstreamConfig) -> Result<Self, String> {
        let tls = match config.tls {
            false => None,
            true => {
                let name = ServerName::try_from(config.host.clone())
                    .map_err(|_| format!("{:?} is no name for TLS", config.host))?;
                Some((TlsConnector::from(Arc::new(client(&config)?)), name))
            }
        };
        Ok(Self { config, tls })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// `gateway.upstream`.
    pub async fn connect(&self) -> Result<Connection, Refusal> {
        match timeout(self.config.connect_time, self.open()).await {
            Ok(Ok(sender)) => Ok(Connection {
                sender,
                answer_time: self.config.answer_time,
                longest_answer: self.config.longest_answer,
            }),
            Ok(Err(error)) => {
                tracing::warn!(error, "the API is not reached");
                Err(Refusal::Upstream)
            }
            Err(_) => {
                tracing::warn!("the API is not reached in time");
                Err(Refusal::Upstream)
            }
        }
    }

    async fn open(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let address = (self.config.host.as_str(), self.config.port);
        let stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
        // Without it the request would wait for more to be sent.
        stream.set_nodelay(true).map_err(|e| e.to_string())?;
        match &self.tls {
            None => handshake(stream).await,
            Some((connector, name)) => {
                let stream = connector.connect(name.clone(), stream).await;
                handshake(stream.map_err(|e| e.to_string())?).await
            }
        }
    }

    /// The head of the request as it is sent: method and target as they were approved, the headers
    /// that the route lets pass, and our own. [`with_body`] completes it.
    ///
    /// # Errors
    /// `gateway.target` for a target that would be sent in other bytes.
    pub fn head(
        &self,
        method: &Method,
        target: &Target,
        mut headers: HeaderMap,
    ) -> Result<Parts, Refusal> {
        let changed = || Refusal::Target("it can't be forwarded as it is".to_owned());
        let uri: Uri = target.raw().parse().map_err(|_| changed())?;
        let same = uri.authority().is_none()
            && uri.path_and_query().is_some_and(|sent| sent.as_str() == target.raw());
        if !same {
            return Err(changed());
        }
        for (name, value) in &self.config.headers {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(header::HOST, self.config.authority.clone());
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        let mut request = Request::new(());
        *request.method_mut() = method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = Version::HTTP_11;
        *request.headers_mut() = headers;
        Ok(request.into_parts().0)
    }
}

/// The request as it is sent, with one length of its body.
#[must_use]
pub fn with_body(head: Parts, body: Option<Bytes>) -> Request<Full<Bytes>> {
    Request::from_parts(head, Full::new(body.unwrap_or_default()))
}

impl Connection {
    /// Sends the request and waits for the head of the answer, whose body then streams and keeps
    /// the call's place.
    ///
    /// # Errors
    /// `gateway.broken`: the API may have acted.
    pub async fn send(
        mut self,
        request: Request<Full<Bytes>>,
        place: Arc<Share>,
    ) -> Result<Response<Body>, Refusal> {
        let answered = timeout(self.answer_time, self.sender.send_request(request)).await;
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the API broke off");
                return Err(Refusal::Broken);
            }
            Err(_) => {
                tracing::warn!("the API did not answer in time");
                return Err(Refusal::Broken);
            }
        };
        if response.status().is_informational() {
            return Err(Refusal::Broken);
        }
        let (mut parts, body) = response.into_parts();
        headers::clean_answer(&mut parts.headers);
        parts.version = Version::HTTP_11;
        let paced = Paced {
            sleep: Box::pin(sleep(self.answer_time)),
            inner: body,
            pause: self.answer_time,
            left: self.longest_answer,
            _place: place,
        };
        Ok(Response::from_parts(parts, Body::new(paced)))
    }
}

async fn handshake<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let built = http1::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(stream)).await;
    let (sender, connection) = built.map_err(|e| e.to_string())?;
    // It ends with the answer, or when nobody waits for that any more.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to the API ended");
        }
    });
    Ok(sender)
}

fn client(config: &UpstreamConfig) -> Result<ClientConfig, String> {
    let trusting = config.ca_file.as_deref().map_or(Trusting::System, Trusting::Instead);
    let mut client = tls::client(trusting, None)?;
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(client)
}

/// The body of an answer, which ends with an error where it is too long or stands still.
struct Paced {
    inner: Incoming,
    sleep: Pin<Box<Sleep>>,
    pause: Duration,
    left: u64,
    _place: Arc<Share>,
}

impl hyper::body::Body for Paced {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                let Some(left) = self.left.checked_sub(length) else {
                    return Poll::Ready(Some(Err(axum::Error::new("the answer is too long"))));
                };
                self.left = left;
                let next = Instant::now().checked_add(self.pause);
                if let Some(next) = next {
                    self.sleep.as_mut().reset(next);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(axum::Error::new(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => match self.sleep.as_mut().poll(context) {
                Poll::Ready(()) => {
                    Poll::Ready(Some(Err(axum::Error::new("the answer stands still"))))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

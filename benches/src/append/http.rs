//! Our service: router and listener as `placet serve` runs them, and a load program, on the same
//! cores.
//!
//! What is timed is `POST /approve/{request}/answer`: the bytes on a connection that is kept open,
//! strict JSON, the session and its roles, the token against forged posts, rates, the document that
//! waits, who may answer, the assertion, the once keys, the log, where the request stands then, and
//! the answer's bytes. Requests are opened and documents prepared in between, untimed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use placet_ledger::http::server::{Serving, serve_with};
use placet_proto::b64;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::Service;
use super::engine::Done;
use super::place::{ORIGIN, Person, Place, Ready};
use crate::Error;

/// Connections of the load program, each with one request at a time.
const CONNECTIONS: usize = 64;
/// Documents that one passkey answers in a slice, below the limit on those that may wait.
const OF_PERSON: usize = 31;
/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// The service, up.
pub struct Serve {
    runtime: Runtime,
    end: oneshot::Sender<()>,
    address: SocketAddr,
}

/// Takes a free port of this machine.
pub fn listen() -> Result<(Runtime, TcpListener, SocketAddr), Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("runtime"))?;
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.map_err(Error::io("127.0.0.1"))?;
    let address = listener.local_addr().map_err(Error::io("127.0.0.1"))?;
    Ok((runtime, listener, address))
}

impl Serve {
    /// Serves the ledger of `place`.
    pub fn start(
        place: &Place,
        service: &Service<'_>,
        (runtime, listener, address): (Runtime, TcpListener, SocketAddr),
    ) -> Result<Self, Error> {
        let router = {
            let _inside = runtime.enter();
            (service.router)(&place.ledger, address).map_err(Error::Failed)?
        };
        let (end, ended) = oneshot::channel::<()>();
        let config = place.ledger.config();
        let serving =
            Serving { of_address: Some(config.address_connections), ..Serving::default() };
        runtime.spawn(async move {
            // Ends, too, when nobody is left to say so.
            let ended = async { drop(ended.await) };
            serve_with(listener, serving, router, ended).await;
        });
        Ok(Self { runtime, end, address })
    }

    /// Ends it.
    pub fn stop(self) {
        // It has ended by itself otherwise.
        let _ = self.end.send(());
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }

    /// Answers for `stage`, preparing included.
    pub fn answers(&self, place: &mut Place, stage: Duration, cores: usize) -> Result<Done, Error> {
        let began = Instant::now();
        let mut done = Done::default();
        let most = place.persons.len() * OF_PERSON;
        let mut count = most;
        while began.elapsed() < stage {
            let preparing = Instant::now();
            let ready = place.prepare(count, cores)?;
            let prepared = preparing.elapsed();
            let posts: Vec<Vec<u8>> =
                ready.iter().map(|one| self.post(place, one)).collect::<Result<_, _>>()?;
            let before = place.size();
            let (waits, time) = load(self.address, posts)?;
            if place.size() < before + waits.len() as u64 {
                return Err(Error::failed("an answer that was acknowledged is not in the log"));
            }
            done.count += waits.len() as u64;
            done.time += time;
            done.waits.extend(waits);
            // The last slice is as long as there is time for.
            let left = stage.saturating_sub(began.elapsed()).as_secs_f64();
            let whole = (prepared + time).as_secs_f64().max(1e-3);
            count = most.min((most as f64 * left / whole) as usize).max(place.persons.len());
        }
        Ok(done)
    }

    fn post(&self, place: &Place, ready: &Ready) -> Result<Vec<u8>, Error> {
        let person = place.persons.get(ready.person).ok_or_else(|| Error::failed("nobody"))?;
        let Person { key, cookie, csrf } = person;
        let made = &ready.assertion;
        let body = serde_json::json!({
            "document": b64::encode_hex(ready.document),
            "credential": {
                "id": b64::encode_url(key.credential()),
                "type": "public-key",
                "response": {
                    "authenticatorData": b64::encode_url(&made.authenticator_data),
                    "clientDataJSON": b64::encode_url(&made.client_data_json),
                    "signature": b64::encode_url(&made.signature),
                },
            },
        })
        .to_string();
        let (port, request, length) = (self.address.port(), &ready.request, body.len());
        let post = format!(
            "POST /approve/{request}/answer HTTP/1.1\r\nHost: localhost:{port}\r\n\
             Origin: {ORIGIN}\r\nCookie: placet={cookie}\r\nX-CSRF-Token: {csrf}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        Ok(post.into_bytes())
    }
}

/// The load program: one thread, which sends all of these over [`CONNECTIONS`] connections and
/// wants each to be answered well. Gives how long each took, and all together.
fn load(address: SocketAddr, posts: Vec<Vec<u8>>) -> Result<(Vec<Duration>, Duration), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Error::io("load program"))?;
    let (posts, next) = (Arc::new(posts), Arc::new(AtomicUsize::new(0)));
    runtime.block_on(async {
        let mut streams = Vec::new();
        for _ in 0..CONNECTIONS.min(posts.len()) {
            let stream = TcpStream::connect(address).await.map_err(Error::io("connect"))?;
            stream.set_nodelay(true).map_err(Error::io("connect"))?;
            streams.push(stream);
        }
        let began = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for stream in streams {
            tasks.spawn(connection(stream, Arc::clone(&posts), Arc::clone(&next)));
        }
        let mut waits = Vec::with_capacity(posts.len());
        while let Some(ended) = tasks.join_next().await {
            waits.extend(ended.map_err(Error::failed)??);
        }
        Ok((waits, began.elapsed()))
    })
}

async fn connection(
    mut stream: TcpStream,
    posts: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
) -> Result<Vec<Duration>, Error> {
    let (mut waits, mut buffer) = (Vec::new(), vec![0; MAX_ANSWER]);
    while let Some(post) = posts.get(next.fetch_add(1, Ordering::Relaxed)) {
        let began = Instant::now();
        stream.write_all(post).await.map_err(Error::io("send"))?;
        let mut filled = 0;
        let whole = loop {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            let read = stream.read(room).await.map_err(Error::io("receive"))?;
            filled += read;
            let so_far = buffer.get(..filled).unwrap_or_default();
            if let Some(whole) = length_of(so_far)
                && filled >= whole
            {
                break so_far;
            }
            if read == 0 {
                return Err(Error::failed("an answer did not come whole"));
            }
        };
        if !whole.starts_with(b"HTTP/1.1 200 ") {
            let text = String::from_utf8_lossy(whole);
            return Err(Error::failed(format!("the service answered: {text}")));
        }
        waits.push(began.elapsed());
    }
    Ok(waits)
}

/// Length of an answer with its head, once that has come.
fn length_of(answer: &[u8]) -> Option<usize> {
    let head = answer.windows(4).position(|w| w == b"\r\n\r\n")?;
    let text = std::str::from_utf8(answer.get(..head)?).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    Some(head + 4 + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is_there() {
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"), None);
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"), Some(40));
        assert_eq!(length_of(b"HTTP/1.1 200 OK\r\n\r\n{"), None);
    }
}

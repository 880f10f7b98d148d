//! `GET /events`: tells pages that requests changed, as server-sent events (WHATWG HTML 9.2).
//!
//! An event says which request stands where now, `{"request": ID, "state": WORD}`, and no more: a
//! page that wants to know reads it again. Nothing rests on an event: pages also look by
//! themselves from time to time.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Extension, Router};
use futures_util::stream;
use placet_proto::document::Role;
use placet_proto::jcs;
use placet_proto::json::Json;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;

use super::problem::Fault;
use super::server::Ending;
use super::{App, auth, session};
use crate::LogId;
use crate::service::{RequestEvent, SessionSecret};
use crate::sync::lock;

/// Streams that are open at the same time; a quarter of the connections, so that the others can
/// answer.
const MAX_STREAMS: usize = 1024;
/// Streams of one person: as many as a browser opens to one host.
const MAX_OF_ONE: usize = 6;
/// Silence after which a line is sent that says only that the stream lives.
const BEAT: Duration = Duration::from_secs(15);
/// Age at which a stream ends and the page comes back.
const MAX_AGE: Duration = Duration::from_secs(300);
/// Who may listen.
const ROLES: [Role; 3] = [Role::Approver, Role::Administrator, Role::Auditor];
/// How long a page waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 3000;

/// The route.
pub fn routes() -> Router<App> {
    Router::new().route("/events", get(events))
}

/// Who listens.
#[derive(Debug, Default)]
pub struct Listeners {
    open: Arc<Mutex<HashMap<String, usize>>>,
}

/// A place among the listeners, given back when it is dropped.
#[derive(Debug)]
struct Place {
    person: String,
    open: Arc<Mutex<HashMap<String, usize>>>,
}

impl Listeners {
    fn enter(&self, person: &str) -> Result<Place, Fault> {
        let mut open = lock(&self.open);
        let all: usize = open.values().sum();
        let own = open.get(person).copied().unwrap_or_default();
        if all >= MAX_STREAMS || own >= MAX_OF_ONE {
            return Err(Fault::too_many());
        }
        open.insert(person.to_owned(), own.saturating_add(1));
        Ok(Place { person: person.to_owned(), open: Arc::clone(&self.open) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        match open.get_mut(&self.person) {
            Some(own) if *own > 1 => *own = own.saturating_sub(1),
            _ => drop(open.remove(&self.person)),
        }
    }
}

/// The session that a stream was opened by. It may end while the stream goes on: who was revoked,
/// demoted or signed out hears nothing more.
struct Watch {
    app: App,
    secret: SessionSecret,
    /// Size of the governance log when the session was looked at.
    gov_size: u64,
    looked: Instant,
}

impl Watch {
    fn new(app: &App, secret: SessionSecret) -> Self {
        let gov_size = app.ledger().log(LogId::Gov).size();
        Self { app: app.clone(), secret, gov_size, looked: Instant::now() }
    }

    /// Whether the session lasts. Looked up when the governance log has grown, and now and then.
    async fn lasts(&mut self) -> bool {
        let gov_size = self.app.ledger().log(LogId::Gov).size();
        if gov_size == self.gov_size && self.looked.elapsed() < BEAT {
            return true;
        }
        let (app, secret) = (self.app.clone(), self.secret.clone());
        let look = move || app.ledger().session_unused(&secret);
        let found = tokio::task::spawn_blocking(look).await;
        (self.gov_size, self.looked) = (gov_size, Instant::now());
        let found = found.ok().and_then(Result::ok).flatten();
        found.is_some_and(|who| ROLES.iter().any(|role| who.roles.contains(role)))
    }
}

/// What one stream needs to go on.
struct Stream {
    /// None in tests of the stream alone.
    watch: Option<Watch>,
    events: broadcast::Receiver<RequestEvent>,
    /// No stream may keep the server from ending.
    ending: Option<Ending>,
    until: Instant,
    beat: Duration,
    begun: bool,
    _place: Place,
}

async fn events(
    State(app): State<App>,
    ending: Option<Extension<Ending>>,
    headers: HeaderMap,
) -> Response {
    match open(&app, &headers, ending.map(|Extension(ending)| ending)).await {
        Ok(stream) => {
            let body = Body::from_stream(stream::unfold(stream, next));
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
                (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ];
            (StatusCode::OK, headers, body).into_response()
        }
        Err(fault) => fault.response("/events"),
    }
}

async fn open(app: &App, headers: &HeaderMap, ending: Option<Ending>) -> Result<Stream, Fault> {
    // Before the session is looked at: what is recorded after that makes it be looked at again.
    let secret = session::secret_in(app, headers).ok_or_else(Fault::unauthorized)?;
    let watch = Watch::new(app, secret);
    let session = auth::require_person(app, headers, &ROLES).await?;
    let listeners = &app.0.listeners;
    Ok(Stream {
        watch: Some(watch),
        _place: listeners.enter(&session.person)?,
        events: app.ledger().events(),
        ending,
        until: Instant::now() + MAX_AGE,
        beat: BEAT,
        begun: false,
    })
}

async fn next(mut stream: Stream) -> Option<(Result<Bytes, Infallible>, Stream)> {
    if !stream.begun {
        stream.begun = true;
        return Some((Ok(format!("retry: {RETRY_MS}\n\n").into()), stream));
    }
    let text = tokio::select! {
        biased;
        () = ended(stream.ending.as_mut()) => return None,
        () = tokio::time::sleep_until(stream.until) => return None,
        () = tokio::time::sleep(stream.beat) => "event: beat\ndata: {}\n\n".to_owned(),
        event = stream.events.recv() => match event {
            Ok(event) => written(&event),
            // Too many to tell: the page looks for itself.
            Err(RecvError::Lagged(_)) => "event: look\ndata: {}\n\n".to_owned(),
            Err(RecvError::Closed) => return None,
        },
    };
    if let Some(watch) = &mut stream.watch
        && !watch.lasts().await
    {
        return None;
    }
    Some((Ok(text.into()), stream))
}

async fn ended(ending: Option<&mut Ending>) {
    match ending {
        Some(ending) => ending.begins().await,
        None => std::future::pending().await,
    }
}

fn written(event: &RequestEvent) -> String {
    let data = Json::object([
        ("request", Json::from(event.request.as_str())),
        ("state", event.state.name().into()),
    ]);
    format!("event: request\ndata: {}\n\n", jcs::to_string(&data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::RequestState;

    fn stream(
        listeners: &Listeners,
        events: &broadcast::Sender<RequestEvent>,
        ending: &Ending,
    ) -> Stream {
        Stream {
            watch: None,
            _place: listeners.enter("p").unwrap(),
            events: events.subscribe(),
            ending: Some(ending.clone()),
            until: Instant::now() + MAX_AGE,
            beat: Duration::from_millis(5),
            begun: true,
        }
    }

    #[tokio::test]
    async fn events_beats_and_the_end_of_a_stream() {
        let (listeners, events) = (Listeners::default(), broadcast::Sender::new(2));
        let (ends, ending) = Ending::new();
        let open = stream(&listeners, &events, &ending);
        let event = |n: u8| RequestEvent { request: format!("r{n}"), state: RequestState::Open };
        events.send(event(1)).unwrap();
        let (text, open) = next(open).await.unwrap();
        let wanted = "event: request\ndata: {\"request\":\"r1\",\"state\":\"open\"}\n\n";
        assert_eq!(text.unwrap(), wanted);
        // Nothing happens: it beats.
        let (text, open) = next(open).await.unwrap();
        assert_eq!(text.unwrap(), "event: beat\ndata: {}\n\n");
        // Too much happens: it says so.
        (2..6).for_each(|n| assert!(events.send(event(n)).is_ok()));
        let (text, open) = next(open).await.unwrap();
        assert_eq!(text.unwrap(), "event: look\ndata: {}\n\n");
        ends.send_replace(true);
        assert!(next(open).await.is_none());
        assert!(lock(&listeners.open).is_empty());
    }

    #[tokio::test]
    async fn a_stream_ends_when_it_is_old_and_when_the_server_ends() {
        let (listeners, events) = (Listeners::default(), broadcast::Sender::new(2));
        let (ends, ending) = Ending::new();
        let mut old = stream(&listeners, &events, &ending);
        old.until = Instant::now();
        assert!(next(old).await.is_none());
        let open = stream(&listeners, &events, &ending);
        ends.send_replace(true);
        assert!(next(open).await.is_none());
        assert!(lock(&listeners.open).is_empty());
    }

    #[test]
    fn nobody_takes_all_places_and_places_come_back() {
        let listeners = Listeners::default();
        let mut own: Vec<Place> = (0..MAX_OF_ONE).map(|_| listeners.enter("a").unwrap()).collect();
        assert_eq!(listeners.enter("a").unwrap_err().status.as_u16(), 429);
        listeners.enter("b").unwrap();
        own.pop();
        own.push(listeners.enter("a").unwrap());
        drop(own);
        assert!(lock(&listeners.open).is_empty());
        let all: Vec<Place> =
            (0..MAX_STREAMS).map(|n| listeners.enter(&n.to_string()).unwrap()).collect();
        assert_eq!(listeners.enter("late").unwrap_err().status.as_u16(), 429);
        drop(all);
    }
}

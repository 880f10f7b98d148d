//! A witness over HTTP: `POST /add-checkpoint`, and `GET /<hash>/checkpoint` for monitors.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use placet_proto::tlog::witness::MAX_REQUEST_LEN;
use tokio::sync::Semaphore;

use super::engine::{Refusal, Witness};

/// Requests that are worked on at the same time; more are told to come back (503).
const MAX_CONCURRENT: usize = 64;

const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Clone)]
struct Shared {
    witness: Arc<Witness>,
    slots: Arc<Semaphore>,
}

/// The routes of a witness, for its own listener or to be nested under a prefix. Submission and
/// monitoring prefix are the same.
pub fn router(witness: Arc<Witness>) -> Router {
    let shared = Shared { witness, slots: Arc::new(Semaphore::new(MAX_CONCURRENT)) };
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{hash}/checkpoint", get(checkpoint))
        .layer(DefaultBodyLimit::max(MAX_REQUEST_LEN))
        .with_state(shared)
}

async fn add_checkpoint(State(shared): State<Shared>, body: Bytes) -> Response {
    let answer = shared.run(move |witness| witness.add_checkpoint(&body)).await;
    match answer {
        None => unavailable(),
        Some(Ok(line)) => text(StatusCode::OK, line.into_bytes(), TEXT),
        Some(Err(refusal)) => {
            if let Refusal::Failed(error) = &refusal {
                tracing::error!(code = error.code(), %error, "the witness can't use its state");
            }
            let status =
                StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            text(status, refusal.body().into_bytes(), refusal.media_type())
        }
    }
}

async fn checkpoint(State(shared): State<Shared>, Path(hash): Path<String>) -> Response {
    match shared.run(move |witness| witness.checkpoint(&hash)).await {
        None => unavailable(),
        Some(Ok(Some(note))) => text(StatusCode::OK, note, TEXT),
        Some(Ok(None)) => text(StatusCode::NOT_FOUND, b"unknown log\n".to_vec(), TEXT),
        Some(Err(error)) => {
            tracing::error!(code = error.code(), %error, "the witness can't read its state");
            text(StatusCode::INTERNAL_SERVER_ERROR, b"internal error\n".to_vec(), TEXT)
        }
    }
}

impl Shared {
    /// Runs a blocking call (it flushes files) off the async threads; `None` if there are too many
    /// already, or it panicked.
    async fn run<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Witness) -> T + Send + 'static,
    ) -> Option<T> {
        let slot = Arc::clone(&self.slots).try_acquire_owned().ok()?;
        let witness = Arc::clone(&self.witness);
        let task = tokio::task::spawn_blocking(move || {
            // Freed when the work is done, not when the client gives up waiting for it.
            let _slot = slot;
            call(&witness)
        });
        task.await.ok()
    }
}

fn text(status: StatusCode, body: Vec<u8>, media_type: &'static str) -> Response {
    let headers: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

fn unavailable() -> Response {
    text(StatusCode::SERVICE_UNAVAILABLE, b"too many requests\n".to_vec(), TEXT)
}

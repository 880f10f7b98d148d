//! Statements for a copy of the log (SPEC.md 6.6): many at once, and bare.

use std::ops::ControlFlow;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::logcopy::{self, BUNDLE_WIDTH};

use super::{admit, answer, log_of};
use crate::http::App;
use crate::http::problem::Fault;
use crate::storage::Statement;
use crate::{Error, LogId};

/// Bytes after which an answer ends; the statement that crosses the line is still in it.
const ENOUGH: usize = 4 << 20;

/// `GET /v1/statements/{log}/{index}`: from this index to the next multiple of 256 or the end of
/// the published tree, in the form of a file of a copy, as many as fit.
pub async fn run(
    State(app): State<App>,
    headers: HeaderMap,
    Path((log, index)): Path<(String, String)>,
) -> Response {
    answer(async {
        admit(&app, &headers).await?;
        let id = log_of(&log).ok_or_else(Fault::not_found)?;
        let digits = index.len() <= 16 && index.bytes().all(|b| b.is_ascii_digit());
        let index = index.parse::<u64>().ok().filter(|_| digits).ok_or_else(Fault::not_found)?;
        let bytes = app.run(move |app| collect(app, id, index)).await?;
        let media_type = HeaderValue::from_static("application/octet-stream");
        let never = HeaderValue::from_static("no-store");
        let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, never)];
        Ok((StatusCode::OK, headers, bytes).into_response())
    })
    .await
}

fn collect(app: &App, id: LogId, index: u64) -> Result<Vec<u8>, Error> {
    let log = app.ledger().log(id);
    let size = log.checkpoint().map_or(0, |note| note.size);
    if index >= size {
        return Err(Error::OutOfRange { what: "index", asked: index, size });
    }
    let width = u64::from(BUNDLE_WIDTH);
    let end = index.saturating_sub(index % width).saturating_add(width).min(size);
    let (mut out, mut pushed) = (Vec::new(), Ok(()));
    log.visit(index..end, |_, statement| {
        let bytes = match &statement {
            Statement::Present(bytes) => Some(bytes.as_slice()),
            Statement::Erased | Statement::NotFound => None,
        };
        pushed = logcopy::push(&mut out, bytes);
        match pushed.is_ok() && out.len() < ENOUGH {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        }
    })?;
    pushed.map_err(placet_proto::Error::from)?;
    Ok(out)
}

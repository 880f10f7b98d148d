//! Consistency proofs and checkpoints, in JSON: what the tiles say, for those who have no code for
//! tiles.

use axum::extract::{Path, State};
use axum::response::Response;
use placet_proto::json::Json;

use super::params::{Params, RawQuery, value_of};
use super::{answer, hex, log_name, log_of, path_json, time};
use crate::http::App;
use crate::http::evidence::{json, number};
use crate::http::problem::Fault;
use crate::service::{Refusal, TrustChoices};
use crate::{Error, LogId};

/// Notes in a page.
const MAX_NOTES: usize = 256;
/// Bytes of notes after which a page ends.
const MAX_NOTE_BYTES: usize = 1 << 20;

/// `GET /v1/consistency?log=&from=&to=`.
pub async fn consistency(State(app): State<App>, query: RawQuery) -> Response {
    answer(async {
        let params = Params::read(query, &["log", "from", "to"], &[])?;
        let id = log_param(&params)?;
        let from = params.number("from")?.ok_or_else(|| value_of("from", "is missing"))?;
        let to = params.number("to")?;
        if from == 0 {
            return Err(value_of("from", "is at least 1: the empty tree proves nothing"));
        }
        if to.is_some_and(|to| to < from) {
            return Err(value_of("to", "is smaller than `from`"));
        }
        let body = app.run(move |app| {
            let log = app.ledger().log(id);
            let to = match to {
                Some(to) => to,
                None => log.checkpoint().map_or(0, |note| note.size).max(from),
            };
            let path = log.consistency_path(from, to)?;
            Ok(Json::object([
                ("log", log_name(id).into()),
                ("origin", log.origin().into()),
                ("from", number(from)),
                ("to", number(to)),
                ("from_root", hex(&log.root_at(from)?)),
                ("to_root", hex(&log.root_at(to)?)),
                ("path", path_json(&path)),
            ]))
        });
        Ok(json(&body.await?))
    })
    .await
}

/// `GET /v1/checkpoint?log=`.
pub async fn checkpoint(State(app): State<App>, query: RawQuery) -> Response {
    answer(async {
        let params = Params::read(query, &["log"], &[])?;
        let id = log_param(&params)?;
        let body = app.run(move |app| checkpoint_json(app, id)).await?;
        Ok(json(&body))
    })
    .await
}

/// `GET /v1/notes/{log}/{row}`: cosigned notes in the order of publication, from this row on, and
/// the row to go on with.
pub async fn notes(State(app): State<App>, Path((log, row)): Path<(String, String)>) -> Response {
    answer(async {
        let id = log_of(&log).ok_or_else(Fault::not_found)?;
        let digits = row.len() <= 16 && row.bytes().all(|b| b.is_ascii_digit());
        let row = row.parse::<u64>().ok().filter(|_| digits).ok_or_else(Fault::not_found)?;
        Ok(json(&app.run(move |app| notes_json(app, id, row)).await?))
    })
    .await
}

fn notes_json(app: &App, id: LogId, row: u64) -> Result<Json, Error> {
    let log = app.ledger().log(id);
    let found = match log.notes() {
        Some(notes) => notes.between(0, u64::MAX, row)?,
        None => Vec::new(),
    };
    let (mut next, mut bytes, mut notes) = (row, 0_usize, Vec::new());
    for note in found.iter().take(MAX_NOTES) {
        bytes = bytes.saturating_add(note.note.len());
        if bytes > MAX_NOTE_BYTES && !notes.is_empty() {
            break;
        }
        next = note.row.saturating_add(1);
        notes.push(Json::from(String::from_utf8_lossy(&note.note).as_ref()));
    }
    Ok(Json::object([
        ("log", Json::from(log_name(id))),
        ("origin", log.origin().into()),
        ("notes", notes.into()),
        ("next", number(next)),
    ]))
}

fn checkpoint_json(app: &App, id: LogId) -> Result<Json, Error> {
    let ledger = app.ledger();
    let log = ledger.log(id);
    let missing = || Refusal::Quorum("no checkpoint is cosigned yet".to_owned());
    let note = log.checkpoint().ok_or_else(missing)?;
    let trust = ledger.trust_file(TrustChoices::default())?;
    let own = trust.logs.iter().find(|l| l.origin == log.origin());
    let own = own.map(|l| l.operated_by_self.clone()).unwrap_or_default();
    let witnesses = ledger.publisher(id).status().witnesses.into_iter().map(|w| {
        let mut out = Json::object([
            ("name", Json::from(w.name.as_str())),
            ("vkey", w.vkey.as_str().into()),
            ("operated_by_self", Json::Bool(own.contains(&w.name))),
        ]);
        if let Some(at) = w.last_success {
            out.insert("cosigned_at", time(at));
        }
        out
    });
    Ok(Json::object([
        ("log", Json::from(log_name(id))),
        ("origin", log.origin().into()),
        ("size", number(note.size)),
        ("root", hex(&note.root)),
        ("note", String::from_utf8_lossy(&note.note).as_ref().into()),
        ("published_at", time(note.published_at)),
        ("entries", number(log.size())),
        ("witnesses", witnesses.collect::<Vec<_>>().into()),
    ]))
}

/// `log`, the main log if it is absent.
fn log_param(params: &Params) -> Result<LogId, Fault> {
    Ok(params.with("log", "is `main` or `gov`", log_of)?.unwrap_or(LogId::Main))
}

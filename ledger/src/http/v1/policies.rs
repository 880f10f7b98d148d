//! The policies that were ever in force, and their files.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::b64;
use placet_proto::json::Json;

use super::params::{Params, RawQuery, value_of};
use super::{admit, answer, hex, time};
use crate::http::App;
use crate::http::evidence::{json, number};
use crate::http::problem::Fault;
use crate::service::PolicyEntry;

/// Entries in a page, at most and if the client does not say.
const MAX_LIMIT: usize = 50;

/// `GET /v1/policies?before=&limit=`: the newest first.
pub async fn list(State(app): State<App>, headers: HeaderMap, query: RawQuery) -> Response {
    answer(async {
        admit(&app, &headers).await?;
        let params = Params::read(query, &["before", "limit"], &[])?;
        let before = params.number("before")?;
        let limit = match params.number("limit")? {
            None => MAX_LIMIT,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| value_of("limit", &format!("is 1 to {MAX_LIMIT}")))?,
        };
        let found = app.run(move |app| {
            let in_force = app.ledger().policy_in_force()?.index;
            Ok((in_force, app.ledger().policies(before, limit.saturating_add(1))?))
        });
        let (in_force, mut entries) = found.await?;
        let more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.index);
        let list: Vec<Json> = entries.iter().map(|e| entry_json(e, in_force)).collect();
        let mut out = Json::object([("policies", Json::from(list))]);
        if let Some(next) = next {
            out.insert("next", number(next));
        }
        Ok(json(&out))
    })
    .await
}

/// `GET /v1/policies/files/{sha256}`: the bytes of one file.
pub async fn file(
    State(app): State<App>,
    headers: HeaderMap,
    Path(sha256): Path<String>,
) -> Response {
    answer(async {
        admit(&app, &headers).await?;
        let digest = b64::decode_hex_array::<32>(&sha256).map_err(|_| Fault::not_found())?;
        let found = app.run(move |app| app.ledger().policy_file(&digest)).await?;
        let bytes = found.ok_or_else(Fault::not_found)?;
        let media_type = HeaderValue::from_static("application/octet-stream");
        let never = HeaderValue::from_static("no-store");
        let headers = [(header::CONTENT_TYPE, media_type), (header::CACHE_CONTROL, never)];
        Ok((StatusCode::OK, headers, bytes).into_response())
    })
    .await
}

fn entry_json(entry: &PolicyEntry, in_force: u64) -> Json {
    let PolicyEntry { index, policy } = entry;
    let files = policy.files.iter().map(|(name, digest)| (name.clone(), hex(digest)));
    let mut out = Json::object([
        ("index", number(*index)),
        ("at", time(policy.at.0)),
        ("manifest", hex(&policy.manifest_sha256)),
        ("files", Json::object(files)),
        ("in_force", Json::Bool(*index == in_force)),
    ]);
    if let Some((signer, _)) = &policy.authorised {
        let credential = b64::encode_url(&signer.credential);
        out.insert(
            "signer",
            Json::object([
                ("person", Json::from(signer.person.as_str())),
                ("credential", credential.into()),
            ]),
        );
    }
    out
}

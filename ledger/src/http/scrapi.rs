//! SCRAPI (draft-ietf-scitt-scrapi-11) for the main log: registering statements, fetching receipts,
//! the service's keys.
//!
//! The log is not open to everybody: it takes statements of issuers that its genesis lists as
//! external, and answers for statements that it holds. An entry's id is its hash in hexadecimal, so
//! that the same statement always has the same Location. A receipt is given for the first tree
//! that witnesses cosigned with the entry in it; until then registration is running (202, 204).

use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use placet_proto::cbor::Writer;
use placet_proto::cose::{self, Sign1};
use placet_proto::cose_key::{Algorithm, PublicKey};
use placet_proto::document::{Body, Purpose};
use placet_proto::statement::{self, Statement};
use placet_proto::{b64, sha256, sha256_parts};
use placet_verifier::crypto;

use super::problem::Fault;
use super::{App, call};
use crate::service::{Ledger, TrustChoices};
use crate::{Error, LogId, NewEntry, OnceKey, storage};

const PATH: &str = "/entries";
const COSE: &str = "application/cose";
const CBOR: &str = "application/cbor";
/// Media types of a statement: RFC 9052 and RFC 9943.
const STATEMENTS: [&str; 2] = [COSE, "application/scitt-statement+cose"];
/// Seconds after which a running registration is worth another look.
const RETRY_S: u32 = 1;
/// Folder of the public keys of external issuers, one COSE_Key a file.
const ISSUERS: &str = "issuers";
/// Most external issuers.
const MAX_ISSUERS: usize = 64;
/// Largest key file, in bytes.
const MAX_KEY: u64 = 1024;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route(PATH, post(register))
        .route("/entries/{id}", get(entry))
        .route("/.well-known/scitt-keys", get(keys))
        .route("/.well-known/scitt-keys/{kid}", get(key))
}

/// An issuer beside the ledger's own whose statements the genesis admits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalIssuer {
    kid: [u8; 32],
    key: PublicKey,
}

/// The external issuers: kids from the genesis of the main log, keys from files in `issuers/`.
///
/// # Errors
/// `ledger.io`, and those of reading the genesis.
pub fn external_issuers(ledger: &Ledger) -> Result<Vec<ExternalIssuer>, Error> {
    let storage::Statement::Present(genesis) = ledger.log(LogId::Main).statement(0)? else {
        return Ok(Vec::new());
    };
    let Body::Genesis(genesis) = Statement::parse(&genesis)?.document.body else {
        return Ok(Vec::new());
    };
    let folder = ledger.dir().root().join(ISSUERS);
    if genesis.external_issuers.is_empty() || !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for file in std::fs::read_dir(&folder).map_err(Error::io("read", &folder))?.take(MAX_ISSUERS) {
        let path = file.map_err(Error::io("read", &folder))?.path();
        let bytes = read_key(&path)?;
        match crypto::parse_cose_key(&bytes) {
            Ok(key) if genesis.external_issuers.contains(&key.thumbprint()) => {
                found.push(ExternalIssuer { kid: key.thumbprint(), key });
            }
            _ => tracing::warn!(path = %path.display(), "no key of an issuer in the genesis"),
        }
    }
    Ok(found)
}

fn read_key(path: &std::path::Path) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    file.take(MAX_KEY).read_to_end(&mut bytes).map_err(Error::io("read", path))?;
    Ok(bytes)
}

/// Where a statement stands.
enum Registered {
    /// In a tree that witnesses cosigned.
    Receipt(Vec<u8>),
    /// In the log; witnesses have yet to come.
    Running,
}

async fn register(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    answer(async {
        let media_type = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
        let media_type = media_type.unwrap_or_default().split(';').next().unwrap_or_default();
        if !STATEMENTS.contains(&media_type.trim()) {
            return Err(Fault::media_type(COSE));
        }
        app.0.rates.statements.take(call::address())?;
        let body = body.map_err(|_| Fault::too_large())?;
        let statement = normal(&body)?;
        let id = sha256(&statement);
        let location = location(&id)?;
        let found = app.run(move |app| app.ledger().index().find(LogId::Main, &id)).await?;
        let index = match found {
            Some(index) => index,
            None => {
                check(&app, &statement)?;
                app.run(move |app| append(app, statement, id)).await?
            }
        };
        let registered = app.run_waiting(move |app| receipt(app, index, true)).await?;
        Ok(match registered {
            Registered::Receipt(receipt) => {
                let headers = [(header::LOCATION, location), content(COSE)];
                (StatusCode::CREATED, headers, receipt).into_response()
            }
            Registered::Running => {
                (StatusCode::ACCEPTED, [(header::LOCATION, location), retry()]).into_response()
            }
        })
    })
    .await
}

async fn entry(State(app): State<App>, Path(id): Path<String>) -> Response {
    answer(async {
        let bad = || {
            let detail = "an entry id is 32 bytes in hexadecimal or base64url";
            Fault::new(StatusCode::BAD_REQUEST, "Invalid locator", "scrapi.locator", detail)
        };
        let hex = b64::decode_hex_array::<32>(&id);
        let id = hex.or_else(|_| b64::decode_url_array::<32>(&id)).map_err(|_| bad())?;
        let location = location(&id)?;
        let found = app.run(move |app| match app.ledger().index().find(LogId::Main, &id)? {
            Some(index) => receipt(app, index, false).map(Some),
            None => Ok(None),
        });
        Ok(match found.await? {
            None => {
                let detail = "no such entry is in the log";
                return Err(Fault::new(
                    StatusCode::NOT_FOUND,
                    "Not Found",
                    "scrapi.not_found",
                    detail,
                ));
            }
            Some(Registered::Receipt(receipt)) => {
                let headers = [(header::LOCATION, location), content(COSE)];
                (StatusCode::OK, headers, receipt).into_response()
            }
            Some(Registered::Running) => (StatusCode::NO_CONTENT, [retry()]).into_response(),
        })
    })
    .await
}

async fn keys(State(app): State<App>) -> Response {
    answer(async {
        let keys = app.run(receipt_keys).await?;
        let mut set = Writer::new();
        set.array(keys.len());
        for key in &keys {
            set.raw(&key.to_cose_with_kid());
        }
        Ok((StatusCode::OK, [content(CBOR)], set.into_bytes()).into_response())
    })
    .await
}

async fn key(State(app): State<App>, Path(kid): Path<String>) -> Response {
    answer(async {
        let keys = app.run(receipt_keys).await?;
        let wanted = b64::decode_url_array::<32>(&kid).ok();
        let found = keys.into_iter().find(|key| Some(key.thumbprint()) == wanted);
        let found = found.ok_or_else(|| {
            let detail = "no receipt of this log names that key";
            Fault::new(StatusCode::NOT_FOUND, "No such key", "scrapi.no_such_key", detail)
        })?;
        Ok((StatusCode::OK, [content(CBOR)], found.to_cose_with_kid()).into_response())
    })
    .await
}

/// The keys that sign receipts of the main log.
fn receipt_keys(app: &App) -> Result<Vec<PublicKey>, Error> {
    let trust = app.ledger().trust_file(TrustChoices::default())?;
    let main = trust.logs.iter().find(|log| log.origin == app.main().origin());
    let keys = main.into_iter().flat_map(|log| &log.keys);
    keys.filter(|key| key.purpose == Purpose::Receipt)
        .map(|key| PublicKey::from_cose(&key.public_key).map_err(|e| Error::Proto(e.into())))
        .collect()
}

/// The statement as it is registered: with an empty unprotected header, which nobody signed.
fn normal(body: &[u8]) -> Result<Vec<u8>, Fault> {
    let sign1 = Sign1::parse(body).map_err(|e| Fault::bad_request(e.to_string()))?;
    let Some(payload) = sign1.payload else {
        let detail = "the payload must be attached";
        return Err(rejected("Payload Missing", "scrapi.payload_missing", detail));
    };
    let signature = sign1.signature;
    Ok(cose::encode_sign1(sign1.protected, cose::EMPTY_MAP, Some(payload), signature))
}

/// What has to hold for a statement that the log does not hold yet.
fn check(app: &App, bytes: &[u8]) -> Result<(), Fault> {
    let (header, _) = statement::peek(bytes).map_err(|e| Fault::bad_request(e.to_string()))?;
    // -19 is the same algorithm as -8 (SPEC.md 5.2).
    let algorithm = match header.alg {
        -19 => Algorithm::EdDsa,
        alg => Algorithm::from_cose_id(alg)
            .map_err(|e| rejected("Bad Signature Algorithm", "scrapi.algorithm", &e.to_string()))?,
    };
    let issuer = app.0.issuers.iter().find(|issuer| issuer.kid == header.kid);
    let issuer = issuer.ok_or_else(|| {
        rejected("Rejected", "scrapi.issuer", "the genesis of this log does not admit this issuer")
    })?;
    if issuer.key.algorithm() != algorithm {
        let detail = "the issuer's key is for another algorithm";
        return Err(rejected("Bad Signature Algorithm", "scrapi.algorithm", detail));
    }
    let malformed = |e: placet_proto::Error| Fault::bad_request(e.to_string());
    let statement = Statement::parse(bytes).map_err(malformed)?;
    let signed = Sign1::parse(bytes).map_err(malformed)?.signed_bytes(&[]);
    crypto::verify_cose(&issuer.key, &signed, &statement.signature)
        .map_err(|e| rejected("Rejected", e.code(), "the signature does not verify"))
}

fn rejected(title: &str, code: &str, detail: &str) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, title, code, detail)
}

/// Appends an external statement; who comes second with the same one gets the same index.
fn append(app: &App, statement: Vec<u8>, id: [u8; 32]) -> Result<u64, Error> {
    let once = vec![OnceKey(sha256_parts(&[b"placet-once/0 entry", &id]))];
    let entry = NewEntry { statement, once, absent: Vec::new() };
    app.ledger().check_not_stopped()?;
    app.ledger().append_external(entry)
}

/// The receipt in the first cosigned tree that holds the entry; with `publish`, one is asked for.
fn receipt(app: &App, index: u64, publish: bool) -> Result<Registered, Error> {
    let ledger = app.ledger();
    let notes = || app.main().notes().map_or(Ok(None), |notes| notes.covering(index, 0));
    let mut note = notes()?;
    if note.is_none() && publish {
        // Without its witnesses the log stays where it is: the registration is running.
        match ledger.publisher(LogId::Main).covering(index.saturating_add(1)) {
            Ok(_) => note = notes()?,
            Err(error) => tracing::warn!(%error, "no cosigned checkpoint for a new entry"),
        }
    }
    match note {
        Some(note) => ledger.receipt(LogId::Main, index, note.size).map(Registered::Receipt),
        None => Ok(Registered::Running),
    }
}

impl App {
    fn main(&self) -> &crate::Log {
        self.ledger().log(LogId::Main)
    }
}

fn location(id: &[u8; 32]) -> Result<HeaderValue, Fault> {
    HeaderValue::from_str(&format!("{PATH}/{}", b64::encode_hex(id)))
        .map_err(|_| Fault::bad_request("no location"))
}

fn content(media_type: &'static str) -> (HeaderName, HeaderValue) {
    (header::CONTENT_TYPE, HeaderValue::from_static(media_type))
}

fn retry() -> (HeaderName, HeaderValue) {
    (header::RETRY_AFTER, HeaderValue::from(RETRY_S))
}

async fn answer(work: impl Future<Output = Result<Response, Fault>>) -> Response {
    work.await.unwrap_or_else(|fault| fault.response(PATH))
}

//! Searching entries, and one entry with all that proves that it is in its log.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use placet_proto::cbor::{MapWriter, Writer};
use placet_proto::cose::{self, Sign1, label};
use placet_proto::document::{Body, MAX_CREDENTIAL};
use placet_proto::json::{self as strict, Json};
use placet_proto::statement::Statement;
use placet_proto::tlog::proof::TlogProof;
use placet_proto::{b64, document};

use super::params::{Params, RawQuery, refused, value_of};
use super::{admit, admit_search, answer, covering, hex, log_name, log_of, path_json, time};
use crate::http::App;
use crate::http::evidence::{json, number};
use crate::http::problem::Fault;
use crate::index::{Filter, Hit, MAX_LIMIT, Page};
use crate::service::Refusal;
use crate::{Error, LogId, Note, storage};

/// Hits in a page if the client does not say.
const DEFAULT_LIMIT: usize = 50;
/// Parameters of a search.
const PARAMETERS: [&str; 14] = [
    "log",
    "kind",
    "request",
    "digest",
    "session",
    "credential",
    "approver",
    "person",
    "agent",
    "audience",
    "from",
    "to",
    "cursor",
    "limit",
];
/// Longest name that is searched for, in bytes: that of an id in an action.
const MAX_NAME: usize = 1024;

/// `GET /v1/entries`.
pub async fn search(State(app): State<App>, headers: HeaderMap, query: RawQuery) -> Response {
    answer(async {
        admit_search(&app, &headers).await?;
        let params = Params::read(query, &PARAMETERS, &[])?;
        let filter = filter(&params)?;
        let limit = match params.number("limit")? {
            None => DEFAULT_LIMIT,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| value_of("limit", &format!("is 1 to {MAX_LIMIT}")))?,
        };
        let cursor = match params.text("cursor") {
            None => None,
            Some(text) => Some(app.ledger().index().cursor(text, &filter).ok_or_else(|| {
                refused("query.cursor", "this is no cursor of the same search on this ledger")
            })?),
        };
        let found =
            app.run(move |app| app.ledger().index().search(&filter, cursor.as_ref(), limit));
        Ok(json(&page_json(&found.await?)))
    })
    .await
}

fn filter(params: &Params) -> Result<Filter, Fault> {
    let name = |name: &str| -> Result<Option<String>, Fault> {
        params.with(name, "is too long", |text| (text.len() <= MAX_NAME).then(|| text.to_owned()))
    };
    let uuid = |name: &str| -> Result<Option<String>, Fault> {
        params.with(name, "is no UUID of version 4", |text| {
            document::is_uuid_v4(text).then(|| text.to_owned())
        })
    };
    Ok(Filter {
        log: params.with("log", "is `main` or `gov`", log_of)?,
        kind: name("kind")?,
        request: uuid("request")?,
        digest: params.digest("digest")?,
        session: name("session")?,
        credential: params.bytes("credential", MAX_CREDENTIAL)?,
        approver: uuid("approver")?,
        person: uuid("person")?,
        agent: name("agent")?,
        audience: name("audience")?,
        from: params.time("from")?,
        to: params.time("to")?,
    })
}

fn page_json(page: &Page) -> Json {
    let entries: Vec<Json> = page.hits.iter().map(hit_json).collect();
    let [main, gov] = page.indexed_to;
    let indexed = Json::object([("main", number(main)), ("gov", number(gov))]);
    let mut out = Json::object([("entries", entries.into()), ("indexed_to", indexed)]);
    if let Some(next) = &page.next {
        out.insert("next", next.as_str().into());
    }
    out
}

fn hit_json(hit: &Hit) -> Json {
    let mut out = Json::object([
        ("log", log_name(hit.log).into()),
        ("index", number(hit.index)),
        ("entry", hex(&hit.entry)),
        ("kind", hit.kind.as_str().into()),
    ]);
    if let Some(statement) = &hit.statement {
        summary(&mut out, statement);
    }
    out
}

/// What tells statements apart at a glance.
fn summary(out: &mut Json, statement: &Statement) {
    let document = &statement.document;
    out.insert("at", time(statement.header.iat));
    out.insert("issuer", statement.header.iss.as_str().into());
    out.insert("document_sha256", hex(document.sha256()));
    if let Some(request) = document.body.request() {
        out.insert("request", request.into());
    }
    if let Some(audience) = document.body.audience() {
        out.insert("audience", audience.into());
    }
    let (initiator, action, digest) = match &document.body {
        Body::Decision(d) => (Some(&d.initiator), Some(&d.action), Some(d.action.digest())),
        Body::Approval(a) | Body::Denial(a) => {
            (Some(&a.initiator), Some(&a.action), Some(a.action.digest()))
        }
        Body::Execution(e) => (Some(&e.initiator), None, Some(e.action_digest)),
        Body::Outcome(o) => (None, None, Some(o.action_digest)),
        _ => (None, None, None),
    };
    if let Some(agent) = initiator {
        let (kind, id) = (agent.kind.as_str(), agent.id.as_str());
        out.insert("agent", Json::object([("type", Json::from(kind)), ("id", id.into())]));
    }
    if let Some(action) = action {
        out.insert("action", action.name().into());
    }
    if let Some(digest) = digest {
        out.insert("action_digest", hex(&digest));
    }
    match &document.body {
        Body::Decision(d) => out.insert("decision", d.decision.name().into()),
        Body::Approval(a) | Body::Denial(a) => {
            out.insert("approver", a.approver.person.as_str().into());
            out.insert("credential", b64::encode_url(&a.approver.credential).into());
        }
        Body::Enrolment(e) => out.insert("person", e.person.as_str().into()),
        Body::Role(r) => out.insert("person", r.person.as_str().into()),
        Body::Recovery(r) => out.insert("person", r.person.as_str().into()),
        Body::Erasure(e) => out.insert("person", e.signer.person.as_str().into()),
        Body::Outcome(o) => out.insert("result", o.result.name().into()),
        _ => {}
    }
}

/// In which form an entry is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// JSON: statement, receipt, proof.
    Json,
    /// RFC 9943 transparent statement: the statement with its receipt.
    Cose,
    /// RFC 9942 COSE Receipt alone.
    Receipt,
    /// C2SP tlog-proof.
    TlogProof,
}

/// `GET /v1/entries/{log}/{index}`.
pub async fn entry(
    State(app): State<App>,
    Path((log, index)): Path<(String, String)>,
    query: RawQuery,
    headers: HeaderMap,
) -> Response {
    answer(async {
        admit(&app, &headers).await?;
        let params = Params::read(query, &["form"], &[])?;
        let form =
            match params.with("form", "is `json`, `cose`, `receipt` or `tlog-proof`", form_of)? {
                Some(form) => form,
                None => accepted(&headers)?,
            };
        let id = log_of(&log).ok_or_else(Fault::not_found)?;
        let digits = index.len() <= 16 && index.bytes().all(|b| b.is_ascii_digit());
        let index = index.parse::<u64>().ok().filter(|_| digits).ok_or_else(Fault::not_found)?;
        let found = app.run(move |app| Found::read(app, id, index)).await?;
        match form {
            Form::Json => Ok(json(&found.json())),
            Form::Cose => found.cose(),
            Form::Receipt => found.receipt(),
            Form::TlogProof => found.tlog_proof(),
        }
    })
    .await
}

fn form_of(name: &str) -> Option<Form> {
    match name {
        "json" => Some(Form::Json),
        "cose" => Some(Form::Cose),
        "receipt" => Some(Form::Receipt),
        "tlog-proof" => Some(Form::TlogProof),
        _ => None,
    }
}

/// The first form that the client accepts, in the order in which it names them.
fn accepted(headers: &HeaderMap) -> Result<Form, Fault> {
    let Some(accept) = headers.get(header::ACCEPT) else { return Ok(Form::Json) };
    let accept = accept.to_str().unwrap_or_default();
    let media_types = accept.split(',').map(|item| item.split(';').next().unwrap_or("").trim());
    let form = |media_type: &str| match media_type {
        "application/json" | "application/*" | "*/*" => Some(Form::Json),
        "application/cose" | "application/scitt-statement+cose" => Some(Form::Cose),
        "application/scitt-receipt+cose" => Some(Form::Receipt),
        "text/plain" | "text/*" => Some(Form::TlogProof),
        _ => None,
    };
    media_types.filter_map(form).next().ok_or_else(|| {
        let detail = "an entry is there as application/json, application/cose or text/plain";
        Fault::new(StatusCode::NOT_ACCEPTABLE, "Not Acceptable", "http.accept", detail)
    })
}

/// An entry with what there is about it.
struct Found {
    id: LogId,
    origin: String,
    index: u64,
    entry: [u8; 32],
    erased: bool,
    bytes: Option<Vec<u8>>,
    statement: Option<Statement>,
    /// None until witnesses cosigned a tree with the entry in it.
    proof: Option<Proof>,
}

struct Proof {
    note: Note,
    path: Vec<[u8; 32]>,
    receipt: Option<Vec<u8>>,
}

impl Found {
    fn read(app: &App, id: LogId, index: u64) -> Result<Self, Error> {
        let ledger = app.ledger();
        let log = ledger.log(id);
        let (entry, body) = (log.entry(index)?, log.statement(index)?);
        let erased = body == storage::Statement::Erased;
        let bytes = match body {
            storage::Statement::Present(bytes) => Some(bytes),
            _ => None,
        };
        let proof = match covering(log, index)? {
            None => None,
            Some(note) => {
                let path = log.inclusion_path(index, note.size)?;
                let receipt = match &bytes {
                    Some(_) => Some(ledger.receipt(id, index, note.size)?),
                    None => None,
                };
                Some(Proof { note, path, receipt })
            }
        };
        let statement = bytes.as_deref().and_then(|bytes| Statement::parse(bytes).ok());
        let origin = log.origin().to_owned();
        Ok(Self { id, origin, index, entry, erased, bytes, statement, proof })
    }

    fn json(&self) -> Json {
        let mut out = Json::object([
            ("log", log_name(self.id).into()),
            ("origin", self.origin.as_str().into()),
            ("index", number(self.index)),
            ("entry", hex(&self.entry)),
            ("erased", Json::Bool(self.erased)),
        ]);
        if let Some(statement) = &self.statement {
            out.insert("kind", statement.kind().name().into());
            summary(&mut out, statement);
            if let Ok(document) = strict::parse(statement.document.bytes()) {
                out.insert("document", document);
            }
        }
        if let Some(bytes) = &self.bytes {
            out.insert("statement", b64::encode_url(bytes).into());
        }
        if let Some(Proof { note, path, receipt }) = &self.proof {
            let inclusion = Json::object([
                ("tree_size", number(note.size)),
                ("root", hex(&note.root)),
                ("path", path_json(path)),
            ]);
            out.insert("inclusion", inclusion);
            out.insert("checkpoint", String::from_utf8_lossy(&note.note).as_ref().into());
            if let Some(receipt) = receipt {
                out.insert("receipt", b64::encode_url(receipt).into());
            }
        }
        out
    }

    /// The statement with its receipt in the unprotected header, where RFC 9942 puts it.
    fn cose(&self) -> Result<Response, Fault> {
        let bytes =
            self.bytes.as_deref().ok_or_else(|| Error::from(Refusal::Erased(self.index)))?;
        let receipt = self.proven()?.receipt.as_deref().unwrap_or_default();
        let sign1 = Sign1::parse(bytes).map_err(|e| Fault::from(Error::Proto(e)))?;
        let mut unprotected = MapWriter::new();
        unprotected.int(label::RECEIPTS, |w| w.array(1).bytes(receipt));
        let mut writer = Writer::new();
        writer.map(unprotected);
        let header = writer.into_bytes();
        let out = cose::encode_sign1(sign1.protected, &header, sign1.payload, sign1.signature);
        Ok(self.file("application/cose", "cose", out))
    }

    fn receipt(&self) -> Result<Response, Fault> {
        let bytes = self.receipt_bytes()?.to_vec();
        Ok(self.file("application/scitt-receipt+cose", "receipt", bytes))
    }

    /// A receipt repeats its statement's subject, so that there is none without the body.
    fn receipt_bytes(&self) -> Result<&[u8], Fault> {
        let receipt = self.proven()?.receipt.as_deref();
        Ok(receipt.ok_or_else(|| Error::from(Refusal::Erased(self.index)))?)
    }

    fn tlog_proof(&self) -> Result<Response, Fault> {
        let Proof { note, path, .. } = self.proven()?;
        let (path, checkpoint) = (path.clone(), note.note.clone());
        let proof = TlogProof { extra: None, index: self.index, path, checkpoint };
        let bytes = proof.to_bytes().map_err(|_| Error::Busy)?;
        Ok(self.file("text/plain; charset=utf-8", "tlog-proof", bytes))
    }

    fn proven(&self) -> Result<&Proof, Fault> {
        self.proof.as_ref().ok_or_else(|| {
            let status = StatusCode::SERVICE_UNAVAILABLE;
            let detail = "no cosigned checkpoint covers this entry yet; come back later";
            Fault::new(status, "Not published yet", "entry.unpublished", detail)
        })
    }

    fn file(&self, media_type: &'static str, ending: &str, bytes: Vec<u8>) -> Response {
        let name = format!("{}-{}.{ending}", log_name(self.id), self.index);
        let name = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
        let mut response = (StatusCode::OK, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        if let Ok(name) = name {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
        response
    }
}

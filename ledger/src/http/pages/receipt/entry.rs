//! One entry of a log: that it is there, what it says, what it belongs to.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::b64;
use placet_proto::document::{Purpose, Role};
use placet_proto::statement::Statement;
use placet_proto::time::UnixSeconds;
use placet_proto::tlog::merkle;
use placet_verifier::cose_bare;

use super::{Order, Page, failed, order_of, raw, status_word, story, whole};
use crate::http::pages::{erase, parts::moment, spec};
use crate::http::problem::Fault;
use crate::http::v1::{READERS, covering, log_name, log_of};
use crate::http::{App, auth};
use crate::service::TrustChoices;
use crate::service::publisher::times_of;
use crate::service::render::escape;
use crate::{Error, LogId, Note, storage};
use placet_verifier::Status;

/// What the page is made of.
struct Shown {
    id: LogId,
    origin: String,
    index: u64,
    entry: [u8; 32],
    body: storage::Statement,
    statement: Option<Statement>,
    order: Option<Order>,
    note: Option<Note>,
    /// First and last second of the witnesses' stamps on the note, by the log's policy.
    stamps: Option<(u64, u64)>,
    checks: Vec<(&'static str, Status, String)>,
}

/// `GET /receipt/{log}/{index}`.
pub async fn page(
    State(app): State<App>,
    Path((log, index)): Path<(String, String)>,
    request: Request,
) -> Response {
    let session = match auth::page(&app, &request, READERS).await {
        Ok(session) => session,
        Err(response) => return response,
    };
    let (Some(id), Ok(index)) = (log_of(&log), index.parse::<u64>()) else {
        return failed(&app, Some(&session), &Fault::not_found());
    };
    match app.run(move |app| gather(app, id, index)).await {
        Ok(shown) => {
            let title = format!("Leaf {index}");
            let erasable = match (&shown.body, &shown.statement) {
                (storage::Statement::Present(_), None) => true,
                (_, statement) => {
                    statement.as_ref().is_some_and(|s| s.document.body.request().is_some())
                }
            };
            let erasable = erasable && id == LogId::Main && session.is(Role::Administrator);
            let shown = html! {
                (body(&shown))
                @if erasable { (erase::link(index, "this leaf says")) }
            };
            whole(&app, Some(&session), Page::new(&title, shown))
        }
        Err(error) => failed(&app, Some(&session), &Fault::from(error)),
    }
}

fn gather(app: &App, id: LogId, index: u64) -> Result<Shown, Error> {
    let ledger = app.ledger();
    let log = ledger.log(id);
    let (entry, body) = (log.entry(index)?, log.statement(index)?);
    let statement = match &body {
        storage::Statement::Present(bytes) => Statement::parse(bytes).ok(),
        _ => None,
    };
    let order = match (id, &body) {
        (LogId::Main, storage::Statement::Erased) => order_of(app, index)?,
        _ => None,
    };
    let note = covering(log, index)?;
    let mut checks = Vec::new();
    let mut stamps = None;
    if let Some(note) = &note {
        let path = log.inclusion_path(index, note.size)?;
        let leaf = merkle::leaf_hash(&entry);
        let proven = merkle::verify_inclusion(&leaf, index, note.size, &path, &note.root);
        let (hashes, size) = (path.len(), note.size);
        let detail = format!("the path ({hashes}) leads to the root of the tree of size {size}");
        checks.push(("log.inclusion", status(proven.is_ok()), detail));
        stamps = times_of(ledger.publisher(id).policy(), &note.note);
        let detail = match stamps {
            Some(_) => "the checkpoint carries what the log's witness policy asks for",
            None => "the checkpoint carries no quorum of cosignatures",
        };
        checks.push(("witness.quorum", status(stamps.is_some()), detail.to_owned()));
        if body != storage::Statement::Erased {
            let receipt = ledger.receipt(id, index, note.size)?;
            let (ok, detail) = receipt_verifies(app, id, &receipt, &entry)?;
            checks.push(("log.receipt", status(ok), detail));
        }
    }
    let origin = log.origin().to_owned();
    Ok(Shown { id, origin, index, entry, body, statement, order, note, stamps, checks })
}

fn status(ok: bool) -> Status {
    if ok { Status::Passed } else { Status::Failed }
}

/// The COSE Receipt under the key that this service publishes for them.
fn receipt_verifies(
    app: &App,
    id: LogId,
    receipt: &[u8],
    entry: &[u8; 32],
) -> Result<(bool, String), Error> {
    let trust = app.ledger().trust_file(TrustChoices::default())?;
    let origin = app.ledger().log(id).origin();
    let keys = trust.logs.iter().filter(|log| log.origin == origin).flat_map(|log| &log.keys);
    let mut last = "no receipt key is published".to_owned();
    for key in keys.filter(|key| key.purpose == Purpose::Receipt) {
        let Ok(key) = placet_verifier::crypto::parse_cose_key(&key.public_key) else { continue };
        match cose_bare::verify_receipt(receipt, entry, &key) {
            Ok(_) => return Ok((true, "signed by the log's receipt key".to_owned())),
            Err(error) => last = error.to_string(),
        }
    }
    Ok((false, last))
}

fn body(shown: &Shown) -> Markup {
    let kind = match (&shown.statement, &shown.body) {
        (Some(statement), _) => statement.kind().name(),
        (None, storage::Statement::Present(_)) => "external statement",
        (None, _) => "erased statement",
    };
    let (log, index) = (log_name(shown.id), shown.index);
    html! {
        p.kicker { "Leaf " (index) " of " (shown.origin) }
        h1 { (kind) }
        p.note role="note" {
            strong { "This page is the operator's word." }
            " It verifies the entry with the keys that this service publishes; verify it with "
            "those that you trust."
        }
        @if shown.body == storage::Statement::Erased {
            p.warning { (story::erased(shown.order.as_ref())) }
        }
        (facts(shown))
        h2 #checks { "Checks" }
        @if shown.checks.is_empty() {
            p { "No cosigned checkpoint covers the entry yet. Come back in a moment." }
        }
        ul.plain {
            @for (id, status, detail) in &shown.checks {
                @let (word, class) = status_word(*status);
                li {
                    span.mark.(class) { (word) } " "
                    a href=(spec::link("9")) { code { (id) } } " " (escape(detail))
                }
            }
        }
        h2 { "Repeat this yourself" }
        pre tabindex="0" {
            "placet-verify receipt --receipt " (log) "-" (index) ".receipt "
            "--receipt-log-pubkey log.pem --leaf-entry-hex " (b64::encode_hex(shown.entry))
        }
        ul.downloads {
            @if shown.note.is_some() {
                @if shown.body != storage::Statement::Erased {
                    li {
                        a href={ "/v1/entries/" (log) "/" (index) "?form=receipt" } download {
                            "Receipt (COSE, RFC 9942)"
                        }
                    }
                    li {
                        a href={ "/v1/entries/" (log) "/" (index) "?form=cose" } download {
                            "Statement with its receipt (COSE, RFC 9943)"
                        }
                    }
                }
                li {
                    a href={ "/v1/entries/" (log) "/" (index) "?form=tlog-proof" } download {
                        "Inclusion proof (C2SP tlog-proof)"
                    }
                }
            }
            li { a href={ "/v1/entries/" (log) "/" (index) } { "Everything as JSON" } }
            li { a href="/" { "The log's keys" } }
        }
        @if let Some(statement) = &shown.statement {
            h2 #raw { "Signed bytes" }
            (raw::listing(statement))
        }
    }
}

fn facts(shown: &Shown) -> Markup {
    html! {
        dl {
            @if let Some(statement) = &shown.statement {
                dt { "Stated" }
                dd {
                    (moment(UnixSeconds(statement.header.iat))) " by "
                    (escape(&statement.header.iss)) " (its word)"
                }
                @if let Some(request) = statement.document.body.request() {
                    dt { "Request" }
                    dd { a href={ "/receipt/request/" (request) } { (request) } }
                }
            }
            dt { "Entry" } dd { code { (b64::encode_hex(shown.entry)) } }
            @if let Some(note) = &shown.note {
                dt { "First cosigned at" } dd { "size " (note.size) }
            }
            @if let Some((_, earliest)) = shown.stamps {
                dt { "In the log before" }
                dd { (moment(UnixSeconds(earliest.saturating_add(1)))) " (proven by witnesses)" }
            }
        }
    }
}

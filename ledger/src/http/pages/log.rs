//! The page about the logs: names, keys, checkpoints, witnesses. Everybody may read it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use placet_proto::b64;
use placet_proto::cose_key::PublicKey;
use placet_proto::document::Purpose;
use placet_proto::kind::LogRole;
use placet_proto::tlog::{KeyMaterial, VerifierKey};
use placet_proto::trust::{TrustedKey, TrustedLog};

use super::{Page, failed, whole};
use crate::http::health::staleness;
use crate::http::problem::Fault;
use crate::http::{App, auth};
use crate::service::TrustChoices;
use crate::witness::WitnessStatus;
use crate::{Error, LogId, Note};

/// `GET /`.
pub async fn page(State(app): State<App>, headers: HeaderMap) -> Response {
    let session = auth::by_session(&app, &headers).await.unwrap_or_default();
    match app.run(body).await {
        Ok(body) => whole(&app, session.as_ref(), Page::new("Log", body)),
        Err(error) => failed(&app, session.as_ref(), &Fault::from(error)),
    }
}

fn body(app: &App) -> Result<Markup, Error> {
    let trust = app.ledger().trust_file(TrustChoices::default())?;
    let config = app.ledger().config();
    let logs: Vec<Markup> = trust.logs.iter().map(|log| one(app, log)).collect();
    Ok(html! {
        h1 { (config.origin) }
        p {
            "This " @if config.dev { "development " } "ledger records what persons approved that "
            "agents do. Do not believe this page: "
            "check the evidence with " code { "placet-verify" } " and a trust file of your own."
        }
        ul.downloads {
            li { a href="/v1/trust" download="trust.json" { "Keys and witnesses as a trust file" }
                 " (public part only)" }
            li { a href="/spec" { "Specification" } }
            li { a href="/v1/openapi.json" { "API description" } " (OpenAPI)" }
        }
        @for log in &logs { (log) }
    })
}

/// Which of the logs, and the prefix of its files.
fn place(role: LogRole) -> (LogId, &'static str, &'static str) {
    match role {
        LogRole::Main => (LogId::Main, "/log", "Main log"),
        LogRole::Gov => (LogId::Gov, "/gov", "Governance log"),
    }
}

fn one(app: &App, log: &TrustedLog) -> Markup {
    let (id, prefix, name) = place(log.role);
    let ledger = app.ledger();
    let note = ledger.log(id).checkpoint();
    let status = ledger.publisher(id).status();
    let now = ledger.now().0;
    html! {
        section aria-labelledby={ "log-" (log.role.name()) } {
            h2 id={ "log-" (log.role.name()) } { (name) }
            dl {
                dt { "Origin" } dd { code { (log.origin) } }
                dt { "Tiles" } dd { code { (ledger.config().public_url) (prefix) "/" } }
                dt { "First entry" } dd { code { (b64::encode_hex(log.genesis)) } }
                (state(app, id, note.as_ref()))
            }
            h3 { "Keys" }
            (keys(prefix, log))
            h3 { "Checkpoint" }
            @match &note {
                Some(note) => {
                    pre tabindex="0" { (String::from_utf8_lossy(&note.note)) }
                    p.small {
                        "published " (age(now, note.published_at)) "; "
                        a href={ (prefix) "/checkpoint" } { "as a file" }
                    }
                }
                None => p { "None is published yet." }
            }
            h3 { "Witnesses" }
            @if let Some(problem) = &status.problem { p.warning { (problem) } }
            @if status.witnesses.is_empty() {
                p { "None: time and one history for all are not proven." }
            } @else {
                (witnesses(&status.witnesses, log, now))
            }
        }
    }
}

/// Size, root, and how far what is published is behind.
fn state(app: &App, id: LogId, note: Option<&Note>) -> Markup {
    let size = app.ledger().log(id).size();
    let stale = staleness(app, id);
    html! {
        dt { "Entries" } dd { (size) }
        @if let Some(note) = note {
            dt { "Published size" } dd { (note.size) }
            dt { "Root" } dd { code { (b64::encode_hex(note.root)) } }
            dt { "Publish lag" }
            dd {
                @match size.saturating_sub(note.size) {
                    0 => "none",
                    1 => "1 entry",
                    n => { (n) " entries" }
                }
            }
        }
        dt { "Fresh" }
        dd data-testid="fresh" {
            @match stale { None => "yes", Some(why) => strong.warning { "no: " (why) } }
        }
    }
}

fn keys(prefix: &str, log: &TrustedLog) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Keys of " (log.origin) } { table {
            thead { tr {
                th scope="col" { "Purpose" } th scope="col" { "Key" } th scope="col" { "Files" }
            } }
            tbody {
                @for key in &log.keys {
                    @if let Ok(public) = PublicKey::from_cose(&key.public_key) {
                        (key_row(prefix, &log.origin, key, &public))
                    }
                }
            }
        } }
    }
}

fn key_row(prefix: &str, origin: &str, key: &TrustedKey, public: &PublicKey) -> Markup {
    let thumbprint = b64::encode_hex(public.thumbprint());
    let vkey = vkey(origin, key, public);
    html! {
        tr {
            td {
                (key.purpose.name()) div.small { (public.algorithm().name()) }
                @if !key.kinds.is_empty() { div.small { (key.kinds.join(", ")) } }
            }
            td { code { (vkey.as_ref().unwrap_or(&thumbprint)) } }
            td {
                a href={ (prefix) "/keys/" (thumbprint) ".pem" } download { "PEM" }
                @if vkey.is_some() {
                    " " a href={ (prefix) "/keys/" (thumbprint) ".vkey" } download { "vkey" }
                }
            }
        }
    }
}

/// The key in the form of signed notes, if it signs notes.
fn vkey(origin: &str, key: &TrustedKey, public: &PublicKey) -> Option<String> {
    let PublicKey::Ed25519(raw) = public else { return None };
    let signs_notes = key.purpose == Purpose::Checkpoint;
    let key = signs_notes.then(|| VerifierKey::new(origin, KeyMaterial::Ed25519(*raw)).ok());
    key.flatten().map(|key| key.to_vkey())
}

fn witnesses(all: &[WitnessStatus], log: &TrustedLog, now: u64) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label={ "Witnesses of " (log.origin) } { table {
            thead { tr {
                th scope="col" { "Witness" } th scope="col" { "Last cosignature" }
                th scope="col" { "Run by" }
            } }
            tbody {
                @for witness in all {
                    tr {
                        td { code { (witness.vkey) } }
                        td {
                            @match witness.last_success {
                                Some(at) => (age(now, at)),
                                None => "none since the start",
                            }
                            @if let Some((code, _, _)) = &witness.alarm {
                                div.warning { "alarm: " (code) }
                            }
                        }
                        td {
                            @if log.operated_by_self.contains(&witness.name) {
                                "the operator: not independent"
                            } @else { "somebody else" }
                        }
                    }
                }
            }
        } }
    }
}

fn age(now: u64, then: u64) -> String {
    match now.saturating_sub(then) {
        seconds @ 0..=119 => format!("{seconds} s ago"),
        seconds @ 120..=7199 => format!("{} min ago", seconds / 60),
        seconds => format!("{} h ago", seconds / 3600),
    }
}

/// `GET /log/keys/{thumbprint}.pem`, `.vkey`.
pub async fn main_key(State(app): State<App>, Path(file): Path<String>) -> Response {
    key_file(&app, LogId::Main, file).await
}

/// `GET /gov/keys/{thumbprint}.pem`, `.vkey`.
pub async fn gov_key(State(app): State<App>, Path(file): Path<String>) -> Response {
    key_file(&app, LogId::Gov, file).await
}

async fn key_file(app: &App, id: LogId, file: String) -> Response {
    let not_found = || Fault::not_found().response("/log");
    let wanted = file.clone();
    let found = app.run(move |app| {
        let trust = app.ledger().trust_file(TrustChoices::default())?;
        let log = trust.logs.iter().find(|log| place(log.role).0 == id);
        Ok(log.and_then(|log| key_text(log, &wanted)))
    });
    match found.await {
        Ok(Some(text)) => {
            let plain = HeaderValue::from_static("text/plain; charset=utf-8");
            let name = HeaderValue::from_str(&format!("attachment; filename=\"{file}\""));
            let Ok(name) = name else { return not_found() };
            let headers = [(header::CONTENT_TYPE, plain), (header::CONTENT_DISPOSITION, name)];
            (StatusCode::OK, headers, text).into_response()
        }
        Ok(None) => not_found(),
        Err(error) => Fault::from(error).response("/log"),
    }
}

fn key_text(log: &TrustedLog, file: &str) -> Option<String> {
    let (thumbprint, form) = file.split_once('.')?;
    let thumbprint = b64::decode_hex_array::<32>(thumbprint).ok()?;
    let keys = log.keys.iter().filter_map(|k| Some((k, PublicKey::from_cose(&k.public_key).ok()?)));
    let (key, public) = keys.into_iter().find(|(_, p)| p.thumbprint() == thumbprint)?;
    match form {
        "pem" => Some(public.to_pem()),
        "vkey" => vkey(&log.origin, key, &public).map(|vkey| format!("{vkey}\n")),
        _ => None,
    }
}

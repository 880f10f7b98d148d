//! The page about the logs: names, keys, checkpoints, witnesses.

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use placet_proto::b64;
use placet_proto::cose_key::PublicKey;
use placet_proto::document::Purpose;
use placet_proto::kind::LogRole;
use placet_proto::tlog::{KeyMaterial, VerifierKey};
use placet_proto::trust::{TrustedKey, TrustedLog};

use super::{Page, failed, whole};
use crate::http::App;
use crate::http::problem::Fault;
use crate::service::TrustChoices;
use crate::{Error, LogId};

/// `GET /`.
pub async fn page(State(app): State<App>) -> Response {
    match app.run(body).await {
        Ok(body) => whole(&app, None, Page::new("Log", body)),
        Err(error) => failed(&app, None, &Fault::from(error)),
    }
}

fn body(app: &App) -> Result<Markup, Error> {
    let trust = app.ledger().trust_file(TrustChoices::default())?;
    let config = app.ledger().config();
    let logs: Vec<Markup> = trust.logs.iter().map(|log| one(app, log)).collect();
    Ok(html! {
        h1 { (config.origin) }
        @if config.dev {
            p.warning { "A development ledger: what it records is evidence of nothing." }
        }
        p {
            "This ledger records what persons approved. Do not believe this page: check the "
            "evidence with " code { "placet-verify" } " and a trust file of your own."
        }
        @for log in &logs { (log) }
        p { a href="/v1/trust" { "Keys and witnesses as a trust file" } " (public part only)" }
    })
}

fn one(app: &App, log: &TrustedLog) -> Markup {
    let (id, prefix, name) = match log.role {
        LogRole::Main => (LogId::Main, "/log", "Main log"),
        LogRole::Gov => (LogId::Gov, "/gov", "Governance log"),
    };
    let ledger = app.ledger();
    let note = ledger.log(id).checkpoint();
    let status = ledger.publisher(id).status();
    let now = ledger.now().0;
    html! {
        section {
            h2 { (name) }
            dl {
                dt { "Origin" } dd { code { (log.origin) } }
                dt { "First entry" } dd { code { (b64::encode_hex(log.genesis)) } }
                dt { "Entries" } dd { (ledger.log(id).size()) }
                @for key in &log.keys { (key_rows(&log.origin, key)) }
            }
            h3 { "Checkpoint" }
            @match &note {
                Some(note) => {
                    pre { (String::from_utf8_lossy(&note.note)) }
                    p.small {
                        "published " (now.saturating_sub(note.published_at)) " s ago; "
                        a href={ (prefix) "/checkpoint" } { "as a file" }
                    }
                }
                None => p { "None is published yet." }
            }
            h3 { "Witnesses" }
            @if let Some(problem) = &status.problem { p.warning { (problem) } }
            ul {
                @for witness in &status.witnesses {
                    li {
                        code { (witness.vkey) }
                        @match witness.last_success {
                            Some(at) => { " cosigned " (now.saturating_sub(at)) " s ago" }
                            None => { " has not cosigned since the start" }
                        }
                        @if log.operated_by_self.contains(&witness.name) {
                            " (run by the operator: no independent witness)"
                        }
                    }
                }
            }
        }
    }
}

fn key_rows(origin: &str, key: &TrustedKey) -> Markup {
    let parsed = PublicKey::from_cose(&key.public_key).ok();
    let vkey = parsed.as_ref().filter(|_| key.purpose == Purpose::Checkpoint).and_then(|parsed| {
        let PublicKey::Ed25519(raw) = parsed else { return None };
        VerifierKey::new(origin, KeyMaterial::Ed25519(*raw)).ok().map(|k| k.to_vkey())
    });
    let thumbprint = parsed.map(|k| b64::encode_hex(k.thumbprint())).unwrap_or_default();
    html! {
        dt { "Key: " (key.purpose.name()) }
        dd {
            code { (vkey.unwrap_or(thumbprint)) }
            @if !key.kinds.is_empty() { div.small { (key.kinds.join(", ")) } }
        }
    }
}

//! The bytes behind a page: the document as it was signed, and the whole statement in CBOR
//! diagnostic notation (RFC 8949 section 8).

use maud::{Markup, html};
use placet_proto::statement::Statement;
use placet_proto::{b64, json};

use super::{Row, RowBody, diag};
use crate::http::pages::exact::exact;

/// Characters of one listing.
const MAX_SHOWN: usize = 64 * 1024;

/// What one row of a request is made of, folded.
pub fn details(row: &Row) -> Markup {
    match &row.body {
        RowBody::Present(statement) => {
            let name = statement.kind().name();
            html! {
                details {
                    summary { "Leaf " (row.index) ": " (name) }
                    (listing(statement))
                }
            }
        }
        RowBody::Erased(_) => html! { p { "Leaf " (row.index) ": erased" } },
    }
}

/// Document and statement.
pub fn listing(statement: &Statement) -> Markup {
    let document = json::parse(statement.document.bytes()).map(|json| exact(&json));
    html! {
        h3 { "Document" }
        p.small { "SHA-256 " code { (b64::encode_hex(statement.document.sha256())) } }
        pre tabindex="0" { (bounded(document.unwrap_or_default())) }
        h3 { "Statement, CBOR" }
        p.small { "SHA-256, the log entry: " code { (b64::encode_hex(statement.entry())) } }
        pre tabindex="0" { (bounded(diag::of_statement(statement.bytes()))) }
    }
}

fn bounded(text: String) -> String {
    if text.len() <= MAX_SHOWN {
        return text;
    }
    let mut cut: String = text.chars().take(MAX_SHOWN).collect();
    cut.push_str("\n… longer; the download has all of it");
    cut
}

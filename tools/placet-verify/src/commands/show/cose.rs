//! Statements and COSE Receipts.

use placet_proto::cose::{Receipt, Sign1};
use placet_proto::json;
use placet_proto::statement::{self, Assertion, Statement};
use placet_proto::time::UnixSeconds;
use placet_proto::{Error, b64};

use super::{Page, plain};

/// A statement or a receipt: a receipt has no payload.
pub fn show(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    if Sign1::parse(bytes)?.payload.is_none() {
        return show_receipt(page, "COSE Receipt", bytes);
    }
    show_statement(page, "statement", bytes)
}

/// A statement: header, document, assertions. Of unknown kinds only the header.
pub fn show_statement(page: &mut Page, title: &str, bytes: &[u8]) -> Result<(), Error> {
    let (header, kind) = statement::peek(bytes)?;
    page.group(&format!("{title}: {kind}"));
    page.hex("entry", &placet_proto::sha256(bytes));
    page.field("alg", &header.alg.to_string());
    page.hex("kid", &header.kid);
    page.field("iss", &header.iss);
    page.field("sub", &header.sub);
    page.field("iat, a claim", &UnixSeconds(header.iat).to_string());
    let statement = match Statement::parse(bytes) {
        Ok(statement) => statement,
        Err(e) if matches!(e.code(), "kind.unknown" | "profile.unknown") => {
            page.field("payload", "of a kind or profile that is not known here");
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    plain::show_document(page, title, statement.document.bytes())?;
    for assertion in &statement.assertions {
        show_assertion(page, title, assertion);
    }
    if let Some(attestation) = &statement.attestation {
        page.group(&format!("{title}: attestation"));
        page.field("object bytes", &attestation.object.len().to_string());
        page.hex("object sha256", &placet_proto::sha256(&attestation.object));
        page.hex("client_data sha256", &placet_proto::sha256(&attestation.client_data_json));
    }
    Ok(())
}

fn show_assertion(page: &mut Page, title: &str, assertion: &Assertion) {
    page.group(&format!("{title}: assertion {}", assertion.namespace.as_str()));
    page.field("credential", &b64::encode_url(&assertion.credential));
    page.hex("authenticator_data", &assertion.authenticator_data);
    match json::parse(&assertion.client_data_json) {
        Ok(client_data) => page.json("client_data_json", &client_data),
        Err(_) => page.hex("client_data_json", &assertion.client_data_json),
    }
    page.hex("signature", &assertion.signature);
}

/// A COSE Receipt of the Placet profile.
pub fn show_receipt(page: &mut Page, title: &str, bytes: &[u8]) -> Result<(), Error> {
    let receipt = Receipt::parse(bytes)?;
    page.group(title);
    page.field("alg", &receipt.alg.to_string());
    page.hex("kid", &receipt.kid);
    page.field("iss", &receipt.claims.iss);
    page.field("origin", &receipt.claims.origin);
    page.field("sub", &receipt.claims.sub);
    page.field("tree size", &receipt.claims.tree_size.to_string());
    page.field("proof tree size", &receipt.proof.tree_size.to_string());
    page.field("leaf index", &receipt.proof.leaf_index.to_string());
    page.field("path", &format!("{} hashes", receipt.proof.path.len()));
    Ok(())
}

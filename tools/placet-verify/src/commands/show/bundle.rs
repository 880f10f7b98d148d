//! Evidence bundles.

use placet_proto::bundle::Bundle;
use placet_proto::{Error, b64};

use super::{Page, cose, note};

/// Everything in the bundle, in the order of the file.
pub fn show(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    let bundle = Bundle::parse(bytes)?;
    page.group("evidence bundle");
    for request in &bundle.requests {
        page.field("request", request);
    }
    page.field("main log", &bundle.main.origin);
    page.field("main statements", &bundle.main.statements.len().to_string());
    page.field("governance log", &bundle.gov.origin);
    page.field("governance entries", &bundle.gov.entries.len().to_string());
    for opening in &bundle.openings {
        page.field("name of a person", &format!("{}: {}", opening.person, opening.name));
    }
    for bytes in &bundle.main.notes {
        note::show(page, "main note", bytes)?;
    }
    for proof in &bundle.main.consistency {
        page.group(&format!("main consistency proof {} to {}", proof.from, proof.to));
        page.field("path", &format!("{} hashes", proof.path.len()));
    }
    for included in &bundle.main.statements {
        let title = format!("main entry {}", included.index);
        match included.statement() {
            Some(bytes) => cose::show_statement(page, &title, bytes)?,
            None => {
                page.group(&title);
                page.field("body", "erased");
                page.field("entry", &b64::encode_hex(included.entry()));
            }
        }
        for receipt in &included.receipts {
            cose::show_receipt(page, &format!("{title}: COSE Receipt"), receipt)?;
        }
    }
    for bytes in &bundle.gov.notes {
        note::show(page, "governance note", bytes)?;
    }
    for (index, entry) in bundle.gov.entries.iter().enumerate() {
        cose::show_statement(page, &format!("governance entry {index}"), entry)?;
    }
    Ok(())
}

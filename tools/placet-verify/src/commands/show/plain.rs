//! JSON files: documents, actions, trust files.

use placet_proto::action::Action;
use placet_proto::document::Document;
use placet_proto::json::{self, Json};
use placet_proto::trust::TrustFile;
use placet_proto::{Error, b64};

use super::Page;

/// A document, on its own or in a statement.
pub fn show_document(page: &mut Page, title: &str, bytes: &[u8]) -> Result<(), Error> {
    let document = Document::parse(bytes)?;
    page.group(&format!("{title}: {}", document.kind().name()));
    page.hex("document sha256", document.sha256());
    page.json("document", &json::parse(bytes)?);
    Ok(())
}

/// An action, as in an AuthZEN request.
pub fn show_action(page: &mut Page, json: &Json) -> Result<(), Error> {
    let action = Action::from_request(json)?;
    page.group("action");
    let (subject, resource) = (action.subject_ref(), action.resource_ref());
    page.field("subject", &format!("{} {}", subject.0, subject.1));
    page.field("action", action.name());
    page.field("resource", &format!("{} {}", resource.0, resource.1));
    page.field("action_digest", &b64::encode_hex(action.digest()));
    page.json("whole action", &action.to_json());
    Ok(())
}

/// A trust file; `trust show` says more.
pub fn show_trust(page: &mut Page, bytes: &[u8]) -> Result<(), Error> {
    let file = TrustFile::parse(bytes)?;
    page.group("trust file");
    page.field("logs", &file.logs.len().to_string());
    page.json("content", &json::parse(bytes)?);
    page.field("more", "placet-verify trust show FILE");
    Ok(())
}

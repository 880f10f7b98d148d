//! `export-ssh`: an answer as a signature that stock `ssh-keygen` verifies.

use std::path::Path;

use placet_proto::bundle::Bundle;
use placet_proto::cose_key::PublicKey;
use placet_proto::document::{Answer, Body};
use placet_proto::json;
use placet_proto::sshsig::{self, WebauthnAssertion};
use placet_proto::statement::Statement;

use super::select;
use crate::cli::ExportSsh;
use crate::error::Failure;
use crate::exit::Exit;
use crate::output::Output;

/// Writes document, signature and allowed signers; the one line on standard output is the command
/// that verifies them.
///
/// # Errors
/// `ssh.*` where OpenSSH has no form for the assertion, `export.*`, and those of reading.
pub fn run(args: &ExportSsh, output: &mut Output) -> Result<Exit, Failure> {
    let bundle = select::bundle(&args.file)?;
    let (_, statement) = select::statement(&bundle, &args.which, &args.file, output)?;
    let answer = select::answer(&statement)?;
    let assertion = statement.assertions.first();
    let assertion =
        assertion.ok_or_else(|| Failure::refused("export.no_statement", "no assertion"))?;
    let key = enrolled_key(&bundle, answer, &args.file)?;
    let origin = origin(&assertion.client_data_json);
    let namespace = assertion.namespace;
    let signature = sshsig::export(
        namespace,
        statement.document.sha256(),
        &key,
        &answer.rp_id,
        &origin,
        &WebauthnAssertion {
            authenticator_data: &assertion.authenticator_data,
            client_data_json: &assertion.client_data_json,
            signature: &assertion.signature,
        },
    );
    let refused = |e: sshsig::SshsigError| Failure::refused(e.code(), &e.to_string());
    let signature = signature.map_err(refused)?;
    let (principal, signers) = signers(&bundle, &statement, answer, &key).map_err(refused)?;

    let dir = select::folder(&args.out)?;
    let (document, sig) = (dir.join("document.json"), dir.join("document.json.sig"));
    let allowed = dir.join("allowed_signers");
    select::write(&document, statement.document.bytes())?;
    select::write(&sig, signature.as_bytes())?;
    select::write(&allowed, signers.as_bytes())?;
    output.say(select::UNVERIFIED);
    output.say("ssh-keygen checks neither user verification nor the origin; `check` does.");
    output.result(&format!(
        "ssh-keygen -Y verify -f {} -I {} -n {} -s {} < {}\n",
        quote(&allowed)?,
        quote_text(&principal),
        namespace.as_str(),
        quote(&sig)?,
        quote(&document)?,
    ))?;
    Ok(Exit::Passed)
}

/// The key in the enrolment of the approver's credential; the first counts (SPEC.md 6.5).
fn enrolled_key(bundle: &Bundle, answer: &Answer, file: &Path) -> Result<PublicKey, Failure> {
    for entry in &bundle.gov.entries {
        let Ok(statement) = Statement::parse(entry) else { continue };
        if let Body::Enrolment(enrolment) = &statement.document.body
            && enrolment.credential == answer.approver.credential
        {
            return PublicKey::from_cose(&enrolment.public_key)
                .map_err(|e| Failure::malformed(file, e.code(), &e.to_string()));
        }
    }
    Err(Failure::refused("export.no_key", "the approver's credential is not enrolled"))
}

/// The origin that clientDataJSON states; empty if it states none, which no export accepts.
fn origin(client_data_json: &[u8]) -> String {
    let json = json::parse(client_data_json).ok();
    let origin = json.as_ref().and_then(|j| j.get("origin")).and_then(json::Json::as_str);
    origin.unwrap_or_default().to_owned()
}

/// The name in the bundle where allowed_signers can hold it, else the person's id.
fn signers(
    bundle: &Bundle,
    statement: &Statement,
    answer: &Answer,
    key: &PublicKey,
) -> Result<(String, String), sshsig::SshsigError> {
    let namespaces: Vec<_> = statement.assertions.iter().map(|a| a.namespace).collect();
    let person = &answer.approver.person;
    let name = bundle.openings.iter().find(|o| o.person == *person).map(|o| o.name.clone());
    for principal in name.into_iter().chain([person.clone()]) {
        match sshsig::allowed_signers_line(&principal, &namespaces, key, &answer.rp_id) {
            Err(sshsig::SshsigError::Principal(_)) => {}
            line => return Ok((principal, line?)),
        }
    }
    Err(sshsig::SshsigError::Principal(person.clone()))
}

fn quote(path: &Path) -> Result<String, Failure> {
    let text = path.to_str().ok_or_else(|| Failure::Usage("--out is not UTF-8".to_owned()))?;
    if text.chars().any(char::is_control) {
        return Err(Failure::Usage("--out holds control characters".to_owned()));
    }
    Ok(quote_text(text))
}

/// In single quotes, as a POSIX shell takes them literally.
fn quote_text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_leaves_nothing_to_the_shell() {
        assert_eq!(quote_text("a b"), "'a b'");
        assert_eq!(quote_text("it's $(x)"), "'it'\\''s $(x)'");
        assert!(quote(Path::new("a\nb")).is_err());
    }
}

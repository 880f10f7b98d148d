//! From a document to a signed statement.

use placet_proto::document::Document;
use placet_proto::statement::{Assertion, Attestation, Header, Statement, Unsigned};
use placet_proto::time::UnixSeconds;

use super::clock::random;
use super::keys::Sign;
use crate::Error;

/// What a statement says beside its document (SPEC.md 5.2).
#[derive(Debug, Clone, Copy)]
pub struct Claims<'a> {
    /// Who states.
    pub iss: &'a str,
    /// A UUIDv4: the document's request, if it has one.
    pub subject: &'a str,
    /// When, by the clock of who states.
    pub iat: UnixSeconds,
}

/// Signs a statement around a document and the assertions over it, with a fresh id.
///
/// # Errors
/// `ledger.random`, `key.file`; `statement.*` for what a verifier would refuse, which must not
/// enter the log.
pub fn seal(
    key: &dyn Sign,
    claims: Claims<'_>,
    document: &Document,
    assertions: Vec<Assertion>,
    attestation: Option<&Attestation>,
) -> Result<Statement, Error> {
    let public = key.public_key();
    let header = Header {
        alg: public.algorithm().cose_id(),
        kid: public.thumbprint(),
        iss: claims.iss.to_owned(),
        sub: format!("urn:uuid:{}", claims.subject),
        iat: claims.iat.0,
        cti: random()?,
        typ: document.kind().typ(),
    };
    let unsigned = Unsigned::new(&header, document, assertions, attestation);
    let signature = key.sign(&unsigned.signed_bytes())?;
    Ok(Statement::parse_around(&unsigned.sign(&signature), document)?)
}

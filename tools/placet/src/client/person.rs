//! A person's side: enrolling and answering with a software passkey.
//!
//! The document is hashed here and the challenge made from it here: what is shown and signed are
//! the bytes that came, and never the service's word for them.

use placet_ledger::service::render;
use placet_proto::b64;
use placet_proto::document::{Body, Document};
use placet_proto::jcs;
use placet_proto::json::Json;
use placet_proto::sshsig::{self, Namespace};
use placet_softkey::{Assertion, SoftKey};

use super::{Client, Session, segment, text};
use crate::error::Failure;

/// Largest document, in bytes.
const MAX_DOCUMENT: usize = 512 * 1024;

/// A person who was enrolled.
#[derive(Debug)]
pub struct Enrolled {
    /// Random id of the person.
    pub person: String,
    /// Why nobody can use the credential yet, if that is so.
    pub note_missing: Option<String>,
}

/// An answer that is to be signed.
#[derive(Debug)]
pub struct ToSign {
    /// The document.
    pub document: Document,
    /// The text that the document commits to, by the service's template.
    pub text: String,
    pub(super) namespace: Namespace,
}

impl Client {
    /// Enrols a software passkey as the first person, with the one-time code.
    ///
    /// # Errors
    /// Those of the service; `answer.document_unknown` when it asks for something else.
    pub fn enrol(&self, name: &str, code: &str, key: &mut SoftKey) -> Result<Enrolled, Failure> {
        let origin = origin_of(key);
        let post = |path: &str, body: Json| self.post_json(path, &body, Some(&origin));
        let begin = Json::object([("name", Json::from(name)), ("code", code.into())]);
        let begun = post("/enrol/begin", begin)?;
        let registration = text(&begun, &["registration"])?;
        let challenge = bytes(&begun, &["options", "challenge"])?;
        let made = key.register(&challenge, &origin);
        let response = Json::object([
            ("attestationObject", Json::from(b64::encode_url(&made.attestation_object))),
            ("clientDataJSON", b64::encode_url(&made.client_data_json).into()),
        ]);
        let credential = Json::object([
            ("id", Json::from(b64::encode_url(&made.credential_id))),
            ("type", "public-key".into()),
            ("response", response),
        ]);
        let registered = post(
            "/enrol/register",
            Json::object([
                ("registration", Json::from(registration.as_str())),
                ("credential", credential),
                ("software", Json::Bool(true)),
            ]),
        )?;
        let document = Document::parse(&bytes(&registered, &["document"])?)?;
        let ours = match &document.body {
            Body::Enrolment(e) => e.credential == made.credential_id,
            _ => false,
        };
        if !ours {
            return Err(foreign("an enrolment of this key"));
        }
        let namespace = Namespace::EnrolPossess;
        let challenge = sshsig::challenge(namespace, document.bytes());
        let signed = post(
            "/enrol/sign",
            Json::object([
                ("registration", Json::from(registration.as_str())),
                ("namespace", namespace.as_str().into()),
                ("credential", credential_json(&key.assert(&challenge, &origin))),
            ]),
        )?;
        let note_missing = signed.get("note_missing").and_then(Json::as_str).map(str::to_owned);
        Ok(Enrolled { person: text(&begun, &["person"])?, note_missing })
    }

    /// Signs in with an enrolled software passkey.
    ///
    /// # Errors
    /// Those of the service.
    pub fn sign_in(&mut self, key: &mut SoftKey) -> Result<(), Failure> {
        let origin = origin_of(key);
        let begun = self.post_json("/signin/begin", &Json::Object(Vec::new()), Some(&origin))?;
        let message = text(&begun, &["message"])?;
        // The namespace makes this a sign-in and nothing else, whatever the message is.
        let challenge = sshsig::challenge(Namespace::Signin, &bytes(&begun, &["message"])?);
        let body = Json::object([
            ("message", Json::from(message)),
            ("credential", credential_json(&key.assert(&challenge, &origin))),
        ]);
        let answer = self.post("/signin/finish", &jcs::to_bytes(&body), Some(&origin))?;
        let cookie = answer.cookie.clone();
        let signed_in = self.parse(&answer.checked()?)?;
        let cookie = cookie.ok_or_else(|| self.malformed("it has no cookie"))?;
        self.session = Some(Session { cookie, csrf: text(&signed_in, &["csrf"])? });
        Ok(())
    }

    /// The document for an answer to a request.
    ///
    /// # Errors
    /// Those of the service; `answer.document_unknown` when it is about something else.
    pub fn open(
        &self,
        request: &str,
        key: &SoftKey,
        denial: bool,
        reason: Option<&str>,
    ) -> Result<ToSign, Failure> {
        let mut body = Json::object([
            ("credential", Json::from(b64::encode_url(key.credential_id()))),
            ("denial", Json::Bool(denial)),
        ]);
        if let Some(reason) = reason {
            body.insert("reason", reason.into());
        }
        let path = format!("/approve/{}/open", segment(request)?);
        let opened = self.post_json(&path, &body, Some(&origin_of(key)))?;
        let document = Document::parse(&bytes(&opened, &["bytes"])?)?;
        let (answer, namespace) = match (&document.body, denial) {
            (Body::Approval(answer), false) => (answer, Namespace::Approve),
            (Body::Denial(answer), true) => (answer, Namespace::Deny),
            _ => return Err(foreign("an answer of this kind")),
        };
        if answer.request != request || answer.approver.credential != key.credential_id() {
            return Err(foreign("an answer of this key to this request"));
        }
        let shown = text(&opened, &["text"])?;
        // What is shown has to be what the document commits to.
        let committed = answer.shown.as_ref().map(|s| s.text_sha256);
        if committed != Some(placet_proto::sha256(shown.as_bytes())) {
            return Err(foreign("the text that it commits to"));
        }
        // And the text has to list all that is signed, as we render it from the signed bytes: a
        // document can commit to any text.
        let bare = Document::bytes_without_shown(&document.nonce, answer, denial);
        if !render::lists_all(&shown, &bare)? {
            return Err(foreign("an answer that its own text lists in full"));
        }
        Ok(ToSign { document, text: shown, namespace })
    }

    /// Signs a document and gives it to the service; tells where the request stands then.
    ///
    /// # Errors
    /// Those of the service.
    pub fn answer(
        &self,
        request: &str,
        to_sign: &ToSign,
        key: &mut SoftKey,
    ) -> Result<Json, Failure> {
        let origin = origin_of(key);
        let challenge = sshsig::challenge(to_sign.namespace, to_sign.document.bytes());
        let body = Json::object([
            ("document", Json::from(b64::encode_hex(to_sign.document.sha256()))),
            ("credential", credential_json(&key.assert(&challenge, &origin))),
        ]);
        let path = format!("/approve/{}/answer", segment(request)?);
        self.post_json(&path, &body, Some(&origin))
    }
}

/// The origin that a software passkey states: no page, a terminal.
pub(super) fn origin_of(key: &SoftKey) -> String {
    format!("cli://{}", key.rp_id())
}

pub(super) fn credential_json(assertion: &Assertion) -> Json {
    let response = Json::object([
        ("authenticatorData", Json::from(b64::encode_url(&assertion.authenticator_data))),
        ("clientDataJSON", b64::encode_url(&assertion.client_data_json).into()),
        ("signature", b64::encode_url(&assertion.signature).into()),
    ]);
    Json::object([
        ("id", Json::from(b64::encode_url(&assertion.credential_id))),
        ("type", "public-key".into()),
        ("response", response),
    ])
}

pub(super) fn bytes(value: &Json, path: &[&str]) -> Result<Vec<u8>, Failure> {
    b64::decode_url(&text(value, path)?, MAX_DOCUMENT).map_err(|e| Failure::Malformed {
        what: "the service's answer".to_owned(),
        code: "http.answer",
        detail: format!("{}: {e}", path.join(".")),
    })
}

pub(super) fn foreign(wanted: &str) -> Failure {
    let detail = format!("the service asks for a signature over something that is not {wanted}");
    Failure::refused("answer.document_unknown", detail)
}

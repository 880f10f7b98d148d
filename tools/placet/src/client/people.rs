//! An administrator's side: people, and changes that a software passkey signs.

use placet_pep::policy::PolicyFiles;
use placet_proto::b64;
use placet_proto::document::{Body, Document};
use placet_proto::json::Json;
use placet_proto::sshsig;
use placet_softkey::SoftKey;

use super::Client;
use super::person::{ToSign, bytes, credential_json, foreign, origin_of};
use crate::error::Failure;

impl Client {
    /// Who is enrolled, who is invited, what waits.
    ///
    /// # Errors
    /// Those of the service.
    pub fn people(&self) -> Result<Json, Failure> {
        self.get_json("/v1/people")
    }

    /// Posts something about people, as the person whose key this is and who is signed in.
    ///
    /// # Errors
    /// Those of the service.
    pub fn people_post(&self, path: &str, body: &Json, key: &SoftKey) -> Result<Json, Failure> {
        self.post_json(path, body, Some(&origin_of(key)))
    }

    /// The document for a change of roles or a revocation.
    ///
    /// # Errors
    /// Those of the service; `answer.document_unknown` when it is about something else.
    pub fn open_change(&self, wanted: &Json, key: &SoftKey) -> Result<ToSign, Failure> {
        let opened = self.people_post("/people/me/change/open", wanted, key)?;
        let document = Document::parse(&bytes(&opened, &["bytes"])?)?;
        let member = |name: &str| wanted.get(name).and_then(Json::as_str).unwrap_or_default();
        let ours = match &document.body {
            Body::Role(r) => {
                member("act") == "role"
                    && r.person == member("person")
                    && r.signer.credential == key.credential_id()
            }
            Body::Revocation(r) => {
                member("act") == "revoke"
                    && placet_ledger::service::names_key(member("key"), &r.key)
                    && r.signer.credential == key.credential_id()
            }
            _ => false,
        };
        if !ours {
            return Err(foreign("this change, by this key"));
        }
        prepared(document)
    }

    /// The document that puts these files in force.
    ///
    /// # Errors
    /// Those of the service; `answer.document_unknown` when it is about something else.
    pub fn open_policy(&self, files: &PolicyFiles, key: &SoftKey) -> Result<ToSign, Failure> {
        let contents = files.iter().map(|(name, bytes)| (name, b64::encode_url(bytes).into()));
        let wanted = Json::object([("files", Json::object(contents))]);
        let opened = self.people_post("/policy/open", &wanted, key)?;
        let document = Document::parse(&bytes(&opened, &["bytes"])?)?;
        let ours = match &document.body {
            Body::Policy(p) => {
                let signer = p.authorised.as_ref().map(|(signer, _)| signer);
                p.manifest_sha256 == files.manifest_hash()
                    && signer.is_some_and(|s| s.credential == key.credential_id())
            }
            _ => false,
        };
        if !ours {
            return Err(foreign("this policy, by this key"));
        }
        prepared(document)
    }

    /// Signs a change and has it recorded.
    ///
    /// # Errors
    /// Those of the service.
    pub fn sign_change(&self, to_sign: &ToSign, key: &mut SoftKey) -> Result<Json, Failure> {
        let origin = origin_of(key);
        let challenge = sshsig::challenge(to_sign.namespace, to_sign.document.bytes());
        let body = Json::object([
            ("document", Json::from(b64::encode_hex(to_sign.document.sha256()))),
            ("credential", credential_json(&key.assert(&challenge, &origin))),
        ]);
        self.post_json("/people/me/change/sign", &body, Some(&origin))
    }
}

/// What the person reads is made here, from the bytes that are signed.
fn prepared(document: Document) -> Result<ToSign, Failure> {
    let text = placet_ledger::service::render::render("", document.bytes())?;
    let namespace = document.kind().namespace().ok_or_else(|| foreign("a change"))?;
    Ok(ToSign { document, text, namespace })
}

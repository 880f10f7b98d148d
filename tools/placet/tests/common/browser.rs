//! What a browser does on the pages, with a software passkey that states the pages' origin.

use placet_proto::document::Document;
use placet_proto::json::{self, Json};
use placet_proto::sshsig::{self, Namespace};
use placet_proto::{b64, jcs};
use placet_softkey::{Assertion, SoftKey};

use super::text;

/// A person at the pages of a service.
pub struct Browser {
    url: String,
    agent: ureq::Agent,
    session: Option<(String, String)>,
    pub key: SoftKey,
}

impl Browser {
    pub fn at(url: &str) -> Self {
        let config = ureq::Agent::config_builder().http_status_as_error(false).build();
        let key = SoftKey::generate("localhost").unwrap();
        Self { url: url.to_owned(), agent: config.new_agent(), session: None, key }
    }

    /// Posts what the pages' script would; gives the status and the answer.
    pub fn try_post(&mut self, path: &str, body: &Json) -> (u16, Json) {
        let mut call = self.agent.post(format!("{}{path}", self.url));
        call = call.content_type("application/json").header("Origin", &self.url);
        if let Some((cookie, csrf)) = &self.session {
            call = call.header("Cookie", cookie).header("X-CSRF-Token", csrf);
        }
        let mut response = call.send(&jcs::to_bytes(body)[..]).unwrap();
        let cookie = response.headers().get("set-cookie").map(|c| c.to_str().unwrap().to_owned());
        let status = response.status().as_u16();
        let answer = json::parse(&response.body_mut().read_to_vec().unwrap()).unwrap();
        if let Some(cookie) = cookie {
            let csrf = answer.get("csrf").and_then(Json::as_str).unwrap_or_default().to_owned();
            self.session = Some((cookie.split(';').next().unwrap().to_owned(), csrf));
        }
        (status, answer)
    }

    pub fn post(&mut self, path: &str, body: &Json) -> Json {
        let (status, answer) = self.try_post(path, body);
        assert_eq!(status, 200, "{path}: {}", jcs::to_string(&answer));
        answer
    }

    /// Enrols the first administrator with the one-time code; gives the person's id.
    pub fn enrol(&mut self, code: &str) -> String {
        let begin = Json::object([("name", Json::from("Ann")), ("code", code.into())]);
        let begun = self.post("/enrol/begin", &begin);
        let made = self.key.register(&bytes(&begun, &["options", "challenge"]), &self.url);
        let registration = text(&begun, &["registration"]).to_owned();
        let response = Json::object([
            ("attestationObject", Json::from(b64::encode_url(&made.attestation_object))),
            ("clientDataJSON", b64::encode_url(&made.client_data_json).into()),
        ]);
        let credential = Json::object([
            ("id", Json::from(b64::encode_url(&made.credential_id))),
            ("response", response),
        ]);
        let register = Json::object([
            ("registration", Json::from(registration.as_str())),
            ("credential", credential),
        ]);
        let registered = self.post("/enrol/register", &register);
        let document = bytes(&registered, &["document"]);
        let credential = self.sign(Namespace::EnrolPossess, &document);
        let sign = Json::object([
            ("registration", Json::from(registration)),
            ("namespace", Namespace::EnrolPossess.as_str().into()),
            ("credential", credential),
        ]);
        assert_eq!(text(&self.post("/enrol/sign", &sign), &["status"]), "enrolled");
        text(&begun, &["person"]).to_owned()
    }

    pub fn sign_in(&mut self) {
        let begun = self.post("/signin/begin", &Json::Object(Vec::new()));
        let credential = self.sign(Namespace::Signin, &bytes(&begun, &["message"]));
        let message = Json::from(text(&begun, &["message"]));
        let finish = Json::object([("message", message), ("credential", credential)]);
        self.post("/signin/finish", &finish);
    }

    /// Signs a change that was prepared, and has it recorded.
    pub fn sign_change(&mut self, prepared: &Json) -> Json {
        let document = Document::parse(&bytes(prepared, &["bytes"])).unwrap();
        let credential = self.sign(document.kind().namespace().unwrap(), document.bytes());
        let sign = Json::object([
            ("document", Json::from(b64::encode_hex(document.sha256()))),
            ("credential", credential),
        ]);
        self.post("/people/me/change/sign", &sign)
    }

    fn sign(&mut self, namespace: Namespace, message: &[u8]) -> Json {
        let challenge = sshsig::challenge(namespace, message);
        let assertion = self.key.assert(&challenge, &self.url);
        credential(&assertion)
    }
}

fn credential(assertion: &Assertion) -> Json {
    let response = Json::object([
        ("authenticatorData", Json::from(b64::encode_url(&assertion.authenticator_data))),
        ("clientDataJSON", b64::encode_url(&assertion.client_data_json).into()),
        ("signature", b64::encode_url(&assertion.signature).into()),
    ]);
    let id = Json::from(b64::encode_url(&assertion.credential_id));
    Json::object([("id", id), ("response", response)])
}

fn bytes(value: &Json, path: &[&str]) -> Vec<u8> {
    b64::decode_url(text(value, path), 512 * 1024).unwrap()
}

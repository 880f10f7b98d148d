//! Erasures, which an administrator's software passkey orders.

use placet_ledger::service::render;
use placet_proto::b64;
use placet_proto::document::{Body, Document};
use placet_proto::json::Json;
use placet_proto::sshsig::{self, Namespace};
use placet_softkey::SoftKey;

use super::Client;
use super::person::{ToSign, bytes, credential_json, foreign, origin_of};
use crate::error::Failure;

/// An order that is to be signed.
#[derive(Debug)]
pub struct Order {
    /// The document, with what the person reads.
    pub to_sign: ToSign,
    /// How many statements it names.
    pub count: usize,
}

impl Client {
    /// The order to erase what a leaf of the main log says.
    ///
    /// # Errors
    /// Those of the service; `answer.document_unknown` when it is about something else.
    pub fn open_erasure(&self, leaf: u64, reason: &str, key: &SoftKey) -> Result<Order, Failure> {
        let index = Json::try_from(leaf).map_err(|_| Failure::Usage(format!("no leaf {leaf}")))?;
        let body = Json::object([("leaf", index), ("reason", reason.into())]);
        let opened = self.post_json("/v1/erasures/prepare", &body, Some(&origin_of(key)))?;
        let document = Document::parse(&bytes(&opened, &["bytes"])?)?;
        let Body::Erasure(order) = &document.body else {
            return Err(foreign("an order of erasure"));
        };
        if order.reason != reason || order.signer.credential != key.credential_id() {
            return Err(foreign("an order with this reason, by this key"));
        }
        // A part of many need not name the leaf itself, but names what the service says.
        let told = opened.get("leaves").and_then(Json::as_array).unwrap_or_default();
        let named = order.targets.iter().map(|target| Some(target.index));
        if !told.iter().map(Json::as_u64).eq(named) {
            return Err(foreign("an order for the leaves that it tells"));
        }
        let count = order.targets.len();
        // What the person reads is made here, from the bytes that are signed.
        let text = render::render("", document.bytes())?;
        Ok(Order { to_sign: ToSign { document, text, namespace: Namespace::Erase }, count })
    }

    /// Signs an order and has it carried out.
    ///
    /// # Errors
    /// Those of the service.
    pub fn sign_erasure(&self, order: &Order, key: &mut SoftKey) -> Result<Json, Failure> {
        let origin = origin_of(key);
        let document = &order.to_sign.document;
        let challenge = sshsig::challenge(Namespace::Erase, document.bytes());
        let body = Json::object([
            ("document", Json::from(b64::encode_hex(document.sha256()))),
            ("credential", credential_json(&key.assert(&challenge, &origin))),
        ]);
        self.post_json("/v1/erasures/confirm", &body, Some(&origin))
    }
}

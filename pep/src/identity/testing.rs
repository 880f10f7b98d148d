//! Keys that sign what tests need, forged headers included.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use placet_proto::b64;
use placet_proto::json;

use super::jwk::Jwk;

/// An ES256 key.
pub struct Key(EcdsaKeyPair);

impl Key {
    pub fn es256() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    /// The members of its JWK, without braces.
    pub fn members(&self) -> String {
        let point = self.0.public_key().as_ref();
        let (x, y) = (b64::encode_url(&point[1..33]), b64::encode_url(&point[33..]));
        format!(r#""kty":"EC","crv":"P-256","x":"{x}","y":"{y}""#)
    }

    pub fn jwk(&self, more: &str) -> String {
        format!("{{{}{more}}}", self.members())
    }

    /// The coordinate x, for whoever wants to abuse it as a secret.
    pub fn public(&self) -> Vec<u8> {
        self.0.public_key().as_ref().to_vec()
    }

    pub fn thumbprint(&self) -> String {
        Jwk::read(&json::parse(self.jwk("").as_bytes()).unwrap()).unwrap().thumbprint()
    }

    /// A header with this key in it, or with a `kid`.
    pub fn header(&self, typ: &str, kid: Option<&str>) -> String {
        match kid {
            Some(kid) => format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"{typ}"}}"#),
            None => format!(r#"{{"alg":"ES256","typ":"{typ}","jwk":{}}}"#, self.jwk("")),
        }
    }

    pub fn sign_with(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", b64::encode_url(header), b64::encode_url(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", b64::encode_url(signature.as_ref()))
    }

    pub fn sign(&self, typ: &str, kid: &str, claims: &str) -> String {
        self.sign_with(&self.header(typ, Some(kid)), claims)
    }

    pub fn dpop(&self, claims: &str) -> String {
        self.sign_with(&self.header("dpop+jwt", None), claims)
    }
}

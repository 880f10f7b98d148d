//! The keys of challenges and of tokens, and compact JWS under them.
//!
//! Both are ES256, for a resource's library has to know the algorithm, and lie in `keys/` with mode
//! 0600. They are two, and apart from the service key: a set of keys that verifies access tokens
//! verifies nothing else of ours.

use placet_ledger::service::Refusal;
use placet_ledger::service::keys::{PrivateKey, Sign as _};
use placet_ledger::{Dir, Error};
use placet_proto::cose_key::{Algorithm, PublicKey};
use placet_proto::json::Json;
use placet_proto::{b64, jcs, sha256};

use crate::identity::jwk::Jwk;
use crate::identity::jws::Jws;

/// Names of the files in `keys/`.
pub const FILES: [&str; 2] = ["challenge", "access-token"];

/// A private key with its public half as JWK.
#[derive(Debug)]
pub struct Signer {
    key: PrivateKey,
    kid: String,
    jwk: Json,
    public: Jwk,
}

/// Both keys.
#[derive(Debug)]
pub struct Keys {
    /// Signs challenges and the ids of transaction authorizations.
    pub challenge: Signer,
    /// Signs access tokens.
    pub token: Signer,
}

impl Keys {
    /// Loads the keys of a folder; those that do not exist are made.
    ///
    /// # Errors
    /// `key.file`, `ledger.io`, `ledger.random`.
    pub fn load_or_create(dir: &Dir) -> Result<Self, Error> {
        let [challenge, token] = FILES;
        Ok(Self {
            challenge: Signer::load_or_create(dir, challenge)?,
            token: Signer::load_or_create(dir, token)?,
        })
    }
}

impl Signer {
    fn load_or_create(dir: &Dir, name: &str) -> Result<Self, Error> {
        let key = PrivateKey::load_or_create(dir, name, Algorithm::Es256)?;
        let PublicKey::Es256 { x, y } = key.public_key() else {
            return Err(Refusal::Key(format!("keys/{name} is not an ES256 key")).into());
        };
        let (x, y) = (b64::encode_url(x), b64::encode_url(y));
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
        let kid = b64::encode_url(sha256(canonical.as_bytes()));
        let jwk = Json::object([
            ("alg", Json::from("ES256")),
            ("crv", "P-256".into()),
            ("kid", kid.as_str().into()),
            ("kty", "EC".into()),
            ("use", "sig".into()),
            ("x", x.into()),
            ("y", y.into()),
        ]);
        let public = Jwk::read(&jwk)
            .map_err(|_| Refusal::Key(format!("keys/{name} has no usable public half")))?;
        Ok(Self { key, kid, jwk, public })
    }

    /// Signs claims. `typ` keeps one use of the key apart from another (RFC 8725 3.11).
    ///
    /// # Errors
    /// `key.file`.
    pub fn sign(&self, typ: &str, claims: &Json) -> Result<String, Error> {
        let header = Json::object([
            ("alg", Json::from("ES256")),
            ("kid", self.kid.as_str().into()),
            ("typ", typ.into()),
        ]);
        let header = b64::encode_url(jcs::to_bytes(&header));
        let signed = format!("{header}.{}", b64::encode_url(jcs::to_bytes(claims)));
        let signature = b64::encode_url(self.key.sign(signed.as_bytes())?);
        Ok(format!("{signed}.{signature}"))
    }

    /// The claims of a token that [`Signer::sign`] made with this `typ`.
    #[must_use]
    pub fn verify(&self, typ: &str, token: &str) -> Option<Json> {
        let jws = Jws::read(token).ok()?;
        let ours = jws.kid.as_deref() == Some(&self.kid) && jws.typ.as_deref() == Some(typ);
        ours.then_some(())?;
        jws.verify(&self.public).ok().cloned()
    }

    /// The JWK Set (RFC 7517) with this one key.
    #[must_use]
    pub fn jwks(&self) -> Json {
        Json::object([("keys", Json::Array(vec![self.jwk.clone()]))])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    // SPEC.md R-10-109.
    #[test]
    fn the_keys_are_two_private_and_kept() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let keys = Keys::load_or_create(&dir).unwrap();
        let claims = Json::object([("a", Json::from("b"))]);
        let token = keys.token.sign("at+jwt", &claims).unwrap();
        let again = Keys::load_or_create(&dir).unwrap();
        assert_eq!(again.token.verify("at+jwt", &token), Some(claims.clone()));
        assert_eq!(again.challenge.verify("at+jwt", &token), None);
        assert_eq!(again.token.verify("txn-authz-challenge+jwt", &token), None);
        assert_eq!(again.token.verify("at+jwt", &token.replace('.', ".A")), None);
        assert_ne!(keys.token.jwks(), keys.challenge.jwks());
        assert!(!jcs::to_string(&keys.token.jwks()).contains("\"d\""));
        for name in FILES {
            let mode = std::fs::metadata(dir.keys().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}

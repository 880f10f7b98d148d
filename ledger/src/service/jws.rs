//! Compact JWS (RFC 7515) under the service's one Ed25519 key (RFC 8037): `binding_token` and
//! `approval.state` of the access request profile, and whatever else a program shall be able to
//! check against `/.well-known/jwks.json`.
//!
//! The reader is strict, for the usual holes of JOSE are freedoms: one algorithm, exactly the
//! members `alg`, `kid` and `typ`, one spelling of base64url, no `none`, no key from the header, a
//! bound on the size, and strict JSON. Claims (`iss`, `aud`, `exp`) are the caller's to judge.

use placet_proto::cose_key::PublicKey;
use placet_proto::json::{self, Json};
use placet_proto::{b64, jcs, sha256};
use placet_verifier::crypto;

use super::Refusal;
use super::keys::{PrivateKey, ServiceKeys, Sign as _};
use super::ledger::Ledger;
use crate::Error;

/// Longest token that is made or read, in bytes: it travels in bodies, never in a header.
pub const MAX_TOKEN: usize = 64 * 1024;
/// Longest decoded header, in bytes.
const MAX_HEADER: usize = 512;
/// The one algorithm; with this key it means Ed25519.
const ALGORITHM: &str = "EdDSA";

/// Signs claims. `typ` is the media type of the token without `application/`, such as
/// `placet-binding+jwt`, so that no token passes for one of another use (RFC 8725, 3.11).
///
/// # Errors
/// `jws.invalid` for claims that are no object or too long, `key.file`.
pub fn sign(key: &PrivateKey, typ: &str, claims: &Json) -> Result<String, Error> {
    if claims.as_object().is_none() {
        return Err(Refusal::Jws("the claims are not an object").into());
    }
    let kid = thumbprint(key.public_key())?;
    let header = Json::object([
        ("alg", Json::from(ALGORITHM)),
        ("kid", kid.as_str().into()),
        ("typ", typ.into()),
    ]);
    let header = b64::encode_url(jcs::to_bytes(&header));
    let claims = b64::encode_url(jcs::to_bytes(claims));
    let signed = format!("{header}.{claims}");
    let signature = b64::encode_url(key.sign(signed.as_bytes())?);
    let token = format!("{signed}.{signature}");
    match token.len() <= MAX_TOKEN {
        true => Ok(token),
        false => Err(Refusal::Jws("the token is too long").into()),
    }
}

/// Checks a token and gives its claims.
///
/// # Errors
/// `jws.invalid` for anything but a token that [`sign`] could have made with this key and `typ`.
pub fn verify(key: &PublicKey, typ: &str, token: &str) -> Result<Json, Error> {
    let bad = |why: &'static str| Error::from(Refusal::Jws(why));
    if token.len() > MAX_TOKEN {
        return Err(bad("the token is too long"));
    }
    let (signed, signature) = token.rsplit_once('.').ok_or_else(|| bad("it has no three parts"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| bad("it has no three parts"))?;
    let header = b64::decode_url(header, MAX_HEADER)
        .ok()
        .and_then(|bytes| json::parse_limited(&bytes, MAX_HEADER).ok())
        .ok_or_else(|| bad("its header is no JSON in base64url"))?;
    let kid = thumbprint(key)?;
    let wanted = [("alg", ALGORITHM), ("kid", kid.as_str()), ("typ", typ)];
    let is = |(name, value): &(&str, &str)| header.get(name).and_then(Json::as_str) == Some(*value);
    let members = header.as_object().map_or(0, <[_]>::len);
    if members != wanted.len() || !wanted.iter().all(is) {
        return Err(bad("its header is not `alg` EdDSA, this service's `kid` and this `typ`"));
    }
    let signature: [u8; 64] =
        b64::decode_url_array(signature).map_err(|_| bad("its signature is not 64 bytes"))?;
    crypto::verify_cose(key, signed.as_bytes(), &signature)
        .map_err(|_| bad("its signature does not verify"))?;
    let claims =
        b64::decode_url(claims, MAX_TOKEN).map_err(|_| bad("its claims are no base64url"))?;
    let claims =
        json::parse_limited(&claims, MAX_TOKEN).map_err(|_| bad("its claims are no JSON"))?;
    match claims.as_object() {
        Some(_) => Ok(claims),
        None => Err(bad("its claims are not an object")),
    }
}

/// The `kid` of an Ed25519 key: its RFC 7638 thumbprint (members as in RFC 8037, 2) in base64url.
///
/// # Errors
/// `key.file` for a key that is not Ed25519.
pub fn thumbprint(key: &PublicKey) -> Result<String, Error> {
    let jwk = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64::encode_url(raw(key)?));
    Ok(b64::encode_url(sha256(jwk.as_bytes())))
}

/// The JWK Set (RFC 7517) with this one key.
///
/// # Errors
/// `key.file` for a key that is not Ed25519.
pub fn jwks(key: &PublicKey) -> Result<Json, Error> {
    let kid = thumbprint(key)?;
    let jwk = Json::object([
        ("alg", Json::from(ALGORITHM)),
        ("crv", "Ed25519".into()),
        ("kid", kid.as_str().into()),
        ("kty", "OKP".into()),
        ("use", "sig".into()),
        ("x", b64::encode_url(raw(key)?).as_str().into()),
    ]);
    Ok(Json::object([("keys", Json::Array(vec![jwk]))]))
}

fn raw(key: &PublicKey) -> Result<&[u8; 32], Error> {
    match key {
        PublicKey::Ed25519(raw) => Ok(raw),
        _ => Err(Refusal::Key("the service key is Ed25519".to_owned()).into()),
    }
}

impl ServiceKeys {
    /// Signs claims with the service key; see [`sign`].
    ///
    /// # Errors
    /// As [`sign`].
    pub fn jws_sign(&self, typ: &str, claims: &Json) -> Result<String, Error> {
        sign(&self.service, typ, claims)
    }

    /// Checks a token of the service key; see [`verify`].
    ///
    /// # Errors
    /// As [`verify`].
    pub fn jws_verify(&self, typ: &str, token: &str) -> Result<Json, Error> {
        verify(self.service.public_key(), typ, token)
    }
}

impl Ledger {
    /// Signs claims with the service key; see [`sign`].
    ///
    /// # Errors
    /// As [`sign`].
    pub fn jws_sign(&self, typ: &str, claims: &Json) -> Result<String, Error> {
        self.service_keys.jws_sign(typ, claims)
    }

    /// Checks a token that this service signed; see [`verify`].
    ///
    /// # Errors
    /// As [`verify`].
    pub fn jws_verify(&self, typ: &str, token: &str) -> Result<Json, Error> {
        self.service_keys.jws_verify(typ, token)
    }

    /// What `/.well-known/jwks.json` says: the public half of the service key.
    ///
    /// # Errors
    /// `key.file`.
    pub fn jwks(&self) -> Result<Json, Error> {
        jwks(self.service_keys.service.public_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;
    use placet_proto::cose_key::Algorithm;
    use proptest::prelude::*;

    fn key() -> (tempfile::TempDir, PrivateKey) {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let key = PrivateKey::load_or_create(&dir, "service", Algorithm::EdDsa).unwrap();
        (tmp, key)
    }

    fn claims() -> Json {
        json::parse(br#"{"iss":"https://placet.example","n":1}"#).unwrap()
    }

    /// RFC 8037, appendix A.
    const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

    fn rfc_8037() -> (tempfile::TempDir, PrivateKey) {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        dir.write_key("k", format!("placet-key-v1 ed25519 {SEED}\n").as_bytes()).unwrap();
        let key = PrivateKey::load(&dir.keys().join("k")).unwrap();
        (tmp, key)
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_8037() {
        let (_tmp, key) = rfc_8037();
        let kid = thumbprint(key.public_key()).unwrap();
        assert_eq!(kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        let set = jcs::to_string(&jwks(key.public_key()).unwrap());
        assert!(set.contains(r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo""#), "{set}");
        // The signature of its appendix A.4.
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = b64::encode_url(key.sign(signed.as_bytes()).unwrap());
        let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvp\
                        Ar_MuM0KAg";
        assert_eq!(signature, expected);
        // Which is no token of ours: its header has no `kid` and no `typ`.
        let token = format!("{signed}.{signature}");
        assert_eq!(verify(key.public_key(), "t+jwt", &token).unwrap_err().code(), "jws.invalid");
    }

    #[test]
    fn what_was_signed_is_read_and_nothing_else() {
        let (_tmp, key) = key();
        let public = key.public_key();
        let token = sign(&key, "a+jwt", &claims()).unwrap();
        assert_eq!(verify(public, "a+jwt", &token).unwrap(), claims());
        let refused = |token: &str, typ: &str| {
            assert_eq!(verify(public, typ, token).unwrap_err().code(), "jws.invalid", "{token}");
        };
        refused(&token, "b+jwt");
        let parts: Vec<&str> = token.split('.').collect();
        let (_other_tmp, other) = rfc_8037();
        refused(&sign(&other, "a+jwt", &claims()).unwrap(), "a+jwt");
        // Headers that name another algorithm, no algorithm, or bring a key, each signed anew.
        let kid = thumbprint(public).unwrap();
        for header in [
            format!(r#"{{"alg":"none","kid":"{kid}","typ":"a+jwt"}}"#),
            format!(r#"{{"alg":"HS256","kid":"{kid}","typ":"a+jwt"}}"#),
            format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
            r#"{"alg":"EdDSA","typ":"a+jwt"}"#.to_owned(),
            format!(r#"{{"alg":"EdDSA","b64":false,"kid":"{kid}","typ":"a+jwt"}}"#),
            format!(r#"{{"alg":"none","alg":"EdDSA","kid":"{kid}","typ":"a+jwt"}}"#),
            format!(r#"{{"alg":"EdDSA","jwk":{{}},"kid":"{kid}","typ":"a+jwt"}}"#),
        ] {
            let signed = format!("{}.{}", b64::encode_url(&header), parts[1]);
            let signature = b64::encode_url(key.sign(signed.as_bytes()).unwrap());
            refused(&format!("{signed}.{signature}"), "a+jwt");
            refused(&format!("{signed}."), "a+jwt");
        }
        refused(&format!("{token}="), "a+jwt");
        refused(&format!("{token}.x"), "a+jwt");
        refused(&format!("{}.{}", parts[0], parts[1]), "a+jwt");
        refused(&"a".repeat(MAX_TOKEN + 1), "a+jwt");
        refused("", "a+jwt");
        assert_eq!(sign(&key, "a", &Json::Null).unwrap_err().code(), "jws.invalid");
        let long = Json::object([("a", Json::string("x".repeat(MAX_TOKEN)))]);
        assert_eq!(sign(&key, "a", &long).unwrap_err().code(), "jws.invalid");
    }

    proptest! {
        #[test]
        fn no_changed_character_passes(at in 0usize..200, with in "[A-Za-z0-9_.=-]") {
            let (_tmp, key) = rfc_8037();
            let token = sign(&key, "a+jwt", &claims()).unwrap();
            let at = at % token.len();
            let mut changed = token.clone();
            changed.replace_range(at..at + 1, &with);
            prop_assume!(changed != token);
            prop_assert!(verify(key.public_key(), "a+jwt", &changed).is_err());
        }

        #[test]
        fn no_input_makes_it_panic(token in ".{0,200}") {
            let (_tmp, key) = rfc_8037();
            prop_assert!(verify(key.public_key(), "a+jwt", &token).is_err());
        }
    }
}

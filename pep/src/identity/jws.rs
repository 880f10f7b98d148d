//! Compact JWS (RFC 7515) of others, read strictly.
//!
//! The reader is the place where the usual holes of JOSE are closed (RFC 8725): it refuses what has
//! a second reading (repeated members, two spellings of base64url), `none` and every MAC, `crit`
//! and keys that a header names by URL. It believes nothing: claims are those of nobody until
//! [`Jws::verify`] was called with a key that somebody trusts.

use placet_proto::b64;
use placet_proto::json::{self, Json};

use super::IdentityError;
use super::jwk::{Algorithm, Jwk};

/// Longest token, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;
/// Longest decoded header, in bytes: a DPoP proof carries an RSA key.
const MAX_HEADER: usize = 4 * 1024;
/// Longest signature: RSA with 8192 bits.
const MAX_SIGNATURE: usize = 1024;
/// Longest `kid`, in bytes.
const MAX_KID: usize = 512;

/// A token whose signature is not checked yet.
#[derive(Debug, Clone)]
pub struct Jws<'a> {
    /// `alg`.
    pub algorithm: Algorithm,
    /// `kid`.
    pub kid: Option<String>,
    /// `typ` in lower case without `application/`.
    pub typ: Option<String>,
    /// The whole header.
    pub header: Json,
    claims: Json,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// `identity.malformed`, `identity.header`, `identity.algorithm`.
    pub fn read(token: &'a str) -> Result<Self, IdentityError> {
        let malformed = IdentityError::Malformed;
        if token.len() > MAX_TOKEN {
            return Err(malformed("the token is too long"));
        }
        let parts = malformed("it has not three parts");
        let (signed, signature) = token.rsplit_once('.').ok_or(parts.clone())?;
        let (header, claims) = signed.split_once('.').ok_or(parts.clone())?;
        // Four dots are an encrypted token.
        if claims.contains('.') {
            return Err(parts);
        }
        let header = object(header, MAX_HEADER)
            .ok_or(malformed("its header is no object in strict JSON and base64url"))?;
        let claims = object(claims, MAX_TOKEN)
            .ok_or(malformed("its claims are no object in strict JSON and base64url"))?;
        let signature = b64::decode_url(signature, MAX_SIGNATURE)
            .map_err(|_| malformed("its signature is no base64url"))?;
        let algorithm = check_header(&header)?;
        let kid = text(&header, "kid", MAX_KID)?;
        let typ = text(&header, "typ", 128)?.map(|typ| {
            let typ = typ.to_ascii_lowercase();
            // RFC 7515 4.1.9: the prefix may be left out.
            typ.strip_prefix("application/").map(str::to_owned).unwrap_or(typ)
        });
        Ok(Self { algorithm, kid, typ, header, claims, signed, signature })
    }

    /// The claims once the signature is verified under `key`.
    ///
    /// # Errors
    /// `identity.algorithm` when the key is not for this algorithm, `identity.signature`.
    pub fn verify(&self, key: &Jwk) -> Result<&Json, IdentityError> {
        key.verify(self.algorithm, self.signed.as_bytes(), &self.signature)?;
        Ok(&self.claims)
    }

    /// A claim of nobody yet, to find the key by.
    #[must_use]
    pub fn unverified(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Json::as_str)
    }
}

fn object(part: &str, max: usize) -> Option<Json> {
    let bytes = b64::decode_url(part, max).ok()?;
    let value = json::parse_limited(&bytes, max).ok()?;
    value.as_object().is_some().then_some(value)
}

fn check_header(header: &Json) -> Result<Algorithm, IdentityError> {
    // No extension is understood here, and a token that needs one says so by `crit`.
    for (name, why) in [
        ("crit", "it has critical extensions"),
        ("b64", "its payload would not be encoded"),
        ("zip", "it is compressed"),
        ("jku", "it names a key by URL"),
        ("x5u", "it names a certificate by URL"),
        ("enc", "it is encrypted"),
    ] {
        if header.get(name).is_some() {
            return Err(IdentityError::Header(why));
        }
    }
    let name = header.get("alg").and_then(Json::as_str);
    let name = name.ok_or(IdentityError::Header("it has no `alg`"))?;
    Algorithm::from_name(name).ok_or(IdentityError::Algorithm)
}

fn text(header: &Json, name: &str, max: usize) -> Result<Option<String>, IdentityError> {
    match header.get(name) {
        None => Ok(None),
        Some(Json::String(text)) if (1..=max).contains(&text.len()) => Ok(Some(text.clone())),
        Some(_) => Err(IdentityError::Header("`kid` or `typ` is no short text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(header: &str, claims: &str) -> String {
        format!("{}.{}.AAAA", b64::encode_url(header), b64::encode_url(claims))
    }

    #[test]
    fn a_header_decides_little() {
        let read = |header: &str| {
            let token = token(header, "{}");
            Jws::read(&token).map(|jws| (jws.algorithm, jws.kid.clone(), jws.typ.clone()))
        };
        let (algorithm, kid, typ) =
            read(r#"{"alg":"ES256","kid":"k","typ":"application/AT+JWT","x5t":"ignored"}"#)
                .unwrap();
        assert_eq!((algorithm, kid.as_deref()), (Algorithm::Es256, Some("k")));
        assert_eq!(typ.as_deref(), Some("at+jwt"));
        for (header, code) in [
            (r#"{"alg":"none"}"#, "identity.algorithm"),
            (r#"{"alg":"None"}"#, "identity.algorithm"),
            (r#"{"alg":"HS256"}"#, "identity.algorithm"),
            (r#"{"alg":"ES256K"}"#, "identity.algorithm"),
            (r#"{"alg":["ES256"]}"#, "identity.header"),
            (r#"{"typ":"JWT"}"#, "identity.header"),
            (r#"{"alg":"ES256","crit":["exp"]}"#, "identity.header"),
            (r#"{"alg":"ES256","b64":false}"#, "identity.header"),
            (r#"{"alg":"ES256","jku":"https://evil.example/k"}"#, "identity.header"),
            (r#"{"alg":"ES256","x5u":"https://evil.example/k"}"#, "identity.header"),
            (r#"{"alg":"ES256","zip":"DEF"}"#, "identity.header"),
            (r#"{"alg":"ES256","enc":"A128GCM"}"#, "identity.header"),
            (r#"{"alg":"ES256","kid":1}"#, "identity.header"),
            (r#"{"alg":"ES256","alg":"ES256"}"#, "identity.malformed"),
            (r#"{"alg":"none","\u0061lg":"ES256"}"#, "identity.malformed"),
            (r#"["ES256"]"#, "identity.malformed"),
        ] {
            assert_eq!(read(header).unwrap_err().code(), code, "{header}");
        }
    }

    #[test]
    fn what_is_no_compact_jws_is_refused() {
        let good = token(r#"{"alg":"ES256"}"#, r#"{"sub":"a"}"#);
        assert_eq!(Jws::read(&good).unwrap().unverified("sub"), Some("a"));
        let long = "a".repeat(MAX_TOKEN);
        let repeated = token(r#"{"alg":"ES256"}"#, r#"{"sub":"a","sub":"b"}"#);
        let array = token(r#"{"alg":"ES256"}"#, "[]");
        let five = format!("{good}.AAAA.AAAA");
        let padded = format!("{good}=");
        let spaced = good.replacen('.', " .", 1);
        for bad in ["", "a", "..", "a.b", &long, &repeated, &array, &five, &padded, &spaced] {
            assert_eq!(Jws::read(bad).unwrap_err().code(), "identity.malformed", "{bad:.80}");
        }
    }

    proptest! {
        #[test]
        fn no_input_makes_it_panic(token in "[A-Za-z0-9_.-]{0,300}") {
            let _ = Jws::read(&token);
        }
    }
}

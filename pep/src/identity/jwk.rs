//! Public keys as JWK (RFC 7517, 7518, 8037), each pinned to what it may verify.

use aws_lc_rs::signature::{
    self, ParsedPublicKey, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use placet_proto::cose_key::PublicKey;
use placet_proto::json::Json;
use placet_proto::{b64, sha256};
use placet_verifier::crypto;

use super::IdentityError;

/// Smallest RSA modulus, in bytes (RFC 7518 3.3).
const MIN_RSA: usize = 256;
/// Largest RSA modulus, in bytes.
const MAX_RSA: usize = 1024;

/// The signature algorithms that are known here: asymmetric ones only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// ECDSA on P-521 with SHA-512.
    Es512,
    /// Ed25519.
    EdDsa,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
}

impl Algorithm {
    const NAMES: [(&'static str, Self); 11] = [
        ("ES256", Self::Es256),
        ("ES384", Self::Es384),
        ("ES512", Self::Es512),
        ("EdDSA", Self::EdDsa),
        // The name that RFC 9864 gives it.
        ("Ed25519", Self::EdDsa),
        ("PS256", Self::Ps256),
        ("PS384", Self::Ps384),
        ("PS512", Self::Ps512),
        ("RS256", Self::Rs256),
        ("RS384", Self::Rs384),
        ("RS512", Self::Rs512),
    ];

    /// The algorithm of this name; `none` and MACs are none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, algorithm)| *algorithm)
    }
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    /// `kid`.
    pub kid: Option<String>,
    /// `use`.
    pub usage: Option<String>,
    algorithm: Option<Algorithm>,
    material: Material,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Material {
    /// SEC 1, uncompressed.
    P256(Vec<u8>),
    P384(Vec<u8>),
    P521(Vec<u8>),
    Ed25519([u8; 32]),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

impl Jwk {
    /// Reads a public key. Symmetric and private keys are refused.
    ///
    /// # Errors
    /// `identity.malformed`, `identity.algorithm`.
    pub fn read(value: &Json) -> Result<Self, IdentityError> {
        let bad = IdentityError::Malformed;
        let text = |name: &str| value.get(name).and_then(Json::as_str);
        for private in ["d", "k", "p", "q", "dp", "dq", "qi", "oth"] {
            if value.get(private).is_some() {
                return Err(bad("a JWK holds a private or symmetric key"));
            }
        }
        let part = |name: &str, max: usize| {
            let part = text(name).and_then(|t| b64::decode_url(t, max).ok());
            part.ok_or(bad("a JWK lacks a part of its key"))
        };
        let point = |size: usize| {
            let (x, y) = (part("x", size)?, part("y", size)?);
            match x.len() == size && y.len() == size {
                true => Ok([&[4][..], &x, &y].concat()),
                false => Err(bad("a coordinate of a JWK has another length")),
            }
        };
        let material = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => Material::P256(point(32)?),
            (Some("EC"), Some("P-384")) => Material::P384(point(48)?),
            (Some("EC"), Some("P-521")) => Material::P521(point(66)?),
            (Some("OKP"), Some("Ed25519")) => {
                let raw = part("x", 32)?.try_into();
                Material::Ed25519(raw.map_err(|_| bad("an Ed25519 key has 32 bytes"))?)
            }
            (Some("RSA"), None) => rsa(part("n", MAX_RSA)?, part("e", 8)?)?,
            _ => return Err(IdentityError::Algorithm),
        };
        let algorithm = match value.get("alg") {
            None => None,
            Some(alg) => {
                let known = alg.as_str().and_then(Algorithm::from_name);
                Some(known.ok_or(IdentityError::Algorithm)?)
            }
        };
        if let Some(operations) = value.get("key_ops") {
            let operations = operations.as_array().unwrap_or_default();
            if !operations.iter().any(|o| o.as_str() == Some("verify")) {
                return Err(bad("a JWK is not for verifying"));
            }
        }
        let key = Self {
            kid: text("kid").map(str::to_owned),
            usage: text("use").map(str::to_owned),
            algorithm,
            material,
        };
        key.check()?;
        Ok(key)
    }

    /// A key that no signature can be checked with is refused at once, and so is one whose `alg`
    /// is of another kind.
    fn check(&self) -> Result<(), IdentityError> {
        let bad = IdentityError::Malformed("a JWK is no point of its curve or no usable modulus");
        match &self.material {
            Material::Ed25519(raw) => {
                crypto::check_key(&PublicKey::Ed25519(*raw)).map_err(|_| bad)?;
            }
            Material::Rsa { .. } => {}
            Material::P256(p) => parsed(&signature::ECDSA_P256_SHA256_FIXED, p).ok_or(bad)?,
            Material::P384(p) => parsed(&signature::ECDSA_P384_SHA384_FIXED, p).ok_or(bad)?,
            Material::P521(p) => parsed(&signature::ECDSA_P521_SHA512_FIXED, p).ok_or(bad)?,
        }
        match self.algorithm {
            Some(algorithm) if !self.allows(algorithm) => Err(IdentityError::Algorithm),
            _ => Ok(()),
        }
    }

    /// Whether a signature of this algorithm may be checked with the key: by its `alg`, else by
    /// its type. An RSA key without `alg` serves both paddings; issuers narrow that.
    #[must_use]
    pub fn allows(&self, algorithm: Algorithm) -> bool {
        use Algorithm as A;
        let by_type = match self.material {
            Material::P256(_) => algorithm == A::Es256,
            Material::P384(_) => algorithm == A::Es384,
            Material::P521(_) => algorithm == A::Es512,
            Material::Ed25519(_) => algorithm == A::EdDsa,
            Material::Rsa { .. } => !matches!(algorithm, A::Es256 | A::Es384 | A::Es512 | A::EdDsa),
        };
        by_type && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Verifies a signature in its JWS form (RFC 7518 3).
    ///
    /// # Errors
    /// `identity.algorithm`, `identity.signature`.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), IdentityError> {
        if !self.allows(algorithm) {
            return Err(IdentityError::Algorithm);
        }
        let good = match &self.material {
            Material::P256(p) => ec(&signature::ECDSA_P256_SHA256_FIXED, p, message, signature),
            Material::P384(p) => ec(&signature::ECDSA_P384_SHA384_FIXED, p, message, signature),
            Material::P521(p) => ec(&signature::ECDSA_P521_SHA512_FIXED, p, message, signature),
            Material::Ed25519(raw) => {
                crypto::verify_cose(&PublicKey::Ed25519(*raw), message, signature).is_ok()
            }
            Material::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
        };
        if good { Ok(()) } else { Err(IdentityError::Signature) }
    }

    /// The RFC 7638 thumbprint with SHA-256, in base64url.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        let halves = |point: &[u8], size: usize| {
            let (x, y) =
                point.get(1..).unwrap_or_default().split_at_checked(size).unwrap_or_default();
            (b64::encode_url(x), b64::encode_url(y))
        };
        let ec = |crv: &str, point: &[u8], size: usize| {
            let (x, y) = halves(point, size);
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        };
        let text = match &self.material {
            Material::P256(p) => ec("P-256", p, 32),
            Material::P384(p) => ec("P-384", p, 48),
            Material::P521(p) => ec("P-521", p, 66),
            Material::Ed25519(raw) => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64::encode_url(raw))
            }
            Material::Rsa { n, e } => {
                let (n, e) = (b64::encode_url(n), b64::encode_url(e));
                format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#)
            }
        };
        b64::encode_url(sha256(text.as_bytes()))
    }
}

fn rsa(n: Vec<u8>, e: Vec<u8>) -> Result<Material, IdentityError> {
    let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
    let minimal = |bytes: &[u8]| bytes.first().is_some_and(|first| *first != 0);
    // An exponent of 1 makes every message its own signature.
    let small = e == [1];
    if !(MIN_RSA..=MAX_RSA).contains(&n.len()) || !odd(&n) || !minimal(&n) {
        return Err(IdentityError::Malformed("an RSA modulus has 2048 to 8192 bits and is odd"));
    }
    if !odd(&e) || !minimal(&e) || small {
        return Err(IdentityError::Malformed("an RSA exponent is odd and above 1"));
    }
    Ok(Material::Rsa { n, e })
}

fn parsed(algorithm: &'static signature::EcdsaVerificationAlgorithm, point: &[u8]) -> Option<()> {
    ParsedPublicKey::new(algorithm, point).ok().map(drop)
}

fn ec(algorithm: &'static dyn VerificationAlgorithm, p: &[u8], message: &[u8], s: &[u8]) -> bool {
    UnparsedPublicKey::new(algorithm, p).verify(message, s).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use placet_proto::json;

    fn read(text: &str) -> Result<Jwk, IdentityError> {
        Jwk::read(&json::parse(text.as_bytes()).unwrap())
    }

    /// RFC 7638 3.1.
    const RSA_7638: &str = concat!(
        r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7"#,
        "aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ",
        "5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-b",
        "FTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        r#"","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
    );
    /// RFC 7517 A.1.
    const EC_7517: &str = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"enc","kid":"1"}"#;
    /// RFC 8037 A.2.
    const ED_8037: &str =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    #[test]
    fn keys_of_the_specifications_have_their_thumbprints() {
        let rsa = read(RSA_7638).unwrap();
        assert_eq!(rsa.thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(rsa.allows(Algorithm::Rs256) && !rsa.allows(Algorithm::Ps256));
        let ed = read(ED_8037).unwrap();
        assert_eq!(ed.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(ed.allows(Algorithm::EdDsa) && !ed.allows(Algorithm::Es256));
        let ec = read(EC_7517).unwrap();
        assert_eq!(ec.usage.as_deref(), Some("enc"));
        // RFC 8037 A.4, whose payload is no object: here only the signature counts.
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature = b64::decode_url(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            64,
        );
        let signature = signature.unwrap();
        ed.verify(Algorithm::EdDsa, signed.as_bytes(), &signature).unwrap();
        let other = ed.verify(Algorithm::EdDsa, b"other", &signature);
        assert_eq!(other.unwrap_err().code(), "identity.signature");
        let confused = ed.verify(Algorithm::Es256, signed.as_bytes(), &signature);
        assert_eq!(confused.unwrap_err().code(), "identity.algorithm");
        // RFC 7515 A.3: ES256.
        let key = read(
            r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
        );
        let signed = concat!(
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt",
            "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
        );
        let signature = b64::decode_url(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            64,
        );
        let good = key.unwrap().verify(Algorithm::Es256, signed.as_bytes(), &signature.unwrap());
        good.unwrap();
    }

    #[test]
    fn keys_that_prove_nothing_are_refused() {
        let short = RSA_7638.replace(r#""n":"0vx7agoebGcQSuuP"#, r#""n":"0vx"#);
        let even = RSA_7638.replace("qDKgw", "qDKgg");
        for (bad, code) in [
            (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), "identity.malformed"),
            (r#"{"kty":"oct"}"#.to_owned(), "identity.algorithm"),
            (EC_7517.replace(r#""use""#, r#""d":"AA","use""#), "identity.malformed"),
            (EC_7517.replace("P-256", "secp256k1"), "identity.algorithm"),
            (EC_7517.replace("P-256", "P-384"), "identity.malformed"),
            (EC_7517.replace("4Etl6", "4Etl7"), "identity.malformed"),
            (EC_7517.replace(r#""use""#, r#""alg":"ES384","use""#), "identity.algorithm"),
            (EC_7517.replace(r#""use""#, r#""alg":"HS256","use""#), "identity.algorithm"),
            (EC_7517.replace(r#""use""#, r#""key_ops":["sign"],"use""#), "identity.malformed"),
            (RSA_7638.replace("AQAB", "AQ"), "identity.malformed"),
            (RSA_7638.replace("AQAB", "Ag"), "identity.malformed"),
            (RSA_7638.replace("RS256", "ES256"), "identity.algorithm"),
            (short, "identity.malformed"),
            (even, "identity.malformed"),
            // The neutral element.
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#
                    .to_owned(),
                "identity.malformed",
            ),
            ("[]".to_owned(), "identity.algorithm"),
        ] {
            assert_eq!(read(&bad).map(|k| k.thumbprint()).unwrap_err().code(), code, "{bad}");
        }
    }
}

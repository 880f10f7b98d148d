//! Public keys as COSE_Key (RFC 9052 7, RFC 9053, RFC 8230) and their thumbprints (RFC 9679).
//!
//! Encodings only: no signature is checked here, and whether a P-256 point lies on the curve is
//! for `placet-verifier` to find out. A key carries its algorithm; there is no key without one.

use sha2::{Digest as _, Sha256};

use crate::cbor::{self, CborError};

/// The longest COSE_Key accepted: a 4096-bit RSA key and room for its heads.
pub const COSE_KEY_MAX_LEN: usize = 1024;
/// RSA moduli from 2048 bits on.
pub const RSA_MIN_LEN: usize = 256;
/// RSA moduli up to 4096 bits.
pub const RSA_MAX_LEN: usize = 512;

const KTY: i64 = 1;
const KID: i64 = 2;
const ALG: i64 = 3;
const KTY_OKP: i64 = 1;
const KTY_EC2: i64 = 2;
const KTY_RSA: i64 = 3;
const CRV_P256: i64 = 1;
const CRV_ED25519: i64 = 6;

/// A signature algorithm that Placet verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8032), COSE -8; the fully specified -19 (RFC 9864) is the same to us.
    EdDsa,
    /// ECDSA over P-256 with SHA-256, COSE -7; -9 (RFC 9864) is the same to us.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, COSE -257 (RFC 8812).
    Rs256,
}

impl Algorithm {
    /// The COSE identifier that Placet writes.
    #[must_use]
    pub const fn cose_id(self) -> i64 {
        match self {
            Self::EdDsa => -8,
            Self::Es256 => -7,
            Self::Rs256 => -257,
        }
    }

    /// The JOSE name, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// Reads a COSE algorithm identifier.
    ///
    /// # Errors
    /// [`CoseKeyError::UnsupportedAlgorithm`]: the evidence may be good, this program can't tell
    /// (verdict INDETERMINATE, never FAILED).
    pub const fn from_cose_id(id: i64) -> Result<Self, CoseKeyError> {
        match id {
            -8 | -19 => Ok(Self::EdDsa),
            -7 | -9 => Ok(Self::Es256),
            -257 => Ok(Self::Rs256),
            other => Err(CoseKeyError::UnsupportedAlgorithm(other)),
        }
    }
}

/// A public key, pinned to the one algorithm of its variant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PublicKey {
    /// The 32 bytes of RFC 8032 5.1.5.
    Ed25519([u8; 32]),
    /// An uncompressed P-256 point, coordinates big endian.
    Es256 {
        /// The x coordinate.
        x: [u8; 32],
        /// The y coordinate.
        y: [u8; 32],
    },
    /// An RSA key, both numbers big endian without leading zeros.
    Rs256 {
        /// The modulus, 2048 to 4096 bits.
        n: Vec<u8>,
        /// The public exponent, odd, 65537 to 2^32 - 1.
        e: Vec<u8>,
    },
}

/// Why bytes are not a public key that Placet uses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoseKeyError {
    /// Not one deterministic CBOR map.
    #[error("COSE_Key: {0}")]
    Cbor(#[from] CborError),
    /// More bytes than [`COSE_KEY_MAX_LEN`].
    #[error("COSE_Key of {0} bytes, at most {COSE_KEY_MAX_LEN} are accepted")]
    Size(usize),
    /// A missing, repeated, unknown or malformed parameter, or one that contradicts `alg`.
    #[error("COSE_Key: {0}")]
    Parameter(&'static str),
    /// An algorithm that Placet does not verify.
    #[error("COSE algorithm {0} is not supported")]
    UnsupportedAlgorithm(i64),
}

impl CoseKeyError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Cbor(e) => e.code(),
            Self::Size(_) => "key.size",
            Self::Parameter(_) => "key.parameter",
            Self::UnsupportedAlgorithm(_) => "alg.unsupported",
        }
    }
}

impl PublicKey {
    /// The algorithm that this key is pinned to.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Es256 { .. } => Algorithm::Es256,
            Self::Rs256 { .. } => Algorithm::Rs256,
        }
    }

    /// An RSA key from its numbers, big endian without leading zeros.
    ///
    /// # Errors
    /// `key.parameter` unless the modulus is odd and has 2048 to 4096 bits and the exponent is
    /// odd and 65537 to 2^32 - 1 (FIPS 186-5 5.4 asks for more than 2^16; every authenticator
    /// uses 65537).
    pub fn rs256(n: &[u8], e: &[u8]) -> Result<Self, CoseKeyError> {
        // A leading zero is refused, so the top bit alone decides between 2041 and 2048 bits.
        let modulus = match (n.first(), n.last()) {
            (Some(first), Some(last)) => {
                let long_enough = n.len() > RSA_MIN_LEN || *first >= 0x80;
                *first != 0 && last % 2 == 1 && long_enough
            }
            _ => false,
        };
        if !modulus || !(RSA_MIN_LEN..=RSA_MAX_LEN).contains(&n.len()) {
            return Err(CoseKeyError::Parameter("n is not an odd modulus of 2048 to 4096 bits"));
        }
        let exponent = match e {
            [first, .., last] => (3..=4).contains(&e.len()) && *first != 0 && last % 2 == 1,
            _ => false,
        };
        if !exponent {
            return Err(CoseKeyError::Parameter("e is not odd and between 65537 and 2^32 - 1"));
        }
        Ok(Self::Rs256 { n: n.to_vec(), e: e.to_vec() })
    }

    /// Reads a COSE_Key with `kty`, `alg` and the parameters of that key type, optionally `kid`,
    /// and no others. P-256 points are uncompressed.
    ///
    /// # Errors
    /// [`CoseKeyError`]; `alg.unsupported` for a well-formed key of another algorithm.
    pub fn from_cose(bytes: &[u8]) -> Result<Self, CoseKeyError> {
        if bytes.len() > COSE_KEY_MAX_LEN {
            return Err(CoseKeyError::Size(bytes.len()));
        }
        let fields = Fields::read(bytes)?;
        let kty = fields.kty.ok_or(CoseKeyError::Parameter("no kty"))?;
        let alg = fields.alg.ok_or(CoseKeyError::Parameter("no alg"))?;
        let algorithm = Algorithm::from_cose_id(alg)?;
        if fields.has_others {
            return Err(CoseKeyError::Parameter("a parameter that is not part of a public key"));
        }
        let missing = CoseKeyError::Parameter("a parameter of this key type is missing");
        let value = |field: Option<_>| field.ok_or(missing.clone());
        let expect = |holds: bool, what| {
            if holds { Ok(()) } else { Err(CoseKeyError::Parameter(what)) }
        };
        match algorithm {
            Algorithm::EdDsa => {
                expect(kty == KTY_OKP, "EdDSA without kty OKP")?;
                expect(int(value(fields.minus_1)?)? == CRV_ED25519, "EdDSA without Ed25519")?;
                expect(fields.minus_3.is_none(), "Ed25519 with y")?;
                Ok(Self::Ed25519(coordinate(value(fields.minus_2)?)?))
            }
            Algorithm::Es256 => {
                expect(kty == KTY_EC2, "ES256 without kty EC2")?;
                expect(int(value(fields.minus_1)?)? == CRV_P256, "ES256 without P-256")?;
                let x = coordinate(value(fields.minus_2)?)?;
                Ok(Self::Es256 { x, y: coordinate(value(fields.minus_3)?)? })
            }
            Algorithm::Rs256 => {
                expect(kty == KTY_RSA, "RS256 without kty RSA")?;
                expect(fields.minus_3.is_none(), "RSA with a private exponent")?;
                Self::rs256(
                    cbor::Reader::new(value(fields.minus_1)?)?.bytes()?,
                    cbor::Reader::new(value(fields.minus_2)?)?.bytes()?,
                )
            }
        }
    }

    /// The deterministic COSE_Key: `kty`, `alg` as in [`Algorithm::cose_id`], the parameters.
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        let mut map = self.required_parameters();
        map.int(ALG, |w| w.int(self.algorithm().cose_id()));
        write(map)
    }

    /// [`PublicKey::to_cose`] with `kid` = [`PublicKey::thumbprint`], as in a COSE_KeySet.
    #[must_use]
    pub fn to_cose_with_kid(&self) -> Vec<u8> {
        let mut map = self.required_parameters();
        map.int(ALG, |w| w.int(self.algorithm().cose_id()));
        map.int(KID, |w| w.bytes(&self.thumbprint()));
        write(map)
    }

    /// The RFC 9679 thumbprint: SHA-256 of the deterministic COSE_Key that holds only the
    /// parameters which RFC 9679 4 requires (so neither `alg` nor `kid`).
    #[must_use]
    pub fn thumbprint(&self) -> [u8; 32] {
        Sha256::digest(write(self.required_parameters())).into()
    }

    /// DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn to_spki_der(&self) -> Vec<u8> {
        crate::spki::to_der(self)
    }

    /// PEM `PUBLIC KEY`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::spki::to_pem(self)
    }

    fn required_parameters(&self) -> cbor::MapWriter {
        let mut map = cbor::MapWriter::new();
        match self {
            Self::Ed25519(x) => map
                .int(KTY, |w| w.int(KTY_OKP))
                .int(-1, |w| w.int(CRV_ED25519))
                .int(-2, |w| w.bytes(x)),
            Self::Es256 { x, y } => map
                .int(KTY, |w| w.int(KTY_EC2))
                .int(-1, |w| w.int(CRV_P256))
                .int(-2, |w| w.bytes(x))
                .int(-3, |w| w.bytes(y)),
            Self::Rs256 { n, e } => {
                map.int(KTY, |w| w.int(KTY_RSA)).int(-1, |w| w.bytes(n)).int(-2, |w| w.bytes(e))
            }
        };
        map
    }
}

/// The values as they stand; what they mean depends on `alg`, which comes later in the map.
#[derive(Default)]
struct Fields<'a> {
    kty: Option<i64>,
    alg: Option<i64>,
    minus_1: Option<&'a [u8]>,
    minus_2: Option<&'a [u8]>,
    minus_3: Option<&'a [u8]>,
    has_others: bool,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = cbor::Reader::new(bytes)?;
        let mut fields = Self::default();
        for _ in 0..reader.map()? {
            match reader.key()? {
                cbor::Key::Int(KTY) => fields.kty = Some(reader.int()?),
                cbor::Key::Int(ALG) => fields.alg = Some(reader.int()?),
                cbor::Key::Int(KID) => drop(reader.bytes()?),
                cbor::Key::Int(-1) => fields.minus_1 = Some(reader.raw()?),
                cbor::Key::Int(-2) => fields.minus_2 = Some(reader.raw()?),
                cbor::Key::Int(-3) => fields.minus_3 = Some(reader.raw()?),
                _ => {
                    fields.has_others = true;
                    reader.skip()?;
                }
            }
        }
        reader.end()?;
        Ok(fields)
    }
}

fn int(item: &[u8]) -> Result<i64, CborError> {
    cbor::Reader::new(item)?.int()
}

fn coordinate(item: &[u8]) -> Result<[u8; 32], CborError> {
    cbor::Reader::new(item)?.bytes_array()
}

fn write(map: cbor::MapWriter) -> Vec<u8> {
    let mut writer = cbor::Writer::new();
    writer.map(map);
    writer.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d";
    const Y: &str = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c";

    fn es256() -> PublicKey {
        let number = |text| hex::decode(text).unwrap().try_into().unwrap();
        PublicKey::Es256 { x: number(X), y: number(Y) }
    }

    fn code(hex_text: &str) -> &'static str {
        PublicKey::from_cose(&hex::decode(hex_text.replace(' ', "")).unwrap()).unwrap_err().code()
    }

    // RFC 9679 6.
    #[test]
    fn rfc_9679_thumbprint() {
        let want = "496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec";
        assert_eq!(hex::encode(es256().thumbprint()), want);
    }

    #[test]
    fn round_trips_and_reads_the_fully_specified_identifiers() {
        let rsa = PublicKey::rs256(&[0xff; 256], &[1, 0, 1]).unwrap();
        for key in [PublicKey::Ed25519([9; 32]), es256(), rsa] {
            assert_eq!(PublicKey::from_cose(&key.to_cose()), Ok(key.clone()));
            assert_eq!(PublicKey::from_cose(&key.to_cose_with_kid()), Ok(key));
        }
        let esp256 = format!("a5 01 02 03 28 20 01 21 5820{X} 22 5820{Y}").replace(' ', "");
        assert_eq!(PublicKey::from_cose(&hex::decode(esp256).unwrap()), Ok(es256()));
        let ed25519 = format!("a4 01 01 03 32 20 06 21 5820{X}").replace(' ', "");
        let key = PublicKey::from_cose(&hex::decode(ed25519).unwrap()).unwrap();
        assert_eq!((key.algorithm(), key.algorithm().cose_id()), (Algorithm::EdDsa, -8));
    }

    #[test]
    fn refuses_with_the_code_that_says_why() {
        let cases = [
            (format!("a5 01 02 03 26 20 01 21 5820{X} 22 f5"), "cbor.type"), // compressed point
            (format!("a5 01 02 03 26 20 02 21 5820{X} 22 5820{Y}"), "key.parameter"), // P-384
            (format!("a5 01 01 03 26 20 01 21 5820{X} 22 5820{Y}"), "key.parameter"), // OKP
            (format!("a5 01 02 03 26 20 01 21 581f{} 22 5820{Y}", &X[2..]), "cbor.range"),
            (format!("a4 01 02 20 01 21 5820{X} 22 5820{Y}"), "key.parameter"), // no alg
            (format!("a6 01 02 03 26 20 01 21 5820{X} 22 5820{Y} 23 41 00"), "key.parameter"),
            (format!("a5 01 02 03 3822 20 02 21 5820{X} 22 5820{Y}"), "alg.unsupported"), // ES384
            (format!("a4 01 01 03 3834 20 07 21 5820{X}"), "alg.unsupported"),            // Ed448
            (format!("a5 03 26 01 02 20 01 21 5820{X} 22 5820{Y}"), "cbor.key_order"),
            (format!("a5 01 02 01 02 20 01 21 5820{X} 22 5820{Y}"), "cbor.duplicate_key"),
            (format!("a5 01 02 03 26 20 01 21 5820{X} 22 5820{Y} 00"), "cbor.trailing"),
        ];
        for (key, want) in cases {
            assert_eq!(code(&key), want, "{key}");
        }
        assert_eq!(PublicKey::from_cose(&[0; 1025]).unwrap_err().code(), "key.size");
    }

    #[test]
    fn rsa_sizes() {
        let n = |len: usize, first: u8| {
            let mut n = vec![0xff; len];
            n[0] = first;
            n
        };
        assert!(PublicKey::rs256(&n(256, 0x80), &[1, 0, 1]).is_ok());
        assert!(PublicKey::rs256(&n(512, 0xff), &[0xff, 0xff, 0xff, 0xff]).is_ok());
        for (n, e) in [
            (n(256, 0x7f), vec![1, 0, 1]),
            (n(513, 1), vec![1, 0, 1]),
            (n(257, 0), vec![1, 0, 1]),
            (vec![0xfe; 256], vec![1, 0, 1]),
            (n(256, 0xff), vec![3]),
            (n(256, 0xff), vec![1, 0, 0]),
            (n(256, 0xff), vec![0, 1, 0, 1]),
            (n(256, 0xff), vec![1, 0, 0, 0, 1]),
            (vec![], vec![]),
        ] {
            assert_eq!(PublicKey::rs256(&n, &e).unwrap_err().code(), "key.parameter");
        }
    }
}

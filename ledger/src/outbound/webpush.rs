//! Web Push: message encryption (RFC 8291 over RFC 8188) and VAPID (RFC 8292).
//!
//! The pieces (ECDH, HKDF, AES-GCM, ES256) are those of the library that the ledger uses for
//! everything else; what is here is how the three documents put them together, with their vectors
//! as tests.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey as Ecdh, UnparsedPublicKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use placet_proto::cose_key::PublicKey;
use placet_proto::json::Json;
use placet_proto::time::UnixSeconds;
use placet_proto::{b64, jcs};

use super::url::Target;
use crate::Error;
use crate::service::Refusal;
use crate::service::keys::{PrivateKey, Sign as _};

/// Longest plaintext, in bytes: what a push service must take (RFC 8030, 7.2), less the header of
/// RFC 8188, one byte of padding and the tag.
pub const MAX_PLAINTEXT: usize = 4096 - 86 - 17;
/// Record size in the header; there is one record.
const RECORD: u32 = 4096;
/// Seconds for which a VAPID token is good; the limit is a day.
const TOKEN_S: u64 = 12 * 3600;

/// The keys of a subscription, from the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    /// Its P-256 public key, uncompressed.
    pub p256dh: [u8; 65],
    /// Its authentication secret.
    pub auth: [u8; 16],
}

/// Encrypts a message for a subscription with a fresh key and salt: the body of a push, whose
/// Content-Encoding is `aes128gcm`.
///
/// # Errors
/// `request.invalid` for a key that is no point or a message that is too long; `ledger.random`.
pub fn encrypt(receiver: &Receiver, plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let key = Ecdh::generate(&ECDH_P256).map_err(|_| Refusal::Random)?;
    encrypt_with(receiver, plaintext, &key, &crate::service::random()?)
}

fn encrypt_with(
    receiver: &Receiver,
    plaintext: &[u8],
    key: &Ecdh,
    salt: &[u8; 16],
) -> Result<Vec<u8>, Error> {
    if plaintext.len() > MAX_PLAINTEXT {
        return Err(Refusal::Invalid("a push message is too long").into());
    }
    let failed = || Error::from(Refusal::Invalid("the keys of a push subscription are not valid"));
    let ours = key.compute_public_key().map_err(|_| failed())?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, &receiver.p256dh);
    // RFC 8291, 3.4.
    let info = [b"WebPush: info\0".as_slice(), &receiver.p256dh, ours.as_ref()].concat();
    let ikm: [u8; 32] = agreement::agree(key, theirs, failed(), |secret| {
        expand(&receiver.auth, secret, &info).ok_or_else(failed)
    })?;
    // RFC 8188, 2.2 and 2.3.
    let cek: [u8; 16] = expand(salt, &ikm, b"Content-Encoding: aes128gcm\0").ok_or_else(failed)?;
    let nonce: [u8; 12] = expand(salt, &ikm, b"Content-Encoding: nonce\0").ok_or_else(failed)?;
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &cek).map_err(|_| failed())?);
    // The last record's delimiter, and no padding.
    let mut record = [plaintext, &[2]].concat();
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut record).map_err(|_| failed())?;
    let id = ours.as_ref();
    let id_len = u8::try_from(id.len()).map_err(|_| failed())?;
    Ok([salt.as_slice(), &RECORD.to_be_bytes(), &[id_len], id, &record].concat())
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF with SHA-256 (RFC 5869).
fn expand<const N: usize>(salt: &[u8], secret: &[u8], info: &[u8]) -> Option<[u8; N]> {
    let mut out = [0; N];
    let info = [info];
    let okm = Salt::new(HKDF_SHA256, salt).extract(secret);
    okm.expand(&info, Bytes(N)).ok()?.fill(&mut out).ok()?;
    Some(out)
}

/// The value of Authorization for a push service: a token of an ES256 key for its origin.
///
/// # Errors
/// `key.file`.
pub fn authorization(
    key: &PrivateKey,
    target: &Target,
    contact: &str,
    now: UnixSeconds,
) -> Result<String, Error> {
    let header = Json::object([("alg", Json::from("ES256")), ("typ", "JWT".into())]);
    let expires = u32::try_from(now.0.saturating_add(TOKEN_S)).unwrap_or(u32::MAX);
    let mut claims = Json::object([("aud", Json::from(target.origin())), ("exp", expires.into())]);
    // RFC 8292, 2.1: a contact is an https or mailto URI, or left out.
    if contact.starts_with("https://") {
        claims.insert("sub", contact.into());
    }
    let part = |json: &Json| b64::encode_url(jcs::to_bytes(json));
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = b64::encode_url(key.sign(signed.as_bytes())?);
    Ok(format!("vapid t={signed}.{signature}, k={}", b64::encode_url(point(key)?)))
}

/// The public key by which browsers bind their subscriptions to this service
/// (`applicationServerKey`), uncompressed.
///
/// # Errors
/// `key.file` for a key that is not ES256.
pub fn point(key: &PrivateKey) -> Result<[u8; 65], Error> {
    let PublicKey::Es256 { x, y } = key.public_key() else {
        return Err(Refusal::Key("the push key is ES256".to_owned()).into());
    };
    let mut out = [4; 65];
    for (to, from) in out.iter_mut().skip(1).zip(x.iter().chain(y)) {
        *to = *from;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Dir;
    use placet_proto::cose_key::Algorithm;
    use proptest::prelude::*;

    fn url(text: &str) -> Vec<u8> {
        b64::decode_url(text, 4096).unwrap()
    }

    /// RFC 8291, appendix A.
    fn receiver() -> Receiver {
        let p256dh = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6S\
                      RpkNtoIAiw4";
        Receiver {
            p256dh: url(p256dh).try_into().unwrap(),
            auth: url("BTBZMqHH6r4Tts7J_aSIgg").try_into().unwrap(),
        }
    }

    fn decrypt(private: &Ecdh, receiver: &Receiver, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..4], RECORD.to_be_bytes());
        let (id, record) = rest[5..].split_at(usize::from(rest[4]));
        let info = [b"WebPush: info\0".as_slice(), &receiver.p256dh, id].concat();
        let theirs = UnparsedPublicKey::new(&ECDH_P256, id);
        let ikm: [u8; 32] = agreement::agree(private, theirs, (), |secret| {
            expand(&receiver.auth, secret, &info).ok_or(())
        })
        .unwrap();
        let cek: [u8; 16] = expand(salt, &ikm, b"Content-Encoding: aes128gcm\0").unwrap();
        let nonce: [u8; 12] = expand(salt, &ikm, b"Content-Encoding: nonce\0").unwrap();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &cek).unwrap());
        let mut record = record.to_vec();
        let nonce = Nonce::assume_unique_for_key(nonce);
        let plain = cipher.open_in_place(nonce, Aad::empty(), &mut record).unwrap();
        plain.strip_suffix(&[2]).unwrap().to_vec()
    }

    #[test]
    fn the_example_of_rfc_8291() {
        let key = url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let key = Ecdh::from_private_key(&ECDH_P256, &key).unwrap();
        let salt: [u8; 16] = url("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let plaintext = b"When I grow up, I want to be a watermelon";
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZI\
                        IgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXz\
                        tLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        let body = encrypt_with(&receiver(), plaintext, &key, &salt).unwrap();
        assert_eq!(b64::encode_url(&body), expected);
        let private = url("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94");
        let private = Ecdh::from_private_key(&ECDH_P256, &private).unwrap();
        assert_eq!(decrypt(&private, &receiver(), &body), plaintext);
    }

    #[test]
    fn keys_that_are_no_points_and_long_messages_are_refused() {
        let mut bad = receiver();
        bad.p256dh[64] ^= 1;
        assert_eq!(encrypt(&bad, b"x").unwrap_err().code(), "request.invalid");
        let long = vec![0; MAX_PLAINTEXT + 1];
        assert_eq!(encrypt(&receiver(), &long).unwrap_err().code(), "request.invalid");
        assert_eq!(encrypt(&receiver(), &long[1..]).unwrap().len(), 4096);
    }

    #[test]
    fn a_push_service_can_check_who_sends() {
        let tmp = tempfile::tempdir().unwrap();
        let dir = Dir::init(&tmp.path().join("d")).unwrap();
        let key = PrivateKey::load_or_create(&dir, "push", Algorithm::Es256).unwrap();
        let target = Target::parse("https://push.example/a/b").unwrap();
        let at = UnixSeconds(1_800_000_000);
        let value = authorization(&key, &target, "https://placet.example", at).unwrap();
        let (token, k) = value.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(url(k), point(&key).unwrap());
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(url(parts[0]), br#"{"alg":"ES256","typ":"JWT"}"#);
        let claims = String::from_utf8(url(parts[1])).unwrap();
        let expected = Json::object([
            ("aud", Json::from("https://push.example")),
            ("exp", 1_800_043_200u32.into()),
            ("sub", "https://placet.example".into()),
        ]);
        assert_eq!(claims, jcs::to_string(&expected));
        let signed = format!("{}.{}", parts[0], parts[1]);
        let signature = url(parts[2]);
        placet_verifier::crypto::verify_cose(key.public_key(), signed.as_bytes(), &signature)
            .unwrap();
        // A contact that is neither https nor mailto is left out.
        let value = authorization(&key, &target, "http://localhost:1", at).unwrap();
        let claims = url(value.split('.').nth(1).unwrap());
        assert!(!String::from_utf8(claims).unwrap().contains("sub"));
    }

    proptest! {
        #[test]
        fn what_is_encrypted_is_read_by_its_receiver(plaintext: Vec<u8>, auth: [u8; 16]) {
            let private = Ecdh::generate(&ECDH_P256).unwrap();
            let p256dh = private.compute_public_key().unwrap().as_ref().try_into().unwrap();
            let receiver = Receiver { p256dh, auth };
            let body = encrypt(&receiver, &plaintext).unwrap();
            prop_assert_eq!(decrypt(&private, &receiver, &body), plaintext);
        }
    }
}

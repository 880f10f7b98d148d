use placet_proto::sshsig::{self, Namespace};
use placet_softkey::{Behaviour, SoftKey, flags};
use proptest::prelude::*;

use super::*;

mod attestation;
mod matrix;
mod registrations;
mod vendors;
mod w3c;

const RP_ID: &str = "example.org";
const ORIGIN: &str = "https://example.org";

fn policy() -> AssertionPolicy {
    AssertionPolicy::strict(vec![RP_ID.into()], vec![ORIGIN.into()])
}

fn soft_key() -> (SoftKey, CredentialKey) {
    let key = SoftKey::from_seed(&[42; 32], RP_ID);
    let public_key = key.public_key();
    (key, CredentialKey { public_key, backup_eligible: false })
}

fn borrow(assertion: &placet_softkey::Assertion) -> Assertion<'_> {
    Assertion {
        credential_id: &assertion.credential_id,
        authenticator_data: &assertion.authenticator_data,
        client_data_json: &assertion.client_data_json,
        signature: &assertion.signature,
    }
}

#[test]
fn facts_of_a_good_assertion() {
    let (mut soft, key) = soft_key();
    let challenge = sshsig::challenge(Namespace::Approve, b"document");
    let _ = soft.assert(&challenge, ORIGIN);
    let assertion = soft.assert(&challenge, ORIGIN);
    let facts = verify_assertion(&policy(), &challenge, &key, &borrow(&assertion)).unwrap();
    let flags = Flags(flags::UP | flags::UV);
    assert_eq!(
        facts,
        AssertionFacts {
            origin: ORIGIN.into(),
            rp_id: RP_ID.into(),
            flags,
            sign_count: 2,
            cross_origin: false,
            sshsig_exportable: true,
        }
    );
}

#[test]
fn the_policy_decides_about_uv_and_other_pages() {
    let (mut soft, key) = soft_key();
    let mut policy = policy();
    policy.require_uv = false;
    let assertion = soft.assert_with(b"c", ORIGIN, &Behaviour::without_user_verification());
    assert!(verify_assertion(&policy, b"c", &key, &borrow(&assertion)).is_ok());

    let embedded = |top: &str| {
        let json = client_data("c", &format!(",\"crossOrigin\":true,\"topOrigin\":\"{top}\""));
        Behaviour { client_data_json: Some(json), ..Behaviour::default() }
    };
    policy.allow_cross_origin = true;
    policy.top_origins = vec!["https://top.example".into()];
    let assertion = soft.assert_with(b"c", ORIGIN, &embedded("https://top.example"));
    let facts = verify_assertion(&policy, b"c", &key, &borrow(&assertion)).unwrap();
    assert!(facts.cross_origin);
    let assertion = soft.assert_with(b"c", ORIGIN, &embedded("https://other.example"));
    let refused = verify_assertion(&policy, b"c", &key, &borrow(&assertion)).unwrap_err();
    assert_eq!(refused.code(), "assertion.top_origin");
}

#[test]
fn another_key_or_an_unusable_key() {
    let (mut soft, mut key) = soft_key();
    let assertion = soft.assert(b"c", ORIGIN);
    key.public_key = SoftKey::from_seed(&[1; 32], RP_ID).public_key();
    let refused = verify_assertion(&policy(), b"c", &key, &borrow(&assertion)).unwrap_err();
    assert_eq!(refused.code(), "assertion.signature");
    key.public_key = PublicKey::Rs256 { n: vec![0xff; 16], e: vec![3] };
    let refused = verify_assertion(&policy(), b"c", &key, &borrow(&assertion)).unwrap_err();
    assert_eq!(refused.code(), "key.parameter");
}

/// clientDataJSON for a challenge given as text before base64url, with more members.
fn client_data(challenge: &str, more: &str) -> Vec<u8> {
    use base64::Engine as _;
    let challenge = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(challenge);
    format!(
        "{{\"type\":\"webauthn.get\",\"challenge\":\"{challenge}\",\"origin\":\"{ORIGIN}\"{more}}}"
    )
    .into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Every bit of what was signed, of the signature and of the challenge counts. A bit of `r` or
    /// `s` can't be flipped into another valid signature, nor can one of clientDataJSON, hashed as
    /// it is.
    #[test]
    fn any_flipped_bit_refuses(field in 0usize..4, at in any::<usize>(), bit in 0u8..8) {
        let (mut soft, key) = soft_key();
        let mut challenge = sshsig::challenge(Namespace::Approve, b"document");
        let mut assertion = soft.assert(&challenge, ORIGIN);
        let target = match field {
            0 => &mut assertion.authenticator_data,
            1 => &mut assertion.client_data_json,
            2 => &mut assertion.signature,
            _ => &mut challenge,
        };
        let at = at % target.len();
        target[at] ^= 1 << bit;
        prop_assert!(verify_assertion(&policy(), &challenge, &key, &borrow(&assertion)).is_err());
    }

    #[test]
    fn any_removed_or_added_byte_refuses(
        field in 0usize..3, at in any::<usize>(), byte in any::<u8>(), add in any::<bool>(),
    ) {
        let (mut soft, key) = soft_key();
        let mut assertion = soft.assert(b"challenge", ORIGIN);
        let target = match field {
            0 => &mut assertion.authenticator_data,
            1 => &mut assertion.client_data_json,
            _ => &mut assertion.signature,
        };
        let at = at % target.len();
        if add {
            target.insert(at, byte);
        } else {
            target.remove(at);
        }
        prop_assert!(verify_assertion(&policy(), b"challenge", &key, &borrow(&assertion)).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        data in proptest::collection::vec(any::<u8>(), 0..300),
        object in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = AuthenticatorData::parse(&data);
        let _ = AttestationObject::parse(&object);
    }

    /// With the flags of a registration the parser goes as deep as it can.
    #[test]
    fn arbitrary_attested_data_never_panics(
        tail in proptest::collection::vec(any::<u8>(), 0..300), id_len in 0u16..1100,
        at_and_ed in prop_oneof![Just(0x45u8), Just(0xc5)],
    ) {
        let mut data = vec![0; 32];
        data.push(at_and_ed);
        data.extend([0; 20]);
        data.extend(id_len.to_be_bytes());
        data.extend(tail);
        if let Ok(parsed) = AuthenticatorData::parse(&data) {
            prop_assert_eq!(parsed.attested.unwrap().credential_id.len(), usize::from(id_len));
        }
    }
}

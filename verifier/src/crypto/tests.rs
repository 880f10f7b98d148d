use p256::ecdsa::signature::Signer as _;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap()).unwrap().try_into().unwrap()
}

fn p256_signer(seed: u8) -> (p256::ecdsa::SigningKey, PublicKey) {
    let signer = p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap();
    let point = signer.verifying_key().to_sec1_point(false);
    let x = point.x().unwrap().as_slice().try_into().unwrap();
    let y = point.y().unwrap().as_slice().try_into().unwrap();
    (signer, PublicKey::Es256 { x, y })
}

fn es256(signer: &p256::ecdsa::SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: p256::ecdsa::Signature = signer.sign(message);
    signature.to_bytes().into()
}

/// The same signature with `n - s`.
fn high_s(raw: &[u8; 64]) -> [u8; 64] {
    let signature = p256::ecdsa::Signature::from_slice(raw).unwrap();
    let (r, s) = signature.split_scalars();
    let negated = -*s;
    p256::ecdsa::Signature::from_scalars(r.to_bytes(), p256::FieldBytes::from(negated))
        .unwrap()
        .to_bytes()
        .into()
}

#[test]
fn ed25519_agrees_with_the_strict_vectors() {
    let file: Value =
        serde_json::from_str(include_str!("../../vectors/ed25519-strict.json")).unwrap();
    for case in file["cases"].as_array().unwrap() {
        let key = PublicKey::Ed25519(bytes(&case["pub_key"]));
        let message: [u8; 32] = bytes(&case["message"]);
        let signature: [u8; 64] = bytes(&case["signature"]);
        let verifies = verify_cose(&key, &message, &signature).is_ok();
        let key_valid = check_key(&key).is_ok();
        assert!(!(verifies && key_valid), "case {}", case["number"]);
        assert_eq!(case["verifies"], verifies, "case {}", case["number"]);
        assert_eq!(case["key_valid"], key_valid, "case {}", case["number"]);
    }
}

/// Signatures that have broken verifiers elsewhere.
#[test]
fn agrees_with_wycheproof() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/wycheproof.json")).unwrap();
    let mut count = 0;
    for group in file["groups"].as_array().unwrap() {
        let key = hex::decode(group["cose_key"].as_str().unwrap()).unwrap();
        let key = parse_cose_key(&key).unwrap();
        let verify = if group["form"] == "der" { verify_webauthn } else { verify_cose };
        for test in group["tests"].as_array().unwrap() {
            let [message, signature] =
                [0, 1].map(|field| hex::decode(test[field].as_str().unwrap()).unwrap());
            let accepted = verify(&key, &message, &signature).is_ok();
            assert_eq!(test[2], accepted, "{} {}", group["file"], test[3]);
            count += 1;
        }
    }
    assert_eq!(count, 1154);
}

// RFC 8032 7.1, TEST 3.
#[test]
fn ed25519_rfc_8032() {
    let key = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";
    let signature = "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac\
        18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a";
    let key = PublicKey::Ed25519(hex::decode(key).unwrap().try_into().unwrap());
    let signature = hex::decode(signature).unwrap();
    assert_eq!(check_key(&key), Ok(()));
    assert_eq!(verify_cose(&key, &[0xaf, 0x82], &signature), Ok(()));
    let mismatch = CryptoError::Mismatch(Algorithm::EdDsa);
    assert_eq!(verify_cose(&key, &[0xaf, 0x83], &signature), Err(mismatch));
    let short = verify_cose(&key, &[0xaf, 0x82], &signature[..63]);
    assert_eq!(short, Err(CryptoError::Malformed(Algorithm::EdDsa)));
}

// SPEC.md R-13-3, R-9.1-4.
#[test]
fn ed25519_refuses_small_order_and_non_canonical_keys() {
    // The eight points of small order, then encodings with y >= p or a negative zero.
    let bad = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // y = p + 3 and p + 4: on the curve, not of small order.
        "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "f1ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for key in bad {
        let key = PublicKey::Ed25519(hex::decode(key).unwrap().try_into().unwrap());
        assert_eq!(check_key(&key).map_err(|e| e.code()), Err("key.invalid"), "{key:?}");
        assert!(verify_cose(&key, b"", &[0; 64]).is_err());
    }
}

#[test]
fn es256_in_both_forms_and_with_high_s() {
    let (signer, key) = p256_signer(7);
    assert_eq!(check_key(&key), Ok(()));
    let raw = es256(&signer, b"message");
    for raw in [raw, high_s(&raw)] {
        let der = ecdsa_sig::raw_to_der(&raw);
        assert_eq!(verify_cose(&key, b"message", &raw), Ok(()));
        assert_eq!(verify_webauthn(&key, b"message", &der), Ok(()));
        let malformed = Err(CryptoError::Malformed(Algorithm::Es256));
        assert_eq!(verify_cose(&key, b"message", &der), malformed);
        assert_eq!(verify_webauthn(&key, b"message", &raw), malformed);
        let mismatch = Err(CryptoError::Mismatch(Algorithm::Es256));
        assert_eq!(verify_webauthn(&key, b"other", &der), mismatch);
    }
    assert_ne!(raw, high_s(&raw));
}

#[test]
fn es256_refuses_degenerate_numbers() {
    let (signer, key) = p256_signer(7);
    let good = es256(&signer, b"message");
    let order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let order: [u8; 32] = hex::decode(order).unwrap().try_into().unwrap();
    for replacement in [[0; 32], [0xff; 32], order] {
        for at in [0, 32] {
            let mut raw = good;
            raw[at..at + 32].copy_from_slice(&replacement);
            assert!(verify_cose(&key, b"message", &raw).is_err());
        }
    }
}

// SPEC.md R-9.1-4.
#[test]
fn p256_points_lie_on_the_curve() {
    let (signer, key) = p256_signer(7);
    let PublicKey::Es256 { x, mut y } = key else { unreachable!() };
    y[31] ^= 1;
    for key in [PublicKey::Es256 { x, y }, PublicKey::Es256 { x: [0; 32], y: [0; 32] }] {
        assert_eq!(check_key(&key), Err(CryptoError::InvalidKey(Algorithm::Es256)));
        assert_eq!(parse_cose_key(&key.to_cose()).map_err(|e| e.code()), Err("key.invalid"));
        assert!(verify_cose(&key, b"message", &es256(&signer, b"message")).is_err());
    }
}

// SPEC.md R-13-4.
#[test]
fn rs256_is_pkcs1_v15_with_sha256_only() {
    let file: Value = serde_json::from_str(include_str!("../../vectors/rs256.json")).unwrap();
    let field = |name: &str| hex::decode(file[name].as_str().unwrap()).unwrap();
    let key = PublicKey::rs256(&field("n"), &[1, 0, 1]).unwrap();
    let message = file["message"].as_str().unwrap().as_bytes();
    assert_eq!(check_key(&key), Ok(()));
    assert_eq!(verify_webauthn(&key, message, &field("pkcs1_sha256")), Ok(()));
    let mismatch = Err(CryptoError::Mismatch(Algorithm::Rs256));
    assert_eq!(verify_webauthn(&key, b"other", &field("pkcs1_sha256")), mismatch);
    assert_eq!(verify_webauthn(&key, message, &field("pkcs1_sha1")), mismatch);
    assert_eq!(verify_webauthn(&key, message, &field("pss_sha256")), mismatch);
    let padded = [vec![0], field("pkcs1_sha256")].concat();
    let malformed = Err(CryptoError::Malformed(Algorithm::Rs256));
    assert_eq!(verify_webauthn(&key, message, &padded), malformed);
    // The number s + n, which some libraries reduce.
    assert_eq!(verify_webauthn(&key, message, &[0xff; 256]), mismatch);
    let small = PublicKey::Rs256 { n: vec![0xff; 128], e: vec![1, 0, 1] };
    assert_eq!(check_key(&small).map_err(|e| e.code()), Err("key.invalid"));
    assert!(verify_webauthn(&small, message, &[1; 128]).is_err());
}

// SPEC.md R-13-1.
#[test]
fn a_key_verifies_under_its_own_algorithm_only() {
    let (signer, key) = p256_signer(9);
    let PublicKey::Es256 { x, .. } = key else { unreachable!() };
    let raw = es256(&signer, b"m");
    assert!(verify_cose(&PublicKey::Ed25519(x), b"m", &raw).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_flipped_bit_refuses(seed in 1u8..=254, at in 0usize..64, bit in 0u8..8) {
        let (signer, key) = p256_signer(seed);
        let mut raw = es256(&signer, b"message");
        raw[at] ^= 1 << bit;
        prop_assert!(verify_cose(&key, b"message", &raw).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        key in proptest::collection::vec(any::<u8>(), 0..200),
        signature in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let _ = parse_cose_key(&key);
        if let Ok(x) = <[u8; 32]>::try_from(&key[..key.len().min(32)]) {
            prop_assert!(verify_cose(&PublicKey::Ed25519(x), b"", &signature).is_err());
            let key = PublicKey::Es256 { x, y: x };
            prop_assert!(verify_webauthn(&key, b"", &signature).is_err());
        }
    }
}

/// Where both backends are built, they must agree on every input.
#[cfg(all(feature = "fast", feature = "pure"))]
mod differential {
    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn backends_agree(
            seed in 1u8..=254,
            flips in proptest::collection::vec((0usize..64, 0u8..8), 0..2),
        ) {
            let (signer, key) = p256_signer(seed);
            let PublicKey::Es256 { x, y } = key else { unreachable!() };
            let mut raw = es256(&signer, b"message");
            for (at, bit) in flips {
                raw[at] ^= 1 << bit;
            }
            let point = uncompressed(&x, &y);
            prop_assert_eq!(
                fast::p256(&point).is_some_and(|k| fast::verify_es256(&k, b"message", &raw)),
                pure::p256(&point).is_some_and(|k| pure::verify_es256(&k, b"message", &raw))
            );
        }

        #[test]
        fn backends_agree_on_points(x in any::<[u8; 32]>(), y in any::<[u8; 32]>()) {
            let point = uncompressed(&x, &y);
            prop_assert_eq!(fast::p256(&point).is_some(), pure::p256(&point).is_some());
        }
    }

    #[test]
    fn backends_agree_on_rsa() {
        let file: Value = serde_json::from_str(include_str!("../../vectors/rs256.json")).unwrap();
        let field = |name: &str| hex::decode(file[name].as_str().unwrap()).unwrap();
        let (n, message) = (field("n"), file["message"].as_str().unwrap().as_bytes());
        for name in ["pkcs1_sha256", "pkcs1_sha1", "pss_sha256", "n"] {
            let signature = field(name);
            assert_eq!(
                fast::verify_rs256(&n, &[1, 0, 1], message, &signature),
                pure::verify_rs256(&n, &[1, 0, 1], message, &signature),
                "{name}"
            );
        }
    }
}

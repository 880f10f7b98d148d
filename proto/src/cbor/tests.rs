use super::*;
use proptest::prelude::*;

fn refused(hex_text: &str) -> &'static str {
    check(&hex::decode(hex_text).unwrap()).expect_err(hex_text).code()
}

#[test]
fn accepts_the_deterministic_examples_of_rfc_8949() {
    // Appendix A, without floats, undefined, other simple values and indefinite lengths.
    for accepted in [
        "00",
        "17",
        "1818",
        "1903e8",
        "1a000f4240",
        "1b000000e8d4a51000",
        "1bffffffffffffffff",
        "c249010000000000000000",
        "3bffffffffffffffff",
        "20",
        "3903e7",
        "f4",
        "f5",
        "f6",
        "c11a514b67b0",
        "d74401020304",
        "d818456449455446",
        "40",
        "4401020304",
        "60",
        "62225c",
        "64f0908591",
        "80",
        "8301820203820405",
        "98190102030405060708090a0b0c0d0e0f101112131415161718181819",
        "a0",
        "a201020304",
        "a26161016162820203",
    ] {
        check(&hex::decode(accepted).unwrap()).expect(accepted);
    }
}

// SPEC.md R-2.3-1, R-2.3-2, R-2.3-4, R-2.3-5, R-2.3-7.
#[test]
fn refuses_what_has_another_form_or_no_place() {
    for non_minimal in ["1817", "190018", "1a0000ffff", "1b00000000ffffffff", "5800", "d80a00"] {
        assert_eq!(refused(non_minimal), "cbor.non_minimal", "{non_minimal}");
    }
    for indefinite in ["5f42010243030405ff", "7f657374726561ff", "9fff", "bf6161019fffff", "ff"] {
        assert_eq!(refused(indefinite), "cbor.indefinite", "{indefinite}");
    }
    for unsupported in
        ["f7", "f0", "f8ff", "f97e00", "fa47c35000", "fb3ff199999999999a", "1c", "3f"]
    {
        assert_eq!(refused(unsupported), "cbor.unsupported", "{unsupported}");
    }
    for truncated in ["", "18", "4401", "8101018200", "a1", "a101", "c1", "5bffffffffffffffff"] {
        let code = refused(truncated);
        assert!(code == "cbor.truncated" || code == "cbor.trailing", "{truncated} {code}");
    }
    assert_eq!(refused("9bffffffffffffffff"), "cbor.truncated");
    assert_eq!(refused("bbffffffffffffffff"), "cbor.truncated");
    assert_eq!(refused("0000"), "cbor.trailing");
    assert_eq!(refused("61ff"), "cbor.utf8");
    assert_eq!(refused("63eda080"), "cbor.utf8");
    assert_eq!(refused("a201000100"), "cbor.duplicate_key");
    assert_eq!(refused("a202000100"), "cbor.key_order");
    assert_eq!(refused("a1400000"), "cbor.key_type");
    assert_eq!(refused("a18000"), "cbor.key_type");
}

// SPEC.md R-2.3-3.
#[test]
fn map_order_is_bytewise_and_not_length_first() {
    // RFC 7049 would put -1 (0x20) before 395 (0x19018b); RFC 8949 4.2.1 does the reverse.
    check(&hex::decode("a219018b002000").unwrap()).unwrap();
    assert_eq!(refused("a2200019018b00"), "cbor.key_order");
    let mut map = MapWriter::new();
    map.int(-1, |w| w.uint(0)).int(395, |w| w.uint(0));
    assert_eq!((map.len(), map.is_empty()), (2, false));
    let mut w = Writer::new();
    w.map(map);
    assert_eq!(hex::encode(w.into_bytes()), "a219018b002000");
}

// SPEC.md R-2.3-6.
#[test]
fn depth_is_bounded_for_arrays_maps_and_tags() {
    for head in [0x81, 0xc1] {
        let mut item = vec![head; MAX_DEPTH];
        item.push(0);
        check(&item).unwrap();
        item.insert(0, head);
        assert_eq!(check(&item), Err(CborError::Depth(MAX_DEPTH)));
    }
    let mut item = [0xa1, 0x00].repeat(MAX_DEPTH);
    item.push(0);
    check(&item).unwrap();
    let deep = [&[0xa1, 0x00][..], &item].concat();
    assert_eq!(check(&deep), Err(CborError::Depth(2 * MAX_DEPTH)));
    assert_eq!(check(&[0x81; 1 << 20]), Err(CborError::Depth(MAX_DEPTH)));
}

#[test]
fn reader_pulls_typed_items() {
    let mut map = MapWriter::new();
    map.int(1, |w| w.array(3).uint(5).int(-7).tag(18).bytes(b"ab"));
    map.int(-2, |w| w.bool(true)).text("n", |w| w.null()).text("t", |w| w.text("ü"));
    map.text("replaced", |w| w.uint(1)).text("replaced", |w| w.uint(2));
    let mut w = Writer::new();
    w.map(map);
    let bytes = w.into_bytes();

    let mut r = Reader::new(&bytes).unwrap();
    assert_eq!(r.map().unwrap(), 5);
    assert_eq!(r.key().unwrap(), Key::Int(1));
    let mut copy = r.clone();
    assert_eq!(copy.raw().unwrap(), [0x83, 0x05, 0x26, 0xd2, 0x42, b'a', b'b']);
    assert_eq!(r.clone().array(2).unwrap_err().code(), "cbor.count");
    assert_eq!(r.clone().array_exact(4).unwrap_err().code(), "cbor.count");
    r.array_exact(3).unwrap();
    assert_eq!(r.clone().text().unwrap_err().code(), "cbor.type");
    assert_eq!(r.uint().unwrap(), 5);
    assert_eq!(r.clone().uint().unwrap_err().code(), "cbor.type");
    assert_eq!(r.int().unwrap(), -7);
    assert_eq!(r.clone().expect_tag(61).unwrap_err().code(), "cbor.type");
    r.expect_tag(18).unwrap();
    assert_eq!(r.clone().bytes_array::<3>().unwrap_err().code(), "cbor.range");
    assert_eq!(r.bytes_array::<2>().unwrap(), *b"ab");
    assert_eq!(r.offset(), copy.offset());
    assert_eq!(r.key().unwrap(), Key::Int(-2));
    assert_eq!((r.peek().unwrap(), r.clone().null().is_err()), (Kind::Bool, true));
    assert!(r.bool().unwrap());
    assert_eq!(r.key().unwrap(), Key::Text("n"));
    assert_eq!((r.peek().unwrap(), r.clone().bool().is_err()), (Kind::Null, true));
    r.null().unwrap();
    assert_eq!(r.key().unwrap(), Key::Text("t"));
    assert_eq!(r.text().unwrap(), "ü");
    assert_eq!(r.end().unwrap_err().code(), "cbor.trailing");
    assert_eq!(r.key().unwrap(), Key::Text("replaced"));
    assert_eq!(r.uint().unwrap(), 2);
    r.end().unwrap();
    assert_eq!(r.uint().unwrap_err().code(), "cbor.truncated");
    assert!(r.skip().is_err() && r.peek().is_err());
}

#[test]
fn integers_reach_their_limits() {
    for value in [0, 23, 24, -1, -24, -25, 255, 256, -257, i64::MAX, i64::MIN] {
        let mut w = Writer::new();
        w.int(value);
        let bytes = w.into_bytes();
        assert_eq!(Reader::new(&bytes).unwrap().int(), Ok(value));
    }
    let beyond = hex::decode("3b8000000000000000").unwrap();
    assert_eq!(Reader::new(&beyond).unwrap().int(), Err(CborError::Range(0)));
}

#[derive(Debug, Clone)]
enum Item {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
    Array(Vec<Item>),
    Map(Vec<(Result<i64, String>, Item)>),
    Tag(u64, Box<Item>),
    Bool(bool),
    Null,
}

fn item() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Item::Int),
        (-300_i64..300).prop_map(Item::Int),
        proptest::collection::vec(any::<u8>(), 0..40).prop_map(Item::Bytes),
        "[a-z]{0,30}".prop_map(Item::Text),
        any::<bool>().prop_map(Item::Bool),
        Just(Item::Null),
    ];
    let key = prop_oneof![(-300_i64..300).prop_map(Ok), "[a-z]{0,3}".prop_map(Err)];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Item::Array),
            proptest::collection::vec((key.clone(), inner.clone()), 0..6).prop_map(Item::Map),
            // Tags 0 to 5 have contents of their own in other decoders.
            (6_u64..70_000, inner).prop_map(|(tag, inner)| Item::Tag(tag, Box::new(inner))),
        ]
    })
}

fn write<'w>(w: &'w mut Writer, item: &Item) -> &'w mut Writer {
    match item {
        Item::Int(value) => w.int(*value),
        Item::Bytes(value) => w.bytes(value),
        Item::Text(value) => w.text(value),
        Item::Array(items) => {
            w.array(items.len());
            items.iter().fold(w, write)
        }
        Item::Map(entries) => {
            let mut map = MapWriter::new();
            for (key, value) in entries {
                match key {
                    Ok(key) => map.int(*key, |w| write(w, value)),
                    Err(key) => map.text(key, |w| write(w, value)),
                };
            }
            w.map(map)
        }
        Item::Tag(number, inner) => write(w.tag(*number), inner),
        Item::Bool(value) => w.bool(*value),
        Item::Null => w.null(),
    }
}

proptest! {
    #[test]
    fn what_we_write_an_independent_decoder_reads(item in item()) {
        let mut w = Writer::new();
        write(&mut w, &item);
        let bytes = w.into_bytes();
        prop_assert_eq!(check(&bytes), Ok(()));
        let theirs = dcbor::CBOR::try_from_data(&bytes).expect("dcbor reads it");
        prop_assert_eq!(theirs.to_cbor_data(), bytes.clone());
        let mut r = Reader::new(&bytes).unwrap();
        prop_assert_eq!(r.raw().unwrap(), &bytes[..]);
        r.end().unwrap();
    }

    #[test]
    fn what_we_accept_an_independent_decoder_accepts(
        item in item(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut w = Writer::new();
        write(&mut w, &item);
        let mut bytes = w.into_bytes();
        prop_assert!(check(&bytes[..cut.index(bytes.len())]).is_err(), "a prefix is no item");
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        compare_with_dcbor(&bytes)?;
    }

    #[test]
    fn noise_is_judged_as_an_independent_decoder_does(
        bytes in proptest::collection::vec(any::<u8>(), 0..24)
    ) {
        compare_with_dcbor(&bytes)?;
    }
}

/// dcbor accepts floats and any map key; we accept text that is not in NFC. On the rest both agree.
fn compare_with_dcbor(bytes: &[u8]) -> Result<(), TestCaseError> {
    match (check(bytes), dcbor::CBOR::try_from_data(bytes)) {
        (Ok(()), Ok(theirs)) => prop_assert_eq!(theirs.to_cbor_data(), bytes),
        (Ok(()), Err(dcbor::Error::NonCanonicalString)) | (Err(_), Err(_)) => {}
        (Err(CborError::Unsupported(_) | CborError::KeyType(_) | CborError::Depth(_)), Ok(_)) => {}
        (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?} for {}", hex::encode(bytes)),
    }
    Ok(())
}

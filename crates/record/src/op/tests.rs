use proptest::prelude::*;

use super::*;

/// The save without compression.
fn stored(save: &Save) -> Vec<u8> {
    let (tail, body) = save.pack();
    codec::store(tail.bytes(), &body)
}

fn observation(id: &str) -> Vec<u8> {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"coding":[{{"system":"http://loinc.org",
        "code":"8867-4","display":"Heart rate"}}]}},"subject":{{"reference":"Patient/{id}"}},
        "valueQuantity":{{"value":88,"unit":"/min","system":"http://unitsofmeasure.org","code":"/min"}}}}"#
    )
    .into_bytes()
}

fn save_of(raw: Vec<u8>, id: &str) -> Save {
    let key = ResourceKey::new("Observation", id).expect("key");
    let parents = vec![VersionId::from_bytes([3; 16])];
    Save {
        idempotency: Some([9; 16]),
        by: Some("falcon".into()),
        ops: vec![
            Op { action: Action::Put, key: key.clone(), parents: parents.clone(), raw },
            Op { action: Action::Delete, key, parents, raw: Vec::new() },
        ],
    }
}

#[test]
fn a_save_comes_back_as_it_went() {
    let uuid = "0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60";
    for (raw, id) in [
        (observation(uuid), uuid),
        (observation(uuid), "other"),
        (observation("x"), uuid),
        (b"not json".to_vec(), "a.b"),
        (b"\x10\x11 neither".to_vec(), "a.b"),
        (format!("[{0:?},{0:?},{1:?},{0:?}]", uuid, "1f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60").into_bytes(), uuid),
        (Vec::new(), "empty"),
        (vec![b' '; 300_000], "large"),
    ] {
        let save = save_of(raw, id);
        assert_eq!(Save::decode(&save.encode()).as_ref(), Ok(&save));
        assert_eq!(Save::decode(&stored(&save)).as_ref(), Ok(&save));
    }
    assert_eq!(Save::decode(&Save::default().encode()), Ok(Save::default()));
}

#[test]
fn bounds_hold() {
    assert_eq!(Save::decode(b""), Err(CodecError::Empty.into()));
    assert_eq!(Save::decode(&[9, 1]), Err(CodecError::UnknownCodec(9).into()));
    assert_eq!(Save::decode(&vec![0; SAVE_BYTES_MAX + 3]), Err(CodecError::TooLarge.into()));
    assert_eq!(Save::decode(&[1, 0, 0xff, 0xff, 0xff, 0x7f, 0]), Err(CodecError::TooLarge.into()));
    assert_eq!(Save::decode(&[1, 0xff, 0xff, 0xff, 0xff, 0xff]), Err(CodecError::TooLarge.into()));
    assert_eq!(Save::decode(&[0, 5, 1]), Err(CodecError::Damaged.into()));
    assert_eq!(Save::decode(&[2, 0x80]), Err(CodecError::Damaged.into()));
    // array(10_003) of nothing
    assert_eq!(Save::decode(&[0, 0, 0x99, 0x27, 0x13]), Err(DecodeError::TooMany));
}

#[test]
fn debug_shows_no_patient_text() {
    let save = save_of(br#"{"text":"Layla"}"#.to_vec(), "Layla");
    assert!(!format!("{save:?}").contains("Layla"));
}

#[test]
fn a_uuid_has_one_form() {
    let uuid = "0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60";
    assert_eq!(uuid_bytes(uuid).map(|bytes| uuid_text(&bytes)).as_deref(), Some(uuid));
    for not in [
        "",
        &uuid.to_uppercase(),
        &uuid[1..],
        "0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f6-",
        "-f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60",
    ] {
        assert_eq!(uuid_bytes(not), None);
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), codec in 0u8..4) {
        let mut bytes = bytes;
        let _ = Save::decode(&bytes);
        bytes.insert(0, codec);
        let _ = Save::decode(&bytes);
    }

    #[test]
    fn a_damaged_save_never_panics(uncompressed in any::<bool>(), at in any::<prop::sample::Index>(), flip in 1u8.., cut in any::<prop::sample::Index>()) {
        let save = save_of(observation("a"), "a");
        let mut bytes = if uncompressed { stored(&save) } else { save.encode() };
        let place = at.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(read) = Save::decode(&bytes) {
            // What is still a save is one that can be written again.
            prop_assert_eq!(Save::decode(&read.encode()), Ok(read));
        }
        let _ = Save::decode(&bytes[..cut.index(bytes.len())]);
    }
}

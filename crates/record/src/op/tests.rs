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
        assert!(save.is_within_bounds());
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

/// The promise at the top of the module, on a record as the ward writes them.
#[test]
fn a_typical_observation_fits_200_bytes() {
    let raw = r#"{"resourceType":"Observation","id":"4f1d2c3b-5a69-4788-96a5-b4c3d2e1f001","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\" dir=\"rtl\"><p>ضغط الدم ٩٢/٥٨</p></div>"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs","display":"Vital Signs"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"85354-9","display":"Blood pressure panel with all children optional"}],"text":"Blood pressure"},"subject":{"reference":"Patient/0c9e8d7f-6a5b-4c3d-8e2f-1a0b9c8d7e6f"},"encounter":{"reference":"Encounter/7b6a5948-3726-4150-8f9e-8d7c6b5a4938"},"effectiveDateTime":"2018-03-07T14:22:00+02:00","component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6","display":"Systolic blood pressure"}]},"valueQuantity":{"value":92,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;
    let save = save_of(raw.as_bytes().to_vec(), "4f1d2c3b-5a69-4788-96a5-b4c3d2e1f001");
    let save = Save { ops: save.ops[..1].to_vec(), ..save };
    assert!((900..1_200).contains(&raw.len()), "{}", raw.len());
    let bytes = save.encode();
    assert!(bytes.len() <= 200, "{} bytes", bytes.len());
}

/// Saves outlive releases: what the first one wrote is read for ever, its dictionary included.
#[test]
fn saves_of_the_first_release_are_read() {
    let id = "0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60";
    let save = save_of(observation(id), id);
    for hex in VECTORS {
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
            .collect();
        assert_eq!(Save::decode(&bytes).as_ref(), Ok(&save));
    }
}

/// One save without compression, with zstd, and with dictionary v1.
const VECTORS: [&str; 3] = [
    "005009090909090909090909090909090909030303030303030303030303030303030f5e1c9a4b5d4a438b7a2f1d3c4e5f600f5e1c9a4b5d4a438b7a2f1d3c4e5f600303030303030303030303030303030384f56666616c636f6e84185ff6015901267b227265736f7572636554797065223a224f62736572766174696f6e222c226964223a2210222c22737461747573223a2266696e616c222c22636f6465223a7b22636f64696e67223a5b7b2273797374656d223a22687474703a2f2f6c6f696e632e6f7267222c0a202020202020202022636f6465223a22383836372d34222c22646973706c6179223a2248656172742072617465227d5d7d2c227375626a656374223a7b227265666572656e6365223a2250617469656e742f1120227d2c0a20202020202020202276616c75655175616e74697479223a7b2276616c7565223a38382c22756e6974223a222f6d696e222c2273797374656d223a22687474703a2f2f756e6974736f666d6561737572652e6f7267222c22636f6465223a222f6d696e227d7d84185ff501f6",
    "015009090909090909090909090909090909030303030303030303030303030303030f5e1c9a4b5d4a438b7a2f1d3c4e5f600f5e1c9a4b5d4a438b7a2f1d3c4e5f6003030303030303030303030303030303bd02000025070042ce2e2a90a7e9eaffffffff1f5a4a11da2daf69bbcd5122bbb26dd2de57aa70b5a950474b083dabe4c27d1c494013c863a19824695f84ba0e73901de5f9e616af96250f3577d3c8b0b15187f44440e9b6dcbab0dabe65fb7aad0423c22b0942fab6bea49f6ec2f390360f64e6ea06040807cbf20440bdf15cc16aec1a45c9a73be279671b42f0d143bed138ca2fe3d6d51b6dcc9e87b1b5e1d5039e67f8eacd71abe32d64283cbf0fd4b0eb4507f73d1a401c908985626a6e35cad8630a0e005605a88c8099190c1a80ca10b89a589a075cb57f0b96ba061f1a426d956d71f9d1ac6206",
    "025009090909090909090909090909090909030303030303030303030303030303030f5e1c9a4b5d4a438b7a2f1d3c4e5f600f5e1c9a4b5d4a438b7a2f1d3c4e5f6003030303030303030303030303030303bd020000c50100688401590126383884185ff501f60ef0a23b9ea03371b36a418a30918abbc51a077880d29c792aa992d23a134ce1f0ee27545259e6827807",
];

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

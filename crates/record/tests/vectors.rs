//! The test vectors of saves and versions in `vectors/`, read through the public interface alone.
//!
//! `UPDATE_VECTORS=1 cargo test -p sanad-record --test vectors` writes files that do not exist yet; it never changes one.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "vectors lie in files, and a switch in the environment makes new ones")]

use sanad_record::key::ResourceKey;
use sanad_record::op::{Action, Op, Save};
use sanad_record::version::VersionId;
use serde_json::{Value, json};
use std::path::PathBuf;
use zstd::zstd_safe::{CParameter, FrameFormat};

/// A file as it is, or, if there is none yet and it is asked for, as `make` has it.
fn vectors(name: &str, make: impl FnOnce() -> Value) -> Value {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../vectors");
    let path = folder.join(format!("{name}.json"));
    if !path.exists() && std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, format!("{:#}\n", make())).unwrap();
    }
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The save a vector describes.
fn save_of(case: &Value) -> Save {
    let ops = list(&case["ops"]).iter().map(|op| Op {
        action: if op["raw"].is_null() { Action::Delete } else { Action::Put },
        key: op["key"].as_str().unwrap().parse::<ResourceKey>().unwrap(),
        parents: list(&op["parents"]).iter().map(|parent| parent.as_str().unwrap().parse().unwrap()).collect(),
        raw: if op["raw"].is_null() { Vec::new() } else { unhex(&op["raw"]) },
    });
    Save {
        idempotency: case["idempotency"].as_str().map(|_| unhex(&case["idempotency"]).try_into().unwrap()),
        by: case["by"].as_str().map(str::to_owned),
        ops: ops.collect(),
    }
}

const FLAG: &str = r#"{"resourceType":"Flag","id":"f1"}"#;

/// The body of a save of [`FLAG`], put together by the rules of the specification alone: CBOR by hand, empty tail.
fn body_by_hand() -> Vec<u8> {
    let mut body = vec![0x83, 0xf6, 0xf6, 0x84, 0x18, 54, 0xf6, 0x00, 0x58, FLAG.len() as u8];
    body.extend(FLAG.as_bytes());
    body
}

/// Form 0: as it is.
fn stored_by_hand() -> Vec<u8> {
    [[0u8, 0].as_slice(), &body_by_hand()].concat()
}

/// Form 1: a frame without magic number, checksum, content size and dictionary. Any level and any compressor may make it.
fn compressed_by_hand() -> Vec<u8> {
    let mut compressor = zstd::bulk::Compressor::new(3).unwrap();
    compressor.set_parameter(CParameter::Format(FrameFormat::Magicless)).unwrap();
    compressor.set_parameter(CParameter::ContentSizeFlag(false)).unwrap();
    let body = body_by_hand();
    [[1u8, 0, body.len() as u8].as_slice(), &compressor.compress(&body).unwrap()].concat()
}

fn make_saves() -> Value {
    let uuid = "0b6f6e0c-3c1e-4c55-9f0a-5f3b6c1d2e3f";
    let patient = format!(r#"{{"resourceType":"Patient","id":"{uuid}","gender":"male","name":[{{"text":"محمود"}}]}}"#);
    let observation = format!(
        r#"{{"resourceType":"Observation","id":"o-1","status":"final","code":{{"text":"pulse"}},"subject":{{"reference":"Patient/{uuid}"}},"valueQuantity":{{"value":1.10,"unit":"/min"}}}}"#
    );
    let long = format!(r#"{{"resourceType":"Basic","id":"b","code":{{"text":"{}"}}}}"#, "ab ".repeat(400));
    let parents = [VersionId::derive(&[1; 32], 0).to_string(), VersionId::derive(&[2; 32], 7).to_string()];
    let none: [&str; 0] = [];
    let op = |key: &str, parents: Value, raw: Option<&str>| json!({"key": key, "parents": parents, "raw": raw.map(|raw| hex(raw.as_bytes()))});
    let cases = [
        json!({"idempotency": hex(&[7; 16]), "by": "Cedar 3", "ops": [
            op(&format!("Patient/{uuid}"), json!(none), Some(&patient)), op("Observation/o-1", json!(none), Some(&observation))]}),
        json!({"idempotency": null, "by": null, "ops": [op(&format!("Patient/{uuid}"), json!(parents), Some(&patient))]}),
        json!({"idempotency": null, "by": "Olive 1", "ops": [
            op("Flag/f1", json!(parents), None), op(&format!("Task/{uuid}"), json!(none), None)]}),
        // An id that the text does not say, and text that would be taken for marks: kept as it is.
        json!({"idempotency": null, "by": null, "ops": [op("Binary/x", json!(none), Some("\u{10}\u{11} no JSON at all"))]}),
        json!({"idempotency": null, "by": null, "ops": [op("Basic/b", json!(none), Some(&long))]}),
    ];
    let encoded = cases.into_iter().map(|mut case| {
        case["save"] = json!(hex(&save_of(&case).encode()));
        case
    });
    let by_hand = [stored_by_hand(), compressed_by_hand()].map(|save| {
        json!({"idempotency": null, "by": null, "ops": [op("Flag/f1", json!(none), Some(FLAG))], "save": hex(&save)})
    });
    encoded.chain(by_hand).collect()
}

#[test]
fn saves_are_read_as_before() {
    let file = vectors("save-1", make_saves);
    let forms: std::collections::BTreeSet<u8> = list(&file).iter().map(|case| unhex(&case["save"])[0]).collect();
    assert_eq!(forms.into_iter().collect::<Vec<_>>(), [0, 1, 2], "every form has a vector");
    for case in list(&file) {
        // A compressor may improve, so writing is held to reading only.
        let save = Save::decode(&unhex(&case["save"])).unwrap();
        assert_eq!(save, save_of(case));
        assert_eq!(Save::decode(&save.encode()), Ok(save));
    }
}

#[test]
fn versions_are_named_as_before() {
    let file = vectors("version-1", || {
        let names = [([0; 32], 0), ([7; 32], 0), ([7; 32], 1), ([7; 32], 70_000)];
        let dictionary = blake3::hash(include_bytes!("../dictionaries/v1.dict"));
        json!({
            "dictionary_1": dictionary.to_hex().to_string(),
            "versions": names.map(|(entry, op)| {
                json!({"entry": hex(&entry), "op": op, "version": VersionId::derive(&entry, op).to_string()})
            }),
        })
    });
    for case in list(&file["versions"]) {
        let entry = unhex(&case["entry"]).try_into().unwrap();
        let version = VersionId::derive(&entry, case["op"].as_u64().unwrap() as u32);
        assert_eq!(version.to_string(), case["version"].as_str().unwrap());
    }
    let dictionary = blake3::hash(include_bytes!("../dictionaries/v1.dict"));
    assert_eq!(
        dictionary.to_hex().as_str(),
        file["dictionary_1"],
        "a dictionary never changes: a better one gets a new number"
    );
}

#[test]
fn asks_are_read_and_made_as_before() {
    use sanad_record::ask::{self, Ask, Granted, Outcome, Whom};
    const FROM: &str = "00112233445566778899aabbccddeeff";
    const BY: &str = "ffeeddccbbaa99887766554433221100";
    let id = ask::ask_id([1, 2, 3, 4, 5, 6, 7, 8], FROM);
    let whoms = [
        Whom::with_id("p1").unwrap(),
        Whom::with_tag("K7-٢٠٤").unwrap(),
        Whom::with_name("محمّد الحدّاد", Some("Khaled"), Some(1985)).unwrap(),
    ];
    let asks = whoms.map(|whom| Ask { id: id.clone(), from: FROM.to_owned(), whom, withdrawn: false });
    let granted = |by: Option<&str>| Granted {
        id: ask::grant_id(&id, BY, 0),
        patient: "p1".to_owned(),
        from: (BY.to_owned(), "Cedar".to_owned()),
        to: (FROM.to_owned(), "Olive".to_owned()),
        by: by.map(str::to_owned),
        ask: Some(id.clone()),
        recorded: "2018-03-02T11:20:00Z".to_owned(),
    };
    let text = |raw: Vec<u8>| Value::String(String::from_utf8(raw).unwrap());
    let made = || {
        let answers = [Outcome::Granted(1), Outcome::Refused].map(|outcome| text(ask::answer_task(&id, BY, outcome)));
        let records = [granted(Some("Heron")), granted(None)].map(|granted| text(granted.to_audit_event()));
        json!({
            "asking": FROM, "answering": BY, "ask": id, "answer": ask::answer_id(&id, BY),
            "grants": [ask::grant_id(&id, BY, 0), ask::grant_id(&id, BY, 1)],
            "asks": asks.iter().map(|ask| text(ask.to_task())).collect::<Vec<_>>(),
            "answers": answers, "granted": records,
        })
    };
    let kept = vectors("ask-1", made);
    assert_eq!(kept, made());
    let raw = |value: &Value| value.as_str().unwrap().as_bytes().to_vec();
    for (kept, ask) in list(&kept["asks"]).iter().zip(&asks) {
        assert_eq!(Ask::of_task(&id, &raw(kept)).as_ref(), Some(ask));
    }
    let answers: Vec<_> = list(&kept["answers"]).iter().map(|kept| ask::read_answer(&raw(kept))).collect();
    assert_eq!(answers, [Some(Outcome::Granted(1)), Some(Outcome::Refused)]);
    for (kept, by) in list(&kept["granted"]).iter().zip([Some("Heron"), None]) {
        let expected = granted(by);
        assert!(Granted::of_audit_event(&expected.id, &raw(kept)) == Some(expected));
    }
}

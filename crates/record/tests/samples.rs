//! Records made by other people's systems come in, apart and whole, and nothing of them is lost or changed.
//!
//! The committed samples are a few of each kind. `SANAD_SAMPLES=FOLDER` runs the same checks over every `.json` file
//! below a folder: the whole of Synthea, of the R4 examples and of the IPS samples is 8,072 resources.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "a test reads its samples from disk")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sanad_record::bundle::{ProblemReason, Unpacked, unpack, unpack_beside};
use sanad_record::compartment::patients_of_key;
use sanad_record::json;
use sanad_record::op::{Action, Op, Save};
use sanad_record::outgoing::with_meta;
use serde_json::Value;

/// File, resources, problems.
const SAMPLES: &[(&str, usize, usize)] = &[
    ("Bundle-aups-basicsummarywihpath.json", 18, 0),
    ("Bundle-aups-section-emptyreason.json", 4, 0),
    ("HK_IPS_Sample2.json", 7, 0),
    ("NL_Curavista_01.json", 15, 0),
    ("NZ_Peter_Jordan_AAA1234.json", 11, 0),
    ("TW_Li-Hui_Lee_01-modified.json", 9, 0),
    ("UK_NHSx_IPS_Example_02-modified.json", 14, 12),
    ("allergyintolerance-example.json", 1, 0),
    ("bundle-references.json", 11, 2),
    ("bundle-search-warning.json", 1, 0),
    ("bundle-transaction.json", 7, 3),
    ("message-request-link.json", 3, 3),
    ("observation-example-f203-bicarbonate.json", 1, 0),
    ("observation-example.json", 1, 0),
    ("synthea-first-24-entries.json", 24, 0),
    ("xds-example.json", 5, 1),
];

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/samples").join(name)).expect("sample")
}

#[test]
fn every_sample_comes_apart_as_it_should() {
    for (name, resources, problems) in SAMPLES {
        let unpacked = check(name, &sample(name));
        assert_eq!((unpacked.resources.len(), unpacked.problems.len()), (*resources, *problems), "{name}");
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/samples");
    assert_eq!(files(&folder).len(), SAMPLES.len());
}

#[test]
fn the_samples_in_a_folder_of_your_own() {
    let Some(folder) = std::env::var_os("SANAD_SAMPLES") else { return };
    let files = files(Path::new(&folder));
    assert!(!files.is_empty());
    let counts = files.iter().map(|file| {
        let unpacked = check(&file.to_string_lossy(), &std::fs::read(file).expect("file"));
        unpacked.resources.iter().filter(|incoming| !incoming.delete).count()
    });
    println!("{} files, {} resources", files.len(), counts.sum::<usize>());
}

/// Two published summaries of two people have one and the same urn:uuid.
#[test]
fn two_people_who_share_an_id_are_told_apart() {
    let (first, second) =
        (sample("Bundle-aups-basicsummarywihpath.json"), sample("Bundle-aups-section-emptyreason.json"));
    let first = unpack(&first, "").expect("a document");
    let held: BTreeMap<_, _> =
        first.resources.iter().map(|incoming| (incoming.key.clone(), incoming.raw.clone())).collect();
    let alone = unpack(&second, "").expect("a document");
    let beside = unpack_beside(&second, "", &|key| held.get(key).cloned()).expect("a document");
    let person = |unpacked: &Unpacked| {
        unpacked.resources.iter().map(|incoming| &incoming.key).find(|key| key.resource_type == "Patient").cloned()
    };
    assert_eq!(person(&alone), person(&first));
    let id = person(&beside).expect("a Patient").id;
    assert_ne!(Some(&id), person(&first).map(|key| key.id).as_ref());
    assert_eq!(beside.patients(), [id]);
    assert!(beside.problems.iter().any(|problem| problem.reason == ProblemReason::AnotherPerson));
    // The same person again is the same person.
    let again = unpack_beside(&sample("Bundle-aups-basicsummarywihpath.json"), "", &|key| held.get(key).cloned());
    assert_eq!(again, Ok(first));
}

/// What must hold of any input.
fn check(name: &str, bytes: &[u8]) -> Unpacked {
    let unpacked = unpack(bytes, "").unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(unpack(bytes, ""), Ok(unpacked.clone()), "{name}: twice is the same");
    let text = std::str::from_utf8(bytes).expect("UTF-8").trim_start_matches('\u{feff}').trim();
    let whole: Value = serde_json::from_str(text).expect("JSON");
    let mut expected = vec![whole.clone()];
    if whole["resourceType"] == "Bundle" {
        let original = unpacked.original.as_ref().expect("the Bundle is kept");
        assert_eq!(original.raw, text.as_bytes(), "{name}: the Bundle is its own bytes");
        expected = whole["entry"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("resource").cloned())
            .collect();
    } else {
        assert_eq!(unpacked.resources[0].raw, text.as_bytes(), "{name}: the resource is its own bytes");
    }
    let puts: Vec<_> = unpacked.resources.iter().filter(|incoming| !incoming.delete).collect();
    assert_eq!(puts.len(), expected.len(), "{name}: every resource comes out");
    for (incoming, mut expected) in puts.into_iter().zip(expected) {
        let node = json::parse_object(&incoming.raw).expect("JSON");
        assert_eq!(json::resource_type(&incoming.raw).expect("JSON").as_deref(), Some(&*incoming.key.resource_type));
        // Without references to rewrite, these are bytes of the file.
        assert!(has_reference(&expected) || text.contains(node.text), "{name}");
        // Apart from where references lead, nothing changed.
        let mut came: Value = serde_json::from_slice(&incoming.raw).expect("JSON");
        blank_references(&mut came);
        blank_references(&mut expected);
        assert_eq!(came, expected, "{name}: {}", incoming.key.resource_type);
        patients_of_key(&incoming.key, &came);

        let op = Op { action: Action::Put, key: incoming.key.clone(), parents: Vec::new(), raw: incoming.raw.clone() };
        let save = Save { ops: vec![op], ..Save::default() };
        assert_eq!(Save::decode(&save.encode()), Ok(save), "{name}");

        let out = with_meta(&incoming.raw, &incoming.key, "v1", 0, &[]).expect("JSON");
        let mut out: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!((&out["id"], &out["meta"]["versionId"]), (&Value::from(&*incoming.key.id), &Value::from("v1")));
        blank_references(&mut out);
        for value in [&mut out, &mut came] {
            let members = value.as_object_mut().expect("object");
            members.remove("id");
            members.remove("meta");
        }
        assert_eq!(out, came, "{name}");
    }
    unpacked
}

fn has_reference(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_reference),
        Value::Object(members) => {
            members.iter().any(|(key, value)| key == "reference" || key == "url" || has_reference(value))
        }
        _ => false,
    }
}

fn blank_references(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(blank_references),
        Value::Object(members) => members.iter_mut().for_each(|(key, value)| match (key.as_str(), &mut *value) {
            ("reference" | "url", Value::String(text)) => text.clear(),
            _ => blank_references(value),
        }),
        _ => {}
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "json") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

//! What others published is judged as it is: legal, but for the few whose mistakes are known, and looked into everywhere.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test unpacks and reads its samples")]

use std::path::{Path, PathBuf};
use std::process::Command;

use sanad_record::json;
use sanad_record::validate::{ISSUES_MAX, IssueCode, JsonType, Severity, What, validate};
use serde_json::{Value, json};

/// Examples of HL7 that break R4's own rules: file, path, what is wrong.
const WRONG: &[(&str, &str, What)] = &[
    // R4's DeviceMetric.parent is a Reference(Device); the example refers to a DeviceDefinition.
    ("devicemetric-example.json", "DeviceMetric.parent.reference", What::Target(&["Device"])),
];

/// All published examples, by their file names. Unpacked once for each test, as tests run side by side.
fn examples(test: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    std::fs::create_dir_all(&folder).expect("a folder");
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hl7-r4-examples.tar.xz");
    let done = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(&folder).status();
    assert!(done.is_ok_and(|status| status.success()), "tar and xz-utils unpack {}", archive.display());
    let files = std::fs::read_dir(folder.join("hl7-r4-examples")).expect("a folder");
    let mut files: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "json"));
    files.sort();
    assert_eq!(files.len(), 477);
    let read = |file: &PathBuf| {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        (name, std::fs::read(file).expect("a file"))
    };
    files.iter().map(read).collect()
}

#[test]
fn published_examples_are_legal_but_for_known_mistakes() {
    let mut wrong = Vec::new();
    for (name, bytes) in examples("legal") {
        for issue in validate(&json::parse(&bytes).expect("JSON")) {
            assert_eq!(issue.severity, Severity::Error, "{name} {}: {}", issue.path, issue.what);
            wrong.push((name.clone(), issue.path, issue.what));
        }
    }
    let known = WRONG.iter().map(|(name, path, what)| ((*name).to_owned(), (*path).to_owned(), *what));
    assert_eq!(wrong, known.collect::<Vec<_>>());
}

/// An unknown element in every object, or another kind of value in every place: each is told, so nothing is passed over.
#[test]
fn every_object_and_every_value_of_the_examples_is_looked_at() {
    let (mut objects, mut values) = (0, 0);
    for (name, bytes) in examples("everywhere") {
        let example: Value = serde_json::from_slice(&bytes).expect("JSON");
        let mut with_unknown = example.clone();
        let count = add_unknown(&mut with_unknown);
        objects += count;
        let unknown = |what| what == What::UnknownElement;
        assert_eq!(count_of(&with_unknown, unknown), count.min(ISSUES_MAX), "{name}: objects");
        let mut with_others = example;
        let count = replace_values(&mut with_others);
        values += count;
        let others = |what| matches!(what, What::Shape { found: JsonType::Object, .. });
        assert_eq!(count_of(&with_others, others), count.min(ISSUES_MAX), "{name}: values");
    }
    assert!(objects > 20_000 && values > 30_000, "{objects} objects and {values} values");
}

fn count_of(resource: &Value, is_wanted: impl Fn(What) -> bool) -> usize {
    let text = resource.to_string();
    let issues = validate(&json::parse(text.as_bytes()).expect("JSON"));
    assert!(issues.iter().all(|issue| issue.code != IssueCode::NotSupported));
    issues.iter().filter(|issue| is_wanted(issue.what)).count()
}

fn add_unknown(value: &mut Value) -> usize {
    match value {
        Value::Array(items) => items.iter_mut().map(add_unknown).sum(),
        Value::Object(members) => {
            let inner: usize = members.values_mut().map(add_unknown).sum();
            members.insert("unknownHere".to_owned(), json!(1));
            inner + 1
        }
        _ => 0,
    }
}

fn replace_values(value: &mut Value) -> usize {
    match value {
        Value::Array(items) => items.iter_mut().map(replace_values).sum(),
        Value::Object(members) => {
            members.iter_mut().filter(|(name, _)| *name != "resourceType").map(|(_, inner)| replace_values(inner)).sum()
        }
        Value::Null => 0,
        single => {
            *single = json!({ "unknownHere": 1 });
            1
        }
    }
}

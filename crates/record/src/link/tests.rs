use serde_json::json;

use super::*;
use crate::compartment::{paths, patient_types, patients_of};

fn text(raw: Vec<u8>) -> String {
    String::from_utf8(raw).expect("UTF-8")
}

#[test]
fn a_merge_and_its_undoing_touch_nothing_else() {
    for (from, was_active) in [
        (r#"{"resourceType":"Patient","id":"a","n":1.10}"#, None),
        (r#"{ "resourceType" : "Patient", "active" : true, "x":"\u0645" }"#, Some(true)),
        (r#"{"resourceType":"Patient","link":[{"other":{"reference":"Patient/z"},"type":"seealso"}]}"#, None),
        (r#"{"active":false,"resourceType":"Patient"}"#, Some(false)),
    ] {
        let into = "{\n  \"resourceType\": \"Patient\",\n  \"id\": \"b\"\n}\n";
        let merge = |from: &[u8], into: &[u8]| {
            (replaced(from, "a", "b").expect("a patient"), replaces(into, "b", "a").expect("a patient"))
        };
        let part = |from: &[u8], into: &[u8]| {
            let from = replaced_no_more(from, "a", "b", was_active).expect("a patient");
            (from, replaces_no_more(into, "b", "a").expect("a patient"))
        };
        let (from_merged, into_merged) = merge(from.as_bytes(), into.as_bytes());
        let value: Value = serde_json::from_slice(&from_merged).expect("JSON");
        assert_eq!((replaced_by(&value), &value["active"]), (vec!["b".to_owned()], &json!(false)));
        let again = merge(&from_merged, &into_merged);
        assert_eq!(again, (from_merged.clone(), into_merged.clone()));
        let (from_back, into_back) = part(&from_merged, &into_merged);
        assert_eq!((&*text(from_back.clone()), &*text(into_back.clone())), (from, into));
        let again = part(&from_back, &into_back);
        assert_eq!(again, (from_back, into_back));
    }
}

#[test]
fn what_cannot_be_linked_is_refused() {
    let patient = br#"{"resourceType":"Patient"}"#;
    let merge = |from: &[u8], a, b| replaced(from, a, b).err();
    assert_eq!(replaces(patient, "a", "a"), Err(LinkError::SamePatient));
    assert_eq!(replaced_no_more(patient, "a", "a", None), Err(LinkError::SamePatient));
    assert_eq!(replaces_no_more(patient, "a", "a"), Err(LinkError::SamePatient));
    assert_eq!(merge(patient, "a", "a"), Some(LinkError::SamePatient));
    assert_eq!(merge(patient, "a/b", "a"), Some(LinkError::IllegalId));
    assert_eq!(merge(br#"{"resourceType":"Person"}"#, "a", "b"), Some(LinkError::NotAPatient));
    assert_eq!(merge(br#"{"resourceType":"Patient","link":1}"#, "a", "b"), Some(LinkError::NotAList));
    assert!(matches!(merge(b"{", "a", "b"), Some(LinkError::Syntax(_))));
}

fn survivors_of(links: &[(&str, &[&str])]) -> Vec<String> {
    let links = links.iter().map(|(from, into)| ((*from).to_owned(), into.iter().map(|id| (*id).to_owned()).collect()));
    survivors(&links.collect()).into_iter().map(|(id, end)| format!("{id}>{end}")).collect()
}

#[test]
fn links_are_followed_to_one_end() {
    assert_eq!(survivors_of(&[]), [""; 0]);
    assert_eq!(survivors_of(&[("a", &[])]), ["a>a"]);
    assert_eq!(survivors_of(&[("a", &["c"]), ("c", &["b"])]), ["a>b", "b>b", "c>b"]);
    assert_eq!(survivors_of(&[("a", &["b"]), ("b", &["a"])]), ["a>a", "b>a"]);
    assert_eq!(survivors_of(&[("a", &["a"])]), ["a>a"]);
    // A circle with a way out ends outside.
    assert_eq!(survivors_of(&[("a", &["b"]), ("b", &["a", "c"])]), ["a>c", "b>c", "c>c"]);
    // Two ends: the smaller shows it, and they stay apart.
    assert_eq!(survivors_of(&[("a", &["c", "b"])]), ["a>b", "b>b", "c>c"]);
    assert_eq!(survivors_of(&[("x", &["d", "e"]), ("e", &["b"]), ("d", &["c"])]), ["b>b", "c>c", "d>c", "e>b", "x>b"]);
    let long: BTreeMap<_, _> = (0..50_000).map(|n| (format!("p{n:05}"), vec![format!("p{:05}", n + 1)])).collect();
    assert!(survivors(&long).values().all(|end| end == "p50000"));
}

/// A resource of that type that points at the patient by that path only.
fn pointing_at(resource_type: &str, path: &str, patient: &str) -> Value {
    let reference = json!({"reference": format!("Patient/{patient}")});
    let mut resource =
        path.split('.').filter(|step| *step != "*").rev().fold(reference, |inner, step| json!({ step: [inner] }));
    resource["resourceType"] = resource_type.into();
    resource
}

/// Issue: patient merge and un-merge cover every resource type.
#[test]
fn every_resource_type_follows_a_merge_and_an_unmerge() {
    let raw = |id: &str| format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#).into_bytes();
    let merged_from = replaced(&raw("from"), "from", "into").expect("a patient");
    let merged_into = replaces(&raw("into"), "into", "from").expect("a patient");
    let from = replaced_no_more(&merged_from, "from", "into", None).expect("a patient");
    let into = replaces_no_more(&merged_into, "into", "from").expect("a patient");
    let charts = |patients: [(&str, &[u8]); 2]| {
        let links = patients.map(|(id, raw)| (id.to_owned(), replaced_by(&serde_json::from_slice(raw).expect("JSON"))));
        survivors(&BTreeMap::from(links))
    };
    let merged = charts([("from", &merged_from), ("into", &merged_into)]);
    let apart = charts([("from", &from), ("into", &into)]);
    let mut types = 0;
    for resource_type in patient_types() {
        for path in paths(resource_type) {
            let about = patients_of(resource_type, &pointing_at(resource_type, path, "from"));
            assert_eq!(about, ["from"], "{resource_type}.{path}");
            assert_eq!(merged[&about[0]], "into", "{resource_type}.{path} is not in the survivor's chart");
            assert_eq!(apart[&about[0]], "from", "{resource_type}.{path} stays behind after an un-merge");
        }
        types += 1;
    }
    assert!(types >= 66);
}

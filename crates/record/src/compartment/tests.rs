use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::key::RESOURCE_TYPES;

#[test]
fn every_type_is_in_the_table_or_names_no_patient() {
    assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for name in RESOURCE_TYPES {
        let places = [patient_types().any(|known| known == *name), NO_PATIENT.contains(name), *name == "Bundle"];
        assert_eq!(places.iter().filter(|&&place| place).count(), 1, "{name}");
    }
    assert_eq!(TABLE.len() + NO_PATIENT.len() + 1, RESOURCE_TYPES.len());
}

/// Every element path of the official search parameters of type reference that may point at a Patient, with the
/// parameter's code (HL7 FHIR R4, CC0).
fn official() -> BTreeSet<(&'static str, &'static str, &'static str)> {
    include_str!("../../tests/data/r4-patient-parameters.tsv")
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?, fields.next()?, fields.next()?))
        })
        .collect()
}

#[test]
fn the_table_follows_the_official_search_parameters() {
    let official = official();
    // Paths that no official parameter has; the reasons are at the top of the module.
    let own = ["Binary.securityContext", "BiologicallyDerivedProduct.collection.source"];
    for (name, paths) in TABLE {
        assert!(!paths.is_empty());
        for path in *paths {
            let plain = path.replace(".*", "");
            assert!(
                own.contains(&&*format!("{name}.{path}")) || official.iter().any(|(t, p, _)| t == name && *p == plain),
                "{name}.{path}"
            );
        }
    }
    // A parameter that R4 itself calls `patient` or `subject` is never left out, except of definitions.
    for (name, path, code) in &official {
        if matches!(*code, "patient" | "subject") {
            assert!(paths(name).iter().any(|known| known == path), "{name}.{path}");
        }
    }
}

#[test]
fn references_are_read_in_every_form() {
    let resource = json!({
        "subject": {"reference": "http://other.example/fhir/Patient/b/_history/3"},
        "performer": [{"reference": "Patient/a"}, {"reference": "Patient/b"}, {"reference": "#p"},
            {"reference": "Practitioner/x"}, {"display": "Patient/no"}, {"reference": "Patient/not legal"}],
    });
    assert_eq!(patients_of("Observation", &resource), ["b", "a"]);
    let nested = json!({"action": [{"action": [{"participant": [{"reference": "Patient/deep"}]}]}]});
    assert_eq!(patients_of("RequestGroup", &nested), ["deep"]);
    assert_eq!(patients_of("ValueSet", &resource), [""; 0]);
    assert_eq!(patients_of("Observation", &json!([1])), [""; 0]);
}

#[test]
fn what_is_read_for_patients_names_the_same_patients() {
    let many = json!({
        "resourceType": "Observation", "id": "o", "note": [{"text": "Patient/no"}],
        "subject": {"reference": "Patient/a", "display": "\u{628}"}, "performer": [{"reference": "Patient/b"}],
        "action": [{"action": [{"participant": [{"reference": "Patient/c"}]}]}],
        "link": [{"other": {"reference": "Patient/d"}}], "name": [{"family": "e"}],
    });
    for resource_type in patient_types().chain(["ValueSet", "Organization"]) {
        let key = ResourceKey::new(resource_type, "stored").expect("key");
        for resource in [&many, &json!([many, 1]), &json!(null), &json!("Patient/a")] {
            let read = read_for_patients(&key, resource.to_string().as_bytes()).expect("JSON");
            assert_eq!(patients_of_key(&key, &read), patients_of_key(&key, resource), "{resource_type} {resource}");
        }
    }
    let key = ResourceKey::new("Observation", "o").expect("key");
    let twice = br#" {"subject": {"reference": "Patient/a"}, "subject": {"reference": "Patient/b"}} "#;
    assert_eq!(patients_of_key(&key, &read_for_patients(&key, twice).expect("JSON")), ["b"], "the last, as everywhere");
    for torn in [&br#"{"subject": {"reference": "Patient/a"}"#[..], br#"{"subject": {}, "x": "\xff"}"#, b"\xff", b""] {
        assert!(read_for_patients(&key, torn).is_none());
    }
    let patient = ResourceKey::new("Patient", "p").expect("key");
    assert_eq!(read_for_patients(&patient, many.to_string().as_bytes()), Some(many));
}

#[test]
fn a_patient_is_its_own() {
    let patient = json!({"resourceType": "Patient", "id": "a", "link": [{"other": {"reference": "Patient/b"}}]});
    assert_eq!(patients_of("Patient", &patient), ["a", "b"]);
    let key = ResourceKey::new("Patient", "stored").expect("key");
    assert_eq!(patients_of_key(&key, &patient), ["stored", "b"]);
}

#[test]
fn lanes() {
    assert_eq!(lane_hint("AllergyIntolerance", 800), LaneHint::Urgent);
    assert_eq!(lane_hint("Observation", 800), LaneHint::Clinical);
    assert_eq!(lane_hint("Binary", 800), LaneHint::Bulk);
    assert_eq!(lane_hint("AllergyIntolerance", URGENT_BYTES_MAX + 1), LaneHint::Bulk);
}

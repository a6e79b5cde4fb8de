//! Resources for the tests: small ones that are made here, and the published sets.

use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// A patient.
pub fn patient(id: &str, family: &str) -> Value {
    json!({
        "resourceType": "Patient",
        "id": id,
        "name": [{ "family": family, "given": ["Amal"] }],
        "gender": "unknown",
    })
}

/// A temperature of a patient, unlike every other by its number.
pub fn observation(id: &str, patient: &str, number: u64) -> Value {
    json!({
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": { "coding": [{ "system": "http://loinc.org", "code": "8310-5" }] },
        "subject": { "reference": format!("Patient/{patient}") },
        "valueQuantity": { "value": number, "unit": "mCel" },
    })
}

/// Patients with observations, one resource a line: so many bytes at least.
pub fn lines(patients: u64, observations: u64) -> String {
    let mut text = String::new();
    for at in 0..patients {
        let id = format!("patient-{at}");
        text.push_str(&format!("{}\n", patient(&id, &format!("Family{at}"))));
        for number in 0..observations {
            text.push_str(&format!("{}\n", observation(&format!("observation-{at}-{number}"), &id, number)));
        }
    }
    text
}

/// Unpacks one of the published sets into a folder.
pub fn unpack_set(name: &str, into: &Path) {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata").join(format!("{name}.tar.xz"));
    let done = Command::new("tar").arg("-xJf").arg(&archive).arg("-C").arg(into).status();
    assert!(done.is_ok_and(|status| status.success()), "tar and xz-utils unpack {}", archive.display());
}

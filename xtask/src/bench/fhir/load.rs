//! The patients and observations of the load: those that the peer was measured with.

use super::{Load, OBSERVATIONS_EACH, TRANSACTION};

pub(super) const GIVEN: [&str; 20] = [
    "Ahmad", "Mohammad", "Fatima", "Aisha", "Omar", "Khaled", "Rana", "Layla", "Yusuf", "Maryam", "Hasan", "Husam",
    "Nour", "Salma", "Bilal", "Zaid", "Huda", "Amal", "Tariq", "Sami",
];
pub(super) const FAMILY: [&str; 40] = [
    "Haddad", "Khoury", "Najjar", "Masri", "Halabi", "Shami", "Homsi", "Idlibi", "Douma", "Saleh", "Darwish", "Qasim",
    "Sabbagh", "Attar", "Bitar", "Zein", "Hamwi", "Rifai", "Jabri", "Azm", "Kurdi", "Turk", "Baghdadi", "Hijazi",
    "Nablusi", "Asali", "Dahhan", "Fakhri", "Ghanem", "Hourani", "Issa", "Jundi", "Kallas", "Labban", "Mardini",
    "Nahas", "Omari", "Qabbani", "Rahal", "Sawaf",
];
/// LOINC codes, names and UCUM units.
pub(super) const CODES: [(&str, &str, &str); 8] = [
    ("8867-4", "Heart rate", "/min"),
    ("8310-5", "Body temperature", "Cel"),
    ("9279-1", "Respiratory rate", "/min"),
    ("2708-6", "Oxygen saturation in Arterial blood", "%"),
    ("8480-6", "Systolic blood pressure", "mm[Hg]"),
    ("8462-4", "Diastolic blood pressure", "mm[Hg]"),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL"),
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL"),
];

pub(super) fn id_member(id: Option<u64>) -> String {
    id.map_or_else(String::new, |id| format!(r#""id":"{id}","#))
}

pub(super) fn patient(n: u64, id: Option<u64>) -> String {
    let (given, family) = (GIVEN[(n % 20) as usize], FAMILY[(n / 20 % 40) as usize]);
    let sex = if n.is_multiple_of(2) { "male" } else { "female" };
    format!(
        r#"{{"resourceType":"Patient",{}"identifier":[{{"system":"urn:sanad:mrn","value":"MRN{n:07}"}}],"active":true,"name":[{{"use":"official","family":"{family}","given":["{given}","F{}"]}}],"telecom":[{{"system":"phone","value":"+96390{n:07}"}}],"gender":"{sex}","birthDate":"{:04}-{:02}-{:02}","address":[{{"city":"Douma","district":"East Ghouta","country":"SY"}}]}}"#,
        id_member(id),
        n % 997,
        1930 + n % 90,
        1 + n % 12,
        1 + n % 28
    )
}

pub(super) fn observation(n: u64, id: Option<u64>, subject: &str) -> String {
    let (code, display, unit) = CODES[(n % 8) as usize];
    format!(
        r#"{{"resourceType":"Observation",{}"status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}","display":"{display}"}}],"text":"{display}"}},"subject":{{"reference":"{subject}"}},"effectiveDateTime":"2018-{:02}-{:02}T{:02}:{:02}:00Z","valueQuantity":{{"value":{}.{},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{unit}"}}}}"#,
        id_member(id),
        1 + n % 12,
        1 + n % 28,
        n % 24,
        n % 60,
        20 + n % 120,
        n % 10
    )
}

pub(super) fn transaction(n: u64) -> String {
    let person = format!("urn:uuid:00000000-0000-4000-8000-{n:012x}");
    let entry = |url: &str, full_url: &str, resource: &str| {
        format!(r#"{{"fullUrl":"{full_url}","resource":{resource},"request":{{"method":"POST","url":"{url}"}}}}"#)
    };
    let mut entries = vec![entry("Patient", &person, &patient(5_000_000 + n, None))];
    entries.extend((1..TRANSACTION).map(|at| {
        let name = format!("urn:uuid:00000000-0000-4000-9000-{:012x}", n * 1_000 + at);
        entry("Observation", &name, &observation(n * 97 + at, None, &person))
    }));
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
}

/// Ten patients and their observations in one transaction.
pub(super) fn charts(n: u64, load: &Load) -> String {
    let put = |kind: &str, id: u64, resource: String| {
        format!(r#"{{"resource":{resource},"request":{{"method":"PUT","url":"{kind}/{id}"}}}}"#)
    };
    let mut entries = Vec::new();
    for id in n * 10..(n * 10 + 10).min(load.patients) {
        entries.push(put("Patient", id, patient(id, Some(id))));
        let observations = id * OBSERVATIONS_EACH..(id + 1) * OBSERVATIONS_EACH;
        entries.extend(observations.map(|o| put("Observation", o, observation(o, Some(o), &format!("Patient/{id}")))));
    }
    format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, entries.join(","))
}

//! What is generated is sound FHIR R4, agrees with its ground truth, and could have happened to a living body.

use std::{collections::BTreeSet, sync::OnceLock};

use sanad_drill::synth::{Day, Generator, Profile, SynthPatient, SynthResource, Triage};
use serde_json::Value;

const DAY: &str = "2018-02-24";
const PATIENTS: usize = 400;

/// A patient with the resources parsed.
type Parsed = (SynthPatient, Vec<Value>);

fn patients(profile: Profile) -> &'static [Parsed] {
    static ALL: OnceLock<[Vec<Parsed>; 2]> = OnceLock::new();
    let of = |profile| {
        let parsed = |patient: SynthPatient| {
            let values = patient.resources.iter().map(parse).collect();
            (patient, values)
        };
        Generator::new(profile, 11, DAY).take(PATIENTS).map(parsed).collect()
    };
    let [ghouta, camp] = ALL.get_or_init(|| [of(Profile::Ghouta2018), of(Profile::Camp)]);
    if profile == Profile::Camp { camp } else { ghouta }
}

fn both() -> impl Iterator<Item = &'static Parsed> {
    patients(Profile::Ghouta2018).iter().chain(patients(Profile::Camp))
}

fn parse(resource: &SynthResource) -> Value {
    serde_json::from_slice(&resource.json).expect("every resource is JSON")
}

fn of_type<'a>(resources: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    resources.iter().filter(move |resource| resource["resourceType"] == kind)
}

#[test]
fn every_resource_has_its_type_its_id_and_what_r4_requires() {
    for (patient, parsed) in both() {
        assert_eq!(parsed[0]["resourceType"], "Patient");
        assert_eq!(parsed[0]["id"], patient.patient_id.as_str());
        for (resource, value) in patient.resources.iter().zip(parsed) {
            assert_eq!(value["resourceType"], resource.resource_type);
            assert_eq!(value["id"], resource.id.as_str());
            assert_eq!(value["meta"]["security"][0]["code"], "HTEST", "never to pass for a person");
            for path in required(resource.resource_type) {
                assert!(!value[*path].is_null(), "{} without {path}: {value}", resource.resource_type);
            }
            if resource.resource_type == "Observation" {
                let values = ["valueQuantity", "valueCodeableConcept", "component"];
                assert_eq!(values.iter().filter(|key| !value[**key].is_null()).count(), 1, "{value}");
            }
            assert_not_empty(value);
        }
    }
}

fn required(resource_type: &str) -> &'static [&'static str] {
    match resource_type {
        "Patient" => &["identifier", "name", "gender"],
        "Encounter" => &["status", "class", "subject", "period"],
        "Observation" => &["status", "code", "subject", "effectiveDateTime"],
        "Condition" => &["clinicalStatus", "verificationStatus", "code", "subject"],
        "Procedure" => &["status", "code", "subject", "performedPeriod"],
        "MedicationRequest" => &["status", "intent", "medicationCodeableConcept", "subject"],
        "MedicationAdministration" => &["status", "medicationCodeableConcept", "subject", "effectiveDateTime"],
        "AllergyIntolerance" => &["patient", "code", "clinicalStatus"],
        "ServiceRequest" => &["status", "intent", "subject", "code"],
        "Flag" => &["status", "code", "subject"],
        "Immunization" => &["status", "vaccineCode", "patient", "occurrenceDateTime"],
        other => panic!("a type nobody expects: {other}"),
    }
}

/// FHIR forbids empty strings, arrays and objects.
fn assert_not_empty(value: &Value) {
    match value {
        Value::String(text) => assert!(!text.trim().is_empty()),
        Value::Array(items) => {
            assert!(!items.is_empty());
            items.iter().for_each(assert_not_empty);
        }
        Value::Object(fields) => {
            assert!(!fields.is_empty());
            fields.values().for_each(assert_not_empty);
        }
        _ => {}
    }
}

#[test]
fn references_stay_within_the_patient_and_point_back() {
    for (patient, parsed) in both() {
        let mut saved = BTreeSet::new();
        for (resource, value) in patient.resources.iter().zip(parsed) {
            let mut found = Vec::new();
            references(value, &mut found);
            for reference in found {
                assert!(saved.contains(&reference), "{reference} is not saved before {}", resource.resource_type);
            }
            assert!(saved.insert(format!("{}/{}", resource.resource_type, resource.id)), "an id occurs twice");
        }
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(fields) => {
            found.extend(fields.get("reference").and_then(Value::as_str).map(str::to_owned));
            // Staff and places are known by identifier alone.
            if let Some(kind @ ("Practitioner" | "Organization" | "Location")) =
                fields.get("type").and_then(Value::as_str)
            {
                assert!(fields.contains_key("identifier") && !fields.contains_key("reference"), "{kind}");
            }
            fields.values().for_each(|field| references(field, found));
        }
        _ => {}
    }
}

#[test]
fn the_record_says_what_the_facts_say() {
    for (patient, parsed) in both() {
        let facts = &patient.facts;
        let count = |kind| of_type(parsed, kind).count();
        let person = &parsed[0];
        assert_eq!(person["gender"], facts.sex.as_str());
        assert_eq!(person["deceasedDateTime"].is_string(), facts.died);
        assert_eq!(count("Procedure"), usize::from(facts.interventions));
        assert_eq!(count("ServiceRequest"), usize::from(facts.transferred));
        assert_eq!(count("AllergyIntolerance"), usize::from(facts.allergy));
        assert_eq!(count("Immunization"), usize::from(facts.vaccinated));
        let bedded = of_type(parsed, "Encounter").any(|visit| visit["class"]["code"] == "IMP");
        assert_eq!(bedded, facts.admitted);
        let conditions = facts.body_regions.len().max(1) + usize::from(facts.second_chronic);
        assert_eq!(count("Condition"), conditions);

        let names = person["name"].as_array().expect("names");
        let used = |wanted: &str| names.iter().filter(|name| name["use"] == wanted).count();
        assert_eq!(used("anonymous"), usize::from(!facts.identified));
        assert_eq!(used("official"), usize::from(facts.identified));
        assert_eq!(used("nickname"), usize::from(facts.kunya));
        assert_eq!(used("usual"), usize::from(facts.latin_name));
        assert_eq!(facts.woman_or_child, facts.child || facts.sex.as_str() == "female");
        if let Some(age) = facts.age_years {
            assert_eq!(facts.child, age < 18);
            let date = person["birthDate"].as_str().expect("a date of birth");
            let day: Day = DAY.parse().expect("a day");
            let (year, month, _) = day.plus(facts.day).civil();
            let born: u32 = date[..4].parse().expect("a year");
            let month_born = date.get(5..7).map(|month| month.parse::<u32>().expect("a month"));
            let years = month_born.map_or(year - born, |born_in| (year * 12 + month - born * 12 - born_in) / 12);
            assert_eq!(years, u32::from(age), "{date}");
        } else {
            assert!(person["birthDate"].is_null());
        }
        assert!(!facts.died || !facts.transferred);
        assert!(facts.admitted || !facts.icu);
        assert!(!facts.dead_on_arrival || facts.died && !facts.admitted);
        if facts.reason == "maternal" {
            assert!(facts.sex.as_str() == "female" && facts.age_years.is_none_or(|age| (15..=45).contains(&age)));
        }
    }
}

#[test]
fn staff_have_call_signs_and_nothing_else() {
    let mut signs = BTreeSet::new();
    for (_, parsed) in patients(Profile::Ghouta2018) {
        for value in parsed {
            call_signs(value, &mut signs);
        }
    }
    assert!((20..=140).contains(&signs.len()), "seven to a site: {}", signs.len());
    for sign in signs {
        let (word, number) = sign.split_once('-').expect("word and number");
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase()) && number.len() == 1, "{sign}");
    }
}

fn call_signs(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| call_signs(item, found)),
        Value::Object(fields) => {
            if fields.get("type").and_then(Value::as_str) == Some("Practitioner") {
                assert!(fields.keys().all(|key| matches!(key.as_str(), "type" | "identifier" | "display")));
                found.extend(fields["identifier"]["value"].as_str().map(str::to_owned));
            }
            fields.values().for_each(|field| call_signs(field, found));
        }
        _ => {}
    }
}

/// The first value of a LOINC code, in its unit.
fn first_value(resources: &[Value], code: &str) -> Option<f64> {
    of_type(resources, "Observation").find_map(|observation| {
        let component = observation["component"].as_array().into_iter().flatten();
        let mut all = std::iter::once(observation).chain(component);
        let found = all.find(|part| part["code"]["coding"][0]["code"] == code)?;
        found["valueQuantity"]["value"].as_f64()
    })
}

#[test]
fn triage_colours_follow_start_and_bleeding_shows() {
    let (mut calm, mut shocked) = (Vec::new(), Vec::new());
    for (patient, parsed) in patients(Profile::Ghouta2018) {
        let facts = &patient.facts;
        let grown = facts.age_years.is_some_and(|age| age >= 10) || facts.age_years.is_none() && !facts.child;
        let value = |code| first_value(parsed, code).expect("measured at the gate");
        let (pulse, breaths, coma) = (value("8867-4"), value("9279-1"), value("9269-2"));
        if facts.dead_on_arrival {
            assert_eq!((pulse, breaths, coma), (0.0, 0.0, 3.0));
            continue;
        }
        let systolic = value("8480-6");
        assert!(value("8462-4") < systolic);
        if !grown {
            continue;
        }
        // START: breathing above 30, no radial pulse (about 90 mmHg), or commands not obeyed.
        let red = breaths > 30.0 || systolic < 90.0 || coma < 13.0;
        assert_eq!(red, facts.triage == Some(Triage::Red), "{facts:?}: {breaths} {systolic} {coma}");
        if systolic < 90.0 { shocked.push(pulse) } else { calm.push(pulse) }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(shocked.len() > 8 && mean(&shocked) > mean(&calm) + 25.0, "{} {}", mean(&shocked), mean(&calm));
}

#[test]
fn names_fit_the_sex_and_are_in_arabic() {
    for (patient, parsed) in both() {
        for name in parsed[0]["name"].as_array().expect("names") {
            let text = name["text"].as_str().expect("text");
            match name["use"].as_str() {
                Some("usual") => assert!(text.is_ascii(), "{text}"),
                Some("anonymous") => assert!(text.contains("T-"), "{text}"),
                Some("nickname") => {
                    let parent = if patient.facts.sex.as_str() == "male" { "أبو " } else { "أم " };
                    assert!(text.starts_with(parent), "{text}");
                }
                _ => {
                    assert!(text.chars().all(|c| ('\u{621}'..='\u{64a}').contains(&c) || c == ' '), "{text}");
                    let parts = [&name["given"][0], &name["given"][1], &name["family"]]
                        .map(|part| part.as_str().expect("a part"));
                    assert_eq!(text, parts.join(" "));
                    let women = ["فاطمة", "ليلى", "نور الهدى", "زينب", "مريم"];
                    let men = ["محمد", "أحمد", "علي", "خالد", "عمر"];
                    let other = if patient.facts.sex.as_str() == "male" { &women } else { &men };
                    assert!(!other.contains(&parts[0]) && !women.contains(&parts[1]), "{text}");
                }
            }
        }
    }
}

#[test]
fn a_siege_day_is_of_the_stated_size() {
    for seed in 0..2 {
        let day: Vec<_> = Generator::new(Profile::Ghouta2018, seed, DAY).take(300).collect();
        let resources: usize = day.iter().map(|patient| patient.resources.len()).sum();
        assert!(resources >= 5_000, "{resources}");
        let bytes: usize = day.iter().flat_map(|patient| &patient.resources).map(|resource| resource.json.len()).sum();
        assert!((800..=1_200).contains(&(bytes / resources)), "{} bytes each", bytes / resources);
    }
    for (patient, _) in both() {
        let alive = !patient.facts.dead_on_arrival;
        assert!((if alive { 13 } else { 8 }..=45).contains(&patient.resources.len()), "{}", patient.resources.len());
        for resource in &patient.resources {
            assert!((700..=1_700).contains(&resource.json.len()), "{} {}", resource.resource_type, resource.json.len());
        }
    }
}

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::bundle::unpack;
use crate::merge::tests::resources;
use crate::outgoing::STATE_SYSTEM;

const DOCUMENT: &str = "6a2d1f4e-0000-4000-8000-00000000000a";
const PATIENT: &str = "0b0a7c5e-1111-4222-8333-444455556666";
/// 25 February 2018, noon.
const AT_MS: u64 = 1_519_560_000_000;

/// A chart: each resource under the id it says, as its own text.
struct Held(Vec<(ResourceKey, String)>);

impl Held {
    fn new(patient: Value, others: Vec<Value>) -> Held {
        Held::of_texts(std::iter::once(patient).chain(others).map(|resource| resource.to_string()).collect())
    }

    fn of_texts(texts: Vec<String>) -> Held {
        let key = |text: &str| {
            let resource: Value = serde_json::from_str(text).expect("JSON");
            let text = |name: &str| resource[name].as_str().expect("said").to_owned();
            ResourceKey::new(text("resourceType"), text("id")).expect("legal")
        };
        Held(texts.into_iter().map(|text| (key(&text), text)).collect())
    }

    fn summary_with(&self, change: impl FnOnce(&mut SummaryRequest<'_>)) -> Summary {
        let sources: Vec<_> = self.0.iter().map(|(key, raw)| SummarySource { key, raw: raw.as_bytes() }).collect();
        let mut request = SummaryRequest {
            patient: sources[0],
            others: &sources[1..],
            merged: &[],
            author: Author { facility: "f0", call_sign: "Cedar" },
            at_ms: AT_MS,
            identifier: DOCUMENT,
            language: Language::English,
            more_elsewhere: false,
        };
        change(&mut request);
        summary(&request).expect("a summary")
    }

    fn summary(&self) -> (Summary, Value) {
        let made = self.summary_with(|_| {});
        let document = serde_json::from_slice(&made.bytes).expect("JSON");
        (made, document)
    }
}

fn patient() -> Value {
    json!({"resourceType": "Patient", "id": PATIENT, "name": [{"text": "ليلى"}], "birthDate": "1980"})
}

fn about(resource_type: &str, id: &str, members: Value) -> Value {
    let of_patient = matches!(resource_type, "AllergyIntolerance" | "Immunization" | "Consent" | "RelatedPerson");
    let subject = if of_patient { "patient" } else { "subject" };
    let mut resource =
        json!({"resourceType": resource_type, "id": id, subject: {"reference": format!("Patient/{PATIENT}")}});
    let all = resource.as_object_mut().expect("object");
    all.extend(members.as_object().cloned().unwrap_or_default());
    resource
}

fn concept(code: &str) -> Value {
    json!({"coding": [{"system": "s", "code": code}], "text": code})
}

fn section(document: &Value, section: Section) -> &Value {
    let sections = document["entry"][0]["resource"]["section"].as_array().expect("sections");
    let found = sections.iter().find(|found| found["code"]["coding"][0]["code"] == section.loinc());
    found.unwrap_or(&Value::Null)
}

fn words_of(document: &Value, of: Section) -> String {
    section(document, of)["text"]["div"].as_str().unwrap_or_default().to_owned()
}

fn resource<'v>(document: &'v Value, resource_type: &str) -> &'v Value {
    let entries = document["entry"].as_array().expect("entries");
    let found = entries.iter().map(|entry| &entry["resource"]).find(|found| found["resourceType"] == resource_type);
    found.unwrap_or(&Value::Null)
}

#[test]
fn a_document_is_what_the_profile_asks_for() {
    let (made, document) =
        Held::new(patient(), vec![about("Condition", "c", json!({"code": concept("burn")}))]).summary();
    assert_eq!((&document["type"], &document["timestamp"]), (&json!("document"), &json!("2018-02-25T12:00:00.000Z")));
    assert_eq!(document["identifier"]["value"], format!("urn:uuid:{DOCUMENT}"));
    let types: Vec<_> =
        document["entry"].as_array().expect("entries").iter().map(|entry| &entry["resource"]["resourceType"]).collect();
    assert_eq!(types, ["Composition", "Patient", "Condition", "Organization", "Device"]);
    let composition = &document["entry"][0]["resource"];
    assert_eq!(composition["subject"]["reference"], format!("urn:uuid:{PATIENT}"));
    assert_eq!(composition["subject"]["reference"], document["entry"][1]["fullUrl"]);
    assert_eq!(composition["custodian"]["reference"], document["entry"][3]["fullUrl"]);
    assert_eq!(document["entry"][3]["resource"]["name"], "Cedar");
    assert_eq!(section(&document, Section::Problems)["entry"][0]["reference"], document["entry"][2]["fullUrl"]);
    assert_eq!(made.included.len(), 2);
    assert!(format!("{made:?}").starts_with("Summary("));
}

#[test]
fn nothing_recorded_is_not_none_known() {
    let (_, document) = Held::new(patient(), vec![]).summary();
    let sections = document["entry"][0]["resource"]["section"].as_array().expect("sections");
    assert_eq!(sections.len(), 3, "only what must be there");
    for section in sections {
        assert_eq!(section["emptyReason"]["coding"][0]["code"], "unavailable");
        assert!(section.get("entry").is_none());
    }
    assert!(!document.to_string().contains("nilknown"));
    let more = Held::new(patient(), vec![]).summary_with(|request| request.more_elsewhere = true);
    let more = String::from_utf8(more.bytes).expect("text");
    assert_eq!(more.matches("Other sites may hold more").count(), 4, "in the preface and in each empty section");
}

#[test]
fn every_byte_but_references_is_the_records_own() {
    let text = format!(
        "{{ \"resourceType\" : \"Condition\",\n\t\"id\":\"c\", \"code\": {{\"text\":\"\\u0062urn\"}},\
         \"subject\": {{ \"reference\" : \"Patient/{PATIENT}\" }}, \"extension\":[{{\"url\":\"u\",\"valueDecimal\":1.10}}]  }}"
    );
    let made = Held::of_texts(vec![patient().to_string(), text.clone()]).summary_with(|_| {});
    let made = String::from_utf8(made.bytes).expect("text");
    let expected = text.replace(&format!("Patient/{PATIENT}"), &format!("urn:uuid:{PATIENT}"));
    assert!(made.contains(&expected), "{made}");
    assert!(made.contains(&patient().to_string()), "a complete patient is not touched");
}

#[test]
fn what_the_profile_demands_and_nobody_knows_is_said_to_be_absent() {
    let absent = json!({"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]});
    let nobody = json!({"resourceType": "Patient", "id": PATIENT});
    let lab = json!({"status": "final", "category": [concept("laboratory")], "code": concept("k"), "valueInteger": 4,
        "performer": [{"reference": "Practitioner/heron"}]});
    let (_, document) = Held::new(
        nobody,
        vec![
            about("Condition", "c", json!({})),
            about("AllergyIntolerance", "a", json!({})),
            about("Procedure", "p", json!({"status": "completed"})),
            about("MedicationStatement", "m", json!({"status": "active", "medicationCodeableConcept": concept("x")})),
            about("Observation", "o", lab.clone()),
            json!({"resourceType": "Practitioner", "id": "heron"}),
        ],
    )
    .summary();
    assert_eq!(resource(&document, "Patient")["_birthDate"], absent);
    assert_eq!(resource(&document, "Patient")["name"], json!([{"_text": absent}]));
    assert_eq!(resource(&document, "Condition")["code"], absent);
    assert_eq!(resource(&document, "AllergyIntolerance")["code"], absent);
    assert_eq!(resource(&document, "AllergyIntolerance")["clinicalStatus"], absent);
    assert_eq!(resource(&document, "Procedure")["_performedDateTime"], absent);
    assert_eq!(resource(&document, "MedicationStatement")["_effectiveDateTime"], absent);
    assert_eq!(resource(&document, "Observation")["_effectiveDateTime"], absent);
    assert_eq!(resource(&document, "Observation")["performer"][0]["reference"], document["entry"][7]["fullUrl"]);
    // Staff have no names on purpose, which is another reason.
    assert_eq!(resource(&document, "Practitioner")["name"][0]["extension"][0]["valueCode"], "masked");

    let known = json!({"resourceType": "Patient", "id": PATIENT, "name": [{"use": "official"}, {"family": "x"}], "_birthDate": {"id": "b"}});
    let (_, document) =
        Held::new(known, vec![about("Procedure", "p", json!({"status": "completed", "performedString": "spring"}))])
            .summary();
    assert_eq!(resource(&document, "Patient")["name"], json!([{"use": "official", "_text": absent}, {"family": "x"}]));
    assert_eq!(resource(&document, "Patient")["_birthDate"], json!({"id": "b"}));
    assert!(resource(&document, "Procedure").get("_performedDateTime").is_none());
}

#[test]
fn no_other_persons_record_gets_in() {
    let other = |id: &str, subject: Value| json!({"resourceType": "Condition", "id": id, "code": {"text": "SECRET"}, "subject": subject});
    let mine = about("Condition", "mine", json!({"code": concept("burn"), "encounter": {"reference": "Encounter/e"}}));
    let (made, document) = Held::new(
        patient(),
        vec![
            mine,
            other("a", json!({"reference": "Patient/somebody"})),
            other("b", json!({"display": "SECRET"})),
            other("c", json!({"reference": format!("https://elsewhere.example/Patient/{PATIENT}")})),
            other("d", json!({"reference": "Group/g"})),
            json!({"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/somebody"}, "reasonCode": [{"text": "SECRET"}]}),
            json!({"resourceType": "Patient", "id": "somebody", "name": [{"text": "SECRET"}]}),
        ],
    )
    .summary();
    assert!(!document.to_string().contains("SECRET"));
    let out: Vec<_> = made.left_out.iter().map(|(key, reason)| (&*key.id, *reason)).collect();
    assert_eq!(out, ["a", "b", "c", "d", "e"].map(|id| (id, LeftOut::NotThisPatient)));
    // The encounter is not in the document; that there is one is still said, in a way that leads nowhere by mistake.
    assert_eq!(
        resource(&document, "Condition")["encounter"],
        json!({"type": "Encounter", "identifier": {"system": RESOURCE_SYSTEM, "value": "Encounter/e"}})
    );
}

#[test]
fn the_records_of_a_patient_who_was_merged_in_are_this_patients() {
    let mut person = patient();
    person["link"] = json!([{"other": {"reference": "Patient/before"}, "type": "replaces"}]);
    let old = json!({"resourceType": "Condition", "id": "c", "code": {"text": "burn"}, "subject": {"reference": "Patient/before/_history/2"}});
    let held = Held::new(person, vec![old]);
    assert_eq!(held.summary().0.included.len(), 1);
    let merged = ["before".to_owned()];
    let sources: Vec<_> = held.0.iter().map(|(key, raw)| SummarySource { key, raw: raw.as_bytes() }).collect();
    let request = SummaryRequest {
        patient: sources[0],
        others: &sources[1..],
        merged: &merged,
        author: Author { facility: "f0", call_sign: "Cedar" },
        at_ms: AT_MS,
        identifier: DOCUMENT,
        language: Language::Arabic,
        more_elsewhere: false,
    };
    let document: Value = serde_json::from_slice(&summary(&request).expect("a summary").bytes).expect("JSON");
    assert_eq!(resource(&document, "Condition")["subject"]["reference"], format!("urn:uuid:{PATIENT}"));
    let link = &resource(&document, "Patient")["link"][0]["other"];
    assert_eq!(link["identifier"]["value"], "Patient/before", "no link to itself");
}

#[test]
fn what_is_not_an_entry_is_told_of() {
    let code = |code: &str| json!({"code": concept(code)});
    let with = |mut base: Value, name: &str, value: Value| {
        base[name] = value;
        base
    };
    let drug = |status: &str, drug: &str| json!({"status": status, "intent": "order", "medicationCodeableConcept": concept(drug)});
    let (made, document) = Held::new(
        patient(),
        vec![
            about("AllergyIntolerance", "a1", with(code("penicillin"), "verificationStatus", concept("refuted"))),
            about("AllergyIntolerance", "a2", with(code("mistake"), "verificationStatus", concept("entered-in-error"))),
            about("MedicationRequest", "m1", drug("completed", "tranexamic")),
            about("MedicationRequest", "m2", drug("stopped", "morphine")),
            about("MedicationRequest", "m3", with(drug("active", "heparin"), "doNotPerform", json!(true))),
            about("Immunization", "i1", json!({"status": "not-done", "vaccineCode": concept("tetanus")})),
            about("ServiceRequest", "s1", with(code("transfer"), "status", json!("active"))),
            about("Observation", "o1", json!({"status": "registered", "code": concept("glucose")})),
        ],
    )
    .summary();
    assert!(words_of(&document, Section::Allergies).contains("penicillin\u{2069} — \u{2068}refuted\u{2069} (refuted)"));
    assert!(!document.to_string().contains("mistake"));
    assert_eq!(
        section(&document, Section::Allergies)["emptyReason"],
        json!({"text": "Nothing is listed, see the text"})
    );
    let medications = words_of(&document, Section::Medications);
    assert!(medications.contains("<li>over: 2</li>") && medications.contains("heparin"), "{medications}");
    assert!(medications.contains("(not to be given or done)") && !medications.contains("morphine"));
    assert!(words_of(&document, Section::Immunizations).contains("tetanus"));
    assert!(section(&document, Section::Immunizations).get("emptyReason").is_none());
    assert!(words_of(&document, Section::PlanOfCare).contains("transfer\u{2069} (in words only)"));
    assert!(words_of(&document, Section::Results).contains("(incomplete)"));
    assert_eq!(section(&document, Section::Results)["text"]["status"], "additional");
    assert_eq!((made.included.len(), made.left_out.len()), (1, 8));
}

#[test]
fn sections_are_short_where_they_may_be() {
    let given = |id: &str, at: &str| {
        about(
            "MedicationAdministration",
            id,
            json!({"status": "completed", "medicationCodeableConcept": concept("morphine"), "effectiveDateTime": at}),
        )
    };
    let seen = |id: String, category: &str, at: String| {
        let code = json!({"status": "final", "category": [concept(category)], "code": concept(category), "valueInteger": 1, "effectiveDateTime": at});
        about("Observation", &id, code)
    };
    let mut all = vec![given("g1", "2018-02-24"), given("g2", "2018-02-25T01:00:00Z"), given("g3", "2017-01-01")];
    for day in 1..6 {
        all.push(seen(format!("v{day}"), "vital-signs", format!("2018-02-0{day}")));
        all.push(seen(format!("l{day}"), "laboratory", format!("2018-02-0{day}")));
    }
    all.extend((0..150).map(|n| about("Condition", &format!("c{n}"), json!({"code": concept("x")}))));
    all.extend((0..150).map(|n| {
        about(
            "Procedure",
            &format!("p{n}"),
            json!({"status": "completed", "code": concept("x"), "performedDateTime": "2018"}),
        )
    }));
    let (made, document) = Held::new(patient(), all).summary();
    let entries = |of| section(&document, of)["entry"].as_array().map_or(0, Vec::len);
    assert_eq!(entries(Section::Problems), 150, "problems are never cut");
    assert_eq!((entries(Section::Procedures), entries(Section::VitalSigns), entries(Section::Results)), (100, 1, 3));
    assert_eq!(entries(Section::Medications), 1);
    let reason = |id: &str| made.left_out.iter().find(|(key, _)| key.id == id).map(|(_, reason)| *reason);
    assert_eq!((reason("g1"), reason("g2"), reason("g3")), (Some(LeftOut::Superseded), None, Some(LeftOut::Older)));
    assert_eq!(
        (reason("v5"), reason("v4"), reason("l3"), reason("l2")),
        (None, Some(LeftOut::Superseded), None, Some(LeftOut::Superseded))
    );
    assert!(words_of(&document, Section::Medications).contains("older than 90 days: 1"));
}

#[test]
fn what_an_entry_needs_comes_along_and_nothing_else() {
    let request = about(
        "MedicationRequest",
        "m",
        json!({"status": "active", "intent": "order",
        "medicationReference": {"reference": "Medication/drug"}, "requester": {"reference": "Practitioner/gone", "identifier": {"value": "Heron-1"}},
        "encounter": {"reference": "Encounter/e"}, "basedOn": [{"reference": "CarePlan/plan"}],
        "detectedIssue": [{"reference": "urn:uuid:00000000-0000-4000-8000-000000000000"}], "insurance": [{"reference": "https://x.example/Coverage/1"}]}),
    );
    let (made, document) = Held::new(
        patient(),
        vec![
            request,
            json!({"resourceType": "Medication", "id": "drug", "code": {"text": "morphine"}}),
            about(
                "Encounter",
                "e",
                json!({"status": "finished", "location": [{"location": {"reference": "Location/tent"}}]}),
            ),
            json!({"resourceType": "Location", "id": "tent"}),
            json!({"resourceType": "Location", "id": "unused"}),
            about("CarePlan", "plan", json!({"status": "completed", "title": "rest"})),
        ],
    )
    .summary();
    let keys: Vec<_> = made.included.iter().map(ToString::to_string).collect();
    assert_eq!(keys[1..], ["MedicationRequest/m", "Encounter/e", "Medication/drug", "Location/tent"]);
    let order = resource(&document, "MedicationRequest");
    assert_eq!(order["requester"], json!({"identifier": {"value": "Heron-1"}}));
    assert_eq!(order["basedOn"][0]["identifier"]["value"], "CarePlan/plan");
    assert_eq!(order["detectedIssue"][0]["identifier"]["system"], "urn:ietf:rfc:3986");
    assert_eq!(order["insurance"][0]["reference"], "https://x.example/Coverage/1");
    assert!(words_of(&document, Section::Medications).contains("morphine\u{2069} — \u{2068}ordered"));
}

#[test]
fn text_of_the_record_is_text_in_the_narrative() {
    let nasty = "<script>alert(1)</script> & \u{1}\u{202e}\u{2069}]]>";
    let mut condition = about("Condition", "c", json!({"code": {"text": nasty}}));
    condition["meta"] = json!({"tag": [{"system": STATE_SYSTEM, "code": "conflict"}]});
    let (_, document) = Held::new(patient(), vec![condition]).summary();
    let text = words_of(&document, Section::Problems);
    assert!(text.contains("\u{2068}&lt;script&gt;alert(1)&lt;/script&gt; &amp; \u{fffd}]]&gt;\u{2069}"), "{text}");
    assert!(text.contains("conflicting edits, not settled"));
    let long = about("Condition", "c", json!({"code": {"text": "ب".repeat(5_000)}}));
    let (_, document) = Held::new(patient(), vec![long]).summary();
    assert!(words_of(&document, Section::Problems).chars().count() < 500);
}

#[test]
fn both_languages_say_everything() {
    let held = Held::new(
        patient(),
        vec![about(
            "AllergyIntolerance",
            "a",
            json!({"verificationStatus": concept("refuted"), "code": {"text": "1"}}),
        )],
    );
    let made = held.summary_with(|request| request.language = Language::Arabic);
    let document: Value = serde_json::from_slice(&made.bytes).expect("JSON");
    let composition = &document["entry"][0]["resource"];
    assert_eq!((&composition["language"], &document["language"]), (&json!("ar"), &json!("ar")));
    assert!(words_of(&document, Section::Allergies).contains("lang=\"ar\" xml:lang=\"ar\" dir=\"rtl\""));
    assert!(words_of(&document, Section::Allergies).contains("منفي"));
    let arabic = |text: &str| !text.is_empty() && text.chars().all(|c| !c.is_ascii_alphabetic());
    for section in Section::all() {
        let (ar, en) = words::title(section);
        assert!(arabic(ar) && en.is_ascii());
    }
}

#[test]
fn two_resources_of_one_uuid_have_two_names() {
    let twin = about("Condition", PATIENT, json!({"code": {"text": "x"}}));
    let (_, document) = Held::new(patient(), vec![twin]).summary();
    assert_eq!(document["entry"][1]["fullUrl"], format!("urn:uuid:{PATIENT}"));
    assert_ne!(document["entry"][2]["fullUrl"], document["entry"][1]["fullUrl"]);
    assert_eq!(section(&document, Section::Problems)["entry"][0]["reference"], document["entry"][2]["fullUrl"]);
}

#[test]
fn security_labels_are_those_of_all_parts() {
    let label = |code: &str| json!({"security": [{"system": "s", "code": code}]});
    let mut person = patient();
    person["meta"] = label("HTEST");
    let mut condition = about("Condition", "c", json!({"code": {"text": "x"}}));
    condition["meta"] = label("R");
    let (_, document) = Held::new(person, vec![condition.clone()]).summary();
    let expected = json!([{"system": "s", "code": "HTEST"}, {"system": "s", "code": "R"}]);
    assert_eq!(document["meta"]["security"], expected);
    assert_eq!(document["entry"][0]["resource"]["meta"]["security"], expected);
}

#[test]
fn what_is_no_patient_has_no_summary() {
    let key = ResourceKey::new("Patient", "p").expect("legal");
    let other = ResourceKey::new("Practitioner", "p").expect("legal");
    let deep = format!(r#"{{"resourceType":"Patient","x":{}{}}}"#, "[".repeat(122), "]".repeat(122));
    let good = patient().to_string();
    let ask = |key, raw: &str, identifier| {
        let author = Author { facility: "f", call_sign: "c" };
        let patient = SummarySource { key, raw: raw.as_bytes() };
        let (language, more_elsewhere) = (Language::Arabic, false);
        summary(&SummaryRequest {
            patient,
            others: &[],
            merged: &[],
            author,
            at_ms: 0,
            identifier,
            language,
            more_elsewhere,
        })
    };
    assert!(matches!(ask(&key, "{", DOCUMENT), Err(SummaryError::Syntax(_))));
    assert_eq!(ask(&key, r#"{"resourceType":"Person"}"#, DOCUMENT), Err(SummaryError::NotAPatient));
    assert_eq!(ask(&other, &good, DOCUMENT), Err(SummaryError::NotAPatient));
    assert_eq!(ask(&key, &deep, DOCUMENT), Err(SummaryError::NotAPatient));
    assert_eq!(ask(&key, &good, "7"), Err(SummaryError::NotAUuid));
    assert!(ask(&key, &good, &DOCUMENT.to_uppercase()).is_ok());
}

#[test]
fn a_broken_record_is_counted_and_stops_nothing() {
    let key = ResourceKey::new("AllergyIntolerance", "a").expect("legal");
    let person = ResourceKey::new("Patient", PATIENT).expect("legal");
    let raw = patient().to_string();
    let deep = format!(r#"{{"resourceType":"AllergyIntolerance","x":{}{}}}"#, "[".repeat(122), "]".repeat(122));
    for broken in [b"{".as_slice(), b"\xff", b"[]", br#"{"resourceType":"Flag"}"#, deep.as_bytes()] {
        let others = [SummarySource { key: &key, raw: broken }];
        let made = summary(&SummaryRequest {
            patient: SummarySource { key: &person, raw: raw.as_bytes() },
            others: &others,
            merged: &[],
            author: Author { facility: "f", call_sign: "c" },
            at_ms: AT_MS,
            identifier: DOCUMENT,
            language: Language::English,
            more_elsewhere: false,
        })
        .expect("a summary");
        assert_eq!(made.left_out, [(key.clone(), LeftOut::Unreadable)]);
        let document: Value = serde_json::from_slice(&made.bytes).expect("JSON");
        assert!(words_of(&document, Section::Allergies).contains("records that could not be read: 1"));
    }
}

#[test]
fn our_own_summary_is_understood_and_comes_back_under_its_own_ids() {
    let id = "7b1c6c1e-0000-4000-8000-00000000000b";
    let held = Held::new(
        patient(),
        vec![
            about("Condition", id, json!({"code": concept("burn")})),
            about("Flag", "f", json!({"status": "active", "code": concept("x")})),
        ],
    );
    let made = held.summary_with(|_| {});
    let report = understood(&made.bytes).expect("a summary");
    assert_eq!((report.is_document, report.patient, report.resources), (true, Standing::Known, 6));
    assert_eq!(report.sections.len(), 4);
    assert!(report.sections.iter().all(|section| section.section.is_some() && section.has_text));
    assert_eq!(report.sections.iter().map(|section| section.count(Standing::Known)).sum::<usize>(), 2);
    let back = unpack(&made.bytes, "").expect("a document");
    let keys: Vec<_> = back.resources.iter().map(|incoming| incoming.key.to_string()).collect();
    assert!(keys.contains(&format!("Condition/{id}")) && keys.contains(&format!("Patient/{PATIENT}")));
    let condition = back.resources.iter().find(|incoming| incoming.key.resource_type == "Condition").expect("there");
    let (_, original) = held.0.iter().find(|(key, _)| key.resource_type == "Condition").expect("there");
    assert_eq!(String::from_utf8_lossy(&condition.raw), *original);
}

#[test]
fn foreign_documents_are_read_as_they_are() {
    let document = |composition: Value, others: Vec<Value>| {
        let first = json!({"fullUrl": "https://a.example/fhir/Composition/c", "resource": composition});
        json!({"resourceType": "Bundle", "type": "searchset", "entry": std::iter::once(first).chain(others).collect::<Vec<_>>()})
    };
    let loinc = |code: &str| json!({"coding": [{"system": "http://loinc.org", "code": code}]});
    let composition = json!({"resourceType": "Composition", "subject": {"reference": "Patient/p"},
    "contained": [{"resourceType": "Condition", "id": "in"}],
    "section": [
        {"title": "T", "code": loinc("11450-4"), "text": {"div": "<div/>"}, "entry": [
            {"reference": "Condition/c1"}, {"reference": "urn:uuid:1"}, {"reference": "Condition/none"}, {"display": "x"},
            {"reference": "#in"}, {"reference": "https://b.example/Condition/c1/_history/2"}, {"reference": "Patient/p"}]},
        {"code": loinc("9-9"), "entry": [{"reference": "Condition/c1"}], "section": [
            {"code": loinc("48765-2"), "emptyReason": {"text": "asked"}}]},
        7,
    ]});
    let others = vec![
        json!({"fullUrl": "https://a.example/fhir/Patient/p", "resource": {"resourceType": "Patient", "id": "p"}}),
        json!({"fullUrl": "https://a.example/fhir/Condition/c1", "resource": {"resourceType": "Condition", "id": "c1"}}),
        json!({"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Wish"}}),
    ];
    let report = understood(document(composition, others).to_string().as_bytes()).expect("a summary");
    assert_eq!((report.is_document, report.patient, report.resources), (false, Standing::Known, 4));
    use Standing::{Dangling, Known, Unknown, Unreferenced};
    let standings: Vec<Vec<Standing>> =
        report.sections.iter().map(|section| section.entries.iter().map(|entry| entry.standing).collect()).collect();
    assert_eq!(
        standings,
        [vec![Known, Unknown, Dangling, Unreferenced, Known, Known, Unknown], vec![Unknown], vec![], vec![]]
    );
    let sections: Vec<_> = report.sections.iter().map(|section| (section.section, section.code.as_deref())).collect();
    assert_eq!(
        sections,
        [
            (Some(Section::Problems), Some("11450-4")),
            (None, Some("9-9")),
            (Some(Section::Allergies), Some("48765-2")),
            (None, None)
        ]
    );
    assert_eq!(
        (report.sections[0].title.as_deref(), report.sections[2].empty_reason.as_deref()),
        (Some("T"), Some("asked"))
    );
    assert!(!format!("{report:?}").contains("\"T\""));
    assert_eq!(understood(b"{}"), Err(NotASummary::NotABundle));
    assert_eq!(understood(br#"{"resourceType":"Bundle"}"#), Err(NotASummary::NoComposition));
    assert!(matches!(understood(b"{"), Err(NotASummary::Syntax(_))));
}

/// A chart of random resources, about this patient, another or nobody.
fn charts() -> impl Strategy<Value = Vec<Value>> {
    #[rustfmt::skip]
    let types = prop::sample::select(vec![
        "AllergyIntolerance", "CarePlan", "Condition", "Consent", "Device", "DeviceUseStatement", "DiagnosticReport",
        "Encounter", "Flag", "Goal", "Immunization", "MedicationAdministration", "MedicationRequest", "Observation",
        "Practitioner", "Procedure", "ServiceRequest",
    ]);
    let status = prop::sample::select(vec!["active", "completed", "final", "entered-in-error", "stopped", "not-done"]);
    let whose = prop::sample::select(vec![PATIENT, PATIENT, PATIENT, "somebody"]);
    let of = prop::sample::select(vec![
        "Encounter/1",
        "Practitioner/2",
        "Observation/3",
        "urn:uuid:1",
        "#x",
        "Claim/9",
        "?a=b",
        "x y",
    ]);
    let one = (types, resources(), status, whose, of).prop_map(|(resource_type, mut resource, status, whose, of)| {
        resource["resourceType"] = resource_type.into();
        resource["status"] = status.into();
        let subject = json!({"reference": format!("Patient/{whose}")});
        resource["subject"] = subject.clone();
        resource["patient"] = subject;
        resource["encounter"] = json!({"reference": of});
        resource
    });
    prop::collection::vec(one, 0..12).prop_map(|mut all| {
        all.iter_mut().enumerate().for_each(|(at, resource)| resource["id"] = at.to_string().into());
        all
    })
}

proptest! {
    #[test]
    fn a_summary_is_a_sound_document_whatever_the_chart(chart in charts(), pretty in any::<bool>()) {
        let write = |value: &Value| if pretty { serde_json::to_string_pretty(value).expect("JSON") } else { value.to_string() };
        let texts: Vec<String> = std::iter::once(&patient()).chain(&chart).map(write).collect();
        let made = Held::of_texts(texts.clone()).summary_with(|_| {});
        let turned: Vec<String> = texts[..1].iter().chain(texts[1..].iter().rev()).cloned().collect();
        prop_assert_eq!(&Held::of_texts(turned).summary_with(|_| {}), &made, "the order does not matter");
        let document: Value = serde_json::from_slice(&made.bytes).expect("JSON");
        let entries = document["entry"].as_array().expect("entries");
        let urls: std::collections::BTreeSet<&str> = entries.iter().filter_map(|entry| entry["fullUrl"].as_str()).collect();
        prop_assert_eq!(urls.len(), entries.len());
        for entry in entries {
            let mut found = Vec::new();
            literal_references(&entry["resource"], &mut found);
            for reference in found {
                prop_assert!(reference.starts_with('#') || urls.contains(reference), "{}", reference);
            }
        }
        let report = understood(&made.bytes).expect("a summary");
        let entries = report.sections.iter().flat_map(|section| &section.entries);
        prop_assert!(entries.into_iter().all(|entry| entry.standing == Standing::Known));
        prop_assert!(Section::all().filter(|section| section.is_required())
            .all(|section| report.sections.iter().filter(|found| found.section == Some(section)).count() == 1));
        // Every resource is in it or has a reason, or is there only for others.
        for resource in &chart {
            let id = resource["id"].as_str().expect("id");
            let supporting = matches!(resource["resourceType"].as_str(), Some("Encounter" | "Practitioner" | "Consent" | "Device"));
            let known = made.included.iter().chain(made.left_out.iter().map(|(key, _)| key)).any(|key| key.id == id);
            prop_assert!(known || supporting);
        }
    }

    #[test]
    fn any_bytes_are_understood_or_refused(bytes in "\\PC{0,40}|\\{\"resourceType\":\"Bundle\",\"entry\":\\[\\{\"resource\":\\{\"resourceType\":\"Composition\",\"section\":[\\[\\]{}:,\"a-z#/0-9]{0,30}") {
        let _ = understood(bytes.as_bytes());
    }
}

fn literal_references<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| literal_references(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(reference) if name == "reference" => found.push(reference),
            _ => literal_references(value, found),
        }),
        _ => {}
    }
}

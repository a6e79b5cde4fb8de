//! The whole chart, page by page, and what is said beside it.

use super::{BASE, Clinic, token};
use crate::api::change;
use sanad_node::bundle::{ReceiptTo, WriteOptions};
use serde_json::Value;
use std::time::Duration;

/// What a page shows: its matches, what came along, what is said, and where the next page is.
struct Page {
    matches: Vec<String>,
    along: Vec<String>,
    said: Vec<String>,
    next: Option<String>,
}

fn page(bundle: &Value) -> Page {
    let entries = bundle["entry"].as_array().unwrap();
    let name = |entry: &Value| entry["fullUrl"].as_str().unwrap()[BASE.len() + 1..].to_owned();
    let of = |mode: &'static str| entries.iter().filter(move |entry| entry["search"]["mode"] == *mode);
    let link = bundle["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next");
    Page {
        // What is written down of reading comes by itself.
        matches: of("match").map(name).filter(|name| !name.starts_with("AuditEvent")).collect(),
        along: of("include").map(name).collect(),
        said: of("outcome").map(|entry| entry["resource"]["issue"][0]["code"].as_str().unwrap().to_owned()).collect(),
        next: link.map(|link| link["url"].as_str().unwrap()[BASE.len()..].to_owned()),
    }
}

async fn matches(clinic: &Clinic, path: &str) -> Vec<String> {
    page(&clinic.get(path).await.is(200).json()).matches
}

async fn clinic() -> Clinic {
    let clinic = Clinic::new().await;
    let put = async |key: &str, rest: &str| drop(clinic.put(key, rest).await.is(201));
    put("Organization/o", "").await;
    put("Patient/p", r#","managingOrganization":{"reference":"Organization/o"}"#).await;
    put("Patient/q", "").await;
    for (id, when) in [
        ("march", r#","effectiveDateTime":"2018-03-04""#),
        ("april", r#","effectiveDateTime":"2018-04-04""#),
        ("undated", ""),
    ] {
        put(&format!("Observation/{id}"), &format!(r#","subject":{{"reference":"Patient/p"}}{when}"#)).await;
    }
    put("Condition/c", r#","subject":{"reference":"Patient/p"},"onsetDateTime":"2010""#).await;
    put("Observation/other", r#","subject":{"reference":"Patient/q"}"#).await;
    clinic
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_narrowed_by_types_by_when_it_was_saved_and_by_when_care_was_given() {
    let clinic = clinic().await;
    let all = page(&clinic.get("/Patient/p/$everything").await.is(200).json());
    assert_eq!(
        all.matches,
        ["Patient/p", "Observation/march", "Observation/april", "Observation/undated", "Condition/c"]
    );
    assert_eq!((all.along, all.next), (vec!["Organization/o".to_owned()], None));
    assert_eq!(all.said, ["informational"], "nothing is known elsewhere");
    for (query, wanted) in [
        ("_type=Observation", vec!["Observation/march", "Observation/april", "Observation/undated"]),
        ("_type=Condition,Patient", vec!["Patient/p", "Condition/c"]),
        ("start=2018-03-01&end=2018-03-31", vec!["Patient/p", "Observation/march", "Observation/undated"]),
        ("start=2018-04-01", vec!["Patient/p", "Observation/april", "Observation/undated"]),
        ("end=2010-06&_type=Condition", vec!["Condition/c"]),
        ("_since=2999-01-01", vec![]),
        ("_since=2020-01-01&_type=Condition", vec!["Condition/c"]),
    ] {
        assert_eq!(matches(&clinic, &format!("/Patient/p/$everything?{query}")).await, wanted, "{query}");
    }
    let body = r#"{"resourceType":"Parameters","parameter":[{"name":"_type","valueCode":"Condition"},{"name":"start","valueDate":"2009-01-01"},{"name":"_count","valueInteger":1}]}"#;
    let posted = page(&clinic.ask("POST", "/Patient/p/$everything", body).await.is(200).json());
    assert_eq!((posted.matches, posted.next), (vec!["Condition/c".to_owned()], None));
    for bad in ["start=soon", "end=2018-99", "_type=Nobody", "_count=all", "_since=never"] {
        let status = clinic.get(&format!("/Patient/p/$everything?{bad}")).await.status;
        assert!(status == 400 || status == 404, "{bad}: {status}");
    }
    let strict = [("prefer", "handling=strict")];
    clinic.ask_with("GET", "/Patient/p/$everything?colour=red", &strict, "").await.is(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_keeps_what_was_asked_and_shows_each_record_once_while_others_are_saved() {
    let clinic = clinic().await;
    let mut next = Some("/Patient/p/$everything?_count=1&_type=Patient,Observation&end=2018-03-31".to_owned());
    let mut seen = Vec::new();
    while let Some(path) = next {
        let shown = page(&clinic.get(&path).await.is(200).json());
        assert!(shown.matches.len() <= 1, "{:?}", shown.matches);
        seen.extend(shown.matches);
        next = shown.next;
        assert!(next.as_ref().is_none_or(|next| next.contains("end=2018-03-31") && next.contains("_count=1")));
        clinic
            .put(
                &format!("Observation/late{}", seen.len()),
                r#","subject":{"reference":"Patient/p"},"effectiveDateTime":"2019""#,
            )
            .await;
    }
    assert_eq!(seen, ["Patient/p", "Observation/march", "Observation/undated"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_was_merged_has_one_chart_under_each_id() {
    let clinic = clinic().await;
    clinic.put("Patient/q", r#","link":[{"other":{"reference":"Patient/p"},"type":"replaced-by"}]"#).await.is(200);
    clinic.put("Patient/p", r#","link":[{"other":{"reference":"Patient/q"},"type":"replaces"}]"#).await.is(200);
    for id in ["p", "q"] {
        let mut all = matches(&clinic, &format!("/Patient/{id}/$everything")).await;
        assert_eq!(all[0], format!("Patient/{id}"), "the one that was asked for comes first");
        all.sort();
        assert_eq!(
            all,
            [
                "Condition/c",
                "Observation/april",
                "Observation/march",
                "Observation/other",
                "Observation/undated",
                "Patient/p",
                "Patient/q"
            ]
        );
    }
    let allergy = r#","patient":{"reference":"Patient/q"},"code":{"text":"latex"}"#;
    clinic.put("AllergyIntolerance/a", allergy).await.is(201);
    let summary = clinic.get("/Patient/p/$summary").await.is(200).json();
    let entries = summary["entry"].as_array().unwrap();
    let entry = |kind: &str| entries.iter().find(|entry| entry["resource"]["resourceType"] == kind).unwrap();
    let patient = &entry("AllergyIntolerance")["resource"]["patient"]["reference"];
    assert_eq!(*patient, entry("Patient")["fullUrl"], "in a summary they are one patient");
    // Whoever may see one of the ids sees what stands under it, and who says to be the same person.
    let own = token(&clinic.site, &["patient/*.rs"], Some("q")).await;
    let shown = clinic.ask_as(&own, "GET", "/Patient/q/$everything", &[], "").await.is(200);
    assert_eq!(page(&shown.json()).matches, ["Patient/q", "Patient/p", "Observation/other", "AllergyIntolerance/a"]);
    let without_id = clinic.ask_as(&own, "GET", "/Patient/$everything?_type=Observation", &[], "").await.is(200);
    assert_eq!(page(&without_id.json()).matches, ["Observation/other"]);
    let refused = clinic.get("/Patient/$everything").await.is(422).json();
    assert_eq!(refused["issue"][0]["code"], "too-costly");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_records_elsewhere_is_said_and_no_more() {
    let cedar = clinic().await;
    assert_eq!(page(&cedar.get("/Patient/p/$everything").await.json()).said, ["informational"]);
    // Who opened a chart is written into it a moment later, which is a record like any other.
    let written_down = async |clinic: &Clinic, id: &str| {
        for _ in 0..200 {
            if !clinic.get(&format!("/AuditEvent?patient={id}")).await.json()["entry"].is_null() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("nobody wrote down who opened {id}");
    };
    written_down(&cedar, "p").await;
    let (olive, sync) = cedar.neighbour().await;
    olive.put("Patient/r", "").await.is(201);
    let said =
        async |clinic: &Clinic, id: &str| page(&clinic.get(&format!("/Patient/{id}/$everything")).await.json()).said;
    let says_so = async |clinic: &Clinic, id: &str| {
        let path = format!("/Patient/{id}/$summary?_language=en");
        String::from_utf8_lossy(&clinic.get(&path).await.is(200).bytes).contains("Other sites may hold")
    };
    assert_eq!(said(&olive, "r").await, ["suppressed"], "Cedar's charts are here, sealed, and may be anybody's");
    assert!(says_so(&olive, "r").await);
    written_down(&olive, "r").await;
    assert_eq!(said(&cedar, "p").await, ["informational"], "Cedar has heard of nothing");
    assert!(!says_so(&cedar, "p").await);
    sync().await;
    assert_eq!(said(&cedar, "p").await, ["suppressed"], "now Olive's chart is there, and sealed");
    // A stick that had room for a part: what Olive has confirmed says that there is more.
    for n in 0..4 {
        let noise: String = (0..1_000).map(|_| change::new_id()).collect();
        let image = format!(r#","contentType":"image/png","data":"{}""#, noise.replace('-', "+"));
        olive.put(&format!("Binary/{n}"), &image).await.is(201);
    }
    let stick = cedar.folder.join("stick");
    let options = WriteOptions { max_bytes: 64 * 1024, site: None };
    assert!(olive.site.write_bundle(&stick, options, &|_, _| {}).await.unwrap().left > 0);
    cedar.site.read_bundle(&stick, &ReceiptTo::Beside, &|_, _| {}).await.unwrap();
    assert_eq!(said(&cedar, "p").await, ["suppressed", "incomplete"], "Olive holds more than has come");
    sync().await;
    assert_eq!(said(&cedar, "p").await, ["suppressed"]);
    let narrow = token(&olive.site, &["user/Patient.rs"], None).await;
    let shown = olive.ask_as(&narrow, "GET", "/Patient/r/$everything", &[], "").await.is(200).json();
    assert_eq!(page(&shown).said, ["suppressed", "suppressed"], "and what the token does not allow");
    olive.site.close().await;
}

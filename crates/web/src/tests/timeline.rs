//! The head of a chart, and everything of a patient in the order of time.

use super::bedside::Ward;
use super::*;
use sanad_record::transfusion::{BloodGroup, group_observation};
use serde_json::json;

const CHART: &str = "/patients/p1";
const TIMELINE: &str = "/patients/p1/timeline";

fn plain(body: &str) -> String {
    body.replace(['\u{2066}', '\u{2068}', '\u{2069}'], "")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_chart_says_what_is_known_and_where_nothing_is() {
    let ward = Ward::new("head").await;
    let mut door = ward.door().await;
    let empty = door.get(CHART).await.body;
    assert!(
        empty.contains("No allergy is recorded")
            && empty.contains("Not known")
            && empty.contains("Nothing is recorded")
    );
    door.fill("/patients/p1/medicines", "/patients/p1/allergies", "allergen-typed=%3Cb%3Enuts&danger=high").await;
    door.fill("/patients/p1/vitals", "/patients/p1/vitals", "pulse=80&pressure=118/76").await;
    door.fill("/patients/p1/vitals", "/patients/p1/fluids", "way=in-vein&ml=1000").await;
    door.fill("/patients/p1/vitals", "/patients/p1/fluids", "way=out-urine&ml=400").await;
    let now_ms = door.now_ms.load(Ordering::Relaxed);
    let about = json!({ "reference": "Patient/p1" });
    ward.save(json!({ "resourceType": "Condition", "id": "c1", "subject": about, "code": { "text": "Asthma" } })).await;
    ward.save(json!({ "resourceType": "Condition", "id": "c2", "subject": about, "code": { "text": "Measles" },
        "clinicalStatus": { "coding": [{ "code": "resolved" }] } }))
        .await;
    let drafted = sanad_record::shape::Writing { patient: "p1", encounter: None, by: Some("Heron"), at_ms: now_ms };
    let mut group = group_observation(&drafted, BloodGroup::parse("O-").unwrap()).unwrap();
    group["id"] = "g1".into();
    ward.save(group).await;
    let flag = sanad_record::care::decontamination::needed("f1", "p1", now_ms, "Heron");
    ward.save(flag).await;
    let page = plain(&door.get(CHART).await.body);
    for said in [
        "&#60;b&#62;nuts",
        "may kill",
        "Needs decontamination",
        "In 1000",
        "Out 400",
        "Balance +600",
        "Asthma",
        "O-",
        "80",
        "118",
        "href=\"/patients/p1/vitals\"",
        "href=\"/patients/p1/medicines\"",
        "href=\"/patients/p1/timeline\"",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let head = page.split("class=\"card flush glance\"").nth(1).unwrap().split("</section>").next().unwrap();
    assert!(!head.contains("Measles"), "what is over is no problem of today");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_stands_newest_first_with_who_wrote_it_and_how_often() {
    let ward = Ward::new("timeline").await;
    ward.with_people().await;
    let mut door = ward.signed_in("nurse").await;
    door.fill("/patients/p1/notes", "/patients/p1/notes", "text=%3Cb%3Epale").await;
    door.fill("/patients/p1/injuries", "/patients/p1/injuries", "do=add&region=pelvis&kind=burn").await;
    door.fill("/patients/p1/transfer", "/patients/p1/transfer", "category=urgent&consent=given").await;
    ward.save(json!({ "resourceType": "Patient", "id": "p1", "name": [{ "given": ["Mahmoud"], "family": "Hadad" }] }))
        .await;
    let page = plain(&door.get(TIMELINE).await.body);
    let lines: Vec<&str> = page.split("<a class=\"event\"").skip(1).collect();
    assert_eq!(lines.len(), 4);
    let line = |said: &str| *lines.iter().find(|line| line.contains(said)).unwrap_or_else(|| panic!("{said}"));
    assert!(line("&#60;b&#62;pale").contains("nurse · Cedar") && line("&#60;b&#62;pale").contains("version 1"));
    assert!(line("Burn").contains("/patients/p1/Condition/"));
    assert!(line("Written · to").contains("/resources/Task/"));
    assert!(line("/patients/p1/Patient/p1").contains("version 2"));
    let times: Vec<&str> =
        lines.iter().map(|line| line.split("datetime=\"").nth(1).unwrap().split('"').next().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    for (kind, count) in
        [("signs", 1), ("problems", 1), ("transfers", 1), ("person", 1), ("medicines", 0), ("%3Cb%3E", 4)]
    {
        let page = door.get(&format!("{TIMELINE}?kind={kind}")).await;
        assert_eq!((page.status, page.body.matches("class=\"event\"").count()), (StatusCode::OK, count), "{kind}");
    }
    assert!(door.get(&format!("{TIMELINE}?kind=medicines")).await.body.contains("No record of this kind yet"));
    let mut pharmacy = ward.signed_in("pharmacy").await;
    assert_eq!(pharmacy.get(TIMELINE).await.status, StatusCode::FORBIDDEN);
    assert_eq!(door.get("/patients/nobody/timeline").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_timeline_is_turned_page_by_page() {
    let ward = Ward::new("pages").await;
    for number in 0..60 {
        ward.save(json!({ "resourceType": "Observation", "id": format!("o{number}"), "status": "final",
            "code": { "text": format!("Sign {number}.") }, "subject": { "reference": "Patient/p1" } }))
            .await;
    }
    let mut door = ward.door().await;
    let mut found = std::collections::BTreeSet::new();
    for (number, expected) in [("1", 25), ("2", 25), ("3", 10), ("4", 0), ("99999999999", 0)] {
        let page = door.get(&format!("{TIMELINE}?kind=signs&page={number}")).await;
        assert_eq!((page.status, page.body.matches("class=\"event\"").count()), (StatusCode::OK, expected), "{number}");
        found.extend((0..60).filter(|sign| page.body.contains(&format!("Sign {sign}."))));
        let next = page.body.contains("rel=\"next\" href=\"/patients/p1/timeline?kind=signs&amp;page=")
            || page.body.contains("rel=\"next\" href=\"/patients/p1/timeline?kind=signs&#38;page=");
        assert_eq!(next, ["1", "2"].contains(&number), "{number}");
    }
    assert_eq!(found.len(), 60);
    ward.end().await;
}

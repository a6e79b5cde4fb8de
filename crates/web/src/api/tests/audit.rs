//! What is written down of whoever opens a chart.

use super::{Clinic, token};
use crate::api::{Validation, router};
use sanad_node::site::Site;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn who_opened_a_chart_is_written_down_before_the_site_closes() {
    let mut clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    clinic.get("/Patient/p").await.is(200);
    // At once: what was read is gathered and not saved yet.
    clinic.site.close().await;
    clinic.site = Site::open(&clinic.folder, "correct horse", Duration::ZERO).unwrap();
    clinic.router = router(clinic.site.clone(), vec![], Validation::Reject);
    let found = clinic.get("/AuditEvent").await.is(200).json();
    assert_eq!(found["entry"].as_array().unwrap().len(), 1);
    let event = &found["entry"][0]["resource"];
    assert_eq!(event["entity"][0]["what"]["reference"], "Patient/p");
    // Others read it as FHIR.
    let judged = clinic.ask("POST", "/AuditEvent/$validate", &event.to_string()).await.is(200).json();
    assert_eq!(judged["issue"][0]["severity"], "information", "{judged}");
    for needed in ["type", "recorded", "agent", "source"] {
        assert!(!event[needed].is_null(), "{needed}");
    }
    let subtype = &event["subtype"][0];
    let (system, code) = (subtype["system"].as_str().unwrap(), subtype["code"].as_str().unwrap());
    let path = format!("/ValueSet/type-restful-interaction/$validate-code?system={system}&code={code}");
    assert_eq!(clinic.get(&path).await.is(200).json()["parameter"][0]["valueBoolean"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_what_was_written_down_of_reading_is_not_written_down() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    clinic.get("/Patient/p").await.is(200);
    let auditor = token(&clinic.site, &["system/AuditEvent.rs"], None).await;
    let mut changes = clinic.site.changes();
    let id = loop {
        let found = clinic.ask_as(&auditor, "GET", "/AuditEvent?patient=p", &[], "").await.is(200).json();
        if let Some(id) = found["entry"][0]["resource"]["id"].as_str() {
            break id.to_owned();
        }
        changes.changed().await.unwrap();
    };
    for path in [format!("/AuditEvent/{id}"), format!("/AuditEvent/{id}/_history"), "/AuditEvent".to_owned()] {
        clinic.ask_as(&auditor, "GET", &path, &[], "").await.is(200);
    }
    clinic.site.close().await;
    let site = Site::open(&clinic.folder, "correct horse", Duration::ZERO).unwrap();
    let after = Clinic {
        router: router(site.clone(), vec![], Validation::Warn),
        folder: clinic.folder.join("x"),
        site,
        token: clinic.token.clone(),
    };
    let events = after.get("/AuditEvent").await.is(200).json();
    assert_eq!(events["entry"].as_array().unwrap().len(), 1, "one, of the chart that was opened");
}

//! Beds, who lies in them, the sheet that is handed over, and operations.

use super::bedside::Ward;
use super::*;
use serde_json::{Value, json};

const WARD: &str = "/ward";
const OPERATIONS: &str = "/patients/p1/operations";

/// The site with somebody who is here, and a bed.
async fn ward(name: &str) -> Ward {
    let ward = Ward::new(name).await;
    ward.save(json!({ "resourceType": "Encounter", "id": "e1", "status": "triaged",
        "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "EMER" },
        "subject": { "reference": "Patient/p1" }, "period": { "start": "2018-03-01T10:00:00Z" } }))
        .await;
    ward
}

/// The id of the one bed that stands on the page.
fn bed_on(page: &str) -> String {
    let after = page.split("name=\"bed\" value=\"").nth(1).expect("a bed");
    after.split('"').next().unwrap().to_owned()
}

fn place(ward: &Ward) -> Value {
    let stay = ward.all("Encounter").remove(0);
    let active = stay["location"].as_array().into_iter().flatten().find(|place| place["status"] == "active");
    active.map(|place| place["location"].clone()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bed_is_made_given_freed_and_closed() {
    let ward = ward("beds").await;
    let mut door = ward.door().await;
    let page = door.get(WARD).await.body;
    assert!(page.contains("There are no beds yet") && page.contains("Mahmoud"), "{page}");
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    for _ in 0..2 {
        let made = door.post(WARD, WARD, &format!("key={key}&do=add&name=Surgery+4")).await;
        assert_eq!((made.status, header(&made, "location")), (StatusCode::SEE_OTHER, WARD));
    }
    let page = door.get(WARD).await.body;
    assert_eq!(page.matches("<b><bdi>Surgery 4</bdi></b>").count(), 1, "saved once");
    let bed = bed_on(&page);
    let lie = format!("do=lie&stay=e1&bed={bed}");
    assert_eq!(door.fill(WARD, WARD, &lie).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place(&ward)["reference"], json!(format!("Location/{bed}")));
    assert_eq!(place(&ward)["display"], json!("Surgery 4"));
    assert_eq!(ward.all("Encounter")[0]["class"]["code"], json!("IMP"));
    for refused in [lie, format!("do=close&bed={bed}")] {
        let answer = door.fill(WARD, WARD, &refused).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.body.contains("Somebody lies in this bed now"));
    }
    assert_eq!(door.fill(WARD, WARD, &format!("do=free&stay=e1&bed={bed}")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place(&ward), Value::Null);
    assert_eq!(door.fill(WARD, WARD, &format!("do=close&bed={bed}")).await.status, StatusCode::SEE_OTHER);
    assert!(door.get(WARD).await.body.contains("There are no beds yet"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_bed_is_refused_and_stays_typed() {
    let ward = ward("no-beds").await;
    let mut door = ward.door().await;
    door.fill(WARD, WARD, "do=add&name=A1").await;
    for (fields, said) in [
        ("do=add&name=", "Say what the bed is called"),
        ("do=add&name=A1", "Another bed has this name"),
        ("do=add&name=kept%E2%80%AE", "letters that cannot be seen"),
        ("do=lie&stay=e1&bed=nothing", "no longer in use"),
    ] {
        let answer = door.fill(WARD, WARD, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains(said), "{fields}");
        assert!(!fields.contains("kept") || answer.body.contains("value=\"kept"), "{fields}");
    }
    let long = format!("do=add&name={}", "x".repeat(61));
    assert_eq!(door.fill(WARD, WARD, &long).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    door.fill(WARD, WARD, "do=add&name=%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!door.get(WARD).await.body.contains("<script>alert"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sheet_that_is_handed_over_names_nobody() {
    let ward = ward("handover").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    nurse.fill("/patients/p1/notes", "/patients/p1/notes", "text=drain+at+noon").await;
    let sheet = nurse.get("/ward/handover").await.body;
    assert!(sheet.contains("without a bed") && sheet.contains("drain at noon"), "{sheet}");
    assert!(!sheet.contains("Mahmoud") && !sheet.contains("Haddad"));
    // Who sees no charts is handed none.
    let mut coordinator = ward.signed_in("coordinator").await;
    let sheet = coordinator.get("/ward/handover").await;
    assert_eq!(sheet.status, StatusCode::OK);
    assert!(sheet.body.contains("without a bed") && !sheet.body.contains("drain at noon"));
    for role in ["triage", "pharmacy"] {
        let mut door = ward.signed_in(role).await;
        assert_eq!(door.get(WARD).await.status, StatusCode::FORBIDDEN, "{role}");
        assert_eq!(door.get("/ward/handover").await.status, StatusCode::FORBIDDEN, "{role}");
    }
    assert_eq!(coordinator.get("/theatre").await.status, StatusCode::FORBIDDEN);
    assert_eq!(coordinator.get(OPERATIONS).await.status, StatusCode::FORBIDDEN);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_planned_begins_and_ends() {
    let ward = ward("operation").await;
    let mut door = ward.door().await;
    let empty = door.fill(OPERATIONS, OPERATIONS, "do=plan&name=").await;
    assert_eq!(empty.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(empty.body.contains("Say what the operation is"));
    let planned = door.fill(OPERATIONS, OPERATIONS, "do=plan&name=Laparotomy").await;
    assert_eq!(header(&planned, "location"), OPERATIONS);
    let id = ward.all("Procedure")[0]["id"].as_str().unwrap().to_owned();
    let list = door.get("/theatre").await.body;
    assert!(list.contains("Laparotomy") && list.contains("href=\"/patients/p1/operations\""), "{list}");
    door.fill(OPERATIONS, OPERATIONS, &format!("do=begin&id={id}&by=Kestrel")).await;
    let running = ward.all("Procedure").remove(0);
    assert_eq!(
        (&running["status"], &running["performer"][0]["actor"]["display"]),
        (&json!("in-progress"), &json!("Kestrel"))
    );
    let long = "x".repeat(201);
    let refused = door.fill(OPERATIONS, OPERATIONS, &format!("do=end&id={id}&findings=kept&implants={long}")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.body.contains("more than 200 letters") && refused.body.contains(">kept</textarea>"));
    let fields = format!("do=end&id={id}&findings=spleen+torn&implants=drain%0D%0Amesh");
    door.fill(OPERATIONS, OPERATIONS, &fields).await;
    let over = ward.all("Procedure").remove(0);
    assert_eq!((&over["status"], &over["note"][0]["text"]), (&json!("completed"), &json!("spleen torn")));
    assert_eq!(over["usedCode"], json!([{ "text": "drain" }, { "text": "mesh" }]));
    assert!(!door.get("/theatre").await.body.contains("Laparotomy"));
    // What is over does not begin again, and what is of nobody here is not found.
    door.fill(OPERATIONS, OPERATIONS, &format!("do=begin&id={id}")).await;
    assert_eq!(ward.all("Procedure")[0]["status"], json!("completed"));
    assert_eq!(door.fill(OPERATIONS, OPERATIONS, "do=begin&id=other").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

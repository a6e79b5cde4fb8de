//! Beds, who lies in them, the sheet that is handed over, and operations.

use super::bedside::Ward;
use super::*;
use sanad_record::care::stay::{self, Disposition};
use sanad_record::care::transfer::{self, Category, Consent, Request, Step, advance};
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

/// The id of the free bed of this name, by the list of those that can be given.
fn ward_bed(page: &str, name: &str) -> String {
    let before = page.split(&format!("\">{name}</option>")).next().expect("a free bed");
    before.rsplit('"').next().unwrap().to_owned()
}

/// Lays the one who is here into a bed.
async fn laid(door: &mut Door) {
    door.fill(WARD, WARD, "do=add&name=A1").await;
    let bed = bed_on(&door.get(WARD).await.body);
    assert_eq!(door.fill(WARD, WARD, &format!("do=lie&stay=e1&bed={bed}")).await.status, StatusCode::SEE_OTHER);
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
    // Moved to another bed; what a page of before says of the first one changes nothing.
    door.fill(WARD, WARD, "do=add&name=Surgery+5").await;
    let other = ward_bed(&door.get(WARD).await.body, "Surgery 5");
    assert_eq!(door.fill(WARD, WARD, &format!("do=lie&stay=e1&bed={other}")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(place(&ward)["display"], json!("Surgery 5"));
    door.fill(WARD, WARD, &format!("do=free&stay=e1&bed={bed}")).await;
    assert_eq!(place(&ward)["display"], json!("Surgery 5"));
    assert_eq!(door.fill(WARD, WARD, &format!("do=close&bed={bed}")).await.status, StatusCode::SEE_OTHER);
    let bed = other;
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
    let fields = format!("key={}&do=add&name=A1", "1".repeat(32));
    let mut triage = ward.signed_in("triage").await;
    assert_eq!(triage.post("/", WARD, &fields).await.status, StatusCode::FORBIDDEN);
    for path in [OPERATIONS, "/casualties/p1"] {
        let fields = format!("key={}&do=plan&name=x", "1".repeat(32));
        assert_eq!(coordinator.post("/", path, &fields).await.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert!(ward.all("Procedure").is_empty() && !nurse.get(WARD).await.body.contains("A1"));
    assert!(!coordinator.get(WARD).await.body.contains("#leave"), "who may not end a stay is not led there");
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
    door.fill(OPERATIONS, OPERATIONS, &format!("do=begin&id={id}&team=Kestrel,+Swift")).await;
    let running = ward.all("Procedure").remove(0);
    assert_eq!(
        (&running["status"], &running["performer"][1]["actor"]["display"]),
        (&json!("in-progress"), &json!("Swift"))
    );
    assert!(door.get("/ward/handover").await.body.contains("Laparotomy, Going on"));
    // The day before, at the site's clocks: before it began.
    let early = door.fill(OPERATIONS, OPERATIONS, &format!("do=end&id={id}&at=23:59&findings=kept")).await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.body.contains("cannot end before it began") && early.body.contains(">kept</textarea>"));
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

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_operation_has_a_time_and_a_team_and_what_is_no_time_stays_typed() {
    let ward = ward("planned").await;
    let mut door = ward.door().await;
    for at in ["24:00", "soon", "12:6%D9%A0", "%3Cb%3E", "1405"] {
        let fields = format!("do=plan&name=Wash-out&team=Kestrel&at={at}");
        let refused = door.fill(OPERATIONS, OPERATIONS, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{at}");
        assert!(refused.body.contains("Write the time as 14:05"), "{at}");
        assert!(refused.body.contains("value=\"Wash-out\"") && refused.body.contains("value=\"Kestrel\""), "{at}");
    }
    assert!(ward.all("Procedure").is_empty());
    let key = door.get(OPERATIONS).await.body.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    // Arabic digits and an Arabic comma.
    let fields = format!("key={key}&do=plan&name=Wash-out&team=Kestrel%D8%8C+Swift&at=%D9%A0%D9%A7:%D9%A3%D9%A0");
    for _ in 0..2 {
        assert_eq!(door.post(OPERATIONS, OPERATIONS, &fields).await.status, StatusCode::SEE_OTHER);
    }
    let planned = ward.all("Procedure");
    assert_eq!(planned.len(), 1, "saved once");
    assert!(planned[0]["performedPeriod"]["start"].as_str().unwrap().contains("T07:30:00"), "{}", planned[0]);
    let list = door.get("/theatre").await.body;
    assert!(list.contains("07:30") && list.contains("Kestrel, Swift"), "{list}");
    let id = planned[0]["id"].as_str().unwrap();
    door.fill(OPERATIONS, OPERATIONS, &format!("do=cancel&id={id}")).await;
    assert_eq!(ward.all("Procedure")[0]["status"], json!("not-done"));
    assert!(!door.get("/theatre").await.body.contains("Wash-out"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_frees_the_bed_and_a_death_keeps_its_time_and_cause() {
    const PAGE: &str = "/casualties/p1";
    for how in ["home", "against-advice", "died"] {
        let ward = ward(&format!("leaves-{how}")).await;
        let mut door = ward.door().await;
        laid(&mut door).await;
        assert!(door.get(WARD).await.body.contains("href=\"/casualties/p1#leave\""));
        let refused = door.fill(PAGE, PAGE, "do=leave&how=died&cause=Blast&died-at=25:00").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.body.contains("Write the time as 14:05") && refused.body.contains("value=\"Blast\""));
        let key = door.get(PAGE).await.body.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
        let cause = if how == "died" { "&cause=Blast" } else { "" };
        for _ in 0..2 {
            let left = door.post(PAGE, PAGE, &format!("key={key}&do=leave&how={how}{cause}")).await;
            assert_eq!((left.status, header(&left, "location")), (StatusCode::SEE_OTHER, PAGE), "{how}");
        }
        let stay = stay::read(&ward.all("Encounter")[0]).unwrap();
        let leaving = stay.leaving.unwrap();
        assert_eq!((leaving.disposition, stay.parts.location), (Disposition::of_code(how), None));
        assert_eq!(leaving.cause.as_deref(), (how == "died").then_some("Blast"));
        assert_eq!(ward.all("Patient")[0].get("deceasedDateTime").is_some(), how == "died");
        let page = door.get(WARD).await.body;
        assert!(!page.contains("Mahmoud") && page.contains("A1"), "{how}");
        assert_eq!(ward.all("Encounter")[0]["statusHistory"].as_array().unwrap().len(), 1, "saved once");
        ward.end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_death_is_recorded_at_the_time_that_is_typed() {
    const PAGE: &str = "/casualties/p1";
    let ward = ward("died-at").await;
    // Here since 11:00; the clocks show 11:20, and the bed was given at that minute.
    let mut stay = ward.all("Encounter").remove(0);
    stay["period"]["start"] = json!("2018-03-02T11:00:00Z");
    ward.save(stay).await;
    let mut door = ward.door().await;
    laid(&mut door).await;
    let early = door.fill(PAGE, PAGE, "do=leave&how=died&cause=Blast&died-at=10:59").await;
    assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(early.body.contains("cannot end before it began") && early.body.contains("value=\"10:59\""));
    assert!(ward.all("Patient")[0].get("deceasedDateTime").is_none());
    let died = door.fill(PAGE, PAGE, "do=leave&how=died&cause=Blast&died-at=%D9%A1%D9%A1:%D9%A1%D9%A0").await;
    assert_eq!(died.status, StatusCode::SEE_OTHER);
    let at_ms = 1_519_989_000_000;
    assert_eq!(stay::read(&ward.all("Encounter")[0]).unwrap().leaving.unwrap().at_ms, Some(at_ms));
    let died = ward.all("Patient").remove(0);
    let span = sanad_record::time::span(died["deceasedDateTime"].as_str().unwrap()).unwrap();
    assert_eq!(span.from_ms, 1_519_989_000_000);
    let lain = &ward.all("Encounter")[0]["location"][0]["period"];
    assert!(lain["end"].as_str() >= lain["start"].as_str(), "{lain}");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_departs_on_a_transfer_has_left_the_bed() {
    let ward = ward("departs").await;
    let mut door = ward.door().await;
    laid(&mut door).await;
    let from = transfer::Site { id: Some(ward.site.facility().to_string()), name: "Cedar".to_owned() };
    let to = transfer::Site { id: Some("00ff".to_owned()), name: "Olive".to_owned() };
    let request = Request {
        patient: "p1".to_owned(),
        encounter: None,
        from,
        to: Some(to.clone()),
        category: Category::Urgent,
        consent: Consent::Given,
        escort: None,
        needs: vec![],
        reason: None,
    };
    let id = format!("{}1", transfer::ID_PREFIX);
    let mut task = transfer::draft(&id, &request, 1_519_900_000_000, "Heron").unwrap();
    for step in [Step::Request(&to), Step::Accept] {
        task = advance(&task, &step, 1_519_900_000_000, "Heron").unwrap();
    }
    ward.save(task).await;
    let path = format!("/transfers/{id}");
    for _ in 0..2 {
        assert_eq!(door.fill("/transfers", &path, "do=depart").await.status, StatusCode::SEE_OTHER);
    }
    let stay = stay::read(&ward.all("Encounter")[0]).unwrap();
    let leaving = stay.leaving.unwrap();
    assert_eq!((leaving.disposition, stay.parts.location), (Some(Disposition::Transferred), None));
    let page = door.get(WARD).await.body;
    assert!(!page.contains("Mahmoud") && page.contains("A1"), "{page}");
    assert!(!door.get("/board").await.body.contains("Mahmoud"));
    ward.end().await;
}

//! One case leaves without saying whose it is, and the answer comes back into the chart.

use super::bedside::Ward;
use super::*;
use serde_json::json;

const CONSULT: &str = "/patients/p1/consult";

#[tokio::test(flavor = "multi_thread")]
async fn a_case_leaves_without_name_tag_date_or_what_else_the_chart_says() {
    let ward = Ward::new("consult").await;
    ward.save(json!({ "resourceType": "Patient", "id": "p1", "birthDate": "1984-05-01", "gender": "male",
        "identifier": [{ "system": "urn:sanad:tag", "value": "K7-204" }],
        "address": [{ "city": "Douma" }], "name": [{ "given": ["Mahmoud"], "family": "Haddad" }] }))
        .await;
    let mut door = ward.door().await;
    let injury = "do=add&region=thigh-left&kind=fracture&note=seen+by+Heron+in+Douma";
    door.fill("/patients/p1/injuries", "/patients/p1/injuries", injury).await;
    door.fill("/patients/p1/vitals", "/patients/p1/vitals", "pulse=96").await;
    door.fill("/patients/p1/notes", "/patients/p1/notes", "text=brother+of+the+baker").await;
    let page = door.get(CONSULT).await.body;
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let fields = format!("key={key}&do=ask&question=No+pulse+below+%3Cb%3E.+Amputate%3F");
    let file = door.post(CONSULT, CONSULT, &fields).await;
    assert_eq!(file.status, StatusCode::OK);
    assert!(header(&file, "content-disposition").starts_with("attachment; filename=\"case-"));
    let text = file.body.replace(['\u{2068}', '\u{2069}'], "");
    for said in [
        "No pulse below &#60;b&#62;. Amputate?",
        "Fracture · Left thigh, front",
        "Pulse",
        "96",
        "18–39",
        "body__part--hurt",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    for hidden in ["Mahmoud", "Haddad", "K7-204", "1984", "Douma", "Heron", "baker", "p1", "2018", "Cedar", "<b>."] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    let again = door.post(CONSULT, CONSULT, &fields).await;
    assert_eq!(again.body, file.body, "sent twice it is the same file");
    assert_eq!(ward.all("Communication").len(), 1);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_with_the_patients_name_or_with_nothing_does_not_leave() {
    let ward = Ward::new("consult-names").await;
    let mut door = ward.door().await;
    for (question, said) in [
        ("Can+Mahmoud+travel%3F", "part of the patient"),
        ("%D9%85%D8%AD%D9%85%D9%88%D8%AF", "part of the patient"),
        ("+", "Write something here"),
    ] {
        let answer = door.fill(CONSULT, CONSULT, &format!("do=ask&question={question}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{question}");
        assert!(answer.body.contains(said), "{question}");
    }
    assert!(ward.all("Communication").is_empty());
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_stands_with_its_question_and_says_who_gave_it() {
    let ward = Ward::new("consult-answer").await;
    ward.with_people().await;
    let mut door = ward.signed_in("doctor").await;
    door.fill(CONSULT, CONSULT, "do=ask&question=Amputate%3F").await;
    let asked = ward.all("Communication")[0]["id"].as_str().unwrap().to_owned();
    let empty = door.fill(CONSULT, CONSULT, &format!("do=answer&asked={asked}&from=Dr+Far&answer=")).await;
    assert!(empty.status == StatusCode::UNPROCESSABLE_ENTITY && empty.body.contains("value=\"Dr Far\""));
    let saved = door.fill(CONSULT, CONSULT, &format!("do=answer&asked={asked}&from=Dr+Far&answer=Shunt+first")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let page = door.get(CONSULT).await.body;
    assert!(page.contains("Amputate?") && page.contains("Shunt first") && page.contains("Dr Far"));
    let none = door.fill(CONSULT, CONSULT, "do=answer&asked=nobodys&answer=x").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.get(CONSULT).await.status, StatusCode::FORBIDDEN);
    ward.end().await;
}

//! A person is made of as little as is known, and made once.

use super::bedside::Ward;
use super::*;

const NEW: &str = "/patients/new";

/// Where a form led.
fn there(answer: &Answer) -> String {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    header(answer, "location").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_enough_and_a_second_press_makes_nobody() {
    let ward = Ward::new("tag-only").await;
    let mut door = ward.door().await;
    let page = door.get(NEW).await.body;
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let first = there(&door.post(NEW, NEW, &format!("key={key}&tag=K7-204&sex=unknown")).await);
    let again = there(&door.post(NEW, NEW, &format!("key={key}&tag=K7-204&sex=unknown")).await);
    assert_eq!(first, again);
    assert!(door.get(&first).await.body.contains("K7-204"));
    let worn = door.fill(NEW, NEW, "tag=k7-204").await;
    assert_eq!(worn.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(worn.body.contains("Somebody else wears this tag now") && worn.body.contains(&format!("href=\"{first}\"")));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_be_here_already_is_shown_before_another_is_made() {
    let ward = Ward::new("alike").await;
    let mut door = ward.door().await;
    // The site knows Mahmoud Haddad, born in 1984; he is typed in Arabic.
    let fields = "given=%D9%85%D8%AD%D9%85%D9%88%D8%AF&family=%D8%AD%D8%AF%D8%A7%D8%AF&born=1984";
    let asked = door.fill(NEW, NEW, fields).await;
    assert_eq!(asked.status, StatusCode::OK);
    assert!(
        asked.body.contains("Is it one of these?") && asked.body.contains("href=\"/patients/p1\""),
        "{}",
        asked.body
    );
    assert!(asked.body.contains("value=\"محمود\""), "what was typed stays");
    let made = there(&door.fill(NEW, NEW, &format!("{fields}&sure=yes")).await);
    assert_ne!(made, "/patients/p1");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_of_a_person_is_said_at_its_field() {
    let ward = Ward::new("wrong-person").await;
    let mut door = ward.door().await;
    for (fields, said) in [
        ("tag=&given=", "Nothing is filled in"),
        ("given=kept&age=4o", "A unit that is not known here"),
        ("given=kept&age=%D9%A4%D9%A0&born=1990", "not both"),
        ("given=kept&born=31%2F2%2F1990", "No calendar has such a day"),
        ("given=kept&born=2050", "still to come"),
        ("given=kept%E2%80%AE", "letters that cannot be seen"),
    ] {
        let answer = door.fill(NEW, NEW, fields).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(answer.body.contains(said), "{fields}");
        assert!(!fields.contains("kept") || answer.body.contains("value=\"kept"), "{fields}");
    }
    let markup = there(&door.fill(NEW, NEW, "given=%3Cscript%3Ealert(1)%3C/script%3E").await);
    assert!(!door.get(&markup).await.body.contains("<script>alert"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_is_completed_without_losing_what_another_wrote_meanwhile() {
    let ward = Ward::new("identity").await;
    let mut door = ward.door().await;
    let address = "/patients/p1/identity";
    let page = door.get(address).await.body;
    assert!(page.contains("value=\"Mahmoud\""));
    let field =
        |name: &str| page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap();
    let (key, seen) = (field("key").to_owned(), field("seen").replace(':', "%3A"));
    // Another corrects the family name while this form is open.
    door.fill(address, address, &format!("seen={seen}&given=Mahmoud&family=Haddadi&born=1984-05-01")).await;
    let mine = format!("key={key}&seen={seen}&given=Mahmoud&family=Haddad&father=Samir&born=1984-05-01");
    assert_eq!(there(&door.post(address, address, &mine).await), "/patients/p1");
    let page = door.get(address).await.body;
    assert!(page.contains("value=\"Haddadi\"") && page.contains("value=\"Samir\""));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_an_identity_is_shown_none() {
    let ward = Ward::new("identity-rights").await;
    ward.with_people().await;
    let mut pharmacy = ward.signed_in("pharmacy").await;
    assert_eq!(pharmacy.get(NEW).await.status, StatusCode::FORBIDDEN);
    assert_eq!(pharmacy.get("/patients/p1/identity").await.status, StatusCode::FORBIDDEN);
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.get("/patients/p1/identity").await.status, StatusCode::OK);
    ward.end().await;
}

/// Somebody with this given and family name, and one thing written about them.
async fn person(ward: &Ward, id: &str, given: &str, family: &str) {
    let name = serde_json::json!([{ "given": [given], "family": family }]);
    ward.save(serde_json::json!({ "resourceType": "Patient", "id": id, "name": name, "birthDate": "1984" })).await;
    ward.save(serde_json::json!({ "resourceType": "Condition", "id": format!("of-{id}"),
        "code": { "text": format!("burn of {id}") }, "subject": { "reference": format!("Patient/{id}") } }))
        .await;
}

fn said(ward: &Ward, id: &str) -> serde_json::Value {
    let key = sanad_record::key::ResourceKey::new("Patient", id).unwrap();
    serde_json::from_slice(&ward.site.reader().resource(&key).unwrap().unwrap().raw.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_word_in_either_script_is_answered_and_not_kept() {
    let ward = Ward::new("live").await;
    let mut door = ward.door().await;
    for typed in ["Mah", "mahmoud", "%D9%85%D8%AD%D9%85", "hadd"] {
        let found = door.post("/patients", "/patients", &format!("q={typed}&live=yes")).await;
        assert_eq!(found.status, StatusCode::OK);
        assert!(found.body.contains("href=\"/patients/p1\""), "{typed}");
        assert!(!found.body.contains("/patients?s="), "{typed}");
    }
    let none = door.post("/patients", "/patients", "q=%3Cb%3Ezz&live=yes").await.body;
    assert!(!none.contains("href=\"/patients/p1\"") && !none.contains("<b>zz"));
    let all = door.post("/patients", "/patients", "q=&live=yes").await.body;
    assert!(
        all.contains("href=\"/patients/p1\"") && all.contains("id=\"found\"") && all.contains("id=\"found-count\"")
    );
    let kept = door.post("/patients", "/patients", "q=Mah").await;
    assert!(header(&kept, "location").starts_with("/patients?s="), "without a script the button leads to an address");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_become_one_and_two_again_and_nothing_is_lost() {
    let ward = Ward::new("same").await;
    person(&ward, "p2", "محمود", "حداد").await;
    person(&ward, "p3", "Layla", "Nasser").await;
    let (one, two) = (said(&ward, "p1"), said(&ward, "p2"));
    let mut door = ward.door().await;
    let list = door.get("/patients/p1/same").await.body;
    assert!(list.contains("href=\"/patients/p1/same/p2\"") && !list.contains("/same/p3\""));
    let found = door.post("/patients/p1/same", "/patients/p1/same", "q=Layla").await.body;
    assert!(found.contains("href=\"/patients/p1/same/p3\""));
    let address = "/patients/p1/same/p2";
    let page = door.get(address).await.body;
    assert!(page.contains("Mahmoud") && page.contains("محمود") && page.contains("beside--off"), "{page}");

    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    for _ in 0..2 {
        let merged = door.post(address, address, &format!("key={key}&do=merge&keep=p1")).await;
        assert_eq!(there(&merged), "/patients/p1");
    }
    let gone = said(&ward, "p2");
    assert_eq!(
        (&gone["active"], &gone["link"][0]["type"]),
        (&serde_json::json!(false), &serde_json::json!("replaced-by"))
    );
    assert_eq!(said(&ward, "p1")["link"][0]["type"], "replaces");
    let chart = door.get("/patients/p1").await.body;
    assert!(chart.contains("burn of p2") && chart.contains("href=\"/patients/p1/same/p2\""));
    assert_eq!(there(&door.get("/patients/p2").await), "/patients/p1");
    assert!(door.get("/patients/p1/same").await.body.contains("Records merged into this chart"));
    // Who was merged is offered as the one into whom they were.
    assert_eq!(there(&door.get("/patients/p3/same/p2").await), "/patients/p3/same/p1");

    let parted = door.fill(address, address, "do=part").await;
    assert_eq!(there(&parted), address);
    assert_eq!((said(&ward, "p1"), said(&ward, "p2")), (one, two), "both are again as they were");
    assert!(!door.get("/patients/p1").await.body.contains("burn of p2"));
    assert!(door.get("/patients/p2").await.body.contains("burn of p2"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_merged_meanwhile_is_not_merged_over() {
    let ward = Ward::new("same-late").await;
    for (id, given) in [("p2", "Mahmoud"), ("p3", "Mahmud")] {
        person(&ward, id, given, "Haddad").await;
    }
    let mut door = ward.door().await;
    let key = |body: &str| body.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    let mine = key(&door.get("/patients/p1/same/p2").await.body);
    door.fill("/patients/p2/same/p3", "/patients/p2/same/p3", "do=merge&keep=p3").await;
    let late = door.post("/patients/p1", "/patients/p1/same/p2", &format!("key={mine}&do=merge&keep=p1")).await;
    assert_eq!(there(&late), "/patients/p1/same/p3", "where the two are looked at now");
    assert_eq!(said(&ward, "p1").get("link"), None);
    // Of two that are one already, and of two that are apart already, it is said.
    for (page, fields) in [("/patients/p3/same/p2", "do=merge&keep=p3"), ("/patients/p1/same/p3", "do=part")] {
        let again = door.fill(page, page, fields).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(again.body.contains("One of the two changed before you pressed"));
    }
    for (page, fields) in [("/patients/p1/same/p3", "do=merge&keep=p2"), ("/patients/p1/same/p3", "do=burn")] {
        assert_ne!(door.fill(page, page, fields).await.status, StatusCode::SEE_OTHER, "{fields}");
    }
    assert_eq!(door.get("/patients/p1/same/nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(there(&door.get("/patients/p1/same/p1").await), "/patients/p1/same");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_of_two_sites_is_parted_in_both_directions() {
    let ward = Ward::new("same-circle").await;
    let link = |id: &str, other: &str| {
        let links = ["replaced-by", "replaces"]
            .map(|kind| serde_json::json!({ "other": { "reference": format!("Patient/{other}") }, "type": kind }));
        serde_json::json!({ "resourceType": "Patient", "id": id, "active": false, "link": links })
    };
    for (id, other) in [("p2", "p3"), ("p3", "p2")] {
        person(&ward, id, "Rima", "Saleh").await;
        ward.save(link(id, other)).await;
    }
    let mut door = ward.door().await;
    door.fill("/patients/p2/same/p3", "/patients/p2/same/p3", "do=part").await;
    for id in ["p2", "p3"] {
        assert_eq!(said(&ward, id).get("link"), None);
        assert_eq!(door.get(&format!("/patients/{id}")).await.status, StatusCode::OK);
    }
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_merge_is_not_shown_how() {
    let ward = Ward::new("same-rights").await;
    person(&ward, "p2", "Mahmoud", "Haddad").await;
    ward.with_people().await;
    let mut triage = ward.signed_in("triage").await;
    assert!(!triage.get("/patients/p1").await.body.contains("/same"));
    for address in ["/patients/p1/same", "/patients/p1/same/p2"] {
        assert_eq!(triage.get(address).await.status, StatusCode::FORBIDDEN);
    }
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.get("/patients/p1/same/p2").await.status, StatusCode::OK);
    ward.end().await;
}

//! Two records become one person, and two people again, with everything that each had.

use super::bedside::Ward;
use super::*;
use serde_json::json;

const ALIKE: &str = "/patients/p1/alike";
const MERGE: &str = "/patients/p1/merge/p2";

async fn ward(name: &str) -> Ward {
    let ward = Ward::new(name).await;
    ward.save(json!({ "resourceType": "Patient", "id": "p2", "birthDate": "1984", "gender": "male",
        "identifier": [{ "use": "temp", "value": "K7-204" }],
        "name": [{ "text": "محمود حداد", "given": ["محمود"], "family": "حداد" }] }))
        .await;
    ward.save(json!({ "resourceType": "Observation", "id": "o2", "status": "final", "code": { "text": "theirs" },
        "subject": { "reference": "Patient/p2" } }))
        .await;
    ward
}

fn patient(ward: &Ward, id: &str) -> serde_json::Value {
    let key = format!("Patient/{id}").parse().unwrap();
    serde_json::from_slice(&ward.site.reader().resource(&key).unwrap().unwrap().raw.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_records_become_one_and_two_again_and_nothing_is_lost() {
    let ward = ward("merge").await;
    let mut door = ward.door().await;
    let before = ["p1", "p2"].map(|id| patient(&ward, id));
    let page = door.get(ALIKE).await.body;
    assert!(page.contains("href=\"/patients/p1/merge/p2\""), "{page}");
    let page = door.get(MERGE).await.body;
    assert!(page.contains("K7-204") && page.contains("Agrees: ") && page.contains("They are one person"), "{page}");
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    for _ in 0..2 {
        let saved = door.post(MERGE, MERGE, &format!("key={key}")).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, "/patients/p1"));
    }
    let (kept, gone) = (patient(&ward, "p1"), patient(&ward, "p2"));
    assert_eq!(kept["link"], json!([{ "other": { "reference": "Patient/p2" }, "type": "replaces" }]));
    assert_eq!(gone["link"], json!([{ "other": { "reference": "Patient/p1" }, "type": "replaced-by" }]));
    assert_eq!(gone["active"], json!(false));
    assert_eq!(ward.all("Observation").len(), 1, "what the other had is in the chart of who is kept");
    assert_eq!(header(&door.get("/patients/p2/alike").await, "location"), ALIKE);
    let page = door.get(ALIKE).await.body;
    assert!(page.contains("Merged into this record") && !page.contains("/merge/p2"), "{page}");
    let back = door.fill(ALIKE, "/patients/p1/unmerge/p2", "").await;
    assert_eq!(header(&back, "location"), "/patients/p2");
    assert!(before == ["p1", "p2"].map(|id| patient(&ward, id)), "each as it was");
    assert!(ward.all("Observation").is_empty());
    assert_eq!(door.get("/patients/p2").await.status, StatusCode::OK);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_that_were_merged_each_into_the_other_come_apart() {
    let ward = ward("merge-circle").await;
    let mut door = ward.door().await;
    let before = ["p1", "p2"].map(|id| patient(&ward, id));
    // As two sites leave it that did not know of each other.
    for (id, other) in [("p1", "p2"), ("p2", "p1")] {
        let mut value = patient(&ward, id);
        value["active"] = json!(false);
        value["link"] = json!([
            { "other": { "reference": format!("Patient/{other}") }, "type": "replaced-by" },
            { "other": { "reference": format!("Patient/{other}") }, "type": "replaces" },
        ]);
        ward.save(value).await;
    }
    let back = door.fill(ALIKE, "/patients/p1/unmerge/p2", "").await;
    assert_eq!(header(&back, "location"), "/patients/p2");
    assert!(before == ["p1", "p2"].map(|id| patient(&ward, id)), "each as it was");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_merged_with_themselves_or_with_nobody_and_few_may() {
    let ward = ward("merge-rights").await;
    ward.with_people().await;
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(header(&nurse.get("/patients/p1/merge/p1").await, "location"), ALIKE);
    assert_eq!(nurse.get("/patients/p1/merge/nobody").await.status, StatusCode::NOT_FOUND);
    assert_eq!(nurse.get("/patients/p1/merge/%3Cb%3E").await.status, StatusCode::NOT_FOUND);
    // Whoever is not merged is not taken apart.
    let before = ["p1", "p2"].map(|id| patient(&ward, id));
    nurse.fill(MERGE, "/patients/p1/unmerge/p2", "").await;
    assert!(before == ["p1", "p2"].map(|id| patient(&ward, id)));
    for role in ["triage", "pharmacy", "coordinator"] {
        let mut door = ward.signed_in(role).await;
        assert_eq!(door.get(ALIKE).await.status, StatusCode::FORBIDDEN, "{role}");
        assert_eq!(door.get(MERGE).await.status, StatusCode::FORBIDDEN, "{role}");
    }
    ward.end().await;
}

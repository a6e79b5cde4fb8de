//! Two values of one thing: both are shown where they are, and one of them is chosen, once.

use super::bedside::Ward;
use super::transfers::{Two, tasks};
use super::*;
use sanad_record::version::VersionId;
use serde_json::{Value, json};

const CHART: &str = "/patients/p1";
const SETTLE: &str = "/resources/Observation/o1/settle";

fn weight(kg: u32) -> Value {
    json!({ "resourceType": "Observation", "id": "o1", "status": "final", "code": { "text": "Weight" },
        "subject": { "reference": "Patient/p1" }, "valueQuantity": { "value": kg, "unit": "kg" } })
}

async fn write(site: &Site, value: &Value, follows: Option<Vec<VersionId>>, by: &str) -> VersionId {
    let key = format!("{}/{}", value["resourceType"].as_str().unwrap(), value["id"].as_str().unwrap());
    let raw = Some(serde_json::to_vec(value).unwrap());
    let change = Change { key: key.parse().unwrap(), raw, about: None, follows };
    site.save(SaveRequest { changes: vec![change], idempotency: None, by: Some(by.to_owned()) }).await.unwrap().versions
        [0]
}

/// Two versions of a resource that neither knows of the other.
async fn apart(site: &Site, base: &Value, sides: [&Value; 2]) {
    let first = write(site, base, None, "Heron").await;
    for (side, by) in sides.into_iter().zip(["Swift", "Crane"]) {
        write(site, side, Some(vec![first]), by).await;
    }
}

async fn weights_apart(site: &Site) {
    apart(site, &weight(60), [&weight(62), &weight(68)]).await;
}

/// Another browser at the same screens.
async fn beside(door: &Door) -> Door {
    let (router, code, now_ms) = (door.router.clone(), door.code.clone(), door.now_ms.clone());
    let stop = tokio::sync::watch::channel(false).0;
    let mut other = Door { router, code, now_ms, client: door.client, cookies: BTreeMap::new(), stop };
    other.post("/", "/language", "language=en&back=/").await;
    other
}

fn conflicts(site: &Site, key: &str) -> usize {
    site.reader().resource(&key.parse().unwrap()).unwrap().map_or(0, |found| found.conflicts.len())
}

fn stands(site: &Site) -> Value {
    let raw = site.reader().resource(&"Observation/o1".parse().unwrap()).unwrap().unwrap().raw.unwrap();
    serde_json::from_slice::<Value>(&raw).unwrap()["valueQuantity"]["value"].clone()
}

/// A form of a page as a browser would send it.
struct Form {
    hidden: String,
    /// The versions that can be chosen, each with what stands beside it.
    sides: Vec<(String, String)>,
}

fn form(page: &str, name: &str) -> Form {
    let form = page.split("<form class=\"settle\"").nth(1).expect("a form to settle").split("</form>").next().unwrap();
    let field =
        |name: &str| form.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap();
    let hidden = format!("key={}&seen={}&from={}", field("key"), field("seen"), field("from"));
    let sides = form.split("<div class=\"settle__side\">").skip(1).filter_map(|side| {
        let version = side.split(&format!("name=\"{name}\" value=\"")).nth(1)?.split('"').next()?;
        Some((version.to_owned(), side.replace(['\u{2068}', '\u{2069}'], "").replace('\u{a0}', " ")))
    });
    Form { hidden, sides: sides.collect() }
}

impl Form {
    fn choosing(&self, said: &str) -> String {
        let side = self.sides.iter().find(|(_, text)| text.contains(said)).expect("that side");
        format!("{}&choice-0={}", self.hidden, side.0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_values_stand_in_the_chart_with_who_and_one_tap_settles_it_once() {
    let ward = Ward::new("settle").await;
    weights_apart(&ward.site).await;
    let mut first = ward.door().await;
    let mut second = beside(&first).await;
    let page = first.get(CHART).await.body;
    let seen = form(&page, "choice-0");
    assert_eq!(seen.sides.len(), 2);
    for (value, by) in [("62 kg", "Swift"), ("68 kg", "Crane")] {
        assert!(seen.sides.iter().any(|(_, text)| text.contains(value) && text.contains(by) && text.contains("<time")));
    }
    for address in ["/conflicts", "/resources/Observation/o1", "/patients/p1/Observation/o1", SETTLE] {
        assert_eq!(form(&first.get(address).await.body, "choice-0").sides.len(), 2, "{address}");
    }
    let late = form(&second.get(CHART).await.body, "choice-0");
    for _ in 0..2 {
        let saved = first.post(CHART, SETTLE, &seen.choosing("62 kg")).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, CHART));
    }
    let heads = ward.site.reader().heads(&"Observation/o1".parse().unwrap()).unwrap();
    assert_eq!((conflicts(&ward.site, "Observation/o1"), stands(&ward.site), heads.len()), (0, json!(62), 1));
    // Whoever comes second is told, and changes nothing.
    let told = second.post(CHART, SETTLE, &late.choosing("68 kg")).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.body.contains("Somebody else settled this before you") && told.body.contains("62\u{a0}kg"));
    assert_eq!(stands(&ward.site), json!(62));
    assert!(!first.get(CHART).await.body.contains("class=\"settle\""));
    assert!(first.get(SETTLE).await.body.contains("Nothing here waits for a choice"));
    assert_eq!(first.get("/resources/Observation/nobody/settle").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_settle_at_once_leave_one_value() {
    let ward = Ward::new("at-once").await;
    weights_apart(&ward.site).await;
    let mut one = ward.door().await;
    let mut two = beside(&one).await;
    let (left, right) = (one.get(CHART).await.body, two.get(CHART).await.body);
    let (left, right) = (form(&left, "choice-0").choosing("62 kg"), form(&right, "choice-0").choosing("68 kg"));
    let (left, right) = tokio::join!(one.post(CHART, SETTLE, &left), two.post(CHART, SETTLE, &right));
    let mut codes = [left.status, right.status];
    codes.sort();
    assert_eq!(codes, [StatusCode::SEE_OTHER, StatusCode::UNPROCESSABLE_ENTITY]);
    let won = if left.status == StatusCode::SEE_OTHER { 62 } else { 68 };
    assert_eq!((conflicts(&ward.site, "Observation/o1"), stands(&ward.site)), (0, json!(won)));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_choice_is_for_what_was_seen() {
    let ward = Ward::new("seen").await;
    let first = write(&ward.site, &weight(60), None, "Heron").await;
    for kg in [62, 68] {
        write(&ward.site, &weight(kg), Some(vec![first]), "Swift").await;
    }
    let mut door = ward.door().await;
    let seen = form(&door.get(CHART).await.body, "choice-0");
    write(&ward.site, &weight(70), Some(vec![first]), "Crane").await;
    let told = door.post(CHART, SETTLE, &seen.choosing("62 kg")).await;
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(told.body.contains("Another version has come") && form(&told.body, "choice-0").sides.len() == 3);
    let now = form(&told.body, "choice-0");
    for nonsense in ["", "choice-0=", "choice-0=%3Cb%3E", "choice-0=00000000000000000000000000000000", "choice-7=x"] {
        let refused = door.post(CHART, SETTLE, &format!("{}&{nonsense}", now.hidden)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{nonsense}");
        assert!(refused.body.contains("Choose a value in every place"), "{nonsense}");
    }
    assert_eq!(conflicts(&ward.site, "Observation/o1"), 1);
    let saved = door.post(CHART, SETTLE, &now.choosing("70 kg")).await;
    assert_eq!((saved.status, stands(&ward.site)), (StatusCode::SEE_OTHER, json!(70)));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn several_places_are_settled_together_and_a_half_choice_stays_on_the_screen() {
    let ward = Ward::new("several").await;
    let person = |sex: &str, born: &str, family: &str| {
        json!({ "resourceType": "Patient", "id": "p1", "gender": sex, "birthDate": born,
            "name": [{ "id": "n", "given": ["Mahmoud"], "family": family }] })
    };
    let base = person("unknown", "1984", "Haddad");
    apart(&ward.site, &base, [&person("male", "1985", "Haddad"), &person("female", "1986", "<b>x")]).await;
    let at = "/resources/Patient/p1/settle";
    let mut door = ward.door().await;
    let page = door.get(at).await.body;
    assert!(!page.contains("<b>x") && page.contains("type=\"radio\""));
    let (sex, born) = (form(&page, "choice-0"), form(&page, "choice-1"));
    let of = |form: &Form, said: &str| form.sides.iter().find(|(_, text)| text.contains(said)).unwrap().0.clone();
    let (sex, born, hidden) = (of(&sex, ">male<"), of(&born, "1986"), sex.hidden);
    let half = door.post(at, at, &format!("{hidden}&choice-0={sex}")).await;
    assert_eq!(half.status, StatusCode::UNPROCESSABLE_ENTITY);
    let radio = format!("name=\"choice-0\" value=\"{sex}\" required");
    assert!(half.body.split(&radio).nth(1).unwrap().split('>').next().unwrap().contains(" checked"));
    let saved = door.post(at, at, &format!("{hidden}&choice-0={sex}&choice-1={born}")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let patient = &ward.all("Patient")[0];
    assert_eq!((&patient["birthDate"], conflicts(&ward.site, "Patient/p1")), (&json!("1986"), 0));
    assert!(patient["gender"] == "male" && patient["name"][0]["family"] == "<b>x", "{patient}");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_settle_sees_that_there_are_two_and_chooses_nothing() {
    let ward = Ward::new("settle-rights").await;
    ward.with_people().await;
    weights_apart(&ward.site).await;
    let mut doctor = ward.signed_in("doctor").await;
    let seen = form(&doctor.get(CHART).await.body, "choice-0");
    let mut triage = ward.signed_in("triage").await;
    let chart = triage.get(CHART).await.body;
    assert!(chart.contains("note--warn") && !chart.contains("class=\"settle\""));
    assert!(!triage.get("/resources/Observation/o1").await.body.contains("class=\"settle\""));
    assert_eq!(triage.get(SETTLE).await.status, StatusCode::FORBIDDEN);
    assert_eq!(triage.post(CHART, SETTLE, &seen.choosing("62 kg")).await.status, StatusCode::FORBIDDEN);
    assert_eq!(conflicts(&ward.site, "Observation/o1"), 1);
    let saved = doctor.post(CHART, SETTLE, &seen.choosing("62 kg")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    let versions = ward.site.reader().versions(&"Observation/o1".parse().unwrap()).unwrap();
    assert!(versions.iter().any(|version| version.head && version.by.as_deref() == Some("doctor")));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sites_that_wrote_apart_meet_and_one_of_them_settles_it_for_both() {
    let two = Two::new("settle-two").await;
    let (mut here, mut there) = (two.ward.door().await, two.there().await);
    write(&two.ward.site, &weight(60), None, "Heron").await;
    // The chart is opened to the other site as it accepts the patient.
    let offer = format!("{}&category=urgent&consent=given", two.to_olive());
    here.fill("/patients/p1/transfer", "/patients/p1/transfer", &offer).await;
    two.sync().await;
    let step = format!("/transfers/{}", tasks(&two.olive)[0].id);
    there.fill("/transfers", &step, "do=accept").await;
    two.sync().await;
    two.ward.site.grant_accepted().await.unwrap();
    two.sync().await;
    write(&two.ward.site, &weight(62), None, "Swift").await;
    write(&two.olive, &weight(68), None, "Crane").await;
    two.sync().await;
    for door in [&mut here, &mut there] {
        let seen = form(&door.get(CHART).await.body, "choice-0");
        let has =
            |value: &str, site: &str| seen.sides.iter().any(|(_, text)| text.contains(value) && text.contains(site));
        assert!(has("62 kg", "Cedar") && has("68 kg", "Olive"));
    }
    let seen = form(&here.get(CHART).await.body, "choice-0");
    assert_eq!(here.post(CHART, SETTLE, &seen.choosing("68 kg")).await.status, StatusCode::SEE_OTHER);
    let late = form(&there.get(CHART).await.body, "choice-0");
    two.sync().await;
    assert_eq!((stands(&two.ward.site), stands(&two.olive)), (json!(68), json!(68)));
    assert_eq!(conflicts(&two.olive, "Observation/o1"), 0);
    let told = there.post(CHART, SETTLE, &late.choosing("62 kg")).await;
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.body.contains("settled this before you"));
    // Settled differently apart, it is a conflict again, and not one lost choice.
    write(&two.ward.site, &weight(70), None, "Swift").await;
    write(&two.olive, &weight(71), None, "Crane").await;
    two.sync().await;
    let (left, right) = (form(&here.get(CHART).await.body, "choice-0"), form(&there.get(CHART).await.body, "choice-0"));
    here.post(CHART, SETTLE, &left.choosing("70 kg")).await;
    there.post(CHART, SETTLE, &right.choosing("71 kg")).await;
    assert_eq!((stands(&two.ward.site), stands(&two.olive)), (json!(70), json!(71)));
    two.sync().await;
    assert_eq!((conflicts(&two.ward.site, "Observation/o1"), conflicts(&two.olive, "Observation/o1")), (1, 1));
    two.end().await;
}

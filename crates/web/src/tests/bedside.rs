//! What is measured, ordered, given and transfused at a bed, over a real site.

use super::*;
use sanad_node::roles::Role;
use serde_json::{Value, json};

const PIN: &str = "271828";
const BORN: &str = "1984-05-01";

pub(super) struct Ward {
    folder: std::path::PathBuf,
    pub site: Site,
}

impl Ward {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    pub(super) async fn new(name: &str) -> Ward {
        let folder = std::env::temp_dir().join(format!("sanad-bedside-{name}-{}", std::process::id()));
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: sanad_log::control::SiteKind::Enclave };
        let site = Site::found(&folder, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let ward = Ward { folder, site };
        ward.save(json!({ "resourceType": "Patient", "id": "p1", "birthDate": BORN,
            "name": [{ "given": ["Mahmoud"], "family": "Haddad" }] }))
            .await;
        ward
    }

    pub(super) async fn save(&self, value: Value) {
        let key = format!("{}/{}", value["resourceType"].as_str().unwrap(), value["id"].as_str().unwrap());
        let raw = serde_json::to_vec(&value).unwrap();
        let change = Change { key: key.parse().unwrap(), raw: Some(raw), about: None, follows: None };
        self.site.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    }

    pub(super) async fn door(&self) -> Door {
        let mut door = Door::to(Source::Site(self.site.clone()), [127, 0, 0, 1]);
        door.post("/", "/language", "language=en&back=/").await;
        door
    }

    pub(super) async fn with_people(&self) {
        self.site.add_first_person("Heron", PIN, 0).await.unwrap();
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Technician) {
            self.site.add_person(role.name(), role, PIN, 0).await.unwrap();
        }
    }

    pub(super) async fn signed_in(&self, call_sign: &str) -> Door {
        let mut door = Door::to(Source::Site(self.site.clone()), [192, 168, 1, 7]);
        door.post("/sign-in", "/language", "language=en&back=/").await;
        door.post("/sign-in", "/sign-in", &format!("call-sign={call_sign}&pin={PIN}")).await;
        door
    }

    /// The resources of a type in a patient's chart.
    pub(super) fn all(&self, kind: &str) -> Vec<Value> {
        let page = self.site.reader().patient("p1").unwrap().unwrap();
        let keys = page.resources.iter().filter(|row| row.key.resource_type == kind && !row.deleted);
        let raws = keys.filter_map(|row| self.site.reader().resource(&row.key).unwrap().unwrap().raw);
        raws.map(|raw| serde_json::from_slice(&raw).unwrap()).collect()
    }

    pub(super) async fn end(self) {
        self.site.close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

impl Door {
    /// Sends a form of a page, with a key of its own unless the fields have one.
    pub(super) async fn fill(&mut self, page: &str, action: &str, fields: &str) -> Answer {
        let text = self.get(page).await.body;
        let key = text.split("name=\"key\" value=\"").nth(1).expect("a form to be saved")[..32].to_owned();
        self.post(page, action, &format!("key={key}&{fields}")).await
    }
}

const VITALS: &str = "/patients/p1/vitals";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_measured_is_one_save_however_often_it_is_sent() {
    let ward = Ward::new("measured").await;
    let mut door = ward.door().await;
    let page = door.get(VITALS).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("Nothing is recorded yet") && page.body.contains("No clinician has verified"));
    let key = page.body.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    // Arabic-Indic digits, a pressure of two, a scale, and a letter.
    let fields = format!("key={key}&pulse=%D9%A8%D9%A0&pressure=120/80&temperature=36.6&eye=4&verbal=5&motor=6&avpu=A");
    for _ in 0..2 {
        let saved = door.post(VITALS, VITALS, &fields).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, VITALS));
    }
    let all = ward.all("Observation");
    assert_eq!(all.len(), 5, "pulse, pressure, temperature, scale and letter, each once");
    let pulse = all.iter().find(|value| value["code"]["coding"][0]["code"] == "8867-4").unwrap();
    assert_eq!((&pulse["valueQuantity"]["value"], &pulse["subject"]["reference"]), (&json!(80), &json!("Patient/p1")));
    let page = door.get(VITALS).await.body;
    assert!(page.contains(">36.6</b>") && page.contains("alert") && !page.contains("<svg class=\"plot\""));
    door.now_ms.fetch_add(3_600_000, Ordering::Relaxed);
    door.fill(VITALS, VITALS, "pulse=90").await;
    assert!(door.get(VITALS).await.body.contains("<svg class=\"plot\""), "two values make a line");
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_impossible_is_refused_at_its_field_and_the_unusual_is_asked_about_once() {
    let ward = Ward::new("unusual").await;
    let mut door = ward.door().await;
    for (fields, said) in [
        ("pulse=1200", "Only 0 to 300 is possible"),
        ("pressure=80/120", "The first number is the higher one"),
        ("pressure=120", "with a stroke between them"),
        ("pulse=8%D9%A0", "digits of two kinds"),
        ("glucose=1,000", "can be read in two ways"),
        ("temperature=%3Cb%3E", "one decimal point only"),
        ("eye=4&verbal=5", "all three parts"),
        ("eye=9&verbal=5&motor=1", "not a step of the scale"),
        ("avpu=Q", "not a step of the scale"),
        ("pain=2.5", "not a step of the scale"),
        ("weight=%E2%80%AE70", "one decimal point only"),
    ] {
        let answer = door.fill(VITALS, VITALS, &format!("{fields}&oxygen=97")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        let body = answer.body.replace(['\u{2068}', '\u{2069}'], "");
        assert!(body.contains(said), "{fields}: {said}");
        assert!(body.contains("value=\"97\""), "what was typed stays: {fields}");
        assert!(!body.contains("<b>\""), "{fields}");
    }
    let nothing = door.fill(VITALS, VITALS, "pulse=&pressure=+").await;
    assert!(nothing.status == StatusCode::UNPROCESSABLE_ENTITY && nothing.body.contains("Nothing was written"));
    assert!(ward.all("Observation").is_empty());
    let asked = door.fill(VITALS, VITALS, "pulse=190&pressure=70/40").await;
    assert_eq!(asked.status, StatusCode::UNPROCESSABLE_ENTITY);
    let body = asked.body.replace(['\u{2068}', '\u{2069}'], "");
    assert!(body.contains("Pulse 190: unusual, the usual is 50 to 130") && body.contains("value=\"70/40\""));
    let tick = body.split("name=\"sure\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(tick, "pulse=190 systolic=70");
    let other = door.fill(VITALS, VITALS, "pulse=200&sure=pulse%3D190").await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY, "the tick was for another value");
    let tick = tick.replace(' ', "+").replace('=', "%3D");
    let saved = door.fill(VITALS, VITALS, &format!("pulse=190&pressure=70/40&sure={tick}")).await;
    assert_eq!(saved.status, StatusCode::SEE_OTHER);
    assert_eq!(ward.all("Observation").len(), 2);
    assert!(door.get(VITALS).await.body.contains("values--off"));
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fluids_of_a_day_are_summed_and_yesterdays_are_not() {
    let ward = Ward::new("fluids").await;
    let mut door = ward.door().await;
    for (fields, said) in [
        ("way=in-vein&ml=", "Write something here"),
        ("way=in-vein&ml=0", "1 to 10000"),
        ("way=in-vein&ml=20000", "1 to 10000"),
        ("way=none&ml=5", "Choose where"),
    ] {
        let answer = door.fill(VITALS, "/patients/p1/fluids", fields).await;
        assert!(answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.body.contains(said), "{fields}");
    }
    door.fill(VITALS, "/patients/p1/fluids", "way=in-oral&ml=999").await;
    door.now_ms.fetch_add(25 * 3_600_000, Ordering::Relaxed);
    door.fill(VITALS, "/patients/p1/fluids", "way=in-vein&ml=%D9%A1%D9%A0%D9%A0%D9%A0").await;
    door.fill(VITALS, "/patients/p1/fluids", "way=out-urine&ml=1350").await;
    let page = door.get(VITALS).await.body;
    assert!(page.contains(">1000</dd>") && page.contains(">1350</dd>") && page.contains(">-350</dd>"));
    assert_eq!(ward.all("Observation").len(), 3);
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_write_at_the_bed_writes_nothing() {
    let ward = Ward::new("rights").await;
    ward.with_people().await;
    let mut coordinator = ward.signed_in("coordinator").await;
    assert_eq!(coordinator.get(VITALS).await.status, StatusCode::FORBIDDEN);
    let key = "0".repeat(32);
    let refused = coordinator.post("/", VITALS, &format!("key={key}&pulse=80")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(ward.all("Observation").is_empty());
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.fill(VITALS, VITALS, "pulse=80").await.status, StatusCode::SEE_OTHER);
    assert_eq!(ward.all("Observation")[0]["performer"][0]["display"], "nurse");
    assert_eq!(nurse.get("/patients/nobody/vitals").await.status, StatusCode::NOT_FOUND);
    ward.end().await;
}

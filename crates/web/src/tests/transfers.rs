//! A patient who goes from one site to another, over real sites that sync.

use super::bedside::Ward;
use super::*;
use sanad_log::control::SiteKind;
use sanad_node::carrier::{Limits, serve};
use sanad_record::care::transfer::{self, State};

const OFFER: &str = "/patients/p1/transfer";
const GOOD: &str = "category=urgent&consent=given&need=oxygen&need=stretcher&escort=mother&reason=burns";

/// A ward, and another site of its network.
pub(super) struct Two {
    pub ward: Ward,
    pub olive: Site,
    folder: std::path::PathBuf,
}

impl Two {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    pub(super) async fn new(name: &str) -> Two {
        let ward = Ward::new(name).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let (identity, accept) = (ward.site.identity(), Arc::new(ward.site.clone()));
        tokio::spawn(async move {
            serve(listener, &identity, Router::new(), accept, Limits::default(), std::future::pending()).await
        });
        ward.site.announce(vec![address]).await.unwrap();
        let invite = ward.site.invite(SiteKind::Enclave, vec![]).await.unwrap();
        let folder = std::env::temp_dir().join(format!("sanad-olive-{name}-{}", std::process::id()));
        let olive = Site::join(&folder, "correct horse", KdfCost::TEST, "Olive", &invite).await.unwrap();
        let two = Two { ward, olive, folder };
        two.sync().await;
        two
    }

    pub(super) async fn sync(&self) {
        let peers = self.olive.peers().await.unwrap();
        assert!(self.olive.sync_with(&peers[&self.ward.site.device()]).await.unwrap().complete);
    }

    pub(super) async fn there(&self) -> Door {
        let mut door = Door::with_secret(Source::Site(self.olive.clone()), [127, 0, 0, 1], [8; 32]);
        door.post("/", "/language", "language=en&back=/").await;
        door
    }

    pub(super) fn to_olive(&self) -> String {
        format!("to={}&{GOOD}", self.olive.facility())
    }

    pub(super) async fn end(self) {
        self.olive.close().await;
        std::fs::remove_dir_all(&self.folder).unwrap();
        self.ward.end().await;
    }
}

pub(super) fn tasks(site: &Site) -> Vec<transfer::Transfer> {
    let keys = site.reader().about_nobody("Task", 100).unwrap();
    let raws = keys.iter().map(|key| site.reader().resource(key).unwrap().unwrap().raw.unwrap());
    raws.filter_map(|raw| transfer::read(&serde_json::from_slice(&raw).unwrap())).collect()
}

fn can_read(site: &Site) -> bool {
    site.reader().patient("p1").unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_offered_accepted_and_arrives_and_the_chart_follows_the_acceptance() {
    let two = Two::new("follows").await;
    let (mut here, mut there) = (two.ward.door().await, two.there().await);
    let page = here.get(OFFER).await.body;
    let key = page.split("name=\"key\" value=\"").nth(1).unwrap()[..32].to_owned();
    for _ in 0..2 {
        let saved = here.post(OFFER, OFFER, &format!("key={key}&{}", two.to_olive())).await;
        assert_eq!((saved.status, header(&saved, "location")), (StatusCode::SEE_OTHER, "/transfers"));
    }
    assert_eq!(tasks(&two.ward.site).len(), 1);
    two.sync().await;
    two.ward.site.grant_accepted().await.unwrap();
    two.sync().await;
    assert!(!can_read(&two.olive), "an offer opens nothing");
    let page = there.get("/transfers").await.body;
    assert!(page.contains("A patient whose chart is not here") && page.contains("burns") && !page.contains("Mahmoud"));
    let step = format!("/transfers/{}", tasks(&two.olive)[0].id);
    let refused = there.fill("/transfers", &step, "do=reject").await;
    assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.body.contains("Write why"));
    let foreign = there.fill("/transfers", &step, "do=depart").await;
    assert_ne!(foreign.status, StatusCode::SEE_OTHER, "who receives does not send");
    assert_eq!(there.fill("/transfers", &step, "do=accept").await.status, StatusCode::SEE_OTHER);
    two.sync().await;
    assert_eq!(two.ward.site.grant_accepted().await.unwrap(), 1);
    assert_eq!(two.ward.site.grant_accepted().await.unwrap(), 0, "once");
    two.sync().await;
    assert!(can_read(&two.olive));
    assert!(there.get("/patients/p1").await.body.contains("Mahmoud"));
    here.fill("/transfers", &step, "do=depart").await;
    two.sync().await;
    there.fill("/transfers", &step, "do=arrive").await;
    two.sync().await;
    let arrived = &tasks(&two.ward.site)[0];
    assert!(arrived.state == State::Arrived && arrived.at_ms(State::Departed).is_some());
    let queue = here.get("/evacuation").await.body;
    assert!(queue.contains("Arrived") && queue.contains("Still waiting"));
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_forge_opens_nothing() {
    let two = Two::new("forged").await;
    let site =
        |site: &Site| transfer::Site { id: Some(site.facility().to_string()), name: site.call_sign().to_owned() };
    let request = transfer::Request {
        patient: "p1".to_owned(),
        encounter: None,
        from: site(&two.ward.site),
        to: Some(site(&two.olive)),
        category: transfer::Category::Routine,
        consent: transfer::Consent::Given,
        escort: None,
        needs: vec![],
        reason: None,
    };
    let to = site(&two.olive);
    let mut task = transfer::draft("transfer-forged", &request, 0, "Finch").unwrap();
    for step in [transfer::Step::Request(&to), transfer::Step::Accept] {
        task = transfer::advance(&task, &step, 0, "Finch").unwrap();
        let raw = Some(serde_json::to_vec(&task).unwrap());
        let change = Change { key: "Task/transfer-forged".parse().unwrap(), raw, about: None, follows: None };
        two.olive.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    }
    two.sync().await;
    assert_eq!(tasks(&two.ward.site)[0].state, State::Accepted);
    assert_eq!(two.ward.site.grant_accepted().await.unwrap(), 0, "nobody here has offered");
    two.sync().await;
    assert!(!can_read(&two.olive));
    two.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_names_the_patient_or_says_too_little_stays_on_the_screen() {
    let ward = Ward::new("offers").await;
    let mut door = ward.door().await;
    let long = "x".repeat(501);
    for (fields, said) in [
        ("category=urgent&consent=given&reason=kept+haddad+burns".to_owned(), "a part of the patient"),
        ("category=urgent&consent=given&reason=kept&escort=brother+of+Mahmoud".to_owned(), "a part of the patient"),
        ("consent=given&reason=kept".to_owned(), "Choose the priority"),
        ("category=soon&consent=given&reason=kept".to_owned(), "Choose the priority"),
        ("category=urgent&reason=kept".to_owned(), "how it stands with consent"),
        ("to=%3Cb%3E&category=urgent&consent=given&reason=kept".to_owned(), "Choose a site"),
        (format!("category=urgent&consent=given&reason=kept{long}"), "500 characters at most"),
    ] {
        let answer = door.fill(OFFER, OFFER, &fields).await;
        let body = answer.body.replace(['\u{2068}', '\u{2069}'], "");
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{fields}");
        assert!(body.contains(said) && body.contains("kept"), "{fields}");
    }
    assert!(tasks(&ward.site).is_empty());
    ward.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_paper_has_the_most_urgent_first_and_names_nobody() {
    let ward = Ward::new("paper").await;
    ward.with_people().await;
    let mut door = ward.signed_in("doctor").await;
    door.fill(OFFER, OFFER, "category=routine&consent=given&need=blood&need-more=%3Cb%3Ecot&reason=fracture").await;
    door.fill(OFFER, OFFER, "category=urgent&consent=unable&need=oxygen&reason=burns").await;
    let paper = door.get("/evacuation/list").await.body;
    let (urgent, routine) = (paper.find("oxygen").unwrap(), paper.find("blood").unwrap());
    assert!(urgent < routine && paper.contains("cot") && !paper.contains("<b>cot"));
    for hidden in ["Haddad", "Mahmoud", "fracture", "burns"] {
        assert!(!paper.contains(hidden), "{hidden}");
    }
    assert!(door.get("/evacuation").await.body.contains("Mahmoud"));
    let mut nurse = ward.signed_in("nurse").await;
    assert_eq!(nurse.get("/evacuation").await.status, StatusCode::FORBIDDEN);
    assert_eq!(nurse.get("/transfers").await.status, StatusCode::OK);
    let mut pharmacy = ward.signed_in("pharmacy").await;
    for page in [OFFER, "/transfers", "/evacuation/list"] {
        assert_eq!(pharmacy.get(page).await.status, StatusCode::FORBIDDEN, "{page}");
    }
    ward.end().await;
}

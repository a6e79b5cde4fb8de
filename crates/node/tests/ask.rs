//! Asking for charts between real sites over real sockets: who is granted what, who agrees, and who learns nothing.
#![allow(clippy::unwrap_used)]

use sanad_log::control::{Enrolment, FacilitySecret, SiteKind};
use sanad_log::ids::FacilityId;
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_node::ask::{AT_ONCE_PER_DAY_MAX, AskError, Policy, Verdict, grants_of};
use sanad_node::carrier::{Limits, serve};
use sanad_node::save::{Change, SaveRequest};
use sanad_node::site::{NewSite, Site, SiteError, system_entropy};
use sanad_record::ask::{Ask, Outcome, Whom, ask_id};
use sanad_store::KdfCost;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

const PASSPHRASE: &str = "juniper ladder copper seventeen";

/// Three sites: Reed let Cedar and Olive in, and is the only one that either of them ever talks to.
struct Network {
    folder: PathBuf,
    reed: Site,
    cedar: Site,
    olive: Site,
}

impl Network {
    async fn new(test: &str) -> Network {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("ask-{test}-{}", std::process::id()));
        let new = NewSite { call_sign: "Reed".to_owned(), kind: SiteKind::Enclave };
        let reed = Site::found(&folder.join("reed"), PASSPHRASE, KdfCost::TEST, &new).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let (identity, accept) = (reed.identity(), Arc::new(reed.clone()));
        tokio::spawn(async move {
            serve(listener, &identity, axum::Router::new(), accept, Limits::default(), std::future::pending()).await
        });
        reed.announce(vec![address]).await.unwrap();
        let join = async |name: &str| {
            let invite = reed.invite(SiteKind::Enclave, vec![]).await.unwrap();
            Site::join(&folder.join(name), PASSPHRASE, KdfCost::TEST, name, &invite).await.unwrap()
        };
        let (cedar, olive) = (join("Cedar").await, join("Olive").await);
        let network = Network { folder: folder.clone(), reed, cedar, olive };
        network.carry().await;
        network
    }

    /// Cedar and Olive talk to Reed in turn until each has what the other had.
    async fn carry(&self) {
        for site in [&self.cedar, &self.olive, &self.cedar, &self.olive] {
            let peers = site.peers().await.unwrap();
            let report = site.sync_with(&peers[&self.reed.device()]).await.unwrap();
            assert!(report.complete);
        }
    }

    async fn end(self) {
        for site in [&self.reed, &self.cedar, &self.olive] {
            site.close().await;
        }
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn save(site: &Site, resources: &[(&str, String)]) {
    let changes = resources.iter().map(|(key, raw)| Change {
        key: key.parse().unwrap(),
        raw: Some(raw.clone().into_bytes()),
        about: None,
        follows: None,
    });
    site.save(SaveRequest { changes: changes.collect(), idempotency: None, by: None }).await.unwrap();
}

/// A patient with one finding.
async fn admit(site: &Site, id: &str, given: &[&str], family: &str, tag: &str) {
    let patient = serde_json::json!({
        "resourceType": "Patient", "id": id, "birthDate": "1985-04-02",
        "name": [{ "given": given, "family": family }], "identifier": [{ "value": tag }],
    });
    let finding = serde_json::json!({
        "resourceType": "Observation", "id": format!("o-{id}"), "status": "final", "code": { "text": "pulse" },
        "subject": { "reference": format!("Patient/{id}") },
    });
    let (patient_key, finding_key) = (format!("Patient/{id}"), format!("Observation/o-{id}"));
    save(site, &[(&patient_key, patient.to_string()), (&finding_key, finding.to_string())]).await;
}

fn named(name: &str, father: Option<&str>) -> Whom {
    Whom::with_name(name, father, Some(1985)).unwrap()
}

fn tagged(tag: &str) -> Whom {
    Whom::with_tag(tag).unwrap()
}

fn can_read(site: &Site, patient: &str) -> bool {
    site.reader().patient(patient).unwrap().is_some()
}

/// Everything readable at a site, as text.
fn all_text(site: &Site) -> Vec<(String, String)> {
    let mut all = Vec::new();
    site.reader()
        .each_resource(|resource| {
            let raw = resource.raw.unwrap_or_default();
            all.push((resource.key.resource_type, String::from_utf8(raw).unwrap()));
            true
        })
        .unwrap();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ask_in_arabic_brings_a_latin_chart_through_a_third_site_after_a_person_agrees() {
    let network = Network::new("person").await;
    let Network { reed, cedar, olive, .. } = &network;
    admit(cedar, "p1", &["Mohammed", "Khaled"], "Al-Haddad", "K7-204").await;
    let asked = olive.ask(named("محمد الحداد", Some("خالد")), Some("Swift".to_owned()), None).await.unwrap();
    assert!(asked.here.is_empty());
    assert!(olive.own_asks().await.unwrap()[0].answers.is_empty());
    network.carry().await;

    // Nobody has agreed: nothing happens by itself, however often it is looked at.
    for site in [cedar, reed] {
        assert_eq!(site.answer_at_once().await.unwrap(), 0);
    }
    network.carry().await;
    assert!(!can_read(olive, "p1"));
    let pending = cedar.pending_asks().await.unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!((pending[0].from.as_str(), pending[0].by.as_deref()), ("Olive", Some("Swift")));
    assert!(
        !pending[0].certain && pending[0].candidates[0].patient == "p1",
        "found by its sound, and left to a person"
    );
    assert!(reed.pending_asks().await.unwrap().is_empty(), "who cannot read the chart has nothing to answer");

    let grant = || Verdict::Grant("p1".to_owned());
    let answered = cedar.answer_ask(&asked.id, grant(), "Heron", Some([5; 16])).await.unwrap();
    assert_eq!((answered.to.as_str(), answered.patient.as_deref(), answered.repeated), ("Olive", Some("p1"), false));
    assert!(cedar.answer_ask(&asked.id, grant(), "Heron", Some([5; 16])).await.unwrap().repeated);
    assert!(cedar.pending_asks().await.unwrap().is_empty());
    let refusal = cedar.answer_ask(&asked.id, Verdict::Refuse, "Heron", None).await;
    assert!(matches!(refusal, Err(AskError::AlreadyGranted)));
    network.carry().await;

    let own = olive.own_asks().await.unwrap();
    assert_eq!(own[0].answers.len(), 1);
    let answer = &own[0].answers[0];
    assert_eq!((answer.from.as_str(), answer.outcome), ("Cedar", Outcome::Granted(1)));
    assert_eq!(answer.patients, ["p1"]);
    assert!(olive.reader().resource(&"Observation/o-p1".parse().unwrap()).unwrap().is_some(), "the backlog is open");
    for site in [cedar, olive] {
        let page = site.reader().patient("p1").unwrap().unwrap();
        let grants = grants_of(site.reader(), &page).unwrap();
        assert_eq!(grants.len(), 1, "once, although it was pressed twice");
        assert_eq!((grants[0].from.1.as_str(), grants[0].to.1.as_str()), ("Cedar", "Olive"));
        assert_eq!((grants[0].by.as_deref(), grants[0].ask.as_deref()), (Some("Heron"), Some(asked.id.as_str())));
        assert_eq!(page.scopes.len(), 1);
    }

    // The site between them has carried all of it, and has learned the normalised keys and nothing more.
    assert!(!can_read(reed, "p1"));
    let seen = all_text(reed);
    assert_eq!(seen.len(), 2, "the ask and its answer");
    assert!(seen.iter().all(|(resource_type, _)| resource_type == "Task"));
    let text: String = seen.into_iter().map(|(_, text)| text).collect();
    assert!(text.contains("محمد حداد") && text.contains("خالد") && text.contains("1985"));
    for secret in ["p1", "Mohammed", "Haddad", "الحداد", "K7-204", "1985-04", "Heron", "pulse"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    network.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_written_the_same_brings_its_chart_at_once_where_that_is_the_policy_and_one_that_sounds_so_does_not()
 {
    let network = Network::new("once").await;
    let Network { cedar, olive, .. } = &network;
    admit(cedar, "p1", &["محمود", "سمير"], "العلي", "K7-1").await;
    admit(cedar, "p2", &["أحمد", "سمير"], "العلي", "K7-2").await;
    assert_eq!(cedar.ask_policy().await.unwrap(), Policy::AskAPerson, "the careful one, unless told otherwise");
    cedar.set_ask_policy(Policy::AtOnce).await.unwrap();
    olive.ask(named("Mahmoud Al Ali", Some("Samir")), None, None).await.unwrap();
    network.carry().await;
    assert_eq!(cedar.answer_at_once().await.unwrap(), 0);
    assert_eq!(cedar.pending_asks().await.unwrap()[0].candidates[0].patient, "p1");
    let asked = olive.ask(named("محمود العلي", Some("سمير")), None, None).await.unwrap().id;
    network.carry().await;
    assert_eq!(cedar.answer_at_once().await.unwrap(), 1);
    assert_eq!(cedar.answer_at_once().await.unwrap(), 0);
    network.carry().await;
    let own = olive.own_asks().await.unwrap();
    let own = own.iter().find(|own| own.id == asked).unwrap();
    assert_eq!(own.answers[0].patients, ["p1"]);
    assert!(can_read(olive, "p1") && !can_read(olive, "p2"));
    let page = olive.reader().patient("p1").unwrap().unwrap();
    assert_eq!(grants_of(olive.reader(), &page).unwrap()[0].by, None, "the policy agreed, and nobody else");
    network.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_agreed_to_is_never_granted() {
    let network = Network::new("never").await;
    let Network { cedar, olive, .. } = &network;
    admit(cedar, "p1", &["Mahmoud", "Samir"], "Ali", "K7-1").await;
    admit(cedar, "p2", &["Mahmoud", "Samir"], "Ali", "K7-2").await;
    let refused = olive.ask(tagged("k7-1"), None, None).await.unwrap().id;
    let two = olive.ask(named("Mahmoud Ali", Some("Samir")), None, None).await.unwrap().id;
    let withdrawn = olive.ask(tagged("k7-2"), None, None).await.unwrap().id;
    let partly = olive.ask(named("Mahmood Aly", Some("Samer")), None, None).await.unwrap().id;
    olive.ask(tagged("nobody's"), None, None).await.unwrap();
    olive.withdraw_ask(&withdrawn, None).await.unwrap();
    network.carry().await;
    cedar.answer_ask(&refused, Verdict::Refuse, "Heron", None).await.unwrap();
    cedar.set_ask_policy(Policy::AtOnce).await.unwrap();
    assert_eq!(cedar.answer_at_once().await.unwrap(), 0, "refused, ambiguous, taken back, unknown");
    let pending = cedar.pending_asks().await.unwrap();
    let waiting: Vec<_> = pending.iter().map(|ask| (ask.id.as_str(), ask.candidates.len(), ask.certain)).collect();
    assert!(waiting.contains(&(two.as_str(), 2, false)), "{waiting:?}");
    assert!(waiting.iter().all(|(id, _, certain)| [two.as_str(), partly.as_str()].contains(id) && !certain));
    let late = cedar.answer_ask(&withdrawn, Verdict::Grant("p2".to_owned()), "Heron", None).await;
    assert!(matches!(late, Err(AskError::Withdrawn)));
    network.carry().await;
    assert!(!can_read(olive, "p1") && !can_read(olive, "p2"));
    let own = olive.own_asks().await.unwrap();
    let of = |id: &str| own.iter().find(|ask| ask.id == id).unwrap();
    assert_eq!(of(&refused).answers[0].outcome, Outcome::Refused);
    assert!(of(&withdrawn).withdrawn && of(&two).answers.is_empty());

    // A person may choose between the two, and later grant what was refused at first.
    cedar.answer_ask(&two, Verdict::Grant("p2".to_owned()), "Heron", None).await.unwrap();
    cedar.answer_ask(&refused, Verdict::Grant("p1".to_owned()), "Heron", None).await.unwrap();
    network.carry().await;
    assert!(can_read(olive, "p1") && can_read(olive, "p2"));
    network.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_asks_for_everybody_gets_a_days_bound_at_once_and_then_a_person() {
    let network = Network::new("bound").await;
    let Network { cedar, olive, .. } = &network;
    let count = AT_ONCE_PER_DAY_MAX + 3;
    for number in 0..count {
        admit(cedar, &format!("p{number}"), &["Mahmoud"], "Ali", &format!("K7-{number}.")).await;
        olive.ask(tagged(&format!("k7-{number}.")), None, None).await.unwrap();
    }
    network.carry().await;
    cedar.set_ask_policy(Policy::AtOnce).await.unwrap();
    assert_eq!(cedar.answer_at_once().await.unwrap(), AT_ONCE_PER_DAY_MAX as u64);
    assert_eq!(cedar.answer_at_once().await.unwrap(), 0);
    assert_eq!(cedar.pending_asks().await.unwrap().len(), 3);
    network.carry().await;
    let read = (0..count).filter(|number| can_read(olive, &format!("p{number}"))).count();
    assert_eq!(read, AT_ONCE_PER_DAY_MAX);
    network.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_put_into_anothers_mouth_grant_nothing() {
    let network = Network::new("mouth").await;
    let Network { reed, cedar, olive, .. } = &network;
    admit(cedar, "p1", &["Mahmoud", "Samir"], "Ali", "K7-1").await;
    admit(cedar, "p2", &["Samir", "Khaled"], "Haddad", "K7-2").await;
    cedar.set_ask_policy(Policy::AtOnce).await.unwrap();
    // Reed writes as if Olive, or somebody who was never let in, had asked; and changes what Olive did ask.
    let stranger = FacilitySecret::generate(&mut system_entropy()).facility("Fox", SiteKind::Haven).id();
    let mut forged = Vec::new();
    for (number, from) in [olive.facility(), stranger].into_iter().enumerate() {
        let from = from.to_string();
        let id = ask_id([number as u8; 8], &from);
        let ask = Ask { id: id.clone(), from, whom: tagged("k7-1"), withdrawn: false };
        save(reed, &[(&format!("Task/{id}"), String::from_utf8(ask.to_task()).unwrap())]).await;
        forged.push(id);
    }
    let asked = olive.ask(tagged("k7-2"), None, None).await.unwrap();
    network.carry().await;
    let changed =
        Ask { id: asked.id.clone(), from: olive.facility().to_string(), whom: tagged("k7-1"), withdrawn: false };
    save(reed, &[(&format!("Task/{}", asked.id), String::from_utf8(changed.to_task()).unwrap())]).await;
    network.carry().await;
    assert_eq!(cedar.answer_at_once().await.unwrap(), 1, "what Olive itself asked, as it asked it");
    for id in &forged {
        let answer = cedar.answer_ask(id, Verdict::Grant("p1".to_owned()), "Heron", None).await;
        assert!(matches!(answer, Err(AskError::NoSuchAsk)));
    }
    let free = cedar.grant_patient("p1", stranger, "Heron").await;
    assert!(matches!(free, Err(AskError::NoSuchSite)), "who was not enrolled gets nothing");
    let own = cedar.ask(tagged("x"), None, None).await.unwrap().id;
    let answered = cedar.answer_ask(&own, Verdict::Refuse, "Heron", None).await;
    assert!(matches!(answered, Err(AskError::OwnAsk)));
    network.carry().await;
    assert!(can_read(olive, "p2") && !can_read(olive, "p1"));
    assert!(!can_read(reed, "p1") && !can_read(reed, "p2"));
    network.end().await;
}

/// Enrols a facility that exists on paper alone.
async fn enrol(site: &Site, call_sign: &str) -> FacilityId {
    let mut entropy = system_entropy();
    let facility = FacilitySecret::generate(&mut entropy).facility(call_sign, SiteKind::Enclave);
    let id = facility.id();
    let device = Ed25519Signer::from_seed(&entropy.array()).device();
    site.enrol(Enrolment { network: site.network(), facility, device }).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_granted_by_hand_to_a_site_by_its_name() {
    let network = Network::new("hand").await;
    let Network { reed, cedar, olive, .. } = &network;
    admit(cedar, "p1", &["Mahmoud"], "Ali", "K7-1").await;
    assert!(matches!(cedar.site_named("Fox").await, Err(SiteError::UnknownSite(name)) if name == "Fox"));
    assert!(matches!(cedar.site_named("Cedar").await, Err(SiteError::UnknownSite(_))), "itself is no other site");
    let to = cedar.site_named("Olive").await.unwrap();
    assert_eq!(cedar.site_named(&to.to_string()).await.unwrap(), olive.facility());
    assert!(matches!(cedar.grant_patient("nobody", to, "Heron").await, Err(AskError::NoSuchPatient)));
    assert!(matches!(reed.grant_patient("p1", to, "Heron").await, Err(AskError::NoSuchPatient)));
    assert!(cedar.grant_patient("p1", to, "two\nlines").await.is_err());
    cedar.grant_patient("p1", to, "Heron").await.unwrap();
    enrol(reed, "Olive").await;
    network.carry().await;
    assert!(matches!(cedar.site_named("Olive").await, Err(SiteError::SeveralSites(ids)) if ids.len() == 2));
    let page = olive.reader().patient("p1").unwrap().unwrap();
    let grants = grants_of(olive.reader(), &page).unwrap();
    assert_eq!((grants.len(), grants[0].by.as_deref(), grants[0].ask.as_deref()), (1, Some("Heron"), None));
    network.end().await;
}

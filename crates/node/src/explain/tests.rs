//! What is understood, and what is said of a site that has others to speak of.

use super::*;
use crate::save::{Change, SaveRequest};
use crate::scratch::Folder;
use crate::site::{NewSite, system_entropy};
use sanad_log::control::{Enrolment, FacilitySecret};
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_store::KdfCost;

#[test]
fn ids_digits_and_places_are_understood_and_nothing_else() {
    let patient = |id: &str| Some(Asked::Patient(id.to_owned()));
    let either = |id: &str| Some(Asked::Either(id.to_owned()));
    let place = |author: &str, lane, seq| Some(Asked::Place(author.to_owned(), lane, seq));
    let (long, longer) = ("a".repeat(64), "a".repeat(65));
    for (text, understood) in [
        ("p1", patient("p1")),
        (" Patient/p1\n", patient("p1")),
        ("Patient/abcdef01", patient("abcdef01")),
        ("abcdef01", either("abcdef01")),
        (long.as_str(), either(&long)),
        ("abc", patient("abc")),
        ("AB12/urgent/7", place("ab12", Lane::Urgent, 7)),
        ("ab12/2/1", place("ab12", Lane::Clinical, 1)),
        ("", None),
        (longer.as_str(), None),
        ("Patient/", None),
        ("Patient/a b", None),
        ("Observation/o1", None),
        ("محمود", None),
        ("ab12/4/1", None),
        ("ab12/urgent/0", None),
        ("ab12/urgent/-1", None),
        ("ab1/urgent/1", None),
        ("zz12/urgent/1", None),
        ("ab12/urgent/1/2", None),
        ("ab12/urgent/99999999999999999999", None),
    ] {
        assert_eq!(Asked::read(text).ok(), understood, "{text:?}");
    }
}

async fn enrol(site: &Site, call_sign: &str, kind: SiteKind) -> FacilityId {
    let mut entropy = system_entropy();
    let facility = FacilitySecret::generate(&mut entropy).facility(call_sign, kind);
    let id = facility.id();
    let device = Ed25519Signer::from_seed(&entropy.array()).device();
    site.enrol(Enrolment { network: site.network(), facility, device }).await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_left_counts_as_not_there_and_is_named() {
    let folder = Folder::new("explain");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let haven = enrol(&site, "Haven", SiteKind::Haven).await;
    enrol(&site, "Olive", SiteKind::Enclave).await;
    let change = |key: &str, raw: &str| Change {
        key: key.parse().unwrap(),
        raw: Some(raw.as_bytes().to_vec()),
        about: None,
        follows: None,
    };
    let patient = change("Patient/p1", r#"{"resourceType":"Patient","id":"p1","name":[{"family":"Secret"}]}"#);
    site.save(SaveRequest { changes: vec![patient], idempotency: None, by: None }).await.unwrap();

    let device = site.device();
    let mut on_the_stick = Frontier::default();
    on_the_stick.insert(Range { log: LogId { lane: Lane::Urgent, author: device }, from: 1, to: 1 });
    let outgoing = Outgoing { left_ms: 1_000, to: Some(haven), places: on_the_stick };
    let said = site.explain_with(&Asked::read("Patient/p1").unwrap(), vec![outgoing]).await.unwrap();
    assert_eq!(said.subject, Subject::Patient { id: "p1".to_owned(), charts: 1 });
    assert_eq!((said.here.entries, said.only_here.entries, said.not_yet_safe.entries), (1, 1, 1));
    assert!(said.readable_here && said.policy.can_be_met);
    let of = |name: &str| said.sites.iter().find(|place| place.site == name).unwrap();
    let (haven, olive) = (of("Haven"), of("Olive"));
    for place in [haven, olive] {
        assert_eq!((place.standing, place.confirmed_entries, place.missing_entries), (Standing::NeverHeard, 0, 1));
        assert_eq!((place.receipt_ms, place.talked_ms, &place.told_by), (None, None, &None));
    }
    assert_eq!((haven.reads, olive.reads), (Reads::Readable, Reads::Sealed), "every chart is granted to havens");
    assert_eq!(haven.under_way, [UnderWay { left_ms: 1_000, entries: 1 }]);
    assert!(olive.under_way.is_empty(), "it is not for Olive");
    assert!(!serde_json::to_string(&said).unwrap().contains("Secret"));

    // The same entry by its place, and by the first digits of its id.
    let author = device.to_string();
    let by_place = site.explain(&Asked::read(&format!("{}/urgent/1", &author[..12])).unwrap()).await.unwrap();
    let Subject::Entry { id, by, lane, seq, .. } = &by_place.subject else { panic!("{by_place:?}") };
    assert_eq!((by.as_deref(), *lane, *seq), (Some("Cedar"), "urgent", 1));
    let by_id = site.explain(&Asked::read(&id[..16]).unwrap()).await.unwrap();
    assert_eq!(by_id.subject, by_place.subject);
    for missing in ["nobody", "Patient/p2", "00000000000000000000", &format!("{author}/clinical/9"), "ffffffffff/0/1"] {
        let error = site.explain(&Asked::read(missing).unwrap()).await.unwrap_err();
        assert!(matches!(error, ExplainError::NotFound), "{missing}: {error:?}");
    }
    site.close().await;
}

/// The policy is the authority's, and what is shown follows it.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_set_once_and_kept() {
    let folder = Folder::new("policy");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let shown = site.policy().await.unwrap();
    assert_eq!((shown.copies, shown.outside, shown.version, shown.can_be_met), (2, true, 0, false));
    assert!(matches!(site.set_policy(Some(0), None).await, Err(SiteError::BadResource(_))));
    let set = site.set_policy(Some(1), Some(false)).await.unwrap();
    assert_eq!((set.copies, set.outside, set.version), (1, false, 1));
    assert_eq!(site.set_policy(Some(1), None).await.unwrap(), set, "the same again writes nothing");
    enrol(&site, "Olive", SiteKind::Enclave).await;
    assert!(site.policy().await.unwrap().can_be_met);
    site.close().await;
    let again = Site::open(&folder.0, "correct horse", std::time::Duration::ZERO).unwrap();
    assert_eq!(again.policy().await.unwrap().version, 1);
    again.close().await;
}

use super::members::opens_charts;
use super::state::Decision;
use super::*;
use crate::scratch::Folder;
use crate::site::NewSite;
use sanad_log::control::{Enrolment, FacilitySecret, SiteKind, from_cbor};
use sanad_log::sign::{Ed25519Signer, Signer as _};
use sanad_store::KdfCost;
use std::time::Duration;

#[test]
fn a_kind_of_site_that_is_not_known_to_open_charts_is_granted_none() {
    // Kinds are told apart by their number; those that this program knows are tried, whatever they are called.
    let kinds: Vec<SiteKind> = (0..24u8).filter_map(|number| from_cbor(&[number]).ok()).collect();
    assert!(kinds.len() >= 2);
    for kind in kinds {
        assert_eq!(opens_charts(kind), [SiteKind::Enclave, SiteKind::Haven].contains(&kind), "{kind:?}");
    }
}

#[tokio::test]
async fn what_was_decided_before_the_power_went_is_carried_through_once() {
    let folder = Folder::new("cedar");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let mut entropy = system_entropy();
    let facility = FacilitySecret::generate(&mut entropy).facility("Olive", SiteKind::Enclave);
    let to = facility.id();
    let device = Ed25519Signer::from_seed(&entropy.array()).device();
    site.enrol(Enrolment { network: site.network(), facility, device }).await.unwrap();
    let raw = br#"{"resourceType":"Patient","id":"p1"}"#.to_vec();
    let change = Change { key: "Patient/p1".parse().unwrap(), raw: Some(raw), about: None, follows: None };
    site.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    let scopes = site.reader().scopes_of_patient("p1").unwrap();
    let decision = Decision {
        id: ask::free_grant_id([1; 16]),
        patient: "p1".to_owned(),
        to,
        scopes: scopes.clone(),
        by: Some("Heron".to_owned()),
        ask: None,
        charts: 0,
        at_ms: 1_519_989_600_000,
        idempotency: [9; 16],
    };
    site.keep_decision(&decision).await.unwrap();
    site.close().await;

    let site = Site::open(&folder.0, "correct horse", Duration::ZERO).unwrap();
    let readers = async |site: &Site| {
        let scope = scopes[0];
        site.with_directory(move |directory| directory.readers(&scope).collect::<Vec<_>>()).await.unwrap()
    };
    assert!(!readers(&site).await.contains(&to));
    site.answer_at_once().await.unwrap();
    assert!(readers(&site).await.contains(&to));
    assert!(site.decisions().await.unwrap().is_empty());
    // As if the power had gone once more, after everything but the last step.
    site.keep_decision(&decision).await.unwrap();
    site.answer_at_once().await.unwrap();
    let page = site.reader().patient("p1").unwrap().unwrap();
    let grants = grants_of(site.reader(), &page).unwrap();
    assert_eq!((grants.len(), grants[0].recorded.as_str()), (1, "2018-03-02T11:20:00Z"));
    assert_eq!(site.reader().versions(&grant_key(&decision.id).unwrap()).unwrap().len(), 1);

    // A record that is not written, because its save passes for one that was seen before, keeps the key here.
    let raw = br#"{"resourceType":"Patient","id":"p2"}"#.to_vec();
    let change = Change { key: "Patient/p2".parse().unwrap(), raw: Some(raw), about: None, follows: None };
    site.save(SaveRequest { changes: vec![change], idempotency: Some([8; 16]), by: None }).await.unwrap();
    let scopes = site.reader().scopes_of_patient("p2").unwrap();
    let id = ask::free_grant_id([2; 16]);
    let swallowed = Decision { id, patient: "p2".to_owned(), scopes: scopes.clone(), idempotency: [8; 16], ..decision };
    site.keep_decision(&swallowed).await.unwrap();
    site.answer_at_once().await.unwrap();
    let readers =
        site.with_directory(move |directory| directory.readers(&scopes[0]).collect::<Vec<_>>()).await.unwrap();
    assert!(!readers.contains(&to));
    assert!(site.decisions().await.unwrap().is_empty());
    site.close().await;
}

use super::*;
use crate::heart::Command;
use crate::scratch::Folder;
use crate::site::{NewSite, system_entropy};
use sanad_log::clock::Hlc;
use sanad_log::control::{Enrolment, FacilitySecret, SiteKind};
use sanad_log::entry::BodyKind;
use sanad_log::frontier::Frontier;
use sanad_log::ids::EntryId;
use sanad_log::replica::Replica;
use sanad_log::replica::{Carried, Took};
use sanad_log::run::{check_run, encode_run};
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Signer as _};
use sanad_record::op::Op;
use sanad_store::{Apart, Came, KdfCost, Store};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Two sites at work: Cedar, which others can reach and which lets them in, and Olive.
async fn two_sites(folder: &Path) -> (Site, Site) {
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let cedar = Site::found(&folder.join("cedar"), "correct horse", KdfCost::TEST, &new).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("https://{}", listener.local_addr().unwrap());
    let (identity, accept) = (cedar.identity(), Arc::new(cedar.clone()));
    tokio::spawn(async move {
        let (limits, screens) = (crate::carrier::Limits::default(), axum::Router::new());
        crate::carrier::serve(listener, &identity, screens, accept, limits, std::future::pending()).await
    });
    cedar.announce(vec![address]).await.unwrap();
    let invite = cedar.invite(SiteKind::Enclave, vec![]).await.unwrap();
    let olive = Site::join(&folder.join("olive"), "correct horse", KdfCost::TEST, "Olive", &invite).await.unwrap();
    sync(&olive).await;
    (cedar, olive)
}

async fn sync(site: &Site) {
    for peer in site.peers().await.unwrap().values() {
        assert!(site.sync_with(peer).await.unwrap().complete);
    }
}

/// A record under the network's key, by a device that nobody here has heard of.
async fn written_by(site: &Site, device: &Ed25519Signer, id: &str) -> Entry {
    let key = site.with_directory(|directory| directory.epoch_keys().next().cloned()).await.unwrap().unwrap();
    let raw = format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#).into_bytes();
    let op = Op { action: Action::Put, key: format!("Patient/{id}").parse().unwrap(), parents: vec![], raw };
    let header = Header {
        log: LogId { lane: Lane::Clinical, author: device.device() },
        seq: 1,
        prev: EntryId([0; 32]),
        scope: ScopeTag::NETWORK,
        hlc: Hlc::from_ms(1_519_989_600_000),
        kind: BodyKind::Sealed,
        body_hash: [0; 32],
        body_len: 0,
        signature: [0; 64],
    };
    let text = Save { idempotency: None, by: None, ops: vec![op] }.encode();
    let body = key.seal(&text, &header.sealed_part(), &mut system_entropy());
    Entry::sign(header, body, &site.network(), device).unwrap()
}

/// Brings the bytes of a run as a stick does.
async fn carry(site: &Site, run: &[u8]) -> Took {
    let run = check_run(run, &site.network(), &Ed25519Verifier).unwrap();
    let (answer, answered) = oneshot::channel();
    let carried = Carried::Entries(run, Some(Arc::new(Frontier::default())));
    site.send(Command::Carry(carried, None, answer)).await.unwrap();
    answered.await.unwrap().unwrap()
}

fn shows(site: &Site, key: &str) -> bool {
    site.reader().resource(&key.parse().unwrap()).unwrap().is_some_and(|resource| resource.raw.is_some())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_authors_entry_is_taken_in_once_the_enrolment_arrives_and_before_that_if_somebody_says_so() {
    let around = Folder::new("sites");
    let folder = &around.0;
    let (cedar, olive) = two_sites(folder).await;
    let (late, never) = (Ed25519Signer::from_seed(&[91; 32]), Ed25519Signer::from_seed(&[92; 32]));
    for (device, id) in [(&late, "late"), (&never, "never")] {
        let entry = written_by(&olive, device, id).await;
        assert_eq!(carry(&olive, &encode_run(&[entry]).unwrap()).await.new, 1, "it is held, and passed on");
    }
    let list = olive.quarantine(0, 10).await.unwrap();
    assert_eq!(
        list.iter().map(|piece| (piece.n, piece.reason)).collect::<Vec<_>>(),
        [(1, "unknown-author"), (2, "unknown-author")]
    );
    assert!(list.iter().all(|piece| piece.how == "carrier" && piece.site.is_none() && piece.came_ms.is_some()));
    assert!(!shows(&olive, "Patient/late") && !shows(&olive, "Patient/never"));
    assert_eq!(olive.status().await.unwrap().quarantine.waiting, 2);
    // Others hold it too, and wait for the same word.
    sync(&olive).await;
    assert_eq!(cedar.quarantine(0, 10).await.unwrap().len(), 2);

    let adopted = olive.adopt(2, Some("Heron")).await.unwrap();
    assert_eq!((adopted.resources, adopted.patient.as_deref()), (1, Some("never")));
    assert!(matches!(olive.adopt(2, Some("Heron")).await, Err(AdoptError::Already)));
    assert!(matches!(olive.adopt(9, None).await, Err(AdoptError::NoSuchNumber)));
    sync(&olive).await;
    for site in [&olive, &cedar] {
        assert!(shows(site, "Patient/never") && shows(site, &adopted.provenance));
    }
    let record = cedar.reader().resource(&adopted.provenance.parse().unwrap()).unwrap().unwrap().raw.unwrap();
    let record = String::from_utf8(record).unwrap();
    for named in ["Heron", "Olive", "unknown-author", &never.device().to_string()] {
        assert!(record.contains(named), "{named}: {record}");
    }
    // The same at another site is known to be taken in.
    let n = cedar
        .quarantine(0, 10)
        .await
        .unwrap()
        .iter()
        .find(|piece| piece.author == never.device().to_string())
        .unwrap()
        .n;
    assert!(matches!(cedar.adopt(n, Some("Swift")).await, Err(AdoptError::Already)));

    let facility = FacilitySecret::generate(&mut system_entropy()).facility("Reed", SiteKind::Enclave);
    cedar.enrol(Enrolment { network: cedar.network(), facility, device: late.device() }).await.unwrap();
    sync(&olive).await;
    for site in [&olive, &cedar] {
        assert!(shows(site, "Patient/late"), "taken in by itself");
        let left = site.quarantine(0, 10).await.unwrap();
        assert!(left.iter().all(|piece| piece.author == never.device().to_string() && piece.adopted_ms.is_some()));
        assert_eq!(site.check(true).await.unwrap().projections_equal, Some(true));
    }
    cedar.close().await;
    olive.close().await;
}

#[tokio::test]
async fn what_does_not_hold_is_kept_as_it_came_and_what_cannot_be_opened_says_why() {
    let folder = Folder::new("cedar");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let device = Ed25519Signer::from_seed(&[93; 32]);
    let entry = written_by(&site, &device, "p").await;
    let run = encode_run(std::slice::from_ref(&entry)).unwrap();
    let signature = run.windows(64).position(|window| window == entry.header().signature).unwrap();
    let changed = |at: usize| {
        let mut changed = run.clone();
        changed[at] ^= 1;
        changed
    };
    // A forged signature, a changed body, a later format.
    for run in [changed(signature), changed(run.len() - 1), changed(0)] {
        let took = carry(&site, &run).await;
        assert_eq!((took.new, took.refused), (0, 1));
        assert_eq!(carry(&site, &run).await.refused, 1);
    }
    let list = site.quarantine(0, 10).await.unwrap();
    let reasons: Vec<_> = list.iter().map(|piece| piece.reason).collect();
    assert_eq!(reasons, ["signature", "signature", "unknown-format"], "each once");
    assert_eq!(site.hand_out(3).await.unwrap().unwrap().bytes, changed(0), "the whole run, for a later release");
    assert!(matches!(site.adopt(2, None).await, Err(AdoptError::Broken)));
    assert!(matches!(site.adopt(3, None).await, Err(AdoptError::Newer)));
    assert!(!shows(&site, "Patient/p"));
    assert_eq!(site.adopt(1, None).await.unwrap().resources, 1, "the seal vouches for what the signature does not");
    assert!(shows(&site, "Patient/p"));
    let bad = site.adopt(2, Some("")).await;
    assert!(matches!(bad, Err(AdoptError::Site(SiteError::BadCallSign))));
    site.close().await;
}

#[tokio::test]
async fn what_was_shown_before_a_page_was_damaged_hides_nothing_that_was_written_since() {
    let folder = Folder::new("cedar");
    let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&folder.0, "correct horse", KdfCost::TEST, &new).await.unwrap();
    let key: ResourceKey = "AllergyIntolerance/a1".parse().unwrap();
    let raw = |text: &str| {
        let value = serde_json::json!({ "resourceType": "AllergyIntolerance", "id": "a1", "code": { "text": text } });
        value.to_string().into_bytes()
    };
    let change = Change { key: key.clone(), raw: Some(raw("Penicillin")), about: None, follows: None };
    site.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    let log = LogId { lane: Lane::Clinical, author: site.device() };
    let kept = raw("Aspirin");
    let aside = move |_: &Replica, store: &mut Store| {
        let came = Came::default();
        store.keep_apart(&Apart { log, seq: 9, reason: Reason::Damage, came, bytes: &kept })
    };
    assert!(site.look(aside).await.unwrap().unwrap());
    assert_eq!(site.adopt(1, Some("Heron")).await.unwrap().resources, 1);
    let shown = site.reader().resource(&key).unwrap().unwrap();
    assert_eq!(shown.heads.len(), 2, "both stand, for somebody to choose");
    let heads: BTreeSet<_> =
        shown.heads.iter().map(|head| site.reader().version_raw(&key, head).unwrap().unwrap()).collect();
    assert_eq!(heads, BTreeSet::from([raw("Aspirin"), raw("Penicillin")]));
    assert!(!shown.conflicts.is_empty());
    site.close().await;
}

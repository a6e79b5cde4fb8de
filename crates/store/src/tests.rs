//! The promises of this crate, each by its name.

mod faults;
mod order;
mod quarantine;
mod reading;

use crate::testing::{Site, TempDir, delete, entropy, key_of, put, save, version};
use crate::{Batch, Came, Folder, Incoming, KdfCost, Page, Reason, Secrets, Store, StoreError};
use sanad_log::control::SiteKind;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{Lane, LogId, NetworkId};
use sanad_log::sign::Signer as _;
use std::time::Duration;

pub(crate) fn secrets() -> Secrets {
    Secrets {
        network: NetworkId([3; 32]),
        call_sign: "أرز".to_owned(),
        kind: SiteKind::Haven,
        device_seed: [1; 32],
        facility: [2; 64],
        authority_seed: Some([4; 32]),
        tls_certificate_der: vec![5; 300],
        tls_key_der: vec![6; 100],
    }
}

/// A store in a fresh folder.
pub(crate) fn fresh() -> (TempDir, Folder, Store) {
    let dir = TempDir::new();
    let folder = Folder::create(dir.path()).unwrap();
    let store = folder.found("olive", KdfCost::TEST, &secrets(), &mut entropy(9)).unwrap();
    (dir, folder, store)
}

const NO_DELAY: Duration = Duration::ZERO;

#[test]
fn a_founded_folder_opens_with_its_passphrase_and_holds_what_was_saved() {
    let (dir, folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let entry = site.save(scope, &save(vec![put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#, &[])]));
    let control = site.control.clone();
    store.append(&control, &site.directory).unwrap();
    store.append(std::slice::from_ref(&entry), &site.directory).unwrap();
    drop(store);
    drop(folder);
    assert!(matches!(Folder::create(dir.path()), Err(StoreError::Exists)));
    let folder = Folder::open(dir.path()).unwrap();
    assert!(matches!(folder.unlock("Olive", NO_DELAY), Err(StoreError::WrongPassphrase)));
    let mut store = folder.unlock("olive", NO_DELAY).unwrap();
    assert!(store.secrets().unwrap() == secrets());
    assert_eq!(store.control_entries().unwrap().entries, control);
    let log = LogId { lane: Lane::Clinical, author: site.signer.device() };
    assert_eq!(store.load(Range { log, from: 1, to: 9 }, usize::MAX).unwrap(), std::slice::from_ref(&entry));
    assert_eq!(store.heads(&key_of("Patient/p")).unwrap(), [version(&entry, 0)]);
    assert_eq!(store.scopes_of_patient("p").unwrap(), [scope]);
    let reader = store.reader().unwrap();
    let resource = reader.resource(&key_of("Patient/p")).unwrap().unwrap();
    assert_eq!(resource.raw.unwrap(), br#"{"resourceType":"Patient","id":"p"}"#);
    assert_eq!(reader.patients(None, Page::first(10)).unwrap().len(), 1);
    assert_eq!(reader.counts().unwrap().readable_records, 1);
    assert_eq!(store.spans().unwrap().len(), 2);
}

#[test]
fn a_second_hold_of_the_folder_is_refused_and_a_second_store_too() {
    let (dir, folder, store) = fresh();
    assert!(matches!(Folder::open(dir.path()), Err(StoreError::InUse)));
    assert!(matches!(folder.unlock("olive", NO_DELAY), Err(StoreError::InUse)));
    drop(store);
    let again = folder.unlock("olive", NO_DELAY).unwrap();
    drop(folder);
    assert!(matches!(Folder::open(dir.path()), Err(StoreError::InUse)), "the store itself holds the folder");
    drop(again);
    assert!(Folder::open(dir.path()).is_ok());
}

#[test]
fn what_is_appended_twice_is_held_once_and_a_fork_is_kept_apart() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let first = site.save(scope, &save(vec![put("Basic/a", r#"{"resourceType":"Basic"}"#, &[])]));
    let second = site.save(scope, &save(vec![delete("Basic/a", &[version(&first, 0)])]));
    let done = store.append(&[first.clone(), second.clone(), first.clone()], &site.directory).unwrap();
    assert_eq!((done.stored, done.duplicates), (2, 1));
    let other = Entry::sign(first.header().clone(), vec![7; 99], &site.network, &site.signer).unwrap();
    let done = store.append(&[second, other.clone()], &site.directory).unwrap();
    assert_eq!((done.stored, done.duplicates, done.forks.len()), (0, 1, 1));
    let (kept, bytes) = store.reader().unwrap().quarantined(1).unwrap().unwrap();
    assert_eq!((kept.reason, kept.in_log, kept.seq), (Reason::Fork, false, 1));
    assert_eq!(bytes, [&other.header().encode(), other.body()].concat());
    assert!(store.reader().unwrap().resource(&key_of("Basic/a")).unwrap().unwrap().raw.is_none());
}

#[test]
fn values_of_the_node_are_committed_with_the_entries_or_not_at_all() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let entry = site.control.pop().unwrap();
    let incoming = [Incoming { entry: &entry, text: None, save: None, came: Came::default() }];
    let batch = Batch { entries: &incoming, state: &[("peer/2", Some(b"b")), ("peer/10", Some(b"a")), ("x", None)] };
    store.commit(batch, &site.directory).unwrap();
    store.put_state("peers", Some(b"c")).unwrap();
    let list = store.list_state("peer/").unwrap();
    assert_eq!(list, [("peer/10".to_owned(), b"a".to_vec()), ("peer/2".to_owned(), b"b".to_vec())]);
    let long = "k".repeat(300);
    let batch = Batch { entries: &[], state: &[("peer/2", None), (&long, Some(b""))] };
    assert!(matches!(store.commit(batch, &site.directory), Err(StoreError::TooLarge(_))));
    assert_eq!(store.get_state("peer/2").unwrap().as_deref(), Some(&b"b"[..]));
}

#[test]
fn readers_see_whole_commits_while_the_writer_goes_on() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(7, &[]);
    let reader = store.reader().unwrap();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let reader = reader.clone();
            std::thread::spawn(move || {
                let mut last = 0;
                while last < 400 {
                    let mut seen = 0u64;
                    reader
                        .each_resource(|resource| {
                            seen += u64::from(resource.raw.is_some());
                            true
                        })
                        .unwrap();
                    assert!(seen >= last && seen.is_multiple_of(4), "a save is seen whole or not at all");
                    last = seen;
                }
            })
        })
        .collect();
    for n in 0..100 {
        let four = (0..4).map(|k| put(&format!("Basic/b{n}-{k}"), "{}", &[])).collect();
        let entry = site.save(scope, &save(four));
        store.append(&[entry], &site.directory).unwrap();
    }
    for reader in readers {
        reader.join().unwrap();
    }
}

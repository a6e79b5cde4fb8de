//! What goes wrong, and what must hold when it does.

use super::{NO_DELAY, fresh, secrets};
use crate::testing::{Site, TempDir, entropy, key_of, put, save};
use crate::{Check, Damage, Folder, KdfCost, Page, Store, StoreError};
use sanad_log::chain::Span;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{Lane, LogId, ScopeTag};
use sanad_log::sign::{Ed25519Verifier, Signer as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const CANARY: &str = "canary-of-a-name";

fn resource(site: &mut Site, scope: ScopeTag, n: usize, filler: usize) -> Entry {
    // Random text, which does not compress.
    let text: String = (0..filler / 64 + 1)
        .map(|k| blake3::hash(&[n.to_be_bytes(), k.to_be_bytes()].concat()).to_hex().to_string())
        .collect();
    let raw = format!(r#"{{"resourceType":"Basic","id":"b{n}","text":"{CANARY} {text}"}}"#);
    site.save(scope, &save(vec![put(&format!("Basic/b{n}"), &raw, &[])]))
}

fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(dir)
        .unwrap()
        .map(|file| file.unwrap())
        .map(|file| (file.file_name().into_string().unwrap(), std::fs::read(file.path()).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn locked_means_nothing() {
    let (dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    for n in 0..50 {
        let entry = resource(&mut site, scope, n, 2_000);
        store.append(&[entry], &site.directory).unwrap();
    }
    let reader = store.reader().unwrap();
    assert!(
        reader.resource(&key_of("Basic/b7")).unwrap().unwrap().raw.unwrap().windows(6).any(|text| text == b"canary")
    );
    let open: Vec<_> = files(dir.path());
    assert!(
        open.iter().any(|(name, bytes)| name == "store.db-wal" && bytes.len() > 100_000),
        "the log is looked at too"
    );
    for (name, bytes) in open {
        let secret = secrets();
        for text in [
            CANARY.as_bytes(),
            b"resourceType",
            "أرز".as_bytes(),
            b"SQLite",
            b"CREATE TABLE",
            &secret.facility,
            &secret.tls_key_der,
        ] {
            assert!(!bytes.windows(text.len()).any(|window| window == text), "{name} holds something readable");
        }
        let mode = std::fs::metadata(dir.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(std::fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn a_wrong_passphrase_changes_nothing_and_takes_its_time() {
    let (dir, folder, store) = fresh();
    drop(store);
    let before = files(dir.path());
    #[allow(clippy::disallowed_methods, reason = "the delay is what is tested")]
    let now = Instant::now;
    let start = now();
    let delay = Duration::from_millis(80);
    for _ in 0..2 {
        assert!(matches!(folder.unlock("wrong", delay), Err(StoreError::WrongPassphrase)));
    }
    assert!(start.elapsed() >= 2 * delay, "guesses come one after another");
    assert!(files(dir.path()) == before);
}

#[test]
fn slots_come_and_go_and_the_data_stays() {
    let (_dir, folder, store) = fresh();
    drop(store);
    folder.add_slot("olive", "second", KdfCost::TEST, &mut entropy(4), NO_DELAY).unwrap();
    assert_eq!(folder.slots().unwrap(), 2);
    assert!(matches!(
        folder.add_slot("no", "x", KdfCost::TEST, &mut entropy(4), NO_DELAY),
        Err(StoreError::WrongPassphrase)
    ));
    folder.remove_slot("olive", NO_DELAY).unwrap();
    assert!(matches!(folder.unlock("olive", NO_DELAY), Err(StoreError::WrongPassphrase)));
    assert!(folder.unlock("second", NO_DELAY).unwrap().secrets().unwrap() == secrets());
    assert!(matches!(folder.remove_slot("second", NO_DELAY), Err(StoreError::LastSlot)));
}

/// Runs in a process of its own, started by the test below.
#[test]
fn a_child_process_tries_the_folder() {
    if let Some(dir) = std::env::var_os("SANAD_STORE_TEST_FOLDER") {
        let code = match Folder::open(Path::new(&dir)) {
            Ok(_) => 10,
            Err(StoreError::InUse) => 11,
            Err(_) => 12,
        };
        std::process::exit(code);
    }
}

#[test]
fn a_second_process_is_refused_until_the_first_lets_go() {
    let (dir, folder, store) = fresh();
    let try_it = || {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "tests::faults::a_child_process_tries_the_folder"]);
        child.env("SANAD_STORE_TEST_FOLDER", dir.path()).output().unwrap().status.code()
    };
    assert_eq!(try_it(), Some(11));
    drop((folder, store));
    assert_eq!(try_it(), Some(10));
}

#[test]
fn a_founding_that_was_cut_short_is_begun_again() {
    let dir = TempDir::new();
    let folder = Folder::create(dir.path()).unwrap();
    std::fs::write(dir.path().join("store.db"), b"half").unwrap();
    std::fs::write(dir.path().join("store.db-wal"), b"half").unwrap();
    assert!(matches!(Folder::open(dir.path()), Err(StoreError::NoStore)));
    let store = folder.found("p", KdfCost::TEST, &secrets(), &mut entropy(1)).unwrap();
    assert!(store.secrets().unwrap() == secrets());
    drop(store);
    assert!(matches!(folder.found("p", KdfCost::TEST, &secrets(), &mut entropy(1)), Err(StoreError::Exists)));
}

/// One page of the file after another gets one changed bit. Whatever it held, the check says so, what stands on other pages
/// is served, the database is made anew from it, and once the lost entries have come again nothing differs from before.
#[test]
fn a_damaged_byte_is_found_and_every_other_entry_is_served() {
    let (dir, folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    let entries: Vec<Entry> = (0..120).map(|n| resource(&mut site, scope, n, 3_000)).collect();
    store.append(&entries, &site.directory).unwrap();
    store.put_state("receipt/one", Some(b"kept")).unwrap();
    let digest = store.projection_digest().unwrap();
    drop(store);
    let path = dir.path().join("store.db");
    let whole = std::fs::read(&path).unwrap();
    let range = Range { log: LogId { lane: Lane::Clinical, author: site.signer.device() }, from: 1, to: 120 };
    let (mut named, mut opened, mut anew, mut heads) = (0, 0, 0, 0);
    for page in (0..whole.len() / 4096).step_by(5) {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 100 + page % 3_900] ^= 1 << (page % 8);
        std::fs::write(&path, &bytes).unwrap();
        let mut store = match folder.unlock("olive", NO_DELAY) {
            Ok(store) => store,
            Err(error) => {
                // The first page, and those of SQLite's own list of tables, which stand among the first ones.
                assert!(matches!(error, StoreError::DamagedHead) && page < 50, "page {page}: {error}");
                heads += 1;
                continue;
            }
        };
        opened += 1;
        assert!(store.secrets().unwrap() == secrets());
        // What cannot be read is not held: before anything is looked at it may be in a span, and afterwards it is not.
        let spans = match store.spans() {
            // As a site does at its start.
            Err(StoreError::DamagedFile) => store.repair(None).and_then(|_| store.spans()).unwrap(),
            spans => spans.unwrap(),
        };
        let made_anew = dir.path().join("store.db.damaged").exists();
        anew += u32::from(made_anew);
        let report = store.check(Check::default(), &site.directory, &mut |_, _, _| {}).unwrap();
        assert!(!report.is_sound() && report.repaired.is_some() == made_anew, "page {page}: {report:?}");
        assert!(made_anew != matches!(report.damaged[..], [Damage::Pages(1), ..]), "page {page}: {report:?}");
        let lost: Vec<u64> =
            report.lost.places.iter().map(|(log, seq)| (*log == range.log).then_some(*seq).unwrap()).collect();
        assert!(lost.len() <= 120 && !report.lost.unnamed, "page {page}: {report:?}");
        named += u32::from(!lost.is_empty());
        let held = |spans: &[Span]| spans.iter().map(|span| span.to - span.from + 1).sum::<u64>();
        assert!(held(&spans) <= 120);
        let spans = store.spans().unwrap();
        assert_eq!(held(&spans) + lost.len() as u64, 120, "page {page}: {lost:?}");
        for span in &spans {
            let mut from = span.from;
            while from <= span.to {
                let loaded = store.load(Range { from, to: span.to, ..range }, usize::MAX).unwrap();
                assert_eq!(loaded, entries[from as usize - 1..][..loaded.len()], "page {page}");
                from += loaded.len() as u64;
            }
        }
        for seq in &lost {
            let one = store.load(Range { from: *seq, to: *seq, ..range }, usize::MAX);
            assert!(matches!(one, Err(StoreError::Damaged { .. })) || one.unwrap().is_empty());
        }
        assert!(lost.is_empty() || store.lost().device_due, "page {page}: receipts have claimed what is lost");
        // The peer brings them again, before the database is made anew or after.
        let bring = |store: &mut Store| store.append(&entries, &site.directory);
        let early = page % 2 == 0 && bring(&mut store).is_ok();
        assert!(!early || store.lost().is_empty());
        let report =
            store.check(Check { rebuild: true, ..Check::default() }, &site.directory, &mut |_, _, _| {}).unwrap();
        assert_eq!(report.repaired.is_some(), !made_anew || report.damages > 0, "page {page}: {report:?}");
        if !early {
            bring(&mut store).unwrap();
        }
        let report =
            store.check(Check { rebuild: true, ..Check::default() }, &site.directory, &mut |_, _, _| {}).unwrap();
        assert!(report.is_sound() && report.projection_digest == Some(digest), "page {page}: {report:?}");
        assert_eq!(report.entries, 120);
        let kept = std::fs::read(dir.path().join("store.db.damaged")).unwrap();
        let damaged = page * 4096..(page + 1) * 4096;
        assert!(early || kept[damaged.clone()] == bytes[damaged], "page {page}: the damaged file is kept");
        drop(store);
        assert!(!dir.path().join("store.db.part").exists());
        std::fs::remove_file(dir.path().join("store.db.damaged")).unwrap();
    }
    assert!(heads <= 3, "{heads} damages keep the database from opening");
    assert!(named >= 10 && anew >= 1 && opened > named, "{named} of {opened} hit a body, {anew} the tables of the log");
}

/// A repair that was cut short between its two renames: the new file is the whole one.
#[test]
fn a_repair_that_was_cut_short_is_finished_or_forgotten() {
    let (dir, folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    let entry = resource(&mut site, scope, 1, 10);
    store.append(std::slice::from_ref(&entry), &site.directory).unwrap();
    drop(store);
    let at = |name: &str| dir.path().join(name);
    std::fs::rename(at("store.db"), at("store.db.whole")).unwrap();
    std::fs::write(at("store.db.part"), b"half").unwrap();
    let held = |folder: &Folder| folder.unlock("olive", NO_DELAY).unwrap().spans().unwrap().len();
    assert_eq!(held(&folder), 1);
    std::fs::write(at("store.db.whole"), b"of another time").unwrap();
    assert_eq!(held(&folder), 1);
    assert!(!at("store.db.whole").exists() && !at("store.db.part").exists());
}

/// The database's own bytes are whole, what is in them is not.
#[test]
fn a_changed_body_a_broken_chain_and_a_foreign_signature_are_named() {
    let (_dir, _folder, mut store) = fresh();
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    let entries: Vec<Entry> = (0..5).map(|n| resource(&mut site, scope, n, 10)).collect();
    store.append(&entries, &site.directory).unwrap();
    let log = entries[0].header().log;
    let damage = |store: &mut Store| {
        let signatures = Some((&site.network, &Ed25519Verifier as &dyn sanad_log::sign::Verifier));
        store.check(Check { signatures, ..Check::default() }, &site.directory, &mut |_, _, _| {}).unwrap().damaged
    };
    assert_eq!(damage(&mut store), []);
    store
        .db
        .execute_batch(
            "UPDATE blob SET body = CAST(substr(body, 1, 40) || zeroblob(length(body) - 40) AS BLOB) WHERE id = 2",
        )
        .unwrap();
    assert_eq!(damage(&mut store), [Damage::Body(log, 2)]);
    let range = Range { log, from: 1, to: 5 };
    assert_eq!(store.load(range, usize::MAX).unwrap(), entries[..1]);
    assert!(matches!(store.load(Range { from: 2, ..range }, usize::MAX), Err(StoreError::Damaged { seq: 2, .. })));
    assert_eq!(store.load(Range { from: 3, ..range }, usize::MAX).unwrap(), entries[2..]);

    let mut twin = Site::found(1);
    twin.chart(1, &[]);
    let mut other = twin.save(scope, &save(vec![put("Basic/z", "{}", &[])]));
    for n in 0..2 {
        other = resource(&mut twin, scope, n, 10);
    }
    assert_eq!((other.header().log, other.header().seq), (log, 3));
    let mut forged = entries[4].header().clone();
    forged.signature[5] ^= 1;
    for (id, header, body) in [
        (2, entries[1].header(), entries[1].body()),
        (3, other.header(), other.body()),
        (5, &forged, entries[4].body()),
    ] {
        store.db.execute("UPDATE blob SET header = ?2, body = ?3 WHERE id = ?1", (id, header.encode(), body)).unwrap();
    }
    assert_eq!(damage(&mut store), [Damage::Chain(log, 3), Damage::Chain(log, 4), Damage::Signature(log, 5)]);
}

/// Appends until the disk is full; then everything acknowledged must be there, and after `make_room` saves go on.
fn fill(store: &mut Store, dir: &Path, make_room: impl FnOnce(&mut Store)) {
    let mut site = Site::found(1);
    let scope = site.chart(1, &[]);
    store.append(&site.control, &site.directory).unwrap();
    let reader = store.reader().unwrap();
    let mut saved = Vec::new();
    let (refused, error) = loop {
        let entry = resource(&mut site, scope, saved.len(), 20_000);
        match store.append(std::slice::from_ref(&entry), &site.directory) {
            Ok(_) => saved.push(entry),
            Err(error) => break (entry, error),
        }
        assert!(saved.len() < 5_000, "the disk is small");
    };
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(saved.len() > 10);
    assert!(matches!(store.append(std::slice::from_ref(&refused), &site.directory), Err(StoreError::Full)));
    let range = Range { log: refused.header().log, from: 1, to: saved.len() as u64 + 1 };
    let all_there = |store: &mut Store| {
        let mut loaded = Vec::new();
        while loaded.len() < saved.len() {
            loaded.extend(store.load(Range { from: loaded.len() as u64 + 1, ..range }, usize::MAX).unwrap());
        }
        assert!(loaded[..saved.len()] == saved, "everything acknowledged is there");
    };
    all_there(store);
    assert_eq!(reader.counts().unwrap().resources, saved.len() as u64);
    assert!(reader.resource(&key_of("Basic/b3")).unwrap().is_some());
    assert!(
        reader.resource(&key_of(&format!("Basic/b{}", saved.len()))).unwrap().is_none(),
        "no trace of the refused save"
    );
    make_room(store);
    assert_eq!(store.append(std::slice::from_ref(&refused), &site.directory).unwrap().stored, 1);
    all_there(store);
    assert_eq!(reader.patients(None, Page::first(5)).unwrap().len(), 0);
    let report = store.check(Check { rebuild: true, ..Check::default() }, &site.directory, &mut |_, _, _| {});
    assert!(dir.exists() && report.is_ok_and(|report| report.is_sound()));
}

#[test]
fn a_full_database_refuses_the_save_and_loses_nothing() {
    let (dir, _folder, mut store) = fresh();
    store.db.query_row("PRAGMA max_page_count = 600", [], |_| Ok(())).unwrap();
    fill(&mut store, dir.path(), |store| {
        store.db.query_row("PRAGMA max_page_count = 100000", [], |_| Ok(())).unwrap();
    });
}

#[test]
fn a_disk_that_lost_half_a_million_entries_can_still_say_which() {
    let (_dir, _folder, mut store) = fresh();
    let log = LogId { lane: Lane::Bulk, author: sanad_log::ids::DeviceId([9; 32]) };
    let places = (1..=500_000).map(|seq| (log, seq)).collect();
    let lost = crate::Lost { places, unnamed: true, device_due: true };
    let tx = store.db.transaction().unwrap();
    lost.write(&tx).unwrap();
    tx.commit().unwrap();
    assert!(store.reader().unwrap().lost().unwrap() == lost);
    store.refresh().unwrap();
    assert!(*store.lost() == lost);
}

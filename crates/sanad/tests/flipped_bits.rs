//! Bits that flip in the database file of a site that is closed: nothing wrong is ever given out, everything sound still
//! is, the damage is named, and a peer brings back what cannot be read (reliability bar 8).
//!
//! `SANAD_SEED=… cargo test -p sanad --test flipped_bits` flips the same bits again. `SANAD_FLIPS` sets how many.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{LogId, Seq};
use sanad_node::site::{Site as Open, SiteError};
use sanad_node::sync::PeerAddress;
use sanad_store::{Reader, StoreError};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;
use support::fhir::lines;
use support::{Dice, PASSPHRASE, Scratch, Site, copy_folder, files, run, sanad};

const FLIPS: u64 = 100;
/// Of so many tries, one flips several bits at once, and one goes through the program's own commands.
const SEVERAL_OF: u64 = 10;
const PROGRAM_OF: u64 = 20;
/// Marks the first of these where a try is named.
const SEVERAL: &str = "several bits";
const PAGE: usize = 4096;
/// The first page and those of SQLite's own list of tables: without them nothing else can be found.
const HEAD_PAGES_MAX: usize = 6;
/// Sessions after which everything has to be back: one that meets damage begins again.
const SESSIONS_MAX: usize = 3;

type Entries = BTreeMap<(LogId, Seq), Entry>;
type Files = BTreeMap<String, Vec<u8>>;

/// What the whole site holds.
struct Whole {
    entries: Entries,
    files: Files,
    digest: [u8; 32],
}

/// What became of the tries.
#[derive(Default, Debug)]
struct Tally {
    not_opened: u32,
    made_anew_at_open: u32,
    entries_lost: u64,
    resources_passed_over: usize,
    sessions: usize,
    unnamed: u32,
    devices_replaced: u32,
    peer_forgotten: u32,
    by_the_program: u32,
}

fn open(dir: &Path) -> Result<Open, SiteError> {
    Open::open(dir, PASSPHRASE, Duration::ZERO)
}

fn export(site: &Open, out: &Path) -> (Files, Vec<String>, bool) {
    let report = site.export(out, |_| ()).unwrap();
    let found = files(out);
    fs::remove_dir_all(out).unwrap();
    (found, report.missing, report.missing_unnamed)
}

/// Every entry that can be had, place by place.
fn entries(reader: &Reader, places: impl Iterator<Item = (LogId, Seq)>) -> Entries {
    let one = |(log, seq)| {
        let loaded = reader.load(Range { log, from: seq, to: seq }, usize::MAX).ok()?.pop()?;
        Some(((log, seq), loaded))
    };
    places.filter_map(one).collect()
}

async fn look_at_whole(dir: &Path, out: &Path) -> (Whole, PeerAddress) {
    let site = open(dir).unwrap();
    let spans = site.reader().spans().unwrap();
    let places = spans.iter().flat_map(|span| (span.from..=span.to).map(|seq| (span.log, seq)));
    let entries = entries(site.reader(), places);
    let (files, missing, _) = export(&site, out);
    assert!(missing.is_empty());
    let report = site.check(true).await.unwrap();
    assert!(report.is_sound() && report.entries == entries.len() as u64);
    let peer = site.peers().await.unwrap().into_values().next().unwrap();
    site.close().await;
    (Whole { entries, files, digest: report.projection_digest.unwrap() }, peer)
}

/// One damaged file, from opening it to being whole again.
async fn one_try(dir: &Path, out: &Path, whole: &Whole, peer: &PeerAddress, tally: &mut Tally, what: &str) {
    let several = what.ends_with(SEVERAL);
    let site = match open(dir) {
        Ok(site) => site,
        Err(error) => {
            assert!(matches!(error, SiteError::Store(StoreError::DamagedHead)), "{what}: {error}");
            tally.not_opened += 1;
            return;
        }
    };
    let made_anew = dir.join("store.db.damaged").exists();
    tally.made_anew_at_open += u32::from(made_anew);

    // What is given out is what was saved; what is not given out is named.
    let (found, missing, unnamed) = export(&site, out);
    for (name, raw) in &found {
        assert!(whole.files.get(name) == Some(raw), "{what}: {name} was given out with other bytes");
    }
    let served = entries(site.reader(), whole.entries.keys().copied());
    assert!(served.iter().all(|(place, entry)| whole.entries.get(place) == Some(entry)), "{what}");
    let absent = whole.files.keys().filter(|name| !found.contains_key(*name)).count();
    assert!(absent == missing.len() || unnamed, "{what}: {absent} absent, named {missing:?}");
    tally.resources_passed_over += absent;

    // The damage is named, and what cannot be read is no longer held.
    let report = site.check(false).await.unwrap();
    assert!(!report.is_sound(), "{what}: {report:?}");
    let status = site.status().await.unwrap();
    // Some the site has put back from its own copies by now.
    assert!(status.lost.entries <= report.lost.places.len() as u64, "{what}");
    let accounted = status.stored.entries + status.lost.entries;
    // What the facility's new device has written is no part of what was there.
    let new = status.stored.entries - entries(site.reader(), whole.entries.keys().copied()).len() as u64;
    assert!(accounted == whole.entries.len() as u64 + new || report.lost.unnamed, "{what}: {accounted} {report:?}");
    let lost_any = status.lost.entries > 0 || status.lost.unnamed;
    // Without an enrolment of its own, both copies of which may have been hit, it can show a new device to nobody before a
    // peer brings it back.
    let own = site.with_directory(|directory| directory.newest_credential(&directory.own()).is_some()).await.unwrap();
    assert!(own || several, "{what}: one flipped bit never costs a site its membership");
    assert!(!lost_any || new > 0 || !own, "{what}: who lost something is replaced");
    tally.entries_lost += status.lost.entries;
    tally.unnamed += u32::from(report.lost.unnamed);

    // The peer brings it back.
    for session in 1.. {
        assert!(session <= SESSIONS_MAX, "{what}: {:?}", site.status().await);
        tally.sessions += 1;
        let peers = site.peers().await.unwrap();
        let Some(peer) = peers.get(&peer.device) else {
            // Both copies of what says where the peer is were hit. The peer still knows this site.
            assert!(several, "{what}: one flipped bit never hides the other sites");
            tally.peer_forgotten += 1;
            return site.close().await;
        };
        let report = site.sync_with(peer).await.unwrap();
        if report.complete && site.status().await.unwrap().lost.entries == 0 {
            break;
        }
    }
    let held = entries(site.reader(), whole.entries.keys().copied());
    assert!(held == whole.entries, "{what}: {} of {}", held.len(), whole.entries.len());
    let replaced = site.status().await.unwrap().stored.entries > held.len() as u64;
    assert!(!lost_any || replaced, "{what}: who had lost something has a new device by now");
    tally.devices_replaced += u32::from(replaced);

    // Made anew from what is there now, nothing differs from before.
    let rebuilt = site.check(true).await.unwrap();
    assert!(rebuilt.damages == 0 || rebuilt.repaired.is_some(), "{what}: {rebuilt:?}");
    let last = site.check(true).await.unwrap();
    assert!((last.damages, last.projections_equal) == (0, Some(true)), "{what}: {last:?}");
    // A device that had lost something has been replaced, and its successor has said so in the log.
    if site.status().await.unwrap().stored.entries == whole.entries.len() as u64 {
        assert_eq!(last.projection_digest, Some(whole.digest), "{what}");
    }
    assert!(last.is_sound(), "{what}: {last:?}");
    let (found, missing, _) = export(&site, out);
    assert!(found == whole.files && missing.is_empty(), "{what}");
    site.close().await;
}

/// The same by the program's commands: exit codes and words.
fn by_the_program(site: &Site, out: &Path, whole: &Whole, what: &str) {
    let check = site.run("check", &[]).code(4);
    if check.out.is_empty() {
        assert!(check.err.contains("sanad join"), "{what}: {check:?}");
        return;
    }
    assert!([0, 4].contains(&site.run("export", &[out.to_str().unwrap()]).code), "{what}");
    for (name, raw) in files(out) {
        assert!(whole.files.get(&name) == Some(&raw), "{what}: {name}");
    }
    fs::remove_dir_all(out).unwrap();
    site.ok("status", &[]);
    for _ in 0..SESSIONS_MAX {
        let ran = site.run("sync", &[]);
        assert!([0, 1].contains(&ran.code), "{what}: {ran:?}");
    }
    let words = run(sanad().arg("check").arg(&site.dir).arg("--rebuild").env("SANAD_LANG", "ar"));
    assert!([0, 4].contains(&words.code) && !words.out.contains("check-"), "{what}: {words:?}");
    site.ok("sync", &[]);
    site.is_sound();
    let found = site.export(out);
    assert!(found == whole.files, "{what}");
    fs::remove_dir_all(out).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_is_named_nothing_wrong_is_served_and_a_peer_brings_back_what_is_lost() {
    let flips = std::env::var("SANAD_FLIPS").map_or(FLIPS, |flips| flips.parse().unwrap());
    let mut dice = Dice::new("flipped_bits");
    let scratch = Scratch::new("flips");
    let a = Site::found(scratch.at("a"), "Cedar");
    // Many small saves, so that many entries stand on many pages.
    for (at, line) in lines(6, 5).lines().enumerate() {
        a.import(&scratch.write(&format!("in/{at}.json"), line));
    }
    let b = a.let_in(scratch.at("b"), "Haven", true);
    let served = b.serve();
    // Cedar hears where the haven is reached.
    let at_a = a.serve();
    let heard = support::poll(support::DEADLINE, || {
        b.run("sync", &[]);
        let sites = a.ok("status", &[]);
        (sites["sites"][0]["addresses"] == serde_json::json!([b.way.url()])).then_some(())
    });
    assert!(heard.is_some());
    at_a.stop();
    a.import(&scratch.write("more.ndjson", lines(16, 6)));
    a.ok("sync", &[]);
    b.import(&scratch.write("theirs.ndjson", lines(2, 20)));
    a.ok("sync", &[]);
    let (whole, peer) = look_at_whole(&a.dir, &scratch.at("out")).await;
    // What the rebuild wrote is moved out of the write-ahead log, which would mend the pages that are broken here.
    a.ok("check", &[]);
    let bytes = fs::read(a.dir.join("store.db")).unwrap();
    assert_eq!(fs::metadata(a.dir.join("store.db-wal")).map_or(0, |log| log.len()), 0);
    println!("{} entries, {} resources, {} pages", whole.entries.len(), whole.files.len(), bytes.len() / PAGE);

    // Page by page: only these few keep a site from opening.
    let mut head_pages = Vec::new();
    for page in 0..bytes.len() / PAGE {
        let dir = scratch.at("one-page");
        drop(fs::remove_dir_all(&dir));
        copy_folder(&a.dir, &dir);
        let mut bytes = bytes.clone();
        bytes[page * PAGE + dice.below(PAGE as u64) as usize] ^= 1 << dice.below(8);
        fs::write(dir.join("store.db"), &bytes).unwrap();
        match open(&dir) {
            Ok(site) => site.close().await,
            Err(_) => head_pages.push(page),
        }
    }
    println!("nothing can be opened without pages {head_pages:?}");
    assert!(head_pages.len() <= HEAD_PAGES_MAX, "{head_pages:?}");

    let mut tally = Tally::default();
    for number in 1..=flips {
        let broken = Site { dir: scratch.at("broken"), ..a.clone() };
        drop(fs::remove_dir_all(&broken.dir));
        copy_folder(&a.dir, &broken.dir);
        let mut bytes = bytes.clone();
        let count = if number % SEVERAL_OF == 0 { 4 } else { 1 };
        let at: Vec<_> = (0..count).map(|_| dice.below(bytes.len() as u64) as usize).collect();
        at.iter().for_each(|at| bytes[*at] ^= 1 << dice.below(8));
        fs::write(broken.dir.join("store.db"), &bytes).unwrap();
        let pages: Vec<_> = at.iter().map(|at| at / PAGE).collect();
        let what = format!("try {number}, pages {pages:?}, {}", if count > 1 { SEVERAL } else { "one bit" });
        if number % PROGRAM_OF == 1 {
            tokio::task::block_in_place(|| by_the_program(&broken, &scratch.at("out"), &whole, &what));
            tally.by_the_program += 1;
            continue;
        }
        let before = tally.not_opened;
        one_try(&broken.dir, &scratch.at("out"), &whole, &peer, &mut tally, &what).await;
        let head = count > 1 || head_pages.contains(&pages[0]);
        assert!(tally.not_opened == before || head, "{what}: only the beginning of the file keeps it from opening");
        if tally.not_opened > before {
            assert!(fs::read(broken.dir.join("store.db")).unwrap() == bytes, "{what}: nothing was changed");
        }
    }
    served.stop();
    println!("{flips} tries: {tally:?}");
    assert!(flips < 50 || (tally.entries_lost > 0 && u64::from(tally.not_opened) * 3 < flips), "{tally:?}");
}

//! `kill -9` at any moment: everything acknowledged is there at the next start, nothing is damaged, nothing stays locked.
//!
//! `SANAD_SEED=… cargo test -p sanad --test kill` draws the same moments and the same load again; which save they meet is
//! up to the machine. `SANAD_KILLS` sets how many.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "the moment of a kill is a moment by the clock")]

mod support;

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use support::control::tell;
use support::fhir::{lines, observation, patient};
use support::{Dice, Scratch, Served, Site};

const KILLS: u64 = 200;
/// Who saves at once.
const WRITERS: u64 = 4;
/// Of so many kills, one meets a process that has just been started, and one a whole import without a server.
const AT_START_OF: u64 = 8;
const IMPORT_OF: u64 = 8;
/// Longest load before a kill.
const LOAD_MS: u64 = 250;
/// Kills between two looks at everything; in between, what was acknowledged last is looked at.
const ALL_EVERY: u64 = 20;

fn import(site: &Site, files: &[PathBuf]) -> Option<(u8, Value)> {
    tell(&site.dir, json!({ "Import": { "files": files, "by": null } }))
}

/// What writers have done: what was acknowledged, all of it and since the last look, and what was begun.
#[derive(Default)]
struct Ledger {
    acknowledged: Mutex<BTreeMap<String, Vec<u8>>>,
    fresh: Mutex<Vec<Vec<u8>>>,
    begun: AtomicU64,
}

/// Saves one resource after another until the site is gone; every fourth is another version of one before.
fn write(site: &Site, folder: &Path, ledger: &Ledger, writer: u64, seed: u64) {
    let mut dice = Dice(seed);
    loop {
        let number = ledger.begun.fetch_add(1, Ordering::Relaxed);
        let id = match dice.below(4) {
            0 => format!("w{writer}-{}", dice.below(number + 1)),
            _ => format!("w{writer}-{number}"),
        };
        let raw = observation(&id, &format!("p{}", dice.below(12)), number).to_string().into_bytes();
        let name = format!("Observation/{id}.json");
        let file = folder.join(format!("w{writer}.json"));
        std::fs::write(&file, &raw).unwrap();
        // What is being written again may end up as it was or as it is to be: neither may be held against the site.
        ledger.acknowledged.lock().unwrap().remove(&name);
        match import(site, &[file]) {
            Some((0, report)) => {
                assert_eq!(report["saved"], 1, "{report}");
                ledger.fresh.lock().unwrap().push(raw.clone());
                ledger.acknowledged.lock().unwrap().insert(name, raw);
            }
            Some((code, report)) => panic!("refused with {code}: {report}"),
            None => return,
        }
    }
}

/// What was acknowledged since the last look is there: an import of it changes nothing. Returns how much it was.
fn compare_fresh(site: &Site, scratch: &Scratch, ledger: &Ledger, round: u64) -> u64 {
    let fresh = std::mem::take(&mut *ledger.fresh.lock().unwrap());
    let file = scratch.write("fresh.ndjson", fresh.join(b"\n".as_slice()));
    let (code, report) = import(site, &[file]).expect("a site that is served imports");
    let none_new = (&report["saved"], &report["unchanged"]) == (&0.into(), &fresh.len().into());
    assert!(code == 0 && none_new, "kill {round}: {} were acknowledged: {report}", fresh.len());
    fresh.len() as u64
}

/// Everything acknowledged is there, as it was acknowledged, and nothing is damaged.
fn compare_all(site: &Site, scratch: &Scratch, ledger: &Ledger, round: u64) -> usize {
    let (code, report) = tell(&site.dir, json!({ "Check": { "rebuild": false } })).unwrap();
    assert_eq!(code, 0, "kill {round}: {report}");
    let out = scratch.at(&format!("out-{round}"));
    let (code, _) = tell(&site.dir, json!({ "Export": { "out": out } })).expect("a site that is served exports");
    assert_eq!(code, 0);
    let held = support::files(&out);
    let acknowledged = ledger.acknowledged.lock().unwrap();
    for (name, raw) in acknowledged.iter() {
        assert!(held.get(name) == Some(raw), "kill {round}: {name} was acknowledged and is not there");
    }
    std::fs::remove_dir_all(out).unwrap();
    acknowledged.len()
}

#[test]
fn whatever_was_acknowledged_survives_200_kills() {
    let kills = std::env::var("SANAD_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut dice = Dice::new("kill");
    let scratch = Scratch::new("kill");
    let site = Site::found(scratch.at("a"), "Cedar");
    let people: String = (0..12).map(|at| format!("{}\n", patient(&format!("p{at}"), "Haddad"))).collect();
    site.import(&scratch.write("people.ndjson", people));
    let bulk = scratch.write("bulk.ndjson", lines(40, 10));
    let ledger = Arc::new(Ledger::default());
    let (mut at_start, mut in_import, mut whole_imports, mut saves) = (0, 0, 0, 0);
    for round in 1..=kills {
        match dice.below(AT_START_OF + IMPORT_OF) {
            0 | 1 => {
                // In the middle of starting: the vault, the database, the socket.
                let served = Served::begin(&site);
                thread::sleep(Duration::from_millis(dice.below(LOAD_MS)));
                served.kill();
                at_start += 1;
            }
            2 | 3 => {
                let mut child = site.command("import", &[bulk.to_str().unwrap()]);
                let mut child = child.stdout(std::process::Stdio::null()).spawn().unwrap();
                thread::sleep(Duration::from_millis(dice.below(LOAD_MS * 3)));
                whole_imports += u32::from(child.try_wait().unwrap().is_some_and(|status| status.success()));
                child.kill().unwrap();
                child.wait().unwrap();
                in_import += 1;
            }
            _ => {
                let served = Served::begin(&site).ready(&site);
                saves += compare_fresh(&site, &scratch, &ledger, round);
                if round % ALL_EVERY == 0 {
                    compare_all(&site, &scratch, &ledger, round);
                }
                let writers: Vec<_> = (0..WRITERS)
                    .map(|writer| {
                        let (site, ledger, folder, seed) =
                            (site.clone(), ledger.clone(), scratch.at(""), dice.below(u64::MAX));
                        thread::spawn(move || write(&site, &folder, &ledger, writer, seed))
                    })
                    .collect();
                thread::sleep(Duration::from_millis(dice.below(LOAD_MS)));
                served.kill();
                for writer in writers {
                    writer.join().unwrap();
                }
            }
        }
    }
    let served = site.serve();
    saves += compare_fresh(&site, &scratch, &ledger, kills + 1);
    let resources = compare_all(&site, &scratch, &ledger, kills + 1);
    served.stop();
    site.is_sound();
    let begun = ledger.begun.load(Ordering::Relaxed);
    println!(
        "{kills} kills, {at_start} of them while starting, {in_import} in an import by itself ({whole_imports} had ended)"
    );
    println!(
        "{begun} saves begun, {saves} acknowledged and all there; {resources} resources as they were acknowledged last"
    );
    assert!(kills < 50 || (saves > 200 && resources > 100), "{saves} {resources}");
}

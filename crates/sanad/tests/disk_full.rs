//! A full disk: the save is refused in plain words, nothing saved before is lost, reading goes on, and with room again so
//! does saving.
//!
//! Needs the right to mount a small disk in memory: root's, or a user namespace's.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use support::fhir::{observation, patient};
use support::rights::{Disk, ran_in_a_user_namespace};
use support::{Scratch, Site, files};

/// Enough for a site and a few thousand resources.
const DISK: &str = "12m";

/// Writes until there is no room for one more byte, except so many.
fn fill_but(disk: &Disk, bytes_left: u64) -> PathBuf {
    let path = disk.0.join("other-data");
    let mut file = File::create(&path).unwrap();
    let block = [0x5a; 4096];
    while file.write(&block).is_ok_and(|written| written == block.len()) {}
    let len = fs::metadata(&path).unwrap().len();
    file.set_len(len.saturating_sub(bytes_left)).unwrap();
    path
}

/// Imports one resource after another until the disk has no room. Returns those that were acknowledged.
fn save_until_full(site: &Site, scratch: &Scratch, prefix: &str) -> Vec<(String, String)> {
    let mut acknowledged = Vec::new();
    for number in 0..100_000u64 {
        let id = format!("{prefix}-{number}");
        let mut resource = observation(&id, "one", number);
        // Random enough that it does not shrink: each takes some pages.
        let note = (0..200).map(|at| format!("{:x}", blake3_of(number * 1_000 + at))).collect::<String>();
        resource["note"] = Value::Array(vec![serde_json::json!({ "text": note })]);
        let file = scratch.write("next.json", resource.to_string());
        let ran = site.run("import", &[file.to_str().unwrap()]);
        if ran.code == 0 {
            assert_eq!(ran.json()["saved"], 1);
            acknowledged.push((format!("Observation/{id}.json"), resource.to_string()));
            continue;
        }
        assert_eq!(ran.code, 1, "{ran:?}");
        assert!(ran.err.contains("The disk is full") && ran.err.contains("Free some room"), "{ran:?}");
        return acknowledged;
    }
    panic!("the disk never filled");
}

fn blake3_of(number: u64) -> u64 {
    u64::from_le_bytes(blake3::hash(&number.to_le_bytes()).as_bytes()[..8].try_into().unwrap())
}

#[test]
fn a_full_disk_refuses_the_save_loses_nothing_and_is_over_when_there_is_room() {
    if ran_in_a_user_namespace("a_full_disk_refuses_the_save_loses_nothing_and_is_over_when_there_is_room") {
        return;
    }
    let scratch = Scratch::new("full");
    let disk = Disk::mount(scratch.at("disk"), DISK);
    let site = Site::found(disk.0.join("a"), "Cedar");
    site.import(&scratch.write("one.json", patient("one", "Haddad").to_string()));

    // While it is served: what is in the air is refused, and reading goes on.
    let mut served = site.serve();
    fill_but(&disk, 512 * 1024);
    let mut acknowledged = save_until_full(&site, &scratch, "served");
    println!("served: {} saves acknowledged, then refused", acknowledged.len());
    assert!(!acknowledged.is_empty() && served.is_alive());
    let refused = site.run("import", &[scratch.at("next.json").to_str().unwrap()]).code(1);
    assert!(refused.err.contains("The disk is full"), "{refused:?}");
    assert_eq!(site.ok("status", &[])["stored"]["resources"], acknowledged.len() + 1);
    compare(&site, &scratch, &acknowledged, "out-served");

    // Room again, without a restart.
    fs::remove_file(disk.0.join("other-data")).unwrap();
    assert_eq!(site.import(&scratch.at("next.json"))["saved"], 1);
    let last = fs::read_to_string(scratch.at("next.json")).unwrap();
    acknowledged.push((format!("Observation/served-{}.json", acknowledged.len()), last));
    served.stop();

    // By itself, from the start of the process.
    fill_but(&disk, 512 * 1024);
    let more = save_until_full(&site, &scratch, "alone");
    println!("alone: {} saves acknowledged, then refused", more.len());
    acknowledged.extend(more);
    assert_eq!(site.ok("status", &[])["stored"]["resources"], acknowledged.len() + 1);
    compare(&site, &scratch, &acknowledged, "out-alone");

    // Nothing left at all, not even what a write-ahead log needs to begin.
    fill_but(&disk, 0);
    let status = site.run("status", &[]);
    println!("not one byte left: status ends with {} {}", status.code, status.err.trim_end());
    if status.code == 0 {
        compare(&site, &scratch, &acknowledged, "out-none");
    } else {
        assert!(status.code == 1 && status.err.contains("The disk is full"), "{status:?}");
    }
    fs::remove_file(disk.0.join("other-data")).unwrap();
    assert_eq!(site.import(&scratch.at("next.json"))["saved"], 1);
    site.is_sound();
}

fn compare(site: &Site, scratch: &Scratch, acknowledged: &[(String, String)], out: &str) {
    site.ok("export", &[scratch.at(out).to_str().unwrap()]);
    let held = files(&scratch.at(out));
    assert_eq!(held.len(), acknowledged.len() + 1, "nothing that was refused is there");
    for (name, raw) in acknowledged {
        assert!(held.get(name).map(Vec::as_slice) == Some(raw.as_bytes()), "{name} was acknowledged");
    }
}

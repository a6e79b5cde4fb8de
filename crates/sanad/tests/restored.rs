//! A folder that goes back in time: restored from a copy, with real processes and real disks.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use support::fhir::{observation, patient};
use support::{Scratch, Site, copy_folder};

/// Imports a resource with this id, about the patient that is there from the beginning.
fn write(scratch: &Scratch, site: &Site, id: &str, number: u64) {
    let file = scratch.write(&format!("in/{id}.json"), observation(id, "p", number).to_string());
    assert_eq!(site.import(&file)["saved"], 1, "{id}");
}

/// Sessions of a site with the other, which is served meanwhile, until nothing more is said.
fn settle(site: &Site, other: &Site) {
    let served = other.serve();
    for _ in 0..6 {
        // A session in which a device finds out that it has been outlived ends early.
        site.run("sync", &[]);
    }
    assert_eq!(site.ok("sync", &[])["sessions"][0]["complete"], true);
    served.stop();
}

fn observations(exported: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let names = exported.keys().filter(|name| name.contains("Observation"));
    names.map(|name| Path::new(name).file_stem().unwrap().to_string_lossy().into_owned()).collect()
}

/// What every peer that was measured fails: restore the old folder, write before syncing, then sync.
#[test]
fn a_folder_restored_from_a_copy_loses_nothing_whether_or_not_it_writes_before_it_syncs() {
    for written in [0u64, 1, 2, 4] {
        let scratch = Scratch::new(&format!("restored-{written}"));
        let cedar = Site::found(scratch.at("cedar"), "Cedar");
        let haven = cedar.let_in(scratch.at("haven"), "Haven", true);
        cedar.import(&scratch.write("in/p.json", patient("p", "Before").to_string()));
        write(&scratch, &cedar, "before", 1);
        settle(&haven, &cedar);
        copy_folder(&scratch.at("cedar"), &scratch.at("copy"));
        write(&scratch, &cedar, "sent-then-lost-1", 2);
        write(&scratch, &cedar, "sent-then-lost-2", 3);
        settle(&haven, &cedar);
        // The laptop is gone; the copy of its folder comes out of the drawer.
        std::fs::remove_dir_all(scratch.at("cedar")).unwrap();
        std::fs::rename(scratch.at("copy"), scratch.at("cedar")).unwrap();
        let mut all = vec!["before".to_owned(), "sent-then-lost-1".to_owned(), "sent-then-lost-2".to_owned()];
        for n in 0..written {
            let id = format!("written-before-sync-{n}");
            write(&scratch, &cedar, &id, 10 + n);
            all.push(id);
        }
        settle(&haven, &cedar);
        let exports = [&cedar, &haven].map(|site| {
            site.is_sound();
            let status: Value = site.ok("status", &[]);
            assert_eq!(status["only_here"]["records"], 0, "{written}: {status}");
            site.export(&scratch.at("out").join(status["site"].as_str().unwrap()))
        });
        assert_eq!(exports[0], exports[1], "{written}: both sites say the same, byte for byte");
        assert_eq!(observations(&exports[0]), all, "{written}");
        // Staff are told by name, at both sites.
        for site in [&cedar, &haven] {
            let status = site.ok("status", &[]);
            let forks = status["forks"].as_array().unwrap();
            assert_eq!(forks.is_empty(), written == 0, "{written}: {status}");
            for fork in forks {
                assert_eq!((&fork["site"], &fork["replaced"]), (&"Cedar".into(), &true.into()), "{fork}");
                assert!(fork["found_ms"].is_u64() && fork["found_by"].is_string(), "{fork}");
            }
            let carried: u64 = forks.iter().filter_map(|fork| fork["carried_entries"].as_u64()).sum();
            assert!(written == 0 || carried > 0, "{written}: {status}");
        }
        // It goes on as a new device.
        write(&scratch, &cedar, "after", 50);
        settle(&haven, &cedar);
        assert_eq!(haven.export(&scratch.at("again")).len(), exports[0].len() + 1);
    }
}

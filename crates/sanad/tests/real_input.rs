//! Records made by other people's systems: every one of the published sets comes in at one site and goes out at another,
//! byte for byte.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use support::{Scratch, Site, files};

/// Name, files, resources in them (original documents included), requests that only a server can carry out.
const SETS: &[(&str, u64, u64, usize)] =
    &[("hl7-r4-examples", 477, 934, 2), ("ips-samples", 51, 2268, 0), ("synthea-r4", 50, 4995, 0)];

#[test]
fn every_published_resource_comes_in_replicates_and_goes_out_byte_for_byte() {
    let scratch = Scratch::new("real-input");
    let a = Site::found(scratch.at("a"), "Cedar");
    let b = a.let_in(scratch.at("b"), "Haven", true);
    let mut given = BTreeMap::new();
    for (name, files_in, resources, left_out) in SETS {
        support::fhir::unpack_set(name, &scratch.at(""));
        given.insert(*name, files(&scratch.at(name)));
        let report = a.import(&scratch.at(name));
        let problems = report["problems"].as_array().unwrap();
        println!("{name}: {} files, {} resources, {} saved", report["files"], report["resources"], report["saved"]);
        assert_eq!((&report["files"], &report["resources"]), (&(*files_in).into(), &(*resources).into()), "{name}");
        let (saved, unchanged) = (report["saved"].as_u64().unwrap(), report["unchanged"].as_u64().unwrap());
        assert_eq!(saved + unchanged, *resources, "{name}: each is saved or was here");
        assert_eq!(problems.len(), *left_out, "{name}: {problems:?}");
        summaries_are_understood(name, report["summaries"].as_array().unwrap());
        assert!(problems.iter().all(|problem| problem["what"].as_str().unwrap().contains("only a server")));
    }
    for (name, _, resources, left_out) in SETS {
        let ran = a.run("import", &[scratch.at(name).to_str().unwrap()]).code(i32::from(*left_out > 0));
        let report = ran.json();
        assert_eq!((&report["saved"], &report["unchanged"]), (&0.into(), &(*resources).into()), "{name} again");
    }

    let served = a.serve();
    let sessions = b.ok("sync", &[]);
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 1, "{sessions}");
    // What B could not open before its grants came is opened now; a second session confirms it to A.
    b.ok("sync", &[]);
    assert_eq!(a.ok("status", &[])["only_here"]["records"], 0, "B has confirmed all of it");
    served.stop();

    let (at_a, at_b) = (a.export(&scratch.at("out-a")), b.export(&scratch.at("out-b")));
    assert_eq!(at_a.keys().collect::<Vec<_>>(), at_b.keys().collect::<Vec<_>>());
    assert!(at_a == at_b, "the bytes are the same at both");
    assert_eq!(a.ok("status", &[])["stored"]["resources"], at_a.len() as u64);
    println!("{} resources out, {} bytes", at_a.len(), at_a.values().map(Vec::len).sum::<usize>());

    let written: BTreeSet<&[u8]> = at_b.values().map(Vec::as_slice).collect();
    for (name, ..) in SETS {
        originals_are_kept(name, &given[name], &at_b, &written);
    }
    references_of_synthea_lead_somewhere(&given["synthea-r4"], &at_b);
    a.is_sound();
    b.is_sound();
}

/// Of every sample of a patient summary it is said what was understood, section by section.
fn summaries_are_understood(set: &str, summaries: &[Value]) {
    if set != "ips-samples" {
        return;
    }
    let (mut entries, mut understood, mut known, mut unknown) = (0, 0, 0, 0);
    for summary in summaries {
        for section in summary["sections"].as_array().unwrap() {
            let number = |key: &str| section[key].as_u64().unwrap();
            assert_eq!(
                number("entries"),
                number("understood") + number("of_other_types") + number("leading_nowhere"),
                "every entry is accounted for: {section}"
            );
            entries += number("entries");
            understood += number("understood");
            if section["loinc"].is_string() { known += 1 } else { unknown += 1 }
        }
    }
    println!(
        "{set}: {} summaries, {known} known sections, {unknown} others, {understood} of {entries} entries",
        summaries.len()
    );
    assert!(summaries.len() >= 40 && known > unknown * 5, "{} {known} {unknown}", summaries.len());
    assert!(understood * 10 > entries * 8, "{understood} of {entries}");
}

/// Each file is found in the export as it was given, without the white space around it. Two files that are the same
/// resource are two versions of it: the later one is current.
fn originals_are_kept(
    set: &str,
    given: &BTreeMap<String, Vec<u8>>,
    at_b: &BTreeMap<String, Vec<u8>>,
    written: &BTreeSet<&[u8]>,
) {
    let mut versions = 0;
    for (file, bytes) in given {
        let trimmed = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii();
        if written.contains(trimmed) {
            continue;
        }
        let resource: Value = serde_json::from_slice(trimmed).unwrap();
        let text = |name: &str| resource[name].as_str().unwrap_or_default().to_owned();
        let current = at_b.get(&format!("{}/{}.json", text("resourceType"), text("id")));
        let later = given.range(file.clone()..).skip(1).any(|(_, later)| current == Some(&later.trim_ascii().to_vec()));
        assert!(later, "{set}: {file} is not in the export");
        versions += 1;
    }
    println!("{set}: {} files as they came, {versions} of them earlier versions of another", given.len());
    assert!(versions <= 1, "{set}: one pair of HL7's examples shares an id");
}

/// Every entry of every transaction is in the export under the id that its `fullUrl` says, and every reference in it
/// leads to an exported resource. Organizations and practitioners come with several patients, in up to two versions.
fn references_of_synthea_lead_somewhere(given: &BTreeMap<String, Vec<u8>>, at_b: &BTreeMap<String, Vec<u8>>) {
    let mut entries: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for bytes in given.values() {
        let bundle: Value = serde_json::from_slice(bytes).unwrap();
        for entry in bundle["entry"].as_array().unwrap() {
            let id = entry["fullUrl"].as_str().unwrap().strip_prefix("urn:uuid:").unwrap();
            let mut resource = entry["resource"].clone();
            let name = format!("{}/{id}.json", resource["resourceType"].as_str().unwrap());
            references(&mut resource);
            entries.entry(name).or_default().push(resource);
        }
    }
    let (mut led, mut versioned) = (0, 0);
    for (name, versions) in &entries {
        let raw = at_b.get(name).unwrap_or_else(|| panic!("{name} is exported"));
        let mut came: Value = serde_json::from_slice(raw).unwrap();
        for reference in references(&mut came) {
            assert!(!reference.starts_with("urn:"), "{name}: {reference}");
            if !reference.starts_with('#') {
                assert!(at_b.contains_key(&format!("{reference}.json")), "{name}: {reference} leads nowhere");
                led += 1;
            }
        }
        assert!(versions.contains(&came), "{name}: nothing but references changed");
        let several = versions.iter().any(|version| *version != versions[0]);
        assert!(!several || name.starts_with("Organization/") || name.starts_with("Practitioner/"), "{name}");
        versioned += u32::from(several);
    }
    println!("synthea-r4: {} resources, {versioned} in two versions, {led} references lead to one", entries.len());
    assert!(entries.len() == 4_819 && versioned == 88 && led > 9_000, "{} {versioned} {led}", entries.len());
}

/// Takes all references out of a resource, so that the rest can be compared.
fn references(value: &mut Value) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| found.extend(references(item))),
        Value::Object(members) => {
            for (name, value) in members {
                match value.as_str() {
                    Some(reference) if name == "reference" => {
                        found.push(reference.to_owned());
                        *value = Value::Null;
                    }
                    _ => found.extend(references(value)),
                }
            }
        }
        _ => {}
    }
    found
}

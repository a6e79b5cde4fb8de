//! Torn and foreign files in an import: the place of each is named, everything else comes in, the exit code is 1, and
//! nothing of a file's content is repeated.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use std::fs::File;
use support::fhir::{observation, patient};
use support::{Scratch, Site};

/// Stands in every bad file; no message may repeat it.
const CONTENT: &str = "Qasioun";

/// What was said of a file.
fn said(report: &Value, file: &str) -> Vec<String> {
    let problems = report["problems"].as_array().unwrap().iter();
    let of_file = problems.filter(|problem| problem["file"].as_str().unwrap().ends_with(file));
    of_file.map(|problem| problem["what"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_bad_is_named_with_its_place_and_the_rest_comes_in() {
    let scratch = Scratch::new("bad");
    let site = Site::found(scratch.at("a"), "Cedar");
    let whole = patient("torn", CONTENT).to_string();
    scratch.write("in/torn.json", &whole[..whole.len() - 9]);
    scratch.write("in/foreign.json", json!({ "shopping": [CONTENT] }).to_string());
    scratch.write("in/picture.jpg", [b"\xff\xd8\xff\xe0\x00\x10JFIF".as_slice(), CONTENT.as_bytes()].concat());
    scratch.write("in/empty.json", "");
    scratch.write("in/text.txt", format!("{CONTENT} was here"));
    let nested = format!("{}\"{CONTENT}\"{}", "[".repeat(100_000), "]".repeat(100_000));
    scratch.write("in/deep.json", format!("{{\"resourceType\":\"Basic\",\"id\":\"deep\",\"extension\":{nested}}}"));
    scratch.write("in/type.json", json!({ "resourceType": "Qasioun", "id": "x" }).to_string());
    scratch.write("in/type-number.json", json!({ "resourceType": 7, "text": CONTENT }).to_string());
    let lines =
        [patient("line-1", "One").to_string(), format!("{{\"{CONTENT}\""), patient("line-3", "Three").to_string()];
    scratch.write("in/lines.ndjson", lines.join("\n"));
    let bundle = json!({ "resourceType": "Bundle", "type": "collection", "entry": [
        { "resource": patient("in-bundle", "Bundled") },
        { "resource": { "resourceType": "Qasioun" } },
        { "fullUrl": "urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-16d29b1f3f41" },
        { "resource": observation("in-bundle-too", "in-bundle", 37) },
    ]});
    scratch.write("in/bundle.json", bundle.to_string());
    // An id that FHIR does not allow is no reason to lose a record: it comes in under another.
    scratch.write("in/id.json", json!({ "resourceType": "Basic", "id": "../../etc/passwd" }).to_string());
    scratch.write("in/sub/good.json", patient("good", "Good").to_string());
    // A hole: it takes no room, and is never read.
    File::create(scratch.at("in/huge.json")).unwrap().set_len(300 << 20).unwrap();
    let pipe = scratch.at("in/pipe.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));

    let (folder, missing) = (scratch.at("in"), scratch.at("missing.json"));
    let ran = site.run("import", &[missing.to_str().unwrap(), folder.to_str().unwrap()]).code(1);
    let report = ran.json();
    for problem in report["problems"].as_array().unwrap() {
        println!("{}", problem);
    }
    assert!(!ran.out.contains(CONTENT) && !ran.err.contains(CONTENT), "content is repeated: {ran:?}");

    let one = |file: &str, part: &str| {
        let said = said(&report, file);
        assert!(said.len() == 1 && said[0].contains(part), "{file}: {said:?}");
    };
    one("missing.json", "cannot be read");
    one("torn.json", &format!("the text ends too early at byte {}", whole.len() - 9));
    one("foreign.json", "not a resource of FHIR R4 at byte 0 (line 1, column 1)");
    one("picture.jpg", "not UTF-8 text at byte 0");
    one("empty.json", "at byte 0");
    one("text.txt", "not JSON at byte 0");
    one("deep.json", "nested too deep at byte");
    one("type.json", "not a resource");
    one("type-number.json", "not a resource");
    one("lines.ndjson", "line 2: ");
    one("huge.json", "larger than 256 MiB");
    one("pipe.json", "not a file");
    let said = said(&report, "/bundle.json");
    assert!(said.len() == 2 && said[0].starts_with("entry 1: ") && said[1].starts_with("entry 2: "), "{said:?}");
    assert_eq!(report["problems"].as_array().unwrap().len(), 14);

    // Two of the lines, two of the Bundle and the Bundle itself, the one with another id, the good one.
    assert_eq!((&report["saved"], &report["resources"]), (&7.into(), &7.into()), "{report}");
    let held = site.export(&scratch.at("out"));
    assert_eq!(held.len(), 7, "{:?}", held.keys());
    assert!(held.keys().all(|name| !name.contains("..")), "{:?}", held.keys());
    for name in ["Patient/line-1.json", "Patient/line-3.json", "Patient/good.json"] {
        assert!(held.contains_key(name), "{name}");
    }
    assert_eq!(held.values().filter(|raw| raw.as_slice() == bundle.to_string().as_bytes()).count(), 1);
    let again = site.run("import", &[folder.to_str().unwrap()]).code(1).json();
    assert_eq!((&again["saved"], &again["unchanged"]), (&0.into(), &7.into()));
    site.is_sound();
}

#[test]
fn what_was_edited_since_is_not_taken_back_by_an_old_file() {
    let scratch = Scratch::new("old-file");
    let site = Site::found(scratch.at("a"), "Cedar");
    let old = scratch.write("old.json", patient("one", "Misspelt").to_string());
    let new = scratch.write("new.json", patient("one", "Haddad").to_string());
    assert_eq!(site.import(&old)["saved"], 1);
    assert_eq!(site.import(&new)["saved"], 1);
    let report = site.import(&old);
    assert_eq!((&report["saved"], &report["unchanged"]), (&0.into(), &1.into()));
    assert!(String::from_utf8_lossy(&site.export(&scratch.at("out"))["Patient/one.json"]).contains("Haddad"));
}

#[test]
fn a_history_that_returns_to_an_earlier_version_ends_at_that_version() {
    let scratch = Scratch::new("history");
    let site = Site::found(scratch.at("a"), "Cedar");
    let versions = ["First", "Second", "First"].map(|family| patient("one", family).to_string());
    let file = scratch.write("history.ndjson", versions.join("\n"));
    let report = site.import(&file);
    assert_eq!((&report["saved"], &report["unchanged"]), (&3.into(), &0.into()), "{report}");
    assert_eq!(site.import(&file)["unchanged"], 3);
    assert!(String::from_utf8_lossy(&site.export(&scratch.at("out"))["Patient/one.json"]).contains("First"));
}

/// Two documents made from one template, in one import: neither person's allergy becomes the other's.
#[test]
fn two_documents_of_one_template_keep_their_peoples_records_apart() {
    let scratch = Scratch::new("template");
    let site = Site::found(scratch.at("a"), "Cedar");
    let document = |person: &str, name: &str, allergy: &str| {
        json!({ "resourceType": "Bundle", "type": "document", "entry": [
            { "fullUrl": format!("urn:uuid:{person}"), "resource": { "resourceType": "Patient", "name": [{ "text": name }] } },
            { "fullUrl": "urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-16d29b1f3f41", "resource": {
                "resourceType": "AllergyIntolerance", "patient": { "reference": format!("urn:uuid:{person}") },
                "code": { "text": allergy } } },
        ]})
    };
    let (one, other) = ("0d1b0c0e-2f5f-4e53-9d2c-000000000001", "0d1b0c0e-2f5f-4e53-9d2c-000000000002");
    scratch.write("in/1.json", document(one, "Rana", "penicillin").to_string());
    scratch.write("in/2.json", document(other, "Samir", "latex").to_string());
    for _ in 0..2 {
        site.run("import", &[scratch.at("in").to_str().unwrap()]).code(0);
        let exported = site.export(&scratch.at("out"));
        let mut allergies: Vec<_> = exported
            .iter()
            .filter(|(name, _)| name.contains("AllergyIntolerance"))
            .map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap())
            .map(|it| {
                format!("{} {}", it["patient"]["reference"].as_str().unwrap(), it["code"]["text"].as_str().unwrap())
            })
            .collect();
        allergies.sort();
        assert_eq!(allergies, [format!("Patient/{one} penicillin"), format!("Patient/{other} latex")]);
        std::fs::remove_dir_all(scratch.at("out")).unwrap();
    }
}

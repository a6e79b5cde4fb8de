//! Where a record is, and why it is not elsewhere: `sanad explain`, `sanad policy` and the second figure of `sanad status`.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::fhir::lines;
use support::{DEADLINE, Scratch, Site, poll, run, sanad};

/// The other site of this name, in an explanation or a status.
fn site<'a>(said: &'a Value, name: &str) -> &'a Value {
    let sites = said["sites"].as_array().unwrap();
    sites.iter().find(|site| site["site"] == name).unwrap_or_else(|| panic!("no {name} in {said}"))
}

fn sums_up(exposed: &Value) {
    for unit in ["records", "entries"] {
        let by_lane =
            ["control", "urgent", "clinical", "bulk"].map(|lane| exposed["by_lane"][lane][unit].as_u64().unwrap());
        assert_eq!(exposed[unit], by_lane.iter().sum::<u64>(), "{exposed}");
    }
}

#[test]
fn never_lull_status_and_explain_say_why_a_record_is_not_elsewhere_yet() {
    let scratch = Scratch::new("explain");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let haven = cedar.let_in(scratch.at("haven"), "Haven", true);
    let olive = cedar.let_in(scratch.at("olive"), "Olive", false);
    cedar.import(&scratch.write("some.ndjson", lines(5, 3)));

    let status = cedar.ok("status", &[]);
    for name in ["only_here", "not_yet_safe"] {
        assert_eq!(status[name]["records"], 20, "{status}");
        sums_up(&status[name]);
    }
    assert_eq!(status["policy"]["copies"], 2);
    assert_eq!((&status["policy"]["outside"], &status["policy"]["can_be_met"]), (&true.into(), &true.into()));
    let said = cedar.ok("explain", &["Patient/patient-0"]);
    assert_eq!((&said["subject"]["kind"], &said["subject"]["id"]), (&"patient".into(), &"patient-0".into()));
    assert_eq!(said["readable_here"], true);
    let entries = said["here"]["entries"].as_u64().unwrap();
    assert!(entries > 0 && said["only_here"]["entries"] == entries && said["not_yet_safe"]["entries"] == entries);
    for name in ["Haven", "Olive"] {
        // Its receipt of the day it joined speaks of nothing that was saved since.
        assert_eq!(site(&said, name)["standing"], "not-yet");
        assert!(site(&said, name)["receipt_ms"].is_u64());
        assert_eq!(site(&said, name)["missing_entries"], entries);
    }
    assert_eq!(site(&said, "Haven")["reads"], "readable", "every chart is granted to havens");
    assert_eq!(site(&said, "Olive")["reads"], "sealed");

    // The haven confirms: no longer only here, and not yet safe, since the policy wants two.
    let serving = cedar.serve();
    haven.ok("sync", &["--with", &cedar.way.url()]);
    let heard = |name: &str| {
        poll(DEADLINE, || {
            // That they talked is noted when the session is over, a moment after the receipt.
            let said = cedar.ok("explain", &["patient-0"]);
            let there = site(&said, name);
            (there["standing"] == "confirmed" && there["talked_ms"].is_u64()).then_some(said)
        })
    };
    let said = heard("Haven").expect("the haven's receipt comes back");
    let there = site(&said, "Haven");
    assert!(there["receipt_ms"].is_u64() && there["talked_ms"].is_u64() && there["told_by"].is_null(), "{there}");
    assert_eq!((&said["only_here"]["records"], &said["not_yet_safe"]["entries"]), (&0.into(), &entries.into()));
    let status = cedar.ok("status", &[]);
    assert_eq!((&status["only_here"]["records"], &status["not_yet_safe"]["records"]), (&0.into(), &20.into()));
    sums_up(&status["not_yet_safe"]);

    // Olive hears of the haven through Cedar alone, and confirms what it holds sealed: now two have, one outside.
    olive.ok("sync", &["--with", &cedar.way.url()]);
    let said = heard("Olive").expect("Olive's receipt comes back");
    assert_eq!((&said["not_yet_safe"]["records"], &site(&said, "Olive")["reads"]), (&0.into(), &"sealed".into()));
    assert_eq!(cedar.ok("status", &[])["not_yet_safe"]["records"], 0);
    let unknown = olive.run("explain", &["patient-0"]).code(2);
    assert!(unknown.out.is_empty() && unknown.err.contains("sealed here"), "{unknown:?}");
    let author = cedar.ok("explain", &["patient-0"]);
    assert!(author["subject"]["author"].is_null(), "a patient has no author");

    // Of a site that cannot be reached it is said since when; the haven is known here through Cedar alone.
    serving.stop();
    let ran = olive.run("sync", &["--with", &cedar.way.url()]).code(1);
    assert!(!ran.out.is_empty());
    let status = olive.ok("status", &[]);
    let failing = &site(&status, "Cedar")["failing"];
    assert!(failing["since_ms"].is_u64() && failing["tries"] == 1 && failing["why"].is_string(), "{status}");
    assert!(site(&status, "Haven")["talked_ms"].is_null(), "{status}");
    let words = run(sanad().arg("status").arg(&olive.dir)).code(0);
    assert!(words.out.contains("no answer since") && words.out.contains("UTC"), "{}", words.out);
}

#[test]
fn an_entry_is_found_by_its_place_and_by_its_digits() {
    let scratch = Scratch::new("entry");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let haven = cedar.let_in(scratch.at("haven"), "Haven", true);
    cedar.import(&scratch.write("some.ndjson", lines(2, 1)));
    let serving = cedar.serve();
    haven.ok("sync", &["--with", &cedar.way.url()]);
    serving.stop();
    let place = cedar.ok("explain", &["patient-0"])["places"][0].clone();
    let (author, lane) = (place["author"].as_str().unwrap(), place["lane"].as_str().unwrap());
    let name = format!("{}/{lane}/{}", &author[..8], place["from"]);
    let here = cedar.ok("explain", &[&name]);
    let subject = &here["subject"];
    assert_eq!(
        (&subject["kind"], &subject["by"], &subject["author"]),
        (&"entry".into(), &"Cedar".into(), &author.into())
    );
    assert_eq!(
        (&subject["lane"], &subject["seq"], &here["here"]["entries"]),
        (&lane.into(), &place["from"], &1.into())
    );
    // The haven holds the same entry, and finds it by the first digits of its id.
    let digits = &subject["id"].as_str().unwrap()[..12];
    let there = haven.ok("explain", &[digits]);
    assert_eq!((&there["subject"], &there["readable_here"]), (subject, &true.into()));
    assert_eq!(site(&there, "Cedar")["standing"], "confirmed");
    let words = run(sanad().arg("explain").arg(&haven.dir).arg(digits)).code(0);
    assert!(words.out.contains("written ") && words.out.contains("confirmed; its newest receipt"), "{}", words.out);
    let entry = haven.run("explain", &["0000000000000000/clinical/1"]).code(2);
    assert!(entry.err.contains("0000000000000000/clinical/1"), "{entry:?}");
    for nonsense in ["Observation/o1", "a/b/c", "Patient/", "two words", "abcd/urgent/0", "abcd/5/1"] {
        let ran = cedar.run("explain", &[nonsense]).code(2);
        assert!(ran.out.is_empty() && ran.err.contains("AUTHOR/LANE/SEQ") && ran.err.contains(nonsense), "{ran:?}");
        let mut arabic = cedar.command("explain", &[nonsense]);
        assert!(run(arabic.env("SANAD_LANG", "ar")).code(2).err.contains("لم يُفهم"));
    }
    let missing = cedar.run("explain", &["nobody"]).code(2);
    assert!(missing.out.is_empty() && missing.err.contains("nobody"), "{missing:?}");
}

#[test]
fn words_come_in_both_languages_on_a_served_folder_too_and_tell_nothing_of_the_patient() {
    let scratch = Scratch::new("words");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let _haven = cedar.let_in(scratch.at("haven"), "Haven", true);
    cedar.import(&scratch.write("some.ndjson", lines(2, 1)));
    let explain = |language: &str, zone: &str| {
        let mut command = sanad();
        command.arg("explain").arg(&cedar.dir).arg("patient-1").env("SANAD_LANG", language).env("TZ", zone);
        run(&mut command).code(0).out
    };
    let check = || {
        let (english, arabic) = (explain("en", "UTC"), explain("ar", "UTC"));
        assert!(english.contains("Patient patient-1") && english.contains("and does not speak of this"));
        assert!(english.contains("not yet safe") && english.contains("the key was granted"), "{english}");
        assert!(arabic.contains("المريض patient-1") && arabic.contains("لم يُؤمَّن بعد"), "{arabic}");
        for name in ["Family1", "Amal", "mCel"] {
            assert!(!english.contains(name) && !arabic.contains(name), "{name}");
        }
    };
    check();
    let served = cedar.serve();
    check();
    let nonsense = cedar.run("explain", &["Observation/o1"]).code(2);
    assert!(nonsense.err.contains("AUTHOR/LANE/SEQ"), "{nonsense:?}");
    served.stop();
}

#[test]
fn the_policy_is_set_where_the_authority_is_held_and_reaches_every_site() {
    let scratch = Scratch::new("policy");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let olive = cedar.let_in(scratch.at("olive"), "Olive", false);
    cedar.import(&scratch.write("some.ndjson", lines(2, 1)));
    let shown = cedar.ok("policy", &[]);
    assert_eq!((&shown["copies"], &shown["outside"], &shown["version"]), (&2.into(), &true.into(), &0.into()));
    assert_eq!((&shown["can_be_met"], &shown["holds_authority"]), (&false.into(), &true.into()));
    let words = run(sanad().arg("policy").arg(&cedar.dir)).code(0);
    assert!(words.out.contains("2 other sites") && words.out.contains("cannot fulfil"), "{}", words.out);
    for wrong in [&["--copies", "0"][..], &["--copies", "100"], &["--copies", "x"], &["--outside", "--no-outside"]] {
        cedar.run("policy", wrong).code(2);
    }
    let serving = cedar.serve();
    olive.ok("sync", &["--with", &cedar.way.url()]);
    let settled = poll(DEADLINE, || {
        let status = cedar.ok("status", &[]);
        (status["only_here"]["records"] == 0).then_some(status)
    });
    assert_eq!(settled.unwrap()["not_yet_safe"]["records"], 4);
    // Set on the served folder.
    let set = cedar.ok("policy", &["--copies", "1", "--no-outside"]);
    assert_eq!((&set["copies"], &set["outside"], &set["version"]), (&1.into(), &false.into(), &1.into()));
    assert_eq!(cedar.ok("policy", &["--copies", "1"])["version"], 1, "the same again says nothing new");
    assert_eq!(cedar.ok("status", &[])["not_yet_safe"]["records"], 0);

    let before = olive.ok("policy", &[]);
    assert_eq!((&before["version"], &before["holds_authority"]), (&0.into(), &false.into()));
    let refused = olive.run("policy", &["--copies", "1"]).code(3);
    assert!(refused.out.is_empty() && refused.err.contains("sanad policy"), "{refused:?}");
    olive.ok("sync", &["--with", &cedar.way.url()]);
    assert_eq!(olive.ok("policy", &[])["version"], 1);
    serving.stop();
}

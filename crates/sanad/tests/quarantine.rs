//! `sanad quarantine` as it is typed, after a session with a site that holds what nobody can accept.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_log::ids::{EntryId, Lane, LogId};
use sanad_log::sign::{Ed25519Signer, Signer as _};
use serde_json::Value;
use std::process::Command;
use support::fhir::patient;
use support::hand::{Hand, head};
use support::{Ran, Scratch, Site, files, run, sanad};

fn quarantine(site: &Site, what: &str, rest: &[&str]) -> Command {
    let mut command = sanad();
    command.args(["quarantine", what]).arg(&site.dir).args(rest);
    command
}

fn ran(site: &Site, what: &str, rest: &[&str]) -> Ran {
    run(quarantine(site, what, rest).arg("--json"))
}

fn listed(site: &Site) -> Vec<Value> {
    ran(site, "list", &[]).code(0).json()["quarantine"].as_array().unwrap().clone()
}

#[test]
fn one_bad_entry_stops_nothing_and_is_listed_written_out_and_taken_in() {
    let scratch = Scratch::new("quarantine");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let olive = cedar.let_in(scratch.at("olive"), "Olive", true);
    assert_eq!(listed(&cedar), Vec::<Value>::new());
    let none = run(&mut quarantine(&cedar, "list", &[])).code(0);
    assert!(none.out.contains("Nothing is kept apart"), "{none:?}");

    olive.import(&scratch.write("in/good.json", patient("good", "Samir").to_string()));
    let hand = Hand::of(&olive);
    let log = hand.log(Lane::Clinical);
    let (seq, prev) = head(&olive, log);
    let stranger = Ed25519Signer::from_seed(&[90; 32]);
    let of_stranger = LogId { lane: Lane::Urgent, author: stranger.device() };
    let forged = hand.patient(log, (seq + 1, prev), "forged", None);
    let unknown = hand.patient(of_stranger, (1, EntryId([0; 32])), "unknown", Some(&stranger));
    hand.plant(&olive, &[forged.clone(), unknown.clone()]);

    // One session: what is bad is kept apart, and everything else comes in.
    let served = cedar.serve();
    olive.run("sync", &[]);
    let status = cedar.ok("status", &[]);
    assert_eq!(status["stored"]["sealed_entries"], 1, "the good one came, sealed as it is: {status}");
    assert_eq!(status["quarantine"]["by_reason"]["signature"], 1, "{status}");
    assert_eq!(status["quarantine"]["by_reason"]["unknown-author"], 1, "{status}");
    let list = listed(&cedar);
    let of = |reason: &str| list.iter().find(|piece| piece["reason"] == reason).unwrap().clone();
    let (bad, unknown_piece) = (of("signature"), of("unknown-author"));
    assert_eq!((&bad["site"], &bad["from"], &bad["how"]), (&"Olive".into(), &"Olive".into(), &"session".into()));
    assert_eq!((&bad["lane"], &bad["seq"], &bad["in_log"]), (&"clinical".into(), &(seq + 1).into(), &false.into()));
    assert_eq!((&unknown_piece["site"], &unknown_piece["in_log"]), (&Value::Null, &true.into()));
    let number = |piece: &Value| piece["n"].to_string();

    // In words, in both languages, from the process that serves the folder.
    for (lang, words) in
        [("en", ["not its author's", "belongs to the network"]), ("ar", ["ليس توقيع كاتبه", "من الشبكة"])]
    {
        let said = run(quarantine(&cedar, "list", &[]).env("SANAD_LANG", lang)).code(0);
        assert!(words.iter().all(|words| said.out.contains(words)), "{said:?}");
        let status = run(sanad().arg("status").arg(&cedar.dir).env("SANAD_LANG", lang)).code(0);
        assert!(status.out.contains("sanad quarantine list"), "{status:?}");
        assert!(!said.out.contains("Haddad") && !status.out.contains("Haddad"));
    }
    served.stop();

    // Written out as they came: sealed, and named in a list.
    let out = scratch.at("out");
    let written = ran(&cedar, "export", &[out.to_str().unwrap()]).code(0).json();
    assert_eq!((&written["written"], &written["unsealed"]), (&2.into(), &0.into()));
    let found = files(&out);
    let manifest: Value = serde_json::from_slice(&found["manifest.json"]).unwrap();
    for (piece, entry) in [(&bad, &forged), (&unknown_piece, &unknown)] {
        let said = manifest["pieces"].as_array().unwrap().iter().find(|said| said["n"] == piece["n"]).unwrap();
        assert_eq!(found[said["file"].as_str().unwrap()], [&entry.header().encode(), entry.body()].concat());
        assert!(said["means"]["en"].as_str().unwrap().contains("sealed") && said["means"]["ar"].is_string());
    }
    assert!(found.values().all(|bytes| !String::from_utf8_lossy(bytes).contains("Haddad")));
    let occupied = ran(&cedar, "export", &[out.to_str().unwrap()]).code(3);
    assert!(occupied.err.contains("not touched"), "{occupied:?}");
    let nothing = scratch.at("nothing");
    ran(&cedar, "export", &[nothing.to_str().unwrap(), "9999"]).code(2);
    assert!(!nothing.exists(), "nothing is left of what was refused");
    let one = scratch.at("one");
    ran(&cedar, "export", &[one.to_str().unwrap(), &number(&bad)]).code(0);
    assert_eq!(files(&one).len(), 2);

    // Taken in: readable, with where it comes from beside it.
    let wrong = run(quarantine(&cedar, "adopt", &["9999"]).env("SANAD_LANG", "ar")).code(2);
    assert!(wrong.err.contains("لم يتغير شيء"), "{wrong:?}");
    ran(&cedar, "adopt", &[&number(&bad), "--by", ""]).code(2);
    ran(&cedar, "adopt", &["first"]).code(2);
    for piece in [&bad, &unknown_piece] {
        let adopted = ran(&cedar, "adopt", &[&number(piece), "--by", "Heron"]).code(0).json();
        assert_eq!(adopted["resources"], 1, "{adopted}");
        let again = ran(&cedar, "adopt", &[&number(piece), "--by", "Heron"]).code(3);
        assert!(again.err.contains("already"), "{again:?}");
    }
    assert!(listed(&cedar).iter().all(|piece| piece["adopted_ms"].is_u64()), "what was kept apart stays kept");
    let exported = cedar.export(&scratch.at("all"));
    for id in ["forged", "unknown"] {
        assert!(exported.contains_key(&format!("Patient/{id}.json")), "{:?}", exported.keys());
    }
    let records: Vec<_> = exported.iter().filter(|(name, _)| name.starts_with("Provenance/")).collect();
    assert_eq!(records.len(), 2);
    let record = records.iter().map(|(_, raw)| String::from_utf8_lossy(raw)).find(|raw| raw.contains("\"signature\""));
    let record = record.expect("a record of what was not signed");
    for named in ["Olive", "Heron", "Cedar", &format!("{}/clinical/{}", log.author, seq + 1)] {
        assert!(record.contains(named), "{named}: {record}");
    }
    cedar.is_sound();
}

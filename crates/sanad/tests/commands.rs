//! The contract of the command line that others script against: names, exit codes, JSON, languages.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::fs;
use std::time::Duration;
use support::fhir::{lines, patient};
use support::{Scratch, Site, copy_folder, files, run, sanad};

/// A commands' delay after a wrong passphrase; see `WRONG_PASSPHRASE_DELAY`.
const DELAY: Duration = Duration::from_secs(2);
const WRONG: &str = "not the passphrase at all";

/// Every command on an existing folder, with what it needs after the folder.
fn all_commands(scratch: &Scratch) -> Vec<(&'static str, Vec<String>)> {
    let file = scratch.write("given/one.json", patient("one", "Haddad").to_string());
    let path = |path: std::path::PathBuf| vec![path.to_str().unwrap().to_owned()];
    vec![
        ("status", vec![]),
        ("check", vec![]),
        ("sync", vec![]),
        ("invite", vec![]),
        ("import", path(file)),
        ("export", path(scratch.at("never-written"))),
        ("serve", vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()]),
    ]
}

fn borrow(rest: &[String]) -> Vec<&str> {
    rest.iter().map(String::as_str).collect()
}

#[test]
fn a_wrong_passphrase_is_refused_slowly_and_touches_nothing() {
    let scratch = Scratch::new("wrong");
    let site = Site::found(scratch.at("a"), "Cedar");
    site.import(&scratch.write("some.ndjson", lines(3, 2)));
    let before = files(&site.dir);
    for (name, rest) in all_commands(&scratch) {
        let ran = run(site.command(name, &borrow(&rest)).env("SANAD_PASSPHRASE", WRONG)).code(3);
        assert!(ran.took >= DELAY, "{name} took {:?}", ran.took);
        assert_eq!(ran.out, "", "{name}");
        assert!(ran.err.contains("Nothing was touched"), "{name}: {}", ran.err);
        assert!(files(&site.dir) == before, "{name} changed the folder");
    }
    assert!(!scratch.at("never-written").exists());
    assert_eq!(site.ok("status", &[])["stored"]["resources"], 9);
}

#[test]
fn without_a_passphrase_nothing_is_begun() {
    let scratch = Scratch::new("none");
    let site = Site::found(scratch.at("a"), "Cedar");
    let before = files(&site.dir);
    for (name, rest) in all_commands(&scratch) {
        let ran = run(site.command(name, &borrow(&rest)).env_remove("SANAD_PASSPHRASE")).code(2);
        assert!(ran.out.is_empty() && ran.err.contains("--passphrase-file"), "{name}: {ran:?}");
        let ran = run(site.command(name, &borrow(&rest)).args(["--passphrase-file", "/nowhere/at/all"])).code(2);
        assert!(ran.err.contains("/nowhere/at/all"), "{name}: {ran:?}");
    }
    assert!(files(&site.dir) == before);
    let mut short = sanad();
    short.env("SANAD_PASSPHRASE", "short").arg("init").arg(scratch.at("b")).args(["--site", "Olive"]);
    assert!(run(&mut short).code(2).err.contains("12"));
    assert!(!scratch.at("b").exists());
    let file = scratch.write("passphrase", format!("{}\nwhat follows is not read\n", support::PASSPHRASE));
    let mut from_file = site.command("status", &["--passphrase-file", file.to_str().unwrap()]);
    run(from_file.env("SANAD_PASSPHRASE", WRONG)).code(0);
}

#[test]
fn a_folder_that_is_a_site_is_not_founded_again_and_one_that_is_none_is_not_opened() {
    let scratch = Scratch::new("folder");
    let site = Site::found(scratch.at("a"), "Cedar");
    let before = files(&site.dir);
    let ran = run(sanad().arg("init").arg(&site.dir).args(["--site", "Olive"])).code(3);
    assert!(ran.out.is_empty() && ran.err.contains("already"), "{ran:?}");
    assert!(files(&site.dir) == before);
    let none = Site::at(scratch.at("none"));
    let file = Site::at(scratch.write("file", "a file"));
    for (name, rest) in all_commands(&scratch) {
        assert!(none.run(name, &borrow(&rest)).code(2).err.contains("sanad init"), "{name}");
        file.run(name, &borrow(&rest)).code(2);
    }
    assert!(!none.dir.exists());
    run(sanad().arg("init").arg(scratch.at("c")).args(["--site", "two\nlines"])).code(2);
    run(sanad().arg("no-such-command")).code(2);
    run(sanad().arg("status")).code(2);
    let help = run(sanad().arg("--help")).code(0);
    for name in [
        "demo",
        "init",
        "invite",
        "join",
        "serve",
        "import",
        "export",
        "status",
        "sync",
        "check",
        "bundle",
        "pin",
        "sms",
        "keep",
        "link",
        "budget",
        "policy",
        "explain",
        "ask",
        "answer",
        "grant",
        "quarantine",
    ] {
        assert!(help.out.contains(&format!("\n  {name} ")), "{name}");
    }
}

#[test]
fn an_invite_lets_one_site_in_once_and_a_slip_in_it_is_found() {
    let scratch = Scratch::new("invite");
    let a = Site::found(scratch.at("a"), "Cedar");
    let no_address = a.run("invite", &[]).code(1);
    assert!(no_address.err.contains("address"), "{no_address:?}");
    let served = a.serve();
    let invite = a.invite(&["--haven"]);
    let join = |dir: &str, code: &str| {
        let mut command = sanad();
        command.arg("join").arg(scratch.at(dir)).args(["--site", dir, "--invite", code, "--json"]);
        run(&mut command)
    };
    // One letter of the third group.
    let mut slip: Vec<u8> = invite.clone().into_bytes();
    slip[15] = if slip[15] == b'7' { b'8' } else { b'7' };
    let ran = join("slip", &String::from_utf8(slip).unwrap()).code(2);
    assert!(ran.err.contains("group 3") && !scratch.at("slip").exists(), "{ran:?}");
    join("cut", &invite[..invite.len() - 7]).code(2);
    join("empty", "").code(2);

    let joined = join("Haven", &invite.to_lowercase()).code(0).json();
    assert_eq!((&joined["site"], &joined["kind"]), (&"Haven".into(), &"haven".into()));
    let used = join("Olive", &invite).code(3);
    assert!(used.err.contains("new invite"), "{used:?}");
    let taken = join("Haven2", &a.invite(&[])).code(0).json();
    assert_eq!(taken["kind"], "enclave");
    served.stop();
    let refused = Site::at(scratch.at("Haven")).run("invite", &[]).code(3);
    assert!(refused.err.contains("authority"), "{refused:?}");
    let unreachable = join("Reed", &invite).code(1);
    assert!(unreachable.err.contains("cannot be reached"), "{unreachable:?}");
}

#[test]
fn status_shows_both_gauges_and_sync_moves_one_of_them() {
    let scratch = Scratch::new("status");
    let a = Site::found(scratch.at("a"), "Cedar");
    let b = a.let_in(scratch.at("b"), "Haven", true);
    let report = a.import(&scratch.write("some.ndjson", lines(5, 3)));
    assert_eq!((&report["files"], &report["resources"], &report["saved"]), (&1.into(), &20.into(), &20.into()));
    let status = a.ok("status", &[]);
    assert_eq!((&status["site"], &status["kind"]), (&"Cedar".into(), &"enclave".into()));
    assert_eq!(status["only_here"]["records"], 20);
    assert_eq!((&status["readable_here"]["patients"], &status["readable_here"]["charts"]), (&5.into(), &5.into()));
    assert_eq!((&status["stored"]["resources"], &status["stored"]["conflicts"]), (&20.into(), &0.into()));
    assert_eq!((&status["refused"], &status["stored"]["unreadable_entries"]), (&0.into(), &0.into()));
    let haven = &status["sites"][0];
    assert_eq!((&haven["site"], &haven["kind"]), (&"Haven".into(), &"haven".into()));
    assert_eq!(haven["behind"]["records"], 20);

    let unknown = a.run("sync", &["--with", "https://203.0.113.9:1"]).code(2);
    assert!(unknown.out.is_empty() && unknown.err.contains("203.0.113.9"), "{unknown:?}");
    a.run("sync", &["--with", "no address"]).code(2);
    let served = b.serve();
    // The haven's address is learnt from the haven; the haven's own sync brings it.
    let a_served = a.serve();
    let session = b.ok("sync", &["--with", &a.way.url()])["sessions"][0].clone();
    assert_eq!((&session["site"], &session["complete"]), (&"Cedar".into(), &true.into()), "{session}");
    for name in ["entries_sent", "entries_received", "bytes_sent", "bytes_received", "rounds"] {
        assert!(session[name].is_u64(), "{name}: {session}");
    }
    assert!(session["seconds"].is_f64());
    let settled = support::poll(support::DEADLINE, || {
        let status = a.ok("status", &[]);
        (status["only_here"]["records"] == 0).then_some(status)
    });
    let status = settled.expect("the haven confirms all of it");
    assert_eq!(status["sites"][0]["behind"]["records"], 0);
    assert!(status["sites"][0]["confirmed_ms"].is_u64(), "{status}");
    assert_eq!(b.ok("status", &[])["readable_here"]["patients"], 5);
    served.stop();
    a_served.stop();
}

#[test]
fn commands_on_a_served_folder_are_carried_out_by_the_process_that_serves_it() {
    let scratch = Scratch::new("served");
    let site = Site::found(scratch.at("a"), "Cedar");
    let mut served = site.serve();
    let second = site.run("serve", &["--listen", "127.0.0.1:0"]).code(3);
    assert!(second.out.is_empty() && second.err.contains("in use"), "{second:?}");
    let report = site.import(&scratch.write("some.ndjson", lines(4, 4)));
    assert_eq!(report["saved"], 20);
    assert_eq!(site.ok("status", &[])["stored"]["resources"], 20);
    assert!(!site.invite(&["--haven"]).is_empty());
    assert_eq!(site.ok("sync", &[])["sessions"], Value::Array(vec![]));
    site.is_sound();
    assert_eq!(site.export(&scratch.at("out")).len(), 20);
    let torn = site.run("import", &[scratch.write("torn.json", "{\"resourceType\":").to_str().unwrap()]).code(1);
    assert_eq!(torn.json()["problems"].as_array().unwrap().len(), 1);
    site.run("sync", &["--with", "https://203.0.113.9:1"]).code(2);
    for (name, rest) in all_commands(&scratch) {
        let ran = run(site.command(name, &borrow(&rest)).env("SANAD_PASSPHRASE", WRONG)).code(3);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{name}: {ran:?}");
        assert!(name == "serve" || ran.took >= DELAY, "{name} took {:?}", ran.took);
    }
    assert!(!scratch.at("never-written").exists());
    assert!(served.is_alive());
    served.stop();
    assert_eq!(site.ok("status", &[])["stored"]["resources"], 20);
    assert!(!site.dir.join("control").exists(), "the socket is taken away");
}

#[test]
fn messages_come_in_the_language_of_who_asks() {
    let scratch = Scratch::new("language");
    let site = Site::found(scratch.at("a"), "Cedar");
    let arabic = |name: &str, rest: &[&str], passphrase: &str| {
        run(site.command(name, rest).env("SANAD_LANG", "ar").env("SANAD_PASSPHRASE", passphrase))
    };
    let wrong = arabic("status", &[], WRONG).code(3);
    assert!(wrong.err.contains("لم يُمسّ شيء"), "{}", wrong.err);
    let ran = run(sanad().env("SANAD_LANG", "ar_SY.UTF-8").arg("status").arg(scratch.at("none"))).code(2);
    assert!(ran.err.contains("لا يوجد موقع سند"), "{}", ran.err);
    let served = site.serve();
    // The process that serves speaks English; who asks reads Arabic.
    let wrong = arabic("status", &[], WRONG).code(3);
    assert!(wrong.err.contains("لم يُمسّ شيء"), "{}", wrong.err);
    let unknown = arabic("sync", &["--with", "https://203.0.113.9:1"], support::PASSPHRASE).code(2);
    assert!(unknown.err.contains("لا يُعرف موقع") && unknown.err.contains("203.0.113.9"), "{}", unknown.err);
    served.stop();
}

#[test]
fn check_names_the_damage_and_what_is_left_is_still_given() {
    let scratch = Scratch::new("damage");
    let site = Site::found(scratch.at("a"), "Cedar");
    site.import(&scratch.write("some.ndjson", lines(60, 12)));
    site.is_sound();
    let whole = site.export(&scratch.at("out"));
    // What the rebuild wrote is moved out of the write-ahead log, which would mend the pages that are broken here.
    site.ok("check", &[]);
    assert_eq!(fs::metadata(site.dir.join("store.db-wal")).map_or(0, |wal| wal.len()), 0);
    let bytes = fs::read(site.dir.join("store.db")).unwrap();
    let pages = bytes.len() / 4096;
    let (mut found, mut given, mut served) = (0, 0, 0);
    for at in 1..=10 {
        let page = at * (pages - 1) / 11;
        let broken = Site::at(scratch.at(&format!("broken-{page}")));
        copy_folder(&site.dir, &broken.dir);
        let mut bytes = bytes.clone();
        bytes[page * 4096 + 1000] ^= 0x01;
        fs::write(broken.dir.join("store.db"), &bytes).unwrap();
        let checked = broken.run("check", &[]);
        println!(
            "page {page} of {pages}: check {} {} {}",
            checked.code,
            checked.out.trim_end(),
            checked.err.trim_end()
        );
        if checked.code == 0 {
            // A page that nothing is on.
            assert!(broken.export(&scratch.at(&format!("free-{page}"))) == whole);
            continue;
        }
        let checked = checked.code(4);
        // In SQLite's own list of tables, which is a page or two of them, one bit leaves nothing to open: `join` is what helps.
        let is_told_what_to_do = ["sanad check", "sanad join"].iter().any(|command| checked.err.contains(command));
        assert!(!checked.out.is_empty() || is_told_what_to_do, "{checked:?}");
        found += 1;
        let status = broken.run("status", &[]);
        assert!([0, 4].contains(&status.code), "{status:?}");
        served += u32::from(status.code == 0);
        let out = scratch.at(&format!("out-{page}"));
        let ran = broken.run("export", &[out.to_str().unwrap()]);
        assert!([0, 4].contains(&ran.code), "{ran:?}");
        let left = if out.exists() { files(&out) } else { Default::default() };
        assert!(left.iter().all(|(name, raw)| whole.get(name) == Some(raw)), "nothing wrong is given");
        println!("  status {}, export {}: {} of {}", status.code, ran.code, left.len(), whole.len());
        given += left.len();
    }
    println!("{found} damages found, {served} of them with status, {given} resources given in all");
    assert!(found >= 8, "{found}");
}

#[test]
fn people_are_listed_added_and_given_a_new_pin_from_the_command_line() {
    let scratch = Scratch::new("people");
    let site = Site::found(scratch.at("a"), "Cedar");
    assert_eq!(site.ok("people", &[])["people"], serde_json::json!([]));
    let words = run(&mut site.command("people", &["--add", "Swift", "--role", "nurse"])).code(3);
    assert!(words.err.contains("technician has to be there first"), "{}", words.err);
    run(&mut site.command("people", &["--add", "Swift", "--role", "king"])).code(2);
    run(&mut site.command("people", &["--add", "Swift"])).code(2);
    let is_pin = |pin: &Value| pin.as_str().is_some_and(|pin| pin.len() == 6 && pin.parse::<u32>().is_ok());
    let added = site.ok("people", &["--add", "Heron", "--role", "technician"]);
    assert!(is_pin(&added["pin"]), "{added}");
    let again = site.ok("people", &["--new-pin", "heron"]);
    assert!(is_pin(&again["pin"]) && again["call_sign"] == "Heron");
    run(&mut site.command("people", &["--add", "HERON", "--role", "nurse"])).code(3);
    run(&mut site.command("people", &["--new-pin", "Swift"])).code(2);
    let listed = site.ok("people", &[]);
    assert_eq!(listed["people"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["people"][0]["role"], listed["people"][0].get("pin")), (&"technician".into(), None));
}

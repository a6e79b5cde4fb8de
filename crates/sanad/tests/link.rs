//! Tiny links through the binary: two sites on a pair of pseudo-terminals with a line of 1,200 bits a second between them.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a line of so many bits a second takes its time")]

mod support;

use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use support::{Scratch, Site, run};

/// Bytes a second of 1,200 bits with a start and a stop bit.
const BYTES_PER_S: u64 = 120;
/// Sessions that may be disturbed before one is not.
const TRIES: u32 = 5;

/// Two pseudo-terminals with a slow line between them.
struct Radio {
    ends: [PathBuf; 2],
    passed: Arc<AtomicU64>,
    /// Kept open, so that an end that closes leaves the line alone.
    _held: Vec<OwnedFd>,
}

impl Radio {
    fn new() -> Radio {
        let passed = Arc::new(AtomicU64::new(0));
        let (mut ends, mut held, mut masters) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..2 {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
            grantpt(&master).unwrap();
            unlockpt(&master).unwrap();
            let path = PathBuf::from(ptsname(&master, Vec::new()).unwrap().into_string().unwrap());
            let slave = rustix::fs::open(&path, OFlags::RDWR | OFlags::NOCTTY, rustix::fs::Mode::empty()).unwrap();
            // Nothing is echoed before the program has set the device up.
            let mut settings = rustix::termios::tcgetattr(&slave).unwrap();
            settings.make_raw();
            rustix::termios::tcsetattr(&slave, rustix::termios::OptionalActions::Now, &settings).unwrap();
            held.push(slave);
            ends.push(path);
            masters.push(File::from(master));
        }
        for (from, to) in [(0, 1), (1, 0)] {
            let (mut from, mut to) = (masters[from].try_clone().unwrap(), masters[to].try_clone().unwrap());
            let passed = passed.clone();
            // Ends with the test's process.
            thread::spawn(move || {
                let (mut byte, mut due) = ([0u8; 1], Instant::now());
                while from.read_exact(&mut byte).is_ok() {
                    due = due.max(Instant::now()) + Duration::from_micros(1_000_000 / BYTES_PER_S);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    passed.fetch_add(1, Ordering::Relaxed);
                    if to.write_all(&byte).is_err() {
                        return;
                    }
                }
            });
        }
        Radio { ends: ends.try_into().unwrap(), passed, _held: held }
    }

    fn end(&self, at: usize) -> &str {
        self.ends[at].to_str().unwrap()
    }
}

fn allergy(n: u32) -> String {
    format!(
        r#"{{"resourceType":"AllergyIntolerance","id":"a{n}","patient":{{"reference":"Patient/p1"}},"code":{{"text":"Penicillin"}}}}"#
    )
}

#[test]
fn a_casualty_crosses_a_serial_line_of_1200_bits_a_second_and_then_nothing_changed_costs_60_bytes() {
    let scratch = Scratch::new("link");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let patient = scratch.write("patient.json", r#"{"resourceType":"Patient","id":"p1","name":[{"text":"x"}]}"#);
    cedar.import(&patient);
    let olive = cedar.let_in(scratch.at("olive"), "Olive", true);
    let served = cedar.serve();
    olive.ok("sync", &[]);
    olive.ok("sync", &[]);
    let radio = Radio::new();
    // One folder is served, the other is not.
    let link = |site: &Site, at| {
        let mut command = site.command("link", &["--serial", radio.end(at), "--baud", "1200", "--once"]);
        thread::spawn(move || run(&mut command))
    };
    let both = |what: &str| {
        let ran = [link(&cedar, 0), link(&olive, 1)].map(|link| link.join().unwrap().code(0).json());
        let sessions = ran.map(|ran| ran["sessions"].as_array().unwrap().last().unwrap().clone());
        assert!(sessions.iter().all(|session| session["complete"] == true), "{what}: {sessions:?}");
        sessions
    };
    both("the first");
    served.stop();

    cedar.import(&scratch.write("allergy.json", allergy(1)));
    assert!(cedar.ok("status", &[])["only_here"]["records"].as_u64().unwrap() > 0);
    let before = radio.passed.load(Ordering::Relaxed);
    let [sent, received] = both("the casualty");
    let passed = radio.passed.load(Ordering::Relaxed) - before;
    println!("{passed} bytes, {sent}");
    assert_eq!(sent["entries_sent"].as_u64().max(received["entries_sent"].as_u64()), Some(1));
    assert_eq!(cedar.ok("status", &[])["only_here"]["records"], 0, "the receipt came back");
    assert!(passed < 1_500, "{passed} bytes");

    // Once they have spoken, Olive listens and calls nobody for a while: then a call and its answer are all that passes.
    let mut answering = olive.command("link", &["--serial", radio.end(1), "--baud", "1200"]);
    let mut answering = answering.stdout(std::process::Stdio::null()).spawn().unwrap();
    let call = || {
        let before = radio.passed.load(Ordering::Relaxed);
        let ran = link(&cedar, 0).join().unwrap().code(0).json();
        let session = ran["sessions"].as_array().unwrap().last().unwrap().clone();
        let cost = radio.passed.load(Ordering::Relaxed) - before;
        println!("{cost} bytes, {session}");
        assert_eq!(session["complete"], true);
        cost
    };
    call();
    // On a busy machine a call is repeated.
    let least = (0..TRIES).map(|_| call()).min();
    answering.kill().unwrap();
    answering.wait().unwrap();
    assert!(least.is_some_and(|bytes| (1..=60).contains(&bytes)), "nothing changed, and it cost {least:?} bytes");
    assert!(cedar.export(&scratch.at("out")).len() >= 2);
    assert!(olive.export(&scratch.at("olive-out")).contains_key("AllergyIntolerance/a1.json"));
}

#[test]
fn what_is_no_tiny_link_is_refused_with_words() {
    let scratch = Scratch::new("link-bad");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    for mtu in ["49", "221", "0", "70000"] {
        let ran = cedar.run("link", &["--serial", "/dev/null", "--mtu", mtu, "--once"]).code(2);
        assert!(ran.err.contains("50 to 220 bytes") && ran.err.contains(mtu), "{}", ran.err);
    }
    let file = scratch.write("file", "not a device");
    for device in [file.to_str().unwrap(), "/nowhere/ttyS9", "/dev/null"] {
        let ran = cedar.run("link", &["--serial", device, "--once"]).code(1);
        assert!(ran.err.contains(device) && ran.err.contains("is safe"), "{}", ran.err);
    }
    let ran = cedar.run("link", &["--serial", "/dev/null", "--with", "Nobody", "--once"]);
    assert_ne!(ran.code, 0);
    let mut arabic = cedar.command("link", &["--serial", "/dev/null", "--mtu", "20", "--once"]);
    assert!(run(arabic.env("SANAD_LANG", "ar")).code(2).err.contains("الوصلة الصغيرة"));
}

#[test]
fn budgets_are_set_shown_and_taken_away() {
    let scratch = Scratch::new("budget");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let _olive = cedar.let_in(scratch.at("olive"), "Olive", false);
    let budget = |rest: &[&str]| cedar.ok("budget", rest)["budgets"].clone();
    assert_eq!(budget(&["Olive", "5MB/day"])[0]["bytes_a_day"], 5_000_000);
    assert_eq!(budget(&[])[0]["site"], "Olive");
    assert_eq!(cedar.ok("status", &[])["sites"][0]["budget"]["used_up"], false);
    assert!(cedar.run("budget", &["Olive", "many"]).code(2).err.contains("many"));
    assert!(cedar.run("budget", &["Nobody", "1MB/day"]).code(2).err.contains("Nobody"));
    assert_eq!(budget(&["Olive", "none"]).as_array().unwrap().len(), 0);
}

#[test]
fn a_budget_that_is_used_up_lets_only_what_is_urgent_pass() {
    let scratch = Scratch::new("budget-used");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let olive = cedar.let_in(scratch.at("olive"), "Olive", true);
    let clinical = r#"{"resourceType":"Condition","id":"c1","subject":{"reference":"Patient/p1"},"code":{"text":"x"}}"#;
    let patient = r#"{"resourceType":"Patient","id":"p1","name":[{"text":"x"}]}"#;
    cedar.import(&scratch.write("patient.json", patient));
    cedar.import(&scratch.write("condition.json", clinical));
    cedar.import(&scratch.write("allergy.json", allergy(7)));
    cedar.ok("budget", &["Olive", "0/day"]);
    let served = cedar.serve();
    olive.ok("sync", &[]);
    let before = olive.export(&scratch.at("before"));
    assert!(before.contains_key("AllergyIntolerance/a7.json"), "{:?}", before.keys());
    assert!(!before.contains_key("Condition/c1.json"), "{:?}", before.keys());
    assert_eq!(cedar.ok("status", &[])["sites"][0]["budget"]["used_up"], true);
    cedar.ok("budget", &["Olive", "none"]);
    olive.ok("sync", &[]);
    assert!(olive.export(&scratch.at("after")).contains_key("Condition/c1.json"));
    served.stop();
}

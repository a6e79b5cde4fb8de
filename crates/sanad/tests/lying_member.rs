//! A member of the network whose program lies: bodies that grow without end, are nested without end, are as large as they
//! may be or are nothing at all, places that are skipped, sessions that begin and stand still.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_log::entry::{BODY_BYTES_MAX, Entry};
use sanad_log::ids::Lane;
use sanad_record::op::{Action, Op, SAVE_BYTES_MAX, Save};
use serde_json::Value;
use std::process::Stdio;
use support::fhir::{lines, patient};
use support::hand::{Hand, head};
use support::relay::Fault;
use support::{DEADLINE, Dice, Scratch, Site, poll, run, sanad};

/// Memory that taking all of it in may need, in bytes: some multiples of the largest body, whatever it pretends to be.
const MEMORY_MAX: u64 = 400 << 20;

/// A resource as the bytes of a save, whatever it is.
fn save_of(id: &str, raw: Vec<u8>) -> Vec<u8> {
    let op = Op { action: Action::Put, key: format!("Basic/{id}").parse().unwrap(), parents: vec![], raw };
    Save { idempotency: None, by: None, ops: vec![op] }.encode()
}

/// The places of a save's outer form: where the length of what it holds stands, and where its compressed bytes begin.
fn outer_form(save: &[u8]) -> (usize, usize) {
    let end_of_varint = |from: usize| from + save[from..].iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let tail_from = end_of_varint(1);
    let length_at = tail_from + usize::from(save[1]);
    (length_at, end_of_varint(length_at))
}

/// The same with another length of what it holds.
fn claiming(save: &[u8], length: u64) -> Vec<u8> {
    let (length_at, frame_at) = outer_form(save);
    let mut varint = Vec::new();
    let mut rest = length;
    while rest >= 0x80 {
        varint.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    varint.push(rest as u8);
    [&save[..length_at], &varint, &save[frame_at..]].concat()
}

fn listed(site: &Site) -> Vec<Value> {
    let listed = run(sanad().args(["quarantine", "list"]).arg(&site.dir).arg("--json")).code(0).json();
    listed["quarantine"].as_array().unwrap().clone()
}

fn text(length: usize, of: &str) -> Vec<u8> {
    format!(r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#, of.repeat(length / of.len())).into_bytes()
}

/// What a lying program may seal, by name.
fn lies(dice: &mut Dice) -> Vec<(&'static str, Vec<u8>)> {
    let bomb = save_of("bomb", text(SAVE_BYTES_MAX - 1_000, "0"));
    assert!(bomb.len() < 20_000, "{} bytes that become sixteen million", bomb.len());
    let nested = |depth: usize| {
        let raw = format!(r#"{{"resourceType":"Basic","x":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
        save_of("nested", raw.into_bytes())
    };
    let noise: Vec<u8> = (0..20 << 20).map(|_| dice.below(256) as u8).collect();
    vec![
        ("it is as large as it may be, from few bytes", bomb.clone()),
        ("it holds more than it says", claiming(&bomb, 1_000)),
        ("it says that it holds four gigabytes", claiming(&bomb, 4 << 30)),
        ("it says that it holds everything", claiming(&bomb, u64::MAX)),
        ("it is nested a hundred thousand times", nested(100_000)),
        ("it is nested millions of times", nested(7_000_000)),
        ("it is no JSON", save_of("torn", br#"{"resourceType":"Basic","x":"#.to_vec())),
        ("it is noise, as large as it may be", [&[0, 0][..], &noise].concat()),
        ("it is nothing", vec![]),
    ]
}

#[test]
fn a_member_whose_program_lies_costs_little_memory_and_hides_nothing_of_anybody() {
    let scratch = Scratch::new("lying");
    let mut dice = Dice::new("lying_member");
    let liar = Site::found(scratch.at("liar"), "Cedar");
    // A haven reads whatever comes.
    let haven = liar.let_in(scratch.at("haven"), "Haven", true);
    liar.import(&scratch.write("before.ndjson", lines(5, 5)));
    let hand = Hand::of(&liar);
    let log = hand.log(Lane::Clinical);
    let (mut entries, mut at): (Vec<Entry>, _) = (vec![], head(&liar, log));
    let lies = lies(&mut dice);
    for (_, lie) in &lies {
        let entry = hand.entry(log, (at.0 + 1, at.1), lie, Some(&hand.device));
        assert!(entry.body().len() <= BODY_BYTES_MAX);
        at = (entry.header().seq, entry.id());
        entries.push(entry);
    }
    entries.push(hand.patient(log, (at.0 + 1, at.1), "honest", Some(&hand.device)));
    // A place far ahead, with nothing between; and another lane, which waits for none of it.
    entries.push(hand.patient(log, (at.0 + 500, at.1), "ahead", Some(&hand.device)));
    let other = hand.log(Lane::Urgent);
    let urgent = head(&liar, other);
    entries.push(hand.patient(other, (urgent.0 + 1, urgent.1), "urgent", Some(&hand.device)));
    hand.plant(&liar, &entries);

    let lying = liar.serve();
    let served = haven.serve();
    let before = served.memory("VmHWM");
    // The two may be in a session already.
    let all_in = poll(DEADLINE, || {
        haven.run("sync", &[]);
        (haven.ok("status", &[])["sites"][0]["behind"]["records"] == 0 && !listed(&haven).is_empty()).then_some(())
    });
    all_in.expect("it has all that can be had");
    let grown = served.memory("VmHWM") - before;
    println!("{} entries that lie, {} MiB more memory at most", lies.len(), grown >> 20);
    assert!(grown < MEMORY_MAX, "{} MiB", grown >> 20);
    let kept = listed(&haven);
    assert!(kept.len() >= 5, "what shows nothing is listed: {kept:?}");
    served.stop();
    lying.stop();
    let exported = haven.export(&scratch.at("out"));
    for name in
        ["Patient/patient-0.json", "Patient/honest.json", "Patient/urgent.json", "Observation/observation-0-4.json"]
    {
        assert!(exported.contains_key(name), "{name}: {:?}", exported.keys());
    }
    // Both go on as if nothing had been.
    liar.import(&scratch.write("after.json", patient("after", "Samir").to_string()));
    let served = liar.serve();
    haven.run("sync", &[]);
    served.stop();
    assert!(haven.export(&scratch.at("out-after")).contains_key("Patient/after.json"));
    haven.is_sound();
}

#[test]
fn a_member_who_stands_still_in_a_session_holds_nobody_up() {
    let scratch = Scratch::new("stall");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let [olive, reed] = ["Olive", "Reed"].map(|name| cedar.let_in(scratch.at(name), name, false));
    olive.import(&scratch.write("one.ndjson", lines(3, 200)));
    reed.import(&scratch.write("two.json", patient("two", "Samir").to_string()));
    let served = cedar.serve();
    let mut stalled = Vec::new();
    for bytes in [1_500, 4_000, 9_000] {
        cedar.way.has(Fault::StallAfter(bytes));
        let mut command = olive.command("sync", &[]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // A folder has one process: the next one stands still by itself.
        poll(std::time::Duration::from_secs(2), || child.try_wait().unwrap());
        cedar.way.has(Fault::None);
        let report = reed.ok("sync", &[]);
        assert_eq!(report["sessions"][0]["complete"], true, "{report}");
        assert!(child.try_wait().unwrap().is_none(), "it still stands still after {bytes} bytes");
        child.kill().unwrap();
        child.wait().unwrap();
        stalled.push(bytes);
    }
    assert_eq!(stalled.len(), 3);
    poll(DEADLINE, || (olive.run("sync", &[]).code == 0).then_some(())).expect("it comes again when it can");
    served.stop();
    assert_eq!(olive.ok("status", &[])["only_here"]["records"], 0);
    cedar.is_sound();
}

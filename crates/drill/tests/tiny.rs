//! Tiny links in simulated time: what they cost, what they survive, what first comes through.
#![allow(clippy::unwrap_used)]

use sanad_drill::tiny::scenes::{Ward, casualty, pair};
use sanad_drill::tiny::{Ended, Faults, Line, Network, Run, Site, meet, say_again, talk, talk_from};
use sanad_log::control::SiteKind;
use sanad_log::ids::Lane;
use sanad_log::tiny::Lost;

fn is_done(run: &Run) -> bool {
    run.ended.iter().all(|ended| ended.is_some_and(|ended| ended.is_done()))
}

#[test]
fn nothing_changed_costs_sixty_bytes_on_a_tiny_link() {
    let (mut cedar, mut olive) = pair();
    let run = talk(&mut cedar, &mut olive, &Line::of(1_200), 600_000);
    println!("{run:?}");
    assert!(is_done(&run), "{run:?}");
    assert!(run.bytes.iter().sum::<u64>() <= 60, "{:?}", run.bytes);
}

#[test]
fn an_urgent_casualty_crosses_in_less_than_eight_seconds_at_1200_bits_a_second() {
    let (mut cedar, mut olive) = pair();
    cedar.save(9, Lane::Urgent, casualty());
    println!("entry {} bytes", cedar.newest_bytes(Lane::Urgent));
    assert!((380..=420).contains(&cedar.newest_bytes(Lane::Urgent)));
    let run = talk(&mut cedar, &mut olive, &Line::of(1_200), 600_000);
    println!("{run:?}");
    assert!(is_done(&run), "{run:?}");
    assert_eq!(run.came.len(), 1);
    assert!(run.nothing_only_here_ms.unwrap() < 8_000 && run.ms < 8_000);
}

#[test]
fn a_casualty_of_a_new_chart_crosses_with_the_grant_of_its_key() {
    let (mut cedar, mut olive) = pair();
    cedar.save(77, Lane::Urgent, casualty());
    let run = talk(&mut cedar, &mut olive, &Line::of(1_200), 600_000);
    println!("{run:?}");
    assert!(is_done(&run));
    assert_eq!(run.came.iter().map(|(_, log, _)| log.lane).collect::<Vec<_>>(), [Lane::Control, Lane::Urgent]);
    assert!(run.nothing_only_here_ms.unwrap() < 12_000);
}

#[test]
fn what_was_learned_survives_a_restart_and_then_nothing_changed_is_cheap_again() {
    let (mut cedar, mut olive) = pair();
    cedar.save(9, Lane::Urgent, casualty());
    (cedar, olive) = (cedar.restarted(), olive.restarted());
    let line = Line::of(1_200);
    let run = talk(&mut cedar, &mut olive, &line, 600_000);
    assert!(is_done(&run) && run.ms < 8_000, "{run:?}");
    (cedar, olive) = (cedar.restarted(), olive.restarted());
    for _ in 0..3 {
        let run = talk(&mut olive, &mut cedar, &line, 600_000);
        assert!(is_done(&run) && run.bytes.iter().sum::<u64>() <= 60, "{run:?}");
        olive = olive.restarted();
    }
}

#[test]
fn both_who_call_at_once_end_in_one_session() {
    for seed in 0..10 {
        let (mut cedar, mut olive) = pair();
        cedar.save(9, Lane::Urgent, casualty());
        olive.save(33, Lane::Urgent, casualty());
        let line = Line { seed, latency_ms: 5 + seed * 40, ..Line::of(1_200) };
        let run = talk_from(&mut cedar, &mut olive, &line, 600_000, [true, true]);
        assert!(is_done(&run), "{run:?}");
        assert_eq!((cedar.only_here(), olive.only_here()), (0, 0));
    }
}

#[test]
fn sites_that_hold_no_receipt_of_each_other_meet_within_the_budget_and_their_gauges_fall() {
    let (mut cedar, mut olive) = pair();
    cedar.save(9, Lane::Urgent, casualty());
    olive.save(9, Lane::Urgent, casualty());
    (cedar, olive) = (cedar.forgetful(), olive.forgetful());
    assert!(cedar.only_here() > 3, "it knows of no copy");
    let line = Line::of(1_200);
    let run = talk(&mut cedar, &mut olive, &line, 600_000);
    assert!(is_done(&run), "{run:?}");
    assert_eq!((run.came.len(), run.came_back.len()), (1, 1), "{run:?}");
    assert_eq!((cedar.only_here(), olive.only_here()), (0, 0), "parts of a frontier are confirmed too");
    // Two parts from each side at most, 300 bytes each, and two entries.
    assert!(run.bytes.iter().sum::<u64>() < 2_600, "{:?}", run.bytes);
    let run = talk(&mut cedar, &mut olive, &line, 600_000);
    assert!(is_done(&run) && run.bytes.iter().sum::<u64>() <= 60, "{run:?}");
}

#[test]
fn one_side_that_has_forgotten_costs_a_part_and_no_more() {
    for who in 0..4 {
        let (mut cedar, mut olive) = pair();
        cedar.save(9, Lane::Urgent, casualty());
        if who % 2 == 0 {
            cedar = cedar.forgetful();
        } else {
            olive = olive.forgetful();
        }
        let (a, b) = if who < 2 { (&mut cedar, &mut olive) } else { (&mut olive, &mut cedar) };
        let line = Line::of(1_200);
        let run = talk(a, b, &line, 600_000);
        assert!(is_done(&run) && run.bytes.iter().sum::<u64>() < 1_500, "{who}: {run:?}");
        assert_eq!((cedar.only_here(), cedar.disk.len()), (0, olive.disk.len()), "{who}");
    }
}

#[test]
fn a_site_of_another_network_is_silence() {
    let (mut cedar, _) = pair();
    let mut stranger = Network::new(201).founder(3);
    let run = talk(&mut cedar, &mut stranger, &Line::of(1_200), 600_000);
    assert_eq!(run.ended, [Some(Ended::Line(Lost::NoAnswer)), None]);
    assert_eq!(run.bytes[1], 0, "a stranger is not answered");
    assert!(run.bytes[0] < 300, "and is not told much: {:?}", run.bytes);
}

/// What a run under faults has to end in: either both are done, or the next good line finds everything.
fn through(faults: impl Fn(u64) -> Faults, seeds: u64, mtu: impl Fn(u64) -> usize) {
    for seed in 0..seeds {
        let (mut cedar, mut olive) = pair();
        for n in 0..1 + seed % 6 {
            cedar.save(9, Lane::Urgent, casualty());
            olive.save(if n % 2 == 0 { 9 } else { 40 }, Lane::Urgent, casualty());
        }
        let line = Line { faults: faults(seed), seed, mtu: mtu(seed), ..Line::of(9_600) };
        let mut sessions = 0;
        loop {
            sessions += 1;
            assert!(sessions < 20, "seed {seed}: it does not come through");
            let line = Line { seed: seed * 100 + sessions, ..line };
            let line =
                if sessions > 1 { Line { faults: Faults { cut_after: None, ..line.faults }, ..line } } else { line };
            let run = talk(&mut cedar, &mut olive, &line, 3_600_000);
            if is_done(&run) {
                break;
            }
        }
        assert_eq!((cedar.only_here(), olive.only_here()), (0, 0), "seed {seed}");
        assert_eq!(cedar.disk, olive.disk, "seed {seed}");
    }
}

#[test]
fn frames_lost_doubled_overtaken_bent_and_noise_between_them_change_nothing() {
    through(|seed| Faults { lost: seed % 5 * 60, ..Faults::default() }, 20, |seed| 50 + seed as usize * 8);
    through(|seed| Faults { doubled: 300, late: seed % 4 * 100, ..Faults::default() }, 20, |_| 80);
    through(|_| Faults { bent: 150, noise: 200, ..Faults::default() }, 20, |seed| 220 - seed as usize * 5);
    let all = |seed| Faults { lost: 100, doubled: 60, late: 60, bent: 60, noise: 60, cut_after: Some(300 + seed * 97) };
    through(all, 20, |_| 120);
}

#[test]
fn a_line_cut_at_any_byte_is_taken_up_again() {
    for cut in (1..2_400).step_by(23) {
        through(|_| Faults { cut_after: Some(cut), ..Faults::default() }, 1, |_| 100);
    }
}

#[test]
fn an_overheard_conversation_said_again_changes_nothing() {
    let (mut cedar, mut olive) = pair();
    cedar.save(9, Lane::Urgent, casualty());
    let line = Line::of(1_200);
    let first = talk(&mut cedar, &mut olive, &line, 600_000);
    assert!(is_done(&first));
    let (disk, receipts) = (olive.disk.clone(), olive.replica.receipts().clone());
    let said = say_again(&mut olive, &line, &first.overheard);
    assert!(said.len() < 200, "an answer to a call, and no more: {} bytes", said.len());
    assert_eq!((&olive.disk, olive.replica.receipts()), (&disk, &receipts));
    // The same for a call to which nothing had changed, after something has.
    let quiet = talk(&mut cedar, &mut olive, &line, 600_000);
    olive.save(9, Lane::Urgent, casualty());
    let receipts = olive.replica.receipts().clone();
    let said = say_again(&mut olive, &line, &quiet.overheard);
    assert!(said.len() < 400 && !said.is_empty(), "{} bytes", said.len());
    assert_eq!(olive.replica.receipts(), &receipts);
    assert_eq!(cedar.only_here(), 0);
    assert!(is_done(&talk(&mut olive, &mut cedar, &line, 600_000)));
}

#[test]
fn endless_noise_costs_no_memory_and_no_answer() {
    let (_, mut olive) = pair();
    let mut noise = Vec::new();
    let mut hash = blake3::Hasher::new().update(b"noise").finalize_xof();
    noise.resize(2_000_000, 0);
    hash.fill(&mut noise);
    // Frames without an end, frames of every length, frames that are only zeroes.
    noise.extend(std::iter::repeat_n(7, 500_000));
    noise.extend(std::iter::repeat_n(0, 500_000));
    let disk = olive.disk.clone();
    assert_eq!(say_again(&mut olive, &Line::of(1_200), &noise), Vec::<u8>::new());
    assert_eq!(olive.disk, disk);
}

#[test]
fn two_radios_in_turn_do_not_talk_over_each_other() {
    let (mut cedar, mut olive) = pair();
    for _ in 0..12 {
        cedar.save(9, Lane::Urgent, casualty());
        olive.save(9, Lane::Urgent, casualty());
    }
    for latency_ms in [5, 200, 900] {
        let line = Line { latency_ms, ..Line::of(1_200) };
        let run = talk(&mut cedar, &mut olive, &line, 600_000);
        assert!(is_done(&run));
        assert_eq!(run.collisions, 0, "{latency_ms}");
        cedar.save(9, Lane::Urgent, casualty());
        olive.save(9, Lane::Urgent, casualty());
    }
}

#[test]
fn a_line_that_is_slower_than_it_says_is_measured_and_carries_all() {
    let (mut cedar, mut olive) = pair();
    for _ in 0..30 {
        cedar.save(9, Lane::Urgent, casualty());
    }
    let line = Line { believed: 11_520, ..Line::of(600) };
    let run = talk(&mut cedar, &mut olive, &line, 3_600_000);
    assert!(is_done(&run) && cedar.only_here() == 0, "{:?}", run.ended);
    let least = 30 * 300;
    assert!(run.bytes.iter().sum::<u64>() < 2 * least + 6_000, "little is said twice: {:?}", run.bytes);
}

#[test]
fn a_first_sync_at_9600_bits_a_second_is_useful_within_a_minute() {
    let mut ward = Ward::new();
    let line = Line { lanes: Lane::Bulk, ..Line::of(9_600) };
    let run = talk(&mut ward.haven, &mut ward.cut_off, &line, 300_000);
    for s in [30, 60, 90, 120, 300] {
        println!("{s} s: {:?} of {}", ward.after(&run, s), ward.current.len());
    }
    assert_eq!(ward.after(&run, 60).1, ward.current.len(), "all that is urgent about current patients within a minute");
    // The frontier has one hole a log at most.
    for (_, held) in ward.cut_off.replica.durable().logs() {
        assert!(held.iter().count() <= 2);
    }
    // What was cut goes on where it stopped.
    let before = ward.cut_off.replica.durable().count();
    let more = talk(&mut ward.haven, &mut ward.cut_off, &line, 60_000);
    let each = more.bytes[0] as f64 / more.came.len() as f64;
    println!("{each} bytes an entry");
    assert!(ward.cut_off.replica.durable().count() >= before + 80 && each < 640.0, "{each} bytes an entry");
}

/// Calls from both sides until nothing more comes.
fn talk_until_quiet(cedar: &mut Site, olive: &mut Site, line: &Line) {
    for _ in 0..8 {
        let runs = [talk(cedar, olive, line, 3_600_000), talk(olive, cedar, line, 3_600_000)];
        if runs.iter().all(|run| is_done(run) && run.came.is_empty() && run.came_back.is_empty()) {
            return;
        }
    }
    panic!("they do not come to rest: {:?} {:?}", cedar.replica.durable(), olive.replica.durable());
}

#[test]
fn a_device_that_went_back_in_time_is_found_at_its_first_contact_over_a_tiny_link() {
    // Nothing, one or three saves after the copy was restored, where two were lost: its logs end before, at, or after those
    // that others know. In the last lane nothing travels on this line, and it is found all the same.
    for (lane, again) in [(Lane::Urgent, 0), (Lane::Urgent, 2), (Lane::Urgent, 3), (Lane::Clinical, 0)] {
        for restored_calls in [true, false] {
            let (mut cedar, mut olive) = pair();
            let before = cedar.copied();
            cedar.save(9, lane, b"lost with the disk".to_vec());
            cedar.save(9, lane, b"lost as well".to_vec());
            meet(&mut cedar, &mut olive);
            let lost = cedar.entries();
            let mut cedar = before;
            for _ in 0..again {
                cedar.save(9, lane, casualty());
            }
            let (written, device) = (cedar.entries(), cedar.device());
            let line = Line::of(1_200);
            let first = match restored_calls {
                true => talk(&mut cedar, &mut olive, &line, 3_600_000),
                false => talk(&mut olive, &mut cedar, &line, 3_600_000),
            };
            let stated = |site: &Site| site.replica.directory().forks().logs().next().is_some();
            println!("{lane:?} {again} {restored_calls}: {:?} {:?}", first.ended, first.bytes);
            assert!(cedar.device() != device || stated(&olive), "{lane:?} {again} {restored_calls}: {first:?}");
            assert!(first.bytes.iter().sum::<u64>() < 6_000, "{:?}", first.bytes);
            talk_until_quiet(&mut cedar, &mut olive, &line);
            meet(&mut cedar, &mut olive);
            assert_ne!(cedar.device(), device, "it goes on as a new device");
            for site in [&cedar, &olive] {
                assert!(site.entries().is_superset(&lost) && site.entries().is_superset(&written), "nothing is lost");
            }
        }
    }
}

#[test]
fn a_restored_device_that_lacks_only_what_others_wrote_is_found_over_a_tiny_link() {
    let (mut cedar, mut olive) = pair();
    let before = cedar.copied();
    olive.save(9, Lane::Urgent, casualty());
    meet(&mut cedar, &mut olive);
    let (mut cedar, device) = (before, cedar.device());
    let line = Line::of(1_200);
    let run = talk(&mut cedar, &mut olive, &line, 3_600_000);
    println!("{:?} {:?}", run.ended, run.bytes);
    assert_ne!(cedar.device(), device, "its receipts claim what it does not hold: {run:?}");
    talk_until_quiet(&mut cedar, &mut olive, &line);
    assert_eq!(cedar.entries(), olive.entries());
}

#[test]
fn branches_of_one_height_are_found_by_a_quiet_call_without_their_author() {
    let network = Network::new(200);
    let mut birch = network.founder(3);
    let mut cedar = network.join(1, SiteKind::Enclave, &mut birch);
    let mut olive = network.join(2, SiteKind::Haven, &mut birch);
    meet(&mut cedar, &mut olive);
    meet(&mut olive, &mut cedar);
    let mut twin = birch.copied();
    birch.save(9, Lane::Urgent, b"one branch".to_vec());
    twin.save(9, Lane::Urgent, b"the other".to_vec());
    meet(&mut birch, &mut cedar);
    meet(&mut twin, &mut olive);
    let line = Line::of(1_200);
    let run = talk(&mut cedar, &mut olive, &line, 3_600_000);
    println!("{:?} {:?}", run.ended, run.bytes);
    let stated = |site: &Site| site.replica.directory().forks().logs().next().is_some();
    assert!(stated(&cedar) || stated(&olive), "{run:?}");
    talk_until_quiet(&mut cedar, &mut olive, &line);
    assert!(stated(&cedar) && stated(&olive));
    assert_eq!(cedar.entries(), olive.entries());
}

#[test]
fn a_tiny_session_with_a_keeper_carries_both_ways_and_the_keeper_reads_nothing() {
    let network = Network::new(200);
    let mut cedar = network.founder(1);
    let mut keeper = network.join(4, SiteKind::Keeper, &mut cedar);
    meet(&mut cedar, &mut keeper);
    let line = Line::of(1_200);
    cedar.save(9, Lane::Urgent, casualty());
    let run = talk(&mut cedar, &mut keeper, &line, 600_000);
    println!("{:?} {:?}", run.ended, run.bytes);
    assert!(is_done(&run), "{run:?}");
    assert_eq!((run.came.len(), cedar.only_here()), (2, 0), "the casualty and the grant of its key");
    let run = talk(&mut keeper, &mut cedar, &line, 600_000);
    assert!(is_done(&run) && run.bytes.iter().sum::<u64>() <= 60, "{run:?}");
    // A member that the keeper has never met shows its enrolment, once.
    let mut olive = network.enrol(2, SiteKind::Haven, &mut cedar);
    meet(&mut olive, &mut cedar);
    cedar.save(9, Lane::Urgent, casualty());
    olive.save(33, Lane::Urgent, casualty());
    let run = talk(&mut cedar, &mut keeper, &line, 600_000);
    assert!(is_done(&run), "{run:?}");
    let run = talk(&mut olive, &mut keeper, &line, 600_000);
    println!("{:?} {:?}", run.ended, run.bytes);
    assert!(is_done(&run), "{run:?}");
    assert!(keeper.replica.directory().facility_of(&olive.device()).is_some());
    assert!(olive.disk.len() == keeper.disk.len() && !run.came_back.is_empty(), "{run:?}");
    keeper = keeper.restarted();
    let run = talk(&mut olive, &mut keeper, &line, 600_000);
    println!("{:?} {:?}", run.ended, run.bytes);
    assert!(is_done(&run) && run.bytes.iter().sum::<u64>() < 900, "{run:?}");
    assert!(keeper.disk.values().all(|entry| keeper.replica.directory().open(entry).is_err()), "it reads nothing");
    assert_eq!(keeper.replica.directory().epoch_keys().count(), 0, "and was handed no key");
}

//! The heart under siege. A failure prints the seed and the one command that shows it again; to replay a seed here:
//! `SANAD_SEED=… cargo test -p sanad-drill --release -- --nocapture replay`

use sanad_drill::sim::{Plan, Promise, Report, Sabotage, World, run_seeds};

/// The first seed: from the environment; else from the commit, so that every commit meets new ones; else 1.
fn base() -> u64 {
    if let Some(seed) = std::env::var("SANAD_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return seed;
    }
    let git = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.git/");
    let head = std::fs::read_to_string(format!("{git}HEAD")).unwrap_or_default();
    let commit = match head.trim().strip_prefix("ref: ") {
        Some(name) => std::fs::read_to_string(format!("{git}{name}")).unwrap_or_default(),
        None => head,
    };
    u64::from_str_radix(commit.get(..7).unwrap_or_default(), 16).map_or(1, |commit| commit * 1_000)
}

/// Runs seeds; prints what they did.
fn drill(name: &str, seeds: impl IntoIterator<Item = u64>) -> Report {
    match run_seeds(seeds) {
        Ok(report) => {
            println!("{name}: {report}");
            report
        }
        Err(violation) => panic!("{violation}"),
    }
}

/// These seeds stay for ever: under 2, 3, 4 and 8 the heart as it was first written broke a promise; 17 signs with Ed25519.
#[test]
fn nothing_acknowledged_is_lost_while_a_holder_lives() {
    let report = drill("fixed seeds", (1..=9).chain([17]));
    assert!(report.acknowledged > 4_000 && report.destroyed > 10 && report.crashes > 40);
}

#[test]
fn never_lull_only_here_is_exact_or_overstated() {
    let report = drill("seeds of the commit", (10..18).map(|at| base() + at));
    assert!(report.gauges > 10_000);
}

/// The second figure, under policies that change meanwhile, old ones and ties among them: at every event it leaves out
/// nothing that too few hold, and wherever all receipts have come back both figures are exact, lane by lane.
#[test]
fn never_lull_not_yet_safe_is_overstated_until_all_receipts_are_back_and_then_exact() {
    let mut sum = Report::default();
    for seed in base() + 700..base() + 704 {
        let plan = Plan { days: 20, save_hours: 12, dial_days: 1, policy_days: 3, late: 2, ..Plan::from_seed(seed) };
        match World::new(seed, plan).run() {
            Ok(report) => sum += report,
            Err(violation) => panic!("with the plan of never_lull_not_yet_safe: {violation}"),
        }
    }
    // Three sites that talk all the time: nearly every moment is one at which everybody's word is there.
    for seed in 1..=3 {
        let plan = Plan { sites: 3, havens: 1, days: 20, dial_on_save_ppm: 1_000_000, policy_days: 2, ..Plan::calm() };
        sum += World::new(seed, plan).run().unwrap_or_else(|violation| panic!("three sites: {violation}"));
    }
    println!("policies that change: {sum}");
    assert!(sum.gauges > 2_000 && sum.exact > 100, "{} of {} gauges were exact", sum.exact, sum.gauges);
}

#[test]
fn everyone_agrees_after_healing() {
    // A short siege of many faults, again and again: what differs is how it ends.
    let mut sum = Report::default();
    // The first: two frames that arrive at one moment, with the end of the siege before it, arrive in their order.
    // The second: both ends of a session lose power one after the other, and it is over.
    for seed in [115_038_868_500, 31_676_506].into_iter().chain(base() + 500..base() + 508) {
        let plan = Plan {
            days: 8,
            save_hours: 6,
            bad_weather_ppm: 900_000,
            weather_days: 2,
            crash_days: 3,
            ..Plan::from_seed(seed)
        };
        match World::new(seed, plan).run() {
            Ok(report) => sum += report,
            Err(violation) => panic!("with the plan of everyone_agrees_after_healing: {violation}"),
        }
    }
    println!("short sieges: {sum}");
}

#[test]
fn survive_a_record_held_by_k_sites_outlives_any_k_minus_1() {
    let mut tried = 0;
    for holders in 2..=6 {
        for seed in base()..base() + 2 {
            let keepers = if seed % 2 == 0 { 0 } else { 3 };
            let plan = Plan { days: 3, save_hours: 6, keepers, ..Plan::calm() };
            let mut world = World::new(seed, plan);
            let outlived = world.safety().and_then(|_| world.outlive(holders));
            tried += u32::from(outlived.unwrap_or_else(|violation| panic!("{holders} holders: {violation}")));
        }
    }
    assert!(tried >= 5, "{tried} records were put to the test");
}

/// Three of twelve sites carry everything and can read nothing; what they confirm is confirmed, and what they hold comes
/// back from them.
#[test]
fn keepers_hold_everything_and_read_nothing_whatever_fails() {
    let mut sum = Report::default();
    for seed in (101..104).chain(base() + 700..base() + 703) {
        let plan = Plan { days: 10, save_hours: 6, keepers: 3, ..Plan::from_seed(seed) };
        match World::new(seed, plan).run() {
            Ok(report) => sum += report,
            Err(violation) => panic!("with the plan of keepers_hold_everything_and_read_nothing: {violation}"),
        }
    }
    println!("keepers: {sum}");
    assert!(sum.acknowledged > 500 && sum.crashes > 5);
}

/// With `SANAD_SEED`, this is how to see that seed again.
#[test]
fn replay_gives_the_same_history() {
    let seed = base();
    let run = || World::new(seed, Plan::from_seed(seed)).run().unwrap_or_else(|violation| panic!("{violation}"));
    let (first, second) = (run(), run());
    println!("seed {seed}: {first}");
    assert_eq!(first, second);
    let other = World::new(seed + 1, Plan { days: 2, ..Plan::from_seed(seed) })
        .run()
        .unwrap_or_else(|violation| panic!("{violation}"));
    assert_ne!(first.history, other.history);
}

/// What the oracle says to a driver that breaks its side of the bargain.
fn objection(sabotage: Sabotage) -> Promise {
    let plan = Plan { days: 10, save_hours: 6, disk_ms_max: 60_000, crash_days: 2, sabotage, ..Plan::calm() };
    let objections = (1..=3).filter_map(|seed| World::new(seed, plan.clone()).run().err());
    objections.map(|violation| violation.promise).next().expect("the oracle objects")
}

#[test]
fn the_oracle_objects_to_a_disk_that_acknowledges_before_it_is_durable() {
    assert_eq!(objection(Sabotage::AcknowledgeEarly), Promise::DurableBeforeAcknowledged);
}

#[test]
fn the_oracle_objects_to_receipts_before_durability() {
    assert_eq!(objection(Sabotage::ReceiptEarly), Promise::ReceiptIsTrue);
}

#[test]
fn the_oracle_objects_to_a_disk_that_loses_what_it_confirmed() {
    assert_eq!(objection(Sabotage::LoseDurable), Promise::DurableOnlyGrows);
}

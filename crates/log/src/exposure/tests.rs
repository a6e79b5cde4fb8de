//! The sweep against a model that looks at each place by itself, and its cost at the size of a large network.

use super::*;
use crate::ids::{DeviceId, Lane};
use proptest::prelude::*;

/// Ranges of one device's receipt: log number, first place, places after it.
type Receipt = Vec<(u8, u64, u64)>;

fn log_of(number: u8) -> LogId {
    LogId { lane: Lane::ALL[usize::from(number) % 4], author: DeviceId([number / 4; 32]) }
}

fn frontier(ranges: &Receipt) -> Frontier {
    let mut out = Frontier::default();
    for (log, from, more) in ranges {
        out.insert(Range { log: log_of(*log), from: *from, to: from + more });
    }
    out
}

fn receipt() -> impl Strategy<Value = Receipt> {
    proptest::collection::vec((0u8..8, 1u64..30, 0u64..12), 0..12)
}

/// Facilities: haven or not, and the receipts of their devices.
fn facilities() -> impl Strategy<Value = Vec<(bool, Vec<Receipt>)>> {
    proptest::collection::vec((any::<bool>(), proptest::collection::vec(receipt(), 1..4)), 0..6)
}

fn elsewhere<'a>(facilities: &'a [(bool, Vec<Frontier>)]) -> Elsewhere<'a> {
    let joined = facilities.iter().zip(1u8..).map(|((outside, devices), number)| {
        let mut confirmed = Confirmed::new(*outside, Cow::Borrowed(&devices[0]));
        devices[1..].iter().for_each(|device| confirmed.join(device));
        (FacilityId([number; 16]), confirmed)
    });
    joined.collect()
}

fn places(ranges: &[Range]) -> Vec<(LogId, Seq)> {
    ranges.iter().flat_map(|range| (range.from..=range.to).map(move |seq| (range.log, seq))).collect()
}

proptest! {
    #[test]
    fn exposure_is_what_counting_place_by_place_gives(
        here in receipt(),
        facilities in facilities(),
        copies in 1u32..4,
        outside in any::<bool>(),
    ) {
        let held = frontier(&here);
        let policy = Policy { copies, outside };
        let facilities: Vec<(bool, Vec<Frontier>)> =
            facilities.iter().map(|(haven, devices)| (*haven, devices.iter().map(frontier).collect())).collect();
        let swept = exposure(&held, &elsewhere(&facilities), &policy);

        let (mut alone, mut unsafe_places) = (Vec::new(), Vec::new());
        for (log, seq) in places(&held.minus(&Frontier::default())) {
            let holders: Vec<bool> = facilities
                .iter()
                .filter(|(_, devices)| devices.iter().any(|device| device.contains(&log, seq)))
                .map(|(haven, _)| *haven)
                .collect();
            if holders.is_empty() {
                alone.push((log, seq));
            }
            let enough = holders.len() >= copies as usize && (!outside || holders.contains(&true));
            if !enough {
                unsafe_places.push((log, seq));
            }
        }
        prop_assert_eq!(places(&swept.only_here), alone);
        prop_assert_eq!(places(&swept.not_yet_safe), unsafe_places);
        // Each set of places has one form.
        for ranges in [&swept.only_here, &swept.not_yet_safe] {
            prop_assert!(ranges.windows(2).all(|pair| pair[0].log != pair[1].log || pair[0].to + 1 < pair[1].from));
        }
        // The older way to the first figure comes to the same ranges.
        let mut rest = held.clone();
        for frontier in facilities.iter().flat_map(|(_, devices)| devices) {
            let left = rest.minus(frontier);
            rest = Frontier::default();
            left.into_iter().for_each(|range| rest.insert(range));
        }
        prop_assert_eq!(swept.only_here, rest.minus(&Frontier::default()));
    }
}

/// A thousand authors of a thousand entries in three lanes, and forty sites that lag behind in different ways.
fn large() -> (Frontier, Vec<(bool, Vec<Frontier>)>) {
    let author = |number: u32| DeviceId(*blake3::hash(&number.to_be_bytes()).as_bytes());
    let of = |cut: u64, site: u32| {
        let mut out = Frontier::default();
        for number in 0..1_000 {
            for (lane, height) in [(Lane::Control, 10), (Lane::Urgent, 90), (Lane::Clinical, 900)] {
                let lag = if (number + site).is_multiple_of(7) { cut.min(height - 1) } else { 0 };
                out.insert(Range { log: LogId { lane, author: author(number) }, from: 1, to: height - lag });
            }
        }
        out
    };
    (of(0, 0), (0..40).map(|site| (site < 4, vec![of(u64::from(site), site)])).collect())
}

#[test]
#[allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "a figure of made-up numbers, printed; nothing but this test looks at it"
)]
fn a_million_entries_at_forty_sites_are_swept_quickly() {
    let (held, facilities) = large();
    assert_eq!(held.count(), 1_000_000);
    let elsewhere = elsewhere(&facilities);
    let begun = std::time::Instant::now();
    let swept = exposure(&held, &elsewhere, &Policy::DEFAULT);
    let took = begun.elapsed();
    println!("1,000,000 entries, 3,000 logs, 40 sites: {took:?}");
    assert!(swept.only_here.is_empty() && swept.not_yet_safe.is_empty());
    // A build without optimisation takes some ten times as long as a release; the bound is for that.
    assert!(took.as_millis() < 1_000, "{took:?}");
    let strict = exposure(&held, &elsewhere, &Policy { copies: 40, outside: true });
    assert!(!strict.not_yet_safe.is_empty() && strict.only_here.is_empty());
}

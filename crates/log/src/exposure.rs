//! Exposure: how many other facilities have confirmed each place that is held here. Computed from signed receipts alone,
//! by one sweep over the ranges of each log, so that its cost follows the number of logs and gaps, not of entries.
//!
//! Promise: exact or over-stated, never under-stated. A facility counts once however many devices it has, this facility
//! never counts, and only a haven counts as the copy outside.

use crate::frontier::{Frontier, Intervals, Range};
use crate::ids::{FacilityId, LogId, Seq};
use crate::policy::Policy;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What another facility has confirmed.
#[derive(Clone, Debug)]
pub struct Confirmed<'a> {
    /// True if a copy there is one outside the enclave: it is a haven.
    pub outside: bool,
    /// The frontiers of the newest receipts of its devices, joined: one place held by two of its devices is one copy.
    pub places: Cow<'a, Frontier>,
}

impl<'a> Confirmed<'a> {
    /// A facility of one device so far.
    pub fn new(outside: bool, places: Cow<'a, Frontier>) -> Self {
        Confirmed { outside, places }
    }

    /// Adds what another device of it holds.
    pub fn join(&mut self, places: &Frontier) {
        self.places.to_mut().extend(places);
    }
}

/// What each other facility has confirmed.
pub type Elsewhere<'a> = BTreeMap<FacilityId, Confirmed<'a>>;

/// What is held here and not held elsewhere as it should be, in travelling order; touching ranges are one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Exposure {
    /// Confirmed by no other facility: lost if this one were destroyed now.
    pub only_here: Vec<Range>,
    /// Confirmed by fewer others than the policy wants, or by none outside. Holds all of `only_here`.
    pub not_yet_safe: Vec<Range>,
}

/// One place where something begins or ends: facilities that hold it, havens among them, this site itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Step {
    seq: Seq,
    copies: i32,
    outside: i32,
    held: i32,
}

/// Sweeps over everything that is held here.
pub fn exposure(held: &Frontier, elsewhere: &Elsewhere<'_>, policy: &Policy) -> Exposure {
    let logs: Vec<(&LogId, &Intervals)> = held.logs().collect();
    let mut steps: Vec<Vec<Step>> = logs
        .iter()
        .map(|(_, here)| {
            let mut steps = Vec::with_capacity(2 * (elsewhere.len() + 1));
            put(&mut steps, here, Step { seq: 0, copies: 0, outside: 0, held: 1 });
            steps
        })
        .collect();
    for confirmed in elsewhere.values() {
        let step = Step { seq: 0, copies: 1, outside: i32::from(confirmed.outside), held: 0 };
        // Both walks are in the order of logs.
        let mut at = 0;
        for (log, there) in confirmed.places.logs() {
            at += logs[at..].iter().take_while(|(here, _)| *here < log).count();
            match logs.get(at) {
                Some((here, _)) if *here == log => put(&mut steps[at], there, step),
                Some(_) => {}
                None => break,
            }
        }
    }
    let mut out = Exposure::default();
    for ((log, _), mut steps) in logs.into_iter().zip(steps) {
        steps.sort_unstable();
        sweep(*log, &steps, policy, &mut out);
    }
    out
}

fn put(steps: &mut Vec<Step>, intervals: &Intervals, step: Step) {
    for (from, to) in intervals.iter() {
        let end = Step { seq: to + 1, copies: -step.copies, outside: -step.outside, held: -step.held };
        steps.extend([Step { seq: from, ..step }, end]);
    }
}

/// From one step to the next the counts do not change.
fn sweep(log: LogId, steps: &[Step], policy: &Policy, out: &mut Exposure) {
    let (mut copies, mut outside, mut held) = (0, 0, 0);
    for pair in steps.windows(2) {
        copies += pair[0].copies;
        outside += pair[0].outside;
        held += pair[0].held;
        let (from, next) = (pair[0].seq, pair[1].seq);
        if held == 0 || from == next {
            continue;
        }
        assert!((0..=copies).contains(&outside) && held == 1, "counts of one place");
        if copies == 0 {
            add(&mut out.only_here, log, from, next - 1);
        }
        if !policy.is_safe(copies as u32, outside as u32) {
            add(&mut out.not_yet_safe, log, from, next - 1);
        }
    }
}

fn add(ranges: &mut Vec<Range>, log: LogId, from: Seq, to: Seq) {
    match ranges.last_mut() {
        Some(last) if last.log == log && last.to + 1 == from => last.to = to,
        _ => ranges.push(Range { log, from, to }),
    }
}

#[cfg(test)]
mod tests;

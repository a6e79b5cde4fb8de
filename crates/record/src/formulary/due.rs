//! What is due: the times of orders that nobody has answered yet by giving, refusing or holding the dose.

use std::collections::BTreeMap;

use super::order::{OrderState, administration, order};
use super::{Frequency, Item};
use crate::shape::Stored;

/// Most doses in a list. A ward of 60 with eight medicines each has as many in a shift; what lies furthest ahead is left
/// out first.
pub const DUE_MAX: usize = 500;
/// How far back a missed dose is still named: a day, after which giving it late is no question any more.
const BACK_MS: u64 = 24 * 3_600_000;
/// How far ahead the list looks: a shift.
const AHEAD_MS: u64 = 12 * 3_600_000;
/// From so long before its time on, a dose counts as due now.
const EARLY_MS: u64 = 30 * 60_000;
/// So long after its time it counts as late.
const LATE_MS: u64 = 30 * 60_000;
/// Most times of one order that are looked at: every quarter of an hour for the 36 hours of the window.
const TIMES_MAX: usize = 145;
const MINUTE_MS: u64 = 60_000;

/// How a due dose stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum DueState {
    /// Its time is past, and so is that of the next dose.
    Missed,
    /// Its time is past.
    Late,
    /// It is to be given now.
    Now,
    /// It comes within the shift.
    Later,
}

/// A dose that nobody has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Due {
    /// The id of the MedicationRequest.
    pub request: String,
    /// The item, if it is one of the formulary.
    pub item: Option<&'static Item>,
    /// Its time, in milliseconds since 1970.
    pub at_ms: u64,
    /// Minutes since then; 0 if it is to come.
    pub late_by_minutes: u64,
    /// How it stands.
    pub state: DueState,
}

/// The doses that are due, by their time: from a day ago to twelve hours ahead, at most [`DUE_MAX`].
///
/// An order for whenever it is needed is never due, nor is one that is held, over, or says no time. An administration
/// answers the time it names; one that names none answers the nearest time within half the way to the next.
pub fn due(requests: &[Stored<'_>], administrations: &[Stored<'_>], now_ms: u64) -> Vec<Due> {
    let mut answers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for told in administrations.iter().filter_map(|record| administration(*record)) {
        if let (Some(request), Some(at_ms)) = (told.request, told.due_ms.or(told.at_ms)) {
            answers.entry(request).or_default().push(at_ms);
        }
    }
    let mut list = Vec::new();
    for order in requests.iter().filter_map(|record| order(*record)) {
        let (Some(frequency), Some(start)) = (order.frequency, order.start_ms) else { continue };
        if order.state != OrderState::Active {
            continue;
        }
        let until = order.until_ms.unwrap_or(u64::MAX);
        let answered = answers.get(&order.id).map_or(&[][..], Vec::as_slice);
        let times = times(frequency, start, until, now_ms);
        let open = unanswered(&times, frequency, answered);
        list.extend(open.into_iter().map(|(at, next)| Due {
            request: order.id.clone(),
            item: order.item,
            at_ms: at,
            late_by_minutes: now_ms.saturating_sub(at) / MINUTE_MS,
            state: state(at, next, now_ms),
        }));
    }
    list.sort_by(|a, b| (a.at_ms, &a.request).cmp(&(b.at_ms, &b.request)));
    list.truncate(DUE_MAX);
    list
}

fn state(at: u64, next: Option<u64>, now: u64) -> DueState {
    if next.is_some_and(|next| next <= now) {
        DueState::Missed
    } else if now >= at.saturating_add(LATE_MS) {
        DueState::Late
    } else if now >= at.saturating_sub(EARLY_MS) {
        DueState::Now
    } else {
        DueState::Later
    }
}

/// The times of an order within the window.
fn times(frequency: Frequency, start: u64, until: u64, now: u64) -> Vec<u64> {
    let (from, to) = (now.saturating_sub(BACK_MS), now.saturating_add(AHEAD_MS));
    match frequency {
        Frequency::AsNeeded { .. } => Vec::new(),
        // What was ordered once stays due until it is answered, however late.
        Frequency::Once => (start <= to).then_some(start).into_iter().collect(),
        Frequency::Every { minutes } => {
            let step = u64::from(minutes.max(1)) * MINUTE_MS;
            let passed = from.saturating_sub(start).div_ceil(step);
            let first = start.saturating_add(passed.saturating_mul(step));
            let times = (0..TIMES_MAX as u64).map(|number| first.saturating_add(number * step));
            times.take_while(|at| *at <= to && *at < until).collect()
        }
    }
}

/// The times that nothing answers, each with the time of the next dose.
fn unanswered(times: &[u64], frequency: Frequency, answered: &[u64]) -> Vec<(u64, Option<u64>)> {
    let reach = match frequency {
        Frequency::Every { minutes } => u64::from(minutes) * MINUTE_MS / 2,
        _ => u64::MAX,
    };
    let mut open: Vec<bool> = vec![true; times.len()];
    let mut answered: Vec<u64> = answered.to_vec();
    answered.sort_unstable();
    // Those that name a time first, so that none of them loses it to one that is only near.
    let (named, near): (Vec<u64>, Vec<u64>) = answered.into_iter().partition(|at| times.contains(at));
    for at in named.into_iter().chain(near) {
        let candidates = times.iter().enumerate().filter(|(index, time)| open[*index] && time.abs_diff(at) <= reach);
        if let Some((index, _)) = candidates.min_by_key(|(_, time)| time.abs_diff(at)) {
            open[index] = false;
        }
    }
    let next = |index: usize| match frequency {
        Frequency::Every { .. } => times.get(index + 1).copied(),
        _ => None,
    };
    (0..times.len()).filter(|index| open[*index]).map(|index| (times[index], next(index))).collect()
}

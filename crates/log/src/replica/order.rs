//! How much at once, and what first. A slow link has to be useful long before it is through, and a cut must cost little:
//! what is asked for and what is sent at once is some seconds of link time, as measured; within a lane the newest places
//! of every author come first, since they speak of the patients who are there now.
//!
//! Places come from the end of a log towards its beginning, so a log that is half here has one hole: two or three bytes
//! more in a frontier, and none once it is whole.

use crate::frontier::Range;
use crate::ids::Lane;
use std::collections::VecDeque;

/// Link time of what is sent at once, in milliseconds: a cut repeats at most one run.
const RUN_MS: u64 = 4_000;
/// Bytes of bodies in a run: the largest bounds what both ends hold in memory, the smallest what headers cost.
const RUN_BYTES_MAX: u64 = 256 * 1024;
const RUN_BYTES_MIN: u64 = 4 * 1024;
const SHORT_RUN_BYTES_MIN: u64 = 512;
const SHORT_RUN_BYTES_MAX: u64 = 16 * 1024;
/// What a carrier and the kernel may swallow at once before its pace is the link's: flow control windows and buffers.
const SWALLOWED_BYTES: u64 = 1024 * 1024;
/// Link time of what is asked for at once: the order can change after it, and round trips stay few.
const ASKED_MS: u64 = 20_000;
/// Entries of the first question, whose link nobody has measured.
const ASKED_FIRST: u64 = 512;
const SHORT_ASKED_FIRST: u64 = 16;
/// Entries of a log that are sent in their own order where the newest come first: some seconds at 9,600 bit/s.
const PIECE: u64 = 8;
/// From one question to the next their number grows or shrinks at most by this factor.
const STEP: u64 = 8;
/// In a session that has more to ask, the other side's gauge is told after so long.
const RECEIPT_MS: u64 = 60_000;

/// The pace of one session.
#[derive(Debug)]
pub(super) struct Pace {
    short: bool,
    run_bytes: u64,
    /// Runs that the carrier has not passed on yet.
    under_way: VecDeque<u64>,
    since_ms: u64,
    passed: u64,
    asked_max: u64,
    asked: u64,
    asked_ms: u64,
    receipt_ms: Option<u64>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace::new(false)
    }
}

impl Pace {
    pub(super) fn new(short: bool) -> Pace {
        Pace {
            short,
            run_bytes: if short { SHORT_RUN_BYTES_MIN } else { RUN_BYTES_MIN },
            under_way: VecDeque::new(),
            since_ms: 0,
            passed: 0,
            asked_max: if short { SHORT_ASKED_FIRST } else { ASKED_FIRST },
            asked: 0,
            asked_ms: 0,
            receipt_ms: None,
        }
    }

    /// On a tiny link that is believed to carry so many bytes a second.
    pub(super) fn of_line(bytes_per_s: u64) -> Pace {
        let run_bytes = bytes_per_s.saturating_mul(RUN_MS) / 1_000;
        Pace { run_bytes: run_bytes.clamp(SHORT_RUN_BYTES_MIN, SHORT_RUN_BYTES_MAX), ..Pace::new(true) }
    }

    /// Bytes of bodies in the next run, about.
    pub(super) fn run_bytes(&self) -> usize {
        self.run_bytes as usize
    }

    /// A run goes out.
    pub(super) fn sends(&mut self, now_ms: u64, bytes: usize) {
        if self.under_way.is_empty() {
            (self.since_ms, self.passed) = (now_ms, 0);
        }
        self.under_way.push_back(bytes as u64);
    }

    /// The carrier has passed on the oldest run.
    pub(super) fn flushed(&mut self, now_ms: u64) {
        self.passed += self.under_way.pop_front().unwrap_or_default();
        let swallowed = if self.short { 0 } else { SWALLOWED_BYTES };
        if let Some(passed) = self.passed.checked_sub(swallowed) {
            let took_ms = now_ms.saturating_sub(self.since_ms).max(1);
            let (min, max) =
                if self.short { (SHORT_RUN_BYTES_MIN, SHORT_RUN_BYTES_MAX) } else { (RUN_BYTES_MIN, RUN_BYTES_MAX) };
            self.run_bytes = (passed.saturating_mul(RUN_MS) / took_ms).clamp(min, max);
        }
    }

    /// Entries to ask for at once.
    pub(super) fn asked_max(&self) -> u64 {
        self.asked_max
    }

    /// Entries were asked for.
    pub(super) fn asks(&mut self, now_ms: u64, entries: u64) {
        if self.asked == 0 {
            self.asked_ms = now_ms;
        }
        self.asked += entries;
        self.receipt_ms.get_or_insert(now_ms);
    }

    /// True once something was asked for.
    pub(super) fn has_asked(&self) -> bool {
        self.receipt_ms.is_some()
    }

    /// All that was asked for is here.
    pub(super) fn answered(&mut self, now_ms: u64) {
        if self.asked > 0 {
            let took_ms = now_ms.saturating_sub(self.asked_ms).max(1);
            let wanted = self.asked.saturating_mul(ASKED_MS) / took_ms;
            self.asked_max = wanted.clamp((self.asked_max / STEP).max(1), self.asked_max.saturating_mul(STEP));
            self.asked = 0;
        }
    }

    /// True once in [`RECEIPT_MS`].
    pub(super) fn receipt_due(&mut self, now_ms: u64) -> bool {
        let due = self.receipt_ms.is_some_and(|last| now_ms.saturating_sub(last) >= RECEIPT_MS);
        if due {
            self.receipt_ms = Some(now_ms);
        }
        due
    }
}

/// What to ask for first of what is missing (sorted): everything if that is not much; else all of lane 0, without which
/// nothing else may come, then lane by lane, of each log its newest places.
pub(super) fn next_asked(mut missing: Vec<Range>, entries_max: u64, ranges_max: usize) -> Vec<Range> {
    let mut room = entries_max;
    if missing.iter().map(Range::count).sum::<u64>() > room {
        let mut asked = Vec::new();
        for lane in Lane::ALL {
            let of_lane: Vec<_> = missing.iter().filter(|range| range.log.lane == lane).copied().collect();
            let count: u64 = of_lane.iter().map(Range::count).sum();
            if lane == Lane::Control || count <= room {
                asked.extend(&of_lane);
                room = room.saturating_sub(count);
            } else {
                asked.extend(tails(of_lane, room));
                room = 0;
            }
            if room == 0 {
                break;
            }
        }
        missing = asked;
    }
    missing.truncate(ranges_max);
    missing
}

/// On a tiny link the order of a question is that of the answer: after lane 0, a few places at a time, newest first.
pub(super) fn newest_first(ranges: Vec<Range>, ranges_max: usize) -> Vec<Range> {
    let mut out = Vec::new();
    for range in ranges {
        if range.log.lane == Lane::Control {
            out.push(range);
            continue;
        }
        let mut to = range.to;
        loop {
            let from = range.from.max((to + 1).saturating_sub(PIECE));
            out.push(Range { from, to, ..range });
            if from == range.from || out.len() == ranges_max {
                break;
            }
            to = from - 1;
        }
    }
    out.truncate(ranges_max);
    out
}

/// The newest places of each log, as many of each, `room` in all.
fn tails(ranges: Vec<Range>, mut room: u64) -> Vec<Range> {
    // Of each log the last range alone, so that it keeps one hole.
    let mut last: Vec<Range> = Vec::new();
    for range in ranges {
        last.retain(|kept| kept.log != range.log);
        last.push(range);
    }
    let mut out = Vec::new();
    for (at, range) in last.iter().enumerate() {
        let share = (room / (last.len() - at) as u64).max(1).min(range.count()).min(room);
        if share > 0 {
            out.push(Range { from: range.to - share + 1, ..*range });
            room -= share;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{DeviceId, LogId};

    fn range(lane: Lane, author: u8, from: u64, to: u64) -> Range {
        Range { log: LogId { lane, author: DeviceId([author; 32]) }, from, to }
    }

    #[test]
    fn little_is_asked_for_at_once_and_much_lane_by_lane_from_its_end() {
        let missing = vec![
            range(Lane::Control, 1, 1, 40),
            range(Lane::Urgent, 1, 1, 10),
            range(Lane::Urgent, 2, 5, 8),
            range(Lane::Clinical, 1, 1, 3),
            range(Lane::Clinical, 1, 10, 900),
            range(Lane::Clinical, 2, 1, 30),
        ];
        assert_eq!(next_asked(missing.clone(), 5_000, 100), missing);
        let asked = next_asked(missing.clone(), 154, 100);
        let tails = [range(Lane::Clinical, 1, 851, 900), range(Lane::Clinical, 2, 1, 30)];
        assert_eq!(asked, [&missing[..3], &tails].concat());
        assert_eq!(asked.iter().map(Range::count).sum::<u64>(), 134, "of a short log no more than there is");
        assert_eq!(next_asked(missing.clone(), 20, 100), missing[..1], "lane 0 is never told in part");
        let urgent = [range(Lane::Urgent, 1, 9, 10), range(Lane::Urgent, 2, 6, 8)];
        assert_eq!(next_asked(missing.clone(), 45, 100), [&missing[..1], &urgent].concat());
        assert_eq!(next_asked(missing.clone(), 5_000, 2), missing[..2]);
    }

    #[test]
    fn on_a_tiny_link_the_newest_come_first_piece_by_piece() {
        let asked = newest_first(vec![range(Lane::Control, 1, 1, 40), range(Lane::Urgent, 1, 3, 20)], 64);
        let urgent = [(13, 20), (5, 12), (3, 4)].map(|(from, to)| range(Lane::Urgent, 1, from, to));
        assert_eq!(asked, [&[range(Lane::Control, 1, 1, 40)], urgent.as_slice()].concat());
        assert_eq!(newest_first(vec![range(Lane::Bulk, 1, 1, 9_000)], 3).len(), 3);
        assert_eq!(newest_first(vec![range(Lane::Bulk, 1, 1, 1)], 3), [range(Lane::Bulk, 1, 1, 1)]);
    }

    #[test]
    fn runs_and_questions_are_some_seconds_of_the_link_that_was_measured() {
        let mut pace = Pace::new(true);
        for at in 0..20 {
            pace.sends(at * 1_000, 960);
            pace.flushed(at * 1_000 + 1_000);
        }
        assert_eq!(pace.run_bytes(), 3_840, "four seconds of 960 bytes a second");
        let mut fast = Pace::new(false);
        for at in 0..100 {
            fast.sends(0, 40_000);
            fast.sends(0, 1);
            fast.flushed(at);
        }
        assert_eq!(fast.run_bytes(), RUN_BYTES_MAX as usize);
        pace.asks(0, 16);
        pace.answered(40_000);
        assert_eq!(pace.asked_max(), 8);
        pace.asks(50_000, 8);
        pace.answered(50_001);
        assert_eq!(pace.asked_max(), 64, "it grows in steps");
        assert!(!pace.receipt_due(59_999) && pace.receipt_due(60_000) && !pace.receipt_due(61_000));
    }
}

//! Which places of which logs are held, and how their chains meet: enough to tell at once whether what arrives continues
//! what is here, repeats it, or forks from it.

use crate::entry::Entry;
use crate::frontier::{Frontier, Intervals, Range};
use crate::ids::{EntryId, LogId, Seq};
use std::collections::BTreeMap;

/// A contiguous, unbroken piece of a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The log.
    pub log: LogId,
    /// First place.
    pub from: Seq,
    /// Last place.
    pub to: Seq,
    /// What the first entry names as the one before it.
    pub first_prev: EntryId,
    /// The id of the last entry.
    pub last_id: EntryId,
}

/// Two signed entries at one place, or a chain that does not meet: the author's device was restored, cloned, or lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fork {
    /// The log.
    pub log: LogId,
    /// The place at or just before which the two pasts differ.
    pub seq: Seq,
    /// A place that is held and at which they are known to differ.
    pub differ: Seq,
}

/// The spans of all logs, by the place where they begin.
#[derive(Clone, Default, Debug)]
pub struct Chains(BTreeMap<(LogId, Seq), Span>);

impl Chains {
    /// From what the disk holds; spans that touch are joined only if their chain meets, which the disk has checked.
    pub fn new(spans: impl IntoIterator<Item = Span>) -> Self {
        Chains(spans.into_iter().map(|span| ((span.log, span.from), span)).collect())
    }

    /// The places held.
    pub fn frontier(&self) -> Frontier {
        let mut frontier = Frontier::default();
        for span in self.0.values() {
            frontier.insert(Range { log: span.log, from: span.from, to: span.to });
        }
        frontier
    }

    /// All spans, log by log.
    pub fn spans(&self) -> impl Iterator<Item = Span> + '_ {
        self.0.values().copied()
    }

    /// The last place of a log and its entry's id; place 0 for an empty log. Meant for one's own logs, which have no gaps.
    pub fn head(&self, log: &LogId) -> (Seq, EntryId) {
        let last = self.0.range((*log, 0)..=(*log, Seq::MAX)).next_back();
        last.map_or((0, EntryId([0; 32])), |(_, span)| (span.to, span.last_id))
    }

    /// The id of the last entry of a piece that ends at this place.
    pub fn id_at_end(&self, log: &LogId, seq: Seq) -> Option<EntryId> {
        self.covering(*log, seq).filter(|span| span.to == seq).map(|span| span.last_id)
    }

    /// Takes away the places of a log from `from` on; `before` is the id of the entry just before, if that is held.
    pub fn cut(&mut self, log: &LogId, from: Seq, before: EntryId) {
        let mut tail = self.0.split_off(&(*log, from));
        // Of what was split off, the logs that follow come back.
        self.0.append(&mut tail.split_off(&(*log, Seq::MAX)));
        if let Some(span) = self.covering(*log, from)
            && let Some(span) = self.0.get_mut(&(*log, span.from))
        {
            (span.to, span.last_id) = (from - 1, before);
        }
    }

    /// All pieces in eight bytes: what two replicas with the same places compare to see whether they hold the same entries.
    pub fn digest(&self) -> [u8; 8] {
        let mut out = [0u8; 8];
        out.copy_from_slice(&self.tips(|_| true)[..8]);
        out
    }

    /// Where some of the pieces end, and at which entries.
    pub fn tips(&self, counts: impl Fn(&Span) -> bool) -> [u8; 32] {
        let mut hash = blake3::Hasher::new_derive_key("sanad 2026 heads v1");
        for span in self.0.values().filter(|span| counts(span)) {
            hash.update(&[span.log.lane as u8]).update(span.log.author.as_bytes());
            hash.update(&span.to.to_be_bytes()).update(span.last_id.as_bytes());
        }
        *hash.finalize().as_bytes()
    }

    fn covering(&self, log: LogId, seq: Seq) -> Option<Span> {
        self.0.range((log, 0)..=(log, seq)).next_back().map(|(_, span)| *span).filter(|span| span.to >= seq)
    }

    /// True if every place of these intervals of a log is held.
    pub fn covers(&self, log: LogId, places: &Intervals) -> bool {
        places.iter().all(|(from, to)| {
            let mut next = from;
            while let Some(span) = self.covering(log, next).filter(|_| next <= to) {
                next = span.to + 1;
            }
            next > to
        })
    }

    /// True if a place could be filled without making one piece more of its log, or the log has fewer than `max` pieces.
    pub fn has_room(&self, log: LogId, seq: Seq, max: usize) -> bool {
        seq <= 1
            || self.covering(log, seq - 1).is_some()
            || self.covering(log, seq).is_some()
            || self.0.range((log, 0)..=(log, Seq::MAX)).take(max).count() < max
    }

    /// Sorts consecutive entries of one log into those that are new and a fork, if one shows itself. Entries already held
    /// are passed over.
    pub fn sift(&self, entries: Vec<Entry>) -> (Vec<Entry>, Option<Fork>) {
        let mut new: Vec<Entry> = Vec::new();
        for entry in entries {
            let header = entry.header();
            let (log, seq) = (header.log, header.seq);
            if let Some(span) = self.covering(log, seq) {
                let differs = (seq == span.to && span.last_id != entry.id())
                    || (seq == span.from && span.first_prev != header.prev);
                if differs {
                    return (new, Some(Fork { log, seq, differ: seq }));
                }
                continue;
            }
            let before = match new.last() {
                Some(last) if last.header().seq + 1 == seq => Some(last.id()),
                _ => self.covering(log, seq - 1).map(|span| span.last_id),
            };
            let after = self.0.get(&(log, seq + 1)).map(|span| span.first_prev);
            if before.is_some_and(|id| id != header.prev) {
                return (new, Some(Fork { log, seq, differ: seq - 1 }));
            }
            if after.is_some_and(|prev| prev != entry.id()) {
                return (new, Some(Fork { log, seq, differ: seq + 1 }));
            }
            new.push(entry);
        }
        (new, None)
    }

    /// Adds entries that [`Chains::sift`] passed, joining what now touches.
    pub fn insert(&mut self, entries: &[Entry]) {
        for entry in entries {
            let header = entry.header();
            let (log, seq) = (header.log, header.seq);
            assert!(self.covering(log, seq).is_none(), "a place is filled once");
            let mut span = Span { log, from: seq, to: seq, first_prev: header.prev, last_id: entry.id() };
            if let Some(left) = self.covering(log, seq - 1) {
                assert!(left.last_id == header.prev, "a chain meets");
                (span.from, span.first_prev) = (left.from, left.first_prev);
            }
            if let Some(right) = self.0.remove(&(log, seq + 1)) {
                assert!(right.first_prev == entry.id(), "a chain meets");
                (span.to, span.last_id) = (right.to, right.last_id);
            }
            self.0.insert((log, span.from), span);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Lane;
    use crate::testing::entries;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_of_pieces_ends_in_one_span(order in Just((0usize..12).collect::<Vec<_>>()).prop_shuffle()) {
            let all = entries(1, Lane::Clinical, 24);
            let mut chains = Chains::default();
            for at in order {
                let piece = all[at * 2..(at * 2 + 3).min(24)].to_vec();
                let (new, fork) = chains.sift(piece);
                prop_assert_eq!(fork, None);
                chains.insert(&new);
            }
            let log = all[0].header().log;
            prop_assert_eq!(chains.0.len(), 1);
            prop_assert_eq!(chains.head(&log), (24, all[23].id()));
            prop_assert_eq!(chains.frontier().height(&log), 24);
        }
    }

    #[test]
    fn a_second_past_is_seen_wherever_it_meets_the_first() {
        let ours = entries(1, Lane::Clinical, 6);
        let log = ours[0].header().log;
        // The same device, restored after entry 3, writes another entry 4.
        let theirs = crate::testing::fork_after(1, &ours[..3], 3);
        let mut chains = Chains::default();
        chains.insert(&ours);
        assert_eq!(chains.sift(theirs[5..].to_vec()), (vec![], Some(Fork { log, seq: 6, differ: 6 })));
        let mut chains = Chains::default();
        chains.insert(&ours[4..]);
        assert_eq!(chains.sift(theirs[..4].to_vec()), (theirs[..3].to_vec(), Some(Fork { log, seq: 4, differ: 5 })));
        let mut chains = Chains::default();
        chains.insert(&ours[..4]);
        assert_eq!(chains.sift(theirs[4..].to_vec()), (vec![], Some(Fork { log, seq: 5, differ: 4 })));
        // What lost its places is taken away, and the branch that keeps them continues what is left.
        chains.cut(&log, 4, ours[2].id());
        assert_eq!(chains.head(&log), (3, ours[2].id()));
        let (new, fork) = chains.sift(theirs[3..].to_vec());
        assert_eq!((new.len(), fork), (3, None));
    }
}

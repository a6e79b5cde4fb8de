//! A frontier: what a replica holds, as intervals per log. Two frontiers give what is missing; a frontier and the one the
//! other end already knows give a few bytes. `docs/protocol.md` §6.

use crate::entry::SEQ_MAX;
use crate::ids::{DeviceId, Lane, LogId, Seq};
use crate::wire::{FormatError, Reader, put_varint, put_zigzag};
use std::collections::{BTreeMap, BTreeSet};

/// Most intervals in one log of a frontier from outside: a log is contiguous but for a few entries carried ahead.
pub const INTERVALS_MAX: usize = 4_096;
/// Most authors in a frontier from outside.
pub const AUTHORS_MAX: usize = 100_000;
/// Stands where a lane mask would, and is none: authors follow that are alike.
const MASK_RUN: u8 = 0x11;
/// From so many on it pays.
const MASK_RUN_MIN: usize = 4;

/// Places `from..=to` of one log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Range {
    /// The log.
    pub log: LogId,
    /// First place.
    pub from: Seq,
    /// Last place, at least `from`.
    pub to: Seq,
}

impl Range {
    /// How many places.
    pub fn count(&self) -> u64 {
        self.to - self.from + 1
    }
}

/// Sorted, disjoint, non-adjacent intervals of places, both ends included.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Intervals(Vec<(Seq, Seq)>);

impl Intervals {
    /// Adds places; joins what touches.
    pub fn insert(&mut self, from: Seq, to: Seq) {
        assert!((1..=to).contains(&from) && to <= SEQ_MAX, "an interval of places");
        let start = self.0.partition_point(|(_, end)| *end + 1 < from);
        let stop = self.0.partition_point(|(begin, _)| *begin <= to + 1);
        let joined = self.0[start..stop].iter().fold((from, to), |(low, high), (a, b)| (low.min(*a), high.max(*b)));
        self.0.splice(start..stop, [joined]);
    }

    /// Takes away all places from one on.
    pub fn cut(&mut self, from: Seq) {
        self.0.retain(|(start, _)| *start < from);
        if let Some((_, to)) = self.0.last_mut() {
            *to = (*to).min(from - 1);
        }
    }

    /// The intervals.
    pub fn iter(&self) -> impl Iterator<Item = (Seq, Seq)> + '_ {
        self.0.iter().copied()
    }

    /// The last place that both have.
    pub fn last_common(&self, other: &Intervals) -> Option<Seq> {
        let common = |(from, to): (Seq, Seq)| {
            let overlaps = other.iter().filter(move |(start, end)| *start <= to && *end >= from);
            overlaps.map(|(_, end)| end.min(to)).max()
        };
        self.iter().filter_map(common).max()
    }

    /// The contiguous height from place 1; 0 if place 1 is missing.
    pub fn height(&self) -> Seq {
        self.0.first().filter(|(from, _)| *from == 1).map_or(0, |(_, to)| *to)
    }

    /// True if the place is held.
    pub fn contains(&self, seq: Seq) -> bool {
        let at = self.0.partition_point(|(_, end)| *end < seq);
        self.0.get(at).is_some_and(|(from, _)| *from <= seq)
    }

    /// How many places are held.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(from, to)| to - from + 1).sum()
    }

    /// What is here and not in `other`.
    pub fn minus(&self, other: &Intervals) -> Vec<(Seq, Seq)> {
        let mut out = Vec::new();
        for (from, to) in self.iter() {
            let mut next = from;
            let first = other.0.partition_point(|(_, end)| *end < from);
            for (a, b) in other.0[first..].iter().take_while(|(a, _)| *a <= to) {
                if next < *a {
                    out.push((next, a - 1));
                }
                next = b + 1;
            }
            if next <= to {
                out.push((next, to));
            }
        }
        out
    }
}

/// What a replica holds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier(BTreeMap<LogId, Intervals>);

impl Frontier {
    /// Adds places of a log.
    pub fn insert(&mut self, range: Range) {
        self.0.entry(range.log).or_default().insert(range.from, range.to);
    }

    /// Takes away the places of a log from one on.
    pub fn cut(&mut self, log: &LogId, from: Seq) {
        if let Some(intervals) = self.0.get_mut(log) {
            intervals.cut(from);
            if intervals.count() == 0 {
                self.0.remove(log);
            }
        }
    }

    /// All logs of which something is held, lane by lane.
    pub fn logs(&self) -> impl Iterator<Item = (&LogId, &Intervals)> {
        self.0.iter()
    }

    /// One log.
    pub fn get(&self, log: &LogId) -> Option<&Intervals> {
        self.0.get(log)
    }

    /// The contiguous height of a log.
    pub fn height(&self, log: &LogId) -> Seq {
        self.get(log).map_or(0, Intervals::height)
    }

    /// True if a place is held.
    pub fn contains(&self, log: &LogId, seq: Seq) -> bool {
        self.get(log).is_some_and(|intervals| intervals.contains(seq))
    }

    /// How many intervals there are in all logs: what a frontier costs to hold in memory.
    pub fn intervals(&self) -> usize {
        self.0.values().map(|log| log.0.len()).sum()
    }

    /// How many entries are held.
    pub fn count(&self) -> u64 {
        self.0.values().map(Intervals::count).sum()
    }

    /// What is here and not there, lane by lane: the order in which it travels.
    pub fn minus(&self, other: &Frontier) -> Vec<Range> {
        let empty = Intervals::default();
        self.0
            .iter()
            .flat_map(|(log, held)| {
                let there = other.get(log).unwrap_or(&empty);
                held.minus(there).into_iter().map(|(from, to)| Range { log: *log, from, to })
            })
            .collect()
    }

    /// Adds all of another frontier.
    pub fn extend(&mut self, other: &Frontier) {
        for (log, intervals) in &other.0 {
            for (from, to) in intervals.iter() {
                self.insert(Range { log: *log, from, to });
            }
        }
    }

    /// All authors of which something is held.
    pub fn authors(&self) -> BTreeSet<DeviceId> {
        self.0.keys().map(|log| log.author).collect()
    }

    /// BLAKE3 over the canonical form: what a receipt signs.
    pub fn hash(&self) -> [u8; 32] {
        let mut out = Vec::with_capacity(self.0.len() * 48);
        for (log, intervals) in &self.0 {
            out.push(log.lane as u8);
            out.extend_from_slice(log.author.as_bytes());
            put_intervals(&mut out, intervals);
        }
        blake3::derive_key("sanad 2026 frontier v1", &out)
    }

    /// The whole frontier: authors found in `registry` (sorted) are named by their place there, others by key.
    pub fn encode(&self, registry: &[DeviceId]) -> Vec<u8> {
        let mut out = Vec::new();
        let authors = self.authors();
        let strangers: Vec<_> = authors.iter().filter(|author| registry.binary_search(author).is_err()).collect();
        out.extend_from_slice(&registry_digest(registry));
        put_varint(&mut out, strangers.len() as u64);
        for author in &strangers {
            out.extend_from_slice(author.as_bytes());
        }
        let authors: Vec<_> = registry.iter().chain(strangers).map(|author| (*author, self.mask(author))).collect();
        for alike in authors.chunk_by(|(_, one), (_, other)| one == other) {
            let run = alike.len() >= MASK_RUN_MIN;
            if run {
                out.push(MASK_RUN);
                put_varint(&mut out, alike.len() as u64);
                out.push(alike[0].1);
            }
            for (author, mask) in alike {
                if !run {
                    out.push(*mask);
                }
                self.put_author(&mut out, *author);
            }
        }
        out
    }

    /// What is held of an author. Low half: lanes with a plain height. High half: lanes with intervals beyond it.
    fn mask(&self, author: &DeviceId) -> u8 {
        let bit = |lane: Lane| match self.get(&LogId { lane, author: *author }) {
            None => 0,
            Some(log) if is_plain(log) => 1 << lane as u8,
            Some(_) => 0x10 << lane as u8,
        };
        Lane::ALL.into_iter().fold(0, |mask, lane| mask | bit(lane))
    }

    fn put_author(&self, out: &mut Vec<u8>, author: DeviceId) {
        for log in Lane::ALL.into_iter().filter_map(|lane| self.get(&LogId { lane, author })) {
            if is_plain(log) {
                put_varint(out, log.height());
            } else {
                put_intervals(out, log);
            }
        }
    }

    /// Reads what [`Frontier::encode`] wrote.
    ///
    /// # Errors
    /// [`DecodeError::OtherRegistry`] if it was written against another registry; the sender is then asked to name keys.
    pub fn decode(bytes: &[u8], registry: &[DeviceId]) -> Result<Frontier, DecodeError> {
        let mut r = Reader::new(bytes);
        let digest: [u8; 8] = r.array()?;
        let none = registry_digest(&[]);
        let registry = match digest {
            _ if digest == registry_digest(registry) => registry,
            _ if digest == none => &[],
            _ => return Err(DecodeError::OtherRegistry),
        };
        let strangers = bounded(r.varint()?, AUTHORS_MAX, "authors")?;
        let strangers = (0..strangers).map(|_| Ok(DeviceId(r.array()?))).collect::<Result<Vec<_>, FormatError>>()?;
        let mut frontier = Frontier::default();
        let mut authors = registry.iter().chain(&strangers).peekable();
        while authors.peek().is_some() {
            let (count, mask) = match r.u8()? {
                MASK_RUN => (bounded(r.varint()?, AUTHORS_MAX, "authors")?.max(1), r.u8()?),
                mask => (1, mask),
            };
            if mask & (mask >> 4) & 0x0f != 0 {
                return Err(FormatError::Invalid("lane mask").into());
            }
            for _ in 0..count {
                let author = authors.next().ok_or(FormatError::Invalid("authors alike"))?;
                frontier.take_author(&mut r, mask, *author)?;
            }
        }
        if r.is_empty() { Ok(frontier) } else { Err(FormatError::Invalid("bytes after a frontier").into()) }
    }

    fn take_author(&mut self, r: &mut Reader<'_>, mask: u8, author: DeviceId) -> Result<(), FormatError> {
        for (at, lane) in Lane::ALL.into_iter().enumerate() {
            let log = LogId { lane, author };
            if mask >> at & 1 == 1 {
                let to = place(r.varint()?)?;
                self.insert(Range { log, from: 1, to });
            } else if mask >> (at + 4) & 1 == 1 {
                self.0.insert(log, take_intervals(r)?);
            }
        }
        Ok(())
    }

    /// The difference to a frontier that the reader holds, of this device or of another: logs that differ, named by their
    /// place in the order of the base's authors.
    pub fn encode_delta(&self, base: &Frontier) -> Vec<u8> {
        let authors: Vec<_> = base.authors().into_iter().collect();
        let changed: Vec<_> = self.0.iter().filter(|(log, intervals)| base.get(log) != Some(intervals)).collect();
        let gone: Vec<_> = base.0.keys().filter(|log| !self.0.contains_key(log)).collect();
        let mut out = Vec::new();
        put_varint(&mut out, (changed.len() + gone.len()) as u64);
        for log in gone {
            // No intervals: nothing of this log is held. A base has every author that it holds something of.
            let number = authors.binary_search(&log.author).map_or(0, |at| at as u64 + 1);
            put_varint(&mut out, number << 3 | (log.lane as u64) << 1 | 1);
            put_varint(&mut out, 0);
        }
        for (log, intervals) in changed {
            // Author number (0 = a key follows), then lane and form in one varint.
            let number = authors.binary_search(&log.author).map_or(0, |at| at as u64 + 1);
            let before = base.height(log);
            let grown = is_plain(intervals) && base.get(log).is_none_or(is_plain);
            put_varint(&mut out, number << 3 | (log.lane as u64) << 1 | u64::from(!grown));
            if number == 0 {
                out.extend_from_slice(log.author.as_bytes());
            }
            if grown {
                put_zigzag(&mut out, intervals.height() as i64 - before as i64);
            } else {
                put_intervals(&mut out, intervals);
            }
        }
        out
    }

    /// Applies what [`Frontier::encode_delta`] wrote against the same base.
    ///
    /// # Errors
    /// The bytes are not a difference to this base.
    pub fn decode_delta(bytes: &[u8], base: &Frontier) -> Result<Frontier, FormatError> {
        let authors: Vec<_> = base.authors().into_iter().collect();
        let mut r = Reader::new(bytes);
        let mut frontier = base.clone();
        for _ in 0..bounded(r.varint()?, AUTHORS_MAX * 4, "logs")? {
            let mark = r.varint()?;
            let lane = Lane::from_u8((mark >> 1 & 3) as u8).ok_or(FormatError::Invalid("lane"))?;
            let author = match (mark >> 3) as usize {
                0 => DeviceId(r.array()?),
                number => *authors.get(number - 1).ok_or(FormatError::Invalid("author number"))?,
            };
            let log = LogId { lane, author };
            let intervals = if mark & 1 == 0 {
                let height =
                    (base.height(&log) as i64).checked_add(r.zigzag()?).ok_or(FormatError::Invalid("height"))?;
                Intervals(vec![(1, place(u64::try_from(height).map_err(|_| FormatError::Invalid("height"))?)?)])
            } else {
                take_intervals(&mut r)?
            };
            match intervals.0.is_empty() {
                true => frontier.0.remove(&log),
                false => frontier.0.insert(log, intervals),
            };
        }
        if r.is_empty() { Ok(frontier) } else { Err(FormatError::Invalid("bytes after a frontier")) }
    }
}

impl FromIterator<Range> for Frontier {
    fn from_iter<T: IntoIterator<Item = Range>>(ranges: T) -> Frontier {
        let mut frontier = Frontier::default();
        ranges.into_iter().for_each(|range| frontier.insert(range));
        frontier
    }
}

/// Why a frontier could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Written against another list of members than ours.
    #[error("written against another registry")]
    OtherRegistry,
    /// Not a frontier.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Eight bytes that tell one registry from another.
pub fn registry_digest(registry: &[DeviceId]) -> [u8; 8] {
    let mut hash = blake3::Hasher::new_derive_key("sanad 2026 registry v1");
    for device in registry {
        hash.update(device.as_bytes());
    }
    let mut out = [0u8; 8];
    out.copy_from_slice(&hash.finalize().as_bytes()[..8]);
    out
}

fn is_plain(intervals: &Intervals) -> bool {
    matches!(intervals.0.as_slice(), [(1, _)])
}

fn bounded(value: u64, max: usize, what: &'static str) -> Result<usize, FormatError> {
    usize::try_from(value).ok().filter(|value| *value <= max).ok_or(FormatError::TooLarge(what))
}

fn place(seq: u64) -> Result<Seq, FormatError> {
    if (1..=SEQ_MAX).contains(&seq) { Ok(seq) } else { Err(FormatError::Invalid("place in the log")) }
}

/// Count, then for each interval the gap before it and its length, so that small numbers stay small.
fn put_intervals(out: &mut Vec<u8>, intervals: &Intervals) {
    put_varint(out, intervals.0.len() as u64);
    let mut last = 0;
    for (from, to) in intervals.iter() {
        put_varint(out, from - last);
        put_varint(out, to - from);
        last = to;
    }
}

fn take_intervals(r: &mut Reader<'_>) -> Result<Intervals, FormatError> {
    let count = bounded(r.varint()?, INTERVALS_MAX, "intervals")?;
    let mut out = Vec::new();
    let mut last = 0u64;
    for at in 0..count {
        let gap = r.varint()?;
        // Adjacent intervals would be one: each frontier has one form, so that its hash is one.
        if gap < if at == 0 { 1 } else { 2 } {
            return Err(FormatError::Invalid("interval"));
        }
        let from = place(last.checked_add(gap).ok_or(FormatError::Invalid("interval"))?)?;
        last = place(from.checked_add(r.varint()?).ok_or(FormatError::Invalid("interval"))?)?;
        out.push((from, last));
    }
    Ok(Intervals(out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn author(n: u8) -> DeviceId {
        DeviceId([n; 32])
    }

    fn frontier_of(places: &[(u8, u8, u64, u64)]) -> Frontier {
        let mut out = Frontier::default();
        for (who, lane, from, len) in places {
            let log = LogId { lane: Lane::ALL[usize::from(*lane) % 4], author: author(*who) };
            out.insert(Range { log, from: *from, to: from + len });
        }
        out
    }

    fn places() -> impl Strategy<Value = Vec<(u8, u8, u64, u64)>> {
        proptest::collection::vec((0u8..6, 0u8..4, 1u64..60, 0u64..20), 0..25)
    }

    #[test]
    fn a_thousand_authors_who_are_alike_cost_their_heights_and_little_more() {
        let mut frontier = Frontier::default();
        let registry: Vec<DeviceId> =
            (0..1_000u32).map(|n| DeviceId(*blake3::hash(&n.to_le_bytes()).as_bytes())).collect();
        let registry: Vec<_> = BTreeSet::from_iter(registry).into_iter().collect();
        for author in &registry {
            frontier.insert(Range { log: LogId { lane: Lane::Clinical, author: *author }, from: 1, to: 1_000 });
        }
        let bytes = frontier.encode(&registry);
        assert!(bytes.len() < 2_020, "{} bytes", bytes.len());
        assert_eq!(Frontier::decode(&bytes, &registry), Ok(frontier.clone()));
        // As an earlier writer says it: a mask with each.
        let one_by_one = registry.iter().flat_map(|_| [4, 0xe8, 0x07]);
        let earlier: Vec<u8> = registry_digest(&registry).into_iter().chain([0]).chain(one_by_one).collect();
        assert_eq!(Frontier::decode(&earlier, &registry), Ok(frontier));
        for wrong in [&[0x11, 2, 4, 1, 1][..], &[0x11, 1, 0x11, 1], &[0x22, 1], &[0x11, 1]] {
            let bytes = [&registry_digest(&registry[..1])[..], &[0], wrong].concat();
            assert!(Frontier::decode(&bytes, &registry[..1]).is_err(), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn a_frontier_is_the_set_of_its_places(a in places(), b in places()) {
            let (here, there) = (frontier_of(&a), frontier_of(&b));
            let set = |places: &[(u8, u8, u64, u64)]| places.iter()
                .flat_map(|(who, lane, from, len)| (*from..=from + len).map(move |seq| (lane % 4, *who, seq)))
                .collect::<BTreeSet<_>>();
            let missing: BTreeSet<_> = here.minus(&there).into_iter()
                .flat_map(|range| (range.from..=range.to).map(move |seq| (range.log.lane as u8, range.log.author.0[0], seq)))
                .collect();
            prop_assert_eq!(missing, set(&a).difference(&set(&b)).copied().collect::<BTreeSet<_>>());
            prop_assert_eq!(here.count(), set(&a).len() as u64);
            let mut both = here.clone();
            both.extend(&there);
            prop_assert_eq!(both.count(), set(&a).union(&set(&b)).count() as u64);
            for (log, intervals) in here.logs() {
                prop_assert!((1..100).all(|seq| intervals.contains(seq) == set(&a).contains(&(log.lane as u8, log.author.0[0], seq))));
            }
        }

        #[test]
        fn a_frontier_survives_each_of_its_forms(a in places(), b in places(), known in 0u8..7) {
            let (now, base) = (frontier_of(&a), frontier_of(&b));
            let registry: Vec<_> = (0..known).map(author).collect();
            prop_assert_eq!(Frontier::decode(&now.encode(&registry), &registry), Ok(now.clone()));
            prop_assert_eq!(Frontier::decode(&now.encode(&[]), &registry), Ok(now.clone()));
            if known > 0 {
                prop_assert_eq!(Frontier::decode(&now.encode(&registry), &[]), Err(DecodeError::OtherRegistry));
            }
            let mut grown = base.clone();
            grown.extend(&now);
            let back = Frontier::decode_delta(&grown.encode_delta(&base), &base).unwrap();
            prop_assert_eq!(back.hash(), grown.hash());
            prop_assert_eq!(back, grown);
            // Beside another device's frontier, which may hold what this one does not.
            prop_assert_eq!(Frontier::decode_delta(&now.encode_delta(&base), &base), Ok(now));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(junk in proptest::collection::vec(any::<u8>(), 0..200)) {
            let registry: Vec<_> = (0..3).map(author).collect();
            let mut framed = registry_digest(&registry).to_vec();
            framed.extend_from_slice(&junk);
            let _ = Frontier::decode(&framed, &registry);
            let _ = Frontier::decode_delta(&junk, &frontier_of(&[(1, 2, 1, 9)]));
        }
    }

    #[test]
    fn a_million_entries_of_a_thousand_authors_fit_in_few_bytes() {
        let registry: Vec<_> = (0..1_000u32).map(|n| DeviceId(*blake3::hash(&n.to_be_bytes()).as_bytes())).collect();
        let mut registry = registry;
        registry.sort();
        let mut base = Frontier::default();
        for author in &registry {
            for (lane, height) in [(Lane::Control, 3), (Lane::Urgent, 60), (Lane::Clinical, 937)] {
                base.insert(Range { log: LogId { lane, author: *author }, from: 1, to: height });
            }
        }
        assert_eq!(base.count(), 1_000_000);
        let mut now = base.clone();
        for author in registry.iter().step_by(40) {
            now.insert(Range { log: LogId { lane: Lane::Clinical, author: *author }, from: 938, to: 980 });
        }
        assert!(now.encode_delta(&base).len() <= 100, "{} bytes", now.encode_delta(&base).len());
        assert!(now.encode(&registry).len() <= 4_050, "{} bytes", now.encode(&registry).len());
        assert!(now.encode_delta(&now).len() == 1);
    }
}

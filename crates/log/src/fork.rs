//! Forks: two signed headers of one device at one place. The device was restored from a copy, cloned, or lies.
//!
//! Nothing of either branch is lost. One of them keeps the places, the same one at every site; the entries of the other are
//! carried on, whole, in the logs of whoever held them ([`crate::entry::Entry::carried`]). `docs/protocol.md` §2.

use crate::clock::Hlc;
use crate::entry::{HEADER_LEN, Header};
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, EntryId, Lane, LogId, NetworkId, Seq};
use crate::sign::Verifier;
use std::collections::{BTreeMap, BTreeSet};

/// Proofs of one log that are looked at. A device that is restored again and again stays far below; one that lies can only
/// harm what it wrote itself.
const PROOFS_MAX: usize = 64;

/// Two different headers that one device has signed for one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForkProof {
    winner: Header,
    loser: Header,
}

impl ForkProof {
    /// `None` unless both are headers of one place, differ, and are signed by their author in this network.
    pub fn new(a: Header, b: Header, network: &NetworkId, verifier: &dyn Verifier) -> Option<ForkProof> {
        let one_place = (a.log, a.seq) == (b.log, b.seq) && a.id() != b.id();
        if !one_place || !a.is_signed(network, verifier) || !b.is_signed(network, verifier) {
            return None;
        }
        let (winner, loser) = if rank(&a) < rank(&b) { (a, b) } else { (b, a) };
        Some(ForkProof { winner, loser })
    }

    /// Reads and checks the two headers of a statement.
    pub fn decode(a: &[u8], b: &[u8], network: &NetworkId, verifier: &dyn Verifier) -> Option<ForkProof> {
        let header = |bytes: &[u8]| Header::decode(bytes.try_into().ok()?).ok();
        ForkProof::new(header(a)?, header(b)?, network, verifier)
    }

    /// The two headers as a statement holds them.
    pub fn encode(&self) -> [[u8; HEADER_LEN]; 2] {
        [self.winner.encode(), self.loser.encode()]
    }

    /// The log.
    pub fn log(&self) -> LogId {
        self.winner.log
    }

    /// The place.
    pub fn seq(&self) -> Seq {
        self.winner.seq
    }
}

/// Which of two branches keeps its places: the one that its author dated earlier, which after a restored copy is the one
/// that others are likely to hold already; else the lower id. Nothing but the amount of copying depends on it.
fn rank(header: &Header) -> (Hlc, EntryId) {
    (header.hlc, header.id())
}

/// What is known of one forked place.
#[derive(Clone, Debug, Default)]
struct Place {
    /// The entries that lost it.
    losers: BTreeSet<EntryId>,
    /// The one that keeps it.
    winner: Option<(Hlc, EntryId)>,
    /// Where in the control lane it was stated: who holds one of these knows of it.
    stated: BTreeSet<(DeviceId, Seq)>,
}

/// All forks that are known.
#[derive(Clone, Debug, Default)]
pub struct Forks(BTreeMap<LogId, BTreeMap<Seq, Place>>);

impl Forks {
    /// Takes a proof, and where it was stated. True if it says something new of the log.
    pub fn take(&mut self, proof: &ForkProof, stated: Option<(DeviceId, Seq)>) -> bool {
        let places = self.0.entry(proof.log()).or_default();
        if places.len() >= PROOFS_MAX && !places.contains_key(&proof.seq()) {
            return false;
        }
        let place = places.entry(proof.seq()).or_default();
        place.stated.extend(stated);
        let mut new = false;
        for header in [&proof.winner, &proof.loser] {
            let candidate = rank(header);
            match place.winner {
                Some(winner) if candidate == winner => {}
                Some(winner) if candidate < winner => {
                    new |= place.losers.insert(winner.1);
                    place.winner = Some(candidate);
                }
                Some(_) => new |= place.losers.insert(candidate.1),
                None => place.winner = Some(candidate),
            }
        }
        new
    }

    /// True if nothing is forked.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The forked logs and the first place at which each is.
    pub fn logs(&self) -> impl Iterator<Item = (LogId, Seq)> + '_ {
        self.0.iter().filter_map(|(log, places)| Some((*log, *places.keys().next()?)))
    }

    /// The forked places of a log.
    pub fn places(&self, log: &LogId) -> impl Iterator<Item = Seq> + '_ {
        self.0.get(log).into_iter().flat_map(|places| places.keys().copied())
    }

    /// Where in the control lane it was stated that a log is forked.
    pub fn stated(&self, log: &LogId) -> impl Iterator<Item = (DeviceId, Seq)> + '_ {
        self.0.get(log).into_iter().flat_map(|places| places.values().flat_map(|place| place.stated.iter().copied()))
    }

    /// A frontier without the places of forked logs of which it does not say which branch was held.
    pub fn uncontested(&self, frontier: &Frontier) -> Frontier {
        let mut uncontested = frontier.clone();
        self.logs().for_each(|(log, from)| uncontested.cut(&log, from));
        uncontested
    }

    /// True if this entry lost this place.
    pub fn is_loser(&self, log: &LogId, seq: Seq, id: &EntryId) -> bool {
        self.0.get(log).and_then(|places| places.get(&seq)).is_some_and(|place| place.losers.contains(id))
    }

    /// True if this proof says nothing that is not known from the control lane.
    pub fn is_stated(&self, proof: &ForkProof) -> bool {
        self.0.get(&proof.log()).and_then(|places| places.get(&proof.seq())).is_some_and(|place| {
            let known = |header: &Header| {
                place.losers.contains(&header.id()) || place.winner.is_some_and(|(_, id)| id == header.id())
            };
            !place.stated.is_empty() && known(&proof.winner) && known(&proof.loser)
        })
    }

    /// What of a frontier counts as held by whoever signed it: in a forked log, the places from the fork on mean the winning
    /// branch only where the frontier also holds a statement of the fork, since whoever has read one has given up the other
    /// branch. `reads_control` is false for those who cannot read statements.
    pub fn vouched(&self, frontier: &Frontier, reads_control: bool) -> Frontier {
        let mut vouched = frontier.clone();
        for (log, places) in &self.0 {
            for (seq, place) in places {
                let knows = |(author, seq): &(DeviceId, Seq)| {
                    frontier.contains(&LogId { lane: Lane::Control, author: *author }, *seq)
                };
                if !reads_control || !place.stated.iter().any(knows) {
                    vouched.cut(log, *seq);
                    break;
                }
            }
        }
        vouched
    }
}

/// The places of a log at which two holders compare ids to find where their branches part, between a place at which they
/// agree (0 stands for the beginning) and one at which they differ: close together near the end, where branches mostly
/// part.
pub(crate) fn places_to_compare(agree: Seq, differ: Seq) -> Vec<Seq> {
    let mut places: Vec<Seq> = std::iter::successors(Some(1u64), |step| step.checked_mul(2))
        .take(48)
        .map_while(|step| differ.checked_sub(step))
        .collect();
    // Halving what is left on top of the steps bounds the number of rounds wherever the fork is.
    places.extend((1..8).map(|part| agree + (differ - agree) / 8 * part));
    places.retain(|seq| *seq > agree && *seq < differ);
    places.sort_unstable();
    places.dedup();
    places
}

/// The places of a log from one on.
pub(crate) fn tail(frontier: &Frontier, log: &LogId, from: Seq) -> Vec<Range> {
    let intervals = frontier.get(log).into_iter().flat_map(|intervals| intervals.iter());
    intervals.filter(|(_, to)| *to >= from).map(|(start, to)| Range { log: *log, from: start.max(from), to }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::Ed25519Verifier;
    use crate::testing::{NETWORK, entries, fork_after};

    fn proof(seq: usize) -> ForkProof {
        let ours = entries(1, Lane::Clinical, 6);
        let theirs = fork_after(1, &ours[..3], 3);
        let header = |entries: &[crate::entry::Entry]| entries[seq - 1].header().clone();
        ForkProof::new(header(&theirs), header(&ours), &NETWORK, &Ed25519Verifier).expect("a fork")
    }

    #[test]
    fn a_proof_is_two_signed_headers_of_one_place() {
        let ours = entries(1, Lane::Clinical, 6);
        let theirs = fork_after(1, &ours[..3], 3);
        let make = |a: &crate::entry::Entry, b: &crate::entry::Entry| {
            ForkProof::new(a.header().clone(), b.header().clone(), &NETWORK, &Ed25519Verifier)
        };
        let proof = make(&ours[3], &theirs[3]).expect("a fork");
        assert_eq!(Some(proof.clone()), make(&theirs[3], &ours[3]), "whoever finds it finds the same");
        let [a, b] = proof.encode();
        assert_eq!(ForkProof::decode(&a, &b, &NETWORK, &Ed25519Verifier), Some(proof));
        assert_eq!(make(&ours[2], &theirs[2]), None, "the same entry");
        assert_eq!(make(&ours[3], &theirs[4]), None, "another place");
        let mut forged = theirs[3].header().clone();
        forged.hlc = Hlc(forged.hlc.0 + 1);
        assert_eq!(ForkProof::new(ours[3].header().clone(), forged, &NETWORK, &Ed25519Verifier), None);
        assert!(ForkProof::decode(&a, &b, &NetworkId([1; 32]), &Ed25519Verifier).is_none());
    }

    #[test]
    fn a_receipt_counts_past_a_fork_only_if_it_knows_of_it() {
        let proof = proof(4);
        let mut forks = Forks::default();
        let teller = crate::testing::signer(9);
        let stated = (crate::sign::Signer::device(&teller), 7);
        assert!(!forks.is_stated(&proof));
        assert!(forks.take(&proof, Some(stated)) && !forks.take(&proof, None));
        assert!(forks.is_stated(&proof));
        let mut frontier = Frontier::default();
        frontier.insert(Range { log: proof.log(), from: 1, to: 6 });
        assert_eq!(forks.vouched(&frontier, true).height(&proof.log()), 3);
        frontier.insert(Range { log: LogId { lane: Lane::Control, author: stated.0 }, from: 1, to: 7 });
        assert_eq!(forks.vouched(&frontier, true), frontier);
        assert_eq!(forks.vouched(&frontier, false).height(&proof.log()), 3, "who cannot read statements knows nothing");
    }

    #[test]
    fn where_branches_part_is_found_in_a_few_rounds() {
        for (height, fork) in
            [(1, 1), (2, 2), (1_000_000, 999_990), (1_000_000, 500_001), (1_000_000, 1), (SEQ, SEQ / 3)]
        {
            let (mut agree, mut differ, mut rounds, mut asked) = (0, height, 0, 0);
            while differ > agree + 1 {
                let places = places_to_compare(agree, differ);
                assert!(!places.is_empty());
                asked += places.len();
                agree = places.iter().copied().filter(|seq| *seq < fork).max().unwrap_or(agree);
                differ = places.iter().copied().filter(|seq| *seq >= fork).min().unwrap_or(differ);
                rounds += 1;
            }
            assert_eq!(differ, fork);
            assert!(rounds <= 14 && asked <= 500, "{height} {fork}: {rounds} rounds, {asked} places");
        }
    }

    const SEQ: Seq = 1 << 40;
}

//! What goes into a bundle, and in which order: keys, then what is urgent, then pinned patients, then the rest; within
//! each, first what is only here.

use super::BundleError;
use crate::site::{Site, SiteError};
use sanad_log::control::SignedEnrolment;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, FacilityId, Lane, ScopeTag};
use sanad_log::receipt::{Form, Receipt};
use sanad_log::replica::{Input, Replica};
use sanad_log::seal::SealKey;
use std::collections::{BTreeMap, BTreeSet};

/// Most pieces of one log that pinned patients may cut it into, in one bundle: a reader's own receipt names every piece.
const PINNED_PIECES_MAX: usize = 1_000;

/// What a bundle is made from: one moment of the site.
pub(crate) struct Material {
    pub(crate) device: DeviceId,
    /// Keys of the network, the one to seal with last.
    pub(crate) epochs: Vec<SealKey>,
    pub(crate) registry: Vec<DeviceId>,
    pub(crate) receipt: Receipt,
    pub(crate) third: Vec<Receipt>,
    pub(crate) credential: Option<SignedEnrolment>,
    /// What the reader has not confirmed; all of what anybody has not, if the reader is whoever it may be.
    pub(crate) wanted: Frontier,
    /// Of that, what no other site has confirmed.
    pub(crate) first: Frontier,
    /// True if the reader is one site, and by its receipt holds the same control lane: both know the same members.
    pub(crate) same_registry: bool,
}

impl Material {
    /// The key to seal with.
    pub(crate) fn key(&self) -> Result<&SealKey, BundleError> {
        self.epochs.last().ok_or(BundleError::NoKeys)
    }

    /// This site's receipt, written in the order of the registry.
    pub(crate) fn have(&self) -> Vec<u8> {
        self.receipt.encode(Form::Whole(&self.registry))
    }

    /// The newest receipts of third devices, likewise.
    pub(crate) fn third(&self) -> Vec<Vec<u8>> {
        self.third.iter().map(|receipt| receipt.encode(Form::Whole(&self.registry))).collect()
    }
}

fn frontier_of(ranges: impl IntoIterator<Item = Range>) -> Frontier {
    let mut out = Frontier::default();
    ranges.into_iter().for_each(|range| out.insert(range));
    out
}

fn control_lane(frontier: &Frontier) -> Frontier {
    let ranges = frontier.minus(&Frontier::default());
    frontier_of(ranges.into_iter().filter(|range| range.log.lane == Lane::Control))
}

fn material(replica: &Replica, site: Option<FacilityId>) -> Material {
    let directory = replica.directory();
    let nothing = Frontier::default();
    let everything = || replica.durable().minus(&nothing);
    let unconfirmed = |facility| replica.unconfirmed_by(facility).unwrap_or_else(everything);
    let (wanted, first) = match &site {
        Some(site) => (frontier_of(unconfirmed(site)), nothing),
        None => {
            let others = directory.facilities().keys().filter(|facility| **facility != directory.own());
            let mut wanted = frontier_of(replica.only_here());
            let first = wanted.clone();
            // A network of one has nobody yet who could lack something; the first to come will lack it all.
            others.for_each(|facility| wanted.extend(&frontier_of(unconfirmed(facility))));
            (wanted, first)
        }
    };
    let newest = site.and_then(|site| {
        let of_site =
            replica.receipts().values().filter(|receipt| directory.facility_of(&receipt.device) == Some(site));
        of_site.max_by_key(|receipt| receipt.counter)
    });
    let same_registry =
        newest.is_some_and(|receipt| control_lane(&receipt.frontier) == control_lane(replica.durable()));
    Material {
        device: replica.device(),
        epochs: directory.epoch_keys().cloned().collect(),
        registry: directory.devices().keys().copied().collect(),
        receipt: replica.own_receipt(),
        third: replica.receipts().values().cloned().collect(),
        credential: directory.credential(&replica.device()).cloned(),
        wanted,
        first,
        same_registry,
    }
}

impl Site {
    /// What a bundle for a site, or for whoever reads it, is made from. What is owed to havens is written first.
    pub(crate) async fn material(&self, site: Option<FacilityId>) -> Result<Material, SiteError> {
        self.write(Input::Settle).await?;
        self.look(move |replica, _| material(replica, site)).await
    }

    /// Where the entries of pinned patients stand.
    pub(crate) async fn pinned_places(&self) -> Result<Frontier, BundleError> {
        let mut scopes: BTreeSet<ScopeTag> = BTreeSet::new();
        for patient in self.pins().await? {
            scopes.extend(self.reader().patient(&patient)?.into_iter().flat_map(|page| page.scopes));
        }
        scopes.remove(&ScopeTag::NETWORK);
        Ok(self.reader().places_of_scopes(&scopes)?)
    }
}

/// What goes in, tier by tier, each in the order of logs.
pub(crate) struct Tiers(pub(crate) Vec<Vec<Range>>);

impl Tiers {
    /// Of `wanted`, what is not in `taken`: control, urgent, pinned, clinical, bulk; in each, what stands in `first` first.
    pub(crate) fn new(wanted: &Frontier, first: &Frontier, pinned: &Frontier, taken: &Frontier) -> Tiers {
        let mut taken = taken.clone();
        let mut tiers = Vec::new();
        let mut tier = |which: &dyn Fn(&Range) -> bool, pinned: Option<&Frontier>| {
            let mut out = Vec::new();
            for source in [first, wanted] {
                let mut ranges = source.minus(&taken);
                if let Some(pinned) = pinned {
                    let beside = frontier_of(source.minus(pinned));
                    ranges = frontier_of(ranges).minus(&beside);
                }
                ranges.retain(|range| which(range));
                if pinned.is_some() {
                    bound_pieces(&mut ranges);
                }
                ranges.iter().for_each(|range| taken.insert(*range));
                out.extend(ranges);
            }
            tiers.push(out);
        };
        let lane = |lane| move |range: &Range| range.log.lane == lane;
        tier(&lane(Lane::Control), None);
        tier(&lane(Lane::Urgent), None);
        tier(&|_| true, Some(pinned));
        tier(&lane(Lane::Clinical), None);
        tier(&lane(Lane::Bulk), None);
        Tiers(tiers)
    }

    /// How many entries.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().flatten().map(Range::count).sum()
    }
}

fn bound_pieces(ranges: &mut Vec<Range>) {
    let mut pieces: BTreeMap<_, usize> = BTreeMap::new();
    ranges.retain(|range| {
        let pieces = pieces.entry(range.log).or_default();
        *pieces += 1;
        *pieces <= PINNED_PIECES_MAX
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use sanad_log::ids::LogId;

    fn range(lane: Lane, from: u64, to: u64) -> Range {
        Range { log: LogId { lane, author: DeviceId([1; 32]) }, from, to }
    }

    #[test]
    fn what_is_urgent_goes_first_then_pinned_patients_and_within_each_what_is_only_here() {
        let wanted = frontier_of(Lane::ALL.map(|lane| range(lane, 1, 10)));
        let first = frontier_of([range(Lane::Urgent, 9, 10), range(Lane::Clinical, 6, 10)]);
        let pinned = frontier_of([range(Lane::Clinical, 2, 2), range(Lane::Clinical, 8, 8), range(Lane::Urgent, 1, 1)]);
        let taken = frontier_of([range(Lane::Bulk, 1, 9)]);
        let tiers = Tiers::new(&wanted, &first, &pinned, &taken);
        let expected = vec![
            vec![range(Lane::Control, 1, 10)],
            vec![range(Lane::Urgent, 9, 10), range(Lane::Urgent, 1, 8)],
            vec![range(Lane::Clinical, 8, 8), range(Lane::Clinical, 2, 2)],
            vec![
                range(Lane::Clinical, 6, 7),
                range(Lane::Clinical, 9, 10),
                range(Lane::Clinical, 1, 1),
                range(Lane::Clinical, 3, 5),
            ],
            vec![range(Lane::Bulk, 10, 10)],
        ];
        assert_eq!(tiers.0, expected);
        assert_eq!(tiers.count(), 31);
    }

    #[test]
    fn pinned_patients_cut_no_log_into_more_pieces_than_a_receipt_can_name() {
        let wanted = frontier_of([range(Lane::Clinical, 1, 9_000)]);
        let pinned = frontier_of((1..4_500).map(|at| range(Lane::Clinical, at * 2, at * 2)));
        let tiers = Tiers::new(&wanted, &Frontier::default(), &pinned, &Frontier::default());
        assert_eq!((tiers.0[2].len(), tiers.count()), (PINNED_PIECES_MAX, 9_000));
    }
}

//! The second figure: what is not yet safe by the network's policy, against what is true, place by place.
//!
//! **Never lull, by policy.** A place that is durable at a site and *not* in its "not yet safe" was durably held by as
//! many other facilities as the policy wants, one of them a haven if it wants that, before their receipts were signed.
//! **Exact.** At a site where everybody's receipt speaks of everything that is held both there and here, both figures are
//! what an all-seeing observer would count, lane by lane.

use super::oracle::{Broken, Oracle, bit, broken};
use super::plan::DAY_MS;
use super::queue::Event;
use super::report::Promise;
use super::site::State;
use super::world::World;
use sanad_log::control::SiteKind;
use sanad_log::exposure::Exposure;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::Lane;
use sanad_log::policy::{Policy, PolicyStatement, SignedPolicy};
use sanad_log::replica::Input;

/// What was found rightly called safe at a site, under one policy.
#[derive(Clone, Default)]
pub(super) struct Safe {
    policy: Option<Policy>,
    places: Frontier,
}

/// Places by lane.
type ByLane = [u64; Lane::ALL.len()];

fn by_lane(ranges: &[Range]) -> ByLane {
    Lane::ALL.map(|lane| ranges.iter().filter(|range| range.log.lane == lane).map(Range::count).sum())
}

impl Oracle {
    /// What a site does not call unsafe was held by enough others. A place found so stays so, since a disk that once held
    /// it is counted for ever; under another policy all is looked at anew.
    pub(super) fn check_safe(
        &mut self,
        site: usize,
        durable: &Frontier,
        exposure: &Exposure,
        policy: Policy,
    ) -> Result<(), Broken> {
        if self.safe[site].policy != Some(policy) {
            self.safe[site] = Safe { policy: Some(policy), places: Frontier::default() };
        }
        let mut known = self.safe[site].places.clone();
        exposure.not_yet_safe.iter().for_each(|range| known.insert(*range));
        let havens = self.havens;
        for range in durable.minus(&known) {
            let enough = |ever: u32| {
                let others = ever & !bit(site);
                others.count_ones() >= policy.copies && (!policy.outside || others & havens != 0)
            };
            if let Some(seq) = self.first_not(range, |place| enough(place.ever())) {
                let what = format!(
                    "site {site} does not show {:?} {seq} as not yet safe, and too few disks held it for {policy:?}",
                    range.log
                );
                return broken(Promise::NeverLull, what);
            }
            self.safe[site].places.insert(range);
        }
        let unsafe_places: Frontier = exposure.not_yet_safe.iter().copied().collect();
        match exposure
            .only_here
            .iter()
            .find(|range| (range.from..=range.to).any(|seq| !unsafe_places.contains(&range.log, seq)))
        {
            Some(range) => broken(Promise::NeverLull, format!("site {site}: {range:?} is only here and called safe")),
            None => Ok(()),
        }
    }

    /// At a site that has everybody's word for everything, both figures are exactly what is true.
    pub(super) fn check_exact(&self, site: usize, exposure: &Exposure, policy: Policy) -> Result<(), Broken> {
        let (mut alone, mut too_few) = (ByLane::default(), ByLane::default());
        for (log, _, place) in self.places().filter(|(_, _, place)| place.held_by(site)) {
            let others = place.ever() & !bit(site);
            let lane = log.lane as usize;
            alone[lane] += u64::from(others == 0);
            let safe = others.count_ones() >= policy.copies && (!policy.outside || others & self.havens != 0);
            too_few[lane] += u64::from(!safe);
        }
        let said = (by_lane(&exposure.only_here), by_lane(&exposure.not_yet_safe));
        if said == (alone, too_few) {
            return Ok(());
        }
        let what = format!(
            "site {site} has all receipts and says by lane {said:?}; true is {:?} under {policy:?}",
            (alone, too_few)
        );
        broken(Promise::ExactOnceConfirmed, what)
    }
}

/// True if what a receipt says of the places held here is all that its device holds of them.
pub(super) fn says_all(there: &Frontier, here: &Frontier, said: &Frontier) -> bool {
    there
        .minus(said)
        .iter()
        .all(|range| here.get(&range.log).is_none_or(|held| (range.from..=range.to).all(|seq| !held.contains(seq))))
}

impl World {
    /// The authority states a policy, on paper, and some member writes it down: newer than the last one, older, or of the
    /// same version.
    pub(super) fn change_policy(&mut self, number: u64) -> Result<(), Broken> {
        let next = self.now + self.rng.around(self.plan.policy_days * DAY_MS);
        self.queue.at(next, Event::Policy(number + 1));
        let members: Vec<_> = self.survivors().into_iter().filter(|at| self.sites[*at].is_member()).collect();
        let Some(at) = self.rng.pick(&members) else { return Ok(()) };
        let version = (number + self.rng.below(3)).saturating_sub(1);
        let (copies, outside) = (self.rng.between(1, 4) as u32, self.rng.chance(500_000));
        let statement = PolicyStatement { network: self.network, version, copies, outside };
        let signed = SignedPolicy::sign(&statement, &[(0, &*self.authority_key)]);
        let token = self.sites[at].token();
        self.feed(at, Input::SetPolicy(token, signed))
    }

    /// After healing: everybody holds everything and has everybody's word, so what each survivor shows is what the number
    /// of the others, and the havens among them, say of every place.
    pub(super) fn check_exposed(&self) -> Result<(), Broken> {
        let survivors = self.survivors();
        for at in &survivors {
            let Some(replica) = &self.sites[*at].replica else { continue };
            // A keeper reads neither the policy nor who is a haven, and shows too much.
            if self.sites[*at].kind == SiteKind::Keeper {
                continue;
            }
            let (exposure, policy) = (replica.exposure(), replica.directory().policy());
            let others: Vec<_> = survivors.iter().filter(|other| *other != at).collect();
            let outside = others.iter().any(|other| self.sites[**other].kind == SiteKind::Haven);
            let gone = (0..self.sites.len()).filter(|other| self.sites[*other].state == State::Destroyed).count();
            // With those who are gone, and of whom nobody can know that, there may be more copies than these, never fewer.
            if others.len() >= policy.copies as usize
                && (outside || !policy.outside)
                && !exposure.not_yet_safe.is_empty()
            {
                let what = format!("site {at} shows {:?} as not yet safe when all is healed", exposure.not_yet_safe);
                return broken(Promise::ExactOnceConfirmed, what);
            }
            let all: u64 = replica.durable().count();
            let said: u64 = exposure.not_yet_safe.iter().map(Range::count).sum();
            if gone == 0 && (others.len() < policy.copies as usize || (policy.outside && !outside)) && said != all {
                let what = format!("site {at} calls {} of {all} places safe, which {policy:?} rules out", all - said);
                return broken(Promise::NeverLull, what);
            }
        }
        Ok(())
    }
}

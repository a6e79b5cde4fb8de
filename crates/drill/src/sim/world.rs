//! The world: sites, links, what is going to happen, and the oracle that watches.

use super::exposed;
use super::keys;
use super::link::Link;
use super::oracle::{Broken, Oracle};
use super::plan::{DAY_MS, Plan, Sabotage};
use super::queue::{Event, Queue};
use super::report::{Promise, Report, Violation};
use super::rng::Rng;
use super::site::{Site, State};
use sanad_log::control::{Authority, SignedEnrolment, SiteKind};
use sanad_log::ids::{DeviceId, NetworkId, ScopeTag};
use sanad_log::replica::{Effect, Input, RefusedReason, SessionId};
use sanad_log::sign::{Signer, Verifier};
use std::collections::BTreeMap;

/// The number of the authority's key, beyond any site's.
const AUTHORITY: u64 = 1 << 32;

/// A network of sites, from a seed.
pub struct World {
    pub(super) seed: u64,
    pub(super) plan: Plan,
    pub(super) rng: Rng,
    pub(super) now: u64,
    pub(super) queue: Queue,
    pub(super) sites: Vec<Site>,
    pub(super) links: BTreeMap<SessionId, Link>,
    pub(super) next_link: SessionId,
    /// `blocked[from][to]`: no frame passes.
    pub(super) blocked: Vec<Vec<bool>>,
    pub(super) oracle: Oracle,
    pub(super) network: NetworkId,
    pub(super) verifier: Box<dyn Verifier>,
    pub(super) report: Report,
    /// True once the liveness phase has begun.
    pub(super) healing: bool,
    authority: Authority,
    pub(super) authority_key: Box<dyn Signer>,
}

/// Says which seed it was when an assertion inside a replica fails.
struct SayOnPanic(u64);

impl Drop for SayOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!("seed {seed}: replay: cargo run --release -p sanad-drill --example drill -- --seed {seed}");
        }
    }
}

impl World {
    /// Plans a run. Nothing has happened yet.
    ///
    /// # Panics
    /// If the plan has fewer than 2 or more than 32 sites.
    pub fn new(seed: u64, plan: Plan) -> World {
        assert!((2..=super::oracle::SITES_MAX).contains(&plan.sites), "2 to 32 sites");
        let authority_key = keys::signer(plan.real_keys, seed, AUTHORITY);
        let salt = Rng::stream(seed, 1).bytes::<16>();
        let authority = Authority { keys: vec![authority_key.device()], threshold: 1, salt: salt.into() };
        // The founder is in the enclave; havens come next, so that they are there from the first days.
        let kind = |site| match site {
            0 => SiteKind::Enclave,
            site if site <= plan.havens => SiteKind::Haven,
            site if site <= plan.havens + plan.keepers => SiteKind::Keeper,
            _ => SiteKind::Enclave,
        };
        let sites: Vec<_> = (0..plan.sites).map(|site| Site::new(seed, site, kind(site), plan.real_keys)).collect();
        World {
            seed,
            rng: Rng::stream(seed, 2),
            now: 0,
            queue: Queue::default(),
            oracle: Oracle::new(sites.iter().map(|site| (site.device, site.kind))),
            blocked: vec![vec![false; sites.len()]; sites.len()],
            sites,
            links: BTreeMap::new(),
            next_link: 1,
            network: authority.network(),
            verifier: keys::verifier(plan.real_keys),
            report: Report { seeds: 1, ..Report::default() },
            healing: false,
            authority,
            authority_key,
            plan,
        }
    }

    /// Both phases, to the end.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn run(mut self) -> Result<Report, Box<Violation>> {
        let _seed = SayOnPanic(self.seed);
        self.safety()?;
        self.liveness()?;
        Ok(self.report)
    }

    /// The safety phase alone: everything the plan says may fail.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn safety(&mut self) -> Result<Report, Box<Violation>> {
        let end = self.plan.days * DAY_MS;
        self.plan_life();
        let lived = self.until(end);
        if lived.is_ok() {
            self.now = end;
            self.report.site_ms += self.survivors().iter().map(|at| end - self.sites[*at].born_ms).sum::<u64>();
        }
        lived.map_err(|broken| self.violation(broken))?;
        Ok(self.report)
    }

    /// The liveness phase: heals the survivors and checks that they agree.
    ///
    /// # Errors
    /// A promise was broken.
    pub fn liveness(&mut self) -> Result<Report, Box<Violation>> {
        self.heal().map_err(|broken| self.violation(broken))?;
        Ok(self.report)
    }

    pub(super) fn violation(&self, (promise, what): Broken) -> Box<Violation> {
        Box::new(Violation { seed: self.seed, at_ms: self.now, promise, what })
    }

    /// Lets things happen until a time, or until nothing is left to happen.
    pub(super) fn until(&mut self, end: u64) -> Result<(), Broken> {
        while let Some((time, event)) = self.queue.next_until(end) {
            assert!(time >= self.now, "time goes forward");
            self.now = time;
            let (tag, about) = event.tag();
            self.remember(time ^ tag << 56 ^ about.rotate_left(17));
            self.happen(event)?;
        }
        Ok(())
    }

    /// Adds to the digest of history.
    pub(super) fn remember(&mut self, word: u64) {
        let mut mixer = Rng::new(self.report.history ^ word);
        self.report.history = mixer.word();
    }

    fn happen(&mut self, event: Event) -> Result<(), Broken> {
        match event {
            Event::Save(at) => self.save(at),
            Event::Dial(at) => self.dial_somebody(at),
            Event::Join(at) => self.join(at),
            Event::Meet(at) => self.meet(at),
            Event::Crash(at) => self.crash(at),
            Event::Start(at) => self.start(at),
            Event::Destroy => self.destroy_somebody(),
            Event::Weather => self.change_weather(),
            Event::Clock(at) => self.disturb_clock(at),
            Event::Policy(number) => self.change_policy(number),
            Event::Sync(at, incarnation) => self.sync_disk(at, incarnation),
            Event::Frame(link, side, frame) => self.arrive(link, side, &frame),
            Event::Flushed(link, side) => self.give(link, side, Input::Flushed(link)),
            Event::Load(link, side, range, bytes_max) => self.load(link, side, range, bytes_max),
            Event::Hangup(link, side) => self.hang_up(link, side),
            Event::Idle(link) => self.look_at(link),
        }
    }

    /// Gives an input to a replica and carries out what it asks, in order.
    pub(super) fn feed(&mut self, at: usize, input: Input) -> Result<(), Broken> {
        let now = self.sites[at].clock.read(self.now);
        let Some(replica) = self.sites[at].replica.as_mut() else { return Ok(()) };
        let mut changed = false;
        for effect in replica.handle(now, input) {
            changed |= matches!(effect, Effect::Changed);
            self.carry_out(at, effect)?;
        }
        if changed { self.check(at) } else { Ok(()) }
    }

    /// Compares what a site claims with what is true.
    pub(super) fn check(&mut self, at: usize) -> Result<(), Broken> {
        let site = &self.sites[at];
        let Some(replica) = &site.replica else { return Ok(()) };
        self.report.gauges += 1;
        if self.plan.sabotage == Sabotage::None || self.plan.sabotage == Sabotage::LoseDurable {
            self.oracle.check_durable(at, replica.durable(), site.disk.frontier())?;
        }
        if site.kind == SiteKind::Keeper {
            let directory = replica.directory();
            if directory.is_readable(&ScopeTag::NETWORK) || directory.readable_charts().next().is_some() {
                return Err((Promise::KeepersReadNothing, format!("site {at} is a keeper and holds a key")));
            }
        }
        self.oracle.check_gauge(at, replica.durable(), &replica.only_here())?;
        let (exposure, policy) = (replica.exposure(), replica.directory().policy());
        if exposure.only_here != replica.only_here() {
            return Err((Promise::NeverLull, format!("site {at}: two ways to 'only here' come to different ranges")));
        }
        self.oracle.check_safe(at, replica.durable(), &exposure, policy)?;
        if self.has_every_word(at) {
            self.report.exact += 1;
            self.oracle.check_exact(at, &exposure, policy)?;
        }
        Ok(())
    }

    /// True if the receipts at a site speak of everything that others hold of what is held there. Those who are gone
    /// count as they were: nobody can know that they are.
    fn has_every_word(&self, at: usize) -> bool {
        let Some(replica) = &self.sites[at].replica else { return false };
        let here = replica.durable();
        let others = self.sites.iter().filter(|other| other.number != at && other.disk.frontier().count() > 0);
        self.plan.sabotage == Sabotage::None
            && self.sites[at].kind != SiteKind::Keeper
            && others.into_iter().all(|other| {
                let said = replica.receipts().get(&other.device);
                let known = replica.directory().facility_of(&other.device).is_some();
                said.is_some_and(|receipt| known && exposed::says_all(other.disk.frontier(), here, &receipt.frontier))
            })
    }

    fn carry_out(&mut self, at: usize, effect: Effect) -> Result<(), Broken> {
        match effect {
            Effect::Append { cut: Some(cut), .. } => {
                Err((Promise::ChainsIntact, format!("site {at} takes entries from {:?}", cut.log)))
            }
            Effect::Append { token, entries, .. } => {
                self.oracle.asked(&entries);
                let own = entries.iter().all(|appending| appending.entry.header().log.author == self.sites[at].device);
                let due = self.now + self.rng.between(1, self.plan.disk_ms_max);
                let site = &mut self.sites[at];
                let due = site.disk.append(token, entries.into_iter().map(|appending| appending.entry).collect(), due);
                self.queue.at(due, Event::Sync(at, site.incarnation));
                match self.plan.sabotage {
                    Sabotage::AcknowledgeEarly if own => self.feed(at, Input::Appended(token)),
                    Sabotage::ReceiptEarly if !own => self.feed(at, Input::Appended(token)),
                    _ => Ok(()),
                }
            }
            Effect::Saved(token, ids) => {
                if let Some(newcomer) = self.sites[at].enrolling.remove(&token) {
                    self.sites[newcomer].joined = true;
                }
                self.report.acknowledged += 1;
                self.oracle.acknowledged(at, &ids)
            }
            Effect::SaveFailed(..) => {
                self.report.refused += 1;
                Ok(())
            }
            Effect::Send { session, frame, paced } => self.send(at, session, frame, paced),
            Effect::Load { session, range, bytes_max } => {
                if let Some(side) = self.links.get(&session).and_then(|link| link.side_of(at)) {
                    let due = self.now + self.rng.between(1, 20);
                    self.queue.at(due, Event::Load(session, side, range, bytes_max));
                }
                Ok(())
            }
            Effect::Close { session, outcome, .. } => self.closed(at, session, outcome),
            Effect::KeepReceipt(receipt) => {
                self.oracle.check_receipt(&receipt)?;
                self.sites[at].keep_receipt(receipt);
                Ok(())
            }
            Effect::KeepRefused(refused) => match refused.reason {
                RefusedReason::Fork => {
                    let what = format!("site {at} takes {:?} {} for a fork", refused.log, refused.seq);
                    Err((Promise::ChainsIntact, what))
                }
                // Only a frame that was tampered with brings such an entry; `closed` holds refusals to the same rule.
                RefusedReason::Entry(_) if self.plan.flip_ppm > 0 || self.plan.cut_ppm > 0 => Ok(()),
                RefusedReason::Entry(error) => {
                    Err((Promise::ChainsIntact, format!("site {at} refused an honest {:?}: {error}", refused.log)))
                }
            },
            Effect::Read { ticket, places, .. } => {
                let read = places.into_iter().flat_map(|range| self.sites[at].disk.load(range, 0)).collect();
                self.feed(at, Input::Read(ticket, read))
            }
            Effect::Renew => {
                Err((Promise::ChainsIntact, format!("site {at} takes itself for one that went back in time")))
            }
            Effect::Keep(keep) => {
                self.sites[at].keep(keep);
                Ok(())
            }
            Effect::Changed | Effect::Took(..) | Effect::Welcomed(_) => Ok(()),
        }
    }

    /// A signed enrolment of a site, as the authority hands it out on paper.
    pub(super) fn enrolment(&self, site: usize) -> SignedEnrolment {
        SignedEnrolment::sign(&self.sites[site].enrolment(self.network), &[(0, &*self.authority_key)])
    }

    pub(super) fn authority(&self) -> Authority {
        self.authority.clone()
    }

    pub(super) fn device(&self, site: usize) -> DeviceId {
        self.sites[site].device
    }

    /// Sites that exist, up or down.
    pub(super) fn survivors(&self) -> Vec<usize> {
        (0..self.sites.len()).filter(|at| self.sites[*at].state == State::Alive).collect()
    }
}

//! What goes wrong: power, disks, weather, clocks, and sites that are destroyed for ever.

use super::disk::Synced;
use super::oracle::Broken;
use super::plan::{DAY_MS, Sabotage};
use super::queue::Event;
use super::site::{PLENTY, State};
use super::world::World;
use sanad_log::control::SiteKind;
use sanad_log::frontier::Range;
use sanad_log::replica::Input;

/// At least this many members are left, so that there is a network to speak of.
const MEMBERS_MIN: usize = 3;

impl World {
    /// A site starts: for the first time, or from what a crash has left.
    pub(super) fn start(&mut self, at: usize) -> Result<(), Broken> {
        let (network, authority, enrolment) = (self.network, self.authority(), self.enrolment(at));
        let site = &mut self.sites[at];
        if site.state == State::Destroyed || site.replica.is_some() {
            return Ok(());
        }
        if site.state == State::Unborn {
            (site.state, site.born_ms) = (State::Alive, self.now);
        }
        site.start(network, authority, enrolment);
        self.check(at)
    }

    pub(super) fn crash(&mut self, at: usize) -> Result<(), Broken> {
        if self.sites[at].state == State::Destroyed {
            return Ok(());
        }
        let next = self.now + self.rng.around(self.plan.crash_days * DAY_MS);
        self.queue.at(next, Event::Crash(at));
        self.power_off(at)?;
        let up = self.now + self.rng.around(DAY_MS / 4);
        self.queue.at(up, Event::Start(at));
        Ok(())
    }

    /// The replica is gone, and what the disk had not synced.
    fn power_off(&mut self, at: usize) -> Result<(), Broken> {
        let site = &mut self.sites[at];
        if site.replica.take().is_none() {
            return Ok(());
        }
        self.report.crashes += 1;
        let left = site.disk.crash(&mut self.rng);
        site.lose_receipts(&mut self.rng);
        if self.plan.sabotage == Sabotage::LoseDurable {
            site.disk.lose_one();
        }
        self.oracle.stored(at, &left)?;
        self.report.stored += left.len() as u64;
        self.drop_links_of(at);
        Ok(())
    }

    /// Restarts a site in order.
    pub(super) fn restart(&mut self, at: usize) -> Result<(), Broken> {
        self.power_off(at)?;
        self.start(at)
    }

    pub(super) fn sync_disk(&mut self, at: usize, incarnation: u32) -> Result<(), Broken> {
        if self.sites[at].incarnation != incarnation || self.sites[at].replica.is_none() {
            return Ok(());
        }
        let fails = !self.healing && self.rng.chance(self.plan.disk_fail_ppm);
        match self.sites[at].disk.sync(self.now, fails) {
            None => Ok(()),
            Some(Synced::Durable(token, entries)) => {
                self.report.stored += entries.len() as u64;
                self.oracle.stored(at, &entries)?;
                self.feed(at, Input::Appended(token))
            }
            Some(Synced::Failed(token)) => {
                self.report.disk_failures += 1;
                let spans = self.sites[at].disk.spans();
                self.feed(at, Input::AppendFailed(token, spans))?;
                let site = &mut self.sites[at];
                if let Some(replica) = &mut site.replica {
                    replica.recall(site.disk.control());
                }
                // The disk has room again; a keeper waits to be told.
                self.feed(at, Input::Room(PLENTY))
            }
        }
    }

    /// Destroys a site, if enough members are left that have heard of the network.
    pub(super) fn destroy_somebody(&mut self) -> Result<(), Broken> {
        // A network of keepers alone would be none.
        let reads = |at: &usize| self.sites[*at].kind != SiteKind::Keeper && self.sites[*at].is_member();
        let members: Vec<_> = (0..self.sites.len()).filter(reads).collect();
        let havens = members.iter().filter(|at| self.sites[**at].kind == SiteKind::Haven).count();
        // The last haven is outside of the siege.
        let doomed = |at: &usize| self.sites[*at].kind == SiteKind::Enclave || havens > 1;
        let doomed: Vec<_> = self.survivors().into_iter().filter(doomed).collect();
        match self.rng.pick(&doomed) {
            Some(at) if members.iter().filter(|member| **member != at).count() >= MEMBERS_MIN => self.destroy(at),
            _ => Ok(()),
        }
    }

    /// A site is gone for ever, with its disk. What its screen said last is compared with what is lost.
    pub(super) fn destroy(&mut self, at: usize) -> Result<(), Broken> {
        self.start(at)?;
        self.check(at)?;
        let said: Vec<Range> = self.sites[at].replica.iter().flat_map(|replica| replica.only_here()).collect();
        self.drop_links_of(at);
        let site = &mut self.sites[at];
        site.state = State::Destroyed;
        site.replica = None;
        self.report.site_ms += self.now - site.born_ms;
        let loss = self.oracle.destroyed(at, &said)?;
        self.report.destroyed += 1;
        self.report.said += loss.said;
        self.report.lost += loss.lost;
        self.report.gauge_exact += u64::from(loss.said == loss.lost);
        self.remember(loss.lost);
        Ok(())
    }

    /// Who can reach whom, from now on.
    pub(super) fn change_weather(&mut self) -> Result<(), Broken> {
        let next = self.now + self.rng.around(self.plan.weather_days * DAY_MS);
        self.queue.at(next, Event::Weather);
        let count = self.sites.len();
        self.blocked = vec![vec![false; count]; count];
        if !self.rng.chance(self.plan.bad_weather_ppm) {
            return Ok(());
        }
        let mode = self.rng.below(5);
        let alone = self.rng.below(count as u64) as usize;
        let side: Vec<bool> = (0..count)
            .map(|at| match mode {
                // The siege closes: the enclave and the havens; one site alone; two halves.
                0 => self.sites[at].kind == SiteKind::Haven,
                1 => at == alone,
                _ => self.rng.chance(500_000),
            })
            .collect();
        for from in 0..count {
            for to in 0..count {
                self.blocked[from][to] = match mode {
                    // Links that hear and are not heard.
                    3 => side[from] && !side[to],
                    // Every second pair, each direction by itself.
                    4 => self.rng.chance(400_000),
                    _ => side[from] != side[to],
                };
            }
        }
        Ok(())
    }

    pub(super) fn disturb_clock(&mut self, at: usize) -> Result<(), Broken> {
        let next = self.now + self.rng.around(9 * DAY_MS);
        self.queue.at(next, Event::Clock(at));
        self.sites[at].clock.go_mad(self.now, &mut self.rng);
        Ok(())
    }
}

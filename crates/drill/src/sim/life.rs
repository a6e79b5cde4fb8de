//! What people do: save, meet, let each other in.

use super::oracle::Broken;
use super::plan::DAY_MS;
use super::queue::Event;
use super::site::State;
use super::world::World;
use sanad_log::control::{Contact, SiteKind};
use sanad_log::ids::{Lane, ScopeTag};
use sanad_log::replica::{Input, Part};
use sanad_log::seal::Clear;
use std::collections::BTreeSet;

const HOUR_MS: u64 = 3_600_000;

impl World {
    /// Plans the first events of the safety phase; each plans its next one.
    pub(super) fn plan_life(&mut self) {
        let days_ms = self.plan.days * DAY_MS;
        for at in 0..self.sites.len() {
            let late = at >= self.sites.len() - self.plan.late.min(self.sites.len() - 2);
            let birth = match at {
                0 => 0,
                _ if late => self.rng.between(DAY_MS, days_ms.max(DAY_MS + 1)),
                _ => self.rng.between(HOUR_MS, 12 * HOUR_MS),
            };
            self.queue.at(birth, Event::Start(at));
            self.queue.at(birth + 1, Event::Join(at));
            let (save, dial) = (self.rng.around(self.save_every()), self.rng.around(self.dial_every()));
            self.queue.at(birth + save, Event::Save(at));
            self.queue.at(birth + dial, Event::Dial(at));
            if self.plan.crash_days > 0 {
                let wait = self.rng.around(self.plan.crash_days * DAY_MS);
                self.queue.at(birth + wait, Event::Crash(at));
            }
            if self.plan.mad_clocks {
                let wait = self.rng.around(9 * DAY_MS);
                self.queue.at(birth + wait, Event::Clock(at));
            }
        }
        if self.plan.policy_days > 0 {
            let wait = self.rng.around(self.plan.policy_days * DAY_MS);
            self.queue.at(wait, Event::Policy(1));
        }
        for _ in 0..self.plan.destroyed {
            let time = self.rng.between(DAY_MS / 2, days_ms.max(DAY_MS));
            self.queue.at(time, Event::Destroy);
        }
        self.queue.at(DAY_MS / 2, Event::Weather);
    }

    fn save_every(&self) -> u64 {
        HOUR_MS * self.plan.save_hours.max(1)
    }

    fn dial_every(&self) -> u64 {
        DAY_MS * self.plan.dial_days.max(1)
    }

    /// Somebody saves something.
    pub(super) fn save(&mut self, at: usize) -> Result<(), Broken> {
        if self.sites[at].state == State::Destroyed {
            return Ok(());
        }
        let next = self.now + self.rng.around(self.save_every());
        self.queue.at(next, Event::Save(at));
        if !self.sites[at].is_member() {
            return Ok(());
        }
        self.report.saves += 1;
        let token = self.sites[at].token();
        let input = match self.rng.below(100) {
            // A keeper saves nothing. Now and then it moves.
            _ if self.sites[at].kind == SiteKind::Keeper => self.announce(at, token),
            0..4 => self.grant(at, token),
            4..6 => self.announce(at, token),
            _ => Input::Save(token, (0..self.rng.between(1, 3)).map(|_| self.part(at)).collect()),
        };
        self.feed(at, input)?;
        if self.rng.chance(self.plan.dial_on_save_ppm) {
            let soon = self.now + self.rng.between(1_000, 60_000);
            self.queue.at(soon, Event::Meet(at));
        }
        Ok(())
    }

    fn announce(&mut self, at: usize, token: u64) -> Input {
        let addresses = vec![format!("https://10.0.0.{at}:{}", self.rng.below(5) + 8_000)];
        Input::Announce(token, Contact { addresses, certificate: [at as u8; 32].into() })
    }

    fn part(&mut self, at: usize) -> Part {
        let lane = match self.rng.below(100) {
            0..30 => Lane::Urgent,
            30..85 => Lane::Clinical,
            _ => Lane::Bulk,
        };
        let site = &self.sites[at];
        let readable = || -> Vec<ScopeTag> {
            site.replica.iter().flat_map(|replica| replica.directory().readable_charts()).collect()
        };
        let scope = match self.rng.below(100) {
            0..15 => ScopeTag::NETWORK,
            // Another site's chart, if one was granted.
            15..25 => self.rng.pick(&readable()).unwrap_or(ScopeTag::NETWORK),
            25..90 if !site.charts.is_empty() => self.rng.pick(&site.charts).unwrap_or(ScopeTag::NETWORK),
            _ => {
                let scope = ScopeTag(self.rng.bytes());
                self.sites[at].charts.push(scope);
                scope
            }
        };
        let mut text = format!("{at} {} ", self.now).into_bytes();
        text.resize(self.rng.between(20, 200) as usize, b'x');
        Part { lane, scope, text: Clear::new(text) }
    }

    fn grant(&mut self, at: usize, token: u64) -> Input {
        let site = &self.sites[at];
        let Some(replica) = &site.replica else { return Input::Grant(token, BTreeSet::new(), site.facility) };
        let known: Vec<_> = replica.directory().facilities().keys().copied().collect();
        let to = self.rng.pick(&known).unwrap_or(site.facility);
        let scopes = site.charts.iter().copied().filter(|scope| replica.directory().is_readable(scope));
        let scopes: Vec<_> = scopes.collect();
        Input::Grant(token, self.rng.pick(&scopes).into_iter().collect(), to)
    }

    /// The site's own timer: a session with somebody it knows.
    pub(super) fn dial_somebody(&mut self, at: usize) -> Result<(), Broken> {
        if self.sites[at].state == State::Destroyed {
            return Ok(());
        }
        self.sites[at].sync_receipts();
        let next = self.now + self.rng.around(self.dial_every());
        self.queue.at(next, Event::Dial(at));
        self.meet(at)
    }

    /// A session, now and then two at once, with members it knows.
    pub(super) fn meet(&mut self, at: usize) -> Result<(), Broken> {
        if !self.sites[at].is_member() {
            return Ok(());
        }
        let sessions = if self.rng.chance(250_000) { 2 } else { 1 };
        for _ in 0..sessions {
            let known = |to: &usize| self.sites[at].knows(&self.sites[*to].facility) && self.sites[*to].is_member();
            let others: Vec<_> = (0..self.sites.len()).filter(|to| *to != at).filter(known).collect();
            if let Some(to) = self.rng.pick(&others) {
                self.dial(at, to)?;
            }
        }
        Ok(())
    }

    /// The founder founds; a newcomer is let in by any member that can be reached, and fetches what it was handed.
    pub(super) fn join(&mut self, at: usize) -> Result<(), Broken> {
        if self.sites[at].state == State::Destroyed || self.sites[at].is_member() {
            return Ok(());
        }
        let again = self.now + self.rng.between(HOUR_MS, 6 * HOUR_MS);
        self.queue.at(again, Event::Join(at));
        if self.sites[at].replica.is_none() {
            return Ok(());
        }
        if at == 0 {
            let token = self.sites[at].token();
            return self.feed(at, Input::Found(token, self.authority(), self.enrolment(at)));
        }
        let reads = |by: &usize| self.sites[*by].kind != SiteKind::Keeper && self.sites[*by].is_member();
        let reachable = |by: &usize| reads(by) && !self.blocked[at][*by] && !self.blocked[*by][at];
        let members: Vec<_> = (0..self.sites.len()).filter(|by| *by != at).filter(reachable).collect();
        match self.rng.pick(&members) {
            Some(by) => self.let_in(at, by),
            None => Ok(()),
        }
    }

    pub(super) fn let_in(&mut self, at: usize, by: usize) -> Result<(), Broken> {
        let keeper = self.sites[at].kind == SiteKind::Keeper && !self.sites[at].joined;
        if keeper || !self.sites[by].knows(&self.sites[at].facility) {
            let token = self.sites[by].token();
            self.sites[by].enrolling.insert(token, at);
            let enrolment = self.enrolment(at);
            self.feed(by, Input::Enrol(token, enrolment))?;
        }
        self.dial(at, by)
    }
}

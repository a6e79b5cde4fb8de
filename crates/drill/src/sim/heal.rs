//! The liveness phase: links are perfect, disks work, every survivor starts from its disk; then all must agree.

use super::oracle::Broken;
use super::plan::IDLE_MS_MAX;
use super::report::Promise;
use super::world::World;
use sanad_log::control::SiteKind;
use sanad_log::entry::BodyKind;
use sanad_log::ids::ScopeTag;

/// Rounds within which all survivors agree. In a round every survivor has one session with the same hub, all at once. The
/// first brings everything to the hub and the second takes it from there. Sites that learn of a haven then grant it their
/// charts: two more; and two so that everybody has everybody's receipt for that.
pub(super) const ROUNDS_MAX: u64 = 6;

impl World {
    pub(super) fn heal(&mut self) -> Result<(), Broken> {
        self.healing = true;
        self.queue.drop_plans();
        let count = self.sites.len();
        self.blocked = vec![vec![false; count]; count];
        // What hangs on a dead link ends by its time-out.
        self.until(self.now + 3 * IDLE_MS_MAX)?;
        for at in self.survivors() {
            self.restart(at)?;
        }
        self.settle()?;
        let survivors = self.survivors();
        let reads = |at: &usize| self.sites[*at].kind != SiteKind::Keeper && self.sites[*at].is_member();
        let Some(hub) = survivors.iter().copied().find(reads) else { return Ok(()) };
        for at in survivors.iter().copied().filter(|at| *at != hub) {
            if !self.sites[at].is_member() {
                self.let_in(at, hub)?;
                self.settle()?;
            }
        }
        let mut rounds = 0;
        while !self.agrees(hub) {
            if rounds == ROUNDS_MAX {
                return Err((Promise::Convergence, self.differences(hub)));
            }
            rounds += 1;
            for at in survivors.iter().copied().filter(|at| *at != hub) {
                self.dial(at, hub)?;
            }
            self.settle()?;
        }
        self.report.rounds_max = rounds;
        // To the hub, and from it: then everybody has everybody's last word, not only somebody's.
        for _ in 0..2 {
            for at in survivors.iter().copied().filter(|at| *at != hub) {
                self.dial(at, hub)?;
            }
            self.settle()?;
        }
        self.check_nothing_lost()?;
        self.check_exposed()?;
        self.check_readable()?;
        self.digest();
        Ok(())
    }

    /// Lets everything that is under way come to its end. Sessions cannot outlast it.
    fn settle(&mut self) -> Result<(), Broken> {
        self.until(u64::MAX)?;
        match self.links.keys().next() {
            Some(link) => Err((Promise::SessionsEnd, format!("session {link} is still open when all is quiet"))),
            None => Ok(()),
        }
    }

    /// All survivors hold the same, know the same members and readers, and show nothing as only here.
    fn agrees(&self, hub: usize) -> bool {
        let one = &self.sites[hub];
        let Some(first) = &one.replica else { return false };
        self.survivors().iter().all(|at| {
            let Some(replica) = &self.sites[*at].replica else { return false };
            let readers = |scope: &ScopeTag| replica.directory().readers(scope).eq(first.directory().readers(scope));
            replica.durable() == first.durable()
                && (self.survivors().len() < 2 || replica.only_here().is_empty())
                && (self.sites[*at].kind == SiteKind::Keeper
                    || replica.directory().facilities() == first.directory().facilities()
                        && replica.directory().devices() == first.directory().devices()
                        && replica.directory().policy() == first.directory().policy()
                        && replica.directory().policy_version() == first.directory().policy_version()
                        && self.sites.iter().all(|site| {
                            replica.directory().contact(&site.device) == first.directory().contact(&site.device)
                        })
                        && self.oracle.charts().keys().all(readers))
        })
    }

    fn differences(&self, hub: usize) -> String {
        let Some(first) = &self.sites[hub].replica else { return "the hub is down".to_owned() };
        let mut out = format!("after {ROUNDS_MAX} rounds with site {hub}:");
        for at in self.survivors() {
            let Some(replica) = &self.sites[at].replica else { continue };
            let (lacks, more) = (first.durable().minus(replica.durable()), replica.durable().minus(first.durable()));
            let alone = replica.only_here();
            let directory = replica.directory();
            let members = directory.devices() == first.directory().devices();
            let strange = |scope: &&ScopeTag| !directory.readers(scope).eq(first.directory().readers(scope));
            let charts = self.oracle.charts().keys().filter(strange).count();
            if !lacks.is_empty() || !more.is_empty() || !alone.is_empty() || !members || charts > 0 {
                out += &format!(
                    " site {at} lacks {lacks:?}, has {more:?} more, shows {alone:?} as only here, same members: {members}, \
                     charts with other readers: {charts};"
                );
            }
        }
        out
    }

    /// What was acknowledged is at every survivor, unless every disk that held it was destroyed.
    fn check_nothing_lost(&self) -> Result<(), Broken> {
        let survivors = self.survivors();
        for (log, seq, place) in self.oracle.places().filter(|(_, _, place)| place.holders() > 0) {
            if let Some(at) = survivors.iter().find(|at| !place.held_by(**at)) {
                let what = format!("{log:?} {seq} (acknowledged: {}) is not at site {at}", place.acknowledged);
                return Err((Promise::Survive, what));
            }
        }
        Ok(())
    }

    /// Whoever may read a chart can, from its own disk alone, and reads what was saved. That is: everybody the network's
    /// scope, the authors what they wrote, whoever a chart was granted to that chart, and havens every chart whose maker
    /// has survived to grant it.
    fn check_readable(&self) -> Result<(), Broken> {
        for at in self.survivors() {
            let site = &self.sites[at];
            let Some(replica) = &site.replica else { continue };
            let directory = replica.directory();
            if site.kind == SiteKind::Keeper {
                self.check_blind(at)?;
                continue;
            }
            for entry in site.disk.entries() {
                let header = entry.header();
                let place = self.oracle.place(header.log, header.seq);
                let Some((place, text)) = place.and_then(|place| Some((place, place.text?))) else { continue };
                let maker = self.oracle.charts().get(&place.scope).copied();
                let why = if place.scope == ScopeTag::NETWORK {
                    "it is the network's"
                } else if self.oracle.site_of(&header.log.author) == Some(at) {
                    "it was written here"
                } else if directory.readers(&place.scope).any(|reader| reader == site.facility) {
                    "the chart was granted"
                } else if site.kind == SiteKind::Haven && maker.is_some_and(|maker| self.sites[maker].replica.is_some())
                {
                    "this is a haven, and the maker of the chart lives"
                } else {
                    continue;
                };
                let opened = directory.open(entry);
                if !opened.is_ok_and(|clear| *blake3::hash(clear.expose()).as_bytes() == text) {
                    let what = format!(
                        "site {at} cannot read {:?} {} of the chart that site {maker:?} made; {why}",
                        header.log, header.seq
                    );
                    return Err((Promise::Readable, what));
                }
            }
        }
        Ok(())
    }

    /// A keeper opens nothing of what it holds, nothing is addressed to it, and no chart was granted to it.
    fn check_blind(&self, at: usize) -> Result<(), Broken> {
        let keeper = &self.sites[at];
        let broken = |what: String| Err((Promise::KeepersReadNothing, format!("site {at} is a keeper, and {what}")));
        let Some(replica) = &keeper.replica else { return Ok(()) };
        for entry in keeper.disk.entries() {
            let header = entry.header();
            let addressed = header.kind == BodyKind::Addressed && header.scope.0 == keeper.facility.0;
            if addressed || replica.directory().open(entry).is_ok() {
                return broken(format!("it can open {:?} {}", header.log, header.seq));
            }
        }
        let others = self.sites.iter().filter_map(|site| Some((site.number, site.replica.as_ref()?)));
        for (other, replica) in others {
            let granted =
                |scope: &&ScopeTag| replica.directory().readers(scope).any(|reader| reader == keeper.facility);
            if let Some(scope) = self.oracle.charts().keys().find(granted) {
                return broken(format!("site {other} takes it for a reader of {scope:?}"));
            }
        }
        Ok(())
    }

    fn digest(&mut self) {
        let hashes: Vec<_> = self.survivors().iter().map(|at| self.sites[*at].disk.frontier().hash()).collect();
        for hash in hashes {
            self.remember(hash.iter().fold(0, |sum, byte| sum << 7 ^ sum >> 57 ^ u64::from(*byte)));
        }
    }
}

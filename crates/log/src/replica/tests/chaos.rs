//! Sites that go back in time again and again, lose entries, and meet over links that break: whatever is on some disk when
//! it ends is everywhere in the end, and nobody takes for held what is not.

use super::*;
use crate::entropy::Entropy;

/// Histories of an ordinary test run. `SANAD_CHAOS=SEED` runs one.
const SEEDS: u64 = 200;
const STEPS: u64 = 50;
const SCOPES: u64 = 4;
/// Three, and clones.
const SITES_MAX: usize = 5;

struct History {
    network: Network,
    sites: Vec<Site>,
    /// What a copy of each site's folder holds.
    copies: Vec<Option<(Disk, [u8; 32])>>,
    dice: Entropy,
    went_back: u32,
    cloned: u32,
    lost: u32,
}

impl History {
    fn new(seed: u64) -> History {
        let network = Network::new();
        let mut cedar = network.founder(1);
        let haven = network.join(2, SiteKind::Haven, &mut cedar);
        let olive = network.join(3, SiteKind::Enclave, &mut cedar);
        let sites = vec![cedar, haven, olive];
        let copies = sites.iter().map(|_| None).collect();
        History { network, sites, copies, dice: entropy(seed ^ 0xc4a05), went_back: 0, cloned: 0, lost: 0 }
    }

    fn below(&mut self, n: u64) -> u64 {
        u64::from_be_bytes(self.dice.array()) % n
    }

    fn restart(&mut self, at: usize, disk: Disk, device: [u8; 32]) {
        let network = self.network.authority.network();
        self.sites[at] = Site::started(device, network, &self.sites[at].secret.clone(), disk, None);
        assert!(self.sites[at].run(Input::Begin).is_empty());
    }

    fn step(&mut self, number: u64) {
        let at = self.below(self.sites.len() as u64) as usize;
        match self.below(100) {
            0..40 => {
                let (scope, lane) = (self.below(SCOPES) as u8, Lane::ALL[1 + self.below(3) as usize]);
                let scope = scope + 1 + at as u8 * SCOPES as u8;
                self.sites[at].save(scope, lane, &format!("note {number}"));
                assert_eq!(self.sites[at].failed, None);
            }
            40..75 => {
                let other = (at + 1 + self.below(self.sites.len() as u64 - 1) as usize) % self.sites.len();
                let mut frames = if self.below(3) == 0 { self.below(12) } else { u64::MAX };
                let [a, b] = self.sites.get_disjoint_mut([at, other]).unwrap();
                sync(a, b, &mut |frame| {
                    frames = frames.saturating_sub(1);
                    if frames == 0 {
                        frame.clear();
                    }
                });
            }
            75..83 => self.copies[at] = Some((self.sites[at].disk.clone(), self.sites[at].device)),
            83..88 => {
                if let Some((disk, device)) = self.copies[at].clone() {
                    self.went_back += 1;
                    self.restart(at, disk, device);
                }
            }
            88..90 => {
                // Both live.
                if let Some((disk, device)) = self.copies[at].clone().filter(|_| self.sites.len() < SITES_MAX) {
                    let (network, secret) = (self.network.authority.network(), self.sites[at].secret.clone());
                    self.sites.push(Site::started(device, network, &secret, disk, None));
                    self.copies.push(None);
                    self.cloned += 1;
                }
            }
            90..95 => {
                // Membership is kept twice at a real site; the rest may be lost.
                let places: Vec<_> =
                    self.sites[at].disk.keys().filter(|(log, _)| log.lane != Lane::Control).copied().collect();
                for _ in 0..(1 + self.below(3)).min(places.len() as u64) {
                    let place = places[self.below(places.len() as u64) as usize];
                    self.lost += u32::from(self.sites[at].disk.remove(&place).is_some());
                }
                if !places.is_empty() {
                    self.sites[at].recounted();
                }
            }
            _ => self.restart(at, self.sites[at].disk.clone(), self.sites[at].device),
        }
    }

    /// True if two branches part at a place whose header one of them has lost everywhere: nothing can prove that fork, and
    /// each branch stays with those who hold it.
    fn is_unprovable(&self) -> bool {
        let disks = || self.sites.iter().flat_map(|site| site.disk.values());
        let ids: BTreeSet<_> =
            disks().flat_map(|entry| [Some(entry.id()), entry.carried().map(|it| it.id())]).collect();
        let orphan = |entry: &Entry| {
            let (head, before) = (entry.header(), |other: &Entry| (other.header().log, other.header().seq + 1));
            head.seq > 1
                && !ids.contains(&Some(head.prev))
                && disks().any(|other| before(other) == (head.log, head.seq))
        };
        disks().any(orphan)
    }

    /// Entries on any disk, in their places or carried.
    fn held(sites: &[Site]) -> BTreeSet<EntryId> {
        sites.iter().flat_map(held_by).collect()
    }
}

fn held_by(site: &Site) -> BTreeSet<EntryId> {
    let clinical = site.disk.values().filter(|entry| entry.header().log.lane != Lane::Control);
    clinical.map(|entry| entry.carried().map_or_else(|| entry.id(), |inner| inner.id())).collect()
}

fn live(seed: u64) -> [u32; 4] {
    let mut history = History::new(seed);
    (0..STEPS).for_each(|number| history.step(number));
    if history.is_unprovable() {
        return [0, 0, 0, 1];
    }
    let held = History::held(&history.sites);
    restored::until_quiet(&mut history.sites);
    for site in &history.sites {
        let has = held_by(site);
        assert!(held.is_subset(&has), "seed {seed}: {} of {}", has.len(), held.len());
        assert!(site.refused.iter().all(|reason| *reason == RefusedReason::Fork), "seed {seed}");
    }
    let devices = |sites: &[Site]| sites.iter().map(|site| site.replica.device()).collect::<BTreeSet<_>>();
    let before = devices(&history.sites);
    restored::until_quiet(&mut history.sites);
    assert_eq!(devices(&history.sites), before, "seed {seed}: nobody replaces anybody any more");
    assert_eq!(before.len(), history.sites.len(), "seed {seed}: no two sites sign with one key");
    [history.went_back, history.cloned, history.lost, 0]
}

#[test]
#[allow(clippy::disallowed_methods, clippy::disallowed_macros, reason = "which history to replay is said to people")]
fn whoever_goes_back_in_time_or_loses_entries_everything_that_is_left_comes_together() {
    if let Ok(seed) = std::env::var("SANAD_CHAOS") {
        live(seed.parse().unwrap());
        return;
    }
    let mut sum = [0; 4];
    for seed in 0..SEEDS {
        let counts = std::panic::catch_unwind(|| live(seed)).unwrap_or_else(|panic| {
            eprintln!("replay: SANAD_CHAOS={seed} cargo test -p sanad-log chaos");
            std::panic::resume_unwind(panic)
        });
        sum.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    let [went_back, cloned, lost, unprovable] = sum;
    println!("{went_back} went back, {cloned} were cloned, {lost} entries lost; {unprovable} left out");
    assert!(went_back > 100 && cloned > 50 && lost > 100 && u64::from(unprovable) < SEEDS / 20);
}

//! A site: a replica while it is up, a disk while it exists, a secret and a clock of its own.

use super::clock::WallClock;
use super::disk::Disk;
use super::keys;
use super::rng::Rng;
use sanad_log::control::{Authority, Enrolment, FacilitySecret, SignedEnrolment, SiteKind};
use sanad_log::entropy::Entropy;
use sanad_log::ids::{DeviceId, FacilityId, NetworkId, ScopeTag};
use sanad_log::receipt::Receipt;
use sanad_log::replica::{Keep, Keeping, Replica, Room, Start};
use std::collections::BTreeMap;

/// Room that no run fills.
pub(super) const PLENTY: Room = Room { held_bytes: 0, quota_bytes: u64::MAX };

/// What has become of a site.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// Not there yet.
    Unborn,
    /// There, up or down.
    Alive,
    /// Gone for ever.
    Destroyed,
}

pub(super) struct Site {
    pub(super) number: usize,
    pub(super) kind: SiteKind,
    pub(super) state: State,
    /// When it first started.
    pub(super) born_ms: u64,
    pub(super) device: DeviceId,
    pub(super) facility: FacilityId,
    pub(super) replica: Option<Replica>,
    pub(super) disk: Disk,
    pub(super) clock: WallClock,
    /// Counts starts, so that what was meant for an earlier one finds nobody.
    pub(super) incarnation: u32,
    pub(super) next_token: u64,
    /// Charts made here.
    pub(super) charts: Vec<ScopeTag>,
    /// True once a member has let this site in, durably.
    pub(super) joined: bool,
    /// Sites that are being let in here, by the token of the save.
    pub(super) enrolling: BTreeMap<u64, usize>,
    receipts: BTreeMap<DeviceId, Receipt>,
    /// Receipts that a crash may lose.
    unsynced_receipts: Vec<Receipt>,
    /// What spares asking again, and what of it a crash may lose.
    kept: Vec<Keep>,
    unsynced_kept: Vec<Keep>,
    secret: FacilitySecret,
    seed: u64,
    real_keys: bool,
}

impl Site {
    pub(super) fn new(seed: u64, number: usize, kind: SiteKind, real_keys: bool) -> Site {
        let mut random = entropy(seed, number as u64, 0);
        let secret = FacilitySecret::generate(&mut random);
        let facility = secret.facility(&call_sign(number), kind).id();
        let mut rng = Rng::stream(seed, 1_000 + number as u64);
        Site {
            number,
            kind,
            state: State::Unborn,
            born_ms: 0,
            device: keys::signer(real_keys, seed, number as u64).device(),
            facility,
            replica: None,
            disk: Disk::default(),
            clock: WallClock::skewed(&mut rng),
            incarnation: 0,
            next_token: 0,
            charts: Vec::new(),
            joined: false,
            enrolling: BTreeMap::new(),
            receipts: BTreeMap::new(),
            unsynced_receipts: Vec::new(),
            kept: Vec::new(),
            unsynced_kept: Vec::new(),
            secret,
            seed,
            real_keys,
        }
    }

    /// What the authority signs to let this site in.
    pub(super) fn enrolment(&self, network: NetworkId) -> Enrolment {
        let facility = self.secret.facility(&call_sign(self.number), self.kind);
        Enrolment { network, facility, device: self.device }
    }

    /// Starts from the disk, as after a crash.
    pub(super) fn start(&mut self, network: NetworkId, authority: Authority, enrolment: SignedEnrolment) {
        self.incarnation += 1;
        self.enrolling.clear();
        let members = self.kept.iter().filter_map(|keep| match keep {
            Keep::Member(device, facility) => Some((*device, *facility)),
            _ => None,
        });
        let reach = self.kept.iter().rev().find_map(|keep| match keep {
            Keep::Reach(reach) => Some(reach.clone()),
            _ => None,
        });
        let acknowledged = self.kept.iter().filter_map(|keep| match keep {
            Keep::Acknowledged(peer, receipt) => Some((*peer, receipt.clone())),
            _ => None,
        });
        let keeping = Keeping { authority, enrolment, members: members.collect(), reach, room: PLENTY };
        let keeper = (self.kind == SiteKind::Keeper).then_some(keeping);
        let mut replica = Replica::new(Start {
            network,
            signer: keys::signer(self.real_keys, self.seed, self.number as u64),
            verifier: keys::verifier(self.real_keys),
            entropy: entropy(self.seed, self.number as u64, u64::from(self.incarnation)),
            secret: self.secret.clone(),
            spans: self.disk.spans(),
            receipts: self.receipts.values().cloned().collect(),
            acknowledged: acknowledged.collect(),
            parts: vec![],
            lost: false,
            keeper,
        });
        self.disk.control().for_each(|entry| replica.remember(entry));
        self.replica = Some(replica);
    }

    /// True if it is up and knows the network it belongs to.
    pub(super) fn is_member(&self) -> bool {
        if self.kind == SiteKind::Keeper {
            return self.joined && self.replica.is_some();
        }
        self.replica.as_ref().is_some_and(|replica| {
            let directory = replica.directory();
            directory.authority().is_some()
                && directory.is_readable(&ScopeTag::NETWORK)
                && directory.facility_of(&self.device).is_some()
        })
    }

    /// True if it is up and has let this facility in, or heard of it.
    pub(super) fn knows(&self, facility: &FacilityId) -> bool {
        self.replica
            .as_ref()
            .is_some_and(|replica| replica.directory().devices().values().any(|known| known == facility))
    }

    /// Where a keeper is reached is on its disk before it says so; the rest may be lost.
    pub(super) fn keep(&mut self, keep: Keep) {
        match keep {
            Keep::Reach(_) => self.kept.push(keep),
            keep => self.unsynced_kept.push(keep),
        }
    }

    pub(super) fn keep_receipt(&mut self, receipt: Receipt) {
        self.unsynced_receipts.push(receipt);
    }

    /// What a healthy disk does from time to time.
    pub(super) fn sync_receipts(&mut self) {
        for receipt in self.unsynced_receipts.drain(..) {
            self.receipts.insert(receipt.device, receipt);
        }
        for keep in std::mem::take(&mut self.unsynced_kept) {
            self.kept.retain(|kept| !is_replaced_by(kept, &keep));
            self.kept.push(keep);
        }
    }

    /// Power is gone. Some of the newest receipts are lost with it.
    pub(super) fn lose_receipts(&mut self, rng: &mut Rng) {
        let kept = rng.below(self.unsynced_receipts.len() as u64 + 1) as usize;
        self.unsynced_receipts.truncate(kept);
        let kept = rng.below(self.unsynced_kept.len() as u64 + 1) as usize;
        self.unsynced_kept.truncate(kept);
        self.sync_receipts();
    }

    pub(super) fn token(&mut self) -> u64 {
        self.next_token += 1;
        self.next_token
    }
}

fn call_sign(number: usize) -> String {
    format!("Site {number}")
}

/// Bytes for keys and nonces: never the same twice, always the same in a replay.
fn entropy(seed: u64, site: u64, incarnation: u64) -> Entropy {
    let mut hash = blake3::Hasher::new_derive_key("sanad 2026 drill entropy v1");
    for word in [seed, site, incarnation] {
        hash.update(&word.to_be_bytes());
    }
    let mut stream = hash.finalize_xof();
    Entropy::new(move |out| stream.fill(out))
}

/// True if the newer of two things of one name takes the place of the other.
fn is_replaced_by(kept: &Keep, newer: &Keep) -> bool {
    matches!((kept, newer), (Keep::Acknowledged(a, _), Keep::Acknowledged(b, _)) if a == b)
}

//! A site: a replica while it is up, a disk while it exists, a secret and a clock of its own.

use super::clock::WallClock;
use super::disk::Disk;
use super::keys;
use super::rng::Rng;
use sanad_log::control::{Enrolment, FacilitySecret, SiteKind};
use sanad_log::entropy::Entropy;
use sanad_log::ids::{DeviceId, FacilityId, NetworkId, ScopeTag};
use sanad_log::receipt::Receipt;
use sanad_log::replica::{Replica, Start};
use std::collections::BTreeMap;

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
    receipts: BTreeMap<DeviceId, Receipt>,
    /// Receipts that a crash may lose.
    unsynced_receipts: Vec<Receipt>,
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
            receipts: BTreeMap::new(),
            unsynced_receipts: Vec::new(),
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
    pub(super) fn start(&mut self, network: NetworkId) {
        self.incarnation += 1;
        let mut replica = Replica::new(Start {
            network,
            signer: keys::signer(self.real_keys, self.seed, self.number as u64),
            verifier: keys::verifier(self.real_keys),
            entropy: entropy(self.seed, self.number as u64, u64::from(self.incarnation)),
            secret: self.secret.clone(),
            spans: self.disk.spans(),
            receipts: self.receipts.values().cloned().collect(),
        });
        self.disk.control().for_each(|entry| replica.remember(entry));
        self.replica = Some(replica);
    }

    /// True if it is up and knows the network it belongs to.
    pub(super) fn is_member(&self) -> bool {
        self.replica.as_ref().is_some_and(|replica| {
            let directory = replica.directory();
            directory.authority().is_some()
                && directory.is_readable(&ScopeTag::NETWORK)
                && directory.facility_of(&self.device).is_some()
        })
    }

    /// True if it is up and has let this facility in, or heard of it.
    pub(super) fn knows(&self, facility: &FacilityId) -> bool {
        self.replica.as_ref().is_some_and(|replica| replica.directory().facilities().contains_key(facility))
    }

    pub(super) fn keep_receipt(&mut self, receipt: Receipt) {
        self.unsynced_receipts.push(receipt);
    }

    /// What a healthy disk does from time to time.
    pub(super) fn sync_receipts(&mut self) {
        for receipt in self.unsynced_receipts.drain(..) {
            self.receipts.insert(receipt.device, receipt);
        }
    }

    /// Power is gone. Some of the newest receipts are lost with it.
    pub(super) fn lose_receipts(&mut self, rng: &mut Rng) {
        let kept = rng.below(self.unsynced_receipts.len() as u64 + 1) as usize;
        self.unsynced_receipts.truncate(kept);
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

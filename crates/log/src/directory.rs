//! Who belongs to the network and what can be opened here: a pure function of the control lane and the facility's secret.
//! Nothing in it is stored anywhere else, so nothing in it can disagree with the log.
//!
//! It never decides whether an entry is accepted; it only decides what can be read and to whom a key is wrapped.

use crate::control::{
    Authority, Contact, Control, Enrolment, Facility, FacilitySecret, Grant, Handover, SignedEnrolment, SiteKind,
    from_cbor, open_handover, to_cbor,
};
use crate::entropy::Entropy;
use crate::entry::{BodyKind, Entry, Header};
use crate::fork::{ForkProof, Forks};
use crate::ids::{DeviceId, FacilityId, KeyId, Lane, LogId, NetworkId, ScopeTag, Seq};
use crate::policy::{Policy, Ranked, SignedPolicy};
use crate::reach::Reach;
use crate::seal::{Clear, OpenError, SealKey, key_id_of};
use crate::sign::Verifier;
use std::collections::{BTreeMap, BTreeSet};

/// Control entries that cannot be read yet and are tried again when a key arrives. More than this are still kept in the
/// log and read at the next start.
const UNRESOLVED_MAX: usize = 10_000;
/// Devices that a keeper knows to be enrolled: each has shown what the authority signed for it. Ten times the largest
/// network that is planned for, at about 100 bytes each.
pub const KEEPER_MEMBERS_MAX: usize = 10_000;

/// A chart as the control lane tells of it.
#[derive(Clone, Default, Debug)]
struct Chart {
    /// Keys of it that are known here; empty for a chart that is sealed here.
    keys: BTreeSet<KeyId>,
    /// Facilities to whom some key of it was granted.
    readers: BTreeSet<FacilityId>,
    /// The facility that made it.
    origin: Option<FacilityId>,
}

/// What an entry of the control lane added.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Learned {
    /// Scopes whose entries can be opened from now on.
    pub readable: BTreeSet<ScopeTag>,
    /// Facilities that were not known before.
    pub facilities: BTreeSet<FacilityId>,
    /// True if a device was enrolled that was not known before.
    pub devices: bool,
    /// True if an address or a certificate changed.
    pub contacts: bool,
    /// Logs of which a fork was proved that was not known before.
    pub forks: BTreeSet<LogId>,
}

/// Why an entry's body is not readable here. `Sealed` is the normal state of another site's chart.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// No key for it is held here.
    #[error("sealed; its key is not held here")]
    Sealed,
    /// The key is here and the seal does not open: damaged, or made wrongly by its author.
    #[error("the body does not open under its key")]
    Broken,
}

/// Membership and keys.
pub struct Directory {
    network: NetworkId,
    own: FacilityId,
    secret: FacilitySecret,
    authority: Option<Authority>,
    facilities: BTreeMap<FacilityId, Facility>,
    devices: BTreeMap<DeviceId, FacilityId>,
    enrolments: BTreeMap<DeviceId, SignedEnrolment>,
    contacts: BTreeMap<DeviceId, (Seq, Contact)>,
    policy: Option<Ranked>,
    /// Where keepers are reached: the counter of the statement, and what it says.
    reaches: BTreeMap<DeviceId, (u64, Contact)>,
    keys: BTreeMap<KeyId, SealKey>,
    epochs: Vec<KeyId>,
    charts: BTreeMap<ScopeTag, Chart>,
    /// Pairwise keys that others handed to us, and by whom.
    received: BTreeMap<FacilityId, SealKey>,
    pairs: BTreeMap<KeyId, SealKey>,
    /// Facilities to whom our own pairwise key was handed.
    handed: BTreeSet<FacilityId>,
    /// Devices that their facility has replaced, by its own word.
    replaced: BTreeSet<(FacilityId, DeviceId)>,
    forks: Forks,
    /// Control entries that wait for a key or for the enrolment of their author.
    unresolved: Vec<Entry>,
    /// How much was known when they were last tried.
    tried: [usize; 4],
    /// Reads nothing, holds nothing that opens anything.
    keeper: bool,
}

impl Directory {
    /// An empty directory of a facility in a network; [`Directory::absorb`] fills it from the control lane.
    pub fn new(network: NetworkId, secret: FacilitySecret) -> Self {
        let own = secret.facility("-", SiteKind::Enclave).id();
        let own_pair = secret.pair_with(&own);
        Directory {
            network,
            own,
            secret,
            authority: None,
            facilities: BTreeMap::new(),
            devices: BTreeMap::new(),
            enrolments: BTreeMap::new(),
            contacts: BTreeMap::new(),
            policy: None,
            reaches: BTreeMap::new(),
            keys: BTreeMap::new(),
            epochs: Vec::new(),
            charts: BTreeMap::new(),
            received: BTreeMap::new(),
            pairs: BTreeMap::from([(own_pair.id(), own_pair)]),
            handed: BTreeSet::from([own]),
            replaced: BTreeSet::new(),
            forks: Forks::default(),
            unresolved: Vec::new(),
            tried: [0; 4],
            keeper: false,
        }
    }

    /// The directory of a keeper. It was told the authority at its join, and reads nothing of the control lane, so that no
    /// key can ever be in it, whatever others address to its facility: it knows who is enrolled from what they show it.
    pub fn keeper(network: NetworkId, secret: FacilitySecret, authority: Authority) -> Self {
        Directory { authority: Some(authority), keeper: true, ..Directory::new(network, secret) }
    }

    /// True at a keeper.
    pub fn is_keeper(&self) -> bool {
        self.keeper
    }

    /// Knows a device again that has shown its enrolment to this keeper before. False if there is no room for it.
    pub fn know(&mut self, device: DeviceId, facility: FacilityId) -> bool {
        let room = self.devices.len() < KEEPER_MEMBERS_MAX || self.devices.contains_key(&device);
        if room {
            self.devices.insert(device, facility);
        }
        room
    }

    /// This facility.
    pub fn own(&self) -> FacilityId {
        self.own
    }

    /// The secret side of this facility.
    pub fn secret(&self) -> &FacilitySecret {
        &self.secret
    }

    /// The network's authority, once the genesis entry has been read.
    pub fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    /// All facilities, in the order of their ids.
    pub fn facilities(&self) -> &BTreeMap<FacilityId, Facility> {
        &self.facilities
    }

    /// The facility of a device.
    pub fn facility_of(&self, device: &DeviceId) -> Option<FacilityId> {
        self.devices.get(device).copied()
    }

    /// True if the device's facility has put another in its place: it went back in time or its disk lost something, so what
    /// its receipts said may not be there.
    pub fn is_replaced(&self, device: &DeviceId) -> bool {
        self.facility_of(device).is_some_and(|facility| self.replaced.contains(&(facility, *device)))
    }

    /// True if the device's facility can read the control lane, and so knows of a fork whose statement it holds.
    pub fn reads_control(&self, device: &DeviceId) -> bool {
        let facility = self.facility_of(device).and_then(|id| self.facilities.get(&id));
        facility.is_some_and(|facility| facility.kind != SiteKind::Keeper)
    }

    /// The forks that are known.
    pub fn forks(&self) -> &Forks {
        &self.forks
    }

    /// Takes a fork that was found here, before it is stated in the control lane. True if it says something new.
    pub(crate) fn take_fork(&mut self, proof: &ForkProof) -> bool {
        self.forks.take(proof, None)
    }

    /// All enrolled devices: the registry in whose order frontiers travel.
    pub fn devices(&self) -> &BTreeMap<DeviceId, FacilityId> {
        &self.devices
    }

    /// The enrolment of a device as the authority signed it: its credential at a site that has not heard of it yet.
    pub fn credential(&self, device: &DeviceId) -> Option<&SignedEnrolment> {
        self.enrolments.get(device)
    }

    /// The enrolment of the facility's last device: of those that are known, one that none has replaced.
    pub fn newest_credential(&self, facility: &FacilityId) -> Option<&SignedEnrolment> {
        let last = |device: &DeviceId| !self.replaced.contains(&(*facility, *device));
        self.devices_of(facility).filter(last).find_map(|device| self.credential(&device))
    }

    /// All devices that a facility has had, as far as is known here.
    pub fn devices_of<'a>(&'a self, facility: &'a FacilityId) -> impl Iterator<Item = DeviceId> + 'a {
        self.devices.iter().filter(move |(_, of)| *of == facility).map(|(device, _)| *device)
    }

    /// Where a device was last said to be reached.
    pub fn contact(&self, device: &DeviceId) -> Option<&Contact> {
        let reach = || self.reaches.get(device).map(|(_, contact)| contact);
        self.contacts.get(device).map(|(_, contact)| contact).or_else(reach)
    }

    /// How many copies make a record safe: what the authority said last, else the default.
    pub fn policy(&self) -> Policy {
        self.policy.map_or(Policy::DEFAULT, |ranked| ranked.policy)
    }

    /// The version of the policy; 0 while the authority has said nothing.
    pub fn policy_version(&self) -> u64 {
        self.policy.map_or(0, |ranked| ranked.version())
    }

    /// Charts that can be opened here.
    pub fn readable_charts(&self) -> impl Iterator<Item = ScopeTag> + '_ {
        self.charts.iter().filter(|(_, chart)| !chart.keys.is_empty()).map(|(scope, _)| *scope)
    }

    /// True if entries of this scope can be opened here.
    pub fn is_readable(&self, scope: &ScopeTag) -> bool {
        self.seal_key(scope).is_some()
    }

    /// Facilities to whom a chart was granted, as far as is known here.
    pub fn readers(&self, scope: &ScopeTag) -> impl Iterator<Item = FacilityId> + '_ {
        self.charts.get(scope).into_iter().flat_map(|chart| chart.readers.iter().copied())
    }

    /// The key under which a new entry of this scope is sealed.
    pub fn seal_key(&self, scope: &ScopeTag) -> Option<&SealKey> {
        let id = match *scope {
            ScopeTag::NETWORK => self.epochs.last(),
            _ => self.charts.get(scope).and_then(|chart| chart.keys.first()),
        };
        self.keys.get(id?)
    }

    /// The network's epoch keys that are held here; the one to seal with comes last.
    pub fn epoch_keys(&self) -> impl DoubleEndedIterator<Item = &SealKey> {
        self.epochs.iter().filter_map(|id| self.keys.get(id))
    }

    /// Opens a body.
    ///
    /// # Errors
    /// [`Unreadable`]: sealed here, or broken.
    pub fn open(&self, entry: &Entry) -> Result<Clear, Unreadable> {
        if let Some(inner) = entry.carried() {
            return self.open(&inner);
        }
        self.open_apart(entry.header(), entry.body())
    }

    /// Opens a body that may belong to no entry that holds. What opens was sealed by somebody who had the key, for this
    /// author, place and chart, whether or not the rest of the header is as it was; who that was, nothing says.
    ///
    /// # Errors
    /// [`Unreadable`]: sealed here, or broken.
    pub fn open_apart(&self, header: &Header, body: &[u8]) -> Result<Clear, Unreadable> {
        let key = match header.kind {
            BodyKind::Sealed => key_id_of(body).and_then(|id| self.keys.get(&id)).ok_or(Unreadable::Sealed)?,
            BodyKind::Addressed => return Err(Unreadable::Sealed),
        };
        key.open(body, &header.sealed_part()).map_err(|error| match error {
            OpenError::OtherKey => Unreadable::Sealed,
            OpenError::Form | OpenError::Broken => Unreadable::Broken,
        })
    }

    /// Reads a control entry. What cannot be read yet is tried again as soon as a new key is learned; what makes no sense
    /// is passed over, since one bad entry stops nothing. The result does not depend on the order of entries.
    pub fn absorb(&mut self, entry: &Entry, verifier: &dyn Verifier) -> Learned {
        let mut learned = Learned::default();
        if self.keeper || entry.header().log.lane != Lane::Control {
            return learned;
        }
        if !self.absorb_one(entry, verifier, &mut learned) && self.unresolved.len() < UNRESOLVED_MAX {
            self.unresolved.push(entry.clone());
        }
        // Waiting entries are tried again only when something was learned that they may wait for, which ends, since there
        // is only so much to learn; trying them at every entry would cost the square of their number at a start.
        while !self.unresolved.is_empty() && self.tried != self.known() {
            self.tried = self.known();
            let waiting = std::mem::take(&mut self.unresolved);
            self.unresolved =
                waiting.into_iter().filter(|entry| !self.absorb_one(entry, verifier, &mut learned)).collect();
        }
        learned
    }

    /// What waiting entries wait for: keys, pairwise keys, authors, and the authority.
    fn known(&self) -> [usize; 4] {
        [self.keys.len(), self.pairs.len(), self.devices.len(), usize::from(self.authority.is_some())]
    }

    /// True when the entry needs no second look.
    fn absorb_one(&mut self, entry: &Entry, verifier: &dyn Verifier, learned: &mut Learned) -> bool {
        if let Some(inner) = entry.carried() {
            return self.absorb_one(&inner, verifier, learned);
        }
        match entry.header().kind {
            BodyKind::Addressed => self.absorb_handover(entry, learned),
            BodyKind::Sealed => match self.open(entry) {
                Err(Unreadable::Sealed) => false,
                Err(Unreadable::Broken) => true,
                Ok(text) => match from_cbor::<Control>(text.expose()) {
                    Ok(control) => self.absorb_control(entry, control, verifier, learned),
                    Err(_) => true,
                },
            },
        }
    }

    fn absorb_handover(&mut self, entry: &Entry, learned: &mut Learned) -> bool {
        let to = FacilityId(entry.header().scope.0);
        let from = self.facility_of(&entry.header().log.author);
        if to == self.own {
            let Some(handover) = open_handover(entry.body(), &self.secret, &entry.header().sealed_part()) else {
                return true;
            };
            self.take_handover(handover, from, learned);
        } else if from == Some(self.own) {
            self.handed.insert(to);
            let pair = self.secret.pair_with(&to);
            self.pairs.insert(pair.id(), pair);
        }
        // An author whose enrolment is not known yet is looked at again: it may be our own device, or a giver of keys.
        from.is_some()
    }

    fn take_handover(&mut self, handover: Handover, from: Option<FacilityId>, learned: &mut Learned) {
        let pair = SealKey::from_bytes(*handover.pair);
        if let Some(from) = from {
            self.received.insert(from, pair.clone());
        }
        self.pairs.insert(pair.id(), pair);
        // A newcomer takes the network's first key from whoever let it in; later ones only from members.
        let epochs = if from.is_some() || self.epochs.is_empty() { handover.epochs.as_slice() } else { &[] };
        for epoch in epochs {
            let key = SealKey::from_bytes(**epoch);
            if self.keys.insert(key.id(), key.clone()).is_none() {
                self.epochs.push(key.id());
                learned.readable.insert(ScopeTag::NETWORK);
            }
        }
    }

    fn absorb_control(
        &mut self,
        entry: &Entry,
        control: Control,
        verifier: &dyn Verifier,
        learned: &mut Learned,
    ) -> bool {
        match control {
            Control::Genesis(authority) => {
                if authority.network() == self.network {
                    self.authority = Some(authority);
                }
                true
            }
            Control::Enrol(signed) => self.admit(&signed, verifier, learned).is_some() || self.authority.is_some(),
            Control::Contact(contact) => {
                let author = entry.header().log.author;
                if self.contacts.get(&author).is_none_or(|(seq, _)| *seq < entry.header().seq) {
                    self.contacts.insert(author, (entry.header().seq, contact));
                    learned.contacts = true;
                }
                true
            }
            Control::Fork(a, b) => {
                if let Some(proof) = ForkProof::decode(&a, &b, &self.network, verifier)
                    && self.forks.take(&proof, Some((entry.header().log.author, entry.header().seq)))
                {
                    learned.forks.insert(proof.log());
                }
                true
            }
            Control::Reach(signed) => {
                if let Some(reach) = signed.verify(&self.network, verifier).filter(|reach| self.is_news(reach)) {
                    self.reaches.insert(reach.device, (reach.counter, reach.contact));
                    learned.contacts = true;
                }
                true
            }
            Control::Grants(grants) => {
                let author = self.facility_of(&entry.header().log.author);
                let settled = grants.iter().map(|grant| self.absorb_grant(grant, author, learned)).collect::<Vec<_>>();
                author.is_some() && settled.iter().all(|settled| *settled)
            }
            Control::Policy(signed) => self.adopt(&signed, verifier).is_some() || self.authority.is_some(),
        }
    }

    /// Takes a policy that the authority signed, if it outranks the one that holds. `None` if it is not one, or the
    /// genesis has not been read yet.
    pub fn adopt(&mut self, signed: &SignedPolicy, verifier: &dyn Verifier) -> Option<()> {
        let ranked = signed.verify(self.authority.as_ref()?, verifier)?;
        if self.policy.is_none_or(|holds| ranked.outranks(&holds)) {
            self.policy = Some(ranked);
        }
        Some(())
    }

    /// True if a keeper's statement of where it is reached is newer than the one that is known here.
    pub fn is_news(&self, reach: &Reach) -> bool {
        // Of two under one counter, which a keeper makes only if it lost what it had said, all sites keep the same one.
        let rank = |counter: u64, contact: &Contact| (counter, to_cbor(contact));
        let known = self.reaches.get(&reach.device).map(|(counter, contact)| rank(*counter, contact));
        known.is_none_or(|known| known < rank(reach.counter, &reach.contact))
    }

    /// Takes an enrolment that the authority signed. `None` if it is not one, or the genesis has not been read yet. A keeper
    /// remembers which device belongs to which facility, and of others' call signs and keys nothing.
    pub fn admit(
        &mut self,
        signed: &SignedEnrolment,
        verifier: &dyn Verifier,
        learned: &mut Learned,
    ) -> Option<Enrolment> {
        let enrolment = signed.verify(self.authority.as_ref()?, verifier)?;
        let id = enrolment.facility.id();
        if self.keeper && id != self.own {
            return self.know(enrolment.device, id).then_some(enrolment);
        }
        learned.devices |= self.devices.insert(enrolment.device, id).is_none();
        self.replaced.extend(signed.replaced().into_iter().map(|device| (id, device)));
        self.enrolments.insert(enrolment.device, signed.clone());
        if self.facilities.insert(id, enrolment.facility.clone()).is_none() {
            learned.facilities.insert(id);
        }
        Some(enrolment)
    }

    fn absorb_grant(&mut self, grant: &Grant, author: Option<FacilityId>, learned: &mut Learned) -> bool {
        let mut settled = true;
        let chart = self.charts.entry(grant.scope).or_default();
        for (facility, pair, wrapped) in &grant.to {
            chart.readers.insert(*facility);
            if author == Some(*facility) {
                // Two sites may make a chart of the same person apart; the scope differs then, so one origin stands.
                chart.origin = chart.origin.map_or(author, |origin| author.map(|author| author.min(origin)));
            }
            if *facility != self.own || chart.keys.contains(&grant.key) {
                continue;
            }
            let Some(pair) = self.pairs.get(pair) else {
                settled = false;
                continue;
            };
            let key =
                pair.unwrap(wrapped, &grant_binding(&grant.scope, &grant.key)).filter(|key| key.id() == grant.key);
            if let Some(key) = key {
                self.keys.insert(key.id(), key);
                chart.keys.insert(grant.key);
                learned.readable.insert(grant.scope);
            }
        }
        settled
    }

    /// True if nobody hands a facility keys: it is a keeper.
    pub fn gets_no_keys(&self, facility: &FacilityId) -> bool {
        self.facilities.get(facility).is_some_and(|facility| facility.kind == SiteKind::Keeper)
    }

    /// The pairwise key to wrap with for a facility; `None` if a handover must be sent to it first, and always for a keeper.
    pub fn pair_for(&self, facility: &FacilityId) -> Option<SealKey> {
        if self.gets_no_keys(facility) {
            return None;
        }
        if self.handed.contains(facility) {
            return Some(self.secret.pair_with(facility));
        }
        self.received.get(facility).cloned()
    }

    /// What to hand to a facility so that keys can be wrapped for it from now on.
    pub fn handover_for(&self, facility: &FacilityId, with_epochs: bool) -> Handover {
        let epochs = if with_epochs { self.epochs.as_slice() } else { &[] };
        Handover {
            pair: (*self.secret.pair_with(facility).expose()).into(),
            epochs: epochs.iter().filter_map(|id| self.keys.get(id)).map(|key| (*key.expose()).into()).collect(),
        }
    }

    /// Wraps a chart's key for facilities that lack it. Facilities without a pairwise key are left out; ask
    /// [`Directory::pair_for`] first. `None` if the chart is sealed here or nobody lacks it.
    pub fn grant(&self, scope: &ScopeTag, to: &BTreeSet<FacilityId>, entropy: &mut Entropy) -> Option<Grant> {
        let chart = self.charts.get(scope)?;
        let key = self.seal_key(scope)?;
        let lacking = to.iter().filter(|facility| !chart.readers.contains(facility));
        let to = wrap_for(self, key, scope, lacking, entropy);
        (!to.is_empty()).then(|| Grant { scope: *scope, key: key.id(), to })
    }

    /// Makes the key of a new chart, wrapped for this facility and `to`.
    pub fn new_chart(&self, scope: &ScopeTag, to: &BTreeSet<FacilityId>, entropy: &mut Entropy) -> Grant {
        let key = SealKey::generate(entropy);
        let to = wrap_for(self, &key, scope, to.iter().chain([&self.own]), entropy);
        Grant { scope: *scope, key: key.id(), to }
    }

    /// Facilities that the network's policy grants every chart to: its havens.
    pub fn havens(&self) -> BTreeSet<FacilityId> {
        self.facilities.iter().filter(|(_, facility)| facility.kind == SiteKind::Haven).map(|(id, _)| *id).collect()
    }

    /// Charts that some haven cannot open yet and that this facility should grant it: those it made, and, if it is a haven
    /// itself, all it can open, since their makers may be gone.
    pub fn owed_to_havens(&self) -> Vec<ScopeTag> {
        let havens = self.havens();
        let owes = |chart: &Chart| {
            let ours = chart.origin == Some(self.own) || havens.contains(&self.own);
            ours && !chart.keys.is_empty() && !havens.is_subset(&chart.readers)
        };
        self.charts.iter().filter(|(_, chart)| owes(chart)).map(|(scope, _)| *scope).collect()
    }
}

fn wrap_for<'a>(
    directory: &Directory,
    key: &SealKey,
    scope: &ScopeTag,
    to: impl Iterator<Item = &'a FacilityId>,
    entropy: &mut Entropy,
) -> Vec<(FacilityId, KeyId, crate::control::WrappedKey)> {
    let to: BTreeSet<_> = to.collect();
    to.into_iter()
        .filter_map(|facility| Some((facility, directory.pair_for(facility)?)))
        .map(|(facility, pair)| {
            let wrapped = pair.wrap(key, &grant_binding(scope, &key.id()), entropy);
            (*facility, pair.id(), wrapped.into())
        })
        .collect()
}

/// A wrapped key is bound to the chart and to its own id, so that it cannot be moved to another chart.
fn grant_binding(scope: &ScopeTag, key: &KeyId) -> Vec<u8> {
    [b"sanad/1 grant".as_slice(), scope.as_bytes(), key.as_bytes()].concat()
}

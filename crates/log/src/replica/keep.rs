//! A keeper: it stores and forwards sealed entries and can read nothing. It holds the network's authority, its own
//! enrolment, and which devices have shown it theirs; it holds no key but those of its own device and facility, and to the
//! facility nobody addresses anything.
//!
//! What it has instead is a bound: a keeper stands outside, often at a friend's, and takes no more than it was given.

use super::{Effect, InParts, Input, Pending, Replica, SaveError, SessionId};
use crate::control::{Authority, Contact, Control, FacilitySecret, SignedEnrolment};
use crate::directory::{Directory, Learned};
use crate::entry::{Entry, HEADER_LEN};
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, FacilityId, Lane, NetworkId};
use crate::message::encode;
use crate::reach::{Reach, SignedReach};
use crate::receipt::Receipt;
use crate::sign::Verifier;
use std::collections::{BTreeMap, BTreeSet};

/// Places that a keeper asks for at once. When its room runs out in the middle, what is still under way is let go, so a
/// peer sends no more than this for nothing.
const NEED_PLACES_MAX: u64 = 20_000;
/// Authors of whom a keeper takes entries. Anybody who is enrolled can make up authors; twenty networks of the largest size
/// that is planned for fit, in some 10 MB of frontier.
const AUTHORS_MAX: usize = 20_000;
/// Intervals in all receipts that a keeper holds of third devices: some 60 MB. It cannot tell a third device that belongs
/// to the network from one that a peer made up.
const RECEIPT_INTERVALS_MAX: usize = 400_000;
/// Above so many percent of its quota, a keeper takes no more of the bulk lane.
const BULK_UP_TO: u64 = 90;
/// Above so many percent, it takes the control and the urgent lane only.
const CLINICAL_UP_TO: u64 = 97;

/// What a keeper is started with beside the log.
pub struct Keeping {
    /// Who may enrol: told at the join.
    pub authority: Authority,
    /// This keeper's own enrolment, which it shows to whoever does not know it.
    pub enrolment: SignedEnrolment,
    /// Devices that have shown their enrolment before, as [`Keep::Member`] had them.
    pub members: Vec<(DeviceId, FacilityId)>,
    /// Where it is reached, as it last said.
    pub reach: Option<SignedReach>,
    /// How much room it has.
    pub room: Room,
}

/// What is worth keeping over a restart. Losing it costs some bytes and does no other harm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Keep {
    /// At a keeper: this device has shown that it is enrolled, for this facility.
    Member(DeviceId, FacilityId),
    /// At a keeper: the enrolment of the device that has taken the place of the one before.
    Enrolment(SignedEnrolment),
    /// At a keeper: where it is reached, as it has signed it.
    Reach(SignedReach),
    /// This peer is known to hold this receipt of ours, so that the next session with it begins with a difference. Without
    /// it a tiny link has to tell parts, and a keeper, whose registry differs, every author's key.
    Acknowledged(DeviceId, Receipt),
    /// What this device has confirmed in parts, in place of what was kept before.
    Part(DeviceId, InParts),
}

/// A keeper's room, in bytes of entries: headers and bodies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// What is held.
    pub held_bytes: u64,
    /// What may be held.
    pub quota_bytes: u64,
}

/// What a keeper still takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Takes {
    /// Nothing: the room is used up. It goes on serving, and keeps all that its receipts have claimed.
    Nothing,
    /// The control and the urgent lane.
    Urgent,
    /// All but the bulk lane.
    NoBulk,
    /// Everything.
    Everything,
}

impl Takes {
    /// True if entries of this lane are taken.
    pub fn takes(self, lane: Lane) -> bool {
        match lane {
            Lane::Control | Lane::Urgent => self > Takes::Nothing,
            Lane::Clinical => self > Takes::Urgent,
            Lane::Bulk => self == Takes::Everything,
        }
    }
}

impl Room {
    /// Bytes that still fit.
    pub fn left(&self) -> u64 {
        self.quota_bytes.saturating_sub(self.held_bytes)
    }

    /// What is taken at this level.
    pub fn takes(&self) -> Takes {
        let above = |percent| u128::from(self.held_bytes) * 100 >= u128::from(self.quota_bytes) * u128::from(percent);
        match () {
            () if above(100) => Takes::Nothing,
            () if above(CLINICAL_UP_TO) => Takes::Urgent,
            () if above(BULK_UP_TO) => Takes::NoBulk,
            () => Takes::Everything,
        }
    }
}

/// Bytes of an entry as a keeper's room counts them.
pub(super) fn size_of(entry: &Entry) -> u64 {
    (HEADER_LEN + entry.body().len()) as u64
}

/// What only a keeper has.
pub(super) struct Keeper {
    room: Room,
    /// Something did not fit into so many bytes, and nothing is taken until there are more: it would come again and again.
    full: Option<u64>,
    reach: Option<SignedReach>,
    /// Members that have heard where this keeper is, since it started or moved.
    told: BTreeSet<DeviceId>,
}

/// The directory a replica starts with, and what else it has if it is a keeper.
pub(super) fn directory(
    network: NetworkId,
    secret: FacilitySecret,
    keeping: Option<Keeping>,
    verifier: &dyn Verifier,
) -> (Directory, Option<Keeper>) {
    let Some(Keeping { authority, enrolment, members, reach, room }) = keeping else {
        return (Directory::new(network, secret), None);
    };
    let mut directory = Directory::keeper(network, secret, authority);
    // One that does not hold leaves this device a stranger to its peers, who say so.
    drop(directory.admit(&enrolment, verifier, &mut Learned::default()));
    for (device, facility) in members {
        directory.know(device, facility);
    }
    (directory, Some(Keeper { room, full: None, reach, told: BTreeSet::new() }))
}

impl Replica {
    /// What this keeper still takes; `None` at any other site.
    pub fn takes(&self) -> Option<Takes> {
        let keeper = self.keeper.as_ref()?;
        Some(if keeper.full.is_some() { Takes::Nothing } else { keeper.room.takes() })
    }

    /// How much room this keeper has; `None` at any other site.
    pub fn room(&self) -> Option<Room> {
        self.keeper.as_ref().map(|keeper| keeper.room)
    }

    /// True if entries of this lane are taken here.
    pub(super) fn takes_lane(&self, lane: Lane) -> bool {
        self.takes().is_none_or(|takes| takes.takes(lane))
    }

    pub(super) fn set_room(&mut self, room: Room) {
        if let Some(keeper) = &mut self.keeper {
            keeper.full = keeper.full.filter(|left| room.left() <= *left);
            keeper.room = room;
        }
    }

    /// What a keeper answers by itself; gives back what is handled as at any other site.
    pub(super) fn as_keeper(&mut self, input: Input, out: &mut Vec<Effect>) -> Option<Input> {
        if self.keeper.is_none() {
            return Some(input);
        }
        match input {
            Input::Save(token, _) | Input::Found(token, ..) | Input::Enrol(token, _) | Input::Grant(token, ..) => {
                out.push(Effect::SaveFailed(token, SaveError::KeeperWritesNothing));
            }
            Input::Announce(token, contact) => {
                self.say_where(contact, out);
                out.push(Effect::Saved(token, vec![]));
            }
            input => return Some(input),
        }
        None
    }

    /// Signs where this keeper is reached, if that is new.
    fn say_where(&mut self, contact: Contact, out: &mut Vec<Effect>) {
        let (network, device) = (self.network, self.device());
        let Some(keeper) = &mut self.keeper else { return };
        let last = keeper.reach.as_ref().and_then(|signed| signed.verify(&network, &*self.verifier));
        if last.as_ref().is_some_and(|last| last.contact == contact) {
            return;
        }
        let counter = last.map_or(1, |last| last.counter + 1);
        let signed = SignedReach::sign(&Reach { network, device, counter, contact }, &*self.signer);
        keeper.told.clear();
        keeper.reach = Some(signed.clone());
        out.push(Effect::Keep(Keep::Reach(signed)));
    }

    /// A keeper's new device: its enrolment is kept, and it says anew where it is.
    pub(super) fn renew_keeper(&mut self, enrolment: SignedEnrolment, out: &mut Vec<Effect>) {
        out.push(Effect::Keep(Keep::Enrolment(enrolment)));
        let said = self.keeper.as_mut().and_then(|keeper| keeper.reach.take());
        if let Some(reach) = said.and_then(|signed| signed.verify(&self.network, &*self.verifier)) {
            self.say_where(reach.contact, out);
        }
    }

    /// Tells a peer where this keeper is reached, until one session after that has gone well.
    pub(super) fn tell_reach(&mut self, id: SessionId, peer: DeviceId, out: &mut Vec<Effect>) {
        let Some(keeper) = self.keeper.as_ref().filter(|keeper| !keeper.told.contains(&peer)) else { return };
        if let Some(reach) = &keeper.reach {
            let frame = encode::reach(reach);
            self.send(id, frame, false, out);
        }
    }

    /// The peer has read everything of ours.
    pub(super) fn told_reach(&mut self, peer: DeviceId) {
        if let Some(keeper) = self.keeper.as_mut().filter(|keeper| keeper.reach.is_some()) {
            keeper.told.insert(peer);
        }
    }

    /// A keeper says where it is reached, and cannot write it down: a member that hears it first does.
    pub(super) fn hear_reach(&mut self, now_ms: u64, peer: DeviceId, signed: SignedReach, out: &mut Vec<Effect>) {
        let is_keeper = |facility| self.directory.gets_no_keys(&facility);
        if !self.directory.facility_of(&peer).is_some_and(is_keeper) {
            return;
        }
        let said = signed.verify(&self.network, &*self.verifier);
        if !said.is_some_and(|reach| reach.device == peer && self.directory.is_news(&reach)) {
            return;
        }
        // Before the network's keys are here nothing can be written; the keeper says it again.
        if let Some(written) = self.write_control(now_ms, &Control::Reach(signed)) {
            self.put(vec![written], BTreeSet::new(), None, out);
        }
    }

    /// A keeper cannot bring its enrolment in a lane of its own. If whoever let it in is gone before anybody read it there,
    /// the member that is shown it writes it down again.
    pub(super) fn write_down(&mut self, now_ms: u64, enrolment: SignedEnrolment, out: &mut Vec<Effect>) {
        if let Some(written) = self.write_control(now_ms, &Control::Enrol(enrolment)) {
            self.put(vec![written], BTreeSet::new(), None, out);
        }
    }

    /// Remembers that a device has shown its enrolment, so that it need not after a restart.
    pub(super) fn keep_member(&self, device: DeviceId, out: &mut Vec<Effect>) {
        if let (Some(_), Some(facility)) = (&self.keeper, self.directory.facility_of(&device)) {
            out.push(Effect::Keep(Keep::Member(device, facility)));
        }
    }

    /// True if a session with this peer is worth an own receipt on the disk at once, since one side is a keeper: see
    /// [`Keep::Acknowledged`].
    pub fn keeps_acknowledged(&self, peer: &DeviceId) -> bool {
        let facility = self.directory.facility_of(peer);
        self.keeper.is_some() || facility.is_some_and(|facility| self.directory.gets_no_keys(&facility))
    }

    /// Of entries that came, those for which there is room.
    pub(super) fn within_room(&mut self, mut new: Vec<Entry>) -> Vec<Entry> {
        let Some(keeper) = &mut self.keeper else { return new };
        let fits = |entry: &Entry| {
            if keeper.full.is_some() || !keeper.room.takes().takes(entry.header().log.lane) {
                return false;
            }
            let fits = size_of(entry) <= keeper.room.left();
            match fits {
                true => keeper.room.held_bytes += size_of(entry),
                false => keeper.full = Some(keeper.room.left()),
            }
            fits
        };
        let count = new.iter().map(fits).take_while(|fits| *fits).count();
        new.truncate(count);
        new
    }

    /// After an append has failed: what was counted of it is not held.
    pub(super) fn give_room_back(&mut self, void: &BTreeMap<super::Token, Pending>) {
        if let Some(keeper) = &mut self.keeper {
            let bytes: u64 = void.values().map(|pending| pending.bytes).sum();
            keeper.room.held_bytes = keeper.room.held_bytes.saturating_sub(bytes);
            // The disk is what is full. Nothing more is asked for until it is said to have room.
            keeper.full = Some(0);
        }
    }

    /// Of what a peer has and this keeper lacks, the part that it asks for at once.
    pub(super) fn within_bounds(&self, mut ranges: Vec<Range>, held: &Frontier, outstanding: u64) -> Vec<Range> {
        if self.keeper.is_none() {
            return ranges;
        }
        let authors = held.authors();
        if authors.len() >= AUTHORS_MAX {
            ranges.retain(|range| authors.contains(&range.log.author));
        }
        let mut room = NEED_PLACES_MAX.saturating_sub(outstanding);
        for range in &mut ranges {
            range.to = range.to.min((range.from + room).saturating_sub(1));
            room -= (range.to + 1).saturating_sub(range.from);
        }
        ranges.retain(|range| range.from <= range.to);
        ranges
    }

    /// True if a third device's receipt may be kept here.
    pub(super) fn has_room_for(&self, receipt: &Receipt) -> bool {
        if self.keeper.is_none() {
            return true;
        }
        let others = self.receipts.values().filter(|held| held.device != receipt.device);
        let held: usize = others.map(|held| held.frontier.intervals()).sum();
        held + receipt.frontier.intervals() <= RECEIPT_INTERVALS_MAX && self.receipts.len() < AUTHORS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_runs_out_bulk_first() {
        let at = |held_bytes| Room { held_bytes, quota_bytes: 1_000 }.takes();
        assert_eq!([0, 899, 900, 969].map(at), [Takes::Everything, Takes::Everything, Takes::NoBulk, Takes::NoBulk]);
        assert_eq!([970, 999, 1_000, 5_000].map(at), [Takes::Urgent, Takes::Urgent, Takes::Nothing, Takes::Nothing]);
        let lanes = |takes: Takes| Lane::ALL.map(|lane| takes.takes(lane));
        assert_eq!(lanes(Takes::Everything), [true; 4]);
        assert_eq!(lanes(Takes::NoBulk), [true, true, true, false]);
        assert_eq!(lanes(Takes::Urgent), [true, true, false, false]);
        assert_eq!(lanes(Takes::Nothing), [false; 4]);
        assert_eq!(Room { held_bytes: u64::MAX, quota_bytes: u64::MAX }.takes(), Takes::Nothing);
        assert_eq!(Room { held_bytes: 0, quota_bytes: 0 }.takes(), Takes::Nothing);
    }
}

//! The session of a tiny link: it opens with a Call instead of Hello and Have, so that nothing changed costs two small
//! frames; urgent entries that the other side is known to lack follow the call at once; a frontier is told as a difference,
//! or as a part by short names, and never takes more than [`HAVE_BYTES_MAX`]. `docs/protocol.md`, Tiny links.
//!
//! Who may speak is proven by the network's key (`tiny`), and nothing more: entries, receipts and parts are signed
//! themselves, and everything else is a question or a hint. A device of the network that speaks under another's name gets
//! what it might have had under its own.

use super::order::Pace;
use super::session::Session;
use super::{Effect, Outcome, Replica, SessionId};
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, Lane};
use crate::message::{Message, Refusal, encode};
use crate::receipt::{Form, Receipt};
use crate::short::{
    Answer, Call, GONE_KIND, HAVE_BYTES_MAX, NAME_KIND, PUSHED_MAX, Part, SALT_LEN, SAME_KIND, Short, ShortName,
    digest, encode_ranges, is_stand_in, name_of, short_name, stand_in,
};
use std::collections::{BTreeMap, BTreeSet};

/// Authors remembered as recent: twice what one part can tell.
const RECENT_MAX: usize = 64;

/// What a device has confirmed in parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Confirmed {
    /// Entries that it held in all when it last said so.
    pub counter: u64,
    /// Places that it durably holds.
    pub places: Frontier,
}

/// What a session on a tiny link knows beside the others.
pub(super) struct ShortState {
    lanes: Lane,
    to: Option<DeviceId>,
    /// What this side held when it called.
    at_call: Option<Receipt>,
    /// Entries that follow the call and have not come yet.
    awaited: u64,
    /// A Have is owed, once they are durable.
    have_due: bool,
    /// Counter of the own receipt that the peer says it holds.
    base: Option<u64>,
    /// Entries held when the last part was sent.
    part_at: Option<u64>,
    /// Authors of what came in this session.
    came: BTreeSet<DeviceId>,
}

/// The last lane that travels in a session.
pub(super) fn lanes_of(session: &Session, limits: &BTreeMap<DeviceId, Lane>) -> Lane {
    let limit = session.peer.and_then(|peer| limits.get(&peer)).copied().unwrap_or(Lane::Bulk);
    session.short.as_ref().map_or(limit, |short| short.lanes.min(limit))
}

/// These places cannot be served, in the words of the session.
pub(super) fn gone_frame(session: &Session, ranges: &[Range]) -> Vec<u8> {
    match session.short {
        Some(_) => encode_ranges(GONE_KIND, ranges),
        None => encode::gone(ranges, &session.numbering().ours),
    }
}

/// The lanes that everybody needs, of a frontier.
fn urgent_part(frontier: &Frontier) -> Frontier {
    let mut part = Frontier::default();
    for range in frontier.minus(&Frontier::default()) {
        if range.log.lane <= Lane::Urgent {
            part.insert(range);
        }
    }
    part
}

/// The same places under the author's full name, once that is known.
fn rename(frontier: &mut Frontier, name: DeviceId, author: DeviceId) {
    if frontier.logs().any(|(log, _)| log.author == name) {
        let mut renamed = Frontier::default();
        for mut range in frontier.minus(&Frontier::default()) {
            if range.log.author == name {
                range.log.author = author;
            }
            renamed.insert(range);
        }
        *frontier = renamed;
    }
}

impl Replica {
    /// Takes back from the disk which own receipt a device is known to hold.
    pub fn recall_told(&mut self, device: DeviceId, receipt: Receipt) {
        self.acknowledged.insert(device, receipt);
    }

    /// Takes back from the disk what a device has confirmed in parts.
    pub fn recall_part(&mut self, device: DeviceId, confirmed: Confirmed) {
        self.parts.insert(device, confirmed);
    }

    pub(super) fn acknowledge(&mut self, peer: DeviceId, receipt: Receipt, out: &mut Vec<Effect>) {
        if self.acknowledged.get(&peer) != Some(&receipt) {
            self.acknowledged.insert(peer, receipt.clone());
            out.push(Effect::KeepTold(peer, receipt));
        }
    }

    /// A receipt of the device itself says more, or shows that something was lost.
    pub(super) fn forget_part(&mut self, peer: DeviceId, out: &mut Vec<Effect>) {
        if self.parts.remove(&peer).is_some() {
            out.push(Effect::KeepPart(peer, Confirmed::default()));
        }
    }

    pub(super) fn note_recent(&mut self, held: &Frontier) {
        for (log, _) in held.logs().filter(|(log, _)| log.lane <= Lane::Urgent) {
            self.recent.retain(|author| *author != log.author);
            self.recent.push_front(log.author);
        }
        self.recent.truncate(RECENT_MAX);
    }

    pub(super) fn limit(&mut self, device: DeviceId, lanes: Lane, out: &mut Vec<Effect>) {
        match lanes {
            Lane::Bulk => self.limits.remove(&device),
            lanes => self.limits.insert(device, lanes),
        };
        let of_device: Vec<_> =
            self.sessions.iter().filter(|(_, session)| session.peer == Some(device)).map(|(id, _)| *id).collect();
        for id in of_device {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let (kept, gone): (Vec<_>, Vec<_>) = session.serving.drain(..).partition(|range| range.log.lane <= lanes);
            session.serving.extend(kept);
            if !gone.is_empty() {
                let frame = gone_frame(session, &gone);
                self.send(id, frame, false, out);
            }
        }
    }

    /// The device of a short name, if just one is known by it.
    fn find(&self, name: ShortName) -> Option<DeviceId> {
        let known = self.directory.devices().keys().copied().chain(self.durable.authors());
        let mut known: Vec<_> = known.filter(|device| short_name(device) == name).collect();
        known.dedup();
        match known.as_slice() {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => Some(*first),
            _ => None,
        }
    }

    fn find_caller(&self, name: [u8; 3]) -> Option<DeviceId> {
        let known = self.directory.devices().keys().chain(self.receipts.keys());
        let known: BTreeSet<_> = known.filter(|device| name_of(device).0 == name).copied().collect();
        known.first().copied().filter(|device| known.len() == 1 && *device != self.device())
    }

    /// What a device is known to hold, and whether a whole receipt says so.
    fn known_of(&self, device: &DeviceId) -> Option<Frontier> {
        let mut known = self.receipts.get(device)?.frontier.clone();
        known.extend(&self.parts.get(device).map(|confirmed| confirmed.places.clone()).unwrap_or_default());
        Some(known)
    }

    pub(super) fn linked(
        &mut self,
        id: SessionId,
        initiator: bool,
        to: Option<DeviceId>,
        (lanes, bytes_per_s): (Lane, u64),
        out: &mut Vec<Effect>,
    ) {
        let mut session = Session::new(initiator, [0; 32], to);
        session.pace = Pace::of_line(bytes_per_s);
        let at_call = initiator.then(|| self.own_receipt());
        session.short = Some(ShortState {
            lanes,
            to,
            at_call,
            awaited: 0,
            have_due: false,
            base: None,
            part_at: None,
            came: BTreeSet::new(),
        });
        let known = to.and_then(|to| self.known_of(&to));
        let lanes = to.and_then(|to| self.limits.get(&to)).copied().unwrap_or(lanes).min(lanes);
        let travels = |range: &Range| range.log.lane <= lanes;
        let mut call = Call {
            salt: self.entropy.array(),
            from: name_of(&self.device()).0,
            to: to.map_or([0; 2], |to| name_of(&to).1),
            mine: [0; 4],
            yours: [0; 4],
            more: false,
            apart: known.is_none(),
            pushed: 0,
        };
        let own = self.device();
        match (to.and_then(|to| Some((to, self.receipts.get(&to)?))), &known) {
            (Some((to, receipt)), Some(known)) => {
                call.mine = digest(&call.salt, &own, &self.durable.hash());
                call.yours = digest(&call.salt, &to, &receipt.frontier.hash());
                let lacking: Vec<_> = self.durable.minus(known).into_iter().filter(travels).collect();
                call.more = !lacking.is_empty() || known.minus(&self.chains.frontier()).iter().any(travels);
                let urgent: Vec<_> = lacking.into_iter().filter(|range| range.log.lane <= Lane::Urgent).collect();
                let count: u64 = urgent.iter().map(Range::count).sum();
                if count <= PUSHED_MAX as u64 {
                    call.pushed = count as u8;
                    session.serving.extend(urgent);
                }
            }
            _ => call.mine = digest(&call.salt, &own, &urgent_part(&self.durable).hash()),
        }
        self.sessions.insert(id, session);
        if initiator {
            self.send(id, call.encode(), false, out);
            self.pump(id, out);
        }
    }

    /// Takes what only a tiny link says, and gives back what all sessions say.
    pub(super) fn told_short(
        &mut self,
        now_ms: u64,
        id: SessionId,
        message: Message,
        out: &mut Vec<Effect>,
    ) -> Option<Message> {
        let own = self.device();
        let session = self.sessions.get_mut(&id)?;
        let peer = session.peer;
        let short = session.short.as_mut()?;
        match (message, peer) {
            (Message::Short(Short::Call(call)), None) if short.at_call.is_none() => self.called(id, call, out),
            (Message::Short(Short::Same), None) if short.at_call.is_some() => {
                if let (Some(to), Some(receipt)) = (short.to, short.at_call.take()) {
                    session.peer = Some(to);
                    if self.receipts.contains_key(&to) {
                        self.acknowledge(to, receipt, out);
                    }
                }
                self.end(id, Outcome::Done, out);
            }
            (Message::Short(Short::Answer(answer)), None) if short.at_call.is_some() => self.answered(id, answer, out),
            (Message::Short(Short::Name(device)), None) if short.at_call.is_none() && device != own => {
                session.peer = Some(device);
                self.settle(id, out);
            }
            (Message::Short(Short::Part(part)), Some(peer)) => self.part(id, peer, &part, out),
            (Message::Short(Short::Ask(ranges)), Some(_)) => return Some(Message::Need(self.full_names(ranges))),
            (Message::Short(Short::Gone(ranges)), Some(_)) => {
                short.awaited = 0;
                let known = self.full_names(ranges.clone());
                return Some(Message::Gone([ranges, known].concat()));
            }
            // A receipt goes without the name of its device, which is that of the peer.
            (Message::Have(bytes), Some(peer)) => {
                return Some(Message::Have([peer.as_bytes(), bytes.as_slice()].concat()));
            }
            // Who calls is not known in full yet, and its entries are as good as anybody's.
            (Message::Entries(run), peer) => {
                let author = run.log.author;
                short.came.insert(author);
                let taken = if run.refused.is_some() { u64::MAX } else { run.entries.len() as u64 };
                short.awaited = short.awaited.saturating_sub(taken);
                let name = stand_in(short_name(&author));
                rename(&mut session.wanted, name, author);
                rename(&mut session.given_up, name, author);
                if let Some(theirs) = &mut session.peer_has {
                    rename(theirs, name, author);
                }
                let from = peer.or(short.to).unwrap_or(author);
                self.entries(now_ms, id, from, run, out);
            }
            (Message::Again, Some(_)) => {
                // The peer holds nothing that a difference could be told to.
                (session.last_sent, short.base) = (None, Some(0));
                self.send_part(id, out);
            }
            (Message::Done, Some(_)) => return Some(Message::Done),
            (message @ Message::Refuse(_), _) => return Some(message),
            _ => self.refuse(id, Refusal::Malformed, out),
        }
        None
    }

    fn full_names(&self, mut ranges: Vec<Range>) -> Vec<Range> {
        for range in &mut ranges {
            range.log.author = self.find(short_name(&range.log.author)).unwrap_or(range.log.author);
        }
        ranges
    }

    fn called(&mut self, id: SessionId, call: Call, out: &mut Vec<Effect>) {
        let own = self.device();
        let own_receipt = self.own_receipt();
        let peer = self.find_caller(call.from);
        let held = peer.and_then(|peer| self.receipts.get(&peer)).cloned();
        let (salt, coming) = (self.entropy.array::<SALT_LEN>(), self.chains.frontier());
        let limits = &self.limits;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.peer = peer;
        let lanes = lanes_of(session, limits);
        let travels = |range: &Range| range.log.lane <= lanes;
        let digest_of = |device: &DeviceId, frontier: &Frontier| digest(&call.salt, device, &frontier.hash());
        let current = held
            .as_ref()
            .filter(|held| !call.apart && peer.is_some_and(|peer| digest_of(&peer, &held.frontier) == call.mine));
        let no_have = !call.apart && digest_of(&own, &self.durable) == call.yours;
        let nothing = match (current, no_have, peer) {
            (Some(current), true, _) => {
                let theirs = &current.frontier;
                !theirs.minus(&coming).iter().any(travels) && !self.durable.minus(theirs).iter().any(travels)
            }
            (_, _, Some(peer)) => call.apart && digest_of(&peer, &urgent_part(&self.durable)) == call.mine,
            _ => false,
        };
        if nothing && !call.more && call.pushed == 0 {
            self.send(id, vec![SAME_KIND], false, out);
            if let (Some(peer), true) = (peer, no_have) {
                self.acknowledge(peer, own_receipt, out);
            }
            return self.end(id, Outcome::Done, out);
        }
        let answer = Answer {
            salt,
            device: (call.to == [0; 2]).then_some(own),
            who: peer.is_none(),
            no_have,
            base: current.is_none().then(|| held.as_ref().map_or(0, |held| held.counter)),
        };
        if no_have {
            session.last_sent = Some(own_receipt);
        }
        if let Some(current) = current {
            (session.peer_has, session.heard) = (Some(current.frontier.clone()), Some(current.clone()));
        }
        if let Some(short) = &mut session.short {
            (short.awaited, short.have_due) = (u64::from(call.pushed), !no_have);
        }
        self.send(id, answer.encode(), false, out);
        self.settle(id, out);
    }

    fn answered(&mut self, id: SessionId, answer: Answer, out: &mut Vec<Effect>) {
        let own = self.device();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(short) = &mut session.short else { return };
        let Some(peer) = answer.device.or(short.to).filter(|peer| *peer != own) else {
            return self.refuse(id, Refusal::Malformed, out);
        };
        if short.to.is_some_and(|to| to != peer) {
            return self.refuse(id, Refusal::OtherDevice, out);
        }
        session.peer = Some(peer);
        (short.base, short.have_due) = (answer.base, answer.base.is_some());
        match answer.base {
            None => session.last_sent = short.at_call.clone(),
            Some(_) if answer.who => {
                let name = [&[NAME_KIND], own.as_bytes()].concat();
                self.send(id, name, false, out);
            }
            Some(_) => {}
        }
        let held = self.receipts.get(&peer).cloned().filter(|_| answer.no_have);
        if let (Some(session), Some(held)) = (self.sessions.get_mut(&id), held) {
            (session.peer_has, session.heard) = (Some(held.frontier.clone()), Some(held));
        }
        self.settle(id, out);
    }

    /// Tells what is held here once what was pushed is durable, and asks. True if the session may go on to its end.
    pub(super) fn settle_short(&mut self, id: SessionId, out: &mut Vec<Effect>) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let Some(short) = &mut session.short else { return true };
        if session.peer.is_none() || short.awaited > 0 || (short.have_due && !self.pending.is_empty()) {
            return false;
        }
        let ask = session.peer_has.is_some() && session.wanted.count() == 0 && !session.pace.has_asked();
        if std::mem::take(&mut short.have_due) {
            self.send_short_have(id, out);
        }
        if ask {
            self.want(id, out);
        }
        true
    }

    /// What is durably held here, as a difference to a receipt that the peer holds, or in part.
    pub(super) fn send_short_have(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let receipt = self.own_receipt();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (Some(short), Some(peer)) = (&session.short, session.peer) else { return };
        if session.last_sent.as_ref().is_some_and(|sent| sent.frontier == receipt.frontier) {
            return;
        }
        let base = match (&session.last_sent, short.base) {
            (Some(sent), _) => Some(sent),
            // In this order: what this peer was told is at hand; another may have been told what it now holds.
            (None, Some(counter)) => {
                let known = self.acknowledged.get(&peer).into_iter().chain(self.acknowledged.values());
                known.into_iter().find(|known| known.counter == counter)
            }
            (None, None) => self.acknowledged.get(&peer),
        };
        // Without the name of this device, which the peer knows.
        let bytes = base.map(|base| receipt.encode(Form::Since(base))[DeviceId::LEN..].to_vec());
        match bytes.filter(|bytes| bytes.len() < HAVE_BYTES_MAX) {
            Some(bytes) => {
                session.last_sent = Some(receipt);
                self.send(id, encode::have(&bytes), false, out);
            }
            None => self.send_part(id, out),
        }
    }

    fn send_part(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let count = self.durable.count();
        let from = u64::from_be_bytes(self.entropy.array());
        let Some(short) = self.sessions.get_mut(&id).and_then(|session| session.short.as_mut()) else { return };
        if short.part_at.replace(count) == Some(count) {
            return;
        }
        // First what this session has brought, then this device, then whoever was heard of last, then others in turn: what
        // one part leaves out another will tell.
        let others: Vec<_> = self.durable.authors().into_iter().collect();
        let turn = (from % others.len().max(1) as u64) as usize;
        let authors: Vec<_> = short.came.iter().copied().chain([self.signer.device()]).collect();
        let authors = authors.into_iter().chain(self.recent.iter().copied());
        let authors = authors.chain(others[turn..].iter().chain(&others[..turn]).copied());
        let part = Part::sign(&self.network, &self.durable, authors, &*self.signer);
        self.send(id, part.encode(), false, out);
    }

    /// A part of what the peer holds: what is missing here is asked for; if every author is known and the signature holds,
    /// it counts as a copy.
    fn part(&mut self, id: SessionId, peer: DeviceId, part: &Part, out: &mut Vec<Effect>) {
        let places = part.places(|name| self.find(name));
        let known = places.logs().all(|(log, _)| !is_stand_in(&log.author));
        if known && part.holds(&self.network, &peer, &places, &*self.verifier) {
            let before = self.parts.get(&peer).cloned().unwrap_or_default();
            // Fewer entries than before: something was lost, and what was said then counts no more.
            let mut confirmed = if part.counter >= before.counter { before.clone() } else { Confirmed::default() };
            confirmed.counter = part.counter;
            confirmed.places.extend(&places);
            if confirmed != before {
                self.parts.insert(peer, confirmed.clone());
                out.push(Effect::KeepPart(peer, confirmed));
                out.push(Effect::Changed);
            }
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.peer_has.is_none() {
            session.peer_has = Some(places);
        }
        self.settle(id, out);
    }
}

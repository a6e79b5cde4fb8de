//! The session of a tiny link: it opens with a Call instead of Hello and Have, so that nothing changed costs two small
//! frames; urgent entries that the other side is known to lack follow the call at once; a frontier is told as a difference,
//! or as a part by short names, and never takes more than [`HAVE_BYTES_MAX`]. `docs/protocol.md`, Tiny links.
//!
//! Who may speak is proven by the network's key (`tiny`), and nothing more: entries, receipts and parts are signed
//! themselves, and everything else is a question or a hint. A device of the network that speaks under another's name gets
//! what it might have had under its own.

use super::fork::short_id;
use super::order::Pace;
use super::session::{Naming, Session};
use super::{Effect, Keep, Outcome, Replica, SessionId, SessionStats};
use crate::chain::Span;
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, Lane, LogId};
use crate::message::{Message, Refusal, encode};
use crate::receipt::{Form, Receipt};
use crate::short::{
    Answer, Call, Claim, Digest, HAVE_BYTES_MAX, NAME_KIND, PUSHED_MAX, Part, RANGES_MAX, SALT_LEN, SAME_KIND, Settled,
    Short, ShortName, Yours, digest, is_stand_in, name_of, short_name, stand_in,
};
use std::collections::{BTreeMap, BTreeSet};

/// Authors remembered as recent: twice what one part can tell.
const RECENT_MAX: usize = 64;

/// What a device has confirmed in parts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct InParts {
    /// Entries that it held in all when it last said so.
    pub counter: u64,
    /// Places that it durably holds.
    pub places: Frontier,
}

/// What a session on a tiny link knows beside the others.
pub(super) struct ShortState {
    lanes: Lane,
    to: Option<DeviceId>,
    /// Of the call: what digests of this session are made with.
    salt: [u8; SALT_LEN],
    /// Who speaks, to a keeper that has yet to be shown its enrolment.
    unknown: Option<DeviceId>,
    /// What this side held when it called.
    at_call: Option<Receipt>,
    /// Entries that follow the call and have not come yet.
    awaited: u64,
    /// A Have is owed, once they are durable.
    have_due: bool,
    /// Counter of the own receipt that the peer says it holds.
    base: Option<u64>,
    /// The peer was shown that it has claimed more than it holds.
    claim_shown: bool,
    /// Entries held when the last part was sent.
    part_at: Option<u64>,
    /// Authors of what came in this session.
    came: BTreeSet<DeviceId>,
}

impl ShortState {
    /// True until all that follows the call has come.
    pub(super) fn is_awaiting(&self) -> bool {
        self.awaited > 0
    }
}

/// The last lane that travels in a session.
pub(super) fn lanes_of(session: &Session, limits: &BTreeMap<DeviceId, Lane>) -> Lane {
    let limit = session.peer.and_then(|peer| limits.get(&peer)).copied().unwrap_or(Lane::Bulk);
    session.short.as_ref().map_or(limit, |short| short.lanes.min(limit))
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

/// True for a piece of the lanes that everybody needs.
fn is_urgent(span: &Span) -> bool {
    span.log.lane <= Lane::Urgent
}

/// True if a piece of this frontier ends at this place.
fn ends_at(frontier: &Frontier, log: &LogId, seq: u64) -> bool {
    frontier.get(log).is_some_and(|held| held.iter().any(|(_, to)| to == seq))
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
    /// A receipt of the device itself says more, or shows that something was lost.
    pub(super) fn forget_part(&mut self, peer: DeviceId, out: &mut Vec<Effect>) {
        if self.parts.remove(&peer).is_some() {
            out.push(Effect::Keep(Keep::Part(peer, InParts::default())));
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
                let frame = session.naming(Naming::Gone, &gone);
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
        self.parts.get(device).into_iter().for_each(|parts| known.extend(&parts.places));
        Some(known)
    }

    /// Which entries stand at the ends that this side and the other have in common.
    fn common_tips(&self, theirs: &Frontier) -> [u8; 32] {
        let own = self.claimed();
        let both = |span: &Span| ends_at(&own, &span.log, span.to) && ends_at(theirs, &span.log, span.to);
        self.chains.tips(both)
    }

    /// Asks which entries stand at the ends of pieces that both sides have: the peer's own first, then of others from a
    /// place that changes, since one question has to do.
    fn ask_about(&mut self, id: SessionId, peer: DeviceId, counts: impl Fn(&Span) -> bool, out: &mut Vec<Effect>) {
        let ends = self.chains.spans().filter(counts);
        let ends = ends.map(|span| Range { log: span.log, from: span.to, to: span.to });
        let (mut ends, others): (Vec<_>, Vec<_>) = ends.partition(|end| end.log.author == peer);
        let turn = u64::from_be_bytes(self.entropy.array()) % others.len().max(1) as u64;
        let (before, after) = others.split_at(turn as usize);
        ends.extend(after.iter().chain(before));
        ends.truncate(RANGES_MAX);
        self.ask_which(id, ends, out);
    }

    pub(super) fn linked(
        &mut self,
        id: SessionId,
        initiator: bool,
        to: Option<DeviceId>,
        (lanes, bytes_per_s): (Lane, u64),
        out: &mut Vec<Effect>,
    ) {
        if self.outlived {
            // There is nobody to be called or answered before the new device is there.
            out.push(Effect::Renew);
            let (outcome, stats) = (Outcome::Outlived, SessionStats::default());
            return out.push(Effect::Close { session: id, outcome, peer: None, stats });
        }
        let (own, salt, held) = (self.device(), self.entropy.array(), self.claimed());
        let mut session = Session::new(initiator, [0; 32], to);
        session.pace = Pace::of_line(bytes_per_s);
        session.short = Some(ShortState {
            lanes,
            to,
            salt,
            unknown: None,
            at_call: initiator.then(|| self.own_receipt()),
            awaited: 0,
            have_due: false,
            base: None,
            claim_shown: false,
            part_at: None,
            came: BTreeSet::new(),
        });
        let limit = to.and_then(|to| self.limits.get(&to).copied()).unwrap_or(lanes);
        let travels = |range: &Range| range.log.lane <= limit.min(lanes);
        let mut call = Call {
            salt,
            from: name_of(&own).0,
            to: to.map_or([0; 2], |to| name_of(&to).1),
            mine: digest(&salt, &own, &urgent_part(&held).hash()),
            tips: digest(&salt, &own, &self.chains.tips(is_urgent)),
            yours: None,
            more: false,
            pushed: 0,
        };
        if let Some((to, known)) = to.and_then(|to| Some((to, self.known_of(&to)?))) {
            let theirs = self.receipts.get(&to).map(|receipt| &receipt.frontier).unwrap_or(&known);
            call.mine = digest(&salt, &own, &held.hash());
            call.tips = digest(&salt, &own, &self.common_tips(theirs));
            call.yours = Some(digest(&salt, &to, &theirs.hash()));
            let lacking: Vec<_> = held.minus(&known).into_iter().filter(travels).collect();
            call.more = !lacking.is_empty() || known.minus(&self.chains.frontier()).iter().any(travels);
            let urgent: Vec<_> = lacking.into_iter().filter(|range| range.log.lane <= Lane::Urgent).collect();
            let count: u64 = urgent.iter().map(Range::count).sum();
            if count <= PUSHED_MAX as u64 {
                call.pushed = count as u8;
                session.serving.extend(urgent);
            }
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
        let (own, is_keeper) = (self.device(), self.keeper.is_some());
        let session = self.sessions.get_mut(&id)?;
        let peer = session.peer;
        let short = session.short.as_mut()?;
        let unmet = peer.is_none() && (short.unknown.is_some() || is_keeper && matches!(message, Message::Entries(_)));
        if unmet && !matches!(message, Message::Credential(_) | Message::Refuse(_) | Message::Short(Short::Name(_))) {
            if !session.keep_early(message) {
                self.refuse(id, Refusal::Malformed, out);
            }
            return None;
        }
        match (message, peer) {
            (Message::Short(Short::Call(call)), None) if short.at_call.is_none() => self.called(id, call, out),
            (Message::Short(Short::Same), None) if short.at_call.is_some() => {
                if let (Some(to), Some(receipt)) = (short.to, short.at_call.take()) {
                    session.peer = Some(to);
                    if self.receipts.contains_key(&to) {
                        self.holds_ours(to, receipt, out);
                    }
                }
                self.end(id, Outcome::Done, out);
            }
            (Message::Short(Short::Answer(answer)), None) if short.at_call.is_some() => {
                self.answered(now_ms, id, answer, out)
            }
            (Message::Short(Short::Name(device)), None) if short.at_call.is_none() && device != own => {
                self.met(now_ms, id, device, out);
            }
            (Message::WhoAreYou, _) => return Some(Message::WhoAreYou),
            (Message::Credential(enrolment), None) if short.unknown.is_some() => {
                let unknown = short.unknown.take();
                match self.shown(now_ms, *enrolment, out) {
                    Some(device) if Some(device) == unknown => self.met(now_ms, id, device, out),
                    _ => self.refuse(id, Refusal::NotEnrolled, out),
                }
            }
            (Message::Short(Short::Part(part)), Some(peer)) => self.part(id, peer, &part, out),
            (Message::Short(Short::Yours(yours)), Some(_)) => {
                let end = |lane: Lane, seq| Range { log: LogId { lane, author: own }, from: seq, to: seq };
                let said = Lane::ALL.into_iter().zip(yours.0);
                let said = said.filter_map(|(lane, told)| told.map(|(seq, id)| (end(lane, seq), id)));
                self.compare_own(id, said.collect(), out);
            }
            (Message::Short(Short::Claim(claim)), Some(_)) => {
                self.look_for_own_count(&claim, out);
            }
            (Message::Short(Short::Which(places)), Some(_)) => {
                return Some(Message::Which(self.full_names(places)));
            }
            (Message::Short(Short::Show(places)), Some(_)) => return Some(Message::Show(self.full_names(places))),
            (message @ (Message::Ids(_) | Message::Header(_)), Some(_)) => return Some(message),
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
            (Message::Short(Short::Settled(settled)), Some(peer)) => {
                self.compare_urgent(id, peer, &settled, out);
                return Some(Message::Done);
            }
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

    /// True for a device that has yet to show its enrolment: a keeper deals with no other, and reads of nobody in lane 0.
    fn is_unmet(&self, device: &DeviceId) -> bool {
        self.keeper.is_some() && self.directory.facility_of(device).is_none()
    }

    /// It is clear who the other side is.
    fn met(&mut self, now_ms: u64, id: SessionId, device: DeviceId, out: &mut Vec<Effect>) {
        let is_unmet = self.is_unmet(&device);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(short) = &mut session.short else { return };
        if is_unmet {
            short.unknown = Some(device);
            return self.send(id, encode::who_are_you(), false, out);
        }
        session.peer = Some(device);
        session.take_early().into_iter().for_each(|message| self.told(now_ms, id, message, out));
        self.settle(id, out);
    }

    fn called(&mut self, id: SessionId, call: Call, out: &mut Vec<Effect>) {
        let own = self.device();
        let own_receipt = self.own_receipt();
        let peer = self.find_caller(call.from).filter(|peer| !self.is_unmet(peer));
        let receipt = peer.and_then(|peer| self.receipts.get(&peer)).cloned();
        let (salt, coming, held) = (self.entropy.array::<SALT_LEN>(), self.chains.frontier(), self.claimed());
        let limits = &self.limits;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.peer = peer;
        if let Some(short) = &mut session.short {
            short.salt = call.salt;
        }
        let lanes = lanes_of(session, limits);
        let travels = |range: &Range| range.log.lane <= lanes;
        let is = |said: &Digest, device: Option<DeviceId>, hash: &[u8; 32]| {
            device.is_some_and(|device| digest(&call.salt, &device, hash) == *said)
        };
        let current =
            receipt.as_ref().filter(|held| call.yours.is_some() && is(&call.mine, peer, &held.frontier.hash()));
        let no_have = call.yours.is_some_and(|yours| is(&yours, Some(own), &held.hash()));
        let (same_places, same_tips, nothing) = match (current, call.yours) {
            (Some(Receipt { frontier: theirs, .. }), Some(_)) => {
                let nothing = !theirs.minus(&coming).iter().any(travels) && !held.minus(theirs).iter().any(travels);
                (no_have, is(&call.tips, peer, &self.common_tips(theirs)), no_have && nothing)
            }
            (_, None) => {
                let same_places = is(&call.mine, peer, &urgent_part(&held).hash());
                (same_places, is(&call.tips, peer, &self.chains.tips(is_urgent)), same_places)
            }
            _ => (false, true, false),
        };
        if nothing && same_tips && !call.more && call.pushed == 0 {
            self.send(id, vec![SAME_KIND], false, out);
            if let (Some(peer), true) = (peer, no_have) {
                self.holds_ours(peer, own_receipt, out);
            }
            return self.end(id, Outcome::Done, out);
        }
        let differ = same_places && !same_tips && self.pending.is_empty() && self.doubts.is_empty();
        let theirs = current.map(|current| current.frontier.clone());
        let answer = Answer {
            salt,
            device: (call.to == [0; 2]).then_some(own),
            who: peer.is_none(),
            no_have,
            base: theirs.is_none().then(|| receipt.as_ref().map_or(0, |held| held.counter)),
        };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if no_have {
            session.last_sent = Some(own_receipt);
        }
        if theirs.is_some() {
            (session.peer_has, session.heard) = (theirs.clone(), receipt);
        }
        if let Some(short) = &mut session.short {
            (short.awaited, short.have_due) = (u64::from(call.pushed), !no_have);
        }
        self.send(id, answer.encode(), false, out);
        match (peer.filter(|_| differ), theirs) {
            (Some(peer), Some(theirs)) => {
                let both = |span: &Span| ends_at(&held, &span.log, span.to) && ends_at(&theirs, &span.log, span.to);
                self.ask_about(id, peer, both, out);
            }
            (Some(peer), None) => self.ask_about(id, peer, is_urgent, out),
            (None, _) => {}
        }
        self.settle(id, out);
    }

    fn answered(&mut self, now_ms: u64, id: SessionId, answer: Answer, out: &mut Vec<Effect>) {
        let own = self.device();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(short) = &mut session.short else { return };
        let Some(peer) = answer.device.or(short.to).filter(|peer| *peer != own) else {
            return self.refuse(id, Refusal::Malformed, out);
        };
        if short.to.is_some_and(|to| to != peer) {
            return self.refuse(id, Refusal::OtherDevice, out);
        }
        (short.base, short.have_due) = (answer.base, answer.base.is_some());
        if answer.base.is_none() {
            session.last_sent = short.at_call.clone();
        }
        if let Some(held) = self.receipts.get(&peer).filter(|_| answer.no_have) {
            (session.peer_has, session.heard) = (Some(held.frontier.clone()), Some(held.clone()));
        }
        if answer.who {
            self.send(id, [&[NAME_KIND], own.as_bytes() as &[u8]].concat(), false, out);
        }
        self.met(now_ms, id, peer, out);
    }

    /// The sender is done. If it holds the same places of lanes 0 and 1 as this side, and other entries stand at their
    /// ends, there is a fork somewhere.
    fn compare_urgent(&mut self, id: SessionId, peer: DeviceId, settled: &Settled, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get(&id) else { return };
        let Some(short) = session.short.as_ref().filter(|_| self.pending.is_empty() && self.doubts.is_empty()) else {
            return;
        };
        let places = urgent_part(&self.durable);
        let same_places = match settled.places {
            Some(told) => told == digest(&short.salt, &peer, &places.hash()),
            None => session.heard.as_ref().is_some_and(|heard| urgent_part(&heard.frontier) == places),
        };
        if same_places && settled.tips != digest(&short.salt, &peer, &self.chains.tips(is_urgent)) {
            self.ask_about(id, peer, is_urgent, out);
        }
    }

    /// What this side says when it has all that it asked for.
    pub(super) fn short_done(&self, id: SessionId) -> Vec<u8> {
        let short = self.sessions.get(&id).and_then(|session| session.short.as_ref());
        let (salt, in_part) = short.map_or(([0; SALT_LEN], None), |short| (short.salt, short.part_at));
        let own = self.device();
        let tips = digest(&salt, &own, &self.chains.tips(is_urgent));
        let places = in_part.map(|_| digest(&salt, &own, &urgent_part(&self.claimed()).hash()));
        Settled { tips, places }.encode()
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
        let held = self.claimed();
        let count = held.count();
        let from = u64::from_be_bytes(self.entropy.array());
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (Some(short), Some(peer)) = (&mut session.short, session.peer) else { return };
        let last = short.part_at.replace(count);
        if last == Some(count) {
            return;
        }
        // First what this session has brought, then this device, then whoever was heard of last, then others in turn: what
        // one part leaves out another will tell.
        let others: Vec<_> = held.authors().into_iter().collect();
        let turn = (from % others.len().max(1) as u64) as usize;
        let authors: Vec<_> = short.came.iter().copied().chain([self.signer.device()]).collect();
        let authors = authors.into_iter().chain(self.recent.iter().copied());
        let authors = authors.chain(others[turn..].iter().chain(&others[..turn]).copied());
        let part = Part::sign(&self.network, &held, authors, &*self.signer);
        let yours = self.ends_of(peer);
        if last.is_none() && yours != Yours::default() {
            self.send(id, yours.encode(), false, out);
        }
        self.send(id, part.encode(), false, out);
    }

    /// A peer that says it holds fewer entries than it once signed a receipt for has gone back in time, and cannot know: it
    /// is shown that it did, once.
    pub(super) fn show_own_count(&mut self, id: SessionId, peer: DeviceId, counter: u64, out: &mut Vec<Effect>) {
        let Some(before) = self.receipts.get(&peer).filter(|before| before.counter > counter) else { return };
        let Receipt { counter, ref frontier, signature, .. } = *before;
        let claim = Claim { counter, frontier_hash: frontier.hash(), signature };
        let short = self.sessions.get_mut(&id).and_then(|session| session.short.as_mut());
        if short.is_some_and(|short| !std::mem::replace(&mut short.claim_shown, true)) {
            self.send(id, claim.encode(), false, out);
        }
    }

    /// What this device once claimed to hold is here, or it has gone back in time. Where a branch of a forked log has lost
    /// its places, there may be fewer entries than before with nothing lost: a carrier that brings whole receipts tells.
    fn look_for_own_count(&mut self, claim: &Claim, out: &mut Vec<Effect>) {
        let signed = (claim.counter, &claim.frontier_hash, &claim.signature);
        let more = claim.counter > self.durable.count() && self.directory.forks().is_empty();
        if more && Receipt::is_signed(&self.network, &self.device(), signed, &*self.verifier) {
            self.outlived(out);
        }
    }

    /// What is held of a device's own logs.
    fn ends_of(&self, device: DeviceId) -> Yours {
        Yours(Lane::ALL.map(|lane| {
            let (seq, id) = self.chains.head(&LogId { lane, author: device });
            (seq > 0).then(|| (seq, short_id(&id)))
        }))
    }

    /// A part of what the peer holds: what is missing here is asked for; if every author is known and the signature holds,
    /// it counts as a copy.
    fn part(&mut self, id: SessionId, peer: DeviceId, part: &Part, out: &mut Vec<Effect>) {
        self.show_own_count(id, peer, part.counter, out);
        let places = part.places(|name| self.find(name));
        let known = places.logs().all(|(log, _)| !is_stand_in(&log.author));
        if known && part.holds(&self.network, &peer, &places, &*self.verifier) {
            let before = self.parts.get(&peer).cloned().unwrap_or_default();
            // Fewer entries than before: something was lost, and what was said then counts no more.
            let mut parts = if part.counter >= before.counter { before.clone() } else { InParts::default() };
            parts.counter = part.counter;
            parts.places.extend(&places);
            if parts != before {
                self.parts.insert(peer, parts.clone());
                out.push(Effect::Keep(Keep::Part(peer, parts)));
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

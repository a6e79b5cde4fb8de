//! A session between two replicas: Hello, Have, Need, Entries, Done. Symmetric but for who speaks first, resumable at any
//! entry (the next session's Have tells), and quiet when nothing is missing: one round trip. `docs/protocol.md` §8.

use super::fork::Comparison;
use super::keep::size_of;
use super::order::{self, Pace};
use super::short::{ShortState, lanes_of};
use super::{Effect, Keep, Refused, RefusedReason, Replica, SessionId};
use crate::chain::Fork;
use crate::control::{SignedEnrolment, SiteKind};
use crate::directory::Learned;
use crate::entry::Entry;
use crate::frontier::{Frontier, Range, registry_digest};
use crate::ids::{DeviceId, Lane, LogId};
use crate::message::{
    Hello, Incoming, Message, Numbering, RANGES_MAX, RECEIPTS_BYTES_MAX, RECEIPTS_MAX, Refusal, encode,
};
use crate::receipt::{Form, Receipt, ReceiptError};
use crate::run::{CheckedRun, RUN_ENTRIES_MAX, Unfit, encode_run};
use crate::short::{self, BODY_BYTES_MAX};
use crate::sign::Purpose;
use std::collections::{BTreeSet, VecDeque};

/// Entries messages under way at once, so that the disk is read while the link sends.
const PACED_MAX: u32 = 2;
/// A receipt is sent in the middle of a long session after this many new entries, so that the sender's gauge falls even if
/// the link breaks before the end.
const RECEIPT_EVERY: u64 = 5_000;
/// Messages kept of a peer that has proven its key and is yet to show its enrolment: more than it can have to say before
/// it hears from us.
const EARLY_MAX: usize = 16;
/// Bytes of those messages together: the frontier of some twenty thousand authors by key.
const EARLY_BYTES_MAX: usize = 1024 * 1024;

/// Bytes, about, that a message takes which is kept until the peer has shown its enrolment.
fn early_bytes(message: &Message) -> usize {
    match message {
        Message::Have(receipt) => receipt.len(),
        Message::Need(ranges) | Message::Which(ranges) => std::mem::size_of_val(ranges.as_slice()),
        Message::Receipts(receipts) => receipts.iter().map(Vec::len).sum(),
        Message::Held(held) => std::mem::size_of_val(held.as_slice()),
        Message::Entries(run) => run.entries.iter().map(|entry| size_of(entry) as usize).sum(),
        _ => 0,
    }
}

/// True for a frame that asks for an answer: a greeting, Again, WhoAreYou, Need, Held, Which, Show, and the first three of
/// these on a tiny link.
fn asks(kind: u8) -> bool {
    matches!(
        kind,
        0 | 2 | 3 | 5 | 8 | 16 | 18 | short::CALL_KIND | short::ASK_KIND | short::WHICH_KIND | short::SHOW_KIND
    )
}

/// What a message names places for.
#[derive(Clone, Copy)]
pub(super) enum Naming {
    /// Please send them.
    Need,
    /// They cannot be served.
    Gone,
    /// Which entries stand there?
    Which,
    /// Please show the header.
    Show,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Both sides have what they asked for.
    Done,
    /// This side refused the peer.
    Refused(Refusal),
    /// The peer refused this side.
    RefusedByPeer(Refusal),
    /// The disk here did not take what arrived.
    DiskRefused,
    /// This device holds less than it has claimed, or has a twin; its facility goes on with a new one.
    Outlived,
}

/// What a session did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SessionStats {
    /// Entries sent.
    pub entries_sent: u64,
    /// New entries received.
    pub entries_received: u64,
    /// Round trips: times this side asked something and then heard an answer.
    pub rounds: u32,
}

/// One session's state.
pub(super) struct Session {
    initiator: bool,
    exporter: [u8; 32],
    expected: Option<DeviceId>,
    /// On a tiny link.
    pub(super) short: Option<ShortState>,
    /// How much to send and to ask for at once.
    pub(super) pace: Pace,
    /// The peer, once its signature over the channel holds and it is enrolled.
    pub(super) peer: Option<DeviceId>,
    /// A proven Hello of a device that has yet to show its enrolment.
    unknown: Option<Hello>,
    /// What that device has said meanwhile, since it may know us and need not wait.
    early: Vec<Message>,
    early_bytes: usize,
    /// The peer, a keeper, has said where it is reached: once a session.
    reach_heard: bool,
    greeted: bool,
    same_registry: bool,
    /// The last Have named authors by their place in the registry.
    sent_by_registry: bool,
    /// The first receipt sent, which numbers the peer's Need, and the last.
    first_sent: Option<Receipt>,
    pub(super) last_sent: Option<Receipt>,
    sent_at_count: u64,
    asked_again: bool,
    /// The newest receipt that the peer sent in this session: the base of its next one, whatever third sites bring.
    pub(super) heard: Option<Receipt>,
    /// What the peer held when it greeted; numbers our Need.
    pub(super) peer_has: Option<Frontier>,
    /// Which entries stood at the ends of it.
    pub(super) peer_heads: Option<[u8; 8]>,
    pub(super) comparison: Comparison,
    /// Asked of the peer.
    pub(super) wanted: Frontier,
    /// Not to be had from this peer: it said so, or what it sent was refused.
    pub(super) given_up: Frontier,
    receipts_due: bool,
    pub(super) serving: VecDeque<Range>,
    /// Being read from the disk, to its end.
    loading: Option<Range>,
    paced: u32,
    done_sent: bool,
    done_received: bool,
    asked: bool,
    stats: SessionStats,
}

impl Session {
    pub(super) fn new(initiator: bool, exporter: [u8; 32], expected: Option<DeviceId>) -> Session {
        Session {
            initiator,
            exporter,
            expected,
            short: None,
            pace: Pace::default(),
            peer: None,
            unknown: None,
            early: Vec::new(),
            early_bytes: 0,
            reach_heard: false,
            greeted: false,
            same_registry: true,
            sent_by_registry: false,
            first_sent: None,
            last_sent: None,
            sent_at_count: 0,
            asked_again: false,
            heard: None,
            peer_has: None,
            peer_heads: None,
            comparison: Comparison::default(),
            wanted: Frontier::default(),
            given_up: Frontier::default(),
            receipts_due: false,
            serving: VecDeque::new(),
            loading: None,
            paced: 0,
            done_sent: false,
            done_received: false,
            asked: false,
            stats: SessionStats::default(),
        }
    }

    pub(super) fn give_up(&mut self, ranges: Vec<Range>) {
        for range in ranges {
            self.given_up.insert(range);
        }
        let rest = self.wanted.minus(&self.given_up);
        self.wanted = Frontier::default();
        rest.into_iter().for_each(|range| self.wanted.insert(range));
    }

    /// Keeps a message until its sender has shown who it is; false if that is more than such a one can have to say.
    pub(super) fn keep_early(&mut self, message: Message) -> bool {
        self.early_bytes += early_bytes(&message);
        self.early.push(message);
        self.early.len() <= EARLY_MAX && self.early_bytes <= EARLY_BYTES_MAX
    }

    /// What was kept, once its sender has.
    pub(super) fn take_early(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.early)
    }

    fn give_up_log(&mut self, log: LogId) {
        let rest = self.wanted.minus(&Frontier::default());
        self.give_up(rest.into_iter().filter(|range| range.log == log).collect());
    }

    /// A message that names places, in the words of this session.
    pub(super) fn naming(&self, what: Naming, places: &[Range]) -> Vec<u8> {
        if self.short.is_some() {
            let kind = match what {
                Naming::Need => short::ASK_KIND,
                Naming::Gone => short::GONE_KIND,
                Naming::Which => short::WHICH_KIND,
                Naming::Show => short::SHOW_KIND,
            };
            return short::encode_ranges(kind, places);
        }
        let Numbering { ours, theirs } = self.numbering();
        match what {
            Naming::Need => encode::need(places, &theirs),
            Naming::Gone => encode::gone(places, &ours),
            Naming::Which => encode::which(places, &theirs),
            Naming::Show => encode::show(places, &theirs),
        }
    }

    pub(super) fn numbering(&self) -> Numbering {
        let authors = |frontier: Option<&Frontier>| {
            frontier.map(|frontier| frontier.authors().into_iter().collect()).unwrap_or_default()
        };
        Numbering {
            ours: authors(self.first_sent.as_ref().map(|receipt| &receipt.frontier)),
            theirs: authors(self.peer_has.as_ref()),
        }
    }
}

impl Replica {
    /// What a session has done so far.
    pub fn session_stats(&self, session: SessionId) -> Option<(Option<DeviceId>, SessionStats)> {
        self.sessions.get(&session).map(|session| (session.peer, session.stats))
    }

    pub(super) fn connected(
        &mut self,
        id: SessionId,
        initiator: bool,
        exporter: [u8; 32],
        expected: Option<DeviceId>,
        out: &mut Vec<Effect>,
    ) {
        if self.outlived {
            out.push(Effect::Renew);
            out.push(Effect::Send { session: id, frame: encode::refuse(Refusal::Outlived), paced: false });
            let (outcome, stats) = (Outcome::Outlived, SessionStats::default());
            return out.push(Effect::Close { session: id, outcome, peer: None, stats });
        }
        let mut session = Session::new(initiator, exporter, expected);
        // A keeper knows other devices than a member does, so that neither can read what the other's registry numbers.
        session.same_registry = !expected.is_some_and(|expected| self.keeps_acknowledged(&expected));
        self.sessions.insert(id, session);
        if initiator {
            self.greet(id, expected, out);
        }
    }

    pub(super) fn send(&mut self, id: SessionId, frame: Vec<u8>, paced: bool, out: &mut Vec<Effect>) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.asked |= frame.first().is_some_and(|kind| asks(*kind));
            session.paced += u32::from(paced);
        }
        out.push(Effect::Send { session: id, frame, paced });
    }

    pub(super) fn registry(&self) -> Vec<DeviceId> {
        self.directory.devices().keys().copied().collect()
    }

    /// What a device signs to prove that it is at this end of this channel.
    fn proof_message(&self, exporter: &[u8; 32], initiator: bool) -> Vec<u8> {
        [self.network.as_bytes(), exporter.as_slice(), &[u8::from(initiator)]].concat()
    }

    /// Third devices' receipts in eight bytes.
    fn receipts_digest(&self, peer: Option<DeviceId>) -> [u8; 8] {
        let mut hash = blake3::Hasher::new_derive_key("sanad 2026 receipts v1");
        for (device, receipt) in self.receipts.iter().filter(|(device, _)| Some(**device) != peer) {
            hash.update(device.as_bytes()).update(&receipt.counter.to_be_bytes());
        }
        let mut out = [0u8; 8];
        out.copy_from_slice(&hash.finalize().as_bytes()[..8]);
        out
    }

    /// Hello and Have.
    fn greet(&mut self, id: SessionId, peer: Option<DeviceId>, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.greeted = true;
        let (exporter, initiator) = (session.exporter, session.initiator);
        let hello = Hello {
            network: self.network,
            device: self.device(),
            proof: self.signer.sign(Purpose::Channel, &self.proof_message(&exporter, initiator)),
            registry: registry_digest(&self.registry()),
            receipts: self.receipts_digest(peer),
            heads: Some(self.chains.digest()),
        };
        self.send(id, encode::hello(&hello), false, out);
        self.send_have(id, peer, false, out);
    }

    /// This device's receipt for all it durably holds. Its counter is the number of entries held, which only grows, so that
    /// no counter has to be stored and a device that lost entries gives itself away.
    pub fn own_receipt(&self) -> Receipt {
        let known = self.sessions.values().filter_map(|session| session.last_sent.as_ref());
        let mut known = known.chain(self.acknowledged.values());
        let claimed = self.claimed();
        let same = known.find(|receipt| receipt.frontier == claimed).cloned();
        same.unwrap_or_else(|| Receipt::sign(&self.network, claimed.count().max(1), claimed, &*self.signer))
    }

    pub(super) fn send_have(&mut self, id: SessionId, peer: Option<DeviceId>, by_key: bool, out: &mut Vec<Effect>) {
        if self.sessions.get(&id).is_some_and(|session| session.short.is_some()) {
            return self.send_short_have(id, out);
        }
        let receipt = self.own_receipt();
        let registry = self.registry();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let base = session.last_sent.as_ref().or_else(|| self.acknowledged.get(&peer?)).filter(|_| !by_key);
        let form = match base {
            Some(base) => Form::Since(base),
            None if by_key || !session.same_registry => Form::Whole(&[]),
            None => Form::Whole(&registry),
        };
        session.sent_by_registry = matches!(form, Form::Whole([_, ..]));
        let frame = encode::have(&receipt.encode(form));
        session.sent_at_count = receipt.counter;
        if session.first_sent.is_none() || by_key {
            session.first_sent = Some(receipt.clone());
        }
        session.last_sent = Some(receipt);
        self.send(id, frame, false, out);
    }

    pub(super) fn refuse(&mut self, id: SessionId, why: Refusal, out: &mut Vec<Effect>) {
        if self.sessions.contains_key(&id) {
            self.send(id, encode::refuse(why), false, out);
            self.end(id, Outcome::Refused(why), out);
        }
    }

    pub(super) fn end(&mut self, id: SessionId, outcome: Outcome, out: &mut Vec<Effect>) {
        if let Some(Session { peer, stats, .. }) = self.sessions.remove(&id) {
            out.push(Effect::Close { session: id, outcome, peer, stats });
            self.want_more_everywhere(out);
        }
    }

    pub(super) fn end_all_sessions(&mut self, outcome: Outcome, out: &mut Vec<Effect>) {
        for (id, Session { peer, stats, .. }) in std::mem::take(&mut self.sessions) {
            out.push(Effect::Close { session: id, outcome, peer, stats });
        }
    }

    pub(super) fn disconnected(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        if self.sessions.remove(&id).is_some() {
            self.want_more_everywhere(out);
        }
    }

    pub(super) fn message(&mut self, now_ms: u64, id: SessionId, incoming: Incoming, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.stats.rounds += u32::from(std::mem::take(&mut session.asked));
        let Ok(message) = incoming.resolve(&session.numbering()) else {
            return self.refuse(id, Refusal::Malformed, out);
        };
        self.told(now_ms, id, message, out);
    }

    pub(super) fn told(&mut self, now_ms: u64, id: SessionId, message: Message, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let message = match (message, &session.short) {
            (message, Some(_)) => match self.told_short(now_ms, id, message, out) {
                Some(message) => message,
                None => return,
            },
            (message, None) => message,
        };
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match (message, session.peer) {
            (Message::Hello(hello), None) if session.unknown.is_none() => self.hello(id, hello, out),
            (Message::Credential(enrolment), None) => {
                let admitted = self.shown(now_ms, *enrolment, out);
                let Some(session) = self.sessions.get_mut(&id) else { return };
                let (hello, early) = (session.unknown.take(), session.take_early());
                let expected = session.expected;
                match (admitted, hello) {
                    (Some(device), Some(hello)) if device == hello.device => {
                        if expected.is_some_and(|expected| !self.is_expected(&expected, &hello.device)) {
                            return self.refuse(id, Refusal::OtherDevice, out);
                        }
                        self.welcome(id, hello, out);
                        early.into_iter().for_each(|message| self.told(now_ms, id, message, out));
                    }
                    _ => self.refuse(id, Refusal::NotEnrolled, out),
                }
            }
            (Message::WhoAreYou, _) => {
                if let Some(enrolment) = self.directory.credential(&self.device()) {
                    let frame = encode::credential(enrolment);
                    self.send(id, frame, false, out);
                }
            }
            (Message::Refuse(why), _) => self.end(id, Outcome::RefusedByPeer(why), out),
            // A peer that knows us goes on at once, before it is asked who it is.
            (
                message @ (Message::Have(_)
                | Message::Again
                | Message::Need(_)
                | Message::Held(_)
                | Message::Receipts(_)
                | Message::Which(_)
                | Message::Reach(_)
                | Message::Done),
                None,
            ) if session.unknown.is_some() => {
                if !session.keep_early(message) {
                    self.refuse(id, Refusal::Malformed, out);
                }
            }
            (Message::Have(receipt), Some(peer)) => self.have(id, peer, &receipt, out),
            (Message::Again, Some(peer)) => self.send_have(id, Some(peer), true, out),
            (Message::Need(ranges), Some(_)) => self.need(id, ranges, out),
            (Message::Which(places), Some(_)) => self.which(id, places, out),
            (Message::Show(places), Some(_)) => self.show(id, &places, out),
            (Message::Ids(ids), Some(_)) => self.ids(id, &ids, out),
            (Message::Header(header), Some(_)) => self.header(id, header.as_deref(), out),
            (Message::Entries(run), Some(peer)) => self.entries(now_ms, id, peer, run, out),
            (Message::Reach(reach), Some(peer)) if !session.reach_heard => {
                session.reach_heard = true;
                self.hear_reach(now_ms, peer, *reach, out);
            }
            (Message::Gone(ranges), Some(_)) => {
                session.give_up(ranges);
                self.settle(id, out);
            }
            (Message::Held(held), Some(peer)) => {
                let registry = if session.same_registry { self.registry() } else { vec![] };
                let newer = self.receipts.values().filter(|receipt| receipt.device != peer).filter(|receipt| {
                    !held.iter().any(|(device, counter)| *device == receipt.device && *counter >= receipt.counter)
                });
                // Sites hold much the same: beside the sender's own receipt, another's is often a few bytes.
                // A peer with another registry has not read what was told by ours.
                let read = |session: &&Session| session.same_registry || !session.sent_by_registry;
                let beside = self.sessions.get(&id).filter(read).and_then(|session| session.last_sent.as_ref());
                let newer = newer.map(|receipt| {
                    let whole = receipt.encode(Form::Whole(&registry));
                    let beside = beside.map(|own| receipt.encode(Form::Since(own)));
                    beside.filter(|beside| beside.len() < whole.len()).unwrap_or(whole)
                });
                let mut bytes = 0;
                let newer = newer.take_while(|receipt| {
                    let room = bytes == 0 || bytes + receipt.len() <= RECEIPTS_BYTES_MAX;
                    bytes += receipt.len();
                    room
                });
                let newer: Vec<_> = newer.take(RECEIPTS_MAX).collect();
                self.send(id, encode::receipts(&newer), false, out);
            }
            (Message::Receipts(receipts), Some(_)) => {
                let beside = session.heard.clone();
                let own = self.device();
                // What a peer has kept of this device itself comes unasked, and alone.
                let mut unasked = false;
                for receipt in receipts {
                    unasked |= self.relayed_receipt(&receipt, beside.as_ref(), out) == Some(own);
                }
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.receipts_due &= unasked;
                }
                self.settle(id, out);
            }
            (Message::Done, Some(peer)) => {
                session.done_received = true;
                // On a tiny link no keeper says where it is.
                let whole = session.short.is_none();
                self.acknowledge(id, peer, out);
                if whole {
                    self.told_reach(peer);
                }
                self.settle(id, out);
            }
            _ => self.refuse(id, Refusal::Malformed, out),
        }
    }

    /// A peer shows its enrolment: the device that is admitted on the authority's word alone. Its entry will arrive with
    /// lane 0.
    pub(super) fn shown(&mut self, now_ms: u64, enrolment: SignedEnrolment, out: &mut Vec<Effect>) -> Option<DeviceId> {
        let mut learned = Learned::default();
        let admitted = self.directory.admit(&enrolment, &*self.verifier, &mut learned);
        if !learned.facilities.is_empty() {
            self.settle_with_havens(now_ms, out);
        }
        if learned.devices {
            self.devices_learned(out);
        }
        let shown = admitted?;
        self.keep_member(shown.device, out);
        if learned.devices && shown.facility.kind == SiteKind::Keeper {
            self.write_down(now_ms, enrolment, out);
        }
        Some(shown.device)
    }

    fn hello(&mut self, id: SessionId, hello: Hello, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (exporter, initiator, expected) = (session.exporter, session.initiator, session.expected);
        let proof = self.proof_message(&exporter, !initiator);
        if hello.network != self.network {
            self.refuse(id, Refusal::OtherNetwork, out)
        } else if !self.verifier.verify(&hello.device, Purpose::Channel, &proof, &hello.proof) {
            self.refuse(id, Refusal::NotProven, out)
        } else if hello.device == self.device() {
            // It was led to itself, if both ends of the channel are here. Otherwise somebody else holds this device's key and
            // has proven it: a clone.
            let to_itself = self.sessions.iter().any(|(other, session)| *other != id && session.exporter == exporter);
            self.refuse(id, Refusal::OtherDevice, out);
            if !to_itself {
                self.outlived(out);
            }
        } else if expected.is_some_and(|expected| !self.is_expected(&expected, &hello.device)) {
            self.refuse(id, Refusal::OtherDevice, out)
        } else if self.directory.facility_of(&hello.device).is_some()
            || (initiator && self.directory.devices().is_empty())
        {
            // A newcomer that has nothing yet knows its peer by the invite's certificate alone.
            self.welcome(id, hello, out)
        } else {
            if let Some(session) = self.sessions.get_mut(&id) {
                session.unknown = Some(hello);
            }
            self.send(id, encode::who_are_you(), false, out)
        }
    }

    /// True if this device may answer where another was expected: it is the same, or its facility's successor of it, or nobody
    /// has heard of it yet.
    fn is_expected(&self, expected: &DeviceId, device: &DeviceId) -> bool {
        let facility = self.directory.facility_of(device);
        expected == device || facility.is_none() || facility == self.directory.facility_of(expected)
    }

    fn welcome(&mut self, id: SessionId, hello: Hello, out: &mut Vec<Effect>) {
        let same_registry = hello.registry == registry_digest(&self.registry());
        let same_receipts = hello.receipts == self.receipts_digest(Some(hello.device));
        let held: Vec<_> = self.receipts.values().map(|receipt| (receipt.device, receipt.counter)).collect();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.peer = Some(hello.device);
        session.peer_heads = hello.heads;
        session.same_registry = same_registry;
        session.receipts_due = !same_receipts;
        let greeted = session.greeted;
        out.push(Effect::Welcomed(id));
        if !greeted {
            self.greet(id, Some(hello.device), out);
        }
        self.tell_reach(id, hello.device, out);
        if !same_receipts {
            self.send(id, encode::held(&held), false, out);
        }
    }

    pub(super) fn have(&mut self, id: SessionId, peer: DeviceId, bytes: &[u8], out: &mut Vec<Effect>) {
        let registry = self.registry();
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let read = |base: Option<&Receipt>| Receipt::decode(bytes, &self.network, &registry, |_| base, &*self.verifier);
        let read = match read(session.heard.as_ref()) {
            Err(ReceiptError::OtherBase) => read(self.receipts.get(&peer)),
            read => read,
        };
        match read {
            Ok(receipt) if receipt.device == peer => {
                session.heard = Some(receipt.clone());
                let frontier = receipt.frontier.clone();
                let first = session.peer_has.is_none();
                if first {
                    session.peer_has = Some(receipt.frontier.clone());
                }
                // The device itself is the best witness of what it holds, even if that is less than before; on a tiny link,
                // which does not prove the device, a receipt counts as one that a third device brings.
                let proven = session.short.is_none();
                let newer = |held: &Receipt| *held != receipt && (proven || held.counter <= receipt.counter);
                let taken = self.receipts.get(&peer).is_none_or(newer);
                let is_news = proven || taken || self.receipts.get(&peer) == session.heard.as_ref();
                match proven {
                    true if taken => self.show_own_past(id, &receipt, out),
                    true => {}
                    false => self.show_own_count(id, peer, receipt.counter, out),
                }
                if taken {
                    self.receipts.insert(peer, receipt.clone());
                    out.push(Effect::KeepReceipt(receipt));
                    out.push(Effect::Changed);
                }
                if is_news {
                    self.forget_part(peer, out);
                }
                self.look_for_own_future(&frontier, out);
                if first {
                    self.compare_heads(id, out);
                    self.want(id, out);
                    self.settle(id, out);
                }
            }
            // Only before the first was read: the numbers of authors in Need follow the receipt that was read first.
            Err(_) if !session.asked_again && session.peer_has.is_none() => {
                session.asked_again = true;
                self.send(id, encode::again(), false, out);
            }
            // Sent as a difference to the one that was not read, before the peer heard that; the whole is on its way.
            Err(ReceiptError::OtherBase) if session.peer_has.is_none() => {}
            _ => self.refuse(id, Refusal::Malformed, out),
        }
    }

    /// A peer that claims less than it once did has gone back in time, and cannot know: it is shown its own word.
    fn show_own_past(&mut self, id: SessionId, now: &Receipt, out: &mut Vec<Effect>) {
        let Some(before) = self.receipts.get(&now.device) else { return };
        if !self.directory.forks().uncontested(&before.frontier).minus(&now.frontier).is_empty() {
            let frame = encode::receipts(&[before.encode(Form::Whole(&[]))]);
            self.send(id, frame, false, out);
        }
    }

    /// Serves what is durably here of what was asked for, and says at once what is not: a peer that asks for places that do
    /// not exist costs one answer.
    pub(super) fn need(&mut self, id: SessionId, ranges: Vec<Range>, out: &mut Vec<Effect>) {
        let asked: Frontier = ranges.iter().copied().collect();
        let mut gone = asked.minus(&self.claimed());
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let lanes = lanes_of(session, &self.limits);
        gone.extend(asked.minus(&Frontier::default()).into_iter().filter(|range| range.log.lane > lanes));
        let mut absent: Frontier = gone.iter().copied().collect();
        if session.short.is_some() {
            // In the order of the question, each place once.
            for range in ranges {
                let mut piece = Frontier::default();
                piece.insert(range);
                session.serving.extend(piece.minus(&absent));
                absent.insert(range);
            }
        } else {
            session.serving.extend(asked.minus(&absent));
            session.serving.make_contiguous().sort_unstable();
        }
        if !gone.is_empty() {
            let frame = session.naming(Naming::Gone, &gone);
            self.send(id, frame, false, out);
        }
        self.pump(id, out);
    }

    /// A receipt that the peer did not make: taken only if newer, since its device cannot speak for itself here. Returns that
    /// device.
    fn relayed_receipt(&mut self, bytes: &[u8], beside: Option<&Receipt>, out: &mut Vec<Effect>) -> Option<DeviceId> {
        let registry = self.registry();
        let receipt = Receipt::decode(bytes, &self.network, &registry, |_| beside, &*self.verifier).ok()?;
        let device = receipt.device;
        self.take_if_newer(receipt, out);
        Some(device)
    }

    /// Returns true if the receipt was newer than the one held.
    pub(super) fn take_if_newer(&mut self, receipt: Receipt, out: &mut Vec<Effect>) -> bool {
        if receipt.device == self.device() {
            self.look_for_own_past(&receipt.frontier, out);
            return false;
        }
        let newer = self.receipts.get(&receipt.device).is_none_or(|held| held.counter < receipt.counter);
        let taken = newer && self.has_room_for(&receipt);
        if taken {
            self.look_for_own_future(&receipt.frontier, out);
            self.receipts.insert(receipt.device, receipt.clone());
            out.push(Effect::KeepReceipt(receipt));
            out.push(Effect::Changed);
        }
        taken
    }

    /// Asks for what the peer has, this side lacks, and no other session is already bringing.
    pub(super) fn want(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let takes = Lane::ALL.map(|lane| self.takes_lane(lane));
        let mut coming = self.chains.frontier();
        for session in self.sessions.values() {
            coming.extend(&session.wanted);
        }
        let now_ms = self.now_ms;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.short.as_ref().is_some_and(ShortState::is_awaiting) {
            // What follows the call is not asked for.
            return;
        }
        let lanes = lanes_of(session, &self.limits);
        if session.wanted.count() == 0 {
            session.pace.answered(now_ms);
        }
        let Some(theirs) = &session.peer_has else { return };
        coming.extend(&session.given_up);
        let mut ranges = theirs.minus(&coming);
        ranges.retain(|range| !self.doubts.contains_key(&range.log) && !session.comparison.traces(&range.log));
        ranges.retain(|range| takes[range.log.lane as usize]);
        // A record is worth nothing without the grant of its key, which its author wrote before it in the control lane:
        // whoever holds an author's records must hold that lane first. What another session is still bringing does not
        // count yet; the records then wait for it.
        let mut control = self.chains.frontier();
        control.extend(&session.wanted);
        ranges.iter().filter(|range| range.log.lane == Lane::Control).for_each(|range| control.insert(*range));
        let missing: BTreeSet<_> = theirs.minus(&control).into_iter().map(|range| range.log).collect();
        ranges.retain(|range| {
            let log = LogId { lane: Lane::Control, author: range.log.author };
            range.log == log || !missing.contains(&log)
        });
        ranges.retain(|range| range.log.lane <= lanes);
        let outstanding = session.wanted.count();
        let (short, asked_max) = (session.short.is_some(), session.pace.asked_max());
        let ranges_max = if short { crate::short::RANGES_MAX } else { RANGES_MAX };
        let mut ranges = self.within_bounds(ranges, &coming, outstanding);
        self.bound_strangers(&mut ranges);
        let mut ranges = order::next_asked(ranges, asked_max, ranges_max);
        if short {
            ranges = order::newest_first(ranges, ranges_max);
        }
        if ranges.is_empty() {
            return;
        }
        let Some(session) = self.sessions.get_mut(&id) else { return };
        ranges.iter().for_each(|range| session.wanted.insert(*range));
        session.pace.asks(now_ms, ranges.iter().map(Range::count).sum());
        let frame = session.naming(Naming::Need, &ranges);
        self.send(id, frame, false, out);
    }

    /// After a session has ended, others may bring what it did not.
    pub(super) fn want_more_everywhere(&mut self, out: &mut Vec<Effect>) {
        let open: Vec<_> = self.sessions.iter().filter(|(_, session)| !session.done_sent).map(|(id, _)| *id).collect();
        for id in open {
            self.want(id, out);
        }
    }

    pub(super) fn entries(
        &mut self,
        now_ms: u64,
        id: SessionId,
        peer: DeviceId,
        run: CheckedRun,
        out: &mut Vec<Effect>,
    ) {
        let CheckedRun { log, mut entries, refused } = run;
        let left_out = self.bound_stranger(&log, &mut entries) > 0;
        let (received, fork) = self.receive(now_ms, Some(peer), entries, None, out);
        let closed = left_out || !self.takes_lane(log.lane);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.stats.entries_received += received as u64;
        if fork.is_some() || refused.is_some() || closed {
            // Nothing more of this log is expected from this peer; the rest goes on.
            session.give_up_log(log);
        }
        if let Some(Unfit { seq, error, bytes }) = refused {
            let reason = RefusedReason::Entry(error);
            out.push(Effect::KeepRefused(Refused { log, seq, from: Some(peer), reason, bytes }));
        }
        if let Some(Fork { log, differ, .. }) = fork.filter(|fork| self.durable.contains(&fork.log, fork.differ)) {
            self.trace(id, log, differ, out);
        }
        // A run may bring what was already here; the session may then be complete without any append.
        self.settle(id, out);
    }

    /// After places became durable: receipts on the way, and sessions that now have all they wanted.
    pub(super) fn after_append(&mut self, out: &mut Vec<Effect>) {
        let count = self.durable.count();
        let ids: Vec<_> = self.sessions.keys().copied().collect();
        for id in ids {
            let Some(session) = self.sessions.get(&id) else { continue };
            let receiving = !session.done_sent && session.wanted.count() > 0;
            if let (true, Some(peer)) = (receiving && count >= session.sent_at_count + RECEIPT_EVERY, session.peer) {
                self.send_have(id, Some(peer), false, out);
            }
            self.settle(id, out);
        }
    }

    /// Says Done once everything wanted is durable, with a receipt for it; ends the session once both sides have.
    pub(super) fn settle(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        if !self.settle_short(id, out) {
            return;
        }
        let now_ms = self.now_ms;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(peer) = session.peer else { return };
        if !session.done_sent && session.peer_has.is_some() && !session.receipts_due {
            let complete = session.wanted.minus(&self.durable).is_empty() && !session.comparison.is_open();
            if complete {
                session.wanted = Frontier::default();
                // One Need is bounded; there may be more.
                self.want(id, out);
                let more = self.sessions.get_mut(&id).filter(|session| session.wanted.count() > 0);
                if more.is_some_and(|session| session.pace.receipt_due(now_ms)) {
                    self.send_have(id, Some(peer), false, out);
                }
            }
            if complete && self.sessions.get(&id).is_some_and(|session| session.wanted.count() == 0) {
                let claimed = self.claimed();
                let Some(session) = self.sessions.get_mut(&id) else { return };
                session.done_sent = true;
                let short = session.short.is_some();
                if short || session.last_sent.as_ref().is_none_or(|sent| sent.frontier != claimed) {
                    self.send_have(id, Some(peer), false, out);
                }
                let done = if short { self.short_done(id) } else { encode::done() };
                self.send(id, done, false, out);
            }
        }
        let Some(session) = self.sessions.get(&id) else { return };
        if session.done_sent && session.done_received && session.paced == 0 && !session.comparison.is_open() {
            // What was told after the peer's Done counts too: the carrier passes on all of it before it closes.
            self.acknowledge(id, peer, out);
            self.end(id, Outcome::Done, out);
        }
    }

    /// The peer has read, or is about to read, every Have of this session, so the next one may be told as a difference to
    /// the last.
    fn acknowledge(&mut self, id: SessionId, peer: DeviceId, out: &mut Vec<Effect>) {
        if let Some(receipt) = self.sessions.get(&id).and_then(|session| session.last_sent.clone()) {
            self.holds_ours(peer, receipt, out);
        }
    }

    /// A peer is believed to hold this own receipt; unless another session, which ended sooner, has told it more.
    pub(super) fn holds_ours(&mut self, peer: DeviceId, receipt: Receipt, out: &mut Vec<Effect>) {
        let known = self.acknowledged.get(&peer);
        if known.is_none_or(|known| known.counter <= receipt.counter) && known != Some(&receipt) {
            out.push(Effect::Keep(Keep::Acknowledged(peer, receipt.clone())));
            self.acknowledged.insert(peer, receipt);
        }
    }

    /// Keeps the link busy with what the peer asked for, lane by lane, without holding more than a few messages.
    pub(super) fn pump(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if session.loading.is_some() || session.paced >= PACED_MAX {
            return;
        }
        if let Some(next) = session.serving.pop_front() {
            session.loading = Some(next);
            let range = Range { to: next.to.min(next.from + RUN_ENTRIES_MAX as u64 - 1), ..next };
            out.push(Effect::Load { session: id, range, bytes_max: session.pace.run_bytes() });
        }
    }

    pub(super) fn loaded(&mut self, id: SessionId, range: Range, mut entries: Vec<Entry>, out: &mut Vec<Effect>) {
        let now_ms = self.now_ms;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(asked) = session.loading.take() else { return };
        if session.short.is_some() {
            // What is too large for a tiny link waits for a better carrier; it is said to be gone.
            let fit = entries.iter().take_while(|entry| entry.body().len() <= BODY_BYTES_MAX).count();
            entries.truncate(fit);
        }
        let served = entries.len() as u64;
        assert!(served <= range.count() && asked.from == range.from, "the disk answers what was asked");
        // A place that cannot be read is passed over, so that one damaged entry holds up nothing.
        let next = range.from + served.max(1);
        if next <= asked.to {
            session.serving.push_front(Range { from: next, ..asked });
        }
        session.stats.entries_sent += served;
        match encode_run(&entries) {
            Some(run) => {
                session.pace.sends(now_ms, run.len());
                self.send(id, encode::entries(&run), true, out)
            }
            None => {
                let frame = session.naming(Naming::Gone, &[Range { to: range.from, ..range }]);
                self.send(id, frame, false, out);
            }
        }
        self.pump(id, out);
    }

    pub(super) fn flushed(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let now_ms = self.now_ms;
        if let Some(session) = self.sessions.get_mut(&id) {
            session.pace.flushed(now_ms);
            session.paced = session.paced.saturating_sub(1);
            self.pump(id, out);
            self.settle(id, out);
        }
    }
}

//! The heart: one state machine, `Replica::handle(now, input) -> effects`. The node and the simulator drive the same one.
//!
//! One rule above all: **an append is durable before any message that claims it is sent.** Places enter the durable frontier
//! only by [`Input::Appended`], and receipts are made from the durable frontier alone.
//!
//! The disk's side of the bargain: appends are committed in the order in which they were asked for, each whole or not at
//! all; once one has failed, none after it may be committed, and [`Input::AppendFailed`] tells what is really there.

mod order;
mod save;
mod session;
mod short;
#[cfg(test)]
mod tests;

pub use save::Part;
pub use session::{Outcome, SessionStats};
pub use short::Confirmed;

use crate::chain::{Chains, Fork, Span};
use crate::clock::Clock;
use crate::control::{Contact, FacilitySecret, SignedEnrolment};
use crate::directory::{Directory, Learned};
use crate::entropy::Entropy;
use crate::entry::{Entry, EntryError};
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, EntryId, FacilityId, Lane, LogId, NetworkId, ScopeTag, Seq};
use crate::message::Incoming;
use crate::receipt::Receipt;
use crate::seal::Clear;
use crate::sign::{Signer, Verifier};
use session::Session;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Names an append or a save; chosen by whoever asks.
pub type Token = u64;
/// Names a session; chosen by the carrier, never reused.
pub type SessionId = u64;

/// What happens to a replica.
#[derive(Debug)]
pub enum Input {
    /// Save these parts together or not at all. Answered by [`Effect::Saved`] or [`Effect::SaveFailed`].
    Save(Token, Vec<Part>),
    /// Found the network here: genesis, own enrolment. Answered like a save.
    Found(Token, crate::control::Authority, SignedEnrolment),
    /// Enrol a facility that the authority has signed for, hand it the network's keys, and, for a haven, every chart that
    /// can be opened here. Answered like a save.
    Enrol(Token, SignedEnrolment),
    /// Say where this site is reached. Answered like a save; says nothing new if nothing changed.
    Announce(Token, Contact),
    /// Grant charts to a facility. Answered like a save.
    Grant(Token, BTreeSet<ScopeTag>, FacilityId),
    /// A carrier has a channel to a peer. `exporter` is unique to the channel; `expected` is the device that should answer.
    Connected {
        /// The new session.
        session: SessionId,
        /// True on the side that dialled.
        initiator: bool,
        /// Keying material exported from the channel (RFC 8446 §7.5).
        exporter: [u8; 32],
        /// The device that should answer, if one is known.
        expected: Option<DeviceId>,
    },
    /// A tiny link has a peer: the session that is called gets the call as its first message.
    Linked {
        /// The new session.
        session: SessionId,
        /// True on the side that calls.
        initiator: bool,
        /// Who is called, if that is known.
        to: Option<DeviceId>,
        /// Lanes up to this one travel.
        lanes: Lane,
        /// What the line is believed to carry in a second, in bytes, until it is measured.
        bytes_per_s: u64,
    },
    /// From now on, only lanes up to this one travel to and from a device: its budget is used up, or is there again.
    Limit(DeviceId, Lane),
    /// A frame arrived, decoded by [`crate::message::decode`].
    Message(SessionId, Incoming),
    /// A frame arrived that is not a message.
    Garbled(SessionId),
    /// The carrier has passed on a frame that was sent with `paced`.
    Flushed(SessionId),
    /// The disk's answer to [`Effect::Load`]: consecutive entries from the start of the range; fewer than asked is normal,
    /// none means that the first place cannot be read.
    Loaded(SessionId, Range, Vec<Entry>),
    /// The carrier lost the channel.
    Disconnected(SessionId),
    /// The append is durable.
    Appended(Token),
    /// Nothing of this append and of those asked for after it is on the disk; this is what is. Then call
    /// [`Replica::recall`].
    AppendFailed(Token, Vec<Span>),
}

/// What a replica asks of the world. Effects are carried out in order.
#[derive(Debug)]
pub enum Effect {
    /// Make these entries durable together, then answer [`Input::Appended`]. Entries of `readable` scopes that were sealed
    /// until now can be opened from now on.
    Append {
        /// To answer with.
        token: Token,
        /// What to append.
        entries: Vec<Appending>,
        /// Scopes whose sealed entries can be opened from now on.
        readable: BTreeSet<ScopeTag>,
    },
    /// The save is durable.
    Saved(Token, Vec<EntryId>),
    /// The save was refused; nothing of it remains.
    SaveFailed(Token, SaveError),
    /// Send a frame. If `paced`, answer [`Input::Flushed`] when the carrier has room for another.
    Send {
        /// To whom.
        session: SessionId,
        /// One frame.
        frame: Vec<u8>,
        /// True if an answer is wanted.
        paced: bool,
    },
    /// Read entries from the start of this range, at most about `bytes_max` bytes of bodies but at least one entry.
    Load {
        /// For whom.
        session: SessionId,
        /// What to read, from its start.
        range: Range,
        /// Bodies, in bytes, about.
        bytes_max: usize,
    },
    /// The session is over. The carrier closes the channel once everything before is sent.
    Close {
        /// Which.
        session: SessionId,
        /// How it ended.
        outcome: Outcome,
        /// With whom, once proven.
        peer: Option<DeviceId>,
        /// What it did.
        stats: SessionStats,
    },
    /// Keep the newest receipt of a device. Losing it overstates exposure and does no other harm.
    KeepReceipt(Receipt),
    /// Keep which own receipt a device is known to hold. Losing it costs bytes on the next tiny link.
    KeepTold(DeviceId, Receipt),
    /// Keep what a device has confirmed in parts, in place of what was kept before.
    KeepPart(DeviceId, Confirmed),
    /// Keep what was refused, as evidence, and show it.
    KeepRefused(Refused),
    /// Something that a screen shows has changed.
    Changed,
}

/// An entry to append. `text` spares the disk opening what was sealed a moment ago.
#[derive(Debug)]
pub struct Appending {
    /// The entry.
    pub entry: Entry,
    /// Its plain body, for own saves.
    pub text: Option<PlainBody>,
}

/// Plain text of an own entry. No `Debug` of its content.
pub struct PlainBody(pub Clear);

impl std::fmt::Debug for PlainBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlainBody(..)")
    }
}

/// Something that was not taken, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refused {
    /// The log and the place.
    pub log: LogId,
    /// The place.
    pub seq: Seq,
    /// The device that sent it.
    pub from: Option<DeviceId>,
    /// Why.
    pub reason: RefusedReason,
    /// Header and body, if they could be read.
    pub entry: Option<Box<Entry>>,
}

/// Why an entry was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefusedReason {
    /// It does not hold by itself.
    Entry(EntryError),
    /// It contradicts what the same device has signed before.
    Fork,
}

/// Why a save was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SaveError {
    /// The disk did not take it.
    #[error("the disk did not take the save; nothing of it remains")]
    Disk,
    /// The chart is sealed here: its key is not held.
    #[error("the chart is sealed here")]
    Sealed,
    /// The network's keys are not here yet.
    #[error("the keys of the network have not arrived yet")]
    NotReady,
    /// Larger than an entry may be.
    #[error("the save is too large")]
    TooLarge,
    /// The enrolment is not signed by enough of the authority.
    #[error("the enrolment is not signed by the authority")]
    NotAuthorised,
    /// No such facility.
    #[error("no such facility is known here")]
    UnknownFacility,
}

/// What an append was for.
#[derive(Debug)]
struct Pending {
    ranges: Vec<Range>,
    save: Option<(Token, Vec<EntryId>)>,
}

/// One site's replica of the log.
pub struct Replica {
    network: NetworkId,
    signer: Box<dyn Signer>,
    verifier: Box<dyn Verifier>,
    entropy: Entropy,
    clock: Clock,
    directory: Directory,
    /// Places held, those on their way to the disk included.
    chains: Chains,
    durable: Frontier,
    pending: BTreeMap<Token, Pending>,
    next_token: Token,
    receipts: BTreeMap<DeviceId, Receipt>,
    /// The newest own receipt that a peer is known to hold.
    acknowledged: BTreeMap<DeviceId, Receipt>,
    /// What devices have confirmed in parts since their newest receipt.
    parts: BTreeMap<DeviceId, Confirmed>,
    /// Devices to and from which not every lane travels.
    limits: BTreeMap<DeviceId, Lane>,
    /// Authors of whom something came last, newest first: what a part of a frontier tells first.
    recent: VecDeque<DeviceId>,
    /// The wall clock of the input that is being handled: for paces alone.
    now_ms: u64,
    sessions: BTreeMap<SessionId, Session>,
    /// True while havens may lack grants that this site owes them.
    owing: bool,
}

/// What a replica is started with.
pub struct Start {
    /// The network.
    pub network: NetworkId,
    /// Signs as this device.
    pub signer: Box<dyn Signer>,
    /// Checks everybody.
    pub verifier: Box<dyn Verifier>,
    /// Random bytes.
    pub entropy: Entropy,
    /// The secret side of this facility.
    pub secret: FacilitySecret,
    /// What the disk holds.
    pub spans: Vec<Span>,
    /// Newest receipts kept.
    pub receipts: Vec<Receipt>,
}

impl Replica {
    /// Starts from what the disk holds. Then feed every control entry through [`Replica::remember`].
    pub fn new(start: Start) -> Self {
        let chains = Chains::new(start.spans);
        Replica {
            network: start.network,
            signer: start.signer,
            verifier: start.verifier,
            entropy: start.entropy,
            clock: Clock::default(),
            directory: Directory::new(start.network, start.secret),
            durable: chains.frontier(),
            chains,
            pending: BTreeMap::new(),
            next_token: 1 << 32,
            receipts: start.receipts.into_iter().map(|receipt| (receipt.device, receipt)).collect(),
            acknowledged: BTreeMap::new(),
            parts: BTreeMap::new(),
            limits: BTreeMap::new(),
            recent: VecDeque::new(),
            now_ms: 0,
            sessions: BTreeMap::new(),
            owing: true,
        }
    }

    /// Takes a control entry back from the disk at start-up.
    pub fn remember(&mut self, entry: &Entry) {
        self.directory.absorb(entry, &*self.verifier);
        self.clock.observe(entry.header().hlc, entry.header().hlc.ms());
    }

    /// Takes membership and keys back from the disk after [`Input::AppendFailed`]: what the lost entries had said is
    /// forgotten, above all keys of charts whose grant is on no disk. `control` is every control entry that is durable.
    /// Call it before the next input.
    pub fn recall<'a>(&mut self, control: impl IntoIterator<Item = &'a Entry>) {
        self.directory = Directory::new(self.network, self.directory.secret().clone());
        control.into_iter().for_each(|entry| self.remember(entry));
        self.owing = true;
    }

    /// Membership and keys.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.signer.device()
    }

    /// The network.
    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// What is durably held.
    pub fn durable(&self) -> &Frontier {
        &self.durable
    }

    /// The newest receipts of other devices.
    pub fn receipts(&self) -> &BTreeMap<DeviceId, Receipt> {
        &self.receipts
    }

    /// Draws random bytes from the replica's own source.
    pub fn random<const N: usize>(&mut self) -> [u8; N] {
        self.entropy.array()
    }

    /// Everything that would be lost if this site were destroyed now: what is durably held here, less what receipts of
    /// devices of *other* enrolled facilities say. Exact or over-stated, never under-stated: a receipt is made only after
    /// the other disk has confirmed, and what has not come back counts as not there.
    pub fn only_here(&self) -> Vec<Range> {
        // Receipt by receipt: after the first, hardly anything is left to be compared with the others.
        let mut alone: Option<Frontier> = None;
        for (device, receipt) in &self.receipts {
            if self.directory.facility_of(device).is_some_and(|facility| facility != self.directory.own()) {
                let rest = alone.as_ref().unwrap_or(&self.durable).minus(&receipt.frontier);
                let alone = alone.insert(Frontier::default());
                rest.into_iter().for_each(|range| alone.insert(range));
            }
        }
        for (device, confirmed) in &self.parts {
            if self.directory.facility_of(device).is_some_and(|facility| facility != self.directory.own()) {
                let rest = alone.as_ref().unwrap_or(&self.durable).minus(&confirmed.places);
                let alone = alone.insert(Frontier::default());
                rest.into_iter().for_each(|range| alone.insert(range));
            }
        }
        alone.as_ref().unwrap_or(&self.durable).minus(&Frontier::default())
    }

    /// What of the places held here a facility has not confirmed; `None` if no receipt of it has come.
    pub fn unconfirmed_by(&self, facility: &FacilityId) -> Option<Vec<Range>> {
        let mut theirs = None;
        for (device, receipt) in &self.receipts {
            if self.directory.facility_of(device) == Some(*facility) {
                theirs.get_or_insert_with(Frontier::default).extend(&receipt.frontier);
            }
        }
        for (device, confirmed) in &self.parts {
            if self.directory.facility_of(device) == Some(*facility) {
                theirs.get_or_insert_with(Frontier::default).extend(&confirmed.places);
            }
        }
        theirs.map(|theirs| self.durable.minus(&theirs))
    }

    /// Carries one input through. `now_ms` is the wall clock in milliseconds since 1970; it is stored, never trusted.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.now_ms = now_ms;
        match input {
            Input::Save(token, parts) => self.save(now_ms, token, parts, &mut out),
            Input::Found(token, authority, enrolment) => self.found(now_ms, token, authority, enrolment, &mut out),
            Input::Enrol(token, enrolment) => self.enrol(now_ms, token, enrolment, &mut out),
            Input::Announce(token, contact) => self.announce(now_ms, token, contact, &mut out),
            Input::Grant(token, scopes, to) => self.grant(now_ms, token, scopes, to, &mut out),
            Input::Connected { session, initiator, exporter, expected } => {
                if self.owing {
                    self.settle_with_havens(now_ms, &mut out);
                }
                self.connected(session, initiator, exporter, expected, &mut out)
            }
            Input::Linked { session, initiator, to, lanes, bytes_per_s } => {
                if self.owing {
                    self.settle_with_havens(now_ms, &mut out);
                }
                self.linked(session, initiator, to, (lanes, bytes_per_s), &mut out)
            }
            Input::Limit(device, lanes) => self.limit(device, lanes, &mut out),
            Input::Message(session, incoming) => self.message(now_ms, session, incoming, &mut out),
            Input::Garbled(session) => self.refuse(session, crate::message::Refusal::Malformed, &mut out),
            Input::Flushed(session) => self.flushed(session, &mut out),
            Input::Loaded(session, range, entries) => self.loaded(session, range, entries, &mut out),
            Input::Disconnected(session) => self.disconnected(session, &mut out),
            Input::Appended(token) => self.appended(token, &mut out),
            Input::AppendFailed(token, spans) => self.append_failed(token, spans, &mut out),
        }
        out
    }

    /// Entries that came from a peer. Returns how many are new, and whether they contradict what is here.
    fn receive(
        &mut self,
        now_ms: u64,
        from: Option<DeviceId>,
        entries: Vec<Entry>,
        out: &mut Vec<Effect>,
    ) -> (usize, bool) {
        let offered = entries.clone();
        let (new, fork) = self.chains.sift(entries);
        if let Some(Fork { log, seq }) = fork {
            let entry = offered.into_iter().find(|entry| entry.header().seq == seq).map(Box::new);
            out.push(Effect::KeepRefused(Refused { log, seq, from, reason: RefusedReason::Fork, entry }));
        }
        if new.is_empty() {
            return (0, fork.is_some());
        }
        let mut readable = BTreeSet::new();
        let mut newcomers = false;
        for entry in &new {
            self.clock.observe(entry.header().hlc, now_ms);
            let learned = self.take(entry);
            newcomers |= !learned.facilities.is_empty();
            // A haven passes on what it can open to havens that the maker of the chart did not know.
            self.owing |= !learned.readable.is_empty();
            readable.extend(learned.readable);
        }
        let count = new.len();
        self.put(new.into_iter().map(|entry| Appending { entry, text: None }).collect(), readable, None, out);
        if newcomers {
            self.settle_with_havens(now_ms, out);
        }
        (count, fork.is_some())
    }

    /// Takes an entry into the chains and reads what it says about members and keys.
    fn take(&mut self, entry: &Entry) -> Learned {
        self.chains.insert(std::slice::from_ref(entry));
        self.directory.absorb(entry, &*self.verifier)
    }

    /// Puts entries that were taken on their way to the disk.
    fn put(
        &mut self,
        entries: Vec<Appending>,
        readable: BTreeSet<ScopeTag>,
        save: Option<Token>,
        out: &mut Vec<Effect>,
    ) {
        assert!(!entries.is_empty(), "an append has entries");
        let mut held = Frontier::default();
        for Appending { entry, .. } in &entries {
            let header = entry.header();
            assert!(!self.durable.contains(&header.log, header.seq), "a place is filled once");
            held.insert(Range { log: header.log, from: header.seq, to: header.seq });
        }
        self.note_recent(&held);
        let token = self.next_token;
        self.next_token += 1;
        let ids = entries.iter().map(|appending| appending.entry.id()).collect();
        let pending = Pending { ranges: held.minus(&Frontier::default()), save: save.map(|save| (save, ids)) };
        self.pending.insert(token, pending);
        out.push(Effect::Append { token, entries, readable });
    }

    fn appended(&mut self, token: Token, out: &mut Vec<Effect>) {
        let Some(pending) = self.pending.remove(&token) else { return };
        for range in &pending.ranges {
            self.durable.insert(*range);
        }
        if let Some((save, ids)) = pending.save {
            out.push(Effect::Saved(save, ids));
        }
        out.push(Effect::Changed);
        self.after_append(out);
    }

    fn append_failed(&mut self, token: Token, spans: Vec<Span>, out: &mut Vec<Effect>) {
        self.chains = Chains::new(spans);
        let void = self.pending.split_off(&token);
        for pending in void.into_values() {
            if let Some((save, _)) = pending.save {
                out.push(Effect::SaveFailed(save, SaveError::Disk));
            }
        }
        // What was on its way from peers did not arrive: those sessions end, and the next ones ask again.
        self.end_all_sessions(Outcome::DiskRefused, out);
        out.push(Effect::Changed);
    }
}

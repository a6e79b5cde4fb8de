//! The heart: one state machine, `Replica::handle(now, input) -> effects`. The node and the simulator drive the same one.
//!
//! One rule above all: **an append is durable before any message that claims it is sent.** Places enter the durable frontier
//! only by [`Input::Appended`], and receipts are made from the durable frontier alone.
//!
//! The disk's side of the bargain: appends are committed in the order in which they were asked for, each whole or not at
//! all; once one has failed, none after it may be committed, and [`Input::AppendFailed`] tells what is really there.

mod carried;
mod exposure;
mod fork;
mod keep;
mod order;
mod save;
mod session;
mod short;
mod strangers;
#[cfg(test)]
mod tests;

pub use carried::{Carried, Took};
pub use fork::Cut;
pub use keep::{Keep, Keeping, Room, Takes};
pub use save::Part;
pub use session::{Outcome, SessionStats};
pub use short::InParts;
pub use strangers::{STRANGER_BODY_BYTES_MAX, STRANGER_ENTRIES_MAX};

use crate::chain::{Chains, Fork, Span};
use crate::clock::Clock;
use crate::control::{Contact, FacilitySecret, SignedEnrolment};
use crate::directory::{Directory, Learned};
use crate::entropy::Entropy;
use crate::entry::{Entry, EntryError, Header};
use crate::fork::ForkProof;
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, EntryId, FacilityId, Lane, LogId, NetworkId, ScopeTag, Seq};
use crate::message::Incoming;
use crate::policy::SignedPolicy;
use crate::receipt::Receipt;
use crate::seal::Clear;
use crate::sign::{Signer, Verifier};
use fork::{Doubt, Reading};
use session::Session;
use std::borrow::Cow;
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
    /// Write down a policy that the authority has signed. Answered like a save.
    SetPolicy(Token, SignedPolicy),
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
    /// The disk's answer to [`Effect::Read`]: what it could read, in the order of the places.
    Read(Token, Vec<Entry>),
    /// A new device for this facility, and the facility's word for it: the answer to [`Effect::Renew`].
    Renew(Box<dyn Signer>, SignedEnrolment),
    /// The carrier lost the channel.
    Disconnected(SessionId),
    /// A bundle is about to be written: what is owed to havens goes into it. Answered like a save.
    Settle(Token),
    /// Something came by no session: on a stick, in a text message. Answered by [`Effect::Took`], and then like a save.
    Carried(Token, Carried),
    /// The append is durable.
    Appended(Token),
    /// Nothing of this append and of those asked for after it is on the disk; this is what is. Then call
    /// [`Replica::recall`].
    AppendFailed(Token, Vec<Span>),
    /// The database was made anew: this is what it holds. `lost`: receipts may have claimed more. Nothing may be on its way
    /// to the disk. Call [`Replica::recall`] before.
    Recounted {
        /// What is there.
        spans: Vec<Span>,
        /// True if something that was there is not.
        lost: bool,
    },
    /// Everything was remembered: goes on with what a stop had left unfinished.
    Begin,
    /// How much room a keeper has now. No other site looks at it.
    Room(Room),
}

impl Input {
    /// The token of what this device would write.
    fn write_token(&self) -> Option<Token> {
        match self {
            Input::Save(token, _)
            | Input::Found(token, ..)
            | Input::Enrol(token, _)
            | Input::Announce(token, _)
            | Input::Grant(token, ..)
            | Input::SetPolicy(token, _)
            | Input::Settle(token)
            | Input::Carried(token, _) => Some(*token),
            _ => None,
        }
    }

    /// The same, but for what founds the network, what others have written, and what may turn out to be nothing.
    fn own_token(&self) -> Option<Token> {
        self.write_token().filter(|_| !matches!(self, Input::Found(..) | Input::Carried(..) | Input::Settle(_)))
    }
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
        /// Places to take from a log in the same transaction: every entry there is carried in another log by now.
        cut: Option<Cut>,
    },
    /// Read entries at these places, whatever log they stand in, and answer [`Input::Read`].
    Read {
        /// To answer with.
        ticket: Token,
        /// Single places.
        places: Vec<Range>,
        /// Leave out what is carried in another log already.
        uncarried_only: bool,
    },
    /// This device has lost what its receipts claim, or has a twin. Before anything else: make a new device key, make it
    /// durable, and answer [`Input::Renew`].
    Renew,
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
    /// Keep what was refused, as evidence, and show it.
    KeepRefused(Refused),
    /// Keep something that spares asking again after a restart.
    Keep(Keep),
    /// A session's peer has proven itself and is enrolled: from here on more may be taken from it.
    Welcomed(SessionId),
    /// What an [`Input::Carried`] brought; not durable before [`Effect::Saved`].
    Took(Token, Took),
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
    /// Header and body; the whole run as it came, if that is of a format which is not known here.
    pub bytes: Vec<u8>,
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
    /// The enrolment or the policy is not signed by enough of the authority.
    #[error("the statement is not signed by the authority")]
    NotAuthorised,
    /// No such facility.
    #[error("no such facility is known here")]
    UnknownFacility,
    /// The facility is a keeper.
    #[error("that site is a keeper: it is given no keys")]
    KeeperGetsNoKeys,
    /// This site is a keeper.
    #[error("this site is a keeper: it forwards what others write and writes nothing")]
    KeeperWritesNothing,
}

/// What an append was for.
#[derive(Debug)]
struct Pending {
    ranges: Vec<Range>,
    /// Headers and bodies.
    bytes: u64,
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
    /// The newest own receipt that a peer is believed to hold; one that does not says so, and is told the whole.
    acknowledged: BTreeMap<DeviceId, Receipt>,
    /// What devices have confirmed in parts since their newest receipt, where a whole one did not fit.
    parts: BTreeMap<DeviceId, InParts>,
    /// Devices to and from which not every lane travels.
    limits: BTreeMap<DeviceId, Lane>,
    /// Authors of whom something came last, newest first: what a part of a frontier tells first.
    recent: VecDeque<DeviceId>,
    /// The wall clock of the input that is being handled: for paces alone.
    now_ms: u64,
    sessions: BTreeMap<SessionId, Session>,
    /// True while havens may lack grants that this site owes them.
    owing: bool,
    /// True from when this device was found to hold less than its receipts claim, until there is a new one.
    outlived: bool,
    /// The enrolment of a new device that is still to be written down, because the network's keys were not here.
    unannounced: Option<SignedEnrolment>,
    /// Forks of this device's own logs, to be stated by the next one.
    unstated: Vec<ForkProof>,
    /// Forked logs of which it is not clear which branch is here.
    doubts: BTreeMap<LogId, Doubt>,
    /// Peers with whom the logs of replaced devices have been compared.
    compared: BTreeSet<DeviceId>,
    /// True when all forks, and what became of this device, are to be looked at again.
    doubtful: bool,
    /// True if this device is to be replaced and cannot be yet: no enrolment of the facility is here that a new one could be
    /// shown with. Until a session or a bundle brings it back, this device takes in and writes nothing.
    device_due: bool,
    readings: BTreeMap<Token, Reading>,
    /// What only a keeper has.
    keeper: Option<keep::Keeper>,
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
    /// Own receipts that peers are known to hold, as [`Keep::Acknowledged`] had them.
    pub acknowledged: Vec<(DeviceId, Receipt)>,
    /// What devices have confirmed in parts, as [`Keep::Part`] had it.
    pub parts: Vec<(DeviceId, InParts)>,
    /// What a keeper was told at its join and has seen since; `None` at every other site.
    pub keeper: Option<Keeping>,
    /// True if the disk has lost something that this device's receipts may have claimed.
    pub lost: bool,
}

impl Replica {
    /// Starts from what the disk holds. Then feed every control entry through [`Replica::remember`].
    pub fn new(start: Start) -> Self {
        let chains = Chains::new(start.spans);
        // What the device before this one has signed is no receipt of this one.
        let device = start.signer.device();
        let acknowledged = start.acknowledged.into_iter().filter(|(_, receipt)| receipt.device == device).collect();
        let (directory, keeper) = keep::directory(start.network, start.secret, start.keeper, &*start.verifier);
        Replica {
            network: start.network,
            signer: start.signer,
            verifier: start.verifier,
            entropy: start.entropy,
            clock: Clock::default(),
            directory,
            durable: chains.frontier(),
            chains,
            pending: BTreeMap::new(),
            next_token: 1 << 32,
            receipts: start.receipts.into_iter().map(|receipt| (receipt.device, receipt)).collect(),
            acknowledged,
            parts: start.parts.into_iter().collect(),
            limits: BTreeMap::new(),
            recent: VecDeque::new(),
            now_ms: 0,
            sessions: BTreeMap::new(),
            owing: true,
            outlived: false,
            unannounced: None,
            unstated: Vec::new(),
            doubts: BTreeMap::new(),
            compared: BTreeSet::new(),
            doubtful: true,
            device_due: start.lost,
            readings: BTreeMap::new(),
            keeper,
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
        self.doubts.clear();
        self.readings.clear();
        self.doubtful = true;
        if self.keeper.is_some() {
            // It has read nothing of what was lost.
            return;
        }
        let own = self.directory.credential(&self.device()).cloned();
        self.directory = Directory::new(self.network, self.directory.secret().clone());
        control.into_iter().for_each(|entry| self.remember(entry));
        self.owing = true;
        // A device that has taken another's place announces itself; what it wrote may not have reached the disk.
        let own = own.filter(|own| !own.replaced().is_empty() && self.directory.facility_of(&self.device()).is_none());
        if let Some(own) = own {
            self.directory.admit(&own, &*self.verifier, &mut Learned::default());
            self.unannounced = Some(own);
        }
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
        // Device by device: after the first, hardly anything is left to be compared with the others.
        let mut alone: Option<Frontier> = None;
        for (facility, places) in self.confirmed() {
            if facility != self.directory.own() {
                alone = Some(alone.as_ref().unwrap_or(&self.durable).minus(&places).into_iter().collect());
            }
        }
        alone.as_ref().unwrap_or(&self.durable).minus(&Frontier::default())
    }

    /// What of the places held here a facility has not confirmed; `None` if nothing that it confirms has come.
    pub fn unconfirmed_by(&self, facility: &FacilityId) -> Option<Vec<Range>> {
        let mut theirs = None;
        for (_, places) in self.confirmed().filter(|(of, _)| of == facility) {
            theirs.get_or_insert_with(Frontier::default).extend(&places);
        }
        theirs.map(|theirs| self.durable.minus(&theirs))
    }

    /// What counts as held by each enrolled device, by its newest receipt and by the parts that came since.
    fn confirmed(&self) -> impl Iterator<Item = (FacilityId, Cow<'_, Frontier>)> {
        let whole = self.receipts.iter().map(|(device, receipt)| (device, &receipt.frontier));
        let parts = self.parts.iter().map(|(device, parts)| (device, &parts.places));
        whole
            .chain(parts)
            .filter_map(|(device, places)| Some((self.directory.facility_of(device)?, self.vouched(device, places))))
    }

    /// Carries one input through. `now_ms` is the wall clock in milliseconds since 1970; it is stored, never trusted.
    pub fn handle(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        self.now_ms = now_ms;
        if std::mem::take(&mut self.doubtful) {
            self.doubt_own(&mut out);
            self.announce_own_device(now_ms, &mut out);
            self.doubt_all(&mut out);
        }
        if let (true, Some(token)) = (self.outlived, input.write_token()) {
            // The disk has not taken the key of the device that is to write from now on.
            out.push(Effect::SaveFailed(token, SaveError::Disk));
            return out;
        }
        if let Some(token) = input.own_token().filter(|_| self.keeper.is_none() && !self.is_enrolled()) {
            // Whoever does not know of its own enrolment does not know either what it wrote before.
            out.push(Effect::SaveFailed(token, SaveError::NotReady));
            return out;
        }
        let Some(input) = self.as_keeper(input, &mut out) else { return out };
        match input {
            Input::Save(token, parts) => self.save(now_ms, token, parts, &mut out),
            Input::Found(token, authority, enrolment) => self.found(now_ms, token, authority, enrolment, &mut out),
            Input::Enrol(token, enrolment) => self.enrol(now_ms, token, enrolment, &mut out),
            Input::Announce(token, contact) => self.announce(now_ms, token, contact, &mut out),
            Input::Grant(token, scopes, to) => self.grant(now_ms, token, scopes, to, &mut out),
            Input::SetPolicy(token, policy) => self.set_policy(now_ms, token, policy, &mut out),
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
            Input::Read(ticket, entries) => self.was_read(now_ms, ticket, entries, &mut out),
            Input::Renew(signer, enrolment) => self.renew(now_ms, signer, enrolment, &mut out),
            Input::Disconnected(session) => self.disconnected(session, &mut out),
            Input::Settle(token) => {
                if self.owing {
                    self.settle_with_havens(now_ms, &mut out);
                }
                out.push(Effect::Saved(token, vec![]));
            }
            Input::Carried(token, carried) => self.carried(now_ms, token, carried, &mut out),
            Input::Appended(token) => self.appended(token, &mut out),
            Input::AppendFailed(token, spans) => self.append_failed(token, spans, &mut out),
            Input::Recounted { spans, lost } => self.recounted(spans, lost, &mut out),
            Input::Begin => {}
            Input::Room(room) => self.set_room(room),
        }
        out
    }

    /// Entries that came from a peer, or by no session. Returns how many are new, and where they contradict what is here.
    /// `save`: to be answered like a save, if anything is new.
    fn receive(
        &mut self,
        now_ms: u64,
        from: Option<DeviceId>,
        mut entries: Vec<Entry>,
        save: Option<Token>,
        out: &mut Vec<Effect>,
    ) -> (usize, Option<Fork>) {
        // What lost its place, or may have, comes again, carried in another log.
        let is_contested = |entry: &Entry| {
            let Header { log, seq, .. } = *entry.header();
            self.is_doubted(&log, seq) || self.directory.forks().is_loser(&log, seq, &entry.id())
        };
        let contested = entries.iter().position(is_contested).map(|at| entries.split_off(at));
        let contested = contested.as_deref().and_then(<[Entry]>::first).map(Entry::header);
        let contested = contested.map(|&Header { log, seq, .. }| Fork { log, seq, differ: seq });
        let offered = entries.clone();
        let (new, fork) = self.chains.sift(entries);
        let new = self.within_room(new);
        if let Some(Fork { log, seq, .. }) = fork {
            let entry = offered.iter().find(|entry| entry.header().seq == seq);
            let bytes = entry.map(|entry| [&entry.header().encode(), entry.body()].concat()).unwrap_or_default();
            out.push(Effect::KeepRefused(Refused { log, seq, from, reason: RefusedReason::Fork, bytes }));
        }
        let fork = fork.or(contested);
        if new.is_empty() {
            return (0, fork);
        }
        let mut readable = BTreeSet::new();
        let (mut newcomers, mut devices) = (false, false);
        let mut forked = BTreeSet::new();
        for entry in &new {
            self.clock.observe(entry.header().hlc, now_ms);
            let learned = self.take(entry);
            newcomers |= !learned.facilities.is_empty();
            devices |= learned.devices;
            // A haven passes on what it can open to havens that the maker of the chart did not know.
            self.owing |= !learned.readable.is_empty();
            readable.extend(learned.readable);
            forked.extend(learned.forks);
        }
        let count = new.len();
        self.put(new.into_iter().map(|entry| Appending { entry, text: None }).collect(), readable, save, out);
        if newcomers {
            self.settle_with_havens(now_ms, out);
        }
        // The network's keys may have come with these.
        self.announce_own_device(now_ms, out);
        if devices {
            self.devices_learned(out);
        }
        forked.into_iter().for_each(|log| self.doubt(log, out));
        (count, fork)
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
        let (mut held, mut bytes) = (Frontier::default(), 0);
        for Appending { entry, .. } in &entries {
            bytes += keep::size_of(entry);
            let header = entry.header();
            assert!(!self.durable.contains(&header.log, header.seq), "a place is filled once");
            held.insert(Range { log: header.log, from: header.seq, to: header.seq });
        }
        self.note_recent(&held);
        let token = self.next_token;
        self.next_token += 1;
        let ids = entries.iter().map(|appending| appending.entry.id()).collect();
        let pending = Pending { ranges: held.minus(&Frontier::default()), bytes, save: save.map(|save| (save, ids)) };
        self.pending.insert(token, pending);
        out.push(Effect::Append { token, entries, readable, cut: None });
    }

    /// Takes places from a log, on the disk first.
    fn put_cut(&mut self, cut: Cut, out: &mut Vec<Effect>) {
        let token = self.next_token;
        self.next_token += 1;
        self.pending.insert(token, Pending { ranges: vec![], bytes: 0, save: None });
        out.push(Effect::Append { token, entries: vec![], readable: BTreeSet::new(), cut: Some(cut) });
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
        self.after_cut(token, out);
        self.after_append(out);
    }

    fn append_failed(&mut self, token: Token, spans: Vec<Span>, out: &mut Vec<Effect>) {
        self.chains = Chains::new(spans);
        let void = self.pending.split_off(&token);
        self.give_room_back(&void);
        for pending in void.into_values() {
            if let Some((save, _)) = pending.save {
                out.push(Effect::SaveFailed(save, SaveError::Disk));
            }
        }
        // What was on its way from peers did not arrive: those sessions end, and the next ones ask again.
        self.end_all_sessions(Outcome::DiskRefused, out);
        out.push(Effect::Changed);
    }

    fn recounted(&mut self, spans: Vec<Span>, lost: bool, out: &mut Vec<Effect>) {
        assert!(self.pending.is_empty(), "nothing is on its way to the disk");
        self.chains = Chains::new(spans);
        self.durable = self.chains.frontier();
        // Receipts that said more are no base to tell a difference from, and sessions that sent them begin anew.
        self.acknowledged.clear();
        self.end_all_sessions(Outcome::DiskRefused, out);
        self.doubtful = true;
        self.device_due |= lost;
        self.doubt_own(out);
        out.push(Effect::Changed);
    }
}

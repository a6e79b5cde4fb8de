//! Going back in time. A device that was restored from a copy, or cloned, is found out at its first contact: its peers hold
//! places of its logs that it does not know, other entries at places that it does, or a receipt of its own for more than it
//! has. So is one whose disk has lost something, by itself. It writes no more; the facility goes on with a new device, and
//! what the old one's receipts had claimed counts for nothing. Where two branches are found, they are traced to where they
//! part, that is stated in the control lane, one of them keeps the places, and the entries of the other are carried on in
//! the logs of whoever held them.

use super::session::{Naming, Session};
use super::{Appending, Effect, Outcome, Replica, SessionId, Token};
use crate::control::{Control, REPLACED_MAX, SignedEnrolment, Successor};
use crate::directory::Learned;
use crate::entry::{BodyKind, Entry, HEADER_LEN, Header};
use crate::fork::{ForkProof, places_to_compare, tail};
use crate::frontier::{Frontier, Range};
use crate::ids::{DeviceId, EntryId, LogId, Seq};
use crate::message::{RANGES_MAX, Refusal, ShortId, encode};
use crate::sign::Signer;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Entries carried on in one append: bounds what is held in memory for it.
const CARRY_MAX: usize = 64;
/// Logs that one session traces. The next session goes on.
const TRACES_MAX: usize = 64;
/// Places that are read from the disk to answer one question; a tracing asks for fewer than this at once.
const WHICH_READS_MAX: usize = 256;

/// What a read from the disk is for.
#[derive(Debug)]
pub(super) enum Reading {
    /// Ids to answer a peer, with those that were known without reading.
    Which(SessionId, Vec<(Range, Option<ShortId>)>),
    /// A header to show a peer.
    Show(SessionId),
    /// Own ids at the ends of logs, to compare with a peer's.
    Ends(SessionId, Vec<(Range, ShortId)>),
    /// Own ids within a log, to compare with a peer's.
    Compare(SessionId, Vec<(Seq, ShortId)>),
    /// The own header, to set beside a peer's.
    Prove(Header),
    /// Own entries at forked places, to see which branch is here.
    Judge(LogId),
    /// Entries of the losing branch, to carry on.
    Carry(LogId),
}

/// The tracing of one fork with one peer.
#[derive(Debug)]
struct Trace {
    log: LogId,
    /// The last place known to be the same; 0 stands for the beginning.
    agree: Seq,
    /// The first place known to differ.
    differ: Seq,
    asked: Vec<Seq>,
}

/// What a session compares.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    /// Ends of logs asked about, or being read because a peer has told of them.
    ends: Option<Vec<Range>>,
    waiting: VecDeque<(LogId, Seq)>,
    current: Option<Trace>,
}

impl Comparison {
    /// True while the session must not end.
    pub(super) fn is_open(&self) -> bool {
        self.ends.is_some() || self.current.is_some() || !self.waiting.is_empty()
    }

    /// True if a log is being traced, or is about to be: until it is clear what stands in it, nothing more is asked of it.
    pub(super) fn traces(&self, log: &LogId) -> bool {
        self.waiting.iter().any(|(waiting, _)| waiting == log)
            || self.current.as_ref().is_some_and(|trace| trace.log == *log)
    }
}

/// A log of which the branch here may have lost its places.
#[derive(Debug)]
pub(super) struct Doubt {
    /// Places from here on are not vouched for.
    from: Seq,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Own entries at the forked places are to be looked at once all of the log is on the disk.
    Waiting,
    /// They are being read.
    Reading(Token),
    /// The losing branch is carried on, from `next`; `before` stands before `from`, in both branches.
    Carrying { from: Seq, before: EntryId, next: Seq, wait: Wait },
    /// The losing branch is being taken from its places.
    Cutting { from: Seq, before: EntryId, append: Token },
}

/// What a piece of carrying waits for.
#[derive(Debug)]
enum Wait {
    Nothing,
    Read,
    Append(Token),
}

/// The first bytes of an id.
pub(super) fn short_id(id: &EntryId) -> ShortId {
    let mut out = ShortId::default();
    let len = out.len();
    out.copy_from_slice(&id.0[..len]);
    out
}

fn place(log: LogId, seq: Seq) -> Range {
    Range { log, from: seq, to: seq }
}

impl Replica {
    /// What a receipt may say: what is durably held, less places that may belong to a branch that lost them.
    pub(super) fn claimed(&self) -> Frontier {
        let mut claimed = self.durable.clone();
        for (log, doubt) in &self.doubts {
            claimed.cut(log, doubt.from);
        }
        claimed
    }

    /// What of what a device said counts here as held by it.
    pub(super) fn vouched<'a>(&self, device: &DeviceId, said: &'a Frontier) -> Cow<'a, Frontier> {
        if self.directory.is_replaced(device) {
            return Cow::Owned(Frontier::default());
        }
        if self.directory.forks().is_empty() {
            return Cow::Borrowed(said);
        }
        Cow::Owned(self.directory.forks().vouched(said, self.directory.reads_control(device)))
    }

    fn read(&mut self, places: Vec<Range>, uncarried_only: bool, reading: Reading, out: &mut Vec<Effect>) -> Token {
        let ticket = self.next_token;
        self.next_token += 1;
        self.readings.insert(ticket, reading);
        out.push(Effect::Read { ticket, places, uncarried_only });
        ticket
    }

    /// Entries that the disk has read, in the order of the places that were asked for; those that it lacks are left out.
    pub(super) fn was_read(&mut self, now_ms: u64, ticket: Token, entries: Vec<Entry>, out: &mut Vec<Effect>) {
        match self.readings.remove(&ticket) {
            Some(Reading::Which(session, _) | Reading::Show(session)) if !self.sessions.contains_key(&session) => {}
            Some(Reading::Which(session, places)) => {
                let id_at = |range: &Range| {
                    let at = |entry: &&Entry| (entry.header().log, entry.header().seq) == (range.log, range.from);
                    entries.iter().find(at).map(|entry| short_id(&entry.id()))
                };
                let ids: Vec<_> =
                    places.iter().map(|(range, known)| known.or_else(|| id_at(range)).unwrap_or_default()).collect();
                self.send(session, encode::ids(&ids), false, out);
            }
            Some(Reading::Show(session)) => {
                let header = entries.first().map(|entry| entry.header().encode());
                self.send(session, encode::header(header.as_ref()), false, out);
            }
            Some(Reading::Ends(session, theirs)) => self.ends_compared(session, &theirs, &entries, out),
            Some(Reading::Compare(session, theirs)) => self.compared(session, &theirs, &entries, out),
            Some(Reading::Prove(theirs)) => {
                let ours = entries.first().map(|entry| entry.header().clone());
                let proof = ours.and_then(|ours| ForkProof::new(ours, theirs, &self.network, &*self.verifier));
                if let Some(proof) = proof {
                    self.proved(now_ms, proof, out);
                }
            }
            Some(Reading::Judge(log)) => self.judged(ticket, log, &entries, out),
            Some(Reading::Carry(log)) => self.carry(now_ms, log, entries, out),
            None => {}
        }
    }

    /// Looks at a peer's frontier for places of this device's own logs that this device does not know.
    pub(super) fn look_for_own_future(&mut self, frontier: &Frontier, out: &mut Vec<Effect>) {
        let own = self.device();
        let knows = |log: &LogId, held: &crate::frontier::Intervals| {
            let (height, _) = self.chains.head(log);
            held.iter().all(|(_, to)| to <= height)
        };
        if frontier.logs().any(|(log, held)| log.author == own && !knows(log, held)) {
            self.outlived(out);
        }
    }

    /// A receipt of this device that another site has kept: what it claims must be here. Forked logs are looked at by
    /// themselves.
    pub(super) fn look_for_own_past(&mut self, frontier: &Frontier, out: &mut Vec<Effect>) {
        if !self.directory.forks().uncontested(frontier).minus(&self.chains.frontier()).is_empty() {
            self.outlived(out);
        }
    }

    /// This device holds less than it has claimed, or has a twin: it must not sign another entry or receipt, and what its
    /// receipts say must not count any more.
    ///
    /// Without an enrolment of its facility, which its disk may have lost as well, a new device could be shown to nobody.
    /// Sessions go on then, since only they can bring that back, and this device signs no more than what it receives.
    pub(super) fn outlived(&mut self, out: &mut Vec<Effect>) {
        self.device_due = !self.is_enrolled();
        if !self.device_due && !self.outlived {
            self.outlived = true;
            for session in self.sessions.keys().copied().collect::<Vec<_>>() {
                self.send(session, encode::refuse(Refusal::Outlived), false, out);
            }
            self.end_all_sessions(Outcome::Outlived, out);
            out.push(Effect::Renew);
        }
    }

    /// What a new device of this facility shows in place of the present one's enrolment, signed by the facility. `None` at a
    /// site that was never enrolled.
    pub fn succession(&self, device: DeviceId, facility: &dyn Signer) -> Option<SignedEnrolment> {
        let (network, own) = (self.network, self.directory.own());
        let (credential, before) = match self.directory.credential(&self.device()) {
            Some(credential) => (credential, credential.replaced()),
            // It never came to be announced, and nobody can tell which one it was to take the place of.
            None => (self.directory.newest_credential(&own)?, self.directory.devices_of(&own).collect()),
        };
        let mut seen = BTreeSet::from([device]);
        let replaces = std::iter::once(self.device()).chain(before).filter(|device| seen.insert(*device));
        let replaces = replaces.take(REPLACED_MAX).collect();
        Some(credential.succeeded_by(&Successor { network, facility: own, device, replaces }, facility))
    }

    /// True while this device writes nothing, because another is to take its place.
    pub(super) fn is_silent(&self) -> bool {
        self.outlived || self.device_due
    }

    /// True if an enrolment of this facility is here.
    pub(super) fn is_enrolled(&self) -> bool {
        self.directory.newest_credential(&self.directory.own()).is_some()
    }

    /// A device is wanted in the place of this one if the disk has lost something, if another has taken its place already,
    /// or if it was made and never came to be announced. Not before an enrolment of the facility is here, which takes
    /// sessions: nobody could be shown the new one.
    pub(super) fn doubt_own(&mut self, out: &mut Vec<Effect>) {
        let device = self.device();
        let enrolled = self.directory.facility_of(&device).is_some() || self.unannounced.is_some();
        let unfit = self.device_due || !enrolled || self.directory.is_replaced(&device);
        if unfit && self.is_enrolled() {
            self.outlived(out);
        }
    }

    /// After devices were learned: one may have taken another's place, this one's even.
    pub(super) fn devices_learned(&mut self, out: &mut Vec<Effect>) {
        // Logs of replaced devices were not looked at so far.
        self.compared.clear();
        self.doubt_own(out);
    }

    pub(super) fn renew(
        &mut self,
        now_ms: u64,
        signer: Box<dyn Signer>,
        enrolment: SignedEnrolment,
        out: &mut Vec<Effect>,
    ) {
        assert!(signer.device() != self.device(), "a new device has a new key");
        let contact = self.directory.contact(&self.device()).cloned();
        self.signer = signer;
        self.outlived = false;
        self.acknowledged.clear();
        self.directory.admit(&enrolment, &*self.verifier, &mut Learned::default());
        if self.keeper.is_some() {
            self.renew_keeper(enrolment, out);
        } else {
            self.unannounced = Some(enrolment);
            self.announce_own_device(now_ms, out);
        }
        if let Some(written) = contact.and_then(|contact| self.write_control(now_ms, &Control::Contact(contact))) {
            self.put(vec![written], BTreeSet::new(), None, out);
        }
        for proof in std::mem::take(&mut self.unstated) {
            self.proved(now_ms, proof, out);
        }
        self.doubt_all(out);
    }

    /// Writes a new device's enrolment into its control lane, as soon as the network's keys are here.
    pub(super) fn announce_own_device(&mut self, now_ms: u64, out: &mut Vec<Effect>) {
        let Some(enrolment) = self.unannounced.take() else { return };
        match self.write_control(now_ms, &Control::Enrol(enrolment.clone())) {
            Some(written) => self.put(vec![written], BTreeSet::new(), None, out),
            None => self.unannounced = Some(enrolment),
        }
    }

    /// A fork of a log was found with a peer.
    fn proved(&mut self, now_ms: u64, proof: ForkProof, out: &mut Vec<Effect>) {
        if proof.log().author == self.device() {
            self.unstated.push(proof);
            return self.outlived(out);
        }
        if !self.directory.forks().is_stated(&proof) {
            let [a, b] = proof.encode();
            match self.write_control(now_ms, &Control::Fork(a.to_vec(), b.to_vec())) {
                Some(written) => self.put(vec![written], BTreeSet::new(), None, out),
                // Who cannot write in the control lane, because it holds no key, goes by what it has seen itself.
                None => drop(self.directory.take_fork(&proof)),
            }
        }
        out.push(Effect::Changed);
        self.doubt(proof.log(), out);
    }

    /// Looks at all forked logs, as at a start.
    pub(super) fn doubt_all(&mut self, out: &mut Vec<Effect>) {
        let logs: Vec<_> = self.directory.forks().logs().map(|(log, _)| log).collect();
        logs.into_iter().for_each(|log| self.doubt(log, out));
    }

    /// A fork of a log is known: from the first forked place on, nothing is vouched for until it is clear which branch is
    /// here.
    pub(super) fn doubt(&mut self, log: LogId, out: &mut Vec<Effect>) {
        let Some(from) = self.directory.forks().places(&log).next() else { return };
        if log.author == self.device() {
            // Others have met a twin of this device.
            return self.outlived(out);
        }
        match self.doubts.get_mut(&log) {
            Some(doubt) => {
                doubt.from = doubt.from.min(from);
                // What is being read is not all any more. What is being carried is looked at again at the end.
                if matches!(doubt.stage, Stage::Reading(_)) {
                    doubt.stage = Stage::Waiting;
                    self.resolve_doubts(out);
                }
            }
            None if tail(&self.chains.frontier(), &log, from).is_empty() => {}
            None => {
                self.doubts.insert(log, Doubt { from, stage: Stage::Waiting });
                self.resolve_doubts(out);
            }
        }
    }

    /// Goes on with what waits for the disk.
    pub(super) fn resolve_doubts(&mut self, out: &mut Vec<Effect>) {
        if self.is_silent() {
            return;
        }
        let logs: Vec<_> = self.doubts.keys().copied().collect();
        for log in logs {
            let Some(doubt) = self.doubts.get(&log) else { continue };
            let from = doubt.from;
            match &doubt.stage {
                Stage::Waiting => {
                    let on_its_way = |range: &Range| range.log == log && range.to >= from;
                    if self.pending.values().any(|pending| pending.ranges.iter().any(on_its_way)) {
                        continue;
                    }
                    let forked = self.directory.forks().places(&log).filter(|seq| self.durable.contains(&log, *seq));
                    let places: Vec<_> = forked.map(|seq| place(log, seq)).collect();
                    let ticket = self.read(places, false, Reading::Judge(log), out);
                    self.set_stage(&log, Stage::Reading(ticket));
                }
                Stage::Carrying { wait: Wait::Read, .. } => {}
                Stage::Carrying { wait: Wait::Append(token), .. } if self.pending.contains_key(token) => {}
                Stage::Carrying { from, before, next, .. } => {
                    let (from, before, next) = (*from, *before, *next);
                    let places = self.to_carry(&log, next).map(|seq| place(log, seq)).collect();
                    self.read(places, true, Reading::Carry(log), out);
                    self.set_stage(&log, Stage::Carrying { from, before, next, wait: Wait::Read });
                }
                Stage::Reading(_) | Stage::Cutting { .. } => {}
            }
        }
    }

    fn set_stage(&mut self, log: &LogId, stage: Stage) {
        if let Some(doubt) = self.doubts.get_mut(log) {
            doubt.stage = stage;
        }
    }

    /// The next piece of a branch to carry on.
    fn to_carry(&self, log: &LogId, next: Seq) -> impl Iterator<Item = Seq> + use<> {
        tail(&self.durable, log, next).into_iter().flat_map(|range| range.from..=range.to).take(CARRY_MAX)
    }

    fn judged(&mut self, ticket: Token, log: LogId, entries: &[Entry], out: &mut Vec<Effect>) {
        let forks = self.directory.forks();
        let lost = entries.iter().find(|entry| forks.is_loser(&log, entry.header().seq, &entry.id()));
        if !self.doubts.get(&log).is_some_and(|doubt| matches!(doubt.stage, Stage::Reading(read) if read == ticket)) {
            return;
        }
        match lost.map(Entry::header) {
            Some(Header { seq, prev, .. }) => {
                let stage = Stage::Carrying { from: *seq, before: *prev, next: *seq, wait: Wait::Nothing };
                self.set_stage(&log, stage);
                self.resolve_doubts(out);
            }
            None => {
                self.doubts.remove(&log);
                self.want_more_everywhere(out);
            }
        }
    }

    /// Writes a piece of the losing branch into the own logs; after the last one, takes the branch from its places.
    fn carry(&mut self, now_ms: u64, log: LogId, entries: Vec<Entry>, out: &mut Vec<Effect>) {
        let Some(Doubt { stage: Stage::Carrying { from, before, next, .. }, .. }) = self.doubts.get(&log) else {
            return;
        };
        let (from, before, next) = (*from, *before, *next);
        let last = self.to_carry(&log, next).last();
        let written: Vec<_> = entries.iter().filter_map(|entry| self.write_carried(now_ms, entry)).collect();
        let append = self.next_token;
        let Some(last) = last else {
            self.set_stage(&log, Stage::Cutting { from, before, append });
            return self.put_cut(Cut { log, from }, out);
        };
        let next = last + 1;
        if written.is_empty() {
            self.set_stage(&log, Stage::Carrying { from, before, next, wait: Wait::Nothing });
            return self.resolve_doubts(out);
        }
        self.set_stage(&log, Stage::Carrying { from, before, next, wait: Wait::Append(append) });
        self.put(written, BTreeSet::new(), None, out);
    }

    fn write_carried(&mut self, now_ms: u64, entry: &Entry) -> Option<Appending> {
        // What the branch itself carried is carried anew.
        let unwrapped = entry.carried();
        let inner = unwrapped.as_ref().unwrap_or(entry);
        let header = inner.header();
        let outer = self.next_header(now_ms, header.log.lane, header.scope, BodyKind::Sealed);
        self.written(outer, inner.to_carry(), None)
    }

    /// After an append: a branch that was taken from its places leaves room for the other.
    pub(super) fn after_cut(&mut self, token: Token, out: &mut Vec<Effect>) {
        let cut = self.doubts.iter().find_map(|(log, doubt)| match doubt.stage {
            Stage::Cutting { from, before, append } if append == token => Some((*log, from, before)),
            _ => None,
        });
        if let Some((log, from, before)) = cut {
            self.chains.cut(&log, from, before);
            self.durable.cut(&log, from);
            self.doubts.remove(&log);
            // There may be an earlier fork, learned meanwhile.
            self.doubt(log, out);
            self.want_more_everywhere(out);
        }
        self.resolve_doubts(out);
    }

    /// True if entries of this log are not taken until it is clear which branch is here.
    pub(super) fn is_doubted(&self, log: &LogId, seq: Seq) -> bool {
        self.doubts.get(log).is_some_and(|doubt| seq >= doubt.from)
    }

    // What follows is said in a session.

    /// Both sides hold the same places. If their ends are not the same entries, there is a fork somewhere.
    pub(super) fn compare_heads(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (Some(peer), Some(theirs)) = (session.peer, &session.peer_has) else { return };
        let same_places = *theirs == self.durable && self.pending.is_empty();
        let same_heads = session.peer_heads == Some(self.chains.digest());
        let mut ends: Vec<_> = match same_places {
            true if same_heads || session.peer_heads.is_none() => vec![],
            true => self.chains.spans().map(|span| place(span.log, span.to)).collect(),
            false if self.compared.contains(&peer) => vec![],
            // A device that went back in time may have left two branches, and nothing else may tell for long.
            false => {
                let logs = self.durable.logs().filter(|(log, _)| self.directory.is_replaced(&log.author));
                logs.filter_map(|(log, held)| Some(place(*log, held.last_common(theirs.get(log)?)?))).collect()
            }
        };
        ends.truncate(if session.short.is_some() { crate::short::RANGES_MAX } else { RANGES_MAX });
        self.ask_which(id, ends, out);
    }

    /// Asks which entries stand at these ends of logs.
    pub(super) fn ask_which(&mut self, id: SessionId, ends: Vec<Range>, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !ends.is_empty() && session.comparison.ends.is_none() {
            let frame = session.naming(Naming::Which, &ends);
            session.comparison.ends = Some(ends);
            self.send(id, frame, false, out);
        }
    }

    /// What a peer says, unasked, of the ends of this device's own logs: one beyond what is known here must be shown, and
    /// another entry than the one here is traced.
    pub(super) fn compare_own(&mut self, id: SessionId, said: Vec<(Range, ShortId)>, out: &mut Vec<Effect>) {
        let beyond = |(end, _): &(Range, ShortId)| end.from > self.chains.head(&end.log).0;
        let (beyond, within): (Vec<_>, Vec<_>) = said.into_iter().partition(beyond);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !within.is_empty() && session.comparison.ends.is_none() {
            let ends: Vec<_> = within.iter().map(|(end, _)| *end).collect();
            session.comparison.ends = Some(ends.clone());
            self.read(ends, false, Reading::Ends(id, within), out);
        }
        beyond.into_iter().for_each(|(end, _)| self.trace(id, end.log, end.from, out));
    }

    /// What a peer sent contradicts what is here.
    pub(super) fn trace(&mut self, id: SessionId, log: LogId, differ: Seq, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let comparison = &mut session.comparison;
        if !comparison.traces(&log) && comparison.waiting.len() < TRACES_MAX {
            comparison.waiting.push_back((log, differ));
            self.trace_on(id, out);
        }
    }

    /// Asks the next question of the current tracing, or begins the next one.
    fn trace_on(&mut self, id: SessionId, out: &mut Vec<Effect>) {
        // Of a place of one's own that is not known here there is nothing to compare: it must be shown.
        let is_own_future = |log: &LogId, seq| log.author == self.device() && seq > self.chains.head(log).0;
        let Some(session) = self.sessions.get(&id) else { return };
        let next = session.comparison.waiting.front();
        let unknown = next.is_some_and(|(log, seq)| is_own_future(log, *seq));
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let comparison = &mut session.comparison;
        if comparison.current.is_some() || comparison.ends.is_some() {
            return;
        }
        let Some((log, differ)) = comparison.waiting.pop_front() else { return self.settle(id, out) };
        let asked = if unknown { Vec::new() } else { places_to_compare(0, differ) };
        let trace = Trace { log, agree: 0, differ, asked };
        let frame = question(session, &trace);
        session.comparison.current = Some(trace);
        self.send(id, frame, false, out);
    }

    pub(super) fn which(&mut self, id: SessionId, places: Vec<Range>, out: &mut Vec<Effect>) {
        let known = |range: &Range| self.chains.id_at_end(&range.log, range.from).map(|id| short_id(&id));
        let places: Vec<_> = places.into_iter().map(|range| (range, known(&range))).collect();
        let unknown = places.iter().filter(|(_, known)| known.is_none()).map(|(range, _)| place(range.log, range.from));
        let unknown: Vec<_> = unknown.take(WHICH_READS_MAX).collect();
        self.read(unknown, false, Reading::Which(id, places), out);
    }

    pub(super) fn show(&mut self, id: SessionId, places: &[Range], out: &mut Vec<Effect>) {
        let places = places.iter().take(1).map(|range| place(range.log, range.from)).collect();
        self.read(places, false, Reading::Show(id), out);
    }

    pub(super) fn ids(&mut self, id: SessionId, ids: &[ShortId], out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let comparison = &mut session.comparison;
        if let Some(ends) = &mut comparison.ends {
            // Until they are read nothing more is expected.
            let ends = std::mem::take(ends);
            if ids.len() != ends.len() {
                return self.refuse(id, Refusal::Malformed, out);
            }
            let unknown = ends.iter().filter(|end| self.chains.id_at_end(&end.log, end.to).is_none());
            let unknown = unknown.copied().take(WHICH_READS_MAX).collect();
            let theirs = ends.into_iter().zip(ids.iter().copied()).collect();
            self.read(unknown, false, Reading::Ends(id, theirs), out);
            return;
        }
        let Some(trace) = &comparison.current else { return self.refuse(id, Refusal::Malformed, out) };
        if ids.len() != trace.asked.len() {
            return self.refuse(id, Refusal::Malformed, out);
        }
        let places = trace.asked.iter().map(|seq| place(trace.log, *seq)).collect();
        let theirs = trace.asked.iter().copied().zip(ids.iter().copied()).collect();
        self.read(places, false, Reading::Compare(id, theirs), out);
    }

    fn ends_compared(&mut self, id: SessionId, theirs: &[(Range, ShortId)], read: &[Entry], out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.comparison.ends = None;
        if theirs.iter().any(|(end, _)| self.directory.is_replaced(&end.log.author)) {
            self.compared.extend(session.peer);
        }
        for (end, theirs) in theirs.iter().filter(|(_, theirs)| *theirs != ShortId::default()) {
            let read = || read.iter().find(|entry| (entry.header().log, entry.header().seq) == (end.log, end.to));
            let ours = self.chains.id_at_end(&end.log, end.to).or_else(|| read().map(Entry::id));
            let differ = ours.is_some_and(|ours| short_id(&ours) != *theirs);
            if differ && session.comparison.waiting.len() < TRACES_MAX {
                session.comparison.waiting.push_back((end.log, end.to));
            }
        }
        self.trace_on(id, out);
    }

    fn compared(&mut self, id: SessionId, theirs: &[(Seq, ShortId)], ours: &[Entry], out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(trace) = &mut session.comparison.current else { return };
        let ours: BTreeMap<Seq, ShortId> =
            ours.iter().map(|entry| (entry.header().seq, short_id(&entry.id()))).collect();
        let before = (trace.agree, trace.differ);
        for (seq, theirs) in theirs.iter().filter(|(_, theirs)| *theirs != ShortId::default()) {
            match ours.get(seq) {
                Some(ours) if ours == theirs => trace.agree = trace.agree.max(*seq),
                Some(_) => trace.differ = trace.differ.min(*seq),
                None => {}
            }
        }
        let places = places_to_compare(trace.agree, trace.differ);
        let found = places.is_empty() || (trace.agree, trace.differ) == before;
        trace.asked = if found { Vec::new() } else { places };
        let frame = session.comparison.current.as_ref().map(|trace| question(session, trace));
        frame.into_iter().for_each(|frame| self.send(id, frame, false, out));
    }

    pub(super) fn header(&mut self, id: SessionId, header: Option<&[u8; HEADER_LEN]>, out: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(trace) = session.comparison.current.take() else { return self.refuse(id, Refusal::Malformed, out) };
        let theirs = header.and_then(|header| Header::decode(header).ok());
        if let Some(theirs) = theirs.filter(|theirs| (theirs.log, theirs.seq) == (trace.log, trace.differ)) {
            let unknown = theirs.log.author == self.device() && theirs.seq > self.chains.head(&theirs.log).0;
            if unknown && theirs.is_signed(&self.network, &*self.verifier) {
                return self.outlived(out);
            }
            self.read(vec![place(trace.log, trace.differ)], false, Reading::Prove(theirs), out);
        }
        self.trace_on(id, out);
    }
}

fn question(session: &Session, trace: &Trace) -> Vec<u8> {
    if trace.asked.is_empty() {
        return session.naming(Naming::Show, &[place(trace.log, trace.differ)]);
    }
    let places: Vec<_> = trace.asked.iter().map(|seq| place(trace.log, *seq)).collect();
    session.naming(Naming::Which, &places)
}

/// Places to take from a log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    /// The log.
    pub log: LogId,
    /// All places from this one on.
    pub from: Seq,
}

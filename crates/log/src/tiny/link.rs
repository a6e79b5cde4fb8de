//! The state machine of one end: whose turn it is, what has come, what has to be said again.

use super::frame::{ANSWER, CALL, DATA, Data, OVER, OVERHEAD, Piece, SAME, is_early, kind_of};
use super::key::{LinkKey, PhaseKey, SEAL_LEN};
use super::{BadMtu, KEYS_MAX, Link, LinkConfig, MESSAGE_BYTES_MAX, MTU_MAX, MTU_MIN, cobs};
use crate::ids::DeviceId;
use crate::short::{ANSWER_KIND, CALL_KIND, CALL_LEN_MAX, CALL_LEN_MIN, SAME_KIND, call_names, name_of};
use crate::wire::{Reader, put_varint};
use std::collections::{BTreeMap, VecDeque};

/// Pieces under way: as many as the bits that say which have come.
const WINDOW: usize = 32;
/// One turn at most, in milliseconds of line time: how long the other side waits with something urgent.
const BURST_MS: u64 = 6_000;
/// Text of messages that are sealed together, about: each parcel costs sixteen bytes and waits for its last piece.
const PARCEL_BYTES: usize = 1_024;
/// Waited after something to say has come, for more of it.
const GATHER_MS: u64 = 40;
/// Waited in one's turn for something to say, such as a receipt for which the disk is still busy.
const HOLD_MS: u64 = 800;
/// The same for a caller who has nothing to say and hears nothing: doubled up to this.
const IDLE_MS_MAX: u64 = 5_000;
/// Allowed for the turn of a radio and for a disk that is slow, beside the line time.
const WAIT_MS: u64 = 1_500;
/// Longest wait for an answer beside the line time.
const WAIT_MS_MAX: u64 = 30_000;
/// Calls before it is said that nobody answers: about a minute and a half.
const CALLS_MAX: u32 = 5;
/// A conversation in which nothing valid has come for so long is over. Silence only: a slow one is never cut.
const SILENCE_MS: u64 = 120_000;
/// After so much silence another call is taken for a peer that has started anew. Before that it may be a replay.
const RESTART_MS: u64 = 5_000;
/// How long the side that was called goes on to answer after its session has ended, if the last word may be lost.
const LINGER_MS: u64 = 12_000;
/// What is believed of a line before it was measured, in bytes a second, at most: a baud rate says nothing of the radio.
const UNMEASURED_MAX: u64 = 480;
/// Bounds of what is measured.
const RATE_MIN: u64 = 10;
const RATE_MAX: u64 = 1_000_000;
/// Fewest bytes of a turn and its answer from which a rate is reckoned: with fewer the waiting counts for more.
const MEASURED_BYTES_MIN: u64 = 200;
/// Milliseconds in a second.
const S_MS: u64 = 1_000;

/// What happened on the line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Somebody calls: begin a session that is called, and give it this message first.
    Called(Vec<u8>),
    /// A message came.
    Message(Vec<u8>),
    /// A message that was sent with `paced` has arrived.
    Flushed,
    /// The conversation is over before its session was.
    Lost(Lost),
    /// The conversation is over, after [`Link::close`].
    Closed,
}

/// Why a conversation was lost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Lost {
    /// Nobody answered the calls: nothing is connected, or no site of this network.
    #[error("nobody of this network answers")]
    NoAnswer,
    /// Nothing valid came for two minutes.
    #[error("the line has fallen silent")]
    Silence,
    /// Both called at once, and the other one goes on; its call follows.
    #[error("the other side called at the same time")]
    Yielded,
    /// The peer has begun anew; its call follows.
    #[error("the other side has begun anew")]
    Restarted,
    /// A message was too large, or does not open: the peer does not speak this protocol.
    #[error("what came makes no sense")]
    Malformed,
}

/// What passed, since the link was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Bytes given to the line.
    pub bytes_sent: u64,
    /// Bytes of frames that came and made sense, zeroes included.
    pub bytes_received: u64,
    /// Frames sent.
    pub frames_sent: u64,
    /// Of these, pieces that had been sent before.
    pub frames_repeated: u64,
    /// What came and was no frame of a conversation here.
    pub frames_dropped: u64,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    /// To speak at a time; with something to say earlier, at `until` in any case.
    Ours { at: u64, until: u64 },
    /// The other side's; the caller speaks again at this time if nothing comes.
    Theirs { deadline: u64 },
}

struct Outgoing {
    piece: Piece,
    sent: bool,
    arrived: bool,
    /// Paced messages that end with this piece.
    flushes: u32,
}

/// A conversation.
pub(super) struct Talk {
    caller: bool,
    key: LinkKey,
    /// What the call says, and how it was sealed.
    call: Vec<u8>,
    sealed_call: Vec<u8>,
    early: PhaseKey,
    /// There once the answer is.
    session: Option<PhaseKey>,
    /// The side that was called: its answer as a frame.
    opening: Option<Vec<u8>>,
    /// The answer has arrived.
    confirmed: bool,
    /// The answer was that nothing has changed.
    same: bool,
    /// The caller has said that it needs no more answers.
    farewell: bool,
    pending: VecDeque<(Vec<u8>, bool)>,
    /// Cut, and not yet in the window.
    cut: VecDeque<Outgoing>,
    window: VecDeque<Outgoing>,
    /// Place of the first piece of the window.
    first: u8,
    parcels_sent: u32,
    /// The next place that is missing, and what has come beyond it.
    next: u8,
    beyond: BTreeMap<u8, Piece>,
    parcel: Vec<u8>,
    parcels_received: u32,
    turn: Turn,
    /// The caller's turns are counted, and answered by their number: an answer that was overtaken hands nothing over.
    number: u8,
    /// Nothing came in time: ask before anything is said again.
    probing: bool,
    /// Turns in a row in which nobody said anything.
    idle: u32,
    tries: u32,
    heard_ms: u64,
    spoke_ms: u64,
    turn_bytes: u64,
    closing: bool,
}

impl Talk {
    fn new(now: u64, caller: bool, key: LinkKey, call: Vec<u8>, sealed_call: Vec<u8>, turn: Turn) -> Talk {
        Talk {
            early: key.early(&call),
            caller,
            key,
            call,
            sealed_call,
            session: None,
            opening: None,
            confirmed: false,
            same: false,
            farewell: false,
            pending: VecDeque::new(),
            cut: VecDeque::new(),
            window: VecDeque::new(),
            first: 0,
            parcels_sent: 0,
            next: 0,
            beyond: BTreeMap::new(),
            parcel: Vec::new(),
            parcels_received: 0,
            turn,
            number: 0,
            probing: false,
            idle: 0,
            tries: 0,
            heard_ms: now,
            spoke_ms: now,
            turn_bytes: 0,
            closing: false,
        }
    }

    /// All that was said has arrived.
    fn is_through(&self) -> bool {
        self.pending.is_empty() && self.cut.is_empty() && self.window.is_empty()
    }

    /// Something waits to be said.
    fn has_words(&self) -> bool {
        !self.is_through() || (!self.confirmed && self.opening.is_some())
    }

    /// Seals what waits into parcels, and cuts these into pieces, as far as the window has room.
    fn fill(&mut self, payload: usize) {
        while self.window.len() < WINDOW {
            if let Some(outgoing) = self.cut.pop_front() {
                self.window.push_back(outgoing);
                continue;
            }
            let early = self.session.is_none();
            let (mut text, mut flushes) = (Vec::new(), 0);
            while let Some((message, paced)) =
                self.pending.pop_front_if(|(message, _)| text.is_empty() || text.len() + message.len() <= PARCEL_BYTES)
            {
                put_varint(&mut text, message.len() as u64);
                text.extend_from_slice(&message);
                flushes += u32::from(paced);
            }
            if text.is_empty() {
                return;
            }
            let key = self.session.as_ref().unwrap_or(&self.early);
            let sealed = key.seal(self.caller, self.parcels_sent, &text);
            self.parcels_sent += 1;
            let count = sealed.chunks(payload).len();
            for (at, bytes) in sealed.chunks(payload).enumerate() {
                let end = at + 1 == count;
                let piece = Piece { early, end, bytes: bytes.to_vec() };
                let flushes = if end { flushes } else { 0 };
                self.cut.push_back(Outgoing { piece, sent: false, arrived: false, flushes });
            }
        }
    }

    /// What the other side says has come.
    fn arrived(&mut self, next: u8, beyond: u32) -> u32 {
        let gone = usize::from(next.wrapping_sub(self.first));
        if gone > self.window.len() {
            // An old frame that was overtaken.
            return 0;
        }
        let flushes = self.window.drain(..gone).map(|outgoing| outgoing.flushes).sum();
        self.first = next;
        for (at, outgoing) in self.window.iter_mut().enumerate().skip(1) {
            outgoing.arrived |= beyond >> (at - 1) & 1 == 1;
        }
        flushes
    }

    /// Takes a piece; what is then whole is opened. `None` if it makes no sense.
    fn take(&mut self, place: u8, piece: Piece) -> Option<Vec<Vec<u8>>> {
        let mut messages = Vec::new();
        if usize::from(place.wrapping_sub(self.next)) < WINDOW {
            self.beyond.insert(place, piece);
        }
        while let Some(piece) = self.beyond.remove(&self.next) {
            self.next = self.next.wrapping_add(1);
            self.parcel.extend_from_slice(&piece.bytes);
            if self.parcel.len() > MESSAGE_BYTES_MAX {
                return None;
            }
            if piece.end {
                let sealed = std::mem::take(&mut self.parcel);
                let key = if piece.early { &self.early } else { self.session.as_ref()? };
                let text = key.open(!self.caller, self.parcels_received, &sealed)?;
                self.parcels_received += 1;
                let mut r = Reader::new(&text);
                while !r.is_empty() {
                    let length = usize::try_from(r.varint().ok()?).ok()?;
                    messages.push(r.take(length).ok()?.to_vec());
                }
            }
        }
        Some(messages)
    }

    fn beyond_bits(&self) -> u32 {
        let offsets = self.beyond.keys().map(|place| place.wrapping_sub(self.next));
        offsets.fold(0, |bits, offset| bits | 1u32.checked_shl(u32::from(offset).wrapping_sub(1)).unwrap_or(0))
    }
}

impl Link {
    /// An end of a line, with the keys that a call may be sealed under, the one to call with first.
    ///
    /// # Errors
    /// [`BadMtu`].
    pub fn new(config: LinkConfig, keys: Vec<LinkKey>) -> Result<Link, BadMtu> {
        if !(MTU_MIN..=MTU_MAX).contains(&config.mtu) {
            return Err(BadMtu(config.mtu));
        }
        let mut link = Link {
            config,
            keys: Vec::new(),
            key: 0,
            rate: config.bytes_per_s.clamp(RATE_MIN, UNMEASURED_MAX),
            partial: Vec::with_capacity(MTU_MAX),
            overlong: false,
            talk: None,
            output: Vec::new(),
            events: VecDeque::new(),
            counts: Counts::default(),
        };
        link.set_keys(keys);
        Ok(link)
    }

    /// Takes the keys that are held now; for calls from here on.
    pub fn set_keys(&mut self, mut keys: Vec<LinkKey>) {
        keys.truncate(KEYS_MAX);
        self.keys = keys;
    }

    /// Takes the device that speaks from here on, after the one before has gone back in time.
    pub fn set_device(&mut self, device: DeviceId) {
        self.config.device = device;
    }

    /// True if there is no conversation.
    pub fn is_idle(&self) -> bool {
        self.talk.is_none()
    }

    /// What passed so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Bytes for the line.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// What happened.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Says a message of the session: the first one of a session that calls is its call, and begins a conversation.
    pub fn send(&mut self, now: u64, message: Vec<u8>, paced: bool) {
        let kind = message.first().copied();
        let Some(talk) = &mut self.talk else {
            if let (Some(CALL_KIND), Some(key)) = (kind, self.keys.get(self.key % self.keys.len().max(1))) {
                let call = message[1..].to_vec();
                let sealed = key.seal(&[b"call"], &call);
                let turn = Turn::Ours { at: now + GATHER_MS, until: now + HOLD_MS };
                self.talk = Some(Talk::new(now, true, key.clone(), call, sealed, turn));
            }
            return;
        };
        match kind {
            Some(SAME_KIND) if !talk.caller && talk.opening.is_none() => {
                talk.same = true;
                talk.opening = Some([vec![SAME], talk.key.seal(&[b"same", &talk.call], &[])].concat());
            }
            Some(ANSWER_KIND) if !talk.caller && talk.opening.is_none() => {
                let answer = &message[1..];
                talk.session = Some(talk.key.session(&talk.call, answer));
                talk.opening = Some([vec![ANSWER], talk.key.seal(&[b"answer", &talk.call], answer)].concat());
            }
            _ => talk.pending.push_back((message, paced)),
        }
        if let Turn::Ours { until, .. } = talk.turn {
            talk.turn = Turn::Ours { at: until.min(now + GATHER_MS), until };
        }
    }

    /// The session is over: what was said is brought through, then [`Event::Closed`] follows.
    pub fn close(&mut self, now: u64) {
        if let Some(talk) = &mut self.talk {
            talk.closing = true;
            if let (Turn::Ours { .. }, true) = (talk.turn, talk.has_words()) {
                talk.turn = Turn::Ours { at: now, until: now };
            }
        }
        self.settle(now);
    }

    /// Forgets the conversation at once.
    pub fn hang_up(&mut self) {
        self.talk = None;
    }

    /// When [`Link::tick`] wants to be called.
    pub fn wake_ms(&self) -> Option<u64> {
        let talk = self.talk.as_ref()?;
        let over = talk.heard_ms + if talk.closing { LINGER_MS } else { SILENCE_MS };
        Some(match talk.turn {
            Turn::Ours { at, .. } => at,
            Turn::Theirs { deadline } if talk.caller => deadline,
            Turn::Theirs { .. } => over,
        })
    }

    /// Time has passed.
    pub fn tick(&mut self, now: u64) {
        let Some(talk) = &mut self.talk else { return };
        match talk.turn {
            Turn::Ours { at, .. } if now >= at => self.speak(now),
            Turn::Theirs { deadline } if talk.caller && now >= deadline => {
                talk.tries += 1;
                talk.probing = true;
                let answered = talk.session.is_some();
                if answered {
                    // Lost, or slower than was thought.
                    self.rate = (self.rate * 3 / 4).max(RATE_MIN);
                }
                if !answered && talk.tries >= CALLS_MAX {
                    // Somebody may be there whom the newest key has not reached.
                    self.key = (self.key + 1) % self.keys.len().max(1);
                    self.lose(Lost::NoAnswer);
                } else if answered && now.saturating_sub(talk.heard_ms) > SILENCE_MS {
                    self.lose(Lost::Silence);
                } else {
                    self.speak(now);
                }
            }
            Turn::Theirs { .. } if !talk.caller => {
                let silent = now.saturating_sub(talk.heard_ms);
                if talk.closing && silent >= LINGER_MS {
                    self.closed();
                } else if silent >= SILENCE_MS {
                    self.lose(Lost::Silence);
                }
            }
            _ => {}
        }
    }

    fn closed(&mut self) {
        self.talk = None;
        self.events.push_back(Event::Closed);
    }

    fn lose(&mut self, why: Lost) {
        // After its session has ended, nobody asks any more how the conversation ended.
        let closing = self.talk.take().is_some_and(|talk| talk.closing);
        self.events.push_back(if closing { Event::Closed } else { Event::Lost(why) });
    }

    fn line_ms(&self, bytes: u64) -> u64 {
        bytes * S_MS / self.rate
    }

    /// Says what there is to say, as one turn.
    fn speak(&mut self, now: u64) {
        let (mtu, rate) = (self.config.mtu, self.rate);
        let Some(talk) = &mut self.talk else { return };
        if !talk.caller && talk.opening.is_none() {
            // The replica has not answered the call yet; the caller will ask again.
            talk.turn = Turn::Theirs { deadline: 0 };
            return;
        }
        talk.fill(mtu - OVERHEAD);
        // A call has no number of its own, however often it is said.
        talk.number = talk.number.wrapping_add(u8::from(talk.caller && talk.session.is_some()));
        let over = Some(talk.number);
        let mut frames = Vec::new();
        let opening = match (talk.caller, &talk.session) {
            (true, None) => Some([vec![CALL], talk.sealed_call.clone()].concat()),
            (false, _) if !talk.confirmed => talk.opening.clone(),
            _ => None,
        };
        frames.extend(opening);
        let budget = (rate * BURST_MS / S_MS) as usize;
        let mut bytes: usize = frames.iter().map(|frame| frame.len() + 2).sum();
        let mut places = Vec::new();
        for (at, outgoing) in talk.window.iter().enumerate().filter(|(_, outgoing)| !outgoing.arrived) {
            let cost = outgoing.piece.bytes.len() + OVERHEAD;
            // After a silence a question is enough: its answer tells what has to be said again.
            if talk.probing || talk.same || (bytes + cost > budget && bytes > 0) {
                break;
            }
            bytes += cost;
            places.push(at);
        }
        let (next, beyond) = (talk.next, talk.beyond_bits());
        for (turn_end, at) in places.iter().enumerate().map(|(n, at)| (n + 1 == places.len(), *at)) {
            let piece = Some((talk.first.wrapping_add(at as u8), talk.window[at].piece.clone()));
            let early = talk.window[at].piece.early;
            let Some(key) = (if early { Some(&talk.early) } else { talk.session.as_ref() }) else { continue };
            frames.push(Data { over: over.filter(|_| turn_end), next, beyond, piece }.encode(key, talk.caller));
            self.counts.frames_repeated += u64::from(std::mem::replace(&mut talk.window[at].sent, true));
        }
        // An answer does not tell what has come; without a piece that does, a frame of its own must.
        let untold = !talk.caller && !talk.same && places.is_empty() && (next != 0 || beyond != 0);
        if let (true, Some(key)) = (frames.is_empty() || untold, &talk.session) {
            frames.push(Data { over, next, beyond, piece: None }.encode(key, talk.caller));
        } else if let (true, Some(opening)) = (places.is_empty(), frames.first_mut()) {
            // Call and answer are sealed as they are; who has the line stands outside the seal.
            opening[0] |= OVER;
        }
        (talk.probing, talk.spoke_ms) = (false, now);
        let tries = talk.tries.min(8);
        // Two who have called at once do not both call again at once.
        let spread = 1 + u64::from(talk.call.first().copied().unwrap_or_default()) * u64::from(tries > 0) / 128;
        let sent = self.put(&frames);
        let wait = ((WAIT_MS + HOLD_MS) << tries).min(WAIT_MS_MAX) * spread;
        let deadline = now + self.line_ms(sent * 5 / 4 + mtu as u64) + wait;
        if let Some(talk) = &mut self.talk {
            talk.turn_bytes = sent;
            talk.turn = Turn::Theirs { deadline };
        }
    }

    /// Puts frames on the line. The first zero ends whatever noise stood there before.
    fn put(&mut self, frames: &[Vec<u8>]) -> u64 {
        let before = self.output.len();
        self.output.push(0);
        for frame in frames {
            let stuffed = cobs::encode(frame);
            assert!(stuffed.len() + 2 <= self.config.mtu, "a frame has at most the bytes that the line takes");
            self.output.extend_from_slice(&stuffed);
            self.output.push(0);
        }
        let sent = (self.output.len() - before) as u64;
        self.counts.bytes_sent += sent;
        self.counts.frames_sent += frames.len() as u64;
        sent
    }

    /// Ends the conversation if its session has ended and all has arrived.
    fn settle(&mut self, now: u64) {
        let Some(talk) = &self.talk else { return };
        if !talk.closing || !talk.is_through() {
            return;
        }
        if talk.caller {
            // The last word of the other side has come; one frame spares it the wait for a question.
            if let (Some(key), false) = (&talk.session, talk.same) {
                let bye = Data { over: None, next: talk.next, beyond: 0, piece: None }.encode(key, true);
                self.put(&[bye]);
            }
            self.closed();
        } else if talk.farewell || now.saturating_sub(talk.heard_ms) >= LINGER_MS {
            self.closed();
        }
    }

    /// Bytes came from the line.
    pub fn receive(&mut self, now: u64, bytes: &[u8]) {
        for byte in bytes {
            if *byte != 0 {
                self.overlong |= self.partial.len() >= MTU_MAX;
                if !self.overlong {
                    self.partial.push(*byte);
                }
                continue;
            }
            let stuffed = std::mem::take(&mut self.partial);
            if !std::mem::take(&mut self.overlong) && !stuffed.is_empty() {
                match cobs::decode(&stuffed).and_then(|frame| self.frame(now, &frame)) {
                    Some(()) => {
                        self.counts.bytes_received += stuffed.len() as u64 + 1;
                        if let Some(talk) = &mut self.talk {
                            talk.turn_bytes += stuffed.len() as u64 + 1;
                        }
                    }
                    None => self.counts.frames_dropped += 1,
                }
            }
            // Reused, so that garbage costs no allocation of its own.
            self.partial = stuffed;
            self.partial.clear();
            self.settle(now);
        }
    }

    /// `None` for what means nothing here.
    fn frame(&mut self, now: u64, frame: &[u8]) -> Option<()> {
        let flags = *frame.first()?;
        let over = flags & OVER != 0;
        match kind_of(flags)? {
            CALL => self.on_call(now, &frame[1..], over),
            SAME => {
                let talk = self.talk.as_mut().filter(|talk| talk.caller && talk.session.is_none() && !talk.same)?;
                talk.key.open(&[b"same", &talk.call], &frame[1..]).filter(Vec::is_empty)?;
                talk.same = true;
                talk.pending.clear();
                talk.cut.clear();
                talk.window.clear();
                self.events.push_back(Event::Message(vec![SAME_KIND]));
                Some(())
            }
            ANSWER => {
                let talk = self.talk.as_mut().filter(|talk| talk.caller && !talk.same)?;
                let answer = talk.key.open(&[b"answer", &talk.call], &frame[1..])?;
                // Said again, it hands over only if nothing was said since.
                let over = over && talk.number == 0;
                if talk.session.is_none() {
                    talk.session = Some(talk.key.session(&talk.call, &answer));
                    self.events.push_back(Event::Message([vec![ANSWER_KIND], answer].concat()));
                }
                self.heard(now, over);
                Some(())
            }
            DATA => self.on_data(now, frame),
            _ => None,
        }
    }

    fn on_call(&mut self, now: u64, sealed: &[u8], over: bool) -> Option<()> {
        if !(CALL_LEN_MIN + SEAL_LEN..=CALL_LEN_MAX + SEAL_LEN).contains(&sealed.len()) {
            return None;
        }
        let (key, call) = self.keys.iter().find_map(|key| Some((key.clone(), key.open(&[b"call"], sealed)?)))?;
        let (from, to) = call_names(&call)?;
        let (own, own_short) = name_of(&self.config.device);
        // One's own words come back on some lines; another site's call is not for us.
        if from == own || !(to == [0; 2] || to == own_short) {
            return None;
        }
        match &self.talk {
            Some(talk) if !talk.caller && talk.sealed_call == sealed => {
                if !talk.confirmed {
                    self.heard(now, over);
                }
                return Some(());
            }
            // Both called at once: the lower name goes on.
            Some(talk) if talk.caller && talk.session.is_none() && !talk.closing => {
                if own < from {
                    return None;
                }
                self.lose(Lost::Yielded);
            }
            Some(talk) if !talk.closing && now.saturating_sub(talk.heard_ms) < RESTART_MS => return None,
            Some(_) => self.lose(Lost::Restarted),
            None => {}
        }
        let turn = Turn::Theirs { deadline: 0 };
        self.talk = Some(Talk::new(now, false, key, call.clone(), sealed.to_vec(), turn));
        self.events.push_back(Event::Called([vec![CALL_KIND], call].concat()));
        self.heard(now, over);
        Some(())
    }

    fn on_data(&mut self, now: u64, frame: &[u8]) -> Option<()> {
        let talk = self.talk.as_mut().filter(|talk| !talk.same)?;
        let early = is_early(frame[0]);
        let key = match (early, &talk.session) {
            (true, _) if !talk.caller => &talk.early,
            (false, Some(session)) => session,
            _ => return None,
        };
        let Data { over: number, next, beyond, piece } = Data::decode(frame, key, !talk.caller)?;
        let over = number.is_some_and(|number| !talk.caller || number == talk.number);
        talk.number = number.filter(|_| !talk.caller).unwrap_or(talk.number);
        // What the caller says under the session's key it can say only after it has read the answer.
        talk.confirmed |= !talk.caller && !early;
        if !early {
            let flushes = talk.arrived(next, beyond);
            self.events.extend((0..flushes).map(|_| Event::Flushed));
        }
        // The one frame that neither brings anything nor wants anything.
        talk.farewell |= !talk.caller && number.is_none() && piece.is_none();
        if let Some((place, piece)) = piece {
            match talk.take(place, piece) {
                Some(messages) => self.events.extend(messages.into_iter().map(Event::Message)),
                None => {
                    self.lose(Lost::Malformed);
                    return None;
                }
            }
            talk.idle = 0;
        }
        self.heard(now, over);
        Some(())
    }

    /// Something valid came; with `over` the line is ours.
    fn heard(&mut self, now: u64, over: bool) {
        let (mtu, line_ms) = (self.config.mtu as u64, self.line_ms(self.config.mtu as u64));
        let Some(talk) = &mut self.talk else { return };
        (talk.heard_ms, talk.tries) = (now, 0);
        if !over {
            if let (true, Turn::Theirs { .. }) = (talk.caller, talk.turn) {
                talk.turn = Turn::Theirs { deadline: now + 2 * line_ms + WAIT_MS };
            }
            return;
        }
        if let (true, Turn::Theirs { .. }) = (talk.caller, talk.turn) {
            let (bytes, took) = (talk.turn_bytes + mtu / 2, now.saturating_sub(talk.spoke_ms).max(1));
            if bytes >= MEASURED_BYTES_MIN + mtu / 2 {
                self.rate = ((self.rate + bytes * S_MS / took) / 2).clamp(RATE_MIN, RATE_MAX);
            }
        }
        let hold = match (talk.has_words(), talk.caller) {
            (true, _) => GATHER_MS,
            (false, false) => HOLD_MS,
            (false, true) => {
                talk.idle += 1;
                (HOLD_MS << talk.idle.min(4)).min(IDLE_MS_MAX)
            }
        };
        let until = now + hold;
        talk.turn = Turn::Ours { at: until, until: until.max(now + HOLD_MS) };
    }
}

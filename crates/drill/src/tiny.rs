//! Two sites on a tiny link, in simulated time: real keys, real frames, a line that carries so many bytes a second, one way
//! at a time or both, and does to them what lines do. What is measured here is exact, and the same at every run.

/// Who stands at the two ends.
pub mod scenes;

use sanad_log::chain::Chains;
use sanad_log::control::{Authority, Enrolment, FacilitySecret, SignedEnrolment, SiteKind};
use sanad_log::entropy::Entropy;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, EntryId, Lane, LogId, NetworkId, ScopeTag, Seq};
use sanad_log::message::decode;
use sanad_log::receipt::Receipt;
use sanad_log::replica::{
    Appending, Cut, Effect, Input, Keep, Keeping, Outcome, Part, Replica, Room, SessionStats, Start,
};
use sanad_log::seal::Clear;
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Signer as _};
use sanad_log::tiny::{Event, Link, LinkConfig, LinkKey, Lost};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// When the simulated clocks begin, in milliseconds since 1970.
const NOW_MS: u64 = 1_519_000_000_000;
/// A disk confirms after so long.
const DISK_MS: u64 = 15;
/// Seeds from one device of a site to the next.
const NEXT_DEVICE: u8 = 40;
/// More room than a keeper needs here.
const PLENTY: Room = Room { held_bytes: 0, quota_bytes: u64::MAX };

fn entropy(seed: u64) -> Entropy {
    let mut stream = blake3::Hasher::new().update(&seed.to_be_bytes()).finalize_xof();
    Entropy::new(move |out| stream.fill(out))
}

/// A site with a disk that never fails.
pub struct Site {
    /// Its replica.
    pub replica: Replica,
    /// What its disk holds.
    pub disk: BTreeMap<(LogId, Seq), Entry>,
    receipts: Vec<Receipt>,
    kept: Vec<Keep>,
    seed: u8,
    secret: FacilitySecret,
    /// What a keeper was told at its join.
    keeper: Option<(Authority, SignedEnrolment)>,
    late: VecDeque<(u64, Input)>,
}

/// Founds a network and lets sites in.
pub struct Network {
    authority: Authority,
    key: Ed25519Signer,
}

impl Network {
    /// A network by number.
    pub fn new(number: u8) -> Network {
        let key = Ed25519Signer::from_seed(&[number; 32]);
        let authority = Authority { keys: vec![key.device()], threshold: 1, salt: [number; 16].into() };
        Network { authority, key }
    }

    fn enrolment(&self, seed: u8, secret: &FacilitySecret, kind: SiteKind) -> SignedEnrolment {
        let facility = secret.facility(&format!("Site {seed}"), kind);
        let device = Ed25519Signer::from_seed(&[seed; 32]).device();
        let enrolment = Enrolment { network: self.authority.network(), facility, device };
        SignedEnrolment::sign(&enrolment, &[(0, &self.key)])
    }

    /// The first site.
    pub fn founder(&self, seed: u8) -> Site {
        let mut site = Site::new(seed, self.authority.network());
        let enrolment = self.enrolment(seed, &site.secret, SiteKind::Enclave);
        site.now(Input::Found(1, self.authority.clone(), enrolment));
        site
    }

    /// Another site, filled over a perfect link.
    pub fn join(&self, seed: u8, kind: SiteKind, by: &mut Site) -> Site {
        let mut site = self.enrol(seed, kind, by);
        meet(&mut site, by);
        site
    }

    /// Another site that has heard nothing yet.
    pub fn enrol(&self, seed: u8, kind: SiteKind, by: &mut Site) -> Site {
        let site = Site::new(seed, self.authority.network());
        let enrolment = self.enrolment(seed, &site.secret, kind);
        by.now(Input::Enrol(2, enrolment.clone()));
        if kind == SiteKind::Keeper { site.keeping(self.authority.clone(), enrolment) } else { site }
    }
}

impl Site {
    fn new(seed: u8, network: NetworkId) -> Site {
        let secret = FacilitySecret::generate(&mut entropy(1_000 + u64::from(seed)));
        let replica = Site::start(seed, network, &secret, &BTreeMap::new(), &[], &[], None);
        let (disk, late) = (BTreeMap::new(), VecDeque::new());
        Site { replica, disk, receipts: vec![], kept: vec![], seed, secret, keeper: None, late }
    }

    fn start(
        seed: u8,
        network: NetworkId,
        secret: &FacilitySecret,
        disk: &BTreeMap<(LogId, Seq), Entry>,
        receipts: &[Receipt],
        kept: &[Keep],
        keeper: Option<&(Authority, SignedEnrolment)>,
    ) -> Replica {
        let mut chains = Chains::default();
        disk.values().for_each(|entry| chains.insert(std::slice::from_ref(entry)));
        let (mut acknowledged, mut parts, mut members) = (vec![], vec![], vec![]);
        for keep in kept.iter().cloned() {
            match keep {
                Keep::Acknowledged(device, receipt) => acknowledged.push((device, receipt)),
                Keep::Part(device, confirmed) => parts.push((device, confirmed)),
                Keep::Member(device, facility) => members.push((device, facility)),
                Keep::Reach(_) | Keep::Enrolment(_) => {}
            }
        }
        let keeper = keeper.cloned().map(|(authority, enrolment)| Keeping {
            authority,
            enrolment,
            members,
            reach: None,
            room: PLENTY,
        });
        let is_keeper = keeper.is_some();
        let mut replica = Replica::new(Start {
            network,
            signer: Box::new(Ed25519Signer::from_seed(&[seed; 32])),
            verifier: Box::new(Ed25519Verifier),
            entropy: entropy(u64::from(seed) + disk.len() as u64 * 1_000),
            secret: secret.clone(),
            spans: chains.spans().collect(),
            receipts: receipts.to_vec(),
            acknowledged,
            parts,
            lost: false,
            keeper,
        });
        let control = disk.values().filter(|entry| entry.header().log.lane == Lane::Control && !is_keeper);
        control.for_each(|entry| replica.remember(entry));
        replica
    }

    fn keeping(mut self, authority: Authority, enrolment: SignedEnrolment) -> Site {
        self.keeper = Some((authority, enrolment));
        self.restarted()
    }

    /// As it is after its process has ended and begun again.
    pub fn restarted(mut self) -> Site {
        let network = self.replica.network();
        let Site { disk, receipts, kept, secret, .. } = &self;
        self.replica = Site::start(self.seed, network, secret, disk, receipts, kept, self.keeper.as_ref());
        self.late.clear();
        self
    }

    /// As a restart without what was only remembered to save bytes.
    pub fn forgetful(mut self) -> Site {
        self.receipts.clear();
        self.kept.retain(|keep| matches!(keep, Keep::Member(..)));
        self.restarted()
    }

    /// A copy of its folder, as somebody restores it later.
    pub fn copied(&self) -> Site {
        let network = self.replica.network();
        let Site { disk, receipts, kept, seed, secret, keeper, .. } = self;
        let replica = Site::start(*seed, network, secret, disk, receipts, kept, keeper.as_ref());
        Site {
            replica,
            disk: disk.clone(),
            receipts: receipts.clone(),
            kept: kept.clone(),
            seed: *seed,
            secret: secret.clone(),
            keeper: keeper.clone(),
            late: VecDeque::new(),
        }
    }

    /// This device.
    pub fn device(&self) -> DeviceId {
        self.replica.device()
    }

    /// An input; the disk answers after [`DISK_MS`].
    fn run(&mut self, now_ms: u64, input: Input) -> Vec<Effect> {
        let mut out = Vec::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.replica.handle(NOW_MS + now_ms, input) {
                match effect {
                    Effect::Append { token, entries, cut, .. } => {
                        if let Some(Cut { log, from }) = cut {
                            self.disk.retain(|(of, seq), _| *of != log || *seq < from);
                        }
                        for Appending { entry, .. } in entries {
                            self.disk.insert((entry.header().log, entry.header().seq), entry);
                        }
                        self.late.push_back((now_ms + DISK_MS, Input::Appended(token)));
                    }
                    Effect::Load { session, range, bytes_max } => {
                        let places = self.disk.range((range.log, range.from)..=(range.log, range.to));
                        let mut bytes = 0;
                        let entries = places
                            .map(|(_, entry)| entry.clone())
                            .take_while(|entry| {
                                let first = bytes == 0;
                                bytes += entry.body().len();
                                first || bytes <= bytes_max
                            })
                            .collect();
                        inputs.push_back(Input::Loaded(session, range, entries));
                    }
                    Effect::KeepReceipt(receipt) => {
                        self.receipts.retain(|held| held.device != receipt.device);
                        self.receipts.push(receipt);
                    }
                    Effect::Read { ticket, places, uncarried_only } => {
                        let carried = self.carried();
                        let held = places.iter().filter_map(|range| self.disk.get(&(range.log, range.from)));
                        let read = held.filter(|entry| !uncarried_only || !carried.contains(&entry.id())).cloned();
                        inputs.push_back(Input::Read(ticket, read.collect()));
                    }
                    Effect::Renew => {
                        self.seed += NEXT_DEVICE;
                        let device = Ed25519Signer::from_seed(&[self.seed; 32]);
                        let enrolment = self.replica.succession(device.device(), &self.secret.signer());
                        let enrolment = enrolment.unwrap_or_else(|| panic!("it is enrolled"));
                        inputs.push_back(Input::Renew(Box::new(device), enrolment));
                    }
                    Effect::Keep(keep) => self.kept.push(keep),
                    effect => out.push(effect),
                }
            }
        }
        out
    }

    /// Entries that others of this disk carry on from a branch that lost its places.
    fn carried(&self) -> BTreeSet<EntryId> {
        self.disk.values().filter_map(|entry| Some(entry.carried()?.id())).collect()
    }

    /// All entries that are held, wherever they stand.
    pub fn entries(&self) -> BTreeSet<EntryId> {
        self.disk.values().map(|entry| entry.carried().map_or_else(|| entry.id(), |inner| inner.id())).collect()
    }

    /// An input while nothing else happens.
    fn now(&mut self, input: Input) -> Vec<Effect> {
        let mut out = self.run(0, input);
        while let Some((_, input)) = self.late.pop_front() {
            out.extend(self.run(0, input));
        }
        out
    }

    /// Saves a text in a chart.
    pub fn save(&mut self, chart: u8, lane: Lane, text: Vec<u8>) {
        let part = Part { lane, scope: ScopeTag([chart; 16]), text: Clear::new(text) };
        let effects = self.now(Input::Save(7, vec![part]));
        assert!(
            effects.iter().all(|effect| !matches!(effect, Effect::SaveFailed(..) | Effect::Send { .. })),
            "a save while no session is open: {effects:?}"
        );
    }

    /// Entries that would be lost with this site.
    pub fn only_here(&self) -> u64 {
        self.replica.only_here().iter().map(Range::count).sum()
    }

    /// Bytes of a stored entry as it would be shown alone: header and body.
    pub fn newest_bytes(&self, lane: Lane) -> usize {
        let log = LogId { lane, author: self.device() };
        let newest = self.disk.range((log, 0)..=(log, Seq::MAX)).next_back();
        newest.map_or(0, |(_, entry)| entry.header().encode().len() + entry.body().len())
    }

    fn keys(&self, to: Option<&DeviceId>) -> Vec<LinkKey> {
        LinkKey::all(self.replica.directory(), to)
    }
}

/// One session over a perfect link of the usual kind.
pub fn meet(a: &mut Site, b: &mut Site) {
    let exporter = [5; 32];
    let connected = |initiator| Input::Connected { session: 1, initiator, exporter, expected: None };
    let mut queue: VecDeque<(bool, Effect)> = VecDeque::new();
    queue.extend(b.now(connected(false)).into_iter().map(|effect| (false, effect)));
    queue.extend(a.now(connected(true)).into_iter().map(|effect| (true, effect)));
    let mut done = 0;
    while let Some((from_a, effect)) = queue.pop_front() {
        match effect {
            Effect::Send { frame, paced, .. } => {
                let (sender, receiver) = if from_a { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
                if paced {
                    queue.extend(sender.now(Input::Flushed(1)).into_iter().map(|effect| (from_a, effect)));
                }
                let network = receiver.replica.network();
                let input = decode(&frame, &network, &Ed25519Verifier)
                    .map_or(Input::Garbled(1), |incoming| Input::Message(1, incoming));
                queue.extend(receiver.now(input).into_iter().map(|effect| (!from_a, effect)));
            }
            Effect::Close { outcome, .. } => {
                assert_eq!(outcome, Outcome::Done);
                done += 1;
            }
            _ => {}
        }
    }
    assert_eq!(done, 2, "both end");
}

/// What the line does to frames, each in so many of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// Loses them.
    pub lost: u64,
    /// Carries them twice.
    pub doubled: u64,
    /// Lets the next one pass.
    pub late: u64,
    /// Changes a bit.
    pub bent: u64,
    /// Puts noise before them.
    pub noise: u64,
    /// The line dies once so many bytes have been given to it.
    pub cut_after: Option<u64>,
}

/// A line.
#[derive(Clone, Copy, Debug)]
pub struct Line {
    /// Bytes a second, each way.
    pub bytes_per_s: u64,
    /// Milliseconds until a byte is there.
    pub latency_ms: u64,
    /// Bytes of a frame.
    pub mtu: usize,
    /// What the sites believe of it, in bytes a second.
    pub believed: u64,
    /// Lanes up to this one travel.
    pub lanes: Lane,
    /// What goes wrong.
    pub faults: Faults,
    /// Of what goes wrong.
    pub seed: u64,
}

impl Line {
    /// A good line.
    pub fn of(bits_per_s: u64) -> Line {
        Line {
            bytes_per_s: bits_per_s / 10,
            latency_ms: 5,
            mtu: 220,
            believed: bits_per_s / 10,
            lanes: Lane::Urgent,
            faults: Faults::default(),
            seed: 0,
        }
    }
}

/// How a session went.
#[derive(Clone, Debug, Default)]
pub struct Run {
    /// How it ended at the side that called, and at the other.
    pub ended: [Option<Ended>; 2],
    /// Bytes given to the line by each.
    pub bytes: [u64; 2],
    /// Milliseconds until both had ended, or the line was idle.
    pub ms: u64,
    /// Milliseconds until the gauge of the side that called stood at nothing.
    pub nothing_only_here_ms: Option<u64>,
    /// When each entry came to the side that was called: milliseconds, log, place.
    pub came: Vec<(u64, LogId, Seq)>,
    /// The same for the side that called.
    pub came_back: Vec<(u64, LogId, Seq)>,
    /// Turns in which both spoke at once.
    pub collisions: u64,
    /// What came and made no sense, at both.
    pub frames_dropped: u64,
    /// What the side that called gave to the line: what somebody who listens could say again.
    pub overheard: Vec<u8>,
}

/// How one side ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// The session came to its end.
    Session(Outcome, SessionStats),
    /// The line did.
    Line(Lost),
}

impl Ended {
    /// True if both sides had what they asked for.
    pub fn is_done(&self) -> bool {
        matches!(self, Ended::Session(Outcome::Done, _))
    }
}

struct End {
    link: Link,
    session: Option<u64>,
    /// What travels to this end: when it is there.
    way: VecDeque<(u64, Vec<u8>)>,
    /// Until when the way to this end is taken.
    busy_ms: u64,
}

struct Dice(u64);

impl Dice {
    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut draw = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        draw = (draw ^ (draw >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (draw ^ (draw >> 31)) % bound
    }

    fn hits(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }
}

/// One conversation that `a` begins with `b`; ends when both have ended, or after `ms_max`. What the sites hold stays.
pub fn talk(a: &mut Site, b: &mut Site, line: &Line, ms_max: u64) -> Run {
    talk_from(a, b, line, ms_max, [true, false])
}

/// The same, with either or both beginning.
pub fn talk_from(a: &mut Site, b: &mut Site, line: &Line, ms_max: u64, begins: [bool; 2]) -> Run {
    let mut world = World {
        sites: [a, b],
        ends: [true, false].map(|_| None),
        line: *line,
        dice: Dice(line.seed),
        run: Run::default(),
        given: 0,
        next_session: 100,
    };
    world.go(ms_max, begins);
    world.run
}

/// What somebody says to a site who holds no key and has only listened. Returns what the site gives to the line in the
/// next minutes.
pub fn say_again(site: &mut Site, line: &Line, overheard: &[u8]) -> Vec<u8> {
    let config = LinkConfig { mtu: line.mtu, bytes_per_s: line.believed, device: site.device() };
    let mut link = Link::new(config, site.keys(None)).unwrap_or_else(|error| panic!("{error}"));
    let (network, mut said, mut session) = (site.replica.network(), Vec::new(), None);
    for at_ms in (0..300_000).step_by(20) {
        if at_ms == 0 {
            link.receive(at_ms, overheard);
        }
        link.tick(at_ms);
        while let Some(event) = link.next_event() {
            let mut inputs = match event {
                Event::Called(call) => {
                    session = Some(7);
                    let linked = Input::Linked {
                        session: 7,
                        initiator: false,
                        to: None,
                        lanes: line.lanes,
                        bytes_per_s: line.believed,
                    };
                    vec![
                        Some(linked),
                        decode(&call, &network, &Ed25519Verifier).ok().map(|call| Input::Message(7, call)),
                    ]
                }
                Event::Message(message) => {
                    vec![decode(&message, &network, &Ed25519Verifier).ok().map(|message| Input::Message(7, message))]
                }
                Event::Flushed => vec![Some(Input::Flushed(7))],
                Event::Lost(_) | Event::Closed => vec![session.take().map(Input::Disconnected)],
            };
            for input in inputs.drain(..).flatten() {
                for effect in site.now(input) {
                    match effect {
                        Effect::Send { frame, paced, .. } => link.send(at_ms, frame, paced),
                        Effect::Close { .. } => link.close(at_ms),
                        _ => {}
                    }
                }
            }
        }
        said.extend(link.take_output());
    }
    assert!(link.is_idle(), "it lets go");
    said
}

struct World<'a> {
    sites: [&'a mut Site; 2],
    ends: [Option<End>; 2],
    line: Line,
    dice: Dice,
    run: Run,
    given: u64,
    next_session: u64,
}

impl World<'_> {
    fn end(&mut self, at: usize) -> &mut End {
        self.ends[at].as_mut().unwrap_or_else(|| unreachable!("both ends are made before anything happens"))
    }

    fn go(&mut self, ms_max: u64, begins: [bool; 2]) {
        let devices = [self.sites[0].device(), self.sites[1].device()];
        for (at, device) in devices.into_iter().enumerate() {
            let config = LinkConfig { mtu: self.line.mtu, bytes_per_s: self.line.believed, device };
            let keys = self.sites[at].keys(Some(&devices[1 - at]));
            let link = Link::new(config, keys).unwrap_or_else(|error| panic!("{error}"));
            self.ends[at] = Some(End { link, session: None, way: VecDeque::new(), busy_ms: 0 });
        }
        let mut now = 0;
        for at in (0..2).filter(|at| begins[*at]) {
            let known = self.sites[at].replica.receipts().contains_key(&devices[1 - at]);
            self.begin(now, at, known.then_some(devices[1 - at]));
        }
        while now < ms_max {
            self.carry(now);
            let over = (0..2).all(|at| self.end(at).session.is_none() && self.end(at).link.is_idle());
            if over && (0..2).all(|at| self.end(at).way.is_empty()) {
                break;
            }
            let wakes = (0..2).filter_map(|at| self.end(at).link.wake_ms()).collect::<Vec<_>>();
            let ways = (0..2).filter_map(|at| Some(self.end(at).way.front()?.0)).collect::<Vec<_>>();
            let disks = self.sites.iter().filter_map(|site| Some(site.late.front()?.0));
            let Some(next) = wakes.into_iter().chain(ways).chain(disks).min() else { break };
            now = next.max(now + 1);
            self.step(now);
        }
        self.run.frames_dropped = (0..2).map(|at| self.end(at).link.counts().frames_dropped).sum();
    }

    fn begin(&mut self, now: u64, at: usize, to: Option<DeviceId>) {
        let session = self.next_session;
        self.next_session += 1;
        self.end(at).session = Some(session);
        let (lanes, bytes_per_s) = (self.line.lanes, self.line.believed);
        self.feed(now, at, Input::Linked { session, initiator: true, to, lanes, bytes_per_s });
    }

    fn step(&mut self, now: u64) {
        for at in 0..2 {
            while self.sites[at].late.front().is_some_and(|(due, _)| *due <= now) {
                if let Some((_, input)) = self.sites[at].late.pop_front() {
                    self.feed(now, at, input);
                }
            }
            while self.end(at).way.front().is_some_and(|(due, _)| *due <= now) {
                if let Some((_, bytes)) = self.end(at).way.pop_front() {
                    self.end(at).link.receive(now, &bytes);
                    self.events(now, at);
                }
            }
            if self.end(at).link.wake_ms().is_some_and(|wake| wake <= now) {
                self.end(at).link.tick(now);
                self.events(now, at);
            }
        }
    }

    fn events(&mut self, now: u64, at: usize) {
        while let Some(event) = self.end(at).link.next_event() {
            let session = self.end(at).session;
            match event {
                Event::Called(call) => {
                    let session = self.next_session;
                    self.next_session += 1;
                    self.end(at).session = Some(session);
                    let (lanes, bytes_per_s) = (self.line.lanes, self.line.believed);
                    let linked = Input::Linked { session, initiator: false, to: None, lanes, bytes_per_s };
                    self.feed(now, at, linked);
                    self.message(now, at, session, &call);
                }
                Event::Message(message) => {
                    if let Some(session) = session {
                        self.message(now, at, session, &message);
                    }
                }
                Event::Flushed => {
                    if let Some(session) = session {
                        self.feed(now, at, Input::Flushed(session));
                    }
                }
                Event::Lost(why) => {
                    if let Some(session) = self.end(at).session.take() {
                        self.feed(now, at, Input::Disconnected(session));
                    }
                    self.run.ended[at] = Some(Ended::Line(why));
                }
                Event::Closed => {}
            }
        }
    }

    fn message(&mut self, now: u64, at: usize, session: u64, message: &[u8]) {
        let network = self.sites[at].replica.network();
        let input = decode(message, &network, &Ed25519Verifier)
            .map_or(Input::Garbled(session), |incoming| Input::Message(session, incoming));
        self.feed(now, at, input);
    }

    fn feed(&mut self, now: u64, at: usize, input: Input) {
        let appended = matches!(input, Input::Appended(_));
        let held = if appended { Some(self.sites[at].replica.durable().clone()) } else { None };
        for effect in self.sites[at].run(now, input) {
            match effect {
                Effect::Send { session, frame, paced } if self.end(at).session == Some(session) => {
                    self.end(at).link.send(now, frame, paced);
                }
                Effect::Close { session, outcome, stats, .. } if self.end(at).session == Some(session) => {
                    self.end(at).session = None;
                    self.end(at).link.close(now);
                    self.run.ended[at] = Some(Ended::Session(outcome, stats));
                    self.run.ms = now;
                    self.events(now, at);
                }
                _ => {}
            }
        }
        if let Some(held) = held {
            let came = self.sites[at].replica.durable().minus(&held);
            let came = came.into_iter().flat_map(|range| (range.from..=range.to).map(move |seq| (now, range.log, seq)));
            let list = if at == 1 { &mut self.run.came } else { &mut self.run.came_back };
            list.extend(came);
        }
        if self.run.nothing_only_here_ms.is_none() && self.sites[0].only_here() == 0 {
            self.run.nothing_only_here_ms = Some(now);
        }
    }

    /// Puts what the ends say on the line, frame by frame.
    fn carry(&mut self, now: u64) {
        for at in 0..2 {
            let output = self.end(at).link.take_output();
            if output.is_empty() {
                continue;
            }
            self.run.bytes[at] += output.len() as u64;
            if at == 0 {
                self.run.overheard.extend_from_slice(&output);
            }
            let other = 1 - at;
            self.run.collisions += u64::from(self.end(at).busy_ms > now);
            let frames: Vec<Vec<u8>> = output.split_inclusive(|byte| *byte == 0).map(<[u8]>::to_vec).collect();
            let mut begin = self.end(other).busy_ms.max(now);
            let mut kept: Option<Vec<u8>> = None;
            for frame in frames {
                let faults = self.line.faults;
                let mut copies = vec![frame];
                if copies[0].len() > 1 {
                    if self.dice.hits(faults.lost) {
                        copies.clear();
                    } else if self.dice.hits(faults.late) && kept.is_none() {
                        kept = copies.pop();
                    } else if self.dice.hits(faults.doubled) {
                        copies.push(copies[0].clone());
                    }
                }
                copies.extend(if copies.is_empty() { None } else { kept.take() });
                for mut copy in copies {
                    if self.dice.hits(faults.bent) {
                        let bit = self.dice.below(copy.len() as u64 * 8);
                        copy[bit as usize / 8] ^= 1 << (bit % 8);
                    }
                    if self.dice.hits(faults.noise) {
                        let noise = (0..self.dice.below(400)).map(|_| self.dice.below(256) as u8).collect::<Vec<_>>();
                        copy = [noise, copy].concat();
                    }
                    if let Some(left) = faults.cut_after {
                        copy.truncate(left.saturating_sub(self.given) as usize);
                    }
                    self.given += copy.len() as u64;
                    begin += copy.len() as u64 * 1_000 / self.line.bytes_per_s;
                    let due = begin + self.line.latency_ms;
                    self.end(other).way.push_back((due, copy));
                }
            }
            self.end(other).busy_ms = begin;
        }
    }
}

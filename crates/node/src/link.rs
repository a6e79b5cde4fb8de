//! Tiny links: a session with whoever is at the other end of a serial device or a radio modem, in frames of 50 to 220
//! bytes. The frames, their turns and their timers are `sanad_log::tiny`; here are the device, the clock, and when to call.

mod serial;

use crate::heart::{Command, Word, now_ms};
use crate::session::{End, SessionReport};
use crate::site::{Site, SiteError};
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, Lane};
use sanad_log::message::{Refusal, decode};
use sanad_log::replica::{Input, Outcome, Replica, SessionId, SessionStats};
use sanad_log::sign::Ed25519Verifier;
use sanad_log::tiny::{BadMtu, Counts, Event, Link, LinkConfig, LinkKey, Lost};
use sanad_store::Store;
use serde::Serialize;
use serial::Serial;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Between two calls when nothing is saved: 60 bytes each.
const PERIOD: Duration = Duration::from_secs(600);
/// Saves that follow each other closely travel together.
const GATHER: Duration = Duration::from_millis(500);
/// After nobody has answered; doubled each time.
const BACK_OFF_MIN: Duration = Duration::from_secs(10);
const BACK_OFF_MAX: Duration = Duration::from_secs(600);
/// Bits of the line for a byte: start, eight, stop.
const BITS_A_BYTE: u32 = 10;
/// Prefix under which it is kept who was at the other end of a device.
const LINK_KEY: &str = "link/";

/// What a link is to do.
#[derive(Clone, Debug)]
pub struct LinkOptions {
    /// The device.
    pub path: PathBuf,
    /// Bytes of a frame, everything included.
    pub mtu: usize,
    /// The device's speed, in bits a second.
    pub baud: u32,
    /// Lanes up to this one travel.
    pub lanes: Lane,
    /// The call sign of the site to call; if none, who was there last, or whoever answers.
    pub with: Option<String>,
    /// End after one session.
    pub once: bool,
}

/// How a session went.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LinkSession {
    /// The other site's call sign, if it is known.
    pub site: Option<String>,
    /// True if both sides had what they asked for.
    pub complete: bool,
    /// Why not: `no-answer`, `silence`, `malformed`, `refused`, `disk`, or `outlived`: one of the two has gone back in time,
    /// and the next session is with the device that takes its place.
    pub why: Option<&'static str>,
    /// Entries sent.
    pub entries_sent: u64,
    /// New entries received.
    pub entries_received: u64,
    /// Bytes given to the line, everything included.
    pub bytes_sent: u64,
    /// Bytes of frames that came and made sense.
    pub bytes_received: u64,
    /// Frames that had to be sent again.
    pub frames_repeated: u64,
    /// What came and made no sense: noise, or others on the same line.
    pub frames_dropped: u64,
    /// Round trips that were waited for.
    pub rounds: u32,
    /// Seconds.
    pub seconds: f64,
}

/// Why a link could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// The size of frames.
    #[error(transparent)]
    Mtu(#[from] BadMtu),
    /// The device: not there, not allowed, no serial device, gone.
    #[error("{0}")]
    Device(io::Error),
    /// The network's keys have not arrived yet, and a tiny link cannot bring them.
    #[error("the keys of the network have not arrived yet")]
    NotReady,
    /// The site.
    #[error(transparent)]
    Site(#[from] SiteError),
}

impl Site {
    /// Runs a tiny link: one session, or sessions whenever something is to be told, until `stop`. Each is told to `heard`.
    ///
    /// # Errors
    /// The device cannot be used, or the site is being closed. A session that fails is not an error but a report.
    pub async fn link(
        &self,
        options: &LinkOptions,
        mut heard: impl FnMut(&LinkSession),
        stop: watch::Receiver<bool>,
    ) -> Result<Vec<LinkSession>, LinkError> {
        let config =
            LinkConfig { mtu: options.mtu, bytes_per_s: u64::from(options.baud / BITS_A_BYTE), device: self.device() };
        let peer = self.at_the_other_end(options).await?;
        let link = Link::new(config, self.link_keys(peer).await?)?;
        let port = serial::open(&options.path, options.baud).map_err(LinkError::Device)?;
        #[allow(clippy::disallowed_methods, reason = "turns and timers of a line need a clock")]
        let begun = Instant::now();
        let mut runner = Runner {
            site: self.clone(),
            options: options.clone(),
            port,
            link,
            begun,
            outbox: Vec::new(),
            session: None,
            peer,
            anybody: false,
            ended: Vec::new(),
        };
        runner.run(&mut heard, stop).await?;
        Ok(runner.ended)
    }

    async fn link_keys(&self, to: Option<DeviceId>) -> Result<Vec<LinkKey>, LinkError> {
        let keys = self.look(move |replica, _| LinkKey::all(replica.directory(), to.as_ref())).await?;
        if keys.is_empty() { Err(LinkError::NotReady) } else { Ok(keys) }
    }

    /// Who is to be called: who was named, who was there last, or the only one there is.
    async fn at_the_other_end(&self, options: &LinkOptions) -> Result<Option<DeviceId>, LinkError> {
        let with = match &options.with {
            Some(with) => Some(self.site_named(with).await?),
            None => None,
        };
        let (own, key) = (self.device(), link_key(options));
        let (named, last, others) = self
            .look(move |replica, store| {
                let directory = replica.directory();
                let present = |device: &DeviceId| *device != own && !directory.is_replaced(device);
                let others: Vec<_> = directory.devices().iter().filter(|(device, _)| present(device)).collect();
                let named = others.iter().find(|(_, facility)| Some(**facility) == with).map(|(device, _)| **device);
                let last = store.get_state(&key).ok().flatten().and_then(|bytes| DeviceId::from_slice(&bytes));
                let last = last.filter(|last| present(last));
                (named, last, others.into_iter().map(|(device, _)| *device).collect::<Vec<_>>())
            })
            .await?;
        match (&options.with, named) {
            (Some(with), None) => Err(SiteError::UnknownSite(with.clone()).into()),
            (_, Some(named)) => Ok(Some(named)),
            (None, None) => Ok(last.or(if let [only] = others.as_slice() { Some(*only) } else { None })),
        }
    }
}

fn link_key(options: &LinkOptions) -> String {
    format!("{LINK_KEY}{}", blake3::hash(options.path.as_os_str().as_encoded_bytes()).to_hex())
}

/// A session under way; the replica is told if it is dropped.
struct Under {
    site: Site,
    id: SessionId,
    words: mpsc::UnboundedReceiver<Word>,
    begun: Instant,
    before: Counts,
    over: bool,
}

impl Drop for Under {
    fn drop(&mut self) {
        if !self.over {
            let (site, id) = (self.site.clone(), self.id);
            tokio::spawn(async move { drop(site.send(Command::Session(Input::Disconnected(id))).await) });
        }
    }
}

struct Runner {
    site: Site,
    options: LinkOptions,
    port: Serial,
    link: Link,
    begun: Instant,
    outbox: Vec<u8>,
    session: Option<Under>,
    peer: Option<DeviceId>,
    /// The next call goes to whoever hears it, since who was expected did not answer.
    anybody: bool,
    ended: Vec<LinkSession>,
}

/// Sessions remembered for the report at the end.
const ENDED_MAX: usize = 1_000;

enum Happened {
    Read(Vec<u8>),
    Wrote(usize),
    Word(Option<Word>),
    Wake,
    Call,
    Changed,
    Stop,
}

impl Runner {
    fn now(&self) -> u64 {
        #[allow(clippy::disallowed_methods, reason = "turns and timers of a line need a clock")]
        u64::try_from(Instant::now().duration_since(self.begun).as_millis()).unwrap_or(u64::MAX)
    }

    async fn run(
        &mut self,
        heard: &mut impl FnMut(&LinkSession),
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), LinkError> {
        let mut changes = self.site.changes();
        let mut back_off = BACK_OFF_MIN;
        let mut call_at = self.begun;
        loop {
            self.outbox.extend(self.link.take_output());
            let free = self.session.is_none() && self.link.is_idle();
            let wake = self.link.wake_ms().map(|wake_ms| self.begun + Duration::from_millis(wake_ms));
            let happened = tokio::select! {
                // Words before the clock: what is there to say is said in this turn.
                biased;
                _ = stop.wait_for(|stop| *stop) => Happened::Stop,
                word = next_word(&mut self.session) => Happened::Word(word),
                read = self.port.read() => Happened::Read(read.map_err(LinkError::Device)?),
                wrote = self.port.write(&self.outbox), if !self.outbox.is_empty() =>
                    Happened::Wrote(wrote.map_err(LinkError::Device)?),
                () = tokio::time::sleep_until(wake.unwrap_or(self.begun)), if wake.is_some() => Happened::Wake,
                () = tokio::time::sleep_until(call_at), if free => Happened::Call,
                changed = changes.changed(), if free => match changed {
                    Ok(()) => Happened::Changed,
                    Err(_) => return Err(SiteError::Closed.into()),
                },
            };
            let now = self.now();
            match happened {
                Happened::Stop => return Ok(()),
                Happened::Read(bytes) => self.link.receive(now, &bytes),
                Happened::Wrote(count) => drop(self.outbox.drain(..count)),
                Happened::Word(Some(Word::Frame { frame, paced, .. })) => self.link.send(now, frame, paced),
                Happened::Word(Some(Word::Close(outcome, peer, stats))) => {
                    self.link.close(now);
                    let complete = self.session_ended(outcome, peer, stats, heard).await?;
                    (call_at, back_off) = self.next_call(complete, back_off);
                }
                // Whoever speaks holds a key of the network; more is not asked on a tiny link.
                Happened::Word(Some(Word::Welcomed)) => {}
                // The site is being closed.
                Happened::Word(None) => return Err(SiteError::Closed.into()),
                Happened::Wake => self.link.tick(now),
                Happened::Call => self.begin(None).await?,
                Happened::Changed => {
                    self.link.set_keys(self.site.link_keys(self.peer).await?);
                    if self.owes_something().await? {
                        #[allow(clippy::disallowed_methods, reason = "when to call")]
                        let soon = Instant::now() + GATHER;
                        call_at = call_at.min(soon);
                    }
                }
            }
            while let Some(event) = self.link.next_event() {
                if let Some(why) = self.happened(event).await? {
                    self.line_lost(why, heard);
                    (call_at, back_off) = self.next_call(false, back_off);
                    self.anybody = !self.anybody && self.options.with.is_none();
                    if self.options.once && (!self.anybody || self.peer.is_none() || why != Lost::NoAnswer) {
                        return Ok(());
                    }
                    if self.options.once {
                        // Who was there last does not answer; somebody else may.
                        self.ended.clear();
                        call_at = self.begun;
                    }
                }
            }
            let all_said = self.link.is_idle() && self.outbox.is_empty() && self.session.is_none();
            if self.options.once && !self.ended.is_empty() && all_said && self.link.take_output().is_empty() {
                return Ok(());
            }
        }
    }

    #[allow(clippy::disallowed_methods, reason = "when to call")]
    fn next_call(&self, complete: bool, back_off: Duration) -> (Instant, Duration) {
        let now = Instant::now();
        if complete { (now + PERIOD, BACK_OFF_MIN) } else { (now + back_off, (back_off * 2).min(BACK_OFF_MAX)) }
    }

    /// What of the lanes of this link the peer has not confirmed.
    async fn owes_something(&self) -> Result<bool, LinkError> {
        let (peer, lanes) = (self.peer, self.options.lanes);
        let owes = move |replica: &Replica, _: &mut Store| {
            let Some(facility) = peer.and_then(|peer| replica.directory().facility_of(&peer)) else { return true };
            let travels = |range: &Range| range.log.lane <= lanes;
            replica.unconfirmed_by(&facility).is_none_or(|ranges| ranges.iter().any(travels))
        };
        Ok(self.site.look(owes).await?)
    }

    /// Begins a session: as the one who calls, or with the call that came.
    async fn begin(&mut self, call: Option<Vec<u8>>) -> Result<(), LinkError> {
        self.link.set_keys(self.site.link_keys(self.peer.filter(|_| !self.anybody)).await?);
        self.link.set_device(self.site.device());
        self.site.limit_all().await?;
        let id = self.site.next_session();
        let (line, words) = mpsc::unbounded_channel();
        let to = self.peer.filter(|_| !self.anybody && call.is_none());
        let (lanes, bytes_per_s) = (self.options.lanes, u64::from(self.options.baud / BITS_A_BYTE));
        let linked = Input::Linked { session: id, initiator: call.is_none(), to, lanes, bytes_per_s };
        self.site.send(Command::Open(id, linked, line)).await?;
        #[allow(clippy::disallowed_methods, reason = "measures how long a session took")]
        let begun = Instant::now();
        let before = self.link.counts();
        self.session = Some(Under { site: self.site.clone(), id, words, begun, before, over: false });
        match call {
            Some(call) => self.message(&call).await,
            None => Ok(()),
        }
    }

    /// Carries out an event; why the line was lost, if it was.
    async fn happened(&mut self, event: Event) -> Result<Option<Lost>, LinkError> {
        match event {
            Event::Called(call) => self.begin(Some(call)).await?,
            Event::Message(message) => self.message(&message).await?,
            Event::Flushed => {
                if let Some(Under { id, .. }) = self.session {
                    self.site.send(Command::Session(Input::Flushed(id))).await?;
                }
            }
            // The other side's call follows.
            Event::Lost(Lost::Yielded | Lost::Restarted) => self.session = None,
            Event::Lost(why) => return Ok(Some(why)),
            Event::Closed => {}
        }
        Ok(None)
    }

    async fn message(&mut self, message: &[u8]) -> Result<(), LinkError> {
        let Some(Under { id, .. }) = self.session else { return Ok(()) };
        let network = self.site.network();
        let input = tokio::task::block_in_place(|| {
            decode(message, &network, &Ed25519Verifier)
                .map_or(Input::Garbled(id), |incoming| Input::Message(id, incoming))
        });
        Ok(self.site.send(Command::Session(input)).await?)
    }

    fn note(&mut self, mut ended: LinkSession, before: Counts, begun: Instant, heard: &mut impl FnMut(&LinkSession)) {
        let counts = self.link.counts();
        ended.bytes_sent = counts.bytes_sent - before.bytes_sent;
        ended.bytes_received = counts.bytes_received - before.bytes_received;
        ended.frames_repeated = counts.frames_repeated - before.frames_repeated;
        ended.frames_dropped = counts.frames_dropped - before.frames_dropped;
        ended.seconds = begun.elapsed().as_secs_f64();
        heard(&ended);
        if self.ended.len() < ENDED_MAX {
            self.ended.push(ended);
        }
    }

    async fn session_ended(
        &mut self,
        outcome: Outcome,
        peer: Option<DeviceId>,
        stats: SessionStats,
        heard: &mut impl FnMut(&LinkSession),
    ) -> Result<bool, LinkError> {
        let Some(mut under) = self.session.take() else { return Ok(false) };
        under.over = true;
        let complete = outcome == Outcome::Done;
        let site = match peer {
            Some(peer) => self.site.with_directory(move |directory| {
                let facility = directory.facility_of(&peer)?;
                Some(directory.facilities().get(&facility)?.call_sign.clone())
            }),
            None => return Ok(self.unknown_peer(complete)),
        };
        let site = site.await?;
        let ended = LinkSession {
            site,
            complete,
            why: match outcome {
                Outcome::Done => None,
                Outcome::DiskRefused => Some("disk"),
                Outcome::Outlived | Outcome::RefusedByPeer(Refusal::Outlived) => Some("outlived"),
                Outcome::Refused(_) | Outcome::RefusedByPeer(_) => Some("refused"),
            },
            entries_sent: stats.entries_sent,
            entries_received: stats.entries_received,
            rounds: stats.rounds,
            ..LinkSession::default()
        };
        self.note(ended, under.before, under.begun, heard);
        if let (Some(peer), Some(ended)) = (peer, self.ended.last()) {
            let report = SessionReport {
                peer: Some(peer),
                end: End::Outcome(outcome),
                complete,
                entries_sent: stats.entries_sent,
                entries_received: stats.entries_received,
                bytes_sent: ended.bytes_sent,
                bytes_received: ended.bytes_received,
                handshake_bytes: 0,
                rounds: stats.rounds,
                seconds: ended.seconds,
                ended_ms: now_ms(),
            };
            self.site.spend(peer, report.bytes_sent + report.bytes_received).await?;
            self.site.keep_accounts().await?;
            self.site.note_report(peer, report.clone());
            self.site.note_session(peer, &report).await;
            if complete && self.peer != Some(peer) && self.options.with.is_none() {
                let key = link_key(&self.options);
                // Not to know it again costs one call to whoever hears it.
                drop(self.site.look(move |_, store| store.put_state(&key, Some(peer.as_bytes()))).await?);
                self.peer = Some(peer);
            }
            self.anybody &= !complete;
        }
        Ok(complete)
    }

    fn unknown_peer(&mut self, complete: bool) -> bool {
        let ended = LinkSession { complete, why: Some("refused"), ..LinkSession::default() };
        self.ended.push(ended);
        complete
    }

    fn line_lost(&mut self, why: Lost, heard: &mut impl FnMut(&LinkSession)) {
        let Some(under) = self.session.take() else { return };
        let why = match why {
            Lost::NoAnswer => "no-answer",
            Lost::Silence => "silence",
            _ => "malformed",
        };
        let ended = LinkSession { why: Some(why), ..LinkSession::default() };
        self.note(ended, under.before, under.begun, heard);
    }
}

async fn next_word(session: &mut Option<Under>) -> Option<Word> {
    match session {
        Some(under) => under.words.recv().await,
        None => std::future::pending().await,
    }
}

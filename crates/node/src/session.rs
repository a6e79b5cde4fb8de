//! One session over one channel: frames from the carrier to the replica and back, both ways at once, with bounded memory.

use crate::carrier::{Channel, ChannelError, FRAME_BYTES_MAX};
use crate::heart::{Command, Word, now_ms};
use crate::large_frame::TURNS;
use crate::site::{Site, SiteError};
use crate::turned_away;
use sanad_log::ids::DeviceId;
use sanad_log::message::{ENTRIES_KIND, decode};
use sanad_log::replica::{Input, Outcome, SessionId, SessionStats};
use sanad_log::sign::Ed25519Verifier;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Largest frame taken from a caller that has not shown yet that it is a member: a frontier of some twenty thousand authors
/// by key.
const STRANGER_FRAME_BYTES_MAX: usize = 1024 * 1024;
/// How long a caller may take to show it: its frontier and its enrolment at 300 bytes a second.
const STRANGER_WAIT: Duration = Duration::from_secs(180);
/// Largest frame that a keeper takes of anything but entries.
const TALK_BYTES_MAX: usize = 1024 * 1024;
/// What a session did.
#[derive(Clone, Debug, Serialize)]
pub struct SessionReport {
    /// The peer, once it has proven itself.
    #[serde(skip)]
    pub peer: Option<DeviceId>,
    /// How it ended.
    #[serde(skip)]
    pub end: End,
    /// True if both sides had all they asked for.
    pub complete: bool,
    /// Entries sent.
    pub entries_sent: u64,
    /// New entries received.
    pub entries_received: u64,
    /// Bytes on the wire, sent, TLS and HTTP included, the handshake not.
    pub bytes_sent: u64,
    /// Bytes on the wire, received, likewise.
    pub bytes_received: u64,
    /// Bytes of the TLS handshake, both ways; 0 on a connection that was kept.
    pub handshake_bytes: u64,
    /// Round trips that were waited for.
    pub rounds: u32,
    /// Seconds from the first frame to the last.
    pub seconds: f64,
    /// When it ended, milliseconds since 1970 by this site's clock.
    pub ended_ms: u64,
}

/// How a session ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// By the rules.
    Outcome(Outcome),
    /// The channel broke; what was received before is kept, the next session goes on from there.
    Lost(ChannelError),
}

impl Site {
    /// Runs one session to its end.
    ///
    /// # Errors
    /// The site is being closed. A refused or broken session is not an error but a report.
    pub async fn run_session(
        &self,
        channel: Channel,
        initiator: bool,
        expected: Option<DeviceId>,
    ) -> Result<SessionReport, SiteError> {
        self.run_session_holding(channel, initiator, expected, ()).await
    }

    /// The same; `stranger` is held until the peer is known to be a member.
    ///
    /// # Errors
    /// As [`Site::run_session`].
    pub async fn run_session_holding<T: Send>(
        &self,
        channel: Channel,
        initiator: bool,
        expected: Option<DeviceId>,
        stranger: T,
    ) -> Result<SessionReport, SiteError> {
        #[allow(clippy::disallowed_methods, reason = "measures how long a session took")]
        let started = Instant::now();
        let id = self.next_session();
        let (line, mut words) = mpsc::unbounded_channel();
        let Channel { mut reader, writer, exporter, counters, .. } = channel;
        self.limit_all().await?;
        let metered = Arc::new(Meter::default());
        let connected = Input::Connected { session: id, initiator, exporter, expected };
        let limit = reader.limit();
        // Whoever was dialled has shown the certificate that was expected.
        let known = Arc::new(AtomicBool::new(initiator));
        limit.store(if initiator { FRAME_BYTES_MAX } else { STRANGER_FRAME_BYTES_MAX }, Ordering::Relaxed);
        self.send(Command::Open(id, connected, line)).await?;
        let mut leaving = Leaving(Some((self.clone(), id)));

        let site = self.clone();
        let meter = metered.clone();
        let read = async move {
            loop {
                let announced = if site.is_keeper() { reader.next_len().await? } else { None };
                let large = announced.filter(|len| *len > TALK_BYTES_MAX);
                let turn = if large.is_some() { TURNS.take().await } else { None };
                let frame = match large {
                    Some(len) => TURNS.read(&mut reader, len).await?,
                    None => reader.next().await?,
                };
                let Some(frame) = frame else { break };
                if large.is_some() && frame.first() != Some(&ENTRIES_KIND) {
                    drop(site.send(Command::Session(Input::Garbled(id))).await);
                    continue;
                }
                if meter.passed(&site, id, frame.len()).await.is_err() {
                    break;
                }
                // Signatures are checked here, beside the heart, on another core if there is one.
                let network = site.network();
                let input = tokio::task::block_in_place(|| {
                    decode(&frame, &network, &Ed25519Verifier)
                        .map_or(Input::Garbled(id), |incoming| Input::Message(id, incoming))
                });
                drop(frame);
                if site.send(Command::Session(input)).await.is_err() {
                    break;
                }
                if turn.is_some() {
                    // Until it is on the disk, and out of memory.
                    drop(site.look(|_, _| ()).await);
                }
            }
            Ok::<_, ChannelError>(())
        };
        let site = self.clone();
        let meter = metered.clone();
        let (mut stranger, welcomed) = (Some(stranger), known.clone());
        let write = async move {
            let mut writer = writer;
            while let Some(word) = words.recv().await {
                match word {
                    Word::Welcomed => {
                        stranger.take();
                        welcomed.store(true, Ordering::Relaxed);
                        limit.store(FRAME_BYTES_MAX, Ordering::Relaxed);
                    }
                    Word::Frame { frame, paced, more } => {
                        if meter.passed(&site, id, frame.len()).await.is_err() {
                            break;
                        }
                        writer.send(&frame).await?;
                        if !paced && !more && words.is_empty() {
                            tokio::time::sleep(GATHER).await;
                        }
                        if !more && words.is_empty() {
                            writer.flush().await?;
                        }
                        if paced && site.send(Command::Session(Input::Flushed(id))).await.is_err() {
                            break;
                        }
                    }
                    Word::Close(outcome, peer, stats) => {
                        writer.finish().await?;
                        return Ok((outcome, peer, stats));
                    }
                }
            }
            Err(ChannelError::Lost)
        };
        let ended = tokio::select! {
            ended = drive(read, write) => ended,
            () = strangers_time_is_up(&known) => Err(ChannelError::Lost),
        };
        if ended.is_err() {
            self.send(Command::Session(Input::Disconnected(id))).await?;
        }
        // Only now: whoever stops this future while it waits leaves nothing behind.
        leaving.0 = None;
        let (counts, handshake) = (counters.session(), counters.handshake());
        let (end, peer, stats) = match ended {
            Ok((outcome, peer, stats)) => (End::Outcome(outcome), peer, stats),
            Err(error) => (End::Lost(error), expected, SessionStats::default()),
        };
        let report = SessionReport {
            peer,
            end,
            complete: end == End::Outcome(Outcome::Done),
            entries_sent: stats.entries_sent,
            entries_received: stats.entries_received,
            bytes_sent: counts.sent - handshake.sent,
            bytes_received: counts.received - handshake.received,
            handshake_bytes: handshake.total(),
            rounds: stats.rounds,
            seconds: started.elapsed().as_secs_f64(),
            ended_ms: now_ms(),
        };
        if let Some(peer) = peer {
            let total = counts.sent + counts.received;
            self.spend(peer, total.saturating_sub(metered.told.load(Ordering::Relaxed))).await?;
            self.keep_accounts().await?;
            self.note_report(peer, report.clone());
            self.note_session(peer, &report).await;
        }
        if let Some(why) = turned_away::why(end).filter(|_| !known.load(Ordering::Relaxed)) {
            self.turned_away().note(why);
        }
        Ok(report)
    }
}

/// Counts what passes in a session, and tells the peer's budget now and then, so that it bounds a long session too.
#[derive(Default)]
struct Meter {
    passed: AtomicU64,
    told: AtomicU64,
}

/// How long a frame waits for others: what is said in answer to one record then goes in one, and each one less saves some
/// thirty bytes.
const GATHER: Duration = Duration::from_millis(1);
/// Bytes of frames between two looks at a budget.
const METERED_BYTES: u64 = 64 * 1024;

impl Meter {
    async fn passed(&self, site: &Site, id: SessionId, bytes: usize) -> Result<(), SiteError> {
        let passed = self.passed.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let told = self.told.load(Ordering::Relaxed);
        if passed < told + METERED_BYTES || site.is_unmetered() {
            return Ok(());
        }
        let peer = site.look(move |replica, _| replica.peer_of(id)).await?;
        if let (Some(peer), Ok(_)) =
            (peer, self.told.compare_exchange(told, passed, Ordering::Relaxed, Ordering::Relaxed))
        {
            site.spend(peer, passed - told).await?;
        }
        Ok(())
    }
}

/// Ends, and only then, when a caller has not shown in time that it is a member.
async fn strangers_time_is_up(known: &AtomicBool) {
    tokio::time::sleep(STRANGER_WAIT).await;
    if known.load(Ordering::Relaxed) {
        std::future::pending().await
    }
}

/// Tells the replica that a session is over when whoever ran it was stopped in the middle.
struct Leaving(Option<(Site, SessionId)>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let (Some((site, id)), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { drop(site.send(Command::Session(Input::Disconnected(id))).await) });
        }
    }
}

type Ended = (Outcome, Option<DeviceId>, SessionStats);

/// Reads and writes at once. The session ends when the writing side has said its last word and the peer has ended its own,
/// which it does when it has heard that word: until then it may stand in a buffer here, and whoever syncs once and exits
/// would take it along. If the peer's side ends first, the writer still has what it was about to say.
async fn drive(
    read: impl Future<Output = Result<(), ChannelError>>,
    write: impl Future<Output = Result<Ended, ChannelError>>,
) -> Result<Ended, ChannelError> {
    let (mut read, mut write) = (std::pin::pin!(read), std::pin::pin!(write));
    tokio::select! {
        ended = &mut write => {
            if matches!(ended, Ok((Outcome::Done, ..))) {
                drop(tokio::time::timeout(LAST_WORD_HEARD, read).await);
            }
            ended
        }
        end = &mut read => match end {
            // The peer has said all; the replica ends the session on what it heard, if it ends it at all.
            Ok(()) => match tokio::time::timeout(LAST_WORDS, write).await {
                Ok(ended) => ended,
                Err(_) => Err(ChannelError::Lost),
            },
            Err(error) => Err(error),
        },
    }
}

/// How long the peer may take to show that it has heard the last word. It has promised nothing then, and is believed to have
/// heard it: a session that was complete here stays so.
const LAST_WORD_HEARD: Duration = Duration::from_secs(20);
/// How long this side may still need after the peer has finished: the disk's last commit.
const LAST_WORDS: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    /// Drives a session whose writing side ends at once. True if it was over before the peer had ended.
    async fn over_before_the_peer(outcome: Outcome) -> bool {
        let (heard, hears) = oneshot::channel::<()>();
        let read = async move {
            drop(hears.await);
            Ok(())
        };
        let write = async move { Ok((outcome, None, SessionStats::default())) };
        let mut driven = std::pin::pin!(drive(read, write));
        let early = tokio::time::timeout(LAST_WORD_HEARD / 2, &mut driven).await.is_ok();
        drop(heard);
        if !early {
            assert!(driven.await.is_ok_and(|(ended, ..)| ended == outcome));
        }
        early
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_is_over_when_the_peer_has_heard_the_last_word() {
        assert!(!over_before_the_peer(Outcome::Done).await);
        assert!(over_before_the_peer(Outcome::DiskRefused).await, "nobody waits for a peer that is to hear nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_ends_its_side_is_not_waited_for_for_ever() {
        let write = async { Ok((Outcome::Done, None, SessionStats::default())) };
        assert!(drive(std::future::pending(), write).await.is_ok());
    }
}

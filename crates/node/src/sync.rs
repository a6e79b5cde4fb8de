//! When to talk to whom: at once after a save, to whoever lacks it; now and then, to hear what others have; ever more
//! rarely, to those who do not answer. Only addresses that a member or an invite gave are contacted, or that a member's own
//! word on this network vouches for ([`crate::discover`]).

use crate::carrier::{Address, DialError, Target};
use crate::session::SessionReport;
use crate::site::{Site, SiteError};
use crate::tls::Pin;
use sanad_log::frontier::Frontier;
use sanad_log::ids::DeviceId;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Between two sessions with a peer that answers, when nothing is saved.
pub const PERIOD: Duration = Duration::from_secs(30);
/// After the first failure; doubled at each further one.
pub const BACK_OFF_MIN: Duration = Duration::from_secs(2);
/// Longest wait for a peer that does not answer.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(600);
/// Saves that follow each other closely travel together.
const GATHER: Duration = Duration::from_millis(150);

/// A peer that can be dialled.
#[derive(Clone, Debug)]
pub struct PeerAddress {
    /// The device that should answer.
    pub device: DeviceId,
    /// Its site's call sign, if its enrolment has been read.
    pub call_sign: String,
    /// Where, and which certificate.
    pub target: Target,
}

/// Why no session took place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The carrier could not reach the peer.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// The site is being closed.
    #[error(transparent)]
    Site(#[from] SiteError),
}

impl Site {
    /// All peers with an address, by device.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn peers(&self) -> Result<BTreeMap<DeviceId, PeerAddress>, SiteError> {
        let own = self.device();
        let inviter = self.inviter().await?;
        let mut peers: BTreeMap<_, _> = inviter.into_iter().map(|peer| (peer.device, peer)).collect();
        let known = self
            .look(move |replica, _| {
                let directory = replica.directory();
                let devices = directory.devices().iter();
                let devices = devices.filter(|(device, facility)| {
                    **device != own && **facility != directory.own() && !directory.is_replaced(device)
                });
                let peers = devices.filter_map(|(device, facility)| {
                    let contact = directory.contact(device)?;
                    let addresses: Vec<Address> =
                        contact.addresses.iter().filter_map(|address| address.parse().ok()).collect();
                    let call_sign = directory.facilities().get(facility)?.call_sign.clone();
                    let target = Target { addresses, pin: Pin::Full(*contact.certificate) };
                    Some((*device, PeerAddress { device: *device, call_sign, target }))
                });
                peers.collect::<Vec<_>>()
            })
            .await?;
        peers.extend(known);
        self.nearby().add_to(&mut peers);
        peers.retain(|_, peer| !peer.target.addresses.is_empty());
        Ok(peers)
    }

    /// One session with a peer, now.
    ///
    /// # Errors
    /// The peer cannot be reached.
    pub async fn sync_with(&self, peer: &PeerAddress) -> Result<SessionReport, SyncError> {
        let channel = match self.dialer().open(&peer.target).await {
            Ok(channel) => channel,
            Err(error) => {
                self.note_not_dialled(peer.device, &error).await;
                return Err(error.into());
            }
        };
        Ok(self.run_session(channel, true, Some(peer.device)).await?)
    }

    /// True if something is held here that the peer has not confirmed.
    async fn lacks_something(&self, peer: DeviceId) -> Result<bool, SiteError> {
        self.look(move |replica, _| {
            let nothing = Frontier::default();
            let theirs = replica.receipts().get(&peer).map_or(&nothing, |receipt| &receipt.frontier);
            !replica.durable().minus(theirs).is_empty()
        })
        .await
    }

    /// Keeps in touch with all peers until `stop` changes.
    pub async fn keep_in_touch(&self, mut stop: watch::Receiver<bool>) {
        let mut tasks: JoinSet<()> = JoinSet::new();
        let mut known: BTreeMap<DeviceId, tokio::task::AbortHandle> = BTreeMap::new();
        let (mut changes, mut news) = (self.changes(), self.nearby().news());
        loop {
            let Ok(peers) = self.peers().await else { break };
            for device in peers.into_keys() {
                known.entry(device).or_insert_with(|| tasks.spawn(self.clone().keep_in_touch_with(device)));
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                changed = changes.changed() => if changed.is_err() { break },
                _ = news.changed() => {}
            }
            tokio::time::sleep(GATHER).await;
        }
        tasks.shutdown().await;
    }

    async fn keep_in_touch_with(self, device: DeviceId) {
        let mut changes = self.changes();
        let mut back_off = BackOff::new(device);
        loop {
            changes.mark_unchanged();
            let found = self.nearby().of(&device);
            // Read anew each time: the peer may have moved.
            let Ok(peers) = self.peers().await else { return };
            let complete = match peers.get(&device) {
                Some(peer) => self.sync_with(peer).await.is_ok_and(|report| report.complete),
                None => false,
            };
            if complete {
                back_off = BackOff::new(device);
                let until = tokio::time::sleep(PERIOD);
                tokio::pin!(until);
                loop {
                    tokio::select! {
                        () = &mut until => break,
                        changed = changes.changed() => {
                            if changed.is_err() {
                                return;
                            }
                            tokio::time::sleep(GATHER).await;
                            match self.lacks_something(device).await {
                                Ok(true) => break,
                                Ok(false) => {}
                                Err(_) => return,
                            }
                        }
                    }
                }
            } else {
                tokio::select! {
                    () = tokio::time::sleep(back_off.failed()) => {}
                    () = self.nearby().elsewhere(&device, &found) => {}
                }
            }
        }
    }
}

/// How long to wait for a peer that does not answer: ever longer, and never longer than [`BACK_OFF_MAX`] and a quarter. The
/// waits differ from peer to peer, so that a network that comes back is not met by all at once.
struct BackOff {
    next: Duration,
    spread: f64,
}

impl BackOff {
    /// Before the first failure.
    fn new(device: DeviceId) -> BackOff {
        BackOff { next: BACK_OFF_MIN, spread: 0.75 + f64::from(device.0[0]) / 512.0 }
    }

    /// How long to wait after one more failure.
    fn failed(&mut self) -> Duration {
        let wait = self.next.mul_f64(self.spread);
        self.next = (self.next * 2).min(BACK_OFF_MAX);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hours and weeks pass here without being waited for.
    #[test]
    fn a_peer_is_tried_again_soon_after_it_is_back_however_long_it_was_away() {
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        for away in [second, 10 * second, 100 * second, hour, 9 * hour, 60 * 24 * hour] {
            for first_byte in [0, 127, 255] {
                let mut back_off = BackOff::new(DeviceId([first_byte; 32]));
                let (mut now, mut tries) = (Duration::ZERO, 0);
                while now < away {
                    now += back_off.failed();
                    tries += 1;
                }
                let late = now - away;
                assert!(late <= BACK_OFF_MAX.mul_f64(1.25), "after {away:?} it is met {late:?} late");
                assert!(late <= away + BACK_OFF_MIN.mul_f64(1.25), "after {away:?} it is met {late:?} late");
                let every = away.as_secs_f64() / f64::from(tries);
                assert!(away < hour || every > BACK_OFF_MAX.as_secs_f64() / 4.0, "{tries} tries in {away:?}");
            }
        }
    }
}

//! How talking to each device went, kept over restarts: since when it has not answered, and why. It decides nothing; it is
//! what a screen and `sanad explain` say to whoever asks why a record is not elsewhere yet.

use crate::carrier::DialError;
use crate::session::{End, SessionReport};
use crate::site::{Site, SiteError, now_ms};
use minicbor::{Decode, Encode};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_log::ids::DeviceId;
use sanad_log::replica::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Prefix of the stored notes; the device in hexadecimal follows.
const TALK_KEY: &str = "talk/";
/// A note that says nothing new but its time is written again only after this long: a session every half minute with forty
/// sites must not keep the disk busy. After a restart a time may be too old by as much.
const KEEP_MS: u64 = 10 * 60 * 1000;

/// How talking to a device went. Times are milliseconds since 1970 by this site's clock; 0 for never.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Talk {
    /// When a session with it last ended with both sides having all they asked for.
    #[n(0)]
    pub done_ms: u64,
    /// The failures since then.
    #[n(1)]
    pub failing: Option<Failing>,
}

/// Failures without a finished session between them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, Serialize)]
pub struct Failing {
    /// When the first of them ended, milliseconds since 1970 by this site's clock.
    #[n(0)]
    pub since_ms: u64,
    /// When the last of them ended.
    #[n(1)]
    pub last_ms: u64,
    /// How many there were.
    #[n(2)]
    pub tries: u64,
    /// Why the last one failed: a name for translation, one of [`WHYS`].
    #[n(3)]
    pub why: String,
    /// Entries that had been sent when the last one broke off. They are not confirmed.
    #[n(4)]
    pub entries_sent: u64,
}

/// Why talking may fail, by name.
pub const WHYS: [&str; 9] = [
    "no-address",
    "unreachable",
    "timeout",
    "busy",
    "not-a-site",
    "wrong-certificate",
    "broken-off",
    "refused",
    "disk-refused",
];

fn why_not_dialled(error: &DialError) -> &'static str {
    match error {
        DialError::NoAddress => "no-address",
        DialError::Unreachable { .. } => "unreachable",
        DialError::Timeout { .. } => "timeout",
        DialError::Refused { .. } => "busy",
        DialError::NotASite { .. } => "not-a-site",
        DialError::WrongCertificate { .. } => "wrong-certificate",
    }
}

fn why_not_finished(end: End) -> Option<&'static str> {
    match end {
        End::Outcome(Outcome::Done) => None,
        End::Outcome(Outcome::Refused(_) | Outcome::RefusedByPeer(_)) => Some("refused"),
        End::Outcome(Outcome::DiskRefused) => Some("disk-refused"),
        End::Outcome(Outcome::Outlived) | End::Lost(_) => Some("broken-off"),
    }
}

impl Talk {
    fn finished(&self, at_ms: u64) -> Talk {
        Talk { done_ms: at_ms.max(self.done_ms), failing: None }
    }

    fn failed(&self, at_ms: u64, why: &str, entries_sent: u64) -> Talk {
        let (since_ms, tries) = self.failing.as_ref().map_or((at_ms, 0), |failing| (failing.since_ms, failing.tries));
        let failing = Failing { since_ms, last_ms: at_ms, tries: tries + 1, why: why.to_owned(), entries_sent };
        Talk { done_ms: self.done_ms, failing: Some(failing) }
    }

    /// True if a reader would be told something else than by the note that is on the disk.
    fn is_news(&self, kept: &Talk) -> bool {
        let said = |talk: &Talk| talk.failing.as_ref().map(|failing| (failing.since_ms, failing.why.clone()));
        let last = |talk: &Talk| talk.failing.as_ref().map_or(talk.done_ms, |failing| failing.last_ms);
        said(self) != said(kept)
            || last(self).abs_diff(last(kept)) >= KEEP_MS
            || (kept.done_ms == 0) != (self.done_ms == 0)
    }
}

/// The notes: as they are now, and as they were last written down.
#[derive(Default)]
pub(crate) struct Talks(Mutex<BTreeMap<DeviceId, (Talk, Talk)>>);

impl Talks {
    /// From the disk.
    pub(crate) fn read(stored: Vec<(String, Vec<u8>)>) -> Talks {
        let read = |(key, value): (String, Vec<u8>)| {
            let device = DeviceId::from_hex(key.strip_prefix(TALK_KEY)?)?;
            // A note that cannot be read is one that was never made.
            let talk: Talk = from_cbor(&value).ok()?;
            Some((device, (talk.clone(), talk)))
        };
        Talks(Mutex::new(stored.into_iter().filter_map(read).collect()))
    }

    pub(crate) fn key() -> &'static str {
        TALK_KEY
    }

    fn now(&self) -> BTreeMap<DeviceId, Talk> {
        let talks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        talks.iter().map(|(device, (talk, _))| (*device, talk.clone())).collect()
    }

    /// Changes a note; gives it back if it is to be written down.
    fn change(&self, device: DeviceId, change: impl FnOnce(&Talk) -> Talk) -> Option<Talk> {
        let mut talks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (talk, kept) = talks.entry(device).or_default();
        *talk = change(talk);
        if !talk.is_news(kept) {
            return None;
        }
        *kept = talk.clone();
        Some(talk.clone())
    }
}

impl Site {
    /// How talking to each device went.
    pub fn talks(&self) -> BTreeMap<DeviceId, Talk> {
        self.talks_kept().now()
    }

    /// Notes that a device could not be reached.
    pub(crate) async fn note_not_dialled(&self, device: DeviceId, error: &DialError) {
        let changed = self.talks_kept().change(device, |talk| talk.failed(now_ms(), why_not_dialled(error), 0));
        self.write_down(device, changed).await;
    }

    /// Notes how a session ended.
    pub(crate) async fn note_session(&self, device: DeviceId, report: &SessionReport) {
        let changed = self.talks_kept().change(device, |talk| match why_not_finished(report.end) {
            None => talk.finished(report.ended_ms),
            Some(why) => talk.failed(report.ended_ms, why, report.entries_sent),
        });
        self.write_down(device, changed).await;
    }

    async fn write_down(&self, device: DeviceId, changed: Option<Talk>) {
        let Some(talk) = changed else { return };
        let value = to_cbor(&talk);
        let written = self.look(move |_, store| store.put_state(&format!("{TALK_KEY}{device}"), Some(&value))).await;
        // A note that is not written down is known until the next start, and harms nothing then.
        let _: Result<_, SiteError> = written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_told_from_the_first_and_a_finished_session_ends_them() {
        let talks = Talks::default();
        let device = DeviceId([1; 32]);
        let failing = |talks: &Talks| talks.now()[&device].failing.clone();
        assert!(talks.change(device, |talk| talk.finished(1_000)).is_some(), "the first time is news");
        assert!(talks.change(device, |talk| talk.finished(31_000)).is_none(), "the same again is not");
        assert!(talks.change(device, |talk| talk.finished(1_000 + KEEP_MS)).is_some());
        let at = 2 * KEEP_MS;
        assert!(talks.change(device, |talk| talk.failed(at, "timeout", 0)).is_some());
        assert!(talks.change(device, |talk| talk.failed(at + 2_000, "timeout", 0)).is_none());
        let kept = talks.change(device, |talk| talk.failed(at + 4_000, "broken-off", 7)).expect("another reason");
        let said = failing(&talks).unwrap();
        assert_eq!((said.since_ms, said.last_ms, said.tries), (at, at + 4_000, 3));
        assert_eq!((said.why.as_str(), said.entries_sent), ("broken-off", 7));
        // After a restart the same is told.
        let stored = vec![(format!("{TALK_KEY}{device}"), to_cbor(&kept)), (format!("{TALK_KEY}zz"), vec![1])];
        let again = Talks::read(stored);
        assert_eq!(failing(&again), Some(said));
        assert!(again.change(device, |talk| talk.finished(at + 9_000)).is_some());
        assert_eq!(failing(&again), None);
    }

    #[test]
    fn every_reason_has_a_name() {
        let ends = [End::Outcome(Outcome::DiskRefused), End::Lost(crate::carrier::ChannelError::Lost)];
        assert!(ends.into_iter().filter_map(why_not_finished).all(|why| WHYS.contains(&why)));
        assert!(WHYS.contains(&why_not_dialled(&DialError::NoAddress)));
        assert_eq!(why_not_finished(End::Outcome(Outcome::Done)), None);
    }
}

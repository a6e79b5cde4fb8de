//! Who was turned away at the door: counted by reason, since whoever is turned away has proven no name to be listed under.

use sanad_log::message::Refusal;
use sanad_log::replica::Outcome;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::carrier::ChannelError;
use crate::heart::now_ms;
use crate::session::End;

/// Why a caller was turned away before it was known to be a member.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// It is of another network, or of none.
    OtherNetwork,
    /// Its signature over the channel did not hold.
    NotProven,
    /// It showed no enrolment of this network's authority.
    NotEnrolled,
    /// What it sent made no sense, or was larger than a stranger's word may be.
    Malformed,
    /// It went away, or was cut off, before it said who it is.
    Silent,
    /// More strangers than there is room for were waiting; it had waited longest.
    Crowded,
}

/// One reason, how often, and when last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Turned {
    /// Why.
    pub why: Why,
    /// How often since the process started.
    pub count: u64,
    /// When last, in milliseconds since 1970 by this site's clock.
    pub last_ms: u64,
}

/// The list: one line for each reason.
#[derive(Default)]
pub struct TurnedAway(Mutex<BTreeMap<Why, (u64, u64)>>);

impl TurnedAway {
    /// Notes one.
    pub fn note(&self, why: Why) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last_ms) = lines.entry(why).or_default();
        (*count, *last_ms) = (*count + 1, now_ms());
    }

    /// The lines.
    pub fn lines(&self) -> Vec<Turned> {
        let lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|(why, (count, last_ms))| Turned { why: *why, count: *count, last_ms: *last_ms }).collect()
    }
}

/// Why a session ended with somebody who was never known to be a member; `None` if that is nobody's fault.
pub(crate) fn why(end: End) -> Option<Why> {
    match end {
        End::Outcome(Outcome::Refused(refusal)) => Some(match refusal {
            Refusal::OtherNetwork => Why::OtherNetwork,
            Refusal::NotProven | Refusal::OtherDevice => Why::NotProven,
            Refusal::NotEnrolled => Why::NotEnrolled,
            Refusal::Malformed | Refusal::OtherVersion => Why::Malformed,
            // Not the caller's fault: this device is about to be replaced.
            Refusal::Outlived => return None,
        }),
        End::Lost(ChannelError::TooLarge | ChannelError::Malformed) => Some(Why::Malformed),
        End::Lost(_) => Some(Why::Silent),
        End::Outcome(_) => None,
    }
}

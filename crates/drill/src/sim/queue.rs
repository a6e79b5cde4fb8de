//! What happens next: events in the order of their time, and of their asking when times are equal.

use super::link::Side;
use sanad_log::frontier::Range;
use sanad_log::replica::SessionId;
use std::collections::BTreeMap;

/// Something that will happen.
#[derive(Debug)]
pub(super) enum Event {
    /// Somebody saves at a site.
    Save(usize),
    /// A site starts a session with somebody.
    Dial(usize),
    /// A site has just saved and starts a session.
    Meet(usize),
    /// A site that is not a member yet tries to become one.
    Join(usize),
    /// A site loses power.
    Crash(usize),
    /// A site starts from its disk.
    Start(usize),
    /// Some site is destroyed for ever.
    Destroy,
    /// Who can reach whom changes.
    Weather,
    /// A wall clock jumps or stops.
    Clock(usize),
    /// The authority states a policy, for the so many-th time.
    Policy(u64),
    /// The disk of a site, in this incarnation, has something to say.
    Sync(usize, u32),
    /// A frame arrives.
    Frame(SessionId, Side, Vec<u8>),
    /// The carrier at this end has passed a frame on.
    Flushed(SessionId, Side),
    /// The disk at this end has read.
    Load(SessionId, Side, Range, usize),
    /// The channel is lost, as seen from this end.
    Hangup(SessionId, Side),
    /// A link is looked at: has it been silent for too long?
    Idle(SessionId),
}

impl Event {
    /// A number for the digest of history.
    pub(super) fn tag(&self) -> (u64, u64) {
        match self {
            Event::Save(site) => (1, *site as u64),
            Event::Dial(site) => (2, *site as u64),
            Event::Join(site) => (3, *site as u64),
            Event::Meet(site) => (15, *site as u64),
            Event::Crash(site) => (4, *site as u64),
            Event::Start(site) => (5, *site as u64),
            Event::Destroy => (6, 0),
            Event::Weather => (7, 0),
            Event::Clock(site) => (8, *site as u64),
            Event::Policy(number) => (16, *number),
            Event::Sync(site, _) => (9, *site as u64),
            Event::Frame(link, _, frame) => (10, link ^ fold(frame)),
            Event::Flushed(link, _) => (11, *link),
            Event::Load(link, _, range, _) => (12, link ^ range.from << 20 ^ range.to << 40),
            Event::Hangup(link, _) => (13, *link),
            Event::Idle(link) => (14, *link),
        }
    }
}

fn fold(bytes: &[u8]) -> u64 {
    bytes.iter().fold(bytes.len() as u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[derive(Default)]
pub(super) struct Queue {
    events: BTreeMap<(u64, u64), Event>,
    asked: u64,
}

impl Queue {
    pub(super) fn at(&mut self, time_ms: u64, event: Event) {
        self.asked += 1;
        self.events.insert((time_ms, self.asked), event);
    }

    /// The next event, if it is not after `end_ms`. A later one keeps its place among those of its time.
    pub(super) fn next_until(&mut self, end_ms: u64) -> Option<(u64, Event)> {
        let next = self.events.first_entry().filter(|next| next.key().0 <= end_ms)?;
        Some((next.key().0, next.remove()))
    }

    /// Drops what the safety phase had planned; what is under way stays.
    pub(super) fn drop_plans(&mut self) {
        self.events.retain(|_, event| {
            matches!(
                event,
                Event::Sync(..)
                    | Event::Frame(..)
                    | Event::Flushed(..)
                    | Event::Load(..)
                    | Event::Hangup(..)
                    | Event::Idle(_)
            )
        });
    }
}

//! One session's channel between two sites. Frames of one direction arrive in order, as on any stream; what is lost, is lost
//! from some frame on. Sessions are reordered against each other by their different latencies.

use super::plan::Plan;
use super::rng::Rng;

/// An end of a link: 0 dialled, 1 answered.
pub(super) type Side = usize;

/// Most frames of one session: far above any honest one of this load, so that an endless exchange is seen.
pub(super) const FRAMES_MAX: u64 = 5_000;

/// One end.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// The site; none for the end of one who plays a recording.
    pub(super) site: Option<usize>,
    /// True while the replica there has the session.
    pub(super) open: bool,
    /// No frame to this end arrives before this time.
    pub(super) clear_ms: u64,
    /// Nothing more arrives at this end.
    pub(super) mute: bool,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) ends: [End; 2],
    pub(super) frames: u64,
    /// Cut at this frame.
    pub(super) cut_at: Option<u64>,
    /// The direction to this end falls silent at this frame.
    pub(super) silent_at: Option<(u64, Side)>,
    /// Something was done to it that excuses an early end.
    pub(super) disturbed: bool,
    /// Something was done to it that excuses a refusal.
    pub(super) tampered: bool,
    /// What the dialling side said, to be played again.
    pub(super) record: Option<Vec<Vec<u8>>>,
    pub(super) active_ms: u64,
}

impl Link {
    /// A new link with the faults that its session will meet.
    pub(super) fn new(from: Option<usize>, to: usize, now: u64, plan: &Plan, rng: &mut Rng) -> Link {
        let end = |site| End { site, open: true, clear_ms: now, mute: false };
        // Most faults early, where most sessions are; some late, in the middle of entries.
        let frame = |rng: &mut Rng| if rng.chance(700_000) { rng.between(1, 12) } else { rng.between(1, 60) };
        Link {
            ends: [end(from), end(Some(to))],
            frames: 0,
            cut_at: rng.chance(plan.cut_ppm).then(|| frame(rng)),
            silent_at: rng.chance(plan.silence_ppm).then(|| (frame(rng), rng.below(2) as Side)),
            disturbed: from.is_none(),
            tampered: from.is_none(),
            record: (from.is_some() && rng.chance(plan.replay_ppm)).then(Vec::new),
            active_ms: now,
        }
    }

    pub(super) fn other(&self, side: Side) -> End {
        self.ends[1 - side]
    }

    pub(super) fn side_of(&self, site: usize) -> Option<Side> {
        (0..2).find(|side| self.ends[*side].site == Some(site))
    }

    pub(super) fn is_over(&self) -> bool {
        !self.ends.iter().any(|end| end.open && end.site.is_some())
    }
}

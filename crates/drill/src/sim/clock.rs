//! The wall clock of a site, which may be wrong in every way a clock can be.

use super::plan::DAY_MS;
use super::rng::Rng;

const START_MS: u64 = 1_519_430_400_000;
const TEN_YEARS_DAYS: u64 = 3_650;

/// Simulated time in, what the site's clock shows out.
#[derive(Clone, Copy, Debug)]
pub(super) struct WallClock {
    offset_ms: i64,
    stuck_at: Option<u64>,
}

impl WallClock {
    /// A clock that is some minutes wrong.
    pub(super) fn skewed(rng: &mut Rng) -> Self {
        WallClock { offset_ms: rng.below(600_000) as i64 - 300_000, stuck_at: None }
    }

    /// Up to ten years off either way, or stopped: at 1970, at 2038, or now.
    pub(super) fn go_mad(&mut self, now: u64, rng: &mut Rng) {
        let days = rng.below(2 * TEN_YEARS_DAYS) as i64 - TEN_YEARS_DAYS as i64;
        match rng.below(6) {
            0 => self.stuck_at = Some(self.read(now)),
            1 => self.stuck_at = Some(rng.pick(&[0, 2_147_483_647_000]).unwrap_or(0)),
            2 => *self = WallClock { offset_ms: 0, stuck_at: None },
            _ => *self = WallClock { offset_ms: days * DAY_MS as i64, stuck_at: None },
        }
    }

    pub(super) fn read(&self, now: u64) -> u64 {
        self.stuck_at.unwrap_or_else(|| (START_MS + now).saturating_add_signed(self.offset_ms))
    }
}

//! A hybrid logical clock (Kulkarni et al. 2014): the order of a display list, and nothing else. No cursor, no winner of a
//! merge and no security decision ever looks at it.

use std::fmt;

/// How far ahead of our own clock another site's may pull ours, in milliseconds: one day. Beyond it their time is stored
/// with the entry and ignored by our clock.
pub const DRIFT_MS_MAX: u64 = 86_400_000;

/// 48 bits of milliseconds since 1970 and 16 bits of counter, packed so that integers order like times.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The stamp at the start of a millisecond. Times past the year 10889 are clamped.
    pub fn from_ms(ms: u64) -> Hlc {
        Hlc(ms.min((1 << 48) - 1) << 16)
    }

    /// Milliseconds since 1970.
    pub fn ms(self) -> u64 {
        self.0 >> 16
    }
}

impl fmt::Debug for Hlc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms+{}", self.ms(), self.0 & 0xffff)
    }
}

/// The clock of one device: never goes back, whatever the wall clock does.
#[derive(Clone, Copy, Default, Debug)]
pub struct Clock {
    last: Hlc,
}

impl Clock {
    /// A stamp later than every one given before.
    pub fn tick(&mut self, now_ms: u64) -> Hlc {
        self.last = Hlc::from_ms(now_ms).max(Hlc(self.last.0.saturating_add(1)));
        self.last
    }

    /// Takes notice of another site's stamp, clamped to [`DRIFT_MS_MAX`] ahead of our own wall clock.
    pub fn observe(&mut self, theirs: Hlc, now_ms: u64) {
        let ceiling = Hlc::from_ms(now_ms.saturating_add(DRIFT_MS_MAX));
        self.last = self.last.max(theirs.min(ceiling));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_never_goes_back_and_a_mad_one_pulls_no_further_than_a_day() {
        let mut clock = Clock::default();
        let first = clock.tick(1_000);
        assert!(clock.tick(500) > first, "the wall clock went back, ours did not");
        clock.observe(Hlc::from_ms(u64::MAX), 2_000);
        assert_eq!(clock.tick(2_001).ms(), 2_000 + DRIFT_MS_MAX);
        assert_eq!(Clock::default().tick(u64::MAX).ms(), (1 << 48) - 1);
    }
}

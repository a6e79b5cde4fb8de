//! What a run did, and what it says when a promise is broken.

use std::fmt;
use std::ops::AddAssign;

/// Which promise was broken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Promise {
    /// A save was acknowledged that the disk did not hold.
    DurableBeforeAcknowledged,
    /// A receipt claims what its device never durably held.
    ReceiptIsTrue,
    /// "Only here" left out an entry that no other facility ever durably held.
    NeverLull,
    /// A site that has everybody's receipt for everything shows another figure than the true one.
    ExactOnceConfirmed,
    /// A destroyed site took more with it than its gauge had said, or an acknowledged save is gone while a holder lives.
    Survive,
    /// What is durable shrank, or the replica and its disk disagree about it.
    DurableOnlyGrows,
    /// An entry was stored that nobody wrote, or that does not meet its chain, or an honest device was taken for a fork.
    ChainsIntact,
    /// After healing, frontiers or directories differ.
    Convergence,
    /// After healing, a chart does not open where it must, or opens to another text.
    Readable,
    /// A keeper holds a key, opened something, or was granted something.
    KeepersReadNothing,
    /// A session between honest sites hung, was refused, or did not end within its bound.
    SessionsEnd,
}

/// A broken promise, with all that is needed to see it again.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The seed of the run.
    pub seed: u64,
    /// Simulated time.
    pub at_ms: u64,
    /// Which promise.
    pub promise: Promise,
    /// What was seen.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, hours) = (self.at_ms / 86_400_000, self.at_ms / 3_600_000 % 24);
        writeln!(f, "seed {}, day {days} hour {hours}: {:?}: {}", self.seed, self.promise, self.what)?;
        write!(f, "replay: cargo run --release -p sanad-drill --example drill -- --seed {}", self.seed)
    }
}

impl std::error::Error for Violation {}

/// Figures of one run, or of several added up.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// Runs added up.
    pub seeds: u64,
    /// Simulated milliseconds of the safety phase, times the sites that lived through them.
    pub site_ms: u64,
    /// Saves asked for.
    pub saves: u64,
    /// Saves acknowledged.
    pub acknowledged: u64,
    /// Saves that the disk or the replica refused.
    pub refused: u64,
    /// Entries that became durable, counted at every site.
    pub stored: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Ends of sessions that were reached in order.
    pub finished: u64,
    /// Frames sent.
    pub frames: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// Crashes.
    pub crashes: u64,
    /// Appends that failed.
    pub disk_failures: u64,
    /// Sites destroyed.
    pub destroyed: u64,
    /// Destructions in which exactly what the gauge said was lost.
    pub gauge_exact: u64,
    /// What the gauges had said at those moments, in entries.
    pub said: u64,
    /// What was held by no other disk at those moments.
    pub lost: u64,
    /// Times that a gauge was compared with the oracle.
    pub gauges: u64,
    /// Times that everybody's receipt was there, so that both figures had to be exact.
    pub exact: u64,
    /// Most rounds that healing took.
    pub rounds_max: u64,
    /// A digest of everything that happened, in order.
    pub history: u64,
}

impl Report {
    /// Simulated site-years of the safety phase.
    pub fn site_years(&self) -> f64 {
        self.site_ms as f64 / (365.0 * 86_400_000.0)
    }
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Report) {
        self.seeds += other.seeds;
        self.site_ms += other.site_ms;
        self.saves += other.saves;
        self.acknowledged += other.acknowledged;
        self.refused += other.refused;
        self.stored += other.stored;
        self.sessions += other.sessions;
        self.finished += other.finished;
        self.frames += other.frames;
        self.bytes += other.bytes;
        self.crashes += other.crashes;
        self.disk_failures += other.disk_failures;
        self.destroyed += other.destroyed;
        self.gauge_exact += other.gauge_exact;
        self.said += other.said;
        self.lost += other.lost;
        self.gauges += other.gauges;
        self.exact += other.exact;
        self.rounds_max = self.rounds_max.max(other.rounds_max);
        self.history = self.history.rotate_left(5) ^ other.history;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} seeds, {:.1} site-years at {:.1} saves a day: {} saves ({} acknowledged, {} refused), {} entries stored, \
             {} sessions ({} ends in order), {} frames, {} bytes, {} crashes, {} failed appends, {} sites destroyed: the \
             gauges said {}, lost {}, exact in {}; {} gauges checked, {} of them with all receipts; healed in at most {} rounds",
            self.seeds,
            self.site_years(),
            self.acknowledged as f64 / (self.site_years() * 365.0).max(0.001),
            self.saves,
            self.acknowledged,
            self.refused,
            self.stored,
            self.sessions,
            self.finished,
            self.frames,
            self.bytes,
            self.crashes,
            self.disk_failures,
            self.destroyed,
            self.said,
            self.lost,
            self.gauge_exact,
            self.gauges,
            self.exact,
            self.rounds_max,
        )
    }
}

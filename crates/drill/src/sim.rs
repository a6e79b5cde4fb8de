//! A siege in a box: the same [`Replica`](sanad_log::replica::Replica) as at real sites, under simulated disks, clocks and
//! links, from one seed. The same seed gives the same history on every machine.
//!
//! A run has two phases. **Safety**: everything may fail, sites are destroyed, and after every event the oracle compares
//! what replicas claim with what is true. **Liveness**: what survives is healed and must agree within a bounded number of
//! sessions.
//!
//! The simulator's own contract, that is, which faults it makes and which it never makes:
//! - a disk keeps what it confirmed, in order, until its site is destroyed; the tail it has not confirmed may be lost at a
//!   crash, and a failing append takes the later ones with it;
//! - a link is a stream: frames of one session arrive in order, until from some frame on none arrives any more;
//! - flipped bits in frames stand for an adversary on the carrier: they may end a session, never harm a replica;
//! - clocks say anything; authors do not sign twice for one place (forks are a scenario of their own).
//!
//! ```
//! use sanad_drill::sim::{Plan, World};
//!
//! let report = World::new(7, Plan { days: 2, ..Plan::from_seed(7) }).run().map_err(|violation| violation.to_string());
//! assert!(report.is_ok_and(|report| report.acknowledged > 0));
//! ```

mod carrier;
mod clock;
mod disk;
mod exposed;
mod faults;
mod heal;
mod keys;
mod life;
mod link;
mod oracle;
mod plan;
mod queue;
mod report;
mod rng;
mod site;
mod survive;
mod world;

pub use plan::{DAY_MS, Plan, Sabotage};
pub use report::{Promise, Report, Violation};
pub use world::World;

/// Runs each seed under its own plan; adds up what they did.
///
/// # Errors
/// The first broken promise, with the seed and the command that shows it again.
pub fn run_seeds(seeds: impl IntoIterator<Item = u64>) -> Result<Report, Box<Violation>> {
    seeds.into_iter().try_fold(Report::default(), |mut sum, seed| {
        sum += World::new(seed, Plan::from_seed(seed)).run()?;
        Ok(sum)
    })
}

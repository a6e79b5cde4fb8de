//! What a seed does to the network: how much is saved, what fails, how often.

use super::rng::Rng;

/// A day of simulated time.
pub const DAY_MS: u64 = 86_400_000;
/// A quiet link is given up after this long: what a carrier's own time-out does. Longer than any disk takes.
pub(super) const IDLE_MS_MAX: u64 = 120_000;

/// A deliberate fault *in the driver*, to prove that the oracle can object.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Sabotage {
    /// None: the driver keeps its side of the bargain.
    #[default]
    None,
    /// The disk confirms own saves before they are durable.
    AcknowledgeEarly,
    /// The disk confirms what came from peers before it is durable, so that receipts claim too much.
    ReceiptEarly,
    /// A crash loses what the disk had confirmed long ago.
    LoseDurable,
}

/// The faults and the load of one run. Chances are in a million.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Sites in all, those that join late included; 2 to 32.
    pub sites: usize,
    /// How many of them are havens.
    pub havens: usize,
    /// How many of them are keepers, which hold everything and can read nothing.
    pub keepers: usize,
    /// How many are not there on the first day and join at some time.
    pub late: usize,
    /// Length of the safety phase.
    pub days: u64,
    /// Hours between saves at a site, on average. The bars of the project speak of 20 saves a day; what a promise survives
    /// depends on faults and sessions between saves, so the load is scaled down to fit the ordinary tests.
    pub save_hours: u64,
    /// Days between sessions that a site starts by itself, on average, besides those on save.
    pub dial_days: u64,
    /// Chance that a save starts a session at once.
    pub dial_on_save_ppm: u32,
    /// True: Ed25519. False: the stand-in.
    pub real_keys: bool,
    /// Longest way of a frame.
    pub latency_ms_max: u64,
    /// Chance that a session is cut at some frame; half of the cuts tear that frame.
    pub cut_ppm: u32,
    /// Chance that one direction of a session falls silent at some frame.
    pub silence_ppm: u32,
    /// Chance of a frame to arrive with a flipped bit.
    pub flip_ppm: u32,
    /// Chance that a session is recorded and played again to the same site.
    pub replay_ppm: u32,
    /// Days between changes of the weather, on average: who can reach whom.
    pub weather_days: u64,
    /// Chance that the weather is bad when it changes.
    pub bad_weather_ppm: u32,
    /// Days between crashes of a site, on average; 0: never.
    pub crash_days: u64,
    /// Longest time from an append to its being durable.
    pub disk_ms_max: u64,
    /// Chance that an append fails.
    pub disk_fail_ppm: u32,
    /// Whether wall clocks jump by years, or stop.
    pub mad_clocks: bool,
    /// Days between changes of the network's policy, on average; 0: the default stays.
    pub policy_days: u64,
    /// How many sites are destroyed for ever.
    pub destroyed: usize,
    /// A fault of the driver, for testing the oracle.
    pub sabotage: Sabotage,
}

impl Plan {
    /// Twelve sites where nothing fails.
    pub fn calm() -> Plan {
        Plan {
            sites: 12,
            havens: 2,
            keepers: 0,
            late: 0,
            days: 120,
            save_hours: 48,
            dial_days: 2,
            dial_on_save_ppm: 300_000,
            real_keys: false,
            latency_ms_max: 400,
            cut_ppm: 0,
            silence_ppm: 0,
            flip_ppm: 0,
            replay_ppm: 0,
            weather_days: 3,
            bad_weather_ppm: 0,
            crash_days: 0,
            disk_ms_max: 50,
            disk_fail_ppm: 0,
            mad_clocks: false,
            policy_days: 0,
            destroyed: 0,
            sabotage: Sabotage::None,
        }
    }

    /// The plan that belongs to a seed: a mix of faults of its own, so that some seeds meet one fault alone and some all
    /// of them. One seed in fifty signs with Ed25519.
    pub fn from_seed(seed: u64) -> Plan {
        let mut rng = Rng::stream(seed, u64::from_be_bytes(*b"the plan"));
        // Each fault is absent, rare or common, independently of the others.
        let mut level = |rare: u32, common: u32| *[0, rare, rare, common].get(rng.below(4) as usize).unwrap_or(&rare);
        let calm = Plan::calm();
        let mut plan = Plan {
            cut_ppm: level(100_000, 500_000),
            silence_ppm: level(50_000, 200_000),
            flip_ppm: level(0, 20_000),
            replay_ppm: level(20_000, 100_000),
            bad_weather_ppm: level(400_000, 900_000),
            crash_days: u64::from(level(90, 20)),
            disk_ms_max: u64::from(level(2_000, 30_000)).max(20),
            disk_fail_ppm: level(500, 5_000),
            latency_ms_max: u64::from(level(1_000, 20_000)).max(50),
            ..calm
        };
        plan.havens = rng.between(2, 3) as usize;
        plan.late = rng.between(0, 4) as usize;
        plan.destroyed = rng.between(0, 6) as usize;
        plan.dial_days = rng.between(2, 6);
        plan.weather_days = rng.between(3, 20);
        plan.mad_clocks = rng.chance(600_000);
        plan.real_keys = seed % 50 == 17;
        // The first seeds are older than keepers, and stay what they were when they broke the heart.
        plan.keepers = if seed < 100 { 0 } else { rng.between(0, 2) as usize };
        plan
    }
}

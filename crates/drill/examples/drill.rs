//! Runs the simulator from a seed on, prints what it did, and stops at the first broken promise.
//!
//! `cargo run --release -p sanad-drill --example drill -- --seed 1 --site-years 50`
//! `cargo run --release -p sanad-drill --example drill -- --seed 17` (that seed alone)

use sanad_drill::sim::{Plan, Report, World};
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = args.iter().position(|arg| arg == name)?;
        args.get(at + 1)?.parse::<u64>().ok()
    };
    let Some(first) = value("--seed") else {
        eprintln!("usage: drill --seed N [--site-years N] [--verbose 1]");
        return ExitCode::from(2);
    };
    let site_years = value("--site-years").unwrap_or(0) as f64;
    let verbose = value("--verbose").is_some();
    let mut sum = Report::default();
    for seed in first.. {
        let plan = Plan::from_seed(seed);
        if verbose {
            eprintln!("seed {seed}: {plan:?}");
        }
        match World::new(seed, plan).run() {
            Ok(report) => sum += report,
            Err(violation) => {
                eprintln!("{violation}");
                return ExitCode::FAILURE;
            }
        }
        if sum.site_years() >= site_years {
            break;
        }
    }
    println!("from seed {first}: {sum}");
    ExitCode::SUCCESS
}

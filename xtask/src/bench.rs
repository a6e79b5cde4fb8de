//! `cargo xtask bench [--quick] [--json] [NAME…]`: whole-program figures, release build, real processes and real folders.
//!
//! The measuring itself stands in `bench/` as an example of this package, so that the other chores do not have to build
//! all of sanad first.

use anyhow::{Context as _, ensure};
use std::process::Command;

/// Builds the program and the measuring, and measures.
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    cargo(&["build", "--release", "--locked", "--package", "sanad"], &[])?;
    cargo(&["run", "--release", "--locked", "--package", "xtask", "--example", "bench", "--"], arguments)
}

fn cargo(command: &[&str], arguments: &[String]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo).arg("--quiet").args(command).args(arguments).status().context("starting cargo")?;
    ensure!(status.success(), "cargo {} failed", command[0]);
    Ok(())
}

//! What holds the house together and no compiler checks. Every check is a pure function from what is there to what is
//! wrong; an empty list is a pass. Each has a test in which it fails.

mod graph;
mod licence;
mod lints;
mod promises;
mod sources;

use anyhow::{Context as _, bail};
use graph::Package;
use sources::Source;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is wrong, one sentence each.
type Findings = Vec<String>;

/// Everything the checks look at, read once.
struct House {
    /// Every package of the lock file that could be built, workspace members included.
    packages: Vec<Package>,
    /// Names of the packages that are built for some platform.
    built: BTreeSet<String>,
    /// Every text file that people write.
    sources: Vec<Source>,
}

/// A check: its name, and what it looks at.
type Check = (&'static str, fn(&House) -> Findings);

const CHECKS: &[Check] = &[
    ("crates point in one direction", |house| graph::direction(&house.packages)),
    ("log and record are pure", |house| graph::purity(&house.packages)),
    ("crates come from the registry", |house| graph::origin(&house.packages)),
    ("no banned crate is built", |house| graph::banned(&house.built)),
    ("no other C library is linked", |house| graph::c_libraries(&house.packages, &house.built)),
    ("licences are allowed", |house| licence::check(&house.packages)),
    ("lints are inherited and repeated", |house| lints::check(&house.sources)),
    ("files are short", |house| sources::length(&house.sources)),
    ("nothing is left unfinished", |house| sources::unfinished(&house.sources)),
    ("every promise has a test", |house| promises::check(&house.sources)),
];

/// `cargo xtask check-house`
pub fn run(arguments: &[String]) -> anyhow::Result<()> {
    if !arguments.is_empty() {
        bail!("check-house takes no arguments");
    }
    let house = House::read()?;
    let mut wrong = 0;
    for (name, check) in CHECKS {
        let findings = check(&house);
        println!("{:<34} {}", name, if findings.is_empty() { "ok" } else { "WRONG" });
        findings.iter().for_each(|finding| println!("    {finding}"));
        wrong += findings.len();
    }
    if wrong > 0 {
        bail!("{wrong} findings");
    }
    Ok(())
}

impl House {
    fn read() -> anyhow::Result<House> {
        let root = root()?;
        let metadata = cargo(&root, &["metadata", "--format-version", "1", "--locked"])?;
        let tree =
            ["tree", "--locked", "--workspace", "--edges", "normal,build", "--target", "all", "--prefix", "none"];
        let built = cargo(&root, &tree)?;
        Ok(House {
            packages: graph::read(&metadata)?,
            built: built.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect(),
            sources: sources::read(&root)?,
        })
    }
}

/// The workspace. Asked at run time, so that no path is built into the program.
fn root() -> anyhow::Result<PathBuf> {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").context("run me by cargo: `cargo xtask …`")?;
    Ok(Path::new(&here).parent().context("xtask stands in the workspace")?.to_owned())
}

fn cargo(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = std::process::Command::new(program).args(arguments).current_dir(root).output()?;
    if !output.status.success() {
        bail!("cargo {} failed:\n{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_stands() {
        let house = House::read().expect("the workspace can be read");
        let wrong: Vec<_> =
            CHECKS.iter().flat_map(|(name, check)| check(&house).into_iter().map(move |f| (name, f))).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

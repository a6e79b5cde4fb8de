//! Measures the whole program and says how each figure stands to its target: `cargo xtask bench`.
//!
//! Folders, processes, sockets and signatures are real. Two things are made cheaper, and said: folders are unlocked with
//! the smallest key derivation, since the real one is a fixed second that hides what is measured; and the network is the
//! loopback. Nothing below holds by itself on a busy machine: ratios to what the same disk did in the same minute do.
#![allow(clippy::disallowed_methods, reason = "a measurement looks at the clock")]

mod bytes;
mod corpus;
mod fhir;
mod import;
mod keeper;
mod machine;
mod pair;
mod replicate;
mod report;
mod saves;
mod sealed;
mod stick;
mod tiny;

use anyhow::{Context as _, Result, bail, ensure};
use report::Report;
use std::path::{Path, PathBuf};

/// What was asked for.
pub struct Options {
    /// A tenth of everything: shows that it works and where the time goes, proves no target.
    pub quick: bool,
    /// The folder, or the `.tar.xz`, of the Synthea set.
    pub synthea: PathBuf,
    /// Where the folders of the measured sites stand. The disk below it is the disk that is measured.
    pub dir: PathBuf,
    /// The program.
    pub sanad: PathBuf,
}

const NAMES: &[&str] = &["saves", "import", "haven", "carrier", "keeper", "stick", "bytes", "tiny", "fhir", "growth"];
const USAGE: &str = "usage: cargo xtask bench [--quick] [--json] [--synthea PATH] [--dir PATH] [NAME…]
  saves    durable saves of one and of sixteen writers, beside fdatasync and bare SQLite
  import   the Synthea set
  haven    100,000 entries to an empty haven that opens all of them; nothing changed; 1 % edited; memory; first page
  carrier  100,000 entries to an empty site that can read none of them
  keeper   1,000,000 small entries into a keeper and out of it again; its memory
  stick    a million entries read from a bundle and written to one, beside cp and fsync; --quick: 100,000
  bytes    100,000 resources to an empty site, nothing, and 1,000 edits, beside PouchDB (npm installs it); frontiers
  tiny     in simulated time: nothing changed and a casualty at 1,200 bit/s; a first sync at 9,600
  fhir     the FHIR interface under four clients, 100,000 resources: CPU of the server per request, disk, memory
  growth   the same questions asked of 10,000 and of 1,000,000 resources; --quick: 100,000";

#[tokio::main]
async fn main() -> Result<()> {
    let target = target_dir()?;
    let mut options = Options {
        quick: false,
        synthea: PathBuf::from("testdata/synthea-r4.tar.xz"),
        dir: target.join("bench"),
        sanad: target.join("release/sanad"),
    };
    let (mut json, mut names) = (false, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut path = || arguments.next().map(PathBuf::from).with_context(|| format!("{argument} needs a path"));
        match argument.as_str() {
            "--quick" => options.quick = true,
            "--json" => json = true,
            "--synthea" => options.synthea = path()?,
            "--dir" => options.dir = path()?,
            name if NAMES.contains(&name) => names.push(name.to_owned()),
            _ => bail!("{USAGE}"),
        }
    }
    ensure!(options.sanad.exists(), "no {}: build it in release", options.sanad.display());
    let wanted = |name: &str| names.is_empty() || names.iter().any(|asked| asked == name);

    let mut report = Report::new(options.quick)?;
    if wanted("saves") {
        saves::run(&options, &mut report).await?;
    }
    if wanted("import") {
        import::run(&options, &mut report).await?;
    }
    if wanted("haven") {
        replicate::to_haven(&options, &mut report).await?;
    }
    if wanted("carrier") {
        replicate::to_carrier(&options, &mut report).await?;
    }
    if wanted("keeper") {
        keeper::run(&options, &mut report).await?;
    }
    if wanted("stick") {
        stick::run(&options, &mut report).await?;
    }
    if wanted("bytes") {
        bytes::run(&options, &mut report).await?;
    }
    if wanted("tiny") {
        tiny::run(&mut report)?;
    }
    if wanted("fhir") {
        fhir::run(&options, &mut report)?;
    }
    if wanted("growth") {
        fhir::run_growth(&options, &mut report)?;
    }
    if json {
        println!("{}", serde_json::to_string_pretty(&report.to_json())?);
    } else {
        print!("{}", report.to_table());
    }
    Ok(())
}

/// The folder that cargo builds into: this program stands in `release/examples` of it.
fn target_dir() -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    this.ancestors().nth(3).map(Path::to_owned).context("this program stands in no target folder")
}

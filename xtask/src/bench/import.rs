//! `sanad import` of the Synthea set, as a process, into an empty folder.

use crate::Options;
use crate::corpus::{self, PASSPHRASE};
use crate::machine::{cpu_s_of_children, median};
use crate::pair::sanad_json;
use crate::report::{Report, Target};
use anyhow::{Context as _, Result, ensure};
use sanad_log::control::SiteKind;
use sanad_node::site::{NewSite, Site};
use sanad_store::KdfCost;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Whole imports, each into a new folder.
const TURNS: usize = 5;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let dir = corpus::fresh_dir(&options.dir, "import")?;
    let Some(set) = unpacked(&options.synthea, &dir)? else {
        eprintln!("  import: no {}; name it with --synthea", options.synthea.display());
        return Ok(());
    };
    let (mut per_s, mut cpu_us, mut resources) = (vec![], vec![], 0.0);
    for turn in 0..if options.quick { 1 } else { TURNS } {
        let site_dir = dir.join(format!("site-{turn}"));
        let described = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        Site::found(&site_dir, PASSPHRASE, KdfCost::TEST, &described).await?.close().await;
        let (started, cpu) = (Instant::now(), cpu_s_of_children()?);
        let arguments = ["import".as_ref(), site_dir.as_os_str(), set.as_os_str(), "--json".as_ref()];
        let result = sanad_json(&options.sanad, &arguments)?;
        let seconds = started.elapsed().as_secs_f64();
        resources = result["saved"].as_f64().context("no count in the report")?;
        ensure!(resources > 0.0, "nothing was imported");
        per_s.push(resources / seconds);
        cpu_us.push((cpu_s_of_children()? - cpu) * 1e6 / resources);
        std::fs::remove_dir_all(&site_dir)?;
    }
    report.add("import of the Synthea set: resources", resources, "", Target::None);
    report.add("import: whole process", median(per_s), "resources/s", Target::AtLeast(5_000.0));
    report.add("import: CPU", median(cpu_us), "us each", Target::None);
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

/// The folder of the set; a packed one is unpacked first. `None` if there is none.
fn unpacked(set: &Path, dir: &Path) -> Result<Option<PathBuf>> {
    if !set.exists() || set.is_dir() {
        return Ok(set.exists().then(|| set.to_owned()));
    }
    let into = dir.join("set");
    std::fs::create_dir_all(&into)?;
    let status = Command::new("tar").arg("-xJf").arg(set).arg("-C").arg(&into).status().context("starting tar")?;
    ensure!(status.success(), "{} could not be unpacked", set.display());
    Ok(Some(into))
}

//! A million small entries through a keeper: from a site that has them all, to one that has none. What a keeper's memory
//! must not do is grow with them.

use crate::Options;
use crate::corpus::PASSPHRASE;
use crate::machine::memory_mb;
use crate::pair::{Pair, sanad_json};
use crate::report::{Report, Target};
use crate::sealed::Author;
use anyhow::{Context as _, Result, ensure};
use sanad_log::control::{FacilitySecret, SiteKind};
use sanad_log::directory::Directory;
use sanad_log::sign::Ed25519Verifier;
use sanad_node::site::Site;
use sanad_store::{Folder, KdfCost};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

const ENTRIES: u64 = 1_000_000;
/// Devices that wrote them.
const AUTHORS: u64 = 200;
/// Charts that they belong to.
const CHARTS: u64 = 100_000;
/// A sealed short note.
const BODY_BYTES: usize = 250;
/// Entries in one commit while the sender is filled.
const BATCH: usize = 20_000;
/// Looks at the sender until it has read where the keeper is, half a second apart.
const LOOKS_MAX: usize = 240;

/// The measurement.
pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let count = if options.quick { ENTRIES / 10 } else { ENTRIES };
    let mut pair = Pair::new(options, SiteKind::Enclave).await?;
    let folder = pair.sender.with_file_name("keeper");
    let served = pair.serve(&pair.sender, &pair.address)?;
    let arguments = ["invite".as_ref(), pair.sender.as_os_str(), "--keeper".as_ref(), "--json".as_ref()];
    let invite = sanad_json(&options.sanad, &arguments)?;
    let invite = invite["invite"].as_str().context("no invite")?.parse()?;
    Site::join(&folder, PASSPHRASE, KdfCost::TEST, "Post", &invite).await?.close().await;
    let keeper = pair.keep(&folder)?;
    let url = format!("https://{}", keeper.address);
    wait_for_address(options, &pair.sender, &url).await?;
    pair.sync(&pair.receiver)?;
    served.stop()?;

    let started = Instant::now();
    fill(&pair.sender, count).await?;
    report.add(
        format!("keeper: filling a site with {count} entries"),
        started.elapsed().as_secs_f64(),
        "s",
        Target::None,
    );
    let idle = memory_mb(keeper.pid(), "VmRSS")?;
    report.add("keeper: memory before", idle, "MB", Target::None);
    one_way(options, &pair.sender, &url, count, "into the keeper", report)?;
    report.add(
        "keeper: memory, at most, on the way in",
        memory_mb(keeper.pid(), "VmHWM")?,
        "MB",
        Target::AtMost(150.0),
    );
    keeper.stop()?;
    pair.address.clone_from(&url);

    // Started anew on all that it holds: what it takes to know it, and to give it away.
    let began = Instant::now();
    let keeper = pair.keep_at(&folder, url.trim_start_matches("https://"))?;
    report.add("keeper: start until it listens", began.elapsed().as_secs_f64(), "s", Target::None);
    report.add("keeper: memory at the start, at most", memory_mb(keeper.pid(), "VmHWM")?, "MB", Target::AtMost(150.0));
    one_way(options, &pair.receiver, &url, count, "out of the keeper", report)?;
    report.add(
        "keeper: memory, at most, on the way out",
        memory_mb(keeper.pid(), "VmHWM")?,
        "MB",
        Target::AtMost(150.0),
    );
    keeper.stop()
}

/// One session of a site with the keeper.
fn one_way(options: &Options, dir: &Path, url: &str, count: u64, way: &str, report: &mut Report) -> Result<()> {
    let arguments = ["sync".as_ref(), dir.as_os_str(), "--with".as_ref(), url.as_ref(), "--json".as_ref()];
    let result = sanad_json(&options.sanad, &arguments)?;
    let session = &result["sessions"][0];
    let moved = session["entries_sent"].as_u64().unwrap_or(0).max(session["entries_received"].as_u64().unwrap_or(0));
    ensure!(session["complete"] == true && moved >= count, "all of it travels: {result}");
    let seconds = session["seconds"].as_f64().context("no seconds")?;
    report.add(format!("keeper: {count} entries {way}"), moved as f64 / seconds, "entries/s", Target::None);
    Ok(())
}

async fn wait_for_address(options: &Options, dir: &Path, url: &str) -> Result<()> {
    for _ in 0..LOOKS_MAX {
        let status = sanad_json(&options.sanad, &["status".as_ref(), dir.as_os_str(), "--json".as_ref()])?;
        let sites = status["sites"].as_array().context("no sites")?;
        if sites.iter().any(|site| site["addresses"].as_array().is_some_and(|all| all.contains(&Value::from(url)))) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("the keeper never said where it is")
}

/// Puts sealed entries of many devices and charts into a folder, as they would have come from peers.
async fn fill(dir: &Path, count: u64) -> Result<()> {
    let site = Site::open(dir, PASSPHRASE, Duration::ZERO)?;
    let mut authors = Vec::new();
    for number in 0..AUTHORS {
        authors.push(Author::enrolled(&site, number).await?);
    }
    site.close().await;
    let mut store = Folder::open(dir)?.unlock(PASSPHRASE, Duration::ZERO)?;
    let secrets = store.secrets()?;
    let mut directory = Directory::new(secrets.network, FacilitySecret::from_bytes(&secrets.facility));
    for entry in &store.control_entries()?.entries {
        directory.absorb(entry, &Ed25519Verifier);
    }
    let mut bytes = blake3::Hasher::new().update(b"a million entries").finalize_xof();
    let mut batch = Vec::with_capacity(BATCH);
    for (number, mut author) in (0..).zip(authors) {
        for seq in 1..=count / AUTHORS {
            let mut body = vec![0; BODY_BYTES];
            bytes.fill(&mut body);
            batch.push(author.write((number * 7_919 + seq * 104_729) % CHARTS, body)?);
            if batch.len() == BATCH {
                store.append(&batch, &directory)?;
                batch.clear();
            }
        }
    }
    store.append(&batch, &directory)?;
    Ok(())
}

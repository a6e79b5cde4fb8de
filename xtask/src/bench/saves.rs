//! Durable saves beside what the same disk does for others in the same minute.

use crate::Options;
use crate::corpus::{self, PASSPHRASE, Resource};
use crate::machine::{median, own_cpu, percentile};
use crate::report::{Report, Target};
use anyhow::Result;
use sanad_log::control::SiteKind;
use sanad_node::site::{NewSite, Site};
use sanad_store::KdfCost;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Turns that each of the measured ones has, one after the other, so that the disk's moods hit all alike.
const TURNS: usize = 7;
const WRITERS: usize = 16;
/// Saves of a turn by one writer, and by each of sixteen.
const SAVES_ALONE: usize = 400;
const SAVES_EACH: usize = 100;
const PROBE_BYTES: usize = 4096;

/// One turn of somebody.
struct Turn {
    per_s: f64,
    cpu_us: f64,
    latencies_us: Vec<f64>,
}

impl Turn {
    fn new(started: Instant, cpu: Duration, latencies_us: Vec<f64>) -> Result<Turn> {
        let count = latencies_us.len() as f64;
        let per_s = count / started.elapsed().as_secs_f64();
        Ok(Turn { per_s, cpu_us: (own_cpu()? - cpu).as_secs_f64() * 1e6 / count, latencies_us })
    }
}

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let scale = if options.quick { 4 } else { 1 };
    let (alone, each) = (SAVES_ALONE / scale, SAVES_EACH / scale);
    let dir = corpus::fresh_dir(&options.dir, "saves")?;
    let described = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&dir.join("site"), PASSPHRASE, KdfCost::TEST, &described).await?;
    let resources = corpus::resources(1, TURNS * (alone + WRITERS * each))?;
    report.add("saves: mean resource", corpus::mean_bytes(&resources), "bytes", Target::None);
    let mut rest = resources.into_iter();

    let (mut probe, mut bare, mut one, mut many) = (vec![], vec![], vec![], vec![]);
    let plain = open_plain(&dir)?;
    for _ in 0..TURNS {
        let batch: Vec<_> = rest.by_ref().take(alone).collect();
        probe.push(probe_turn(&dir, alone)?);
        bare.push(bare_turn(&plain, &batch)?);
        one.push(site_turn(&site, vec![batch]).await?);
        let batches = (0..WRITERS).map(|_| rest.by_ref().take(each).collect()).collect();
        many.push(site_turn(&site, batches).await?);
    }
    site.close().await;
    drop(plain);

    add(report, "fdatasync of 4 kB", &mut probe);
    add(report, "bare SQLite, one row a commit, synchronous=FULL", &mut bare);
    add(report, "saves, one writer", &mut one);
    add(report, "saves, 16 writers", &mut many);
    let ratio = |ours: &[Turn]| {
        // Turn by turn: what was measured in the same second is divided.
        100.0 * median(ours.iter().zip(&bare).map(|(ours, bare)| ours.per_s / bare.per_s).collect())
    };
    report.add("saves, one writer / bare SQLite", ratio(&one), "%", Target::AtLeast(50.0));
    report.add("saves, 16 writers / bare SQLite", ratio(&many), "%", Target::AtLeast(200.0));
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn add(report: &mut Report, name: &str, turns: &mut [Turn]) {
    let mut latencies: Vec<f64> = turns.iter_mut().flat_map(|turn| std::mem::take(&mut turn.latencies_us)).collect();
    report.add(name, median(turns.iter().map(|turn| turn.per_s).collect()), "/s", Target::None);
    for (label, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        report.add(format!("{name}: {label}"), percentile(&mut latencies, share), "us", Target::None);
    }
    report.add(format!("{name}: CPU"), median(turns.iter().map(|turn| turn.cpu_us).collect()), "us each", Target::None);
}

fn probe_turn(dir: &Path, count: usize) -> Result<Turn> {
    let mut file = File::options().create(true).append(true).open(dir.join("probe"))?;
    let bytes = [7u8; PROBE_BYTES];
    let (started, cpu) = (Instant::now(), own_cpu()?);
    let mut latencies = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        latencies.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Turn::new(started, cpu, latencies)
}

fn open_plain(dir: &Path) -> Result<rusqlite::Connection> {
    let plain = rusqlite::Connection::open(dir.join("plain.db"))?;
    plain.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB)",
    )?;
    Ok(plain)
}

fn bare_turn(plain: &rusqlite::Connection, batch: &[Resource]) -> Result<Turn> {
    let (started, cpu) = (Instant::now(), own_cpu()?);
    let mut latencies = Vec::with_capacity(batch.len());
    for resource in batch {
        let began = Instant::now();
        plain.prepare_cached("INSERT INTO t (v) VALUES (?1)")?.execute([&resource.raw])?;
        latencies.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Turn::new(started, cpu, latencies)
}

/// One writer a batch, each waiting for its save before the next.
async fn site_turn(site: &Site, batches: Vec<Vec<Resource>>) -> Result<Turn> {
    let (started, cpu) = (Instant::now(), own_cpu()?);
    let mut writers = JoinSet::new();
    for batch in batches {
        let site = site.clone();
        writers.spawn(async move {
            let mut latencies = Vec::with_capacity(batch.len());
            for resource in batch {
                let began = Instant::now();
                corpus::save(&site, resource).await?;
                latencies.push(began.elapsed().as_secs_f64() * 1e6);
            }
            Ok::<_, anyhow::Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    while let Some(done) = writers.join_next().await {
        latencies.extend(done??);
    }
    Turn::new(started, cpu, latencies)
}

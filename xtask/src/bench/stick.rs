//! A full stick: read by a site that holds nothing, and written by it, beside a plain copy of the same bytes.
//!
//! The entries are signed by another site's device and sealed under a key that nobody has: the site carries them. What
//! opening and projecting costs is measured by `haven`.

use crate::Options;
use crate::corpus::{PASSPHRASE, fresh_dir};
use crate::machine::{cpu_s_of, memory_mb};
use crate::report::{Report, Target};
use crate::sealed::Author;
use anyhow::{Context as _, Result, ensure};
use sanad_log::bundle::{BundleKey, Packer, opening_records};
use sanad_log::control::SiteKind;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::message::encode;
use sanad_log::receipt::{Form, Receipt};
use sanad_log::run::encode_run;
use sanad_log::seal::SealKey;
use sanad_node::bundle::{MAX_BYTES, ReceiptTo, WriteOptions};
use sanad_node::site::{NewSite, Site, system_entropy};
use sanad_store::KdfCost;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

const ENTRIES: u64 = 1_000_000;
const ENTRIES_QUICK: u64 = 100_000;
/// A sealed body of a short observation.
const BODY_BYTES: usize = 232;
/// Entries of one record.
const RUN: u64 = 1_000;
/// Charts that they belong to.
const CHARTS: u64 = 5_000;

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    let count = if options.quick { ENTRIES_QUICK } else { ENTRIES };
    let dir = fresh_dir(&options.dir, "stick")?;
    let described = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
    let site = Site::found(&dir.join("site"), PASSPHRASE, KdfCost::TEST, &described).await?;
    let epoch = site.with_directory(|directory| directory.epoch_keys().last().cloned()).await?.context("no key")?;
    let given = dir.join("given");
    make(&given, count, Author::enrolled(&site, 1).await?, &epoch)?;
    // Somebody who has confirmed nothing, for whom it goes out again.
    Author::enrolled(&site, 2).await?;

    // On a busy machine the CPU time survives the noise, and the wall time does not.
    let own = std::process::id();
    let (started, cpu_s) = (Instant::now(), cpu_s_of(own)?);
    let read = site.read_bundle(&given, &ReceiptTo::Beside, &|_, _| {}).await?;
    let rate = count as f64 / started.elapsed().as_secs_f64();
    ensure!(read.new == count && read.waiting == 0 && read.whole, "all of it comes in: {read:?}");
    let per_entry_us = |cpu_s: f64| cpu_s / count as f64 * 1e6;
    report.add(format!("stick: {count} entries read"), rate, "entries/s", Target::AtLeast(15_000.0));
    report.add("stick: CPU to read one, all threads", per_entry_us(cpu_s_of(own)? - cpu_s), "µs", Target::None);
    let started = Instant::now();
    let again = site.read_bundle(&given, &ReceiptTo::Beside, &|_, _| {}).await?;
    ensure!(again.new == 0 && again.known == count, "nothing of it comes in twice: {again:?}");
    report.add("stick: the same read again", started.elapsed().as_secs_f64(), "s", Target::None);

    let out = dir.join("out");
    let (started, cpu_s) = (Instant::now(), cpu_s_of(own)?);
    let options = WriteOptions { max_bytes: MAX_BYTES, site: None };
    let wrote = site.write_bundle(&out, options, &|_, _| {}).await?;
    let write_s = started.elapsed().as_secs_f64();
    ensure!(wrote.entries >= count && wrote.left == 0, "all of it goes out: {wrote:?}");
    report.add("stick: CPU to write one, all threads", per_entry_us(cpu_s_of(own)? - cpu_s), "µs", Target::None);
    let started = Instant::now();
    copy(&out, &dir.join("copy"))?;
    let copy_s = started.elapsed().as_secs_f64();
    let megabytes = wrote.bytes as f64 / 1e6;
    report.add("stick: written", megabytes / write_s, "MB/s", Target::None);
    report.add("stick: cp and fsync of the same bytes", megabytes / copy_s, "MB/s", Target::None);
    report.add("stick: written, to cp and fsync", 100.0 * copy_s / write_s, "%", Target::AtLeast(60.0));
    report.add("stick: memory, at most", memory_mb(own, "VmHWM")?, "MB", Target::AtMost(150.0));
    site.close().await;
    Ok(())
}

/// Writes a bundle of another site's device, run by run.
fn make(path: &Path, count: u64, mut author: Author, epoch: &SealKey) -> Result<()> {
    let mut entropy = system_entropy();
    let mut held = Frontier::default();
    held.insert(Range { log: author.log(), from: 1, to: count });
    let have = Receipt::sign(author.network(), count, held, author.signer()).encode(Form::Whole(&[]));
    let key = BundleKey::derive(epoch, entropy.array());
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(key.salt())?;
    let mut packer = Packer::at(0);
    let mut full = |index: u64, plain: &[u8]| file.write_all(&key.seal(index, plain, &mut entropy));
    for record in opening_records(&[], &have, None) {
        packer.put(&record, &mut full)?;
    }
    for first in (1..=count).step_by(RUN as usize) {
        let mut run = Vec::with_capacity(RUN as usize);
        for seq in first..=count.min(first + RUN - 1) {
            let mut body = vec![0; BODY_BYTES];
            body[..8].copy_from_slice(&seq.to_be_bytes());
            run.push(author.write(seq % CHARTS, body)?);
        }
        packer.put(&encode::entries(&encode_run(&run).context("no run")?), &mut full)?;
    }
    packer.put(&encode::done(), &mut full)?;
    packer.flush(&mut full)?;
    Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?)
}

/// What `cp` and `sync` of one file do.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    io::copy(&mut from, &mut to)?;
    Ok(to.sync_all()?)
}

//! `sanad demo`: three sites on this machine, a siege day, one of them destroyed. Real folders, real sockets, real keys;
//! only the patients are made up. What it counts, it counts from what the sites themselves show.

mod day;
mod link;
mod sites;

use crate::cli::Demo;
use crate::progress::bar;
use anyhow::{Result, ensure};
use day::{Day, SavedRecord};
use sanad_log::control::SiteKind;
use serde_json::json;
use sites::{DemoNetwork, DemoSite};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Sessions between two sites that are tried until both hold the same; one is enough on a link that works.
const ROUNDS_MAX: u32 = 20;

/// What the demo found.
struct Outcome {
    patients: usize,
    saved: u64,
    saved_at_destroyed: u64,
    only_here_at_loss: u64,
    lost: u64,
    recovered: u64,
    byte_identical: bool,
    cuts: u64,
    seconds: f64,
}

/// Runs the demo.
#[allow(clippy::disallowed_methods, reason = "measures how long the demo took")]
pub async fn run(options: &Demo, json: bool) -> Result<u8> {
    let started = Instant::now();
    let say = |text: &str| {
        if !json {
            println!("{text}");
        }
    };
    let mut network = DemoNetwork::new(options.listen)?;
    say("Founding a network: Cedar and Olive in the enclave, Haven outside it.");
    let cedar = network.found("Cedar").await?;
    let haven = network.join(&cedar, "Haven", SiteKind::Haven).await?;
    let olive = network.join(&cedar, "Olive", SiteKind::Enclave).await?;

    say("A siege day begins. The sites sync while they save, and the links drop.");
    let day = Day::generate(options.seed, options.patients);
    let progress = bar(Some(day.patients.len() as u64), "patients");
    let (morning, evening) = day.split();
    let weather = network.stormy(options.seed);
    let mut records = day::save_all(&morning, &[&cedar, &olive], &progress).await?;
    let cuts = weather.calm().await;
    catch_up(&[&cedar, &olive, &haven]).await?;

    say("All links fail. Cedar and Olive go on saving.");
    network.cut_all();
    records.extend(day::save_all(&evening, &[&cedar, &olive], &progress).await?);
    progress.finish_and_clear();

    let gauge = olive.site().status().await?.only_here.records;
    say(&format!("Olive's screen says: only here {gauge}. Olive is destroyed; its folder is deleted."));
    let destroyed = olive.facility();
    olive.destroy().await?;
    network.mend_all();
    catch_up(&[&cedar, &haven]).await?;

    let of_olive = |record: &&SavedRecord| record.facility == destroyed;
    let survived = count(&haven, records.iter().filter(of_olive))?;
    let saved_at_destroyed = records.iter().filter(of_olive).count() as u64;
    let lost = saved_at_destroyed - survived.held;

    say("A fourth site, Reed, joins and is filled from the survivors.");
    let reed = network.join(&cedar, "Reed", SiteKind::Haven).await?;
    catch_up(&[&cedar, &haven, &reed]).await?;
    let recovered = count(&reed, records.iter().filter(of_olive))?;
    let everything = count(&reed, records.iter())?;
    let outcome = Outcome {
        patients: day.patients.len(),
        saved: records.len() as u64,
        saved_at_destroyed,
        only_here_at_loss: gauge,
        lost,
        recovered: recovered.held,
        byte_identical: survived.identical && everything.identical && everything.held + lost == records.len() as u64,
        cuts,
        seconds: started.elapsed().as_secs_f64(),
    };
    report(&outcome, json);
    let held = outcome.lost == outcome.only_here_at_loss && outcome.byte_identical;
    if options.once {
        for site in [cedar, haven, reed] {
            site.stop().await;
        }
        network.clean_up()?;
        return Ok(if held { 0 } else { crate::say::EXIT_FAILED });
    }
    let end = super::serve::TheEnd::listen()?;
    println!("\nThe sites stay up until Ctrl-C. Open them in a browser:");
    for site in [&cedar, &haven, &reed] {
        println!("  {:<6} https://{}   http://{}", site.name(), site.listening(), site.listening());
    }
    end.comes().await;
    for site in [cedar, haven, reed] {
        site.stop().await;
    }
    network.clean_up()?;
    Ok(0)
}

/// Sessions among all of these until each holds what the others hold.
async fn catch_up(sites: &[&DemoSite]) -> Result<()> {
    for _ in 0..ROUNDS_MAX {
        let mut behind = 0;
        for (at, site) in sites.iter().enumerate() {
            for other in &sites[at + 1..] {
                behind += u32::from(!site.sync_with(other).await?);
            }
        }
        let mut held = BTreeMap::new();
        for site in sites {
            held.insert(site.site().status().await?.stored.entries, ());
        }
        if behind == 0 && held.len() == 1 {
            return Ok(());
        }
        // A link that has just been mended, or a grant that follows what came: the next round brings it.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    ensure!(false, "the sites did not come to hold the same in {ROUNDS_MAX} rounds");
    Ok(())
}

/// What a site shows of some records.
struct Count {
    held: u64,
    identical: bool,
}

fn count<'a>(site: &DemoSite, records: impl Iterator<Item = &'a SavedRecord>) -> Result<Count> {
    let mut count = Count { held: 0, identical: true };
    for record in records {
        if let Some(raw) = site.site().reader().version_raw(&record.key, &record.version)? {
            count.held += 1;
            count.identical &= raw == record.raw;
        }
    }
    Ok(count)
}

fn report(outcome: &Outcome, as_json: bool) {
    if as_json {
        let value = json!({
            "saved": outcome.saved,
            "only_here_at_loss": outcome.only_here_at_loss,
            "lost": outcome.lost,
            "recovered": outcome.recovered,
            "byte_identical": outcome.byte_identical,
            "seconds": outcome.seconds,
            "patients": outcome.patients,
            "saved_at_destroyed": outcome.saved_at_destroyed,
            "links_cut": outcome.cuts,
        });
        println!("{value}");
        return;
    }
    let verdict = if outcome.lost == outcome.only_here_at_loss {
        "exactly what the gauge had said"
    } else {
        "NOT what the gauge had said"
    };
    println!();
    println!("  patients of the day                {:>7}", outcome.patients);
    println!("  records saved at all sites         {:>7}", outcome.saved);
    println!("  records saved at Olive             {:>7}", outcome.saved_at_destroyed);
    println!("  links cut meanwhile                {:>7}", outcome.cuts);
    println!("  only here when Olive was destroyed {:>7}", outcome.only_here_at_loss);
    println!("  lost                               {:>7}   {verdict}", outcome.lost);
    println!("  recovered at Reed                  {:>7}   of Olive's records", outcome.recovered);
    let identical = if outcome.byte_identical { "yes" } else { "NO" };
    println!("  byte for byte as they were saved   {identical:>7}");
    println!("  seconds                            {:>7.1}", outcome.seconds);
}

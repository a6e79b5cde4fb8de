//! A full site and an empty one, two processes on the loopback: all of it, nothing, and one in a hundred.

use crate::Options;
use crate::corpus;
use crate::machine::{cpu_s_of, cpu_s_of_children, memory_mb};
use crate::pair::{Pair, Served};
use crate::report::{Report, Target};
use anyhow::{Context as _, Result, ensure};
use sanad_log::control::SiteKind;
use serde_json::Value;
use std::time::Instant;

const ENTRIES: usize = 100_000;
/// One of so many is edited.
const EDITED_OF: usize = 100;
/// Sessions that two served sites may still need before nothing changes: each announces its address, and confirms.
const SETTLING_MAX: usize = 20;
/// Sessions in a row without anything new, after which no other session shares the connection.
const QUIET: usize = 3;

/// To a haven, which is granted every chart, opens every entry and projects it.
pub async fn to_haven(options: &Options, report: &mut Report) -> Result<()> {
    let (pair, resources) = filled(options, SiteKind::Haven, report).await?;
    let count = resources.len();

    // Memory and the first page, of the full site before anybody has asked it for anything.
    let mut served = pair.serve(&pair.sender, &pair.address)?;
    report.add(format!("start to first page, {count} resources"), served.first_page()?, "s", Target::AtMost(1.0));
    full(&pair, &served, count, "haven", report)?;
    report.add("memory of the full site after that", memory_mb(served.pid(), "VmRSS")?, "MB", Target::AtMost(150.0));
    report.add("memory of the full site, at most", memory_mb(served.pid(), "VmHWM")?, "MB", Target::None);

    let nothing = pair.sync(&pair.receiver)?;
    unchanged(report, "new connection", &nothing)?;

    served.stop()?;
    let edits = resources.iter().step_by(EDITED_OF).map(corpus::edited).collect::<Result<Vec<_>>>()?;
    let edited = edits.len();
    corpus::save_into(&pair.sender, edits).await?;
    served = pair.serve(&pair.sender, &pair.address)?;
    let session = pair.sync(&pair.receiver)?;
    ensure!(session["entries_received"] == edited, "only the edits travel: {session}");
    report.add(format!("{edited} edited: on the wire"), wire_mb(&session)?, "MB", Target::AtMost(0.3));
    report.add(format!("{edited} edited: TLS handshake beside it"), handshake(&session)?, "bytes", Target::None);
    report.add(format!("{edited} edited: round trips"), number(&session, "rounds")?, "", Target::None);

    // The receiver served too: from here on, what a command asks for goes over the connection that is open.
    let receiver = pair.serve(&pair.receiver, "127.0.0.1:0")?;
    let first_page = receiver.first_page()?;
    let (mut last, mut quiet) = (Value::Null, 0);
    for _ in 0..SETTLING_MAX {
        last = pair.sync(&pair.receiver)?;
        let is_quiet = last["entries_sent"] == 0 && last["entries_received"] == 0 && last["handshake_bytes"] == 0;
        quiet = if is_quiet { quiet + 1 } else { 0 };
        if quiet == QUIET {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    unchanged(report, "kept connection", &last)?;
    report.add("haven: start to first page", first_page, "s", Target::AtMost(1.0));
    report.add("haven: memory", memory_mb(receiver.pid(), "VmRSS")?, "MB", Target::AtMost(150.0));
    receiver.stop()?;
    served.stop()?;
    Ok(())
}

/// To a site that is granted nothing and carries all of it sealed.
pub async fn to_carrier(options: &Options, report: &mut Report) -> Result<()> {
    let (pair, resources) = filled(options, SiteKind::Enclave, report).await?;
    let served = pair.serve(&pair.sender, &pair.address)?;
    full(&pair, &served, resources.len(), "carrier", report)?;
    served.stop()?;
    Ok(())
}

async fn filled(options: &Options, kind: SiteKind, report: &mut Report) -> Result<(Pair, Vec<corpus::Resource>)> {
    let count = if options.quick { ENTRIES / 10 } else { ENTRIES };
    let resources = corpus::resources(2, count)?;
    report.add("replication: mean resource", corpus::mean_bytes(&resources), "bytes", Target::None);
    let pair = Pair::new(options, kind).await?;
    let started = Instant::now();
    corpus::save_into(&pair.sender, resources.clone()).await?;
    report.add("filling: one resource a save", count as f64 / started.elapsed().as_secs_f64(), "saves/s", Target::None);
    Ok((pair, resources))
}

/// Everything to the empty site.
fn full(pair: &Pair, served: &Served, count: usize, to: &str, report: &mut Report) -> Result<()> {
    let (sender_s, children_s) = (cpu_s_of(served.pid())?, cpu_s_of_children()?);
    let session = pair.sync(&pair.receiver)?;
    let sender_s = cpu_s_of(served.pid())? - sender_s;
    let receiver_s = cpu_s_of_children()? - children_s;
    ensure!(number(&session, "entries_received")? >= count as f64, "all of it arrives: {session}");
    let name = format!("{count} entries to an empty {to}");
    report.add(format!("{name}: on the wire"), wire_mb(&session)?, "MB", Target::AtMost(count as f64 * 40.0 / 1e5));
    report.add(format!("{name}: round trips"), number(&session, "rounds")?, "", Target::AtMost(50.0));
    report.add(format!("{name}: wall"), number(&session, "seconds")?, "s", Target::AtMost(count as f64 * 30.0 / 1e5));
    report.add(format!("{name}: CPU of the sender"), sender_s, "s", Target::None);
    report.add(format!("{name}: CPU of the receiver"), receiver_s, "s", Target::None);
    Ok(())
}

fn unchanged(report: &mut Report, which: &str, session: &Value) -> Result<()> {
    ensure!(session["entries_sent"] == 0 && session["entries_received"] == 0, "nothing had changed: {session}");
    let name = format!("nothing changed, {which}");
    let bytes = wire_bytes(session)?;
    report.add(format!("{name}: round trips"), number(session, "rounds")?, "", Target::AtMost(1.0));
    report.add(format!("{name}: HTTP and TLS"), bytes, "bytes", Target::AtMost(1_000.0));
    report.add(format!("{name}: TLS handshake beside it"), handshake(session)?, "bytes", Target::None);
    Ok(())
}

/// Bytes of a session both ways: HTTP and TLS records, without the handshake.
pub fn wire_bytes(session: &Value) -> Result<f64> {
    Ok(number(session, "bytes_sent")? + number(session, "bytes_received")?)
}

fn wire_mb(session: &Value) -> Result<f64> {
    Ok(wire_bytes(session)? / 1e6)
}

fn handshake(session: &Value) -> Result<f64> {
    number(session, "handshake_bytes")
}

/// A number of a report.
pub fn number(session: &Value, name: &str) -> Result<f64> {
    session[name].as_f64().with_context(|| format!("no {name} in the report of a session"))
}

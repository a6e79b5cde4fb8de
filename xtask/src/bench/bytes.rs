//! What difference costs on the wire, beside what the most used offline peer needs for the same work.

use crate::Options;
use crate::corpus;
use crate::pair::{Pair, sanad_json};
use crate::replicate::{number, wire_bytes};
use crate::report::{Report, Target};
use anyhow::{Context as _, Result, ensure};
use sanad_log::control::SiteKind;
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, Lane, LogId, NetworkId};
use sanad_log::receipt::{Form, Receipt};
use sanad_log::sign::Ed25519Signer;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const RESOURCES: usize = 100_000;
/// Entries that one side has and the other lacks.
const DIFFERENCE: usize = 1_000;
/// A large network: devices, and entries of each in the clinical lane.
const AUTHORS: u64 = 1_000;
const ENTRIES_OF_EACH: u64 = 1_000;
/// Where the peer's own measurement stands.
const PEER_DIR: &str = "xtask/peer";

pub async fn run(options: &Options, report: &mut Report) -> Result<()> {
    frontiers(report);
    let count = if options.quick { RESOURCES / 10 } else { RESOURCES };
    let resources = corpus::resources(2, count)?;
    let ours = sites(options, &resources, report).await?;
    let peer = peer(options, &resources)?;
    let of = |what: &str| number(&peer[what], "bytes");
    report.add(format!("PouchDB: {count} resources to an empty database"), of("all")? / 1e6, "MB", Target::None);
    report.add("PouchDB: nothing changed", of("nothing")?, "bytes", Target::None);
    report.add(format!("PouchDB: {DIFFERENCE} edited"), of("edits")? / 1e6, "MB", Target::None);
    report.add("PouchDB: time for all", number(&peer["all"], "seconds")?, "s", Target::None);
    // Neither sealed nor signed, and each answer compressed as a whole.
    for (name, what, ours) in
        [("all", "all", ours[0]), ("nothing changed", "nothing", ours[1]), ("edited", "edits", ours[2])]
    {
        report.add(format!("{name}: ours to PouchDB's"), 100.0 * ours / of(what)?, "%", Target::None);
    }
    Ok(())
}

/// The frontier of a large network as it travels: for the first time, and as the difference to what the peer knows.
fn frontiers(report: &mut Report) {
    let devices: Vec<DeviceId> = (0..AUTHORS).map(|n| DeviceId(*blake3::hash(&n.to_be_bytes()).as_bytes())).collect();
    let mut registry = devices.clone();
    registry.sort_unstable();
    let mut held = Frontier::default();
    for (at, author) in devices.iter().enumerate() {
        let log = |lane| LogId { lane, author: *author };
        held.insert(Range { log: log(Lane::Clinical), from: 1, to: ENTRIES_OF_EACH + at as u64 % 9 });
    }
    let signer = Ed25519Signer::from_seed(&[7; 32]);
    let network = NetworkId([1; 32]);
    let before = Receipt::sign(&network, held.count(), held.clone(), &signer);
    for author in devices.iter().step_by(200) {
        let log = LogId { lane: Lane::Clinical, author: *author };
        let height = held.height(&log);
        held.insert(Range { log, from: height + 1, to: height + 12 });
    }
    let after = Receipt::sign(&network, held.count(), held.clone(), &signer);
    let [cold, typical] =
        [before.encode(Form::Whole(&registry)), after.encode(Form::Since(&before))].map(|form| form.len());
    for author in &devices {
        held.insert(Range { log: LogId { lane: Lane::Control, author: *author }, from: 1, to: 3 });
    }
    let two_lanes = Receipt::sign(&network, held.count(), held, &signer).encode(Form::Whole(&registry)).len();
    report.add("receipt of 1,000 authors and 1M entries, cold", cold as f64, "bytes", Target::AtMost(2_500.0));
    report.add("the same with two lanes of each", two_lanes as f64, "bytes", Target::None);
    report.add("the first after 60 entries of 5 authors", typical as f64, "bytes", Target::AtMost(150.0));
}

/// All of it, nothing, and a thousand edits between two sites, one of which is granted nothing. Returns the bytes.
async fn sites(options: &Options, resources: &[corpus::Resource], report: &mut Report) -> Result<[f64; 3]> {
    let pair = Pair::new(options, SiteKind::Enclave).await?;
    corpus::save_into(&pair.sender, resources.to_vec()).await?;
    let served = pair.serve(&pair.sender, &pair.address)?;
    let all = wire_bytes(&pair.sync(&pair.receiver)?)?;
    let unchanged = pair.sync(&pair.receiver)?;
    ensure!(unchanged["entries_received"] == 0, "nothing had changed: {unchanged}");
    served.stop()?;

    let step = resources.len() / DIFFERENCE;
    let edits = resources.iter().step_by(step).take(DIFFERENCE).map(corpus::edited).collect::<Result<Vec<_>>>()?;
    let before = sealed_bytes(options, &pair.receiver)?;
    corpus::save_into(&pair.sender, edits).await?;
    let served = pair.serve(&pair.sender, &pair.address)?;
    let session = pair.sync(&pair.receiver)?;
    ensure!(session["entries_received"] == DIFFERENCE, "only the edits travel: {session}");
    served.stop()?;
    let sealed = sealed_bytes(options, &pair.receiver)? - before;

    let [nothing, edited] = [wire_bytes(&unchanged)?, wire_bytes(&session)?];
    report.add(format!("{} resources to an empty site", resources.len()), all / 1e6, "MB", Target::None);
    report.add("nothing changed", nothing, "bytes", Target::AtMost(1_000.0));
    report.add(format!("{DIFFERENCE} edited"), edited / 1e6, "MB", Target::None);
    report.add("the same to the sealed bytes of what lacked", edited / sealed, "", Target::AtMost(1.05));
    Ok([all, nothing, edited])
}

/// Headers and bodies of all entries that a folder holds sealed.
fn sealed_bytes(options: &Options, dir: &Path) -> Result<f64> {
    let status = sanad_json(&options.sanad, &["status".as_ref(), dir.as_os_str(), "--json".as_ref()])?;
    status["stored"]["unread_bytes"].as_f64().context("no bytes in a status")
}

/// The peer's own measurement, over the same resources.
fn peer(options: &Options, resources: &[corpus::Resource]) -> Result<Value> {
    let dir = PathBuf::from(PEER_DIR);
    let installed =
        Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&dir).status()?;
    ensure!(installed.success(), "npm could not install the peer");
    let file = options.dir.join("resources.ndjson");
    let lines: Vec<_> = resources.iter().map(|resource| resource.raw.as_slice()).collect();
    fs::write(&file, lines.join(&b'\n'))?;
    let script = dir.join("run.mjs");
    let output = Command::new("node").arg(script).arg(&file).arg(DIFFERENCE.to_string()).output()?;
    ensure!(output.status.success(), "the peer failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

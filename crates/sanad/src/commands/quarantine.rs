//! `sanad quarantine`: what is kept apart and why, its bytes on a medium, and taking it in.

use crate::cli;
use crate::local;
use crate::say::{self, EXIT_DAMAGED, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Named, Trouble, text};
use anyhow::Result;
use sanad_node::quarantine::{AdoptError, Handed, Piece};
use sanad_node::site::Site;
use sanad_store::QUARANTINE_LISTED_MAX;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The list of what was written out.
const MANIFEST: &str = "manifest.json";

/// One of the commands here.
#[derive(Serialize, Deserialize)]
pub enum Operation {
    /// List.
    List,
    /// Write out.
    Export {
        /// Absolute path.
        out: PathBuf,
        /// Which; all if none is named.
        numbers: Vec<u64>,
    },
    /// Take one in.
    Adopt {
        /// Which.
        number: u64,
        /// Call sign.
        by: Option<String>,
    },
}

impl Operation {
    /// The folder and the operation that were typed.
    pub fn of(command: &cli::Quarantine, absolute: impl Fn(&Path) -> PathBuf) -> (&PathBuf, Operation) {
        match command {
            cli::Quarantine::List { dir } => (dir, Operation::List),
            cli::Quarantine::Export { dir, out, numbers } => {
                (dir, Operation::Export { out: absolute(out), numbers: numbers.clone() })
            }
            cli::Quarantine::Adopt { dir, number, by } => (dir, Operation::Adopt { number: *number, by: by.clone() }),
        }
    }
}

/// Runs one on an open site.
pub async fn run(site: &Site, operation: &Operation) -> Result<(u8, Value)> {
    match operation {
        Operation::List => {
            let status = site.status().await?;
            let list = all(site).await?;
            Ok((0, json!({ "quarantine": list, "dropped": status.quarantine.dropped, "forks": status.forks })))
        }
        Operation::Export { out, numbers } => export(site, out, numbers).await,
        Operation::Adopt { number, by } => Ok((0, serde_json::to_value(site.adopt(*number, by.as_deref()).await?)?)),
    }
}

async fn all(site: &Site) -> Result<Vec<Piece>> {
    let mut list: Vec<Piece> = Vec::new();
    loop {
        let after = list.last().map_or(0, |piece| piece.n);
        let more = site.quarantine(after, QUARANTINE_LISTED_MAX).await?;
        if more.is_empty() {
            return Ok(list);
        }
        list.extend(more);
    }
}

/// Writes pieces into a new folder, one file each, and a list of them. A medium may fail at any of them: what is written
/// stays, and the command is repeated with another folder.
async fn export(site: &Site, out: &Path, numbers: &[u64]) -> Result<(u8, Value)> {
    let numbers = match numbers {
        [] => all(site).await?.into_iter().map(|piece| piece.n).collect(),
        numbers => numbers.to_vec(),
    };
    let mut handed = Vec::new();
    for n in &numbers {
        // Before anything is written.
        if site.hand_out(*n).await?.is_none() {
            return Err(AdoptError::NoSuchNumber.into());
        }
    }
    let writing = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => Trouble::QuarantineExportOccupied(out.display().to_string()),
        kind => Trouble::QuarantineExportFailed(kind.to_string()),
    };
    new_folder(out).map_err(writing)?;
    let (mut unsealed, mut lost) = (0u64, 0u64);
    for n in numbers {
        let Some(Handed { piece, bytes }) = site.hand_out(n).await? else { continue };
        let file = if bytes.is_empty() { None } else { Some(file_name(&piece)) };
        if let Some(file) = &file {
            write_new(&out.join(file), &bytes).map_err(writing)?;
        }
        lost += u64::from(file.is_none());
        unsealed += u64::from(piece.readable && file.is_some());
        handed.push(in_manifest(&piece, file.as_deref())?);
    }
    let count = handed.len();
    let manifest = json!({ "site": site.call_sign(), "written_ms": sanad_node::site::now_ms(), "pieces": handed });
    let bytes = serde_json::to_vec_pretty(&manifest)?;
    write_new(&out.join(MANIFEST), &bytes).map_err(writing)?;
    let code = if lost == 0 { 0 } else { EXIT_DAMAGED };
    Ok((code, json!({ "out": out, "written": count as u64 - lost, "unsealed": unsealed, "lost": lost })))
}

fn file_name(piece: &Piece) -> String {
    let end = if piece.readable { "json" } else { "entry" };
    format!("{:04}.{end}", piece.n)
}

/// A folder that only its owner can look into; one that is there already is used if it is empty.
fn new_folder(out: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(out) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::read_dir(out)?.next() {
            None => Ok(()),
            Some(_) => Err(error),
        },
        made => made,
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// What the list says of a piece, in both languages: whoever reads it may not be who wrote it.
fn in_manifest(piece: &Piece, file: Option<&str>) -> Result<Value> {
    let mut said = serde_json::to_value(piece)?;
    let id = format!("quarantine-{}", piece.reason);
    let sealed = if piece.readable { "quarantine-file-readable" } else { "quarantine-file-sealed" };
    let words = |arabic| {
        let [why, sealed] = [id.as_str(), sealed].map(|id| say::text_in(arabic, id, &[]));
        format!("{why} {sealed}")
    };
    said["file"] = file.into();
    said["means"] = json!({ "en": words(false), "ar": words(true) });
    Ok(said)
}

/// The result for people.
pub fn in_words(operation: &Operation, result: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or_default().to_string();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match operation {
        Operation::List => list_in_words(result),
        Operation::Export { .. } => {
            let args = [("n", count(&result["written"])), ("out", string(&result["out"]))];
            let mut lines = vec![text("quarantine-exported", &args)];
            if result["unsealed"] != 0 {
                lines.push(text("quarantine-exported-unsealed", &[("n", count(&result["unsealed"]))]));
            }
            if result["lost"] != 0 {
                lines.push(text("quarantine-exported-lost", &[("n", count(&result["lost"]))]));
            }
            lines.join("\n")
        }
        Operation::Adopt { .. } => {
            let args = [("n", count(&result["resources"])), ("record", string(&result["provenance"]))];
            text("quarantine-adopted", &args)
        }
    }
}

fn list_in_words(result: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or_default().to_string();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    for piece in result["quarantine"].as_array().into_iter().flatten() {
        let author = string(&piece["author"]).chars().take(16).collect();
        let site = piece["site"].as_str().map_or_else(|| text("explain-unknown-site", &[]), str::to_owned);
        let from = piece["from"].as_str().map_or_else(|| text("explain-unknown-site", &[]), str::to_owned);
        let args = [
            ("n", count(&piece["n"])),
            ("site", site),
            ("author", author),
            ("lane", text(&format!("lane-{}", string(&piece["lane"])), &[])),
            ("seq", count(&piece["seq"])),
            ("bytes", count(&piece["bytes"])),
        ];
        let _ = writeln!(out, "{}", text("quarantine-line", &args));
        let _ = writeln!(out, "  {}", text(&format!("quarantine-{}", string(&piece["reason"])), &[]));
        let how = text(&format!("quarantine-came-{}", string(&piece["how"])), &[("from", from)]);
        let came = piece["came_ms"].as_u64().map(|at_ms| local::time(at_ms) + ", ").unwrap_or_default();
        let _ = writeln!(out, "  {came}{how}");
        if let Some(at_ms) = piece["adopted_ms"].as_u64() {
            let _ = writeln!(out, "  {}", text("quarantine-taken-in", &[("time", local::time(at_ms))]));
        }
    }
    if out.is_empty() {
        let _ = writeln!(out, "{}", text("quarantine-none", &[]));
    } else {
        let _ = writeln!(out, "{}", text("quarantine-next", &[]));
    }
    if result["dropped"] != 0 {
        let _ = writeln!(out, "{}", text("quarantine-dropped", &[("n", count(&result["dropped"]))]));
    }
    out + &forks_in_words(&result["forks"])
}

/// Devices that went back in time, by name.
pub fn forks_in_words(forks: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or_default().to_string();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    for fork in forks.as_array().into_iter().flatten() {
        let site = fork["site"].as_str().map_or_else(|| text("explain-unknown-site", &[]), str::to_owned);
        let found = fork["found_ms"].as_u64().map_or_else(|| text("time-never", &[]), local::time);
        let args = [
            ("site", site),
            ("device", string(&fork["device"]).chars().take(16).collect()),
            ("lane", text(&format!("lane-{}", string(&fork["lane"])), &[])),
            ("seq", count(&fork["seq"])),
            ("time", found),
        ];
        let _ = writeln!(out, "  {}", text("fork-line", &args));
        let by = fork["carried_by"].as_array().into_iter().flatten();
        let by: Vec<_> = by.map(|by| format!("{} ({})", string(&by[0]), count(&by[1]))).collect();
        let carried = [("n", count(&fork["carried_entries"])), ("sites", by.join(", "))];
        let id = if by.is_empty() { "fork-carried-none" } else { "fork-carried" };
        let _ = writeln!(out, "    {}", text(id, &carried));
        let id = if fork["replaced"] == true { "fork-replaced" } else { "fork-not-replaced" };
        let _ = writeln!(out, "    {}", text(id, &[]));
    }
    out
}

/// What `sanad status` says of both.
pub fn status_in_words(status: &Value) -> String {
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let mut out = String::new();
    let waiting = count(&status["quarantine"]["waiting"]);
    if waiting > 0 {
        let _ = writeln!(out, "  {}", text("status-quarantine", &[("n", waiting.to_string())]));
        for (reason, n) in status["quarantine"]["by_reason"].as_object().into_iter().flatten() {
            let _ = writeln!(out, "    {:>6}  {}", count(n), text(&format!("quarantine-{reason}"), &[]));
        }
    }
    let dropped = count(&status["quarantine"]["dropped"]);
    if dropped > 0 {
        let _ = writeln!(out, "  {}", text("quarantine-dropped", &[("n", dropped.to_string())]));
    }
    out + &forks_in_words(&status["forks"])
}

/// The exit code and the message of what went wrong.
pub fn name(error: &AdoptError) -> Named {
    match error {
        AdoptError::NoSuchNumber => (EXIT_USAGE, "quarantine-no-such-number", vec![]),
        AdoptError::Already => (EXIT_REFUSED, "quarantine-already", vec![]),
        AdoptError::Held => (EXIT_REFUSED, "quarantine-held", vec![]),
        AdoptError::Sealed => (EXIT_REFUSED, "quarantine-sealed", vec![]),
        AdoptError::Broken => (EXIT_DAMAGED, "quarantine-broken", vec![]),
        AdoptError::Newer => (EXIT_REFUSED, "quarantine-newer", vec![]),
        AdoptError::NoRecord => (EXIT_DAMAGED, "quarantine-no-record", vec![]),
        AdoptError::Lost => (EXIT_DAMAGED, "quarantine-lost", vec![]),
        error => (EXIT_FAILED, "failed", vec![("why", error.to_string())]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sanad_store::Reason;

    #[test]
    fn every_reason_and_every_way_has_words_in_both_languages() {
        for arabic in [true, false] {
            let reasons =
                Reason::ALL.map(Reason::name).into_iter().chain(["came-session", "came-carrier", "came-here"]);
            for id in reasons.map(|name| format!("quarantine-{name}")) {
                assert_ne!(say::text_in(arabic, &id, &[]), id);
            }
        }
    }

    #[test]
    fn forks_are_told_by_name_and_place() {
        let forks = json!([{
            "site": "Olive", "device": "ab".repeat(32), "lane": "clinical", "seq": 7, "found_ms": 1_519_989_600_000u64,
            "found_by": "Haven", "replaced": true, "carried_entries": 3, "carried_by": [["Haven", 2], ["Cedar", 1]],
        }]);
        let said = forks_in_words(&forks);
        for part in ["Olive", "clinical", "Haven (2), Cedar (1)", "3 entries", "new device"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

//! `sanad bundle write`, `sanad bundle read`, `sanad pin`, and what a served site says of the sticks it watches.

use super::operate::Progress;
use crate::say::{self, EXIT_DAMAGED, EXIT_FAILED};
use anyhow::Result;
use sanad_node::bundle::{ReadReport, ReceiptTo, WatchEvent, WriteOptions};
use sanad_node::site::Site;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Writes a bundle.
pub async fn write(
    site: &Site,
    out: &Path,
    max_bytes: u64,
    to: Option<&str>,
    progress: Progress<'_>,
) -> Result<(u8, Value)> {
    let to = match to {
        Some(name) => Some(site.site_named(name).await?),
        None => None,
    };
    let options = WriteOptions { max_bytes, site: to };
    let report = site.write_bundle(out, options, &|done, of| progress("bundle", done, Some(of))).await?;
    Ok((0, serde_json::to_value(report)?))
}

/// Reads a bundle. The exit code tells damage, and a receipt that could not be written.
pub async fn read(site: &Site, file: &Path, receipt: Option<PathBuf>, progress: Progress<'_>) -> Result<(u8, Value)> {
    let receipt = receipt.map_or(ReceiptTo::Beside, ReceiptTo::At);
    let report = site.read_bundle(file, &receipt, &|done, of| progress("bundle", done, Some(of))).await?;
    Ok((code_of(&report), serde_json::to_value(report)?))
}

/// A bundle that merely stopped early is in order: that is what it is for.
pub(super) fn code_of(report: &ReadReport) -> u8 {
    if report.receipt_problem.is_some() || report.read_problem.is_some() {
        EXIT_FAILED
    } else if !report.damaged.is_empty() || report.refused > 0 {
        EXIT_DAMAGED
    } else {
        0
    }
}

/// Pins a patient or takes the pin off, if one is named; lists who is pinned.
pub async fn pin(site: &Site, patient: Option<&str>, on: bool) -> Result<(u8, Value)> {
    if let Some(patient) = patient {
        site.pin(patient, on).await?;
    }
    Ok((0, json!({ "pinned": site.pins().await? })))
}

fn line(out: &mut String, id: &str, args: &[(&str, String)]) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{}", say::text(id, args));
}

/// A number or a text of a report, as it is shown.
fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// For people.
pub fn written_in_words(report: &Value) -> String {
    let mut out = String::new();
    let args = ["file", "bytes", "entries", "holds"].map(|name| (name, shown(&report[name])));
    line(&mut out, "bundle-written", &args);
    if report["left"] != 0 {
        line(&mut out, "bundle-left", &[("left", shown(&report["left"]))]);
    }
    line(&mut out, "bundle-courier", &[]);
    out
}

/// For people.
pub fn read_in_words(report: &Value) -> String {
    let mut out = String::new();
    let from = report["from"].as_str().map_or_else(|| say::text("bundle-from-unknown", &[]), str::to_owned);
    let mut args = vec![("from", from)];
    args.extend(["new", "known", "receipts"].map(|name| (name, shown(&report[name]))));
    line(&mut out, "bundle-read", &args);
    for (member, id) in [("waiting", "bundle-waiting"), ("refused", "bundle-refused")] {
        if report[member] != 0 {
            line(&mut out, id, &[(member, shown(&report[member]))]);
        }
    }
    let damaged = report["damaged"].as_array().map(Vec::as_slice).unwrap_or_default();
    if damaged.is_empty() {
        if report["whole"] == false && report["read_problem"].is_null() {
            line(&mut out, "bundle-torn", &[]);
        }
    } else {
        let places = damaged.iter().map(shown).collect::<Vec<_>>().join(", ");
        line(&mut out, "bundle-damaged", &[("count", damaged.len().to_string()), ("places", places)]);
    }
    if report["not_understood"] != 0 {
        line(&mut out, "bundle-not-understood", &[("count", shown(&report["not_understood"]))]);
    }
    for (member, id) in [("read_problem", "bundle-read-problem"), ("receipt_problem", "bundle-receipt-problem")] {
        if let Some(why) = report[member].as_str() {
            line(&mut out, id, &[("why", why.to_owned())]);
        }
    }
    if let Some(file) = report["receipt"].as_str() {
        line(&mut out, "bundle-receipt", &[("file", file.to_owned())]);
    }
    out
}

/// For people.
pub fn pins_in_words(report: &Value) -> String {
    let pinned: Vec<_> = report["pinned"].as_array().into_iter().flatten().map(shown).collect();
    if pinned.is_empty() { say::text("pins-none", &[]) } else { pinned.join("\n") }
}

fn words_of(report: &impl serde::Serialize, in_words: fn(&Value) -> String) -> String {
    in_words(&serde_json::to_value(report).unwrap_or_default()).trim_end().replace('\n', " ")
}

/// What happened in a watched folder, on standard error.
pub fn say_of_watch(event: &WatchEvent) {
    let (id, file, words) = match event {
        WatchEvent::Read(file, report) => ("watch-read", file, words_of(report, read_in_words)),
        WatchEvent::Wrote(report) => {
            eprintln!("{}", words_of(report, written_in_words));
            return;
        }
        WatchEvent::Trouble(file, error) => {
            let (_, id, args) = say::name_bundle(error);
            ("watch-trouble", file, say::text(id, &args))
        }
    };
    eprintln!("{}", say::text(id, &[("file", file.display().to_string()), ("words", words)]));
}

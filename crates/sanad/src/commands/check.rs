//! `sanad check`: what is damaged, what is safe, and what to do next.

use super::operate::Progress;
use crate::say::{EXIT_DAMAGED, text};
use anyhow::Result;
use sanad_log::ids::{DeviceId, LogId, Seq};
use sanad_node::site::Site;
use sanad_store::Damage;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Places named in words; the JSON has a thousand, and the count is of all.
const NAMED_MAX: usize = 20;

/// Call signs by device.
type Names = BTreeMap<DeviceId, String>;

/// Checks a site. Exit code 4 if anything is damaged, or was and has not come back.
pub async fn run(site: &Site, rebuild: bool, progress: Progress<'_>) -> Result<(u8, Value)> {
    progress("check", 0, None);
    let report = site.check(rebuild).await?;
    let code = if report.is_sound() { 0 } else { EXIT_DAMAGED };
    let names = site.with_directory(|directory| {
        let facility = |device| directory.facilities().get(directory.devices().get(device)?);
        let devices = directory.devices().keys();
        devices.filter_map(|device| Some((*device, facility(device)?.call_sign.clone()))).collect::<Names>()
    });
    let names = names.await?;
    let damaged: Vec<_> = report.damaged.iter().map(|damage| damage_in_json(damage, &names)).collect();
    // Of a disk that lost nearly everything, the JSON need not name every entry either.
    let lost: Vec<_> = report.lost.places.iter().take(1_000).map(|(log, seq)| place(*log, *seq, &names)).collect();
    let digest =
        report.projection_digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let repaired = report.repaired.map(|repaired| {
        let file = repaired.kept_as.file_name().map(|name| name.to_string_lossy().into_owned());
        json!({ "entries": repaired.entries, "damaged_file": file })
    });
    let result = json!({
        "entries": report.entries,
        "damages": report.damages,
        "damaged": damaged,
        "lost_entries": report.lost.places.len(),
        "lost": lost,
        "lost_unnamed": report.lost.unnamed,
        "repaired": repaired,
        "projections_equal": report.projections_equal,
        "projection_digest": digest,
    });
    Ok((code, result))
}

fn damage_in_json(damage: &Damage, names: &Names) -> Value {
    let (what, place) = match damage {
        Damage::Pages(count) => return json!({ "what": "pages", "count": count }),
        Damage::Structure(count) => return json!({ "what": "structure", "count": count }),
        Damage::Body(log, seq) => ("body", place(*log, *seq, names)),
        Damage::Chain(log, seq) => ("chain", place(*log, *seq, names)),
        Damage::Signature(log, seq) => ("signature", place(*log, *seq, names)),
    };
    let mut named = place;
    named["what"] = what.into();
    named
}

/// An entry by its place; a device that is not known here has no name.
fn place(log: LogId, seq: Seq, names: &Names) -> Value {
    json!({ "site": names.get(&log.author), "author": log.author.to_string(), "lane": log.lane.name(), "seq": seq })
}

/// The result for people, in the language of the one who asks.
pub fn in_words(result: &Value) -> String {
    let number = |name: &str| result[name].as_u64().unwrap_or_default();
    let mut lines = vec![text("check-entries", &[("n", number("entries").to_string())])];
    let (damaged, lost) = (list(&result["damaged"]), list(&result["lost"]));
    lines.extend(damaged.iter().take(NAMED_MAX).map(damage_in_words));
    push_more(&mut lines, number("damages"), damaged.len().min(NAMED_MAX));
    let repaired = &result["repaired"];
    if repaired.is_object() {
        let entries = repaired["entries"].as_u64().unwrap_or_default().to_string();
        let file = repaired["damaged_file"].as_str().unwrap_or_default().to_owned();
        lines.push(text("check-repaired", &[("n", entries), ("file", file)]));
    }
    if number("lost_entries") > 0 {
        lines.push(text("check-lost", &[("n", number("lost_entries").to_string())]));
        lines.extend(lost.iter().take(NAMED_MAX).map(|place| format!("  {}", place_in_words("check-place", place))));
        push_more(&mut lines, number("lost_entries"), lost.len().min(NAMED_MAX));
    }
    match result["projections_equal"].as_bool() {
        Some(true) => lines.push(text("check-equal", &[])),
        Some(false) => lines.push(text("check-different", &[])),
        None => {}
    }
    let unnamed = result["lost_unnamed"] == true;
    if unnamed {
        lines.push(text("check-lost-unnamed", &[]));
    }
    if damaged.is_empty() && lost.is_empty() && !unnamed {
        lines.push(text("check-sound", &[]));
    } else {
        lines.push(text("check-safe", &[]));
    }
    if !damaged.is_empty() && !repaired.is_object() {
        lines.push(text("check-next-rebuild", &[]));
    }
    if !lost.is_empty() || unnamed {
        lines.push(text("check-next-sync", &[]));
    }
    lines.join("\n")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn push_more(lines: &mut Vec<String>, all: u64, named: usize) {
    let more = all.saturating_sub(named as u64);
    if more > 0 {
        lines.push(format!("  {}", text("check-more", &[("n", more.to_string())])));
    }
}

fn damage_in_words(damage: &Value) -> String {
    let count = || vec![("n", damage["count"].as_u64().unwrap_or_default().to_string())];
    let said = match damage["what"].as_str() {
        Some("pages") => text("check-pages", &count()),
        Some("body") => place_in_words("check-body", damage),
        Some("chain") => place_in_words("check-chain", damage),
        Some("signature") => place_in_words("check-signature", damage),
        _ => text("check-structure", &[]),
    };
    format!("  {said}")
}

fn place_in_words(message: &str, place: &Value) -> String {
    let word = |name: &str| place[name].as_str().unwrap_or_default().to_owned();
    let author = word("author").chars().take(8).collect::<String>();
    let site = place["site"].as_str().map_or(author, str::to_owned);
    let lane = text(&format!("lane-{}", word("lane")), &[]);
    text(message, &[("seq", place["seq"].to_string()), ("lane", lane), ("site", site)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use sanad_log::ids::Lane;

    #[test]
    fn damage_is_told_in_plain_words_with_what_to_do_next() {
        let log = LogId { lane: Lane::Urgent, author: DeviceId([7; 32]) };
        let names = Names::from([(log.author, "Cedar".to_owned())]);
        let damaged = [Damage::Pages(2), Damage::Structure(1), Damage::Body(log, 41), Damage::Chain(log, 42)];
        let damaged: Vec<_> = damaged.iter().map(|damage| damage_in_json(damage, &names)).collect();
        let stranger = place(LogId { author: DeviceId([8; 32]), ..log }, 9, &names);
        let mut result = json!({
            "entries": 50, "damages": 30, "damaged": damaged, "lost_entries": 2, "lost": [damaged[2], stranger],
            "lost_unnamed": false, "repaired": null, "projections_equal": null,
        });
        let said = in_words(&result);
        for part in ["50 ", "41", "Cedar", "08080808", "check DIR --rebuild", "sanad sync", "26 more"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("Body") && !said.contains('{') && !said.contains("check-"), "{said}");
        result["repaired"] = json!({ "entries": 48, "damaged_file": "store.db.damaged" });
        let said = in_words(&result);
        assert!(said.contains("store.db.damaged") && !said.contains("--rebuild"), "{said}");
    }
}

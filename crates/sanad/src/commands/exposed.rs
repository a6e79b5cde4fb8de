//! `sanad status`, `sanad policy` and `sanad explain`: what is where, and why it is not elsewhere, in words. The words are
//! made from the JSON, in the language of whoever asked, wherever the command was carried out.

use super::quarantine;
use crate::local;
use crate::say::{Trouble, text};
use anyhow::Result;
use sanad_node::explain::{Asked, ExplainError};
use sanad_node::site::{Site, SiteError};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// Lanes in the order in which they travel, as in JSON.
const LANES: [&str; 4] = ["control", "urgent", "clinical", "bulk"];

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> String {
    number(value).to_string()
}

fn time(value: &Value) -> String {
    value.as_u64().map_or_else(|| text("time-never", &[]), local::time)
}

/// `sanad policy`: shows it, or sets what is given.
pub async fn policy(site: &Site, copies: Option<u32>, outside: Option<bool>) -> Result<(u8, Value)> {
    let status = if copies.is_none() && outside.is_none() {
        site.policy().await?
    } else {
        site.set_policy(copies, outside).await.map_err(|error| match error {
            SiteError::NoAuthority => anyhow::Error::from(Trouble::PolicyNoAuthority),
            error => error.into(),
        })?
    };
    let mut value = serde_json::to_value(status)?;
    value["holds_authority"] = json!(site.holds_authority());
    Ok((0, value))
}

/// `sanad explain`.
pub async fn explain(site: &Site, what: &str) -> Result<(u8, Value)> {
    let said = async { site.explain(&Asked::read(what)?).await }.await.map_err(|error| match error {
        ExplainError::Site(error) => anyhow::Error::from(error),
        ExplainError::NotUnderstood => Trouble::ExplainNotUnderstood(what.to_owned()).into(),
        ExplainError::NotFound => Trouble::ExplainNotFound(what.to_owned()).into(),
        ExplainError::Ambiguous => Trouble::ExplainAmbiguous(what.to_owned()).into(),
        error => error.into(),
    })?;
    Ok((0, serde_json::to_value(said)?))
}

/// The policy for people.
pub fn policy_in_words(policy: &Value) -> String {
    let wants = if policy["outside"] == true { "policy-wants-outside" } else { "policy-wants" };
    let mut out = format!("{}\n", text(wants, &[("copies", count(&policy["copies"]))]));
    let set = match number(&policy["version"]) {
        0 => text("policy-default", &[]),
        version => text("policy-version", &[("version", version.to_string())]),
    };
    let _ = writeln!(out, "{set}");
    if policy["can_be_met"] == false {
        let args = [("sites", count(&policy["sites"])), ("havens", count(&policy["havens"]))];
        let _ = writeln!(out, "{}", text("policy-cannot", &args));
    }
    out
}

/// What a keeper holds of how much, and what it still takes.
fn keeper_in_words(keeper: &Value) -> String {
    let Some(held) = keeper["held_bytes"].as_u64() else { return String::new() };
    let quota = keeper["quota_bytes"].as_u64().map_or_else(|| text("keeper-no-quota", &[]), |quota| quota.to_string());
    let takes = keeper["takes"].as_str().unwrap_or_default().replace(' ', "-");
    let takes = text(&format!("keeper-takes-{takes}"), &[]);
    text("keeper-holds", &[("held", held.to_string()), ("quota", quota), ("takes", takes)]) + "\n"
}

/// What cannot be read any more.
fn lost_in_words(lost: &Value) -> String {
    let mut out = String::new();
    if number(&lost["entries"]) > 0 {
        let _ = writeln!(out, "  {}", text("status-lost", &[("n", number(&lost["entries"]).to_string())]));
    }
    if lost["unnamed"] == true {
        let _ = writeln!(out, "  {}", text("status-lost-unnamed", &[]));
    }
    out
}

/// Enclave, haven or keeper.
fn kind_in_words(kind: &Value) -> String {
    text(&format!("kind-{}", string(kind)), &[])
}

/// The two gauges, by lane, and the other sites.
pub fn status_in_words(status: &Value) -> String {
    let mut out = String::new();
    let args = [
        ("site", string(&status["site"])),
        ("kind", kind_in_words(&status["kind"])),
        ("network", string(&status["network"])),
    ];
    let _ = writeln!(out, "{}", text("status-site", &args));
    out.push_str(&keeper_in_words(&status["keeper"]));
    let records = text("status-records", &[]);
    for (name, id) in [("only_here", "status-only-here"), ("not_yet_safe", "status-not-yet-safe")] {
        let _ = writeln!(out, "  {:<16} {:>8} {records}", text(id, &[]), number(&status[name]["records"]));
    }
    let charts = text("status-charts", &[]);
    let readable = text("status-readable-here", &[]);
    let _ = writeln!(out, "  {readable:<16} {:>8} {charts}", number(&status["readable_here"]["charts"]));
    if number(&status["not_yet_safe"]["entries"]) > 0 {
        let _ = writeln!(out, "\n{}", by_lane_in_words(status));
    }
    out.push_str(&lost_in_words(&status["lost"]));
    out.push_str(&quarantine::status_in_words(status));
    if status["policy"]["can_be_met"] == false {
        out.push_str(&policy_in_words(&status["policy"]));
    }
    for site in status["sites"].as_array().into_iter().flatten() {
        let heard = match site["confirmed_ms"].as_u64() {
            Some(at_ms) => text("status-confirmed", &[("time", local::time(at_ms))]),
            None => text("status-never", &[]),
        };
        let behind = text("status-behind", &[]);
        let _ = writeln!(
            out,
            "  {:<16} {:<8} {heard}, {} {records} {behind}",
            string(&site["site"]),
            kind_in_words(&site["kind"]),
            number(&site["behind"]["records"])
        );
        if site["kind"] == "keeper" {
            let _ = writeln!(out, "  {:<25} {}", "", text("keeper-cannot-read", &[]));
        }
        if site["budget"]["used_up"] == true {
            let _ = writeln!(out, "  {:<25} {}", "", text("status-budget-used-up", &[]));
        }
        if let Some(failing) = failing_in_words(&site["failing"]) {
            let _ = writeln!(out, "  {:<25} {failing}", "");
        }
    }
    for turned in status["turned_away"].as_array().into_iter().flatten() {
        let why = text(&format!("turned-{}", string(&turned["why"])), &[]);
        let _ = writeln!(out, "  {}", text("turned-away", &[("count", turned["count"].to_string()), ("why", why)]));
    }
    out
}

/// Lane by lane: entries that are only here, and that are not yet safe.
fn by_lane_in_words(status: &Value) -> String {
    let mut out = format!(
        "  {:>12} {:>14}   ({})\n",
        text("status-only-here", &[]),
        text("status-not-yet-safe", &[]),
        text("status-entries", &[])
    );
    for lane in LANES {
        let of = |name: &str| number(&status[name]["by_lane"][lane]["entries"]);
        let name = text(&format!("status-lane-{lane}"), &[]);
        let _ = writeln!(out, "  {:>12} {:>14}   {name}", of("only_here"), of("not_yet_safe"));
    }
    out
}

fn failing_in_words(failing: &Value) -> Option<String> {
    failing.as_object()?;
    let why = text(&format!("why-{}", string(&failing["why"])), &[]);
    let args = [
        ("time", time(&failing["since_ms"])),
        ("last", time(&failing["last_ms"])),
        ("tries", count(&failing["tries"])),
        ("why", why),
    ];
    let mut out = text("place-failing", &args);
    if number(&failing["entries_sent"]) > 0 {
        let _ = write!(out, "; {}", text("place-sent-unconfirmed", &[("entries", count(&failing["entries_sent"]))]));
    }
    Some(out)
}

/// Where it is, and why it is not elsewhere.
pub fn explain_in_words(said: &Value) -> String {
    let (subject, here) = (&said["subject"], &said["here"]);
    let mut out = match subject["kind"].as_str() {
        Some("patient") => {
            let args = [
                ("id", string(&subject["id"])),
                ("entries", count(&here["entries"])),
                ("records", count(&here["records"])),
            ];
            text("explain-patient", &args)
        }
        _ => {
            let by = subject["by"].as_str().map_or_else(|| text("explain-unknown-site", &[]), str::to_owned);
            let args = [
                ("id", string(&subject["id"])),
                ("by", by),
                ("lane", text(&format!("status-lane-{}", string(&subject["lane"])), &[])),
                ("seq", count(&subject["seq"])),
                ("time", time(&subject["written_ms"])),
            ];
            text("explain-entry", &args)
        }
    };
    let held = if said["readable_here"] == true { "explain-here-readable" } else { "explain-here-sealed" };
    let _ = writeln!(out, "\n  {}: {}", string(&said["site"]), text(held, &[]));
    for (name, id) in [("only_here", "explain-only-here"), ("not_yet_safe", "explain-not-yet-safe")] {
        let args = [("records", count(&said[name]["records"])), ("entries", count(&said[name]["entries"]))];
        let _ = writeln!(out, "  {}", text(id, &args));
    }
    if said["policy"]["can_be_met"] == false {
        for line in policy_in_words(&said["policy"]).lines() {
            let _ = writeln!(out, "  {line}");
        }
    }
    let sites = said["sites"].as_array();
    if sites.is_none_or(Vec::is_empty) {
        let _ = writeln!(out, "{}", text("explain-alone", &[]));
    }
    for site in sites.into_iter().flatten() {
        let _ = writeln!(out, "{} ({})", string(&site["site"]), kind_in_words(&site["kind"]));
        for reason in reasons(site) {
            let _ = writeln!(out, "  {reason}");
        }
    }
    out
}

/// How it stands at one site: one sentence a line.
fn reasons(site: &Value) -> Vec<String> {
    let came = || ("time", time(&site["receipt_ms"]));
    let mut out = vec![match site["standing"].as_str() {
        Some("confirmed") => text("place-confirmed-at", &[came()]),
        Some("partly") => {
            let (confirmed, missing) = (number(&site["confirmed_entries"]), number(&site["missing_entries"]));
            let counts = [("confirmed", confirmed.to_string()), ("all", (confirmed + missing).to_string()), came()];
            text("place-partly", &counts)
        }
        Some("not-yet") => text("place-not-yet", &[came()]),
        _ => text("place-never-heard", &[]),
    }];
    if let Some(by) = site["told_by"].as_str() {
        out.push(text("place-told-by", &[("site", by.to_owned())]));
    }
    match site["talked_ms"].as_u64() {
        Some(at_ms) => out.push(text("place-talked", &[("time", local::time(at_ms))])),
        None if !site["receipt_ms"].is_null() => out.push(text("place-only-through", &[])),
        None => {}
    }
    out.extend(failing_in_words(&site["failing"]));
    for left in site["under_way"].as_array().into_iter().flatten() {
        let args = [("entries", count(&left["entries"])), ("time", time(&left["left_ms"]))];
        out.push(text("place-under-way", &args));
    }
    out.push(match site["reads"].as_str() {
        Some("readable") => text("place-readable", &[]),
        Some("partly") => text("place-partly-readable", &[]),
        _ => text("place-sealed", &[]),
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use sanad_node::talk::WHYS;

    #[test]
    fn every_reason_and_lane_has_words() {
        for id in WHYS
            .map(|why| format!("why-{why}"))
            .into_iter()
            .chain(LANES.map(|lane| format!("status-lane-{lane}")))
            .chain(["enclave", "haven", "keeper"].map(|kind| format!("kind-{kind}")))
        {
            assert_ne!(text(&id, &[]), id);
        }
    }

    #[test]
    fn what_is_under_way_and_what_failed_is_said() {
        let site = json!({
            "standing": "partly", "confirmed_entries": 3, "missing_entries": 2, "receipt_ms": 1_519_989_600_000u64,
            "told_by": "Olive", "talked_ms": null, "reads": "sealed", "under_way": [{"left_ms": 0, "entries": 2}],
            "failing": {"since_ms": 0, "last_ms": 60_000, "tries": 4, "why": "broken-off", "entries_sent": 9},
        });
        let said = reasons(&site).join("\n");
        for part in [
            "3 of 5 entries",
            "2018-03-02 11:20 UTC",
            "brought by Olive",
            "through others alone",
            "4 tries",
            "the link broke",
            "9 entries had been sent",
            "2 entries have left with a carrier",
            "sealed to it",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

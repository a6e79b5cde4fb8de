//! `sanad check`.

use super::operate::Progress;
use crate::say::EXIT_DAMAGED;
use anyhow::Result;
use sanad_node::site::Site;
use serde_json::{Value, json};

/// Checks a site. Exit code 4 if anything is damaged.
pub async fn run(site: &Site, rebuild: bool, progress: Progress<'_>) -> Result<(u8, Value)> {
    progress("check", 0, None);
    let report = site.check(rebuild).await?;
    let code = if report.is_sound() { 0 } else { EXIT_DAMAGED };
    let damaged: Vec<_> = report.damaged.iter().map(|damage| format!("{damage:?}")).collect();
    let digest =
        report.projection_digest.map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let result = json!({
        "entries": report.entries,
        "damages": report.damages,
        "damaged": damaged,
        "projections_equal": report.projections_equal,
        "projection_digest": digest,
    });
    Ok((code, result))
}

/// The result for people.
pub fn in_words(result: &Value) -> String {
    let mut out = format!("{} entries checked\n", result["entries"].as_u64().unwrap_or_default());
    for damaged in result["damaged"].as_array().into_iter().flatten() {
        out.push_str(&format!("  damaged: {}\n", damaged.as_str().unwrap_or(&damaged.to_string())));
    }
    match result["projections_equal"].as_bool() {
        Some(true) => out.push_str("projections made anew: equal\n"),
        Some(false) => out.push_str("projections made anew: DIFFERENT; the new ones are in use\n"),
        None => {}
    }
    out
}

//! Commands on an existing site. They run in this process if the folder is free, else in the process that serves it.

use super::{WRONG_PASSPHRASE_DELAY, check, link};
use crate::progress::bar;
use crate::remote;
use crate::say::{self, EXIT_FAILED, Trouble};
use anyhow::Result;
use sanad_log::control::SiteKind;
use sanad_node::import::files_of;
use sanad_node::site::{Site, SiteError};
use sanad_store::StoreError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A command on an existing site.
#[derive(Serialize, Deserialize)]
pub enum Operation {
    /// Make an invite.
    Invite {
        /// For a haven.
        haven: bool,
        /// Addresses of this site, if it has not announced any.
        addresses: Vec<String>,
    },
    /// Import files.
    Import {
        /// Absolute paths.
        files: Vec<PathBuf>,
        /// Call sign.
        by: Option<String>,
    },
    /// Export.
    Export {
        /// Absolute path.
        out: PathBuf,
    },
    /// Gauges.
    Status,
    /// Sessions now.
    Sync {
        /// One address only.
        with: Option<String>,
    },
    /// A tiny link.
    Link(link::Linking),
    /// Bytes a day.
    Budget {
        /// Call sign; all sites if none.
        site: Option<String>,
        /// What to do with it.
        change: link::Change,
    },
    /// Check.
    Check {
        /// And rebuild.
        rebuild: bool,
    },
}

/// Hears how far an operation has come: what, done, of how many.
pub type Progress<'a> = &'a (dyn Fn(&str, u64, Option<u64>) + Sync);

/// Runs an operation here, or, if another process serves the folder, there.
pub async fn here_or_there(dir: &Path, passphrase: &str, operation: &Operation) -> Result<(u8, Value)> {
    let shown = std::sync::Mutex::new(None);
    let progress = |what: &str, done: u64, of: Option<u64>| {
        let mut shown = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        shown.get_or_insert_with(|| bar(of, what)).set_position(done);
    };
    let result = match Site::open(dir, passphrase, WRONG_PASSPHRASE_DELAY) {
        Ok(site) => {
            let result = run(&site, operation, &progress).await;
            site.close().await;
            result
        }
        Err(SiteError::Store(StoreError::InUse)) => remote::ask(dir, passphrase, operation, &progress).await,
        Err(error) => Err(error.into()),
    };
    if let Some(bar) = shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
        bar.finish_and_clear();
    }
    result
}

/// Runs an operation on an open site. Returns the exit code and the result.
pub async fn run(site: &Site, operation: &Operation, progress: Progress<'_>) -> Result<(u8, Value)> {
    match operation {
        Operation::Invite { haven, addresses } => {
            let kind = if *haven { SiteKind::Haven } else { SiteKind::Enclave };
            let invite = site.invite(kind, addresses.clone()).await?;
            Ok((0, json!({ "invite": invite.to_string() })))
        }
        Operation::Import { files, by } => {
            let files = files_of(files);
            let of = files.len() as u64;
            let report = site.import(&files, by.clone(), |done| progress("import", done, Some(of))).await?;
            let code = if report.problems.is_empty() { 0 } else { EXIT_FAILED };
            Ok((code, serde_json::to_value(report)?))
        }
        Operation::Export { out } => {
            let (site, out) = (site.clone(), out.clone());
            let of = site.reader().counts()?.resources;
            let report = tokio::task::block_in_place(|| site.export(&out, |done| progress("export", done, Some(of))))?;
            Ok((0, serde_json::to_value(report)?))
        }
        Operation::Status => Ok((0, serde_json::to_value(site.status().await?)?)),
        Operation::Sync { with } => sync(site, with.as_deref(), progress).await,
        Operation::Link(linking) => link::run(site, linking, progress).await,
        Operation::Budget { site: with, change } => link::run_budget(site, with.as_deref(), *change).await,
        Operation::Check { rebuild } => check::run(site, *rebuild, progress).await,
    }
}

async fn sync(site: &Site, with: Option<&str>, progress: Progress<'_>) -> Result<(u8, Value)> {
    let peers = site.peers().await?;
    let wanted = |peer: &&sanad_node::sync::PeerAddress| match with {
        Some(url) => url.parse().is_ok_and(|url| peer.target.addresses.contains(&url)),
        None => true,
    };
    let peers: Vec<_> = peers.values().filter(wanted).collect();
    if let (Some(url), true) = (with, peers.is_empty()) {
        return Err(Trouble::UnknownAddress(url.to_owned()).into());
    }
    let mut sessions = Vec::new();
    let mut complete = 0;
    for (done, peer) in peers.iter().enumerate() {
        progress("sync", done as u64, Some(peers.len() as u64));
        let mut session = match site.sync_with(peer).await {
            Ok(report) => {
                complete += u64::from(report.complete);
                let mut value = serde_json::to_value(&report)?;
                value["end"] = format!("{:?}", report.end).into();
                value
            }
            Err(error) => json!({ "complete": false, "error": error.to_string() }),
        };
        session["site"] = peer.call_sign.clone().into();
        sessions.push(session);
    }
    let code = if complete == peers.len() as u64 { 0 } else { EXIT_FAILED };
    Ok((code, json!({ "sessions": sessions, "complete": complete })))
}

/// The result for people.
pub fn in_words(operation: &Operation, result: &Value) -> String {
    let mut out = String::new();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    // Writing to a string cannot fail.
    let _ = match operation {
        Operation::Invite { .. } => write!(out, "{}", invite_in_words(result["invite"].as_str().unwrap_or_default())),
        Operation::Import { .. } => {
            let saved = write!(
                out,
                "{} files, {} resources: {} saved, {} unchanged\n{}",
                number(&result["files"]),
                number(&result["resources"]),
                number(&result["saved"]),
                number(&result["unchanged"]),
                problems_in_words(&result["problems"]),
            );
            saved
        }
        Operation::Export { .. } => {
            let (resources, bytes) = (number(&result["resources"]), number(&result["bytes"]));
            write!(out, "{resources} resources, {bytes} bytes. {}", say::text("export-warning", &[]))
        }
        Operation::Status => write!(out, "{}", status_in_words(result)),
        Operation::Sync { .. } => write!(out, "{}", sessions_in_words(&result["sessions"])),
        Operation::Link(_) => write!(out, "{}", link::in_words(result)),
        Operation::Budget { .. } => write!(out, "{}", link::budgets_in_words(result)),
        Operation::Check { .. } => write!(out, "{}", check::in_words(result)),
    };
    out
}

fn invite_in_words(code: &str) -> String {
    let picture = sanad_node::invite::qr_for_terminal(code).unwrap_or_default();
    format!("{picture}\n{code}\n")
}

fn problems_in_words(problems: &Value) -> String {
    let mut out = String::new();
    for problem in problems.as_array().into_iter().flatten() {
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(out, "  {}: {}", text("file"), text("what"));
    }
    out
}

fn status_in_words(status: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    let _ =
        writeln!(out, "{} ({}), network {}", text(&status["site"]), text(&status["kind"]), text(&status["network"]));
    let _ = writeln!(out, "  only here      {:>8} records", number(&status["only_here"]["records"]));
    let _ = writeln!(out, "  readable here  {:>8} charts", number(&status["readable_here"]["charts"]));
    for site in status["sites"].as_array().into_iter().flatten() {
        let behind = number(&site["behind"]["records"]);
        let heard = if site["confirmed_ms"].is_null() { "never heard" } else { "confirmed" };
        let limited = if site["budget"]["used_up"] == true { ", today's bytes are used up" } else { "" };
        let (name, kind) = (text(&site["site"]), text(&site["kind"]));
        let _ = writeln!(out, "  {name:<16} {kind:<8} {heard}, {behind} records behind{limited}");
    }
    out
}

fn sessions_in_words(sessions: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let mut out = String::new();
    for session in sessions.as_array().into_iter().flatten() {
        let name = session["site"].as_str().unwrap_or_default();
        let _ = match session["error"].as_str() {
            Some(error) => writeln!(out, "  {name}: {error}"),
            None => writeln!(
                out,
                "  {name}: {} sent, {} received, {} bytes out, {} bytes in, {} round trips, {:.2} s{}",
                number(&session["entries_sent"]),
                number(&session["entries_received"]),
                number(&session["bytes_sent"]),
                number(&session["bytes_received"]),
                number(&session["rounds"]),
                session["seconds"].as_f64().unwrap_or_default(),
                if session["complete"] == true { "" } else { " (not complete)" },
            ),
        };
    }
    if out.is_empty() { "no other site has an address yet\n".to_owned() } else { out }
}

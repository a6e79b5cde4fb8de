//! Commands on an existing site. They run in this process if the folder is free, else in the process that serves it.

use super::{WRONG_PASSPHRASE_DELAY, ask, bundle, check, exposed, link, people, quarantine, sms, token};
use crate::progress::bar;
use crate::remote;
use crate::say::{self, EXIT_DAMAGED, EXIT_FAILED, Trouble};
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
        /// For a keeper.
        #[serde(default)]
        keeper: bool,
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
    /// The network's policy: shown, or set where something is given.
    Policy {
        /// How many other sites must hold a record.
        copies: Option<u32>,
        /// Whether one of them must be a haven.
        outside: Option<bool>,
    },
    /// Where a record is, and why it is not elsewhere.
    Explain {
        /// As it was typed.
        what: String,
    },
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
    /// Asks, answers, grants.
    Ask(ask::Operation),
    /// What is kept apart.
    Quarantine(quarantine::Operation),
    /// Who may sign in.
    People(people::Operation),
    /// Tokens of the FHIR interface.
    Token(token::Operation),
    /// Check.
    Check {
        /// And rebuild.
        rebuild: bool,
    },
    /// Write a bundle.
    BundleWrite {
        /// Absolute path.
        out: PathBuf,
        /// Largest size.
        max_bytes: u64,
        /// Call sign of the reader.
        site: Option<String>,
    },
    /// Read a bundle.
    BundleRead {
        /// Absolute path.
        file: PathBuf,
        /// Absolute path.
        receipt: Option<PathBuf>,
    },
    /// Pin a patient, take the pin off, or list who is pinned.
    Pin {
        /// The patient.
        patient: Option<String>,
        /// Take the pin off.
        off: bool,
    },
    /// Lines of text for a site.
    SmsEncode {
        /// Call sign of the reader.
        site: String,
        /// Most lines.
        max_frames: usize,
    },
    /// Lines of text that came.
    SmsDecode {
        /// The lines.
        text: String,
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
        Operation::Invite { haven, keeper, addresses } => {
            let kind = match (*haven, *keeper) {
                (_, true) => SiteKind::Keeper,
                (true, _) => SiteKind::Haven,
                _ => SiteKind::Enclave,
            };
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
            let of = site.reader().counts().ok().map(|counts| counts.resources);
            let report = tokio::task::block_in_place(|| site.export(&out, |done| progress("export", done, of)))?;
            let code = if report.is_complete() { 0 } else { EXIT_DAMAGED };
            Ok((code, serde_json::to_value(report)?))
        }
        Operation::Status => Ok((0, serde_json::to_value(site.status().await?)?)),
        Operation::Policy { copies, outside } => exposed::policy(site, *copies, *outside).await,
        Operation::Explain { what } => exposed::explain(site, what).await,
        Operation::Sync { with } => sync(site, with.as_deref(), progress).await,
        Operation::Link(linking) => link::run(site, linking, progress).await,
        Operation::Budget { site: with, change } => link::run_budget(site, with.as_deref(), *change).await,
        Operation::Ask(operation) => ask::run(site, operation).await,
        Operation::Quarantine(operation) => quarantine::run(site, operation).await,
        Operation::People(operation) => people::run(site, operation).await,
        Operation::Token(operation) => token::run(site, operation).await,
        Operation::Check { rebuild } => check::run(site, *rebuild, progress).await,
        Operation::BundleWrite { out, max_bytes, site: to } => {
            bundle::write(site, out, *max_bytes, to.as_deref(), progress).await
        }
        Operation::BundleRead { file, receipt } => bundle::read(site, file, receipt.clone(), progress).await,
        Operation::Pin { patient, off } => bundle::pin(site, patient.as_deref(), !off).await,
        Operation::SmsEncode { site: to, max_frames } => sms::encode(site, to, *max_frames).await,
        Operation::SmsDecode { text } => sms::decode_here(site, text).await,
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
    // What came since the last command and is answered at once goes out with these sessions.
    site.answer_at_once().await?;
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
            write!(
                out,
                "{} files, {} resources: {} saved, {} unchanged\n{}{}",
                number(&result["files"]),
                number(&result["resources"]),
                number(&result["saved"]),
                number(&result["unchanged"]),
                problems_in_words(&result["problems"]),
                summaries_in_words(&result["summaries"]),
            )
        }
        Operation::Export { .. } => {
            let (resources, bytes) = (number(&result["resources"]), number(&result["bytes"]));
            let warning = say::text("export-warning", &[]);
            write!(out, "{resources} resources, {bytes} bytes. {warning}\n{}", missing_in_words(result))
        }
        Operation::Status => write!(out, "{}", exposed::status_in_words(result)),
        Operation::Policy { .. } => write!(out, "{}", exposed::policy_in_words(result)),
        Operation::Explain { .. } => write!(out, "{}", exposed::explain_in_words(result)),
        Operation::Sync { .. } => write!(out, "{}", sessions_in_words(&result["sessions"])),
        Operation::Link(_) => write!(out, "{}", link::in_words(result)),
        Operation::Budget { .. } => write!(out, "{}", link::budgets_in_words(result)),
        Operation::Ask(operation) => write!(out, "{}", ask::in_words(operation, result)),
        Operation::Quarantine(operation) => write!(out, "{}", quarantine::in_words(operation, result)),
        Operation::People(operation) => write!(out, "{}", people::in_words(operation, result)),
        Operation::Token(operation) => write!(out, "{}", token::in_words(operation, result)),
        Operation::Check { .. } => write!(out, "{}", check::in_words(result)),
        Operation::BundleWrite { .. } => write!(out, "{}", bundle::written_in_words(result)),
        Operation::BundleRead { .. } => write!(out, "{}", bundle::read_in_words(result)),
        Operation::Pin { .. } => write!(out, "{}", bundle::pins_in_words(result)),
        Operation::SmsEncode { .. } => write!(out, "{}", sms::lines_in_words(result)),
        Operation::SmsDecode { .. } => write!(out, "{}", sms::decoded_in_words(result)),
    };
    out
}

fn invite_in_words(code: &str) -> String {
    let picture = sanad_node::invite::qr_for_terminal(code).unwrap_or_default();
    format!("{picture}\n{code}\n")
}

/// What an export could not read.
fn missing_in_words(report: &Value) -> String {
    let missing = report["missing"].as_array().map_or(&[][..], Vec::as_slice);
    let unnamed = report["missing_unnamed"] == true;
    if missing.is_empty() && !unnamed {
        return String::new();
    }
    let mut lines = vec![say::text("export-missing", &[])];
    lines.extend(missing.iter().filter_map(Value::as_str).map(|key| format!("  {key}")));
    lines.extend(unnamed.then(|| say::text("export-missing-unnamed", &[])));
    lines.push(say::text("export-missing-next", &[]));
    lines.join("\n")
}

fn problems_in_words(problems: &Value) -> String {
    let mut out = String::new();
    for problem in problems.as_array().into_iter().flatten() {
        let text = |key: &str| problem[key].as_str().unwrap_or_default().to_owned();
        let _ = writeln!(out, "  {}: {}", text("file"), text("what"));
    }
    out
}

/// Of each summary, how much was understood, and of which sections not all.
fn summaries_in_words(summaries: &Value) -> String {
    let mut out = String::new();
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    for summary in summaries.as_array().into_iter().flatten() {
        let sections = summary["sections"].as_array().map_or(&[][..], Vec::as_slice);
        let sum = |key: &str| sections.iter().map(|section| number(&section[key])).sum::<u64>();
        let unknown = sections.iter().filter(|section| section["loinc"].is_null()).count();
        let text = say::text(
            "import-summary",
            &[
                ("file", summary["file"].as_str().unwrap_or_default().into()),
                ("sections", sections.len().to_string()),
                ("unknown", unknown.to_string()),
                ("entries", sum("entries").to_string()),
                ("understood", sum("understood").to_string()),
            ],
        );
        let _ = writeln!(out, "  {text}");
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

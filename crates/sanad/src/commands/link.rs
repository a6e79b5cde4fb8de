//! `sanad link` and `sanad budget`: tiny links, and how much may travel.

use crate::amount;
use crate::cli::{Lanes, Link};
use crate::say::{self, EXIT_FAILED, Trouble};
use anyhow::Result;
use sanad_log::ids::Lane;
use sanad_log::tiny::{BadMtu, MTU_MAX, MTU_MIN};
use sanad_node::link::{LinkError, LinkOptions, LinkSession};
use sanad_node::site::Site;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;
use tokio::sync::watch;

use super::operate::Progress;
use super::serve::TheEnd;

/// What a link is to do, as it goes to the process that serves the folder.
#[derive(Clone, Serialize, Deserialize)]
pub struct Linking {
    /// Absolute.
    path: PathBuf,
    mtu: usize,
    baud: u32,
    all_lanes: bool,
    with: Option<String>,
    once: bool,
}

impl Linking {
    /// From the command line.
    pub fn of(link: &Link) -> Result<Linking> {
        if !(MTU_MIN..=MTU_MAX).contains(&link.mtu) {
            return Err(Trouble::BadMtu(link.mtu).into());
        }
        Ok(Linking {
            path: std::path::absolute(&link.serial).unwrap_or_else(|_| link.serial.clone()),
            mtu: link.mtu,
            baud: link.baud,
            all_lanes: link.lanes == Lanes::All,
            with: link.with.clone(),
            once: link.once,
        })
    }
}

/// Runs it: one session, or until it is stopped.
pub async fn run(site: &Site, linking: &Linking, progress: Progress<'_>) -> Result<(u8, Value)> {
    let options = LinkOptions {
        path: linking.path.clone(),
        mtu: linking.mtu,
        baud: linking.baud,
        lanes: if linking.all_lanes { Lane::Bulk } else { Lane::Urgent },
        with: linking.with.clone(),
        once: linking.once,
    };
    let end = TheEnd::listen()?;
    let (ask_to_stop, stop) = watch::channel(false);
    let mut ended = 0;
    let heard = |_: &LinkSession| {
        ended += 1;
        progress("link", ended, None);
    };
    let stopping = async {
        end.comes().await;
        ask_to_stop.send_replace(true);
        std::future::pending::<()>().await;
    };
    let sessions = tokio::select! {
        sessions = site.link(&options, heard, stop) => sessions,
        () = stopping => unreachable!("it is pending for ever"),
    };
    let sessions = sessions.map_err(|error| match error {
        LinkError::Mtu(BadMtu(mtu)) => Trouble::BadMtu(mtu).into(),
        LinkError::Device(error) => {
            Trouble::Serial { device: linking.path.display().to_string(), why: error.to_string() }.into()
        }
        LinkError::NotReady => Trouble::NoKeysYet.into(),
        LinkError::Site(error) => anyhow::Error::from(error),
        error => error.into(),
    })?;
    let complete = sessions.iter().filter(|session| session.complete).count();
    let failed = linking.once && sessions.last().is_none_or(|session| !session.complete);
    let value = json!({ "sessions": sessions, "complete": complete });
    Ok((if failed { EXIT_FAILED } else { 0 }, value))
}

/// The sessions for people.
pub fn in_words(result: &Value) -> String {
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let mut out = String::new();
    for session in result["sessions"].as_array().into_iter().flatten() {
        // Writing to a string cannot fail.
        let _ = writeln!(
            out,
            "  {}: {} sent, {} received, {} bytes out, {} bytes in, {} frames again, {:.1} s{}",
            session["site"].as_str().unwrap_or("?"),
            number(&session["entries_sent"]),
            number(&session["entries_received"]),
            number(&session["bytes_sent"]),
            number(&session["bytes_received"]),
            number(&session["frames_repeated"]),
            session["seconds"].as_f64().unwrap_or_default(),
            if session["complete"] == true { "" } else { " (not complete)" },
        );
        let _ = match session["why"].as_str() {
            Some("no-answer") => writeln!(out, "{}", say::text("link-no-answer", &[])),
            Some("silence") => writeln!(out, "{}", say::text("link-silence", &[])),
            Some(why) => writeln!(out, "  {why}"),
            None => Ok(()),
        };
    }
    out
}

/// What is to happen to a budget.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Change {
    /// It is shown.
    Nothing,
    /// It is taken away.
    TakeAway,
    /// It is set to so many bytes a day.
    Set(u64),
}

/// Reads an amount of bytes a day, or `none`.
pub fn budget(given: &str) -> Result<Change> {
    let bad = || Trouble::BadBudget(given.to_owned());
    if given == "none" {
        return Ok(Change::TakeAway);
    }
    let amount = given.strip_suffix("/day").unwrap_or(given);
    Ok(Change::Set(amount::bytes(amount).ok_or_else(bad)?))
}

/// Sets a budget, or shows them.
pub async fn run_budget(site: &Site, with: Option<&str>, change: Change) -> Result<(u8, Value)> {
    let bytes = match change {
        Change::Nothing => None,
        Change::TakeAway => Some(None),
        Change::Set(bytes) => Some(Some(bytes)),
    };
    let with = match with {
        Some(with) => Some(site.site_named(with).await?),
        None => None,
    };
    if let (Some(with), Some(bytes)) = (with, bytes) {
        site.set_budget(with, bytes).await?;
    }
    let budgets = site.budgets().await?;
    let wanted = budgets.into_iter().filter(|budget| with.is_none_or(|with| budget.facility == with));
    Ok((0, json!({ "budgets": wanted.collect::<Vec<_>>() })))
}

/// The budgets for people.
pub fn budgets_in_words(result: &Value) -> String {
    let mut out = String::new();
    for budget in result["budgets"].as_array().into_iter().flatten() {
        let number = |name: &str| budget[name].as_u64().unwrap_or_default().to_string();
        let site = budget["site"].as_str().unwrap_or_default().to_owned();
        let args = [("site", site), ("used", number("used_today")), ("of", number("bytes_a_day"))];
        let id = if budget["used_up"] == true { "budget-used-up" } else { "budget-used" };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {}", say::text(id, &args));
    }
    if out.is_empty() { format!("{}\n", say::text("budget-none", &[])) } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_bytes_a_day_are_read() {
        let cases = [("5MB/day", 5_000_000), ("800kB/day", 800_000), ("12", 12)];
        for (given, bytes) in cases {
            assert_eq!(budget(given).unwrap(), Change::Set(bytes));
        }
        assert_eq!(budget("none").unwrap(), Change::TakeAway);
        for bad in ["", "MB", "5 XB", "-3", "99999999999999GB", "5MB/week"] {
            assert!(budget(bad).is_err(), "{bad}");
        }
    }
}

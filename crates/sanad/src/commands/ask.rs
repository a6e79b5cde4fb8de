//! `sanad ask`, `sanad answer` and `sanad grant`: finding a chart across the network, and opening one to another site.

use crate::cli;
use crate::say::{self, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Named};
use anyhow::Result;
use sanad_node::ask::{AskError, Policy, Verdict};
use sanad_node::site::Site;
use sanad_record::ask::{Outcome, Whom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is asked for, as it was typed.
#[derive(Serialize, Deserialize)]
pub enum Wanted {
    /// `--id`
    Id(String),
    /// `--tag`
    Tag(String),
    /// `--name`, `--father`, `--born`
    Name(String, Option<String>, Option<u16>),
}

/// One of the commands here.
#[derive(Serialize, Deserialize)]
pub enum Operation {
    /// Ask.
    Ask {
        /// For whom.
        wanted: Wanted,
        /// Call sign.
        by: Option<String>,
    },
    /// Own asks and what came of them.
    List,
    /// Asks of others.
    Pending,
    /// Take an own ask back.
    Withdraw {
        /// Which.
        ask: String,
        /// Call sign.
        by: Option<String>,
    },
    /// When this site answers.
    Policy(String),
    /// Answer an ask.
    Answer {
        /// Which.
        ask: String,
        /// The patient to grant; `None` refuses.
        patient: Option<String>,
        /// Call sign.
        by: String,
    },
    /// Grant without an ask.
    Grant {
        /// The patient.
        patient: String,
        /// The site's call sign.
        to: String,
        /// Call sign.
        by: String,
    },
}

impl From<&cli::Ask> for Operation {
    fn from(ask: &cli::Ask) -> Operation {
        let what = &ask.what;
        let (by, born) = (ask.by.clone(), ask.born);
        let wanted = match (&what.id, &what.tag, &what.name) {
            (Some(id), _, _) => Some(Wanted::Id(id.clone())),
            (_, Some(tag), _) => Some(Wanted::Tag(tag.clone())),
            (_, _, Some(name)) => Some(Wanted::Name(name.clone(), ask.father.clone(), born)),
            _ => None,
        };
        match (wanted, &what.withdraw, &what.policy) {
            (Some(wanted), _, _) => Operation::Ask { wanted, by },
            (None, Some(ask), _) => Operation::Withdraw { ask: ask.clone(), by },
            (None, None, Some(policy)) => {
                let policy = match policy {
                    cli::AskPolicy::AtOnce => Policy::AtOnce,
                    cli::AskPolicy::AskAPerson => Policy::AskAPerson,
                };
                Operation::Policy(policy.name().to_owned())
            }
            (None, None, None) if what.pending => Operation::Pending,
            (None, None, None) => Operation::List,
        }
    }
}

/// Runs one on an open site.
pub async fn run(site: &Site, operation: &Operation) -> Result<(u8, Value)> {
    let value = match operation {
        Operation::Ask { wanted, by } => {
            let whom = match wanted {
                Wanted::Id(id) => Whom::with_id(id),
                Wanted::Tag(tag) => Whom::with_tag(tag),
                Wanted::Name(name, father, born) => Whom::with_name(name, father.as_deref(), *born),
            };
            let asked = site.ask(whom.map_err(AskError::from)?, by.clone(), None).await?;
            json!({ "ask": asked.id, "here": asked.here })
        }
        Operation::List => {
            site.answer_at_once().await?;
            json!({ "asks": list(site).await?, "policy": site.ask_policy().await?.name() })
        }
        Operation::Pending => {
            site.answer_at_once().await?;
            json!({ "pending": pending(site).await?, "policy": site.ask_policy().await?.name() })
        }
        Operation::Withdraw { ask, by } => {
            site.withdraw_ask(ask, by.clone()).await?;
            json!({ "ask": ask, "withdrawn": true })
        }
        Operation::Policy(name) => {
            let policy = Policy::of_name(name).unwrap_or_default();
            site.set_ask_policy(policy).await?;
            json!({ "policy": policy.name(), "answered": site.answer_at_once().await? })
        }
        Operation::Answer { ask, patient, by } => {
            let verdict = patient.clone().map_or(Verdict::Refuse, Verdict::Grant);
            let answered = site.answer_ask(ask, verdict, by, None).await?;
            json!({ "ask": ask, "site": answered.to, "granted": answered.patient, "repeated": answered.repeated })
        }
        Operation::Grant { patient, to, by } => {
            let to = site.site_named(to).await?;
            let granted = site.grant_patient(patient, to, by).await?;
            json!({ "site": granted.to, "granted": granted.patient })
        }
    };
    Ok((0, value))
}

async fn list(site: &Site) -> Result<Vec<Value>> {
    let asks = site.own_asks().await?.into_iter().map(|ask| {
        let answers = ask.answers.into_iter().map(|answer| {
            let (outcome, charts) = match answer.outcome {
                Outcome::Granted(charts) => ("granted", charts),
                Outcome::Refused => ("refused", 0),
            };
            json!({ "site": answer.from, "outcome": outcome, "charts": charts, "patients": answer.patients })
        });
        json!({
            "ask": ask.id, "whom": whom(&ask.whom), "at_ms": ask.at_ms, "by": ask.by, "withdrawn": ask.withdrawn,
            "answers": answers.collect::<Vec<_>>(),
        })
    });
    Ok(asks.collect())
}

async fn pending(site: &Site) -> Result<Vec<Value>> {
    let asks = site.pending_asks().await?.into_iter().map(|ask| {
        let candidates = ask.candidates.iter().map(|candidate| {
            let fit = if candidate.fit == sanad_record::ask::Fit::Exact { "exact" } else { "close" };
            json!({ "patient": candidate.patient, "fit": fit })
        });
        json!({
            "ask": ask.id, "site": ask.from, "by": ask.by, "at_ms": ask.at_ms, "whom": whom(&ask.whom),
            "certain": ask.certain, "candidates": candidates.collect::<Vec<_>>(),
        })
    });
    Ok(asks.collect())
}

fn whom(whom: &Whom) -> Value {
    match whom {
        Whom::Id(id) => json!({ "id": id }),
        Whom::Tag(tag) => json!({ "tag": tag }),
        Whom::Name { name, father, born } => json!({ "name": name, "father": father, "born": born }),
    }
}

/// The result for people.
pub fn in_words(operation: &Operation, result: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let said = |id: &str, args: &[(&str, &Value)]| {
        let args: Vec<_> = args.iter().map(|(name, value)| (*name, text(value))).collect();
        say::text(id, &args)
    };
    match operation {
        Operation::Ask { .. } => {
            let mut out = said("ask-sent", &[("ask", &result["ask"])]);
            for patient in result["here"].as_array().into_iter().flatten() {
                let _ = write!(out, "\n  {}", said("ask-here", &[("patient", patient)]));
            }
            out
        }
        Operation::List => asks_in_words(&result["asks"], "ask-none", |ask, out| {
            for answer in ask["answers"].as_array().into_iter().flatten() {
                let id = if answer["outcome"] == "granted" { "ask-granted-by" } else { "ask-refused-by" };
                let _ = writeln!(out, "    {}", said(id, &[("site", &answer["site"])]));
                for patient in answer["patients"].as_array().into_iter().flatten() {
                    let _ = writeln!(out, "      {}", said("ask-readable", &[("patient", patient)]));
                }
                if answer["charts"].as_u64() > answer["patients"].as_array().map(|list| list.len() as u64) {
                    let _ = writeln!(out, "      {}", say::text("ask-on-its-way", &[]));
                }
            }
            if ask["withdrawn"] == true {
                let _ = writeln!(out, "    {}", say::text("ask-withdrawn-own", &[]));
            } else if ask["answers"].as_array().is_none_or(Vec::is_empty) {
                let _ = writeln!(out, "    {}", say::text("ask-no-answer", &[]));
            }
        }),
        Operation::Pending => asks_in_words(&result["pending"], "ask-none-pending", |ask, out| {
            let _ = writeln!(out, "    {}", said("ask-from", &[("site", &ask["site"])]));
            for candidate in ask["candidates"].as_array().into_iter().flatten() {
                let id = if candidate["fit"] == "exact" { "ask-fits" } else { "ask-fits-partly" };
                let _ = writeln!(out, "      {}", said(id, &[("patient", &candidate["patient"])]));
            }
        }),
        Operation::Withdraw { .. } => say::text("ask-withdrawn-own", &[]),
        Operation::Policy(name) => {
            say::text(if name == Policy::AtOnce.name() { "ask-at-once" } else { "ask-a-person" }, &[])
        }
        Operation::Answer { .. } if result["granted"].is_null() => said("answer-refused", &[("site", &result["site"])]),
        Operation::Answer { .. } | Operation::Grant { .. } => {
            said("answer-granted", &[("site", &result["site"]), ("patient", &result["granted"])])
        }
    }
}

fn asks_in_words(asks: &Value, none: &str, more: impl Fn(&Value, &mut String)) -> String {
    let mut out = String::new();
    for ask in asks.as_array().into_iter().flatten() {
        let whom = &ask["whom"];
        let parts = ["id", "tag", "name", "father", "born"].iter().filter_map(|part| match &whom[*part] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        });
        let _ =
            writeln!(out, "{}\n  {}", ask["ask"].as_str().unwrap_or_default(), parts.collect::<Vec<_>>().join(" · "));
        more(ask, &mut out);
    }
    if out.is_empty() { say::text(none, &[]) } else { out }
}

/// The exit code and the message of what went wrong.
pub fn name(error: &AskError) -> Named {
    let plain = |code, id| (code, id, vec![]);
    match error {
        AskError::Whom(error) => (EXIT_USAGE, "ask-bad-whom", vec![("why", error.to_string())]),
        AskError::NoSuchAsk => plain(EXIT_USAGE, "ask-unknown"),
        AskError::Withdrawn => plain(EXIT_REFUSED, "ask-withdrawn"),
        AskError::OwnAsk => plain(EXIT_REFUSED, "ask-own"),
        AskError::NoSuchPatient => plain(EXIT_USAGE, "ask-no-patient"),
        AskError::NoSuchSite => plain(EXIT_USAGE, "ask-no-site"),
        AskError::OpensNothing => plain(EXIT_REFUSED, "ask-opens-nothing"),
        AskError::AlreadyGranted => plain(EXIT_REFUSED, "ask-already-granted"),
        AskError::TooMany => plain(EXIT_REFUSED, "ask-too-many"),
        other => (EXIT_FAILED, "failed", vec![("why", other.to_string())]),
    }
}

//! `$import`: NDJSON in, saved while it is read.
//!
//! Lines count from 1 over the whole import, in however many bodies it comes. A body says with `line` which its first one is;
//! what is done already is passed over, so that a body that broke off is simply sent again. Every line is saved as a PUT
//! would be, in whatever order the resources come; one that says what is here already makes no new version.

use super::super::Api;
use super::super::access::Caller;
use super::super::call::Call;
use super::super::outcome::Refusal;
use super::super::reply::{Reply, leaving};
use super::super::{BODY_BYTES_MAX, change, respond, validity};
use super::lines::{Line, Lines, Stopped};
use super::under_way::{State, UnderWay};
use super::{ERRORS, FHIR_NDJSON, IMPORT, accepted, is_ndjson, job_of, manifest, ndjson, under_way_still};
use axum::body::{Body, HttpBody};
use axum::http::header;
use axum::response::Response;
use sanad_node::export::one_line;
use sanad_node::intake::Intake;
use sanad_node::jobs::{Import, Job, Work};
use sanad_node::save::Change;
use sanad_node::site::now_ms;
use sanad_record::bundle::key_of_single;
use sanad_record::json::parse_object;
use sanad_record::key::{ResourceKey, is_legal_id, is_resource_type};
use sanad_record::outgoing::rfc3339;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::block_in_place;

/// Largest body: what a client sends again at most if the link breaks. A larger import comes in several.
const IMPORT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Lines after which is noted how far the import has got: as many as fill the saves that are under way at once.
const NOTED_LINES: u64 = 512;
/// How long a slow link may say nothing before what came so far is saved and noted.
const NOTED_AFTER: Duration = Duration::from_secs(2);
/// Lines listed as refused; the rest is only counted.
const LISTED_MAX: u64 = 1_000;
/// Places that are named of one line that is not valid.
const ISSUES_MAX: usize = 8;

pub(super) async fn begin(api: &Api, caller: &Caller, call: &Call, body: Body) -> Result<Response, Refusal> {
    is_readable(call, &body)?;
    let begun_ms = now_ms();
    let job = Job {
        id: change::new_id(),
        token: caller.token.id.clone(),
        request: format!("{}/{IMPORT}", call.base),
        begun_ms,
        touched_ms: begun_ms,
        work: Work::Import(Import::default()),
    };
    api.site().begin_job(job.clone()).await?;
    let address = format!("{}/{IMPORT}/{}", call.base, job.id);
    match take(api, caller, call, body, job).await {
        // What came of the body is saved: whoever sent it has to know where to go on.
        Err(refusal) => {
            let mut reply = Reply::refused(&refusal);
            reply.more.push((header::CONTENT_LOCATION, address));
            Ok(respond(reply, false))
        }
        taken => taken,
    }
}

/// A body that goes on with an import.
pub(super) async fn go_on(api: &Api, caller: &Caller, call: &Call, body: Body, id: &str) -> Result<Response, Refusal> {
    is_readable(call, &body)?;
    let (job, _) = import_of(api, caller, id)?;
    take(api, caller, call, body, job).await
}

/// A job of this token, if it is an import.
fn import_of(api: &Api, caller: &Caller, id: &str) -> Result<(Job, Import), Refusal> {
    let job = job_of(api, caller, id)?;
    match job.work.clone() {
        Work::Import(import) => Ok((job, import)),
        Work::Export(_) => Err(Refusal::not_found()),
    }
}

/// Refuses what is known not to be read before any of it is.
fn is_readable(call: &Call, body: &Body) -> Result<(), Refusal> {
    if !is_ndjson(&call.content_type) {
        let what = format!("An import is NDJSON, a resource a line: {FHIR_NDJSON}. Nothing was saved.");
        return Err(Refusal::new(415, "not-supported", what).at("Content-Type"));
    }
    if body.size_hint().lower() > IMPORT_BYTES_MAX as u64 {
        let what = "A body of an import is at most 64 MiB. Nothing was saved; send it in several, one after the other.";
        return Err(Refusal::new(413, "too-long", what));
    }
    Ok(())
}

pub(super) fn status(api: &Api, caller: &Caller, call: &Call, id: &str) -> Result<Response, Refusal> {
    let (job, import) = import_of(api, caller, id)?;
    match api.bulk().state(id) {
        Some(State::Going(progress)) => return Ok(under_way_still(progress)),
        Some(State::Failed(_)) | None => {}
    }
    if !import.is_whole {
        return Ok(under_way_still(format!("{}; waiting for line {}", done(&import), import.lines + 1)));
    }
    let errors = json!({
        "type": "OperationOutcome",
        "url": format!("{}/{IMPORT}/{id}/{ERRORS}", call.base),
        "count": import.listed
    });
    let counts = json!({
        "lines": import.lines,
        "saved": import.saved,
        "unchanged": import.unchanged,
        "refused": import.refused
    });
    let whole = json!({
        "transactionTime": rfc3339(job.touched_ms),
        "request": job.request,
        "requiresAccessToken": true,
        "output": [],
        "error": if import.listed == 0 { json!([]) } else { json!([errors]) },
        "extension": { "urn:sanad:import": counts },
    });
    Ok(manifest(&job, &whole))
}

/// How far an import has got, in words that begin with the number of lines.
fn done(import: &Import) -> String {
    let Import { lines, saved, unchanged, refused, .. } = import;
    format!("{lines} lines done: {saved} saved, {unchanged} unchanged, {refused} refused")
}

/// The lines that did not come in.
pub(super) fn errors(api: &Api, caller: &Caller, id: &str) -> Result<Response, Refusal> {
    let (job, _) = import_of(api, caller, id)?;
    Ok(ndjson(block_in_place(|| api.site().job_pieces(&job.id))?))
}

/// What is taken in of one body.
struct Taking<'a> {
    api: &'a Api,
    caller: &'a Caller,
    job: Job,
    /// As it was noted last.
    noted: Import,
    /// As it will be once everything taken is on the disk.
    lines: u64,
    unchanged: u64,
    intake: Intake<u64>,
    /// What was taken and the disk may not show yet.
    pending: BTreeSet<ResourceKey>,
    /// Lines that did not come in, since the last note.
    refused: BTreeMap<u64, Refusal>,
    under_way: UnderWay,
}

async fn take(api: &Api, caller: &Caller, call: &Call, body: Body, job: Job) -> Result<Response, Refusal> {
    let Work::Import(noted) = job.work.clone() else { return Err(Refusal::not_found()) };
    let busy = || Refusal::new(409, "conflict", "This import is taking another body. Nothing of this one was saved.");
    let under_way = api.bulk().begin(&job.id, done(&noted)).ok_or_else(busy)?;
    let _permit = api.bulk().transfer()?;
    let first = first_line(call, &noted)?;
    let address = format!("{}/{IMPORT}/{}", call.base, job.id);
    let mut taking = Taking {
        api,
        caller,
        job,
        lines: noted.lines,
        unchanged: 0,
        intake: Intake::new(api.site(), Some(caller.by())),
        pending: BTreeSet::new(),
        refused: BTreeMap::new(),
        noted,
        under_way,
    };
    taking.body(body, first).await?;
    Ok(accepted(address))
}

/// The number of a body's first line.
fn first_line(call: &Call, noted: &Import) -> Result<u64, Refusal> {
    let Some((name, value)) = call.pairs.iter().find(|(name, _)| name == "line") else { return Ok(1) };
    let bad = || Refusal::new(400, "value", "line is the number of the body's first line, from 1.").at(name);
    let first = value.parse().ok().filter(|first| *first >= 1).ok_or_else(bad)?;
    if first > noted.lines + 1 {
        let what = format!("Lines are missing before this body: the next is line {}.", noted.lines + 1);
        return Err(Refusal::new(409, "conflict", what).at(name));
    }
    Ok(first)
}

impl Taking<'_> {
    async fn body(&mut self, body: Body, first: u64) -> Result<(), Refusal> {
        let mut lines = Lines::new(body, BODY_BYTES_MAX, IMPORT_BYTES_MAX);
        let mut number = first;
        let was_whole = self.noted.is_whole;
        let (mut is_whole, mut has_line) = (false, false);
        let ended = loop {
            let next = match tokio::time::timeout(NOTED_AFTER, lines.next()).await {
                Ok(next) => next,
                Err(_) => {
                    self.note(false).await?;
                    continue;
                }
            };
            match next {
                Ok(Some(line)) => {
                    has_line = true;
                    if number > self.lines {
                        self.line(number, line).await?;
                        self.lines = number;
                    }
                    number += 1;
                }
                Ok(None) => {
                    // An empty body only says that an import is about to come.
                    is_whole = has_line || was_whole;
                    break Ok(());
                }
                Err(stopped) => break Err(stopped),
            }
            if self.lines - self.noted.lines >= NOTED_LINES {
                self.note(false).await?;
            }
        };
        self.note(is_whole).await?;
        let next = self.noted.lines + 1;
        ended.map_err(|stopped| match stopped {
            Stopped::TooLarge => {
                let what =
                    format!("A body of an import is at most 64 MiB. What came is saved; send on from line {next}.");
                Refusal::new(413, "too-long", what)
            }
            Stopped::Broken => {
                let what =
                    format!("The body broke off. What came is saved; send on from line {next}, or send it again.");
                Refusal::new(400, "incomplete", what)
            }
        })
    }

    /// Takes one line.
    ///
    /// # Errors
    /// Only if the import cannot go on; what is wrong with the line itself is kept to be listed.
    async fn line(&mut self, number: u64, line: Line) -> Result<(), Refusal> {
        let bytes = match line {
            Line::TooLong => {
                let what = "The line is longer than 16 MiB. Nothing was saved.";
                self.refused.insert(number, Refusal::new(413, "too-long", what));
                return Ok(());
            }
            Line::Text(bytes) => bytes,
        };
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        if bytes.is_empty() {
            return Ok(());
        }
        let key = match block_in_place(|| key_of(self.api, bytes)) {
            Ok(key) => key,
            Err(refusal) => {
                self.refused.insert(number, refusal);
                return Ok(());
            }
        };
        // What is not on the disk yet cannot be compared with: the second of a key waits.
        if self.pending.contains(&key) {
            self.settle().await?;
        }
        match block_in_place(|| change_of(self.api, self.caller, &key, bytes)) {
            Ok(Some(change)) => {
                self.pending.insert(key);
                self.intake.take(number, change).await?;
            }
            Ok(None) => self.unchanged += 1,
            Err(refusal) if refusal.status >= 500 => return Err(refusal),
            Err(refusal) => drop(self.refused.insert(number, refusal)),
        }
        Ok(())
    }

    /// Waits until everything so far is on the disk or refused.
    async fn settle(&mut self) -> Result<(), Refusal> {
        self.intake.settle().await?;
        self.pending.clear();
        for refused in self.intake.refused.drain(..) {
            self.refused.insert(refused.place, refused.error.into());
        }
        Ok(())
    }

    /// Notes how far the import has got: everything up to there is on the disk or refused.
    async fn note(&mut self, is_whole: bool) -> Result<(), Refusal> {
        if self.lines == self.noted.lines && is_whole == self.noted.is_whole {
            return Ok(());
        }
        self.settle().await?;
        let first = self.noted.lines + 1;
        let room = LISTED_MAX.saturating_sub(self.noted.listed);
        let listed = self.refused.iter().take(usize::try_from(room).unwrap_or(0));
        let piece: String = listed.clone().map(|(number, refusal)| outcome_of(*number, refusal)).collect();
        let now = Import {
            lines: self.lines,
            saved: self.noted.saved + std::mem::take(&mut self.intake.saved),
            unchanged: self.noted.unchanged + std::mem::take(&mut self.unchanged),
            refused: self.noted.refused + self.refused.len() as u64,
            listed: self.noted.listed + listed.count() as u64,
            is_whole,
        };
        self.refused.clear();
        self.job.touched_ms = now_ms();
        self.job.work = Work::Import(now.clone());
        let is_going_on = self.under_way.say(done(&now));
        if !is_going_on || !self.api.site().note_job(&self.job, Some((first, piece.into_bytes()))).await? {
            let what = "The import was deleted. What had been taken of it by then is saved.";
            return Err(Refusal::new(404, "not-found", what));
        }
        self.noted = now;
        Ok(())
    }
}

/// What is said of a line that did not come in: its number, what is wrong and where, and nothing of its text.
fn outcome_of(number: u64, refusal: &Refusal) -> String {
    let mut outcome = refusal.outcome();
    outcome["issue"][0]["diagnostics"] = format!("Line {number}: {}", refusal.what).into();
    if let Some(issues) = outcome["issue"].as_array_mut() {
        issues.truncate(ISSUES_MAX);
    }
    format!("{outcome}\n")
}

/// The key of a line. One that says no id gets one from what it says, as the same line in a file would.
fn key_of(api: &Api, line: &[u8]) -> Result<ResourceKey, Refusal> {
    let resource = parse_object(line).map_err(|error| Refusal::not_json(&error))?;
    let kind = resource.get_str("resourceType").filter(|kind| is_resource_type(kind)).ok_or_else(|| {
        let what = "The resourceType is none of FHIR R4. Nothing was saved.";
        Refusal::new(400, "structure", what).at("resourceType")
    })?;
    if change::id_in(&resource)?.is_some_and(|id| !is_legal_id(&id)) {
        return Err(Refusal::bad_id().at("id"));
    }
    validity::judge(api, &resource)?;
    Ok(key_of_single(&kind, &resource))
}

/// What a line changes; `None` if it says what is here already.
fn change_of(api: &Api, caller: &Caller, key: &ResourceKey, line: &[u8]) -> Result<Option<Change>, Refusal> {
    let before = api.site().reader().resource(key)?;
    let prepared = change::prepare_put_over(caller, before.as_ref(), key.clone(), line.to_vec(), None)?;
    // Also with the id and the version that it left with.
    let is_here = before.is_some_and(|before| {
        before.raw.as_deref().is_some_and(|raw| raw == line || one_line(&leaving(&before)) == line)
    });
    Ok((!is_here).then_some(prepared.change))
}

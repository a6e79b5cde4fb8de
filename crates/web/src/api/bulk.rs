//! Many resources at once, as NDJSON: `$export` (FHIR Bulk Data Access 2.0.0) and `$import`.
//!
//! Promises, each held by tests in `api/tests/bulk.rs`:
//! - **No copy.** Nothing that is exported or imported is ever written anywhere but into the log. A job is a position: what
//!   it hands out is read from the store when it is asked for, in files of [`FILE_RESOURCES`] resources, so that a client
//!   goes on at the file that failed; what it takes in is saved line by line, and it notes how many lines are done.
//! - **Restarts cost nothing.** Jobs are kept with the site, for a day.
//! - **Need to know.** A job is there for the token that asked for it and for no other, and hands out what that token sees.
//! - **One bad line stops nothing.** It is counted and listed by its number, never by what it says.
//!
//! The addresses: `[base]/$export`, `[base]/Patient/$export` and `[base]/Group/[id]/$export` begin an export,
//! `[base]/$export/[job]` is its status and `[base]/$export/[job]/[n].[Type].ndjson` its files; `[base]/$import` begins an
//! import and `[base]/$import/[job]` is its status and takes what goes on with it.

mod asked;
mod export;
mod files;
mod import;
mod lines;
mod under_way;

use super::access::Caller;
use super::call::{Call, Method};
use super::outcome::Refusal;
use super::{Api, respond_with};
use axum::body::Body;
use axum::http::header::{self, HeaderName};
use axum::response::Response;
use httpdate::fmt_http_date;
use sanad_node::jobs::Job;
use std::time::{Duration, UNIX_EPOCH};
pub(crate) use under_way::Bulk;

/// Resources in one file of an export: what a client asks for again if the link breaks.
const FILE_RESOURCES: u64 = 5_000;
/// The media type of what is handed out.
const FHIR_NDJSON: &str = "application/fhir+ndjson";
/// Where an export and an import stand.
const EXPORT: &str = "$export";
const IMPORT: &str = "$import";
/// The file of what could not be done.
const ERRORS: &str = "errors.ndjson";
/// How far a job has got (Bulk Data Access 2.0.0, Bulk Data Status Request).
const PROGRESS: HeaderName = HeaderName::from_static("x-progress");

/// True for the addresses of bulk data.
pub(super) fn is_asked(call: &Call) -> bool {
    matches!(call.parts()[..], [EXPORT | IMPORT, ..] | ["Patient", EXPORT] | ["Group", _, EXPORT])
}

/// True for the names by which NDJSON is asked for.
pub(super) fn is_ndjson(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    matches!(kind, FHIR_NDJSON | "application/ndjson" | "application/x-ndjson" | "ndjson")
}

/// Carries a request of bulk data through. The body is not read yet.
pub(super) async fn answer(api: &Api, caller: &Caller, call: &mut Call, body: Body) -> Result<Response, Refusal> {
    let path = std::mem::take(&mut call.path);
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match (call.method, &parts[..]) {
        (Method::Get | Method::Post, [EXPORT]) => export::begin(api, caller, call, body, export::Level::System).await,
        (Method::Get | Method::Post, ["Patient", EXPORT]) => {
            export::begin(api, caller, call, body, export::Level::Patients).await
        }
        (Method::Get | Method::Post, ["Group", id, EXPORT]) => {
            export::begin(api, caller, call, body, export::Level::Group(id)).await
        }
        (Method::Get, [EXPORT, job]) => export::status(api, caller, call, job),
        (Method::Get, [EXPORT, job, ERRORS]) => files::errors(api, caller, job),
        (Method::Get, [EXPORT, job, file]) => files::file(api, caller, job, file),
        (Method::Post, [IMPORT]) => import::begin(api, caller, call, body).await,
        (Method::Post, [IMPORT, job]) => import::go_on(api, caller, call, body, job).await,
        (Method::Get, [IMPORT, job]) => import::status(api, caller, call, job),
        (Method::Get, [IMPORT, job, ERRORS]) => import::errors(api, caller, job),
        (Method::Delete, [EXPORT | IMPORT, job]) => {
            let job = job_of(api, caller, job)?;
            api.bulk().stop(&job.id);
            api.site().remove_job(&job.id).await?;
            Ok(respond_with(202, [], Body::empty()))
        }
        _ => Err(Refusal::not_supported("There is nothing to do at this address in this way.")),
    }
}

/// A job of this token; to every other it is not there.
fn job_of(api: &Api, caller: &Caller, id: &str) -> Result<Job, Refusal> {
    let found = tokio::task::block_in_place(|| api.site().job(id))?;
    found.filter(|job| job.token == caller.token.id).ok_or_else(|| {
        Refusal::new(404, "not-found", "There is no such export or import: it is over, or was never asked for.")
    })
}

/// 202: the status is asked for at this address.
fn accepted(address: String) -> Response {
    respond_with(202, [(header::CONTENT_LOCATION, address)], Body::empty())
}

/// 202: the job is under way.
fn under_way_still(progress: String) -> Response {
    respond_with(202, [(PROGRESS, progress), (header::RETRY_AFTER, "1".to_owned())], Body::empty())
}

/// 200: the job is done, and this is what came of it.
fn manifest(job: &Job, manifest: &serde_json::Value) -> Response {
    let expires = fmt_http_date(UNIX_EPOCH + Duration::from_millis(job.ends_ms()));
    let headers = [(header::EXPIRES, expires), (header::CONTENT_TYPE, "application/json".to_owned())];
    respond_with(200, headers, Body::from(manifest.to_string()))
}

/// NDJSON that is here whole.
fn ndjson(body: impl Into<Body>) -> Response {
    respond_with(200, [(header::CONTENT_TYPE, FHIR_NDJSON.to_owned())], body.into())
}

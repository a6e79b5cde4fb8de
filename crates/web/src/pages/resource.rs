//! One resource: what it says, what does not merge, how it came to be, and the text as it is kept.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;

use super::failure::Failure;
use super::rows::{self, ConflictView};
use super::{Frame, Tab, html};
use crate::app::{App, Visitor};
use crate::clinic::settle::{Dispute, SentFrom};
use crate::fhir::{self, Field, Line};
use crate::model::{ResourcePage, VersionRow};

/// The most of a raw text that a page shows; an attachment of megabytes would stall an old phone.
const RAW_CHARS_MAX: usize = 40_000;
/// Versions side by side are set in by this many steps at most; a phone has no room for more.
const LANES_MAX: usize = 3;

/// How a resource reads.
struct Reading {
    fields: Vec<Field>,
    too_long: bool,
    raw: String,
    raw_cut: bool,
}

fn reading(f: &Frame, raw: &[u8]) -> Reading {
    let (fields, too_long) = fhir::describe(&f.v, raw);
    let text = fhir::lay_out(raw);
    match text.char_indices().nth(RAW_CHARS_MAX) {
        Some((end, _)) => Reading { fields, too_long, raw: text[..end].to_owned(), raw_cut: true },
        None => Reading { fields, too_long, raw: text, raw_cut: false },
    }
}

struct VersionView {
    href: String,
    /// The first digits of its name; enough to tell versions of one resource apart by eye.
    short: String,
    /// The same of the versions it grew from.
    after: Vec<String>,
    author: String,
    lane: usize,
    row: VersionRow,
}

#[derive(Template)]
#[template(path = "resource.html")]
struct Page {
    f: Frame,
    type_name: String,
    id: String,
    patient: Option<String>,
    line: Line,
    reading: Option<Reading>,
    conflicts: Vec<ConflictView>,
    /// The form that settles them, for who may.
    dispute: Option<Dispute>,
    versions: Vec<VersionView>,
    heads: u64,
}

/// `/resources/{type}/{rid}`
pub(crate) async fn get(
    State(app): State<App>,
    visitor: Visitor,
    Path((resource_type, id)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let found = find(app, resource_type, id)?;
        let patient = found.about.first().cloned();
        show(app, visitor, found, patient)
    })
    .await
}

/// `/patients/{id}/{type}/{rid}`
pub(crate) async fn of_patient(
    State(app): State<App>,
    visitor: Visitor,
    Path((patient, resource_type, id)): Path<(String, String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let found = find(app, resource_type, id)?;
        let chart = app.source().patient(&patient)?.ok_or(Failure::Missing)?;
        if !chart.merged_from.iter().chain([&chart.id]).any(|member| found.about.contains(member)) {
            return Err(Failure::Missing);
        }
        show(app, visitor, found, Some(chart.id))
    })
    .await
}

fn find(app: &App, resource_type: String, id: String) -> Result<ResourcePage, Failure> {
    let key = ResourceKey::new(resource_type, id).map_err(|_| Failure::Missing)?;
    app.source().resource(&key)?.ok_or(Failure::Missing)
}

fn show(app: &App, visitor: &Visitor, found: ResourcePage, patient: Option<String>) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, if patient.is_some() { Tab::Patients } else { Tab::None })?;
    let dispute = Dispute::of(app, &f, &found.key, SentFrom::Record)?;
    let page = Page {
        dispute,
        type_name: fhir::type_name(&f.v, &found.key.resource_type),
        line: found.raw.as_deref().map(|raw| fhir::line(&f.v, raw)).unwrap_or_default(),
        reading: found.raw.as_deref().map(|raw| reading(&f, raw)),
        conflicts: found.conflicts.iter().map(|conflict| rows::conflict(&f, conflict)).collect(),
        heads: found.versions.iter().filter(|row| row.head).count() as u64,
        versions: versions(&f, &found.key, found.versions),
        id: found.key.id,
        patient,
        f,
    };
    html(StatusCode::OK, &page)
}

/// Newest first, each set in by its lane, so that versions which grew apart stand apart.
fn versions(f: &Frame, key: &ResourceKey, rows: Vec<VersionRow>) -> Vec<VersionView> {
    // Each lane waits for the version that the one above it grew from.
    let mut waiting: Vec<Option<VersionId>> = Vec::new();
    rows.into_iter()
        .map(|row| {
            let expected = waiting.iter().position(|lane| *lane == Some(row.id));
            let lane = expected.or_else(|| waiting.iter().position(Option::is_none)).unwrap_or(waiting.len());
            waiting.iter_mut().filter(|lane| **lane == Some(row.id)).for_each(|lane| *lane = None);
            let mut parents =
                row.parents.iter().filter(|parent| !waiting.contains(&Some(**parent))).collect::<Vec<_>>();
            if lane == waiting.len() {
                waiting.push(None);
            }
            if !parents.is_empty() {
                waiting[lane] = Some(*parents.remove(0));
            }
            for parent in parents {
                match waiting.iter_mut().find(|lane| lane.is_none()) {
                    Some(free) => *free = Some(*parent),
                    None => waiting.push(Some(*parent)),
                }
            }
            VersionView {
                href: format!("/resources/{}/{}/versions/{}", key.resource_type, key.id, row.id),
                short: short(&row.id),
                after: row.parents.iter().map(short).collect(),
                author: row.author.clone().unwrap_or_else(|| f.t("version-unsigned")),
                lane: lane.min(LANES_MAX),
                row,
            }
        })
        .collect()
}

fn short(id: &VersionId) -> String {
    id.to_string()[..6].to_owned()
}

/// Where a resource is shown, whoever it is about.
pub(crate) fn address(key: &ResourceKey) -> String {
    format!("/resources/{}/{}", key.resource_type, key.id)
}

#[derive(Template)]
#[template(path = "version.html")]
struct OnePage {
    f: Frame,
    type_name: String,
    line: Line,
    current: String,
    author: String,
    short: String,
    row: VersionRow,
    reading: Option<Reading>,
}

/// `/resources/{type}/{rid}/versions/{version}`
pub(crate) async fn version(
    State(app): State<App>,
    visitor: Visitor,
    Path((resource_type, id, version)): Path<(String, String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let key = ResourceKey::new(resource_type, id).map_err(|_| Failure::Missing)?;
        let version = version.parse().map_err(|_| Failure::Missing)?;
        let found = app.source().version(&key, &version)?.ok_or(Failure::Missing)?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let page = OnePage {
            type_name: fhir::type_name(&f.v, &key.resource_type),
            line: found.raw.as_deref().map(|raw| fhir::line(&f.v, raw)).unwrap_or_default(),
            current: address(&key),
            author: found.version.author.clone().unwrap_or_else(|| f.t("version-unsigned")),
            short: short(&found.version.id),
            reading: found.raw.as_deref().map(|raw| reading(&f, raw)),
            row: found.version,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

//! Operations: what is planned and what goes on over all patients, and one patient's own list, where an operation is put on
//! the list, begun, and ended with what was found and what was left in the body.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::input;
use sanad_record::key::ResourceKey;
use sanad_record::written::{NAME_CHARS_MAX, Operation, SURGICAL, Stage};

use super::bedside::Bed;
use super::board_page::{input_words, who_of};
use super::casualty::clock_ms;
use super::record::{Read, find, one};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::moment::clock;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// The most that is said of what was found. In Arabic, each letter takes six bytes of a posted form, which stays below
/// [`crate::FORM_BYTES_MAX`].
const FINDINGS_CHARS_MAX: usize = 1_500;
/// The most that is said of what was left in the body: one thing a line.
const IMPLANTS_CHARS_MAX: usize = 500;
/// Longest call signs of a team, with the commas between them.
const TEAM_CHARS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "theatre.html")]
struct ListPage {
    f: Frame,
    running: Vec<Row>,
    planned: Vec<Row>,
}

/// One operation.
struct Row {
    /// The id of the Procedure.
    id: String,
    /// Whose it is, and the id of the Patient.
    who: Who,
    patient: String,
    operation: Operation,
    /// Call signs.
    team: String,
    /// When it is to begin, or began.
    began_ms: Option<u64>,
    ended_ms: Option<u64>,
    conflicts: bool,
    key: String,
}

fn ms_of(text: &str) -> Option<u64> {
    u64::try_from(sanad_record::time::span(text)?.from_ms).ok()
}

fn row(app: &App, f: &Frame, read: &Read, who: Who, patient: &str) -> Option<Row> {
    let operation = Operation::read(&read.value)?;
    Some(Row {
        team: operation.team.join(&f.t("list-comma")),
        began_ms: ms_of(&operation.began),
        ended_ms: ms_of(&operation.ended),
        operation,
        id: read.key.id.clone(),
        patient: patient.to_owned(),
        conflicts: read.conflicts,
        key: app.token(),
        who,
    })
}

/// `GET /theatre`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let (f, site) = (Frame::new(app, visitor, Tab::Ward)?, app.clinic()?);
        let (running, planned) = (of_stage(app, &f, site, Stage::Running)?, of_stage(app, &f, site, Stage::Planned)?);
        html(StatusCode::OK, &ListPage { running, planned, f })
    })
    .await
}

/// By when they begin; those of which nobody says it last.
fn sort(rows: &mut [Row]) {
    let order = |row: &Row| row.began_ms.unwrap_or(u64::MAX);
    rows.sort_by(|a, b| (order(a), &a.id).cmp(&(order(b), &b.id)));
}

/// The operations of a stage over all patients, in the order in which they begin.
fn of_stage(app: &App, f: &Frame, site: &Site, stage: Stage) -> Result<Vec<Row>, Failure> {
    let pairs = [("category", SURGICAL), ("status", stage.code())];
    let found = find(site, "Procedure", &pairs, None, f.calendar.now_ms)?;
    let mut rows = Vec::new();
    for read in found.iter().filter(|read| Stage::of(&read.value) == Some(stage)) {
        let subject = read.value["subject"]["reference"].as_str().and_then(|of| of.strip_prefix("Patient/"));
        let page = site.reader().patient(subject.unwrap_or_default()).map_err(crate::source::SourceError::from)?;
        // Whose chart cannot be read here is not on a list of here.
        let Some(page) = page else { continue };
        let patient = one(site, "Patient", &page.row.id)?.map(|read| read.value.to_string().into_bytes());
        let who = who_of(f, &page.row.id, &patient.unwrap_or_default());
        rows.extend(row(app, f, read, who, &page.row.id));
    }
    sort(&mut rows);
    Ok(rows)
}

/// The operations of a chart that go on or are planned, each in a line.
pub(crate) fn operations_ahead(f: &Frame, bed: &Bed) -> Vec<String> {
    let ahead = |read: &&Read| matches!(Stage::of(&read.value), Some(Stage::Planned | Stage::Running));
    let read = |read: &Read| Some((Stage::of(&read.value)?, Operation::read(&read.value)?));
    let line = |(stage, operation): (Stage, Operation)| {
        let stage = f.t(if stage == Stage::Running { "operations-running" } else { "operations-planned" });
        let at = ms_of(&operation.began).map(|at_ms| f.time(&at_ms));
        [Some(operation.name), Some(stage), at].into_iter().flatten().collect::<Vec<_>>().join(&f.t("list-comma"))
    };
    bed.chart.of("Procedure").iter().filter(ahead).filter_map(read).map(line).collect()
}

#[derive(Template)]
#[template(path = "operations.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    /// Whose form was not saved; empty for that of a new one.
    at: String,
    running: Vec<Row>,
    planned: Vec<Row>,
    over: Vec<Row>,
}

/// `GET /patients/{id}/operations`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default(), "")).await
}

fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, s: Sheet, at: &str) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/operations", bed.chart.id)).into_response());
    }
    let of = |stage: Stage| {
        let reads = bed.chart.of("Procedure").iter().filter(|read| Stage::of(&read.value) == Some(stage));
        let mut rows: Vec<_> = reads.filter_map(|read| row(app, &f, read, bed.who(&f), &bed.chart.id)).collect();
        sort(&mut rows);
        rows
    };
    let [planned, running, over] = [Stage::Planned, Stage::Running, Stage::Over].map(of);
    app.opened(visitor, [&bed.chart.id]);
    let (who, id) = (bed.who(&f), bed.chart.id.clone());
    html(status, &Page { who, id, planned, running, over, key: app.token(), at: at.to_owned(), s, f })
}

/// `POST /patients/{id}/operations`: one is put on the list, or taken off it; it begins; it ends.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let there = || Ok(Redirect::to(&format!("/patients/{}/operations", bed.chart.id)).into_response());
        if writing.is_saved()? {
            return there();
        }
        let calendar = app.calendar();
        match posted.field("do") {
            "plan" => {
                let read = |text: &str| clock(text).and_then(|clock| calendar.next(clock)).ok_or(());
                let at_ms = s.take("at", read, |()| v.t("clock-wrong"));
                let began = at_ms.map(|at_ms| calendar.machine(at_ms)).unwrap_or_default();
                let team = team(&v, &mut s);
                let line = |text: &str| input::line(text, NAME_CHARS_MAX);
                match s.take("name", line, |error| input_words(&v, error)).flatten() {
                    Some(name) => {
                        let operation = Operation { name, began, team, is_planned: true, ..Operation::default() };
                        let new = writing.new_id();
                        writing.add(operation.procedure(&new, &bed.chart.id));
                    }
                    None => s.refuse("name", v.t("operation-unnamed")),
                }
            }
            "cancel" => writing.edit(named(&bed, posted.field("id"))?.0, Operation::cancel),
            "begin" => {
                let at_ms = clock_ms(app, &v, &mut s, "at").unwrap_or(calendar.now_ms);
                let (at, team) = (calendar.machine(at_ms), team(&v, &mut s));
                let (key, _) = named(&bed, posted.field("id"))?;
                writing.edit(key, move |procedure| Operation::begin(procedure, &at, &team));
            }
            "end" => {
                let at_ms = clock_ms(app, &v, &mut s, "at").unwrap_or(calendar.now_ms);
                let at = calendar.machine(at_ms);
                let (key, operation) = named(&bed, posted.field("id"))?;
                if operation.is_some_and(|operation| ms_of(&operation.began).is_some_and(|began_ms| at_ms < began_ms)) {
                    s.refuse("at", v.t("operation-end-early"));
                }
                let mut text = |name: &str, most: usize| {
                    s.take(name, |text| input::paragraph(text, most), |error| input_words(&v, error)).flatten()
                };
                let findings = text("findings", FINDINGS_CHARS_MAX).unwrap_or_default();
                let implants = text("implants", IMPLANTS_CHARS_MAX).unwrap_or_default();
                let implants: Vec<String> =
                    implants.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
                if implants.iter().any(|implant| implant.chars().count() > NAME_CHARS_MAX) {
                    s.refuse("implants", v.t("operation-implant-long"));
                }
                writing.edit(key, move |procedure| Operation::end(procedure, &at, &findings, &implants));
            }
            _ => return Err(Failure::ForeignForm),
        }
        if !s.is_sound() {
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s, posted.field("id"));
        }
        writing.save()?;
        there()
    })
    .await
}

/// One of the chart's operations, by its id.
fn named(bed: &Bed, id: &str) -> Result<(ResourceKey, Option<Operation>), Failure> {
    let found = bed.chart.of("Procedure").iter().find(|read| read.key.id == id).ok_or(Failure::Missing)?;
    Ok((found.key.clone(), Operation::read(&found.value)))
}

/// The call signs of a team, as they are typed with commas between them.
fn team(v: &Voice, s: &mut Sheet) -> Vec<String> {
    let line = |text: &str| input::line(text, TEAM_CHARS_MAX);
    let said = s.take("team", line, |error| input_words(v, error)).flatten().unwrap_or_default();
    let each = said.split([',', '،']).map(str::trim).filter(|call_sign| !call_sign.is_empty());
    each.map(str::to_owned).collect()
}

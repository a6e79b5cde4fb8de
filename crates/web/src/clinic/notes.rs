//! Notes of a patient: what was seen and thought, in free words, newest first.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::input;
use sanad_record::written::{self, Of};

use super::bedside::Bed;
use super::board_page::input_words;
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};

/// The most that one note says. In Arabic, each letter takes six bytes of a posted form, which stays below
/// [`crate::FORM_BYTES_MAX`].
const NOTE_CHARS_MAX: usize = 2_000;

#[derive(Template)]
#[template(path = "notes.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    rows: Vec<Row>,
}

/// One note that stands.
pub(crate) struct Row {
    /// The id of the Observation.
    pub id: String,
    pub text: String,
    pub by: String,
    pub at_ms: u64,
    pub conflicts: bool,
}

/// The notes of a chart, newest first.
pub(crate) fn rows(bed: &Bed) -> Vec<Row> {
    let observations = bed.chart.of("Observation").iter();
    let notes = observations.filter_map(|read| Some((written::read_note(&read.value)?, read)));
    let row = |((text, _, by), read): ((&str, &str, &str), &super::record::Read)| Row {
        id: read.key.id.clone(),
        text: text.to_owned(),
        by: by.to_owned(),
        at_ms: read.updated_ms,
        conflicts: read.conflicts,
    };
    let mut rows: Vec<Row> = notes.map(row).collect();
    rows.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
    rows
}

/// `GET /patients/{id}/notes`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default())).await
}

fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/notes", bed.chart.id)).into_response());
    }
    let page = Page { rows: rows(&bed), who: bed.who(&f), id: bed.chart.id.clone(), key: app.token(), s, f };
    html(status, &page)
}

/// `POST /patients/{id}/notes`
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let text = s.take("text", |text| input::paragraph(text, NOTE_CHARS_MAX), |error| input_words(&v, error));
        if text.as_ref().is_none_or(Option::is_none) {
            s.refuse("text", v.t("input-empty"));
        }
        let Some(text) = text.flatten().filter(|_| s.is_sound()) else {
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        };
        let at = app.calendar().machine(app.now_ms());
        let new = writing.new_id();
        writing.add(written::note(&Of { id: &new, patient: &bed.chart.id, at: &at, by: visitor.by() }, &text));
        writing.save()?;
        Ok(Redirect::to(&format!("/patients/{}/notes", bed.chart.id)).into_response())
    })
    .await
}

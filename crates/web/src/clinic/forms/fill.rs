//! A form as it is filled in, and filled in again: each press of a button makes the page anew from what was typed.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::questionnaire::{self as questions, Answers, Form, Problem};

use super::held::{form_of, held};
use super::save::{Before, save};
use super::view::{Part, QuestionView, fingerprint, questions as question_views};
use super::{text, title, unverified};
use crate::app::{App, Visitor};
use crate::clinic::bedside::Bed;
use crate::clinic::write::Writing;
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};

/// A form in hand. No `Debug`: what was typed stands in it.
pub(super) struct Sheet<'a> {
    pub(super) bed: &'a Bed,
    pub(super) form: &'a Form,
    pub(super) answers: Answers,
    /// Where it is sent.
    action: String,
    /// Where *Back* leads.
    back: String,
    key: String,
    /// Of an edit: which bytes it began with.
    pub(super) base: String,
    /// What was wrong as it was to be saved, by the names of fields.
    pub(super) problems: Vec<(String, Problem)>,
    /// What stands above it.
    pub(super) notice: Option<String>,
    status: StatusCode,
}

#[derive(Template)]
#[template(path = "form.html")]
struct Page {
    f: Frame,
    id: String,
    who: Who,
    title: String,
    description: String,
    unverified: Option<String>,
    action: String,
    back: String,
    key: String,
    base: String,
    /// Which questions the page asks.
    seen: String,
    notice: Option<String>,
    /// Where the first problem is, and how many there are.
    first: Option<String>,
    problems: u64,
    rows: Vec<QuestionView>,
}

impl<'a> Sheet<'a> {
    fn new(bed: &'a Bed, form: &'a Form, answers: Answers, key: String) -> Sheet<'a> {
        let back = format!("/patients/{}/forms", bed.chart.id);
        Sheet {
            action: format!("{back}/{}", form.id()),
            back,
            bed,
            form,
            answers,
            key,
            base: String::new(),
            problems: Vec::new(),
            notice: None,
            status: StatusCode::OK,
        }
    }

    /// The sheet of an answered form that is corrected.
    fn edit(mut self, before: &Before, base: String) -> Sheet<'a> {
        self.back = format!("/patients/{}/responses/{}", self.bed.chart.id, before.id);
        self.action = format!("{}/edit", self.back);
        self.base = base;
        self
    }

    fn page(self, f: Frame) -> Result<Response, Failure> {
        let rows = questions::rows(self.form, &self.answers, f.v.lang.tag());
        let seen = fingerprint(&rows);
        let rows = question_views(&f.v, rows, &self.problems);
        let page = Page {
            title: title(&f.v, self.form),
            description: self.form.description(f.v.lang.tag()).to_owned(),
            unverified: unverified(&f.v, self.form),
            who: self.bed.who(&f),
            id: self.bed.chart.id.clone(),
            action: self.action,
            back: self.back,
            key: self.key,
            base: self.base,
            seen,
            notice: self.notice,
            first: rows.iter().find(|row| row.problem.is_some()).map(|row| row.id.clone()),
            problems: rows.iter().filter(|row| row.problem.is_some()).count() as u64,
            rows,
            f,
        };
        html(self.status, &page)
    }
}

/// `GET /patients/{id}/forms/{form}`
pub(crate) async fn blank(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, form)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let form = held(app.clinic()?, &form)?.ok_or(Failure::Missing)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        if bed.chart.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/forms/{}", bed.chart.id, form.id())).into_response());
        }
        let f = Frame::new(app, visitor, Tab::Patients)?;
        Sheet::new(&bed, &form, Answers::first(&form), app.token()).page(f)
    })
    .await
}

/// `POST /patients/{id}/forms/{form}`: one more of something, what follows, or save.
pub(crate) async fn fill(State(app): State<App>, Path((id, form)): Path<(String, String)>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, _| {
        let form = held(app.clinic()?, &form)?.ok_or(Failure::Missing)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let answers = questions::fill(&form, posted.fields());
        let sheet = Sheet::new(&bed, &form, answers, posted.field("key").to_owned());
        go_on(app, &posted, sheet, None)
    })
    .await
}

/// `GET /patients/{id}/responses/{rid}/edit`
pub(crate) async fn edit(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, rid)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let bed = Bed::of(app.clinic()?, &id)?;
        let (read, before) = Before::of(app, &bed, &rid)?;
        let form = form_of(app.clinic()?, text(read, "questionnaire"), app.now_ms())?.ok_or(Failure::Missing)?;
        let answers = questions::answers_of(&form, &before.raw).map_err(|_| Failure::Missing)?;
        let mut sheet = Sheet::new(&bed, &form, answers, app.token()).edit(&before, before.digest());
        let f = Frame::new(app, visitor, Tab::Patients)?;
        sheet.notice = before.conflicts.then(|| f.t("form-conflict"));
        sheet.page(f)
    })
    .await
}

/// `POST /patients/{id}/responses/{rid}/edit`
pub(crate) async fn change(
    State(app): State<App>,
    Path((id, rid)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, _| {
        let bed = Bed::of(app.clinic()?, &id)?;
        let (read, before) = Before::of(app, &bed, &rid)?;
        let form = form_of(app.clinic()?, text(read, "questionnaire"), app.now_ms())?.ok_or(Failure::Missing)?;
        let earlier = questions::answers_of(&form, &before.raw).map_err(|_| Failure::Missing)?;
        let answers = questions::fill(&form, posted.fields()).keeping(&earlier);
        let sheet = Sheet::new(&bed, &form, answers, posted.field("key").to_owned());
        let sheet = sheet.edit(&before, posted.field("base").to_owned());
        go_on(app, &posted, sheet, Some(before))
    })
    .await
}

/// Shows the form again with what was typed, or saves it.
fn go_on(app: &App, posted: &Posted, mut sheet: Sheet<'_>, before: Option<Before>) -> Result<Response, Failure> {
    let f = Frame::new(app, &posted.visitor, Tab::Patients)?;
    let mut writing = Writing::begin(app, posted)?;
    if posted.field("do") != "save" {
        return sheet.page(f);
    }
    // The same each time that this form is sent.
    let response = before.as_ref().map_or_else(|| writing.new_id(), |before| before.id.clone());
    let done = format!("/patients/{}/responses/{response}", sheet.bed.chart.id);
    // What an edit would be refused for by now may be what it made.
    if writing.is_saved()? || save(app, posted, &mut sheet, &response, before, writing, &f.v)? {
        return Ok(Redirect::to(&done).into_response());
    }
    sheet.status = StatusCode::UNPROCESSABLE_ENTITY;
    sheet.page(f)
}

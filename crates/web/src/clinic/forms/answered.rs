//! A form that was filled in, to be read.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use sanad_record::questionnaire as questions;

use super::held::form_of;
use super::save::Before;
use super::view::{Entry, entries};
use super::{author, text, title, unverified};
use crate::app::{App, Visitor};
use crate::clinic::bedside::Bed;
use crate::fhir::Who;
use crate::moment::written;
use crate::pages::{Frame, Tab, html};

#[derive(Template)]
#[template(path = "response.html")]
struct Page {
    f: Frame,
    id: String,
    who: Who,
    response: String,
    title: String,
    when: String,
    by: String,
    unverified: Option<String>,
    conflicts: bool,
    /// Whether its form is here at all.
    known: bool,
    /// Whether it was filled in with another version of its form than is here.
    other_version: bool,
    mistake: bool,
    entries: Vec<Entry>,
}

/// `GET /patients/{id}/responses/{rid}`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path((id, rid)): Path<(String, String)>) -> Response {
    app.page(visitor, move |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let (read, before) = Before::of(app, &bed, &rid)?;
        let canonical = text(read, "questionnaire");
        let form = form_of(app.clinic()?, canonical, app.now_ms())?;
        let answers = form.as_ref().and_then(|form| questions::answers_of(form, &before.raw).ok());
        let entries = match (&form, &answers) {
            (Some(form), Some(answers)) => entries(&f.v, questions::rows(form, answers, f.v.lang.tag())),
            _ => Vec::new(),
        };
        let page = Page {
            title: form.as_ref().map_or_else(|| f.t("form-unknown"), |form| title(&f.v, form)),
            when: written(&f.v, text(read, "authored")),
            by: author(read),
            unverified: form.as_ref().and_then(|form| unverified(&f.v, form)),
            conflicts: before.conflicts,
            known: answers.is_some(),
            other_version: form.as_ref().is_some_and(|form| form.canonical() != canonical),
            mistake: text(read, "status") == "entered-in-error",
            response: before.id,
            who: bed.who(&f),
            id: bed.chart.id.clone(),
            entries,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

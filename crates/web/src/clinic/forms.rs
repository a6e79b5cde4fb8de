//! Forms on the screens: any Questionnaire that can be read, filled in without a script, saved as a QuestionnaireResponse
//! with the Observations that it says.
//!
//! What the caller may rely on: what was typed stays on the page until it is saved, whatever was wrong with it; a form that
//! is sent twice is saved once; answers that an older version of a form asked for are kept; and no question is passed over
//! unseen: where an answer opens further ones, the page shows them before it saves.

pub(crate) mod answered;
pub(crate) mod fill;
mod held;
mod save;
mod view;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::questionnaire::{self as questions, Form};
use serde_json::Value;

use super::bedside::Bed;
use super::record::{self, Read};
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::moment::written;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Tab, html};
use crate::text::Voice;

/// Most stored forms that the list reads: a site has a dozen, and reading one is work.
const STORED_MAX: usize = 100;
/// Most earlier responses that the list shows, the newest.
const RESPONSES_MAX: usize = 50;

#[derive(Template)]
#[template(path = "forms.html")]
struct Page {
    f: Frame,
    id: String,
    who: Who,
    forms: Vec<FormLine>,
    /// Forms of the record that cannot be used, and why.
    refused: Vec<(String, String)>,
    filled: Vec<FilledLine>,
}

/// A form by what it says of itself.
struct FormLine {
    id: String,
    title: String,
    description: String,
    verified: bool,
}

/// A form that was filled in.
struct FilledLine {
    id: String,
    title: String,
    when: String,
    by: String,
    conflicts: bool,
}

impl FormLine {
    fn of(v: &Voice, form: &Form) -> FormLine {
        FormLine {
            id: form.id().to_owned(),
            title: title(v, form),
            description: form.description(v.lang.tag()).to_owned(),
            verified: form.verified().is_some(),
        }
    }
}

/// What a form is called; its id if it has no name.
fn title(v: &Voice, form: &Form) -> String {
    match form.title(v.lang.tag()) {
        "" => form.id().to_owned(),
        title => title.to_owned(),
    }
}

/// Where a form is from, while nobody has verified it.
fn unverified(v: &Voice, form: &Form) -> Option<String> {
    form.verified().is_none().then(|| form.copyright(v.lang.tag()).to_owned())
}

/// A member of a resource that is text.
fn text<'r>(read: &'r Read, member: &str) -> &'r str {
    read.value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// `GET /patients/{id}/forms`
pub(crate) async fn list(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let site = app.clinic()?;
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let bed = Bed::of(site, &id)?;
        if bed.chart.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/forms", bed.chart.id)).into_response());
        }
        let mut forms: Vec<FormLine> = questions::shipped().iter().map(|form| FormLine::of(&f.v, form)).collect();
        let mut refused = Vec::new();
        for read in record::find(site, "Questionnaire", &[], None, app.now_ms())?.iter().take(STORED_MAX) {
            let Some(raw) = record::raw(site, "Questionnaire", &read.key.id)? else { continue };
            if text(read, "status") == "retired" {
                continue;
            }
            match held::usable(&raw) {
                Ok(form) => {
                    // What a site has corrected stands in for what ships.
                    forms.retain(|line| line.id != form.id());
                    forms.push(FormLine::of(&f.v, &form));
                }
                Err(why) => refused.push((read.key.id.clone(), held::why_not(&f.v, &why))),
            }
        }
        let page = Page { filled: filled(app, &f.v, &bed)?, who: bed.who(&f), id, forms, refused, f };
        html(StatusCode::OK, &page)
    })
    .await
}

/// The forms that were filled in for a patient, newest first.
fn filled(app: &App, v: &Voice, bed: &Bed) -> Result<Vec<FilledLine>, Failure> {
    let mut found: Vec<&Read> = bed.chart.of("QuestionnaireResponse").iter().collect();
    found.retain(|read| text(read, "status") != "entered-in-error");
    found.sort_by_key(|read| std::cmp::Reverse((text(read, "authored"), &read.key.id)));
    let mut lines = Vec::new();
    for read in found.into_iter().take(RESPONSES_MAX) {
        let form = held::form_of(app.clinic()?, text(read, "questionnaire"), app.now_ms())?;
        lines.push(FilledLine {
            id: read.key.id.clone(),
            title: form.map_or_else(|| v.t("form-unknown"), |form| title(v, &form)),
            when: written(v, text(read, "authored")),
            by: author(read),
            conflicts: read.conflicts,
        });
    }
    Ok(lines)
}

/// The call sign of who answered.
fn author(read: &Read) -> String {
    read.value["author"]["display"].as_str().unwrap_or_default().to_owned()
}

//! A new person: nothing has to be known of them, and whoever they may be already is shown before they are made.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::person::{self as person_record, PersonParts};

use super::likeness::{Like, alike, wearer};
use super::person;
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};

#[derive(Template)]
#[template(path = "registration.html")]
struct Page {
    f: Frame,
    sheet: Sheet,
    /// Who they may be; a person decides before another is made.
    alike: Vec<Like>,
    /// Who wears the tag that was typed.
    wearer: Option<String>,
    key: String,
}

/// `GET /patients/new`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let (sheet, alike) = (Sheet::default(), Vec::new());
        let f = Frame::new(app, visitor, Tab::Patients)?;
        html(StatusCode::OK, &Page { f, sheet, alike, wearer: None, key: app.token() })
    })
    .await
}

/// `POST /patients/new`
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| make(app, visitor, &posted)).await
}

fn make(app: &App, visitor: &Visitor, posted: &Posted) -> Result<Response, Failure> {
    let mut writing = Writing::begin(app, posted)?;
    let id = writing.new_id();
    let there = || Ok(Redirect::to(&format!("/patients/{id}")).into_response());
    if writing.is_saved()? {
        return there();
    }
    let (site, now_ms) = (app.clinic()?, app.now_ms());
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let mut sheet = Sheet::of(posted);
    let page = |f, sheet, alike: Vec<Like>, wearer| {
        let status = if alike.is_empty() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
        html(status, &Page { f, sheet, alike, wearer, key: posted.field("key").to_owned() })
    };
    let Some(parts) = person::take(&f.v, &mut sheet, None, now_ms) else {
        return page(f, sheet, Vec::new(), None);
    };
    if person::is_empty(&parts) {
        sheet.refuse("tag", f.t("person-nothing"));
        return page(f, sheet, Vec::new(), None);
    }
    if let Some(other) = tag_of_another(site, &parts, None, now_ms)? {
        sheet.refuse("tag", f.t("person-tag-worn"));
        return page(f, sheet, Vec::new(), Some(other));
    }
    let patient = person_record::patient(&id, &parts, now_ms);
    if posted.field("sure") != "yes" {
        let alike = alike(&f, site, &patient, None)?;
        if !alike.is_empty() {
            return page(f, sheet, alike, None);
        }
    }
    writing.add(patient);
    writing.save()?;
    there()
}

/// Who wears the tag of these parts already.
pub(super) fn tag_of_another(
    site: &sanad_node::site::Site,
    parts: &PersonParts,
    own: Option<&str>,
    now_ms: u64,
) -> Result<Option<String>, Failure> {
    match &parts.tag {
        Some(tag) => Ok(wearer(site, tag, own, now_ms)?),
        None => Ok(None),
    }
}

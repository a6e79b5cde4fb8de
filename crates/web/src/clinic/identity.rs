//! Who somebody is: the full identity, which few see, completed and corrected.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::person::{self as person_record, PersonParts};
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;
use sanad_store::Resource;

use super::person;
use super::registration::tag_of_another;
use super::sheet::Sheet;
use super::write::Writing;
use crate::Can;
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;

#[derive(Template)]
#[template(path = "identity.html")]
struct Page {
    f: Frame,
    id: String,
    who: Who,
    sheet: Sheet,
    wearer: Option<String>,
    /// The version that the form was filled with.
    seen: String,
    key: String,
}

/// `GET /patients/{id}/identity`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let page = app.clinic()?.reader().patient(&id).map_err(SourceError::from)?.ok_or(Failure::Missing)?;
        if page.row.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/identity", page.row.id)).into_response());
        }
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let (resource, parts) = now(app, &id)?;
        let mut sheet = Sheet::default();
        person::begin(&f.v, &mut sheet, &parts);
        let who = fhir::who(&f.v, resource.raw.as_deref().unwrap_or_default(), f.year());
        html(StatusCode::OK, &Page { f, id, who, sheet, wearer: None, seen: seen(&resource), key: app.token() })
    })
    .await
}

/// `POST /patients/{id}/identity`
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| change(app, visitor, id, &posted)).await
}

fn change(app: &App, visitor: &Visitor, id: String, posted: &Posted) -> Result<Response, Failure> {
    let mut writing = Writing::begin(app, posted)?;
    // Whoever may register may see whom they register; the two are asked apart all the same.
    let there = if visitor.may(Can::Charts) { format!("/patients/{id}") } else { format!("/patients/{id}/identity") };
    if writing.is_saved()? {
        return Ok(Redirect::to(&there).into_response());
    }
    let now_ms = app.now_ms();
    let (resource, current) = now(app, &id)?;
    let base = base(app, &resource, posted.field("seen"))?.unwrap_or(current);
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let mut sheet = Sheet::of(posted);
    let typed = person::take(&f.v, &mut sheet, Some(&base), now_ms);
    let wearer = match &typed {
        Some(typed) if typed.tag != base.tag => tag_of_another(app.clinic()?, typed, Some(&id), now_ms)?,
        _ => None,
    };
    if wearer.is_some() {
        sheet.refuse("tag", f.t("person-tag-worn"));
    }
    let Some(typed) = typed.filter(|_| sheet.is_sound()) else {
        let who = fhir::who(&f.v, resource.raw.as_deref().unwrap_or_default(), f.year());
        let (seen, key) = (posted.field("seen").to_owned(), posted.field("key").to_owned());
        return html(StatusCode::UNPROCESSABLE_ENTITY, &Page { f, id, who, sheet, wearer, seen, key });
    };
    writing.edit(resource.key, move |patient| {
        let stands = person_record::read(patient)?;
        Some(person_record::edit(patient, &person::over(&base, &typed, &stands), now_ms))
    });
    writing.save()?;
    Ok(Redirect::to(&there).into_response())
}

fn now(app: &App, id: &str) -> Result<(Resource, PersonParts), Failure> {
    let key = ResourceKey::new("Patient", id).map_err(|_| Failure::Missing)?;
    let resource = app.clinic()?.reader().resource(&key).map_err(SourceError::from)?.ok_or(Failure::Missing)?;
    let parts = read(resource.raw.as_deref().ok_or(Failure::Missing)?).ok_or(Failure::Broken)?;
    Ok((resource, parts))
}

fn read(raw: &[u8]) -> Option<PersonParts> {
    person_record::read(&serde_json::from_slice(raw).ok()?)
}

/// The version that a form is filled with; nothing where several stand beside each other, which are shown merged.
fn seen(resource: &Resource) -> String {
    match &resource.heads[..] {
        [one] => one.to_string(),
        _ => String::new(),
    }
}

/// What the form was filled with, if that version is still held.
fn base(app: &App, resource: &Resource, seen: &str) -> Result<Option<PersonParts>, Failure> {
    let Ok(version) = seen.parse::<VersionId>() else { return Ok(None) };
    let raw = app.clinic()?.reader().version_raw(&resource.key, &version).map_err(SourceError::from)?;
    Ok(raw.as_deref().and_then(read))
}

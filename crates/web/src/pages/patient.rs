//! One patient's chart.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::failure::Failure;
use super::rows::{self, LaneView, PlaceView, ResourceView};
use super::{Frame, Pager, Query, Tab, html};
use crate::app::{App, Visitor};
use crate::clinic::summary::Summary;
use crate::fhir::{self, Who};
use crate::model::PatientPage;
use crate::moment::written;

/// What a reader needs first stands first; types not named here follow in the order of their names.
const ORDER: [&str; 12] = [
    "Condition",
    "Procedure",
    "MedicationAdministration",
    "MedicationRequest",
    "MedicationStatement",
    "Observation",
    "DiagnosticReport",
    "Immunization",
    "Encounter",
    "ServiceRequest",
    "CarePlan",
    "Composition",
];

/// What is about money or about the record itself stands last.
const LAST: [&str; 6] = ["AuditEvent", "Claim", "ClaimResponse", "Coverage", "ExplanationOfBenefit", "Provenance"];

fn place(resource_type: &str) -> usize {
    match ORDER.iter().position(|known| *known == resource_type) {
        Some(place) => place,
        None if LAST.contains(&resource_type) => ORDER.len() + 1,
        None => ORDER.len(),
    }
}

#[derive(Template)]
#[template(path = "patient.html")]
struct Page {
    f: Frame,
    p: PatientPage,
    who: Who,
    lanes: Vec<LaneView>,
    places: Vec<PlaceView>,
    /// What the clinic needs first; nothing on screens that show a record that does not change.
    clinic: Option<Summary>,
    allergies: Option<GroupView>,
    groups: Vec<GroupView>,
    grants: Vec<GrantView>,
}

/// To whom the chart was opened, by whom, and when.
struct GrantView {
    said: String,
    when: String,
}

struct GroupView {
    name: String,
    total: u64,
    /// Where all of them are, if not all are shown.
    all: Option<String>,
    rows: Vec<ResourceView>,
}

/// `/patients/{id}`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let mut p = app.source().patient(&id)?.ok_or(Failure::Missing)?;
        if p.id != id {
            return Ok(Redirect::to(&format!("/patients/{}", p.id)).into_response());
        }
        let mut groups = std::mem::take(&mut p.groups);
        groups.sort_by_key(|group| (place(&group.resource_type), group.resource_type.clone()));
        let mut allergies = None;
        let mut views = Vec::with_capacity(groups.len());
        for group in groups {
            let shown = group.newest.len() as u64;
            let view = GroupView {
                name: fhir::type_name(&f.v, &group.resource_type),
                total: group.total,
                all: (group.total > shown).then(|| format!("/patients/{}/{}", p.id, group.resource_type)),
                rows: group.newest.iter().map(|row| rows::resource(&f, &p.id, row)).collect(),
            };
            match group.resource_type.as_str() {
                "AllergyIntolerance" => allergies = Some(view),
                _ => views.push(view),
            }
        }
        let who = fhir::who(&f.v, &p.raw, f.year());
        let lanes = rows::lanes(&f, &p.lanes);
        let places = p.places.iter().map(|place| rows::place(&f, place)).collect();
        let said = |grant: &crate::model::GrantRow| match &grant.by {
            Some(by) => f.v.with3("grant-by", [("to", &grant.to), ("from", &grant.from), ("by", by)]),
            None => f.v.with2("grant-by-policy", ("to", &grant.to), ("from", &grant.from)),
        };
        let grants = p.grants.iter();
        let grants =
            grants.map(|grant| GrantView { said: said(grant), when: written(&f.v, &grant.recorded) }).collect();
        let clinic = Summary::of(app, &f, &p)?;
        html(StatusCode::OK, &Page { clinic, who, lanes, places, allergies, groups: views, grants, f, p })
    })
    .await
}

#[derive(Template)]
#[template(path = "kind.html")]
struct KindPage {
    f: Frame,
    patient: String,
    who: Who,
    name: String,
    total: u64,
    rows: Vec<ResourceView>,
    pager: Pager,
}

/// `/patients/{id}/{type}`
pub(crate) async fn kind(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, resource_type)): Path<(String, String)>,
    Query(query): Query,
) -> Response {
    app.page(visitor, move |app, visitor| {
        if !sanad_record::key::is_resource_type(&resource_type) {
            return Err(Failure::Missing);
        }
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let p = app.source().patient(&id)?.ok_or(Failure::Missing)?;
        let listing = app.source().resources_of(&id, &resource_type, query.number())?.ok_or(Failure::Missing)?;
        let page = KindPage {
            pager: Pager::new(&listing, format!("/patients/{id}/{resource_type}?page=")),
            total: listing.total.unwrap_or_default(),
            who: fhir::who(&f.v, &p.raw, f.year()),
            name: fhir::type_name(&f.v, &resource_type),
            rows: listing.rows.iter().map(|row| rows::resource(&f, &id, row)).collect(),
            patient: p.id,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

//! The injuries of a patient on a body, front and back: what was found, and what has healed since.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::injury::{self, Injury, InjuryError, KINDS, REGIONS};
use sanad_record::key::ResourceKey;
use serde_json::{Value, json};

use super::bedside::Bed;
use super::body;
use super::record::Read;
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::{Voice, grouped};

#[derive(Template)]
#[template(path = "injuries.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    /// The body as markup of our own.
    body: String,
    rows: Vec<Row>,
    regions: Vec<(&'static str, String)>,
    kinds: Vec<(&'static str, String)>,
}

/// One injury that stands.
struct Row {
    /// The id of the Condition.
    id: String,
    what: String,
    note: String,
    at_ms: u64,
    by: String,
    conflicts: bool,
    key: String,
}

/// A region in words.
pub(crate) fn region_words(v: &Voice, region: &str) -> String {
    v.t(&format!("region-{region}"))
}

/// An injury in one line: what, and where.
pub(crate) fn injury_words(v: &Voice, injury: &Injury) -> String {
    let (what, place) = (v.t(&format!("injury-{}", injury.kind)), region_words(v, injury.region));
    v.with2("injury-at", ("what", &what), ("place", &place))
}

/// The injuries of a chart that stand, oldest first: the first that was seen keeps its number on the body.
pub(crate) fn standing(conditions: &[Read]) -> Vec<(Injury, &Read)> {
    let mut all: Vec<_> = conditions.iter().filter_map(|read| Some((Injury::read(&read.value)?, read))).collect();
    all.sort_by(|(_, a), (_, b)| {
        let recorded = |read: &Read| read.value["recordedDate"].as_str().unwrap_or_default().to_owned();
        (recorded(a), &a.key.id).cmp(&(recorded(b), &b.key.id))
    });
    all
}

/// `GET /patients/{id}/injuries`
pub(crate) async fn get(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let mut s = Sheet::default();
        // The region that was tapped.
        let tapped = query.as_deref().and_then(|query| query.strip_prefix("at=")).unwrap_or_default();
        if REGIONS.contains(&tapped) {
            s.begin("region", tapped);
        }
        page(app, visitor, &id, StatusCode::OK, s)
    })
    .await
}

fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/injuries", bed.chart.id)).into_response());
    }
    let all = standing(bed.chart.of("Condition"));
    let injuries: Vec<Injury> = all.iter().map(|(injury, _)| injury.clone()).collect();
    let to = |region: &str| f.may(crate::Can::Notes).then(|| format!("/patients/{id}/injuries?at={region}#new"));
    let page = Page {
        body: body::svg(&f.t("injuries-body"), &injuries, &|region| region_words(&f.v, region), &to),
        rows: all
            .iter()
            .map(|(injury, read)| Row {
                id: read.key.id.clone(),
                what: injury_words(&f.v, injury),
                note: injury.note.clone(),
                at_ms: read.updated_ms,
                by: read.value["asserter"]["display"].as_str().unwrap_or_default().to_owned(),
                conflicts: read.conflicts,
                key: app.token(),
            })
            .collect(),
        regions: REGIONS.map(|region| (region, region_words(&f.v, region))).into(),
        kinds: KINDS.map(|kind| (kind, f.t(&format!("injury-{kind}")))).into(),
        who: bed.who(&f),
        id: bed.chart.id.clone(),
        key: app.token(),
        s,
        f,
    };
    html(status, &page)
}

/// `POST /patients/{id}/injuries`: a new one; or that one has healed, or was written by mistake.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        match posted.field("do") {
            "add" => {
                if s.text("region").is_none() {
                    s.refuse("region", v.t("injuries-where-missing"));
                }
                if s.text("kind").is_none() {
                    s.refuse("kind", v.t("injuries-what-missing"));
                }
                let made = Injury::new(posted.field("region"), posted.field("kind"), posted.field("note"));
                if let Err(error) = made {
                    let (field, said) = refused(&v, error);
                    s.refuse(field, said);
                    return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
                }
                let recorded = app.calendar().machine(app.now_ms());
                let new = writing.new_id();
                writing.add(made.map_err(|_| Failure::Broken)?.condition(&new, &bed.chart.id, &recorded, visitor.by()));
            }
            "healed" => writing.edit(named(&bed, posted.field("id"))?, |condition| {
                status(condition, "clinicalStatus", "condition-clinical", "resolved")
            }),
            "mistake" => writing.edit(named(&bed, posted.field("id"))?, |condition| {
                status(condition, "verificationStatus", "condition-ver-status", "entered-in-error")
            }),
            _ => return Err(Failure::ForeignForm),
        }
        writing.save()?;
        Ok(Redirect::to(&format!("/patients/{}/injuries", bed.chart.id)).into_response())
    })
    .await
}

/// One of the chart's injuries, by its id.
fn named(bed: &Bed, id: &str) -> Result<ResourceKey, Failure> {
    let found = bed.chart.of("Condition").iter().find(|read| read.key.id == id);
    found.map(|read| read.key.clone()).ok_or(Failure::Missing)
}

/// A Condition whose status is another. A condition that was entered in error says nothing of being active (R4, con-5).
fn status(condition: &Value, element: &str, system: &str, code: &str) -> Option<Value> {
    let mut made = condition.clone();
    let system = format!("http://terminology.hl7.org/CodeSystem/{system}");
    made[element] = json!({ "coding": [{ "system": system, "code": code }] });
    if code == "entered-in-error" {
        made.as_object_mut()?.remove("clinicalStatus");
    }
    Some(made)
}

fn refused(v: &Voice, error: InjuryError) -> (&'static str, String) {
    match error {
        InjuryError::Region => ("region", v.t("injuries-where-missing")),
        InjuryError::Kind => ("kind", v.t("injuries-what-missing")),
        InjuryError::Note => ("note", v.with("field-too-long", "max", &grouped(injury::NOTE_CHARS_MAX as u64))),
    }
}

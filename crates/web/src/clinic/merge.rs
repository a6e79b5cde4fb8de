//! Two records that are one person, and two that were taken for one: who may be the same as this patient, the two beside
//! each other, the merge, and the way back. Nothing here decides: a person looks at both and presses the button.
//!
//! A merge writes the links of the two Patients and nothing else (see [`sanad_record::link`]): each record keeps what it
//! has, and the way back gives each its own again, with whatever was written meanwhile.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::person as person_record;
use sanad_record::key::ResourceKey;
use sanad_record::link::{merge_patients, replaced_by, unmerge_patients};
use serde_json::Value;

use super::bedside::Bed;
use super::board_page::colour_code;
use super::casualty::sorts;
use super::injuries::standing;
use super::likeness::{Like, alike, compare};
use super::record::one;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::source::SourceError;

/// Earlier versions that are read to learn what a Patient was before a merge, the newest: who is edited more often than
/// this after a merge is taken for one in use.
const VERSIONS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "alike.html")]
struct AlikePage {
    f: Frame,
    id: String,
    who: Who,
    alike: Vec<Like>,
    merged: Vec<Merged>,
}

/// Somebody who was merged into this patient.
struct Merged {
    id: String,
    who: Who,
    key: String,
}

/// `GET /patients/{id}/alike`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let (f, site) = (Frame::new(app, visitor, Tab::Patients)?, app.clinic()?);
        let bed = Bed::of(site, &id)?;
        if bed.chart.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/alike", bed.chart.id)).into_response());
        }
        let patient = one(site, "Patient", &id)?.ok_or(Failure::Missing)?;
        let merged = merged_into(site, &id)?.into_iter().map(|id| {
            let found = one(site, "Patient", &id)?;
            let raw = found.map(|read| read.value.to_string().into_bytes()).unwrap_or_default();
            Ok(Merged { who: super::board_page::who_of(&f, &id, &raw), id, key: app.token() })
        });
        let merged = merged.collect::<Result<_, SourceError>>()?;
        let alike = alike(&f, site, &patient.value, Some(&id))?;
        app.opened(visitor, [&id]);
        html(StatusCode::OK, &AlikePage { who: bed.who(&f), alike, merged, id, f })
    })
    .await
}

fn merged_into(site: &Site, id: &str) -> Result<Vec<String>, SourceError> {
    let page = site.reader().patient(id)?;
    Ok(page.filter(|page| page.row.id == id).map(|page| page.row.survivor_of).unwrap_or_default())
}

#[derive(Template)]
#[template(path = "merge.html")]
struct Page {
    f: Frame,
    id: String,
    other: String,
    sides: [Who; 2],
    rows: Vec<Row>,
    same: String,
    differs: String,
    key: String,
}

/// One line of the two beside each other.
struct Row {
    name: String,
    values: [String; 2],
}

impl Row {
    /// Whether both say something, and not the same.
    fn differs(&self) -> bool {
        let [a, b] = &self.values;
        a != b && !a.is_empty() && !b.is_empty()
    }
}

/// `GET /patients/{id}/merge/{other}`
pub(crate) async fn beside(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, other)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let (f, site) = (Frame::new(app, visitor, Tab::Patients)?, app.clinic()?);
        let beds = [Bed::of(site, &id)?, Bed::of(site, &other)?];
        if beds[0].chart.id == beds[1].chart.id {
            return Ok(Redirect::to(&format!("/patients/{}/alike", beds[0].chart.id)).into_response());
        }
        if beds[0].chart.id != id || beds[1].chart.id != other {
            let there = format!("/patients/{}/merge/{}", beds[0].chart.id, beds[1].chart.id);
            return Ok(Redirect::to(&there).into_response());
        }
        let patients = beds.each_ref().map(|bed| serde_json::from_slice::<Value>(&bed.chart.patient).ok());
        let (same, differs) = match &patients {
            [Some(a), Some(b)] => compare(&f, a, b),
            _ => return Err(Failure::Missing),
        };
        app.opened(visitor, [&id, &other]);
        let (sides, rows) = (beds.each_ref().map(|bed| bed.who(&f)), rows(&f, &beds, &patients));
        html(StatusCode::OK, &Page { id, other, sides, rows, same, differs, key: app.token(), f })
    })
    .await
}

fn rows(f: &Frame, beds: &[Bed; 2], patients: &[Option<Value>; 2]) -> Vec<Row> {
    let parts = patients.each_ref().map(|patient| patient.as_ref().and_then(person_record::read).unwrap_or_default());
    let names = parts.each_ref().map(|parts| {
        let names = [&parts.call_name, &parts.given, &parts.father, &parts.grandfather, &parts.family];
        names.into_iter().flatten().cloned().collect::<Vec<_>>().join(" ")
    });
    let born = patients.each_ref().map(|patient| {
        let born = patient.as_ref().and_then(|patient| patient.get("birthDate")).and_then(Value::as_str);
        born.unwrap_or_default().to_owned()
    });
    let colours = beds.each_ref().map(|bed| {
        let newest = sorts(&bed.chart).first().map(|sort| sort.colour);
        newest.map(|colour| f.t(&format!("colour-{}", colour_code(Some(colour))))).unwrap_or_default()
    });
    let injuries = beds.each_ref().map(|bed| f.count(&(standing(bed.chart.of("Condition")).len() as u64)));
    let seen = beds.each_ref().map(|bed| bed.chart.newest_ms().map(|at_ms| f.time(&at_ms)).unwrap_or_default());
    let tags = beds.each_ref().map(|bed| fhir::who(&f.v, &bed.chart.patient, f.year()).tag.unwrap_or_default());
    let sex =
        parts.each_ref().map(|parts| parts.sex.map(|sex| f.t(&format!("sex-{}", sex.code()))).unwrap_or_default());
    [
        ("merge-name", names),
        ("person-mother", parts.each_ref().map(|parts| parts.mother.clone().unwrap_or_default())),
        ("person-tag", tags),
        ("person-sex", sex),
        ("person-born", born),
        ("merge-colour", colours),
        ("injuries", injuries),
        ("merge-seen", seen),
    ]
    .map(|(name, values)| Row { name: f.t(name), values })
    .into()
}

/// `POST /patients/{id}/merge/{other}`: they are one person, and `id` is who is kept.
pub(crate) async fn merge(
    State(app): State<App>,
    Path((id, other)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, _| {
        let mut writing = Writing::begin(app, &posted)?;
        let there = || Ok(Redirect::to(&format!("/patients/{id}")).into_response());
        if writing.is_saved()? {
            return there();
        }
        let site = app.clinic()?;
        let charts = [Bed::of(site, &id)?.chart, Bed::of(site, &other)?.chart];
        if charts[0].id == charts[1].id {
            return there();
        }
        // One of them went into a third record since the page was made: the two have to be looked at again.
        if charts[0].id != id || charts[1].id != other {
            return Ok(Redirect::to(&format!("/patients/{}/merge/{}", charts[0].id, charts[1].id)).into_response());
        }
        let [into_raw, from_raw] = charts.map(|chart| chart.patient);
        let (from, into) = (other.clone(), id.clone());
        writing.edit(patient_key(&other)?, move |patient| {
            edited(patient, |raw| Some(merge_patients(raw, &from, &into_raw, &into).ok()?.0))
        });
        let (from, into) = (other.clone(), id.clone());
        writing.edit(patient_key(&id)?, move |patient| {
            edited(patient, |raw| Some(merge_patients(&from_raw, &from, raw, &into).ok()?.1))
        });
        writing.save()?;
        there()
    })
    .await
}

/// `POST /patients/{id}/unmerge/{other}`: they are not one person; `other` is who was merged into `id`, or into somebody
/// who was.
pub(crate) async fn unmerge(
    State(app): State<App>,
    Path((id, other)): Path<(String, String)>,
    posted: Posted,
) -> Response {
    app.page(posted.visitor.clone(), move |app, _| {
        let mut writing = Writing::begin(app, &posted)?;
        let there = || Ok(Redirect::to(&format!("/patients/{other}")).into_response());
        if writing.is_saved()? {
            return there();
        }
        let site = app.clinic()?;
        if !merged_into(site, &id)?.contains(&other) {
            return there();
        }
        let own = one(site, "Patient", &other)?.ok_or(Failure::Missing)?.value;
        let mut targets = Vec::new();
        for target in replaced_by(&own) {
            // Two sites may have merged the same two, each into the other: both links go.
            if let Some(read) = one(site, "Patient", &target)? {
                let is_circle = replaced_by(&read.value).contains(&other);
                targets.push((target, read.value, is_circle));
            }
        }
        for (target, _, is_circle) in &targets {
            let was = match is_circle {
                true => Some(was_active(site, target)?),
                false => None,
            };
            let (from, into, own) = (other.clone(), target.clone(), own.to_string().into_bytes());
            writing.edit(patient_key(target)?, move |patient| {
                edited(patient, |raw| {
                    let (_, apart) = unmerge_patients(&own, &from, raw, &into, None).ok()?;
                    match was {
                        Some(was) => Some(unmerge_patients(&apart, &into, &own, &from, was).ok()?.0),
                        None => Some(apart),
                    }
                })
            });
        }
        let (from, was) = (other.clone(), was_active(site, &other)?);
        writing.edit(patient_key(&other)?, move |patient| {
            edited(patient, |raw| {
                targets.iter().try_fold(raw.to_vec(), |raw, (target, value, is_circle)| {
                    let into_raw = value.to_string().into_bytes();
                    let apart = unmerge_patients(&raw, &from, &into_raw, target, was).ok()?.0;
                    match is_circle {
                        true => Some(unmerge_patients(&into_raw, target, &apart, &from, None).ok()?.1),
                        false => Some(apart),
                    }
                })
            })
        });
        writing.save()?;
        there()
    })
    .await
}

/// An edit of a resource's bytes as one of its value.
fn edited(patient: &Value, edit: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Value> {
    serde_json::from_slice(&edit(patient.to_string().as_bytes())?).ok()
}

fn patient_key(id: &str) -> Result<ResourceKey, Failure> {
    ResourceKey::new("Patient", id).map_err(|_| Failure::Missing)
}

/// What `Patient.active` said before somebody was merged away: what the newest version without such a link says.
fn was_active(site: &Site, id: &str) -> Result<Option<bool>, Failure> {
    let Ok(key) = ResourceKey::new("Patient", id) else { return Ok(None) };
    let reader = site.reader();
    for version in reader.versions(&key).map_err(SourceError::from)?.into_iter().take(VERSIONS_MAX) {
        let raw = reader.version_raw(&key, &version.id).map_err(SourceError::from)?.unwrap_or_default();
        let Ok(patient) = serde_json::from_slice::<Value>(&raw) else { continue };
        if replaced_by(&patient).is_empty() {
            return Ok(patient.get("active").and_then(Value::as_bool));
        }
    }
    Ok(None)
}

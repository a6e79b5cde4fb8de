//! The ward: the beds of this facility and who lies where; and the sheet of a shift that is handed over, for paper.
//!
//! Who lies in a bed is said by the stay. Two people may have given one bed to two patients at the same moment: both are
//! shown in it, and one of them is moved.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::care::bed::{self, NAME_CHARS_MAX};
use sanad_record::care::{input, stay};
use sanad_record::key::ResourceKey;

use super::bedside::Bed;
use super::board::Casualty;
use super::board_page::{self, input_words, provisional};
use super::injuries::{injury_words, standing};
use super::notes;
use super::record::find;
use super::sheet::Sheet;
use super::theatre::operations_ahead;
use super::vitals::{Newest, newest_of};
use super::write::Writing;
use crate::Can;
use crate::app::{App, Visitor};
use crate::fhir;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};

/// What a handover looks back on: a shift.
const SHIFT_MS: u64 = 12 * 60 * 60 * 1000;
/// Most patients on a sheet of handover, those in beds first; the sheet says how many there are.
const SHEET_MAX: usize = 100;
/// Most lines of one patient on the sheet, of each kind: it is read out standing.
const LINES_MAX: usize = 6;

#[derive(Template)]
#[template(path = "ward.html")]
struct Page {
    f: Frame,
    s: Sheet,
    beds: Vec<BedRow>,
    /// Those without a bed, the worst first.
    waiting: Vec<Lying>,
    free: u64,
    present: u64,
    /// Of the form for a new bed.
    key: String,
    /// Of the form that gives somebody a bed.
    lay_key: String,
}

/// A bed and who lies in it.
struct BedRow {
    id: String,
    name: String,
    lying: Vec<Lying>,
    key: String,
}

/// Somebody on the ward.
struct Lying {
    row: board_page::Row,
    /// The id of the Encounter: what is changed when somebody is moved.
    stay: String,
    key: String,
}

/// The beds of this facility that are in use, in the order of their names.
fn beds(site: &Site, now_ms: u64) -> Result<Vec<bed::Bed>, Failure> {
    let here = site.facility().to_string();
    let found = find(site, "Location", &[("status", "active")], None, now_ms)?;
    let mut beds: Vec<_> = found.iter().filter_map(|read| bed::read(&read.value)).collect();
    beds.retain(|bed| bed.facility == here);
    beds.sort_by(|a, b| (a.name.chars().count(), &a.name, &a.id).cmp(&(b.name.chars().count(), &b.name, &b.id)));
    Ok(beds)
}

/// Those whose stay is open here, the worst first.
fn present(app: &App) -> Result<Vec<Casualty>, Failure> {
    let here = app.clinic()?.call_sign();
    let board = app.board()?;
    let is_here = |casualty: &&&Casualty| casualty.stay.provider.as_deref().is_none_or(|at| at == here);
    Ok(board.rows().iter().filter(is_here).map(|casualty| (*casualty).clone()).collect())
}

fn lying(app: &App, f: &Frame, casualty: &Casualty) -> Lying {
    Lying { row: board_page::row(f, casualty), stay: casualty.stay.id.clone(), key: app.token() }
}

/// Those who lie in each bed, by its id, and those who lie in none of these.
fn by_bed<'c>(beds: &[bed::Bed], present: &'c [Casualty]) -> (BTreeMap<String, Vec<&'c Casualty>>, Vec<&'c Casualty>) {
    let (mut by_bed, mut none) = (BTreeMap::<String, Vec<_>>::new(), Vec::new());
    for casualty in present {
        match casualty.stay.parts.location.as_ref().filter(|at| beds.iter().any(|bed| bed.id == **at)) {
            Some(at) => by_bed.entry(at.clone()).or_default().push(casualty),
            None => none.push(casualty),
        }
    }
    (by_bed, none)
}

/// `GET /ward`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, Sheet::default())).await
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Ward)?;
    let (beds, present) = (beds(app.clinic()?, f.calendar.now_ms)?, present(app)?);
    let (mut lie, none) = by_bed(&beds, &present);
    let row = |bed: bed::Bed| {
        let lying = lie.remove(&bed.id).unwrap_or_default().into_iter().map(|one| lying(app, &f, one)).collect();
        BedRow { lying, id: bed.id, name: bed.name, key: app.token() }
    };
    let beds: Vec<_> = beds.into_iter().map(row).collect();
    let free = beds.iter().filter(|bed| bed.lying.is_empty()).count() as u64;
    let waiting: Vec<_> = none.into_iter().map(|one| lying(app, &f, one)).collect();
    let present = present.len() as u64;
    html(status, &Page { beds, waiting, free, present, s, key: app.token(), lay_key: app.token(), f })
}

/// `POST /ward`: a new bed; a bed that is closed; somebody who is laid into one, or gets up from it.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        if writing.is_saved()? {
            return Ok(Redirect::to("/ward").into_response());
        }
        let (site, now_ms) = (app.clinic()?, app.now_ms());
        let (beds, present) = (beds(site, now_ms)?, present(app)?);
        let named = |id: &str| beds.iter().find(|bed| bed.id == id);
        let is_taken = |id: &str| present.iter().any(|one| one.stay.parts.location.as_deref() == Some(id));
        match posted.field("do") {
            "add" => {
                let name = s.take("name", |text| input::line(text, NAME_CHARS_MAX), |error| input_words(&v, error));
                match name.flatten() {
                    Some(name) if beds.iter().any(|bed| bed.name == name) => s.refuse("name", v.t("ward-bed-twice")),
                    Some(name) => {
                        let id = writing.new_id();
                        writing.add(bed::make(&id, &name, &site.facility().to_string()));
                    }
                    None => s.refuse("name", v.t("ward-bed-unnamed")),
                }
            }
            "close" => match named(posted.field("bed")) {
                Some(bed) if is_taken(&bed.id) => s.refuse("bed", v.t("ward-bed-taken")),
                Some(found) => {
                    let key = ResourceKey::new("Location", found.id.clone()).map_err(|_| Failure::Missing)?;
                    writing.edit(key, |location| Some(bed::close(location)));
                }
                None => s.refuse("bed", v.t("ward-bed-gone")),
            },
            "lie" => match named(posted.field("bed")) {
                Some(bed) if is_taken(&bed.id) => s.refuse("bed", v.t("ward-bed-taken")),
                Some(bed) => {
                    let (id, name) = (bed.id.clone(), bed.name.clone());
                    writing.edit(stay_of(&present, posted.field("stay"))?, move |encounter| {
                        let before = stay::read(encounter)?.parts;
                        let (place, location) = (Some(name.clone()), Some(id.clone()));
                        let parts = stay::Parts { inpatient: true, place, location, ..before };
                        Some(stay::edit(encounter, &parts, now_ms))
                    });
                }
                None => s.refuse("bed", v.t("ward-bed-gone")),
            },
            "free" => {
                let left = posted.field("bed").to_owned();
                writing.edit(stay_of(&present, posted.field("stay"))?, move |encounter| {
                    // Who was laid elsewhere meanwhile stays there.
                    let before = stay::read(encounter)?.parts;
                    if before.location.as_deref() != Some(&*left) {
                        return None;
                    }
                    let parts = stay::Parts { place: None, location: None, ..before };
                    Some(stay::edit(encounter, &parts, now_ms))
                });
            }
            _ => return Err(Failure::ForeignForm),
        }
        if !s.is_sound() {
            return page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, s);
        }
        writing.save()?;
        Ok(Redirect::to("/ward").into_response())
    })
    .await
}

/// The stay of somebody who is here.
fn stay_of(present: &[Casualty], id: &str) -> Result<ResourceKey, Failure> {
    let found = present.iter().find(|casualty| casualty.stay.id == id).ok_or(Failure::Missing)?;
    ResourceKey::new("Encounter", found.stay.id.clone()).map_err(|_| Failure::Missing)
}

#[derive(Template)]
#[template(path = "handover.html")]
struct SheetPage {
    f: Frame,
    rows: Vec<SheetRow>,
    /// How many of how many, if the sheet does not show all of them.
    cut: Option<String>,
}

/// One patient of the sheet. It names nobody: a sheet of paper is left lying.
struct SheetRow {
    bed: String,
    tag: String,
    about: String,
    colour: String,
    next_step: String,
    /// What only those see who see charts.
    chart: Option<Seen>,
}

struct Seen {
    injuries: Vec<String>,
    vitals: Vec<Newest>,
    /// Those planned and those that go on.
    operations: Vec<String>,
    notes: Vec<notes::Row>,
    written: u64,
}

/// `GET /ward/handover`
pub(crate) async fn handover(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        let (f, site) = (Frame::new(app, visitor, Tab::Ward)?, app.clinic()?);
        let (beds, present) = (beds(site, f.calendar.now_ms)?, present(app)?);
        let (mut lie, none) = by_bed(&beds, &present);
        let in_beds = beds.iter().flat_map(|bed| {
            lie.remove(&bed.id).unwrap_or_default().into_iter().map(|casualty| (bed.name.clone(), casualty))
        });
        let in_beds: Vec<_> = in_beds.collect();
        let all = in_beds.into_iter().chain(none.into_iter().map(|casualty| (f.t("ward-no-bed"), casualty)));
        let rows = all.take(SHEET_MAX).map(|(bed, casualty)| sheet_row(site, &f, bed, casualty));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        if f.may(Can::Charts) {
            app.opened(visitor, present.iter().take(SHEET_MAX).map(|casualty| &casualty.id));
        }
        let [shown, all] = [rows.len(), present.len()].map(|count| f.count(&(count as u64)));
        let cut = (present.len() > rows.len()).then(|| f.v.with2("handover-first", ("shown", &shown), ("all", &all)));
        html(StatusCode::OK, &SheetPage { rows, cut, f })
    })
    .await
}

fn sheet_row(site: &Site, f: &Frame, bed: String, casualty: &Casualty) -> Result<SheetRow, Failure> {
    let who = fhir::who(&f.v, &casualty.patient, f.year());
    let chart = match f.may(Can::Charts).then(|| Bed::of(site, &casualty.id)) {
        Some(Ok(bed)) => Some(seen(f, &bed)),
        // One whose chart cannot be read here stands on the sheet by what the board knows.
        Some(Err(Failure::Missing)) | None => None,
        Some(Err(error)) => return Err(error),
    };
    Ok(SheetRow {
        bed,
        tag: who.tag.unwrap_or_else(|| provisional(&casualty.id)),
        about: who.about,
        colour: f.t(&format!("colour-{}", board_page::colour_code(casualty.colour()))),
        next_step: casualty.stay.parts.next_step.clone().unwrap_or_default(),
        chart,
    })
}

fn seen(f: &Frame, bed: &Bed) -> Seen {
    let since_ms = f.calendar.now_ms.saturating_sub(SHIFT_MS);
    let injuries = standing(bed.chart.of("Condition")).into_iter().map(|(injury, _)| injury_words(&f.v, &injury));
    let notes = notes::rows(bed).into_iter().filter(|note| note.at_ms >= since_ms);
    Seen {
        injuries: injuries.take(LINES_MAX).collect(),
        vitals: newest_of(f, bed),
        operations: operations_ahead(f, bed).into_iter().take(LINES_MAX).collect(),
        notes: notes.take(LINES_MAX).collect(),
        written: bed.chart.written_since(since_ms),
    }
}

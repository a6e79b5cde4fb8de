//! Photos of a patient: taken with a phone, cleaned before they are kept, and faces made unrecognisable where somebody
//! asks for it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::input;
use sanad_record::key::ResourceKey;
use sanad_record::written::{self, NAME_CHARS_MAX, Of};
use serde_json::Value;

use super::bedside::Bed;
use super::board_page::input_words;
use super::photo;
use super::sheet::Sheet;
use super::upload::Uploaded;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};

/// The steps of the grid over a photo by which a face is pointed at: a square of the blur is as wide as one of them.
const GRID: u32 = 8;

#[derive(Template)]
#[template(path = "photos.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    rows: Vec<Row>,
}

struct Row {
    /// The id of the Media.
    id: String,
    caption: String,
    by: String,
    at_ms: u64,
    key: String,
}

/// `GET /patients/{id}/photos`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default())).await
}

fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/photos", bed.chart.id)).into_response());
    }
    let mut rows: Vec<Row> = Vec::new();
    for read in bed.chart.of("Media") {
        let Some((_, caption)) = written::read_photo(&read.value) else { continue };
        rows.push(Row {
            id: read.key.id.clone(),
            caption: caption.to_owned(),
            by: read.value["operator"]["display"].as_str().unwrap_or_default().to_owned(),
            at_ms: read.updated_ms,
            key: app.token(),
        });
    }
    let page = Page { rows, who: bed.who(&f), id: bed.chart.id.clone(), key: app.token(), s, f };
    html(status, &page)
}

/// `POST /patients/{id}/photos`: one photo, with a line under it.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, uploaded: Uploaded) -> Response {
    app.page(uploaded.posted.visitor.clone(), move |app, visitor| {
        let Uploaded { posted, file } = uploaded;
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let caption = s.take("caption", |text| input::line(text, NAME_CHARS_MAX), |error| input_words(&v, error));
        if file.is_empty() {
            s.refuse("file", v.t("photos-none-chosen"));
        }
        let photo = match photo::clean(&file) {
            Ok(photo) if s.is_sound() => photo,
            other => {
                if let Err(error) = other {
                    s.refuse("file", v.t(error.message()));
                }
                return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
            }
        };
        let at = app.calendar().machine(app.now_ms());
        let new = writing.new_id();
        let of = Of { id: &new, patient: &bed.chart.id, at: &at, by: visitor.by() };
        let caption = caption.flatten().unwrap_or_default();
        writing.add_about(written::photo(&of, &photo.jpeg, photo.width, photo.height, &caption), &bed.chart.id);
        writing.save()?;
        Ok(Redirect::to(&format!("/patients/{}/photos", bed.chart.id)).into_response())
    })
    .await
}

/// The photo itself of one of a chart's Media.
fn picture(bed: &Bed, rid: &str) -> Result<(ResourceKey, Vec<u8>), Failure> {
    let found = bed.chart.of("Media").iter().find(|read| read.key.id == rid).ok_or(Failure::Missing)?;
    let (jpeg, _) = written::read_photo(&found.value).ok_or(Failure::Missing)?;
    Ok((found.key.clone(), jpeg))
}

/// `GET /patients/{id}/photos/{rid}`: the picture, as an image and as nothing else.
pub(crate) async fn image(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, rid)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, _| {
        let (_, jpeg) = picture(&Bed::of(app.clinic()?, &id)?, &rid)?;
        Ok(([(header::CONTENT_TYPE, "image/jpeg")], jpeg).into_response())
    })
    .await
}

#[derive(Template)]
#[template(path = "photo_blur.html")]
struct BlurPage {
    f: Frame,
    id: String,
    rid: String,
    who: Who,
    key: String,
    cells: Vec<u32>,
}

/// `GET /patients/{id}/photos/{rid}/blur`: the photo under a grid; the square that is pressed is made unrecognisable.
pub(crate) async fn blur_form(
    State(app): State<App>,
    visitor: Visitor,
    Path((id, rid)): Path<(String, String)>,
) -> Response {
    app.page(visitor, move |app, visitor| {
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        picture(&bed, &rid)?;
        let cells = (0..GRID * GRID).collect();
        html(StatusCode::OK, &BlurPage { who: bed.who(&f), id: bed.chart.id.clone(), rid, key: app.token(), cells, f })
    })
    .await
}

/// `POST /patients/{id}/photos/{rid}/blur`
pub(crate) async fn blur(State(app): State<App>, Path((id, rid)): Path<(String, String)>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, _| {
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let (key, _) = picture(&bed, &rid)?;
        match posted.field("cell") {
            "gone" => writing.edit(key, |media| {
                let mut made = media.clone();
                made["status"] = "entered-in-error".into();
                Some(made)
            }),
            cell => {
                let cell: u32 = cell.parse().map_err(|_| Failure::ForeignForm)?;
                if cell >= GRID * GRID {
                    return Err(Failure::ForeignForm);
                }
                writing.edit(key, move |media| blurred(media, cell));
            }
        }
        writing.save()?;
        let blurs = posted.field("cell") != "gone";
        let to = if blurs { format!("/{rid}/blur") } else { String::new() };
        Ok(Redirect::to(&format!("/patients/{}/photos{to}", bed.chart.id)).into_response())
    })
    .await
}

/// A Media whose picture has one square less to see.
fn blurred(media: &Value, cell: u32) -> Option<Value> {
    let (jpeg, caption) = written::read_photo(media)?;
    let milli = |step: u32| (2 * step + 1) * 1_000 / (2 * GRID);
    let photo = photo::blurred(&jpeg, milli(cell % GRID), milli(cell / GRID)).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (id, at) = (text(&media["id"]), text(&media["createdDateTime"]));
    let of = Of { id: &id, patient: "", at: &at, by: None };
    let drawn = written::photo(&of, &photo.jpeg, photo.width, photo.height, caption);
    let mut made = media.clone();
    made["content"]["data"] = drawn["content"]["data"].clone();
    Some(made)
}

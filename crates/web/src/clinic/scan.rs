//! A tag, photographed or typed: it leads to the casualty who wears it, or to a new one with the tag filled in.
//!
//! A page on a facility's plain Wi-Fi is not shown the camera, so the tag is photographed as a file and read here. The tag
//! stands in no address.

use std::sync::{Mutex, PoisonError};

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::person::PersonParts;

use super::board_page::{input_words, new_page, wearer};
use super::photo;
use super::sheet::Sheet;
use super::upload::Uploaded;
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Tab, html};
use crate::text::Voice;

/// A photo takes up to 256 MB while it is read: one at a time, however many phones send theirs.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

#[derive(Template)]
#[template(path = "scan.html")]
struct Page {
    f: Frame,
    s: Sheet,
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    html(status, &Page { f: Frame::new(app, visitor, Tab::Board)?, s })
}

/// `GET /board/scan`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, Sheet::default())).await
}

/// `POST /board/scan`: what was typed goes before what was photographed.
pub(crate) async fn post(State(app): State<App>, uploaded: Uploaded) -> Response {
    app.page(uploaded.posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&uploaded.posted);
        let found = match s.text("tag") {
            Some(typed) => Ok(typed.to_owned()),
            None if uploaded.file.is_empty() => Err(("tag", v.t("scan-nothing"))),
            None => read(&v, &uploaded.file).map_err(|said| ("file", said)),
        };
        let tag = found.and_then(|tag| {
            let parts = PersonParts { tag: Some(tag), unidentified: true, ..PersonParts::default() }.checked();
            match parts {
                Ok(parts) => parts.tag.ok_or_else(|| ("tag", v.t("scan-nothing"))),
                Err(wrong) => {
                    let first = wrong.into_iter().next();
                    Err(("tag", first.map_or_else(String::new, |(_, error)| input_words(&v, error))))
                }
            }
        });
        match tag {
            Ok(tag) => match wearer(app, &tag, "", app.now_ms())? {
                Some(page) => Ok(Redirect::to(&page).into_response()),
                None => {
                    let mut new = Sheet::default();
                    new.begin("tag", tag);
                    new_page(app, visitor, StatusCode::OK, new, app.token(), None, None)
                }
            },
            Err((field, said)) => {
                s.refuse(field, said);
                page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, s)
            }
        }
    })
    .await
}

/// The one tag in a photo, or a sentence that says why there is none.
fn read(v: &Voice, file: &[u8]) -> Result<String, String> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut tags = photo::tags_in(file).map_err(|error| v.t(error.message()))?;
    match (tags.pop(), tags.is_empty()) {
        (Some(tag), true) => Ok(tag),
        (Some(_), false) => Err(v.t("scan-several")),
        (None, _) => Err(v.t("scan-unreadable")),
    }
}

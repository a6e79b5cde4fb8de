//! The list of patients and the search. What is searched for travels in a form and stays on the site: the address of the
//! result carries a random name for it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::rows::{self, PatientView};
use super::{Frame, Pager, Posted, Query, Tab, html};
use crate::app::{App, Visitor};

/// The longest search, in characters: a full name with the father's and grandfather's.
const SEARCH_CHARS_MAX: usize = 120;

#[derive(Template)]
#[template(path = "patients.html")]
struct Page {
    f: Frame,
    /// What was searched for; empty for all patients.
    search: String,
    /// The search of this address is no longer kept.
    gone: bool,
    total: Option<u64>,
    patients: Vec<PatientView>,
    pager: Pager,
}

/// `GET /patients`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Query(query): Query) -> Response {
    app.page(visitor, move |app, visitor| {
        let kept = query.s.as_deref().map(|name| app.search(name));
        let gone = kept == Some(None);
        let search = kept.flatten();
        let f = Frame::new(app, visitor, Tab::Patients)?;
        let listing = app.source().patients(search.as_deref(), query.number())?;
        let base = match (&search, &query.s) {
            (Some(_), Some(name)) => format!("/patients?s={name}&page="),
            _ => "/patients?page=".to_owned(),
        };
        let page = Page {
            pager: Pager::new(&listing, base),
            total: listing.total,
            patients: listing.rows.into_iter().map(|row| rows::patient(&f, row)).collect(),
            search: search.unwrap_or_default(),
            gone,
            f,
        };
        html(StatusCode::OK, &page)
    })
    .await
}

/// `POST /patients`
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    let text: String = posted.field("q").trim().chars().take(SEARCH_CHARS_MAX).collect();
    if text.is_empty() {
        return Redirect::to("/patients").into_response();
    }
    Redirect::to(&format!("/patients?s={}", app.keep_search(text))).into_response()
}

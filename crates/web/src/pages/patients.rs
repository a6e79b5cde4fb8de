//! The list of patients and the search. What is searched for travels in a form and stays on the site: the address of the
//! result carries a random name for it.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::failure::Failure;
use super::rows::{self, PatientView};
use super::{Frame, Pager, Posted, Query, Tab, html};
use crate::app::{App, Visitor};

/// The longest search, in characters: a full name with the father's and grandfather's.
const SEARCH_CHARS_MAX: usize = 120;
/// The list of all patients, up to the number of the page.
const ALL: &str = "/patients?page=";

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
        let search = kept.flatten().unwrap_or_default();
        let base = match &query.s {
            Some(name) if !search.is_empty() => format!("/patients?s={name}&page="),
            _ => ALL.to_owned(),
        };
        show(app, visitor, search, gone, (query.number(), Some(base)))
    })
    .await
}

/// A page of the list; without a base the first only, and no way to the others.
fn show(
    app: &App,
    visitor: &Visitor,
    search: String,
    gone: bool,
    (page, base): (u64, Option<String>),
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let mut listing = app.source().patients(Some(&*search).filter(|search| !search.is_empty()), page)?;
    listing.more &= base.is_some();
    let page = Page {
        pager: Pager::new(&listing, base.unwrap_or_default()),
        total: listing.total,
        patients: listing.rows.into_iter().map(|row| rows::patient(&f, row)).collect(),
        search,
        gone,
        f,
    };
    html(StatusCode::OK, &page)
}

/// `POST /patients`: what is searched for. Half of a word, sent while somebody types (`live`), is answered and not kept.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    let text = search_text(&posted);
    if posted.field("live") == "yes" {
        return app
            .page(posted.visitor.clone(), move |app, visitor| {
                let base = text.is_empty().then(|| ALL.to_owned());
                show(app, visitor, text, false, (1, base))
            })
            .await;
    }
    if text.is_empty() {
        return Redirect::to("/patients").into_response();
    }
    Redirect::to(&format!("/patients?s={}", app.keep_search(text))).into_response()
}

/// What a form searches for, no longer than is looked at.
pub(crate) fn search_text(posted: &Posted) -> String {
    posted.field("q").trim().chars().take(SEARCH_CHARS_MAX).collect()
}

//! The first run, in three steps: who is the technician, who else, and what the two numbers mean.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::people::{PIN_DIGITS_MAX, PeopleError};

use super::failure::Failure;
use super::{Frame, Posted, Tab, html, people, sign_in};
use crate::app::{App, Visitor};

#[derive(Template)]
#[template(path = "start.html")]
struct Page {
    f: Frame,
    problem: Option<String>,
    call_sign: String,
    pin_digits_max: usize,
}

fn page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    problem: Option<String>,
    call_sign: &str,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::None)?;
    if !f.nobody {
        return Ok(Redirect::to("/").into_response());
    }
    html(status, &Page { problem, call_sign: call_sign.to_owned(), pin_digits_max: PIN_DIGITS_MAX, f })
}

/// `GET /start`: the first step.
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, None, "")).await
}

/// `POST /start`: makes the first technician, who is signed in by it.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = app.site().ok_or(Failure::Missing)?;
        let (call_sign, pin) = (posted.field("call-sign"), posted.field("pin"));
        let v = app.voice(visitor.lang);
        let bad = StatusCode::UNPROCESSABLE_ENTITY;
        if pin != posted.field("pin-again") {
            return page(app, visitor, bad, Some(v.t("people-pins-differ")), call_sign);
        }
        let adding = site.add_first_person(call_sign, pin, app.now_ms());
        match tokio::runtime::Handle::current().block_on(adding) {
            Ok(person) => {
                let cookie = sign_in::open_for(app, site, visitor, &person);
                Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/start/people")).into_response())
            }
            // Another was faster: the door says so.
            Err(PeopleError::NotFirst) => Ok(Redirect::to("/").into_response()),
            Err(error) => {
                let said = people::said(&v, &error).ok_or(Failure::Broken)?;
                page(app, visitor, bad, Some(said), call_sign)
            }
        }
    })
    .await
}

/// `GET /start/people`: the second step.
pub(crate) async fn people(State(app): State<App>, visitor: Visitor) -> Response {
    people::first(app, visitor).await
}

#[derive(Template)]
#[template(path = "start_gauges.html")]
struct GaugesPage {
    f: Frame,
}

/// `GET /start/gauges`: the third step, and where to find help.
pub(crate) async fn gauges(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| html(StatusCode::OK, &GaugesPage { f: Frame::new(app, visitor, Tab::None)? }))
        .await
}

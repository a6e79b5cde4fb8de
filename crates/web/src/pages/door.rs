//! The closed door: what somebody gets who is not let in, or not as far as that; the lock, and the page that shows nothing.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeMap;

use super::prefs::way_back;
use super::{Frame, Posted, Tab, failure, html, sign_in};
use crate::FORM_BYTES_MAX;
use crate::app::{App, Visitor};
use crate::kept::KeptForm;

/// The answer to whoever is not let in: the way to the sign-in. A form that was sent on a locked screen is kept for its
/// person.
pub(crate) async fn closed(app: &App, visitor: &Visitor, request: Request) -> Response {
    let Some(person) = visitor.locked.clone() else { return Redirect::to("/sign-in").into_response() };
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Redirect::to(&address_of(&visitor.path)).into_response();
    }
    let kept = form_of(app, visitor, request).await.map(|form| {
        let name = app.token();
        app.kept_forms().keep(name.clone(), person, form, app.now_ms());
        name
    });
    sign_in::locked(app, visitor, kept)
}

/// The answer to whoever is let in and may not do this: one sentence, and what was typed.
pub(crate) async fn refused(app: &App, visitor: &Visitor, request: Request) -> Response {
    let typed = if matches!(*request.method(), Method::GET | Method::HEAD) {
        None
    } else {
        form_of(app, visitor, request).await
    };
    let typed = typed.map(|form| form.fields).unwrap_or_default().into_iter();
    let typed = typed.map(|(_, value)| value).filter(|value| !value.trim().is_empty()).collect();
    app.page(visitor.clone(), |app, visitor| {
        let f = Frame::new(app, visitor, Tab::None)?;
        html(StatusCode::FORBIDDEN, &Refused { typed, f })
    })
    .await
}

#[derive(Template)]
#[template(path = "refused.html")]
struct Refused {
    f: Frame,
    typed: Vec<String>,
}

/// The form that a request carries, if it is one of ours and not too large.
async fn form_of(app: &App, visitor: &Visitor, request: Request) -> Option<KeptForm> {
    let kind = request.headers().get(header::CONTENT_TYPE)?.to_str().ok()?;
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return None;
    }
    let body = to_bytes(request.into_body(), FORM_BYTES_MAX).await.ok()?;
    let fields: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let token = fields.iter().find(|(name, _)| name == "form").map_or("", |(_, value)| value);
    let is_ours = app.same(token, &app.form_token(&visitor.browser));
    is_ours.then(|| KeptForm::new(&visitor.path, fields))
}

/// The address of the sign-in that leads back to a page.
fn address_of(back: &str) -> String {
    let back: String = form_urlencoded::byte_serialize(way_back(back).as_bytes()).collect();
    format!("/sign-in?back={back}")
}

#[derive(Template)]
#[template(path = "lock.html")]
struct Idle {
    f: Frame,
    back: String,
}

/// `GET /lock?back=PATH`: where a page goes that nobody has touched. It keeps no session alive; if another page of this
/// browser does, it leads back.
pub(crate) async fn lock(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let back = query.get("back").map_or("/", String::as_str);
    if !visitor.is_let_in() {
        return Redirect::to(&address_of(back)).into_response();
    }
    let page = Idle { f: Frame::bare(&app, &visitor), back: way_back(back).to_owned() };
    html(StatusCode::OK, &page).unwrap_or_else(|failure| failure::page(&app, &visitor, failure))
}

/// `POST /lock`: keeps what stands half-typed on a page that is about to be cleared, for whoever typed it. Answers with the
/// name under which [`draft`] gives it back.
pub(crate) async fn keep(State(app): State<App>, posted: Posted) -> Response {
    let visitor = &posted.visitor;
    let Some(person) = visitor.by().map(str::to_owned).or(visitor.locked.clone()) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (name, form) = (app.token(), KeptForm::new(&visitor.path, posted.fields.clone()));
    app.kept_forms().keep(name.clone(), person, form, app.now_ms());
    (StatusCode::CREATED, name).into_response()
}

/// `GET /draft?k=NAME`: what stood half-typed, once, to whoever typed it: names and values.
pub(crate) async fn draft(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let name = query.get("k").map_or("", String::as_str);
    let form = visitor.by().and_then(|person| app.kept_forms().take(name, person, app.now_ms()));
    match form {
        Some(form) => {
            let body = serde_json::json!(form.fields).to_string();
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `POST /hide`: locks the screen and shows nothing of it. It takes no token of a form: somebody who stands in the door
/// waits for nothing, and whoever sends this from elsewhere locks a screen and no more.
pub(crate) async fn hide(State(app): State<App>, visitor: Visitor) -> Response {
    if let Some(session) = &visitor.session {
        app.sessions().lock(session);
    }
    Redirect::to("/network").into_response()
}

#[derive(Template)]
#[template(path = "network.html")]
struct Neutral {
    v: crate::text::Voice,
}

/// `GET /network`: what is seen when somebody looks over the shoulder. Nothing of it is ours: no name, no mark, no sheet.
pub(crate) async fn network(State(app): State<App>, visitor: Visitor) -> Response {
    let page = Neutral { v: app.voice(visitor.lang) };
    html(StatusCode::OK, &page).unwrap_or_else(|failure| failure::page(&app, &visitor, failure))
}

/// `GET /alive`: somebody writes on an open page; to have asked is enough.
pub(crate) async fn alive() -> StatusCode {
    StatusCode::NO_CONTENT
}

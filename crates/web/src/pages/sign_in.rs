//! The door: call sign and PIN; the site's screen code for other devices as long as nobody has been added.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::people::{NotIn, Person};
use sanad_node::site::Site;
use std::collections::BTreeMap;

use super::prefs::way_back;
use super::{Frame, Posted, failure, html};
use crate::app::{App, Visitor};
use crate::guard::{SESSION, set_cookie};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    f: Frame,
    /// What to say about the last try.
    problem: Option<String>,
    plain: bool,
    /// Whether people sign in by call sign and PIN.
    people: bool,
    /// Where it goes on.
    back: String,
    /// Under which name a form that was sent on the locked screen is kept; empty if none is.
    kept: String,
    /// Whether a form was sent that could not be kept.
    lost: bool,
}

impl Page {
    fn new(app: &App, visitor: &Visitor) -> Page {
        Page {
            f: Frame::bare(app, visitor),
            problem: None,
            plain: !visitor.client.tls,
            people: app.has_people(),
            back: "/".to_owned(),
            kept: String::new(),
            lost: false,
        }
    }

    fn show(self, app: &App, visitor: &Visitor, status: StatusCode) -> Response {
        html(status, &self).unwrap_or_else(|failure| failure::page(app, visitor, failure))
    }
}

/// `GET /sign-in`: the page with the fields.
pub(crate) async fn get(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let back = way_back(query.get("back").map_or("/", String::as_str));
    if visitor.is_let_in() {
        return Redirect::to(back).into_response();
    }
    Page { back: back.to_owned(), ..Page::new(&app, &visitor) }.show(&app, &visitor, StatusCode::OK)
}

/// The same page for a form that was sent on a locked screen.
pub(crate) fn locked(app: &App, visitor: &Visitor, kept: Option<String>) -> Response {
    let lost = kept.is_none();
    Page { kept: kept.unwrap_or_default(), lost, ..Page::new(app, visitor) }.show(app, visitor, StatusCode::FORBIDDEN)
}

/// `POST /sign-in`: takes a call sign and a PIN, or a code.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    match app.site().filter(|site| site.has_people()).cloned() {
        Some(site) => by_pin(app, site, posted).await,
        None => by_code(&app, &posted),
    }
}

async fn by_pin(app: App, site: Site, posted: Posted) -> Response {
    let visitor = &posted.visitor;
    let (call_sign, pin) = (posted.field("call-sign").to_owned(), posted.field("pin").to_owned());
    let (checker, now_ms) = (site.clone(), app.now_ms());
    let checked = tokio::task::spawn_blocking(move || checker.check_pin(&call_sign, &pin, now_ms)).await;
    let voice = app.voice(visitor.lang);
    let (status, problem) = match checked {
        Ok(Ok(person)) => return let_in(&app, &site, &posted, &person),
        Ok(Err(NotIn::Wait(wait_ms))) => {
            (StatusCode::TOO_MANY_REQUESTS, voice.n("sign-in-wait", &wait_ms.div_ceil(1000)))
        }
        Ok(Err(NotIn::Wrong)) => (StatusCode::FORBIDDEN, voice.t("sign-in-wrong-pin")),
        Err(_) => return failure::page(&app, visitor, failure::Failure::Broken),
    };
    let (back, kept) = (way_back(posted.field("back")).to_owned(), posted.field("kept").to_owned());
    Page { problem: Some(problem), back, kept, ..Page::new(&app, visitor) }.show(&app, visitor, status)
}

/// Opens a session for a person and says where it goes on: at what was sent on the locked screen, or at the page it left.
fn let_in(app: &App, site: &Site, posted: &Posted, person: &Person) -> Response {
    let cookie = open_for(app, site, &posted.visitor, person);
    let kept = app.kept_forms().take(posted.field("kept"), &person.call_sign, app.now_ms());
    let response = match kept {
        Some(form) => {
            let page = Resume { f: Frame::bare(app, &posted.visitor), action: form.action, fields: form.fields };
            html(StatusCode::OK, &page).unwrap_or_else(|failure| failure::page(app, &posted.visitor, failure))
        }
        None => Redirect::to(way_back(posted.field("back"))).into_response(),
    };
    ([(header::SET_COOKIE, cookie)], response).into_response()
}

/// Opens a session for a person; gives the cookie of it. The one that the browser had is over.
pub(crate) fn open_for(app: &App, site: &Site, visitor: &Visitor, person: &Person) -> axum::http::HeaderValue {
    let token = app.token();
    let mut sessions = app.sessions();
    if let Some(session) = &visitor.session {
        sessions.close(session);
    }
    sessions.open_for(&token, &person.call_sign, site.lock_minutes() * 60_000, app.now_ms());
    set_cookie(visitor, SESSION, &token, None)
}

/// What was sent on the locked screen, to be sent now.
#[derive(Template)]
#[template(path = "resume.html")]
struct Resume {
    f: Frame,
    action: String,
    fields: Vec<(String, String)>,
}

fn by_code(app: &App, posted: &Posted) -> Response {
    let visitor = &posted.visitor;
    let (address, now_ms) = (visitor.client.address, app.now_ms());
    let voice = app.voice(visitor.lang);
    let back = || Page { back: way_back(posted.field("back")).to_owned(), ..Page::new(app, visitor) };
    let wait_ms = app.sessions().wait_ms(address, now_ms);
    if wait_ms > 0 {
        // The code is not even looked at, so a guess made while waiting tells nothing.
        let problem = Some(voice.n("sign-in-wait", &wait_ms.div_ceil(1000)));
        return Page { problem, ..back() }.show(app, visitor, StatusCode::TOO_MANY_REQUESTS);
    }
    if !app.same(&digits(posted.field("code")), &app.screen_code()) {
        app.sessions().wrong(address, now_ms);
        let problem = Some(voice.t("sign-in-wrong"));
        return Page { problem, ..back() }.show(app, visitor, StatusCode::FORBIDDEN);
    }
    let token = app.token();
    let mut sessions = app.sessions();
    sessions.right(address);
    sessions.open(&token, now_ms);
    let cookie = set_cookie(visitor, SESSION, &token, None);
    ([(header::SET_COOKIE, cookie)], Redirect::to(way_back(posted.field("back")))).into_response()
}

/// Ends the session.
pub(crate) async fn out(State(app): State<App>, posted: Posted) -> Response {
    if let Some(token) = &posted.visitor.session {
        app.sessions().close(token);
    }
    let cookie = set_cookie(&posted.visitor, SESSION, "", Some(0));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
}

/// The digits of a code or a year as somebody typed it: Arabic or Latin, with or without spaces.
pub(crate) fn digits(typed: &str) -> String {
    let latin = typed.chars().filter_map(|letter| match letter {
        '0'..='9' => Some(letter),
        '\u{0660}'..='\u{0669}' => char::from_digit(u32::from(letter) - 0x0660, 10),
        '\u{06f0}'..='\u{06f9}' => char::from_digit(u32::from(letter) - 0x06f0, 10),
        _ => None,
    });
    // A code has eight digits; a few more are enough to know that it is another.
    latin.take(16).collect()
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn both_digit_systems_may_be_typed() {
        assert_eq!(digits("١٢٣٤ 5678"), "12345678");
        assert_eq!(digits(" ۱۲-34\u{200f}"), "1234");
        assert_eq!(digits(&"1".repeat(99)).len(), 16);
    }
}

//! The door for other devices on the network: the site's screen code.

use askama::Template;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

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
}

/// The page with the field for the code.
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    if visitor.local || visitor.session.is_some() {
        return Redirect::to("/").into_response();
    }
    page(&app, &visitor, StatusCode::OK, None)
}

/// Takes a code.
pub(crate) async fn post(State(app): State<App>, posted: Posted) -> Response {
    let visitor = &posted.visitor;
    let (address, now_ms) = (visitor.client.address, app.now_ms());
    let voice = app.voice(visitor.lang);
    let wait_ms = app.sessions().wait_ms(address, now_ms);
    if wait_ms > 0 {
        // The code is not even looked at, so a guess made while waiting tells nothing.
        let problem = voice.n("sign-in-wait", &wait_ms.div_ceil(1000));
        return page(&app, visitor, StatusCode::TOO_MANY_REQUESTS, Some(problem));
    }
    if !app.same(&digits(posted.field("code")), &app.screen_code()) {
        app.sessions().wrong(address, now_ms);
        return page(&app, visitor, StatusCode::FORBIDDEN, Some(voice.t("sign-in-wrong")));
    }
    let token = app.token();
    let mut sessions = app.sessions();
    sessions.right(address);
    sessions.open(&token, now_ms);
    ([(header::SET_COOKIE, set_cookie(visitor, SESSION, &token, None))], Redirect::to("/")).into_response()
}

/// Ends the session.
pub(crate) async fn out(State(app): State<App>, posted: Posted) -> Response {
    if let Some(token) = &posted.visitor.session {
        app.sessions().close(token);
    }
    let cookie = set_cookie(&posted.visitor, SESSION, "", Some(0));
    ([(header::SET_COOKIE, cookie)], Redirect::to("/sign-in")).into_response()
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Response {
    let f = Frame::bare(app, visitor);
    let page = Page { f, problem, plain: !visitor.client.tls };
    html(status, &page).unwrap_or_else(|failure| failure::page(app, visitor, failure))
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

//! Language and light: two cookies, chosen by two small forms at the foot of every page.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};

use super::{Posted, failure};
use crate::app::{App, Light};
use crate::guard::{LANGUAGE, THEME, set_cookie};
use crate::text::Lang;

/// How long a choice is remembered: a year. It says nothing about anybody.
const CHOICE_S: u32 = 365 * 24 * 60 * 60;

/// Chooses the language.
pub(crate) async fn language(State(app): State<App>, posted: Posted) -> Response {
    match Lang::of_tag(posted.field("language")) {
        Some(lang) => remember(&posted, LANGUAGE, lang.tag()),
        None => failure::page(&app, &posted.visitor, failure::Failure::ForeignForm),
    }
}

/// Chooses the light; anything but day and night means: as the device.
pub(crate) async fn theme(posted: Posted) -> Response {
    remember(&posted, THEME, Light::of_name(posted.field("theme")).map_or("auto", Light::name))
}

fn remember(posted: &Posted, name: &str, value: &str) -> Response {
    let cookie = set_cookie(&posted.visitor, name, value, Some(CHOICE_S));
    ([(header::SET_COOKIE, cookie)], Redirect::to(way_back(posted.field("back")))).into_response()
}

/// Where to go back to: a path of this site and nothing else, because a browser reads `//host` and `/\host` as other
/// sites.
pub(crate) fn way_back(path: &str) -> &str {
    let inside = path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if inside { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::way_back;

    #[test]
    fn the_way_back_stays_on_this_site() {
        assert_eq!(way_back("/patients?page=2"), "/patients?page=2");
        for path in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "evil"] {
            assert_eq!(way_back(path), "/");
        }
    }
}

//! What every request passes before a page sees it, and what every answer carries: the host it names, the form it came
//! from, who asks, and the headers that keep a browser from doing more than showing the page.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::{App, Visitor};
use crate::outbox::Replay;
use crate::pages::door;
use crate::pages::failure::{self, Failure};
use crate::rights::{self, Need, Rights};
use crate::session::Standing;
use crate::text::Lang;

/// Where a request came from. Whoever accepts connections puts one into the request's extensions; without it, and
/// without axum's `ConnectInfo<SocketAddr>`, the client counts as a stranger on the network.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Client {
    /// The address of the other end.
    pub address: IpAddr,
    /// Whether the connection is encrypted, so that cookies may say `Secure`.
    pub tls: bool,
}

/// The cookie that tells browsers apart, so that a form filled in elsewhere is known.
pub(crate) const BROWSER: &str = "sanad-browser";
/// The cookie of a signed-in screen.
pub(crate) const SESSION: &str = "sanad-session";
/// The cookie of the chosen language.
pub(crate) const LANGUAGE: &str = "sanad-language";
/// The cookie of the chosen light.
pub(crate) const THEME: &str = "sanad-theme";

/// Nothing is loaded from anywhere but this site, nothing runs but its one script, nothing frames the page, no form leads
/// elsewhere.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                                           connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                                           base-uri 'none'";

/// Lets a request through to its page, or answers it.
pub(crate) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let visitor = visitor_of(&app, &request);
    let host = host_of(&request);
    let pattern = request.extensions().get::<MatchedPath>().map(|matched| matched.as_str().to_owned());
    // An address that nobody knows is told apart from others to those alone who are let in.
    let need = pattern.as_deref().map_or(Some(Need::LetIn), |pattern| rights::need(pattern, request.method()));
    let mut response = if !host.is_some_and(|host| host_allowed(host, app.host_names())) {
        failure::page(&app, &visitor, Failure::WrongHost)
    } else if request.method() != Method::GET && request.method() != Method::HEAD && !same_origin(headers, host) {
        failure::page(&app, &visitor, Failure::ForeignForm)
    } else if need.is_some_and(|need| visitor.rights.meet(need)) {
        let chart = pattern.filter(|pattern| pattern.starts_with("/patients/{id}"));
        let chart = chart.and_then(|_| request.uri().path().split('/').nth(2).map(str::to_owned));
        request.extensions_mut().insert(visitor.clone());
        let response = next.run(request).await;
        if response.status().is_success() {
            app.opened(&visitor, &chart);
        }
        response
    } else if !visitor.is_let_in() {
        door::closed(&app, &visitor, request).await
    } else if need.is_none() {
        failure::wrong_way(State(app), visitor.clone()).await
    } else {
        door::refused(&app, &visitor, request).await
    };
    finish(&visitor, response.headers_mut());
    response
}

/// Who asks.
fn visitor_of(app: &App, request: &Request) -> Visitor {
    let client = client_of(request);
    let headers = request.headers();
    let known_browser = cookie(headers, BROWSER).filter(|token| is_token(token)).map(str::to_owned);
    let local = is_loopback(client.address) && !is_forwarded(headers);
    let session = cookie(headers, SESSION).filter(|token| is_token(token)).map(str::to_owned);
    // A page that lies open and listens, or that locks itself, is not a person who works with it.
    let is_used = !matches!(request.uri().path(), crate::events::PATH | "/lock" | "/outbox");
    let standing =
        session.as_deref().map_or(Standing::None, |token| app.sessions().standing(token, is_used, app.now_ms()));
    let person = match (&standing, app.site()) {
        (Standing::Alive(Some(call_sign)), Some(site)) => site.person(call_sign),
        _ => None,
    };
    let replay = request.extensions().get::<Replay>();
    // A form that was sealed comes in the name of whoever filled it in, with what they may do now.
    let (person, standing) = match replay {
        Some(replay) => (replay.person.clone(), Standing::None),
        None => (person, standing),
    };
    let rights = match &person {
        Some(person) => Rights::Of(person.role),
        // Once there are people, nobody is let in without being one: not with the screen code, not on this machine.
        None if app.has_people() => Rights::Nothing,
        None if local || replay.is_some() || standing == Standing::Alive(None) => Rights::All,
        None => Rights::Nothing,
    };
    Visitor {
        lang: cookie(headers, LANGUAGE).and_then(Lang::of_tag).unwrap_or_default(),
        light: cookie(headers, THEME).and_then(crate::app::Light::of_name),
        path: request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        new_browser: known_browser.is_none(),
        browser: known_browser.unwrap_or_else(|| app.token()),
        session: session.filter(|_| matches!(standing, Standing::Alive(_))),
        person,
        locked: match standing {
            Standing::Locked(person) => Some(person),
            _ => None,
        },
        rights,
        local,
        client,
    }
}

/// The headers of every answer. An asset has already said how long it may be kept; everything else is not kept at all.
fn finish(visitor: &Visitor, headers: &mut HeaderMap) {
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let is_page = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if visitor.new_browser && is_page {
        headers.append(header::SET_COOKIE, set_cookie(visitor, BROWSER, &visitor.browser, None));
    }
}

/// A cookie that only this site's own pages send back and no script can read.
pub(crate) fn set_cookie(visitor: &Visitor, name: &str, value: &str, max_age_s: Option<u32>) -> HeaderValue {
    let secure = if visitor.client.tls { "; Secure" } else { "" };
    let max_age = max_age_s.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{max_age}");
    // Names are ours, values are tokens and tags of ours: ASCII without separators.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The value of a cookie, the first of that name.
fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(key, value)| (key == name).then_some(value))
}

/// Whether this has the form of a token of ours.
fn is_token(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn client_of(request: &Request) -> Client {
    let extensions = request.extensions();
    let connected = || {
        let ConnectInfo(address) = extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(Client { address: address.ip(), tls: false })
    };
    let stranger = Client { address: IpAddr::from([0, 0, 0, 0]), tls: false };
    extensions.get::<Client>().copied().or_else(connected).unwrap_or(stranger)
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Behind a proxy on this machine every stranger looks like loopback; a proxy that says so is believed.
fn is_forwarded(headers: &HeaderMap) -> bool {
    ["forwarded", "x-forwarded-for", "x-real-ip", "via"].iter().any(|name| headers.contains_key(*name))
}

/// The host a request names: the header of HTTP/1, the authority of HTTP/2.
fn host_of(request: &Request) -> Option<&str> {
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    named.or_else(|| request.uri().authority().map(|authority| authority.as_str()))
}

/// Whether a host is one that no stranger's name server can point at us: `localhost`, an address, or a name of ours.
pub(crate) fn host_allowed(host: &str, own_names: &[String]) -> bool {
    let name = without_port(host);
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    if let Some(v6) = bare {
        return v6.parse::<std::net::Ipv6Addr>().is_ok();
    }
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::Ipv4Addr>().is_ok()
        || own_names.iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// Whether a browser that says where a form came from says it came from here. One that says nothing is judged by the
/// form's token alone: over plain HTTP, and with our own `no-referrer`, old browsers send neither header.
pub(crate) fn same_origin(headers: &HeaderMap, host: Option<&str>) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    match headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("?")) {
        None | Some("null") => true,
        Some(origin) => origin.split_once("://").map(|(_, origin)| origin) == host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_localhost_an_address_or_ours() {
        let own = ["cedar.lan".to_owned()];
        for host in
            ["localhost", "LOCALHOST:8080", "127.0.0.1", "192.168.1.7:443", "[::1]:80", "[fe80::1]", "Cedar.lan:1"]
        {
            assert!(host_allowed(host, &own), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "[::1",
            "::1",
            "1",
        ] {
            assert!(!host_allowed(host, &own), "{host}");
        }
    }

    #[test]
    fn a_form_from_elsewhere_is_known_by_its_headers() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_static(value));
            }
            same_origin(&headers, Some("192.168.1.7:8080"))
        };
        assert!(of(&[]));
        assert!(of(&[("origin", "null")]));
        assert!(of(&[("origin", "http://192.168.1.7:8080")]));
        assert!(of(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(!of(&[("origin", "http://evil.example")]));
        assert!(!of(&[("origin", "http://192.168.1.7")]), "another port is another origin");
        assert!(!of(&[("sec-fetch-site", "cross-site"), ("origin", "null")]));
        assert!(!of(&[("sec-fetch-site", "same-site")]));
        assert!(!of(&[("sec-fetch-site", "none")]), "a form is never typed into the address bar");
    }

    #[test]
    fn cookies_are_found_whole() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; sanad-theme=night"));
        headers.append(header::COOKIE, HeaderValue::from_static("xsanad-language=en;sanad-language=ar"));
        assert_eq!(cookie(&headers, THEME), Some("night"));
        assert_eq!(cookie(&headers, LANGUAGE), Some("ar"));
        assert_eq!(cookie(&headers, SESSION), None);
        assert!(is_token(&"0".repeat(32)) && !is_token(&"A".repeat(32)) && !is_token("0"));
    }
}

//! The pages, one module each: what is read, what it becomes in words, and its template.

pub(crate) mod asks;
pub(crate) mod conflicts;
pub(crate) mod door;
pub(crate) mod failure;
pub(crate) mod outbox;
pub(crate) mod overview;
pub(crate) mod patient;
pub(crate) mod patients;
pub(crate) mod people;
pub(crate) mod prefs;
pub(crate) mod quarantine;
pub(crate) mod resource;
pub(crate) mod rows;
pub(crate) mod sign_in;
pub(crate) mod start;

use std::convert::Infallible;

use askama::Template;
use axum::extract::{Form, FromRequest, FromRequestParts, Request};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};

use crate::Can;
use crate::app::{App, Light, Visitor};
use crate::assets;
use crate::model::{Gauges, Listing, PAGE_ROWS};
use crate::moment::Calendar;
use crate::outbox::Carried;
use crate::rights::Rights;
use crate::source::wait;
use crate::text::{Voice, grouped};
use failure::Failure;

/// The screens of the menu.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Board,
    Patients,
    Conflicts,
    Asks,
    Transfers,
    Due,
    Sites,
    None,
}

/// What surrounds every page.
pub(crate) struct Frame {
    pub v: Voice,
    pub calendar: Calendar,
    pub tab: Tab,
    /// Shown to those who are let in.
    pub gauges: Option<Gauges>,
    pub light: Option<Light>,
    /// What forms carry so that they are known as ours.
    pub form: String,
    /// Where the language and light forms come back to.
    pub back: String,
    /// Whether there is a session to end.
    pub session: bool,
    /// What the visitor may do; templates leave out the rest.
    pub rights: Rights,
    /// The call sign of who is signed in: the author of what is saved.
    pub me: Option<String>,
    /// Whether the site has nobody yet who could sign in.
    pub nobody: bool,
    /// After how many idle seconds the page is cleared; `None` where nobody is signed in.
    pub lock_s: Option<u64>,
    /// Whether this is a site at work, whose clinic has screens.
    pub clinic: bool,
    /// Behind which change the page was made, for those who are told of later ones.
    pub place: Option<i64>,
    /// What forms are sealed with while the Wi-Fi is down.
    pub outbox: Option<Carried>,
    pub js: String,
    pub nacl: String,
    pub css: String,
    pub mark: String,
}

impl Frame {
    /// The frame of a page for those who are let in.
    pub(crate) fn new(app: &App, visitor: &Visitor, tab: Tab) -> Result<Frame, Failure> {
        // Before anything is read: what changes meanwhile is told once too often rather than not at all.
        let place = app.source().place()?.map(|place| place.0);
        let gauges = app.source().gauges()?;
        let outbox = match app.site() {
            Some(_) => Some(wait(app.outbox())?.carried(visitor, app.now_ms())),
            None => None,
        };
        Ok(Frame { gauges: Some(gauges), tab, place, outbox, ..Frame::bare(app, visitor) })
    }

    /// The frame of a page for anybody: nothing of the record is in it.
    pub(crate) fn bare(app: &App, visitor: &Visitor) -> Frame {
        Frame {
            v: app.voice(visitor.lang),
            calendar: app.calendar(),
            tab: Tab::None,
            gauges: None,
            light: visitor.light,
            form: app.form_token(&visitor.browser),
            back: visitor.path.clone(),
            session: visitor.session.is_some(),
            rights: visitor.rights,
            me: visitor.by().map(str::to_owned),
            nobody: app.site().is_some_and(|site| !site.has_people()),
            lock_s: app.site().filter(|_| visitor.person.is_some()).map(|site| site.lock_minutes() * 60),
            clinic: app.site().is_some(),
            place: None,
            outbox: None,
            js: assets::url("sanad.js"),
            nacl: assets::url("nacl.js"),
            css: assets::url("sanad.css"),
            mark: assets::url("mark.svg"),
        }
    }

    /// When a browser without scripts leaves the page by itself: a little after the session has locked.
    pub(crate) fn refresh_s(&self) -> Option<u64> {
        self.lock_s.map(|seconds| seconds + 5)
    }

    /// The way back, as it stands in an address.
    pub(crate) fn back_encoded(&self) -> String {
        form_urlencoded::byte_serialize(self.back.as_bytes()).collect()
    }

    /// Whether the visitor's role has this. In a template: `f.may(crate::Can::Prescribe)`.
    pub(crate) fn may(&self, capability: Can) -> bool {
        self.rights.may(capability)
    }

    pub(crate) fn t(&self, id: &str) -> String {
        self.v.t(id)
    }

    pub(crate) fn n(&self, id: &str, count: &u64) -> String {
        self.v.n(id, count)
    }

    pub(crate) fn count(&self, count: &u64) -> String {
        grouped(*count)
    }

    pub(crate) fn time(&self, at_ms: &u64) -> String {
        self.calendar.time(&self.v, *at_ms)
    }

    pub(crate) fn machine(&self, at_ms: &u64) -> String {
        self.calendar.machine(*at_ms)
    }

    /// When the page was made, and by which clock its times are.
    pub(crate) fn as_of(&self) -> String {
        self.v.with2("overview-at", ("time", &self.time(&self.calendar.now_ms)), ("zone", &self.calendar.zone()))
    }

    /// By which clock the times of every page are.
    pub(crate) fn times_in(&self) -> String {
        self.v.with("times-in", "zone", &self.calendar.zone())
    }

    /// Who saved something, and where.
    pub(crate) fn by(&self, author: &str, site: &str) -> String {
        self.v.with2("version-by", ("author", author), ("site", site))
    }

    pub(crate) fn theme(&self) -> &'static str {
        self.light.map_or("auto", Light::name)
    }

    /// The year of the site's clock.
    pub(crate) fn year(&self) -> i32 {
        self.calendar.machine(self.calendar.now_ms).get(..4).and_then(|year| year.parse().ok()).unwrap_or(1970)
    }
}

/// The way through a list.
pub(crate) struct Pager {
    pub page: u64,
    pub more: bool,
    /// How many pages there are, if that is known.
    pub pages: Option<u64>,
    /// The address of the list up to the number of the page.
    pub base: String,
}

impl Pager {
    /// `base` ends where the number follows: `/patients?page=`.
    pub(crate) fn new<T>(listing: &Listing<T>, base: impl Into<String>) -> Pager {
        let pages = listing.total.map(|total| total.div_ceil(PAGE_ROWS).max(1));
        Pager { page: listing.page, more: listing.more, pages, base: base.into() }
    }

    /// `Page 2 of 5`, or `Page 2` where nobody has counted.
    pub(crate) fn said(&self, v: &Voice) -> String {
        let page = grouped(self.page);
        match self.pages {
            Some(pages) => v.with2("page-of", ("page", &page), ("pages", &grouped(pages))),
            None => v.with("page-number", "page", &page),
        }
    }
}

/// A template as an answer.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    let body = page.render().map_err(|_| Failure::Broken)?;
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], body).into_response())
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visitor, StatusCode> {
        // The guard stands before every page and puts the visitor here.
        parts.extensions.get::<Visitor>().cloned().ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A form that came from one of our own pages in this browser.
pub(crate) struct Posted {
    pub visitor: Visitor,
    pub(crate) fields: Vec<(String, String)>,
}

impl Posted {
    /// A form whose fields say that it came from one of our own pages in this browser.
    #[allow(clippy::result_large_err, reason = "a rejection is an answer, and an answer is what axum takes")]
    pub(crate) fn checked(app: &App, visitor: Visitor, fields: Vec<(String, String)>) -> Result<Posted, Response> {
        let posted = Posted { visitor, fields };
        if !app.same(posted.field("form"), &app.form_token(&posted.visitor.browser)) {
            return Err(failure::page(app, &posted.visitor, Failure::ForeignForm));
        }
        Ok(posted)
    }

    /// What was filled in under that name; empty if nothing was.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// What was filled in under a name that a form has several times.
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.fields.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Everything that was filled in, in the order of the form.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.fields
    }

    /// Under which call sign this is saved: who is signed in, or what was typed into `by` where nobody signs in yet.
    pub(crate) fn by(&self) -> &str {
        self.visitor.by_or(self.field("by"))
    }
}

impl FromRequest<App> for Posted {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Posted, Response> {
        let (mut parts, body) = request.into_parts();
        let visitor = Visitor::from_request_parts(&mut parts, app).await.map_err(IntoResponse::into_response)?;
        let form = Form::<Vec<(String, String)>>::from_request(Request::from_parts(parts, body), app).await;
        let fields = match form {
            Ok(Form(fields)) => fields,
            Err(rejection) => {
                let too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
                let failure = if too_large { Failure::TooLarge } else { Failure::ForeignForm };
                return Err(failure::page(app, &visitor, failure));
            }
        };
        Posted::checked(app, visitor, fields)
    }
}

/// The number of a page of a list as it stands in an address.
#[derive(serde::Deserialize)]
pub(crate) struct Paged {
    page: Option<String>,
    /// The name under which a search is kept.
    pub s: Option<String>,
}

impl Paged {
    /// From 1; nonsense is the first page.
    pub(crate) fn number(&self) -> u64 {
        self.page.as_deref().and_then(|page| page.parse().ok()).unwrap_or(1).max(1)
    }
}

/// The query of an address; a query that cannot be read is an empty one.
pub(crate) struct Query(pub Paged);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Query, Infallible> {
        let read = axum::extract::Query::<Paged>::from_request_parts(parts, state).await;
        Ok(Query(read.map_or(Paged { page: None, s: None }, |query| query.0)))
    }
}

//! The people of the site: added, changed and listed by the technician; and everybody's own PIN.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::people::{LOCK_MINUTES_MAX, NotIn, PIN_DIGITS_MAX, PeopleError, Person, random_pin};
use sanad_node::roles::Role;
use sanad_node::site::Site;

use super::failure::Failure;
use super::{Frame, Posted, Tab, html};
use crate::app::{App, Visitor};
use crate::text::Voice;

#[derive(Template)]
#[template(path = "people.html")]
struct Page {
    f: Frame,
    problem: Option<String>,
    /// A PIN that was drawn by lot, and whose it is: shown this once.
    drawn: Option<(String, String)>,
    people: Vec<PersonView>,
    roles: Vec<RoleView>,
    lock_minutes: u64,
    /// Whether this is the second step of the first run.
    first: bool,
    pin_digits_max: usize,
}

struct PersonView {
    call_sign: String,
    role: &'static str,
    role_name: String,
    is_disabled: bool,
}

pub(crate) struct RoleView {
    name: &'static str,
    said: String,
    means: String,
}

/// What a page of people says beside the list.
#[derive(Default)]
struct Said {
    problem: Option<String>,
    drawn: Option<(String, String)>,
    first: bool,
}

/// The site whose people these are; a record that does not change has none.
fn site(app: &App) -> Result<Site, Failure> {
    app.site().cloned().ok_or(Failure::Missing)
}

fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Handle::current().block_on(answer)
}

/// `GET /people`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, Said::default())).await
}

/// The same as a step of the first run.
pub(super) async fn first(app: App, visitor: Visitor) -> Response {
    let said = Said { first: true, ..Said::default() };
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, said)).await
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, said: Said) -> Result<Response, Failure> {
    let site = site(app)?;
    let f = Frame::new(app, visitor, Tab::None)?;
    if f.nobody {
        // The first is made in the first run, so that it is a technician who knows the PIN.
        return Ok(Redirect::to("/start").into_response());
    }
    let role_name = |role: Role| f.t(&format!("role-{}", role.name()));
    let people = site.people().into_iter().map(|person| PersonView {
        role: person.role.name(),
        role_name: role_name(person.role),
        is_disabled: person.is_disabled,
        call_sign: person.call_sign,
    });
    let roles = Role::ALL.map(|role| RoleView {
        name: role.name(),
        said: role_name(role),
        means: f.t(&format!("role-means-{}", role.name())),
    });
    let (people, roles) = (people.collect(), roles.into());
    let Said { problem, drawn, first } = said;
    let page = Page {
        problem,
        drawn,
        people,
        roles,
        lock_minutes: site.lock_minutes(),
        first,
        pin_digits_max: PIN_DIGITS_MAX,
        f,
    };
    html(status, &page)
}

/// What came of a change: the list again, with a drawn PIN, or with what was wrong.
fn finish(
    app: &App,
    visitor: &Visitor,
    first: bool,
    done: Result<Option<(String, String)>, PeopleError>,
) -> Result<Response, Failure> {
    match done {
        Ok(None) => Ok(Redirect::to(if first { "/start/people" } else { "/people" }).into_response()),
        Ok(drawn) => page(app, visitor, StatusCode::OK, Said { drawn, first, ..Said::default() }),
        Err(error) => {
            let problem = Some(said(&app.voice(visitor.lang), &error).ok_or(Failure::Broken)?);
            page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, Said { problem, first, ..Said::default() })
        }
    }
}

/// What happened, what is safe, what to do next. `None` for what only the technician can mend.
pub(super) fn said(v: &Voice, error: &PeopleError) -> Option<String> {
    Some(match error {
        PeopleError::BadCallSign => v.t("people-bad-call-sign"),
        PeopleError::BadPin => v.t("people-bad-pin"),
        PeopleError::Taken => v.t("people-taken"),
        PeopleError::Unknown => v.t("people-unknown"),
        PeopleError::LastTechnician => v.t("people-last-technician"),
        PeopleError::FirstIsTechnician | PeopleError::NotFirst => v.t("people-first-is-technician"),
        PeopleError::TooMany => v.t("people-too-many"),
        _ => return None,
    })
}

/// `POST /people`: add somebody. Where no PIN is typed one is drawn.
pub(crate) async fn add(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = site(app)?;
        let role = Role::of_name(posted.field("role")).ok_or(Failure::ForeignForm)?;
        let typed = posted.field("pin").trim();
        let drawn = typed.is_empty().then(random_pin);
        let pin = drawn.as_ref().map_or(typed, |drawn| drawn.as_str());
        let added = wait(site.add_person(posted.field("call-sign"), role, pin, app.now_ms()));
        let shown = added.map(|person| drawn.as_ref().map(|pin| (person.call_sign, pin.to_string())));
        finish(app, visitor, posted.field("first") == "yes", shown)
    })
    .await
}

/// `POST /people/change`: another role, a new PIN, not any more, again.
pub(crate) async fn change(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let (site, who) = (site(app)?, posted.field("who"));
        let nothing = |_: Person| None;
        let done = match posted.field("do") {
            "role" => {
                let role = Role::of_name(posted.field("role")).ok_or(Failure::ForeignForm)?;
                wait(site.set_role(who, role)).map(nothing)
            }
            "pin" => wait(site.new_pin(who)).map(|(person, pin)| Some((person.call_sign, pin.to_string()))),
            "disable" => wait(site.set_disabled(who, true)).map(nothing),
            "enable" => wait(site.set_disabled(who, false)).map(nothing),
            _ => return Err(Failure::ForeignForm),
        };
        finish(app, visitor, false, done)
    })
    .await
}

/// `POST /people/lock`: after how many minutes an idle screen locks itself.
pub(crate) async fn lock_after(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = site(app)?;
        let minutes = super::sign_in::digits(posted.field("minutes")).parse::<u64>().ok();
        match minutes.filter(|minutes| (1..=LOCK_MINUTES_MAX).contains(minutes)) {
            Some(minutes) => {
                wait(site.set_lock_minutes(minutes)).map_err(|_| Failure::Broken)?;
                Ok(Redirect::to("/people").into_response())
            }
            None => {
                let problem = app.voice(visitor.lang).n("people-bad-minutes", &LOCK_MINUTES_MAX);
                let said = Said { problem: Some(problem), ..Said::default() };
                page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, said)
            }
        }
    })
    .await
}

#[derive(Template)]
#[template(path = "pin.html")]
struct PinPage {
    f: Frame,
    problem: Option<String>,
    done: bool,
    pin_digits_max: usize,
}

fn pin_page(app: &App, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::None)?;
    let done = problem.is_none() && status == StatusCode::CREATED;
    let status = if done { StatusCode::OK } else { status };
    html(status, &PinPage { problem, done, pin_digits_max: PIN_DIGITS_MAX, f })
}

/// `GET /pin`
pub(crate) async fn pin(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| {
        visitor.person.as_ref().ok_or(Failure::Missing)?;
        pin_page(app, visitor, StatusCode::OK, None)
    })
    .await
}

/// `POST /pin`: another PIN of one's own.
pub(crate) async fn own_pin(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let site = site(app)?;
        let call_sign = visitor.by().ok_or(Failure::Missing)?;
        let v = app.voice(visitor.lang);
        let bad = StatusCode::UNPROCESSABLE_ENTITY;
        let new = posted.field("pin-new");
        if new != posted.field("pin-again") {
            return pin_page(app, visitor, bad, Some(v.t("people-pins-differ")));
        }
        match site.check_pin(call_sign, posted.field("pin-old"), app.now_ms()) {
            Ok(_) => {}
            Err(NotIn::Wrong) => return pin_page(app, visitor, bad, Some(v.t("sign-in-wrong-pin"))),
            Err(NotIn::Wait(wait_ms)) => {
                let said = v.n("sign-in-wait", &wait_ms.div_ceil(1000));
                return pin_page(app, visitor, StatusCode::TOO_MANY_REQUESTS, Some(said));
            }
        }
        match wait(site.set_pin(call_sign, new)) {
            Ok(_) => pin_page(app, visitor, StatusCode::CREATED, None),
            Err(error) => pin_page(app, visitor, bad, Some(said(&v, &error).ok_or(Failure::Broken)?)),
        }
    })
    .await
}

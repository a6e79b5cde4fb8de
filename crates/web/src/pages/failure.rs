//! When something went wrong: what happened, what is safe, what to do next. Never a detail of the inside.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::{Frame, Tab, html};
use crate::app::{App, Visitor};
use crate::source::SourceError;

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// There is no such page or record, or it cannot be read here; the two look the same.
    Missing,
    /// The form is larger than any of ours.
    TooLarge,
    /// The form is not one of ours in this browser.
    ForeignForm,
    /// The site was called by a name that is not its own.
    WrongHost,
    /// The address takes another method.
    WrongWay,
    /// The screens show a record that does not change.
    ReadOnly,
    /// The disk has no room.
    DiskFull,
    /// The record could not be read.
    Broken,
}

impl From<SourceError> for Failure {
    fn from(_: SourceError) -> Failure {
        Failure::Broken
    }
}

impl Failure {
    fn status(self) -> StatusCode {
        match self {
            Failure::Missing => StatusCode::NOT_FOUND,
            Failure::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Failure::ForeignForm => StatusCode::FORBIDDEN,
            Failure::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Failure::WrongWay => StatusCode::METHOD_NOT_ALLOWED,
            Failure::ReadOnly => StatusCode::CONFLICT,
            Failure::DiskFull => StatusCode::INSUFFICIENT_STORAGE,
            Failure::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Failure::Missing => "missing",
            Failure::TooLarge => "too-large",
            Failure::ForeignForm => "foreign-form",
            Failure::WrongHost => "wrong-host",
            Failure::WrongWay => "wrong-way",
            Failure::ReadOnly => "read-only",
            Failure::DiskFull => "disk-full",
            Failure::Broken => "broken",
        }
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct Page {
    f: Frame,
    happened: String,
    safe: String,
    next: String,
    /// A way back to the overview makes sense only where it leads somewhere.
    way_back: bool,
}

/// The page of a failure, for anybody: shows nothing of the record.
pub(crate) fn page(app: &App, visitor: &Visitor, failure: Failure) -> Response {
    render(Frame::bare(app, visitor), failure)
}

/// The page of a failure for those who are let in, with the gauges if they can be read.
pub(crate) fn page_within(app: &App, visitor: &Visitor, failure: Failure) -> Response {
    render(Frame::new(app, visitor, Tab::None).unwrap_or_else(|_| Frame::bare(app, visitor)), failure)
}

fn render(f: Frame, failure: Failure) -> Response {
    let say = |part: &str| f.t(&format!("{}-{part}", failure.name()));
    let (happened, safe, next) = (say("happened"), say("safe"), say("next"));
    let page = Page { f, happened, safe, next, way_back: failure != Failure::WrongHost };
    html(failure.status(), &page).unwrap_or_else(|_| failure.status().into_response())
}

/// An address that nobody knows.
pub(crate) async fn missing(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |_, _| Err(Failure::Missing)).await
}

/// A known address, asked in another way.
pub(crate) async fn wrong_way(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |_, _| Err(Failure::WrongWay)).await
}

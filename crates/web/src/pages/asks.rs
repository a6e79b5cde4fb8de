//! Asking the network for a chart, and answering others: plain forms that a second press does nothing with.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::ask::{AskError, Verdict};
use sanad_node::site::SiteError;
use sanad_record::ask::{Whom, WhomError};

use super::failure::Failure;
use super::{Frame, Posted, Tab, html};
use crate::Can;
use crate::app::{App, Visitor};
use crate::clinic::write::key_of;
use crate::fhir::{self, Who};
use crate::text::Voice;

#[derive(Template)]
#[template(path = "asks.html")]
struct Page {
    f: Frame,
    problem: Option<String>,
    at_once: bool,
    pending: Vec<PendingView>,
    own: Vec<OwnView>,
    /// What makes a second press of the same form do nothing.
    key: String,
}

struct PendingView {
    id: String,
    from: String,
    whom: String,
    at_ms: u64,
    candidates: Vec<CandidateView>,
    key: String,
}

struct CandidateView {
    patient: String,
    who: Who,
    exact: bool,
}

struct OwnView {
    whom: String,
    at_ms: u64,
    withdrawn: bool,
    answers: Vec<AnswerView>,
}

struct AnswerView {
    said: String,
    patients: Vec<(String, Who)>,
    on_its_way: bool,
}

/// `GET /asks`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, None)).await
}

/// `POST /asks`: ask the network.
pub(crate) async fn ask(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let year = super::sign_in::digits(posted.field("born"));
        let asked = key_of(posted.field("key")).ok_or(Problem::Form).and_then(|key| {
            let text = posted.field("text");
            let whom = match posted.field("what") {
                "id" => Whom::with_id(text),
                "tag" => Whom::with_tag(text),
                "name" => {
                    let father = Some(posted.field("father").trim()).filter(|father| !father.is_empty());
                    let born = match (posted.field("born").trim(), year.parse()) {
                        ("", _) => None,
                        (_, Ok(year)) => Some(year),
                        (_, Err(_)) => return Err(AskError::from(WhomError::Year).into()),
                    };
                    Whom::with_name(text, father, born)
                }
                _ => return Err(Problem::Form),
            };
            let whom = whom.map_err(AskError::from)?;
            Ok(app.source().ask(whom, posted.by(), key)?)
        });
        finish(app, visitor, asked)
    })
    .await
}

/// `POST /asks/answer`: grant a chart, or refuse.
pub(crate) async fn answer(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let answered = key_of(posted.field("key")).ok_or(Problem::Form).and_then(|key| {
            let verdict = match (posted.field("grant"), posted.field("refuse")) {
                ("", "yes") => Verdict::Refuse,
                ("", _) => return Err(Problem::Form),
                (patient, _) => Verdict::Grant(patient.to_owned()),
            };
            Ok(app.source().answer(posted.field("ask"), verdict, posted.by(), key)?)
        });
        finish(app, visitor, answered)
    })
    .await
}

/// Why a form did nothing.
enum Problem {
    /// It is not one of ours.
    Form,
    Ask(AskError),
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Problem {
        Problem::Ask(error)
    }
}

fn finish(app: &App, visitor: &Visitor, done: Result<(), Problem>) -> Result<Response, Failure> {
    match done {
        Ok(()) => Ok(Redirect::to("/asks").into_response()),
        Err(Problem::Form) => Err(Failure::ForeignForm),
        Err(Problem::Ask(error)) => {
            let said = said(&app.voice(visitor.lang), &error).ok_or(Failure::Broken)?;
            page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(said))
        }
    }
}

/// What happened, what is safe, what to do next. `None` for what only the technician can mend.
fn said(v: &Voice, error: &AskError) -> Option<String> {
    Some(match error {
        AskError::Whom(WhomError::Year) => v.t("asks-bad-year"),
        AskError::Whom(_) => v.t("asks-bad-whom"),
        AskError::Site(SiteError::BadCallSign) => v.t("asks-bad-call-sign"),
        AskError::NoSuchAsk | AskError::Withdrawn | AskError::OwnAsk => v.t("asks-gone"),
        AskError::NoSuchPatient => v.t("asks-no-patient"),
        AskError::NoSuchSite | AskError::OpensNothing => v.t("asks-no-site"),
        AskError::AlreadyGranted | AskError::TooMany => v.t("asks-already"),
        AskError::NotRecorded => v.t("asks-not-recorded"),
        _ => return None,
    })
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Asks)?;
    let asks = app.source().asks()?;
    let comma = f.t("list-comma");
    let who = |raw: &[u8]| fhir::who(&f.v, raw, f.year());
    let pending = asks.pending.into_iter().map(|ask| PendingView {
        from: match &ask.by {
            Some(by) => f.v.with2("asks-from-by", ("site", &ask.site), ("by", by)),
            None => f.v.with("asks-from", "site", &ask.site),
        },
        id: ask.id,
        whom: ask.whom.join(&comma),
        at_ms: ask.at_ms,
        candidates: ask
            .candidates
            .into_iter()
            // Who somebody may be is for whoever may open the chart.
            .filter(|_| visitor.may(Can::Grant))
            .map(|(patient, raw, exact)| CandidateView { patient, who: who(&raw), exact })
            .collect(),
        key: app.token(),
    });
    let own = asks.own.into_iter().map(|ask| OwnView {
        whom: ask.whom.join(&comma),
        at_ms: ask.at_ms,
        withdrawn: ask.withdrawn,
        answers: ask
            .answers
            .into_iter()
            .map(|answer| AnswerView {
                said: match answer.charts {
                    Some(_) => f.v.with("asks-granted", "site", &answer.site),
                    None => f.v.with("asks-refused", "site", &answer.site),
                },
                on_its_way: answer.charts.is_some_and(|charts| charts > answer.patients.len() as u64),
                patients: answer.patients.iter().map(|(id, raw)| (id.clone(), who(raw))).collect(),
            })
            .collect(),
    });
    let (pending, own) = (pending.collect(), own.collect());
    html(status, &Page { problem, at_once: asks.at_once, pending, own, key: app.token(), f })
}

//! After the event: how many were sorted too high and too low, and how long people waited for somebody to see them, and for
//! the theatre. Numbers to talk about, not to blame anybody; no name stands here.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use sanad_node::site::Site;
use sanad_record::care::event::{self, Event};
use sanad_record::care::stay::{self, Disposition, Stay};
use sanad_record::time::span;
use sanad_record::transfusion::transfusions;
use sanad_record::triage::{self, Colour, Judgement, Outcome};
use sanad_record::written::Operation;

use super::bedside::stored;
use super::board_page::waited;
use super::plot;
use super::record::{Read, find};
use crate::app::{App, Visitor};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Tab, html};
use crate::source::SourceError;
use crate::text::grouped;

/// Most casualties that one page judges, the newest: more than any facility has had at once would take it seconds.
const CASUALTIES_MAX: usize = 600;

/// What is known of one casualty of the event. Minutes since the first colour, or since they came.
struct Course {
    first: Option<Colour>,
    outcome: Outcome,
    contact_min: Option<u32>,
    theatre_min: Option<u32>,
}

/// One colour, in the words of the page.
struct Row {
    colour: &'static str,
    letter: String,
    name: String,
    count: u64,
    over: u64,
    under: u64,
}

/// A number of times, as a table says what the dots show.
struct Times {
    label: String,
    svg: String,
    /// Colour, how many, median, three quarters.
    rows: Vec<(String, u64, String, String)>,
}

#[derive(Template)]
#[template(path = "after.html")]
struct Page {
    f: Frame,
    /// Name, beginning, end.
    event: Option<(String, u64, Option<u64>)>,
    rows: Vec<Row>,
    judged: String,
    times: Vec<Times>,
    unverified: Option<String>,
    is_cut: bool,
}

/// `GET /board/after`: the newest event; where there was none, everybody whose stay is still written down.
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, page).await
}

fn page(app: &App, visitor: &Visitor) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Board)?;
    let site = app.clinic()?;
    let event = newest_event(site, f.calendar.now_ms)?;
    let (courses, is_cut) = courses(site, event.as_ref(), f.calendar.now_ms)?;
    let rows: Vec<Row> = Colour::ALL.into_iter().map(|colour| row(&f, colour, &courses)).collect();
    let bars: Vec<_> = rows
        .iter()
        .filter(|row| row.count > 0)
        .map(|row| (row.name.clone(), [row.under, row.over, row.count - row.under - row.over]))
        .collect();
    let times = vec![
        times(&f, f.t("after-contact"), &courses, |course| course.contact_min),
        times(&f, f.t("after-theatre"), &courses, |course| course.theatre_min),
    ];
    let sheet = triage::judgement_sheet();
    let unverified = (!sheet.is_verified()).then(|| f.v.with("triage-unverified", "source", sheet.source));
    let judged = plot::bars(&f.t("after-judged"), &bars);
    let event = event.map(|event| (event.name.unwrap_or_default(), event.opened_ms, event.closed_ms));
    html(StatusCode::OK, &Page { event, rows, judged, times, unverified, is_cut, f })
}

fn newest_event(site: &Site, now_ms: u64) -> Result<Option<Event>, SourceError> {
    let code = format!("{}|", event::SYSTEM);
    let events = find(site, "Basic", &[("code", &code)], None, now_ms)?;
    let events = events.iter().filter_map(|read| event::read(&read.value));
    Ok(events.max_by(|a, b| (a.opened_ms, &a.id).cmp(&(b.opened_ms, &b.id))))
}

/// Everybody of an event, and whether there were more than are judged.
fn courses(site: &Site, event: Option<&Event>, now_ms: u64) -> Result<(Vec<Course>, bool), SourceError> {
    let mut stays: BTreeMap<String, Stay> = BTreeMap::new();
    for read in find(site, "Encounter", &[], None, now_ms)? {
        let Some(stay) = stay::read(&read.value) else { continue };
        let is_of_it = event.is_none_or(|event| stay.parts.event.as_deref() == Some(event.id.as_str()));
        let is_newer = stays.get(&stay.patient).is_none_or(|known| known.start_ms < stay.start_ms);
        if is_of_it && is_newer {
            stays.insert(stay.patient.clone(), stay);
        }
    }
    let is_cut = stays.len() > CASUALTIES_MAX;
    let code = format!("{}|triage", triage::SYSTEM);
    let mut courses = Vec::new();
    for (patient, stay) in stays.into_iter().take(CASUALTIES_MAX) {
        let sorts = find(site, "Observation", &[("code", &code)], Some(&patient), now_ms)?;
        let procedures = find(site, "Procedure", &[], Some(&patient), now_ms)?;
        courses.push(course(&stay, sorts, &procedures));
    }
    Ok((courses, is_cut))
}

fn course(stay: &Stay, sorts: Vec<Read>, procedures: &[Read]) -> Course {
    let sorts: Vec<_> = sorts.into_iter().map(|read| read.value).collect();
    // The newest first; of a second stay only its own.
    let since_ms = stay.start_ms.unwrap_or_default();
    let first = triage::history(&sorts).into_iter().rfind(|sort| sort.at_ms >= since_ms);
    let sorted_ms = first.as_ref().map_or(since_ms, |sort| sort.at_ms);
    let minutes = |from_ms: u64, at_ms: u64| u32::try_from(at_ms.saturating_sub(from_ms) / 60_000).unwrap_or(u32::MAX);
    let began = |read: &Read| {
        let operation = Operation::read(&read.value).filter(|operation| !operation.is_planned)?;
        u64::try_from(span(&operation.began)?.from_ms).ok().filter(|at_ms| *at_ms >= since_ms)
    };
    let theatre_ms = procedures.iter().filter_map(began).min();
    let blood = transfusions(&stored(procedures)).into_iter().filter_map(|given| given.at_ms);
    let blood_ms = blood.filter(|at_ms| *at_ms >= since_ms).min();
    let left = stay.leaving.as_ref().and_then(|leaving| Some((leaving.disposition?, leaving.at_ms?)));
    let left_min =
        |is: fn(Disposition) -> bool| left.filter(|(how, _)| is(*how)).map(|(_, at_ms)| minutes(sorted_ms, at_ms));
    let went_home = |how| matches!(how, Disposition::Home | Disposition::FollowUp);
    Course {
        first: first.map(|sort| sort.colour),
        outcome: Outcome {
            // What the record knows of life-saving interventions: the knife and blood.
            life_saving_min: theatre_ms.into_iter().chain(blood_ms).min().map(|at_ms| minutes(sorted_ms, at_ms)),
            died_min: left_min(Disposition::is_death),
            discharged_min: left_min(went_home).filter(|_| theatre_ms.is_none()),
        },
        contact_min: stay.first_contact_ms.map(|at_ms| minutes(since_ms, at_ms)),
        theatre_min: theatre_ms.map(|at_ms| minutes(since_ms, at_ms)),
    }
}

fn row(f: &Frame, colour: Colour, courses: &[Course]) -> Row {
    let judged = |judgement: Judgement| {
        let of = courses.iter().filter(|course| course.first == Some(colour));
        of.filter(|course| triage::judge(colour, &course.outcome) == judgement).count() as u64
    };
    let (right, over, under) = (judged(Judgement::Right), judged(Judgement::Over), judged(Judgement::Under));
    Row {
        colour: colour.code(),
        letter: f.t(&format!("letter-{}", colour.code())),
        name: f.t(&format!("colour-{}", colour.code())),
        count: right + over + under,
        over,
        under,
    }
}

fn times(f: &Frame, label: String, courses: &[Course], of: fn(&Course) -> Option<u32>) -> Times {
    let of_colour = |colour: Colour| {
        let times = courses.iter().filter(|course| course.first == Some(colour)).filter_map(of);
        (f.t(&format!("colour-{}", colour.code())), times.collect::<Vec<u32>>())
    };
    let all: Vec<_> = Colour::ALL.map(of_colour).into_iter().filter(|(_, times)| !times.is_empty()).collect();
    let said = |minutes: f64| waited(&f.v, minutes.round() as u32);
    let rows = all.iter().filter_map(|(name, times)| {
        let spread = triage::spread(times)?;
        Some((name.clone(), spread.count as u64, said(spread.median), said(spread.upper_quartile)))
    });
    let rows = rows.collect();
    let svg = plot::dots(&label, &all, &|minutes| waited(&f.v, minutes));
    Times { label, svg, rows }
}

impl Page {
    fn share(&self, part: &u64, of: &u64) -> String {
        format!("{}/{}", grouped(*part), grouped(*of))
    }
}

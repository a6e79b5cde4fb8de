//! One casualty: the colour and how it was found, where they are, with whom, what comes next, and how the stay ends.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::roles::Capability;
use sanad_record::care::stay::{self, Disposition, LeaveError, Status, Stay};
use sanad_record::care::{decontamination, input, person};
use sanad_record::key::ResourceKey;
use sanad_record::triage::{self, Colour, NewTriage, Tool, Triage};
use serde_json::Value;

use super::board_page::{colour_buttons, colour_code, input_words, triage_words, waited, who_of};
use super::record::{Chart, Read};
use super::sheet::Sheet;
use super::walk::{Walk, WalkView, choice_words, question_words, tool_words};
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::moment::clock;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// One sort as the page tells it.
pub(crate) struct SortView {
    pub colour: &'static str,
    pub letter: String,
    pub name: String,
    pub at_ms: u64,
    pub by: Option<String>,
    pub tool: Option<String>,
    /// Question and choice.
    pub why: Vec<(String, String)>,
    /// The table's colour, where a person gave another, and why.
    pub instead_of: Option<String>,
    pub reason: Option<String>,
}

pub(crate) fn sort_view(v: &Voice, sort: &Triage) -> SortView {
    let colour = sort.colour.code();
    SortView {
        colour,
        letter: v.t(&format!("letter-{colour}")),
        name: v.t(&format!("colour-{colour}")),
        at_ms: sort.at_ms,
        by: sort.by.clone(),
        tool: sort.tool.map(|tool| tool_words(v, tool)),
        why: sort.why.iter().map(|(question, choice)| (question_words(v, question), choice_words(v, choice))).collect(),
        instead_of: sort
            .walked
            .filter(|walked| *walked != sort.colour)
            .map(|walked| v.t(&format!("colour-{}", walked.code()))),
        reason: sort.override_reason.clone(),
    }
}

/// The stay of a chart that is not over, and its resource.
pub(crate) fn open_stay(chart: &Chart) -> Option<(Stay, &Read)> {
    let stays = chart.of("Encounter").iter().filter_map(|read| Some((stay::read(&read.value)?, read)));
    stays
        .filter(|(stay, _)| !matches!(stay.status, Status::Finished | Status::Other))
        .max_by_key(|(stay, _)| stay.start_ms)
}

/// The sorts of a chart, newest first.
pub(crate) fn sorts(chart: &Chart) -> Vec<Triage> {
    let all: Vec<Value> = chart.values("Observation").into_iter().cloned().collect();
    triage::history(&all)
}

#[derive(Template)]
#[template(path = "casualty.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    colour: &'static str,
    colour_name: String,
    letter: String,
    stay: Option<StayView>,
    sorts: Vec<SortView>,
    /// Open flags: the resource that says that the skin is to be washed.
    contaminated: Option<u64>,
    ended: Option<String>,
    /// One for each form of the page.
    keys: [String; 4],
    ways: Vec<(&'static str, String)>,
}

struct StayView {
    status: String,
    waited: String,
    seen: bool,
}

/// `GET /casualties/{id}`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, None)).await
}

fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, typed: Option<Sheet>) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Board)?;
    let chart = Chart::read(app.clinic()?, id)?.ok_or(Failure::Missing)?;
    let sorted = sorts(&chart);
    let open = open_stay(&chart);
    let now_ms = f.calendar.now_ms;
    let mut s = Sheet::default();
    if let Some((stay, _)) = &open {
        let parts = &stay.parts;
        let begin = [
            ("place", &parts.place),
            ("team", &parts.team),
            ("next", &parts.next_step),
            ("destination", &parts.destination),
        ];
        for (name, value) in begin {
            s.begin(name, value.clone().unwrap_or_default());
            s.begin(&format!("was-{name}"), value.clone().unwrap_or_default());
        }
    }
    let stay = open.as_ref().map(|(stay, _)| StayView {
        status: f.t(&format!("stay-{}", stay.status.code())),
        waited: waited(&f.v, minutes_since(stay.start_ms, now_ms)),
        seen: stay.first_contact_ms.is_some(),
    });
    let leaving = chart.of("Encounter").iter().filter_map(|read| stay::read(&read.value)?.leaving);
    let leaving = leaving.max_by_key(|leaving| leaving.at_ms).filter(|_| open.is_none());
    let ended = leaving.map(|leaving| {
        let how = leaving.disposition.map_or_else(|| f.t("left-unknown"), |how| f.t(&format!("left-{}", how.code())));
        f.v.with2("leave-said", ("how", &how), ("time", &leaving.at_ms.map_or_else(String::new, |at| f.time(&at))))
    });
    let flags = chart.of("Flag").iter().filter_map(|read| decontamination::read(&read.value));
    let contaminated = flags.filter(|flag| flag.done_ms.is_none()).map(|flag| flag.needed_ms).min();
    let colour = colour_code(sorted.first().map(|sort| sort.colour));
    let ways = Disposition::ALL.into_iter().filter(|way| *way != Disposition::Transferred);
    let ways = ways.map(|way| (way.code(), f.t(&format!("left-{}", way.code())))).collect();
    let page = Page {
        s: typed.unwrap_or(s),
        who: who_of(&f, &chart.id, &chart.patient),
        id: chart.id.clone(),
        colour,
        colour_name: f.t(&format!("colour-{colour}")),
        letter: f.t(&format!("letter-{colour}")),
        stay,
        sorts: sorted.iter().map(|sort| sort_view(&f.v, sort)).collect(),
        contaminated,
        ended,
        keys: std::array::from_fn(|_| app.token()),
        ways,
        f,
    };
    app.opened(visitor, [&page.id]);
    html(status, &page)
}

pub(crate) fn minutes_since(since_ms: Option<u64>, now_ms: u64) -> u32 {
    let since = since_ms.unwrap_or(now_ms);
    u32::try_from(now_ms.saturating_sub(since) / 60_000).unwrap_or(u32::MAX)
}

fn key_of(read: &Read) -> ResourceKey {
    read.key.clone()
}

/// `POST /casualties/{id}`: where, with whom, what next; seen; washed; the end of the stay. Each part of the form is its own
/// button, and touches nothing else.
pub(crate) async fn change(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let now_ms = app.now_ms();
        let mut s = Sheet::of(&posted);
        let chart = Chart::read(app.clinic()?, &id)?.ok_or(Failure::Missing)?;
        let open = open_stay(&chart);
        let mut writing = Writing::begin(app, &posted)?;
        // Who has left has no stay by which a second press could be looked at.
        if writing.is_saved()? {
            return Ok(Redirect::to(&format!("/casualties/{}", chart.id)).into_response());
        }
        let by = visitor.by().unwrap_or_default().to_owned();
        match posted.field("do") {
            "place" => {
                let Some((_, read)) = &open else { return Err(Failure::Missing) };
                let texts = ["place", "team", "next", "destination"].map(|name| {
                    let line = |text: &str| input::line(text, stay::TEXT_CHARS_MAX);
                    let was = line(posted.field(&format!("was-{name}"))).ok().flatten();
                    (was, s.take(name, line, |error| input_words(&v, error)).flatten())
                });
                writing.edit(key_of(read), move |encounter| {
                    // What was not changed since the page was made stays as somebody else may have set it meanwhile.
                    let mut parts = stay::read(encounter)?.parts;
                    let fields = [&mut parts.place, &mut parts.team, &mut parts.next_step, &mut parts.destination];
                    for (field, (before, after)) in fields.into_iter().zip(&texts) {
                        if before != after {
                            *field = after.clone();
                        }
                    }
                    // Who is said to be somewhere else has left the bed of the ward.
                    if texts[0].0 != texts[0].1 {
                        parts.location = None;
                    }
                    Some(stay::edit(encounter, &parts, now_ms))
                });
            }
            "seen" => {
                let Some((_, read)) = &open else { return Err(Failure::Missing) };
                writing.edit(key_of(read), move |encounter| {
                    Some(stay::with_status(encounter, Status::InProgress, now_ms))
                });
            }
            "contaminated" => {
                let flag = writing.new_id();
                writing.add(decontamination::needed(&flag, &chart.id, now_ms, &by));
            }
            "washed" => {
                let open = |read: &&Read| decontamination::read(&read.value).is_some_and(|flag| flag.done_ms.is_none());
                for read in chart.of("Flag").iter().filter(open) {
                    writing.edit(key_of(read), move |flag| Some(decontamination::done(flag, now_ms)));
                }
            }
            "leave" if visitor.may(Capability::Discharge) => {
                let Some((_, read)) = &open else { return Err(Failure::Missing) };
                let Some(way) = Disposition::of_code(posted.field("how")) else {
                    s.refuse("how", v.t("leave-how-missing"));
                    return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(s));
                };
                let cause = if way.is_death() { s.value("cause").to_owned() } else { String::new() };
                let follow_up = s.value("follow-up").to_owned();
                let died_ms =
                    if way.is_death() { clock_ms(app, &v, &mut s, "died-at") } else { None }.unwrap_or(now_ms);
                if !s.is_sound() {
                    return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(s));
                }
                // Who was dead on arrival died before the stay began.
                let left_ms = if way == Disposition::Died { died_ms } else { now_ms };
                if let Err(error) = stay::leave(&read.value, way, left_ms, &cause, &follow_up) {
                    let at = match (error, way.is_death()) {
                        (LeaveError::BeforeStart, true) => "died-at",
                        (_, true) => "cause",
                        (_, false) => "follow-up",
                    };
                    s.refuse(at, leave_words(&v, error));
                    return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(s));
                }
                writing
                    .edit(key_of(read), move |encounter| stay::leave(encounter, way, left_ms, &cause, &follow_up).ok());
                if way.is_death() {
                    let key = ResourceKey::new("Patient", chart.id.clone()).map_err(|_| Failure::Missing)?;
                    writing.edit(key, move |patient| Some(person::died(patient, died_ms)));
                }
            }
            "return" if visitor.may(Capability::Discharge) => {
                let last = chart
                    .of("Encounter")
                    .iter()
                    .filter(|read| stay::read(&read.value).is_some_and(|stay| stay.leaving.is_some()));
                let Some(read) = last.max_by_key(|read| read.updated_ms) else { return Err(Failure::Missing) };
                writing.edit(key_of(read), move |encounter| Some(stay::return_to_stay(encounter, now_ms)));
                let key = ResourceKey::new("Patient", chart.id.clone()).map_err(|_| Failure::Missing)?;
                writing.edit(key, |patient| Some(person::lives(patient)));
            }
            _ => return Err(Failure::ForeignForm),
        }
        if !s.is_sound() {
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, Some(s));
        }
        writing.save()?;
        Ok(Redirect::to(&format!("/casualties/{}", chart.id)).into_response())
    })
    .await
}

/// The last time at which the site's clocks showed what a field says; `None` if it says nothing, or is no time.
pub(crate) fn clock_ms(app: &App, v: &Voice, s: &mut Sheet, name: &str) -> Option<u64> {
    let calendar = app.calendar();
    let read = |text: &str| clock(text).and_then(|clock| calendar.last(clock)).ok_or(());
    s.take(name, read, |()| v.t("clock-wrong"))
}

fn leave_words(v: &Voice, error: LeaveError) -> String {
    match error {
        LeaveError::Text(error) => input_words(v, error),
        error => v.t(error.id()),
    }
}

#[derive(Template)]
#[template(path = "triage.html")]
struct SortPage {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    colours: Vec<(&'static str, String, String)>,
    tools: Vec<(&'static str, String)>,
    walk: Option<WalkView>,
}

/// `GET /casualties/{id}/triage`
pub(crate) async fn sort_form(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        sort_page(app, visitor, &id, StatusCode::OK, Sheet::default(), app.token(), None)
    })
    .await
}

fn sort_page(
    app: &App,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    s: Sheet,
    key: String,
    walk: Option<&Walk>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Board)?;
    let chart = Chart::read(app.clinic()?, id)?.ok_or(Failure::Missing)?;
    let page = SortPage {
        s,
        who: who_of(&f, &chart.id, &chart.patient),
        id: chart.id,
        key,
        colours: colour_buttons(&f.v),
        tools: Tool::ALL.map(|tool| (tool.code(), tool_words(&f.v, tool))).to_vec(),
        walk: walk.map(|walk| walk.view(&f.v)),
        f,
    };
    html(status, &page)
}

/// `POST /casualties/{id}/triage`: sorted again.
pub(crate) async fn sort(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let mut s = Sheet::of(&posted);
        let v = app.voice(visitor.lang);
        let walk = Walk::posted(&posted);
        let key = posted.field("key").to_owned();
        let Some(colour) = Colour::of_code(posted.field("colour")) else {
            return sort_page(app, visitor, &id, StatusCode::OK, s, key, walk.as_ref());
        };
        let chart = Chart::read(app.clinic()?, &id)?.ok_or(Failure::Missing)?;
        let open = open_stay(&chart);
        let now_ms = app.now_ms();
        let mut writing = Writing::begin(app, &posted)?;
        let observation = writing.new_id();
        let answers = walk.as_ref().map(Walk::answers).unwrap_or_default();
        let sorted = triage::observation(&NewTriage {
            id: &observation,
            patient: &chart.id,
            encounter: open.as_ref().map(|(stay, _)| stay.id.as_str()),
            tool: walk.as_ref().map(|walk| walk.tool),
            colour,
            why: &answers,
            override_reason: s.text("reason"),
            at_ms: now_ms,
            by: visitor.by().unwrap_or_default(),
        });
        let sorted = match sorted {
            Ok(sorted) => sorted,
            Err(error) => {
                s.refuse("reason", triage_words(&v, error));
                return sort_page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s, key, walk.as_ref());
            }
        };
        writing.add(sorted);
        match &open {
            Some((_, read)) => writing.edit(read.key.clone(), move |encounter| {
                let parts = stay::Parts { colour: Some(colour), ..stay::read(encounter)?.parts };
                let made = stay::edit(encounter, &parts, now_ms);
                let is_new = stay::read(encounter)?.status == Status::Arrived;
                Some(if is_new { stay::with_status(&made, Status::Triaged, now_ms) } else { made })
            }),
            // Somebody who is known here and not on the board comes in with this.
            None => {
                let (site, encounter) = (app.clinic()?, writing.new_id());
                let event = app.board()?.event().map(|event| event.id.clone());
                let parts = stay::Parts { colour: Some(colour), event, ..stay::Parts::default() };
                let here = (site.facility().to_string(), site.call_sign().to_owned());
                writing.add(stay::open(&encounter, &chart.id, (&here.0, &here.1), &parts, now_ms));
            }
        }
        writing.save()?;
        Ok(Redirect::to(&format!("/casualties/{}", chart.id)).into_response())
    })
    .await
}

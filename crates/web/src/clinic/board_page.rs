//! The board on the screen, and the first minute of a casualty: a colour, and a tag if there is one. Nothing else is asked.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::care::input::{self, InputError};
use sanad_record::care::person::{Birth, PersonParts, Sex};
use sanad_record::care::{decontamination, event, person, stay};
use sanad_record::key::ResourceKey;
use sanad_record::triage::{self, Colour, NewTriage, Tool, TriageError};

use super::board::Casualty;
use super::capacity::{self, SiteRow};
use super::record::find;
use super::sheet::Sheet;
use super::walk::{Walk, WalkView};
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::{self, Who};
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::{Voice, grouped};

/// How many rows one page of the board shows; the counts are of all of them.
const ROWS_MAX: usize = 500;

/// One casualty as a row shows them.
pub(crate) struct Row {
    pub id: String,
    pub colour: &'static str,
    pub letter: String,
    pub colour_name: String,
    /// Tag or name, whichever there is, and a number of ours where there is neither.
    pub name: String,
    pub tag: Option<String>,
    pub about: String,
    /// Where, with whom, what next.
    pub line: String,
    pub destination: Option<String>,
    pub waited: String,
    pub late: bool,
    pub has_allergy: bool,
    pub is_contaminated: bool,
    pub dead: bool,
}

/// A colour and how many have it.
pub(crate) struct Count {
    pub colour: &'static str,
    pub name: String,
    pub count: u64,
}

pub(crate) fn colour_code(colour: Option<Colour>) -> &'static str {
    colour.map_or("none", Colour::code)
}

/// A number by which somebody without tag or name can be called, until there is one: `#4F2A`.
pub(crate) fn provisional(id: &str) -> String {
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).take(4).collect();
    format!("#{}", digits.to_uppercase())
}

/// `18 min`, `3 h`, `2 d`.
pub(crate) fn waited(v: &Voice, minutes: u32) -> String {
    let minutes = u64::from(minutes);
    match minutes {
        0..100 => v.n("waited-minutes", &minutes),
        100..2_880 => v.n("waited-hours", &(minutes / 60)),
        _ => v.n("waited-days", &(minutes / 1_440)),
    }
}

/// Who a row or a page is about, with a number where there is nothing else.
pub(crate) fn who_of(f: &Frame, id: &str, patient: &[u8]) -> Who {
    let mut who = fhir::who(&f.v, patient, f.year());
    let is_unnamed = who.name == f.t("patient-unnamed");
    if is_unnamed {
        who.name = match who.tag.take() {
            Some(tag) => f.v.with("board-tag", "tag", &tag),
            None => f.v.with("board-unidentified", "number", &provisional(id)),
        };
    }
    who
}

pub(crate) fn row(f: &Frame, casualty: &Casualty) -> Row {
    let who = who_of(f, &casualty.id, &casualty.patient);
    let colour = colour_code(casualty.colour());
    let parts = &casualty.stay.parts;
    let line = [&parts.place, &parts.team, &parts.next_step].into_iter().flatten().cloned().collect::<Vec<_>>();
    Row {
        colour,
        letter: f.t(&format!("letter-{colour}")),
        colour_name: f.t(&format!("colour-{colour}")),
        name: who.name,
        tag: who.tag,
        about: who.about,
        dead: who.dead,
        line: line.join(" · "),
        destination: parts.destination.clone(),
        waited: waited(&f.v, casualty.waited_min(f.calendar.now_ms)),
        late: casualty.is_late(f.calendar.now_ms),
        has_allergy: casualty.has_allergy,
        is_contaminated: casualty.is_contaminated,
        id: casualty.id.clone(),
    }
}

#[derive(Template)]
#[template(path = "board.html")]
struct BoardPage {
    f: Frame,
    event: Option<(String, String)>,
    counts: Vec<Count>,
    rows: Vec<Row>,
    hidden: u64,
    key: String,
    problem: Option<String>,
    /// What the sites of the network say that they can take.
    network: Vec<SiteRow>,
}

/// `GET /board`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| page(app, visitor, StatusCode::OK, None)).await
}

fn page(app: &App, visitor: &Visitor, status: StatusCode, problem: Option<String>) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Board)?;
    let board = app.board()?;
    let all = board.rows();
    let counts = std::iter::once(None).chain(Colour::ALL.map(Some)).map(|colour| Count {
        colour: colour_code(colour),
        name: f.t(&format!("colour-{}", colour_code(colour))),
        count: all.iter().filter(|casualty| casualty.colour() == colour).count() as u64,
    });
    let counts = counts.filter(|count| count.count > 0 || !matches!(count.colour, "none" | "expectant")).collect();
    let rows = all.iter().take(ROWS_MAX).map(|casualty| row(&f, casualty)).collect();
    let hidden = all.len().saturating_sub(ROWS_MAX) as u64;
    let event = board.event().map(|event| (event.name.clone().unwrap_or_default(), f.time(&event.opened_ms)));
    drop(board);
    let network = capacity::rows(&f, app.clinic()?)?;
    html(status, &BoardPage { network, event, counts, rows, hidden, key: app.token(), problem, f })
}

/// `POST /board/event`: a mass-casualty event begins, or is over.
pub(crate) async fn event(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let now_ms = app.now_ms();
        let mut writing = Writing::begin(app, &posted)?;
        let open = app.board()?.event().map(|event| event.id.clone());
        match (open, posted.field("close")) {
            (Some(id), "yes") => {
                let key = ResourceKey::new("Basic", id).map_err(|_| Failure::Missing)?;
                writing.edit(key, move |event| Some(event::close(event, now_ms)));
            }
            (None, "") => {
                let id = writing.new_id();
                match event::open(&id, posted.field("name"), now_ms, visitor.by().unwrap_or_default()) {
                    Ok(event) => writing.add(event),
                    Err(error) => {
                        let said = input_words(&app.voice(visitor.lang), error);
                        return page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, Some(said));
                    }
                }
            }
            // Somebody else did the same a moment ago.
            _ => return Ok(Redirect::to("/board").into_response()),
        }
        writing.save()?;
        Ok(Redirect::to("/board").into_response())
    })
    .await
}

#[derive(Template)]
#[template(path = "casualty_new.html")]
struct NewPage {
    f: Frame,
    s: Sheet,
    key: String,
    colours: Vec<(&'static str, String, String)>,
    tools: Vec<(&'static str, String)>,
    walk: Option<WalkView>,
    /// Somebody else who wears the tag: their page.
    same_tag: Option<String>,
}

/// The fields of the page that travel along while a table is walked.
const FIELDS: [&str; 6] = ["tag", "sex", "age", "place", "complaint", "contaminated"];

/// `GET /board/new`
pub(crate) async fn new(State(app): State<App>, visitor: Visitor) -> Response {
    app.page(visitor, |app, visitor| new_page(app, visitor, StatusCode::OK, Sheet::default(), app.token(), None, None))
        .await
}

/// The page of a new casualty, with what is known already in its fields.
pub(crate) fn new_page(
    app: &App,
    visitor: &Visitor,
    status: StatusCode,
    s: Sheet,
    key: String,
    walk: Option<&Walk>,
    same_tag: Option<String>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Board)?;
    let colours = colour_buttons(&f.v);
    let tools = Tool::ALL.map(|tool| (tool.code(), super::walk::tool_words(&f.v, tool))).to_vec();
    let walk = walk.map(|walk| walk.view(&f.v));
    html(status, &NewPage { s, key, colours, tools, walk, same_tag, f })
}

/// Every colour as a button: code, letter, name.
pub(crate) fn colour_buttons(v: &Voice) -> Vec<(&'static str, String, String)> {
    let button = |colour: Colour| {
        let code = colour.code();
        (code, v.t(&format!("letter-{code}")), v.t(&format!("colour-{code}")))
    };
    Colour::ALL.map(button).to_vec()
}

/// What is wrong with something typed, in one sentence.
pub(crate) fn input_words(v: &Voice, error: InputError) -> String {
    match error {
        InputError::TooLong { most } => v.with("field-too-long", "max", &grouped(most as u64)),
        error => v.t(error.id()),
    }
}

/// What is wrong with a sort.
pub(crate) fn triage_words(v: &Voice, error: TriageError) -> String {
    match error {
        TriageError::Reason(error) => input_words(v, error),
        error => v.t(error.id()),
    }
}

/// `POST /board/new`: the colour makes the casualty; without one a table is walked.
pub(crate) async fn add(State(app): State<App>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let mut s = Sheet::of(&posted);
        let v = app.voice(visitor.lang);
        let walk = Walk::posted(&posted);
        let key = posted.field("key").to_owned();
        let Some(colour) = Colour::of_code(posted.field("colour")) else {
            return new_page(app, visitor, StatusCode::OK, s, key, walk.as_ref(), None);
        };
        let now_ms = app.now_ms();
        let parts = person_of(&mut s, &v, now_ms);
        let place =
            s.take("place", |text| input::line(text, stay::TEXT_CHARS_MAX), |error| input_words(&v, error)).flatten();
        let complaint = s
            .take("complaint", |text| input::line(text, stay::TEXT_CHARS_MAX), |error| input_words(&v, error))
            .flatten();
        let answers = walk.as_ref().map(Walk::answers).unwrap_or_default();
        let mut writing = Writing::begin(app, &posted)?;
        let (patient, encounter, sort) = (writing.new_id(), writing.new_id(), writing.new_id());
        let by = visitor.by().unwrap_or_default();
        let sorted = triage::observation(&NewTriage {
            id: &sort,
            patient: &patient,
            encounter: Some(&encounter),
            tool: walk.as_ref().map(|walk| walk.tool),
            colour,
            why: &answers,
            override_reason: s.text("reason"),
            at_ms: now_ms,
            by,
        });
        if let Err(error) = &sorted {
            s.refuse("reason", triage_words(&v, *error));
        }
        let mut same_tag = None;
        if let Some(tag) = parts.tag.as_deref().filter(|_| posted.field("other") != "yes") {
            same_tag = wearer(app, tag, &patient, now_ms)?;
            if same_tag.is_some() {
                s.refuse("tag", v.t("board-tag-worn"));
            }
        }
        let (true, Ok(sorted)) = (s.is_sound(), sorted) else {
            return new_page(app, visitor, StatusCode::UNPROCESSABLE_ENTITY, s, key, walk.as_ref(), same_tag);
        };
        let site = app.clinic()?;
        let event = app.board()?.event().map(|event| event.id.clone());
        let parts_of_stay =
            stay::Parts { place, next_step: complaint, colour: Some(colour), event, ..stay::Parts::default() };
        let here = (site.facility().to_string(), site.call_sign().to_owned());
        let mut encounter = stay::open(&encounter, &patient, (&here.0, &here.1), &parts_of_stay, now_ms);
        let mut person = person::patient(&patient, &parts, now_ms);
        if posted.field("arrived") == "dead" {
            let over = stay::leave(&encounter, stay::Disposition::DeadOnArrival, now_ms, "", "");
            encounter = over.map_err(|_| Failure::Broken)?;
            person = person::died(&person, now_ms);
        }
        writing.add(person);
        writing.add(encounter);
        writing.add(sorted);
        if !posted.field("contaminated").is_empty() {
            let flag = writing.new_id();
            writing.add(decontamination::needed(&flag, &patient, now_ms, by));
        }
        writing.save()?;
        Ok(Redirect::to(&format!("/board#c-{patient}")).into_response())
    })
    .await
}

/// The page of somebody on the board who wears this tag already.
pub(crate) fn wearer(app: &App, tag: &str, own: &str, now_ms: u64) -> Result<Option<String>, Failure> {
    let literal = tag.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$");
    let wanted = format!("{}|{literal}", person::TAG_SYSTEM);
    let found = find(app.clinic()?, "Patient", &[("identifier", &wanted)], None, now_ms)?;
    let board = app.board()?;
    let worn = |read: &&super::record::Read| {
        read.key.id != own && person::read(&read.value).is_some_and(|parts| parts.tag.as_deref() == Some(tag))
    };
    let wearer = found.iter().filter(worn).find(|read| board.casualty(&read.key.id).is_some());
    Ok(wearer.map(|read| format!("/casualties/{}", read.key.id)))
}

/// As much of a person as the page of a new casualty asks for.
fn person_of(s: &mut Sheet, v: &Voice, now_ms: u64) -> PersonParts {
    let age = s.take("age", input::age, |error| input_words(v, error));
    let parts = PersonParts {
        tag: s.text("tag").map(str::to_owned),
        sex: Sex::of_code(s.value("sex")),
        birth: age.map(|age| Birth::Aged(age, now_ms)),
        unidentified: true,
        ..PersonParts::default()
    };
    match parts.clone().checked() {
        Ok(parts) => parts,
        Err(wrong) => {
            wrong.into_iter().for_each(|(_, error)| s.refuse("tag", input_words(v, error)));
            parts
        }
    }
}

impl NewPage {
    /// The fields that are not shown while a table is walked, with what stands in them.
    fn carried(&self) -> Vec<(&'static str, &str)> {
        FIELDS.into_iter().map(|name| (name, self.s.value(name))).filter(|(_, value)| !value.is_empty()).collect()
    }
}

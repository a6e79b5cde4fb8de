//! Asking somebody who knows more about one case, without saying whose it is.
//!
//! What leaves is one file that any browser opens, without a network: sex, an age band, the colour, the injuries as places
//! and kinds, the newest vital signs by how old they are, the photos that were chosen (pixels alone), and what the asker
//! wrote. No name, tag, date, place, call sign or free text of the chart is in it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sanad_record::care::input;
use sanad_record::consult::{self, Consult};
use sanad_record::injury::Injury;
use sanad_record::written::{self, NAME_CHARS_MAX, Of};

use super::bedside::Bed;
use super::board_page::{input_words, waited};
use super::body;
use super::casualty::{minutes_since, sorts};
use super::injuries::{injury_words, region_words, standing};
use super::sheet::Sheet;
use super::transfers::names_patient;
use super::vitals::newest_of;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::moment::written as written_at;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// The most that a question or an answer says; in Arabic it fits a form.
const TEXT_CHARS_MAX: usize = 2_000;
/// The ends of the age bands, in years: wide enough that nobody is known by theirs.
const BANDS: [u32; 7] = [1, 5, 12, 18, 40, 60, 80];
const DAYS_OF_YEAR: u32 = 365;

#[derive(Template)]
#[template(path = "consult.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    /// What leaves beside the question, in words.
    leaves: Vec<String>,
    photos: Vec<PhotoView>,
    asked: Vec<Asked>,
}

struct PhotoView {
    id: String,
    caption: String,
    chosen: bool,
}

struct Asked {
    id: String,
    said: Said,
    answers: Vec<Said>,
    key: String,
    /// Whether the form of this question's answer is the one that was refused.
    typed: bool,
}

struct Said {
    case: String,
    text: String,
    by: String,
    at: String,
}

/// What leaves of a case beside the question.
struct Case {
    about: String,
    colour: Option<String>,
    injuries: Vec<String>,
    body: String,
    /// Name, value with its unit, and how long ago.
    vitals: Vec<(String, String, String)>,
}

#[derive(Template)]
#[template(path = "consult_file.html")]
struct File {
    v: Voice,
    number: String,
    case: Case,
    question: String,
    /// The photos, as they stand in a `data:` address.
    photos: Vec<String>,
}

impl Case {
    fn of(f: &Frame, bed: &Bed) -> Case {
        let sex = bed.sex().and_then(|sex| f.v.known(&format!("sex-{sex}")));
        let band = bed.age_days(f.calendar.now_ms).map(|days| band(&f.v, days));
        let injuries: Vec<Injury> = standing(bed.chart.of("Condition")).into_iter().map(|(injury, _)| injury).collect();
        let ago = |at_ms: u64| {
            let since = waited(&f.v, minutes_since(Some(at_ms), f.calendar.now_ms));
            f.v.with("consult-ago", "time", &since)
        };
        Case {
            about: [sex, band].into_iter().flatten().collect::<Vec<_>>().join(&f.t("list-comma")),
            colour: sorts(&bed.chart).first().map(|sort| f.t(&format!("colour-{}", sort.colour.code()))),
            body: body::svg(&f.t("injuries-body"), &injuries, &|region| region_words(&f.v, region), &|_| None),
            injuries: injuries.iter().map(|injury| injury_words(&f.v, injury)).collect(),
            vitals: newest_of(f, bed)
                .into_iter()
                .map(|sign| (sign.name, format!("{} {}", sign.value, sign.unit), ago(sign.at_ms)))
                .collect(),
        }
    }

    /// The same in a few lines, as the page shows it before anything leaves.
    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = Some(self.about.clone()).filter(|about| !about.is_empty()).into_iter().collect();
        lines.extend(self.colour.clone());
        lines.extend(self.injuries.iter().cloned());
        lines.extend(self.vitals.iter().map(|(name, value, ago)| format!("{name} {value} · {ago}")));
        lines
    }
}

fn band(v: &Voice, days: u32) -> String {
    let years = days / DAYS_OF_YEAR;
    let end = BANDS.into_iter().find(|end| years < *end);
    let start = BANDS.into_iter().rev().find(|start| *start <= years).unwrap_or(0);
    match end {
        Some(1) => v.t("consult-infant"),
        Some(end) => v.with2("consult-years", ("from", &start.to_string()), ("to", &(end - 1).to_string())),
        None => v.with("consult-years-over", "from", &start.to_string()),
    }
}

/// `GET /patients/{id}/consult`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default(), &[])).await
}

fn page(
    app: &App,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    s: Sheet,
    chosen: &[&str],
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/consult", bed.chart.id)).into_response());
    }
    let photos = bed.chart.of("Media").iter().filter_map(|read| {
        let (_, caption) = written::read_photo(&read.value)?;
        let chosen = chosen.contains(&read.key.id.as_str());
        Some(PhotoView { id: read.key.id.clone(), caption: caption.to_owned(), chosen })
    });
    let said = |consult: &Consult| Said {
        case: consult.case.clone(),
        text: consult.text.clone(),
        by: consult.by.clone(),
        at: written_at(&f.v, &consult.at),
    };
    let all: Vec<(String, Consult)> = consults(&bed);
    let mut asked: Vec<&(String, Consult)> = all.iter().filter(|(_, consult)| consult.answers.is_none()).collect();
    asked.sort_by(|(_, a), (_, b)| b.at.cmp(&a.at));
    let asked = asked.into_iter().map(|(question, consult)| Asked {
        said: said(consult),
        answers: all.iter().filter(|(_, of)| of.answers.as_ref() == Some(question)).map(|(_, of)| said(of)).collect(),
        key: app.token(),
        typed: s.is("asked", question),
        id: question.clone(),
    });
    let page = Page {
        leaves: Case::of(&f, &bed).lines(),
        photos: photos.collect(),
        asked: asked.collect(),
        who: bed.who(&f),
        id: bed.chart.id.clone(),
        key: app.token(),
        s,
        f,
    };
    html(status, &page)
}

/// The questions and answers of a chart, each with its id.
fn consults(bed: &Bed) -> Vec<(String, Consult)> {
    let all = bed.chart.of("Communication").iter();
    all.filter_map(|read| Some((read.key.id.clone(), consult::read(&read.value)?))).collect()
}

/// `POST /patients/{id}/consult`: a question leaves as a file, or an answer came.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| match posted.field("do") {
        "ask" => ask(app, visitor, &id, &posted),
        "answer" => answer(app, visitor, &id, &posted),
        _ => Err(Failure::ForeignForm),
    })
    .await
}

fn ask(app: &App, visitor: &Visitor, id: &str, posted: &Posted) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let mut s = Sheet::of(posted);
    let mut writing = Writing::begin(app, posted)?;
    let bed = Bed::of(app.clinic()?, id)?;
    let chosen: Vec<&str> = posted.all("photo").collect();
    let question = paragraph(&f.v, &mut s, "question");
    if question.as_ref().is_some_and(|text| names_patient(bed.patient(), text)) {
        s.refuse("question", f.t("transfer-names"));
    }
    let Some(question) = question.filter(|_| s.is_sound()) else {
        return page(app, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, s, &chosen);
    };
    let new = writing.new_id();
    // Of random bits, and in no other way bound to the patient.
    let number = posted.field("key").get(..8).unwrap_or_default().to_uppercase();
    let at = app.calendar().machine(app.now_ms());
    let of = Of { id: &new, patient: &bed.chart.id, at: &at, by: visitor.by() };
    writing.add(consult::question(&of, &number, &question));
    writing.save()?;
    let pictures = bed.chart.of("Media").iter().filter(|read| chosen.contains(&read.key.id.as_str()));
    let photos = pictures.filter_map(|read| Some(STANDARD.encode(written::read_photo(&read.value)?.0))).collect();
    let file = File { case: Case::of(&f, &bed), v: f.v, number: number.clone(), question, photos };
    let body = file.render().map_err(|_| Failure::Broken)?;
    let name = format!("attachment; filename=\"case-{number}.html\"");
    Ok(([(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (header::CONTENT_DISPOSITION, name)], body)
        .into_response())
}

fn answer(app: &App, visitor: &Visitor, id: &str, posted: &Posted) -> Result<Response, Failure> {
    let v = app.voice(visitor.lang);
    let mut s = Sheet::of(posted);
    let mut writing = Writing::begin(app, posted)?;
    let bed = Bed::of(app.clinic()?, id)?;
    let asked =
        consults(&bed).into_iter().find(|(question, of)| question == posted.field("asked") && of.answers.is_none());
    let (asked, of) = asked.ok_or(Failure::Missing)?;
    let text = paragraph(&v, &mut s, "answer");
    let from = s.take("from", |text| input::line(text, NAME_CHARS_MAX), |error| input_words(&v, error)).flatten();
    let Some(text) = text.filter(|_| s.is_sound()) else {
        return page(app, visitor, id, StatusCode::UNPROCESSABLE_ENTITY, s, &[]);
    };
    let new = writing.new_id();
    let at = app.calendar().machine(app.now_ms());
    let new = Of { id: &new, patient: &bed.chart.id, at: &at, by: visitor.by() };
    writing.add(consult::answer(&new, &of.case, &asked, &from.unwrap_or_default(), &text));
    writing.save()?;
    Ok(Redirect::to(&format!("/patients/{}/consult", bed.chart.id)).into_response())
}

/// What was written into a field that has to say something.
fn paragraph(v: &Voice, s: &mut Sheet, name: &str) -> Option<String> {
    let text = s.take(name, |text| input::paragraph(text, TEXT_CHARS_MAX), |error| input_words(v, error)).flatten();
    if text.is_none() {
        s.refuse(name, v.t("input-empty"));
    }
    text
}

//! Vital signs and fluids of one patient: what is measured now, what was before as lines, and the balance of a day.
//!
//! Everything that is filled in is one save. What cannot be is refused at its field; what is only unusual is said once, and
//! saved as soon as the form comes again with the tick for exactly that.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::shape::{CannotWrite, Stored};
use sanad_record::typed::Decimal;
use sanad_record::vitals::{
    Avpu, ComaScale, Reading, Refused, Series, Vital, avpu_observation, balance, coma_observation, fluid,
    fluid_observation, fluids, observation, pressure, pressure_observation, series, vitals_origin,
};
use serde_json::Value;

use super::bedside::{Bed, cannot_write, named, not_a_number, number, stored, unverified};
use super::plot::{Line, lines};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// The fields with one number, in the order in which a nurse measures.
const NUMBERS: [Vital; 7] =
    [Vital::Pulse, Vital::Respiration, Vital::Oxygen, Vital::Temperature, Vital::Pain, Vital::Weight, Vital::Glucose];
/// What is drawn, each row one drawing: values of one unit.
const DRAWN: [&[Vital]; 8] = [
    &[Vital::Pulse],
    &[Vital::Systolic, Vital::Diastolic],
    &[Vital::Respiration],
    &[Vital::Oxygen],
    &[Vital::Temperature],
    &[Vital::ComaScale],
    &[Vital::Glucose],
    &[Vital::Weight],
];
/// The parts of the Glasgow coma scale: the field, and how many steps it has.
const COMA: [(&str, u8); 3] = [("eye", 4), ("verbal", 5), ("motor", 6)];

#[derive(Template)]
#[template(path = "vitals.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    fluid_key: String,
    fields: Vec<Field>,
    coma: Vec<ComaPart>,
    avpu: Vec<(&'static str, String)>,
    /// What is unusual, in words, and the value of the tick that says that it is so.
    unusual: Option<(Vec<String>, String)>,
    newest: Vec<Newest>,
    /// Drawings as markup of our own.
    plots: Vec<Plot>,
    left_out: u64,
    fluids: Vec<(&'static str, String, bool)>,
    balance: BalanceView,
    unverified: Option<String>,
}

/// A part of the coma scale: its field, its name, and each step with its words.
type ComaPart = (&'static str, String, Vec<(String, String)>);

struct Field {
    name: &'static str,
    label: String,
}

/// The newest value of a sign, in words.
pub(crate) struct Newest {
    pub name: String,
    pub value: String,
    pub unit: String,
    pub at_ms: u64,
    pub unusual: bool,
}

impl Newest {
    /// Name, value and unit. A number with its unit stands in its own direction (LRI, PDI): within an Arabic line, `97 %`
    /// would stand as `% 97`.
    pub(crate) fn words(&self) -> String {
        match self.value.starts_with(|letter: char| letter.is_ascii_digit()) {
            true => format!("{} \u{2066}{} {}\u{2069}", self.name, self.value, self.unit),
            false => format!("{} {}", self.name, self.value),
        }
    }
}

/// The newest value of every sign of a patient.
pub(crate) fn newest_of(f: &Frame, bed: &Bed) -> Vec<Newest> {
    signs_of(f, &stored(bed.chart.of("Observation")), bed.age_days(f.calendar.now_ms))
}

/// The newest value of every sign that these Observations measure.
pub(crate) fn signs_of(f: &Frame, observations: &[Stored<'_>], age: Option<u32>) -> Vec<Newest> {
    series(observations).iter().filter_map(|series| newest(f, series, age)).collect()
}

struct Plot {
    name: String,
    lines: Vec<(u8, String)>,
    svg: String,
}

struct BalanceView {
    rows: Vec<(String, bool, String)>,
    total_in: String,
    total_out: String,
    /// With its sign.
    net: String,
}

/// `GET /patients/{id}/vitals`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default(), None)).await
}

/// `POST /patients/{id}/vitals`: everything that was filled in, as one save.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let now_ms = app.now_ms();
        let measured = measured(&v, &mut s, bed.age_days(now_ms));
        if measured.is_nothing() && s.is_sound() {
            s.refuse("all", v.t("vitals-nothing"));
        }
        let (said, tick) = measured.unusual(&v);
        if !s.is_sound() || (!said.is_empty() && !s.is("sure", &tick)) {
            let unusual = (!said.is_empty()).then_some((said, tick));
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s, unusual);
        }
        let at = bed.writing(visitor.by(), now_ms);
        let made = measured.observations(&at).map_err(|_| Failure::Broken)?;
        for mut value in made {
            value["id"] = writing.new_id().into();
            writing.add(value);
        }
        writing.save()?;
        Ok(Redirect::to(&format!("/patients/{}/vitals", bed.chart.id)).into_response())
    })
    .await
}

/// `POST /patients/{id}/fluids`: one amount in or out.
pub(crate) async fn post_fluid(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let way = fluid(posted.field("way"));
        if way.is_none() {
            s.refuse("way", v.t("fluid-way-missing"));
        }
        let ml = number(&v, &mut s, "ml");
        if ml.is_none() {
            s.refuse("ml", v.t("typed-empty"));
        }
        if let Some((way, ml)) = way.zip(ml).filter(|_| s.is_sound()) {
            let made = fluid_observation(&bed.writing(visitor.by(), app.now_ms()), way, ml);
            match made {
                Ok(mut value) => {
                    value["id"] = writing.new_id().into();
                    writing.add(value);
                    writing.save()?;
                    return Ok(Redirect::to(&format!("/patients/{}/vitals#fluids", bed.chart.id)).into_response());
                }
                Err(CannotWrite::Nothing) => s.refuse("ml", v.t("fluid-impossible")),
                Err(error) => s.refuse("ml", cannot_write(&v, error)),
            }
        }
        page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s, None)
    })
    .await
}

/// What a form says, as far as it can be.
#[derive(Default)]
struct Measured {
    numbers: Vec<(Vital, Reading)>,
    pressure: Option<(Reading, Reading)>,
    coma: Option<ComaScale>,
    avpu: Option<Avpu>,
}

fn measured(v: &Voice, s: &mut Sheet, age_days: Option<u32>) -> Measured {
    let mut measured = Measured::default();
    for vital in NUMBERS {
        let reading = s.take(vital.code(), |text| vital.parse(text, age_days), |error| refused(v, error));
        measured.numbers.extend(reading.map(|reading| (vital, reading)));
    }
    measured.pressure = s.take("pressure", |text| pressure(text, age_days), |error| refused(v, error));
    measured.avpu = s.take("avpu", Avpu::parse, |error| refused(v, error));
    let parts = COMA.map(|(name, _)| s.take(name, str::parse::<u8>, |_| v.t("vitals-scale")));
    match parts {
        [None, None, None] => {}
        [Some(eye), Some(verbal), Some(motor)] => match ComaScale::new(eye, verbal, motor) {
            Ok(scale) => measured.coma = Some(scale),
            Err(error) => s.refuse("eye", refused(v, error)),
        },
        // A sum of two parts would read as a sum of three.
        _ => s.refuse("eye", v.t("vitals-coma-parts")),
    }
    measured
}

impl Measured {
    fn is_nothing(&self) -> bool {
        self.numbers.is_empty() && self.pressure.is_none() && self.coma.is_none() && self.avpu.is_none()
    }

    /// What is unusual, each in words, and the value of the tick that is for exactly this and nothing else.
    fn unusual(&self, v: &Voice) -> (Vec<String>, String) {
        let two = self.pressure.iter().flat_map(|(high, low)| [(Vital::Systolic, *high), (Vital::Diastolic, *low)]);
        let (mut said, mut tick) = (Vec::new(), String::new());
        for (vital, reading) in self.numbers.iter().copied().chain(two) {
            let Some((least, most)) = reading.unusual else { continue };
            let value = reading.value.to_string();
            let what = format!("{} {value}", vital_name(v, vital));
            let usual = [("what", what.as_str()), ("least", &least.to_string()), ("most", &most.to_string())];
            said.push(v.with3("vitals-unusual", usual));
            tick.push_str(&format!("{}={value} ", vital.code()));
        }
        (said, tick.trim_end().to_owned())
    }

    fn observations(&self, at: &sanad_record::shape::Writing<'_>) -> Result<Vec<Value>, CannotWrite> {
        let mut made = Vec::new();
        for (vital, reading) in &self.numbers {
            made.push(observation(at, *vital, reading.value)?);
        }
        if let Some((high, low)) = self.pressure {
            made.push(pressure_observation(at, high.value, low.value)?);
        }
        if let Some(scale) = self.coma {
            made.push(coma_observation(at, scale)?);
        }
        if let Some(step) = self.avpu {
            made.push(avpu_observation(at, step)?);
        }
        Ok(made)
    }
}

fn refused(v: &Voice, error: Refused) -> String {
    match error {
        Refused::NotANumber(error) => not_a_number(v, error),
        Refused::Impossible { least, most } => {
            v.with2("vitals-impossible", ("least", &least.to_string()), ("most", &most.to_string()))
        }
        Refused::Order => v.t("vitals-order"),
        Refused::Scale => v.t("vitals-scale"),
    }
}

fn vital_name(v: &Voice, vital: Vital) -> String {
    vital.row().map_or_else(String::new, |row| named(v, row.label))
}

fn unit(vital: Vital) -> &'static str {
    vital.row().map_or("", |row| row.unit)
}

fn page(
    app: &App,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    s: Sheet,
    unusual: Option<(Vec<String>, String)>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&format!("/patients/{}/vitals", bed.chart.id)).into_response());
    }
    let now_ms = f.calendar.now_ms;
    let observations = stored(bed.chart.of("Observation"));
    let all = series(&observations);
    let age = bed.age_days(now_ms);
    let balance = balance(&observations, now_ms);
    let label = |vital| format!("{} ({})", vital_name(&f.v, vital), unit(vital));
    let page = Page {
        s,
        id: bed.chart.id.clone(),
        who: bed.who(&f),
        key: app.token(),
        fluid_key: app.token(),
        fields: NUMBERS.map(|vital| Field { name: vital.code(), label: label(vital) }).into(),
        coma: COMA
            .map(|(name, most)| {
                let steps = (1..=most).rev().map(|step| (step.to_string(), f.t(&format!("coma-{name}-{step}"))));
                (name, f.t(&format!("coma-{name}")), steps.collect())
            })
            .into(),
        avpu: Avpu::ALL.map(|step| (step.code(), avpu_name(&f.v, step))).into(),
        unusual,
        newest: all.iter().filter_map(|series| newest(&f, series, age)).collect(),
        plots: DRAWN.iter().filter_map(|vitals| drawing(&f, &all, vitals)).collect(),
        left_out: all.iter().map(|series| series.left_out as u64).sum(),
        fluids: fluids().iter().map(|way| (way.label.code, named(&f.v, way.label), way.is_in)).collect(),
        balance: BalanceView {
            rows: balance.by.iter().map(|(way, ml)| (named(&f.v, way.label), way.is_in, ml.to_string())).collect(),
            total_in: balance.in_ml.to_string(),
            total_out: balance.out_ml.to_string(),
            net: format!("{:+}", balance.net_ml()),
        },
        unverified: unverified(&f.v, &vitals_origin()),
        f,
    };
    html(status, &page)
}

fn avpu_name(v: &Voice, step: Avpu) -> String {
    match step {
        Avpu::Alert => v.t("avpu-alert"),
        Avpu::Voice => v.t("avpu-voice"),
        Avpu::Pain => v.t("avpu-pain"),
        Avpu::Unresponsive => v.t("avpu-unresponsive"),
    }
}

/// The newest value of a series, and whether it is unusual at this age.
fn newest(f: &Frame, series: &Series, age: Option<u32>) -> Option<Newest> {
    let (point, vital) = (series.points.last()?, series.vital);
    let (value, shown_unit) = match vital {
        Vital::Avpu => {
            let steps = [Avpu::Unresponsive, Avpu::Pain, Avpu::Voice, Avpu::Alert];
            let step = steps.into_iter().zip(0..).find(|(_, number)| Decimal::whole(*number) == point.value)?.0;
            (avpu_name(&f.v, step), "")
        }
        _ => (point.value.to_string(), unit(vital)),
    };
    let unusual = vital != Vital::Avpu
        && vital.parse(&point.value.to_string(), age).map_or(true, |reading| reading.unusual.is_some());
    Some(Newest { name: vital_name(&f.v, vital), value, unit: shown_unit.to_owned(), at_ms: point.at_ms, unusual })
}

/// The drawing of some vital signs over time; nothing before there are two values to draw a line between.
fn drawing(f: &Frame, all: &[Series], vitals: &[Vital]) -> Option<Plot> {
    let of = |vital: &Vital| all.iter().find(|series| series.vital == *vital).filter(|series| series.points.len() > 1);
    let drawn: Vec<Line> = vitals
        .iter()
        .filter_map(of)
        .zip(1..)
        .map(|(series, look)| Line {
            name: vital_name(&f.v, series.vital),
            look,
            points: series.points.iter().map(|point| (point.at_ms, point.value.as_f64())).collect(),
        })
        .collect();
    let names: Vec<String> = drawn.iter().map(|line| line.name.clone()).collect();
    let name = format!("{} ({})", names.join(&f.t("list-comma")), unit(*vitals.first()?));
    let svg = lines(&name, &drawn, &|at| f.time(&at));
    let key = drawn.iter().map(|line| (line.look, line.name.clone())).collect();
    (!svg.is_empty()).then_some(Plot { name, lines: key, svg })
}

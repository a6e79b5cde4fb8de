//! Ordering a medicine: look for it in either language, say how much and how often, read what speaks against it.
//!
//! A warning never forbids. It is shown with what it goes by, and the same order passes the second time: with the tick that
//! is made of exactly these warnings and exactly this order, and where harm is at stake with a reason, which stays with the
//! order.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_record::formulary::allergy::{Allergen, allergies, allergies_origin};
use sanad_record::formulary::{
    Frequency, HowAllergic, HowDuplicate, Item, Label, Patient, Proposed, Unit, Usual, Warning, checks, doses_origin,
    find, item, medication_request, order, route,
};
use sanad_record::table::Origin;
use sanad_record::typed::Decimal;

use super::bedside::{Bed, cannot_write, line, named, number, stored, unverified};
use super::medicines::{AllergyView, allergy_name, allergy_views, how, medicine_name, often_words};
use super::sheet::Sheet;
use super::write::Writing;
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// Minutes between two doses that the form offers.
const EVERY: [u32; 13] = [15, 30, 60, 120, 180, 240, 360, 480, 720, 1_440, 2_880, 4_320, 10_080];
/// Least minutes between two doses when needed that the form offers.
const NEEDED: [u32; 7] = [60, 120, 180, 240, 360, 480, 720];
/// In how many hours the first dose may be.
const BEGIN_HOURS: [u32; 7] = [0, 1, 2, 4, 6, 8, 12];
/// The longest that an order runs, in days: after a year somebody has to look at it again.
const DAYS_MAX: u32 = 365;
/// More than any dose in any unit but international units, of which single doses of millions are usual: a slip.
const DOSE_MAX: u32 = 20_000;
const DOSE_MAX_IU: u32 = 50_000_000;
const HOUR_MS: u64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "prescribe.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    allergies: Vec<AllergyView>,
    /// What was found, if anything was looked for: code and name.
    found: Option<Vec<(&'static str, String)>>,
    item: Option<ItemView>,
    /// In kilograms, and when it was taken.
    weight: Option<(String, u64)>,
    warned: Option<Warned>,
    unverified: Vec<String>,
}

struct ItemView {
    code: &'static str,
    name: String,
    units: Vec<&'static str>,
    routes: Vec<(&'static str, String)>,
    often: Vec<(String, String)>,
    begin: Vec<(String, String)>,
}

/// What speaks against an order.
struct Warned {
    lines: Vec<String>,
    /// What the warnings and this very order come to.
    tick: String,
    needs_reason: bool,
}

/// `GET /patients/{id}/orders`: looking for a medicine.
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| {
        let bed = Bed::of(app.clinic()?, &id)?;
        if bed.chart.id != id {
            return Ok(Redirect::to(&format!("/patients/{}/orders", bed.chart.id)).into_response());
        }
        page(app, visitor, &bed, StatusCode::OK, Sheet::default(), None)
    })
    .await
}

fn page(
    app: &App,
    visitor: &Visitor,
    bed: &Bed,
    status: StatusCode,
    s: Sheet,
    warned: Option<Warned>,
) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let chosen = item(s.value("item"));
    let name = |item: &Item| medicine_name(&f.v, Some(item), None);
    let looked_for = s.text("q").filter(|_| chosen.is_none());
    let found = looked_for.map(|text| find(text).into_iter().map(|item| (item.code, name(item))).collect());
    let origins: [Origin; 2] = [doses_origin(), allergies_origin()];
    let page = Page {
        who: bed.who(&f),
        id: bed.chart.id.clone(),
        key: app.token(),
        allergies: allergy_views(&f.v, bed),
        item: chosen.map(|item| item_view(&f.v, item)),
        weight: bed.weight(f.calendar.now_ms).map(|(kg, at)| (kg.to_string(), at)),
        unverified: origins.iter().filter_map(|origin| unverified(&f.v, origin)).collect(),
        found,
        warned,
        s,
        f,
    };
    html(status, &page)
}

fn item_view(v: &Voice, item: &'static Item) -> ItemView {
    let is_alike = |unit: &Unit| unit.convert(Decimal::whole(1), item.unit).is_some();
    // The unit of the table first: it is what most orders take.
    let others = Unit::ALL.into_iter().filter(|unit| *unit != item.unit).filter(is_alike);
    let every = EVERY.iter().map(|minutes| Frequency::Every { minutes: *minutes });
    let needed = NEEDED.iter().map(|minutes| Frequency::AsNeeded { least_minutes: Some(*minutes) });
    let open = Frequency::AsNeeded { least_minutes: None };
    let often = [Frequency::Once].into_iter().chain(every).chain([open]).chain(needed);
    let begin = |hours: &u32| match hours {
        0 => v.t("order-begin-now"),
        hours => v.n("order-begin-hours", &u64::from(*hours)),
    };
    ItemView {
        code: item.code,
        name: medicine_name(v, Some(item), None),
        units: [item.unit].into_iter().chain(others).map(Unit::symbol).collect(),
        routes: item.routes.iter().map(|route| (route.code, named(v, *route))).collect(),
        often: often.map(|often| (often_code(often), often_words(v, often))).collect(),
        begin: BEGIN_HOURS.iter().map(|hours| (hours.to_string(), begin(hours))).collect(),
    }
}

/// How often, as a form sends it: `once`, `every-480`, `needed`, `needed-240`.
fn often_code(often: Frequency) -> String {
    match often {
        Frequency::Once => "once".to_owned(),
        Frequency::Every { minutes } => format!("every-{minutes}"),
        Frequency::AsNeeded { least_minutes: None } => "needed".to_owned(),
        Frequency::AsNeeded { least_minutes: Some(minutes) } => format!("needed-{minutes}"),
    }
}

fn read_often(code: &str) -> Option<Frequency> {
    let minutes = |text: &str, offered: &[u32]| text.parse().ok().filter(|minutes| offered.contains(minutes));
    match code.split_once('-') {
        None if code == "once" => Some(Frequency::Once),
        None if code == "needed" => Some(Frequency::AsNeeded { least_minutes: None }),
        Some(("every", text)) => Some(Frequency::Every { minutes: minutes(text, &EVERY)? }),
        Some(("needed", text)) => Some(Frequency::AsNeeded { least_minutes: Some(minutes(text, &NEEDED)?) }),
        _ => None,
    }
}

/// An order as it was typed.
struct Typed {
    item: &'static Item,
    dose: Decimal,
    unit: Unit,
    route: Label,
    often: Frequency,
    begin_hours: u32,
    days: Option<Decimal>,
    note: Option<String>,
}

impl Typed {
    /// Reads the form; `None` if something of it cannot be taken, which is said at its field.
    fn read(v: &Voice, s: &mut Sheet, item: &'static Item) -> Option<Typed> {
        let unit = Unit::parse(s.value("unit")).filter(|unit| unit.convert(Decimal::whole(1), item.unit).is_some());
        let most = if unit == Some(Unit::InternationalUnit) { DOSE_MAX_IU } else { DOSE_MAX };
        let dose = number(v, s, "dose");
        match dose {
            None => s.refuse("dose", v.t("typed-empty")),
            Some(Decimal::ZERO) => s.refuse("dose", v.t("typed-nothing")),
            Some(dose) if dose > Decimal::whole(most) => s.refuse("dose", v.t("typed-too-large")),
            Some(_) => {}
        }
        let (route, often) = (route(s.value("route")), read_often(s.value("often")));
        for (name, is_missing) in [("unit", unit.is_none()), ("route", route.is_none()), ("often", often.is_none())] {
            if is_missing {
                s.refuse(name, v.t("order-choose"));
            }
        }
        let days = number(v, s, "days");
        if days.is_some_and(|days| days == Decimal::ZERO || days > Decimal::whole(DAYS_MAX)) {
            s.refuse("days", v.with("order-days-wrong", "most", &DAYS_MAX.to_string()));
        }
        let begin = s.value("begin").parse().ok().filter(|hours| BEGIN_HOURS.contains(hours));
        if begin.is_none() {
            s.refuse("begin", v.t("order-choose"));
        }
        let note = line(v, s, "note");
        let read = (dose?, unit?, route?, often?, begin?);
        let (dose, unit, route, often, begin_hours) = read;
        s.is_sound().then_some(Typed { item, dose, unit, route, often, begin_hours, days, note })
    }

    fn proposed(&self) -> Proposed<'_> {
        let Typed { item, dose, unit, route, often, .. } = self;
        Proposed { item, dose: *dose, unit: *unit, route: route.code, frequency: *often }
    }

    /// When it begins and ends; what is given once has no end.
    fn course(&self, now_ms: u64) -> (u64, Option<u64>) {
        let start = now_ms.saturating_add(u64::from(self.begin_hours) * HOUR_MS);
        let days = self.days.filter(|_| self.often != Frequency::Once);
        let runs = days.and_then(|days| u64::try_from(days.times_over(DAY_MS, 1)?.millionths() / 1_000_000).ok());
        (start, runs.map(|runs| start.saturating_add(runs.max(1))))
    }
}

/// `POST /patients/{id}/orders`: what was looked for, what was chosen, or an order.
pub(crate) async fn post(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let bed = Bed::of(app.clinic()?, &id)?;
        let Some(item) = item(posted.field("item")).filter(|_| posted.field("do") == "save") else {
            if s.text("q").is_none() && s.text("item").is_none() {
                s.refuse("q", v.t("typed-empty"));
                return page(app, visitor, &bed, StatusCode::UNPROCESSABLE_ENTITY, s, None);
            }
            return page(app, visitor, &bed, StatusCode::OK, s, None);
        };
        let mut writing = Writing::begin(app, &posted)?;
        let home = format!("/patients/{}/medicines", bed.chart.id);
        // What it would be warned of now may be the order that it made.
        if writing.is_saved()? {
            return Ok(Redirect::to(&home).into_response());
        }
        let Some(typed) = Typed::read(&v, &mut s, item) else {
            return page(app, visitor, &bed, StatusCode::UNPROCESSABLE_ENTITY, s, None);
        };
        let now_ms = app.now_ms();
        let warned = warned(&v, &bed, &typed, now_ms);
        let reason = line(&v, &mut s, "why");
        if let Some(warned) = warned {
            let is_ticked = s.is("sure", &warned.tick);
            if is_ticked && warned.needs_reason && reason.is_none() {
                s.refuse("why", v.t("dose-reason-missing"));
            }
            if !is_ticked || !s.is_sound() {
                return page(app, visitor, &bed, StatusCode::UNPROCESSABLE_ENTITY, s, Some(warned));
            }
        }
        let (start_ms, until_ms) = typed.course(now_ms);
        let at = bed.writing(visitor.by(), now_ms);
        let made =
            medication_request(&at, &typed.proposed(), start_ms, until_ms, typed.note.as_deref(), reason.as_deref());
        match made {
            Ok(mut value) => {
                value["id"] = writing.new_id().into();
                writing.add(value);
                writing.save()?;
                Ok(Redirect::to(&home).into_response())
            }
            Err(error) => {
                s.refuse("dose", cannot_write(&v, error));
                page(app, visitor, &bed, StatusCode::UNPROCESSABLE_ENTITY, s, None)
            }
        }
    })
    .await
}

/// What speaks against an order, in words; `None` if nothing does.
fn warned(v: &Voice, bed: &Bed, typed: &Typed, now_ms: u64) -> Option<Warned> {
    let patient = Patient { weight_kg: bed.weight(now_ms).map(|(kg, _)| kg), age_days: bed.age_days(now_ms) };
    let known = stored(bed.chart.of("AllergyIntolerance"));
    let current = stored(bed.chart.of("MedicationRequest"));
    let proposed = typed.proposed();
    let mut warnings = checks(&proposed, &patient, &known, &current);
    // What is over by its own end is given no more, whatever its status says.
    let is_over = |id: &str| {
        let record = current.iter().find(|record| record.id == id);
        record.and_then(|record| order(*record)).is_some_and(|order| order.until_ms.is_some_and(|end| end <= now_ms))
    };
    warnings.retain(|warning| !matches!(warning, Warning::Duplicate { id, .. } if is_over(id)));
    if warnings.is_empty() {
        return None;
    }
    let said = format!("{warnings:?} {proposed:?} {} {:?}", typed.begin_hours, typed.days);
    let tick = blake3::derive_key("sanad form v1: an order in spite of its warnings", said.as_bytes());
    let tick = blake3::Hash::from_bytes(tick).to_hex().to_string();
    let needs_reason = warnings.iter().any(|warning| {
        use Warning::{Allergy, DoseAbove, DoseBelow, Duplicate, OtherRoute};
        matches!(warning, Allergy { .. } | Duplicate { .. } | DoseAbove(_) | DoseBelow(_) | OtherRoute)
    });
    Some(Warned { lines: warnings.iter().map(|warning| words(v, bed, typed, warning)).collect(), tick, needs_reason })
}

fn words(v: &Voice, bed: &Bed, typed: &Typed, warning: &Warning) -> String {
    match warning {
        Warning::Allergy { id, how } => {
            let all = allergies(&stored(bed.chart.of("AllergyIntolerance")));
            let of_it = all.iter().find(|allergy| allergy.sources.contains(id));
            let what = of_it.map_or_else(|| v.t("allergy-unnamed"), |allergy| allergy_name(v, allergy));
            let group = |code: &str| {
                Allergen::of_code(code).map_or_else(|| code.to_owned(), |allergen| named(v, allergen.label()))
            };
            match how {
                HowAllergic::Substance => v.with("warn-allergy", "what", &what),
                HowAllergic::Group(code) => v.with2("warn-allergy-group", ("what", &what), ("group", &group(code))),
                HowAllergic::NearGroup(code) => v.with2("warn-allergy-near", ("what", &what), ("group", &group(code))),
            }
        }
        Warning::Duplicate { id, how: alike } => {
            let requests = stored(bed.chart.of("MedicationRequest"));
            let known = requests.into_iter().find(|record| record.id == id).and_then(order);
            let what = known.map_or_else(
                || v.t("medicine-unnamed"),
                |known| format!("{} · {}", medicine_name(v, known.item, known.text.as_deref()), how(v, &known)),
            );
            match alike {
                HowDuplicate::Substance => v.with("warn-duplicate", "what", &what),
                HowDuplicate::SameClass => v.with("warn-duplicate-class", "what", &what),
            }
        }
        Warning::DoseAbove(usual) if usual.in_day => {
            v.with("warn-above-in-day", "most", &format!("{} {}", usual.most, usual.unit.symbol()))
        }
        Warning::DoseAbove(usual) => compared(v, "warn-above", typed, usual),
        Warning::DoseBelow(usual) => compared(v, "warn-below", typed, usual),
        Warning::NoWeight => v.t("warn-no-weight"),
        Warning::NoAge => v.t("warn-no-age"),
        Warning::UnitsDiffer { usual } => v.with("warn-units", "unit", usual.symbol()),
        Warning::OtherRoute => v.t("warn-route"),
        Warning::NothingKnown => v.t("warn-nothing-known"),
    }
}

fn compared(v: &Voice, id: &str, typed: &Typed, usual: &Usual) -> String {
    let dose = format!("{} {}", typed.dose, typed.unit.symbol());
    let most = format!("{} {}", usual.most, usual.unit.symbol());
    v.with3(id, [("dose", &dose), ("least", &usual.least.to_string()), ("most", &most)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_read_as_the_form_sends_it_and_nothing_else_is() {
        let offered = item_view(
            &crate::text::Voice::new(crate::text::Texts::load().unwrap().into(), Default::default()),
            item("paracetamol-tab-500").unwrap(),
        );
        assert!(offered.often.len() > 20);
        for (code, _) in offered.often {
            assert_eq!(read_often(&code).map(often_code), Some(code));
        }
        for wrong in ["", "every", "every-0", "every-7", "every--15", "needed-15", "once-1", "every-٦٠", "<b>"] {
            assert_eq!(read_often(wrong), None, "{wrong}");
        }
    }
}

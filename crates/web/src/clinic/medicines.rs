//! What a patient is allergic to, what is ordered, what is due of it, and what became of each dose.
//!
//! A dose is answered once: by the time of the due list that its form names. What somebody else answered or stopped
//! meanwhile is said, and nothing is saved then.

use std::cell::Cell;
use std::rc::Rc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use sanad_node::site::Site;
use sanad_record::formulary::allergy::{
    Allergen, Allergy, Named, Standing, allergies, allergies_origin, allergy_intolerance,
};
use sanad_record::formulary::{
    Administration, Became, Due, DueState, Frequency, Given, Item, Label, Order, OrderState, Outcome, Unit,
    administration, due, medication_administration, order, stopped,
};
use sanad_record::key::ResourceKey;
use sanad_record::shape::Stored;
use sanad_record::typed::Decimal;

use super::bedside::{Bed, cannot_write, line, named, stored, unverified};
use super::board_page::waited;
use super::record::Read;
use super::sheet::Sheet;
use super::write::{Writing, id_within};
use crate::app::{App, Visitor};
use crate::fhir::Who;
use crate::pages::failure::Failure;
use crate::pages::{Frame, Posted, Tab, html};
use crate::text::Voice;

/// Most unanswered doses of one order that have a form each, the newest; how many more there are is said.
const OPEN_MAX: usize = 3;
/// Most doses that the list of what was given shows, the newest: some days of a ward patient.
const TOLD_MAX: usize = 40;
/// Most orders that are over and still shown, the newest.
const OVER_MAX: usize = 20;
const MINUTE_MS: u64 = 60_000;

#[derive(Template)]
#[template(path = "medicines.html")]
struct Page {
    f: Frame,
    s: Sheet,
    id: String,
    who: Who,
    key: String,
    allergies: Vec<AllergyView>,
    /// Whether an allergy can be withdrawn.
    has_standing: bool,
    withdraw_key: String,
    allergens: Vec<(&'static str, String)>,
    orders: Vec<OrderView>,
    over: Vec<OrderView>,
    told: Vec<Told>,
    unverified: Option<String>,
}

/// An allergy, once, with everything its records say.
pub(crate) struct AllergyView {
    pub name: String,
    pub high: bool,
    /// How it stands, where it is not simply there.
    pub standing: Option<String>,
    pub reactions: String,
    /// One record of it, by which it can be withdrawn while it stands.
    pub source: Option<String>,
    /// How many records say so.
    pub records: u64,
}

struct OrderView {
    id: String,
    name: String,
    /// Dose, route, how often.
    how: String,
    start_ms: Option<u64>,
    until_ms: Option<u64>,
    note: Option<String>,
    in_spite_of: Option<String>,
    by: Option<String>,
    held: bool,
    /// Whether a dose can be recorded here: the order says all that is needed, in words that are known.
    can_give: bool,
    last_ms: Option<u64>,
    /// Before then it should not be given again.
    not_before_ms: Option<u64>,
    doses: Vec<DoseView>,
    /// Unanswered doses without a form.
    more: u64,
    next_ms: Option<u64>,
    key: String,
    resume_key: String,
    /// Whether the sheet is that of the form with which it is stopped.
    is_stopping: bool,
}

struct DoseView {
    due: String,
    /// Whether the sheet is that of this form.
    is_this: bool,
    at_ms: Option<u64>,
    late: Option<String>,
    key: String,
}

struct Told {
    name: String,
    became: String,
    given: bool,
    reason: Option<String>,
    at_ms: u64,
}

/// `GET /patients/{id}/medicines`
pub(crate) async fn get(State(app): State<App>, visitor: Visitor, Path(id): Path<String>) -> Response {
    app.page(visitor, move |app, visitor| page(app, visitor, &id, StatusCode::OK, Sheet::default())).await
}

pub(super) fn page(app: &App, visitor: &Visitor, id: &str, status: StatusCode, s: Sheet) -> Result<Response, Failure> {
    let f = Frame::new(app, visitor, Tab::Patients)?;
    let bed = Bed::of(app.clinic()?, id)?;
    if bed.chart.id != id && status == StatusCode::OK {
        return Ok(Redirect::to(&home(&bed)).into_response());
    }
    let now_ms = f.calendar.now_ms;
    let requests = stored(bed.chart.of("MedicationRequest"));
    let given = stored(bed.chart.of("MedicationAdministration"));
    let dues = due(&requests, &given, now_ms);
    let told: Vec<Administration> = given.iter().filter_map(|record| administration(*record)).collect();
    let (mut orders, mut over) = (Vec::new(), Vec::new());
    for order in requests.iter().filter_map(|record| order(*record)) {
        let is_open = order.is_current(now_ms) || order.state == OrderState::Held;
        let list = if is_open { &mut orders } else { &mut over };
        list.push(view(app, &f.v, &s, order, (&dues, &told), now_ms));
    }
    orders.sort_by_key(|order: &OrderView| {
        order.doses.iter().filter_map(|dose| dose.at_ms).min().or(order.next_ms).unwrap_or(u64::MAX)
    });
    over.truncate(OVER_MAX);
    let allergies = allergy_views(&f.v, &bed);
    let page = Page {
        who: bed.who(&f),
        id: bed.chart.id.clone(),
        key: app.token(),
        has_standing: allergies.iter().any(|allergy| allergy.source.is_some()),
        withdraw_key: app.token(),
        allergies,
        allergens: Allergen::listed().map(|allergen| (allergen.code(), named(&f.v, allergen.label()))).collect(),
        told: told_views(&f.v, told),
        unverified: unverified(&f.v, &allergies_origin()),
        orders,
        over,
        s,
        f,
    };
    html(status, &page)
}

pub(super) fn home(bed: &Bed) -> String {
    format!("/patients/{}/medicines", bed.chart.id)
}

/// The allergies of a chart: what is there first, and of that what may kill.
pub(crate) fn allergy_views(v: &Voice, bed: &Bed) -> Vec<AllergyView> {
    let mut all = allergies(&stored(bed.chart.of("AllergyIntolerance")));
    all.sort_by_key(|allergy| (allergy.standing, !allergy.high));
    let view = |allergy: Allergy| AllergyView {
        name: allergy_name(v, &allergy),
        high: allergy.high,
        source: allergy.sources.first().filter(|_| allergy.standing <= Standing::Over).cloned(),
        standing: match allergy.standing {
            Standing::Active => None,
            Standing::Over => Some(v.t("allergy-over")),
            Standing::Refuted => Some(v.t("allergy-refuted")),
            Standing::InError => Some(v.t("allergy-in-error")),
        },
        reactions: allergy.reactions.join(&v.t("list-comma")),
        records: allergy.sources.len() as u64,
    };
    all.into_iter().map(view).collect()
}

/// What an allergy is to, as far as it is known, and as its records write it.
pub(crate) fn allergy_name(v: &Voice, allergy: &Allergy) -> String {
    let mut names: Vec<String> = allergy.allergens.iter().map(|allergen| named(v, allergen.label())).collect();
    names.extend(allergy.texts.iter().filter(|text| !is_label(&allergy.allergens, text)).cloned());
    names.dedup();
    if names.is_empty() { v.t("allergy-unnamed") } else { names.join(" · ") }
}

/// Whether a text is only what the table calls the allergen, in either language.
fn is_label(allergens: &[Allergen], text: &str) -> bool {
    allergens.iter().map(|allergen| allergen.label()).any(|label| text == label.english || text == label.arabic)
}

/// An amount in its own direction (FSI, PDI): within an Arabic line, `500 mg` would stand as `mg 500`.
fn apart(amount: &str) -> String {
    format!("\u{2068}{amount}\u{2069}")
}

/// What a medicine is called.
pub(crate) fn medicine_name(v: &Voice, item: Option<&Item>, text: Option<&str>) -> String {
    match (item, text) {
        (Some(item), _) => {
            let name = named(v, Label { code: item.code, english: item.english, arabic: item.arabic });
            format!("{name} · {} · {}", apart(item.strength), named(v, item.form))
        }
        (None, Some(text)) => text.to_owned(),
        (None, None) => v.t("medicine-unnamed"),
    }
}

/// How often, in words.
pub(crate) fn often_words(v: &Voice, often: Frequency) -> String {
    let every = |minutes: u32| match minutes {
        day if day % 1_440 == 0 => v.n("often-days", &u64::from(day / 1_440)),
        hour if hour % 60 == 0 => v.n("often-hours", &u64::from(hour / 60)),
        minutes => v.n("often-minutes", &u64::from(minutes)),
    };
    match often {
        Frequency::Once => v.t("often-once"),
        Frequency::Every { minutes } => every(minutes),
        Frequency::AsNeeded { least_minutes: None } => v.t("often-needed"),
        Frequency::AsNeeded { least_minutes: Some(minutes) } => v.with("often-needed-most", "often", &every(minutes)),
    }
}

/// Dose, route and how often, as far as the order says them.
pub(crate) fn how(v: &Voice, order: &Order) -> String {
    let dose = order.dose.as_ref().map(|(dose, unit)| apart(&format!("{dose} {unit}")));
    let route = order.route.map(|route| named(v, route));
    let often = order.frequency.map_or_else(|| v.t("often-unknown"), |often| often_words(v, often));
    dose.into_iter().chain(route).chain([often]).collect::<Vec<_>>().join(" · ")
}

/// How late a dose is, in words, if it is.
pub(crate) fn late_words(v: &Voice, due: &Due) -> Option<String> {
    let minutes = u32::try_from(due.late_by_minutes).unwrap_or(u32::MAX);
    match due.state {
        DueState::Missed => Some(v.with("due-missed", "time", &waited(v, minutes))),
        DueState::Late => Some(v.with("due-late", "time", &waited(v, minutes))),
        DueState::Now | DueState::Later => None,
    }
}

/// What is needed of an order to record a dose of it.
fn dose_of(order: &Order) -> Option<(&'static Item, Decimal, Unit, &'static str)> {
    let (dose, unit) = order.dose.as_ref()?;
    Some((order.item?, *dose, Unit::parse(unit)?, order.route?.code))
}

fn view(
    app: &App,
    v: &Voice,
    s: &Sheet,
    order: Order,
    (dues, told): (&[Due], &[Administration]),
    now_ms: u64,
) -> OrderView {
    let is_this = |form: &str| s.is("request", &order.id) && s.is("due", form);
    let of_it: Vec<&Due> = dues.iter().filter(|due| due.request == order.id).collect();
    let open: Vec<&Due> = of_it.iter().filter(|due| due.state != DueState::Later).copied().collect();
    let next_ms = of_it.iter().find(|due| due.state == DueState::Later).map(|due| due.at_ms);
    let as_needed = matches!(order.frequency, Some(Frequency::AsNeeded { .. }));
    let last_ms = told
        .iter()
        .filter(|told| told.became == Became::Given && told.request.as_deref() == Some(&order.id))
        .filter_map(|told| told.at_ms)
        .max();
    let not_before_ms = match (order.frequency, last_ms) {
        (Some(Frequency::AsNeeded { least_minutes: Some(least) }), Some(last)) => {
            Some(last.saturating_add(u64::from(least) * MINUTE_MS)).filter(|until| *until > now_ms)
        }
        _ => None,
    };
    let shown = open.iter().skip(open.len().saturating_sub(OPEN_MAX));
    let mut doses: Vec<DoseView> = shown
        .map(|due| DoseView {
            is_this: is_this(&due.at_ms.to_string()),
            due: due.at_ms.to_string(),
            at_ms: Some(due.at_ms),
            late: late_words(v, due),
            key: app.token(),
        })
        .collect();
    let is_current = order.is_current(now_ms);
    if as_needed && is_current {
        let due = newest(told, &order.id);
        doses.push(DoseView { is_this: is_this(&due), due, at_ms: None, late: None, key: app.token() });
    }
    OrderView {
        name: medicine_name(v, order.item, order.text.as_deref()),
        how: how(v, &order),
        can_give: is_current && dose_of(&order).is_some(),
        held: order.state == OrderState::Held,
        start_ms: order.start_ms,
        until_ms: order.until_ms,
        note: order.note,
        in_spite_of: order.in_spite_of,
        by: order.by,
        more: (open.len().saturating_sub(OPEN_MAX)) as u64,
        key: app.token(),
        resume_key: app.token(),
        is_stopping: is_this("stop"),
        id: order.id,
        last_ms,
        not_before_ms,
        doses,
        next_ms,
    }
}

/// What became of a dose, in words.
pub(crate) fn became_words(v: &Voice, became: Became) -> String {
    v.t(match became {
        Became::Given => "dose-given",
        Became::Refused => "dose-refused",
        Became::Held => "dose-held",
        Became::Stopped => "dose-stopped",
    })
}

fn told_views(v: &Voice, mut told: Vec<Administration>) -> Vec<Told> {
    told.sort_by_key(|told| std::cmp::Reverse(told.at_ms));
    let view = |told: Administration| Told {
        name: medicine_name(v, told.item, told.text.as_deref()),
        became: became_words(v, told.became),
        given: told.became == Became::Given,
        reason: told.reason,
        at_ms: told.at_ms.unwrap_or_default(),
    };
    told.into_iter().take(TOLD_MAX).map(view).collect()
}

/// `POST /patients/{id}/allergies`: one allergy, from the list or in words.
pub(crate) async fn allergy(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        let listed = Allergen::of_code(posted.field("allergen"));
        let typed = line(&v, &mut s, "allergen-typed");
        let reaction = line(&v, &mut s, "reaction");
        let to = match (listed, typed) {
            (Some(_), Some(_)) => {
                s.refuse("allergen-typed", v.t("allergy-both"));
                None
            }
            (Some(allergen), None) => Some(Named::Listed(allergen)),
            (None, Some(typed)) => Some(Named::Typed(typed)),
            (None, None) => None,
        };
        if to.is_none() {
            s.refuse("allergen-typed", v.t("allergy-none-named"));
        }
        let high = match posted.field("danger") {
            "high" => true,
            "low" => false,
            _ => {
                s.refuse("danger", v.t("allergy-danger-missing"));
                false
            }
        };
        let Some(to) = to.filter(|_| s.is_sound()) else {
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        };
        match allergy_intolerance(&bed.writing(visitor.by(), app.now_ms()), &to, reaction.as_deref(), high) {
            Ok(mut value) => {
                value["id"] = writing.new_id().into();
                writing.add(value);
                writing.save()?;
                Ok(Redirect::to(&home(&bed)).into_response())
            }
            Err(error) => {
                s.refuse("allergen-typed", cannot_write(&v, error));
                page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s)
            }
        }
    })
    .await
}

/// `POST /patients/{id}/doses`: one dose was given, refused or held.
pub(crate) async fn dose(State(app): State<App>, Path(id): Path<String>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        if writing.is_saved()? {
            return Ok(Redirect::to(&home(&bed)).into_response());
        }
        let now_ms = app.now_ms();
        let order = order_of(&bed, posted.field("request")).ok_or(Failure::Missing)?;
        if !order.is_current(now_ms) {
            s.refuse("all", v.t("order-is-over"));
        } else if !is_open(&bed, &order, posted.field("due"), now_ms) {
            s.refuse("all", v.t("dose-answered"));
        }
        let reason = line(&v, &mut s, "reason");
        let outcome = match (posted.field("do"), reason.as_deref()) {
            ("give", _) => Outcome::Given,
            ("refuse", reason) => Outcome::Refused(reason),
            ("hold", Some(reason)) => Outcome::Held(reason),
            ("hold", None) => {
                s.refuse("reason", v.t("dose-reason-missing"));
                Outcome::Held("")
            }
            _ => return Err(Failure::ForeignForm),
        };
        let Some((item, dose, unit, route)) = dose_of(&order) else { return Err(Failure::Missing) };
        if s.is_sound() {
            let due_ms = posted.field("due").parse().ok();
            let given = Given { request: Some(&order.id), item, dose, unit, route, due_ms, outcome };
            match medication_administration(&bed.writing(visitor.by(), now_ms), &given) {
                Ok(mut value) => {
                    let id = dose_id(app.clinic()?, &bed, &order.id, posted.field("due"));
                    value["id"] = id.as_str().into();
                    let key = ResourceKey::new("MedicationAdministration", id).map_err(|_| Failure::Broken)?;
                    let raw = serde_json::to_vec(&value).map_err(|_| Failure::Broken)?;
                    // Judged as it stands when it is saved: another hand may have given it in the same moment.
                    let answered = Rc::new(Cell::new(false));
                    let told = Rc::clone(&answered);
                    writing.put(key, move |stands| {
                        told.set(stands.is_some());
                        Ok(stands.is_none().then(|| raw.clone()))
                    });
                    writing.save()?;
                    if !answered.get() || Writing::begin(app, &posted)?.is_saved()? {
                        return Ok(Redirect::to(&home(&bed)).into_response());
                    }
                    s.refuse("all", v.t("dose-answered"));
                }
                Err(error) => s.refuse("reason", cannot_write(&v, error)),
            }
        }
        page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s)
    })
    .await
}

/// An order of this chart.
pub(super) fn order_of(bed: &Bed, id: &str) -> Option<Order> {
    let read = bed.chart.of("MedicationRequest").iter().find(|read| read.key.id == id)?;
    order(Stored { id: &read.key.id, resource: &read.value })
}

/// The newest dose of an order that was recorded; empty if there is none. What is given when it is needed has no time: its
/// form names the dose before it, so that whoever has not seen that one is told.
fn newest(told: &[Administration], order: &str) -> String {
    let of_it = told.iter().filter(|told| told.request.as_deref() == Some(order));
    of_it.max_by_key(|told| (told.at_ms, &told.id)).map_or_else(String::new, |told| told.id.clone())
}

/// The id of a dose follows from its order and its place in it: of two hands that record one dose here in the same moment,
/// the second finds it. Other sites have other ids, since what two sites gave was given twice. A dose that was taken back
/// makes room for another.
fn dose_id(site: &Site, bed: &Bed, order: &str, due_field: &str) -> String {
    let of_it = |read: &&Read| read.value["request"]["reference"] == format!("MedicationRequest/{order}");
    let doses = bed.chart.of("MedicationAdministration").iter().filter(of_it);
    let taken_back = doses.filter(|read| read.value["status"] == "entered-in-error").count();
    id_within(order, &format!("dose {:?} {due_field} {taken_back}", site.device()))
}

/// Whether that time of an order waits for an answer; what is given when it is needed names the dose before it.
fn is_open(bed: &Bed, order: &Order, due_field: &str, now_ms: u64) -> bool {
    if matches!(order.frequency, Some(Frequency::AsNeeded { .. })) {
        let given = stored(bed.chart.of("MedicationAdministration"));
        let told: Vec<Administration> = given.iter().filter_map(|record| administration(*record)).collect();
        return due_field == newest(&told, &order.id);
    }
    let requests = bed.chart.of("MedicationRequest").iter().filter(|read| read.key.id == order.id);
    let request: Vec<Stored<'_>> = requests.map(|read| Stored { id: &read.key.id, resource: &read.value }).collect();
    let given = stored(bed.chart.of("MedicationAdministration"));
    let open = due(&request, &given, now_ms);
    open.iter().any(|due| due.state != DueState::Later && due.at_ms.to_string() == due_field)
}

/// `POST /patients/{id}/orders/{rid}/stop`
pub(crate) async fn stop(State(app): State<App>, Path((id, rid)): Path<(String, String)>, posted: Posted) -> Response {
    app.page(posted.visitor.clone(), move |app, visitor| {
        let v = app.voice(visitor.lang);
        let mut s = Sheet::of(&posted);
        s.begin("request", rid.clone());
        s.begin("due", "stop");
        let mut writing = Writing::begin(app, &posted)?;
        let bed = Bed::of(app.clinic()?, &id)?;
        if writing.is_saved()? {
            return Ok(Redirect::to(&home(&bed)).into_response());
        }
        order_of(&bed, &rid).ok_or(Failure::Missing)?;
        let reason = line(&v, &mut s, "reason");
        if reason.is_none() {
            s.refuse("reason", v.t("dose-reason-missing"));
        }
        let Some(reason) = reason.filter(|_| s.is_sound()) else {
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        };
        let key = ResourceKey::new("MedicationRequest", &*rid).map_err(|_| Failure::Missing)?;
        // Judged as it stands when it is saved: somebody else may have stopped it meanwhile.
        let refused = Rc::new(Cell::new(None));
        let told = Rc::clone(&refused);
        writing.edit(key, move |request| {
            let after = stopped(request, &reason);
            told.set(after.as_ref().err().copied());
            after.ok()
        });
        writing.save()?;
        if refused.get().is_some() {
            s.refuse("all", v.t("order-is-over"));
            return page(app, visitor, &id, StatusCode::UNPROCESSABLE_ENTITY, s);
        }
        Ok(Redirect::to(&home(&bed)).into_response())
    })
    .await
}

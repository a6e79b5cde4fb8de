//! Orders as FHIR MedicationRequests, and what was given, refused or held as MedicationAdministrations.

use serde_json::{Value, json};

use super::{ATC_SYSTEM, ITEM_SYSTEM, Item, Label, ROUTE_SYSTEM, Unit, item, items, route};
use crate::outgoing::rfc3339;
use crate::shape::{
    CannotWrite, Stored, Writing, checked_id, code_in, extended, extension, is_type, list, needed, optional, quantity,
    referred, text, time_ms,
};
use crate::typed::Decimal;

/// The system of why something was not given.
const NOT_GIVEN_SYSTEM: &str = "urn:sanad:not-given";
/// The extension of a MedicationRequest that says in spite of which warnings it was ordered.
const OVERRIDE_URL: &str = "urn:sanad:override";
/// How often something can be given: from every quarter of an hour to once in four weeks.
pub const EVERY_MINUTES: std::ops::RangeInclusive<u32> = 15..=40_320;

/// How often something is to be given.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Frequency {
    /// Once, at the start.
    Once,
    /// At the start, and then again each time so many minutes have passed.
    Every {
        /// Minutes between two doses, within [`EVERY_MINUTES`].
        minutes: u32,
    },
    /// When it is needed.
    AsNeeded {
        /// Not before so many minutes have passed, within [`EVERY_MINUTES`].
        least_minutes: Option<u32>,
    },
}

/// How an order stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OrderState {
    /// It is to be given.
    Active,
    /// It is halted for now.
    Held,
    /// It is over, was stopped or taken back.
    Over,
}

/// An order as it is read, of this program or of another. No Debug: its texts are the patient's.
#[derive(Clone, PartialEq)]
pub struct Order {
    /// The id of the MedicationRequest.
    pub id: String,
    /// How it stands.
    pub state: OrderState,
    /// The item, if it is one of the formulary.
    pub item: Option<&'static Item>,
    /// What it is called in the record, for what is not.
    pub text: Option<String>,
    /// How much at once, and in what unit as written.
    pub dose: Option<(Decimal, String)>,
    /// The route, if it is one of the formulary.
    pub route: Option<Label>,
    /// How often; `None` if it does not say, or in a way that is not understood.
    pub frequency: Option<Frequency>,
    /// When it begins, in milliseconds since 1970.
    pub start_ms: Option<u64>,
    /// When it ends, in milliseconds since 1970, if it does.
    pub until_ms: Option<u64>,
    /// What else should be done.
    pub note: Option<String>,
    /// Why it was ordered although there were warnings.
    pub in_spite_of: Option<String>,
    /// Who ordered it, as the record calls them.
    pub by: Option<String>,
}

impl Order {
    /// Whether it is to be given at that time: it is active, and its end has not come.
    pub fn is_current(&self, now_ms: u64) -> bool {
        self.state == OrderState::Active && self.until_ms.is_none_or(|until| now_ms < until)
    }
}

/// The code of a MedicationRequest or MedicationAdministration: the item, and the ATC code it says.
pub(super) fn medicine(resource: &Value) -> (Option<&'static Item>, Option<String>) {
    let concept = resource.get("medicationCodeableConcept");
    let atc = code_in(concept, ATC_SYSTEM);
    let known = code_in(concept, ITEM_SYSTEM).and_then(item);
    let known = known.or_else(|| items().iter().find(|item| Some(item.atc) == atc && item.atc.len() == 7));
    (known, atc.map(str::to_owned))
}

fn medication(item: &Item) -> Value {
    let name = format!("{} {}", item.english, item.strength);
    json!({
        "coding": [
            { "system": ITEM_SYSTEM, "code": item.code, "display": name },
            { "system": ATC_SYSTEM, "code": item.atc },
        ],
        "text": format!("{} · {}", name, item.arabic),
    })
}

fn routed(code: &str) -> Result<Value, CannotWrite> {
    let label = route(code).ok_or(CannotWrite::WrongRecord)?;
    let coding = json!([{ "system": ROUTE_SYSTEM, "code": label.code, "display": label.english }]);
    Ok(json!({ "coding": coding, "text": format!("{} · {}", label.english, label.arabic) }))
}

/// An order, from `start_ms` on until `until_ms`, or until it is stopped; what is given once has no end. `note` is what
/// else should be done; `in_spite_of` is why it is ordered although there were warnings.
///
/// # Errors
/// [`CannotWrite`]: an illegal id, a text that is too long, a dose of nothing, an unknown route, a frequency outside
/// [`EVERY_MINUTES`] or an end that is not after the start (both as [`CannotWrite::WrongRecord`]).
pub fn medication_request(
    writing: &Writing<'_>,
    proposed: &super::Proposed<'_>,
    start_ms: u64,
    until_ms: Option<u64>,
    note: Option<&str>,
    in_spite_of: Option<&str>,
) -> Result<Value, CannotWrite> {
    writing.check()?;
    if proposed.dose == Decimal::ZERO {
        return Err(CannotWrite::Nothing);
    }
    let mut instruction = json!({ "route": routed(proposed.route)? });
    if let Some(timing) = timing(proposed.frequency, start_ms, until_ms)? {
        instruction["timing"] = timing;
    }
    if matches!(proposed.frequency, Frequency::AsNeeded { .. }) {
        instruction["asNeededBoolean"] = true.into();
    }
    instruction["doseAndRate"] =
        json!([{ "doseQuantity": quantity(proposed.dose, proposed.unit.symbol(), proposed.unit.ucum()) }]);
    let mut request = json!({
        "resourceType": "MedicationRequest", "status": "active", "intent": "order",
        "medicationCodeableConcept": medication(proposed.item), "subject": writing.patient(),
    });
    writing.add_encounter(&mut request, "encounter");
    request["authoredOn"] = writing.at().into();
    if let Some(who) = writing.who() {
        request["requester"] = who;
    }
    if let Some(note) = optional(note)? {
        request["note"] = json!([{ "text": note }]);
    }
    if let Some(reason) = optional(in_spite_of)? {
        request["extension"] = json!([extension(OVERRIDE_URL, "valueString", reason.into())]);
    }
    request["dosageInstruction"] = json!([instruction]);
    Ok(request)
}

fn timing(frequency: Frequency, start_ms: u64, until_ms: Option<u64>) -> Result<Option<Value>, CannotWrite> {
    if until_ms.is_some_and(|until| until <= start_ms) {
        return Err(CannotWrite::WrongRecord);
    }
    let start = rfc3339(start_ms);
    let mut repeat = json!({ "boundsPeriod": { "start": start } });
    if let Some(until) = until_ms {
        repeat["boundsPeriod"]["end"] = rfc3339(until).into();
    }
    let minutes = match frequency {
        Frequency::Once => return Ok(Some(json!({ "event": [start] }))),
        Frequency::AsNeeded { least_minutes: None } => return Ok(until_ms.map(|_| json!({ "repeat": repeat }))),
        Frequency::Every { minutes } | Frequency::AsNeeded { least_minutes: Some(minutes) } => minutes,
    };
    if !EVERY_MINUTES.contains(&minutes) {
        return Err(CannotWrite::WrongRecord);
    }
    let (period, unit) = if minutes % 60 == 0 { (minutes / 60, "h") } else { (minutes, "min") };
    repeat["frequency"] = 1.into();
    repeat["period"] = period.into();
    repeat["periodUnit"] = unit.into();
    Ok(Some(json!({ "repeat": repeat })))
}

/// What became of a dose.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    /// It was given.
    Given,
    /// The patient refused it; the reason if there was one.
    Refused(Option<&'a str>),
    /// It was held back; a reason has to be said.
    Held(&'a str),
}

/// A dose that was given, refused or held.
pub struct Given<'a> {
    /// The MedicationRequest it belongs to, if there is one: in an emergency there is none.
    pub request: Option<&'a str>,
    /// The item.
    pub item: &'a Item,
    /// How much.
    pub dose: Decimal,
    /// In what unit.
    pub unit: Unit,
    /// The code of the route.
    pub route: &'a str,
    /// For which time of the due list, in milliseconds since 1970, if for one.
    pub due_ms: Option<u64>,
    /// What became of it.
    pub outcome: Outcome<'a>,
}

/// The extension of a MedicationAdministration that says which time of the due list it answers.
const DUE_URL: &str = "urn:sanad:due";

/// The record that a dose was given, refused or held.
///
/// # Errors
/// [`CannotWrite`]: an illegal id, a text that is too long, a held dose without a reason, a dose of nothing that was
/// given, an unknown route.
pub fn medication_administration(writing: &Writing<'_>, given: &Given<'_>) -> Result<Value, CannotWrite> {
    writing.check()?;
    let (status, why) = match given.outcome {
        Outcome::Given if given.dose == Decimal::ZERO => return Err(CannotWrite::Nothing),
        Outcome::Given => ("completed", None),
        Outcome::Refused(reason) => ("not-done", Some(("refused", optional(reason)?))),
        Outcome::Held(reason) => ("on-hold", Some(("held", Some(needed(reason)?)))),
    };
    let mut record = json!({ "resourceType": "MedicationAdministration" });
    if let Some(due_ms) = given.due_ms {
        let at = rfc3339(due_ms);
        record["extension"] = json!([extension(DUE_URL, "valueDateTime", at.into())]);
    }
    record["status"] = status.into();
    if let Some((code, reason)) = why {
        let coding = json!([{ "system": NOT_GIVEN_SYSTEM, "code": code }]);
        record["statusReason"] = json!([{ "coding": coding, "text": reason.unwrap_or(code) }]);
    }
    record["medicationCodeableConcept"] = medication(given.item);
    record["subject"] = writing.patient();
    writing.add_encounter(&mut record, "context");
    record["effectiveDateTime"] = writing.at().into();
    if let Some(who) = writing.who() {
        record["performer"] = json!([{ "actor": who }]);
    }
    if let Some(request) = given.request {
        record["request"] = crate::shape::reference("MedicationRequest", checked_id(request)?);
    }
    record["dosage"] = json!({ "route": routed(given.route)? });
    if given.dose != Decimal::ZERO {
        record["dosage"]["dose"] = quantity(given.dose, given.unit.symbol(), given.unit.ucum());
    }
    Ok(record)
}

/// A MedicationRequest that is stopped, and why. Nothing else of it changes.
///
/// # Errors
/// [`CannotWrite::WrongRecord`] if it is no MedicationRequest or is over already; [`CannotWrite::TextMissing`] without
/// a reason, [`CannotWrite::TextTooLong`].
pub fn stopped(request: &Value, reason: &str) -> Result<Value, CannotWrite> {
    let reason = needed(reason)?;
    let open = matches!(text(request, "status"), Some("active" | "on-hold" | "draft" | "unknown"));
    if !is_type(request, "MedicationRequest") || !open {
        return Err(CannotWrite::WrongRecord);
    }
    let mut stopped = request.clone();
    stopped["status"] = "stopped".into();
    stopped["statusReason"] = json!({ "text": reason });
    Ok(stopped)
}

/// A MedicationRequest that was on hold and goes on. Why it was on hold goes with the hold; nothing else changes.
///
/// # Errors
/// [`CannotWrite::WrongRecord`] if it is no MedicationRequest that is on hold.
pub fn resumed(request: &Value) -> Result<Value, CannotWrite> {
    if !is_type(request, "MedicationRequest") || text(request, "status") != Some("on-hold") {
        return Err(CannotWrite::WrongRecord);
    }
    let mut resumed = request.clone();
    resumed["status"] = "active".into();
    if let Some(members) = resumed.as_object_mut() {
        members.remove("statusReason");
    }
    Ok(resumed)
}

/// Reads a MedicationRequest that is an order. `None` for other resources, and for what says that it is not to be given.
pub fn order(record: Stored<'_>) -> Option<Order> {
    let request = record.resource;
    let forbidden = request.get("doNotPerform").and_then(Value::as_bool) == Some(true);
    if !is_type(request, "MedicationRequest") || forbidden || text(request, "status") == Some("entered-in-error") {
        return None;
    }
    let state = match text(request, "status") {
        Some("active" | "unknown") => OrderState::Active,
        Some("on-hold") => OrderState::Held,
        _ => OrderState::Over,
    };
    let instruction = list(request, "dosageInstruction").first();
    let dose =
        instruction.and_then(|instruction| amount_of(list(instruction, "doseAndRate").first()?.get("doseQuantity")?));
    let written_ms = time_ms(request.get("authoredOn"));
    let (frequency, start_ms, until_ms) = instruction.map_or((None, None, None), frequency);
    let start_ms = start_ms.or(written_ms);
    let repeat = instruction.and_then(|instruction| instruction.get("timing")?.get("repeat"));
    let until_ms = until_ms.or_else(|| start_ms?.checked_add(duration_ms(repeat?)?));
    Some(Order {
        id: record.id.to_owned(),
        state,
        item: medicine(request).0,
        text: called(request).map(str::to_owned),
        dose,
        route: instruction.and_then(|instruction| route(code_in(instruction.get("route"), ROUTE_SYSTEM)?)),
        frequency,
        start_ms,
        until_ms,
        note: list(request, "note").first().and_then(|note| text(note, "text")).map(str::to_owned),
        in_spite_of: extended(request, OVERRIDE_URL).and_then(|said| text(said, "valueString")).map(str::to_owned),
        by: request.get("requester").and_then(|who| text(who, "display")).map(str::to_owned),
    })
}

/// How often, from when and until when.
fn frequency(instruction: &Value) -> (Option<Frequency>, Option<u64>, Option<u64>) {
    let repeat = instruction.get("timing").and_then(|timing| timing.get("repeat"));
    let bounds = repeat.and_then(|repeat| repeat.get("boundsPeriod"));
    let start = bounds.and_then(|bounds| time_ms(bounds.get("start")));
    let until = bounds.and_then(|bounds| time_ms(bounds.get("end")));
    let timing = instruction.get("timing");
    let minutes = repeat.and_then(minutes).or_else(|| abbreviated(timing?.get("code")?));
    if instruction.get("asNeededBoolean").and_then(Value::as_bool) == Some(true)
        || instruction.get("asNeededCodeableConcept").is_some()
    {
        return (Some(Frequency::AsNeeded { least_minutes: minutes }), start, until);
    }
    let event = instruction.get("timing").and_then(|timing| list(timing, "event").first());
    if event.is_some() {
        return (Some(Frequency::Once), time_ms(event), None);
    }
    if repeat.and_then(|repeat| repeat.get("count")).and_then(Value::as_u64) == Some(1) {
        return (Some(Frequency::Once), start, until);
    }
    (minutes.map(|minutes| Frequency::Every { minutes }), start, until)
}

/// Minutes between two doses, as an abbreviation says it. Source: the value set `timing-abbreviation` of R4.
fn abbreviated(code: &Value) -> Option<u32> {
    const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation";
    match code_in(Some(code), SYSTEM)? {
        "QD" | "AM" | "PM" | "BED" => Some(1_440),
        "QOD" => Some(2_880),
        "BID" => Some(720),
        "TID" => Some(480),
        "QID" => Some(360),
        "WK" => Some(10_080),
        "Q1H" => Some(60),
        "Q2H" => Some(120),
        "Q3H" => Some(180),
        "Q4H" => Some(240),
        "Q6H" => Some(360),
        "Q8H" => Some(480),
        _ => None,
    }
}

/// How long an order runs, in milliseconds, as `Timing.repeat.boundsDuration` says it.
fn duration_ms(repeat: &Value) -> Option<u64> {
    let duration = repeat.get("boundsDuration")?;
    let unit_ms: u64 = match text(duration, "code")? {
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "wk" => 604_800_000,
        _ => return None,
    };
    let millionths = u64::try_from(crate::shape::amount(duration)?.millionths()).ok()?;
    Some((millionths / 1_000).checked_mul(unit_ms)? / 1_000)
}

/// Minutes between two doses, as `Timing.repeat` says it.
fn minutes(repeat: &Value) -> Option<u32> {
    let period = Decimal::of_json(repeat.get("period")?)?;
    let unit: i64 = match text(repeat, "periodUnit")? {
        "min" => 1,
        "h" => 60,
        "d" => 1_440,
        "wk" => 10_080,
        _ => return None,
    };
    let times = repeat.get("frequency").map_or(Some(1), Value::as_i64)?;
    let minutes = period.times_over(unit, times)?.millionths() / 1_000_000;
    u32::try_from(minutes).ok().filter(|minutes| EVERY_MINUTES.contains(minutes))
}

/// What became of a dose, as it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Became {
    /// It was given, or it is being given.
    Given,
    /// It was not given: refused, or left out for a reason of others' records.
    Refused,
    /// It was held back.
    Held,
    /// It was begun and broken off.
    Stopped,
}

/// A dose that was given, refused or held, as it is read. No Debug: its texts are the patient's.
#[derive(Clone, PartialEq)]
pub struct Administration {
    /// The id of the MedicationAdministration.
    pub id: String,
    /// The MedicationRequest it belongs to, if it names one.
    pub request: Option<String>,
    /// The item, if it is one of the formulary.
    pub item: Option<&'static Item>,
    /// What it is called in the record, for what is not.
    pub text: Option<String>,
    /// How much, and in what unit as written.
    pub dose: Option<(Decimal, String)>,
    /// When, in milliseconds since 1970.
    pub at_ms: Option<u64>,
    /// The time of the due list that it answers, in milliseconds since 1970.
    pub due_ms: Option<u64>,
    /// What became of it.
    pub became: Became,
    /// Why, if it says.
    pub reason: Option<String>,
}

/// Reads a MedicationAdministration. `None` for other resources, for what was written by mistake, and for what does not say
/// what became of the dose.
pub fn administration(record: Stored<'_>) -> Option<Administration> {
    let resource = record.resource;
    let became = match text(resource, "status")? {
        "completed" | "in-progress" => Became::Given,
        "not-done" => Became::Refused,
        "on-hold" => Became::Held,
        "stopped" => Became::Stopped,
        _ => return None,
    };
    if !is_type(resource, "MedicationAdministration") {
        return None;
    }
    let why = list(resource, "statusReason").first();
    // Where nobody gave a reason, the text only repeats our code.
    let said = why.and_then(|why| text(why, "text").filter(|said| Some(*said) != code_in(Some(why), NOT_GIVEN_SYSTEM)));
    let period = resource.get("effectivePeriod").and_then(|period| time_ms(period.get("start")));
    let due = extended(resource, DUE_URL);
    Some(Administration {
        id: record.id.to_owned(),
        request: referred(resource.get("request"), "MedicationRequest").map(str::to_owned),
        item: medicine(resource).0,
        text: called(resource).map(str::to_owned),
        dose: resource.get("dosage").and_then(|dosage| amount_of(dosage.get("dose")?)),
        at_ms: time_ms(resource.get("effectiveDateTime")).or(period),
        due_ms: due.and_then(|due| time_ms(due.get("valueDateTime"))),
        became,
        reason: said.map(str::to_owned),
    })
}

/// What a medicine is called in a record.
fn called(resource: &Value) -> Option<&str> {
    let concept = resource.get("medicationCodeableConcept");
    let reference = resource.get("medicationReference").and_then(|reference| text(reference, "display"));
    let displays = concept.and_then(|concept| list(concept, "coding").iter().find_map(|code| text(code, "display")));
    concept.and_then(|concept| text(concept, "text")).or(displays).or(reference)
}

fn amount_of(quantity: &Value) -> Option<(Decimal, String)> {
    Some((crate::shape::amount(quantity)?, text(quantity, "unit").or(text(quantity, "code"))?.to_owned()))
}

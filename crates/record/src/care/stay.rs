//! A stay at a facility, as a FHIR Encounter: where somebody lies, with which team, what comes next, and how it ended.
//!
//! The newest colour stands in `priority` as well: an Encounter travels in the urgent lane
//! ([`crate::compartment::lane_hint`]), the Observation that decided it does not. The Observations are the truth
//! ([`crate::triage::history`]); whoever writes one writes the other.

mod leaving;

use serde_json::{Value, json};

use super::input::{InputError, line};
use super::shape::{
    code_in, concept, extension, extension_text, id_in, is_a, list, ms_of, reference, set, set_extension, set_list,
    str_of, text_of, time,
};
use crate::ask::facility;
use crate::triage::{Colour, SYSTEM as TRIAGE_SYSTEM};
pub use leaving::{CAUSE_CHARS_MAX, Disposition, LeaveError, Leaving, leave, return_to_stay};

/// The system of places within a facility, which are texts: a ward, a bed, a corridor.
pub const PLACE_SYSTEM: &str = "urn:sanad:place";
/// Longest place, team, next step or destination, in letters.
pub const TEXT_CHARS_MAX: usize = 100;

const CLASS_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const TEAM: &str = "urn:sanad:team";
const NEXT_STEP: &str = "urn:sanad:next-step";
const DESTINATION: &str = "urn:sanad:destination";
const EVENT: &str = "urn:sanad:mass-casualty-event";

/// How far the stay is. Ends are [`leave`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Here, not sorted yet.
    Arrived,
    /// Sorted, not seen yet.
    Triaged,
    /// Seen by a clinician: first contact.
    InProgress,
    /// Away for a while.
    OnLeave,
    /// Over.
    Finished,
    /// Anything else that FHIR has.
    Other,
}

impl Status {
    /// FHIR's code (encounter-status); `unknown` for [`Status::Other`].
    pub fn code(self) -> &'static str {
        match self {
            Status::Arrived => "arrived",
            Status::Triaged => "triaged",
            Status::InProgress => "in-progress",
            Status::OnLeave => "onleave",
            Status::Finished => "finished",
            Status::Other => "unknown",
        }
    }

    fn of_code(code: &str) -> Status {
        let all = [Status::Arrived, Status::Triaged, Status::InProgress, Status::OnLeave, Status::Finished];
        all.into_iter().find(|status| status.code() == code).unwrap_or(Status::Other)
    }
}

/// What pages change of a stay. Its `Debug` shows none of it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Admitted to a bed (class IMP) and not only in emergency care (EMER).
    pub inpatient: bool,
    /// Where: ward and bed, as people call it.
    pub place: Option<String>,
    /// The id of the Location, if places are kept as such.
    pub location: Option<String>,
    /// The team in charge.
    pub team: Option<String>,
    /// What is done next.
    pub next_step: Option<String>,
    /// Where to afterwards: theatre, ward, another facility.
    pub destination: Option<String>,
    /// The newest colour.
    pub colour: Option<Colour>,
    /// The id of the mass casualty event that it belongs to.
    pub event: Option<String>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts(..)")
    }
}

/// A text of [`Parts`], to say where an error belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// [`Parts::place`]
    Place,
    /// [`Parts::team`]
    Team,
    /// [`Parts::next_step`]
    NextStep,
    /// [`Parts::destination`]
    Destination,
}

impl Parts {
    /// The texts as they are kept: trimmed, an empty one unknown.
    ///
    /// # Errors
    /// Every field with something wrong, and what.
    pub fn checked(mut self) -> Result<Parts, Vec<(Field, InputError)>> {
        let mut wrong = Vec::new();
        let fields = [
            (Field::Place, &mut self.place),
            (Field::Team, &mut self.team),
            (Field::NextStep, &mut self.next_step),
            (Field::Destination, &mut self.destination),
        ];
        for (field, part) in fields {
            match line(part.as_deref().unwrap_or_default(), TEXT_CHARS_MAX) {
                Ok(kept) => *part = kept,
                Err(error) => wrong.push((field, error)),
            }
        }
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }
}

/// A stay as it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct Stay {
    /// The id of the Encounter, empty if its bytes do not say it.
    pub id: String,
    /// The id of the Patient.
    pub patient: String,
    /// How far it is.
    pub status: Status,
    /// What pages change.
    pub parts: Parts,
    /// When it began, in milliseconds since 1970.
    pub start_ms: Option<u64>,
    /// When a clinician was first there: the first moment with status `in-progress`.
    pub first_contact_ms: Option<u64>,
    /// Since when it has the status that it has.
    pub since_ms: Option<u64>,
    /// What the facility is called.
    pub provider: Option<String>,
    /// How it ended.
    pub leaving: Option<Leaving>,
}

/// A new stay, with status `arrived`, or `triaged` if there is a colour. `here` is the facility: hexadecimal id and call
/// sign. The parts have been [`Parts::checked`].
pub fn open(id: &str, patient: &str, here: (&str, &str), parts: &Parts, at_ms: u64) -> Value {
    let mut provider = facility(here.0);
    provider["display"] = here.1.into();
    let bare = json!({
        "resourceType": "Encounter", "id": id, "status": Status::Arrived.code(), "class": class(false),
        "subject": reference("Patient", patient), "period": { "start": time(at_ms) }, "serviceProvider": provider,
    });
    let mut made = edit(&bare, parts, at_ms);
    if parts.colour.is_some() {
        made["status"] = Status::Triaged.code().into();
    }
    made
}

/// Reads a stay. `None` if it is no Encounter or names no patient.
pub fn read(encounter: &Value) -> Option<Stay> {
    if !is_a(encounter, "Encounter") {
        return None;
    }
    let status = Status::of_code(str_of(encounter, "status")?);
    let history = list(encounter, "statusHistory");
    let start_ms = encounter.get("period").and_then(|period| ms_of(period, "start"));
    let since_ms = history.last().and_then(|last| ms_of(last.get("period")?, "end")).or(start_ms);
    let seen = |past: &&Value| str_of(past, "status") == Some(Status::InProgress.code());
    let seen_ms = history.iter().find(seen).and_then(|past| ms_of(past.get("period")?, "start"));
    let place = current_place(encounter);
    Some(Stay {
        id: str_of(encounter, "id").unwrap_or_default().to_owned(),
        patient: id_in(encounter.get("subject"), "Patient")?,
        status,
        parts: Parts {
            inpatient: encounter.get("class").and_then(|class| str_of(class, "code")) == Some("IMP"),
            place: place.and_then(|place| text_of(place, "display")),
            location: id_in(place, "Location"),
            team: extension_text(encounter, TEAM),
            next_step: extension_text(encounter, NEXT_STEP),
            destination: extension_text(encounter, DESTINATION),
            colour: encounter.get("priority").and_then(|colour| Colour::of_code(code_in(colour, TRIAGE_SYSTEM)?)),
            event: extension(encounter, EVENT).and_then(|event| id_in(event.get("valueReference"), "Basic")),
        },
        start_ms,
        first_contact_ms: seen_ms.or(since_ms.filter(|_| status == Status::InProgress)),
        since_ms,
        provider: encounter.get("serviceProvider").and_then(|provider| text_of(provider, "display")),
        leaving: leaving::read(encounter),
    })
}

/// The stay with these parts: only what differs from what [`read`] gives is touched. A place that is left keeps the time
/// until which somebody lay there. What is no stay is as it was.
pub fn edit(encounter: &Value, parts: &Parts, at_ms: u64) -> Value {
    let mut made = encounter.clone();
    let Some(Stay { parts: before, .. }) = read(encounter) else { return made };
    if before.inpatient != parts.inpatient {
        set(&mut made, "class", Some(class(parts.inpatient)));
    }
    if before.colour != parts.colour {
        set(&mut made, "priority", parts.colour.map(|colour| concept(TRIAGE_SYSTEM, colour.code())));
    }
    if (&before.place, &before.location) != (&parts.place, &parts.location) {
        move_to(&mut made, parts, at_ms);
    }
    let texts = [
        (TEAM, &before.team, &parts.team),
        (NEXT_STEP, &before.next_step, &parts.next_step),
        (DESTINATION, &before.destination, &parts.destination),
    ];
    for (url, _, after) in texts.into_iter().filter(|(_, before, after)| before != after) {
        set_extension(&mut made, url, after.as_deref().map(|text| ("valueString", text.into())));
    }
    if before.event != parts.event {
        let event = parts.event.as_deref().map(|event| ("valueReference", reference("Basic", event)));
        set_extension(&mut made, EVENT, event);
    }
    made
}

/// The stay with another status, and since when; the one before goes into the history. One that is over stays over:
/// [`return_to_stay`] takes an end back.
pub fn with_status(encounter: &Value, status: Status, at_ms: u64) -> Value {
    let mut made = encounter.clone();
    let is_open = read(encounter).is_some_and(|stay| stay.status != Status::Finished && stay.status != status);
    if is_open && !matches!(status, Status::Finished | Status::Other) {
        set_status(&mut made, status, at_ms);
    }
    made
}

fn set_status(encounter: &mut Value, status: Status, at_ms: u64) {
    let Some(before) = read(encounter) else { return };
    let mut history = list(encounter, "statusHistory").to_vec();
    let mut period = json!({});
    if let Some(since_ms) = before.since_ms {
        period["start"] = time(since_ms);
    }
    // A clock may have gone back; a period never does.
    period["end"] = time(at_ms.max(before.since_ms.unwrap_or(0)));
    history.push(json!({ "status": encounter["status"], "period": period }));
    set_list(encounter, "statusHistory", history);
    set(encounter, "status", Some(status.code().into()));
}

fn class(inpatient: bool) -> Value {
    json!({ "system": CLASS_SYSTEM, "code": if inpatient { "IMP" } else { "EMER" } })
}

fn current_place(encounter: &Value) -> Option<&Value> {
    let active = |place: &&Value| str_of(place, "status") == Some("active");
    list(encounter, "location").iter().rev().find(active)?.get("location")
}

fn move_to(encounter: &mut Value, parts: &Parts, at_ms: u64) {
    let mut places = list(encounter, "location").to_vec();
    for place in places.iter_mut().filter(|place| str_of(place, "status") == Some("active")) {
        let mut period = json!({});
        let mut end_ms = at_ms;
        if let Some(start) = place.pointer("/period/start") {
            period["start"] = start.clone();
            // What is recorded as of an earlier time leaves no period that ends before it begins.
            end_ms = end_ms.max(ms_of(&period, "start").unwrap_or(0));
        }
        period["end"] = time(end_ms);
        place["status"] = "completed".into();
        place["period"] = period;
    }
    if parts.place.is_some() || parts.location.is_some() {
        let mut to = json!({});
        if let Some(location) = &parts.location {
            to["reference"] = format!("Location/{location}").into();
        }
        if let Some(place) = &parts.place {
            to["identifier"] = json!({ "system": PLACE_SYSTEM, "value": place });
            to["display"] = place.as_str().into();
        }
        places.push(json!({ "location": to, "status": "active", "period": { "start": time(at_ms) } }));
    }
    set_list(encounter, "location", places);
}

#[cfg(test)]
mod tests;

//! How a stay ends: home, death, another facility, against advice.

use serde_json::{Value, json};

use super::super::input::{InputError, paragraph};
use super::super::shape::{code_in, extension_text, list, ms_of, set, set_extension, str_of, time};
use super::{Parts, Status, edit, read as read_stay, set_status};

/// The system of our own codes.
const SYSTEM: &str = "urn:sanad:discharge";
/// FHIR's (R4 codesystem-encounter-discharge-disposition.html).
const FHIR_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/discharge-disposition";
const CAUSE: &str = "urn:sanad:cause-of-death";
const FOLLOW_UP: &str = "urn:sanad:follow-up";
/// Longest cause of death or follow-up, in letters.
pub const CAUSE_CHARS_MAX: usize = 500;

/// How a stay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Disposition {
    /// Home.
    Home,
    /// Home, to be seen again.
    FollowUp,
    /// Left against advice.
    AgainstAdvice,
    /// To another facility.
    Transferred,
    /// Died here.
    Died,
    /// Was dead on arrival.
    DeadOnArrival,
}

impl Disposition {
    /// All of them.
    pub const ALL: [Disposition; 6] = [
        Disposition::Home,
        Disposition::FollowUp,
        Disposition::AgainstAdvice,
        Disposition::Transferred,
        Disposition::Died,
        Disposition::DeadOnArrival,
    ];

    /// Our own code.
    pub fn code(self) -> &'static str {
        match self {
            Disposition::Home => "home",
            Disposition::FollowUp => "follow-up",
            Disposition::AgainstAdvice => "against-advice",
            Disposition::Transferred => "transferred",
            Disposition::Died => "died",
            Disposition::DeadOnArrival => "dead-on-arrival",
        }
    }

    /// The one of this code.
    pub fn of_code(code: &str) -> Option<Disposition> {
        Disposition::ALL.into_iter().find(|disposition| disposition.code() == code)
    }

    /// FHIR's code for it, coarser than ours.
    fn fhir_code(self) -> &'static str {
        match self {
            Disposition::Home | Disposition::FollowUp => "home",
            Disposition::AgainstAdvice => "aadvice",
            Disposition::Transferred => "other-hcf",
            Disposition::Died | Disposition::DeadOnArrival => "exp",
        }
    }

    /// Whether the patient is dead: then [`super::super::person::died`] belongs into the same save.
    pub fn is_death(self) -> bool {
        matches!(self, Disposition::Died | Disposition::DeadOnArrival)
    }
}

/// The end of a stay. No `Debug`: texts may name people.
#[derive(Clone, PartialEq, Eq)]
pub struct Leaving {
    /// How; `None` if somebody else ended it in a way that is not known here.
    pub disposition: Option<Disposition>,
    /// When, in milliseconds since 1970.
    pub at_ms: Option<u64>,
    /// The cause of a death.
    pub cause: Option<String>,
    /// When and where to be seen again.
    pub follow_up: Option<String>,
}

/// Why a stay cannot end so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeaveError {
    /// It is no Encounter of a patient.
    #[error("it is no stay")]
    NotAStay,
    /// It is over already.
    #[error("the stay is over already")]
    Over,
    /// It would end before it began.
    #[error("the stay would end before it began")]
    BeforeStart,
    /// A cause belongs to a death only.
    #[error("a cause belongs to a death")]
    CauseWithoutDeath,
    /// A text cannot be kept as it is.
    #[error(transparent)]
    Text(#[from] InputError),
}

impl LeaveError {
    /// A stable name, of which the message's name is made.
    pub fn id(self) -> &'static str {
        match self {
            LeaveError::NotAStay => "leave-not-a-stay",
            LeaveError::Over => "leave-over",
            LeaveError::BeforeStart => "leave-before-start",
            LeaveError::CauseWithoutDeath => "leave-cause-without-death",
            LeaveError::Text(error) => error.id(),
        }
    }
}

/// Ends a stay: status `finished`, the end of its period, and the bed is free. Cause and follow-up may be empty.
///
/// # Errors
/// [`LeaveError`]
pub fn leave(
    encounter: &Value,
    disposition: Disposition,
    at_ms: u64,
    cause: &str,
    follow_up: &str,
) -> Result<Value, LeaveError> {
    let stay = read_stay(encounter).ok_or(LeaveError::NotAStay)?;
    if stay.status == Status::Finished {
        return Err(LeaveError::Over);
    }
    if stay.start_ms.is_some_and(|start_ms| at_ms < start_ms) {
        return Err(LeaveError::BeforeStart);
    }
    let (cause, follow_up) = (paragraph(cause, CAUSE_CHARS_MAX)?, paragraph(follow_up, CAUSE_CHARS_MAX)?);
    if cause.is_some() && !disposition.is_death() {
        return Err(LeaveError::CauseWithoutDeath);
    }
    let mut made = edit(encounter, &Parts { place: None, location: None, ..stay.parts }, at_ms);
    set_status(&mut made, Status::Finished, at_ms);
    let mut period = made.get("period").filter(|period| period.is_object()).cloned().unwrap_or_else(|| json!({}));
    set(&mut period, "end", Some(time(at_ms)));
    set(&mut made, "period", Some(period));
    let mut hospitalization = made.get("hospitalization").cloned().unwrap_or_else(|| json!({}));
    let codings = json!({ "coding": [
        { "system": FHIR_SYSTEM, "code": disposition.fhir_code() },
        { "system": SYSTEM, "code": disposition.code() },
    ] });
    set(&mut hospitalization, "dischargeDisposition", Some(codings));
    set(&mut made, "hospitalization", Some(hospitalization));
    set_extension(&mut made, CAUSE, cause.map(|cause| ("valueString", cause.into())));
    set_extension(&mut made, FOLLOW_UP, follow_up.map(|text| ("valueString", text.into())));
    Ok(made)
}

/// Takes an end back that was recorded by mistake. The history keeps that it was recorded; where the patient lies has to
/// be said anew. What is not over stays as it is.
pub fn return_to_stay(encounter: &Value, at_ms: u64) -> Value {
    let mut made = encounter.clone();
    if read_stay(encounter).is_none_or(|stay| stay.status != Status::Finished) {
        return made;
    }
    set_status(&mut made, Status::InProgress, at_ms);
    if let Some(period) = made.get_mut("period") {
        set(period, "end", None);
    }
    if let Some(mut hospitalization) = made.get("hospitalization").cloned() {
        set(&mut hospitalization, "dischargeDisposition", None);
        let is_empty = hospitalization.as_object().is_some_and(serde_json::Map::is_empty);
        set(&mut made, "hospitalization", (!is_empty).then_some(hospitalization));
    }
    [CAUSE, FOLLOW_UP].iter().for_each(|url| set_extension(&mut made, url, None));
    made
}

pub(super) fn read(encounter: &Value) -> Option<Leaving> {
    if str_of(encounter, "status") != Some(Status::Finished.code()) {
        return None;
    }
    let concept = encounter.pointer("/hospitalization/dischargeDisposition");
    let ours = concept.and_then(|concept| Disposition::of_code(code_in(concept, SYSTEM)?));
    // Of those that share a code of FHIR the first is the plainest.
    let theirs = || {
        let code = code_in(concept?, FHIR_SYSTEM)?;
        Disposition::ALL.into_iter().find(|disposition| disposition.fhir_code() == code)
    };
    let end_ms = encounter.get("period").and_then(|period| ms_of(period, "end"));
    let last_ms = || list(encounter, "statusHistory").last().and_then(|last| ms_of(last.get("period")?, "end"));
    Some(Leaving {
        disposition: ours.or_else(theirs),
        at_ms: end_ms.or_else(last_ms),
        cause: extension_text(encounter, CAUSE),
        follow_up: extension_text(encounter, FOLLOW_UP),
    })
}

//! Walking donors: people who can be called to give, which in a siege is the real stock of blood.
//!
//! A donor is a Patient with a tag; their group is an Observation as a patient's is, and when they last gave stands in the
//! units they gave and in an Observation for what was given elsewhere.

use serde_json::{Value, json};

use super::{DAY_MS, Grouping, grouping, read_unit, rest_days};
use crate::outgoing::rfc3339;
use crate::shape::{CannotWrite, Stored, Writing, code_in, is_type, list, text, time_ms};

/// The system of [`DONOR_TAG`], and of the code of an Observation of a donation.
pub const DONOR_SYSTEM: &str = "urn:sanad:blood-donor";
/// The tag in `Patient.meta.tag` that makes a Patient a walking donor.
pub const DONOR_TAG: &str = "walking-donor";
const DONATED: &str = "last-donation";

/// A walking donor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Donor {
    /// The id of the Patient.
    pub id: String,
    /// Their group, or the conflict about it.
    pub group: Grouping,
    /// When they last gave, in milliseconds since 1970.
    pub last_donation_ms: Option<u64>,
    /// From when on they may give again; `None` if they never gave. By a table that nobody verified.
    pub may_give_from_ms: Option<u64>,
}

impl Donor {
    /// Whether the time of rest is over. What else speaks against it (illness, tests) is not known here.
    pub fn is_rested(&self, now_ms: u64) -> bool {
        self.may_give_from_ms.is_none_or(|from| from <= now_ms)
    }
}

/// The tag, to be put into `Patient.meta.tag`.
pub fn donor_tag() -> Value {
    json!({ "system": DONOR_SYSTEM, "code": DONOR_TAG })
}

/// Whether a Patient is a walking donor.
pub fn is_donor(patient: &Value) -> bool {
    let tags = patient.get("meta").map(|meta| list(meta, "tag")).unwrap_or_default();
    is_type(patient, "Patient")
        && tags.iter().any(|tag| text(tag, "system") == Some(DONOR_SYSTEM) && text(tag, "code") == Some(DONOR_TAG))
}

/// The Observation that a donor gave blood, for what has no unit here.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign.
pub fn donated(writing: &Writing<'_>, given_ms: u64) -> Result<Value, CannotWrite> {
    writing.check()?;
    let mut observation = json!({
        "resourceType": "Observation", "status": "final",
        "code": crate::shape::concept(DONOR_SYSTEM, DONATED, "Last blood donation"), "subject": writing.patient(),
        "effectiveDateTime": writing.at(), "valueDateTime": rfc3339(given_ms),
    });
    if let Some(who) = writing.who() {
        observation["performer"] = json!([who]);
    }
    Ok(observation)
}

/// When a donor last gave, by their Observations and the units that name them.
pub fn last_donation(patient: &str, observations: &[Stored<'_>], units: &[Stored<'_>]) -> Option<u64> {
    let told = observations.iter().filter_map(|record| {
        let resource = record.resource;
        let taken_back = matches!(text(resource, "status"), Some("entered-in-error" | "cancelled"));
        let is_one = is_type(resource, "Observation") && code_in(resource.get("code"), DONOR_SYSTEM) == Some(DONATED);
        (is_one && !taken_back).then(|| time_ms(resource.get("valueDateTime"))).flatten()
    });
    let units = units.iter().filter_map(|record| read_unit(*record));
    let taken = units.filter(|unit| unit.donor.as_deref() == Some(patient)).filter_map(|unit| unit.collected_ms);
    told.chain(taken).max()
}

/// Reads a walking donor from their Patient, their Observations and the units there are. `None` if they are none.
pub fn donor(patient: Stored<'_>, observations: &[Stored<'_>], units: &[Stored<'_>]) -> Option<Donor> {
    if !is_donor(patient.resource) {
        return None;
    }
    let last_donation_ms = last_donation(patient.id, observations, units);
    let rest_ms = u64::from(rest_days()) * DAY_MS;
    Some(Donor {
        id: patient.id.to_owned(),
        group: grouping(observations),
        last_donation_ms,
        may_give_from_ms: last_donation_ms.map(|last| last.saturating_add(rest_ms)),
    })
}

//! Vital signs as FHIR Observations.

use serde_json::{Value, json};

use super::{Avpu, ComaScale, Vital};
use crate::shape::{CannotWrite, LOINC, Writing, concept, quantity};
use crate::typed::Decimal;

/// LOINC: the blood pressure panel, whose components are systolic and diastolic.
pub const PANEL_CODE: &str = "85354-9";
/// The system of `A`, `V`, `P` and `U`.
pub const AVPU_SYSTEM: &str = "urn:sanad:avpu";
const CATEGORY_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
/// LOINC: the parts of the Glasgow coma scale.
const COMA_PARTS: [(&str, &str); 3] = [("9267-6", "Eye opening"), ("9270-0", "Verbal response"), ("9268-4", "Motor")];

/// The Observation of one value, in the unit of its row.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign; [`CannotWrite::WrongRecord`] for [`Vital::Avpu`], and for the two blood
/// pressures, which belong into one panel.
pub fn observation(writing: &Writing<'_>, vital: Vital, value: Decimal) -> Result<Value, CannotWrite> {
    if matches!(vital, Vital::Avpu | Vital::Systolic | Vital::Diastolic) {
        return Err(CannotWrite::WrongRecord);
    }
    let mut observation = draft(writing, code(vital)?)?;
    observation["valueQuantity"] = amount(vital, value)?;
    Ok(observation)
}

/// The panel of a blood pressure.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign.
pub fn pressure_observation(
    writing: &Writing<'_>,
    systolic: Decimal,
    diastolic: Decimal,
) -> Result<Value, CannotWrite> {
    let mut observation = draft(writing, concept(LOINC, PANEL_CODE, "Blood pressure"))?;
    let component = |vital, value| Ok(json!({ "code": code(vital)?, "valueQuantity": amount(vital, value)? }));
    let components = [component(Vital::Systolic, systolic)?, component(Vital::Diastolic, diastolic)?];
    observation["component"] = Value::from(components.to_vec());
    Ok(observation)
}

/// The Observation of a Glasgow coma scale: the sum, and its parts as components.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign.
pub fn coma_observation(writing: &Writing<'_>, scale: ComaScale) -> Result<Value, CannotWrite> {
    let mut observation = observation(writing, Vital::ComaScale, Decimal::whole(scale.total().into()))?;
    let (eye, verbal, motor) = scale.parts();
    let parts = COMA_PARTS
        .into_iter()
        .zip([eye, verbal, motor])
        .map(|((loinc, name), part)| json!({ "code": concept(LOINC, loinc, name), "valueInteger": part }));
    observation["component"] = parts.collect();
    Ok(observation)
}

/// The Observation of how awake somebody is.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign.
pub fn avpu_observation(writing: &Writing<'_>, step: Avpu) -> Result<Value, CannotWrite> {
    let mut observation = draft(writing, code(Vital::Avpu)?)?;
    let coding = json!([{ "system": AVPU_SYSTEM, "code": step.code() }]);
    observation["valueCodeableConcept"] = json!({ "coding": coding, "text": step.code() });
    Ok(observation)
}

pub(super) fn draft(writing: &Writing<'_>, code: Value) -> Result<Value, CannotWrite> {
    writing.check()?;
    let mut observation = json!({
        "resourceType": "Observation", "status": "final",
        "category": [{ "coding": [{ "system": CATEGORY_SYSTEM, "code": "vital-signs" }] }],
        "code": code, "subject": writing.patient(),
    });
    writing.add_encounter(&mut observation, "encounter");
    observation["effectiveDateTime"] = writing.at().into();
    if let Some(who) = writing.who() {
        observation["performer"] = json!([who]);
    }
    Ok(observation)
}

fn code(vital: Vital) -> Result<Value, CannotWrite> {
    let row = vital.row().ok_or(CannotWrite::WrongRecord)?;
    Ok(concept(LOINC, row.loinc, row.label.english))
}

fn amount(vital: Vital, value: Decimal) -> Result<Value, CannotWrite> {
    let row = vital.row().ok_or(CannotWrite::WrongRecord)?;
    // A score has no unit to be shown beside it.
    let unit = if row.ucum == "{score}" { "score" } else { row.unit };
    Ok(quantity(value, unit, row.ucum))
}

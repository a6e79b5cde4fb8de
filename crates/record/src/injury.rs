//! Injuries on a body: where, what kind, and what was seen, as a FHIR Condition.
//!
//! The regions are those of a body seen from the front and from the back, halved at the middle where the two sides differ.
//! Left and right are the patient's own. Kinds are those that a first look at the wounded tells apart
//! (ICRC, *War Surgery*, vol. 1: wounds, fractures, burns, blast, crush); neither list is a diagnosis.

use serde_json::{Value, json};

/// The system of regions.
pub const REGION_SYSTEM: &str = "urn:sanad:body-region";
/// The system of kinds of injury.
pub const KIND_SYSTEM: &str = "urn:sanad:injury";
/// The most that is written of one injury; a longer story is a note.
pub const NOTE_CHARS_MAX: usize = 500;

/// Every region's code, in the order from head to foot, first the front and then the back.
pub const REGIONS: [&str; 42] = [
    "head-front",
    "neck-front",
    "chest-right",
    "chest-left",
    "abdomen-right",
    "abdomen-left",
    "pelvis",
    "shoulder-right",
    "shoulder-left",
    "upper-arm-right",
    "upper-arm-left",
    "forearm-right",
    "forearm-left",
    "hand-right",
    "hand-left",
    "thigh-right",
    "thigh-left",
    "knee-right",
    "knee-left",
    "leg-right",
    "leg-left",
    "foot-right",
    "foot-left",
    "head-back",
    "neck-back",
    "upper-back-right",
    "upper-back-left",
    "lower-back-right",
    "lower-back-left",
    "buttock-right",
    "buttock-left",
    "upper-arm-back-right",
    "upper-arm-back-left",
    "forearm-back-right",
    "forearm-back-left",
    "hand-back-right",
    "hand-back-left",
    "thigh-back-right",
    "thigh-back-left",
    "calf-right",
    "calf-left",
    "whole-body",
];

/// Every kind's code.
pub const KINDS: [&str; 10] =
    ["wound", "penetrating", "bleeding", "fracture", "burn", "blast", "crush", "amputation", "dislocation", "other"];

/// One injury.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Injury {
    /// One of [`REGIONS`].
    pub region: &'static str,
    /// One of [`KINDS`].
    pub kind: &'static str,
    /// What was seen; may be empty.
    pub note: String,
}

/// Why this is no injury.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InjuryError {
    /// No such region.
    #[error("not a region of the body")]
    Region,
    /// No such kind.
    #[error("not a kind of injury")]
    Kind,
    /// The note is longer than [`NOTE_CHARS_MAX`].
    #[error("longer than {NOTE_CHARS_MAX} characters")]
    Note,
}

impl Injury {
    /// An injury from what a form says.
    ///
    /// # Errors
    /// [`InjuryError`].
    pub fn new(region: &str, kind: &str, note: &str) -> Result<Injury, InjuryError> {
        let region = REGIONS.into_iter().find(|known| *known == region).ok_or(InjuryError::Region)?;
        let kind = KINDS.into_iter().find(|known| *known == kind).ok_or(InjuryError::Kind)?;
        let note = note.trim();
        if note.chars().count() > NOTE_CHARS_MAX {
            return Err(InjuryError::Note);
        }
        Ok(Injury { region, kind, note: note.to_owned() })
    }

    /// The injury as a Condition. `recorded` is a FHIR dateTime, `by` the call sign of who saw it.
    pub fn condition(&self, id: &str, patient: &str, recorded: &str, by: Option<&str>) -> Value {
        let mut condition = json!({
            "resourceType": "Condition",
            "id": id,
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]},
            "category": [{"coding": [{"system": KIND_SYSTEM, "code": "injury"}]}],
            "code": {"coding": [{"system": KIND_SYSTEM, "code": self.kind}]},
            "bodySite": [{"coding": [{"system": REGION_SYSTEM, "code": self.region}]}],
            "subject": {"reference": format!("Patient/{patient}")},
            "recordedDate": recorded,
        });
        if let Some(by) = by {
            condition["asserter"] = json!({"display": by});
        }
        if !self.note.is_empty() {
            condition["note"] = json!([{"text": self.note}]);
        }
        condition
    }

    /// Reads an injury that stands; `None` for another Condition, one that was healed, and one entered in error.
    pub fn read(condition: &Value) -> Option<Injury> {
        let status = |element: &str| code_in(&condition[element], None);
        if condition["resourceType"] != "Condition"
            || matches!(status("verificationStatus"), Some("entered-in-error" | "refuted"))
            || matches!(status("clinicalStatus"), Some("resolved" | "inactive"))
        {
            return None;
        }
        let kind = code_in(&condition["code"], Some(KIND_SYSTEM))?;
        let region = condition["bodySite"].as_array()?.iter().find_map(|site| code_in(site, Some(REGION_SYSTEM)))?;
        let note = condition["note"][0]["text"].as_str().unwrap_or_default();
        let note: String = note.chars().take(NOTE_CHARS_MAX).collect();
        Injury::new(region, kind, &note).ok()
    }
}

/// The first code of a CodeableConcept, of a system if one is given.
fn code_in<'v>(concept: &'v Value, system: Option<&str>) -> Option<&'v str> {
    let codings = concept["coding"].as_array()?;
    let of_system = |coding: &&Value| system.is_none_or(|system| coding["system"] == system);
    codings.iter().find(of_system)?["code"].as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_and_kind_comes_back_from_its_condition() {
        for region in REGIONS {
            for kind in KINDS {
                let injury = Injury::new(region, kind, " <b>2 cm</b> ").unwrap();
                let condition = injury.condition("i", "p", "2018-03-01T12:00:00+02:00", Some("Heron"));
                assert_eq!(Injury::read(&condition), Some(injury));
                assert!(
                    crate::validate::validate(&crate::json::parse_object(condition.to_string().as_bytes()).unwrap())
                        .is_empty()
                );
            }
        }
        let mut codes = REGIONS.to_vec();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), REGIONS.len(), "no region twice");
    }

    #[test]
    fn what_is_no_injury_is_refused() {
        assert_eq!(Injury::new("tail", "wound", ""), Err(InjuryError::Region));
        assert_eq!(Injury::new("pelvis", "<script>", ""), Err(InjuryError::Kind));
        assert_eq!(Injury::new("pelvis", "wound", &"x".repeat(NOTE_CHARS_MAX + 1)), Err(InjuryError::Note));
        let mut condition = Injury::new("pelvis", "wound", "").unwrap().condition("i", "p", "2018-03-01", None);
        assert!(Injury::read(&condition).is_some());
        condition["verificationStatus"] = json!({"coding": [{"code": "entered-in-error"}]});
        assert_eq!(Injury::read(&condition), None);
        assert_eq!(Injury::read(&json!({"resourceType": "Condition", "code": {"text": "asthma"}})), None);
    }
}

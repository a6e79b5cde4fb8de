//! Whether a casualty has to be decontaminated, as a FHIR Flag: it stands on the board until somebody says it is done.

use serde_json::{Value, json};

use super::shape::{code_in, concept, id_in, is_a, ms_of, reference, staff, str_of, time};

/// The system of the codes.
pub const SYSTEM: &str = "urn:sanad:decontamination";
const NEEDED: &str = "needed";
const DONE: &str = "done";
/// FHIR's category of flags that say how to handle somebody safely.
const CATEGORY_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/flag-category";

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decontamination {
    /// The id of the Flag, empty if its bytes do not say it.
    pub id: String,
    /// The id of the Patient.
    pub patient: String,
    /// Since when it is needed, in milliseconds since 1970.
    pub needed_ms: u64,
    /// When it was done.
    pub done_ms: Option<u64>,
}

/// The Flag of somebody who has to be decontaminated.
pub fn needed(id: &str, patient: &str, at_ms: u64, by: &str) -> Value {
    json!({
        "resourceType": "Flag", "id": id, "status": "active",
        "category": [concept(CATEGORY_SYSTEM, "safety")], "code": concept(SYSTEM, NEEDED),
        "subject": reference("Patient", patient), "period": { "start": time(at_ms) }, "author": staff(by),
    })
}

/// The Flag, done. What is no such Flag, or was done already, stays as it is.
pub fn done(flag: &Value, at_ms: u64) -> Value {
    let mut made = flag.clone();
    if read(flag).is_some_and(|flag| flag.done_ms.is_none()) {
        made["status"] = "inactive".into();
        made["code"] = concept(SYSTEM, DONE);
        made["period"]["end"] = time(at_ms);
    }
    made
}

/// Reads what [`needed`] or [`done`] made. `None` if it is another Flag or names no patient or no time.
pub fn read(flag: &Value) -> Option<Decontamination> {
    let code = code_in(flag.get("code")?, SYSTEM).filter(|_| is_a(flag, "Flag"))?;
    let period = flag.get("period")?;
    let done_ms = match code {
        NEEDED => None,
        DONE => Some(ms_of(period, "end")?),
        _ => return None,
    };
    Some(Decontamination {
        id: str_of(flag, "id").unwrap_or_default().to_owned(),
        patient: id_in(flag.get("subject"), "Patient")?,
        needed_ms: ms_of(period, "start")?,
        done_ms,
    })
}

#[cfg(test)]
mod tests {
    use super::super::shape::tests::{assert_valid, hostile};
    use super::*;

    #[test]
    fn a_flag_round_trips_needed_and_done() {
        let made = needed("f1", "p1", 1_000, "Heron");
        assert_valid(&made);
        let wanted = Decontamination { id: "f1".to_owned(), patient: "p1".to_owned(), needed_ms: 1_000, done_ms: None };
        assert_eq!(read(&made), Some(wanted.clone()));
        let after = done(&made, 2_000);
        assert_valid(&after);
        assert_eq!(read(&after), Some(Decontamination { done_ms: Some(2_000), ..wanted }));
        assert_eq!(done(&after, 3_000), after);
    }

    #[test]
    fn another_flag_is_none_and_stays() {
        let mut other = needed("f1", "p1", 1_000, "Heron");
        other["code"] = concept("urn:x", "needed");
        for value in hostile().iter().chain([&other]) {
            assert_eq!(read(value), None);
            assert_eq!(done(value, 1), *value);
        }
    }
}

//! Parts of FHIR resources that are written and read in many places: codes, quantities, references, who and when.

use serde_json::{Map, Value, json};

use crate::ask::CALL_SIGN_SYSTEM;
use crate::key::is_legal_id;
use crate::outgoing::rfc3339;
use crate::time::span;
use crate::typed::Decimal;

/// System of units of measure.
pub const UCUM: &str = "http://unitsofmeasure.org";
/// System of LOINC codes.
pub const LOINC: &str = "http://loinc.org";
/// Longest free text that is written into a resource here, in characters: a sentence or two.
pub const TEXT_CHARS_MAX: usize = 500;

/// A resource and the id it is stored under; its bytes may say another, or none.
#[derive(Clone, Copy)]
pub struct Stored<'a> {
    /// The id.
    pub id: &'a str,
    /// What it says.
    pub resource: &'a Value,
}

/// For whom, in which encounter, by whom and when something is written.
#[derive(Clone, Copy)]
pub struct Writing<'a> {
    /// The id of the Patient.
    pub patient: &'a str,
    /// The id of the Encounter, if there is one.
    pub encounter: Option<&'a str>,
    /// Call sign of who did it.
    pub by: Option<&'a str>,
    /// When it was done, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Why something cannot be written. Carries nothing that was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CannotWrite {
    /// An id is none.
    #[error("not a legal FHIR id")]
    Id,
    /// A text is longer than [`TEXT_CHARS_MAX`].
    #[error("a text is too long")]
    TextTooLong,
    /// What has to be given is empty: a reason, a call sign.
    #[error("a text that is needed is empty")]
    TextMissing,
    /// A quantity is zero or no number.
    #[error("an amount of nothing")]
    Nothing,
    /// What is to be changed is of another type, or not in a state in which that can be.
    #[error("that cannot be done with this record")]
    WrongRecord,
}

impl Writing<'_> {
    /// Checks the ids and the call sign.
    ///
    /// # Errors
    /// [`CannotWrite::Id`], [`CannotWrite::TextTooLong`], [`CannotWrite::TextMissing`].
    pub(crate) fn check(&self) -> Result<(), CannotWrite> {
        checked_id(self.patient)?;
        self.encounter.map(checked_id).transpose()?;
        self.by.map(needed).transpose()?;
        Ok(())
    }

    pub(crate) fn patient(&self) -> Value {
        reference("Patient", self.patient)
    }

    pub(crate) fn at(&self) -> String {
        rfc3339(self.at_ms)
    }

    /// Adds the encounter under `name`, if there is one.
    pub(crate) fn add_encounter(&self, resource: &mut Value, name: &str) {
        if let Some(encounter) = self.encounter {
            resource[name] = reference("Encounter", encounter);
        }
    }

    /// Who did it, by call sign.
    pub(crate) fn who(&self) -> Option<Value> {
        self.by.map(|by| {
            let identifier = json!({ "system": CALL_SIGN_SYSTEM, "value": by });
            json!({ "type": "Practitioner", "identifier": identifier, "display": by })
        })
    }
}

pub(crate) fn checked_id(id: &str) -> Result<&str, CannotWrite> {
    if is_legal_id(id) { Ok(id) } else { Err(CannotWrite::Id) }
}

/// A text that may be left out: `None` if nothing but space was typed.
pub(crate) fn optional(text: Option<&str>) -> Result<Option<&str>, CannotWrite> {
    let text = text.map(str::trim).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().nth(TEXT_CHARS_MAX).is_some() => Err(CannotWrite::TextTooLong),
        text => Ok(text),
    }
}

/// A text that has to be there.
pub(crate) fn needed(text: &str) -> Result<&str, CannotWrite> {
    optional(Some(text))?.ok_or(CannotWrite::TextMissing)
}

pub(crate) fn reference(resource_type: &str, id: &str) -> Value {
    json!({ "reference": format!("{resource_type}/{id}") })
}

/// A CodeableConcept of one coding; its display is also its text.
pub(crate) fn concept(system: &str, code: &str, display: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code, "display": display }], "text": display })
}

pub(crate) fn quantity(value: Decimal, unit: &str, ucum: &str) -> Value {
    json!({ "value": value.to_json(), "unit": unit, "system": UCUM, "code": ucum })
}

pub(crate) fn extension(url: &str, name: &str, value: Value) -> Value {
    let mut extension = Map::new();
    extension.insert("url".to_owned(), url.into());
    extension.insert(name.to_owned(), value);
    Value::Object(extension)
}

// ---- Reading. What is not of FHIR's shape is not there. ----

pub(crate) fn is_type(resource: &Value, resource_type: &str) -> bool {
    text(resource, "resourceType") == Some(resource_type)
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name)?.as_str()
}

pub(crate) fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// System and code of every coding of a CodeableConcept.
pub(crate) fn codings(concept: &Value) -> impl Iterator<Item = (&str, &str)> {
    list(concept, "coding").iter().filter_map(|coding| Some((text(coding, "system")?, text(coding, "code")?)))
}

pub(crate) fn code_in<'a>(concept: Option<&'a Value>, system: &str) -> Option<&'a str> {
    codings(concept?).find(|(known, _)| *known == system).map(|(_, code)| code)
}

/// The id in a reference to a resource of that type, relative or absolute, with a version or without.
pub(crate) fn referred<'a>(reference: Option<&'a Value>, resource_type: &str) -> Option<&'a str> {
    let mut parts = text(reference?, "reference")?.split('/').skip_while(|part| *part != resource_type).skip(1);
    parts.next().filter(|id| is_legal_id(id))
}

/// The first extension with that URL.
pub(crate) fn extended<'a>(value: &'a Value, url: &str) -> Option<&'a Value> {
    list(value, "extension").iter().find(|extension| text(extension, "url") == Some(url))
}

/// When a FHIR date or time begins, in milliseconds since 1970.
pub(crate) fn time_ms(value: Option<&Value>) -> Option<u64> {
    u64::try_from(span(value?.as_str()?)?.from_ms).ok()
}

/// The value of a Quantity, if it is a plain one: `<5` is not five.
pub(crate) fn amount(quantity: &Value) -> Option<Decimal> {
    if quantity.get("comparator").is_some() {
        return None;
    }
    Decimal::of_json(quantity.get("value")?)
}

/// In tests: what is written here is valid FHIR R4.
#[cfg(test)]
pub(crate) fn assert_valid(resource: &Value) {
    let bytes = resource.to_string();
    let node = crate::json::parse_object(bytes.as_bytes()).expect("an object");
    let issues = crate::validate::validate(&node);
    let errors: Vec<_> = issues.iter().filter(|issue| issue.severity == crate::validate::Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:?} in {bytes}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_others_write_them() {
        let of = |text: &str| {
            let value = json!({ "reference": text });
            referred(Some(&value), "Patient").map(str::to_owned)
        };
        assert_eq!(of("Patient/a").as_deref(), Some("a"));
        assert_eq!(of("https://x.example/fhir/Patient/a/_history/3").as_deref(), Some("a"));
        assert_eq!(of("Patient/"), None);
        assert_eq!(of("Group/a"), None);
        assert_eq!(of("#a"), None);
        assert_eq!(of("Patient/<b>"), None);
    }

    #[test]
    fn what_cannot_be_written_is_said() {
        let writing = Writing { patient: "p", encounter: None, by: Some("Kestrel"), at_ms: 0 };
        assert_eq!(writing.check(), Ok(()));
        assert_eq!(Writing { patient: "a/b", ..writing }.check(), Err(CannotWrite::Id));
        assert_eq!(Writing { encounter: Some(""), ..writing }.check(), Err(CannotWrite::Id));
        assert_eq!(Writing { by: Some("  "), ..writing }.check(), Err(CannotWrite::TextMissing));
        assert_eq!(Writing { by: Some(&"x".repeat(501)), ..writing }.check(), Err(CannotWrite::TextTooLong));
    }

    #[test]
    fn a_bounded_value_is_no_amount() {
        assert_eq!(amount(&json!({ "value": 5 })), Some(Decimal::whole(5)));
        assert_eq!(amount(&json!({ "value": 5, "comparator": "<" })), None);
    }
}

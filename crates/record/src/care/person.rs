//! Who somebody is, as little as is known: the parts of a person as a form has them, and the Patient they stand in.
//!
//! Source of the parts: standards §10. Where they stand: own name, father's and grandfather's in `HumanName.given` in this
//! order, as [`crate::names`] and [`crate::matching`] read them; the everyday name (kunya) as a HumanName with use
//! `nickname`; the mother's name in FHIR's extension for it; the tag as an identifier with use `temp`, since tags are
//! used again. A father's or grandfather's name without the one before it stands in an extension: in `given` it would be
//! taken for another's.

mod birth;
mod name;

use serde_json::{Value, json};

use super::input::{InputError, line};
use super::shape::{
    extension, extension_text, is_a, list, reference, set, set_extension, set_list, str_of, text_of, time,
};
use crate::ask::TAG_BYTES_MAX;
pub use birth::Birth;

/// The system of tag numbers.
pub const TAG_SYSTEM: &str = "urn:sanad:tag";
/// Longest part of a name, in letters.
pub const NAME_CHARS_MAX: usize = 100;

const UNIDENTIFIED: &str = "urn:sanad:unidentified";
const MOTHER: &str = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName";

/// `Patient.gender`
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sex {
    /// Male.
    Male,
    /// Female.
    Female,
    /// Neither.
    Other,
    /// Looked for and not known.
    Unknown,
}

impl Sex {
    /// All of them.
    pub const ALL: [Sex; 4] = [Sex::Male, Sex::Female, Sex::Other, Sex::Unknown];

    /// FHIR's code (administrative-gender).
    pub fn code(self) -> &'static str {
        match self {
            Sex::Male => "male",
            Sex::Female => "female",
            Sex::Other => "other",
            Sex::Unknown => "unknown",
        }
    }

    /// The sex of this code.
    pub fn of_code(code: &str) -> Option<Sex> {
        Sex::ALL.into_iter().find(|sex| sex.code() == code)
    }
}

/// The parts of a person, each of which may be unknown. Its `Debug` shows none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PersonParts {
    /// The number on the tag that is worn now.
    pub tag: Option<String>,
    /// The everyday name (kunya, Abu X) or any other that somebody is called by.
    pub call_name: Option<String>,
    /// Own name.
    pub given: Option<String>,
    /// The father's own name.
    pub father: Option<String>,
    /// The grandfather's own name.
    pub grandfather: Option<String>,
    /// The family's name.
    pub family: Option<String>,
    /// The mother's name.
    pub mother: Option<String>,
    /// Sex.
    pub sex: Option<Sex>,
    /// When born, as exactly as it is known.
    pub birth: Option<Birth>,
    /// Whether nobody knows yet who this is.
    pub unidentified: bool,
}

impl std::fmt::Debug for PersonParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonParts(..)")
    }
}

/// A part of a form, to say where an error belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// [`PersonParts::tag`]
    Tag,
    /// [`PersonParts::call_name`]
    CallName,
    /// [`PersonParts::given`]
    Given,
    /// [`PersonParts::father`]
    Father,
    /// [`PersonParts::grandfather`]
    Grandfather,
    /// [`PersonParts::family`]
    Family,
    /// [`PersonParts::mother`]
    Mother,
}

impl PersonParts {
    /// The texts as they are kept: trimmed, an empty one unknown.
    ///
    /// # Errors
    /// Every field with something wrong, and what.
    pub fn checked(mut self) -> Result<PersonParts, Vec<(Field, InputError)>> {
        let mut wrong = Vec::new();
        let fields = [
            (Field::Tag, &mut self.tag),
            (Field::CallName, &mut self.call_name),
            (Field::Given, &mut self.given),
            (Field::Father, &mut self.father),
            (Field::Grandfather, &mut self.grandfather),
            (Field::Family, &mut self.family),
            (Field::Mother, &mut self.mother),
        ];
        for (field, part) in fields {
            match line(part.as_deref().unwrap_or_default(), NAME_CHARS_MAX) {
                Ok(Some(tag)) if field == Field::Tag && tag.len() > TAG_BYTES_MAX => {
                    wrong.push((field, InputError::TooLong { most: TAG_BYTES_MAX }));
                }
                Ok(kept) => *part = kept,
                Err(error) => wrong.push((field, error)),
            }
        }
        if wrong.is_empty() { Ok(self) } else { Err(wrong) }
    }
}

/// A new Patient. The parts have been [`PersonParts::checked`].
pub fn patient(id: &str, parts: &PersonParts, at_ms: u64) -> Value {
    let bare = json!({ "resourceType": "Patient", "id": id, "active": true });
    edit(&bare, parts, at_ms)
}

/// Reads the parts out of any Patient. What stands in forms that are not known here is unknown; [`edit`] keeps it.
pub fn read(patient: &Value) -> Option<PersonParts> {
    if !is_a(patient, "Patient") {
        return None;
    }
    let name = name::read(patient);
    Some(PersonParts {
        tag: current_tag(patient).and_then(|tag| text_of(tag, "value")),
        call_name: name::read_call_name(patient),
        given: name.given,
        father: name.father,
        grandfather: name.grandfather,
        family: name.family,
        mother: extension_text(patient, MOTHER),
        sex: str_of(patient, "gender").and_then(Sex::of_code),
        birth: birth::read(patient),
        unidentified: extension(patient, UNIDENTIFIED).and_then(|flag| flag.get("valueBoolean")?.as_bool())
            == Some(true),
    })
}

/// A Patient with these parts: only what differs from what [`read`] gives is touched, everything else stays.
///
/// A tag that is taken off keeps its number with an end, so that it is found by it. What is no Patient stays as it is.
pub fn edit(patient: &Value, parts: &PersonParts, at_ms: u64) -> Value {
    let mut made = patient.clone();
    let Some(before) = read(patient) else { return made };
    if before.tag != parts.tag {
        set_tag(&mut made, parts.tag.as_deref(), at_ms);
    }
    name::edit(&mut made, &before, parts);
    if before.sex != parts.sex {
        set(&mut made, "gender", parts.sex.map(|sex| sex.code().into()));
    }
    if before.birth != parts.birth {
        birth::set(&mut made, parts.birth.as_ref());
    }
    if before.mother != parts.mother {
        set_extension(&mut made, MOTHER, parts.mother.as_deref().map(|mother| ("valueString", mother.into())));
    }
    if before.unidentified != parts.unidentified {
        set_extension(&mut made, UNIDENTIFIED, parts.unidentified.then(|| ("valueBoolean", true.into())));
    }
    made
}

/// The Patient, dead at this time. A time that was recorded before gives way to it.
pub fn died(patient: &Value, at_ms: u64) -> Value {
    let mut made = patient.clone();
    if is_a(patient, "Patient") {
        set(&mut made, "deceasedBoolean", None);
        set(&mut made, "deceasedDateTime", Some(time(at_ms)));
    }
    made
}

/// The Patient, not dead after all.
pub fn lives(patient: &Value) -> Value {
    let mut made = patient.clone();
    if is_a(patient, "Patient") {
        ["deceasedBoolean", "deceasedDateTime"].iter().for_each(|member| set(&mut made, member, None));
    }
    made
}

/// A reference to the Patient.
pub fn reference_to(id: &str) -> Value {
    reference("Patient", id)
}

fn current_tag(patient: &Value) -> Option<&Value> {
    let worn = |tag: &&Value| str_of(tag, "system") == Some(TAG_SYSTEM) && tag.pointer("/period/end").is_none();
    list(patient, "identifier").iter().rev().find(worn)
}

fn set_tag(patient: &mut Value, tag: Option<&str>, at_ms: u64) {
    let mut all = list(patient, "identifier").to_vec();
    for worn in all.iter_mut().filter(|tag| str_of(tag, "system") == Some(TAG_SYSTEM)) {
        if worn.pointer("/period/end").is_none() {
            let start = worn.pointer("/period/start").cloned();
            set(worn, "period", Some(json!({ "end": time(at_ms) })));
            if let Some(start) = start {
                worn["period"] = json!({ "start": start, "end": time(at_ms) });
            }
        }
    }
    if let Some(tag) = tag {
        all.push(json!({ "use": "temp", "system": TAG_SYSTEM, "value": tag }));
    }
    set_list(patient, "identifier", all);
}

#[cfg(test)]
mod tests;

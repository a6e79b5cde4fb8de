//! FHIR resources in plain words: who a patient is, what a resource says in one line, and all of it as a list.
//!
//! Reads the raw bytes as they are kept, so that a number shows with the digits somebody wrote (`72.50`).
//! Never fails: what is not understood is shown as it is or left out, and the raw text is one tap away.

mod describe;
mod line;
mod value;
mod who;

pub(crate) use describe::{Field, describe, lay_out};
pub(crate) use line::{Line, line};
pub(crate) use value::{element_name, short};
pub(crate) use who::{Who, who};

/// The name of a resource type in the reader's language, or as FHIR spells it.
pub(crate) fn type_name(voice: &crate::text::Voice, resource_type: &str) -> String {
    voice.known(&format!("type-{resource_type}")).unwrap_or_else(|| value::spaced(resource_type))
}

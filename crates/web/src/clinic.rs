//! The clinic's screens: from the board to discharge. Every one reads the record as FHIR resources and writes them through
//! [`write::Writing`]; what the resources look like is said by `sanad_record`, what the screens say by the voices.

pub(crate) mod board;
pub(crate) mod body;
pub(crate) mod forms;
pub(crate) mod photo;
pub(crate) mod plot;
pub(crate) mod record;
pub(crate) mod sheet;
pub(crate) mod walk;
pub(crate) mod write;

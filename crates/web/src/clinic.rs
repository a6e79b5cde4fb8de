//! The clinic's screens: from the board to discharge. Every one reads the record as FHIR resources and writes them through
//! [`write::Writing`]; what the resources look like is said by `sanad_record`, what the screens say by the voices.

pub(crate) mod after;
pub(crate) mod amend;
pub(crate) mod bedside;
pub(crate) mod board;
pub(crate) mod board_page;
pub(crate) mod body;
pub(crate) mod capacity;
pub(crate) mod casualty;
pub(crate) mod consult;
pub(crate) mod due;
pub(crate) mod forms;
pub(crate) mod identity;
pub(crate) mod injuries;
pub(crate) mod likeness;
pub(crate) mod medicines;
pub(crate) mod notes;
pub(crate) mod paper;
pub(crate) mod person;
pub(crate) mod photo;
pub(crate) mod photos;
pub(crate) mod plot;
pub(crate) mod prescribe;
pub(crate) mod record;
pub(crate) mod registration;
pub(crate) mod same;
pub(crate) mod scan;
pub(crate) mod sheet;
pub(crate) mod summary;
pub(crate) mod transfers;
pub(crate) mod upload;
pub(crate) mod vitals;
pub(crate) mod walk;
pub(crate) mod write;

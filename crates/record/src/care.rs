//! The FHIR shapes that the clinic's pages write and read: a person, a stay, an event, a transfer, and what is typed.
//!
//! # What this module promises
//! - What a page did not change stays: an edit touches only the parts whose values differ from what was read, and
//!   [`rewrite`] puts the rest into the new bytes as it stood. Tests: `person::tests::an_edit_changes_only_what_the_form_changed`,
//!   `rewrite::tests::what_is_the_same_keeps_its_bytes`.
//! - What was written is read back the same, and is valid FHIR R4. Tests:
//!   `person::tests::any_parts_round_trip_and_any_edit_says_what_was_wanted`,
//!   `stay::tests::every_way_to_leave_round_trips_frees_the_bed_and_can_be_taken_back`,
//!   `transfer::tests::a_transfer_round_trips_in_every_state`.
//! - Whatever is typed or was written by others leads to a value, a typed error or `None`, never to a panic; no error
//!   shows what was typed.
//! - Nothing is demanded: each part of a person may be unknown.
//!
//! Ids and times are arguments. Where FHIR has no element for something, an extension under `urn:sanad:` has it.

pub mod bed;
pub mod board;
pub mod capacity;
pub mod decontamination;
pub mod event;
pub mod input;
pub mod person;
mod rewrite;
pub(crate) mod shape;
pub mod stay;
pub mod transfer;

pub use rewrite::rewrite;

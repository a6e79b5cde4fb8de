//! The store of one site: its log, its vault, and what the records say now.
//!
//! Promises, each with tests of its name:
//! - **Acknowledged is durable.** What [`Store::commit`] returned for is on the disk; what it refused left no trace.
//! - **Locked means nothing.** Nothing readable is written outside the encrypted database; the vault opens only with a
//!   passphrase.
//! - **The log is the truth.** Everything else can be made again from it, bit for bit.
//! - **One bad entry stops nothing.** It is named, and every other is served.
//!
//! [`Folder`] takes hold of a folder and opens it to a [`Store`], the only writer; [`Store::reader`] gives any number of
//! threads a [`Reader`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod append;
mod backlog;
mod carried;
mod changes;
mod check;
mod damage;
mod db;
mod digest;
mod error;
mod find;
mod folder;
mod gauge;
mod index;
mod inspect;
mod load;
mod moment;
mod patients;
mod people;
mod project;
mod quarantine;
mod reader;
mod repair;
mod resources;
mod schema;
mod search;
mod secrets;
mod state;
mod store;
mod tally;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod trace;
mod vault;

pub use append::{Appended, Batch, EntryState, Incoming};
pub use backlog::BacklogOpened;
pub use changes::{Changes, Concern, Place};
pub use check::{Check, Damage, Report, Stage};
pub use damage::Lost;
pub use error::StoreError;
pub use find::{Found, HistoryPage, HistoryRow, HistoryWanted, STEPS_MAX};
pub use folder::{Folder, WRONG_PASSPHRASE_DELAY};
pub use gauge::{Counts, Sums};
pub use load::{ControlLane, EntryRef};
pub use moment::{MomentPage, MomentWanted, Whose};
pub use patients::{PATIENT_RESOURCES_MAX, PatientPage, PatientRow};
pub use quarantine::{
    Apart, Came, Kept, QUARANTINE_BYTES_MAX, QUARANTINE_BYTES_OF_SOURCE_MAX, QUARANTINE_LISTED_MAX, QUARANTINE_MAX,
    QUARANTINE_OF_SOURCE_MAX, Quarantined, Reason, Source,
};
pub use reader::Reader;
pub use repair::Repaired;
pub use resources::{ConflictRow, PAGE_ROWS_MAX, Page, Resource, ResourceRow, VersionRow};
pub use secrets::Secrets;
pub use state::{STATE_KEY_BYTES_MAX, STATE_VALUE_BYTES_MAX, StateChange};
pub use store::Store;
pub use trace::{FOUND_MAX, LaneSums};
pub use vault::{KdfCost, SLOTS_MAX};

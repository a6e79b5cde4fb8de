//! Reading from any thread while the writer appends.
//!
//! Each call sees one moment of the store: everything committed before it began, nothing committed after. A damaged page
//! costs the call that met it and no other.

use crate::append::EntryState;
use crate::db::{Files, Role};
use crate::error::StoreError;
use crate::gauge::{self, Counts, Sums};
use crate::load::{self, EntryRef};
use crate::patients::{self, PatientPage, PatientRow};
use crate::resources::{self, ConflictRow, Page, Resource, VersionRow};
use crate::search;
use crate::state::{self, Refused};
use rusqlite::Connection;
use sanad_log::chain::Span;
use sanad_log::entry::Entry;
use sanad_log::frontier::Range;
use sanad_log::ids::{LogId, ScopeTag, Seq};
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Idle connections kept. More callers at once open their own and close them again.
const IDLE_MAX: usize = 4;

/// Something to read with. Clones share their connections.
#[derive(Clone)]
pub struct Reader {
    files: Files,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Reader {
    pub(crate) fn new(files: Files) -> Result<Reader, StoreError> {
        let reader = Reader { files, idle: Arc::default() };
        // The first caller finds a connection that is already open.
        reader.with(|_| Ok(()))?;
        Ok(reader)
    }

    /// Runs on a connection, in one read transaction. The connection is used again only if nothing went wrong on it:
    /// SQLCipher refuses everything on a connection that has met a damaged page.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut db = match idle {
            Some(db) => db,
            None => self.files.connect(Role::Reader)?,
        };
        let tx = db.transaction()?;
        let result = read(&tx);
        drop(tx);
        if result.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_MAX {
                idle.push(db);
            }
        }
        result
    }

    /// What the store holds, in numbers.
    ///
    /// # Errors
    /// Input/output, as everywhere below; a damaged page.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        self.with(gauge::counts)
    }

    /// Entries and records in some ranges.
    ///
    /// # Errors
    /// Input/output.
    pub fn records_in(&self, ranges: &[Range]) -> Result<Sums, StoreError> {
        self.with(|db| gauge::records_in(db, ranges))
    }

    /// Entries and records of some scopes in some ranges.
    ///
    /// # Errors
    /// Input/output.
    pub fn records_in_scopes(&self, ranges: &[Range], scopes: &BTreeSet<ScopeTag>) -> Result<Sums, StoreError> {
        self.with(|db| gauge::records_in_scopes(db, ranges, scopes))
    }

    /// Patients, merged-away ones under their survivor. With a query: those whose name (in Arabic or Latin letters), id or
    /// identifier matches, best first. Without: newest first.
    ///
    /// # Errors
    /// Input/output.
    pub fn patients(&self, query: Option<&str>, page: Page) -> Result<Vec<PatientRow>, StoreError> {
        self.with(|db| match query.map(str::trim).filter(|query| !query.is_empty()) {
            Some(query) => search::patients(db, query, page),
            None => patients::newest(db, page),
        })
    }

    /// One patient with everything about them, under whichever id of the merge class it is asked for.
    ///
    /// # Errors
    /// Input/output.
    pub fn patient(&self, id: &str) -> Result<Option<PatientPage>, StoreError> {
        self.with(|db| patients::page_of(db, id))
    }

    /// What a resource says now; `None` if it is not known here.
    ///
    /// # Errors
    /// Input/output.
    pub fn resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.with(|db| resources::resource(db, key))
    }

    /// The versions of a resource, newest first by their authors' clocks.
    ///
    /// # Errors
    /// Input/output.
    pub fn versions(&self, key: &ResourceKey) -> Result<Vec<VersionRow>, StoreError> {
        self.with(|db| resources::versions(db, key))
    }

    /// The bytes of one version of a resource; empty for a delete, `None` if it is not known here.
    ///
    /// # Errors
    /// Input/output.
    pub fn version_raw(&self, key: &ResourceKey, id: &VersionId) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|db| resources::version_raw(db, key, id))
    }

    /// What waits for a clinician, by resource.
    ///
    /// # Errors
    /// Input/output.
    pub fn conflicts(&self, page: Page) -> Result<Vec<ConflictRow>, StoreError> {
        self.with(|db| resources::conflicts(db, page))
    }

    /// The current heads of a resource, sorted; empty if it is not known.
    ///
    /// # Errors
    /// Input/output.
    pub fn heads(&self, key: &ResourceKey) -> Result<Vec<VersionId>, StoreError> {
        self.with(|db| resources::heads(db, key))
    }

    /// The charts that records of this patient stand in, sorted.
    ///
    /// # Errors
    /// Input/output.
    pub fn scopes_of_patient(&self, id: &str) -> Result<Vec<ScopeTag>, StoreError> {
        self.with(|db| resources::scopes_of_patient(db, id))
    }

    /// The entry that carries this idempotency key; if several sites saved under one key, the first by log and place.
    ///
    /// # Errors
    /// Input/output.
    pub fn entry_by_idempotency(&self, key: &[u8; 16]) -> Result<Option<EntryRef>, StoreError> {
        self.with(|db| load::entry_by_idempotency(db, key))
    }

    /// Calls `visit` with every resource that is not deleted, by type and id, one in memory at a time; stops when it
    /// returns false. All of it is one moment of the store, however long it takes.
    ///
    /// # Errors
    /// Input/output.
    pub fn each_resource(&self, mut visit: impl FnMut(Resource) -> bool) -> Result<(), StoreError> {
        self.with(|db| resources::each_resource(db, &mut visit))
    }

    /// Calls `visit` with every entry of a scope, log by log; a damaged one by its place.
    ///
    /// # Errors
    /// Input/output.
    pub fn each_entry_of_scope(
        &self,
        scope: &ScopeTag,
        mut visit: impl FnMut(Result<Entry, (LogId, Seq)>),
    ) -> Result<(), StoreError> {
        self.with(|db| load::each_entry_of_scope(db, scope, &mut visit))
    }

    /// Consecutive entries from the start of a range; see [`crate::Store::load`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if the first place is damaged. Input/output.
    pub fn load(&self, range: Range, bytes_max: usize) -> Result<Vec<Entry>, StoreError> {
        load::shortened(range, |range| self.with(|db| load::load(db, range, bytes_max)))
    }

    /// Where the entries of some scopes stand, log by log.
    ///
    /// # Errors
    /// Input/output.
    pub fn places_of_scopes(&self, scopes: &BTreeSet<ScopeTag>) -> Result<Vec<Range>, StoreError> {
        self.with(|db| load::places_of_scopes(db, scopes))
    }

    /// What is held, as [`crate::Store::spans`].
    ///
    /// # Errors
    /// Input/output.
    pub fn spans(&self) -> Result<Vec<Span>, StoreError> {
        self.with(load::spans)
    }

    /// Entries that opened wrongly or hold no save: kept, passed over, listed here.
    ///
    /// # Errors
    /// Input/output.
    pub fn unreadable(&self, limit: u32) -> Result<Vec<(LogId, Seq, EntryState)>, StoreError> {
        self.with(|db| load::unreadable(db, limit))
    }

    /// What was refused and kept as evidence.
    ///
    /// # Errors
    /// Input/output.
    pub fn refused(&self) -> Result<Vec<Refused>, StoreError> {
        self.with(state::refused)
    }

    /// One of the node's own values.
    ///
    /// # Errors
    /// Input/output.
    pub fn get_state(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.with(|db| state::get_state(db, key))
    }

    /// The node's own values whose name begins with `prefix`.
    ///
    /// # Errors
    /// Input/output.
    pub fn list_state(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.with(|db| state::list_state(db, prefix))
    }
}

//! Reading from any thread while the writer appends.
//!
//! Each call sees one moment of the store: everything committed before it began, nothing committed after. A damaged page
//! costs the call that met it and no other.

use crate::append::EntryState;
use crate::carried;
use crate::changes::{self, Changes, Concern, Place};
use crate::damage::Lost;
use crate::db::{Files, Role};
use crate::error::StoreError;
use crate::find::{self, Found, HistoryPage, HistoryWanted};
use crate::gauge::{self, Counts, Sums};
use crate::load::{self, EntryRef};
use crate::moment::{self, MomentPage, MomentWanted};
use crate::patients::{self, PatientPage, PatientRow};
use crate::quarantine::{self, Kept, Quarantined};
use crate::resources::{self, ConflictRow, Page, Resource, VersionRow};
use crate::search;
use crate::state;
use crate::trace::{self, LaneSums};
use rusqlite::Connection;
use sanad_log::chain::Span;
use sanad_log::entry::{Entry, Header};
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, EntryId, LogId, ScopeTag, Seq};
use sanad_record::key::ResourceKey;
use sanad_record::search::Query;
use sanad_record::version::VersionId;
use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

/// Idle connections kept. More callers at once open their own and close them again.
const IDLE_MAX: usize = 4;

/// Something to read with. Clones share their connections.
#[derive(Clone)]
pub struct Reader {
    files: Files,
}

impl Reader {
    pub(crate) fn new(files: Files) -> Result<Reader, StoreError> {
        let reader = Reader { files };
        // The first caller finds a connection that is already open.
        reader.with(|_| Ok(()))?;
        Ok(reader)
    }

    /// Runs on a connection, in one read transaction. The connection is used again only if nothing went wrong on it:
    /// SQLCipher refuses everything on a connection that has met a damaged page. `read` must not come back here: a database
    /// that is being made anew waits for whoever reads, and whoever comes then waits for it.
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let readers = &self.files.readers;
        let _gate = readers.gate.read().unwrap_or_else(PoisonError::into_inner);
        let idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut db = match idle {
            Some(db) => db,
            None => self.files.connect(Role::Reader)?,
        };
        let tx = db.transaction()?;
        let result = read(&tx);
        drop(tx);
        if matches!(result, Err(StoreError::DamagedFile)) {
            readers.met_damage.store(true, Ordering::Relaxed);
        }
        if result.is_ok() {
            let mut idle = readers.idle.lock().unwrap_or_else(PoisonError::into_inner);
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

    /// Entries and records in some ranges, lane by lane.
    ///
    /// # Errors
    /// Input/output.
    pub fn records_by_lane(&self, ranges: &[Range]) -> Result<LaneSums, StoreError> {
        self.with(|db| trace::records_by_lane(db, ranges))
    }

    /// Entries and records of some scopes in some ranges, lane by lane.
    ///
    /// # Errors
    /// Input/output.
    pub fn records_in_scopes_by_lane(
        &self,
        ranges: &[Range],
        scopes: &BTreeSet<ScopeTag>,
    ) -> Result<LaneSums, StoreError> {
        self.with(|db| trace::records_in_scopes_by_lane(db, ranges, scopes))
    }

    /// The places of everything in some charts; control entries, which belong to no chart, are left out.
    ///
    /// # Errors
    /// Input/output.
    pub fn places_of_scopes(&self, scopes: &BTreeSet<ScopeTag>) -> Result<Frontier, StoreError> {
        self.with(|db| trace::places_of_scopes(db, scopes))
    }

    /// The header at a place; `None` if the place is not held.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; input/output.
    pub fn header(&self, log: LogId, seq: Seq) -> Result<Option<Header>, StoreError> {
        self.with(|db| trace::header(db, log, seq))
    }

    /// Entries whose id begins with these hexadecimal digits (lower case), at most [`crate::FOUND_MAX`]. Reads every header.
    ///
    /// # Errors
    /// Input/output.
    pub fn entries_by_id(&self, digits: &str) -> Result<Vec<(LogId, Seq, EntryId)>, StoreError> {
        self.with(|db| trace::entries_by_id(db, digits))
    }

    /// Authors of entries held here whose key begins with these hexadecimal digits (lower case), in ascending order.
    ///
    /// # Errors
    /// Input/output.
    pub fn authors_by_key(&self, digits: &str) -> Result<Vec<DeviceId>, StoreError> {
        self.with(|db| trace::authors_by_key(db, digits))
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

    /// A page of a search.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`], [`StoreError::BadCursor`]; input/output.
    pub fn find(&self, query: &Query) -> Result<Found, StoreError> {
        self.with(|db| find::find(db, query, None))
    }

    /// A page of those among the matches that pass a test, which is asked of each resource. Counts no total.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn find_where(&self, query: &Query, passes: &dyn Fn(&Resource) -> bool) -> Result<Found, StoreError> {
        self.with(|db| find::find(db, query, Some(passes)))
    }

    /// Versions of all resources, newest first by their authors' clocks.
    ///
    /// # Errors
    /// As [`Reader::find`].
    pub fn history(&self, wanted: &HistoryWanted) -> Result<HistoryPage, StoreError> {
        self.with(|db| find::history(db, wanted))
    }

    /// A stamp that nothing saved here from now on has, and nothing that is here exceeds: a moment for
    /// [`MomentWanted::stamp`].
    ///
    /// # Errors
    /// Input/output.
    pub fn newest_stamp(&self) -> Result<u64, StoreError> {
        self.with(moment::newest_stamp)
    }

    /// A page of the ids of what there was at a moment.
    ///
    /// # Errors
    /// Input/output.
    pub fn ids_then(&self, wanted: &MomentWanted) -> Result<MomentPage<String>, StoreError> {
        self.with(|db| moment::ids(db, wanted))
    }

    /// A page of what there was at a moment: at most `count` resources, and no more once they have `bytes_max` bytes.
    ///
    /// # Errors
    /// Input/output.
    pub fn resources_then(
        &self,
        wanted: &MomentWanted,
        count: usize,
        bytes_max: usize,
    ) -> Result<MomentPage<Resource>, StoreError> {
        self.with(|db| moment::resources(db, wanted, count, bytes_max))
    }

    /// What was saved or came here after a place, in that order.
    ///
    /// # Errors
    /// Input/output.
    pub fn changes_after(&self, place: Place, limit: u32) -> Result<Changes, StoreError> {
        self.with(|db| changes::after(db, place, limit))
    }

    /// Whether something that this is about was saved or came here after a place.
    ///
    /// # Errors
    /// Input/output.
    pub fn has_changed(&self, place: Place, concern: &Concern) -> Result<bool, StoreError> {
        self.with(|db| changes::touch(db, place, concern))
    }

    /// The place behind everything that is known here by now.
    ///
    /// # Errors
    /// Input/output.
    pub fn changes_end(&self) -> Result<Place, StoreError> {
        self.with(changes::end)
    }

    /// The resources of a type that are about no patient, newest first: what the network says to itself.
    ///
    /// # Errors
    /// Input/output.
    pub fn about_nobody(&self, resource_type: &str, limit: u32) -> Result<Vec<ResourceKey>, StoreError> {
        self.with(|db| resources::about_nobody(db, resource_type, limit))
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

    /// How many entries of these charts are held and sealed here.
    ///
    /// # Errors
    /// Input/output.
    pub fn sealed_in(&self, scopes: &BTreeSet<ScopeTag>) -> Result<u64, StoreError> {
        self.with(|db| gauge::sealed_in(db, scopes))
    }

    /// All ids of one person: the patient's own, and those of the patients that were merged with it. Sorted.
    ///
    /// # Errors
    /// Input/output.
    pub fn ids_of_person(&self, patient: &str) -> Result<Vec<String>, StoreError> {
        self.with(|db| patients::ids_of_person(db, patient))
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

    /// As [`Reader::each_resource`], for a database with damage: one call a resource, each its own moment. `visit` is told
    /// the key of one that cannot be read. Returns false if there may be resources that not even a key is left of.
    ///
    /// # Errors
    /// Input/output.
    pub fn each_resource_around(
        &self,
        mut visit: impl FnMut(Result<Resource, ResourceKey>) -> bool,
    ) -> Result<bool, StoreError> {
        let mut keys = BTreeSet::new();
        // Along the index and along the table, from either end: one damaged page hides nothing from all four.
        let mut whole = false;
        for order in ["type, id", "type DESC, id DESC", "n", "n DESC"] {
            let _gate = self.files.readers.gate.read().unwrap_or_else(PoisonError::into_inner);
            // On a connection that is not used again: it may have met the damage.
            whole |= resources::keys(&self.files.connect(Role::Reader)?, order, &mut keys)?;
        }
        for key in keys {
            let next = match self.resource(&key) {
                Ok(Some(resource)) => Ok(resource),
                Ok(None) => continue,
                Err(StoreError::DamagedFile) => Err(key),
                Err(error) => return Err(error),
            };
            if !visit(next) {
                break;
            }
        }
        Ok(whole)
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

    /// What is held, as [`crate::Store::spans`].
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an end of a piece cannot be read and the writer has not met it yet. Input/output.
    pub fn spans(&self) -> Result<Vec<Span>, StoreError> {
        self.with(|db| load::spans(db, &Lost::read(db)?))
    }

    /// What was here and cannot be read any more, as [`crate::Store::lost`].
    ///
    /// # Errors
    /// Input/output.
    pub fn lost(&self) -> Result<Lost, StoreError> {
        self.with(Lost::read)
    }

    /// Entries that opened wrongly or hold no save: kept, passed over, listed here.
    ///
    /// # Errors
    /// Input/output.
    pub fn unreadable(&self, limit: u32) -> Result<Vec<(LogId, Seq, EntryState)>, StoreError> {
        self.with(|db| load::unreadable(db, limit))
    }

    /// What is kept apart after a number, in the order in which it came; at most [`crate::QUARANTINE_LISTED_MAX`].
    ///
    /// # Errors
    /// Input/output.
    pub fn quarantine(&self, after: u64, limit: u32) -> Result<Vec<Quarantined>, StoreError> {
        self.with(|db| quarantine::list(db, after, limit))
    }

    /// What came last of it, newest first.
    ///
    /// # Errors
    /// Input/output.
    pub fn quarantine_newest(&self, page: Page) -> Result<Vec<Quarantined>, StoreError> {
        self.with(|db| quarantine::newest(db, page.offset, page.limit))
    }

    /// One piece that is kept apart, with its bytes as they came; no bytes if they cannot be read any more.
    ///
    /// # Errors
    /// Input/output.
    pub fn quarantined(&self, n: u64) -> Result<Option<(Quarantined, Vec<u8>)>, StoreError> {
        self.with(|db| quarantine::piece(db, n))
    }

    /// How much is kept apart, by reason.
    ///
    /// # Errors
    /// Input/output.
    pub fn quarantine_counts(&self) -> Result<Vec<Kept>, StoreError> {
        self.with(quarantine::counts)
    }

    /// How many entries of a log's branches that lost their places are carried, and in whose logs.
    ///
    /// # Errors
    /// Input/output.
    pub fn carried_of(&self, log: LogId) -> Result<Vec<(DeviceId, u64)>, StoreError> {
        self.with(|db| carried::carried_of(db, log))
    }

    /// True if an entry of this id is held, in a place of its own or carried by another.
    ///
    /// # Errors
    /// Input/output.
    pub fn holds(&self, log: LogId, seq: Seq, id: &EntryId) -> Result<bool, StoreError> {
        self.with(|db| {
            Ok(trace::header(db, log, seq)?.is_some_and(|held| held.id() == *id) || carried::is_carried(db, id)?)
        })
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

//! Running counts, so that the numbers on every screen cost one page to read however large the store is.
//!
//! They change in the transaction that changes what they count, and a rebuild counts anew and compares.

use crate::append::EntryState;
use crate::error::StoreError;
use rusqlite::{Transaction, params};
use std::collections::BTreeMap;

/// Entries in a state stand under the state's number.
const ENTRIES: i64 = 0;
/// Their records, under the state's number and this.
const RECORDS: i64 = 10;
/// Resources that are not deleted.
pub(crate) const RESOURCES: i64 = 20;
/// Bytes of all entries: headers and bodies.
pub(crate) const BYTES: i64 = 30;

/// Changes of counts within one transaction.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<i64, i64>);

/// Where the entries of a state are counted.
pub(crate) fn entries_in(state: EntryState) -> i64 {
    ENTRIES + i64::from(state as u8)
}

/// Where the records of a state's entries are counted; one that cannot be read counts as one.
pub(crate) fn records_in(state: EntryState) -> i64 {
    RECORDS + i64::from(state as u8)
}

impl Tally {
    /// Counts something, or with a negative number counts it off.
    pub(crate) fn add(&mut self, name: i64, change: i64) {
        *self.0.entry(name).or_default() += change;
    }

    /// An entry came, or with -1 went, in this state.
    pub(crate) fn entry(&mut self, state: EntryState, records: Option<i64>, change: i64) {
        self.add(entries_in(state), change);
        self.add(records_in(state), change * records.unwrap_or(1));
    }

    /// Writes what changed. Must be called before the transaction is committed.
    pub(crate) fn write(self, tx: &Transaction<'_>) -> Result<(), StoreError> {
        let mut statement = tx.prepare_cached(
            "INSERT INTO tally (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = value + ?2",
        )?;
        for (name, change) in self.0.into_iter().filter(|(_, change)| *change != 0) {
            statement.execute(params![name, change])?;
        }
        Ok(())
    }
}

/// Counts all entries anew.
pub(crate) fn recount_entries(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tally (name, value)
         SELECT state + ?1, count(*) FROM entry GROUP BY state
         UNION ALL SELECT state + ?2, sum(coalesce(records, 1)) FROM entry GROUP BY state",
        params![ENTRIES, RECORDS],
    )?;
    tx.execute(
        "INSERT INTO tally (name, value)
         SELECT ?1, sum(length(header) + length(body)) FROM blob HAVING count(*) > 0",
        [BYTES],
    )?;
    Ok(())
}

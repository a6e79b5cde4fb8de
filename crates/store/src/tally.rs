//! Running counts, so that the numbers on every screen cost a page or two to read however large the store is.
//!
//! Counted is what is not ordinary, since every count that changes costs a save a page: how many entries and resources
//! there are in all says the number of the last one, for hardly any is ever taken away, and nearly all of them are readable.
//! The counts change in the transaction that changes what they count, and a rebuild counts anew and compares.

use crate::append::EntryState;
use crate::error::StoreError;
use rusqlite::{Connection, Transaction, params};
use std::collections::BTreeMap;

/// Entries in a state other than readable stand under the state's number.
const ENTRIES: i64 = 0;
/// Records of readable entries beyond one in each.
const MORE_RECORDS: i64 = 10;
/// Entries that were taken from their places (see carried.rs); their bytes keep their numbers.
pub(crate) const CUT: i64 = 30;
/// Resources that are deleted.
pub(crate) const DELETED: i64 = 20;
/// Bytes of entries in a state other than readable, headers and bodies: all of a keeper's.
const BYTES: i64 = 40;

/// Changes of counts within one transaction.
#[derive(Default)]
pub(crate) struct Tally(BTreeMap<i64, i64>);

impl Tally {
    /// Counts something, or with a negative number counts it off.
    pub(crate) fn add(&mut self, name: i64, change: i64) {
        *self.0.entry(name).or_default() += change;
    }

    /// An entry came, or with -1 went, in this state.
    pub(crate) fn entry(&mut self, state: EntryState, records: Option<i64>, change: i64) {
        match (state, records) {
            (EntryState::Readable, Some(records)) => self.add(MORE_RECORDS, change * (records - 1)),
            (state, _) => self.add(ENTRIES + i64::from(state as u8), change),
        }
    }

    /// The bytes of an entry in this state came, or with -1 went.
    pub(crate) fn bytes(&mut self, state: EntryState, bytes: usize, change: i64) {
        if state != EntryState::Readable {
            self.add(BYTES, change * bytes as i64);
        }
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
pub(crate) fn recount_entries(tx: &Connection) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO tally (name, value)
         SELECT state + ?1, count(*) FROM entry WHERE state <> ?3 GROUP BY state
         UNION ALL SELECT ?2, coalesce(sum(records - 1), 0) FROM entry WHERE state = ?3
         UNION ALL SELECT ?4, (SELECT coalesce(max(id), 0) FROM blob) - (SELECT count(*) FROM entry)",
        params![ENTRIES, MORE_RECORDS, EntryState::Readable as u8, CUT],
    )?;
    tx.execute(
        "INSERT INTO tally (name, value)
         SELECT ?1, sum(length(header) + length(body)) FROM entry JOIN blob ON blob.id = entry.blob
         WHERE state <> ?2 HAVING count(*) > 0",
        [BYTES, EntryState::Readable as i64],
    )?;
    Ok(())
}

/// What the counts and the last numbers say together.
pub(crate) struct Totals {
    counted: BTreeMap<i64, i64>,
    last_entry: i64,
    last_resource: i64,
}

impl Totals {
    pub(crate) fn read(db: &Connection) -> Result<Totals, StoreError> {
        let mut statement = db.prepare_cached("SELECT name, value FROM tally")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let counted = rows.collect::<Result<_, _>>()?;
        let last = |sql: &str| db.prepare_cached(sql)?.query_row([], |row| row.get(0));
        Ok(Totals {
            counted,
            last_entry: last("SELECT coalesce(max(id), 0) FROM blob")?,
            last_resource: last("SELECT coalesce(max(n), 0) FROM resource")?,
        })
    }

    fn counted(&self, name: i64) -> i64 {
        self.counted.get(&name).copied().unwrap_or(0)
    }

    /// Entries of all states.
    pub(crate) fn entries(&self) -> u64 {
        (self.last_entry - self.counted(CUT)) as u64
    }

    /// Entries in these states, none of which is [`EntryState::Readable`].
    pub(crate) fn entries_in(&self, states: &[EntryState]) -> u64 {
        states.iter().map(|state| self.counted(ENTRIES + i64::from(*state as u8)) as u64).sum()
    }

    /// Records of the readable entries.
    pub(crate) fn readable_records(&self) -> u64 {
        use EntryState::{BrokenSeal, Control, NotASave, Sealed, Stranger};
        let readable = self.entries() - self.entries_in(&[Control, Sealed, BrokenSeal, NotASave, Stranger]);
        (readable as i64 + self.counted(MORE_RECORDS)) as u64
    }

    /// Bytes of the entries that are not readable.
    pub(crate) fn unread_bytes(&self) -> u64 {
        self.counted(BYTES) as u64
    }

    /// Resources that are not deleted.
    pub(crate) fn resources(&self) -> u64 {
        (self.last_resource - self.counted(DELETED)) as u64
    }
}

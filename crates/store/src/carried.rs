//! Entries that lost their place in a log to a fork: taken from there once another entry carries them.
//!
//! Promise: an entry leaves its place only if it is carried elsewhere in the log; what it says stays in the projections.

use crate::append::EntryState;
use crate::error::StoreError;
use crate::load::log_number;
use crate::quarantine;
use crate::store::Store;
use crate::tally::{CUT, Tally};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};
use sanad_log::entry::{Entry, HEADER_LEN};
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, EntryId, LogId, Seq};

impl Store {
    /// Entries at single places, in the order of the places; what is not held or cannot be read is left out, and if it is
    /// asked for, what another entry carries already.
    ///
    /// # Errors
    /// Input/output.
    pub fn read_places(&mut self, places: &[Range], uncarried_only: bool) -> Result<Vec<Entry>, StoreError> {
        let mut read = Vec::with_capacity(places.len());
        for place in places {
            let entries = match self.load(Range { to: place.from, ..*place }, 0) {
                Ok(entries) => entries,
                Err(StoreError::Damaged { .. }) => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                if !uncarried_only || !is_carried(&self.db, &inner_id(&entry))? {
                    read.push(entry);
                }
            }
        }
        Ok(read)
    }

    /// Takes all places of a log from one on, in one durable transaction. What carries them stays.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if an entry there is carried nowhere, or cannot be read: nothing is taken then. Input/output.
    pub fn cut(&mut self, log: LogId, from: Seq) -> Result<(), StoreError> {
        self.try_cut(log, from).map_err(|error| self.recover(error))
    }

    fn try_cut(&mut self, log: LogId, from: Seq) -> Result<(), StoreError> {
        let tx = Transaction::new(&mut self.db, TransactionBehavior::Immediate)?;
        let Some(n) = log_number(&tx, log)? else { return Ok(()) };
        let mut tally = Tally::default();
        let mut statement = tx.prepare_cached(
            "SELECT seq, state, records, header, body FROM entry JOIN blob ON blob.id = entry.blob
             WHERE log = ?1 AND seq >= ?2",
        )?;
        let mut rows = statement.query(params![n, from as i64])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let seq = row.get::<_, i64>(0)? as u64;
            let entry = Entry::from_disk(&row.get::<_, Vec<u8>>(3)?, row.get(4)?);
            let entry = entry.map_err(|_| StoreError::Damaged { log, seq })?;
            if !is_carried(&tx, &inner_id(&entry))? {
                return Err(StoreError::Damaged { log, seq });
            }
            let state = EntryState::from_u8(row.get(1)?).ok_or(StoreError::DamagedFile)?;
            tally.entry(state, row.get(2)?, -1);
            tally.bytes(state, HEADER_LEN + entry.body().len(), -1);
            count += 1;
        }
        drop(rows);
        drop(statement);
        // The rows keep their numbers, which totals are told by; the bytes stand in the entries that carry them.
        tx.execute(
            "UPDATE blob SET header = x'', body = x'' WHERE id IN (SELECT blob FROM entry WHERE log = ?1 AND seq >= ?2)",
            params![n, from as i64],
        )?;
        tx.execute("DELETE FROM entry WHERE log = ?1 AND seq >= ?2", params![n, from as i64])?;
        quarantine::forget_gone(&tx)?;
        tally.add(CUT, count);
        tally.write(&tx)?;
        Ok(tx.commit()?)
    }
}

/// The id of what an entry says, whether in its own place or carried.
fn inner_id(entry: &Entry) -> EntryId {
    entry.carried().unwrap_or_else(|| entry.clone()).id()
}

pub(crate) fn is_carried(db: &Connection, id: &EntryId) -> Result<bool, StoreError> {
    let mut statement = db.prepare_cached("SELECT 1 FROM carried WHERE id = ?1")?;
    Ok(statement.query_row([id.as_bytes()], |_| Ok(())).optional()?.is_some())
}

/// Notes that an entry of this id is carried: the numbers of the log that it was written in and of the one that it is in.
pub(crate) fn note(tx: &Connection, id: &EntryId, branch: i64, holder: i64) -> Result<(), StoreError> {
    tx.prepare_cached("INSERT INTO carried (id, branch, holder) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
        .execute(params![id.as_bytes(), branch, holder])?;
    Ok(())
}

/// How many entries of the branches of a log that lost their places are carried, and in whose logs.
pub(crate) fn carried_of(db: &Connection, log: LogId) -> Result<Vec<(DeviceId, u64)>, StoreError> {
    let Some(n) = log_number(db, log)? else { return Ok(Vec::new()) };
    let mut statement = db.prepare_cached(
        "SELECT author, count(*) FROM carried JOIN log ON log.n = carried.holder WHERE branch = ?1
         GROUP BY author ORDER BY author",
    )?;
    let rows = statement.query_map([n], |row| Ok((DeviceId(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs())))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// True if anything is carried at all.
pub(crate) fn any(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    Ok(tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM carried)")?.query_row([], |row| row.get(0))?)
}

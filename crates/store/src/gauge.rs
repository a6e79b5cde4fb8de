//! The sums behind the two gauges. What may be lost is counted in records, since a person counts records; a sealed entry
//! holds at least one, and is counted as one.

use crate::append::EntryState;
use crate::error::StoreError;
use crate::store::logs;
use crate::tally::Totals;
use rusqlite::{Connection, params};
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::ScopeTag;
use std::collections::BTreeSet;

/// Entries and the records in them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// Entries.
    pub entries: u64,
    /// Records: operations of readable saves, one for each sealed or unreadable entry, none for control entries.
    pub records: u64,
}

impl Sums {
    fn add(&mut self, entries: i64, records: i64) {
        assert!(entries >= 0 && records >= 0, "counts");
        self.entries += entries as u64;
        self.records += records as u64;
    }
}

/// What the store holds, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Entries of all lanes.
    pub entries: u64,
    /// Of the control lane.
    pub control_entries: u64,
    /// Sealed here.
    pub sealed_entries: u64,
    /// Opened wrongly, or without a save in them.
    pub unreadable_entries: u64,
    /// Records of all entries, counted as in [`Sums`].
    pub records: u64,
    /// Records that can be read here: what would be exposed if this device were taken unlocked.
    pub readable_records: u64,
    /// Resources that are not deleted.
    pub resources: u64,
    /// Patients, those that were merged away left out.
    pub patients: u64,
    /// Resources that wait for a clinician.
    pub conflicts: u64,
    /// Held, of authors who are not known to be enrolled.
    pub stranger_entries: u64,
    /// Pieces kept of what was refused, which stand in no log.
    pub refused: u64,
    /// Bytes of the entries that cannot be read here, headers and bodies; at a keeper, of all.
    pub unread_bytes: u64,
}

/// Entries and records in some ranges; places that are not held count as nothing.
pub(crate) fn records_in(db: &Connection, ranges: &[Range]) -> Result<Sums, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT count(*), coalesce(sum(coalesce(records, 1)), 0) FROM entry
         WHERE log = (SELECT n FROM log WHERE lane = ?1 AND author = ?2) AND seq BETWEEN ?3 AND ?4",
    )?;
    let mut sums = Sums::default();
    for range in ranges {
        let (from, to) = (range.from as i64, range.to as i64);
        let (entries, records) = statement
            .query_row(params![range.log.lane as u8, range.log.author.as_bytes(), from, to], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
        sums.add(entries, records);
    }
    Ok(sums)
}

/// The same, of some scopes only.
pub(crate) fn records_in_scopes(
    db: &Connection,
    ranges: &[Range],
    scopes: &BTreeSet<ScopeTag>,
) -> Result<Sums, StoreError> {
    let mut wanted = Frontier::default();
    for range in ranges {
        wanted.insert(*range);
    }
    let logs = logs(db)?;
    let mut statement =
        db.prepare_cached("SELECT log, seq, records FROM entry WHERE scope = (SELECT n FROM scope WHERE tag = ?1)")?;
    let mut sums = Sums::default();
    for scope in scopes {
        let mut rows = statement.query([scope.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let log = logs.get(&row.get(0)?).ok_or(StoreError::DamagedFile)?;
            if wanted.contains(log, row.get::<_, i64>(1)? as u64) {
                sums.add(1, row.get::<_, Option<i64>>(2)?.unwrap_or(1));
            }
        }
    }
    Ok(sums)
}

/// Sealed entries of some scopes.
pub(crate) fn sealed_in(db: &Connection, scopes: &BTreeSet<ScopeTag>) -> Result<u64, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT count(*) FROM entry WHERE scope = (SELECT n FROM scope WHERE tag = ?1) AND state = ?2",
    )?;
    let mut sealed = 0;
    for scope in scopes {
        let state = EntryState::Sealed as u8;
        sealed += statement.query_row(params![scope.as_bytes(), state], |row| row.get::<_, i64>(0))? as u64;
    }
    Ok(sealed)
}

/// What the store holds.
pub(crate) fn counts(db: &Connection) -> Result<Counts, StoreError> {
    use EntryState::{BrokenSeal, Control, NotASave, Sealed, Stranger};
    let totals = Totals::read(db)?;
    let count = |sql: &str| -> Result<u64, StoreError> {
        Ok(db.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0))? as u64)
    };
    let closed = totals.entries_in(&[Sealed, BrokenSeal, NotASave, Stranger]);
    Ok(Counts {
        entries: totals.entries(),
        control_entries: totals.entries_in(&[Control]),
        sealed_entries: totals.entries_in(&[Sealed]),
        unreadable_entries: totals.entries_in(&[BrokenSeal, NotASave]),
        // What cannot be read counts as one.
        records: totals.readable_records() + closed,
        readable_records: totals.readable_records(),
        resources: totals.resources(),
        unread_bytes: totals.unread_bytes(),
        // Each of these counts along an index that holds nothing else.
        patients: count("SELECT count(*) FROM patient WHERE survivor IS NULL")?,
        conflicts: count("SELECT count(*) FROM resource WHERE conflicts > 0")?,
        stranger_entries: totals.entries_in(&[Stranger]),
        refused: count("SELECT count(*) FROM quarantine WHERE bytes IS NOT NULL")?,
    })
}

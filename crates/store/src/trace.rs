//! Where things stand in the log: the places of a chart, an entry by its id, the place of an entry.

use crate::error::StoreError;
use crate::gauge::Sums;
use crate::load::header_at;
use crate::store::{log_of, logs};
use rusqlite::{Connection, params};
use sanad_log::entry::{HEADER_LEN, Header};
use sanad_log::frontier::{Frontier, Range};
use sanad_log::ids::{DeviceId, EntryId, Lane, LogId, ScopeTag, Seq};
use std::collections::BTreeSet;

/// Sums for each lane, most urgent first.
pub type LaneSums = [Sums; Lane::ALL.len()];

/// Most entries that a search gives back: whoever sees two knows that the search was too short.
pub const FOUND_MAX: usize = 2;

/// Adds up by lane.
pub(crate) fn records_by_lane(db: &Connection, ranges: &[Range]) -> Result<LaneSums, StoreError> {
    each_lane(ranges, |ranges| crate::gauge::records_in(db, ranges))
}

/// The same, of some scopes only.
pub(crate) fn records_in_scopes_by_lane(
    db: &Connection,
    ranges: &[Range],
    scopes: &BTreeSet<ScopeTag>,
) -> Result<LaneSums, StoreError> {
    each_lane(ranges, |ranges| crate::gauge::records_in_scopes(db, ranges, scopes))
}

fn each_lane(ranges: &[Range], sum: impl Fn(&[Range]) -> Result<Sums, StoreError>) -> Result<LaneSums, StoreError> {
    let mut out = LaneSums::default();
    for lane in Lane::ALL {
        let of_lane: Vec<Range> = ranges.iter().filter(|range| range.log.lane == lane).copied().collect();
        if !of_lane.is_empty() {
            out[lane as usize] = sum(&of_lane)?;
        }
    }
    Ok(out)
}

/// The places of everything in some charts, control entries left out: what a chart's own entries are.
pub(crate) fn places_of_scopes(db: &Connection, scopes: &BTreeSet<ScopeTag>) -> Result<Frontier, StoreError> {
    let logs = logs(db)?;
    let mut statement =
        db.prepare_cached("SELECT log, seq FROM entry WHERE scope = (SELECT n FROM scope WHERE tag = ?1)")?;
    let mut out = Frontier::default();
    for scope in scopes {
        let mut rows = statement.query([scope.as_bytes()])?;
        while let Some(row) = rows.next()? {
            let log = *logs.get(&row.get(0)?).ok_or(StoreError::DamagedFile)?;
            if log.lane != Lane::Control {
                let seq = row.get::<_, i64>(1)? as u64;
                out.insert(Range { log, from: seq, to: seq });
            }
        }
    }
    Ok(out)
}

/// The header at a place; `None` if the place is not held.
pub(crate) fn header(db: &Connection, log: LogId, seq: Seq) -> Result<Option<Header>, StoreError> {
    // No log has a place beyond what the database counts.
    if i64::try_from(seq).is_err() { Ok(None) } else { header_at(db, log, seq) }
}

/// Entries whose id begins with these hexadecimal digits, at most [`FOUND_MAX`]. Ids are not stored: every header is read
/// and hashed, which takes seconds in a large store, and is asked for by hand, seldom. Damaged headers are passed over.
pub(crate) fn entries_by_id(db: &Connection, digits: &str) -> Result<Vec<(LogId, Seq, EntryId)>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT lane, author, seq, header FROM entry JOIN log ON log.n = entry.log JOIN blob ON blob.id = entry.blob",
    )?;
    let mut rows = statement.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let Ok(bytes) = row.get::<_, [u8; HEADER_LEN]>(3) else { continue };
        let Ok(header) = Header::decode(&bytes) else { continue };
        let id = header.id();
        if id.to_string().starts_with(digits) {
            found.push((log_of(row.get(0)?, row.get(1)?)?, row.get::<_, i64>(2)? as u64, id));
            if found.len() == FOUND_MAX {
                break;
            }
        }
    }
    Ok(found)
}

/// Authors of which something is held and whose key begins with these hexadecimal digits.
pub(crate) fn authors_by_key(db: &Connection, digits: &str) -> Result<Vec<DeviceId>, StoreError> {
    let mut statement = db.prepare_cached("SELECT DISTINCT author FROM log ORDER BY author")?;
    let rows = statement.query_map(params![], |row| row.get(0).map(DeviceId))?;
    let authors: Vec<DeviceId> = rows.collect::<Result<_, _>>()?;
    Ok(authors.into_iter().filter(|author| author.to_string().starts_with(digits)).collect())
}

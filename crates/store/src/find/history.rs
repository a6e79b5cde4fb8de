//! The versions of all resources, newest first.
//!
//! By their authors' clocks, which is an order to show and no order to copy by: what comes late from a site that was cut off
//! stands where it was written, and whoever only asks for what is newer than what they have would never see it.

use super::Finder;
use crate::error::StoreError;
use crate::project::{action_of, type_number};
use crate::resources::key_of;
use rusqlite::{Connection, params};
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::key::ResourceKey;
use sanad_record::op::Action;
use sanad_record::version::VersionId;
use std::cell::Cell;

/// What of the history is wanted.
#[derive(Clone, Debug, Default)]
pub struct HistoryWanted {
    /// Only of this type.
    pub resource_type: Option<&'static str>,
    /// Only what belongs to this patient.
    pub within: Option<String>,
    /// Only what was saved since, milliseconds since 1970.
    pub since_ms: u64,
    /// Only what had been saved by then.
    pub until_ms: Option<u64>,
    /// How many.
    pub count: u32,
    /// Where the page begins, as the page before said it.
    pub after: Option<String>,
}

/// One version. No `Debug`: it holds patient text.
pub struct HistoryRow {
    /// Of which resource.
    pub key: ResourceKey,
    /// Which.
    pub id: VersionId,
    /// Put or delete.
    pub action: Action,
    /// True for the first of its resource.
    pub is_first: bool,
    /// By the clock of its author.
    pub updated_ms: u64,
    /// Its bytes; empty for a delete.
    pub raw: Vec<u8>,
}

impl HistoryRow {
    /// Whether this version is about a patient. A delete says nothing of anybody.
    pub fn is_about(&self, patient: &str) -> bool {
        let says = || read_for_patients(&self.key, &self.raw).unwrap_or_default();
        self.action == Action::Delete || patients_of_key(&self.key, &says()).iter().any(|about| about == patient)
    }
}

/// A page of them.
pub struct HistoryPage {
    /// Newest first.
    pub rows: Vec<HistoryRow>,
    /// Where the next page begins; `None` on the last.
    pub after: Option<String>,
}

/// Reads a page.
pub(crate) fn history(db: &Connection, wanted: &HistoryWanted) -> Result<HistoryPage, StoreError> {
    let finder = Finder { db, steps: Cell::new(0), sight: None };
    let (hlc, n) = match &wanted.after {
        None => (i64::MAX, i64::MAX),
        Some(after) => {
            let parts = after.strip_prefix('h').and_then(|after| after.split_once('.'));
            let parts = parts.and_then(|(hlc, n)| Some((hlc.parse().ok()?, n.parse().ok()?)));
            parts.ok_or(StoreError::BadCursor)?
        }
    };
    let stamp = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX >> 16).min(i64::MAX >> 16) << 16;
    let until = wanted.until_ms.map_or(i64::MAX, |until| stamp(until.saturating_add(1)));
    let of_type = wanted.resource_type.map(type_number).transpose()?;
    let own = match &wanted.within {
        Some(patient) => Some(finder.records_of(patient)?),
        None => None,
    };
    let mut statement = db.prepare_cached(
        "SELECT version.n, hlc, version.id, action, length(parents), type, resource.id FROM version
         CROSS JOIN resource ON resource.n = version.n >> 24
         WHERE hlc <= ?1 AND hlc >= ?2 AND hlc < ?3 ORDER BY hlc DESC, version.n DESC",
    )?;
    let mut raw_of = db.prepare_cached("SELECT raw FROM version WHERE n = ?1")?;
    let mut rows = statement.query(params![hlc, stamp(wanted.since_ms), until])?;
    let (mut page, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        finder.step(1)?;
        let place: (i64, i64) = (row.get(1)?, row.get(0)?);
        if place >= (hlc, n) && wanted.after.is_some() {
            continue;
        }
        if of_type.is_some_and(|wanted| row.get::<_, i64>(5).is_ok_and(|found| found != wanted)) {
            continue;
        }
        if let Some(own) = &own
            && !own.contains(super::number(place.1 >> 24)?)
        {
            continue;
        }
        let shown = HistoryRow {
            key: key_of(row.get(5)?, row.get(6)?)?,
            id: VersionId::from_bytes(row.get(2)?),
            action: action_of(row.get(3)?)?,
            is_first: row.get::<_, i64>(4)? == 0,
            updated_ms: place.0 as u64 >> 16,
            raw: raw_of.query_row([place.1], |row| row.get(0))?,
        };
        // What is this patient's now may have been another's before it was put right.
        if wanted.within.as_ref().is_some_and(|patient| !shown.is_about(patient)) {
            continue;
        }
        if page.len() >= wanted.count as usize {
            return Ok(HistoryPage { rows: page, after: last });
        }
        last = Some(format!("h{}.{}", place.0, place.1));
        page.push(shown);
    }
    Ok(HistoryPage { rows: page, after: None })
}

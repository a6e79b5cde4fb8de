//! Finding a patient by what is remembered: part of a name in either script, a tag number, an id.

use crate::error::StoreError;
use crate::patients::{PatientRow, row_of};
use crate::resources::Page;
use rusqlite::{Connection, params};

/// Candidates looked at in one search; a query that fits more people than this is too short to be of use.
const CANDIDATES_MAX: u32 = 2_000;

/// Patients that match, those merged away shown as their survivor.
pub(crate) fn patients(db: &Connection, query: &str, page: Page) -> Result<Vec<PatientRow>, StoreError> {
    let wanted = query.to_lowercase();
    let mut statement = db.prepare_cached(
        "SELECT DISTINCT coalesce(survivor, id) FROM term JOIN patient ON patient.n = term.patient
         WHERE instr(key, ?1) > 0 ORDER BY 1 LIMIT ?2",
    )?;
    let ids: Vec<String> =
        statement.query_map(params![wanted, CANDIDATES_MAX], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let shown = ids.into_iter().skip(page.offset as usize).take(page.rows() as usize);
    shown.map(|id| row_of(db, id)).collect()
}

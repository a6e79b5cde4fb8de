//! What has changed here, in the order in which this site came to know it, whoever wrote it and whenever.
//!
//! The order is local: two sites that hold the same have it differently, and none of it leaves. Whoever follows it keeps a
//! [`Place`]. A database that is made anew from its log begins its order at another number, so that a place of before is
//! known for what it is; everything then counts as new.

use crate::error::StoreError;
use crate::patients::{class_of, survivor};
use crate::project::type_number;
use crate::resources::{PAGE_ROWS_MAX, key_of};
use rusqlite::{CachedStatement, Connection, params};
use sanad_record::key::ResourceKey;
use std::collections::BTreeSet;

/// A place in the order of changes, to be kept and given back; it says nothing else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place(pub i64);

/// A page of changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changes {
    /// What changed, each once, with the place right behind its last change within the page. It may be deleted by now.
    pub changed: Vec<(Place, ResourceKey)>,
    /// The place behind all of the page.
    pub end: Place,
    /// True if there is more behind it.
    pub has_more: bool,
    /// True if the place that was asked for is of a database that has been made anew since: this page is the first of all.
    pub is_anew: bool,
}

/// What somebody looks at.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Concern {
    /// A patient's chart, with those who were merged into it: of one type, or of all but AuditEvents, which say that somebody
    /// has looked.
    Patient(String, Option<String>),
    /// One resource.
    Resource(ResourceKey),
    /// All resources of a type.
    Type(String),
    /// What waits for a clinician.
    Conflicts,
}

/// The numbers of the first row, which is nobody's, and of the last.
fn bounds(db: &Connection) -> Result<(i64, i64), StoreError> {
    let mut statement = db.prepare_cached("SELECT (SELECT min(n) FROM change), (SELECT max(n) FROM change)")?;
    Ok(statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

pub(crate) fn end(db: &Connection) -> Result<Place, StoreError> {
    Ok(Place(bounds(db)?.1))
}

/// Whether something that this is about has changed after a place. Reads no further than to the first.
pub(crate) fn touch(db: &Connection, place: Place, concern: &Concern) -> Result<bool, StoreError> {
    let (first, last) = bounds(db)?;
    if !(first..=last).contains(&place.0) {
        return Ok(true);
    }
    let rest = |how: &str| -> Result<CachedStatement<'_>, StoreError> {
        Ok(db.prepare_cached(&format!(
            "SELECT 1 FROM change CROSS JOIN resource ON resource.n = change.resource {how} AND change.n > ?1 LIMIT 1"
        ))?)
    };
    match concern {
        Concern::Patient(id, of) => {
            let of = of.as_deref().map(type_number).transpose()?;
            let audit = type_number("AuditEvent")?;
            let mut about = rest(
                "CROSS JOIN about ON about.resource = resource.n
                 WHERE about.person = (SELECT n FROM person WHERE id = ?2) AND type = coalesce(?3, type)
                 AND (type <> ?4 OR ?3 IS NOT NULL)",
            )?;
            for patient in class_of(db, &survivor(db, id)?)? {
                if about.exists(params![place.0, patient, of, audit])? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Concern::Resource(key) => Ok(rest("WHERE type = ?2 AND id = ?3")?.exists(params![
            place.0,
            type_number(&key.resource_type)?,
            key.id
        ])?),
        Concern::Type(name) => Ok(rest("WHERE type = ?2")?.exists(params![place.0, type_number(name)?])?),
        Concern::Conflicts => Ok(rest("WHERE conflicts > 0")?.exists([place.0])?),
    }
}

pub(crate) fn after(db: &Connection, place: Place, limit: u32) -> Result<Changes, StoreError> {
    let (first, last) = bounds(db)?;
    let is_anew = !(first..=last).contains(&place.0);
    let from = if is_anew { first } else { place.0 };
    let limit = limit.clamp(1, PAGE_ROWS_MAX);
    let mut statement = db.prepare_cached(
        "SELECT change.n, type, id FROM change CROSS JOIN resource ON resource.n = change.resource
         WHERE change.n > ?1 ORDER BY change.n LIMIT ?2",
    )?;
    let mut rows = statement.query(params![from, limit])?;
    let mut changed = Vec::new();
    while let Some(row) = rows.next()? {
        changed.push((Place(row.get(0)?), key_of(row.get(1)?, row.get(2)?)?));
    }
    let end = match changed.last() {
        Some((end, _)) if changed.len() == limit as usize => *end,
        _ => Place(last),
    };
    // Of several changes the last counts: what is read of the resource is what it says now.
    let mut seen = BTreeSet::new();
    changed.reverse();
    changed.retain(|(_, key)| seen.insert(key.clone()));
    changed.reverse();
    Ok(Changes { changed, end, has_more: end.0 < last, is_anew })
}

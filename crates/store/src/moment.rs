//! What there was of a type at a moment, in the order of ids: what an export is made of.
//!
//! Promise: a page is named by ids alone, so that it can be asked for again, page by page, after any restart or repair, and
//! says the same as long as nothing older arrives and nothing is withdrawn.
//!
//! The moment is a stamp of the hybrid logical clock. Whatever is saved here afterwards has a later one; what another site
//! wrote before and brings afterwards has not, and is in the pages that are read from then on.

use crate::error::StoreError;
use crate::patients::ABOUT_PATIENT;
use crate::project::{action_of, split, type_number, version_ids};
use crate::resources::{Resource, key_of, raw_of, resource_numbered};
use crate::schema::versions_of;
use roaring::RoaringBitmap;
use rusqlite::{Connection, params};
use sanad_record::op::Action;
use sanad_record::version::VersionId;
use std::collections::BTreeSet;

/// Ids that one page goes through at most, so that no reader holds the log's file back for long.
const SCANNED_MAX: u32 = 10_000;

/// Whose records are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Whose {
    /// All, also those about nobody.
    All,
    /// Those in anybody's chart.
    Patients,
    /// Those in the charts of these patients.
    Only(BTreeSet<String>),
}

/// What of a type is wanted.
#[derive(Clone, Debug)]
pub struct MomentWanted {
    /// The type.
    pub resource_type: &'static str,
    /// Whose.
    pub whose: Whose,
    /// Only what was last changed since, by its author's clock: milliseconds since 1970.
    pub since_ms: u64,
    /// The moment, as [`Reader::newest_stamp`](crate::Reader::newest_stamp) said it.
    pub stamp: u64,
    /// Only ids after this one; from the first if it is empty.
    pub after: String,
    /// Only ids up to this one.
    pub through: Option<String>,
}

/// A page. No `Debug`: it may hold patient text.
pub struct MomentPage<T> {
    /// In the order of their ids.
    pub items: Vec<T>,
    /// The id that the next page begins after; `None` on the last.
    pub after: Option<String>,
}

/// Which bytes a resource had at the moment.
enum Said {
    /// Those that it has now.
    Now,
    /// Those of this version, saved at this stamp.
    Then(VersionId, u64),
}

/// The newest stamp of all versions here; 0 if there are none.
pub(crate) fn newest_stamp(db: &Connection) -> Result<u64, StoreError> {
    let newest: Option<i64> = db.query_row("SELECT max(hlc) FROM version", [], |row| row.get(0))?;
    Ok(newest.map_or(0, |stamp| stamp as u64))
}

/// The ids of a page, as many as one page goes through.
pub(crate) fn ids(db: &Connection, wanted: &MomentWanted) -> Result<MomentPage<String>, StoreError> {
    let mut items = Vec::new();
    let after = walk(db, wanted, &mut |_, id, _| {
        items.push(id.to_owned());
        Ok(true)
    })?;
    Ok(MomentPage { items, after })
}

/// The resources of a page: at most `count`, and no more once they have `bytes_max` bytes.
pub(crate) fn resources(
    db: &Connection,
    wanted: &MomentWanted,
    count: usize,
    bytes_max: usize,
) -> Result<MomentPage<Resource>, StoreError> {
    let (mut items, mut bytes) = (Vec::new(), 0);
    let after = walk(db, wanted, &mut |n, _, said| {
        let mut resource = resource_numbered(db, n)?.ok_or(StoreError::DamagedFile)?;
        if let Said::Then(version, stamp) = said {
            resource.raw = Some(raw_of(db, n, &version)?.ok_or(StoreError::DamagedFile)?);
            resource.version_id = version.to_string();
            resource.updated_ms = stamp >> 16;
            resource.heads = vec![version];
            resource.conflicts.clear();
        }
        bytes += resource.raw.as_ref().map_or(0, Vec::len);
        items.push(resource);
        Ok(items.len() < count && bytes < bytes_max)
    })?;
    Ok(MomentPage { items, after })
}

/// Goes through what is wanted until `visit` returns false. Returns the id after which there may be more.
fn walk(
    db: &Connection,
    wanted: &MomentWanted,
    visit: &mut dyn FnMut(i64, &str, Said) -> Result<bool, StoreError>,
) -> Result<Option<String>, StoreError> {
    let own = match &wanted.whose {
        Whose::Only(patients) => Some(about(db, patients)?),
        Whose::All | Whose::Patients => None,
    };
    let resource_type = type_number(wanted.resource_type)?;
    // The index of types and ids has the numbers as well: what is others' costs no page of its own.
    let mut in_order =
        db.prepare_cached("SELECT n, id FROM resource WHERE type = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?;
    let mut rows = in_order.query(params![resource_type, wanted.after, SCANNED_MAX])?;
    let (mut scanned, mut last) = (0, None);
    while let Some(row) = rows.next()? {
        let (n, id): (i64, String) = (row.get(0)?, row.get(1)?);
        if wanted.through.as_ref().is_some_and(|through| id > *through) {
            return Ok(None);
        }
        scanned += 1;
        let is_own = own.as_ref().is_none_or(|own| u32::try_from(n).is_ok_and(|n| own.contains(n)));
        if is_own
            && let Some(said) = said(db, wanted, n)?
            && !visit(n, &key_of(resource_type, id.clone())?.id, said)?
        {
            return Ok(Some(id));
        }
        last = Some(id);
    }
    Ok(last.filter(|_| scanned == SCANNED_MAX))
}

/// What is about these patients, by its numbers.
fn about(db: &Connection, patients: &BTreeSet<String>) -> Result<RoaringBitmap, StoreError> {
    let mut statement = db.prepare_cached(ABOUT_PATIENT)?;
    let mut own = RoaringBitmap::new();
    for patient in patients {
        let mut rows = statement.query([patient])?;
        while let Some(row) = rows.next()? {
            let n: i64 = row.get(0)?;
            own.insert(u32::try_from(n).map_err(|_| StoreError::TooLarge("number of resources"))?);
        }
    }
    Ok(own)
}

/// What a resource said at the moment; `None` if it is none of what is wanted. What is withdrawn by now is not handed out.
fn said(db: &Connection, wanted: &MomentWanted, n: i64) -> Result<Option<Said>, StoreError> {
    let mut statement = db.prepare_cached("SELECT deleted, updated, patients FROM resource WHERE n = ?1")?;
    let (deleted, updated, patients): (bool, i64, String) =
        statement.query_row([n], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if deleted || (wanted.whose == Whose::Patients && split(&patients).is_empty()) {
        return Ok(None);
    }
    let is_wanted = |stamp: u64| stamp >> 16 >= wanted.since_ms;
    if updated as u64 <= wanted.stamp {
        return Ok(is_wanted(updated as u64).then_some(Said::Now));
    }
    let heads = heads_then(db, wanted.stamp, n)?;
    Ok(match heads[..] {
        [(version, stamp, Action::Put)] if is_wanted(stamp) => Some(Said::Then(version, stamp)),
        // It was not there yet, or was deleted.
        [] | [_] => None,
        // What several versions said together is not kept: the merge of today leaves none of them out.
        _ => Some(Said::Now),
    })
}

/// The versions of a resource that no other followed at the moment.
fn heads_then(db: &Connection, stamp: u64, n: i64) -> Result<Vec<(VersionId, u64, Action)>, StoreError> {
    let mut statement = db.prepare_cached(concat!(
        "SELECT id, hlc, action, parents FROM version WHERE n ",
        versions_of!("?1"),
        " AND hlc <= ?2"
    ))?;
    let mut rows = statement.query(params![n, i64::try_from(stamp).unwrap_or(i64::MAX)])?;
    let (mut versions, mut followed) = (Vec::new(), BTreeSet::new());
    while let Some(row) = rows.next()? {
        let version = VersionId::from_bytes(row.get(0)?);
        versions.push((version, row.get::<_, i64>(1)? as u64, action_of(row.get(2)?)?));
        followed.extend(version_ids(&row.get::<_, Vec<u8>>(3)?)?);
    }
    versions.retain(|(version, ..)| !followed.contains(version));
    Ok(versions)
}

#[cfg(test)]
mod tests;

//! Reading resources: what each says now, its versions, what waits for a clinician.

use crate::error::StoreError;
use crate::project::{action_of, split, type_name, type_number, version_ids};
use crate::schema::versions_of;
use crate::store::log_of;
use minicbor::{Decode, Encode};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sanad_log::control::{from_cbor, to_cbor};
use sanad_log::ids::{DeviceId, LogId, ScopeTag, Seq};
use sanad_record::key::ResourceKey;
use sanad_record::merge::ConflictKind;
use sanad_record::op::Action;
use sanad_record::search::About;
use sanad_record::version::VersionId;
use std::collections::BTreeSet;

/// A piece of a long list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// How many rows to pass over.
    pub offset: u32,
    /// How many rows to give at most; [`PAGE_ROWS_MAX`] bounds it.
    pub limit: u32,
}

/// Most rows in one answer.
pub const PAGE_ROWS_MAX: u32 = 1_000;

impl Page {
    /// The first rows of a list.
    pub fn first(limit: u32) -> Page {
        Page { offset: 0, limit }
    }

    pub(crate) fn rows(&self) -> u32 {
        self.limit.min(PAGE_ROWS_MAX)
    }
}

/// What a resource says now. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    /// Which.
    pub key: ResourceKey,
    /// Its bytes as they came, or the merge of several heads; `None` if it is deleted.
    pub raw: Option<Vec<u8>>,
    /// What goes out as `meta.versionId`.
    pub version_id: String,
    /// By the clock of the newest head's author.
    pub updated_ms: u64,
    /// The current heads, sorted.
    pub heads: Vec<VersionId>,
    /// How many versions are held.
    pub versions: u64,
    /// What waits for a clinician.
    pub conflicts: Vec<ConflictRow>,
    /// The ids of the patients that it is about, its subject first.
    pub patients: Vec<String>,
}

impl Resource {
    /// What conditions on it are held against beside its elements.
    pub fn about(&self) -> About<'_> {
        About { id: &self.key.id, updated_ms: self.updated_ms, in_conflict: !self.conflicts.is_empty() }
    }
}

/// One element on which versions do not agree. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct ConflictRow {
    /// The resource.
    pub key: ResourceKey,
    /// Where in it, as in FHIRPath.
    pub path: String,
    /// Why.
    pub kind: ConflictKind,
    /// What each side says; `None` where it says nothing.
    pub values: Vec<(VersionId, Option<String>)>,
}

/// One version of a resource, without its text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionRow {
    /// Its name.
    pub id: VersionId,
    /// The versions before it.
    pub parents: Vec<VersionId>,
    /// Put or delete.
    pub action: Action,
    /// By the clock of its author.
    pub updated_ms: u64,
    /// The log of the entry that brought it.
    pub log: LogId,
    /// The entry's place.
    pub seq: Seq,
    /// The call sign of who saved, if the save says so.
    pub by: Option<String>,
    /// True for a current head.
    pub head: bool,
    /// Length of its bytes.
    pub bytes: u64,
}

impl VersionRow {
    /// The device that signed it.
    pub fn author(&self) -> DeviceId {
        self.log.author
    }
}

/// A line of a list of resources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResourceRow {
    /// Which.
    pub key: ResourceKey,
    /// What goes out as `meta.versionId`.
    pub version_id: String,
    /// By the clock of the newest head's author.
    pub updated_ms: u64,
    /// How many versions are held.
    pub versions: u64,
    /// Elements that wait for a clinician.
    pub conflicts: u64,
    /// True if it is withdrawn.
    pub deleted: bool,
}

/// The columns of a [`ResourceRow`], in the order in which [`resource_row`] reads them.
pub(crate) const ROW_COLUMNS: &str = "type, id, heads, version_id, updated, versions, conflicts, deleted";

pub(crate) fn resource_row(row: &Row<'_>) -> Result<ResourceRow, StoreError> {
    let heads = version_ids(&row.get::<_, Vec<u8>>(2)?)?;
    Ok(ResourceRow {
        key: key_of(row.get(0)?, row.get(1)?)?,
        version_id: version_id(row.get(3)?, &heads)?,
        updated_ms: row.get::<_, i64>(4)? as u64 >> 16,
        versions: row.get::<_, i64>(5)? as u64,
        conflicts: row.get::<_, i64>(6)? as u64,
        deleted: row.get(7)?,
    })
}

/// The version id that is stored only where several heads were merged.
fn version_id(stored: Option<String>, heads: &[VersionId]) -> Result<String, StoreError> {
    match (stored, heads) {
        (Some(merged), [_, _, ..]) => Ok(merged),
        (None, [head]) => Ok(head.to_string()),
        _ => Err(StoreError::DamagedFile),
    }
}

pub(crate) fn key_of(type_number: i64, id: String) -> Result<ResourceKey, StoreError> {
    ResourceKey::new(type_name(type_number)?, id).map_err(|_| StoreError::DamagedFile)
}

pub(crate) fn heads(db: &Connection, key: &ResourceKey) -> Result<Vec<VersionId>, StoreError> {
    let mut statement = db.prepare_cached("SELECT heads FROM resource WHERE type = ?1 AND id = ?2")?;
    let heads: Option<Vec<u8>> =
        statement.query_row(params![type_number(&key.resource_type)?, key.id], |row| row.get(0)).optional()?;
    heads.map_or_else(|| Ok(Vec::new()), |bytes| version_ids(&bytes))
}

pub(crate) fn scopes_of_patient(db: &Connection, id: &str) -> Result<Vec<ScopeTag>, StoreError> {
    let mut statement = db.prepare_cached("SELECT scope FROM chart WHERE patient = ?1 ORDER BY scope")?;
    let rows = statement.query_map([id], |row| row.get(0).map(ScopeTag))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn resource(db: &Connection, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
    let sql = format!("SELECT {ROW_COLUMNS}, n, raw, patients FROM resource WHERE type = ?1 AND id = ?2");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![type_number(&key.resource_type)?, key.id])?;
    match rows.next()? {
        Some(row) => whole_resource(db, row).map(Some),
        None => Ok(None),
    }
}

/// A resource by its number.
pub(crate) fn resource_numbered(db: &Connection, n: i64) -> Result<Option<Resource>, StoreError> {
    let sql = format!("SELECT {ROW_COLUMNS}, n, raw, patients FROM resource WHERE n = ?1");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([n])?;
    match rows.next()? {
        Some(row) => whole_resource(db, row).map(Some),
        None => Ok(None),
    }
}

/// Reads a resource from a row of [`ROW_COLUMNS`] and `n, raw, patients`.
fn whole_resource(db: &Connection, row: &Row<'_>) -> Result<Resource, StoreError> {
    let line = resource_row(row)?;
    let heads = version_ids(&row.get::<_, Vec<u8>>(2)?)?;
    let (n, merged): (i64, Option<Vec<u8>>) = (row.get(8)?, row.get(9)?);
    let raw = match (line.deleted, merged, &heads[..]) {
        (true, _, _) => None,
        (false, Some(merged), _) => Some(merged),
        (false, None, [head]) => Some(raw_of(db, n, head)?.ok_or(StoreError::DamagedFile)?),
        (false, None, _) => return Err(StoreError::DamagedFile),
    };
    let conflicts = if line.conflicts == 0 { Vec::new() } else { conflicts_of(db, n, &line.key)? };
    Ok(Resource {
        patients: split(row.get_ref(10)?.as_str().map_err(|_| StoreError::DamagedFile)?),
        raw,
        version_id: line.version_id,
        updated_ms: line.updated_ms,
        heads,
        versions: line.versions,
        conflicts,
        key: line.key,
    })
}

/// The bytes of one version of a resource, by the resource's number.
pub(crate) fn raw_of(db: &Connection, resource: i64, version: &VersionId) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        db.prepare_cached(concat!("SELECT raw FROM version WHERE n ", versions_of!("?1"), " AND id = ?2"))?;
    Ok(statement.query_row(params![resource, version.as_bytes()], |row| row.get(0)).optional()?)
}

fn conflicts_of(db: &Connection, resource: i64, key: &ResourceKey) -> Result<Vec<ConflictRow>, StoreError> {
    let mut statement = db.prepare_cached("SELECT path, kind, sides FROM conflict WHERE resource = ?1 ORDER BY at")?;
    let mut rows = statement.query([resource])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(ConflictRow {
            key: key.clone(),
            path: row.get(0)?,
            kind: kind_of(row.get(1)?)?,
            values: decode_sides(&row.get::<_, Vec<u8>>(2)?)?,
        });
    }
    Ok(conflicts)
}

/// All conflicts, by resource.
pub(crate) fn conflicts(db: &Connection, page: Page) -> Result<Vec<ConflictRow>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT type, id, path, kind, sides FROM resource JOIN conflict ON conflict.resource = resource.n
         WHERE conflicts > 0 ORDER BY type, id, at LIMIT ?1 OFFSET ?2",
    )?;
    let mut rows = statement.query(params![page.rows(), page.offset])?;
    let mut conflicts = Vec::new();
    while let Some(row) = rows.next()? {
        conflicts.push(ConflictRow {
            key: key_of(row.get(0)?, row.get(1)?)?,
            path: row.get(2)?,
            kind: kind_of(row.get(3)?)?,
            values: decode_sides(&row.get::<_, Vec<u8>>(4)?)?,
        });
    }
    Ok(conflicts)
}

/// The versions of a resource, newest first by their authors' clocks.
pub(crate) fn versions(db: &Connection, key: &ResourceKey) -> Result<Vec<VersionRow>, StoreError> {
    let mut statement = db.prepare_cached(concat!(
        "SELECT version.id, version.parents, action, hlc, lane, author, seq, by, heads, length(version.raw)
         FROM resource JOIN version ON version.n ",
        versions_of!("resource.n"),
        " JOIN log ON log.n = version.log WHERE resource.type = ?1 AND resource.id = ?2"
    ))?;
    let mut rows = statement.query(params![type_number(&key.resource_type)?, key.id])?;
    let mut versions = Vec::new();
    while let Some(row) = rows.next()? {
        let id = VersionId::from_bytes(row.get(0)?);
        versions.push((
            row.get::<_, i64>(3)? as u64,
            VersionRow {
                id,
                parents: version_ids(&row.get::<_, Vec<u8>>(1)?)?,
                action: action_of(row.get(2)?)?,
                updated_ms: row.get::<_, i64>(3)? as u64 >> 16,
                log: log_of(row.get(4)?, row.get(5)?)?,
                seq: row.get::<_, i64>(6)? as u64,
                by: row.get(7)?,
                head: version_ids(&row.get::<_, Vec<u8>>(8)?)?.contains(&id),
                bytes: row.get::<_, i64>(9)? as u64,
            },
        ));
    }
    versions.sort_by(|(a, left), (b, right)| b.cmp(a).then(left.id.cmp(&right.id)));
    Ok(versions.into_iter().map(|(_, version)| version).collect())
}

/// The bytes of one version; empty for a delete.
pub(crate) fn version_raw(db: &Connection, key: &ResourceKey, id: &VersionId) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = db.prepare_cached(concat!(
        "SELECT version.raw FROM resource JOIN version ON version.n ",
        versions_of!("resource.n"),
        " WHERE resource.type = ?1 AND resource.id = ?2 AND version.id = ?3"
    ))?;
    let row = params![type_number(&key.resource_type)?, key.id, id.as_bytes()];
    Ok(statement.query_row(row, |row| row.get(0)).optional()?)
}

/// The resources of a type that are about no patient and not deleted, newest first.
pub(crate) fn about_nobody(db: &Connection, resource_type: &str, limit: u32) -> Result<Vec<ResourceKey>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT type, id FROM resource WHERE type = ?1 AND deleted = 0 AND patients = ''
         ORDER BY updated DESC, id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![type_number(resource_type)?, limit])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        keys.push(key_of(row.get(0)?, row.get(1)?)?);
    }
    Ok(keys)
}

/// Calls `visit` with every resource that is not deleted, by type and id, one in memory at a time. Stops early when it
/// returns false.
pub(crate) fn each_resource(db: &Connection, visit: &mut dyn FnMut(Resource) -> bool) -> Result<(), StoreError> {
    let sql = format!("SELECT {ROW_COLUMNS}, n, raw, patients FROM resource WHERE deleted = 0 ORDER BY type, id");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !visit(whole_resource(db, row)?) {
            break;
        }
    }
    Ok(())
}

/// Keys of resources, read in one order until something cannot be read. True if all were.
pub(crate) fn keys(db: &Connection, order: &str, keys: &mut BTreeSet<ResourceKey>) -> Result<bool, StoreError> {
    let mut read = || -> Result<(), StoreError> {
        let mut statement = db.prepare(&format!("SELECT type, id FROM resource ORDER BY {order}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            keys.insert(key_of(row.get(0)?, row.get(1)?)?);
        }
        Ok(())
    };
    match read() {
        Ok(()) => Ok(true),
        Err(StoreError::DamagedFile) => Ok(false),
        Err(error) => Err(error),
    }
}

/// One side of a conflict as stored.
#[derive(Encode, Decode)]
struct Side {
    #[cbor(n(0), with = "minicbor::bytes")]
    version: [u8; 16],
    #[n(1)]
    value: Option<String>,
}

pub(crate) fn encode_sides(values: &[(VersionId, Option<String>)]) -> Vec<u8> {
    let sides = values.iter().map(|(id, value)| Side { version: *id.as_bytes(), value: value.clone() });
    to_cbor(&sides.collect::<Vec<_>>())
}

fn decode_sides(bytes: &[u8]) -> Result<Vec<(VersionId, Option<String>)>, StoreError> {
    let sides: Vec<Side> = from_cbor(bytes).map_err(|_| StoreError::DamagedFile)?;
    Ok(sides.into_iter().map(|side| (VersionId::from_bytes(side.version), side.value)).collect())
}

pub(crate) fn kind_number(kind: ConflictKind) -> i64 {
    match kind {
        ConflictKind::Value => 0,
        ConflictKind::Type => 1,
        ConflictKind::Status => 2,
        ConflictKind::RemovedElsewhere => 3,
        ConflictKind::DeletedElsewhere => 4,
        ConflictKind::Unreadable => 5,
    }
}

fn kind_of(number: i64) -> Result<ConflictKind, StoreError> {
    match number {
        0 => Ok(ConflictKind::Value),
        1 => Ok(ConflictKind::Type),
        2 => Ok(ConflictKind::Status),
        3 => Ok(ConflictKind::RemovedElsewhere),
        4 => Ok(ConflictKind::DeletedElsewhere),
        5 => Ok(ConflictKind::Unreadable),
        _ => Err(StoreError::DamagedFile),
    }
}

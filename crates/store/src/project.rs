//! What the records say now, worked out from the saves as they are opened.
//!
//! Promise: the projections are a function of the *set* of entries held and the keys at hand. Arrival order shows nowhere
//! in them, so they can be dropped and made again from the log (`check`), and two orders of arrival give the same digest.
//!
//! The common case is cheap: a version whose only parent is the only head becomes the only head, and nothing else of the
//! resource has to be read. Everything else waits until the batch is in and is then settled once per resource.

use crate::carried;
use crate::error::StoreError;
use crate::index::Indexer;
use crate::load::log_number;
use crate::people::People;
use crate::resources::raw_of;
use crate::schema::{VERSIONS_MAX, versions_of};
use crate::tally::{DELETED, Tally};
use rusqlite::{CachedStatement, OptionalExtension as _, Transaction, params};
use sanad_log::entry::Entry;
use sanad_record::compartment::{patients_of_key, read_for_patients};
use sanad_record::graph::{State, Version, current};
use sanad_record::key::{RESOURCE_TYPES, ResourceKey};
use sanad_record::merge::Conflict;
use sanad_record::op::{Action, Op, Save};
use sanad_record::version::VersionId;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Charts noted in one batch before the note is started anew; it only spares look-ups.
const CHARTS_NOTED_MAX: usize = 10_000;

/// Writes projections within one transaction.
pub(crate) struct Projector<'t> {
    tx: &'t Transaction<'t>,
    people: People<'t>,
    index: Indexer<'t>,
    /// Resources whose state has to be worked out anew from all their versions.
    unsettled: BTreeMap<i64, ResourceKey>,
    /// Charts of patients that are known to be written.
    charts: BTreeSet<(String, [u8; 16])>,
    /// How many more resources are deleted than before.
    deleted: i64,
    /// True if a save may come that came before.
    twice: bool,
}

/// A resource's row, as far as the common case needs it.
struct Known {
    n: i64,
    heads: Vec<VersionId>,
    versions: i64,
    deleted: bool,
    patients: String,
}

/// What a resource says now.
struct Now<'a> {
    heads: &'a [VersionId],
    versions: i64,
    /// The current bytes; `None` if it is deleted.
    raw: Option<&'a [u8]>,
    /// True if `raw` is a merge and stands nowhere else.
    merged: bool,
    version_id: Option<&'a str>,
    conflicts: &'a [Conflict],
    updated: u64,
    patients: Vec<String>,
}

impl<'t> Projector<'t> {
    pub(crate) fn new(tx: &'t Transaction<'t>) -> Result<Self, StoreError> {
        Ok(Projector {
            tx,
            people: People::new(tx),
            index: Indexer::new(tx),
            unsettled: BTreeMap::new(),
            charts: BTreeSet::new(),
            deleted: 0,
            twice: carried::any(tx)?,
        })
    }

    /// From now on a save may come again, in its own place or carried by several.
    pub(crate) fn expect_twice(&mut self) {
        self.twice = true;
    }

    fn statement(&self, sql: &str) -> Result<CachedStatement<'t>, StoreError> {
        Ok(self.tx.prepare_cached(sql)?)
    }

    /// Takes in what a save says. One that is carried says what it said in its own place.
    pub(crate) fn save(&mut self, log: i64, entry: &Entry, save: &Save) -> Result<(), StoreError> {
        match entry.carried() {
            Some(inner) => {
                let log = log_number(self.tx, inner.header().log)?.ok_or(StoreError::DamagedFile)?;
                self.save_at(log, &inner, save)
            }
            None => self.save_at(log, entry, save),
        }
    }

    fn save_at(&mut self, log: i64, entry: &Entry, save: &Save) -> Result<(), StoreError> {
        if let Some(key) = &save.idempotency {
            self.statement("INSERT INTO idempotency (key, log, seq) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING")?
                .execute(params![key, log, entry.header().seq as i64])?;
        }
        for (index, op) in save.ops.iter().enumerate() {
            let index = index as u32;
            let place = Place { log, entry, index, by: save.by.as_deref() };
            self.op(&place, VersionId::derive(&entry.id().0, index), op)?;
        }
        Ok(())
    }

    fn op(&mut self, place: &Place<'_>, id: VersionId, op: &Op) -> Result<(), StoreError> {
        let value = (op.action == Action::Put).then(|| read_for_patients(&op.key, &op.raw)).flatten();
        let raw = (op.action == Action::Put).then_some(&*op.raw);
        let patients = raw.map_or_else(Vec::new, |_| patients_in(&op.key, value.as_ref()));
        if let Some(patient) = patients.first() {
            self.chart(patient, place.entry)?;
        }
        let updated = place.entry.header().hlc.0;
        let heads = [id];
        let mut now =
            Now { heads: &heads, versions: 1, raw, merged: false, version_id: None, conflicts: &[], updated, patients };
        match self.known(&op.key)? {
            Some(known) if self.twice && self.has_version(known.n, &id)? => Ok(()),
            None => {
                let n = self.add_resource(&op.key, &now)?;
                self.add_version(n, 0, place, id, op)?;
                self.index.changed(n, &op.key, None, raw)?;
                self.people.changed(n, &op.key, raw.map(|_| value.as_ref()), updated)
            }
            Some(known)
                if known.heads == op.parents && known.heads.len() == 1 && !self.unsettled.contains_key(&known.n) =>
            {
                let before = self.says(&known)?;
                self.add_version(known.n, known.versions, place, id, op)?;
                self.index.changed(known.n, &op.key, before.as_deref(), raw)?;
                // What is withdrawn stays listed where it was.
                if op.action == Action::Delete {
                    now.patients = split(&known.patients);
                }
                now.versions = known.versions + 1;
                self.settle(&known, &now)?;
                self.people.changed(known.n, &op.key, raw.map(|_| value.as_ref()), updated)
            }
            Some(known) => {
                self.add_version(known.n, self.versions_held(known.n)?, place, id, op)?;
                self.unsettled.insert(known.n, op.key.clone());
                Ok(())
            }
        }
    }

    /// Settles what waited. Must be called before the transaction is committed.
    pub(crate) fn finish(mut self, tally: &mut Tally) -> Result<(), StoreError> {
        while let Some((n, key)) = self.unsettled.pop_first() {
            self.settle_from_versions(n, &key)?;
        }
        tally.add(DELETED, self.deleted);
        self.people.finish()
    }

    fn known(&self, key: &ResourceKey) -> Result<Option<Known>, StoreError> {
        let mut statement =
            self.statement("SELECT n, heads, versions, deleted, patients FROM resource WHERE type = ?1 AND id = ?2")?;
        let row = statement
            .query_row(params![type_number(&key.resource_type)?, key.id], |row| {
                let heads: Vec<u8> = row.get(1)?;
                let known = Known {
                    n: row.get(0)?,
                    heads: Vec::new(),
                    versions: row.get(2)?,
                    deleted: row.get(3)?,
                    patients: row.get(4)?,
                };
                Ok((known, heads))
            })
            .optional()?;
        row.map(|(known, heads)| Ok(Known { heads: version_ids(&heads)?, ..known })).transpose()
    }

    /// What a resource says until it is settled again.
    fn says(&self, known: &Known) -> Result<Option<Vec<u8>>, StoreError> {
        match &known.heads[..] {
            _ if known.deleted => Ok(None),
            [head] => raw_of(self.tx, known.n, head),
            _ => Ok(self.statement("SELECT raw FROM resource WHERE n = ?1")?.query_row([known.n], |row| row.get(0))?),
        }
    }

    fn add_resource(&mut self, key: &ResourceKey, now: &Now<'_>) -> Result<i64, StoreError> {
        assert!(now.heads.len() == 1 && !now.merged, "a new resource has one version");
        self.statement(
            "INSERT INTO resource (type, id, heads, versions, deleted, conflicts, updated, patients)
             VALUES (?1, ?2, ?3, 1, ?4, 0, ?5, ?6)",
        )?
        .execute(params![
            type_number(&key.resource_type)?,
            key.id,
            head_bytes(now.heads),
            now.raw.is_none(),
            stored_hlc(now.updated),
            now.patients.join(" "),
        ])?;
        let n = self.tx.last_insert_rowid();
        self.deleted += i64::from(now.raw.is_none());
        for patient in &now.patients {
            self.about(patient, n)?;
        }
        Ok(n)
    }

    fn has_version(&self, resource: i64, id: &VersionId) -> Result<bool, StoreError> {
        let sql = concat!("SELECT 1 FROM version WHERE id = ?2 AND n ", versions_of!("?1"));
        let mut statement = self.statement(sql)?;
        Ok(statement.query_row(params![resource, id.as_bytes()], |_| Ok(())).optional()?.is_some())
    }

    /// Versions of a resource, those of this transaction included.
    fn versions_held(&self, resource: i64) -> Result<i64, StoreError> {
        let mut statement = self.statement(concat!("SELECT count(*) FROM version WHERE n ", versions_of!("?1")))?;
        Ok(statement.query_row([resource], |row| row.get(0))?)
    }

    /// Adds a version; `held` are those that the resource has before it.
    fn add_version(
        &self,
        resource: i64,
        held: i64,
        place: &Place<'_>,
        id: VersionId,
        op: &Op,
    ) -> Result<(), StoreError> {
        assert!(op.action == Action::Put || op.raw.is_empty(), "a delete says nothing");
        if held >= VERSIONS_MAX {
            return Err(StoreError::TooLarge("number of versions"));
        }
        self.statement(
            "INSERT INTO version (n, id, log, seq, op, action, hlc, by, parents, raw)
             VALUES (?1 << 24 | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        )?
        .execute(params![
            resource,
            held,
            id.as_bytes(),
            place.log,
            place.entry.header().seq as i64,
            place.index,
            action_number(op.action),
            place.entry.header().hlc.0 as i64,
            place.by,
            head_bytes(&op.parents),
            op.raw,
        ])?;
        self.statement("INSERT INTO change (resource) VALUES (?1)")?.execute([resource])?;
        Ok(())
    }

    /// Which chart a patient's records stand in: those whose subject the patient is. A resource that only mentions a
    /// second patient says nothing of that patient's chart.
    fn chart(&mut self, patient: &str, entry: &Entry) -> Result<(), StoreError> {
        let noted = (patient.to_owned(), entry.header().scope.0);
        if self.charts.contains(&noted) {
            return Ok(());
        }
        self.statement("INSERT INTO chart (patient, scope) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![noted.0, noted.1])?;
        if self.charts.len() >= CHARTS_NOTED_MAX {
            self.charts.clear();
        }
        self.charts.insert(noted);
        Ok(())
    }

    fn about(&self, patient: &str, resource: i64) -> Result<(), StoreError> {
        self.statement("INSERT INTO about (person, resource) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![self.person(patient)?, resource])?;
        Ok(())
    }

    /// The number of a patient.
    fn person(&self, id: &str) -> Result<i64, StoreError> {
        if let Some(n) =
            self.statement("SELECT n FROM person WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()?
        {
            return Ok(n);
        }
        self.statement("INSERT INTO person (id) VALUES (?1)")?.execute([id])?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Writes what a resource says now over what it said.
    fn settle(&mut self, known: &Known, now: &Now<'_>) -> Result<(), StoreError> {
        assert!(!now.heads.is_empty() && now.versions >= 1, "a resource with versions has a head");
        let patients = now.patients.join(" ");
        self.deleted += i64::from(now.raw.is_none()) - i64::from(known.deleted);
        self.statement(
            "UPDATE resource SET heads = ?2, versions = ?9, deleted = ?3, conflicts = ?4, updated = ?5, patients = ?6,
             version_id = ?7, raw = ?8 WHERE n = ?1",
        )?
        .execute(params![
            known.n,
            head_bytes(now.heads),
            now.raw.is_none(),
            now.conflicts.len() as i64,
            stored_hlc(now.updated),
            patients,
            now.version_id,
            now.raw.filter(|_| now.merged),
            now.versions,
        ])?;
        if patients != known.patients {
            for patient in split(&known.patients) {
                self.statement("DELETE FROM about WHERE person = ?1 AND resource = ?2")?
                    .execute(params![self.person(&patient)?, known.n])?;
            }
            for patient in &now.patients {
                self.about(patient, known.n)?;
            }
        }
        // One head has no conflicts, before or after.
        if known.heads.len() > 1 || now.heads.len() > 1 { self.conflicts(known.n, now.conflicts) } else { Ok(()) }
    }

    fn conflicts(&self, resource: i64, conflicts: &[Conflict]) -> Result<(), StoreError> {
        self.statement("DELETE FROM conflict WHERE resource = ?1")?.execute([resource])?;
        for (at, conflict) in conflicts.iter().enumerate() {
            self.statement("INSERT INTO conflict (resource, at, path, kind, sides) VALUES (?1, ?2, ?3, ?4, ?5)")?
                .execute(params![
                    resource,
                    at as i64,
                    conflict.path,
                    crate::resources::kind_number(conflict.kind),
                    crate::resources::encode_sides(&conflict.values),
                ])?;
        }
        Ok(())
    }

    /// The long way: all versions of the resource are looked at.
    fn settle_from_versions(&mut self, n: i64, key: &ResourceKey) -> Result<(), StoreError> {
        let known = self.known(key)?.ok_or(StoreError::DamagedFile)?;
        assert!(known.n == n, "a resource has one row");
        let versions = self.versions(n)?;
        let now = current(&versions);
        let updated =
            versions.iter().filter(|version| now.heads.contains(&version.id)).map(|version| version.hlc).max();
        let updated = updated.unwrap_or_default();
        let raw = match &now.state {
            State::Live { raw } => Some(&**raw),
            State::Deleted => None,
        };
        let value = raw.and_then(|raw| read_for_patients(key, raw));
        let patients = match raw {
            Some(_) => patients_in(key, value.as_ref()),
            None => last_patients(&versions, key),
        };
        let merged = now.heads.len() > 1;
        self.index.changed(n, key, self.says(&known)?.as_deref(), raw)?;
        self.settle(
            &known,
            &Now {
                heads: &now.heads,
                versions: versions.len() as i64,
                raw,
                merged,
                version_id: merged.then_some(&*now.version_id),
                conflicts: &now.conflicts,
                updated,
                patients,
            },
        )?;
        self.people.changed(n, key, raw.map(|_| value.as_ref()), updated)
    }

    fn versions(&self, resource: i64) -> Result<Vec<Version>, StoreError> {
        let mut statement = self.statement(concat!(
            "SELECT id, parents, action, raw, hlc FROM version WHERE n ",
            versions_of!("?1"),
            " ORDER BY id"
        ))?;
        let rows = statement.query_map([resource], |row| {
            Ok((
                row.get::<_, [u8; 16]>(0)?,
                row.get::<_, Vec<u8>>(1)?,
                row.get::<_, i64>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, i64>(4)?,
            ))
        })?;
        rows.map(|row| {
            let (id, parents, action, raw, hlc) = row?;
            Ok(Version {
                id: VersionId::from_bytes(id),
                parents: version_ids(&parents)?,
                action: action_of(action)?,
                raw: Arc::from(raw),
                hlc: hlc as u64,
            })
        })
        .collect()
    }
}

/// Where a version comes from.
struct Place<'a> {
    log: i64,
    entry: &'a Entry,
    index: u32,
    by: Option<&'a str>,
}

/// Whom a resource is about. One whose bytes are not JSON names nobody, but a Patient is still the patient of its key.
fn patients_in(key: &ResourceKey, resource: Option<&Value>) -> Vec<String> {
    patients_of_key(key, resource.unwrap_or(&Value::Null))
}

/// The patients a deleted resource was about: those of its puts that no later put follows.
fn last_patients(versions: &[Version], key: &ResourceKey) -> Vec<String> {
    let by_id: BTreeMap<VersionId, &Version> = versions.iter().map(|version| (version.id, version)).collect();
    let mut before: BTreeSet<VersionId> = BTreeSet::new();
    let mut next: Vec<VersionId> = versions
        .iter()
        .filter(|version| version.action == Action::Put)
        .flat_map(|version| version.parents.iter().copied().filter(|parent| *parent != version.id))
        .collect();
    while let Some(id) = next.pop() {
        if before.insert(id) {
            next.extend(by_id.get(&id).into_iter().flat_map(|version| version.parents.iter().copied()));
        }
    }
    let mut patients = Vec::new();
    for version in versions.iter().filter(|version| version.action == Action::Put && !before.contains(&version.id)) {
        for patient in patients_in(key, read_for_patients(key, &version.raw).as_ref()) {
            if !patients.contains(&patient) {
                patients.push(patient);
            }
        }
    }
    patients
}

/// A resource type's place in the fixed table, which is sorted, so numbers order like names.
pub(crate) fn type_number(resource_type: &str) -> Result<i64, StoreError> {
    RESOURCE_TYPES
        .binary_search(&resource_type)
        .map(|index| index as i64)
        .map_err(|_| StoreError::TooLarge("resource type"))
}

/// The type at a place of the table.
pub(crate) fn type_name(number: i64) -> Result<&'static str, StoreError> {
    usize::try_from(number).ok().and_then(|at| RESOURCE_TYPES.get(at).copied()).ok_or(StoreError::DamagedFile)
}

/// Version ids side by side.
pub(crate) fn head_bytes(ids: &[VersionId]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

/// Reads what [`head_bytes`] wrote.
pub(crate) fn version_ids(bytes: &[u8]) -> Result<Vec<VersionId>, StoreError> {
    let (ids, rest) = bytes.as_chunks::<16>();
    if rest.is_empty() {
        Ok(ids.iter().copied().map(VersionId::from_bytes).collect())
    } else {
        Err(StoreError::DamagedFile)
    }
}

/// A clock's stamp as a column that orders like it. Stamps past the year 6400 are shown as that year.
pub(crate) fn stored_hlc(hlc: u64) -> i64 {
    i64::try_from(hlc).unwrap_or(i64::MAX)
}

pub(crate) fn action_number(action: Action) -> i64 {
    match action {
        Action::Put => 0,
        Action::Delete => 1,
    }
}

pub(crate) fn action_of(number: i64) -> Result<Action, StoreError> {
    match number {
        0 => Ok(Action::Put),
        1 => Ok(Action::Delete),
        _ => Err(StoreError::DamagedFile),
    }
}

/// Ids that were joined by spaces, which no id contains.
pub(crate) fn split(ids: &str) -> Vec<String> {
    ids.split(' ').filter(|id| !id.is_empty()).map(str::to_owned).collect()
}

//! Reading patients: the list, the search, one patient's page.

use crate::error::StoreError;
use crate::resources::{Page, ROW_COLUMNS, ResourceRow, resource, resource_row, scopes_of_patient};
use rusqlite::{Connection, OptionalExtension as _, params};
use sanad_log::ids::ScopeTag;
use sanad_record::identifier::identifiers;
use sanad_record::key::ResourceKey;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Most resources on one patient's page; the newest are shown.
pub const PATIENT_RESOURCES_MAX: u32 = 10_000;

/// What is about a patient, by its number, what is deleted included.
pub(crate) const ABOUT_PATIENT: &str =
    "SELECT about.resource FROM person JOIN about ON about.person = person.n WHERE person.id = ?1";

/// A patient as a line of a list. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientRow {
    /// The id of the Patient resource.
    pub id: String,
    /// The name to show; `None` for someone without one.
    pub display: Option<String>,
    /// The everyday name (kunya), if one is kept.
    pub call_name: Option<String>,
    /// `Patient.gender`.
    pub sex: Option<String>,
    /// `Patient.birthDate`, as precise as it was given.
    pub birth_date: Option<String>,
    /// Tag numbers and other identifiers.
    pub identifiers: Vec<String>,
    /// Resources about this patient, those of merged-away ones included.
    pub resources: u64,
    /// Of these, the ones that wait for a clinician.
    pub conflicts: u64,
    /// When the Patient resource last changed, by its author's clock.
    pub updated_ms: u64,
    /// Patients that were merged into this one.
    pub survivor_of: Vec<String>,
}

/// One patient with everything about them. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct PatientPage {
    /// The line of the list.
    pub row: PatientRow,
    /// The charts that their records stand in.
    pub scopes: Vec<ScopeTag>,
    /// Their resources, newest first.
    pub resources: Vec<ResourceRow>,
}

/// The list without a search: those not merged away, newest first.
pub(crate) fn newest(db: &Connection, page: Page) -> Result<Vec<PatientRow>, StoreError> {
    let mut statement = db.prepare_cached(
        "SELECT id FROM patient WHERE survivor IS NULL ORDER BY updated DESC, n DESC LIMIT ?1 OFFSET ?2",
    )?;
    let ids: Vec<String> =
        statement.query_map(params![page.rows(), page.offset], |row| row.get(0))?.collect::<Result<_, _>>()?;
    ids.into_iter().map(|id| row_of(db, id)).collect()
}

/// The patient in whose chart this one is shown: the one itself unless it was merged away.
pub(crate) fn survivor(db: &Connection, id: &str) -> Result<String, StoreError> {
    let mut statement = db.prepare_cached("SELECT survivor FROM patient WHERE id = ?1")?;
    let survivor: Option<Option<String>> = statement.query_row([id], |row| row.get(0)).optional()?;
    Ok(survivor.flatten().unwrap_or_else(|| id.to_owned()))
}

/// Everybody who is shown in the chart of this one, this one included, sorted.
pub(crate) fn class_of(db: &Connection, survivor: &str) -> Result<BTreeSet<String>, StoreError> {
    let mut statement = db.prepare_cached("SELECT id FROM patient WHERE survivor = ?1")?;
    let mut class: BTreeSet<String> = statement.query_map([survivor], |row| row.get(0))?.collect::<Result<_, _>>()?;
    class.insert(survivor.to_owned());
    Ok(class)
}

/// All ids under which one person's records stand.
pub(crate) fn ids_of_person(db: &Connection, id: &str) -> Result<Vec<String>, StoreError> {
    let mut class = class_of(db, &survivor(db, id)?)?;
    class.insert(id.to_owned());
    Ok(class.into_iter().collect())
}

/// A patient's line. A patient whose resource is not here, or is deleted, has a line without a name.
pub(crate) fn row_of(db: &Connection, id: String) -> Result<PatientRow, StoreError> {
    let key = ResourceKey::new("Patient", id.clone()).map_err(|_| StoreError::TooLarge("patient id"))?;
    let current = resource(db, &key)?;
    let value = current.as_ref().and_then(|current| serde_json::from_slice::<Value>(current.raw.as_deref()?).ok());
    let value = value.unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let class = class_of(db, &id)?;
    let mut row = PatientRow {
        display: display_name(&value),
        call_name: name_with_use(&value, &["nickname"]).and_then(name_text),
        sex: text("gender"),
        birth_date: text("birthDate"),
        identifiers: identifiers(&value).map(str::to_owned).collect(),
        resources: 0,
        conflicts: 0,
        updated_ms: current.map_or(0, |current| current.updated_ms),
        survivor_of: class.iter().filter(|other| **other != id).cloned().collect(),
        id,
    };
    // A resource may be about several members of the class and counts once.
    let mut resources = BTreeMap::new();
    let mut statement = db.prepare_cached(
        "SELECT resource.n, conflicts > 0 FROM person JOIN about ON about.person = person.n
         JOIN resource ON resource.n = about.resource WHERE person.id = ?1 AND deleted = 0",
    )?;
    for patient in &class {
        let mut rows = statement.query([patient])?;
        while let Some(found) = rows.next()? {
            resources.insert(found.get::<_, i64>(0)?, found.get::<_, bool>(1)?);
        }
    }
    row.resources = resources.len() as u64;
    row.conflicts = resources.values().filter(|waits| **waits).count() as u64;
    Ok(row)
}

/// One patient's page, under whichever id of the merge class it is asked for. `None` if nothing here is about them.
pub(crate) fn page_of(db: &Connection, id: &str) -> Result<Option<PatientPage>, StoreError> {
    let survivor = survivor(db, id)?;
    let class = class_of(db, &survivor)?;
    let sql = format!(
        "SELECT {ROW_COLUMNS} FROM about JOIN resource ON resource.n = about.resource
         WHERE person = (SELECT n FROM person WHERE id = ?1) ORDER BY updated DESC, type, id LIMIT {PATIENT_RESOURCES_MAX}"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let (mut resources, mut scopes) = (Vec::new(), BTreeSet::new());
    for patient in &class {
        let mut rows = statement.query([patient])?;
        while let Some(row) = rows.next()? {
            resources.push(resource_row(row)?);
        }
        scopes.extend(scopes_of_patient(db, patient)?);
    }
    if resources.is_empty() {
        return Ok(None);
    }
    // A resource about two members of the class is there twice.
    resources.sort_by(|a, b| b.updated_ms.cmp(&a.updated_ms).then_with(|| a.key.cmp(&b.key)));
    resources.dedup_by(|a, b| a.key == b.key);
    Ok(Some(PatientPage { row: row_of(db, survivor)?, scopes: scopes.into_iter().collect(), resources }))
}

fn names(patient: &Value) -> &[Value] {
    patient.get("name").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn name_with_use<'v>(patient: &'v Value, uses: &[&str]) -> Option<&'v Value> {
    let mut names = names(patient).iter();
    names.find(|name| name.get("use").and_then(Value::as_str).is_some_and(|used| uses.contains(&used)))
}

/// The name to show: the official or usual one, else the first that is neither old nor a nickname, else any.
fn display_name(patient: &Value) -> Option<String> {
    let passing =
        |name: &&Value| !matches!(name.get("use").and_then(Value::as_str), Some("nickname" | "old" | "maiden"));
    let official = name_with_use(patient, &["official"]).or_else(|| name_with_use(patient, &["usual"]));
    let name = official.or_else(|| names(patient).iter().find(passing)).or_else(|| names(patient).first())?;
    name_text(name)
}

/// A HumanName as one line: its text, else its parts in their order.
fn name_text(name: &Value) -> Option<String> {
    if let Some(text) = name.get("text").and_then(Value::as_str).filter(|text| !text.trim().is_empty()) {
        return Some(text.trim().to_owned());
    }
    let list = |part: &str| {
        name.get(part).and_then(Value::as_array).map_or(&[][..], Vec::as_slice).iter().filter_map(Value::as_str)
    };
    let family = name.get("family").and_then(Value::as_str);
    let parts: Vec<&str> = list("prefix").chain(list("given")).chain(family).chain(list("suffix")).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

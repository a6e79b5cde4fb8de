//! Reading the record for the clinic's screens: searches, and a chart by the types of its resources.

use std::collections::BTreeMap;

use sanad_node::site::Site;
use sanad_record::json::parse_object;
use sanad_record::key::ResourceKey;
use sanad_record::search;
use sanad_store::{Resource, StoreError};
use serde_json::Value;

use crate::source::SourceError;

/// Most resources that a search of a screen reads; the screen says when there are more.
pub(crate) const ROWS_MAX: u32 = 1_000;
/// Most resources of one type that a chart on one screen is made of, the newest: some weeks on a ward.
const OF_TYPE_MAX: usize = 400;

/// A resource as it stands, to be looked at. No `Debug`: it holds patient text.
pub(crate) struct Read {
    pub key: ResourceKey,
    pub value: Value,
    /// Whether values of it wait for a clinician's choice.
    pub conflicts: bool,
    pub updated_ms: u64,
}

fn read(resource: Resource) -> Option<Read> {
    let raw = resource.raw?;
    // What others wrote may say a member twice; the first is what every other reader here takes.
    parse_object(&raw).ok()?;
    let value = serde_json::from_slice(&raw).ok()?;
    Some(Read { conflicts: !resource.conflicts.is_empty(), updated_ms: resource.updated_ms, key: resource.key, value })
}

/// One resource, if it is here and not deleted.
pub(crate) fn one(site: &Site, kind: &str, id: &str) -> Result<Option<Read>, SourceError> {
    let Ok(key) = ResourceKey::new(kind, id) else { return Ok(None) };
    Ok(site.reader().resource(&key)?.and_then(read))
}

/// The bytes of one resource, if it is here and not deleted: for what has to keep the digits of its numbers.
pub(crate) fn raw(site: &Site, kind: &str, id: &str) -> Result<Option<Vec<u8>>, SourceError> {
    let Ok(key) = ResourceKey::new(kind, id) else { return Ok(None) };
    Ok(site.reader().resource(&key)?.and_then(|resource| resource.raw))
}

/// What meets these parameters of FHIR's search, at most [`ROWS_MAX`], within a patient's chart if one is named.
pub(crate) fn find(
    site: &Site,
    kind: &'static str,
    pairs: &[(&str, &str)],
    within: Option<&str>,
    now_ms: u64,
) -> Result<Vec<Read>, SourceError> {
    let mut query = search::read(Some(kind), pairs.iter().copied(), search::Now(now_ms)).map_err(|_| SourceError)?;
    query.count = ROWS_MAX;
    query.within = within.map(str::to_owned);
    Ok(site.reader().find(&query)?.matches.into_iter().filter_map(read).collect())
}

/// A patient's chart. No `Debug`: it holds patient text.
pub(crate) struct Chart {
    /// The id of the Patient resource. A patient who was merged into another has that one's.
    pub id: String,
    /// The Patient resource's bytes; empty if they are not here.
    pub patient: Vec<u8>,
    resources: BTreeMap<String, Vec<Read>>,
}

impl Chart {
    /// Reads a chart; `None` if there is no such patient, or it cannot be read here.
    pub(crate) fn read(site: &Site, id: &str) -> Result<Option<Chart>, SourceError> {
        let reader = site.reader();
        let Some(page) = reader.patient(id)? else { return Ok(None) };
        let mut resources: BTreeMap<String, Vec<Read>> = BTreeMap::new();
        let mut patient = Vec::new();
        for row in page.resources.iter().filter(|row| !row.deleted && row.key.resource_type != "AuditEvent") {
            let is_patient = row.key.resource_type == "Patient";
            if is_patient && row.key.id != page.row.id {
                continue;
            }
            let of_type = resources.entry(row.key.resource_type.clone()).or_default();
            if of_type.len() >= OF_TYPE_MAX {
                continue;
            }
            let found = match reader.resource(&row.key) {
                // One that stands on a damaged page is left out, and the chart goes on.
                Err(StoreError::DamagedFile) => continue,
                found => found?,
            };
            if is_patient {
                patient = found.as_ref().and_then(|found| found.raw.clone()).unwrap_or_default();
            }
            of_type.extend(found.and_then(read));
        }
        Ok(Some(Chart { id: page.row.id, patient, resources }))
    }

    /// How many resources of it were written since then.
    pub(crate) fn written_since(&self, since_ms: u64) -> u64 {
        self.resources.values().flatten().filter(|read| read.updated_ms >= since_ms).count() as u64
    }

    #[cfg(test)]
    pub(crate) fn empty(id: &str) -> Chart {
        Chart { id: id.to_owned(), patient: Vec::new(), resources: BTreeMap::new() }
    }

    /// What waits for a clinician's choice, those of one type after another.
    pub(crate) fn in_conflict(&self) -> impl Iterator<Item = &ResourceKey> {
        self.resources.values().flatten().filter(|read| read.conflicts).map(|read| &read.key)
    }

    /// The resources of a type, newest first.
    pub(crate) fn of(&self, kind: &str) -> &[Read] {
        self.resources.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The same, as values.
    pub(crate) fn values(&self, kind: &str) -> Vec<&Value> {
        self.of(kind).iter().map(|read| &read.value).collect()
    }
}

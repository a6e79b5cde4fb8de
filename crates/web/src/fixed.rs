//! A record that does not change, held in memory: what the tests and the browser run look at.

use std::collections::BTreeMap;

use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;

use crate::model::{
    Asks, ConflictRow, ForkRow, GROUP_ROWS, Gauges, Group, Listing, Overview, PAGE_ROWS, PatientPage, PatientRow,
    Piece, Quarantine, ResourcePage, ResourceRow, VersionPage,
};

/// The record.
pub struct Fixed {
    /// What the header shows.
    pub gauges: Gauges,
    /// The first page.
    pub overview: Overview,
    /// The patients; their groups are filled from `resources`.
    pub patients: Vec<PatientPage>,
    /// The resources, newest first within a patient.
    pub resources: Vec<ResourcePage>,
    /// Asks for charts.
    pub asks: Asks,
    /// What is kept aside, newest first.
    pub pieces: Vec<Piece>,
    /// Devices that went back in time.
    pub forks: Vec<ForkRow>,
    /// The bytes of versions that differ from the current ones.
    pub version_bytes: BTreeMap<VersionId, Vec<u8>>,
}

impl Fixed {
    pub(crate) fn patients(&self, query: Option<&str>, page: u64) -> Listing<PatientRow> {
        let matches = |patient: &&PatientPage| {
            query.is_none_or(|query| patient.id == query || String::from_utf8_lossy(&patient.raw).contains(query))
        };
        let rows = self.patients.iter().filter(matches).map(|patient| PatientRow {
            id: patient.id.clone(),
            raw: patient.raw.clone(),
            conflicts: patient.conflicts,
        });
        listing(rows.collect(), page)
    }

    pub(crate) fn patient(&self, id: &str) -> Option<PatientPage> {
        let mut patient = self.person(id)?.clone();
        let mut groups: BTreeMap<String, Vec<ResourceRow>> = BTreeMap::new();
        for row in self.rows_of(&patient.id) {
            groups.entry(row.key.resource_type.clone()).or_default().push(row);
        }
        patient.groups = groups
            .into_iter()
            .map(|(resource_type, mut rows)| {
                let total = rows.len() as u64;
                rows.truncate(GROUP_ROWS as usize);
                Group { resource_type, total, newest: rows }
            })
            .collect();
        Some(patient)
    }

    pub(crate) fn resources_of(&self, patient: &str, resource_type: &str, page: u64) -> Option<Listing<ResourceRow>> {
        self.person(patient)?;
        let rows = self.rows_of(patient).filter(|row| row.key.resource_type == resource_type);
        Some(listing(rows.collect(), page))
    }

    pub(crate) fn resource(&self, key: &ResourceKey) -> Option<ResourcePage> {
        self.resources.iter().find(|resource| resource.key == *key).cloned()
    }

    pub(crate) fn version(&self, key: &ResourceKey, version: &VersionId) -> Option<VersionPage> {
        let resource = self.resource(key)?;
        let row = resource.versions.iter().find(|row| row.id == *version)?.clone();
        let raw = self.version_bytes.get(version).cloned().or(resource.raw).filter(|_| !row.deletes);
        Some(VersionPage { key: resource.key, version: row, raw })
    }

    pub(crate) fn conflicts(&self, page: u64) -> Listing<ConflictRow> {
        let rows =
            self.resources.iter().filter(|resource| !resource.conflicts.is_empty()).map(|resource| ConflictRow {
                key: resource.key.clone(),
                raw: resource.raw.clone().unwrap_or_default(),
                conflicts: resource.conflicts.clone(),
            });
        listing(rows.collect(), page)
    }

    pub(crate) fn quarantine(&self, page: u64) -> Quarantine {
        Quarantine { pieces: listing(self.pieces.clone(), page), dropped: 2, forks: self.forks.clone() }
    }

    fn person(&self, id: &str) -> Option<&PatientPage> {
        self.patients.iter().find(|patient| patient.id == id || patient.merged_from.iter().any(|other| other == id))
    }

    fn rows_of(&self, patient: &str) -> impl Iterator<Item = ResourceRow> {
        let about = move |resource: &&ResourcePage| {
            resource.key.resource_type != "Patient" && resource.about.iter().any(|about| about == patient)
        };
        self.resources.iter().filter(about).map(|resource| ResourceRow {
            key: resource.key.clone(),
            raw: resource.raw.clone().unwrap_or_default(),
            conflict: !resource.conflicts.is_empty(),
        })
    }
}

fn listing<T>(rows: Vec<T>, page: u64) -> Listing<T> {
    let total = rows.len() as u64;
    let skipped = page.saturating_sub(1).saturating_mul(PAGE_ROWS);
    let rows = rows.into_iter().skip(usize::try_from(skipped).unwrap_or(usize::MAX)).take(PAGE_ROWS as usize).collect();
    Listing { rows, page, more: skipped.saturating_add(PAGE_ROWS) < total, total: Some(total) }
}

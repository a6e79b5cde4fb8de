//! The pages of a site at work, from its status and its reader.

use std::collections::{BTreeMap, BTreeSet};

use sanad_log::ids::DeviceId;
use sanad_log::replica::Outcome;
use sanad_node::explain::{Asked, ExplainError, Place};
use sanad_node::exposure::Exposed;
use sanad_node::session::End;
use sanad_node::site::{Site, SiteError};
use sanad_node::status::{SiteStatus, Status};
use sanad_record::compartment::patients_of_key;
use sanad_record::key::ResourceKey;
use sanad_record::op::Action;
use sanad_record::version::VersionId;
use sanad_store::{Page, Reader, Reason, StoreError};

use super::{SourceError, wait};
use crate::model::{
    Aside, Confirmed, Conflict, ConflictRow, Failing, GROUP_ROWS, Gauges, GrantRow, Group, Lane, LaneRow, Listing,
    Overview, PAGE_ROWS, PatientPage, PatientRow, PlaceRow, Policy, Reads, ResourcePage, ResourceRow, Side, SiteKind,
    SiteRow, SyncOutcome, SyncRow, VersionPage, VersionRow,
};

/// How many versions of one resource a page shows; the newest of them.
const VERSIONS_MAX: usize = 500;

impl From<SiteError> for SourceError {
    fn from(_: SiteError) -> SourceError {
        SourceError
    }
}

impl From<StoreError> for SourceError {
    fn from(_: StoreError) -> SourceError {
        SourceError
    }
}

pub(super) fn gauges(site: &Site) -> Result<Gauges, SourceError> {
    Ok(gauges_of(&wait(site.status())?))
}

fn gauges_of(status: &Status) -> Gauges {
    Gauges {
        call_sign: status.site.clone(),
        only_here_records: status.only_here.records,
        not_yet_safe_records: status.not_yet_safe.records,
        readable_charts: status.readable_here.patients.max(status.readable_here.charts),
        conflicts: status.stored.conflicts,
    }
}

pub(super) fn overview(site: &Site) -> Result<Overview, SourceError> {
    let status = wait(site.status())?;
    let mut sites = vec![SiteRow {
        call_sign: status.site.clone(),
        kind: kind(status.kind),
        this: true,
        confirmed: None,
        heard_ms: None,
        failing: None,
        addresses: Vec::new(),
    }];
    sites.extend(status.sites.iter().map(|other| site_row(other, status.stored.records)));
    let mut syncs: Vec<_> = status.sites.iter().filter_map(sync_row).collect();
    syncs.sort_by_key(|sync| std::cmp::Reverse(sync.at_ms));
    Ok(Overview {
        records: status.stored.records,
        sealed: status.stored.sealed_entries,
        sites,
        syncs,
        aside: aside(&status),
        lanes: lanes(&status.only_here, &status.not_yet_safe),
        policy: Policy {
            copies: status.policy.copies.into(),
            outside: status.policy.outside,
            can_be_met: status.policy.can_be_met,
        },
    })
}

/// What is kept aside, as the first page counts it.
fn aside(status: &Status) -> Aside {
    let waiting = |reason: Reason| status.quarantine.by_reason.get(reason.name()).copied().unwrap_or_default();
    let strangers = waiting(Reason::UnknownAuthor);
    let unreadable = waiting(Reason::BrokenSeal) + waiting(Reason::NotASave) + waiting(Reason::UnknownFormat);
    let damaged = waiting(Reason::Damage);
    Aside {
        // The other entry of a forked place is told with the fork.
        refused: status.quarantine.waiting - strangers - unreadable - damaged - waiting(Reason::Fork),
        damaged,
        forks: status.forks.len() as u64,
        strangers,
        unreadable,
        lost: status.lost.entries,
    }
}

fn lanes(only_here: &Exposed, not_yet_safe: &Exposed) -> Vec<LaneRow> {
    let (alone, too_few) = (&only_here.by_lane, &not_yet_safe.by_lane);
    let rows = [
        (Lane::Urgent, alone.urgent, too_few.urgent),
        (Lane::Clinical, alone.clinical, too_few.clinical),
        (Lane::Bulk, alone.bulk, too_few.bulk),
    ];
    let rows = rows.map(|(lane, alone, few)| LaneRow { lane, only_here: alone.records, not_yet_safe: few.records });
    rows.into_iter().filter(|row| row.not_yet_safe > 0).collect()
}

fn failing(failing: Option<&sanad_node::talk::Failing>) -> Option<Failing> {
    failing.map(|failing| Failing { since_ms: failing.since_ms, why: failing.why.clone() })
}

fn place_row(place: Place) -> PlaceRow {
    PlaceRow {
        call_sign: place.site,
        kind: kind(place.kind),
        confirmed: place.confirmed_entries,
        all: place.confirmed_entries + place.missing_entries,
        receipt_ms: place.receipt_ms,
        told_by: place.told_by,
        talked_ms: place.talked_ms,
        failing: failing(place.failing.as_ref()),
        under_way: place.under_way.iter().map(|left| (left.left_ms, left.entries)).collect(),
        reads: match place.reads {
            sanad_node::explain::Reads::Readable => Reads::Readable,
            sanad_node::explain::Reads::Partly => Reads::Partly,
            sanad_node::explain::Reads::Sealed => Reads::Sealed,
        },
    }
}

fn kind(name: &str) -> SiteKind {
    match name {
        "haven" => SiteKind::Haven,
        "keeper" => SiteKind::Keeper,
        _ => SiteKind::Enclave,
    }
}

fn site_row(other: &SiteStatus, records: u64) -> SiteRow {
    let behind = other.behind.records;
    SiteRow {
        call_sign: other.site.clone(),
        kind: kind(other.kind),
        this: false,
        confirmed: other.confirmed_ms.map(|at_ms| Confirmed { at_ms, held: records.saturating_sub(behind), behind }),
        heard_ms: other.last_session.as_ref().map(|report| report.ended_ms).or(other.talked_ms),
        failing: failing(other.failing.as_ref()),
        addresses: other.addresses.clone(),
    }
}

fn sync_row(other: &SiteStatus) -> Option<SyncRow> {
    let report = other.last_session.as_ref()?;
    let (received, sent) = (report.entries_received, report.entries_sent);
    let outcome = match report.end {
        End::Outcome(Outcome::Done) => SyncOutcome::Done { received, sent },
        End::Outcome(Outcome::Refused(_) | Outcome::RefusedByPeer(_)) => SyncOutcome::Refused,
        End::Outcome(Outcome::DiskRefused) => SyncOutcome::DiskFull,
        End::Outcome(Outcome::Outlived) | End::Lost(_) => SyncOutcome::Broken { received, sent },
    };
    Some(SyncRow { call_sign: other.site.clone(), at_ms: report.ended_ms, outcome })
}

/// Where the rows of a page are, and one more, which tells whether another page follows.
pub(super) fn piece(page: u64) -> Page {
    let offset = page.saturating_sub(1).saturating_mul(PAGE_ROWS);
    Page { offset: u32::try_from(offset).unwrap_or(u32::MAX), limit: PAGE_ROWS as u32 + 1 }
}

pub(super) fn listing<T>(mut rows: Vec<T>, page: u64, total: Option<u64>) -> Listing<T> {
    let more = rows.len() as u64 > PAGE_ROWS;
    rows.truncate(PAGE_ROWS as usize);
    let total = total.or_else(|| (page == 1 && !more).then_some(rows.len() as u64));
    Listing { rows, page, more, total }
}

/// What a line of a list shows. One that stands on a damaged page is a line without text, and the list goes on.
fn bytes_of(reader: &Reader, key: &ResourceKey) -> Result<Vec<u8>, SourceError> {
    match reader.resource(key) {
        Err(StoreError::DamagedFile) => Ok(Vec::new()),
        found => Ok(found?.and_then(|resource| resource.raw).unwrap_or_default()),
    }
}

pub(super) fn patient_bytes(reader: &Reader, id: &str) -> Result<Vec<u8>, SourceError> {
    ResourceKey::new("Patient", id).map_or_else(|_| Ok(Vec::new()), |key| bytes_of(reader, &key))
}

pub(super) fn patients(site: &Site, query: Option<&str>, page: u64) -> Result<Listing<PatientRow>, SourceError> {
    let reader = site.reader();
    let found = reader.patients(query, piece(page))?;
    let rows = found
        .into_iter()
        .map(|row| Ok(PatientRow { raw: patient_bytes(reader, &row.id)?, id: row.id, conflicts: row.conflicts }));
    let total = if query.is_none() { Some(reader.counts()?.patients) } else { None };
    Ok(listing(rows.collect::<Result<_, SourceError>>()?, page, total))
}

pub(super) fn patient(site: &Site, id: &str) -> Result<Option<PatientPage>, SourceError> {
    let reader = site.reader();
    let Some(found) = reader.patient(id)? else { return Ok(None) };
    let stands = wait(site.patient_status(&found.row.id))?;
    let explained = wait(async {
        match site.explain(&Asked::Patient(found.row.id.clone())).await {
            Ok(explained) => Ok(explained.sites),
            // Gone since it was found: there is nothing to explain.
            Err(ExplainError::Site(error)) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    })?;
    let mut by_type: BTreeMap<&str, Vec<&sanad_store::ResourceRow>> = BTreeMap::new();
    for row in found.resources.iter().filter(|row| in_groups(row)) {
        by_type.entry(&row.key.resource_type).or_default().push(row);
    }
    let grants = sanad_node::ask::grants_of(reader, &found)?.into_iter().map(|grant| GrantRow {
        to: grant.to.1,
        from: grant.from.1,
        by: grant.by,
        recorded: grant.recorded,
    });
    let mut groups = Vec::with_capacity(by_type.len());
    for (resource_type, rows) in by_type {
        let newest = rows.iter().take(GROUP_ROWS as usize).map(|row| resource_row(reader, row));
        groups.push(Group {
            resource_type: resource_type.to_owned(),
            total: rows.len() as u64,
            newest: newest.collect::<Result<_, _>>()?,
        });
    }
    Ok(Some(PatientPage {
        raw: patient_bytes(reader, &found.row.id)?,
        id: found.row.id,
        merged_from: found.row.survivor_of,
        only_here: stands.only_here.records,
        not_yet_safe: stands.not_yet_safe.records,
        lanes: lanes(&stands.only_here, &stands.not_yet_safe),
        places: explained.into_iter().map(place_row).collect(),
        readable_at: stands.readable_at,
        conflicts: found.row.conflicts,
        grants: grants.collect(),
        groups,
    }))
}

/// The patient stands at the head of the page, and what was withdrawn is found through what refers to it.
fn in_groups(row: &sanad_store::ResourceRow) -> bool {
    row.key.resource_type != "Patient" && !row.deleted
}

fn resource_row(reader: &Reader, row: &sanad_store::ResourceRow) -> Result<ResourceRow, SourceError> {
    Ok(ResourceRow { raw: bytes_of(reader, &row.key)?, key: row.key.clone(), conflict: row.conflicts > 0 })
}

pub(super) fn resources_of(
    site: &Site,
    patient: &str,
    resource_type: &str,
    page: u64,
) -> Result<Option<Listing<ResourceRow>>, SourceError> {
    let reader = site.reader();
    let Some(found) = reader.patient(patient)? else { return Ok(None) };
    let of_type = |row: &&sanad_store::ResourceRow| row.key.resource_type == resource_type && in_groups(row);
    let total = found.resources.iter().filter(of_type).count() as u64;
    let wanted = piece(page);
    let rows = found.resources.iter().filter(of_type).skip(wanted.offset as usize).take(wanted.limit as usize);
    let rows = rows.map(|row| resource_row(reader, row)).collect::<Result<_, _>>()?;
    Ok(Some(listing(rows, page, Some(total))))
}

pub(super) fn resource(site: &Site, key: &ResourceKey) -> Result<Option<ResourcePage>, SourceError> {
    let Some(found) = site.reader().resource(key)? else { return Ok(None) };
    let about = found.raw.as_deref().and_then(|raw| serde_json::from_slice(raw).ok());
    let mut versions = versions_of(site, key)?;
    let conflicts = found.conflicts.into_iter().map(|row| conflict(row, &versions)).collect();
    versions.truncate(VERSIONS_MAX);
    Ok(Some(ResourcePage {
        key: found.key,
        about: about.map(|resource| patients_of_key(key, &resource)).unwrap_or_default(),
        raw: found.raw,
        versions,
        conflicts,
    }))
}

pub(super) fn version(site: &Site, key: &ResourceKey, version: &VersionId) -> Result<Option<VersionPage>, SourceError> {
    let row = versions_of(site, key)?.into_iter().find(|row| row.id == *version);
    let Some(row) = row else { return Ok(None) };
    let raw = site.reader().version_raw(key, version)?.filter(|_| !row.deletes);
    Ok(Some(VersionPage { key: key.clone(), version: row, raw }))
}

pub(super) fn conflicts(site: &Site, page: u64) -> Result<Listing<ConflictRow>, SourceError> {
    let reader = site.reader();
    let found = reader.conflicts(piece(page))?;
    let more = found.len() as u64 > PAGE_ROWS;
    let mut rows: Vec<ConflictRow> = Vec::new();
    let mut versions = Vec::new();
    for row in found.into_iter().take(PAGE_ROWS as usize) {
        if rows.last().is_none_or(|last| last.key != row.key) {
            versions = versions_of(site, &row.key)?;
            rows.push(ConflictRow { raw: bytes_of(reader, &row.key)?, key: row.key.clone(), conflicts: Vec::new() });
        }
        if let Some(last) = rows.last_mut() {
            last.conflicts.push(conflict(row, &versions));
        }
    }
    Ok(Listing { rows, page, more, total: Some(reader.counts()?.conflicts) })
}

fn conflict(row: sanad_store::ConflictRow, versions: &[VersionRow]) -> Conflict {
    let sides = row.values.into_iter().map(|(id, value)| {
        let version = versions.iter().find(|version| version.id == id);
        Side {
            value,
            version: id,
            author: version.and_then(|version| version.author.clone()),
            site: version.map_or_else(String::new, |version| version.site.clone()),
            at_ms: version.map_or(0, |version| version.at_ms),
        }
    });
    Conflict { path: row.path, kind: row.kind, sides: sides.collect() }
}

/// The versions of a resource, every one before the ones it grew from; of those that may come next, the newest.
fn versions_of(site: &Site, key: &ResourceKey) -> Result<Vec<VersionRow>, SourceError> {
    let rows = site.reader().versions(key)?;
    let authors: BTreeSet<DeviceId> = rows.iter().map(sanad_store::VersionRow::author).collect();
    let names = wait(site.with_directory(move |directory| {
        let named = authors.into_iter().filter_map(|device| {
            let facility = directory.facilities().get(directory.devices().get(&device)?)?;
            Some((device, facility.call_sign.clone()))
        });
        named.collect::<BTreeMap<_, _>>()
    }))?;
    let rows = rows.into_iter().map(|row| VersionRow {
        // A device that this site has not been told about yet is named by the start of its key.
        site: names.get(&row.author()).cloned().unwrap_or_else(|| row.author().to_string()[..8].to_owned()),
        id: row.id,
        parents: row.parents,
        head: row.head,
        deletes: row.action == Action::Delete,
        author: row.by,
        at_ms: row.updated_ms,
    });
    Ok(children_first(rows.collect()))
}

/// Orders versions so that each stands before its parents, whatever the clocks of their authors said. Stays with the
/// given order, newest first, where the graph leaves a choice.
pub(crate) fn children_first(rows: Vec<VersionRow>) -> Vec<VersionRow> {
    let mut children: BTreeMap<VersionId, usize> = BTreeMap::new();
    for parent in rows.iter().flat_map(|row| &row.parents) {
        *children.entry(*parent).or_default() += 1;
    }
    let mut waiting: Vec<Option<VersionRow>> = rows.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    loop {
        let free = |row: &VersionRow| children.get(&row.id).is_none_or(|left| *left == 0);
        let next = waiting.iter_mut().find(|slot| slot.as_ref().is_some_and(free)).and_then(Option::take);
        let Some(row) = next else { break };
        for parent in &row.parents {
            children.entry(*parent).and_modify(|left| *left -= 1);
        }
        ordered.push(row);
    }
    // A graph of hashes has no circle; if one is shown all the same, nothing is left out.
    ordered.extend(waiting.into_iter().flatten());
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_stands_before_the_ones_it_grew_from_whatever_the_clocks_say() {
        let id = |number: u8| VersionId::from_bytes([number; 16]);
        let row = |number: u8, parents: &[u8]| VersionRow {
            id: id(number),
            parents: parents.iter().map(|parent| id(*parent)).collect(),
            head: false,
            deletes: false,
            author: None,
            site: String::new(),
            at_ms: 0,
        };
        let order = |rows: Vec<VersionRow>| -> Vec<u8> {
            children_first(rows).iter().map(|row| row.id.as_bytes()[0]).collect()
        };
        assert_eq!(order(vec![row(1, &[]), row(2, &[1]), row(4, &[2, 3]), row(3, &[1])]), [4, 2, 3, 1]);
        assert_eq!(order(vec![row(3, &[1]), row(2, &[1]), row(1, &[9])]), [3, 2, 1]);
        assert_eq!(order(vec![row(1, &[2]), row(2, &[1])]), [1, 2], "a circle is shown whole");
    }
}

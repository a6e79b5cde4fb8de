//! The two gauges and how far each site has confirmed: what `sanad status` prints and every screen shows.

use crate::session::SessionReport;
use crate::site::{Site, SiteError};
use sanad_log::control::SiteKind;
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, FacilityId, Lane, ScopeTag};
use sanad_log::replica::Replica;
use sanad_store::{Counts, Sums};
use serde::Serialize;
use std::collections::BTreeSet;

/// Where a site stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Call sign.
    pub site: String,
    /// The network, as the first 8 hexadecimal digits of its id.
    pub network: String,
    /// `enclave` or `haven`.
    pub kind: &'static str,
    /// What would be lost if this site were destroyed now.
    pub only_here: OnlyHere,
    /// What would be exposed if this device were taken unlocked now.
    pub readable_here: ReadableHere,
    /// What is stored.
    pub stored: Stored,
    /// The other sites of the network.
    pub sites: Vec<SiteStatus>,
    /// Entries that were refused and kept as evidence.
    pub refused: u64,
}

/// Records and entries that no other site has confirmed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OnlyHere {
    /// Resource versions; a sealed entry counts as one.
    pub records: u64,
    /// Entries, control entries included.
    pub entries: u64,
}

/// What can be read here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReadableHere {
    /// Patients.
    pub patients: u64,
    /// Charts whose key is held.
    pub charts: u64,
}

/// What is stored, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Stored {
    /// Entries of all lanes.
    pub entries: u64,
    /// Entries that are sealed here.
    pub sealed_entries: u64,
    /// Entries that opened wrongly or hold no save.
    pub unreadable_entries: u64,
    /// Records: resource versions, and one for each sealed entry.
    pub records: u64,
    /// Resources that are not deleted.
    pub resources: u64,
    /// Resources that wait for a clinician.
    pub conflicts: u64,
}

impl From<Counts> for Stored {
    fn from(counts: Counts) -> Self {
        Stored {
            entries: counts.entries,
            sealed_entries: counts.sealed_entries,
            unreadable_entries: counts.unreadable_entries,
            records: counts.records,
            resources: counts.resources,
            conflicts: counts.conflicts,
        }
    }
}

/// Another site.
#[derive(Clone, Debug, Serialize)]
pub struct SiteStatus {
    /// Its facility.
    #[serde(skip)]
    pub facility: FacilityId,
    /// Its devices.
    #[serde(skip)]
    pub devices: Vec<DeviceId>,
    /// Call sign.
    pub site: String,
    /// `enclave` or `haven`.
    pub kind: &'static str,
    /// When its newest receipt came here, in milliseconds since 1970; `None` if never.
    pub confirmed_ms: Option<u64>,
    /// What is held here and it has not confirmed; all of it if it was never heard.
    pub behind: OnlyHere,
    /// Where it says it can be reached.
    pub addresses: Vec<String>,
    /// Bytes a day to and from it, if they are bounded.
    pub budget: Option<crate::budget::Budget>,
    /// The last session with it since this process started.
    pub last_session: Option<SessionReport>,
}

/// The word for a kind of site.
pub fn kind_name(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::Enclave => "enclave",
        SiteKind::Haven => "haven",
    }
}

/// Ranges of records: control entries hold none.
fn clinical(ranges: &[Range]) -> Vec<Range> {
    ranges.iter().filter(|range| range.log.lane != Lane::Control).copied().collect()
}

fn only_here(sum: Sums, ranges: &[Range]) -> OnlyHere {
    OnlyHere { records: sum.records, entries: ranges.iter().map(Range::count).sum() }
}

struct Seen {
    facility: FacilityId,
    devices: Vec<DeviceId>,
    site: String,
    kind: SiteKind,
    unconfirmed: Vec<Range>,
    addresses: Vec<String>,
}

fn see_sites(replica: &Replica) -> Vec<Seen> {
    let directory = replica.directory();
    let others = directory.facilities().iter().filter(|(id, _)| **id != directory.own());
    others
        .map(|(id, facility)| {
            let devices: Vec<_> =
                directory.devices().iter().filter(|(_, of)| *of == id).map(|(device, _)| *device).collect();
            let contacts = devices.iter().filter_map(|device| directory.contact(device));
            Seen {
                facility: *id,
                site: facility.call_sign.clone(),
                kind: facility.kind,
                unconfirmed: replica.unconfirmed_by(id).unwrap_or_else(|| replica.durable().minus(&Default::default())),
                addresses: contacts.flat_map(|contact| contact.addresses.clone()).collect(),
                devices,
            }
        })
        .collect()
}

impl Site {
    /// The gauges, the counts and the other sites.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn status(&self) -> Result<Status, SiteError> {
        let (ranges, charts, seen) = self
            .look(|replica, _| (replica.only_here(), replica.directory().readable_charts().count(), see_sites(replica)))
            .await?;
        let reader = self.reader();
        let counts = reader.counts()?;
        let heard = self.heard_ms().await?;
        let reports = self.reports();
        let budgets = self.budgets().await?;
        let mut sites = Vec::with_capacity(seen.len());
        for site in seen {
            let sum = reader.records_in(&clinical(&site.unconfirmed))?;
            sites.push(SiteStatus {
                confirmed_ms: site.devices.iter().filter_map(|device| heard.get(device)).max().copied(),
                behind: only_here(sum, &site.unconfirmed),
                last_session: site.devices.iter().find_map(|device| reports.get(device)).cloned(),
                budget: budgets.iter().find(|budget| budget.site == site.site).cloned(),
                facility: site.facility,
                devices: site.devices,
                site: site.site,
                kind: kind_name(site.kind),
                addresses: site.addresses,
            });
        }
        Ok(Status {
            site: self.call_sign().to_owned(),
            network: self.network().to_string()[..8].to_owned(),
            kind: kind_name(self.kind()),
            only_here: only_here(reader.records_in(&clinical(&ranges))?, &ranges),
            readable_here: ReadableHere { patients: counts.patients, charts: charts as u64 },
            refused: counts.refused,
            stored: Stored::from(counts),
            sites,
        })
    }

    /// What of a patient's charts no other site has confirmed, and the call signs of the sites that may open them.
    ///
    /// # Errors
    /// As [`Site::status`].
    pub async fn patient_status(&self, patient: &str) -> Result<(OnlyHere, Vec<String>), SiteError> {
        let scopes = self.reader().scopes_of_patient(patient)?;
        let wanted: BTreeSet<ScopeTag> = scopes.iter().copied().collect();
        let (ranges, readers) = self
            .look(move |replica, _| {
                let directory = replica.directory();
                let readers: BTreeSet<FacilityId> = wanted.iter().flat_map(|scope| directory.readers(scope)).collect();
                let names = readers.iter().filter_map(|id| directory.facilities().get(id));
                (replica.only_here(), names.map(|facility| facility.call_sign.clone()).collect())
            })
            .await?;
        let sum = self.reader().records_in_scopes(&clinical(&ranges), &scopes.into_iter().collect())?;
        Ok((OnlyHere { records: sum.records, entries: sum.entries }, readers))
    }

    async fn heard_ms(&self) -> Result<std::collections::BTreeMap<DeviceId, u64>, SiteError> {
        let stored = self.look(|_, store| store.list_state(crate::heart::RECEIPT_KEY)).await??;
        let read = |(key, value): (String, Vec<u8>)| {
            let device = DeviceId::from_hex(key.strip_prefix(crate::heart::RECEIPT_KEY)?)?;
            Some((device, u64::from_be_bytes(value.get(..8)?.try_into().ok()?)))
        };
        Ok(stored.into_iter().filter_map(read).collect())
    }
}

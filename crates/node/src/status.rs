//! The two gauges and how far each site has confirmed: what `sanad status` prints and every screen shows.

use crate::exposure::{Amount, Exposed, PolicyStatus, policy_status};
use crate::keep::KeeperStatus;
use crate::quarantine::{ForkHere, QuarantineStatus};
use crate::session::SessionReport;
use crate::site::{Site, SiteError};
use crate::talk::Failing;
use crate::turned_away::Turned;
use sanad_log::control::SiteKind;
use sanad_log::frontier::Range;
use sanad_log::ids::{DeviceId, FacilityId, Lane, ScopeTag};
use sanad_log::replica::Replica;
use sanad_store::{Counts, Store, StoreError, Sums};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Where a site stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// Call sign.
    pub site: String,
    /// The network, as the first 8 hexadecimal digits of its id.
    pub network: String,
    /// `enclave`, `haven` or `keeper`.
    pub kind: &'static str,
    /// What a keeper holds and takes; nothing at any other site.
    pub keeper: Option<KeeperStatus>,
    /// What would be lost if this site were destroyed now.
    pub only_here: Exposed,
    /// What other sites have not confirmed as the network's policy wants; holds all that is only here.
    pub not_yet_safe: Exposed,
    /// That policy.
    pub policy: PolicyStatus,
    /// What would be exposed if this device were taken unlocked now.
    pub readable_here: ReadableHere,
    /// What is stored.
    pub stored: Stored,
    /// The other sites of the network.
    pub sites: Vec<SiteStatus>,
    /// Entries that were refused; their bytes are kept.
    pub refused: u64,
    /// What is kept apart: those, and entries in the log that show nothing.
    pub quarantine: QuarantineStatus,
    /// Devices that went back in time, by name.
    pub forks: Vec<ForkHere>,
    /// What cannot be read any more and has not come back yet.
    pub lost: LostHere,
    /// Callers that were turned away since this process started, by reason.
    pub turned_away: Vec<Turned>,
}

/// Entries that were here and cannot be read any more. They are not held: no number counts them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LostHere {
    /// How many are known.
    pub entries: u64,
    /// True if there may be others that nothing names.
    pub unnamed: bool,
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
    /// Entries whose author is not known to be enrolled.
    pub stranger_entries: u64,
    /// Records: resource versions, and one for each sealed entry.
    pub records: u64,
    /// Resources that are not deleted.
    pub resources: u64,
    /// Resources that wait for a clinician.
    pub conflicts: u64,
    /// Bytes of the entries that cannot be read here, headers and bodies.
    pub unread_bytes: u64,
}

impl From<Counts> for Stored {
    fn from(counts: Counts) -> Self {
        Stored {
            entries: counts.entries,
            sealed_entries: counts.sealed_entries,
            unreadable_entries: counts.unreadable_entries,
            stranger_entries: counts.stranger_entries,
            records: counts.records,
            resources: counts.resources,
            conflicts: counts.conflicts,
            unread_bytes: counts.unread_bytes,
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
    /// `enclave`, `haven` or `keeper`; `member` where this site is a keeper, which is not told.
    pub kind: &'static str,
    /// When its newest receipt came here, in milliseconds since 1970; `None` if never.
    pub confirmed_ms: Option<u64>,
    /// What is held here and it has not confirmed; all of it if it was never heard.
    pub behind: Amount,
    /// Where it says it can be reached.
    pub addresses: Vec<String>,
    /// Bytes a day to and from it, if they are bounded.
    pub budget: Option<crate::budget::Budget>,
    /// The last session with it since this process started.
    pub last_session: Option<SessionReport>,
    /// When a session with it last finished, milliseconds since 1970; `None` if never.
    pub talked_ms: Option<u64>,
    /// Sessions and calls that failed since then.
    pub failing: Option<Failing>,
}

/// The word for a kind of site.
pub fn kind_name(kind: SiteKind) -> &'static str {
    match kind {
        SiteKind::Enclave => "enclave",
        SiteKind::Haven => "haven",
        SiteKind::Keeper => "keeper",
    }
}

fn lost_here(store: &Store) -> LostHere {
    LostHere { entries: store.lost().places.len() as u64, unnamed: store.lost().unnamed }
}

/// Ranges of records: control entries hold none.
fn clinical(ranges: &[Range]) -> Vec<Range> {
    ranges.iter().filter(|range| range.log.lane != Lane::Control).copied().collect()
}

fn amount(sum: Sums, ranges: &[Range]) -> Amount {
    Amount { records: sum.records, entries: ranges.iter().map(Range::count).sum() }
}

/// How a patient's charts stand.
#[derive(Clone, Debug)]
pub struct PatientStatus {
    /// What of them no other site has confirmed.
    pub only_here: Exposed,
    /// What of them is not confirmed as the policy wants.
    pub not_yet_safe: Exposed,
    /// The call signs of the sites that may open them.
    pub readable_at: Vec<String>,
}

struct Seen {
    facility: FacilityId,
    devices: Vec<DeviceId>,
    site: String,
    kind: &'static str,
    unconfirmed: Vec<Range>,
    addresses: Vec<String>,
}

fn see_sites(replica: &Replica) -> Vec<Seen> {
    let directory = replica.directory();
    if directory.is_keeper() {
        return see_members(replica);
    }
    let others = directory.facilities().iter().filter(|(id, _)| **id != directory.own());
    others
        .map(|(id, facility)| {
            let devices: Vec<_> =
                directory.devices().iter().filter(|(_, of)| *of == id).map(|(device, _)| *device).collect();
            let contacts = devices.iter().filter_map(|device| directory.contact(device));
            Seen {
                facility: *id,
                site: facility.call_sign.clone(),
                kind: kind_name(facility.kind),
                unconfirmed: replica.unconfirmed_by(id).unwrap_or_else(|| replica.durable().minus(&Default::default())),
                addresses: contacts.flat_map(|contact| contact.addresses.clone()).collect(),
                devices,
            }
        })
        .collect()
}

/// The members that have shown themselves to this keeper. It keeps no call sign of theirs: they are listed by the first
/// digits of their facility's id.
fn see_members(replica: &Replica) -> Vec<Seen> {
    let directory = replica.directory();
    let mut members: BTreeMap<FacilityId, Vec<DeviceId>> = BTreeMap::new();
    for (device, facility) in directory.devices().iter().filter(|(_, facility)| **facility != directory.own()) {
        members.entry(*facility).or_default().push(*device);
    }
    let seen = members.into_iter().map(|(facility, devices)| Seen {
        facility,
        devices,
        site: facility.to_string()[..8].to_owned(),
        kind: "member",
        unconfirmed: replica.unconfirmed_by(&facility).unwrap_or_else(|| replica.durable().minus(&Default::default())),
        addresses: vec![],
    });
    seen.collect()
}

impl Site {
    /// The gauges, the counts and the other sites.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn status(&self) -> Result<Status, SiteError> {
        match self.try_status().await {
            // Its tables can be made anew, which the look did on its way out.
            Err(SiteError::Store(StoreError::DamagedFile)) => {
                self.look(|_, _| ()).await?;
                self.try_status().await
            }
            status => status,
        }
    }

    async fn try_status(&self) -> Result<Status, SiteError> {
        let (exposure, policy, charts, seen, lost, held) = self
            .look(|replica, store| {
                let directory = replica.directory();
                let charts = directory.readable_charts().count();
                let (lost, held) = (lost_here(store), replica.durable().count());
                (replica.exposure(), policy_status(directory), charts, see_sites(replica), lost, held)
            })
            .await?;
        let reader = self.reader();
        let counts = reader.counts()?;
        let heard = self.hearsay().await?;
        let reports = self.reports();
        let budgets = self.budgets().await?;
        let mut sites = Vec::with_capacity(seen.len());
        for site in seen {
            let mut sum = Sums::default();
            for lane in self.sums_by_lane(&clinical(&site.unconfirmed))? {
                sum.records += lane.records;
            }
            let talks: Vec<_> = site.devices.iter().filter_map(|device| heard.talks.get(device)).collect();
            sites.push(SiteStatus {
                confirmed_ms: site.devices.iter().filter_map(|device| heard.heard_ms.get(device)).max().copied(),
                behind: amount(sum, &site.unconfirmed),
                talked_ms: talks.iter().map(|talk| talk.done_ms).filter(|at_ms| *at_ms > 0).max(),
                failing: talks.iter().filter_map(|talk| talk.failing.clone()).max_by_key(|failing| failing.last_ms),
                last_session: site.devices.iter().find_map(|device| reports.get(device)).cloned(),
                budget: budgets.iter().find(|budget| budget.site == site.site).cloned(),
                facility: site.facility,
                devices: site.devices,
                site: site.site,
                kind: site.kind,
                addresses: site.addresses,
            });
        }
        Ok(Status {
            site: self.call_sign().to_owned(),
            network: self.network().to_string()[..8].to_owned(),
            kind: kind_name(self.kind()),
            keeper: self.keeper_status().await?,
            turned_away: self.turned_away().lines(),
            only_here: self.sums_by_lane(&exposure.only_here)?.into(),
            not_yet_safe: self.sums_by_lane(&exposure.not_yet_safe)?.into(),
            policy,
            readable_here: ReadableHere { patients: counts.patients, charts: charts as u64 },
            refused: counts.refused,
            quarantine: reader.quarantine_counts()?.into(),
            forks: self.forks().await?,
            // Places that cannot be read are in the tables, and are not held.
            stored: Stored { entries: held.min(counts.entries), ..Stored::from(counts) },
            sites,
            lost,
        })
    }

    /// How a patient's charts stand. Records that are sealed here, and of which nobody can say whose they are, are not
    /// among them.
    ///
    /// # Errors
    /// As [`Site::status`].
    pub async fn patient_status(&self, patient: &str) -> Result<PatientStatus, SiteError> {
        let page = self.reader().patient(patient)?;
        let scopes: BTreeSet<ScopeTag> = match page {
            // Those of the patients that were merged into this one among them.
            Some(page) => page.scopes.into_iter().collect(),
            None => self.reader().scopes_of_patient(patient)?.into_iter().collect(),
        };
        let wanted = scopes.clone();
        let (exposure, readable_at) = self
            .look(move |replica, _| {
                let directory = replica.directory();
                let readers: BTreeSet<FacilityId> = wanted.iter().flat_map(|scope| directory.readers(scope)).collect();
                let names = readers.iter().filter_map(|id| directory.facilities().get(id));
                (replica.exposure(), names.map(|facility| facility.call_sign.clone()).collect())
            })
            .await?;
        let of = |ranges: &[Range]| self.reader().records_in_scopes_by_lane(&clinical(ranges), &scopes);
        Ok(PatientStatus {
            only_here: of(&exposure.only_here)?.into(),
            not_yet_safe: of(&exposure.not_yet_safe)?.into(),
            readable_at,
        })
    }
}

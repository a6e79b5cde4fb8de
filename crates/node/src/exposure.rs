//! What is not elsewhere as it should be, in records and lane by lane; the policy that says how it should be.

use crate::site::{Site, SiteError};
use sanad_log::control::SiteKind;
use sanad_log::directory::Directory;
use sanad_log::frontier::Range;
use sanad_log::ids::Lane;
use sanad_log::policy::{COPIES_MAX, Policy, PolicyStatement, SignedPolicy};
use sanad_log::replica::Input;
use sanad_log::sign::{Ed25519Signer, Signer};
use sanad_store::{LaneSums, StoreError, Sums};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Records and the entries that hold them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// Resource versions; a sealed entry counts as one.
    pub records: u64,
    /// Entries, control entries included.
    pub entries: u64,
}

impl From<Sums> for Amount {
    fn from(sums: Sums) -> Self {
        Amount { records: sums.records, entries: sums.entries }
    }
}

impl Amount {
    fn plus(self, other: Amount) -> Amount {
        Amount { records: self.records + other.records, entries: self.entries + other.entries }
    }
}

/// An amount, and how much of it is in each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exposed {
    /// Records of all lanes.
    pub records: u64,
    /// Entries of all lanes, control entries included.
    pub entries: u64,
    /// The same by lane.
    pub by_lane: ByLane,
}

/// An amount in each lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ByLane {
    /// Membership, keys, policy. They hold no records.
    pub control: Amount,
    /// Triage, allergies, transfers, alarms.
    pub urgent: Amount,
    /// The clinical record.
    pub clinical: Amount,
    /// Attachments, reports, whole documents.
    pub bulk: Amount,
}

impl From<LaneSums> for Exposed {
    fn from(sums: LaneSums) -> Self {
        let of = |lane: Lane| Amount::from(sums[lane as usize]);
        let by_lane = ByLane {
            control: of(Lane::Control),
            urgent: of(Lane::Urgent),
            clinical: of(Lane::Clinical),
            bulk: of(Lane::Bulk),
        };
        let all = Lane::ALL.into_iter().map(of).fold(Amount::default(), Amount::plus);
        Exposed { records: all.records, entries: all.entries, by_lane }
    }
}

/// When a record is safe in this network, and whether it can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyStatus {
    /// How many other sites must have confirmed a record.
    pub copies: u32,
    /// True if one of them must be outside: a haven.
    pub outside: bool,
    /// The version of the authority's statement; 0 while it has made none and the default holds.
    pub version: u64,
    /// Other sites of the network.
    pub sites: u64,
    /// Havens among them.
    pub havens: u64,
    /// False if there are too few other sites, or no haven among them: then nothing is safe until one joins.
    pub can_be_met: bool,
}

/// How the policy stands to the network, as one site knows it.
pub(crate) fn policy_status(directory: &Directory) -> PolicyStatus {
    let policy = directory.policy();
    let others = directory.facilities().iter().filter(|(id, _)| **id != directory.own());
    let kinds: Vec<SiteKind> = others.map(|(_, facility)| facility.kind).collect();
    let havens = kinds.iter().filter(|kind| **kind == SiteKind::Haven).count();
    let can_be_met = policy.is_safe(u32::try_from(kinds.len()).unwrap_or(u32::MAX), u32::from(havens > 0));
    PolicyStatus {
        copies: policy.copies,
        outside: policy.outside,
        version: directory.policy_version(),
        sites: kinds.len() as u64,
        havens: havens as u64,
        can_be_met,
    }
}

/// Ranges summed lately. What is not yet safe may be everything, and every page shows the figure.
const REMEMBERED_MAX: usize = 64;

/// Sums of ranges, for as long as nothing changes.
#[derive(Default)]
pub(crate) struct Remembered(Mutex<(u64, BTreeMap<Vec<Range>, LaneSums>)>);

impl Site {
    /// Sums of ranges by lane. They are summed again only after something has changed.
    pub(crate) fn sums_by_lane(&self, ranges: &[Range]) -> Result<LaneSums, StoreError> {
        // Read before the sums: a change that comes between makes them be summed once too often, never too seldom.
        let generation = *self.changes().borrow();
        {
            let mut kept = self.remembered().0.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.0 != generation {
                *kept = (generation, BTreeMap::new());
            }
            if let Some(sums) = kept.1.get(ranges) {
                return Ok(*sums);
            }
        }
        let sums = self.reader().records_by_lane(ranges)?;
        let mut kept = self.remembered().0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0 == generation && kept.1.len() < REMEMBERED_MAX {
            kept.1.insert(ranges.to_vec(), sums);
        }
        Ok(sums)
    }

    /// When a record is safe in this network.
    ///
    /// # Errors
    /// The site is being closed.
    pub async fn policy(&self) -> Result<PolicyStatus, SiteError> {
        self.with_directory(policy_status).await
    }

    /// Sets the network's policy; what is not given stays. Only where the authority is held. Says nothing new if nothing
    /// changes.
    ///
    /// # Errors
    /// [`SiteError::NoAuthority`]; [`SiteError::BadResource`] for a number out of range; the disk refused.
    pub async fn set_policy(&self, copies: Option<u32>, outside: Option<bool>) -> Result<PolicyStatus, SiteError> {
        let seed = self.authority_seed().ok_or(SiteError::NoAuthority)?;
        let holds = self.policy().await?;
        let policy = Policy { copies: copies.unwrap_or(holds.copies), outside: outside.unwrap_or(holds.outside) };
        if !(1..=COPIES_MAX).contains(&policy.copies) {
            return Err(SiteError::BadResource(format!("a policy asks for 1 to {COPIES_MAX} copies")));
        }
        if (policy.copies, policy.outside) == (holds.copies, holds.outside) {
            return Ok(holds);
        }
        let statement = PolicyStatement {
            network: self.network(),
            version: holds.version.saturating_add(1),
            copies: policy.copies,
            outside: policy.outside,
        };
        let signer = Ed25519Signer::from_seed(&seed);
        let signed = SignedPolicy::sign(&statement, &[(0, &signer as &dyn Signer)]);
        self.write(move |token| Input::SetPolicy(token, signed)).await?;
        self.policy().await
    }
}

//! The siege day: patients in the order they arrive, saved as a clinic saves, by several people at once.

use super::sites::DemoSite;
use anyhow::Result;
use indicatif::ProgressBar;
use sanad_drill::synth::{Generator, Profile, SynthPatient};
use sanad_log::ids::FacilityId;
use sanad_node::save::{Change, SaveRequest};
use sanad_record::key::ResourceKey;
use sanad_record::version::VersionId;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// Staff who save at once at each site.
const STAFF: usize = 6;
/// Of ten patients, how many come before the links fail for good.
const MORNING_TENTHS: usize = 9;
/// Resources saved together when a patient is registered: the person, the encounter, the triage.
const REGISTRATION: usize = 3;

/// A day's patients.
pub struct Day {
    /// In the order of arrival.
    pub patients: Vec<Arc<SynthPatient>>,
}

/// A record whose save was acknowledged.
pub struct SavedRecord {
    /// Where it was saved.
    pub facility: FacilityId,
    /// Which resource.
    pub key: ResourceKey,
    /// Which version of it.
    pub version: VersionId,
    /// Its bytes as they were given.
    pub raw: Vec<u8>,
}

impl Day {
    /// The synthetic day of a seed: the case mix of eastern Ghouta, February 2018.
    pub fn generate(seed: u64, patients: usize) -> Day {
        let generator = Generator::new(Profile::Ghouta2018, seed, "2018-02-24");
        Day { patients: generator.take(patients).map(Arc::new).collect() }
    }

    /// The part before the links fail for good, and the part after.
    pub fn split(&self) -> (Vec<Arc<SynthPatient>>, Vec<Arc<SynthPatient>>) {
        let (morning, evening) = self.patients.split_at(self.patients.len() * MORNING_TENTHS / 10);
        (morning.to_vec(), evening.to_vec())
    }
}

/// Saves patients at the sites in turn. Returns every record once its save is acknowledged.
pub async fn save_all(
    patients: &[Arc<SynthPatient>],
    sites: &[&DemoSite],
    progress: &ProgressBar,
) -> Result<Vec<SavedRecord>> {
    let mut staff = JoinSet::new();
    for (at, site) in sites.iter().enumerate() {
        let queue: VecDeque<_> = patients.iter().skip(at).step_by(sites.len()).cloned().collect();
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..STAFF {
            let (queue, site, progress) = (queue.clone(), site.site().clone(), progress.clone());
            staff.spawn(async move {
                let mut saved = Vec::new();
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                while let Some(patient) = next() {
                    saved.extend(save_one(&site, &patient).await?);
                    progress.inc(1);
                }
                Ok::<_, anyhow::Error>(saved)
            });
        }
    }
    let mut records = Vec::new();
    while let Some(saved) = staff.join_next().await {
        records.extend(saved??);
    }
    Ok(records)
}

/// First the registration in one save, then every further resource by itself.
async fn save_one(site: &sanad_node::site::Site, patient: &SynthPatient) -> Result<Vec<SavedRecord>> {
    let (first, rest) = patient.resources.split_at(REGISTRATION.min(patient.resources.len()));
    let mut saved = Vec::new();
    for together in std::iter::once(first).chain(rest.chunks(1)) {
        let mut changes = Vec::with_capacity(together.len());
        for resource in together {
            let key = ResourceKey::new(resource.resource_type, resource.id.as_str())?;
            changes.push(Change { key, raw: Some(resource.json.clone()), about: None, follows: None });
        }
        let request = SaveRequest { changes: changes.clone(), idempotency: None, by: None };
        let versions = site.save(request).await?.versions;
        saved.extend(changes.into_iter().zip(versions).map(|(change, version)| SavedRecord {
            facility: site.facility(),
            key: change.key,
            version,
            raw: change.raw.unwrap_or_default(),
        }));
    }
    Ok(saved)
}

//! Opening a chart to the site that has accepted its patient.
//!
//! Offering a patient is agreeing to it, and accepting is asking for it. The Task of a transfer can be written by every
//! site of the network, so neither counts unless a device of the right facility has signed it: the offer one of this
//! facility's, the acceptance one of the facility that it was offered to. Test: `what_others_forge_opens_nothing`
//! in the pages of transfers.

use super::members::Members;
use super::{AskError, check_call_sign, task_key};
use crate::site::{Site, SiteError};
use sanad_log::ids::{FacilityId, ScopeTag};
use sanad_record::care::transfer::{self, State, Transfer};
use sanad_store::Reader;
use std::collections::BTreeSet;

/// Tasks about nobody that are looked through for transfers, the newest.
const TASKS_MAX: u32 = 10_000;
/// Transfers that are looked at, those that changed last: far more than are under way at once.
const TRANSFERS_MAX: usize = 500;

/// A chart that was promised by an offer and asked for by its acceptance.
struct Due {
    patient: String,
    to: FacilityId,
    /// Call sign of who offered.
    by: Option<String>,
}

impl Site {
    /// Grants the chart of each patient whom another site has accepted, if this site has offered them there. Returns how
    /// many were granted; a chart that the other site reads already is not granted again.
    ///
    /// # Errors
    /// The site is being closed, or the store cannot be read.
    pub async fn grant_accepted(&self) -> Result<u64, AskError> {
        let (members, own) = (self.members().await?, self.facility());
        let mut granted = 0;
        for Due { patient, to, by } in self.reading(move |reader| due(reader, &members, own)).await? {
            let scopes = match self.readable_scopes(&patient).await {
                Ok((_, scopes)) => scopes,
                Err(AskError::NoSuchPatient) => continue,
                Err(error) => return Err(error),
            };
            let lacks = self.with_directory(move |directory| {
                scopes.iter().any(|scope: &ScopeTag| !directory.readers(scope).any(|reader| reader == to))
            });
            if !lacks.await? {
                continue;
            }
            let by = by.filter(|by| check_call_sign(Some(by)).is_ok());
            match self.grant_patient(&patient, to, by.as_deref().unwrap_or(self.call_sign())).await {
                Ok(_) => granted += 1,
                Err(AskError::Site(SiteError::Closed)) => return Err(SiteError::Closed.into()),
                // What cannot be granted stands in the way of nothing else.
                Err(_) => {}
            }
        }
        Ok(granted)
    }
}

fn due(reader: &Reader, members: &Members, own: FacilityId) -> Result<Vec<Due>, AskError> {
    let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
    let tasks = reader.about_nobody("Task", TASKS_MAX)?;
    for key in tasks.iter().filter(|key| key.id.starts_with(transfer::ID_PREFIX)).take(TRANSFERS_MAX) {
        let due = due_by(reader, members, own, &key.id)?;
        all.extend(due.filter(|due| seen.insert((due.patient.clone(), due.to))));
    }
    Ok(all)
}

fn due_by(reader: &Reader, members: &Members, own: FacilityId, id: &str) -> Result<Option<Due>, AskError> {
    let key = task_key(id)?;
    let now = reader.resource(&key)?.and_then(|resource| read(resource.raw));
    let taken = |state| matches!(state, State::Accepted | State::Departed | State::Arrived | State::Lost);
    let Some(now) = now.filter(|now| taken(now.state) && is_of(now, own)) else { return Ok(None) };
    let to = members.facilities.keys().find(|facility| is_to(&now, **facility)).copied();
    let Some(to) = to.filter(|to| *to != own) else { return Ok(None) };
    let (mut offered, mut accepted) = (None, false);
    for version in reader.versions(&key)? {
        let Some(author) = members.devices.get(&version.author()).filter(|author| [own, to].contains(author)) else {
            continue;
        };
        let Some(then) = read(reader.version_raw(&key, &version.id)?) else { continue };
        if then.request.patient != now.request.patient || !is_to(&then, to) || !is_of(&then, own) {
            continue;
        }
        if *author == own && then.state == State::Requested {
            offered.get_or_insert(version.by.clone());
        }
        accepted |= *author == to && then.state == State::Accepted;
    }
    Ok(offered.filter(|_| accepted).map(|by| Due { patient: now.request.patient, to, by }))
}

fn read(raw: Option<Vec<u8>>) -> Option<Transfer> {
    transfer::read(&serde_json::from_slice(&raw?).ok()?)
}

fn is_of(transfer: &Transfer, facility: FacilityId) -> bool {
    transfer.request.from.id.as_deref() == Some(&*facility.to_string())
}

fn is_to(transfer: &Transfer, facility: FacilityId) -> bool {
    transfer.request.to.as_ref().and_then(|to| to.id.as_deref()) == Some(&*facility.to_string())
}

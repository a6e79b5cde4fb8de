//! From "these resources, together" to entries: who they are about, which chart and lane they go to, what they follow.

use crate::draft::{Drafted, patients_in};
use crate::site::SiteError;
use sanad_log::ids::{EntryId, Lane, ScopeTag};
use sanad_log::replica::{Part, Replica, SaveError};
use sanad_record::compartment::{LaneHint, lane_hint};
use sanad_record::key::ResourceKey;
use sanad_record::op::{Action, Op, Save};
use sanad_record::version::VersionId;
use sanad_store::{Reader, Store};
use std::collections::{BTreeMap, BTreeSet};

/// Most resources in one save.
pub const CHANGES_MAX: usize = 1_000;

/// One resource as it should be from now on.
#[derive(Clone)]
pub struct Change {
    /// Which.
    pub key: ResourceKey,
    /// The raw JSON, exactly as it came; `None` to delete it.
    pub raw: Option<Vec<u8>>,
    /// The patient whose chart it belongs to, if its own elements name none (a whole document, a Binary).
    pub about: Option<String>,
    /// The versions that the writer has seen; `None` means whatever is current here.
    pub follows: Option<Vec<VersionId>>,
}

/// Resources that are saved together.
#[derive(Clone)]
pub struct SaveRequest {
    /// What changes.
    pub changes: Vec<Change>,
    /// A key of the sender's choice: the same key twice is saved once.
    pub idempotency: Option<[u8; 16]>,
    /// Call sign of who saves.
    pub by: Option<String>,
}

/// A durable save.
#[derive(Clone, Default)]
pub struct Saved {
    /// The version each change became, in the order of the request. Empty if the idempotency key had been seen before.
    pub versions: Vec<VersionId>,
    /// When, by this site's clock as it signs: milliseconds since 1970.
    pub at_ms: u64,
    /// True if this had been saved before under the same idempotency key.
    pub repeated: bool,
}

/// Where each change goes: its part, and its place there.
pub(crate) type Places = Vec<(usize, u32)>;

pub(crate) struct Prepared {
    pub(crate) parts: Vec<Part>,
    /// What the texts of the parts say.
    pub(crate) saves: Vec<Save>,
    pub(crate) places: Places,
    /// Set if nothing is to be done.
    pub(crate) already: Option<Saved>,
}

/// What a batch has saved that the disk does not show yet, so that saves in one batch follow each other.
#[derive(Default)]
pub(crate) struct Overlay {
    heads: BTreeMap<ResourceKey, Vec<VersionId>>,
    scopes: BTreeMap<String, ScopeTag>,
    seen: BTreeSet<[u8; 16]>,
    failure: Option<SaveError>,
}

impl Overlay {
    /// Sorts the changes into parts.
    pub(crate) fn prepare(
        &mut self,
        drafted: &mut Drafted,
        replica: &mut Replica,
        store: &Store,
        reader: &Reader,
    ) -> Result<Prepared, SiteError> {
        let request = &drafted.request;
        if let Some(key) = &request.idempotency
            && store.entry_by_idempotency(key)?.is_some()
        {
            let already = Some(Saved { repeated: true, ..Saved::default() });
            return Ok(Prepared { parts: vec![], saves: vec![], places: vec![], already });
        }
        if drafted.only_unchanged {
            for change in &request.changes {
                let seen = change.follows.as_ref();
                if seen.is_some() && seen != Some(&self.heads(&change.key, store)?) {
                    return Err(SiteError::Changed(change.key.clone()));
                }
            }
        }
        let mut groups: BTreeMap<(ScopeTag, bool), (Lane, Vec<Op>)> = BTreeMap::new();
        let mut slots = Vec::with_capacity(request.changes.len());
        for (change, subject) in request.changes.iter().zip(&drafted.subjects) {
            let scope = match drafted.chart.filter(|chart| replica.directory().is_readable(chart)) {
                Some(chart) => chart,
                None => self.scope_of(change, subject.as_ref(), replica, store, reader)?,
            };
            let lane = lane_of(change);
            let parents = match &change.follows {
                Some(follows) => follows.clone(),
                None => self.heads(&change.key, store)?,
            };
            let raw = change.raw.clone().unwrap_or_default();
            // Bulk travels by itself, so that an image does not hold up the text saved with it.
            let group = groups.entry((scope, is_bulk(change))).or_insert((lane, vec![]));
            group.0 = group.0.min(lane);
            slots.push(((scope, is_bulk(change)), group.1.len() as u32));
            group.1.push(Op { action: action_of(change), key: change.key.clone(), parents, raw });
        }
        let order: BTreeMap<_, _> = groups.keys().enumerate().map(|(at, group)| (*group, at)).collect();
        let places = slots.into_iter().map(|(group, at)| (order[&group], at)).collect();
        let (idempotency, by) = (request.idempotency, request.by.clone());
        let (mut parts, mut saves) = (Vec::new(), Vec::new());
        for (at, ((scope, _), (lane, ops))) in groups.into_iter().enumerate() {
            // The key is written once: the first part is enough to know the save again.
            let save = Save { idempotency: idempotency.filter(|_| at == 0), by: by.clone(), ops };
            // It would be signed and kept, and nobody could ever read it.
            if !save.is_within_bounds() {
                return Err(SiteError::Save(SaveError::TooLarge));
            }
            parts.push(Part { lane, scope, text: drafted.text(&save) });
            saves.push(save);
        }
        Ok(Prepared { parts, saves, places, already: None })
    }

    /// The chart that a change belongs to. A patient that was never met makes a new chart.
    fn scope_of(
        &mut self,
        change: &Change,
        subject: Option<&String>,
        replica: &mut Replica,
        store: &Store,
        reader: &Reader,
    ) -> Result<ScopeTag, SiteError> {
        // What is deleted stays in the chart it was in.
        let patients = match &change.raw {
            Some(_) => vec![],
            None => match reader.resource(&change.key)?.and_then(|resource| resource.raw) {
                Some(raw) => patients_in(&change.key, &raw)?,
                None => vec![],
            },
        };
        let patient = subject.or(patients.first()).or(change.about.as_ref());
        let Some(patient) = patient else { return Ok(ScopeTag::NETWORK) };
        if let Some(scope) = self.scopes.get(patient) {
            return Ok(*scope);
        }
        let known = store.scopes_of_patient(patient)?;
        let readable = known.iter().find(|scope| replica.directory().is_readable(scope)).copied();
        if readable.is_none() && !known.is_empty() {
            return Err(SiteError::Save(SaveError::Sealed));
        }
        let scope = readable.unwrap_or_else(|| ScopeTag(replica.random()));
        self.scopes.insert(patient.clone(), scope);
        Ok(scope)
    }

    fn heads(&self, key: &ResourceKey, store: &Store) -> Result<Vec<VersionId>, SiteError> {
        match self.heads.get(key) {
            Some(heads) => Ok(heads.clone()),
            None => Ok(store.heads(key)?),
        }
    }

    /// Notes what a save became, for those after it in the same batch.
    pub(crate) fn note(&mut self, request: &SaveRequest, places: &Places, ids: &[EntryId], at_ms: u64) -> Saved {
        let versions: Vec<_> = places.iter().map(|(part, at)| VersionId::derive(&ids[*part].0, *at)).collect();
        for (change, version) in request.changes.iter().zip(&versions) {
            self.heads.insert(change.key.clone(), vec![*version]);
        }
        if let Some(key) = request.idempotency {
            self.seen.insert(key);
        }
        Saved { versions, at_ms, repeated: false }
    }

    /// True if a save of this batch carries the key.
    pub(crate) fn has_seen(&self, key: &[u8; 16]) -> bool {
        self.seen.contains(key)
    }

    pub(crate) fn fail(&mut self, error: SaveError) {
        self.failure = Some(error);
    }

    pub(crate) fn take_failure(&mut self) -> Option<SaveError> {
        self.failure.take()
    }
}

pub(crate) fn action_of(change: &Change) -> Action {
    if change.raw.is_some() { Action::Put } else { Action::Delete }
}

pub(crate) fn is_bulk(change: &Change) -> bool {
    lane_of(change) == Lane::Bulk
}

fn lane_of(change: &Change) -> Lane {
    match lane_hint(&change.key.resource_type, change.raw.as_ref().map_or(0, Vec::len)) {
        LaneHint::Urgent => Lane::Urgent,
        LaneHint::Clinical => Lane::Clinical,
        LaneHint::Bulk => Lane::Bulk,
    }
}

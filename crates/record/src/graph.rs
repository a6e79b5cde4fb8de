//! The version graph of one resource, and what the resource says now.
//!
//! Promise: [`current`] is a pure function of the *set* of versions: two sites that hold the same versions show the
//! same bytes, whatever order they came in, and no edit is lost (see [`crate::merge`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::json;
use crate::merge::{Choices, Conflict, ConflictKind, Merger, NotSettled, Tree};
use crate::op::Action;
use crate::version::VersionId;

/// How often merging common ancestors may itself need common ancestors, and how many merges that may take in all.
/// Beyond, the base counts as unknown: nothing is lost, more is left to a clinician. Two sites that cross once need
/// one; the bound stops a history that was made to be expensive.
const BASE_DEPTH_MAX: usize = 8;
const BASE_MERGES_MAX: usize = 64;

/// One version of one resource. No Debug of its text: patient text stays out of logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name, the same at every site.
    pub id: VersionId,
    /// The versions its writer had before them.
    pub parents: Vec<VersionId>,
    /// Put or delete.
    pub action: Action,
    /// The resource's JSON as it was written; empty for a delete.
    pub raw: Arc<[u8]>,
    /// When it was written by the clock of its writer. Only the order of a displayed list may come from it.
    pub hlc: u64,
}

/// What a resource says now. No Debug of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// The versions that no held version names as a parent, sorted. An edit made with everything in view names all
    /// of them as its parents.
    pub heads: Vec<VersionId>,
    /// The resource, or that it is withdrawn.
    pub state: State,
    /// What goes out as `meta.versionId`: the head's id, or for several heads `m` and a hash over them. The same at
    /// every site that holds the same heads.
    pub version_id: String,
    /// What a clinician has to settle; empty for one head.
    pub conflicts: Vec<Conflict>,
    /// Versions that are named as parents and not held: until they come, more heads than there really are may show.
    pub missing: Vec<VersionId>,
}

/// Whether a resource is there.
#[derive(Clone, PartialEq, Eq)]
pub enum State {
    /// It says this.
    Live {
        /// The bytes of the only head exactly as written, or the merge of several.
        raw: Vec<u8>,
    },
    /// It is withdrawn, or nothing is known of it.
    Deleted,
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({} {:?} {:?}, {} bytes)", self.id, self.action, self.parents, self.raw.len())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            State::Live { raw } => write!(f, "Live({} bytes)", raw.len()),
            State::Deleted => write!(f, "Deleted"),
        }
    }
}

/// What the resource says, from the versions of it that are held.
///
/// Any order, duplicates and parents that are not held are all right. One head: its bytes exactly. Several: their
/// element-wise merge, folded in the order of their ids, each against the nearest ancestors it has in common with
/// those before it. A delete beside an update keeps the update, as a conflict. No versions: no heads, deleted.
pub fn current(versions: &[Version]) -> Current {
    let graph = Graph::new(versions);
    let heads = graph.heads();
    let version_id = match &heads[..] {
        [] => String::new(),
        [head] => head.to_string(),
        heads => merged_id(heads),
    };
    let (state, conflicts) = graph.state(&heads);
    Current { state, version_id, conflicts, missing: graph.missing(), heads }
}

/// What the resource says once a clinician has chosen a side for each of its conflicts, by path; to be saved with all heads
/// as parents.
///
/// The value of the side that is chosen stands exactly as that side says it, and everything that is not in conflict as the
/// merge has it. Where a side deleted the resource, choosing that side deletes it. A resource without conflicts needs no
/// choices.
///
/// # Errors
/// [`NotSettled`].
pub fn settled(versions: &[Version], choices: &Choices) -> Result<State, NotSettled> {
    let graph = Graph::new(versions);
    let heads: Vec<&Version> = graph.heads().iter().filter_map(|head| graph.versions.get(head).copied()).collect();
    let (live, deleted): (Vec<&Version>, Vec<&Version>) =
        heads.into_iter().partition(|version| version.action == Action::Put);
    let Some(last) = live.last() else { return Ok(State::Deleted) };
    if live.iter().any(|version| json::parse_object(&version.raw).is_err()) {
        return Err(NotSettled::Unreadable);
    }
    if !deleted.is_empty() {
        let (_, conflicts) = graph.state(&graph.heads());
        let path = conflicts.first().map(|conflict| conflict.path.as_str()).unwrap_or_default();
        let chosen = choices.get(path).ok_or(NotSettled::Unchosen)?;
        if deleted.iter().any(|version| version.id == *chosen) {
            return Ok(State::Deleted);
        }
        if live.iter().all(|version| version.id != *chosen) {
            return Err(NotSettled::Unchosen);
        }
    }
    if live.iter().all(|version| version.raw == last.raw) {
        return Ok(State::Live { raw: last.raw.to_vec() });
    }
    let ids: Vec<VersionId> = live.iter().map(|version| version.id).collect();
    let resource_type = resource_type_of(&live.first().map_or(&last.raw, |first| &first.raw)[..]);
    let trees = graph.trees();
    let bases = Bases { graph: &graph, trees: &trees, resource_type: &resource_type };
    let merged = bases.fold(&ids, BASE_DEPTH_MAX, &mut { BASE_MERGES_MAX }).ok_or(NotSettled::Unreadable)?;
    Ok(State::Live { raw: merged.settle(choices)? })
}

/// The name of the merge of several heads.
fn merged_id(heads: &[VersionId]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("sanad 2026 merged heads v1");
    heads.iter().for_each(|head| {
        hasher.update(head.as_bytes());
    });
    let mut id = [0; 16];
    hasher.finalize_xof().fill(&mut id);
    format!("m{}", VersionId::from_bytes(id))
}

struct Graph<'v> {
    versions: BTreeMap<VersionId, &'v Version>,
}

impl<'v> Graph<'v> {
    fn new(versions: &'v [Version]) -> Graph<'v> {
        let mut held = BTreeMap::<VersionId, &Version>::new();
        for version in versions {
            // One id is one content, by how ids are made. Should a caller break that, every site still picks the same.
            let content = |version: &Version| (version.action, version.raw.clone(), version.parents.clone());
            let slot = held.entry(version.id).or_insert(version);
            if *slot != version && content(version) < content(slot) {
                *slot = version;
            }
        }
        Graph { versions: held }
    }

    fn parents(&self, id: VersionId) -> impl Iterator<Item = VersionId> + use<'v> {
        let parents = self.versions.get(&id).map_or(&[][..], |version| &version.parents);
        parents.iter().copied().filter(move |parent| *parent != id)
    }

    fn heads(&self) -> Vec<VersionId> {
        let named: BTreeSet<VersionId> = self.versions.keys().flat_map(|id| self.parents(*id)).collect();
        let heads: Vec<_> = self.versions.keys().filter(|id| !named.contains(id)).copied().collect();
        // A circle of parents cannot be written (an id is a hash over what names the parents); should one be handed
        // in, all of it shows rather than nothing.
        if heads.is_empty() { self.versions.keys().copied().collect() } else { heads }
    }

    fn missing(&self) -> Vec<VersionId> {
        let named: BTreeSet<VersionId> = self.versions.keys().flat_map(|id| self.parents(*id)).collect();
        named.into_iter().filter(|id| !self.versions.contains_key(id)).collect()
    }

    fn state(&self, heads: &[VersionId]) -> (State, Vec<Conflict>) {
        let versions: Vec<&Version> = heads.iter().filter_map(|head| self.versions.get(head).copied()).collect();
        let (live, deleted): (Vec<&Version>, Vec<&Version>) =
            versions.into_iter().partition(|version| version.action == Action::Put);
        let Some(last) = live.last() else { return (State::Deleted, Vec::new()) };
        let (raw, mut conflicts) = if live.iter().all(|version| version.raw == last.raw) {
            (last.raw.to_vec(), Vec::new())
        } else {
            self.merged(&live)
        };
        if !deleted.is_empty() {
            let mut values: Vec<_> = deleted.iter().map(|version| (version.id, None)).collect();
            values.extend(live.iter().map(|version| (version.id, Some(text_of(&version.raw)))));
            values.sort();
            let path = resource_type_of(&raw);
            conflicts.insert(0, Conflict { path, kind: ConflictKind::DeletedElsewhere, values });
        }
        (State::Live { raw }, conflicts)
    }

    /// Merges live heads, of which at least two differ.
    fn merged(&self, live: &[&Version]) -> (Vec<u8>, Vec<Conflict>) {
        let readable: Vec<VersionId> =
            live.iter().filter(|version| json::parse_object(&version.raw).is_ok()).map(|version| version.id).collect();
        let trees = self.trees();
        let resource_type =
            readable.first().and_then(|id| self.versions.get(id)).map(|version| resource_type_of(&version.raw));
        let resource_type = resource_type.unwrap_or_default();
        let bases = Bases { graph: self, trees: &trees, resource_type: &resource_type };
        let merged = bases.fold(&readable, BASE_DEPTH_MAX, &mut { BASE_MERGES_MAX }).map(Merger::finish);
        let (raw, mut conflicts) =
            merged.unwrap_or_else(|| (live.last().map_or_else(Vec::new, |last| last.raw.to_vec()), Vec::new()));
        if readable.len() < live.len() {
            let unreadable = live.iter().filter(|version| !readable.contains(&version.id));
            let values = unreadable.map(|version| (version.id, Some(text_of(&version.raw)))).collect();
            conflicts.insert(0, Conflict { path: resource_type.clone(), kind: ConflictKind::Unreadable, values });
        }
        (raw, conflicts)
    }

    /// The trees of all versions that are a JSON object.
    fn trees(&self) -> BTreeMap<VersionId, Tree<'v>> {
        let put = self.versions.values().filter(|version| version.action == Action::Put);
        put.filter_map(|version| Some((version.id, Tree::of(&json::parse_object(&version.raw).ok()?)))).collect()
    }

    /// These versions and everything before them, held or not.
    fn with_ancestors(&self, ids: &[VersionId]) -> BTreeSet<VersionId> {
        let mut found = BTreeSet::new();
        let mut next: Vec<VersionId> = ids.to_vec();
        while let Some(id) = next.pop() {
            if found.insert(id) {
                next.extend(self.parents(id));
            }
        }
        found
    }

    /// The nearest ancestors that `id` has in common with any of `others`.
    fn nearest_common(&self, others: &[VersionId], id: VersionId) -> Vec<VersionId> {
        let common: BTreeSet<VersionId> =
            self.with_ancestors(others).intersection(&self.with_ancestors(&[id])).copied().collect();
        // What is common is common with all its ancestors, so only a parent of something common is not the nearest.
        let farther: BTreeSet<VersionId> = common.iter().flat_map(|id| self.parents(*id)).collect();
        common.difference(&farther).copied().collect()
    }
}

struct Bases<'g, 'v> {
    graph: &'g Graph<'v>,
    trees: &'g BTreeMap<VersionId, Tree<'v>>,
    resource_type: &'g str,
}

impl<'g, 'v> Bases<'g, 'v> {
    /// Merges the versions `ids`, sorted, all of which have a tree. `None` if there are none, or it takes too long.
    fn fold(&self, ids: &[VersionId], depth: usize, merges: &mut usize) -> Option<Merger<'g, 'v>> {
        let (first, rest) = ids.split_first()?;
        let mut merger = Merger::new(self.resource_type, *first, self.trees.get(first)?);
        for (index, id) in rest.iter().enumerate() {
            let base = self.base(&ids[..=index], *id, depth, merges);
            merger.add(base.as_ref(), *id, self.trees.get(id)?);
        }
        Some(merger)
    }

    /// What `id` and `others` started from: the nearest common version, or the merge of several (two sites that each
    /// merged the other's edit have two). `None` when it is not known, or was a delete.
    fn base(&self, others: &[VersionId], id: VersionId, depth: usize, merges: &mut usize) -> Option<Tree<'v>> {
        let common = self.graph.nearest_common(others, id);
        match &common[..] {
            [] => None,
            [one] => self.trees.get(one).cloned(),
            several => {
                *merges = merges.checked_sub(several.len())?;
                self.fold(several, depth.checked_sub(1)?, merges).map(Merger::into_tree)
            }
        }
    }
}

fn text_of(raw: &[u8]) -> String {
    String::from_utf8_lossy(raw).into_owned()
}

fn resource_type_of(raw: &[u8]) -> String {
    // What says no type is called what every resource is.
    json::resource_type(raw).ok().flatten().unwrap_or_else(|| "Resource".to_owned())
}

#[cfg(test)]
mod tests;

//! The merge itself: one side after another is added to what is merged already.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::rules::{is_one_fact, is_safety_type, is_status};
use super::settle::{self, Choices, NotSettled};
use super::tree::{Dispute, Slot, Tree, by_stem, identities};
use super::{Conflict, ConflictKind};
use crate::version::VersionId;

/// Sides merged so far. Sides are added in the order of their version ids, each with the base it has in common with
/// those before it.
pub(crate) struct Merger<'s, 'a> {
    resource_type: &'s str,
    merged: Tree<'a>,
    sides: Vec<(VersionId, &'s Tree<'a>)>,
}

impl<'s, 'a> Merger<'s, 'a> {
    pub(crate) fn new(resource_type: &'s str, id: VersionId, side: &'s Tree<'a>) -> Merger<'s, 'a> {
        Merger { resource_type, merged: side.clone(), sides: vec![(id, side)] }
    }

    /// Adds a side. Its version id is larger than those of the sides before it, so where nothing else decides it is
    /// the one that shows.
    pub(crate) fn add(&mut self, base: Option<&Tree<'a>>, id: VersionId, side: &'s Tree<'a>) {
        let step = Step { safety: is_safety_type(self.resource_type), id };
        let root = |tree: &Tree<'a>| Slot { members: vec![(Cow::Borrowed("."), tree.clone())], dispute: None };
        let sources: Vec<_> = self.sides.iter().map(|(id, tree)| (*id, root(tree))).collect();
        let sources: Vec<_> = sources.iter().map(|(id, slot)| (*id, Some(slot))).collect();
        let base = base.map(root);
        let (a, b) = (root(&self.merged), root(side));
        let slot = step.slot("", Place::Root, base.as_ref(), Some(&a), Some(&b), &sources);
        if let Some((_, tree)) = slot.and_then(|slot| slot.members.into_iter().next()) {
            self.merged = tree;
        }
        self.sides.push((id, side));
    }

    /// The merged tree with its disputes, as the base of another merge.
    pub(crate) fn into_tree(self) -> Tree<'a> {
        self.merged
    }

    /// The merged text with every dispute settled by what is chosen.
    pub(crate) fn settle(self, choices: &Choices) -> Result<Vec<u8>, NotSettled> {
        let mut text = String::new();
        settle::settled(self.merged, self.resource_type, choices)?.write(&mut text);
        Ok(text.into_bytes())
    }

    pub(crate) fn finish(self) -> (Vec<u8>, Vec<Conflict>) {
        let mut text = String::new();
        self.merged.write(&mut text);
        let mut conflicts = Vec::new();
        collect(&self.merged, self.resource_type, &mut conflicts);
        (text.into_bytes(), conflicts)
    }
}

/// Where in the resource a slot stands, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    /// `meta` of the resource itself.
    Meta,
    Inside,
}

/// What each side added so far has in the slot at hand.
type Sources<'t, 'a> = [(VersionId, Option<&'t Slot<'a>>)];

struct Step {
    safety: bool,
    /// The side that is added.
    id: VersionId,
}

impl Step {
    fn slot<'a>(
        &self,
        stem: &str,
        place: Place,
        base: Option<&Slot<'a>>,
        a: Option<&Slot<'a>>,
        b: Option<&Slot<'a>>,
        sources: &Sources<'_, 'a>,
    ) -> Option<Slot<'a>> {
        // When the base itself is in dispute nobody can say what was untouched, so nothing counts as that.
        let base = base.filter(|base| base.dispute.is_none());
        let (a, b) = match (a, b) {
            (None, None) => return None,
            (Some(kept), None) | (None, Some(kept)) => return self.one_sided(stem, base, kept, b, sources),
            (Some(a), Some(b)) => (a, b),
        };
        if a.same(b) {
            return Some(if a.is_disputed() { a.clone() } else { b.clone() });
        }
        if place == Place::Meta && matches!(stem, "versionId" | "lastUpdated") {
            return Some(b.clone());
        }
        if let Some(merged) = self.inside(stem, place, base, a, b, sources) {
            return merged;
        }
        let (a_untouched, b_untouched) = (is(base, a), is(base, b));
        let kind = if is_status(stem) {
            Some(ConflictKind::Status)
        } else if self.safety && (holds_list(a) || holds_list(b)) {
            // One fact with a list in it (the codings of a concept): taking one side would lose the other's elements.
            Some(ConflictKind::Value)
        } else if a_untouched || b_untouched {
            None
        } else if types(a) == types(b) {
            Some(ConflictKind::Value)
        } else {
            Some(ConflictKind::Type)
        };
        let mut shown = if b_untouched { a.clone() } else { b.clone() };
        shown.dispute = match (kind, &a.dispute) {
            (Some(kind), earlier) => Some(self.dispute(kind, earlier.as_ref(), Some(b), sources)),
            (None, Some(earlier)) if !b_untouched => Some(self.dispute(earlier.kind, Some(earlier), Some(b), sources)),
            (None, earlier) => earlier.clone(),
        };
        Some(shown)
    }

    /// One side has the slot, the other has not.
    fn one_sided<'a>(
        &self,
        stem: &str,
        base: Option<&Slot<'a>>,
        kept: &Slot<'a>,
        b: Option<&Slot<'a>>,
        sources: &Sources<'_, 'a>,
    ) -> Option<Slot<'a>> {
        let Some(base) = base else { return Some(kept.clone()) };
        let untouched = base.same(kept) && !kept.is_disputed();
        if untouched && !self.safety && !is_status(stem) {
            return None;
        }
        let kind = if is_status(stem) { ConflictKind::Status } else { ConflictKind::RemovedElsewhere };
        let mut kept = kept.clone();
        kept.dispute = Some(self.dispute(kind, kept.dispute.as_ref(), b, sources));
        Some(kept)
    }

    /// Merges what is inside the slots, if they are made of parts that merge apart. `None` if they are one fact.
    #[expect(
        clippy::option_option,
        reason = "the outer one says whether the slots merge inside, the inner one what is left"
    )]
    fn inside<'a>(
        &self,
        stem: &str,
        place: Place,
        base: Option<&Slot<'a>>,
        a: &Slot<'a>,
        b: &Slot<'a>,
        sources: &Sources<'_, 'a>,
    ) -> Option<Option<Slot<'a>>> {
        let ([(name, a_tree)], [(b_name, b_tree)]) = (&a.members[..], &b.members[..]) else { return None };
        if name != b_name || is_status(stem) {
            return None;
        }
        let base_tree = base.and_then(|base| base.get(name));
        let source_trees: Vec<_> =
            sources.iter().map(|(id, slot)| (*id, slot.and_then(|slot| slot.get(name)))).collect();
        let merged = match (a_tree, b_tree) {
            (Tree::Object { slots: a, .. }, Tree::Object { slots: b, .. }) => {
                if place != Place::Root && (is_one_fact(a) || is_one_fact(b)) {
                    return None;
                }
                let base = base_tree
                    .and_then(|tree| if let Tree::Object { slots, .. } = tree { Some(&slots[..]) } else { None });
                let place = match (place, stem) {
                    (Place::Root, _) => Place::Inside,
                    (Place::Inside, "meta") => Place::Meta,
                    _ => place,
                };
                self.object(place, base, a, b, &source_trees)
            }
            (Tree::Array { items: a, .. }, Tree::Array { items: b, .. }) => {
                let base = base_tree
                    .and_then(|tree| if let Tree::Array { items, .. } = tree { Some(&items[..]) } else { None });
                self.array(base, a, b, &source_trees)
            }
            _ => return None,
        };
        let empty = match &merged {
            Tree::Object { slots, .. } => slots.is_empty(),
            Tree::Array { items, .. } => items.is_empty(),
            Tree::Scalar(_) => false,
        };
        if empty && place != Place::Root && a.dispute.is_none() {
            // FHIR has no empty elements.
            return Some(None);
        }
        // Where the merge came out as one of the sides, that side's own text stays.
        let tree = if merged.is_disputed() {
            merged
        } else if merged.same(b_tree) {
            b_tree.clone()
        } else if merged.same(a_tree) {
            a_tree.clone()
        } else {
            merged
        };
        Some(Some(Slot { members: vec![(name.clone(), tree)], dispute: a.dispute.clone() }))
    }

    fn object<'t, 'a>(
        &self,
        place: Place,
        base: Option<&'t [(Cow<'a, str>, Slot<'a>)]>,
        a: &'t [(Cow<'a, str>, Slot<'a>)],
        b: &'t [(Cow<'a, str>, Slot<'a>)],
        sources: &[(VersionId, Option<&'t Tree<'a>>)],
    ) -> Tree<'a> {
        let mut seen = BTreeSet::new();
        let order =
            base.unwrap_or(&[]).iter().chain(a).chain(b).map(|(stem, _)| stem).filter(|stem| seen.insert(*stem));
        let (base, a, b) = (by_stem(base.unwrap_or(&[])), by_stem(a), by_stem(b));
        let sources: Vec<_> = sources
            .iter()
            .map(|(id, tree)| match tree {
                Some(Tree::Object { slots, .. }) => (*id, by_stem(slots)),
                _ => (*id, BTreeMap::new()),
            })
            .collect();
        let slots = order
            .filter_map(|stem| {
                let at = |slots: &BTreeMap<&str, &'t Slot<'a>>| slots.get(&**stem).copied();
                let sources: Vec<_> = sources.iter().map(|(id, slots)| (*id, at(slots))).collect();
                let slot = self.slot(stem, place, at(&base), at(&a), at(&b), &sources)?;
                Some((stem.clone(), slot))
            })
            .collect();
        Tree::Object { text: None, slots }
    }

    fn array<'a>(
        &self,
        base: Option<&[Slot<'a>]>,
        a: &[Slot<'a>],
        b: &[Slot<'a>],
        sources: &[(VersionId, Option<&Tree<'a>>)],
    ) -> Tree<'a> {
        let mut arrays: Vec<&[Slot<'a>]> = vec![base.unwrap_or(&[]), a, b];
        arrays.extend(sources.iter().map(|(_, tree)| match tree {
            Some(Tree::Array { items, .. }) => &items[..],
            _ => &[],
        }));
        let names = identities(&arrays);
        let [base_names, a_names, b_names] = [&names[0], &names[1], &names[2]];
        let places: Vec<BTreeMap<&str, &Slot<'a>>> = names
            .iter()
            .zip(&arrays)
            .map(|(names, items)| names.iter().map(String::as_str).zip(items.iter()).collect())
            .collect();
        // A side that did not touch the list leaves the other's order alone.
        let order: Vec<&String> = if base.is_some() && a_names == base_names {
            b_names.iter().chain(base_names).collect()
        } else if base.is_some() && b_names == base_names {
            a_names.iter().chain(base_names).collect()
        } else {
            base_names.iter().chain(a_names).chain(b_names).collect()
        };
        let mut seen = BTreeSet::new();
        let items = order
            .into_iter()
            .filter(|name| seen.insert(*name))
            .filter_map(|name| {
                let at = |array: usize| places[array].get(name.as_str()).copied();
                let sources: Vec<_> = sources.iter().enumerate().map(|(index, (id, _))| (*id, at(index + 3))).collect();
                self.slot("", Place::Inside, at(0), at(1), at(2), &sources)
            })
            .collect();
        Tree::Array { text: None, items }
    }

    /// Everything the sides say about a slot, with what was in dispute about it before.
    fn dispute<'a>(
        &self,
        kind: ConflictKind,
        earlier: Option<&Dispute<'a>>,
        b: Option<&Slot<'a>>,
        sources: &Sources<'_, 'a>,
    ) -> Dispute<'a> {
        let mut values = earlier.map(|earlier| earlier.values.clone()).unwrap_or_default();
        for (id, slot) in sources {
            values.entry(*id).or_insert_with(|| slot.cloned());
        }
        values.insert(self.id, b.cloned());
        Dispute { kind: earlier.map_or(kind, |earlier| earlier.kind), values }
    }
}

fn is(base: Option<&Slot<'_>>, slot: &Slot<'_>) -> bool {
    base.is_some_and(|base| base.same(slot))
}

/// The names a slot goes by, without those of extensions: of a choice, its types.
fn types<'s>(slot: &'s Slot<'_>) -> BTreeSet<&'s str> {
    slot.members.iter().map(|(name, _)| name.strip_prefix('_').unwrap_or(name)).collect()
}

/// Whether a list stands anywhere inside.
fn holds_list(slot: &Slot<'_>) -> bool {
    slot.members.iter().any(|(_, tree)| match tree {
        Tree::Scalar(_) => false,
        Tree::Array { .. } => true,
        Tree::Object { slots, .. } => slots.iter().any(|(_, slot)| holds_list(slot)),
    })
}

/// Lists the disputes in the order of the text, each with its place.
fn collect(tree: &Tree<'_>, path: &str, conflicts: &mut Vec<Conflict>) {
    let mut slot_at = |path: String, slot: &Slot<'_>, member_path: &dyn Fn(&str) -> String| {
        if let Some(dispute) = &slot.dispute {
            let values = dispute.values.iter().map(|(id, value)| (*id, value.as_ref().map(Slot::text))).collect();
            conflicts.push(Conflict { path, kind: dispute.kind, values });
        }
        for (name, tree) in &slot.members {
            collect(tree, &member_path(name), conflicts);
        }
    };
    match tree {
        Tree::Scalar(_) => {}
        Tree::Object { slots, .. } => {
            for (stem, slot) in slots {
                slot_at(format!("{path}.{stem}"), slot, &|name| format!("{path}.{name}"));
            }
        }
        Tree::Array { items, .. } => {
            for (index, item) in items.iter().enumerate() {
                slot_at(format!("{path}[{index}]"), item, &|_| format!("{path}[{index}]"));
            }
        }
    }
}

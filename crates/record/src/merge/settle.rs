//! A clinician has decided: the merge with one side's value wherever the sides do not agree.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::tree::{Slot, Tree};
use crate::version::VersionId;

/// Whose value is to stand, by the path of the [`Conflict`](super::Conflict).
pub type Choices = BTreeMap<String, VersionId>;

/// Why the conflicts of a resource are not settled by some choices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSettled {
    /// A conflict has no choice, or one of a version that is none of its sides.
    #[error("a conflict without a choice")]
    Unchosen,
    /// A side cannot be read as a resource, so nobody can say what choosing would lose.
    #[error("a side that cannot be read")]
    Unreadable,
}

/// The tree without disputes. A conflict within what a choice replaces as a whole needs no choice of its own.
pub(super) fn settled<'a>(tree: Tree<'a>, path: &str, choices: &Choices) -> Result<Tree<'a>, NotSettled> {
    if !tree.is_disputed() {
        return Ok(tree);
    }
    match tree {
        Tree::Scalar(_) => Ok(tree),
        Tree::Object { slots, .. } => {
            let mut kept = Vec::with_capacity(slots.len());
            for (stem, slot) in slots {
                let own = format!("{path}.{stem}");
                if let Some(slot) = settled_slot(slot, &own, &|name| format!("{path}.{name}"), choices)? {
                    kept.push((stem, slot));
                }
            }
            Ok(Tree::Object { text: None, slots: kept })
        }
        Tree::Array { items, .. } => {
            let mut kept = Vec::with_capacity(items.len());
            for (index, slot) in items.into_iter().enumerate() {
                let own = format!("{path}[{index}]");
                kept.extend(settled_slot(slot, &own, &|_| own.clone(), choices)?);
            }
            Ok(Tree::Array { text: None, items: kept })
        }
    }
}

/// What stands in a slot; nothing if the side that is chosen has nothing there, or nothing is left within.
fn settled_slot<'a>(
    slot: Slot<'a>,
    path: &str,
    inside: &dyn Fn(&str) -> String,
    choices: &Choices,
) -> Result<Option<Slot<'a>>, NotSettled> {
    if let Some(mut dispute) = slot.dispute {
        let chosen = choices.get(path).ok_or(NotSettled::Unchosen)?;
        return dispute.values.remove(chosen).ok_or(NotSettled::Unchosen);
    }
    let mut members: Vec<(Cow<'a, str>, Tree<'a>)> = Vec::with_capacity(slot.members.len());
    for (name, tree) in slot.members {
        let was_disputed = tree.is_disputed();
        let tree = settled(tree, &inside(&name), choices)?;
        // FHIR has no empty elements.
        if !(was_disputed && is_empty(&tree)) {
            members.push((name, tree));
        }
    }
    Ok((!members.is_empty()).then_some(Slot { members, dispute: None }))
}

fn is_empty(tree: &Tree<'_>) -> bool {
    match tree {
        Tree::Scalar(_) => false,
        Tree::Object { slots, .. } => slots.is_empty(),
        Tree::Array { items, .. } => items.is_empty(),
    }
}

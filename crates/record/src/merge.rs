//! Two people edited the same resource apart: what both may be shown as one, and what a clinician must decide.
//!
//! Promise: **no edit is lost.** Every value that a side says and the base does not is in the result or in the
//! [`Conflict`]s. The result depends on the set of sides only: not on their order, on a clock or on the site.
//!
//! How elements merge (the rules are sanad's; the shapes they go by are those of the R4 datatypes):
//! - An element is a name with its `_name` extension and, for a choice (`value[x]`), all its types: they travel together.
//! - What one side changed is taken; what both changed differently is a conflict, and the larger version id is shown.
//! - One fact is never mixed from two: Quantity, Ratio, Range, CodeableConcept, Coding, Reference, Identifier,
//!   ContactPoint, Attachment, SampledData and Narrative merge whole. (5 → 10 at one site and mg → g at another must
//!   not become 10 g.)
//! - Elements of an array are matched by `id`, else system and value, system and code, extension url, reference, else
//!   by what they say. The order is the base's, then additions by side.
//! - Something removed on one side and untouched on the other goes; removed and changed stays, as a conflict. In
//!   [safety resources](is_safety_type) nothing goes: what one side removed stays, as a conflict.
//! - `status` and its kin ([`is_status`]) are always a conflict when they differ: a stopped medication that somebody
//!   else still saw as active is for a clinician to see. The changed value is shown if only one side changed it.
//! - `meta.versionId` and `meta.lastUpdated` are set when a resource leaves, so they never conflict.

mod rules;
mod settle;
mod three_way;
mod tree;

use std::fmt;

pub use rules::{is_safety_type, is_status};
pub use settle::{Choices, NotSettled};
pub(crate) use three_way::Merger;
pub(crate) use tree::Tree;

use crate::json::Node;
use crate::version::VersionId;

/// Why an element needs a clinician.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConflictKind {
    /// The sides say different values.
    Value,
    /// The sides say values of different types of one choice element, or of different shape.
    Type,
    /// The sides say different statuses.
    Status,
    /// One side removed what another kept or changed; it is kept.
    RemovedElsewhere,
    /// One side deleted the whole resource, another changed it; it is kept.
    DeletedElsewhere,
    /// One side's bytes are not a JSON object, so they could not take part in the merge.
    Unreadable,
}

/// One element on which the sides do not agree. Both values are kept in here until an edit with all heads as parents
/// settles it. No Debug of the values: they are patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where in the merged resource, as in FHIRPath: `Patient.name[1].family`, `Observation.value` for a choice.
    pub path: String,
    /// Why.
    pub kind: ConflictKind,
    /// What each side says, by version id: the JSON text of the element's value, `None` where a side has none. An
    /// element of several members (types of a choice, `_name`) is an object of those members.
    pub values: Vec<(VersionId, Option<String>)>,
}

impl fmt::Debug for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sides: Vec<_> = self.values.iter().map(|(id, value)| (id, value.as_ref().map(String::len))).collect();
        write!(f, "Conflict({} {:?} {sides:?})", self.path, self.kind)
    }
}

/// Merges the sides of one resource, given what they had in common.
///
/// Returns the merged JSON, with the bytes of a side wherever the merge left its text alone, and what is in dispute.
/// Pure in the set of sides: their order does not matter, a side that is given twice counts once. No side gives
/// `null`. (`base` is `None` when nothing in common is known; then nothing counts as removed.)
pub fn merge(
    resource_type: &str,
    base: Option<&Node<'_>>,
    sides: &[(VersionId, &Node<'_>)],
) -> (Vec<u8>, Vec<Conflict>) {
    let mut sides: Vec<(VersionId, &str, Tree<'_>)> =
        sides.iter().map(|(id, node)| (*id, node.text, Tree::of(node))).collect();
    sides.sort_by_key(|(id, text, _)| (*id, *text));
    sides.dedup_by_key(|(id, _, _)| *id);
    let base = base.map(Tree::of);
    let mut sides = sides.iter().map(|(id, _, tree)| (*id, tree));
    let Some((id, first)) = sides.next() else { return (b"null".to_vec(), Vec::new()) };
    let mut merger = Merger::new(resource_type, id, first);
    for (id, side) in sides {
        merger.add(base.as_ref(), id, side);
    }
    merger.finish()
}

#[cfg(test)]
pub(crate) mod tests;

//! Where a reference leads, as far as it says so itself (FHIR R4, references, "Literal References").

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::Node;
use crate::key::{RESOURCE_TYPES, is_legal_id, type_index};

/// What `#…` means: the resource that is not contained in another, and what it contains.
pub(super) struct Scope<'s> {
    kind: &'static str,
    contained: BTreeMap<Cow<'s, str>, Option<&'static str>>,
}

impl<'s> Scope<'s> {
    /// The scope of a resource of that type.
    pub(super) fn new(kind: &'static str, resource: &'s Node<'s>) -> Scope<'s> {
        let items = resource.get("contained").map_or(&[][..], Node::items).iter();
        let contained = items.filter_map(|item| Some((item.get_str("id")?, resource_type(item)))).collect();
        Scope { kind, contained }
    }
}

/// What a literal reference leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// A resource of that type.
    Type(&'static str),
    /// It does not say.
    Unknown,
    /// A contained resource that is not there.
    NotContained,
    /// Relative, but not to a resource.
    Malformed,
}

/// The type of a resource, if R4 has it.
pub(super) fn resource_type(resource: &Node<'_>) -> Option<&'static str> {
    known(&resource.get_str("resourceType")?)
}

/// The type that a text names, if R4 has it.
pub(super) fn known(name: &str) -> Option<&'static str> {
    type_index(name).map(|at| RESOURCE_TYPES[at])
}

/// What a reference leads to.
pub(super) fn target(reference: &str, scope: &Scope<'_>) -> Target {
    if let Some(id) = reference.strip_prefix('#') {
        return match scope.contained.get(id) {
            _ if id.is_empty() => Target::Type(scope.kind),
            Some(kind) => kind.map_or(Target::Unknown, Target::Type),
            None => Target::NotContained,
        };
    }
    let address = reference.split_once('#').map_or(reference, |(before, _)| before);
    let is_absolute = has_scheme(address);
    // In a transaction, `Type?name=value` is whatever is found (R4, http, "Transaction Processing Rules").
    if let Some((before, _)) = address.split_once('?').filter(|_| !is_absolute) {
        return known(before).map_or(Target::Malformed, Target::Type);
    }
    let unversioned = address.split_once("/_history/").map_or(address, |(before, _)| before);
    let mut parts = unversioned.rsplit('/');
    if let (Some(id), Some(kind)) = (parts.next(), parts.next().and_then(known))
        && is_legal_id(id)
        && (is_absolute || parts.next().is_none())
    {
        return Target::Type(kind);
    }
    if is_absolute { Target::Unknown } else { Target::Malformed }
}

/// Whether a URL begins with a scheme. A colon further on says nothing: `Patient?identifier=http://…` is relative.
fn has_scheme(url: &str) -> bool {
    url.find([':', '/', '?']).is_some_and(|at| url[at..].starts_with(':'))
}

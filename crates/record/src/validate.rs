//! Whether a resource has the structure that FHIR R4 gives it, and where it has not.
//!
//! # What this promises
//! 1. **From the tables alone.** Elements, how often they may be there, their types, codes and targets are those of
//!    [`crate::definitions`]; only formats of primitives and the rules of the JSON form (R4, json) are written here.
//! 2. **No patient text.** An issue names its element and says what FHIR wants. Only the name of an unknown member is
//!    taken from the resource, cut and cleaned.
//! 3. **Time and memory are bounded by the size of the text.** Each value is looked at once, and at most [`ISSUES_MAX`]
//!    issues are kept. A warning never hides an error.
//!
//! Judged are also five rules about structure that hold for all types (ele-1, ext-1, ref-1, dom-2, dom-4 and dom-5).
//! Absent on purpose: profiles, all other invariants, terminology beyond required bindings of `code`, and what only the
//! other resources of a store or Bundle could tell.
//!
//! ```
//! use sanad_record::{json, validate::validate};
//!
//! let patient = json::parse(br#"{"resourceType":"Patient","gender":"f","name":[{"given":["Huda",7]}]}"#).unwrap();
//! let issues = validate(&patient);
//! assert_eq!(issues[0].path, "Patient.gender");
//! assert_eq!(issues[0].what.to_string(), "This code has to be one of female, male, other, unknown");
//! assert_eq!(issues[1].path, "Patient.name[0].given[1]");
//! assert_eq!(issues[1].what.to_string(), "This has to be a string, not a number");
//! ```

mod issue;
mod place;
mod primitive;
mod reference;

pub use issue::{ISSUES_MAX, Issue, IssueCode, JsonType, Severity, What};
pub use primitive::is_valid_primitive;

use std::collections::BTreeSet;

use crate::definitions::{Definitions, Element, ElementType, Type, TypeKind, definitions};
use crate::json::{Kind, Member, Node};
use issue::Issues;
use place::Place;
use reference::{Scope, Target};

/// What is wrong with a resource, in the order of the document; empty if nothing is.
///
/// At most [`ISSUES_MAX`] issues; if there is any error, there is one among them. Contained resources and those in the
/// entries of a Bundle or in Parameters are looked into.
pub fn validate(resource: &Node<'_>) -> Vec<Issue> {
    let mut checker = Checker { definitions: definitions(), issues: Issues::default() };
    let place = Place::root(reference::resource_type(resource).unwrap_or("Resource"));
    checker.resource(resource, &place, None);
    checker.issues.in_order()
}

struct Checker {
    definitions: &'static Definitions,
    issues: Issues,
}

/// An element that is there: its value, what stands beside it under `_name`, or both.
struct Found<'n> {
    element: &'static Element,
    kind: &'static ElementType,
    value: Option<&'n Node<'n>>,
    beside: Option<&'n Node<'n>>,
}

impl Checker {
    /// A resource; `container` is the scope of the one that it is contained in.
    fn resource(&mut self, node: &Node<'_>, place: &Place<'_>, container: Option<&Scope<'_>>) {
        if !self.is_shape(JsonType::Object, node, place) {
            return;
        }
        let Some(said) = node.get("resourceType") else {
            return self.issues.add(What::NoResourceType, node.start, place);
        };
        if !self.is_shape(JsonType::String, said, place) {
            return;
        }
        let Some(kind) = reference::resource_type(node).and_then(|name| self.definitions.get(name)) else {
            return self.issues.add(What::UnknownResourceType, said.start, place);
        };
        match container {
            Some(scope) => {
                self.contained(node, place);
                self.object(node, kind, place, scope, false);
            }
            None => {
                self.containing(node, place);
                self.object(node, kind, place, &Scope::new(kind.name, node), false);
            }
        }
    }

    /// What a contained resource cannot have (R4, DomainResource, dom-2, dom-4 and dom-5).
    fn contained(&mut self, node: &Node<'_>, place: &Place<'_>) {
        if let Some(inner) = node.get("contained") {
            self.issues.add(What::NestedContained, inner.start, &place.child("contained"));
        }
        for name in ["versionId", "lastUpdated", "security"] {
            if let Some(inner) = node.get("meta").and_then(|meta| meta.get(name)) {
                self.issues.add(What::ContainedMeta, inner.start, &place.child("meta").child(name));
            }
        }
    }

    /// Ids of contained resources are unique within the container (R4, references, "Contained Resources").
    fn containing(&mut self, node: &Node<'_>, place: &Place<'_>) {
        let items = node.get("contained").map_or(&[][..], Node::items);
        let mut seen = BTreeSet::new();
        for (at, item) in items.iter().enumerate() {
            if item.get_str("id").is_some_and(|id| !seen.insert(id)) {
                self.issues.add(What::ContainedTwice, item.start, &place.child("contained").at(at));
            }
        }
    }

    /// An object of a type. `has_value`: it stands beside the value of a primitive.
    fn object(&mut self, node: &Node<'_>, kind: &'static Type, place: &Place<'_>, scope: &Scope<'_>, has_value: bool) {
        if !self.is_shape(JsonType::Object, node, place) {
            return;
        }
        if node.members().is_empty() {
            return self.issues.add(What::Empty, node.start, place);
        }
        let found = self.sort_members(node, kind, place);
        for present in &found {
            self.element(present, &place.child(present.element.name), scope);
            if self.issues.is_full() {
                return;
            }
        }
        for element in kind.elements.iter().filter(|element| element.min > 0) {
            if !found.iter().any(|present| std::ptr::eq(present.element, element)) {
                self.issues.add(What::Missing, node.start, &place.child(element.name));
            }
        }
        if kind.kind != TypeKind::Resource && !has_value && node.members().iter().all(|member| member.key == "id") {
            self.issues.add(What::OnlyId, node.start, place);
        }
        if kind.name == "Extension" {
            self.extension(node, &found, place);
        }
    }

    /// The elements that the members of an object are, each once, in the order of the document. Of members of one name
    /// the last counts, as everywhere here.
    fn sort_members<'n>(&mut self, node: &'n Node<'n>, kind: &'static Type, place: &Place<'_>) -> Vec<Found<'n>> {
        let mut found: Vec<Found<'n>> = Vec::with_capacity(node.members().len().min(kind.elements.len()));
        let mut has_type = false;
        for member in node.members() {
            if kind.kind == TypeKind::Resource && member.key == "resourceType" {
                if std::mem::replace(&mut has_type, true) {
                    self.issues.add(What::Twice, member.start, &place.child("resourceType"));
                }
                continue;
            }
            let (name, is_beside) = member.key.strip_prefix('_').map_or((&*member.key, false), |name| (name, true));
            let known = kind.member(name).filter(|(element, of)| !is_beside || self.has_beside(kind, element, of));
            let Some((element, of)) = known else {
                self.issues.add(unknown(kind, name, is_beside), member.start, &place.child(&member.key));
                if self.issues.is_full() {
                    break;
                }
                continue;
            };
            let at = found.iter().position(|present| std::ptr::eq(present.element, element)).unwrap_or_else(|| {
                found.push(Found { element, kind: of, value: None, beside: None });
                found.len() - 1
            });
            self.note(&mut found[at], of, member, is_beside, place);
        }
        found
    }

    /// Notes a member of the type `of` as the value of an element, or as what stands beside it.
    fn note<'n>(
        &mut self,
        present: &mut Found<'n>,
        of: &'static ElementType,
        member: &'n Member<'n>,
        is_beside: bool,
        place: &Place<'_>,
    ) {
        let name = present.element.name;
        if !std::ptr::eq(present.kind, of) {
            return self.issues.add(What::TwoTypes(name), member.start, &place.child(name));
        }
        let slot = if is_beside { &mut present.beside } else { &mut present.value };
        if slot.replace(&member.value).is_some() {
            self.issues.add(What::Twice, member.start, &place.child(name));
        }
    }

    /// Whether the value of an element may have an id and extensions under `_name`: primitives may. Ids and the URL of an
    /// extension are attributes in XML, and a narrative has its extensions beside it.
    fn has_beside(&self, kind: &Type, element: &Element, of: &ElementType) -> bool {
        let is_attribute = element.name == "id" || (kind.name == "Extension" && element.name == "url");
        !is_attribute && of.name != "xhtml" && self.is_primitive(of)
    }

    fn is_primitive(&self, of: &ElementType) -> bool {
        self.definitions.get(of.name).is_some_and(|kind| kind.kind == TypeKind::Primitive)
    }

    /// The values of an element, and what stands beside each.
    fn element(&mut self, present: &Found<'_>, place: &Place<'_>, scope: &Scope<'_>) {
        let Some(kind) = self.definitions.get(present.kind.name) else { return };
        if !present.element.is_list() {
            return self.one(kind, present, (present.value, present.beside), place, scope);
        }
        // Every element of R4 is there at most once or any number of times: a list has no longest length.
        let (values, beside) = (self.list(present.value, place), self.list(present.beside, place));
        if let (false, false, Some(list)) = (values.is_empty(), beside.is_empty(), present.beside)
            && values.len() != beside.len()
        {
            self.issues.add(What::UnequalLists, list.start, place);
        }
        for at in 0..values.len().max(beside.len()) {
            let is_there = |node: &&Node<'_>| !matches!(node.kind, Kind::Null);
            let pair = (values.get(at).filter(is_there), beside.get(at).filter(is_there));
            if let (None, None) = pair {
                let null = values.get(at).or(beside.get(at)).map_or(0, |node| node.start);
                let what = if kind.kind == TypeKind::Primitive { What::NothingAt } else { What::Null };
                self.issues.add(what, null, &place.at(at));
            } else {
                self.one(kind, present, pair, &place.at(at), scope);
            }
            if self.issues.is_full() {
                return;
            }
        }
    }

    /// The items of a list that has to be one.
    fn list<'n>(&mut self, node: Option<&'n Node<'n>>, place: &Place<'_>) -> &'n [Node<'n>] {
        let Some(node) = node else { return &[] };
        if self.is_shape(JsonType::List, node, place) && node.items().is_empty() {
            self.issues.add(What::Empty, node.start, place);
        }
        node.items()
    }

    /// One value of an element, and what stands beside it.
    fn one(
        &mut self,
        kind: &'static Type,
        present: &Found<'_>,
        (value, beside): (Option<&Node<'_>>, Option<&Node<'_>>),
        place: &Place<'_>,
        scope: &Scope<'_>,
    ) {
        if let Some(value) = value {
            match kind.kind {
                _ if matches!(value.kind, Kind::Null) => self.issues.add(What::Null, value.start, place),
                TypeKind::Primitive => self.primitive(value, present.kind, place),
                // In a contained resource `#…` means what is contained beside it.
                TypeKind::Resource if present.element.name == "contained" => self.resource(value, place, Some(scope)),
                TypeKind::Resource => self.resource(value, place, None),
                _ => {
                    self.object(value, kind, place, scope, false);
                    if kind.name == "Reference" {
                        self.reference(value, &present.kind.targets, place, scope);
                    }
                }
            }
        }
        if let (Some(beside), Some(element)) = (beside, self.definitions.get("Element")) {
            match beside.kind {
                Kind::Null => self.issues.add(What::Null, beside.start, place),
                _ => self.object(beside, element, place, scope, value.is_some()),
            }
        }
    }

    fn primitive(&mut self, value: &Node<'_>, of: &'static ElementType, place: &Place<'_>) {
        if let Some(what) = primitive::check(of.name, value) {
            return self.issues.add(what, value.start, place);
        }
        if let (Some(set), Some(code)) = (of.codes, value.as_str())
            && self.definitions.codes(set).binary_search(&&*code).is_err()
        {
            self.issues.add(What::Code(set), value.start, place);
        }
    }

    /// What a reference leads to, by its URL and by its `type`, as far as they say so.
    fn reference(&mut self, node: &Node<'_>, targets: &'static [&'static str], place: &Place<'_>, scope: &Scope<'_>) {
        let is_allowed = |kind: &str| targets.is_empty() || targets.contains(&kind);
        let mut leads_to = None;
        if let Some(literal) = node.get("reference")
            && let Some(text) = literal.as_str()
        {
            let what = match reference::target(&text, scope) {
                Target::Type(kind) => {
                    leads_to = Some(kind);
                    if is_allowed(kind) { None } else { Some(What::Target(targets)) }
                }
                Target::Unknown => None,
                Target::NotContained => Some(What::NotContained),
                Target::Malformed => Some(What::ReferenceForm),
            };
            if let Some(what) = what {
                self.issues.add(what, literal.start, &place.child("reference"));
            }
        }
        let Some(said) = node.get("type") else { return };
        let Some(text) = said.as_str() else { return };
        // R4, Reference.type: relative to this URL; others are types of models that are not FHIR's.
        let name = text.strip_prefix("http://hl7.org/fhir/StructureDefinition/").unwrap_or(&text);
        let what = match reference::known(name) {
            Some(kind) if leads_to.is_some_and(|leads_to| leads_to != kind) => What::TypeOfAnother,
            Some(kind) if !is_allowed(kind) => What::Target(targets),
            None if !name.contains(':') => What::UnknownTargetType,
            _ => return,
        };
        self.issues.add(what, said.start, &place.child("type"));
    }

    /// R4, Extension: ext-1, and that only an extension within another is named by a relative URL.
    fn extension(&mut self, node: &Node<'_>, found: &[Found<'_>], place: &Place<'_>) {
        let has = |name: &str| found.iter().any(|present| present.element.name == name);
        if has("value") == has("extension") {
            self.issues.add(What::ExtensionValue, node.start, place);
        }
        if let Some(url) = node.get("url")
            && url.as_str().is_some_and(|text| !text.contains(':'))
            && !place.is_nested_extension()
        {
            self.issues.add(What::ExtensionUrl, url.start, &place.child("url"));
        }
    }

    fn is_shape(&mut self, wanted: JsonType, node: &Node<'_>, place: &Place<'_>) -> bool {
        let found = JsonType::of(node);
        if found != wanted {
            self.issues.add(What::Shape { wanted, found }, node.start, place);
        }
        found == wanted
    }
}

/// What is wrong with a member that is no element of a type.
fn unknown(kind: &Type, name: &str, is_beside: bool) -> What {
    let choice = kind.elements.iter().find(|element| {
        let rest = name.strip_prefix(element.name);
        let is_typed = |rest: &str| rest.is_empty() || rest.starts_with(|letter: char| letter.is_ascii_uppercase());
        element.is_choice && !is_beside && rest.is_some_and(is_typed)
    });
    choice.map_or(What::UnknownElement, |element| What::UnknownChoice(element.name))
}

#[cfg(test)]
mod tests;

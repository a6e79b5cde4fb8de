//! The JSON of a value that a FHIRPath Patch gives, as the element wants it where it is to stand.

use super::PatchProblem;
use super::parameters::{Given, given};
use crate::definitions::{Element, ElementType, Type, TypeKind, definitions};
use crate::fhirpath::EvalError;
use crate::json::{Kind, Node, quote};

/// The JSON of one element: its value, and what stands beside it.
#[derive(Default)]
pub(super) struct New {
    pub(super) value: Option<String>,
    pub(super) beside: Option<String>,
}

/// The element of that name; a choice may be called by its element, its JSON member or as in the definitions.
pub(super) fn element_named(kind: &'static Type, name: &str) -> Result<&'static Element, PatchProblem> {
    let choice = || kind.member(name).map(|(element, _)| element).or_else(|| kind.element(name.strip_suffix("[x]")?));
    let found = kind.element(name).or_else(|| choice().filter(|element| element.is_choice));
    found.ok_or_else(|| EvalError::UnknownElement(name.to_owned()).into())
}

/// A value as an element: as which of its types, and the JSON.
///
/// # Errors
/// [`PatchProblem::WrongType`] if the element cannot be of the value's type, [`PatchProblem::Wrong`] if the value is not
/// of the type that it says, [`EvalError::UnknownElement`] if it is made of parts that the element does not have.
pub(super) fn fit(given: &Given<'_>, element: &'static Element) -> Result<(&'static ElementType, New), PatchProblem> {
    match given {
        Given::Typed { kind, value, beside } => {
            let as_type = type_for(element, kind.name).ok_or(PatchProblem::WrongType)?;
            let is_primitive = kind_of(kind)?.kind == TypeKind::Primitive;
            let is_right = value.is_none_or(|value| is_of_shape(value, kind.name, is_primitive))
                && beside.is_none_or(|beside| is_primitive && is_filled(beside))
                && (value.is_some() || beside.is_some());
            if !is_right {
                return Err(PatchProblem::Wrong("value"));
            }
            let text = |node: &Option<&Node<'_>>| node.map(|node| node.text.to_owned());
            Ok((as_type, New { value: text(value), beside: text(beside) }))
        }
        Given::Parts(parts) => {
            let [as_type] = &element.types[..] else { return Err(PatchProblem::WrongType) };
            let kind = kind_of(as_type)?;
            if !matches!(kind.kind, TypeKind::Complex | TypeKind::Part) {
                return Err(PatchProblem::WrongType);
            }
            Ok((as_type, New { value: Some(of_parts(parts, kind)?), beside: None }))
        }
        Given::Resource(resource) => {
            let as_type = element.types.iter().find(|kind| kind.name == "Resource").ok_or(PatchProblem::WrongType)?;
            let kind = resource.get_str("resourceType").and_then(|name| definitions().get(&name));
            if kind.is_none_or(|kind| kind.kind != TypeKind::Resource) {
                return Err(PatchProblem::Wrong("value"));
            }
            Ok((as_type, New { value: Some(resource.text.to_owned()), beside: None }))
        }
    }
}

fn kind_of(kind: &ElementType) -> Result<&'static Type, PatchProblem> {
    definitions().get(kind.name).ok_or(PatchProblem::WrongType)
}

fn is_filled(node: &Node<'_>) -> bool {
    !node.members().is_empty()
}

/// Whether JSON is what a type is written as.
fn is_of_shape(value: &Node<'_>, kind: &str, is_primitive: bool) -> bool {
    match kind {
        _ if !is_primitive => is_filled(value),
        "boolean" => matches!(value.kind, Kind::Bool(_)),
        "decimal" | "integer" | "unsignedInt" | "positiveInt" => matches!(value.kind, Kind::Number),
        _ => matches!(value.kind, Kind::String),
    }
}

/// As which of its types an element can take a value: the same type, else a more general one. Senders rarely know that a
/// text is a `markdown` or a day a `dateTime`; where the element has one type only, what is written alike is taken as it.
fn type_for(element: &'static Element, given: &str) -> Option<&'static ElementType> {
    let types = element.types.iter();
    let same = types.clone().find(|kind| kind.name == given);
    same.or_else(|| types.clone().find(|kind| definitions().is_a(given, kind.name))).or_else(|| {
        match &element.types[..] {
            [kind] if !element.is_choice => {
                family(given).filter(|wanted| family(kind.name) == Some(*wanted)).map(|_| kind)
            }
            _ => None,
        }
    })
}

/// Primitives that are written alike.
fn family(kind: &str) -> Option<u8> {
    match kind {
        "string" | "code" | "id" | "markdown" | "uri" | "url" | "canonical" | "oid" | "uuid" | "base64Binary"
        | "xhtml" => Some(0),
        "date" | "dateTime" | "instant" => Some(1),
        "decimal" | "integer" | "unsignedInt" | "positiveInt" => Some(2),
        _ => None,
    }
}

/// The JSON of an element that is made of parts. The nesting of the patch bounds the depth.
fn of_parts(parts: &[Node<'_>], kind: &'static Type) -> Result<String, PatchProblem> {
    let mut members = Members::default();
    for part in parts {
        let name = part.get_str("name").ok_or(PatchProblem::Missing("name"))?;
        let element = element_named(kind, &name)?;
        let value = given(part)?.ok_or(PatchProblem::Missing("value"))?;
        let (as_type, new) = fit(&value, element)?;
        members.add(element, as_type, new)?;
    }
    Ok(members.text())
}

/// The members of an object that is made anew.
#[derive(Default)]
pub(super) struct Members {
    members: Vec<(&'static Element, String, Vec<New>)>,
}

impl Members {
    /// Adds an element; one of a list behind those before it.
    pub(super) fn add(
        &mut self,
        element: &'static Element,
        as_type: &ElementType,
        new: New,
    ) -> Result<(), PatchProblem> {
        match self.members.iter_mut().find(|(known, ..)| known.name == element.name) {
            None => self.members.push((element, element.member_of(as_type), vec![new])),
            Some((_, _, values)) if element.is_list() => values.push(new),
            Some(_) => return Err(PatchProblem::AlreadyThere),
        }
        Ok(())
    }

    /// The object.
    pub(super) fn text(&self) -> String {
        let mut members = Vec::new();
        for (element, name, values) in &self.members {
            let mut half = |name: &str, texts: Vec<Option<&String>>| {
                if texts.iter().all(Option::is_none) {
                    return;
                }
                let texts: Vec<_> = texts.into_iter().map(|text| text.map_or("null", |text| text)).collect();
                let texts = texts.join(",");
                let text = if element.is_list() { format!("[{texts}]") } else { texts };
                members.push(format!("{}:{text}", quote(name)));
            };
            half(name, values.iter().map(|new| new.value.as_ref()).collect());
            half(&format!("_{name}"), values.iter().map(|new| new.beside.as_ref()).collect());
        }
        format!("{{{}}}", members.join(","))
    }
}

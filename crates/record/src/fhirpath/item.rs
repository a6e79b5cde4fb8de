//! What an expression finds, what it is, and where it stands.

use super::{EvalError, Literal};
use crate::definitions::{Element as Definition, Type, TypeKind, definitions};
use crate::json::{Kind, Node};
use std::ops::Range;

/// One item that an expression finds. No `Debug`: it may be patient text.
#[derive(Clone)]
pub enum Item<'n, 'a> {
    /// A part of the resource.
    Element(Element<'n, 'a>),
    /// A literal, or what an operator says.
    Value(Literal),
    /// What a reference leads to outside of the resource: a resource of this type.
    Elsewhere(&'static Type),
}

/// A part of a resource.
#[derive(Clone)]
pub struct Element<'n, 'a> {
    /// What it is.
    pub kind: &'static Type,
    /// What defines it; `None` for the resource itself.
    pub definition: Option<&'static Definition>,
    /// The JSON value; a primitive may have none.
    pub value: Option<&'n Node<'a>>,
    /// What `_name` says beside a primitive: its id and extensions.
    pub beside: Option<&'n Node<'a>>,
}

impl<'n, 'a> Element<'n, 'a> {
    /// A resource as a whole. `None` if it says no type that R4 has.
    pub fn resource(node: &'n Node<'a>) -> Option<Element<'n, 'a>> {
        Some(Element { kind: type_of(node)?, definition: None, value: Some(node), beside: None })
    }

    /// The JSON value that stands for it: its own, or what stands beside where that would be.
    pub fn node(&self) -> Option<&'n Node<'a>> {
        self.value.or(self.beside)
    }

    /// The object that has its elements, and the type that defines them: for a primitive what stands beside it.
    pub fn holder(&self) -> (Option<&'n Node<'a>>, Option<&'static Type>) {
        match self.kind.kind {
            TypeKind::Primitive => (self.beside, definitions().get("Element")),
            _ => (self.value, Some(self.kind)),
        }
    }

    /// The bytes of [`Element::node`] in the source.
    pub fn span(&self) -> Option<Range<usize>> {
        self.node().map(|node| node.start..node.end())
    }

    /// The way to [`Element::node`] from the resource in which it was found.
    pub fn way(&self, resource: &'n Node<'a>) -> Way<'n, 'a> {
        self.node().map_or_else(Vec::new, |node| way_to(resource, node.start))
    }
}

/// A way into JSON: from which value, and the step.
pub type Way<'n, 'a> = Vec<(&'n Node<'a>, Step<'n>)>;

/// A step into a JSON value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Step<'n> {
    /// To a member of that name.
    Member(&'n str),
    /// To the element at that place.
    Index(usize),
}

/// The way to the value that starts at a byte.
pub fn way_to<'n, 'a>(root: &'n Node<'a>, start: usize) -> Way<'n, 'a> {
    let mut way = Vec::new();
    let mut node = root;
    while node.start < start {
        let step = match &node.kind {
            Kind::Object(members) => {
                let behind = members.partition_point(|member| member.value.start <= start);
                behind.checked_sub(1).map(|at| (Step::Member(&members[at].key), &members[at].value))
            }
            Kind::Array(items) => {
                let behind = items.partition_point(|item| item.start <= start);
                behind.checked_sub(1).map(|at| (Step::Index(at), &items[at]))
            }
            _ => None,
        };
        let Some((step, inner)) = step else { break };
        way.push((node, step));
        node = inner;
    }
    way
}

/// The type that a resource says it is.
pub(super) fn type_of(resource: &Node<'_>) -> Option<&'static Type> {
    let kind = definitions().get(&resource.get_str("resourceType")?)?;
    (kind.kind == TypeKind::Resource).then_some(kind)
}

/// What a type in an expression means.
pub(super) enum Wanted {
    /// A type of FHIR.
    Fhir(&'static Type),
    /// A type of FHIRPath itself, without `System.`.
    System(String),
}

const SYSTEM_TYPES: [&str; 8] = ["Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity"];

/// The type of a name: FHIR's first, then FHIRPath's own (<http://hl7.org/fhir/R4/fhirpath.html>).
pub(super) fn wanted(name: &str) -> Result<Wanted, EvalError> {
    if let Some(name) = name.strip_prefix("System.") {
        return Ok(Wanted::System(name.to_owned()));
    }
    match definitions().get(name) {
        Some(kind) => Ok(Wanted::Fhir(kind)),
        None if SYSTEM_TYPES.contains(&name) => Ok(Wanted::System(name.to_owned())),
        None => Err(EvalError::UnknownType(name.to_owned())),
    }
}

/// What FHIRPath calls the type of a literal.
pub(super) fn system_type(literal: &Literal) -> &'static str {
    match literal {
        Literal::Text(_) => "String",
        Literal::Number(number) if number.contains('.') => "Decimal",
        Literal::Number(_) => "Integer",
        Literal::Bool(_) => "Boolean",
        Literal::Date(text) if text.starts_with('T') => "Time",
        Literal::Date(text) if text.contains('T') => "DateTime",
        Literal::Date(_) => "Date",
        Literal::Empty => "",
    }
}

impl Item<'_, '_> {
    /// True if it is of a type or of a special kind of it.
    pub(super) fn is(&self, wanted: &Wanted) -> bool {
        match (self, wanted) {
            (Item::Element(Element { kind, .. }) | Item::Elsewhere(kind), Wanted::Fhir(wanted)) => {
                definitions().is_a(kind.name, wanted.name)
            }
            (Item::Value(value), Wanted::System(name)) => system_type(value) == name,
            _ => false,
        }
    }

    /// As [`Item::is`], but a primitive is only what it is called: a `code` is a `string` by `is` and not by `ofType`, as
    /// the official cases have it (`testFHIRPathIsFunction2`, `testFHIRPathAsFunction16`).
    pub(super) fn is_of_type(&self, wanted: &Wanted) -> bool {
        match (self, wanted) {
            (Item::Element(Element { kind, .. }), Wanted::Fhir(wanted)) if kind.kind == TypeKind::Primitive => {
                kind.name == wanted.name
            }
            _ => self.is(wanted),
        }
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self {
            Item::Value(Literal::Bool(flag)) => Some(*flag),
            Item::Element(Element { value: Some(Node { kind: Kind::Bool(flag), .. }), .. }) => Some(*flag),
            _ => None,
        }
    }
}

//! What a resource says at the places that parameters name, as values that can be compared.

use super::table::{Atom, ParamKind, Path, Place, Special, Step, TypeTable};
use crate::json::{Kind, Node};
use crate::key::is_legal_id;
use crate::time::{self, Span};

/// Most values of one resource at one atom. A list of a thousand members is found by the first of them.
pub const VALUES_MAX: usize = 2_000;

/// One value. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A code, an identifier, a flag.
    Token(Token),
    /// Text; true if it is of a person's name, which is found however it is spelt.
    Text(String, bool),
    /// A reference.
    Reference(Reference),
    /// A time or a period.
    Date(Span),
    /// A number or a range of numbers.
    Number(Range),
    /// The same with a unit.
    Quantity(Quantity),
    /// An address, as it is written.
    Uri(String),
}

/// A code in its system. No `Debug`: an identifier is patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// The system; empty if none is said.
    pub system: String,
    /// The code.
    pub code: String,
    /// True if the element itself can say no system: a search that wants none finds it all the same.
    pub is_bare: bool,
}

/// What a reference leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reference {
    /// A resource of this type and id.
    Local(String, String),
    /// An address, a canonical without its version, or a `urn:`.
    Address(String),
    /// Only an identifier of it is given: its system and value.
    Identifier(String, String),
}

/// Numbers from one to another, both included.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Range {
    /// The least.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// A quantity.
#[derive(Clone, PartialEq)]
pub struct Quantity {
    /// How much.
    pub range: Range,
    /// The system of the unit's code.
    pub system: String,
    /// The unit's code.
    pub code: String,
    /// The unit as it is written for people.
    pub unit: String,
}

/// The values of all atoms of a type, in the order of the atoms.
pub fn values_of(table: &TypeTable, resource: &Node<'_>) -> Vec<(usize, Value)> {
    let mut found = Vec::new();
    for (at, atom) in table.atoms.iter().enumerate() {
        found.extend(values_at(atom, resource).into_iter().map(|value| (at, value)));
    }
    found
}

/// The values at one atom.
pub fn values_at(atom: &Atom, resource: &Node<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    if atom.path.special == Some(Special::Deceased) {
        let says = |member: &str| resource.get(member).filter(|value| !matches!(value.kind, Kind::Null));
        let is_dead =
            says("deceasedDateTime").is_some() || says("deceasedBoolean").is_some_and(|flag| flag.text == "true");
        values.push(Value::Token(Token { system: String::new(), code: is_dead.to_string(), is_bare: true }));
        return values;
    }
    let is_name = atom.is_of_a_name();
    walk(resource, &atom.path, &mut |node, place| add(node, place, atom.kind, is_name, &mut values));
    values.truncate(VALUES_MAX);
    values
}

/// The values at a path from a node, as a kind.
pub(super) fn values_from(base: &Node<'_>, path: &Path, kind: ParamKind) -> Vec<Value> {
    let mut values = Vec::new();
    walk(base, path, &mut |node, place| add(node, place, kind, false, &mut values));
    values.truncate(VALUES_MAX);
    values
}

/// Visits the elements that a path leads to from a node.
pub(super) fn walk<'n, 'a>(node: &'n Node<'a>, path: &Path, visit: &mut dyn FnMut(&'n Node<'a>, &Place)) {
    steps(node, &path.steps, None, visit);
}

fn steps<'n, 'a>(node: &'n Node<'a>, rest: &[Step], at: Option<&Place>, visit: &mut dyn FnMut(&'n Node<'a>, &Place)) {
    let Some((step, rest)) = rest.split_first() else {
        if let Some(place) = at {
            visit(node, place);
        }
        return;
    };
    for place in &step.members {
        let Some(value) = node.get(&place.member) else { continue };
        let mut each = |element: &'n Node<'a>| {
            let passes =
                step.filter.as_ref().is_none_or(|(name, value)| element.get_str(name).as_deref() == Some(value));
            if passes {
                steps(element, rest, Some(place), visit);
            }
        };
        match (&value.kind, step.index) {
            (Kind::Array(items), Some(index)) => items.get(index).into_iter().for_each(&mut each),
            (Kind::Array(items), None) => items.iter().for_each(&mut each),
            (_, Some(index)) if index > 0 => {}
            _ => each(value),
        }
    }
}

fn add(node: &Node<'_>, place: &Place, kind: ParamKind, is_name: bool, values: &mut Vec<Value>) {
    match kind {
        ParamKind::Token => tokens(node, place, &mut |token| values.push(Value::Token(token))),
        ParamKind::String => values.extend(node.as_str().map(|text| Value::Text(text.into_owned(), is_name))),
        ParamKind::Reference => references(node, place.kind, &mut |found| values.push(Value::Reference(found))),
        ParamKind::Date => values.extend(date(node, place.kind).map(Value::Date)),
        ParamKind::Number => values.extend(number(node, place.kind).map(Value::Number)),
        ParamKind::Quantity => values.extend(quantity(node, place.kind).map(Value::Quantity)),
        ParamKind::Uri => {
            let Some(text) = node.as_str() else { return };
            if place.kind == "canonical"
                && let Some((bare, _)) = text.split_once('|')
            {
                values.push(Value::Uri(bare.to_owned()));
            }
            values.push(Value::Uri(text.into_owned()));
        }
        ParamKind::Composite => {}
    }
}

fn text_of(node: &Node<'_>, name: &str) -> String {
    node.get_str(name).map_or_else(String::new, |text| text.into_owned())
}

/// What a token is of each type (FHIR R4 §3.1.1.4.10).
fn tokens(node: &Node<'_>, place: &Place, add: &mut dyn FnMut(Token)) {
    // `system|` finds what says its system only.
    let pair = |node: &Node<'_>, member: &str| {
        let token = Token { system: text_of(node, "system"), code: text_of(node, member), is_bare: false };
        Some(token).filter(|token| !token.system.is_empty() || !token.code.is_empty())
    };
    match place.kind {
        "CodeableConcept" => {
            let codings = node.get("coding").map_or(&[][..], Node::items);
            codings.iter().filter_map(|coding| pair(coding, "code")).for_each(add);
        }
        "Coding" => pair(node, "code").into_iter().for_each(add),
        "Identifier" => pair(node, "value").into_iter().for_each(add),
        // Its system is no URI, and R4 lets no search ask for one.
        "ContactPoint" => {
            let token = pair(node, "value").filter(|token| !token.code.is_empty());
            token.map(|token| Token { is_bare: true, ..token }).into_iter().for_each(add);
        }
        "Quantity" | "Age" | "Money" | "Range" | "Reference" => {}
        _ => {
            let code = match node.kind {
                Kind::Bool(flag) => Some(flag.to_string()),
                Kind::Number => Some(node.text.to_owned()),
                _ => node.as_str().map(|text| text.into_owned()),
            };
            if let Some(code) = code {
                add(Token { system: place.system.to_owned(), code, is_bare: true });
            }
        }
    }
}

fn references(node: &Node<'_>, kind: &str, add: &mut dyn FnMut(Reference)) {
    match kind {
        "Reference" => {
            if let Some(text) = node.get_str("reference") {
                links(&text, add);
            }
            if let Some(identifier) = node.get("identifier")
                && let Some(value) = identifier.get_str("value")
            {
                add(Reference::Identifier(text_of(identifier, "system"), value.into_owned()));
            }
        }
        // A document begins with its Composition, a message with its header.
        "Resource" => {
            if let (Some(kind), Some(id)) = (node.get_str("resourceType"), node.get_str("id")) {
                add(Reference::Local(kind.into_owned(), id.into_owned()));
            }
        }
        _ => {
            if let Some(text) = node.as_str() {
                let bare = text.split_once('|').map_or(&*text, |(bare, _)| bare);
                if bare != text {
                    add(Reference::Address(text.clone().into_owned()));
                }
                links(bare, add);
            }
        }
    }
}

/// The references at an atom, of which only those count that lead to a type. By an identifier alone one may lead anywhere.
pub(super) fn references_to(only: &str, atom: &Atom, resource: &Node<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    walk(resource, &atom.path, &mut |node, place| {
        let mut found = Vec::new();
        references(node, place.kind, &mut |reference| found.push(reference));
        let named = found.iter().find_map(|reference| match reference {
            Reference::Local(kind, _) => Some(kind.clone()),
            _ => None,
        });
        let kind = named.or_else(|| node.get_str("type").map(|kind| kind.into_owned()));
        found.retain(|reference| match &kind {
            Some(kind) => kind == only,
            None => matches!(reference, Reference::Identifier(..)),
        });
        values.extend(found.into_iter().map(Value::Reference));
    });
    values.truncate(VALUES_MAX);
    values
}

/// What a literal reference leads to. An absolute one is also taken for the resource that its end names: sites have no
/// address of their own that all others know.
pub fn links(text: &str, add: &mut dyn FnMut(Reference)) {
    if text.is_empty() || text.starts_with('#') {
        return;
    }
    let unversioned = text.split_once("/_history/").map_or(text, |(before, _)| before);
    let is_absolute = unversioned.contains(':');
    if is_absolute {
        add(Reference::Address(unversioned.to_owned()));
    }
    let mut parts = unversioned.rsplit('/');
    if let (Some(id), Some(kind)) = (parts.next(), parts.next())
        && is_legal_id(id)
        && crate::key::RESOURCE_TYPES.binary_search(&kind).is_ok()
        && (is_absolute || parts.next().is_none())
    {
        add(Reference::Local(kind.to_owned(), id.to_owned()));
    } else if !is_absolute {
        add(Reference::Address(unversioned.to_owned()));
    }
}

/// The span of each type (FHIR R4 §3.1.1.4.7). A text is none, even if it looks like a date.
fn date(node: &Node<'_>, kind: &str) -> Option<Span> {
    match kind {
        "Period" => period(node),
        "date" | "dateTime" => time::span(&node.as_str()?),
        // A point in time, however it is written: as narrow as can be.
        "instant" => {
            let from_ms = time::span(&node.as_str()?)?.from_ms;
            Some(Span { from_ms, until_ms: from_ms.saturating_add(1) })
        }
        // Only the outer limits count.
        "Timing" => {
            let events = node.get("event").map_or(&[][..], Node::items).iter();
            let events = events.filter_map(|event| time::span(&event.as_str()?));
            let bounds = node.get("repeat").and_then(|repeat| period(repeat.get("boundsPeriod")?));
            let outer =
                |a: Span, b: Span| Span { from_ms: a.from_ms.min(b.from_ms), until_ms: a.until_ms.max(b.until_ms) };
            events.chain(bounds).reduce(outer)
        }
        _ => None,
    }
}

fn period(node: &Node<'_>) -> Option<Span> {
    let end = |name: &str| node.get_str(name).and_then(|text| time::span(&text));
    let (start, end) = (end("start"), end("end"));
    if start.is_none() && end.is_none() {
        return None;
    }
    let from_ms = start.map_or(time::OPEN.from_ms, |start| start.from_ms);
    let until_ms = end.map_or(time::OPEN.until_ms, |end| end.until_ms);
    Some(Span { from_ms, until_ms })
}

fn read_number(node: &Node<'_>) -> Option<f64> {
    matches!(node.kind, Kind::Number)
        .then(|| node.text.parse().ok())
        .flatten()
        .filter(|number: &f64| number.is_finite())
}

fn number(node: &Node<'_>, kind: &str) -> Option<Range> {
    if kind == "Range" {
        return range(node).map(|quantity| quantity.range);
    }
    let value = read_number(node)?;
    Some(Range { low: value, high: value })
}

fn quantity(node: &Node<'_>, kind: &str) -> Option<Quantity> {
    match kind {
        "Range" => range(node),
        "Money" => {
            let value = read_number(node.get("value")?)?;
            let code = text_of(node, "currency");
            Some(Quantity {
                range: Range { low: value, high: value },
                system: CURRENCIES.to_owned(),
                code,
                unit: String::new(),
            })
        }
        "SampledData" => None,
        _ => {
            let value = read_number(node.get("value")?)?;
            let (system, code, unit) = (text_of(node, "system"), text_of(node, "code"), text_of(node, "unit"));
            Some(Quantity { range: Range { low: value, high: value }, system, code, unit })
        }
    }
}

/// The system of `Money.currency`.
const CURRENCIES: &str = "urn:iso:std:iso:4217";

fn range(node: &Node<'_>) -> Option<Quantity> {
    let end = |name: &str| quantity(node.get(name)?, "Quantity");
    let (low, high) = (end("low"), end("high"));
    let with_unit = low.clone().or_else(|| high.clone())?;
    let range = Range {
        low: low.map_or(f64::NEG_INFINITY, |low| low.range.low),
        high: high.map_or(f64::INFINITY, |high| high.range.high),
    };
    Some(Quantity { range, ..with_unit })
}

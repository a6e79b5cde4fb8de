//! Resources that the tables allow, at random: any subset of the elements, of any of their types, with any legal value.

use serde_json::{Map, Value, json};

use crate::definitions::{Element, ElementType, Type, TypeKind, definitions};
use crate::key::RESOURCE_TYPES;

/// How deep optional elements may nest.
const DEPTH_MAX: usize = 6;

/// Where decisions are drawn from. When nothing is left, every decision is the first one.
pub struct Choices<'b>(std::slice::Iter<'b, u8>);

impl<'b> Choices<'b> {
    pub fn new(bytes: &'b [u8]) -> Choices<'b> {
        Choices(bytes.iter())
    }

    pub fn pick(&mut self, count: usize) -> usize {
        let mut next = || usize::from(self.0.next().copied().unwrap_or(0));
        (if count > 256 { next() << 8 | next() } else { next() }) % count
    }

    fn from<T: Clone>(&mut self, list: &[T]) -> T {
        list[self.pick(list.len())].clone()
    }
}

pub fn resource(choices: &mut Choices<'_>) -> Value {
    let kind = choices.from(RESOURCE_TYPES);
    resource_of(kind, false, 0, choices)
}

fn resource_of(name: &str, is_contained: bool, depth: usize, choices: &mut Choices<'_>) -> Value {
    let kind = definitions().get(name).expect("a type");
    let leave_out: &[&str] = if is_contained { &["id", "meta", "contained"] } else { &[] };
    let mut members = members(kind, leave_out, depth, choices);
    members.insert("resourceType".to_owned(), name.into());
    members.into()
}

fn members(kind: &Type, leave_out: &[&str], depth: usize, choices: &mut Choices<'_>) -> Map<String, Value> {
    let mut members = Map::new();
    for element in kind.elements.iter().filter(|element| !leave_out.contains(&element.name)) {
        if element.min > 0 || (depth < DEPTH_MAX && choices.pick(8) == 7) {
            let of = &element.types[choices.pick(element.types.len())];
            insert(&mut members, element, of, depth, choices);
        }
    }
    members
}

fn insert(
    members: &mut Map<String, Value>,
    element: &Element,
    of: &ElementType,
    depth: usize,
    choices: &mut Choices<'_>,
) {
    let name = element.member_of(of);
    let kind = definitions().get(of.name).expect("a type");
    let has_beside = kind.kind == TypeKind::Primitive && element.name != "id" && of.name != "xhtml";
    let count = if element.is_list() { 1 + choices.pick(3) } else { 1 };
    let (mut values, mut beside) = (Vec::new(), Vec::new());
    for at in 0..count {
        let how = if has_beside { choices.pick(4) } else { 0 };
        values.push(if how == 3 { Value::Null } else { value(element, of, kind, at, depth, choices) });
        let extended = || json!({ "extension": [{ "url": "http://x.org/e", "valueString": "a" }] });
        beside.push(match how {
            0 | 1 => Value::Null,
            2 => json!({ "id": "a" }),
            _ => extended(),
        });
    }
    // A member that would hold only nulls is left out.
    for (name, mut list) in [(format!("_{name}"), beside), (name, values)] {
        if list.iter().all(Value::is_null) {
            continue;
        }
        members.insert(name, if element.is_list() { list.into() } else { list.remove(0) });
    }
}

fn value(
    element: &Element,
    of: &ElementType,
    kind: &Type,
    at: usize,
    depth: usize,
    choices: &mut Choices<'_>,
) -> Value {
    match kind.kind {
        TypeKind::Primitive => primitive(of, choices),
        TypeKind::Resource if element.name == "contained" => {
            let name = choices.from(&["Patient", "Practitioner", "Medication"]);
            let mut inner = resource_of(name, true, depth + 1, choices);
            inner["id"] = format!("c{at}").into();
            inner
        }
        TypeKind::Resource => {
            let name = choices.from(RESOURCE_TYPES);
            resource_of(name, false, depth + 1, choices)
        }
        _ if of.name == "Extension" => extension(true, depth + 1, choices),
        _ if of.name == "Reference" => reference(of, choices),
        _ => {
            let mut members = members(kind, &[], depth + 1, choices);
            if members.keys().all(|name| name == "id") {
                members.insert("extension".to_owned(), json!([extension(true, depth + 1, choices)]));
            }
            members.into()
        }
    }
}

fn extension(is_outermost: bool, depth: usize, choices: &mut Choices<'_>) -> Value {
    let mut members = Map::new();
    let urls: &[&str] = if is_outermost { &["http://x.org/e", "urn:oid:1.2"] } else { &["in", "http://x.org/e"] };
    members.insert("url".to_owned(), choices.from(urls).into());
    if depth < DEPTH_MAX && choices.pick(4) == 3 {
        members.insert("extension".to_owned(), json!([extension(false, depth + 1, choices)]));
        return members.into();
    }
    let element = definitions().get("Extension").and_then(|kind| kind.element("value")).expect("an element");
    let of = &element.types[choices.pick(element.types.len())];
    insert(&mut members, element, of, depth + 1, choices);
    members.into()
}

fn reference(of: &ElementType, choices: &mut Choices<'_>) -> Value {
    let target = choices.from(if of.targets.is_empty() { RESOURCE_TYPES } else { &of.targets });
    match choices.pick(6) {
        0 => json!({ "reference": format!("{target}/1") }),
        1 => json!({ "reference": format!("https://x.org/r4/{target}/1/_history/2"), "type": target }),
        2 => json!({ "reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520", "type": target }),
        3 => json!({ "reference": format!("{target}?identifier=urn:x|1") }),
        4 => json!({ "type": format!("http://hl7.org/fhir/StructureDefinition/{target}"), "display": "a" }),
        _ => json!({ "identifier": { "system": "urn:x", "value": "1" } }),
    }
}

fn primitive(of: &ElementType, choices: &mut Choices<'_>) -> Value {
    if let Some(set) = of.codes {
        return choices.from(definitions().codes(set)).into();
    }
    let (_, right, _) = super::primitives::PRIMITIVES.iter().find(|(name, ..)| *name == of.name).expect("a primitive");
    // As long as it is read: a decimal of twenty digits is no f64.
    let right: Vec<Value> = right.iter().map(|text| serde_json::from_str(text).expect("JSON")).collect();
    choices.from(&right)
}

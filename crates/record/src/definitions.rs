//! What FHIR R4 says about its types: which elements each has, how often, of which types, and which codes they may say.
//!
//! Read once from `data/fhir-r4/definitions.txt`, which `cargo xtask fhir-tables` cuts down from the official
//! StructureDefinitions (4.0.1). Everything that follows a path into a resource (search parameters, patches, validation)
//! follows it here first, so that no two of them disagree about what an element is.

use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../data/fhir-r4/definitions.txt");

/// What kind of type it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TypeKind {
    /// A resource.
    Resource,
    /// A data type with elements.
    Complex,
    /// A data type that is one JSON value.
    Primitive,
    /// A part of another type, named by its path: `Patient.contact`.
    Part,
}

/// A type.
pub struct Type {
    /// Its name.
    pub name: &'static str,
    /// What it is a special kind of; empty for the roots.
    pub base: &'static str,
    /// What kind it is.
    pub kind: TypeKind,
    /// Its elements, inherited ones first. Those of a primitive are left out: its value is the JSON value itself.
    pub elements: Vec<Element>,
    /// JSON member, element, type of the element; sorted.
    members: Vec<(String, u16, u16)>,
}

/// An element of a type.
pub struct Element {
    /// Its name, without `[x]`.
    pub name: &'static str,
    /// True for `name[x]`: the JSON member's name ends with its type.
    pub is_choice: bool,
    /// How often at least.
    pub min: u32,
    /// How often at most; `None` for any number. JSON has a list for all but 1.
    pub max: Option<u32>,
    /// Part of a summary of the resource.
    pub is_summary: bool,
    /// Changes what the resource means.
    pub is_modifier: bool,
    /// What it may be.
    pub types: Vec<ElementType>,
}

/// One type that an element may have.
pub struct ElementType {
    /// The type's name.
    pub name: &'static str,
    /// What a reference or a canonical may lead to; empty for anything.
    pub targets: Vec<&'static str>,
    /// The name of the set of codes that it must be one of.
    pub codes: Option<&'static str>,
}

/// All types.
pub struct Definitions {
    types: BTreeMap<&'static str, Type>,
    codes: BTreeMap<&'static str, Codes>,
}

struct Codes {
    system: &'static str,
    codes: Vec<&'static str>,
}

/// The types of FHIR R4.
pub fn definitions() -> &'static Definitions {
    static DEFINITIONS: OnceLock<Definitions> = OnceLock::new();
    DEFINITIONS.get_or_init(|| Definitions::read(TABLE))
}

impl Definitions {
    /// Reads the table. It is compiled in and a test reads all of it, so a line that is not understood is passed over.
    fn read(table: &'static str) -> Definitions {
        let (mut types, mut codes) = (BTreeMap::new(), BTreeMap::new());
        let mut current: Option<Type> = None;
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            if let Some(element) = line.strip_prefix("  ") {
                if let (Some(current), Some(element)) = (&mut current, Element::read(element)) {
                    current.elements.push(element);
                }
                continue;
            }
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("type"), Some(name), Some(base), Some(kind)) => {
                    finish(&mut types, current.take());
                    let base = if base == "-" { "" } else { base };
                    current = Some(Type { name, base, kind: kind_of(kind), elements: Vec::new(), members: Vec::new() });
                }
                (Some("codes"), Some(name), Some(system), _) => {
                    let mut set: Vec<&str> = line.split(' ').skip(3).collect();
                    set.sort_unstable();
                    let system = if system == "-" { "" } else { system };
                    codes.insert(name, Codes { system, codes: set });
                }
                _ => {}
            }
        }
        finish(&mut types, current);
        Definitions { types, codes }
    }

    /// A type by its name; for a part of a type its path.
    pub fn get(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    /// All types, by name.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        self.types.values()
    }

    /// The codes of a set, sorted.
    pub fn codes(&self, set: &str) -> &[&'static str] {
        self.codes.get(set).map_or(&[], |found| &found.codes)
    }

    /// The system that all codes of a set are from; empty if they are from several.
    pub fn system(&self, set: &str) -> &'static str {
        self.codes.get(set).map_or("", |found| found.system)
    }

    /// True if a type is another, or a special kind of it.
    pub fn is_a(&self, name: &str, base: &str) -> bool {
        let mut at = Some(name);
        while let Some(name) = at {
            if name == base {
                return true;
            }
            at = self.get(name).map(|found| found.base).filter(|base| !base.is_empty());
        }
        false
    }
}

impl Type {
    /// The element and its type behind a JSON member. The `_name` beside a primitive is not a member of its own.
    pub fn member(&self, name: &str) -> Option<(&Element, &ElementType)> {
        let at = self.members.binary_search_by(|(known, ..)| known.as_str().cmp(name)).ok()?;
        let (_, element, kind) = &self.members[at];
        let element = &self.elements[usize::from(*element)];
        Some((element, &element.types[usize::from(*kind)]))
    }

    /// An element by its name, `value` for `value[x]`.
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }
}

impl Element {
    fn read(line: &'static str) -> Option<Element> {
        let mut words = line.split(' ');
        let name = words.next()?;
        let (min, max, flags) = (words.next()?.parse().ok()?, words.next()?, words.next()?);
        let types = words.next()?.split('|').map(ElementType::read).collect();
        let choice = name.strip_suffix("[x]");
        Some(Element {
            name: choice.unwrap_or(name),
            is_choice: choice.is_some(),
            min,
            max: max.parse().ok(),
            is_summary: flags.contains('s'),
            is_modifier: flags.contains('m'),
            types,
        })
    }

    /// True if JSON has a list of them.
    pub fn is_list(&self) -> bool {
        self.max != Some(1)
    }

    /// The JSON member that holds this element when it is of a type.
    pub fn member_of(&self, kind: &ElementType) -> String {
        if !self.is_choice {
            return self.name.to_owned();
        }
        let mut letters = kind.name.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        self.name.chars().chain(first).chain(letters).collect()
    }
}

impl ElementType {
    fn read(text: &'static str) -> ElementType {
        if let Some((name, targets)) = text.strip_suffix(')').and_then(|text| text.split_once('(')) {
            return ElementType { name, targets: targets.split(',').collect(), codes: None };
        }
        match text.split_once('=') {
            Some((name, codes)) => ElementType { name, targets: Vec::new(), codes: Some(codes) },
            None => ElementType { name: text, targets: Vec::new(), codes: None },
        }
    }
}

fn kind_of(letter: &str) -> TypeKind {
    match letter {
        "r" => TypeKind::Resource,
        "c" => TypeKind::Complex,
        "p" => TypeKind::Primitive,
        _ => TypeKind::Part,
    }
}

fn finish(types: &mut BTreeMap<&'static str, Type>, done: Option<Type>) {
    let Some(mut done) = done else { return };
    if done.kind == TypeKind::Primitive {
        done.elements.clear();
    }
    for (at, element) in done.elements.iter().enumerate() {
        for (which, kind) in element.types.iter().enumerate() {
            done.members.push((element.member_of(kind), at as u16, which as u16));
        }
    }
    done.members.sort();
    types.insert(done.name, done);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::RESOURCE_TYPES;

    #[test]
    fn every_line_of_the_table_is_understood() {
        let all = definitions();
        let (mut types, mut elements, mut sets) = (0, 0, 0);
        for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
            types += usize::from(line.starts_with("type "));
            elements += usize::from(line.starts_with("  "));
            sets += usize::from(line.starts_with("codes "));
        }
        let primitives = all.types().filter(|kind| kind.kind == TypeKind::Primitive).count();
        assert_eq!((all.types.len(), all.codes.len()), (types, sets));
        let read: usize = all.types().map(|kind| kind.elements.len()).sum();
        assert_eq!(read + 3 * primitives, elements, "a primitive has id, extension and value");
        for kind in all.types() {
            assert!(kind.base.is_empty() || all.get(kind.base).is_some(), "{}", kind.name);
            for element in &kind.elements {
                assert!(
                    !element.types.is_empty() && element.is_choice == (element.types.len() > 1 || element.is_choice)
                );
                for of in &element.types {
                    assert!(all.get(of.name).is_some(), "{}.{}: {}", kind.name, element.name, of.name);
                    assert!(of.codes.is_none_or(|set| !all.codes(set).is_empty()));
                    assert!(of.targets.iter().all(|target| RESOURCE_TYPES.contains(target)), "{}", kind.name);
                }
            }
        }
        for name in RESOURCE_TYPES {
            assert_eq!(all.get(name).map(|kind| kind.kind), Some(TypeKind::Resource), "{name}");
        }
    }

    #[test]
    fn members_lead_to_elements_and_types() {
        let all = definitions();
        let observation = all.get("Observation").expect("a type");
        let (element, kind) = observation.member("valueQuantity").expect("a member");
        assert_eq!((element.name, kind.name), ("value", "Quantity"));
        assert!(observation.member("value").is_none() && observation.member("valueReference").is_none());
        let (status, kind) = observation.member("status").expect("a member");
        assert_eq!((status.min, status.is_modifier, kind.codes), (1, true, Some("observation-status")));
        assert!(all.codes("observation-status").contains(&"final"));
        assert_eq!(all.system("observation-status"), "http://hl7.org/fhir/observation-status");
        let (subject, kind) = observation.member("subject").expect("a member");
        assert_eq!((subject.is_list(), kind.targets.len()), (false, 4));
        assert!(all.is_a("Age", "Quantity") && all.is_a("Patient", "Resource") && !all.is_a("Patient", "Quantity"));
        let (item, kind) = all.get("Questionnaire.item").and_then(|item| item.member("item")).expect("a member");
        assert_eq!((item.is_list(), kind.name), (true, "Questionnaire.item"));
    }
}

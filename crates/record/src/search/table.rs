//! Which search parameters each resource type has, and where their values stand.
//!
//! Read from the official table (`data/fhir-r4/search-parameters.txt`). The places of a type's parameters are cut into
//! **atoms**: one path and one kind of value each. Parameters share them (`patient` is `subject` narrowed to patients,
//! `combo-code` is `code` and `component-code`), so an index that holds atoms holds nothing twice.

use crate::definitions::definitions;
use crate::fhirpath::{Expr, Function, Literal, parse};
use crate::key::RESOURCE_TYPES;
use std::collections::BTreeMap;
use std::sync::OnceLock;

const TABLE: &str = include_str!("../../data/fhir-r4/search-parameters.txt");

/// Most atoms of one type; an atom's number is the type's times this, and its place among the type's.
pub const ATOMS_MAX: usize = 128;

/// Parameters that are not looked up in an index: which resource and when, what a filter of lists or texts would need, and
/// a place on the earth, which sanad does not search by.
const NOT_INDEXED: [&str; 6] = [
    "Resource-id",
    "Resource-lastUpdated",
    "Resource-content",
    "Resource-query",
    "DomainResource-text",
    "Location-near",
];

/// What is wrong in the official table, and what it is read as: here each part has the other's expression, so that a
/// reference is looked for in a code. FHIR R4B and R5 have it so.
const PARTS_MENDED: [(&str, &str); 1] =
    [("DocumentReference-relationship", "DocumentReference-relatesto=target;DocumentReference-relation=code")];

/// What a parameter's values are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ParamKind {
    /// A code, an identifier, a flag.
    Token,
    /// Text, by how it begins.
    String,
    /// What it leads to.
    Reference,
    /// A time or a period.
    Date,
    /// A number.
    Number,
    /// A number with a unit.
    Quantity,
    /// An address of something defined.
    Uri,
    /// Several of these at one place.
    Composite,
}

/// A search parameter of one resource type.
pub struct Param {
    /// Its name in a search.
    pub code: &'static str,
    /// The id of its definition: `http://hl7.org/fhir/SearchParameter/` and this.
    pub id: &'static str,
    /// What its values are.
    pub kind: ParamKind,
    /// What a reference may lead to.
    pub targets: Vec<&'static str>,
    /// Where its values stand; for a composite the places at which its parts meet.
    pub uses: Vec<Use>,
    /// The parts of a composite.
    pub parts: Vec<Part>,
    /// The bases of a composite: where its parts are looked for together.
    pub bases: Vec<Path>,
}

/// A place of values, for one parameter.
#[derive(Clone, PartialEq, Eq)]
pub struct Use {
    /// The atom's place among those of the type.
    pub atom: usize,
    /// Only references to this type count.
    pub only: Option<&'static str>,
}

/// One part of a composite parameter.
pub struct Part {
    /// What its values are.
    pub kind: ParamKind,
    /// Where they stand: from a base of the composite, or from the resource itself.
    pub paths: Vec<(Path, bool)>,
    /// The parameter by which resources with such a value are looked for.
    pub param: &'static str,
}

/// One path, and the values that it leads to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Atom {
    /// From the resource.
    pub path: Path,
    /// What the values are taken for.
    pub kind: ParamKind,
}

impl Atom {
    /// True if its values are a person's names.
    pub fn is_of_a_name(&self) -> bool {
        let mut last_two = self.path.steps.iter().rev().take(2);
        last_two.any(|step| step.members.iter().any(|place| place.kind == "HumanName"))
    }

    /// True if the elements here can say a code, and no system of it.
    pub fn is_bare(&self) -> bool {
        let of = |place: &Place| matches!(place.kind, "CodeableConcept" | "Coding" | "Identifier");
        !self.path.steps.last().is_some_and(|step| step.members.iter().any(of))
    }
}

/// A path through JSON members.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Path {
    /// Step by step.
    pub steps: Vec<Step>,
    /// A rule of its own.
    pub special: Option<Special>,
}

/// What no path says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Special {
    /// `Patient.deceased.exists() and Patient.deceased != false`: a flag that is there even where nothing is said.
    Deceased,
}

/// One step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// JSON members that hold the element.
    pub members: Vec<Place>,
    /// Only elements whose member of this name says this.
    pub filter: Option<(String, String)>,
    /// Only the one at this place.
    pub index: Option<usize>,
}

/// A JSON member that holds an element.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The member's name.
    pub member: String,
    /// The FHIR type of what it holds.
    pub kind: &'static str,
    /// The system of its codes, where the element says codes of one system only; else empty.
    pub system: &'static str,
}

/// The search parameters of one type.
pub struct TypeTable {
    /// The type.
    pub name: &'static str,
    /// The parameters by name.
    pub params: BTreeMap<&'static str, Param>,
    /// The places of their values.
    pub atoms: Vec<Atom>,
}

/// The parameters of a resource type.
pub fn table_of(resource_type: &str) -> Option<&'static TypeTable> {
    static TABLES: [OnceLock<TypeTable>; RESOURCE_TYPES.len()] = [const { OnceLock::new() }; RESOURCE_TYPES.len()];
    let at = RESOURCE_TYPES.binary_search(&resource_type).ok()?;
    Some(TABLES[at].get_or_init(|| TypeTable::new(RESOURCE_TYPES[at])))
}

struct Line {
    code: &'static str,
    kind: &'static str,
    id: &'static str,
    base: &'static str,
    targets: &'static str,
    components: &'static str,
    expression: &'static str,
}

fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let read = lines.filter_map(|line| {
            let mut cells = line.split('\t');
            Some(Line {
                code: cells.next()?,
                kind: cells.next()?,
                id: cells.next()?,
                base: cells.next()?,
                targets: cells.next()?,
                components: cells.next()?,
                expression: cells.next()?,
            })
        });
        read.collect()
    })
}

fn kind_of(name: &str) -> Option<ParamKind> {
    Some(match name {
        "token" => ParamKind::Token,
        "string" => ParamKind::String,
        "reference" => ParamKind::Reference,
        "date" => ParamKind::Date,
        "number" => ParamKind::Number,
        "quantity" => ParamKind::Quantity,
        "uri" => ParamKind::Uri,
        "composite" => ParamKind::Composite,
        _ => return None,
    })
}

impl TypeTable {
    fn new(name: &'static str) -> TypeTable {
        let mut table = TypeTable { name, params: BTreeMap::new(), atoms: Vec::new() };
        let of_this = |line: &&Line| {
            let mut bases = line.base.split(',');
            bases.any(|base| base == name || definitions().is_a(name, base)) && !NOT_INDEXED.contains(&line.id)
        };
        for line in lines().iter().filter(of_this) {
            let Some(kind) = kind_of(line.kind) else { continue };
            let targets = line.targets.split(',').filter(|target| !target.is_empty()).collect();
            let (mut uses, mut bases) = (Vec::new(), Vec::new());
            for (path, only) in paths(line.expression, name) {
                if kind == ParamKind::Composite {
                    bases.push(path);
                    continue;
                }
                for path in path.in_parts(kind) {
                    let found = Use { atom: table.atom(path, kind), only };
                    if !uses.contains(&found) {
                        uses.push(found);
                    }
                }
            }
            let mended = PARTS_MENDED.iter().find(|(id, _)| *id == line.id);
            let parts = parts(mended.map_or(line.components, |(_, parts)| parts), &bases, name);
            let param = Param { code: line.code, id: line.id, kind, targets, uses, parts, bases };
            table.params.insert(line.code, param);
        }
        assert!(table.atoms.len() <= ATOMS_MAX, "atoms of a type have numbers of their own");
        table
    }

    fn atom(&mut self, path: Path, kind: ParamKind) -> usize {
        let atom = Atom { path, kind };
        self.atoms.iter().position(|known| *known == atom).unwrap_or_else(|| {
            self.atoms.push(atom);
            self.atoms.len() - 1
        })
    }
}

impl Path {
    /// Text is looked for in the parts of a name or an address, each a place of its own: `family` is one of those of `name`.
    fn in_parts(self, kind: ParamKind) -> Vec<Path> {
        let leaf = self.steps.last().and_then(|step| step.members.first()).map_or("", |place| place.kind);
        let parts: &[&str] = match (kind, leaf) {
            (ParamKind::String, "HumanName") => &["text", "family", "given", "prefix", "suffix"],
            (ParamKind::String, "Address") => &["text", "line", "city", "district", "state", "postalCode", "country"],
            _ => return vec![self],
        };
        let part = |name: &&str| {
            let place = Place { member: (*name).to_owned(), kind: "string", system: "" };
            let step = Step { members: vec![place], filter: None, index: None };
            Path { steps: self.steps.iter().cloned().chain([step]).collect(), special: None }
        };
        parts.iter().map(part).collect()
    }
}

/// The paths of an expression that begin at a type.
fn paths(expression: &'static str, root: &'static str) -> Vec<(Path, Option<&'static str>)> {
    let mut found = Vec::new();
    if let Ok(expression) = parse(expression) {
        alternatives(&expression, &mut |alternative| {
            let mut walk = Walk { root, path: Path::default(), types: vec![root], only: None };
            if walk.whole(alternative).is_some() {
                found.push((walk.path, walk.only));
            }
        });
    }
    found
}

fn alternatives<'e>(expression: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    match expression {
        Expr::Union(left, right) => {
            alternatives(left, visit);
            alternatives(right, visit);
        }
        other => visit(other),
    }
}

/// The parts of a composite: `definition=expression`, separated by semicolons.
fn parts(components: &'static str, bases: &[Path], root: &'static str) -> Vec<Part> {
    let read = |component: &'static str| {
        let (id, expression) = component.split_once('=')?;
        let definition = lines().iter().find(|line| line.id == id)?;
        let mut found = Vec::new();
        let expression = parse(expression).ok()?;
        alternatives(&expression, &mut |alternative| {
            for (at, base) in bases.iter().enumerate() {
                let types =
                    base.steps.last().map_or(vec![root], |step| step.members.iter().map(|place| place.kind).collect());
                let mut walk = Walk { root, path: Path::default(), types, only: None };
                match walk.part(alternative) {
                    Some(from_resource) if from_resource && at > 0 => {}
                    Some(from_resource) => {
                        let path = (walk.path, from_resource);
                        if !found.contains(&path) {
                            found.push(path);
                        }
                    }
                    None => {}
                }
            }
        });
        Some(Part { kind: kind_of(definition.kind)?, paths: found, param: definition.code })
    };
    components.split(';').filter_map(read).collect()
}

/// Follows an expression through the types.
struct Walk {
    root: &'static str,
    path: Path,
    types: Vec<&'static str>,
    only: Option<&'static str>,
}

impl Walk {
    /// An expression that begins with a type. `None` if it begins at another, or is none that is known.
    fn whole(&mut self, expression: &Expr) -> Option<()> {
        match expression {
            Expr::Member(of, name) if **of == Expr::This => {
                // Some say only the element: `name | alias`.
                if name.starts_with(|letter: char| letter.is_ascii_lowercase()) {
                    return self.member(name);
                }
                definitions().is_a(self.root, name).then_some(())
            }
            Expr::And(left, _) => {
                self.whole(left)?;
                self.path.special = Some(Special::Deceased);
                Some(())
            }
            Expr::Call(of, Function::Exists, _) => self.whole(of),
            other => {
                self.whole(inner(other)?)?;
                self.step(other)
            }
        }
    }

    /// An expression from where it stands, or from `%resource`: true for the latter.
    fn part(&mut self, expression: &Expr) -> Option<bool> {
        match expression {
            Expr::This => Some(false),
            Expr::Resource => {
                self.types = vec![self.root];
                Some(true)
            }
            other => {
                let from_resource = self.part(inner(other)?)?;
                self.step(other)?;
                Some(from_resource)
            }
        }
    }

    /// The last step of an expression, everything before it being done.
    fn step(&mut self, expression: &Expr) -> Option<()> {
        match expression {
            Expr::Member(_, name) => self.member(name),
            Expr::Index(_, index) => {
                self.path.steps.last_mut()?.index = Some(*index);
                Some(())
            }
            Expr::As(_, kind) => {
                // A canonical is a uri. One component says DateTime.
                self.types.retain(|known| known.eq_ignore_ascii_case(kind) || definitions().is_a(known, kind));
                let types = &self.types;
                self.path.steps.last_mut()?.members.retain(|place| types.contains(&place.kind));
                (!self.types.is_empty()).then_some(())
            }
            Expr::Call(_, Function::Where, condition) => match condition.first()? {
                Expr::Is(resolved, kind) if matches!(**resolved, Expr::Call(_, Function::Resolve, _)) => {
                    self.only = Some(definitions().get(kind)?.name);
                    Some(())
                }
                Expr::Equal(member, value, true) => match (&**member, &**value) {
                    (Expr::Member(_, name), Expr::Literal(Literal::Text(value))) => {
                        self.path.steps.last_mut()?.filter = Some((name.clone(), value.clone()));
                        Some(())
                    }
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }

    fn member(&mut self, name: &str) -> Option<()> {
        let mut members = Vec::new();
        for kind in self.types.iter().filter_map(|name| definitions().get(name)) {
            let Some(element) = kind.element(name) else { continue };
            for of in &element.types {
                let system = of.codes.map_or("", |set| definitions().system(set));
                let member = Place { member: element.member_of(of), kind: of.name, system };
                if !members.contains(&member) {
                    members.push(member);
                }
            }
        }
        self.types = members.iter().map(|place| place.kind).collect();
        self.types.dedup();
        self.path.steps.push(Step { members, filter: None, index: None });
        (!self.types.is_empty()).then_some(())
    }
}

/// What an expression is applied to.
fn inner(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Member(of, _) | Expr::Index(of, _) | Expr::As(of, _) | Expr::Call(of, Function::Where, _) => Some(of),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_of_every_type_leads_somewhere() {
        let (mut params, mut atoms) = (0, 0);
        for name in RESOURCE_TYPES {
            let table = table_of(name).expect("a type");
            params += table.params.len();
            atoms += table.atoms.len();
            for param in table.params.values() {
                if param.kind == ParamKind::Composite {
                    assert!(!param.bases.is_empty() && param.parts.len() > 1, "{name} {}", param.code);
                    assert!(param.parts.iter().all(|part| !part.paths.is_empty()), "{name} {}", param.code);
                    continue;
                }
                assert!(!param.uses.is_empty(), "{name} {}", param.code);
                for used in &param.uses {
                    let path = &table.atoms[used.atom].path;
                    assert!(path.steps.iter().all(|step| !step.members.is_empty()), "{name} {}", param.code);
                }
            }
        }
        assert_eq!((params, atoms), (2280, 2225));
    }
}

//! Which codes a value set has, and what each is called.
//!
//! The sets that elements of type `code` must take their codes from ship with the program
//! (`data/fhir-r4/value-sets.txt`, which `cargo xtask fhir-tables` cuts down from the expansions that HL7 publishes). Of
//! others, what can be expanded is what lists its codes, names a code system that is here whole, or imports sets of which
//! the same is true (FHIR R4 §4.9.6). Nothing is asked of any other server.

use crate::json::{Kind, Node, parse_object};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

const TABLE: &str = include_str!("../data/fhir-r4/value-sets.txt");

/// Most codes that are looked at for one set; larger ones are a terminology server's.
pub const CONCEPTS_MAX: usize = 20_000;
/// Sets that import each other: so many in a row, and so many in all.
const IMPORT_DEPTH_MAX: usize = 8;
const IMPORTS_MAX: usize = 64;

/// A code of a set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Concept {
    /// The code system.
    pub system: Cow<'static, str>,
    /// The code.
    pub code: Cow<'static, str>,
    /// What it is called; `None` if that is not said.
    pub display: Option<Cow<'static, str>>,
    /// What else it is called, each as JSON.
    pub designations: Vec<String>,
}

/// A value set that ships.
pub struct Shipped {
    /// Its id.
    pub name: &'static str,
    /// Its canonical address.
    pub url: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its title.
    pub title: &'static str,
    /// Its codes, in the order in which HL7 lists them.
    pub concepts: Vec<Concept>,
    /// The systems of which it has all codes.
    whole: Vec<&'static str>,
}

/// All value sets that ship, by id.
pub fn shipped() -> &'static BTreeMap<&'static str, Shipped> {
    static SHIPPED: OnceLock<BTreeMap<&'static str, Shipped>> = OnceLock::new();
    SHIPPED.get_or_init(|| read(TABLE))
}

/// Reads the table. It is compiled in and a test reads all of it, so a line that is not understood is passed over.
fn read(table: &'static str) -> BTreeMap<&'static str, Shipped> {
    let mut sets: Vec<Shipped> = Vec::new();
    let mut system = "";
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        match (line.strip_prefix("set "), line.strip_prefix("  "), sets.last_mut()) {
            (Some(rest), ..) => {
                let mut words = rest.splitn(4, ' ');
                if let (Some(name), Some(url), Some(version)) = (words.next(), words.next(), words.next()) {
                    let title = words.next().unwrap_or_default();
                    sets.push(Shipped { name, url, version, title, concepts: Vec::new(), whole: Vec::new() });
                }
            }
            (_, Some(concept), Some(set)) => {
                let (code, display) = concept.split_once(' ').unwrap_or((concept, ""));
                set.concepts.push(Concept {
                    system: system.into(),
                    code: code.into(),
                    display: Some(display).filter(|display| !display.is_empty()).map(Cow::from),
                    designations: Vec::new(),
                });
            }
            (_, None, Some(set)) => {
                if let Some((name, how)) = line.trim_start().split_once(' ') {
                    system = name;
                    set.whole.extend((how == "all").then_some(name));
                }
            }
            _ => {}
        }
    }
    sets.into_iter().map(|set| (set.name, set)).collect()
}

/// A value set that ships, by its canonical address, with or without a version.
pub fn shipped_at(canonical: &str) -> Option<&'static Shipped> {
    let (url, version) = split(canonical);
    shipped().values().find(|set| set.url == url && version.is_none_or(|version| version == set.version))
}

/// The codes of a code system of which all ship.
pub fn shipped_system(url: &str) -> Option<impl Iterator<Item = &'static Concept>> {
    let of_set = |set: &'static Shipped| Some((set, *set.whole.iter().find(|system| **system == url)?));
    let (set, system) = shipped().values().find_map(of_set)?;
    Some(set.concepts.iter().filter(move |concept| concept.system == system))
}

/// A canonical address and its version (FHIR R4 §2.24.0.3.1).
pub fn split(canonical: &str) -> (&str, Option<&str>) {
    canonical.split_once('|').map_or((canonical, None), |(url, version)| (url, Some(version)))
}

/// Why a value set cannot be expanded. Says the place in the set, never what stands there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExpandError {
    /// It is not a resource of that type.
    NotOne,
    /// It names a set or a system that is not here, or not whole.
    NotHere(String),
    /// It selects by a property of the codes, not by the codes.
    Filter(String),
    /// It has too many codes, or imports too many sets.
    TooMuch,
}

/// Gives the bytes of a `ValueSet` or `CodeSystem` that has a canonical address, if it is here.
pub type LookUp<'l> = dyn Fn(&str, &str) -> Option<Vec<u8>> + 'l;

/// The codes of a set that a resource describes, in its order, each once.
///
/// # Errors
/// [`ExpandError`].
pub fn expand(value_set: &Node<'_>, look_up: &LookUp<'_>) -> Result<Vec<Concept>, ExpandError> {
    let mut expander = Expander { look_up, imports: 0, selected: 0 };
    expander.value_set(value_set, "ValueSet", 0)
}

/// The codes that a `CodeSystem` resource defines, those below others included.
///
/// # Errors
/// [`ExpandError::NotHere`] if it does not say all of them.
pub fn concepts_of(code_system: &Node<'_>) -> Result<Vec<Concept>, ExpandError> {
    if code_system.get_str("resourceType").as_deref() != Some("CodeSystem") {
        return Err(ExpandError::NotOne);
    }
    let system = code_system.get_str("url").unwrap_or_default().into_owned();
    if code_system.get_str("content").as_deref() != Some("complete") {
        return Err(ExpandError::NotHere("CodeSystem.content".to_owned()));
    }
    let mut concepts = Vec::new();
    gather(code_system, &system, &mut concepts)?;
    Ok(concepts)
}

fn gather(parent: &Node<'_>, system: &str, concepts: &mut Vec<Concept>) -> Result<(), ExpandError> {
    for concept in items(parent, "concept") {
        concepts.extend(concept_of(concept, system));
        if concepts.len() > CONCEPTS_MAX {
            return Err(ExpandError::TooMuch);
        }
        gather(concept, system, concepts)?;
    }
    Ok(())
}

fn concept_of(node: &Node<'_>, system: &str) -> Option<Concept> {
    Some(Concept {
        system: system.to_owned().into(),
        code: node.get_str("code")?.into_owned().into(),
        display: node.get_str("display").map(|display| display.into_owned().into()),
        designations: items(node, "designation").iter().map(|one| one.text.to_owned()).collect(),
    })
}

fn items<'n, 'a>(node: &'n Node<'a>, name: &str) -> &'n [Node<'a>] {
    node.get(name).map_or(&[], Node::items)
}

struct Expander<'l> {
    look_up: &'l LookUp<'l>,
    imports: usize,
    /// Codes selected so far, those that come several times counted each time.
    selected: usize,
}

impl Expander<'_> {
    fn value_set(&mut self, set: &Node<'_>, place: &str, depth: usize) -> Result<Vec<Concept>, ExpandError> {
        if set.get_str("resourceType").as_deref() != Some("ValueSet") {
            return Err(ExpandError::NotOne);
        }
        let compose = set.get("compose").filter(|compose| matches!(compose.kind, Kind::Object(_)));
        let compose = compose.ok_or_else(|| ExpandError::NotHere(format!("{place}.compose")))?;
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        for (at, exclude) in items(compose, "exclude").iter().enumerate() {
            let out = self.part(exclude, &format!("{place}.compose.exclude[{at}]"), depth)?;
            seen.extend(out.into_iter().map(|concept| (concept.system, concept.code)));
        }
        for (at, include) in items(compose, "include").iter().enumerate() {
            for concept in self.part(include, &format!("{place}.compose.include[{at}]"), depth)? {
                if seen.insert((concept.system.clone(), concept.code.clone())) {
                    all.push(concept);
                }
            }
        }
        Ok(all)
    }

    /// What one `include` or `exclude` selects: what is in its system and in every set that it names (FHIR R4 §4.9.6.1).
    fn part(&mut self, part: &Node<'_>, place: &str, depth: usize) -> Result<Vec<Concept>, ExpandError> {
        if !items(part, "filter").is_empty() {
            return Err(ExpandError::Filter(format!("{place}.filter")));
        }
        let mut selected = match part.get_str("system") {
            None => None,
            Some(system) => {
                let listed = items(part, "concept");
                Some(if listed.is_empty() {
                    self.system(&system).ok_or_else(|| ExpandError::NotHere(format!("{place}.system")))??
                } else {
                    self.named(&system, listed)
                })
            }
        };
        for (at, import) in items(part, "valueSet").iter().enumerate() {
            let place = format!("{place}.valueSet[{at}]");
            let canonical = import.as_str().ok_or(ExpandError::NotOne)?;
            let imported = self.import(&canonical, &place, depth)?;
            selected = Some(match selected {
                None => imported,
                Some(mut selected) => {
                    let both = key_set(&imported);
                    selected.retain(|concept| both.contains(&(concept.system.clone(), concept.code.clone())));
                    selected
                }
            });
        }
        let selected = selected.unwrap_or_default();
        self.selected += selected.len();
        if self.selected > CONCEPTS_MAX { Err(ExpandError::TooMuch) } else { Ok(selected) }
    }

    /// Codes that are listed, called as the list says or as their system does.
    fn named(&self, system: &str, listed: &[Node<'_>]) -> Vec<Concept> {
        let known: BTreeMap<&str, &Concept> = shipped_system(system)
            .map(|concepts| concepts.map(|concept| (&*concept.code, concept)).collect())
            .unwrap_or_default();
        let mut named: Vec<Concept> = listed.iter().filter_map(|concept| concept_of(concept, system)).collect();
        for concept in named.iter_mut().filter(|concept| concept.display.is_none()) {
            concept.display = known.get(&*concept.code).and_then(|known| known.display.clone());
        }
        named
    }

    /// All codes of a system.
    fn system(&self, url: &str) -> Option<Result<Vec<Concept>, ExpandError>> {
        if let Some(concepts) = shipped_system(url) {
            return Some(Ok(concepts.cloned().collect()));
        }
        let raw = (self.look_up)("CodeSystem", url)?;
        Some(parse_object(&raw).map_err(|_| ExpandError::NotOne).and_then(|system| concepts_of(&system)))
    }

    fn import(&mut self, canonical: &str, place: &str, depth: usize) -> Result<Vec<Concept>, ExpandError> {
        self.imports += 1;
        if depth >= IMPORT_DEPTH_MAX || self.imports > IMPORTS_MAX {
            return Err(ExpandError::TooMuch);
        }
        if let Some(set) = shipped_at(canonical) {
            return Ok(set.concepts.clone());
        }
        let raw = (self.look_up)("ValueSet", canonical).ok_or_else(|| ExpandError::NotHere(place.to_owned()))?;
        let set = parse_object(&raw).map_err(|_| ExpandError::NotOne)?;
        // What is wrong further in is told at the import: the other set is not what was sent.
        self.value_set(&set, place, depth + 1).map_err(|error| match error {
            ExpandError::NotHere(_) => ExpandError::NotHere(place.to_owned()),
            ExpandError::Filter(_) => ExpandError::Filter(place.to_owned()),
            other => other,
        })
    }
}

type Key = (Cow<'static, str>, Cow<'static, str>);

fn key_set(concepts: &[Concept]) -> BTreeSet<Key> {
    concepts.iter().map(|concept| (concept.system.clone(), concept.code.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::definitions;

    fn codes(concepts: &[Concept]) -> Vec<&str> {
        concepts.iter().map(|concept| &*concept.code).collect()
    }

    #[test]
    fn every_set_that_an_element_must_take_its_codes_from_ships_with_them() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        let read: usize = shipped()
            .values()
            .map(|set| {
                let systems: BTreeSet<_> = set.concepts.iter().map(|concept| &concept.system).collect();
                1 + systems.len() + set.concepts.len()
            })
            .sum();
        assert_eq!(read, lines, "every line is understood");
        let mut bound = BTreeSet::new();
        for kind in definitions().types().flat_map(|kind| &kind.elements).flat_map(|element| &element.types) {
            bound.extend(kind.codes);
        }
        assert_eq!(bound, shipped().keys().copied().collect());
        for (name, set) in shipped() {
            let mut codes = codes(&set.concepts);
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes, definitions().codes(name), "{name}");
            assert!(set.concepts.iter().all(|concept| concept.display.is_some() && concept.system.contains(':')));
            assert!(set.url.ends_with(name) && shipped_at(set.url).is_some_and(|found| found.name == *name));
        }
    }

    #[test]
    fn a_system_is_whole_only_where_a_set_has_all_of_it() {
        let codes: Vec<_> = shipped_system("http://hl7.org/fhir/administrative-gender").unwrap().collect();
        assert_eq!(
            codes.iter().map(|concept| &*concept.code).collect::<Vec<_>>(),
            ["male", "female", "other", "unknown"]
        );
        assert!(shipped_system("http://unitsofmeasure.org").is_none());
        let types: Vec<_> = shipped_system("http://hl7.org/fhir/resource-types").unwrap().collect();
        assert!(types.iter().any(|of| of.code == "Patient") && types.iter().all(|of| of.code != "Quantity"));
    }

    #[test]
    fn a_set_is_what_it_lists_and_imports_less_what_it_excludes() {
        let nothing = |_: &str, _: &str| None;
        let of = |compose: &str, look_up: &LookUp<'_>| {
            let raw = format!(r#"{{"resourceType":"ValueSet","compose":{compose}}}"#);
            expand(&parse_object(raw.as_bytes()).unwrap(), look_up)
        };
        let gender = r#"{"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender"]}"#;
        let cases: [(&str, &[&str]); 5] = [
            (r#"{"include":[{"system":"urn:x","concept":[{"code":"b"},{"code":"a"},{"code":"b"}]}]}"#, &["b", "a"]),
            (
                r#"{"include":[{"system":"http://hl7.org/fhir/administrative-gender"}]}"#,
                &["male", "female", "other", "unknown"],
            ),
            (
                &format!(
                    r#"{{"include":[{gender}],"exclude":[{{"system":"http://hl7.org/fhir/administrative-gender","concept":[{{"code":"other"}}]}}]}}"#
                ),
                &["male", "female", "unknown"],
            ),
            (
                r#"{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"},{"code":"x"}],"valueSet":["http://hl7.org/fhir/ValueSet/administrative-gender|4.0.1"]}]}"#,
                &["male"],
            ),
            (r#"{"include":[]}"#, &[]),
        ];
        for (compose, wanted) in cases {
            assert_eq!(codes(&of(compose, &nothing).unwrap()), wanted, "{compose}");
        }
        let listed = of(
            r#"{"include":[{"system":"http://hl7.org/fhir/administrative-gender","concept":[{"code":"male"}]}]}"#,
            &nothing,
        );
        assert_eq!(listed.unwrap()[0].display.as_deref(), Some("Male"), "called as its system does");
        let place = |place: &str| place.to_owned();
        for (compose, error) in [
            (
                r#"{"include":[{"system":"http://snomed.info/sct"}]}"#,
                ExpandError::NotHere(place("ValueSet.compose.include[0].system")),
            ),
            (
                r#"{"include":[{"system":"urn:x","filter":[{"property":"p"}]}]}"#,
                ExpandError::Filter(place("ValueSet.compose.include[0].filter")),
            ),
            (
                r#"{"include":[],"exclude":[{"valueSet":["urn:y"]}]}"#,
                ExpandError::NotHere(place("ValueSet.compose.exclude[0].valueSet[0]")),
            ),
            ("7", ExpandError::NotHere(place("ValueSet.compose"))),
        ] {
            assert_eq!(of(compose, &nothing), Err(error), "{compose}");
        }
        let itself = r#"{"include":[{"valueSet":["urn:me","urn:me"]}]}"#;
        let circle =
            |_: &str, _: &str| Some(format!(r#"{{"resourceType":"ValueSet","compose":{itself}}}"#).into_bytes());
        assert_eq!(of(itself, &circle), Err(ExpandError::TooMuch));
    }

    #[test]
    fn a_code_system_is_all_of_its_levels_or_nothing() {
        let raw = br#"{"resourceType":"CodeSystem","url":"urn:s","content":"complete","concept":[
            {"code":"a","designation":[{"language":"ar","value":"\u0623"}],"concept":[{"code":"b","display":"B"}]},{"code":"c"}]}"#;
        let all = concepts_of(&parse_object(raw).unwrap()).unwrap();
        assert_eq!((codes(&all), all[0].designations.len()), (vec!["a", "b", "c"], 1));
        let part = br#"{"resourceType":"CodeSystem","url":"urn:s","content":"fragment","concept":[{"code":"a"}]}"#;
        assert!(matches!(concepts_of(&parse_object(part).unwrap()), Err(ExpandError::NotHere(_))));
    }
}

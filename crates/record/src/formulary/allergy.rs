//! What somebody is allergic to, however it was written, and the allergies of a chart with each shown once.
//!
//! Two records are shown as one only if all that they say of the allergen is known to be the same: a text that holds a
//! word more ("penicillin and latex") stays apart, and so does one that was refuted or is over. What differs is never
//! hidden behind what agrees.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{ATC_SYSTEM, ITEM_SYSTEM, Label, item, items, search_key};
use crate::shape::{CannotWrite, Stored, Writing, codings, is_type, list, needed, optional, text};
use crate::table::{Origin, origin, rows};

const GROUPS: &str = include_str!("../../data/formulary/allergy-groups-v1.txt");

/// The system of [`Allergen::code`].
pub const ALLERGEN_SYSTEM: &str = "urn:sanad:allergen";
/// What FHIR's systems of the states of an allergy begin with.
const STATUS_SYSTEMS: &str = "http://terminology.hl7.org/CodeSystem/allergyintolerance-";
/// Most characters of a text in which an allergen is looked for.
const READ_CHARS_MAX: usize = 500;
/// Most allergies of one chart that are looked at: a person has a handful, and a chart with more is an import gone wrong.
pub const ALLERGIES_MAX: usize = 500;

/// What somebody is allergic to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Allergen {
    /// A substance of the formulary.
    Substance(&'static str),
    /// A group of substances.
    Group(&'static str),
    /// Something that is no medicine of the formulary: latex, egg.
    Other(&'static str),
}

/// A group of substances that an allergy is to.
pub struct Group {
    /// Its names.
    pub label: Label,
    /// What belongs to it.
    pub substances: Vec<&'static str>,
}

/// How an allergy stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// It is there, or nobody said otherwise.
    Active,
    /// It is over: inactive or resolved.
    Over,
    /// Somebody ruled it out.
    Refuted,
    /// It was written by mistake.
    InError,
}

/// One allergy, with every record of it. No Debug of its texts.
#[derive(Clone, PartialEq, Eq)]
pub struct Allergy {
    /// What it is to, as far as that is known; several if the texts name several.
    pub allergens: Vec<Allergen>,
    /// How it stands.
    pub standing: Standing,
    /// True if any record of it says that it may kill.
    pub high: bool,
    /// The allergen as each record writes it, each way once.
    pub texts: Vec<String>,
    /// The reactions, as the records write them, each once.
    pub reactions: Vec<String>,
    /// The ids of all records, in the order they came.
    pub sources: Vec<String>,
}

impl std::fmt::Debug for Allergy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Allergy({:?}, {:?}, {} records)", self.allergens, self.standing, self.sources.len())
    }
}

impl Allergen {
    /// What a form offers: the groups, and what is no medicine; each in the order of the table.
    pub fn listed() -> impl Iterator<Item = Allergen> {
        let groups = table().groups.iter().map(|group| Allergen::Group(group.label.code));
        groups.chain(table().others.iter().map(|other| Allergen::Other(other.code)))
    }

    /// The code in [`ALLERGEN_SYSTEM`].
    pub fn code(self) -> &'static str {
        match self {
            Allergen::Substance(code) | Allergen::Group(code) | Allergen::Other(code) => code,
        }
    }

    /// The allergen of that code.
    pub fn of_code(code: &str) -> Option<Allergen> {
        let table = table();
        let group = table.groups.iter().find(|group| group.label.code == code);
        let other = || table.others.iter().find(|other| other.code == code);
        let substance = || items().iter().find(|item| item.substance == code);
        group
            .map(|group| Allergen::Group(group.label.code))
            .or_else(|| other().map(|other| Allergen::Other(other.code)))
            .or_else(|| substance().map(|item| Allergen::Substance(item.substance)))
    }

    /// What it is called.
    pub fn label(self) -> Label {
        let code = self.code();
        let named = match self {
            Allergen::Substance(_) => items().iter().find(|item| item.substance == code).map(|item| Label {
                code,
                english: item.english,
                arabic: item.arabic,
            }),
            Allergen::Group(_) => table().groups.iter().map(|group| group.label).find(|label| label.code == code),
            Allergen::Other(_) => table().others.iter().find(|label| label.code == code).copied(),
        };
        named.unwrap_or(Label { code, english: code, arabic: code })
    }
}

/// The groups that a substance belongs to.
pub fn groups_of(substance: &str) -> impl Iterator<Item = &'static Group> {
    table().groups.iter().filter(move |group| group.substances.contains(&substance))
}

/// Whether an allergy to one group is also a warning, a weaker one, for the other.
pub(super) fn are_near(one: &str, other: &str) -> bool {
    table().near.iter().any(|(a, b)| (*a, *b) == (one, other) || (*b, *a) == (one, other))
}

/// Where the table is from.
pub fn allergies_origin() -> Origin {
    origin(GROUPS)
}

/// What is named in a text, and whether the text says nothing else.
///
/// Looks at the first 500 characters. Finds names of substances, groups and other things in either language, the
/// longest first, whatever stands around them.
pub fn recognise(said: &str) -> (BTreeSet<Allergen>, bool) {
    let bounded: String = said.chars().take(READ_CHARS_MAX).collect();
    let key = search_key(&bounded);
    let words: Vec<&str> = key.split(' ').filter(|word| !word.is_empty()).collect();
    let table = table();
    let (mut found, mut at, mut exact) = (BTreeSet::new(), 0, bounded.len() == said.len());
    while at < words.len() {
        let longest = (1..=table.words_max.min(words.len() - at)).rev();
        let hit = longest
            .map(|count| (count, words[at..at + count].join(" ")))
            .find_map(|(count, name)| table.names.get(&name).map(|allergens| (count, allergens)));
        match hit {
            Some((count, allergens)) => {
                found.extend(allergens.iter().copied());
                at += count;
            }
            None => {
                exact &= table.fillers.contains(words[at]);
                at += 1;
            }
        }
    }
    let exact = exact && !found.is_empty();
    (found, exact)
}

/// What an AllergyIntolerance is to, by its codes, or by its texts, and whether that is all it says.
pub fn allergens(allergy: &Value) -> (BTreeSet<Allergen>, bool) {
    let Some(code) = allergy.get("code") else { return (BTreeSet::new(), false) };
    let coded = codings(code).filter_map(|(system, code)| match system {
        ALLERGEN_SYSTEM => Allergen::of_code(code),
        ITEM_SYSTEM => item(code).map(|item| Allergen::Substance(item.substance)),
        ATC_SYSTEM => items().iter().find(|item| item.atc == code).map(|item| Allergen::Substance(item.substance)),
        _ => None,
    });
    let mut found: BTreeSet<Allergen> = coded.collect();
    let mut exact = true;
    let by_code = !found.is_empty();
    for said in texts(code) {
        let (named, all) = recognise(said);
        // A name of what the code says already, as the display of a code is, adds nothing.
        let repeats = by_code && all && named.iter().any(|allergen| found.contains(allergen));
        if !repeats {
            exact &= all;
            found.extend(named);
        }
    }
    for said in list(allergy, "reaction").iter().filter_map(|reaction| reaction.get("substance")).flat_map(texts) {
        found.extend(recognise(said).0);
    }
    let exact = exact && !found.is_empty();
    (found, exact)
}

/// What an allergy is to, as a form says it.
pub enum Named {
    /// Something of the tables.
    Listed(Allergen),
    /// In words; what is known of them is found when it is read.
    Typed(String),
}

/// An allergy that is there. `high` says that it may kill.
///
/// # Errors
/// [`CannotWrite`]: an illegal id, no words where words name it, a text that is too long.
pub fn allergy_intolerance(
    writing: &Writing<'_>,
    named: &Named,
    reaction: Option<&str>,
    high: bool,
) -> Result<Value, CannotWrite> {
    writing.check()?;
    let code = match named {
        Named::Listed(allergen) => {
            let label = allergen.label();
            let coding = json!([{ "system": ALLERGEN_SYSTEM, "code": label.code, "display": label.english }]);
            json!({ "coding": coding, "text": label.arabic })
        }
        Named::Typed(said) => json!({ "text": needed(said)? }),
    };
    let standing = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical";
    let mut allergy = json!({
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": { "coding": [{ "system": standing, "code": "active" }] },
        "criticality": if high { "high" } else { "low" },
        "code": code, "patient": writing.patient(), "recordedDate": writing.at(),
    });
    writing.add_encounter(&mut allergy, "encounter");
    if let Some(who) = writing.who() {
        allergy["recorder"] = who;
    }
    if let Some(reaction) = optional(reaction)? {
        allergy["reaction"] = json!([{ "manifestation": [{ "text": reaction }] }]);
    }
    Ok(allergy)
}

/// How an AllergyIntolerance stands.
pub fn standing(allergy: &Value) -> Standing {
    let says = |name: &str| {
        let concept = allergy.get(name);
        concept.and_then(|concept| codings(concept).next()).map(|(_, code)| code).unwrap_or_default()
    };
    match (says("verificationStatus"), says("clinicalStatus")) {
        ("entered-in-error", _) => Standing::InError,
        ("refuted", _) => Standing::Refuted,
        (_, "inactive" | "resolved") => Standing::Over,
        _ => Standing::Active,
    }
}

/// An AllergyIntolerance that is not so: [`Standing::InError`] if it was written by mistake, [`Standing::Refuted`] if it was
/// ruled out. FHIR takes no clinical status of a mistake, and wants one of everything else (ait-1, ait-2 of R4).
///
/// # Errors
/// [`CannotWrite::WrongRecord`] if it is no AllergyIntolerance or was withdrawn already; [`CannotWrite::Nothing`] for any
/// other standing.
pub fn withdrawn(allergy: &Value, to: Standing) -> Result<Value, CannotWrite> {
    if !is_type(allergy, "AllergyIntolerance") || !matches!(standing(allergy), Standing::Active | Standing::Over) {
        return Err(CannotWrite::WrongRecord);
    }
    let coded =
        |name: &str, code: &str| json!({ "coding": [{ "system": format!("{STATUS_SYSTEMS}{name}"), "code": code }] });
    let mut withdrawn = allergy.clone();
    match to {
        Standing::InError => {
            withdrawn["verificationStatus"] = coded("verification", "entered-in-error");
            if let Some(members) = withdrawn.as_object_mut() {
                members.remove("clinicalStatus");
            }
        }
        Standing::Refuted => {
            withdrawn["verificationStatus"] = coded("verification", "refuted");
            withdrawn["clinicalStatus"] = coded("clinical", "inactive");
        }
        Standing::Active | Standing::Over => return Err(CannotWrite::Nothing),
    }
    Ok(withdrawn)
}

/// The allergies of a chart, each once with all its records, in the order of their first record.
///
/// Takes AllergyIntolerance resources and passes over others; looks at the first [`ALLERGIES_MAX`]. Two records are one
/// if they stand alike and name exactly the same allergens and nothing else, or else if their text is the same up to
/// spelling, or if they have a code in common and no text.
pub fn allergies(records: &[Stored<'_>]) -> Vec<Allergy> {
    let mut shown: Vec<Allergy> = Vec::new();
    let mut known: BTreeMap<(Standing, String), usize> = BTreeMap::new();
    let records = records.iter().filter(|record| is_type(record.resource, "AllergyIntolerance")).take(ALLERGIES_MAX);
    for record in records {
        let standing = standing(record.resource);
        let (found, exact) = allergens(record.resource);
        let key = key_of(record, &found, exact);
        let at = *known.entry((standing, key)).or_insert(shown.len());
        if at == shown.len() {
            let allergens = found.iter().copied().collect();
            let (high, texts, reactions, sources) = (false, Vec::new(), Vec::new(), Vec::new());
            shown.push(Allergy { allergens, standing, high, texts, reactions, sources });
        }
        let allergy = &mut shown[at];
        allergy.high |= text(record.resource, "criticality") == Some("high");
        allergy.sources.push(record.id.to_owned());
        let written = record.resource.get("code").map(texts).unwrap_or_default();
        add(&mut allergy.texts, &written);
        for reaction in list(record.resource, "reaction") {
            list(reaction, "manifestation").iter().for_each(|said| add(&mut allergy.reactions, &texts(said)));
        }
    }
    shown
}

/// The name under which records meet.
fn key_of(record: &Stored<'_>, found: &BTreeSet<Allergen>, exact: bool) -> String {
    if exact {
        return format!("allergens {found:?}");
    }
    let Some(code) = record.resource.get("code") else { return format!("record {}", record.id) };
    let said: BTreeSet<String> = texts(code).into_iter().map(search_key).filter(|key| !key.is_empty()).collect();
    if !said.is_empty() {
        return format!("text {said:?} {found:?}");
    }
    // Codes without a word: the same codes are the same.
    let codes: BTreeSet<(&str, &str)> = codings(code).collect();
    if codes.is_empty() { format!("record {}", record.id) } else { format!("codes {codes:?}") }
}

/// The texts of a CodeableConcept: its own, and those of its codes.
fn texts(concept: &Value) -> Vec<&str> {
    let displays = list(concept, "coding").iter().filter_map(|coding| text(coding, "display"));
    text(concept, "text").into_iter().chain(displays).filter(|said| !said.trim().is_empty()).collect()
}

fn add(list: &mut Vec<String>, texts: &[&str]) {
    for said in texts {
        if !list.iter().any(|known| known == said) {
            list.push((*said).to_owned());
        }
    }
}

struct Table {
    groups: Vec<Group>,
    others: Vec<Label>,
    near: Vec<(&'static str, &'static str)>,
    fillers: BTreeSet<String>,
    names: BTreeMap<String, BTreeSet<Allergen>>,
    words_max: usize,
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| Table::read(GROUPS))
}

impl Table {
    fn read(text: &'static str) -> Table {
        let mut table = Table {
            groups: Vec::new(),
            others: Vec::new(),
            near: Vec::new(),
            fillers: BTreeSet::new(),
            names: BTreeMap::new(),
            words_max: 1,
        };
        for row in rows(text) {
            match row[..] {
                ["group", code, english, arabic, substances, others] => {
                    let label = Label { code, english, arabic };
                    table.name(Allergen::Group(code), [english, arabic].into_iter().chain(others.split(',')));
                    table.groups.push(Group { label, substances: substances.split(' ').collect() });
                }
                ["other", code, english, arabic, others] => {
                    table.name(Allergen::Other(code), [english, arabic].into_iter().chain(others.split(',')));
                    table.others.push(Label { code, english, arabic });
                }
                ["near", one, other] => table.near.push((one, other)),
                ["filler", words] => table.fillers.extend(words.split(' ').map(search_key)),
                _ => {}
            }
        }
        let mut parts: Vec<(Allergen, &'static str)> = Vec::new();
        for item in items() {
            let allergen = Allergen::Substance(item.substance);
            table.name(allergen, [item.english, item.arabic, item.substance].into_iter());
            table.name(allergen, item.other_names.iter().copied().filter(|name| name.chars().nth(2).is_some()));
            // What a combination is made of, where that has no name of its own in the table.
            let halves = item.english.split(" with ").chain(item.arabic.split(" مع "));
            parts.extend(halves.map(|half| (allergen, half)));
        }
        parts.retain(|(_, part)| !table.names.contains_key(&search_key(part)));
        parts.into_iter().for_each(|(allergen, part)| table.name(allergen, [part].into_iter()));
        table
    }

    fn name(&mut self, allergen: Allergen, names: impl Iterator<Item = &'static str>) {
        for key in names.map(search_key).filter(|key| !key.is_empty()) {
            self.words_max = self.words_max.max(key.split(' ').count());
            self.names.entry(key).or_default().insert(allergen);
        }
    }
}

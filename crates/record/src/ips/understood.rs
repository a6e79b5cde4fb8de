//! Reading a summary that somebody else made: what of it is understood, section by section.
//!
//! Forgiving on purpose: real documents say `searchset`, refer to `Type/id` beside `urn:uuid` entries, nest sections and
//! refer to what they left out. Nothing here decides what is imported (that is [`crate::bundle`]); it says to a person
//! how much of the document is of a kind that the profile knows.

use std::collections::BTreeMap;

use super::Section;
use crate::json::{Node, SyntaxError, parse_object};
use crate::key::is_resource_type;

/// What was understood of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether it calls itself a document; some are handed out as the result of a search.
    pub is_document: bool,
    /// Where `Composition.subject` leads.
    pub patient: Standing,
    /// The sections in their order, nested ones behind the one they stand in.
    pub sections: Vec<SectionReport>,
    /// The resources in the Bundle.
    pub resources: usize,
}

/// What was understood of a section. No Debug of its title.
#[derive(Clone, PartialEq, Eq)]
pub struct SectionReport {
    /// Which section of the profile it is, by any of its LOINC codes; `None` for one that the profile does not have.
    pub section: Option<Section>,
    /// Its first code, whatever the system.
    pub code: Option<String>,
    /// Its title as written.
    pub title: Option<String>,
    /// Whether it has a narrative.
    pub has_text: bool,
    /// Why it is empty, if it says so: the code, else the text.
    pub empty_reason: Option<String>,
    /// Its entries, in their order.
    pub entries: Vec<EntryReport>,
}

/// What was understood of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryReport {
    /// Whether it leads to something, and whether that is what belongs there.
    pub standing: Standing,
    /// The type of the resource it leads to, if that is one of R4.
    pub resource_type: Option<String>,
}

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// A resource in the document, of a type that belongs there.
    Known,
    /// A resource in the document, of a type that does not belong there or is not one of R4, or in a section that the
    /// profile does not have.
    Unknown,
    /// Nothing in the document.
    Dangling,
    /// It has no literal reference: a name or an identifier only, or it is not there.
    Unreferenced,
}

/// Why a text is not a summary. Carries no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotASummary {
    /// Not JSON.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// Not a Bundle.
    #[error("not a Bundle")]
    NotABundle,
    /// A Bundle without a Composition.
    #[error("there is no Composition in the Bundle")]
    NoComposition,
}

impl std::fmt::Debug for SectionReport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { section, entries, .. } = self;
        f.debug_struct("SectionReport").field("section", section).field("entries", entries).finish_non_exhaustive()
    }
}

impl SectionReport {
    /// How many entries stand so.
    pub fn count(&self, standing: Standing) -> usize {
        self.entries.iter().filter(|entry| entry.standing == standing).count()
    }
}

/// Reads a summary, whoever made it.
///
/// A caller may rely on: every section and every entry of the Composition is in the report, whatever it is.
///
/// # Errors
/// [`NotASummary`] if it is not a Bundle with a Composition.
pub fn understood(raw: &[u8]) -> Result<Report, NotASummary> {
    let bundle = parse_object(raw)?;
    if bundle.get_str("resourceType").as_deref() != Some("Bundle") {
        return Err(NotASummary::NotABundle);
    }
    let entries = bundle.get("entry").map_or(&[][..], Node::items);
    let resources = entries.iter().filter_map(|entry| entry.get("resource"));
    let index = Index::new(entries);
    let is_composition = |entry: &&Node<'_>| {
        entry.get("resource").is_some_and(|resource| type_of(resource).as_deref() == Some("Composition"))
    };
    let entry = entries.iter().find(is_composition).ok_or(NotASummary::NoComposition)?;
    let composition = entry.get("resource").ok_or(NotASummary::NoComposition)?;
    let base = entry.get_str("fullUrl").map(|url| base_of(&url).to_owned()).unwrap_or_default();
    let place = Place { index: &index, base: &base, composition };
    let subject = composition.get("subject").map(|subject| place.follow(subject));
    let patient = match subject {
        None => Standing::Unreferenced,
        Some(Found::Resource(resource)) if type_of(resource).as_deref() == Some("Patient") => Standing::Known,
        Some(found) => found.standing(),
    };
    let mut sections = Vec::new();
    place.sections(composition, &mut sections);
    let is_document = bundle.get_str("type").as_deref() == Some("document");
    Ok(Report { is_document, patient, sections, resources: resources.count() })
}

enum Found<'n, 'a> {
    Resource(&'n Node<'a>),
    Nothing,
    NoReference,
}

impl Found<'_, '_> {
    fn standing(&self) -> Standing {
        match self {
            Found::Resource(_) => Standing::Unknown,
            Found::Nothing => Standing::Dangling,
            Found::NoReference => Standing::Unreferenced,
        }
    }
}

/// The resources of the Bundle by all they are called.
struct Index<'n, 'a>(BTreeMap<String, &'n Node<'a>>);

impl<'n, 'a> Index<'n, 'a> {
    fn new(entries: &'n [Node<'a>]) -> Index<'n, 'a> {
        let mut by_name = BTreeMap::new();
        let resources = || entries.iter().filter_map(|entry| Some((entry, entry.get("resource")?)));
        for (entry, resource) in resources() {
            if let Some(url) = entry.get_str("fullUrl") {
                by_name.entry(url.into_owned()).or_insert(resource);
            }
        }
        // What is only called so comes after what is named so by a URL.
        for (_, resource) in resources() {
            if let (Some(resource_type), Some(id)) = (type_of(resource), resource.get_str("id")) {
                by_name.entry(format!("{resource_type}/{id}")).or_insert(resource);
            }
        }
        Index(by_name)
    }
}

/// Where references are followed from.
struct Place<'n, 'a> {
    index: &'n Index<'n, 'a>,
    /// What relative references of the Composition are relative to; empty if nothing.
    base: &'n str,
    composition: &'n Node<'a>,
}

impl<'n, 'a> Place<'n, 'a> {
    fn sections(&self, holder: &'n Node<'a>, reports: &mut Vec<SectionReport>) {
        for section in holder.get("section").map_or(&[][..], Node::items) {
            reports.push(self.section(section));
            self.sections(section, reports);
        }
    }

    fn section(&self, section: &'n Node<'a>) -> SectionReport {
        let codings = section.get("code").and_then(|code| code.get("coding")).map_or(&[][..], Node::items);
        let loinc = codings.iter().filter(|coding| coding.get_str("system").as_deref() == Some("http://loinc.org"));
        let known = loinc.filter_map(|coding| Section::of_loinc(&coding.get_str("code")?)).next();
        let entries = section.get("entry").map_or(&[][..], Node::items);
        SectionReport {
            section: known,
            code: codings.iter().find_map(|coding| coding.get_str("code")).map(String::from),
            title: section.get_str("title").map(String::from),
            has_text: section.get("text").is_some_and(|text| text.get("div").is_some()),
            empty_reason: section.get("emptyReason").map(|reason| {
                let code = super::section::codes(Some(reason)).next();
                code.or_else(|| reason.get_str("text").map(String::from)).unwrap_or_default()
            }),
            entries: entries.iter().map(|entry| self.entry(entry, known)).collect(),
        }
    }

    fn entry(&self, entry: &'n Node<'a>, section: Option<Section>) -> EntryReport {
        let found = self.follow(entry);
        let Found::Resource(resource) = found else {
            return EntryReport { standing: found.standing(), resource_type: None };
        };
        let resource_type = type_of(resource).filter(|name| is_resource_type(name));
        let belongs =
            resource_type.as_deref().is_some_and(|name| section.is_some_and(|section| section.may_hold(name)));
        EntryReport { standing: if belongs { Standing::Known } else { Standing::Unknown }, resource_type }
    }

    /// R4 bundle.html#references, and then by type and id alone.
    fn follow(&self, reference: &Node<'a>) -> Found<'n, 'a> {
        let Some(text) = reference.get_str("reference") else { return Found::NoReference };
        if let Some(id) = text.strip_prefix('#') {
            let mut contained = self.composition.get("contained").map_or(&[][..], Node::items).iter();
            let found = contained.find(|resource| resource.get_str("id").as_deref() == Some(id));
            return found.map_or(Found::Nothing, Found::Resource);
        }
        let text = text.split_once('#').map_or(&*text, |(before, _)| before);
        let text = text.split_once("/_history/").map_or(text, |(before, _)| before);
        let resolved = format!("{}{text}", self.base);
        let last_two = text.rmatch_indices('/').nth(1).map_or(text, |(at, _)| &text[at + 1..]);
        let names = [&*resolved, text, last_two];
        names.iter().find_map(|name| self.index.0.get(*name)).map_or(Found::Nothing, |found| Found::Resource(found))
    }
}

fn type_of(resource: &Node<'_>) -> Option<String> {
    resource.get_str("resourceType").map(String::from)
}

/// What stands before `Type/id` in a RESTful URL; empty for any other.
fn base_of(url: &str) -> &str {
    let is_restful = url.starts_with("http://") || url.starts_with("https://");
    let at = url.rmatch_indices('/').nth(1).map_or(0, |(at, _)| at + 1);
    if is_restful { &url[..at] } else { "" }
}

//! A chart sorted for a summary: what is an entry of which section, what is left out and why, and what comes along.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::section::{LeftOut, Place, Section, place};
use super::{SummaryRequest, SummarySource, narrative};
use crate::compartment;
use crate::json::{DEPTH_MAX, Kind, Node, parse_object};
use crate::key::ResourceKey;
use crate::time;

/// What was given longer ago is history, not medication: an injection of last year says nothing about today's.
pub const GIVEN_DAYS_MAX: i64 = 90;
/// So many results of one kind are shown: a value, and whether it rises or falls.
pub const RESULTS_OF_A_KIND_MAX: usize = 3;
/// The most entries of a section that may be cut short. Allergies, problems, medications and alerts are never cut.
pub const SECTION_ENTRIES_MAX: usize = 100;
/// A resource stands three levels deep in a document, which has to be readable itself, and gets an extension in places.
const RESOURCE_DEPTH_MAX: usize = DEPTH_MAX - 6;
const DAY_MS: i64 = 86_400_000;

/// An object that says nothing.
const SILENT: Node<'static> = Node { text: "{}", start: 0, kind: Kind::Object(Vec::new()) };

/// What an entry may bring along when it refers to it: whatever it needs to be understood.
#[rustfmt::skip]
const SUPPORTING: &[&str] = &[
    "Device", "Encounter", "ImagingStudy", "Location", "Medication", "Observation", "Organization", "Practitioner",
    "PractitionerRole", "RelatedPerson", "Specimen", "Substance",
];

/// One resource of the chart and what was found out about it.
pub(super) struct Part<'a> {
    pub(super) key: &'a ResourceKey,
    pub(super) raw: &'a [u8],
    /// `None` if it cannot be read.
    pub(super) node: Option<Node<'a>>,
    when_ms: i64,
}

/// The chart by key, each resource once, the patient among them.
pub(super) type Parts<'a> = BTreeMap<&'a ResourceKey, Part<'a>>;

/// What belongs where.
pub(super) struct Chart<'a> {
    pub(super) parts: Parts<'a>,
    /// The entries of each section, newest first.
    pub(super) entries: BTreeMap<Section, Vec<&'a ResourceKey>>,
    /// What would belong into a section and is not an entry of it.
    pub(super) out: BTreeMap<Section, Vec<(&'a ResourceKey, LeftOut)>>,
    /// What is left out and belongs into no section.
    pub(super) nowhere: Vec<(&'a ResourceKey, LeftOut)>,
    /// Everything in the document: the patient, the entries in their order, and what they refer to.
    pub(super) included: Vec<&'a ResourceKey>,
}

/// Whose a resource is, by what it says of its subject.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    ThisPatients,
    /// It names no patient, or not by a literal reference.
    Nobodys,
    Anothers,
}

impl<'a> Chart<'a> {
    pub(super) fn new(request: &SummaryRequest<'a>) -> Chart<'a> {
        let (entries, out) = (BTreeMap::new(), BTreeMap::new());
        let mut chart = Chart { parts: parts(request), entries, out, nowhere: Vec::new(), included: Vec::new() };
        chart.sort(request);
        for section in Section::all() {
            chart.shorten(section, request.at_ms);
        }
        chart.include(request.patient.key);
        chart
    }

    fn sort(&mut self, request: &SummaryRequest<'_>) {
        for part in self.parts.values().filter(|part| part.key.resource_type != "Patient") {
            let Some(node) = &part.node else {
                // Counted where it would belong without a word about its state.
                match place(&part.key.resource_type, &SILENT) {
                    Place::Supporting => self.nowhere.push((part.key, LeftOut::Unreadable)),
                    Place::Entry(section) | Place::Out(section, _) => {
                        self.out.entry(section).or_default().push((part.key, LeftOut::Unreadable));
                    }
                }
                continue;
            };
            match (place(&part.key.resource_type, node), whose(part.key, node, request)) {
                (_, Whose::Anothers) => self.nowhere.push((part.key, LeftOut::NotThisPatient)),
                (Place::Supporting, _) if node.get_str("status").as_deref() == Some("entered-in-error") => {
                    self.nowhere.push((part.key, LeftOut::InError));
                }
                (Place::Supporting, _) => {}
                (_, Whose::Nobodys) => self.nowhere.push((part.key, LeftOut::NotThisPatient)),
                (Place::Entry(section), _) => self.entries.entry(section).or_default().push(part.key),
                (Place::Out(section, reason), _) => self.out.entry(section).or_default().push((part.key, reason)),
            }
        }
    }

    /// Sorts the entries of a section and takes out what is old and what there is too much of.
    fn shorten(&mut self, section: Section, at_ms: u64) {
        let Some(keys) = self.entries.get_mut(&section) else { return };
        let parts = &self.parts;
        // Newest first; what has no time comes last.
        keys.sort_by_key(|key| (Reverse(parts.get(key).map(|part| part.when_ms)), *key));
        let oldest = i64::try_from(at_ms).unwrap_or(i64::MAX).saturating_sub(GIVEN_DAYS_MAX * DAY_MS);
        let never_cut =
            matches!(section, Section::Alerts | Section::Allergies | Section::Problems | Section::Medications);
        let mut seen = BTreeMap::<(&str, String), usize>::new();
        let (mut kept, mut out) = (Vec::new(), Vec::new());
        for key in keys.drain(..) {
            let Some(part) = parts.get(key) else { continue };
            let is_given = matches!(&*key.resource_type, "MedicationAdministration" | "MedicationDispense");
            // What says no time may have been given today.
            if is_given && part.when_ms != i64::MIN && part.when_ms < oldest {
                out.push((key, LeftOut::Older));
                continue;
            }
            let count = seen.entry((&key.resource_type, kind_of(part))).or_default();
            *count += 1;
            if *count > most_of_a_kind(section, is_given) || !never_cut && kept.len() >= SECTION_ENTRIES_MAX {
                out.push((key, LeftOut::Superseded));
            } else {
                kept.push(key);
            }
        }
        *keys = kept;
        self.out.entry(section).or_default().extend(out);
    }

    /// Finds everything that goes into the document.
    fn include(&mut self, patient: &ResourceKey) {
        // What may not be seen in the summary does not come in because something refers to it either.
        let out = self.out.values().flatten().chain(&self.nowhere);
        let barred: BTreeSet<_> = out.filter(|(_, reason)| reason.is_barred()).map(|(key, _)| *key).collect();
        let entries = Section::all().filter_map(|section| self.entries.get(&section)).flatten().copied();
        let patient = self.parts.get_key_value(patient).map(|(key, _)| *key);
        self.included = patient.into_iter().chain(entries).collect();
        let mut seen: BTreeSet<&ResourceKey> = self.included.iter().copied().collect();
        let mut at = 0;
        while let Some(key) = self.included.get(at).copied() {
            at += 1;
            let mut targets = BTreeSet::new();
            if let Some(node) = self.parts.get(key).and_then(|part| part.node.as_ref()) {
                references(node, &mut targets);
            }
            for target in targets {
                let Some((held, part)) = self.parts.get_key_value(&target) else { continue };
                let fits = SUPPORTING.contains(&&*held.resource_type) && part.node.is_some() && !barred.contains(held);
                if fits && seen.insert(held) {
                    self.included.push(held);
                }
            }
        }
    }
}

fn parts<'a>(request: &SummaryRequest<'a>) -> Parts<'a> {
    let mut parts = Parts::new();
    insert(&mut parts, &request.patient);
    for source in request.others.iter().filter(|source| source.key != request.patient.key) {
        // Of what comes twice the smaller bytes are taken, for the order in which resources come must not matter.
        if parts.get(source.key).is_none_or(|known| source.raw < known.raw) {
            insert(&mut parts, source);
        }
    }
    parts
}

fn insert<'a>(parts: &mut Parts<'a>, source: &SummarySource<'a>) {
    let node = parse_object(source.raw).ok().filter(|node| {
        let is_its_type = node.get_str("resourceType").as_deref() == Some(&source.key.resource_type);
        is_its_type && !is_too_deep(node)
    });
    let when = node.as_ref().and_then(narrative::when).and_then(|text| time::span(&text));
    let when_ms = when.map_or(i64::MIN, |span| span.from_ms);
    parts.insert(source.key, Part { key: source.key, raw: source.raw, node, when_ms });
}

/// Whether a resource is nested too deep to stand in a document.
pub(super) fn is_too_deep(node: &Node<'_>) -> bool {
    fn exceeds(node: &Node<'_>, left: usize) -> bool {
        let inner = node.items().iter().chain(node.members().iter().map(|member| &member.value));
        left == 0 || inner.into_iter().any(|inner| exceeds(inner, left - 1))
    }
    exceeds(node, RESOURCE_DEPTH_MAX)
}

fn whose(key: &ResourceKey, node: &Node<'_>, request: &SummaryRequest<'_>) -> Whose {
    let subject = compartment::paths(&key.resource_type).first().and_then(|path| node.get(path));
    let reference = subject.and_then(|subject| subject.get_str("reference"));
    let Some(reference) = reference else { return Whose::Nobodys };
    match target(&reference).filter(|target| target.resource_type == "Patient") {
        Some(target) if target.id == request.patient.key.id || request.merged.contains(&target.id) => {
            Whose::ThisPatients
        }
        // Another Patient here, or somebody at another server.
        _ => Whose::Anothers,
    }
}

/// The resource that a reference within this site's own ids names. `None` for URLs, contained resources and searches.
pub(super) fn target(reference: &str) -> Option<ResourceKey> {
    let reference = reference.split_once('#').map_or(reference, |(before, _)| before);
    let reference = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
    reference.parse().ok()
}

fn most_of_a_kind(section: Section, is_given: bool) -> usize {
    match section {
        _ if is_given => 1,
        Section::Results => RESULTS_OF_A_KIND_MAX,
        Section::VitalSigns | Section::SocialHistory | Section::Pregnancy => 1,
        _ => usize::MAX,
    }
}

/// What kind of thing it is among others of its type: its code. Without a code it is a kind of its own.
fn kind_of(part: &Part<'_>) -> String {
    let concept = part.node.as_ref().and_then(|node| {
        ["code", "medicationCodeableConcept", "medicationReference"].iter().find_map(|name| node.get(name))
    });
    let Some(concept) = concept else { return part.key.id.clone() };
    let said = |node: &Node<'_>, name: &str| node.get_str(name).map(|text| text.into_owned());
    let coding = concept.get("coding").and_then(|list| list.items().first());
    let code = coding.and_then(|coding| Some(format!("{}|{}", said(coding, "system")?, said(coding, "code")?)));
    code.or_else(|| said(concept, "text")).or_else(|| said(concept, "reference")).unwrap_or_else(|| part.key.id.clone())
}

fn references(node: &Node<'_>, found: &mut BTreeSet<ResourceKey>) {
    node.items().iter().for_each(|item| references(item, found));
    for member in node.members() {
        match member.value.as_str() {
            Some(text) if member.key == "reference" => found.extend(target(&text)),
            _ => references(&member.value, found),
        }
    }
}

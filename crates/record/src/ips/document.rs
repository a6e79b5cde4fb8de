//! Putting the document together: Composition, patient, entries, and what put it together.

use std::collections::{BTreeMap, BTreeSet};

use super::chart::{Chart, Part};
use super::leave::{Urls, leave};
use super::narrative::{self, Narrative};
use super::section::{LeftOut, Place, Section, place};
use super::{Author, Summary, SummaryRequest, words};
use crate::ask::FACILITY_SYSTEM;
use crate::json::{Node, quote};
use crate::key::ResourceKey;
use crate::op::{uuid_bytes, uuid_text};
use crate::outgoing::rfc3339;

/// What separates these hashes from every other use of BLAKE3 in the system.
const CONTEXT: &str = "sanad 2026 summary urn v1";
const PROFILES: &str = "http://hl7.org/fhir/uv/ips/StructureDefinition";
const LOINC: &str = "http://loinc.org";
const EMPTY_REASONS: &str = "http://terminology.hl7.org/CodeSystem/list-empty-reason";

struct Document<'d, 'a> {
    request: &'d SummaryRequest<'a>,
    id: &'d str,
    chart: &'d Chart<'a>,
    /// The `fullUrl` of each resource.
    urls: BTreeMap<ResourceKey, String>,
}

/// The summary of a sorted chart.
pub(super) fn assemble(request: &SummaryRequest<'_>, id: &str, chart: &Chart<'_>) -> Summary {
    let document = Document { request, id, chart, urls: urls(chart) };
    let left_out = chart.out.values().flatten().chain(&chart.nowhere);
    let mut left_out: Vec<_> = left_out.map(|(key, reason)| ((*key).clone(), *reason)).collect();
    left_out.sort();
    let included = chart.included.iter().map(|key| (*key).clone()).collect();
    Summary { bytes: document.bundle(), included, left_out }
}

/// A resource whose id is a UUID is called by it, so that the same resource is the same in every summary and when it
/// comes back; any other gets a UUID from its key.
fn urls(chart: &Chart<'_>) -> BTreeMap<ResourceKey, String> {
    let mut taken = BTreeSet::new();
    let url_of = |key: &&ResourceKey| {
        let own = uuid_bytes(&key.id).map(|bytes| uuid_text(&bytes)).filter(|own| *own == key.id);
        let uuid = own.filter(|own| taken.insert(own.clone())).unwrap_or_else(|| derived(&[&key.to_string()]));
        ((*key).clone(), urn(&uuid))
    };
    chart.included.iter().map(url_of).collect()
}

impl Document<'_, '_> {
    fn bundle(&self) -> Vec<u8> {
        let mut bytes = format!(
            concat!(
                r#"{{"resourceType":"Bundle","id":"{id}","meta":{meta},"language":"{language}","#,
                r#""identifier":{{"system":"urn:ietf:rfc:3986","value":"urn:uuid:{id}"}},"#,
                r#""type":"document","timestamp":"{at}","entry":["#
            ),
            id = self.id,
            meta = self.meta("Bundle-uv-ips"),
            language = self.request.language.tag(),
            at = rfc3339(self.request.at_ms),
        )
        .into_bytes();
        bytes.extend(self.entries().join(&b","[..]));
        bytes.extend_from_slice(b"]}");
        bytes
    }

    fn entries(&self) -> Vec<Vec<u8>> {
        let [composition, organization, device] = ["composition", "author", "software"].map(|part| self.own_id(part));
        let urls = Urls { by_key: &self.urls, merged: self.request.merged, patient: self.request.patient.key };
        let mut entries = vec![entry(&urn(&composition), self.composition(&composition).as_bytes())];
        for part in self.chart.included.iter().filter_map(|key| self.chart.parts.get(key)) {
            if let (Some(node), Some(url)) = (&part.node, self.urls.get(part.key)) {
                let section = match place(&part.key.resource_type, node) {
                    Place::Entry(section) | Place::Out(section, _) => Some(section),
                    Place::Supporting => None,
                };
                entries.push(entry(url, &leave(part.key, part.raw, node, section, &urls)));
            }
        }
        entries.push(entry(&urn(&organization), organization_json(&organization, &self.request.author).as_bytes()));
        entries.push(entry(&urn(&device), device_json(&device).as_bytes()));
        entries
    }

    /// The id of a part that only this document has.
    fn own_id(&self, part: &str) -> String {
        derived(&[self.id, part])
    }

    fn composition(&self, id: &str) -> String {
        let language = self.request.language;
        let sections: Vec<String> = Section::all().filter_map(|section| self.section(section)).collect();
        format!(
            concat!(
                r#"{{"resourceType":"Composition","id":"{id}","meta":{meta},"language":"{tag}","text":{text},"#,
                r#""status":"preliminary","type":{{"coding":[{{"system":"{loinc}","code":"60591-5"}}]}},"#,
                r#""subject":{{"reference":"{subject}"}},"date":"{at}","#,
                r#""author":[{{"reference":"{organization}"}},{{"reference":"{device}"}}],"title":"{title}","#,
                r#""custodian":{{"reference":"{organization}"}},"section":[{sections}]}}"#
            ),
            id = id,
            meta = self.meta("Composition-uv-ips"),
            tag = language.tag(),
            text = self.preface().json(),
            loinc = LOINC,
            subject = self.urls.get(self.request.patient.key).map_or("", String::as_str),
            at = rfc3339(self.request.at_ms),
            organization = urn(&self.own_id("author")),
            device = urn(&self.own_id("software")),
            title = language.pick(words::TITLE),
            sections = sections.join(","),
        )
    }

    /// What the document says of itself.
    fn preface(&self) -> Narrative {
        let language = self.request.language;
        let mut preface = Narrative::new(language);
        preface.paragraph(&format!(
            "{} {} — {} — {}",
            language.pick(words::ASSEMBLED_AT),
            narrative::piece(self.request.author.call_sign),
            narrative::piece(&rfc3339(self.request.at_ms)),
            language.pick(words::NOT_REVIEWED),
        ));
        if self.request.more_elsewhere {
            preface.paragraph(language.pick(words::MORE_ELSEWHERE));
        }
        preface
    }

    /// A section; `None` if there is nothing to say in it and it need not be there.
    fn section(&self, section: Section) -> Option<String> {
        let language = self.request.language;
        let keys = self.chart.entries.get(&section).map_or(&[][..], Vec::as_slice);
        let out = self.spoken_of(section);
        if keys.is_empty() && out.is_empty() && !section.is_required() {
            return None;
        }
        let entries: Vec<&Part<'_>> = keys.iter().filter_map(|key| self.chart.parts.get(key)).collect();
        let text = narrative::section(section, &entries, &out, &self.chart.parts, self.request);
        let references = keys.iter().filter_map(|key| Some(format!(r#"{{"reference":"{}"}}"#, self.urls.get(*key)?)));
        let references: Vec<String> = references.collect();
        let content = match () {
            () if !references.is_empty() => format!(r#","entry":[{}]"#, references.join(",")),
            () if !section.is_required() => String::new(),
            // Not "nilknown": that nothing is recorded does not say that there is nothing.
            () if out.is_empty() => format!(
                r#","emptyReason":{{"coding":[{{"system":"{EMPTY_REASONS}","code":"unavailable"}}],"text":"{}"}}"#,
                language.pick(words::NO_INFORMATION)
            ),
            () => format!(r#","emptyReason":{{"text":"{}"}}"#, language.pick(words::NOTHING_LISTED)),
        };
        Some(format!(
            r#"{{"title":"{}","code":{{"coding":[{{"system":"{LOINC}","code":"{}"}}]}},"text":{}{content}}}"#,
            language.pick(words::title(section)),
            section.loinc(),
            text.json(),
        ))
    }

    /// What is not among the entries of a section and is told of.
    fn spoken_of(&self, section: Section) -> Vec<(&Part<'_>, LeftOut)> {
        let out = self.chart.out.get(&section).map_or(&[][..], Vec::as_slice).iter();
        let spoken = out.filter(|(key, reason)| {
            // A device that stands in the document together with its use needs no words.
            let stands_there = *reason == LeftOut::InWordsOnly && self.urls.contains_key(*key);
            !(reason.is_silent() || stands_there)
        });
        spoken.filter_map(|(key, reason)| Some((self.chart.parts.get(key)?, *reason))).collect()
    }

    /// The profile that is followed, and every security label of anything in the document: a document is as secret as
    /// the most secret thing in it (R4 security-labels.html).
    fn meta(&self, profile: &str) -> String {
        let mut labels = BTreeMap::new();
        for node in self.chart.included.iter().filter_map(|key| self.chart.parts.get(key)?.node.as_ref()) {
            let list = node.get("meta").and_then(|meta| meta.get("security")).map_or(&[][..], Node::items);
            for label in list {
                let of = |name| label.get_str(name).unwrap_or_default().into_owned();
                labels.entry((of("system"), of("code"))).or_insert(label.text);
            }
        }
        let labels: Vec<&str> = labels.into_values().collect();
        let security = if labels.is_empty() { String::new() } else { format!(r#","security":[{}]"#, labels.join(",")) };
        format!(r#"{{"profile":["{PROFILES}/{profile}"]{security}}}"#)
    }
}

fn entry(url: &str, resource: &[u8]) -> Vec<u8> {
    let head = format!(r#"{{"fullUrl":"{url}","resource":"#);
    [head.as_bytes(), resource, &b"}"[..]].concat()
}

/// The site: its call sign is its name, and no other name is known. Without one it is called by its id.
fn organization_json(id: &str, author: &Author<'_>) -> String {
    let name = if author.call_sign.trim().is_empty() { author.facility } else { author.call_sign };
    format!(
        r#"{{"resourceType":"Organization","id":"{id}","identifier":[{{"system":"{FACILITY_SYSTEM}","value":{}}}],"name":{}}}"#,
        quote(author.facility),
        quote(name)
    )
}

/// What put the document together, so that nobody takes it for a clinician's work.
fn device_json(id: &str) -> String {
    format!(
        r#"{{"resourceType":"Device","id":"{id}","deviceName":[{{"name":"Sanad","type":"user-friendly-name"}}],"type":{{"text":"patient record software"}}}}"#
    )
}

fn urn(uuid: &str) -> String {
    format!("urn:uuid:{uuid}")
}

/// A UUID (version 8, RFC 9562) of texts of which none can run into the next.
fn derived(texts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
    for text in texts {
        hasher.update(&(text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    }
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    uuid_text(&bytes)
}

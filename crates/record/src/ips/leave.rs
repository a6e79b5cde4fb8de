//! A resource of the chart as it stands in a document: its own bytes, with references that lead within the document, and
//! with a reason where the profile demands an element that nobody has recorded.
//!
//! Sources: R4 bundle.html#references and references.html (literal and logical references); IPS 2.0.0, the elements with
//! a minimum of 1 that R4 itself leaves free; R4 extension data-absent-reason.

use std::collections::BTreeMap;

use super::chart::target;
use super::section::Section;
use crate::definitions::definitions;
use crate::json::{Edits, Kind, Member, Node, quote};
use crate::key::ResourceKey;

/// The system of logical references to what is held at the site and is not in the document: `Type/id`.
pub const RESOURCE_SYSTEM: &str = "urn:sanad:resource";

/// The system of identifiers that are URIs (R4 datatypes.html#Identifier).
const URI_SYSTEM: &str = "urn:ietf:rfc:3986";
const DATA_ABSENT_REASON: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/// Where the references of one resource lead.
pub(super) struct Urls<'u> {
    /// The `fullUrl` of what is in the document.
    pub(super) by_key: &'u BTreeMap<ResourceKey, String>,
    /// Ids of patients that are the patient of this document as well.
    pub(super) merged: &'u [String],
    /// The patient of the document.
    pub(super) patient: &'u ResourceKey,
}

/// What is demanded of a type, and how it is said that nobody knows it.
struct Demand {
    resource_type: &'static str,
    element: &'static str,
    shape: Shape,
    code: &'static str,
}

/// The shape in which an absent element is written.
enum Shape {
    /// `_element` beside a primitive, or beside the dateTime of a choice.
    Primitive(&'static str),
    /// An object with nothing but the extension.
    Complex(&'static str),
    /// A list of one such object.
    List(&'static str),
}

/// `masked`: staff are call signs, whose names are kept from the record on purpose (R4 data-absent-reason).
#[rustfmt::skip]
const DEMANDS: &[Demand] = &[
    Demand { resource_type: "Patient", element: "birthDate", shape: Shape::Primitive("_birthDate"), code: "unknown" },
    Demand { resource_type: "AllergyIntolerance", element: "code", shape: Shape::Complex("code"), code: "unknown" },
    // Not of the profile: R4 itself (ait-1) demands it of every allergy that is not an error.
    Demand { resource_type: "AllergyIntolerance", element: "clinicalStatus", shape: Shape::Complex("clinicalStatus"), code: "unknown" },
    Demand { resource_type: "Condition", element: "code", shape: Shape::Complex("code"), code: "unknown" },
    Demand { resource_type: "DiagnosticReport", element: "effective", shape: Shape::Primitive("_effectiveDateTime"), code: "unknown" },
    Demand { resource_type: "DeviceUseStatement", element: "timing", shape: Shape::Primitive("_timingDateTime"), code: "unknown" },
    Demand { resource_type: "Medication", element: "code", shape: Shape::Complex("code"), code: "unknown" },
    Demand { resource_type: "MedicationStatement", element: "effective", shape: Shape::Primitive("_effectiveDateTime"), code: "unknown" },
    Demand { resource_type: "Organization", element: "name", shape: Shape::Primitive("_name"), code: "unknown" },
    Demand { resource_type: "Practitioner", element: "name", shape: Shape::List("name"), code: "masked" },
    Demand { resource_type: "Procedure", element: "code", shape: Shape::Complex("code"), code: "unknown" },
    Demand { resource_type: "Procedure", element: "performed", shape: Shape::Primitive("_performedDateTime"), code: "unknown" },
    Demand { resource_type: "Specimen", element: "type", shape: Shape::Complex("type"), code: "unknown" },
];

/// What the profiles of laboratory, imaging, habits and pregnancy demand of an Observation.
const OBSERVATION_TIME: Demand = Demand {
    resource_type: "Observation",
    element: "effective",
    shape: Shape::Primitive("_effectiveDateTime"),
    code: "unknown",
};
const OBSERVATION_PERFORMER: Demand =
    Demand { resource_type: "Observation", element: "performer", shape: Shape::List("performer"), code: "unknown" };

/// The resource as it stands in the document. `section` is the one it is an entry of, if any.
pub(super) fn leave(
    key: &ResourceKey,
    raw: &[u8],
    resource: &Node<'_>,
    section: Option<Section>,
    urls: &Urls<'_>,
) -> Vec<u8> {
    let mut edits = Edits::default();
    refer(resource, key, urls, &mut edits);
    for demand in DEMANDS.iter().filter(|demand| demand.resource_type == key.resource_type) {
        answer(demand, raw, resource, &mut edits);
    }
    if key.resource_type == "Patient" {
        name(raw, resource, &mut edits);
    }
    if key.resource_type == "Observation" {
        if matches!(section, Some(Section::Results | Section::SocialHistory | Section::Pregnancy)) {
            answer(&OBSERVATION_TIME, raw, resource, &mut edits);
        }
        if section == Some(Section::Results) {
            answer(&OBSERVATION_PERFORMER, raw, resource, &mut edits);
        }
    }
    edits.apply(raw).trim_ascii().to_vec()
}

/// Says of an element that is not there why it is not there.
fn answer(demand: &Demand, raw: &[u8], resource: &Node<'_>, edits: &mut Edits) {
    if has_element(resource, demand.resource_type, demand.element) {
        return;
    }
    let reason = absent(demand.code);
    let (member, value) = match demand.shape {
        Shape::Primitive(member) | Shape::Complex(member) => (member, reason),
        Shape::List(member) => (member, format!("[{reason}]")),
    };
    edits.set_member(raw, resource, member, &value, &[]);
}

fn absent(code: &str) -> String {
    format!(r#"{{"extension":[{{"url":"{DATA_ABSENT_REASON}","valueCode":"{code}"}}]}}"#)
}

/// Whether an element is there, in whatever type, or at least something beside it (`_element`).
fn has_element(resource: &Node<'_>, resource_type: &str, element: &str) -> bool {
    let kind = definitions().get(resource_type);
    resource.members().iter().any(|member| {
        let plain = member.key.strip_prefix('_').unwrap_or(&member.key);
        kind.and_then(|kind| kind.member(plain)).is_some_and(|(found, _)| found.name == element)
    })
}

/// A patient has a name, and each name says something (ips-pat-1).
fn name(raw: &[u8], patient: &Node<'_>, edits: &mut Edits) {
    let reason = absent("unknown");
    let names = patient.get("name").filter(|names| !names.items().is_empty());
    let Some(names) = names else {
        edits.set_member(raw, patient, "name", &format!(r#"[{{"_text":{reason}}}]"#), &[]);
        return;
    };
    let says = |name: &Node<'_>| {
        let telling = ["family", "given", "text", "_family", "_given", "_text"];
        telling.iter().any(|member| name.get(member).is_some())
    };
    for name in names.items().iter().filter(|name| matches!(name.kind, Kind::Object(_)) && !says(name)) {
        edits.set_member(raw, name, "_text", &reason, &[]);
    }
}

/// Rewrites the references below a node. Iterative over lists, recursive over what parsing has bounded.
fn refer(node: &Node<'_>, key: &ResourceKey, urls: &Urls<'_>, edits: &mut Edits) {
    for item in node.items() {
        refer(item, key, urls, edits);
    }
    for member in node.members() {
        match member.value.as_str() {
            Some(text) if member.key == "reference" => reference(node, member, &text, key, urls, edits),
            _ => refer(&member.value, key, urls, edits),
        }
    }
}

fn reference(
    holder: &Node<'_>,
    member: &Member<'_>,
    text: &str,
    key: &ResourceKey,
    urls: &Urls<'_>,
    edits: &mut Edits,
) {
    // What is contained, and what is at another server, is where it was.
    if text.starts_with('#') || text.contains("://") {
        return;
    }
    let target = target(text).map(|target| {
        let is_merged = target.resource_type == "Patient" && urls.merged.contains(&target.id);
        // The links of a Patient are about the ones it was merged with, and must not become links to itself.
        if is_merged && key.resource_type != "Patient" { urls.patient.clone() } else { target }
    });
    if let Some(url) = target.as_ref().and_then(|target| urls.by_key.get(target)) {
        edits.replace(member.value.start..member.value.end(), quote(url));
        return;
    }
    // What is not in the document is still named, and can no longer be mistaken for a resource of the receiver's.
    if holder.get("identifier").is_some() {
        edits.remove_members(holder, &["reference"]);
        return;
    }
    let kind = match (&target, holder.get("type")) {
        (Some(target), None) => format!(r#""type":"{}","#, target.resource_type),
        _ => String::new(),
    };
    let system = if text.starts_with("urn:") { URI_SYSTEM } else { RESOURCE_SYSTEM };
    let value = quote(text);
    edits.replace(
        member.start..member.value.end(),
        format!(r#"{kind}"identifier":{{"system":"{system}","value":{value}}}"#),
    );
}

//! What people read in a section: one line for each entry, and what is not among the entries and why.
//!
//! XHTML within the bounds of FHIR R4 §2.8 (narrative.html, txt-1 and txt-2). Every piece that comes from the record is
//! escaped, cut to a bound and wrapped in direction isolates, since a Latin drug name in an Arabic line would otherwise
//! pull the numbers beside it to the wrong side.

use std::collections::BTreeMap;

use super::SummaryRequest;
use super::chart::{Part, Parts, target};
use super::section::{LeftOut, Section, codes};
use super::words::{self, Language};
use crate::json::{Kind, Node, quote};
use crate::outgoing::STATE_SYSTEM;
use crate::time;

/// A longer piece is a text of its own, which its resource has in full.
const PIECE_CHARS_MAX: usize = 200;
/// More parts of one value (components, reactions, dosages) than a line can say.
const PIECES_MAX: usize = 6;
/// So many of what is not listed are named in a section; the rest is counted.
const NAMED_MAX: usize = 30;

/// A narrative as the JSON of a Narrative.
pub(super) struct Narrative {
    language: Language,
    body: String,
    /// It says what no entry says.
    says_more: bool,
}

impl Narrative {
    pub(super) fn new(language: Language) -> Narrative {
        Narrative { language, body: String::new(), says_more: false }
    }

    /// A paragraph of our own words.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.body.push_str(&format!("<p>{}</p>", escape(text)));
    }

    /// A list of lines.
    pub(super) fn list(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            let items: String = lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
            self.body.push_str(&format!("<ul>{items}</ul>"));
        }
    }

    /// What is not among the entries: some by name, the others by number.
    pub(super) fn left_out(&mut self, out: &[(&Part<'_>, LeftOut)], parts: &Parts<'_>) {
        let spoken = out.iter().filter(|(_, reason)| !reason.is_silent());
        let named = spoken.clone().filter(|(_, reason)| reason.is_named());
        let mut lines: Vec<String> = named
            .clone()
            .take(NAMED_MAX)
            .map(|(part, reason)| {
                let why = self.language.pick(words::reason(*reason));
                format!("{} ({why})", line(part, parts, self.language))
            })
            .collect();
        let mut counted = BTreeMap::<&str, usize>::new();
        for (_, reason) in spoken.filter(|(_, reason)| !reason.is_named()) {
            *counted.entry(self.language.pick(words::reason(*reason))).or_default() += 1;
        }
        let more = named.count().saturating_sub(NAMED_MAX);
        if more > 0 {
            counted.insert(self.language.pick(words::AND_OTHERS), more);
        }
        lines.extend(counted.into_iter().map(|(why, count)| format!("{why}: {count}")));
        if !lines.is_empty() {
            self.says_more = true;
            self.paragraph(self.language.pick(words::NOT_LISTED));
            self.list(&lines);
        }
    }

    /// The JSON of the Narrative.
    pub(super) fn json(&self) -> String {
        let (tag, direction) = (self.language.tag(), self.language.direction());
        let xhtml = "http://www.w3.org/1999/xhtml";
        let div =
            format!(r#"<div xmlns="{xhtml}" lang="{tag}" xml:lang="{tag}" dir="{direction}">{}</div>"#, self.body);
        // R4 narrative-status: "additional" says more than the structured data.
        let status = if self.says_more { "additional" } else { "generated" };
        format!(r#"{{"status":"{status}","div":{}}}"#, quote(&div))
    }
}

/// One line about a resource: what, how much, how sure, when.
pub(super) fn line(part: &Part<'_>, parts: &Parts<'_>, language: Language) -> String {
    let Some(resource) = &part.node else { return language.pick(words::UNNAMED).to_owned() };
    let mut what = what(&part.key.resource_type, resource, parts);
    if what.is_empty() {
        what = language.pick(words::UNNAMED).to_owned();
    }
    let mut pieces = vec![isolate(&what)];
    let mut add = |text: String| {
        if !text.is_empty() {
            pieces.push(isolate(&text));
        }
    };
    add(words::of_drug(&part.key.resource_type).map_or("", |words| language.pick(words)).to_owned());
    for member in resource.members().iter().filter(|member| member.key.starts_with("value")) {
        add(value(&member.value));
    }
    for component in list(resource, "component") {
        let says = component.members().iter().find(|member| member.key.starts_with("value"));
        let says = says.map(|member| value(&member.value)).unwrap_or_default();
        add(joined([concept(component.get("code")), says], ": "));
    }
    for name in ["dataAbsentReason", "severity", "bodySite"] {
        add(concept(resource.get(name)));
    }
    for reaction in list(resource, "reaction") {
        add(concept(reaction.get("manifestation")));
    }
    for dosage in list(resource, "dosageInstruction").iter().chain(list(resource, "dosage")) {
        add(dose(dosage));
    }
    add(resource.get_str("conclusion").map(|text| cut(&text)).unwrap_or_default());
    for (name, ordinary) in [
        ("criticality", &["low", "unable-to-assess"][..]),
        ("clinicalStatus", &["active"]),
        ("verificationStatus", &["confirmed"]),
        ("status", &["active", "completed", "final", "current", "amended", "corrected"]),
    ] {
        let code = resource.get_str(name).map(String::from).or_else(|| codes(resource.get(name)).next());
        let code = code.filter(|code| !ordinary.contains(&&**code)).unwrap_or_default();
        add(words::status(&cut(&code), language).to_owned());
    }
    add(when_text(resource));
    if is_in_conflict(resource) {
        add(language.pick(words::CONFLICT).to_owned());
    }
    pieces.join(" — ")
}

/// What a resource is about, in the words it has for it.
fn what(resource_type: &str, resource: &Node<'_>, parts: &Parts<'_>) -> String {
    let text = |name: &str| resource.get_str(name).map(|text| cut(&text)).unwrap_or_default();
    let first = |texts: [String; 3]| texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
    match resource_type {
        "MedicationStatement" | "MedicationRequest" | "MedicationAdministration" | "MedicationDispense" => {
            let other = referred(resource.get("medicationReference"), parts, &|found| concept(found.get("code")));
            first([concept(resource.get("medicationCodeableConcept")), other, String::new()])
        }
        "Immunization" => concept(resource.get("vaccineCode")),
        "DeviceUseStatement" => referred(resource.get("device"), parts, &device),
        "Device" => device(resource),
        "CarePlan" => first([text("title"), text("description"), concept(resource.get("category"))]),
        "ImmunizationRecommendation" => {
            let recommended = list(resource, "recommendation").iter();
            recommended.map(|each| concept(each.get("vaccineCode"))).collect::<Vec<_>>().join(", ")
        }
        "Goal" => concept(resource.get("description")),
        "Consent" => first([concept(resource.get("category")), concept(resource.get("scope")), String::new()]),
        "DocumentReference" => first([text("description"), concept(resource.get("type")), String::new()]),
        _ => concept(resource.get("code")),
    }
}

fn device(device: &Node<'_>) -> String {
    let name = list(device, "deviceName").iter().find_map(|name| name.get_str("name")).map(|name| cut(&name));
    name.unwrap_or_else(|| concept(device.get("type")))
}

/// What is said of a resource that is referred to; else what the reference itself calls it.
fn referred(reference: Option<&Node<'_>>, parts: &Parts<'_>, said: &dyn Fn(&Node<'_>) -> String) -> String {
    let Some(reference) = reference else { return String::new() };
    let key = reference.get_str("reference").and_then(|text| target(&text));
    let found = key.and_then(|key| parts.get(&key)?.node.as_ref().map(said)).filter(|text| !text.is_empty());
    found.or_else(|| reference.get_str("display").map(|text| cut(&text))).unwrap_or_default()
}

/// The words of a CodeableConcept or of a list of them: its own text, else the words of a code, else the code.
fn concept(concept: Option<&Node<'_>>) -> String {
    let Some(concept) = concept else { return String::new() };
    if let Kind::Array(items) = &concept.kind {
        return items.iter().take(PIECES_MAX).map(|item| self::concept(Some(item))).collect::<Vec<_>>().join(", ");
    }
    let coded = |name: &str| list(concept, "coding").iter().find_map(|coding| coding.get_str(name));
    concept
        .get_str("text")
        .or_else(|| coded("display"))
        .or_else(|| coded("code"))
        .map(|text| cut(&text))
        .unwrap_or_default()
}

/// A value of any type a line can say.
fn value(node: &Node<'_>) -> String {
    let inner = |name: &str| node.get(name).map(value).unwrap_or_default();
    match &node.kind {
        Kind::String => node.as_str().map(|text| cut(&text)).unwrap_or_default(),
        Kind::Number | Kind::Bool(_) => cut(node.text),
        Kind::Object(_) if node.get("coding").is_some() || node.get("text").is_some() => concept(Some(node)),
        Kind::Object(_) if node.get("low").is_some() || node.get("high").is_some() => {
            joined([inner("low"), inner("high")], "–")
        }
        Kind::Object(_) if node.get("numerator").is_some() => joined([inner("numerator"), inner("denominator")], "/"),
        Kind::Object(_) if node.get("start").is_some() => joined([inner("start"), inner("end")], "–"),
        Kind::Object(_) => {
            let unit = node.get_str("unit").or_else(|| node.get_str("code")).map(|text| cut(&text)).unwrap_or_default();
            let comparator = node.get_str("comparator").map(|text| cut(&text)).unwrap_or_default();
            joined([format!("{comparator}{}", inner("value")), unit], " ")
        }
        Kind::Null | Kind::Array(_) => String::new(),
    }
}

fn dose(dosage: &Node<'_>) -> String {
    let rate = list(dosage, "doseAndRate").first();
    let amount = dosage.get("dose").or_else(|| rate?.get("doseQuantity")).or_else(|| rate?.get("doseRange"));
    let text = dosage.get_str("text").map(|text| cut(&text)).unwrap_or_default();
    let route = concept(dosage.get("route"));
    let route = if route == text { String::new() } else { route };
    joined([amount.map(value).unwrap_or_default(), joined([route, text], ", ")], ", ")
}

/// The members that say when, the most telling first; a dot leads into a Period.
#[rustfmt::skip]
const WHEN: &[&str] = &[
    "effectiveDateTime", "effectiveInstant", "effectivePeriod.start", "performedDateTime", "performedPeriod.start",
    "occurrenceDateTime", "onsetDateTime", "onsetPeriod.start", "timingDateTime", "timingPeriod.start",
    "whenHandedOver", "whenPrepared", "authoredOn", "period.start", "recordedDate", "dateAsserted", "startDate",
    "recordedOn", "dateTime", "date", "issued", "created",
];

/// When a resource says that its matter was, as written.
pub(super) fn when(resource: &Node<'_>) -> Option<String> {
    WHEN.iter().find_map(|path| {
        let found = match path.split_once('.') {
            Some((outer, inner)) => resource.get(outer)?.get_str(inner),
            None => resource.get_str(path),
        };
        found.filter(|text| time::span(text).is_some()).map(String::from)
    })
}

/// The day and the minute: what a line has room for, in the zone it was written in.
fn when_text(resource: &Node<'_>) -> String {
    when(resource).map(|text| text.chars().take(16).collect::<String>().replace('T', " ")).unwrap_or_default()
}

fn is_in_conflict(resource: &Node<'_>) -> bool {
    let tags = resource.get("meta").and_then(|meta| meta.get("tag")).map_or(&[][..], Node::items);
    tags.iter().any(|tag| tag.get_str("system").as_deref() == Some(STATE_SYSTEM))
}

/// The elements of a list, bounded; of a lone object that one.
fn list<'n, 'a>(node: &'n Node<'a>, name: &str) -> &'n [Node<'a>] {
    let items = match node.get(name) {
        Some(found) if matches!(found.kind, Kind::Object(_)) => std::slice::from_ref(found),
        Some(found) => found.items(),
        None => &[],
    };
    &items[..items.len().min(PIECES_MAX)]
}

fn joined(texts: [String; 2], between: &str) -> String {
    let [first, second] = &texts;
    if first.is_empty() || second.is_empty() { texts.concat() } else { texts.join(between) }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(PIECE_CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// A text from outside, as a piece of a line.
pub(super) fn piece(text: &str) -> String {
    isolate(&cut(text))
}

/// Between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE; what would end the isolate early goes.
fn isolate(text: &str) -> String {
    let inner: String =
        text.chars().filter(|c| !matches!(c, '\u{2066}'..='\u{2069}' | '\u{202a}'..='\u{202e}')).collect();
    format!("\u{2068}{inner}\u{2069}")
}

/// Text as XHTML. Characters that XML 1.0 has no way to say become U+FFFD.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\n' | '\r' | '\t' => out.push(' '),
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            other => out.push(other),
        }
    }
    out
}

/// The narrative of a section.
pub(super) fn section(
    section: Section,
    entries: &[&Part<'_>],
    out: &[(&Part<'_>, LeftOut)],
    parts: &Parts<'_>,
    request: &SummaryRequest<'_>,
) -> Narrative {
    let language = request.language;
    let mut narrative = Narrative::new(language);
    let lines: Vec<String> = entries.iter().map(|part| line(part, parts, language)).collect();
    narrative.list(&lines);
    if entries.is_empty() && section.is_required() {
        let nothing = if out.is_empty() { words::NO_INFORMATION } else { words::NOTHING_LISTED };
        narrative.paragraph(&format!("{}.", language.pick(nothing)));
        if request.more_elsewhere {
            narrative.paragraph(language.pick(words::MORE_ELSEWHERE));
        }
    }
    narrative.left_out(out, parts);
    narrative
}

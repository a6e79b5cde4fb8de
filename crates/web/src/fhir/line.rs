//! What a resource says, in one line.

use sanad_record::json::{Node, parse_object};

use super::value::{concept, cut, quantity, short};
use crate::moment::written;
use crate::text::Voice;

/// A resource in one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    /// When it happened, as written; empty if it does not say.
    pub date: String,
    /// What it is about; empty if it does not say.
    pub title: String,
    /// What it says about that: a value, a dose.
    pub detail: String,
    /// Its status, in the reader's language where known; empty if there is none or if it is the usual one.
    pub status: String,
}

/// Where the title stands, best first.
const TITLES: [&str; 14] = [
    "code",
    "vaccineCode",
    "medicationCodeableConcept",
    "medicationReference",
    "reasonCode",
    "description",
    "title",
    "type",
    "class",
    "content",
    "category",
    "name",
    "focus",
    "payload",
];
/// Where the date stands, best first.
const DATES: [&str; 16] = [
    "effectiveDateTime",
    "effectivePeriod",
    "effectiveInstant",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "onsetDateTime",
    "period",
    "authoredOn",
    "whenHandedOver",
    "created",
    "date",
    "started",
    "recordedDate",
    "issued",
    "recorded",
];
/// What everybody expects and nobody needs to read.
const USUAL: [&str; 4] = ["final", "completed", "active", "finished"];

/// Reads a resource. `raw` that is not JSON gives an empty line.
pub(crate) fn line(voice: &Voice, raw: &[u8]) -> Line {
    let Ok(resource) = parse_object(raw) else { return Line::default() };
    let date = DATES.iter().find_map(|name| date(voice, resource.get(name)?)).unwrap_or_default();
    let title = TITLES.iter().find_map(|name| words(voice, resource.get(name)?)).unwrap_or_default();
    let status = resource.get_str("status").or_else(|| {
        let status = resource.get("clinicalStatus")?.get("coding")?.items().first()?.get_str("code")?;
        Some(status)
    });
    let status = status.filter(|status| !USUAL.contains(&&**status));
    Line {
        date,
        title,
        detail: detail(voice, &resource).join(&voice.t("list-comma")),
        status: status
            .map(|status| voice.known(&format!("status-{status}")).unwrap_or_else(|| cut(&status)))
            .unwrap_or_default(),
    }
}

fn date(voice: &Voice, node: &Node<'_>) -> Option<String> {
    let text = node.as_str().or_else(|| node.get_str("start")).or_else(|| node.get_str("end"))?;
    Some(written(voice, &cut(&text)))
}

/// A concept, a reference, a text, or the first of several.
fn words(voice: &Voice, node: &Node<'_>) -> Option<String> {
    let node = node.items().first().unwrap_or(node);
    let display = || node.get_str("display").map(|display| cut(&display));
    concept(voice, node).or_else(display).or_else(|| short(voice, node)).filter(|words| !words.is_empty())
}

fn detail(voice: &Voice, resource: &Node<'_>) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(value_of(voice, resource));
    for component in resource.get("component").into_iter().flat_map(Node::items) {
        if let (Some(code), Some(value)) =
            (component.get("code").and_then(|code| concept(voice, code)), value_of(voice, component))
        {
            // Set apart, so that `52 mmHg` stays in its order inside an Arabic line.
            parts.push(format!("{code} \u{2068}{value}\u{2069}"));
        }
    }
    if let Some(dosage) = resource.get("dosage").or_else(|| resource.get("dosageInstruction")) {
        let dosage = dosage.items().first().unwrap_or(dosage);
        parts.extend(dose(voice, dosage));
    }
    for reaction in resource.get("reaction").into_iter().flat_map(Node::items) {
        parts.extend(reaction.get("manifestation").and_then(|shown| words(voice, shown)));
    }
    parts.extend(resource.get("bodySite").and_then(|site| words(voice, site)));
    parts.extend(resource.get_str("criticality").and_then(|code| voice.known(&format!("criticality-{code}"))));
    parts.extend(resource.get_str("conclusion").map(|text| cut(&text)));
    parts
}

fn value_of(voice: &Voice, node: &Node<'_>) -> Option<String> {
    let member = node.members().iter().find(|member| {
        member.key.strip_prefix("value").is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
    })?;
    concept(voice, &member.value).or_else(|| short(voice, &member.value))
}

fn dose(voice: &Voice, dosage: &Node<'_>) -> Option<String> {
    if let Some(text) = dosage.get_str("text").filter(|text| !text.trim().is_empty()) {
        return Some(cut(&text));
    }
    let given = dosage.get("dose").or_else(|| {
        let rate = dosage.get("doseAndRate")?.items().first()?;
        rate.get("doseQuantity")
    });
    let route = dosage.get("route").and_then(|route| concept(voice, route));
    let parts: Vec<_> = given.and_then(quantity).into_iter().chain(route).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    #[track_caller]
    fn check(lang: Lang, json: &str, expected: [&str; 4]) {
        let line = line(&voice(lang), json.as_bytes());
        let seen = [&line.date, &line.title, &line.detail, &line.status];
        assert_eq!(seen.map(|text| text.replace(['\u{2068}', '\u{2069}'], "").replace('\u{a0}', " ")), expected);
    }

    #[test]
    fn a_resource_is_said_in_one_line() {
        check(
            Lang::En,
            r#"{"status":"final","code":{"text":"Weight"},"valueQuantity":{"value":62.0,"unit":"kg"},
               "effectiveDateTime":"2018-02-20T14:31:00+03:00"}"#,
            ["20 Feb 2018, 14:31", "Weight", "62.0 kg", ""],
        );
        check(
            Lang::En,
            r#"{"code":{"text":"BP"},"component":[{"code":{"text":"systolic"},"valueQuantity":{"value":110,"unit":"mmHg"}},
               {"code":{"text":"diastolic"},"valueQuantity":{"value":70,"unit":"mmHg"}}]}"#,
            ["", "BP", "systolic 110 mmHg, diastolic 70 mmHg", ""],
        );
        check(
            Lang::Ar,
            r#"{"status":"not-done","medicationCodeableConcept":{"text":"سيفترياكسون"},
               "dosage":{"dose":{"value":1,"unit":"g"},"route":{"coding":[{"code":"IV"}]}}}"#,
            ["", "سيفترياكسون", "1 g IV", "لم يُنفّذ"],
        );
        check(
            Lang::En,
            r#"{"period":{"start":"2018"},"class":{"code":"EMER","display":"emergency"}}"#,
            ["2018", "emergency", "", ""],
        );
        check(Lang::En, "not json", ["", "", "", ""]);
        check(Lang::En, r#"{"code":7,"status":{},"component":{"a":1}}"#, ["", "7", "", ""]);
    }
}

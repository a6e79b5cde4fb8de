//! One value in a few words.

use sanad_record::injury::{KIND_SYSTEM, REGION_SYSTEM};
use sanad_record::json::{Kind, Node};
use sanad_record::vitals::label_of_loinc;
use sanad_record::written::NOTE_CODE;

use crate::moment::written;
use crate::text::{Lang, Voice};

/// The longest text shown in a list, in characters; attachments are longer and belong to the raw text.
const TEXT_CHARS_MAX: usize = 600;

/// The system of LOINC, and its code for a blood pressure of two numbers.
const LOINC: &str = "http://loinc.org";
const PRESSURE: &str = "85354-9";

/// The value in a few words: text, a date, a number with its unit, what a code means. `None` if it takes a list to say.
pub(crate) fn short(voice: &Voice, node: &Node<'_>) -> Option<String> {
    match &node.kind {
        Kind::Null => None,
        Kind::Bool(true) => Some(voice.t("yes")),
        Kind::Bool(false) => Some(voice.t("no")),
        Kind::Number => Some(node.text.to_owned()),
        Kind::String => node.as_str().map(|text| dated(voice, &cut(&text))),
        Kind::Array(_) => None,
        Kind::Object(_) => object(voice, node),
    }
}

fn object(voice: &Voice, node: &Node<'_>) -> Option<String> {
    let only = |names: &[&str]| node.members().iter().all(|member| names.contains(&&*member.key));
    let text = |name: &str| node.get_str(name).map(|text| cut(&text));
    if only(&["value", "unit", "code", "system", "comparator"]) && number(node, "value").is_some() {
        return quantity(node);
    }
    if only(&["text", "coding"]) {
        return concept(voice, node);
    }
    if only(&["system", "version", "code", "display", "userSelected"]) {
        return match (text("display"), text("code")) {
            (Some(display), Some(code)) => Some(format!("{display} ({code})")),
            (display, code) => display.or(code),
        };
    }
    if only(&["start", "end"]) {
        let at = |name| node.get_str(name).map_or_else(|| "…".to_owned(), |text| written(voice, &text));
        return Some(format!("{} – {}", at("start"), at("end")));
    }
    if only(&["low", "high"]) {
        let end = |name| node.get(name).and_then(quantity).unwrap_or_else(|| "…".to_owned());
        return Some(format!("{} – {}", end("low"), end("high")));
    }
    if only(&["reference", "type", "display"]) {
        return text("display").or_else(|| text("reference"));
    }
    if only(&["use", "type", "system", "value", "rank"]) {
        return text("value");
    }
    if only(&["use", "type", "text", "line", "city", "district", "state", "postalCode", "country"]) {
        return address(voice, node);
    }
    if only(&["use", "text", "family", "given", "prefix", "suffix"]) {
        return full_name(node);
    }
    if only(&["div", "status"]) {
        return None;
    }
    None
}

/// `38.5 °C`, with the digits as they were written.
pub(crate) fn quantity(node: &Node<'_>) -> Option<String> {
    let value = number(node, "value")?;
    let comparator = node.get_str("comparator").unwrap_or_default();
    let unit = node.get_str("unit").or_else(|| node.get_str("code")).unwrap_or_default();
    // A line never ends between a number and its unit.
    Some(format!("{comparator}{value}\u{a0}{unit}").trim().to_owned())
}

fn number<'n>(node: &'n Node<'_>, name: &str) -> Option<&'n str> {
    let value = node.get(name)?;
    matches!(value.kind, Kind::Number).then_some(value.text)
}

/// What a CodeableConcept means, in the reader's language if it says so in it: what the writer wrote (`text`), else what
/// the code is called, else the code. A reader of English gets the code's name when the text is Arabic.
pub(crate) fn concept(voice: &Voice, node: &Node<'_>) -> Option<String> {
    let text = node.get_str("text").filter(|text| !text.trim().is_empty());
    let codings = || node.get("coding").into_iter().flat_map(Node::items);
    let display = codings().find_map(|coding| coding.get_str("display"));
    let said = match (text, display) {
        (Some(text), Some(display)) if voice.lang == Lang::En && is_arabic(&text) && !is_arabic(&display) => display,
        (Some(text), _) => text,
        (None, Some(display)) => display,
        (None, None) => match codings().find_map(|coding| own_words(voice, coding)) {
            Some(own) => return Some(own),
            None => codings().find_map(|coding| coding.get_str("code"))?,
        },
    };
    let foreign = voice.lang == Lang::Ar && !is_arabic(&said);
    let own = foreign.then(|| codings().find_map(|coding| own_words(voice, coding))).flatten();
    Some(own.unwrap_or_else(|| cut(&said)))
}

/// What a code is called here, in the reader's language: our own codes, the signs and fluids that are measured at the bed,
/// and notes.
fn own_words(voice: &Voice, coding: &Node<'_>) -> Option<String> {
    let code = coding.get_str("code")?;
    match &*coding.get_str("system")? {
        KIND_SYSTEM => voice.known(&format!("injury-{code}")),
        REGION_SYSTEM => voice.known(&format!("region-{code}")),
        LOINC if *code == *PRESSURE => Some(voice.t("vitals-pressure")),
        LOINC if *code == *NOTE_CODE => Some(voice.t("note")),
        LOINC => label_of_loinc(&code).map(|label| match voice.lang {
            Lang::Ar => label.arabic.to_owned(),
            Lang::En => label.english.to_owned(),
        }),
        _ => None,
    }
}

/// An address as one line: its text, else its parts from the street to the country.
fn address(voice: &Voice, node: &Node<'_>) -> Option<String> {
    if let Some(text) = node.get_str("text").filter(|text| !text.trim().is_empty()) {
        return Some(cut(&text));
    }
    let lines = node.get("line").into_iter().flat_map(Node::items).filter_map(Node::as_str);
    let rest = ["city", "district", "state", "postalCode", "country"].into_iter().filter_map(|part| node.get_str(part));
    let parts: Vec<_> = lines.chain(rest).collect();
    (!parts.is_empty()).then(|| cut(&parts.join(&voice.t("list-comma"))))
}

/// A whole name, as it is written.
pub(crate) fn full_name(name: &Node<'_>) -> Option<String> {
    if let Some(text) = name.get_str("text").filter(|text| !text.trim().is_empty()) {
        return Some(cut(&text));
    }
    let given = name.get("given").into_iter().flat_map(Node::items).filter_map(Node::as_str);
    let parts: Vec<_> = given.chain(name.get_str("family")).collect();
    (!parts.is_empty()).then(|| cut(&parts.join(" ")))
}

/// The name of an element in the reader's language; of `value[x]` and its like, the name before the type.
pub(crate) fn element_name(voice: &Voice, name: &str) -> String {
    let known = |name: &str| voice.known(&format!("el-{name}"));
    const CHOICES: [&str; 9] =
        ["value", "effective", "onset", "performed", "occurrence", "deceased", "medication", "abatement", "born"];
    let choice = || {
        CHOICES.into_iter().find(|choice| {
            name.strip_prefix(choice).is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
        })
    };
    known(name).or_else(|| choice().and_then(known)).unwrap_or_else(|| spaced(name))
}

/// `MedicationRequest` as `Medication request`.
pub(crate) fn spaced(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 4);
    for (at, letter) in name.chars().enumerate() {
        if at == 0 {
            out.extend(letter.to_uppercase());
        } else if letter.is_ascii_uppercase() {
            out.push(' ');
            out.push(letter.to_ascii_lowercase());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Whether a text has an Arabic letter in it.
pub(crate) fn is_arabic(text: &str) -> bool {
    text.chars().any(|letter| ('\u{0620}'..='\u{06ff}').contains(&letter))
}

/// At most [`TEXT_CHARS_MAX`] characters of a text.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text that has the form of a FHIR date with a month, as a date; every other as it is. A bare year stays a number.
fn dated(voice: &Voice, text: &str) -> String {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let is_day = digits(0, 4) && bytes.get(4) == Some(&b'-') && digits(5, 7) && bytes.get(7) == Some(&b'-');
    let ends = matches!((bytes.len(), bytes.get(10)), (10, None) | (_, Some(b'T')));
    if is_day && digits(8, 10) && ends { written(voice, text) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;

    #[track_caller]
    fn check(lang: Lang, json: &str, expected: Option<&str>) {
        let node = sanad_record::json::parse(json.as_bytes()).unwrap();
        let shown = short(&voice(lang), &node).map(|text| text.replace('\u{a0}', " "));
        assert_eq!(shown.as_deref(), expected, "{json}");
    }

    #[test]
    fn values_are_said_in_a_few_words() {
        check(Lang::En, r#"{"value":72.50,"unit":"kg","system":"u","code":"kg"}"#, Some("72.50 kg"));
        check(Lang::En, r#"{"value":5,"comparator":"<","code":"mg/dL"}"#, Some("<5 mg/dL"));
        check(Lang::En, r#"{"coding":[{"code":"I10"}]}"#, Some("I10"));
        check(Lang::En, r#"{"coding":[{"display":"Bleeding"}],"text":"نزف"}"#, Some("Bleeding"));
        check(Lang::Ar, r#"{"coding":[{"display":"Bleeding"}],"text":"نزف"}"#, Some("نزف"));
        check(Lang::En, r#"{"system":"s","code":"AMB","display":"ambulatory"}"#, Some("ambulatory (AMB)"));
        check(Lang::En, r#"{"start":"2018-02-20"}"#, Some("20 Feb 2018 – …"));
        check(Lang::En, r#"{"reference":"Patient/1"}"#, Some("Patient/1"));
        check(Lang::En, r#"{"given":["A","B"],"family":"C"}"#, Some("A B C"));
        check(Lang::En, r#"{"use":"home","line":["1 St"],"city":"Duma"}"#, Some("1 St, Duma"));
        check(Lang::En, r#""2018-02-20-x""#, Some("2018-02-20-x"));
        check(Lang::En, r#""2018""#, Some("2018"));
        check(Lang::Ar, "true", Some("نعم"));
        check(Lang::En, r#"{"value":1,"unit":"kg","extension":[]}"#, None);
        check(Lang::En, "[1]", None);
    }

    #[test]
    fn elements_have_names() {
        assert_eq!(element_name(&voice(Lang::En), "valueQuantity"), "Value");
        assert_eq!(element_name(&voice(Lang::En), "valueSet"), "Value");
        assert_eq!(element_name(&voice(Lang::Ar), "status"), "الحالة");
        assert_eq!(element_name(&voice(Lang::En), "someNewThing"), "Some new thing");
    }
}

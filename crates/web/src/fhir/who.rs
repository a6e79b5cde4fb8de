//! A person, by as little as serves: tag, call name or short name, sex, age about.

use sanad_record::json::{Node, parse_object};

use super::value::{cut, full_name};
use crate::text::Voice;

/// What a list shows of a patient.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Who {
    /// The short name, or that there is none.
    pub name: String,
    /// Sex and age, as far as known: `male, about 27`.
    pub about: String,
    /// The tag or record number.
    pub tag: Option<String>,
    /// Whether the patient has died.
    pub dead: bool,
}

/// Reads a Patient resource. `this_year` is the year of the site's clock, for the age.
pub(crate) fn who(voice: &Voice, raw: &[u8], this_year: i32) -> Who {
    let Ok(patient) = parse_object(raw) else {
        return Who { name: voice.t("patient-unnamed"), ..Who::default() };
    };
    let sex = patient.get_str("gender").and_then(|sex| voice.known(&format!("sex-{sex}")));
    let age = patient.get_str("birthDate").and_then(|born| {
        let years = this_year.checked_sub(born.get(..4)?.parse().ok()?)?;
        let years = u64::try_from(years).ok().filter(|years| *years < 130)?;
        Some(if years == 0 { voice.t("age-infant") } else { voice.n("age-about", &years) })
    });
    Who {
        name: short_name(&patient).unwrap_or_else(|| voice.t("patient-unnamed")),
        about: [sex, age].into_iter().flatten().collect::<Vec<_>>().join(&voice.t("list-comma")),
        tag: tag(&patient),
        dead: patient.get("deceasedDateTime").is_some()
            || patient.get("deceasedBoolean").is_some_and(|dead| dead.text == "true"),
    }
}

/// The call name if there is one, else the given name with the first letter of the family's, else what stands there.
fn short_name(patient: &Node<'_>) -> Option<String> {
    let names = || patient.get("name").into_iter().flat_map(Node::items);
    let used_as = |wanted: &str| names().find(|name| name.get_str("use").is_some_and(|usage| usage == wanted));
    if let Some(call_name) = used_as("nickname").and_then(full_name) {
        return Some(call_name);
    }
    let name = used_as("official").or_else(|| used_as("usual")).or_else(|| names().next())?;
    let given = name.get("given").and_then(|given| given.items().first()).and_then(Node::as_str);
    let initial = name.get_str("family").and_then(|family| {
        let family = family.trim();
        // The article says nothing: of «الحلبي» the letter is ح, of "Al-Khatib" it is K.
        ["ال", "Al-", "al-", "El-", "el-"]
            .iter()
            .find_map(|article| family.strip_prefix(article))
            .unwrap_or(family)
            .chars()
            .next()
    });
    match (given, initial) {
        (Some(given), Some(initial)) => Some(format!("{} {initial}.", cut(given.trim()))),
        (Some(given), None) => Some(cut(given.trim())),
        (None, _) => full_name(name),
    }
}

/// The longest number that a person reads out or compares; a UUID is for machines.
const TAG_CHARS_MAX: usize = 24;

/// What a state knows a person by (HL7 table 0203): it serves nobody in a list, and somebody who takes the screen.
const STATE_NUMBERS: [&str; 6] = ["SS", "DL", "PPN", "TAX", "NI", "NIIP"];

fn is_of_the_state(identifier: &Node<'_>) -> bool {
    let codings = identifier.get("type").and_then(|kind| kind.get("coding")).into_iter().flat_map(Node::items);
    codings.filter_map(|coding| coding.get_str("code")).any(|code| STATE_NUMBERS.contains(&&*code))
}

/// The triage tag if there is one, else the first number that is short enough to be of use.
fn tag(patient: &Node<'_>) -> Option<String> {
    let identifiers = || patient.get("identifier").into_iter().flat_map(Node::items);
    let value = |identifier: &Node<'_>| {
        if is_of_the_state(identifier) {
            return None;
        }
        let value = identifier.get_str("value").filter(|value| value.chars().count() <= TAG_CHARS_MAX)?;
        Some(value.into_owned())
    };
    let temporary = identifiers().filter(|identifier| identifier.get_str("use").is_some_and(|usage| usage == "temp"));
    temporary.chain(identifiers()).find_map(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    fn read(lang: Lang, json: &str) -> Who {
        let mut who = who(&voice(lang), json.as_bytes(), 2018);
        who.about = who.about.replace(['\u{2068}', '\u{2069}'], "");
        who
    }

    #[test]
    fn a_person_is_shown_by_as_little_as_serves() {
        let full = r#"{"name":[{"use":"official","given":["محمود","أحمد"],"family":"العلي"}],"gender":"male",
            "birthDate":"1991-05","identifier":[{"value":"R-1"},{"use":"temp","value":"K7-204"}]}"#;
        let seen = read(Lang::Ar, full);
        assert_eq!((seen.name.as_str(), seen.about.as_str()), ("محمود ع.", "ذكر، نحو 27 سنة"));
        assert_eq!(seen.tag.as_deref(), Some("K7-204"));
        let seen =
            read(Lang::En, r#"{"name":[{"given":["Sara"]},{"use":"nickname","text":"أم خالد"}],"gender":"female"}"#);
        assert_eq!((seen.name.as_str(), seen.about.as_str(), seen.tag), ("أم خالد", "female", None));
        assert!(read(Lang::En, r#"{"birthDate":"9999","deceasedBoolean":true}"#).dead);
        assert_eq!(read(Lang::En, "torn").name, "Unidentified");
    }

    #[test]
    fn a_number_of_the_state_and_one_for_machines_are_no_tag() {
        let state = r#"{"identifier":[{"type":{"coding":[{"code":"SS"}]},"value":"999-21-4429"}]}"#;
        assert_eq!(read(Lang::En, state).tag, None);
        let uuid = r#"{"identifier":[{"value":"5b21c038-1ccf-4efb-b99d-c937e719bc0e"},{"value":"R-2"}]}"#;
        assert_eq!(read(Lang::En, uuid).tag.as_deref(), Some("R-2"));
    }
}

//! Persons of which little is known, and Patients that others wrote.

use super::super::input::{Age, AgeUnit};
use super::super::shape::tests::{assert_valid, hostile};
use super::*;
use crate::matching::score;
use crate::names::{matches, search_terms};
use proptest::prelude::*;

/// 2018-03-02T11:20:00Z
const AT_MS: u64 = 1_519_989_600_000;

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn full() -> PersonParts {
    PersonParts {
        tag: some("K7-204"),
        call_name: some("أبو خالد"),
        given: some("سمير"),
        father: some("أحمد"),
        grandfather: some("خالد"),
        family: some("الحداد"),
        mother: some("فاطمة الخطيب"),
        sex: Some(Sex::Male),
        birth: Some(Birth::Aged(Age { count: 40, unit: AgeUnit::Years, about: true }, AT_MS)),
        unidentified: true,
    }
}

fn parts() -> impl Strategy<Value = PersonParts> {
    let text = || proptest::option::of("[a-zا-ي<]{1,8}( [a-zا-ي]{1,8})?");
    let birth = prop_oneof![
        Just(None),
        Just(Some(Birth::Date("1990-03".to_owned()))),
        (0u32..100, 0usize..3, any::<bool>()).prop_map(|(count, unit, about)| {
            Some(Birth::Aged(Age { count, unit: AgeUnit::ALL[unit], about }, AT_MS))
        }),
    ];
    let sex = (0usize..5).prop_map(|at| Sex::ALL.get(at).copied());
    let names = (text(), text(), text(), text(), text(), text(), text());
    (names, sex, birth, any::<bool>()).prop_map(|(names, sex, birth, unidentified)| {
        let (tag, call_name, given, father, grandfather, family, mother) = names;
        PersonParts { tag, call_name, given, father, grandfather, family, mother, sex, birth, unidentified }
    })
}

proptest! {
    #[test]
    fn any_parts_round_trip_and_any_edit_says_what_was_wanted(before in parts(), after in parts()) {
        let made = patient("p1", &before, AT_MS);
        assert_valid(&made);
        prop_assert!(read(&made) == Some(before.clone()));
        prop_assert_eq!(edit(&made, &before, AT_MS), made.clone(), "what is not changed is not touched");
        let edited = edit(&made, &after, AT_MS + 1);
        assert_valid(&edited);
        prop_assert!(read(&edited) == Some(after));
    }
}

#[test]
fn a_full_person_is_found_and_matched_by_what_stands_elsewhere_in_the_crate() {
    let made = patient("p1", &full(), AT_MS);
    let terms = search_terms(&made);
    for query in ["سمير الحداد", "Samir Haddad", "أبو خالد"] {
        assert!(matches(query, &terms) >= 45, "{query}");
    }
    assert!(score(&made, &made).value > 0.2);
    assert_eq!(made["birthDate"], "1978");
    assert_eq!(made["identifier"][0]["use"], "temp", "a tag is used again tomorrow");
    assert_eq!(
        patient("p2", &PersonParts::default(), AT_MS),
        json!({ "resourceType": "Patient", "id": "p2", "active": true })
    );
}

#[test]
fn a_father_without_an_own_name_is_not_taken_for_it() {
    let parts = PersonParts { father: some("أحمد"), grandfather: some("خالد"), ..PersonParts::default() };
    let made = patient("p1", &parts, AT_MS);
    assert!(made["name"][0].get("given").is_none());
    let known = PersonParts { given: some("سمير"), ..parts };
    assert_eq!(edit(&made, &known, AT_MS)["name"][0], json!({ "use": "official", "given": ["سمير", "أحمد", "خالد"] }));
}

#[test]
fn an_edit_changes_only_what_the_form_changed() {
    let raw = r#"{ "resourceType":"Patient", "id":"x",
      "name":[{"use":"old","family":"A"},{"family":"B","given":["C","D","E","F"],"prefix":["Dr"]},{"text":"G H"}],
      "identifier":[{"system":"urn:mrn","value":"7"},{"system":"urn:sanad:tag","value":"K1","period":{"start":"2018"}}],
      "extension":[{"url":"urn:x:weight","valueDecimal":1.50},{"url":"urn:x:kunya","valueString":"Abu I"}],
      "contact":[{"name":{"text":"J"}}], "birthDate":"1980-02-01", "gender":"female" }"#;
    let before: Value = serde_json::from_str(raw).unwrap();
    let parts = read(&before).unwrap();
    assert!(parts.given == some("C") && parts.father == some("D") && parts.grandfather == some("E F"));
    assert!(parts.call_name == some("Abu I") && parts.tag == some("K1"));
    assert_eq!(edit(&before, &parts, AT_MS), before);
    let changed = PersonParts { family: some("Z"), call_name: some("Abu Y"), ..parts.clone() };
    let bytes = super::super::rewrite(raw.as_bytes(), &edit(&before, &changed, AT_MS)).unwrap();
    let wanted = raw.replace("\"B\"", "\"Z\"").replace("Abu I", "Abu Y");
    assert_eq!(String::from_utf8(bytes).unwrap(), wanted);
    let tagged = edit(&before, &PersonParts { tag: some("K2"), ..parts }, AT_MS);
    assert_eq!(tagged["identifier"][1]["period"], json!({ "start": "2018", "end": "2018-03-02T11:20:00.000Z" }));
    assert!(read(&tagged).unwrap().tag == some("K2"));
    assert_eq!(crate::identifier::identifiers(&tagged).collect::<Vec<_>>(), ["7", "K1", "K2"], "the old tag is found");
}

#[test]
fn a_name_that_is_only_a_text_stays_beside_its_parts() {
    let before = json!({ "resourceType": "Patient", "name": [{ "use": "official", "text": "Samir Haddad" }] });
    let made = edit(&before, &PersonParts { given: some("سمير"), ..PersonParts::default() }, AT_MS);
    assert_eq!(
        made["name"],
        json!([{ "use": "official", "given": ["سمير"] }, { "use": "official", "text": "Samir Haddad" }])
    );
    assert!(read(&made).unwrap().given == some("سمير"));
    let whole = json!({ "resourceType": "Patient", "name": [{ "text": "Samir Haddad", "given": ["Samir"] }] });
    let made = edit(&whole, &PersonParts { given: some("Omar"), ..PersonParts::default() }, AT_MS);
    assert_eq!(made["name"], json!([{ "given": ["Omar"] }]), "a text that says the old name goes");
}

#[test]
fn an_age_is_a_date_as_vague_as_it_is() {
    for (count, unit, date) in [
        (40, AgeUnit::Years, "1978"),
        (0, AgeUnit::Years, "2018"),
        (2, AgeUnit::Months, "2018-01"),
        (3, AgeUnit::Months, "2017-12"),
        (27, AgeUnit::Months, "2015-12"),
        (2, AgeUnit::Days, "2018-02-28"),
    ] {
        assert_eq!(Birth::Aged(Age { count, unit, about: false }, AT_MS).date(), date);
    }
    let date = |text: &str| Birth::Date(text.to_owned());
    assert_eq!(date("2016-03-02").months_at(AT_MS), Some(24));
    assert_eq!(date("2016-03-03").months_at(AT_MS), Some(23));
    assert_eq!(date("2018-03").months_at(AT_MS), Some(0));
    assert_eq!(date("2010").months_at(AT_MS), Some(91), "the middle of the year");
    let said = Birth::Aged(Age { count: 8, unit: AgeUnit::Years, about: true }, AT_MS);
    assert_eq!(said.months_at(AT_MS), Some(96), "who was said to be eight is eight");
    assert_eq!(said.months_at(AT_MS + 366 * 86_400_000), Some(108));
    assert_eq!(date("2019-03-02").months_at(AT_MS), None);
    assert_eq!(date("nonsense").months_at(AT_MS), None);
    // A date that another program set means the date, whatever age was said before.
    let mut made = patient("p1", &full(), AT_MS);
    made["birthDate"] = "1975-01-02".into();
    assert!(read(&made).unwrap().birth == Some(date("1975-01-02")));
}

#[test]
fn hostile_parts_are_named_and_hostile_patients_are_read() {
    let wrong = PersonParts {
        tag: some(&"7".repeat(65)),
        call_name: some("a\u{202e}b"),
        given: some(&"م".repeat(1 << 20)),
        family: some("a\0"),
        mother: some("  "),
        ..PersonParts::default()
    };
    let errors = wrong.checked().err().unwrap();
    let wanted = [
        (Field::Tag, InputError::TooLong { most: TAG_BYTES_MAX }),
        (Field::CallName, InputError::Letters),
        (Field::Given, InputError::TooLong { most: NAME_CHARS_MAX }),
        (Field::Family, InputError::Letters),
    ];
    assert_eq!(errors, wanted);
    let kept = PersonParts { given: some(" <b>سمير</b> "), father: some(" "), ..PersonParts::default() }.checked();
    assert!(kept == Ok(PersonParts { given: some("<b>سمير</b>"), ..PersonParts::default() }));
    for value in hostile() {
        let is_patient = value["resourceType"] == "Patient";
        assert_eq!(read(&value).is_some(), is_patient);
        let edited = edit(&value, &full(), AT_MS);
        if is_patient {
            assert!(read(&edited) == Some(full()));
        } else {
            assert_eq!((edited, died(&value, 1), lives(&value)), (value.clone(), value.clone(), value));
        }
    }
}

#[test]
fn a_death_has_a_time_and_can_be_taken_back() {
    let made = patient("p1", &full(), AT_MS);
    let mut flagged = made.clone();
    flagged["deceasedBoolean"] = true.into();
    let dead = died(&flagged, AT_MS);
    assert_valid(&dead);
    assert_eq!(dead["deceasedDateTime"], "2018-03-02T11:20:00.000Z");
    assert!(dead.get("deceasedBoolean").is_none());
    assert_eq!(lives(&dead), made);
}

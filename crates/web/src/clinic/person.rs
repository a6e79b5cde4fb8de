//! The form of a person: the parts of [`PersonParts`] as they stand on a sheet, every one of them optional.

use sanad_record::care::input::{self, Age, AgeUnit};
use sanad_record::care::person::{Birth, Field, PersonParts, Sex};

use super::board_page::input_words as said;
use super::sheet::Sheet;
use crate::text::Voice;

/// Fills a sheet with what is known of somebody.
pub(crate) fn begin(v: &Voice, sheet: &mut Sheet, parts: &PersonParts) {
    for (field, text) in [
        (Field::Tag, &parts.tag),
        (Field::CallName, &parts.call_name),
        (Field::Given, &parts.given),
        (Field::Father, &parts.father),
        (Field::Grandfather, &parts.grandfather),
        (Field::Family, &parts.family),
        (Field::Mother, &parts.mother),
    ] {
        sheet.begin(name_of(field), text.as_deref().unwrap_or_default());
    }
    sheet.begin("sex", parts.sex.map_or("", Sex::code));
    match &parts.birth {
        Some(Birth::Date(date)) => sheet.begin("born", date),
        Some(Birth::Aged(age, _)) => sheet.begin("age", age_text(v, age)),
        None => {}
    }
    sheet.begin("unidentified", if parts.unidentified { "yes" } else { "" });
}

/// Reads a sheet, and says at its fields what cannot be taken; `None` if something cannot.
///
/// An age that stands as it did was not said anew: it keeps the moment at which it was said.
pub(crate) fn take(v: &Voice, sheet: &mut Sheet, before: Option<&PersonParts>, now_ms: u64) -> Option<PersonParts> {
    let text = |field: Field| Some(sheet.value(name_of(field)).to_owned());
    let parts = PersonParts {
        tag: text(Field::Tag),
        call_name: text(Field::CallName),
        given: text(Field::Given),
        father: text(Field::Father),
        grandfather: text(Field::Grandfather),
        family: text(Field::Family),
        mother: text(Field::Mother),
        sex: Sex::of_code(sheet.value("sex")),
        birth: None,
        unidentified: sheet.is("unidentified", "yes"),
    };
    let age = sheet.take("age", input::age, |error| said(v, error));
    let born = sheet.take("born", |text| input::date(text, now_ms), |error| said(v, error));
    if age.is_some() && born.is_some() {
        sheet.refuse("age", v.t("person-age-or-born"));
    }
    let as_before = before.and_then(|parts| match &parts.birth {
        Some(Birth::Aged(said, _)) if Some(*said) == age => parts.birth.clone(),
        _ => None,
    });
    let birth = born.map(Birth::Date).or(as_before).or(age.map(|age| Birth::Aged(age, now_ms)));
    match parts.checked() {
        Ok(parts) if sheet.is_sound() => Some(PersonParts { birth, ..parts }),
        Ok(_) => None,
        Err(wrong) => {
            wrong.into_iter().for_each(|(field, error)| sheet.refuse(name_of(field), said(v, error)));
            None
        }
    }
}

/// What somebody changed of what they saw, put over what stands now: what another changed meanwhile stays.
pub(crate) fn over(seen: &PersonParts, typed: &PersonParts, now: &PersonParts) -> PersonParts {
    fn pick<T: Clone + PartialEq>(seen: &T, typed: &T, now: &T) -> T {
        if typed == seen { now.clone() } else { typed.clone() }
    }
    PersonParts {
        tag: pick(&seen.tag, &typed.tag, &now.tag),
        call_name: pick(&seen.call_name, &typed.call_name, &now.call_name),
        given: pick(&seen.given, &typed.given, &now.given),
        father: pick(&seen.father, &typed.father, &now.father),
        grandfather: pick(&seen.grandfather, &typed.grandfather, &now.grandfather),
        family: pick(&seen.family, &typed.family, &now.family),
        mother: pick(&seen.mother, &typed.mother, &now.mother),
        sex: pick(&seen.sex, &typed.sex, &now.sex),
        birth: pick(&seen.birth, &typed.birth, &now.birth),
        unidentified: pick(&seen.unidentified, &typed.unidentified, &now.unidentified),
    }
}

/// Whether a form says nothing of anybody.
pub(crate) fn is_empty(parts: &PersonParts) -> bool {
    *parts == PersonParts::default()
}

/// An age as it would be typed.
pub(crate) fn age_text(v: &Voice, age: &Age) -> String {
    let about = if age.about { "~" } else { "" };
    match age.unit {
        AgeUnit::Years => format!("{about}{}", age.count),
        AgeUnit::Months => format!("{about}{} {}", age.count, v.t("person-months")),
        AgeUnit::Days => format!("{about}{} {}", age.count, v.t("person-days")),
    }
}

fn name_of(field: Field) -> &'static str {
    match field {
        Field::Tag => "tag",
        Field::CallName => "call-name",
        Field::Given => "given",
        Field::Father => "father",
        Field::Grandfather => "grandfather",
        Field::Family => "family",
        Field::Mother => "mother",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    const NOW: u64 = 1_519_989_600_000;

    #[test]
    fn a_sheet_that_was_filled_with_somebody_gives_them_back() {
        for lang in [Lang::Ar, Lang::En] {
            for unit in AgeUnit::ALL {
                let v = voice(lang);
                let parts = PersonParts {
                    tag: Some("A-12".to_owned()),
                    given: Some("محمود".to_owned()),
                    sex: Some(Sex::Male),
                    birth: Some(Birth::Aged(Age { count: 7, unit, about: true }, NOW - 5)),
                    unidentified: true,
                    ..PersonParts::default()
                };
                let mut sheet = Sheet::default();
                begin(&v, &mut sheet, &parts);
                assert!(take(&v, &mut sheet, Some(&parts), NOW) == Some(parts), "{unit:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_said_at_its_field() {
        let v = voice(Lang::En);
        for (name, typed) in [
            ("age", "130"),
            ("age", "4o"),
            ("born", "31/2/1990"),
            ("born", "2050"),
            ("given", "a\u{202e}b"),
            ("family", &"x".repeat(101)),
        ] {
            let mut sheet = Sheet::default();
            sheet.begin(name, typed);
            assert!(take(&v, &mut sheet, None, NOW).is_none(), "{name}");
            assert!(sheet.problem(name).is_some_and(|said| said.ends_with('.')), "{name}: {:?}", sheet.problem(name));
        }
        let mut both = Sheet::default();
        both.begin("age", "٤٠");
        both.begin("born", "1990");
        assert!(take(&v, &mut both, None, NOW).is_none() && both.problem("age").is_some());
    }

    #[test]
    fn what_another_changed_meanwhile_stays() {
        let with = |given: &str, family: &str| PersonParts {
            given: Some(given.to_owned()),
            family: Some(family.to_owned()),
            ..PersonParts::default()
        };
        let made = over(&with("A", "B"), &with("A", "C"), &with("D", "B"));
        assert!(made == with("D", "C"));
    }
}

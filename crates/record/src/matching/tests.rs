use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use Agreement::{Close, Day, Differs, Month, Near, Same, Sounds, Swapped, Temporary, Year};
use Grade::{Certain, CertainlyNot, Possible, Probable};

/// A person by name, birth date and sex.
fn person(given: &[&str], family: &str, born: &str, sex: &str) -> Value {
    let mut person = json!({"resourceType": "Patient"});
    if !given.is_empty() {
        person["name"] = json!([{"given": given, "family": family}]);
    }
    if !born.is_empty() {
        person["birthDate"] = born.into();
    }
    if !sex.is_empty() {
        person["gender"] = sex.into();
    }
    person
}

fn with(mut person: Value, name: &str, value: Value) -> Value {
    person[name] = value;
    person
}

fn identifier(system: &str, value: &str) -> Value {
    json!([{"system": system, "value": value}])
}

#[test]
fn every_line_of_the_table_is_understood() {
    let said = |kind: &str| TABLE.lines().filter(|line| line.starts_with(kind)).count();
    let weights = weights();
    assert_eq!((weights.points.len(), weights.least.len()), (said("weight "), said("least ")));
    assert_eq!(TABLE.lines().filter(|line| !line.starts_with('#')).count(), said("weight ") + said("least "));
    assert!(TABLE.contains("# source: ") && TABLE.contains("edition: ") && TABLE.contains("verified: false"));
    // All that can speak for it makes exactly a whole, so that nothing is cut off at the top.
    let best = |what: Trait| weights.points.iter().filter(|((of, _), _)| *of == what).map(|(_, points)| *points).max();
    assert_eq!(TRAITS.iter().filter_map(|(_, what)| best(*what)).sum::<i32>(), POINTS_MAX);
}

#[test]
fn people_are_told_apart_and_found_again() {
    let ahmad = || person(&["أحمد", "خالد"], "الحمصي", "1984-05-12", "male");
    let number = |person: Value| with(person, "identifier", identifier("urn:id", "123"));
    let phone = |person: Value| with(person, "telecom", json!([{"system": "phone", "value": "0944 123 456"}]));
    let table = [
        ("the same record", number(ahmad()), number(ahmad()), Certain, 880),
        ("the same without a number", ahmad(), ahmad(), Probable, 430),
        ("in two scripts", ahmad(), person(&["Ahmad", "Khaled"], "al-Homsi", "1984-05-12", "male"), Probable, 350),
        (
            "in two scripts, one number",
            number(ahmad()),
            number(person(&["Ahmed", "Khalid"], "Homsi", "1984", "male")),
            Probable,
            700,
        ),
        ("age guessed", ahmad(), person(&["أحمد", "خالد"], "الحمصي", "1985", "male"), Possible, 280),
        ("a number and nothing else", number(json!({})), number(json!({})), Probable, 450),
        ("twins", phone(ahmad()), phone(person(&["عمر", "خالد"], "الحمصي", "1984-05-12", "male")), CertainlyNot, 120),
        (
            "twins of nearly one name",
            phone(person(&["حسن", "خالد"], "الحمصي", "1984-05-12", "male")),
            phone(person(&["حسين", "خالد"], "الحمصي", "1984-05-12", "male")),
            Possible,
            400,
        ),
        (
            "twins with the number of the family's booklet",
            number(ahmad()),
            number(person(&["عمر", "خالد"], "الحمصي", "1984-05-12", "male")),
            Possible,
            500,
        ),
        ("father and son", ahmad(), person(&["خالد", "محمود"], "الحمصي", "1955", "male"), CertainlyNot, 0),
        ("grandson of the same name", ahmad(), person(&["أحمد", "خالد"], "الحمصي", "2010", "male"), CertainlyNot, 0),
        ("sister", ahmad(), person(&["سلمى", "خالد"], "الحمصي", "1986", "female"), CertainlyNot, 0),
        ("one number, another sex", number(ahmad()), number(with(ahmad(), "gender", json!("female"))), Possible, 660),
        ("nothing at all", json!({}), json!({}), Possible, 0),
        ("nothing to compare", ahmad(), json!({"resourceType": "Patient"}), Possible, 0),
        ("another family", ahmad(), person(&["أحمد"], "السعيد", "", "male"), Possible, 90),
        ("only the sex, and it differs", json!({"gender": "male"}), json!({"gender": "female"}), CertainlyNot, 0),
        ("no sex known", ahmad(), with(ahmad(), "gender", json!("unknown")), Probable, 410),
    ];
    for (what, a, b, grade, points) in table {
        let found = score(&a, &b);
        assert_eq!((found.grade, (found.value * 1_000.0).round() as i32), (grade, points), "{what}: {found:?}");
        assert_eq!(score(&b, &a), found, "{what}");
    }
}

/// What it cannot do, written down so that a better version has something to beat.
#[test]
fn names_that_only_vowels_tell_apart_are_one_across_scripts() {
    let found = score(
        &person(&["حسن", "خالد"], "الحمصي", "1984-05-12", "male"),
        &person(&["Hussein", "Khaled"], "Homsi", "1984-05-12", "male"),
    );
    assert_eq!(found.evidence[0], (Trait::OwnName, Sounds));
    assert_ne!(found.grade, Certain);
}

#[test]
fn evidence_by_trait() {
    let dated = |born: &str| json!({"birthDate": born});
    for (a, b, expected) in [
        ("1984-05-12", "1984-05-12", Some(Day)),
        ("1984-05-12", "1984-05", Some(Month)),
        ("1984-05-12", "1984", Some(Year)),
        ("1984-05-12", "1984-01-01", Some(Year)),
        ("1984-05-12", "1984-12-05", Some(Swapped)),
        ("1984-05-12", "1984-05-13", Some(Near)),
        ("1984-05-12", "1986-05-12", Some(Near)),
        ("1984", "1984-05", Some(Year)),
        ("1984", "1986-05-12", Some(Close)),
        ("1984", "1987", Some(Differs)),
        ("1984-05-12", "1954-05-12", Some(Differs)),
        ("1984-13", "1984", None),
        ("", "1984", None),
    ] {
        let how = score(&dated(a), &dated(b)).evidence.first().map(|(_, how)| *how);
        assert_eq!(how, expected, "{a} {b}");
    }
    let named = |name: &str| json!({"name": [{"given": [name]}]});
    for (a, b, expected) in [
        ("محمد", "مُحَمَّد", Same),
        ("محمد", "Mohamed", Sounds),
        ("محمد", "محمود", Near),
        ("Mohammed", "Muhamad", Near),
        ("Ahmad", "Ahmed", Near),
        ("أحمد", "سامر", Differs),
        ("علي", "علياء", Near),
        ("علي", "سعيد", Differs),
        ("عبد الرحمن", "Abdul Rahman", Sounds),
    ] {
        assert_eq!(score(&named(a), &named(b)).evidence, [(Trait::OwnName, expected)], "{a} {b}");
    }
    let tag = |tag: &str| json!({"identifier": [{"use": "temp", "system": "tag", "value": tag}]});
    let id = |system: &str, value: &str| json!({"identifier": identifier(system, value)});
    let bare = |value: &str| json!({"identifier": [{"value": value}]});
    for (a, b, expected) in [
        (id("s", "A-12"), id("s", "a-١٢"), Some(Same)),
        (id("s", "1"), id("t", "1"), None),
        (id("s", "1"), id("s", "2"), Some(Differs)),
        (id("s", "1"), bare("1"), Some(Agreement::Value)),
        (tag("7"), tag("7"), Some(Temporary)),
        (tag("7"), tag("8"), None),
        (tag("7"), id("tag", "7"), Some(Temporary)),
    ] {
        assert_eq!(score(&a, &b).evidence.first().map(|(_, how)| *how), expected, "{a} {b}");
    }
    let phone = |value: &str| json!({"telecom": [{"value": value}]});
    for (a, b, same) in [
        ("+963 944 123456", "0944-123-456", true),
        ("٠٩٤٤١٢٣٤٥٦", "0944123456", true),
        ("A@b.org", "a@B.org", true),
        ("112", "112", false),
        ("0944123456", "0944123457", false),
    ] {
        assert_eq!(score(&phone(a), &phone(b)).evidence.len(), usize::from(same), "{a} {b}");
    }
    let city = |city: &str| json!({"address": [{"city": city}]});
    for (a, b, expected) in [("حمص", "حِمص", Some(Same)), ("حلب", "Halab", Some(Sounds)), ("حمص", "حلب", None)]
    {
        assert_eq!(score(&city(a), &city(b)).evidence.first().map(|(_, how)| *how), expected, "{a} {b}");
    }
}

#[test]
fn the_best_of_several_names_counts() {
    let two = json!({"name": [
        {"use": "old", "given": ["سلمى"], "family": "الحموي"},
        {"given": ["سلمى", "خالد"], "family": "الحمصي"},
        {"use": "nickname", "text": "أم ياسين"},
        {"use": "anonymous", "text": "مجهول الهوية 7"},
    ]});
    let text = json!({"name": [{"text": "سلمى خالد الحمصي"}]});
    let evidence = [(Trait::OwnName, Same), (Trait::FathersName, Same), (Trait::FamilyName, Same)];
    assert_eq!(score(&two, &text).evidence, evidence);
    let nickname = json!({"name": [{"use": "nickname", "text": "أم ياسين"}]});
    assert_eq!(score(&nickname, &nickname).evidence, [], "half of the women of a camp are called after a Yasin");
}

#[test]
fn grades_have_the_codes_of_hl7() {
    let codes = [CertainlyNot, Possible, Probable, Certain].map(Grade::code);
    assert_eq!(codes, ["certainly-not", "possible", "probable", "certain"]);
}

fn people() -> impl Strategy<Value = Value> {
    let names = || {
        prop::sample::select(vec!["أحمد", "Ahmad", "خالد", "Khaled", "حسن", "حسين", "سلمى", "الحمصي", "Homsi", "ب", ""])
    };
    let name = (
        prop::collection::vec(names(), 0..3),
        names(),
        prop::option::of(names()),
        prop::sample::select(vec!["official", "nickname", "old"]),
    )
        .prop_map(|(given, family, text, of)| {
            let mut name = json!({"given": given, "family": family, "use": of});
            text.into_iter().for_each(|text| name["text"] = text.into());
            name
        });
    let identifier = (prop::option::of("[st]"), "[12]", prop::sample::select(vec!["usual", "temp"]))
        .prop_map(|(system, value, of)| json!({"system": system, "value": value, "use": of}));
    let born = prop::sample::select(vec![
        "1984",
        "1984-05",
        "1984-05-12",
        "1984-12-05",
        "1984-01-01",
        "1986-02",
        "1990",
        "x",
        "",
    ]);
    let sex = prop::sample::select(vec!["male", "female", "unknown", ""]);
    let phone = prop::sample::select(vec!["0944123456", "+963944123456", "112", "a@b.c"]);
    let city = prop::sample::select(vec!["حمص", "Homs", "حلب", ""]);
    (
        prop::collection::vec(name, 0..3),
        prop::collection::vec(identifier, 0..3),
        born,
        sex,
        prop::collection::vec(phone, 0..2),
        prop::collection::vec(city, 0..2),
    )
        .prop_map(|(name, identifier, born, sex, phone, city)| {
            let telecom: Vec<Value> = phone.into_iter().map(|value| json!({"value": value})).collect();
            let address: Vec<Value> = city.into_iter().map(|city| json!({"city": city})).collect();
            json!({"resourceType": "Patient", "name": name, "identifier": identifier, "birthDate": born, "gender": sex,
                "telecom": telecom, "address": address})
        })
}

proptest! {
    #[test]
    fn a_score_is_fair(a in people(), b in people()) {
        let found = score(&a, &b);
        prop_assert_eq!(&score(&b, &a), &found, "symmetric");
        prop_assert!((0.0..=1.0).contains(&found.value));
        for itself in [score(&a, &a), score(&b, &b)] {
            prop_assert!(itself.value >= found.value, "{:?} {:?}", itself, found);
            prop_assert!(itself.grade >= found.grade);
            prop_assert!(itself.evidence.iter().all(|(_, how)| *how != Differs && *how != Near));
        }
        if found.grade == Certain {
            prop_assert!(found.evidence.contains(&(Trait::Identifier, Same)));
        }
    }

    #[test]
    fn anything_may_come(a in crate::merge::tests::resources(), b in people()) {
        for value in [a.clone(), json!({"name": a, "birthDate": a, "identifier": [a], "telecom": [{"value": a}], "address": a})] {
            let found = score(&value, &b);
            prop_assert!((0.0..=1.0).contains(&found.value));
            prop_assert_eq!(score(&b, &value), found);
        }
    }
}

#[test]
fn a_huge_record_takes_bounded_time() {
    let long = "أحمد ".repeat(100_000);
    let many: Vec<Value> = (0..20_000).map(|n| json!({"given": [n.to_string()], "family": "x"})).collect();
    let huge = json!({"name": many, "identifier": vec![json!({"system": "s", "value": "1"}); 20_000],
        "birthDate": long, "address": [{"city": long}]});
    assert_eq!(score(&huge, &huge).evidence.len(), 3);
    assert_eq!(score(&json!({"name": [{"family": long}]}), &huge).evidence, []);
}

//! The forms that ship, item by item, and their calculations against values worked out by hand.

use super::*;

#[test]
fn the_forms_that_ship_are_whole_and_say_that_nobody_verified_them() {
    let titles: Vec<_> = shipped().iter().map(|form| (form.title("en"), form.title("ar"), form.canonical())).collect();
    assert_eq!(
        titles,
        [
            ("First assessment", "التقييم الأولي", "urn:sanad:form:first-assessment|1".to_owned()),
            ("Burns", "الحروق", "urn:sanad:form:burns|1".to_owned()),
            ("Obstetric emergency", "طوارئ التوليد", "urn:sanad:form:obstetric-emergency|1".to_owned()),
        ]
    );
    let is_arabic = |text: &str| text.chars().any(|letter| ('\u{600}'..'\u{700}').contains(&letter));
    for (form, file) in shipped().iter().zip(super::super::shipped::FILES) {
        legal(file);
        assert_eq!(form.verified(), None);
        for part in ["source: ", "edition: ", "verified: no"] {
            assert!(form.copyright("en").contains(part));
        }
        assert!(is_arabic(form.description("ar")));
        for item in &form.items {
            assert!(is_arabic(item.text.of("ar")) && !is_arabic(item.text.of("en")), "{}", item.link_id);
            assert!(item.kind != Kind::Choice || item.choices.len() > 1, "{}", item.link_id);
            for choice in &item.choices {
                let plus = choice.label.own.starts_with('+');
                assert!(plus || is_arabic(choice.label.of("ar")), "{} {}", item.link_id, choice.token);
            }
            for unit in &item.units {
                assert!(!unit.code.is_empty() && !unit.label.of("ar").is_empty(), "{}", item.link_id);
            }
        }
        // Nothing is demanded: a casualty cannot wait for a form.
        assert!(form.items.iter().all(|item| !item.required));
        assert!(response(form, &Answers::default(), &about()).is_ok());
    }
}

#[test]
fn the_coma_scale_is_added_up_once_it_is_whole() {
    let form = &shipped()[0];
    let some = [("gcs-eye@0", "urn:sanad:form|e3"), ("gcs-verbal@0", "urn:sanad:form|v4")];
    assert_eq!(row(&rows(form, &filled(form, &some), "en"), "gcs-total@0").typed, "");
    let all = [some[0], some[1], ("gcs-motor@0", "urn:sanad:form|m5")];
    let answers = filled(form, &all);
    assert_eq!(row(&rows(form, &answers, "en"), "gcs-total@0").typed, "12");
    let text = saved(form, &answers);
    let found = observations(form, text.as_bytes(), |name| name.replace('@', "-")).expect("Observations");
    found.iter().for_each(|found| legal(found));
    let total = found.iter().find(|found| found.contains("9269-2")).expect("the total");
    for part in [
        r#""valueInteger":12"#,
        r#""id":"gcs-total-0""#,
        r#""derivedFrom":[{"reference":"QuestionnaireResponse/r1"}]"#,
        r#""subject":{"reference":"Patient/p1"}"#,
        r#""effectiveDateTime":"2018-02-18T14:05:00+02:00""#,
        r#""performer":[{"display":"Cedar 4"}]"#,
    ] {
        assert!(total.contains(part), "{total}");
    }
}

#[test]
fn gestation_is_asked_of_those_who_are_pregnant() {
    let form = &shipped()[0];
    assert!(!asked(form, &Answers::default()).contains(&"gestation".to_owned()));
    let answers = filled(form, &[("pregnant@0", "urn:sanad:form|yes"), ("gestation@0", "٣٢")]);
    assert!(asked(form, &answers).contains(&"gestation".to_owned()));
    assert!(saved(form, &answers).contains(r#""answer":[{"valueInteger":32}]"#));
    let answers = filled(form, &[("pregnant@0", "urn:sanad:form|no"), ("gestation@0", "32")]);
    let hidden = rows(form, &answers, "en");
    assert!(row(&hidden, "gestation@0").field == Field::Hidden && row(&hidden, "gestation@0").typed == "32");
    assert!(!saved(form, &answers).contains("gestation"));
}

/// Weight, scheme, areas; total, fluid in 24 hours, in the first 8, urine an hour.
type Burned = (&'static str, &'static str, &'static [(&'static str, &'static str)], [&'static str; 4]);

#[test]
fn burned_area_and_fluid_are_what_one_gets_by_hand() {
    let form = &shipped()[1];
    let table: [Burned; 5] = [
        ("70", "adult", &[("adult-trunk-front", "18"), ("adult-arm-left", "4,5")], ["22.5", "6300", "3150", "35"]),
        ("٨٠", "adult", &[("adult-leg-left", "١٨"), ("adult-leg-right", "18")], ["36", "11520", "5760", "40"]),
        ("10", "child", &[("child-head", "9"), ("child-leg-left", "7.5")], ["16.5", "660", "330", "10"]),
        ("12.5", "child", &[("child-trunk-back", "6.3")], ["6.3", "315", "158", "12.5"]),
        ("", "adult", &[("adult-head", "9")], ["9", "", "", ""]),
    ];
    for (weight, scheme, areas, expected) in table {
        let scheme = format!("urn:sanad:form|{scheme}");
        let names: Vec<_> = areas.iter().map(|(region, area)| (format!("tbsa-{region}@0"), *area)).collect();
        let mut pairs = vec![("weight@0", weight), ("scheme@0", &*scheme)];
        pairs.extend(names.iter().map(|(name, area)| (name.as_str(), *area)));
        // What belongs to the other scheme is not counted.
        pairs.push((if scheme.ends_with("adult") { "tbsa-child-head@0" } else { "tbsa-adult-head@0" }, "9"));
        let answers = filled(form, &pairs);
        let shown = rows(form, &answers, "en");
        let found =
            ["tbsa-total@0", "fluid-24h@0", "fluid-8h@0", "urine-target@0"].map(|name| &*row(&shown, name).typed);
        assert_eq!(found, expected, "{weight} {areas:?}");
        let text = saved(form, &answers);
        let found = observations(form, text.as_bytes(), |name| name.replace('@', "-")).expect("Observations");
        found.iter().for_each(|found| legal(found));
    }
    let warning = rows(form, &Answers::default(), "en").into_iter().find(|row| row.link_id == "fluid-warning");
    assert!(
        warning.expect("a warning").label.starts_with("Calculated by the Parkland formula, unverified; not a pres")
    );
}

#[test]
fn each_child_has_an_apgar_score_of_its_own() {
    let form = &shipped()[2];
    let parts = ["appearance", "pulse", "grimace", "activity", "respiration"];
    let mut pairs = vec![("delivered@0".to_owned(), "urn:sanad:form|yes".to_owned())];
    for (child, scores) in [(0, [1, 2, 2, 1, 2]), (1, [0, 1, 0, 0, 1])] {
        for (part, score) in parts.iter().zip(scores) {
            pairs.push((format!("apgar-1-{part}@{child}.0"), format!("urn:sanad:form|{part}-{score}")));
        }
    }
    pairs.push(("apgar-5-pulse@1.0".to_owned(), "urn:sanad:form|pulse-2".to_owned()));
    let answers = fill(form, &pairs);
    let shown = rows(form, &answers, "ar");
    let total = |name: &str| row(&shown, name).typed.clone();
    assert_eq!([total("apgar-1-total@0.0"), total("apgar-1-total@1.0")], ["8", "2"]);
    assert_eq!([total("apgar-5-total@0.0"), total("apgar-5-total@1.0")], ["", ""]);
    let text = saved(form, &answers);
    let mut names = Vec::new();
    observations(form, text.as_bytes(), |name| {
        names.push(name.to_owned());
        names.len().to_string()
    })
    .expect("Observations");
    assert!(names.contains(&"apgar-1-total@0.0".to_owned()) && names.contains(&"apgar-1-total@1.0".to_owned()));
    let again = answers_of(form, text.as_bytes()).expect("a response");
    assert_eq!(saved(form, &again), text);
}

//! From typing to a response and back, repetitions, and what an older form had.

use super::*;

const ITEMS: &str = r#"
    {"linkId":"n","type":"decimal"},
    {"linkId":"q","type":"quantity","extension":[
        {"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption","valueCoding":{"system":"http://unitsofmeasure.org","code":"kg"}},
        {"url":"http://hl7.org/fhir/StructureDefinition/questionnaire-unitOption","valueCoding":{"system":"http://unitsofmeasure.org","code":"g"}}]},
    {"linkId":"m","type":"dateTime"},
    {"linkId":"s","type":"string","repeats":true},
    {"linkId":"o","type":"open-choice","answerOption":[{"valueString":"one"},{"valueString":"two"}],
        "item":[{"linkId":"below","type":"string"}]},
    {"linkId":"g","type":"group","repeats":true,"item":[{"linkId":"in","type":"integer"}]},
    {"linkId":"v","type":"choice","answerValueSet":"http://hl7.org/fhir/ValueSet/administrative-gender"}"#;

const PAIRS: [(&str, &str); 11] = [
    ("n@0", "1.10"),
    ("q@0", "3,20"),
    ("q@0#unit", "g"),
    ("m@0", "2018-02-18T09:30"),
    ("s@0", "first"),
    ("s@1", "second"),
    ("o@0#other", "three"),
    ("below@0", "why"),
    ("in@0.0", "1"),
    ("in@1.0", "٢"),
    ("v@0", "http://hl7.org/fhir/administrative-gender|female"),
];

#[test]
fn what_is_typed_is_saved_and_shown_again() {
    let form = of_items(ITEMS).expect("a form");
    let answers = filled(&form, &PAIRS);
    let text = saved(&form, &answers);
    for part in [
        r#""questionnaire":"urn:f|2","status":"completed","subject":{"reference":"Patient/p1"}"#,
        r#"{"linkId":"n","answer":[{"valueDecimal":1.10}]}"#,
        r#"{"valueQuantity":{"value":3.20,"unit":"g","system":"http://unitsofmeasure.org","code":"g"}}"#,
        r#"{"valueDateTime":"2018-02-18T09:30:00+02:00"}"#,
        r#"{"linkId":"s","answer":[{"valueString":"first"},{"valueString":"second"}]}"#,
        r#"{"valueString":"three","item":[{"linkId":"below","answer":[{"valueString":"why"}]}]}"#,
        r#"{"linkId":"g","item":[{"linkId":"in","answer":[{"valueInteger":1}]}]},{"linkId":"g","item":[{"linkId":"in","#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let again = answers_of(&form, text.as_bytes()).expect("a response");
    assert_eq!(saved(&form, &again), text);
    // A page is its own state: what its rows say gives the same page again.
    let mut posted = Vec::new();
    for row in rows(&form, &answers, "en") {
        match row.field {
            Field::Choice { options, other, .. } => {
                posted.extend(
                    options.into_iter().filter(|pick| pick.is_picked).map(|pick| (row.name.clone(), pick.token)),
                );
                posted.extend(other.map(|other| (format!("{}#other", row.name), other)));
            }
            Field::Quantity { units } => {
                posted.push((row.name.clone(), row.typed));
                let picked = units.into_iter().filter(|unit| unit.is_picked);
                posted.extend(picked.map(|unit| (format!("{}#unit", row.name), unit.token)));
            }
            Field::GroupStart { .. } => posted.push((row.name, "1".to_owned())),
            Field::GroupEnd | Field::Add | Field::Display => {}
            _ => posted.push((row.name, row.typed)),
        }
    }
    assert_eq!(saved(&form, &fill(&form, &posted)), text);
}

#[test]
fn one_more_is_a_button() {
    let form = of_items(ITEMS).expect("a form");
    let count = |pairs: &[(&str, &str)], link_id: &str| {
        let shown = rows(&form, &filled(&form, pairs), "en");
        shown.iter().filter(|row| row.link_id == link_id && !matches!(row.field, Field::Add | Field::GroupEnd)).count()
    };
    assert_eq!((count(&[], "g"), count(&[], "s")), (1, 1));
    assert_eq!(count(&[("g@0", "1"), ("add:g@0", "")], "g"), 2);
    assert_eq!(count(&[("g@0", "1"), ("g@1", "1"), ("do", "add:g@0")], "g"), 3);
    assert_eq!(count(&[("s@0", ""), ("add:s@0", "")], "s"), 2);
    assert_eq!(count(&[("add:n@0", "")], "n"), 1);
    let full = [("g@49", "1"), ("add:g@0", "")];
    assert_eq!(count(&full, "g"), REPETITIONS_MAX);
    assert!(!rows(&form, &filled(&form, &full), "en").iter().any(|row| row.name == "add:g@0"));
}

#[test]
fn what_an_older_form_had_is_kept() {
    let form = of_items(ITEMS).expect("a form");
    let older = r#"{"resourceType":"QuestionnaireResponse","id":"r0","language":"ar","status":"completed",
        "identifier":{"value":"7"},"item":[
        {"linkId":"gone","text":"What was asked once","answer":[{"valueDecimal":7.10}]},
        {"linkId":"n","answer":[{"valueString":"about one"}]},
        {"linkId":"g","item":[{"linkId":"gone-too","answer":[{"valueBoolean":true}]},{"linkId":"in","answer":[{"valueInteger":1}]}]}]}"#;
    let answers = answers_of(&form, older.as_bytes()).expect("a response");
    let text = saved(&form, &answers);
    for part in [
        r#"{"linkId":"gone","text":"What was asked once","answer":[{"valueDecimal":7.10}]}"#,
        r#"{"linkId":"n","answer":[{"valueString":"about one"}]}"#,
        r#"{"linkId":"gone-too","answer":[{"valueBoolean":true}]}"#,
        r#""identifier":{"value":"7"}"#,
        r#""language":"ar""#,
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    // Answered anew, the old answer gives way; the rest stays.
    let edited = filled(&form, &[("n@0", "2"), ("in@0.0", "3")]).keeping(&answers);
    let text = saved(&form, &edited);
    assert!(text.contains(r#"{"valueDecimal":2}"#) && !text.contains("about one") && text.contains("gone-too"));
    let other = answers_of(&form, br#"{"resourceType":"Patient"}"#);
    assert_eq!(other.err(), Some(FormError::NotAQuestionnaire));
}

#[test]
fn options_and_labels_come_from_where_the_form_says() {
    let contained = r##"{"resourceType":"Questionnaire","status":"draft","language":"en","contained":[{"resourceType":"ValueSet",
        "id":"v","status":"draft","compose":{"include":[{"system":"s","concept":[{"code":"a","display":"A","designation":
        [{"language":"ar","value":"ألف"}]},{"code":"b"}]}]}}],"item":[{"linkId":"c","text":"Which","type":"choice",
        "answerValueSet":"#v","_text":{"extension":[{"url":"http://hl7.org/fhir/StructureDefinition/translation",
        "extension":[{"url":"lang","valueCode":"ar"},{"url":"content","valueString":"أيّ"}]}]}},
        {"linkId":"else","type":"choice","answerValueSet":"http://example.org/not-here"}]}"##;
    let form = form(contained).expect("a form");
    let shown = rows(&form, &Answers::default(), "ar-SY");
    assert_eq!(shown[0].label, "أيّ");
    let Field::Choice { options, control, .. } = &shown[0].field else { panic!("options") };
    let labels: Vec<_> = options.iter().map(|pick| (&*pick.token, &*pick.label)).collect();
    assert_eq!((labels, *control), (vec![("s|a", "ألف"), ("s|b", "b")], Control::Radio));
    assert!(shown[1].field == Field::Line);
    let text = saved(&form, &filled(&form, &[("c@0", "s|a"), ("else@0", "a thing")]));
    assert!(text.contains(r#"{"valueCoding":{"display":"a thing"}}"#));
    let problems = response(&form, &filled(&form, &[("c@0", "s|zz")]), &about());
    assert_eq!(problems, Err(vec![("c@0".to_owned(), Problem::NotAnOption)]));
}

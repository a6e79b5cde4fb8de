//! Forms and pages that mean harm, or are half a form.

use super::*;

fn refused(items: &str) -> FormError {
    of_items(items).err().unwrap_or_else(|| panic!("this is no form: {items}"))
}

fn calculated(link_id: &str, expression: &str) -> String {
    let url = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-calculatedExpression";
    format!(
        r#"{{"linkId":"{link_id}","type":"decimal","extension":[{{"url":"{url}","valueExpression":
            {{"language":"text/fhirpath","expression":"{expression}"}}}}]}}"#
    )
}

fn when(link_id: &str, question: &str) -> String {
    let condition = format!(r#"{{"question":"{question}","operator":"exists","answerBoolean":true}}"#);
    format!(r#"{{"linkId":"{link_id}","type":"string","enableWhen":[{condition}]}}"#)
}

#[test]
fn a_form_that_refers_to_itself_is_named() {
    let circle = |names: &[&str]| FormError::Circle(names.iter().map(|name| (*name).to_owned()).collect());
    let of = |link_id: &str| format!("%resource.descendants().where(linkId='{link_id}').answer.value + 1");
    assert_eq!(refused(&when("a", "a")), circle(&["a"]));
    assert_eq!(refused(&format!("{},{},{}", when("a", "b"), when("b", "c"), when("c", "a"))), circle(&["a", "b", "c"]));
    assert_eq!(refused(&calculated("a", &of("a"))), circle(&["a"]));
    assert_eq!(refused(&format!("{},{}", calculated("a", &of("b")), calculated("b", &of("a")))), circle(&["a", "b"]));
    assert_eq!(refused(&format!("{},{}", calculated("a", &of("b")), when("b", "a"))), circle(&["a", "b"]));
    let inside = r#"{"linkId":"g","type":"group","enableWhen":[{"question":"in","operator":"exists","answerBoolean":true}],
        "item":[{"linkId":"in","type":"string"}]}"#;
    assert_eq!(refused(inside), circle(&["g", "in"]));
    // A calculation that counts everything, itself too, starts from the answers each time and so comes to an end.
    let all = of_items(&calculated("a", "%resource.descendants().answer.value.count() + 1")).expect("a form");
    assert_eq!(row(&rows(&all, &Answers::default(), "en"), "a@0").typed, "1");
}

#[test]
fn what_is_no_form_is_refused_with_the_reason() {
    let text = r#"{"linkId":"a","type":"string"}"#;
    assert_eq!(form(r#"{"resourceType":"Patient"}"#).err(), Some(FormError::NotAQuestionnaire));
    assert!(matches!(form("{"), Err(FormError::Syntax(_))));
    assert_eq!(refused(&format!("{text},{text}")), FormError::DuplicateLinkId("a".to_owned()));
    assert_eq!(refused(r#"{"type":"string"}"#), FormError::NoLinkId);
    assert_eq!(refused(r#"{"linkId":"a","type":"poem"}"#), FormError::UnknownType("a".to_owned()));
    let unknown = FormError::UnknownQuestion { item: "a".to_owned(), question: "b".to_owned() };
    assert_eq!(refused(&when("a", "b")), unknown);
    assert_eq!(refused(&when("a", "b").replace("exists", "~")), FormError::Condition("a".to_owned()));
    for expression in ["now()", "1 +", "%unknown", "a.trace('x')"] {
        let error = refused(&calculated("a", expression));
        assert!(matches!(error, FormError::Calculation { .. }), "{expression}: {error}");
    }
    let cql = calculated("a", "1").replace("text/fhirpath", "text/cql");
    assert!(matches!(refused(&cql), FormError::Calculation { .. }));
    let many: Vec<_> = (0..10_000).map(|at| format!(r#"{{"linkId":"{at}","type":"string"}}"#)).collect();
    assert_eq!(refused(&many.join(",")), FormError::TooLarge);
    let deep =
        (0..30).fold(text.to_owned(), |inner, at| format!(r#"{{"linkId":"{at}","type":"group","item":[{inner}]}}"#));
    assert_eq!(refused(&deep), FormError::TooLarge);
    let chain: Vec<_> = (0..30)
        .map(|at| calculated(&format!("c{at}"), &format!("%resource.descendants().where(linkId='c{}')", at + 1)))
        .collect();
    assert_eq!(refused(&chain.join(",")), FormError::TooLarge);
}

#[test]
fn a_posted_page_is_held_within_bounds() {
    let items = r#"{"linkId":"g","type":"group","repeats":true,"item":[{"linkId":"h","type":"group","repeats":true,
        "item":[{"linkId":"i","type":"group","repeats":true,"item":[{"linkId":"t","type":"string"}]}]}]},
        {"linkId":"n","type":"integer"}"#;
    let form = of_items(items).expect("a form");
    let giant = "ب".repeat(super::super::TYPED_BYTES_MAX);
    for name in ["", "@", "t", "t@", "t@0", "t@0.0.0.0.0", "t@-1.0.0.0", "t@99.0.0.0", "t@0.0.0.x", "zz@0", "#unit"] {
        assert!(filled(&form, &[(name, "x")]).is_blank(), "{name}");
    }
    let answers = filled(&form, &[("t@49.0.0.0", "x"), ("h@49.49", "1"), ("i@49.49.49", "1"), ("n@0", &giant)]);
    let shown = rows(&form, &answers, "en");
    assert_eq!(row(&shown, "n@0").problem, Some(Problem::TooLong(super::super::TYPED_BYTES_MAX)));
    let all = (0..50).flat_map(|a| (0..50).map(move |b| (format!("i@{a}.{b}.49"), "1".to_owned())));
    let shown = rows(&form, &fill(&form, &all.collect::<Vec<_>>()), "en");
    assert!(shown.len() < 4 * super::super::PLACES_MAX, "{}", shown.len());
}

#[test]
fn markup_is_text_and_what_is_half_typed_stays() {
    let items = r#"{"linkId":"<b>&\"","text":"<script>x</script>","type":"string"},{"linkId":"d","type":"date"},
        {"linkId":"n","type":"integer","required":true},{"linkId":"x","type":"decimal"},{"linkId":"t","type":"time"},
        {"linkId":"m","type":"dateTime"},{"linkId":"u","type":"url"},{"linkId":"b","type":"boolean"}"#;
    let form = of_items(items).expect("a form");
    let answers = filled(&form, &[("<b>&\"@0", "</div>\u{202e}"), ("n@0", "1")]);
    let text = saved(&form, &answers);
    assert!(text.contains(r#""linkId":"<b>&\"","text":"<script>x</script>","answer":[{"valueString":"</div>"#));
    for (name, typed, problem) in [
        ("d@0", "2018-0", Problem::NotADate),
        ("d@0", "31/2/2018", Problem::NotADate),
        ("d@0", "ab", Problem::NotADate),
        ("n@0", "12a", Problem::NotANumber),
        ("n@0", "1.5", Problem::NotWhole),
        ("n@0", "99999999999", Problem::NotWhole),
        ("n@0", "١٢³", Problem::NotANumber),
        ("x@0", "1.", Problem::NotANumber),
        ("x@0", "1e999", Problem::NotANumber),
        ("x@0", "1,2,3", Problem::NotANumber),
        ("t@0", "25:00", Problem::NotATime),
        ("m@0", "2018-02-18T1", Problem::NotADateTime),
        ("u@0", "a b", Problem::NotAUrl),
        ("b@0", "maybe", Problem::NotABoolean),
        ("<b>&\"@0", "a\u{0}", Problem::Control),
    ] {
        let answers = filled(&form, &[("n@0", "1"), (name, typed)]);
        let shown = rows(&form, &answers, "en");
        assert_eq!(
            (row(&shown, name).typed.as_str(), row(&shown, name).problem.clone()),
            (typed, Some(problem.clone()))
        );
        let problems = response(&form, &answers, &about()).expect_err(typed);
        assert!(problems.contains(&(name.to_owned(), problem)), "{typed}: {problems:?}");
    }
    let missing = response(&form, &Answers::default(), &about());
    assert_eq!(missing, Err(vec![("n@0".to_owned(), Problem::Required)]));
}

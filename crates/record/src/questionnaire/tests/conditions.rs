//! Every operator of `enableWhen`, on every type that it compares.

use super::*;

#[test]
fn every_operator_asks_as_r4_says() {
    let coding = r#""answerCoding":{"system":"s","code":"a"}"#;
    let options =
        r#","answerOption":[{"valueCoding":{"system":"s","code":"a"}},{"valueCoding":{"system":"s","code":"b"}}]"#;
    let repeating = format!(r#","repeats":true{options}"#);
    // type, more of the question, operator, answer of the condition, typed, whether it is asked
    for (kind, more, operator, answer, typed, expected) in [
        ("boolean", "", "exists", r#""answerBoolean":true"#, &["true"][..], true),
        ("boolean", "", "exists", r#""answerBoolean":true"#, &[], false),
        ("boolean", "", "exists", r#""answerBoolean":false"#, &[], true),
        ("boolean", "", "exists", r#""answerBoolean":false"#, &["false"], false),
        ("boolean", "", "=", r#""answerBoolean":false"#, &["false"], true),
        ("boolean", "", "=", r#""answerBoolean":false"#, &[], false),
        ("integer", "", "=", r#""answerInteger":5"#, &["5"], true),
        ("integer", "", "!=", r#""answerInteger":5"#, &["5"], false),
        ("integer", "", "!=", r#""answerInteger":5"#, &["6"], true),
        ("integer", "", "!=", r#""answerInteger":5"#, &[], true),
        ("integer", "", ">", r#""answerInteger":9"#, &["10"], true),
        ("integer", "", ">", r#""answerInteger":9"#, &["9"], false),
        ("integer", "", ">=", r#""answerInteger":9"#, &["٩"], true),
        ("decimal", "", "<", r#""answerDecimal":0.5"#, &["0,45"], true),
        ("decimal", "", "<", r#""answerDecimal":0.5"#, &["0.50"], false),
        ("decimal", "", "<=", r#""answerDecimal":0.5"#, &["0.50"], true),
        ("decimal", "", "<=", r#""answerDecimal":0.5"#, &["half"], false),
        ("date", "", "<", r#""answerDate":"2018-02-18""#, &["17/2/2018"], true),
        ("date", "", ">=", r#""answerDate":"2018-02-18""#, &["2018-02-18"], true),
        ("date", "", ">", r#""answerDate":"2018-02-18""#, &["2018"], false),
        ("dateTime", "", ">", r#""answerDateTime":"2018-02-18T10:00:00Z""#, &["2018-02-18 14:05"], true),
        ("time", "", "<", r#""answerTime":"12:00:00""#, &["9:30"], true),
        ("string", "", "=", r#""answerString":"a""#, &["a"], true),
        ("choice", options, "=", coding, &["s|a"], true),
        ("choice", options, "=", coding, &["s|b"], false),
        ("choice", options, "!=", coding, &["s|b"], true),
        ("choice", &repeating, "=", coding, &["s|b", "s|a"], true),
        ("choice", &repeating, "!=", coding, &["s|b", "s|a"], false),
        ("quantity", "", ">", r#""answerQuantity":{"value":37.5}"#, &["38"], true),
        ("quantity", "", ">", r#""answerQuantity":{"value":37.5}"#, &["٣٧٫٤"], false),
    ] {
        let condition = format!(r#"{{"question":"q","operator":"{operator}",{answer}}}"#);
        let items = format!(
            r#"{{"linkId":"then","type":"string","enableWhen":[{condition}]}},{{"linkId":"q","type":"{kind}"{more}}}"#
        );
        let form = of_items(&items).unwrap_or_else(|error| panic!("{kind} {operator}: {error}"));
        let pairs: Vec<_> = typed.iter().map(|typed| ("q@0", *typed)).collect();
        let is_asked = asked(&form, &filled(&form, &pairs)).contains(&"then".to_owned());
        assert_eq!(is_asked, expected, "{kind} {operator} {answer} {typed:?}");
    }
}

#[test]
fn any_and_all_and_what_stands_in_a_group() {
    let items = |behavior: &str| {
        format!(
            r#"{{"linkId":"a","type":"boolean"}},{{"linkId":"b","type":"boolean"}},
            {{"linkId":"g","type":"group","enableBehavior":"{behavior}","enableWhen":[
                {{"question":"a","operator":"=","answerBoolean":true}},
                {{"question":"b","operator":"=","answerBoolean":true}}],
              "item":[{{"linkId":"in","type":"boolean"}}]}},
            {{"linkId":"after","type":"string","enableWhen":[{{"question":"in","operator":"exists","answerBoolean":true}}]}}"#
        )
    };
    let one = [("a@0", "true"), ("in@0", "true")];
    let both = [("a@0", "true"), ("b@0", "true"), ("in@0", "true")];
    for (behavior, pairs, expected) in [
        ("any", &one[..], &["a", "b", "g", "in", "after"][..]),
        // What is not asked has no answer, though it was typed once.
        ("all", &one, &["a", "b"]),
        ("all", &both, &["a", "b", "g", "in", "after"]),
    ] {
        let form = of_items(&items(behavior)).expect("a form");
        assert_eq!(asked(&form, &filled(&form, pairs)), expected, "{behavior}");
    }
}

#[test]
fn a_condition_in_a_repetition_asks_there() {
    let items = r#"{"linkId":"g","type":"group","repeats":true,"item":[
        {"linkId":"q","type":"boolean"},
        {"linkId":"then","type":"string","enableWhen":[{"question":"q","operator":"=","answerBoolean":true}]}]}"#;
    let form = of_items(items).expect("a form");
    let shown = rows(&form, &filled(&form, &[("q@0.0", "false"), ("q@1.0", "true")]), "en");
    assert!(!shown.iter().any(|row| row.name == "then@0.0") && shown.iter().any(|row| row.name == "then@1.0"));
}

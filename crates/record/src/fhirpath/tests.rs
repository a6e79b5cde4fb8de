//! The official cases of FHIRPath for R4, as far as they are of the subset, and what no case says.

use super::*;
use crate::json;
use std::collections::BTreeMap;

/// `tests/data/README.md` says where they are from.
const CASES: &str = include_str!("../../tests/data/fhirpath-cases.json");

/// Cases of the subset that end in another way here, and why.
const OTHERWISE: [(&str, &str); 1] = [(
    "testFHIRPathAsFunction21",
    "`as` of several items is an error there; here it is `ofType`, as R4's own search parameters need it",
)];

fn shown(item: &Item<'_, '_>) -> String {
    match item {
        Item::Element(Element { kind, value: Some(value), .. }) => {
            let text = value.as_str().map_or_else(|| value.text.to_owned(), |text| text.into_owned());
            let sign = if kind.name == "date" { "@" } else { "" };
            format!("{}:{sign}{text}", kind.name)
        }
        Item::Element(element) => format!("{}:", element.kind.name),
        Item::Value(literal) => {
            let kind = item::system_type(literal).to_lowercase();
            match literal {
                Literal::Text(text) | Literal::Number(text) => format!("{kind}:{text}"),
                Literal::Bool(flag) => format!("{kind}:{flag}"),
                Literal::Date(text) => format!("{kind}:@{text}"),
                Literal::Empty => kind,
            }
        }
        Item::Elsewhere(kind) => format!("{}:elsewhere", kind.name),
    }
}

fn found(path: &str, resource: &str) -> Result<Vec<String>, EvalError> {
    let node = json::parse_object(resource.as_bytes()).expect("JSON");
    let items = evaluate(&parse(path).expect(path), &node, &mut Work::default())?;
    Ok(items.iter().map(shown).collect())
}

/// What a case needs that the subset does not have, in a word.
fn reason(error: &PathError) -> &'static str {
    match error {
        PathError::Unsupported(what) if what.ends_with("()") => "a function that is not of the subset",
        PathError::Unsupported(what) if what.starts_with('%') => "a constant that is not of the subset",
        PathError::Unsupported(_) => "an operator that is not of the subset",
        PathError::Unexpected(_) => "a comment, sign, unit or operator that the subset has no letters for",
        PathError::TooLarge => "too large",
    }
}

#[test]
fn the_official_cases_of_the_subset_pass() {
    let file = json::parse_object(CASES.as_bytes()).expect("JSON");
    let inputs = file.get("inputs").expect("inputs");
    let (mut passed, mut failed, mut left_out) = (0, Vec::new(), BTreeMap::<_, usize>::new());
    for case in file.get("cases").expect("cases").items() {
        let text = |name: &str| case.get_str(name).unwrap_or_default();
        let expression = match parse(&text("expression")) {
            Ok(expression) => expression,
            Err(error) => {
                *left_out.entry(reason(&error)).or_default() += 1;
                continue;
            }
        };
        let input = case.get_str("input").unwrap_or("patient-example".into());
        let input = inputs.get(&input).expect("the input of a case of the subset");
        let checked = check(&expression, &input.get_str("resourceType").expect("a type"), &mut Work::default());
        let items = checked.and_then(|()| evaluate(&expression, input, &mut Work::default()));
        let is_right = match (&*text("invalid"), items) {
            ("semantic", Err(EvalError::UnknownElement(_))) => true,
            ("execution", Err(EvalError::NotSingle | EvalError::UnknownType(_))) => true,
            ("", Ok(items)) if case.get("predicate").is_some() => !items.is_empty(),
            ("", Ok(items)) => {
                let expected = case.get("outputs").map_or(&[][..], json::Node::items).iter();
                let expected: Vec<_> = expected.filter_map(json::Node::as_str).collect();
                items.iter().map(shown).collect::<Vec<_>>() == expected
            }
            _ => false,
        };
        if is_right {
            passed += 1;
        } else {
            failed.push(text("name").into_owned());
        }
    }
    assert_eq!(failed, OTHERWISE.map(|(name, _)| name.to_owned()));
    assert_eq!(passed, 206);
    let left_out: Vec<_> = left_out.into_iter().collect();
    assert_eq!(
        left_out,
        [
            ("a comment, sign, unit or operator that the subset has no letters for", 102),
            ("a constant that is not of the subset", 4),
            ("a function that is not of the subset", 390),
            ("an operator that is not of the subset", 232),
        ]
    );
}

const PATIENT: &str = r##"{
    "resourceType": "Patient",
    "id": "p",
    "contained": [{"resourceType": "Practitioner", "id": "doctor", "gender": "female"}],
    "_birthDate": {"extension": [{"url": "u", "valueCode": "unknown"}]},
    "name": [{"given": ["Ann", null, "Bo"], "_given": [null, {"id": "second"}]}, {"family": "Said"}],
    "deceasedDateTime": "2020-01-01",
    "generalPractitioner": [
        {"reference": "#doctor"},
        {"reference": "http://example.org/fhir/Organization/1"},
        {"reference": "urn:uuid:0", "type": "PractitionerRole"},
        {"display": "x"}
    ]
}"##;

#[test]
fn elements_are_found_by_what_fhir_calls_them() {
    for (path, expected) in [
        ("deceased", &["dateTime:2020-01-01"][..]),
        ("deceased.ofType(boolean)", &[]),
        ("deceased is dateTime", &["boolean:true"]),
        ("deceasedDateTime", &[]),
        ("Resource.id", &["id:p"]),
        ("Observation.id", &[]),
        ("birthDate.extension.value", &["code:unknown"]),
        ("birthDate.extension.where(url = 'u').url", &["uri:u"]),
        ("birthDate.exists()", &["boolean:true"]),
        ("name.given", &["string:Ann", "string:", "string:Bo"]),
        ("name.given.id", &["string:second"]),
        ("name[0].given[2]", &["string:Bo"]),
        ("name.given.last()", &["string:Bo"]),
        ("name[2]", &[]),
        ("name.is(HumanName)", &["error"]),
        ("name.where(family = 'Said') is Element", &["boolean:true"]),
        ("contained.gender", &["code:female"]),
        ("contained[0] is Practitioner", &["boolean:true"]),
        ("contained.ofType(DomainResource).id", &["id:doctor"]),
        ("generalPractitioner.resolve().gender", &["code:female"]),
        (
            "generalPractitioner.where(resolve() is Organization).reference",
            &["string:http://example.org/fhir/Organization/1"],
        ),
        ("generalPractitioner.where(resolve() is PractitionerRole).count()", &["integer:1"]),
        ("generalPractitioner.where(resolve() is Patient).exists()", &["boolean:false"]),
        ("%resource.id = 'p' and name.exists($this.family.exists())", &["boolean:true"]),
        ("(name.given | name.given).count()", &["integer:3"]),
    ] {
        let found = found(path, PATIENT).unwrap_or_else(|_| vec!["error".to_owned()]);
        assert_eq!(found, expected, "{path}");
    }
    assert_eq!(found("id", r#"{"resourceType":"HumanName"}"#), Err(EvalError::NotAResource));
    assert_eq!(found("id", "{}"), Err(EvalError::NotAResource));
}

#[test]
fn an_element_says_where_it_stands() {
    let node = json::parse_object(PATIENT.as_bytes()).expect("JSON");
    for (path, expected) in [
        ("Patient", ""),
        ("name.given.where($this = 'Bo')", "/name/0/given/2"),
        ("name.given[1]", "/name/0/_given/1"),
        ("birthDate", "/_birthDate"),
        ("birthDate.extension.value", "/_birthDate/extension/0/valueCode"),
        ("generalPractitioner[0].resolve()", "/contained/0"),
    ] {
        let items = evaluate(&parse(path).expect(path), &node, &mut Work::default()).expect(path);
        let [Item::Element(element)] = &items[..] else { panic!("{path}") };
        let way = element.way(&node);
        let shown: String = way
            .iter()
            .map(|(_, step)| match step {
                Step::Member(name) => format!("/{name}"),
                Step::Index(index) => format!("/{index}"),
            })
            .collect();
        assert_eq!(shown, expected, "{path}");
        assert_eq!(Some(&PATIENT[element.span().expect("a span")]), element.node().map(|node| node.text));
    }
}

/// Every value below an element, with the path that should lead to it.
fn paths<'n, 'a>(node: &'n json::Node<'a>, kind: &str, path: &str, visit: &mut dyn FnMut(&str, &'n json::Node<'a>)) {
    let kind = node.get_str("resourceType").unwrap_or(kind.into());
    let kind = crate::definitions::definitions().get(&kind).expect("a type");
    for member in node.members().iter().filter(|member| member.key != "resourceType") {
        let beside = member.key.strip_prefix('_');
        let (element, of) = kind.member(beside.unwrap_or(&member.key)).expect("a member");
        let of = if beside.is_some() { "Element" } else { of.name };
        let items = member.value.items().iter().enumerate().map(|(at, item)| (format!("[{at}]"), item));
        for (index, value) in items.chain((!element.is_list()).then(|| (String::new(), &member.value))) {
            if matches!(value.kind, json::Kind::Null) {
                continue;
            }
            let path = format!("{path}.{}{index}", element.name);
            if beside.is_none() {
                visit(&path, value);
            }
            paths(value, of, &path, visit);
        }
    }
}

#[test]
fn every_value_is_found_by_its_path() {
    let file = json::parse_object(CASES.as_bytes()).expect("JSON");
    let mut count = 0;
    for input in file.get("inputs").expect("inputs").members() {
        let resource = &input.value;
        let kind = resource.get_str("resourceType").expect("a type").into_owned();
        paths(resource, &kind, &kind, &mut |path, value| {
            count += 1;
            let expression = parse(path).expect(path);
            assert_eq!(check(&expression, &kind, &mut Work::default()), Ok(()), "{path}");
            let items = evaluate(&expression, resource, &mut Work::default()).expect(path);
            let [Item::Element(element)] = &items[..] else { panic!("{path}") };
            assert_eq!(element.span(), Some(value.start..value.end()), "{path}");
            // The way leads back to it.
            let way = element.way(resource);
            let (of, step) = way.last().expect("a step");
            let found = match step {
                Step::Member(name) => of.get(name),
                Step::Index(index) => of.items().get(*index),
            };
            assert!(found.is_some_and(|found| std::ptr::eq(found, value)), "{path}");
        });
    }
    assert_eq!(count, 249);
}

#[test]
fn no_expression_works_for_ever() {
    let names = vec![r#"{"given":["a","b","c","d","e","f","g","h"]}"#; 2_000].join(",");
    let large = format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#);
    let nested = "name.where(%resource.name.where(%resource.name.where(given = 'x').empty()).exists())";
    assert_eq!(found(nested, &large), Err(EvalError::TooMuchWork));
    let distinct: Vec<_> = (0..2_000).map(|number| format!(r#"{{"text":"{number}"}}"#)).collect();
    let distinct = format!(r#"{{"resourceType":"Patient","name":[{}]}}"#, distinct.join(","));
    assert_eq!(found("name | name", &distinct), Err(EvalError::TooMuchWork));
    // As long as an expression may be, and as deep, on the stack of a test's thread.
    let long = ["a", &"|a".repeat(4_000)].concat();
    let chain = ["name", &".where(true)".repeat(600)].concat();
    let deep = format!("{}true{}", "exists(".repeat(31), ")".repeat(31));
    for path in [long, chain, deep] {
        let found = found(&path, PATIENT);
        assert!(found.is_ok(), "{found:?}");
        let checked = check(&parse(&path).expect("a path"), "Patient", &mut Work::default());
        assert_eq!(checked.is_ok(), !path.starts_with("a|"));
    }
}

const SCORES: &str = r#"{"resourceType":"QuestionnaireResponse","status":"completed","item":[
    {"linkId":"g","item":[
        {"linkId":"a","answer":[{"valueDecimal":0.1},{"valueDecimal":0.2}]},
        {"linkId":"b","answer":[{"valueInteger":7}]},
        {"linkId":"c","answer":[{"valueCoding":{"code":"x",
            "extension":[{"url":"http://hl7.org/fhir/StructureDefinition/ordinalValue","valueDecimal":4}]}}]}]},
    {"linkId":"q","answer":[{"valueQuantity":{"value":12.50,"unit":"kg"}}]},
    {"linkId":"d","answer":[{"valueDate":"2018-02"}]}]}"#;

#[test]
fn calculations_give_what_one_gets_by_hand() {
    let node = json::parse_object(SCORES.as_bytes()).expect("JSON");
    let group = &node.get("item").expect("items").items()[0];
    let of = |link_id: &str| format!("%resource.descendants().where(linkId='{link_id}').answer.value");
    let worked_out = |path: &str| -> Result<Vec<String>, EvalError> {
        let expression = parse_calculation(path).expect(path);
        let said = parse_calculation("item.answer.value").expect("a path");
        let variables = [("all", &said, Some(group))];
        let items = calculate(&expression, &node, Some(group), &variables, &mut Work::default())?;
        Ok(items.iter().map(|item| item_text(item).unwrap_or_default()).collect())
    };
    for (path, expected) in [
        ("1 + 2 * 3 - 4 / 8".to_owned(), &["6.5"][..]),
        ("-(1 + 2) * -2".to_owned(), &["6"]),
        ("1 / 0".to_owned(), &[]),
        ("{} + 1".to_owned(), &[]),
        ("'a' + 'b'".to_owned(), &["ab"]),
        (format!("{}.sum()", of("a")), &["0.3"]),
        (format!("{}.sum()", of("none")), &[]),
        (format!("{}.ordinal().sum() + {}", of("c"), of("b")), &["11"]),
        (format!("({}.value / 3).round(2)", of("q")), &["4.17"]),
        (format!("iif({} >= 7, 'many', 'few')", of("b")), &["many"]),
        (format!("iif({} < 7, 'few')", of("b")), &[]),
        (format!("{} < @2018-03-01", of("d")), &["true"]),
        (format!("{} < @2018-02-18", of("d")), &[]),
        ("%context.item.where(linkId = 'b').answer.value + item.count()".to_owned(), &["10"]),
        ("%all.count()".to_owned(), &["4"]),
        ("1 + 1 = 2 and 2 > 1 or 1 > 2".to_owned(), &["true"]),
    ] {
        assert_eq!(worked_out(&path).expect(&path), expected, "{path}");
    }
    assert_eq!(worked_out(&format!("{} + 1", of("a"))), Err(EvalError::NotSingle));
    assert_eq!(worked_out(&format!("{} * 2", of("q"))), Err(EvalError::NotNumbers));
    assert_eq!(worked_out("%other"), Err(EvalError::UnknownVariable("other".to_owned())));
    let many = ["%resource", &".descendants()".repeat(500)].concat();
    assert!(worked_out(&many).is_ok());
    for path in ["1 +", "- - 1", "iif(true)", "sum(1)", "%", "a < b < c"] {
        assert!(matches!(parse_calculation(path), Err(PathError::Unexpected(_) | PathError::Unsupported(_))), "{path}");
    }
    assert_eq!(parse_calculation(&"(".repeat(5_000)), Err(PathError::TooLarge));
    assert_eq!(parse_calculation(&format!("1{}", "-(1".repeat(1_000))), Err(PathError::TooLarge));
    // What a search or a patch is written in stays as it was.
    for path in ["1 + 1", "a < b", "a.sum()", "a.descendants()", "%all"] {
        assert!(matches!(parse(path), Err(PathError::Unsupported(_))), "{path}");
    }
}

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tree::identities;
use super::*;
use crate::json::{Kind, parse};

fn id(byte: u8) -> VersionId {
    VersionId::from_bytes([byte; 16])
}

/// Merges texts as versions 1, 2, 3 …
fn merged(resource_type: &str, base: &str, sides: &[&str]) -> (String, Vec<Conflict>) {
    let base = parse(base.as_bytes()).expect("base");
    let nodes: Vec<_> = sides.iter().map(|side| parse(side.as_bytes()).expect("side")).collect();
    let sides: Vec<_> = nodes.iter().enumerate().map(|(index, node)| (id(index as u8 + 1), node)).collect();
    let (raw, conflicts) = merge(resource_type, Some(&base), &sides);
    (String::from_utf8(raw).expect("text"), conflicts)
}

/// One merge: type, base, two sides, the result, and the conflicts as `path kind`.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    ("Patient", r#"{"a":1,"b":1}"#, r#"{"a":2,"b":1}"#, r#"{"a":1,"b":2}"#, r#"{"a":2,"b":2}"#, &[]),
    ("Patient", r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":3}"#, &["Patient.a Value"]),
    // The same change twice is one change, however it is written; a more precise number is another value.
    ("Patient", r#"{"a":"x"}"#, r#"{"a":"é"}"#, r#"{ "a": "\u00e9" }"#, r#"{ "a": "\u00e9" }"#, &[]),
    ("Observation", r#"{"a":1}"#, r#"{"a":1.1}"#, r#"{"a":1.10}"#, r#"{"a":1.10}"#, &["Observation.a Value"]),
    // Untouched text stays as it is, white space and all.
    (
        "Patient",
        r#"{"n": { "x" : 1.0 },"b":1,"c":1}"#,
        r#"{"n": { "x" : 1.0 },"b":2,"c":1}"#,
        r#"{"n": { "x" : 1.0 },"b":1,"c":2}"#,
        r#"{"n":{ "x" : 1.0 },"b":2,"c":2}"#,
        &[],
    ),
    // Removed and untouched goes, removed and changed stays.
    ("Patient", r#"{"a":1,"b":1}"#, r#"{"b":1}"#, r#"{"a":1,"b":1}"#, r#"{"b":1}"#, &[]),
    (
        "Patient",
        r#"{"a":1,"b":1}"#,
        r#"{"b":1}"#,
        r#"{"a":2,"b":1}"#,
        r#"{"a":2,"b":1}"#,
        &["Patient.a RemovedElsewhere"],
    ),
    (
        "Condition",
        r#"{"a":1,"b":1}"#,
        r#"{"b":1}"#,
        r#"{"a":1,"b":1}"#,
        r#"{"a":1,"b":1}"#,
        &["Condition.a RemovedElsewhere"],
    ),
    // `_name` travels with its name, the types of a choice are one element.
    (
        "Patient",
        r#"{"birthDate":"1970"}"#,
        r#"{"birthDate":"1971","_birthDate":{"id":"x"}}"#,
        r#"{"birthDate":"1972"}"#,
        r#"{"birthDate":"1972"}"#,
        &["Patient.birthDate Value"],
    ),
    (
        "Observation",
        r#"{"valueInteger":1}"#,
        r#"{"valueString":"1"}"#,
        r#"{"valueBoolean":true}"#,
        r#"{"valueBoolean":true}"#,
        &["Observation.value Type"],
    ),
    (
        "Observation",
        r#"{"valueInteger":1}"#,
        r#"{"valueString":"1"}"#,
        r#"{"valueInteger":1}"#,
        r#"{"valueString":"1"}"#,
        &[],
    ),
    // One fact is not mixed from two.
    (
        "Observation",
        r#"{"valueQuantity":{"value":5,"unit":"mg"}}"#,
        r#"{"valueQuantity":{"value":10,"unit":"mg"}}"#,
        r#"{"valueQuantity":{"value":5,"unit":"g"}}"#,
        r#"{"valueQuantity":{"value":5,"unit":"g"}}"#,
        &["Observation.value Value"],
    ),
    (
        "Condition",
        r#"{"code":{"coding":[{"system":"s","code":"a"}]}}"#,
        r#"{"code":{"coding":[{"system":"s","code":"b"}]}}"#,
        r#"{"code":{"coding":[{"system":"s","code":"a"}]}}"#,
        r#"{"code":{"coding":[{"system":"s","code":"b"}]}}"#,
        &["Condition.code Value"],
    ),
    // A status that differs is always for a clinician; the changed one shows, whatever the ids.
    (
        "MedicationRequest",
        r#"{"status":"active"}"#,
        r#"{"status":"stopped"}"#,
        r#"{"status":"active"}"#,
        r#"{"status":"stopped"}"#,
        &["MedicationRequest.status Status"],
    ),
    // Arrays: matched by what an element is known by, the base's order first, then additions.
    (
        "Patient",
        r#"{"telecom":[{"system":"phone","value":"1"}]}"#,
        r#"{"telecom":[{"system":"phone","value":"2"},{"system":"phone","value":"1"}]}"#,
        r#"{"telecom":[{"system":"phone","value":"1","use":"home"},{"system":"phone","value":"3"}]}"#,
        r#"{"telecom":[{"system":"phone","value":"1","use":"home"},{"system":"phone","value":"2"},{"system":"phone","value":"3"}]}"#,
        &[],
    ),
    ("Patient", r#"{"a":["x","y"]}"#, r#"{"a":["y"]}"#, r#"{"a":["x","y","z"]}"#, r#"{"a":["y","z"]}"#, &[]),
    (
        "Patient",
        r#"{"a":["x","y"],"b":1}"#,
        r#"{"a":["y","x"],"b":1}"#,
        r#"{"a":["x","y"],"b":2}"#,
        r#"{"a":["y","x"],"b":2}"#,
        &[],
    ),
    ("Patient", r#"{"a":["x"]}"#, r#"{"a":["x","x"]}"#, r#"{"a":["x"]}"#, r#"{"a":["x","x"]}"#, &[]),
    (
        "AllergyIntolerance",
        r#"{"note":[{"text":"x"},{"text":"y"}]}"#,
        r#"{"note":[{"text":"y"}]}"#,
        r#"{"note":[{"text":"x"},{"text":"y"},{"text":"z"}]}"#,
        r#"{"note":[{"text":"x"},{"text":"y"},{"text":"z"}]}"#,
        &["AllergyIntolerance.note[0] RemovedElsewhere"],
    ),
    (
        "Patient",
        r#"{"name":[{"given":["a","b"]}]}"#,
        r#"{"name":[{"given":["a","b"],"id":"n"}]}"#,
        r#"{"name":[{"given":["a","b"]}],"x":1}"#,
        r#"{"name":[{"given":["a","b"],"id":"n"}],"x":1}"#,
        &[],
    ),
    // Primitive arrays and their extensions are pairs.
    (
        "Patient",
        r#"{"g":["a","b"],"_g":[null,{"id":"1"}]}"#,
        r#"{"g":["c","a","b"],"_g":[null,null,{"id":"1"}]}"#,
        r#"{"g":["a","b","d"],"_g":[null,{"id":"1"},{"id":"2"}]}"#,
        r#"{"g":["a","b","c","d"],"_g":[null,{"id":"1"},null,{"id":"2"}]}"#,
        &[],
    ),
    // An emptied list goes with its last element.
    ("Patient", r#"{"a":["x","y"],"b":1}"#, r#"{"a":["x"],"b":1}"#, r#"{"a":["y"],"b":1}"#, r#"{"b":1}"#, &[]),
    // What a server sets is never in dispute.
    (
        "Patient",
        r#"{"meta":{"versionId":"1"}}"#,
        r#"{"meta":{"versionId":"2","lastUpdated":"x"}}"#,
        r#"{"meta":{"versionId":"3","lastUpdated":"y"}}"#,
        r#"{"meta":{"versionId":"3","lastUpdated":"y"}}"#,
        &[],
    ),
    // A duplicate name counts with its last value, and untouched text keeps it.
    (
        "Patient",
        r#"{"n":{"x":1,"x":2},"b":1,"c":1}"#,
        r#"{"n":{"x":2},"b":2,"c":1}"#,
        r#"{"n":{"x":1,"x":2},"b":1,"c":2}"#,
        r#"{"n":{"x":1,"x":2},"b":2,"c":2}"#,
        &[],
    ),
];

#[test]
fn merge_table() {
    for (resource_type, base, a, b, expected, expected_conflicts) in CASES {
        let (raw, conflicts) = merged(resource_type, base, &[a, b]);
        assert_eq!(raw, *expected, "{base} | {a} | {b}");
        let conflicts: Vec<_> =
            conflicts.iter().map(|conflict| format!("{} {:?}", conflict.path, conflict.kind)).collect();
        assert_eq!(conflicts, *expected_conflicts, "{base} | {a} | {b}");
    }
}

#[test]
fn a_conflict_keeps_what_every_side_says() {
    let (_, conflicts) =
        merged("Patient", r#"{"gender":"unknown"}"#, &[r#"{"gender":"male"}"#, r#"{"gender":"female"}"#, "{}"]);
    let values = vec![(id(1), Some("\"male\"".to_owned())), (id(2), Some("\"female\"".to_owned())), (id(3), None)];
    assert_eq!(conflicts, [Conflict { path: "Patient.gender".into(), kind: ConflictKind::Value, values }]);
    assert!(!format!("{conflicts:?}").contains("male"));
    let (_, conflicts) =
        merged("Observation", "{}", &[r#"{"valueString":"x"}"#, r#"{"valueInteger":1,"_valueInteger":{"id":"y"}}"#]);
    assert_eq!(conflicts[0].values[0].1.as_deref(), Some("\"x\""));
    assert_eq!(conflicts[0].values[1].1.as_deref(), Some(r#"{"valueInteger":1,"_valueInteger":{"id":"y"}}"#));
}

#[test]
fn a_third_side_joins_a_conflict() {
    for third in [r#"{"a":4}"#, r#"{"a":2}"#, r#"{"a":1}"#] {
        let (_, conflicts) = merged("Patient", r#"{"a":1}"#, &[r#"{"a":2}"#, r#"{"a":3}"#, third]);
        assert_eq!(conflicts.len(), 1);
        let values: BTreeSet<_> = conflicts[0].values.iter().filter_map(|(_, value)| value.as_deref()).collect();
        assert!(values.is_superset(&BTreeSet::from(["2", "3"])), "{values:?}");
        assert!(third != r#"{"a":4}"# || values.contains("4"));
    }
}

/// Somebody may give a resource as many members and elements as fit; the merge must not take their square.
#[test]
fn wide_resources_merge_in_reasonable_time() {
    let wide = |changed: usize| {
        let members: Vec<_> = (0..8_000).map(|n| format!("\"m{n}\":{}", u8::from(n == changed))).collect();
        let items: Vec<_> =
            (0..8_000).map(|n| format!("{{\"system\":\"s\",\"value\":\"{n}\",\"x\":{}}}", n == changed)).collect();
        format!("{{{},\"identifier\":[{}]}}", members.join(","), items.join(","))
    };
    let (raw, conflicts) = merged("Patient", &wide(8_000), &[&wide(1), &wide(2)]);
    assert_eq!((raw.matches(":1").count(), raw.matches("true").count(), conflicts.len()), (2, 2, 0));
}

/// A small resource in the shape of FHIR: scalars, a choice, one-fact objects, keyed lists, unkeyed lists, pairs.
pub(crate) fn resources() -> impl Strategy<Value = Value> {
    let word = || prop::sample::select(vec!["x", "y", "z", "é\n", ""]);
    let words = || prop::collection::vec(word(), 1..4);
    let optional = |strategy: BoxedStrategy<Value>| prop::option::weighted(0.7, strategy);
    let members: Vec<(&'static str, BoxedStrategy<Value>)> = vec![
        ("status", word().prop_map(|word| json!(word)).boxed()),
        ("gender", word().prop_map(|word| json!(word)).boxed()),
        ("_gender", word().prop_map(|word| json!({"id": word})).boxed()),
        ("valueString", word().prop_map(|word| json!(word)).boxed()),
        ("valueQuantity", (0..3).prop_map(|value| json!({"value": value, "unit": "mg"})).boxed()),
        ("code", words().prop_map(|codes| json!({"coding": coding(codes)})).boxed()),
        ("period", (word(), word()).prop_map(|(start, end)| json!({"start": start, "end": end})).boxed()),
        ("note", words().prop_map(|texts| texts.into_iter().map(|text| json!({"text": text})).collect()).boxed()),
        (
            "identifier",
            prop::collection::vec((word(), word(), word()), 1..4)
                .prop_map(|ids| ids.into_iter().map(|(s, v, u)| json!({"system": s, "value": v, "use": u})).collect())
                .boxed(),
        ),
        (
            "extension",
            prop::collection::vec((word(), word()), 1..4)
                .prop_map(|all| all.into_iter().map(|(url, value)| json!({"url": url, "valueString": value})).collect())
                .boxed(),
        ),
        ("given", words().prop_map(|words| json!(words)).boxed()),
        (
            "_given",
            (prop::collection::vec(prop::option::of(word()), 0..3), word())
                .prop_map(|(all, last)| {
                    all.into_iter().chain([Some(last)]).map(|word| word.map(|word| json!({"id": word}))).collect()
                })
                .boxed(),
        ),
    ];
    let (names, strategies): (Vec<_>, Vec<_>) =
        members.into_iter().map(|(name, strategy)| (name, optional(strategy))).unzip();
    strategies.prop_map(move |values| {
        names.iter().zip(values).filter_map(|(name, value)| Some(((*name).to_owned(), value?))).collect()
    })
}

fn coding(codes: Vec<&str>) -> Value {
    codes.into_iter().map(|code| json!({"system": "s", "code": code})).collect()
}

pub(crate) fn resource_types() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["Patient", "Observation", "AllergyIntolerance"])
}

/// Every literal in a text, escapes resolved; `null` says nothing.
pub(crate) fn literals(node: &Node<'_>, found: &mut BTreeSet<String>) {
    match &node.kind {
        Kind::Array(items) => items.iter().for_each(|item| literals(item, found)),
        Kind::Object(_) => node.members().iter().for_each(|member| literals(&member.value, found)),
        Kind::Null => {}
        _ => {
            found.insert(node.as_str().map_or(node.text.to_owned(), |text| format!("\"{text}\"")));
        }
    }
}

pub(crate) fn literals_in(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    literals(&parse(text.as_bytes()).expect("JSON"), &mut found);
    found
}

/// Every literal that is in the result or in a conflict.
pub(crate) fn kept(raw: &[u8], conflicts: &[Conflict]) -> BTreeSet<String> {
    let mut found = literals_in(std::str::from_utf8(raw).expect("UTF-8"));
    for value in conflicts.iter().flat_map(|conflict| &conflict.values).filter_map(|(_, value)| value.as_deref()) {
        found.extend(literals_in(value));
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn merging_is_a_function_of_the_set_of_sides(
        resource_type in resource_types(),
        base in prop::option::of(resources()),
        sides in prop::collection::vec(resources(), 1..5),
        rotate in 0usize..4,
    ) {
        let (base, texts) = (base.map(|base| base.to_string()), sides.iter().map(Value::to_string).collect::<Vec<_>>());
        let base = base.as_ref().map(|base| parse(base.as_bytes()).expect("JSON"));
        let nodes: Vec<_> = texts.iter().map(|text| parse(text.as_bytes()).expect("JSON")).collect();
        let mut sides: Vec<_> = nodes.iter().enumerate().map(|(index, node)| (id(index as u8), node)).collect();
        let once = merge(resource_type, base.as_ref(), &sides);
        sides.rotate_left(rotate % nodes.len());
        sides.push(sides[0]);
        sides.reverse();
        prop_assert_eq!(&once, &merge(resource_type, base.as_ref(), &sides));

        // The result is JSON, and merging it with itself changes nothing.
        let result = parse(&once.0).expect("JSON");
        let again = merge(resource_type, base.as_ref(), &[(id(8), &result), (id(9), &result)]);
        prop_assert_eq!((&again.0, again.1.len()), (&once.0, 0));

        // Nothing new is lost.
        let mut before = BTreeSet::new();
        base.iter().for_each(|base| literals(base, &mut before));
        let kept = kept(&once.0, &once.1);
        for text in &texts {
            let lost: Vec<_> = literals_in(text).into_iter().filter(|literal| !before.contains(literal) && !kept.contains(literal)).collect();
            prop_assert!(lost.is_empty(), "{:?}", lost);
        }
    }

    #[test]
    fn one_sided_edits_need_no_clinician(base in resources(), side in resources()) {
        let (mut base, mut side) = (base, side);
        for resource in [&mut base, &mut side] {
            resource.as_object_mut().expect("object").remove("status");
        }
        let (raw, conflicts) = merged("Patient", &base.to_string(), &[&side.to_string(), &base.to_string()]);
        prop_assert_eq!(serde_json::from_str::<Value>(&raw).expect("JSON"), side);
        prop_assert_eq!(conflicts, vec![]);
    }

    #[test]
    fn in_safety_types_no_element_is_lost(base in resources(), sides in prop::collection::vec(resources(), 1..4)) {
        let texts: Vec<_> = sides.iter().map(Value::to_string).collect();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        let (raw, conflicts) = merged("AllergyIntolerance", &base.to_string(), &texts);
        let result = parse(raw.as_bytes()).expect("JSON");
        let kept = kept(raw.as_bytes(), &conflicts);
        for text in texts {
            let side = parse(text.as_bytes()).expect("JSON");
            // Elements that are known by all they say are all in the result.
            for list in ["note", "given"] {
                let (Tree::Object { slots: side, .. }, Tree::Object { slots: result, .. }) = (Tree::of(&side), Tree::of(&result)) else {
                    panic!("objects")
                };
                let items = |slots: &[_]| match super::tree::find(slots, list).and_then(|slot| slot.get(list)) {
                    Some(Tree::Array { items, .. }) => items.clone(),
                    _ => Vec::new(),
                };
                let (side, result) = (items(&side), items(&result));
                let names = identities(&[&side, &result]);
                prop_assert!(names[0].iter().all(|name| names[1].contains(name)), "{}", list);
            }
            // What the others are known by is in the result or in a conflict. The value of an extension is a part that one
            // person may change, as long as its url tells it apart.
            for (list, parts) in [("identifier", &["system", "value"][..]), ("extension", &["url"])] {
                for item in side.get(list).map_or(&[][..], Node::items) {
                    for part in parts {
                        let known = format!("\"{}\"", item.get_str(part).expect("part"));
                        prop_assert!(kept.contains(&known));
                    }
                }
            }
        }
    }
}

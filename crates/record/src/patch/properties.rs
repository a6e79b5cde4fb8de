//! What holds of patches whatever they are.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{add, delete, insert, operation, replace, shift, text};
use super::*;
use crate::json::{Kind, parse};
use crate::merge::tests::resources;

/// RFC 6902 on values, the simplest way.
fn model(document: &mut Value, operation: &Value) -> Option<()> {
    let path = operation["path"].as_str()?;
    match operation["op"].as_str()? {
        "add" => model_add(document, path, operation["value"].clone()),
        "remove" => model_remove(document, path).map(drop),
        "replace" => {
            *document.pointer_mut(path)? = operation["value"].clone();
            Some(())
        }
        "copy" => {
            let value = document.pointer(operation["from"].as_str()?)?.clone();
            model_add(document, path, value)
        }
        "move" => {
            let from = operation["from"].as_str()?;
            if path == from {
                return document.pointer(path).map(drop);
            }
            if path.starts_with(&format!("{from}/")) {
                return None;
            }
            let value = model_remove(document, from)?;
            model_add(document, path, value)
        }
        _ => (document.pointer(path)? == &operation["value"]).then_some(()),
    }
}

fn model_add(document: &mut Value, path: &str, value: Value) -> Option<()> {
    let Some((before, name)) = path.rsplit_once('/') else {
        *document = value;
        return Some(());
    };
    match document.pointer_mut(before)? {
        Value::Object(members) => drop(members.insert(name.to_owned(), value)),
        Value::Array(items) => {
            let index = if name == "-" { items.len() } else { name.parse().ok()? };
            if index > items.len() {
                return None;
            }
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn model_remove(document: &mut Value, path: &str) -> Option<Value> {
    let (before, name) = path.rsplit_once('/')?;
    match document.pointer_mut(before)? {
        Value::Object(members) => members.shift_remove(name),
        Value::Array(items) => {
            let index: usize = name.parse().ok()?;
            (index < items.len()).then(|| items.remove(index))
        }
        _ => None,
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("x")), Just(json!(null)), Just(json!({})), Just(json!([]))];
    let value = leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), inner, 0..3)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    prop::collection::btree_map(prop::sample::select(vec!["a", "b", "c"]), value, 0..4)
        .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn pointers() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "c", "0", "1", "2", "-"]);
    prop::collection::vec(name, 0..4).prop_map(|names| names.iter().map(|name| format!("/{name}")).collect())
}

fn operations() -> impl Strategy<Value = Value> {
    let kinds = prop::sample::select(vec!["add", "remove", "replace", "copy", "move", "test"]);
    (kinds, pointers(), pointers(), documents())
        .prop_map(|(op, path, from, value)| json!({"op": op, "path": path, "from": from, "value": value}))
}

/// Elements of a list of primitives: the value and what stands beside it, at least one of them.
type Pairs = Vec<(Option<u8>, Option<u8>)>;

fn pair() -> impl Strategy<Value = (Option<u8>, Option<u8>)> {
    (any::<u8>(), any::<u8>(), 0..3).prop_map(|(value, beside, which)| match which {
        0 => (Some(value), None),
        1 => (None, Some(beside)),
        _ => (Some(value), Some(beside)),
    })
}

fn value_of(pair: &(Option<u8>, Option<u8>)) -> String {
    let value = pair.0.map(|value| format!(r#""valueString":"{value}""#));
    let beside = pair.1.map(|beside| format!(r#""_valueString":{{"id":"{beside}"}}"#));
    value.into_iter().chain(beside).collect::<Vec<_>>().join(",")
}

fn write_pairs(pairs: &Pairs) -> String {
    let mut name = serde_json::Map::from_iter([("text".to_owned(), json!("a"))]);
    if pairs.iter().any(|pair| pair.0.is_some()) {
        name.insert(
            "given".to_owned(),
            pairs.iter().map(|pair| json!(pair.0.map(|value| value.to_string()))).collect(),
        );
    }
    if pairs.iter().any(|pair| pair.1.is_some()) {
        let beside = pairs.iter().map(|pair| pair.1.map_or(Value::Null, |beside| json!({"id": beside.to_string()})));
        name.insert("_given".to_owned(), beside.collect());
    }
    json!({"resourceType": "Patient", "name": [name]}).to_string()
}

/// Reads the list back, and checks that its two halves are as FHIR wants them.
fn read_pairs(raw: &[u8]) -> Pairs {
    let node = parse(raw).expect("JSON");
    let name = &node.get("name").expect("a name").items()[0];
    assert_eq!(name.get_str("text").as_deref(), Some("a"));
    let half = |member: &str| name.get(member).map(|array| array.items().iter().collect::<Vec<_>>());
    let (values, beside) = (half("given"), half("_given"));
    if let (Some(values), Some(beside)) = (&values, &beside) {
        assert_eq!(values.len(), beside.len());
    }
    for half in [&values, &beside].into_iter().flatten() {
        assert!(half.iter().any(|node| !matches!(node.kind, Kind::Null)));
    }
    let count = values.as_ref().or(beside.as_ref()).map_or(0, Vec::len);
    let number = |text: Option<std::borrow::Cow<'_, str>>| text.and_then(|text| text.parse().ok());
    let pair = |at: usize| {
        let value = values.as_ref().and_then(|values| number(values[at].as_str()));
        (value, beside.as_ref().and_then(|beside| number(beside[at].get_str("id"))))
    };
    (0..count).map(pair).collect()
}

proptest! {
    #[test]
    fn a_patch_that_changes_nothing_leaves_the_bytes(resource in resources(), pretty in any::<bool>()) {
        let raw = if pretty { serde_json::to_string_pretty(&resource).expect("JSON") } else { resource.to_string() };
        let mut tests: Vec<Value> = Vec::new();
        for (name, value) in resource.as_object().expect("an object") {
            let path = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
            tests.push(json!({"op": "test", "path": path, "value": value}));
            tests.push(json!({"op": "move", "path": path, "from": path}));
        }
        let patch = Value::from(tests).to_string();
        prop_assert_eq!(text(json_patch(raw.as_bytes(), patch.as_bytes())), Ok(raw.clone()));
        let patched = text(fhirpath_patch(raw.as_bytes(), br#"{"resourceType":"Parameters","parameter":[]}"#));
        prop_assert_eq!(patched, Ok(raw));
    }

    #[test]
    fn what_is_added_and_taken_away_again_leaves_the_value(document in documents(), path in pointers()) {
        let raw = document.to_string();
        let patch = json!([{"op": "add", "path": path, "value": {"new": [1.5]}}, {"op": "remove", "path": path}]);
        let was_there = document.pointer(&path).is_some() && !document.pointer(path.rsplit_once('/').map_or("", |(before, _)| before)).is_some_and(Value::is_array);
        if let (Ok(made), false) = (json_patch(raw.as_bytes(), patch.to_string().as_bytes()), was_there) {
            prop_assert!(parse(&made).expect("JSON").same(&parse(raw.as_bytes()).expect("JSON")));
        }
    }

    #[test]
    fn an_element_that_is_added_and_deleted_again_leaves_the_value(
        pairs in prop::collection::vec(pair(), 1..4),
        (path, name, value, last) in prop::sample::select(vec![
            ("Patient", "birthDate", r#""valueDate":"1980","_valueDate":{"id":"b"}"#, "birthDate"),
            ("Patient", "deceased", r#""valueBoolean":true"#, "Patient.deceased"),
            ("Patient", "name", r#""valueHumanName":{"text":"b"}"#, "name.last()"),
            ("name", "given", r#""valueString":"b""#, "name.given.last()"),
            ("name", "given", r#""_valueString":{"id":"b"}"#, "name.given.last()"),
            ("name", "period", r#""part":[{"name":"start","valueDate":"1980"}]"#, "name.period.start"),
            ("name.text", "extension", r#""part":[{"name":"url","valueUri":"u"}]"#, "name.text.extension"),
            ("name.given.last()", "id", r#""valueString":"b""#, "name.given.last().id"),
        ]),
        pretty in any::<bool>(),
    ) {
        let mut raw = write_pairs(&pairs);
        if pretty {
            raw = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&raw).expect("JSON")).expect("JSON");
        }
        match fhirpath_patch(raw.as_bytes(), add(path, name, value).as_bytes()) {
            Err(error) => prop_assert_eq!((error.problem, name), (PatchProblem::AlreadyThere, "id")),
            Ok(longer) => {
                prop_assert!(longer.len() > raw.len());
                let made = fhirpath_patch(&longer, delete(last).as_bytes()).expect("a result");
                prop_assert!(parse(&made).expect("JSON").same(&parse(raw.as_bytes()).expect("JSON")));
            }
        }
    }

    #[test]
    fn json_patches_do_what_the_rfc_says(document in documents(), patch in prop::collection::vec(operations(), 1..5)) {
        let raw = serde_json::to_string_pretty(&document).expect("JSON");
        let made = json_patch(raw.as_bytes(), Value::from(patch.clone()).to_string().as_bytes());
        let mut expected = document;
        match patch.iter().try_for_each(|operation| model(&mut expected, operation)) {
            Some(()) if expected.is_object() => {
                let made: Value = serde_json::from_slice(&made.expect("a result")).expect("JSON");
                prop_assert_eq!(made, expected);
            }
            _ => prop_assert!(made.is_err()),
        }
    }

    #[test]
    fn both_halves_of_a_list_of_primitives_stay_in_step(
        first in pair(),
        rest in prop::collection::vec(pair(), 0..4),
        changes in prop::collection::vec((0..5u8, any::<prop::sample::Index>(), any::<prop::sample::Index>(), pair()), 1..6),
    ) {
        let mut pairs: Pairs = std::iter::once(first).chain(rest).collect();
        let mut raw = write_pairs(&pairs).into_bytes();
        for (kind, source, destination, new) in changes {
            let (from, to) = (source.index(pairs.len().max(1)), destination.index(pairs.len().max(1)));
            let value = value_of(&new);
            let patch = match kind {
                0 => {
                    pairs.push(new);
                    add("name", "given", &value)
                }
                1 => {
                    pairs.insert(to, new);
                    insert("name.given", to, &value)
                }
                _ if pairs.is_empty() => continue,
                2 => {
                    pairs.remove(from);
                    delete(&format!("name.given[{from}]"))
                }
                3 => {
                    pairs[from] = new;
                    replace(&format!("name.given[{from}]"), &value)
                }
                _ => {
                    let moved = pairs.remove(from);
                    pairs.insert(to, moved);
                    shift("name.given", from, to)
                }
            };
            raw = fhirpath_patch(&raw, patch.as_bytes()).expect("a result");
            prop_assert_eq!(&read_pairs(&raw), &pairs, "{} {}", patch, String::from_utf8_lossy(&raw));
        }
    }

    #[test]
    fn whatever_comes_is_a_result_or_an_error(
        raw in prop_oneof![resources().prop_map(|resource| resource.to_string().into_bytes()), prop::collection::vec(any::<u8>(), 0..20)],
        pieces in prop::collection::vec(prop::sample::select(vec![
            "Patient", "Observation", ".", "name", "[0]", "[1]", "value", "where(", ")", "exists()", "|", "given", "contact",
            "extension", "resolve()", " = ", "'a'", "%resource", "$this", "birthDate", "first()", "identifier", "id",
        ]), 0..8),
        kind in prop::sample::select(vec!["add", "insert", "delete", "replace", "move"]),
        name in prop::sample::select(vec!["name", "value", "extension", "id", "contact", "birthDate", "x"]),
        value in prop::sample::select(vec![
            r#""valueString":"x""#, r#""valueHumanName":{"text":"x"}"#, r#""_valueCode":{"id":"x"}"#, r#""valueInteger":1"#,
            r#""part":[{"name":"url","valueUri":"u"}]"#, r#""resource":{"resourceType":"Basic"}"#, r#""valueDate":null"#,
        ]),
        index in 0..3usize,
        cut in any::<prop::sample::Index>(),
    ) {
        let parts = format!(
            r#"{{"name":"name","valueString":"{name}"}},{{"name":"value",{value}}},{{"name":"index","valueInteger":{index}}},{{"name":"source","valueInteger":{index}}},{{"name":"destination","valueInteger":0}}"#
        );
        let patch = operation(kind, &pieces.concat(), &parts);
        for patch in [patch.as_bytes(), &patch.as_bytes()[..cut.index(patch.len())]] {
            if let Ok(made) = fhirpath_patch(&raw, patch) {
                prop_assert!(parse_object(&made).is_ok());
            }
            prop_assert!(json_patch(&raw, patch).is_err());
        }
    }
}

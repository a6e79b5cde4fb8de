//! New bytes of a resource after an edit, in which only what was edited is different.

use serde_json::Value;

use crate::json::{Edits, Kind, Node, SyntaxError, parse_object};

/// Writes what a resource says after an edit into its bytes: members and elements that say the same keep theirs, white
/// space, number literals and order included.
///
/// Members are changed, taken out, and added at the end; lists change from the first element that differs. What comes
/// out says what `after` says. Numbers are compared by value, so that 1.50 stays 1.50 where the edit left it alone.
///
/// # Errors
/// If `raw` is not a JSON object.
pub fn rewrite(raw: &[u8], after: &Value) -> Result<Vec<u8>, SyntaxError> {
    let mut text = raw.to_vec();
    // First what changes and goes, then what comes, so that nothing is added into a span that goes.
    for adding in [false, true] {
        let node = parse_object(&text)?;
        let mut edits = Edits::default();
        apply(&text, &node, after, adding, &mut edits);
        if !edits.is_empty() {
            text = edits.apply(&text);
        }
    }
    Ok(text)
}

fn apply(text: &[u8], node: &Node<'_>, after: &Value, adding: bool, edits: &mut Edits) {
    match (&node.kind, after) {
        _ if says(node, after) => {}
        (Kind::Object(members), Value::Object(wanted)) if !has_duplicates(node) => {
            for member in members {
                if let Some(value) = wanted.get(&*member.key) {
                    apply(text, &member.value, value, adding, edits);
                }
            }
            if adding {
                for (key, value) in wanted.iter().filter(|(key, _)| node.get(key).is_none()) {
                    edits.set_member(text, node, key, &value.to_string(), &[]);
                }
            } else {
                let goes: Vec<_> = members.iter().map(|member| !wanted.contains_key(&*member.key)).collect();
                edits.remove_members_where(node, &goes);
            }
        }
        (Kind::Array(items), Value::Array(wanted)) => {
            for (item, value) in items.iter().zip(wanted) {
                apply(text, item, value, adding, edits);
            }
            if adding {
                wanted.iter().skip(items.len()).for_each(|value| edits.push_item(text, node, &value.to_string()));
            } else {
                let goes: Vec<_> = (0..items.len()).map(|at| at >= wanted.len()).collect();
                edits.remove_items(node, &goes);
            }
        }
        _ => edits.replace(node.start..node.end(), after.to_string()),
    }
}

fn says(node: &Node<'_>, value: &Value) -> bool {
    serde_json::from_str::<Value>(node.text).is_ok_and(|said| said == *value)
}

fn has_duplicates(node: &Node<'_>) -> bool {
    let mut names: Vec<_> = node.members().iter().map(|member| &*member.key).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_the_same_keeps_its_bytes() {
        let raw = "{\n  \"a\" : 1.50,\n  \"b\": [ {\"x\": 2.0} , 3 ],\n  \"c\": \"\\u0061\",\n  \"d\": null\n}";
        for (after, wanted) in [
            (r#"{"a":1.5,"b":[{"x":2.0},3],"c":"a","d":null}"#, raw.to_owned()),
            (r#"{"a":1.5,"b":[{"x":2.0},3],"c":"b","d":null}"#, raw.replace("\"\\u0061\"", "\"b\"")),
            (r#"{"a":1.5,"b":[{"x":2.0,"y":1},3],"c":"a","d":null}"#, raw.replace("2.0}", "2.0,\"y\": 1}")),
            (r#"{"a":1.5,"b":[{"x":2.0}],"c":"a","d":null}"#, raw.replace(" , 3", "")),
            (r#"{"a":1.5,"b":[{"x":2.0},3],"c":"a"}"#, raw.replace(",\n  \"d\": null", "")),
        ] {
            let made = rewrite(raw.as_bytes(), &serde_json::from_str(after).unwrap()).unwrap();
            assert_eq!(String::from_utf8(made).unwrap(), wanted);
        }
        assert!(rewrite(b"[]", &serde_json::json!({})).is_err());
        assert!(rewrite(b"{", &serde_json::json!({})).is_err());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i8>().prop_map(Value::from),
            "[a-z\"\\\\ب]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_comes_out_says_what_was_wanted(
            before in proptest::collection::btree_map("[a-d]", values(), 0..4),
            after in proptest::collection::btree_map("[a-d]", values(), 0..4),
            pretty in any::<bool>(),
        ) {
            let before = Value::Object(before.into_iter().collect());
            let after = Value::Object(after.into_iter().collect());
            let raw = if pretty { serde_json::to_string_pretty(&before).unwrap() } else { before.to_string() };
            let made = rewrite(raw.as_bytes(), &after).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), after);
            prop_assert_eq!(rewrite(raw.as_bytes(), &before).unwrap(), raw.into_bytes());
        }

        #[test]
        fn duplicate_members_leave_no_two_answers(text in r#"\{"a":[1-9],"a":[1-9]\}"#) {
            let after = serde_json::json!({ "a": 0, "b": 1 });
            let made = rewrite(text.as_bytes(), &after).unwrap();
            prop_assert_eq!(serde_json::from_slice::<Value>(&made).unwrap(), after);
        }
    }
}

//! What the validator promises: each mistake at its place, nothing else, and no patient text.

mod legal;
mod mistakes;
mod primitives;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::json::{self, DEPTH_MAX};
use legal::Choices;
use primitives::PRIMITIVES;

fn issues(text: &str) -> Vec<Issue> {
    validate(&json::parse(text.as_bytes()).expect("JSON"))
}

/// `code path` of each.
fn found(text: &str) -> Vec<String> {
    issues(text).iter().map(|issue| format!("{} {}", issue.code.as_str(), issue.path)).collect()
}

fn patient(members: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{members}}}"#)
}

#[test]
fn strings_end_at_a_million_letters() {
    let name = |letters: usize| patient(&format!(r#""name":[{{"text":"{}"}}]"#, "\u{645}".repeat(letters)));
    assert_eq!(found(&name(1024 * 1024)), [""; 0]);
    assert_eq!(found(&name(1024 * 1024 + 1)), ["too-long Patient.name[0].text"]);
}

#[test]
fn what_is_only_unwise_is_a_warning() {
    for (members, path) in [
        (r#""name":[{"text":" "}]"#, "value Patient.name[0].text"),
        (r#""name":[{"text":"a\u0000"}]"#, "value Patient.name[0].text"),
        (r#""name":[{"given":["a","b"],"_given":[{"id":"a"}]}]"#, "structure Patient.name[0].given"),
        (r#""managingOrganization":{"reference":"1"}"#, "value Patient.managingOrganization.reference"),
        (r#""managingOrganization":{"reference":"Clinic/1"}"#, "value Patient.managingOrganization.reference"),
        (r#""managingOrganization":{"reference":"a/Organization/1"}"#, "value Patient.managingOrganization.reference"),
        (r#""managingOrganization":{"type":"Clinic"}"#, "code-invalid Patient.managingOrganization.type"),
    ] {
        let issues = issues(&patient(members));
        assert_eq!(issues.iter().map(|issue| issue.severity).collect::<Vec<_>>(), [Severity::Warning], "{members}");
        assert_eq!(found(&patient(members)), [path]);
    }
}

/// The names of unknown members are the only words of a resource that an issue shows.
#[test]
fn no_value_is_shown_and_names_are_cut_and_clean() {
    for (name, shown) in [
        ("firstName".to_owned(), "firstName".to_owned()),
        ("first name".to_owned(), "`first name`".to_owned()),
        ("a.b[0]".to_owned(), "`a.b[0]`".to_owned()),
        (r"a`\\b\u0007\n\u202e\u001bc".to_owned(), "`abc`".to_owned()),
        ("\u{645}".to_owned(), "`\u{645}`".to_owned()),
        (String::new(), "``".to_owned()),
        ("n".repeat(64), "n".repeat(64)),
        ("n".repeat(100_000), format!("`{}`", "n".repeat(64))),
    ] {
        let issues = issues(&patient(&format!(r#""{name}":"secret""#)));
        assert_eq!(issues.iter().map(|issue| &*issue.path).collect::<Vec<_>>(), [format!("Patient.{shown}")]);
    }
    let text = r##"{"resourceType":"Patient","id":"secret secret","gender":"secret","birthDate":"secret","active":"secret",
        "name":"secret","text":{"status":"secret","div":"secret"},"link":[{"type":"secret","other":{"reference":"#secret"}}],
        "managingOrganization":{"reference":"secret","type":"secret"},"photo":[{"data":"?secret","size":-1,"url":"s secret"}],
        "contained":[{"resourceType":"secret"},{"id":"secret-1","resourceType":"Patient","gender":" secret "}]}"##;
    let issues = issues(text);
    assert_eq!(issues.len(), 16);
    for issue in issues {
        assert!(!format!("{issue:?} {}", issue.what).contains("secret"), "{issue:?}");
    }
}

#[test]
fn issues_come_in_the_order_of_the_document() {
    let text = patient(r#""_birthDate":{},"gender":"x","a":1,"contact":[{"gender":"x"},{"b":1}],"birthDate":"x""#);
    assert_eq!(
        found(&text),
        [
            "structure Patient.birthDate",
            "code-invalid Patient.gender",
            "structure Patient.a",
            "code-invalid Patient.contact[0].gender",
            "structure Patient.contact[1].b",
            "value Patient.birthDate",
        ]
    );
    let issues = issues(&text);
    assert!(issues.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
    assert!(text[issues[1].offset..].starts_with("\"x\""));
}

/// With anything quadratic in it this takes minutes.
#[test]
fn hostile_resources_are_judged_in_time_and_without_end_of_issues() {
    let many = |members: &mut dyn FnMut(usize) -> String| {
        (0..30_000).map(|at| format!(",{}", members(at))).collect::<String>()
    };
    let patient = |members: &str| issues(&format!(r#"{{"resourceType":"Patient"{members}}}"#));
    let items = |item: &str| vec![item; 30_000].join(",");
    for issues in [
        patient(&many(&mut |at| format!("\"u{at}\":1"))),
        patient(&many(&mut |at| format!("\"_u{at}\":{{}}"))),
        patient(&many(&mut |_| "\"gender\":\"male\"".to_owned())),
        patient(&many(&mut |_| "\"resourceType\":\"Patient\"".to_owned())),
        patient(&format!(",\"name\":[{}]", items("{}"))),
        patient(&format!(",\"name\":[{{\"given\":[{}]}}]", items("null"))),
        patient(&format!(",\"contained\":[{}]", items(r#"{"resourceType":"Location","id":"a"}"#))),
        patient(&format!(",\"generalPractitioner\":[{}]", items(r##"{"reference":"#a"}"##))),
    ] {
        assert_eq!(issues.len(), ISSUES_MAX);
    }
    // Nothing is wrong, but it is much.
    let contained = many(&mut |at| format!(r#"{{"resourceType":"Practitioner","id":"p{at}"}}"#));
    let referring = many(&mut |at| format!(r##"{{"reference":"#p{at}"}}"##));
    let text = format!(",\"contained\":[{}],\"generalPractitioner\":[{}]", &contained[1..], &referring[1..]);
    assert_eq!(patient(&text), []);
    assert_eq!(patient(&format!(",\"name\":[{}]", items(r#"{"given":["a"],"_given":[{"id":"a"}]}"#))), []);
    // Warnings do not hide an error.
    let warned = patient(&format!(",\"name\":[{}],\"gender\":1", items(r#"{"text":" "}"#)));
    assert_eq!(warned.len(), ISSUES_MAX);
    assert_eq!(warned.iter().filter(|issue| issue.severity == Severity::Error).count(), 1);
}

#[test]
fn the_deepest_resource_is_judged() {
    // An extension takes a list and an object.
    let depth = (DEPTH_MAX - 1) / 2;
    let mut text = String::from(r#"{"resourceType":"Patient""#);
    (0..depth).for_each(|_| text.push_str(r#","extension":[{"url":"http://x.org/e""#));
    text.push_str(r#","valueBoolean":1"#);
    (0..depth).for_each(|_| text.push_str("}]"));
    text.push('}');
    let mut path = String::from("structure Patient");
    (0..depth).for_each(|_| path.push_str(".extension[0]"));
    write!(path, ".value").expect("a string");
    assert_eq!(found(&text), [path]);
}

/// Lists have no longest length and nothing is required twice: what the validator leaves out is not in the tables.
#[test]
fn elements_are_there_once_or_any_number_of_times() {
    for kind in definitions().types().filter(|kind| kind.kind != TypeKind::Primitive) {
        for element in &kind.elements {
            assert!(element.min <= 1 && matches!(element.max, None | Some(1)), "{}.{}", kind.name, element.name);
        }
    }
}

#[test]
fn every_sentence_is_one() {
    let set = "administrative-gender";
    let all = [
        What::UnknownElement,
        What::UnknownChoice("value"),
        What::TwoTypes("value"),
        What::Twice,
        What::Missing,
        What::Shape { wanted: JsonType::List, found: JsonType::Null },
        What::Null,
        What::NothingAt,
        What::UnequalLists,
        What::Empty,
        What::OnlyId,
        What::TooLong,
        What::Blank,
        What::ControlCharacters,
        What::Code(set),
        What::Code("resource-types"),
        What::NoResourceType,
        What::UnknownResourceType,
        What::Target(&["Patient"]),
        What::Target(RESOURCES),
        What::TypeOfAnother,
        What::UnknownTargetType,
        What::ReferenceForm,
        What::NotContained,
        What::ContainedTwice,
        What::NestedContained,
        What::ContainedMeta,
        What::ExtensionValue,
        What::ExtensionUrl,
    ];
    let formats = PRIMITIVES.iter().map(|(name, ..)| What::Format(name));
    let sentences: Vec<String> = all.into_iter().chain(formats).map(|what| what.to_string()).collect();
    for sentence in &sentences {
        assert!(sentence.starts_with(|letter: char| letter.is_ascii_uppercase()) && sentence.len() < 130, "{sentence}");
    }
    assert_eq!(sentences.iter().collect::<BTreeSet<_>>().len(), sentences.len());
}

const RESOURCES: &[&str] = crate::key::RESOURCE_TYPES;

/// One thing wrong in a resource that was legal.
fn hurt(value: &mut Value, choices: &mut Choices<'_>) {
    let Some(members) = value.as_object_mut() else { return };
    let names: Vec<String> = members.keys().cloned().collect();
    let name = &names[choices.pick(names.len())];
    let member = &mut members[name];
    let inner = match member {
        Value::Array(items) if choices.pick(3) > 0 => items.iter_mut().find(|item| item.is_object()),
        Value::Object(_) if choices.pick(3) > 0 => Some(member),
        _ => None,
    };
    if let Some(inner) = inner {
        return hurt(inner, choices);
    }
    match choices.pick(4) {
        0 => drop(members.insert("unknown".to_owned(), json!(1))),
        1 => members[name] = Value::Null,
        2 => members[name] = json!({ "unknown": [] }),
        _ => match &mut members[name] {
            Value::Array(items) => members[name] = items.swap_remove(0),
            single => *single = json!([single.clone()]),
        },
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let names = prop_oneof![
        proptest::sample::select(vec![
            "resourceType",
            "id",
            "extension",
            "_id",
            "url",
            "contained",
            "reference",
            "type",
            "value",
            "valueString",
            "name",
            "_given",
            "given",
            "meta",
            "entry",
            "resource",
            "_valueString",
            "text",
            "div",
            "code",
        ])
        .prop_map(str::to_owned),
        ".{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        proptest::sample::select(vec!["Patient", "Bundle", "Parameters", "#", "#a", "Patient/1", "a"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((names.clone(), inner), 0..6).prop_map(|members| members.into_iter().collect()),
        ]
    })
}

proptest! {
    /// Whatever the tables allow is legal.
    #[test]
    fn legal_resources_have_no_issue(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        let resource = legal::resource(&mut Choices::new(&bytes));
        prop_assert_eq!(issues(&resource.to_string()), []);
    }

    #[test]
    fn a_hurt_resource_has_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..500), at in proptest::collection::vec(any::<u8>(), 20)) {
        let mut resource = legal::resource(&mut Choices::new(&bytes));
        hurt(&mut resource, &mut Choices::new(&at));
        let issues = issues(&resource.to_string());
        prop_assert!(issues.iter().any(|issue| issue.severity == Severity::Error), "{}", resource);
    }

    #[test]
    fn any_json_is_judged(mut value in any_json(), kind in proptest::sample::select(RESOURCES)) {
        if let Some(members) = value.as_object_mut() {
            members.insert("resourceType".to_owned(), kind.into());
        }
        let issues = issues(&value.to_string());
        prop_assert!(issues.len() <= ISSUES_MAX && issues.windows(2).all(|pair| pair[0].offset <= pair[1].offset));
        prop_assert!(value.is_object() || !issues.is_empty());
    }
}

use super::*;
use crate::json::{parse, quote};

/// `tests/data/README.md` says where they are from.
const CASES: &str = include_str!("../../tests/data/patch-cases.json");

pub(super) fn text(bytes: Result<Vec<u8>, PatchError>) -> Result<String, PatchError> {
    bytes.map(|bytes| String::from_utf8(bytes).expect("text"))
}

#[test]
fn all_official_cases_pass() {
    let file = parse_object(CASES.as_bytes()).expect("JSON");
    let mut passed = [0, 0];
    type Apply = fn(&[u8], &[u8]) -> Result<Vec<u8>, PatchError>;
    for (at, (list, name, input, patch, output, apply)) in [
        ("json", "comment", "doc", "patch", "expected", json_patch as Apply),
        ("fhirpath", "name", "input", "diff", "output", fhirpath_patch as Apply),
    ]
    .into_iter()
    .enumerate()
    {
        for case in file.get(list).expect("cases").items() {
            let part = |name: &str| case.get(name).expect("a part").text.as_bytes();
            let name = case.get_str(name).expect("a name");
            match (apply(part(input), part(patch)), case.get(output)) {
                (Ok(made), Some(expected)) => {
                    assert!(parse(&made).expect("JSON").same(expected), "{name}");
                }
                (Err(error), None) => assert!(case.get("error").is_some() && !error.is_malformed(), "{name}: {error}"),
                (found, _) => panic!("{name}: {found:?}"),
            }
            passed[at] += 1;
        }
    }
    assert_eq!(passed, [16, 33]);
}

/// A FHIRPath Patch of one operation: its type, path and other parts as JSON.
pub(super) fn operation(kind: &str, path: &str, parts: &str) -> String {
    let comma = if parts.is_empty() { "" } else { "," };
    format!(
        r#"{{"resourceType":"Parameters","parameter":[{{"name":"operation","part":[{{"name":"type","valueCode":"{kind}"}},{{"name":"path","valueString":{}}}{comma}{parts}]}}]}}"#,
        quote(path)
    )
}

pub(super) fn add(path: &str, name: &str, value: &str) -> String {
    operation("add", path, &format!(r#"{{"name":"name","valueString":"{name}"}},{{"name":"value",{value}}}"#))
}

pub(super) fn replace(path: &str, value: &str) -> String {
    operation("replace", path, &format!(r#"{{"name":"value",{value}}}"#))
}

pub(super) fn insert(path: &str, index: usize, value: &str) -> String {
    operation("insert", path, &format!(r#"{{"name":"index","valueInteger":{index}}},{{"name":"value",{value}}}"#))
}

pub(super) fn shift(path: &str, source: usize, destination: usize) -> String {
    let parts =
        format!(r#"{{"name":"source","valueInteger":{source}}},{{"name":"destination","valueInteger":{destination}}}"#);
    operation("move", path, &parts)
}

pub(super) fn delete(path: &str) -> String {
    operation("delete", path, "")
}

#[test]
fn what_is_not_named_stays_as_it_is() {
    let raw =
        "\u{feff}{\n  \"resourceType\" : \"Patient\",\n  \"x\" : 1.10, \"a\":[ 1, 2 ],\n  \"y\" : \"\\u0645\"\n}\n";
    for (patch, from, to) in [
        (r#"[]"#, "", ""),
        (r#"[{"op":"replace","path":"/x","value":1.100}]"#, "1.10", "1.100"),
        (r#"[{"op":"remove","path":"/x"}]"#, "\n  \"x\" : 1.10,", ""),
        (r#"[{"op":"add","path":"/a/1","value":{ "b" :1}}]"#, "1, 2", "1, { \"b\" :1}, 2"),
        (r#"[{"op":"add","path":"/a/-","value":3}]"#, "1, 2", "1, 2, 3"),
        (r#"[{"op":"remove","path":"/a/0"},{"op":"remove","path":"/a/0"}]"#, "[ 1, 2 ]", "[]"),
        (r#"[{"op":"copy","from":"/x","path":"/z"}]"#, "\\u0645\"", "\\u0645\",\n  \"z\" : 1.10"),
        (r#"[{"op":"move","from":"/a/0","path":"/x"}]"#, "1.10, \"a\":[ 1, 2 ]", "1, \"a\":[ 2 ]"),
        (r#"[{"op":"move","from":"/y","path":"/y"}]"#, "", ""),
    ] {
        assert_eq!(text(json_patch(raw.as_bytes(), patch.as_bytes())), Ok(raw.replace(from, to)), "{patch}");
    }
    let raw = "{ \"resourceType\" : \"Patient\", \"active\" : true,\n \"birthDate\" : \"1980\", \"_birthDate\": {\"id\":\"b\"},\n \"name\" : [ {\"family\":\"A\"}, {\"family\":\"B\"} ], \"deceasedBoolean\":  false }";
    let none = r#"{"resourceType":"Parameters"}"#.to_owned();
    for (patch, from, to) in [
        (none, "", ""),
        (replace("Patient.active", r#""valueBoolean":true"#), "", ""),
        (replace("active", r#""valueBoolean":false"#), ": true", ": false"),
        (replace("birthDate", r#""valueDate":"1981""#), "\"1980\", \"_birthDate\": {\"id\":\"b\"}", "\"1981\""),
        (
            replace("birthDate", r#""_valueDate":{"id":"c"}"#),
            "\n \"birthDate\" : \"1980\", \"_birthDate\": {\"id\":\"b\"}",
            " \"_birthDate\": {\"id\":\"c\"}",
        ),
        (
            replace("deceased", r#""valueDateTime":"2020""#),
            "\"deceasedBoolean\":  false",
            "\"deceasedDateTime\":  \"2020\"",
        ),
        (
            replace("deceased", r#""_valueDateTime":{"id":"c"}"#),
            "\"deceasedBoolean\":  false",
            "\"_deceasedDateTime\":  {\"id\":\"c\"}",
        ),
        (delete("deceased"), ", \"deceasedBoolean\":  false", ""),
        (delete("birthDate.where(false)"), "", ""),
        (delete("birthDate.id"), ", \"_birthDate\": {\"id\":\"b\"}", ""),
        (delete("birthDate"), "\n \"birthDate\" : \"1980\", \"_birthDate\": {\"id\":\"b\"},", ""),
        (delete("name[0].family"), "{\"family\":\"A\"}, ", ""),
        (
            insert("name", 1, r#""valueHumanName":{ "text":"x"}"#),
            "{\"family\":\"B\"}",
            "{ \"text\":\"x\"}, {\"family\":\"B\"}",
        ),
        (shift("name", 0, 1), "\"A\"}, {\"family\":\"B\"", "\"B\"}, {\"family\":\"A\""),
        (shift("name", 1, 1), "", ""),
        (add("name[1]", "use", r#""valueCode":"old""#), "\"B\"}", "\"B\",\"use\":\"old\"}"),
    ] {
        assert_eq!(text(fhirpath_patch(raw.as_bytes(), patch.as_bytes())), Ok(raw.replace(from, to)), "{patch}");
    }
}

#[test]
fn values_stand_as_fhir_wants_them() {
    let url = r#"{"name":"url","valueUri":"u"}"#;
    for (raw, patch, expected) in [
        // The member of a choice is called after its type.
        (
            r#"{"resourceType":"Observation"}"#,
            add("Observation", "value", r#""valueQuantity":{"value":1.10}"#),
            r#"{"resourceType":"Observation","valueQuantity":{"value":1.10}}"#,
        ),
        (
            r#"{"resourceType":"Observation"}"#,
            add("Observation", "value[x]", r#""valueString":"a","_valueString":{"id":"b"}"#),
            r#"{"resourceType":"Observation","valueString":"a","_valueString":{"id":"b"}}"#,
        ),
        // What may stand often stands in a list, however few there are.
        (
            r#"{"resourceType":"Patient"}"#,
            add("Patient", "name", r#""valueHumanName":{"text":"a"}"#),
            r#"{"resourceType":"Patient","name":[{"text":"a"}]}"#,
        ),
        (
            r#"{"resourceType":"Patient"}"#,
            insert("Patient.telecom", 0, r#""valueContactPoint":{"value":"1"}"#),
            r#"{"resourceType":"Patient","telecom":[{"value":"1"}]}"#,
        ),
        // An element that is made of parts, and in it a list, a choice, and an element that is made of parts.
        (
            r#"{"resourceType":"Patient"}"#,
            add(
                "Patient",
                "contact",
                r#""part":[{"name":"name","part":[{"name":"given","valueString":"a"},{"name":"given","_valueString":{"id":"b"}},{"name":"family","valueString":"c"}]},{"name":"extension","part":[{"name":"url","valueUri":"u"},{"name":"value","valueAge":{"value":1}}]}]"#,
            ),
            r#"{"resourceType":"Patient","contact":[{"name":{"given":["a",null],"_given":[null,{"id":"b"}],"family":"c"},"extension":[{"url":"u","valueAge":{"value":1}}]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient"}"#,
            add("Patient", "contained", r#""resource":{"resourceType":"Organization","id":"1"}"#),
            r#"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"1"}]}"#,
        ),
        // Extensions of a primitive stand beside it.
        (
            r#"{"resourceType":"Patient","birthDate":"1980","active":true}"#,
            add("Patient.birthDate", "extension", &format!(r#""part":[{url}]"#)),
            r#"{"resourceType":"Patient","birthDate":"1980","_birthDate":{"extension":[{"url":"u"}]},"active":true}"#,
        ),
        (
            r#"{"resourceType":"Patient","_birthDate":{"extension":[{"url":"v"}]}}"#,
            insert("Patient.birthDate.extension", 0, &format!(r#""part":[{url}]"#)),
            r#"{"resourceType":"Patient","_birthDate":{"extension":[{"url":"u"},{"url":"v"}]}}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b"]}]}"#,
            add("name.given[1]", "id", r#""valueString":"x""#),
            r#"{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"x"}]}]}"#,
        ),
        // Lists of primitives stay in step with what stands beside them.
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"x"}]}]}"#,
            insert("name.given", 1, r#""valueString":"c""#),
            r#"{"resourceType":"Patient","name":[{"given":["a","c","b"],"_given":[null,null,{"id":"x"}]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"x"}]}]}"#,
            add("name", "given", r#""valueString":"c""#),
            r#"{"resourceType":"Patient","name":[{"given":["a","b","c"],"_given":[null,{"id":"x"},null]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"x"}]}]}"#,
            delete("name.given[0]"),
            r#"{"resourceType":"Patient","name":[{"given":["b"],"_given":[{"id":"x"}]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b"],"_given":[null,{"id":"x"}]}]}"#,
            delete("name.given[1].id"),
            r#"{"resourceType":"Patient","name":[{"given":["a","b"]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"_given":[{"id":"x"}]}]}"#,
            replace("name.given", r#""valueString":"c""#),
            r#"{"resourceType":"Patient","name":[{"given":["c"]}]}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"given":["a","b","c"],"_given":[{"id":"x"}]}]}"#,
            shift("name.given", 0, 2),
            r#"{"resourceType":"Patient","name":[{"given":["b","c","a"],"_given":[null,null,{"id":"x"}]}]}"#,
        ),
        // What would be empty goes.
        (
            r#"{"resourceType":"Patient","active":true,"contact":[{"name":{"text":"a"}}]}"#,
            delete("contact.name.text"),
            r#"{"resourceType":"Patient","active":true}"#,
        ),
        (
            r#"{"resourceType":"Patient","name":[{"_family":{"extension":[{"url":"u"}]}},{"text":"a"}]}"#,
            delete("name.family.extension"),
            r#"{"resourceType":"Patient","name":[{"text":"a"}]}"#,
        ),
        (
            r##"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"a"}],"managingOrganization":{"reference":"#o"}}"##,
            replace("managingOrganization.resolve().name", r#""valueString":"b""#),
            r##"{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o","name":"b"}],"managingOrganization":{"reference":"#o"}}"##,
        ),
    ] {
        assert_eq!(text(fhirpath_patch(raw.as_bytes(), patch.as_bytes())).as_deref(), Ok(expected), "{patch}");
    }
}

#[test]
fn errors_say_which_operation_and_whose_fault_it_is() {
    use PatchProblem::*;
    let raw = r#"{"resourceType":"Patient","a":{"b":1},"c":[1],"d":"Layla"}"#;
    let second = |operation: &str| format!(r#"[{{"op":"test","path":"/c/0","value":1.0}},{operation}]"#);
    for (operation, problem, is_malformed) in [
        (r#"{"path":"/a"}"#, Missing("op"), true),
        (r#"{"op":"remove"}"#, Missing("path"), true),
        (r#"{"op":"add","path":"/a"}"#, Missing("value"), true),
        (r#"{"op":"copy","path":"/a"}"#, Missing("from"), true),
        (r#"{"op":"Add","path":"/a","value":1}"#, Wrong("op"), true),
        (r#"{"op":"remove","path":"a"}"#, Wrong("path"), true),
        (r#"{"op":"remove","path":"/~2"}"#, Wrong("path"), true),
        (r#"{"op":"remove","path":"/~"}"#, Wrong("path"), true),
        (r#"{"op":"remove","path":7}"#, Wrong("path"), true),
        (r#"{"op":"move","from":"/a","path":"/a/b"}"#, IntoItself, true),
        (r#"7"#, NotAPatch("an array of operations"), true),
        (r#"{"op":"remove","path":""}"#, WholeResource, false),
        (r#"{"op":"remove","path":"/x"}"#, NotFound, false),
        (r#"{"op":"replace","path":"/c/1","value":1}"#, NotFound, false),
        (r#"{"op":"replace","path":"/c/-","value":1}"#, NotFound, false),
        (r#"{"op":"replace","path":"/c/00","value":1}"#, NotFound, false),
        (r#"{"op":"remove","path":"/d/x"}"#, NotFound, false),
        (r#"{"op":"add","path":"/c/2","value":1}"#, OutOfList, false),
        (r#"{"op":"add","path":"/c/+0","value":1}"#, OutOfList, false),
        (r#"{"op":"move","from":"/c/0","path":"/c/1"}"#, OutOfList, false),
        (r#"{"op":"test","path":"/d","value":"layla"}"#, TestFailed, false),
    ] {
        let error = json_patch(raw.as_bytes(), second(operation).as_bytes()).expect_err(operation);
        assert_eq!((error.operation, &error.problem), (Some(1), &problem), "{operation}");
        assert_eq!(error.is_malformed(), is_malformed, "{operation}");
        assert!(error.to_string().starts_with("operation 2: ") && !error.to_string().contains("ayla"));
    }
    let whole = json_patch(raw.as_bytes(), second(r#"{"op":"replace","path":"","value":[]}"#).as_bytes());
    assert!(matches!(whole, Err(PatchError { operation: Some(1), problem: Resource(_) })));
    assert!(matches!(json_patch(b"[", b"[]"), Err(PatchError { operation: None, problem: Resource(_) })));
    assert!(matches!(json_patch(b"{}", b"{"), Err(PatchError { operation: None, problem: Syntax(_) })));

    let raw =
        r#"{"resourceType":"Patient","active":true,"name":[{"text":"Layla"},{"text":"Layla"}],"gender":"female"}"#;
    let unknown = |name: &str| Evaluation(EvalError::UnknownElement(name.to_owned()));
    let name = r#""valueHumanName":{"text":"x"}"#;
    for (patch, problem, is_malformed) in [
        (operation("add", "Patient", ""), Missing("name"), true),
        (operation("add", "Patient", r#"{"name":"name","valueString":"active"}"#), Missing("value"), true),
        (operation("insert", "name", r#"{"name":"value","valueString":"x"}"#), Missing("index"), true),
        (operation("move", "name", r#"{"name":"source","valueInteger":-1}"#), Wrong("source"), true),
        (operation("upsert", "name", ""), Wrong("type"), true),
        (operation("delete", "name", r#"{"name":"path","valueString":"id"}"#), Wrong("path"), true),
        (delete("name.trace('x')"), Path(PathError::Unsupported("trace()".to_owned())), true),
        (add("Patient", "photo", r#""valueAttachment":"x""#), Wrong("value"), true),
        (add("Patient", "photo", r#""valueString":"x","valueCode":"x""#), Wrong("value"), true),
        (add("Patient", "photo", r#""valueAttachment":{}"#), Wrong("value"), true),
        (replace("active", r#""valueBoolean":"true""#), Wrong("value"), true),
        (replace("active", r#""valueBoolean":null"#), Wrong("value"), true),
        (delete("nam"), unknown("nam"), false),
        (delete("Observation.status"), unknown("Observation"), false),
        (add("Patient", "nam", name), unknown("nam"), false),
        (add("Patient", "contact", r#""part":[{"name":"nam","valueString":"x"}]"#), unknown("nam"), false),
        (delete("name"), Several, false),
        (replace("name.text", r#""valueString":"x""#), Several, false),
        (replace("birthDate", r#""valueDate":"2020""#), NotFound, false),
        (add("maritalStatus", "text", r#""valueString":"x""#), NotFound, false),
        (add("Patient", "gender", r#""valueCode":"male""#), AlreadyThere, false),
        (
            add(
                "Patient",
                "contact",
                r#""part":[{"name":"gender","valueCode":"a"},{"name":"gender","valueCode":"b"}]"#,
            ),
            AlreadyThere,
            false,
        ),
        (add("Patient", "multipleBirth", r#""valueString":"x""#), WrongType, false),
        (add("Patient", "birthDate", r#""valueString":"x""#), WrongType, false),
        (add("Patient", "name", r#""valueString":"x""#), WrongType, false),
        (replace("active", r#""part":[{"name":"x","valueString":"x"}]"#), WrongType, false),
        (insert("name", 3, name), OutOfList, false),
        (insert("contact", 1, r#""part":[{"name":"gender","valueCode":"a"}]"#), OutOfList, false),
        (insert("gender", 0, r#""valueCode":"male""#), NotAList, false),
        (insert("name[0]", 0, name), NotAList, false),
        (shift("name", 0, 2), OutOfList, false),
        (shift("address", 0, 0), OutOfList, false),
        (delete("Patient"), WholeResource, false),
        (replace("Patient", r#""resource":{"resourceType":"Patient"}"#), WholeResource, false),
        (delete("name.count()"), NotAnElement, false),
        (delete("name.where(text | text)"), Several, false),
        (delete("Patient.where(name.text)"), Evaluation(EvalError::NotSingle), false),
        (delete("name.ofType(Name)"), Evaluation(EvalError::UnknownType("Name".to_owned())), false),
    ] {
        let error = match fhirpath_patch(raw.as_bytes(), patch.as_bytes()) {
            Err(error) => error,
            Ok(made) => panic!("{patch}: {}", String::from_utf8_lossy(&made)),
        };
        assert_eq!((error.operation, &error.problem), (Some(0), &problem), "{patch}");
        assert_eq!(error.is_malformed(), is_malformed, "{patch}");
        assert!(!error.to_string().contains("ayla"));
    }
    for patch in ["{}", r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Parameters","parameter":{}}"#] {
        let error = fhirpath_patch(raw.as_bytes(), patch.as_bytes()).expect_err(patch);
        assert!(error.is_malformed() && error.operation.is_none(), "{patch}");
    }
}

#[test]
fn hostile_patches_end_quickly() {
    let problem = |raw: &str, patch: &str| json_patch(raw.as_bytes(), patch.as_bytes()).expect_err("an error").problem;
    let many = |operation: &str, times: usize| format!("[{}]", vec![operation; times].join(","));
    let small = r#"{"resourceType":"Patient","a":[1]}"#;
    let test = r#"{"op":"test","path":"/a/0","value":1}"#;
    assert_eq!(problem(small, &many(test, 100_000)), PatchProblem::TooManyOperations);
    // Each copy doubles.
    let double = r#"{"op":"copy","from":"/a","path":"/a/-"}"#;
    assert_eq!(problem(small, &many(double, 1_000)), PatchProblem::TooMuchWork);
    let large = format!(r#"{{"resourceType":"Patient","a":[{{"b":"{}"}}]}}"#, "b".repeat(RESULT_BYTES_MAX / 3));
    assert_eq!(problem(&large, &many(double, 3)), PatchProblem::TooLarge);
    let large = format!(r#"{{"resourceType":"Patient","a":[1],"b":"{}"}}"#, "b".repeat(1 << 20));
    assert_eq!(problem(&large, &many(test, 1_000)), PatchProblem::TooMuchWork);
    // A member that stands there many times gets a long value as often.
    let often = format!(r#"{{{}"a":1}}"#, r#""a":1,"#.repeat(100_000));
    let long = format!(r#"[{{"op":"replace","path":"/a","value":"{}"}}]"#, "a".repeat(1 << 20));
    assert_eq!(problem(&often, &long), PatchProblem::TooLarge);
    let deep = format!(r#"[{{"op":"remove","path":"{}"}}]"#, "/a".repeat(4_096));
    assert_eq!(problem(small, &deep), PatchProblem::Wrong("path"));

    let patient = r#"{"resourceType":"Patient","name":[{"text":"a"}],"contained":[{"resourceType":"Patient"}]}"#;
    let problem = |patch: &str| fhirpath_patch(patient.as_bytes(), patch.as_bytes()).expect_err("an error").problem;
    let parameters = |operation: &str, times: usize| {
        let part = parse(operation.as_bytes()).expect("JSON").get("parameter").expect("one").items()[0].text.to_owned();
        format!(r#"{{"resourceType":"Parameters","parameter":[{}]}}"#, vec![part; times].join(","))
    };
    assert_eq!(problem(&parameters(&delete("active"), 100_000)), PatchProblem::TooManyOperations);
    assert_eq!(problem(&delete(&"a".repeat(9_000))), PatchProblem::Path(PathError::TooLarge));
    let costly = format!("contained{}", ".contained".repeat(800));
    let too_much = PatchProblem::Evaluation(EvalError::TooMuchWork);
    assert_eq!(problem(&parameters(&delete(&costly), 1_000)), too_much);
    let costly = format!("name[0]{}", " | name[0]".repeat(800));
    assert_eq!(problem(&parameters(&delete(&format!("({costly}).where(false)")), 1_000)), too_much);
    // A short list beside a long one.
    let names = vec!["\"a\""; 100_000].join(",");
    let long = format!(r#"{{"resourceType":"Patient","name":[{{"given":[{names}],"_given":[{{"id":"a"}}]}}]}}"#);
    let made = fhirpath_patch(long.as_bytes(), add("name", "given", r#""_valueString":{"id":"b"}"#).as_bytes());
    assert!(made.is_ok_and(|made| parse(&made).is_ok()));
}

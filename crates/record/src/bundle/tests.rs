use super::*;

const UUID: &str = "0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60";

fn bundle(bundle_type: &str, rest: &str, entries: &[&str]) -> String {
    format!(r#"{{"resourceType":"Bundle","type":"{bundle_type}"{rest},"entry":[{}]}}"#, entries.join(","))
}

fn patient(id: &str, name: &str) -> String {
    format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"text":"{name}"}}]}}"#)
}

fn observation(subject: &str) -> String {
    format!(r#"{{ "resourceType":"Observation", "value":1.10, "subject":{{"reference":"{subject}"}} }}"#)
}

fn entry(full_url: &str, resource: &str) -> String {
    format!(r#"{{"fullUrl":"{full_url}","resource":{resource}}}"#)
}

fn unpacked(text: &str) -> Unpacked {
    unpack(text.as_bytes(), "").expect("unpacks")
}

fn raw(incoming: &Incoming) -> &str {
    std::str::from_utf8(&incoming.raw).expect("UTF-8")
}

#[test]
fn a_single_resource_is_its_bytes() {
    let text = patient("p.1", "x");
    let one = unpacked(&format!("\u{feff}\r\n {text}\n "));
    assert_eq!((one.resources[0].key.to_string(), raw(&one.resources[0])), ("Patient/p.1".into(), &*text));
    assert!(one.original.is_none() && one.problems.is_empty());
    // Without an id of its own it gets the same one every time.
    for nameless in [r#"{"resourceType":"Patient"}"#, r#"{"resourceType":"Patient","id":"not legal"}"#] {
        let (first, again) = (unpacked(nameless), unpacked(&format!(" {nameless}")));
        assert_eq!(first, again);
        assert!(crate::key::is_legal_id(&first.resources[0].key.id));
    }
}

#[test]
fn what_is_no_resource_is_refused_with_its_place() {
    let error = unpack(b"\n  [1]", "").expect_err("no object");
    assert_eq!(error.to_string(), "not a JSON object at byte 3 (line 2, column 3)");
    let error = unpack(b"{\"resourceType\":\"Patient\",\n\"name\":\"Lay", "").expect_err("torn");
    assert_eq!(error.to_string(), "the text ends too early at byte 38 (line 2, column 12)");
    for foreign in [r#"{"resourceType":"Layla"}"#, "{}"] {
        let error = unpack(foreign.as_bytes(), "").expect_err("foreign");
        assert!(matches!(error, ImportError::NotAResource { offset: 0, line: 1, column: 1 }));
        assert!(!error.to_string().contains("Layla"));
    }
}

#[test]
fn references_between_entries_follow_their_ids_and_nothing_else_changes() {
    let urn = format!("urn:uuid:{UUID}");
    let document = unpacked(&bundle(
        "document",
        "",
        &[
            &entry(&urn, &patient("1", "x")),
            &entry("urn:uuid:not-one", &observation(&urn)),
            &entry("http://server.net/fhir/Observation/7", &observation("Patient/1")),
            &entry("http://server.net/fhir/Observation/8", &observation("Observation/7/_history/2")),
            &entry("http://server.net/fhir/Observation/9", &observation("http://server.net/fhir/Patient/1")),
        ],
    ));
    let person = &document.resources[0].key;
    assert_eq!(person.to_string(), format!("Patient/{UUID}"));
    assert_eq!(raw(&document.resources[0]), patient("1", "x"));
    for index in [1, 2] {
        assert_eq!(raw(&document.resources[index]), observation(&person.to_string()));
    }
    assert_eq!(raw(&document.resources[3]), observation(&document.resources[2].key.to_string()));
    // Somebody else's Patient/1: neither this one nor whoever is called 1 here.
    let elsewhere = raw(&document.resources[4]);
    assert!(elsewhere != observation(&person.to_string()) && !elsewhere.contains("Patient/1\""));
    assert_eq!(document.problems, []);
    assert_eq!(document.patients()[0], UUID);
}

#[test]
fn a_reference_is_found_wherever_it_stands() {
    let urn = format!("urn:uuid:{UUID}");
    let resource = format!(
        r##"{{"resourceType":"Observation","contained":[{{"subject":{{"reference":"{urn}"}}}}],"extension":[{{"valueReference":
        {{"reference":"\u0075rn:uuid:{UUID}"}}}}],"hasMember":[{{"reference":"#x"}}],"identifier":[{{"value":"{urn}"}}],
        "content":{{"url":"{urn}"}}}}"##
    );
    let out = unpacked(&bundle("collection", "", &[&entry(&urn, &patient("1", "x")), &entry("urn:uuid:2", &resource)]));
    let expected = format!("Patient/{UUID}");
    let rewritten = resource
        .replace(&format!(r#""reference":"{urn}""#), &format!(r#""reference":"{expected}""#))
        .replace(&format!(r#""\u0075rn:uuid:{UUID}""#), &format!(r#""{expected}""#))
        .replace(&format!(r#""url":"{urn}""#), &format!(r#""url":"{expected}""#));
    assert_eq!(raw(&out.resources[1]), rewritten);
    assert!(rewritten.contains(&format!(r#""value":"{urn}""#)));
}

#[test]
fn two_people_never_land_on_one_id() {
    let identifier = r#","identifier":{"system":"urn:x","value":"copied"},"id":"1""#;
    for url in ["Patient/1", "http://example.org/fhir/Patient/1", "http://localhost:8080/Patient/1", "urn:uuid:1", ""] {
        let document = |name: &str| unpacked(&bundle("document", identifier, &[&entry(url, &patient("1", name))]));
        let (first, second) = (document("Layla"), document("Amal"));
        assert_ne!(first.resources[0].key, second.resources[0].key, "{url}");
        assert_ne!(first.original.map(|whole| whole.key), second.original.map(|whole| whole.key));
        assert_eq!(document("Layla").resources[0].key, document("Layla").resources[0].key);
        assert_ne!(document("Layla").resources[0].key.id, "1");
    }
    // Nor where a document has no Patient at all, only references to one.
    let orphan = |value: &str| {
        let text = observation("Patient/1").replace("1.10", value);
        unpacked(&bundle("document", identifier, &[&entry("", &text)])).resources[0].raw.clone()
    };
    assert_ne!(orphan("1"), orphan("2").iter().map(|&byte| if byte == b'2' { b'1' } else { byte }).collect::<Vec<_>>());
    // A server's URL is one name for everybody, so a second document continues the first.
    let at_server =
        |name: &str| unpacked(&bundle("document", "", &[&entry("https://server.net/Patient/1", &patient("1", name))]));
    assert_eq!(at_server("old").resources[0].key, at_server("new").resources[0].key);
}

#[test]
fn one_id_twice_in_one_bundle_is_told() {
    let urn = format!("urn:uuid:{UUID}");
    let (a, b) = (entry(&urn, &patient("1", "Layla")), entry(&urn, &patient("1", "Amal")));
    let out = unpacked(&bundle("collection", "", &[&a, &b, &a]));
    assert_eq!(out.resources.len(), 2);
    assert_ne!(out.resources[0].key, out.resources[1].key);
    let problems: Vec<_> = out.problems.iter().map(|problem| (problem.entry, &problem.reason)).collect();
    assert_eq!(problems, [(1, &ProblemReason::SameIdTwice), (2, &ProblemReason::SameIdTwice)]);
    // A history has one id many times, newest first; it is saved oldest first.
    let out = unpacked(&bundle("history", "", &[&b, &a]));
    assert_eq!((raw(&out.resources[0]), raw(&out.resources[1])), (&*patient("1", "Layla"), &*patient("1", "Amal")));
}

#[test]
fn requests_are_read_as_far_as_a_file_can_say_them() {
    let request =
        |method: &str, url: &str, rest: &str| format!(r#"{{"request":{{"method":"{method}","url":"{url}"{rest}}}"#);
    let with = |request: String, resource: &str| format!(r#"{request},"resource":{resource}}}"#);
    let out = unpacked(&bundle(
        "transaction",
        "",
        &[
            &with(request("PUT", "Patient/77", ""), &patient("77", "x")),
            &(request("DELETE", "Observation/5", "") + "}"),
            &(request("GET", "Patient?name=Layla", "") + "}"),
            &with(request("POST", "Patient", r#","ifNoneExist":"identifier=Layla""#), &patient("2", "x")),
            &with(request("PUT", "Patient?identifier=Layla", ""), &patient("3", "x")),
            &with(request("POST", "Observation", ""), &observation("Patient?identifier=Layla")),
            &with(request("POST", "Observation", ""), &observation("Patient/77")),
            &with(request("POST", "Observation", ""), &observation("urn:uuid:nowhere")),
            &(request("DELETE", "Patient?name=Layla", "") + "}"),
            &with(request("PATCH", "Patient/1", ""), "{}"),
            r#"{"resource":{"resourceType":"Nothing"}}"#,
            "7",
        ],
    ));
    assert_eq!(out.resources[0].key.to_string(), "Patient/77");
    assert_eq!((out.resources[1].key.to_string(), out.resources[1].delete), ("Observation/5".into(), true));
    assert_eq!(out.resources.iter().filter(|incoming| !incoming.delete).count(), 6);
    assert_eq!(raw(&out.resources[5]), observation("Patient/77"));
    let path = || "Observation.subject".to_owned();
    let expected = [
        (3, ProblemReason::IfNoneExist),
        (4, ProblemReason::Request),
        (5, ProblemReason::ConditionalReference { path: path() }),
        (7, ProblemReason::UnresolvedReference { path: path() }),
        (8, ProblemReason::Request),
        (9, ProblemReason::Request),
        (10, ProblemReason::NotAResource),
        (11, ProblemReason::Empty),
    ];
    assert_eq!(out.problems, expected.map(|(entry, reason)| Problem { entry, reason }));
    assert!(!format!("{out:?}").contains("Layla"));
}

#[test]
fn the_bundle_itself_is_kept_whole() {
    let text = bundle("document", &format!(r#","id":"{UUID}""#), &[]);
    let original = unpacked(&format!(" {text} ")).original.expect("original");
    assert_eq!((original.key.to_string(), raw(&original)), (format!("Bundle/{UUID}"), &*text));
    // A Bundle in a Bundle is an entry like any other, and its inside is its own affair.
    let inner = bundle("document", "", &[&entry("urn:uuid:1", &observation("Patient/1"))]);
    let out = unpacked(&bundle("collection", "", &[&entry("", &inner)]));
    assert_eq!((raw(&out.resources[0]), &*out.resources[0].key.resource_type), (&*inner, "Bundle"));
}

#[test]
fn our_own_export_keeps_its_ids() {
    let identifier = format!(r#","identifier":{{"system":"{EXPORT_SYSTEM}","value":"x"}}"#);
    let entries = [entry("", &patient("p1", "x")), entry("", &observation("Patient/p1"))];
    let out = unpacked(&bundle("collection", &identifier, &entries.each_ref().map(String::as_str)));
    assert_eq!(out.resources[0].key.to_string(), "Patient/p1");
    assert_eq!(raw(&out.resources[1]), observation("Patient/p1"));
    assert_eq!(out.patients(), ["p1"]);
}

#[test]
fn a_record_never_lands_on_that_of_another_person() {
    let (one, other) = ("0f5e1c9a-4b5d-4a43-8b7a-000000000001", "0f5e1c9a-4b5d-4a43-8b7a-000000000002");
    let allergy = |of: &str| {
        let allergy = format!(
            r#"{{"resourceType":"AllergyIntolerance","patient":{{"reference":"urn:uuid:{of}"}},"code":{{"text":"penicillin"}}}}"#
        );
        let seen_by =
            r#"{"resourceType":"Provenance","target":[{"reference":"urn:uuid:0f5e1c9a-4b5d-4a43-8b7a-2f1d3c4e5f60"}]}"#;
        [
            entry(&format!("urn:uuid:{of}"), &format!(r#"{{"resourceType":"Patient","name":[{{"text":"{of}"}}]}}"#)),
            entry(&format!("urn:uuid:{UUID}"), &allergy),
            entry("urn:uuid:0f5e1c9a-4b5d-4a43-8b7a-000000000009", seen_by),
        ]
    };
    for bundle_type in ["document", "transaction"] {
        let text = |of: &str| {
            let entries = allergy(of);
            bundle(bundle_type, "", &entries.each_ref().map(|entry| &**entry))
        };
        let first = unpacked(&text(one));
        let mut held: BTreeMap<_, _> = first.resources.iter().map(|one| (one.key.clone(), one.raw.clone())).collect();
        let beside = |held: &BTreeMap<ResourceKey, Vec<u8>>, of: &str| {
            unpack_beside(text(of).as_bytes(), "", &|key| held.get(key).cloned()).expect("unpacks")
        };
        assert_eq!(beside(&held, one), first, "the same person's record again is the same record");
        let second = beside(&held, other);
        let (ours, theirs) = (&first.resources[1], &second.resources[1]);
        assert_eq!(ours.key, ResourceKey::new("AllergyIntolerance", UUID).expect("a key"));
        assert_ne!(theirs.key, ours.key, "{bundle_type}");
        assert!(raw(theirs).contains(&format!("Patient/{other}")));
        // What refers to it follows it.
        assert!(raw(&second.resources[2]).contains(&theirs.key.to_string()), "{}", raw(&second.resources[2]));
        assert!(second.problems.contains(&Problem { entry: 1, reason: ProblemReason::AnotherPersonsRecord }));
        held.extend(second.resources.iter().map(|one| (one.key.clone(), one.raw.clone())));
        assert_eq!(beside(&held, other).resources, second.resources, "importing twice adds nothing");
    }
}

#[test]
fn what_is_put_to_one_of_our_ids_is_put_there() {
    let observation = observation("Patient/b").replace("\"Observation\",", "\"Observation\",\"id\":\"o\",");
    let put = format!(r#"{{"resource":{observation},"request":{{"method":"PUT","url":"Observation/o"}}}}"#);
    let text = bundle("transaction", "", &[&put]);
    let held = self::observation("Patient/a").into_bytes();
    let unpacked = unpack_beside(text.as_bytes(), "", &|_| Some(held.clone())).expect("unpacks");
    assert_eq!(unpacked.resources[0].key, ResourceKey::new("Observation", "o").expect("a key"));
}

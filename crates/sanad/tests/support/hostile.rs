//! What is sent to a FHIR interface by whoever means it no good.

use serde_json::{Value, json};

/// Stands in everything that is sent; no refusal and no message may repeat it.
pub const MARKER: &str = "Qasioun";
const MIB: usize = 1 << 20;

/// A patient of that name, and more.
pub fn patient(more: &str) -> String {
    format!(r#"{{"resourceType":"Patient","name":[{{"text":"{MARKER}"}}]{more}}}"#)
}

/// A transaction of these entries.
pub fn transaction(entries: &[Value]) -> String {
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries }).to_string()
}

/// An entry that makes a resource.
pub fn post(full_url: &str, resource: &Value) -> Value {
    let request = json!({ "method": "POST", "url": resource["resourceType"] });
    json!({ "fullUrl": full_url, "resource": resource, "request": request })
}

/// Its name, how it is sent, itself, status, place.
pub type Refused = (&'static str, &'static str, &'static str, Vec<u8>, u16, &'static str);

/// Bodies that are refused.
pub fn bodies() -> Vec<Refused> {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = |count: usize| {
        let entry = json!({ "request": { "method": "GET", "url": format!("Patient/{MARKER}") } }).to_string();
        format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{}]}}"#, vec![entry; count].join(","))
    };
    let person = json!({ "resourceType": "Patient", "name": [{ "text": MARKER }] });
    let about = |url: &str| json!({ "resourceType": "Observation", "subject": { "reference": url } });
    let same = "urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-000000000001";
    let bad_type = json!({ "request": { "method": "POST", "url": MARKER }, "resource": person });
    let no_request = json!({ "resource": person });
    vec![
        ("nothing", "POST", "/Patient", vec![], 400, ""),
        ("torn", "POST", "/Patient", patient("").into_bytes()[..40].to_vec(), 400, ""),
        ("a torn name", "POST", "/Patient", format!(r#"{{"{MARKER}"#).into(), 400, ""),
        ("no UTF-8", "POST", "/Patient", [patient("").as_bytes(), b"\xff\xfe"].concat(), 400, ""),
        ("half a surrogate", "POST", "/Patient", patient(r#","language":"\ud800""#).into(), 400, ""),
        ("halves in no order", "POST", "/Patient", patient(r#","language":"\udc00\ud800""#).into(), 400, ""),
        ("a control character", "POST", "/Patient", patient(",\"language\":\"\u{1}\"").into(), 400, ""),
        ("something after it", "POST", "/Patient", format!("{} {MARKER}", patient("")).into(), 400, ""),
        ("not a number", "POST", "/Patient", patient(r#","multipleBirthInteger":NaN"#).into(), 400, ""),
        ("nested deep", "POST", "/Patient", patient(&format!(r#","extension":{deep}"#)).into(), 400, ""),
        ("nested deep alone", "POST", "/Patient", deep.clone().into(), 400, ""),
        ("nested deep, to be judged", "POST", "/Patient/$validate", deep.clone().into(), 400, ""),
        ("a list", "POST", "/Patient", format!(r#"["{MARKER}"]"#).into(), 400, ""),
        ("a text", "POST", "/Patient", format!(r#""{MARKER}""#).into(), 400, ""),
        ("no type", "POST", "/Patient", format!(r#"{{"text":"{MARKER}"}}"#).into(), 400, "resourceType"),
        ("a type that is a number", "POST", "/Patient", r#"{"resourceType":7}"#.into(), 400, "resourceType"),
        (
            "an unknown type",
            "POST",
            "/Patient",
            format!(r#"{{"resourceType":"{MARKER}"}}"#).into(),
            400,
            "resourceType",
        ),
        ("two types", "POST", "/Patient", patient(r#","resourceType":"Basic""#).into(), 400, "resourceType"),
        ("an id that is a number", "PUT", "/Patient/x", patient(r#","id":7"#).into(), 400, "id"),
        ("another id", "PUT", "/Patient/x", patient(&format!(r#","id":"{MARKER}""#)).into(), 400, "id"),
        ("an id that is a path", "PUT", "/Patient/..%2f..%2fx", patient("").into(), 400, ""),
        (
            "a long id",
            "PUT",
            concat!(
                "/Patient/a-long-id-",
                "0123456789",
                "0123456789",
                "0123456789",
                "0123456789",
                "0123456789",
                "012345"
            ),
            patient("").into(),
            400,
            "",
        ),
        ("17 MiB", "POST", "/Patient", vec![b' '; 17 * MIB], 413, ""),
        ("17 MiB to nowhere", "POST", "/Patient/x/$nothing", vec![b' '; 17 * MIB], 413, ""),
        (
            "nothing but values",
            "POST",
            "/Basic",
            format!(r#"{{"resourceType":"Basic","a":[{}0]}}"#, "0,".repeat(7 * MIB)).into(),
            413,
            "",
        ),
        (
            "nothing but lists",
            "POST",
            "/Basic/$validate",
            format!(r#"{{"resourceType":"Basic","a":[{}0]}}"#, "[],".repeat(5 * MIB)).into(),
            413,
            "",
        ),
        ("100,000 entries", "POST", "", many(100_000).into(), 413, ""),
        ("1,001 entries", "POST", "", many(1_001).into(), 413, ""),
        (
            "entries that are none",
            "POST",
            "",
            json!({ "resourceType": "Bundle", "type": "transaction", "entry": [7, MARKER] }).to_string().into(),
            400,
            "Bundle.entry[0]",
        ),
        (
            "an entry without a request",
            "POST",
            "",
            transaction(&[post("", &person), no_request]).into(),
            400,
            "Bundle.entry[1]",
        ),
        (
            "an entry of an unknown type",
            "POST",
            "",
            transaction(&[post("", &person), bad_type]).into(),
            404,
            "Bundle.entry[1]",
        ),
        (
            "one name twice",
            "POST",
            "",
            transaction(&[
                post(same, &person),
                post(same, &person),
                post("urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-000000000002", &about(same)),
            ])
            .into(),
            400,
            "Bundle.entry[1]",
        ),
        (
            "a condition on nothing",
            "POST",
            "",
            transaction(&[post("", &person), post("", &about(&format!("Patient?name={MARKER}x")))]).into(),
            412,
            "Bundle.entry[1]",
        ),
        ("a form of 100,000 parameters", "POST", "/Patient/_search", "name=a&".repeat(100_000).into(), 400, ""),
    ]
}

/// Searches that are refused: the query, status, place.
pub fn searches() -> Vec<(String, u16, &'static str)> {
    let long = "a".repeat(9_000);
    vec![
        (format!("_count={}", "1".to_owned() + &"0".repeat(30)), 400, "_count"),
        ("_count=-1".to_owned(), 400, "_count"),
        (format!("_count={MARKER}"), 400, "_count"),
        (format!("name={long}"), 400, "name"),
        (format!("name={}", "a,".repeat(300)), 400, "name"),
        (format!("birthdate={MARKER}"), 400, "birthdate"),
        ("birthdate=99999-99-99".to_owned(), 400, "birthdate"),
        (format!("birthdate=eq{}", "2018-01-01T00:00:00.".to_owned() + &"9".repeat(5_000) + "x"), 400, "birthdate"),
        (format!("name:{MARKER}x=a").replace(MARKER, "marked"), 400, "name"),
        // What is named is the part of the chain that is too much.
        (format!("organization.{}name=a", "partof.".repeat(8)), 400, "partof"),
        (format!("organization.{}name=a", "partof.".repeat(1_000)), 400, "partof"),
        (format!("{}patient:name=a", "_has:Observation:patient:".repeat(9)), 400, "_has"),
        ("_include=Patient:name".to_owned(), 400, "_include"),
        (format!("identifier=%7C%7C%7C{MARKER}%7C"), 400, "identifier"),
        ("_has:Observation:patient:value-quantity=1e999999999".to_owned(), 400, "value-quantity"),
        ("_has:Observation:patient:value-quantity=1e-999999999".to_owned(), 400, "value-quantity"),
        (format!("_after={MARKER}"), 410, ""),
        (format!("_elements={}", "a,".repeat(300)), 400, "_elements"),
        ("name=a&".repeat(2_000), 400, ""),
        (format!("name={}", "a".repeat(40_000)), 414, ""),
    ]
}

/// Searches that find nothing, or what there is, and end.
pub const ENDING: &[&str] = &[
    "/Patient?name=%00Qasioun%00",
    "/Patient?name=%27%22%3B--Qasioun%27+OR+1%3D1",
    "/Patient?name=%ED%A0%80%ED%B0%80Qasioun",
    "/Patient?name=,,,,,,,,%5C%5C%5C,%5C,Qasioun",
    "/Patient?name:contains=%25%25%25Qasioun%25",
    "/Patient?_count=0",
    "/Observation?value-quantity=gt1e-3%7C%7C",
    "/Observation?_include=*&_include:iterate=*&_revinclude=*&_revinclude:iterate=*",
    "/Organization?_include:iterate=Organization:partof&_revinclude:iterate=Organization:partof",
    "/Organization?partof.partof.partof.name=Qasioun",
    "/Observation?has-member.has-member.has-member.code=Qasioun",
    "/Organization?_has:Organization:partof:_has:Organization:partof:name=Qasioun",
    "/Organization/_history?_count=0",
];

/// A patch that doubles a resource again and again.
pub fn doubling() -> String {
    let copy = |from: &str, to: &str| json!({ "op": "copy", "from": from, "path": to });
    let mut operations = vec![json!({ "op": "add", "path": "/extension", "value": [{ "url": MARKER.repeat(100) }] })];
    operations.extend((0..60).map(|_| copy("/extension", "/extension/-")));
    Value::from(operations).to_string()
}

//! Value sets: what they have, and whether a code is one of it.

use super::{Clinic, token};
use serde_json::{Value, json};

const GENDER: &str = "http://hl7.org/fhir/ValueSet/administrative-gender";

fn codes(set: &Value) -> Vec<&str> {
    let contains = set["expansion"]["contains"].as_array().map_or(&[][..], Vec::as_slice);
    contains.iter().map(|concept| concept["code"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_ships_is_expanded_by_its_address_its_id_and_an_element_that_it_binds() {
    let clinic = Clinic::new().await;
    let wanted = ["male", "female", "other", "unknown"];
    let by_url = clinic.get(&format!("/ValueSet/$expand?url={GENDER}")).await.is(200).json();
    assert_eq!((codes(&by_url), &by_url["expansion"]["total"]), (wanted.to_vec(), &4.into()));
    assert_eq!(
        by_url["expansion"]["contains"][0],
        json!({ "system": "http://hl7.org/fhir/administrative-gender", "code": "male", "display": "Male" })
    );
    let body = json!({ "resourceType": "Parameters", "parameter": [{ "name": "url", "valueUri": GENDER },
        { "name": "filter", "valueString": "FEM" }] });
    let filtered = clinic.ask("POST", "/ValueSet/$expand", &body.to_string()).await.is(200).json();
    assert_eq!(codes(&filtered), ["female"]);
    for path in [
        format!("?url={GENDER}%7C4.0.1"),
        format!("?url={GENDER}&valueSetVersion=4.0.1"),
        "?context=http://hl7.org/fhir/StructureDefinition/Patient%23Patient.gender".to_owned(),
    ] {
        assert_eq!(codes(&clinic.get(&format!("/ValueSet/$expand{path}")).await.is(200).json()), wanted, "{path}");
    }
    let page = clinic.get("/ValueSet/administrative-gender/$expand?offset=1&count=2").await.is(200).json();
    assert_eq!(
        (codes(&page), &page["expansion"]["total"], &page["expansion"]["offset"]),
        (wanted[1..3].to_vec(), &4.into(), &1.into())
    );
    let only_count = clinic.get(&format!("/ValueSet/$expand?url={GENDER}&count=0")).await.is(200).json();
    assert_eq!((codes(&only_count), &only_count["expansion"]["total"]), (vec![], &4.into()));
    // What goes out is itself FHIR.
    for set in [&by_url, &filtered, &page, &only_count] {
        let judged = clinic.ask("POST", "/ValueSet/$validate", &set.to_string()).await.is(200).json();
        assert_eq!(judged["issue"][0]["severity"], "information", "{judged}");
    }
    for (path, status, code) in [
        ("?url=http://hl7.org/fhir/ValueSet/nowhere", 404, "not-found"),
        ("?url=http://hl7.org/fhir/ValueSet/administrative-gender%7C5.0.0", 404, "not-found"),
        ("?context=Patient.name", 404, "not-found"),
        ("", 400, "required"),
        ("?url=http://hl7.org/fhir/ValueSet/administrative-gender&count=many", 400, "value"),
        ("?url=http://hl7.org/fhir/ValueSet/administrative-gender&offset=-1", 400, "value"),
    ] {
        let refused = clinic.get(&format!("/ValueSet/$expand{path}")).await.is(status).json();
        assert_eq!(refused["issue"][0]["code"], code, "{path}");
    }
    clinic.get("/ValueSet/nowhere/$expand").await.is(404);
    clinic.get("/CodeSystem/$expand?url=urn:x").await.is(405);
    clinic.ask("POST", "/ValueSet/$expand", "{").await.is(400);
    let strict = [("prefer", "handling=strict")];
    let path = format!("/ValueSet/$expand?url={GENDER}&colour=red");
    clinic.ask_with("GET", &path, &strict, "").await.is(400);
    clinic.get(&path).await.is(200);
    // Whoever has a token may know what HL7 publishes.
    let narrow = token(&clinic.site, &["system/Organization.r"], None).await;
    clinic.ask_as(&narrow, "GET", &format!("/ValueSet/$expand?url={GENDER}"), &[], "").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_is_kept_here_is_expanded_if_it_lists_its_codes() {
    let clinic = Clinic::new().await;
    let listed = r#","url":"urn:ward:triage","version":"2","status":"active","compose":{"include":[{"system":"urn:tag","concept":[{"code":"red","display":"Immediate","designation":[{"language":"ar","value":"فوري"}]},{"code":"green"}]}]}"#;
    clinic.put("ValueSet/triage", listed).await.is(201);
    let by_id = clinic.get("/ValueSet/triage/$expand?includeDesignations=true").await.is(200).json();
    assert_eq!((codes(&by_id), &by_id["version"]), (vec!["red", "green"], &"2".into()));
    assert_eq!(by_id["expansion"]["contains"][0]["designation"][0]["language"], "ar");
    let arabic =
        clinic.get("/ValueSet/$expand?url=urn:ward:triage%7C2&filter=%D9%81%D9%88%D8%B1%D9%8A").await.is(200).json();
    assert_eq!(codes(&arabic), ["red"], "found by what it is called in Arabic");
    clinic.get("/ValueSet/$expand?url=urn:ward:triage%7C3").await.is(404);
    // By a system that is here, and an import of the first.
    clinic
        .put(
            "CodeSystem/tags",
            r#","url":"urn:tag2","status":"active","content":"complete","concept":[{"code":"blue"}]"#,
        )
        .await
        .is(201);
    clinic.put("ValueSet/all", r#","url":"urn:all","status":"active","compose":{"include":[{"system":"urn:tag2"},{"valueSet":["urn:ward:triage"]}]}"#).await.is(201);
    assert_eq!(codes(&clinic.get("/ValueSet/all/$expand").await.is(200).json()), ["blue", "red", "green"]);
    let sent = json!({ "resourceType": "ValueSet", "status": "draft", "compose": { "include": [{ "valueSet": ["urn:all"] }] } });
    assert_eq!(codes(&clinic.ask("POST", "/ValueSet/$expand", &sent.to_string()).await.is(200).json()).len(), 3);

    clinic.put("ValueSet/sct", r#","url":"urn:sct","status":"active","compose":{"include":[{"system":"http://snomed.info/sct","filter":[{"property":"concept","op":"is-a","value":"1"}]}]}"#).await.is(201);
    let refused = clinic.get("/ValueSet/sct/$expand").await.is(422).json();
    assert_eq!(refused["issue"][0]["expression"][0], "ValueSet.compose.include[0].filter");
    let many: Vec<Value> = (0..1_001).map(|n| json!({ "code": format!("c{n}") })).collect();
    let many = json!({ "include": [{ "system": "urn:many", "concept": many }] });
    clinic.put("ValueSet/many", &format!(r#","status":"active","compose":{many}"#)).await.is(201);
    assert_eq!(clinic.get("/ValueSet/many/$expand").await.is(422).json()["issue"][0]["code"], "too-costly");
    assert_eq!(codes(&clinic.get("/ValueSet/many/$expand?count=10&offset=995").await.is(200).json()).len(), 6);

    // A token that may not read it finds nothing, by whatever name.
    let narrow = token(&clinic.site, &["system/Patient.rs", "system/CodeSystem.rs"], None).await;
    for path in ["/ValueSet/triage/$expand", "/ValueSet/$expand?url=urn:ward:triage"] {
        clinic.ask_as(&narrow, "GET", path, &[], "").await.is(404);
    }
    let import = sent.to_string().replace("urn:all", "urn:ward:triage");
    clinic.ask_as(&narrow, "POST", "/ValueSet/$expand", &[], &import).await.is(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_judged_against_a_set_or_a_system() {
    let clinic = Clinic::new().await;
    let system = "http://hl7.org/fhir/administrative-gender";
    let verdict = |answer: Value| -> (bool, String, String) {
        let part = |name: &str| {
            let all = answer["parameter"].as_array().unwrap();
            all.iter().find(|part| part["name"] == name).cloned().unwrap_or_default()
        };
        let text = |name: &str| part(name)["valueString"].as_str().unwrap_or_default().to_owned();
        (part("result")["valueBoolean"].as_bool().unwrap(), text("message"), text("display"))
    };
    for (query, good, display) in [
        (format!("code=male&system={system}"), true, "Male"),
        ("code=male".to_owned(), true, "Male"),
        (format!("code=male&system={system}&display=MALE"), true, "Male"),
        (format!("code=male&system={system}&display=man"), false, "Male"),
        (format!("code=man&system={system}"), false, ""),
        ("code=male&system=urn:other".to_owned(), false, ""),
    ] {
        let path = format!("/ValueSet/$validate-code?url={GENDER}&{query}");
        let (is_good, message, called) = verdict(clinic.get(&path).await.is(200).json());
        assert_eq!((is_good, &*called, message.is_empty()), (good, display, good), "{query}: {message}");
    }
    let asked = |parts: Value| json!({ "resourceType": "Parameters", "parameter": parts }).to_string();
    let of_coding = asked(json!([{ "name": "url", "valueUri": GENDER },
        { "name": "coding", "valueCoding": { "system": system, "code": "female" } }]));
    assert!(verdict(clinic.ask("POST", "/ValueSet/$validate-code", &of_coding).await.is(200).json()).0);
    let of_concept = asked(json!([{ "name": "codeableConcept", "valueCodeableConcept": { "coding": [
        { "system": "urn:x", "code": "x" }, { "system": system, "code": "other" }] } }]));
    let path = "/ValueSet/administrative-gender/$validate-code";
    assert!(verdict(clinic.ask("POST", path, &of_concept).await.is(200).json()).0);
    let of_nothing = asked(json!([{ "name": "codeableConcept", "valueCodeableConcept": { "text": "x" } }]));
    assert!(!verdict(clinic.ask("POST", path, &of_nothing).await.is(200).json()).0);
    clinic.get(path).await.is(400);
    clinic.get("/ValueSet/$validate-code?url=urn:nowhere&code=x").await.is(404);

    let path = "/CodeSystem/$validate-code";
    assert!(verdict(clinic.get(&format!("{path}?url={system}&code=male")).await.is(200).json()).0);
    assert!(!verdict(clinic.get(&format!("{path}?url={system}&code=man")).await.is(200).json()).0);
    let of_coding = asked(json!([{ "name": "coding", "valueCoding": { "system": system, "code": "male" } }]));
    assert!(verdict(clinic.ask("POST", path, &of_coding).await.is(200).json()).0);
    clinic.get(&format!("{path}?url=http://unitsofmeasure.org&code=s")).await.is(404);
    clinic.put("CodeSystem/tags", r#","url":"urn:tag","status":"active","content":"complete","concept":[{"code":"red","concept":[{"code":"dark"}]}]"#).await.is(201);
    assert!(verdict(clinic.get("/CodeSystem/tags/$validate-code?code=dark").await.is(200).json()).0);
    assert!(verdict(clinic.get(&format!("{path}?url=urn:tag&code=red")).await.is(200).json()).0);
    for (kind, operation) in [("ValueSet", "expand"), ("ValueSet", "validate-code"), ("CodeSystem", "validate-code")] {
        let statement = clinic.get("/metadata").await.json();
        let resources = statement["rest"][0]["resource"].as_array().unwrap();
        let of_kind = resources.iter().find(|resource| resource["type"] == kind).unwrap();
        assert!(of_kind["operation"].as_array().unwrap().iter().any(|one| one["name"] == operation));
    }
}

//! What R4 says of each kind of parameter, as tables of questions and answers.

use super::*;
use crate::json::parse;

/// 2018-03-01.
const NOW: Now = Now(1_519_862_400_000);

fn query(resource_type: &'static str, text: &str) -> Result<Query, QueryError> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    read(Some(resource_type), pairs, NOW)
}

/// Whether a resource meets all conditions of a search that follows no references.
fn meets(raw: &str, text: &str) -> bool {
    let resource = parse(raw.as_bytes()).expect("JSON");
    let name = resource.get_str("resourceType").expect("a type").into_owned();
    let table = table_of(&name).expect("a table");
    let query = query(table.name, text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(query.unknown, Vec::<String>::new(), "{text}");
    let about = About { id: "a1", updated_ms: NOW.0, in_conflict: false };
    query.filters.iter().all(|filter| match filter {
        Filter::Here(criterion) => criterion.matches(table, &resource, about),
        _ => panic!("{text} follows a reference"),
    })
}

#[track_caller]
fn check(raw: &str, yes: &[&str], no: &[&str]) {
    for text in yes {
        assert!(meets(raw, text), "{text} should find it");
    }
    for text in no {
        assert!(!meets(raw, text), "{text} should not find it");
    }
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"a1","active":true,"meta":{"profile":["http://x/p|2"],"tag":[{"code":"t"}]},
    "identifier":[{"system":"urn:tag","value":"TAG-0113"},{"value":"7"}],"gender":"male","birthDate":"1984-06",
    "name":[{"use":"official","family":"الأحمد","given":["محمد","خالد"]},{"text":"Abu Layla"}],
    "telecom":[{"system":"phone","value":"+963 1"},{"system":"email","value":"a@b"}],
    "address":[{"line":["Street 3"],"city":"دوما","country":"SY"}],
    "generalPractitioner":[{"reference":"Practitioner/p1"},{"identifier":{"system":"urn:gp","value":"9"}}],
    "managingOrganization":{"reference":"http://10.0.0.1:8443/fhir/Organization/o1/_history/2"}}"#;

#[test]
fn tokens() {
    check(
        PATIENT,
        &[
            "identifier=urn:tag|TAG-0113",
            "identifier=tag-0113",
            "identifier=|7",
            "identifier=urn:tag|",
            "active=true",
            "identifier=x,7",
            "gender=male",
            "gender=http://hl7.org/fhir/administrative-gender|male",
            "gender=|male",
            "gender:not=female",
            "gender:missing=false",
            "deceased=false",
            "telecom=+963 1",
            "telecom=|+963 1",
            "phone=+963 1",
            "email=a@b",
            "_tag=t",
            "_id=a1",
            "_id=b,a1",
            "address-use:missing=true",
            "identifier=TAG-٠١١٣",
        ],
        &[
            "identifier=urn:other|TAG-0113",
            "identifier=|TAG-0113",
            "identifier=urn:other|",
            "active=false",
            "gender:not=male",
            "gender=urn:x|male",
            "gender:missing=true",
            "deceased=true",
            "phone=a@b",
            "_tag=u",
            "_id=b",
            "identifier=TAG",
        ],
    );
    let half = r#"{"resourceType":"Patient","identifier":[{"system":"urn:tag"}],"name":[{"text":"x"}],"telecom":[{"system":"phone"}]}"#;
    check(
        half,
        &["identifier=urn:tag|", "identifier:missing=false", "telecom:missing=true"],
        &["identifier=urn:x|", "identifier=tag", "identifier=|tag"],
    );
    let twice = r#"{"resourceType":"Patient","gender":"male","gender":"female"}"#;
    check(twice, &["gender=female"], &["gender=male"]);
    let dead = |element: &str| format!(r#"{{"resourceType":"Patient",{element}}}"#);
    check(&dead(r#""deceasedDateTime":"2018-02-20""#), &["deceased=true", "death-date=2018-02"], &["deceased=false"]);
    check(&dead(r#""deceasedBoolean":false"#), &["deceased=false"], &["deceased=true"]);
}

#[test]
fn names_and_other_text() {
    check(
        PATIENT,
        &[
            "name=محمد",
            "name=Mohammed",
            "name=Mhmd",
            "family=ahmad",
            "given=خالد",
            "name=khaled mohamad",
            "name=Layla",
            "family:exact=الأحمد",
            "family:contains=حمد",
            "address=street",
            "address-city=دوم",
            "address-city:exact=دوما",
            "phonetic=Muhamad",
            "name=nobody,ahmad",
        ],
        &[
            "given=ahmad",
            "family:exact=احمد",
            "name=ali",
            "address=3",
            "address-city:exact=دوم",
            "name=khaled omar",
            "name=\"' OR 1",
        ],
    );
}

#[test]
fn references() {
    check(
        PATIENT,
        &[
            "general-practitioner=Practitioner/p1",
            "general-practitioner=p1",
            "general-practitioner:Practitioner=p1",
            "general-practitioner:identifier=urn:gp|9",
            "general-practitioner:identifier=9",
            "organization=o1",
            "organization=Organization/o1",
            "organization=http://10.0.0.1:8443/fhir/Organization/o1",
            "_profile=http://x/p",
            "_profile=http://x/p|2",
        ],
        &[
            "general-practitioner=Organization/p1",
            "general-practitioner:Organization=p1",
            "general-practitioner=p2",
            "general-practitioner:identifier=urn:x|9",
            "organization=http://other/fhir/Organization/o1x",
            "_profile=http://x",
            "_profile=http://x/p|3",
        ],
    );
    let observation =
        r#"{"resourceType":"Observation","subject":{"reference":"Group/g"},"focus":[{"reference":"Patient/p"}]}"#;
    check(
        observation,
        &["subject=Group/g", "subject=g", "patient:missing=true", "focus=Patient/p"],
        &["patient=g", "subject=Patient/g"],
    );
}

#[test]
fn a_parameter_of_one_type_finds_references_to_that_type_only() {
    let observation = |subject: &str| format!(r#"{{"resourceType":"Observation","subject":{subject}}}"#);
    check(
        &observation(r#"{"reference":"http://x/fhir/Patient/p","identifier":{"system":"urn:i","value":"7"}}"#),
        &["patient=p", "patient=Patient/p", "patient=http://x/fhir/Patient/p", "patient:identifier=urn:i|7"],
        &["patient=Group/p", "patient=http://x/fhir/Group/p"],
    );
    let group = r#"{"reference":"Group/g","identifier":{"system":"urn:i","value":"7"}}"#;
    let said = r#"{"type":"Group","identifier":{"system":"urn:i","value":"7"}}"#;
    for other in [group, said] {
        check(
            &observation(other),
            &["subject:identifier=urn:i|7", "patient:missing=true"],
            &["patient:identifier=urn:i|7", "patient=g"],
        );
    }
    let urn = r#"{"type":"Patient","reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}"#;
    check(&observation(urn), &["patient=urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"], &["patient:missing=true"]);
    // It may be a patient's.
    check(&observation(r#"{"identifier":{"value":"7"}}"#), &["patient:identifier=7"], &["patient:missing=true"]);
}

#[test]
fn dates_are_compared_as_spans() {
    check(
        PATIENT,
        &[
            "birthdate=1984",
            "birthdate=1984-06",
            "birthdate=lt1985",
            "birthdate=ge1984-06",
            "birthdate=le1984-06-30",
            "birthdate=gt1984-06-15",
            "birthdate=ne1984-06-15",
            "birthdate=sa1984-05",
            "birthdate=eb1984-07",
            "birthdate=ap1982",
            "_lastUpdated=2018-03-01",
            "_lastUpdated=gt2018-02",
            "birthdate=ge1984-01&birthdate=lt1985-01",
        ],
        &[
            "birthdate=1984-06-15",
            "birthdate=gt1984",
            "birthdate=lt1984-06",
            "birthdate=sa1984-06",
            "birthdate=eb1984-06",
            "birthdate=ap1950",
            "_lastUpdated=lt2018",
            "birthdate=ne1984",
        ],
    );
    let open = r#"{"resourceType":"Encounter","period":{"start":"2018-02-18T10:00:00+02:00"}}"#;
    check(
        open,
        &["date=ge2018-02-18", "date=gt2030", "date=ap2018-02-20", "date=sa2018-02-17"],
        &["date=2018-02-18", "date=lt2018-02-18"],
    );
    check(open, &["date=sa2018-02-18T07:59:59Z", "date=gt2018-02-18T08:00:00+00:00"], &["date=sa2018-02-18T08:00:00Z"]);
    let instant = r#"{"resourceType":"Provenance","recorded":"2018-02-18T10:00:00Z"}"#;
    check(
        instant,
        &["recorded=2018-02-18T10:00:00Z", "recorded=2018-02-18T10:00:00.000Z", "recorded=eb2018-02-18T10:00:00.500Z"],
        &["recorded=gt2018-02-18T10:00:00Z", "recorded=2018-02-18T10:00:00.001Z"],
    );
    let written = r#"{"resourceType":"CarePlan","activity":[{"detail":{"scheduledString":"2018-02-18"}}]}"#;
    check(written, &["activity-date:missing=true"], &["activity-date=2018-02-18"]);
}

#[test]
fn numbers_and_quantities_are_as_exact_as_they_are_written() {
    let risk =
        |value: &str| format!(r#"{{"resourceType":"RiskAssessment","prediction":[{{"probabilityDecimal":{value}}}]}}"#);
    check(
        &risk("0.996"),
        &["probability=1.0", "probability=0.996", "probability=gt0.99"],
        &["probability=1.000", "probability=lt0.996"],
    );
    check(
        &risk("100"),
        &["probability=100", "probability=1e2", "probability=100.0", "probability=ap95"],
        &["probability=99.4", "probability=ap80"],
    );
    let observation = r#"{"resourceType":"Observation","code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},
        "valueQuantity":{"value":5.40,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}"#;
    check(
        observation,
        &[
            "value-quantity=5.4",
            "value-quantity=5.4|http://unitsofmeasure.org|mm[Hg]",
            "value-quantity=5.4||mmHg",
            "value-quantity=5.4||mm[Hg]",
            "value-quantity=le5.4",
            "value-quantity=gt5|http://unitsofmeasure.org|mm[Hg]",
            "code-value-quantity=http://loinc.org|8480-6$gt5",
            "code-value-quantity=8480-6$5.4||mmHg",
            "code-value-quantity:missing=false",
            "combo-code-value-quantity=8480-6$lt6",
            "combo-value-quantity=5.4",
        ],
        &[
            "value-quantity=5.45",
            "value-quantity=5.4||mg",
            "value-quantity=5.4|urn:x|mm[Hg]",
            "value-quantity=lt5.4",
            "code-value-quantity=http://loinc.org|8480-6$gt6",
            "code-value-quantity=8462-4$5.4",
            "component-code-value-quantity=8480-6$gt5",
        ],
    );
}

#[test]
fn the_parts_of_a_composite_meet_at_one_place() {
    let pressure = r#"{"resourceType":"Observation","component":[
        {"code":{"coding":[{"code":"sys"}]},"valueQuantity":{"value":120}},
        {"code":{"coding":[{"code":"dia"}]},"valueQuantity":{"value":80}}]}"#;
    check(
        pressure,
        &[
            "component-code-value-quantity=sys$gt100",
            "component-code-value-quantity=dia$80",
            "combo-code-value-quantity=x$1,dia$lt90",
        ],
        &["component-code-value-quantity=dia$gt100", "code-value-quantity=sys$gt100"],
    );
    let param = &table_of("Observation").expect("a table").params["combo-code-value-quantity"];
    let mut said = Vec::new();
    each_tuple(param, &parse(pressure.as_bytes()).expect("JSON"), &mut |tuple| {
        let [code, value] = tuple else { panic!("two parts") };
        if let ([Value::Token(code)], [Value::Quantity(value)]) = (&code[..], &value[..]) {
            said.push((code.code.clone(), value.range.low));
        }
    });
    assert_eq!(said, [("sys".to_owned(), 120.0), ("dia".to_owned(), 80.0)], "nothing of the base without a code");
    let document = r#"{"resourceType":"DocumentReference","relatesTo":[{"code":"replaces","target":{"reference":"DocumentReference/d"}}]}"#;
    check(document, &["relationship=DocumentReference/d$replaces"], &["relationship=DocumentReference/d$signs"]);
    let sequence = r#"{"resourceType":"MolecularSequence","referenceSeq":{"chromosome":{"coding":[{"code":"1"}]},"windowStart":4,"windowEnd":9},
        "variant":[{"start":5,"end":6}]}"#;
    check(
        sequence,
        &["chromosome-variant-coordinate=1$lt6$gt5", "chromosome-window-coordinate=1$4$9"],
        &["chromosome-variant-coordinate=2$lt6$gt5", "chromosome-variant-coordinate=1$lt5$gt5"],
    );
}

#[test]
fn addresses() {
    let map = r#"{"resourceType":"ConceptMap","sourceCanonical":"http://x/ValueSet/v|1"}"#;
    check(
        map,
        &["source=http://x/ValueSet/v", "source-uri=http://x/ValueSet/v|1"],
        &["source-uri=http://x/ValueSet/w"],
    );

    let set = r#"{"resourceType":"ValueSet","url":"http://acme.org/fhir/ValueSet/123"}"#;
    check(
        set,
        &[
            "url=http://acme.org/fhir/ValueSet/123",
            "url:below=http://acme.org/fhir",
            "url:below=http://acme.org/fhir/",
            "url:above=http://acme.org/fhir/ValueSet/123/_history/5",
        ],
        &["url=http://acme.org/fhir", "url:below=http://acme.org/fh", "url:above=http://acme.org/fhir"],
    );
}

#[test]
fn what_cannot_be_understood_is_refused_by_name_and_never_by_value() {
    for (text, expected) in [
        ("birthdate=yesterday", QueryError::BadValue("birthdate".to_owned(), "date or time")),
        ("birthdate=2018-13", QueryError::BadValue("birthdate".to_owned(), "date or time")),
        ("gender:exact=male", QueryError::BadModifier("gender:exact".to_owned())),
        ("name:soundex=x", QueryError::BadModifier("name:soundex".to_owned())),
        ("gender:missing=perhaps", QueryError::BadValue("gender:missing".to_owned(), "true or false")),
        ("identifier=a|b|c", QueryError::BadValue("identifier".to_owned(), "value of this kind")),
        ("identifier=|", QueryError::BadValue("identifier".to_owned(), "value of this kind")),
        ("name.family=x", QueryError::NoReference("name".to_owned())),
        ("general-practitioner:Nobody.name=x", QueryError::NoReference("general-practitioner:Nobody".to_owned())),
        ("_has:Observation:code:status=final", QueryError::NoReference("_has:Observation:code:status".to_owned())),
        ("_include=Patient:name", QueryError::NoReference("_include".to_owned())),
        ("_count=many", QueryError::BadValue("_count".to_owned(), "number")),
    ] {
        assert_eq!(query("Patient", text).err(), Some(expected), "{text}");
    }
    let deep = format!("{}name=x", "link.".repeat(5));
    assert!(matches!(query("Patient", &deep), Err(QueryError::TooMuch(_))));
    let many = format!("identifier={}", ["x"; 300].join(","));
    assert!(matches!(query("Patient", &many), Err(QueryError::TooMuch(_))));
    let long = format!("identifier={}", "x".repeat(9_000));
    assert!(matches!(query("Patient", &long), Err(QueryError::TooMuch(_))));
}

#[test]
fn what_is_not_known_is_named_and_the_rest_is_read() {
    let query =
        query("Patient", "colour=red&_sort=-birthdate,colour&_count=999999&_summary=text&_text=x").expect("a query");
    assert_eq!(query.unknown, ["colour", "_sort=colour", "_text"]);
    assert_eq!(
        (query.sort.len(), query.sort[0].descending, query.count, query.summary),
        (1, true, COUNT_MAX, Summary::Text)
    );
}

#[test]
fn chains_and_their_reverse_lead_to_types() {
    let chained =
        query("Observation", "patient.name=x&subject:Patient.organization.name=y&_has:Provenance:target:agent=z")
            .expect("a query");
    let [Filter::Chain(patient, inner), Filter::Chain(..), Filter::Has(source, param, _)] = &chained.filters[..] else {
        panic!("three conditions")
    };
    assert_eq!((patient.code, inner.len(), inner[0].0), ("patient", 1, "Patient"));
    assert_eq!((*source, param.code), ("Provenance", "target"));
    // Of several types, those that have the parameter.
    let any = query("Observation", "subject.name=x").expect("a query");
    let [Filter::Chain(_, inner)] = &any.filters[..] else { panic!("a chain") };
    let mut types: Vec<_> = inner.iter().map(|(name, _)| *name).collect();
    types.sort_unstable();
    assert_eq!(types, ["Location", "Patient"], "a device has names, and no parameter of that name");
}

#[test]
fn commas_bars_and_dollars_may_be_part_of_a_value() {
    let coded =
        r#"{"resourceType":"Observation","code":{"coding":[{"system":"urn:a|b","code":"c,d$e"}]},"valueString":"x"}"#;
    check(coded, &[r"code=urn:a\|b|c\,d$e", r"code-value-string=urn:a\|b|c\,d\$e$x"], &["code=c,d$e"]);
}

//! Legal resources, and mistakes with the place where each is to be found.

use super::{found, issues};

fn patient(members: &str) -> String {
    format!(r#"{{"resourceType":"Patient",{members}}}"#)
}

#[test]
fn what_is_legal_is_passed() {
    for text in LEGAL {
        assert_eq!(issues(text), [], "{text}");
    }
    for members in LEGAL_IN_PATIENT {
        assert_eq!(issues(&patient(members)), [], "{members}");
    }
}

#[test]
fn each_mistake_is_found_at_its_place() {
    for (text, expected) in MISTAKES {
        assert_eq!(found(text), **expected, "{text}");
    }
    for (members, expected) in MISTAKES_IN_PATIENT {
        let expected: Vec<String> = expected.iter().map(|issue| issue.replacen(" .", " Patient.", 1)).collect();
        assert_eq!(found(&patient(members)), expected, "{members}");
    }
}

#[rustfmt::skip]
const LEGAL: &[&str] = &[
    r#"{"resourceType":"Patient"}"#,
    r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.20e-3,"comparator":"<"}}"#,
    r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"_valueString":{"extension":[{"url":"http://x.org/e","valueBoolean":true}]}}"#,
    r#"{"resourceType":"Observation","code":{"text":"c"},"_status":{"extension":[{"url":"http://x.org/e","valueBoolean":true}]}}"#,
    r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Patient"}}]}"#,
    r#"{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"string"}]}]}"#,
];

#[rustfmt::skip]
const LEGAL_IN_PATIENT: &[&str] = &[
    r#""birthDate":"1970-03-30","_birthDate":{"id":"b","extension":[{"url":"http://x.org/e","valueTime":"08:30:00"}]}"#,
    r#""_birthDate":{"extension":[{"url":"http://x.org/e","valueBoolean":true}]}"#,
    r#""name":[{"given":["a",null,"c"],"_given":[null,{"extension":[{"url":"http://x.org/e","valueBoolean":true}]},{"id":"x"}]}]"#,
    r#""name":[{"_given":[{"extension":[{"url":"http://x.org/e","valueBoolean":true}]}]}]"#,
    r#""extension":[{"url":"http://x.org/e","extension":[{"url":"in","valueCode":"a"}]}]"#,
    r##""contained":[{"resourceType":"Organization","id":"o","name":"O"}],"managingOrganization":{"reference":"#o"}"##,
    r##""contained":[{"resourceType":"Observation","status":"final","code":{"text":"c"},"subject":{"reference":"#"}}]"##,
    r#""link":[{"other":{"reference":"Patient?identifier=http://x.org/a|1"},"type":"seealso"}]"#,
    r#""link":[{"other":{"type":"RelatedPerson","display":"B"},"type":"refer"}]"#,
    r#""managingOrganization":{"type":"http://hl7.org/fhir/StructureDefinition/Organization","identifier":{"value":"1"}}"#,
    r#""managingOrganization":{"type":"http://x.org/Clinic","reference":"http://x.org/a"}"#,
    r#""managingOrganization":{"reference":"http://x.org/r4/Organization/1/_history/2"}"#,
    r#""managingOrganization":{"reference":"urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"}"#,
];

/// The whole text, and `code path` of each issue.
#[rustfmt::skip]
const MISTAKES: &[(&str, &[&str])] = &[
    ("[]", &["structure Resource"]),
    ("\"Patient\"", &["structure Resource"]),
    ("{}", &["required Resource"]),
    (r#"{"resourceType":7}"#, &["structure Resource"]),
    (r#"{"resourceType":"DomainResource"}"#, &["not-supported Resource"]),
    (r#"{"resourceType":"patient"}"#, &["not-supported Resource"]),
    (r#"{"resourceType":"Observation"}"#, &["required Observation.status", "required Observation.code"]),
    (r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueReference":{"reference":"Patient/1"}}"#,
        &["structure Observation.valueReference"]),
    (r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":"1"}}"#,
        &["structure Observation.value.value"]),
    (r#"{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Patient","gender":1}},{"resource":{"resourceType":"Group"}}]}"#, &[
        "required Bundle.type",
        "structure Bundle.entry[0].resource.gender",
        "required Bundle.entry[1].resource.type",
        "required Bundle.entry[1].resource.actual",
    ]),
    (r##"{"resourceType":"Bundle","type":"collection","contained":[],"entry":[
        {"resource":{"resourceType":"Patient","contained":[{"resourceType":"Organization","id":"o"}]}},
        {"resource":{"resourceType":"Patient","managingOrganization":{"reference":"#o"}}}]}"##,
        &["structure Bundle.contained", "invariant Bundle.entry[1].resource.managingOrganization.reference"]),
    (r#"{"resourceType":"Parameters","parameter":[{"name":"a","part":[{"name":"b","resource":{"resourceType":"Clinic"}}]}]}"#,
        &["not-supported Parameters.parameter[0].part[0].resource"]),
    (r#"{"resourceType":"Questionnaire","status":"draft","item":[{"linkId":"1","type":"group","item":[{"linkId":"2","type":"text","required":"no"}]}]}"#,
        &["structure Questionnaire.item[0].item[0].required"]),
];

/// Members of a Patient, and `code path` of each issue.
#[rustfmt::skip]
const MISTAKES_IN_PATIENT: &[(&str, &[&str])] = &[
    // Names and kinds of values.
    (r#""birthdate":"1970""#, &["structure .birthdate"]),
    (r#""name":[{"first":"a"}]"#, &["structure .name[0].first"]),
    (r#""gender":["female"]"#, &["structure .gender"]),
    (r#""gender":null"#, &["structure .gender"]),
    (r#""active":"true""#, &["structure .active"]),
    (r#""maritalStatus":[{"text":"a"}]"#, &["structure .maritalStatus"]),
    (r#""maritalStatus":null"#, &["structure .maritalStatus"]),
    (r#""name":{"family":"a"}"#, &["structure .name"]),
    (r#""name":[]"#, &["structure .name"]),
    (r#""name":[{}]"#, &["structure .name[0]"]),
    (r#""name":[null]"#, &["structure .name[0]"]),
    (r#""name":["a"]"#, &["structure .name[0]"]),
    (r#""name":[[{"family":"a"}]]"#, &["structure .name[0]"]),
    (r#""name":[{"family":"a"},{"id":"b"}]"#, &["invariant .name[1]"]),
    (r#""name":[{"given":"a"}]"#, &["structure .name[0].given"]),
    (r#""name":[{"given":[]}]"#, &["structure .name[0].given"]),
    (r#""name":[{"given":["a",null]}]"#, &["structure .name[0].given[1]"]),
    (r#""name":[{"given":["a",{}]}]"#, &["structure .name[0].given[1]"]),
    (r#""contact":[{"name":{"given":["a","b",3]}}]"#, &["structure .contact[0].name.given[2]"]),
    (r#""resourceType":"Patient""#, &["structure .resourceType"]),
    (r#""gender":"male","gender":"male""#, &["structure .gender"]),
    (r#""gender":"x","gender":"male","gender":"y""#, &["structure .gender", "structure .gender", "code-invalid .gender"]),
    // Values.
    (r#""gender":"f""#, &["code-invalid .gender"]),
    (r#""gender":"female ""#, &["value .gender"]),
    (r#""birthDate":"1970-13""#, &["value .birthDate"]),
    (r#""id":"a/b""#, &["value .id"]),
    (r#""text":{"status":"generated","div":"<p>a</p>"}"#, &["value .text.div"]),
    // What is required.
    (r#""link":[{"type":"refer"}]"#, &["required .link[0].other"]),
    (r#""communication":[{"preferred":true}]"#, &["required .communication[0].language"]),
    (r#""text":{"status":"empty"}"#, &["required .text.div"]),
    // Choices.
    (r#""deceasedBoolean":false,"deceasedDateTime":"2018""#, &["structure .deceased"]),
    (r#""deceasedBoolean":false,"_deceasedDateTime":{"id":"a"}"#, &["structure .deceased"]),
    (r#""deceased":false"#, &["structure .deceased"]),
    (r#""deceasedString":"a""#, &["structure .deceasedString"]),
    (r#""_deceased":{"id":"a"}"#, &["structure ._deceased"]),
    // What stands beside primitives.
    (r#""_name":[{"id":"a"}]"#, &["structure ._name"]),
    (r#""_id":{"id":"a"}"#, &["structure ._id"]),
    (r#""_resourceType":{"id":"a"}"#, &["structure ._resourceType"]),
    (r#""text":{"status":"generated","div":"<div>a</div>","_div":{"id":"a"}}"#, &["structure .text._div"]),
    (r#""__gender":{"id":"a"}"#, &["structure .__gender"]),
    (r#""_gender":{"id":"a"}"#, &["invariant .gender"]),
    (r#""_gender":{}"#, &["structure .gender"]),
    (r#""_gender":null"#, &["structure .gender"]),
    (r#""_gender":"a""#, &["structure .gender"]),
    (r#""_gender":[{"id":"a"}],"gender":"male""#, &["structure .gender"]),
    (r#""_gender":{"id":"a","value":"b"},"gender":"male""#, &["structure .gender.value"]),
    (r#""gender":null,"_gender":{"id":"a"}"#, &["structure .gender"]),
    (r#""name":[{"given":["a"],"_given":{"id":"a"}}]"#, &["structure .name[0].given"]),
    (r#""name":[{"given":["a"],"_given":[]}]"#, &["structure .name[0].given"]),
    (r#""name":[{"given":["a"],"_given":[{"id":"a"},null]}]"#, &["structure .name[0].given", "structure .name[0].given[1]"]),
    (r#""name":[{"given":[null,"a"],"_given":[null,null]}]"#, &["structure .name[0].given[0]"]),
    (r#""name":[{"_given":[null,{"id":"a"}]}]"#, &["structure .name[0].given[0]", "invariant .name[0].given[1]"]),
    // Extensions.
    (r#""extension":[{"url":"http://x.org/e"}]"#, &["invariant .extension[0]"]),
    (r#""extension":[{"valueBoolean":true}]"#, &["required .extension[0].url"]),
    (r#""extension":[{"url":"e","valueBoolean":true}]"#, &["extension .extension[0].url"]),
    (r#""extension":[{"url":"http://x.org/e","_url":{"id":"a"},"valueCode":"a"}]"#, &["structure .extension[0]._url"]),
    (r#""extension":[{"url":"http://x.org/e","valueCode":"a","valueId":"b"}]"#, &["structure .extension[0].value"]),
    (r#""extension":[{"url":"http://x.org/e","valueCode":"a","extension":[{"url":"b","valueCode":"c"}]}]"#, &["invariant .extension[0]"]),
    (r#""modifierExtension":[{"url":"http://x.org/e","extension":[{"url":"b","valueUuid":"c"}]}]"#, &["value .modifierExtension[0].extension[0].value"]),
    (r#""name":[{"family":"a","modifierExtension":[{"url":"http://x.org/e","valueCode":"a"}]}]"#, &["structure .name[0].modifierExtension"]),
    // References.
    (r#""managingOrganization":{"reference":"Practitioner/1"}"#, &["value .managingOrganization.reference"]),
    (r#""managingOrganization":{"reference":"http://x.org/Practitioner/1"}"#, &["value .managingOrganization.reference"]),
    (r#""managingOrganization":{"reference":"Practitioner/1/_history/2"}"#, &["value .managingOrganization.reference"]),
    (r#""managingOrganization":{"reference":"Practitioner?name=a:b"}"#, &["value .managingOrganization.reference"]),
    (r#""managingOrganization":{"type":"Practitioner"}"#, &["value .managingOrganization.type"]),
    (r##""managingOrganization":{"reference":"#a"}"##, &["invariant .managingOrganization.reference"]),
    (r##""managingOrganization":{"reference":"#"}"##, &["value .managingOrganization.reference"]),
    (r#""link":[{"other":{"reference":"Patient/1","type":"RelatedPerson"},"type":"refer"}]"#, &["value .link[0].other.type"]),
    // Contained resources.
    (r##""contained":[{"resourceType":"Location","id":"o"}],"managingOrganization":{"reference":"#o"}"##, &["value .managingOrganization.reference"]),
    (r#""contained":[{"resourceType":"Location","id":"o"},{"resourceType":"Location","id":"o"}]"#, &["invariant .contained[1]"]),
    (r#""contained":[{"resourceType":"Location","id":"o","contained":[{"resourceType":"Location"}]}]"#, &["invariant .contained[0].contained"]),
    (r#""contained":[{"resourceType":"Location","meta":{"versionId":"1","tag":[{"code":"a"}]}}]"#, &["invariant .contained[0].meta.versionId"]),
    (r#""contained":[{"resourceType":"Location","status":"open"}]"#, &["code-invalid .contained[0].status"]),
    (r#""contained":[{"status":"active"}]"#, &["required .contained[0]"]),
    (r#""contained":[{"resourceType":"Clinic"}]"#, &["not-supported .contained[0]"]),
    (r#""contained":["a"]"#, &["structure .contained[0]"]),
];

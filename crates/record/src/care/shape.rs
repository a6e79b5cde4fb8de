//! Small shapes of FHIR that several resources share, and reading them out of whatever stands there.

use serde_json::{Value, json};

use crate::ask::CALL_SIGN_SYSTEM;
use crate::key::is_legal_id;
use crate::outgoing::rfc3339;
use crate::time::span;

/// Longest text that is read out of a resource into a part, in letters: what a form may send is shorter.
const READ_CHARS_MAX: usize = 4_000;

/// A CodeableConcept with one code.
pub(crate) fn concept(system: &str, code: &str) -> Value {
    json!({ "coding": [{ "system": system, "code": code }] })
}

/// The first code of a system in a CodeableConcept.
pub(crate) fn code_in<'v>(concept: &'v Value, system: &str) -> Option<&'v str> {
    let codings = list(concept, "coding");
    codings.iter().find(|coding| str_of(coding, "system") == Some(system))?.get("code")?.as_str()
}

/// A member that is a list, or nothing.
pub(crate) fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value.get(member).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A member that is a text.
pub(crate) fn str_of<'v>(value: &'v Value, member: &str) -> Option<&'v str> {
    value.get(member)?.as_str()
}

/// A member that is a text for people: not empty, and of bounded length.
pub(crate) fn text_of(value: &Value, member: &str) -> Option<String> {
    let text = str_of(value, member)?.trim();
    (!text.is_empty()).then(|| text.chars().take(READ_CHARS_MAX).collect())
}

/// Somebody of the staff, by call sign.
pub(crate) fn staff(call_sign: &str) -> Value {
    json!({
        "type": "Practitioner", "identifier": { "system": CALL_SIGN_SYSTEM, "value": call_sign }, "display": call_sign
    })
}

/// A reference to a resource held here.
pub(crate) fn reference(resource_type: &str, id: &str) -> Value {
    json!({ "reference": format!("{resource_type}/{id}") })
}

/// The id in a reference to a resource of this type, `None` if it leads elsewhere.
pub(crate) fn id_in(reference: Option<&Value>, resource_type: &str) -> Option<String> {
    let text = reference?.get("reference")?.as_str()?;
    let id = text.strip_prefix(resource_type)?.strip_prefix('/')?.split("/_history/").next()?;
    is_legal_id(id).then(|| id.to_owned())
}

/// The first millisecond of a member that is a date or time.
pub(crate) fn ms_of(value: &Value, member: &str) -> Option<u64> {
    u64::try_from(span(str_of(value, member)?)?.from_ms).ok()
}

/// A time as it is written.
pub(crate) fn time(at_ms: u64) -> Value {
    rfc3339(at_ms).into()
}

/// The first extension with this URL.
pub(crate) fn extension<'v>(value: &'v Value, url: &str) -> Option<&'v Value> {
    list(value, "extension").iter().find(|extension| str_of(extension, "url") == Some(url))
}

/// The text of an extension.
pub(crate) fn extension_text(value: &Value, url: &str) -> Option<String> {
    text_of(extension(value, url)?, "valueString")
}

/// Sets the extension with this URL to have this member and no other value, or takes it out.
pub(crate) fn set_extension(value: &mut Value, url: &str, set: Option<(&str, Value)>) {
    let mut all = list(value, "extension").to_vec();
    let at = all.iter().position(|extension| str_of(extension, "url") == Some(url));
    match (at, set) {
        (Some(at), Some((member, set))) => all[at] = json!({ "url": url, member: set }),
        (None, Some((member, set))) => all.push(json!({ "url": url, member: set })),
        (Some(_), None) => all.retain(|extension| str_of(extension, "url") != Some(url)),
        (None, None) => return,
    }
    set_list(value, "extension", all);
}

/// Sets a list; an empty one is no member at all, as FHIR has it.
pub(crate) fn set_list(value: &mut Value, member: &str, list: Vec<Value>) {
    set(value, member, (!list.is_empty()).then_some(Value::Array(list)));
}

/// Sets a member or takes it out; the others keep their order. What is no object stays as it is.
pub(crate) fn set(value: &mut Value, member: &str, to: Option<Value>) {
    let Some(object) = value.as_object_mut() else { return };
    match to {
        Some(to) => {
            object.insert(member.to_owned(), to);
        }
        None => {
            object.shift_remove(member);
        }
    }
}

/// Whether this is a resource of the type that nobody has called an error.
pub(crate) fn is_a(value: &Value, resource_type: &str) -> bool {
    str_of(value, "resourceType") == Some(resource_type) && str_of(value, "status") != Some("entered-in-error")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::json::parse;
    use crate::validate::validate;

    /// Holds that a resource is valid FHIR R4, without even a warning.
    pub(crate) fn assert_valid(resource: &Value) {
        let text = resource.to_string();
        let issues = validate(&parse(text.as_bytes()).expect("JSON"));
        assert!(issues.is_empty(), "{issues:?} in {text}");
    }

    /// Values that are nothing that any reader here knows.
    pub(crate) fn hostile() -> Vec<Value> {
        let mut deep = json!(1);
        for _ in 0..100 {
            deep = json!([deep]);
        }
        let mut values = vec![json!(null), json!([]), json!(7), json!("Patient"), json!({}), deep];
        for resource_type in ["Patient", "Encounter", "Observation", "Basic", "Flag", "Task"] {
            values.push(json!({ "resourceType": resource_type }));
            let odd = json!({
                "resourceType": resource_type, "status": 7, "code": [], "name": {}, "extension": "x", "identifier": [1],
                "subject": { "reference": "Patient/../x" }, "for": [], "period": "2018", "class": null, "output": 1,
                "birthDate": "99999-99", "gender": {}, "location": [[]], "component": {}, "input": "", "owner": 1,
            });
            values.push(odd);
        }
        values
    }

    #[test]
    fn an_extension_is_set_changed_and_taken_out_and_others_stay() {
        let mut value = json!({ "a": 1, "extension": [{ "url": "x", "valueString": "1" }] });
        set_extension(&mut value, "y", Some(("valueString", "2".into())));
        assert_eq!(extension_text(&value, "y").as_deref(), Some("2"));
        set_extension(&mut value, "y", Some(("valueBoolean", true.into())));
        assert_eq!(extension_text(&value, "y"), None);
        set_extension(&mut value, "y", None);
        assert_eq!(value, json!({ "a": 1, "extension": [{ "url": "x", "valueString": "1" }] }));
        set_extension(&mut value, "x", None);
        assert_eq!(value, json!({ "a": 1 }));
        set(&mut json!(7), "a", Some(json!(1)));
    }

    #[test]
    fn references_lead_to_legal_ids_only() {
        for (text, id) in [
            ("Patient/p1", Some("p1")),
            ("Patient/p1/_history/3", Some("p1")),
            ("Patient/../x", None),
            ("Patient/", None),
            ("Group/p1", None),
            ("Patientp1", None),
        ] {
            assert_eq!(id_in(Some(&json!({ "reference": text })), "Patient").as_deref(), id, "{text}");
        }
    }
}

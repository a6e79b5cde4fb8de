//! What an operation is asked with: the query, and a `Parameters` resource (FHIR R4 §3.2.0.1).

use super::call::Call;
use super::outcome::Refusal;
use sanad_record::json::{Kind, Node, parse_object};

/// Names and values, those of the address first.
///
/// A body that is no `Parameters` is the one parameter `of_resource`.
pub(super) fn read(call: &Call, of_resource: &str) -> Result<Vec<(String, String)>, Refusal> {
    read_body(call, &call.body, Some(of_resource))
}

/// The same with a body that was read apart. What is no single value stands as its JSON, a reference as what it refers to.
pub(super) fn read_body(call: &Call, body: &[u8], of_resource: Option<&str>) -> Result<Vec<(String, String)>, Refusal> {
    let mut all = call.pairs.clone();
    if body.trim_ascii().is_empty() {
        return Ok(all);
    }
    let sent = parse_object(body).map_err(|error| Refusal::not_json(&error))?;
    if sent.get_str("resourceType").as_deref() != Some("Parameters") {
        let not_one = || Refusal::new(400, "structure", "The body is no Parameters resource.").at("resourceType");
        all.push((of_resource.ok_or_else(not_one)?.to_owned(), sent.text.to_owned()));
        return Ok(all);
    }
    for (at, part) in sent.get("parameter").map_or(&[][..], Node::items).iter().enumerate() {
        let bad = |what: &str| Refusal::new(400, "structure", what).at(format!("Parameters.parameter[{at}]"));
        let name = part.get_str("name").ok_or_else(|| bad("A parameter has no name."))?;
        let value = part.members().iter().find(|member| member.key.starts_with("value") || member.key == "resource");
        let value = value.ok_or_else(|| bad("A parameter has no value."))?;
        let reference = Some(&value.value).filter(|_| value.key == "valueReference");
        let value = reference.and_then(|value| value.get("reference")).unwrap_or(&value.value);
        let text = match value.kind {
            Kind::String => value.as_str().unwrap_or_default().into_owned(),
            _ => value.text.to_owned(),
        };
        all.push((name.into_owned(), text));
    }
    Ok(all)
}

/// The value of a parameter that is given once; of several the last.
pub(super) fn last<'p>(all: &'p [(String, String)], name: &str) -> Option<&'p str> {
    all.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

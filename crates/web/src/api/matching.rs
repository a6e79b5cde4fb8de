//! `Patient/$match`: who may be the person that a Patient resource speaks of (FHIR R4, Operation-patient-match).

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::outcome::{Refusal, outcome};
use super::reply::{Reply, leaving};
use crate::candidates::candidates;
use sanad_node::site::now_ms;
use sanad_record::json::{Node, parse_object};
use sanad_record::matching::{Grade, Score, score};
use sanad_store::Resource;
use serde_json::{Value, json};

/// Most candidates that are given back.
const GIVEN_MAX: usize = 50;

pub(super) fn operation(api: &Api, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    caller.may(Some("Patient"), Access::Search)?;
    let sent = parse_object(&call.body).map_err(|error| Refusal::not_json(&error))?;
    let is_parameters = sent.get_str("resourceType").as_deref() == Some("Parameters");
    let parts = || sent.get("parameter").map_or(&[][..], Node::items).iter();
    let part = |name: &str| parts().find(|part| part.get_str("name").as_deref() == Some(name));
    let wanted = if is_parameters { part("resource").and_then(|part| part.get("resource")) } else { Some(&sent) };
    let wanted = wanted.filter(|wanted| wanted.get_str("resourceType").as_deref() == Some("Patient"));
    let wanted = wanted.ok_or_else(|| {
        Refusal::new(400, "required", "Send Parameters with the Patient as the parameter resource.")
            .at("Parameters.parameter")
    })?;
    let wanted: Value = serde_json::from_str(wanted.text).unwrap_or_default();
    let only_certain =
        part("onlyCertainMatches").and_then(|part| part.get("valueBoolean")).is_some_and(|flag| flag.text == "true");
    let count = part("count").and_then(|part| part.get("valueInteger")?.text.parse::<usize>().ok());
    let mut graded: Vec<(Score, Resource)> = Vec::new();
    let found = tokio::task::block_in_place(|| candidates::<Refusal>(api.site().reader(), &wanted, now_ms()))?;
    for candidate in found.into_values() {
        let value = candidate.raw.as_deref().and_then(|raw| serde_json::from_slice::<Value>(raw).ok());
        let score = score(&wanted, &value.unwrap_or_default());
        let is_kept = if only_certain { score.grade == Grade::Certain } else { score.grade > Grade::CertainlyNot };
        if is_kept && caller.sees(&candidate, Access::Search) {
            graded.push((score, candidate));
        }
    }
    graded.sort_by(|(a, one), (b, other)| b.value.total_cmp(&a.value).then_with(|| one.key.cmp(&other.key)));
    graded.truncate(count.unwrap_or(GIVEN_MAX).min(GIVEN_MAX));
    api.opened(caller, graded.iter().map(|(_, resource)| resource));
    Ok(Reply::new(200, bundle(call, &graded)))
}

fn bundle(call: &Call, graded: &[(Score, Resource)]) -> Vec<u8> {
    let mut entries: Vec<String> = graded
        .iter()
        .map(|(score, resource)| {
            let search = json!({
                "extension": [{
                    "url": "http://hl7.org/fhir/StructureDefinition/match-grade",
                    "valueCode": score.grade.code(),
                }],
                "mode": "match",
                "score": (score.value * 1_000.0).round() / 1_000.0,
            });
            let body = leaving(resource);
            let body = String::from_utf8_lossy(&body);
            let body = body.trim_start_matches('\u{feff}').trim();
            format!(r#"{{"fullUrl":"{}/{}","resource":{body},"search":{search}}}"#, call.base, resource.key)
        })
        .collect();
    // The weights are measured on nothing yet, and whoever reads a score is told so.
    let note = outcome(
        "information",
        "informational",
        "Scores are a first estimate; a person has to look before records are taken for one.",
        None,
    );
    entries.push(json!({ "resource": note, "search": { "mode": "outcome" } }).to_string());
    format!(
        r#"{{"resourceType":"Bundle","type":"searchset","total":{},"entry":[{}]}}"#,
        graded.len(),
        entries.join(",")
    )
    .into_bytes()
}

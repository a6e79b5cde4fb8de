//! `Patient/[id]/$summary`: the International Patient Summary of a chart, as far as it is readable here (IPS 2.0.0).

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::change::new_id;
use super::everything;
use super::outcome::Refusal;
use super::read;
use super::reply::{Reply, leaving};
use sanad_node::site::now_ms;
use sanad_record::ips::{Author, Language, SummaryRequest, SummarySource, summary};
use sanad_record::key::ResourceKey;
use sanad_store::Resource;

pub(super) async fn operation(api: &Api, caller: &Caller, call: &Call, key: &ResourceKey) -> Result<Reply, Refusal> {
    let patient = read::current(api, caller, key, Access::Read)?;
    let ids = everything::ids_of(api, caller, key)?;
    let chart = everything::chart(api, caller, &ids)?;
    let elsewhere = api.site().known_elsewhere(&ids).await?;
    let merged: Vec<String> = ids.into_iter().filter(|id| *id != key.id).collect();
    let raws: Vec<(&Resource, Vec<u8>)> = chart.iter().map(|resource| (resource, leaving(resource))).collect();
    let others: Vec<SummarySource<'_>> = raws
        .iter()
        .filter(|(resource, _)| resource.key != patient.key)
        .map(|(resource, raw)| SummarySource { key: &resource.key, raw })
        .collect();
    let facility = api.site().facility().to_string();
    let raw = leaving(&patient);
    let request = SummaryRequest {
        patient: SummarySource { key, raw: &raw },
        others: &others,
        merged: &merged,
        author: Author { facility: &facility, call_sign: api.site().call_sign() },
        at_ms: now_ms(),
        identifier: &new_id(),
        language: language_of(call),
        more_elsewhere: elsewhere.is_any(),
    };
    let made = summary(&request).map_err(|_| {
        Refusal::new(422, "processing", "The Patient cannot be read as one, so there is no summary of it.")
    })?;
    Ok(Reply::new(200, made.bytes))
}

/// Arabic, unless English is asked for.
fn language_of(call: &Call) -> Language {
    let asked = call.pairs.iter().find(|(name, _)| name == "_language").map(|(_, language)| language.as_str());
    match asked.or(call.language.as_deref()) {
        Some(language) if language.trim().to_ascii_lowercase().starts_with("en") => Language::English,
        _ => Language::Arabic,
    }
}

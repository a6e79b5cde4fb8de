//! `Patient/[id]/$everything`: the whole chart, as far as it is readable here (FHIR R4, Operation-patient-everything).
//!
//! The chart is that of the person: patients who were merged are one. What is known of records that cannot be shown is said
//! beside it.

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::find::{entry, is_about_nobody, link, note, read_query, subset::Wanted};
use super::outcome::Refusal;
use super::parameters::{self, last};
use super::read;
use super::reply::Reply;
use sanad_node::elsewhere::KnownElsewhere;
use sanad_record::json;
use sanad_record::key::{ResourceKey, is_resource_type};
use sanad_record::search::{COUNT_MAX, Include, Query, is_within_care};
use sanad_record::time::{Span, span};
use sanad_store::{Found, Resource};
use serde_json::json;
use std::collections::BTreeMap;

/// Most resources of one chart that are looked at together.
const CHART_MAX: usize = 10_000;
/// The page that begins behind the Patient itself.
const AFTER_PATIENT: &str = "patient";

/// All ids of a person, those of patients that were merged with this one included. Whoever may see one patient's chart sees
/// it under that id alone.
pub(super) fn ids_of(api: &Api, caller: &Caller, key: &ResourceKey) -> Result<Vec<String>, Refusal> {
    if caller.may(Some("Patient"), Access::Read)?.is_some() {
        return Ok(vec![key.id.clone()]);
    }
    Ok(tokio::task::block_in_place(|| api.site().reader().ids_of_person(&key.id))?)
}

/// All of a person's chart that whoever asks may read, and what it refers to.
pub(super) fn chart(api: &Api, caller: &Caller, ids: &[String]) -> Result<Vec<Resource>, Refusal> {
    let mut query = query_of(ids, &[])?;
    let mut chart = Vec::new();
    loop {
        let found = page(api, caller, &query, &|_| true)?;
        chart.extend(found.matches);
        chart.extend(found.included);
        match found.after {
            Some(after) if chart.len() < CHART_MAX => query.after = Some(after),
            _ => break,
        }
    }
    chart.sort_by(|a, b| a.key.cmp(&b.key));
    chart.dedup_by(|a, b| a.key == b.key);
    Ok(chart)
}

/// What is about a person, and what that refers to.
fn query_of(ids: &[String], pairs: &[(String, String)]) -> Result<Query, Refusal> {
    let mut query = read_query(None, pairs)?;
    query.count = COUNT_MAX;
    let mut ids = ids.iter().cloned();
    query.within = ids.next();
    query.within_also = ids.collect();
    query.includes.push(Include { source: None, param: None, target: None, iterate: false, reverse: false });
    Ok(query)
}

/// A page of what the caller may read, with what it refers to that is about nobody: whom and where it speaks of.
fn page(api: &Api, caller: &Caller, query: &Query, passes: &dyn Fn(&Resource) -> bool) -> Result<Found, Refusal> {
    let passes = |resource: &Resource| caller.sees(resource, Access::Read) && passes(resource);
    let mut found = tokio::task::block_in_place(|| api.site().reader().find_where(query, &passes))?;
    found.included.retain(|resource| is_about_nobody(caller, resource));
    Ok(found)
}

/// What is wanted of a chart.
struct Asked {
    /// `_since`, as a search says it.
    pairs: Vec<(String, String)>,
    types: Vec<String>,
    care: Option<Span>,
    count: u32,
    after: Option<String>,
}

impl Asked {
    fn read(call: &Call) -> Result<Asked, Refusal> {
        let all = &call.pairs;
        for (name, _) in all.iter().filter(|_| call.is_strict) {
            let known = ["start", "end", "_since", "_type", "_count", "_after", "_format", "_pretty"];
            if !known.contains(&name.as_str()) {
                return Err(Refusal::new(400, "not-supported", "This parameter is not known to $everything.").at(name));
            }
        }
        let bad = |name: &str, kind: &str| Refusal::new(400, "value", format!("{name} is not a {kind}.")).at(name);
        let date =
            |name: &str| last(all, name).map(|text| span(text).ok_or_else(|| bad(name, "date or time"))).transpose();
        let (start, end) = (date("start")?, date("end")?);
        let care = (start.is_some() || end.is_some()).then(|| Span {
            from_ms: start.map_or(i64::MIN, |start| start.from_ms),
            until_ms: end.map_or(i64::MAX, |end| end.until_ms),
        });
        let types = all.iter().filter(|(name, _)| name == "_type").flat_map(|(_, types)| types.split(','));
        let types: Vec<String> = types.map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if !types.iter().all(|name| is_resource_type(name)) {
            return Err(Refusal::unknown_type().at("_type"));
        }
        let count = last(all, "_count").map(|count| count.parse::<u32>().map_err(|_| bad("_count", "whole number")));
        let since = last(all, "_since").map(|since| ("_lastUpdated".to_owned(), format!("ge{since}")));
        Ok(Asked {
            pairs: since.into_iter().collect(),
            types,
            care,
            // A chart is one page unless it is asked for in several.
            count: count.transpose()?.unwrap_or(COUNT_MAX).clamp(1, COUNT_MAX),
            after: last(all, "_after").map(str::to_owned),
        })
    }

    fn wants_type(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind)
    }

    fn wants(&self, resource: &Resource) -> bool {
        let is_in_care = |care: Span| {
            let node = resource.raw.as_deref().and_then(|raw| json::parse(raw).ok());
            node.is_none_or(|node| is_within_care(&resource.key.resource_type, &node, care))
        };
        self.wants_type(&resource.key.resource_type) && self.care.is_none_or(is_in_care)
    }
}

/// `Patient/$everything` without an id: of the one patient that a token is for.
pub(super) async fn of_own(api: &Api, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    match caller.may(Some("Patient"), Access::Read)?.map(|own| ResourceKey::new("Patient", own)) {
        Some(Ok(key)) => everything(api, caller, call, &key).await,
        _ => Err(Refusal::new(
            422,
            "too-costly",
            "All charts at once are too much for one answer. Ask for one patient: Patient/[id]/$everything.",
        )),
    }
}

pub(super) async fn everything(api: &Api, caller: &Caller, call: &Call, key: &ResourceKey) -> Result<Reply, Refusal> {
    let patient = read::current(api, caller, key, Access::Read)?;
    // The next page is asked for with what this one was.
    let call = Call { pairs: parameters::read(call, "resource")?, ..call.clone() };
    let asked = Asked::read(&call)?;
    let ids = ids_of(api, caller, key)?;
    let mut query = query_of(&ids, &asked.pairs)?;
    query.count = asked.count;
    query.after = asked.after.clone().filter(|after| after != AFTER_PATIENT);
    let mut pages = Vec::new();
    // The Patient itself comes first.
    if asked.after.is_none() && asked.wants(&patient) {
        let own = page(api, caller, &query, &|resource| resource.key == *key)?;
        query.count -= own.matches.len() as u32;
        pages.push(own);
    }
    let after = match query.count {
        0 => Some(AFTER_PATIENT.to_owned()),
        _ => {
            let rest = page(api, caller, &query, &|resource| resource.key != *key && asked.wants(resource))?;
            let after = rest.after.clone();
            pages.push(rest);
            after
        }
    };
    let mut entries: Vec<String> = Vec::new();
    let matches = || pages.iter().flat_map(|page| &page.matches);
    api.opened(caller, matches());
    entries.extend(matches().map(|resource| entry(&call, resource, "match", &Wanted::All)));
    let along = pages.iter().flat_map(|page| &page.included);
    let along = along.filter(|resource| asked.wants_type(&resource.key.resource_type));
    let along: BTreeMap<_, _> = along.map(|resource| (&resource.key, resource)).collect();
    entries.extend(along.values().map(|resource| entry(&call, resource, "include", &Wanted::All)));
    if pages.iter().any(|page| !page.all_included) {
        let what = "More would have come along than one page takes; ask for it by itself.";
        entries.push(note("warning", "incomplete", what));
    }
    let elsewhere = api.site().known_elsewhere(&ids).await?;
    entries.extend(said_of(&elsewhere));
    if caller.may(None, Access::Read).is_err() {
        entries.push(note("information", "suppressed", "What is of types that the token does not allow is left out."));
    }
    let path = format!("{}/{key}/$everything", call.base);
    let mut links = vec![json!({ "relation": "self", "url": link(&path, &call, None) })];
    links.extend(after.map(|after| json!({ "relation": "next", "url": link(&path, &call, Some(&after)) })));
    let links = serde_json::Value::from(links);
    let body =
        format!(r#"{{"resourceType":"Bundle","type":"searchset","link":{links},"entry":[{}]}}"#, entries.join(","));
    Ok(Reply::new(200, body.into_bytes()))
}

/// What is known of records that cannot be shown here, each as an entry.
fn said_of(elsewhere: &KnownElsewhere) -> Vec<String> {
    let mut said = Vec::new();
    if elsewhere.sealed_entries > 0 {
        said.push(note(
            "warning",
            "suppressed",
            "Records of this patient are held here sealed, and cannot be read here.",
        ));
    }
    if elsewhere.sealed_of_unknown > 0 {
        let what = "This site holds sealed records of which it cannot tell whose they are; some may be this patient's.";
        said.push(note("information", "suppressed", what));
    }
    match elsewhere.sites_ahead.len() {
        0 => {}
        sites => {
            let what = format!(
                "{sites} other sites have confirmed records that have not reached this one; some may be this patient's."
            );
            said.push(note("warning", "incomplete", &what));
        }
    }
    if said.is_empty() {
        let what =
            "Nothing is known here of records of this patient elsewhere, which does not prove that there are none.";
        said.push(note("information", "informational", what));
    }
    said
}

//! Searches, and their pages as Bundles.

pub(super) mod subset;

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::interact::type_of;
use super::outcome::{Refusal, outcome};
use super::reply::{Reply, leaving};
use sanad_node::site::now_ms;
use sanad_record::key::is_legal_id;
use sanad_record::search::{Now, Query, Summary, read};
use sanad_store::{Found, Resource};
use serde_json::json;
use subset::Wanted;

/// Reads a search.
pub(super) fn read_query(resource_type: Option<&'static str>, pairs: &[(String, String)]) -> Result<Query, Refusal> {
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    Ok(read(resource_type, pairs, Now(now_ms()))?)
}

/// A search of one type or of all; `within` keeps it to one patient's records.
pub(super) fn search(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: Option<&'static str>,
    within: Option<&str>,
) -> Result<Reply, Refusal> {
    let own = caller.may(resource_type, Access::Search)?;
    let call = &api.kept().resumed(caller, call)?;
    let mut query = read_query(resource_type, &call.pairs)?;
    if call.is_strict
        && let Some(name) = query.unknown.first()
    {
        return Err(Refusal::new(
            400,
            "not-supported",
            "The search names a parameter that is not known, and is strict.",
        )
        .at(name));
    }
    query.within = match (within, own) {
        (Some(within), Some(own)) if within != own => return Err(Refusal::not_found()),
        (within, own) => within.or(own).map(str::to_owned),
    };
    query.sight = caller.sight();
    let mut found = tokio::task::block_in_place(|| api.site().reader().find(&query))?;
    // What comes along is for whoever may read it by itself.
    found.included.retain(|resource| caller.sees(resource, Access::Read) || is_about_nobody(caller, resource));
    api.opened(caller, found.matches.iter().chain(&found.included));
    let path = match (within, resource_type) {
        (Some(patient), kind) => format!("{}/Patient/{patient}/{}", call.base, kind.unwrap_or("*")),
        (None, Some(kind)) => format!("{}/{kind}", call.base),
        (None, None) => call.base.clone(),
    };
    let next = found.after.as_deref().map(|after| match call.from_body {
        true => format!("{path}?{}", api.kept().next(caller, call, after)),
        false => link(&path, call, Some(after)),
    });
    Ok(Reply::new(200, page(call, &link(&path, call, None), next, &query, &found)))
}

/// True for what is about no patient and may be read: an organisation, a place.
pub(super) fn is_about_nobody(caller: &Caller, resource: &Resource) -> bool {
    caller.may(Some(&resource.key.resource_type), Access::Read).is_ok() && resource.patients.is_empty()
}

/// `Patient/id/Type` and `Patient/id/*`: what belongs to a patient.
pub(super) fn compartment(
    api: &Api,
    caller: &Caller,
    call: &Call,
    kind: &str,
    id: &str,
    of: &str,
) -> Result<Reply, Refusal> {
    if kind != "Patient" {
        return Err(Refusal::not_supported("Only the compartment of a Patient is searched."));
    }
    if !is_legal_id(id) {
        return Err(Refusal::bad_id());
    }
    let of = if of == "*" { None } else { Some(type_of(of)?) };
    search(api, caller, call, of, Some(id))
}

/// A page as a Bundle: its own address says what was asked, as R4 wants it, and that of the next is asked for.
fn page(call: &Call, own: &str, next: Option<String>, query: &Query, found: &Found) -> Vec<u8> {
    let entries = entries_of(call, query, found);
    let mut links = vec![json!({ "relation": "self", "url": own })];
    links.extend(next.map(|next| json!({ "relation": "next", "url": next })));
    let mut out = String::from(r#"{"resourceType":"Bundle","type":"searchset""#);
    if let Some(total) = found.total {
        out.push_str(&format!(r#","total":{total}"#));
    }
    out.push_str(&format!(r#","link":{}"#, serde_json::Value::from(links)));
    if query.summary != Summary::Count && !entries.is_empty() {
        out.push_str(r#","entry":["#);
        out.push_str(&entries.join(","));
        out.push(']');
    }
    out.push('}');
    out.into_bytes()
}

fn entries_of(call: &Call, query: &Query, found: &Found) -> Vec<String> {
    let wanted = Wanted::of_query(query);
    let mut entries = Vec::with_capacity(found.matches.len() + found.included.len());
    entries.extend(found.matches.iter().map(|resource| entry(call, resource, "match", &wanted)));
    // What comes along is whole.
    entries.extend(found.included.iter().map(|resource| entry(call, resource, "include", &Wanted::All)));
    for name in &query.unknown {
        entries.push(note(
            "warning",
            "not-supported",
            &format!("The parameter {name} is not known here and was passed over."),
        ));
    }
    if !found.all_included {
        entries.push(note(
            "warning",
            "incomplete",
            "More would have come along than one page takes; ask for it by itself.",
        ));
    }
    entries
}

/// Something to be said beside what was found.
pub(super) fn note(severity: &str, code: &str, what: &str) -> String {
    json!({ "resource": outcome(severity, code, what, None), "search": { "mode": "outcome" } }).to_string()
}

/// The address of this search, or of its next page.
pub(super) fn link(path: &str, call: &Call, after: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in call.pairs.iter().filter(|(name, _)| name != "_after") {
        query.append_pair(name, value);
    }
    let after = after.or_else(|| {
        // The page itself is named as it was asked for.
        call.pairs.iter().rev().find(|(name, _)| name == "_after").map(|(_, after)| after.as_str())
    });
    if let Some(after) = after {
        query.append_pair("_after", after);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

pub(super) fn entry(call: &Call, resource: &Resource, mode: &str, wanted: &Wanted) -> String {
    let body = subset::of(leaving(resource), wanted);
    let body = String::from_utf8_lossy(&body);
    format!(
        r#"{{"fullUrl":"{}/{}","resource":{},"search":{{"mode":"{mode}"}}}}"#,
        call.base,
        resource.key,
        body.trim_start_matches('\u{feff}').trim()
    )
}

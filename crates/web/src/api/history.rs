//! The versions of a resource, of a type, of all.

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::outcome::Refusal;
use super::reply::{Reply, leaving};
use sanad_record::key::ResourceKey;
use sanad_record::op::Action;
use sanad_record::outgoing::{rfc3339, with_meta};
use sanad_record::search::COUNT_MAX;
use sanad_record::time;
use sanad_store::{HistoryRow, HistoryWanted, Resource};
use serde_json::json;

/// Versions on a page where nothing is said.
const COUNT_DEFAULT: u32 = 50;

fn wanted(call: &Call) -> Result<HistoryWanted, Refusal> {
    let mut wanted = HistoryWanted { count: COUNT_DEFAULT, ..HistoryWanted::default() };
    let bad = |name: &str, kind: &str| Refusal::new(400, "value", format!("{name} is not a {kind}.")).at(name);
    let instant = |name: &str, text: &str| {
        let span = time::span(text)
            .or_else(|| time::span(&text.replace(' ', "+")))
            .ok_or_else(|| bad(name, "date or time"))?;
        Ok::<_, Refusal>((span.from_ms.max(0) as u64, span.until_ms.max(0) as u64))
    };
    for (name, value) in &call.pairs {
        match name.as_str() {
            "_since" => wanted.since_ms = instant(name, value)?.0,
            "_at" => {
                (wanted.since_ms, wanted.until_ms) = instant(name, value).map(|(from, until)| (from, Some(until)))?
            }
            "_count" => wanted.count = value.parse::<u32>().map_err(|_| bad(name, "number"))?.clamp(1, COUNT_MAX),
            "_after" => wanted.after = Some(value.clone()),
            _ if call.is_strict && !matches!(name.as_str(), "_format" | "_pretty") => {
                return Err(Refusal::new(400, "not-supported", "This parameter is not known in a history.").at(name));
            }
            _ => {}
        }
    }
    Ok(wanted)
}

/// All versions of a type, or of everything.
pub(super) fn of_all(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: Option<&'static str>,
) -> Result<Reply, Refusal> {
    let own = caller.may(resource_type, Access::Search)?;
    let mut wanted = wanted(call)?;
    wanted.resource_type = resource_type;
    wanted.within = own.map(str::to_owned);
    let page = tokio::task::block_in_place(|| api.site().reader().history(&wanted))?;
    let path = resource_type
        .map_or_else(|| format!("{}/_history", call.base), |kind| format!("{}/{kind}/_history", call.base));
    let entries = page.rows.iter().map(|row| entry(call, row)).collect();
    Ok(Reply::new(200, bundle(call, &path, entries, page.after.as_deref(), None)))
}

/// All versions of one resource.
pub(super) fn of_one(api: &Api, caller: &Caller, call: &Call, key: &ResourceKey) -> Result<Reply, Refusal> {
    let own = caller.may(Some(&key.resource_type), Access::Read)?;
    let wanted = wanted(call)?;
    let reader = api.site().reader();
    let resource = tokio::task::block_in_place(|| reader.resource(key))?.ok_or_else(Refusal::not_found)?;
    if !caller.sees(&resource, Access::Read) {
        return Err(Refusal::not_found());
    }
    api.opened(caller, [&resource]);
    let versions = tokio::task::block_in_place(|| reader.versions(key))?;
    let is_within =
        |updated_ms: u64| updated_ms >= wanted.since_ms && wanted.until_ms.is_none_or(|until| updated_ms < until);
    let since = versions.into_iter().filter(|row| is_within(row.updated_ms));
    let mut all: Vec<_> = since.collect();
    if own.is_some() {
        let mut kept = Vec::with_capacity(all.len());
        for row in all {
            let raw = tokio::task::block_in_place(|| reader.version_raw(key, &row.id))?.unwrap_or_default();
            // What is this patient's now may have been another's before it was put right.
            if row.action == Action::Delete || caller.sees_version(key, &raw, Access::Read) {
                kept.push(row);
            }
        }
        all = kept;
    }
    let from = match &wanted.after {
        None => 0,
        Some(after) => all
            .iter()
            .position(|row| row.id.to_string() == *after)
            .map(|at| at + 1)
            .ok_or_else(|| Refusal::from(sanad_store::StoreError::BadCursor))?,
    };
    let shown = &all[from..all.len().min(from + wanted.count as usize)];
    let mut entries = Vec::with_capacity(shown.len() + 1);
    // What several versions come to together is nobody's save, and is what is read now.
    let is_merged = resource.heads.len() > 1 && resource.raw.is_some() && is_within(resource.updated_ms);
    if is_merged && from == 0 {
        entries.push(entry_of_merge(call, &resource));
    }
    for row in shown {
        let raw = tokio::task::block_in_place(|| reader.version_raw(key, &row.id))?.unwrap_or_default();
        let row = HistoryRow {
            key: key.clone(),
            id: row.id,
            action: row.action,
            is_first: row.parents.is_empty(),
            updated_ms: row.updated_ms,
            raw,
        };
        entries.push(entry(call, &row));
    }
    let after = shown.last().filter(|_| from + shown.len() < all.len()).map(|row| row.id.to_string());
    let path = format!("{}/{key}/_history", call.base);
    Ok(Reply::new(200, bundle(call, &path, entries, after.as_deref(), Some(all.len() + usize::from(is_merged)))))
}

fn bundle(call: &Call, path: &str, entries: Vec<String>, after: Option<&str>, total: Option<usize>) -> Vec<u8> {
    let address = |after: Option<&str>| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in call.pairs.iter().filter(|(name, _)| after.is_none() || name != "_after") {
            query.append_pair(name, value);
        }
        if let Some(after) = after {
            query.append_pair("_after", after);
        }
        let query = query.finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    };
    let mut links = vec![json!({ "relation": "self", "url": address(None) })];
    links.extend(after.map(|after| json!({ "relation": "next", "url": address(Some(after)) })));
    let mut out = String::from(r#"{"resourceType":"Bundle","type":"history""#);
    if let Some(total) = total {
        out.push_str(&format!(r#","total":{total}"#));
    }
    out.push_str(&format!(r#","link":{}"#, serde_json::Value::from(links)));
    if !entries.is_empty() {
        out.push_str(&format!(r#","entry":[{}]"#, entries.join(",")));
    }
    out.push('}');
    out.into_bytes()
}

/// What a resource says now that several versions of it were merged.
fn entry_of_merge(call: &Call, resource: &Resource) -> String {
    let request = json!({ "method": "PUT", "url": resource.key.to_string() });
    let response = response("200", &resource.version_id, resource.updated_ms);
    let body = leaving(resource);
    let body = String::from_utf8_lossy(&body);
    let body = body.trim_start_matches('\u{feff}').trim();
    let url = format!("{}/{}", call.base, resource.key);
    format!(r#"{{"fullUrl":"{url}","resource":{body},"request":{request},"response":{response}}}"#)
}

fn response(status: &str, version: &str, updated_ms: u64) -> serde_json::Value {
    json!({ "status": status, "etag": format!("W/\"{version}\""), "lastModified": rfc3339(updated_ms) })
}

fn entry(call: &Call, row: &HistoryRow) -> String {
    let version = row.id.to_string();
    let (method, url, status) = match (row.action, row.is_first) {
        (Action::Delete, _) => ("DELETE", row.key.to_string(), "204"),
        (Action::Put, true) => ("POST", row.key.resource_type.clone(), "201"),
        (Action::Put, false) => ("PUT", row.key.to_string(), "200"),
    };
    let request = json!({ "method": method, "url": url });
    let response = response(status, &version, row.updated_ms);
    let resource = match row.action {
        Action::Delete => String::new(),
        Action::Put => {
            let body = with_meta(&row.raw, &row.key, &version, row.updated_ms, &[]).unwrap_or_else(|_| row.raw.clone());
            format!(r#""resource":{},"#, String::from_utf8_lossy(&body).trim_start_matches('\u{feff}').trim())
        }
    };
    format!(r#"{{"fullUrl":"{}/{}",{resource}"request":{request},"response":{response}}}"#, call.base, row.key)
}

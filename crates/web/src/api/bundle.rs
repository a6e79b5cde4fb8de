//! Batches and transactions (FHIR R4 §3.1.0.11).
//!
//! A transaction is one save: all of it is durable and replicates together, or nothing was done. Its parts are worked out in
//! the order that R4 asks for (deletes, creates, updates, reads), each against what was there before; what they are called
//! in the Bundle (`urn:uuid:…`) becomes what they are called here wherever they refer to one another.

use super::access::Caller;
use super::call::{Call, Method};
use super::change::{self, Conditional, Prepared};
use super::interact::{interact, key_of, type_of};
use super::outcome::Refusal;
use super::reply::Reply;
use super::{Api, patch};
use base64::Engine as _;
use bytes::Bytes;
use sanad_node::save::CHANGES_MAX;
use sanad_record::json::{Edits, Kind, Node, parse_object};
use sanad_record::key::ResourceKey;
use sanad_record::outgoing::rfc3339;
use std::collections::{BTreeMap, BTreeSet};

/// Most entries of one Bundle.
const ENTRIES_MAX: usize = CHANGES_MAX;

/// One entry, as a request of its own.
struct Entry {
    at: usize,
    full_url: Option<String>,
    call: Call,
}

pub(super) async fn process(api: &Api, caller: &Caller, call: &Call) -> Result<Reply, Refusal> {
    let bundle = parse_object(&call.body).map_err(|error| Refusal::not_json(&error))?;
    if bundle.get_str("resourceType").as_deref() != Some("Bundle") {
        return Err(
            Refusal::new(400, "invalid", "What is sent here is a Bundle. Nothing was saved.").at("resourceType")
        );
    }
    let kind = bundle.get_str("type").unwrap_or_default();
    let items = bundle.get("entry").map_or(&[][..], Node::items);
    if items.len() > ENTRIES_MAX {
        return Err(Refusal::new(
            413,
            "too-long",
            format!("A Bundle may hold {ENTRIES_MAX} entries. Nothing was saved; send it in parts."),
        ));
    }
    let entries: Vec<Result<Entry, Refusal>> =
        items.iter().enumerate().map(|(at, item)| entry_of(call, at, item)).collect();
    let replies = match &*kind {
        "batch" => batch(api, caller, entries).await,
        "transaction" => {
            let entries = entries.into_iter().collect::<Result<Vec<_>, _>>()?;
            transaction(api, caller, entries).await?
        }
        _ => return Err(Refusal::new(400, "value", "Only a batch or a transaction is carried out.").at("Bundle.type")),
    };
    Ok(Reply::new(200, response(&kind, &replies)))
}

fn entry_of(call: &Call, at: usize, item: &Node<'_>) -> Result<Entry, Refusal> {
    let place = |part: &str| format!("Bundle.entry[{at}].{part}");
    let needed = |part: &str| {
        Refusal::new(400, "required", "The entry does not say what is to be done. Nothing was saved.").at(place(part))
    };
    let request = item.get("request").ok_or_else(|| needed("request"))?;
    let method = request.get_str("method").ok_or_else(|| needed("request.method"))?;
    let url = request.get_str("url").ok_or_else(|| needed("request.url"))?;
    let url = url.strip_prefix(&*call.base).unwrap_or(&url);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut inner = Call::new(&method, path, query, &call.base).map_err(|refusal| refusal.at(place("request")))?;
    let text = |name: &str| request.get_str(name).map(|text| text.into_owned());
    let tag = |name: &str| text(name).map(|tag| tag.trim_start_matches("W/").trim_matches('"').to_owned());
    inner.if_match = tag("ifMatch");
    inner.if_none_match = tag("ifNoneMatch");
    inner.if_none_exist = text("ifNoneExist");
    inner.wants = call.wants;
    inner.is_strict = call.is_strict;
    if let Some(resource) = item.get("resource") {
        inner.body = match patch_in(resource) {
            Some(patch) => {
                inner.content_type = "application/json-patch+json".to_owned();
                patch.map_err(|refusal| refusal.at(place("resource")))?
            }
            None => Bytes::copy_from_slice(resource.text.as_bytes()),
        };
    }
    let full_url = item.get_str("fullUrl").map(|url| url.into_owned());
    Ok(Entry { at, full_url, call: inner })
}

/// A JSON Patch travels in a Bundle as a Binary.
fn patch_in(resource: &Node<'_>) -> Option<Result<Bytes, Refusal>> {
    let is_binary = resource.get_str("resourceType").as_deref() == Some("Binary");
    let kind = resource.get_str("contentType").filter(|_| is_binary)?;
    if !kind.starts_with("application/json-patch+json") {
        return None;
    }
    let data = resource.get_str("data").unwrap_or_default();
    let patch = base64::engine::general_purpose::STANDARD.decode(data.as_bytes());
    Some(
        patch
            .map(Bytes::from)
            .map_err(|_| Refusal::new(400, "value", "The patch in the Binary is not base64. Nothing was saved.")),
    )
}

async fn batch(api: &Api, caller: &Caller, entries: Vec<Result<Entry, Refusal>>) -> Vec<Reply> {
    let mut replies = Vec::with_capacity(entries.len());
    for entry in entries {
        let reply = match entry {
            // A batch in a batch would have no end.
            Ok(entry) if entry.call.path.is_empty() && entry.call.method == Method::Post => {
                Err(Refusal::not_supported("A Bundle within a Bundle is not carried out."))
            }
            Ok(entry) => Box::pin(interact(api, caller, entry.call)).await,
            Err(refusal) => Err(refusal),
        };
        replies.push(reply.unwrap_or_else(|refusal| Reply::refused(&refusal)));
    }
    replies
}

/// What an entry of a transaction comes to before it is saved.
enum Planned {
    Change(Box<Prepared>),
    /// Nothing to be saved: it is there, or not there, already.
    Answered(Reply),
    /// Read once all is saved.
    Read,
}

async fn transaction(api: &Api, caller: &Caller, mut entries: Vec<Entry>) -> Result<Vec<Reply>, Refusal> {
    let count = entries.len();
    let order = |method: Method| match method {
        Method::Delete => 0,
        Method::Post => 1,
        Method::Put | Method::Patch => 2,
        Method::Get => 3,
    };
    entries.sort_by_key(|entry| order(entry.call.method));
    are_named_apart(&entries)?;
    let _alone = api.conditional().lock().await;
    let mut planned: Vec<(Entry, Planned)> = Vec::with_capacity(count);
    for entry in entries {
        let place = format!("Bundle.entry[{}]", entry.at);
        let plan = plan(api, caller, &entry).map_err(|refusal| {
            let inner =
                refusal.place.as_deref().map_or_else(|| place.clone(), |inner| format!("{place}.resource.{inner}"));
            refusal.at(inner)
        })?;
        planned.push((entry, plan));
    }
    can_be_read(api, caller, &planned).await?;
    let names = names_of(&planned);
    let mut seen = BTreeSet::new();
    let mut changes = Vec::new();
    let mut is_strict = false;
    for (entry, plan) in &mut planned {
        let Planned::Change(prepared) = plan else { continue };
        let place = format!("Bundle.entry[{}]", entry.at);
        if !seen.insert(prepared.change.key.clone()) {
            return Err(Refusal::new(
                400,
                "duplicate",
                "One resource is changed twice in a transaction. Nothing was saved.",
            )
            .at(place));
        }
        if let Some(raw) = prepared.change.raw.take() {
            prepared.change.raw = Some(resolved(api, caller, &raw, &names).map_err(|refusal| refusal.at(place))?);
        }
        is_strict |= prepared.is_strict;
        changes.push(prepared.change.clone());
    }
    let saved = match changes.is_empty() {
        true => None,
        false => Some(change::save(api, caller, changes, is_strict).await?),
    };
    let mut versions = saved.iter().flat_map(|saved| saved.versions.iter().copied());
    let at_ms = saved.as_ref().map_or(0, |saved| saved.at_ms);
    let mut replies = vec![Reply::default(); count];
    for (entry, plan) in planned {
        replies[entry.at] = match plan {
            Planned::Change(prepared) => {
                let version =
                    versions.next().ok_or_else(|| Refusal::new(500, "exception", "The save was not confirmed."))?;
                change::written(api, &entry.call, &prepared.change, prepared.is_new, version, at_ms)
            }
            Planned::Answered(reply) => reply,
            Planned::Read => {
                let read = Box::pin(interact(api, caller, entry.call)).await;
                read.unwrap_or_else(|refusal| Reply::refused(&refusal))
            }
        };
    }
    Ok(replies)
}

fn plan(api: &Api, caller: &Caller, entry: &Entry) -> Result<Planned, Refusal> {
    let call = &entry.call;
    let condition = || {
        let mut query = form_urlencoded::Serializer::new(String::new());
        call.pairs.iter().for_each(|(name, value)| {
            query.append_pair(name, value);
        });
        query.finish()
    };
    let change = |prepared: Prepared| Planned::Change(Box::new(prepared));
    Ok(match (call.method, &call.parts()[..]) {
        (Method::Get, _) => Planned::Read,
        (Method::Post, [kind]) => {
            let kind = type_of(kind)?;
            match &call.if_none_exist {
                None => change(change::prepare_create(api, caller, call, kind)?),
                Some(condition) => match change::prepare_create_where(api, caller, call, kind, condition)? {
                    Conditional::Do(prepared) => Planned::Change(prepared),
                    Conditional::Exists(resource) => Planned::Answered(change::existing(call, &resource)),
                    Conditional::Nothing => Planned::Answered(Reply::new(204, Vec::new())),
                },
            }
        }
        (Method::Put, [kind, id]) => change(change::prepare_update(api, caller, call, key_of(kind, id)?)?),
        (Method::Put, [kind]) => change(change::prepare_update_where(api, caller, call, type_of(kind)?, &condition())?),
        (Method::Patch, [kind, id]) => change(patch::prepare(api, caller, call, &key_of(kind, id)?)?),
        (Method::Patch, [kind]) => {
            let found = change::find_one(api, caller, type_of(kind)?, &condition())?.ok_or_else(Refusal::not_found)?;
            change(patch::prepare(api, caller, call, &found.key)?)
        }
        (Method::Delete, [kind, id]) => match change::prepare_delete(api, caller, call, key_of(kind, id)?)? {
            Some(prepared) => change(prepared),
            None => Planned::Answered(Reply::new(204, Vec::new())),
        },
        (Method::Delete, [kind]) => {
            match change::prepare_delete_where(api, caller, call, type_of(kind)?, &condition())? {
                Conditional::Do(prepared) => Planned::Change(prepared),
                _ => Planned::Answered(Reply::new(204, Vec::new())),
            }
        }
        _ => return Err(Refusal::not_supported("This cannot be part of a transaction.")),
    })
}

/// What a transaction reads is there, or is put by it: otherwise none of it is done (FHIR R4 §3.1.0.11.2).
async fn can_be_read(api: &Api, caller: &Caller, planned: &[(Entry, Planned)]) -> Result<(), Refusal> {
    let puts = |name: &str| {
        planned.iter().any(|(_, plan)| match plan {
            Planned::Change(prepared) => prepared.change.raw.is_some() && prepared.change.key.to_string() == name,
            _ => false,
        })
    };
    for (entry, _) in planned.iter().filter(|(_, plan)| matches!(plan, Planned::Read)) {
        let is_put = matches!(&entry.call.parts()[..], [kind, id] if puts(&format!("{kind}/{id}")));
        if is_put {
            continue;
        }
        let tried = Box::pin(interact(api, caller, entry.call.clone())).await;
        tried.map_err(|refusal| refusal.at(format!("Bundle.entry[{}].request", entry.at)))?;
    }
    Ok(())
}

/// Two entries of one name: nobody could say which of them a reference means (FHIR R4 §2.36.4, bdl-7).
fn are_named_apart(entries: &[Entry]) -> Result<(), Refusal> {
    let mut named = BTreeSet::new();
    for entry in entries.iter().filter(|entry| !matches!(entry.call.method, Method::Get | Method::Delete)) {
        if entry.full_url.as_ref().is_some_and(|url| !url.is_empty() && !named.insert(url)) {
            let what =
                "Two entries of the Bundle have one fullUrl, so that a reference could mean either. Nothing was saved.";
            return Err(Refusal::new(400, "duplicate", what).at(format!("Bundle.entry[{}].fullUrl", entry.at)));
        }
    }
    Ok(())
}

/// What the entries are called in the Bundle, and here.
fn names_of(planned: &[(Entry, Planned)]) -> BTreeMap<String, String> {
    let name = |(entry, plan): &(Entry, Planned)| {
        let full_url = entry.full_url.clone()?;
        let key: Option<ResourceKey> = match plan {
            Planned::Change(prepared) => Some(prepared.change.key.clone()),
            // `[base]/Type/id/_history/version`
            Planned::Answered(reply) => reply.location.as_deref().and_then(|location| {
                let (before, _) = location.split_once("/_history/")?;
                let mut parts = before.rsplit('/');
                let (id, kind) = (parts.next()?, parts.next()?);
                key_of(kind, id).ok()
            }),
            Planned::Read => None,
        };
        Some((full_url, key?.to_string()))
    };
    planned.iter().filter_map(name).collect()
}

/// A resource whose references within the Bundle lead to what it is called here. Every other byte stays.
fn resolved(api: &Api, caller: &Caller, raw: &[u8], names: &BTreeMap<String, String>) -> Result<Vec<u8>, Refusal> {
    let resource = parse_object(raw).map_err(|error| Refusal::not_json(&error))?;
    let mut edits = Edits::default();
    let mut found = Vec::new();
    references_in(&resource, &mut found);
    for node in found {
        let Some(reference) = node.as_str() else { continue };
        let (target, fragment) =
            reference.split_once('#').map_or((&*reference, None), |(target, rest)| (target, Some(rest)));
        let named = match names.get(target) {
            Some(name) => name.clone(),
            // `Patient?identifier=…` means the one that it finds.
            None => match target.split_once('?') {
                Some((kind, condition)) if type_of(kind).is_ok() => {
                    let found = change::find_one(api, caller, type_of(kind)?, condition)?;
                    let found = found.ok_or_else(|| {
                        Refusal::precondition("A reference by a condition fits no resource. Nothing was saved.")
                    })?;
                    found.key.to_string()
                }
                _ => continue,
            },
        };
        let fragment = fragment.map_or_else(String::new, |fragment| format!("#{fragment}"));
        edits.replace(node.start..node.end(), serde_json::Value::from(format!("{named}{fragment}")).to_string());
    }
    Ok(edits.apply(raw))
}

/// The literals of references: members called `reference`, and addresses that name an entry of a Bundle by its `urn:`.
fn references_in<'n, 'a>(node: &'n Node<'a>, found: &mut Vec<&'n Node<'a>>) {
    match &node.kind {
        Kind::Array(items) => items.iter().for_each(|item| references_in(item, found)),
        Kind::Object(members) => {
            for member in members {
                let is_address = || {
                    // An identifier may well be the same urn, and stays it.
                    matches!(&*member.key, "url" | "uri" | "valueUri" | "valueUrl" | "valueCanonical")
                        && member.value.text.starts_with("\"urn:")
                };
                match member.value.kind {
                    Kind::String if member.key == "reference" || is_address() => found.push(&member.value),
                    _ => references_in(&member.value, found),
                }
            }
        }
        _ => {}
    }
}

fn response(kind: &str, replies: &[Reply]) -> Vec<u8> {
    let entries: Vec<String> = replies.iter().map(entry_response).collect();
    let mut out = format!(r#"{{"resourceType":"Bundle","type":"{kind}-response""#);
    if !entries.is_empty() {
        out.push_str(&format!(r#","entry":[{}]"#, entries.join(",")));
    }
    out.push('}');
    out.into_bytes()
}

fn entry_response(reply: &Reply) -> String {
    let mut response = serde_json::Map::new();
    response.insert("status".to_owned(), reply.status.to_string().into());
    if let Some(location) = &reply.location {
        response.insert("location".to_owned(), location.clone().into());
    }
    if let Some(etag) = reply.etag() {
        response.insert("etag".to_owned(), etag.into());
    }
    if let Some(ms) = reply.updated_ms {
        response.insert("lastModified".to_owned(), rfc3339(ms).into());
    }
    let body = String::from_utf8_lossy(&reply.body);
    let body = body.trim_start_matches('\u{feff}').trim();
    // What went wrong is part of the response, what was read or saved is the resource.
    let (resource, outcome) = match (body.is_empty(), reply.status) {
        (true, _) => (String::new(), String::new()),
        (false, 400..) => (String::new(), format!(r#","outcome":{body}"#)),
        (false, _) => (format!(r#""resource":{body},"#), String::new()),
    };
    let response = serde_json::Value::Object(response).to_string();
    format!(r#"{{{resource}"response":{}{outcome}}}}}"#, &response[..response.len() - 1])
}

//! Writing: every one a save like any other.
//!
//! A change is first prepared, which asks whether it may be and what it is a change of, and then saved. One that depends on
//! what was found (`If-Match`, a search) is saved only if that is still so.

use super::Api;
use super::access::{Access, Caller};
use super::call::{Call, Return, is_json, pairs_of};
use super::outcome::Refusal;
use super::reply::Reply;
use super::{find, subscription, validity};
use sanad_node::save::{Change, SaveRequest, Saved};
use sanad_node::site::system_entropy;
use sanad_record::json::{Kind, Node, parse_object};
use sanad_record::key::ResourceKey;
use sanad_record::outgoing::with_meta;
use sanad_record::version::VersionId;
use sanad_store::Resource;

/// A change that may be made.
pub(super) struct Prepared {
    pub change: Change,
    /// Nothing else may have been saved to it meanwhile.
    pub is_strict: bool,
    /// True if the resource is not there yet.
    pub is_new: bool,
}

/// What a conditional write comes to.
pub(super) enum Conditional {
    /// There is one already; nothing is to be done.
    Exists(Box<Resource>),
    /// This is to be done.
    Do(Box<Prepared>),
    /// There is nothing to delete.
    Nothing,
}

/// A new id: a random UUID (RFC 9562, version 4).
pub(super) fn new_id() -> String {
    let mut bytes = system_entropy().array::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

/// The body as a resource of a type.
fn body_of<'b>(api: &Api, call: &'b Call, resource_type: &str) -> Result<Node<'b>, Refusal> {
    if !call.content_type.is_empty() && !is_json(&call.content_type) {
        return Err(Refusal::new(
            415,
            "not-supported",
            "Only JSON is read here: application/fhir+json. Nothing was saved.",
        ));
    }
    let resource = parse_object(&call.body).map_err(|error| Refusal::not_json(&error))?;
    match resource.get_str("resourceType") {
        Some(kind) if kind == resource_type => {
            validity::judge(api, &resource)?;
            Ok(resource)
        }
        Some(_) => {
            Err(Refusal::new(400, "invalid", "The body is of another type than the address. Nothing was saved.")
                .at("resourceType"))
        }
        None => Err(Refusal::new(400, "structure", "The body does not say its resourceType. Nothing was saved.")
            .at("resourceType")),
    }
}

pub(super) fn id_in(resource: &Node<'_>) -> Result<Option<String>, Refusal> {
    match resource.get("id") {
        None => Ok(None),
        Some(id) if matches!(id.kind, Kind::String) => Ok(id.as_str().map(|id| id.into_owned())),
        Some(_) => Err(Refusal::new(400, "value", "The id is not a string. Nothing was saved.").at("id")),
    }
}

/// What a token for one patient may write: only what is about that patient.
pub(super) fn may_write(caller: &Caller, key: &ResourceKey, raw: &[u8], access: Access) -> Result<(), Refusal> {
    caller.may(Some(&key.resource_type), access)?;
    if caller.sees_version(key, raw, access) {
        return Ok(());
    }
    Err(Refusal::forbidden("The token is for one patient, and this is not about that patient. Nothing was saved."))
}

pub(super) fn prepare_create(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
) -> Result<Prepared, Refusal> {
    body_of(api, call, resource_type)?;
    let key = ResourceKey::new(resource_type, new_id()).map_err(|_| Refusal::bad_id())?;
    may_write(caller, &key, &call.body, Access::Create)?;
    let change = Change { key, raw: Some(call.body.to_vec()), about: None, follows: Some(Vec::new()) };
    Ok(Prepared { change, is_strict: false, is_new: true })
}

pub(super) fn prepare_update(api: &Api, caller: &Caller, call: &Call, key: ResourceKey) -> Result<Prepared, Refusal> {
    let resource = body_of(api, call, &key.resource_type)?;
    match id_in(&resource)? {
        Some(id) if id == key.id => {}
        Some(_) => {
            return Err(Refusal::new(
                400,
                "value",
                "The id in the body is not the one in the address. Nothing was saved.",
            )
            .at("id"));
        }
        None => {
            return Err(
                Refusal::new(400, "required", "The body has no id; an update says it. Nothing was saved.").at("id")
            );
        }
    }
    prepare_put(api, caller, key, call.body.to_vec(), call.if_match.as_deref())
}

/// A resource is to say this from now on.
pub(super) fn prepare_put(
    api: &Api,
    caller: &Caller,
    key: ResourceKey,
    raw: Vec<u8>,
    if_match: Option<&str>,
) -> Result<Prepared, Refusal> {
    let before = tokio::task::block_in_place(|| api.site().reader().resource(&key))?;
    prepare_put_over(caller, before.as_ref(), key, raw, if_match)
}

/// The same, over what the resource says now.
pub(super) fn prepare_put_over(
    caller: &Caller,
    before: Option<&Resource>,
    key: ResourceKey,
    raw: Vec<u8>,
    if_match: Option<&str>,
) -> Result<Prepared, Refusal> {
    let is_hidden = before.is_some_and(|before| !caller.sees(before, Access::Update));
    let exists = !is_hidden && before.is_some_and(|before| before.raw.is_some());
    may_write(caller, &key, &raw, if exists { Access::Update } else { Access::Create })?;
    if is_hidden && if_match.is_none() {
        // Nothing may be put in its place; all that is told of it is that the id cannot be had.
        return Err(Refusal::forbidden("This id is not one that the token may write to. Nothing was saved."));
    }
    let follows = match (if_match, before) {
        (Some(tag), Some(before)) if exists => Some(unchanged(before, tag)?),
        (Some(_), _) => return Err(Refusal::precondition("There is no such resource to match. Nothing was saved.")),
        (None, _) => None,
    };
    let is_strict = follows.is_some();
    Ok(Prepared { change: Change { key, raw: Some(raw), about: None, follows }, is_strict, is_new: !exists })
}

/// The heads of a resource whose version is the one that a client has seen.
fn unchanged(resource: &Resource, tag: &str) -> Result<Vec<VersionId>, Refusal> {
    if tag == resource.version_id || tag == "*" {
        return Ok(resource.heads.clone());
    }
    Err(Refusal::precondition(
        "The resource has another version by now. Nothing was saved; read it again and repeat the change.",
    ))
}

pub(super) fn prepare_delete(
    api: &Api,
    caller: &Caller,
    call: &Call,
    key: ResourceKey,
) -> Result<Option<Prepared>, Refusal> {
    caller.may(Some(&key.resource_type), Access::Delete)?;
    let found = tokio::task::block_in_place(|| api.site().reader().resource(&key))?;
    let Some(before) = found else { return Err(Refusal::not_found()) };
    if !caller.sees(&before, Access::Delete) {
        return Err(Refusal::not_found());
    }
    if before.raw.is_none() {
        return Ok(None);
    }
    let follows = call.if_match.as_deref().map(|tag| unchanged(&before, tag)).transpose()?;
    let is_strict = follows.is_some();
    let change = Change { key, raw: None, about: None, follows };
    Ok(Some(Prepared { change, is_strict, is_new: false }))
}

/// What a condition in a write finds; an error if it is more than one.
pub(super) fn find_one(
    api: &Api,
    caller: &Caller,
    resource_type: &'static str,
    query: &str,
) -> Result<Option<Resource>, Refusal> {
    let pairs = pairs_of(query.trim_start_matches('?').as_bytes())?;
    let mut query = find::read_query(Some(resource_type), &pairs)?;
    if query.filters.is_empty() || !query.unknown.is_empty() {
        return Err(Refusal::new(400, "value", "The condition names no parameter that is known. Nothing was saved.")
            .at(query.unknown.first().cloned().unwrap_or_default()));
    }
    query.count = 2;
    query.includes.clear();
    query.within = caller.may(Some(resource_type), Access::Search)?.map(str::to_owned);
    query.sight = caller.sight();
    let mut found = tokio::task::block_in_place(|| api.site().reader().find(&query))?.matches;
    if found.len() > 1 {
        return Err(Refusal::new(
            412,
            "multiple-matches",
            "The condition fits more than one resource. Nothing was saved.",
        ));
    }
    Ok(found.pop())
}

pub(super) fn prepare_create_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
    condition: &str,
) -> Result<Conditional, Refusal> {
    match find_one(api, caller, resource_type, condition)? {
        Some(resource) => Ok(Conditional::Exists(Box::new(resource))),
        None => Ok(Conditional::Do(Box::new(prepare_create(api, caller, call, resource_type)?))),
    }
}

pub(super) fn prepare_update_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
    condition: &str,
) -> Result<Prepared, Refusal> {
    let resource = body_of(api, call, resource_type)?;
    let own = id_in(&resource)?;
    let raw = call.body.to_vec();
    match (find_one(api, caller, resource_type, condition)?, own) {
        (Some(found), Some(own)) if own != found.key.id => Err(Refusal::new(
            400,
            "value",
            "The condition fits another resource than the id in the body names. Nothing was saved.",
        )
        .at("id")),
        (Some(found), _) => prepare_put(api, caller, found.key, raw, call.if_match.as_deref()),
        (None, None) => prepare_create(api, caller, call, resource_type),
        (None, Some(own)) => {
            let key = super::interact::key_of(resource_type, &own)?;
            let prepared = prepare_put(api, caller, key, raw, None)?;
            if prepared.is_new {
                return Ok(prepared);
            }
            Err(Refusal::new(
                409,
                "duplicate",
                "The condition fits nothing, but there is a resource with the id in the body. Nothing was saved.",
            ))
        }
    }
}

/// Saves changes together. The versions come in their order.
pub(super) async fn save(api: &Api, caller: &Caller, prepared: Vec<Change>, is_strict: bool) -> Result<Saved, Refusal> {
    let asked = subscription::asked(&prepared);
    let _alone = match asked.is_empty() {
        true => None,
        false => Some(api.site().subscribing().await),
    };
    if !asked.is_empty() {
        subscription::may_be_asked(api, &asked)?;
    }
    let request = SaveRequest { changes: prepared, idempotency: None, by: Some(caller.by()) };
    let saved = match is_strict {
        true => api.site().save_unchanged(request).await?,
        false => api.site().save(request).await?,
    };
    subscription::accepted(api, caller, asked).await?;
    Ok(saved)
}

/// The answer to a write that was saved.
pub(super) fn written(
    api: &Api,
    call: &Call,
    prepared: &Change,
    is_new: bool,
    version: VersionId,
    at_ms: u64,
) -> Reply {
    let version_id = version.to_string();
    let location = format!("{}/{}/_history/{version_id}", call.base, prepared.key);
    let Some(raw) = &prepared.raw else {
        return Reply { status: 204, version_id: Some(version_id), ..Reply::default() };
    };
    let body = match call.wants {
        Return::Representation => {
            with_meta(raw, &prepared.key, &version_id, at_ms, &[]).unwrap_or_else(|_| raw.clone())
        }
        Return::Minimal => Vec::new(),
        Return::Outcome => validity::of_saved(api, raw).to_string().into_bytes(),
    };
    Reply {
        status: if is_new { 201 } else { 200 },
        version_id: Some(version_id),
        updated_ms: Some(at_ms),
        location: Some(location),
        body,
        ..Reply::default()
    }
}

pub(super) async fn save_one(api: &Api, caller: &Caller, call: &Call, prepared: Prepared) -> Result<Reply, Refusal> {
    let saved = save(api, caller, vec![prepared.change.clone()], prepared.is_strict).await?;
    let version =
        *saved.versions.first().ok_or_else(|| Refusal::new(500, "exception", "The save was not confirmed."))?;
    Ok(written(api, call, &prepared.change, prepared.is_new, version, saved.at_ms))
}

pub(super) async fn create(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
) -> Result<Reply, Refusal> {
    let Some(condition) = call.if_none_exist.clone() else {
        return save_one(api, caller, call, prepare_create(api, caller, call, resource_type)?).await;
    };
    let _alone = api.conditional().lock().await;
    match prepare_create_where(api, caller, call, resource_type, &condition)? {
        Conditional::Do(prepared) => save_one(api, caller, call, *prepared).await,
        Conditional::Exists(resource) => Ok(existing(call, &resource)),
        Conditional::Nothing => Err(Refusal::not_found()),
    }
}

/// The answer to a conditional create that found what was to be made.
pub(super) fn existing(call: &Call, resource: &Resource) -> Reply {
    let mut reply = Reply::resource(200, resource);
    reply.location = Some(format!("{}/{}/_history/{}", call.base, resource.key, resource.version_id));
    if call.wants != Return::Representation {
        reply.body = Vec::new();
    }
    reply
}

pub(super) async fn update(api: &Api, caller: &Caller, call: &Call, key: ResourceKey) -> Result<Reply, Refusal> {
    save_one(api, caller, call, prepare_update(api, caller, call, key)?).await
}

pub(super) fn condition_of(call: &Call) -> Result<String, Refusal> {
    let mut query = form_urlencoded::Serializer::new(String::new());
    call.pairs.iter().filter(|(name, _)| name != "_format" && name != "_pretty").for_each(|(name, value)| {
        query.append_pair(name, value);
    });
    let query = query.finish();
    if query.is_empty() {
        return Err(Refusal::new(
            400,
            "required",
            "This needs a condition in the address, or an id. Nothing was saved.",
        ));
    }
    Ok(query)
}

pub(super) async fn update_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
) -> Result<Reply, Refusal> {
    let condition = condition_of(call)?;
    let _alone = api.conditional().lock().await;
    save_one(api, caller, call, prepare_update_where(api, caller, call, resource_type, &condition)?).await
}

pub(super) async fn delete(api: &Api, caller: &Caller, call: &Call, key: ResourceKey) -> Result<Reply, Refusal> {
    match prepare_delete(api, caller, call, key)? {
        Some(prepared) => save_one(api, caller, call, prepared).await,
        None => Ok(Reply::new(204, Vec::new())),
    }
}

pub(super) fn prepare_delete_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
    condition: &str,
) -> Result<Conditional, Refusal> {
    caller.may(Some(resource_type), Access::Delete)?;
    let Some(found) = find_one(api, caller, resource_type, condition)? else { return Ok(Conditional::Nothing) };
    Ok(match prepare_delete(api, caller, call, found.key)? {
        Some(prepared) => Conditional::Do(Box::new(prepared)),
        None => Conditional::Nothing,
    })
}

pub(super) async fn delete_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
) -> Result<Reply, Refusal> {
    let condition = condition_of(call)?;
    let _alone = api.conditional().lock().await;
    match prepare_delete_where(api, caller, call, resource_type, &condition)? {
        Conditional::Do(prepared) => save_one(api, caller, call, *prepared).await,
        _ => Ok(Reply::new(204, Vec::new())),
    }
}

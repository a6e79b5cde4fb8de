//! Reading one resource as it is, or as it was.

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::find::subset;
use super::outcome::Refusal;
use super::reply::Reply;
use sanad_record::key::ResourceKey;
use sanad_record::op::Action;
use sanad_record::outgoing::with_meta;
use sanad_record::version::VersionId;
use sanad_store::Resource;

/// A resource as it is now, if whoever asks may see it. A deleted one has no bytes.
pub(super) fn current(api: &Api, caller: &Caller, key: &ResourceKey, access: Access) -> Result<Resource, Refusal> {
    caller.may(Some(&key.resource_type), access)?;
    let found = tokio::task::block_in_place(|| api.site().reader().resource(key))?;
    match found {
        Some(resource) if !caller.sees(&resource, access) => Err(Refusal::not_found()),
        Some(resource) if resource.raw.is_none() => Err(Refusal::gone()),
        Some(resource) => {
            api.opened(caller, [&resource]);
            Ok(resource)
        }
        None => Err(Refusal::not_found()),
    }
}

pub(super) fn read(api: &Api, caller: &Caller, call: &Call, key: &ResourceKey) -> Result<Reply, Refusal> {
    let resource = current(api, caller, key, Access::Read)?;
    let is_known = call.if_none_match.as_deref().is_some_and(|tag| tag == resource.version_id || tag == "*");
    let is_old = call.if_none_match.is_none()
        && call.if_modified_since.is_some_and(|since| resource.updated_ms / 1_000 <= since);
    let mut reply = Reply::resource(200, &resource);
    if is_known || is_old {
        reply.status = 304;
        reply.body = Vec::new();
        return Ok(reply);
    }
    let wanted = subset::Wanted::of_pairs(&call.pairs)?;
    reply.body = subset::of(reply.body, &wanted);
    Ok(reply)
}

pub(super) fn read_version(
    api: &Api,
    caller: &Caller,
    _call: &Call,
    key: &ResourceKey,
    version: &str,
) -> Result<Reply, Refusal> {
    caller.may(Some(&key.resource_type), Access::Read)?;
    let reader = api.site().reader();
    let Some(resource) = tokio::task::block_in_place(|| reader.resource(key))? else {
        return Err(Refusal::not_found());
    };
    if !caller.sees(&resource, Access::Read) {
        return Err(Refusal::not_found());
    }
    api.opened(caller, [&resource]);
    if resource.version_id == version && resource.raw.is_some() {
        return Ok(Reply::resource(200, &resource));
    }
    let id: VersionId = version.parse().map_err(|_| Refusal::not_found())?;
    let versions = tokio::task::block_in_place(|| reader.versions(key))?;
    let row = versions.into_iter().find(|row| row.id == id).ok_or_else(Refusal::not_found)?;
    if row.action == Action::Delete {
        return Err(Refusal::gone());
    }
    let raw = tokio::task::block_in_place(|| reader.version_raw(key, &id))?.ok_or_else(Refusal::not_found)?;
    // What is this patient's now may have been another's before it was put right.
    if !caller.sees_version(key, &raw, Access::Read) {
        return Err(Refusal::not_found());
    }
    let body = with_meta(&raw, key, version, row.updated_ms, &[]).unwrap_or(raw);
    Ok(Reply {
        status: 200,
        version_id: Some(version.to_owned()),
        updated_ms: Some(row.updated_ms),
        body,
        ..Reply::default()
    })
}

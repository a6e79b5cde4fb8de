//! What there is to call.

use super::access::Caller;
use super::call::{Call, Method, pairs_of};
use super::outcome::Refusal;
use super::reply::Reply;
use super::{
    Api, bundle, capability, change, everything, find, history, matching, patch, read, summary, terminology, validity,
};
use sanad_record::key::{RESOURCE_TYPES, ResourceKey, is_legal_id};

/// A resource type by the name in a path.
pub(super) fn type_of(name: &str) -> Result<&'static str, Refusal> {
    RESOURCE_TYPES.binary_search(&name).map(|at| RESOURCE_TYPES[at]).map_err(|_| Refusal::unknown_type())
}

/// A key by the names in a path.
pub(super) fn key_of(resource_type: &str, id: &str) -> Result<ResourceKey, Refusal> {
    let resource_type = type_of(resource_type)?;
    if !is_legal_id(id) {
        return Err(Refusal::bad_id());
    }
    ResourceKey::new(resource_type, id).map_err(|_| Refusal::bad_id())
}

/// What needs no token.
pub(super) fn open(api: &Api, call: &Call) -> Result<Reply, Refusal> {
    Ok(Reply::new(200, capability::statement(api, &call.base)))
}

/// Carries one request through.
pub(super) async fn interact(api: &Api, caller: &Caller, mut call: Call) -> Result<Reply, Refusal> {
    let path = call.path.clone();
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    if let [.., "_search"] = parts[..] {
        if call.method != Method::Post {
            return Err(Refusal::not_supported("_search is asked by POST."));
        }
        // What is in the form goes on from what is in the address.
        let form = pairs_of(&call.body)?;
        call.pairs.extend(form);
        call.from_body = true;
        return match parts[..parts.len() - 1] {
            [] => find::search(api, caller, &call, None, None),
            [kind] => find::search(api, caller, &call, Some(type_of(kind)?), None),
            [kind, id, of] => find::compartment(api, caller, &call, kind, id, of),
            _ => Err(nothing_there()),
        };
    }
    match (call.method, &parts[..]) {
        (Method::Get | Method::Post, ["Patient", "$everything"]) => everything::of_own(api, caller, &call).await,
        (Method::Get | Method::Post, ["Patient", id, "$everything"]) => {
            everything::everything(api, caller, &call, &key_of("Patient", id)?).await
        }
        (Method::Get | Method::Post, ["Patient", id, "$summary"]) => {
            summary::operation(api, caller, &call, &key_of("Patient", id)?).await
        }
        (Method::Post, ["Patient", "$match"]) => matching::operation(api, caller, &call),
        (Method::Get | Method::Post, [kind @ ("ValueSet" | "CodeSystem"), name @ ("$expand" | "$validate-code")]) => {
            terminology::operation(api, caller, &call, type_of(kind)?, None, name)
        }
        (
            Method::Get | Method::Post,
            [kind @ ("ValueSet" | "CodeSystem"), id, name @ ("$expand" | "$validate-code")],
        ) => terminology::operation(api, caller, &call, type_of(kind)?, Some(id), name),
        (Method::Post, ["$validate"]) => validity::operation(api, caller, &call, None),
        (Method::Post, [kind, "$validate"]) => {
            type_of(kind).and_then(|_| validity::operation(api, caller, &call, None))
        }
        (Method::Get | Method::Post, [kind, id, "$validate"]) => {
            validity::operation(api, caller, &call, Some(&key_of(kind, id)?))
        }
        (_, [.., operation]) if operation.starts_with('$') => {
            Err(Refusal::not_supported("There is no such operation."))
        }
        (Method::Get, []) => find::search(api, caller, &call, None, None),
        (Method::Post, []) => bundle::process(api, caller, &call).await,
        (Method::Get, ["_history"]) => history::of_all(api, caller, &call, None),
        (Method::Get, [kind]) => find::search(api, caller, &call, Some(type_of(kind)?), None),
        (Method::Post, [kind]) => change::create(api, caller, &call, type_of(kind)?).await,
        (Method::Put, [kind]) => change::update_where(api, caller, &call, type_of(kind)?).await,
        (Method::Patch, [kind]) => patch::patch_where(api, caller, &call, type_of(kind)?).await,
        (Method::Patch, [kind, id]) => patch::patch(api, caller, &call, key_of(kind, id)?).await,
        (Method::Delete, [kind]) => change::delete_where(api, caller, &call, type_of(kind)?).await,
        (Method::Get, [kind, "_history"]) => history::of_all(api, caller, &call, Some(type_of(kind)?)),
        (Method::Get, [kind, id]) => read::read(api, caller, &call, &key_of(kind, id)?),
        (Method::Put, [kind, id]) => change::update(api, caller, &call, key_of(kind, id)?).await,
        (Method::Delete, [kind, id]) => change::delete(api, caller, &call, key_of(kind, id)?).await,
        (Method::Get, [kind, id, "_history"]) => history::of_one(api, caller, &call, &key_of(kind, id)?),
        (Method::Get, [kind, id, "_history", version]) => {
            read::read_version(api, caller, &call, &key_of(kind, id)?, version)
        }
        (Method::Get, [kind, id, of]) => find::compartment(api, caller, &call, kind, id, of),
        _ => Err(nothing_there()),
    }
}

fn nothing_there() -> Refusal {
    Refusal::not_supported("There is nothing to do at this address in this way.")
}

//! Changing parts of a resource: JSON Patch and FHIRPath Patch (FHIR R4 §3.1.0.8).
//!
//! A patch is applied to the resource as whoever sends it would read it, and what comes out is saved as an update of just
//! that version.

use super::Api;
use super::access::{Access, Caller};
use super::call::{Call, is_json};
use super::change::{self, Prepared};
use super::outcome::Refusal;
use super::read;
use super::reply::{Reply, leaving};
use sanad_node::save::Change;
use sanad_record::json::parse_object;
use sanad_record::key::ResourceKey;
use sanad_record::patch::{fhirpath_patch, json_patch};

/// How often a patch that says no version is tried again when somebody else saves at the same moment.
const TRIES: u32 = 5;

/// What a patch makes of a resource.
pub(super) fn prepare(api: &Api, caller: &Caller, call: &Call, key: &ResourceKey) -> Result<Prepared, Refusal> {
    let before = read::current(api, caller, key, Access::Update)?;
    if call.if_match.as_deref().is_some_and(|tag| tag != before.version_id && tag != "*") {
        return Err(Refusal::precondition(
            "The resource has another version by now. Nothing was saved; read it again and repeat the change.",
        ));
    }
    let raw = leaving(&before);
    let kind = call.content_type.split(';').next().unwrap_or_default().trim();
    let patched = match kind {
        "application/json-patch+json" => json_patch(&raw, &call.body),
        kind if kind.is_empty() || is_json(kind) => fhirpath_patch(&raw, &call.body),
        _ => {
            return Err(Refusal::new(
                415,
                "not-supported",
                "A patch is application/json-patch+json, or Parameters in application/fhir+json. Nothing was saved.",
            ));
        }
    };
    let patched = patched.map_err(|error| {
        let (status, code) = if error.is_malformed() { (400, "structure") } else { (422, "processing") };
        let refusal = Refusal::new(
            status,
            code,
            format!("The patch could not be applied: {}. Nothing was saved.", error.problem),
        );
        match error.operation {
            Some(operation) => refusal.at(format!("operation[{operation}]")),
            None => refusal,
        }
    })?;
    let resource = parse_object(&patched).map_err(|error| Refusal::not_json(&error))?;
    let is_the_same = resource.get_str("resourceType").as_deref() == Some(&key.resource_type)
        && resource.get_str("id").as_deref() == Some(&key.id);
    if !is_the_same {
        return Err(Refusal::new(
            422,
            "invariant",
            "A patch may change neither the type nor the id. Nothing was saved.",
        ));
    }
    super::validity::judge(api, &resource)?;
    change::may_write(caller, key, &patched, Access::Update)?;
    let change = Change { key: key.clone(), raw: Some(patched), about: None, follows: Some(before.heads) };
    Ok(Prepared { change, is_strict: true, is_new: false })
}

pub(super) async fn patch(api: &Api, caller: &Caller, call: &Call, key: ResourceKey) -> Result<Reply, Refusal> {
    let mut tries = 1;
    loop {
        let done = change::save_one(api, caller, call, prepare(api, caller, call, &key)?).await;
        match done {
            Err(refusal) if refusal.status == 412 && call.if_match.is_none() && tries < TRIES => tries += 1,
            done => return done,
        }
    }
}

pub(super) async fn patch_where(
    api: &Api,
    caller: &Caller,
    call: &Call,
    resource_type: &'static str,
) -> Result<Reply, Refusal> {
    let condition = change::condition_of(call)?;
    let _alone = api.conditional().lock().await;
    let found = change::find_one(api, caller, resource_type, &condition)?.ok_or_else(Refusal::not_found)?;
    patch(api, caller, call, found.key).await
}

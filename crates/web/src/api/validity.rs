//! What is said of a resource that has not the structure FHIR R4 gives it: nothing, a warning, or a refusal.
//!
//! Whatever is accepted is kept as it came, byte for byte, valid or not.

use super::Api;
use super::access::{Access, Caller};
use super::call::{Call, Method};
use super::outcome::Refusal;
use super::read;
use super::reply::{Reply, leaving};
use sanad_record::json::{Node, parse_object};
use sanad_record::key::ResourceKey;
use sanad_record::validate::{Issue, Severity, validate};
use serde_json::{Value, json};

/// How strict the interface is with what is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Validation {
    /// Nothing is looked at.
    Off,
    /// What is wrong is said where an OperationOutcome is asked for; it is saved all the same.
    #[default]
    Warn,
    /// What is wrong is refused.
    Reject,
}

/// What an OperationOutcome says of an issue.
fn issue(found: &Issue) -> Value {
    json!({
        "severity": found.severity.as_str(),
        "code": found.code.as_str(),
        "diagnostics": format!("{}.", found.what),
        "expression": [found.path],
    })
}

fn outcome(issues: &[Issue]) -> Value {
    let mut all: Vec<Value> = issues.iter().map(issue).collect();
    if all.is_empty() {
        let what = "The resource has the structure that FHIR R4 gives it.";
        all.push(json!({ "severity": "information", "code": "informational", "diagnostics": what }));
    }
    json!({ "resourceType": "OperationOutcome", "issue": all })
}

/// Judges what is to be saved.
pub(super) fn judge(api: &Api, resource: &Node<'_>) -> Result<(), Refusal> {
    if api.validation() != Validation::Reject {
        return Ok(());
    }
    let issues = validate(resource);
    if issues.iter().all(|issue| issue.severity != Severity::Error) {
        return Ok(());
    }
    let mut refusal =
        Refusal::new(422, "invalid", "The resource has not the structure that FHIR R4 gives it. Nothing was saved.");
    refusal.more = issues.iter().map(issue).collect();
    Err(refusal)
}

/// What is wrong with what was saved, for whoever asked for an OperationOutcome.
pub(super) fn of_saved(api: &Api, raw: &[u8]) -> Value {
    let issues = match (api.validation(), parse_object(raw)) {
        (Validation::Warn | Validation::Reject, Ok(resource)) => validate(&resource),
        _ => Vec::new(),
    };
    outcome(&issues)
}

/// `$validate`: of a resource that is sent, or of one that is here.
pub(super) fn operation(api: &Api, caller: &Caller, call: &Call, key: Option<&ResourceKey>) -> Result<Reply, Refusal> {
    if call.method == Method::Get || call.body.is_empty() {
        let key = key.ok_or_else(|| Refusal::new(400, "required", "Send a resource, or name one that is here."))?;
        let resource = read::current(api, caller, key, Access::Read)?;
        return Ok(judged(&leaving(&resource)));
    }
    let sent = parse_object(&call.body).map_err(|error| Refusal::not_json(&error))?;
    // By itself, or as the parameter `resource`.
    let inner = (sent.get_str("resourceType").as_deref() == Some("Parameters")).then(|| {
        let parts = sent.get("parameter").map_or(&[][..], Node::items).iter();
        parts.filter(|part| part.get_str("name").as_deref() == Some("resource")).find_map(|part| part.get("resource"))
    });
    match inner.flatten() {
        Some(resource) => Ok(judged(resource.text.as_bytes())),
        None => Ok(judged(&call.body)),
    }
}

fn judged(raw: &[u8]) -> Reply {
    let issues = parse_object(raw).map_or_else(|_| Vec::new(), |resource| validate(&resource));
    Reply::new(200, outcome(&issues).to_string().into_bytes())
}

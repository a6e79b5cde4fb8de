//! The CapabilityStatement, made from the tables that the server runs on.

use super::Api;
use sanad_record::key::RESOURCE_TYPES;
use sanad_record::outgoing::rfc3339;
use sanad_record::search::{ParamKind, table_of};
use serde_json::{Value, json};

/// What can be done to a resource of any type.
const INTERACTIONS: [&str; 9] =
    ["read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type"];
/// What all types are searched by, beside what their table says.
const COMMON: [(&str, &str); 2] = [("_id", "token"), ("_lastUpdated", "date")];

/// What is done with Subscriptions.
const SUBSCRIPTIONS: &str = "Delivered by the site that took it, with the channel rest-hook only, to endpoints on the \
    site's own network. The criteria are a search of one type without chains and _has. A Subscription that is `requested` \
    becomes `active`, or `error` with the reason in Subscription.error; deliveries are in order and at least once, and \
    hold no more than the token that asked may read.";

/// The CapabilityStatement of a site.
pub(super) fn statement(_api: &Api, base: &str) -> Vec<u8> {
    let resources: Vec<Value> = RESOURCE_TYPES.iter().map(|name| resource(name)).collect();
    let statement = json!({
        "resourceType": "CapabilityStatement",
        "status": "active",
        // When what it says last changed, not when it is asked: a site's clock is nobody's business.
        "date": rfc3339(1_795_392_000_000),
        "kind": "instance",
        "software": { "name": "sanad", "version": env!("CARGO_PKG_VERSION") },
        "implementation": { "description": "A site of a network of equals", "url": base },
        "fhirVersion": "4.0.1",
        "instantiates": ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"],
        "format": ["application/fhir+json", "json"],
        "patchFormat": ["application/fhir+json", "application/json-patch+json"],
        "rest": [{
            "mode": "server",
            "security": {
                "cors": false,
                "description": "Bearer tokens with scopes of SMART App Launch 2.0, made with `sanad token`."
            },
            "resource": resources,
            "interaction": [
                { "code": "transaction" },
                { "code": "batch" },
                { "code": "search-system" },
                { "code": "history-system" }
            ],
            "operation": [
                { "name": "export", "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export" },
                {
                    "name": "import",
                    "definition": "urn:sanad:operation:import",
                    "documentation": "NDJSON, a resource a line, answered as an export is; docs/fhir.md says how."
                }
            ]
        }]
    });
    statement.to_string().into_bytes()
}

fn resource(name: &str) -> Value {
    let mut params: Vec<Value> = COMMON.iter().map(|(name, kind)| json!({ "name": name, "type": kind })).collect();
    let (mut includes, mut reverse) = (Vec::new(), Vec::new());
    if let Some(table) = table_of(name) {
        for param in table.params.values() {
            params.push(json!({
                "name": param.code,
                "definition": format!("http://hl7.org/fhir/SearchParameter/{}", param.id),
                "type": kind_name(param.kind),
            }));
            if param.kind == ParamKind::Reference {
                includes.push(format!("{name}:{}", param.code));
            }
        }
    }
    for source in RESOURCE_TYPES {
        let Some(table) = table_of(source) else { continue };
        let leads_here = table.params.values().filter(|param| {
            param.kind == ParamKind::Reference && sanad_record::search::targets_of(param).contains(&name)
        });
        reverse.extend(leads_here.map(|param| format!("{source}:{}", param.code)));
    }
    let interactions: Vec<Value> = INTERACTIONS.iter().map(|code| json!({ "code": code })).collect();
    let mut resource = json!({
        "type": name,
        "interaction": interactions,
        "versioning": "versioned-update",
        "readHistory": true,
        "updateCreate": true,
        "conditionalCreate": true,
        "conditionalRead": "full-support",
        "conditionalUpdate": true,
        "conditionalDelete": "single",
        "referencePolicy": ["literal", "logical", "local"],
        "searchParam": params,
    });
    let mut operations = vec![("validate", "http://hl7.org/fhir/OperationDefinition/Resource-validate")];
    if name == "Patient" {
        operations.extend([
            ("everything", "http://hl7.org/fhir/OperationDefinition/Patient-everything"),
            ("match", "http://hl7.org/fhir/OperationDefinition/Patient-match"),
            ("summary", "http://hl7.org/fhir/uv/ips/OperationDefinition/summary"),
            ("export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/patient-export"),
        ]);
    }
    operations.extend(match name {
        "ValueSet" => &[
            ("expand", "http://hl7.org/fhir/OperationDefinition/ValueSet-expand"),
            ("validate-code", "http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code"),
        ][..],
        "CodeSystem" => &[("validate-code", "http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code")],
        "Group" => &[("export", "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/group-export")],
        _ => &[],
    });
    let operations = operations.into_iter().map(|(name, definition)| json!({ "name": name, "definition": definition }));
    if name == "Subscription" {
        resource["documentation"] = SUBSCRIPTIONS.into();
    }
    resource["operation"] = operations.collect();
    if !includes.is_empty() {
        resource["searchInclude"] = includes.into();
    }
    if !reverse.is_empty() {
        resource["searchRevInclude"] = reverse.into();
    }
    resource
}

fn kind_name(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Token => "token",
        ParamKind::String => "string",
        ParamKind::Reference => "reference",
        ParamKind::Date => "date",
        ParamKind::Number => "number",
        ParamKind::Quantity => "quantity",
        ParamKind::Uri => "uri",
        ParamKind::Composite => "composite",
    }
}

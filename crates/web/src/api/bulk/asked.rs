//! What an export is asked for with: Bulk Data Access 2.0.0, §Query Parameters.

use super::super::Api;
use super::super::access::{Access, Caller};
use super::super::call::{Call, Method};
use super::super::interact::key_of;
use super::super::outcome::Refusal;
use super::super::parameters;
use super::super::read;
use super::is_ndjson;
use axum::body::{Body, to_bytes};
use sanad_record::compartment::patient_id;
use sanad_record::key::is_resource_type;
use serde_json::Value;
use std::collections::BTreeSet;

/// Largest `Parameters` that an export is asked for with.
const PARAMETERS_BYTES_MAX: usize = 1024 * 1024;
/// Most patients that an export names; whoever wants more wants all.
const PATIENTS_MAX: usize = 10_000;

/// What was asked for.
#[derive(Default)]
pub(super) struct Asked {
    /// Resource types; all if there are none.
    pub types: BTreeSet<String>,
    /// Only what was changed since, milliseconds since 1970.
    pub since_ms: u64,
    /// Only of these patients.
    pub patients: Option<BTreeSet<String>>,
    /// What is not done of it, in sentences.
    pub notes: Vec<String>,
}

fn too_many_patients() -> Refusal {
    Refusal::new(422, "too-costly", "This names more than 10,000 patients. Ask for Patient/$export instead.")
}

/// Reads the parameters of a request.
pub(super) async fn read_asked(call: &Call, body: Body) -> Result<Asked, Refusal> {
    let too_long =
        |_| Refusal::new(413, "too-long", "The parameters of an export are at most 1 MiB. Nothing was begun.");
    let pairs = match call.method {
        Method::Post => {
            let body = to_bytes(body, PARAMETERS_BYTES_MAX).await.map_err(too_long)?;
            parameters::read_body(call, &body, None)?
        }
        _ => call.pairs.clone(),
    };
    let mut asked = Asked::default();
    for (name, value) in &pairs {
        match name.as_str() {
            "_outputFormat" if is_ndjson(value) => {}
            "_outputFormat" => {
                return Err(
                    Refusal::new(400, "not-supported", "An export is NDJSON: application/fhir+ndjson.").at(name)
                );
            }
            "_since" => {
                // A plus that was not escaped comes as a space.
                let span = sanad_record::time::span(&value.replace(' ', "+"));
                let since = span.ok_or_else(|| {
                    Refusal::new(400, "value", "_since is an instant of FHIR R4, as 2018-03-01T00:00:00Z.").at(name)
                })?;
                asked.since_ms = u64::try_from(since.from_ms).unwrap_or(0);
            }
            "_type" => {
                for kind in value.split(',').map(str::trim).filter(|kind| !kind.is_empty()) {
                    if !is_resource_type(kind) {
                        let what = "_type names something that is no resource type of FHIR R4.";
                        return Err(Refusal::new(400, "not-supported", what).at(name));
                    }
                    asked.types.insert(kind.to_owned());
                }
            }
            "patient" => {
                let what = "patient is a reference to a Patient: Patient/[id].";
                let id = patient_id(value).ok_or_else(|| Refusal::new(400, "value", what).at(name))?;
                let patients = asked.patients.get_or_insert_default();
                patients.insert(id.to_owned());
                if patients.len() > PATIENTS_MAX {
                    return Err(too_many_patients().at(name));
                }
            }
            "_format" | "_pretty" => {}
            _ if call.is_strict => {
                let what = "This parameter is not known to $export, and the request is strict. Nothing was begun.";
                return Err(Refusal::new(400, "not-supported", what).at(name));
            }
            "_elements" | "_typeFilter" | "includeAssociatedData" => {
                asked.notes.push(format!("The parameter {name} is not supported and was passed over."));
            }
            _ => asked.notes.push("A parameter that is not known was passed over.".to_owned()),
        }
    }
    asked.notes.sort();
    asked.notes.dedup();
    Ok(asked)
}

/// The patients among the members of a Group, without those that it says are members no more.
pub(super) fn members_of(
    api: &Api,
    caller: &Caller,
    id: &str,
    notes: &mut Vec<String>,
) -> Result<BTreeSet<String>, Refusal> {
    let group = read::current(api, caller, &key_of("Group", id)?, Access::Read)?;
    let group: Value = serde_json::from_slice(group.raw.as_deref().unwrap_or_default()).unwrap_or_default();
    let mut patients = BTreeSet::new();
    let mut others = 0;
    for member in group["member"].as_array().into_iter().flatten().filter(|member| member["inactive"] != true) {
        match member["entity"]["reference"].as_str().and_then(patient_id) {
            Some(patient) => drop(patients.insert(patient.to_owned())),
            None => others += 1,
        }
        if patients.len() > PATIENTS_MAX {
            return Err(too_many_patients());
        }
    }
    if others > 0 {
        notes.push(format!("{others} members of the group are not named as Patients and were passed over."));
    }
    Ok(patients)
}

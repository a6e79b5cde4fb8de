//! Whose record a resource belongs to: the element paths that tie each resource type to patients.
//!
//! The chart key that seals an entry, the chart that shows it and the unions of a patient merge all follow from here,
//! so the table is complete by test: every R4 type is either in `TABLE` or in `NO_PATIENT`.
//!
//! Source: the R4 CompartmentDefinition `patient` (its search parameters, resolved to their element paths with the
//! official `search-parameters.json`). The rows marked *beyond* are not in that compartment, but they may name a
//! patient, and leaving them out would seal them under nobody's key: `Task.for`, `Device.patient`,
//! `GuidanceResponse.subject` and `Contract` by R4's own `patient` search parameters, `Linkage` and `MessageHeader` by
//! what they link and carry, `Binary.securityContext` because it is there to say whose secret the content is, and
//! `BiologicallyDerivedProduct.collection.source`, the donor.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::json;
use crate::key::{ResourceKey, is_legal_id};

/// Where a save is placed in the order of replication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LaneHint {
    /// Ahead of the clinical record: who is here, how urgent, what would kill them.
    Urgent,
    /// The clinical record.
    Clinical,
    /// Behind everything: large, or a copy of something already taken apart.
    Bulk,
}

/// A resource larger than this goes to the bulk lane whatever its type: on a radio link of 1 kB/s one such resource
/// would hold up everything urgent for a minute.
pub const URGENT_BYTES_MAX: usize = 64 << 10;

/// The lane for a resource of this type and size.
///
/// Urgent is what a triage nurse at the next site must not be without:
/// - `Patient` and `Encounter`: the casualty on the board, with triage priority and place (one each per casualty);
/// - `AllergyIntolerance`, `Flag`: what would kill them (design §2 names triage, allergies, transfers, alarms);
/// - `ServiceRequest`, `Task`: a transfer or evacuation that is asked for, and its acceptance;
/// - `CommunicationRequest`: an alarm.
///
/// Bulk is what nobody waits for: attachments (`Binary`, `Media`, `DocumentReference`, `DocumentManifest`), documents
/// kept as they came (`Bundle`), records about the record (`AuditEvent`, `Provenance`), and anything over 64 KiB.
pub fn lane_hint(resource_type: &str, raw_len: usize) -> LaneHint {
    if raw_len > URGENT_BYTES_MAX {
        return LaneHint::Bulk;
    }
    match resource_type {
        "Patient"
        | "Encounter"
        | "AllergyIntolerance"
        | "Flag"
        | "ServiceRequest"
        | "Task"
        | "CommunicationRequest" => LaneHint::Urgent,
        "Binary" | "Media" | "DocumentReference" | "DocumentManifest" | "Bundle" | "AuditEvent" | "Provenance" => {
            LaneHint::Bulk
        }
        _ => LaneHint::Clinical,
    }
}

/// The ids of the patients this resource is about, the primary one (its subject) first, each once.
///
/// Reads relative references (`Patient/x`), absolute ones (`…/Patient/x`) and those with a version. A logical
/// reference without a literal one, and a contained patient (`#x`), name no patient by id and are left out.
///
/// A Patient is its own, by the `id` its bytes say. Stored bytes may say another id than the one the resource is
/// stored under (an imported document keeps its bytes), so whoever knows the key asks [`patients_of_key`] instead.
pub fn patients_of(resource_type: &str, resource: &Value) -> Vec<String> {
    let own = (resource_type == "Patient").then(|| resource.get("id")?.as_str()).flatten();
    patients(own, resource_type, resource)
}

/// As [`patients_of`], for a resource stored under `key`: a Patient is the patient its key names.
pub fn patients_of_key(key: &ResourceKey, resource: &Value) -> Vec<String> {
    let own = (key.resource_type == "Patient").then_some(&*key.id);
    patients(own, &key.resource_type, resource)
}

/// Reads what [`patients_of_key`] looks at: all of a Patient, and of everything else only the `resourceType` and the
/// members that may name a patient, at a fraction of the cost. `None` if the bytes are not JSON.
pub fn read_for_patients(key: &ResourceKey, raw: &[u8]) -> Option<Value> {
    let paths = paths(&key.resource_type);
    let is_looked_at =
        |name: &str| name == "resourceType" || paths.iter().any(|path| path.split('.').next() == Some(name));
    if key.resource_type == "Patient" || raw.trim_ascii_start().first() != Some(&b'{') {
        return serde_json::from_slice(raw).ok();
    }
    let mut read = Map::new();
    for (name, text) in json::members_of(raw, &is_looked_at)? {
        read.insert(name.into_owned(), serde_json::from_str(text).ok()?);
    }
    Some(Value::Object(read))
}

/// The types of the Patient compartment in the wide sense of this module: those that may name a patient.
pub fn patient_types() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(resource_type, _)| *resource_type)
}

fn patients(own: Option<&str>, resource_type: &str, resource: &Value) -> Vec<String> {
    let mut ids = Vec::new();
    // A Group may have any number of members.
    let mut seen = BTreeSet::new();
    let mut add = |id: &str| {
        if is_legal_id(id) && seen.insert(id.to_owned()) {
            ids.push(id.to_owned());
        }
    };
    own.into_iter().for_each(&mut add);
    for path in paths(resource_type) {
        let steps: Vec<&str> = path.split('.').collect();
        references(resource, &steps, &mut |reference| {
            patient_id(reference).into_iter().for_each(&mut add);
        });
    }
    ids
}

/// The element paths of a type, the subject's first.
pub(crate) fn paths(resource_type: &str) -> &'static [&'static str] {
    TABLE.binary_search_by(|(name, _)| (*name).cmp(resource_type)).map_or(&[], |index| TABLE[index].1)
}

/// Visits the literal references at a path; arrays on the way are entered, whatever their depth.
fn references(value: &Value, steps: &[&str], visit: &mut dyn FnMut(&str)) {
    match (value, steps) {
        (Value::Array(items), _) => items.iter().for_each(|item| references(item, steps, visit)),
        (_, []) => {
            if let Some(reference) = value.get("reference").and_then(Value::as_str) {
                visit(reference);
            }
        }
        // RequestGroup.action holds actions, which hold actions.
        (_, ["*", rest @ ..]) => {
            references(value, rest, visit);
            if let Some(inner) = value.get("action") {
                references(inner, steps, visit);
            }
        }
        (_, [step, rest @ ..]) => {
            if let Some(inner) = value.get(*step) {
                references(inner, rest, visit);
            }
        }
    }
}

/// The id in a literal reference to a Patient.
pub fn patient_id(reference: &str) -> Option<&str> {
    let reference = reference.split_once("/_history/").map_or(reference, |(before, _)| before);
    let (before, id) = reference.rsplit_once('/')?;
    let resource_type = before.rsplit('/').next()?;
    (resource_type == "Patient" && is_legal_id(id)).then_some(id)
}

/// Element paths by type, sorted by type; of one type the subject's path first. `*` enters nested actions.
#[rustfmt::skip]
const TABLE: &[(&str, &[&str])] = &[
    ("Account", &["subject"]),
    ("AdverseEvent", &["subject"]),
    ("AllergyIntolerance", &["patient", "recorder", "asserter"]),
    ("Appointment", &["participant.actor"]),
    ("AppointmentResponse", &["actor"]),
    ("AuditEvent", &["entity.what", "agent.who"]),
    ("Basic", &["subject", "author"]),
    ("Binary", &["securityContext"]), // beyond the compartment
    ("BiologicallyDerivedProduct", &["collection.source"]), // beyond the compartment
    ("BodyStructure", &["patient"]),
    ("CarePlan", &["subject", "activity.detail.performer"]),
    ("CareTeam", &["subject", "participant.member"]),
    ("ChargeItem", &["subject"]),
    ("Claim", &["patient", "payee.party"]),
    ("ClaimResponse", &["patient"]),
    ("ClinicalImpression", &["subject"]),
    ("Communication", &["subject", "sender", "recipient"]),
    ("CommunicationRequest", &["subject", "sender", "recipient", "requester"]),
    ("Composition", &["subject", "author", "attester.party"]),
    ("Condition", &["subject", "asserter"]),
    ("Consent", &["patient"]),
    ("Contract", &["subject", "signer.party"]), // beyond the compartment
    ("Coverage", &["beneficiary", "policyHolder", "subscriber", "payor"]),
    ("CoverageEligibilityRequest", &["patient"]),
    ("CoverageEligibilityResponse", &["patient"]),
    ("DetectedIssue", &["patient"]),
    ("Device", &["patient"]), // beyond the compartment
    ("DeviceRequest", &["subject", "performer"]),
    ("DeviceUseStatement", &["subject"]),
    ("DiagnosticReport", &["subject"]),
    ("DocumentManifest", &["subject", "author", "recipient"]),
    ("DocumentReference", &["subject", "author"]),
    ("Encounter", &["subject"]),
    ("EnrollmentRequest", &["candidate"]),
    ("EpisodeOfCare", &["patient"]),
    ("ExplanationOfBenefit", &["patient", "payee.party"]),
    ("FamilyMemberHistory", &["patient"]),
    ("Flag", &["subject"]),
    ("Goal", &["subject"]),
    ("Group", &["member.entity"]),
    ("GuidanceResponse", &["subject"]), // beyond the compartment
    ("ImagingStudy", &["subject"]),
    ("Immunization", &["patient"]),
    ("ImmunizationEvaluation", &["patient"]),
    ("ImmunizationRecommendation", &["patient"]),
    ("Invoice", &["subject", "recipient"]),
    ("Linkage", &["item.resource"]), // beyond the compartment
    ("List", &["subject", "source"]),
    ("MeasureReport", &["subject"]),
    ("Media", &["subject"]),
    ("MedicationAdministration", &["subject", "performer.actor"]),
    ("MedicationDispense", &["subject", "receiver"]),
    ("MedicationRequest", &["subject"]),
    ("MedicationStatement", &["subject"]),
    ("MessageHeader", &["focus"]), // beyond the compartment
    ("MolecularSequence", &["patient"]),
    ("NutritionOrder", &["patient"]),
    ("Observation", &["subject", "performer"]),
    ("Patient", &["link.other"]),
    ("Person", &["link.target"]),
    ("Procedure", &["subject", "performer.actor"]),
    ("Provenance", &["target"]),
    ("QuestionnaireResponse", &["subject", "author"]),
    ("RelatedPerson", &["patient"]),
    ("RequestGroup", &["subject", "action.*.participant"]),
    ("ResearchSubject", &["individual"]),
    ("RiskAssessment", &["subject"]),
    ("Schedule", &["actor"]),
    ("ServiceRequest", &["subject", "performer"]),
    ("Specimen", &["subject"]),
    ("SupplyDelivery", &["patient"]),
    ("SupplyRequest", &["deliverTo"]),
    ("Task", &["for"]), // beyond the compartment
    ("VisionPrescription", &["patient"]),
];

/// The types that name no patient: definitions, terminology, organisation, stock. (`Bundle` is neither here nor in the
/// table: it is about the patients its entries are about, see `bundle::Unpacked::patients`.)
#[cfg(test)]
#[rustfmt::skip]
const NO_PATIENT: &[&str] = &[
    "ActivityDefinition", "CapabilityStatement", "CatalogEntry", "ChargeItemDefinition", "CodeSystem",
    "CompartmentDefinition", "ConceptMap", "DeviceDefinition", "DeviceMetric", "EffectEvidenceSynthesis",
    "Endpoint", "EnrollmentResponse", "EventDefinition", "Evidence", "EvidenceVariable", "ExampleScenario",
    "GraphDefinition", "HealthcareService", "ImplementationGuide", "InsurancePlan", "Library", "Location",
    "Measure", "Medication", "MedicationKnowledge", "MedicinalProduct", "MedicinalProductAuthorization",
    "MedicinalProductContraindication", "MedicinalProductIndication", "MedicinalProductIngredient",
    "MedicinalProductInteraction", "MedicinalProductManufactured", "MedicinalProductPackaged",
    "MedicinalProductPharmaceutical", "MedicinalProductUndesirableEffect", "MessageDefinition", "NamingSystem",
    "ObservationDefinition", "OperationDefinition", "OperationOutcome", "Organization",
    "OrganizationAffiliation", "Parameters", "PaymentNotice", "PaymentReconciliation", "PlanDefinition",
    "Practitioner", "PractitionerRole", "Questionnaire", "ResearchDefinition", "ResearchElementDefinition",
    "ResearchStudy", "RiskEvidenceSynthesis", "SearchParameter", "Slot", "SpecimenDefinition",
    "StructureDefinition", "StructureMap", "Subscription", "Substance", "SubstanceNucleicAcid",
    "SubstancePolymer", "SubstanceProtein", "SubstanceReferenceInformation", "SubstanceSourceMaterial",
    "SubstanceSpecification", "TerminologyCapabilities", "TestReport", "TestScript", "ValueSet",
    "VerificationResult",
];

#[cfg(test)]
mod tests;

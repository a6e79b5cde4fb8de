//! Which resource: its type and its id, checked once at the edge so that nothing inside has to check again.

use std::fmt;
use std::str::FromStr;

/// The longest id FHIR allows (R4 datatypes, `id`: `[A-Za-z0-9\-\.]{1,64}`).
pub const ID_CHARS_MAX: usize = 64;

/// Every resource type of FHIR R4 (4.0.1) that can stand by itself, sorted by its bytes.
///
/// A caller may rely on the order and the content for ever: saves on disk name a type by its place in this table, so
/// a type is never added, removed or moved here (a later FHIR release gets a table of its own).
/// Source: the StructureDefinitions of the R4 specification with `kind = resource`, not abstract.
#[rustfmt::skip]
pub const RESOURCE_TYPES: &[&str] = &[
    "Account", "ActivityDefinition", "AdverseEvent", "AllergyIntolerance", "Appointment",
    "AppointmentResponse", "AuditEvent", "Basic", "Binary", "BiologicallyDerivedProduct",
    "BodyStructure", "Bundle", "CapabilityStatement", "CarePlan", "CareTeam", "CatalogEntry",
    "ChargeItem", "ChargeItemDefinition", "Claim", "ClaimResponse", "ClinicalImpression",
    "CodeSystem", "Communication", "CommunicationRequest", "CompartmentDefinition", "Composition",
    "ConceptMap", "Condition", "Consent", "Contract", "Coverage", "CoverageEligibilityRequest",
    "CoverageEligibilityResponse", "DetectedIssue", "Device", "DeviceDefinition", "DeviceMetric",
    "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest",
    "DocumentReference", "EffectEvidenceSynthesis", "Encounter", "Endpoint", "EnrollmentRequest",
    "EnrollmentResponse", "EpisodeOfCare", "EventDefinition", "Evidence", "EvidenceVariable",
    "ExampleScenario", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
    "GraphDefinition", "Group", "GuidanceResponse", "HealthcareService", "ImagingStudy",
    "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "ImplementationGuide",
    "InsurancePlan", "Invoice", "Library", "Linkage", "List", "Location", "Measure",
    "MeasureReport", "Media", "Medication", "MedicationAdministration", "MedicationDispense",
    "MedicationKnowledge", "MedicationRequest", "MedicationStatement", "MedicinalProduct",
    "MedicinalProductAuthorization", "MedicinalProductContraindication",
    "MedicinalProductIndication", "MedicinalProductIngredient", "MedicinalProductInteraction",
    "MedicinalProductManufactured", "MedicinalProductPackaged", "MedicinalProductPharmaceutical",
    "MedicinalProductUndesirableEffect", "MessageDefinition", "MessageHeader", "MolecularSequence",
    "NamingSystem", "NutritionOrder", "Observation", "ObservationDefinition",
    "OperationDefinition", "OperationOutcome", "Organization", "OrganizationAffiliation",
    "Parameters", "Patient", "PaymentNotice", "PaymentReconciliation", "Person", "PlanDefinition",
    "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire",
    "QuestionnaireResponse", "RelatedPerson", "RequestGroup", "ResearchDefinition",
    "ResearchElementDefinition", "ResearchStudy", "ResearchSubject", "RiskAssessment",
    "RiskEvidenceSynthesis", "Schedule", "SearchParameter", "ServiceRequest", "Slot", "Specimen",
    "SpecimenDefinition", "StructureDefinition", "StructureMap", "Subscription", "Substance",
    "SubstanceNucleicAcid", "SubstancePolymer", "SubstanceProtein",
    "SubstanceReferenceInformation", "SubstanceSourceMaterial", "SubstanceSpecification",
    "SupplyDelivery", "SupplyRequest", "Task", "TerminologyCapabilities", "TestReport",
    "TestScript", "ValueSet", "VerificationResult", "VisionPrescription",
];

/// Names one resource: `Type/id`.
///
/// A caller may rely on: the type is in [`RESOURCE_TYPES`] and the id is a legal FHIR id, when it was made by
/// [`ResourceKey::new`] or by parsing. The order is by type, then by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// The resource type, spelled as in FHIR.
    pub resource_type: String,
    /// The logical id.
    pub id: String,
}

/// Why two texts do not name a resource. Carries no part of them: an id may be a name somebody typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not one of the R4 resource types.
    #[error("not a resource type of FHIR R4")]
    UnknownType,
    /// Not `[A-Za-z0-9\-\.]{1,64}`.
    #[error("not a legal FHIR id: 1 to 64 letters, digits, '-' or '.'")]
    IllegalId,
    /// Not of the form `Type/id`.
    #[error("not of the form Type/id")]
    NotAKey,
}

impl ResourceKey {
    /// The key of `resource_type/id`.
    ///
    /// # Errors
    /// [`KeyError::UnknownType`] or [`KeyError::IllegalId`].
    pub fn new(resource_type: impl Into<String>, id: impl Into<String>) -> Result<ResourceKey, KeyError> {
        let (resource_type, id) = (resource_type.into(), id.into());
        if !is_resource_type(&resource_type) {
            return Err(KeyError::UnknownType);
        }
        if !is_legal_id(&id) {
            return Err(KeyError::IllegalId);
        }
        Ok(ResourceKey { resource_type, id })
    }
}

impl fmt::Display for ResourceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.resource_type, self.id)
    }
}

impl FromStr for ResourceKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<ResourceKey, KeyError> {
        let (resource_type, id) = text.split_once('/').ok_or(KeyError::NotAKey)?;
        ResourceKey::new(resource_type, id)
    }
}

/// Whether this is one of the R4 resource types.
pub fn is_resource_type(text: &str) -> bool {
    type_index(text).is_some()
}

/// Whether this is a legal FHIR id.
pub fn is_legal_id(text: &str) -> bool {
    (1..=ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

/// The place of a type in [`RESOURCE_TYPES`].
pub(crate) fn type_index(text: &str) -> Option<usize> {
    RESOURCE_TYPES.binary_search(&text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert_eq!(RESOURCE_TYPES.len(), 146);
        assert!(RESOURCE_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
        // The places are in saves on disk: these three hold the ends and the middle in place.
        assert_eq!((type_index("Account"), type_index("Observation")), (Some(0), Some(95)));
        assert_eq!(type_index("VisionPrescription"), Some(145));
    }

    #[test]
    fn a_key_is_checked_at_the_edge() {
        let key: ResourceKey = "Patient/a-1.B".parse().expect("legal");
        assert_eq!(key.to_string(), "Patient/a-1.B");
        assert_eq!(ResourceKey::new("patient", "1"), Err(KeyError::UnknownType));
        assert_eq!(ResourceKey::new("DomainResource", "1"), Err(KeyError::UnknownType));
        for id in ["", "a b", "a/b", "a_b", "é", &"x".repeat(65)] {
            assert_eq!(ResourceKey::new("Patient", id), Err(KeyError::IllegalId));
        }
        assert!(ResourceKey::new("Patient", "x".repeat(64)).is_ok());
        assert_eq!("Patient".parse::<ResourceKey>(), Err(KeyError::NotAKey));
        assert_eq!("Patient/1/_history/2".parse::<ResourceKey>(), Err(KeyError::IllegalId));
    }
}

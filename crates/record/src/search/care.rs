//! When the care was given that a resource records: what `start` and `end` of `$everything` ask (FHIR R4,
//! Operation-patient-everything).

use super::matches::values_of_param;
use super::table::{ParamKind, table_of};
use super::value::Value;
use crate::json::Node;
use crate::time::Span;

/// The parameters that say it, where that is not `date` alone. The first with a value counts; the dates of a person are of
/// no care.
const CARE: [(&str, &[&str]); 34] = [
    ("Account", &["period"]),
    ("AllergyIntolerance", &["onset", "date"]),
    ("Basic", &["created"]),
    ("ChargeItem", &["occurrence", "entered-date"]),
    ("Claim", &["created"]),
    ("ClaimResponse", &["created"]),
    ("Communication", &["sent", "received"]),
    ("CommunicationRequest", &["occurrence", "authored"]),
    ("Condition", &["onset-date", "recorded-date"]),
    ("Contract", &["issued"]),
    ("CoverageEligibilityRequest", &["created"]),
    ("CoverageEligibilityResponse", &["created"]),
    ("DetectedIssue", &["identified"]),
    ("DeviceRequest", &["event-date", "authored-on"]),
    ("DocumentManifest", &["created"]),
    ("ExplanationOfBenefit", &["created"]),
    ("Goal", &["start-date"]),
    ("ImagingStudy", &["started"]),
    ("Media", &["created"]),
    ("MedicationAdministration", &["effective-time"]),
    ("MedicationDispense", &["whenhandedover", "whenprepared"]),
    ("MedicationRequest", &["authoredon"]),
    ("MedicationStatement", &["effective"]),
    ("NutritionOrder", &["datetime"]),
    ("Patient", &[]),
    ("Person", &[]),
    ("Provenance", &["when", "recorded"]),
    ("QuestionnaireResponse", &["authored"]),
    ("RelatedPerson", &[]),
    ("RequestGroup", &["authored"]),
    ("ServiceRequest", &["occurrence", "authored"]),
    ("Specimen", &["collected"]),
    ("Task", &["period", "authored-on"]),
    ("VisionPrescription", &["datewritten"]),
];

/// Whether a resource records care within a span, or says no date of care: what is true at any time belongs to every span.
pub fn is_within_care(resource_type: &str, resource: &Node<'_>, within: Span) -> bool {
    let Some(table) = table_of(resource_type) else { return true };
    for code in care_params(resource_type) {
        let Some(param) = table.params.get(code).filter(|param| param.kind == ParamKind::Date) else { continue };
        let values = values_of_param(table, param, resource);
        let mut spans = values.iter().filter_map(|value| match value {
            Value::Date(span) => Some(span),
            _ => None,
        });
        if let Some(first) = spans.next() {
            let meets = |span: &Span| span.from_ms < within.until_ms && span.until_ms > within.from_ms;
            return meets(first) || spans.any(meets);
        }
    }
    true
}

fn care_params(resource_type: &str) -> &'static [&'static str] {
    CARE.binary_search_by_key(&resource_type, |(name, _)| name).map_or(&["date"], |at| CARE[at].1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compartment::patient_types;
    use crate::json::parse;

    #[test]
    fn every_type_of_a_chart_that_has_dates_has_one_of_care() {
        assert!(CARE.is_sorted_by_key(|(name, _)| *name));
        for (name, codes) in &CARE {
            let table = table_of(name).unwrap();
            for code in *codes {
                assert!(table.params.get(code).is_some_and(|param| param.kind == ParamKind::Date), "{name}.{code}");
            }
        }
        for name in patient_types() {
            let Some(table) = table_of(name) else { continue };
            let has_date = table.params.values().any(|param| param.kind == ParamKind::Date);
            let is_known = care_params(name).iter().any(|code| table.params.contains_key(code));
            let is_a_person = matches!(name, "Patient" | "Person" | "RelatedPerson");
            assert!(is_known || is_a_person || !has_date, "{name}");
        }
    }

    #[test]
    fn care_is_within_what_it_overlaps_and_what_has_no_date_is_always() {
        let march = Span { from_ms: 1_519_862_400_000, until_ms: 1_522_540_800_000 };
        for (kind, raw, wanted) in [
            ("Observation", r#"{"effectiveDateTime":"2018-03-04T10:00:00Z"}"#, true),
            ("Observation", r#"{"effectiveDateTime":"2018-04-04"}"#, false),
            ("Observation", r#"{"effectiveDateTime":"2018"}"#, true),
            ("Observation", r#"{}"#, true),
            ("Encounter", r#"{"period":{"start":"2018-02-01"}}"#, true),
            ("Encounter", r#"{"period":{"end":"2018-02-01"}}"#, false),
            ("Condition", r#"{"onsetDateTime":"2010","recordedDate":"2018-03-01"}"#, false),
            ("Condition", r#"{"recordedDate":"2018-03-01"}"#, true),
            ("Patient", r#"{"birthDate":"1984"}"#, true),
            ("MedicationRequest", r#"{"authoredOn":"2018-02-28"}"#, false),
        ] {
            let raw = format!(r#"{{"resourceType":"{kind}",{}"#, &raw[1..]).replace(",}", "}");
            assert_eq!(is_within_care(kind, &parse(raw.as_bytes()).unwrap(), march), wanted, "{raw}");
        }
    }
}

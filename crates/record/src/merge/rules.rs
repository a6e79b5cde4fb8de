//! The tables the merge goes by.

use super::tree::{Slot, Tree};

/// Whether nothing may disappear from resources of this type by a merge (design §6: allergies, medications given,
/// transfusions and conditions are unions). What was given, what the patient has and what would kill them must not
/// vanish because two edits met; removing it takes one person who saw everything.
pub fn is_safety_type(resource_type: &str) -> bool {
    matches!(
        resource_type,
        "AllergyIntolerance"
            | "BiologicallyDerivedProduct"
            | "Condition"
            | "Flag"
            | "Immunization"
            | "List"
            | "MedicationAdministration"
            | "MedicationStatement"
            | "Procedure"
    )
}

/// Whether this element says where its resource stands in its life, so that any difference is a clinician's to see.
/// Source: the elements R4 maps to `FiveWs.status`, and those that turn an order into its opposite.
pub fn is_status(element: &str) -> bool {
    matches!(
        element,
        "status"
            | "clinicalStatus"
            | "verificationStatus"
            | "lifecycleStatus"
            | "docStatus"
            | "intent"
            | "doNotPerform"
            | "prohibited"
            | "entered-in-error"
    )
}

/// Whether an object is one fact whose parts mean nothing apart, by the shape of its R4 datatype.
pub(super) fn is_one_fact(slots: &[(std::borrow::Cow<'_, str>, Slot<'_>)]) -> bool {
    let has = |name: &str| slots.iter().any(|(stem, _)| stem == name);
    let any = |names: &[&str]| names.iter().any(|name| has(name));
    let names_resource = slots.iter().any(|(stem, slot)| {
        // A literal reference; Consent and MessageDefinition have backbone elements of that name.
        stem == "reference" && slot.members.iter().any(|(_, tree)| matches!(tree, Tree::Scalar(_)))
    });
    names_resource
        || any(&["coding", "numerator", "denominator", "low", "high", "div"])
        || has("value") && any(&["unit", "code", "comparator", "currency"])
        || has("system") && any(&["value", "code"])
        || has("contentType") && any(&["data", "url", "hash"])
        || has("origin") && has("dimensions")
}

/// The name of a choice element without its type: `valueQuantity` and `valueString` are both `value`. Any other name
/// is its own. Some plain elements look like a choice (`Library.effectivePeriod`); alone, they merge the same.
pub(super) fn stem(name: &str) -> &str {
    let boundary = name.char_indices().filter(|(at, character)| *at > 0 && character.is_ascii_uppercase());
    for (at, _) in boundary {
        let (stem, choice) = name.split_at(at);
        if CHOICE_STEMS.binary_search(&stem).is_ok() && CHOICE_TYPES.binary_search(&choice).is_ok() {
            return stem;
        }
    }
    name
}

/// Every `name[x]` in the R4 StructureDefinitions, sorted.
#[rustfmt::skip]
const CHOICE_STEMS: &[&str] = &[
    "abatement", "additive", "age", "allowed", "amount", "answer", "asNeeded", "author", "born", "bounds",
    "characteristic", "chargeItem", "code", "collected", "content", "created", "date", "deceased", "defaultValue",
    "definingSubstance", "definition", "detail", "diagnosis", "dose", "doseNumber", "due", "effective", "entity",
    "event", "example", "fastingStatus", "fixed", "identified", "indication", "item", "legallyBinding", "location",
    "manufacturer", "maxValue", "medication", "minValue", "minimumVolume", "module", "multipleBirth", "name",
    "occurred", "occurrence", "offset", "onset", "participantEffective", "pattern", "performed", "probability",
    "procedure", "product", "quantity", "rate", "reported", "scheduled", "seriesDoses", "serviced", "source",
    "start", "statusReason", "studyEffective", "subject", "substance", "target", "time", "timing", "topic", "used",
    "value", "when",
];

/// Every type a `name[x]` of R4 can have, as written behind the name, sorted.
#[rustfmt::skip]
const CHOICE_TYPES: &[&str] = &[
    "Address", "Age", "Annotation", "Attachment", "Base64Binary", "Boolean", "Canonical", "Code",
    "CodeableConcept", "Coding", "ContactDetail", "ContactPoint", "Contributor", "Count", "DataRequirement",
    "Date", "DateTime", "Decimal", "Distance", "Dosage", "Duration", "Expression", "HumanName", "Id", "Identifier",
    "Instant", "Integer", "Markdown", "Meta", "Money", "Oid", "ParameterDefinition", "Period", "PositiveInt",
    "Quantity", "Range", "Ratio", "Reference", "RelatedArtifact", "SampledData", "Signature", "String", "Time",
    "Timing", "TriggerDefinition", "UnsignedInt", "Uri", "Url", "UsageContext", "Uuid",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_known_by_their_types() {
        assert!(CHOICE_STEMS.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(CHOICE_TYPES.windows(2).all(|pair| pair[0] < pair[1]));
        for (name, expected) in [
            ("valueQuantity", "value"),
            ("valueDateTime", "value"),
            ("doseNumberPositiveInt", "doseNumber"),
            ("statusReasonCodeableConcept", "statusReason"),
            ("valueSet", "valueSet"),
            ("status", "status"),
            ("code", "code"),
            ("birthDate", "birthDate"),
            ("codeFilter", "codeFilter"),
        ] {
            assert_eq!(stem(name), expected);
        }
    }
}

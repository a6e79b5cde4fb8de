//! The sections of an International Patient Summary, and which of them a resource belongs to.
//!
//! Source: Composition-uv-ips 2.0.0: the slices of `Composition.section`, the LOINC code of each and the types that its
//! entries may refer to. What a resource's status means for its place is decided here and nowhere else.

use crate::json::{Kind, Node};

/// A section of Composition-uv-ips, in the order of our documents: what kills first, then what is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// Flags. (`sectionAlerts`)
    Alerts,
    /// Allergies and intolerances. Required.
    Allergies,
    /// What the patient has now. Required.
    Problems,
    /// What the patient takes, is ordered or was given. Required.
    Medications,
    /// Vaccines given.
    Immunizations,
    /// What was done. (`sectionProceduresHx`)
    Procedures,
    /// Findings of a laboratory, of imaging, and of other tests.
    Results,
    /// Vital signs and physical findings.
    VitalSigns,
    /// What is in the patient or on them.
    MedicalDevices,
    /// What the patient had.
    PastProblems,
    /// Pregnant or not, and earlier pregnancies. (`sectionPregnancyHx`)
    Pregnancy,
    /// Tobacco, alcohol, how the patient lives.
    SocialHistory,
    /// What the patient can do.
    FunctionalStatus,
    /// What is meant to happen.
    PlanOfCare,
    /// What the patient wants done and not done.
    AdvanceDirectives,
    /// What matters to the patient, in their words.
    PatientStory,
}

/// A row of the table of sections.
struct Row {
    section: Section,
    loinc: &'static str,
    entries: &'static [&'static str],
}

#[rustfmt::skip]
const SECTIONS: &[Row] = &[
    Row { section: Section::Alerts, loinc: "104605-1", entries: &["Flag", "DocumentReference"] },
    Row { section: Section::Allergies, loinc: "48765-2", entries: &["AllergyIntolerance", "DocumentReference"] },
    Row { section: Section::Problems, loinc: "11450-4", entries: &["Condition", "DocumentReference"] },
    Row { section: Section::Medications, loinc: "10160-0", entries: &[
        "MedicationStatement", "MedicationRequest", "MedicationAdministration", "MedicationDispense",
        "DocumentReference",
    ] },
    Row { section: Section::Immunizations, loinc: "11369-6", entries: &["Immunization", "DocumentReference"] },
    Row { section: Section::Procedures, loinc: "47519-4", entries: &["Procedure", "DocumentReference"] },
    Row { section: Section::Results, loinc: "30954-2", entries: &[
        "Observation", "DiagnosticReport", "DocumentReference",
    ] },
    Row { section: Section::VitalSigns, loinc: "8716-3", entries: &["Observation", "DocumentReference"] },
    Row { section: Section::MedicalDevices, loinc: "46264-8", entries: &["DeviceUseStatement", "DocumentReference"] },
    Row { section: Section::PastProblems, loinc: "11348-0", entries: &["Condition", "DocumentReference"] },
    Row { section: Section::Pregnancy, loinc: "10162-6", entries: &["Observation", "DocumentReference"] },
    Row { section: Section::SocialHistory, loinc: "29762-2", entries: &["Observation", "DocumentReference"] },
    Row { section: Section::FunctionalStatus, loinc: "47420-5", entries: &[
        "Condition", "ClinicalImpression", "DocumentReference",
    ] },
    Row { section: Section::PlanOfCare, loinc: "18776-5", entries: &[
        "CarePlan", "ImmunizationRecommendation", "DocumentReference",
    ] },
    Row { section: Section::AdvanceDirectives, loinc: "42348-3", entries: &["Consent", "DocumentReference"] },
    // The patient's story may have entries of any type.
    Row { section: Section::PatientStory, loinc: "81338-6", entries: &[] },
];

impl Section {
    /// All of them, in the order of our documents.
    pub fn all() -> impl Iterator<Item = Section> {
        SECTIONS.iter().map(|row| row.section)
    }

    /// Its LOINC code.
    pub fn loinc(self) -> &'static str {
        self.row().loinc
    }

    /// The section of a LOINC code.
    pub fn of_loinc(code: &str) -> Option<Section> {
        SECTIONS.iter().find(|row| row.loinc == code).map(|row| row.section)
    }

    /// Whether a document must have it, with entries or with a reason why it has none.
    pub fn is_required(self) -> bool {
        matches!(self, Section::Allergies | Section::Problems | Section::Medications)
    }

    /// Whether its entries may be resources of this type.
    pub fn may_hold(self, resource_type: &str) -> bool {
        let entries = self.row().entries;
        entries.is_empty() || entries.contains(&resource_type)
    }

    fn row(self) -> &'static Row {
        // The table is in the order of the enum, which a test holds.
        &SECTIONS[self as usize]
    }
}

/// Why a resource of the chart is not an entry of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftOut {
    /// Its bytes cannot be read, or are nested too deep to stand in a document.
    Unreadable,
    /// It does not say by a literal reference that it is about this patient. Never named in the document.
    NotThisPatient,
    /// It was entered in error, or cancelled.
    InError,
    /// It says that the patient does not have this.
    Refuted,
    /// It says that this is not to be done or given.
    Prohibited,
    /// It says that this was not done, or not yet.
    NotDone,
    /// An order or plan that is over; what was given on it stands for itself.
    Finished,
    /// Given longer ago than [`GIVEN_DAYS_MAX`](super::GIVEN_DAYS_MAX).
    Older,
    /// There are newer ones of the same kind, or enough of them.
    Superseded,
    /// It has no value, or not the elements that say what it means.
    Incomplete,
    /// The summary has no entries of its type; it is told in words only.
    InWordsOnly,
}

impl LeftOut {
    /// Whether the document says what it was, and not only how many there were.
    pub(super) fn is_named(self) -> bool {
        use LeftOut::{InWordsOnly, Incomplete, NotDone, Prohibited, Refuted};
        matches!(self, Refuted | Prohibited | NotDone | Incomplete | InWordsOnly)
    }

    /// Whether it stays out of the document whatever refers to it.
    pub(super) fn is_barred(self) -> bool {
        matches!(self, LeftOut::NotThisPatient | LeftOut::InError | LeftOut::Unreadable)
    }

    /// Whether the document says nothing of it at all.
    pub(super) fn is_silent(self) -> bool {
        matches!(self, LeftOut::NotThisPatient | LeftOut::InError)
    }
}

/// Where a resource belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// An entry of a section.
    Entry(Section),
    /// Not an entry, though it would belong into this section.
    Out(Section, LeftOut),
    /// Not what a summary is made of by itself; it may be there because an entry refers to it.
    Supporting,
}

/// Codes of pregnancy: status, outcomes (value set pregnancies-summary-uv-ips), expected delivery (edd-method-uv-ips).
#[rustfmt::skip]
const PREGNANCY: &[&str] = &[
    "82810-3", "11636-8", "11637-6", "11638-4", "11639-2", "11640-0", "11612-9", "11613-7", "11614-5", "33065-4",
    "11778-8", "11779-6", "11780-4",
];

/// Codes of the IPS profiles on tobacco and alcohol.
const HABITS: &[&str] = &["72166-2", "74013-4"];

/// Codes that R4 makes vital signs of, whatever category they have (R4 observation-vitalsigns.html).
#[rustfmt::skip]
const VITAL_SIGNS: &[&str] = &[
    "85353-1", "9279-1", "8867-4", "2708-6", "8310-5", "8302-2", "9843-4", "29463-7", "39156-5", "85354-9", "8480-6",
    "8462-4",
];

/// What makes a Consent an advance directive: its scope or category (R4 consentscope, consentcategorycodes).
const DIRECTIVES: &[&str] = &["adr", "acd", "dnr", "emrgonly", "hcd", "polst", "42348-3"];

/// Where a resource belongs, by its type, status, category and code.
pub(super) fn place(resource_type: &str, resource: &Node<'_>) -> Place {
    let status = resource.get_str("status").unwrap_or_default();
    match resource_type {
        "AllergyIntolerance" => match &*verification(resource) {
            "entered-in-error" => Place::Out(Section::Allergies, LeftOut::InError),
            "refuted" => Place::Out(Section::Allergies, LeftOut::Refuted),
            _ => Place::Entry(Section::Allergies),
        },
        "Condition" => condition(resource),
        "MedicationStatement" => medication(&status, &["active", "intended", "on-hold", "unknown"]),
        "MedicationRequest" if resource.get("doNotPerform").is_some_and(is_true) && status == "active" => {
            Place::Out(Section::Medications, LeftOut::Prohibited)
        }
        "MedicationRequest" => medication(&status, &["active", "on-hold", "unknown"]),
        "MedicationAdministration" | "MedicationDispense" => given(&status),
        "Immunization" => done(Section::Immunizations, &status),
        "Procedure" => done(Section::Procedures, &status),
        "DeviceUseStatement" => done(Section::MedicalDevices, &status),
        "Device" if resource.get("patient").is_some() && !matches!(&*status, "inactive" | "entered-in-error") => {
            Place::Out(Section::MedicalDevices, LeftOut::InWordsOnly)
        }
        "Observation" => observation(resource, &status),
        "DiagnosticReport" => result(Section::Results, &status),
        "Flag" => planned(Section::Alerts, &status),
        "CarePlan" => planned(Section::PlanOfCare, &status),
        "ImmunizationRecommendation" => Place::Entry(Section::PlanOfCare),
        "ServiceRequest" => match planned(Section::PlanOfCare, &status) {
            Place::Entry(section) if resource.get("doNotPerform").is_some_and(is_true) => {
                Place::Out(section, LeftOut::Prohibited)
            }
            Place::Entry(section) => Place::Out(section, LeftOut::InWordsOnly),
            other => other,
        },
        "Goal" => match &*resource.get_str("lifecycleStatus").unwrap_or_default() {
            "entered-in-error" | "rejected" => Place::Out(Section::PlanOfCare, LeftOut::InError),
            "completed" | "cancelled" => Place::Out(Section::PlanOfCare, LeftOut::Finished),
            _ => Place::Out(Section::PlanOfCare, LeftOut::InWordsOnly),
        },
        "Consent" if has_code(resource, &["scope", "category"], DIRECTIVES) => {
            planned(Section::AdvanceDirectives, &status)
        }
        "ClinicalImpression" if has_code(resource, &["code"], &["47420-5"]) => {
            result(Section::FunctionalStatus, &status)
        }
        "DocumentReference" => document(resource, &status),
        _ => Place::Supporting,
    }
}

fn condition(resource: &Node<'_>) -> Place {
    let section = if has_code(resource, &["category"], &["47420-5"]) {
        Section::FunctionalStatus
    } else {
        match &*code_of(resource.get("clinicalStatus")) {
            "inactive" | "remission" | "resolved" => Section::PastProblems,
            // What does not say that it is over is not over.
            _ => Section::Problems,
        }
    };
    match &*verification(resource) {
        "entered-in-error" => Place::Out(section, LeftOut::InError),
        "refuted" => Place::Out(section, LeftOut::Refuted),
        _ => Place::Entry(section),
    }
}

fn medication(status: &str, current: &[&str]) -> Place {
    let section = Section::Medications;
    match status {
        "entered-in-error" => Place::Out(section, LeftOut::InError),
        "not-taken" => Place::Out(section, LeftOut::NotDone),
        "" => Place::Out(section, LeftOut::Incomplete),
        _ if current.contains(&status) => Place::Entry(section),
        _ => Place::Out(section, LeftOut::Finished),
    }
}

fn given(status: &str) -> Place {
    let section = Section::Medications;
    match status {
        "entered-in-error" | "cancelled" => Place::Out(section, LeftOut::InError),
        "not-done" | "declined" | "preparation" => Place::Out(section, LeftOut::NotDone),
        "" => Place::Out(section, LeftOut::Incomplete),
        _ => Place::Entry(section),
    }
}

fn done(section: Section, status: &str) -> Place {
    match status {
        "entered-in-error" => Place::Out(section, LeftOut::InError),
        "not-done" | "preparation" | "intended" => Place::Out(section, LeftOut::NotDone),
        "" => Place::Out(section, LeftOut::Incomplete),
        _ => Place::Entry(section),
    }
}

fn result(section: Section, status: &str) -> Place {
    match status {
        "entered-in-error" | "cancelled" => Place::Out(section, LeftOut::InError),
        "" => Place::Out(section, LeftOut::Incomplete),
        _ => Place::Entry(section),
    }
}

fn planned(section: Section, status: &str) -> Place {
    match status {
        "entered-in-error" => Place::Out(section, LeftOut::InError),
        "active" | "on-hold" | "unknown" => Place::Entry(section),
        "" => Place::Out(section, LeftOut::Incomplete),
        _ => Place::Out(section, LeftOut::Finished),
    }
}

fn observation(resource: &Node<'_>, status: &str) -> Place {
    let coded = |codes| has_code(resource, &["code"], codes);
    let category = |code| has_code(resource, &["category"], &[code]);
    let vital = category("vital-signs") || coded(VITAL_SIGNS);
    let section = match () {
        () if coded(PREGNANCY) => Section::Pregnancy,
        () if coded(HABITS) || category("social-history") => Section::SocialHistory,
        () if category("laboratory") || category("imaging") => Section::Results,
        () if vital || category("exam") => Section::VitalSigns,
        () => Section::Results,
    };
    let says = |name: &str| resource.members().iter().any(|member| member.key.starts_with(name));
    let says_something = says("value") || says("component") || says("hasMember") || says("dataAbsentReason");
    // A vital sign that nobody knows the time of says nothing (vs-1 of R4's vitalsigns).
    let has_time = section != Section::VitalSigns || says("effective");
    match result(section, status) {
        Place::Entry(section) if !says_something || !has_time => Place::Out(section, LeftOut::Incomplete),
        place => place,
    }
}

/// A document is an entry of the section that it says it is: discharge letters and the like are no part of a summary.
fn document(resource: &Node<'_>, status: &str) -> Place {
    let section = codes(resource.get("type")).find_map(|code| Section::of_loinc(&code));
    match (section, status) {
        (Some(section), "current") => Place::Entry(section),
        (Some(section), "superseded") => Place::Out(section, LeftOut::Superseded),
        (Some(section), _) => Place::Out(section, LeftOut::InError),
        (None, _) => Place::Supporting,
    }
}

/// The codes of a CodeableConcept or of a list of them.
pub(super) fn codes(concept: Option<&Node<'_>>) -> impl Iterator<Item = String> {
    let concepts: Vec<&Node<'_>> = match concept {
        Some(node) if matches!(node.kind, Kind::Array(_)) => node.items().iter().collect(),
        node => node.into_iter().collect(),
    };
    let codings = concepts.into_iter().flat_map(|concept| concept.get("coding").map_or(&[][..], Node::items));
    codings.filter_map(|coding| coding.get_str("code").map(String::from)).collect::<Vec<_>>().into_iter()
}

fn has_code(resource: &Node<'_>, elements: &[&str], wanted: &[&str]) -> bool {
    elements.iter().any(|name| codes(resource.get(name)).any(|code| wanted.contains(&&*code)))
}

fn code_of(concept: Option<&Node<'_>>) -> String {
    codes(concept).next().unwrap_or_default()
}

fn verification(resource: &Node<'_>) -> String {
    code_of(resource.get("verificationStatus"))
}

fn is_true(node: &Node<'_>) -> bool {
    matches!(node.kind, Kind::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_object;
    use crate::key::is_resource_type;

    #[test]
    fn the_table_is_in_the_order_of_the_sections() {
        for (at, row) in SECTIONS.iter().enumerate() {
            assert_eq!(row.section as usize, at);
            assert_eq!(Section::of_loinc(row.loinc), Some(row.section));
            assert!(row.entries.iter().all(|name| is_resource_type(name)));
        }
        assert_eq!(Section::all().filter(|section| section.is_required()).count(), 3);
    }

    #[test]
    fn a_resource_has_its_place_by_what_it_says() {
        use LeftOut::{Finished, InError, InWordsOnly, Incomplete, NotDone, Prohibited, Refuted};
        use Section::*;
        let concept = |code: &str| format!(r#"{{"coding":[{{"code":"{code}"}}]}}"#);
        let list = |code: &str| format!("[{}]", concept(code));
        let seen = r#""valueString":"x","effectiveDateTime":"2018""#;
        #[rustfmt::skip]
        let table = [
            ("AllergyIntolerance", "{}".to_owned(), Place::Entry(Allergies)),
            ("AllergyIntolerance", format!(r#"{{"verificationStatus":{}}}"#, concept("refuted")), Place::Out(Allergies, Refuted)),
            ("AllergyIntolerance", format!(r#"{{"verificationStatus":{}}}"#, concept("entered-in-error")), Place::Out(Allergies, InError)),
            ("Condition", "{}".to_owned(), Place::Entry(Problems)),
            ("Condition", format!(r#"{{"clinicalStatus":{}}}"#, concept("recurrence")), Place::Entry(Problems)),
            ("Condition", format!(r#"{{"clinicalStatus":{}}}"#, concept("resolved")), Place::Entry(PastProblems)),
            ("Condition", format!(r#"{{"verificationStatus":{}}}"#, concept("refuted")), Place::Out(Problems, Refuted)),
            ("MedicationRequest", r#"{"status":"active"}"#.to_owned(), Place::Entry(Medications)),
            ("MedicationRequest", r#"{"status":"completed"}"#.to_owned(), Place::Out(Medications, Finished)),
            ("MedicationRequest", r#"{"status":"active","doNotPerform":true}"#.to_owned(), Place::Out(Medications, Prohibited)),
            ("MedicationRequest", "{}".to_owned(), Place::Out(Medications, Incomplete)),
            ("MedicationStatement", r#"{"status":"not-taken"}"#.to_owned(), Place::Out(Medications, NotDone)),
            ("MedicationAdministration", r#"{"status":"completed"}"#.to_owned(), Place::Entry(Medications)),
            ("MedicationAdministration", r#"{"status":"not-done"}"#.to_owned(), Place::Out(Medications, NotDone)),
            ("Immunization", r#"{"status":"not-done"}"#.to_owned(), Place::Out(Immunizations, NotDone)),
            ("Procedure", r#"{"status":"in-progress"}"#.to_owned(), Place::Entry(Procedures)),
            ("Flag", r#"{"status":"active"}"#.to_owned(), Place::Entry(Alerts)),
            ("Flag", r#"{"status":"inactive"}"#.to_owned(), Place::Out(Alerts, Finished)),
            ("ServiceRequest", r#"{"status":"active"}"#.to_owned(), Place::Out(PlanOfCare, InWordsOnly)),
            ("ServiceRequest", r#"{"status":"active","doNotPerform":true}"#.to_owned(), Place::Out(PlanOfCare, Prohibited)),
            ("Goal", "{}".to_owned(), Place::Out(PlanOfCare, InWordsOnly)),
            ("Observation", format!(r#"{{"status":"final",{seen},"category":{}}}"#, list("laboratory")), Place::Entry(Results)),
            ("Observation", format!(r#"{{"status":"final",{seen},"category":{}}}"#, list("exam")), Place::Entry(VitalSigns)),
            ("Observation", format!(r#"{{"status":"final",{seen},"code":{}}}"#, concept("8867-4")), Place::Entry(VitalSigns)),
            ("Observation", format!(r#"{{"status":"final","valueInteger":1,"code":{}}}"#, concept("8867-4")), Place::Out(VitalSigns, Incomplete)),
            ("Observation", format!(r#"{{"status":"final",{seen},"code":{}}}"#, concept("82810-3")), Place::Entry(Pregnancy)),
            ("Observation", format!(r#"{{"status":"final",{seen},"code":{}}}"#, concept("72166-2")), Place::Entry(SocialHistory)),
            ("Observation", format!(r#"{{"status":"final",{seen}}}"#), Place::Entry(Results)),
            ("Observation", r#"{"status":"registered"}"#.to_owned(), Place::Out(Results, Incomplete)),
            ("Observation", r#"{"status":"cancelled"}"#.to_owned(), Place::Out(Results, InError)),
            ("Consent", r#"{"status":"active"}"#.to_owned(), Place::Supporting),
            ("Consent", format!(r#"{{"status":"active","scope":{}}}"#, concept("adr")), Place::Entry(AdvanceDirectives)),
            ("Device", r#"{"patient":{}}"#.to_owned(), Place::Out(MedicalDevices, InWordsOnly)),
            ("Device", "{}".to_owned(), Place::Supporting),
            ("DocumentReference", format!(r#"{{"status":"current","type":{}}}"#, concept("81338-6")), Place::Entry(PatientStory)),
            ("DocumentReference", r#"{"status":"current"}"#.to_owned(), Place::Supporting),
            ("Claim", r#"{"status":"active"}"#.to_owned(), Place::Supporting),
        ];
        for (resource_type, raw, expected) in table {
            let node = parse_object(raw.as_bytes()).expect("JSON");
            assert_eq!(place(resource_type, &node), expected, "{resource_type} {raw}");
            if let Place::Entry(section) = expected {
                assert!(section.may_hold(resource_type), "{section:?} {resource_type}");
            }
        }
    }
}

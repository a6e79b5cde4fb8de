//! The words of a summary's narrative, in Arabic and in English.
//!
//! Source: sanad's own; the titles of the sections follow the names that IPS 2.0.0 gives them.

use super::section::{LeftOut, Section};

/// The language that titles and narrative are written in. What the record says stays as it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// Arabic, written from right to left.
    #[default]
    Arabic,
    /// English.
    English,
}

impl Language {
    /// Its BCP-47 tag.
    pub fn tag(self) -> &'static str {
        self.pick(("ar", "en"))
    }

    /// The direction it is written in.
    pub(super) fn direction(self) -> &'static str {
        self.pick(("rtl", "ltr"))
    }

    pub(super) fn pick(self, (arabic, english): (&'static str, &'static str)) -> &'static str {
        match self {
            Language::Arabic => arabic,
            Language::English => english,
        }
    }
}

pub(super) const TITLE: (&str, &str) = ("ملخص المريض الدولي", "International Patient Summary");
pub(super) const NO_INFORMATION: (&str, &str) =
    ("لا معلومات متاحة في هذا الموقع", "No information is available at this site");
pub(super) const NOTHING_LISTED: (&str, &str) = ("لا بنود مدرجة، انظر النص", "Nothing is listed, see the text");
pub(super) const NOT_LISTED: (&str, &str) = ("غير مدرج ضمن البنود:", "Not among the entries:");
pub(super) const UNNAMED: (&str, &str) = ("بلا تسمية", "not named");
pub(super) const CONFLICT: (&str, &str) = ("تعديلات متعارضة لم تُحسم", "conflicting edits, not settled");
pub(super) const AND_OTHERS: (&str, &str) = ("وغيرها", "and others");
pub(super) const ASSEMBLED_AT: (&str, &str) = ("جُمع آليًا في الموقع", "Assembled automatically at site");
pub(super) const NOT_REVIEWED: (&str, &str) = ("لم يراجعه طبيب", "not reviewed by a clinician");
pub(super) const MORE_ELSEWHERE: (&str, &str) =
    ("قد يكون لهذا المريض سجلات أخرى في مواقع أخرى.", "Other sites may hold more of this patient's record.");

/// The title of a section.
pub(super) fn title(section: Section) -> (&'static str, &'static str) {
    match section {
        Section::Alerts => ("تنبيهات", "Alerts"),
        Section::Allergies => ("الحساسية وعدم التحمل", "Allergies and Intolerances"),
        Section::Problems => ("المشكلات الصحية", "Problems"),
        Section::Medications => ("الأدوية", "Medications"),
        Section::Immunizations => ("اللقاحات", "Immunizations"),
        Section::Procedures => ("العمليات والإجراءات", "Procedures"),
        Section::Results => ("نتائج الفحوص", "Results"),
        Section::VitalSigns => ("العلامات الحيوية والفحص", "Vital Signs and Findings"),
        Section::MedicalDevices => ("الأجهزة الطبية", "Medical Devices"),
        Section::PastProblems => ("السوابق المرضية", "Past Problems"),
        Section::Pregnancy => ("الحمل", "Pregnancy"),
        Section::SocialHistory => ("العادات ونمط الحياة", "Social History"),
        Section::FunctionalStatus => ("القدرة الوظيفية", "Functional Status"),
        Section::PlanOfCare => ("خطة الرعاية", "Plan of Care"),
        Section::AdvanceDirectives => ("توجيهات المريض المسبقة", "Advance Directives"),
        Section::PatientStory => ("ما يهم المريض", "Patient Story"),
    }
}

/// Why something is not among the entries.
pub(super) fn reason(reason: LeftOut) -> (&'static str, &'static str) {
    match reason {
        LeftOut::Unreadable => ("سجلات تعذرت قراءتها", "records that could not be read"),
        LeftOut::Refuted => ("منفي", "refuted"),
        LeftOut::Prohibited => ("لا يُعطى ولا يُجرى", "not to be given or done"),
        LeftOut::NotDone => ("لم يُعطَ أو لم يُجرَ", "not given or not done"),
        LeftOut::Finished => ("انتهت", "over"),
        LeftOut::Older => ("أقدم من ٩٠ يومًا", "older than 90 days"),
        LeftOut::Superseded => ("أقدم من المدرج", "older than what is listed"),
        LeftOut::Incomplete => ("غير مكتمل", "incomplete"),
        LeftOut::InWordsOnly => ("نصًا فقط", "in words only"),
        LeftOut::NotThisPatient | LeftOut::InError => ("", ""),
    }
}

/// What a line about a drug is about: an order is not yet a dose.
pub(super) fn of_drug(resource_type: &str) -> Option<(&'static str, &'static str)> {
    match resource_type {
        "MedicationAdministration" => Some(("أُعطي", "given")),
        "MedicationDispense" => Some(("صُرف", "dispensed")),
        "MedicationRequest" => Some(("طُلب", "ordered")),
        "MedicationStatement" => Some(("بحسب الإفادة", "as stated")),
        _ => None,
    }
}

/// The word for a code of a status, a certainty or a criticality; the code itself if there is none here.
pub(super) fn status(code: &str, language: Language) -> &str {
    STATUS.iter().find(|(known, _)| *known == code).map_or(code, |(_, words)| language.pick(*words))
}

#[rustfmt::skip]
const STATUS: &[(&str, (&str, &str))] = &[
    ("active", ("فعال", "active")),
    ("cancelled", ("ملغى", "cancelled")),
    ("completed", ("منجز", "completed")),
    ("confirmed", ("مؤكد", "confirmed")),
    ("differential", ("تشخيص تفريقي", "differential")),
    ("draft", ("مسودة", "draft")),
    ("high", ("خطورة عالية", "high risk")),
    ("in-progress", ("جارٍ", "in progress")),
    ("inactive", ("غير فعال", "inactive")),
    ("intended", ("مزمع", "intended")),
    ("low", ("خطورة منخفضة", "low risk")),
    ("not-done", ("لم يُجرَ", "not done")),
    ("not-taken", ("لا يُؤخذ", "not taken")),
    ("on-hold", ("موقوف مؤقتًا", "on hold")),
    ("preliminary", ("أولي", "preliminary")),
    ("provisional", ("مبدئي", "provisional")),
    ("recurrence", ("عاد", "recurrence")),
    ("refuted", ("منفي", "refuted")),
    ("registered", ("مسجل بلا نتيجة", "registered")),
    ("relapse", ("انتكاس", "relapse")),
    ("remission", ("هدأة", "remission")),
    ("resolved", ("شفي", "resolved")),
    ("stopped", ("أوقف", "stopped")),
    ("unable-to-assess", ("تعذر التقدير", "unable to assess")),
    ("unconfirmed", ("غير مؤكد", "unconfirmed")),
    ("unknown", ("غير معروف", "unknown")),
];

//! What of an imported patient summary (IPS) was understood, section by section. The whole document is kept as it came
//! whatever is said here.

use sanad_record::ips::{Report, SectionReport, Standing, understood};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What was understood of one summary. Says codes and numbers, never what a person wrote.
#[derive(Clone, Debug, Serialize)]
pub struct UnderstoodSummary {
    /// The file.
    pub file: PathBuf,
    /// Whether it calls itself a document.
    pub is_document: bool,
    /// Whether its subject is a Patient in it.
    pub has_patient: bool,
    /// Resources in it.
    pub resources: usize,
    /// Its sections, in their order.
    pub sections: Vec<UnderstoodSection>,
}

/// What was understood of one section.
#[derive(Clone, Debug, Serialize)]
pub struct UnderstoodSection {
    /// The LOINC code of the section of IPS 2.0.0 that it is; `None` for one that the profile does not have.
    pub loinc: Option<&'static str>,
    /// Entries in it.
    pub entries: usize,
    /// Entries that lead to a resource of a type that belongs there.
    pub understood: usize,
    /// Entries that lead to a resource of another type.
    pub of_other_types: usize,
    /// Entries that lead to nothing in the document.
    pub leading_nowhere: usize,
    /// True if it has text for people to read.
    pub has_text: bool,
    /// True if it says why it is empty.
    pub says_why_empty: bool,
}

impl UnderstoodSummary {
    /// Entries, and those of them that were understood.
    pub fn entries(&self) -> (usize, usize) {
        let sum = |count: fn(&UnderstoodSection) -> usize| self.sections.iter().map(count).sum();
        (sum(|section| section.entries), sum(|section| section.understood))
    }
}

/// What is understood of a text; `None` if it is no summary: a Bundle without a Composition, or no Bundle.
pub(super) fn read(file: &Path, raw: &[u8]) -> Option<UnderstoodSummary> {
    let Report { is_document, patient, sections, resources } = understood(raw).ok()?;
    let sections = sections.iter().map(section).collect();
    Some(UnderstoodSummary {
        file: file.to_owned(),
        is_document,
        has_patient: patient == Standing::Known,
        resources,
        sections,
    })
}

fn section(report: &SectionReport) -> UnderstoodSection {
    UnderstoodSection {
        loinc: report.section.map(|section| section.loinc()),
        entries: report.entries.len(),
        understood: report.count(Standing::Known),
        of_other_types: report.count(Standing::Unknown),
        leading_nowhere: report.count(Standing::Dangling) + report.count(Standing::Unreferenced),
        has_text: report.has_text,
        says_why_empty: report.empty_reason.is_some(),
    }
}

//! The International Patient Summary (IPS 2.0.0): one document that says of a patient what a stranger must know.
//!
//! Promises:
//! - **What is in the document is the record's own bytes.** Only references change (to the `fullUrl`s of the document),
//!   and an element that the profile demands and nobody has recorded is said to be absent, with R4's data-absent-reason.
//!   Nothing clinical is made up.
//! - **What is not in the document is said.** A section tells in words what belongs to it and is not among its entries:
//!   refuted, prohibited and unfinished things by name, orders that are over and older values by number. That nothing is
//!   recorded is never turned into "none known".
//! - **No other person's record gets in.** A resource that does not refer to this patient literally is left out without a
//!   word of it.
//! - The same chart, time and identifier give the same bytes, in whatever order the resources come.
//!
//! The document is `preliminary`: R4 calls final what a person has verified, and this was put together by a program. Sanad
//! proposes nothing: an order stands in the document as what it is, an order somebody has made.
//!
//! Sources: Bundle-uv-ips and Composition-uv-ips 2.0.0 (<http://hl7.org/fhir/uv/ips/STU2>), R4 documents.html. What passes
//! here is checked against the StructureDefinitions by `e2e/ips-check.mjs`.

mod chart;
mod document;
mod leave;
mod narrative;
mod section;
mod understood;
mod words;

pub use chart::{GIVEN_DAYS_MAX, RESULTS_OF_A_KIND_MAX, SECTION_ENTRIES_MAX};
pub use leave::RESOURCE_SYSTEM;
pub use section::{LeftOut, Section};
pub use understood::{EntryReport, NotASummary, Report, SectionReport, Standing, understood};
pub use words::Language;

use crate::json::{SyntaxError, parse_object};
use crate::key::ResourceKey;
use crate::op::{uuid_bytes, uuid_text};
use chart::Chart;

/// One resource of the chart, as it leaves: its bytes with `id` and `meta` set. No Debug of its text.
#[derive(Clone, Copy)]
pub struct SummarySource<'a> {
    /// Under which name it is held.
    pub key: &'a ResourceKey,
    /// Its bytes.
    pub raw: &'a [u8],
}

/// Who puts a summary together: a site, by its call sign. No person is named.
#[derive(Clone, Copy)]
pub struct Author<'a> {
    /// The site's id.
    pub facility: &'a str,
    /// What it is called over the radio.
    pub call_sign: &'a str,
}

/// What a summary is made from.
#[derive(Clone, Copy)]
pub struct SummaryRequest<'a> {
    /// The patient.
    pub patient: SummarySource<'a>,
    /// The rest of the chart, and what it refers to. Superfluous resources do no harm.
    pub others: &'a [SummarySource<'a>],
    /// Ids of patients that were merged into this one (see [`crate::link::survivors`]): their records are this patient's.
    pub merged: &'a [String],
    /// Who puts it together.
    pub author: Author<'a>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What the document is called: a UUID of its own.
    pub identifier: &'a str,
    /// The language of titles and narrative.
    pub language: Language,
    /// Other sites may hold more of this chart; the document says so.
    pub more_elsewhere: bool,
}

/// A summary.
#[derive(Clone, PartialEq, Eq)]
pub struct Summary {
    /// The document: a Bundle.
    pub bytes: Vec<u8>,
    /// The resources in it, in its order, the patient first.
    pub included: Vec<ResourceKey>,
    /// What would belong into one of its sections and is not an entry of it, and why. Sorted by key.
    pub left_out: Vec<(ResourceKey, LeftOut)>,
}

/// Why there is no summary. Carries no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SummaryError {
    /// The patient's bytes are not JSON.
    #[error("the Patient cannot be read: {0}")]
    Syntax(#[from] SyntaxError),
    /// It is not a Patient that the summary is asked for, or one that is nested too deep to stand in a document.
    #[error("not a Patient resource")]
    NotAPatient,
    /// The identifier is not a UUID.
    #[error("the identifier of a document has to be a UUID")]
    NotAUuid,
}

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Summary({} bytes, {} in, {} out)", self.bytes.len(), self.included.len(), self.left_out.len())
    }
}

/// The summary of a patient: a Bundle of type `document` that follows Bundle-uv-ips.
///
/// # Errors
/// [`SummaryError`] if there is no readable Patient, or the identifier is not a UUID. Nothing else stops it: what cannot
/// be read is left out and counted.
pub fn summary(request: &SummaryRequest<'_>) -> Result<Summary, SummaryError> {
    let identifier = uuid_bytes(&request.identifier.to_ascii_lowercase()).ok_or(SummaryError::NotAUuid)?;
    let patient = parse_object(request.patient.raw)?;
    let says_patient = patient.get_str("resourceType").as_deref() == Some("Patient");
    if request.patient.key.resource_type != "Patient" || !says_patient || chart::is_too_deep(&patient) {
        return Err(SummaryError::NotAPatient);
    }
    Ok(document::assemble(request, &uuid_text(&identifier), &Chart::new(request)))
}

#[cfg(test)]
mod tests;

//! The forms that come with the program: versioned data, with their sources, until a clinician has verified them.

use super::Form;
use std::sync::OnceLock;

/// Their files: each is a Questionnaire like any other.
pub(super) const FILES: [&str; 3] = [
    include_str!("../../data/forms/first-assessment-v1.json"),
    include_str!("../../data/forms/burns-v1.json"),
    include_str!("../../data/forms/obstetric-emergency-v1.json"),
];

/// First assessment, burns, obstetric emergency. [`Form::verified`] says `None` of each: a page has to say so.
pub fn shipped() -> &'static [Form] {
    static SHIPPED: OnceLock<Vec<Form>> = OnceLock::new();
    // A test reads each of them.
    SHIPPED.get_or_init(|| FILES.iter().filter_map(|file| Form::read(file.as_bytes()).ok()).collect())
}

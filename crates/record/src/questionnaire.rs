//! Forms: any FHIR Questionnaire as rows of a page, what was typed as a QuestionnaireResponse, and Observations from it.
//!
//! # What this promises
//! 1. **No programmer is needed to add a form.** A Questionnaire is read ([`Form::read`]) or refused with the name of what
//!    is not understood; what is read can be shown, filled, saved and shown again. `docs/forms.md` says what there is.
//! 2. **Nothing typed is lost.** What cannot be read stays as it was typed, with a [`Problem`] at its field; what is not
//!    asked at the moment stays in hidden fields; what an older version of the form had is kept ([`answers_of`]).
//! 3. **Pages need no script.** A page posts its fields and is made again from them ([`fill`], [`rows`]).
//! 4. **It ends.** A form that refers to itself is refused and the circle is named; items, depth, repetitions and the work
//!    of calculations are bounded.
//!
//! From FHIR R4 (Questionnaire, QuestionnaireResponse) and Structured Data Capture: `calculatedExpression`, `variable`,
//! `observationExtract`. Numbers keep the digits that were typed, so what is saved is JSON text.

mod answers;
mod form;
mod now;
mod observation;
mod read;
mod response;
mod rows;
mod said;
mod shipped;

pub use answers::{Answers, Cell, fill};
pub use form::{Form, FormError, Kind, Text};
pub use observation::observations;
pub use response::{About, answers_of, response};
pub use rows::{Control, Field, Pick, Row, rows};
pub use said::Problem;
pub use shipped::shipped;

/// Most items of a form: the longest of clinics have some hundreds.
pub const ITEMS_MAX: usize = 2_000;
/// How deep items may stand in items.
pub const DEPTH_MAX: usize = 12;
/// Longest Questionnaire or QuestionnaireResponse that is read, in bytes.
pub const FORM_BYTES_MAX: usize = 4 << 20;
/// Most options of one question.
pub const OPTIONS_MAX: usize = 1_000;
/// Most conditions of one item.
pub const CONDITIONS_MAX: usize = 64;
/// Most repetitions of one group, and answers of one question.
pub const REPETITIONS_MAX: usize = 50;
/// Most repetitions of all groups together: repeating groups in repeating groups multiply.
pub const GROUPS_MAX: usize = 1_000;
/// Most places of a form, repetitions counted.
pub const PLACES_MAX: usize = 20_000;
/// Longest answer, in bytes: a note of many pages.
pub const TYPED_BYTES_MAX: usize = 64 * 1024;
/// Most pairs of a posted page that are looked at.
pub const PAIRS_MAX: usize = 20_000;
/// How many calculations may each need another one first.
pub const RANKS_MAX: u32 = 16;
/// What all calculations of a page may visit together: about a second.
pub const CALCULATION_VISITS_MAX: usize = 500_000;

/// An item of the form by its number, and which repetition of each repeating group around it.
type Place = (usize, Vec<u16>);

#[cfg(test)]
mod tests;

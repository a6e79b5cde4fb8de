//! Changing a resource by a patch, and no byte of it that the patch does not change.
//!
//! # What this module promises
//! - What no operation touches comes out as it went in: white space, order, escapes, number literals. A value that is
//!   added stands as the patch writes it. Test: `tests::what_is_not_named_stays_as_it_is`.
//! - A patch is applied as a whole or not at all; the operations see what those before them made.
//! - Whatever patch comes, the work ends: within [`OPERATIONS_MAX`], [`RESULT_BYTES_MAX`], [`READ_BYTES_MAX`] and
//!   [`crate::fhirpath::VISITED_MAX`]. Test: `tests::hostile_patches_end_quickly`.
//! - An error says which operation, what is wrong and whose fault it is, and nothing of the record.
//!
//! Two languages: JSON Patch (RFC 6902), which knows nothing of FHIR, and FHIRPath Patch
//! (<http://hl7.org/fhir/R4/fhirpatch.html>), in which choices, lists and what stands beside primitives (`_name`) are
//! kept as FHIR wants them. Whether the result is a valid resource, or still the same one, is for the caller to ask.

mod fhirpath;
mod json;
mod parameters;
mod place;
mod value;

pub use fhirpath::fhirpath_patch;
pub use json::json_patch;

use crate::fhirpath::{EvalError, PathError};
use crate::json::{Edits, Node, SyntaxError, parse, parse_object};

/// Most operations of a patch. A form of hundreds of questions, answered at once, is below it.
pub const OPERATIONS_MAX: usize = 1_000;

/// Longest result, and longest result of any operation: what one save may carry.
pub const RESULT_BYTES_MAX: usize = crate::op::SAVE_BYTES_MAX;

/// Most bytes that are read again between operations: at worst a second. A resource of 16 kB may have
/// [`OPERATIONS_MAX`] operations, one as large as a save may be has two.
pub const READ_BYTES_MAX: usize = 16 << 20;

/// Why a patch was not applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", .operation.map_or_else(String::new, |at| format!("operation {}: ", at + 1)))]
pub struct PatchError {
    /// Which operation, from 0. `None` if it is the patch or the resource as a whole.
    pub operation: Option<usize>,
    /// What is wrong.
    pub problem: PatchProblem,
}

/// What is wrong with a patch. Names come from the patch, never from the resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchProblem {
    /// The patch is not JSON.
    #[error("the patch cannot be read: {0}")]
    Syntax(SyntaxError),
    /// The patch is JSON, but not a patch.
    #[error("the patch is not {0}")]
    NotAPatch(&'static str),
    /// An operation without a part that it needs.
    #[error("the operation has no {0}")]
    Missing(&'static str),
    /// A part of an operation that cannot be read as what it is for.
    #[error("the {0} of the operation is not one")]
    Wrong(&'static str),
    /// A path that is not an expression of the subset.
    #[error("the path cannot be read: {0}")]
    Path(PathError),
    /// A value would have to be moved into itself.
    #[error("nothing can be moved into itself")]
    IntoItself,
    /// The resource, or what an operation made of it, is not a JSON object that can be read.
    #[error("the resource cannot be read: {0}")]
    Resource(SyntaxError),
    /// A path that says nothing about this resource.
    #[error("the path does not fit the resource: {0}")]
    Evaluation(EvalError),
    /// Nothing stands at the path.
    #[error("nothing stands at the path")]
    NotFound,
    /// Several elements stand where one is needed.
    #[error("the path leads to several elements")]
    Several,
    /// What the path finds is not an element of the resource that can be changed.
    #[error("the path does not lead to an element of the resource")]
    NotAnElement,
    /// The resource as a whole cannot be taken away.
    #[error("the path leads to the resource as a whole")]
    WholeResource,
    /// An element that may stand only once stands there already.
    #[error("the element is there already")]
    AlreadyThere,
    /// The element is not a list.
    #[error("the path does not lead to a list")]
    NotAList,
    /// A place that the list does not have.
    #[error("the list has no such place")]
    OutOfList,
    /// The element cannot be of the value's type.
    #[error("the value is not of a type that the element may have")]
    WrongType,
    /// A `test` did not find what it names.
    #[error("the test failed")]
    TestFailed,
    /// More than [`OPERATIONS_MAX`] operations.
    #[error("the patch has more than {OPERATIONS_MAX} operations")]
    TooManyOperations,
    /// The result is longer than [`RESULT_BYTES_MAX`].
    #[error("the result would be longer than {RESULT_BYTES_MAX} bytes")]
    TooLarge,
    /// More than [`READ_BYTES_MAX`] bytes would have to be read.
    #[error("the patch has too many operations for a resource of this size")]
    TooMuchWork,
}

impl PatchError {
    /// True if the patch is wrong whatever the resource (HTTP 400), false if it does not fit this one or asks too much
    /// (HTTP 422).
    pub fn is_malformed(&self) -> bool {
        use PatchProblem::*;
        matches!(self.problem, Syntax(_) | NotAPatch(_) | Missing(_) | Wrong(_) | Path(_) | IntoItself)
    }

    fn whole(problem: PatchProblem) -> PatchError {
        PatchError { operation: None, problem }
    }

    fn of(operation: usize) -> impl Fn(PatchProblem) -> PatchError {
        move |problem| PatchError { operation: Some(operation), problem }
    }
}

impl From<EvalError> for PatchProblem {
    fn from(error: EvalError) -> PatchProblem {
        PatchProblem::Evaluation(error)
    }
}

/// Applies steps in order, each with the number of the operation that it is of. The text is read again behind each step
/// that changed it.
fn run<S>(
    raw: &[u8],
    steps: &[(usize, S)],
    mut apply: impl FnMut(&[u8], &Node<'_>, &S) -> Result<Edits, PatchProblem>,
) -> Result<Vec<u8>, PatchError> {
    let mut text = raw.to_vec();
    let (mut again_bytes, mut made_by) = (0, None);
    let fault = |operation, problem| PatchError { operation, problem };
    for (at, (operation, step)) in steps.iter().enumerate() {
        again_bytes += if at > 0 { text.len() } else { 0 };
        if again_bytes > READ_BYTES_MAX {
            return Err(fault(Some(*operation), PatchProblem::TooMuchWork));
        }
        // Between two operations of a JSON Patch it may be any value; at the end it is a resource again.
        let read = if made_by.is_some() { parse(&text) } else { parse_object(&text) };
        let node = read.map_err(|error| fault(made_by, PatchProblem::Resource(error)))?;
        let edits = apply(&text, &node, step).map_err(PatchError::of(*operation))?;
        if edits.is_empty() {
            continue;
        }
        text = edits.apply(&text);
        made_by = Some(*operation);
        if text.len() > RESULT_BYTES_MAX {
            return Err(fault(made_by, PatchProblem::TooLarge));
        }
    }
    parse_object(&text).map_err(|error| fault(made_by, PatchProblem::Resource(error)))?;
    Ok(text)
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

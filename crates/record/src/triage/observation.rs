//! A sort as a FHIR Observation: the colour, the trail that led to it, and why a person decided against the tree.

use serde_json::{Value, json};

use super::{ANSWERS_MAX, Answer, Colour, SYSTEM, Step, Tool, Tree, WalkError, walk};
use crate::care::input::{InputError, paragraph};
use crate::care::shape::{code_in, concept, id_in, is_a, list, ms_of, reference, staff, str_of, text_of, time};

/// Longest reason for deciding against the tree, in letters.
pub const REASON_CHARS_MAX: usize = 500;
/// The code of an Observation that is a sort.
const CODE: &str = "triage";
/// Longest code of a question or choice that is read from others: the longest here is below it.
const CODE_BYTES_MAX: usize = 96;

/// A sort to be written down. No `Debug`: a reason may hold patient text.
#[derive(Clone, Copy)]
pub struct NewTriage<'a> {
    /// The id of the Observation.
    pub id: &'a str,
    /// The id of the Patient.
    pub patient: &'a str,
    /// The id of the Encounter.
    pub encounter: Option<&'a str>,
    /// By which tool; `None` if the colour was set at once.
    pub tool: Option<Tool>,
    /// The colour that the person gives.
    pub colour: Colour,
    /// The answers that were walked, in their order; empty if none were.
    pub why: &'a [Answer<'a>],
    /// Why not the colour that the tree leads to.
    pub override_reason: Option<&'a str>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Call sign of who sorted.
    pub by: &'a str,
}

/// Why a sort cannot be written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TriageError {
    /// The answers are no way through the tree.
    #[error(transparent)]
    Walk(#[from] WalkError),
    /// There are answers and no tool that they belong to.
    #[error("answers belong to a tool")]
    NoTool,
    /// The answers end before a colour. A colour that is set without them is given without answers.
    #[error("the answers end before a colour")]
    Unfinished,
    /// The colour is not the tree's, and nobody says why.
    #[error("a colour against the tree needs a reason")]
    NoReason,
    /// The reason cannot be kept as it is.
    #[error(transparent)]
    Reason(#[from] InputError),
}

impl TriageError {
    /// A stable name, of which the message's name is made.
    pub fn id(self) -> &'static str {
        match self {
            TriageError::Walk(_) => "triage-walk",
            TriageError::NoTool => "triage-no-tool",
            TriageError::Unfinished => "triage-unfinished",
            TriageError::NoReason => "triage-no-reason",
            TriageError::Reason(error) => error.id(),
        }
    }
}

/// The Observation of a sort.
///
/// # Errors
/// [`TriageError`]: above all, answers have to lead to a colour, and another colour than theirs needs a reason.
pub fn observation(new: &NewTriage<'_>) -> Result<Value, TriageError> {
    let reason = paragraph(new.override_reason.unwrap_or_default(), REASON_CHARS_MAX)?;
    match (new.tool, new.why) {
        (_, []) => {}
        (None, _) => return Err(TriageError::NoTool),
        (Some(tool), why) => match walk(tool, why)? {
            Step::Question(_) => return Err(TriageError::Unfinished),
            Step::Leaf { colour, .. } if colour != new.colour && reason.is_none() => return Err(TriageError::NoReason),
            Step::Leaf { .. } => {}
        },
    }
    let mut made = json!({
        "resourceType": "Observation", "id": new.id, "status": "final",
        "code": concept(SYSTEM, CODE), "subject": reference("Patient", new.patient),
    });
    if let Some(encounter) = new.encounter {
        made["encounter"] = reference("Encounter", encounter);
    }
    made["effectiveDateTime"] = time(new.at_ms);
    made["performer"] = json!([staff(new.by)]);
    made["valueCodeableConcept"] = concept(SYSTEM, new.colour.code());
    if let Some(reason) = reason {
        made["note"] = json!([{ "text": reason }]);
    }
    if let Some(tool) = new.tool {
        made["method"] = concept(SYSTEM, tool.code());
        made["method"]["coding"][0]["version"] = Tree::of(tool).version.to_string().into();
    }
    if !new.why.is_empty() {
        let component = |(question, choice): &Answer<'_>| json!({ "code": concept(SYSTEM, question), "valueCodeableConcept": concept(SYSTEM, choice) });
        made["component"] = new.why.iter().map(component).collect();
    }
    Ok(made)
}

/// A sort as it was written down. No `Debug`: a reason may hold patient text.
#[derive(Clone, PartialEq, Eq)]
pub struct Triage {
    /// The id of the Observation, empty if its bytes do not say it.
    pub id: String,
    /// The id of the Patient.
    pub patient: Option<String>,
    /// The colour that was given.
    pub colour: Colour,
    /// By which tool, if that is one of ours.
    pub tool: Option<Tool>,
    /// The trail: codes of questions and choices, which this version of the table may not know.
    pub why: Vec<(String, String)>,
    /// The colour that the trail leads to, by the table as it is now. Another than `colour` was decided by a person.
    pub walked: Option<Colour>,
    /// Why a person decided so.
    pub override_reason: Option<String>,
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// Call sign of who sorted.
    pub by: Option<String>,
}

/// Reads what [`observation`] made, or something like it. `None` if it is no sort, says no colour or no time, or was
/// entered in error.
pub fn read(observation: &Value) -> Option<Triage> {
    let is_sort = is_a(observation, "Observation") && code_in(observation.get("code")?, SYSTEM) == Some(CODE);
    if !is_sort {
        return None;
    }
    let colour = Colour::of_code(code_in(observation.get("valueCodeableConcept")?, SYSTEM)?)?;
    let tool = observation.get("method").and_then(|method| Tool::of_code(code_in(method, SYSTEM)?));
    let code = |component: &Value, member: &str| {
        let code = code_in(component.get(member)?, SYSTEM)?;
        let is_code =
            code.len() <= CODE_BYTES_MAX && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        is_code.then(|| code.to_owned())
    };
    let answers = list(observation, "component").iter().take(ANSWERS_MAX);
    let why: Vec<_> = answers
        .filter_map(|component| Some((code(component, "code")?, code(component, "valueCodeableConcept")?)))
        .collect();
    let answers: Vec<Answer<'_>> = why.iter().map(|(question, choice)| (&**question, &**choice)).collect();
    let walked = tool.and_then(|tool| match walk(tool, &answers) {
        Ok(Step::Leaf { colour, .. }) => Some(colour),
        _ => None,
    });
    Some(Triage {
        id: str_of(observation, "id").unwrap_or_default().to_owned(),
        patient: id_in(observation.get("subject"), "Patient"),
        colour,
        tool,
        walked,
        why,
        override_reason: list(observation, "note").first().and_then(|note| text_of(note, "text")),
        at_ms: ms_of(observation, "effectiveDateTime")?,
        by: list(observation, "performer").first().and_then(|who| text_of(who, "display")),
    })
}

/// Every sort among these resources, the newest first; of one moment the higher id first, so that every site shows the
/// same. The first is what the casualty is sorted as now.
pub fn history(resources: &[Value]) -> Vec<Triage> {
    let mut found: Vec<Triage> = resources.iter().filter_map(read).collect();
    found.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
    found
}

//! Saving what was filled in: the QuestionnaireResponse, and the Observations that it says, together.
//!
//! The id of an Observation follows from its response and its field: an edit changes the Observation of before, and one
//! that is not said any more becomes `entered-in-error`.

use sanad_node::save::CHANGES_MAX;
use sanad_record::care::rewrite;
use sanad_record::key::ResourceKey;
use sanad_record::questionnaire::{self as questions, About, Form};
use serde_json::Value;

use super::fill::Sheet;
use super::view::fingerprint;
use crate::app::App;
use crate::clinic::bedside::Bed;
use crate::clinic::record::{self, Read};
use crate::clinic::write::{NotSaved, Writing, id_within};
use crate::pages::Posted;
use crate::pages::failure::Failure;
use crate::text::{Voice, grouped};

/// A response as it stands before an edit. No `Debug`: it holds patient text.
pub(super) struct Before {
    pub(super) id: String,
    pub(super) raw: Vec<u8>,
    /// Whether values of it wait for a clinician's choice.
    pub(super) conflicts: bool,
    encounter: Option<String>,
}

impl Before {
    /// A response of this chart.
    ///
    /// # Errors
    /// [`Failure::Missing`] if the chart has none of that id.
    pub(super) fn of<'b>(app: &App, bed: &'b Bed, id: &str) -> Result<(&'b Read, Before), Failure> {
        let read = bed.chart.of("QuestionnaireResponse").iter().find(|read| read.key.id == id);
        let read = read.ok_or(Failure::Missing)?;
        let raw = record::raw(app.clinic()?, "QuestionnaireResponse", id)?.ok_or(Failure::Missing)?;
        let encounter = read.value["encounter"]["reference"].as_str().map(str::to_owned);
        Ok((read, Before { id: id.to_owned(), raw, conflicts: read.conflicts, encounter }))
    }

    /// What an edit begins with, so that nobody's change in between is overwritten unseen.
    pub(super) fn digest(&self) -> String {
        blake3::hash(&self.raw).to_hex()[..32].to_owned()
    }
}

/// Saves the response and what it says. False if the page has to be looked at again; the sheet says why.
pub(super) fn save(
    app: &App,
    posted: &Posted,
    sheet: &mut Sheet<'_>,
    id: &str,
    before: Option<Before>,
    mut writing: Writing,
    v: &Voice,
) -> Result<bool, Failure> {
    if let Some(notice) = look_again(posted, sheet, before.as_ref(), v) {
        sheet.notice = Some(notice);
        return Ok(false);
    }
    let subject = format!("Patient/{}", sheet.bed.chart.id);
    let stay = sheet.bed.writing(posted.visitor.by(), app.now_ms()).encounter.map(|id| format!("Encounter/{id}"));
    let about = About {
        id,
        subject: &subject,
        encounter: before.as_ref().map_or(stay.as_deref(), |before| before.encounter.as_deref()),
        author: posted.visitor.by().unwrap_or_default(),
        authored: &app.calendar().machine(app.now_ms()),
    };
    let response = match questions::response(sheet.form, &sheet.answers, &about) {
        Ok(response) => response,
        Err(problems) => {
            sheet.problems = problems;
            return Ok(false);
        }
    };
    let said = said(sheet.form, id, response.as_bytes())?;
    let mut unsaid = match &before {
        Some(before) => self::said(sheet.form, id, &before.raw)?,
        None => Vec::new(),
    };
    unsaid.retain(|(key, _)| said.iter().all(|(other, _)| other != key));
    // The response is one more.
    if said.len() + unsaid.len() >= CHANGES_MAX {
        sheet.notice = Some(v.with("form-too-many", "max", &grouped(CHANGES_MAX as u64 - 1)));
        return Ok(false);
    }
    for (key, observation) in said {
        writing.put(key, move |stands| observed(stands, &observation).map(Some));
    }
    for (key, _) in unsaid {
        if record::one(app.clinic()?, "Observation", &key.id)?.is_some() {
            writing.edit(key, mistaken);
        }
    }
    let key = ResourceKey::new("QuestionnaireResponse", id).map_err(|_| Failure::Broken)?;
    let base = before.map(|before| before.raw);
    writing.put(key, move |stands| match stands == base.as_deref() {
        true => Ok(Some(response.clone().into_bytes())),
        // Somebody saved it in the moment since it was read above.
        false => Err(NotSaved::Failed),
    });
    writing.save()?;
    Ok(true)
}

/// Why a form is shown once more before it is saved, whatever its answers are.
fn look_again(posted: &Posted, sheet: &mut Sheet<'_>, before: Option<&Before>, v: &Voice) -> Option<String> {
    if let Some(before) = before {
        if before.conflicts {
            return Some(v.t("form-conflict"));
        }
        if before.digest() != sheet.base {
            sheet.base = before.digest();
            return Some(v.t("form-changed"));
        }
    }
    let asked = fingerprint(&questions::rows(sheet.form, &sheet.answers, v.lang.tag()));
    if posted.field("seen") != asked {
        return Some(v.t("form-more"));
    }
    sheet.answers.is_blank().then(|| v.t("form-blank"))
}

/// The Observations that a response says, as JSON text, each with its key.
fn said(form: &Form, id: &str, response: &[u8]) -> Result<Vec<(ResourceKey, String)>, Failure> {
    let found = questions::observations(form, response, |field| id_within(id, field)).map_err(|_| Failure::Broken)?;
    let keyed = found.into_iter().map(|observation| {
        let value: Value = serde_json::from_str(&observation).map_err(|_| Failure::Broken)?;
        let id = value["id"].as_str().unwrap_or_default();
        Ok((ResourceKey::new("Observation", id).map_err(|_| Failure::Broken)?, observation))
    });
    keyed.collect()
}

/// An Observation of an answer. One that stands keeps the time of what was observed: an edit corrects it, and does not
/// observe it again.
fn observed(stands: Option<&[u8]>, observation: &str) -> Result<Vec<u8>, NotSaved> {
    let Some(stands) = stands else { return Ok(observation.as_bytes().to_vec()) };
    let stands: Value = serde_json::from_slice(stands).map_err(|_| NotSaved::Failed)?;
    let mut kept: Value = serde_json::from_str(observation).map_err(|_| NotSaved::Failed)?;
    if let Some(effective) = stands.get("effectiveDateTime") {
        kept["effectiveDateTime"] = effective.clone();
    }
    rewrite(observation.as_bytes(), &kept).map_err(|_| NotSaved::Failed)
}

/// What is not said any more was said by mistake.
fn mistaken(observation: &Value) -> Option<Value> {
    let mut value = observation.clone();
    value["status"] = "entered-in-error".into();
    Some(value)
}

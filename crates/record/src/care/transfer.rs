//! A transfer or evacuation, as a FHIR Task that moves from its offer to the arrival, or to the loss on the way.
//!
//! Each step is written down with its time and call sign in `Task.output`, so that who went and who still waits can be
//! told; [`advance`] takes only the steps that are legal from where the Task stands. Granting the chart is not done here.
//!
//! Who is asked cannot read the chart yet, so the Task belongs to no chart: it names the patient by a logical reference,
//! which says an id and nothing else, and every site of the network can read it. Whoever writes one keeps names out of it.

mod steps;

use serde_json::{Value, json};

use super::input::{InputError, line, paragraph};
use super::shape::{code_in, concept, id_in, is_a, list, ms_of, reference, set, staff, str_of, text_of, time};
use crate::ask::facility;
use crate::key::is_legal_id;
pub use steps::{State, Step, StepDone, TransferError, advance};

/// The system of all codes here.
pub const SYSTEM: &str = "urn:sanad:transfer";
/// What the id of every transfer begins with, so that they are told apart from other Tasks unread.
pub const ID_PREFIX: &str = "transfer-";
const PATIENT_SYSTEM: &str = "urn:sanad:patient";
/// Longest name of a place, and longest single need, in letters.
pub const LINE_CHARS_MAX: usize = 100;
/// Longest reason or escort, in letters.
pub const REASON_CHARS_MAX: usize = 500;
/// Most needs: oxygen, stretcher, and so on.
pub const NEEDS_MAX: usize = 12;
/// Most steps that are read: a transfer has four, and one that is tried again and again has more.
const STEPS_MAX: usize = 64;
const CODE: &str = "transfer";

/// The category of an evacuation. Source: the categories usual in medical evacuation, by what waiting would cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Waiting costs life or limb.
    Urgent,
    /// Gets worse by waiting.
    Priority,
    /// Can wait.
    Routine,
}

impl Category {
    /// All of them, the first first.
    pub const ALL: [Category; 3] = [Category::Urgent, Category::Priority, Category::Routine];

    /// Our own code.
    pub fn code(self) -> &'static str {
        match self {
            Category::Urgent => "urgent",
            Category::Priority => "priority",
            Category::Routine => "routine",
        }
    }

    /// The one of this code.
    pub fn of_code(code: &str) -> Option<Category> {
        Category::ALL.into_iter().find(|category| category.code() == code)
    }

    /// FHIR's code (request-priority), in which `urgent` is below `stat`.
    fn fhir_code(self) -> &'static str {
        match self {
            Category::Urgent => "stat",
            Category::Priority => "urgent",
            Category::Routine => "routine",
        }
    }
}

/// Whether the patient agrees, or who speaks for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Consent {
    /// Agrees.
    Given,
    /// Does not.
    Refused,
    /// Cannot be asked.
    Unable,
    /// Was not asked yet.
    NotAsked,
}

impl Consent {
    /// All of them.
    pub const ALL: [Consent; 4] = [Consent::Given, Consent::Refused, Consent::Unable, Consent::NotAsked];

    /// Our own code.
    pub fn code(self) -> &'static str {
        match self {
            Consent::Given => "given",
            Consent::Refused => "refused",
            Consent::Unable => "unable",
            Consent::NotAsked => "not-asked",
        }
    }

    /// The one of this code.
    pub fn of_code(code: &str) -> Option<Consent> {
        Consent::ALL.into_iter().find(|consent| consent.code() == code)
    }
}

/// A facility: of the network with its hexadecimal id, or any other by what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The id in the network.
    pub id: Option<String>,
    /// Call sign, or what people call it.
    pub name: String,
}

/// A transfer that is asked for. No `Debug`: it names a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The id of the Patient.
    pub patient: String,
    /// The id of the Encounter.
    pub encounter: Option<String>,
    /// Whence.
    pub from: Site,
    /// Whither; `None` while nobody is found who takes them.
    pub to: Option<Site>,
    /// How urgent.
    pub category: Category,
    /// Whether the patient agrees.
    pub consent: Consent,
    /// Who goes with them.
    pub escort: Option<String>,
    /// What is needed on the way.
    pub needs: Vec<String>,
    /// Why.
    pub reason: Option<String>,
}

/// A transfer as it was read. No `Debug`: it names a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The id of the Task, empty if its bytes do not say it.
    pub id: String,
    /// What is asked for.
    pub request: Request,
    /// How far it is.
    pub state: State,
    /// What was done, in the order in which it was written down.
    pub steps: Vec<StepDone>,
    /// Why it was refused, lost or withdrawn.
    pub why: Option<String>,
    /// When it was written, in milliseconds since 1970.
    pub written_ms: Option<u64>,
}

impl Transfer {
    /// The place in the queue of who waits: category first, then who has waited longest, then the id.
    pub fn order(&self) -> (Category, u64, &str) {
        (self.request.category, self.written_ms.unwrap_or(u64::MAX), &self.id)
    }

    /// When it last came to a state, in milliseconds since 1970.
    pub fn at_ms(&self, state: State) -> Option<u64> {
        self.steps.iter().rev().find(|step| step.state == state).map(|step| step.at_ms)
    }
}

/// The Task of a transfer, as a draft. `advance` with [`Step::Request`] offers it.
///
/// # Errors
/// If a text cannot be kept as it is; [`InputError::TooLarge`] for more than [`NEEDS_MAX`] needs.
pub fn draft(id: &str, request: &Request, at_ms: u64, by: &str) -> Result<Value, InputError> {
    if request.needs.len() > NEEDS_MAX {
        return Err(InputError::TooLarge);
    }
    let mut made = json!({
        "resourceType": "Task", "id": id, "status": State::Draft.code(), "intent": "order",
        "priority": request.category.fhir_code(), "code": concept(SYSTEM, CODE),
        "for": { "type": "Patient", "identifier": { "system": PATIENT_SYSTEM, "value": request.patient } },
    });
    if let Some(encounter) = &request.encounter {
        made["encounter"] = reference("Encounter", encounter);
    }
    made["authoredOn"] = time(at_ms);
    made["lastModified"] = time(at_ms);
    made["requester"] = site(&request.from)?;
    if let Some(to) = &request.to {
        made["owner"] = site(to)?;
    }
    if let Some(reason) = paragraph(request.reason.as_deref().unwrap_or_default(), REASON_CHARS_MAX)? {
        made["reasonCode"] = json!({ "text": reason });
    }
    let input = |code: &str, member: &str, value: Value| json!({ "type": concept(SYSTEM, code), member: value });
    let mut inputs = vec![
        input("category", "valueCode", request.category.code().into()),
        input("consent", "valueCode", request.consent.code().into()),
    ];
    if let Some(escort) = line(request.escort.as_deref().unwrap_or_default(), REASON_CHARS_MAX)? {
        inputs.push(input("escort", "valueString", escort.into()));
    }
    for need in &request.needs {
        inputs.extend(line(need, LINE_CHARS_MAX)?.map(|need| input("need", "valueString", need.into())));
    }
    made["input"] = inputs.into();
    made["output"] = json!([steps::output(State::Draft, at_ms, by)]);
    Ok(made)
}

/// Reads a transfer. `None` if it is another Task, or names no patient or no facility that asks.
pub fn read(task: &Value) -> Option<Transfer> {
    let is_transfer = is_a(task, "Task") && code_in(task.get("code")?, SYSTEM) == Some(CODE);
    let state = State::of_code(str_of(task, "status")?).filter(|_| is_transfer)?;
    let inputs = |code: &'static str| {
        let all = list(task, "input").iter().take(NEEDS_MAX * 2 + 8);
        all.filter(move |input| input.get("type").and_then(|kind| code_in(kind, SYSTEM)) == Some(code))
    };
    let code = |name| inputs(name).next().and_then(|input| str_of(input, "valueCode"));
    let fhir = str_of(task, "priority");
    let theirs = || Category::ALL.into_iter().find(|category| Some(category.fhir_code()) == fhir);
    let consent = code("consent").and_then(Consent::of_code);
    Some(Transfer {
        id: str_of(task, "id").unwrap_or_default().to_owned(),
        request: Request {
            patient: patient_in(task.get("for")?)?,
            encounter: id_in(task.get("encounter"), "Encounter"),
            from: read_site(task.get("requester")?)?,
            to: task.get("owner").and_then(read_site),
            category: code("category").and_then(Category::of_code).or_else(theirs).unwrap_or(Category::Routine),
            consent: consent.unwrap_or(Consent::NotAsked),
            escort: inputs("escort").find_map(|input| text_of(input, "valueString")),
            needs: inputs("need").filter_map(|input| text_of(input, "valueString")).take(NEEDS_MAX).collect(),
            reason: task.get("reasonCode").and_then(|reason| text_of(reason, "text")),
        },
        state,
        steps: list(task, "output").iter().take(STEPS_MAX).filter_map(steps::read_output).collect(),
        why: task.get("statusReason").and_then(|why| text_of(why, "text")),
        written_ms: ms_of(task, "authoredOn"),
    })
}

fn site(site: &Site) -> Result<Value, InputError> {
    let name = line(&site.name, LINE_CHARS_MAX)?.ok_or(InputError::Empty)?;
    let mut made = match &site.id {
        Some(id) => facility(id),
        None => json!({ "type": "Organization" }),
    };
    set(&mut made, "display", Some(name.into()));
    Ok(made)
}

fn patient_in(reference: &Value) -> Option<String> {
    let identifier =
        reference.get("identifier").filter(|identifier| str_of(identifier, "system") == Some(PATIENT_SYSTEM));
    let id = identifier.and_then(|identifier| str_of(identifier, "value")).filter(|id| is_legal_id(id));
    id.map(str::to_owned).or_else(|| id_in(Some(reference), "Patient"))
}

fn read_site(reference: &Value) -> Option<Site> {
    let id = crate::ask::facility_of(reference);
    let name = text_of(reference, "display").or_else(|| id.clone())?;
    Some(Site { id, name })
}

fn signed(call_sign: &str) -> Value {
    json!([{ "url": "urn:sanad:by", "valueReference": staff(call_sign) }])
}

#[cfg(test)]
mod tests;

//! The states of a transfer, and the steps that lead from one to the next.

use serde_json::{Value, json};

use super::super::input::{InputError, paragraph};
use super::super::shape::{code_in, concept, extension, list, ms_of, set, set_list, text_of, time};
use super::{REASON_CHARS_MAX, SYSTEM, Site, Transfer, read, signed, site};

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Written, not offered yet.
    Draft,
    /// Offered, waits for an answer.
    Requested,
    /// Accepted, waits to go.
    Accepted,
    /// Refused.
    Rejected,
    /// On the way.
    Departed,
    /// There.
    Arrived,
    /// Lost on the way.
    Lost,
    /// Taken back.
    Withdrawn,
}

impl State {
    /// All of them.
    pub const ALL: [State; 8] = [
        State::Draft,
        State::Requested,
        State::Accepted,
        State::Rejected,
        State::Departed,
        State::Arrived,
        State::Lost,
        State::Withdrawn,
    ];

    /// FHIR's code (task-status).
    pub fn code(self) -> &'static str {
        match self {
            State::Draft => "draft",
            State::Requested => "requested",
            State::Accepted => "accepted",
            State::Rejected => "rejected",
            State::Departed => "in-progress",
            State::Arrived => "completed",
            State::Lost => "failed",
            State::Withdrawn => "cancelled",
        }
    }

    /// The state of this code.
    pub fn of_code(code: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether the patient still waits to go.
    pub fn is_waiting(self) -> bool {
        matches!(self, State::Draft | State::Requested | State::Accepted | State::Rejected)
    }
}

/// What somebody does with a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Offers it, to this facility; after a refusal or a withdrawal anew, perhaps to another.
    Request(&'a Site),
    /// Accepts it.
    Accept,
    /// Refuses it, and why, which may be empty.
    Reject(&'a str),
    /// The patient has left.
    Depart,
    /// The patient is there; also after they were thought lost.
    Arrive,
    /// The patient is lost on the way, and what is known of it.
    Lose(&'a str),
    /// It is taken back, and why. Who is on the way cannot be.
    Withdraw(&'a str),
}

impl Step<'_> {
    fn to(&self) -> State {
        match self {
            Step::Request(_) => State::Requested,
            Step::Accept => State::Accepted,
            Step::Reject(_) => State::Rejected,
            Step::Depart => State::Departed,
            Step::Arrive => State::Arrived,
            Step::Lose(_) => State::Lost,
            Step::Withdraw(_) => State::Withdrawn,
        }
    }
}

/// Whether one state may follow another.
fn is_legal(from: State, to: State) -> bool {
    use State::*;
    matches!(
        (from, to),
        (Draft | Rejected | Withdrawn, Requested)
            | (Requested, Accepted | Rejected)
            | (Accepted, Departed | Rejected)
            | (Departed, Arrived | Lost)
            | (Lost, Arrived)
            | (Draft | Requested | Accepted | Rejected, Withdrawn)
    )
}

/// A step that was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepDone {
    /// To which state.
    pub state: State,
    /// When, in milliseconds since 1970, by the clock of whoever wrote it.
    pub at_ms: u64,
    /// Their call sign.
    pub by: Option<String>,
}

/// Why a step cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// It is no transfer.
    #[error("it is no transfer")]
    NotATransfer,
    /// The step does not follow where the transfer stands.
    #[error("{} does not follow {}", .to.code(), .from.code())]
    Illegal {
        /// Where it stands.
        from: State,
        /// Where the step would lead.
        to: State,
    },
    /// A text cannot be kept as it is.
    #[error(transparent)]
    Text(#[from] InputError),
}

impl TransferError {
    /// A stable name, of which the message's name is made.
    pub fn id(self) -> &'static str {
        match self {
            TransferError::NotATransfer => "transfer-not-one",
            TransferError::Illegal { .. } => "transfer-illegal",
            TransferError::Text(error) => error.id(),
        }
    }
}

/// The Task after a step. `at_ms` may lie before an earlier step: sites have clocks of their own.
///
/// # Errors
/// [`TransferError`]
pub fn advance(task: &Value, step: &Step<'_>, at_ms: u64, by: &str) -> Result<Value, TransferError> {
    let Transfer { state: from, .. } = read(task).ok_or(TransferError::NotATransfer)?;
    let to = step.to();
    if !is_legal(from, to) {
        return Err(TransferError::Illegal { from, to });
    }
    let mut made = task.clone();
    set(&mut made, "status", Some(to.code().into()));
    let why = match step {
        Step::Reject(why) | Step::Lose(why) | Step::Withdraw(why) => paragraph(why, REASON_CHARS_MAX)?,
        _ => None,
    };
    set(&mut made, "statusReason", why.map(|why| json!({ "text": why })));
    if let Step::Request(to) = step {
        set(&mut made, "owner", Some(site(to)?));
    }
    let period = match to {
        State::Departed => Some(json!({ "start": time(at_ms) })),
        State::Arrived => {
            let left_ms = task.get("executionPeriod").and_then(|period| ms_of(period, "start"));
            let mut period = json!({});
            if let Some(left_ms) = left_ms {
                period["start"] = time(left_ms);
            }
            // The clock there may be behind the one here; a period is never turned around.
            period["end"] = time(at_ms.max(left_ms.unwrap_or(0)));
            Some(period)
        }
        _ => task.get("executionPeriod").cloned(),
    };
    set(&mut made, "executionPeriod", period);
    set(&mut made, "lastModified", Some(time(at_ms)));
    let mut outputs = list(&made, "output").to_vec();
    outputs.push(output(to, at_ms, by));
    set_list(&mut made, "output", outputs);
    Ok(made)
}

/// A step as it is written down.
pub(super) fn output(state: State, at_ms: u64, by: &str) -> Value {
    json!({ "extension": signed(by), "type": concept(SYSTEM, state.code()), "valueDateTime": time(at_ms) })
}

pub(super) fn read_output(output: &Value) -> Option<StepDone> {
    Some(StepDone {
        state: State::of_code(code_in(output.get("type")?, SYSTEM)?)?,
        at_ms: ms_of(output, "valueDateTime")?,
        by: extension(output, "urn:sanad:by").and_then(|by| text_of(by.get("valueReference")?, "display")),
    })
}

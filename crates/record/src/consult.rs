//! A tele-consultation in a chart: a question to somebody who knows more, and the answer, as FHIR Communications.
//!
//! The question that leaves is made from the chart by the screen and names nobody; here stands what the chart keeps of it:
//! the number under which the case left, the words that were written, and which answer belongs to which question.

use serde_json::{Value, json};

use crate::written::Of;

/// The system of the numbers under which cases leave.
pub const CASE_SYSTEM: &str = "urn:sanad:case";
/// The system that tells questions from answers.
pub const TOPIC_SYSTEM: &str = "urn:sanad:consult";

/// What a Communication of a consultation says.
#[derive(Clone, PartialEq, Eq)]
pub struct Consult {
    /// The number of the case.
    pub case: String,
    /// What was written.
    pub text: String,
    /// Who wrote it: a call sign, or whatever the answer was signed with; may be empty.
    pub by: String,
    /// When, as a FHIR dateTime; may be empty.
    pub at: String,
    /// Of an answer, the id of the Communication that asked.
    pub answers: Option<String>,
}

/// A question that left under this number.
pub fn question(of: &Of<'_>, case: &str, text: &str) -> Value {
    let mut made = communication(of, case, "question", text);
    made["sent"] = json!(of.at);
    if let Some(by) = of.by {
        made["sender"] = json!({ "display": by });
    }
    made
}

/// The answer to the question with the id `asked`. `from` is who signed it, `of.by` who typed it in.
pub fn answer(of: &Of<'_>, case: &str, asked: &str, from: &str, text: &str) -> Value {
    let mut made = communication(of, case, "answer", text);
    made["received"] = json!(of.at);
    made["inResponseTo"] = json!([{ "reference": format!("Communication/{asked}") }]);
    if !from.is_empty() {
        made["sender"] = json!({ "display": from });
    }
    if let Some(by) = of.by {
        made["recipient"] = json!([{ "display": by }]);
    }
    made
}

fn communication(of: &Of<'_>, case: &str, topic: &str, text: &str) -> Value {
    json!({
        "resourceType": "Communication",
        "id": of.id,
        "identifier": [{ "system": CASE_SYSTEM, "value": case }],
        "status": "completed",
        "topic": { "coding": [{ "system": TOPIC_SYSTEM, "code": topic }] },
        "subject": { "reference": format!("Patient/{}", of.patient) },
        "payload": [{ "contentString": text }],
    })
}

/// Reads a question or an answer that stands; `None` for any other Communication.
pub fn read(communication: &Value) -> Option<Consult> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let topic = communication["topic"]["coding"].as_array()?.iter().find(|coding| coding["system"] == TOPIC_SYSTEM)?;
    if communication["resourceType"] != "Communication" || communication["status"] == "entered-in-error" {
        return None;
    }
    let identifiers = communication["identifier"].as_array()?;
    let is_answer = topic["code"] == "answer";
    let asked = || communication["inResponseTo"][0]["reference"].as_str()?.strip_prefix("Communication/");
    Some(Consult {
        case: text(&identifiers.iter().find(|identifier| identifier["system"] == CASE_SYSTEM)?["value"]),
        text: text(&communication["payload"][0]["contentString"]),
        by: text(&communication["sender"]["display"]),
        at: text(&communication[if is_answer { "received" } else { "sent" }]),
        answers: if is_answer { Some(asked()?.to_owned()) } else { None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF: Of<'static> = Of { id: "c1", patient: "p1", at: "2018-02-20T10:00:00Z", by: Some("Heron") };

    #[test]
    fn a_question_and_its_answer_are_read_back_and_are_valid() {
        let asked = question(&OF, "4F2A-91", "Open fracture, no pulse below. Amputate?");
        let answered = answer(&Of { id: "c2", ..OF }, "4F2A-91", "c1", "Dr. abroad", "Shunt first.");
        for value in [&asked, &answered] {
            let raw = serde_json::to_vec(value).unwrap();
            let found = crate::validate::validate(&crate::json::parse_object(&raw).unwrap());
            assert!(found.is_empty(), "{value}: {} issues", found.len());
        }
        let read_question = read(&asked).unwrap();
        assert!(read_question.answers.is_none() && read_question.by == "Heron" && read_question.case == "4F2A-91");
        let read_answer = read(&answered).unwrap();
        assert_eq!(read_answer.answers.as_deref(), Some("c1"));
        assert_eq!((read_answer.by.as_str(), read_answer.text.as_str()), ("Dr. abroad", "Shunt first."));
    }

    #[test]
    fn what_others_wrote_is_no_consultation_of_ours() {
        let mut asked = question(&OF, "1", "x");
        asked["status"] = "entered-in-error".into();
        for other in [asked, json!({}), json!({ "resourceType": "Communication", "topic": { "text": "x" } }), json!(7)]
        {
            assert!(read(&other).is_none(), "{other}");
        }
    }
}

//! What is written into a chart by hand: notes, operations with their findings, photos.
//!
//! A note is an Observation with LOINC 34109-9 (Note); an operation is a Procedure of the category SNOMED CT 387713003
//! (surgical procedure); a photo is a Media resource that holds the picture itself. All of them are FHIR R4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

const LOINC: &str = "http://loinc.org";
/// The LOINC code of a note.
pub const NOTE_CODE: &str = "34109-9";
const SNOMED: &str = "http://snomed.info/sct";
/// The category of an operation, SNOMED CT: surgical procedure.
pub const SURGICAL: &str = "387713003";
/// The longest note: some pages of handwriting.
pub const NOTE_CHARS_MAX: usize = 8_000;
/// The longest name of an operation, and of an implant.
pub const NAME_CHARS_MAX: usize = 200;

/// What every one of these says beside its content.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    /// The id of the new resource.
    pub id: &'a str,
    /// The id of the patient.
    pub patient: &'a str,
    /// When, as a FHIR dateTime.
    pub at: &'a str,
    /// The call sign of who writes.
    pub by: Option<&'a str>,
}

impl Of<'_> {
    fn subject(&self) -> Value {
        json!({"reference": format!("Patient/{}", self.patient)})
    }
}

/// A note.
pub fn note(of: &Of<'_>, text: &str) -> Value {
    let mut note = json!({
        "resourceType": "Observation",
        "id": of.id,
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": NOTE_CODE, "display": "Note"}]},
        "subject": of.subject(),
        "effectiveDateTime": of.at,
        "valueString": text,
    });
    if let Some(by) = of.by {
        note["performer"] = json!([{"display": by}]);
    }
    note
}

/// The text of a note that stands, with its time and its writer.
pub fn read_note(observation: &Value) -> Option<(&str, &str, &str)> {
    let coding = observation["code"]["coding"].as_array()?;
    let is_note = coding.iter().any(|coding| coding["system"] == LOINC && coding["code"] == NOTE_CODE);
    if !is_note || observation["resourceType"] != "Observation" || observation["status"] == "entered-in-error" {
        return None;
    }
    let by = observation["performer"][0]["display"].as_str().unwrap_or_default();
    Some((observation["valueString"].as_str()?, observation["effectiveDateTime"].as_str().unwrap_or_default(), by))
}

/// An operation.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Operation {
    /// What was done.
    pub name: String,
    /// What was found.
    pub findings: String,
    /// What was left in the body, or on it.
    pub implants: Vec<String>,
    /// When it began, or is to begin, as a FHIR dateTime; empty if that is not known.
    pub began: String,
    /// When it ended; empty while it goes on.
    pub ended: String,
    /// Call signs of the team; empty if nobody says.
    pub team: Vec<String>,
    /// True while it stands on the list of the theatre and has not begun.
    pub is_planned: bool,
}

impl Operation {
    /// The operation as a Procedure.
    pub fn procedure(&self, id: &str, patient: &str) -> Value {
        let status = match (self.is_planned, self.ended.is_empty()) {
            (true, _) => "preparation",
            (false, true) => "in-progress",
            (false, false) => "completed",
        };
        let mut procedure = json!({
            "resourceType": "Procedure",
            "id": id,
            "status": status,
            "category": {"coding": [{"system": SNOMED, "code": SURGICAL, "display": "Surgical procedure"}]},
            "code": {"text": self.name},
            "subject": {"reference": format!("Patient/{patient}")},
        });
        if !self.began.is_empty() {
            procedure["performedPeriod"] = json!({"start": self.began});
        }
        if !self.ended.is_empty() {
            procedure["performedPeriod"]["end"] = json!(self.ended);
        }
        if !self.team.is_empty() {
            procedure["performer"] = performers(&self.team);
        }
        if !self.findings.is_empty() {
            procedure["note"] = json!([{"text": self.findings}]);
        }
        if !self.implants.is_empty() {
            procedure["usedCode"] = self.implants.iter().map(|implant| json!({"text": implant})).collect();
        }
        procedure
    }

    /// Reads an operation that stands.
    pub fn read(procedure: &Value) -> Option<Operation> {
        let coding = procedure["category"]["coding"].as_array()?;
        let is_surgical = coding.iter().any(|coding| coding["system"] == SNOMED && coding["code"] == SURGICAL);
        if procedure["resourceType"] != "Procedure" || !is_surgical || procedure["status"] == "entered-in-error" {
            return None;
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let each = |name: &str| procedure[name].as_array().into_iter().flatten();
        let implants = each("usedCode").map(|used| text(&used["text"]));
        let team = each("performer").map(|one| text(&one["actor"]["display"]));
        Some(Operation {
            name: text(&procedure["code"]["text"]),
            findings: text(&procedure["note"][0]["text"]),
            implants: implants.filter(|implant| !implant.is_empty()).collect(),
            began: text(&procedure["performedPeriod"]["start"]),
            ended: text(&procedure["performedPeriod"]["end"]),
            team: team.filter(|call_sign| !call_sign.is_empty()).collect(),
            is_planned: procedure["status"] == "preparation",
        })
    }

    /// The planned operation, begun at this time (a FHIR dateTime) by this team; an empty one leaves who was planned.
    /// `None` if it is none that is planned.
    pub fn begin(procedure: &Value, at: &str, team: &[String]) -> Option<Value> {
        let mut made = at_stage(procedure, Stage::Planned)?;
        made["status"] = Stage::Running.code().into();
        made["performedPeriod"] = json!({"start": at});
        if !team.is_empty() {
            made["performer"] = performers(team);
        }
        Some(made)
    }

    /// The planned operation, taken off the list (`not-done`). `None` if it is none that is planned.
    pub fn cancel(procedure: &Value) -> Option<Value> {
        let mut made = at_stage(procedure, Stage::Planned)?;
        made["status"] = "not-done".into();
        // No time at which it would have been done.
        made.as_object_mut()?.shift_remove("performedPeriod");
        Some(made)
    }

    /// The operation that goes on, ended now. What was found comes before what stands there already, what was left in the
    /// body after it. `None` if it is none that goes on.
    pub fn end(procedure: &Value, at: &str, findings: &str, implants: &[String]) -> Option<Value> {
        let mut made = at_stage(procedure, Stage::Running)?;
        made["status"] = Stage::Over.code().into();
        made["performedPeriod"]["end"] = at.into();
        let list = |name: &str| procedure[name].as_array().cloned().unwrap_or_default();
        if !findings.is_empty() {
            let notes = std::iter::once(json!({"text": findings})).chain(list("note"));
            made["note"] = notes.collect();
        }
        if !implants.is_empty() {
            let used = list("usedCode").into_iter().chain(implants.iter().map(|implant| json!({"text": implant})));
            made["usedCode"] = used.collect();
        }
        Some(made)
    }
}

/// How far an operation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// On the list of the theatre.
    Planned,
    /// Going on.
    Running,
    /// Ended.
    Over,
}

impl Stage {
    /// FHIR's code (event-status).
    pub fn code(self) -> &'static str {
        match self {
            Stage::Planned => "preparation",
            Stage::Running => "in-progress",
            Stage::Over => "completed",
        }
    }

    /// How far a Procedure is that is an operation; `None` for what is no operation, or was called off or broken off.
    pub fn of(procedure: &Value) -> Option<Stage> {
        Operation::read(procedure)?;
        let stages = [Stage::Planned, Stage::Running, Stage::Over];
        stages.into_iter().find(|stage| procedure["status"] == stage.code())
    }
}

fn performers(team: &[String]) -> Value {
    team.iter().map(|call_sign| json!({"actor": {"display": call_sign}})).collect()
}

/// A copy of an operation that is this far.
fn at_stage(procedure: &Value, stage: Stage) -> Option<Value> {
    let has_period = procedure["performedPeriod"].is_object() || stage == Stage::Planned;
    (Stage::of(procedure) == Some(stage) && has_period).then(|| procedure.clone())
}

/// A photo: a JPEG of this many pixels, with a line on what it shows. `caption` may be empty.
pub fn photo(of: &Of<'_>, jpeg: &[u8], width: u32, height: u32, caption: &str) -> Value {
    let mut media = json!({
        "resourceType": "Media",
        "id": of.id,
        "status": "completed",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/media-type", "code": "image"}]},
        "subject": of.subject(),
        "createdDateTime": of.at,
        "height": height,
        "width": width,
        "content": {"contentType": "image/jpeg", "data": STANDARD.encode(jpeg)},
    });
    if let Some(by) = of.by {
        media["operator"] = json!({"display": by});
    }
    if !caption.is_empty() {
        media["note"] = json!([{"text": caption}]);
    }
    media
}

/// The picture of a Media resource that holds a JPEG itself, and the line under it.
pub fn read_photo(media: &Value) -> Option<(Vec<u8>, &str)> {
    if media["resourceType"] != "Media"
        || media["status"] == "entered-in-error"
        || media["content"]["contentType"] != "image/jpeg"
    {
        return None;
    }
    let jpeg = STANDARD.decode(media["content"]["data"].as_str()?).ok()?;
    Some((jpeg, media["note"][0]["text"].as_str().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::parse_object;

    const OF: Of<'_> = Of { id: "n", patient: "p", at: "2018-03-01T12:00:00+02:00", by: Some("Heron") };

    fn is_valid(resource: &Value) -> bool {
        crate::validate::validate(&parse_object(resource.to_string().as_bytes()).unwrap()).is_empty()
    }

    #[test]
    fn a_note_comes_back_as_it_was_written() {
        let text = "نزف <b>شديد</b>\nخط ثانٍ";
        let written = note(&OF, text);
        assert!(is_valid(&written));
        assert_eq!(read_note(&written), Some((text, OF.at, "Heron")));
        let mut wrong = written.clone();
        wrong["status"] = json!("entered-in-error");
        assert_eq!(read_note(&wrong), None);
        assert_eq!(read_note(&json!({"resourceType": "Observation", "valueString": "x"})), None);
    }

    #[test]
    fn an_operation_keeps_what_was_found_and_what_was_left_in_the_body() {
        let operation = Operation {
            name: "External fixator, left tibia".to_owned(),
            findings: "Bone loss 2 cm".to_owned(),
            implants: vec!["fixator, 4 pins".to_owned()],
            began: "2018-03-01T13:00:00+02:00".to_owned(),
            ended: String::new(),
            team: vec!["Kestrel".to_owned(), "Swift".to_owned()],
            is_planned: false,
        };
        for operation in [
            operation.clone(),
            Operation { ended: "2018-03-01T14:00:00+02:00".to_owned(), ..operation.clone() },
            Operation { is_planned: true, implants: vec![], began: String::new(), team: vec![], ..operation },
        ] {
            let procedure = operation.procedure("o", "p");
            assert!(is_valid(&procedure), "{procedure}");
            assert_eq!(Operation::read(&procedure), Some(operation));
        }
        assert_eq!(Operation::read(&json!({"resourceType": "Procedure", "status": "completed"})), None);
    }

    #[test]
    fn an_operation_is_planned_begins_and_ends_once_and_keeps_what_others_wrote() {
        let planned = Operation { name: "Laparotomy".to_owned(), is_planned: true, ..Operation::default() };
        let mut planned = Operation { began: "2018-03-01T13:00:00Z".to_owned(), ..planned }.procedure("o", "p");
        planned["bodySite"] = json!([{"text": "abdomen"}]);
        planned["note"] = json!([{"text": "nothing by mouth"}]);
        assert_eq!(Operation::end(&planned, "2018-03-01T14:00:00Z", "x", &[]), None);
        let running = Operation::begin(&planned, "2018-03-01T13:30:00Z", &["Kestrel".to_owned()]).unwrap();
        assert!(is_valid(&running), "{running}");
        assert_eq!(
            (Stage::of(&running), Operation::begin(&running, "", &[]), Operation::cancel(&running)),
            (Some(Stage::Running), None, None)
        );
        let implants = ["mesh".to_owned(), "drain".to_owned()];
        let over = Operation::end(&running, "2018-03-01T15:00:00Z", "spleen torn", &implants).unwrap();
        assert!(is_valid(&over), "{over}");
        let read = Operation::read(&over).unwrap();
        assert_eq!(
            (read.findings.as_str(), read.implants, read.team),
            ("spleen torn", implants.into(), vec!["Kestrel".to_owned()])
        );
        assert_eq!((&over["note"][1]["text"], &over["bodySite"]), (&json!("nothing by mouth"), &planned["bodySite"]));
        assert_eq!((Stage::of(&over), Operation::end(&over, "", "", &[])), (Some(Stage::Over), None));
        let off = Operation::cancel(&planned).unwrap();
        assert!(is_valid(&off), "{off}");
        assert_eq!(Stage::of(&off), None);
        let odd = json!({"resourceType": "Procedure", "status": "in-progress", "category": planned["category"],
            "performedPeriod": "2018"});
        assert_eq!(Operation::end(&odd, "2018", "x", &[]), None);
    }

    #[test]
    fn a_photo_carries_its_picture_and_its_line() {
        let media = photo(&OF, &[0xff, 0xd8, 1, 2], 4, 3, "left thigh");
        assert!(is_valid(&media), "{media}");
        assert_eq!(read_photo(&media), Some((vec![0xff, 0xd8, 1, 2], "left thigh")));
        let mut torn = media;
        torn["content"]["data"] = json!("not base64!");
        assert_eq!(read_photo(&torn), None);
    }
}

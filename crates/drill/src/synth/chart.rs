//! One patient's chart under construction: ids, times, the staff on duty, and the resources saved so far.

use super::{
    SynthResource,
    clinic::{Term, clinic},
    clock::Moment,
    json::Json,
    rng::Rng,
};

/// On every resource: this is test data (HL7 ActReason), so that it can never pass for a person.
const META: &str =
    concat!(r#"{"security":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","#, r#""code":"HTEST"}]}"#);

/// Naming systems of the generator's own.
pub(super) const RECORD_SYSTEM: &str = "urn:sanad:synth:record";
pub(super) const TAG_SYSTEM: &str = "urn:sanad:synth:triage-tag";
pub(super) const CODE_SYSTEM: &str = "urn:sanad:synth:code";
const LINE_SYSTEM: &str = "urn:sanad:synth:line";
const SITE_SYSTEM: &str = "urn:sanad:synth:site";
const CALL_SIGN_SYSTEM: &str = "urn:sanad:synth:call-sign";

/// A member of staff: a call sign, never a name.
#[derive(Clone, Debug)]
pub(super) struct Staff {
    call_sign: String,
    display: String,
}

/// How many of each role serve one site.
const DOCTORS_PER_SITE: u64 = 3;
const NURSES_PER_SITE: u64 = 4;

impl Staff {
    /// A site has the same few people every day: its doctors come first, then its nurses.
    fn of_site(site: u8, place: u64) -> Self {
        let signs = &clinic().call_signs;
        let (word, arabic) = signs[(usize::from(site) * 5 + place as usize) % signs.len()];
        let number = 1 + (u64::from(site) + 3 * place) % 9;
        Self { call_sign: format!("{word}-{number}"), display: format!("{arabic} {number}") }
    }
}

/// A coding of a concept: system, code, and the system's own display where it may be written.
pub(super) type Coding<'a> = (&'a str, &'a str, Option<&'a str>);

/// A resource being written.
pub(super) struct Draft {
    resource_type: &'static str,
    id: String,
    pub(super) json: Json,
}

/// The chart of one patient.
pub(super) struct Chart<'a> {
    pub(super) rng: &'a mut Rng,
    /// Number in the register of the day, such as `G20180224-00017`.
    pub(super) record: String,
    pub(super) arrived: Moment,
    pub(super) site: u8,
    pub(super) patient: String,
    pub(super) encounter: Option<String>,
    pub(super) weight_kg: u32,
    /// A nurse and a doctor who look after the patient.
    nurse: Staff,
    doctor: Staff,
    lines: u32,
    saved: Vec<SynthResource>,
}

impl<'a> Chart<'a> {
    pub(super) fn new(rng: &'a mut Rng, record: String, arrived: Moment, site: u8) -> Self {
        let patient = rng.uuid();
        let doctor = Staff::of_site(site, rng.below(DOCTORS_PER_SITE));
        let nurse = Staff::of_site(site, DOCTORS_PER_SITE + rng.below(NURSES_PER_SITE));
        let (encounter, weight_kg, lines, saved) = (None, 60, 0, Vec::with_capacity(32));
        Self { rng, record, arrived, site, patient, encounter, weight_kg, nurse, doctor, lines, saved }
    }

    pub(super) fn into_resources(self) -> Vec<SynthResource> {
        self.saved
    }

    /// The time so many minutes after arrival.
    pub(super) fn at(&self, minutes: u32) -> String {
        self.arrived.plus(minutes).to_string()
    }

    /// Opens a resource with its id and meta. What is written in a register on paper has the number of its line there;
    /// measurements are not.
    pub(super) fn draft(&mut self, resource_type: &'static str) -> Draft {
        let id = if resource_type == "Patient" { self.patient.clone() } else { self.rng.uuid() };
        let mut json = Json::new();
        json.str("resourceType", resource_type).str("id", &id).raw("meta", META);
        if !matches!(resource_type, "Patient" | "Observation") {
            self.lines += 1;
            let line = format!("{}/{:02}", self.record, self.lines);
            json.array("identifier").item().str("system", LINE_SYSTEM).str("value", &line).end().end();
        }
        Draft { resource_type, id, json }
    }

    /// Saves a finished resource and gives its id.
    pub(super) fn save(&mut self, draft: Draft) -> String {
        let Draft { resource_type, id, json } = draft;
        self.saved.push(SynthResource { resource_type, id: id.clone(), json: json.finish() });
        id
    }

    /// Writes `key` as the reference to this patient.
    pub(super) fn patient_ref(&self, json: &mut Json, key: &str) {
        reference(json, key, "Patient", &self.patient);
    }

    /// Writes `key` as the reference to the current encounter, if there is one.
    pub(super) fn encounter_ref(&self, json: &mut Json, key: &str) {
        if let Some(encounter) = &self.encounter {
            reference(json, key, "Encounter", encounter);
        }
    }

    pub(super) fn nurse_ref(&self, json: &mut Json, key: &str) {
        json.object(key);
        staff(json, &self.nurse);
        json.end();
    }

    pub(super) fn doctor_ref(&self, json: &mut Json, key: &str) {
        json.object(key);
        staff(json, &self.doctor);
        json.end();
    }

    /// Writes an array with the nurse as its only actor, each under `inner` if given.
    pub(super) fn nurse_list(&self, json: &mut Json, key: &str, inner: Option<&str>) {
        actor(json, key, inner, &self.nurse);
    }

    pub(super) fn doctor_list(&self, json: &mut Json, key: &str, inner: Option<&str>) {
        actor(json, key, inner, &self.doctor);
    }

    /// Writes `key` as a reference to the facility: a site number, never a place.
    pub(super) fn site_ref(&self, json: &mut Json, key: &str, kind: &str) {
        let site = format!("site-{:02}", self.site);
        json.object(key).str("type", kind);
        json.object("identifier").str("system", SITE_SYSTEM).str("value", &site).end().end();
    }
}

fn staff(json: &mut Json, member: &Staff) {
    json.str("type", "Practitioner");
    json.object("identifier").str("system", CALL_SIGN_SYSTEM).str("value", &member.call_sign).end();
    json.str("display", &member.display);
}

fn actor(json: &mut Json, key: &str, inner: Option<&str>, member: &Staff) {
    json.array(key).item();
    match inner {
        Some(inner) => {
            json.object(inner);
            staff(json, member);
            json.end();
        }
        None => staff(json, member),
    }
    json.end().end();
}

pub(super) fn reference(json: &mut Json, key: &str, resource_type: &str, id: &str) {
    json.object(key).str_of("reference", &[resource_type, "/", id]).end();
}

/// Writes a CodeableConcept. A text of its own is always there, since not every code may carry its system's words.
pub(super) fn concept(json: &mut Json, key: &str, codings: &[Coding<'_>], text: &str) {
    json.object(key);
    concept_body(json, codings, text);
    json.end();
}

/// The same as the only item of an array.
pub(super) fn concept_list(json: &mut Json, key: &str, codings: &[Coding<'_>], text: &str) {
    json.array(key).item();
    concept_body(json, codings, text);
    json.end().end();
}

fn concept_body(json: &mut Json, codings: &[Coding<'_>], text: &str) {
    if !codings.is_empty() {
        json.array("coding");
        for (system, code, display) in codings {
            json.item().str("system", system).str("code", code);
            if let Some(display) = display {
                json.str("display", display);
            }
            json.end();
        }
        json.end();
    }
    if !text.is_empty() {
        json.str("text", text);
    }
}

/// Writes a Coding of one of HL7's own code systems.
pub(super) fn hl7(json: &mut Json, key: &str, system: &str, code: &str, display: &str) {
    json.object(key).str("system", system).str("code", code).str("display", display).end();
}

/// The name of a thing in both languages, as the clinics write it.
pub(super) fn both(term: &Term) -> String {
    format!("{} · {}", term.arabic, term.english)
}

/// A generated narrative: one line, since the structured part says everything.
pub(super) fn narrative(json: &mut Json, line: &str) {
    let escaped = line.replace('&', "&amp;").replace('<', "&lt;");
    let div = format!("<div xmlns=\"http://www.w3.org/1999/xhtml\" dir=\"rtl\"><p>{escaped}</p></div>");
    json.object("text").str("status", "generated").str("div", &div).end();
}

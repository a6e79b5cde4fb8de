//! Asking the network for a chart, answering, and writing down who was given what: three plain FHIR resources.
//!
//! Promises:
//! - an ask carries of a person what [`Whom`] holds and nothing else: an id, a tag number, or name keys, the father's
//!   name key and a year of birth, all normalised, never the name as it was written;
//! - the id of an ask commits to the facility that asks, so nobody can put words into another's ask, and the ids of
//!   answers and of what was granted follow from it, so that the asker finds them without an index;
//! - an answer, which all facilities read, says how many charts were granted and not whose.
//!
//! Each of these resources has one writer: the ask belongs to the asking facility, each answering facility has an answer
//! of its own, and what was granted stands in the chart. So no two sites ever edit the same one apart.

use crate::identifier::{identifier_key, identifiers};
use crate::key::is_legal_id;
use crate::names::{NamePart, NameTerm, latin_skeleton, matches, name_key, search_terms};
use serde_json::{Value, json};

/// Longest name key that travels, in bytes: the longest full names in use have some 60 letters.
pub const NAME_KEY_BYTES_MAX: usize = 256;
/// Longest tag number, in bytes, as the index of identifiers has it.
pub const TAG_BYTES_MAX: usize = 64;
/// Years of birth that are believed.
const YEARS: std::ops::RangeInclusive<u16> = 1850..=2150;
/// Years by which a year of birth may be off: it is often estimated, and two calendars are in use.
const YEARS_OFF_MAX: u16 = 2;
/// Most charts that one facility grants in answer to one ask: a person's charts at one site are one or two.
pub const GRANTS_PER_ASK_MAX: u32 = 16;

/// The system of all codes and names here.
const SYSTEM: &str = "urn:sanad:ask";
/// The system of facility ids.
pub(crate) const FACILITY_SYSTEM: &str = "urn:sanad:facility";
/// The system of call signs.
pub const CALL_SIGN_SYSTEM: &str = "urn:sanad:call-sign";

/// Whom a chart is asked for by. Everything in it is normalised: it cannot be made otherwise.
#[derive(Clone, PartialEq, Eq)]
pub enum Whom {
    /// The id of the Patient, as a card or a transfer list has it.
    Id(String),
    /// A tag number or another identifier.
    Tag(String),
    /// A name.
    Name {
        /// [`name_key`] of the name.
        name: String,
        /// [`name_key`] of the father's own name.
        father: Option<String>,
        /// Year of birth.
        born: Option<u16>,
    },
}

impl std::fmt::Debug for Whom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Whom::Id(_) => "Whom::Id(..)",
            Whom::Tag(_) => "Whom::Tag(..)",
            Whom::Name { .. } => "Whom::Name(..)",
        })
    }
}

/// What is wrong with what was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WhomError {
    /// Not the id of a resource.
    #[error("an id has 1 to 64 letters, digits, dashes and dots")]
    Id,
    /// Empty or too long.
    #[error("a tag number has 1 to 64 bytes")]
    Tag,
    /// No letters in it, or too many.
    #[error("a name has letters, and at most 256 bytes of them")]
    Name,
    /// Not a year.
    #[error("a year of birth lies between 1850 and 2150")]
    Year,
}

impl Whom {
    /// By id.
    ///
    /// # Errors
    /// [`WhomError::Id`]
    pub fn with_id(id: &str) -> Result<Whom, WhomError> {
        let id = id.trim();
        if is_legal_id(id) { Ok(Whom::Id(id.to_owned())) } else { Err(WhomError::Id) }
    }

    /// By a tag number, in any digits.
    ///
    /// # Errors
    /// [`WhomError::Tag`]
    pub fn with_tag(tag: &str) -> Result<Whom, WhomError> {
        let key = identifier_key(tag);
        if (1..=TAG_BYTES_MAX).contains(&key.len()) { Ok(Whom::Tag(key)) } else { Err(WhomError::Tag) }
    }

    /// By a name in either script.
    ///
    /// # Errors
    /// [`WhomError::Name`], [`WhomError::Year`]
    pub fn with_name(name: &str, father: Option<&str>, born: Option<u16>) -> Result<Whom, WhomError> {
        let key = |text: &str| {
            let key = name_key(text);
            if (1..=NAME_KEY_BYTES_MAX).contains(&key.len()) { Ok(key) } else { Err(WhomError::Name) }
        };
        if born.is_some_and(|born| !YEARS.contains(&born)) {
            return Err(WhomError::Year);
        }
        Ok(Whom::Name { name: key(name)?, father: father.map(key).transpose()?, born })
    }

    /// What to look for in an index of patients.
    pub fn query(&self) -> String {
        match self {
            Whom::Id(text) | Whom::Tag(text) => text.clone(),
            Whom::Name { name, father: Some(father), .. } => format!("{name} {father}"),
            Whom::Name { name, father: None, .. } => name.clone(),
        }
    }

    /// How well patients fit that are one person: each with the id it is stored under.
    pub fn fit(&self, person: &[(String, Value)]) -> Fit {
        match self {
            Whom::Id(id) => exact(person.iter().any(|(other, _)| other == id)),
            Whom::Tag(tag) => {
                let has = |patient: &Value| identifiers(patient).any(|other| identifier_key(other) == *tag);
                exact(person.iter().any(|(_, patient)| has(patient)))
            }
            Whom::Name { name, father, born } => {
                let of = |patient: &Value| fit_name(name, father.as_deref(), *born, patient);
                person.iter().map(|(_, patient)| of(patient)).max().unwrap_or(Fit::No)
            }
        }
    }
}

/// How well a person fits what was asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    /// Somebody else.
    No,
    /// It may be this one: a clinician has to look.
    Close,
    /// The id, the tag, or a full name that is written the same in every part.
    Exact,
}

fn exact(is: bool) -> Fit {
    if is { Fit::Exact } else { Fit::No }
}

fn fit_name(name: &str, father: Option<&str>, born: Option<u16>, patient: &Value) -> Fit {
    let terms = search_terms(patient);
    let mut fit = words_fit(name, &terms);
    // One word is shared by thousands.
    if father.is_none() && name.split(' ').count() < 2 {
        fit = fit.min(Fit::Close);
    }
    if let Some(father) = father {
        fit = fit.min(fit_father(father, terms));
    }
    if let Some(born) = born {
        fit = fit.min(fit_year(born, patient));
    }
    fit
}

/// The father's name stands after the person's own. A record that has only one given name says nothing of the father.
fn fit_father(father: &str, terms: Vec<NameTerm>) -> Fit {
    let mut given = 0;
    let later: Vec<NameTerm> = terms
        .into_iter()
        .filter(|term| match term.part {
            NamePart::Given => {
                given += 1;
                given > 1 || term.key.contains(' ')
            }
            NamePart::Text => true,
            NamePart::Family | NamePart::Kunya => false,
        })
        .collect();
    if later.is_empty() { Fit::Close } else { words_fit(father, &later) }
}

fn fit_year(born: u16, patient: &Value) -> Fit {
    let year = patient.get("birthDate").and_then(Value::as_str).and_then(|date| date.get(..4)?.parse::<u16>().ok());
    match year {
        Some(year) if year == born => Fit::Exact,
        Some(year) if year.abs_diff(born) > YEARS_OFF_MAX => Fit::No,
        _ => Fit::Close,
    }
}

/// Every word has to fit some word of the names.
fn words_fit(asked: &str, terms: &[NameTerm]) -> Fit {
    asked.split(' ').map(|word| word_fits(word, terms)).min().unwrap_or(Fit::No)
}

/// A word that is written the same fits exactly. Consonants alone do not: Hasan and Husayn, Samar and Samir share theirs,
/// and so a name that was asked for in the other script is left to a person.
fn word_fits(word: &str, terms: &[NameTerm]) -> Fit {
    let skeleton = latin_skeleton(word);
    let telling = skeleton.chars().count() >= 2;
    let words = || terms.iter().flat_map(|term| term.key.split(' ').zip(term.skeleton.split(' ')));
    if words().any(|(key, _)| key == word) {
        return Fit::Exact;
    }
    let sounds_so = telling && words().any(|(_, other)| other == skeleton);
    if sounds_so || matches(word, terms) > 0 { Fit::Close } else { Fit::No }
}

// ---- Ids ----

/// The id of an ask: `ask-`, a random number, and a hash of it with the facility that asks.
pub fn ask_id(nonce: [u8; 8], facility: &str) -> String {
    let nonce = hex(&nonce);
    format!("ask-{nonce}-{}", short("sanad 2026 ask id v1", &[&nonce, facility]))
}

/// True for an id that [`ask_id`] made for this facility.
pub fn is_ask_of(id: &str, facility: &str) -> bool {
    let nonce = id.strip_prefix("ask-").and_then(|rest| rest.split_once('-'));
    nonce.is_some_and(|(nonce, check)| {
        nonce.len() == 16 && is_hex(nonce) && check == short("sanad 2026 ask id v1", &[nonce, facility])
    })
}

/// True for what has the form of an ask's id. Answers to asks do not.
pub fn is_ask_id(id: &str) -> bool {
    let parts: Vec<&str> = id.split('-').collect();
    matches!(parts[..], ["ask", nonce, check] if nonce.len() == 16 && check.len() == 16 && is_hex(nonce) && is_hex(check))
}

/// The id of the one answer that a facility gives to an ask.
pub fn answer_id(ask: &str, facility: &str) -> String {
    format!("{ask}-{}", short("sanad 2026 ask answer id v1", &[ask, facility]))
}

/// The id of the record of the `number`-th chart that a facility granted in answer to an ask.
pub fn grant_id(ask: &str, facility: &str, number: u32) -> String {
    let hash = hash("sanad 2026 ask grant id v1", &[ask, facility, &number.to_string()]);
    format!("{GRANT_PREFIX}{}", hex(&hash[..16]))
}

/// The id of the record of a grant that nobody had asked for.
pub fn free_grant_id(nonce: [u8; 16]) -> String {
    format!("{GRANT_PREFIX}{}", hex(&nonce))
}

/// What the ids of grant records begin with.
pub const GRANT_PREFIX: &str = "grant-";

fn short(context: &'static str, parts: &[&str]) -> String {
    hex(&hash(context, parts)[..8])
}

fn hash(context: &'static str, parts: &[&str]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes()).update(part.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

// ---- The ask ----

/// An ask as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ask {
    /// Its id.
    pub id: String,
    /// The facility that asks, in hexadecimal. Believed only if a device of it signed.
    pub from: String,
    /// For whom.
    pub whom: Whom,
    /// True once the asking facility has taken it back.
    pub withdrawn: bool,
}

impl Ask {
    /// The Task.
    pub fn to_task(&self) -> Vec<u8> {
        let input = |code: &str, value: Value| {
            let mut input = json!({ "type": coded(code) });
            let member = if value.is_number() { "valueInteger" } else { "valueString" };
            input[member] = value;
            input
        };
        let inputs: Vec<Value> = match &self.whom {
            Whom::Id(id) => vec![input("id", id.as_str().into())],
            Whom::Tag(tag) => vec![input("tag", tag.as_str().into())],
            Whom::Name { name, father, born } => [
                Some(input("name", name.as_str().into())),
                father.as_ref().map(|father| input("father", father.as_str().into())),
                born.map(|born| input("year-of-birth", born.into())),
            ]
            .into_iter()
            .flatten()
            .collect(),
        };
        let status = if self.withdrawn { "cancelled" } else { "requested" };
        let task = json!({
            "resourceType": "Task", "id": self.id, "status": status, "intent": "order",
            "code": { "coding": [{ "system": SYSTEM, "code": "chart-request" }], "text": "Chart request" },
            "requester": facility(&self.from), "input": inputs,
        });
        task.to_string().into_bytes()
    }

    /// Reads a Task. `None` if it is something else, names no facility, or what it asks for is not normalised.
    pub fn of_task(id: &str, raw: &[u8]) -> Option<Ask> {
        let task = task(raw, "chart-request")?;
        let from = facility_of(task.get("requester")?)?;
        let inputs = task.get("input")?.as_array()?;
        let text =
            |code: &str| inputs.iter().find(|input| has_code(input.get("type"), code))?.get("valueString")?.as_str();
        let year = inputs.iter().find(|input| has_code(input.get("type"), "year-of-birth"));
        let born = match year {
            Some(input) => Some(u16::try_from(input.get("valueInteger")?.as_u64()?).ok()?),
            None => None,
        };
        let whom = match (text("id"), text("tag"), text("name")) {
            (Some(id), None, None) => Whom::with_id(id).ok().filter(|whom| whom.query() == id),
            (None, Some(tag), None) => Whom::with_tag(tag).ok().filter(|whom| whom.query() == tag),
            (None, None, Some(name)) => {
                let whom = Whom::with_name(name, text("father"), born).ok();
                let asked = Whom::Name { name: name.to_owned(), father: text("father").map(str::to_owned), born };
                whom.filter(|whom| *whom == asked)
            }
            _ => None,
        };
        let withdrawn = task.get("status").and_then(Value::as_str) != Some("requested");
        Some(Ask { id: id.to_owned(), from, whom: whom?, withdrawn })
    }
}

// ---- The answer ----

/// What a facility answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// So many charts were granted.
    Granted(u32),
    /// None.
    Refused,
}

/// The Task that answers an ask: in the network's scope, so it does not say whose chart it was.
pub fn answer_task(ask: &str, from: &str, outcome: Outcome) -> Vec<u8> {
    let (status, charts) = match outcome {
        Outcome::Granted(charts) => ("completed", charts),
        Outcome::Refused => ("rejected", 0),
    };
    let task = json!({
        "resourceType": "Task", "id": answer_id(ask, from),
        "partOf": [{ "reference": format!("Task/{ask}") }], "status": status, "intent": "order",
        "code": { "coding": [{ "system": SYSTEM, "code": "chart-answer" }], "text": "Chart request, answered" },
        "owner": facility(from),
        "output": [{ "type": coded("charts"), "valueInteger": charts }],
    });
    task.to_string().into_bytes()
}

/// Reads what [`answer_task`] made.
pub fn read_answer(raw: &[u8]) -> Option<Outcome> {
    let task = task(raw, "chart-answer")?;
    match task.get("status")?.as_str()? {
        "completed" => {
            let output =
                task.get("output")?.as_array()?.iter().find(|output| has_code(output.get("type"), "charts"))?;
            let charts = u32::try_from(output.get("valueInteger")?.as_u64()?).ok()?;
            Some(Outcome::Granted(charts.min(GRANTS_PER_ASK_MAX)))
        }
        "rejected" => Some(Outcome::Refused),
        _ => None,
    }
}

// ---- What was granted ----

/// A chart that was opened to a facility. No `Debug`: it names a patient.
#[derive(Clone, PartialEq, Eq)]
pub struct Granted {
    /// The record's id.
    pub id: String,
    /// The patient.
    pub patient: String,
    /// The facility that granted: hexadecimal id and call sign.
    pub from: (String, String),
    /// The facility that may read from now on.
    pub to: (String, String),
    /// Call sign of who agreed; `None` if the site's policy did.
    pub by: Option<String>,
    /// The ask it answers.
    pub ask: Option<String>,
    /// When, by the granting site's clock, as a FHIR instant.
    pub recorded: String,
}

impl Granted {
    /// The AuditEvent, which stands in the chart itself.
    pub fn to_audit_event(&self) -> Vec<u8> {
        let agent = |code: &str, (id, call_sign): &(String, String), requestor: bool| {
            let mut who = facility(id);
            who["display"] = call_sign.as_str().into();
            json!({ "type": coded(code), "who": who, "requestor": requestor })
        };
        let mut agents = vec![agent("granted-to", &self.to, self.ask.is_some())];
        if let Some(by) = &self.by {
            let who = json!({ "type": "Practitioner", "identifier": { "system": CALL_SIGN_SYSTEM, "value": by }, "display": by });
            agents.push(json!({ "type": coded("agreed-by"), "who": who, "requestor": self.ask.is_none() }));
        } else {
            agents.push(agent("agreed-by-policy", &self.from, false));
        }
        let mut entities = vec![json!({ "what": { "reference": format!("Patient/{}", self.patient) } })];
        if let Some(ask) = &self.ask {
            entities.push(json!({ "what": { "reference": format!("Task/{ask}") } }));
        }
        let mut observer = facility(&self.from.0);
        observer["display"] = self.from.1.as_str().into();
        let event = json!({
            "resourceType": "AuditEvent", "id": self.id,
            "type": { "system": SYSTEM, "code": "chart-granted", "display": "Chart granted" },
            "action": "E", "recorded": self.recorded, "outcome": "0",
            "agent": agents, "source": { "observer": observer }, "entity": entities,
        });
        event.to_string().into_bytes()
    }

    /// Reads what [`Granted::to_audit_event`] made.
    pub fn of_audit_event(id: &str, raw: &[u8]) -> Option<Granted> {
        let event: Value = serde_json::from_slice(raw).ok()?;
        let kind = event.get("type")?;
        if kind.get("system")?.as_str()? != SYSTEM || kind.get("code")?.as_str()? != "chart-granted" {
            return None;
        }
        let site = |who: &Value| Some((facility_of(who)?, who.get("display")?.as_str()?.to_owned()));
        let agents = event.get("agent")?.as_array()?;
        let agent = |code: &str| agents.iter().find(|agent| has_code(agent.get("type"), code));
        let by = agent("agreed-by").and_then(|agent| agent.get("who")?.get("display")?.as_str());
        let references =
            event.get("entity")?.as_array()?.iter().filter_map(|entity| entity.get("what")?.get("reference")?.as_str());
        let named = |kind: &str| references.clone().find_map(|reference| reference.strip_prefix(kind));
        Some(Granted {
            id: id.to_owned(),
            patient: named("Patient/")?.to_owned(),
            from: site(event.get("source")?.get("observer")?)?,
            to: site(agent("granted-to")?.get("who")?)?,
            by: by.map(str::to_owned),
            ask: named("Task/").map(str::to_owned),
            recorded: event.get("recorded")?.as_str()?.to_owned(),
        })
    }
}

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "system": SYSTEM, "code": code }] })
}

fn has_code(concept: Option<&Value>, code: &str) -> bool {
    let codings = concept.and_then(|concept| concept.get("coding")?.as_array()).map_or(&[][..], Vec::as_slice);
    let is = |coding: &Value, member: &str, value: &str| coding.get(member).and_then(Value::as_str) == Some(value);
    codings.iter().any(|coding| is(coding, "system", SYSTEM) && is(coding, "code", code))
}

fn task(raw: &[u8], code: &str) -> Option<Value> {
    let task: Value = serde_json::from_slice(raw).ok()?;
    (task.get("resourceType")?.as_str()? == "Task" && has_code(task.get("code"), code)).then_some(task)
}

/// A logical reference: a facility is no resource.
pub(crate) fn facility(id: &str) -> Value {
    json!({ "type": "Organization", "identifier": { "system": FACILITY_SYSTEM, "value": id } })
}

pub(crate) fn facility_of(reference: &Value) -> Option<String> {
    let identifier = reference.get("identifier")?;
    let is_one = identifier.get("system")?.as_str()? == FACILITY_SYSTEM;
    is_one.then(|| identifier.get("value")?.as_str().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests;

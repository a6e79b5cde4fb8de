//! `ValueSet/$expand`, `ValueSet/$validate-code` and `CodeSystem/$validate-code` (FHIR R4 §4.8, §4.9), for
//! the sets that ship, and for what is kept here and lists its codes.
//!
//! A site is no terminology server: what would have to be asked of one is `not-found`, and nothing is asked of anybody.

use super::Api;
use super::access::{Access, Caller};
use super::call::Call;
use super::change::new_id;
use super::find::read_query;
use super::outcome::Refusal;
use super::parameters::{self, last};
use super::reply::Reply;
use crate::candidates::literal;
use sanad_node::site::now_ms;
use sanad_record::definitions::definitions;
use sanad_record::json::{Node, parse_object};
use sanad_record::key::{ResourceKey, is_legal_id};
use sanad_record::names::text_key;
use sanad_record::outgoing::rfc3339;
use sanad_record::terminology::{
    Concept, ExpandError, Shipped, concepts_of, expand, shipped, shipped_at, shipped_system, split,
};
use serde_json::{Value, json};

/// Most codes of one answer that are not asked for by `count`.
const EXPANDED_MAX: usize = 1_000;

/// Parameters that narrow nothing here, or that are answered the same way whatever they say.
const WITHOUT_EFFECT: [&str; 12] = [
    "contextDirection",
    "date",
    "designation",
    "includeDefinition",
    "activeOnly",
    "excludeNested",
    "excludeNotForUI",
    "excludePostCoordinated",
    "displayLanguage",
    "abstract",
    "_format",
    "_pretty",
];

/// The codes that an operation is about, and what is said of where they are from.
struct Subject {
    /// Members of the answer: address, version, name, title, status.
    header: serde_json::Map<String, Value>,
    concepts: Vec<Concept>,
}

/// Carries one operation through; `id` is of the set or system that it is called on.
pub(super) fn operation(
    api: &Api,
    caller: &Caller,
    call: &Call,
    kind: &'static str,
    id: Option<&str>,
    operation: &str,
) -> Result<Reply, Refusal> {
    let resource = if kind == "ValueSet" { "valueSet" } else { "codeSystem" };
    let input = parameters::read(call, resource)?;
    let known: &[&str] = match operation {
        "$expand" => &["filter", "offset", "count", "includeDesignations", "exclude-system"],
        _ => &["code", "system", "display", "coding", "codeableConcept"],
    };
    let naming = ["url", "valueSet", "valueSetVersion", "codeSystem", "version", "context"];
    for (name, _) in input.iter().filter(|_| call.is_strict) {
        let is_known = [known, &naming, &WITHOUT_EFFECT].iter().any(|names| names.contains(&name.as_str()));
        if !is_known {
            return Err(Refusal::new(400, "not-supported", "This parameter is not known to the operation.").at(name));
        }
    }
    let place = Place { api, caller };
    match (kind, operation) {
        ("ValueSet", "$expand") => expansion(place.value_set(&input, id)?, &input),
        ("ValueSet", "$validate-code") => validated(&place.value_set(&input, id)?.concepts, None, &input),
        ("CodeSystem", "$validate-code") => {
            let (url, concepts) = place.code_system(&input, id)?;
            validated(&concepts, Some(&url), &input)
        }
        _ => Err(Refusal::not_supported("There is no such operation.")),
    }
}

/// Where sets and systems are looked for: among what ships, and among what the caller may read here.
struct Place<'a> {
    api: &'a Api,
    caller: &'a Caller,
}

impl Place<'_> {
    fn value_set(&self, input: &[(String, String)], id: Option<&str>) -> Result<Subject, Refusal> {
        if let Some(id) = id {
            return match (self.of_id("ValueSet", id)?, shipped().get(id)) {
                (Some(raw), _) => self.expanded(&raw),
                (None, Some(set)) => Ok(of_shipped(set)),
                (None, None) => Err(unknown("ValueSet")),
            };
        }
        if let Some(raw) = last(input, "valueSet") {
            return self.expanded(raw.as_bytes());
        }
        if let Some(context) = last(input, "context") {
            let set = bound_at(context).ok_or_else(|| unknown("ValueSet").at("context"))?;
            return Ok(of_shipped(set));
        }
        let canonical = canonical(input, "valueSetVersion")
            .ok_or_else(|| Refusal::new(400, "required", "Name a value set by its url, or send one.").at("url"))?;
        match shipped_at(&canonical) {
            Some(set) => Ok(of_shipped(set)),
            None => self.expanded(&self.of_url("ValueSet", &canonical).ok_or_else(|| unknown("ValueSet").at("url"))?),
        }
    }

    /// The address of a code system, and its codes.
    fn code_system(&self, input: &[(String, String)], id: Option<&str>) -> Result<(String, Vec<Concept>), Refusal> {
        let raw = match (id, last(input, "codeSystem")) {
            (Some(id), _) => self.of_id("CodeSystem", id)?.ok_or_else(|| unknown("CodeSystem"))?,
            (None, Some(raw)) => raw.as_bytes().to_vec(),
            (None, None) => {
                // A coding names its system itself.
                let of_coding = || {
                    let coding = parse_object(last(input, "coding")?.as_bytes()).ok()?;
                    Some(coding.get_str("system")?.into_owned())
                };
                let canonical = canonical(input, "version").or_else(of_coding).ok_or_else(|| {
                    Refusal::new(400, "required", "Name a code system by its url, or send one.").at("url")
                })?;
                let (url, version) = split(&canonical);
                // HL7 gives what ships the version of the specification.
                if version.is_none_or(|version| version == "4.0.1")
                    && let Some(concepts) = shipped_system(url)
                {
                    return Ok((url.to_owned(), concepts.cloned().collect()));
                }
                self.of_url("CodeSystem", &canonical).ok_or_else(|| unknown("CodeSystem").at("url"))?
            }
        };
        let system = parse_object(&raw).map_err(|error| Refusal::not_json(&error))?;
        let concepts = concepts_of(&system).map_err(|error| refused(&error))?;
        Ok((system.get_str("url").unwrap_or_default().into_owned(), concepts))
    }

    fn expanded(&self, raw: &[u8]) -> Result<Subject, Refusal> {
        let set = parse_object(raw).map_err(|error| Refusal::not_json(&error))?;
        let concepts =
            expand(&set, &|kind, canonical| self.of_url(kind, canonical)).map_err(|error| refused(&error))?;
        let mut header = serde_json::Map::new();
        for name in ["url", "version", "name", "title", "status"] {
            header.extend(set.get_str(name).map(|text| (name.to_owned(), text.into_owned().into())));
        }
        header.entry("status").or_insert("unknown".into());
        Ok(Subject { header, concepts })
    }

    fn of_id(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, Refusal> {
        if !is_legal_id(id) {
            return Err(Refusal::bad_id());
        }
        let key = ResourceKey::new(kind, id).map_err(|_| Refusal::bad_id())?;
        let found = tokio::task::block_in_place(|| self.api.site().reader().resource(&key))?;
        Ok(found.filter(|found| self.caller.sees(found, Access::Read)).and_then(|found| found.raw))
    }

    /// The newest of what is kept here under a canonical address.
    fn of_url(&self, kind: &str, canonical: &str) -> Option<Vec<u8>> {
        let (url, version) = split(canonical);
        let kind = super::interact::type_of(kind).ok()?;
        let query = read_query(Some(kind), &[("url".to_owned(), literal(url))]).ok()?;
        let found = tokio::task::block_in_place(|| self.api.site().reader().find(&query)).ok()?;
        let mut found = found.matches;
        found.retain(|resource| self.caller.sees(resource, Access::Read));
        found.sort_by(|a, b| b.updated_ms.cmp(&a.updated_ms).then_with(|| a.key.cmp(&b.key)));
        let is_of_version = |raw: &Vec<u8>| {
            let says = || parse_object(raw).ok()?.get_str("version").map(|version| version.into_owned());
            version.is_none() || says().as_deref() == version
        };
        found.into_iter().filter_map(|resource| resource.raw).find(is_of_version)
    }
}

/// An address with its version, if that is given apart.
fn canonical(input: &[(String, String)], version: &str) -> Option<String> {
    let url = last(input, "url")?;
    Some(match last(input, version) {
        Some(version) if !url.contains('|') => format!("{url}|{version}"),
        _ => url.to_owned(),
    })
}

fn of_shipped(set: &Shipped) -> Subject {
    let header =
        json!({ "url": set.url, "version": set.version, "name": set.name, "title": set.title, "status": "active" });
    let header = header.as_object().cloned().unwrap_or_default();
    Subject { header, concepts: set.concepts.clone() }
}

/// The set that an element must take its codes from: `http://hl7.org/fhir/StructureDefinition/Patient#Patient.gender`.
fn bound_at(context: &str) -> Option<&'static Shipped> {
    let path = context.rsplit('#').next()?;
    let (owner, member) = path.rsplit_once('.')?;
    let (_, kind) = definitions().get(owner)?.member(member)?;
    shipped().get(kind.codes?)
}

fn unknown(kind: &str) -> Refusal {
    let what = match kind {
        "ValueSet" => {
            "This value set is not here. The sets that elements of type code are bound to ship with this site; others are \
             expanded if they are saved here and list their codes."
        }
        _ => "This code system is not here, or not all of its codes are.",
    };
    Refusal::new(404, "not-found", what)
}

fn refused(error: &ExpandError) -> Refusal {
    match error {
        ExpandError::NotOne => Refusal::new(400, "invalid", "This is no resource of the type that is asked about."),
        ExpandError::NotHere(place) => {
            Refusal::new(404, "not-found", "What stands here names codes that are not all known to this site.")
                .at(place)
        }
        ExpandError::Filter(place) => Refusal::new(
            422,
            "not-supported",
            "The set selects codes by their properties, which only a terminology server can work out.",
        )
        .at(place),
        ExpandError::TooMuch => {
            Refusal::new(422, "too-costly", "The set has too many codes, or imports too many sets.")
        }
    }
}

fn expansion(mut subject: Subject, input: &[(String, String)]) -> Result<Reply, Refusal> {
    let number = |name: &str| {
        let parse = |text: &str| {
            text.parse::<usize>().map_err(|_| Refusal::new(400, "value", "This is not a whole number.").at(name))
        };
        last(input, name).map(parse).transpose()
    };
    let (offset, count) = (number("offset")?, number("count")?);
    let excluded: Vec<&str> =
        input.iter().filter(|(name, _)| name == "exclude-system").map(|(_, system)| split(system).0).collect();
    subject.concepts.retain(|concept| !excluded.contains(&&*concept.system));
    if let Some(filter) = last(input, "filter") {
        let words: Vec<String> = text_key(filter).split(' ').map(str::to_owned).collect();
        subject.concepts.retain(|concept| is_like(concept, &words));
    }
    let total = subject.concepts.len();
    if count.is_none() && total - total.min(offset.unwrap_or(0)) > EXPANDED_MAX {
        return Err(Refusal::new(
            422,
            "too-costly",
            "The set has more than 1000 codes. Ask for a part of them with count and offset, or narrow it with a filter.",
        ));
    }
    let with_designations = last(input, "includeDesignations") == Some("true");
    let shown = subject.concepts.iter().skip(offset.unwrap_or(0)).take(count.unwrap_or(EXPANDED_MAX));
    let contains: Vec<Value> = shown.map(|concept| shown_as(concept, with_designations)).collect();
    let mut said = Vec::new();
    for name in ["filter", "offset", "count", "includeDesignations", "exclude-system"] {
        for (_, value) in input.iter().filter(|(known, _)| known == name) {
            said.push(match name {
                "offset" | "count" => json!({ "name": name, "valueInteger": value.parse::<usize>().unwrap_or(0) }),
                "includeDesignations" => json!({ "name": name, "valueBoolean": value == "true" }),
                "filter" => json!({ "name": name, "valueString": value }),
                _ => json!({ "name": name, "valueUri": value }),
            });
        }
    }
    let mut answer = serde_json::Map::new();
    answer.insert("resourceType".to_owned(), "ValueSet".into());
    answer.extend(subject.header);
    let mut expansion = json!({
        "identifier": format!("urn:uuid:{}", new_id()),
        "timestamp": rfc3339(now_ms()),
        "total": total,
    });
    if offset.is_some() || count.is_some() {
        expansion["offset"] = offset.unwrap_or(0).into();
    }
    // An empty list is not FHIR.
    for (name, list) in [("parameter", said), ("contains", contains)] {
        if !list.is_empty() {
            expansion[name] = list.into();
        }
    }
    answer.insert("expansion".to_owned(), expansion);
    Ok(Reply::new(200, Value::Object(answer).to_string().into_bytes()))
}

/// True if every word begins a word of what the code is called, or the code itself.
fn is_like(concept: &Concept, words: &[String]) -> bool {
    let designated = |one: &String| serde_json::from_str::<Value>(one).ok()?["value"].as_str().map(text_key);
    let mut names = vec![text_key(&concept.code)];
    names.extend(concept.display.as_deref().map(text_key));
    names.extend(concept.designations.iter().filter_map(designated));
    let begins = |word: &String| names.iter().any(|name| name.split(' ').any(|part| part.starts_with(word.as_str())));
    words.iter().all(begins)
}

fn shown_as(concept: &Concept, with_designations: bool) -> Value {
    let mut shown = json!({ "system": concept.system, "code": concept.code });
    if let Some(display) = &concept.display {
        shown["display"] = (**display).into();
    }
    if with_designations && !concept.designations.is_empty() {
        let all = concept.designations.iter().filter_map(|one| serde_json::from_str::<Value>(one).ok());
        shown["designation"] = all.collect();
    }
    shown
}

/// What is asked whether it is one of the codes.
struct Asked {
    system: Option<String>,
    code: String,
    display: Option<String>,
}

impl Asked {
    fn of_coding(coding: &Node<'_>) -> Option<Asked> {
        let text = |name: &str| coding.get_str(name).map(|text| text.into_owned());
        Some(Asked { system: text("system"), code: text("code")?, display: text("display") })
    }
}

/// The answer of `$validate-code`; `system` is the one that codes without a system are of.
fn validated(concepts: &[Concept], system: Option<&str>, input: &[(String, String)]) -> Result<Reply, Refusal> {
    let read = |name: &str| {
        let bad = || Refusal::new(400, "structure", "This is not what its name says.").at(name);
        last(input, name).map(|text| parse_object(text.as_bytes()).map_err(|_| bad())).transpose()
    };
    let (coding, concept) = (read("coding")?, read("codeableConcept")?);
    let text = |name: &str| last(input, name).map(str::to_owned);
    let asked: Vec<Asked> = match (&coding, &concept, text("code")) {
        (Some(coding), ..) => Asked::of_coding(coding).into_iter().collect(),
        (_, Some(concept), _) => {
            concept.get("coding").map_or(&[][..], Node::items).iter().filter_map(Asked::of_coding).collect()
        }
        (.., Some(code)) => vec![Asked { system: text("system"), code, display: text("display") }],
        _ => {
            return Err(Refusal::new(400, "required", "Say what is to be looked at: code, coding or codeableConcept.")
                .at("code"));
        }
    };
    let mut verdicts: Vec<_> = asked.iter().map(|asked| verdict(concepts, system, asked)).collect();
    // Of a CodeableConcept one coding is enough.
    verdicts.sort_by_key(|(is_good, ..)| !is_good);
    let none = (false, Some("There is no code in what was sent."), None);
    let (is_good, message, display) = verdicts.into_iter().next().unwrap_or(none);
    let mut parameters = vec![json!({ "name": "result", "valueBoolean": is_good })];
    parameters.extend(message.map(|message| json!({ "name": "message", "valueString": message })));
    parameters.extend(display.map(|display| json!({ "name": "display", "valueString": display })));
    let answer = json!({ "resourceType": "Parameters", "parameter": parameters });
    Ok(Reply::new(200, answer.to_string().into_bytes()))
}

/// Whether a code is one of these; what is to be said of it; what it is called.
fn verdict<'c>(
    concepts: &'c [Concept],
    system: Option<&str>,
    asked: &Asked,
) -> (bool, Option<&'static str>, Option<&'c str>) {
    let system = asked.system.as_deref().or(system);
    let mut found = concepts
        .iter()
        .filter(|concept| concept.code == asked.code && system.is_none_or(|system| concept.system == system));
    let Some(concept) = found.next() else {
        let is_elsewhere = concepts.iter().any(|concept| concept.code == asked.code);
        let what = if is_elsewhere {
            "The code is of another system than the one that is said."
        } else {
            "The code is not one of these."
        };
        return (false, Some(what), None);
    };
    if found.next().is_some() {
        return (false, Some("Several systems have this code; say which one is meant."), None);
    }
    let display = concept.display.as_deref();
    let designated = |one: &String| serde_json::from_str::<Value>(one).ok()?["value"].as_str().map(text_key);
    let is_called_so = |name: &String| {
        let name = text_key(name);
        display.is_none_or(|display| text_key(display) == name)
            || concept.designations.iter().filter_map(designated).any(|other| other == name)
    };
    match &asked.display {
        Some(name) if !is_called_so(name) => {
            (false, Some("The code is one of these, and is called otherwise."), display)
        }
        _ => (true, None, display),
    }
}

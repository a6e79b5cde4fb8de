//! Parts of a resource: `_summary` and `_elements` (FHIR R4 §3.1.1.5.8 and .9).

use super::super::outcome::Refusal;
use sanad_record::definitions::definitions;
use sanad_record::json::{self, Kind, Node};
use sanad_record::search::{Query, Summary};

/// Marks what is not whole, so that nobody saves it back over the whole.
const SUBSETTED: &str = r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

/// Which parts are wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::api) enum Wanted {
    /// All.
    All,
    /// Those of a summary.
    Summary,
    /// Text, and what must be there.
    Text,
    /// All but the text.
    Data,
    /// These, and what must be there.
    Elements(Vec<String>),
}

impl Wanted {
    pub fn of_query(query: &Query) -> Wanted {
        match query.summary {
            Summary::True => Wanted::Summary,
            Summary::Text => Wanted::Text,
            Summary::Data => Wanted::Data,
            _ if !query.elements.is_empty() => Wanted::Elements(query.elements.clone()),
            _ => Wanted::All,
        }
    }

    /// For a read, which has these two parameters and no others.
    pub fn of_pairs(pairs: &[(String, String)]) -> Result<Wanted, Refusal> {
        let own: Vec<(String, String)> =
            pairs.iter().filter(|(name, _)| matches!(name.as_str(), "_summary" | "_elements")).cloned().collect();
        if own.is_empty() {
            return Ok(Wanted::All);
        }
        Ok(Wanted::of_query(&super::read_query(None, &own)?))
    }
}

/// A resource with only the parts that are wanted, each as it was.
pub(in crate::api) fn of(raw: Vec<u8>, wanted: &Wanted) -> Vec<u8> {
    if *wanted == Wanted::All {
        return raw;
    }
    let Ok(resource) = json::parse_object(&raw) else { return raw };
    let kind = resource.get_str("resourceType").and_then(|name| definitions().get(&name));
    let is_kept = |name: &str| {
        let plain = name.strip_prefix('_').unwrap_or(name);
        if matches!(plain, "resourceType" | "id" | "meta") {
            return true;
        }
        let Some((element, _)) = kind.and_then(|kind| kind.member(plain)) else { return *wanted == Wanted::Data };
        match wanted {
            Wanted::All => true,
            Wanted::Summary => element.is_summary,
            Wanted::Text => element.name == "text" || element.min > 0,
            Wanted::Data => element.name != "text",
            Wanted::Elements(names) => element.min > 0 || names.iter().any(|name| names_element(name, element.name)),
        }
    };
    let mut out = String::from("{");
    let mut has_meta = false;
    for member in resource.members().iter().filter(|member| is_kept(&member.key)) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&serde_json::Value::from(&*member.key).to_string());
        out.push(':');
        if member.key == "meta" {
            has_meta = true;
            out.push_str(&marked(&member.value));
        } else {
            out.push_str(member.value.text);
        }
    }
    if !has_meta {
        out.push_str(if out.len() > 1 { "," } else { "" });
        out.push_str(&format!(r#""meta":{{"tag":[{SUBSETTED}]}}"#));
    }
    out.push('}');
    out.into_bytes()
}

/// `Patient.name.family` wants all of `name`.
fn names_element(wanted: &str, element: &str) -> bool {
    let path = match wanted.split_once('.') {
        Some((first, rest)) if first.starts_with(|letter: char| letter.is_ascii_uppercase()) => rest,
        _ => wanted,
    };
    path.split('.').next() == Some(element)
}

/// The meta element with the mark added.
fn marked(meta: &Node<'_>) -> String {
    let Kind::Object(members) = &meta.kind else { return format!(r#"{{"tag":[{SUBSETTED}]}}"#) };
    let mut parts = Vec::new();
    let mut tags = Vec::new();
    for member in members {
        if member.key == "tag" {
            tags.extend(member.value.items().iter().map(|tag| tag.text.to_owned()));
        } else {
            parts.push(format!("{}:{}", serde_json::Value::from(&*member.key), member.value.text));
        }
    }
    tags.push(SUBSETTED.to_owned());
    parts.push(format!(r#""tag":[{}]"#, tags.join(",")));
    format!("{{{}}}", parts.join(","))
}

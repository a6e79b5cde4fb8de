//! All of a resource, as a list of names and values.

use sanad_record::json::{Kind, Member, Node, parse_object};

use super::value::{cut, element_name, short, spaced};
use crate::moment::written;
use crate::text::Voice;

/// The most rows a list shows; beyond that the raw text is the better reading.
pub(crate) const FIELDS_MAX: usize = 300;
/// How far rows are set in; deeper ones stand at the same edge.
const INDENT_MAX: u8 = 4;

/// One row of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    /// How far the row is set in.
    pub indent: u8,
    /// The name of the element.
    pub name: String,
    /// The value; empty for a row that heads the ones set in under it.
    pub value: String,
    /// Where the value leads, for a reference to another resource.
    pub href: Option<String>,
}

/// Lists a resource. The type, the id, the narrative and what machines say about the resource (`meta`) are left out: the
/// page shows the first two, the third repeats the rest, and the raw text has all of it. Gives also whether rows were left out because there are too many.
pub(crate) fn describe(voice: &Voice, raw: &[u8]) -> (Vec<Field>, bool) {
    let mut fields = Vec::new();
    if let Ok(resource) = parse_object(raw) {
        let shown = |member: &&Member<'_>| !matches!(&*member.key, "resourceType" | "id" | "text" | "meta");
        for member in resource.members().iter().filter(shown) {
            add(voice, &mut fields, 0, &member.key, &member.value);
        }
    }
    let too_many = fields.len() > FIELDS_MAX;
    fields.truncate(FIELDS_MAX);
    (fields, too_many)
}

fn add(voice: &Voice, fields: &mut Vec<Field>, indent: u8, key: &str, node: &Node<'_>) {
    if fields.len() > FIELDS_MAX {
        return;
    }
    let name = || element_name(voice, key);
    if let Some(url) = node.get_str("url").filter(|_| matches!(key, "extension" | "modifierExtension")) {
        return add_extension(voice, fields, indent, &url, node);
    }
    if let Some(value) = known_code(voice, key, node).or_else(|| short(voice, node)) {
        fields.push(Field { indent, name: name(), value, href: href(node) });
        return;
    }
    let deeper = indent.saturating_add(1).min(INDENT_MAX);
    match &node.kind {
        Kind::Array(items) => {
            for item in items {
                add(voice, fields, indent, key, item);
            }
        }
        Kind::Object(members) if !members.is_empty() => {
            fields.push(Field { indent, name: name(), value: String::new(), href: None });
            for member in members {
                add(voice, fields, deeper, &member.key, &member.value);
            }
        }
        _ => {}
    }
}

/// An extension is named by the end of its address, and says a value or further extensions.
fn add_extension(voice: &Voice, fields: &mut Vec<Field>, indent: u8, url: &str, node: &Node<'_>) {
    let tail = url.rsplit(['/', ':', '#']).next().unwrap_or(url);
    let said = node.members().iter().find(|member| member.key.starts_with("value"));
    let value = said.and_then(|member| short(voice, &member.value)).unwrap_or_default();
    let shown = !value.is_empty();
    let href = said.and_then(|member| href(&member.value));
    fields.push(Field { indent, name: cut(&spaced(tail)), value, href });
    let inner =
        node.members().iter().filter(|member| member.key != "url" && !(shown && member.key.starts_with("value")));
    for member in inner {
        add(voice, fields, indent.saturating_add(1).min(INDENT_MAX), &member.key, &member.value);
    }
}

/// The codes of a few elements have words in both languages.
fn known_code(voice: &Voice, key: &str, node: &Node<'_>) -> Option<String> {
    let prefix = match key {
        "status" => "status",
        "gender" => "sex",
        "criticality" => "criticality",
        // A date may be a month or a year, which elsewhere would be a number.
        "birthDate" | "onsetDateTime" | "recordedDate" | "date" => return Some(written(voice, &cut(&node.as_str()?))),
        _ => return None,
    };
    voice.known(&format!("{prefix}-{}", node.as_str()?))
}

/// Where a reference inside the record leads.
fn href(node: &Node<'_>) -> Option<String> {
    let reference = node.get_str("reference")?;
    let key: sanad_record::key::ResourceKey = reference.parse().ok()?;
    Some(if key.resource_type == "Patient" {
        format!("/patients/{}", key.id)
    } else {
        format!("/resources/{}/{}", key.resource_type, key.id)
    })
}

/// The raw text with line breaks and indents between its tokens, every token as it was written. Text that has line
/// breaks already, or is not JSON, comes back unchanged.
pub(crate) fn lay_out(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    match parse_object(raw) {
        Ok(node) if !text.trim().contains('\n') => {
            let mut out = String::with_capacity(text.len() * 3 / 2);
            spread(&node, 0, &mut out);
            out
        }
        _ => text.into_owned(),
    }
}

fn spread(node: &Node<'_>, depth: usize, out: &mut String) {
    let line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match &node.kind {
        Kind::Array(items) if !items.is_empty() => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                spread(item, depth + 1, out);
            }
            line(out, depth);
            out.push(']');
        }
        Kind::Object(members) if !members.is_empty() => {
            out.push('{');
            for (at, member) in members.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                line(out, depth + 1);
                // The name is written again from its meaning; the JSON writer escapes exactly what must be.
                out.push_str(&serde_json::Value::from(&*member.key).to_string());
                out.push_str(": ");
                spread(&member.value, depth + 1, out);
            }
            line(out, depth);
            out.push('}');
        }
        _ => out.push_str(node.text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    #[test]
    fn a_resource_becomes_a_list() {
        let raw = br#"{"resourceType":"Observation","id":"x","text":{"div":"<div>"},"status":"final",
            "subject":{"reference":"Patient/p1"},"encounter":{"reference":"Encounter/e1","display":"Visit"},
            "performer":[{"reference":"https://elsewhere/Patient/1"}],
            "component":[{"code":{"text":"a"},"valueInteger":1}],"empty":{}}"#;
        let (fields, too_many) = describe(&voice(Lang::En), raw);
        let seen: Vec<_> =
            fields.iter().map(|f| (f.indent, f.name.as_str(), f.value.as_str(), f.href.as_deref())).collect();
        assert!(!too_many);
        assert_eq!(
            seen,
            [
                (0, "Status", "final", None),
                (0, "Patient", "Patient/p1", Some("/patients/p1")),
                (0, "Visit", "Visit", Some("/resources/Encounter/e1")),
                (0, "Done by", "https://elsewhere/Patient/1", None),
                (0, "Part", "", None),
                (1, "What", "a", None),
                (1, "Value", "1", None),
            ]
        );
    }

    #[test]
    fn an_extension_is_named_by_the_end_of_its_address() {
        let raw = br#"{"extension":[{"url":"http://x/y#bedNumber","valueString":"12"},
            {"url":"urn:both","extension":[{"url":"inner","valueBoolean":true}]}]}"#;
        let (fields, _) = describe(&voice(Lang::En), raw);
        let seen: Vec<_> = fields.iter().map(|f| (f.indent, f.name.as_str(), f.value.as_str())).collect();
        assert_eq!(seen, [(0, "Bed number", "12"), (0, "Both", ""), (1, "Inner", "yes")]);
    }

    #[test]
    fn a_list_is_bounded() {
        let many = format!(r#"{{"note":[{}]}}"#, vec!["1"; 5000].join(","));
        let (fields, too_many) = describe(&voice(Lang::En), many.as_bytes());
        assert!(too_many && fields.len() == FIELDS_MAX);
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        assert!(describe(&voice(Lang::En), deep.as_bytes()).0.iter().all(|field| field.indent <= INDENT_MAX));
    }

    #[test]
    fn raw_text_is_laid_out_token_by_token() {
        assert_eq!(
            lay_out(br#"{"a":1.50,"b":["\u00e9",{}],"c":[]}"#),
            "{\n  \"a\": 1.50,\n  \"b\": [\n    \"\\u00e9\",\n    {}\n  ],\n  \"c\": []\n}"
        );
        assert_eq!(lay_out(b"{\n\"a\":1}"), "{\n\"a\":1}");
        assert_eq!(lay_out(b"torn {"), "torn {");
    }
}

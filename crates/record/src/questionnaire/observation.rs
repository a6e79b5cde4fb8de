//! Observations from a response (Structured Data Capture, observation-based extraction).

use super::form::{Form, FormError, Item, Kind};
use super::said::Said;
use super::{DEPTH_MAX, FORM_BYTES_MAX};
use crate::json::{self, Node, quote};

/// The Observations that a response says, one for each answer whose item (or an item around it, or the form) has the
/// extension `observationExtract` and which has a `code`. `ids` gives the id for the name of a field: the same name of the
/// same response should get the same id, so that an edit changes the Observation and makes no second one.
///
/// # Errors
/// As [`super::answers_of`].
pub fn observations(
    form: &Form,
    response: &[u8],
    mut ids: impl FnMut(&str) -> String,
) -> Result<Vec<String>, FormError> {
    if response.len() > FORM_BYTES_MAX {
        return Err(FormError::TooLarge);
    }
    let root = json::parse_object(response)?;
    if root.get_str("resourceType").as_deref() != Some("QuestionnaireResponse") {
        return Err(FormError::NotAQuestionnaire);
    }
    let mut found = Vec::new();
    let mut extractor = Extractor { form, root: &root, ids: &mut ids, found: &mut found };
    extractor.items(&root, "", 0);
    Ok(found)
}

struct Extractor<'e> {
    form: &'e Form,
    root: &'e Node<'e>,
    ids: &'e mut dyn FnMut(&str) -> String,
    found: &'e mut Vec<String>,
}

impl Extractor<'_> {
    /// `around`: the repetitions of the groups around, each with a dot.
    fn items(&mut self, node: &Node<'_>, around: &str, depth: usize) {
        // An answer is a level of its own in a response.
        if depth > 2 * DEPTH_MAX {
            return;
        }
        let items = node.get("item").map_or(&[][..], Node::items);
        let mut seen: Vec<(usize, usize)> = Vec::new();
        for item in items {
            let Some(link_id) = item.get_str("linkId") else { continue };
            let Some(at) = self.form.by_link_id.get(&*link_id).copied() else { continue };
            let asked = &self.form.items[at];
            let inner = if asked.is_repeating_group() {
                let before = seen.iter_mut().find(|(known, _)| *known == at);
                let repetition = match before {
                    Some((_, count)) => {
                        *count += 1;
                        *count
                    }
                    None => {
                        seen.push((at, 0));
                        0
                    }
                };
                format!("{around}{repetition}.")
            } else {
                around.to_owned()
            };
            for (index, answer) in item.get("answer").map_or(&[][..], Node::items).iter().enumerate() {
                let of = |member: &json::Member<'_>| Said::of(member.key.strip_prefix("value")?, &member.value);
                if let Some(said) = answer.members().iter().find_map(of).filter(|_| asked.extracts) {
                    let name = format!("{}@{around}{index}", asked.link_id);
                    self.observation(asked, &said, &name);
                }
                self.items(answer, &inner, depth + 1);
            }
            self.items(item, &inner, depth + 1);
        }
    }

    fn observation(&mut self, item: &Item, said: &Said, name: &str) {
        let Some(value) = value(item, said).filter(|_| !item.codes.is_empty()) else { return };
        let mut text = format!("{{\"resourceType\":\"Observation\",\"id\":{}", quote(&(self.ids)(name)));
        let id = self.root.get_str("id").unwrap_or_default();
        if !id.is_empty() {
            let reference = quote(&format!("QuestionnaireResponse/{id}"));
            text.push_str(&format!(",\"derivedFrom\":[{{\"reference\":{reference}}}]"));
        }
        text.push_str(&format!(",\"status\":\"final\",\"code\":{{\"coding\":[{}]", item.codes.join(",")));
        if !item.text.own.is_empty() {
            text.push_str(&format!(",\"text\":{}", quote(&item.text.own)));
        }
        text.push('}');
        for (from, to) in [("subject", "subject"), ("encounter", "encounter"), ("authored", "effectiveDateTime")] {
            if let Some(said) = self.root.get(from) {
                text.push_str(&format!(",\"{to}\":{}", said.text));
            }
        }
        if let Some(author) = self.root.get("author") {
            text.push_str(&format!(",\"performer\":[{}]", author.text));
        }
        self.found.push(format!("{text},{value}}}"));
    }
}

/// `value[x]` of an Observation. `None` for what it cannot say.
fn value(item: &Item, said: &Said) -> Option<String> {
    Some(match said {
        Said::Flag(flag) => format!("\"valueBoolean\":{flag}"),
        Said::Number(number) if item.kind == Kind::Decimal || !item.units.is_empty() => {
            let unit = item.units.first().map_or_else(String::new, super::said::Unit::members);
            format!("\"valueQuantity\":{{\"value\":{number}{unit}}}")
        }
        Said::Number(number) => format!("\"valueInteger\":{number}"),
        Said::Quantity(..) => format!("\"valueQuantity\":{}", said.member(item.kind).1),
        Said::Date(text) => format!("\"valueDateTime\":{}", quote(text)),
        Said::Time(text) => format!("\"valueTime\":{}", quote(text)),
        Said::Text(text) => format!("\"valueString\":{}", quote(text)),
        Said::Coding { json, .. } => format!("\"valueCodeableConcept\":{{\"coding\":[{json}]}}"),
        Said::Other(_) => return None,
    })
}

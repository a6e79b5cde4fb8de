//! Answers as a QuestionnaireResponse, and back.

use super::answers::{Answers, Cell, Kept, instances, name};
use super::form::{Form, FormError, Kind};
use super::now::{Now, now, said_at};
use super::said::{Problem, Said, cell_of, read};
use super::{FORM_BYTES_MAX, Place};
use crate::json::{self, Node, quote};
use std::collections::BTreeMap;

/// What a response says beside the answers.
pub struct About<'t> {
    /// Its id.
    pub id: &'t str,
    /// Whom it is about: `Patient/1`.
    pub subject: &'t str,
    /// During which Encounter, if any.
    pub encounter: Option<&'t str>,
    /// The call sign of who answered; never a name.
    pub author: &'t str,
    /// When, with its zone: `2018-02-18T14:05:00+02:00`. Times that were typed without a zone get this one.
    pub authored: &'t str,
}

/// Members that are written anew each time; all others of an earlier response are kept.
const OWN: [&str; 9] =
    ["resourceType", "id", "questionnaire", "status", "subject", "encounter", "authored", "author", "item"];

/// JSON as it is written, and where each item stands in it.
#[derive(Default)]
pub(super) struct Writer {
    pub(super) text: String,
    /// By the item and the repetitions around it, its own included.
    pub(super) starts: BTreeMap<Place, usize>,
}

/// The zone at the end of a time, `Z` if there is none.
pub(super) fn zone_of(authored: &str) -> &str {
    let Some((_, time)) = authored.split_once('T') else { return "Z" };
    time.find(['Z', '+', '-']).map_or("Z", |at| &time[at..])
}

/// The QuestionnaireResponse of these answers, `completed`. What is not asked is not in it.
///
/// # Errors
/// What is wrong, each by the name of its field, in the order of the form: nothing is saved that was not understood.
pub fn response(form: &Form, answers: &Answers, about: &About<'_>) -> Result<String, Vec<(String, Problem)>> {
    let zone = zone_of(about.authored);
    let now = now(form, answers, zone);
    let problems = problems(form, answers, &now, zone);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut writer = Writer::default();
    writer.text.push_str(&format!("{{\"resourceType\":\"QuestionnaireResponse\",\"id\":{}", quote(about.id)));
    for (name, value) in &answers.kept.members {
        writer.text.push_str(&format!(",{}:{value}", quote(name)));
    }
    let canonical = form.canonical();
    if !canonical.is_empty() {
        writer.text.push_str(&format!(",\"questionnaire\":{}", quote(&canonical)));
    }
    writer.text.push_str(",\"status\":\"completed\"");
    writer.text.push_str(&format!(",\"subject\":{{\"reference\":{}}}", quote(about.subject)));
    if let Some(encounter) = about.encounter {
        writer.text.push_str(&format!(",\"encounter\":{{\"reference\":{}}}", quote(encounter)));
    }
    writer.text.push_str(&format!(",\"authored\":{}", quote(about.authored)));
    if !about.author.is_empty() {
        writer.text.push_str(&format!(",\"author\":{{\"display\":{}}}", quote(about.author)));
    }
    write_items(form, answers, &now, zone, false, &mut writer);
    writer.text.push('}');
    Ok(writer.text)
}

/// What is wrong with what is asked now.
pub(super) fn problems(form: &Form, answers: &Answers, now: &Now, zone: &str) -> Vec<(String, Problem)> {
    let mut found = Vec::new();
    for place in &now.enabled {
        let item = &form.items[place.0];
        if let Some(Err(problem)) = now.calculated.get(place) {
            found.push((name(item, &place.1, 0), problem.clone()));
        }
        if !item.is_asked() || item.calculation.is_some() {
            continue;
        }
        let cells: &[Cell] = answers.cells.get(place).map_or(&[], Vec::as_slice);
        let mut count = 0;
        for (at, cell) in cells.iter().enumerate() {
            match read(item, cell, zone) {
                Ok(said) => count += usize::from(said.is_some()),
                Err(problem) => {
                    count += 1;
                    found.push((name(item, &place.1, if item.is_choice() { 0 } else { at }), problem));
                }
            }
        }
        if count == 0 && item.required && !item.hidden && !item.read_only {
            found.push((name(item, &place.1, 0), Problem::Required));
        } else if count > item.answers_max() {
            found.push((name(item, &place.1, 0), Problem::TooMany(item.answers_max())));
        }
    }
    found
}

/// The member `item` of a response, with a comma before it. `is_whole`: groups without answers too, for calculations.
pub(super) fn write_items(form: &Form, answers: &Answers, now: &Now, zone: &str, is_whole: bool, writer: &mut Writer) {
    let context = Context { form, answers, now, zone, is_whole };
    let top: Vec<usize> = form.top().collect();
    context.members(&top, &[], None, true, writer);
}

struct Context<'c> {
    form: &'c Form,
    answers: &'c Answers,
    now: &'c Now,
    zone: &'c str,
    is_whole: bool,
}

impl Context<'_> {
    /// `"item":[...]`; nothing if there is none.
    fn members(&self, items: &[usize], at: &[u16], within: Option<&Place>, comma: bool, writer: &mut Writer) -> bool {
        let before = writer.text.len();
        writer.text.push_str(if comma { ",\"item\":[" } else { "\"item\":[" });
        let start = writer.text.len();
        for item in items {
            let kept =
                self.answers.kept.items.iter().filter(|(place, link_id, _)| {
                    place.as_ref() == within && *link_id == self.form.items[*item].link_id
                });
            if !self.item(*item, at, writer) && !self.is_whole {
                for (.., json) in kept {
                    separate(writer, start);
                    writer.text.push_str(json);
                }
            }
        }
        if !self.is_whole {
            let is_here = |link_id: &str| items.iter().any(|item| self.form.items[*item].link_id == link_id);
            for (place, link_id, json) in &self.answers.kept.items {
                if place.as_ref() == within && !is_here(link_id) {
                    separate(writer, start);
                    writer.text.push_str(json);
                }
            }
        }
        if writer.text.len() == start {
            writer.text.truncate(before);
            return false;
        }
        writer.text.push(']');
        true
    }

    /// One item, a group as often as it is there. False if nothing of it was written.
    fn item(&self, item: usize, at: &[u16], writer: &mut Writer) -> bool {
        let asked = &self.form.items[item];
        let place = (item, at.to_vec());
        if !self.now.enabled.contains(&place) || asked.kind == Kind::Display {
            return false;
        }
        let first = writer.text.len();
        let open = |writer: &mut Writer| {
            if !writer.text.ends_with('[') {
                writer.text.push(',');
            }
            let start = writer.text.len();
            writer.text.push_str(&format!("{{\"linkId\":{}", quote(&asked.link_id)));
            if !asked.text.own.is_empty() && !self.is_whole {
                writer.text.push_str(&format!(",\"text\":{}", quote(&asked.text.own)));
            }
            start
        };
        if asked.kind == Kind::Group {
            for inner in instances(self.form, self.answers, item, at) {
                let before = writer.text.len();
                let start = open(writer);
                let within = (item, inner.clone());
                let has = self.members(&asked.children, &inner, Some(&within), true, writer);
                if has || self.is_whole {
                    writer.text.push('}');
                    writer.starts.insert(within, start);
                } else {
                    writer.text.truncate(before);
                }
            }
            return writer.text.len() > first;
        }
        let said = said_at(self.form, self.answers, self.now, &place, self.zone);
        open(writer);
        writer.text.push_str(",\"answer\":[");
        let start = writer.text.len();
        for (index, said) in said.iter().enumerate() {
            separate(writer, start);
            let (member, value) = said.member(asked.kind);
            writer.text.push_str(&format!("{{\"{member}\":{value}"));
            // What is asked below a question stands at its first answer.
            if index == 0 {
                self.members(&asked.children, at, Some(&place), true, writer);
            }
            writer.text.push('}');
        }
        if said.is_empty() {
            writer.text.push('{');
            if self.members(&asked.children, at, Some(&place), false, writer) {
                writer.text.push('}');
            } else {
                writer.text.truncate(first);
                return false;
            }
        }
        writer.text.push_str("]}");
        true
    }
}

fn separate(writer: &mut Writer, start: usize) {
    if writer.text.len() > start && !writer.text.ends_with('[') {
        writer.text.push(',');
    }
}

/// The answers of a response, to show or edit them. What the form does not know, or asks in another way now, is kept and
/// stands in what is saved of them again.
///
/// # Errors
/// [`FormError::Syntax`], [`FormError::NotAQuestionnaire`] if it is no QuestionnaireResponse, [`FormError::TooLarge`].
pub fn answers_of(form: &Form, response: &[u8]) -> Result<Answers, FormError> {
    if response.len() > FORM_BYTES_MAX {
        return Err(FormError::TooLarge);
    }
    let root = json::parse_object(response)?;
    if root.get_str("resourceType").as_deref() != Some("QuestionnaireResponse") {
        return Err(FormError::NotAQuestionnaire);
    }
    let mut answers = Answers::default();
    let others = root.members().iter().filter(|member| !OWN.contains(&&*member.key) && member.key != "meta");
    let members = others.map(|member| (member.key.clone().into_owned(), member.value.text.to_owned())).collect();
    answers.kept = Kept { members, items: Vec::new() };
    take(form, &mut answers, &root, None, &[]);
    Ok(answers)
}

/// Takes the items that stand in a node, `within` an item of the form.
fn take(form: &Form, answers: &mut Answers, node: &Node<'_>, within: Option<&Place>, at: &[u16]) {
    for item in node.get("item").map_or(&[][..], Node::items) {
        let link_id = item.get_str("linkId").map(|text| text.into_owned()).unwrap_or_default();
        let known = form.by_link_id.get(&link_id).copied();
        let is_here = known.is_some_and(|known| form.items[known].parent == within.map(|(parent, _)| *parent));
        if !is_here || !known.is_some_and(|known| take_item(form, answers, item, known, at)) {
            answers.kept.items.push((within.cloned(), link_id, item.text.to_owned()));
        }
    }
}

/// Takes one item. False if it does not fit the form.
fn take_item(form: &Form, answers: &mut Answers, node: &Node<'_>, item: usize, at: &[u16]) -> bool {
    let asked = &form.items[item];
    let place = (item, at.to_vec());
    if asked.kind == Kind::Group {
        let mut inner = at.to_vec();
        if asked.repeats {
            let count = if answers.has(&place) { answers.count(&place) } else { 0 };
            if !answers.raise(place, count + 1) {
                return false;
            }
            inner.push(count as u16);
        } else if node.get("answer").is_some() {
            return false;
        }
        take(form, answers, node, Some(&(item, inner.clone())), &inner);
        return true;
    }
    if asked.calculation.is_some() {
        return true;
    }
    let mut cells = Vec::new();
    let said = node.get("answer").map_or(&[][..], Node::items);
    for answer in said {
        let value =
            answer.members().iter().find_map(|member| Said::of(member.key.strip_prefix("value")?, &member.value));
        match value.map(|value| cell_of(asked, &value)) {
            Some(Some(cell)) => cells.push(cell),
            None if answer.get("item").is_some() => {}
            _ => return false,
        }
    }
    if cells.len() > asked.answers_max() || answers.cells.contains_key(&place) {
        return false;
    }
    if !cells.is_empty() {
        answers.cells.insert(place.clone(), cells);
    }
    for answer in said {
        take(form, answers, answer, Some(&place), at);
    }
    take(form, answers, node, Some(&place), at);
    true
}

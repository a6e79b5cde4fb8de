//! Walking through a triage table in big buttons: one question a page, each answer a plain form.
//!
//! What was answered travels in the form, as codes; the colour is worked out here every time. It may be set at once, and
//! another than the table's may be given with a reason.

use sanad_record::triage::{self, Answer, Colour, Step, Tool, Tree, WalkError};

use crate::pages::Posted;
use crate::text::Voice;

/// How far somebody has got.
pub(crate) struct Walk {
    pub tool: Tool,
    /// Questions and choices, in their order.
    answers: Vec<(String, String)>,
}

/// What stands on the screen.
pub(crate) struct WalkView {
    pub tool: &'static str,
    pub tool_name: String,
    /// The answers so far, as the form carries them.
    pub answers: Vec<String>,
    /// The same in words: question and choice.
    pub trail: Vec<(String, String)>,
    /// The question that waits, and its choices: value and words.
    pub question: Option<(String, Vec<(String, String)>)>,
    /// The colour, once it is found, and whether somebody senior has to look.
    pub colour: Option<(Colour, bool)>,
    /// Where the table comes from, while nobody has verified it.
    pub unverified: Option<String>,
}

impl Walk {
    /// What a form says of a walk; nothing if it names no tool. The last answer is the button that was pressed; `back`
    /// takes one answer back.
    pub(crate) fn posted(posted: &Posted) -> Option<Walk> {
        let tool = Tool::of_code(posted.field("tool"))?;
        let given = posted.all("why").chain(posted.all("answer")).filter_map(|text| text.split_once('/'));
        let mut answers: Vec<_> = given.map(|(question, choice)| (question.to_owned(), choice.to_owned())).collect();
        answers.truncate(triage::ANSWERS_MAX);
        if !posted.field("back").is_empty() {
            answers.pop();
        }
        Some(Walk { tool, answers })
    }

    /// The answers, as the record takes them.
    pub(crate) fn answers(&self) -> Vec<Answer<'_>> {
        self.answers.iter().map(|(question, choice)| (question.as_str(), choice.as_str())).collect()
    }

    /// Where the answers lead. Answers that are none of ours begin anew.
    pub(crate) fn view(&self, v: &Voice) -> WalkView {
        let step: Result<Step, WalkError> = triage::walk(self.tool, &self.answers());
        let (answers, step) = match step {
            Ok(step) => (self.answers.as_slice(), step),
            Err(_) => (&[][..], triage::walk(self.tool, &[]).unwrap_or_else(|_| first_question(self.tool))),
        };
        let words = |(question, choice): &(String, String)| (question_words(v, question), choice_words(v, choice));
        let (question, colour) = match step {
            Step::Question(question) => {
                let choice =
                    |choice: &triage::Choice| (format!("{}/{}", question.id, choice.id), choice_words(v, choice.id));
                (Some((question_words(v, question.id), question.choices.iter().map(choice).collect())), None)
            }
            Step::Leaf { colour, review, .. } => (None, Some((colour, review))),
        };
        let sheet = &Tree::of(self.tool).sheet;
        WalkView {
            tool: self.tool.code(),
            tool_name: tool_words(v, self.tool),
            answers: answers.iter().map(|(question, choice)| format!("{question}/{choice}")).collect(),
            trail: answers.iter().map(words).collect(),
            question,
            colour,
            unverified: (!sheet.is_verified()).then(|| v.with("triage-unverified", "source", sheet.source)),
        }
    }
}

fn first_question(tool: Tool) -> Step {
    Step::Question(&Tree::of(tool).questions[0])
}

pub(crate) fn question_words(v: &Voice, id: &str) -> String {
    v.known(&format!("tq-{id}")).unwrap_or_else(|| id.to_owned())
}

pub(crate) fn choice_words(v: &Voice, id: &str) -> String {
    v.known(&format!("tc-{id}")).unwrap_or_else(|| id.to_owned())
}

pub(crate) fn tool_words(v: &Voice, tool: Tool) -> String {
    v.t(&format!("tool-{}", tool.code()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    #[test]
    fn every_question_and_choice_of_every_table_has_words_in_both_languages() {
        for lang in [Lang::Ar, Lang::En] {
            let v = voice(lang);
            for tool in Tool::ALL {
                assert!(v.known(&format!("tool-{}", tool.code())).is_some());
                for question in &Tree::of(tool).questions {
                    assert!(v.known(&format!("tq-{}", question.id)).is_some(), "{}", question.id);
                    for choice in &question.choices {
                        assert!(v.known(&format!("tc-{}", choice.id)).is_some(), "{}", choice.id);
                    }
                }
            }
        }
    }

    #[test]
    fn every_leaf_of_every_table_is_reached_by_its_buttons() {
        let v = voice(Lang::En);
        for tool in Tool::ALL {
            for path in triage::leaves(tool) {
                let mut walk = Walk { tool, answers: Vec::new() };
                for (question, choice) in &path.answers {
                    let view = walk.view(&v);
                    let (_, choices) = view.question.expect("a question waits");
                    let value = format!("{question}/{choice}");
                    assert!(choices.iter().any(|(offered, _)| *offered == value), "{value}");
                    walk.answers.push(((*question).to_owned(), (*choice).to_owned()));
                }
                assert_eq!(walk.view(&v).colour, Some((path.leaf.colour, path.leaf.review)));
            }
        }
    }

    #[test]
    fn answers_that_are_none_of_ours_begin_anew() {
        let walk = Walk { tool: Tool::Start, answers: vec![("walks".to_owned(), "<b>".to_owned())] };
        let view = walk.view(&voice(Lang::Ar));
        assert!(view.answers.is_empty() && view.question.is_some());
    }
}

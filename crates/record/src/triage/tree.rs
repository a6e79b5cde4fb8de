//! The decision trees, read from their tables, and walking them.

use std::sync::OnceLock;

use super::{ANSWERS_MAX, Answer, Colour, Tool};
use crate::sheet::{Sheet, rows};

const TABLES: [(Tool, &str); 4] = [
    (Tool::Start, include_str!("../../data/triage/start-v1.txt")),
    (Tool::JumpStart, include_str!("../../data/triage/jumpstart-v1.txt")),
    (Tool::IittAdult, include_str!("../../data/triage/iitt-12-and-over-v1.txt")),
    (Tool::IittChild, include_str!("../../data/triage/iitt-under-12-v1.txt")),
];

/// The decision tree of one tool.
#[derive(Debug)]
pub struct Tree {
    /// Which tool.
    pub tool: Tool,
    /// The version of the table, for whoever keeps what was decided by it.
    pub version: u32,
    /// Where the table comes from, and whether it was verified.
    pub sheet: Sheet,
    /// The ages it serves, in months: the first, and the first that is too old if there is one.
    pub serves_months: (u32, Option<u32>),
    /// The questions in the order of the table; the first is the root.
    pub questions: Vec<Question>,
}

/// One question. Its id is stable and names the message that asks it.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// The id, unique in its tree.
    pub id: &'static str,
    /// The choices in the order of the table, at least two.
    pub choices: Vec<Choice>,
}

/// One answer that a question may have.
#[derive(Debug, PartialEq, Eq)]
pub struct Choice {
    /// The id, unique in its question: `yes`, `no`, or a sign.
    pub id: &'static str,
    /// Where it leads.
    pub next: Next,
}

/// Where a choice leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// To the question at this place of [`Tree::questions`], always further down.
    Ask(usize),
    /// To a colour.
    Leaf(Leaf),
}

/// The end of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The colour.
    pub colour: Colour,
    /// Whether a supervising clinician has to look at once and may raise the colour (IITT, high-risk vital signs).
    pub review: bool,
}

/// How far the answers lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// To this question, which waits for an answer.
    Question(&'static Question),
    /// To a colour.
    Leaf {
        /// The colour.
        colour: Colour,
        /// As [`Leaf::review`].
        review: bool,
        /// Which answers led there, in their order.
        why: Vec<Answer<'static>>,
    },
}

/// Why answers are no way through a tree. `at` counts the answers from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WalkError {
    /// More than [`ANSWERS_MAX`] answers.
    #[error("there are more than {ANSWERS_MAX} answers")]
    TooMany,
    /// The answer is to a question that is not asked there.
    #[error("answer {at} is to a question that is not asked there")]
    Question {
        /// Which answer.
        at: usize,
    },
    /// The question has no such choice.
    #[error("answer {at} is no choice of its question")]
    Choice {
        /// Which answer.
        at: usize,
    },
    /// The colour was found before this answer.
    #[error("answer {at} comes behind the colour")]
    Beyond {
        /// Which answer.
        at: usize,
    },
}

/// One way from the first question to a colour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// The answers, in their order.
    pub answers: Vec<Answer<'static>>,
    /// Where they lead.
    pub leaf: Leaf,
}

impl Tree {
    /// The tree of a tool, read once.
    pub fn of(tool: Tool) -> &'static Tree {
        static TREES: OnceLock<Vec<Tree>> = OnceLock::new();
        let trees = TREES.get_or_init(|| TABLES.into_iter().map(|(tool, table)| Tree::read(tool, table)).collect());
        // One tree for each tool, in the order of `Tool`; a test holds it.
        &trees[tool as usize]
    }

    /// Reads a table. It is compiled in and a test reads every row of it, so a row that is not understood is passed over.
    pub(super) fn read(tool: Tool, table: &'static str) -> Tree {
        let asked: Vec<&str> =
            rows(table).filter_map(|row| if let ["ask", id] = row[..] { Some(id) } else { None }).collect();
        let mut tree = Tree {
            tool,
            version: 1,
            sheet: Sheet::read(table),
            serves_months: (0, None),
            questions: Vec::with_capacity(asked.len()),
        };
        for row in rows(table) {
            let next = match row[..] {
                ["serves-months", from, until] => {
                    tree.serves_months = (from.parse().unwrap_or(0), until.parse().ok());
                    continue;
                }
                ["ask", id] => {
                    tree.questions.push(Question { id, choices: Vec::new() });
                    continue;
                }
                // Only further down: so no walk comes by a question twice.
                [_, "ask", id] => {
                    let place = asked.iter().position(|asked| *asked == id);
                    place.filter(|place| *place >= tree.questions.len()).map(Next::Ask)
                }
                [_, "leaf", colour] => Colour::of_code(colour).map(|colour| Next::Leaf(Leaf { colour, review: false })),
                [_, "leaf", colour, "review"] => {
                    Colour::of_code(colour).map(|colour| Next::Leaf(Leaf { colour, review: true }))
                }
                _ => None,
            };
            if let (Some(next), Some(question)) = (next, tree.questions.last_mut()) {
                question.choices.push(Choice { id: row[0], next });
            }
        }
        tree
    }

    /// The question of this id.
    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }
}

/// Follows answers from the first question of a tool.
///
/// The answers come in the order in which the tree asks. None at all leads to the first question.
///
/// # Errors
/// [`WalkError`], which names the first answer that does not belong there.
pub fn walk(tool: Tool, answers: &[Answer<'_>]) -> Result<Step, WalkError> {
    if answers.len() > ANSWERS_MAX {
        return Err(WalkError::TooMany);
    }
    let tree = Tree::of(tool);
    let mut question = &tree.questions[0];
    let mut why = Vec::with_capacity(answers.len());
    for (at, (asked, chosen)) in answers.iter().enumerate() {
        if question.id != *asked {
            return Err(WalkError::Question { at });
        }
        let choice = question.choices.iter().find(|choice| choice.id == *chosen).ok_or(WalkError::Choice { at })?;
        why.push((question.id, choice.id));
        match choice.next {
            Next::Ask(place) => question = &tree.questions[place],
            Next::Leaf(_) if at + 1 < answers.len() => return Err(WalkError::Beyond { at: at + 1 }),
            Next::Leaf(Leaf { colour, review }) => return Ok(Step::Leaf { colour, review, why }),
        }
    }
    Ok(Step::Question(question))
}

/// Every way through the tree of a tool, in the order of its table.
pub fn leaves(tool: Tool) -> impl Iterator<Item = Path> {
    let tree = Tree::of(tool);
    // What is still to be followed, the next one last.
    let mut open: Vec<(Vec<Answer<'static>>, Next)> = vec![(Vec::new(), Next::Ask(0))];
    std::iter::from_fn(move || {
        loop {
            let (answers, next) = open.pop()?;
            let place = match next {
                Next::Leaf(leaf) => return Some(Path { answers, leaf }),
                Next::Ask(place) => place,
            };
            let question = &tree.questions[place];
            for choice in question.choices.iter().rev() {
                let mut answers = answers.clone();
                answers.push((question.id, choice.id));
                open.push((answers, choice.next));
            }
        }
    })
}

//! A Questionnaire as a tree that cannot be wrong.

use super::said::{Said, Unit};
use crate::fhirpath::{Decimal, Expr};
use crate::json::SyntaxError;
use std::collections::BTreeMap;

/// Why a Questionnaire is no form here. Names are of the form, which holds no patient.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// No JSON.
    #[error("{0}")]
    Syntax(#[from] SyntaxError),
    /// Another resource.
    #[error("not a Questionnaire")]
    NotAQuestionnaire,
    /// An item has no linkId, or an empty one.
    #[error("an item has no linkId")]
    NoLinkId,
    /// Two items have one linkId.
    #[error("the linkId {0} stands twice")]
    DuplicateLinkId(String),
    /// A type that R4 does not have.
    #[error("the item {0} has a type that is not known")]
    UnknownType(String),
    /// `enableWhen` asks for an item that is not there.
    #[error("the item {item} depends on {question}, which is not there")]
    UnknownQuestion {
        /// The item.
        item: String,
        /// What it asks for.
        question: String,
    },
    /// `enableWhen` has no operator or no answer that can be compared.
    #[error("the condition of the item {0} is not understood")]
    Condition(String),
    /// Items that depend on each other in a circle, in order; one alone depends on itself.
    #[error("the form refers to itself: {}", .0.join(" needs "))]
    Circle(Vec<String>),
    /// A calculation that is not understood.
    #[error("the calculation of {item}: {why}")]
    Calculation {
        /// The item, or the variable.
        item: String,
        /// What is not understood.
        why: String,
    },
    /// What would change what the form asks and is not supported.
    #[error("the item {item} uses {what}, which is not supported")]
    Unsupported {
        /// The item.
        item: String,
        /// What it uses.
        what: String,
    },
    /// More than [`super::ITEMS_MAX`] items, deeper than [`super::DEPTH_MAX`], or longer than can be read.
    #[error("the form is too large or nested too deep")]
    TooLarge,
}

/// The type of an item (R4, `item-type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are those of R4")]
pub enum Kind {
    Group,
    Display,
    Boolean,
    Decimal,
    Integer,
    Date,
    DateTime,
    Time,
    String,
    Text,
    Url,
    Choice,
    OpenChoice,
    Attachment,
    Reference,
    Quantity,
}

/// A text and its translations.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Text {
    pub(super) own: String,
    pub(super) own_language: String,
    pub(super) others: Vec<(String, String)>,
}

impl Text {
    /// In that language (`ar`, `en`), else as the form says it.
    pub fn of(&self, language: &str) -> &str {
        fn primary(tag: &str) -> &str {
            tag.split('-').next().unwrap_or(tag)
        }
        if primary(&self.own_language) == primary(language) {
            return &self.own;
        }
        let exact = self.others.iter().find(|(tag, _)| tag == language);
        let near = || self.others.iter().find(|(tag, _)| primary(tag) == primary(language));
        exact.or_else(near).map_or(&self.own, |(_, text)| text)
    }
}

/// How a condition compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Operator {
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

pub(super) struct Condition {
    pub(super) question: usize,
    pub(super) operator: Operator,
    pub(super) answer: Said,
}

/// One thing to choose.
pub(super) struct Choice {
    /// What a page posts for it.
    pub(super) token: String,
    pub(super) label: Text,
    pub(super) said: Said,
    pub(super) is_initial: bool,
}

pub(super) struct Variable {
    pub(super) name: String,
    pub(super) expression: Expr,
    /// The item that says it; `None` for the form itself.
    pub(super) at: Option<usize>,
}

/// An item, its place in the tree, and what its extensions say.
pub(super) struct Item {
    pub(super) link_id: String,
    pub(super) kind: Kind,
    pub(super) text: Text,
    pub(super) prefix: String,
    pub(super) help: Vec<Text>,
    pub(super) parent: Option<usize>,
    pub(super) children: Vec<usize>,
    pub(super) depth: usize,
    pub(super) required: bool,
    pub(super) repeats: bool,
    pub(super) read_only: bool,
    pub(super) hidden: bool,
    /// A display that is the help of what it stands in.
    pub(super) is_help: bool,
    pub(super) control: String,
    pub(super) length_max: Option<usize>,
    pub(super) decimals_max: Option<u32>,
    pub(super) least: Option<Said>,
    pub(super) most: Option<Said>,
    pub(super) occurs_max: Option<usize>,
    pub(super) units: Vec<Unit>,
    pub(super) choices: Vec<Choice>,
    pub(super) initial: Vec<Said>,
    pub(super) conditions: Vec<Condition>,
    pub(super) needs_all: bool,
    pub(super) calculation: Option<Expr>,
    /// How many calculations have to be done up to this one.
    pub(super) rank: u32,
    pub(super) extracts: bool,
    /// The codes of the question, each as JSON.
    pub(super) codes: Vec<String>,
}

impl Item {
    /// True for a group that may be there several times.
    pub(super) fn is_repeating_group(&self) -> bool {
        self.kind == Kind::Group && self.repeats
    }

    /// True if a page can ask for it.
    pub(super) fn is_asked(&self) -> bool {
        !matches!(self.kind, Kind::Group | Kind::Display | Kind::Attachment | Kind::Reference)
    }

    /// True if its answers are picked from a list.
    pub(super) fn is_choice(&self) -> bool {
        !self.choices.is_empty()
    }

    pub(super) fn answers_max(&self) -> usize {
        if !self.repeats {
            return 1;
        }
        self.occurs_max.unwrap_or(super::REPETITIONS_MAX).clamp(1, super::REPETITIONS_MAX)
    }
}

/// A form. Made by [`Form::read`]; everything in it is bounded and refers to what is there.
pub struct Form {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) version: String,
    pub(super) title: Text,
    pub(super) description: Text,
    pub(super) copyright: Text,
    pub(super) verified: Option<String>,
    /// In the order of the document, what stands in an item behind it.
    pub(super) items: Vec<Item>,
    pub(super) by_link_id: BTreeMap<String, usize>,
    /// The items so that each comes after all that it depends on.
    pub(super) order: Vec<usize>,
    pub(super) variables: Vec<Variable>,
}

impl Form {
    /// Its name.
    pub fn title(&self, language: &str) -> &str {
        self.title.of(language)
    }

    /// What it is for.
    pub fn description(&self, language: &str) -> &str {
        self.description.of(language)
    }

    /// Where it is from, its edition, its licence.
    pub fn copyright(&self, language: &str) -> &str {
        self.copyright.of(language)
    }

    /// Who has verified what it asks and calculates, and when: the code of a `meta.tag` of the system
    /// `urn:sanad:verified`. `None` if nobody has, or it says `no`; then a page says so.
    pub fn verified(&self) -> Option<&str> {
        self.verified.as_deref()
    }

    /// The id of the resource; may be empty.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `url|version`, as a QuestionnaireResponse names it. Empty if the form says no url.
    pub fn canonical(&self) -> String {
        if self.url.is_empty() || self.version.is_empty() {
            return self.url.clone();
        }
        format!("{}|{}", self.url, self.version)
    }

    /// How many items it has.
    pub fn items_count(&self) -> usize {
        self.items.len()
    }

    /// The label of an item.
    pub fn label(&self, link_id: &str, language: &str) -> Option<&str> {
        self.by_link_id.get(link_id).map(|at| self.items[*at].text.of(language))
    }

    /// The repeating groups around an item, outermost first.
    pub(super) fn repeating_around(&self, item: usize) -> Vec<usize> {
        let mut around: Vec<usize> = self.ancestors(item).filter(|at| self.items[*at].is_repeating_group()).collect();
        around.reverse();
        around
    }

    pub(super) fn ancestors(&self, item: usize) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.items[item].parent, |at| self.items[*at].parent)
    }

    pub(super) fn top(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.items.len()).filter(|at| self.items[*at].parent.is_none())
    }
}

/// A bound of decimals, as the extension says it.
pub(super) fn small(number: Option<Decimal>) -> Option<u32> {
    number.and_then(|number| number.to_string().parse().ok())
}

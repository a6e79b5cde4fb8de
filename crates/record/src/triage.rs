//! Sorting casualties: the decision trees of START, JumpSTART and IITT as data, and what was decided as FHIR.
//!
//! # What this module promises
//! - A tree is walked from its first question to a colour by answers in its own order; an answer that does not belong
//!   there is a typed error, never another colour. Test: `tests::every_leaf_of_every_tree_is_reached_by_its_answers`.
//! - Every tree is finite: a choice leads to a question further down its file or to a colour.
//! - The colour that a person gives counts, whatever the tree says; against the tree it needs a reason, which is kept.
//! - Sanad sorts nobody: it shows the questions and keeps the trail. [`Tree::sheet`] says whether a clinician has signed
//!   the table, and the screen says so too.
//!
//! The tables are in `data/triage`, each with its source (standards §3). A table is never changed once it was used: a
//! version with other questions gets a file of its own, and an Observation says by which version it was decided.

mod judge;
mod observation;
mod tree;

pub use judge::{Judgement, Outcome, Spread, judge, judgement_sheet, spread};
pub use observation::{NewTriage, REASON_CHARS_MAX, Triage, TriageError, history, observation, read};
pub use tree::{Choice, Leaf, Next, Path, Question, Step, Tree, WalkError, leaves, walk};

/// The system of all codes here: colours, tools, questions and choices.
pub const SYSTEM: &str = "urn:sanad:triage";

/// Most answers on a way to a colour; the longest way through any table is a third of it.
pub const ANSWERS_MAX: usize = 40;

/// A question's id and the id of the choice that was taken.
pub type Answer<'a> = (&'a str, &'a str);

/// The tables that colours are found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tool {
    /// START, at the gate.
    Start,
    /// JumpSTART, at the gate, for who looks like a child.
    JumpStart,
    /// IITT, inside a facility, 12 years and over.
    IittAdult,
    /// IITT, inside a facility, under 12 years.
    IittChild,
}

/// Where a tool is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// The first sort of a mass casualty incident: START and JumpSTART.
    Gate,
    /// Inside a facility, every day as well: IITT.
    Facility,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 4] = [Tool::Start, Tool::JumpStart, Tool::IittAdult, Tool::IittChild];

    /// The code in [`SYSTEM`], in addresses and in the names of messages.
    pub fn code(self) -> &'static str {
        match self {
            Tool::Start => "start",
            Tool::JumpStart => "jumpstart",
            Tool::IittAdult => "iitt-12-and-over",
            Tool::IittChild => "iitt-under-12",
        }
    }

    /// The tool of this code.
    pub fn of_code(code: &str) -> Option<Tool> {
        Tool::ALL.into_iter().find(|tool| tool.code() == code)
    }

    /// Where it is used.
    pub fn setting(self) -> Setting {
        match self {
            Tool::Start | Tool::JumpStart => Setting::Gate,
            Tool::IittAdult | Tool::IittChild => Setting::Facility,
        }
    }

    /// The tool of a setting that serves an age in months, by the tables. Of an age that nobody knows it is the one for
    /// adults; the screen offers both, since "looks like a child" is decided by eye.
    pub fn serving(setting: Setting, age_months: Option<u32>) -> Tool {
        let serves = |tool: &Tool| {
            let (from, until) = Tree::of(*tool).serves_months;
            age_months.map_or(until.is_none(), |age| age >= from && until.is_none_or(|until| age < until))
        };
        let of_setting = || Tool::ALL.into_iter().filter(move |tool| tool.setting() == setting);
        of_setting().find(serves).unwrap_or(match setting {
            Setting::Gate => Tool::Start,
            Setting::Facility => Tool::IittAdult,
        })
    }
}

/// The category that a casualty is sorted into.
///
/// Named by what it means: the hue and the words belong to the screen, which never shows the hue alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Colour {
    /// Red.
    Immediate,
    /// Yellow.
    Delayed,
    /// Green.
    Minor,
    /// Grey: not likely to live with what there is. Given by a person only; no tree here leads to it.
    Expectant,
    /// Black.
    Dead,
}

impl Colour {
    /// All of them, in the order of the board.
    pub const ALL: [Colour; 5] = [Colour::Immediate, Colour::Delayed, Colour::Minor, Colour::Expectant, Colour::Dead];

    /// The code in [`SYSTEM`].
    pub fn code(self) -> &'static str {
        match self {
            Colour::Immediate => "immediate",
            Colour::Delayed => "delayed",
            Colour::Minor => "minor",
            Colour::Expectant => "expectant",
            Colour::Dead => "dead",
        }
    }

    /// The colour of this code.
    pub fn of_code(code: &str) -> Option<Colour> {
        Colour::ALL.into_iter().find(|colour| colour.code() == code)
    }

    /// The place on the board, from 0: who is to be seen first stands first.
    pub fn order(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests;

//! The rows of a form as a page shows them: to be answered, or to be read.

use sanad_record::questionnaire::{Control, Field, Pick, Problem, Row};

use crate::moment::written;
use crate::text::Voice;

/// Which part of the template shows a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Group,
    End,
    Display,
    Line,
    Lines,
    Quantity,
    Radio,
    Checkbox,
    Select,
    Calculated,
    Add,
    Hidden,
    Unsupported,
}

impl Part {
    fn of(field: &Field) -> Part {
        match field {
            Field::GroupStart { .. } => Part::Group,
            Field::GroupEnd => Part::End,
            Field::Display => Part::Display,
            Field::Lines => Part::Lines,
            Field::Line | Field::Url | Field::Integer | Field::Decimal => Part::Line,
            Field::Date | Field::DateTime | Field::Time => Part::Line,
            Field::Quantity { .. } => Part::Quantity,
            Field::Boolean | Field::Choice { control: Control::Radio, .. } => Part::Radio,
            Field::Choice { control: Control::Checkbox, .. } => Part::Checkbox,
            Field::Choice { control: Control::Select, .. } => Part::Select,
            Field::Calculated { .. } => Part::Calculated,
            Field::Add => Part::Add,
            Field::Hidden => Part::Hidden,
            Field::Unsupported => Part::Unsupported,
        }
    }

    /// Whether something can be wrong there, and be said there.
    fn is_answered(self) -> bool {
        !matches!(self, Part::Group | Part::End | Part::Display | Part::Add | Part::Hidden)
    }
}

/// One row, flat, as the template takes it. No `Debug`: what was typed stands in it.
pub(super) struct QuestionView {
    /// Of the element, for labels and links.
    pub id: String,
    pub part: Part,
    pub name: String,
    pub label: String,
    pub help: Vec<String>,
    pub typed: String,
    pub required: bool,
    pub read_only: bool,
    /// Whether a group is one of several.
    pub repeats: bool,
    /// One sentence, at the field.
    pub problem: Option<String>,
    /// Options, or units.
    pub picks: Vec<Pick>,
    /// What else was written, where that is allowed.
    pub other: Option<String>,
    /// After the number.
    pub unit: String,
    /// How the field is written: an example.
    pub hint: Option<String>,
    pub input_mode: &'static str,
    /// Whether numbers and dates stand in it, which run from left to right.
    pub is_ltr: bool,
}

impl QuestionView {
    /// Whether an option is taken.
    pub(super) fn has_pick(&self) -> bool {
        self.picks.iter().any(|pick| pick.is_picked)
    }

    /// Which element says more of the field, if there is one.
    pub(super) fn described_by(&self) -> String {
        let problem = self.problem.as_ref().map(|_| format!("{}-problem", self.id));
        let help = (!self.help.is_empty() || self.hint.is_some()).then(|| format!("{}-help", self.id));
        [problem, help].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

/// Which questions a page asks, in few letters. What is typed, worked out or hidden makes no difference.
pub(super) fn fingerprint(rows: &[Row]) -> String {
    let mut hasher = blake3::Hasher::new();
    for row in rows.iter().filter(|row| Part::of(&row.field).is_answered()) {
        hasher.update(row.name.as_bytes()).update(&[0]);
    }
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The rows with what is wrong at each: what was found as it was to be saved, else what is wrong with what is typed.
pub(super) fn questions(v: &Voice, rows: Vec<Row>, problems: &[(String, Problem)]) -> Vec<QuestionView> {
    rows.into_iter().enumerate().map(|(at, row)| question(v, at, row, problems)).collect()
}

fn question(v: &Voice, at: usize, row: Row, problems: &[(String, Problem)]) -> QuestionView {
    let part = Part::of(&row.field);
    let found = problems.iter().find(|(name, _)| part.is_answered() && *name == row.name).map(|(_, problem)| problem);
    let problem = found.or(row.problem.as_ref()).map(|problem| sentence(v, problem));
    let hint = match row.field {
        Field::Date => Some(v.t("form-hint-date")),
        Field::DateTime => Some(v.t("form-hint-date-time")),
        Field::Time => Some(v.t("form-hint-time")),
        _ => None,
    };
    let input_mode = match row.field {
        Field::Integer => "numeric",
        Field::Decimal | Field::Quantity { .. } => "decimal",
        Field::Url => "url",
        _ => "text",
    };
    let label = label(v, &row);
    let repeats = matches!(row.field, Field::GroupStart { repetition: Some(_) });
    let (mut picks, mut other, mut unit) = (Vec::new(), None, String::new());
    match row.field {
        Field::Quantity { units } if units.len() == 1 => unit = units.into_iter().map(|unit| unit.label).collect(),
        Field::Quantity { units } => picks = units,
        Field::Choice { options, other: written, .. } => {
            picks = options;
            other = written;
        }
        Field::Calculated { unit: of } => unit = of,
        Field::Boolean => picks = yes_or_no(v, &row.typed),
        _ => {}
    }
    QuestionView {
        id: format!("q{at}"),
        part,
        name: row.name,
        label,
        help: row.help,
        typed: row.typed,
        required: row.is_required,
        read_only: row.is_read_only,
        repeats,
        problem,
        picks,
        other,
        unit,
        is_ltr: input_mode != "text" || hint.is_some(),
        hint,
        input_mode,
    }
}

/// The question as it is asked: with its number on paper, and which of several it is.
fn label(v: &Voice, row: &Row) -> String {
    let own = if row.label.is_empty() && Part::of(&row.field).is_answered() { &row.link_id } else { &row.label };
    let label = if row.prefix.is_empty() { own.clone() } else { format!("{} {own}", row.prefix) };
    let number = match row.field {
        Field::GroupStart { repetition } => repetition.unwrap_or(1),
        // The name ends with which answer it is, from 0.
        _ => row.name.rsplit(['@', '.']).next().and_then(|at| at.parse().ok()).map_or(1, |at: usize| at + 1),
    };
    match number {
        1 => label,
        number => v.with2("form-repetition", ("label", &label), ("number", &number.to_string())),
    }
}

fn yes_or_no(v: &Voice, typed: &str) -> Vec<Pick> {
    let pick = |token: &str, label| Pick { token: token.to_owned(), label, is_picked: typed.trim() == token };
    vec![pick("true", v.t("yes")), pick("false", v.t("no"))]
}

/// What is wrong, in one sentence.
fn sentence(v: &Voice, problem: &Problem) -> String {
    match problem.bound() {
        Some(bound) => v.with(problem.id(), "bound", &bound),
        None => v.t(problem.id()),
    }
}

/// One line of a form that was filled in. No `Debug`: it is patient text.
pub(super) enum Entry {
    /// What a group is called.
    Group(String),
    /// What the form says beside the answers.
    Said(String),
    /// A question and its answers.
    Answer { label: String, answers: Vec<String> },
}

/// What was answered, in the order of the form. Groups in which nothing was are left out.
pub(super) fn entries(v: &Voice, rows: Vec<Row>) -> Vec<Entry> {
    let mut made: Vec<Entry> = Vec::new();
    // Where each open group begins, and whether something was answered in it.
    let mut open: Vec<(usize, bool)> = Vec::new();
    for row in rows {
        match row.field {
            Field::GroupStart { .. } => {
                open.push((made.len(), false));
                made.push(Entry::Group(label(v, &row)));
            }
            Field::GroupEnd => {
                if let Some((start, false)) = open.pop() {
                    made.truncate(start);
                }
            }
            Field::Display if !row.label.is_empty() => made.push(Entry::Said(row.label)),
            _ => {
                let answers = answers(v, &row);
                if !answers.is_empty() {
                    open.iter_mut().for_each(|(_, has)| *has = true);
                    made.push(Entry::Answer { label: label(v, &row), answers });
                }
            }
        }
    }
    made
}

/// What was answered to one question; nothing of what is not asked.
fn answers(v: &Voice, row: &Row) -> Vec<String> {
    let picked = |picks: &[Pick]| -> Vec<String> {
        picks.iter().filter(|pick| pick.is_picked).map(|pick| pick.label.clone()).collect()
    };
    let typed = row.typed.trim();
    match &row.field {
        Field::Choice { options, other, .. } => {
            let other = other.iter().filter(|other| !other.trim().is_empty()).cloned();
            picked(options).into_iter().chain(other).collect()
        }
        Field::Hidden | Field::Add | Field::Display | Field::Unsupported => Vec::new(),
        _ if typed.is_empty() => Vec::new(),
        Field::Boolean => picked(&yes_or_no(v, typed)),
        Field::Quantity { units } => vec![[&[typed.to_owned()], &picked(units)[..]].concat().join(" ")],
        Field::Calculated { unit } if !unit.is_empty() => vec![format!("{typed} {unit}")],
        Field::Date | Field::DateTime => vec![written(v, typed)],
        _ => vec![typed.to_owned()],
    }
}

//! The rows of a form as a page shows them.

use sanad_record::questionnaire::{Control, Field, Pick, Problem, Row};

use crate::text::Voice;

/// One row, flat, as the template takes it. No `Debug`: what was typed stands in it.
pub(super) struct QuestionView {
    /// Of the element, for labels and links.
    pub id: String,
    /// Which part of the template shows it.
    pub kind: &'static str,
    pub name: String,
    pub label: String,
    pub help: Vec<String>,
    pub typed: String,
    pub required: bool,
    pub read_only: bool,
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

    /// What is shown of a field that is not asked.
    pub(super) fn shown(&self, v: &Voice) -> String {
        said(v, self.kind, &self.typed, &self.picks, self.other.as_deref())
    }
}

/// The rows with what is wrong at each: what was found as it was to be saved, else what is wrong with what is typed.
pub(super) fn questions(v: &Voice, rows: Vec<Row>, problems: &[(String, Problem)]) -> Vec<QuestionView> {
    rows.into_iter().enumerate().map(|(at, row)| question(v, at, row, problems)).collect()
}

fn question(v: &Voice, at: usize, row: Row, problems: &[(String, Problem)]) -> QuestionView {
    let kind = kind(&row.field);
    let is_field = !matches!(kind, "group" | "end" | "add" | "hidden");
    let found = problems.iter().find(|(name, _)| is_field && *name == row.name).map(|(_, problem)| problem);
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
    let is_ltr = input_mode != "text" || hint.is_some();
    let mut label = if row.prefix.is_empty() { row.label } else { format!("{} {}", row.prefix, row.label) };
    let (mut picks, mut other, mut unit) = (Vec::new(), None, String::new());
    match row.field {
        Field::GroupStart { repetition: Some(number) } => {
            label = v.with2("form-repetition", ("label", &label), ("number", &number.to_string()));
        }
        Field::Quantity { units } if units.len() == 1 => unit = units.into_iter().map(|unit| unit.label).collect(),
        Field::Quantity { units } => picks = units,
        Field::Choice { options, other: written, .. } => {
            picks = options;
            other = written;
        }
        Field::Calculated { unit: of } => unit = of,
        Field::Boolean => {
            let pick = |token: &str, label: String| Pick {
                token: token.to_owned(),
                label,
                is_picked: row.typed.trim() == token,
            };
            picks = vec![pick("true", v.t("yes")), pick("false", v.t("no"))];
        }
        _ => {}
    }
    let kind = match (kind, row.name.contains("@")) {
        // Only a group that repeats says that it is there.
        ("group", true) if label_repeats(&row.name, &picks) => kind,
        _ => kind,
    };
    QuestionView {
        id: format!("q{at}"),
        kind,
        name: row.name,
        label,
        help: row.help,
        typed: row.typed,
        required: row.is_required,
        read_only: row.is_read_only,
        problem,
        picks,
        other,
        unit,
        hint,
        input_mode,
        is_ltr,
    }
}

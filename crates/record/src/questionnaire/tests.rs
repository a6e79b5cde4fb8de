//! Forms from reading to Observations, and what is refused.

use super::*;
use crate::json;
use crate::validate::validate;

mod conditions;
mod hostile;
mod round;
mod shipped_forms;

fn form(text: &str) -> Result<Form, FormError> {
    Form::read(text.as_bytes())
}

/// A form of these items.
fn of_items(items: &str) -> Result<Form, FormError> {
    form(&format!(
        r#"{{"resourceType":"Questionnaire","status":"draft","url":"urn:f","version":"2","item":[{items}]}}"#
    ))
}

fn filled(form: &Form, pairs: &[(&str, &str)]) -> Answers {
    let pairs: Vec<_> = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    fill(form, &pairs)
}

fn about() -> About<'static> {
    About {
        id: "r1",
        subject: "Patient/p1",
        encounter: Some("Encounter/e1"),
        author: "Cedar 4",
        authored: "2018-02-18T14:05:00+02:00",
    }
}

fn row<'r>(rows: &'r [Row], name: &str) -> &'r Row {
    rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

fn asked(form: &Form, answers: &Answers) -> Vec<String> {
    let shown = rows(form, answers, "en").into_iter();
    shown
        .filter(|row| !matches!(row.field, Field::Hidden | Field::GroupEnd | Field::Add))
        .map(|row| row.link_id)
        .collect()
}

fn legal(text: &str) {
    let node = json::parse_object(text.as_bytes()).expect("JSON");
    let issues: Vec<_> = validate(&node).into_iter().map(|issue| format!("{}: {}", issue.path, issue.what)).collect();
    assert_eq!(issues, Vec::<String>::new());
}

fn saved(form: &Form, answers: &Answers) -> String {
    let text = response(form, answers, &about()).unwrap_or_else(|problems| panic!("{problems:?}"));
    legal(&text);
    text
}

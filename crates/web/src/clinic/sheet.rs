//! A form as it stands on the screen: what was typed, and one sentence at each field that needs it.

use std::collections::BTreeMap;

use crate::pages::Posted;

/// What a form shows again when it could not be saved. Before it is posted it shows what it was opened with.
#[derive(Default)]
pub(crate) struct Sheet {
    typed: BTreeMap<String, String>,
    problems: BTreeMap<String, String>,
}

impl Sheet {
    /// What was posted; a field that was sent more than once by its first value.
    pub(crate) fn of(posted: &Posted) -> Sheet {
        let mut typed = BTreeMap::new();
        for (name, value) in posted.fields() {
            typed.entry(name.clone()).or_insert_with(|| value.clone());
        }
        Sheet { typed, problems: BTreeMap::new() }
    }

    /// What a field begins with.
    pub(crate) fn begin(&mut self, name: &str, value: impl Into<String>) {
        self.typed.insert(name.to_owned(), value.into());
    }

    /// What stands in a field; empty if nothing does.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.typed.get(name).map_or("", String::as_str)
    }

    /// What was typed, without the space around it; `None` if that is nothing.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        Some(self.value(name).trim()).filter(|text| !text.is_empty())
    }

    /// Whether this choice of a field is taken.
    pub(crate) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// Says at a field why the form was not saved. The first thing said of a field stays.
    pub(crate) fn refuse(&mut self, name: &str, said: impl Into<String>) {
        self.problems.entry(name.to_owned()).or_insert_with(|| said.into());
    }

    /// Takes a typed value, or says at its field why it cannot be taken.
    pub(crate) fn take<T, E>(
        &mut self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, E>,
        say: impl FnOnce(E) -> String,
    ) -> Option<T> {
        let text = self.text(name)?.to_owned();
        match read(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(name, say(error));
                None
            }
        }
    }

    /// Why a field was refused.
    pub(crate) fn problem(&self, name: &str) -> Option<&str> {
        self.problems.get(name).map(String::as_str)
    }

    /// Whether the form may be saved.
    pub(crate) fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_stays_and_the_first_thing_said_of_a_field_stays() {
        let mut sheet = Sheet::default();
        sheet.begin("age", " 4o ");
        assert_eq!(sheet.take("age", |text| text.parse::<u8>(), |_| "no number".to_owned()), None);
        sheet.refuse("age", "another reason");
        assert_eq!((sheet.value("age"), sheet.problem("age")), (" 4o ", Some("no number")));
        assert!(!sheet.is_sound());
        assert_eq!(sheet.take("none", |text| text.parse::<u8>(), |_| String::new()), None);
        assert_eq!(sheet.problem("none"), None);
    }
}

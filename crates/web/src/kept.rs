//! Forms that were sent on a locked screen, or stood half-typed on a page that cleared itself: kept in memory until their
//! person has typed the PIN, and for nobody else.
//!
//! They do not stand in the page of the lock: whoever takes the device sees nothing of what was typed.

use std::collections::VecDeque;

/// Forms kept at once; the oldest gives way. Each is bounded by [`crate::FORM_BYTES_MAX`], so all take four megabytes at most.
const FORMS_MAX: usize = 64;
/// How long one is kept: an operation, and the way back to the screen.
const KEPT_MS_MAX: u64 = 4 * 60 * 60 * 1000;

/// A form as it was sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct KeptForm {
    /// Where it was sent to: path and query.
    pub action: String,
    /// What was filled in, without the token that made it ours and without any PIN.
    pub fields: Vec<(String, String)>,
}

impl KeptForm {
    pub(crate) fn new(action: &str, fields: Vec<(String, String)>) -> KeptForm {
        let fields = fields.into_iter().filter(|(name, _)| name != "form" && !name.starts_with("pin")).collect();
        KeptForm { action: action.to_owned(), fields }
    }
}

/// All of them.
#[derive(Default)]
pub(crate) struct KeptForms(VecDeque<(String, String, u64, KeptForm)>);

impl KeptForms {
    /// Keeps a form of a person under a name that nobody can guess.
    pub(crate) fn keep(&mut self, name: String, person: String, form: KeptForm, now_ms: u64) {
        self.0.retain(|(_, _, at_ms, _)| now_ms.saturating_sub(*at_ms) < KEPT_MS_MAX);
        if self.0.len() >= FORMS_MAX {
            self.0.pop_front();
        }
        self.0.push_back((name, person, now_ms, form));
    }

    /// The form of that name, if it is this person's: then it is kept no more.
    pub(crate) fn take(&mut self, name: &str, person: &str, now_ms: u64) -> Option<KeptForm> {
        let at = self.0.iter().position(|(kept, of, at_ms, _)| {
            kept == name && of == person && now_ms.saturating_sub(*at_ms) < KEPT_MS_MAX
        })?;
        self.0.remove(at).map(|(_, _, _, form)| form)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_kept_for_its_person_once_and_not_for_ever() {
        let form = |text: &str| {
            let fields = [("form", "token"), ("pin-new", "271828"), ("text", text)];
            KeptForm::new("/asks", fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec())
        };
        let mut kept = KeptForms::default();
        kept.keep("a".to_owned(), "Heron".to_owned(), form("first"), 0);
        assert_eq!(kept.take("a", "Swift", 1), None, "another cannot send it in their name");
        assert_eq!(kept.take("b", "Heron", 1), None);
        let taken = kept.take("a", "Heron", 1).unwrap();
        assert_eq!(taken.fields, [("text".to_owned(), "first".to_owned())], "no token and no PIN");
        assert_eq!(kept.take("a", "Heron", 1), None);
        kept.keep("a".to_owned(), "Heron".to_owned(), form("late"), 0);
        assert_eq!(kept.take("a", "Heron", KEPT_MS_MAX), None);
        for number in 0..=FORMS_MAX {
            kept.keep(number.to_string(), "Heron".to_owned(), form("many"), 1);
        }
        assert!(kept.0.len() == FORMS_MAX && kept.take("0", "Heron", 1).is_none());
    }
}

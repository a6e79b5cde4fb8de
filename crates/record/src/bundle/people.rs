//! Whether two Patient resources can be one person: the last guard against putting one person's record on another's.

use std::collections::BTreeSet;

use crate::json::Node;
use crate::names::{latin_skeleton, name_key};

/// False only if the two are plainly two people: both have a name and not a word of it in common (in either script),
/// no identifier in common, and no date of birth that agrees. Anything else is for a person to judge.
///
/// It is not idle: among the published samples of International Patient Summaries, two documents about two people
/// carry the same `urn:uuid` (a template that was filled in twice).
pub(super) fn may_be_one_person(a: &Node<'_>, b: &Node<'_>) -> bool {
    let (names_a, names_b) = (name_words(a), name_words(b));
    let nameless = names_a.is_empty() || names_b.is_empty();
    nameless || !names_a.is_disjoint(&names_b) || !identifiers(a).is_disjoint(&identifiers(b)) || born_alike(a, b)
}

/// 1970 and 1970-05 may be the same date, known more or less exactly.
fn born_alike(a: &Node<'_>, b: &Node<'_>) -> bool {
    let (Some(a), Some(b)) = (a.get_str("birthDate"), b.get_str("birthDate")) else { return false };
    a.starts_with(&*b) || b.starts_with(&*a)
}

fn identifiers(patient: &Node<'_>) -> BTreeSet<(String, String)> {
    let identifiers = patient.get("identifier").map_or(&[][..], Node::items).iter();
    identifiers.filter_map(|id| Some((id.get_str("system")?.into_owned(), id.get_str("value")?.into_owned()))).collect()
}

/// The words of all names, each as key and as skeleton.
fn name_words(patient: &Node<'_>) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for name in patient.get("name").map_or(&[][..], Node::items) {
        let given = name.get("given").map_or(&[][..], Node::items).iter();
        for text in given.chain(name.get("family")).chain(name.get("text")).filter_map(Node::as_str) {
            words.extend(name_key(&text).split(' ').map(str::to_owned));
            // One consonant is too little to call two names one.
            words.extend(latin_skeleton(&text).split(' ').filter(|word| word.len() > 1).map(str::to_owned));
        }
    }
    words.remove("");
    words
}

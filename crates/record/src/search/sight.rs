//! What a search may look at, for whoever may not see everything.
//!
//! A condition on what a resource refers to, or on what refers to it, asks of those others; so do includes. Where whoever
//! searches may not see them, they are as if they were not there: an answer that depended on them would tell what they say.

use std::collections::BTreeMap;

/// How much of a type may be seen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen {
    /// All of it.
    All,
    /// What is about this patient, and what is about nobody.
    Chart(String),
}

impl Seen {
    /// Whether a resource about these patients may be seen.
    pub fn shows(&self, patients: &[String]) -> bool {
        match self {
            Seen::All => true,
            Seen::Chart(own) => patients.is_empty() || patients.contains(own),
        }
    }
}

/// What of each type may be seen; of a type that is not named, nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sight {
    /// By conditions.
    pub searched: BTreeMap<&'static str, Seen>,
    /// As what comes along.
    pub read: BTreeMap<&'static str, Seen>,
}

//! ABO and RhD groups, and what the records of one patient say of theirs.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use crate::names::text_key;
use crate::shape::{CannotWrite, LOINC, Stored, Writing, code_in, codings, is_type, list, text};

/// LOINC: ABO and Rh group in blood.
pub const GROUP_CODE: &str = "882-1";
/// The system of blood groups, whose codes are `O-` to `AB+`.
pub const GROUP_SYSTEM: &str = "urn:sanad:blood-group";
/// Longest text that can be a group, in characters.
const TYPED_CHARS_MAX: usize = 40;
/// Most Observations of one patient that are looked at.
const OBSERVATIONS_MAX: usize = 10_000;

/// An ABO group with RhD.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum BloodGroup {
    /// O RhD negative.
    ONegative,
    /// O RhD positive.
    OPositive,
    /// A RhD negative.
    ANegative,
    /// A RhD positive.
    APositive,
    /// B RhD negative.
    BNegative,
    /// B RhD positive.
    BPositive,
    /// AB RhD negative.
    AbNegative,
    /// AB RhD positive.
    AbPositive,
}

/// Why a text is not a group. Carries nothing of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAGroup {
    /// Neither A, B, AB nor O.
    #[error("not one of A, B, AB and O")]
    Abo,
    /// Neither positive nor negative, or both.
    #[error("RhD positive or negative is not said")]
    Rhd,
}

impl BloodGroup {
    /// Every group, in the order of the columns of the tables.
    pub const ALL: [BloodGroup; 8] = [
        BloodGroup::ONegative,
        BloodGroup::OPositive,
        BloodGroup::ANegative,
        BloodGroup::APositive,
        BloodGroup::BNegative,
        BloodGroup::BPositive,
        BloodGroup::AbNegative,
        BloodGroup::AbPositive,
    ];

    /// As it is written: `O-` to `AB+`. Also the code in [`GROUP_SYSTEM`].
    pub fn code(self) -> &'static str {
        match self {
            BloodGroup::ONegative => "O-",
            BloodGroup::OPositive => "O+",
            BloodGroup::ANegative => "A-",
            BloodGroup::APositive => "A+",
            BloodGroup::BNegative => "B-",
            BloodGroup::BPositive => "B+",
            BloodGroup::AbNegative => "AB-",
            BloodGroup::AbPositive => "AB+",
        }
    }

    /// Reads a group as people write it: `O+`, `o pos`, `AB Rh negative`, `0+`, `A موجب`, `أب سلبي`, the sign before or
    /// behind. One letter or sign too many, and it is none.
    ///
    /// # Errors
    /// [`NotAGroup`].
    pub fn parse(written: &str) -> Result<BloodGroup, NotAGroup> {
        if written.chars().nth(TYPED_CHARS_MAX).is_some() {
            return Err(NotAGroup::Abo);
        }
        let mut signs: Vec<bool> = Vec::new();
        let mut letters = String::new();
        for letter in written.chars() {
            let sign = match letter {
                '+' | '\u{fe62}' | '\u{ff0b}' => true,
                '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => false,
                letter => {
                    letters.push(letter);
                    continue;
                }
            };
            signs.push(sign);
            letters.push(' ');
        }
        let mut abo = None;
        for word in text_key(&letters).split(' ').filter(|word| !word.is_empty()) {
            match word {
                "rh" | "rhd" | "d" | "ve" | "group" | "type" | "زمره" | "الزمره" | "فصيله" | "عامل" | "ريزوس" =>
                    {}
                "positive" | "pos" | "موجب" | "موجبه" | "ايجابي" | "ايجابيه" => signs.push(true),
                "negative" | "neg" | "سالب" | "سالبه" | "سلبي" | "سلبيه" => signs.push(false),
                word => {
                    let (group, sign) = glued(word).ok_or(NotAGroup::Abo)?;
                    if abo.replace(group).is_some() {
                        return Err(NotAGroup::Abo);
                    }
                    signs.extend(sign);
                }
            }
        }
        let (abo, Some(&positive)) = (abo.ok_or(NotAGroup::Abo)?, signs.first()) else { return Err(NotAGroup::Rhd) };
        // "O-negative" says it twice; "O-positive" could be either.
        if signs.iter().any(|sign| *sign != positive) {
            return Err(NotAGroup::Rhd);
        }
        let found = BloodGroup::ALL.into_iter().find(|group| group.abo() == abo && group.is_positive() == positive);
        found.ok_or(NotAGroup::Abo)
    }

    /// The ABO group.
    pub fn abo(self) -> &'static str {
        self.code().trim_end_matches(['+', '-'])
    }

    /// RhD positive.
    pub fn is_positive(self) -> bool {
        self.code().ends_with('+')
    }

    pub(crate) fn concept(self) -> Value {
        json!({ "coding": [{ "system": GROUP_SYSTEM, "code": self.code() }], "text": self.code() })
    }

    /// Reads a concept: our code, else its text or what its codes are called.
    pub(crate) fn of_concept(concept: &Value) -> Option<BloodGroup> {
        if let Some(code) = code_in(Some(concept), GROUP_SYSTEM) {
            return BloodGroup::ALL.into_iter().find(|group| group.code() == code);
        }
        let displays = list(concept, "coding").iter().filter_map(|coding| text(coding, "display"));
        text(concept, "text").into_iter().chain(displays).find_map(|said| BloodGroup::parse(said).ok())
    }
}

/// A group and its sign in one word: `opos`, `abneg`, `o`.
fn glued(word: &str) -> Option<(&'static str, Option<bool>)> {
    let ends = [("positive", true), ("pos", true), ("negative", false), ("neg", false)];
    let split = ends.iter().find_map(|(end, sign)| Some((word.strip_suffix(end)?, Some(*sign))));
    let (group, sign) = split.unwrap_or((word, None));
    let abo = match group {
        "o" | "0" | "او" => "O",
        "a" | "ا" => "A",
        "b" | "ب" => "B",
        "ab" | "اب" => "AB",
        _ => return None,
    };
    Some((abo, sign))
}

impl fmt::Display for BloodGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// The Observation of a group.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign.
pub fn group_observation(writing: &Writing<'_>, group: BloodGroup) -> Result<Value, CannotWrite> {
    writing.check()?;
    let category = "http://terminology.hl7.org/CodeSystem/observation-category";
    let mut observation = json!({
        "resourceType": "Observation", "status": "final",
        "category": [{ "coding": [{ "system": category, "code": "laboratory" }] }],
        "code": crate::shape::concept(LOINC, GROUP_CODE, "ABO and Rh group"), "subject": writing.patient(),
    });
    writing.add_encounter(&mut observation, "encounter");
    observation["effectiveDateTime"] = writing.at().into();
    if let Some(who) = writing.who() {
        observation["performer"] = json!([who]);
    }
    observation["valueCodeableConcept"] = group.concept();
    Ok(observation)
}

/// What the records of one patient say of their group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Grouping {
    /// Nothing.
    NotKnown,
    /// One group.
    One {
        /// The group.
        group: BloodGroup,
        /// The Observations that say so.
        sources: Vec<String>,
    },
    /// Several. To be shown until it is settled: whoever was wrong takes back their Observation.
    Conflict(Vec<(BloodGroup, Vec<String>)>),
}

impl Grouping {
    /// The group to go by: none if there is a conflict.
    pub fn group(&self) -> Option<BloodGroup> {
        match self {
            Grouping::One { group, .. } => Some(*group),
            Grouping::NotKnown | Grouping::Conflict(_) => None,
        }
    }
}

/// What the Observations of one patient say of their group. Passes over others, and those written by mistake or
/// cancelled.
pub fn grouping(observations: &[Stored<'_>]) -> Grouping {
    let mut said: BTreeMap<BloodGroup, Vec<String>> = BTreeMap::new();
    for record in observations.iter().take(OBSERVATIONS_MAX) {
        if let Some(group) = observed(record.resource) {
            said.entry(group).or_default().push(record.id.to_owned());
        }
    }
    let mut said: Vec<_> = said.into_iter().collect();
    match said.len() {
        0 => Grouping::NotKnown,
        1 => said.pop().map_or(Grouping::NotKnown, |(group, sources)| Grouping::One { group, sources }),
        _ => Grouping::Conflict(said),
    }
}

fn observed(observation: &Value) -> Option<BloodGroup> {
    let taken_back = matches!(text(observation, "status"), Some("entered-in-error" | "cancelled"));
    let is_group = codings(observation.get("code")?).any(|coding| coding == (LOINC, GROUP_CODE));
    if !is_type(observation, "Observation") || taken_back || !is_group {
        return None;
    }
    match text(observation, "valueString") {
        Some(written) => BloodGroup::parse(written).ok(),
        None => BloodGroup::of_concept(observation.get("valueCodeableConcept")?),
    }
}

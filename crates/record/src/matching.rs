//! Whether two Patient resources may be one person: a first, honest score for the operation `Patient/$match`.
//!
//! Promises:
//! - **Never certain without an identifier in common**, and never with one if own name, sex or birth date speak against
//!   it: relatives share telephones, tents and family booklets.
//! - The score is the same whichever is compared with which, lies between 0 and 1, and nothing scores higher against a
//!   record than the record itself.
//! - It says what it goes by ([`Evidence`]), so that a person can judge. It decides nothing: two records become one only
//!   when somebody says so ([`crate::link`]).
//!
//! What it cannot do, and a test shows: names that only vowels tell apart (Hasan, Husayn) are one name across scripts. It
//! weighs no name by how common it is. The weights are in `data/matching-v1.txt` and are measured on nothing yet.
//!
//! Source of the grades: <http://terminology.hl7.org/CodeSystem/match-grade>; of the operation: R4
//! patient-operation-match.html.

mod compare;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;

const TABLE: &str = include_str!("../data/matching-v1.txt");

/// The version of the table of weights, for whoever keeps a score.
pub const TABLE_VERSION: u32 = 1;
/// The system of the codes of [`Grade`].
pub const GRADE_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/match-grade";
/// The most points, and what a point is a fraction of.
const POINTS_MAX: i32 = 1_000;

/// How sure it is that two records are one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grade {
    /// Little speaks for it, and own name, sex or birth date against it.
    CertainlyNot,
    /// It may be, however little speaks for it; also where nothing in the two can be compared.
    Possible,
    /// It probably is.
    Probable,
    /// It is, as far as records can say.
    Certain,
}

impl Grade {
    /// The code in [`GRADE_SYSTEM`].
    pub fn code(self) -> &'static str {
        match self {
            Grade::CertainlyNot => "certainly-not",
            Grade::Possible => "possible",
            Grade::Probable => "probable",
            Grade::Certain => "certain",
        }
    }
}

/// What was compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// `Patient.identifier`
    Identifier,
    /// The first given name.
    OwnName,
    /// The second given name, which in the Levant is the father's.
    FathersName,
    /// The family's name.
    FamilyName,
    /// `Patient.birthDate`
    BirthDate,
    /// `Patient.gender`
    Sex,
    /// `Patient.telecom`
    Telecom,
    /// `Patient.address.city`
    City,
}

/// How the two agree in it. What one of them does not say is no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Agreement {
    /// The same.
    Same,
    /// Identifiers: one value, and one of the two says no system.
    Value,
    /// Identifiers: the same tag, which is used again for others.
    Temporary,
    /// Names: the same consonants in two scripts.
    Sounds,
    /// Names: nearly the same in one script. Birth dates: at most two years apart, both more exact than the year.
    Near,
    /// Birth dates: the same day.
    Day,
    /// Birth dates: the same month, which is all that both say.
    Month,
    /// Birth dates: the same year, which is all that both say.
    Year,
    /// Birth dates: day and month have changed places.
    Swapped,
    /// Birth dates: at most two years apart, and at least one is no more exact than the year.
    Close,
    /// They say different things.
    Differs,
}

/// One thing that speaks for or against.
pub type Evidence = (Trait, Agreement);

/// How far two records look like one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    /// From 0 to 1, in thousandths. An order of candidates, not a probability.
    pub value: f64,
    /// What it amounts to.
    pub grade: Grade,
    /// What it goes by, in the order of [`Trait`].
    pub evidence: Vec<Evidence>,
}

/// Compares two Patient resources.
///
/// A caller may rely on the promises of the module whatever the two say: what is not of FHIR's shape is not evidence.
pub fn score(wanted: &Value, candidate: &Value) -> Score {
    let evidence = compare::evidence(wanted, candidate);
    let weights = weights();
    let points: i32 = evidence.iter().filter_map(|found| weights.points.get(found)).sum();
    let points = points.clamp(0, POINTS_MAX);
    Score { value: f64::from(points) / f64::from(POINTS_MAX), grade: weights.grade(points, &evidence), evidence }
}

/// The table, read once.
struct Weights {
    points: BTreeMap<Evidence, i32>,
    least: BTreeMap<Grade, i32>,
}

fn weights() -> &'static Weights {
    static WEIGHTS: OnceLock<Weights> = OnceLock::new();
    WEIGHTS.get_or_init(|| Weights::read(TABLE))
}

impl Weights {
    /// Reads the table. It is compiled in and a test reads all of it, so a line that is not understood is passed over.
    fn read(table: &str) -> Weights {
        let (mut points, mut least) = (BTreeMap::new(), BTreeMap::new());
        for line in table.lines() {
            match line.split(' ').collect::<Vec<_>>()[..] {
                ["weight", what, how, number] => {
                    if let (Some(what), Some(how), Ok(number)) =
                        (named(TRAITS, what), named(AGREEMENTS, how), number.parse())
                    {
                        points.insert((what, how), number);
                    }
                }
                ["least", grade, number] => {
                    let grades = [Grade::Possible, Grade::Probable, Grade::Certain];
                    if let (Some(grade), Ok(number)) =
                        (grades.iter().find(|known| known.code() == grade), number.parse())
                    {
                        least.insert(*grade, number);
                    }
                }
                _ => {}
            }
        }
        Weights { points, least }
    }

    /// What so many points amount to, with this evidence.
    fn grade(&self, points: i32, evidence: &[Evidence]) -> Grade {
        use Agreement::{Differs, Same, Sounds};
        let has = |found: Evidence| evidence.contains(&found);
        let reaches = |grade| self.least.get(&grade).is_some_and(|least| points >= *least);
        let identified = has((Trait::Identifier, Same));
        let called = has((Trait::OwnName, Same)) || has((Trait::OwnName, Sounds));
        // Of brothers all else may agree.
        let excluded = [Trait::OwnName, Trait::BirthDate, Trait::Sex].iter().any(|what| has((*what, Differs)));
        match () {
            () if reaches(Grade::Certain) && identified && called && !excluded => Grade::Certain,
            () if reaches(Grade::Probable) && (identified || called) && !excluded => Grade::Probable,
            () if reaches(Grade::Possible) => Grade::Possible,
            () if !excluded => Grade::Possible,
            () => Grade::CertainlyNot,
        }
    }
}

const TRAITS: &[(&str, Trait)] = &[
    ("identifier", Trait::Identifier),
    ("own-name", Trait::OwnName),
    ("fathers-name", Trait::FathersName),
    ("family-name", Trait::FamilyName),
    ("birth-date", Trait::BirthDate),
    ("sex", Trait::Sex),
    ("telecom", Trait::Telecom),
    ("city", Trait::City),
];

const AGREEMENTS: &[(&str, Agreement)] = &[
    ("same", Agreement::Same),
    ("value", Agreement::Value),
    ("temporary", Agreement::Temporary),
    ("sounds", Agreement::Sounds),
    ("near", Agreement::Near),
    ("day", Agreement::Day),
    ("month", Agreement::Month),
    ("year", Agreement::Year),
    ("swapped", Agreement::Swapped),
    ("close", Agreement::Close),
    ("differs", Agreement::Differs),
];

fn named<T: Copy>(names: &[(&str, T)], name: &str) -> Option<T> {
    names.iter().find(|(known, _)| *known == name).map(|(_, found)| *found)
}

#[cfg(test)]
mod tests;

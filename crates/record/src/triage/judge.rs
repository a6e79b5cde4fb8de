//! Judging a sort after the event: over- and under-triage, and how long people waited.

use std::sync::OnceLock;

use super::Colour;
use crate::sheet::{Sheet, rows};

const TABLE: &str = include_str!("../../data/triage/judgement-v1.txt");

/// What became of a casualty, in minutes since the first colour. What is not known or did not happen is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The first life-saving intervention.
    pub life_saving_min: Option<u32>,
    /// Death.
    pub died_min: Option<u32>,
    /// Discharge, alive and without an operation.
    pub discharged_min: Option<u32>,
}

/// Whether a first colour was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judgement {
    /// Nothing speaks against it.
    Right,
    /// Sorted higher than was needed: what the casualty took was missing elsewhere.
    Over,
    /// Sorted lower than was needed.
    Under,
}

impl Judgement {
    /// A stable name.
    pub fn code(self) -> &'static str {
        match self {
            Judgement::Right => "right",
            Judgement::Over => "over",
            Judgement::Under => "under",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fact {
    LifeSaving,
    Died,
    Discharged,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    judgement: Judgement,
    colour: Colour,
    fact: Fact,
    within_min: Option<u32>,
}

impl Rule {
    fn read(row: &[&str]) -> Option<Rule> {
        let [judgement, colour, fact, within] = row else { return None };
        let within_min = if *within == "-" { None } else { Some(within.parse().ok()?) };
        let judgement = match *judgement {
            "under" => Judgement::Under,
            "over" => Judgement::Over,
            _ => return None,
        };
        let fact = match *fact {
            "life-saving" => Fact::LifeSaving,
            "died" => Fact::Died,
            "discharged" => Fact::Discharged,
            _ => return None,
        };
        Some(Rule { judgement, colour: Colour::of_code(colour)?, fact, within_min })
    }

    fn holds(&self, first: Colour, outcome: &Outcome) -> bool {
        let at_min = match self.fact {
            Fact::LifeSaving => outcome.life_saving_min,
            Fact::Died => outcome.died_min,
            Fact::Discharged => outcome.discharged_min,
        };
        let came = at_min.is_some_and(|at| self.within_min.is_none_or(|within| at <= within));
        let was_needed = outcome.life_saving_min.is_some() || outcome.died_min.is_some();
        self.colour == first && came && !(self.judgement == Judgement::Over && was_needed)
    }
}

/// Judges a first colour by what became of the casualty, by `data/triage/judgement-v1.txt`. Under-triage goes before
/// over-triage: it is what kills.
pub fn judge(first: Colour, outcome: &Outcome) -> Judgement {
    static RULES: OnceLock<Vec<Rule>> = OnceLock::new();
    let rules = RULES.get_or_init(|| rows(TABLE).filter_map(|row| Rule::read(&row)).collect());
    let held = rules.iter().filter(|rule| rule.holds(first, outcome)).map(|rule| rule.judgement);
    held.max().unwrap_or(Judgement::Right)
}

/// Where the rules of [`judge`] come from.
pub fn judgement_sheet() -> Sheet {
    Sheet::read(TABLE)
}

/// How a number of waiting times spread, in the unit they came in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// How many.
    pub count: usize,
    /// The shortest.
    pub least: f64,
    /// A quarter is not longer.
    pub lower_quartile: f64,
    /// A half is not longer.
    pub median: f64,
    /// Three quarters are not longer.
    pub upper_quartile: f64,
    /// The longest.
    pub most: f64,
}

/// The spread of times to first contact or to theatre. `None` of nothing.
///
/// Quantiles lie between two neighbours as in R's type 7 (Hyndman and Fan, The American Statistician 50, 1996).
pub fn spread(times: &[u32]) -> Option<Spread> {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let (least, most) = (*sorted.first()?, *sorted.last()?);
    let quantile = |quarters: usize| {
        let place = (sorted.len() - 1) * quarters;
        let (whole, rest) = (place / 4, place % 4);
        let below = f64::from(sorted[whole]);
        let above = f64::from(sorted[(whole + 1).min(sorted.len() - 1)]);
        below + (above - below) * rest as f64 / 4.0
    };
    Some(Spread {
        count: sorted.len(),
        least: least.into(),
        lower_quartile: quantile(1),
        median: quantile(2),
        upper_quartile: quantile(3),
        most: most.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_table_is_read_and_judges() {
        let mut count = 0;
        for row in rows(TABLE) {
            let rule = Rule::read(&row).unwrap_or_else(|| panic!("{row:?}"));
            let at = Some(rule.within_min.unwrap_or(100_000));
            let outcome = match rule.fact {
                Fact::LifeSaving => Outcome { life_saving_min: at, ..Outcome::default() },
                Fact::Died => Outcome { died_min: at, ..Outcome::default() },
                Fact::Discharged => Outcome { discharged_min: at, ..Outcome::default() },
            };
            assert_eq!(judge(rule.colour, &outcome), rule.judgement, "{row:?}");
            if let Some(within) = rule.within_min {
                let late = |at: Option<u32>| at.map(|_| within + 1);
                let later = Outcome {
                    life_saving_min: late(outcome.life_saving_min),
                    died_min: late(outcome.died_min),
                    discharged_min: late(outcome.discharged_min),
                };
                assert_eq!(judge(rule.colour, &later), Judgement::Right, "{row:?}");
            }
            count += 1;
        }
        assert_eq!(count, 8);
        assert!(!judgement_sheet().is_verified() && !judgement_sheet().source.is_empty());
    }

    #[test]
    fn who_needed_it_was_not_sorted_too_high() {
        let home = Outcome { discharged_min: Some(300), ..Outcome::default() };
        assert_eq!(judge(Colour::Immediate, &home), Judgement::Over);
        assert_eq!(judge(Colour::Immediate, &Outcome { life_saving_min: Some(2), ..home }), Judgement::Right);
        assert_eq!(judge(Colour::Minor, &home), Judgement::Right);
        assert_eq!(judge(Colour::Dead, &home), Judgement::Under);
        for colour in Colour::ALL {
            assert_eq!(judge(colour, &Outcome::default()), Judgement::Right);
        }
    }

    #[test]
    fn a_spread_is_that_of_r() {
        assert_eq!(spread(&[]), None);
        let one = spread(&[7]).unwrap();
        assert_eq!((one.count, one.least, one.median, one.most), (1, 7.0, 7.0, 7.0));
        // quantile(c(1, 3, 4, 10)): 1.0 2.5 3.5 5.5 10.0
        let four = spread(&[10, 1, 4, 3]).unwrap();
        let found = [four.least, four.lower_quartile, four.median, four.upper_quartile, four.most];
        assert_eq!(found, [1.0, 2.5, 3.5, 5.5, 10.0]);
        assert_eq!(spread(&[u32::MAX; 3]).unwrap().median, f64::from(u32::MAX));
    }
}

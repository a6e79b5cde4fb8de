//! What is late on the board.

use std::sync::OnceLock;

use crate::sheet::{Sheet, rows};
use crate::triage::Colour;

const TABLE: &str = include_str!("../../data/clinic/board-v1.txt");

/// What a casualty waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wait {
    /// A clinician, since the first colour.
    FirstContact,
    /// The next look at the colour, since the newest.
    Retriage,
}

impl Wait {
    fn of_code(code: &str) -> Option<Wait> {
        match code {
            "first-contact" => Some(Wait::FirstContact),
            "retriage" => Some(Wait::Retriage),
            _ => None,
        }
    }
}

type Row = (Colour, Wait, Option<u32>);

/// After how many minutes a casualty of this colour has waited too long; `None`: never.
pub fn late_after_min(colour: Colour, wait: Wait) -> Option<u32> {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    let all = ROWS.get_or_init(|| rows(TABLE).filter_map(|row| read(&row)).collect());
    all.iter().find(|(of, what, _)| (*of, *what) == (colour, wait)).and_then(|(_, _, most_min)| *most_min)
}

/// Whether a casualty of this colour has waited too long. Source: `data/clinic/board-v1.txt`, see [`sheet`].
pub fn is_late(colour: Colour, wait: Wait, waited_min: u32) -> bool {
    late_after_min(colour, wait).is_some_and(|most_min| waited_min > most_min)
}

/// Where the minutes come from, and whether they were verified.
pub fn sheet() -> Sheet {
    Sheet::read(TABLE)
}

fn read(row: &[&str]) -> Option<Row> {
    let ["late", colour, wait, most_min] = row else { return None };
    let most_min = if *most_min == "-" { None } else { Some(most_min.parse().ok()?) };
    Some((Colour::of_code(colour)?, Wait::of_code(wait)?, most_min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read_and_every_colour_has_both() {
        let all: Vec<Row> = rows(TABLE).map(|row| read(&row).unwrap_or_else(|| panic!("{row:?}"))).collect();
        let wanted =
            Colour::ALL.into_iter().flat_map(|colour| [(colour, Wait::FirstContact), (colour, Wait::Retriage)]);
        assert_eq!(
            all.iter().map(|(colour, wait, _)| (*colour, *wait)).collect::<Vec<_>>(),
            wanted.collect::<Vec<_>>()
        );
        for (colour, wait, most_min) in all {
            assert_eq!(late_after_min(colour, wait), most_min);
            assert_eq!(is_late(colour, wait, u32::MAX), most_min.is_some());
            if let Some(most_min) = most_min {
                assert!(!is_late(colour, wait, most_min) && is_late(colour, wait, most_min + 1), "{colour:?}");
            }
        }
        assert!(!sheet().is_verified() && !sheet().source.is_empty());
    }

    #[test]
    fn who_is_worse_is_late_sooner() {
        for wait in [Wait::FirstContact, Wait::Retriage] {
            let minutes =
                [Colour::Immediate, Colour::Delayed, Colour::Minor].map(|colour| late_after_min(colour, wait));
            assert!(minutes.windows(2).all(|pair| pair[0] < pair[1]), "{minutes:?}");
        }
    }
}

//! Ages as people say them: `18`, `18 m`, `نحو ٤٠`.

use super::{InputError, typed};
use crate::names::text_key;

/// Highest age that is believed, in years.
pub const AGE_YEARS_MAX: u32 = 120;

/// What an age is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgeUnit {
    /// Years.
    Years,
    /// Months.
    Months,
    /// Days.
    Days,
}

impl AgeUnit {
    /// All of them.
    pub const ALL: [AgeUnit; 3] = [AgeUnit::Years, AgeUnit::Months, AgeUnit::Days];

    /// UCUM's code.
    pub fn code(self) -> &'static str {
        match self {
            AgeUnit::Years => "a",
            AgeUnit::Months => "mo",
            AgeUnit::Days => "d",
        }
    }

    /// How many make [`AGE_YEARS_MAX`].
    pub(in crate::care) fn most(self) -> u32 {
        AGE_YEARS_MAX
            * match self {
                AgeUnit::Years => 1,
                AgeUnit::Months => 12,
                AgeUnit::Days => 366,
            }
    }
}

/// An age as it was said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// How many.
    pub count: u32,
    /// Of what.
    pub unit: AgeUnit,
    /// Whether it was said to be a guess.
    pub about: bool,
}

impl Age {
    /// In whole months, for the tables that go by months.
    pub fn months(self) -> u32 {
        match self.unit {
            AgeUnit::Years => self.count * 12,
            AgeUnit::Months => self.count,
            // The mean month of the Gregorian calendar has 30.44 days.
            AgeUnit::Days => self.count * 100 / 3_044,
        }
    }
}

const ABOUT: &[&str] = &["نحو", "حوالي", "تقريبا", "حدود", "about", "approx", "around", "circa", "ca"];
const YEARS: &[&str] =
    &["y", "yr", "yrs", "yo", "year", "years", "a", "س", "سنه", "سنوات", "سنين", "عام", "عاما", "اعوام"];
const MONTHS: &[&str] = &["m", "mo", "mos", "mth", "month", "months", "ش", "شهر", "شهرا", "شهور", "اشهر"];
const WEEKS: &[&str] = &["w", "wk", "wks", "week", "weeks", "اسبوع", "اسابيع"];
const DAYS: &[&str] = &["d", "day", "days", "ي", "يوم", "يوما", "ايام"];

/// Reads an age: a whole number, of years if no unit stands behind it, with a word for "about" before or behind it.
///
/// # Errors
/// [`InputError::Empty`], [`InputError::TooLong`], [`InputError::Letters`], [`InputError::NotANumber`] (fractions too:
/// one and a half years are 18 months), [`InputError::Unit`], [`InputError::TooLarge`] over [`AGE_YEARS_MAX`].
pub fn age(text: &str) -> Result<Age, InputError> {
    let typed = typed(text)?;
    let start = typed.find(|letter: char| letter.is_ascii_digit()).ok_or(InputError::NotANumber)?;
    let (before, rest) = typed.split_at(start);
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    let mut about = false;
    let before = before.trim();
    if !before.is_empty() {
        let is_about = matches!(before, "~" | "±" | "≈") || is_words(before) && ABOUT.contains(&&*text_key(before));
        if !is_about {
            return Err(InputError::NotANumber);
        }
        about = true;
    }
    let behind = behind.trim();
    if !behind.is_empty() && !is_words(behind) {
        return Err(InputError::NotANumber);
    }
    let mut unit = (AgeUnit::Years, 1);
    let mut seen = false;
    for word in text_key(behind).split_ascii_whitespace() {
        let found = [
            (YEARS, (AgeUnit::Years, 1)),
            (MONTHS, (AgeUnit::Months, 1)),
            (WEEKS, (AgeUnit::Days, 7)),
            (DAYS, (AgeUnit::Days, 1)),
        ];
        match found.into_iter().find(|(words, _)| words.contains(&word)) {
            Some((_, found)) if !seen => (unit, seen) = (found, true),
            _ if ABOUT.contains(&word) => about = true,
            _ => return Err(InputError::Unit),
        }
    }
    let (unit, times) = unit;
    let count = digits.parse::<u32>().ok().and_then(|count| count.checked_mul(times)).ok_or(InputError::TooLarge)?;
    if count > unit.most() {
        return Err(InputError::TooLarge);
    }
    Ok(Age { count, unit, about })
}

/// Letters of words and a point behind an abbreviation, but nothing that could be a sign or a fraction. Harakat are
/// letters here: تقريباً is written with one.
fn is_words(text: &str) -> bool {
    let is_letter = |letter: char| letter.is_alphabetic() || matches!(letter, '\u{64b}'..='\u{652}' | '\u{640}' | ' ');
    let text = text.strip_suffix('.').unwrap_or(text);
    text.chars().all(is_letter) && !text.is_empty()
}

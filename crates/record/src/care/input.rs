//! What is typed into a form, read into values that cannot be wrong: texts, numbers, ages, dates, weights and doses.
//!
//! Western, Arabic-Indic and Persian digits are one, also within one number. What is half typed or impossible is an
//! [`InputError`] with a stable name; none is guessed at. No error shows what was typed.

mod age;
mod date;
mod number;

pub use age::{AGE_YEARS_MAX, Age, AgeUnit, age};
pub use date::{ZONE_AHEAD_MS, date, moment};
pub use number::{AMOUNT_MAX, Quantity, WEIGHT_KG_MAX, WEIGHT_KG_MIN, decimal, quantity, weight_kg};

/// Longest text that is looked at as a number, an age or a date, in letters: any of them is far shorter.
const TYPED_CHARS_MAX: usize = 40;

/// What is wrong with what was typed. [`InputError::id`] names the message that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Nothing was typed where something is needed.
    #[error("nothing was typed")]
    Empty,
    /// More letters than fit.
    #[error("more than {most} letters")]
    TooLong {
        /// How many fit.
        most: usize,
    },
    /// Letters that nobody can see or that turn the line around.
    #[error("letters that cannot be seen, or that turn the direction of the line")]
    Letters,
    /// Not a number, or half of one.
    #[error("not a number")]
    NotANumber,
    /// `1,500` may be one and a half or fifteen hundred.
    #[error("the comma may part decimals or thousands")]
    Ambiguous,
    /// Less than is possible.
    #[error("less than is possible")]
    TooSmall,
    /// More than is possible.
    #[error("more than is possible")]
    TooLarge,
    /// A unit that is not known here.
    #[error("not a known unit")]
    Unit,
    /// Not a date, or half of one.
    #[error("not a date")]
    NotADate,
    /// A day or month that no calendar has.
    #[error("there is no such day")]
    NoSuchDay,
    /// A date that is still to come.
    #[error("the date is still to come")]
    InFuture,
    /// A date before anybody who lives was born.
    #[error("the date is too long ago")]
    TooLongAgo,
}

impl InputError {
    /// A stable name, of which the message's name is made.
    pub fn id(self) -> &'static str {
        match self {
            InputError::Empty => "input-empty",
            InputError::TooLong { .. } => "input-too-long",
            InputError::Letters => "input-letters",
            InputError::NotANumber => "input-not-a-number",
            InputError::Ambiguous => "input-ambiguous",
            InputError::TooSmall => "input-too-small",
            InputError::TooLarge => "input-too-large",
            InputError::Unit => "input-unit",
            InputError::NotADate => "input-not-a-date",
            InputError::NoSuchDay => "input-no-such-day",
            InputError::InFuture => "input-in-future",
            InputError::TooLongAgo => "input-too-long-ago",
        }
    }
}

/// A line of text as it is kept: trimmed, without the marks that keyboards put in to hold the direction. `None` if
/// nothing is left.
///
/// # Errors
/// [`InputError::TooLong`]; [`InputError::Letters`] for control letters, line breaks, and letters that turn the direction
/// of what follows (U+202A to U+202E, U+2066 to U+2069), with which one text can look like another.
pub fn line(text: &str, chars_max: usize) -> Result<Option<String>, InputError> {
    kept(text, chars_max, |letter| letter.is_control())
}

/// As [`line()`], with line breaks and tabs.
///
/// # Errors
/// As [`line()`].
pub fn paragraph(text: &str, chars_max: usize) -> Result<Option<String>, InputError> {
    kept(text, chars_max, |letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
}

fn kept(text: &str, chars_max: usize, is_wrong: impl Fn(char) -> bool) -> Result<Option<String>, InputError> {
    let too_long = Err(InputError::TooLong { most: chars_max });
    // Before anything is copied: a letter has at most four bytes, a mark that goes is worth three.
    if text.len() > chars_max.saturating_mul(16).saturating_add(64) {
        return too_long;
    }
    let text: String = text.chars().filter(|letter| !is_mark(*letter)).collect();
    let text = text.trim();
    if text.chars().count() > chars_max {
        return too_long;
    }
    let turns = |letter| matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if text.chars().any(|letter| turns(letter) || is_wrong(letter)) {
        return Err(InputError::Letters);
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// Marks without a look of their own that keyboards and copying leave behind.
fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{feff}' | '\u{200b}')
}

/// Something short in small letters with Western digits, for the readers of numbers, ages and dates.
fn typed(text: &str) -> Result<String, InputError> {
    let text = line(text, TYPED_CHARS_MAX)?.ok_or(InputError::Empty)?;
    Ok(crate::identifier::identifier_key(&text))
}

#[cfg(test)]
mod tests;

//! Numbers as people type them: both digit systems, exact to six decimal places, and no guessing.
//!
//! A dose that is read wrong by a factor of ten or a thousand kills, so whatever can be read in two ways is an error:
//! `1,000` (one, or a thousand), digits of two scripts in one number (their order on the screen is not their order in
//! the text), characters that turn the direction of the text. An error says what is wrong and holds nothing typed.

use std::fmt;

use serde_json::Value;

/// Decimal places that are kept: enough for micrograms per kilogram in milligrams, with three places to spare.
const PLACES: usize = 6;
/// One, in millionths.
const ONE: i64 = 1_000_000;
/// The largest number read here. Heparin is dosed in thousands and penicillin in millions of units; a thousand million
/// is out of reach of every dose and measurement, and far from the limits of the arithmetic.
pub const LARGEST: i64 = 1_000_000_000;
/// Longest text that is looked at, in characters: more than the longest number with spaces around it.
const TYPED_CHARS_MAX: usize = 32;

/// A number from 0 to [`LARGEST`], exact to six decimal places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(i64);

/// Why a typed text is not a number. Carries nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotANumber {
    /// Nothing was typed.
    #[error("nothing was typed")]
    Empty,
    /// More than a number can be.
    #[error("too long for a number")]
    TooLong,
    /// Something that is no digit: a letter, a sign, a character that turns the direction.
    #[error("only digits and one decimal point can stand here")]
    NotDigits,
    /// Western and Arabic digits in one number.
    #[error("digits of two scripts in one number")]
    MixedDigits,
    /// A comma before three digits: one, or a thousand?
    #[error("a comma before three digits can mean two things: write a point for decimals and nothing for thousands")]
    Ambiguous,
    /// More than six decimal places.
    #[error("more than six decimal places")]
    TooPrecise,
    /// More than [`LARGEST`].
    #[error("too large")]
    TooLarge,
    /// Not two numbers with a stroke between them.
    #[error("two numbers with a stroke between them belong here, as 120/80")]
    NotAPair,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Decimal = Decimal(0);

    /// A whole number.
    pub fn whole(number: u32) -> Decimal {
        Decimal(i64::from(number) * ONE).min(Decimal(LARGEST * ONE))
    }

    /// The number in millionths.
    pub fn millionths(self) -> i64 {
        self.0
    }

    /// The number of so many millionths, if it is one.
    pub fn of_millionths(millionths: i64) -> Option<Decimal> {
        (0..=LARGEST * ONE).contains(&millionths).then_some(Decimal(millionths))
    }

    /// The product, rounded half up to six places. `None` if it is larger than [`LARGEST`].
    pub fn times(self, other: Decimal) -> Option<Decimal> {
        self.times_over(other.0, ONE)
    }

    /// `self * multiplier / divisor`, rounded half up. `None` if it is out of range or the divisor is not positive.
    pub fn times_over(self, multiplier: i64, divisor: i64) -> Option<Decimal> {
        if divisor <= 0 || multiplier < 0 {
            return None;
        }
        let product = i128::from(self.0) * i128::from(multiplier) + i128::from(divisor / 2);
        Decimal::of_millionths(i64::try_from(product / i128::from(divisor)).ok()?)
    }

    /// The sum. `None` if it is larger than [`LARGEST`].
    pub fn plus(self, other: Decimal) -> Option<Decimal> {
        Decimal::of_millionths(self.0 + other.0)
    }

    /// For plots, where the last places do not show.
    pub fn as_f64(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    /// The JSON number.
    pub fn to_json(self) -> Value {
        if self.0 % ONE == 0 {
            return (self.0 / ONE).into();
        }
        // The shortest decimal that reads back as the same double, which is what was typed: it has 15 digits at most.
        self.to_string().parse::<f64>().map_or(Value::Null, Value::from)
    }

    /// Reads a JSON number, rounded to six places. `None` for anything else, and for what is out of range.
    pub fn of_json(value: &Value) -> Option<Decimal> {
        if let Some(whole) = value.as_u64() {
            return (whole <= LARGEST as u64).then(|| Decimal(whole as i64 * ONE));
        }
        let number = value.as_f64()?;
        let fits = (0.0..=LARGEST as f64).contains(&number);
        fits.then(|| Decimal((number * ONE as f64).round() as i64))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / ONE, self.0 % ONE);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let places = format!("{rest:06}");
        write!(f, "{whole}.{}", places.trim_end_matches('0'))
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Decimal({self})")
    }
}

/// Reads a typed number: `12`, `12.5`, `12,5`, `١٢٫٥`. Spaces and plain direction marks around it do not count.
///
/// # Errors
/// [`NotANumber`] for everything that is not one number, or could be two.
pub fn decimal(text: &str) -> Result<Decimal, NotANumber> {
    if text.chars().nth(TYPED_CHARS_MAX).is_some() {
        return Err(NotANumber::TooLong);
    }
    let text = text.trim_matches(around);
    if text.is_empty() {
        return Err(NotANumber::Empty);
    }
    let (mut whole, mut places, mut separator, mut script) = (String::new(), String::new(), None, None);
    for letter in text.chars() {
        if let Some((digit, of)) = digit(letter) {
            if *script.get_or_insert(of) != of {
                return Err(NotANumber::MixedDigits);
            }
            if separator.is_some() { places.push(digit) } else { whole.push(digit) }
        } else if separator.is_none() && matches!(letter, '.' | '\u{66b}' | ',' | '\u{60c}') {
            separator = Some(letter);
        } else if matches!(letter, '\u{66c}' | ',' | '\u{60c}') {
            return Err(NotANumber::Ambiguous);
        } else {
            return Err(NotANumber::NotDigits);
        }
    }
    if whole.is_empty() && places.is_empty() || separator.is_some() && places.is_empty() {
        return Err(NotANumber::NotDigits);
    }
    if matches!(separator, Some(',' | '\u{60c}')) && places.len() == 3 {
        return Err(NotANumber::Ambiguous);
    }
    let kept = places.trim_end_matches('0');
    if kept.len() > PLACES {
        return Err(NotANumber::TooPrecise);
    }
    let whole = if whole.is_empty() { "0" } else { &whole };
    let whole: i64 = whole.parse().map_err(|_| NotANumber::TooLarge)?;
    if whole > LARGEST {
        return Err(NotANumber::TooLarge);
    }
    let millionths: i64 = format!("{kept:0<PLACES$}").parse().map_err(|_| NotANumber::NotDigits)?;
    Decimal::of_millionths(whole * ONE + millionths).ok_or(NotANumber::TooLarge)
}

/// Reads two numbers with a stroke between them, as blood pressure is typed: `120/80`, `١٢٠/٨٠`.
///
/// # Errors
/// [`NotANumber::NotAPair`] without exactly one stroke; else as [`decimal`].
pub fn pair(text: &str) -> Result<(Decimal, Decimal), NotANumber> {
    if text.chars().nth(2 * TYPED_CHARS_MAX).is_some() {
        return Err(NotANumber::TooLong);
    }
    let mut parts = text.split(['/', '\\', '\u{2044}', '\u{2215}']);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(first), Some(second), None) => Ok((decimal(first)?, decimal(second)?)),
        _ => Err(NotANumber::NotAPair),
    }
}

/// What a keyboard leaves around a number: spaces and the three marks that only say a direction.
fn around(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Script {
    Western,
    Arabic,
    Persian,
}

fn digit(letter: char) -> Option<(char, Script)> {
    let (zero, script) = match letter {
        '0'..='9' => (0x30, Script::Western),
        '\u{660}'..='\u{669}' => (0x660, Script::Arabic),
        '\u{6f0}'..='\u{6f9}' => (0x6f0, Script::Persian),
        _ => return None,
    };
    Some((char::from_digit(u32::from(letter) - zero, 10)?, script))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn both_digit_systems_are_read() {
        for (typed, read) in [
            ("12", "12"),
            (" 12.50 ", "12.5"),
            ("12,5", "12.5"),
            ("0,25", "0.25"),
            (".5", "0.5"),
            ("١٢٫٥", "12.5"),
            ("١٢.٥", "12.5"),
            ("۱۲", "12"),
            ("\u{200f}٣٧٫٢\u{200e}", "37.2"),
            ("0.000001", "0.000001"),
            ("1.0000000", "1"),
            ("1000000000", "1000000000"),
            ("007", "7"),
        ] {
            assert_eq!(decimal(typed).map(|number| number.to_string()).as_deref(), Ok(read), "{typed}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_or_in_none_is_an_error() {
        use NotANumber::*;
        for (typed, wrong) in [
            ("", Empty),
            (" \u{200f} ", Empty),
            ("1,000", Ambiguous),
            ("٢،٥٠٠", Ambiguous),
            ("1٬000", Ambiguous),
            ("1.000,5", Ambiguous),
            ("1٢", MixedDigits),
            ("٤۴", MixedDigits),
            ("-5", NotDigits),
            ("+5", NotDigits),
            ("1e3", NotDigits),
            ("5 mg", NotDigits),
            ("1.2.3", NotDigits),
            ("5.", NotDigits),
            (".", NotDigits),
            ("\u{202e}12", NotDigits),
            ("1\u{2067}2", NotDigits),
            ("<b>5</b>", NotDigits),
            ("NaN", NotDigits),
            ("½", NotDigits),
            ("0.0000001", TooPrecise),
            ("1000000000.1", TooLarge),
            ("99999999999999999999", TooLarge),
            (&"9".repeat(1_000_000), TooLong),
        ] {
            assert_eq!(decimal(typed), Err(wrong), "{}", typed.chars().take(20).collect::<String>());
        }
    }

    #[test]
    fn a_pair_has_one_stroke() {
        assert_eq!(pair("120/80"), Ok((Decimal::whole(120), Decimal::whole(80))));
        assert_eq!(pair("١٢٠ / ٨٠"), Ok((Decimal::whole(120), Decimal::whole(80))));
        assert_eq!(pair("120"), Err(NotANumber::NotAPair));
        assert_eq!(pair("120/80/60"), Err(NotANumber::NotAPair));
        assert_eq!(pair("120/"), Err(NotANumber::Empty));
        assert_eq!(pair(&"/".repeat(1_000)), Err(NotANumber::TooLong));
    }

    #[test]
    fn arithmetic_stays_in_range() {
        let half = decimal("0.5").expect("a number");
        assert_eq!(half.times(Decimal::whole(7)), decimal("3.5").ok());
        assert_eq!(Decimal::whole(u32::MAX).times(Decimal::whole(2)), None);
        assert_eq!(Decimal::whole(1).times_over(1, 0), None);
        assert_eq!(Decimal::whole(1).times_over(1, 3).map(|third| third.to_string()).as_deref(), Some("0.333333"));
        assert_eq!(Decimal::of_json(&serde_json::json!(-1)), None);
        assert_eq!(Decimal::of_json(&serde_json::json!(1e300)), None);
        assert_eq!(Decimal::of_json(&serde_json::json!("5")), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millionths in 0..=LARGEST * ONE) {
            let number = Decimal::of_millionths(millionths).expect("in range");
            prop_assert_eq!(decimal(&number.to_string()), Ok(number));
            // A double has 15 digits for sure.
            if millionths < 1_000_000_000_000_000 {
                prop_assert_eq!(Decimal::of_json(&number.to_json()), Some(number));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,80}") {
            let _ = decimal(&text);
            let _ = pair(&text);
        }
    }
}

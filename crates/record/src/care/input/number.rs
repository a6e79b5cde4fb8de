//! Numbers with either decimal sign, weights, and amounts with a unit.

use super::{InputError, typed};
use crate::names::text_key;

/// Lightest person that is believed, in kilograms: the smallest newborns that ever lived had less than half of one.
pub const WEIGHT_KG_MIN: f64 = 0.3;
/// Heaviest person that is believed, in kilograms.
pub const WEIGHT_KG_MAX: f64 = 350.0;
/// Largest amount that is believed in any unit here: twenty million units of benzylpenicillin are given in a day.
pub const AMOUNT_MAX: f64 = 100_000_000.0;
/// Most digits of a number; more cannot be kept exactly.
const DIGITS_MAX: usize = 15;

/// Reads a number that is not negative: `62.5`, `٦٢٫٥`, `62,5`.
///
/// The decimal sign is a point, the Arabic separator (U+066B) or a comma, Arabic or Latin. A comma before exactly three
/// digits may as well part thousands and is refused, unless nothing but 0 stands before it; the Arabic thousands
/// separator (U+066C) is refused likewise.
///
/// # Errors
/// [`InputError::Empty`], [`InputError::TooLong`], [`InputError::Letters`], [`InputError::NotANumber`],
/// [`InputError::Ambiguous`]
pub fn decimal(text: &str) -> Result<f64, InputError> {
    number(&typed(text)?)
}

/// Reads a body weight in kilograms; the unit may stand behind it.
///
/// # Errors
/// As [`decimal`]; [`InputError::TooSmall`] and [`InputError::TooLarge`] out of [`WEIGHT_KG_MIN`] to [`WEIGHT_KG_MAX`];
/// [`InputError::Unit`] for another unit than kilograms or grams.
pub fn weight_kg(text: &str) -> Result<f64, InputError> {
    let typed = typed(text)?;
    let (digits, unit) = split(&typed);
    let value = number(digits)?;
    let value = match text_key(unit).as_str() {
        "" if unit.is_empty() => value,
        "kg" | "kgs" | "kilo" | "كغ" | "كجم" | "كيلو" | "كيلوغرام" | "كيلوجرام" => value,
        "g" | "gr" | "غ" | "غرام" | "جرام" => value / 1_000.0,
        _ => return Err(InputError::Unit),
    };
    match value {
        value if value < WEIGHT_KG_MIN => Err(InputError::TooSmall),
        value if value > WEIGHT_KG_MAX => Err(InputError::TooLarge),
        value => Ok(value),
    }
}

/// An amount with its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity {
    /// How much, more than nothing.
    pub value: f64,
    /// The unit's code in UCUM; `None` if none was typed.
    pub unit: Option<&'static str>,
}

/// UCUM's code, and how it is typed, each as [`text_key`] has it.
const UNITS: &[(&str, &[&str])] = &[
    ("mg", &["mg", "مغ", "ملغ", "ملغم", "مجم", "ميلغرام", "ملليغرام", "مليغرام"]),
    ("g", &["g", "gr", "gram", "غ", "غرام", "جم", "جرام"]),
    ("ug", &["ug", "mcg", "μg", "مكغ", "ميكروغرام", "ميكروجرام"]),
    ("mL", &["ml", "cc", "مل", "ملل", "ميليلتر", "ملليلتر", "مليلتر", "سم3"]),
    ("L", &["l", "litre", "liter", "ل", "لتر", "ليتر"]),
    ("[iU]", &["iu", "unit", "units", "وحده", "وحدات"]),
    ("mmol", &["mmol", "ميليمول", "مليمول"]),
    ("{tablet}", &["tab", "tabs", "tablet", "tablets", "حبه", "حبوب", "قرص", "اقراص"]),
    ("{ampoule}", &["amp", "amps", "ampoule", "ampoules", "امبوله", "امبولات"]),
    ("{drop}", &["drop", "drops", "نقطه", "نقط", "قطره", "قطرات"]),
    ("{bag}", &["bag", "bags", "كيس", "اكياس"]),
];

/// Reads an amount: `5 mg`, `٠٫٥ غ`, `500`.
///
/// # Errors
/// As [`decimal`]; [`InputError::TooSmall`] for nothing, [`InputError::TooLarge`] over [`AMOUNT_MAX`],
/// [`InputError::Unit`] for a unit that is not known, above all one of several parts (`mg/kg`): a dose by weight is not
/// an amount.
pub fn quantity(text: &str) -> Result<Quantity, InputError> {
    let typed = typed(text)?;
    let (digits, unit) = split(&typed);
    let value = number(digits)?;
    if value <= 0.0 {
        return Err(InputError::TooSmall);
    }
    if value > AMOUNT_MAX {
        return Err(InputError::TooLarge);
    }
    if unit.is_empty() {
        return Ok(Quantity { value, unit: None });
    }
    let key = text_key(unit);
    let is_plain = unit.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | 'ـ'));
    let found = UNITS.iter().find(|(_, ways)| is_plain && ways.contains(&&*key));
    found.map(|(code, _)| Quantity { value, unit: Some(code) }).ok_or(InputError::Unit)
}

/// The number at the start, and what stands behind it.
fn split(typed: &str) -> (&str, &str) {
    let is_of_number =
        |letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ',' | '،' | '٫' | '٬' | '+' | '-');
    let end = typed.find(|letter| !is_of_number(letter)).unwrap_or(typed.len());
    let (digits, unit) = typed.split_at(end);
    (digits, unit.trim())
}

/// Reads a number in Western digits.
fn number(text: &str) -> Result<f64, InputError> {
    if text.contains('٬') {
        return Err(InputError::Ambiguous);
    }
    let (whole, sign, part) = match text.find(['.', ',', '،', '٫']) {
        Some(at) => {
            let sign = text[at..].chars().next().unwrap_or('.');
            (&text[..at], Some(sign), &text[at + sign.len_utf8()..])
        }
        None => (text, None, "0"),
    };
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(part) || whole.len() + part.len() > DIGITS_MAX {
        return Err(InputError::NotANumber);
    }
    let is_nothing = whole.bytes().all(|byte| byte == b'0');
    if matches!(sign, Some(',' | '،')) && part.len() == 3 && !is_nothing {
        return Err(InputError::Ambiguous);
    }
    format!("{whole}.{part}").parse().map_err(|_| InputError::NotANumber)
}

#[cfg(test)]
pub(super) fn tests_units() -> &'static [(&'static str, &'static [&'static str])] {
    UNITS
}

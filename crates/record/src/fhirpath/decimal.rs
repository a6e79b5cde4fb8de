//! Decimal numbers that are added and multiplied exactly: 0.1 + 0.2 is 0.3 on a chart.
//!
//! FHIRPath wants 28 digits and 8 decimals (FHIRPath 2.0.0 §4.1.4). What does not fit is no number here, never a wrong one.

use std::cmp::Ordering;
use std::fmt;

/// Most digits, and decimals, of a number that is read.
const DIGITS_MAX: usize = 28;
/// Decimals of what a division gives.
const DECIMALS: u32 = 8;

/// An exact decimal number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    /// The number times ten to the power of `decimals`; without zeros at the end.
    units: i128,
    decimals: u32,
}

impl Decimal {
    /// Reads a number as JSON writes it. `None` if it is none or has more digits than are calculated with.
    pub fn read(text: &str) -> Option<Decimal> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (text, exponent) = match text.split_once(['e', 'E']) {
            Some((text, exponent)) => (text, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let digits = [whole, part].concat();
        let limit = DIGITS_MAX as i32;
        if whole.is_empty() || digits.len() > DIGITS_MAX || !(-limit..=limit).contains(&exponent) {
            return None;
        }
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mut units: i128 = digits.parse().ok()?;
        let decimals = i32::try_from(part.len()).ok()? - exponent;
        if decimals < 0 {
            units = units.checked_mul(10i128.checked_pow(decimals.unsigned_abs())?)?;
        }
        let decimals = u32::try_from(decimals.max(0)).ok()?;
        Some(Decimal { units: if is_negative { -units } else { units }, decimals }.short())
    }

    /// A whole number.
    pub fn whole(number: i64) -> Decimal {
        Decimal { units: i128::from(number), decimals: 0 }.short()
    }

    /// Both over one power of ten.
    fn aligned(self, other: Decimal) -> Option<(i128, i128, u32)> {
        let decimals = self.decimals.max(other.decimals);
        let scaled = |number: Decimal| number.units.checked_mul(10i128.checked_pow(decimals - number.decimals)?);
        Some((scaled(self)?, scaled(other)?, decimals))
    }

    /// The sum; `None` if it is too large, as of all that follow.
    pub fn plus(self, other: Decimal) -> Option<Decimal> {
        let (a, b, decimals) = self.aligned(other)?;
        Some(Decimal { units: a.checked_add(b)?, decimals }.short())
    }

    /// The difference.
    pub fn minus(self, other: Decimal) -> Option<Decimal> {
        self.plus(Decimal { units: other.units.checked_neg()?, ..other })
    }

    /// The product.
    pub fn times(self, other: Decimal) -> Option<Decimal> {
        let product = Decimal { units: self.units.checked_mul(other.units)?, decimals: self.decimals + other.decimals };
        Some(product.short())
    }

    /// The quotient, to eight decimals. `None` by zero too.
    pub fn over(self, other: Decimal) -> Option<Decimal> {
        let (a, b, _) = self.aligned(other)?;
        let scaled = a.checked_mul(10i128.pow(DECIMALS + 1))?;
        Decimal { units: scaled.checked_div(b)?, decimals: DECIMALS + 1 }.rounded(DECIMALS)
    }

    /// To so many decimals, half away from zero.
    pub fn rounded(self, decimals: u32) -> Option<Decimal> {
        let Some(more) = self.decimals.checked_sub(decimals).filter(|more| *more > 0) else { return Some(self) };
        let step = 10i128.checked_pow(more)?;
        let half = if self.units < 0 { -step / 2 } else { step / 2 };
        Some(Decimal { units: self.units.checked_add(half)? / step, decimals }.short())
    }

    /// True if it has no decimals.
    pub fn is_whole(self) -> bool {
        self.decimals == 0
    }

    fn short(mut self) -> Decimal {
        while self.decimals > 0 && self.units % 10 == 0 {
            self = Decimal { units: self.units / 10, decimals: self.decimals - 1 };
        }
        self
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        self.aligned(*other).map(|(a, b, _)| a.cmp(&b))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = self.decimals as usize + 1);
        let (whole, part) = digits.split_at(digits.len() - self.decimals as usize);
        write!(f, "{sign}{whole}")?;
        if part.is_empty() { Ok(()) } else { write!(f, ".{part}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact() {
        let read = |text: &str| Decimal::read(text).expect(text);
        for (text, shown) in [("1.10", "1.1"), ("-0.5", "-0.5"), ("1e2", "100"), ("12.5E-1", "1.25"), ("0", "0")] {
            assert_eq!(read(text).to_string(), shown);
        }
        assert_eq!(read("0.1").plus(read("0.2")), Some(read("0.3")));
        assert_eq!(read("1").over(read("3")).map(|third| third.to_string()).as_deref(), Some("0.33333333"));
        assert_eq!(read("2").over(read("-3")).map(|part| part.to_string()).as_deref(), Some("-0.66666667"));
        assert_eq!(read("4").times(read("70")).and_then(|ml| ml.times(read("22.5"))), Some(read("6300")));
        assert_eq!(read("2.5").rounded(0), Some(read("3")));
        assert_eq!(read("-2.45").rounded(1), Some(read("-2.5")));
        assert_eq!(read("1").over(read("0")), None);
        assert!(read("9.5") < read("10"));
        let large = read("9999999999999999999999999999");
        assert_eq!(large.times(large), None);
        for text in ["", ".", "1x", "--1", "+1", "1e99", "12345678901234567890123456789", ".5", "٣"] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }
}

//! When two items are equal (FHIRPath 2.0.0 §6.1, `=`).

use super::Literal;
use super::eval::{EvalError, Work};
use super::item::{Element, Item};
use crate::definitions::TypeKind;
use crate::json::{Kind, Node};
use crate::time::{self, Precision};
use std::borrow::Cow;

/// Bytes of JSON that are compared as quickly as an item is visited.
const BYTES_PER_VISIT: usize = 8;

/// Whether two collections say the same, in order. `None` if one of them is empty, or if dates are not exact enough to
/// tell.
pub(super) fn equal(a: &[Item<'_, '_>], b: &[Item<'_, '_>], work: &mut Work) -> Result<Option<bool>, EvalError> {
    if a.is_empty() || b.is_empty() {
        return Ok(None);
    }
    if a.len() != b.len() {
        return Ok(Some(false));
    }
    let mut all = Some(true);
    for (a, b) in a.iter().zip(b) {
        match same(a, b, work)? {
            Some(false) => return Ok(Some(false)),
            None => all = None,
            Some(true) => {}
        }
    }
    Ok(all)
}

/// Whether an item equals one of some others.
pub(super) fn is_among(item: &Item<'_, '_>, others: &[Item<'_, '_>], work: &mut Work) -> Result<bool, EvalError> {
    for other in others {
        if same(item, other, work)? == Some(true) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether two JSON values say the same: the order of members does not count, and `1.0` is `1`.
pub(crate) fn same_value(a: &Node<'_>, b: &Node<'_>) -> bool {
    if a.text == b.text {
        return true;
    }
    match (&a.kind, &b.kind) {
        (Kind::Number, Kind::Number) => is_same_number(a.text, b.text),
        (Kind::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (Kind::Object(_), Kind::Object(_)) => {
            let (a, b) = (a.by_key(), b.by_key());
            a.len() == b.len() && a.iter().zip(&b).all(|((k, a), (l, b))| k == l && same_value(a, b))
        }
        _ => a.same(b),
    }
}

/// What an item says, if it is one value.
pub(super) enum Scalar<'x> {
    Bool(bool),
    Number(&'x str),
    Text(Cow<'x, str>),
    /// A date, with or without a time.
    Date(Cow<'x, str>),
    /// A time of day, without a `T`.
    Time(Cow<'x, str>),
}

fn same(a: &Item<'_, '_>, b: &Item<'_, '_>, work: &mut Work) -> Result<Option<bool>, EvalError> {
    let bytes = |item: &Item<'_, '_>| match item {
        Item::Element(element) => element.node().map_or(0, |node| node.text.len()),
        _ => 0,
    };
    work.spend(1 + bytes(a).min(bytes(b)) / BYTES_PER_VISIT)?;
    Ok(match (scalar(a), scalar(b)) {
        (Some(a), Some(b)) => same_scalar(&a, &b),
        (None, None) => match (a, b) {
            (Item::Element(a), Item::Element(b)) => {
                let same = |a: Option<&Node<'_>>, b: Option<&Node<'_>>| match (a, b) {
                    (Some(a), Some(b)) => same_value(a, b),
                    (a, b) => a.is_none() && b.is_none(),
                };
                Some(same(a.value, b.value) && same(a.beside, b.beside))
            }
            _ => Some(false),
        },
        _ => Some(false),
    })
}

pub(super) fn scalar<'x>(item: &'x Item<'_, '_>) -> Option<Scalar<'x>> {
    match item {
        Item::Value(Literal::Text(text)) => Some(Scalar::Text(Cow::Borrowed(text))),
        Item::Value(Literal::Number(number)) => Some(Scalar::Number(number)),
        Item::Value(Literal::Bool(flag)) => Some(Scalar::Bool(*flag)),
        Item::Value(Literal::Date(text)) => Some(match text.strip_prefix('T') {
            Some(time) => Scalar::Time(Cow::Borrowed(time)),
            None => Scalar::Date(Cow::Borrowed(text)),
        }),
        Item::Element(Element { kind, value: Some(value), .. }) if kind.kind == TypeKind::Primitive => {
            match &value.kind {
                Kind::Bool(flag) => Some(Scalar::Bool(*flag)),
                Kind::Number => Some(Scalar::Number(value.text)),
                Kind::String => value.as_str().map(|text| match kind.name {
                    "date" | "dateTime" | "instant" => Scalar::Date(text),
                    "time" => Scalar::Time(text),
                    _ => Scalar::Text(text),
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

fn same_scalar(a: &Scalar<'_>, b: &Scalar<'_>) -> Option<bool> {
    match (a, b) {
        (Scalar::Bool(a), Scalar::Bool(b)) => Some(a == b),
        (Scalar::Number(a), Scalar::Number(b)) => Some(is_same_number(a, b)),
        (Scalar::Text(a), Scalar::Text(b)) => Some(a == b),
        (Scalar::Date(a), Scalar::Date(b)) => same_date(a, b),
        (Scalar::Time(a), Scalar::Time(b)) => same_start(without_zeros(a), without_zeros(b)),
        _ => Some(false),
    }
}

/// A number as its digits without zeros around them, and the power of ten of the last one.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, part].concat();
    let shown = digits.trim_end_matches('0');
    if shown.trim_start_matches('0').is_empty() {
        return Some((false, String::new(), 0));
    }
    let exponent = exponent.checked_sub(part.len() as i64)?.checked_add((digits.len() - shown.len()) as i64)?;
    Some((is_negative, shown.trim_start_matches('0').to_owned(), exponent))
}

fn is_same_number(a: &str, b: &str) -> bool {
    // A power of ten that is no number of 64 bits: the texts say the same or nobody can tell.
    a == b || decimal(a).is_some_and(|a| Some(a) == decimal(b))
}

/// Dates of different exactness are the same or not only where the shorter already differs.
fn same_date(a: &str, b: &str) -> Option<bool> {
    let (a_day, a_time) = a.split_once('T').unwrap_or((a, ""));
    let (b_day, b_time) = b.split_once('T').unwrap_or((b, ""));
    if a_time.is_empty() || b_time.is_empty() {
        return match same_start(a_day, b_day) {
            Some(true) if a_time != b_time => None,
            found => found,
        };
    }
    let ((a_span, (a_precision, a_zoned)), (b_span, (b_precision, b_zoned))) = match (time::read(a), time::read(b)) {
        (Some(a), Some(b)) => (a, b),
        _ => return (a == b).then_some(true),
    };
    if a_zoned != b_zoned {
        return None;
    }
    let is_apart = a_span.until_ms <= b_span.from_ms || b_span.until_ms <= a_span.from_ms;
    match (a_precision, b_precision) {
        // Seconds and their fractions are one measure (FHIRPath §6.1.1).
        (Precision::Second, Precision::Second) => Some(a_span.from_ms == b_span.from_ms),
        (a, b) if a == b || is_apart => Some(!is_apart),
        _ => None,
    }
}

/// Whether two texts of parts are the same; `None` if one only says more than the other.
fn same_start(a: &str, b: &str) -> Option<bool> {
    match (a.strip_prefix(b), b.strip_prefix(a)) {
        (Some(_), Some(_)) => Some(true),
        (None, None) => Some(false),
        _ => None,
    }
}

/// `10:30:00.50` is `10:30:00.5`.
fn without_zeros(time: &str) -> &str {
    if time.contains('.') { time.trim_end_matches('0').trim_end_matches('.') } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_exactly() {
        for (a, b) in [("1.10", "1.1"), ("0", "-0.00e7"), ("100", "1e2"), ("0.012", "12E-3"), ("1e500", "10e499")] {
            assert!(is_same_number(a, b), "{a} {b}");
        }
        for (a, b) in [("1", "-1"), ("1e500", "1e501"), ("10", "1"), ("0.1", "0.10000000000000000000001")] {
            assert!(!is_same_number(a, b), "{a} {b}");
        }
        assert!(is_same_number("1e99999999999999999999", "1e99999999999999999999"));
        assert!(!is_same_number("1e99999999999999999999", "1e99999999999999999998"));
    }

    #[test]
    fn dates_are_compared_as_far_as_they_are_exact() {
        for (a, b, expected) in [
            ("2012", "2012", Some(true)),
            ("2012", "2012-04", None),
            ("2012", "2013-04", Some(false)),
            ("2012-04-15", "2012-04-15T10:00:00Z", None),
            ("2012-04-14", "2012-04-15T10:00:00Z", Some(false)),
            ("2012-04-15T10:00:00", "2012-04-15T10:00:00Z", None),
            ("2012-04-15T10:00", "2012-04-15T10:00:30", None),
            ("2012-04-15T10:00", "2012-04-15T10:01:30", Some(false)),
            ("2012-04-15T10:00Z", "2012-04-15T12:00+02:00", Some(true)),
        ] {
            assert_eq!(same_date(a, b), expected, "{a} {b}");
            assert_eq!(same_date(b, a), expected, "{b} {a}");
        }
    }
}

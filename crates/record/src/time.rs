//! FHIR's dates and times as spans of milliseconds: `2018-02` is all of that month.
//!
//! Formats: FHIR R4 §2.24.0 `date`, `dateTime`, `instant`. What says no time zone is read as UTC, at every site alike:
//! where the reader stands must not change what is found.

/// A span of time: milliseconds since 1970 in UTC, the end excluded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Span {
    /// The first millisecond.
    pub from_ms: i64,
    /// The first one after it.
    pub until_ms: i64,
}

/// Before everything, and after everything: an open end of a period.
pub const OPEN: Span = Span { from_ms: i64::MIN, until_ms: i64::MAX };

const DAY_MS: i64 = 86_400_000;

/// How exact a text is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Precision {
    /// `2018`
    Year,
    /// `2018-02`
    Month,
    /// `2018-02-18`
    Day,
    /// `2018-02-18T20:15`, which only searches say.
    Minute,
    /// `2018-02-18T20:15:03`, and fractions of it.
    Second,
}

/// Reads a date or time of any precision. `None` if it is none.
pub fn span(text: &str) -> Option<Span> {
    read(text).map(|(span, _)| span)
}

/// As [`span`], and how exact it is, and whether it names a time zone.
pub fn read(text: &str) -> Option<(Span, (Precision, bool))> {
    let (date, time) = match text.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.split('-');
    let year = digits(parts.next()?, 4)?;
    let month = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |part| part.map(Some))?;
    let day = parts.next().map(|part| digits(part, 2)).map_or(Some(None), |part| part.map(Some))?;
    if parts.next().is_some() || year == 0 {
        return None;
    }
    let (from, until, precision) = match (month, day) {
        (None, _) => (days(year, 1, 1), days(year + 1, 1, 1), Precision::Year),
        (Some(month), None) if (1..=12).contains(&month) => {
            let next = if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) };
            (days(year, month, 1), next, Precision::Month)
        }
        (Some(month), Some(day)) if (1..=12).contains(&month) && (1..=month_days(year, month)).contains(&day) => {
            let at = days(year, month, day);
            (at, at + 1, Precision::Day)
        }
        _ => return None,
    };
    let Some(time) = time else {
        return Some((Span { from_ms: from * DAY_MS, until_ms: until * DAY_MS }, (precision, false)));
    };
    if precision != Precision::Day {
        return None;
    }
    let (time, zone) = zone(time)?;
    let (in_day, width, precision) = clock(time)?;
    let from_ms = from * DAY_MS + in_day - zone.unwrap_or(0);
    Some((Span { from_ms, until_ms: from_ms + width }, (precision, zone.is_some())))
}

/// The time of day, and the zone's offset in milliseconds if one is named.
fn zone(time: &str) -> Option<(&str, Option<i64>)> {
    if let Some(time) = time.strip_suffix('Z') {
        return Some((time, Some(0)));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, None)) };
    let (time, zone) = time.split_at(at);
    let (hours, minutes) = zone[1..].split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    let offset = (hours * 60 + minutes) * 60_000;
    Some((time, Some(if zone.starts_with('-') { -offset } else { offset })))
}

/// Milliseconds since midnight, how many milliseconds the text covers, and how exact it is.
fn clock(time: &str) -> Option<(i64, i64, Precision)> {
    let mut parts = time.split(':');
    let (hour, minute) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if hour > 23 || minute > 59 {
        return None;
    }
    let at = (hour * 60 + minute) * 60_000;
    let Some(seconds) = parts.next() else { return Some((at, 60_000, Precision::Minute)) };
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = match seconds.split_once('.') {
        Some((second, fraction)) => (digits(second, 2)?, Some(fraction)),
        None => (digits(seconds, 2)?, None),
    };
    // A leap second is written as 60.
    if second > 60 {
        return None;
    }
    let Some(fraction) = fraction else { return Some((at + second * 1_000, 1_000, Precision::Second)) };
    if fraction.is_empty() || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let padded: String = fraction.chars().chain("000".chars()).take(3).collect();
    let width = match fraction.len() {
        1 => 100,
        2 => 10,
        _ => 1,
    };
    Some((at + second * 1_000 + digits(&padded, 3)?, width, Precision::Second))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let right = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    if right { text.parse().ok() } else { None }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outgoing::rfc3339;

    #[test]
    fn texts_are_spans_as_wide_as_they_are_vague() {
        for (text, from, until) in [
            ("1970", 0, 365 * DAY_MS),
            ("1972", 730 * DAY_MS, 1096 * DAY_MS),
            ("1970-01", 0, 31 * DAY_MS),
            ("1969-12", -31 * DAY_MS, 0),
            ("1970-12-31", 364 * DAY_MS, 365 * DAY_MS),
            ("1970-01-01T00:01", 60_000, 120_000),
            ("1970-01-01T00:00:01Z", 1_000, 2_000),
            ("1970-01-01T02:00:00+02:00", 0, 1_000),
            ("1970-01-01T00:00:00.5-00:30", 1_800_500, 1_800_600),
            ("1970-01-01T00:00:00.1234567Z", 123, 124),
        ] {
            assert_eq!(span(text), Some(Span { from_ms: from, until_ms: until }), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "18",
            "2018-2",
            "2018-13",
            "2018-02-29",
            "2018-00",
            "2018-01-00",
            "0000",
            "2018T10:00:00Z",
            "2018-02-01T",
            "2018-02-01T1:00",
            "2018-02-01T24:00:00Z",
            "2018-02-01T10:60:00Z",
            "2018-02-01T10:00:00+15:00",
            "2018-02-01T10:00:61",
            "2018-02-01T10:00:00.",
            "2018-02-01T10:00:00.xZ",
            "2018-02-01-01",
            "+018",
            "2018-02-01T10",
            "٢٠١٨",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_that_was_written_here_is_read_as_it_was() {
        for ms in [0u64, 951_782_400_123, 1_520_985_599_999, 4_107_542_400_000, 253_402_300_799_999] {
            assert_eq!(span(&rfc3339(ms)), Some(Span { from_ms: ms as i64, until_ms: ms as i64 + 1 }));
        }
    }
}

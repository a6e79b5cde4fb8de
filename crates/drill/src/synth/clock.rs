//! Days and minutes as numbers, written as FHIR dates. No clock is read here or anywhere in the generator.

use std::{fmt, str::FromStr};

/// Minutes in a day.
pub(super) const DAY_MINUTES: u32 = 24 * 60;

/// Syrian winter time. Summer time began on 30 March 2018; a day after that is written with the same offset.
const OFFSET: &str = "+02:00";

/// A calendar day, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(u32);

/// The text was not a day of the form `2018-02-24` between 1970 and 2399.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadDay(String);

impl fmt::Display for BadDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "“{}” is not a day such as 2018-02-24", self.0)
    }
}

impl std::error::Error for BadDay {}

impl Day {
    /// The day `days` later.
    #[must_use]
    pub fn plus(self, days: u32) -> Self {
        Self(self.0 + days)
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Year, month 1–12 and day of the month 1–31 in the Gregorian calendar.
    #[must_use]
    pub fn civil(self) -> (u32, u32, u32) {
        // Count from 1 March of year 0, so that the leap day ends a year (Hinnant, "chrono-compatible date algorithms").
        let shifted = self.0 + 719_468;
        let era = shifted / 146_097;
        let day_of_era = shifted % 146_097;
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (era * 400 + year_of_era + u32::from(month <= 2), month, day)
    }

    fn from_civil(year: u32, month: u32, day: u32) -> Self {
        let year = year - u32::from(month <= 2);
        let year_of_era = year % 400;
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self(year / 400 * 146_097 + day_of_era - 719_468)
    }
}

impl FromStr for Day {
    type Err = BadDay;

    fn from_str(text: &str) -> Result<Self, BadDay> {
        let bad = || BadDay(text.chars().take(32).collect());
        let digits =
            |range: std::ops::Range<usize>| text.get(range).filter(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let number = |range| digits(range).and_then(|part| part.parse::<u32>().ok()).ok_or_else(bad);
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let in_bounds = (1970..2400).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        if !in_bounds {
            return Err(bad());
        }
        // Going there and back again refuses 30 February, and any separator but the hyphen.
        let parsed = Self::from_civil(year, month, day);
        if parsed.to_string() == text { Ok(parsed) } else { Err(bad()) }
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A minute of a day, written as a FHIR dateTime to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    day: Day,
    minute: u32,
}

impl Moment {
    pub(super) fn new(day: Day, minute: u32) -> Self {
        Self { day: day.plus(minute / DAY_MINUTES), minute: minute % DAY_MINUTES }
    }

    pub(super) fn plus(self, minutes: u32) -> Self {
        Self::new(self.day, self.minute + minutes)
    }

    pub(super) fn day(self) -> Day {
        self.day
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Digits by hand: every resource has a time, and the formatting machinery would be a third of all the work.
        let (year, month, day) = self.day.civil();
        let digit = |number: u32| b'0' + (number % 10) as u8;
        let mut text = *b"0000-00-00T00:00:00";
        let pairs = [(2, year % 100), (5, month), (8, day), (11, self.minute / 60), (14, self.minute % 60)];
        for (at, number) in [(0, year / 100)].into_iter().chain(pairs) {
            text[at] = digit(number / 10);
            text[at + 1] = digit(number);
        }
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)?;
        f.write_str(OFFSET)
    }
}

#[cfg(test)]
mod tests {
    use super::{Day, Moment};

    #[test]
    fn a_day_reads_back_as_it_was_written() {
        for text in ["1970-01-01", "2018-02-24", "2000-02-29", "2016-12-31", "2100-03-01", "2399-12-31"] {
            assert_eq!(text.parse::<Day>().map(|day| day.to_string()).as_deref(), Ok(text));
        }
        for text in [
            "",
            "2018",
            "2018-02-30",
            "2018-13-01",
            "2018/02/24",
            "2018-2-24",
            "2018-02-24T",
            "1969-12-31",
            "+018-02-24",
        ] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_counted_from_1970() {
        assert_eq!("1970-01-01".parse::<Day>().map(Day::number), Ok(0));
        assert_eq!("2018-02-24".parse::<Day>().map(Day::number), Ok(17_586));
    }

    #[test]
    fn a_moment_past_midnight_is_on_the_next_day() {
        let day: Day = "2018-02-28".parse().expect("a day");
        assert_eq!(Moment::new(day, 23 * 60 + 50).plus(25).to_string(), "2018-03-01T00:15:00+02:00");
    }
}

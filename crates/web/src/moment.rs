//! Times as people read them: absolute, in the site's own offset, with the day only when it is not today.

use sanad_record::typed::decimal;
use time::{Date, Duration, OffsetDateTime, Time, UtcOffset};

use crate::text::Voice;

/// Writes times of one page: what "today" is and which offset the site's clocks show.
#[derive(Clone)]
pub struct Calendar {
    /// When the page was made, in milliseconds since 1970.
    pub now_ms: u64,
    /// The offset of the site's wall clocks.
    pub offset: UtcOffset,
}

impl Calendar {
    /// `14:05`, or `20 Feb, 14:05`, or `20 Feb 2017, 14:05`: as much as is needed to know which one is meant.
    pub fn time(&self, voice: &Voice, at_ms: u64) -> String {
        let (Some(at), Some(now)) = (self.local(at_ms), self.local(self.now_ms)) else {
            return voice.t("time-unknown");
        };
        let clock = format!("{:02}:{:02}", at.hour(), at.minute());
        if at.date() == now.date() {
            return clock;
        }
        joined(voice.with2("time-on-day", ("day", &day(voice, at.date(), at.year() != now.year())), ("time", &clock)))
    }

    /// The offset, so that a time can be compared with a watch: `UTC`, `UTC+03:00`.
    pub fn zone(&self) -> String {
        let (hours, minutes, _) = self.offset.as_hms();
        match (hours, minutes) {
            (0, 0) => "UTC".to_owned(),
            _ => {
                let sign = if self.offset.is_negative() { '-' } else { '+' };
                format!("UTC{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
            }
        }
    }

    /// The same instant for a `<time datetime>`, to the second.
    pub fn machine(&self, at_ms: u64) -> String {
        let Some(at) = self.local(at_ms) else { return String::new() };
        let (hours, minutes, _) = self.offset.as_hms();
        let sign = if self.offset.is_negative() { '-' } else { '+' };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{sign}{:02}:{:02}",
            at.year(),
            u8::from(at.month()),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            hours.unsigned_abs(),
            minutes.unsigned_abs()
        )
    }

    /// The last moment, not after now, at which the site's clocks showed this.
    pub fn last(&self, clock: Clock) -> Option<u64> {
        let now = self.local(self.now_ms)?;
        let today = now.replace_time(clock.0);
        let at = if today > now { today.checked_sub(Duration::DAY)? } else { today };
        u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
    }

    /// The first moment, from this minute on, at which the site's clocks show this.
    pub fn next(&self, clock: Clock) -> Option<u64> {
        let now = self.local(self.now_ms)?;
        let today = now.replace_time(clock.0);
        let at = if today <= now - Duration::MINUTE { today.checked_add(Duration::DAY)? } else { today };
        u64::try_from(at.unix_timestamp()).ok()?.checked_mul(1000)
    }

    fn local(&self, at_ms: u64) -> Option<OffsetDateTime> {
        let seconds = i64::try_from(at_ms / 1000).ok()?;
        Some(OffsetDateTime::from_unix_timestamp(seconds).ok()?.to_offset(self.offset))
    }
}

/// A time of day, to the minute, as a watch shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock(Time);

/// Reads a time of day as it is typed, in either digits: `14:05`. `None` if it is none, or mixes digits: which is first on
/// the screen would not be first in the text.
pub fn clock(text: &str) -> Option<Clock> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let of_one_kind = |is: fn(char) -> bool| hours.chars().chain(minutes.chars()).all(is);
    if !of_one_kind(|digit| digit.is_ascii_digit()) && !of_one_kind(|digit| digit.is_numeric() && !digit.is_ascii()) {
        return None;
    }
    let number = |text: &str| {
        let is_short = (1..=2).contains(&text.chars().count());
        let millionths = decimal(text).ok().filter(|_| is_short)?.millionths();
        u8::try_from(millionths / 1_000_000).ok()
    };
    Time::from_hms(number(hours)?, number(minutes)?, 0).ok().map(Clock)
}

/// A FHIR date, dateTime or instant as somebody wrote it, in the offset it was written in: `2018`, `Feb 2018`,
/// `20 Feb 2018`, `20 Feb 2018, 14:05`. What does not read as one is given back as it is.
pub fn written(voice: &Voice, text: &str) -> String {
    let parts: Option<(i32, Option<u8>, Option<u8>)> = (|| {
        let date = text.split('T').next()?;
        let mut fields = date.split('-');
        let year = fields.next().filter(|year| year.len() == 4)?.parse().ok()?;
        let mut two = || fields.next().map(|field| field.parse::<u8>().ok()).unwrap_or(Some(0));
        let (month, day) = (two()?, two()?);
        Some((year, (month > 0).then_some(month), (day > 0).then_some(day)))
    })();
    let Some((year, month, day_of_month)) = parts else { return text.to_owned() };
    let Some(month) = month else { return year.to_string() };
    let Ok(month) = time::Month::try_from(month) else { return text.to_owned() };
    let Some(day_of_month) = day_of_month else {
        return joined(voice.with2("time-month", ("month", &month_name(voice, month)), ("year", &year.to_string())));
    };
    let Ok(date) = Date::from_calendar_date(year, month, day_of_month) else { return text.to_owned() };
    let day = day(voice, date, true);
    match text.split_once('T').and_then(|(_, clock)| clock.get(..5)) {
        Some(clock) => joined(voice.with2("time-on-day", ("day", &day), ("time", clock))),
        None => day,
    }
}

fn day(voice: &Voice, date: Date, with_year: bool) -> String {
    let month = month_name(voice, date.month());
    let day = joined(voice.with2("time-day", ("day", &date.day().to_string()), ("month", &month)));
    if !with_year {
        return day;
    }
    joined(voice.with2("time-day-year", ("day", &day), ("year", &date.year().to_string())))
}

/// A time without the isolates around its parts. They would hide the month's letters from whoever isolates the whole and
/// looks for its direction, and an Arabic date would run from left to right.
fn joined(text: String) -> String {
    text.replace(['\u{2068}', '\u{2069}'], "")
}

fn month_name(voice: &Voice, month: time::Month) -> String {
    voice.t(&format!("month-{}", u8::from(month)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::voice;
    use crate::text::Lang;

    #[test]
    fn a_time_says_its_day_only_when_it_is_another() {
        let calendar = Calendar { now_ms: 1_519_124_400_000, offset: UtcOffset::from_hms(3, 0, 0).unwrap() };
        let en = voice(Lang::En);
        assert_eq!(calendar.time(&en, 1_519_120_000_000), "12:46");
        assert_eq!(calendar.time(&en, 1_519_020_000_000), "19 Feb, 09:00");
        assert_eq!(calendar.time(&voice(Lang::Ar), 1_419_020_000_000), "19 كانون الأول 2014، 23:13");
        assert_eq!(calendar.zone(), "UTC+03:00");
        assert_eq!(calendar.machine(1_519_120_000_000), "2018-02-20T12:46:40+03:00");
        assert_eq!(calendar.time(&en, u64::MAX), "time not known");
    }

    #[test]
    fn a_time_of_day_is_read_in_either_digits_and_is_the_nearest_one() {
        // 14:00 on 20 February, at the site's clocks.
        let calendar = Calendar { now_ms: 1_519_124_400_000, offset: UtcOffset::from_hms(3, 0, 0).unwrap() };
        let said = |at: Option<u64>| at.map(|at_ms| calendar.machine(at_ms)[..16].to_owned());
        for (text, last, next) in [
            ("14:00", "2018-02-20T14:00", "2018-02-20T14:00"),
            (" 13:59 ", "2018-02-20T13:59", "2018-02-21T13:59"),
            ("١٤:٠١", "2018-02-19T14:01", "2018-02-20T14:01"),
            ("0:5", "2018-02-20T00:05", "2018-02-21T00:05"),
            ("23:59", "2018-02-19T23:59", "2018-02-20T23:59"),
        ] {
            let clock = clock(text).unwrap();
            assert_eq!(said(calendar.last(clock)).unwrap(), last, "{text}");
            assert_eq!(said(calendar.next(clock)).unwrap(), next, "{text}");
        }
        let giant = "1".repeat(100_000);
        for text in
            ["", ":", "24:00", "12:60", "1405", "14:٠٥", "١4:05", "14:5:6", "-1:05", "1.5:05", "<b>", "14:005", &giant]
        {
            assert_eq!(clock(text), None);
        }
        let never = Calendar { now_ms: u64::MAX, offset: UtcOffset::UTC };
        assert_eq!((never.last(clock("1:00").unwrap()), never.next(clock("1:00").unwrap())), (None, None));
    }

    #[test]
    fn a_written_date_keeps_its_precision_and_nonsense_stays_as_it_is() {
        let en = voice(Lang::En);
        for (text, shown) in [
            ("2018", "2018"),
            ("2018-02", "Feb 2018"),
            ("2018-02-20", "20 Feb 2018"),
            ("2018-02-20T14:05:59+03:00", "20 Feb 2018, 14:05"),
            ("2018-02-31", "2018-02-31"),
            ("2018-14", "2018-14"),
            ("soon", "soon"),
            ("", ""),
            ("2018-02-20Té", "20 Feb 2018"),
        ] {
            assert_eq!(written(&en, text), shown);
        }
    }
}

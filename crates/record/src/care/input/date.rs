//! Dates as people write them here, day first, and moments as forms send them.

use super::{AGE_YEARS_MAX, InputError, typed};
use crate::time::{Precision, Span, read, span};

/// No zone is further ahead of UTC. So far a date may lie ahead of `now`: where it is already tomorrow, a child born
/// today was not born in the future.
pub const ZONE_AHEAD_MS: i64 = 14 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Reads a date of any precision into FHIR's form: `2018`, `2018-03`, `2018-03-02`, `3/2018`, `2/3/2018`, with `/`, `-` or
/// `.` between the parts, the day first or the year first.
///
/// # Errors
/// [`InputError::Empty`], [`InputError::TooLong`], [`InputError::Letters`]; [`InputError::NotADate`] for what is half
/// typed or has a year of two digits; [`InputError::NoSuchDay`]; [`InputError::InFuture`];
/// [`InputError::TooLongAgo`] for more than [`AGE_YEARS_MAX`] years.
pub fn date(text: &str, now_ms: u64) -> Result<String, InputError> {
    let typed = typed(text)?;
    let signs: Vec<char> = typed.chars().filter(|letter| !letter.is_ascii_digit()).collect();
    let one_sign = signs.windows(2).all(|pair| pair[0] == pair[1]);
    if !one_sign || !signs.iter().all(|sign| matches!(sign, '/' | '-' | '.' | '٫')) {
        return Err(InputError::NotADate);
    }
    let mut parts: Vec<&str> = typed.split(|letter: char| !letter.is_ascii_digit()).collect();
    if parts.len() > 1 && parts.last().is_some_and(|part| part.len() == 4) {
        parts.reverse();
    }
    let is_year = |part: &str| part.len() == 4;
    let is_short = |part: &&str| (1..=2).contains(&part.len());
    let text = match parts[..] {
        [year] if is_year(year) => year.to_owned(),
        [year, month] if is_year(year) && is_short(&month) => format!("{year}-{month:0>2}"),
        [year, month, day] if is_year(year) && is_short(&month) && is_short(&day) => {
            format!("{year}-{month:0>2}-{day:0>2}")
        }
        _ => return Err(InputError::NotADate),
    };
    let span = span(&text).ok_or(InputError::NoSuchDay)?;
    within_life(span, now_ms)?;
    Ok(text)
}

/// Reads a moment as a form sends it (`2018-03-02T11:20`), in milliseconds since 1970. Without a zone it is the clock on
/// the wall, `zone_min` minutes ahead of UTC.
///
/// # Errors
/// As [`date`]. A moment may be at most a minute ahead of `now_ms`, since forms round.
pub fn moment(text: &str, now_ms: u64, zone_min: i32) -> Result<u64, InputError> {
    let typed = typed(text)?.to_uppercase();
    let typed = typed.replacen(' ', "T", 1);
    let (span, (precision, has_zone)) = read(&typed).ok_or(InputError::NotADate)?;
    if precision < Precision::Minute {
        return Err(InputError::NotADate);
    }
    let ahead_ms = if has_zone { 0 } else { i64::from(zone_min) * 60_000 };
    let at_ms = span.from_ms.saturating_sub(ahead_ms);
    if at_ms > to_i64(now_ms).saturating_add(60_000) {
        return Err(InputError::InFuture);
    }
    within_life(Span { from_ms: at_ms, until_ms: at_ms + 1 }, now_ms)?;
    u64::try_from(at_ms).map_err(|_| InputError::TooLongAgo)
}

fn within_life(span: Span, now_ms: u64) -> Result<(), InputError> {
    let now_ms = to_i64(now_ms);
    if span.from_ms > now_ms.saturating_add(ZONE_AHEAD_MS) {
        return Err(InputError::InFuture);
    }
    if span.until_ms < now_ms.saturating_sub((i64::from(AGE_YEARS_MAX) + 1) * 366 * DAY_MS) {
        return Err(InputError::TooLongAgo);
    }
    Ok(())
}

fn to_i64(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

//! The zone of this device's clock, so that times are those of the watch on the wall beside it.

use std::sync::OnceLock;
use time::{OffsetDateTime, UtcOffset};

static OFFSET: OnceLock<UtcOffset> = OnceLock::new();

/// Asks the system once, by `TZ` or its own setting. To be called before a second thread runs, since the system's answer
/// depends on the environment; if it gives none, times are in UTC and say so.
pub fn ask() {
    OFFSET.get_or_init(|| UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC));
}

/// The offset as it was when the program started.
pub fn offset() -> UtcOffset {
    OFFSET.get().copied().unwrap_or(UtcOffset::UTC)
}

/// A time of this device's clock, with its zone: `2018-03-02 14:20 UTC+03:00`.
pub fn time(at_ms: u64) -> String {
    in_zone(at_ms, offset())
}

fn in_zone(at_ms: u64, offset: UtcOffset) -> String {
    let at = i64::try_from(at_ms / 1000).ok().and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    let Some(at) = at.and_then(|at| at.checked_to_offset(offset)) else { return "?".to_owned() };
    let (hours, minutes, _) = offset.as_hms();
    let zone = match (hours, minutes) {
        (0, 0) => "UTC".to_owned(),
        _ => {
            let sign = if offset.is_negative() { '-' } else { '+' };
            format!("UTC{sign}{:02}:{:02}", hours.unsigned_abs(), minutes.unsigned_abs())
        }
    };
    let (date, month) = (at.date(), u8::from(at.month()));
    format!("{:04}-{month:02}-{:02} {:02}:{:02} {zone}", date.year(), date.day(), at.hour(), at.minute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_names_its_zone() {
        let plus = UtcOffset::from_hms(3, 0, 0).unwrap();
        let minus = UtcOffset::from_hms(-3, -30, 0).unwrap();
        assert_eq!(in_zone(1_519_989_600_000, plus), "2018-03-02 14:20 UTC+03:00");
        assert_eq!(in_zone(1_519_989_600_000, minus), "2018-03-02 07:50 UTC-03:30");
        assert_eq!(in_zone(1_519_989_600_000, UtcOffset::UTC), "2018-03-02 11:20 UTC");
        assert_eq!(in_zone(u64::MAX, plus), "?");
    }
}

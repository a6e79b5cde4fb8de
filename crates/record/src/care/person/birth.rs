//! When somebody was born: a date, or an age that was said at some time.

use serde_json::{Value, json};

use super::super::input::{Age, AgeUnit};
use super::super::shape::{extension, list, ms_of, set as set_member, str_of, time};
use crate::outgoing::rfc3339;
use crate::time::{Precision, read as read_time};

/// On the Patient: an age and when it was said, from which `birthDate` was reckoned.
const AGE_ABOUT: &str = "urn:sanad:age-about";
/// The mean Gregorian month, 30.436875 days.
const MONTH_MS: u64 = 2_629_746_000;
const UCUM: &str = "http://unitsofmeasure.org";

/// When somebody was born, as exactly as it is known. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub enum Birth {
    /// FHIR's `date`, of any precision, as [`crate::care::input::date`] gives it.
    Date(String),
    /// An age that was said or guessed at a moment, in milliseconds since 1970. `birthDate` then says no more than the
    /// age does: the year for years, the month for months.
    Aged(Age, u64),
}

impl std::fmt::Debug for Birth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Birth(..)")
    }
}

impl Birth {
    /// What `birthDate` says.
    pub fn date(&self) -> String {
        match self {
            Birth::Date(date) => date.clone(),
            Birth::Aged(age, at_ms) => {
                let at = rfc3339(*at_ms);
                let number = |from: usize, until: usize| at[from..until].parse::<i64>().unwrap_or(1);
                let (year, month) = (number(0, 4), number(5, 7));
                let count = i64::from(age.count);
                match age.unit {
                    AgeUnit::Years => format!("{:04}", (year - count).max(1)),
                    AgeUnit::Months => {
                        let months = (year * 12 + month - 1 - count).max(12);
                        format!("{:04}-{:02}", months / 12, months % 12 + 1)
                    }
                    AgeUnit::Days => rfc3339(at_ms.saturating_sub(u64::from(age.count) * 86_400_000))[..10].to_owned(),
                }
            }
        }
    }

    /// The age in whole months at a moment: what was said and the time since, or reckoned from the date, of which the
    /// middle counts where the day is not known. `None` before the birth.
    pub fn months_at(&self, now_ms: u64) -> Option<u32> {
        if let Birth::Aged(age, at_ms) = self {
            let since = now_ms.saturating_sub(*at_ms) / MONTH_MS;
            return age.months().checked_add(u32::try_from(since).ok()?);
        }
        let date = self.date();
        let (span, (precision, _)) = read_time(&date)?;
        let now = i64::try_from(now_ms).ok().filter(|now| *now >= span.from_ms)?;
        if precision < Precision::Day {
            let since_ms = u64::try_from(now - (span.from_ms + span.until_ms) / 2).unwrap_or(0);
            return u32::try_from(since_ms / MONTH_MS).ok();
        }
        let day = |text: &str| {
            let mut parts = text.get(..10)?.split('-').map(str::parse::<u32>);
            Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?))
        };
        let ((born_year, born_month, born_day), (year, month, of_month)) = (day(&date)?, day(&rfc3339(now_ms))?);
        let begun = (year * 12 + month).checked_sub(born_year * 12 + born_month)?;
        Some(begun.saturating_sub(u32::from(of_month < born_day)))
    }
}

pub(super) fn read(patient: &Value) -> Option<Birth> {
    let date =
        str_of(patient, "birthDate").filter(|text| read_time(text).is_some_and(|(_, (how, _))| how <= Precision::Day));
    let aged = extension(patient, AGE_ABOUT).and_then(read_aged);
    // Whoever sets a date over an age without taking the age out means the date.
    match (date, aged) {
        (Some(date), Some(aged)) if aged.date() == date => Some(aged),
        (Some(date), _) => Some(Birth::Date(date.to_owned())),
        (None, _) => None,
    }
}

fn read_aged(aged: &Value) -> Option<Birth> {
    let part = |url: &str| list(aged, "extension").iter().find(|part| str_of(part, "url") == Some(url));
    let age = part("age")?.get("valueAge")?;
    let unit = AgeUnit::ALL.into_iter().find(|unit| str_of(age, "code") == Some(unit.code()))?;
    let count = u32::try_from(age.get("value")?.as_u64()?).ok().filter(|count| *count <= unit.most())?;
    let about = part("about").and_then(|about| about.get("valueBoolean")?.as_bool()) == Some(true);
    Some(Birth::Aged(Age { count, unit, about }, ms_of(part("at")?, "valueDateTime")?))
}

pub(super) fn set(patient: &mut Value, birth: Option<&Birth>) {
    set_member(patient, "birthDate", birth.map(|birth| birth.date().into()));
    set_member(patient, "_birthDate", None);
    let mut extensions = list(patient, "extension").to_vec();
    extensions.retain(|extension| str_of(extension, "url") != Some(AGE_ABOUT));
    if let Some(Birth::Aged(age, at_ms)) = birth {
        let value = json!({ "value": age.count, "system": UCUM, "code": age.unit.code() });
        extensions.push(json!({ "url": AGE_ABOUT, "extension": [
            { "url": "age", "valueAge": value },
            { "url": "about", "valueBoolean": age.about },
            { "url": "at", "valueDateTime": time(*at_ms) },
        ] }));
    }
    super::super::shape::set_list(patient, "extension", extensions);
}

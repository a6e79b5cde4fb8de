//! What the pages at the bedside share: whose chart it is, who writes, and one sentence for whatever was typed wrong.

use sanad_node::site::Site;
use sanad_record::care::input;
use sanad_record::formulary::Label;
use sanad_record::shape::{CannotWrite, Stored, TEXT_CHARS_MAX, Writing};
use sanad_record::table::Origin;
use sanad_record::typed::{Decimal, NotANumber, decimal};
use sanad_record::vitals::{Vital, series};
use serde_json::Value;

use super::board_page::{input_words, who_of};
use super::casualty::open_stay;
use super::record::{Chart, Read};
use super::sheet::Sheet;
use crate::fhir::Who;
use crate::pages::Frame;
use crate::pages::failure::Failure;
use crate::text::{Lang, Voice, grouped};

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;
/// A weight that is older than this many days is not gone by: a child grows, and who is starved does not weigh the same.
const WEIGHT_DAYS_MAX: u64 = 60;

/// A patient and what the head of each page says of them. No `Debug`: it holds patient text.
pub(crate) struct Bed {
    pub chart: Chart,
    /// The Patient as it reads; null if it is not here.
    patient: Value,
    /// The stay that is open, if there is one.
    encounter: Option<String>,
}

impl Bed {
    /// Whose page this is.
    ///
    /// # Errors
    /// [`Failure::Missing`] if there is no such patient, or the chart cannot be read here.
    pub(crate) fn of(site: &Site, id: &str) -> Result<Bed, Failure> {
        let chart = Chart::read(site, id)?.ok_or(Failure::Missing)?;
        let patient = serde_json::from_slice(&chart.patient).unwrap_or_default();
        let encounter = open_stay(&chart).map(|(_, read)| read.key.id.clone());
        Ok(Bed { chart, patient, encounter })
    }

    /// Who it is, by as little as serves.
    pub(crate) fn who(&self, f: &Frame) -> Who {
        who_of(f, &self.chart.id, &self.chart.patient)
    }

    /// The Patient as it reads; null if it is not here.
    pub(crate) fn patient(&self) -> &Value {
        &self.patient
    }

    /// The code of the administrative sex, if it is said.
    pub(crate) fn sex(&self) -> Option<&str> {
        self.patient.get("gender")?.as_str()
    }

    /// Under what a page writes.
    pub(crate) fn writing<'a>(&'a self, by: Option<&'a str>, at_ms: u64) -> Writing<'a> {
        Writing { patient: &self.chart.id, encounter: self.encounter.as_deref(), by, at_ms }
    }

    /// The age in days, if it is known well enough to go by: a birth that may lie anywhere in a year says nothing of how
    /// old an infant is.
    pub(crate) fn age_days(&self, now_ms: u64) -> Option<u32> {
        let born = sanad_record::time::span(self.patient.get("birthDate")?.as_str()?)?;
        let (spread, now) = (born.until_ms.checked_sub(born.from_ms)?, i64::try_from(now_ms).ok()?);
        let age = now.checked_sub(born.from_ms.checked_add(spread / 2)?)?;
        let is_known = age >= 0 && spread <= (age / 4).max(DAY_MS);
        is_known.then(|| u32::try_from(age / DAY_MS).ok()).flatten()
    }

    /// The newest weight, if it is new enough to go by, and when it was taken.
    pub(crate) fn weight(&self, now_ms: u64) -> Option<(Decimal, u64)> {
        let observations = stored(self.chart.of("Observation"));
        let weights = series(&observations).into_iter().find(|series| series.vital == Vital::Weight)?;
        let newest = weights.points.last()?;
        let is_new = now_ms.saturating_sub(newest.at_ms) <= WEIGHT_DAYS_MAX * DAY_MS as u64;
        is_new.then_some((newest.value, newest.at_ms))
    }
}

/// Records as the record's own functions take them.
pub(crate) fn stored(reads: &[Read]) -> Vec<Stored<'_>> {
    reads.iter().map(|read| Stored { id: &read.key.id, resource: &read.value }).collect()
}

/// What a table calls something, in the language of the screen.
pub(crate) fn named(v: &Voice, label: Label) -> String {
    match v.lang {
        Lang::Ar => label.arabic.to_owned(),
        Lang::En => label.english.to_owned(),
    }
}

/// Where a table is from, while nobody has verified it.
pub(crate) fn unverified(v: &Voice, origin: &Origin) -> Option<String> {
    origin.verified.is_none().then(|| v.with("bedside-unverified", "source", origin.source))
}

/// Why what was typed is no number.
pub(crate) fn not_a_number(v: &Voice, error: NotANumber) -> String {
    match error {
        NotANumber::Empty => v.t("typed-empty"),
        NotANumber::MixedDigits => v.t("typed-mixed"),
        NotANumber::Ambiguous => v.t("typed-ambiguous"),
        NotANumber::TooPrecise => v.t("typed-too-precise"),
        NotANumber::TooLarge | NotANumber::TooLong => v.t("typed-too-large"),
        NotANumber::NotAPair => v.t("typed-not-a-pair"),
        NotANumber::NotDigits => v.t("typed-not-digits"),
    }
}

/// A line of a form; or one sentence at its field.
pub(crate) fn line(v: &Voice, s: &mut Sheet, name: &str) -> Option<String> {
    s.take(name, |text| input::line(text, TEXT_CHARS_MAX), |error| input_words(v, error)).flatten()
}

/// A number of a form; or one sentence at its field.
pub(crate) fn number(v: &Voice, s: &mut Sheet, name: &str) -> Option<Decimal> {
    s.take(name, decimal, |error| not_a_number(v, error))
}

/// Why a form could not be written; at the field it is about, as far as that can be said.
pub(crate) fn cannot_write(v: &Voice, error: CannotWrite) -> String {
    match error {
        CannotWrite::TextTooLong => v.with("field-too-long", "max", &grouped(TEXT_CHARS_MAX as u64)),
        CannotWrite::TextMissing => v.t("typed-empty"),
        CannotWrite::Nothing => v.t("typed-nothing"),
        CannotWrite::Id | CannotWrite::WrongRecord => v.t("bedside-changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn born(date: &str) -> Bed {
        let chart = Chart::empty("p");
        Bed { chart, patient: json!({ "birthDate": date }), encounter: None }
    }

    #[test]
    fn an_age_that_is_only_guessed_at_is_not_gone_by() {
        // 2018-03-02.
        let now_ms = 1_519_989_600_000;
        assert_eq!(born("2018-02-28").age_days(now_ms), Some(1));
        assert_eq!(born("1984").age_days(now_ms).map(|days| days / 365), Some(33));
        assert_eq!(born("2017-12").age_days(now_ms), None, "between two and three months");
        assert_eq!(born("2017").age_days(now_ms), None);
        for wrong in ["2019", "9999-99", "<b>", ""] {
            assert_eq!(born(wrong).age_days(now_ms), None, "{wrong}");
        }
    }
}

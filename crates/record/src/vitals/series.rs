//! Observations as the series that a chart draws.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Avpu, Vital, table};
use crate::shape::{LOINC, Stored, UCUM, amount, code_in, codings, is_type, list, text, time_ms};
use crate::typed::Decimal;

/// Most points of a series, the newest: a value every quarter of an hour for three weeks.
pub const POINTS_MAX: usize = 2_000;

/// One value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Point {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// The value, in the unit of the row of its vital sign.
    pub value: Decimal,
    /// The id of the Observation.
    pub id: String,
}

/// What a chart draws of one vital sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Series {
    /// Which.
    pub vital: Vital,
    /// The values, oldest first.
    pub points: Vec<Point>,
    /// How many values there are besides that cannot be drawn: no time, another unit, a bound instead of a value.
    pub left_out: usize,
}

/// The series in the Observations of a patient, in the order of [`Vital::ALL`]; those without any value are not there.
///
/// Reads values and components of anybody's Observations by LOINC code. Passes over what was written by mistake or
/// cancelled. At most [`POINTS_MAX`] points each.
pub fn series(observations: &[Stored<'_>]) -> Vec<Series> {
    let mut found: BTreeMap<Vital, Series> = BTreeMap::new();
    for record in observations {
        let resource = record.resource;
        let taken_back = matches!(text(resource, "status"), Some("entered-in-error" | "cancelled"));
        if !is_type(resource, "Observation") || taken_back {
            continue;
        }
        let at_ms = time(resource);
        for part in std::iter::once(resource).chain(list(resource, "component")) {
            let Some(vital) = vital_of(part) else { continue };
            // A panel has its code and no value of its own; so has what could not be measured.
            if !part.as_object().is_some_and(|part| part.keys().any(|name| name.starts_with("value"))) {
                continue;
            }
            let series = found.entry(vital).or_insert_with(|| Series { vital, points: Vec::new(), left_out: 0 });
            match at_ms.zip(value(vital, part)) {
                Some((at_ms, value)) => series.points.push(Point { at_ms, value, id: record.id.to_owned() }),
                None => series.left_out += 1,
            }
        }
    }
    let mut list: Vec<Series> = found.into_values().collect();
    for series in &mut list {
        series.points.sort();
        let old = series.points.len().saturating_sub(POINTS_MAX);
        series.points.drain(..old);
        series.left_out += old;
    }
    list
}

pub(super) fn time(observation: &Value) -> Option<u64> {
    let period = observation.get("effectivePeriod").and_then(|period| time_ms(period.get("start")));
    time_ms(observation.get("effectiveDateTime")).or_else(|| time_ms(observation.get("effectiveInstant"))).or(period)
}

fn vital_of(part: &Value) -> Option<Vital> {
    let codes = codings(part.get("code")?).filter(|(system, _)| *system == LOINC);
    let row = |code| table().vitals.iter().find(|row| row.loinc == code || row.others.contains(&code));
    codes.filter_map(|(_, code)| row(code)).map(|row| row.vital).next()
}

fn value(vital: Vital, part: &Value) -> Option<Decimal> {
    if vital == Vital::Avpu {
        let code = code_in(part.get("valueCodeableConcept"), super::AVPU_SYSTEM)?;
        return Some(Decimal::whole(match Avpu::parse(code).ok()? {
            Avpu::Alert => 3,
            Avpu::Voice => 2,
            Avpu::Pain => 1,
            Avpu::Unresponsive => 0,
        }));
    }
    if let Some(whole) = part.get("valueInteger") {
        return Decimal::of_json(whole).filter(|_| vital.row().is_some_and(|row| row.ucum == "{score}"));
    }
    let quantity = part.get("valueQuantity")?;
    let value = amount(quantity)?;
    let row = vital.row()?;
    let coded = text(quantity, "code").filter(|_| text(quantity, "system").is_none_or(|system| system == UCUM));
    match coded.or_else(|| text(quantity, "unit"))? {
        unit if unit == row.ucum || unit == row.unit => Some(value),
        // As others write the same.
        "1" | "{ScoreOf}" if row.ucum == "{score}" => Some(value),
        "{beats}/min" | "{breaths}/min" if row.ucum == "/min" => Some(value),
        "[degF]" if vital == Vital::Temperature => {
            let above_freezing = value.millionths().checked_sub(32_000_000)?;
            Decimal::of_millionths(above_freezing)?.times_over(5, 9)
        }
        "g" if vital == Vital::Weight => value.times_over(1, 1_000),
        // A mole of glucose is 180.156 g.
        "mmol/L" if vital == Vital::Glucose => value.times_over(180_156, 10_000),
        _ => None,
    }
}

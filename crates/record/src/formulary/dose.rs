//! Units of doses, and the table of usual ranges.

use std::sync::OnceLock;

use crate::table::{Origin, named, origin, rows};
use crate::typed::{Decimal, decimal};

const DOSES: &str = include_str!("../../data/formulary/doses-v1.txt");

/// The unit of a dose.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Unit {
    /// Microgram.
    Microgram,
    /// Milligram.
    Milligram,
    /// Gram.
    Gram,
    /// Millilitre.
    Millilitre,
    /// Litre.
    Litre,
    /// International unit.
    InternationalUnit,
    /// Millimole.
    Millimole,
    /// Tablet or capsule of a fixed combination.
    Tablet,
    /// Puff of an inhaler.
    Puff,
    /// Drop.
    Drop,
    /// One application to skin or wound.
    Application,
}

const UNITS: &[(&str, Unit)] = &[
    ("mcg", Unit::Microgram),
    ("mg", Unit::Milligram),
    ("g", Unit::Gram),
    ("mL", Unit::Millilitre),
    ("L", Unit::Litre),
    ("IU", Unit::InternationalUnit),
    ("mmol", Unit::Millimole),
    ("tablet", Unit::Tablet),
    ("puff", Unit::Puff),
    ("drop", Unit::Drop),
    ("application", Unit::Application),
    // As others write them: UCUM, and Arabic.
    ("ug", Unit::Microgram),
    ("µg", Unit::Microgram),
    ("ml", Unit::Millilitre),
    ("l", Unit::Litre),
    ("[iU]", Unit::InternationalUnit),
    ("{tablet}", Unit::Tablet),
    ("{puff}", Unit::Puff),
    ("[drp]", Unit::Drop),
    ("{application}", Unit::Application),
    ("مكغ", Unit::Microgram),
    ("ملغ", Unit::Milligram),
    ("غ", Unit::Gram),
    ("مل", Unit::Millilitre),
    ("ل", Unit::Litre),
    ("وحدة", Unit::InternationalUnit),
];

impl Unit {
    /// Every unit.
    pub const ALL: [Unit; 11] = [
        Unit::Microgram,
        Unit::Milligram,
        Unit::Gram,
        Unit::Millilitre,
        Unit::Litre,
        Unit::InternationalUnit,
        Unit::Millimole,
        Unit::Tablet,
        Unit::Puff,
        Unit::Drop,
        Unit::Application,
    ];

    /// Reads a unit as this program, UCUM or Arabic writes it. Case counts: `Mg` is none.
    pub fn parse(text: &str) -> Option<Unit> {
        named(UNITS, text)
    }

    /// As it is written on a screen and in the tables.
    pub fn symbol(self) -> &'static str {
        UNITS.iter().find(|(_, unit)| *unit == self).map_or("", |(symbol, _)| symbol)
    }

    /// The UCUM code.
    pub fn ucum(self) -> &'static str {
        match self {
            Unit::Microgram => "ug",
            Unit::Milligram => "mg",
            Unit::Gram => "g",
            Unit::Millilitre => "mL",
            Unit::Litre => "L",
            Unit::InternationalUnit => "[iU]",
            Unit::Millimole => "mmol",
            Unit::Tablet => "{tablet}",
            Unit::Puff => "{puff}",
            Unit::Drop => "[drp]",
            Unit::Application => "{application}",
        }
    }

    /// The smallest unit of its kind, and how many of it this is.
    fn smallest(self) -> (Unit, i64) {
        match self {
            Unit::Milligram => (Unit::Microgram, 1_000),
            Unit::Gram => (Unit::Microgram, 1_000_000),
            Unit::Litre => (Unit::Millilitre, 1_000),
            other => (other, 1),
        }
    }

    /// An amount in another unit. `None` if the two measure different things, or the amount is out of range there.
    pub fn convert(self, amount: Decimal, to: Unit) -> Option<Decimal> {
        let ((kind, from), (other, into)) = (self.smallest(), to.smallest());
        (kind == other).then(|| amount.times_over(from, into)).flatten()
    }
}

/// Days in so many years or months, as the table and every caller count them, so that both sides of a comparison are
/// rounded alike.
pub fn age_days(number: u32, is_years: bool) -> u32 {
    // 365.25 days a year, 30.4375 a month.
    let (days, per) = if is_years { (1_461, 4) } else { (487, 16) };
    u32::try_from(u64::from(number) * days / per).unwrap_or(u32::MAX)
}

/// A row of the table: what is usual for one substance, by some routes, at some ages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DoseRange {
    /// The substance.
    pub substance: &'static str,
    /// Codes of the routes.
    pub routes: Vec<&'static str>,
    /// From this age on, in days.
    pub from_days: u32,
    /// Below this age, in days; `None` has no end.
    pub below_days: Option<u32>,
    /// True if `least` and `most` are for each kilogram of weight.
    pub per_kg: bool,
    /// The least in one dose.
    pub least: Decimal,
    /// The most in one dose.
    pub most: Decimal,
    /// The unit of all amounts here.
    pub unit: Unit,
    /// The most in one dose, whatever the weight.
    pub most_once: Option<Decimal>,
    /// The most in a day, and whether that is for each kilogram of weight.
    pub most_in_day: Option<(Decimal, bool)>,
    /// What for.
    pub purpose: &'static str,
}

/// All rows, in the order of the table.
pub fn doses() -> &'static [DoseRange] {
    static TABLE: OnceLock<Vec<DoseRange>> = OnceLock::new();
    TABLE.get_or_init(|| rows(DOSES).filter_map(|row| read(&row)).collect())
}

/// Where the table is from.
pub fn doses_origin() -> Origin {
    origin(DOSES)
}

impl DoseRange {
    /// Whether a person of that age is meant.
    pub(super) fn fits_age(&self, days: u32) -> bool {
        days >= self.from_days && self.below_days.is_none_or(|below| days < below)
    }
}

pub(super) fn read(row: &[&'static str]) -> Option<DoseRange> {
    let [substance, routes, from, below, basis, least, most, unit, most_once, most_in_day, purpose] = *row else {
        return None;
    };
    Some(DoseRange {
        substance,
        routes: routes.split(' ').collect(),
        from_days: age(from)?,
        below_days: open(below, age)?,
        per_kg: match basis {
            "kg" => true,
            "flat" => false,
            _ => return None,
        },
        least: decimal(least).ok()?,
        most: decimal(most).ok()?,
        unit: Unit::parse(unit)?,
        most_once: open(most_once, |text| decimal(text).ok())?,
        most_in_day: open(most_in_day, |text| match text.strip_suffix("/kg") {
            Some(number) => Some((decimal(number).ok()?, true)),
            None => Some((decimal(text).ok()?, false)),
        })?,
        purpose,
    })
}

/// `-` is open.
fn open<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if text == "-" { Some(None) } else { read(text).map(Some) }
}

fn age(text: &str) -> Option<u32> {
    let number = |unit| text.strip_suffix(unit)?.parse().ok();
    number('d').or_else(|| Some(age_days(number('m')?, false))).or_else(|| Some(age_days(number('y')?, true)))
}

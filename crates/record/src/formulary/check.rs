//! What speaks against an order: allergies, what is given already, and doses outside the usual range.

use super::allergy::{ALLERGIES_MAX, Allergen, Standing, allergens, are_near, groups_of, standing};
use super::dose::{DoseRange, doses, doses_origin};
use super::order::{OrderState, medicine};
use super::{Frequency, Item, Unit, order};
use crate::shape::{Stored, is_type};
use crate::typed::Decimal;

/// Most orders of one chart that are compared with a new one: a ward patient has twenty.
const CURRENT_MAX: usize = 500;
/// Minutes in a day.
const DAY_MINUTES: u32 = 1_440;
/// The most that anybody weighs, in kilograms: what is above is a slip, and counts as not known.
const WEIGHT_MAX_KG: u32 = 400;

/// What somebody means to order.
#[derive(Clone, Copy, Debug)]
pub struct Proposed<'a> {
    /// The item.
    pub item: &'a Item,
    /// How much at once.
    pub dose: Decimal,
    /// In what unit.
    pub unit: Unit,
    /// The code of the route.
    pub route: &'a str,
    /// How often.
    pub frequency: Frequency,
}

/// Who is to have it, as far as that is known.
#[derive(Clone, Copy, Default)]
pub struct Patient {
    /// Weight in kilograms.
    pub weight_kg: Option<Decimal>,
    /// Age in days ([`super::age_days`]).
    pub age_days: Option<u32>,
}

/// How an allergy concerns the item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HowAllergic {
    /// It is to the substance itself.
    Substance,
    /// It is to a group that the substance belongs to, or to another of that group. Holds the group's code.
    Group(&'static str),
    /// It is to a group near one that the substance belongs to. Holds the code of the group of the allergy.
    NearGroup(&'static str),
}

/// How an order doubles the item.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HowDuplicate {
    /// The same substance.
    Substance,
    /// Another of the same chemical group (the first five characters of ATC).
    SameClass,
}

/// One thing that a person should know before they order. Texts of the chart are named by the id of their record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Warning {
    /// An active allergy.
    Allergy {
        /// The AllergyIntolerance.
        id: String,
        /// How it concerns the item.
        how: HowAllergic,
    },
    /// It is ordered already.
    Duplicate {
        /// The MedicationRequest.
        id: String,
        /// How the two are alike.
        how: HowDuplicate,
    },
    /// More than is usual.
    DoseAbove(Usual),
    /// Less than is usual.
    DoseBelow(Usual),
    /// The usual dose is by weight, and the weight is not known or not plausible.
    NoWeight,
    /// The usual dose depends on the age, and that is not known: the widest range was taken.
    NoAge,
    /// The table has the dose in a unit that cannot be compared.
    UnitsDiffer {
        /// The unit of the table.
        usual: Unit,
    },
    /// The item is not given by this route, as far as the formulary says.
    OtherRoute,
    /// No usual range is known for this item, route and age, so the dose was compared with nothing.
    NothingKnown,
}

/// The range that a dose was compared with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usual {
    /// The least in one dose, for this patient.
    pub least: Decimal,
    /// The most in one dose, or in a day, for this patient.
    pub most: Decimal,
    /// The unit of both.
    pub unit: Unit,
    /// True if it is the day's sum that is above; `least` is zero then.
    pub in_day: bool,
    /// What for.
    pub purpose: &'static str,
    /// What the range is from.
    pub source: &'static str,
    /// True if a clinician compared the table with its source.
    pub verified: bool,
}

/// What speaks against an order, the most dangerous first: allergies, then the dose, then what is ordered already.
///
/// Takes AllergyIntolerance resources as `allergies` and MedicationRequests as `current`, and passes over others, those
/// that are not active, and what is not of FHIR's shape. Gives one warning for each record at most.
pub fn checks(
    proposed: &Proposed<'_>,
    patient: &Patient,
    allergies: &[Stored<'_>],
    current: &[Stored<'_>],
) -> Vec<Warning> {
    let mut warnings = allergic(proposed.item, allergies);
    warnings.extend(dose_warnings(proposed, patient));
    warnings.extend(duplicates(proposed.item, current));
    warnings
}

fn allergic(item: &Item, allergies: &[Stored<'_>]) -> Vec<Warning> {
    let active = allergies.iter().filter(|record| {
        is_type(record.resource, "AllergyIntolerance") && standing(record.resource) == Standing::Active
    });
    let mut warnings: Vec<(HowAllergic, String)> = active
        .take(ALLERGIES_MAX)
        .filter_map(|record| {
            let (found, _) = allergens(record.resource);
            let how = found.into_iter().filter_map(|allergen| concerns(allergen, item.substance)).min()?;
            Some((how, record.id.to_owned()))
        })
        .collect();
    warnings.sort();
    warnings.into_iter().map(|(how, id)| Warning::Allergy { id, how }).collect()
}

/// How an allergy to that concerns a substance.
fn concerns(allergen: Allergen, substance: &str) -> Option<HowAllergic> {
    let its: Vec<&'static str> = groups_of(substance).map(|group| group.label.code).collect();
    let of_allergy: Vec<&'static str> = match allergen {
        Allergen::Substance(other) if other == substance => return Some(HowAllergic::Substance),
        Allergen::Substance(other) => groups_of(other).map(|group| group.label.code).collect(),
        Allergen::Group(group) => vec![group],
        Allergen::Other(_) => return None,
    };
    let same = of_allergy.iter().find(|group| its.contains(group));
    let near = || of_allergy.iter().find(|group| its.iter().any(|own| are_near(own, group)));
    same.map(|group| HowAllergic::Group(group)).or_else(|| near().map(|group| HowAllergic::NearGroup(group)))
}

fn duplicates(item: &Item, current: &[Stored<'_>]) -> Vec<Warning> {
    let requests = current.iter().filter_map(|record| Some((record, order(*record)?))).take(CURRENT_MAX);
    let mut found: Vec<(HowDuplicate, String)> = requests
        .filter(|(_, order)| matches!(order.state, OrderState::Active | OrderState::Held))
        .filter_map(|(record, _)| Some((alike(item, record)?, record.id.to_owned())))
        .collect();
    found.sort();
    found.into_iter().map(|(how, id)| Warning::Duplicate { id, how }).collect()
}

fn alike(item: &Item, record: &Stored<'_>) -> Option<HowDuplicate> {
    // Five characters are the chemical group; ATC codes are ASCII, but others' records may say anything.
    let class = |atc: &str| atc.get(..5).map(str::to_owned);
    let (known, atc) = medicine(record.resource);
    if known.is_some_and(|known| known.substance == item.substance) || atc.as_deref() == Some(item.atc) {
        Some(HowDuplicate::Substance)
    } else if atc.as_deref().or(known.map(|known| known.atc)).and_then(class) == class(item.atc) {
        Some(HowDuplicate::SameClass)
    } else {
        None
    }
}

// ---- The dose ----

/// A row for this patient: amounts instead of amounts for each kilogram.
struct ForPatient {
    least: Option<Decimal>,
    most: Option<Decimal>,
    in_day: Option<Decimal>,
    row: &'static DoseRange,
}

fn dose_warnings(proposed: &Proposed<'_>, patient: &Patient) -> Vec<Warning> {
    let mut warnings = Vec::new();
    if !proposed.item.routes.iter().any(|route| route.code == proposed.route) {
        warnings.push(Warning::OtherRoute);
    }
    let by_route: Vec<&DoseRange> = doses()
        .iter()
        .filter(|row| row.substance == proposed.item.substance && row.routes.contains(&proposed.route))
        .collect();
    let rows: Vec<&'static DoseRange> =
        by_route.iter().filter(|row| patient.age_days.is_none_or(|days| row.fits_age(days))).copied().collect();
    if rows.is_empty() {
        warnings.push(Warning::NothingKnown);
        return warnings;
    }
    let depends_on_age = |row: &&DoseRange| row.from_days > 0 || row.below_days.is_some();
    if patient.age_days.is_none() && rows.iter().any(depends_on_age) {
        warnings.push(Warning::NoAge);
    }
    let weight = patient.weight_kg.filter(|kg| (Decimal::ZERO < *kg) && *kg <= Decimal::whole(WEIGHT_MAX_KG));
    if weight.is_none() && rows.iter().any(|row| row.per_kg) {
        warnings.push(Warning::NoWeight);
    }
    let comparable: Vec<(&'static DoseRange, Decimal)> =
        rows.iter().filter_map(|row| Some((*row, proposed.unit.convert(proposed.dose, row.unit)?))).collect();
    if comparable.is_empty() {
        warnings.push(Warning::UnitsDiffer { usual: rows[0].unit });
        return warnings;
    }
    warnings.extend(outside(&comparable, weight, proposed.frequency));
    warnings
}

/// Whether the dose is within none of the rows, and which of them says so most clearly.
fn outside(rows: &[(&'static DoseRange, Decimal)], weight: Option<Decimal>, often: Frequency) -> Option<Warning> {
    let mut above: Option<Usual> = None;
    let mut below: Option<Usual> = None;
    let mut day_above: Option<Usual> = None;
    for (row, dose) in rows {
        let row = ForPatient::of(row, weight);
        if row.most.is_some_and(|most| *dose > most) {
            let usual = row.usual(false);
            // The row that allows most is the one that it is above of.
            if above.is_none_or(|known| known.most < usual.most) {
                above = Some(usual);
            }
        } else if row.least.is_some_and(|least| *dose < least) {
            let usual = row.usual(false);
            if below.is_none_or(|known| usual.least < known.least) {
                below = Some(usual);
            }
        } else if row.in_day.is_some_and(|most| in_day(*dose, often).is_none_or(|sum| sum > most)) {
            let usual = row.usual(true);
            if day_above.is_none_or(|known| known.most < usual.most) {
                day_above = Some(usual);
            }
        } else if row.least.is_some() {
            return None;
        }
    }
    // Between two rows, too much for one purpose and too little for another, it is too much that harms.
    match (day_above, above, below) {
        (Some(usual), _, _) | (None, Some(usual), _) => Some(Warning::DoseAbove(usual)),
        (None, None, Some(usual)) => Some(Warning::DoseBelow(usual)),
        (None, None, None) => None,
    }
}

/// The sum of a day. `None` if it is out of all range.
fn in_day(dose: Decimal, often: Frequency) -> Option<Decimal> {
    let minutes = match often {
        Frequency::Every { minutes } | Frequency::AsNeeded { least_minutes: Some(minutes) } => minutes,
        Frequency::Once | Frequency::AsNeeded { least_minutes: None } => DAY_MINUTES,
    };
    // Given more rarely than daily, the day of a dose still has the whole of it.
    dose.times_over(DAY_MINUTES.into(), minutes.clamp(1, DAY_MINUTES).into())
}

impl ForPatient {
    fn of(row: &'static DoseRange, weight: Option<Decimal>) -> ForPatient {
        let weighed = |amount: Decimal, per_kg: bool| if per_kg { amount.times(weight?) } else { Some(amount) };
        let most = weighed(row.most, row.per_kg);
        let most = match (most, row.most_once) {
            (Some(most), Some(once)) => Some(most.min(once)),
            // Without a weight, what is too much for everybody still is.
            (most, once) => most.or(once),
        };
        let least = weighed(row.least, row.per_kg).map(|least| most.map_or(least, |most| least.min(most)));
        let in_day = row.most_in_day.and_then(|(amount, per_kg)| weighed(amount, per_kg));
        ForPatient { least, most, in_day, row }
    }

    fn usual(&self, in_day: bool) -> Usual {
        let origin = doses_origin();
        let (least, most) = if in_day { (None, self.in_day) } else { (self.least, self.most) };
        Usual {
            least: least.unwrap_or_default(),
            most: most.unwrap_or_default(),
            unit: self.row.unit,
            in_day,
            purpose: self.row.purpose,
            source: origin.source,
            verified: origin.verified.is_some(),
        }
    }
}

//! Vital signs: what is typed at the bedside, the Observations it becomes, and the series that a chart draws.
//!
//! Promises:
//! - what cannot be (a pulse of 1200, a pressure of 80/120) is refused at the field, and what is only unusual is saved
//!   and said, since in a siege the unusual is what has to be written down;
//! - a value in a unit that is not understood is never drawn as if it were in another: [`Series::left_out`] counts it.
//!
//! Codes, units and bounds stand in `data/vitals-v1.txt`, `verified: no` until a clinician signs it.

mod fluid;
mod observation;
mod series;

use std::sync::OnceLock;

pub use fluid::{BALANCE_MS, Balance, FLUID_SYSTEM, Fluid, balance, fluid, fluid_observation, fluids};
pub use observation::{AVPU_SYSTEM, PANEL_CODE, avpu_observation, coma_observation, observation, pressure_observation};
pub use series::{POINTS_MAX, Point, Series, series};

use crate::formulary::{Label, age_days};
use crate::table::{Origin, origin, rows};
use crate::typed::{Decimal, NotANumber, decimal, pair};

const TABLE: &str = include_str!("../data/vitals-v1.txt");

/// A vital sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Vital {
    /// Heart beats in a minute.
    Pulse,
    /// Systolic blood pressure.
    Systolic,
    /// Diastolic blood pressure.
    Diastolic,
    /// Breaths in a minute.
    Respiration,
    /// Body temperature.
    Temperature,
    /// Oxygen saturation.
    Oxygen,
    /// Glasgow coma scale, the sum.
    ComaScale,
    /// Alert, voice, pain, unresponsive; in a series 3, 2, 1 and 0.
    Avpu,
    /// Pain, 0 to 10.
    Pain,
    /// Body weight.
    Weight,
    /// Glucose in blood.
    Glucose,
    /// Urine since it was last measured.
    Urine,
}

/// A row of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VitalRow {
    /// Which.
    pub vital: Vital,
    /// Its LOINC code.
    pub loinc: &'static str,
    /// Other LOINC codes that are read as the same.
    pub others: Vec<&'static str>,
    /// What it is called.
    pub label: Label,
    /// The UCUM code of its unit.
    pub ucum: &'static str,
    /// The unit as it is shown.
    pub unit: &'static str,
}

/// What values are plausible at an age.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bound {
    /// From this age on, in days.
    pub from_days: u32,
    /// Below this age, in days; `None` has no end.
    pub below_days: Option<u32>,
    /// What is possible: least and most.
    pub possible: (Decimal, Decimal),
    /// What is usual: least and most.
    pub usual: (Decimal, Decimal),
}

/// A value that was typed and can be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The value, in the unit of its row.
    pub value: Decimal,
    /// What is usual, if the value is not: to be said, not to be refused.
    pub unusual: Option<(Decimal, Decimal)>,
}

/// Why what was typed is refused. Carries nothing that was typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// It is no number.
    #[error(transparent)]
    NotANumber(#[from] NotANumber),
    /// No living or dead body has it.
    #[error("only values from {least} to {most} are possible")]
    Impossible {
        /// The least that is.
        least: Decimal,
        /// The most that is.
        most: Decimal,
    },
    /// The second number of a blood pressure is not below the first.
    #[error("the first number is the higher one")]
    Order,
    /// Not one of the words or parts of this scale.
    #[error("not on this scale")]
    Scale,
}

impl Vital {
    /// Every vital sign, in the order of a chart.
    pub const ALL: [Vital; 12] = [
        Vital::Pulse,
        Vital::Systolic,
        Vital::Diastolic,
        Vital::Respiration,
        Vital::Temperature,
        Vital::Oxygen,
        Vital::ComaScale,
        Vital::Avpu,
        Vital::Pain,
        Vital::Weight,
        Vital::Glucose,
        Vital::Urine,
    ];

    /// Its code in the table, and in the names of form fields.
    pub fn code(self) -> &'static str {
        match self {
            Vital::Pulse => "pulse",
            Vital::Systolic => "systolic",
            Vital::Diastolic => "diastolic",
            Vital::Respiration => "respiration",
            Vital::Temperature => "temperature",
            Vital::Oxygen => "oxygen",
            Vital::ComaScale => "coma-scale",
            Vital::Avpu => "avpu",
            Vital::Pain => "pain",
            Vital::Weight => "weight",
            Vital::Glucose => "glucose",
            Vital::Urine => "urine",
        }
    }

    /// The vital sign of that code.
    pub fn of_code(code: &str) -> Option<Vital> {
        Vital::ALL.into_iter().find(|vital| vital.code() == code)
    }

    /// Its row. Every vital sign has one: a test reads them all.
    pub fn row(self) -> Option<&'static VitalRow> {
        table().vitals.iter().find(|row| row.vital == self)
    }

    /// What is plausible at an age. Without an age, what is at any: the widest of both.
    pub fn bound(self, age_days: Option<u32>) -> Option<Bound> {
        let fits = |bound: &Bound| {
            age_days.is_none_or(|days| days >= bound.from_days && bound.below_days.is_none_or(|below| days < below))
        };
        let bounds = table().bounds.iter().filter(|(vital, bound)| *vital == self && fits(bound));
        let wider = |a: (Decimal, Decimal), b: (Decimal, Decimal)| (a.0.min(b.0), a.1.max(b.1));
        bounds.map(|(_, bound)| *bound).reduce(|one, other| Bound {
            from_days: one.from_days.min(other.from_days),
            below_days: one.below_days.zip(other.below_days).map(|(a, b)| a.max(b)),
            possible: wider(one.possible, other.possible),
            usual: wider(one.usual, other.usual),
        })
    }

    /// Reads a typed value.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::Scale`] for [`Vital::Avpu`], which [`Avpu::parse`] reads.
    pub fn parse(self, typed: &str, age_days: Option<u32>) -> Result<Reading, Refused> {
        let value = decimal(typed)?;
        self.judge(value, age_days)
    }

    fn judge(self, value: Decimal, age_days: Option<u32>) -> Result<Reading, Refused> {
        let bound = self.bound(age_days).ok_or(Refused::Scale)?;
        let ((least, most), usual) = (bound.possible, bound.usual);
        if value < least || value > most {
            return Err(Refused::Impossible { least, most });
        }
        // Scales have no halves.
        if matches!(self, Vital::ComaScale | Vital::Pain) && value.millionths() % 1_000_000 != 0 {
            return Err(Refused::Scale);
        }
        let unusual = (value < usual.0 || value > usual.1).then_some(usual);
        Ok(Reading { value, unusual })
    }
}

/// Reads a typed blood pressure: `120/80`, systolic first.
///
/// # Errors
/// [`Refused`]; [`Refused::Order`] if the first is not the higher.
pub fn pressure(typed: &str, age_days: Option<u32>) -> Result<(Reading, Reading), Refused> {
    let (systolic, diastolic) = pair(typed)?;
    if systolic <= diastolic {
        return Err(Refused::Order);
    }
    Ok((Vital::Systolic.judge(systolic, age_days)?, Vital::Diastolic.judge(diastolic, age_days)?))
}

/// How awake somebody is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Avpu {
    /// Does not respond.
    Unresponsive,
    /// Responds to pain.
    Pain,
    /// Responds to voice.
    Voice,
    /// Alert.
    Alert,
}

impl Avpu {
    /// Every step, from alert down.
    pub const ALL: [Avpu; 4] = [Avpu::Alert, Avpu::Voice, Avpu::Pain, Avpu::Unresponsive];

    /// `A`, `V`, `P` or `U`.
    pub fn code(self) -> &'static str {
        match self {
            Avpu::Alert => "A",
            Avpu::Voice => "V",
            Avpu::Pain => "P",
            Avpu::Unresponsive => "U",
        }
    }

    /// Reads the letter, in either case.
    ///
    /// # Errors
    /// [`Refused::Scale`].
    pub fn parse(typed: &str) -> Result<Avpu, Refused> {
        let typed = typed.trim();
        Avpu::ALL.into_iter().find(|step| step.code().eq_ignore_ascii_case(typed)).ok_or(Refused::Scale)
    }
}

/// The parts of the Glasgow coma scale.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ComaScale {
    eye: u8,
    verbal: u8,
    motor: u8,
}

impl ComaScale {
    /// From its parts: eye 1 to 4, verbal 1 to 5, motor 1 to 6.
    ///
    /// # Errors
    /// [`Refused::Scale`].
    pub fn new(eye: u8, verbal: u8, motor: u8) -> Result<ComaScale, Refused> {
        let fits = (1..=4).contains(&eye) && (1..=5).contains(&verbal) && (1..=6).contains(&motor);
        if fits { Ok(ComaScale { eye, verbal, motor }) } else { Err(Refused::Scale) }
    }

    /// The sum, 3 to 15.
    pub fn total(self) -> u8 {
        self.eye + self.verbal + self.motor
    }

    /// Eye, verbal, motor.
    pub fn parts(self) -> (u8, u8, u8) {
        (self.eye, self.verbal, self.motor)
    }
}

/// What a code of LOINC is called, if it is one of the signs or fluids that are known here.
pub fn label_of_loinc(code: &str) -> Option<Label> {
    let sign = table().vitals.iter().find(|row| row.loinc == code || row.others.contains(&code)).map(|row| row.label);
    sign.or_else(|| fluids().iter().find(|fluid| fluid.loinc == Some(code)).map(|fluid| fluid.label))
}

/// Where the table is from, and whether anybody verified it.
pub fn vitals_origin() -> Origin {
    origin(TABLE)
}

struct Table {
    vitals: Vec<VitalRow>,
    bounds: Vec<(Vital, Bound)>,
    fluids: Vec<Fluid>,
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(|| {
        let (mut vitals, mut bounds, mut fluids) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows(TABLE) {
            vitals.extend(vital_row(&row));
            bounds.extend(bound_row(&row));
            fluids.extend(fluid::fluid_row(&row));
        }
        Table { vitals, bounds, fluids }
    })
}

fn vital_row(row: &[&'static str]) -> Option<VitalRow> {
    let ["vital", code, loinc, others, english, arabic, ucum, unit] = *row else { return None };
    let others = others.split(' ').filter(|other| *other != "-").collect();
    let label = Label { code, english, arabic };
    Some(VitalRow { vital: Vital::of_code(code)?, loinc, others, label, ucum, unit })
}

fn bound_row(row: &[&'static str]) -> Option<(Vital, Bound)> {
    let ["bound", code, from, below, least, most, usual_least, usual_most] = *row else { return None };
    let number = |text: &str| decimal(text).ok();
    let bound = Bound {
        from_days: age(from)?,
        below_days: if below == "-" { None } else { Some(age(below)?) },
        possible: (number(least)?, number(most)?),
        usual: (number(usual_least)?, number(usual_most)?),
    };
    Some((Vital::of_code(code)?, bound))
}

fn age(text: &str) -> Option<u32> {
    let number = |unit| text.strip_suffix(unit)?.parse().ok();
    number('d').or_else(|| Some(age_days(number('m')?, false))).or_else(|| Some(age_days(number('y')?, true)))
}

#[cfg(test)]
mod tests;

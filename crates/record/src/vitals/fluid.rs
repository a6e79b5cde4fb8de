//! Fluids in and out, and the balance of a day.

use serde_json::{Value, json};

use super::{observation::draft, series::time, table};
use crate::formulary::Label;
use crate::shape::{CannotWrite, LOINC, Stored, Writing, amount, code_in, is_type, quantity, text};
use crate::typed::Decimal;

/// The system of the codes of fluids.
pub const FLUID_SYSTEM: &str = "urn:sanad:fluid";
/// Over how long a balance is taken: a day.
pub const BALANCE_MS: u64 = 24 * 3_600_000;
/// More than goes in or out at once, in millilitres: what is above is a slip.
const AT_ONCE_MAX_ML: u32 = 10_000;

/// A way in or out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fluid {
    /// What it is called; its code is one of [`FLUID_SYSTEM`].
    pub label: Label,
    /// True if it goes in.
    pub is_in: bool,
    /// The LOINC code that says the same, if there is one.
    pub loinc: Option<&'static str>,
}

/// What went in and out of a patient.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Balance {
    /// Millilitres in.
    pub in_ml: Decimal,
    /// Millilitres out.
    pub out_ml: Decimal,
    /// Millilitres by way, in the order of the table, those with nothing left out.
    pub by: Vec<(Fluid, Decimal)>,
}

impl Balance {
    /// In less out, in whole millilitres.
    pub fn net_ml(&self) -> i64 {
        (self.in_ml.millionths() - self.out_ml.millionths()) / 1_000_000
    }
}

/// All ways, in the order of the table.
pub fn fluids() -> &'static [Fluid] {
    &table().fluids
}

/// The way of that code.
pub fn fluid(code: &str) -> Option<Fluid> {
    fluids().iter().find(|fluid| fluid.label.code == code).copied()
}

pub(super) fn fluid_row(row: &[&'static str]) -> Option<Fluid> {
    let ["fluid", code, direction, loinc, english, arabic] = *row else { return None };
    let is_in = match direction {
        "in" => true,
        "out" => false,
        _ => return None,
    };
    Some(Fluid { label: Label { code, english, arabic }, is_in, loinc: Some(loinc).filter(|code| *code != "-") })
}

/// The Observation that so many millilitres went in or out.
///
/// # Errors
/// [`CannotWrite`]: an illegal id or call sign; [`CannotWrite::Nothing`] for nothing, and for more than ten litres.
pub fn fluid_observation(writing: &Writing<'_>, fluid: Fluid, ml: Decimal) -> Result<Value, CannotWrite> {
    if ml == Decimal::ZERO || ml > Decimal::whole(AT_ONCE_MAX_ML) {
        return Err(CannotWrite::Nothing);
    }
    let label = fluid.label;
    let mut codings = vec![json!({ "system": FLUID_SYSTEM, "code": label.code, "display": label.english })];
    codings.extend(fluid.loinc.map(|code| json!({ "system": LOINC, "code": code })));
    let code = json!({ "coding": codings, "text": format!("{} · {}", label.english, label.arabic) });
    let mut observation = draft(writing, code)?;
    observation["valueQuantity"] = quantity(ml, "mL", "mL");
    Ok(observation)
}

/// What went in and out in the 24 hours until `now_ms`. What was transfused counts only where it was also written down as
/// a fluid, so nothing counts twice.
pub fn balance(observations: &[Stored<'_>], now_ms: u64) -> Balance {
    let from_ms = now_ms.saturating_sub(BALANCE_MS);
    let mut sums: Vec<Decimal> = vec![Decimal::ZERO; fluids().len()];
    for record in observations {
        let resource = record.resource;
        let taken_back = matches!(text(resource, "status"), Some("entered-in-error" | "cancelled"));
        let within = time(resource).is_some_and(|at| at > from_ms && at <= now_ms);
        if !is_type(resource, "Observation") || taken_back || !within {
            continue;
        }
        let way = way_of(resource).and_then(|way| fluids().iter().position(|fluid| *fluid == way));
        let Some((at, ml)) = way.zip(millilitres(resource)) else { continue };
        // A sum that is out of range stays where it was; the largest single amount is far below.
        sums[at] = sums[at].plus(ml).unwrap_or(sums[at]);
    }
    let mut balance = Balance::default();
    for (fluid, ml) in fluids().iter().zip(sums).filter(|(_, ml)| *ml != Decimal::ZERO) {
        let side = if fluid.is_in { &mut balance.in_ml } else { &mut balance.out_ml };
        *side = side.plus(ml).unwrap_or(*side);
        balance.by.push((*fluid, ml));
    }
    balance
}

fn way_of(observation: &Value) -> Option<Fluid> {
    let code = observation.get("code");
    let own = code_in(code, FLUID_SYSTEM).and_then(fluid);
    own.or_else(|| fluids().iter().find(|fluid| fluid.loinc.is_some() && fluid.loinc == code_in(code, LOINC)).copied())
}

fn millilitres(observation: &Value) -> Option<Decimal> {
    let quantity = observation.get("valueQuantity")?;
    let value = amount(quantity)?;
    match text(quantity, "code").or_else(|| text(quantity, "unit"))? {
        "mL" | "ml" => Some(value),
        "L" | "l" => value.times_over(1_000, 1),
        _ => None,
    }
}

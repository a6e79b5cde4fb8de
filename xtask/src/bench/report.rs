//! Figures beside their targets, as a table and as JSON.

use crate::machine;
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// On which side of its bound a figure should be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Said, not judged.
    None,
}

struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    target: Target,
}

/// What was measured, in order.
pub struct Report {
    quick: bool,
    machine: Value,
    rows: Vec<Row>,
}

impl Report {
    pub fn new(quick: bool) -> Result<Report> {
        Ok(Report { quick, machine: machine::describe()?, rows: Vec::new() })
    }

    /// Notes a figure, and says it at once on standard error: the whole takes minutes.
    pub fn add(&mut self, name: impl Into<String>, value: f64, unit: &'static str, target: Target) {
        let row = Row { name: name.into(), value, unit, target };
        eprintln!("  {}", line(&row));
        self.rows.push(row);
    }

    pub fn to_table(&self) -> String {
        let mut out = format!("\n{}{}\n", self.machine, if self.quick { "  (quick: a tenth)" } else { "" });
        for row in &self.rows {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}", line(row));
        }
        out
    }

    pub fn to_json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            let (at_least, at_most) = match row.target {
                Target::AtLeast(bound) => (Some(bound), None),
                Target::AtMost(bound) => (None, Some(bound)),
                Target::None => (None, None),
            };
            json!({ "name": row.name, "value": row.value, "unit": row.unit, "at_least": at_least, "at_most": at_most,
                    "ratio": ratio(row), "held": held(row) })
        });
        json!({ "machine": self.machine, "quick": self.quick, "figures": rows.collect::<Vec<_>>() })
    }
}

fn held(row: &Row) -> Option<bool> {
    match row.target {
        Target::AtLeast(bound) => Some(row.value >= bound),
        Target::AtMost(bound) => Some(row.value <= bound),
        Target::None => None,
    }
}

/// Measured to target.
fn ratio(row: &Row) -> Option<f64> {
    match row.target {
        Target::AtLeast(bound) | Target::AtMost(bound) => Some(row.value / bound),
        Target::None => None,
    }
}

fn line(row: &Row) -> String {
    let target = match row.target {
        Target::AtLeast(bound) => format!("at least {}", number(bound)),
        Target::AtMost(bound) => format!("at most {}", number(bound)),
        Target::None => String::new(),
    };
    let verdict = match held(row) {
        Some(true) => "holds",
        Some(false) => "FALLS SHORT",
        None => "",
    };
    let ratio = ratio(row).map_or_else(String::new, |ratio| format!("{ratio:.2}"));
    let line = format!("{:<58} {:>11} {:<11} {target:<18} {ratio:>6} {verdict}", row.name, number(row.value), row.unit);
    line.trim_end().to_owned()
}

/// Three digits that count, thousands apart.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        let text = format!("{value:.*}", if value.abs() < 10.0 { 2 } else { 1 });
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

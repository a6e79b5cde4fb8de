//! `sanad people`: who may sign in to the screens of a site, listed; somebody added; a forgotten PIN made anew.

use crate::say::{self, EXIT_FAILED, EXIT_REFUSED, EXIT_USAGE, Named, Trouble};
use anyhow::Result;
use sanad_node::people::{PEOPLE_MAX, PeopleError, Person, random_pin};
use sanad_node::roles::Role;
use sanad_node::site::{Site, now_ms};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// What is to be done.
#[derive(Clone, Serialize, Deserialize)]
pub enum Operation {
    /// Show all.
    List,
    /// Draw a new PIN for somebody.
    NewPin {
        /// Who.
        call_sign: String,
    },
    /// Add somebody with a PIN that is drawn.
    Add {
        /// Who.
        call_sign: String,
        /// One of [`Role`].
        role: String,
    },
}

/// Carries it out.
pub async fn run(site: &Site, operation: &Operation) -> Result<(u8, Value)> {
    match operation {
        Operation::List => {
            let people: Vec<Value> = site.people().iter().map(shown).collect();
            Ok((0, json!({ "people": people })))
        }
        Operation::NewPin { call_sign } => {
            let (person, pin) = site.new_pin(call_sign).await?;
            Ok((0, with_pin(&person, &pin)))
        }
        Operation::Add { call_sign, role } => {
            let role = Role::of_name(role).ok_or_else(|| Trouble::BadPersonRole(role.clone()))?;
            let pin = random_pin();
            let person = site.add_person(call_sign, role, &pin, now_ms()).await?;
            Ok((0, with_pin(&person, &pin)))
        }
    }
}

fn shown(person: &Person) -> Value {
    json!({
        "call_sign": person.call_sign,
        "role": person.role.name(),
        "disabled": person.is_disabled,
        "created_ms": person.created_ms,
    })
}

fn with_pin(person: &Person, pin: &str) -> Value {
    let mut value = shown(person);
    value["pin"] = pin.into();
    value
}

/// The exit code and the message for an error about people.
pub fn name(error: &PeopleError) -> Named {
    match error {
        PeopleError::BadCallSign => (EXIT_USAGE, "bad-call-sign", vec![]),
        PeopleError::Unknown => (EXIT_USAGE, "people-unknown", vec![]),
        PeopleError::Taken => (EXIT_REFUSED, "people-taken", vec![]),
        PeopleError::FirstIsTechnician => (EXIT_REFUSED, "people-first-is-technician", vec![]),
        PeopleError::TooMany => (EXIT_REFUSED, "people-too-many", vec![("max", PEOPLE_MAX.to_string())]),
        error => (EXIT_FAILED, "failed", vec![("why", error.to_string())]),
    }
}

/// The result for people.
pub fn in_words(operation: &Operation, result: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut out = String::new();
    match operation {
        Operation::List => {
            for person in result["people"].as_array().into_iter().flatten() {
                let state = if person["disabled"] == true { say::text("people-disabled", &[]) } else { String::new() };
                // Writing to a string cannot fail.
                let _ = writeln!(out, "{:<12} {}  {state}", text(&person["role"]), text(&person["call_sign"]));
            }
            if out.is_empty() {
                let _ = writeln!(out, "{}", say::text("people-none", &[]));
            }
        }
        Operation::NewPin { .. } | Operation::Add { .. } => {
            let _ = writeln!(out, "{}", text(&result["pin"]));
            let _ = writeln!(out, "{}", say::text("people-pin", &[("who", text(&result["call_sign"]))]));
        }
    }
    out
}

//! One answer: what was typed, read as the type that its question has, and what is wrong with it.

use super::form::{Choice, Form, Item, Kind, Text};
use super::{TYPED_BYTES_MAX, answers::Cell};
use crate::fhirpath::{Decimal, ordinal_of};
use crate::json::{Node, quote};
use crate::time::{self, Precision};
use std::cmp::Ordering;

/// What is wrong at a field. The page says it in its language by [`Problem::id`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is said, and has to be.
    #[error("this is needed")]
    Required,
    /// No number.
    #[error("this is not a number")]
    NotANumber,
    /// A number with decimals, where whole ones are asked, or larger than 32 bits.
    #[error("this has to be a whole number")]
    NotWhole,
    /// More decimals than asked.
    #[error("at most {0} decimals")]
    Decimals(u32),
    /// Less than allowed.
    #[error("at least {0}")]
    TooSmall(String),
    /// More than allowed.
    #[error("at most {0}")]
    TooLarge(String),
    /// Longer than allowed, in characters.
    #[error("at most {0} characters")]
    TooLong(usize),
    /// No date, or half of one.
    #[error("this is not a date: 2018-02-18, 2018-02 or 2018")]
    NotADate,
    /// No date with a time, or half of one.
    #[error("this is not a date and time: 2018-02-18 14:05")]
    NotADateTime,
    /// No time of day.
    #[error("this is not a time: 14:05")]
    NotATime,
    /// None of the options.
    #[error("choose one of the list")]
    NotAnOption,
    /// A unit that is not one of the question's.
    #[error("choose a unit of the list")]
    NotAUnit,
    /// Neither yes nor no.
    #[error("answer yes or no")]
    NotABoolean,
    /// No address without spaces.
    #[error("this is not an address")]
    NotAUrl,
    /// More answers than one may give.
    #[error("at most {0} answers")]
    TooMany(usize),
    /// A calculated value that cannot be worked out from what is said.
    #[error("this cannot be calculated from the answers")]
    Calculation,
    /// A character that no text may have (R4, `string`).
    #[error("this has a character that cannot be shown")]
    Control,
}

impl Problem {
    /// The id of its sentence among the words of the screens.
    pub fn id(&self) -> &'static str {
        match self {
            Problem::Required => "form-problem-required",
            Problem::NotANumber => "form-problem-not-a-number",
            Problem::NotWhole => "form-problem-not-whole",
            Problem::Decimals(_) => "form-problem-decimals",
            Problem::TooSmall(_) => "form-problem-too-small",
            Problem::TooLarge(_) => "form-problem-too-large",
            Problem::TooLong(_) => "form-problem-too-long",
            Problem::NotADate => "form-problem-not-a-date",
            Problem::NotADateTime => "form-problem-not-a-date-time",
            Problem::NotATime => "form-problem-not-a-time",
            Problem::NotAnOption => "form-problem-not-an-option",
            Problem::NotAUnit => "form-problem-not-a-unit",
            Problem::NotABoolean => "form-problem-not-a-boolean",
            Problem::NotAUrl => "form-problem-not-a-url",
            Problem::TooMany(_) => "form-problem-too-many",
            Problem::Calculation => "form-problem-calculation",
            Problem::Control => "form-problem-control",
        }
    }

    /// What its sentence names: a bound.
    pub fn bound(&self) -> Option<String> {
        match self {
            Problem::TooSmall(bound) | Problem::TooLarge(bound) => Some(bound.clone()),
            Problem::Decimals(most) => Some(most.to_string()),
            Problem::TooLong(most) | Problem::TooMany(most) => Some(most.to_string()),
            _ => None,
        }
    }
}

/// A unit that a quantity may have.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) system: String,
    pub(super) code: String,
    pub(super) label: Text,
}

impl Unit {
    /// What a page posts for it.
    pub(super) fn token(&self) -> &str {
        if self.code.is_empty() { &self.label.own } else { &self.code }
    }

    /// The members of a Quantity that say it, each after a comma.
    pub(super) fn members(&self) -> String {
        let mut text = String::new();
        let system = if self.code.is_empty() { "" } else { &self.system };
        for (name, value) in [("unit", &self.label.own[..]), ("system", system), ("code", &self.code)] {
            if !value.is_empty() {
                text.push_str(&format!(",\"{name}\":{}", quote(value)));
            }
        }
        text
    }
}

/// An answer. No `Debug`: it may be patient text.
#[derive(Clone, PartialEq)]
pub(super) enum Said {
    Flag(bool),
    /// As JSON writes it.
    Number(String),
    /// A date, with or without a time.
    Date(String),
    Time(String),
    Text(String),
    Coding {
        system: String,
        code: String,
        display: String,
        /// The whole as JSON.
        json: String,
    },
    Quantity(String, Option<Unit>),
    /// A Reference or an Attachment, as JSON.
    Other(String),
}

impl Said {
    /// Reads `value[x]` (or `answer[x]`), by the end of its name.
    pub(super) fn of(end: &str, node: &Node<'_>) -> Option<Said> {
        let text = |name: &str| node.get_str(name).map(|text| text.into_owned()).unwrap_or_default();
        Some(match end {
            "Boolean" => Said::Flag(node.text == "true"),
            "Integer" | "Decimal" => Said::Number(Decimal::read(node.text).map(|_| node.text.to_owned())?),
            "Date" | "DateTime" => Said::Date(node.as_str()?.into_owned()),
            "Time" => Said::Time(node.as_str()?.into_owned()),
            "String" | "Uri" => Said::Text(node.as_str()?.into_owned()),
            "Coding" if !node.members().is_empty() => Said::Coding {
                system: text("system"),
                code: text("code"),
                display: text("display"),
                json: node.text.to_owned(),
            },
            "Quantity" => {
                let number = node.get("value")?.text;
                Decimal::read(number)?;
                let label = Text { own: text("unit"), ..Text::default() };
                let unit = Unit { system: text("system"), code: text("code"), label };
                let is_said = !(unit.code.is_empty() && unit.label.own.is_empty());
                Said::Quantity(number.to_owned(), is_said.then_some(unit))
            }
            "Reference" | "Attachment" if !node.members().is_empty() => Said::Other(node.text.to_owned()),
            _ => return None,
        })
    }

    /// What a page posts for it as an option.
    pub(super) fn token(&self) -> String {
        match self {
            Said::Coding { system, code, display, .. } if code.is_empty() => [system, "|", display].concat(),
            Said::Coding { system, code, .. } => [system, "|", code].concat(),
            Said::Flag(flag) => flag.to_string(),
            Said::Number(text) | Said::Date(text) | Said::Time(text) | Said::Text(text) | Said::Other(text) => {
                text.clone()
            }
            Said::Quantity(number, unit) => [number.as_str(), unit.as_ref().map_or("", Unit::token)].concat(),
        }
    }

    /// The same Coding with a score.
    pub(super) fn with_ordinal(self, ordinal: Option<Decimal>) -> Said {
        match (self, ordinal) {
            (Said::Coding { system, code, display, json }, Some(ordinal)) if !json.contains("\"extension\"") => {
                let url = crate::fhirpath::ORDINAL;
                let open = json.trim_end().trim_end_matches('}').trim_end().to_owned();
                let json = format!("{open},\"extension\":[{{\"url\":\"{url}\",\"valueDecimal\":{ordinal}}}]}}");
                Said::Coding { system, code, display, json }
            }
            (said, _) => said,
        }
    }

    /// The name and the JSON of `value[x]` in a response.
    pub(super) fn member(&self, kind: Kind) -> (&'static str, String) {
        match self {
            Said::Flag(flag) => ("valueBoolean", flag.to_string()),
            Said::Number(text) if kind == Kind::Decimal => ("valueDecimal", text.clone()),
            Said::Number(text) => ("valueInteger", text.clone()),
            Said::Date(text) if kind == Kind::DateTime || text.contains('T') => ("valueDateTime", quote(text)),
            Said::Date(text) => ("valueDate", quote(text)),
            Said::Time(text) => ("valueTime", quote(text)),
            Said::Text(text) if kind == Kind::Url => ("valueUri", quote(text)),
            Said::Text(text) => ("valueString", quote(text)),
            Said::Coding { json, .. } => ("valueCoding", json.clone()),
            Said::Quantity(number, unit) => {
                let unit = unit.as_ref().map_or_else(String::new, Unit::members);
                ("valueQuantity", format!("{{\"value\":{number}{unit}}}"))
            }
            Said::Other(json) if kind == Kind::Attachment => ("valueAttachment", json.clone()),
            Said::Other(json) => ("valueReference", json.clone()),
        }
    }

    /// Which of two comes first. `None` if they are of different kinds, units or exactness.
    pub(super) fn order(&self, other: &Said) -> Option<Ordering> {
        match (self, other) {
            (Said::Flag(a), Said::Flag(b)) => (a == b).then_some(Ordering::Equal),
            (Said::Number(a), Said::Number(b)) => Decimal::read(a)?.partial_cmp(&Decimal::read(b)?),
            (Said::Quantity(a, unit), Said::Quantity(b, other)) => {
                let is_same = match (unit, other) {
                    (Some(a), Some(b)) => a.token() == b.token(),
                    _ => true,
                };
                if is_same { Decimal::read(a)?.partial_cmp(&Decimal::read(b)?) } else { None }
            }
            (Said::Quantity(a, _), Said::Number(b)) => Decimal::read(a)?.partial_cmp(&Decimal::read(b)?),
            (Said::Date(a), Said::Date(b)) => {
                let (a, b) = (time::span(a)?, time::span(b)?);
                match () {
                    () if a == b => Some(Ordering::Equal),
                    () if a.until_ms <= b.from_ms => Some(Ordering::Less),
                    () if b.until_ms <= a.from_ms => Some(Ordering::Greater),
                    () => None,
                }
            }
            (Said::Time(a) | Said::Text(a), Said::Time(b) | Said::Text(b)) => Some(a.cmp(b)),
            (Said::Coding { system, code, display, .. }, Said::Coding { system: s, code: c, display: d, .. }) => {
                let is_system = system == s || system.is_empty() || s.is_empty();
                let is_same = if code.is_empty() && c.is_empty() { display == d } else { code == c };
                (is_system && is_same).then_some(Ordering::Equal)
            }
            (Said::Other(a), Said::Other(b)) => (a == b).then_some(Ordering::Equal),
            _ => None,
        }
    }

    /// What a page shows of a bound.
    fn shown(&self) -> String {
        match self {
            Said::Quantity(number, Some(unit)) => format!("{number} {}", unit.label.own),
            Said::Quantity(number, None) => number.clone(),
            other => other.token(),
        }
    }
}

/// The score of an option: on the option, or in its Coding.
pub(super) fn ordinal_said(option: &Node<'_>) -> Option<Decimal> {
    ordinal_of(option)
}

/// Digits as computers write them: of both Arabic sets, with a decimal comma of either script as a point.
pub(super) fn plain_digits(typed: &str) -> String {
    let plain = |letter: char| match letter {
        '\u{0660}'..='\u{0669}' => char::from_digit(u32::from(letter) - 0x0660, 10).unwrap_or(letter),
        '\u{06f0}'..='\u{06f9}' => char::from_digit(u32::from(letter) - 0x06f0, 10).unwrap_or(letter),
        '\u{2212}' => '-',
        '\u{066b}' => '.',
        other => other,
    };
    // Marks of direction come along with pasted Arabic text and say nothing about a number.
    let is_mark = |letter: &char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2066}'..='\u{2069}');
    typed.chars().filter(|letter| !is_mark(letter)).map(plain).collect::<String>().trim().to_owned()
}

fn number(typed: &str) -> Result<String, Problem> {
    let plain = plain_digits(typed).replace(',', ".");
    let is_short = plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    if !is_short || plain.ends_with('.') || Decimal::read(&plain).is_none() {
        return Err(Problem::NotANumber);
    }
    let (sign, digits) = plain.strip_prefix('-').map_or(("", &plain[..]), |digits| ("-", digits));
    // JSON has no leading zeros.
    let digits = digits.trim_start_matches('0');
    let lead = if digits.is_empty() || digits.starts_with('.') { "0" } else { "" };
    Ok([sign, lead, digits].concat())
}

fn date(typed: &str) -> Result<String, Problem> {
    let plain = plain_digits(typed).replace('/', "-");
    let parts: Vec<&str> = plain.split('-').collect();
    // Day first is how it is written on paper there.
    let text = match parts[..] {
        [day, month, year] if year.len() == 4 && day.len() <= 2 => format!("{year}-{month:0>2}-{day:0>2}"),
        [month, year] if year.len() == 4 && month.len() <= 2 => format!("{year}-{month:0>2}"),
        _ => plain,
    };
    let is_right = matches!(time::read(&text), Some((_, (Precision::Year | Precision::Month | Precision::Day, _))));
    if is_right { Ok(text) } else { Err(Problem::NotADate) }
}

fn clock(typed: &str) -> Result<String, Problem> {
    let plain = plain_digits(typed);
    let mut parts = plain.split(':');
    let text = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(hour), Some(minute), None, None) if hour.len() <= 2 => format!("{hour:0>2}:{minute}:00"),
        (Some(hour), Some(minute), Some(second), None) if hour.len() <= 2 => format!("{hour:0>2}:{minute}:{second}"),
        _ => return Err(Problem::NotATime),
    };
    let is_right = text.len() >= 8 && !text.contains(['Z', '+', '-']) && !text.ends_with("60");
    if is_right && time::read(&format!("2000-01-01T{text}Z")).is_some() { Ok(text) } else { Err(Problem::NotATime) }
}

/// A date alone stays one. A time of no zone gets that of the device (R4 wants one).
fn date_time(typed: &str, zone: &str) -> Result<String, Problem> {
    let plain = plain_digits(typed);
    let Some((day, rest)) = plain.split_once(['T', ' ']) else {
        return date(&plain).map_err(|_| Problem::NotADateTime);
    };
    let zone_at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
    let (time, own_zone) = rest.split_at(zone_at);
    let (day, time) = match (date(day), clock(time.trim())) {
        (Ok(day), Ok(time)) if day.len() == 10 => (day, time),
        _ => return Err(Problem::NotADateTime),
    };
    let text = format!("{day}T{time}{}", if own_zone.is_empty() { zone } else { own_zone });
    if time::read(&text).is_some() { Ok(text) } else { Err(Problem::NotADateTime) }
}

fn text(typed: &str, most: Option<usize>) -> Result<String, Problem> {
    let most = most.unwrap_or(TYPED_BYTES_MAX).min(TYPED_BYTES_MAX);
    if typed.len() > most && typed.chars().count() > most {
        return Err(Problem::TooLong(most));
    }
    if typed.bytes().any(|byte| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r')) {
        return Err(Problem::Control);
    }
    Ok(typed.trim().to_owned())
}

fn unit_of(item: &Item, token: &str) -> Result<Option<Unit>, Problem> {
    if token.is_empty() {
        return Ok(item.units.first().cloned());
    }
    item.units.iter().find(|unit| unit.token() == token).cloned().map(Some).ok_or(Problem::NotAUnit)
}

/// What a cell says; `None` if it is blank.
pub(super) fn read(item: &Item, cell: &Cell, zone: &str) -> Result<Option<Said>, Problem> {
    if cell.typed.trim().is_empty() {
        return Ok(None);
    }
    if cell.typed.len() > TYPED_BYTES_MAX {
        return Err(Problem::TooLong(TYPED_BYTES_MAX));
    }
    let said = if item.is_choice() && !cell.is_other {
        let found = item.choices.iter().find(|choice| choice.token == cell.typed);
        found.map(|choice| choice.said.clone()).ok_or(Problem::NotAnOption)?
    } else {
        match item.kind {
            Kind::Boolean => match cell.typed.as_str() {
                "true" => Said::Flag(true),
                "false" => Said::Flag(false),
                _ => return Err(Problem::NotABoolean),
            },
            Kind::Integer => {
                let number = number(&cell.typed)?;
                if number.parse::<i32>().is_err() {
                    return Err(Problem::NotWhole);
                }
                Said::Number(number)
            }
            Kind::Decimal => Said::Number(number(&cell.typed)?),
            Kind::Quantity => Said::Quantity(number(&cell.typed)?, unit_of(item, &cell.unit)?),
            Kind::Date => Said::Date(date(&cell.typed)?),
            Kind::DateTime => Said::Date(date_time(&cell.typed, zone)?),
            Kind::Time => Said::Time(clock(&cell.typed)?),
            Kind::Url => {
                let text = text(&cell.typed, item.length_max)?;
                if text.contains(char::is_whitespace) {
                    return Err(Problem::NotAUrl);
                }
                Said::Text(text)
            }
            Kind::String | Kind::Text | Kind::OpenChoice => Said::Text(text(&cell.typed, item.length_max)?),
            // Its options are elsewhere: what was typed is the name of one.
            Kind::Choice => {
                let display = text(&cell.typed, item.length_max)?;
                let json = format!("{{\"display\":{}}}", quote(&display));
                Said::Coding { system: String::new(), code: String::new(), display, json }
            }
            Kind::Group | Kind::Display | Kind::Attachment | Kind::Reference => return Ok(None),
        }
    };
    check(item, &said)?;
    Ok(Some(said))
}

fn check(item: &Item, said: &Said) -> Result<(), Problem> {
    if let (Some(most), Said::Number(text) | Said::Quantity(text, _)) = (item.decimals_max, said) {
        let decimals = text.split_once('.').map_or(0, |(_, part)| part.len());
        if decimals > most as usize {
            return Err(Problem::Decimals(most));
        }
    }
    if let Some(least) = item.least.as_ref().filter(|least| said.order(least) == Some(Ordering::Less)) {
        return Err(Problem::TooSmall(least.shown()));
    }
    match item.most.as_ref().filter(|most| said.order(most) == Some(Ordering::Greater)) {
        Some(most) => Err(Problem::TooLarge(most.shown())),
        None => Ok(()),
    }
}

/// The cell that shows an answer of a response. `None` if the form has no place for it.
pub(super) fn cell_of(item: &Item, said: &Said) -> Option<Cell> {
    if item.is_choice() {
        let is_it = |choice: &&Choice| choice.said.order(said) == Some(Ordering::Equal);
        if let Some(choice) = item.choices.iter().find(is_it) {
            return Some(Cell { typed: choice.token.clone(), ..Cell::default() });
        }
    }
    let typed = match (item.kind, said) {
        (Kind::Boolean, Said::Flag(flag)) => flag.to_string(),
        (Kind::Integer | Kind::Decimal, Said::Number(text)) => text.clone(),
        (Kind::Date | Kind::DateTime, Said::Date(text)) => text.clone(),
        (Kind::Time, Said::Time(text)) => text.clone(),
        (Kind::String | Kind::Text | Kind::Url, Said::Text(text)) if !item.is_choice() => text.clone(),
        (Kind::OpenChoice, Said::Text(text)) => {
            return Some(Cell { typed: text.clone(), is_other: true, ..Cell::default() });
        }
        (Kind::Choice, Said::Coding { display, code, .. }) if !item.is_choice() && code.is_empty() => display.clone(),
        (Kind::Quantity, Said::Quantity(number, unit)) => {
            let unit = match unit {
                None if item.units.is_empty() => String::new(),
                Some(unit) if item.units.iter().any(|known| known.token() == unit.token()) => unit.token().to_owned(),
                _ => return None,
            };
            return Some(Cell { typed: number.clone(), unit, ..Cell::default() });
        }
        _ => return None,
    };
    Some(Cell { typed, ..Cell::default() })
}

/// What a calculation gave, as the answer of its question.
pub(super) fn calculated(form: &Form, item: usize, text: &str) -> Result<Said, Problem> {
    let item = &form.items[item];
    match item.kind {
        Kind::Integer | Kind::Decimal | Kind::Quantity => {
            let number = Decimal::read(text).ok_or(Problem::Calculation)?;
            if item.kind == Kind::Integer && (!number.is_whole() || text.parse::<i32>().is_err()) {
                return Err(Problem::NotWhole);
            }
            let text = number.to_string();
            Ok(if item.kind == Kind::Quantity {
                Said::Quantity(text, item.units.first().cloned())
            } else {
                Said::Number(text)
            })
        }
        Kind::Choice | Kind::OpenChoice => {
            let is_it = |choice: &&Choice| matches!(&choice.said, Said::Coding { code, .. } if code == text);
            item.choices.iter().find(is_it).map(|choice| choice.said.clone()).ok_or(Problem::Calculation)
        }
        _ => {
            let cell = Cell { typed: text.to_owned(), ..Cell::default() };
            read(item, &cell, "Z")?.ok_or(Problem::Calculation)
        }
    }
}

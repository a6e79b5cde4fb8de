//! From the words of a search to what is looked for: `name=value` pairs as FHIR R4 §3.1.1 writes them.
//!
//! Promise: whatever is sent is read within named bounds, or refused with the parameter's name and never its value.

use super::sight::Sight;
use super::table::{Param, ParamKind, table_of};
use super::value::{Reference, links};
use crate::key::{RESOURCE_TYPES, is_legal_id};
use crate::time::{self, Span};

/// Most criteria in one search.
pub const CRITERIA_MAX: usize = 64;
/// Most alternatives of one criterion.
pub const ALTERNATIVES_MAX: usize = 256;
/// Longest chain: `subject:Patient.organization.partof.name` has three links.
pub const CHAIN_MAX: usize = 4;
/// Most keys of an order, and most includes.
pub const KEYS_MAX: usize = 16;
/// Rows of a page where the search does not say.
pub const COUNT_DEFAULT: u32 = 50;
/// Most rows of a page.
pub const COUNT_MAX: u32 = 1_000;
/// Longest value, in bytes. A conditional reference of every identifier of a person is far shorter.
pub const VALUE_BYTES_MAX: usize = 8 * 1024;

/// A search of one type, or of all of them.
#[derive(Clone)]
pub struct Query {
    /// The type; `None` for all.
    pub resource_type: Option<&'static str>,
    /// Only what belongs to this patient.
    pub within: Option<String>,
    /// Or to one of these, who are the same person.
    pub within_also: Vec<String>,
    /// What may be looked at; everything if nothing is said.
    pub sight: Option<Sight>,
    /// All of them have to hold.
    pub filters: Vec<Filter>,
    /// The order; empty for the server's own.
    pub sort: Vec<SortKey>,
    /// Rows of a page.
    pub count: u32,
    /// What comes along.
    pub includes: Vec<Include>,
    /// Whether the number of all matches is wanted.
    pub total: Total,
    /// How much of each resource.
    pub summary: Summary,
    /// Only these elements of each resource, and those that it must have.
    pub elements: Vec<String>,
    /// Where the page begins, as a page before said it.
    pub after: Option<String>,
    /// Parameters that are not known, by name: passed over unless the client is strict.
    pub unknown: Vec<String>,
}

/// One condition.
#[derive(Clone)]
pub enum Filter {
    /// On the resource itself.
    Here(Criterion),
    /// On what it refers to: the reference, and the condition there by type.
    Chain(&'static Param, Vec<(&'static str, Filter)>),
    /// On what refers to it: the type, its reference, the condition there.
    Has(&'static str, &'static Param, Box<Filter>),
}

/// A parameter, and what it may say.
#[derive(Clone)]
pub struct Criterion {
    /// What is looked at.
    pub on: On,
    /// How.
    pub modifier: Modifier,
    /// One of these has to fit.
    pub any_of: Vec<Wanted>,
}

/// What a criterion looks at.
#[derive(Clone, Copy)]
pub enum On {
    /// The id.
    Id,
    /// When it was last changed.
    LastUpdated,
    /// A parameter of the table.
    Param(&'static Param),
}

/// How a criterion compares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Modifier {
    /// As the kind of parameter does.
    Plain,
    /// Text letter by letter.
    Exact,
    /// Text anywhere.
    Contains,
    /// Whether there is a value at all.
    Missing,
    /// None of these.
    Not,
    /// By the identifier in the reference.
    Identifier,
    /// Addresses that this one is the beginning of.
    Below,
    /// Addresses that are the beginning of this one.
    Above,
}

/// A value that is looked for. No `Debug`: it holds patient text.
#[derive(Clone, PartialEq)]
pub enum Wanted {
    /// A code; `None` for any, an empty system for none.
    Token(Option<String>, Option<String>),
    /// Text.
    Text(String),
    /// A reference, in each way that it may be written.
    Reference(Vec<Reference>),
    /// A time.
    Date(Prefix, Span),
    /// A number.
    Number(Prefix, Number),
    /// A number with a unit: its system (`None` for any) and its code or name (`None` for any).
    Quantity(Prefix, Number, Option<String>, Option<String>),
    /// An address.
    Uri(String),
    /// The parts of a composite.
    Parts(Vec<Wanted>),
    /// An id.
    Id(String),
    /// Whether it is missing.
    Missing(bool),
}

/// How a value is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prefix {
    /// Equal, as far as the value is exact.
    Eq,
    /// Not equal.
    Ne,
    /// Greater.
    Gt,
    /// Less.
    Lt,
    /// Greater or equal.
    Ge,
    /// Less or equal.
    Le,
    /// Starts after.
    Sa,
    /// Ends before.
    Eb,
    /// About: a tenth more or less.
    Ap,
}

/// A number as it was written: 5.40 is everything from 5.395 up to 5.405.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Number {
    /// The number.
    pub value: f64,
    /// Half a unit of its last digit.
    pub half: f64,
}

/// A key of an order.
#[derive(Clone, Copy)]
pub struct SortKey {
    /// By what.
    pub on: On,
    /// The largest first.
    pub descending: bool,
}

/// What comes along with the matches.
#[derive(Clone)]
pub struct Include {
    /// The type that holds the reference; `None` for any.
    pub source: Option<&'static str>,
    /// The reference; `None` for all of the type.
    pub param: Option<&'static Param>,
    /// Only to this type.
    pub target: Option<&'static str>,
    /// Also of what came along.
    pub iterate: bool,
    /// True for `_revinclude`.
    pub reverse: bool,
}

/// Whether the number of all matches is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Total {
    /// It need not be said.
    None,
    /// It must be right.
    Accurate,
}

/// How much of each resource is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Summary {
    /// All.
    False,
    /// The elements of a summary.
    True,
    /// Text and what must be there.
    Text,
    /// All but the text.
    Data,
    /// Only how many.
    Count,
}

/// Why a search cannot be understood. Names the parameter, never its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The parameter's value is not of its kind.
    #[error("{0}: the value is not a {1}")]
    BadValue(String, &'static str),
    /// The parameter has no such modifier.
    #[error("{0}: this modifier is not supported here")]
    BadModifier(String),
    /// A chain or an include that leads nowhere.
    #[error("{0}: no such reference")]
    NoReference(String),
    /// More of something than is read.
    #[error("{0}: more than is taken in one search")]
    TooMuch(String),
}

/// When the search is made, for values that are only about right.
#[derive(Clone, Copy)]
pub struct Now(pub u64);

/// Reads a search. `pairs` are the decoded names and values, in their order.
///
/// # Errors
/// [`QueryError`]. A parameter that is not known is no error: it is named in [`Query::unknown`].
pub fn read<'p>(
    resource_type: Option<&'static str>,
    pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
    now: Now,
) -> Result<Query, QueryError> {
    let mut query = Query {
        resource_type,
        within: None,
        within_also: Vec::new(),
        sight: None,
        filters: Vec::new(),
        sort: Vec::new(),
        count: COUNT_DEFAULT,
        includes: Vec::new(),
        total: Total::None,
        summary: Summary::False,
        elements: Vec::new(),
        after: None,
        unknown: Vec::new(),
    };
    for (name, value) in pairs {
        if value.len() > VALUE_BYTES_MAX || query.filters.len() > CRITERIA_MAX {
            return Err(QueryError::TooMuch(shown(name)));
        }
        if !query.result(name, value)? && !value.is_empty() {
            match filter(resource_type, name, value, now, CHAIN_MAX)? {
                Some(filter) => query.filters.push(filter),
                None => query.unknown.push(shown(name)),
            }
        }
    }
    Ok(query)
}

/// A parameter's name as it may be repeated in an answer.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(64).collect()
}

impl Query {
    /// A parameter that says what the answer looks like. False if it is none of them.
    fn result(&mut self, name: &str, value: &str) -> Result<bool, QueryError> {
        let bad = |kind| QueryError::BadValue(name.to_owned(), kind);
        match name {
            "_sort" => {
                for key in value.split(',').filter(|key| !key.is_empty()) {
                    let (descending, code) = key.strip_prefix('-').map_or((false, key), |code| (true, code));
                    match self.resource_type.and_then(|name| on(name, code)) {
                        Some(on) if is_sortable(on) => self.sort.push(SortKey { on, descending }),
                        _ if code == "_lastUpdated" => self.sort.push(SortKey { on: On::LastUpdated, descending }),
                        _ if code == "_id" => self.sort.push(SortKey { on: On::Id, descending }),
                        _ => self.unknown.push(format!("_sort={}", shown(code))),
                    }
                }
                if self.sort.len() > KEYS_MAX {
                    return Err(QueryError::TooMuch(name.to_owned()));
                }
            }
            "_count" => self.count = value.parse::<u64>().map_err(|_| bad("number"))?.min(u64::from(COUNT_MAX)) as u32,
            "_total" => {
                self.total = match value {
                    "none" | "estimate" => Total::None,
                    "accurate" => Total::Accurate,
                    _ => return Err(bad("kind of total")),
                }
            }
            "_summary" => {
                self.summary = match value {
                    "true" => Summary::True,
                    "false" => Summary::False,
                    "text" => Summary::Text,
                    "data" => Summary::Data,
                    "count" => Summary::Count,
                    _ => return Err(bad("kind of summary")),
                }
            }
            "_elements" => {
                self.elements.extend(value.split(',').map(str::to_owned));
                if self.elements.len() > CRITERIA_MAX {
                    return Err(QueryError::TooMuch(name.to_owned()));
                }
            }
            "_after" => self.after = Some(value.to_owned()),
            "_format" | "_pretty" => {}
            "_include" | "_revinclude" => self.include(name, value, false)?,
            "_include:iterate" | "_include:recurse" | "_revinclude:iterate" | "_revinclude:recurse" => {
                self.include(name, value, true)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn include(&mut self, name: &str, value: &str, iterate: bool) -> Result<(), QueryError> {
        let nowhere = || QueryError::NoReference(name.to_owned());
        if self.includes.len() >= KEYS_MAX {
            return Err(QueryError::TooMuch(name.to_owned()));
        }
        let reverse = name.starts_with("_revinclude");
        let mut include = Include { source: None, param: None, target: None, iterate, reverse };
        if value == "*" {
            self.includes.push(include);
            return Ok(());
        }
        let mut parts = value.split(':');
        let source = type_named(parts.next().unwrap_or_default()).ok_or_else(nowhere)?;
        include.source = Some(source);
        match parts.next() {
            Some("*") => {}
            Some(code) => {
                let param = table_of(source).and_then(|table| table.params.get(code)).ok_or_else(nowhere)?;
                if param.kind != ParamKind::Reference {
                    return Err(nowhere());
                }
                include.param = Some(param);
            }
            None => return Err(nowhere()),
        }
        if let Some(target) = parts.next() {
            include.target = Some(type_named(target).ok_or_else(nowhere)?);
        }
        self.includes.push(include);
        Ok(())
    }
}

fn type_named(name: &str) -> Option<&'static str> {
    RESOURCE_TYPES.binary_search(&name).ok().map(|at| RESOURCE_TYPES[at])
}

/// What a parameter's name means for a type.
fn on(resource_type: &str, code: &str) -> Option<On> {
    match code {
        "_id" => Some(On::Id),
        "_lastUpdated" => Some(On::LastUpdated),
        _ => table_of(resource_type)?.params.get(code).map(On::Param),
    }
}

fn is_sortable(on: On) -> bool {
    !matches!(on, On::Param(param) if param.kind == ParamKind::Composite)
}

/// One condition; `None` if its parameter is not known.
fn filter(
    resource_type: Option<&'static str>,
    name: &str,
    value: &str,
    now: Now,
    links_left: usize,
) -> Result<Option<Filter>, QueryError> {
    let is_link = name.starts_with("_has:") || name.contains('.');
    if is_link && links_left == 0 {
        return Err(QueryError::TooMuch(shown(name)));
    }
    if let Some(rest) = name.strip_prefix("_has:") {
        let mut parts = rest.splitn(3, ':');
        let (source, reference, rest) = (parts.next(), parts.next(), parts.next());
        let nowhere = || QueryError::NoReference(shown(name));
        let source = source.and_then(type_named).ok_or_else(nowhere)?;
        let param = reference.and_then(|code| table_of(source)?.params.get(code)).ok_or_else(nowhere)?;
        if param.kind != ParamKind::Reference {
            return Err(nowhere());
        }
        let inner = filter(Some(source), rest.unwrap_or_default(), value, now, links_left - 1)?.ok_or_else(nowhere)?;
        return Ok(Some(Filter::Has(source, param, Box::new(inner))));
    }
    if let Some((first, rest)) = name.split_once('.') {
        return chain(resource_type, first, rest, value, now, links_left);
    }
    let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    // Of all types only what all have can be asked.
    let found = match resource_type {
        Some(resource_type) => on(resource_type, code),
        None => on("Basic", code).filter(|_| code.starts_with('_')),
    };
    match found {
        Some(on) => Ok(Some(Filter::Here(criterion(on, name, modifier, value, now)?))),
        None => Ok(None),
    }
}

/// `reference.rest` or `reference:Type.rest`.
fn chain(
    resource_type: Option<&'static str>,
    first: &str,
    rest: &str,
    value: &str,
    now: Now,
    links_left: usize,
) -> Result<Option<Filter>, QueryError> {
    let (code, only) = first.split_once(':').map_or((first, None), |(code, only)| (code, Some(only)));
    let nowhere = || QueryError::NoReference(shown(first));
    let Some(param) = resource_type.and_then(|name| table_of(name)?.params.get(code)) else { return Ok(None) };
    if param.kind != ParamKind::Reference {
        return Err(nowhere());
    }
    let targets: Vec<&'static str> = match only {
        Some(only) => vec![type_named(only).ok_or_else(nowhere)?],
        None => targets_of(param),
    };
    let mut inner = Vec::new();
    for target in targets {
        if let Some(found) = filter(Some(target), rest, value, now, links_left - 1)? {
            inner.push((target, found));
        }
    }
    if inner.is_empty() { Err(nowhere()) } else { Ok(Some(Filter::Chain(param, inner))) }
}

/// The types that a reference may lead to.
pub fn targets_of(param: &Param) -> Vec<&'static str> {
    let narrowed: Vec<&'static str> = param.uses.iter().filter_map(|used| used.only).collect();
    if narrowed.len() == param.uses.len() && !narrowed.is_empty() { narrowed } else { param.targets.clone() }
}

fn criterion(on: On, name: &str, modifier: Option<&str>, value: &str, now: Now) -> Result<Criterion, QueryError> {
    let unsupported = || QueryError::BadModifier(shown(name));
    let kind = match on {
        On::Id => None,
        On::LastUpdated => Some(ParamKind::Date),
        On::Param(param) => Some(param.kind),
    };
    let mut only = None;
    let modifier = match (modifier, kind) {
        (None, _) => Modifier::Plain,
        (Some("missing"), _) => Modifier::Missing,
        (Some("exact"), Some(ParamKind::String)) => Modifier::Exact,
        (Some("contains"), Some(ParamKind::String)) => Modifier::Contains,
        (Some("not"), Some(ParamKind::Token)) => Modifier::Not,
        (Some("identifier"), Some(ParamKind::Reference)) => Modifier::Identifier,
        (Some("below"), Some(ParamKind::Uri)) => Modifier::Below,
        (Some("above"), Some(ParamKind::Uri)) => Modifier::Above,
        (Some(name), Some(ParamKind::Reference)) => {
            only = Some(type_named(name).ok_or_else(unsupported)?);
            Modifier::Plain
        }
        _ => return Err(unsupported()),
    };
    let mut any_of = Vec::new();
    for value in split(value, ',') {
        any_of.push(wanted(on, modifier, only, &value, now).ok_or_else(|| {
            let kind = match (modifier, kind) {
                (Modifier::Missing, _) => "true or false",
                (_, Some(ParamKind::Date)) => "date or time",
                (_, Some(ParamKind::Number)) => "number",
                (_, Some(ParamKind::Quantity)) => "quantity",
                (_, Some(ParamKind::Reference)) => "reference",
                (_, Some(ParamKind::Composite)) => "composite of as many parts",
                _ => "value of this kind",
            };
            QueryError::BadValue(shown(name), kind)
        })?);
        if any_of.len() > ALTERNATIVES_MAX {
            return Err(QueryError::TooMuch(shown(name)));
        }
    }
    Ok(Criterion { on, modifier, any_of })
}

/// Cuts at a letter that no backslash stands before. The pieces keep their backslashes.
fn split(text: &str, at: char) -> Vec<String> {
    let (mut pieces, mut escaped) = (vec![String::new()], false);
    for letter in text.chars() {
        if letter == at && !escaped {
            pieces.push(String::new());
            continue;
        }
        escaped = letter == '\\' && !escaped;
        if let Some(last) = pieces.last_mut() {
            last.push(letter);
        }
    }
    pieces
}

/// Takes the backslashes off `\,` `\|` `\$` and `\\`.
fn plain(text: &str) -> String {
    let (mut out, mut letters) = (String::with_capacity(text.len()), text.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some(',' | '|' | '$' | '\\')) => out.extend(letters.next()),
            _ => out.push(letter),
        }
    }
    out
}

fn wanted(on: On, modifier: Modifier, only: Option<&'static str>, value: &str, now: Now) -> Option<Wanted> {
    if modifier == Modifier::Missing {
        return match value {
            "true" => Some(Wanted::Missing(true)),
            "false" => Some(Wanted::Missing(false)),
            _ => None,
        };
    }
    match on {
        On::Id => Some(Wanted::Id(plain(value))),
        On::LastUpdated => date(value, now),
        On::Param(_) if modifier == Modifier::Identifier => match token(value)? {
            Wanted::Token(system, Some(code)) => {
                Some(Wanted::Reference(vec![Reference::Identifier(system.unwrap_or_default(), code)]))
            }
            _ => None,
        },
        On::Param(param) => match param.kind {
            ParamKind::Composite => {
                let pieces = split(value, '$');
                if pieces.len() != param.parts.len() {
                    return None;
                }
                let parts = pieces.iter().zip(&param.parts).map(|(piece, part)| of_kind(part.kind, &[], piece, now));
                Some(Wanted::Parts(parts.collect::<Option<_>>()?))
            }
            kind => {
                let targets = only.map_or_else(|| targets_of(param), |only| vec![only]);
                of_kind(kind, &targets, value, now)
            }
        },
    }
}

fn of_kind(kind: ParamKind, targets: &[&'static str], value: &str, now: Now) -> Option<Wanted> {
    match kind {
        ParamKind::Token => token(value),
        ParamKind::String => Some(Wanted::Text(plain(value))),
        ParamKind::Reference => reference(&plain(value), targets),
        ParamKind::Date => date(value, now),
        ParamKind::Number => {
            let (prefix, rest) = prefix(value);
            Some(Wanted::Number(prefix, number(rest)?))
        }
        ParamKind::Quantity => {
            let (prefix, rest) = prefix(value);
            let parts = split(rest, '|');
            let given = |at: usize| parts.get(at).map(|part| plain(part)).filter(|part| !part.is_empty());
            match parts.len() {
                1 | 3 => Some(Wanted::Quantity(prefix, number(&parts[0])?, given(1), given(2))),
                _ => None,
            }
        }
        ParamKind::Uri => Some(Wanted::Uri(plain(value))),
        ParamKind::Composite => None,
    }
}

fn token(value: &str) -> Option<Wanted> {
    let parts = split(value, '|');
    match &parts[..] {
        [code] => Some(Wanted::Token(None, Some(plain(code)))),
        [system, code] => {
            let code = Some(plain(code)).filter(|code| !code.is_empty());
            if system.is_empty() && code.is_none() {
                return None;
            }
            Some(Wanted::Token(Some(plain(system)), code))
        }
        _ => None,
    }
}

/// A reference in each way that a record may write it. One that is only an id may be of any type that fits.
fn reference(value: &str, targets: &[&'static str]) -> Option<Wanted> {
    let mut found = Vec::new();
    if is_legal_id(value) {
        found.extend(targets.iter().map(|target| Reference::Local((*target).to_owned(), value.to_owned())));
    } else {
        links(value, &mut |reference| found.push(reference));
        let is_of_target = |reference: &Reference| match reference {
            Reference::Local(kind, _) => targets.is_empty() || targets.contains(&kind.as_str()),
            _ => true,
        };
        found.retain(is_of_target);
    }
    (!value.is_empty()).then_some(Wanted::Reference(found))
}

fn prefix(value: &str) -> (Prefix, &str) {
    let prefix = match value.get(..2) {
        Some("eq") => Prefix::Eq,
        Some("ne") => Prefix::Ne,
        Some("gt") => Prefix::Gt,
        Some("lt") => Prefix::Lt,
        Some("ge") => Prefix::Ge,
        Some("le") => Prefix::Le,
        Some("sa") => Prefix::Sa,
        Some("eb") => Prefix::Eb,
        Some("ap") => Prefix::Ap,
        _ => return (Prefix::Eq, value),
    };
    (prefix, &value[2..])
}

fn date(value: &str, now: Now) -> Option<Wanted> {
    let (prefix, rest) = prefix(value);
    // A plus sign that was not written as %2B has become a space.
    let span = time::span(rest).or_else(|| time::span(&rest.replace(' ', "+")))?;
    if prefix == Prefix::Ap {
        let gap = (now.0 as i64).saturating_sub(span.from_ms).unsigned_abs() / 10;
        let gap = i64::try_from(gap).unwrap_or(i64::MAX);
        let about = Span { from_ms: span.from_ms.saturating_sub(gap), until_ms: span.until_ms.saturating_add(gap) };
        return Some(Wanted::Date(prefix, about));
    }
    Some(Wanted::Date(prefix, span))
}

/// A decimal, and half a unit of its last significant digit.
fn number(text: &str) -> Option<Number> {
    let (digits, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(part) || exponent.abs() > 300 {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let last = i32::try_from(part.len()).ok()?;
    let half = 0.5 * 10f64.powi(exponent - last);
    (value.is_finite() && half.is_finite()).then_some(Number { value, half })
}

//! Whether a resource meets a criterion, worked out from the resource alone.
//!
//! Pure, so that an index which knows less than a question (composites, exact text) can ask it here, and can be held against
//! it.

use super::query::{Criterion, Modifier, Number, On, Prefix, Wanted};
use super::table::{Param, Part, Path, TypeTable};
use super::value::{Quantity, Range, Reference, Token, VALUES_MAX, Value, references_to, values_at, values_from, walk};
use crate::identifier::identifier_key;
use crate::json::Node;
use crate::names;
use crate::outgoing::{ConflictTag, STATE_SYSTEM};
use crate::time::Span;

/// What is known of a resource beside its bytes.
#[derive(Clone, Copy)]
pub struct About<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it was last changed, milliseconds since 1970.
    pub updated_ms: u64,
    /// True if it leaves with the tag that says so.
    pub in_conflict: bool,
}

/// True for the parameter that finds tags, of which those that say a resource's state are never in its bytes.
pub fn finds_tags(param: &Param) -> bool {
    param.code == "_tag"
}

/// True if a token asks for what is in conflict.
pub fn asks_for_conflict(system: Option<&str>, code: Option<&str>) -> bool {
    is_token(&conflict_tag(), system, code)
}

fn conflict_tag() -> Token {
    Token { system: STATE_SYSTEM.to_owned(), code: ConflictTag::Conflict.code().to_owned(), is_bare: false }
}

impl Criterion {
    /// Whether a resource of the table's type meets it.
    pub fn matches(&self, table: &TypeTable, resource: &Node<'_>, about: About<'_>) -> bool {
        let any = |meets: &dyn Fn(&Wanted) -> bool| self.any_of.iter().any(meets);
        match self.on {
            On::Id => match self.modifier {
                Modifier::Missing => any(&|wanted| *wanted == Wanted::Missing(false)),
                _ => any(&|wanted| matches!(wanted, Wanted::Id(id) if id == about.id)),
            },
            On::LastUpdated => {
                let at = i64::try_from(about.updated_ms).unwrap_or(i64::MAX);
                let span = Span { from_ms: at, until_ms: at.saturating_add(1) };
                any(&|wanted| match wanted {
                    Wanted::Date(prefix, wanted) => is_date(span, *prefix, *wanted),
                    wanted => *wanted == Wanted::Missing(false),
                })
            }
            On::Param(param) if !param.parts.is_empty() => any(&|wanted| is_composite(param, resource, wanted)),
            On::Param(param) => {
                let mut values = values_of_param(table, param, resource);
                if finds_tags(param) {
                    values.retain(|value| !is_state(value));
                    values.extend(about.in_conflict.then(|| Value::Token(conflict_tag())));
                }
                match self.modifier {
                    Modifier::Missing => any(&|wanted| *wanted == Wanted::Missing(values.is_empty())),
                    Modifier::Not => !any(&|wanted| meets(&values, wanted, Modifier::Plain)),
                    modifier => any(&|wanted| meets(&values, wanted, modifier)),
                }
            }
        }
    }
}

/// True for a tag that says a resource's state: whatever the bytes say, it is worked out anew.
pub fn is_state(value: &Value) -> bool {
    matches!(value, Value::Token(token) if token.system == STATE_SYSTEM)
}

/// The values of one parameter.
pub fn values_of_param(table: &TypeTable, param: &Param, resource: &Node<'_>) -> Vec<Value> {
    let mut values = Vec::new();
    for used in &param.uses {
        let atom = &table.atoms[used.atom];
        values.extend(match used.only {
            Some(only) => references_to(only, atom, resource),
            None => values_at(atom, resource),
        });
    }
    values
}

fn meets(values: &[Value], wanted: &Wanted, modifier: Modifier) -> bool {
    if let Wanted::Text(text) = wanted
        && modifier == Modifier::Plain
        && values.iter().any(|value| matches!(value, Value::Text(_, true)))
    {
        return is_named(values, text);
    }
    values.iter().any(|value| is_met(value, wanted, modifier))
}

/// Every word that is looked for begins a word of the name, or sounds like one.
fn is_named(values: &[Value], wanted: &str) -> bool {
    let words = names::words(wanted);
    let texts = values.iter().filter_map(|value| match value {
        Value::Text(text, true) => Some(text),
        _ => None,
    });
    let known: Vec<_> = texts.flat_map(|text| names::words_found(text)).collect();
    let is_known = |word: &names::NameWord| {
        known.iter().any(|known| {
            known.key.starts_with(&word.key) || (!word.skeleton.is_empty() && known.skeleton == word.skeleton)
        })
    };
    !words.is_empty() && words.iter().all(is_known)
}

fn is_met(value: &Value, wanted: &Wanted, modifier: Modifier) -> bool {
    match (value, wanted) {
        (Value::Token(token), Wanted::Token(system, code)) => is_token(token, system.as_deref(), code.as_deref()),
        (Value::Text(text, _), Wanted::Text(wanted)) => match modifier {
            Modifier::Exact => text == wanted,
            Modifier::Contains => names::text_key(text).contains(&names::text_key(wanted)),
            _ => names::text_key(text).starts_with(&names::text_key(wanted)),
        },
        (Value::Reference(found), Wanted::Reference(wanted)) => wanted.iter().any(|wanted| match (found, wanted) {
            // A system that was not said is any.
            (Reference::Identifier(_, value), Reference::Identifier(system, wanted)) if system.is_empty() => {
                value == wanted
            }
            _ => found == wanted,
        }),
        (Value::Date(span), Wanted::Date(prefix, wanted)) => is_date(*span, *prefix, *wanted),
        (Value::Number(range), Wanted::Number(prefix, number)) => is_number(*range, *prefix, *number),
        (Value::Quantity(quantity), Wanted::Quantity(prefix, number, system, unit)) => {
            is_unit(quantity, system.as_deref(), unit.as_deref()) && is_number(quantity.range, *prefix, *number)
        }
        (Value::Uri(uri), Wanted::Uri(wanted)) => match modifier {
            Modifier::Below => is_below(uri, wanted),
            Modifier::Above => is_below(wanted, uri),
            _ => uri == wanted,
        },
        _ => false,
    }
}

/// Whether an address is another or lies under it.
pub fn is_below(uri: &str, above: &str) -> bool {
    let rest = uri.strip_prefix(above);
    rest.is_some_and(|rest| {
        rest.is_empty() || above.ends_with(['/', ':']) || rest.starts_with(['/', ':', '.', '#', '?'])
    })
}

fn is_token(token: &Token, system: Option<&str>, code: Option<&str>) -> bool {
    let system_fits = match system {
        None => true,
        Some("") => token.system.is_empty() || token.is_bare,
        Some(system) => token.system == system,
    };
    // Systems differ in whether case counts, and R4 says to find rather more (§3.1.1.4.10).
    system_fits && code.is_none_or(|code| identifier_key(code) == identifier_key(&token.code))
}

fn is_unit(quantity: &Quantity, system: Option<&str>, unit: Option<&str>) -> bool {
    match (system, unit) {
        (Some(system), unit) => quantity.system == system && unit.is_none_or(|unit| quantity.code == unit),
        (None, Some(unit)) => quantity.code == unit || quantity.unit == unit,
        (None, None) => true,
    }
}

/// FHIR R4 §3.1.1.4.6: what each prefix means for spans.
pub fn is_date(span: Span, prefix: Prefix, wanted: Span) -> bool {
    let within = wanted.from_ms <= span.from_ms && span.until_ms <= wanted.until_ms;
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => span.until_ms > wanted.until_ms,
        Prefix::Lt => span.from_ms < wanted.from_ms,
        Prefix::Ge => span.until_ms > wanted.until_ms || within,
        Prefix::Le => span.from_ms < wanted.from_ms || within,
        Prefix::Sa => span.from_ms >= wanted.until_ms,
        Prefix::Eb => span.until_ms <= wanted.from_ms,
        Prefix::Ap => span.from_ms < wanted.until_ms && wanted.from_ms < span.until_ms,
    }
}

/// FHIR R4 §3.1.1.4.5: equality as far as the number is exact, everything else against the number itself.
pub fn is_number(range: Range, prefix: Prefix, wanted: Number) -> bool {
    let Number { value, half } = wanted;
    let within = value - half <= range.low && (range.high < value + half || range.high == value);
    match prefix {
        Prefix::Eq => within,
        Prefix::Ne => !within,
        Prefix::Gt => range.high > value,
        Prefix::Lt => range.low < value,
        Prefix::Ge => range.high >= value,
        Prefix::Le => range.low <= value,
        Prefix::Sa => range.low > value,
        Prefix::Eb => range.high < value,
        Prefix::Ap => {
            let tenth = (value.abs() * 0.1).max(half);
            range.low <= value + tenth && value - tenth <= range.high
        }
    }
}

/// Visits what a composite parameter says: at each of its bases (the first [`VALUES_MAX`] of them) the values of each part,
/// in the order of the parts. A base at which a part has no value says nothing.
pub fn each_tuple(param: &Param, resource: &Node<'_>, visit: &mut dyn FnMut(&[Vec<Value>])) {
    let mut left = VALUES_MAX;
    for base in &param.bases {
        at_base(resource, base, &mut |node| {
            if left == 0 {
                return;
            }
            left -= 1;
            let of_part = |part: &Part| {
                let values = part.paths.iter().flat_map(|(path, from_resource)| {
                    values_from(if *from_resource { resource } else { node }, path, part.kind)
                });
                Some(values.collect::<Vec<_>>()).filter(|values| !values.is_empty())
            };
            if let Some(tuple) = param.parts.iter().map(of_part).collect::<Option<Vec<_>>>() {
                visit(&tuple);
            }
        });
    }
}

/// Whether all parts of a composite fit at one of its bases.
fn is_composite(param: &Param, resource: &Node<'_>, wanted: &Wanted) -> bool {
    let mut found = false;
    each_tuple(param, resource, &mut |tuple| {
        found |= match wanted {
            Wanted::Missing(_) => true,
            Wanted::Parts(parts) => {
                tuple.iter().zip(parts).all(|(values, wanted)| meets(values, wanted, Modifier::Plain))
            }
            _ => false,
        };
    });
    found != (*wanted == Wanted::Missing(true))
}

fn at_base<'n, 'a>(resource: &'n Node<'a>, base: &Path, visit: &mut dyn FnMut(&'n Node<'a>)) {
    if base.steps.is_empty() {
        return visit(resource);
    }
    walk(resource, base, &mut |node, _| visit(node));
}

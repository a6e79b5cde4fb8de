//! What a calculation of a form adds to a path: numbers, which of two comes first, and names for what was found.
//!
//! What cannot be worked out, as a division by zero, is nothing (FHIRPath 2.0.0 §6.6); what is no number is an error.

use super::decimal::Decimal;
use super::equal::{Scalar, scalar};
use super::eval::{EvalError, Evaluator, Found, Variables, Work, chain, member};
use super::item::{Element, Item};
use super::{Arithmetic, Comparison, Expr, Literal};
use crate::definitions::definitions;
use crate::json::{Kind, Node};
use crate::time;
use std::cmp::Ordering;

/// Where a Coding or an option says its score (R4, extension `ordinalValue`).
pub const ORDINAL: &str = "http://hl7.org/fhir/StructureDefinition/ordinalValue";

/// The items that a calculation finds in a QuestionnaireResponse.
///
/// `context` is what `%context` and the start of a path stand for: an item of the response, or the response itself.
/// `variables` are worked out in their order, each from those before it.
///
/// # Errors
/// [`EvalError`].
pub fn calculate<'n, 'a>(
    expression: &Expr,
    response: &'n Node<'a>,
    context: Option<&'n Node<'a>>,
    variables: &[(&str, &Expr, Option<&'n Node<'a>>)],
    work: &mut Work,
) -> Result<Vec<Item<'n, 'a>>, EvalError> {
    let root = Element::resource(response).ok_or(EvalError::NotAResource)?;
    let kind = definitions().get("QuestionnaireResponse.item").ok_or(EvalError::NotAResource)?;
    let item = |node: Option<&'n Node<'a>>| match node {
        Some(node) => Item::Element(Element { kind, definition: None, value: Some(node), beside: None }),
        None => Item::Element(root.clone()),
    };
    let mut known = Variables::new();
    for (name, said, at) in variables {
        let context = item(*at);
        let mut evaluator = Evaluator { root: root.clone(), context: context.clone(), variables: &known, work };
        let found = evaluator.find(said, &context)?;
        known.insert((*name).to_owned(), found);
    }
    let context = item(context);
    Evaluator { root: root.clone(), context: context.clone(), variables: &known, work }.find(expression, &context)
}

/// What an item says as JSON would write it, without quotes; `None` if it is not one plain value.
pub fn item_text(item: &Item<'_, '_>) -> Option<String> {
    Some(match scalar(item)? {
        Scalar::Bool(flag) => flag.to_string(),
        Scalar::Number(text) => Decimal::read(text)?.to_string(),
        Scalar::Text(text) | Scalar::Date(text) | Scalar::Time(text) => text.into_owned(),
    })
}

fn single<'i, 'n, 'a>(items: &'i [Item<'n, 'a>]) -> Result<Option<&'i Item<'n, 'a>>, EvalError> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(item)),
        _ => Err(EvalError::NotSingle),
    }
}

fn number(item: &Item<'_, '_>) -> Result<Decimal, EvalError> {
    if let Some(Scalar::Number(text)) = scalar(item) {
        return Decimal::read(text).ok_or(EvalError::NotNumbers);
    }
    Err(EvalError::NotNumbers)
}

fn said<'n, 'a>(number: Option<Decimal>) -> Vec<Item<'n, 'a>> {
    number.map(|number| Item::Value(Literal::Number(number.to_string()))).into_iter().collect()
}

/// `a + b` and its like.
pub(super) fn arithmetic<'n, 'a>(a: &[Item<'n, 'a>], operator: Arithmetic, b: &[Item<'n, 'a>]) -> Found<'n, 'a> {
    let (Some(a), Some(b)) = (single(a)?, single(b)?) else { return Ok(Vec::new()) };
    if let (Arithmetic::Add, Some(Scalar::Text(a)), Some(Scalar::Text(b))) = (operator, scalar(a), scalar(b)) {
        return Ok(vec![Item::Value(Literal::Text([a, b].concat()))]);
    }
    let (a, b) = (number(a)?, number(b)?);
    Ok(said(match operator {
        Arithmetic::Add => a.plus(b),
        Arithmetic::Subtract => a.minus(b),
        Arithmetic::Multiply => a.times(b),
        Arithmetic::Divide => a.over(b),
    }))
}

/// `a < b` and its like. `None` if one is not there, or dates are not exact enough to tell.
pub(super) fn compare(
    a: &[Item<'_, '_>],
    comparison: Comparison,
    b: &[Item<'_, '_>],
) -> Result<Option<bool>, EvalError> {
    let (Some(a), Some(b)) = (single(a)?, single(b)?) else { return Ok(None) };
    let order = match (scalar(a), scalar(b)) {
        (Some(Scalar::Number(_)), Some(Scalar::Number(_))) => number(a)?.partial_cmp(&number(b)?),
        (Some(Scalar::Text(a)), Some(Scalar::Text(b))) | (Some(Scalar::Time(a)), Some(Scalar::Time(b))) => {
            Some(a.cmp(&b))
        }
        (Some(Scalar::Date(a)), Some(Scalar::Date(b))) => order_of_dates(&a, &b),
        _ => return Err(EvalError::NotNumbers),
    };
    Ok(order.map(|order| match comparison {
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
    }))
}

fn order_of_dates(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (time::span(a)?, time::span(b)?);
    match () {
        () if a == b => Some(Ordering::Equal),
        () if a.until_ms <= b.from_ms => Some(Ordering::Less),
        () if b.until_ms <= a.from_ms => Some(Ordering::Greater),
        () => None,
    }
}

/// The numbers added up; of none, nothing.
pub(super) fn sum<'n, 'a>(items: &[Item<'n, 'a>]) -> Found<'n, 'a> {
    let mut total = None;
    for item in items {
        let one = number(item)?;
        total = match total {
            None => Some(one),
            Some(total) => match one.plus(total) {
                None => return Ok(Vec::new()),
                sum => sum,
            },
        };
    }
    Ok(said(total))
}

/// `round(n)`.
pub(super) fn rounded<'n, 'a>(items: &[Item<'n, 'a>], decimals: &[Item<'n, 'a>]) -> Found<'n, 'a> {
    let Some(item) = single(items)? else { return Ok(Vec::new()) };
    let decimals = match single(decimals)? {
        None => 0,
        Some(item) => number(item)?.to_string().parse().map_err(|_| EvalError::NotNumbers)?,
    };
    Ok(said(number(item)?.rounded(decimals)))
}

/// Everything below these, nearest first.
pub(super) fn descendants<'n, 'a>(items: &[Item<'n, 'a>], work: &mut Work) -> Found<'n, 'a> {
    let (mut all, mut at) = (Vec::new(), 0);
    children(items, &mut all, work)?;
    while at < all.len() {
        let item: Item<'n, 'a> = all[at].clone();
        children(&[item], &mut all, work)?;
        at += 1;
    }
    Ok(all)
}

fn children<'n, 'a>(items: &[Item<'n, 'a>], found: &mut Vec<Item<'n, 'a>>, work: &mut Work) -> Result<(), EvalError> {
    for item in items {
        let Item::Element(of) = item else { continue };
        let (Some(object), Some(kind)) = of.holder() else { continue };
        let mut names: Vec<&str> = Vec::new();
        for key in object.members().iter().map(|member| member.key.strip_prefix('_').unwrap_or(&member.key)) {
            if let Some((element, _)) = kind.member(key).filter(|(element, _)| !names.contains(&element.name)) {
                names.push(element.name);
            }
        }
        for name in names {
            member(of, name, found, work)?;
        }
    }
    Ok(())
}

/// The scores of those that have one.
pub(super) fn ordinal<'n, 'a>(items: &[Item<'n, 'a>]) -> Vec<Item<'n, 'a>> {
    let score = |item: &Item<'n, 'a>| {
        let Item::Element(Element { value: Some(value), .. }) = item else { return None };
        ordinal_of(value).map(|score| Item::Value(Literal::Number(score.to_string())))
    };
    items.iter().filter_map(score).collect()
}

/// The score that the extensions of a JSON value say.
pub(crate) fn ordinal_of(value: &Node<'_>) -> Option<Decimal> {
    let extensions = value.get("extension").map_or(&[][..], Node::items);
    let said = extensions.iter().find(|extension| extension.get_str("url").as_deref() == Some(ORDINAL))?;
    said.get("valueDecimal").filter(|value| matches!(value.kind, Kind::Number)).and_then(|n| Decimal::read(n.text))
}

/// The texts that an expression has in quotes, and the variables that it asks for: what it may depend on.
pub fn mentions(expression: &Expr) -> (Vec<&str>, Vec<&str>) {
    let (mut texts, mut variables) = (Vec::new(), Vec::new());
    let mut left = vec![expression];
    while let Some(expression) = left.pop() {
        for step in chain(expression) {
            match step {
                Expr::Literal(Literal::Text(text)) => texts.push(text.as_str()),
                Expr::Variable(name) => variables.push(name.as_str()),
                Expr::Call(_, _, arguments) => left.extend(arguments),
                Expr::Union(_, right)
                | Expr::Equal(_, right, _)
                | Expr::And(_, right)
                | Expr::Or(_, right)
                | Expr::Arithmetic(_, _, right)
                | Expr::Compare(_, _, right) => left.push(right),
                _ => {}
            }
        }
    }
    (texts, variables)
}

//! Following an expression into a resource.
//!
//! A caller may rely on: whatever the expression and the resource, the work ends within [`VISITED_MAX`]; an element that
//! is found is the resource's own [`Node`], so that where it stands is known ([`Element::way`]); and what an element is
//! called and may be is what [`crate::definitions`] says, so that `value` finds `valueQuantity`.
//!
//! Left out of FHIRPath 2.0.0 on purpose: `as` is taken for `ofType`, as the search parameters of R4 need it, which put it
//! behind lists; and what a reference leads to is known by the reference's text, so that of a resource elsewhere there is
//! only its type.

use super::calculate::{arithmetic, compare, descendants, ordinal, rounded, sum};
use super::equal::{equal, is_among};
use super::item::{Element, Item, type_of, wanted};
use super::{Expr, Function, Literal};
use crate::definitions::{Element as Definition, Type, TypeKind, definitions};
use crate::json::{Kind, Node};
use crate::search::{Reference, links};
use std::collections::BTreeMap;

/// Most items that may be visited or compared: at worst a second. The largest of the official examples has 13,000 values,
/// and no parameter visits one of them twice.
pub const VISITED_MAX: usize = 500_000;

/// A step takes as long as visiting a few items, even from one to the next.
const STEP_VISITS: usize = 4;

/// Why an expression says nothing about a resource. Names come from the expression, never from the resource.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvalError {
    /// More than [`VISITED_MAX`] items.
    #[error("the expression visits too many elements")]
    TooMuchWork,
    /// Several items where one is needed (FHIRPath §5.1, singleton evaluation).
    #[error("the expression finds several items where there may be one")]
    NotSingle,
    /// Numbers were needed, or values of one kind.
    #[error("the expression calculates with what is no number")]
    NotNumbers,
    /// A name that nothing was said of.
    #[error("the expression asks for %{0}, which is said nowhere")]
    UnknownVariable(String),
    /// A type that FHIR R4 does not have.
    #[error("{0} is no type of FHIR R4")]
    UnknownType(String),
    /// An element that nothing there can have.
    #[error("there is no element {0} at that place in FHIR R4")]
    UnknownElement(String),
    /// The bytes are not a resource of FHIR R4.
    #[error("not a resource of FHIR R4")]
    NotAResource,
}

/// How much may still be visited.
pub struct Work {
    left: usize,
}

impl Default for Work {
    fn default() -> Work {
        Work { left: VISITED_MAX }
    }
}

impl Work {
    /// Work of several evaluations together.
    pub fn of(visits: usize) -> Work {
        Work { left: visits }
    }

    pub(super) fn spend(&mut self, visits: usize) -> Result<(), EvalError> {
        self.left = self.left.checked_sub(visits).ok_or(EvalError::TooMuchWork)?;
        Ok(())
    }
}

/// The items that an expression finds in a resource.
///
/// # Errors
/// [`EvalError`]: too much work, several items where one is needed, an unknown type, not a resource.
pub fn evaluate<'n, 'a>(
    expression: &Expr,
    resource: &'n Node<'a>,
    work: &mut Work,
) -> Result<Vec<Item<'n, 'a>>, EvalError> {
    let root = Element::resource(resource).ok_or(EvalError::NotAResource)?;
    let this = Item::Element(root.clone());
    Evaluator { root, context: this.clone(), variables: &BTreeMap::new(), work }.find(expression, &this)
}

/// One item as a truth value, none as neither (FHIRPath §5.1): what is there and is not a truth value is true.
pub(super) fn truth(items: &[Item<'_, '_>]) -> Result<Option<bool>, EvalError> {
    match items {
        [] => Ok(None),
        [item] => Ok(Some(item.flag().unwrap_or(true))),
        _ => Err(EvalError::NotSingle),
    }
}

fn answer<'n, 'a>(flag: Option<bool>) -> Vec<Item<'n, 'a>> {
    flag.map(|flag| Item::Value(Literal::Bool(flag))).into_iter().collect()
}

/// What `%name` stands for.
pub(super) type Variables<'n, 'a> = BTreeMap<String, Vec<Item<'n, 'a>>>;

pub(super) struct Evaluator<'w, 'n, 'a> {
    pub(super) root: Element<'n, 'a>,
    pub(super) context: Item<'n, 'a>,
    pub(super) variables: &'w Variables<'n, 'a>,
    pub(super) work: &'w mut Work,
}

/// What an expression's last step is applied to. An expression as long as one may be is one chain of thousands of these,
/// so it is followed in a loop; only what stands in brackets is followed by recursion, which the parser bounds.
pub(super) fn inner(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Member(of, _)
        | Expr::Index(of, _)
        | Expr::Call(of, ..)
        | Expr::Union(of, _)
        | Expr::As(of, _)
        | Expr::Is(of, _)
        | Expr::Equal(of, ..)
        | Expr::And(of, _)
        | Expr::Or(of, _)
        | Expr::Arithmetic(of, ..)
        | Expr::Compare(of, ..) => Some(of),
        Expr::This | Expr::Resource | Expr::Literal(_) | Expr::Context | Expr::Variable(_) => None,
    }
}

/// An expression's steps, the first one first.
pub(super) fn chain(expression: &Expr) -> Vec<&Expr> {
    let mut steps: Vec<_> = std::iter::successors(Some(expression), |step| inner(step)).collect();
    steps.reverse();
    steps
}

pub(super) type Found<'n, 'a> = Result<Vec<Item<'n, 'a>>, EvalError>;

impl<'n, 'a> Evaluator<'_, 'n, 'a> {
    pub(super) fn find(&mut self, expression: &Expr, this: &Item<'n, 'a>) -> Found<'n, 'a> {
        let mut items = Vec::new();
        for step in chain(expression) {
            self.work.spend(STEP_VISITS + items.len())?;
            items = self.step(step, items, this)?;
        }
        Ok(items)
    }

    /// What a step makes of the items before it.
    fn step(&mut self, step: &Expr, mut items: Vec<Item<'n, 'a>>, this: &Item<'n, 'a>) -> Found<'n, 'a> {
        match step {
            Expr::This => Ok(vec![this.clone()]),
            Expr::Resource => Ok(vec![Item::Element(self.root.clone())]),
            Expr::Context => Ok(vec![self.context.clone()]),
            Expr::Variable(name) => {
                let found = self.variables.get(name).ok_or_else(|| EvalError::UnknownVariable(name.clone()))?;
                self.work.spend(found.len())?;
                Ok(found.clone())
            }
            Expr::Literal(Literal::Empty) => Ok(Vec::new()),
            Expr::Literal(literal) => Ok(vec![Item::Value(literal.clone())]),
            Expr::Member(of, name) if is_type_at_start(of, name) => {
                items.retain(|item| matches!(item, Item::Element(of) if definitions().is_a(of.kind.name, name)));
                Ok(items)
            }
            Expr::Member(_, name) => {
                let mut found = Vec::new();
                for item in &items {
                    if let Item::Element(of) = item {
                        self.member(of, name, &mut found)?;
                    }
                }
                Ok(found)
            }
            Expr::Index(_, index) => Ok(items.into_iter().nth(*index).into_iter().collect()),
            Expr::Call(_, Function::Iif, arguments) => self.choose(arguments, this),
            Expr::Call(_, Function::Round, arguments) => {
                let decimals = arguments.first().map_or(Ok(Vec::new()), |argument| self.find(argument, this))?;
                rounded(&items, &decimals)
            }
            Expr::Call(_, function, arguments) => self.call(*function, items, arguments.first()),
            Expr::Union(of, right) => {
                let mut all = if matches!(**of, Expr::Union(..)) { items } else { self.distinct(Vec::new(), items)? };
                let right = self.find(right, this)?;
                all = self.distinct(all, right)?;
                Ok(all)
            }
            Expr::As(_, name) => {
                let wanted = wanted(name)?;
                items.retain(|item| item.is_of_type(&wanted));
                Ok(items)
            }
            Expr::Is(_, name) => {
                let wanted = wanted(name)?;
                match &items[..] {
                    [] => Ok(Vec::new()),
                    [item] => Ok(answer(Some(item.is(&wanted)))),
                    _ => Err(EvalError::NotSingle),
                }
            }
            Expr::Equal(_, right, wanted) => {
                let right = self.find(right, this)?;
                Ok(answer(equal(&items, &right, self.work)?.map(|same| same == *wanted)))
            }
            Expr::Arithmetic(_, operator, right) => {
                let right = self.find(right, this)?;
                arithmetic(&items, *operator, &right)
            }
            Expr::Compare(_, comparison, right) => {
                let right = self.find(right, this)?;
                Ok(answer(compare(&items, *comparison, &right)?))
            }
            Expr::And(_, right) => Ok(answer(match (truth(&items)?, truth(&self.find(right, this)?)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            })),
            Expr::Or(_, right) => Ok(answer(match (truth(&items)?, truth(&self.find(right, this)?)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            })),
        }
    }

    fn call(&mut self, function: Function, items: Vec<Item<'n, 'a>>, condition: Option<&Expr>) -> Found<'n, 'a> {
        match (function, condition) {
            (Function::Where, Some(condition)) => self.those(items, condition),
            (Function::Exists, Some(condition)) => {
                let those = self.those(items, condition)?;
                self.call(Function::Exists, those, None)
            }
            (Function::Where, None) => Ok(items),
            (Function::Exists, None) => Ok(answer(Some(!items.is_empty()))),
            (Function::Empty, _) => Ok(answer(Some(items.is_empty()))),
            (Function::Not, _) => Ok(answer(truth(&items)?.map(|flag| !flag))),
            (Function::First, _) => Ok(items.into_iter().take(1).collect()),
            (Function::Last, _) => Ok(items.into_iter().next_back().into_iter().collect()),
            (Function::Count, _) => Ok(vec![Item::Value(Literal::Number(items.len().to_string()))]),
            (Function::Sum, _) => sum(&items),
            (Function::Descendants, _) => descendants(&items, self.work),
            (Function::Ordinal, _) => Ok(ordinal(&items)),
            // These need what they are said within, and never come here.
            (Function::Iif | Function::Round, _) => Ok(Vec::new()),
            (Function::Resolve, _) => {
                let mut found = Vec::new();
                for item in &items {
                    found.extend(self.resolve(item)?);
                }
                Ok(found)
            }
        }
    }

    /// `iif(condition, a, b)`: only the one that is asked for is looked for.
    fn choose(&mut self, arguments: &[Expr], this: &Item<'n, 'a>) -> Found<'n, 'a> {
        let [condition, rest @ ..] = arguments else { return Ok(Vec::new()) };
        let holds = truth(&self.find(condition, this)?)? == Some(true);
        let wanted = rest.get(usize::from(!holds));
        wanted.map_or(Ok(Vec::new()), |wanted| self.find(wanted, this))
    }

    /// Those of which a condition holds.
    fn those(&mut self, items: Vec<Item<'n, 'a>>, condition: &Expr) -> Found<'n, 'a> {
        let mut those = Vec::new();
        for item in items {
            if truth(&self.find(condition, &item)?)? == Some(true) {
                those.push(item);
            }
        }
        Ok(those)
    }

    /// Adds those that are not there yet.
    fn distinct(&mut self, mut all: Vec<Item<'n, 'a>>, more: Vec<Item<'n, 'a>>) -> Found<'n, 'a> {
        for item in more {
            if !is_among(&item, &all, self.work)? {
                all.push(item);
            }
        }
        Ok(all)
    }

    /// The elements of that name.
    fn member(&mut self, of: &Element<'n, 'a>, name: &str, found: &mut Vec<Item<'n, 'a>>) -> Result<(), EvalError> {
        member(of, name, found, self.work)
    }

    /// What a reference leads to: a contained resource itself, of any other its type.
    fn resolve(&mut self, item: &Item<'n, 'a>) -> Result<Option<Item<'n, 'a>>, EvalError> {
        let Item::Element(Element { kind, value: Some(value), .. }) = item else { return Ok(None) };
        let is_reference = kind.name == "Reference";
        let text = if is_reference { value.get_str("reference") } else { value.as_str() };
        if let Some(id) = text.as_deref().and_then(|text| text.strip_prefix('#')) {
            let contained = self.root.value.and_then(|root| root.get("contained")).map_or(&[][..], Node::items);
            self.work.spend(contained.len())?;
            let found = contained.iter().find(|contained| contained.get_str("id").as_deref() == Some(id));
            return Ok(found.and_then(Element::resource).map(Item::Element));
        }
        let mut name = None;
        links(text.as_deref().unwrap_or(""), &mut |link| {
            if let Reference::Local(kind, _) = link {
                name = Some(kind);
            }
        });
        let name = name.or_else(|| value.get_str("type").filter(|_| is_reference).map(|name| name.into_owned()));
        let kind = name.and_then(|name| definitions().get(&name)).filter(|kind| kind.kind == TypeKind::Resource);
        Ok(kind.map(Item::Elsewhere))
    }
}

/// The elements of that name.
pub(super) fn member<'n, 'a>(
    of: &Element<'n, 'a>,
    name: &str,
    found: &mut Vec<Item<'n, 'a>>,
    work: &mut Work,
) -> Result<(), EvalError> {
    let (Some(object), Some(kind)) = of.holder() else { return Ok(()) };
    let Some(definition) = kind.element(name) else { return Ok(()) };
    work.spend(STEP_VISITS + object.members().len())?;
    for member in members_of(object, kind, definition) {
        let Some((_, of_type)) = kind.member(&member) else { continue };
        let Some(kind) = definitions().get(of_type.name) else { continue };
        let is_primitive = kind.kind == TypeKind::Primitive;
        let values = object.get(&member);
        let beside = if is_primitive { object.get(&format!("_{member}")) } else { None };
        let count = [values, beside].into_iter().flatten().map(length).max().unwrap_or(0);
        work.spend(count)?;
        for at in 0..count {
            let (value, beside) = (values.and_then(|of| entry(of, at)), beside.and_then(|of| entry(of, at)));
            let kind = match value {
                Some(value) if kind.kind == TypeKind::Resource => type_of(value).unwrap_or(kind),
                _ => kind,
            };
            if value.is_some() || beside.is_some() {
                found.push(Item::Element(Element { kind, definition: Some(definition), value, beside }));
            }
        }
    }
    Ok(())
}

/// True for a type's name at the start of a path. No element begins with a capital.
pub(super) fn is_type_at_start(of: &Expr, name: &str) -> bool {
    matches!(of, Expr::This) && name.starts_with(|letter: char| letter.is_ascii_uppercase())
}

/// The members that hold an element: of a choice those that are there.
fn members_of(object: &Node<'_>, kind: &Type, definition: &Definition) -> Vec<String> {
    if !definition.is_choice {
        return vec![definition.name.to_owned()];
    }
    let mut members: Vec<String> = Vec::new();
    for member in object.members() {
        let name = member.key.strip_prefix('_').unwrap_or(&member.key);
        let is_of_choice = kind.member(name).is_some_and(|(element, _)| element.name == definition.name);
        if is_of_choice && !members.iter().any(|known| known == name) {
            members.push(name.to_owned());
        }
    }
    members
}

fn length(node: &Node<'_>) -> usize {
    if let Kind::Array(items) = &node.kind { items.len() } else { 1 }
}

/// What stands at a place of a list; what is no list is one of its own.
fn entry<'n, 'a>(node: &'n Node<'a>, at: usize) -> Option<&'n Node<'a>> {
    let found = if let Kind::Array(items) = &node.kind { items.get(at) } else { Some(node) };
    found.filter(|node| !matches!(node.kind, Kind::Null))
}

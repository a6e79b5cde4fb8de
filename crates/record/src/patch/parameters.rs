//! Reading a FHIRPath Patch: a Parameters resource with one parameter `operation` for each change.

use super::{OPERATIONS_MAX, PatchError, PatchProblem};
use crate::definitions::{ElementType, definitions};
use crate::fhirpath::{Expr, parse};
use crate::json::{Kind, Node};

/// One operation.
pub(super) struct Operation<'p> {
    /// Where.
    pub(super) path: Expr,
    /// What.
    pub(super) change: Change<'p>,
}

/// What an operation does.
pub(super) enum Change<'p> {
    Add { name: String, value: Given<'p> },
    Insert { index: usize, value: Given<'p> },
    Delete,
    Replace { value: Given<'p> },
    Move { source: usize, destination: usize },
}

/// A value in a patch.
pub(super) enum Given<'p> {
    /// `value[x]`, and what stands beside it.
    Typed { kind: &'static ElementType, value: Option<&'p Node<'p>>, beside: Option<&'p Node<'p>> },
    /// An element that is made of parts.
    Parts(&'p [Node<'p>]),
    /// A resource.
    Resource(&'p Node<'p>),
}

/// The operations of a patch, in order.
pub(super) fn operations<'p>(patch: &'p Node<'p>) -> Result<Vec<(usize, Operation<'p>)>, PatchError> {
    let not_a_patch = || PatchError::whole(PatchProblem::NotAPatch("a Parameters resource of operations"));
    if patch.get_str("resourceType").as_deref() != Some("Parameters") {
        return Err(not_a_patch());
    }
    let parameters = match patch.get("parameter") {
        None => &[],
        Some(Node { kind: Kind::Array(parameters), .. }) => &parameters[..],
        Some(_) => return Err(not_a_patch()),
    };
    if parameters.len() > OPERATIONS_MAX {
        return Err(PatchError::whole(PatchProblem::TooManyOperations));
    }
    let read = |(at, parameter)| Ok((at, operation(parameter).map_err(PatchError::of(at))?));
    parameters.iter().enumerate().map(read).collect()
}

fn operation<'p>(parameter: &'p Node<'p>) -> Result<Operation<'p>, PatchProblem> {
    if parameter.get_str("name").as_deref() != Some("operation") {
        return Err(PatchProblem::NotAPatch("a Parameters resource of operations"));
    }
    let parts = parameter.get("part").map_or(&[][..], Node::items);
    let text = |name: &'static str| -> Result<String, PatchProblem> {
        Ok(plain(parts, name)?.as_str().ok_or(PatchProblem::Wrong(name))?.into_owned())
    };
    let number = |name: &'static str| -> Result<usize, PatchProblem> {
        let value = plain(parts, name)?;
        let number = if let Kind::Number = value.kind { value.text.parse().ok() } else { None };
        number.ok_or(PatchProblem::Wrong(name))
    };
    let value = || given(part(parts, "value")?)?.ok_or(PatchProblem::Missing("value"));
    let kind = text("type")?;
    let path = parse(&text("path")?).map_err(PatchProblem::Path)?;
    let change = match &*kind {
        "add" => Change::Add { name: text("name")?, value: value()? },
        "insert" => Change::Insert { index: number("index")?, value: value()? },
        "delete" => Change::Delete,
        "replace" => Change::Replace { value: value()? },
        "move" => Change::Move { source: number("source")?, destination: number("destination")? },
        _ => return Err(PatchProblem::Wrong("type")),
    };
    Ok(Operation { path, change })
}

/// The part of that name.
fn part<'p>(parts: &'p [Node<'p>], name: &'static str) -> Result<&'p Node<'p>, PatchProblem> {
    let mut named = parts.iter().filter(|part| part.get_str("name").as_deref() == Some(name));
    match (named.next(), named.next()) {
        (Some(part), None) => Ok(part),
        (None, _) => Err(PatchProblem::Missing(name)),
        _ => Err(PatchProblem::Wrong(name)),
    }
}

/// The value of the part of that name, of whatever type: senders differ in whether a name is a `string` or a `code`.
fn plain<'p>(parts: &'p [Node<'p>], name: &'static str) -> Result<&'p Node<'p>, PatchProblem> {
    match given(part(parts, name)?)? {
        Some(Given::Typed { value: Some(value), .. }) => Ok(value),
        _ => Err(PatchProblem::Wrong(name)),
    }
}

/// The value of a part; `None` if it says none.
pub(super) fn given<'p>(part: &'p Node<'p>) -> Result<Option<Given<'p>>, PatchProblem> {
    let parameter = definitions().get("Parameters.parameter").ok_or(PatchProblem::Wrong("value"))?;
    let mut found: Option<&ElementType> = None;
    for member in part.members() {
        let name = member.key.strip_prefix('_').unwrap_or(&member.key);
        match parameter.member(name).filter(|(element, _)| element.name == "value") {
            Some((_, kind)) if found.is_none_or(|found| found.name == kind.name) => found = Some(kind),
            Some(_) => return Err(PatchProblem::Wrong("value")),
            None => {}
        }
    }
    let parts = part.get("part").map_or(&[][..], Node::items);
    let resource = part.get("resource");
    match (found, parts.is_empty(), resource) {
        (None, true, None) => Ok(None),
        (None, false, None) => Ok(Some(Given::Parts(parts))),
        (None, true, Some(resource)) => Ok(Some(Given::Resource(resource))),
        (Some(kind), true, None) => {
            let member = parameter.element("value").map_or_else(String::new, |element| element.member_of(kind));
            let says = |name: &str| part.get(name).filter(|value| !matches!(value.kind, Kind::Null));
            Ok(Some(Given::Typed { kind, value: says(&member), beside: says(&format!("_{member}")) }))
        }
        _ => Err(PatchProblem::Wrong("value")),
    }
}

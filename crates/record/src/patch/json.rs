//! JSON Patch (RFC 6902), with places named by JSON Pointer (RFC 6901).

use super::{OPERATIONS_MAX, PatchError, PatchProblem, RESULT_BYTES_MAX, run};
use crate::fhirpath::same_value;
use crate::json::{Edits, Kind, Node, parse};

/// Longest pointer. The deepest place in the official examples is named by 94 bytes.
const POINTER_BYTES_MAX: usize = 4 << 10;

/// The resource as a JSON Patch makes it.
///
/// The result is an object that can be read; that it is a resource is not asked here.
///
/// # Errors
/// [`PatchError`]: not a patch, or one that does not fit the resource.
pub fn json_patch(raw: &[u8], patch: &[u8]) -> Result<Vec<u8>, PatchError> {
    let patch = parse(patch).map_err(|error| PatchError::whole(PatchProblem::Syntax(error)))?;
    let Kind::Array(operations) = &patch.kind else {
        return Err(PatchError::whole(PatchProblem::NotAPatch("an array of operations")));
    };
    if operations.len() > OPERATIONS_MAX {
        return Err(PatchError::whole(PatchProblem::TooManyOperations));
    }
    let mut steps = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        read(operation, &mut |step| steps.push((at, step))).map_err(PatchError::of(at))?;
    }
    let mut taken = String::new();
    run(raw, &steps, |text, resource, step| apply(text, resource, step, &mut taken))
}

/// What is to be done. A move is two of these, because taking something away changes what the places behind it are
/// called.
enum Step<'p> {
    Add(Pointer, &'p str),
    Remove(Pointer),
    Replace(Pointer, &'p str),
    Copy(Pointer, Pointer),
    Test(Pointer, &'p Node<'p>),
    /// Takes away and remembers.
    Take(Pointer),
    /// Adds what was remembered.
    Put(Pointer),
    /// Is there.
    Keep(Pointer),
}

/// The names on the way to a place.
type Pointer = Vec<String>;

fn read<'p>(operation: &'p Node<'p>, add: &mut dyn FnMut(Step<'p>)) -> Result<(), PatchProblem> {
    if !matches!(operation.kind, Kind::Object(_)) {
        return Err(PatchProblem::NotAPatch("an array of operations"));
    }
    let path = || pointer(operation, "path");
    let from = || pointer(operation, "from");
    let value = || operation.get("value").ok_or(PatchProblem::Missing("value"));
    match operation.get("op").ok_or(PatchProblem::Missing("op"))?.as_str().as_deref() {
        Some("add") => add(Step::Add(path()?, value()?.text)),
        Some("remove") => add(Step::Remove(path()?)),
        Some("replace") => add(Step::Replace(path()?, value()?.text)),
        Some("copy") => add(Step::Copy(from()?, path()?)),
        Some("test") => add(Step::Test(path()?, value()?)),
        Some("move") => {
            let (from, path) = (from()?, path()?);
            if from == path {
                add(Step::Keep(from));
            } else if path.starts_with(&from) {
                return Err(PatchProblem::IntoItself);
            } else {
                add(Step::Take(from));
                add(Step::Put(path));
            }
        }
        _ => return Err(PatchProblem::Wrong("op")),
    }
    Ok(())
}

/// Reads a JSON Pointer (RFC 6901 §3).
fn pointer(operation: &Node<'_>, member: &'static str) -> Result<Pointer, PatchProblem> {
    let text = operation.get(member).ok_or(PatchProblem::Missing(member))?.as_str();
    let text = text.filter(|text| text.len() <= POINTER_BYTES_MAX).ok_or(PatchProblem::Wrong(member))?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let names = text.strip_prefix('/').ok_or(PatchProblem::Wrong(member))?.split('/');
    let names = names.map(|name| {
        let is_escaped = name.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
        is_escaped.then(|| name.replace("~1", "/").replace("~0", "~")).ok_or(PatchProblem::Wrong(member))
    });
    names.collect()
}

/// A place in an array: no sign, no leading zeros (RFC 6901 §4).
fn index(name: &str) -> Option<usize> {
    let is_plain = name == "0" || !name.starts_with('0') && name.bytes().all(|digit| digit.is_ascii_digit());
    if is_plain { name.parse().ok() } else { None }
}

fn find<'n, 'a>(resource: &'n Node<'a>, pointer: &[String]) -> Result<&'n Node<'a>, PatchProblem> {
    let mut node = resource;
    for name in pointer {
        let inner = match &node.kind {
            Kind::Object(_) => node.get(name),
            Kind::Array(items) => index(name).and_then(|index| items.get(index)),
            _ => None,
        };
        node = inner.ok_or(PatchProblem::NotFound)?;
    }
    Ok(node)
}

fn apply(text: &[u8], resource: &Node<'_>, step: &Step<'_>, taken: &mut String) -> Result<Edits, PatchProblem> {
    let mut edits = Edits::default();
    match step {
        Step::Add(path, value) => add(&mut edits, text, resource, path, value)?,
        Step::Put(path) => add(&mut edits, text, resource, path, taken)?,
        Step::Copy(from, path) => add(&mut edits, text, resource, path, find(resource, from)?.text)?,
        Step::Remove(path) => remove(&mut edits, resource, path)?,
        Step::Take(from) => {
            *taken = find(resource, from)?.text.to_owned();
            remove(&mut edits, resource, from)?;
        }
        Step::Replace(path, value) => {
            let node = find(resource, path)?;
            match path.split_last().map(|(name, before)| (name, find(resource, before))) {
                Some((name, Ok(holder @ Node { kind: Kind::Object(_), .. }))) => {
                    set(&mut edits, text, holder, name, value)?;
                }
                _ => edits.replace(node.start..node.end(), *value),
            }
        }
        Step::Test(path, value) => {
            if !same_value(find(resource, path)?, value) {
                return Err(PatchProblem::TestFailed);
            }
        }
        Step::Keep(from) => drop(find(resource, from)?),
    }
    Ok(edits)
}

/// RFC 6902 §4.1: a member is added or replaced, an element is put before the one that stands there.
fn add(edits: &mut Edits, text: &[u8], resource: &Node<'_>, path: &[String], value: &str) -> Result<(), PatchProblem> {
    let Some((name, before)) = path.split_last() else {
        edits.replace(resource.start..resource.end(), value);
        return Ok(());
    };
    let holder = find(resource, before)?;
    match &holder.kind {
        Kind::Object(_) => set(edits, text, holder, name, value)?,
        Kind::Array(_) if name == "-" => edits.push_item(text, holder, value),
        Kind::Array(items) => {
            let place = index(name).filter(|place| *place <= items.len()).ok_or(PatchProblem::OutOfList)?;
            edits.insert_item(text, holder, place, value);
        }
        _ => return Err(PatchProblem::NotFound),
    }
    Ok(())
}

/// Sets a member. One that stands there many times would get the value as often.
fn set(edits: &mut Edits, text: &[u8], holder: &Node<'_>, name: &str, value: &str) -> Result<(), PatchProblem> {
    let times = holder.members().iter().filter(|member| member.key == name).count();
    if times.saturating_mul(value.len()) > RESULT_BYTES_MAX {
        return Err(PatchProblem::TooLarge);
    }
    edits.set_member(text, holder, name, value, &[]);
    Ok(())
}

fn remove(edits: &mut Edits, resource: &Node<'_>, path: &[String]) -> Result<(), PatchProblem> {
    let (name, before) = path.split_last().ok_or(PatchProblem::WholeResource)?;
    find(resource, path)?;
    let holder = find(resource, before)?;
    match &holder.kind {
        Kind::Array(items) => {
            let gone = index(name);
            let goes: Vec<_> = (0..items.len()).map(|place| Some(place) == gone).collect();
            edits.remove_items(holder, &goes);
        }
        _ => edits.remove_members(holder, &[name]),
    }
    Ok(())
}

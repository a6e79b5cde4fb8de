//! FHIRPath Patch (<http://hl7.org/fhir/R4/fhirpatch.html>).

use super::parameters::{Change, Given, Operation, operations};
use super::place::{List, Place, delete};
use super::value::{Members, New, element_named, fit};
use super::{PatchError, PatchProblem, run};
use crate::definitions::{Element as Definition, ElementType};
use crate::fhirpath::{Element, EvalError, Expr, Item, Work, check, evaluate};
use crate::json::{Edits, Kind, Node, parse_object};

/// The resource as a FHIRPath Patch makes it: a Parameters resource with parameters `operation`.
///
/// Paths are of the subset that [`crate::fhirpath`] reads. `add` puts a list's new element at its end, and an element that
/// may stand once only where it does not stand yet; `delete` of what is not there changes nothing; what would be left empty
/// by a `delete` goes with it.
///
/// # Errors
/// [`PatchError`]: not a patch, or one that does not fit the resource.
pub fn fhirpath_patch(raw: &[u8], parameters: &[u8]) -> Result<Vec<u8>, PatchError> {
    let patch = parse_object(parameters).map_err(|error| PatchError::whole(PatchProblem::Syntax(error)))?;
    let steps = operations(&patch)?;
    let mut work = Work::default();
    run(raw, &steps, |text, resource, operation| {
        let mut patcher = Patcher { text, resource, work: &mut work, edits: Edits::default() };
        patcher.apply(operation)?;
        Ok(patcher.edits)
    })
}

struct Patcher<'t, 'n, 'a> {
    text: &'t [u8],
    resource: &'n Node<'a>,
    work: &'t mut Work,
    edits: Edits,
}

impl<'n, 'a> Patcher<'_, 'n, 'a> {
    fn apply(&mut self, operation: &Operation<'_>) -> Result<(), PatchProblem> {
        let resource_type = self.resource.get_str("resourceType").ok_or(EvalError::NotAResource)?;
        check(&operation.path, &resource_type, self.work)?;
        match &operation.change {
            Change::Add { name, value } => {
                let parent = self.one(&operation.path)?;
                self.add(&parent, name, None, value)
            }
            Change::Insert { index, value } => {
                let (parent, name) = self.list(&operation.path)?;
                self.add(&parent, name, Some(*index), value)
            }
            Change::Replace { value } => {
                let element = self.one(&operation.path)?;
                self.replace(&element, value)
            }
            Change::Delete => match self.one(&operation.path) {
                // "Path of the element to delete (if found)".
                Err(PatchProblem::NotFound) => Ok(()),
                found => delete(&mut self.edits, &found?.way(self.resource)),
            },
            Change::Move { source, destination } => {
                let (parent, name) = self.list(&operation.path)?;
                self.shift(&parent, name, *source, *destination)
            }
        }
    }

    /// The element that a path leads to.
    fn one(&mut self, path: &Expr) -> Result<Element<'n, 'a>, PatchProblem> {
        let mut found = evaluate(path, self.resource, self.work)?.into_iter();
        match (found.next(), found.next()) {
            (None, _) => Err(PatchProblem::NotFound),
            (Some(Item::Element(element)), None) => Ok(element),
            (Some(_), None) => Err(PatchProblem::NotAnElement),
            _ => Err(PatchProblem::Several),
        }
    }

    /// The element that has the list to which a path leads, and the list's name. The list itself need not be there.
    fn list<'p>(&mut self, path: &'p Expr) -> Result<(Element<'n, 'a>, &'p str), PatchProblem> {
        match path {
            Expr::Member(of, name) if name.starts_with(|letter: char| !letter.is_ascii_uppercase()) => {
                Ok((self.one(of)?, name))
            }
            _ => Err(PatchProblem::NotAList),
        }
    }

    /// Adds an element to another: to a list at a place or at its end.
    fn add(
        &mut self,
        parent: &Element<'n, 'a>,
        name: &str,
        index: Option<usize>,
        value: &Given<'_>,
    ) -> Result<(), PatchProblem> {
        let (object, kind) = parent.holder();
        let definition = element_named(kind.ok_or(PatchProblem::NotAnElement)?, name)?;
        if index.is_some() && !definition.is_list() {
            return Err(PatchProblem::NotAList);
        }
        let (as_type, new) = fit(value, definition)?;
        let member = definition.member_of(as_type);
        match object {
            None if index.is_some_and(|index| index > 0) => Err(PatchProblem::OutOfList),
            None => self.add_beside(parent, definition, as_type, new),
            Some(object) if !matches!(object.kind, Kind::Object(_)) => Err(PatchProblem::NotAnElement),
            Some(object) if definition.is_list() => {
                let list = List::of(object, &member)?;
                let index = index.unwrap_or(list.len());
                if index > list.len() {
                    return Err(PatchProblem::OutOfList);
                }
                list.put(&mut self.edits, self.text, index, &new, true);
                Ok(())
            }
            Some(object) => self.add_single(object, definition, &member, &new),
        }
    }

    /// Adds what may stand once.
    fn add_single(
        &mut self,
        object: &Node<'_>,
        definition: &Definition,
        member: &str,
        new: &New,
    ) -> Result<(), PatchProblem> {
        let names: Vec<String> = definition.types.iter().map(|kind| definition.member_of(kind)).collect();
        let is_there = |key: &str| names.iter().any(|name| name == key.strip_prefix('_').unwrap_or(key));
        if object.members().iter().any(|member| is_there(&member.key)) {
            return Err(PatchProblem::AlreadyThere);
        }
        for (name, value) in [(member.to_owned(), &new.value), (format!("_{member}"), &new.beside)] {
            if let Some(value) = value {
                self.edits.set_member(self.text, object, &name, value, &[]);
            }
        }
        Ok(())
    }

    /// Adds an id or an extension to a primitive that has none.
    fn add_beside(
        &mut self,
        parent: &Element<'n, 'a>,
        definition: &'static Definition,
        as_type: &ElementType,
        new: New,
    ) -> Result<(), PatchProblem> {
        let mut members = Members::default();
        members.add(definition, as_type, new)?;
        let way = parent.way(self.resource);
        let (place, _) = Place::last(&way).ok_or(PatchProblem::NotAnElement)?;
        place.set_beside(&mut self.edits, self.text, &members.text())
    }

    fn replace(&mut self, element: &Element<'n, 'a>, value: &Given<'_>) -> Result<(), PatchProblem> {
        let definition = element.definition.ok_or(PatchProblem::WholeResource)?;
        let (as_type, new) = fit(value, definition)?;
        let way = element.way(self.resource);
        let (place, _) = Place::last(&way).ok_or(PatchProblem::WholeResource)?;
        place.replace(&mut self.edits, self.text, &definition.member_of(as_type), &new)
    }

    fn shift(
        &mut self,
        parent: &Element<'n, 'a>,
        name: &str,
        source: usize,
        destination: usize,
    ) -> Result<(), PatchProblem> {
        let (object, kind) = parent.holder();
        let definition = element_named(kind.ok_or(PatchProblem::NotAnElement)?, name)?;
        if !definition.is_list() {
            return Err(PatchProblem::NotAList);
        }
        let list = List::of(object.ok_or(PatchProblem::OutOfList)?, definition.name)?;
        if source.max(destination) >= list.len() {
            return Err(PatchProblem::OutOfList);
        }
        list.shift(&mut self.edits, source, destination);
        Ok(())
    }
}

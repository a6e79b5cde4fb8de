//! Changing an element where it stands, so that `_name` goes on saying what it said of the same values.
//!
//! FHIR's JSON has a primitive in two members, `name` and `_name` for its id and extensions; of a list both are arrays, in
//! which `null` holds the place of what has no such half (<http://hl7.org/fhir/R4/json.html#primitive>).

use super::PatchProblem;
use super::value::New;
use crate::fhirpath::Step;
use crate::json::{Edits, Kind, Node};

/// Where an element stands.
pub(super) struct Place<'n, 'a> {
    /// The object that has it.
    object: &'n Node<'a>,
    /// The member, without `_`.
    member: &'n str,
    /// Which one of a list.
    index: Option<usize>,
    /// True if the way went through `_member`.
    is_beside: bool,
}

type Way<'w, 'n, 'a> = &'w [(&'n Node<'a>, Step<'n>)];

impl<'n, 'a> Place<'n, 'a> {
    /// The last place of a way, and the way to the object that has it. `None` for the resource itself.
    pub(super) fn last<'w>(way: Way<'w, 'n, 'a>) -> Option<(Place<'n, 'a>, Way<'w, 'n, 'a>)> {
        let ((object, key), index, before) = match way {
            [before @ .., (object, Step::Member(key))] => ((object, key), None, before),
            [before @ .., (object, Step::Member(key)), (_, Step::Index(index))] => {
                ((object, key), Some(*index), before)
            }
            _ => return None,
        };
        let bare = key.strip_prefix('_');
        Some((Place { object, member: bare.unwrap_or(key), index, is_beside: bare.is_some() }, before))
    }

    /// Puts another element here, as the member `name`.
    pub(super) fn replace(&self, edits: &mut Edits, text: &[u8], name: &str, new: &New) -> Result<(), PatchProblem> {
        match self.index {
            Some(index) => List::of(self.object, self.member)?.put(edits, text, index, new, false),
            None => replace_single(edits, text, self.object, self.member, name, new),
        }
        Ok(())
    }

    /// Puts something beside a primitive that had nothing beside it.
    pub(super) fn set_beside(&self, edits: &mut Edits, text: &[u8], beside: &str) -> Result<(), PatchProblem> {
        match self.index {
            Some(index) => List::of(self.object, self.member)?.put_half(edits, text, true, index, Some(beside), false),
            None => edits.set_member(text, self.object, &beside_of(self.member), beside, &[self.member]),
        }
        Ok(())
    }
}

fn beside_of(member: &str) -> String {
    format!("_{member}")
}

/// Takes away the element at the end of a way. What is empty without it goes too: FHIR has no empty objects and lists.
pub(super) fn delete(edits: &mut Edits, way: Way<'_, '_, '_>) -> Result<(), PatchProblem> {
    let mut way = way;
    loop {
        let (place, before) = Place::last(way).ok_or(PatchProblem::WholeResource)?;
        let beside = beside_of(place.member);
        match place.index {
            Some(index) => {
                let list = List::of(place.object, place.member)?;
                if place.is_beside && list.has_value(index) {
                    list.clear(edits, true, index);
                    return Ok(());
                }
                if (0..list.len()).any(|other| other != index && list.has(other)) {
                    list.remove(edits, index);
                    return Ok(());
                }
            }
            None if place.is_beside && place.object.get(place.member).is_some_and(is_something) => {
                edits.remove_members(place.object, &[&beside]);
                return Ok(());
            }
            None => {}
        }
        let is_all = place.object.members().iter().all(|member| member.key == place.member || member.key == beside);
        if !is_all || before.is_empty() {
            edits.remove_members(place.object, &[place.member, &beside]);
            return Ok(());
        }
        way = before;
    }
}

fn is_something(node: &Node<'_>) -> bool {
    !matches!(node.kind, Kind::Null)
}

/// Replaces what is no list. The members that it had are used for the new one, so that it stays where it was.
fn replace_single(edits: &mut Edits, text: &[u8], object: &Node<'_>, member: &str, name: &str, new: &New) {
    let (beside, name_beside) = (beside_of(member), beside_of(name));
    let halves = [(false, name, &new.value), (true, &name_beside, &new.beside)];
    let wanted = halves.into_iter().filter_map(|(is_beside, name, text)| Some((is_beside, name, text.as_ref()?)));
    let mut had: Vec<usize> = (0..object.members().len())
        .filter(|at| object.members()[*at].key == member || object.members()[*at].key == beside)
        .collect();
    let mut waiting = Vec::new();
    for (is_beside, name, value) in wanted {
        match had.iter().position(|at| (object.members()[*at].key == beside) == is_beside) {
            Some(found) => edits.rename_member(text, &object.members()[had.remove(found)], name, value),
            None => waiting.push((name, value)),
        }
    }
    for (name, value) in waiting {
        // What is taken away and what is added would meet in one place.
        if had.is_empty() {
            edits.set_member(text, object, name, value, &[member]);
        } else {
            edits.rename_member(text, &object.members()[had.remove(0)], name, value);
        }
    }
    let goes: Vec<bool> = (0..object.members().len()).map(|at| had.contains(&at)).collect();
    edits.remove_members_where(object, &goes);
}

/// A list of elements: two arrays in step.
pub(super) struct List<'n, 'a> {
    object: &'n Node<'a>,
    member: &'n str,
    values: Option<&'n Node<'a>>,
    beside: Option<&'n Node<'a>>,
}

impl<'n, 'a> List<'n, 'a> {
    /// The list in a member, which need not be there.
    pub(super) fn of(object: &'n Node<'a>, member: &'n str) -> Result<List<'n, 'a>, PatchProblem> {
        let half = |name: &str| match object.get(name) {
            Some(node) if !matches!(node.kind, Kind::Array(_)) => Err(PatchProblem::NotAList),
            found => Ok(found),
        };
        Ok(List { object, member, values: half(member)?, beside: half(&beside_of(member))? })
    }

    /// How many places it has.
    pub(super) fn len(&self) -> usize {
        [self.values, self.beside].into_iter().flatten().map(|array| array.items().len()).max().unwrap_or(0)
    }

    fn half(&self, is_beside: bool) -> Option<&'n Node<'a>> {
        if is_beside { self.beside } else { self.values }
    }

    fn has_half(&self, is_beside: bool, index: usize) -> bool {
        self.half(is_beside).and_then(|array| array.items().get(index)).is_some_and(is_something)
    }

    fn has_value(&self, index: usize) -> bool {
        self.has_half(false, index)
    }

    fn has(&self, index: usize) -> bool {
        self.has_half(false, index) || self.has_half(true, index)
    }

    /// True if this half says nothing of any element but one.
    fn is_bare_without(&self, is_beside: bool, index: usize) -> bool {
        (0..self.len()).all(|other| other == index || !self.has_half(is_beside, other))
    }

    /// The member that holds a half.
    fn name_of(&self, is_beside: bool) -> String {
        if is_beside { beside_of(self.member) } else { self.member.to_owned() }
    }

    /// Puts an element at a place, in the stead of the one there or before it.
    pub(super) fn put(&self, edits: &mut Edits, text: &[u8], index: usize, new: &New, is_insert: bool) {
        for (is_beside, with, other) in [(false, &new.value, &new.beside), (true, &new.beside, &new.value)] {
            let is_bare = self.half(is_beside).is_none() && self.is_bare_without(!is_beside, index);
            let had = self.name_of(!is_beside);
            let had = self.object.members().iter().rfind(|member| member.key == had);
            if let (Some(with), None, Some(had), true) = (with, other, had, is_bare && !is_insert) {
                // What is taken away and what is added would meet in one place.
                return edits.rename_member(text, had, &self.name_of(is_beside), &self.alone(index, with, self.len()));
            }
        }
        self.put_half(edits, text, false, index, new.value.as_deref(), is_insert);
        self.put_half(edits, text, true, index, new.beside.as_deref(), is_insert);
    }

    /// An array in which one place says something.
    fn alone(&self, index: usize, with: &str, count: usize) -> String {
        format!("[{}{with}{}]", "null,".repeat(index), ",null".repeat(count.saturating_sub(index + 1)))
    }

    fn put_half(
        &self,
        edits: &mut Edits,
        text: &[u8],
        is_beside: bool,
        index: usize,
        with: Option<&str>,
        is_insert: bool,
    ) {
        let with_or_null = with.unwrap_or("null");
        let Some(array) = self.half(is_beside) else {
            let Some(with) = with else { return };
            let (name, other) = (self.name_of(is_beside), self.name_of(!is_beside));
            let value = self.alone(index, with, self.len() + usize::from(is_insert));
            return edits.set_member(text, self.object, &name, &value, &[&other]);
        };
        let count = array.items().len();
        match array.items().get(index) {
            Some(_) if is_insert => edits.insert_item(text, array, index, with_or_null),
            Some(_) if with.is_none() => self.clear(edits, is_beside, index),
            Some(old) => edits.replace(old.start..old.end(), with_or_null),
            // An array that is too short says nothing of the places behind its end.
            None if with.is_none() && count < index => {}
            None => edits.push_item(text, array, &format!("{}{with_or_null}", "null,".repeat(index - count))),
        }
    }

    /// Takes away a half of an element.
    fn clear(&self, edits: &mut Edits, is_beside: bool, index: usize) {
        if self.is_bare_without(is_beside, index) && self.half(!is_beside).is_some() {
            edits.remove_members(self.object, &[&self.name_of(is_beside)]);
        } else if let Some(old) = self.half(is_beside).and_then(|array| array.items().get(index)) {
            edits.replace(old.start..old.end(), "null");
        }
    }

    /// Takes away an element of several.
    fn remove(&self, edits: &mut Edits, index: usize) {
        for is_beside in [false, true] {
            let Some(array) = self.half(is_beside) else { continue };
            if self.is_bare_without(is_beside, index) {
                edits.remove_members(self.object, &[&self.name_of(is_beside)]);
                continue;
            }
            let goes: Vec<bool> = (0..array.items().len()).map(|place| place == index).collect();
            edits.remove_items(array, &goes);
        }
    }

    /// Moves an element to another place. Both are places of the list.
    pub(super) fn shift(&self, edits: &mut Edits, source: usize, destination: usize) {
        for array in [self.values, self.beside].into_iter().flatten() {
            let (count, last) = (array.items().len(), source.max(destination));
            if last < count {
                edits.move_item(array, source, destination);
                continue;
            }
            // The array is too short: with the places that it does not say, it is made anew.
            let mut texts: Vec<_> = array.items().iter().map(|item| item.text).collect();
            texts.resize(last + 1, "null");
            let moved = texts.remove(source);
            texts.insert(destination, moved);
            if count > source.min(destination) {
                edits.replace(array.start..array.end(), format!("[{}]", texts.join(",")));
            }
        }
    }
}

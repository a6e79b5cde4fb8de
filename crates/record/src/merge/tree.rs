//! A resource as the merge sees it: elements, each with everything that travels with it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::ConflictKind;
use super::rules::stem;
use crate::json::{Kind, Node, quote};
use crate::version::VersionId;

/// A value with the text it came as, as long as the merge leaves it alone.
#[derive(Clone)]
pub(crate) enum Tree<'a> {
    /// A literal. Numbers are compared by it: 1.10 is not 1.1.
    Scalar(&'a str),
    Object {
        text: Option<&'a str>,
        /// By element name without choice type.
        slots: Vec<(Cow<'a, str>, Slot<'a>)>,
    },
    Array {
        /// The texts of the array and of its `_name` twin.
        text: Option<Twins<'a>>,
        items: Vec<Slot<'a>>,
    },
}

/// The texts of `name` and `_name`, where they are there.
pub(crate) type Twins<'a> = (Option<&'a str>, Option<&'a str>);

/// The place of one element in an object or array, with all that travels with it: `name`, `_name`, the types of a
/// choice. In an array the value has the name "" and its extension "_".
#[derive(Clone, Default)]
pub(crate) struct Slot<'a> {
    pub(super) members: Vec<(Cow<'a, str>, Tree<'a>)>,
    pub(super) dispute: Option<Dispute<'a>>,
}

/// What the sides say about a slot they do not agree on.
#[derive(Clone)]
pub(super) struct Dispute<'a> {
    pub(super) kind: ConflictKind,
    /// What stands there at each side; nothing where a side has none.
    pub(super) values: BTreeMap<VersionId, Option<Slot<'a>>>,
}

impl<'a> Tree<'a> {
    pub(crate) fn of(node: &Node<'a>) -> Tree<'a> {
        match &node.kind {
            Kind::Object(_) => Tree::Object { text: Some(node.text), slots: slots(node) },
            Kind::Array(_) => array(Some(node), None),
            _ => Tree::Scalar(node.text),
        }
    }

    /// Whether both say the same; see [`Node::same`].
    pub(super) fn same(&self, other: &Tree<'_>) -> bool {
        match (self, other) {
            (Tree::Scalar(a), Tree::Scalar(b)) => a == b || literal(a) == literal(b),
            (Tree::Object { slots: a, .. }, Tree::Object { slots: b, .. }) => {
                let (a, b) = (by_stem(a), by_stem(b));
                a.len() == b.len() && a.iter().zip(&b).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            (Tree::Array { items: a, .. }, Tree::Array { items: b, .. }) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            _ => false,
        }
    }

    pub(super) fn is_disputed(&self) -> bool {
        match self {
            Tree::Scalar(_) => false,
            Tree::Object { slots, .. } => slots.iter().any(|(_, slot)| slot.is_disputed()),
            Tree::Array { items, .. } => items.iter().any(Slot::is_disputed),
        }
    }

    pub(super) fn write(&self, out: &mut String) {
        match self {
            Tree::Scalar(text)
            | Tree::Object { text: Some(text), .. }
            | Tree::Array { text: Some((Some(text), _)), .. } => {
                out.push_str(text);
            }
            Tree::Object { slots, .. } => {
                out.push('{');
                let mut separator = "";
                for (name, tree) in slots.iter().flat_map(|(_, slot)| &slot.members) {
                    write_member(name, tree, &mut separator, out);
                }
                out.push('}');
            }
            Tree::Array { items, .. } => write_items(items, "", out),
        }
    }

    /// A text that is the same exactly for trees that are the [same](Tree::same).
    fn canonical(&self, out: &mut String) {
        match self {
            Tree::Scalar(text) => out.push_str(&literal(text)),
            Tree::Object { slots, .. } => {
                let members: BTreeMap<_, _> =
                    slots.iter().flat_map(|(_, slot)| &slot.members).map(|(name, tree)| (name, tree)).collect();
                out.push('{');
                for (name, tree) in members {
                    out.push_str(&quote(name));
                    tree.canonical(out);
                }
                out.push('}');
            }
            Tree::Array { items, .. } => {
                out.push('[');
                for item in items {
                    out.push_str(&item.canonical());
                    out.push(',');
                }
                out.push(']');
            }
        }
    }
}

impl<'a> Slot<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&Tree<'a>> {
        self.members.iter().find(|(known, _)| known == name).map(|(_, tree)| tree)
    }

    pub(super) fn same(&self, other: &Slot<'_>) -> bool {
        self.members.len() == other.members.len()
            && self.members.iter().all(|(name, tree)| other.get(name).is_some_and(|other| tree.same(other)))
    }

    /// Whether anything here or inside is in dispute.
    pub(super) fn is_disputed(&self) -> bool {
        self.dispute.is_some() || self.members.iter().any(|(_, tree)| tree.is_disputed())
    }

    /// The value as JSON: of a single plain member its text, else an object of the members.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        match &self.members[..] {
            [(name, tree @ (Tree::Scalar(_) | Tree::Object { .. }))] if !name.starts_with('_') => tree.write(&mut out),
            [(_, Tree::Array { text: None | Some((Some(_), None)), items })]
                if items.iter().all(|item| item.get("_").is_none()) =>
            {
                write_items(items, "", &mut out);
            }
            members => {
                out.push('{');
                let mut separator = "";
                for (name, tree) in members {
                    // Of an array's pair, the parts have no names of their own.
                    let name = match &**name {
                        "" => "value",
                        "_" => "_value",
                        name => name,
                    };
                    write_member(name, tree, &mut separator, &mut out);
                }
                out.push('}');
            }
        }
        out
    }

    fn canonical(&self) -> String {
        let mut out = String::new();
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_by_key(|(name, _)| name);
        for (name, tree) in members {
            out.push_str(name);
            tree.canonical(&mut out);
        }
        out
    }

    /// What an array element is known by while its other parts change.
    fn known_as(&self) -> Option<String> {
        let Some(Tree::Object { slots, .. }) = self.get("") else { return None };
        let scalar = |name: &str| match find(slots, name)?.get(name)? {
            Tree::Scalar(text) => Some(literal(text)),
            _ => None,
        };
        let both = |tag: &str, a: &str, b: &str| Some(format!("{tag}{}{}", scalar(a)?, scalar(b)?));
        let one = |tag: &str, name: &str| Some(format!("{tag}{}", scalar(name)?));
        one("id:", "id")
            .or_else(|| both("value:", "system", "value"))
            .or_else(|| both("code:", "system", "code"))
            .or_else(|| one("url:", "url"))
            .or_else(|| one("reference:", "reference"))
    }
}

/// Names the elements of several arrays so that equal names mean the same element: by what they are known as where
/// that is unique in each array, else by all they say, the second of two equal ones as a second.
pub(super) fn identities(arrays: &[&[Slot<'_>]]) -> Vec<Vec<String>> {
    let known: Vec<Vec<Option<String>>> =
        arrays.iter().map(|items| items.iter().map(Slot::known_as).collect()).collect();
    let mut repeated = BTreeSet::new();
    for names in &known {
        let mut seen = BTreeSet::new();
        repeated.extend(names.iter().flatten().filter(|name| !seen.insert(*name)).cloned());
    }
    arrays
        .iter()
        .zip(known)
        .map(|(items, known)| {
            let mut times = BTreeMap::<String, usize>::new();
            items
                .iter()
                .zip(known)
                .map(|(item, known)| {
                    let name = known.filter(|name| !repeated.contains(name)).unwrap_or_else(|| item.canonical());
                    let time = times.entry(name.clone()).or_default();
                    *time += 1;
                    format!("{time}:{name}")
                })
                .collect()
        })
        .collect()
}

pub(super) fn find<'s, 'a>(slots: &'s [(Cow<'a, str>, Slot<'a>)], stem: &str) -> Option<&'s Slot<'a>> {
    slots.iter().find(|(known, _)| known == stem).map(|(_, slot)| slot)
}

/// The slots by name, for objects somebody gave very many members.
pub(super) fn by_stem<'s, 'a>(slots: &'s [(Cow<'a, str>, Slot<'a>)]) -> BTreeMap<&'s str, &'s Slot<'a>> {
    slots.iter().map(|(stem, slot)| (&**stem, slot)).collect()
}

/// Gathers members into slots; of duplicate names the last counts.
fn slots<'a>(object: &Node<'a>) -> Vec<(Cow<'a, str>, Slot<'a>)> {
    let mut slots: Vec<(Cow<'a, str>, Slot<'a>)> = Vec::new();
    let mut places = BTreeMap::<String, usize>::new();
    let last = object.by_key();
    let is_array = |node: &Node<'a>| matches!(node.kind, Kind::Array(_));
    for member in object.members() {
        let plain = member.key.strip_prefix('_').unwrap_or(&member.key);
        let (value, twin) = (last.get(plain).copied(), last.get(&*format!("_{plain}")).copied());
        // A primitive array and its extensions are one list of pairs, also when only the extensions are there.
        let paired = twin.is_some_and(is_array) && value.is_none_or(is_array);
        let name = if paired { Cow::Owned(plain.to_owned()) } else { member.key.clone() };
        let place = *places.entry(stem(plain).to_owned()).or_insert(slots.len());
        if place == slots.len() {
            slots.push((Cow::Owned(stem(plain).to_owned()), Slot::default()));
        }
        let members = &mut slots[place].1.members;
        // A duplicate, or the twin of a pair, is in already.
        if members.iter().all(|(known, _)| *known != name) {
            let tree =
                if paired { array(value, twin) } else { Tree::of(last.get(&*member.key).unwrap_or(&&member.value)) };
            members.push((name, tree));
        }
    }
    slots
}

fn array<'a>(values: Option<&Node<'a>>, twins: Option<&Node<'a>>) -> Tree<'a> {
    let (value_items, twin_items) = (values.map_or(&[][..], Node::items), twins.map_or(&[][..], Node::items));
    let is_there = |node: &&Node<'a>| !matches!(node.kind, Kind::Null);
    let items = (0..value_items.len().max(twin_items.len()))
        .map(|index| {
            let twin = twin_items.get(index).filter(is_there);
            // A null without an extension holds a place; it is kept as a value of its own.
            let value = value_items.get(index).filter(|node| twin.is_none() || is_there(node));
            let value = value.map(|node| (Cow::Borrowed(""), Tree::of(node)));
            let twin = twin.map(|node| (Cow::Borrowed("_"), Tree::of(node)));
            Slot { members: value.into_iter().chain(twin).collect(), dispute: None }
        })
        .filter(|slot: &Slot<'a>| !slot.members.is_empty())
        .collect();
    Tree::Array { text: Some((values.map(|node| node.text), twins.map(|node| node.text))), items }
}

/// Writes a member, and for an array of pairs its twin.
fn write_member(name: &str, tree: &Tree<'_>, separator: &mut &str, out: &mut String) {
    let mut begin = |name: &str, out: &mut String| {
        out.push_str(std::mem::replace(separator, ","));
        out.push_str(&quote(name));
        out.push(':');
    };
    let Tree::Array { text, items } = tree else {
        begin(name, out);
        return tree.write(out);
    };
    let has = |part: &str| items.iter().any(|item| item.get(part).is_some());
    match text {
        Some((values, twins)) => {
            for (name, text) in [(Cow::Borrowed(name), values), (Cow::Owned(format!("_{name}")), twins)] {
                if let Some(text) = text {
                    begin(&name, out);
                    out.push_str(text);
                }
            }
        }
        None => {
            if has("") || !has("_") {
                begin(name, out);
                write_items(items, "", out);
            }
            if has("_") {
                begin(&format!("_{name}"), out);
                write_items(items, "_", out);
            }
        }
    }
}

fn write_items(items: &[Slot<'_>], part: &str, out: &mut String) {
    out.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        match item.get(part) {
            Some(tree) => tree.write(out),
            None => out.push_str("null"),
        }
    }
    out.push(']');
}

/// A scalar's literal with its escapes resolved, quotes kept so that "1" is not 1.
fn literal(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let string = crate::json::parse(text.as_bytes()).ok().and_then(|node| node.as_str().map(|text| quote(&text)));
    string.map_or(Cow::Borrowed(text), Cow::Owned)
}

//! Changing a few spans of a text and no other byte of it.

use std::ops::Range;

use super::{Member, Node, quote};

/// A set of replacements to be made in one text.
///
/// A caller may rely on: every byte outside the replaced spans comes out as it went in. Where spans overlap (one
/// inside a member that is itself replaced), the one that starts first wins and the other is left out.
#[derive(Default)]
pub struct Edits {
    edits: Vec<(Range<usize>, String)>,
}

impl Edits {
    /// Replaces the bytes of `span`; an empty span inserts. Insertions at one place keep the order they were made in.
    pub fn replace(&mut self, span: Range<usize>, with: impl Into<String>) {
        self.edits.push((span, with.into()));
    }

    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// Sets member `key` of `object` to the JSON text `value`: every occurrence of the member gets the value, so that
    /// readers that disagree about duplicates still agree about this one. A missing member is added behind the first
    /// of `after` that is there, else last, laid out as the object's first member is.
    pub fn set_member(&mut self, text: &[u8], object: &Node<'_>, key: &str, value: &str, after: &[&str]) {
        let mut found = false;
        for member in object.members().iter().filter(|member| member.key == key) {
            self.replace(member.value.start..member.value.end(), value);
            found = true;
        }
        if found {
            return;
        }
        let name = quote(key);
        let inside = object.start + 1;
        let behind = after.iter().find_map(|name| object.get(name)).or(object.members().last().map(|last| &last.value));
        match (object.members().first(), behind) {
            (Some(head), Some(behind)) => {
                let indent = str_of(text, inside..head.start);
                let key_end = head.start + 1 + string_end(text, head.start + 1);
                let gap = str_of(text, key_end..head.value.start);
                self.replace(behind.end()..behind.end(), format!(",{indent}{name}{gap}{value}"));
            }
            _ => self.fill(inside, format!("{name}:{value}")),
        }
    }

    /// Takes every member named in `keys` out of `object`, each with one comma.
    pub fn remove_members(&mut self, object: &Node<'_>, keys: &[&str]) {
        let goes: Vec<_> = object.members().iter().map(|member| keys.contains(&&*member.key)).collect();
        self.remove_members_where(object, &goes);
    }

    /// Takes the members for which `goes` is true out of `object`, each with one comma.
    pub fn remove_members_where(&mut self, object: &Node<'_>, goes: &[bool]) {
        let spans: Vec<_> = object.members().iter().map(|member| member.start..member.value.end()).collect();
        self.remove(object, &spans, goes);
    }

    /// Gives a member another name and the JSON text `value`; what stands between the two stays.
    pub fn rename_member(&mut self, text: &[u8], member: &Member<'_>, key: &str, value: &str) {
        if member.key != key {
            let key_end = member.start + 1 + string_end(text, member.start + 1);
            self.replace(member.start..key_end, quote(key));
        }
        self.replace(member.value.start..member.value.end(), value);
    }

    /// Takes the elements for which `goes` is true out of `array`, each with one comma.
    pub fn remove_items(&mut self, array: &Node<'_>, goes: &[bool]) {
        let spans: Vec<_> = array.items().iter().map(|item| item.start..item.end()).collect();
        self.remove(array, &spans, goes);
    }

    /// Adds the JSON text `value` at the end of `array`, laid out as its first element is.
    pub fn push_item(&mut self, text: &[u8], array: &Node<'_>, value: &str) {
        match (array.items().first(), array.items().last()) {
            (Some(head), Some(tail)) => {
                let indent = str_of(text, array.start + 1..head.start);
                self.replace(tail.end()..tail.end(), format!(",{indent}{value}"));
            }
            _ => self.fill(array.start + 1, value.to_owned()),
        }
    }

    /// Puts the JSON text `value` before the element at `index` of `array`, laid out as that one is; at the end if there is
    /// none.
    pub fn insert_item(&mut self, text: &[u8], array: &Node<'_>, index: usize, value: &str) {
        let Some(next) = array.items().get(index) else { return self.push_item(text, array, value) };
        let before = match index.checked_sub(1) {
            Some(before) => str_of(text, array.items()[before].end()..next.start),
            None => str_of(text, array.start + 1..next.start),
        };
        let indent = before.split_once(',').map_or(before, |(_, indent)| indent);
        self.replace(next.start..next.start, format!("{value},{indent}"));
    }

    /// Moves the element at `source` of `array` to the place `destination`: the elements change places, and what stands
    /// between the places stays. Both have to be places of the array.
    pub fn move_item(&mut self, array: &Node<'_>, source: usize, destination: usize) {
        let items = array.items();
        let (first, last) = (source.min(destination), source.max(destination));
        for place in (first..=last).filter(|_| first < last && last < items.len()) {
            let from = match place {
                _ if place == destination => source,
                _ if source < destination => place + 1,
                _ => place - 1,
            };
            self.replace(items[place].start..items[place].end(), items[from].text);
        }
    }

    /// Adds a first member or element to what is empty; the next one follows it.
    fn fill(&mut self, inside: usize, first: String) {
        let comma = if self.edits.iter().any(|(span, _)| *span == (inside..inside)) { "," } else { "" };
        self.replace(inside..inside, format!("{comma}{first}"));
    }

    fn remove(&mut self, container: &Node<'_>, spans: &[Range<usize>], goes: &[bool]) {
        if !goes.contains(&true) {
            return;
        }
        let Some(first_kept) = goes.iter().position(|goes| !goes) else {
            self.replace(container.start + 1..container.end() - 1, "");
            return;
        };
        // What leads goes with the comma behind it, what follows with the comma before it.
        if first_kept > 0 {
            self.replace(spans[0].start..spans[first_kept].start, "");
        }
        for index in first_kept + 1..spans.len() {
            if goes[index] {
                self.replace(spans[index - 1].end..spans[index].end, "");
            }
        }
    }

    /// The text with the replacements made.
    pub fn apply(mut self, text: &[u8]) -> Vec<u8> {
        self.edits.sort_by_key(|(span, _)| (span.start, span.end));
        let mut out = Vec::with_capacity(text.len() + self.edits.iter().map(|(_, with)| with.len()).sum::<usize>());
        let mut at = 0;
        for (span, with) in self.edits {
            if span.start < at {
                continue;
            }
            out.extend_from_slice(&text[at..span.start]);
            out.extend_from_slice(with.as_bytes());
            at = span.end;
        }
        out.extend_from_slice(&text[at..]);
        out
    }
}

/// Length of a string literal behind its opening quote, up to and with the closing one.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut at = from;
    while at < text.len() && text[at] != b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    at + 1 - from
}

fn str_of(text: &[u8], span: Range<usize>) -> &str {
    text.get(span).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or("")
}

//! Some members of an object, without a tree of all the others: the same grammar at a fraction of the cost.

use super::{Kind, Parser, SyntaxKind, unescape};
use std::borrow::Cow;

/// What `parse_object(bytes).ok()?.get_str(key)` gives.
pub(crate) fn string_member<'a>(bytes: &'a [u8], key: &str) -> Option<Cow<'a, str>> {
    let (_, text) = members_of(bytes, &|name| name == key)?.pop()?;
    text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).map(unescape)
}

/// The wanted members of an object as written, duplicates included, each with the text of its value. `None` if the whole
/// is not an object.
pub(crate) fn members_of<'a>(bytes: &'a [u8], wanted: &dyn Fn(&str) -> bool) -> Option<Vec<(Cow<'a, str>, &'a str)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut parser = Parser { text, bytes, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    parser.skip_space();
    if parser.peek().ok()? != b'{' {
        return None;
    }
    let mut found = Vec::new();
    let mut seen = |name, value| {
        let name = unescape(name);
        if wanted(&name) {
            found.push((name, value));
        }
    };
    parser.skip_members(1, &mut seen).ok()?;
    parser.skip_space();
    (parser.at == bytes.len()).then_some(found)
}

impl<'a> Parser<'a> {
    /// Passes over what [`Parser::value`] reads.
    fn skip(&mut self, depth: usize) -> Result<(), SyntaxKind> {
        self.skip_space();
        match self.peek()? {
            b'{' => self.skip_members(depth + 1, &mut |_, _| {}),
            b'[' => self.skip_items(depth + 1),
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true", Kind::Null).map(drop),
            b'f' => self.word("false", Kind::Null).map(drop),
            b'n' => self.word("null", Kind::Null).map(drop),
            _ => Err(SyntaxKind::Unexpected),
        }
    }

    /// As [`Parser::members`]; `seen` hears the literal of each name without its quotes, and the text of its value.
    fn skip_members(&mut self, depth: usize, seen: &mut dyn FnMut(&'a str, &'a str)) -> Result<(), SyntaxKind> {
        self.open(depth)?;
        if self.close(b'}')? {
            return Ok(());
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek()? != b'"' {
                return Err(SyntaxKind::Unexpected);
            }
            self.string()?;
            let name = &self.text[start + 1..self.at - 1];
            self.skip_space();
            if self.peek()? != b':' {
                return Err(SyntaxKind::Unexpected);
            }
            self.at += 1;
            self.skip_space();
            let start = self.at;
            self.skip(depth)?;
            seen(name, &self.text[start..self.at]);
            if self.next_or_close(b'}')? {
                return Ok(());
            }
        }
    }

    fn skip_items(&mut self, depth: usize) -> Result<(), SyntaxKind> {
        self.open(depth)?;
        if self.close(b']')? {
            return Ok(());
        }
        loop {
            self.skip(depth)?;
            if self.next_or_close(b']')? {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_object;
    use super::*;
    use proptest::prelude::*;

    fn by_the_tree(bytes: &[u8]) -> Option<String> {
        parse_object(bytes).ok()?.get_str("id").map(Cow::into_owned)
    }

    /// Texts that are nearly JSON: whole objects, cut and with a byte changed.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            Just("-1.50e3".to_owned()),
            Just("\"a\"".to_owned()),
            Just("\"\\u0069d \\ud83d\\ude00 ب\"".to_owned()),
        ];
        let value = leaf.prop_recursive(4, 24, 4, |inner| {
            let name = prop_oneof![Just("id"), Just("i\\u0064"), Just("subject"), Just("")];
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                proptest::collection::vec((name, inner), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.iter().map(|(name, value)| format!("\n\"{name}\" : {value}")).collect();
                    format!("{{{}}} ", members.join(","))
                }),
            ]
        });
        (value, any::<usize>(), any::<u8>(), 0u8..4).prop_map(|(text, at, byte, how)| {
            let mut bytes = text.into_bytes();
            let at = at % bytes.len();
            match how {
                0 => bytes.truncate(at),
                1 => bytes[at] = byte,
                _ => {}
            }
            bytes
        })
    }

    proptest! {
        #[test]
        fn the_quick_way_and_the_tree_say_the_same(bytes in texts()) {
            prop_assert_eq!(string_member(&bytes, "id").map(Cow::into_owned), by_the_tree(&bytes));
        }
    }

    #[test]
    fn nesting_is_bounded_alike() {
        for depth in [120, 126, 127, 128, 10_000] {
            let text = format!("{{\"id\":\"a\",\"x\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
            let member = string_member(text.as_bytes(), "id").map(Cow::into_owned);
            assert_eq!(member, by_the_tree(text.as_bytes()), "{depth}");
        }
    }
}

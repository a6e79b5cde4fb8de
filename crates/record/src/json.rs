//! Reading raw JSON without changing it: a tree whose every node knows the exact bytes it came from.
//!
//! `serde_json::Value` forgets what the bytes looked like: `1.10` becomes `1.1`, escapes are resolved, white space and
//! the order of duplicate keys are gone. The record keeps bytes, so everything here that changes a resource works on
//! [`Node`]s and replaces spans ([`Edits`]); the rest of the text stays as it came. (`serde_json`'s
//! `arbitrary_precision` would keep numbers only, and as a Cargo feature it would change every other crate as well.)

mod member;
mod splice;

use std::borrow::Cow;
use std::collections::BTreeMap;

pub(crate) use member::{members_of, string_member};
pub use splice::Edits;

/// How deep arrays and objects may nest: what `serde_json` accepts, so that a text which passes here can be read
/// there. FHIR itself needs about 20.
pub const DEPTH_MAX: usize = 127;

/// One value of a JSON text.
#[derive(Clone)]
pub struct Node<'a> {
    /// The exact text of this value, without white space around it.
    pub text: &'a str,
    /// Where `text` starts, in bytes from the start of what was parsed.
    pub start: usize,
    /// What kind of value it is, and what is in it.
    pub kind: Kind<'a>,
}

/// What a [`Node`] is.
#[derive(Clone)]
pub enum Kind<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number; its literal is the node's text.
    Number,
    /// A string; [`Node::as_str`] resolves its escapes.
    String,
    /// The elements, in order.
    Array(Vec<Node<'a>>),
    /// The members as written, in order, duplicates included.
    Object(Vec<Member<'a>>),
}

/// One member of an object.
#[derive(Clone)]
pub struct Member<'a> {
    /// The name, escapes resolved.
    pub key: Cow<'a, str>,
    /// Where the name's opening quote stands.
    pub start: usize,
    /// The value.
    pub value: Node<'a>,
}

/// Why a text is not JSON, and where. Carries nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset} (line {line}, column {column})")]
pub struct SyntaxError {
    /// What is wrong.
    pub kind: SyntaxKind,
    /// Bytes before the place.
    pub offset: usize,
    /// Line of the place, from 1.
    pub line: usize,
    /// Column of the place in bytes, from 1.
    pub column: usize,
}

/// What is wrong with a text that is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxKind {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 text")]
    NotUtf8,
    /// The text stops in the middle of a value.
    #[error("the text ends too early")]
    Torn,
    /// A character that cannot stand here.
    #[error("not JSON")]
    Unexpected,
    /// Something follows the value.
    #[error("more text after the end of the JSON value")]
    Trailing,
    /// Nested deeper than [`DEPTH_MAX`].
    #[error("nested too deep")]
    TooDeep,
    /// A JSON value, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
}

impl SyntaxError {
    pub(crate) fn at(bytes: &[u8], offset: usize, kind: SyntaxKind) -> SyntaxError {
        let before = &bytes[..offset.min(bytes.len())];
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
        SyntaxError { kind, offset, line, column }
    }
}

/// Parses one JSON value; a byte order mark and white space may stand around it.
///
/// Strict RFC 8259: what passes here is also accepted by `serde_json`.
///
/// # Errors
/// [`SyntaxError`] names the first place that is not JSON.
pub fn parse(bytes: &[u8]) -> Result<Node<'_>, SyntaxError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let kind = if error.error_len().is_none() { SyntaxKind::Torn } else { SyntaxKind::NotUtf8 };
        SyntaxError::at(bytes, error.valid_up_to(), kind)
    })?;
    let mut parser = Parser { text, bytes, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let parsed = parser.value(0).and_then(|node| {
        parser.skip_space();
        if parser.at == bytes.len() { Ok(node) } else { Err(SyntaxKind::Trailing) }
    });
    parsed.map_err(|kind| SyntaxError::at(bytes, parser.at, kind))
}

/// Parses one JSON object. As [`parse`], and every other kind of value is an error.
///
/// # Errors
/// [`SyntaxError`], also [`SyntaxKind::NotAnObject`].
pub fn parse_object(bytes: &[u8]) -> Result<Node<'_>, SyntaxError> {
    let node = parse(bytes)?;
    match node.kind {
        Kind::Object(_) => Ok(node),
        _ => Err(SyntaxError::at(bytes, node.start, SyntaxKind::NotAnObject)),
    }
}

/// The `resourceType` of a resource, as it says itself.
///
/// # Errors
/// [`SyntaxError`] if the bytes are not a JSON object; `Ok(None)` if it says no type.
pub fn resource_type(raw: &[u8]) -> Result<Option<String>, SyntaxError> {
    Ok(parse_object(raw)?.get_str("resourceType").map(Cow::into_owned))
}

impl<'a> Node<'a> {
    /// Where the text of this value ends, in bytes from the start of what was parsed.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// The members of an object as written; empty for anything else.
    pub fn members(&self) -> &[Member<'a>] {
        if let Kind::Object(members) = &self.kind { members } else { &[] }
    }

    /// The elements of an array; empty for anything else.
    pub fn items(&self) -> &[Node<'a>] {
        if let Kind::Array(items) = &self.kind { items } else { &[] }
    }

    /// The member of that name. Of duplicates the last, as `serde_json` reads them, so that no two readers of one
    /// text disagree about what it says.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.members().iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The members by name; of duplicates the last.
    pub(crate) fn by_key(&self) -> BTreeMap<&str, &Node<'a>> {
        self.members().iter().map(|member| (&*member.key, &member.value)).collect()
    }

    /// The text of a string with its escapes resolved; `None` for anything else.
    pub fn as_str(&self) -> Option<Cow<'a, str>> {
        matches!(self.kind, Kind::String).then(|| unescape(&self.text[1..self.text.len() - 1]))
    }

    /// The string in the member of that name.
    pub fn get_str(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.as_str()
    }

    /// Whether both say the same: white space, escapes and the order of members do not count, the order of elements
    /// and the literal of every number do (`1.10` is a more precise statement than `1.1`).
    pub fn same(&self, other: &Node<'_>) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::String, Kind::String) => self.text == other.text || self.as_str() == other.as_str(),
            (Kind::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b)),
            (Kind::Object(_), Kind::Object(_)) => {
                let (a, b) = (self.by_key(), other.by_key());
                a.len() == b.len() && a.iter().zip(&b).all(|((k, a), (l, b))| k == l && a.same(b))
            }
            (Kind::Null | Kind::Bool(_) | Kind::Number, Kind::Null | Kind::Bool(_) | Kind::Number) => {
                self.text == other.text
            }
            _ => false,
        }
    }
}

/// The JSON string literal of a text.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{0}'..='\u{1f}' => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Resolves the escapes of a literal that the parser has already checked.
fn unescape(literal: &str) -> Cow<'_, str> {
    let Some(first) = literal.find('\\') else { return Cow::Borrowed(literal) };
    let mut text = String::with_capacity(literal.len());
    text.push_str(&literal[..first]);
    let mut rest = literal[first..].chars();
    while let Some(character) = rest.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => text.push('\n'),
            Some('t') => text.push('\t'),
            Some('r') => text.push('\r'),
            Some('b') => text.push('\u{8}'),
            Some('f') => text.push('\u{c}'),
            Some('u') => text.push(unescape_code_point(&mut rest)),
            Some(other) => text.push(other),
            None => break,
        }
    }
    Cow::Owned(text)
}

/// Reads the digits after `\u`, and the second half of a surrogate pair.
fn unescape_code_point(rest: &mut std::str::Chars<'_>) -> char {
    fn unit(rest: &mut std::str::Chars<'_>) -> u32 {
        rest.take(4).fold(0, |value, digit| value << 4 | digit.to_digit(16).unwrap_or(0))
    }
    let first = unit(rest);
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    rest.nth(1);
    let second = unit(rest);
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second.wrapping_sub(0xdc00) & 0x3ff))
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self, depth: usize) -> Result<Node<'a>, SyntaxKind> {
        self.skip_space();
        let start = self.at;
        let kind = match self.peek()? {
            b'{' => Kind::Object(self.members(depth + 1)?),
            b'[' => Kind::Array(self.items(depth + 1)?),
            b'"' => {
                self.string()?;
                Kind::String
            }
            b'-' | b'0'..=b'9' => {
                self.number()?;
                Kind::Number
            }
            b't' => self.word("true", Kind::Bool(true))?,
            b'f' => self.word("false", Kind::Bool(false))?,
            b'n' => self.word("null", Kind::Null)?,
            _ => return Err(SyntaxKind::Unexpected),
        };
        Ok(Node { text: &self.text[start..self.at], start, kind })
    }

    fn members(&mut self, depth: usize) -> Result<Vec<Member<'a>>, SyntaxKind> {
        self.open(depth)?;
        let mut members = Vec::new();
        if self.close(b'}')? {
            return Ok(members);
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek()? != b'"' {
                return Err(SyntaxKind::Unexpected);
            }
            self.string()?;
            let key = unescape(&self.text[start + 1..self.at - 1]);
            self.skip_space();
            if self.peek()? != b':' {
                return Err(SyntaxKind::Unexpected);
            }
            self.at += 1;
            members.push(Member { key, start, value: self.value(depth)? });
            if self.next_or_close(b'}')? {
                return Ok(members);
            }
        }
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node<'a>>, SyntaxKind> {
        self.open(depth)?;
        let mut items = Vec::new();
        if self.close(b']')? {
            return Ok(items);
        }
        loop {
            items.push(self.value(depth)?);
            if self.next_or_close(b']')? {
                return Ok(items);
            }
        }
    }

    fn open(&mut self, depth: usize) -> Result<(), SyntaxKind> {
        if depth > DEPTH_MAX {
            return Err(SyntaxKind::TooDeep);
        }
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, end: u8) -> Result<bool, SyntaxKind> {
        self.skip_space();
        let closes = self.peek()? == end;
        self.at += usize::from(closes);
        Ok(closes)
    }

    fn next_or_close(&mut self, end: u8) -> Result<bool, SyntaxKind> {
        if self.close(end)? {
            return Ok(true);
        }
        if self.peek()? != b',' {
            return Err(SyntaxKind::Unexpected);
        }
        self.at += 1;
        Ok(false)
    }

    fn string(&mut self) -> Result<(), SyntaxKind> {
        self.at += 1;
        loop {
            let plain = self.bytes[self.at..].iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            self.at = plain.map_or(self.bytes.len(), |plain| self.at + plain);
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                _ => return Err(SyntaxKind::Unexpected),
            }
        }
    }

    fn escape(&mut self) -> Result<(), SyntaxKind> {
        self.at += 1;
        match self.peek()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
            b'u' => {
                let unit = self.code_unit()?;
                if (0xdc00..0xe000).contains(&unit) {
                    return Err(SyntaxKind::Unexpected);
                }
                if (0xd800..0xdc00).contains(&unit) {
                    // Half a character: the other half has to follow, else the text is no text.
                    if self.peek()? != b'\\' {
                        return Err(SyntaxKind::Unexpected);
                    }
                    self.at += 1;
                    if self.peek()? != b'u' || !(0xdc00..0xe000).contains(&self.code_unit()?) {
                        return Err(SyntaxKind::Unexpected);
                    }
                }
            }
            _ => return Err(SyntaxKind::Unexpected),
        }
        Ok(())
    }

    /// Reads `uXXXX`, standing on the `u`.
    fn code_unit(&mut self) -> Result<u32, SyntaxKind> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let digit = char::from(self.peek()?).to_digit(16).ok_or(SyntaxKind::Unexpected)?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), SyntaxKind> {
        self.at += usize::from(self.peek()? == b'-');
        if self.peek()? == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            self.at += 1;
            if let Some(b'+' | b'-') = self.bytes.get(self.at) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), SyntaxKind> {
        if !self.peek()?.is_ascii_digit() {
            return Err(SyntaxKind::Unexpected);
        }
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        Ok(())
    }

    fn word(&mut self, word: &str, kind: Kind<'a>) -> Result<Kind<'a>, SyntaxKind> {
        let rest = &self.bytes[self.at..];
        if rest.starts_with(word.as_bytes()) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(if word.as_bytes().starts_with(rest) { SyntaxKind::Torn } else { SyntaxKind::Unexpected })
    }

    fn peek(&self) -> Result<u8, SyntaxKind> {
        self.bytes.get(self.at).copied().ok_or(SyntaxKind::Torn)
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests;

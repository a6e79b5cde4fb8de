//! Where in a resource: a path that costs nothing until it is written out.

use std::fmt::{self, Display, Formatter, Write as _};

/// Longest name of a member that is shown, in letters. The longest of R4 has 42.
const NAME_LETTERS_MAX: usize = 64;

/// An element, and the way to it from the resource.
#[derive(Clone, Copy)]
pub(super) struct Place<'p> {
    above: Option<&'p Place<'p>>,
    name: &'p str,
    index: Option<usize>,
}

impl<'p> Place<'p> {
    /// The start of a path: the type of the resource.
    pub(super) fn root(name: &'p str) -> Place<'p> {
        Place { above: None, name, index: None }
    }

    /// The element of that name in this one.
    pub(super) fn child(&'p self, name: &'p str) -> Place<'p> {
        Place { above: Some(self), name, index: None }
    }

    /// One of a list.
    pub(super) fn at(self, index: usize) -> Place<'p> {
        Place { index: Some(index), ..self }
    }

    /// Whether this, an extension, is one of an extension.
    pub(super) fn is_nested_extension(&self) -> bool {
        self.above.is_some_and(|above| matches!(above.name, "extension" | "modifierExtension"))
    }
}

impl Display for Place<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        let (mut way, mut at) = (Vec::new(), Some(self));
        while let Some(place) = at {
            way.push(place);
            at = place.above;
        }
        for (depth, place) in way.iter().rev().enumerate() {
            if depth > 0 {
                out.write_char('.')?;
            }
            write_name(out, place.name)?;
            if let Some(index) = place.index {
                write!(out, "[{index}]")?;
            }
        }
        Ok(())
    }
}

/// A name as FHIRPath writes it. One that is no identifier stands between grave accents, without what could change how
/// the rest is shown: any text can be the name of a member.
fn write_name(out: &mut Formatter<'_>, name: &str) -> fmt::Result {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    let is_short = !name.is_empty() && name.len() <= NAME_LETTERS_MAX;
    if is_short && !name.starts_with(|letter: char| letter.is_ascii_digit()) && name.chars().all(is_plain) {
        return out.write_str(name);
    }
    out.write_char('`')?;
    for letter in name.chars().filter(|letter| !is_unfit(*letter)).take(NAME_LETTERS_MAX) {
        out.write_char(letter)?;
    }
    out.write_char('`')
}

/// Control characters, those that change the direction of a text, and what would end the name.
fn is_unfit(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '`' | '\\' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

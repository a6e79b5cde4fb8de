//! The formats of the primitive types (FHIR R4, datatypes, "Primitive Types").

use super::issue::{JsonType, Severity, What};
use crate::definitions::{TypeKind, definitions};
use crate::json::Node;
use crate::key::is_legal_id;
use crate::time::{self, Precision};

/// Longest string (R4, `string`: "SHALL NOT exceed 1MB (1024*1024 characters)").
const STRING_CHARS_MAX: usize = 1024 * 1024;

/// Whether this is a legal value of the primitive type of that name. False if R4 has no such primitive type.
pub fn is_valid_primitive(kind: &str, node: &Node<'_>) -> bool {
    let known = definitions().get(kind).filter(|known| known.kind == TypeKind::Primitive);
    known.is_some_and(|known| check(known.name, node).is_none_or(|what| what.severity() == Severity::Warning))
}

/// What is wrong with a value of a primitive type.
pub(super) fn check(kind: &'static str, node: &Node<'_>) -> Option<What> {
    let wanted = match kind {
        "boolean" => JsonType::Boolean,
        "decimal" | "integer" | "positiveInt" | "unsignedInt" => JsonType::Number,
        _ => JsonType::String,
    };
    let found = JsonType::of(node);
    if found != wanted {
        return Some(What::Shape { wanted, found });
    }
    let right = match wanted {
        JsonType::String => {
            let text = node.as_str()?;
            if matches!(kind, "string" | "markdown") {
                return check_text(kind, &text);
            }
            is_format(kind, &text)
        }
        JsonType::Number => is_number(kind, node.text),
        _ => true,
    };
    if right { None } else { Some(What::Format(kind)) }
}

fn check_text(kind: &'static str, text: &str) -> Option<What> {
    if text.is_empty() {
        return Some(What::Format(kind));
    }
    if text.len() > STRING_CHARS_MAX && text.chars().count() > STRING_CHARS_MAX {
        return Some(What::TooLong);
    }
    if text.trim().is_empty() {
        return Some(What::Blank);
    }
    let is_unfit = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    text.bytes().any(is_unfit).then_some(What::ControlCharacters)
}

/// Any JSON number is a decimal. The others are numbers of 32 bits, with neither fraction nor exponent.
fn is_number(kind: &str, literal: &str) -> bool {
    let least = match kind {
        "positiveInt" => 1,
        "unsignedInt" => 0,
        "integer" => i32::MIN,
        _ => return true,
    };
    literal != "-0" && literal.parse::<i32>().is_ok_and(|number| number >= least)
}

fn is_format(kind: &str, text: &str) -> bool {
    let exact = || time::read(text).map(|(_, exact)| exact);
    match kind {
        "base64Binary" => is_base64(text),
        "code" => text.split(' ').all(|word| !word.is_empty() && !word.contains(char::is_whitespace)),
        "date" => exact().is_some_and(|(precision, _)| precision <= Precision::Day),
        // A time of day has its seconds and its zone.
        "dateTime" => exact()
            .is_some_and(|(precision, zoned)| precision <= Precision::Day || (precision == Precision::Second && zoned)),
        "instant" => exact() == Some((Precision::Second, true)),
        "time" => {
            let at_some_day = time::read(&format!("1970-01-01T{text}"));
            at_some_day.is_some_and(|(_, exact)| exact == (Precision::Second, false))
        }
        "id" => is_legal_id(text),
        "oid" => text.strip_prefix("urn:oid:").is_some_and(is_oid),
        "uuid" => text.strip_prefix("urn:uuid:").is_some_and(is_uuid),
        "xhtml" => is_div(text.trim()),
        // uri, url, canonical
        _ => !text.is_empty() && !text.contains(char::is_whitespace),
    }
}

/// Letters in fours, the last of them filled up with `=`. White space may stand between them (R4's own pattern), and
/// most encoders of e-mail put line ends there.
fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    let letters = bytes.iter().filter(|byte| BASE64[usize::from(**byte)]).count();
    // What is no letter is rare: white space anywhere, and at most two signs that stand behind all letters.
    let (mut filled, mut seen) = (0, 0);
    for (at, byte) in bytes.iter().enumerate().filter(|(_, byte)| !BASE64[usize::from(**byte)]) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => seen += 1,
            b'=' if at == letters + filled + seen => filled += 1,
            _ => return false,
        }
    }
    letters > 0 && filled <= 2 && (letters + filled) % 4 == 0
}

/// The letters of base64. A table, because attachments are the longest values there are.
const BASE64: [bool; 256] = {
    let (mut table, mut at) = ([false; 256], 0u8);
    while at < 128 {
        table[at as usize] = at.is_ascii_alphanumeric() || at == b'+' || at == b'/';
        at += 1;
    }
    table
};

/// `[0-2](\.(0|[1-9][0-9]*))+`
fn is_oid(text: &str) -> bool {
    let Some((root, arcs)) = text.split_once('.') else { return false };
    let is_arc = |arc: &str| {
        !arc.is_empty() && arc.bytes().all(|digit| digit.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
    };
    matches!(root, "0" | "1" | "2") && arcs.split('.').all(is_arc)
}

/// Small letters only, as R4's pattern has it.
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_div(text: &str) -> bool {
    let begins = text.strip_prefix("<div").is_some_and(|rest| rest.starts_with([' ', '\t', '\n', '\r', '>', '/']));
    begins && (text.ends_with("</div>") || text.ends_with("/>"))
}

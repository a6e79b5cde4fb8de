//! Bytes as text that a person can copy: Crockford's base32 in groups of five letters and a check letter.
//!
//! The check letter of a group is a sum over GF(32) with distinct non-zero weights, and the group's place is part of it. So
//! any one wrong letter, any two neighbours exchanged, and any two groups exchanged are found for certain, and the group is
//! known. Sixteen bits over the whole find what several slips at once may hide.

use zeroize::Zeroizing;

/// Crockford's alphabet: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Letters of a group, the last of them its check.
const GROUP_LEN: usize = 6;

/// Bytes of the check over the whole.
const WHOLE_LEN: usize = 2;

/// Longest text that is looked at: a code with all the addresses it may have, and spaces.
const TEXT_BYTES_MAX: usize = 4_000;

/// What is wrong with a code that was typed or pasted. Groups are counted from 1. Nothing of the code is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Nothing was given.
    #[error("no invite code was given")]
    Empty,
    /// A letter that no code has.
    #[error("group {group} has a character that is in no invite code")]
    Character {
        /// The group it is in.
        group: usize,
    },
    /// A group with a wrong letter, or two exchanged, or one missing or too many.
    #[error("there is a typing mistake in group {group}")]
    Group {
        /// The first group that is wrong.
        group: usize,
    },
    /// Every group is right by itself; one is missing at the end, or several slips hide each other.
    #[error("the invite code is not complete, or has several typing mistakes")]
    Damaged,
    /// Right, and of a kind that this program does not know.
    #[error("the invite code is of a version that this program does not know")]
    Version,
}

/// Multiplies in GF(32), modulo x^5 + x^2 + 1.
fn times(mut a: u8, mut b: u8) -> u8 {
    let mut product = 0;
    while b != 0 {
        if b & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 0x20 != 0 {
            a ^= 0b10_0101;
        }
        b >>= 1;
    }
    product
}

/// The check of a group's data letters at its place. The weights are the powers 1 to 5 of x; the check letter's own is 1.
fn check(data: &[u8], place: usize) -> u8 {
    let mut weight = 1;
    let mut sum = (place % 32) as u8;
    for letter in data {
        weight = times(weight, 2);
        sum ^= times(weight, *letter);
    }
    sum
}

fn whole(bytes: &[u8]) -> [u8; WHOLE_LEN] {
    let hash = blake3::derive_key("sanad 2026 invite code v1", bytes);
    [hash[0], hash[1]]
}

/// Writes bytes as a code.
pub(super) fn write(bytes: &[u8]) -> String {
    let mut letters = Zeroizing::new(Vec::with_capacity(bytes.len() * 2 + 4));
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in bytes.iter().chain(&whole(bytes)) {
        bits = bits << 8 | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            letters.push((bits >> held & 31) as u8);
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        letters.push((bits << (5 - held) & 31) as u8);
    }
    let mut out = String::new();
    for (place, data) in letters.chunks(GROUP_LEN - 1).enumerate() {
        if place > 0 {
            out.push('-');
        }
        let letters = data.iter().copied().chain([check(data, place)]);
        out.extend(letters.map(|letter| char::from(ALPHABET[usize::from(letter)])));
    }
    out
}

/// What a typed character stands for.
enum Typed {
    Letter(u8),
    Dash,
    Nothing,
    Foreign,
}

fn typed(character: char) -> Typed {
    let character = character.to_ascii_uppercase();
    match character {
        'O' => Typed::Letter(0),
        'I' | 'L' => Typed::Letter(1),
        'U' => Typed::Letter(27), // Read as V.
        // Digits as an Arabic or a Persian keyboard gives them.
        '٠'..='٩' => Typed::Letter((character as u32 - '٠' as u32) as u8),
        '۰'..='۹' => Typed::Letter((character as u32 - '۰' as u32) as u8),
        '-' | '_' | '\u{2010}'..='\u{2015}' | '\u{2212}' => Typed::Dash,
        // Marks of direction, which come along when a code is copied out of Arabic text.
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => Typed::Nothing,
        _ if character.is_whitespace() => Typed::Nothing,
        _ => match ALPHABET.iter().position(|letter| char::from(*letter) == character) {
            Some(value) => Typed::Letter(value as u8),
            None => Typed::Foreign,
        },
    }
}

/// Reads a code, however it was grouped: with dashes, which then show where a letter is missing, or without.
pub(super) fn read(text: &str) -> Result<Zeroizing<Vec<u8>>, CodeError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(CodeError::Damaged);
    }
    let groups = groups(text)?;
    let last = groups.len().checked_sub(1).ok_or(CodeError::Empty)?;
    let mut letters = Zeroizing::new(Vec::with_capacity(text.len()));
    for (place, group) in groups.iter().enumerate() {
        let wrong = Err(CodeError::Group { group: place + 1 });
        let Some((sum, data)) = group.split_last() else {
            return wrong;
        };
        let whole = group.len() == GROUP_LEN || (place == last && (2..GROUP_LEN).contains(&group.len()));
        if !whole || check(data, place) != *sum {
            return wrong;
        }
        letters.extend_from_slice(data);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(letters.len()));
    let (mut bits, mut held) = (0u32, 0u32);
    for letter in letters.iter() {
        bits = bits << 5 | u32::from(*letter);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
            bits &= (1 << held) - 1;
        }
    }
    // What is left over is padding: less than a letter, and zero, so that a code has one form.
    let split = bytes.len().checked_sub(WHOLE_LEN).ok_or(CodeError::Damaged)?;
    if held >= 5 || bits != 0 || bytes[split..] != whole(&bytes[..split]) {
        return Err(CodeError::Damaged);
    }
    bytes.truncate(split);
    Ok(bytes)
}

/// The letters by group: as dashes divide them, or six by six if there are none.
fn groups(text: &str) -> Result<Vec<Zeroizing<Vec<u8>>>, CodeError> {
    let fresh = || Zeroizing::new(Vec::with_capacity(TEXT_BYTES_MAX / 64));
    let dashed = text.chars().any(|character| matches!(typed(character), Typed::Dash));
    let mut groups = vec![fresh()];
    for character in text.chars() {
        let count = groups.len();
        let Some(group) = groups.last_mut() else {
            return Err(CodeError::Empty);
        };
        match typed(character) {
            Typed::Letter(value) => {
                if !dashed && group.len() == GROUP_LEN {
                    let mut next = fresh();
                    next.push(value);
                    groups.push(next);
                } else {
                    group.push(value);
                }
            }
            // Two dashes, or one at an end, are a slip that matters to nobody.
            Typed::Dash if !group.is_empty() => groups.push(fresh()),
            Typed::Dash | Typed::Nothing => {}
            Typed::Foreign => return Err(CodeError::Character { group: count }),
        }
    }
    if groups.last().is_some_and(|group| group.is_empty()) {
        groups.pop();
    }
    Ok(groups)
}

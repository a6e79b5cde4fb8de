//! Bytes as lines of text that any phone sends: at most 160 characters, each of the basic alphabet of GSM 03.38.
//! `docs/protocol.md` §11.
//!
//! A line stands for itself: name of the message, number, count, payload, checksum. A reader finds lines in whatever was
//! pasted, in any order, and puts together those of one name.

use base64::Engine as _;
use base64::engine::general_purpose::{GeneralPurpose, STANDARD_NO_PAD};

/// Characters of a line: one text message.
pub const LINE_CHARS_MAX: usize = 160;
/// Letters, digits and two signs that are in the basic alphabet of GSM 03.38 (ETSI TS 123 038), six bits each: Base64 of
/// RFC 4648 without padding. No brackets and no underscore: phones send those as two characters or as others.
const LETTERS: GeneralPurpose = STANDARD_NO_PAD;
const ID_LEN: usize = 4;
const HEADER_LEN: usize = ID_LEN + 2;
const CHECK_LEN: usize = 4;
/// Bytes of a message in one line.
pub const FRAME_PAYLOAD: usize = LINE_CHARS_MAX * 6 / 8 - HEADER_LEN - CHECK_LEN;
/// Pieces into which a program may have broken one line.
const PIECES_MAX: usize = 8;
/// Shortest line that can be one.
const LINE_CHARS_MIN: usize = (HEADER_LEN + 1 + CHECK_LEN) * 8 / 6;

/// A line.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Frame {
    /// The message it belongs to.
    pub id: [u8; ID_LEN],
    /// Its number, from 0.
    pub number: u8,
    /// Lines of the message.
    pub count: u8,
    /// Its part of the message.
    pub payload: Vec<u8>,
}

/// The name of a message.
pub fn message_id(message: &[u8]) -> [u8; ID_LEN] {
    short(&blake3::derive_key("sanad 2026 text message id v1", message))
}

fn checksum(bytes: &[u8]) -> [u8; CHECK_LEN] {
    short(&blake3::derive_key("sanad 2026 text line v1", bytes))
}

fn short(digest: &[u8; 32]) -> [u8; 4] {
    [digest[0], digest[1], digest[2], digest[3]]
}

/// Writes a message as lines; one line at least.
///
/// # Panics
/// If it needs more than 255 lines.
pub fn frames_of(message: &[u8]) -> Vec<String> {
    let id = message_id(message);
    let count = message.len().div_ceil(FRAME_PAYLOAD).max(1);
    assert!(count <= usize::from(u8::MAX), "the count stands in one byte");
    let parts = message.chunks(FRAME_PAYLOAD).zip(0u8..);
    let lines = parts.map(|(part, number)| {
        let mut bytes = [id.as_slice(), &[number, count as u8], part].concat();
        bytes.extend_from_slice(&checksum(&bytes));
        let line = LETTERS.encode(&bytes);
        assert!(line.len() <= LINE_CHARS_MAX, "a line is one text message");
        line
    });
    lines.collect()
}

/// Reads one line.
pub fn read_line(line: &str) -> Option<Frame> {
    if !(LINE_CHARS_MIN..=LINE_CHARS_MAX).contains(&line.len()) {
        return None;
    }
    let bytes = LETTERS.decode(line).ok()?;
    let (body, check) = bytes.split_last_chunk::<CHECK_LEN>()?;
    let (head, payload) = body.split_first_chunk::<HEADER_LEN>()?;
    let [a, b, c, d, number, count] = *head;
    // Every line but the last is full, so that a message is written in one way only.
    let is_full = payload.len() == FRAME_PAYLOAD || u32::from(number) + 1 == u32::from(count);
    let holds = checksum(body) == *check && number < count && !payload.is_empty() && is_full;
    holds.then(|| Frame { id: [a, b, c, d], number, count, payload: payload.to_vec() })
}

/// Finds the lines in a text: whatever stands between them is passed over, a line that was broken is put together again,
/// and one that comes twice is given once.
pub fn find_frames(text: &str) -> Vec<Frame> {
    let in_alphabet = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    // Quotation marks, colons and the like around a line are no part of it.
    let pieces: Vec<&str> = text.split(|c| !in_alphabet(c)).filter(|piece| !piece.is_empty()).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < pieces.len() {
        let mut line = String::new();
        let whole = pieces[at..].iter().take(PIECES_MAX).enumerate().find_map(|(more, piece)| {
            line.push_str(piece);
            Some((more, read_line(&line)?))
        });
        match whole {
            Some((more, frame)) => {
                found.push(frame);
                at += more + 1;
            }
            None => at += 1,
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The basic alphabet of GSM 03.38, but for the control characters.
    const GSM: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

    fn join(mut frames: Vec<Frame>) -> Vec<u8> {
        frames.sort();
        frames.into_iter().flat_map(|frame| frame.payload).collect()
    }

    #[test]
    fn a_line_is_one_text_message_of_the_basic_alphabet() {
        let lines = frames_of(&[7; 1_000]);
        assert_eq!((lines.len(), lines[0].len()), (1_000usize.div_ceil(FRAME_PAYLOAD), LINE_CHARS_MAX));
        assert!(lines.iter().flat_map(|line| line.chars()).all(|c| GSM.contains(c)));
    }

    #[test]
    fn a_slip_in_a_line_makes_it_no_line() {
        let line = frames_of(b"short").remove(0);
        for at in 0..line.len() {
            let mut bad = line.clone().into_bytes();
            bad[at] = if bad[at] == b'a' { b'b' } else { b'a' };
            assert_eq!(read_line(&String::from_utf8(bad).unwrap()), None, "{at}");
        }
        assert_eq!(read_line(&line[1..]), None);
        assert_eq!(read_line(&"/".repeat(40)), None, "the largest number there is");
        assert!(read_line(&line).is_some());
    }

    proptest! {
        #[test]
        fn lines_are_found_in_any_order_doubled_broken_and_among_anything(
            message in proptest::collection::vec(any::<u8>(), 1..900),
            order in any::<u64>(), junk in "[ -~\n]{0,60}", break_at in 1usize..159,
        ) {
            let mut lines = frames_of(&message);
            let rotate = order as usize % lines.len();
            lines.rotate_left(rotate);
            lines.push(lines[0].clone());
            let broken = lines.iter().map(|line| {
                let (a, b) = line.split_at(break_at.min(line.len()));
                format!("+963 11 555: \"{a}\n{b}\"\n{junk} \n")
            });
            let text: String = broken.collect();
            let found = find_frames(&text);
            prop_assert_eq!(found.len(), lines.len() - 1);
            prop_assert!(found.iter().all(|frame| frame.id == message_id(&message)));
            prop_assert_eq!(join(found), message);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,400}") {
            prop_assert!(find_frames(&text).is_empty());
        }
    }
}

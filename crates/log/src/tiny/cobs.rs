//! Consistent overhead byte stuffing (Cheshire and Baker 1999): a frame without the byte 0, which then parts frames from
//! each other whatever stood on the line before. It costs one byte for every 254.

/// Longest block between two zeroes.
const BLOCK_MAX: usize = 254;

/// Bytes without a zero.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / BLOCK_MAX + 1);
    let mut pieces = bytes.split(|byte| *byte == 0).peekable();
    while let Some(piece) = pieces.next() {
        let mut rest = piece;
        while rest.len() >= BLOCK_MAX {
            out.push(u8::MAX);
            out.extend_from_slice(&rest[..BLOCK_MAX]);
            rest = &rest[BLOCK_MAX..];
        }
        // A full block at the very end needs no empty one after it; before a zero it does.
        if !rest.is_empty() || piece.len() < BLOCK_MAX || pieces.peek().is_some() {
            out.push(rest.len() as u8 + 1);
            out.extend_from_slice(rest);
        }
    }
    out
}

/// The bytes that [`encode`] was given; `None` if it was not its doing.
pub fn decode(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((code, after)) = rest.split_first() {
        let (block, after) = after.split_at_checked(usize::from(code.checked_sub(1)?))?;
        if block.contains(&0) {
            return None;
        }
        out.extend_from_slice(block);
        if *code != u8::MAX && !after.is_empty() {
            out.push(0);
        }
        rest = after;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_answers() {
        let run: Vec<u8> = (1..=254).collect();
        let cases: [(&[u8], &[u8]); 5] = [
            (&[], &[1]),
            (&[0], &[1, 1]),
            (&[11, 22, 0, 33], &[3, 11, 22, 2, 33]),
            (&[0, 0, 7], &[1, 1, 2, 7]),
            (&run, &[&[0xff], run.as_slice()].concat()),
        ];
        for (plain, stuffed) in cases {
            assert_eq!((encode(plain), decode(stuffed)), (stuffed.to_vec(), Some(plain.to_vec())));
        }
    }

    proptest! {
        #[test]
        fn whatever_goes_in_comes_out_and_holds_no_zero(plain in proptest::collection::vec(prop_oneof![Just(0u8), any::<u8>()], 0..700)) {
            let stuffed = encode(&plain);
            prop_assert!(!stuffed.contains(&0));
            prop_assert!(stuffed.len() <= plain.len() + plain.len() / BLOCK_MAX + 1);
            prop_assert_eq!(decode(&stuffed), Some(plain));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(junk in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&junk);
        }
    }
}

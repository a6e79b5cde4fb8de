//! Frames as bytes: flags, places, payload, proof. `docs/protocol.md`, Tiny links.

use super::key::{CHECK_LEN, PhaseKey};

/// Lower two bits of the flags.
pub(super) const CALL: u8 = 0;
pub(super) const SAME: u8 = 1;
pub(super) const ANSWER: u8 = 2;
pub(super) const DATA: u8 = 3;
const KIND: u8 = 3;
/// The line is handed over.
pub(super) const OVER: u8 = 1 << 2;
/// Sealed and proven by what the caller alone had said.
const EARLY: u8 = 1 << 3;
/// The parcel ends with this piece.
const END: u8 = 1 << 4;
/// A piece of a parcel, with its place, follows.
const PIECE: u8 = 1 << 5;
/// Places beyond the next one that have come follow.
const BEYOND: u8 = 1 << 6;
const RESERVED: u8 = 1 << 7;

/// Bytes of a frame that are not payload, at most: two zeroes, one of stuffing, flags, turn, place, next, beyond, proof.
pub(super) const OVERHEAD: usize = 2 + 1 + 1 + 1 + 1 + 1 + 4 + CHECK_LEN;

/// A piece of a parcel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Piece {
    pub early: bool,
    pub end: bool,
    pub bytes: Vec<u8>,
}

/// A frame of a conversation under way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Data {
    /// The line is handed over, at the end of this turn of the caller, or in answer to it.
    pub over: Option<u8>,
    /// The place of the next piece that is missing here.
    pub next: u8,
    /// Bit *n*: the piece at `next + 1 + n` has come.
    pub beyond: u32,
    pub piece: Option<(u8, Piece)>,
}

/// The kind of a frame and its flags; `None` for what no frame has.
pub(super) fn kind_of(flags: u8) -> Option<u8> {
    (flags & RESERVED == 0).then_some(flags & KIND)
}

/// True if the frame says that it is sealed by what the caller alone had said.
pub(super) fn is_early(flags: u8) -> bool {
    flags & EARLY != 0
}

impl Data {
    /// Bytes, proven under the phase's key.
    pub fn encode(&self, key: &PhaseKey, from_caller: bool) -> Vec<u8> {
        let mut out = vec![DATA];
        for (flag, set) in [
            (OVER, self.over.is_some()),
            (PIECE, self.piece.is_some()),
            (BEYOND, self.beyond != 0),
            (EARLY, self.piece.as_ref().is_some_and(|(_, piece)| piece.early)),
            (END, self.piece.as_ref().is_some_and(|(_, piece)| piece.end)),
        ] {
            out[0] |= if set { flag } else { 0 };
        }
        out.extend(self.over);
        out.extend(self.piece.iter().map(|(place, _)| *place));
        out.push(self.next);
        if self.beyond != 0 {
            out.extend_from_slice(&self.beyond.to_be_bytes());
        }
        if let Some((_, piece)) = &self.piece {
            out.extend_from_slice(&piece.bytes);
        }
        let check = key.check(from_caller, &out);
        out.extend_from_slice(&check);
        out
    }

    /// Reads a frame whose proof holds.
    pub fn decode(bytes: &[u8], key: &PhaseKey, from_caller: bool) -> Option<Data> {
        let (bytes, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LEN)?)?;
        if key.check(from_caller, bytes) != check {
            return None;
        }
        let (flags, mut rest) = bytes.split_first()?;
        let mut take = |count: usize| -> Option<&[u8]> {
            let (head, tail) = rest.split_at_checked(count)?;
            rest = tail;
            Some(head)
        };
        let over = if flags & OVER != 0 { Some(take(1)?[0]) } else { None };
        let place = if flags & PIECE != 0 { Some(take(1)?[0]) } else { None };
        let next = take(1)?[0];
        let beyond = if flags & BEYOND != 0 { u32::from_be_bytes(take(4)?.try_into().ok()?) } else { 0 };
        let piece = Piece { early: is_early(*flags), end: flags & END != 0, bytes: rest.to_vec() };
        if place.is_none() && !piece.bytes.is_empty() {
            return None;
        }
        Some(Data { over, next, beyond, piece: place.map(|place| (place, piece)) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::LinkKey;
    use super::*;
    use crate::seal::SealKey;

    #[test]
    fn a_frame_comes_back_and_no_bit_of_it_may_change() {
        let key = LinkKey::of(&SealKey::from_bytes([1; 32])).session(b"call", b"answer");
        for (beyond, bytes) in [(0, vec![]), (0, vec![0, 1, 2]), (5, vec![9; 40])] {
            let piece = (!bytes.is_empty()).then_some((200, Piece { early: false, end: true, bytes }));
            let data = Data { over: (beyond > 0).then_some(9), next: 7, beyond, piece };
            let encoded = data.encode(&key, true);
            assert_eq!(Data::decode(&encoded, &key, true), Some(data.clone()));
            assert_eq!(Data::decode(&encoded, &key, false), None, "an echo of one's own words");
            assert!(encoded.len() + 3 <= OVERHEAD + data.piece.map_or(0, |(_, piece)| piece.bytes.len()));
            for bit in 0..encoded.len() * 8 {
                let mut bent = encoded.clone();
                bent[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Data::decode(&bent, &key, true), None);
            }
        }
    }
}

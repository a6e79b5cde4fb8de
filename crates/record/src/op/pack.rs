//! UUIDs out of the text: in a resource they are 36 letters that no dictionary knows; as sixteen bytes beside it they
//! are less than half, and the text that is left compresses better. A typical resource has three or four of them.

use super::{uuid_bytes, uuid_text};

/// Stands for the next sixteen bytes of the tail. No JSON text has this byte.
const NEW: u8 = 0x10;
/// Followed by one byte: stands for a UUID that came before in this save.
const AGAIN: u8 = 0x11;
/// The byte behind [`AGAIN`] for the first UUID; printable, as everything around it.
const FIRST: u8 = b' ';
/// How many UUIDs can be named again, so that the byte stays printable.
const AGAIN_MAX: usize = 90;

const UUID_CHARS: usize = 36;
const DASH_AT: usize = 8;

/// What stands beside the compressed body: sixteen bytes at a time, in the order the body asks for them.
#[derive(Default)]
pub(super) struct Tail<'b> {
    written: Vec<u8>,
    unread: &'b [u8],
    /// The first UUIDs that stood in resources.
    seen: Vec<[u8; 16]>,
}

impl<'b> Tail<'b> {
    pub(super) fn read(bytes: &'b [u8]) -> Tail<'b> {
        Tail { unread: bytes, ..Tail::default() }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.written
    }

    pub(super) fn push(&mut self, sixteen: [u8; 16]) {
        self.written.extend_from_slice(&sixteen);
    }

    pub(super) fn next(&mut self) -> Option<[u8; 16]> {
        let (sixteen, rest) = self.unread.split_first_chunk()?;
        self.unread = rest;
        Some(*sixteen)
    }

    pub(super) fn is_read(&self) -> bool {
        self.unread.is_empty()
    }

    /// The text with its UUIDs taken out; `None` if it has bytes that would be taken for marks.
    pub(super) fn pack(&mut self, raw: &[u8]) -> Option<Vec<u8>> {
        if raw.iter().any(|byte| matches!(*byte, NEW | AGAIN)) {
            return None;
        }
        let mut packed = Vec::with_capacity(raw.len());
        // Everything before `from` is packed. A UUID's first dash stands eight bytes after its start.
        let (mut from, mut at) = (0, DASH_AT);
        while let Some(dash) = raw.get(at..).and_then(|rest| rest.iter().position(|byte| *byte == b'-')) {
            at += dash;
            let Some(uuid) = uuid_at(&raw[at - DASH_AT..]) else {
                at += 1;
                continue;
            };
            packed.extend_from_slice(&raw[from..at - DASH_AT]);
            match self.seen.iter().position(|known| *known == uuid) {
                Some(index) => packed.extend([AGAIN, FIRST + index as u8]),
                None => {
                    packed.push(NEW);
                    self.push(uuid);
                    self.remember(uuid);
                }
            }
            from = at - DASH_AT + UUID_CHARS;
            at = from + DASH_AT;
        }
        packed.extend_from_slice(&raw[from..]);
        Some(packed)
    }

    /// The text a [packed](Tail::pack) one stands for; `None` if it is malformed or longer than `bytes_max`.
    pub(super) fn unpack(&mut self, packed: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let mut raw = Vec::with_capacity(packed.len().min(bytes_max));
        let mut rest = packed;
        loop {
            let plain = rest.iter().position(|byte| matches!(*byte, NEW | AGAIN)).unwrap_or(rest.len());
            raw.extend_from_slice(&rest[..plain]);
            if raw.len() > bytes_max {
                return None;
            }
            let uuid = match rest[plain..] {
                [] => break,
                [NEW, ref after @ ..] => {
                    let uuid = self.next()?;
                    self.remember(uuid);
                    rest = after;
                    uuid
                }
                [_, index, ref after @ ..] => {
                    rest = after;
                    *self.seen.get(usize::from(index.checked_sub(FIRST)?))?
                }
                [_] => return None,
            };
            raw.extend_from_slice(uuid_text(&uuid).as_bytes());
        }
        Some(raw)
    }

    fn remember(&mut self, uuid: [u8; 16]) {
        if self.seen.len() < AGAIN_MAX {
            self.seen.push(uuid);
        }
    }
}

/// The UUID this text starts with.
fn uuid_at(text: &[u8]) -> Option<[u8; 16]> {
    uuid_bytes(std::str::from_utf8(text.get(..UUID_CHARS)?).ok()?)
}

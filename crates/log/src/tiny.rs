//! Tiny links: a session over any pipe of bytes, in frames of 50 to 220 bytes that may be lost, doubled, reordered or bent,
//! with noise in between, in one direction at a time. `docs/protocol.md`, Tiny links.
//!
//! Pure: [`Link`] is fed bytes and the time, and gives bytes, events and the time at which it wants to be woken. What is
//! said in the frames is the business of the replica (`replica/short.rs`).
//!
//! The side that calls keeps the time: it speaks, hands over, and asks again if nothing comes; the other side speaks only
//! when it was handed the line. So two radios do not talk over each other, and one timer is enough.

mod cobs;
mod frame;
mod key;
mod link;

pub use key::LinkKey;
pub use link::{Counts, Event, Lost};

use crate::ids::DeviceId;
use link::Talk;
use std::collections::VecDeque;

/// Smallest frame: below it more than half would be overhead.
pub const MTU_MIN: usize = 50;
/// Largest frame: that of the smallest common radio modems and of a binary SMS with room to spare; one stuffed block.
pub const MTU_MAX: usize = 220;
/// Epoch keys that a call is tried under: the newest, and a few before, for a site that a rotation has not reached yet.
const EPOCHS_MAX: usize = 4;
/// The same, and the key of keepers.
const KEYS_MAX: usize = EPOCHS_MAX + 1;
/// Largest message, in bytes: an entry of [`crate::short::BODY_BYTES_MAX`], or a bounded run, with its headers.
pub const MESSAGE_BYTES_MAX: usize = 128 * 1024;

/// What is known of the line.
#[derive(Clone, Copy, Debug)]
pub struct LinkConfig {
    /// Bytes of a frame, everything included.
    pub mtu: usize,
    /// Bytes that the line carries in a second, as far as is known; it is measured from then on.
    pub bytes_per_s: u64,
    /// This device.
    pub device: DeviceId,
}

/// The frames must have [`MTU_MIN`] to [`MTU_MAX`] bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of a tiny link has {MTU_MIN} to {MTU_MAX} bytes, not {0}")]
pub struct BadMtu(pub usize);

/// One end of a line. Its memory is bounded by what the replica paces, 32 frames, and one message.
pub struct Link {
    config: LinkConfig,
    keys: Vec<LinkKey>,
    /// The key of the next call: another one after nobody has answered.
    key: usize,
    /// Measured, in bytes a second.
    rate: u64,
    /// What has come since the last zero.
    partial: Vec<u8>,
    overlong: bool,
    talk: Option<Talk>,
    output: Vec<u8>,
    events: VecDeque<Event>,
    counts: Counts,
}

//! The HTTPS carrier: one port for the screens and for sync.
//!
//! Promises:
//! - a connection between two sites looks like a browser's, and costs a handshake once, not once a session;
//! - both directions stream at once, and a slow reader holds its writer back: memory stays within named bounds;
//! - whoever connects and says nothing, or too little, is cut; whoever vanishes is noticed; a slow link that still moves
//!   is never cut.
//!
//! ```text
//! first byte 0x16 → TLS → /sync (HTTP/2, TLS 1.3) → Accept::sync(Channel)
//!                       → /join                   → Accept::join(JoinCall)
//!                       → anything else           → the router of the screens
//! anything else   → plain HTTP                    → the router of the screens
//! ```

mod address;
mod channel;
mod dial;
mod server;
mod wire;

pub use address::{Address, AddressError};
#[cfg(test)]
pub(crate) use channel::testing;
pub use channel::{Channel, ChannelError, FRAME_BYTES_MAX, FrameReader, FrameWriter};
pub use dial::{DialError, Dialer, JoinReply, Target};
pub use server::{Accept, JoinCall, Peer, serve};
pub use wire::{ByteCounters, ByteCounts};

use std::time::Duration;

/// Bytes that travel as one HTTP/2 DATA frame at most. Small frames are gathered up to this; four full TLS records.
pub const CHUNK_BYTES: usize = 64 * 1024;

/// Chunks that wait between a writer and the connection: enough that neither starves, 256 KiB at most.
pub const QUEUE_CHUNKS: usize = 4;

/// Bytes of one direction of a session that may be under way unread: the flow-control window. It carries 850 kB/s over a
/// satellite's 600 ms. A reader gives credit back at half of it, so on a link of 1 kB/s credit moves every 256 s, within
/// [`Limits::busy_idle`].
pub const STREAM_WINDOW_BYTES: u32 = 512 * 1024;

/// Bytes that one connection may have unread in all, whatever the number of its streams.
pub const CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// Requests under way at once on one connection; a browser opens a page with a few dozen.
pub const STREAMS_MAX: u32 = 64;

/// Largest body of `/join`, either way: a request is 2 kB, an answer less.
pub const JOIN_BYTES_MAX: usize = 64 * 1024;

const SYNC_PATH: &str = "/sync";
const JOIN_PATH: &str = "/join";

/// How much a carrier gives and how long it waits. All waits are for silence, none is for a whole transfer.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once; beyond, callers wait in the kernel's queue. A facility has some dozens of devices.
    pub connections: usize,
    /// Connections at once from one address, so that one device cannot take them all.
    pub connections_per_address: usize,
    /// Sync sessions at once; beyond, the answer is 503 and the peer comes back later.
    pub sessions: usize,
    /// From the first byte of the TCP connection to the end of the first request's head, TLS handshake included. The
    /// handshake is 4 kB: this is time enough at 300 B/s.
    pub first_request: Duration,
    /// Between two requests of a browser.
    pub screen_idle: Duration,
    /// Between two sessions of a peer.
    pub peer_idle: Duration,
    /// Silence within a request or a session: no byte either way. Above what a working link of 1 kB/s can show.
    pub busy_idle: Duration,
    /// For one TCP connection to be set up.
    pub connect: Duration,
    /// For the TLS handshake on the calling side.
    pub handshake: Duration,
    /// For the first answer to a request on the calling side. On a kept connection it is also how soon a dead one shows.
    pub response: Duration,
    /// For open requests to end when the carrier is asked to stop.
    pub stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 512,
            connections_per_address: 128,
            sessions: 32,
            first_request: Duration::from_secs(30),
            screen_idle: Duration::from_secs(75),
            peer_idle: Duration::from_secs(15 * 60),
            busy_idle: Duration::from_secs(5 * 60),
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(30),
            response: Duration::from_secs(20),
            stop: Duration::from_secs(5),
        }
    }
}

//! How a command reaches a site that is being served: a Unix socket in the data folder.
//!
//! Promises: only the owner of the folder can speak to it, and only to a process of the same owner; the passphrase that
//! each request carries is wiped from memory after use; a socket left behind by a crash never keeps a site from starting.
//!
//! One request, one JSON line:
//! ```json
//! {"passphrase":"<base64>","command":"sync","args":{"with":null}}
//! ```
//! then events, one JSON line each, until a `result` or an `error`:
//! ```json
//! {"progress":{"what":"import","done":3,"of":12}}
//! {"warning":"…"}
//! {"result":{"code":0,"value":{}}}
//! {"error":{"code":3,"id":"wrong-passphrase","text":"…","args":{}}}
//! ```
//! The passphrase is in base64 so that no parser has to unescape it, and so leaves no copy of it behind.

mod client;
mod place;
mod server;

pub use client::ask;
pub use place::ControlSocket;
pub use server::{Events, Obey, serve_control};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::io;
use zeroize::{Zeroize, Zeroizing};

/// The socket's name in the data folder.
pub const SOCKET_NAME: &str = "control";

/// Longest request line: paths and options, a passphrase.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Longest line of an event: the status of a large network, the report of a large import.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// What a command asks of a site.
#[derive(Clone, PartialEq)]
pub struct ControlRequest {
    /// Opens nothing by itself: the site compares it, so that a shell left open is not an open site.
    pub passphrase: Zeroizing<String>,
    /// The command's name.
    pub command: String,
    /// Its arguments, as the command defines them.
    pub args: Value,
}

impl fmt::Debug for ControlRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlRequest").field("command", &self.command).finish_non_exhaustive()
    }
}

/// What a site says while it obeys.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlEvent {
    /// How far it is. Only the newest matters; those in between may be left out.
    Progress {
        /// What is being done.
        what: String,
        /// Units done.
        done: u64,
        /// Units in all, if known.
        of: Option<u64>,
    },
    /// Something the user should know, which stops nothing.
    Warning(String),
}

/// How it ended.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlAnswer {
    /// Carried out.
    Result {
        /// The exit code: not 0 if for instance damage was found.
        code: u8,
        /// What the command prints.
        value: Value,
    },
    /// Not carried out.
    Error {
        /// The exit code.
        code: u8,
        /// The name of the message, for translation.
        id: String,
        /// The message in English.
        text: String,
        /// What the message speaks of.
        args: Value,
    },
}

/// One line from a site.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Event(ControlEvent),
    Answer(ControlAnswer),
}

/// Why a site could not be spoken to, or a socket not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// No process serves this folder.
    #[error("no running site serves this folder")]
    NotRunning,
    /// Another process serves this folder.
    #[error("another running site serves this folder")]
    InUse,
    /// The process at the other end belongs to somebody else. Nothing was sent.
    #[error("the process that answers for this folder belongs to another user; nothing was sent")]
    Stranger,
    /// The folder's path is too long for a socket on this system.
    #[error("the folder's path is too long for a socket")]
    PathTooLong,
    /// A request or an event beyond its bound.
    #[error("a line is longer than allowed")]
    TooLong,
    /// A line that is not of the protocol.
    #[error("the other end does not speak this protocol")]
    Malformed,
    /// The site ended before it had answered. What it had already done stands.
    #[error("the running site ended before it had answered")]
    Lost,
    /// The system refused.
    #[error("the control socket failed: {0}")]
    Io(#[from] io::Error),
}

/// A request on the wire.
#[derive(Serialize, Deserialize)]
struct RequestLine<'a> {
    passphrase: &'a str,
    command: &'a str,
    args: Value,
}

impl ControlRequest {
    /// The line, in memory that is wiped.
    fn to_line(&self) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let passphrase = Zeroizing::new(BASE64.encode(self.passphrase.as_bytes()));
        let line = RequestLine { passphrase: &passphrase, command: &self.command, args: self.args.clone() };
        // Room for the longest line, so that no copy is left behind by growing.
        let mut out = Zeroizing::new(Vec::with_capacity(REQUEST_BYTES_MAX));
        let mut bounded = Bounded(&mut out);
        serde_json::to_writer(&mut bounded, &line).map_err(|_| ControlError::TooLong)?;
        io::Write::write_all(&mut bounded, b"\n").map_err(|_| ControlError::TooLong)?;
        Ok(out)
    }

    fn from_line(line: &[u8]) -> Result<ControlRequest, ControlError> {
        let line: RequestLine<'_> = serde_json::from_slice(line).map_err(|_| ControlError::Malformed)?;
        let bytes = BASE64.decode(line.passphrase).map_err(|_| ControlError::Malformed)?;
        let passphrase = String::from_utf8(bytes).map_err(|error| {
            error.into_bytes().zeroize();
            ControlError::Malformed
        })?;
        let passphrase = Zeroizing::new(passphrase);
        Ok(ControlRequest { passphrase, command: line.command.to_owned(), args: line.args })
    }
}

/// Writes into memory that never grows.
struct Bounded<'a>(&'a mut Vec<u8>);

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > REQUEST_BYTES_MAX {
            return Err(io::ErrorKind::OutOfMemory.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True if the process at the other end is ours, or the system's own.
fn is_ours(stream: &tokio::net::UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0 || own == 0)
}

#[cfg(test)]
mod tests;

//! The heart of sanad: signed, sealed, append-only entries and their replication. Pure: time, randomness and disk come in
//! as arguments; there is no socket, no file, no clock and no thread here.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bundle;
pub mod chain;
pub mod clock;
pub mod control;
pub mod directory;
pub mod entropy;
pub mod entry;
pub mod exposure;
pub mod fork;
pub mod frontier;
pub mod ids;
pub mod message;
pub mod policy;
pub mod reach;
pub mod receipt;
pub mod replica;
pub mod run;
pub mod seal;
pub mod short;
pub mod sign;
#[cfg(test)]
pub(crate) mod testing;
pub mod text;
pub mod tiny;
pub mod wire;

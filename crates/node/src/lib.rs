//! A site at work: the only crate with sockets, timers and threads. It drives `sanad_log`'s replica and `sanad_store`, and
//! decides nothing that they decide.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod budget;
pub mod carrier;
pub mod control_socket;
mod draft;
pub mod export;
mod heart;
pub mod import;
pub mod invite;
pub mod join;
pub mod link;
pub mod save;
pub mod session;
pub mod site;
pub mod status;
pub mod sync;
pub mod tls;

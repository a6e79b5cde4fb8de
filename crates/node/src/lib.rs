//! A site at work: the only crate with sockets, timers and threads. It drives `sanad_log`'s replica and `sanad_store`, and
//! decides nothing that they decide.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod ask;
pub mod budget;
pub mod bundle;
pub mod carrier;
pub mod control_socket;
pub mod discover;
mod draft;
pub mod elsewhere;
pub mod explain;
pub mod export;
pub mod exposure;
mod heart;
pub mod hook;
pub mod import;
pub mod intake;
pub mod invite;
pub mod jobs;
pub mod join;
pub mod keep;
pub mod keepers;
mod kept;
mod large_frame;
pub mod link;
pub mod near;
pub mod outbox;
pub mod people;
pub mod pins;
pub mod quarantine;
pub mod roles;
mod roots;
pub mod save;
#[cfg(test)]
mod scratch;
pub mod session;
pub mod site;
pub mod sms;
pub mod status;
pub mod subscriptions;
pub mod sync;
pub mod talk;
pub mod tls;
pub mod tokens;
pub mod turned_away;

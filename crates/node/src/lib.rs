//! node
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod carrier;
pub mod tls;

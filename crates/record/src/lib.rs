//! record

pub mod bundle;
pub mod compartment;
pub mod graph;
pub mod json;
pub mod key;
pub mod link;
pub mod merge;
pub mod names;
pub mod op;
pub mod outgoing;
pub mod version;

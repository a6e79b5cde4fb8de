//! record

pub mod compartment;
pub mod json;
pub mod key;
pub mod op;
pub mod version;

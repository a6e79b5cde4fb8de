//! record

pub mod json;
pub mod key;
pub mod op;
pub mod version;

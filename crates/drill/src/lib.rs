//! drill

/// Synthetic siege patients as FHIR R4 JSON, from a seed.
pub mod synth;

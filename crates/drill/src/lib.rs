//! The drill: a siege, simulated. Patients that nobody was, and a network in which everything fails, from a seed.
#![cfg_attr(test, allow(clippy::unwrap_used))]

/// A seeded, deterministic simulator over the heart.
pub mod sim;
/// Synthetic siege patients as FHIR R4 JSON, from a seed.
pub mod synth;
/// Two sites on a tiny link, in simulated time.
pub mod tiny;

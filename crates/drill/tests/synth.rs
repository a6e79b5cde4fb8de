//! Tests of the synthetic patients. The inner module is there so that `cargo test -p sanad-drill synth` finds them.

mod synth {
    mod bytes;
    mod fhir;
    mod margins;
}

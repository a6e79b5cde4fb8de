//! The patient record as pure functions: FHIR R4 resources as raw JSON, their versions, and what they say together.
//!
//! # What this crate promises
//! 1. **Bytes are kept.** A resource is stored, carried and handed on byte for byte as it came. What has to change (the
//!    id and version as it leaves, references between the parts of a document, links between patients) is spliced in;
//!    every other byte stays. Tests: `outgoing::tests::only_what_must_change_changes`, `tests/samples.rs`.
//! 2. **No edit is lost.** What a resource says now is a pure function of the set of its versions; concurrent edits
//!    merge element by element, what does not merge keeps every value and waits for a clinician. Tests:
//!    `graph::tests::every_site_shows_the_same_and_no_edit_is_lost`, `merge::tests::in_safety_types_no_element_is_lost`.
//! 3. **Two people are never mixed up.** Foreign ids never meet ours, and a patient merge is undone completely. Tests:
//!    `bundle::tests::two_people_never_land_on_one_id`, `link::tests::every_resource_type_follows_a_merge_and_an_unmerge`.
//! 4. **Any bytes may come.** Whatever arrives is read within named bounds, never panics, and errors name the place and
//!    never the content: no error and no Debug here shows patient text.
//!
//! # Code map
//! | module | one reason |
//! |---|---|
//! | [`key`] | which resource: type and id, checked once |
//! | [`version`] | the name of one version, the same at every site |
//! | [`op`] | what one save says, and its compact bytes |
//! | [`json`] | reading JSON with the place of every value, and changing spans of it |
//! | [`graph`] | the versions of one resource, and what it says now |
//! | [`merge`] | element-wise three-way merge and its conflicts |
//! | [`outgoing`] | what a resource looks like as it leaves |
//! | [`bundle`] | taking apart what arrives: resources, Bundles, NDJSON |
//! | [`compartment`] | whose record a resource belongs to, and how urgent it is |
//! | [`definitions`] | what FHIR R4 says about its types and their elements |
//! | [`terminology`] | which codes a value set has, and what each is called |
//! | [`fhirpath`] | the subset of FHIRPath that parameters and simple patches are written in |
//! | [`questionnaire`] | forms: what to show of a Questionnaire, the response to it, and Observations from that |
//! | [`search`] | the official search parameters: where their values stand, what a search asks, whether a resource meets it |
//! | [`patch`] | changing a resource by JSON Patch or FHIRPath Patch, and no other byte of it |
//! | [`time`] | FHIR's dates as spans |
//! | [`validate`] | whether a resource has the structure that FHIR R4 gives it |
//! | [`link`] | two Patient resources are one person, or not after all |
//! | [`matching`] | how far two Patient resources look like one person |
//! | [`names`] | finding a person by name, in Arabic or Latin letters |
//! | [`ips`] | the International Patient Summary: making one, and reading anybody's |
//! | [`ask`] | asking the network for a chart, the answer, and the record of what was granted |
//! | [`adopt`] | the record that something was taken in from quarantine |
//! | [`formulary`] | what can be ordered, what is usual of it, what speaks against it, what is due |
//! | [`transfusion`] | blood groups and what is compatible, units, walking donors, transfusions |
//! | [`vitals`] | vital signs as they are typed, recorded and drawn; fluids in and out |
//! | [`typed`] | numbers as people type them, in both digit systems |
//! | [`table`] | clinical tables as text, and whether anybody verified them |
//! | [`shape`] | parts of resources that are written and read in many places |
//! | [`sheet`] | where a clinical table comes from, and whether it was verified |
//! | [`triage`] | sorting casualties by START, JumpSTART and IITT, and what was decided |
//! | [`care`] | the shapes that the clinic's pages write: a person, a stay, an event, a transfer, what is typed |
//!
//! Absent on purpose: disk, network, clock, randomness, keys, SQL. Time comes in as a number, order from the data;
//! nothing here iterates over anything whose order differs between runs.
//!
//! ```
//! use sanad_record::graph::{State, Version, current};
//! use sanad_record::op::Action;
//! use sanad_record::version::VersionId;
//!
//! let version = |op, parents: &[VersionId], raw: &str| Version {
//!     id: VersionId::derive(&[0; 32], op),
//!     parents: parents.to_vec(),
//!     action: Action::Put,
//!     raw: raw.as_bytes().into(),
//!     hlc: 0,
//! };
//! let first = version(0, &[], r#"{"resourceType":"Patient","gender":"unknown","birthDate":"1980"}"#);
//! let here = version(1, &[first.id], r#"{"resourceType":"Patient","gender":"female","birthDate":"1980"}"#);
//! let there = version(2, &[first.id], r#"{"resourceType":"Patient","gender":"unknown","birthDate":"1984"}"#);
//!
//! let now = current(&[there, first, here]);
//! assert_eq!(now.state, State::Live {
//!     raw: br#"{"resourceType":"Patient","gender":"female","birthDate":"1984"}"#.to_vec(),
//! });
//! assert_eq!((now.heads.len(), now.conflicts.len()), (2, 0));
//! ```

pub mod adopt;
pub mod ask;
pub mod bundle;
pub mod care;
pub mod compartment;
pub mod consult;
pub mod definitions;
pub mod fhirpath;
pub mod formulary;
pub mod graph;
pub mod identifier;
pub mod injury;
pub mod ips;
pub mod json;
pub mod key;
pub mod link;
pub mod matching;
pub mod merge;
pub mod names;
pub mod op;
pub mod outgoing;
pub mod patch;
pub mod questionnaire;
pub mod search;
pub mod shape;
pub mod sheet;
pub mod table;
pub mod terminology;
pub mod time;
pub mod transfusion;
pub mod triage;
pub mod typed;
pub mod validate;
pub mod version;
pub mod vitals;
pub mod written;

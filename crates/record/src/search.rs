//! Searching resources by the official parameters of FHIR R4.

mod care;
mod matches;
mod query;
mod sight;
mod table;
mod value;

pub use care::is_within_care;
pub use matches::{
    About, asks_for_conflict, each_tuple, finds_tags, is_below, is_date, is_number, is_state, values_of_param,
};
pub use query::{
    COUNT_MAX, Criterion, Filter, Include, Modifier, Now, Number, On, Prefix, Query, QueryError, SortKey, Summary,
    Total, Wanted, read, targets_of,
};
pub use sight::{Seen, Sight};
pub use table::{ATOMS_MAX, Atom, Param, ParamKind, Part, Path, Place, Special, Step, TypeTable, Use, table_of};
pub use value::{Quantity, Range, Reference, Token, VALUES_MAX, Value, links, values_at, values_of};

#[cfg(test)]
mod tests;

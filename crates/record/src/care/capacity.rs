//! What a site can take, as its people say it: a FHIR Basic for each site, which every site of the network reads.
//!
//! Nothing of it is worked out: beds that are counted somewhere may have lost their oxygen an hour ago. A person says it,
//! and the time at which they did stands beside it.

use serde_json::{Value, json};

use super::input::{InputError, line};
use super::shape::{
    code_in, concept, extension, extension_text, is_a, ms_of, set_extension, staff, str_of, text_of, time,
};

/// The system of the code, and where the extensions begin.
pub const SYSTEM: &str = "urn:sanad:capacity";
/// Longest text of what cannot be taken, in letters.
pub const TEXT_CHARS_MAX: usize = 200;
/// Most beds or tables that a statement may name: more than any facility has.
pub const COUNT_MAX: u32 = 10_000;

const CODE: &str = "site-capacity";
const SITE: &str = "urn:sanad:capacity:site";
const BEDS: &str = "urn:sanad:capacity:beds-free";
const THEATRES: &str = "urn:sanad:capacity:theatres-free";
const CANNOT: &str = "urn:sanad:capacity:cannot-take";
const STATED: &str = "urn:sanad:capacity:stated";

/// What a site says that it can take. What is not said is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Free beds.
    pub beds: Option<u32>,
    /// Free operating tables, with somebody to work at them.
    pub theatres: Option<u32>,
    /// What it cannot take, in the words of the site.
    pub cannot: Option<String>,
}

/// A statement as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The id of the Basic, empty if its bytes do not say it.
    pub id: String,
    /// The call sign of the site.
    pub site: String,
    /// What it can take.
    pub capacity: Capacity,
    /// When it was said, in milliseconds since 1970.
    pub stated_ms: u64,
    /// Call sign of who said it.
    pub by: Option<String>,
}

/// The id of a site's one statement, by the hexadecimal id of its facility: it is said anew, never twice.
pub fn id_of(facility: &str) -> String {
    format!("capacity-{facility}")
}

/// The Basic of a statement.
///
/// # Errors
/// [`InputError::TooLarge`] for more than [`COUNT_MAX`]; if the text cannot be kept as it is.
pub fn state(id: &str, site: &str, capacity: &Capacity, at_ms: u64, by: &str) -> Result<Value, InputError> {
    let cannot = line(capacity.cannot.as_deref().unwrap_or_default(), TEXT_CHARS_MAX)?;
    let counts = [(BEDS, capacity.beds), (THEATRES, capacity.theatres)];
    if counts.iter().any(|(_, count)| count.is_some_and(|count| count > COUNT_MAX)) {
        return Err(InputError::TooLarge);
    }
    let mut made = json!({
        "resourceType": "Basic", "id": id, "code": concept(SYSTEM, CODE),
        "created": time(at_ms).as_str().and_then(|text| text.get(..10)), "author": staff(by),
    });
    set_extension(&mut made, SITE, Some(("valueString", site.into())));
    for (url, count) in counts {
        set_extension(&mut made, url, count.map(|count| ("valueUnsignedInt", count.into())));
    }
    set_extension(&mut made, CANNOT, cannot.map(|text| ("valueString", text.into())));
    set_extension(&mut made, STATED, Some(("valueDateTime", time(at_ms))));
    Ok(made)
}

/// Reads what [`state`] made. `None` if it is something else, or says no site or no time.
pub fn read(statement: &Value) -> Option<Statement> {
    let is_one = is_a(statement, "Basic") && code_in(statement.get("code")?, SYSTEM) == Some(CODE);
    let count = |url| {
        let count = extension(statement, url)?.get("valueUnsignedInt")?.as_u64()?;
        u32::try_from(count).ok().filter(|count| *count <= COUNT_MAX)
    };
    Some(Statement {
        id: str_of(statement, "id").unwrap_or_default().to_owned(),
        site: extension_text(statement, SITE).filter(|_| is_one)?,
        capacity: Capacity { beds: count(BEDS), theatres: count(THEATRES), cannot: extension_text(statement, CANNOT) },
        stated_ms: ms_of(extension(statement, STATED)?, "valueDateTime")?,
        by: statement.get("author").and_then(|by| text_of(by, "display")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::shape::tests::{assert_valid, hostile};
    use super::*;

    const AT_MS: u64 = 1_519_989_600_000;

    #[test]
    fn a_statement_round_trips_and_what_is_not_said_is_not_known() {
        for capacity in [
            Capacity { beds: Some(4), theatres: Some(0), cannot: Some("حروق، عناية مشددة".to_owned()) },
            Capacity { beds: Some(COUNT_MAX), ..Capacity::default() },
            Capacity::default(),
        ] {
            let made = state(&id_of("0af1"), "Cedar", &capacity, AT_MS, "Heron").unwrap();
            assert_valid(&made);
            let wanted = Statement {
                id: "capacity-0af1".to_owned(),
                site: "Cedar".to_owned(),
                capacity,
                stated_ms: AT_MS,
                by: Some("Heron".to_owned()),
            };
            assert_eq!(read(&made), Some(wanted));
        }
    }

    #[test]
    fn what_is_no_statement_is_none_and_the_impossible_is_refused() {
        assert!(hostile().iter().all(|value| read(value).is_none()));
        let with = |capacity| state("c", "Cedar", &capacity, AT_MS, "Heron");
        assert_eq!(with(Capacity { beds: Some(COUNT_MAX + 1), ..Capacity::default() }), Err(InputError::TooLarge));
        let cannot = |text: &str| Capacity { cannot: Some(text.to_owned()), ..Capacity::default() };
        assert_eq!(with(cannot("a\u{202e}")), Err(InputError::Letters));
        assert_eq!(with(cannot(&"x".repeat(201))), Err(InputError::TooLong { most: TEXT_CHARS_MAX }));
        let mut made = with(Capacity { beds: Some(1), ..Capacity::default() }).unwrap();
        made["extension"][1]["valueUnsignedInt"] = json!(-4);
        assert_eq!(read(&made).unwrap().capacity, Capacity::default());
    }
}

//! A mass casualty event: opened and closed by a person, as a FHIR Basic. Who belongs to it says so in their Encounter
//! ([`crate::care::stay::Parts::event`]).

use serde_json::{Value, json};

use super::input::{InputError, line};
use super::shape::{
    code_in, concept, extension, extension_text, is_a, ms_of, set_extension, staff, str_of, text_of, time,
};

/// The system of the code, and where the extensions begin.
pub const SYSTEM: &str = "urn:sanad:mass-casualty-event";
/// Longest name, in letters.
pub const NAME_CHARS_MAX: usize = 100;

const CODE: &str = "mass-casualty-event";
const NAME: &str = "urn:sanad:mass-casualty-event:name";
const OPENED: &str = "urn:sanad:mass-casualty-event:opened";
const CLOSED: &str = "urn:sanad:mass-casualty-event:closed";

/// An event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The id of the Basic, empty if its bytes do not say it.
    pub id: String,
    /// What people call it; never a place by itself.
    pub name: Option<String>,
    /// When it was opened, in milliseconds since 1970.
    pub opened_ms: u64,
    /// When it was closed.
    pub closed_ms: Option<u64>,
    /// Call sign of who opened it.
    pub by: Option<String>,
}

/// The Basic of a new event.
///
/// # Errors
/// If the name cannot be kept as it is.
pub fn open(id: &str, name: &str, at_ms: u64, by: &str) -> Result<Value, InputError> {
    let name = line(name, NAME_CHARS_MAX)?;
    let mut made = json!({
        "resourceType": "Basic", "id": id, "code": concept(SYSTEM, CODE),
        "created": time(at_ms).as_str().and_then(|text| text.get(..10)), "author": staff(by),
    });
    set_extension(&mut made, NAME, name.map(|name| ("valueString", name.into())));
    set_extension(&mut made, OPENED, Some(("valueDateTime", time(at_ms))));
    Ok(made)
}

/// The event, closed. One that is closed already keeps its first time.
pub fn close(event: &Value, at_ms: u64) -> Value {
    let mut made = event.clone();
    if read(event).is_some_and(|event| event.closed_ms.is_none()) {
        set_extension(&mut made, CLOSED, Some(("valueDateTime", time(at_ms))));
    }
    made
}

/// Reads what [`open`] made. `None` if it is no event or says no time.
pub fn read(event: &Value) -> Option<Event> {
    let is_event = is_a(event, "Basic") && code_in(event.get("code")?, SYSTEM) == Some(CODE);
    let at = |url| ms_of(extension(event, url)?, "valueDateTime");
    Some(Event {
        id: str_of(event, "id").unwrap_or_default().to_owned(),
        name: extension_text(event, NAME),
        opened_ms: at(OPENED).filter(|_| is_event)?,
        closed_ms: at(CLOSED),
        by: event.get("author").and_then(|by| text_of(by, "display")),
    })
}

/// The event that is open now among these resources: the one opened last, of two at one moment the higher id.
pub fn current(resources: &[Value]) -> Option<Event> {
    let open = resources.iter().filter_map(read).filter(|event| event.closed_ms.is_none());
    open.max_by(|a, b| (a.opened_ms, &a.id).cmp(&(b.opened_ms, &b.id)))
}

#[cfg(test)]
mod tests {
    use super::super::shape::list;
    use super::super::shape::tests::{assert_valid, hostile};
    use super::*;

    const AT_MS: u64 = 1_519_989_600_000;

    #[test]
    fn an_event_round_trips_open_and_closed() {
        let made = open("ev1", " دفعة ١ ", AT_MS, "Heron").unwrap();
        assert_valid(&made);
        let event = read(&made).unwrap();
        let wanted = Event {
            id: "ev1".to_owned(),
            name: Some("دفعة ١".to_owned()),
            opened_ms: AT_MS,
            closed_ms: None,
            by: Some("Heron".to_owned()),
        };
        assert_eq!(event, wanted);
        let closed = close(&made, AT_MS + 5_000);
        assert_valid(&closed);
        assert_eq!(read(&closed).unwrap(), Event { closed_ms: Some(AT_MS + 5_000), ..wanted });
        assert_eq!(close(&closed, AT_MS + 9_000), closed, "the first time stays");
        assert_eq!(read(&open("ev2", "", AT_MS, "Heron").unwrap()).unwrap().name, None);
        assert!(list(&made, "extension").len() == 2);
    }

    #[test]
    fn the_current_event_is_the_one_opened_last() {
        let made = |id, at_ms| open(id, "x", at_ms, "Heron").unwrap();
        let all = [made("b", 2_000), close(&made("c", 3_000), 4_000), made("a", 2_000), made("d", 1_000)];
        assert_eq!(current(&all).unwrap().id, "b");
        assert_eq!(current(&[]), None);
    }

    #[test]
    fn what_is_no_event_is_none_and_a_hostile_name_is_refused() {
        assert!(hostile().iter().all(|value| read(value).is_none()));
        hostile().iter().for_each(|value| assert_eq!(close(value, 1), *value));
        assert_eq!(open("e", &"x".repeat(101), 0, "Heron"), Err(InputError::TooLong { most: 100 }));
        assert_eq!(open("e", "a\u{202e}", 0, "Heron"), Err(InputError::Letters));
    }
}

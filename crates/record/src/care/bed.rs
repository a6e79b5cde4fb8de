//! A bed of a facility, as a FHIR Location of the physical type `bd`. Who lies in it is said by the stay
//! ([`super::stay::Parts::location`]), never by the bed: a bed's Location is about nobody, and every site may read it.

use serde_json::{Value, json};

use super::shape::{code_in, concept, is_a, str_of, text_of};
use crate::ask::{facility, facility_of};

/// Longest name of a bed, in letters: a ward, a room and a number.
pub const NAME_CHARS_MAX: usize = 60;

const PHYSICAL_TYPE_SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/location-physical-type";
const BED: &str = "bd";

/// A bed as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bed {
    /// The id of the Location, empty if its bytes do not say it.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The hexadecimal id of the facility that it stands in.
    pub facility: String,
}

/// The Location of a bed of this facility (its hexadecimal id). The name is a line of at most [`NAME_CHARS_MAX`] letters.
pub fn make(id: &str, name: &str, here: &str) -> Value {
    json!({
        "resourceType": "Location", "id": id, "status": "active", "name": name, "mode": "instance",
        "physicalType": concept(PHYSICAL_TYPE_SYSTEM, BED), "managingOrganization": facility(here),
    })
}

/// The bed, no longer in use.
pub fn close(location: &Value) -> Value {
    let mut made = location.clone();
    if read(location).is_some() {
        made["status"] = "inactive".into();
    }
    made
}

/// Reads a bed that is in use. `None` if it is another Location, or nothing says what it is called or where it stands.
pub fn read(location: &Value) -> Option<Bed> {
    let is_bed = code_in(location.get("physicalType")?, PHYSICAL_TYPE_SYSTEM) == Some(BED);
    if !is_bed || !is_a(location, "Location") || str_of(location, "status") != Some("active") {
        return None;
    }
    Some(Bed {
        id: str_of(location, "id").unwrap_or_default().to_owned(),
        name: text_of(location, "name")?,
        facility: facility_of(location.get("managingOrganization")?)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::shape::tests::{assert_valid, hostile};
    use super::*;

    #[test]
    fn a_bed_round_trips_until_it_is_closed() {
        let made = make("b1", "جراحة، غرفة 2، سرير 4", "00ff");
        assert_valid(&made);
        let expected =
            Bed {
                id: "b1".to_owned(), name: "جراحة، غرفة 2، سرير 4".to_owned(), facility: "00ff".to_owned()
            };
        assert_eq!(read(&made), Some(expected));
        let closed = close(&made);
        assert_valid(&closed);
        assert_eq!(read(&closed), None);
        assert_eq!(close(&closed), closed);
    }

    #[test]
    fn what_is_no_bed_is_none() {
        let mut ward = make("b1", "x", "00ff");
        ward["physicalType"] = concept(PHYSICAL_TYPE_SYSTEM, "wa");
        let others = [ward, json!({ "resourceType": "Location", "status": "active", "physicalType": 7 })];
        for value in hostile().into_iter().chain(others) {
            assert_eq!(read(&value), None);
            assert_eq!(close(&value), value);
        }
    }
}

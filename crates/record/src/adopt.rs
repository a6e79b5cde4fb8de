//! What a chart says of something that was taken in from quarantine: a FHIR Provenance beside the resources, which names
//! who wrote them as far as that is known, where they stood, why they were kept apart, and who took them in.

use crate::ask::{CALL_SIGN_SYSTEM, facility};
use crate::key::ResourceKey;
use serde_json::{Value, json};

/// The system of the codes here: what was done, why it was kept apart, and who had which part in it.
pub const SYSTEM: &str = "urn:sanad:quarantine";
/// The system of a device's name: its key in hexadecimal digits.
pub const DEVICE_SYSTEM: &str = "urn:sanad:device";
/// The system of an entry's place: `AUTHOR/LANE/SEQ`.
pub const ENTRY_SYSTEM: &str = "urn:sanad:entry";
/// Bytes of the digest in a record's id.
const ID_BYTES: usize = 16;

/// What was taken in, by whom, and whence. No `Debug`: it names a patient's resources.
pub struct Adopted {
    /// Names what was taken in: the same bytes have the same digest.
    pub digest: [u8; 32],
    /// The resources that were saved anew.
    pub targets: Vec<ResourceKey>,
    /// Whose chart they stand in.
    pub patient: Option<String>,
    /// The device that is said to have written it, in hexadecimal digits.
    pub device: String,
    /// Its facility, if it is known: hexadecimal id and call sign.
    pub author: Option<(String, String)>,
    /// Where it stood: `AUTHOR/LANE/SEQ`.
    pub place: String,
    /// The name of the reason for which it was kept apart.
    pub reason: &'static str,
    /// Call sign of who took it in.
    pub by: Option<String>,
    /// The facility that took it in: hexadecimal id and call sign.
    pub here: (String, String),
    /// When, by the clock there, as a FHIR instant.
    pub recorded: String,
}

impl Adopted {
    /// The record's id: the same whenever one facility takes in the same bytes, and never another facility's.
    pub fn id(&self) -> String {
        let named = blake3::keyed_hash(&self.digest, self.here.0.as_bytes());
        let digits: String = named.as_bytes()[..ID_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
        format!("adopted-{digits}")
    }

    /// The Provenance.
    pub fn to_provenance(&self) -> Vec<u8> {
        let named = |(id, call_sign): &(String, String)| {
            let mut who = facility(id);
            who["display"] = call_sign.as_str().into();
            who
        };
        let patient = self.patient.iter().map(|patient| format!("Patient/{patient}"));
        let mut targets: Vec<String> = self.targets.iter().map(ToString::to_string).chain(patient).collect();
        targets.sort();
        targets.dedup();
        let targets: Vec<Value> = targets.into_iter().map(|reference| json!({ "reference": reference })).collect();
        let device = json!({ "type": "Device", "identifier": { "system": DEVICE_SYSTEM, "value": self.device } });
        let mut author = json!({ "type": coded("author"), "who": device });
        if let Some(facility) = &self.author {
            author["onBehalfOf"] = named(facility);
        }
        let here = named(&self.here);
        let adopter = match &self.by {
            Some(by) => {
                let who = json!({
                    "type": "Practitioner", "identifier": { "system": CALL_SIGN_SYSTEM, "value": by }, "display": by
                });
                json!({ "type": coded("adopted-by"), "who": who, "onBehalfOf": here })
            }
            None => json!({ "type": coded("adopted-by"), "who": here }),
        };
        let provenance = json!({
            "resourceType": "Provenance", "id": self.id(), "target": targets, "recorded": self.recorded,
            "reason": [coded(self.reason)], "activity": coded("adopted"), "agent": [author, adopter],
            "entity": [{
                "role": "source", "what": { "identifier": { "system": ENTRY_SYSTEM, "value": self.place } },
            }],
        });
        provenance.to_string().into_bytes()
    }
}

fn coded(code: &str) -> Value {
    json!({ "coding": [{ "system": SYSTEM, "code": code }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adopted() -> Adopted {
        Adopted {
            digest: [7; 32],
            targets: vec!["Observation/o".parse().unwrap(), "Patient/p".parse().unwrap()],
            patient: Some("p".to_owned()),
            device: "ab".repeat(32),
            author: Some(("cd".repeat(32), "Olive".to_owned())),
            place: format!("{}/clinical/4", "ab".repeat(32)),
            reason: "unknown-author",
            by: Some("Heron".to_owned()),
            here: ("ef".repeat(32), "Cedar".to_owned()),
            recorded: "2018-03-02T11:20:00Z".to_owned(),
        }
    }

    #[test]
    fn the_record_names_author_place_reason_and_who_took_it_in() {
        let value: Value = serde_json::from_slice(&adopted().to_provenance()).unwrap();
        let references: Vec<_> =
            value["target"].as_array().unwrap().iter().map(|target| &target["reference"]).collect();
        assert_eq!(references, ["Observation/o", "Patient/p"], "each once");
        assert_eq!(value["agent"][0]["onBehalfOf"]["display"], "Olive");
        assert_eq!(value["agent"][1]["who"]["display"], "Heron");
        assert_eq!(value["agent"][1]["onBehalfOf"]["display"], "Cedar");
        assert_eq!(value["reason"][0]["coding"][0]["code"], "unknown-author");
        assert_eq!(value["entity"][0]["what"]["identifier"]["value"], adopted().place.as_str());
        let raw = adopted().to_provenance();
        let key = ResourceKey::new("Provenance", adopted().id()).unwrap();
        let read = crate::compartment::read_for_patients(&key, &raw).unwrap();
        assert_eq!(crate::compartment::patients_of_key(&key, &read), ["p"], "it stands in the chart");
    }

    #[test]
    fn what_nobody_knows_is_left_out_and_two_facilities_never_share_a_record() {
        let bare = Adopted { author: None, by: None, patient: None, ..adopted() };
        let value: Value = serde_json::from_slice(&bare.to_provenance()).unwrap();
        assert!(value["agent"][0].get("onBehalfOf").is_none());
        assert_eq!(value["agent"][1]["who"]["display"], "Cedar");
        let elsewhere = Adopted { here: ("01".repeat(32), "Reed".to_owned()), ..adopted() };
        assert_ne!(elsewhere.id(), adopted().id());
        assert_eq!(adopted().id(), bare.id());
    }
}

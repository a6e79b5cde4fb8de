//! What is written over FHIR is the same truth: two served sites, real processes, real sessions.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::api::Api;
use support::fhir::{observation, patient};
use support::{Scratch, Served, Site};

/// Two sites of one network and a token for each.
struct Pair {
    _scratch: Scratch,
    cedar: Site,
    haven: Site,
    tokens: [String; 2],
}

/// The tag of a resource that waits for a clinician.
const CONFLICT: (&str, &str) = ("urn:sanad:state", "conflict");

impl Pair {
    fn new(test: &str) -> Pair {
        let scratch = Scratch::new(test);
        let cedar = Site::found(scratch.at("cedar"), "Cedar");
        let haven = cedar.let_in(scratch.at("haven"), "Haven", true);
        let tokens = [&cedar, &haven].map(Api::token_of);
        Pair { _scratch: scratch, cedar, haven, tokens }
    }

    /// What is done at each site while the two do not hear of each other.
    fn apart(&self, at_cedar: impl FnOnce(&Api), at_haven: impl FnOnce(&Api)) {
        let served = self.cedar.serve();
        at_cedar(&Api::new(&served, &self.tokens[0]));
        served.stop();
        let served = self.haven.serve();
        at_haven(&Api::new(&served, &self.tokens[1]));
        served.stop();
    }

    fn meet(&self) {
        let served: Served = self.cedar.serve();
        assert_eq!(self.haven.ok("sync", &[])["sessions"][0]["complete"], true);
        served.stop();
    }

    /// What both sites answer, which has to be the same to the byte.
    fn both(&self, path: &str) -> Value {
        let mut answers = Vec::new();
        let mut keep = |api: &Api| answers.push(api.get(path));
        for (site, token) in [(&self.cedar, &self.tokens[0]), (&self.haven, &self.tokens[1])] {
            let served = site.serve();
            keep(&Api::new(&served, token));
            served.stop();
        }
        assert_eq!(answers[0].to_string(), answers[1].to_string(), "{path}");
        answers.remove(0)
    }
}

fn is_in_conflict(resource: &Value) -> bool {
    let tags = resource["meta"]["tag"].as_array().cloned().unwrap_or_default();
    tags.iter().any(|tag| (tag["system"].as_str(), tag["code"].as_str()) == (Some(CONFLICT.0), Some(CONFLICT.1)))
}

#[test]
fn a_version_id_is_the_same_at_every_site() {
    let pair = Pair::new("fhir-version");
    pair.apart(
        |cedar| {
            cedar.put(&patient("p", "Najjar"));
            let update = json!({ "resourceType": "Patient", "id": "p", "gender": "female" });
            cedar.put(&update);
            let transaction = json!({ "resourceType": "Bundle", "type": "transaction", "entry": [
                { "fullUrl": "urn:uuid:5b7d6a1e-6b9f-4a8e-9c55-0c2f8f7f2a11", "resource": patient("x", "Sabbagh"),
                  "request": { "method": "POST", "url": "Patient" } },
                { "resource": observation("o", "p", 1), "request": { "method": "PUT", "url": "Observation/o" } },
            ] });
            assert_eq!(cedar.ask("POST", "", &[], Some(&transaction)).status, 200);
        },
        |haven| {
            haven.put(&patient("q", "Haddad"));
        },
    );
    pair.meet();
    for path in ["Patient/p", "Observation/o"] {
        let resource = pair.both(path);
        assert!(resource["meta"]["versionId"].is_string() && !is_in_conflict(&resource), "{path}: {resource}");
    }
    // A version is found under the same name at both, and so is who came with the transaction.
    let version = pair.both("Patient/p")["meta"]["versionId"].as_str().unwrap().to_owned();
    pair.both(&format!("Patient/p/_history/{version}"));
    let served = pair.haven.serve();
    let haven = Api::new(&served, &pair.tokens[1]);
    assert_eq!(haven.get("Patient?family=Sabbagh&_total=accurate")["total"], 1);
    assert_eq!(haven.get("Patient/p/_history")["total"], 2);
    assert_eq!(haven.get("Observation?patient=p")["entry"][0]["resource"]["id"], "o");
    served.stop();
    // Need to know: the chart that was begun at the haven is not sealed to Cedar, and does not exist there.
    let served = pair.cedar.serve();
    let cedar = Api::new(&served, &pair.tokens[0]);
    assert_eq!(cedar.ask("GET", "Patient/q", &[], None).status, 404);
    assert_eq!(cedar.get("Patient?family=Haddad&_total=accurate")["total"], 0);
    served.stop();
}

#[test]
fn a_conflict_is_seen_in_the_resource_and_settled_by_an_ordinary_update() {
    let pair = Pair::new("fhir-conflict");
    pair.apart(|cedar| drop(cedar.put(&patient("p", "Najjar"))), |_| {});
    pair.meet();
    let with_birth_date = |date: &str| {
        let mut patient = patient("p", "Najjar");
        patient["birthDate"] = date.into();
        patient
    };
    pair.apart(
        |cedar| drop(cedar.put(&with_birth_date("1990-01-01"))),
        |haven| drop(haven.put(&with_birth_date("1991-01-01"))),
    );
    pair.meet();
    let merged = pair.both("Patient/p");
    assert!(is_in_conflict(&merged), "{merged}");
    let version = merged["meta"]["versionId"].as_str().unwrap().to_owned();
    pair.apart(
        |cedar| {
            // It is found by its tag, and an update that has not seen it is refused.
            let found = cedar.get("Patient?_tag=urn:sanad:state|conflict");
            assert_eq!(found["entry"].as_array().map(Vec::len), Some(1), "{found}");
            let stale =
                cedar.ask("PUT", "Patient/p", &[("if-match", r#"W/"0""#)], Some(&with_birth_date("1992-01-01")));
            assert_eq!(stale.status, 412, "{stale:?}");
            let seen = format!(r#"W/"{version}""#);
            let settled = cedar.ask("PUT", "Patient/p", &[("if-match", &seen)], Some(&with_birth_date("1990-06-01")));
            assert_eq!(settled.status, 200, "{settled:?}");
            assert!(!is_in_conflict(&cedar.get("Patient/p")));
        },
        |haven| assert!(is_in_conflict(&haven.get("Patient/p")), "not yet heard of"),
    );
    pair.meet();
    let settled = pair.both("Patient/p");
    assert!(!is_in_conflict(&settled), "{settled}");
    assert_eq!(settled["birthDate"], "1990-06-01");
}

#[test]
fn what_is_deleted_at_one_site_and_changed_at_another_is_kept_and_marked() {
    let pair = Pair::new("fhir-delete");
    pair.apart(
        |cedar| {
            cedar.put(&patient("p", "Najjar"));
            cedar.put(&observation("o", "p", 1));
        },
        |_| {},
    );
    pair.meet();
    pair.apart(
        |cedar| assert_eq!(cedar.ask("DELETE", "Observation/o", &[], None).status, 204),
        |haven| drop(haven.put(&observation("o", "p", 2))),
    );
    pair.meet();
    let kept = pair.both("Observation/o");
    assert_eq!(kept["valueQuantity"]["value"], 2);
    assert!(is_in_conflict(&kept), "{kept}");
}

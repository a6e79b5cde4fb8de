//! A client of a served site's FHIR interface: one request, one connection.

use super::http::{Answer, Sent, ask};
use super::{Served, Site};
use serde_json::Value;
use std::net::SocketAddr;

/// Whoever asks, with a token.
pub struct Api {
    address: SocketAddr,
    token: String,
}

impl Api {
    /// A client with a token for everything. Made while nobody serves the site.
    #[track_caller]
    pub fn token_of(site: &Site) -> String {
        let made = site.ok("token", &["--role", "system", "--scope", "system/*.cruds"]);
        made["token"].as_str().unwrap().to_owned()
    }

    /// Asks a served site with a token.
    pub fn new(served: &Served, token: &str) -> Api {
        Api { address: served.address.unwrap(), token: token.to_owned() }
    }

    /// One request.
    #[track_caller]
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", &*bearer), ("content-type", "application/fhir+json")];
        all.extend(headers);
        let body = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
        let answer = ask(self.address, &format!("{method} /fhir/{path}"), &all, Sent::Bytes(body));
        answer.unwrap_or_else(|| panic!("{method} {path} is answered"))
    }

    /// A resource, search or operation that has to be there.
    #[track_caller]
    pub fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, &[], None);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Saves a resource under its id, which has to be taken.
    #[track_caller]
    pub fn put(&self, resource: &Value) -> Value {
        let path = format!("{}/{}", resource["resourceType"].as_str().unwrap(), resource["id"].as_str().unwrap());
        let answer = self.ask("PUT", &path, &[], Some(resource));
        assert!(answer.status == 200 || answer.status == 201, "{path}: {answer:?}");
        answer.json()
    }
}

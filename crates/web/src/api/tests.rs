//! The interface as a client gets it, from the router, without a socket.

mod audit;
mod bulk;
mod everything;
mod near;
mod need_to_know;
mod terminology;

use super::{Validation, router};
use crate::Client;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use sanad_log::control::SiteKind;
use sanad_node::carrier::{Limits, serve};
use sanad_node::site::{NewSite, Site};
use sanad_node::tokens::NewToken;
use sanad_record::json;
use sanad_store::KdfCost;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::net::TcpListener;
use tower::ServiceExt;

mod subscription;

const BASE: &str = "http://localhost/fhir";

struct Clinic {
    folder: PathBuf,
    site: Site,
    router: Router,
    token: String,
}

impl Drop for Clinic {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("{}: no JSON", self.status))
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[track_caller]
    fn is(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if status >= 400 {
            let outcome = self.json();
            assert_eq!(outcome["resourceType"], "OperationOutcome");
            let what = outcome["issue"][0]["diagnostics"].as_str().unwrap();
            assert!(what.ends_with('.') && what.len() > 20, "{what}");
        }
        self
    }
}

impl Clinic {
    #[allow(clippy::disallowed_methods, reason = "a test needs a folder of its own; nothing in it is anybody's")]
    async fn new() -> Clinic {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("sanad-api-{}-{number}", std::process::id()));
        let new = NewSite { call_sign: "Cedar".to_owned(), kind: SiteKind::Enclave };
        let site = Site::found(&folder, "correct horse", KdfCost::TEST, &new).await.unwrap();
        let token = token(&site, &["system/*.cruds"], None).await;
        Clinic { router: router(site.clone(), vec![], Validation::Warn), folder, site, token }
    }

    /// Another site of the network, which has all that this one has, and what makes both talk again.
    async fn neighbour(&self) -> (Clinic, impl AsyncFn()) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("https://{}", listener.local_addr().unwrap());
        let (identity, accept) = (self.site.identity(), Arc::new(self.site.clone()));
        tokio::spawn(async move {
            serve(listener, &identity, Router::new(), accept, Limits::default(), std::future::pending()).await
        });
        self.site.announce(vec![address]).await.unwrap();
        let invite = self.site.invite(SiteKind::Enclave, vec![]).await.unwrap();
        let folder = self.folder.join("olive");
        let site = Site::join(&folder, "correct horse", KdfCost::TEST, "Olive", &invite).await.unwrap();
        let (here, there) = (self.site.device(), site.clone());
        let sync = async move || {
            let peers = there.peers().await.unwrap();
            assert!(there.sync_with(&peers[&here]).await.unwrap().complete);
        };
        sync().await;
        let token = token(&site, &["system/*.cruds"], None).await;
        (Clinic { router: router(site.clone(), vec![], Validation::Warn), folder, site, token }, sync)
    }

    async fn ask_as(&self, token: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = Request::builder().method(method).uri(format!("/fhir{path}")).header("host", "localhost");
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(Client { address: [127, 0, 0, 1].into(), tls: false });
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = response.into_body().collect().await.unwrap().to_bytes().to_vec();
        assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR, "{}", String::from_utf8_lossy(&bytes));
        Answer { status: status.as_u16(), headers, bytes }
    }

    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.ask_as(&self.token, method, path, &[], body).await
    }

    async fn ask_with(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        self.ask_as(&self.token, method, path, headers, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    async fn put(&self, key: &str, rest: &str) -> Answer {
        let (kind, id) = key.split_once('/').unwrap();
        self.ask("PUT", &format!("/{key}"), &format!(r#"{{"resourceType":"{kind}","id":"{id}"{rest}}}"#)).await
    }

    async fn ids(&self, path: &str) -> Vec<String> {
        let bundle = self.get(path).await.is(200).json();
        let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
        let id = |entry: &Value| entry["resource"]["id"].as_str().map(str::to_owned);
        // What is written down of reading comes by itself.
        let is_own =
            |entry: &&Value| entry["search"]["mode"] == "match" && entry["resource"]["resourceType"] != "AuditEvent";
        entries.iter().filter(is_own).filter_map(id).collect()
    }
}

async fn token(site: &Site, scopes: &[&str], patient: Option<&str>) -> String {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    let new = NewToken { role: "system".to_owned(), scopes, patient: patient.map(str::to_owned), days: None };
    site.make_token(new).await.unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_is_made_read_changed_and_deleted() {
    let clinic = Clinic::new().await;
    let made = clinic.ask("POST", "/Patient", r#"{"resourceType":"Patient","gender":"male"}"#).await.is(201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let first = made.json()["meta"]["versionId"].as_str().unwrap().to_owned();
    assert_eq!(made.header("location"), format!("{BASE}/Patient/{id}/_history/{first}"));
    assert_eq!(made.header("etag"), format!("W/\"{first}\""));
    let read = clinic.get(&format!("/Patient/{id}")).await.is(200);
    assert_eq!((&read.bytes, read.header("etag")), (&made.bytes, made.header("etag")));
    assert!(read.header("last-modified").ends_with("GMT") && read.header("cache-control") == "no-store");
    let unchanged =
        clinic.ask_with("GET", &format!("/Patient/{id}"), &[("if-none-match", made.header("etag"))], "").await;
    assert_eq!((unchanged.status, unchanged.bytes.len()), (304, 0));

    // An update that says what it has seen, and one that has not seen it.
    let body = format!(r#"{{"resourceType":"Patient","id":"{id}","gender":"female"}}"#);
    let path = format!("/Patient/{id}");
    let second = clinic.ask_with("PUT", &path, &[("if-match", made.header("etag"))], &body).await.is(200);
    clinic.ask_with("PUT", &path, &[("if-match", made.header("etag"))], &body).await.is(412);
    clinic
        .ask_with("PUT", "/Patient/nobody", &[("if-match", "W/\"1\"")], r#"{"resourceType":"Patient","id":"nobody"}"#)
        .await
        .is(412);
    let minimal = clinic.ask_with("PUT", &path, &[("prefer", "return=minimal")], &body).await.is(200);
    assert!(minimal.bytes.is_empty());
    let old = clinic.get(&format!("{path}/_history/{first}")).await.is(200);
    assert_eq!(old.json()["gender"], "male");
    assert_eq!(second.json()["gender"], "female");

    let gone = clinic.ask("DELETE", &path, "").await;
    assert_eq!(gone.status, 204);
    clinic.get(&path).await.is(410);
    assert_eq!(clinic.ask("DELETE", &path, "").await.status, 204);
    clinic.ask("DELETE", "/Patient/nobody", "").await.is(404);
    let history = clinic.get(&format!("{path}/_history?_count=2")).await.is(200).json();
    assert_eq!((&history["total"], history["entry"].as_array().unwrap().len()), (&4.into(), 2));
    assert_eq!(history["entry"][0]["request"]["method"], "DELETE");
    let next = history["link"][1]["url"].as_str().unwrap().strip_prefix(BASE).unwrap();
    let rest = clinic.get(next).await.is(200).json();
    assert_eq!(rest["entry"][1]["request"]["method"], "POST");
    // What was deleted may be written again.
    clinic.ask("PUT", &path, &body).await.is(201);
}

/// The published examples, each by its type and id, unpacked.
fn examples(folder: &Path) -> Vec<(String, String)> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/hl7-r4-examples.tar.xz");
    let out = folder.join("examples");
    std::fs::create_dir_all(&out).unwrap();
    assert!(Command::new("tar").arg("-xJf").arg(archive).arg("-C").arg(&out).status().unwrap().success());
    let (mut folders, mut found) = (vec![out], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).unwrap();
            let node = json::parse(text.as_bytes()).unwrap();
            if let (Some(kind), Some(id)) = (node.get_str("resourceType"), node.get_str("id")) {
                found.push((format!("{kind}/{id}"), text.clone()));
            }
        }
    }
    found.sort();
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

/// A resource without its `id` and `meta`, member by member as it is written.
fn bare(raw: &[u8]) -> Vec<(String, String)> {
    let node = json::parse(raw).unwrap();
    let members = node.members().iter().filter(|member| !matches!(&*member.key, "id" | "meta"));
    members.map(|member| (member.key.clone().into_owned(), member.value.text.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_example_is_put_and_read_back_byte_for_byte() {
    let clinic = Clinic::new().await;
    let examples = examples(&clinic.folder);
    assert!(examples.len() > 400);
    for (key, raw) in &examples {
        clinic.ask("PUT", &format!("/{key}"), raw).await.is(201);
        let read = clinic.get(&format!("/{key}")).await.is(200);
        assert_eq!(bare(&read.bytes), bare(raw.as_bytes()), "{key}");
    }
    // All of them by their types, page by page.
    let mut seen = std::collections::BTreeSet::new();
    let mut next = Some("?_count=100".to_owned());
    while let Some(path) = next {
        let page = clinic.get(&path).await.is(200).json();
        for entry in page["entry"].as_array().unwrap() {
            seen.insert(entry["fullUrl"].as_str().unwrap().strip_prefix(BASE).unwrap()[1..].to_owned());
        }
        let link = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next");
        next = link.map(|link| link["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned());
    }
    assert!(examples.iter().all(|(key, _)| seen.contains(key)));
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_writes_do_one_thing_or_nothing() {
    let clinic = Clinic::new().await;
    let body = r#"{"resourceType":"Patient","identifier":[{"system":"urn:tag","value":"7"}]}"#;
    let when = [("if-none-exist", "identifier=urn:tag|7")];
    let made = clinic.ask_with("POST", "/Patient", &when, body).await.is(201);
    let again = clinic.ask_with("POST", "/Patient", &when, body).await.is(200);
    assert_eq!(again.header("location"), made.header("location"));
    let found = "/Patient?identifier=urn:tag%7C7";
    let changed = clinic
        .ask(
            "PUT",
            found,
            r#"{"resourceType":"Patient","identifier":[{"system":"urn:tag","value":"7"}],"active":true}"#,
        )
        .await
        .is(200);
    assert_eq!(changed.json()["id"], made.json()["id"]);
    clinic.ask("PUT", found, r#"{"resourceType":"Patient","id":"other"}"#).await.is(400);
    let new = clinic
        .ask(
            "PUT",
            "/Patient?identifier=urn:tag%7C8",
            r#"{"resourceType":"Patient","id":"p8","identifier":[{"system":"urn:tag","value":"8"}]}"#,
        )
        .await
        .is(201);
    assert_eq!(new.json()["id"], "p8");
    clinic.ask("PUT", "/Patient?identifier=urn:tag%7C9", r#"{"resourceType":"Patient","id":"p8"}"#).await.is(409);
    clinic.ask("PUT", "/Patient?identifier=urn:tag%7C7,urn:tag%7C8", body).await.is(412);
    clinic.ask("PUT", "/Patient?colour=red", body).await.is(400);
    clinic.ask("PUT", "/Patient", body).await.is(400);
    assert_eq!(clinic.ask("DELETE", found, "").await.status, 204);
    assert_eq!(clinic.ask("DELETE", found, "").await.status, 204);
    assert_eq!(clinic.ids("/Patient").await, ["p8"]);
    // Two at once find nothing, and make one.
    let both = futures(&clinic, &when, body).await;
    assert_eq!(both, [200, 201]);
}

async fn futures(clinic: &Clinic, when: &[(&str, &str)], body: &str) -> [u16; 2] {
    let (one, two) =
        tokio::join!(clinic.ask_with("POST", "/Patient", when, body), clinic.ask_with("POST", "/Patient", when, body));
    let mut both = [one.status, two.status];
    both.sort_unstable();
    both
}

fn bundle(kind: &str, entries: Value) -> String {
    json!({ "resourceType": "Bundle", "type": kind, "entry": entries }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_is_done_whole_or_not_at_all() {
    let clinic = Clinic::new().await;
    clinic.put("Organization/o", r#","identifier":[{"value":"cedar"}]"#).await.is(201);
    clinic.put("Patient/old", "").await.is(201);
    let person = "urn:uuid:11111111-1111-4111-8111-111111111111";
    let entries = json!([
        { "fullUrl": "urn:uuid:2", "request": { "method": "GET", "url": "Observation?subject.gender=male" } },
        { "fullUrl": "urn:uuid:3", "resource": {
            "resourceType": "Observation", "status": "final", "subject": { "reference": person },
            "identifier": [{ "system": "urn:ietf:rfc3986", "value": person }],
            "performer": [{ "reference": "Organization?identifier=cedar" }] },
          "request": { "method": "POST", "url": "Observation" } },
        { "fullUrl": person, "resource": { "resourceType": "Patient", "gender": "male" },
          "request": { "method": "POST", "url": "Patient" } },
        { "request": { "method": "DELETE", "url": "Patient/old" } },
        { "resource": { "resourceType": "Flag", "id": "f", "subject": { "reference": person } },
          "request": { "method": "PUT", "url": "Flag/f" } },
    ]);
    let done = clinic.ask("POST", "", &bundle("transaction", entries.clone())).await.is(200).json();
    assert_eq!(done["type"], "transaction-response");
    let statuses: Vec<&str> =
        done["entry"].as_array().unwrap().iter().map(|entry| entry["response"]["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["200", "201", "201", "204", "201"]);
    assert_eq!(done["entry"][0]["resource"]["entry"].as_array().unwrap().len(), 1, "reads see what was saved");
    let patient = format!("Patient/{}", done["entry"][2]["resource"]["id"].as_str().unwrap());
    let observation = &done["entry"][1]["resource"];
    assert_eq!(observation["subject"]["reference"], *patient);
    assert_eq!(observation["performer"][0]["reference"], "Organization/o");
    assert_eq!(observation["identifier"][0]["value"], person, "an identifier stays what it is");
    assert_eq!(clinic.get("/Flag/f").await.json()["subject"]["reference"], *patient);
    clinic.get("/Patient/old").await.is(410);

    // One bad part, and nothing was done.
    let before = clinic.ids("?_count=1000").await.len();
    for (bad, status) in [
        (json!({ "resource": { "resourceType": "Nobody" }, "request": { "method": "POST", "url": "Nobody" } }), 404),
        (
            json!({ "resource": { "resourceType": "Patient" }, "request": { "method": "POST", "url": "Observation" } }),
            400,
        ),
        (
            json!({ "resource": { "resourceType": "Patient", "id": "x" }, "request": { "method": "PUT", "url": "Patient/x", "ifMatch": "W/\"7\"" } }),
            412,
        ),
        (
            json!({ "resource": { "resourceType": "Flag", "id": "f", "subject": { "reference": "Patient?identifier=none" } }, "request": { "method": "PUT", "url": "Flag/f" } }),
            412,
        ),
        (json!({ "request": { "method": "DELETE" } }), 400),
        (json!({ "request": { "method": "GET", "url": "Patient/nobody" } }), 404),
        (json!({ "request": { "method": "GET", "url": "Nobody/1" } }), 404),
        (json!({ "request": { "method": "GET", "url": "Patient?birthdate=never" } }), 400),
    ] {
        let entries = json!([entries[2], bad]);
        let refused = clinic.ask("POST", "", &bundle("transaction", entries)).await.is(status).json();
        assert!(refused["issue"][0]["expression"][0].as_str().unwrap().starts_with("Bundle.entry[1]"), "{refused}");
    }
    let put_and_read = json!([
        { "request": { "method": "GET", "url": "Patient/y" } },
        { "resource": { "resourceType": "Patient", "id": "y" }, "request": { "method": "PUT", "url": "Patient/y" } },
    ]);
    let done = clinic.ask("POST", "", &bundle("transaction", put_and_read)).await.is(200).json();
    assert_eq!(done["entry"][0]["resource"]["id"], "y");
    let before = before + 1;
    let twice = json!([entries[4], entries[4]]);
    clinic.ask("POST", "", &bundle("transaction", twice)).await.is(400);
    let one_name = json!([entries[2], entries[1], entries[2]]);
    let refused = clinic.ask("POST", "", &bundle("transaction", one_name)).await.is(400).json();
    assert_eq!(refused["issue"][0]["expression"][0], "Bundle.entry[2].fullUrl");
    assert_eq!(clinic.ids("?_count=1000").await.len(), before);
    // A batch does what it can; some clients write a slash behind the base.
    let batch = json!([entries[2], { "request": { "method": "GET", "url": "Patient/nobody" } }]);
    let done = clinic.ask("POST", "/", &bundle("batch", batch)).await.is(200).json();
    assert_eq!(done["entry"][0]["response"]["status"], "201");
    assert_eq!(done["entry"][1]["response"]["status"], "404");
    assert_eq!(done["entry"][1]["response"]["outcome"]["resourceType"], "OperationOutcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_have_pages_parts_and_companions() {
    let clinic = Clinic::new().await;
    clinic
        .put(
            "Patient/p",
            r#","name":[{"family":"الأحمد"}],"gender":"male","text":{"status":"generated","div":"<div/>"}"#,
        )
        .await
        .is(201);
    for n in 0..7 {
        let rest =
            format!(r#","status":"final","subject":{{"reference":"Patient/p"}},"valueQuantity":{{"value":{n}}}"#);
        clinic.put(&format!("Observation/o{n}"), &rest).await.is(201);
    }
    let mut path = "/Observation?patient=p&_count=3&_sort=-value-quantity".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = clinic.get(&path).await.is(200).json();
        assert_eq!(page["total"], 7);
        seen.extend(
            page["entry"].as_array().unwrap().iter().map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned()),
        );
        match page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next") {
            Some(link) => path = link["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, ["o6", "o5", "o4", "o3", "o2", "o1", "o0"]);
    assert_eq!(clinic.ids("/Patient?name=Ahmad").await, ["p"]);
    assert_eq!(clinic.ids("/Patient/p/Observation?value-quantity=gt5").await, ["o6"]);
    assert_eq!(clinic.ids("/Patient/p/*").await.len(), 8);
    let everything = clinic.get("/Patient/p/$everything").await.is(200).json();
    let kinds = |mode: &str| {
        everything["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == mode).count()
    };
    assert!(kinds("match") >= 8 && kinds("outcome") == 1, "{everything}");
    assert_eq!(everything["entry"][0]["resource"]["id"], "p");
    clinic.get("/Patient/nobody/$everything").await.is(404);
    let with = clinic.get("/Observation?_id=o1&_include=Observation:subject").await.json();
    assert_eq!(
        (&with["entry"][1]["search"]["mode"], &with["entry"][1]["resource"]["id"]),
        (&"include".into(), &"p".into())
    );
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let posted = clinic
        .ask_with("POST", "/Patient/_search", &form, "name=%D8%A7%D9%84%D8%A3%D8%AD%D9%85%D8%AF")
        .await
        .is(200)
        .json();
    assert_eq!(posted["total"], 1);
    // The next page of what came in a body names nothing of it, and is there for whoever asked.
    let asked = "subject=Patient/p&_count=4";
    let first = clinic.ask_with("POST", "/Observation/_search", &form, asked).await.is(200).json();
    let next = first["link"][1]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    assert!(!next.contains("subject") && !next.contains("Patient"), "{next}");
    let second = clinic.get(&next).await.is(200).json();
    let shown = |page: &Value| page["entry"].as_array().unwrap().len();
    assert_eq!((shown(&first), shown(&second)), (4, 3));
    let another = token(&clinic.site, &["system/*.rs"], None).await;
    clinic.ask_as(&another, "GET", &next, &[], "").await.is(410);
    clinic.get("/Observation?_kept=nothing").await.is(410);

    let part = clinic.get("/Patient?_elements=gender").await.json()["entry"][0]["resource"].clone();
    assert_eq!(
        (&part["gender"], &part["name"], &part["meta"]["tag"][0]["code"]),
        (&"male".into(), &Value::Null, &"SUBSETTED".into())
    );
    assert!(clinic.get("/Patient/p?_summary=true").await.json()["text"].is_null());
    assert!(clinic.get("/Patient/p?_summary=text").await.json()["gender"].is_null());
    let counted = clinic.get("/Observation?_summary=count").await.json();
    assert_eq!((&counted["total"], &counted["entry"]), (&7.into(), &Value::Null));

    let lenient = clinic.get("/Patient?colour=red").await.is(200).json();
    assert_eq!(lenient["entry"][1]["search"]["mode"], "outcome");
    clinic.ask_with("GET", "/Patient?colour=red", &[("prefer", "handling=strict")], "").await.is(400);
    let all = clinic.get("/Observation/_history?_count=3").await.is(200).json();
    assert_eq!(all["entry"][0]["resource"]["id"], "o6");
    let link = all["link"][1]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    assert_eq!(clinic.get(&link).await.json()["entry"][0]["resource"]["id"], "o3");
    assert!(clinic.get("/_history").await.is(200).json()["entry"].as_array().unwrap().len() >= 8);
    assert_eq!(clinic.get("/Patient/_history").await.json()["entry"].as_array().unwrap().len(), 1);
    assert_eq!(clinic.get("/_history?_since=2200").await.json()["entry"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_shows_no_token_or_a_narrow_one_sees_no_more_than_it_says() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    clinic.put("Patient/q", "").await.is(201);
    clinic.put("Organization/o", "").await.is(201);
    for (id, patient) in [("a", "p"), ("b", "q")] {
        clinic
            .put(&format!("Observation/{id}"), &format!(r#","subject":{{"reference":"Patient/{patient}"}}"#))
            .await
            .is(201);
    }
    for wrong in ["", "x", "sanad_AAAA"] {
        let refused = clinic.ask_as(wrong, "GET", "/Patient/p", &[], "").await.is(401);
        assert!(refused.header("www-authenticate").starts_with("Bearer"));
    }
    assert_eq!(clinic.ask_as("", "GET", "/metadata", &[], "").await.is(200).json()["fhirVersion"], "4.0.1");

    let own = token(&clinic.site, &["patient/*.rs", "patient/Observation.cud"], Some("p")).await;
    let ask =
        |method: &'static str, path: &'static str, body: &'static str| clinic.ask_as(&own, method, path, &[], body);
    ask("GET", "/Patient/p", "").await.is(200);
    ask("GET", "/Patient/q", "").await.is(404);
    ask("GET", "/Observation/b", "").await.is(404);
    ask("GET", "/Observation/b/_history", "").await.is(404);
    let found = ask("GET", "/Observation", "").await.is(200).json();
    assert_eq!((&found["total"], &found["entry"][0]["resource"]["id"]), (&1.into(), &"a".into()));
    ask("GET", "/Patient/q/Observation", "").await.is(404);
    assert_eq!(ask("GET", "/Observation/_history", "").await.is(200).json()["entry"].as_array().unwrap().len(), 1);
    ask("PUT", "/Observation/b", r#"{"resourceType":"Observation","id":"b","subject":{"reference":"Patient/p"}}"#)
        .await
        .is(403);
    ask("PUT", "/Observation/c", r#"{"resourceType":"Observation","id":"c","subject":{"reference":"Patient/q"}}"#)
        .await
        .is(403);
    ask("PUT", "/Observation/c", r#"{"resourceType":"Observation","id":"c","subject":{"reference":"Patient/p"}}"#)
        .await
        .is(201);
    ask("PUT", "/Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).await.is(403);
    ask("DELETE", "/Observation/b", "").await.is(404);

    let narrow = token(&clinic.site, &["system/Organization.r"], None).await;
    clinic.ask_as(&narrow, "GET", "/Organization/o", &[], "").await.is(200);
    clinic.ask_as(&narrow, "GET", "/Organization", &[], "").await.is(403);
    clinic.ask_as(&narrow, "GET", "/Patient/p", &[], "").await.is(403);
    let listed = clinic.site.list_tokens();
    let id = &listed.iter().find(|token| token.scopes == ["system/Organization.r"]).unwrap().id;
    assert!(clinic.site.revoke_token(id).await.unwrap());
    clinic.ask_as(&narrow, "GET", "/Organization/o", &[], "").await.is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_sent_is_answered_with_the_right_status_and_nothing_is_half_done() {
    let clinic = Clinic::new().await;
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let cases = [
        ("POST", "/Patient", "", 400),
        ("POST", "/Patient", "{", 400),
        ("POST", "/Patient", "[]", 400),
        ("POST", "/Patient", r#"{"resourceType":"Observation"}"#, 400),
        ("POST", "/Patient", r#"{"gender":"male"}"#, 400),
        ("POST", "/Patient", &deep, 400),
        ("POST", "/Nobody", r#"{"resourceType":"Nobody"}"#, 404),
        ("PUT", "/Patient/a", r#"{"resourceType":"Patient","id":"b"}"#, 400),
        ("PUT", "/Patient/a", r#"{"resourceType":"Patient"}"#, 400),
        ("PUT", "/Patient/a", r#"{"resourceType":"Patient","id":7}"#, 400),
        ("PUT", "/Patient/a%20b", r#"{"resourceType":"Patient","id":"a b"}"#, 400),
        ("GET", "/Patient/nobody", "", 404),
        ("GET", "/Patient/a/_history/0", "", 404),
        ("GET", "/Patient?birthdate=soon", "", 400),
        ("GET", "/Patient?name:soundex=x", "", 400),
        ("GET", "/Patient?_count=-1", "", 400),
        ("GET", "/Patient?_after=zzz", "", 410),
        ("GET", "/Patient/$explode", "", 405),
        ("GET", "/Patient/a/b/c/d", "", 405),
        ("PUT", "", "{}", 405),
        ("POST", "", "{}", 400),
        ("POST", "", r#"{"resourceType":"Bundle","type":"document"}"#, 400),
        ("POST", "", r#"{"resourceType":"Bundle","type":"transaction","entry":[{}]}"#, 400),
        ("TRACE", "/Patient", "", 405),
        ("GET", "/Patient?_format=xml", "", 406),
    ];
    for (method, path, body, status) in cases {
        let answer = clinic.ask(method, path, body).await;
        assert_eq!(
            answer.status,
            status,
            "{method} {path} {}: {}",
            &body[..body.len().min(80)],
            String::from_utf8_lossy(&answer.bytes)
        );
        answer.is(status);
    }
    clinic.ask_with("POST", "/Patient", &[("content-type", "application/fhir+xml")], "<Patient/>").await.is(415);
    clinic.ask_with("GET", "/Patient/x", &[("accept", "application/fhir+xml")], "").await.is(406);
    clinic.ask("POST", "/Patient", &" ".repeat(super::BODY_BYTES_MAX + 1)).await.is(413);
    clinic.ask("POST", "/Patient", &"[".repeat(1_000_001)).await.is(413);
    clinic.get(&format!("/Patient?name={}", "a".repeat(30_000))).await.is(414);
    assert_eq!(clinic.ids("?_count=10").await, Vec::<String>::new());
    for hostile in [
        "name='%20OR%201=1%20--",
        "name=%00",
        "_id=../../etc/passwd",
        "identifier=%7C%7C%7C",
        "_count=99999999999999999999",
    ] {
        let answer = clinic.get(&format!("/Patient?{hostile}")).await;
        assert!(answer.status == 200 || answer.status == 400, "{hostile}: {}", answer.status);
    }
    // In the language of whoever asks, beside the exact sentence.
    let arabic = clinic.ask_with("GET", "/Patient/nobody", &[("accept-language", "ar-SY,en;q=0.5")], "").await.is(404);
    assert_eq!(arabic.json()["issue"][0]["details"]["text"], "لا يوجد هنا شيء بهذا الاسم تُسمح قراءته.");
    let judged = clinic.ask("POST", "/OperationOutcome/$validate", &String::from_utf8_lossy(&arabic.bytes)).await;
    assert_eq!(judged.is(200).json()["issue"][0]["severity"], "information");
    assert!(clinic.get("/Patient/nobody").await.is(404).json()["issue"][0]["details"].is_null());
    // Names that a stranger's name server could point here.
    let mut request =
        Request::builder().uri("/fhir/metadata").header("host", "evil.example").body(Body::empty()).unwrap();
    request.extensions_mut().insert(Client { address: [127, 0, 0, 1].into(), tls: false });
    assert_eq!(clinic.router.clone().oneshot(request).await.unwrap().status().as_u16(), 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_two_sites_wrote_apart_is_marked_until_an_update_settles_it() {
    use sanad_node::save::{Change, SaveRequest};
    let clinic = Clinic::new().await;
    let made = clinic.put("Patient/p", r#","gender":"unknown""#).await.is(201).json();
    let follows = Some(vec![made["meta"]["versionId"].as_str().unwrap().parse().unwrap()]);
    for gender in ["male", "female"] {
        let raw = format!(r#"{{"resourceType":"Patient","id":"p","gender":"{gender}"}}"#);
        let change = Change {
            key: "Patient/p".parse().unwrap(),
            raw: Some(raw.into_bytes()),
            about: None,
            follows: follows.clone(),
        };
        clinic.site.save(SaveRequest { changes: vec![change], idempotency: None, by: None }).await.unwrap();
    }
    let read = clinic.get("/Patient/p").await.is(200);
    assert_eq!(read.json()["meta"]["tag"][0], json!({ "system": "urn:sanad:state", "code": "conflict" }));
    // The merge is what is read now, so it heads the history; nobody saved it.
    let history = clinic.get("/Patient/p/_history").await.is(200).json();
    let entries = history["entry"].as_array().unwrap();
    assert_eq!((history["total"].as_u64(), entries.len()), (Some(4), 4));
    assert_eq!(entries[0]["resource"], read.json());
    assert_eq!(entries[0]["response"]["etag"], read.header("etag"));
    let body = r#"{"resourceType":"Patient","id":"p","gender":"female"}"#;
    let settled = clinic.ask_with("PUT", "/Patient/p", &[("if-match", read.header("etag"))], body).await.is(200).json();
    assert_eq!((&settled["meta"]["tag"], &settled["gender"]), (&Value::Null, &"female".into()));
    assert_eq!(clinic.get("/Patient/p").await.json(), settled);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_opens_a_chart_is_written_down_in_it_once() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    clinic.put("Organization/o", "").await.is(201);
    let mut changes = clinic.site.changes();
    for path in ["/Patient/p", "/Patient/p/_history", "/Patient", "/Organization/o", "/Patient/p/$everything"] {
        clinic.get(path).await.is(200);
    }
    // Saved a moment later, without whoever reads waiting for it.
    loop {
        let found = clinic.get("/AuditEvent").await.is(200).json();
        if found["total"] != 0 && !found["entry"].is_null() {
            assert_eq!(found["entry"].as_array().unwrap().len(), 1);
            let event = &found["entry"][0]["resource"];
            assert_eq!(event["entity"][0]["what"]["reference"], "Patient/p");
            assert_eq!(event["agent"][0]["altId"], *clinic.site.list_tokens()[0].id);
            return;
        }
        changes.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_says_and_nothing_else() {
    let clinic = Clinic::new().await;
    let made =
        clinic.put("Patient/p", r#","gender" : "male","birthDate":"1984","name":[{"family":"x"}]"#).await.is(201);
    let json_patch = [("content-type", "application/json-patch+json")];
    let patch =
        r#"[{"op":"test","path":"/gender","value":"male"},{"op":"replace","path":"/birthDate","value":"1985"}]"#;
    let patched = clinic.ask_with("PATCH", "/Patient/p", &json_patch, patch).await.is(200);
    assert_eq!(patched.json()["birthDate"], "1985");
    assert!(String::from_utf8_lossy(&patched.bytes).contains(r#""gender" : "male""#), "other bytes stay");
    let failed = r#"[{"op":"test","path":"/gender","value":"female"}]"#;
    let refused = clinic.ask_with("PATCH", "/Patient/p", &json_patch, failed).await.is(422).json();
    assert_eq!(refused["issue"][0]["expression"][0], "operation[0]");
    clinic.ask_with("PATCH", "/Patient/p", &json_patch, r#"[{"op":"replace","path":"/id","value":"q"}]"#).await.is(422);
    clinic.ask_with("PATCH", "/Patient/p", &json_patch, "{").await.is(400);
    clinic.ask_with("PATCH", "/Patient/nobody", &json_patch, "[]").await.is(404);
    let stale = [("content-type", "application/json-patch+json"), ("if-match", made.header("etag"))];
    clinic.ask_with("PATCH", "/Patient/p", &stale, "[]").await.is(412);
    clinic.ask_with("PATCH", "/Patient/p", &[("content-type", "text/xml")], "<diff/>").await.is(415);
    let parameters = json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "add" }, { "name": "path", "valueString": "Patient" },
        { "name": "name", "valueString": "active" }, { "name": "value", "valueBoolean": true }] }] });
    assert_eq!(clinic.ask("PATCH", "/Patient/p", &parameters.to_string()).await.is(200).json()["active"], true);
    let found = clinic
        .ask_with("PATCH", "/Patient?birthdate=1985", &json_patch, r#"[{"op":"remove","path":"/active"}]"#)
        .await
        .is(200);
    assert!(found.json()["active"].is_null());
    clinic.ask_with("PATCH", "/Patient?birthdate=2001", &json_patch, "[]").await.is(404);
    // In a transaction, a JSON Patch is a Binary.
    let entry = json!([{ "resource": { "resourceType": "Binary", "contentType": "application/json-patch+json",
        "data": "W3sib3AiOiJyZXBsYWNlIiwicGF0aCI6Ii9nZW5kZXIiLCJ2YWx1ZSI6Im90aGVyIn1d" },
        "request": { "method": "PATCH", "url": "Patient/p" } }]);
    clinic.ask("POST", "", &bundle("transaction", entry)).await.is(200);
    assert_eq!(clinic.get("/Patient/p").await.json()["gender"], "other");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_is_said_and_kept_or_refused_as_the_site_wants() {
    let mut clinic = Clinic::new().await;
    let bad = r#"{"resourceType":"Patient","id":"p","gender":"unsaid","colour":"red"}"#;
    let outcome = [("prefer", "return=OperationOutcome")];
    let warned = clinic.ask_with("PUT", "/Patient/p", &outcome, bad).await.is(201).json();
    let places: Vec<&str> =
        warned["issue"].as_array().unwrap().iter().map(|issue| issue["expression"][0].as_str().unwrap()).collect();
    assert_eq!(places, ["Patient.gender", "Patient.colour"]);
    assert_eq!(clinic.get("/Patient/p").await.json()["colour"], "red", "kept as it came");
    let of_stored = clinic.get("/Patient/p/$validate").await.is(200).json();
    assert_eq!(of_stored["issue"].as_array().unwrap().len(), 2);
    let parameters = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{bad}}}]}}"#);
    for body in [bad, &parameters] {
        assert_eq!(
            clinic.ask("POST", "/Patient/$validate", body).await.is(200).json()["issue"].as_array().unwrap().len(),
            2
        );
    }
    let good = clinic.ask("POST", "/Patient/$validate", r#"{"resourceType":"Patient"}"#).await.is(200).json();
    assert_eq!(good["issue"][0]["severity"], "information");

    clinic.router = router(clinic.site.clone(), vec![], Validation::Reject);
    let refused = clinic.ask("PUT", "/Patient/q", &bad.replace("\"p\"", "\"q\"")).await.is(422).json();
    assert_eq!(refused["issue"][1]["expression"][0], "Patient.gender");
    clinic.get("/Patient/q").await.is(404);
    clinic.put("Patient/q", r#","gender":"other""#).await.is(201);
    clinic.router = router(clinic.site.clone(), vec![], Validation::Off);
    let unsaid = clinic.ask_with("PUT", "/Patient/p", &outcome, bad).await.is(200).json();
    assert_eq!(unsaid["issue"][0]["severity"], "information");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_is_summed_up_and_its_owner_is_found_again() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", r#","identifier":[{"system":"urn:card","value":"77"}],"name":[{"family":"الأحمد","given":["محمد"]}],"gender":"male","birthDate":"1984-06-01""#).await.is(201);
    clinic.put("Patient/q", r#","name":[{"family":"Khatib","given":["Rana"]}],"gender":"female""#).await.is(201);
    clinic.put("AllergyIntolerance/a", r#","patient":{"reference":"Patient/p"},"code":{"text":"penicillin"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]}"#).await.is(201);
    clinic.put("AllergyIntolerance/b", r#","patient":{"reference":"Patient/q"},"code":{"text":"latex"}"#).await.is(201);
    let summary = clinic.get("/Patient/p/$summary").await.is(200).json();
    assert_eq!(
        (&summary["type"], &summary["entry"][0]["resource"]["resourceType"]),
        (&"document".into(), &"Composition".into())
    );
    let text = summary.to_string();
    assert!(text.contains("penicillin") && !text.contains("latex"), "no other person's record gets in");
    clinic.get("/Patient/nobody/$summary").await.is(404);
    let wanted = |patient: &str| {
        format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{patient}}}]}}"#)
    };
    let same = r#"{"resourceType":"Patient","identifier":[{"system":"urn:card","value":"77"}],"name":[{"family":"الأحمد","given":["محمد"]}],"gender":"male","birthDate":"1984-06-01"}"#;
    let found = clinic.ask("POST", "/Patient/$match", &wanted(same)).await.is(200).json();
    let best = &found["entry"][0];
    assert_eq!(
        (&found["total"], &best["resource"]["id"], &best["search"]["extension"][0]["valueCode"]),
        (&1.into(), &"p".into(), &"certain".into())
    );
    let named = r#"{"resourceType":"Patient","name":[{"text":"Rana Khatib"}]}"#;
    let found = clinic.ask("POST", "/Patient/$match", &wanted(named)).await.is(200).json();
    assert_eq!(found["entry"][0]["resource"]["id"], "q");
    assert_ne!(found["entry"][0]["search"]["extension"][0]["valueCode"], "certain");
    clinic.ask("POST", "/Patient/$match", "{}").await.is(400);
}

//! A chart that whoever asks may not see, or that is not readable here, does not exist: by no answer, count or condition.

use super::{Answer, BASE, Clinic, bundle, token};
use serde_json::{Value, json};

/// Whoever may see one chart of several.
struct One<'c> {
    clinic: &'c Clinic,
    token: String,
}

impl One<'_> {
    async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.clinic.ask_as(&self.token, method, path, &[], body).await
    }

    async fn ask_with(&self, method: &str, path: &str, header: (&str, &str), body: &str) -> Answer {
        self.clinic.ask_as(&self.token, method, path, &[header], body).await
    }

    /// What a search says, without what differs from search to search by itself.
    async fn finds(&self, path: &str) -> (Value, Vec<String>) {
        let found = self.ask("GET", path, "").await.is(200).json();
        let entries = found["entry"].as_array().cloned().unwrap_or_default();
        let name = |entry: &Value| entry["fullUrl"].as_str().map(|url| url.trim_start_matches(BASE).to_owned());
        let is_record = |name: &String| !name.contains("AuditEvent");
        (found["total"].clone(), entries.iter().filter_map(name).filter(is_record).collect())
    }
}

/// Two patients, whose records refer to each other's, and what is about nobody.
async fn clinic() -> Clinic {
    let clinic = Clinic::new().await;
    let put = async |key: &str, rest: &str| drop(clinic.put(key, rest).await.is(201));
    put("Organization/o", r#","name":"Cedar""#).await;
    put("Practitioner/heron", r#","identifier":[{"value":"heron"}]"#).await;
    put("Patient/p", r#","name":[{"family":"Own"}],"identifier":[{"value":"1"}]"#).await;
    put("Patient/q", r#","name":[{"family":"Other"}],"identifier":[{"value":"2"}],"managingOrganization":{"reference":"Organization/o"}"#).await;
    put("Observation/secret", r#","status":"final","code":{"text":"s","coding":[{"code":"secret"}]},"subject":{"reference":"Patient/q"},"focus":[{"reference":"Patient/p"}],"performer":[{"reference":"Practitioner/heron"}]"#).await;
    put("Observation/own", r#","status":"final","code":{"text":"o","coding":[{"code":"own"}]},"subject":{"reference":"Patient/p"},"derivedFrom":[{"reference":"Observation/secret"}],"performer":[{"reference":"Practitioner/heron"}]"#).await;
    clinic
}

async fn one<'c>(clinic: &'c Clinic, scopes: &[&str]) -> One<'c> {
    One { clinic, token: token(&clinic.site, scopes, Some("p")).await }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_condition_looks_through_a_chart_that_may_not_be_seen() {
    let clinic = clinic().await;
    let one = one(&clinic, &["patient/*.rs"]).await;
    let own = |name: &str| (json!(1), vec![format!("/{name}")]);
    let none = (json!(0), vec![]);
    // Through what a record refers to, and what refers to it.
    for (path, wanted) in [
        ("/Observation?derived-from:Observation.code=own", none.clone()),
        ("/Observation?derived-from:Observation.code=secret", none.clone()),
        ("/Observation?derived-from:Observation.subject:Patient.name=Other", none.clone()),
        ("/Patient?_has:Observation:focus:code=secret", none.clone()),
        ("/Patient?_has:Observation:focus:status=final", none.clone()),
        ("/Patient?_has:Observation:subject:code=own", own("Patient/p")),
        ("/Observation?subject:Patient.name=Own", own("Observation/own")),
        ("/Observation?performer:Practitioner.identifier=heron", own("Observation/own")),
        ("/Observation?performer:Practitioner._has:Observation:performer:code=secret", none.clone()),
        ("/Observation?performer:Practitioner._has:Observation:performer:code=own", own("Observation/own")),
        ("/Observation?_total=accurate", own("Observation/own")),
        ("/Observation?code=secret&_total=accurate", none.clone()),
        ("/Observation?code:not=own&_total=accurate", none.clone()),
        ("/Observation?_id=secret", none.clone()),
        ("/Patient?name=Other", none.clone()),
        ("/Patient?identifier=2&_summary=count", none.clone()),
        ("/Observation?_summary=count", (json!(1), vec![])),
    ] {
        assert_eq!(one.finds(path).await, wanted, "{path}");
    }
    // What comes along, and what would come along through it.
    let (_, along) = one.finds("/Observation?_id=own&_include=Observation:derived-from&_include:iterate=Observation:subject&_include:iterate=Patient:organization").await;
    assert_eq!(along, ["/Observation/own", "/Patient/p"], "nothing of the other chart, nor what it leads to");
    let (_, along) = one.finds("/Patient?_id=p&_revinclude=*").await;
    assert!(!along.contains(&"/Observation/secret".to_owned()));
    // Whoever sees both charts finds both ways.
    assert_eq!(clinic.ids("/Patient?_has:Observation:focus:code=secret").await, ["p"]);
    assert_eq!(clinic.ids("/Observation?derived-from:Observation.code=secret").await, ["own"]);

    // The same for whole types that a token does not reach.
    let narrow = One { clinic: &clinic, token: token(&clinic.site, &["user/Observation.rs"], None).await };
    assert_eq!(narrow.finds("/Observation?subject:Patient.name=Other").await, none);
    assert_eq!(narrow.finds("/Observation?derived-from:Observation.code=secret").await, own("Observation/own"));
    let (_, along) = narrow.finds("/Observation?_include=*").await;
    assert_eq!(along.len(), 2, "{along:?}");
    let narrow = One { clinic: &clinic, token: token(&clinic.site, &["user/Patient.rs"], None).await };
    assert_eq!(narrow.finds("/Patient?_has:Observation:subject:code=secret").await, none);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_seen_answers_as_what_is_not_there() {
    let clinic = clinic().await;
    let one = one(&clinic, &["patient/*.cruds"]).await;
    clinic.put("Observation/gone", r#","subject":{"reference":"Patient/q"},"valueString":"hidden""#).await.is(201);
    assert_eq!(clinic.ask("DELETE", "/Observation/gone", "").await.status, 204);
    let version = clinic.get("/Observation/secret").await.json()["meta"]["versionId"].as_str().unwrap().to_owned();
    let patch = ("content-type", "application/json-patch+json");
    for id in ["secret", "gone"] {
        for (method, path, body) in [
            ("GET", "/Observation/ID", ""),
            ("GET", "/Observation/ID/_history", ""),
            ("GET", &format!("/Observation/ID/_history/{version}"), ""),
            ("GET", "/Observation/ID/$validate", ""),
            ("DELETE", "/Observation/ID", ""),
            ("PATCH", "/Observation/ID", "[]"),
        ] {
            let ask = async |id: &str| one.ask_with(method, &path.replace("ID", id), patch, body).await.is(404);
            assert_eq!(ask(id).await.bytes, ask("nowhere").await.bytes, "{method} {path}");
        }
        // A condition on a version that was never seen.
        let body =
            |id: &str| format!(r#"{{"resourceType":"Observation","id":"{id}","subject":{{"reference":"Patient/p"}}}}"#);
        let put = async |id: &str| {
            let tag = format!("W/\"{version}\"");
            one.ask_with("PUT", &format!("/Observation/{id}"), ("if-match", &tag), &body(id)).await.is(412)
        };
        assert_eq!(put(id).await.bytes, put("nowhere").await.bytes);
        // The id cannot be had, and nothing stands in the place of what has it.
        one.ask("PUT", &format!("/Observation/{id}"), &body(id)).await.is(403);
        one.ask("PUT", &format!("/Observation?code=nothing&_id={id}"), &body(id)).await.is(403);
    }
    for path in
        ["/Patient/q", "/Patient/q/$everything", "/Patient/q/$summary", "/Patient/q/Observation", "/Patient/q/*"]
    {
        let (hidden, missing) =
            (one.ask("GET", path, "").await.is(404), one.ask("GET", &path.replace('q', "x"), "").await);
        assert_eq!(hidden.bytes, missing.bytes, "{path}");
    }
    assert_eq!(clinic.get("/Observation/secret").await.json()["subject"]["reference"], "Patient/q");
    clinic.get("/Observation/gone").await.is(410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conditional_write_knows_only_what_may_be_seen() {
    let clinic = clinic().await;
    let one = one(&clinic, &["patient/*.cruds"]).await;
    let body = r#"{"resourceType":"Observation","status":"final","subject":{"reference":"Patient/p"}}"#;
    let when = ("if-none-exist", "code=secret");
    let made = one.ask_with("POST", "/Observation", when, body).await.is(201).json();
    assert!(!made.to_string().contains("secret"));
    one.ask_with("POST", "/Observation", ("if-none-exist", "derived-from:Observation.code=secret"), body).await.is(201);
    one.ask("PUT", "/Observation?code=secret", body).await.is(201);
    assert_eq!(one.ask("DELETE", "/Observation?code=secret", "").await.status, 204);
    clinic.get("/Observation/secret").await.is(200);
    let patch = ("content-type", "application/json-patch+json");
    one.ask_with("PATCH", "/Observation?code=secret", patch, "[]").await.is(404);
    // A reference by a condition.
    for (condition, status) in [("Patient?identifier=2", 412), ("Patient?identifier=1", 200)] {
        let entries = json!([{ "request": { "method": "POST", "url": "Observation" }, "resource": {
            "resourceType": "Observation", "subject": { "reference": "Patient/p" },
            "focus": [{ "reference": condition }] } }]);
        one.ask("POST", "", &bundle("transaction", entries)).await.is(status);
    }
    let person = r#"{"resourceType":"Parameters","parameter":[{"name":"resource","resource":{"resourceType":"Patient","identifier":[{"value":"2"}],"name":[{"family":"Other"}]}}]}"#;
    assert_eq!(one.ask("POST", "/Patient/$match", person).await.is(200).json()["total"], 0);
    // A record of another's chart that names this patient besides may be read, and not written.
    clinic
        .put("Observation/besides", r#","subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}]"#)
        .await
        .is(201);
    one.ask("GET", "/Observation/besides", "").await.is(200);
    let mine = r#"{"resourceType":"Observation","id":"besides","subject":{"reference":"Patient/p"}}"#;
    one.ask("PUT", "/Observation/besides", mine).await.is(403);
    one.ask("DELETE", "/Observation/besides", "").await.is(404);
    let into_other =
        r#"{"resourceType":"Observation","subject":{"reference":"Patient/q"},"performer":[{"reference":"Patient/p"}]}"#;
    one.ask("POST", "/Observation", into_other).await.is(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_shows_no_version_that_was_in_another_chart() {
    let clinic = clinic().await;
    let one = one(&clinic, &["patient/*.rs"]).await;
    clinic.put("Observation/moved", r#","subject":{"reference":"Patient/q"},"valueString":"hidden""#).await.is(201);
    let first = clinic.get("/Observation/moved").await.json()["meta"]["versionId"].as_str().unwrap().to_owned();
    clinic.put("Observation/moved", r#","subject":{"reference":"Patient/p"}"#).await.is(200);
    for path in
        ["/Observation/moved/_history", "/Observation/_history", "/_history", "/Observation/moved/_history?_count=1"]
    {
        let history = one.ask("GET", path, "").await.is(200);
        assert!(!String::from_utf8_lossy(&history.bytes).contains("hidden"), "{path}");
        assert!(
            history.json()["entry"]
                .as_array()
                .unwrap()
                .iter()
                .any(|entry| entry["fullUrl"] == format!("{BASE}/Observation/moved"))
        );
    }
    let of_one = one.ask("GET", "/Observation/moved/_history", "").await.json();
    assert_eq!((&of_one["total"], of_one["entry"].as_array().unwrap().len()), (&1.into(), 1));
    one.ask("GET", &format!("/Observation/moved/_history/{first}"), "").await.is(404);
    assert_eq!(clinic.get("/Observation/moved/_history").await.json()["total"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_is_sealed_here_does_not_exist() {
    let cedar = clinic().await;
    let (olive, _) = cedar.neighbour().await;
    assert!(olive.site.status().await.unwrap().stored.sealed_entries >= 4, "held here, and sealed");
    olive.get("/Organization/o").await.is(200);
    for key in ["Patient/q", "Observation/secret"] {
        for path in ["", "/_history", "/$validate"] {
            olive.get(&format!("/{key}{path}")).await.is(404);
        }
    }
    let missing = olive.get("/Patient/nobody/$everything").await.is(404);
    assert_eq!(olive.get("/Patient/q/$everything").await.is(404).bytes, missing.bytes);
    for path in [
        "/Patient",
        "/Observation?code=secret",
        "/Patient?_has:Observation:subject:code=secret",
        "/Patient/q/*",
        "/Organization?_has:Patient:organization:name=Other",
        "?_lastUpdated=gt2000",
    ] {
        let found = olive.get(path).await.is(200);
        let text = String::from_utf8_lossy(&found.bytes).into_owned();
        assert!(!text.contains("Patient/q") || path == "/Patient/q/*", "{path}: {text}");
        assert!(!text.contains("secret") || path.contains("secret"), "{path}: {text}");
        assert!(found.json()["entry"].as_array().is_none_or(|all| all.iter().all(|entry| {
            let kind = &entry["resource"]["resourceType"];
            kind != "Patient" && kind != "Observation"
        })));
    }
    let (include, history) = ("/Organization?_id=o&_revinclude=Patient:organization", "/_history?_count=1000");
    for path in [include, history] {
        assert!(!String::from_utf8_lossy(&olive.get(path).await.is(200).bytes).contains("Patient/q"));
    }
    let body = r#"{"resourceType":"Patient","identifier":[{"value":"2"}]}"#;
    let found = olive
        .ask(
            "POST",
            "/Patient/$match",
            &format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"resource","resource":{body}}}]}}"#),
        )
        .await;
    assert_eq!(found.is(200).json()["total"], 0);
    let when = [("if-none-exist", "identifier=2")];
    olive.ask_with("POST", "/Patient", &when, body).await.is(201);
    // What is written here to an id that is sealed stands beside what others wrote, in a chart of its own.
    olive.put("Observation/secret", r#","subject":{"reference":"Patient/r"}"#).await.is(201);
    olive.site.close().await;
}

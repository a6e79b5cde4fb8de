//! `$export` and `$import` as a client gets them.

use super::*;
use axum::body::Bytes;
use futures_core::Stream;
use sanad_node::export::one_line;
use sanad_node::jobs::JOBS_OF_TOKEN_MAX;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

const ASYNC: (&str, &str) = ("prefer", "respond-async");
const NDJSON: (&str, &str) = ("content-type", "application/fhir+ndjson");

impl Clinic {
    /// Begins an export; its status address.
    async fn begin(&self, token: &str, path: &str) -> String {
        let begun = self.ask_as(token, "GET", path, &[ASYNC], "").await.is(202);
        begun.header("content-location").strip_prefix(BASE).unwrap().to_owned()
    }

    /// Waits for an export.
    async fn manifest(&self, token: &str, status: &str) -> Value {
        let done = async {
            loop {
                let answer = self.ask_as(token, "GET", status, &[], "").await;
                match answer.status {
                    202 => assert!(!answer.header("x-progress").is_empty() && answer.header("retry-after") == "1"),
                    _ => return answer.is(200),
                }
                tokio::task::yield_now().await;
            }
        };
        let done = tokio::time::timeout(Duration::from_secs(60), done).await.unwrap();
        assert_eq!(done.header("content-type"), "application/json");
        assert!(done.header("expires").ends_with("GMT"));
        done.json()
    }

    /// All lines of an export, by type and id, with the names of their files.
    async fn lines(&self, token: &str, manifest: &Value) -> BTreeMap<String, String> {
        let mut lines = BTreeMap::new();
        for output in manifest["output"].as_array().unwrap() {
            let url = output["url"].as_str().unwrap().strip_prefix(BASE).unwrap();
            let accept = ("accept", "application/fhir+ndjson");
            let file = self.ask_as(token, "GET", url, &[accept], "").await.is(200);
            assert_eq!(file.header("content-type"), "application/fhir+ndjson");
            assert!(file.header("cache-control") == "no-store" && file.header("accept-ranges") == "none");
            let text = String::from_utf8(file.bytes).unwrap();
            assert!(text.ends_with('\n'));
            assert_eq!(text.lines().count() as u64, output["count"].as_u64().unwrap());
            for line in text.lines() {
                let resource: Value = serde_json::from_str(line).unwrap();
                assert_eq!(resource["resourceType"], output["type"]);
                let key = format!("{}/{}", output["type"].as_str().unwrap(), resource["id"].as_str().unwrap());
                assert_eq!(lines.insert(key, line.to_owned()), None, "no resource twice");
            }
        }
        lines
    }

    async fn export(&self, token: &str, path: &str) -> BTreeMap<String, String> {
        let status = self.begin(token, path).await;
        let manifest = self.manifest(token, &status).await;
        self.lines(token, &manifest).await
    }

    async fn import(&self, path: &str, body: &str) -> String {
        let begun = self.ask_with("POST", path, &[NDJSON], body).await.is(202);
        begun.header("content-location").strip_prefix(BASE).unwrap().to_owned()
    }

    async fn counts(&self, status: &str) -> [u64; 4] {
        let counts = self.manifest(&self.token, status).await["extension"]["urn:sanad:import"].clone();
        ["lines", "saved", "unchanged", "refused"].map(|name| counts[name].as_u64().unwrap())
    }

    /// The numbers of an import's refused lines, and what is said of them.
    async fn refused(&self, status: &str) -> (Vec<u64>, String) {
        let manifest = self.manifest(&self.token, status).await;
        let url = manifest["error"][0]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
        let text = String::from_utf8(self.get(&url).await.bytes).unwrap();
        let numbers = text.lines().map(|line| {
            let outcome: Value = serde_json::from_str(line).unwrap();
            assert_eq!(outcome["resourceType"], "OperationOutcome");
            let what = outcome["issue"][0]["diagnostics"].as_str().unwrap().strip_prefix("Line ").unwrap().to_owned();
            what.split(':').next().unwrap().parse().unwrap()
        });
        let numbers: Vec<u64> = numbers.collect();
        assert_eq!(numbers.len() as u64, manifest["error"][0]["count"].as_u64().unwrap());
        (numbers, text)
    }

    /// A request that sends a body piece by piece.
    fn upload(&self, path: &str, body: Body) -> Request<Body> {
        let request = Request::builder().method("POST").uri(format!("/fhir{path}")).header("host", "localhost");
        let request = request.header("authorization", format!("Bearer {}", self.token)).header(NDJSON.0, NDJSON.1);
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Client { address: [127, 0, 0, 1].into(), tls: false });
        request
    }

    async fn reopen(&mut self) {
        self.site.close().await;
        self.site = Site::open(&self.folder, "correct horse", Duration::ZERO).unwrap();
        self.router = router(self.site.clone(), vec![], Validation::Warn);
    }
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let inside = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    inside.flat_map(|path| if path.is_dir() { files_under(&path) } else { vec![path] }).collect()
}

fn observation(id: u64, patient: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"o{id:05}","status":"final","subject":{{"reference":"Patient/{patient}"}},"valueInteger":{id}}}"#
    )
}

fn observations(ids: std::ops::RangeInclusive<u64>) -> String {
    ids.map(|id| observation(id, "p") + "\n").collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_published_example_is_exported_as_it_was_saved() {
    let mut clinic = Clinic::new().await;
    let examples = examples(&clinic.folder);
    for (key, raw) in &examples {
        clinic.ask("PUT", &format!("/{key}"), raw).await.is(201);
    }
    let status = clinic.begin(&clinic.token, "/$export?_outputFormat=application/fhir%2Bndjson").await;
    let manifest = clinic.manifest(&clinic.token, &status).await;
    assert_eq!(manifest["request"], format!("{BASE}/$export?_outputFormat=application%2Ffhir%2Bndjson"));
    assert_eq!((&manifest["requiresAccessToken"], &manifest["error"]), (&json!(true), &json!([])));
    let lines = clinic.lines(&clinic.token, &manifest).await;
    for (key, raw) in &examples {
        let line = lines.get(key).unwrap_or_else(|| panic!("{key} is missing"));
        assert_eq!(bare(line.as_bytes()), bare(&one_line(raw.as_bytes())), "{key}");
        let read = clinic.get(&format!("/{key}")).await.is(200);
        assert_eq!(line.as_bytes(), one_line(&read.bytes), "{key}");
    }
    assert_eq!(lines.keys().filter(|key| !key.starts_with("AuditEvent/")).count(), {
        let is_own = |key: &&(String, String)| !key.0.starts_with("AuditEvent/");
        examples.iter().filter(is_own).count()
    });

    // The job is there after a restart, and says the same, whatever was written since.
    let changed = lines.keys().find(|key| key.starts_with("Patient/")).unwrap();
    clinic.put("Patient/newcomer", "").await.is(201);
    clinic.put(changed, r#","gender":"unknown""#).await.is(200);
    clinic.reopen().await;
    assert_eq!(clinic.manifest(&clinic.token, &status).await, manifest);
    let patients = manifest["output"].as_array().unwrap().iter().filter(|output| output["type"] == "Patient");
    let patients = json!({ "output": patients.collect::<Vec<_>>() });
    let again = clinic.lines(&clinic.token, &patients).await;
    assert!(again.len() > 10 && again.iter().all(|(key, line)| lines[key] == *line));

    // And what was exported is imported anywhere: here it changes nothing.
    let whole: String = again.values().map(|line| format!("{line}\n")).collect();
    let imported = clinic.import("/$import", &whole).await;
    let all = again.len() as u64;
    assert_eq!(clinic.counts(&imported).await, [all, 1, all - 1, 0], "all but what was changed since is here already");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_was_not_counted_when_the_site_closed_is_counted_afterwards() {
    let mut clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    let status = clinic.begin(&clinic.token, "/$export").await;
    clinic.manifest(&clinic.token, &status).await;
    // As the power leaves it that goes before the count is noted.
    let id = status.rsplit('/').next().unwrap();
    let mut job = clinic.site.job(id).unwrap().unwrap();
    let sanad_node::jobs::Work::Export(export) = &mut job.work else { panic!("no export") };
    export.files = None;
    assert!(clinic.site.note_job(&job, None).await.unwrap());
    clinic.reopen().await;
    let manifest = clinic.manifest(&clinic.token, &status).await;
    assert_eq!(clinic.lines(&clinic.token, &manifest).await.keys().collect::<Vec<_>>(), ["Patient/p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_there_for_its_token_and_holds_what_that_sees() {
    let clinic = Clinic::new().await;
    for patient in ["p", "q"] {
        clinic.put(&format!("Patient/{patient}"), "").await.is(201);
        let about = format!(r#","subject":{{"reference":"Patient/{patient}"}}"#);
        clinic.put(&format!("Observation/of-{patient}"), &about).await.is(201);
        clinic.put(&format!("Condition/of-{patient}"), &about).await.is(201);
    }
    clinic.put("Organization/o", "").await.is(201);
    clinic.put("Group/h", r#","member":[{"entity":{"reference":"Patient/q"}}]"#).await.is(201);
    clinic
        .put(
            "Group/g",
            r#","member":[{"entity":{"reference":"Patient/q"}},{"entity":{"reference":"Patient/p"},"inactive":true},{"entity":{"reference":"Practitioner/x"}}]"#,
        )
        .await
        .is(201);
    let narrow = token(&clinic.site, &["patient/*.rs"], Some("p")).await;
    let typed = token(&clinic.site, &["system/Observation.rs", "system/Group.rs"], None).await;
    let by_id_only = token(&clinic.site, &["system/*.r"], None).await;
    let named = |lines: BTreeMap<String, String>| {
        let is_own = |key: &String| !key.starts_with("AuditEvent/");
        lines.into_keys().filter(is_own).collect::<Vec<_>>()
    };
    // A group is in the charts of its members.
    let of_p = ["Condition/of-p", "Group/g", "Observation/of-p", "Patient/p"];
    for path in ["/$export", "/Patient/$export"] {
        assert_eq!(named(clinic.export(&narrow, path).await), of_p);
    }
    let typed_export = clinic.export(&typed, "/$export").await;
    assert_eq!(named(typed_export), ["Group/g", "Group/h", "Observation/of-p", "Observation/of-q"]);
    let observations = |path: &'static str| async { named(clinic.export(&typed, path).await) };
    assert_eq!(observations("/Patient/$export?_type=Observation").await, ["Observation/of-p", "Observation/of-q"]);
    assert_eq!(observations("/Group/g/$export?_type=Observation").await, ["Observation/of-q"]);
    assert_eq!(named(clinic.export(&clinic.token, "/$export?_type=Organization,Patient&_type=Patient").await).len(), 3);
    for (token, path, status) in [
        (&typed, "/$export?_type=Patient", 403),
        (&by_id_only, "/$export", 403),
        (&narrow, "/Group/h/$export", 404),
        (&clinic.token, "/Group/nobody/$export", 404),
    ] {
        clinic.ask_as(token, "GET", path, &[ASYNC], "").await.is(status);
    }

    // By POST, with what is asked for in the body.
    let body = json!({ "resourceType": "Parameters", "parameter": [
        { "name": "_type", "valueString": "Patient,Condition" },
        { "name": "patient", "valueReference": { "reference": "Patient/q" } },
    ] });
    let begun = clinic.ask_with("POST", "/Patient/$export", &[ASYNC], &body.to_string()).await.is(202);
    let status = begun.header("content-location").strip_prefix(BASE).unwrap();
    let manifest = clinic.manifest(&clinic.token, status).await;
    assert_eq!(named(clinic.lines(&clinic.token, &manifest).await), ["Condition/of-q", "Patient/q"]);

    // A job, its files and its end are nobody else's.
    let file = manifest["output"][0]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    for path in [status, &file] {
        clinic.ask_as(&narrow, "GET", path, &[], "").await.is(404);
        clinic.ask_as("", "GET", path, &[], "").await.is(401);
    }
    clinic.ask_as(&typed, "DELETE", status, &[], "").await.is(404);
    clinic.get(&file).await.is(200);
    for wrong in
        ["/$export/nothing", &file.replace("/1.", "/9."), &file.replace("/1.", "/01."), &file.replace("/1.", "/0.")]
    {
        clinic.get(wrong).await.is(404);
    }
    clinic.ask("DELETE", status, "").await.is(202);
    for path in [status, &file] {
        clinic.get(path).await.is(404);
    }
    // Whose token was taken back gets nothing any more.
    let mine = clinic.begin(&typed, "/$export").await;
    let id = clinic.site.token(&typed).unwrap().id.clone();
    assert!(clinic.site.revoke_token(&id).await.unwrap());
    clinic.ask_as(&typed, "GET", &mine, &[], "").await.is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_export_cannot_do_is_said() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    let refused = clinic.get("/$export").await.is(400);
    assert!(refused.json()["issue"][0]["diagnostics"].as_str().unwrap().contains("respond-async"));
    for path in [
        "/$export?_outputFormat=text/csv",
        "/$export?_since=yesterday",
        "/$export?_type=Nobody",
        "/$export?patient=Patient/p",
        "/Patient/$export?patient=p",
    ] {
        clinic.ask_with("GET", path, &[ASYNC], "").await.is(400);
    }
    for parameter in ["_elements=id", "_typeFilter=Patient%3Fgender=male", "includeAssociatedData=x", "unheard=of"] {
        let path = format!("/$export?{parameter}");
        let strict = ("prefer", "respond-async, handling=strict");
        clinic.ask_with("GET", &path, &[strict], "").await.is(400);
        let status = clinic.begin(&clinic.token, &path).await;
        let manifest = clinic.manifest(&clinic.token, &status).await;
        assert_eq!(manifest["error"][0]["count"], 1);
        let errors = manifest["error"][0]["url"].as_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
        let line: Value = serde_json::from_slice(&clinic.get(&errors).await.is(200).bytes).unwrap();
        assert_eq!(
            (&line["resourceType"], &line["issue"][0]["severity"]),
            (&json!("OperationOutcome"), &json!("warning"))
        );
        clinic.ask("DELETE", &status, "").await.is(202);
    }
    for (method, path) in [
        ("PUT", "/$export"),
        ("DELETE", "/$export"),
        ("POST", "/$export/x/y"),
        ("PATCH", "/$import"),
        ("HEAD", "/$export"),
    ] {
        assert!(matches!(clinic.ask(method, path, "").await.status, 404 | 405), "{method} {path}");
    }
    clinic.ask_with("POST", "/$export", &[ASYNC], "no JSON").await.is(400);
    clinic.ask_with("POST", "/$export", &[ASYNC], r#"{"resourceType":"Patient"}"#).await.is(400);
    clinic.ask_with("POST", "/$export", &[ASYNC], r#"{"resourceType":"Parameters"}"#).await.is(202);

    // Only what was changed since.
    let read = clinic.get("/Patient/p").await.json();
    let then = read["meta"]["lastUpdated"].as_str().unwrap();
    assert_eq!(clinic.export(&clinic.token, &format!("/$export?_type=Patient&_since={then}")).await.len(), 1);
    assert!(clinic.export(&clinic.token, "/$export?_type=Patient&_since=2999-01-01T00:00:00Z").await.is_empty());

    // A token has a few jobs, and another has its own.
    let other = token(&clinic.site, &["system/*.rs"], None).await;
    let begin = || clinic.ask_with("GET", "/$export?_type=Basic", &[ASYNC], "");
    let mut begun = 0;
    let full = loop {
        let answer = begin().await;
        if answer.status != 202 {
            break answer.is(429);
        }
        begun += 1;
        assert!(begun <= JOBS_OF_TOKEN_MAX);
    };
    assert!(!full.header("retry-after").is_empty());
    clinic.begin(&other, "/$export").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chart_that_is_exported_is_written_down_as_opened() {
    let clinic = Clinic::new().await;
    clinic.put("Patient/p", "").await.is(201);
    clinic.put("Observation/o", r#","subject":{"reference":"Patient/p"}"#).await.is(201);
    let reader = token(&clinic.site, &["system/Patient.rs", "system/Observation.rs"], None).await;
    let status = clinic.begin(&reader, "/$export").await;
    let manifest = clinic.manifest(&reader, &status).await;
    let mut changes = clinic.site.changes();
    assert_eq!(clinic.ids("/AuditEvent?_count=9").await.len(), 0, "counting opens no chart");
    changes.mark_unchanged();
    assert_eq!(clinic.lines(&reader, &manifest).await.len(), 2);
    tokio::time::timeout(Duration::from_secs(20), changes.changed()).await.unwrap().unwrap();
    let id = clinic.site.token(&reader).unwrap().id.clone();
    let events = clinic.get("/AuditEvent?_count=9").await.json();
    let entries = events["entry"].as_array().cloned().unwrap_or_default();
    let of_reader = entries.iter().filter(|entry| entry["resource"]["agent"][0]["altId"] == id);
    let opened: Vec<_> = of_reader.map(|entry| &entry["resource"]["entity"][0]["what"]["reference"]).collect();
    assert_eq!(opened, ["Patient/p"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_line_is_named_by_its_number_and_stops_nothing() {
    let clinic = Clinic::new().await;
    let status = clinic.import("/$import", "").await;
    let waiting = clinic.get(&status).await.is(202);
    assert!(waiting.header("x-progress").ends_with("waiting for line 1"));
    let secret = "Umm-Khaled";
    let body = [
        "\u{feff}{\"resourceType\":\"Patient\",\"id\":\"p\"}\r",
        "",
        &format!("{{\"resourceType\":\"Patient\",\"id\":\"torn\",\"name\":\"{secret}"),
        &format!(r#"{{"resourceType":"{secret}","id":"x"}}"#),
        &format!(r#"{{"resourceType":"Patient","id":"{secret} {secret}"}}"#),
        r#"{"resourceType":"Patient","id":7}"#,
        &format!(r#"["{secret}"]"#),
        r#"{"resourceType":"Basic"}"#,
        r#"{"resourceType":"Basic"}"#,
        r#"{"resourceType":"Patient","id":"p","gender":"male"}"#,
        r#"{"resourceType":"Patient","id":"last"}"#,
    ]
    .join("\n");
    clinic.import(&status, &body).await;
    assert_eq!(clinic.counts(&status).await, [11, 4, 1, 5]);
    let (numbers, text) = clinic.refused(&status).await;
    assert_eq!(numbers, [3, 4, 5, 6, 7]);
    assert!(!text.contains(secret));
    assert_eq!(clinic.get("/Patient/p").await.is(200).json()["gender"], "male");
    assert_eq!(clinic.get("/Patient/p/_history").await.json()["total"], 2);
    clinic.get("/Patient/last").await.is(200);
    assert_eq!(clinic.ids("/Basic").await.len(), 1, "what says no id is known by what it says");
    // The same again changes nothing, and is listed no twice.
    clinic.import(&status, &body).await;
    assert_eq!(clinic.counts(&status).await, [11, 4, 1, 5]);
    // A line that is too long is one bad line.
    let long = format!("{{\"resourceType\":\"Basic\",\"id\":\"{}\"}}\n{}", "x".repeat(17 << 20), observation(1, "p"));
    let status = clinic.import("/$import", &long).await;
    assert_eq!(clinic.counts(&status).await, [2, 1, 0, 1]);
    assert_eq!(clinic.refused(&status).await.0, [1]);

    // So is one that is too long for a save by what stands around it, however short it becomes.
    let whole =
        |length: usize| format!("{{\"resourceType\":\"Basic\",\"id\":\"l\",\"language\":\"{}\"}}", "x".repeat(length));
    let status = clinic.import("/$import", &[whole((16 << 20) - 200), whole(1 << 20)].join("\n")).await;
    assert_eq!((clinic.counts(&status).await, clinic.refused(&status).await.0), ([2, 1, 0, 1], vec![1]));
    clinic.ask("PUT", "/Basic/l", &whole((16 << 20) - 200)).await.is(413);
    assert_eq!(clinic.get("/Basic/l").await.is(200).bytes.len() >> 20, 1, "what was saved before is still there");

    // What the server wants of a resource, and the token of its writer.
    let mut strict = Clinic::new().await;
    strict.router = router(strict.site.clone(), vec![], Validation::Reject);
    let lines =
        [r#"{"resourceType":"Patient","id":"a","gender":7}"#, r#"{"resourceType":"Patient","id":"b"}"#].join("\n");
    let status = strict.import("/$import", &lines).await;
    assert_eq!(strict.counts(&status).await, [2, 1, 0, 1]);
    assert!(strict.refused(&status).await.1.contains("Patient.gender"));
    strict.token = token(&strict.site, &["patient/*.cru"], Some("b")).await;
    let lines = [observation(1, "a"), observation(2, "b"), r#"{"resourceType":"Organization","id":"o"}"#.to_owned()];
    let status = strict.import("/$import", &lines.join("\n")).await;
    assert_eq!(strict.counts(&status).await[1], 0, "an Observation without a code is not valid");
    strict.router = router(strict.site.clone(), vec![], Validation::Off);
    let status = strict.import("/$import", &lines.join("\n")).await;
    assert_eq!((strict.counts(&status).await, strict.refused(&status).await.0), ([3, 1, 0, 2], vec![1, 3]));

    // What is no NDJSON is refused as a whole.
    for kind in ["application/fhir+json", "text/plain"] {
        clinic.ask_with("POST", "/$import", &[("content-type", kind)], &observations(1..=1)).await.is(415);
    }
}

/// A body that breaks off at its end.
struct Broken(Option<String>);

impl Stream for Broken {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(Some(self.0.take().map(Bytes::from).ok_or_else(|| std::io::ErrorKind::ConnectionReset.into())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_broke_off_goes_on_where_it_was_also_after_a_restart() {
    let mut clinic = Clinic::new().await;
    let whole = observations(1..=1_300);
    let half = &whole[..whole.len() / 2];
    let status = clinic.import("/$import", "").await;
    let request = clinic.upload(&status, Body::from_stream(Broken(Some(half.to_owned()))));
    let broken = clinic.router.clone().oneshot(request).await.unwrap();
    assert_eq!(broken.status(), 400);
    let whole_lines = half.lines().count() as u64 - u64::from(!half.ends_with('\n'));
    let waiting = format!("waiting for line {}", whole_lines + 1);
    assert!(clinic.get(&status).await.is(202).header("x-progress").ends_with(&waiting));

    clinic.reopen().await;
    assert!(clinic.get(&status).await.is(202).header("x-progress").ends_with(&waiting));
    // A gap is not taken, the whole body again is.
    let beyond = format!("{status}?line={}", whole_lines + 2);
    clinic.ask_with("POST", &beyond, &[NDJSON], &observations(1..=1)).await.is(409);
    clinic.ask_with("POST", &format!("{status}?line=0"), &[NDJSON], "").await.is(400);
    clinic.import(&status, &whole).await;
    assert_eq!(clinic.counts(&status).await, [1_300, 1_300, 0, 0]);
    // And what comes behind it.
    clinic.import(&format!("{status}?line=1301"), &observations(1_301..=1_310)).await;
    assert_eq!(clinic.counts(&status).await, [1_310, 1_310, 0, 0]);
    let found = clinic.get("/Observation?_summary=count&_total=accurate").await.is(200).json();
    assert_eq!(found["total"], 1_310);
    for id in ["o00001", "o00650", "o00651", "o01300"] {
        assert_eq!(clinic.get(&format!("/Observation/{id}/_history")).await.json()["total"], 1, "{id}");
    }
    // One that breaks off at once says all the same where it goes on.
    let request = clinic.upload("/$import", Body::from_stream(Broken(Some(observations(1..=3)))));
    let broken = clinic.router.clone().oneshot(request).await.unwrap();
    assert_eq!(broken.status(), 400);
    let other = broken.headers()["content-location"].to_str().unwrap().strip_prefix(BASE).unwrap().to_owned();
    assert!(clinic.get(&other).await.is(202).header("x-progress").starts_with("3 lines done: 0 saved, 3 unchanged"));
    clinic.ask("DELETE", &other, "").await.is(202);
    // As the power leaves it that goes after a save and before it is noted: sent again, it says what is here already.
    let other = clinic.import("/$import", &whole).await;
    assert_eq!(clinic.counts(&other).await, [1_300, 0, 1_300, 0]);

    let too_large = "x".repeat((64 << 20) + 1);
    clinic.ask_with("POST", "/$import", &[NDJSON], &too_large).await.is(413);

    // It is nobody else's, and over once it is deleted.
    let stranger = token(&clinic.site, &["system/*.cruds"], None).await;
    clinic.ask_as(&stranger, "GET", &status, &[], "").await.is(404);
    clinic.ask_as(&stranger, "POST", &status, &[NDJSON], &whole).await.is(404);
    clinic.ask("DELETE", &status, "").await.is(202);
    clinic.get(&status).await.is(404);
    clinic.get(&format!("{status}/errors.ndjson")).await.is(404);
}

/// A body that comes as it is sent.
struct Sent(tokio::sync::mpsc::Receiver<String>);

impl Stream for Sent {
    type Item = Result<Bytes, std::io::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(piece.into())))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_over_a_slow_link_is_noted_takes_one_body_at_once_and_can_be_stopped() {
    let clinic = Clinic::new().await;
    let status = clinic.import("/$import", "").await;
    let (send, receive) = tokio::sync::mpsc::channel(1);
    let request = clinic.upload(&status, Body::from_stream(Sent(receive)));
    let answered = tokio::spawn(clinic.router.clone().oneshot(request));
    send.send(observations(1..=2) + "{\"resourceType\":").await.unwrap();
    let noted = async {
        while !clinic.get(&status).await.is(202).header("x-progress").starts_with("2 lines done: 2 saved") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), noted).await.unwrap();
    clinic.ask_with("POST", &status, &[NDJSON], &observations(1..=2)).await.is(409);
    clinic.ask("DELETE", &status, "").await.is(202);
    send.send("\"Basic\",\"id\":\"b\"}".to_owned()).await.unwrap();
    drop(send);
    assert_eq!(answered.await.unwrap().unwrap().status(), 404);
    clinic.get(&status).await.is(404);
    clinic.get("/Observation/o00002").await.is(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_export_comes_in_several_files() {
    let clinic = Clinic::new().await;
    let status = clinic.import("/$import", &observations(1..=5_020)).await;
    assert_eq!(clinic.counts(&status).await, [5_020, 5_020, 0, 0]);
    let status = clinic.begin(&clinic.token, "/$export?_type=Observation").await;
    let manifest = clinic.manifest(&clinic.token, &status).await;
    let counts = manifest["output"].as_array().unwrap().iter().map(|output| output["count"].as_u64().unwrap());
    assert_eq!(counts.collect::<Vec<_>>(), [5_000, 20]);
    let lines = clinic.lines(&clinic.token, &manifest).await;
    assert_eq!(lines.len(), 5_020);
    for file in files_under(&clinic.folder) {
        let bytes = std::fs::read(&file).unwrap();
        let is_text = |window: &[u8]| window == b"valueInteger" || window == b"\"Observation";
        assert!(!bytes.windows(12).any(is_text), "nothing readable is left on the disk");
    }
    let ids: BTreeSet<_> = (1..=5_020).map(|id| format!("Observation/o{id:05}")).collect();
    assert!(lines.keys().eq(&ids));
}

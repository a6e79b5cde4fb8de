//! Whatever is sent to the FHIR interface over HTTP is answered in time with the right status and an OperationOutcome that
//! names the place and repeats nothing; nothing is half written, memory is bounded, and the site goes on as if nothing had
//! been.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test of a process looks at the clock and waits for it")]

mod support;

use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};
use support::hostile::{ENDING, MARKER, bodies, doubling, patient, post, searches, transaction};
use support::http::{ANSWER_MAX, Answer, Sent, ask, connect_from};
use support::{Scratch, Served, Site};

/// More memory than before that a site may ever need for all of this. One body is 16 MiB, and is in memory as bytes, as
/// what they say, and sealed.
const MEMORY_MAX: u64 = 400 << 20;
const JSON: (&str, &str) = ("content-type", "application/fhir+json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON_PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const MIB: usize = 1 << 20;

/// A site that is asked.
struct Asked {
    address: SocketAddr,
    token: String,
}

impl Asked {
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], sent: Sent) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        let answer = ask(self.address, &format!("{method} /fhir{path}"), &all, sent);
        answer.unwrap_or_else(|| panic!("{method} {}: no answer", short(path)))
    }

    fn send(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> Answer {
        self.ask(method, path, &[JSON], Sent::Bytes(body.into()))
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], Sent::Bytes(vec![]))
    }

    /// Every version of what is written here, by its tag.
    fn versions(&self) -> Vec<String> {
        let of_type = |kind: &str| {
            let answer = self.get(&format!("/{kind}/_history?_count=1000"));
            assert_eq!(answer.status, 200);
            let history = answer.json();
            let entries = history["entry"].as_array().cloned().unwrap_or_default();
            entries.iter().map(|entry| entry["response"]["etag"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        ["Patient", "Observation", "Organization", "Basic"].into_iter().flat_map(of_type).collect()
    }
}

fn short(text: &str) -> String {
    text.chars().take(60).collect()
}

/// What is wrong with an answer that is to be this refusal: the status, a sentence, the place if one is named, nothing
/// repeated.
fn problem(answer: &Answer, name: &str, status: u16, place: &str) -> Option<String> {
    let text = String::from_utf8_lossy(&answer.body);
    let outcome = answer.json();
    let issue = &outcome["issue"][0];
    let sentence = issue["diagnostics"].as_str().unwrap_or_default();
    let named = issue["expression"][0].as_str().unwrap_or_default();
    let holds = [
        answer.status == status,
        answer.took < ANSWER_MAX,
        outcome["resourceType"] == "OperationOutcome",
        sentence.len() > 20 && sentence.ends_with('.'),
        !text.contains(MARKER),
        named.starts_with(place) && named.is_empty() == place.is_empty(),
    ];
    let fails = holds.contains(&false);
    fails.then(|| format!("{name}: {} and not {status} {place}, {holds:?}: {}", answer.status, short(&text)))
}

#[test]
fn whatever_is_sent_over_http_is_refused_in_time_and_changes_nothing() {
    let scratch = Scratch::new("hostile-http");
    let site = Site::found(scratch.at("a"), "Cedar");
    let served = site.serve();
    let (before, asked) = (served.memory("VmHWM"), asked(&site, &served));
    for (key, more) in [
        ("Organization/one", r#","partOf":{"reference":"Organization/other"}"#),
        ("Organization/other", r#","partOf":{"reference":"Organization/one"}"#),
        ("Observation/own", r#","hasMember":[{"reference":"Observation/own"}],"subject":{"reference":"Patient/p"}"#),
        (
            "Patient/p",
            r#","link":[{"other":{"reference":"Patient/p"},"type":"seealso"}],"managingOrganization":{"reference":"Organization/one"}"#,
        ),
    ] {
        let (kind, id) = key.split_once('/').unwrap();
        let body = format!(r#"{{"resourceType":"{kind}","id":"{id}"{more}}}"#);
        assert_eq!(asked.send("PUT", &format!("/{key}"), body).status, 201, "{key}");
    }
    let versions = asked.versions();
    let (mut slowest, mut problems) = (Duration::ZERO, vec![]);
    for (name, method, path, body, status, place) in bodies() {
        let answer = asked.send(method, path, body);
        println!("{name}: {} after {:?}, {} MiB", answer.status, answer.took, served.memory("VmHWM") >> 20);
        problems.extend(problem(&answer, name, status, place));
        slowest = slowest.max(answer.took);
    }
    for (query, status, place) in searches() {
        let answer = asked.get(&format!("/Patient?{query}"));
        problems.extend(problem(&answer, &short(&query), status, place));
        slowest = slowest.max(answer.took);
    }
    for path in ENDING {
        let answer = asked.get(path);
        let ended = answer.status == 200 && answer.json()["resourceType"] == "Bundle";
        problems.extend((!ended).then(|| format!("{path}: {} {:?}", answer.status, answer.json())));
        slowest = slowest.max(answer.took);
    }
    let endless = asked.ask("POST", "/Patient", &[JSON], Sent::Endless(vec![b' '; 64 * 1024]));
    problems.extend(problem(&endless, "a body without an end", 413, ""));
    let form = asked.ask("POST", "/Patient/_search", &[FORM], Sent::Endless(b"name=a&".repeat(9_000)));
    problems.extend(problem(&form, "a form without an end", 413, ""));
    let patched = asked.ask("PATCH", "/Patient/p", &[JSON_PATCH], Sent::Bytes(doubling().into()));
    problems.extend(problem(&patched, "a patch that doubles", 422, "operation"));
    assert!(problems.is_empty(), "{problems:#?}");
    // More than a head may hold: there is no request to answer, and the connection ends.
    let long = format!("GET /fhir/Patient?name={}", MARKER.repeat(40_000));
    let status = ask(asked.address, &long, &[], Sent::Bytes(vec![])).map_or(0, |answer| answer.status);
    assert!([0, 414, 431].contains(&status), "{status}");
    assert_eq!(asked.versions(), versions, "something was written");

    // What is odd and allowed is done, and whole.
    let (one, other) =
        ("urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-00000000000a", "urn:uuid:0d1b0c0e-2f5f-4e53-9d2c-00000000000b");
    let of = |url: &str| json!({ "resourceType": "Organization", "partOf": { "reference": url } });
    let circle = asked.send("POST", "", transaction(&[post(one, &of(other)), post(other, &of(one))]));
    assert_eq!(circle.status, 200, "{:?}", circle.json());
    let made = |at: usize| circle.json()["entry"][at]["resource"].clone();
    assert_eq!(made(0)["partOf"]["reference"], format!("Organization/{}", made(1)["id"].as_str().unwrap()));
    assert_eq!(made(1)["partOf"]["reference"], format!("Organization/{}", made(0)["id"].as_str().unwrap()));
    assert_eq!(asked.versions().len(), versions.len() + 2);
    // As large, and of as many values, as may be.
    for text in [format!(r#""{}""#, "a".repeat(15 * MIB)), format!("[{}0]", "0,".repeat(990_000))] {
        let begun = Instant::now();
        let made = asked.send("POST", "/Basic", format!(r#"{{"resourceType":"Basic","a":{text}}}"#));
        assert_eq!(made.status, 201, "{}", short(&String::from_utf8_lossy(&made.body)));
        println!("{} bytes: {:?}, {} MiB", text.len(), begun.elapsed(), served.memory("VmHWM") >> 20);
    }

    let grown = served.memory("VmHWM") - before;
    println!("{} MiB more memory at most, the slowest refusal after {slowest:?}", grown >> 20);
    assert!(grown < MEMORY_MAX, "{} MiB", grown >> 20);
    goes_on(&site, served);
}

#[test]
fn whoever_has_no_right_is_refused_before_anything_is_read() {
    let scratch = Scratch::new("hostile-tokens");
    let site = Site::found(scratch.at("a"), "Cedar");
    let served = site.serve();
    let mut asked = asked(&site, &served);
    assert_eq!(asked.send("PUT", "/Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).status, 201);
    let (versions, mut problems) = (asked.versions(), vec![]);
    let full = asked.token.clone();
    let made = |rest: &[&str]| site.ok("token", rest);
    let secret = |token: &Value| token["token"].as_str().unwrap().to_owned();
    let revoked = made(&["--role", "doctor"]);
    site.ok("token", &["--revoke", revoked["id"].as_str().unwrap()]);
    let over = made(&["--role", "doctor", "--days", "0"]);
    let body = || Sent::Bytes(patient(&format!(r#","x":"{}""#, "x".repeat(17 * MIB))).into());
    for (name, token) in [
        ("none", String::new()),
        ("a foreign one", MARKER.to_owned()),
        ("a long one", MARKER.repeat(5_000)),
        ("a revoked one", secret(&revoked)),
        ("one that is over", secret(&over)),
    ] {
        asked.token = token;
        problems.extend(problem(&asked.get("/Patient/p"), name, 401, ""));
        // Who may not write is told so whatever is sent, and however much of it.
        problems.extend(problem(&asked.ask("POST", "/Patient", &[JSON], body()), name, 401, ""));
        let endless = asked.ask("POST", "", &[JSON], Sent::Endless(vec![b'{'; 64 * 1024]));
        problems.extend(problem(&endless, name, 401, ""));
    }
    let narrow = |rest: &[&str]| secret(&made(rest));
    let observations = narrow(&["--role", "system", "--scope", "user/Observation.rs"]);
    let technician = narrow(&["--role", "technician"]);
    let of_another = narrow(&["--role", "nurse", "--patient", "somebody-else"]);
    for (name, token, method, path, status) in [
        ("of Observations", &observations, "GET", "/Patient/p", 403),
        ("of Observations", &observations, "GET", "/Patient?name=a", 403),
        ("of Observations", &observations, "POST", "/Patient", 403),
        ("of Observations", &observations, "DELETE", "/Patient/p", 403),
        ("of Observations", &observations, "GET", "/_history", 403),
        ("a technician's", &technician, "GET", "/Patient/p", 403),
        ("of another patient", &of_another, "GET", "/Patient/p", 404),
        ("of another patient", &of_another, "GET", "/Patient/p/_history", 404),
        ("of another patient", &of_another, "GET", "/Patient/p/$everything", 404),
        ("of another patient", &of_another, "POST", "/Patient", 403),
    ] {
        asked.token = token.clone();
        let sent = if method == "POST" { patient("").into() } else { vec![] };
        problems.extend(problem(&asked.send(method, path, sent), &format!("{name}: {method} {path}"), status, ""));
    }
    assert!(problems.is_empty(), "{problems:#?}");
    asked.token = full;
    assert_eq!(asked.versions(), versions, "something was written");
    goes_on(&site, served);
}

#[test]
fn connections_that_stand_still_take_nothing_from_others_and_end() {
    let scratch = Scratch::new("hostile-idle");
    let site = Site::found(scratch.at("a"), "Cedar");
    let served = site.serve();
    let (before, asked) = (served.memory("VmHWM"), asked(&site, &served));
    // All of one address, which has a bounded share of the places: this one's others come from elsewhere.
    let from = Ipv4Addr::new(127, 0, 0, 2);
    let idle: Vec<TcpStream> = (0..200).map(|_| connect_from(from, asked.address)).collect();
    let mut slow = connect_from(Ipv4Addr::new(127, 0, 0, 3), asked.address);
    let dripping = thread::spawn(move || {
        let begun = Instant::now();
        slow.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let head = format!("GET /fhir/metadata HTTP/1.1\r\nhost: localhost\r\nx: {}", MARKER.repeat(1_000));
        for byte in head.bytes() {
            let is_over = matches!(slow.read(&mut [0; 1]), Ok(0)) || slow.write_all(&[byte]).is_err();
            if is_over || begun.elapsed() > 2 * ANSWER_MAX {
                break;
            }
        }
        begun.elapsed()
    });
    for _ in 0..5 {
        let answer = asked.get("/Patient");
        assert_eq!(answer.status, 200);
        assert!(answer.took < Duration::from_secs(10), "{:?}", answer.took);
    }
    let dripped = dripping.join().unwrap();
    println!("a head that drips was cut off after {dripped:?}");
    assert!(dripped < 2 * ANSWER_MAX, "a head that drips is never cut off");
    for mut stream in idle {
        stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
        assert!(!matches!(stream.read(&mut [0; 1]), Ok(1)), "nobody asked on it");
    }
    // The address has its share again.
    let mut again = connect_from(from, asked.address);
    again.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    again.write_all(b"GET /fhir/metadata HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut status = [0; 12];
    again.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
    let grown = served.memory("VmHWM") - before;
    println!("200 idle connections: {} MiB more memory at most", grown >> 20);
    assert!(grown < 100 << 20);
    goes_on(&site, served);
}

fn asked(site: &Site, served: &Served) -> Asked {
    let token = site.ok("token", &["--role", "system", "--scope", "system/*.cruds"]);
    Asked { address: served.address.unwrap(), token: token["token"].as_str().unwrap().to_owned() }
}

/// It answers as ever, ends in good order, has said nothing of what was sent, and nothing stored is damaged.
fn goes_on(site: &Site, mut served: Served) {
    assert!(served.is_alive());
    let asked = asked(site, &served);
    let made = asked.send("POST", "/Patient", patient(""));
    assert_eq!(made.status, 201);
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(asked.get(&format!("/Patient/{id}")).json()["name"][0]["text"], MARKER);
    assert_eq!(asked.get(&format!("/Patient?name={MARKER}&_id={id}")).json()["entry"][0]["resource"]["id"], id);
    served.stop();
    let said = std::fs::read_to_string(site.served_log()).unwrap();
    assert!(!said.contains(MARKER) && !said.contains("panic"), "{said}");
    site.is_sound();
}

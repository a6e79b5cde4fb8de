//! `sanad ask`, `answer` and `grant` as they are typed: three sites, of which two never talk to each other.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::fhir::patient;
use support::{DEADLINE, Scratch, Site, poll, run};

fn ask_of(value: &Value) -> String {
    value["ask"].as_str().unwrap().to_owned()
}

#[test]
fn a_chart_is_asked_for_answered_and_listed_from_the_command_line() {
    let scratch = Scratch::new("ask");
    let reed = Site::found(scratch.at("reed"), "Reed");
    let cedar = reed.let_in(scratch.at("cedar"), "Cedar", false);
    let olive = reed.let_in(scratch.at("olive"), "Olive", false);
    let served = reed.serve();
    let carry = || {
        for site in [&cedar, &olive, &cedar, &olive] {
            site.ok("sync", &[]);
        }
    };
    carry();
    let chart = patient("one", "Haddad").to_string();
    cedar.import(&scratch.write("one.json", chart));
    let found = cedar.ok("ask", &["--id", "one"]);
    let id = found["here"][0].as_str().unwrap().to_owned();
    cedar.ok("ask", &["--withdraw", &ask_of(&found)]);

    // What cannot be asked for is said, and nothing is sent.
    for rest in [&["--name", "--!"][..], &["--tag", " "], &["--id", "a b"], &["--name", "x", "--born", "85"]] {
        let ran = olive.run("ask", rest).code(2);
        assert!(ran.out.is_empty() && !ran.err.is_empty(), "{ran:?}");
    }
    olive.run("ask", &[]).code(2);
    olive.run("ask", &["--tag", "1", "--list"]).code(2);
    olive.run("ask", &["--tag", "1", "--born", "1985"]).code(2);
    assert_eq!(olive.ok("ask", &["--list"])["asks"], Value::Array(vec![]));

    let asked = ask_of(&olive.ok("ask", &["--id", &id, "--by", "Swift"]));
    carry();
    let pending = cedar.ok("ask", &["--pending"]);
    assert_eq!(pending["policy"], "ask-a-person");
    assert_eq!(pending["pending"][0]["site"], "Olive");
    assert_eq!(pending["pending"][0]["candidates"][0]["patient"], id.as_str());
    cedar.run("answer", &[&asked, "--by", "Heron"]).code(2);
    cedar.run("answer", &[&asked, "--refuse", "--grant", &id, "--by", "Heron"]).code(2);
    let unknown = cedar.run("answer", &["ask-0", "--grant", &id, "--by", "Heron"]).code(2);
    assert!(unknown.err.contains("Nothing was granted"), "{unknown:?}");
    let arabic = run(cedar.command("answer", &["ask-0", "--refuse", "--by", "H"]).env("SANAD_LANG", "ar")).code(2);
    assert!(arabic.err.contains("لم يُتح شيء"), "{arabic:?}");
    let granted = cedar.ok("answer", &[&asked, "--grant", &id, "--by", "Heron"]);
    assert_eq!((&granted["site"], &granted["granted"]), (&"Olive".into(), &id.as_str().into()));
    cedar.run("answer", &[&asked, "--refuse", "--by", "Heron"]).code(3);
    carry();
    let listed = olive.ok("ask", &["--list"]);
    assert_eq!(listed["asks"][0]["answers"][0]["patients"][0], id.as_str(), "{listed}");
    assert_eq!(olive.ok("status", &[])["readable_here"]["patients"], 1);
    assert_eq!(reed.ok("status", &[])["readable_here"]["patients"], 0);

    // By hand, to a site that has not asked; and at once, by a site that is served.
    let to_nobody = cedar.run("grant", &[&id, "--to", "Fox", "--by", "Heron"]).code(2);
    assert!(to_nobody.err.contains("Fox"), "{to_nobody:?}");
    assert_eq!(cedar.ok("grant", &[&id, "--to", "Reed", "--by", "Heron"])["site"], "Reed");
    cedar.import(&scratch.write("two.json", patient("two", "Samir").to_string()));
    assert_eq!(cedar.ok("ask", &["--policy", "at-once"])["policy"], "at-once");
    let here = cedar.ok("ask", &["--id", "two"]);
    let second = here["here"][0].as_str().unwrap().to_owned();
    let serving = cedar.serve();
    olive.ok("ask", &["--id", &second]);
    let came = poll(DEADLINE, || {
        olive.ok("sync", &[]);
        (olive.ok("status", &[])["readable_here"]["patients"] == 2).then_some(())
    });
    came.expect("a served site answers by itself, and the courier brings it");
    serving.stop();
    served.stop();
    for site in [&reed, &cedar, &olive] {
        site.is_sound();
    }
}

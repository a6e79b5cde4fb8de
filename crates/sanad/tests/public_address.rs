//! `serve` keeps to the site's own network unless told aloud otherwise.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use support::{Scratch, Site, run};

/// Public, and not this machine's (RFC 5737).
const PUBLIC: &str = "203.0.113.7:0";

#[test]
fn a_public_address_is_not_listened_on_unless_that_is_said() {
    let scratch = Scratch::new("public");
    let site = Site::found(scratch.at("a"), "Cedar");
    for (language, word) in [("en", "public address"), ("ar", "عنوان عام")] {
        let refused = run(site.command("serve", &["--listen", PUBLIC]).env("SANAD_LANG", language)).code(3);
        assert!(refused.err.contains(word) && refused.err.contains("--allow-public-address"), "{}", refused.err);
    }
    // Said aloud, it is tried; here there is no such address.
    let tried = site.run("serve", &["--listen", PUBLIC, "--allow-public-address"]).code(1);
    assert!(!tried.err.contains("public address"), "{}", tried.err);
}

#[test]
fn fhir_is_answered_on_loopback() {
    let scratch = Scratch::new("loopback");
    let site = Site::found(scratch.at("a"), "Cedar");
    let served = site.serve();
    let mut stream = TcpStream::connect(served.address.unwrap()).unwrap();
    stream.write_all(b"GET /fhir/metadata HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("CapabilityStatement"),
        "{}",
        &answer[..answer.len().min(300)]
    );
    served.stop();
}

//! The demo shows what it says, in figures that hold together, and leaves nothing behind.
#![allow(clippy::unwrap_used)]

mod support;

use support::{Scratch, run, sanad};

#[test]
fn what_is_lost_with_a_destroyed_site_is_what_its_gauge_had_said() {
    let scratch = Scratch::new("demo");
    let mut demo = sanad();
    // Without a passphrase: the demo's sites have their own.
    demo.env_remove("SANAD_PASSPHRASE").env("TMPDIR", scratch.at(""));
    let ran = run(demo.args(["demo", "--once", "--json", "--patients", "40", "--seed", "7"])).code(0);
    let shown = ran.json();
    println!("{shown}");
    let number = |name: &str| shown[name].as_u64().unwrap_or_else(|| panic!("{name} is a number: {shown}"));
    assert_eq!(number("lost"), number("only_here_at_loss"));
    assert!(number("lost") > 0 && number("recovered") > 0 && number("saved") > number("saved_at_destroyed"));
    assert_eq!(number("recovered"), number("saved_at_destroyed") - number("lost"));
    assert_eq!(shown["byte_identical"], true);
    assert!(shown["seconds"].is_f64());
    assert_eq!(std::fs::read_dir(scratch.at("")).unwrap().count(), 0, "its folders are gone");
}

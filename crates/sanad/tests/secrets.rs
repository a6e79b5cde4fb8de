//! Nothing readable where it should not be: no name, no text, no passphrase and no call sign in a data folder, in a
//! temporary file, or on standard output and standard error.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use support::fhir::{lines, observation, patient};
use support::{Ran, Scratch, Site, files, run, sanad};

const FAMILY: &str = "Zzyxquanta";
const FAMILY_ARABIC: &str = "قنبرةخزامى";
const NOTE: &str = "shrapnel beside the vermilion door";
const CALL_SIGN: &str = "Tamarind-Outpost";
/// In base64 as well, as the control socket carries it.
const PASSPHRASES: [&str; 2] = [support::PASSPHRASE, "anVuaXBlciBsYWRkZXIgY29wcGVyIHNldmVudGVlbg"];
const WRONG: &str = "kestrel obsidian wrong entirely";

/// What patients and staff have said, in the forms in which it might be left behind.
fn canaries() -> Vec<Vec<u8>> {
    let texts = [FAMILY, FAMILY_ARABIC, NOTE, WRONG].into_iter().chain(PASSPHRASES);
    texts.flat_map(forms).collect()
}

fn forms(text: &str) -> Vec<Vec<u8>> {
    let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    vec![text.as_bytes().to_vec(), text.to_lowercase().into(), text.to_uppercase().into(), wide(text)]
}

fn hits(bytes: &[u8], canaries: &[Vec<u8>]) -> usize {
    canaries.iter().filter(|canary| bytes.windows(canary.len()).any(|window| window == canary.as_slice())).count()
}

/// How often any of them is in a folder's files or their names.
fn hits_in(folder: &Path, canaries: &[Vec<u8>]) -> (usize, usize) {
    let files = files(folder);
    let bytes = files.values().map(Vec::len).sum();
    let found = files.iter().map(|(name, bytes)| hits(name.as_bytes(), canaries) + hits(bytes, canaries));
    (found.sum(), bytes)
}

#[test]
fn nothing_readable_is_left_outside_an_export() {
    let scratch = Scratch::new("secrets");
    std::fs::create_dir_all(scratch.at("tmp")).unwrap();
    let canaries = canaries();
    let with_call_sign: Vec<_> = canaries.iter().cloned().chain(forms(CALL_SIGN)).collect();
    let mut said: Vec<(String, Ran)> = Vec::new();
    let mut a = Site::at(scratch.at("a"));
    let mut b = Site::at(scratch.at("b"));
    (a.tmp, b.tmp) = (Some(scratch.at("tmp")), Some(scratch.at("tmp")));
    let tell = |site: &Site, said: &mut Vec<(String, Ran)>, name: &str, rest: &[&str]| {
        said.push((name.to_owned(), run(&mut site.command(name, rest))));
        // As people see it, too.
        let mut plain = sanad();
        plain.arg(name).arg(&site.dir).args(rest).env("TMPDIR", scratch.at("tmp"));
        if !matches!(name, "init" | "join" | "invite") {
            said.push((name.to_owned(), run(&mut plain)));
        }
    };
    tell(&a, &mut said, "init", &["--site", CALL_SIGN]);
    let mut person = patient("canary", FAMILY);
    person["name"][0]["text"] = FAMILY_ARABIC.into();
    let mut wound = observation("canary", "canary", 1);
    wound["note"] = serde_json::json!([{ "text": NOTE }]);
    let given = format!("{person}\n{wound}\n{}", lines(20, 10));
    let input = scratch.write("given.ndjson", &given);
    let torn = scratch.write("torn.json", &person.to_string()[..person.to_string().len() - 3]);
    let foreign = scratch.write("foreign.json", format!("{{\"{FAMILY}\": [\"{NOTE}\", {FAMILY}]}}"));
    let (input, torn, foreign) = (input.to_str().unwrap(), torn.to_str().unwrap(), foreign.to_str().unwrap());
    tell(&a, &mut said, "import", &[input, torn, foreign]);
    let served = a.serve();
    let invite = a.invite(&["--haven"]);
    tell(&b, &mut said, "join", &["--site", "Haven", "--invite", &invite]);
    let out = scratch.at("out");
    for site in [&a, &b] {
        tell(site, &mut said, "sync", &[]);
        tell(site, &mut said, "status", &[]);
        tell(site, &mut said, "import", &[input, torn, foreign]);
        tell(site, &mut said, "check", &["--rebuild"]);
        tell(site, &mut said, "export", &[out.to_str().unwrap()]);
        tell(site, &mut said, "sync", &["--with", "https://203.0.113.9:1"]);
        said.push(("wrong".to_owned(), run(site.command("status", &[]).env("SANAD_PASSPHRASE", WRONG))));
    }
    // While it is served, with its write-ahead log; after a kill; after an orderly end.
    let mut searched = 0;
    let mut search = |when: &str| {
        for folder in ["a", "b", "tmp"] {
            let (found, bytes) = hits_in(&scratch.at(folder), &with_call_sign);
            assert_eq!(found, 0, "{folder} {when}");
            searched += bytes;
        }
    };
    search("while served");
    served.kill();
    search("after a kill");
    a.serve().stop();
    search("after an end");

    // The search finds what is there: in what was given, and in an export.
    assert!(hits(given.as_bytes(), &canaries) >= 3);
    assert!(hits_in(&out, &canaries).0 >= 3, "an export is not sealed");
    let told: usize = said.iter().map(|(_, ran)| ran.out.len() + ran.err.len()).sum();
    for (name, ran) in &said {
        let found = hits(ran.out.as_bytes(), &canaries) + hits(ran.err.as_bytes(), &canaries);
        assert_eq!(found, 0, "{name} said it: {ran:?}");
    }
    assert_eq!(hits(&std::fs::read(a.served_log()).unwrap(), &with_call_sign), 0);
    let codes: Vec<_> = said.iter().map(|(name, ran)| format!("{name} {}", ran.code)).collect();
    println!("{searched} bytes of folders and {told} bytes of output searched: {}", codes.join(", "));
    assert!(searched > 1_000_000 && told > 3_000);
}

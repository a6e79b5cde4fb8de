//! Bundles on a stick, through the binary: sites that never see each other, and what sticks suffer on the way.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_node::bundle::{BundleError, ReceiptTo};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::fhir::{lines, observation, patient};
use support::rights::{Disk, ran_in_a_user_namespace};
use support::{DEADLINE, Dice, PASSPHRASE, Ran, Scratch, Site, files, poll, run, sanad};

/// Bytes of a chunk, and of what stands before the first one: `docs/protocol.md` §11.
const CHUNK: usize = 64 * 1024;
const SALT: usize = 32;

/// A command of two words on a site.
fn ran(site: &Site, words: &[&str], rest: &[&str]) -> Ran {
    let mut command = sanad();
    command.args(words).arg(&site.dir).args(rest).arg("--json");
    run(&mut command)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[track_caller]
fn write(site: &Site, out: &Path, rest: &[&str]) -> Value {
    ran(site, &["bundle", "write"], &[&[text(out)], rest].concat()).code(0).json()
}

#[track_caller]
fn read(site: &Site, file: &Path) -> Value {
    ran(site, &["bundle", "read"], &[text(file)]).code(0).json()
}

/// The receipt that a reading left.
#[track_caller]
fn receipt(report: &Value) -> PathBuf {
    PathBuf::from(report["receipt"].as_str().unwrap_or_else(|| panic!("no receipt: {report}")))
}

fn only_here(site: &Site) -> u64 {
    site.ok("status", &[])["only_here"]["records"].as_u64().unwrap()
}

fn entries(site: &Site) -> u64 {
    site.ok("status", &[])["stored"]["entries"].as_u64().unwrap()
}

/// Bytes that no compressor makes smaller, as text.
fn noise(seed: u64, bytes: usize) -> String {
    let mut dice = Dice(seed);
    (0..bytes / 16).map(|_| format!("{:016x}", dice.below(u64::MAX))).collect()
}

/// Resources that fill some chunks of a bundle.
fn heavy(count: u64) -> String {
    let mut out = format!("{}\n", patient("heavy", "Haddad"));
    for number in 0..count {
        let mut resource = observation(&format!("heavy-{number}"), "heavy", number);
        resource["note"] = json!([{ "text": noise(number, 20_000) }]);
        out.push_str(&format!("{resource}\n"));
    }
    out
}

/// Cedar and a haven that has never heard of what Cedar saves from now on.
fn pair(scratch: &Scratch) -> (Site, Site) {
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let haven = cedar.let_in(scratch.at("haven"), "Haven", true);
    // How much of the joining itself was confirmed in time is chance; after this, all of it is.
    let hello = scratch.at("hello");
    write(&cedar, &hello, &["--for", "Haven"]);
    if let Some(receipt) = read(&haven, &hello)["receipt"].as_str() {
        read(&cedar, Path::new(receipt));
    }
    (cedar, haven)
}

#[test]
fn a_stick_brings_records_and_its_receipt_lowers_only_here() {
    let scratch = Scratch::new("stick");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("some.ndjson", lines(5, 3)));
    let stick = scratch.at("holiday.jpg");
    let wrote = write(&cedar, &stick, &["--for", "Haven"]);
    assert!(wrote["entries"].as_u64().unwrap() >= 5 && wrote["left"] == 0, "{wrote}");
    assert_eq!(only_here(&cedar), 20, "what left on a stick has not arrived");
    let brought = read(&haven, &stick);
    assert_eq!((&brought["from"], &brought["whole"], &brought["waiting"]), (&"Cedar".into(), &true.into(), &0.into()));
    // Whether the receipt of the joining came back in time is chance: some of it may be known.
    let (new, known) = (brought["new"].as_u64().unwrap(), brought["known"].as_u64().unwrap());
    assert!(new >= 5 && wrote["entries"] == new + known, "{brought}");
    assert_eq!(haven.export(&scratch.at("out")).len(), 20, "the haven reads all of it");
    let back = read(&cedar, &receipt(&brought));
    assert_eq!((&back["receipts"], &back["receipt"]), (&1.into(), &Value::Null), "nobody answers a receipt: {back}");
    assert_eq!(only_here(&cedar), 0);
    // Nothing looks like anything.
    for file in [stick.clone(), receipt(&brought)] {
        let bytes = fs::read(&file).unwrap();
        let distinct: BTreeSet<_> = bytes[..256].iter().collect();
        assert!(distinct.len() > 120 && !bytes.windows(5).any(|window| window == b"sanad" || window == b"Cedar"));
    }
    // Everything is confirmed: the next bundle holds a receipt and nothing else.
    let next = scratch.at("next");
    assert_eq!(write(&cedar, &next, &["--for", "Haven"])["holds"], 0);
    assert!(fs::metadata(&next).unwrap().len() < 4_096);
    cedar.is_sound();
    haven.is_sound();
}

#[test]
fn a_bundle_carried_on_by_a_third_site_counts_when_its_receipt_returns() {
    let scratch = Scratch::new("third");
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let olive = cedar.let_in(scratch.at("olive"), "Olive", false);
    let reed = cedar.let_in(scratch.at("reed"), "Reed", false);
    cedar.import(&scratch.write("some.ndjson", lines(4, 4)));
    // Meant for Olive; somebody mixes the sticks up, and Reed reads it.
    let stick = scratch.at("stick");
    write(&cedar, &stick, &["--for", "Olive"]);
    let at_reed = read(&reed, &stick);
    assert!(at_reed["new"].as_u64().unwrap() >= 4, "{at_reed}");
    // Reed's receipt reaches Olive only, which has nothing of it.
    assert!(read(&olive, &receipt(&at_reed))["receipts"].as_u64().unwrap() >= 1);
    let from_olive = scratch.at("from-olive");
    write(&olive, &from_olive, &[]);
    assert_eq!(only_here(&cedar), 20);
    assert!(read(&cedar, &from_olive)["receipts"].as_u64().unwrap() >= 1);
    assert_eq!(only_here(&cedar), 0, "Reed holds it, and Olive said so");
    let status = cedar.ok("status", &[]);
    let behind = |name: &str| {
        let sites = status["sites"].as_array().unwrap();
        sites.iter().find(|site| site["site"] == name).unwrap()["behind"]["records"].clone()
    };
    assert_eq!((behind("Reed"), behind("Olive")), (0.into(), 20.into()));
    // And the other way round: Reed carries on what it cannot read, and Olive's receipt comes back to Cedar by Reed.
    let carried = scratch.at("carried");
    write(&reed, &carried, &["--for", "Olive"]);
    let at_olive = read(&olive, &carried);
    assert!(at_olive["new"].as_u64().unwrap() >= 4 && at_olive["from"] == "Reed", "{at_olive}");
    let receipt_of_olive = receipt(&at_olive);
    read(&reed, &receipt_of_olive);
    let last = scratch.at("last");
    write(&reed, &last, &["--for", "Cedar"]);
    read(&cedar, &last);
    let status = cedar.ok("status", &[]);
    assert!(status["sites"].as_array().unwrap().iter().all(|site| site["behind"]["records"] == 0), "{status}");
}

#[test]
fn a_stick_with_foreign_files_changes_nothing_and_none_of_them_is_touched() {
    let scratch = Scratch::new("foreign");
    let (cedar, haven) = pair(&scratch);
    let other = Site::found(scratch.at("other"), "Other");
    let mut dice = Dice(9);
    let random: Vec<u8> = (0..CHUNK * 2 + SALT).map(|_| dice.below(256) as u8).collect();
    scratch.write("stick/random", &random);
    scratch.write("stick/random-small", &random[..SALT + 40 + 64]);
    scratch.write("stick/letter.txt", "Nothing to see here.\n");
    scratch.write("stick/empty", "");
    scratch.write("stick/archive.zip", [b"PK\x03\x04".as_slice(), &random[..5_000]].concat());
    fs::create_dir(scratch.at("stick/folder")).unwrap();
    other.import(&scratch.write("some.ndjson", lines(2, 2)));
    write(&other, &scratch.at("stick/another-network"), &[]);
    let (before, held) = (files(&scratch.at("stick")), entries(&haven));
    for name in ["random", "random-small", "letter.txt", "empty", "archive.zip", "another-network"] {
        let refused = ran(&haven, &["bundle", "read"], &[text(&scratch.at("stick").join(name))]).code(3);
        assert!(refused.out.is_empty() && refused.err.contains("not readable with this network's keys"), "{refused:?}");
    }
    for (name, code) in [("folder", 2), ("missing", 1)] {
        ran(&haven, &["bundle", "read"], &[text(&scratch.at("stick").join(name))]).code(code);
    }
    for name in ["random", "random-small", "letter.txt", "archive.zip", "another-network"] {
        let refused = ran(&cedar, &["bundle", "write"], &[text(&scratch.at("stick").join(name))]).code(3);
        assert!(refused.err.contains("did not write"), "{refused:?}");
    }
    ran(&cedar, &["bundle", "write"], &[text(&scratch.at("stick/folder"))]).code(2);
    let unknown = ran(&cedar, &["bundle", "write"], &[text(&scratch.at("stick/x")), "--for", "Nobody"]).code(2);
    assert!(unknown.err.contains("Nobody"), "{unknown:?}");
    ran(&cedar, &["bundle", "write"], &[text(&scratch.at("stick/x")), "--max-bytes", "100"]).code(2);
    ran(&cedar, &["bundle", "write"], &[text(&scratch.at("stick/x")), "--max-bytes", "much"]).code(2);
    assert!(files(&scratch.at("stick")) == before, "nothing on the stick was changed");
    assert_eq!(entries(&haven), held);
    // A bundle of another site of this network is not written over either; an empty file is free.
    write(&cedar, &scratch.at("stick/empty"), &[]);
    let refused = ran(&haven, &["bundle", "write"], &[text(&scratch.at("stick/empty"))]).code(3);
    assert!(refused.err.contains("did not write"), "{refused:?}");
    // The words are there in Arabic too.
    let mut arabic = sanad();
    arabic.args(["bundle", "read"]).arg(&haven.dir).arg(scratch.at("stick/random")).env("SANAD_LANG", "ar");
    assert!(run(&mut arabic).code(3).err.contains("بمفاتيح هذه الشبكة"));
}

/// The site's folder, opened in this process while no other has it.
fn within<T>(site: &Site, work: impl AsyncFnOnce(&sanad_node::site::Site) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let opened = sanad_node::site::Site::open(&site.dir, PASSPHRASE, Duration::ZERO).unwrap();
        let result = work(&opened).await;
        opened.close().await;
        result
    })
}

#[test]
fn a_half_written_bundle_is_read_up_to_its_last_whole_chunk_wherever_it_was_cut() {
    let scratch = Scratch::new("cut");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("heavy.ndjson", heavy(60)));
    let stick = scratch.at("stick");
    write(&cedar, &stick, &[]);
    let whole = fs::read(&stick).unwrap();
    let chunks = (whole.len() - SALT) / CHUNK;
    assert!(chunks >= 5 && (whole.len() - SALT).is_multiple_of(CHUNK), "{} bytes", whole.len());
    let mut dice = Dice::new("cut");
    let mut cuts: Vec<usize> = (0..40).map(|_| dice.below(whole.len() as u64) as usize).collect();
    // Around each border, too.
    cuts.extend((0..=chunks).flat_map(|chunk| [0, 1, 2].map(|more| (SALT + chunk * CHUNK + more).saturating_sub(1))));
    cuts.retain(|cut| *cut <= whole.len());
    cuts.sort_unstable();
    let torn = scratch.at("torn");
    let (mut brought, mut last) = (0, 0);
    within(&haven, async |site| {
        for cut in cuts {
            fs::write(&torn, &whole[..cut]).unwrap();
            let report = match site.read_bundle(&torn, &ReceiptTo::At(scratch.at("receipt")), &|_, _| {}).await {
                Ok(report) => report,
                Err(BundleError::NotReadable) => {
                    assert!(cut < SALT + CHUNK, "{cut} bytes hold a whole chunk");
                    continue;
                }
                Err(error) => panic!("{cut}: {error}"),
            };
            assert!(cut >= SALT + CHUNK);
            brought += report.new;
            let holds = report.new + report.known;
            assert!(holds >= last && report.waiting == 0 && report.refused == 0, "{cut}: {report:?}");
            last = holds;
            assert!(report.damaged.is_empty() && (report.whole || cut < whole.len()), "{cut}: {report:?}");
        }
    });
    assert!(brought >= 8 && brought == last, "{brought} new in all, {last} in the whole");
    assert_eq!(haven.export(&scratch.at("out")).len(), 61);
    haven.is_sound();
}

#[test]
fn writing_goes_on_where_it_stopped_and_never_over_a_whole_chunk() {
    let scratch = Scratch::new("resume");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("heavy.ndjson", heavy(40)));
    let stick = scratch.at("stick");
    let first = write(&cedar, &stick, &[]);
    let whole = fs::read(&stick).unwrap();
    for cut in [0, SALT, SALT + 100, SALT + CHUNK + 5, SALT + 3 * CHUNK, whole.len() - 1, whole.len()] {
        fs::write(&stick, &whole[..cut]).unwrap();
        let again = write(&cedar, &stick, &[]);
        let now = fs::read(&stick).unwrap();
        let kept = if cut >= SALT + CHUNK { SALT + (cut - SALT) / CHUNK * CHUNK } else { 0 };
        // Padding at the end may be written over.
        let kept = kept.min(whole.len() - 2 * CHUNK);
        assert!(now[..kept] == whole[..kept], "cut at {cut}: {kept} bytes stay");
        assert_eq!(again["holds"], first["holds"], "cut at {cut}");
        assert_eq!(again["continued"], cut >= SALT + CHUNK, "cut at {cut}");
    }
    let settled = fs::read(&stick).unwrap();
    assert_eq!(write(&cedar, &stick, &[])["entries"], 0);
    assert!(fs::read(&stick).unwrap() == settled, "with nothing to add, nothing is written");
    // More is saved: it goes behind.
    cedar.import(&scratch.write("more.ndjson", lines(3, 1)));
    let more = write(&cedar, &stick, &[]);
    assert!(more["entries"].as_u64().unwrap() >= 3 && more["continued"] == true, "{more}");
    let now = fs::read(&stick).unwrap();
    assert!(now.len() > settled.len() && now[..settled.len() - CHUNK] == settled[..settled.len() - CHUNK]);
    assert_eq!(read(&haven, &stick)["whole"], true);
    assert_eq!(haven.export(&scratch.at("out")).len(), 41 + 6);
}

#[test]
fn chunks_that_are_flipped_moved_or_doubled_cost_only_themselves_and_are_named() {
    let scratch = Scratch::new("flipped");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("heavy.ndjson", heavy(60)));
    let stick = scratch.at("stick");
    let wrote = write(&cedar, &stick, &[]);
    let good = fs::read(&stick).unwrap();
    let at = |chunk: usize| SALT + chunk * CHUNK..SALT + (chunk + 1) * CHUNK;
    let mut flipped = good.clone();
    flipped[SALT + 2 * CHUNK + 777] ^= 0x10;
    let mut moved = good.clone();
    moved[at(1)].copy_from_slice(&good[at(3)]);
    moved[at(3)].copy_from_slice(&good[at(1)]);
    let doubled = [&good[..SALT + 2 * CHUNK], &good[at(1)], &good[SALT + 2 * CHUNK..]].concat();
    let mut swapped = good.clone();
    fs::write(scratch.at("second"), "").unwrap();
    write(&cedar, &scratch.at("second"), &[]);
    swapped[at(4)].copy_from_slice(&fs::read(scratch.at("second")).unwrap()[at(4)]);
    let (mut new, count) = (0, (good.len() - SALT) / CHUNK);
    let mut last = good.clone();
    last[SALT + (count - 1) * CHUNK + 40] ^= 1;
    let from_2: Vec<usize> = (2..=count).collect();
    let cases = [
        ("moved", moved, vec![1, 3]),
        ("doubled", doubled, from_2),
        ("flipped", flipped, vec![2]),
        ("swapped", swapped, vec![4]),
        ("last", last, vec![count - 1]),
    ];
    for (name, bytes, damaged) in cases {
        let file = scratch.write(name, bytes);
        let report = ran(&haven, &["bundle", "read"], &[text(&file)]).code(4).json();
        assert_eq!(report["damaged"], json!(damaged), "{name}");
        assert_eq!((&report["refused"], &report["whole"]), (&0.into(), &false.into()), "{name}: {report}");
        new += report["new"].as_u64().unwrap();
    }
    println!("{new} of {} came in from damaged bundles", wrote["entries"]);
    let rest = read(&haven, &stick);
    assert_eq!(rest["new"].as_u64().unwrap() + rest["known"].as_u64().unwrap(), wrote["entries"].as_u64().unwrap());
    assert!(new > 0);
    assert_eq!(haven.export(&scratch.at("out")).len(), 61);
    haven.is_sound();
}

#[test]
fn the_same_bundle_read_a_hundred_times_brings_its_entries_once_and_leaves_one_receipt() {
    let scratch = Scratch::new("hundred");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("some.ndjson", lines(40, 4)));
    fs::create_dir(scratch.at("stick")).unwrap();
    let stick = scratch.at("stick/bundle");
    write(&cedar, &stick, &[]);
    within(&haven, async |site| {
        let mut first = None;
        for time in 0..100 {
            let report = site.read_bundle(&stick, &ReceiptTo::Beside, &|_, _| {}).await.unwrap();
            let all = *first.get_or_insert(report.new + report.known);
            assert!(all >= 50 && (report.new > 0) == (time == 0), "{time}: {report:?}");
            assert_eq!(report.new + report.known, all);
            assert_eq!(report.receipts, u64::from(time == 0), "Cedar's own, once");
        }
    });
    assert_eq!(files(&scratch.at("stick")).len(), 2, "the bundle and one receipt");
}

#[test]
fn what_is_urgent_and_pinned_patients_fit_before_the_rest() {
    let scratch = Scratch::new("pinned");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("heavy.ndjson", heavy(40)));
    cedar.import(
        &scratch.write("one.ndjson", format!("{}\n{}", patient("pinned", "Kassab"), observation("o-1", "pinned", 7))),
    );
    let allergy = json!({
        "resourceType": "AllergyIntolerance", "id": "allergy", "patient": { "reference": "Patient/heavy" },
        "code": { "text": "penicillin" },
    });
    cedar.import(&scratch.write("allergy.json", allergy.to_string()));
    assert!(ran(&cedar, &["pin"], &["nobody"]).code(2).err.contains("nobody"));
    assert_eq!(ran(&cedar, &["pin"], &[]).code(0).json()["pinned"], json!([]));
    assert_eq!(ran(&cedar, &["pin"], &["pinned"]).code(0).json()["pinned"], json!(["pinned"]));
    ran(&cedar, &["pin"], &["heavy"]).code(0);
    assert_eq!(ran(&cedar, &["pin"], &["heavy", "--off"]).code(0).json()["pinned"], json!(["pinned"]));
    let stick = scratch.at("stick");
    for max in [20_000u64, 65_000, 140_000] {
        let file = scratch.at(&format!("stick-{max}"));
        let wrote = write(&cedar, &file, &["--max-bytes", &max.to_string()]);
        assert!(fs::metadata(&file).unwrap().len() <= max && wrote["left"] != 0, "{max}: {wrote}");
    }
    // A full one stays as it is, and says what it has no room for.
    let full = scratch.at("stick-140000");
    let again = (0..8).find_map(|_| {
        let before = fs::read(&full).unwrap();
        let wrote = write(&cedar, &full, &["--max-bytes", "140000"]);
        assert!(wrote["continued"] == true && wrote["left"] != 0 && wrote["bytes"] == before.len(), "{wrote}");
        (fs::read(&full).unwrap() == before).then_some(wrote)
    });
    let again = again.expect("it is full in the end");
    assert_eq!(again["entries"], 0);
    assert!(again["holds"].as_u64().unwrap() > 0, "{again}");
    fs::rename(scratch.at("stick-20000"), &stick).unwrap();
    let report = read(&haven, &stick);
    assert_eq!((&report["waiting"], &report["whole"]), (&0.into(), &true.into()), "{report}");
    let held = haven.export(&scratch.at("out"));
    for name in ["AllergyIntolerance/allergy.json", "Patient/pinned.json", "Observation/o-1.json"] {
        assert!(held.contains_key(name), "{name}: {:?}", held.keys());
    }
    assert!(held.len() < 10, "{:?}", held.keys());
    let whole = scratch.at("whole");
    assert_eq!(write(&cedar, &whole, &["--max-bytes", "4M"])["left"], 0);
    read(&haven, &whole);
    assert_eq!(haven.export(&scratch.at("out-whole")).len(), 44);
    within(&cedar, async |site| {
        let out = site.bundles_out().await.unwrap();
        assert!((4..=5).contains(&out.len()), "every stick that left with entries is remembered");
        assert!(out[0].holds.count() > out[3].holds.count() && out[..4].iter().all(|bundle| bundle.site.is_none()));
    });
}

#[test]
fn a_full_stick_holds_a_bundle_up_to_its_last_whole_chunk_and_is_carried_on_when_there_is_room() {
    let test = "a_full_stick_holds_a_bundle_up_to_its_last_whole_chunk_and_is_carried_on_when_there_is_room";
    if ran_in_a_user_namespace(test) {
        return;
    }
    let scratch = Scratch::new("full-stick");
    let mounted = Disk::mount(scratch.at("disk"), "300k");
    let disk = mounted.0.clone();
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("heavy.ndjson", heavy(30)));
    let stick = disk.join("stick");
    // Room for two chunks and a half.
    fs::write(disk.join("other"), vec![1; 140 * 1024]).unwrap();
    let full = ran(&cedar, &["bundle", "write"], &[text(&stick)]).code(1);
    assert!(full.out.is_empty() && full.err.contains("a bundle that can be read"), "{full:?}");
    let len = fs::metadata(&stick).unwrap().len() as usize;
    assert!(len >= SALT + CHUNK && (len - SALT).is_multiple_of(CHUNK), "{len}");
    let part = ran(&haven, &["bundle", "read"], &[text(&stick), "--receipt", text(&scratch.at("r"))]).code(0).json();
    assert!(part["new"].as_u64().unwrap() > 0 && part["whole"] == false, "{part}");
    // No room for the receipt: said, and the entries are in.
    let filled = (0..).take_while(|at| fs::write(disk.join(format!("f{at}")), vec![1; 4096]).is_ok()).count();
    assert!(filled < 100);
    let no_receipt = ran(&haven, &["bundle", "read"], &[text(&stick)]).code(1).json();
    assert!(no_receipt["receipt_problem"].is_string() && no_receipt["known"] == part["new"], "{no_receipt}");
    for (name, _) in files(&disk) {
        if name != "stick" {
            fs::remove_file(disk.join(name)).unwrap();
        }
    }
    mounted.resize("4m");
    assert_eq!(write(&cedar, &stick, &[])["continued"], true);
    read(&haven, &stick);
    assert_eq!(haven.export(&scratch.at("out")).len(), 31);
}

#[test]
fn lines_of_text_arrive_in_any_order_doubled_and_among_garbage() {
    let scratch = Scratch::new("sms");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("one.ndjson", lines(1, 1)));
    let allergy = json!({
        "resourceType": "AllergyIntolerance", "id": "allergy", "patient": { "reference": "Patient/patient-0" },
        "code": { "text": "penicillin" },
    });
    cedar.import(&scratch.write("allergy.json", allergy.to_string()));
    let out = ran(&cedar, &["sms", "encode"], &["--for", "Haven", "--max-frames", "60"]).code(0).json();
    let sent: Vec<String> =
        out["lines"].as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect();
    assert!(sent.len() > 2 && sent.len() <= 60 && out["left"] == 0, "{} lines, {} left", sent.len(), out["left"]);
    assert!(
        sent.iter()
            .all(|line| line.len() <= 160 && line.chars().all(|c| c.is_ascii_alphanumeric() || "+/".contains(c)))
    );
    let decode = |site: &Site, text: &str| {
        let mut command = sanad();
        let file = scratch.write("text", text);
        command.args(["sms", "decode"]).arg(&site.dir).arg("--json").stdin(fs::File::open(file).unwrap());
        run(&mut command)
    };
    // All but the first, backwards, twice, with what a phone shows between them.
    let mut rest: Vec<_> = sent[1..].to_vec();
    rest.reverse();
    let text = rest.iter().map(|line| format!("+963 11 2, 14:05: {line}\nOK\n{line}\n")).collect::<String>();
    let first = decode(&haven, &text).code(0).json();
    assert_eq!((&first["read"], &first["reply"]), (&json!([]), &json!([])), "{first}");
    assert_eq!(first["pending"][0]["missing"], json!([1]), "{first}");
    assert_eq!(decode(&haven, "garbage\n\u{1F600} AAAA\n").code(0).json()["lines"], 0);
    // A slip in the last line is found; the line itself, broken in two by the phone, is put together.
    let slip = sent[0].replacen(&sent[0][20..21], if &sent[0][20..21] == "x" { "y" } else { "x" }, 1);
    assert_eq!(decode(&haven, &slip).code(0).json()["lines"], 0);
    let (a, b) = sent[0].split_at(70);
    let done = decode(&haven, &format!("{a}\r\n{b}\r\n")).code(0).json();
    assert_eq!(done["pending"], json!([]), "{done}");
    assert_eq!((&done["read"][0]["from"], &done["read"][0]["waiting"]), (&"Cedar".into(), &0.into()), "{done}");
    assert_eq!(haven.export(&scratch.at("out")).len(), 3);
    assert_eq!(decode(&haven, &text).code(0).json()["known"], 1, "the same lines again are known");
    // The receipt goes back the same way.
    assert_eq!(only_here(&cedar), 3);
    let reply: Vec<_> = done["reply"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!((1..=4).contains(&reply.len()), "a receipt takes few lines: {reply:?}");
    let back = decode(&cedar, &reply.join("\n")).code(0).json();
    assert_eq!((&back["read"][0]["receipts"], &back["reply"]), (&1.into(), &json!([])), "{back}");
    assert_eq!(only_here(&cedar), 0);
    // Another network's lines are whole, and nothing of them is taken.
    let other = Site::found(scratch.at("other"), "Other");
    for _ in 0..2 {
        let refused = decode(&other, &sent.join("\n")).code(3).json();
        assert_eq!((&refused["not_readable"], &refused["known"]), (&1.into(), &0.into()), "its key may come yet");
    }
    // For people: the lines alone on standard output, and only as many as asked for.
    let mut plain = sanad();
    cedar.import(&scratch.write("more.ndjson", lines(30, 3)));
    plain.args(["sms", "encode"]).arg(&cedar.dir).args(["--for", "Haven", "--max-frames", "12"]);
    let plain = run(&mut plain).code(0);
    assert!(
        (2..=12).contains(&plain.out.lines().count()) && plain.out.lines().all(|line| line.len() <= 160),
        "{plain:?}"
    );
    ran(&cedar, &["sms", "encode"], &["--for", "Haven", "--max-frames", "1"]).code(2);
    ran(&cedar, &["sms", "encode"], &["--for", "Cedar"]).code(2);
}

/// A site that is served and watches a folder.
fn watching(site: &Site, folder: &Path) -> std::process::Child {
    let mut command = site.command("serve", &["--listen", "127.0.0.1:0", "--watch", text(folder)]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().unwrap()
}

struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_watched_folder_is_read_answered_and_filled_and_foreign_files_stay_as_they_are() {
    let scratch = Scratch::new("watch");
    let (cedar, haven) = pair(&scratch);
    cedar.import(&scratch.write("some.ndjson", lines(5, 3)));
    let stick = scratch.at("stick");
    scratch.write("stick/letter.txt", "Nothing to see here.\n");
    scratch.write("stick/archive.zip", [b"PK\x03\x04".as_slice(), &[7; 70_000]].concat());
    let foreign = files(&stick);
    // The same folder in both, as a stick that goes to and fro.
    let at_cedar = Killed(watching(&cedar, &stick));
    let at_haven = Killed(watching(&haven, &stick));
    // Before they serve, a command would take the folder itself.
    let served = || [&cedar, &haven].iter().all(|site| site.dir.join("control").exists()).then_some(());
    poll(DEADLINE, served).expect("both are served");
    let settled = poll(DEADLINE, || {
        let sites = [cedar.run("status", &[]), haven.run("status", &[])];
        let gauges: Vec<u64> = sites
            .iter()
            .filter(|ran| ran.code == 0)
            .map(|ran| ran.json()["only_here"]["records"].as_u64().unwrap())
            .collect();
        (gauges == [0, 0]).then_some(())
    });
    assert!(settled.is_some(), "{:?}", files(&stick).keys());
    assert_eq!(haven.export(&scratch.at("out")).len(), 20);
    drop((at_cedar, at_haven));
    let left = files(&stick);
    assert!(foreign.iter().all(|(name, bytes)| left.get(name) == Some(bytes)), "foreign files are as they were");
    // A bundle and a receipt of each at most: nobody answers answers.
    assert!((3..=6).contains(&left.len()), "{:?}", left.keys());
}

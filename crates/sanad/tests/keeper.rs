//! Keepers as processes: what one carries it cannot open, one process serves many networks, and whoever calls it without
//! belonging to one costs it nothing.
#![allow(clippy::unwrap_used)]

mod support;

use sanad_log::control::{FacilitySecret, open_handover};
use sanad_log::entry::BodyKind;
use sanad_log::frontier::Range;
use sanad_log::ids::ScopeTag;
use sanad_log::message::Refusal;
use sanad_log::replica::Outcome;
use sanad_node::carrier::{Channel, Dialer, FRAME_BYTES_MAX, Limits, Target};
use sanad_node::session::End;
use sanad_node::site::{self, Site as Node};
use sanad_node::tls::Pin;
use sanad_store::{Folder, KdfCost, Store};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;
use support::fhir::{observation, patient};
use support::{DEADLINE, Dice, PASSPHRASE, Scratch, Site, memory_of, poll, run, sanad};

/// A process that keeps. Killed when dropped.
struct Keep {
    child: Child,
    address: SocketAddr,
}

impl Keep {
    /// Starts `sanad keep` and waits until it listens.
    fn start(dir: &Path, listen: &str, rest: &[&str]) -> Keep {
        let mut command = sanad();
        command.arg("keep").arg(dir).args(["--listen", listen, "--json"]).args(rest);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let url = said["listening"].as_str().unwrap();
        Keep { child, address: url.strip_prefix("https://").unwrap().parse().unwrap() }
    }

    fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Resident memory, now and at most, in bytes.
    fn memory(&self, name: &str) -> u64 {
        memory_of(&self.child, name)
    }

    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let ended = poll(DEADLINE, || self.child.try_wait().unwrap());
        assert_eq!(ended.and_then(|status| status.code()), Some(0), "it ends in good order");
    }
}

impl Drop for Keep {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Joins a folder as the keeper of a site's network. The site is served meanwhile.
fn join_keeper(site: &Site, folder: &Path, call_sign: &str) {
    let invite = site.invite(&["--keeper"]);
    let mut join = sanad();
    join.arg("join").arg(folder).args(["--site", call_sign, "--invite", &invite, "--json"]);
    let joined = run(&mut join).code(0).json();
    assert_eq!(joined["kind"], "keeper");
}

/// Waits until a site has read where the keeper is.
fn knows_address(site: &Site, call_sign: &str) {
    let known = poll(DEADLINE, || {
        let status = site.ok("status", &[]);
        let keeper = row(&status, call_sign)?.clone();
        (keeper["kind"] == "keeper" && !keeper["addresses"].as_array()?.is_empty()).then_some(())
    });
    known.expect("the keeper says where it is");
}

fn row<'a>(status: &'a Value, call_sign: &str) -> Option<&'a Value> {
    status["sites"].as_array()?.iter().find(|site| site["site"] == call_sign)
}

fn only_here(status: &Value) -> u64 {
    status["only_here"]["records"].as_u64().unwrap()
}

fn open(folder: &Path) -> Store {
    Folder::open(folder).unwrap().unlock(PASSPHRASE, Duration::ZERO).unwrap()
}

/// A day's records, with words in them that stand nowhere else.
fn day(scratch: &Scratch, canaries: &mut Vec<Vec<u8>>) -> PathBuf {
    let mut lines = String::new();
    for n in 0..20 {
        let (family, note) = (format!("Qasimcanary{n}"), format!("wound-canary-{n}-left-thigh"));
        let mut person = patient(&format!("canary-patient-{n}"), &family);
        person["name"] = serde_json::json!([{ "family": family, "given": ["Samiracanary"] }]);
        lines += &format!("{person}\n");
        let mut seen = observation(&format!("canary-observation-{n}"), &format!("canary-patient-{n}"), n);
        seen["note"] = serde_json::json!([{ "text": note }]);
        lines += &format!("{seen}\n");
        canaries.extend([family, note, format!("canary-patient-{n}")].map(String::into_bytes));
    }
    canaries.push(b"Samiracanary".to_vec());
    scratch.write("day.ndjson", lines)
}

/// Every key that opens something in the network, as a site that reads holds it.
fn keys_of(folder: &Path, canaries: &mut Vec<Vec<u8>>) {
    let secrets = open(folder).secrets().unwrap();
    canaries.extend([secrets.facility[..32].to_vec(), secrets.facility[32..].to_vec(), secrets.device_seed.to_vec()]);
    canaries.extend(secrets.authority_seed.map(|seed| seed.to_vec()));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Node::open(folder, PASSPHRASE, Duration::ZERO).unwrap();
        let keys = node.with_directory(|directory| {
            let scopes = directory.readable_charts().chain([ScopeTag::NETWORK]).collect::<Vec<_>>();
            let keys = scopes.iter().map(|scope| directory.seal_key(scope).unwrap().expose().to_vec());
            let pairs = directory.facilities().keys().filter_map(|id| directory.pair_for(id));
            keys.chain(pairs.map(|pair| pair.expose().to_vec())).collect::<Vec<_>>()
        });
        canaries.extend(keys.await.unwrap());
        node.close().await;
    });
}

#[test]
fn a_keeper_holds_nothing_that_it_can_open_and_two_sites_that_never_meet_have_everything() {
    let scratch = Scratch::new("keeper");
    let a = Site::found(scratch.at("a"), "Cedarcanary");
    let served = a.serve();
    let b = Site::join(scratch.at("b"), "Havencanary", &a.invite(&["--haven"]));
    let folder = scratch.at("keep").join("net");
    join_keeper(&a, &folder, "Post");
    let keep = Keep::start(&scratch.at("keep"), "127.0.0.1:0", &[]);
    knows_address(&a, "Post");
    b.ok("sync", &[]);
    // From here on the two do not meet.
    served.stop();
    let mut canaries = vec![b"Cedarcanary".to_vec(), b"Havencanary".to_vec()];
    a.import(&day(&scratch, &mut canaries));
    assert_eq!(only_here(&a.ok("status", &[])), 40);
    let through = |site: &Site| site.ok("sync", &["--with", &keep.url()]);
    through(&a);
    let status = a.ok("status", &[]);
    assert_eq!(only_here(&status), 0, "the keeper's receipt came: {status}");
    assert_eq!(row(&status, "Havencanary").unwrap()["behind"]["records"], 40);
    through(&b);
    through(&b);
    assert!(a.export(&scratch.at("out-a")) == b.export(&scratch.at("out-b")), "the haven reads everything");
    through(&a);
    through(&a);
    let status = a.ok("status", &[]);
    let behind = |status: &Value| row(status, "Havencanary").unwrap()["behind"]["records"].clone();
    assert_eq!(behind(&status), 0, "the haven's receipt came back through the keeper: {status}");
    // What the running keeper shows of itself: numbers.
    let seen = run(sanad().arg("status").arg(&folder).arg("--json")).code(0).json();
    assert_eq!((&seen["kind"], &seen["keeper"]["takes"]), (&"keeper".into(), &"everything".into()));
    assert!(seen["keeper"]["held_bytes"].as_u64().unwrap() > 10_000);
    assert_eq!((&seen["readable_here"]["charts"], &seen["stored"]["resources"]), (&0.into(), &0.into()));
    for lang in ["en", "ar"] {
        let words = run(sanad().env("SANAD_LANG", lang).arg("status").arg(&a.dir)).code(0).out;
        let said = if lang == "en" { "holds, cannot read" } else { "يحمل ولا يستطيع القراءة" };
        assert!(words.contains(said), "{words}");
        let words = run(sanad().env("SANAD_LANG", lang).arg("status").arg(&folder)).code(0).out;
        assert!(words.contains(if lang == "en" { "takes everything" } else { "يأخذ كل شيء" }), "{words}");
        for canary in &canaries {
            assert!(!words.contains(std::str::from_utf8(canary).unwrap()), "{words}");
        }
    }
    keep.stop();

    // Its folder, locked and unlocked.
    [&a, &b].iter().for_each(|site| keys_of(&site.dir, &mut canaries));
    assert!(canaries.len() > 100, "{}", canaries.len());
    let store = open(&folder);
    let mut values = 0;
    let mut look = |place: &str, bytes: &[u8]| {
        values += 1;
        for canary in &canaries {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_slice());
            assert!(!found, "{place} holds {:?}", String::from_utf8_lossy(canary));
        }
    };
    store.each_value(&mut look).unwrap();
    for (name, bytes) in support::files(&scratch.at("keep")) {
        look(&name, &bytes);
    }
    assert!(values > 100, "{values}");
    let secrets = store.secrets().unwrap();
    assert!(secrets.authority_seed.is_none());
    let own = FacilitySecret::from_bytes(&secrets.facility);
    let own_id = own.facility("Post", secrets.kind).id();
    let reader = store.reader().unwrap();
    let (mut held, mut addressed) = (0, 0);
    for span in reader.spans().unwrap() {
        for entry in reader.load(Range { log: span.log, from: span.from, to: span.to }, usize::MAX).unwrap() {
            held += 1;
            let header = entry.header();
            if header.kind == BodyKind::Addressed {
                addressed += 1;
                assert_ne!(header.scope.0, own_id.0, "nothing is addressed to a keeper");
                assert!(open_handover(entry.body(), &own, &header.sealed_part()).is_none());
            }
        }
    }
    assert!(held > 20 && addressed >= 2, "{held} {addressed}");
    // What is secret among the state is the keeper's own: its certificate's key, and the copy of its secrets.
    let names: BTreeSet<_> = store.list_state("").unwrap().into_iter().map(|(name, _)| name).collect();
    let kinds = ["keeper/", "receipt/", "acknowledged/", "inviter", "talk/", "via/", "store/secrets"];
    let known = |name: &String| {
        let name = name.strip_prefix("zz-copy/").unwrap_or(name);
        kinds.iter().any(|kind| name.starts_with(kind))
    };
    assert!(names.iter().all(known), "{names:?}");
    drop((reader, store));
    // Who it keeps for stands twice: it goes on with one of them, and without both says that nothing helps.
    let lose = |name: &str| {
        let mut store = open(&folder);
        let kept = store.get_state(name).unwrap();
        store.put_state(name, None).unwrap();
        kept.unwrap()
    };
    let status = || run(sanad().arg("status").arg(&folder));
    let authority = lose("keeper/authority");
    status().code(0);
    assert_eq!(lose("zz-copy/keeper/authority"), authority);
    assert!(status().code(4).err.contains("damaged"));
    let mut store = open(&folder);
    store.put_state("keeper/authority", Some(&authority)).unwrap();
    drop(store);
    let exported = run(sanad().arg("export").arg(&folder).arg(scratch.at("out")).arg("--json")).code(0).json();
    assert_eq!(exported["resources"], 0);
    let day = scratch.at("day.ndjson");
    let refused = run(sanad().arg("import").arg(&folder).arg(&day).arg("--json")).code(3);
    assert!(refused.err.contains("is a keeper"), "{refused:?}");
    let refused = run(sanad().arg("serve").arg(&folder)).code(2);
    assert!(refused.err.contains("sanad keep"), "{}", refused.err);
    let refused = run(sanad().arg("keep").arg(&a.dir)).code(2);
    assert!(refused.err.contains("no keeper"), "{}", refused.err);
}

#[test]
fn one_process_keeps_many_networks_on_one_port() {
    let scratch = Scratch::new("keepers");
    let dir = scratch.at("keep");
    let sites = ["one", "two"].map(|name| Site::found(scratch.at(name), &format!("Site-{name}")));
    let served = sites.each_ref().map(|site| site.serve());
    for (site, name) in sites.iter().zip(["one", "two"]) {
        join_keeper(site, &dir.join(name), "Post");
    }
    let keep = Keep::start(&dir, "127.0.0.1:0", &["--quota", "100000000"]);
    sites.iter().for_each(|site| knows_address(site, "Post"));
    for (n, site) in sites.iter().enumerate() {
        site.import(&scratch.write("some.ndjson", patient(&format!("p{n}"), "Family").to_string()));
        site.ok("sync", &["--with", &keep.url()]);
        assert_eq!(only_here(&site.ok("status", &[])), 0);
    }
    let listening = keep.address.to_string();
    keep.stop();
    // A third network comes, in a folder that sorts first; the certificate that the others know stays.
    let third = Site::found(scratch.at("third"), "Site-third");
    let third_served = third.serve();
    join_keeper(&third, &dir.join("a-third"), "Post");
    let keep = Keep::start(&dir, &listening, &[]);
    knows_address(&third, "Post");
    for site in sites.iter().chain([&third]) {
        let report = site.ok("sync", &["--with", &keep.url()]);
        assert_eq!(report["sessions"][0]["complete"], true, "{report}");
    }
    for name in ["one", "two", "a-third"] {
        let status = run(sanad().arg("status").arg(dir.join(name)).arg("--json")).code(0).json();
        let quota = if name == "a-third" { Value::Null } else { 100_000_000.into() };
        assert_eq!((&status["kind"], &status["keeper"]["quota_bytes"]), (&"keeper".into(), &quota), "{status}");
        assert!(status["stored"]["entries"].as_u64().unwrap() > 0, "{status}");
    }
    let all = run(sanad().arg("status").arg(&dir).arg("--json")).code(0).json();
    assert_eq!(all["keepers"].as_array().unwrap().len(), 3, "{all}");
    assert!(run(sanad().arg("status").arg(&dir)).code(0).out.matches("keeper: holds").count() == 3);
    // Nothing on the port says what it is.
    let mut stream = TcpStream::connect(keep.address).unwrap();
    write!(stream, "GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", keep.address).unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 404") && !page.to_lowercase().contains("sanad"), "{page}");
    keep.stop();
    // An address for one of several networks has to say which.
    let mut which = sanad();
    which.arg("keep").arg(&dir).args(["--listen", "127.0.0.1:0", "--peer", "https://127.0.0.1:9"]);
    assert!(run(&mut which).code(2).err.contains("FOLDER=https://HOST:PORT"));
    served.into_iter().chain([third_served]).for_each(support::Served::stop);
}

#[test]
fn a_full_keeper_says_so_keeps_what_it_has_and_goes_on_giving() {
    let scratch = Scratch::new("keeper-full");
    let a = Site::found(scratch.at("a"), "Cedar");
    let served = a.serve();
    let b = Site::join(scratch.at("b"), "Haven", &a.invite(&["--haven"]));
    let folder = scratch.at("keep");
    join_keeper(&a, &folder, "Post");
    let keep = Keep::start(&folder, "127.0.0.1:0", &["--quota", "40000"]);
    knows_address(&a, "Post");
    b.ok("sync", &[]);
    served.stop();
    let status = || run(sanad().arg("status").arg(&folder).arg("--json")).code(0).json();
    // A file is a save; so many of them do not fit.
    for n in 0..40 {
        a.import(&scratch.write("some.ndjson", support::fhir::lines(1, 3).replace("-0", &format!("-{n}"))));
    }
    let report = a.ok("sync", &["--with", &keep.url()]);
    assert_eq!(report["sessions"][0]["complete"], true, "{report}");
    let full = status();
    let held = full["keeper"]["held_bytes"].as_u64().unwrap();
    assert!((30_000..=40_000).contains(&held), "{full}");
    assert_ne!(full["keeper"]["takes"], "everything", "{full}");
    let alone = only_here(&a.ok("status", &[]));
    assert!(alone > 0, "what it did not take, it did not confirm");
    b.ok("sync", &["--with", &keep.url()]);
    let there = b.ok("status", &[])["stored"]["entries"].as_u64().unwrap();
    assert!(there >= full["stored"]["entries"].as_u64().unwrap(), "it goes on giving");
    // With more room it takes the rest.
    let listening = keep.address.to_string();
    keep.stop();
    let keep = Keep::start(&folder, &listening, &["--quota", "4000000"]);
    a.ok("sync", &["--with", &keep.url()]);
    assert_eq!(only_here(&a.ok("status", &[])), 0);
    let more = status();
    assert!(more["keeper"]["held_bytes"].as_u64().unwrap() > held && more["keeper"]["takes"] == "everything", "{more}");
    keep.stop();
}

/// Opens a session with the keeper and says these bytes as frames.
async fn say(dialer: &Dialer, target: &Target, frames: &[Vec<u8>]) -> Option<Channel> {
    let mut channel = dialer.open(target).await.ok()?;
    for frame in frames {
        channel.writer.send(frame).await.ok()?;
    }
    channel.writer.flush().await.ok()?;
    Some(channel)
}

#[test]
fn whoever_calls_a_keeper_without_belonging_costs_it_no_disk_and_little_memory() {
    let scratch = Scratch::new("keeper-hostile");
    let a = Site::found(scratch.at("a"), "Cedar");
    let served = a.serve();
    let folder = scratch.at("keep");
    join_keeper(&a, &folder, "Post");
    let keep = Keep::start(&folder, "127.0.0.1:0", &[]);
    knows_address(&a, "Post");
    a.ok("sync", &["--with", &keep.url()]);
    served.stop();
    let before = run(sanad().arg("status").arg(&folder).arg("--json")).code(0).json();
    let size = |folder: &Path| support::files(folder).values().map(Vec::len).sum::<usize>();
    let (disk, memory) = (size(&folder), keep.memory("VmRSS"));
    let (certificate, network) = (certificate_of_keeper(&a), network_of(&a));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut dice = Dice::new("keeper-hostile");
    runtime.block_on(async {
        let target = Target { addresses: vec![keep.url().parse().unwrap()], pin: Pin::Full(certificate) };
        let dialer = Dialer::new(Limits::default());
        // Garbage, and what looks like a Hello of this network by a device that nobody knows.
        for _ in 0..20 {
            let junk: Vec<u8> = (0..dice.below(900)).map(|_| dice.below(256) as u8).collect();
            drop(say(&dialer, &target, &[junk]).await);
        }
        let mut hello = vec![0, 1];
        hello.extend_from_slice(&network);
        hello.extend_from_slice(&[7; 32 + 64 + 16]);
        let mut told = say(&dialer, &target, &[hello.clone()]).await.unwrap();
        let answer = told.reader.next().await.unwrap().unwrap();
        assert_eq!(*answer, [11, Refusal::NotProven as u8]);
        // A frame without end before a word, and after one.
        let mut giants = Vec::new();
        for _ in 0..8 {
            giants.push(say(&dialer, &target, &[vec![6; FRAME_BYTES_MAX]]).await);
            giants.push(say(&dialer, &target, &[hello.clone(), vec![6; 20_000_000]]).await);
        }
        // Devices that prove their keys, and show nothing, or something nested without end.
        let sybil = Node::found(&scratch.at("x"), PASSPHRASE, KdfCost::TEST, &new_site("Elsewhere")).await.unwrap();
        let report = sybil.run_session(dialer.open(&target).await.unwrap(), true, None).await.unwrap();
        assert_eq!(report.end, End::Outcome(Outcome::RefusedByPeer(Refusal::OtherNetwork)), "{report:?}");
        let nested = [vec![4], vec![0x81; 500_000]].concat();
        drop(say(&dialer, &target, &[hello.clone(), nested]).await);
        // Many that say nothing.
        let mut silent = Vec::new();
        for _ in 0..60 {
            silent.push(say(&dialer, &target, &[]).await);
        }
        // Meanwhile a member is served.
        let done = tokio::task::spawn_blocking({
            let (a, url) = (a.clone(), keep.url());
            let some = scratch.write("some.ndjson", patient("during", "Family").to_string());
            move || {
                a.import(&some);
                a.ok("sync", &["--with", &url])
            }
        });
        let report = done.await.unwrap();
        assert_eq!(report["sessions"][0]["complete"], true, "{report}");
        drop((silent, giants));
        sybil.close().await;
    });
    let after = run(sanad().arg("status").arg(&folder).arg("--json")).code(0).json();
    let turned = |status: &Value| -> BTreeSet<String> {
        status["turned_away"].as_array().unwrap().iter().map(|line| line["why"].as_str().unwrap().to_owned()).collect()
    };
    assert!(turned(&before).is_empty(), "{before}");
    for why in ["malformed", "other-network", "not-proven", "crowded"] {
        assert!(turned(&after).contains(why), "{why}: {after}");
    }
    let entries = |status: &Value| status["stored"]["entries"].as_u64().unwrap();
    assert!(entries(&after) - entries(&before) <= 4, "what the member saved, and nothing else");
    assert_eq!(after["sites"].as_array().unwrap().len(), 1, "no stranger is on the list: {after}");
    let (grown, peak) = (size(&folder).saturating_sub(disk), keep.memory("VmHWM"));
    println!("grown {grown} bytes on disk, memory {memory} before, {peak} at most");
    assert!(grown < 1_000_000, "{grown} bytes on disk");
    assert!(peak < 150_000_000, "{peak} bytes of memory");
    keep.stop();
}

fn new_site(call_sign: &str) -> site::NewSite {
    site::NewSite { call_sign: call_sign.to_owned(), kind: sanad_log::control::SiteKind::Enclave }
}

/// The certificate that a member expects of the keeper.
fn certificate_of_keeper(member: &Site) -> [u8; 32] {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let node = Node::open(&member.dir, PASSPHRASE, Duration::ZERO).unwrap();
        let found = node.with_directory(|directory| {
            let keeper = directory.devices().iter().find(|(_, facility)| directory.gets_no_keys(facility)).unwrap();
            *directory.contact(keeper.0).unwrap().certificate
        });
        let found = found.await.unwrap();
        node.close().await;
        found
    })
}

fn network_of(member: &Site) -> [u8; 32] {
    open(&member.dir).secrets().unwrap().network.0
}

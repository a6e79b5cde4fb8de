//! The test vectors in `vectors/`, read through the public interface alone: what a format once said, it says for ever.
//!
//! `UPDATE_VECTORS=1 cargo test -p sanad-log --test vectors` writes files that do not exist yet; it never changes one.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "vectors lie in files, and a switch in the environment makes new ones")]

use minicbor::bytes::ByteArray;
use sanad_log::bundle::{
    BundleKey, Packer, Record, Unpacker, bundle_id, chunk_len, opening_records, padded_chunks, read_record,
    receipt_records, small_bundle,
};
use sanad_log::clock::Hlc;
use sanad_log::control::{
    Authority, Contact, Control, Enrolment, Facility, FacilitySecret, Grant, Handover, SignedEnrolment, SiteKind,
    from_cbor, open_handover, seal_handover, to_cbor,
};
use sanad_log::entropy::Entropy;
use sanad_log::entry::{BodyKind, Entry, Header};
use sanad_log::frontier::{Frontier, Range, registry_digest};
use sanad_log::ids::{DeviceId, EntryId, FacilityId, Lane, LogId, NetworkId, ScopeTag};
use sanad_log::message::{Hello, Message, Numbering, Refusal, decode, encode};
use sanad_log::policy::{PolicyStatement, SignedPolicy};
use sanad_log::reach::{Reach, SignedReach};
use sanad_log::receipt::{Form, Receipt};
use sanad_log::run::{check_run, encode_run};
use sanad_log::seal::{SealKey, padded_len};
use sanad_log::short::{self, Answer, Call, Claim, Part, Settled, Short, Yours};
use sanad_log::sign::{Ed25519Signer, Ed25519Verifier, Purpose, Signer as _, Verifier as _};
use sanad_log::text::{frames_of, message_id, read_line};
use sanad_log::tiny::{Event, Link, LinkConfig, LinkKey};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Every file that was ever published for this crate. A format that changes adds a file and keeps the old one here.
const FILES: [&str; 17] = [
    "bundle-1",
    "control-1",
    "entry-1",
    "frontier-1",
    "frontier-2",
    "grant-1",
    "handover-1",
    "message-1",
    "message-2",
    "name-1",
    "padding-1",
    "policy-1",
    "keeper-1",
    "receipt-1",
    "run-1",
    "text-1",
    "tiny-1",
];

/// Files that tests of other crates read.
const ELSEWHERE: [&str; 3] = ["ask-", "save-", "version-"];

fn folder() -> PathBuf {
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../../vectors")
}

/// A file as it is, or, if there is none yet and it is asked for, as `make` has it.
fn vectors(name: &str, make: impl FnOnce() -> Value) -> Value {
    assert!(FILES.contains(&name), "{name} is not in the list");
    let path = folder().join(format!("{name}.json"));
    if !path.exists() && std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, format!("{:#}\n", make())).unwrap();
    }
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes in a member of a vector.
fn bytes(value: &Value, member: &str) -> Vec<u8> {
    let text = value[member].as_str().unwrap_or_else(|| panic!("no text in {member}"));
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn array<const N: usize>(value: &Value, member: &str) -> [u8; N] {
    bytes(value, member).try_into().unwrap()
}

fn number(value: &Value, member: &str) -> u64 {
    value[member].as_u64().unwrap_or_else(|| panic!("no number in {member}"))
}

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().unwrap_or_else(|| panic!("no list in {member}"))
}

/// A stream of bytes that is the same for ever: BLAKE3 of the seed, extended.
fn entropy(seed: &str) -> Entropy {
    let mut stream = blake3::Hasher::new().update(seed.as_bytes()).finalize_xof();
    Entropy::new(move |out| stream.fill(out))
}

fn signer(seed: u8) -> Ed25519Signer {
    Ed25519Signer::from_seed(&[seed; 32])
}

fn device(seed: u8) -> DeviceId {
    signer(seed).device()
}

fn secret(seed: u8) -> FacilitySecret {
    FacilitySecret::from_bytes(&std::array::from_fn(|at| if at < 32 { seed } else { seed + 1 }))
}

fn authority() -> Authority {
    Authority { keys: vec![device(200), device(201)], threshold: 1, salt: ByteArray::from([9; 16]) }
}

fn network() -> NetworkId {
    authority().network()
}

fn enrolment() -> SignedEnrolment {
    let facility = secret(0x30).facility("Cedar", SiteKind::Haven);
    let enrolment = Enrolment { network: network(), facility, device: device(1) };
    SignedEnrolment::sign(&enrolment, &[(1, &signer(201))])
}

/// Three entries of one log: a chart, the same chart with nothing to say, the network's scope.
fn entries() -> Vec<Entry> {
    let log = LogId { lane: Lane::Clinical, author: device(1) };
    let key = SealKey::from_bytes([5; 32]);
    let texts: [(&[u8], ScopeTag); 3] =
        [(b"first", ScopeTag([7; 16])), (b"", ScopeTag([7; 16])), (&[b'x'; 300], ScopeTag::NETWORK)];
    let mut prev = EntryId([0; 32]);
    let made = texts.iter().zip(1u64..).map(|((text, scope), seq)| {
        let header = Header {
            log,
            seq,
            prev,
            scope: *scope,
            hlc: Hlc::from_ms(1_519_000_000_000 + seq * 250),
            kind: BodyKind::Sealed,
            body_hash: [0; 32],
            body_len: 0,
            signature: [0; 64],
        };
        let body = key.seal(text, &header.sealed_part(), &mut entropy(&format!("entry {seq}")));
        let entry = Entry::sign(header, body, &network(), &signer(1)).unwrap();
        prev = entry.id();
        entry
    });
    made.collect()
}

fn range(seed: u8, lane: Lane, from: u64, to: u64) -> Range {
    Range { log: LogId { lane, author: device(seed) }, from, to }
}

fn frontier(ranges: &[Range]) -> Frontier {
    let mut frontier = Frontier::default();
    ranges.iter().for_each(|range| frontier.insert(*range));
    frontier
}

/// Nothing; plain heights; the same grown, with a new author; the same with gaps.
fn frontiers() -> [Frontier; 4] {
    let base = [range(1, Lane::Control, 1, 4), range(1, Lane::Clinical, 1, 900), range(2, Lane::Clinical, 1, 30)];
    let grown = [base.as_slice(), &[range(1, Lane::Clinical, 901, 903), range(3, Lane::Urgent, 1, 1)]].concat();
    let gaps = [grown.as_slice(), &[range(2, Lane::Clinical, 40, 49), range(2, Lane::Bulk, 5, 5)]].concat();
    [Frontier::default(), frontier(&base), frontier(&grown), frontier(&gaps)]
}

fn registry(seeds: &[u8]) -> Vec<DeviceId> {
    let mut devices: Vec<_> = seeds.iter().map(|seed| device(*seed)).collect();
    devices.sort_unstable();
    devices
}

fn devices_json(devices: &[DeviceId]) -> Value {
    devices.iter().map(|device| json!(device.to_string())).collect()
}

fn devices_of(value: &Value, member: &str) -> Vec<DeviceId> {
    list(value, member).iter().map(|text| DeviceId::from_hex(text.as_str().unwrap()).unwrap()).collect()
}

fn frontier_json(frontier: &Frontier) -> Value {
    let logs = frontier.logs().map(|(log, held)| {
        let intervals: Vec<_> = held.iter().map(|(from, to)| json!([from, to])).collect();
        json!({"lane": log.lane as u8, "author": log.author.to_string(), "intervals": intervals})
    });
    logs.collect()
}

fn ranges_of(value: &Value, member: &str) -> Vec<Range> {
    let of_log = |log: &Value| {
        let lane = Lane::from_u8(number(log, "lane") as u8).unwrap();
        let name = LogId { lane, author: DeviceId(array(log, "author")) };
        let place = |pair: &Value, at: usize| pair[at].as_u64().unwrap();
        let intervals = list(log, "intervals").iter();
        intervals.map(|pair| Range { log: name, from: place(pair, 0), to: place(pair, 1) }).collect::<Vec<_>>()
    };
    list(value, member).iter().flat_map(of_log).collect()
}

fn handover() -> Handover {
    Handover { pair: ByteArray::from([3; 32]), epochs: vec![ByteArray::from([4; 32])] }
}

fn grant_binding(scope: &[u8], key_id: &[u8]) -> Vec<u8> {
    [b"sanad/1 grant".as_slice(), scope, key_id].concat()
}

fn grant() -> Grant {
    let (scope, key) = (ScopeTag([7; 16]), SealKey::from_bytes([5; 32]));
    let to = secret(0x40).facility("Olive", SiteKind::Enclave).id();
    let pair = secret(0x30).pair_with(&to);
    let binding = grant_binding(scope.as_bytes(), key.id().as_bytes());
    let wrapped = pair.wrap(&key, &binding, &mut entropy("grant"));
    Grant { scope, key: key.id(), to: vec![(to, pair.id(), wrapped.into())] }
}

#[test]
fn every_file_is_read_by_a_test() {
    let found = std::fs::read_dir(folder()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    for name in found.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)) {
        let known = FILES.contains(&name.as_str()) || ELSEWHERE.iter().any(|prefix| name.starts_with(prefix));
        assert!(known, "{name} is read by nobody");
    }
}

#[test]
fn names_are_derived_as_before() {
    let file = vectors("name-1", || {
        let secret = secret(0x30);
        let facility = secret.facility("Cedar", SiteKind::Haven);
        let devices = registry(&[1, 2, 3]);
        json!({
            "authority": {"cbor": hex(&to_cbor(&authority())), "network": network().to_string()},
            "facility": {
                "secret": hex(&*secret.to_bytes()), "kem_public": hex(&facility.kem_public),
                "sign_public": facility.sign_public.to_string(), "id": facility.id().to_string()},
            "key": {"key": hex(&[5; 32]), "id": SealKey::from_bytes([5; 32]).id().to_string()},
            "pair": {
                "secret": hex(&*secret.to_bytes()), "other": facility.id().to_string(),
                "key": hex(secret.pair_with(&facility.id()).expose())},
            "registry": {
                "devices": devices_json(&devices), "digest": hex(&registry_digest(&devices)),
                "digest_of_none": hex(&registry_digest(&[]))},
        })
    });
    let authority: Authority = from_cbor(&bytes(&file["authority"], "cbor")).unwrap();
    assert_eq!(authority.network().0, array(&file["authority"], "network"));
    let secret = FacilitySecret::from_bytes(&array(&file["facility"], "secret"));
    let facility = secret.facility("Any", SiteKind::Enclave);
    assert_eq!(facility.kem_public, bytes(&file["facility"], "kem_public"));
    assert_eq!(facility.sign_public.0, array(&file["facility"], "sign_public"));
    assert_eq!(facility.id().0, array(&file["facility"], "id"));
    assert_eq!(SealKey::from_bytes(array(&file["key"], "key")).id().0, array(&file["key"], "id"));
    let other = FacilityId(array(&file["pair"], "other"));
    assert_eq!(*secret.pair_with(&other).expose(), array(&file["pair"], "key"));
    let devices = devices_of(&file["registry"], "devices");
    assert_eq!(registry_digest(&devices), array(&file["registry"], "digest"));
    assert_eq!(registry_digest(&[]), array(&file["registry"], "digest_of_none"));
}

#[test]
fn padding_is_as_before() {
    let file = vectors("padding-1", || {
        let lengths = [0, 1, 59, 60, 61, 68, 69, 100, 124, 250, 252, 253, 1_000, 1_020, 1_021, 4_096, 99_996, 1 << 20];
        lengths.iter().map(|len| json!({"text": len, "padded": padded_len(*len)})).collect()
    });
    for case in file.as_array().unwrap() {
        assert_eq!(padded_len(number(case, "text") as usize) as u64, number(case, "padded"));
    }
}

#[test]
fn entries_are_read_and_made_as_before() {
    let file = vectors("entry-1", || {
        let key = SealKey::from_bytes([5; 32]);
        let made = entries().into_iter().map(|entry| {
            let header = entry.header();
            json!({
                "network": network().to_string(), "author_seed": hex(&[1; 32]), "key": hex(key.expose()),
                "lane": header.log.lane as u8, "kind": header.kind as u8, "author": header.log.author.to_string(),
                "seq": header.seq, "prev": header.prev.to_string(), "scope": header.scope.to_string(),
                "hlc": header.hlc.0, "body_hash": hex(&header.body_hash), "body_len": header.body_len,
                "signature": hex(&header.signature), "header": hex(&header.encode()), "id": entry.id().to_string(),
                "body": hex(entry.body()),
                "text": hex(key.open(entry.body(), &header.sealed_part()).unwrap().expose()),
            })
        });
        made.collect()
    });
    for case in file.as_array().unwrap() {
        let network = NetworkId(array(case, "network"));
        let header = Header::decode(&array(case, "header")).unwrap();
        assert_eq!(header.encode(), array(case, "header"));
        assert_eq!((header.log.lane as u64, header.kind as u64), (number(case, "lane"), number(case, "kind")));
        assert_eq!((header.log.author.0, header.prev.0), (array(case, "author"), array(case, "prev")));
        assert_eq!((header.seq, header.hlc.0), (number(case, "seq"), number(case, "hlc")));
        assert_eq!((header.scope.0, header.body_hash), (array(case, "scope"), array(case, "body_hash")));
        assert_eq!(header.signature, array(case, "signature"));
        assert_eq!(u64::from(header.body_len), number(case, "body_len"));
        let entry = Entry::check(header.clone(), bytes(case, "body"), &network, &Ed25519Verifier).unwrap();
        assert_eq!(entry.id().0, array(case, "id"));
        let key = SealKey::from_bytes(array(case, "key"));
        assert_eq!(key.open(entry.body(), &header.sealed_part()).unwrap().expose(), bytes(case, "text"));
        // Ed25519 is deterministic: the same seed signs the same header alike.
        let signer = Ed25519Signer::from_seed(&array(case, "author_seed"));
        assert_eq!(Entry::sign(header, bytes(case, "body"), &network, &signer), Ok(entry));
    }
}

#[test]
fn runs_are_read_and_made_as_before() {
    let file = vectors("run-1", || {
        let of = |entries: &[Entry]| {
            let carried = entries.iter();
            let carried = carried.map(|e| json!({"header": hex(&e.header().encode()), "body": hex(e.body())}));
            let carried: Value = carried.collect();
            json!({"network": network().to_string(), "run": hex(&encode_run(entries).unwrap()), "entries": carried})
        };
        json!([of(&entries()), of(&entries()[1..])])
    });
    for case in file.as_array().unwrap() {
        let run = check_run(&bytes(case, "run"), &NetworkId(array(case, "network")), &Ed25519Verifier).unwrap();
        assert_eq!((run.refused, run.entries.len()), (None, list(case, "entries").len()));
        for (entry, expected) in run.entries.iter().zip(list(case, "entries")) {
            assert_eq!(entry.header().encode(), array(expected, "header"));
            assert_eq!(entry.body(), bytes(expected, "body"));
        }
        assert_eq!(encode_run(&run.entries), Some(bytes(case, "run")));
    }
}

#[test]
fn frontiers_are_read_and_made_as_before() {
    let file = vectors("frontier-1", || {
        let [empty, base, grown, gaps] = frontiers();
        let whole = |frontier: &Frontier, seeds: &[u8]| {
            let registry = registry(seeds);
            json!({"frontier": frontier_json(frontier), "hash": hex(&frontier.hash()),
                "registry": devices_json(&registry), "whole": hex(&frontier.encode(&registry))})
        };
        let delta = |frontier: &Frontier, base: &Frontier| {
            json!({"frontier": frontier_json(frontier), "hash": hex(&frontier.hash()),
                "base": frontier_json(base), "delta": hex(&frontier.encode_delta(base))})
        };
        json!({
            "whole": [whole(&empty, &[]), whole(&grown, &[]), whole(&grown, &[1, 2, 4]), whole(&gaps, &[1, 2, 3])],
            "delta": [delta(&base, &base), delta(&grown, &base), delta(&gaps, &grown), delta(&gaps, &empty)],
        })
    });
    for case in list(&file, "whole") {
        let expected = frontier(&ranges_of(case, "frontier"));
        let registry = devices_of(case, "registry");
        assert_eq!(expected.hash(), array(case, "hash"));
        assert_eq!(expected.encode(&registry), bytes(case, "whole"));
        assert_eq!(Frontier::decode(&bytes(case, "whole"), &registry), Ok(expected));
    }
    for case in list(&file, "delta") {
        let (expected, base) = (frontier(&ranges_of(case, "frontier")), frontier(&ranges_of(case, "base")));
        assert_eq!(expected.hash(), array(case, "hash"));
        assert_eq!(expected.encode_delta(&base), bytes(case, "delta"));
        assert_eq!(Frontier::decode_delta(&bytes(case, "delta"), &base), Ok(expected));
    }
}

#[test]
fn frontiers_of_authors_who_are_alike_are_read_and_made_as_before() {
    let file = vectors("frontier-2", || {
        let seeds: Vec<u8> = (1..=9).collect();
        let registry = registry(&seeds);
        let mut frontier = Frontier::default();
        for (at, author) in registry.iter().enumerate().filter(|(at, _)| *at != 5) {
            let at = at as u64;
            frontier.insert(Range {
                log: LogId { lane: Lane::Clinical, author: *author },
                from: 1,
                to: 100 * (at + 1),
            });
        }
        json!({"frontier": frontier_json(&frontier), "hash": hex(&frontier.hash()),
            "registry": devices_json(&registry), "whole": hex(&frontier.encode(&registry))})
    });
    let (expected, registry) = (frontier(&ranges_of(&file, "frontier")), devices_of(&file, "registry"));
    assert_eq!(expected.hash(), array(&file, "hash"));
    assert_eq!(expected.encode(&registry), bytes(&file, "whole"));
    assert_eq!(Frontier::decode(&bytes(&file, "whole"), &registry), Ok(expected));
}

#[test]
fn receipts_are_read_and_made_as_before() {
    let file = vectors("receipt-1", || {
        let [_, base, grown, _] = frontiers();
        let registry = registry(&[1, 2, 3]);
        let old = Receipt::sign(&network(), base.count(), base, &signer(2));
        let new = Receipt::sign(&network(), grown.count(), grown.clone(), &signer(2));
        json!({
            "network": network().to_string(), "signer_seed": hex(&[2; 32]), "registry": devices_json(&registry),
            "counter": new.counter, "frontier": frontier_json(&grown), "base": hex(&old.encode(Form::Whole(&[]))),
            "whole_by_key": hex(&new.encode(Form::Whole(&[]))),
            "whole_by_registry": hex(&new.encode(Form::Whole(&registry))),
            "since_base": hex(&new.encode(Form::Since(&old))),
        })
    });
    let network = NetworkId(array(&file, "network"));
    let signer = Ed25519Signer::from_seed(&array(&file, "signer_seed"));
    let registry = devices_of(&file, "registry");
    let read = |member: &str, base: Option<&Receipt>| {
        Receipt::decode(&bytes(&file, member), &network, &registry, |_| base, &Ed25519Verifier).unwrap()
    };
    let base = read("base", None);
    let expected = Receipt::sign(&network, number(&file, "counter"), frontier(&ranges_of(&file, "frontier")), &signer);
    let forms = [
        ("whole_by_key", Form::Whole(&[])),
        ("whole_by_registry", Form::Whole(&registry)),
        ("since_base", Form::Since(&base)),
    ];
    for (member, form) in forms {
        assert_eq!(read(member, Some(&base)), expected, "{member}");
        assert_eq!(expected.encode(form), bytes(&file, member), "{member}");
    }
}

fn make_messages() -> Value {
    let ranges = [range(1, Lane::Clinical, 2, 900), range(2, Lane::Bulk, 7, 7)];
    let authors = registry(&[1, 2]);
    let exporter = [6; 32];
    let signed = [network().as_bytes(), exporter.as_slice(), &[1]].concat();
    let hello = Hello {
        network: network(),
        device: device(1),
        proof: signer(1).sign(Purpose::Channel, &signed),
        registry: registry_digest(&authors),
        receipts: [3; 8],
        heads: None,
    };
    let receipt = Receipt::sign(&network(), 3, frontier(&[range(1, Lane::Clinical, 1, 3)]), &signer(2));
    let receipt = receipt.encode(Form::Whole(&[]));
    json!({
        "network": network().to_string(), "authors": devices_json(&authors), "exporter": hex(&exporter),
        "initiator": 1, "ranges": frontier_json(&frontier(&ranges)), "receipt": hex(&receipt),
        "frames": {
            "hello": hex(&encode::hello(&hello)),
            "have": hex(&encode::have(&receipt)),
            "again": hex(&encode::again()),
            "who_are_you": hex(&encode::who_are_you()),
            "credential": hex(&encode::credential(&enrolment())),
            "need": hex(&encode::need(&ranges, &authors)),
            "entries": hex(&encode::entries(&encode_run(&entries()).unwrap())),
            "gone": hex(&encode::gone(&ranges, &authors)),
            "held": hex(&encode::held(&[(device(2), 3), (device(1), 300)])),
            "receipts": hex(&encode::receipts(std::slice::from_ref(&receipt))),
            "done": hex(&encode::done()),
            "refuse": hex(&encode::refuse(Refusal::NotEnrolled)),
        },
    })
}

/// What came later: a greeting that tells its heads, and the questions by which two branches are traced.
fn make_messages_of_forks() -> Value {
    let mut file = make_messages();
    let ranges = [range(1, Lane::Clinical, 2, 900), range(2, Lane::Bulk, 7, 7)];
    let authors = registry(&[1, 2]);
    let mut hello = bytes(&file["frames"], "hello");
    hello.extend([4; 8]);
    file["frames"] = json!({
        "hello": hex(&hello),
        "which": hex(&encode::which(&ranges, &authors)),
        "ids": hex(&encode::ids(&[[1; 8], [0; 8]])),
        "show": hex(&encode::show(&ranges[1..2], &authors)),
        "header": hex(&encode::header(Some(&entries()[0].header().encode()))),
        "no header": hex(&encode::header(None)),
    });
    file
}

#[test]
fn messages_are_read_and_made_as_before() {
    messages_hold(&vectors("message-1", make_messages));
    messages_hold(&vectors("message-2", make_messages_of_forks));
}

fn messages_hold(file: &Value) {
    let network = NetworkId(array(file, "network"));
    let authors = devices_of(file, "authors");
    let numbering = Numbering { ours: authors.clone(), theirs: authors.clone() };
    let mut ranges = ranges_of(file, "ranges");
    ranges.sort_unstable();
    for (name, _) in file["frames"].as_object().unwrap() {
        let frame = bytes(&file["frames"], name);
        let message = decode(&frame, &network, &Ed25519Verifier).unwrap().resolve(&numbering).unwrap();
        let again = match message {
            Message::Hello(hello) => {
                let role = number(file, "initiator") as u8;
                let signed = [network.as_bytes(), &bytes(file, "exporter"), &[role]].concat();
                assert!(Ed25519Verifier.verify(&hello.device, Purpose::Channel, &signed, &hello.proof));
                encode::hello(&hello)
            }
            Message::Have(receipt) => encode::have(&receipt),
            Message::Again => encode::again(),
            Message::WhoAreYou => encode::who_are_you(),
            Message::Credential(enrolment) => encode::credential(&enrolment),
            Message::Need(mut read) => {
                let frame = encode::need(&read, &authors);
                read.sort_unstable();
                assert_eq!(read, ranges);
                frame
            }
            Message::Entries(run) => encode::entries(&encode_run(&run.entries).unwrap()),
            Message::Gone(mut read) => {
                let frame = encode::gone(&read, &authors);
                read.sort_unstable();
                assert_eq!(read, ranges);
                frame
            }
            Message::Held(held) => encode::held(&held),
            Message::Receipts(receipts) => {
                assert_eq!(receipts, [bytes(file, "receipt")]);
                encode::receipts(&receipts)
            }
            Message::Done => encode::done(),
            Message::Refuse(why) => encode::refuse(why),
            Message::Which(mut read) => {
                let frame = encode::which(&read, &authors);
                read.sort_unstable();
                assert_eq!(read, ranges);
                frame
            }
            Message::Ids(ids) => encode::ids(&ids),
            Message::Show(places) => encode::show(&places, &authors),
            Message::Header(header) => encode::header(header.as_deref()),
            Message::Reach(reach) => encode::reach(&reach),
            Message::Short(short) => panic!("{short:?} has a file of its own"),
        };
        assert_eq!(hex(&again), hex(&frame), "{name}");
    }
}

#[test]
fn control_statements_are_read_and_made_as_before() {
    let file = vectors("control-1", || {
        let addresses = vec!["https://10.0.0.5:8443".to_owned()];
        let contact = Contact { addresses, certificate: ByteArray::from([8; 32]) };
        json!({
            "genesis": hex(&to_cbor(&Control::Genesis(authority()))),
            "enrol": hex(&to_cbor(&Control::Enrol(enrolment()))),
            "contact": hex(&to_cbor(&Control::Contact(contact))),
            "grants": hex(&to_cbor(&Control::Grants(vec![grant()]))),
            "handover": hex(&to_cbor(&handover())),
        })
    });
    for name in ["genesis", "enrol", "contact", "grants"] {
        let control: Control = from_cbor(&bytes(&file, name)).unwrap();
        assert_eq!(hex(&to_cbor(&control)), hex(&bytes(&file, name)), "{name}");
        match (name, control) {
            ("genesis", Control::Genesis(read)) => assert_eq!(read, authority()),
            ("enrol", Control::Enrol(signed)) => {
                let enrolment = signed.verify(&authority(), &Ed25519Verifier).unwrap();
                assert_eq!((enrolment.device, enrolment.facility.call_sign.as_str()), (device(1), "Cedar"));
            }
            ("contact", Control::Contact(contact)) => assert_eq!(contact.addresses, ["https://10.0.0.5:8443"]),
            ("grants", Control::Grants(grants)) => assert_eq!(grants, [grant()]),
            (name, other) => panic!("{name} is {other:?}"),
        }
    }
    let read: Handover = from_cbor(&bytes(&file, "handover")).unwrap();
    assert_eq!((read.pair, read.epochs), (handover().pair, handover().epochs));
}

/// What came with keepers: their kind, where they are reached, its frame, and a difference that takes a log away.
fn make_keeper() -> Value {
    let facility = secret(0x30).facility("Post", SiteKind::Keeper);
    let contact = Contact { addresses: vec!["https://198.51.100.7:8470".to_owned()], certificate: [8; 32].into() };
    let reach = Reach { network: network(), device: device(1), counter: 2, contact };
    let signed = SignedReach::sign(&reach, &signer(1));
    let [_, base, grown, _] = frontiers();
    json!({
        "network": network().to_string(), "device": device(1).to_string(), "facility": hex(&to_cbor(&facility)),
        "reach": hex(&to_cbor(&reach)), "control": hex(&to_cbor(&Control::Reach(signed.clone()))),
        "frame": hex(&encode::reach(&signed)),
        "frontier": frontier_json(&base), "beside": frontier_json(&grown), "delta": hex(&base.encode_delta(&grown)),
    })
}

#[test]
fn what_came_with_keepers_is_read_and_made_as_before() {
    let file = vectors("keeper-1", make_keeper);
    let network = NetworkId(array(&file, "network"));
    let facility: Facility = from_cbor(&bytes(&file, "facility")).unwrap();
    assert_eq!((facility.kind, to_cbor(&facility)), (SiteKind::Keeper, bytes(&file, "facility")));
    let Control::Reach(signed) = from_cbor(&bytes(&file, "control")).unwrap() else { panic!("another statement") };
    let reach = signed.verify(&network, &Ed25519Verifier).unwrap();
    assert_eq!((reach.device.0, reach.counter), (array(&file, "device"), 2));
    assert_eq!(to_cbor(&reach), bytes(&file, "reach"));
    assert_eq!(encode::reach(&signed), bytes(&file, "frame"));
    let message = decode(&bytes(&file, "frame"), &network, &Ed25519Verifier).unwrap();
    let message = message.resolve(&Numbering::default()).unwrap();
    assert!(matches!(message, Message::Reach(read) if *read == signed));
    let (expected, beside) = (frontier(&ranges_of(&file, "frontier")), frontier(&ranges_of(&file, "beside")));
    assert_eq!(expected.encode_delta(&beside), bytes(&file, "delta"));
    assert_eq!(Frontier::decode_delta(&bytes(&file, "delta"), &beside), Ok(expected));
}

#[test]
fn policies_are_read_and_made_as_before() {
    let statement = PolicyStatement { network: network(), version: 7, copies: 3, outside: true };
    let file = vectors("policy-1", || {
        json!({
            "network": network().to_string(), "authority_seed": hex(&[201; 32]), "authority_index": 1,
            "label": String::from_utf8_lossy(Purpose::Policy.label()), "version": 7, "copies": 3, "outside": true,
            "statement": hex(&to_cbor(&statement)),
            "control": hex(&to_cbor(&Control::Policy(SignedPolicy::sign(&statement, &[(1, &signer(201))])))),
        })
    });
    assert_eq!(file["label"].as_str().unwrap().as_bytes(), Purpose::Policy.label());
    assert_eq!(from_cbor::<PolicyStatement>(&bytes(&file, "statement")).unwrap(), statement);
    let control: Control = from_cbor(&bytes(&file, "control")).unwrap();
    assert_eq!(hex(&to_cbor(&control)), hex(&bytes(&file, "control")));
    let Control::Policy(signed) = control else { panic!("{control:?}") };
    let ranked = signed.verify(&authority(), &Ed25519Verifier).unwrap();
    assert_eq!((ranked.version(), ranked.policy.copies, ranked.policy.outside), (7, 3, true));
    assert_eq!(
        signed,
        SignedPolicy::sign(&statement, &[(1, &signer(201))]),
        "Ed25519 signs the same bytes the same way"
    );
}

#[test]
fn a_handover_opens_as_before() {
    let file = vectors("handover-1", || {
        let to = secret(0x40);
        let facility = to.facility("Olive", SiteKind::Enclave);
        let body = seal_handover(&handover(), &facility, b"associated data", &mut entropy("handover")).unwrap();
        json!({
            "secret": hex(&*to.to_bytes()), "kem_public": hex(&facility.kem_public), "info": hex(b"sanad/1 handover"),
            "associated": hex(b"associated data"), "body": hex(&body), "text": hex(&to_cbor(&handover())),
            "pair": hex(&*handover().pair), "epochs": [hex(&*handover().epochs[0])],
        })
    });
    // Sealing draws randomness as its library likes, so only opening is held to the file.
    let secret = FacilitySecret::from_bytes(&array(&file, "secret"));
    let opened = open_handover(&bytes(&file, "body"), &secret, &bytes(&file, "associated")).unwrap();
    assert_eq!(to_cbor(&opened), bytes(&file, "text"));
    assert_eq!(*opened.pair, array(&file, "pair"));
    let epochs: Vec<_> = opened.epochs.iter().map(|epoch| json!(hex(&**epoch))).collect();
    assert_eq!(epochs, list(&file, "epochs"));
}

#[test]
fn a_grant_opens_as_before() {
    let file = vectors("grant-1", || {
        let grant = grant();
        let (to, pair, wrapped) = &grant.to[0];
        json!({
            "scope": grant.scope.to_string(), "key": hex(&[5; 32]), "key_id": grant.key.to_string(),
            "giver_secret": hex(&*secret(0x30).to_bytes()), "to": to.to_string(), "pair_id": pair.to_string(),
            "wrapped": hex(&**wrapped),
        })
    });
    let giver = FacilitySecret::from_bytes(&array(&file, "giver_secret"));
    let pair = giver.pair_with(&FacilityId(array(&file, "to")));
    assert_eq!(pair.id().0, array(&file, "pair_id"));
    let binding = grant_binding(&bytes(&file, "scope"), &bytes(&file, "key_id"));
    let key = pair.unwrap(&array(&file, "wrapped"), &binding).unwrap();
    assert_eq!((*key.expose(), key.id().0), (array(&file, "key"), array(&file, "key_id")));
}

/// The records of one bundle: every kind there is.
fn records() -> Vec<Vec<u8>> {
    let authors = registry(&[1, 2]);
    let receipt = |seed, to| {
        let held = frontier(&[range(1, Lane::Clinical, 1, to)]);
        Receipt::sign(&network(), to, held, &signer(seed)).encode(Form::Whole(&authors))
    };
    let mut records = opening_records(&authors, &receipt(1, 3), Some(&enrolment()));
    records.push(encode::entries(&encode_run(&entries()).unwrap()));
    records.extend(receipt_records(&[receipt(2, 2)]));
    records.push(encode::done());
    records
}

#[test]
fn bundles_are_read_as_before() {
    let file = vectors("bundle-1", || {
        let epoch = SealKey::from_bytes([6; 32]);
        let small = small_bundle(&epoch, &records(), &mut entropy("bundle")).unwrap();
        let (key, _) = BundleKey::find([&epoch], &small).unwrap();
        // A record over two chunks, whose bytes are told by their number.
        let long: Vec<u8> = (0..70_000u32).map(|at| at as u8).collect();
        let mut chunks = vec![];
        let mut full = |index: u64, plain: &[u8]| {
            chunks.push(json!({"index": index, "hash": hex(blake3::hash(plain).as_bytes())}));
            Ok::<_, ()>(())
        };
        let mut packer = Packer::at(0);
        packer.put(&long, &mut full).unwrap();
        packer.put(&encode::done(), &mut full).unwrap();
        packer.flush(&mut full).unwrap();
        let lengths: Vec<_> = [1, 3, 4, 9, 100, 4_700].map(|n| json!({"chunks": n, "padded": padded_chunks(n)})).into();
        json!({
            "epoch_key": hex(epoch.expose()), "network": network().to_string(), "id": hex(&bundle_id(key.salt())),
            "bundle": hex(&small), "records": records().iter().map(|record| json!(hex(record))).collect::<Value>(),
            "two_chunks": {"record": "70,000 bytes, each the lower eight bits of its place", "plain": chunks},
            "padded": lengths,
        })
    });
    let (bundle, epoch) = (bytes(&file, "bundle"), SealKey::from_bytes(array(&file, "epoch_key")));
    assert_eq!(chunk_len(bundle.len() as u64), Some(bundle.len() - 32));
    let (key, _) = BundleKey::find([&epoch], &bundle).unwrap();
    assert_eq!(key.id(), array(&file, "id"));
    let mut found = Vec::new();
    assert_eq!(Unpacker::default().chunk(&key.open(0, &bundle[32..]).unwrap(), &mut found), Ok(true));
    let network = NetworkId(array(&file, "network"));
    assert_eq!(found.len(), list(&file, "records").len());
    for (at, (record, expected)) in found.iter().zip(list(&file, "records")).enumerate() {
        assert_eq!(hex(record), expected.as_str().unwrap());
        let read = read_record(record, &network, &Ed25519Verifier).unwrap();
        let as_expected = match (at, &read) {
            (0, Record::Registry(devices)) => *devices == registry(&[1, 2]),
            (1, Record::Have(_)) | (2, Record::Credential(_)) | (4, Record::Receipts(_)) | (5, Record::End) => true,
            (3, Record::Entries(run)) => run.entries == entries() && run.refused.is_none(),
            _ => false,
        };
        assert!(as_expected, "{at}: {read:?}");
    }
    let long: Vec<u8> = (0..70_000u32).map(|at| at as u8).collect();
    let mut made = Vec::new();
    let mut full = |index: u64, plain: &[u8]| {
        made.push((index, hex(blake3::hash(plain).as_bytes())));
        Ok::<_, ()>(())
    };
    let mut packer = Packer::at(0);
    packer.put(&long, &mut full).unwrap();
    packer.put(&encode::done(), &mut full).unwrap();
    packer.flush(&mut full).unwrap();
    let expected = list(&file["two_chunks"], "plain").iter();
    let expected: Vec<_> =
        expected.map(|chunk| (number(chunk, "index"), chunk["hash"].as_str().unwrap().to_owned())).collect();
    assert_eq!(made, expected);
    for case in list(&file, "padded") {
        assert_eq!(padded_chunks(number(case, "chunks")), number(case, "padded"));
    }
}

#[test]
fn lines_of_text_are_read_and_made_as_before() {
    let file = vectors("text-1", || {
        let message: Vec<u8> = (0..250u32).map(|at| (at * 7) as u8).collect();
        json!({"message": hex(&message), "id": hex(&message_id(&message)), "lines": frames_of(&message)})
    });
    let message = bytes(&file, "message");
    let lines: Vec<_> = list(&file, "lines").iter().map(|line| line.as_str().unwrap().to_owned()).collect();
    assert_eq!(frames_of(&message), lines);
    let frames: Vec<_> = lines.iter().map(|line| read_line(line).unwrap()).collect();
    assert!(frames.iter().all(|frame| hex(&frame.id) == file["id"].as_str().unwrap()));
    assert_eq!(frames.into_iter().flat_map(|frame| frame.payload).collect::<Vec<_>>(), message);
}

/// Two ends of a line that share an epoch key.
fn ends(file: &Value) -> [Link; 2] {
    let key = SealKey::from_bytes(array(file, "epoch"));
    ["caller", "called"].map(|end| {
        let config =
            LinkConfig { mtu: number(file, "mtu") as usize, bytes_per_s: 120, device: DeviceId(array(file, end)) };
        Link::new(config, vec![LinkKey::of(&key)]).unwrap()
    })
}

/// What an end says in its next turn.
fn turn(link: &mut Link) -> Vec<u8> {
    let wake = link.wake_ms().unwrap();
    link.tick(wake);
    link.take_output()
}

fn make_tiny() -> Value {
    let (from, _) = short::name_of(&device(1));
    let (_, to) = short::name_of(&device(2));
    let (mine, tips, yours) = ([1; 3], [2; 3], Some([3; 3]));
    let call = Call { salt: [7; 6], from, to, mine, tips, yours, more: false, pushed: 0 };
    let special = Call { more: true, pushed: 3, ..call.clone() };
    let apart = Call { yours: None, ..call.clone() };
    let answer = Answer { salt: [8; 6], device: None, who: false, no_have: true, base: Some(300) };
    let whole = Answer { device: Some(device(2)), who: true, no_have: false, base: None, ..answer.clone() };
    let held = frontier(&[range(1, Lane::Control, 1, 4), range(1, Lane::Urgent, 1, 300), range(2, Lane::Urgent, 1, 2)]);
    let part = Part::sign(&network(), &held, [device(1), device(2)].into_iter(), &signer(2));
    let ranges = [range(1, Lane::Urgent, 3, 3), range(2, Lane::Control, 1, 900)];
    let digest = short::digest(&[7; 6], &device(1), &held.hash());
    let mut file = json!({
        "network": network().to_string(), "epoch": hex(&[0x66; 32]), "mtu": 60,
        "caller": hex(&device(1).0), "called": hex(&device(2).0),
        "digest": { "salt": hex(&[7; 6]), "device": hex(&device(1).0), "frontier": frontier_json(&held),
                    "digest": hex(&digest) },
        "messages": {
            "call": hex(&call.encode()), "special_call": hex(&special.encode()), "apart_call": hex(&apart.encode()),
            "same": hex(&[short::SAME_KIND]),
            "answer": hex(&answer.encode()), "whole_answer": hex(&whole.encode()),
            "name": hex(&[&[short::NAME_KIND], device(1).as_bytes()].concat()), "part": hex(&part.encode()),
            "ask": hex(&short::encode_ranges(short::ASK_KIND, &ranges)),
            "gone": hex(&short::encode_ranges(short::GONE_KIND, &ranges)),
            "which": hex(&short::encode_ranges(short::WHICH_KIND, &ranges)),
            "show": hex(&short::encode_ranges(short::SHOW_KIND, &ranges[..1])),
            "yours": hex(&Yours([Some((4, [9; 8])), Some((300, [10; 8])), None, None]).encode()),
            "claim": hex(&Claim { counter: 7, frontier_hash: held.hash(), signature: part.signature }.encode()),
            "settled": hex(&Settled { tips, places: None }.encode()),
            "settled_in_part": hex(&Settled { tips, places: Some(mine) }.encode()),
        },
        "early": hex(&[0xe1; 90]), "reply": hex(&[0x5e; 20]),
    });
    let [same, spoken] = lines(&file);
    (file["same"], file["spoken"]) = (same.into(), spoken.into());
    file
}

/// The bytes on the line: a call and that nothing changed; and a call with a message at once, an answer, and a reply.
fn lines(file: &Value) -> [Vec<String>; 2] {
    let message = |name: &str| bytes(&file["messages"], name);
    let [mut a, mut b] = ends(file);
    a.send(0, message("call"), false);
    let call = turn(&mut a);
    b.receive(0, &call);
    assert_eq!(b.next_event(), Some(Event::Called(message("call"))));
    b.send(0, message("same"), false);
    let same = turn(&mut b);
    a.receive(0, &same);
    assert_eq!(a.next_event(), Some(Event::Message(message("same"))));
    let [mut a2, mut b2] = ends(file);
    a2.send(0, message("call"), false);
    a2.send(0, bytes(file, "early"), false);
    let pushed = turn(&mut a2);
    b2.receive(0, &pushed);
    let heard = [Some(Event::Called(message("call"))), Some(Event::Message(bytes(file, "early")))];
    assert_eq!([b2.next_event(), b2.next_event()], heard);
    b2.send(0, message("answer"), false);
    b2.send(0, bytes(file, "reply"), false);
    let answered = turn(&mut b2);
    a2.receive(0, &answered);
    let heard = [Some(Event::Message(message("answer"))), Some(Event::Message(bytes(file, "reply")))];
    assert_eq!([a2.next_event(), a2.next_event()], heard);
    [vec![hex(&call), hex(&same)], vec![hex(&pushed), hex(&answered)]]
}

#[test]
fn tiny_links_are_spoken_as_before() {
    let file = vectors("tiny-1", make_tiny);
    let [same, spoken] = lines(&file);
    assert_eq!((json!(same), json!(spoken)), (file["same"].clone(), file["spoken"].clone()));
    let digest = &file["digest"];
    let held = frontier(&ranges_of(digest, "frontier"));
    let made = short::digest(&array(digest, "salt"), &DeviceId(array(digest, "device")), &held.hash());
    assert_eq!(made, array(digest, "digest"));
    for (name, _) in file["messages"].as_object().unwrap() {
        let frame = bytes(&file["messages"], name);
        let network = NetworkId(array(&file, "network"));
        let incoming = decode(&frame, &network, &Ed25519Verifier).unwrap().resolve(&Numbering::default()).unwrap();
        let Message::Short(message) = incoming else { panic!("{name}") };
        let again = match message {
            Short::Call(call) => call.encode(),
            Short::Same => vec![short::SAME_KIND],
            Short::Answer(answer) => answer.encode(),
            Short::Name(device) => [&[short::NAME_KIND], device.as_bytes()].concat(),
            Short::Part(part) => {
                let find = |name| [device(1), device(2)].into_iter().find(|device| short::short_name(device) == name);
                assert!(part.holds(&network, &DeviceId(array(&file, "called")), &part.places(find), &Ed25519Verifier));
                part.encode()
            }
            Short::Ask(ranges) => short::encode_ranges(short::ASK_KIND, &ranges),
            Short::Gone(ranges) => short::encode_ranges(short::GONE_KIND, &ranges),
            Short::Which(ranges) => short::encode_ranges(short::WHICH_KIND, &ranges),
            Short::Show(ranges) => short::encode_ranges(short::SHOW_KIND, &ranges),
            Short::Yours(yours) => yours.encode(),
            Short::Settled(settled) => settled.encode(),
            Short::Claim(claim) => claim.encode(),
        };
        assert_eq!(hex(&again), hex(&frame), "{name}");
    }
}

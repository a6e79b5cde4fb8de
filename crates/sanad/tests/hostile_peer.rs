//! Peers that are not what they seem, and links that break: refused and shown, every other session goes on, and nothing
//! stored is harmed. (Wrong signatures, forks and changed bits in an entry itself: `crates/log`.)
#![allow(clippy::unwrap_used)]

mod support;

use sanad_log::control::SiteKind;
use sanad_log::message::Refusal;
use sanad_log::replica::Outcome;
use sanad_node::carrier::{Dialer, Limits};
use sanad_node::invite::Invite;
use sanad_node::session::End;
use sanad_node::site::{self, Site as Node};
use sanad_store::KdfCost;
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;
use support::fhir::lines;
use support::relay::Fault;
use support::{DEADLINE, Dice, Scratch, Served, Site, poll};

/// Cedar with the authority, Haven and Olive, each knowing where the others are.
fn network(scratch: &Scratch) -> [Site; 3] {
    let a = Site::found(scratch.at("a"), "Cedar");
    let served = a.serve();
    let [b, c] = [("b", "Haven", true), ("c", "Olive", false)]
        .map(|(dir, name, haven)| Site::join(scratch.at(dir), name, &a.invite(if haven { &["--haven"] } else { &[] })));
    let others = [b.serve(), c.serve()];
    let known = poll(DEADLINE, || {
        let status = a.ok("status", &[]);
        let sites = status["sites"].as_array().unwrap();
        let reachable = |site: &&Value| site["addresses"].as_array().is_some_and(|addresses| !addresses.is_empty());
        (sites.iter().filter(reachable).count() == 2).then_some(())
    });
    known.expect("every site says where it is");
    others.into_iter().chain([served]).for_each(Served::stop);
    [a, b, c]
}

/// The session with a site, out of what `sync --json` printed.
fn with<'a>(report: &'a Value, site: &str) -> &'a Value {
    report["sessions"].as_array().unwrap().iter().find(|session| session["site"] == site).unwrap()
}

#[test]
fn a_foreign_site_at_a_peers_address_is_refused_and_shown_and_the_others_are_served() {
    let scratch = Scratch::new("impostor");
    let [a, b, c] = network(&scratch);
    let foreign = Site::found(scratch.at("x"), "Elsewhere");
    let served = [foreign.serve(), c.serve()];
    b.way.lead_to(served[0].address.unwrap());
    a.import(&scratch.write("some.ndjson", lines(4, 4)));
    let before = foreign.ok("status", &[])["stored"].clone();
    let report = a.run("sync", &[]).code(1).json();
    let (haven, olive) = (with(&report, "Haven"), with(&report, "Olive"));
    assert_eq!(haven["complete"], false);
    assert!(haven["error"].as_str().unwrap().contains("certificate"), "{haven}");
    assert_eq!((&olive["complete"], &report["complete"]), (&true.into(), &1.into()), "{report}");
    assert_eq!(foreign.ok("status", &[])["stored"], before, "the foreign site got nothing");
    let alone = a.run("sync", &["--with", &b.way.url()]).code(1).json();
    assert_eq!((&alone["sessions"].as_array().unwrap().len(), &alone["complete"]), (&1, &0.into()));
    assert_eq!(a.ok("status", &[])["sites"].as_array().unwrap().len(), 2);

    // Nobody there, and somebody who is no site at all.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    b.way.lead_to(port.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut caller in port.incoming().flatten() {
            drop(caller.read(&mut [0; 64]));
            drop(caller.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"));
        }
    });
    let report = a.run("sync", &[]).code(1).json();
    println!("foreign server: {}", with(&report, "Haven"));
    assert!(with(&report, "Haven")["error"].is_string());
    assert_eq!(with(&report, "Olive")["complete"], true);
    drop(served);
    a.is_sound();
}

#[test]
fn a_site_of_another_network_and_garbage_are_refused_and_learn_nothing() {
    let scratch = Scratch::new("stranger");
    let [a, _, c] = network(&scratch);
    a.import(&scratch.write("some.ndjson", lines(4, 4)));
    let mut served = a.serve();
    let invite: Invite = a.invite(&["--haven"]).parse().unwrap();
    let before = a.ok("status", &[])["stored"].clone();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut dice = Dice::new("hostile_peer");
    runtime.block_on(async {
        let described = site::NewSite { call_sign: "Mallory".to_owned(), kind: SiteKind::Haven };
        let mallory = Node::found(&scratch.at("mallory"), "whatever it is", KdfCost::TEST, &described).await.unwrap();
        let own = mallory.status().await.unwrap().stored;
        let dialer = Dialer::new(Limits::default());
        // The right certificate, the right protocol, the wrong network.
        let channel = dialer.open(&invite.target()).await.unwrap();
        let report = mallory.run_session(channel, true, None).await.unwrap();
        println!("another network: {:?}, {} bytes heard", report.end, report.bytes_received);
        let refused = [Outcome::Refused(Refusal::OtherNetwork), Outcome::RefusedByPeer(Refusal::OtherNetwork)];
        assert!(matches!(report.end, End::Outcome(outcome) if refused.contains(&outcome)), "{:?}", report.end);
        assert_eq!((report.complete, report.entries_received, report.entries_sent), (false, 0, 0));
        assert_eq!(mallory.status().await.unwrap().stored, own);
        // Frames that mean nothing, of every length.
        for _ in 0..40 {
            let mut channel = dialer.open(&invite.target()).await.unwrap();
            let frame: Vec<u8> = (0..dice.below(3_000)).map(|_| dice.below(256) as u8).collect();
            let _ = channel.writer.send(&frame).await;
            let _ = channel.writer.flush().await;
            // It is refused, or hung up on; either way the other end is done with it.
            let end = async { while channel.reader.next().await.is_ok_and(|frame| frame.is_some()) {} };
            assert!(tokio::time::timeout(DEADLINE, end).await.is_ok(), "a garbled session ends");
        }
        mallory.close().await;
    });
    for kind in 0..40 {
        let mut stream = TcpStream::connect(served.address.unwrap()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let mut bytes: Vec<u8> = (0..dice.below(4_000)).map(|_| dice.below(256) as u8).collect();
        if kind % 2 == 0 {
            // As if TLS began.
            bytes.splice(0..0, [0x16, 3, 1, 2, 0, 1]);
        }
        drop(stream.write_all(&bytes));
        drop(stream.read(&mut [0; 256]));
    }
    assert!(served.is_alive());
    assert_eq!(a.ok("status", &[])["stored"], before);
    let report = c.ok("sync", &["--with", &a.way.url()]);
    assert_eq!(with(&report, "Cedar")["complete"], true, "the session with others goes on: {report}");
    served.stop();
    a.is_sound();
    c.is_sound();
}

#[test]
fn a_session_that_is_cut_or_changed_anywhere_harms_nothing_and_the_next_goes_on() {
    let scratch = Scratch::new("torn");
    let [a, b, _] = network(&scratch);
    let served = b.serve();
    let mut dice = Dice::new("hostile_peer");
    let (mut broken, mut held) = (0, 0);
    let cuts = [0, 1, 700, 2_000, 3_500, 5_000, 8_000, 12_000, 20_000, 40_000].map(Fault::CutAfter);
    let flips = [10, 600, 1_000, 1_300, 1_600, 1_900, 2_200].map(Fault::FlipAt);
    for (round, fault) in cuts.into_iter().chain(flips).enumerate() {
        let some = lines(3, 20 + dice.below(60)).replace("patient-", &format!("round-{round}-"));
        let some = some.replace("observation-", &format!("round-{round}-observation-"));
        a.import(&scratch.write("some.ndjson", some));
        b.way.has(fault);
        let ran = a.run("sync", &["--with", &b.way.url()]);
        let session = ran.json()["sessions"][0].clone();
        assert_eq!(ran.code == 0, session["complete"] == true, "{session}");
        if ran.code == 0 {
            held += 1;
        } else {
            assert_eq!(ran.code, 1);
            println!("{fault:?}: {}", session["error"].as_str().or(session["end"].as_str()).unwrap_or("not shown"));
            broken += 1;
        }
        // What has arrived stays; what has not is counted as here only.
        let only_here = a.ok("status", &[])["only_here"]["records"].as_u64().unwrap();
        assert!(session["complete"] == true || only_here > 0, "{fault:?}: {session} {only_here}");
    }
    b.way.has(Fault::None);
    println!("{broken} sessions broken, {held} held");
    assert!(broken >= 10, "{broken}");
    let report = a.ok("sync", &["--with", &b.way.url()]);
    assert_eq!(with(&report, "Haven")["complete"], true, "{report}");
    served.stop();
    assert!(a.export(&scratch.at("out-a")) == b.export(&scratch.at("out-b")), "both hold the same");
    let status = a.ok("status", &[]);
    let haven = status["sites"].as_array().unwrap().iter().find(|site| site["site"] == "Haven").unwrap();
    assert_eq!((&haven["behind"]["records"], &status["only_here"]["records"]), (&0.into(), &0.into()), "{status}");
    a.is_sound();
    b.is_sound();
}

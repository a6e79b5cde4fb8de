//! A site contacts only what it was told of. The program runs under `strace`, which writes down every socket it opens,
//! everything it sends to, and every file by which the system's resolver would show itself.
#![allow(clippy::unwrap_used)]
#![allow(clippy::disallowed_methods, reason = "a test of what a process does in some seconds waits some seconds")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::{DEADLINE, PASSPHRASE, Scratch, Site, poll};

/// How long a site is watched: two tries at a peer that is gone, and the announcements and questions of a start.
const WATCHED: Duration = Duration::from_secs(8);
/// Files that only a resolver reads.
const RESOLVER: [&str; 4] = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "nscd/socket"];
/// The groups of multicast DNS (RFC 6762).
const MULTICAST: [&str; 2] = ["224.0.0.251:5353", "[ff02::fb]:5353"];

struct Watched {
    child: Child,
    trace: PathBuf,
}

/// Serves a site under strace.
fn watch(scratch: &Scratch, name: &str, site: &Site, rest: &[&str]) -> Watched {
    let trace = scratch.at(&format!("{name}.trace"));
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "128", "-e", "trace=network,openat", "-o"]).arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_sanad")).arg("serve").arg(&site.dir).args(rest).arg("--json");
    command.env("SANAD_PASSPHRASE", PASSPHRASE).env("SANAD_TEST_QUICK_UNLOCK", "1").env("LANG", "C.UTF-8");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let child = child.expect("strace is installed: the network's silence is part of what is promised");
    Watched { child, trace }
}

impl Watched {
    /// What was written down until now.
    fn text(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.trace).unwrap_or_default()).into_owned()
    }

    fn tell_program(&self, signal: rustix::process::Signal) {
        let programs = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.child.id()));
        for pid in programs.unwrap_or_default().split_whitespace() {
            if let Some(pid) = pid.parse().ok().and_then(rustix::process::Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, signal);
            }
        }
    }

    /// Ends strace, which ends what it watches.
    fn end(mut self) -> String {
        // The program first, so that it ends in good order; strace follows it.
        self.tell_program(rustix::process::Signal::TERM);
        poll(DEADLINE, || self.child.try_wait().unwrap()).expect("it ends");
        self.text()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.tell_program(rustix::process::Signal::KILL);
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Addresses that calls of these names were made with.
fn addresses(trace: &str, calls: &[&str]) -> BTreeSet<SocketAddr> {
    let wanted = |line: &&str| calls.iter().any(|call| line.contains(&format!("{call}(")));
    trace.lines().filter(wanted).filter_map(address).collect()
}

/// The address in one line of strace.
fn address(line: &str) -> Option<SocketAddr> {
    let port = line.split("_port=htons(").nth(1)?.split(')').next()?.parse().ok()?;
    let quoted = |before: &str| line.split(before).nth(1)?.split('"').nth(1);
    let ip = quoted("inet_addr(").or_else(|| quoted("inet_pton("))?;
    Some(SocketAddr::new(ip.parse().ok()?, port))
}

fn resolver_files(trace: &str) -> Vec<&str> {
    trace.lines().filter(|line| RESOLVER.iter().any(|file| line.contains(file))).collect()
}

/// Cedar, which knows Haven at the address that is given here.
fn network(scratch: &Scratch) -> (Site, Site) {
    let cedar = Site::found(scratch.at("cedar"), "Cedar");
    let serving = cedar.serve();
    let haven = Site::join(scratch.at("haven"), "Haven", &cedar.invite(&["--haven"]));
    let other = haven.serve();
    let known = poll(DEADLINE, || {
        let addresses = cedar.ok("status", &[])["sites"][0]["addresses"].clone();
        addresses.as_array().is_some_and(|addresses| !addresses.is_empty()).then_some(())
    });
    known.expect("the haven says where it is");
    other.stop();
    serving.stop();
    (cedar, haven)
}

fn port_of(site: &Site) -> SocketAddr {
    site.way.url().strip_prefix("https://").unwrap().parse().unwrap()
}

#[test]
fn a_site_contacts_only_addresses_it_was_given_and_looks_no_name_up() {
    let scratch = Scratch::new("quiet");
    let (cedar, haven) = network(&scratch);
    let there = haven.serve();
    let given = BTreeSet::from([port_of(&haven)]);
    for gone in [false, true] {
        if gone {
            // Nobody is behind the address any more.
            haven.way.lead_to("127.0.0.1:1".parse().unwrap());
        }
        let watched = watch(&scratch, &format!("gone-{gone}"), &cedar, &["--listen", "127.0.0.1:0"]);
        let called = poll(DEADLINE, || (!addresses(&watched.text(), &["connect"]).is_empty()).then_some(()));
        called.expect("it calls the peer that it knows");
        std::thread::sleep(WATCHED);
        let trace = watched.end();
        assert_eq!(addresses(&trace, &["connect", "sendto", "sendmsg", "sendmmsg"]), given, "gone: {gone}");
        assert_eq!(resolver_files(&trace), Vec::<&str>::new());
        assert!(!trace.contains("SOCK_DGRAM"), "no datagram socket at all");
        let bound = addresses(&trace, &["bind"]);
        assert!(bound.iter().all(|address| address.ip().is_loopback()) && bound.len() == 1, "{bound:?}");
    }
    there.kill();
}

#[test]
fn a_name_is_looked_up_only_where_a_person_wrote_it_as_an_address() {
    let scratch = Scratch::new("named");
    let (cedar, haven) = network(&scratch);
    // Haven says that it is reached by a name; the machine's own file knows this one.
    let port = haven.way.url().rsplit(':').next().unwrap().to_owned();
    let named = format!("https://localhost:{port}");
    let serving = cedar.serve();
    let mut other = haven.command("serve", &["--listen", "127.0.0.1:0", "--address", &named]);
    let mut other = other.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let known = poll(DEADLINE, || {
        let status = cedar.ok("status", &[]);
        (status["sites"][0]["addresses"][0] == named.as_str()).then_some(())
    });
    known.expect("the haven says its name");
    other.kill().unwrap();
    let said = std::io::read_to_string(other.stderr.take().unwrap()).unwrap();
    other.wait().unwrap();
    assert!(said.contains("asks a name server"), "whoever writes a name is told what that means: {said}");
    serving.stop();
    let watched = watch(&scratch, "named", &cedar, &["--listen", "127.0.0.1:0"]);
    let looked_up = poll(DEADLINE, || (!resolver_files(&watched.text()).is_empty()).then_some(()));
    looked_up.expect("the name that was given is looked up; so a look-up is seen by this test where there is one");
    watched.end();
}

/// What `serve --discover` of a site sends, other than to its own peers.
fn discovering(scratch: &Scratch, name: &str, site: &Site) -> Watched {
    watch(scratch, name, site, &["--listen", "127.0.0.1:0", "--discover"])
}

#[test]
fn discovery_speaks_to_the_link_alone_and_members_find_each_other_by_it() {
    let scratch = Scratch::new("discover");
    let (cedar, haven) = network(&scratch);
    // The only address that Cedar was given leads nowhere from now on.
    haven.way.lead_to("127.0.0.1:1".parse().unwrap());
    let one = discovering(&scratch, "one", &cedar);
    let two = discovering(&scratch, "two", &haven);
    let listening = |watched: &Watched| poll(DEADLINE, || addresses(&watched.text(), &["bind"]).into_iter().next());
    listening(&one).expect("Cedar listens");
    let met = poll(DEADLINE, || {
        // Until it takes commands, the folder is just in use.
        let ran = cedar.run("status", &[]);
        let sites = (ran.code == 0).then(|| ran.json()["sites"].clone())?;
        sites[0]["last_session"]["complete"].as_bool().filter(|complete| *complete)
    });
    std::thread::sleep(WATCHED);
    let (one, two) = (one.end(), two.end());
    let listeners: BTreeSet<u16> = [own_ports(&one), own_ports(&two)].concat().into_iter().collect();
    for (site, trace) in [(&cedar, &one), (&haven, &two)] {
        let given = [port_of(&cedar), port_of(&haven)];
        for address in addresses(trace, &["connect", "sendto", "sendmsg", "sendmmsg"]) {
            let multicast = MULTICAST.contains(&address.to_string().as_str());
            let member = given.contains(&address) || listeners.contains(&address.port());
            assert!(multicast || (member && address.ip().is_loopback()), "{}: {address}", site.dir.display());
        }
        assert_eq!(resolver_files(trace), Vec::<&str>::new());
        assert!(trace.contains("224.0.0.251"), "it does announce itself");
        for secret in ["sanad", "Sanad", "Cedar", "Haven"] {
            let sent = trace.lines().filter(|line| line.contains("224.0.0.251") && line.contains(secret));
            assert_eq!(sent.count(), 0, "{secret}");
        }
    }
    assert_eq!(met, Some(true), "they met although the address that was typed leads nowhere");
}

/// Ports on which a site listened for TCP, as the system gave them.
fn own_ports(trace: &str) -> Vec<u16> {
    let asked = trace.lines().filter(|line| line.contains("getsockname(")).filter_map(address);
    asked.filter(|address| address.port() != 5353).map(|address| address.port()).collect()
}

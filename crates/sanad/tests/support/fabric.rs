//! A network of the test's own: a network namespace for each host, a TUN device in each, and a switch in this process that
//! passes IP packets between them, or does not. What a host speaks is the kernel's own TCP, over a link that really loses.
//!
//! Namespaces are made and entered with util-linux (`unshare`, `nsenter`, `setpriv`). Nothing else of the system's is used: not every
//! kernel has netem, nor a packet filter.

use super::Dice;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tappers::{AddAddressV4, Tun};

/// The port that every host listens on.
const PORT: u16 = 8470;
/// The hosts' addresses are 10.77.0.1, 10.77.0.2 and so on.
const NET: [u8; 3] = [10, 77, 0];
const NET_BITS: u8 = 24;
/// Larger than any packet on a device of 1,500 bytes.
const PACKET_BYTES_MAX: usize = 4096;
/// Every packet is under way for so long at least.
const WAY: Duration = Duration::from_millis(2);
/// One that is late, or comes twice, is so for up to so many milliseconds: some dozens of packets pass it.
const LATE_MS_MAX: u64 = 50;

/// What becomes of the packets from one host to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// False: nothing passes.
    pub open: bool,
    /// Of a hundred, so many are lost.
    pub lost: u64,
    /// Of a hundred that pass, so many come twice.
    pub doubled: u64,
    /// Of a hundred that pass, so many are overtaken by later ones.
    pub late: u64,
}

impl Link {
    /// Passes everything, in order.
    pub const GOOD: Link = Link { open: true, lost: 0, doubled: 0, late: 0 };
    /// Passes most, and in no order.
    pub const BAD: Link = Link { open: true, lost: 30, doubled: 10, late: 25 };
    /// Passes nothing.
    pub const CUT: Link = Link { open: false, ..Link::BAD };
}

/// What became of packets so far.
#[derive(Clone, Copy, Default, Debug)]
pub struct Counts {
    /// Sent by hosts to hosts.
    pub sent: u64,
    /// Lost on an open link.
    pub lost: u64,
    /// Not passed by a cut link.
    pub cut: u64,
    /// Passed twice.
    pub doubled: u64,
    /// Held back, so that others could overtake them.
    pub late: u64,
}

/// A network namespace with its device. It lasts as long as the process that was started in it.
struct Host {
    holder: Child,
    tun: Tun,
}

impl Drop for Host {
    fn drop(&mut self) {
        drop(self.holder.kill());
        drop(self.holder.wait());
    }
}

struct Switch {
    dice: Dice,
    links: BTreeMap<(usize, usize), Link>,
    counts: Counts,
    /// Packets under way, by when they arrive and in which order they were sent: to whom, and what.
    under_way: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
}

/// The hosts and what lies between them.
pub struct Fabric {
    hosts: Vec<Host>,
    switch: Mutex<Switch>,
    sent: Condvar,
}

impl Fabric {
    /// So many hosts with good links between all of them.
    ///
    /// # Panics
    /// If this machine lets nobody make a network namespace, or a device in it.
    pub fn new(hosts: usize, seed: u64) -> Arc<Fabric> {
        let fabric = Arc::new(Fabric {
            hosts: (0..hosts).map(Host::new).collect(),
            switch: Mutex::new(Switch {
                dice: Dice(seed),
                links: BTreeMap::new(),
                counts: Counts::default(),
                under_way: BTreeMap::new(),
            }),
            sent: Condvar::new(),
        });
        // These end with the test's process.
        for from in 0..hosts {
            let fabric = fabric.clone();
            thread::spawn(move || fabric.listen(from));
        }
        let delivering = fabric.clone();
        thread::spawn(move || delivering.deliver());
        fabric
    }

    /// Where a host listens, if a site is told to.
    pub fn address(&self, host: usize) -> SocketAddr {
        (address(host), PORT).into()
    }

    /// The same as a site announces it.
    pub fn url(&self, host: usize) -> String {
        format!("https://{}", self.address(host))
    }

    /// A command as it is to be run on a host: in its namespace, and gone when the thread that has started it is.
    pub fn enter(&self, host: usize, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg(format!("--net={}", self.hosts[host].namespace())).arg("--");
        inside.args(["setpriv", "--pdeathsig", "KILL", "--"]);
        inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// Sets each link anew, by whence and whither it leads.
    pub fn set(&self, link: impl Fn(usize, usize) -> Link) {
        let mut switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        for from in 0..self.hosts.len() {
            for to in 0..self.hosts.len() {
                switch.links.insert((from, to), link(from, to));
            }
        }
    }

    /// What became of packets so far.
    pub fn counts(&self) -> Counts {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner).counts
    }

    fn listen(&self, from: usize) {
        let mut packet = [0; PACKET_BYTES_MAX];
        while let Ok(bytes) = self.hosts[from].tun.recv(&mut packet) {
            if let Some(to) = destination(&packet[..bytes]).filter(|to| *to < self.hosts.len()) {
                self.switch.lock().unwrap_or_else(PoisonError::into_inner).take(from, to, &packet[..bytes]);
                self.sent.notify_one();
            }
        }
    }

    fn deliver(&self) {
        let mut switch = self.switch.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let now = Instant::now();
            let next = switch.under_way.first_key_value().map(|((at, _), _)| at.saturating_duration_since(now));
            if next == Some(Duration::ZERO) {
                let (_, (to, packet)) = switch.under_way.pop_first().expect("the one that was looked at");
                // A host whose device does not take it has lost it, as a host may.
                drop(self.hosts[to].tun.send(&packet));
            } else {
                let wait = next.unwrap_or(Duration::from_secs(1));
                switch = self.sent.wait_timeout(switch, wait).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Switch {
    fn take(&mut self, from: usize, to: usize, packet: &[u8]) {
        let link = self.links.get(&(from, to)).copied().unwrap_or(Link::GOOD);
        self.counts.sent += 1;
        if !link.open {
            self.counts.cut += 1;
            return;
        }
        if self.dice.below(100) < link.lost {
            self.counts.lost += 1;
            return;
        }
        let doubled = self.dice.below(100) < link.doubled;
        let late = self.dice.below(100) < link.late;
        self.counts.doubled += u64::from(doubled);
        self.counts.late += u64::from(late);
        let order = self.counts.sent * 2;
        for (copy, late) in [late, true].into_iter().take(1 + usize::from(doubled)).enumerate() {
            let late_ms = if late { 1 + self.dice.below(LATE_MS_MAX) } else { 0 };
            let at = Instant::now() + WAY + Duration::from_millis(late_ms);
            self.under_way.insert((at, order + copy as u64), (to, packet.to_vec()));
        }
    }
}

impl Host {
    fn new(number: usize) -> Host {
        // A process that is there, and no more: it ends when this one does.
        let mut holder = Command::new("unshare")
            .args(["--net", "--", "sh", "-c", "echo there; exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("unshare and nsenter of util-linux are needed, to make network namespaces");
        let mut said = String::new();
        drop(BufReader::new(holder.stdout.as_mut().expect("piped")).read_line(&mut said));
        assert_eq!(said, "there\n", "no network namespace can be made here: this test needs root, or user namespaces");
        let namespace = File::open(namespace(&holder)).expect("the namespace of a process that runs");
        // A thread of its own: it stays in the namespace that it has entered, and so ends with this.
        let made = thread::spawn(move || -> std::io::Result<Tun> {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            let mut tun = Tun::new()?;
            let mut own = AddAddressV4::new(address(number));
            own.set_netmask(NET_BITS);
            tun.add_addr(own)?;
            tun.set_up()?;
            Ok(tun)
        });
        let tun = made.join().expect("no panic");
        let tun =
            tun.expect("no TUN device can be made in a network namespace: this test needs root, and /dev/net/tun");
        Host { holder, tun }
    }

    fn namespace(&self) -> String {
        namespace(&self.holder)
    }
}

fn namespace(holder: &Child) -> String {
    format!("/proc/{}/ns/net", holder.id())
}

fn address(host: usize) -> Ipv4Addr {
    let [a, b, c] = NET;
    Ipv4Addr::new(a, b, c, u8::try_from(host + 1).expect("a few hosts"))
}

/// The host that an IPv4 packet is for. Whatever else the kernel says on a new device is for nobody here.
fn destination(packet: &[u8]) -> Option<usize> {
    let version = packet.first()? >> 4;
    let [a, b, c, host] = packet.get(16..20)? else { return None };
    (version == 4 && [*a, *b, *c] == NET).then(|| usize::from(*host).checked_sub(1)).flatten()
}

//! A link between two sites that does what a bad link does.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the link does with what passes from the one who answers to the one who calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Passes all.
    None,
    /// Is cut for good once so many bytes have passed, whichever way.
    CutAfter(usize),
    /// Passes so many bytes, whichever way, and then nothing, without an end.
    StallAfter(usize),
    /// Changes one bit of the byte at this place.
    FlipAt(usize),
}

/// A port that leads to another.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<(Option<SocketAddr>, Fault)>>,
}

impl Relay {
    /// Leads nowhere yet: who calls is hung up on.
    pub fn new() -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new((None, Fault::None)));
        let shared = state.clone();
        // Ends with the test's process.
        thread::spawn(move || {
            for caller in listener.incoming().flatten() {
                let (Some(site), fault) = *shared.lock().unwrap() else { continue };
                thread::spawn(move || drop(pass(caller, site, fault)));
            }
        });
        Relay { address, state }
    }

    /// Leads to this port from now on.
    pub fn lead_to(&self, site: SocketAddr) {
        self.state.lock().unwrap().0 = Some(site);
    }

    /// Has this fault on every new connection from now on.
    pub fn has(&self, fault: Fault) {
        self.state.lock().unwrap().1 = fault;
    }

    /// As a site announces it.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }
}

fn pass(caller: TcpStream, site: SocketAddr, fault: Fault) -> std::io::Result<()> {
    let site = TcpStream::connect(site)?;
    let passed = Arc::new(Mutex::new(0));
    // A side that is gone is noticed when the other ends; this only bounds how long a thread stays. A changed bit may lie in
    // the length of a TLS record: both sides then wait for bytes that never come, and a link that is silent goes down.
    let silence = if matches!(fault, Fault::FlipAt(_)) { 15 } else { 600 };
    for stream in [&caller, &site] {
        stream.set_read_timeout(Some(Duration::from_secs(silence)))?;
    }
    let (out, back) = ((caller.try_clone()?, site.try_clone()?), (site, caller));
    let counted = passed.clone();
    let outward = thread::spawn(move || copy(out, fault, false, &counted));
    copy(back, fault, true, &passed);
    drop(outward.join());
    Ok(())
}

fn copy((mut from, mut to): (TcpStream, TcpStream), fault: Fault, answers: bool, passed: &Mutex<usize>) {
    let mut buffer = [0u8; 4096];
    let mut place = 0;
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        let mut keep = count;
        match fault {
            Fault::CutAfter(bytes) => {
                let mut passed = passed.lock().unwrap();
                keep = count.min(bytes.saturating_sub(*passed));
                *passed += count;
            }
            Fault::StallAfter(bytes) => {
                let mut passed = passed.lock().unwrap();
                *passed += count;
                if *passed > bytes {
                    continue;
                }
            }
            Fault::FlipAt(at) if answers && (place..place + count).contains(&at) => buffer[at - place] ^= 0x10,
            _ => {}
        }
        place += count;
        if to.write_all(&buffer[..keep]).is_err() || keep < count {
            break;
        }
    }
    for stream in [from, to] {
        drop(stream.shutdown(Shutdown::Both));
    }
}
